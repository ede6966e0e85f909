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


def _less(median, unwrapped):
    """Residual of a mistaken median."""
    return np.clip(unwrapped - median(unwrapped), -1, 1)


def _in_order_of_appearance(run, p):
    names = list(dict.fromkeys(run.tolist()))
    return np.array([p[run == name].mean() for name in names])


RNG = np.random.default_rng(0)
RING = np.full(5, 0.8), np.array([0.0, 0.7, 1.6, 3.0, 4.5])
GRID = np.array([[0.2], [0.9]]), np.array([0.1, 1.2, 2.9, 5.0])  # radii down, azimuths across: (2, 1) and (4,)
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
            "The squashed disk still has to be turned by the angle.":
                lambda radius, azimuth, ratio, angle: _sky(radius, azimuth, ratio, 0.0),
            "The order is x first, then y.": lambda *a: on_the_sky(*a)[::-1],
        },
        (
            "First look at the disk with its major axis along x, and then turn the picture.",
            "Along the major axis a point is at radius * cos(azimuth), across it at radius * sin(azimuth) * ratio.",
            "Turn (along, across) by the angle: x = along * cos(angle) - across * sin(angle), "
            "y = along * sin(angle) + across * cos(angle).",
        ),
        parts=("x", "y"),
        errors={"only length-1 arrays": "Use np.cos and np.sin, which take arrays."},
    ),
    "residual": Exercise(
        residual,
        {
            "two disks of five rings, one with a bright spot": (DISKS,),
            "a single disk, shape (1, 3, 6)": (DISKS[:1, 2:, :6],),
        },
        {
            "That is the median over the rings; a smooth disk is the same all around each ring: axis=2.":
                lambda u: _less(lambda u: np.median(u, axis=1, keepdims=True), u),
            "That is one median for each disk; each ring has its own.":
                lambda u: _less(lambda u: np.median(u, axis=(1, 2), keepdims=True), u),
            "That is one median for all disks together; each ring of each disk has its own.":
                lambda u: _less(np.median, u),
            "That is the mean of each ring, which a single bright spot moves; take the median.":
                lambda u: _less(lambda u: np.mean(u, axis=2, keepdims=True), u),
            "What is left still has to be cut off at -1 and 1: np.clip.":
                lambda u: u - np.median(u, axis=2, keepdims=True),
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
        },
        (
            "np.unique(run) has each run once, in ascending order.",
            "p[run == name] has the predictions for the images of one run.",
            "Take .mean() of that for each name in np.unique(run), and put the numbers into np.array([...]).",
        ),
    ),
})  # fmt: skip
