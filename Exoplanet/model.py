"""Disks seen face on, features of what is not smooth in them, and a convolutional network."""

import lightgbm
import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool1d, avg_pool2d, grid_sample

from common.training import predict

RINGS, ANGLES = 36, 64  # of a polar image
INNERMOST, OUTERMOST = 0.04, 0.92  # of half the width of the image
BANDS = 4  # of radii in the features
FAINTEST = 1e-6  # what is darker is black, as in the published figures


# --------------------------------------------------------------------------------------------------
# Seen face on, in polar coordinates


def logarithm(X):
    """log10 of images, from -6 on."""
    return np.log10(np.maximum(X, FAINTEST))


def asinh(X, softening=0.03):
    """Like log10 where images are bright, but linear where they are fainter than `softening`: for images with noise."""
    return (np.arcsinh(X / np.float32(softening)) / np.float32(np.log(10))).astype(np.float32)


def ellipses(X, share=0.15, stretch=logarithm):
    """Axis ratio and position angle in rad of the brightest part of images, two arrays of shape (n,).

    The second moments of the area that has the brightest pixels, `share` of the image, are those of an ellipse: of a
    ring of the disk, seen under an angle. X has the shape (n, 1, size, size).
    """
    size = X.shape[-1]
    soft = avg_pool2d(torch.from_numpy(stretch(X)), 5, 1, padding=2, count_include_pad=False).numpy()[:, 0]
    level = np.quantile(soft, 1 - share, axis=(1, 2), keepdims=True)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    inside = (soft > level) | (np.hypot(x, y) < 0.05 * size)  # the hole in the middle belongs to the disk
    inside = inside & (np.hypot(x, y) < 0.5 * size)
    weight = inside / inside.sum(axis=(1, 2), keepdims=True)
    xx, yy, xy = ((weight * a).sum(axis=(1, 2)) for a in (x * x, y * y, x * y))
    spread = np.hypot((xx - yy) / 2, xy)
    mean = (xx + yy) / 2
    ratio = np.sqrt(np.clip((mean - spread) / (mean + spread), 0.04, 1))
    return ratio, 0.5 * np.arctan2(2 * xy, xx - yy)


def polar(X, ratio, angle, rings=RINGS, angles=ANGLES, stretch=logarithm):
    """Stretched images, seen face on and unwrapped: rows are radii, columns are angles from the major axis.

    Parameters
    ----------
    X : ndarray of float32, shape (n, 1, size, size)
    ratio, angle : ndarray of shape (n,)
        Of `ellipses`.
    rings, angles : int
        Size of the result.
    stretch : callable
        `logarithm` or `asinh`.

    Returns
    -------
    ndarray of float32, shape (n, rings, angles)
    """
    radius = torch.linspace(INNERMOST, OUTERMOST, rings)[:, None]
    azimuth = torch.arange(angles) * (2 * torch.pi / angles)
    ratio, angle = (torch.as_tensor(a, dtype=torch.float32).view(-1, 1, 1) for a in (ratio, angle))
    u, v = radius * torch.cos(azimuth), radius * torch.sin(azimuth) * ratio
    where = torch.stack([u * angle.cos() - v * angle.sin(), u * angle.sin() + v * angle.cos()], dim=-1)
    return grid_sample(torch.from_numpy(stretch(X)), where, align_corners=False, padding_mode="border")[:, 0].numpy()


def residual(unwrapped):
    """Polar images minus the median of each ring: what a smooth disk does not have, within +-1."""
    return np.clip(unwrapped - np.median(unwrapped, axis=2, keepdims=True), -1, 1)


# --------------------------------------------------------------------------------------------------
# Features, and trees that learn from them


def features(X):
    """Numbers that describe what is not smooth in a disk, for a rival of the network.

    Parameters
    ----------
    X : ndarray of float32, shape (n, 1, size, size)

    Returns
    -------
    ndarray of float32, shape (n, 33)
        For each of 4 bands of radii: the spread of the residual; its largest value in units of its typical one; depth
        of a gap and height of a ring, as the lowest and highest bend of the profile of medians (how much it lies above
        the mean of two rings inside and outside); and the logarithm of the power of one to four arms. And the axis
        ratio.
    """
    ratio, angle = ellipses(X)
    unwrapped = polar(X, ratio, angle)
    rest = residual(unwrapped).reshape(len(X), BANDS, -1, ANGLES)
    flat = rest.reshape(len(X), BANDS, -1)
    typical = np.median(abs(flat), axis=2) + 1e-4
    profile = np.median(unwrapped, axis=2)
    bend = profile[:, 2:-2] - (profile[:, 4:] + profile[:, :-4]) / 2
    bend = bend.reshape(len(X), BANDS, -1)
    arms = np.log10((abs(np.fft.rfft(rest, axis=3)[..., 1:5]) ** 2).mean(axis=2) + 1e-6)
    spots = flat.max(axis=2) / typical
    parts = [flat.std(axis=2), spots, bend.min(axis=2), bend.max(axis=2), arms.reshape(len(X), -1), ratio]
    return np.column_stack(parts).astype(np.float32)


def boosted_trees(n_trees, seed=0):
    """LightGBM for `features`, with results that do not depend on the machine's number of cores."""
    return lightgbm.LGBMClassifier(
        n_estimators=n_trees, learning_rate=0.05, num_leaves=15, subsample=0.8, subsample_freq=1,
        colsample_bytree=0.3, random_state=seed, n_jobs=1, verbose=-1, deterministic=True,
    )  # fmt: skip


def thumbnails(X, size=16):
    """Small pictures of log10 of the images, less their mean, shape (n, size^2): for finding similar ones."""
    width = X.shape[-1] // size
    small = avg_pool2d(torch.from_numpy(logarithm(X)), width).flatten(1).numpy()
    return small - small.mean(axis=1, keepdims=True)


# --------------------------------------------------------------------------------------------------
# The network


def views(X, rings=RINGS, angles=ANGLES, stretch=logarithm, share=0.15):
    """What the network sees: a stretched image, face on and in polar coordinates, in three views.

    Parameters
    ----------
    X : ndarray of float32, shape (n, 1, size, size)
    rings, angles, stretch
        As for `polar`.
    share : float
        As for `ellipses`.

    Returns
    -------
    ndarray of float32, shape (n, 3, rings, angles)
        The stretched image relative to its median, in units of two decades; three times the residual; and five times
        the bend of the profile: how much the median of a ring lies above the mean of the rings around it. All within
        +-1.
    """
    return views_of_polar(polar(X, *ellipses(X, share, stretch), rings, angles, stretch))


def views_of_polar(unwrapped):
    """`views` of polar images."""
    profile = np.median(unwrapped, axis=2)
    around = len(profile[0]) // 8  # rings on either side
    padded = torch.from_numpy(np.pad(profile, ((0, 0), (around, around)), mode="edge"))
    bend = profile - avg_pool1d(padded[:, None], 2 * around + 1, 1)[:, 0].numpy()
    level = np.median(profile, axis=1)[:, None, None]
    planes = [(unwrapped - level) / 2, 3 * residual(unwrapped), np.broadcast_to(5 * bend[..., None], unwrapped.shape)]
    return np.stack([plane.clip(-1, 1) for plane in planes], axis=1)


class Around(nn.Module):
    """Angles go round: the last column beside the first, and the first beside the last.

    The same as nn.CircularPad2d((1, 1, 0, 0)), whose gradient takes longer.
    """

    def forward(self, x):
        return torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)


def block(inputs, outputs, stride=1):
    """Convolution, normalisation, and a gate."""
    return nn.Sequential(
        Around(), nn.Conv2d(inputs, outputs, 3, stride, padding=(1, 0), bias=False),
        nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


class Network(nn.Module):
    """A convolutional network for `views`: six layers, and then both the mean and the maximum over all places.

    The mean tells what a disk is like as a whole, the maximum whether there is one conspicuous place.

    Parameters
    ----------
    width : int
        Channels of the first layer.
    dropout : float
    """

    def __init__(self, width=8, dropout=0.3):
        super().__init__()
        self.layers = nn.Sequential(
            block(3, width), block(width, 2 * width, 2), block(2 * width, 4 * width),
            block(4 * width, 4 * width, 2), block(4 * width, 8 * width), block(8 * width, 8 * width),
        )  # fmt: skip
        self.last = nn.Sequential(nn.Dropout(dropout), nn.Linear(16 * width, 1))

    def forward(self, x):
        found = self.layers(x)
        return self.last(torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1))[:, 0]


def turn_and_flip(x):
    """A batch of `views`, turned by a random angle, and about half of the disks mirrored.

    The sky has no up and no down, and a disk may go round either way.
    """
    x = torch.roll(x, int(torch.randint(x.shape[-1], (1,))), dims=3)
    chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(chosen, x.flip(3), x)


def logits(model, seen, turns=1):
    """Logarithmic odds of a planet, shape (n,), from `views`; averaged over 1, 2 or 4 equal turns of the disk."""
    steps = [k * seen.shape[-1] // turns for k in range(turns)]
    return np.mean([predict(model, np.roll(seen, step, axis=3), batch_size=256) for step in steps], axis=0)


def sigmoid(z):
    """Probabilities from logarithmic odds."""
    return 1 / (1 + np.exp(-np.asarray(z, np.float64)))
