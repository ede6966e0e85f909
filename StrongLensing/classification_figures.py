"""Figures of the classification of lenses."""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import binomtest

from StrongLensing.helpers import BRIGHTNESS, beside, mark_substructure, panels, sky
from StrongLensing.simulate import CLASSES


def steps_figure(images, signed, pixel, lump):
    """A lens step by step: images by name, of which `signed` is a difference; the last one has a lump, marked."""
    fig, axes = plt.subplots(1, len(images), figsize=(7.6, 2.2), sharey=True)
    brightest = max(image.max() for name, image in images.items() if name != signed)
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        if name == signed:
            difference = sky(ax, image, pixel, abs(image).max())
            bar = fig.colorbar(difference, ax=ax, location="bottom", shrink=0.8).ax
            bar.tick_params(labelsize=6, pad=1)
            bar.set_xlabel("change", fontsize=7, labelpad=1)
        else:
            shown = sky(ax, image, pixel, vmax=brightest)
        ax.set_title(name, fontsize=8)
        ax.set_xlabel("x [arcsec]", fontsize=7)
    axes[0].set_ylabel("y [arcsec]", fontsize=7)
    axes[-1].plot(*lump, "o", mfc="none", color="w", ms=12)
    fig.colorbar(shown, ax=axes, label="brightness")
    return fig


def polar_map(ax, values, limit=None, outermost=2.048):
    """Draw a polar image (radii, angles), with its outermost radius in arcsec; with a `limit` a residual."""
    signed = {} if limit is None else {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    half = outermost / len(values) / 2  # of a row
    ax.set(xlabel="angle [degrees]", ylabel="radius [arcsec]")
    ax.grid(False)
    return ax.imshow(values, aspect="auto", extent=(0, 360, half, outermost + half), **{**BRIGHTNESS, **signed})


def maps_below(dataset, rows, maps, label, limit):
    """Images, and below each a map of signed values between -limit and limit with the lens's substructure marked."""
    fig, axes = panels(2, len(rows), (7.6, 3.1))
    for top, bottom, row, values in zip(*axes, rows, maps, strict=True):
        image = sky(top, dataset.X[row, 0], dataset.meta["pixel"])
        signed = sky(bottom, values, dataset.X.shape[-1] // len(values) * dataset.meta["pixel"], limit)
        mark_substructure(bottom, dataset, row)
        top.set_title(CLASSES[dataset.y[row]], fontsize=8)
        bottom.set_xlabel("x [arcsec]", fontsize=7)
    for ax in axes[:, 0]:
        ax.set_ylabel("y [arcsec]", fontsize=7)
    beside(fig, axes[:1], image, "brightness")
    beside(fig, axes[1:], signed, label, extend="both")
    return fig


def lump_figure(ring, smooth, residual_of, lump, pixel):
    """A ring with a lump (x, y, theta_E) and what it changes; right, the residual above that of the smooth ring."""
    fig, axes = plt.subplots(2, 2, figsize=(7.6, 4.2), width_ratios=(1, 1.7), layout="none")
    fig.subplots_adjust(left=0.07, right=0.99, bottom=0.11, top=0.94, wspace=0.3, hspace=0.5)
    shown = sky(axes[0, 0], ring, pixel)
    axes[0, 0].plot(*lump[:2], "o", mfc="none", color="lime", ms=9)
    change = sky(axes[1, 0], ring - smooth, pixel, 0.3)
    rest = [polar_map(ax, residual_of(image), 0.2) for ax, image in zip(axes[:, 1], (ring, smooth), strict=True)]
    titles = ("ring with lump", "residual of the ring", "ring - smooth ring", "residual of the smooth ring")
    for ax, title in zip(axes.flat, titles, strict=True):
        ax.set_title(title, fontsize=9)
    for ax in axes[:, 0]:
        ax.set(xlabel="x [arcsec]", ylabel="y [arcsec]")
    fig.colorbar(shown, ax=axes[0, 0], label="brightness")
    for picture, ax, label in zip((change, *rest), axes.T.flat[1:], ("change", "residual", "residual"), strict=True):
        fig.colorbar(picture, ax=ax, label=label, extend="both")
    return fig


def wilson(p, n):
    """Distances down and up, shape (2, len(p)), to the ends of Wilson's 68 % interval of fractions p of n."""
    ends = [binomtest(round(n * value), n).proportion_ci(0.68, "wilson") for value in p]
    return abs(np.transpose(ends) - p)


def noise_curves(levels, tables, n):
    """Accuracies of models (rows) against noise (columns), a panel for each table. Error bars: binomial, n images."""
    fig, axes = plt.subplots(1, len(tables), figsize=(7.6, 2.9), sharey=True)
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        for (name, row), line in zip(table.iterrows(), ("-o", "--s", "-.^"), strict=True):
            p = row.to_numpy()[: len(levels)]
            ax.errorbar(range(len(p)), p, wilson(p, n), fmt=line, ms=4, label=name)
        ax.axhline(1 / 3, color="0.6", lw=0.8, label="guessing")
        ax.set(xlabel="noise, of the peak", ylim=(0.25, 1.02), title=title)
        ax.set_xticks(range(len(levels)), [f"{level:g}" for level in levels], fontsize=7)
    axes[0].set_ylabel(f"accuracy on lenses of one galaxy\n({n:,} test images)")
    axes[-1].legend(fontsize=7, loc="center left")
    return fig


def mass_curves(masses, fractions, n):
    """Fractions of n smooth lenses, {(model, number of lumps): one a mass}, with binomial errors."""
    fig, ax = plt.subplots(figsize=(5.2, 3))
    for (name, count), p in fractions.items():
        look = {"network": "C2-.", "linear": "C0-"}[name] + {1: "o", 5: "s", 25: "^"}[count]
        ax.errorbar(masses, p, wilson(p, n), fmt=look, ms=4, label=f"{name}, {count} lump{'s' * (count > 1)}")
    ax.set(xscale="log", xlabel="mass of each lump [solar masses]", ylabel='fraction not called "no"')
    ax.set_title(f"{n} smooth lenses of one galaxy (test), noise 1e-3")
    ax.legend(fontsize=7)
    return fig
