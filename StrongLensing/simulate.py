"""Simulated images of strong gravitational lenses: no substructure, cold dark matter, or axion vortices.

    from StrongLensing.simulate import classification
    images = classification(500, seed=0)  # X (500, 1, 64, 64) float32 in [0, 1], y (500,) int8

A galaxy of 1e12 solar masses at redshift 0.5 bends the light of a galaxy at redshift 1 into a ring. What dents the
ring is the class: nothing ("no"), 25 subhaloes of cold dark matter ("cdm"), or the vortex of a superfluid of ultralight
axions ("axion"). These are the Models I, II and III of DeepLenseSim, the simulator of the published data (Alexander et
al. 2020, arXiv:1909.07346; https://github.com/mwt5345/DeepLenseSim), and the published images of 64 pixels are Model
III: with the right numbers drawn this file gives two of them to 5e-6 of their peak (see tests/test_real.py). All angles
are in arcsec, masses in solar masses.

What is peculiar about the published simulation, and kept
- Einstein radii come from luminosity distances, with the difference of two of them between lens and source.
- Models II and III scale all deflections by 0.634, from a source at redshift 2.5 to one at redshift 1.
- Their images have no noise, one ray a pixel, and are divided by their maximum: the smallest value is not exactly 0.
- There are always 25 subhaloes, and a vortex always runs through the centre of the image.
- The number of subhaloes falls as m^-0.9 and not, as for cold dark matter, m^-1.9: heavy ones are frequent.
- Model I adds Poisson noise twice.

Where this differs
- classification() has the one lens of the published data. model_I() to model_III() cover what users of DeepLenseSim
  have published, lenses of up to 1e13 solar masses and sources up to 0.5 arcsec from the axis: a little harder.
- The published images that are known have sources near the axis; here they are uniform, as in the published program.
- Model IV, with photographed galaxies as sources, is in `StrongLensing.photographed`.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch

from common.datasets import Dataset, check_n
from StrongLensing import lens

VERSION = 2
CLASSES = ("axion", "cdm", "no")  # in the order of their labels
AXION, CDM, NO = range(3)

LENS_MASS = 1e12
THETA_E = 1.28149  # arcsec of 1e12 solar masses: sqrt(4 G M / c^2 (1 / D_lens - 1 / D_source)), 2832.9 and 6607.7 Mpc
ELLIPTICITY = (0.1, 0.0)
SHEAR = (0.05, 0.0)
RESCALING = 0.634315  # (1 - d(0.5) / d(1)) / (1 - d(0.5) / d(2.5)), comoving distances for H0 69.7, Omega_m 0.2814

N_SUBHALOES = 25
SUBHALO_MASS = (1e6, 1e10)
SUBHALO_SLOPE = -0.9  # dN / dm ~ m^-0.9
SUBHALO_RADIUS = (0.25, 2.0)  # arcsec from the centre, uniform
AXION_MASS = (1e-24, 1e-22)  # eV, log-uniform
VORTEX_LENGTH = 0.03  # arcsec: half the length for an axion of 1e-22 eV, and inversely to its mass
VORTEX_MASS = 3e10
VORTEX_POINTS = 100

SOURCE_RANGE = 0.35  # arcsec: the centre of the source is uniform within, along both axes
SOURCE = {"radius": 0.25, "index": 1.0, "e1": -0.1, "e2": 0.1}
SOURCE_AMPLITUDE = 20.0  # per arcsec^2 and second at the half-light radius; only Model I counts photons

BLOCK = 16  # images that are worked on together: few enough for the cache, enough to make the most of each call


@dataclass(frozen=True)
class Model:
    """An instrument, and how DeepLenseSim uses it.

    Attributes
    ----------
    size : int
        Pixels along an axis.
    pixel, fwhm : float
        Width of a pixel and full width at half maximum of the point-spread function in arcsec.
    truncation : float
        Where the point-spread function ends, in standard deviations.
    rescaling : float
        Factor on all deflections.
    lens_masses : (float, float)
        Half of the lenses have the first mass, a quarter the second, and a quarter a log-uniform one between.
    source_reach : float, optional
        The source is at a uniform distance from the axis, up to this many arcsec, in any direction. Default: it is
        uniform in a square, as published.
    noise : bool
        Whether photons are counted.
    """

    size: int
    pixel: float
    fwhm: float
    truncation: float = 5.0
    rescaling: float = RESCALING
    lens_masses: tuple = (LENS_MASS, LENS_MASS)
    source_reach: float | None = None
    noise: bool = False


# Outputs of DeepLenseSim that its users have published have lenses of 1e12 to 1e13 solar masses, and more sources near
# the axis and far from it than a square has: the three models for comparison cover them evenly.
USERS = {"lens_masses": (LENS_MASS, 1e13), "source_reach": 0.5}
MODEL_I = Model(150, 0.05, 0.087, truncation=3.0, rescaling=1.0, noise=True, **USERS)
MODEL_II = Model(64, 0.101, 0.16, **USERS)  # Euclid, VIS
MODEL_III = Model(64, 0.08, 0.08, **USERS)  # Hubble, WFC3 F160W
PUBLISHED = Model(64, 0.08, 0.08)  # Model III with the one lens of the published data


# --------------------------------------------------------------------------------------------------
# Draws


def einstein_radius(mass):
    """Einstein radius in arcsec of a mass in solar masses, before the rescaling of Models II and III."""
    return THETA_E * np.sqrt(np.asarray(mass) / LENS_MASS)


def draw_lenses(model, labels, rng):
    """Random lenses and sources of the given classes: a dict of arrays, one entry an image.

    Everything is float32, so that the record is exactly what the image is made of.

    Returns
    -------
    dict
        theta_E (n,) of the galaxy and substructure (n, 25, 3), x, y and theta_E of each subhalo, both as they act on
        the source (rescaled); source (n, 2) x, y; vortex_length (n,) half its length, vortex_angle (n,) in rad and
        axion_mass (n,) in eV; largest_subhalo (n,) in solar masses. Zero where a class has no such thing.
    """
    n = len(labels)
    low, high = model.lens_masses
    # Half of the exponents are 0 and a quarter are 1: lowest and highest mass. Between them they are uniform.
    exponent = np.clip(rng.uniform(-2, 2, n), 0, 1)
    lens_mass = low * (high / low) ** exponent
    if model.source_reach is None:
        source = rng.uniform(-SOURCE_RANGE, SOURCE_RANGE, (n, 2))
    else:
        distance, direction = rng.uniform(0, model.source_reach, n), rng.uniform(0, 2 * np.pi, n)
        source = np.stack([distance * np.cos(direction), distance * np.sin(direction)], axis=-1)

    mass = power_law(*SUBHALO_MASS, SUBHALO_SLOPE, rng.random((n, N_SUBHALOES)))
    radius, angle = rng.uniform(*SUBHALO_RADIUS, mass.shape), rng.uniform(0, 2 * np.pi, mass.shape)
    theta_E = einstein_radius(mass) * math.sqrt(model.rescaling)
    subhaloes = np.stack([radius * np.sin(angle), radius * np.cos(angle), theta_E], axis=-1)

    axion_mass = np.exp(rng.uniform(*np.log(AXION_MASS), n))
    vortex_angle = rng.uniform(0, 2 * np.pi, n)

    is_axion, is_cdm = labels == AXION, labels == CDM
    draws = {
        "theta_E": einstein_radius(lens_mass) * model.rescaling,
        "source": source,
        "substructure": np.where(is_cdm[:, None, None], subhaloes, 0),
        "largest_subhalo": np.where(is_cdm, mass.max(1), 0),
        "axion_mass": np.where(is_axion, axion_mass, 0),
        "vortex_length": np.where(is_axion, VORTEX_LENGTH * AXION_MASS[1] / axion_mass, 0),
        "vortex_angle": np.where(is_axion, vortex_angle, 0),
    }
    return {name: values.astype(np.float32) for name, values in draws.items()}


def power_law(low, high, slope, u):
    """Numbers between low and high with density ~ m^slope, from uniform u in [0, 1)."""
    a, b = low ** (slope + 1), high ** (slope + 1)
    return (a + (b - a) * u) ** (1 / (slope + 1))


# --------------------------------------------------------------------------------------------------
# Images


def render(draws, *, size, pixel, fwhm=0.0, truncation=5.0, rescaling=1.0, supersampling=1, source=None, device=None):
    """Noise-free images (n, size, size), float32, of the lenses of draw_lenses().

    Parameters
    ----------
    draws : dict
        What draw_lenses() returns, here or in `StrongLensing.varied`, where each image has its own galaxy and source;
        substructure acts where its Einstein radius or length is not 0.
    size, pixel, fwhm, truncation, rescaling
        See Model; fwhm 0 is no blur.
    supersampling : int
        Rays along each axis of a pixel, averaged before the blur.
    source : callable (x, y, part), optional
        Brightness (n, height, width), or (n, colours, height, width), at the angles x, y from the source; part is
        draws of these images, as tensors. Default: a Sersic profile.
    device : torch device, optional
        Where to work; default: the processor.

    Returns
    -------
    ndarray
        Brightness per arcsec^2 for a source of amplitude 20 at its half-light radius; where sources differ, each has a
        total flux of 1.
    """
    x, y = lens.grid(size, pixel, supersampling, device=device)
    galaxy = lens.sie(x, y, 1.0, *ELLIPTICITY)  # for an Einstein radius of 1
    alpha_x, alpha_y = lens.shear(x, y, *(rescaling * g for g in SHEAR))
    sheared = (x - alpha_x, y - alpha_y)
    vortex_theta_E = float(einstein_radius(VORTEX_MASS / VORTEX_POINTS)) * math.sqrt(rescaling)
    telescope = lens.gaussian_blur(size, fwhm / pixel / lens.FWHM, truncation, device=device)
    if supersampling > 1:
        telescope = telescope @ lens.binning(size, supersampling, device=device)

    def light(part, vortex, subhaloes):
        """Brightness (n, rays, rays) of the lenses of draw_lenses(), as tensors, that have this substructure."""
        theta_E, length, angle = (part[k].view(-1, 1, 1) for k in ("theta_E", "vortex_length", "vortex_angle"))
        centre = part["source"].view(-1, 2, 1, 1)
        own_shape = "ellipticity" in part
        (alpha_x, alpha_y), (x_sheared, y_sheared) = _own_lens(x, y, part) if own_shape else (galaxy, sheared)
        beta_x = x_sheared - theta_E * alpha_x - centre[:, 0]
        beta_y = y_sheared - theta_E * alpha_y - centre[:, 1]
        if vortex:
            one = part["vortex_theta_E"].view(-1, 1, 1) if own_shape else vortex_theta_E
            alpha_x, alpha_y = lens.vortex(x, y, length, angle, one, VORTEX_POINTS)
            beta_x, beta_y = beta_x - alpha_x, beta_y - alpha_y
        if subhaloes:
            alpha_x, alpha_y = lens.point_masses(x, y, part["substructure"])
            beta_x, beta_y = beta_x - alpha_x, beta_y - alpha_y
        if source is not None:
            return source(beta_x, beta_y, part)
        if own_shape:
            return _own_source(beta_x, beta_y, part)
        return lens.sersic(beta_x, beta_y, SOURCE_AMPLITUDE, **SOURCE)

    images = np.empty((len(draws["theta_E"]), size, size), np.float32)
    has_vortex, has_subhaloes = draws["vortex_length"] > 0, (draws["substructure"][..., 2] > 0).any(1)
    for vortex, subhaloes in itertools.product((False, True), repeat=2):
        rows = np.flatnonzero((has_vortex == vortex) & (has_subhaloes == subhaloes))
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            part = {name: torch.from_numpy(values[block]).to(device) for name, values in draws.items()}
            seen = lens.apply_to_axes(telescope, light(part, vortex, subhaloes)).cpu().numpy()
            if seen.ndim > images.ndim:  # colours
                images = np.empty((len(images), *seen.shape[1:]), np.float32)
            images[block] = seen
    return images


def _own_lens(x, y, part):
    """The galaxy's deflection for an Einstein radius of 1, and sheared angles, of lenses that differ in shape."""
    e1, e2, gamma1, gamma2 = (part[k][:, i, None, None] for k in ("ellipticity", "shear") for i in (0, 1))
    alpha_x, alpha_y = lens.shear(x, y, gamma1, gamma2)
    return lens.sie(x, y, 1.0, e1, e2), (x - alpha_x, y - alpha_y)


def _own_source(x, y, part):
    """Brightness per arcsec^2 of sources that differ in shape, each of total flux 1."""
    radius, index = (part[k].view(-1, 1, 1) for k in ("source_radius", "source_index"))
    e1, e2 = (part["source_ellipticity"][:, i, None, None] for i in (0, 1))
    return lens.sersic(x, y, 1 / lens.sersic_flux(radius, index), radius, index, e1, e2)


def count_photons(images, pixel, rng):
    """Photons (n, size, size) of Model I, from brightness per arcsec^2: the noise of DeepLenseSim.

    The exposure time is 10^3 to 10^3.5 s. Poisson noise is added twice, and the background has a standard deviation of
    0.01 photons a second in each pixel.
    """
    flux = images * pixel**2
    exposure = 10 ** rng.uniform(3, 3.5, (len(flux), 1, 1))
    noise = rng.standard_normal(flux.shape) * np.sqrt(flux / exposure) + 0.01 * rng.standard_normal(flux.shape)
    return rng.poisson(np.clip(exposure * (flux + noise), 0, None)).astype(np.float32)


def to_unit_range(images):
    """Images (n, size, size) or (n, colours, size, size) divided by their maxima, as the published ones are."""
    return images / images.max(tuple(range(1, images.ndim)), keepdims=True)


# --------------------------------------------------------------------------------------------------
# Data sets


def balanced_labels(n, rng):
    """n labels of the classes 0, 1, 2 in random order, equally frequent."""
    return rng.permutation(np.arange(n) % len(CLASSES)).astype(np.int8)


def simulate(model, n, seed, device=None):
    """n images of a model, the classes equally frequent in random order.

    Parameters
    ----------
    model : Model
    n : int
        Number of images, at least 1.
    seed : int
        Non-negative, up to 128 bits. The same (n, seed) gives the same bytes on one platform.
    device : torch device, optional

    Returns
    -------
    Dataset
        X float32 (n, 1, size, size), the largest value of each image is 1; y int8 (n,): 0 axion, 1 cdm, 2 no. meta: the
        arrays of draw_lenses(), classes, and pixel in arcsec.
    """
    check_n(n)
    rng = np.random.default_rng(seed)
    y = balanced_labels(n, rng)
    draws = draw_lenses(model, y, rng)
    images = render(
        draws, size=model.size, pixel=model.pixel, fwhm=model.fwhm, truncation=model.truncation,
        rescaling=model.rescaling, device=device,
    )  # fmt: skip
    if model.noise:
        images = count_photons(images, model.pixel, rng)
    meta = {**draws, "classes": list(CLASSES), "pixel": model.pixel, "version": VERSION}
    return Dataset(to_unit_range(images)[:, None], y, meta)


def classification(n, seed):
    """Images of 64 pixels like the published ones; see simulate()."""
    return simulate(PUBLISHED, n, seed)


def model_I(n, seed):
    """Images of 150 pixels of Model I, with noise; see simulate()."""
    return simulate(MODEL_I, n, seed)


def model_II(n, seed):
    """Images of 64 pixels of Model II, as Euclid sees them; see simulate()."""
    return simulate(MODEL_II, n, seed)


def model_III(n, seed):
    """Images of 64 pixels of Model III, as Hubble sees them, of lenses of several masses; see simulate()."""
    return simulate(MODEL_III, n, seed)
