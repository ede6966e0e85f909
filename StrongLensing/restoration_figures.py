"""Figures of the super-resolution lesson."""

import matplotlib.pyplot as plt
import numpy as np

from StrongLensing.experiments import subhalo_theta_E
from StrongLensing.helpers import beside, mark_substructure, panels, sky


def restorations(images, rows, titles=None):
    """A row for each entry of a dict of images (n, 1, size, size), and a column for each chosen lens.

    Drawn is the brightness to the power 0.4, which lifts what is faint.
    """
    size = (1.35 * len(rows) + 1.1, 1.35 * len(images) + 0.2)
    fig, axes = panels(len(images), len(rows), size, left=0.3 / size[0], right=1 - 0.8 / size[0],
                       bottom=0.1 / size[1], top=1 - 0.25 / size[1], wspace=0.03, hspace=0.03)  # fmt: skip
    for line, (name, part) in zip(axes, images.items(), strict=True):
        for ax, row in zip(line, rows, strict=True):
            shown = sky(ax, np.clip(part[row, 0], 0, 1) ** 0.4, 1 / part.shape[-1])
            ax.tick_params(bottom=False, left=False, labelbottom=False, labelleft=False)
        line[0].set_ylabel(name, fontsize=8)
    for ax, title in zip(axes[0], titles or [], strict=False):
        ax.set_title(title, fontsize=8)
    beside(fig, axes, shown, "brightness to the power 0.4")
    return fig


def signal_figure(truth, coarse, H, K, restored, naive):
    """A signal, blurred and restored (left), and what blur K and filter H do to each of its waves (right)."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 2.6), width_ratios=(1.6, 1), layout="none")
    fig.subplots_adjust(left=0.09, right=0.98, bottom=0.18, top=0.88, wspace=0.25)
    left.plot(truth, "-", color="0.6", lw=3, label="true")
    left.plot(coarse, ":", color="C1", label="seen")
    left.plot(naive.clip(-0.5, 1.7), "-", color="C3", lw=0.5, alpha=0.4, zorder=0, label="divided by K")
    left.plot(restored, "-", color="C0", label="restored by H")
    left.set(xlabel="pixel", ylabel="brightness", ylim=(-0.5, 1.7), title="A cut through two stars and a galaxy")
    left.legend(fontsize=7, ncols=2, frameon=True, framealpha=0.95, loc="upper right")
    right.semilogy(K, "--", color="C1", label="blur |K|")
    right.semilogy(1 / K, "-", color="C3", lw=0.8, label="1 / |K|")
    right.semilogy(H, "-", color="C0", label="|H|")
    right.set(xlabel="periods in the cut", ylim=(1e-3, 1e3), title="What each does to a wave")
    right.legend(fontsize=7)
    return fig


def reach_figure(image, reaches):
    """A fine image and how far the convolutions of each network reach around its middle, in fine pixels."""
    fig, ax = plt.subplots(figsize=(3.6, 3.2))
    shown = sky(ax, image, 1.0)
    for (name, width), color, ls in zip(reaches.items(), ("w", "c"), ("-", "--"), strict=True):
        corner = -width / 2
        square = plt.Rectangle((corner, corner), width, width, fill=False, color=color, ls=ls)
        square.set_label(f"{name}: {width}")
        ax.add_patch(square)
    ax.legend(loc="lower left", fontsize=8, labelcolor="w", facecolor="black", framealpha=0.7)
    ax.set(xlabel="x [fine pixels]", ylabel="y [fine pixels]", title="How far the convolutions reach")
    fig.colorbar(shown, ax=ax, label="brightness")
    return fig


def samples_figure(truth, coarse, best, samples):
    """One lens: seen, restored, true, mean of samples and its error (above); four samples and their spread (below)."""
    mean = samples.mean(axis=0)
    images = {"coarse": coarse, "residual network": best, "true": truth, f"mean of {len(samples)} samples": mean}
    images |= {f"sample {i + 1}": samples[i] for i in range(4)}
    maps = {"error of the mean": abs(mean - truth), "standard deviation": samples.std(axis=0)}
    fig, axes = panels(2, 5, (7.6, 4.2), left=0.01, right=0.99, bottom=0.2, top=0.95, wspace=0.03,
                       hspace=0.18)  # fmt: skip
    for ax, (name, image) in zip(axes[:, :4].flat, images.items(), strict=True):
        shown = sky(ax, np.clip(image, 0, 1) ** 0.4, 1 / len(image))
        ax.set_title(name, fontsize=7)
    for ax, (name, values) in zip(axes[:, 4], maps.items(), strict=True):
        error = sky(ax, values, 1 / len(values), cmap="viridis", vmax=0.2)
        ax.set_title(name, fontsize=7)
    for ax in axes.flat:
        ax.tick_params(bottom=False, left=False, labelbottom=False, labelleft=False)
    fig.colorbar(shown, cax=fig.add_axes((0.2, 0.14, 0.4, 0.03)), orientation="horizontal",
                 label="brightness to the power 0.4")  # fmt: skip
    fig.colorbar(error, cax=fig.add_axes((0.81, 0.14, 0.17, 0.03)), orientation="horizontal", extend="max",
                 label="brightness")  # fmt: skip
    return fig


def rank_figure(ranks, count):
    """How often the truth has so many of the samples below it; `ranks` by name, flat where samples are calibrated."""
    fig, ax = plt.subplots(figsize=(4.6, 2.6))
    for (name, values), line in zip(ranks.items(), ("-o", "--s"), strict=False):
        ax.plot(np.bincount(values, minlength=count + 1) / len(values), line, ms=4, label=name)
    ax.axhline(1 / (count + 1), color="0.6", lw=0.8)
    ax.set(xlabel=f"samples below the truth, of {count}", ylabel="fraction of pixels", ylim=0,
           title="Where the truth stands among samples (test, above 0.1)")  # fmt: skip
    ax.legend(fontsize=7)
    return fig


def error_figure(dataset, restored, rows, names):
    """True images, restored ones and their difference, with the substructure of simulated ring pairs marked.

    The rows of the dataset that are drawn have names.
    """
    fig, axes = panels(len(rows), 3, (6.6, 2.1 * len(rows) + 0.5), left=0.11, bottom=0.21)
    for line, row, name in zip(axes, rows, names, strict=True):
        pixel = float(dataset.meta["pixel"][row]) / 2
        truth, image = dataset.y[row, 0], restored[row, 0]
        bright = sky(line[0], truth, pixel)
        sky(line[1], image, pixel)
        beside(fig, line[None], sky(line[2], image - truth, pixel, 0.3), "difference", extend="both")
        for ax in line:
            mark_substructure(ax, dataset, row, weakest=subhalo_theta_E(3e9))
            ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
        line[0].set_ylabel(f"{name}\ny [arcsec]")
    for top, bottom, title in zip(axes[0], axes[-1], ("true", "restored", "restored - true"), strict=True):
        top.set_title(title)
        bottom.set_xlabel("x [arcsec]")
    fig.colorbar(bright, cax=fig.add_axes((0.2, 0.09, 0.32, 0.02)), orientation="horizontal",
                 label="brightness")  # fmt: skip
    return fig


def profile_figure(images, title, nearest=20):
    """Mean brightness against the distance from the middle, a line for each entry of a dict of images (size, size)."""
    size = len(next(iter(images.values())))
    radius = np.hypot(*(np.indices((size, size)) - (size - 1) / 2))
    at = np.arange(nearest, size // 2)
    fig, ax = plt.subplots(figsize=(5.6, 3.0))
    styles = [("k", "-", 2.5), ("C1", "--", 1.2), ("C2", "-.", 1.2), ("C3", ":", 1.8), ("C0", "-", 1), ("C4", "--", 1)]
    for (name, image), (color, ls, lw) in zip(images.items(), styles, strict=False):
        ax.plot(at, [image[abs(radius - r) < 1].mean() for r in at], ls, color=color, lw=lw, label=name)
    ax.set(xlabel="distance from the middle [fine pixels]", ylabel="mean brightness", title=title)
    ax.legend(fontsize=7)
    return fig
