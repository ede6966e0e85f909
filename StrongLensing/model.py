"""The classification of lenses: what remains of a ring without its smooth part, and a convolutional network."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, grid_sample

from common.training import predict
from StrongLensing.simulate import CLASSES

RADII, ANGLES = 24, 128  # of a polar image
SMOOTH = 4  # a galaxy and its shear leave angular frequencies up to this one
BANDS = ((5, 8), (9, 14), (15, 24), (25, 40), (41, 64))  # of angular frequencies


# --------------------------------------------------------------------------------------------------
# Features of the ring


def polar(images, outermost=0.8):
    """Images unwrapped around their centre: rows are radii, columns are angles.

    Parameters
    ----------
    images : ndarray of shape (n, 1, size, size)
    outermost : float
        Largest radius, of half the width of the image.

    Returns
    -------
    ndarray of float32, shape (n, RADII, ANGLES)
        Interpolated bilinearly at radii from `outermost / RADII` on, and angles from 0 to 2 pi.
    """
    radius = torch.linspace(outermost / RADII, outermost, RADII)[:, None]
    angle = torch.arange(ANGLES) * (2 * torch.pi / ANGLES)
    where = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=-1)
    images = torch.as_tensor(images, dtype=torch.float32)
    return grid_sample(images, where.expand(len(images), -1, -1, -1), align_corners=False)[:, 0].numpy()


def residual(unwrapped):
    """What remains of polar images without their smooth ring: angular frequencies above `SMOOTH`, same shape."""
    waves = np.fft.rfft(unwrapped, axis=-1)
    waves[..., : SMOOTH + 1] = 0
    return np.fft.irfft(waves, n=unwrapped.shape[-1], axis=-1).astype(np.float32)


def residual_features(images):
    """The strength of the dents in the ring, by radius and by angular frequency.

    Parameters
    ----------
    images : ndarray of shape (n, 1, size, size)

    Returns
    -------
    ndarray of float32, shape (n, 44)
        Decimal logarithms of the residual's power in 8 rings x 5 bands of angular frequency, then its largest and
        smallest value, its kurtosis, and the logarithm of its total power.
    """
    unwrapped = polar(images)
    power = np.abs(np.fft.rfft(unwrapped, axis=-1)) ** 2
    bands = np.stack([power[..., low : high + 1].sum(axis=-1) for low, high in BANDS], axis=-1)
    bands = bands.reshape(len(bands), 8, RADII // 8, len(BANDS)).sum(axis=2).reshape(len(bands), -1)
    rest = residual(unwrapped).reshape(len(bands), -1)
    spread = rest.std(axis=1)
    kurtosis = (rest**4).mean(axis=1) / (spread**4 + 1e-20)
    tiny = 1e-8
    return np.column_stack(
        [np.log10(bands + tiny), rest.max(axis=1), rest.min(axis=1), kurtosis, np.log10(spread**2 + tiny)]
    ).astype(np.float32)  # fmt: skip


# --------------------------------------------------------------------------------------------------
# The network


def block(inputs, outputs, stride=1):
    """Convolution, normalisation, and a gate."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class Network(nn.Module):
    """A convolutional network for one-channel images: each halving of the image doubles the channels.

    Its input is the image and its logarithm, which lifts what is faint. With `detail` there are two more views: what
    either differs by from the mean of its 3 x 3 neighbourhood, ten times enlarged. The smooth ring nearly vanishes
    there, and what remains is where the ring is dented.

    Parameters
    ----------
    detail : bool
    width : int
        Channels of the first layer.
    dropout : float
    """

    def __init__(self, detail=True, width=8, dropout=0.2):
        super().__init__()
        self.detail = detail
        self.layers = nn.Sequential(
            block(4 if detail else 2, width), block(width, 2 * width, 2), block(2 * width, 4 * width, 2),
            block(4 * width, 8 * width, 2), block(8 * width, 8 * width),
        )  # fmt: skip
        self.last = nn.Sequential(nn.Dropout(dropout), nn.Linear(8 * width, len(CLASSES)))
        self.to(memory_format=torch.channels_last)  # the faster order of the numbers in memory

    def forward(self, x):
        return self.last(self.layers(views(x, self.detail)).mean(dim=(2, 3)))


def views(x, detail=True):
    """What `Network` sees: tensors (n, 4, height, width), or (n, 2, ...) without detail, from (n, 1, ...)."""
    planes = [x, torch.log1p(100 * x) / 4.6]
    if detail:
        planes += [(10 * (plane - mean_of_neighbours(plane))).clamp(-2, 2) for plane in planes[:2]]
    return torch.cat(planes, dim=1)


def mean_of_neighbours(x):
    return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def flip(x):
    """Mirror about half of the images of a batch left to right, and about half upside down.

    The lens is alike in both mirrors. Quarter turns are left out: the lenses all lie in one direction.
    """
    for axis in (2, 3):
        chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
        x = torch.where(chosen, x.flip(axis), x)
    return x


def softmax(logits):
    """Probabilities from logits, shape (n, classes)."""
    return torch.softmax(torch.from_numpy(logits), dim=1).numpy()


def probabilities(model, X):
    """Probability of each class, shape (n, 3), for images of shape (n, 1, size, size)."""
    return softmax(predict(model, X, batch_size=256))
