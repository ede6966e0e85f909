"""Super-resolution: interpolation, a linear filter and networks that bring images of 64 pixels to 128."""

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from common.training import predict


def enlarge(images):
    """Images of twice the size by bicubic interpolation, shape (n, 1, 2 height, 2 width); tensors in, tensors out."""
    tensor = torch.as_tensor(images)
    large = interpolate(tensor, scale_factor=2, mode="bicubic", align_corners=False)
    return large if isinstance(images, torch.Tensor) else large.numpy()


def wiener_filter(coarse, fine):
    """The linear filter that brings enlarged coarse images nearest to the fine ones, in the Fourier domain.

    H = <F conj(C)> / <|C|^2>, averaged over pairs: where the noise outweighs the image, H is small (N. Wiener,
    Extrapolation, Interpolation, and Smoothing of Stationary Time Series, 1949).

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
    return (F * C.conj()).mean(axis=(0, 1)) / (np.abs(C) ** 2).mean(axis=(0, 1))


def apply_filter(kernel, coarse):
    """Fine images (n, 1, 128, 128) from coarse ones by a filter of `wiener_filter`, in [0, 1]."""
    large = enlarge(coarse)
    return np.fft.irfft2(np.fft.rfft2(large) * kernel, s=large.shape[-2:]).clip(0, 1).astype(np.float32)


class SRCNN(nn.Module):
    """Enlarge, then three layers: Dong, Loy, He and Tang (2016), IEEE TPAMI 38, 295, arXiv:1501.00092 (9-1-5)."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 9, padding=4), nn.ReLU(), nn.Conv2d(64, 32, 1), nn.ReLU(), nn.Conv2d(32, 1, 5, padding=2)
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        return self.layers(enlarge(x))


class Residual(nn.Module):
    """What two convolutions add to their input; the first one sees `dilation` pixels far."""

    def __init__(self, width, dilation):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )  # fmt: skip

    def forward(self, x):
        return x + self.layers(x)


class ResidualNetwork(nn.Module):
    """Add a correction to the enlarged image, and compute it on a grid four times coarser than the result.

    Four neighbouring pixels become four channels (pixel unshuffle), residual blocks work on these 32 x 32 positions,
    and in the end 16 channels become 4 x 4 pixels (pixel shuffle; Shi et al. 2016, arXiv:1609.05158). Residual blocks
    without normalisation are those of EDSR (Lim et al. 2017, arXiv:1707.02921).

    Parameters
    ----------
    width, blocks : int
        Channels, and the number of residual blocks; they see 1, 2 and 4 pixels far in turn.
    """

    def __init__(self, width=32, blocks=4):
        super().__init__()
        self.layers = nn.Sequential(
            nn.PixelUnshuffle(2), nn.Conv2d(4, width, 3, padding=1),
            *(Residual(width, (1, 2, 4)[i % 3]) for i in range(blocks)),
            nn.Conv2d(width, 16, 3, padding=1), nn.PixelShuffle(4),
        )  # fmt: skip

    def forward(self, x):
        return enlarge(x) + self.layers(x)


def restore(model, coarse):
    """Fine images (n, 1, 128, 128) in [0, 1] from coarse ones (n, 1, 64, 64) by a network."""
    return predict(model, coarse, batch_size=64).clip(0, 1)


def tiles(images, k=2):
    """Images cut into k x k equal tiles, shape (n k^2, 1, height / k, width / k)."""
    n, channels, height, width = images.shape
    cut = images.reshape(n, channels, k, height // k, k, width // k)
    return np.ascontiguousarray(cut.transpose(0, 2, 4, 1, 3, 5)).reshape(-1, channels, height // k, width // k)
