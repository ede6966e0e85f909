"""What a simulator allows to ask: the same lenses with other substructure, and images repaired patch by patch."""

import numpy as np
import torch

from common.training import predict
from StrongLensing import simulate
from StrongLensing.simulate import CLASSES

DRAWS = ("theta_E", "source", "substructure", "vortex_length", "vortex_angle", "axion_mass", "largest_subhalo")


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
