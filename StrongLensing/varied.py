"""Lenses that differ from each other, without noise and as two space telescopes see them.

    from StrongLensing import data
    lenses = data.load("train", 3000, task="varied")
    seen = data.load("train", 3000, task="telescope")           # Euclid; "telescope_hubble" is Hubble

The published images have one lens galaxy, one source galaxy and no noise. Here every image has its own
- galaxy: Einstein radius, ellipticity in any direction, and shear, in the ranges of observed lenses (SLACS: Bolton et
  al. 2008, arXiv:0805.1931; SL2S: Sonnenfeld et al. 2013, arXiv:1307.4759),
- source: size, Sersic index, ellipticity, and a place within the Einstein radius,
- redshifts of both, as in SL2S and the lenses expected for Euclid (Collett 2015, arXiv:1507.02657). They set how wide
  the Einstein radius of a subhalo of given mass is, here with angular diameter distances.

Substructure has the masses of the published simulation, so that what changes is the galaxy, not the dark matter. The
telescopes add their sky, photon and read noise and whole digital units. Left out: the light of the lens galaxy and its
photon noise, correlated noise of resampled pixels, and what real point-spread functions have beyond a Gaussian.
"""

import math
from dataclasses import dataclass

import numpy as np

from common.datasets import Dataset, check_n
from StrongLensing import simulate
from StrongLensing.simulate import AXION, CDM

VERSION = 1
H0, OMEGA_M = 70.0, 0.3  # km/s/Mpc; a flat universe
HUBBLE_DISTANCE = 299_792.458 / H0  # Mpc
GM_C2 = 4.7850e-20  # Mpc: G M / c^2 of the Sun
ARCSEC = math.pi / 648_000  # rad

EINSTEIN_RADIUS = (0.6, 1.5)  # arcsec, uniform
ELLIPTICITY = 0.08  # standard deviation of each component; axis ratios of 0.6 to 1
SHEAR = 0.03  # standard deviation of each component
Z_LENS, Z_SOURCE = (0.3, 0.9), (1.0, 3.0)  # uniform
SOURCE_RADIUS, SOURCE_INDEX = (0.1, 0.4), (0.5, 2.0)  # arcsec, log-uniform; uniform
SOURCE_ELLIPTICITY = 0.12  # standard deviation of each component
SOURCE_REACH = 0.45  # of the Einstein radius: largest distance of the source from the axis
MAGNITUDE = (21.0, 24.0)  # AB, of the source without lens, uniform


@dataclass(frozen=True)
class Telescope:
    """What adds noise: numbers of the Models II and III of DeepLenseSim, which compute noise and do not add it.

    Attributes
    ----------
    model : simulate.Model
        Pixels and point-spread function.
    zero_point : float
        Magnitude that gives one electron a second.
    sky : float
        Magnitudes per square arcsec.
    exposure : float
        Seconds, of each of `exposures`.
    read : float
        Standard deviation of reading a pixel once, in electrons.
    gain : float
        Electrons in a digital unit.
    """

    model: simulate.Model
    zero_point: float
    sky: float
    exposure: float
    exposures: int
    read: float
    gain: float


# The zero point of Model II, 24.0, is for digital units; that of Model III is for electrons.
EUCLID = Telescope(simulate.MODEL_II, 24.0 + 2.5 * math.log10(3.1), 22.35, 565, 4, 4.2, 3.1)
HUBBLE = Telescope(simulate.MODEL_III, 25.96, 22.3, 5400, 1, 4.0, 2.5)


def comoving_distance(z):
    """Comoving distance in Mpc in a flat universe with matter and a cosmological constant."""
    grid = np.linspace(0, 4, 2001)
    slope = 1 / np.sqrt(OMEGA_M * (1 + grid) ** 3 + 1 - OMEGA_M)
    steps = np.diff(grid) * (slope[1:] + slope[:-1]) / 2
    return HUBBLE_DISTANCE * np.interp(z, grid, np.concatenate([[0], np.cumsum(steps)]))


def einstein_radius(mass, z_lens, z_source):
    """Einstein radius in arcsec of a point mass in solar masses: sqrt(4 G M / c^2 D_ls / (D_l D_s))."""
    lens, source = comoving_distance(z_lens), comoving_distance(z_source)
    inverse = (1 - lens / source) * (1 + z_lens) / lens  # 1/Mpc: D_ls / (D_l D_s) of angular diameter distances
    return np.sqrt(4 * GM_C2 * np.asarray(mass) * inverse) / ARCSEC


def draw_lenses(labels, rng):
    """Random lenses and sources of the given classes: a dict of float32 arrays, one entry an image.

    Those of `simulate.draw_lenses`, and z_lens, z_source (n,); ellipticity, shear and source_ellipticity (n, 2);
    source_radius in arcsec, source_index and magnitude (n,); vortex_theta_E (n,) of one of its 100 masses in arcsec.
    """
    n = len(labels)
    z_lens, z_source = rng.uniform(*Z_LENS, n), rng.uniform(*Z_SOURCE, n)
    theta_E = rng.uniform(*EINSTEIN_RADIUS, n)
    draws = simulate.draw_lenses(simulate.PUBLISHED, labels, rng)

    mass = simulate.power_law(*simulate.SUBHALO_MASS, simulate.SUBHALO_SLOPE, rng.random((n, simulate.N_SUBHALOES)))
    draws["substructure"][..., 2] = einstein_radius(mass, z_lens[:, None], z_source[:, None])
    draws["substructure"][labels != CDM] = 0
    distance, direction = theta_E * SOURCE_REACH * np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
    one = einstein_radius(simulate.VORTEX_MASS / simulate.VORTEX_POINTS, z_lens, z_source)
    draws |= {
        "theta_E": theta_E,
        "source": np.stack([distance * np.cos(direction), distance * np.sin(direction)], axis=-1),
        "largest_subhalo": np.where(labels == CDM, mass.max(1), 0),
        "vortex_theta_E": np.where(labels == AXION, one, 0),
        "z_lens": z_lens,
        "z_source": z_source,
        "ellipticity": rng.normal(0, ELLIPTICITY, (n, 2)).clip(-0.2, 0.2),
        "shear": rng.normal(0, SHEAR, (n, 2)),
        "source_radius": np.exp(rng.uniform(*np.log(SOURCE_RADIUS), n)),
        "source_index": rng.uniform(*SOURCE_INDEX, n),
        "source_ellipticity": rng.normal(0, SOURCE_ELLIPTICITY, (n, 2)).clip(-0.3, 0.3),
        "magnitude": rng.uniform(*MAGNITUDE, n),
    }
    return {name: np.asarray(values, np.float32) for name, values in draws.items()}


def render(draws, model, source=None):
    """Noise-free images (n, size, size), brightness per arcsec^2 of sources whose total flux is about 1.

    `source`, see simulate.render(), draws other sources.
    """
    return simulate.render(
        draws, size=model.size, pixel=model.pixel, fwhm=model.fwhm, truncation=model.truncation, source=source
    )


def expose(images, draws, telescope, rng):
    """Digital units above the mean sky (n, size, size) that a telescope reads, whole numbers but for the sky."""
    time = telescope.exposure * telescope.exposures
    area = telescope.model.pixel**2
    source = 10 ** (-0.4 * (draws["magnitude"][:, None, None] - telescope.zero_point)) * area * time * images
    sky = 10 ** (-0.4 * (telescope.sky - telescope.zero_point)) * area * time
    read = telescope.read * math.sqrt(telescope.exposures) * rng.standard_normal(images.shape)
    units = np.rint((rng.poisson(source + sky) + read) / telescope.gain)
    return (units - sky / telescope.gain).astype(np.float32)


def _simulate(n, seed, model, telescope=None):
    check_n(n)
    rng = np.random.default_rng(seed)
    y = simulate.balanced_labels(n, rng)
    draws = draw_lenses(y, rng)
    images = render(draws, model)
    if telescope:
        images = expose(images, draws, telescope, rng)
    meta = {**draws, "classes": list(simulate.CLASSES), "pixel": model.pixel, "version": VERSION}
    return Dataset(simulate.to_unit_range(images)[:, None], y, meta)


def varied(n, seed):
    """Images of 64 pixels of lenses that differ, without noise; parameters and returns as simulate.simulate()."""
    return _simulate(n, seed, simulate.PUBLISHED)


def telescope(n, seed):
    """The same kind of lenses as Euclid's VIS camera sees them."""
    return _simulate(n, seed, EUCLID.model, EUCLID)


def telescope_hubble(n, seed):
    """The same kind of lenses as Hubble's WFC3 camera sees them (F160W)."""
    return _simulate(n, seed, HUBBLE.model, HUBBLE)
