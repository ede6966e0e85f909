"""Lenses whose sources are photographed galaxies, in three colours: after Model IV of DeepLenseSim.

    from StrongLensing import data
    lenses = data.load("train", 1000, task="photographed")   # X (1000, 3, 64, 64): red, green, blue
    noisy = data.load("train", 1000, task="model_IV")        # the same with Euclid's pixels, blur and noise

A Sersic profile is smooth; galaxies have arms, bars and knots of young stars. These 20 are cut out of the Hubble
eXtreme Deep Field (NASA, ESA, G. Illingworth et al. 2012; public domain), a picture that comes with scikit-image, so
that nothing is downloaded. Each is turned at random and scaled to the half-light radius that `StrongLensing.varied`
draws; lens, shear, place and substructure are those of `varied` too: for a seed, both have the same lenses. Bending is
the same in all colours.

Two things are simpler than in DeepLenseSim: substructure is that of the other models, not the NFW and fuzzy haloes of
pyHalo, and the lens is as in `varied`. The picture is one for the eye, whose bright parts are compressed: knots are
brighter than it shows, as they are in DeepLenseSim's sources, pictures of the DECaLS survey.
"""

from functools import lru_cache

import numpy as np
import torch
from torch.nn.functional import grid_sample, interpolate

from common.datasets import Dataset, check_n
from StrongLensing import simulate, varied

VERSION = 1
GALAXIES = (  # row, column and half width in pixels of the picture: alone, resolved, from spirals to irregular chains
    (401, 123, 31), (66, 487, 26), (75, 404, 24), (847, 586, 17), (595, 497, 20), (166, 819, 20), (605, 281, 17),
    (610, 811, 17), (357, 485, 17), (779, 55, 15), (786, 709, 17), (172, 984, 15), (289, 484, 15), (307, 160, 15),
    (549, 90, 14), (744, 313, 14), (798, 197, 20), (657, 288, 15), (404, 420, 20), (439, 513, 22),
)  # fmt: skip
CUT = 48  # pixels of a galaxy's picture, whatever its size in the field
GRAIN = 0.04  # of the white of the picture, above the sky: what is fainter is taken as noise


@lru_cache(maxsize=1)
def galaxies():
    """Pictures (20, 3, 48, 48) of sum 1 over colours and pixels / 3, and half widths (20,) in half-light radii."""
    from skimage.data import hubble_deep_field

    field = hubble_deep_field().transpose(2, 0, 1) / np.float32(255)
    field = np.clip(field - np.median(field, axis=(1, 2), keepdims=True) - GRAIN, 0, None)
    axis = (np.arange(CUT) + 0.5) / (CUT / 2) - 1
    distance = np.hypot(axis, axis[:, None])
    fade = np.clip((1 - distance) / 0.2, 0, 1)  # to nothing at the rim
    pictures, reach = [], []
    for row, column, half in GALAXIES:
        cut = torch.from_numpy(field[None, :, row - half : row + half + 1, column - half : column + half + 1])
        picture = interpolate(cut, (CUT, CUT), mode="bilinear", align_corners=False)[0].numpy() * fade
        picture /= picture.mean(0).sum()
        order = np.argsort(distance, axis=None)
        inside = np.searchsorted(picture.mean(0).ravel()[order].cumsum(), 0.5)
        pictures.append(picture)
        reach.append(1 / distance.ravel()[order][inside])
    return torch.from_numpy(np.stack(pictures)).float(), torch.tensor(reach).float()


def light(x, y, part):
    """Brightness (n, 3, height, width) per arcsec^2 at the angles x, y (n, height, width) from the source."""
    pictures, reach = (values.to(x.device) for values in galaxies())
    chosen = part["galaxy"].long()
    half = (part["source_radius"] * reach[chosen])[:, None, None]  # arcsec
    cos, sin = (f(part["source_angle"])[:, None, None] for f in (torch.cos, torch.sin))
    place = torch.stack([cos * x + sin * y, cos * y - sin * x], dim=-1) / half[..., None]
    pixel = 2 * half[:, None] / CUT
    return grid_sample(pictures[chosen], place, align_corners=False) / pixel**2


def _simulate(n, seed, model, telescope=None):
    check_n(n)
    rng = np.random.default_rng(seed)
    y = simulate.balanced_labels(n, rng)
    draws = varied.draw_lenses(y, rng)
    draws["galaxy"] = rng.integers(len(GALAXIES), size=n).astype(np.float32)
    draws["source_angle"] = rng.uniform(0, 2 * np.pi, n).astype(np.float32)
    images = varied.render(draws, model, light)
    if telescope:
        images = np.stack([varied.expose(images[:, i], draws, telescope, rng) for i in range(3)], axis=1)
    meta = {**draws, "classes": list(simulate.CLASSES), "pixel": model.pixel, "version": VERSION}
    return Dataset(simulate.to_unit_range(images), y, meta)


def photographed(n, seed):
    """Images (n, 3, 64, 64), the largest value of each is 1; parameters and meta as of varied.varied().

    meta has two more: galaxy (n,), the row of GALAXIES, and source_angle (n,) in rad.
    """
    return _simulate(n, seed, simulate.PUBLISHED)


def model_IV(n, seed):
    """The same kind of lenses with the pixels, blur and noise of Euclid's VIS camera in each of the three colours."""
    return _simulate(n, seed, varied.EUCLID.model, varied.EUCLID)
