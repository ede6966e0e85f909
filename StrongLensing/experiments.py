"""What a simulator allows to ask: the same lenses with other substructure, and images repaired patch by patch."""

import math

import numpy as np
import torch

from common.training import predict
from StrongLensing import lens, simulate
from StrongLensing.simulate import CLASSES

OF_SUBSTRUCTURE = ("substructure", "vortex_length", "vortex_angle", "axion_mass", "largest_subhalo")
DRAWS = ("theta_E", "source", *OF_SUBSTRUCTURE)


def without_substructure(dataset, rows, larger=1.0):
    """The same lenses and sources, drawn again without substructure.

    Parameters
    ----------
    dataset : Dataset
        Simulated images.
    rows : ndarray of int
    larger : float
        By how much the Einstein radius of each galaxy is multiplied.

    Returns
    -------
    ndarray of float32, shape (len(rows), 1, 64, 64)
    """
    draws = _smooth(dataset, rows)
    draws["theta_E"] *= larger
    return simulate.to_unit_range(_light(draws))[:, None]


def what_substructure_changes(dataset, rows, index=simulate.SOURCE["index"]):
    """The same lenses without substructure, and the change that it makes to each pixel.

    Both are in units of the smooth lens's peak, so that a pixel which substructure leaves alone has a change of 0.

    Parameters
    ----------
    dataset : Dataset
        Simulated images.
    rows : ndarray of int
    index : float
        Sersic index of all sources; default: that of the published ones.

    Returns
    -------
    tuple of two ndarrays of shape (len(rows), 64, 64)
    """
    smooth = _light(_smooth(dataset, rows), index)
    change = _light({name: dataset.meta[name][rows] for name in DRAWS}, index) - smooth
    peak = smooth.max((1, 2), keepdims=True)
    return smooth / peak, change / peak


def with_theta_E(n, seed, low, high):
    """Images like the published ones but for one thing: each galaxy has an Einstein radius of its own.

    Parameters
    ----------
    n : int
    seed : int
    low, high : float
        Arcsec; the radii are uniform between them.

    Returns
    -------
    tuple (X, y)
        Images (n, 1, 64, 64) and labels (n,), as of `simulate.classification`.
    """
    rng = np.random.default_rng(seed)
    y = simulate.balanced_labels(n, rng)
    draws = simulate.draw_lenses(simulate.PUBLISHED, y, rng)
    draws["theta_E"] = rng.uniform(low, high, n).astype(np.float32)
    return simulate.to_unit_range(_light(draws))[:, None], y


def with_subhaloes(dataset, rows, mass, count=1, seed=0):
    """The same lenses with nothing but some equal subhaloes in them, at random places on the Einstein ring.

    Parameters
    ----------
    dataset : Dataset
        Simulated images.
    rows : ndarray of int
    mass : float
        Mass of each subhalo, in solar masses.
    count : int
        Subhaloes in each lens, at most 25.
    seed : int
        Random seed of the places.

    Returns
    -------
    ndarray of float32, shape (len(rows), 1, 64, 64)
    """
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, (len(rows), count))
    draws = _smooth(dataset, rows)
    ring = draws["theta_E"][:, None]
    theta_E = np.full(angle.shape, subhalo_theta_E(mass))
    draws["substructure"][:, :count] = np.stack([ring * np.cos(angle), ring * np.sin(angle), theta_E], axis=2)
    return simulate.to_unit_range(_light(draws))[:, None]


def subhalo_theta_E(mass):
    """Einstein radius in arcsec of a subhalo in the images of this challenge, from its mass in solar masses."""
    return simulate.einstein_radius(mass) * np.sqrt(simulate.PUBLISHED.rescaling)


def _smooth(dataset, rows):
    """The draws of some lenses, with all substructure set to zero."""
    draws = {name: dataset.meta[name][rows].copy() for name in DRAWS}
    for name in OF_SUBSTRUCTURE:
        draws[name][:] = 0
    return draws


def _light(draws, index=simulate.SOURCE["index"]):
    """Brightness (n, 64, 64) of the published kind of lenses, not scaled, with sources of this Sersic index."""
    model = simulate.PUBLISHED
    shape = {**simulate.SOURCE, "index": index}
    return simulate.render(
        draws, size=model.size, pixel=model.pixel, fwhm=model.fwhm, truncation=model.truncation,
        rescaling=model.rescaling,
        source=lambda x, y, part: lens.sersic(x, y, simulate.SOURCE_AMPLITUDE, **shape),
    )  # fmt: skip


def repair_map(model, image, clean, label, patch=8, stride=4):
    """How much less probable a class becomes when each patch of an image is repaired.

    Each patch in turn is replaced by the same patch of the image without substructure. Where the class becomes less
    probable, the patch held evidence for it, or what the repair adds speaks against it.

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
    windows = _windows(image.shape[-1], patch, stride)
    repaired = np.repeat(image[None], len(windows) + 1, axis=0)
    for i, window in enumerate(windows):
        repaired[i][window] = clean[window]
    odds = log_odds(model, repaired, label)
    m = math.isqrt(len(windows))
    return (odds[-1] - odds[:-1]).reshape(m, m)


def best_patch_repaired(model, dataset, rows, label, patch=8, factors=(0.98, 1.01, 1.02, 1.03)):
    """Repair one patch of each image, that with the largest drop in `repair_map`, and one where nothing is to find.

    Parameters
    ----------
    model : torch.nn.Module
    dataset : Dataset
        Simulated images.
    rows : ndarray of int
    label : int
        The class that should become less probable.
    patch : int
        Pixels; patches do not overlap.
    factors : tuple of float
        By which the radii of the smooth lenses are multiplied.

    Returns
    -------
    tuple of ndarray of shape (len(rows), 1, size, size) and dict of float to two such arrays
        The repaired images; and by factor smooth lenses with another radius, and these with the same patch repaired.
    """
    windows = _windows(dataset.X.shape[-1], patch, patch)
    clean, repaired = without_substructure(dataset, rows), dataset.X[rows]
    others = {factor: without_substructure(dataset, rows, factor) for factor in factors}
    controls = {factor: (images, images.copy()) for factor, images in others.items()}
    for i, (image, of_clean) in enumerate(zip(dataset.X[rows], clean, strict=True)):
        best = windows[repair_map(model, image, of_clean, label, patch, patch).argmax()]
        for images in (repaired, *(patched for _, patched in controls.values())):
            images[i][best] = of_clean[best]
    return repaired, controls


def log_odds(model, images, label):
    """Logarithmic odds ln(p / (1 - p)) of a class for images (n, 1, size, size), shape (n,)."""
    logits = torch.from_numpy(predict(model, images, batch_size=256)).double()
    others = torch.arange(len(CLASSES)) != label
    return (logits[:, label] - torch.logsumexp(logits[:, others], dim=1)).numpy()


def _windows(size, patch, stride):
    starts = range(0, size - patch + 1, stride)
    return [np.s_[:, row : row + patch, column : column + patch] for row in starts for column in starts]
