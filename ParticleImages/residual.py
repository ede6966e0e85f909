"""A residual network that sees the image and the shower shapes: the best model of this challenge.

Boosted trees on shower shapes have what physicists know, a convolutional network has every crystal. With 100,000
images neither contains the other, and a network that is given both is ahead of each.

He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, arXiv:1512.03385.
"""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import silu

from common.layers import PiecewiseLinear
from ParticleImages.helpers import COLUMNS, MIDDLE, ROWS, block


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

    The first convolutions keep the resolution: neighbouring crystals are what tells one core from two.

    Parameters
    ----------
    shapes : ndarray of shape (n, k)
        Shower shapes of the training images, see `helpers.shower_shapes`: their quantiles encode them.
    width : int
        Channels at full resolution.
    hidden : int
        Units of the dense network.
    dropout : float
    bins : int
        Of the encoding.
    """

    def __init__(self, shapes, width=16, hidden=192, dropout=0.35, bins=16):
        super().__init__()
        self.k = shapes.shape[1]
        self.image = nn.Sequential(
            block(2, width), Residual(width), block(width, 2 * width, 2), Residual(2 * width),
            block(2 * width, 3 * width, 2), nn.Flatten(), nn.Dropout(dropout),
            nn.Linear(3 * width * 2 * 7, 64), nn.SiLU(),
        )  # fmt: skip
        self.encode = PiecewiseLinear(shapes, bins)
        self.scale = nn.BatchNorm1d(self.k, affine=False)
        self.shapes = nn.Sequential(
            nn.Linear(self.k * (bins + 1), hidden), nn.SiLU(), nn.Dropout(dropout), nn.Linear(hidden, 64), nn.SiLU()
        )
        self.join = nn.Sequential(nn.Dropout(dropout), nn.Linear(128, 64), nn.SiLU(), nn.Linear(64, 1), nn.Flatten(0))
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        """Logits (n,) of what `together` returns."""
        image, shapes = x[:, : -self.k], x[:, -self.k :]
        image = image.reshape(-1, 2, 2 * ROWS + 1, 2 * COLUMNS + 1)[:, :, ROWS - MIDDLE : ROWS + MIDDLE + 1]
        encoded = torch.cat([self.encode(shapes), self.scale(shapes).clamp(-3, 3)], dim=1)
        return self.join(torch.cat([self.image(image), self.shapes(encoded)], dim=1))


def together(planes, shapes):
    """One row an image: the planes of `helpers.network_input` for the energy, then the shapes; (n, 2 * 15 * 27 + k)."""
    return np.concatenate([planes.reshape(len(planes), -1), shapes], axis=1)
