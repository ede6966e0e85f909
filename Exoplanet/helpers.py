"""Figures of the Exoplanet lesson."""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patheffects import withStroke

from Exoplanet import simulate
from Exoplanet.model import INNERMOST, OUTERMOST, logarithm

HALF = simulate.HALF_WIDTH
EXTENT = (0, 360, HALF * INNERMOST, HALF * OUTERMOST)  # of an unwrapped disk: degrees and au
EDGED = [withStroke(linewidth=2.5, foreground="k")]  # seen on bright and on dark


def show_disk(ax, image, decades=4.0, bar=False):
    """An image (1, size, size) on a logarithmic scale that ends at the disk's brightest; bar: with one of 100 au."""
    shown = logarithm(image[0])
    top = np.quantile(shown, 0.995)
    ax.imshow(shown, cmap="inferno", origin="lower", vmin=top - decades, vmax=top)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    if bar:
        size = len(shown)
        ax.plot([0.05 * size, (0.05 + 50 / HALF) * size], [0.06 * size] * 2, color="w", lw=1.5, path_effects=EDGED)
        ax.text(0.05 * size, 0.1 * size, "100 au", color="w", fontsize=6, path_effects=EDGED)


def gallery(dataset, rows, columns=6, titles=None, mark=True):
    """A figure of disks; circles mark the planets of simulated ones. Titles: their number, or those given."""
    lines = math.ceil(len(rows) / columns)
    fig, axes = plt.subplots(lines, columns, figsize=(1.2 * columns, 1.35 * lines), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for k, (ax, i) in enumerate(zip(axes.flat, rows, strict=False)):
        show_disk(ax, dataset.X[i], bar=k == 0)
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


def change_figure(image, change, places=()):
    """An image with its planets' rows and columns, and its difference from a mean image, in powers of ten."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(4.8, 2.2))
    show_disk(left, image, bar=True)
    for row, column in places:
        circle(left, column, row)
    shown = right.imshow(change, cmap="RdBu_r", origin="lower", vmin=-0.3, vmax=0.3)
    right.set(xticks=[], yticks=[])
    right.grid(False)
    fig.colorbar(shown, ax=[left, right], extend="both", label="log10 of brightness\nless the mean of the dumps")
    return fig


def one_planet_figure(image, r, density, text):
    """An image of a disk with one planet, and the surface density against the radius r in au."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(4.6, 2.0), width_ratios=(1, 1.25), layout="none")
    fig.subplots_adjust(left=0.02, right=0.98, bottom=0.23, top=0.86, wspace=0.35)
    show_disk(left, image, decades=1.8, bar=True)
    right.plot(r, density, color="C0")
    right.axvline(80, color="0.6", lw=0.8, ls=":", label="orbit")
    right.legend(loc="lower right")
    right.set(xlabel="radius [au]", ylabel="$\\Sigma / \\Sigma_0$", ylim=(0, 1.05), xlim=(20, 180))
    right.set_title(text, fontsize=8)
    return fig


def unwrapped_figure(image, pictures, titles, planet=None, spread=None):
    """An image (1, size, size) of a disk or None, and pictures (rings, angles) of it unwrapped with colour bars.

    planet has azimuth in degrees, radius in au, column and row in the image. spread says for each picture where its
    colours end on both sides of 0; None: brightness, as it comes.
    """
    n = len(pictures)
    widths = [1.5] * n if image is None else [1, *[1.5] * n]
    fig, axes = plt.subplots(1, len(widths), figsize=(7.6, 2.3), width_ratios=widths)
    if image is not None:
        show_disk(axes[0], image, bar=True)
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
        fig.colorbar(shown, ax=ax, extend="both" if limit else "neither")
        if planet:
            circle(ax, *planet[:2], color="k" if limit else "c")
    axes[-n].set_ylabel("radius [au]")
    return fig


def evidence_figure(images, maps, paths, bare):
    """Three rows: images with the wakes of their planets, maps of evidence, and those of the disks without the planet.

    maps and bare have the drop of the logit when a patch is made smooth, each (rings, angles); the three largest drops
    of a map get a cross. A path is x and y of a wake in pixels, azimuth in rad and radius in half widths of the image.
    """
    fig, axes = plt.subplots(3, len(images), figsize=(1.75 * len(images), 4.6), height_ratios=(1.3, 1, 1))
    limit = max(abs(np.array(maps)).max() / 2, 0.1)
    for i, (x, y, azimuth, radius) in enumerate(paths):
        show_disk(axes[0, i], images[i], bar=i == 0)
        axes[0, i].plot(x, y, ".", ms=1, color="c")
        circle(axes[0, i], x[len(x) // 2], y[len(y) // 2])
        size = images.shape[-1]
        axes[0, i].set(xlim=(-0.5, size - 0.5), ylim=(-0.5, size - 0.5))
        for ax, evidence in zip(axes[1:, i], (maps[i], bare[i]), strict=True):
            shown = ax.imshow(evidence, cmap="RdBu_r", origin="lower", vmin=-limit, vmax=limit,
                              aspect="auto", extent=EXTENT)  # fmt: skip
            there = ax in axes[1]  # without the planet the path is grey: nothing lies there
            ax.plot(np.degrees(azimuth), HALF * radius, ".", ms=1, color="k" if there else "0.6")
            circle(ax, np.degrees(azimuth)[len(azimuth) // 2], HALF * radius[len(radius) // 2], color="k")
            ax.set(xticks=[0, 180, 360], xlim=EXTENT[:2], ylim=EXTENT[2:])
            ax.grid(False)
            ax.label_outer()
        row, column = np.unravel_index(np.argsort(-maps[i], axis=None)[:3], maps[i].shape)
        where = (column + 0.5) / maps[i].shape[1], EXTENT[2] + (row + 0.5) / len(maps[i]) * (EXTENT[3] - EXTENT[2])
        axes[1, i].plot(360 * where[0], where[1], "x", color="w", ms=4, path_effects=EDGED)
        axes[2, i].set_xlabel("azimuth [degrees]")
    for ax, name in zip(axes[:, 0], ("as seen", "with planet\nradius [au]", "without it\nradius [au]"), strict=True):
        ax.set_ylabel(name)
    fig.colorbar(shown, ax=axes[1:], extend="both", label="drop of the logit")
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
