"""Figures of the StrongLensing lessons."""

import matplotlib.pyplot as plt
import numpy as np

from StrongLensing import simulate
from StrongLensing.experiments import repair_map
from StrongLensing.pairs import FINE_SIZE
from StrongLensing.simulate import CLASSES


def examples(images, labels, per_class, pixel):
    """A figure with a row of images a class, axes in arcsec."""
    half = images.shape[-1] * pixel / 2
    fig, axes = plt.subplots(len(CLASSES), per_class, figsize=(1.35 * per_class, 4.4), sharex=True, sharey=True)
    for k, name in enumerate(CLASSES):
        for ax, image in zip(axes[k], images[labels == k][:per_class], strict=True):
            ax.imshow(image[0], cmap="magma", extent=(-half, half, -half, half), origin="lower")
            ax.tick_params(labelsize=6)
            ax.grid(False)
        axes[k, 0].set_ylabel(f"{name}\ny [arcsec]", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("x [arcsec]", fontsize=7)
    return fig


def mark_substructure(ax, dataset, row, weakest=0.04):
    """Circles around the masses of one lens, as large as their Einstein radii, or a line along its vortex.

    Subhaloes with Einstein radii below `weakest` arcsec are left out.
    """
    half = dataset.X.shape[-1] * float(np.ravel(dataset.meta["pixel"])[0]) / 2
    ax.set(xlim=(-half, half), ylim=(-half, half))
    length, angle = (float(dataset.meta[name][row]) for name in ("vortex_length", "vortex_angle"))
    if length > 0:
        ends = np.array([-length, length])
        ax.plot(ends * np.cos(angle), ends * np.sin(angle), color="c", lw=1)
    for x, y, theta_E in dataset.meta["substructure"][row]:
        if theta_E > weakest:
            ax.add_patch(plt.Circle((x, y), theta_E, fill=False, color="c", lw=1))


def repair_figure(model, dataset, rows, clean):
    """Images with their substructure marked, and `repair_map` of each below."""
    half = dataset.X.shape[-1] * dataset.meta["pixel"] / 2
    extent = (-half, half, -half, half)
    fig, axes = plt.subplots(2, len(rows), figsize=(1.85 * len(rows), 3.7), squeeze=False)
    for top, bottom, row, reference in zip(*axes, rows, clean, strict=True):
        top.imshow(dataset.X[row, 0], cmap="magma", origin="lower", extent=extent)
        mark_substructure(top, dataset, row)
        evidence = repair_map(model, dataset.X[row], reference, dataset.y[row])
        limit = abs(evidence).max()
        bottom.imshow(evidence, cmap="RdBu_r", origin="lower", extent=extent, vmin=-limit, vmax=limit)
        bottom.contour(dataset.X[row, 0], levels=[0.5], colors="0.4", linewidths=0.6, extent=extent)
        top.set_title(CLASSES[dataset.y[row]], fontsize=8)
        for ax in (top, bottom):
            ax.axis("off")
    return fig


def differences(dataset, rows, clean):
    """Images minus the same lenses without substructure, one beside the other."""
    fig, axes = plt.subplots(1, len(rows), figsize=(7.6, 1.8))
    for ax, row, reference in zip(axes, rows, clean, strict=True):
        ax.imshow(dataset.X[row, 0] - reference[0], cmap="RdBu_r", origin="lower", vmin=-0.3, vmax=0.3)
        ax.set_title(CLASSES[dataset.y[row]], fontsize=8)
        ax.axis("off")
    return fig


def pair_figure(images):
    """One lens in a row: the first of each entry of a dict of images (n, 1, size, size), as in `restorations`."""
    fig, axes = plt.subplots(1, len(images), figsize=(7.6, 1.6))
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        ax.imshow(np.clip(image[0, 0], 0, 1) ** 0.4, cmap="magma", origin="lower", vmin=0, vmax=1)
        ax.set_title(name, fontsize=8)
        ax.axis("off")
    return fig


def compare(official, simulated, labels, columns=5):
    """A figure with one official image a class (left), and simulated ones of the class beside it."""
    fig, axes = plt.subplots(len(CLASSES), 1 + columns, figsize=(1.3 * (1 + columns), 4.1))
    for k, name in enumerate(CLASSES):
        for ax, image in zip(axes[k], [official[k], *simulated[labels == k][:columns]], strict=True):
            ax.imshow(np.squeeze(image), cmap="magma", origin="lower")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        axes[k, 0].set_ylabel(name)
    axes[0, 0].set_title("official")
    axes[0, 1].set_title("simulated")
    return fig


def restorations(images, rows):
    """A figure with a row for each entry of a dict of images (n, 1, size, size), and a column for each chosen lens.

    Drawn is the brightness to the power 0.4, which lifts what is faint.
    """
    fig, axes = plt.subplots(
        len(images), len(rows), figsize=(1.5 * len(rows) + 0.4, 1.5 * len(images)), squeeze=False
    )
    for line, (name, part) in zip(axes, images.items(), strict=True):
        for ax, row in zip(line, rows, strict=True):
            ax.imshow(np.clip(part[row, 0], 0, 1) ** 0.4, cmap="magma", origin="lower", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        line[0].set_ylabel(name, fontsize=8)
    return fig


def error_figure(dataset, restored, rows):
    """True images, restored ones and their difference, with the substructure of simulated ring pairs marked."""
    fig, axes = plt.subplots(len(rows), 3, figsize=(6, 2 * len(rows)), squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        half = FINE_SIZE * float(dataset.meta["pixel"][row]) / 4
        extent = (-half, half, -half, half)
        truth, image = dataset.y[row, 0], restored[row, 0]
        for ax, shown in zip(line, (truth, image), strict=False):
            ax.imshow(shown, cmap="magma", origin="lower", vmin=0, vmax=1, extent=extent)
        line[2].imshow(image - truth, cmap="RdBu_r", origin="lower", vmin=-0.3, vmax=0.3, extent=extent)
        for ax in line:
            mark_substructure(ax, dataset, row)
            ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), xticks=[], yticks=[])
            ax.grid(False)
    for ax, title in zip(axes[0], ("true", "restored", "restored - true"), strict=True):
        ax.set_title(title)
    return fig


def picture(axes):
    """A lensed galaxy of each class, one on each of the axes."""
    images = simulate.classification(60, seed=3)
    for label, ax in enumerate(axes):
        image = images.X[np.flatnonzero(images.y == label)[1], 0]
        ax.imshow(np.sqrt(image[10:54, 10:54]), cmap="inferno")
