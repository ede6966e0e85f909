"""Figures of the Exoplanet lesson."""

import math

import matplotlib.pyplot as plt
import numpy as np

from Exoplanet import simulate
from Exoplanet.model import INNERMOST, OUTERMOST, logarithm

HALF = simulate.HALF_WIDTH
EXTENT = (0, 360, HALF * INNERMOST, HALF * OUTERMOST)  # of an unwrapped disk: degrees and au


def show_disk(ax, image, decades=4.0):
    """An image (1, size, size) on a logarithmic scale that ends at the disk's brightest, not at its star."""
    shown = logarithm(image[0])
    top = np.quantile(shown, 0.995)
    ax.imshow(shown, cmap="inferno", origin="lower", vmin=top - decades, vmax=top)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)


def gallery(dataset, rows, columns=6, titles=None, mark=True):
    """A figure of disks; circles mark the planets of simulated ones. Titles: their number, or those given."""
    lines = math.ceil(len(rows) / columns)
    fig, axes = plt.subplots(lines, columns, figsize=(1.2 * columns, 1.35 * lines), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for k, (ax, i) in enumerate(zip(axes.flat, rows, strict=False)):
        show_disk(ax, dataset.X[i])
        n = int(dataset.meta["n_planets"][i])
        usual = "no planet" if n == 0 else "1 planet" if n == 1 else f"{n} planets"
        ax.set_title(titles[k] if titles else usual, fontsize=7)
        if mark and "positions" in dataset.meta:
            row, column = dataset.meta["positions"][i, :n].T
            circle(ax, column, row)
        size = dataset.X.shape[-1]
        ax.set(xlim=(-0.5, size - 0.5), ylim=(-0.5, size - 0.5))
    return fig


def circle(ax, x, y, color="c"):
    """Mark planets."""
    ax.plot(x, y, "o", mfc="none", color=color, ms=8, mew=1)


def change_figure(image, change):
    """An image (1, size, size), and its difference (size, size) from the mean of others, in powers of ten."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(4.6, 2.1), width_ratios=(1, 1.25))
    show_disk(left, image)
    shown = right.imshow(change, cmap="RdBu_r", origin="lower", vmin=-0.3, vmax=0.3)
    right.set(xticks=[], yticks=[])
    right.grid(False)
    fig.colorbar(shown, ax=right, label="log10 of brightness\nless its mean")
    return fig


def one_planet_figure(image, r, density, text):
    """An image of a disk with one planet, and the surface density against the radius r in au."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(4.6, 2.0), width_ratios=(1, 1.25), layout="none")
    fig.subplots_adjust(left=0.02, right=0.98, bottom=0.23, top=0.86, wspace=0.35)
    show_disk(left, image, decades=1.8)
    right.plot(r, density, color="C0")
    right.axvline(80, color="0.6", lw=0.8, ls=":", label="orbit")
    right.legend(loc="lower right")
    right.set(xlabel="radius [au]", ylabel="$\\Sigma / \\Sigma_0$", ylim=(0, 1.05), xlim=(20, 180))
    right.set_title(text, fontsize=8)
    return fig


def unwrapped_figure(image, pictures, titles, planet=None, spread=None):
    """An image of a disk, and pictures (rings, angles) of it unwrapped, each with a colour bar.

    Parameters
    ----------
    image : ndarray of shape (1, size, size), or None
    pictures : sequence of ndarray of shape (rings, angles)
    titles : sequence of str
        Titles of the pictures; they say the unit.
    planet : tuple of float, optional
        Azimuth in degrees, radius in au, column and row in the image.
    spread : sequence of float or None, optional
        Where colours end on both sides of 0; None: brightness, as it comes.
    """
    n = len(pictures)
    widths = [1.5] * n if image is None else [1, *[1.5] * n]
    fig, axes = plt.subplots(1, len(widths), figsize=(7.6, 2.3), width_ratios=widths)
    if image is not None:
        show_disk(axes[0], image)
        axes[0].set_title("as seen", fontsize=8)
        if planet:
            circle(axes[0], *planet[2:])
    for k, (ax, picture, title) in enumerate(zip(axes[-n:], pictures, titles, strict=True)):
        limit = spread[k] if spread else None
        look = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit} if limit else {"cmap": "inferno"}
        shown = ax.imshow(picture, aspect="auto", origin="lower", extent=EXTENT, **look)
        ax.set(xlabel="azimuth [degrees]", xticks=[0, 180, 360])
        ax.set_title(title, fontsize=8)
        ax.grid(False)
        fig.colorbar(shown, ax=ax)
        if planet:
            circle(ax, *planet[:2], color="k" if limit else "c")
    axes[-n].set_ylabel("radius [au]")
    return fig


def evidence_figure(images, maps, paths, bare):
    """Three rows: images with the wakes of their planets, maps of evidence, and those of the disks without the planet.

    Parameters
    ----------
    images : ndarray of shape (n, 1, size, size)
    maps, bare : sequence of ndarray of shape (rings, angles)
        Drop of the logit when a patch is made smooth.
    paths : sequence of tuple
        Each wake: x and y in pixels, azimuth in rad and radius in half widths of the image.
    """
    fig, axes = plt.subplots(3, len(images), figsize=(1.75 * len(images), 4.6), height_ratios=(1.3, 1, 1))
    limit = max(abs(np.array(maps)).max() / 2, 0.1)
    for i, (x, y, azimuth, radius) in enumerate(paths):
        show_disk(axes[0, i], images[i])
        axes[0, i].plot(x, y, ",", color="c", alpha=0.7)
        circle(axes[0, i], x[len(x) // 2], y[len(y) // 2])
        size = images.shape[-1]
        axes[0, i].set(xlim=(-0.5, size - 0.5), ylim=(-0.5, size - 0.5))
        for ax, evidence in zip(axes[1:, i], (maps[i], bare[i]), strict=True):
            shown = ax.imshow(evidence, cmap="RdBu_r", origin="lower", vmin=-limit, vmax=limit,
                              aspect="auto", extent=EXTENT)  # fmt: skip
            ax.plot(np.degrees(azimuth), HALF * radius, ".", ms=1, color="k")
            circle(ax, np.degrees(azimuth)[len(azimuth) // 2], HALF * radius[len(radius) // 2], color="k")
            ax.set(xticks=[0, 180, 360], xlim=EXTENT[:2], ylim=EXTENT[2:])
            ax.grid(False)
            ax.label_outer()
        axes[2, i].set_xlabel("azimuth [degrees]")
    for ax, name in zip(axes[:, 0], ("as seen", "with planet\nradius [au]", "without it\nradius [au]"), strict=True):
        ax.set_ylabel(name)
    fig.colorbar(shown, ax=axes[1:], label="drop of the logit")
    return fig


def picture(axes):
    """Three disks with planets, one on each of the axes."""
    disks = simulate.simulate(40, seed=4)
    heaviest = disks.meta["masses"].max(axis=1)
    runs = disks.meta["run"][np.argsort(-heaviest)]
    chosen = [np.flatnonzero(disks.meta["run"] == run)[0] for run in dict.fromkeys(runs)]
    chosen = [row for row in chosen if (disks.X[row] > 0).mean() > 0.8]  # not cut off by the box of the simulation
    for ax, row in zip(axes, chosen, strict=False):
        show_disk(ax, disks.X[row])
