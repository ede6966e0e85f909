"""Figures of the Exoplanet lesson."""

import matplotlib.pyplot as plt
import numpy as np

from Exoplanet import simulate
from Exoplanet.model import logarithm


def show_disk(ax, image, decades=4.0):
    """An image (1, size, size) on a logarithmic scale that ends at the disk's brightest, not at its star."""
    shown = logarithm(image[0])
    top = np.quantile(shown, 0.995)
    ax.imshow(shown, cmap="inferno", origin="lower", vmin=top - decades, vmax=top)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)


def gallery(dataset, rows, columns=6, mark=True):
    """A figure of disks; circles mark the planets of simulated ones, and titles tell their number."""
    lines = -(-len(rows) // columns)
    fig, axes = plt.subplots(lines, columns, figsize=(1.3 * columns, 1.45 * lines), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, i in zip(axes.flat, rows, strict=False):
        show_disk(ax, dataset.X[i])
        n = int(dataset.meta["n_planets"][i])
        ax.set_title("no planet" if n == 0 else "1 planet" if n == 1 else f"{n} planets", fontsize=7)
        if mark and "positions" in dataset.meta:
            row, column = dataset.meta["positions"][i, :n].T
            ax.plot(column, row, "o", mfc="none", color="c", ms=7, mew=0.8)
            ax.set(xlim=(-0.5, dataset.X.shape[-1] - 0.5), ylim=(-0.5, dataset.X.shape[-1] - 0.5))
    return fig


def compare(recovered, labels, simulated, columns=6):
    """A figure with official images above, and simulated ones below."""
    fig, axes = plt.subplots(2, columns, figsize=(1.3 * columns, 3.0))
    for line, (X, titles) in zip(axes, ((recovered, labels), (simulated, [""] * columns)), strict=True):
        for ax, image, title in zip(line, X, titles, strict=False):
            show_disk(ax, image)
            ax.set_title(title, fontsize=7)
    axes[0, 0].set_ylabel("official", fontsize=8)
    axes[1, 0].set_ylabel("simulated", fontsize=8)
    return fig


def occlusion_figure(dataset, rows, maps, patch, stride):
    """Images above, and their `occlusion_map` below; circles mark the planets."""
    fig, axes = plt.subplots(2, len(rows), figsize=(1.5 * len(rows), 3.1), squeeze=False)
    size = dataset.X.shape[-1]
    for top, bottom, i, evidence in zip(*axes, rows, maps, strict=True):
        show_disk(top, dataset.X[i])
        limit = max(abs(evidence).max(), 0.5)
        last = (len(evidence) - 1) * stride + patch / 2 + stride / 2
        extent = (patch / 2 - stride / 2, last, patch / 2 - stride / 2, last)
        bottom.imshow(evidence, cmap="RdBu_r", origin="lower", vmin=-limit, vmax=limit, extent=extent)
        for ax in (top, bottom):
            if "positions" in dataset.meta:
                row, column = dataset.meta["positions"][i, : dataset.meta["n_planets"][i]].T
                ax.plot(column, row, "o", mfc="none", color="c" if ax is top else "k", ms=8, mew=0.8)
            ax.set(xlim=(-0.5, size - 0.5), ylim=(-0.5, size - 0.5), xticks=[], yticks=[])
            ax.grid(False)
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
