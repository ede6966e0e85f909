"""Figures of the StrongLensing lessons."""

import matplotlib.pyplot as plt
import numpy as np

from StrongLensing import simulate
from StrongLensing.experiments import repair_map
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


def polar_map(ax, values, limit=None, outermost=2.05):
    """Draw a polar image (radii, angles); with a `limit` a residual."""
    signed = {} if limit is None else {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    ax.set(xlabel="angle [degrees]", ylabel="radius [arcsec]")
    ax.grid(False)
    return ax.imshow(values, aspect="auto", extent=(0, 360, 0.085, outermost), **{**BRIGHTNESS, **signed})


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


def maps_below(dataset, rows, maps, label, limit):
    """Images with their substructure marked, and below each a map of signed values between -limit and limit."""
    fig, axes = panels(2, len(rows), (7.6, 3.1))
    for top, bottom, row, values in zip(*axes, rows, maps, strict=True):
        image = sky(top, dataset.X[row, 0], dataset.meta["pixel"])
        mark_substructure(top, dataset, row)
        signed = sky(bottom, values, dataset.X.shape[-1] // len(values) * dataset.meta["pixel"], limit)
        top.set_title(CLASSES[dataset.y[row]], fontsize=8)
        bottom.set_xlabel("x [arcsec]", fontsize=7)
    for ax in axes[:, 0]:
        ax.set_ylabel("y [arcsec]", fontsize=7)
    beside(fig, axes[:1], image, "brightness")
    beside(fig, axes[1:], signed, label, extend="both")
    return fig


def repair_maps(model, dataset, rows, clean):
    """`repair_map` of each of some images, for its true class."""
    return [repair_map(model, dataset.X[row], image, dataset.y[row]) for row, image in zip(rows, clean, strict=True)]


def lump_figure(ring, smooth, residual_of, lump, pixel):
    """A ring with a lump (x, y, theta_E) and what it changes; right, the residual above that of the smooth ring."""
    fig, axes = plt.subplots(2, 2, figsize=(7.6, 4.2), width_ratios=(1, 1.7), layout="none")
    fig.subplots_adjust(left=0.07, right=0.99, bottom=0.11, top=0.94, wspace=0.3, hspace=0.5)
    shown = sky(axes[0, 0], ring, pixel)
    axes[0, 0].plot(*lump[:2], "o", mfc="none", color="lime", ms=9)
    change = sky(axes[1, 0], ring - smooth, pixel, 0.3)
    rest = [polar_map(ax, residual_of(image), 0.3) for ax, image in zip(axes[:, 1], (ring, smooth), strict=True)]
    titles = ("ring with lump", "residual of the ring", "ring - smooth ring", "residual of the smooth ring")
    for ax, title in zip(axes.flat, titles, strict=True):
        ax.set_title(title, fontsize=9)
    for ax in axes[:, 0]:
        ax.set(xlabel="x [arcsec]", ylabel="y [arcsec]")
    fig.colorbar(shown, ax=axes[0, 0], label="brightness")
    for picture, ax, label in zip((change, *rest), axes.T.flat[1:], ("change", "residual", "residual"), strict=True):
        fig.colorbar(picture, ax=ax, label=label, extend="both")
    return fig


def noise_curves(ax, levels, accuracies, n, title):
    """Accuracies (of each model, one a level first) against noise, from 0 on. Error bars: binomial, n images."""
    for (name, values), line in zip(accuracies.items(), ("-o", "--s", "-.^", ":d"), strict=False):
        p = np.array(values)[: len(levels)]
        ax.errorbar(range(len(p)), p, np.sqrt(p * (1 - p) / n), fmt=line, ms=4, label=name)
    ax.axhline(1 / 3, color="0.6", lw=0.8, label="guessing")
    ax.set(xlabel="noise, of the peak", ylim=(0.3, 1.02), title=title)
    ax.set_xticks(range(len(levels)), [f"{level:g}" for level in levels], fontsize=7)


def picture(axes):
    """A lensed galaxy of each class, one on each of the axes."""
    images = simulate.classification(60, seed=3)
    for label, ax in enumerate(axes):
        image = images.X[np.flatnonzero(images.y == label)[1], 0]
        ax.imshow(np.sqrt(image[10:54, 10:54]), cmap="inferno")
