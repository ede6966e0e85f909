"""Shower shapes, what the networks see, and the convolutional network."""

import numpy as np
import torch
from torch import nn

from common.training import predict
from ParticleImages.calorimeter import CENTRE

ROWS, COLUMNS = 7, 13  # the networks see so many crystals on each side of the hottest one
MIDDLE = 3  # the CNN looks at so many rows on each side
THRESHOLD = 0.002  # of a lit crystal: 100 MeV in units of 50 GeV
SHAPES = (
    "sum", "seed share", "second share", "third share", "3x3 share", "5x5 share", "1x5 share", "5x1 share",
    "3x3 to 5x5", "width eta", "width phi", "covariance", "eta asymmetry", "phi asymmetry", "tail near", "tail far",
    "tail asymmetry", "spread phi", "spread eta", "lit", "lit columns", "lit rows", "lit far",
)  # fmt: skip


def shower_shapes(X):
    """Shower shapes: what physicists compute from the energies before any network.

    - Shares of the sum of all crystals: of the three hottest crystals within 9 x 25, of blocks of rows x columns, and
      of the tail, the five middle rows 3 to 6 columns (near) and more (far) from the middle.
    - Widths and covariance: logarithmically weighted within 5 x 5 crystals, as in the CMS electron identification
      (arXiv:1502.02701, section 4), in crystals; spreads: roots of the mean squared distance, weighted by energy.
    - Asymmetries: how much the two sides of the middle differ, as a share of the sum.
    - Lit: numbers of crystals above 100 MeV, and of columns and rows that have one.

    Parameters
    ----------
    X : ndarray of shape (n, 32, 32, c)
        Official units; only the energy, channel 0, is used.

    Returns
    -------
    ndarray of float32, shape (n, 23)
        Columns `SHAPES`.
    """
    E = X[..., 0].astype(np.float64)
    total = E.sum(axis=(1, 2))
    block = E[:, CENTRE - 2 : CENTRE + 3, CENTRE - 2 : CENTRE + 3]  # 5 x 5 around the hottest crystal
    e3, e5 = block[:, 1:4, 1:4].sum(axis=(1, 2)), block.sum(axis=(1, 2))
    share = E / total[:, None, None]
    around = share[:, CENTRE - 4 : CENTRE + 5, CENTRE - 12 : CENTRE + 13].reshape(len(E), -1)
    first, second, third = np.sort(around, axis=1)[:, :-4:-1].T

    weight = np.maximum(0, 4.7 + np.log(np.maximum(block, 1e-9) / e5[:, None, None]))
    steps = np.arange(-2, 3)

    def mean(values):
        return (weight * values).sum(axis=(1, 2)) / weight.sum(axis=(1, 2))

    eta, phi = steps[:, None], steps[None, :]
    eta0, phi0 = mean(eta), mean(phi)
    variance_eta, variance_phi = mean(eta**2) - eta0**2, mean(phi**2) - phi0**2

    offset = np.arange(32) - CENTRE
    by_phi, by_eta = share[:, CENTRE - 2 : CENTRE + 3].sum(axis=1), share.sum(axis=2)
    near, far = (2 < abs(offset)) & (abs(offset) <= 6), abs(offset) > 6
    lit = E > THRESHOLD
    found = {
        "sum": total,
        "seed share": first,
        "second share": second,
        "third share": third,
        "3x3 share": e3 / total,
        "5x5 share": e5 / total,
        "1x5 share": block[:, 2].sum(axis=1) / total,
        "5x1 share": block[:, :, 2].sum(axis=1) / total,
        "3x3 to 5x5": e3 / e5,
        "width eta": np.sqrt(np.maximum(variance_eta, 0)),
        "width phi": np.sqrt(np.maximum(variance_phi, 0)),
        "covariance": abs(mean(eta * phi) - eta0 * phi0),
        "eta asymmetry": abs(by_eta[:, CENTRE + 1] - by_eta[:, CENTRE - 1]),
        "phi asymmetry": abs(by_phi[:, CENTRE + 1] - by_phi[:, CENTRE - 1]),
        "tail near": by_phi[:, near].sum(axis=1),
        "tail far": by_phi[:, far].sum(axis=1),
        "tail asymmetry": abs(by_phi[:, offset > 2].sum(axis=1) - by_phi[:, offset < -2].sum(axis=1)),
        "spread phi": np.sqrt(by_phi @ offset**2),
        "spread eta": np.sqrt(np.maximum(by_eta @ offset**2, 0)),
        "lit": lit.sum(axis=(1, 2)),
        "lit columns": lit.any(axis=1).sum(axis=1),
        "lit rows": lit.any(axis=2).sum(axis=1),
        "lit far": lit[:, :, far].sum(axis=(1, 2)),
    }
    return np.stack([found[name] for name in SHAPES], axis=1).astype(np.float32)


# --------------------------------------------------------------------------------------------------
# What the networks see


def cropped(images):
    """What the networks see of images (n, 32, 32, ...): the hottest crystal and those around it, (n, 15, 27, ...)."""
    return images[:, CENTRE - ROWS : CENTRE + ROWS + 1, CENTRE - COLUMNS : CENTRE + COLUMNS + 1]


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
    crop = mirror(cropped(X))
    energy = energy_planes(crop, total)
    time = [2 * crop[..., 1].clip(-1, 1)]
    planes = {"energy": energy, "time": time, "both": energy + time}[channels]
    return np.stack(planes, axis=1).astype(np.float32)


def mirror(crop):
    """Images (n, h, w, 2), mirrored to the side of large rows and columns.

    The weight of a crystal rises with its distance from the middle and levels off. Its neighbours decide mostly, since
    they hold most of the energy.
    """
    weights = [np.tanh(np.arange(-(size // 2), size // 2 + 1) / 2)
               for size in crop.shape[1:3]]
    crop = crop.copy()
    low = crop[..., 0].sum(axis=2) @ weights[0] < 0
    crop[low] = crop[low, ::-1]
    left = crop[..., 0].sum(axis=1) @ weights[1] < 0
    crop[left] = crop[left, :, ::-1]
    return crop


def energy_planes(crop, total):
    """Logarithm of each crystal's share, and its energy, (n, h, w) each."""
    share = crop[..., 0] / total[:, None, None]
    # 0.0016 is a faint crystal, 80 MeV of 50 GeV; both planes reach about 2
    return [np.log1p(share / 0.0016) / 3, 2 * crop[..., 0]]


# --------------------------------------------------------------------------------------------------
# The convolutional network


def block(inputs, outputs, stride=1):
    """Convolution, normalisation, and a smooth gate."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(outputs), nn.SiLU())


def total_energy(x):
    """Two numbers that tell the energy of images (n, c, h, w), (n, 2).

    Nearly all lie between -1 and 2 for this detector.
    """
    total = x[:, 1].sum(dim=(1, 2)) / 2
    # energies of 50 to 91 GeV become -0.8 to 1.6, with a mean near 0
    scaled = 4 * torch.log(total.clamp(min=1e-3)) - 0.8
    # its square as well: then the effect of the energy may bend
    return torch.stack([scaled, scaled**2 - 1], dim=1)


class CNN(nn.Module):
    """Images (n, channels, 15, 27) -> one logit each, (n,).

    Three convolutions, the second and the third with twice the channels and a step of two crystals, and a dense layer
    that knows where everything is. The convolutions see the seven middle rows: the magnetic field spreads particles
    along the columns only. Beside the image, the dense layer gets the logarithm of the total energy.

    Parameters
    ----------
    channels : int
        Planes of the input, see `network_input`: 1 for the time, which has no total energy.
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
            block(channels, width),
            block(width, 2 * width, stride=2),
            block(2 * width, 4 * width, stride=2), nn.Flatten())
        pixels = 4 * width * 2 * 7  # 7 x 27 crystals become 2 x 7
        self.dense = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(pixels + 2 * self.has_energy, hidden), nn.SiLU(),
            nn.Dropout(dropout), nn.Linear(hidden, 1), nn.Flatten(0))
        self.to(memory_format=torch.channels_last)  # the faster order

    def forward(self, x):
        middle = x[:, :, ROWS - MIDDLE:ROWS + MIDDLE + 1]
        features = [self.convolutions(middle)]
        if self.has_energy:
            features.append(total_energy(x))
        return self.dense(torch.cat(features, dim=1))


def probability(model, x):
    """Probability of an electron for inputs as of `network_input`, (n,)."""
    return 1 / (1 + np.exp(-predict(model, x)))


def combine(*probabilities):
    """Probability whose logit is the mean of those of several models."""
    logits = [np.log(p / (1 - p)) for p in probabilities]
    return 1 / (1 + np.exp(-np.mean(logits, axis=0)))


def occlusion(model, x):
    """Mean absolute change of the logit without one crystal, (7, 27).

    The total energy is held fixed: what is blanked out goes to a corner that the convolutions of `CNN` do not see.

    Parameters
    ----------
    model : CNN
    x : ndarray of shape (n, 2, 15, 27)
        Energy planes of `network_input`.
    """
    logits = predict(model, x)
    change = np.empty((2 * MIDDLE + 1, 2 * COLUMNS + 1))
    for row, column in np.ndindex(*change.shape):
        blanked, r = x.copy(), ROWS - MIDDLE + row
        blanked[:, :, r, column] = 0
        blanked[:, 1, 0, 0] += x[:, 1, r, column]  # a row it does not see
        change[row, column] = abs(predict(model, blanked) - logits).mean()
    return change
