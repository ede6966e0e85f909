"""A residual network that sees image and shower shapes, and learns what happened: the best model of this challenge.

Boosted trees on shower shapes have what physicists know, a convolutional network has every crystal. With 100,000
images neither contains the other, and a network that is given both is ahead of each.

A simulator knows more than the label. So the network learns to tell six groups apart, kinds of photons and kinds of
electrons; the probability of an electron is the sum over its kinds. In use it sees no more than any other model.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.
"""

import numpy as np
import torch
from scipy.special import expit, logsumexp
from torch import nn
from torch.nn.functional import silu

from common.layers import PiecewiseLinear
from common.training import predict
from ParticleImages.model import COLUMNS, ROWS, block

GROUPS = (
    "photon", "photon, converted beyond 0.6 m", "photon, converted within 0.6 m",
    "electron, radiated less than 10 %", "electron, radiated 10 to 50 %", "electron, radiated more than 50 %",
)  # fmt: skip
NEAR = (2, 10)  # rows and columns on each side of the hottest crystal that the convolutions see


def groups(part):
    """What happened to each particle of a simulated data set: indices of `GROUPS`, int64 (n,)."""
    radius = np.nan_to_num(part.meta["conversion_radius"], nan=np.inf)
    photon = np.select([radius <= 0.6, radius < np.inf], [2, 1], default=0)
    electron = 3 + np.digitize(part.meta["radiated"], [0.1, 0.5])
    return np.where(part.y == 1, electron, photon).astype(np.int64)


class Residual(nn.Module):
    """What two convolutions add to their input."""

    def __init__(self, channels):
        super().__init__()
        self.layers = nn.Sequential(
            block(channels, channels), nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x):
        return silu(x + self.layers(x))


class ImageAndShapes(nn.Module):
    """A residual network for the image, a small dense one for the shapes, and one that joins them.

    The first convolutions keep the resolution: neighbouring crystals are what tells one core from two. They see the
    five rows and 21 columns in the middle; what there is further out, the shapes count.

    Parameters
    ----------
    shapes : ndarray of shape (n, k)
        Shower shapes of the training images, see `model.shower_shapes`: their quantiles encode them.
    outputs : int
        Groups to tell apart: the first half are photons, the second half electrons. 2 where only labels are known.
    width : int
        Channels at full resolution.
    hidden : int
        Units of the dense network.
    dropout : float
    bins : int
        Bins of the encoding, for each shape.
    """

    def __init__(self, shapes, outputs=6, width=16, hidden=192, dropout=0.35, bins=16):
        super().__init__()
        self.k = shapes.shape[1]
        self.image = nn.Sequential(
            block(2, width), Residual(width), block(width, 2 * width, 2), Residual(2 * width),
            block(2 * width, 3 * width, 2), nn.Flatten(), nn.Dropout(dropout),
            nn.Linear(3 * width * 2 * 6, 64), nn.SiLU(),
        )  # fmt: skip
        self.encode = PiecewiseLinear(shapes, bins)
        self.scale = nn.BatchNorm1d(self.k, affine=False)
        self.shapes = nn.Sequential(
            nn.Linear(self.k * (bins + 1), hidden), nn.SiLU(), nn.Dropout(dropout), nn.Linear(hidden, 64), nn.SiLU()
        )
        self.join = nn.Sequential(nn.Dropout(dropout), nn.Linear(128, 64), nn.SiLU(), nn.Linear(64, outputs))
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        """Logits (n, outputs) of what `together` returns."""
        image, shapes = x[:, : -self.k], x[:, -self.k :]
        image = image.reshape(-1, 2, 2 * ROWS + 1, 2 * COLUMNS + 1)
        image = image[:, :, ROWS - NEAR[0] : ROWS + NEAR[0] + 1, COLUMNS - NEAR[1] : COLUMNS + NEAR[1] + 1]
        encoded = torch.cat([self.encode(shapes), self.scale(shapes).clamp(-3, 3)], dim=1)
        return self.join(torch.cat([self.image(image), self.shapes(encoded)], dim=1))


def together(planes, shapes):
    """One row an image: the planes of `model.network_input` for the energy, then the shapes; (n, 2 * 15 * 27 + k)."""
    return np.concatenate([planes.reshape(len(planes), -1), shapes], axis=1)


def electron_logit(logits):
    """Logarithm of the odds for an electron, (n,), of logits of photons and then electrons (n, outputs)."""
    photons, electrons = np.split(np.asarray(logits), 2, axis=1)
    return logsumexp(electrons, axis=1) - logsumexp(photons, axis=1)


def probability(model, x):
    """Probability of an electron for what `together` returns, shape (n,)."""
    return expit(electron_logit(predict(model, x)))
