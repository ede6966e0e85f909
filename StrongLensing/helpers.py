"""What the notebooks would otherwise be cluttered with: polar images, the networks, counterfactuals and plots."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from common.training import predict
from StrongLensing import simulate
from StrongLensing.pairs import FINE_SIZE
from StrongLensing.simulate import CLASSES

RADII, ANGLES = 24, 128  # of a polar image
SMOOTH = 4  # a galaxy and its shear leave angular frequencies up to this one
DRAWS = ("theta_E", "source", "substructure", "vortex_length", "vortex_angle", "axion_mass", "largest_subhalo")
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
# Classification


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


def without_substructure(dataset, rows):
    """The same lenses and sources, drawn again without substructure, shape (len(rows), 1, 64, 64)."""
    return _draw_again(dataset, rows)


def with_subhaloes(dataset, rows, mass, count=1, seed=0):
    """The same lenses with nothing but some equal subhaloes in them, at random places on the Einstein ring.

    Parameters
    ----------
    dataset : Dataset
        Simulated images.
    rows : ndarray of int
    mass : float
        Of each, in solar masses.
    count : int
        Subhaloes in each lens, at most 25.
    seed : int
        Of the places.

    Returns
    -------
    ndarray of float32, shape (len(rows), 1, 64, 64)
    """
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, (len(rows), count))
    ring = dataset.meta["theta_E"][rows, None]
    theta_E = np.full(angle.shape, subhalo_theta_E(mass))
    return _draw_again(dataset, rows, np.stack([ring * np.cos(angle), ring * np.sin(angle), theta_E], axis=2))


def subhalo_theta_E(mass):
    """Einstein radius in arcsec of a subhalo in the images of this challenge, from its mass in solar masses."""
    return simulate.einstein_radius(mass) * np.sqrt(simulate.PUBLISHED.rescaling)


def _draw_again(dataset, rows, subhaloes=None):
    draws = {name: dataset.meta[name][rows].copy() for name in DRAWS}
    for name in DRAWS[2:]:
        draws[name][:] = 0
    if subhaloes is not None:
        draws["substructure"][:, : subhaloes.shape[1]] = subhaloes
    model = simulate.PUBLISHED
    images = simulate.render(
        draws, size=model.size, pixel=model.pixel, fwhm=model.fwhm, truncation=model.truncation,
        rescaling=model.rescaling,
    )  # fmt: skip
    return simulate.to_unit_range(images)[:, None]


def repair_map(model, image, clean, label, patch=8, stride=4):
    """How much each patch of an image contributes to a class.

    Each patch in turn is replaced by the same patch of the image without substructure. Where the class becomes less
    probable, the patch held evidence for it.

    Parameters
    ----------
    model : torch.nn.Module
    image, clean : ndarray of shape (1, size, size)
    label : int
    patch, stride : int
        Pixels.

    Returns
    -------
    ndarray of shape (m, m)
        Drop of the class's logarithmic odds when the patch is repaired; m = (size - patch) / stride + 1.
    """
    starts = np.arange(0, image.shape[-1] - patch + 1, stride)
    repaired = np.repeat(image[None], len(starts) ** 2 + 1, axis=0)
    for i, (row, column) in enumerate((r, c) for r in starts for c in starts):
        window = np.s_[:, row : row + patch, column : column + patch]
        repaired[i][window] = clean[window]
    logits = torch.from_numpy(predict(model, repaired, batch_size=256)).double()
    others = torch.arange(len(CLASSES)) != label
    odds = (logits[:, label] - torch.logsumexp(logits[:, others], dim=1)).numpy()  # ln(p / (1 - p))
    return (odds[-1] - odds[:-1]).reshape(len(starts), len(starts))


# --------------------------------------------------------------------------------------------------
# Super-resolution


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


# --------------------------------------------------------------------------------------------------
# Figures


def examples(images, labels, per_class, pixel):
    """A figure with a row of images a class, axes in arcsec."""
    half = images.shape[-1] * pixel / 2
    fig, axes = plt.subplots(len(CLASSES), per_class, figsize=(1.35 * per_class, 4.4), sharex=True, sharey=True)
    for k, name in enumerate(CLASSES):
        for ax, image in zip(axes[k], images[labels == k][:per_class], strict=True):
            ax.imshow(image[0], cmap="magma", extent=(-half, half, -half, half), origin="lower")
            ax.tick_params(labelsize=6)
            ax.grid(False)
        axes[k, 0].set_ylabel(f"{name}\ny [arcsec]", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("x [arcsec]", fontsize=7)
    return fig


def mark_substructure(ax, dataset, row, weakest=0.04):
    """Circles around the masses of one lens, as large as their Einstein radii, or a line along its vortex.

    Subhaloes with Einstein radii below `weakest` arcsec are left out.
    """
    half = dataset.X.shape[-1] * float(np.ravel(dataset.meta["pixel"])[0]) / 2
    ax.set(xlim=(-half, half), ylim=(-half, half))
    length, angle = (float(dataset.meta[name][row]) for name in ("vortex_length", "vortex_angle"))
    if length > 0:
        ends = np.array([-length, length])
        ax.plot(ends * np.cos(angle), ends * np.sin(angle), color="c", lw=1)
    for x, y, theta_E in dataset.meta["substructure"][row]:
        if theta_E > weakest:
            ax.add_patch(plt.Circle((x, y), theta_E, fill=False, color="c", lw=1))


def repair_figure(model, dataset, rows, clean):
    """Images with their substructure marked, and `repair_map` of each below."""
    half = dataset.X.shape[-1] * dataset.meta["pixel"] / 2
    extent = (-half, half, -half, half)
    fig, axes = plt.subplots(2, len(rows), figsize=(1.85 * len(rows), 3.7), squeeze=False)
    for top, bottom, row, reference in zip(*axes, rows, clean, strict=True):
        top.imshow(dataset.X[row, 0], cmap="magma", origin="lower", extent=extent)
        mark_substructure(top, dataset, row)
        evidence = repair_map(model, dataset.X[row], reference, dataset.y[row])
        limit = abs(evidence).max()
        bottom.imshow(evidence, cmap="RdBu_r", origin="lower", extent=extent, vmin=-limit, vmax=limit)
        bottom.contour(dataset.X[row, 0], levels=[0.5], colors="0.4", linewidths=0.6, extent=extent)
        top.set_title(CLASSES[dataset.y[row]], fontsize=8)
        for ax in (top, bottom):
            ax.axis("off")
    return fig


def differences(dataset, rows, clean):
    """Images minus the same lenses without substructure, one beside the other."""
    fig, axes = plt.subplots(1, len(rows), figsize=(7.6, 1.8))
    for ax, row, reference in zip(axes, rows, clean, strict=True):
        ax.imshow(dataset.X[row, 0] - reference[0], cmap="RdBu_r", origin="lower", vmin=-0.3, vmax=0.3)
        ax.set_title(CLASSES[dataset.y[row]], fontsize=8)
        ax.axis("off")
    return fig


def pair_figure(images):
    """One lens in a row: the first of each entry of a dict of images (n, 1, size, size), as in `restorations`."""
    fig, axes = plt.subplots(1, len(images), figsize=(7.6, 1.6))
    for ax, (name, image) in zip(axes, images.items(), strict=True):
        ax.imshow(np.clip(image[0, 0], 0, 1) ** 0.4, cmap="magma", origin="lower", vmin=0, vmax=1)
        ax.set_title(name, fontsize=8)
        ax.axis("off")
    return fig


def compare(official, simulated, labels, columns=5):
    """A figure with one official image a class (left), and simulated ones of the class beside it."""
    fig, axes = plt.subplots(len(CLASSES), 1 + columns, figsize=(1.3 * (1 + columns), 4.1))
    for k, name in enumerate(CLASSES):
        for ax, image in zip(axes[k], [official[k], *simulated[labels == k][:columns]], strict=True):
            ax.imshow(np.squeeze(image), cmap="magma", origin="lower")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        axes[k, 0].set_ylabel(name)
    axes[0, 0].set_title("official")
    axes[0, 1].set_title("simulated")
    return fig


def restorations(images, rows):
    """A figure with a row for each entry of a dict of images (n, 1, size, size), and a column for each chosen lens.

    Drawn is the brightness to the power 0.4, which lifts what is faint.
    """
    fig, axes = plt.subplots(
        len(images), len(rows), figsize=(1.5 * len(rows) + 0.4, 1.5 * len(images)), squeeze=False
    )
    for line, (name, part) in zip(axes, images.items(), strict=True):
        for ax, row in zip(line, rows, strict=True):
            ax.imshow(np.clip(part[row, 0], 0, 1) ** 0.4, cmap="magma", origin="lower", vmin=0, vmax=1)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        line[0].set_ylabel(name, fontsize=8)
    return fig


def error_figure(dataset, restored, rows):
    """True images, restored ones and their difference, with the substructure of simulated ring pairs marked."""
    fig, axes = plt.subplots(len(rows), 3, figsize=(6, 2 * len(rows)), squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        half = FINE_SIZE * float(dataset.meta["pixel"][row]) / 4
        extent = (-half, half, -half, half)
        truth, image = dataset.y[row, 0], restored[row, 0]
        for ax, shown in zip(line, (truth, image), strict=False):
            ax.imshow(shown, cmap="magma", origin="lower", vmin=0, vmax=1, extent=extent)
        line[2].imshow(image - truth, cmap="RdBu_r", origin="lower", vmin=-0.3, vmax=0.3, extent=extent)
        for ax in line:
            mark_substructure(ax, dataset, row)
            ax.set(xlim=(-1.6, 1.6), ylim=(-1.6, 1.6), xticks=[], yticks=[])
            ax.grid(False)
    for ax, title in zip(axes[0], ("true", "restored", "restored - true"), strict=True):
        ax.set_title(title)
    return fig


def picture(axes):
    """A lensed galaxy of each class, one on each of the axes."""
    images = simulate.classification(60, seed=3)
    for label, ax in enumerate(axes):
        image = images.X[np.flatnonzero(images.y == label)[1], 0]
        ax.imshow(np.sqrt(image[10:54, 10:54]), cmap="inferno")
