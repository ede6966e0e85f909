"""What a simulator allows to ask: the same disks with and without a planet, where a wake is, and how splits leak."""

import numpy as np

from Exoplanet import disk, simulate
from Exoplanet.model import INNERMOST, OUTERMOST, ellipses

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
        Mass in solar masses, and radius of the orbit in au.
    angle : float
        Azimuth of the planet, in rad.
    **changes
        Entries of `PLAIN_DISK`; a number stands for an array of four equal ones.
    """
    first = np.arange(simulate.MAX_PLANETS) == 0
    changes = {k: np.full(4, v) if np.ndim(PLAIN_DISK[k]) else v for k, v in changes.items()}
    run = {**PLAIN_DISK, "n_planets": int(mass > 0), "masses": mass * first, "radii": radius * first, **changes}
    angles = {"planet": np.full(4, angle), "vortex": np.full(4, angle), "arm": angle, "spot": angle, "clump": angle}
    return simulate.to_unit_range(simulate.render(run, simulate.Profile(run), angles, size))[None]


def single_planets(mass, radius, n, seed, size=simulate.SIZE, **changes):
    """Images (n, 1, size, size) of n disks with one planet each; the same seed gives the same disks.

    Parameters
    ----------
    mass : float, or ndarray of shape (n,)
        Mass in solar masses; 0 gives the same disks without the planet.
    radius : float, or ndarray of shape (n,)
        Radius of its orbit in au.
    **changes : float
        Entries of `simulate.draw_runs` that are the same in all disks: wake=0 takes the wakes away, and nothing else.
    """
    runs, rng = _with_one_planet(mass, radius, n, seed)
    runs |= {name: np.full_like(runs[name], value) for name, value in changes.items()}
    return simulate.draw_images(runs, np.arange(n), rng, size)[0]


def _with_one_planet(mass, radius, n, seed):
    """The runs of `single_planets`, and the random generator that draws their images next."""
    rng = np.random.default_rng(seed)
    runs = simulate.draw_runs(n, rng)
    first = np.arange(simulate.MAX_PLANETS) == 0
    runs["masses"], runs["radii"] = (np.broadcast_to(value, n)[:, None] * first for value in (mass, radius))
    runs["n_planets"] = np.count_nonzero(runs["masses"], axis=1)
    return runs, rng


def detections(score, masses, radii, threshold, n, seed, size=simulate.SIZE, **changes):
    """Which lone planets are found: bool, shape (len(masses), len(radii), n).

    Parameters
    ----------
    score : callable X -> ndarray of shape (n,)
    masses, radii : sequence of float
        In solar masses and au. Where the mass is 0, what is found are false alarms.
    threshold : float
        A planet is found where the score is higher.
    n : int
        Disks for each mass and orbit, always the same ones.
    **changes : float
        As for `single_planets`.
    """
    return np.array([
        [score(single_planets(mass, radius, n, seed, size, **changes)) > threshold for radius in radii]
        for mass in masses
    ])  # fmt: skip


def thermal_masses(masses, radii, n, seed):
    """q / h^3 of the lone planets of `detections`, shape (len(masses), len(radii), n)."""
    runs = simulate.draw_runs(n, np.random.default_rng(seed))
    h = disk.aspect_ratio(np.asarray(radii)[:, None], runs["h_50"])
    return np.asarray(masses)[:, None, None] / runs["star_mass"] / h**3


def inner_edges(n, seed):
    """Radii in au at which the inner holes of the disks of `detections` end, shape (n,)."""
    return simulate.draw_runs(n, np.random.default_rng(seed))["r_in"]


def wakes(mass, radius, n, seed, size=simulate.SIZE, m=400, ends=(0.5, 1.8)):
    """Where the wakes of `single_planets` are seen: x and y (n, m), between two radii in units of the orbit's.

    In units of half the width of the image, from its middle, as `model.on_the_sky` gives them. The planet is in the
    middle of the path.
    """
    runs, rng = _with_one_planet(mass, radius, n, seed)
    planet = simulate.draw_dumps(n, rng)["planet"][:, 0]
    r = radius * np.concatenate([np.linspace(ends[0], 1, m // 2), np.linspace(1, ends[1], m // 2)])
    paths = np.empty((2, n, m))
    for i in range(n):
        run = {name: values[i] for name, values in runs.items()}
        phase = disk.wake_phase(r, radius, disk.aspect_ratio(radius, run["h_50"]))
        row, column = simulate.project(run, r, planet[i] - phase, size)
        paths[:, i] = (column + 0.5) / size * 2 - 1, (row + 0.5) / size * 2 - 1
    return paths


def seen_face_on(x, y, ratio, angle):
    """Radius and azimuth of points of an image in the plane of the disk: the inverse of `model.on_the_sky`."""
    along = x * np.cos(angle) + y * np.sin(angle)
    across = (y * np.cos(angle) - x * np.sin(angle)) / ratio
    return np.hypot(along, across), np.arctan2(across, along) % (2 * np.pi)


def crossed(radius, azimuth, rings, angles):
    """Which cells of a polar map (rings, angles) a path crosses: bool. The map covers what `model.polar` covers."""
    ring = np.floor((radius - INNERMOST) / (OUTERMOST - INNERMOST) * rings).astype(int)
    column = np.floor(azimuth / (2 * np.pi) * angles).astype(int) % angles
    inside = (ring >= 0) & (ring < rings)
    cells = np.zeros((rings, angles), bool)
    cells[ring[inside], column[inside]] = True
    return cells


def clear_example(dataset):
    """Row of the heaviest lone planet in a whole disk, inclined by 30 to 60 degrees, whose view `ellipses` finds.

    Official images do not tell how they are inclined: any of them with one planet may be chosen.
    """
    ratio, angle = ellipses(dataset.X)
    inclination = dataset.meta.get("inclination", np.arccos(ratio))
    turned = dataset.meta.get("position_angle", angle) - angle
    fits = (dataset.meta["n_planets"] == 1) & (abs(np.cos(inclination) - ratio) < 0.03) & (abs(np.sin(turned)) < 0.1)
    fits &= (dataset.X > 0).mean(axis=(1, 2, 3)) > 0.99  # not cut off by the box
    fits &= (np.deg2rad(30) < inclination) & (inclination < np.deg2rad(60))
    fits &= dataset.meta["radii"].max(axis=1) > 40  # au: in the middle of the unwrapped image
    return np.argmax(dataset.meta["masses"].max(axis=1) * fits)


def random_split(runs, share, seed):
    """A leaky split that ignores runs: the rows of training and test."""
    rows = np.random.default_rng(seed).permutation(len(runs))
    cut = round(share * len(runs))
    return np.sort(rows[cut:]), np.sort(rows[:cut])


def run_split(runs, share, seed):
    """A split that keeps runs together: the rows of training and test."""
    names = np.random.default_rng(seed).permutation(np.unique(runs))
    cut = round(share * len(names))
    tested = np.isin(runs, names[:cut])
    return np.flatnonzero(~tested), np.flatnonzero(tested)


def bootstrap_runs(run, y, *predictions, n=200, seed=0):
    """AUC by image on n bootstrap copies of a test set that are drawn by run, shape (n_models, n).

    Images of a run are alike, so a run is drawn with all of its images, or not at all. Runs with and without planets
    are drawn apart, so that no copy lacks one of them. All models share the copies. The AUC is the share of pairs in
    which the image with a planet has the larger prediction, where equal ones count half.

    Parameters
    ----------
    run, y : ndarray of shape (n_samples,)
        Number of the run of each image, and its label, 0 or 1.
    *predictions : ndarray of shape (n_samples,)
        One for each model.
    """
    rng = np.random.default_rng(seed)
    with_planet, without = np.flatnonzero(y == 1), np.flatnonzero(y == 0)
    a, b = (_times_drawn(run[rows], n, rng) for rows in (with_planet, without))
    scores = []
    for p in predictions:
        p, q = p[with_planet][:, None], p[without]
        won = (p > q) + 0.5 * (p == q)
        scores.append(((a @ won) * b).sum(axis=1) / (a.sum(axis=1) * b.sum(axis=1)))
    return np.array(scores)


def _times_drawn(run, n, rng):
    """How often each image is in each of n copies, (n, images): as often as its run is drawn."""
    names, number = np.unique(run, return_inverse=True)
    return rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n)[:, number]
