"""Figures that the StrongLensing lessons share."""

import matplotlib.pyplot as plt
import numpy as np

from StrongLensing import simulate
from StrongLensing.simulate import CLASSES

BRIGHTNESS = {"cmap": "magma", "vmin": 0, "vmax": 1, "origin": "lower"}


def panels(rows, columns, size, **room):
    """Axes for many small images, at places that are given: to find them takes Matplotlib longer than to draw."""
    fig, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True, layout="none")
    fig.subplots_adjust(**{"left": 0.09, "right": 0.86, "bottom": 0.12, "top": 0.94, "wspace": 0.08, "hspace": 0.12,
                           **room})  # fmt: skip
    for ax in axes.flat:
        ax.label_outer(remove_inner_ticks=True)
    return fig, axes


def beside(fig, axes, picture, label, **look):
    """A colour bar to the right of a grid of axes."""
    low, high = axes[-1, -1].get_position(), axes[0, -1].get_position()
    space = fig.add_axes((high.x1 + 0.02, low.y0, 0.015, high.y1 - low.y0))
    return fig.colorbar(picture, cax=space, label=label, **look)


def sky(ax, image, pixel, limit=None, **look):
    """Draw an image, axes in arcsec; with a `limit` a difference, from -limit to limit."""
    half = image.shape[1] * pixel / 2
    signed = {} if limit is None else {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    ax.grid(False)
    ax.tick_params(labelsize=6)
    return ax.imshow(image, extent=(-half, half, -half, half), **{**BRIGHTNESS, **signed, **look})


def examples(images, labels, per_class, pixel, names=CLASSES):
    """A figure with a row of images a class or other name, axes in arcsec; pixel [arcsec] of all rows or of each."""
    rows, size = len(names), (1.3 * per_class + 1.2, 1.25 * len(names) + 0.5)
    fig, axes = panels(rows, per_class, size, left=0.8 / size[0], right=1 - 0.8 / size[0], bottom=0.4 / size[1])
    for k, (name, width) in enumerate(zip(names, np.broadcast_to(pixel, len(names)), strict=True)):
        for ax, image in zip(axes[k], images[labels == k][:per_class], strict=True):
            shown = sky(ax, image[0] if len(image) == 1 else np.moveaxis(image.clip(0), 0, -1), width)
        axes[k, 0].set_ylabel(f"{name}\ny [arcsec]", fontsize=7)
    for ax in axes[-1]:
        ax.set_xlabel("x [arcsec]", fontsize=7)
    if images.shape[1] == 1:
        beside(fig, axes, shown, "brightness, of the peak")
    return fig


def mark_substructure(ax, dataset, row, weakest=0.06):
    """Circles around the masses of one lens, of their Einstein radii of at least `weakest` arcsec, or its vortex."""
    half = dataset.X.shape[-1] * float(np.ravel(dataset.meta["pixel"])[0]) / 2
    ax.set(xlim=(-half, half), ylim=(-half, half))
    length, angle = (float(dataset.meta[name][row]) for name in ("vortex_length", "vortex_angle"))
    if length > 0:
        ends = np.array([-length, length])
        ax.plot(ends * np.cos(angle), ends * np.sin(angle), color="lime", lw=1.3)
    for x, y, theta_E in dataset.meta["substructure"][row]:
        if theta_E >= weakest:
            ax.add_patch(plt.Circle((x, y), theta_E, fill=False, color="lime", lw=1.3))


def picture(axes):
    """A lensed galaxy of each class, one on each of the axes."""
    images = simulate.classification(60, seed=3)
    for label, ax in enumerate(axes):
        image = images.X[np.flatnonzero(images.y == label)[1], 0]
        ax.imshow(np.sqrt(image[10:54, 10:54]), cmap="inferno")
