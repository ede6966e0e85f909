"""Disks seen face on, features of what is not smooth in them, and a convolutional network.

Cells of the lesson are filled from here by ``make refresh``: their lines are at most 78 characters long.
"""

import lightgbm
import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import nn
from torch.nn.functional import avg_pool2d, grid_sample

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


def on_the_sky(radius, azimuth, ratio, angle):
    """Where points of a disk are seen: x and y, in the unit of the radius.

    azimuth is counted from the major axis, in the same sense as angle, the
    direction of that axis in rad from x towards y; ratio is the axis ratio.
    All four may be arrays that broadcast: polar gives many disks at once.
    """
    along = radius * np.cos(azimuth)
    across = radius * np.sin(azimuth) * ratio
    x = along * np.cos(angle) - across * np.sin(angle)
    y = along * np.sin(angle) + across * np.cos(angle)
    return x, y


def polar(X, ratio, angle, rings=RINGS, angles=ANGLES, stretch=logarithm):
    """Images as seen face on and unwrapped, (n, rings, angles).

    Rows are radii, columns are angles from the major axis.

    Parameters
    ----------
    X : ndarray of float32, shape (n, 1, size, size)
    ratio, angle : ndarray of shape (n,)
        What `ellipses` returns.
    rings, angles : int
        Size of the result.
    stretch : callable
        `logarithm` or `asinh`.

    Returns
    -------
    ndarray of float32, shape (n, rings, angles)
    """
    radius = np.linspace(INNERMOST, OUTERMOST, rings)[:, None]
    azimuth = np.arange(angles) * (2 * np.pi / angles)
    tilt = ratio[:, None, None], angle[:, None, None]
    places = np.stack(on_the_sky(radius, azimuth, *tilt), axis=-1)
    images = torch.from_numpy(stretch(X))
    places = torch.from_numpy(places.astype(np.float32))
    return grid_sample(images, places, padding_mode="border",
                       align_corners=False)[:, 0].numpy()  # fmt: skip


def residual(unwrapped):
    """Polar images minus the median of each ring, cut off at -1 and 1.

    unwrapped has the shape (n, rings, angles), and so has the result.
    """
    median = np.median(unwrapped, axis=2, keepdims=True)
    return np.clip(unwrapped - median, -1, 1)


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
    bends = profile[:, 2:-2] - (profile[:, 4:] + profile[:, :-4]) / 2
    bends = bends.reshape(len(X), BANDS, -1)
    arms = np.log10((abs(np.fft.rfft(rest, axis=3)[..., 1:5]) ** 2).mean(axis=2) + 1e-6)
    spots = flat.max(axis=2) / typical
    parts = [flat.std(axis=2), spots, bends.min(axis=2), bends.max(axis=2), arms.reshape(len(X), -1), ratio]
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
    """What the network sees of images, (n, 3, rings, angles).

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
        Pictures of `views_of_polar`: the stretched image relative to its median, in units of two decades; three times
        the `residual`; and five times the `bend` of the profile of medians. All within +-1.
    """
    ratio, angle = ellipses(X, share, stretch)
    return views_of_polar(polar(X, ratio, angle, rings, angles, stretch))


def bend(profile):
    """How much the median of each ring lies above those around it.

    profile and the result have the shape (n, rings).
    """
    around = profile.shape[1] // 8  # rings on either side
    wider = np.pad(profile, ((0, 0), (around, around)), mode="edge")
    windows = sliding_window_view(wider, 2 * around + 1, axis=1)
    return profile - windows.mean(axis=2)


def views_of_polar(unwrapped):
    """Three pictures of each unwrapped disk, (n, 3, rings, angles)."""
    profile = np.median(unwrapped, axis=2)
    level = np.median(profile, axis=1)[:, None, None]
    rings = np.broadcast_to(bend(profile)[:, :, None], unwrapped.shape)
    pictures = [(unwrapped - level) / 2, 3 * residual(unwrapped), 5 * rings]
    return np.stack(pictures, axis=1).clip(-1, 1).astype(np.float32)


class Around(nn.Module):
    """Angles go round: last column before the first, first after the last.

    The same as nn.CircularPad2d((1, 1, 0, 0)), whose gradient takes longer.
    """

    def forward(self, x):
        return torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)


def block(inputs, outputs, stride=1):
    """Convolution, normalisation, and the activation."""
    return nn.Sequential(
        Around(),
        nn.Conv2d(inputs, outputs, 3, stride, padding=(1, 0), bias=False),
        nn.BatchNorm2d(outputs), nn.ReLU())  # fmt: skip


class Network(nn.Module):
    """Views (n, 3, rings, angles) -> one logit an image, (n,).

    Six layers, and then both the mean and the maximum over all places: the mean tells what a disk is like as a whole,
    the maximum whether there is one conspicuous place.

    Parameters
    ----------
    width : int
        Channels of the first layer.
    dropout : float
    """

    def __init__(self, width=8, dropout=0.3):
        super().__init__()
        self.layers = nn.Sequential(
            block(3, width), block(width, 2 * width, stride=2),
            block(2 * width, 4 * width),
            block(4 * width, 4 * width, stride=2),
            block(4 * width, 8 * width),
            block(8 * width, 8 * width))  # fmt: skip
        self.last = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(16 * width, 1), nn.Flatten(0))  # fmt: skip

    def forward(self, x):
        found = self.layers(x)  # (n, 8 * width, rings / 4, angles / 4)
        mean, most = found.mean(dim=(2, 3)), found.amax(dim=(2, 3))
        return self.last(torch.cat([mean, most], dim=1))


def turn_and_flip(x):
    """Turn a batch by a random angle, and mirror about half of it.

    A planet may stand at any azimuth of its orbit, and a disk may go round either way.
    """
    x = torch.roll(x, int(torch.randint(x.shape[-1], (1,))), dims=3)
    chosen = torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5
    return torch.where(chosen, x.flip(3), x)


def logits(model, seen, turns=1):
    """Logarithmic odds of a planet, shape (n,), from `views`; averaged over 1, 2 or 4 equal turns of the disk."""
    steps = [k * seen.shape[-1] // turns for k in range(turns)]
    return np.mean([predict(model, np.roll(seen, step, axis=3), batch_size=256) for step in steps], axis=0)


def mean_of_runs(run, p):
    """Mean prediction of each run, in ascending order of the runs.

    run and p are (n,): the number of the run of each image, and a
    prediction for it. The result has one number for each run.
    """
    _, number = np.unique(run, return_inverse=True)
    return np.bincount(number, p) / np.bincount(number)


def sigmoid(z):
    """Probabilities from logarithmic odds."""
    return 1 / (1 + np.exp(-np.asarray(z, np.float64)))
