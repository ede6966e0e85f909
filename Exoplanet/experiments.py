"""What a simulator allows to ask: single planets, patches made smooth, and splits that leak."""

import numpy as np

from Exoplanet import simulate
from Exoplanet.model import ANGLES, INNERMOST, OUTERMOST, RINGS, ellipses, logarithm, logits, polar, views_of_polar

PLAIN_DISK = {  # seen face on, without planets, confusers or artefacts; the entries of simulate.draw_runs()
    "n_planets": 0, "masses": np.zeros(4), "radii": np.zeros(4), "star_mass": 1.0, "inclination": 0.0,
    "position_angle": 0.0, "rotation": 1.0, "half_width": 200.0, "disk_mass": 1e-3, "slope": 0.5, "r_in": 5.0,
    "cavity": 0.01, "r_c": 100.0, "r_out": np.inf, "edge": 0.1, "h_50": 0.06, "alpha": 2e-3, "t_100": 20.0, "lift": 0.0,
    "maturity": 1.0, "wake": 0.0, "trap": np.zeros(4), "trap_place": np.full(4, 0.7), "stokes": 0.05,
    "thickness": 0.35, "second_arm": np.full(4, 2.0), "second_strength": np.zeros(4), "vortex": np.zeros(4),
    "vortex_width": np.ones(4), "glow": np.zeros(4), "arms": 0, "arm_strength": 0.3, "arm_pitch": 0.3,
    "arm_reach": 60.0, "rings": np.zeros(4), "ring_radii": np.full(4, 60.0), "ring_widths": np.full(4, 5.0),
    "spot": 0.0, "spot_radius": 80.0, "spot_width": 2.0, "clump": 0.0, "clump_radius": 70.0, "clump_length": 0.3,
    "clump_width": 6.0, "box": np.inf, "box_angle": 0.3, "speckle": 0.0, "blotches": 0.0, "floor": 0.0, "star": 0.0,
}  # fmt: skip


def one_disk(mass=0.0, radius=0.0, angle=1.0, size=256, **changes):
    """The image (1, size, size) of a plain disk, with one planet where mass and radius are given.

    Parameters
    ----------
    mass, radius : float
        In solar masses and au.
    angle : float
        Of the planet, in rad.
    **changes
        Entries of `PLAIN_DISK`; a number stands for an array of four equal ones.
    """
    first = np.arange(simulate.MAX_PLANETS) == 0
    changes = {k: np.full(4, v) if np.ndim(PLAIN_DISK[k]) else v for k, v in changes.items()}
    run = {**PLAIN_DISK, "n_planets": int(mass > 0), "masses": mass * first, "radii": radius * first, **changes}
    angles = {"planet": np.full(4, angle), "vortex": np.full(4, angle), "arm": angle, "spot": angle, "clump": angle}
    return simulate.to_unit_range(simulate.render(run, simulate.Profile(run), angles, size))[None]


def single_planets(mass, radius, n, seed, size=simulate.SIZE):
    """Images (n, 1, size, size) of n disks with one planet each; the same seed gives the same disks.

    Parameters
    ----------
    mass : float
        In solar masses.
    radius : float
        Of its orbit in au.
    """
    rng = np.random.default_rng(seed)
    runs = simulate.draw_runs(n, rng)
    runs["n_planets"] = np.ones(n, int)
    first = np.arange(simulate.MAX_PLANETS) == 0
    runs["masses"], runs["radii"] = np.tile(mass * first, (n, 1)), np.tile(radius * first, (n, 1))
    return simulate.draw_images(runs, np.arange(n), rng, size)[0]


def efficiency(score, masses, radii, threshold, n, seed, size=simulate.SIZE):
    """Share of lone planets that are found, shape (len(masses), len(radii)).

    Parameters
    ----------
    score : callable X -> ndarray of shape (n,)
    masses, radii : sequence of float
        In solar masses and au.
    threshold : float
        A planet is found where the score is higher.
    n : int
        Disks for each mass and orbit, always the same ones.
    """
    return np.array([
        [(score(single_planets(mass, radius, n, seed, size)) > threshold).mean() for radius in radii]
        for mass in masses
    ])  # fmt: skip


def smooth_disk(X):
    """log10 of the smooth disk that is most like each image: the median of each ring, drawn back into the image.

    Shape (n, 1, size, size), as X. Beyond the outermost ring the image itself.
    """
    ratio, angle = ellipses(X)
    profile = np.median(polar(X, ratio, angle), axis=2)
    size = X.shape[-1]
    y, x = (np.mgrid[:size, :size] + 0.5) / size * 2 - 1
    radii = np.linspace(INNERMOST, OUTERMOST, RINGS)
    smooth = logarithm(X)
    for i in range(len(X)):
        u = x * np.cos(angle[i]) + y * np.sin(angle[i])
        v = (y * np.cos(angle[i]) - x * np.sin(angle[i])) / ratio[i]
        r = np.hypot(u, v)
        inside = (r > INNERMOST) & (r < OUTERMOST)
        smooth[i, 0][inside] = np.interp(r[inside], radii, profile[i])
    return smooth


def occlusion_map(model, image, patch=12, stride=6, rings=RINGS, angles=ANGLES):
    """How much each patch of an image makes the network believe in a planet.

    Each patch in turn is replaced by the smooth disk of `smooth_disk`; painted black, it would be a structure itself.

    Parameters
    ----------
    model : Network
    image : ndarray of float32, shape (1, size, size)
    patch, stride : int
        Pixels.
    rings, angles : int
        As for `views`.

    Returns
    -------
    ndarray of shape (m, m)
        Drop of the logarithmic odds when the patch is smooth; m = (size - patch) // stride + 1.
    """
    smooth = 10 ** smooth_disk(image[None])[0]
    starts = np.arange(0, image.shape[-1] - patch + 1, stride)
    changed = np.repeat(image[None], len(starts) ** 2 + 1, axis=0)
    for i, (row, column) in enumerate((r, c) for r in starts for c in starts):
        window = np.s_[:, row : row + patch, column : column + patch]
        changed[i][window] = smooth[window]
    ratio, angle = (np.repeat(value, len(changed)) for value in ellipses(image[None]))
    z = logits(model, views_of_polar(polar(changed, ratio, angle, rings, angles)))
    return (z[-1] - z[:-1]).reshape(len(starts), len(starts))


def random_split(runs, share, seed):
    """Rows of a leaky split that ignores runs: (train, test), `share` of the rows in the test."""
    order = np.random.default_rng(seed).permutation(len(runs))
    cut = round(share * len(runs))
    return np.sort(order[cut:]), np.sort(order[:cut])


def run_split(runs, share, seed):
    """Rows of a split that keeps runs together: (train, test), about `share` of the runs in the test."""
    names = np.random.default_rng(seed).permutation(np.unique(runs))
    tested = np.isin(runs, names[: round(share * len(names))])
    return np.flatnonzero(~tested), np.flatnonzero(tested)
