"""What the reader of the Exoplanet lesson writes, with the usual mistakes and hints."""

import numpy as np

from common.exercises import Exercise, Exercises
from Exoplanet.model import mean_of_runs, on_the_sky, residual


def _sky(radius, azimuth, ratio, angle, squash=(0, 1), turn=1, power=1, late=False, swap=False):
    """Mistaken versions of `on_the_sky`: which axes are squashed, which way the disk is turned."""
    along, across = radius * np.cos(azimuth), radius * np.sin(azimuth)
    if swap:
        along, across = across, along
    factors = [ratio**power if squashed else 1 for squashed in squash]
    if not late:
        along, across = along * factors[0], across * factors[1]
    cos, sin = np.cos(angle), turn * np.sin(angle)
    x, y = along * cos - across * sin, along * sin + across * cos
    return (x * factors[0], y * factors[1]) if late else (x, y)


def _less(unwrapped, median):
    """Residual with a mistaken median."""
    return np.clip(unwrapped - median, -1, 1)


def _in_order_of_appearance(run, p):
    names = list(dict.fromkeys(run.tolist()))
    return np.array([p[run == name].mean() for name in names])


TAKES_ARRAYS = "All four arguments may be arrays: use np.cos and np.sin, without float()."
NO_MATRIX = "All four arguments may be arrays: write x and y out in place of a matrix."
RNG = np.random.default_rng(0)
RING = np.full(5, 0.8), np.array([0.0, 0.7, 1.6, 3.0, 4.5])
GRID = np.array([[0.2], [0.9]]), np.array([0.1, 1.2, 2.9, 5.0])  # radii down, azimuths across: (2, 1) and (4,)
VIEWS = np.array([0.3, 0.8]).reshape(2, 1, 1), np.array([2.5, 0.0]).reshape(2, 1, 1)  # ratio and angle of two disks
DISKS = RNG.normal(-3.0, 0.2, (2, 5, 8)) + np.linspace(2, 0, 5)[:, None]
DISKS[0, 3, 2] += 2.5  # a spot that is brighter than the limit
DISKS[1, 1, 5] -= 2.5  # and a hole
RUNS = np.array([7, 7, 3, 9, 9, 9]), np.array([0.9, 0.5, 0.1, 0.2, 0.4, 0.9])
MIXED = np.array([2, 5, 2, 5, 2]), np.array([1.5, -0.5, 0.5, -2.5, 4.0])  # logits, in no order


exercises = Exercises({
    "deprojection": Exercise(
        on_the_sky,
        {
            "five points of a ring": (*RING, 0.5, 0.6),
            "a disk whose major axis is the x axis": (*RING, 0.7, 0.0),
            "two radii and four azimuths, shapes (2, 1) and (4,)": (*GRID, 0.3, 2.5),
            "the same of two disks, ratio and angle of shape (2, 1, 1)": (*GRID, *VIEWS),
        },
        {
            "The disk is squashed across its major axis, not along it.": lambda *a: _sky(*a, squash=(1, 0)),
            "Nothing is squashed yet: across the major axis the disk looks narrower by ratio.":
                lambda *a: _sky(*a, squash=(0, 0)),
            "A point of the disk is seen nearer to the major axis: multiply by ratio, do not divide.":
                lambda *a: _sky(*a, power=-1),
            "Only the distance across the major axis shrinks, not both.": lambda *a: _sky(*a, squash=(1, 1)),
            "That turns the disk the wrong way: check the sign in front of the sines of the angle.":
                lambda *a: _sky(*a, turn=-1),
            "Squash first, while the major axis is still an axis, and then turn.": lambda *a: _sky(*a, late=True),
            "The azimuth is counted from the major axis: the cosine is along it, the sine across.":
                lambda *a: _sky(*a, swap=True),
            "The azimuth grows in the same sense as the angle: no minus before the sine of the azimuth.":
                lambda radius, azimuth, ratio, angle: on_the_sky(radius, -azimuth, ratio, angle),
            "The squashed disk still has to be turned by the angle.":
                lambda radius, azimuth, ratio, angle: _sky(radius, azimuth, ratio, 0.0),
            "Squash across the major axis, which is the sine, not along it; and then turn by the angle.":
                lambda radius, azimuth, ratio, angle: _sky(radius, azimuth, ratio, 0.0, squash=(1, 0)),
            "Squash before you turn, and turn the other way.": lambda *a: _sky(*a, turn=-1, late=True),
            "angle is in rad already.": lambda radius, azimuth, ratio, angle:
                _sky(radius, azimuth, ratio, np.deg2rad(angle)),
            "azimuth and angle are both in rad already.": lambda radius, azimuth, ratio, angle:
                _sky(radius, np.deg2rad(azimuth), ratio, np.deg2rad(angle)),
            "The order is x first, then y.": lambda *a: on_the_sky(*a)[::-1],
        },
        (
            "First look at the disk with its major axis along x, and then turn the picture.",
            "Along the major axis a point is at radius * cos(azimuth), across it at radius * sin(azimuth) * ratio.",
            "Turn (along, across) by the angle: x = along * cos(angle) - across * sin(angle), "
            "y = along * sin(angle) + across * cos(angle).",
        ),
        parts=("x", "y"),
        rtol=1e-4,  # also for single precision
        errors={
            "only length-1 arrays": TAKES_ARRAYS,
            "only 0-dimensional arrays": TAKES_ARRAYS,  # the same error in other versions of NumPy
            "truth value": "ratio and angle may be arrays; no `if` is needed, the formulas hold for an angle of 0.",
            "einstein sum": NO_MATRIX, "matmul": NO_MATRIX, "same shape": NO_MATRIX,
        },
    ),
    "residual": Exercise(
        residual,
        {
            "two disks of five rings, one with a bright spot": (DISKS,),
            "a single disk, shape (1, 3, 6)": (DISKS[:1, 2:, :6],),
        },
        {
            "That is the median over the rings; a smooth disk is the same all around each ring: axis=2.":
                lambda u: _less(u, np.median(u, axis=1, keepdims=True)),
            "That is one median for each disk; each ring has its own.":
                lambda u: _less(u, np.median(u, axis=(1, 2), keepdims=True)),
            "That is one median for all disks together; each ring of each disk has its own.":
                lambda u: _less(u, np.median(u)),
            "That is the mean of each ring, which a single bright spot moves; take the median.":
                lambda u: _less(u, np.mean(u, axis=2, keepdims=True)),
            "What is left still has to be cut off at -1 and 1: np.clip.":
                lambda u: u - np.median(u, axis=2, keepdims=True),
            "That is the median over the disks; take it over the angles of each ring: axis=2.":
                lambda u: _less(u, np.median(u, axis=0, keepdims=True)),
            "Cut off below -1 as well.": lambda u: np.minimum(u - np.median(u, axis=2, keepdims=True), 1),
            "Cut off above 1 as well.": lambda u: np.maximum(u - np.median(u, axis=2, keepdims=True), -1),
            "That is the median of each ring minus the image: the other way round.": lambda u: -residual(u),
            "Cut off the difference, not the image before it.":
                lambda u: np.clip(u, -1, 1) - np.median(np.clip(u, -1, 1), axis=2, keepdims=True),
        },
        (
            "A smooth disk has one brightness in each ring. The axes are (disk, ring, angle): over which one do you "
            "take the median?",
            "np.median(unwrapped, axis=2) has the shape (n, rings). With keepdims=True it is (n, rings, 1), and can be "
            "subtracted.",
            "np.clip(..., -1, 1) around the difference.",
        ),
        rtol=1e-4,  # also for single precision
        errors={"broadcast": "keepdims=True keeps the axis of the median, with length 1."},
    ),
    "mean of each run": Exercise(
        mean_of_runs,
        {
            "six images of the runs 7, 3 and 9": RUNS,
            "five images of two runs in no order": MIXED,
        },
        {
            "The runs are wanted in ascending order, not in the order in which they appear.": _in_order_of_appearance,
            "That is the sum of each run; divide by its number of images.":
                lambda run, p: np.array([p[run == name].sum() for name in np.unique(run)]),
            "One number for each run is wanted, not one for each image.":
                lambda run, p: mean_of_runs(run, p)[np.unique(run, return_inverse=True)[1]],
            "That is the first prediction of each run, not the mean of all of them.":
                lambda run, p: p[np.unique(run, return_index=True)[1]],
            "That is the largest prediction of each run, not the mean.":
                lambda run, p: np.array([p[run == name].max() for name in np.unique(run)]),
            "That is the median of each run, not the mean.":
                lambda run, p: np.array([np.median(p[run == name]) for name in np.unique(run)]),
            "np.bincount(run) also counts the numbers that no run has: number the runs by "
            "np.unique(run, return_inverse=True) first.": lambda run, p: np.bincount(run, p) / np.bincount(run),
        },
        (
            "np.unique(run) has each run once, in ascending order.",
            "p[run == name] has the predictions for the images of one run.",
            "Take .mean() of that for each name in np.unique(run), and put the numbers into np.array([...]).",
        ),
        rtol=1e-4,  # also for single precision
    ),
})  # fmt: skip
