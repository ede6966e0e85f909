"""Figures of the ParticleImages lessons, and test images by what the simulator did."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm, SymLogNorm

from ParticleImages import simulate
from ParticleImages.model import COLUMNS, ROWS, SEED, network_input


def truth_groups(part):
    """Test images by what the simulator did: dict of name to mask of images, each with photons and electrons.

    A group of photons comes with all electrons and the other way round, so that an AUC can be computed.
    """
    photon, electron = part.y == 0, part.y == 1
    truth = part.meta
    radius = np.nan_to_num(truth["conversion_radius"], nan=np.inf)
    groups = {"all": photon | electron}
    for name, chosen in {
        "photon not converted": np.isinf(radius),
        "photon converted beyond 0.6 m": np.isfinite(radius) & (radius >= 0.6),
        "photon converted within 0.6 m": radius < 0.6,
    }.items():
        groups[name] = electron | (photon & chosen)
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 1.01)):
        chosen = (truth["radiated"] >= low) & (truth["radiated"] < high)
        groups[f"electron radiated {100 * low:.0f} to {100 * min(high, 1):.0f} %"] = photon | (electron & chosen)
    for low, high in ((0, 0.4), (0.4, 0.8), (0.8, 1.2)):
        groups[f"|eta| {low} to {high}"] = (abs(truth["eta"]) >= low) & (abs(truth["eta"]) < high)
    return groups


def sketch():
    """A view along the beam: what an electron, a photon and a photon that converts do in the tracker."""
    fig, axes = plt.subplots(1, 3, figsize=(7.2, 2.9), sharey=True, layout="constrained")
    r = np.linspace(0, 1.29, 100)
    titles = ("electron: bends and radiates", "photon: straight on", "photon that converts")
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title, fontsize=9)
        for radius in (0.045, 0.102, 0.255, 0.4185, 0.608, 0.78, 0.965, 1.13):
            ax.axvline(radius, color="0.85", lw=1, zorder=0)
        for k in range(-6, 7):
            ax.add_patch(plt.Rectangle((1.29, 2.25 * (k - 0.5)), 0.23, 2.25, fill=False, ec="0.6", lw=0.7))
        ax.set(xlim=(0, 1.55), ylim=(-14, 14), xlabel="distance from the beam, m")
        ax.grid(False)
    axes[0].set_ylabel("displacement along phi, cm")

    def bend(start, slope, charge, pt, after):
        step = np.clip(after - start, 0, None)
        return 100 * (slope * step + charge * 0.15 * 3.8 / pt * step**2)

    def angle(length, pt):
        return 0.3 * 3.8 / pt * length

    # The electron radiates 35 of its 50 GeV at 0.4 m; the displacements are to scale for these momenta
    at = 0.4
    before, after = r <= at, r >= at
    axes[0].plot(r[before], bend(0, 0, 1, 50, r[before]), "C0-", lw=2)
    offset, slope = bend(0, 0, 1, 50, at), angle(at, 50)
    axes[0].plot(r[after], offset + bend(at, slope, 1, 15, r[after]), "C0-", lw=2, label="electron")
    axes[0].plot(r[after], offset + 100 * slope * (r[after] - at), "C1--", label="photon")
    axes[1].plot(r, 0 * r, "C1--", label="photon")
    at = 0.25
    before, after = r <= at, r >= at
    axes[2].plot(r[before], 0 * r[before], "C1--", label="photon")
    axes[2].plot(r[after], bend(at, 0, 1, 10, r[after]), "C2-.", lw=2, label="positron")
    axes[2].plot(r[after], bend(at, 0, -1, 40, r[after]), "C0-", lw=2, label="electron")
    for ax in axes:
        ax.legend(loc="lower left", fontsize=7)
    return fig


def gallery(part, n=4):
    """The first n electrons and photons: energy of the crystals that the networks see, on a logarithmic scale."""
    fig, axes = plt.subplots(n, 2, figsize=(6.6, 1.05 + 1.55 * n), layout="constrained")
    for column, (label, name) in enumerate(((1, "electron"), (0, "photon"))):
        for i, ax in enumerate(axes[:, column]):
            drawn = draw(ax, part.X[np.flatnonzero(part.y == label)[i], ..., 0], norm=LogNorm(0.001, 1))
            ax.set_title(f"{name} {i + 1}", fontsize=8)
    fig.colorbar(drawn, ax=axes, label="energy / 50 GeV", shrink=0.6)
    return fig


def compare(real, simulated, n=3):
    """The first n real photons and electrons (left), and as many simulated ones; energy on a logarithmic scale."""
    fig, axes = plt.subplots(2, 2 * n, figsize=(7.6, 2.2))
    for label, (row, name) in enumerate(zip(axes, ("photon", "electron"), strict=True)):
        images = [part.X[part.y == label][:n, ..., 0] for part in (real, simulated)]
        for ax, image in zip(row, np.concatenate(images), strict=True):
            draw(ax, np.where(image > 0, image, np.nan), norm=LogNorm(0.001, 1))
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        row[0].set_ylabel(name)
    axes[0, 0].set_title("official")
    axes[0, n].set_title("simulated")
    return fig


def mean_images(part):
    """Mean energy of electrons and of photons, mirrored to the standard side, and their difference."""
    x = network_input(part.X)[:, 1] / 2
    electron, photon = (x[part.y == label].mean(axis=0) for label in (1, 0))
    fig, axes = plt.subplots(3, 1, figsize=(5.2, 6.6), layout="constrained")
    for ax, image, title in ((axes[0], electron, "mean electron"), (axes[1], photon, "mean photon")):
        drawn = draw(ax, np.maximum(image, 3e-4), norm=LogNorm(3e-4, 1))
        ax.set_title(title, fontsize=9)
        fig.colorbar(drawn, ax=ax, label="50 GeV")
    drawn = draw(axes[2], electron - photon, cmap="RdBu_r", norm=SymLogNorm(3e-4, vmin=-0.1, vmax=0.1))
    axes[2].set_title("electron minus photon", fontsize=9)
    fig.colorbar(drawn, ax=axes[2], label="50 GeV", ticks=(-0.1, -0.01, -0.001, 0, 0.001, 0.01, 0.1))
    return fig


def draw(ax, image, **options):
    """Crystals around the hottest one, which is (0, 0): an image (32, 32), or rows and columns cut from its middle."""
    if image.shape == (32, 32):
        image = image[SEED - ROWS : SEED + ROWS + 1, SEED - COLUMNS : SEED + COLUMNS + 1]
    height, width = image.shape[0] / 2, image.shape[1] / 2
    drawn = ax.imshow(image, origin="lower", extent=(-width, width, -height, height), **options)
    ax.set_facecolor("0.93")
    ax.grid(False)
    ax.set(xlabel="crystals along phi", ylabel="along eta")
    ax.label_outer()
    return drawn


def picture(axes):
    """A photon between two electrons that radiated, one on each of the axes: energy of the crystals."""
    images = simulate.simulate(40, seed=5)
    electrons = np.flatnonzero(images.meta["radiated"] > 0.6)[:2]
    photon = np.flatnonzero((images.y == 0) & ~images.meta["converted"])[0]
    rows = electrons[0], photon, electrons[1]
    for ax, row in zip(axes, rows, strict=True):
        energy = images.X[row, 7:26, 7:26, 0]
        ax.imshow(np.where(energy > 0, energy, np.nan), cmap="inferno", norm=LogNorm(0.0005, 1))
