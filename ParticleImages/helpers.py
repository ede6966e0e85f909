"""Figures of the ParticleImages lessons, and test images by what the simulator did."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm, SymLogNorm

from ParticleImages import calorimeter, simulate
from ParticleImages.model import cropped, network_input
from ParticleImages.tracker import Particles

RADIUS, CRYSTAL = simulate.TRACKER.radius, simulate.TRACKER.crystal  # m
OFFICIAL = Path(__file__).with_name("official_scores.csv")  # what models say to 100 official images


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
        "photon converted within 0.5 m": radius < 0.5,
        "photon converted at 0.5 to 0.9 m": (radius >= 0.5) & (radius < 0.9),
        "photon converted beyond 0.9 m": np.isfinite(radius) & (radius >= 0.9),
    }.items():
        groups[name] = electron | (photon & chosen)
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 1.01)):
        chosen = (truth["radiated"] >= low) & (truth["radiated"] < high)
        groups[f"electron radiated {100 * low:.0f} to {100 * min(high, 1):.0f} %"] = photon | (electron & chosen)
    for low, high in ((0, 0.4), (0.4, 0.8), (0.8, 1.2)):
        groups[f"|eta| {low} to {high}"] = (abs(truth["eta"]) >= low) & (abs(truth["eta"]) < high)
    return groups


def flight(particle, radius, share):
    """An electron of 50 GeV that radiates once at a radius (m), a photon that converts once, or one that does not.

    `share` of the energy goes to the radiated photon, or to the electron of the pair. Returns name, radii (m), places
    along phi (crystals) and pt (GeV) of what flies before, and of each piece after.
    """
    charge = int(particle == "electron")
    before, after = np.linspace(0, radius, 30), np.linspace(radius, RADIUS, 60)
    bend = 0.15 * simulate.TRACKER.field / CRYSTAL
    phi, slope = charge * bend / 50 * before**2, charge * 2 * bend / 50 * radius
    pieces = [("photon", share, 0), ("electron", 1 - share, 1)] if charge else [
        ("electron", share, -1), ("positron", 1 - share, 1)]  # fmt: skip
    if particle == "photon that does not convert":
        pieces = [("photon", 1, 0)]
    way = after - radius
    return [(particle.split()[0], before, phi, 50.0)] + [
        (name, after, phi[-1] + slope * way + q * bend / (50 * part) * way**2, 50 * part) for name, part, q in pieces
    ]


def flight_figure(pieces, seed=163):  # with this seed the hardest particle hits near the middle of its crystal
    """What `flight` returns, seen along the beam, and above it the image of what arrives, which is returned too."""
    _, *arriving = pieces
    pt, place = np.array([piece[3] for piece in arriving]), np.array([piece[2][-1] for piece in arriving])
    slope = np.array([np.diff(phi[-2:])[0] / np.diff(r[-2:])[0] for _, r, phi, _ in arriving]) * CRYSTAL
    particles = Particles(np.zeros(len(pt), int), pt, 0 * pt, place, 0 * pt, slope)
    image = calorimeter.images(simulate.CALORIMETER, particles, np.zeros(1), np.random.default_rng(seed))[0, ..., 0]
    centre = calorimeter.CENTRE
    middle = image[centre - 3 : centre + 4, centre - 8 : centre + 9]
    fig, (above, below) = plt.subplots(2, 1, figsize=(4.6, 3.9), sharex=True, height_ratios=(1, 1.35), layout="none")
    fig.subplots_adjust(left=0.13, right=0.8, bottom=0.12, top=0.98, hspace=0.08)
    drawn = above.imshow(np.maximum(middle, 0.01), origin="lower",
                         extent=(-8.5, 8.5, -3.5, 3.5), aspect="auto", norm=LogNorm(0.05, 90))  # fmt: skip
    above.set(ylabel="eta [crystals]")
    fig.colorbar(drawn, cax=above.inset_axes([1.03, 0, 0.04, 1]), label="energy [GeV]")
    styles = {"electron": "C0-", "photon": "C1--", "positron": "C2-."}
    for number, (name, r, phi, _) in enumerate(pieces):
        below.plot(phi - place[pt.argmax()], r, styles[name], lw=2, label=name if number else None)
    for layer in simulate.TRACKER.layer_radius:
        below.axhline(layer, color="0.9", lw=1, zorder=0)
    below.axhspan(RADIUS, 1.4, color="0.75")
    below.text(-8.2, 1.315, "crystals", fontsize=7)
    below.set(xlabel="phi [crystals]", ylabel="distance from the beam [m]", xlim=(-8.5, 8.5), ylim=(0, 1.4))
    below.legend(loc="lower left", fontsize=7)
    for ax in (above, below):
        ax.grid(False)
    return fig, image


def ten(images, titles):
    """Energies (50 GeV) of ten images (10, 32, 32) on a logarithmic scale, nine middle rows, each with a title."""
    fig, axes = plt.subplots(5, 2, figsize=(6.8, 5.8), sharex=True, sharey=True, layout="constrained")
    for ax, image, title in zip(axes.flat, cropped(images)[:, 3:12], titles, strict=True):
        drawn = draw(ax, np.where(image > 0, 50 * image, np.nan), norm=LogNorm(0.05, 90))
        ax.set_title(title, fontsize=8)
        ax.set_yticks((-4, 0, 4))
    fig.colorbar(drawn, ax=axes, label="energy [GeV], grey: none", shrink=0.6)
    return fig


def compare(official, simulated, n=3):
    """The first n official photons and electrons (left), and as many simulated ones; energy on a logarithmic scale."""
    fig, axes = plt.subplots(2, 2 * n, figsize=(7.6, 2.2))
    for label, (row, name) in enumerate(zip(axes, ("photon", "electron"), strict=True)):
        images = [part.X[part.y == label][:n, ..., 0] for part in (official, simulated)]
        for ax, image in zip(row, np.concatenate(images), strict=True):
            draw(ax, np.where(image > 0, image, np.nan), norm=LogNorm(0.001, 1))
            ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
        row[0].set_ylabel(name)
    axes[0, 0].set_title("official")
    axes[0, n].set_title("simulated")
    return fig


def mean_images(part):
    """Mean energy of electrons and of photons, mirrored to the standard side, and their difference."""
    x = 25 * network_input(part.X)[:, 1]  # GeV
    electron, photon = (x[part.y == label].mean(axis=0) for label in (1, 0))
    fig, axes = plt.subplots(3, 1, figsize=(5.2, 6.6), layout="constrained")
    for ax, image, title in ((axes[0], electron, "mean electron (train)"), (axes[1], photon, "mean photon (train)")):
        drawn = draw(ax, np.maximum(image, 0.015), norm=LogNorm(0.015, 50))
        ax.set_title(title, fontsize=9)
        fig.colorbar(drawn, ax=ax, label="energy [GeV]", extend="min")
    drawn = draw(axes[2], electron - photon, cmap="RdBu_r", norm=SymLogNorm(0.015, vmin=-10, vmax=10))
    axes[2].set_title("electron minus photon (train)", fontsize=9)
    fig.colorbar(drawn, ax=axes[2], label="difference [GeV]", ticks=(-10, -1, -0.1, 0, 0.1, 1, 10))
    return fig


def draw(ax, image, **options):
    """Crystals around the hottest one, which is (0, 0): an image (32, 32), or rows and columns cut from its middle."""
    if image.shape == (32, 32):
        image = cropped(image[None])[0]
    height, width = image.shape[0] / 2, image.shape[1] / 2
    drawn = ax.imshow(image, origin="lower", extent=(-width, width, -height, height), **options)
    ax.grid(False)
    ax.set(facecolor="0.93", xlabel="phi [crystals]", ylabel="eta [crystals]")
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
