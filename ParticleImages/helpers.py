"""What the notebooks would otherwise be cluttered with: shower shapes, the networks and the figures."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import LogNorm, SymLogNorm
from torch import nn

from common.training import predict
from ParticleImages import simulate

SEED = 16  # row and column of the hottest crystal
ROWS, COLUMNS = 7, 13  # the networks see so many crystals on each side of it
MIDDLE = 3  # the CNN looks at so many rows on each side
THRESHOLD = 0.002  # of a lit crystal: 100 MeV in units of 50 GeV
SHAPES = (
    "sum", "seed share", "second share", "third share", "3x3 share", "5x5 share", "1x5 share", "5x1 share",
    "3x3 to 5x5", "width eta", "width phi", "covariance", "eta asymmetry", "phi asymmetry", "tail near", "tail far",
    "tail asymmetry", "spread phi", "spread eta", "lit", "lit columns", "lit rows", "lit far",
)  # fmt: skip


def shower_shapes(X):
    """Shower shapes: what physicists compute from the energies before any network.

    Parameters
    ----------
    X : ndarray of shape (n, 32, 32, c)
        Official units; only the energy, channel 0, is used.

    Returns
    -------
    ndarray of float32, shape (n, 23)
        Columns `SHAPES`. Shares are of the sum of all crystals. The widths are the logarithmically
        weighted ones of the CMS electron identification (arXiv:1502.02701, section 4), within 5 x 5 crystals.
    """
    E = X[..., 0].astype(np.float64)
    total = E.sum(axis=(1, 2))
    block = E[:, SEED - 2 : SEED + 3, SEED - 2 : SEED + 3]  # 5 x 5 around the hottest crystal
    inner = block[:, 1:4, 1:4]
    e3, e5 = inner.sum(axis=(1, 2)), block.sum(axis=(1, 2))
    share = E / total[:, None, None]
    ordered = -np.partition(-share[:, SEED - 4 : SEED + 5, 4:29].reshape(len(E), -1), 2, axis=1)[:, :3]
    ordered = -np.sort(-ordered, axis=1)

    weight = np.maximum(0, 4.7 + np.log(np.maximum(block, 1e-9) / e5[:, None, None]))
    steps = np.arange(-2, 3)

    def mean(values):
        return (weight * values).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))

    eta, phi = steps[:, None], steps[None, :]
    eta0, phi0 = mean(eta), mean(phi)
    variance_eta, variance_phi = mean(eta**2) - eta0**2, mean(phi**2) - phi0**2
    covariance = mean(eta * phi) - eta0 * phi0

    offset = np.arange(32) - SEED
    by_phi, by_eta = share[:, SEED - 2 : SEED + 3].sum(axis=1), share.sum(axis=2)
    near, far = (2 < abs(offset)) & (abs(offset) <= 6), abs(offset) > 6
    lit = E > THRESHOLD
    return np.stack(
        [
            total, *ordered.T, e3 / total, e5 / total,
            block[:, 2].sum(axis=1) / total, block[:, :, 2].sum(axis=1) / total, e3 / e5,
            np.sqrt(np.maximum(variance_eta, 0)), np.sqrt(np.maximum(variance_phi, 0)), abs(covariance),
            abs(by_eta[:, offset == 1] - by_eta[:, offset == -1])[:, 0],
            abs(by_phi[:, offset == 1] - by_phi[:, offset == -1])[:, 0],
            by_phi[:, near].sum(axis=1), by_phi[:, far].sum(axis=1),
            abs(by_phi[:, offset > 2].sum(axis=1) - by_phi[:, offset < -2].sum(axis=1)),
            np.sqrt(by_phi @ offset**2), np.sqrt(np.maximum(by_eta @ offset**2, 0)),
            lit.sum(axis=(1, 2)), lit.any(axis=1).sum(axis=1), lit.any(axis=2).sum(axis=1),
            lit[:, :, far].sum(axis=(1, 2)),
        ],
        axis=1,
    ).astype(np.float32)  # fmt: skip


# --------------------------------------------------------------------------------------------------
# What the networks see


def network_input(X, channels="energy"):
    """Images as the networks see them: cropped, turned to a standard side, and stretched.

    The crop has 15 x 27 crystals with the hottest one in its middle. The detector looks alike in a mirror, so each
    image is mirrored until more of its energy lies on the side of larger rows and columns: a network need not
    learn that twice. Energies fall from 1 to 0.001 within a few crystals, so there are two planes for the energy: the
    logarithm of each crystal's share of the total, and the energy itself, whose sum tells the direction of flight
    (pt is 50 GeV, the energy 50 GeV cosh eta) and so how much material there was on the way.

    Parameters
    ----------
    X : ndarray of shape (n, 32, 32, 2)
        Official units.
    channels : {"energy", "time", "both"}

    Returns
    -------
    ndarray of float32, shape (n, c, 15, 27)
        c = 2 for the energy, 1 for the time, 3 for both.

    Raises
    ------
    ValueError
        Unknown channels, images of another size, or an image without any energy.
    """
    if channels not in ("energy", "time", "both"):
        raise ValueError(f"unknown channels {channels!r}: choose 'energy', 'time' or 'both'")
    if X.ndim != 4 or X.shape[1:] != (32, 32, 2):
        raise ValueError(f"expected images of shape (n, 32, 32, 2), not {X.shape}")
    total = X[..., 0].sum(axis=(1, 2))
    if not (total > 0).all():
        raise ValueError(f"image {np.argmin(total > 0)} has no energy (or a number that is not finite)")
    crop = X[:, SEED - ROWS : SEED + ROWS + 1, SEED - COLUMNS : SEED + COLUMNS + 1].copy()
    side = np.tanh(np.arange(-ROWS, ROWS + 1) / 2), np.tanh(np.arange(-COLUMNS, COLUMNS + 1) / 2)
    lower = crop[..., 0].sum(axis=2) @ side[0] < 0
    crop[lower] = crop[lower][:, ::-1]
    lower = crop[..., 0].sum(axis=1) @ side[1] < 0
    crop[lower] = crop[lower][:, :, ::-1]
    share = crop[..., 0] / total[:, None, None]
    energy = [np.log1p(share / 0.0016) / 3, 2 * crop[..., 0]]
    time = [2 * crop[..., 1].clip(-1, 1)]
    planes = {"energy": energy, "time": time, "both": energy + time}[channels]
    return np.stack(planes, axis=1).astype(np.float32)


# --------------------------------------------------------------------------------------------------
# The convolutional network


def block(inputs, outputs, stride=1):
    """Convolution, normalisation, and a smooth gate."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.SiLU()
    )


def total_energy(x):
    """Two numbers that tell the energy of images (n, c, height, width), from -1 to 1 for this detector: (n, 2)."""
    scaled = 4 * torch.log((x[:, 1].sum(dim=(1, 2)) / 2).clamp(min=1e-3)) - 0.8
    return torch.stack([scaled, scaled**2 - 1], dim=1)


class CNN(nn.Module):
    """Three convolutions, each with twice the channels, and a dense layer that knows where everything is.

    The network looks at the seven middle rows: the magnetic field spreads particles along the columns only. Beside
    the image, the dense layer gets the logarithm of the total energy, which a convolution cannot see at once.

    Parameters
    ----------
    channels : int
        Of the input, see `network_input`: 1 for the time, which has no total energy.
    width : int
        Channels of the first layer.
    dropout : float
    hidden : int
        Units of the dense layer.
    """

    def __init__(self, channels=2, width=12, dropout=0.2, hidden=64):
        super().__init__()
        self.has_energy = channels > 1
        self.convolutions = nn.Sequential(
            block(channels, width), block(width, 2 * width, 2), block(2 * width, 4 * width, 2), nn.Flatten()
        )
        pixels = 4 * width * 2 * 7  # two strides: 7 x 27 crystals become 2 x 7
        self.dense = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(pixels + 2 * self.has_energy, hidden), nn.SiLU(),
            nn.Dropout(dropout), nn.Linear(hidden, 1), nn.Flatten(0),
        )  # fmt: skip
        self.to(memory_format=torch.channels_last)  # the faster order of the numbers in memory

    def forward(self, x):
        """Logits (n,) of images (n, channels, 15, 27)."""
        x = x[:, :, ROWS - MIDDLE : ROWS + MIDDLE + 1]
        features = [self.convolutions(x)]
        if self.has_energy:
            features.append(total_energy(x))
        return self.dense(torch.cat(features, dim=1))


def probability(model, x):
    """Probability of an electron for inputs of `network_input`, shape (n,)."""
    return 1 / (1 + np.exp(-predict(model, x)))


def combine(*probabilities):
    """Probability whose logit is the mean of those of several models."""
    logits = [np.log(p / (1 - p)) for p in probabilities]
    return 1 / (1 + np.exp(-np.mean(logits, axis=0)))


def occlusion(model, x):
    """Mean absolute change of the logit when one crystal is blanked out, for each crystal that the CNN looks at.

    Parameters
    ----------
    model : CNN
    x : ndarray of shape (n, c, 15, 27)
        Of `network_input`.

    Returns
    -------
    ndarray of shape (7, 27)
    """
    logits = predict(model, x)
    change = np.empty((2 * MIDDLE + 1, 2 * COLUMNS + 1))
    for row, column in np.ndindex(*change.shape):
        blanked = x.copy()
        blanked[:, :, ROWS - MIDDLE + row, column] = 0
        change[row, column] = abs(predict(model, blanked) - logits).mean()
    return change


# --------------------------------------------------------------------------------------------------
# Truth


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


# --------------------------------------------------------------------------------------------------
# Figures


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
