"""The classification of lenses as it stands on the page of its lesson: noise, waves around the ring, a network.

The lesson's cells are filled from here by ``make refresh``: lines are at most 78 characters long.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, grid_sample

from common.training import predict
from StrongLensing.simulate import CLASSES

RADII, ANGLES = 24, 128  # of a polar image
SLOW = 4  # a galaxy and its shear leave waves with up to so many periods
BANDS = ((5, 8), (9, 14), (15, 24), (25, 40), (41, 64))  # of periods
FAINTEST = 0.03  # amplitude
NOISE = (1e-4, 0.03)  # of the peak, in training: log-uniform


# --------------------------------------------------------------------------------------------------
# What a camera adds


def in_levels(x, bits):
    """Images as a file keeps them: cut off at 0 and 1, in 2^bits levels."""
    steps = 2**bits - 1
    return (x.clamp(0, 1) * steps).round() / steps


def observe(x, noise, bits=None):
    """Images (n, 1, h, w) with noise, scaled to peak 1, in 2^bits levels.

    Parameters
    ----------
    x : tensor of shape (n, 1, height, width)
    noise : float, or tensor of shape (n, 1, 1, 1)
        Standard deviation of the noise of a pixel, of the peak.
    bits : int, optional
        Default: no rounding.

    Returns
    -------
    tensor
    """
    x = x + noise * torch.randn_like(x)
    x = x / x.amax((2, 3), keepdim=True)
    return x if bits is None else in_levels(x, bits)


def any_camera(x):
    """Each image with a noise of its own, half of them in 8 bits."""
    low, high = (math.log(level) for level in NOISE)
    noise = torch.empty(len(x), 1, 1, 1).uniform_(low, high).exp().to(x)
    x = observe(x, noise)
    rounded = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(rounded, in_levels(x, 8), x)


# --------------------------------------------------------------------------------------------------
# Waves around the ring


def unwrap(x):
    """Images (n, 1, size, size) in polar coordinates, (n, RADII, ANGLES).

    Rows are radii from 1/24 of the outermost one on, which is 0.8 of half the width; columns are angles from 0 to 2 pi.
    Interpolated bilinearly.

    Parameters
    ----------
    x : tensor

    Returns
    -------
    tensor
    """
    # in units of half the image's width, as grid_sample counts: up to 0.8
    radius = 0.8 * torch.arange(1, RADII + 1)[:, None] / RADII
    angle = torch.arange(ANGLES) * (2 * torch.pi / ANGLES)
    place = [radius * torch.cos(angle), radius * torch.sin(angle)]
    place = torch.stack(place, dim=-1).to(x).expand(len(x), -1, -1, -1)
    return grid_sample(x, place, align_corners=False)[:, 0]


def spectrum(x):
    """Amplitudes of the waves with 0 to 64 periods, (n, RADII, 65).

    A ring that is turned or mirrored has the same.

    Parameters
    ----------
    x : tensor of shape (n, 1, size, size)

    Returns
    -------
    tensor
    """
    return torch.fft.rfft(unwrap(x), dim=-1).abs()


def polar(images):
    """Images (n, 1, size, size) unwrapped around their centre, an array (n, RADII, ANGLES); see `unwrap`."""
    return unwrap(torch.as_tensor(images, dtype=torch.float32)).numpy()


def low_waves(images):
    """120 numbers: the amplitudes of 0 to 4 periods at each radius.

    Parameters
    ----------
    images : ndarray of shape (n, 1, size, size)

    Returns
    -------
    ndarray of float32, shape (n, 120)
    """
    waves = spectrum(torch.from_numpy(images)).numpy()
    return waves[..., : SLOW + 1].reshape(len(images), -1)


def residual_features(images):
    """40 numbers: power of the residual in 8 annuli, 5 bands of periods.

    Parameters
    ----------
    images : ndarray of shape (n, 1, size, size)

    Returns
    -------
    ndarray of float32, shape (n, 40)
        Decimal logarithms.
    """
    power = spectrum(torch.from_numpy(images)).numpy() ** 2
    bands = [power[..., a : b + 1].sum(axis=-1) for a, b in BANDS]
    # three radii make an annulus: (n, 24, 5) becomes (n, 8, 3, 5)
    annuli = np.stack(bands, axis=-1).reshape(len(images), 8, 3, len(BANDS))
    # 1e-8: the logarithm of an empty annulus is finite
    return np.log10(annuli.sum(axis=2) + 1e-8).reshape(len(images), -1)


# --------------------------------------------------------------------------------------------------
# The network


class Network(nn.Module):
    """Images (n, 1, h, w) -> one number for each class, (n, 3).

    Parameters
    ----------
    width : int
        Units of the hidden layer.
    dropout : float
    """

    def __init__(self, width=128, dropout=0.3):
        super().__init__()
        waves = RADII * (ANGLES // 2 + 1)
        self.layers = nn.Sequential(
            nn.Flatten(),
            # each number to mean 0 and variance 1: over a batch in training,
            # afterwards with the values that training kept
            nn.BatchNorm1d(waves, affine=False),
            nn.Dropout(dropout / 2),  # in training, 15 % of the numbers are 0
            nn.Linear(waves, width), nn.ReLU(),  # negative numbers become 0
            nn.BatchNorm1d(width), nn.Dropout(dropout),
            nn.Linear(width, len(CLASSES)))  # fmt: skip

    def forward(self, x):
        return self.layers(torch.log(spectrum(x) + FAINTEST))


def probabilities(model, X):
    """Probability of each class, (n, 3), for images (n, 1, size, size)."""
    return softmax(predict(model, X, batch_size=256))


def softmax(logits):
    """Probabilities from logits, shape (n, classes)."""
    return torch.softmax(torch.from_numpy(logits), dim=1).numpy()


# --------------------------------------------------------------------------------------------------
# A rival that knows nothing of the ring: a convolutional network on pixels


class CNN(nn.Module):
    """Images (n, 1, h, w) -> one number for each class, (n, 3).

    Five convolutions; the second, third and fourth halve the image. Then the mean over all places.

    Parameters
    ----------
    width : int
        Channels of the first layer.
    dropout : float
    """

    def __init__(self, width=8, dropout=0.2):
        super().__init__()
        channels = [4, width, 2 * width, 4 * width, 8 * width, 8 * width]
        layers = []
        for stride, a, b in zip([1, 2, 2, 2, 1], channels, channels[1:], strict=False):
            layers += [nn.Conv2d(a, b, 3, stride, padding=1, bias=False),
                       nn.BatchNorm2d(b), nn.ReLU()]  # fmt: skip
        self.layers = nn.Sequential(*layers)
        last = nn.Linear(8 * width, len(CLASSES))
        self.last = nn.Sequential(nn.Dropout(dropout), last)
        self.to(memory_format=torch.channels_last)  # the faster order

    def forward(self, x):
        return self.last(self.layers(views(x)).mean(dim=(2, 3)))


def views(x):
    """The image, a stretched one, and details of both: (n, 4, h, w).

    Parameters
    ----------
    x : tensor of shape (n, 1, height, width)

    Returns
    -------
    tensor
    """
    planes = [x, torch.asinh(50 * x) / 4.6]  # the second lifts what is faint
    means = [avg_pool2d(p, 3, 1, 1, count_include_pad=False) for p in planes]
    details = [10 * (p - m) for p, m in zip(planes, means, strict=True)]
    return torch.cat([*planes, *(d.clamp(-2, 2) for d in details)], dim=1)


def flip(x):
    """About half of the images of a batch mirrored in each direction."""
    for axis in (2, 3):
        chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
        x = torch.where(chosen, x.flip(axis), x)
    return x
