"""Simulated images of disks around young stars, with or without planets in them.

    from Exoplanet.simulate import detection
    images = detection(200, seed=0)  # X (200, 1, 128, 128) float32 in [0, 1], y (200,) int8

The official images are 1000 runs of the hydrodynamics program Phantom, made visible with the radiation program MCFOST
(Terry, Hall, Abreau and Gleyzer, ApJ 941 (2022) 192): hours of a supercomputer. Here every effect has its published
formula (`Exoplanet.disk`), evaluated on the disk's own coordinates of each pixel. A *run* is one disk; it has one to
five *dumps* (images at different times), which share everything but the angles of what goes round, and the noise.

What is in an image
- a smooth disk: surface density r^-p exp(-(r / r_c)^(2 - p)) (1 - (r_in / r)^(1/2)), and sometimes a sharp outer edge;
  optical depth in proportion; temperature r^-0.5; glow B(T) (1 - exp(-tau / cos i));
- planets: none in half of the runs, else one to four. Each has a gap, a ring of trapped dust outside of it, a wake
  of trailing arms (with a weaker second arm inside), perhaps a vortex in its ring, and glowing matter around it;
- confusers, as frequent with as without planets: log-spirals of a heavy disk, shallow rings, a bright spot, a clump;
- what the programs leave: the box of the simulation with exact zeros outside, speckle of the photon packets, a star.

What is simpler than in the official images: wakes of several planets add up and do not deflect each other, a gap that
is not yet complete is a shallower one, and dust has one grain size. Half of the runs have no planet (official: about a
fifth). Lengths are in au, angles in rad, masses in solar masses.
"""

import numpy as np

from common.datasets import Dataset, check_n
from Exoplanet import disk

VERSION = 3
SIZE = 128
MAX_PLANETS = 4
MAX_DUMPS = 5

HALF_WIDTH = 200.0  # of the image
MASS = (5 * disk.EARTH, 5 * disk.JUPITER)  # of a planet
RADIUS = (15.0, 160.0)  # of an orbit
SPACING = 5.0  # of two orbits at least, in mutual Hill radii
MAX_INCLINATION = np.deg2rad(82)
# What ALMA delivers: the sharpest survey, DSHARP, has beams of about 5 au (Andrews et al., ApJ 869 (2018) L41), others
# wider ones. AS 209 and GW Lup have noise of 1/50 and 1/140 of the peak, and about that much brightness at the edges.
BEAM = (3.0, 20.0)  # full width at half maximum of what it sees as a point, in au
BEAM_RATIO = (0.5, 1.0)  # of its short axis to its long one
SNR = (20.0, 300.0)  # peak of its images in units of the noise
BACKGROUND = (0.0, 1.5)  # brightness in units of the noise that the reconstruction leaves where nothing is
FAINTEST_SEEN = 0.01  # of the peak: the files of these two hold two decades on a logarithmic scale

N_RADII = 4096  # of the tables that are looked up for each pixel
MAX_RADIUS = 1200.0  # an inclined disk is seen out to here
RADII = ((np.arange(N_RADII) + 0.5) * (MAX_RADIUS / N_RADII)).astype(np.float32)

KAPPA = 0.024  # cm^2 per gram of gas at 239.8 GHz (Beckwith et al. 1990)
GRAMS = 1.989e33 / 1.496e13**2  # of solar masses per au^2, per cm^2


# --------------------------------------------------------------------------------------------------
# Draws


class Draws:
    """Random numbers of n runs. Their order matters: another one, or one more draw, gives other disks for a seed."""

    def __init__(self, n, rng):
        self.n, self.rng = n, rng

    def uniform(self, low, high, *shape):
        """Numbers (n, *shape)."""
        return self.rng.uniform(low, high, (self.n, *shape))

    def log_uniform(self, low, high, *shape):
        """Numbers (n, *shape) whose logarithm is uniform."""
        return np.exp(self.uniform(np.log(low), np.log(high), *shape))

    def chosen(self, share):
        """Which of the runs, (n,), when each is taken with the probability `share`."""
        return self.rng.random(self.n) < share


def draw_runs(n, rng, alma=False):
    """The disks of n runs: a dict of arrays, one entry a run.

    Returns
    -------
    dict
        n_planets (n,) and, sorted outwards and 0 where there is none, masses and radii (n, 4); the parameters of
        the view, the disk, what planets do to it, the confusers and what the programs leave, as commented below.
    """
    n_planets = np.where(rng.permutation(np.arange(n) % 2) == 1, rng.integers(1, MAX_PLANETS + 1, n), 0)
    draw = Draws(n, rng)
    star = draw.log_uniform(0.5, 2.0)
    masses, radii = draw_planets(n_planets, star, rng)
    return {
        "n_planets": n_planets,
        "masses": masses,  # of the planets, in solar masses
        "radii": radii,  # of their orbits, in au
        "star_mass": star,  # in solar masses
        **_view(draw, alma),
        **_disk(draw, alma),
        **_traces(draw, alma),
        **_confusers(draw, alma),
        **_programs(draw, alma),
    }


def _view(draw, alma):
    """From where the disk is seen."""
    return {
        "inclination": np.arccos(draw.uniform(np.cos(MAX_INCLINATION), 1)),  # in rad, 0 face on
        "position_angle": draw.uniform(0, 2 * np.pi),  # of the major axis, in rad
        "rotation": draw.rng.choice([-1.0, 1.0], draw.n),  # anticlockwise on the sky: 1
        "half_width": draw.uniform(120, 220) if alma else np.full(draw.n, HALF_WIDTH),  # of the image, in au
    }


def _disk(draw, alma):
    """The disk itself."""
    return {
        "disk_mass": draw.log_uniform(1e-4, 5e-2),  # of the gas, in solar masses
        "slope": draw.uniform(0.0, 1.0),  # p of the surface density r^-p
        "r_in": np.exp(draw.uniform(*np.log((0.5, 8) if alma else (3, 35)))),  # inner edge in au
        "cavity": draw.log_uniform(1e-3, 0.2),  # fraction of the surface density that is left inside of r_in
        "r_c": draw.log_uniform(40, 120) if alma else draw.log_uniform(50, 1000),  # au; from here on it tapers off
        "r_out": np.where(draw.chosen(0.0 if alma else 0.35), draw.uniform(90, 260), np.inf),  # sharp outer edge in au
        "edge": draw.uniform(0.02, 0.15),  # width of the outer edge in units of r_out
        "h_50": draw.uniform(0.03, 0.10),  # scale height over radius at 50 au
        "alpha": draw.log_uniform(5e-4, 1e-2),  # viscosity of the gas
        "t_100": 20 * draw.log_uniform(0.3, 10) ** 0.25,  # temperature at 100 au in K, of stars of 0.3 to 10 suns
        # of the surface that glows, in scale heights: grains of a millimetre settle, so that it is mostly low
        "lift": draw.uniform(0.0, 0.2) if alma else 1.2 * draw.uniform(0, 1) ** 3,
    }


def _traces(draw, alma):
    """What planets do beside their gaps; trap, vortex and glow are relative to the disk at that place."""
    return {
        # of gaps and rings: how far they are on their way
        "maturity": np.ones(draw.n) if alma else draw.uniform(0, 1) ** 3,
        "wake": draw.log_uniform(0.7, 2.5),  # strength of the wakes, in units of disk.wake_strength()
        "trap": draw.uniform(0.3, 2.0, MAX_PLANETS) * (2.0 if alma else 0.5),  # dust in the ring outside of a gap
        "trap_place": draw.uniform(0.6, 0.75, MAX_PLANETS),  # of the ring: so many gap widths beyond the orbit
        "stokes": draw.log_uniform(0.005, 0.1),  # Stokes number of the dust, which sets how wide the ring is
        "thickness": draw.uniform(0.25, 0.5),  # of the wakes along the radius, in scale heights
        "second_arm": draw.uniform(np.pi / 3, np.pi, MAX_PLANETS),  # angle to the first arm, in rad
        "second_strength": draw.uniform(0.2, 0.6, MAX_PLANETS),  # in units of the first arm
        "vortex": draw.uniform(0.5, 5.0, MAX_PLANETS),  # density at its centre
        "vortex_width": draw.uniform(np.pi / 9, np.pi / 3, MAX_PLANETS),  # standard deviation in azimuth, in rad
        "glow": draw.log_uniform(0.1, 20.0, MAX_PLANETS) * (0.02 if alma else 1.0),  # brightness around a Jupiter
    }


def _confusers(draw, alma):
    """What looks like the work of a planet; strengths are relative to the disk at that place."""
    return {
        # number of spiral arms
        "arms": np.where(draw.chosen(0.45), draw.rng.choice([1, 2, 3, 4], draw.n, p=[0.25, 0.45, 0.2, 0.1]), 0),
        "arm_strength": draw.log_uniform(0.05, 0.6),
        "arm_pitch": np.deg2rad(draw.uniform(8, 30)),  # angle between arm and circle, in rad
        "arm_reach": draw.uniform(30, 120),  # radius in au at which they are strongest
        # strength of up to four rings, below 0 of gaps
        "rings": np.where(draw.chosen(0.55)[:, None], draw.uniform(*((-0.9, 2.0) if alma else (-0.6, 0.8)), 4), 0.0)
        * (draw.rng.random((draw.n, 4)) < 0.5),
        "ring_radii": draw.uniform(15, 180, 4),  # in au
        "ring_widths": draw.uniform(2.5, 14, 4),  # standard deviations in au
        "spot": np.where(draw.chosen(0.0 if alma else 0.4), draw.log_uniform(0.3, 10), 0),  # strength
        "spot_radius": draw.uniform(10, 180),  # of its orbit, in au
        "spot_width": draw.uniform(0.5, 4),  # standard deviation in au
        "clump": np.where(draw.chosen(0.25), draw.log_uniform(0.1, 1.5), 0),  # strength
        "clump_radius": draw.uniform(20, 150),  # of its orbit, in au
        "clump_length": draw.uniform(0.15, 0.8),  # standard deviation in azimuth, in rad
        "clump_width": draw.uniform(3, 12),  # standard deviation along the radius, in au
    }


def _programs(draw, alma):
    """What the programs leave that compute the disks and draw the images."""
    return {
        "box": np.where(draw.chosen(0.0 if alma else 0.4), draw.uniform(110, 300), np.inf),  # half its width in au
        "box_angle": draw.uniform(0, np.pi / 2),  # in rad
        "speckle": draw.log_uniform(0.001, 0.06),  # noise of a pixel of the disk's typical brightness, relative to it
        "blotches": draw.log_uniform(0.001, 0.15),  # the same of patches four pixels wide
        "floor": draw.log_uniform(1e-9, 1e-5),  # fraction of the peak below which pixels are 0
        "star": np.where(draw.chosen(0.65), draw.log_uniform(1.0, 300.0), 0),  # in the disk's peak, at 600 pixels
    }


def draw_planets(n_planets, star, rng, candidates=32):
    """Masses and orbits (n, 4) of planets that are at least 5 mutual Hill radii apart, sorted outwards; else 0.

    Where none of `candidates` random sets of orbits is wide enough for the masses, these are drawn anew too.
    """
    shape = (len(n_planets), MAX_PLANETS)
    there = np.arange(MAX_PLANETS) < n_planets[:, None]
    masses, radii, left = np.zeros(shape), np.zeros(shape), np.flatnonzero(n_planets)
    while len(left):
        m = np.where(there[left], np.exp(rng.uniform(*np.log(MASS), (len(left), MAX_PLANETS))), 0)
        r = rng.uniform(*RADIUS, (len(left), candidates, MAX_PLANETS))
        r = np.sort(np.where(there[left][:, None], r, np.inf))
        # The mutual Hill radius of two neighbours, of their mean orbit and the sum of their masses.
        total = ((m[:, 1:] + m[:, :-1]) / star[left, None])[:, None]
        inner, outer = r[..., :-1], r[..., 1:]
        with np.errstate(invalid="ignore"):
            apart = outer - inner >= SPACING * disk.hill_radius((inner + outer) / 2, total)
        stable = (apart | np.isinf(outer)).all(axis=-1)
        fits, first = stable.any(axis=1), stable.argmax(axis=1)
        masses[left[fits]], radii[left[fits]] = m[fits], r[fits, first[fits]]
        left = left[~fits]
    return masses, np.where(there, radii, 0)


def draw_dumps(n, rng):
    """The angles of n dumps: of the planets (n, 4), their vortices, the log-spiral, spot and clump, in rad."""
    names = {"planet": (n, MAX_PLANETS), "vortex": (n, MAX_PLANETS), "arm": (n,), "spot": (n,), "clump": (n,)}
    return {name: rng.uniform(0, 2 * np.pi, shape) for name, shape in names.items()}


# --------------------------------------------------------------------------------------------------
# Functions of the radius


class Planet:
    """The tables of one planet, each a float32 array over RADII."""

    def __init__(self, run, k):
        self.r_p, self.q = run["radii"][k], run["masses"][k] / run["star_mass"]
        h = disk.aspect_ratio(self.r_p, run["h_50"])
        gap_width = disk.gap_width(self.r_p, self.q, h, run["alpha"])
        self.gap = 1 - run["maturity"] * (1 - disk.gap(RADII, self.r_p, self.q, h, run["alpha"]))
        # Dust drifts to where the pressure is largest: outside of the gap, in a ring as wide as gas turbulence allows
        # (Dullemond et al. 2018, ApJ 869 L46).
        centre = self.r_p + run["trap_place"][k] * gap_width
        width = h * centre * np.sqrt(run["alpha"] / (run["stokes"] + run["alpha"]))
        strength = run["maturity"] * run["trap"][k] * (1 - disk.gap_depth(self.q, h, run["alpha"]))
        self.ring = strength * gaussian(RADII - centre, max(width, 1.5))
        self.phase = disk.wake_phase(RADII, self.r_p, h).astype(np.float32)
        self.sharpness = (0.5 / disk.wake_width(RADII, self.r_p, h, run["thickness"]) ** 2).astype(np.float32)
        self.strength = (run["wake"] * disk.wake_strength(RADII, self.r_p, self.q, h)).astype(np.float32)
        inside = 1 / (1 + np.exp(np.clip((RADII - 0.8 * self.r_p) / (0.05 * self.r_p), -50, 50)))
        self.second = (run["second_strength"][k] * self.strength * inside).astype(np.float32)
        unstable = run["alpha"] < 1e-3 and self.q > 1e-3  # a steep edge rolls up into a vortex
        self.vortex = (run["vortex"][k] * gaussian(RADII - centre, max(width, 3.0))).astype(np.float32) * unstable


class Profile:
    """The tables of one run: `surface_density` (in g / cm^2 of gas), `tau`, `glow`, all over RADII, and its planets."""

    def __init__(self, run):
        self.planets = [Planet(run, k) for k in range(run["n_planets"])]
        r = RADII
        smooth = r ** -run["slope"] * np.exp(-((r / run["r_c"]) ** (2 - run["slope"])))
        inner = 1 - np.sqrt(np.minimum(run["r_in"] / r, 1))  # no torque at the inner edge, as Phantom sets disks up
        smooth *= np.maximum(inner, run["cavity"])
        smooth *= run["disk_mass"] * GRAMS / (2 * np.pi * (smooth * r).sum() * (r[1] - r[0]))
        if np.isfinite(run["r_out"]):
            smooth *= 1 / (1 + np.exp(np.clip((r - run["r_out"]) / (run["edge"] * run["r_out"]), -50, 50)))
        self.smooth = smooth
        self.surface_density = smooth.copy()
        for planet in self.planets:
            self.surface_density *= planet.gap
        dust = self.surface_density.copy()
        for planet in self.planets:
            dust += smooth * planet.ring
        for height, radius, width in zip(run["rings"], run["ring_radii"], run["ring_widths"], strict=True):
            if height:
                dust *= 1 + height * gaussian(r - radius, width)
        self.tau = (KAPPA * dust).astype(np.float32)
        self.glow = disk.planck(run["t_100"] * (r / 100) ** -0.5).astype(np.float32)
        self.height = (run["lift"] * disk.aspect_ratio(r, run["h_50"]) * r).astype(np.float32)


def gaussian(x, sigma):
    """A Gaussian of standard deviation sigma that is 1 at x = 0."""
    return np.exp(-0.5 * (x / sigma) ** 2)


# --------------------------------------------------------------------------------------------------
# Images


def deproject(run, profile, size):
    """Where the pixels of an image are in the plane of the disk: radius, azimuth, (x, y), each float32 (size, size).

    Radius, x and y are in au, the azimuth in rad; x is along the major axis.

    The disk is turned by the position angle and inclined about its major axis. What glows is lifted above the plane, so
    that a ring is seen shifted along its minor axis, and a thick disk never becomes quite flat.
    """
    axis = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32) * np.float32(run["half_width"])
    cos, sin = np.float32(np.cos(run["position_angle"])), np.float32(np.sin(run["position_angle"]))
    x, y = cos * axis + sin * axis[:, None], cos * axis[:, None] - sin * axis
    thickness = disk.aspect_ratio(100.0, run["h_50"]) * run["lift"]
    flat = np.float32(flattening(run["inclination"], thickness))
    r = np.sqrt(x * x + (y / flat) ** 2)
    y -= profile.height.take(radial_index(r)) * np.float32(np.sin(run["inclination"]))
    y /= flat
    return np.sqrt(x * x + y * y), np.float32(run["rotation"]) * arctan2(y, x), (x, y)


def arctan2(y, x):
    """The angle of (x, y) within 2e-5 rad, six times faster than NumPy's; float32.

    Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 4.4.49.
    """
    a, b = abs(x), abs(y)
    t = np.minimum(a, b) / np.maximum(np.maximum(a, b), np.float32(1e-20))
    s = t * t
    polynomial = (0.0208351, -0.0851330, 0.1801410, -0.3302995, 0.9998660)
    angle = np.zeros_like(t)
    for coefficient in polynomial:
        angle *= s
        angle += np.float32(coefficient)
    angle *= t
    angle += (b > a) * (np.float32(np.pi / 2) - 2 * angle)
    angle += (x < 0) * (np.float32(np.pi) - 2 * angle)
    return np.copysign(angle, y)


def absorbed(tau):
    """1 - exp(-tau), accurate for a small tau, and faster than NumPy's expm1; float32."""
    return np.where(tau < 1e-3, tau * (1 - tau / 2), 1 - np.exp(-tau))


def flattening(inclination, thickness):
    """Axis ratio of a circle in a disk of relative thickness, seen under an inclination."""
    return np.sqrt(np.cos(inclination) ** 2 + (thickness * np.sin(inclination)) ** 2)


def project(run, r, azimuth, size):
    """Row and column of a point of the disk, in pixels; the inverse of deproject()."""
    angle = run["rotation"] * azimuth
    thickness = disk.aspect_ratio(100.0, run["h_50"]) * run["lift"]
    x, y = r * np.cos(angle), r * np.sin(angle) * flattening(run["inclination"], thickness)
    y += run["lift"] * disk.aspect_ratio(r, run["h_50"]) * r * np.sin(run["inclination"])
    cos, sin = np.cos(run["position_angle"]), np.sin(run["position_angle"])
    across, up = cos * x - sin * y, sin * x + cos * y
    return (np.array([up, across]) / run["half_width"] + 1) / 2 * size - 0.5


def radial_index(r):
    """Places in RADII of radii r."""
    return np.minimum(r * np.float32(N_RADII / MAX_RADIUS), N_RADII - 1).astype(np.intp)


def bump(azimuth, centre, sharpness):
    """exp(-sharpness d^2) of the difference in angle, the short way round."""
    d = azimuth - centre
    d -= np.float32(2 * np.pi) * np.rint(d * np.float32(0.5 / np.pi))
    d *= d
    d *= sharpness
    return np.exp(-d, out=d)


def render(run, profile, angles, size):
    """Glow of one disk without noise, in arbitrary units, float32 (size, size).

    Parameters
    ----------
    run : dict
        One entry of draw_runs().
    profile : Profile
    angles : dict
        One entry of draw_dumps().
    size : int
        Pixels along an axis.
    """
    r, azimuth, (x, y) = deproject(run, profile, size)
    index = radial_index(r)
    structure = np.ones_like(r)
    for k, planet in enumerate(profile.planets):
        centre = np.float32(angles["planet"][k]) - planet.phase.take(index)
        sharpness, strength = planet.sharpness.take(index), planet.strength.take(index)
        structure += strength * bump(azimuth, centre, sharpness)
        centre += np.float32(run["second_arm"][k])
        structure += planet.second.take(index) * bump(azimuth, centre, sharpness)
        if planet.vortex.any():
            sharpness = np.float32(0.5 / run["vortex_width"][k] ** 2)
            structure += planet.vortex.take(index) * bump(azimuth, np.float32(angles["vortex"][k]), sharpness)
    if run["arms"]:
        winding = (np.log(RADII / 50) / np.tan(run["arm_pitch"])).astype(np.float32).take(index)
        strength = run["arm_strength"] * gaussian(np.log(RADII / run["arm_reach"]), 0.7)
        crest = 0.5 + 0.5 * np.cos(np.float32(run["arms"]) * (azimuth - np.float32(angles["arm"]) + winding))
        structure += strength.astype(np.float32).take(index) * crest * crest * crest
    if run["clump"]:
        across = run["clump"] * gaussian(RADII - run["clump_radius"], run["clump_width"])
        sharpness = np.float32(0.5 / run["clump_length"] ** 2)
        structure += across.astype(np.float32).take(index) * bump(azimuth, np.float32(angles["clump"]), sharpness)

    tau = profile.tau.take(index) * structure / np.float32(np.cos(run["inclination"]))
    image = profile.glow.take(index) * absorbed(tau)
    for k, planet in enumerate(profile.planets):
        # Matter within a part of the Hill sphere glows, the more the heavier the planet.
        glow = run["glow"][k] * (run["masses"][k] / disk.JUPITER) ** (2 / 3)
        add_spot(image, run, planet.r_p, angles["planet"][k], 0.3 * disk.hill_radius(planet.r_p, planet.q), glow)
    if run["spot"]:
        add_spot(image, run, run["spot_radius"], angles["spot"], run["spot_width"], run["spot"])
    if np.isfinite(run["box"]):
        cos, sin = np.float32(np.cos(run["box_angle"])), np.float32(np.sin(run["box_angle"]))
        image[np.maximum(abs(cos * x + sin * y), abs(cos * y - sin * x)) > run["box"]] = 0
    return image


def add_spot(image, run, r, azimuth, sigma, contrast):
    """Add a Gaussian spot of width sigma in au at a point of the disk, `contrast` times as bright as the disk there."""
    size = len(image)
    pixel = 2 * run["half_width"] / size
    row, column = project(run, r, azimuth, size)
    blurred = np.hypot(sigma / pixel, 0.3)  # a pixel averages
    reach = int(4 * blurred) + 1
    rows = np.arange(max(int(row) - reach, 0), min(int(row) + reach + 1, size))
    columns = np.arange(max(int(column) - reach, 0), min(int(column) + reach + 1, size))
    if not (len(rows) and len(columns)):
        return
    window = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    peak = contrast * np.median(window) * (sigma / pixel / blurred) ** 2
    window += (peak * gaussian(rows - row, blurred)[:, None] * gaussian(columns - column, blurred)).astype(np.float32)


def add_artefacts(image, run, rng):
    """What the radiation program leaves: speckle and blotches where few photons arrive, zeros, and the star."""
    size = len(image)
    some = np.sort(image[::3, ::3], axis=None)  # enough to know its level
    some = some[np.searchsorted(some, 0, side="right") :]
    level, peak = (some[len(some) // 2], some[int(0.99 * len(some))]) if len(some) else np.ones(2, np.float32)
    faint = np.sqrt(level / np.maximum(image, 1e-4 * level))  # standard deviation of counts
    coarse = rng.standard_normal((size // 4 + 1, size // 4 + 1), dtype=np.float32)
    stretch = interpolation(size // 4 + 1, size)
    noise = np.float32(run["blotches"]) * (stretch @ coarse @ stretch.T)
    noise += np.float32(run["speckle"]) * rng.standard_normal((size, size), dtype=np.float32)
    image = image * np.maximum(1 + faint * noise, 0)
    image[image < run["floor"] * peak] = 0
    middle = slice((size - 1) // 2, size // 2 + 1)
    pixels = (middle.stop - middle.start) ** 2
    image[middle, middle] += np.float32(run["star"] * peak * (size / 600) ** 2 / pixels)
    return image


def interpolation(coarse, fine):
    """Matrix (fine, coarse) that interpolates linearly between evenly spaced values."""
    place = np.linspace(0, coarse - 1, fine)
    return np.maximum(0, 1 - abs(place[:, None] - np.arange(coarse))).astype(np.float32)


def observe(image, beam, snr, background, rng):
    """An image as an interferometer delivers it: blurred by its beam, with noise that is blurred alike.

    Parameters
    ----------
    image : ndarray of shape (size, size)
    beam : tuple of float
        Full widths at half maximum along the two axes of the beam in pixels, and its position angle in rad.
    snr : float
        Peak of the image in units of the standard deviation of the noise.
    background : float
        Mean of the noise in units of its standard deviation.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float32, shape (size, size)
        What is fainter than `FAINTEST_SEEN` of the peak is set to that.
    """
    size = len(image)
    major, minor, angle = beam
    v, u = np.fft.fftfreq(2 * size)[:, None], np.fft.rfftfreq(2 * size)
    along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    transfer = np.exp(-2 * np.pi**2 * ((along * major) ** 2 + (across * minor) ** 2) / (8 * np.log(2)))

    def blur(values):
        padded = np.fft.rfft2(values, s=(2 * size, 2 * size))
        return np.fft.irfft2(padded * transfer)[:size, :size]

    blurred, noise = blur(image), blur(rng.standard_normal((size, size)))
    blurred += (noise / noise.std() + background) * (blurred.max() / snr)
    return np.maximum(blurred, FAINTEST_SEEN * blurred.max()).astype(np.float32)


def to_unit_range(image):
    """An image minus its smallest value, divided by its largest then: as the hackathon's notebook scales them."""
    image = image - image.min()
    return image / max(image.max(), np.float32(1e-30))


# --------------------------------------------------------------------------------------------------
# Data sets


def simulate(n, seed, size=SIZE, alma=False, telescope=True):
    """n images of disks, half of the runs with planets.

    Parameters
    ----------
    n : int
        Number of images, at least 1.
    seed : int
        Non-negative, up to 128 bits. The same (n, seed) gives the same bytes on one platform.
    size : int
        Pixels along an axis.
    alma : bool
        As the interferometer ALMA sees disks: flat dust disks that are compact and have stronger rings, with planets
        and without; blurred by a beam of 3 to 20 au, with noise of 1/20 to 1/300 of the peak, and cut at 1 % of it.
    telescope : bool
        False: the same disks of `alma` as sharp as they are, without beam, noise and cut.

    Returns
    -------
    Dataset
        X float32 (n, 1, size, size) from 0 to 1; y int8 (n,): 1 with planets. meta: run int64 (n,), the same for images
        of one disk and never the same for two seeds; dump int32 (n,); n_planets int8 (n,); masses in solar masses and
        radii in au, float32 (n, 4), sorted outwards, 0 where there is no planet; inclination, position_angle float32
        (n,) in rad; positions float32 (n, 4, 2), row and column of the planets in pixels; h_50, alpha, star_mass,
        half_width float32 (n,); confuser bool (n,): whether there is a log-spiral, a ring, a spot or a clump.
    """
    check_n(n)
    rng = np.random.default_rng(seed)
    of_run = np.repeat(np.arange(n), rng.integers(1, MAX_DUMPS + 1, n))[:n]
    runs = draw_runs(of_run[-1] + 1, rng, alma)
    X, positions = draw_images(runs, of_run, rng, size, alma, telescope)
    told = "masses", "radii", "inclination", "position_angle", "h_50", "alpha", "star_mass", "half_width"
    meta = {name: runs[name][of_run].astype(np.float32) for name in told}
    meta["n_planets"] = runs["n_planets"][of_run].astype(np.int8)
    meta["positions"] = positions
    meta["run"] = (int(seed) % 2**43) * 2**20 + of_run
    steps, first = rng.integers(20, 250, n), np.searchsorted(of_run, of_run)
    meta["dump"] = (np.cumsum(steps) - np.cumsum(steps)[first] + steps[first]).astype(np.int32)
    confusers = (runs["arms"] > 0) | (runs["rings"] != 0).any(1) | (runs["spot"] > 0) | (runs["clump"] > 0)
    meta["confuser"] = confusers[of_run]
    return Dataset(X, (meta["n_planets"] > 0).astype(np.int8), {**meta, "alma": alma, "version": VERSION})


def draw_images(runs, of_run, rng, size=SIZE, alma=False, telescope=True):
    """Images of runs, one for each entry of of_run, at random times.

    Parameters
    ----------
    runs : dict
        What draw_runs() returns.
    of_run : ndarray of int, shape (n,)
        Number of the run of each image, in ascending order.
    rng : numpy.random.Generator
    size, alma, telescope
        As in simulate().

    Returns
    -------
    X : ndarray of float32, shape (n, 1, size, size)
    positions : ndarray of float32, shape (n, 4, 2)
        Row and column of each planet in pixels; 0 where there is none.
    """
    n, n_runs = len(of_run), len(runs["n_planets"])
    angles = draw_dumps(n, rng)
    fwhm, snr = np.exp(rng.uniform(*np.log(BEAM), n_runs)), np.exp(rng.uniform(*np.log(SNR), n_runs))
    beam_ratio, beam_angle = rng.uniform(*BEAM_RATIO, n_runs), rng.uniform(0, np.pi, n_runs)
    background = rng.uniform(*BACKGROUND, n_runs)
    X, positions = np.empty((n, 1, size, size), np.float32), np.zeros((n, MAX_PLANETS, 2), np.float32)
    last = None
    for i, number in enumerate(of_run):
        if number != last:
            run = {name: values[number] for name, values in runs.items()}
            profile, last = Profile(run), number
        image = render(run, profile, {name: values[i] for name, values in angles.items()}, size)
        if alma and telescope:
            width = fwhm[number] * size / (2 * run["half_width"])
            beam = width, beam_ratio[number] * width, beam_angle[number]
            image = observe(image, beam, snr[number], background[number], rng)
        elif not alma:
            image = add_artefacts(image, run, rng)
        X[i, 0] = to_unit_range(image)
        for k in range(run["n_planets"]):
            positions[i, k] = project(run, run["radii"][k], angles["planet"][i, k], size)
    return X, positions


def detection(n, seed, size=SIZE):
    """Images like the official ones, of 128 pixels; see simulate()."""
    return simulate(n, seed, size)


def alma(n, seed, size=64):
    """Images as ALMA would see them, of 64 pixels; see simulate()."""
    return simulate(n, seed, size, alma=True)
