"""Interpolation, a linear filter and networks that bring images of 64 pixels to 128, as the lesson shows them.

The lesson's cells are filled from here by ``make refresh``: lines of them are at most 78 characters long.
"""

from copy import deepcopy

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate, l1_loss

from common.training import predict


def enlarge(images):
    """Images of twice the size, by bicubic interpolation."""
    tensor = torch.as_tensor(images)  # arrays in, arrays out
    large = interpolate(tensor, scale_factor=2, mode="bicubic")
    return large if isinstance(images, torch.Tensor) else large.numpy()


def wiener_filter(coarse, fine):
    """H (128, 65): the best filter from enlarged coarse to fine images.

    H = <F conj(C)> / <|C|^2>, averaged over pairs: where the noise outweighs the image, H is small (N. Wiener,
    Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949). It is the best among filters that do
    the same at all places.

    Parameters
    ----------
    coarse : ndarray of shape (n, 1, 64, 64)
    fine : ndarray of shape (n, 1, 128, 128)

    Returns
    -------
    ndarray of complex numbers, shape (128, 65)
        For `apply_filter`.
    """
    C, F = np.fft.rfft2(enlarge(coarse)), np.fft.rfft2(fine)
    above = (F * C.conj()).mean(axis=(0, 1))
    return above / (np.abs(C) ** 2).mean(axis=(0, 1))


def apply_filter(H, coarse):
    """Fine images (n, 1, 128, 128) in [0, 1] from coarse ones."""
    large = enlarge(coarse)
    waves = H * np.fft.rfft2(large)
    fine = np.fft.irfft2(waves, s=large.shape[-2:])
    return fine.clip(0, 1).astype(np.float32)


class LinearFilter(nn.Module):
    """The filter H as a layer without weights; it does not clip.

    Parameters
    ----------
    H : ndarray of complex numbers, shape (128, 65)
        What `wiener_filter` returns.
    """

    def __init__(self, H):
        super().__init__()
        self.register_buffer("H", torch.from_numpy(H).to(torch.complex64))

    def forward(self, x):
        large = enlarge(x)
        waves = self.H * torch.fft.rfft2(large)
        return torch.fft.irfft2(waves, s=large.shape[-2:])


class SRCNN(nn.Module):
    """Enlarge, then convolutions of 9 x 9, 1 x 1 and 5 x 5 pixels.

    Dong, Loy, He and Tang (2016), IEEE TPAMI 38, 295, arXiv:1501.00092 (9-1-5).
    """

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 9, padding=4), nn.ReLU(),
            nn.Conv2d(64, 32, 1), nn.ReLU(),
            nn.Conv2d(32, 1, 5, padding=2))  # fmt: skip
        self.to(memory_format=torch.channels_last)  # the faster order

    def forward(self, x):
        return self.layers(enlarge(x))


class Residual(nn.Module):
    """What two convolutions add to their input."""

    def __init__(self, width, dilation):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation),
            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))  # fmt: skip

    def forward(self, x):
        return x + self.layers(x)


class Brightness(nn.Module):
    """Images u divided by a power of their brightness, exp(b) u / m^a.

    m is the mean of the nine brightest pixels; a and b are trained. Each image of a data set is divided by its own
    largest value. So how bright a fine image is depends on how sharp its peak is, and other windows cannot know that.
    Whole images only: a tile of an image has other brightest pixels.
    """

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor(0.75))
        self.b = nn.Parameter(torch.tensor(0.0))

    def forward(self, u):
        m = u.flatten(1).topk(9).values.mean(dim=1).clamp(min=0.1)
        return u * (self.b - self.a * m.log()).exp()[:, None, None, None]


class ResidualNetwork(nn.Module):
    """A correction to a first guess, computed on a coarser grid.

    Four neighbouring pixels become four channels (pixel unshuffle), residual blocks work on these 32 x 32 positions,
    and in the end 16 channels become 4 x 4 pixels (pixel shuffle; Shi et al. 2016, arXiv:1609.05158). Residual blocks
    without normalisation are those of EDSR (Lim et al. 2017, arXiv:1707.02921). The last layer starts at 0: an
    untrained network is its first guess, but for its `Brightness`.

    Parameters
    ----------
    width, blocks : int
        Channels, and the number of residual blocks; they see 1, 2 and 4 positions far in turn.
    guess : callable, coarse images (n, 1, h, w) -> fine ones (n, 1, 2 h, 2 w)
        Bicubic interpolation, or a `LinearFilter`.
    """

    def __init__(self, width=32, blocks=4, guess=enlarge):
        super().__init__()
        self.guess = guess
        last = nn.Conv2d(width, 16, 3, padding=1)
        nn.init.zeros_(last.weight)  # so it starts as its guess
        nn.init.zeros_(last.bias)
        dilations = [(1, 2, 4)[i % 3] for i in range(blocks)]
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(4, width, 3, padding=1),
            *(Residual(width, dilation) for dilation in dilations),
            last, nn.PixelShuffle(4))  # fmt: skip
        self.brightness = Brightness()

    def forward(self, x):
        return self.brightness(self.guess(x) + self.layers(x))


def restore(model, coarse):
    """Fine images (n, 1, 128, 128) in [0, 1] by a network."""
    return predict(model, coarse, batch_size=64).clip(0, 1)


def restore_eight(model, coarse):
    """The mean of what a network makes of turned and mirrored images.

    Parameters and result as of `restore`.
    """
    total = 0
    for turns in range(4):
        for step in (1, -1):  # as it is, and mirrored
            seen = np.rot90(coarse, turns, axes=(2, 3))[..., ::step]
            fine = restore(model, np.ascontiguousarray(seen))[..., ::step]
            total = total + np.rot90(fine, -turns, axes=(2, 3))
    return total / 8


def minus_psnr(restored, fine):
    """A loss: minus the mean PSNR in dB, of images with a range of 1.

    Minimising it weighs each image by what its error is already: the logarithm of a small error falls as much as that
    of a large one where both are halved.

    Parameters
    ----------
    restored, fine : tensor of shape (n, 1, height, width)

    Returns
    -------
    tensor of one number
    """
    mse = ((restored - fine) ** 2).mean(dim=(1, 2, 3))
    return 10 * torch.log10(mse + 1e-6).mean()


class Sampler(nn.Module):
    """A trained residual network with a second plane, of noise, as input.

    Another noise gives another image. `energy_score` trains it.

    Parameters
    ----------
    network : ResidualNetwork
        Its weights are where this one starts; it is not changed.
    """

    def __init__(self, network):
        super().__init__()
        self.guess, self.layers = network.guess, deepcopy(network.layers)
        self.brightness = deepcopy(network.brightness)
        old = self.layers[1]  # its 4 channels become 8, with those of noise
        new = nn.Conv2d(8, old.out_channels, 3, padding=1)
        with torch.no_grad():
            new.weight[:, :4], new.bias[:] = old.weight, old.bias
        self.layers[1] = new

    def sample(self, x):
        noise = torch.randn(len(x), 1, 16, 16).to(x)  # coarse as the blur
        noise = interpolate(noise, x.shape[-2:], mode="bicubic")
        correction = self.layers(torch.cat([x, noise], dim=1))
        return self.brightness(self.guess(x) + correction)

    def forward(self, x):
        return torch.cat([self.sample(x), self.sample(x)], dim=1)


def energy_score(samples, fine):
    """E |s - f| - E |s - s'| / 2 of two samples (n, 2, h, w), a number.

    For each pixel this is the continuous ranked probability score (Gneiting and Raftery 2007, JASA 102, 359): on
    average it is smallest where samples are spread as the truth is. Where both samples are equal it is the L1 loss.

    Parameters
    ----------
    samples : tensor of shape (n, 2, height, width)
    fine : tensor of shape (n, 1, height, width)

    Returns
    -------
    tensor of one number
    """
    first, second = samples[:, :1], samples[:, 1:]
    off = (l1_loss(first, fine) + l1_loss(second, fine)) / 2
    return off - l1_loss(first, second) / 2


def draw_samples(model, coarse, pairs_of=5, seed=0):
    """Fine images (n, 2 * pairs_of, 128, 128) in [0, 1], by a `Sampler`."""
    torch.manual_seed(seed)
    drawn = [predict(model, coarse, batch_size=64) for _ in range(pairs_of)]
    return np.concatenate(drawn, axis=1).clip(0, 1)


def tiles(images, k=2):
    """Images cut into k x k equal tiles, shape (n k^2, 1, height / k, width / k)."""
    n, channels, height, width = images.shape
    cut = images.reshape(n, channels, k, height // k, k, width // k)
    return np.ascontiguousarray(cut.transpose(0, 2, 4, 1, 3, 5)).reshape(-1, channels, height // k, width // k)
