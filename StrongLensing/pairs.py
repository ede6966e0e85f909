"""Pairs of images for super-resolution: 64 pixels, blurred and noisy, and 128 pixels of the same sky.

    from StrongLensing.pairs import super_resolution
    pairs = super_resolution(250, seed=0)  # X (250, 1, 64, 64), y (250, 1, 128, 128), float32 in [0, 1]

Two kinds of published pairs are known, and half of the pairs are of each kind
- "ring": simulated lenses, as in the example notebook of the hackathon. The fine image is clean; the coarse one is made
  from it by blurring, averaging and noise that is cut off at 0.
- "survey": lenses on the real sky, a sharp image by Hubble and a coarse one by a telescope on the ground (as Hyper
  Suprime-Cam on Subaru). The light of the lensing galaxy outshines the arcs, both images have the noise of the sky,
  and they are a little out of register. Such a pair is what the published sample of the course shows.
"""

import math

import numpy as np
import torch

from common.datasets import Dataset, check_n
from StrongLensing import lens, simulate
from StrongLensing.simulate import BLOCK, PUBLISHED, to_unit_range

VERSION = 3
SCENES = ("ring", "survey")
SIZE, FINE_SIZE = 64, 128

RING_BLUR = 3.2  # standard deviation in fine pixels
RING_NOISE = 0.1  # of the largest value

SURVEY = simulate.Model(FINE_SIZE, 0.084, 0.12, lens_masses=(1e12, 4e12))  # a coarse pixel has 0.168 arcsec
# Full widths at half maximum in arcsec: of a point in the sharp image, as Hubble's cameras differ with wavelength,
# pixels and resampling; and of what blurs the sharp image into the coarse one.
SURVEY_SHARPNESS = (0.12, 0.27)
SURVEY_SEEING = (0.45, 0.8)
SURVEY_REGISTER = 0.06  # arcsec, standard deviation of the shift between the two images, along each axis
SURVEY_NOISE = {"fine": (0.002, 0.012), "coarse": (0.012, 0.06)}  # of the largest value, log-uniform
SURVEY_GRAIN = 0.53  # pixels: standard deviation of the resampling that makes neighbours' noise alike
NEIGHBOURS = 8  # at most, as many as not


def super_resolution(n, seed):
    """n pairs of images, half of each scene, in random order.

    Parameters
    ----------
    n : int
        Number of pairs, at least 1.
    seed : int
        Non-negative, up to 128 bits. The same (n, seed) gives the same bytes on one platform.

    Returns
    -------
    Dataset
        X float32 (n, 1, 64, 64) and y float32 (n, 1, 128, 128), both in [0, 1]. meta: the arrays of
        simulate.draw_lenses(); kind (n,) int8, the class as in simulate.CLASSES; scene (n,) int8, 0 ring, 1 survey;
        pixel (n,) float32, arcsec of the coarse image; classes and scenes, the names.
    """
    check_n(n)
    rng = np.random.default_rng(seed)
    kind = simulate.balanced_labels(n, rng)
    scene = rng.permutation(np.arange(n) % 2).astype(np.int8)
    coarse = np.empty((n, SIZE, SIZE), np.float32)
    fine = np.empty((n, FINE_SIZE, FINE_SIZE), np.float32)
    meta = {}
    for number, (model, make) in enumerate([(PUBLISHED, ring_pairs), (SURVEY, survey_pairs)]):
        rows = np.flatnonzero(scene == number)
        draws = simulate.draw_lenses(model, kind[rows], rng)
        coarse[rows], fine[rows] = make(draws, rng)
        for name, values in draws.items():
            meta.setdefault(name, np.empty((n, *values.shape[1:]), np.float32))[rows] = values
    meta |= {"kind": kind, "scene": scene, "pixel": np.array([PUBLISHED.pixel, 2 * SURVEY.pixel], np.float32)[scene]}
    meta |= {"classes": list(simulate.CLASSES), "scenes": list(SCENES), "version": VERSION}
    return Dataset(coarse[:, None], fine[:, None], meta)


def rings(n, seed, blur=RING_BLUR, noise=RING_NOISE):
    """n pairs of the scene "ring" alone, with another blur (fine pixels) and noise (of the largest value).

    Parameters
    ----------
    n, seed : int
    blur : float
    noise : float, or ndarray of shape (n, 1, 1)

    Returns
    -------
    Dataset
        X (n, 1, 64, 64), y (n, 1, 128, 128), and kind in meta, as of super_resolution().
    """
    rng = np.random.default_rng(seed)
    kind = simulate.balanced_labels(n, rng)
    coarse, fine = ring_pairs(simulate.draw_lenses(PUBLISHED, kind, rng), rng, blur, noise)
    return Dataset(coarse[:, None], fine[:, None], {"kind": kind})


def smooth_rings(dataset, rows):
    """Fine images (len(rows), 1, 128, 128) of some ring pairs, drawn again without their substructure."""
    draws = {name: dataset.meta[name][rows].copy() for name in ("theta_E", "source", "substructure",
                                                                "vortex_length", "vortex_angle")}  # fmt: skip
    for name in ("substructure", "vortex_length"):
        draws[name][:] = 0
    return to_unit_range(_fine_rings(draws))[:, None]


def _fine_rings(draws):
    return simulate.render(
        draws, size=FINE_SIZE, pixel=PUBLISHED.pixel / 2, fwhm=PUBLISHED.fwhm, rescaling=PUBLISHED.rescaling
    )


def ring_pairs(draws, rng, blur=RING_BLUR, noise=RING_NOISE):
    """Coarse and fine images, (n, 64, 64) and (n, 128, 128), of simulated lenses without any other light."""
    fine = to_unit_range(_fine_rings(draws))
    return coarse_rings(fine, rng, blur, noise), fine


def coarse_rings(fine, rng, blur=RING_BLUR, noise=RING_NOISE):
    """Coarse images (n, 64, 64) of fine ones (n, 128, 128): blurred, averaged and noisy, as those of ring pairs."""
    degrade = lens.binning(SIZE, 2) @ lens.gaussian_blur(FINE_SIZE, blur)
    coarse = to_unit_range(lens.apply_to_axes(degrade, torch.from_numpy(fine)).numpy())
    coarse = coarse + noise * rng.standard_normal(coarse.shape, dtype=np.float32)
    return to_unit_range(np.clip(coarse, 0, None))


def survey_pairs(draws, rng):
    """Coarse and fine images, (n, 64, 64) and (n, 128, 128), of lenses on the sky, each scaled to [0, 1]."""
    n = len(draws["theta_E"])
    arcs = simulate.render(draws, size=FINE_SIZE, pixel=SURVEY.pixel, fwhm=SURVEY.fwhm, rescaling=SURVEY.rescaling)
    galaxies = draw_galaxies(n, rng)
    light = to_unit_range(galaxy_light(galaxies)) + galaxies["arc"][:, None, None] * to_unit_range(arcs)
    light = blurred(light, galaxies["defocus"])
    coarse = blurred(light, galaxies["blur"], galaxies["shift"], lens.binning(SIZE, 2))
    coarse, fine = to_unit_range(coarse), to_unit_range(light)
    return tuple(
        stretch(image + log_uniform(*SURVEY_NOISE[name], n, rng)[:, None, None] * grainy_noise(image.shape, rng))
        for name, image in (("coarse", coarse), ("fine", fine))
    )


def log_uniform(low, high, size, rng):
    """Random numbers between low and high whose logarithms are uniform; float32."""
    return np.exp(rng.uniform(math.log(low), math.log(high), size)).astype(np.float32)


def draw_galaxies(n, rng):
    """Random light around n lenses, and how it is seen: a dict of float32 arrays.

    Galaxies (n, 1 + NEIGHBOURS), the lensing one first: x, y, radius in arcsec; index, e1, e2; peak, the brightness at
    the centre over that of the lensing galaxy. arc (n,): the same for the arcs. In arcsec, as standard deviations:
    defocus (n,), what blurs both images beyond the sharpest ones; blur (n,), what blurs the coarse image beyond the
    fine one; shift (n, 2), where it is instead.
    """
    shape = (n, NEIGHBOURS)
    field = SURVEY.pixel * FINE_SIZE / 2
    peak = log_uniform(0.005, 0.15, shape, rng) * (rng.random(shape) < 0.5)
    sharpness = rng.uniform(*SURVEY_SHARPNESS, n)

    def with_lens(of_lens, of_neighbours):
        return np.concatenate([np.broadcast_to(of_lens, (n, 1)), np.broadcast_to(of_neighbours, shape)], axis=1)

    galaxies = {
        "x": with_lens(rng.normal(0, 0.08, (n, 1)), rng.uniform(-field, field, shape)),
        "y": with_lens(rng.normal(0, 0.08, (n, 1)), rng.uniform(-field, field, shape)),
        "radius": with_lens(log_uniform(0.25, 1.8, (n, 1), rng), log_uniform(0.1, 0.3, shape, rng)),
        "index": with_lens(rng.uniform(0.7, 4.5, (n, 1)), 1.0),
        "e1": with_lens(rng.normal(0, 0.1, (n, 1)).clip(-0.25, 0.25), 0.0),
        "e2": with_lens(rng.normal(0, 0.1, (n, 1)).clip(-0.25, 0.25), 0.0),
        "peak": with_lens(1.0, peak),
        "arc": log_uniform(0.01, 0.2, n, rng),
        "defocus": np.sqrt(sharpness**2 - SURVEY_SHARPNESS[0] ** 2) / lens.FWHM,
        "blur": rng.uniform(*SURVEY_SEEING, n) / lens.FWHM,
        "shift": rng.normal(0, SURVEY_REGISTER, (n, 2)),
    }
    return {name: values.astype(np.float32) for name, values in galaxies.items()}


def galaxy_light(galaxies, supersampling=2):
    """Images (n, 128, 128) of the galaxies of draw_galaxies(), without noise; the arcs are not among them."""
    x, y = lens.grid(FINE_SIZE, SURVEY.pixel, supersampling)
    blur = lens.gaussian_blur(FINE_SIZE, SURVEY.fwhm / SURVEY.pixel / lens.FWHM)
    telescope = blur @ lens.binning(FINE_SIZE, supersampling)
    images = np.empty((len(galaxies["arc"]), FINE_SIZE, FINE_SIZE), np.float32)
    for start in range(0, len(images), BLOCK):
        block = slice(start, start + BLOCK)
        names = ("x", "y", "radius", "index", "e1", "e2")
        columns = [torch.from_numpy(galaxies[name][block, :, None, None]) for name in names]
        cx, cy, radius, index, e1, e2 = (column[:, 0] for column in columns)
        light = lens.sersic(x - cx, y - cy, 1.0, radius, index, e1, e2)
        light /= light.amax((1, 2), keepdim=True)
        # A neighbour is a round Gaussian: its light is a product of both axes.
        cx, cy, radius = (column[:, 1:, :, 0] for column in columns[:3])
        peak = torch.from_numpy(galaxies["peak"][block, 1:, None])
        across, down = (
            torch.exp(-((axis.view(1, 1, -1) - centre) ** 2) / (2 * radius**2)) for axis, centre in ((x, cx), (y, cy))
        )
        light += (down * peak).transpose(1, 2) @ across
        images[block] = lens.apply_to_axes(telescope, light).numpy()
    return images


def blurred(images, sigma, shift=None, binning=None):
    """Images (n, 128, 128), each with its own Gaussian blur and shift in arcsec; the matrix `binning` comes last."""
    position = torch.arange(FINE_SIZE, dtype=torch.float32) * SURVEY.pixel
    sigma = torch.from_numpy(sigma).clamp(min=0.1 * SURVEY.pixel).view(-1, 1, 1)
    shift = torch.zeros(len(images), 2) if shift is None else torch.from_numpy(shift)
    distance = position[:, None] - position - shift.T[..., None, None]  # along x, along y
    across, down = torch.softmax(-((distance / sigma) ** 2) / 2, dim=-1)
    if binning is not None:
        across, down = binning @ across, binning @ down
    return (down @ torch.from_numpy(images) @ across.transpose(1, 2)).numpy()


def grainy_noise(shape, rng):
    """Gaussian noise of standard deviation 1 in images of this shape, alike in neighbouring pixels."""
    blur = lens.gaussian_blur(shape[-1], SURVEY_GRAIN)
    blur /= (blur**2).sum(1, keepdim=True).sqrt()
    return lens.apply_to_axes(blur, torch.from_numpy(rng.standard_normal(shape, dtype=np.float32))).numpy()


def stretch(images):
    """Images scaled so that the smallest value of each is 0 and the largest 1."""
    low = images.min((1, 2), keepdims=True)
    return (images - low) / (images.max((1, 2), keepdims=True) - low)
