"""What the readers of the ParticleImages lessons write, with the usual mistakes and hints."""

import numpy as np

from common.exercises import Exercise, Exercises
from ParticleImages.vit import attend, rollout


def bend(pt, start):
    """Crystals by which charged particles leave their straight lines.

    pt (n,) in GeV; start (n,) in m, the radius from which on they bend.
    """
    length = 1.29 - start
    return 0.3 * 3.8 * length**2 / (2 * pt) / 0.0225


def width_along_phi(energy):
    """Energy-weighted width along the columns, in crystals, (n,).

    energy is (n, rows, columns).
    """
    columns = np.arange(energy.shape[2])
    share = energy.sum(axis=1) / energy.sum(axis=(1, 2))[:, None]
    mean = share @ columns
    return np.sqrt((share * (columns - mean[:, None]) ** 2).sum(axis=1))


def convolve(image, kernel):
    """Slide a kernel (3, 3) over an image (h, w) -> (h - 2, w - 2)."""
    height, width = image.shape
    seen = np.empty((height - 2, width - 2))
    for i in range(height - 2):
        for j in range(width - 2):
            seen[i, j] = (image[i : i + 3, j : j + 3] * kernel).sum()
    return seen


def _exact(pt, start, radius=1.29, field=3.8):
    circle = pt / (0.3 * field)
    return (circle - np.sqrt(circle**2 - (radius - start) ** 2)) / 0.0225


def _bent(pt, start, factor=0.5, power=2, pitch=0.0225, radius=1.29, field=3.8):
    return factor * 0.3 * field * (radius - start) ** power / pt / pitch


def _width(energy, axis=1, root=np.sqrt, centre=None, total=lambda profile: profile.sum(axis=1)[:, None]):
    """The width with a mistake: along the other axis, no root, about another column, or with another total."""
    profile = energy.sum(axis=axis)
    share = profile / total(profile)
    places = np.arange(profile.shape[1])
    mean = (share @ places)[:, None] if centre is None else centre(places)
    return root((share * (places - mean) ** 2).sum(axis=1))


def _unweighted(energy):
    lit = (energy > 0).astype(float)
    return width_along_phi(lit)


def _slid(image, kernel, combine=np.sum):
    windows = np.lib.stride_tricks.sliding_window_view(image, (3, 3))
    return combine(windows * kernel, axis=(2, 3))


def _softmax(scores, axis=-1):
    weights = np.exp(scores)
    return weights / weights.sum(axis=axis, keepdims=True)


def _attended(query, key, value, root=np.sqrt, softmax=_softmax, size=lambda key: key.shape[1]):
    weights = softmax(query @ key.T / root(size(key)))
    return weights @ value, weights


def _rolled(weights, skip=0.5, reverse=False, heads=np.mean, identity=np.eye):
    """The rollout with a mistake in the share of the skip connection, in the order, or in what it takes of heads."""
    t = weights.shape[-1]
    total = np.eye(t)
    for block in heads(weights, axis=2).swapaxes(0, 1):
        mixed = (1 - skip if skip < 1 else 1) * block + skip * identity(t)
        total = total @ mixed if reverse else mixed @ total
    return total


def _only_last_block(weights):
    t = weights.shape[-1]
    return 0.5 * weights[:, -1].mean(axis=1) + 0.5 * np.eye(t)


def _showers(n, seed):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.3, size=(n, 5, 5)) + np.eye(5)[2][:, None] * np.eye(5)[2]


def _attention_maps(seed, n, blocks, heads, t):
    return _softmax(np.random.default_rng(seed).normal(size=(n, blocks, heads, t, t)))


def _times(weights):
    """The rollout with products of entries in place of products of matrices."""
    identity = np.eye(weights.shape[-1])
    mixed = 0.5 * weights.mean(axis=2) + 0.5 * identity
    return identity * mixed.prod(axis=1)


IMAGE = np.array([[0, 1.5, 0, 2], [3, 0.2, 1, 0], [0, 2, 0.1, 5], [1, 0, 4, 0.7]])
KERNEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -3]])  # integers: an array like it cuts fractions off
THREE = (  # the three tokens of the worked example
    np.array([[2.0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]]),
    np.log([[1.0, 1, 1, 1], [2, 1, 1, 1], [4, 3, 1, 1]]),
    np.array([[7.0], [0], [14]]),
)
RANDOM = tuple(np.random.default_rng(0).normal(size=(3, 6, 4)))
LONGER = tuple(np.random.default_rng(1).normal(size=(3, 5, 9)))


exercises = Exercises({
    "bend": Exercise(
        bend,
        {
            "50 GeV from the beam line on": (np.array([50.0]), np.array([0.0])),
            "10 and 40 GeV from 0.25 m on": (np.array([10.0, 40.0]), np.array([0.25, 0.25])),
            "15 and 25 GeV, given as integers": (np.array([15, 25]), np.array([0.4, 1.1])),
        },
        {
            "Divide by two: s = 0.3 B L^2 / (2 pt).": lambda pt, start: _bent(pt, start, factor=1),
            "That is in metres: divide by 0.0225 m, the width of a crystal.":
                lambda pt, start: _bent(pt, start, pitch=1),
            "That is in centimetres: divide by the width of a crystal, 2.25 cm.":
                lambda pt, start: _bent(pt, start, pitch=0.01),
            "L is squared: twice the way, four times as far aside.": lambda pt, start: _bent(pt, start, power=1),
            "L is the way that is left to the crystals, 1.29 m minus start.":
                lambda pt, start: _bent(pt, 1.29 - start),
            "The particle bends from start on: L is 1.29 m minus start.": lambda pt, start: _bent(pt, 0 * start),
            "First subtract, then square: (1.29 - start)**2.":
                lambda pt, start: _bent(pt, 1.29 - np.sqrt(1.29**2 - start**2)),
            "Divide by all of 2 pt: write / (2 * pt), with brackets.": lambda pt, start: _bent(1 / pt, start),
            "The field is 3.8 T: the formula has a factor B.": lambda pt, start: _bent(pt, start, field=1),
            "That is the exact circle; use its approximation, the formula above.": _exact,
            "pt may be integers, and an array like it cuts fractions off: fill one of floats, np.zeros(len(pt)).":
                lambda pt, start: _bent(pt, start).astype(pt.dtype),
        },
        (
            "L is the way that is left: from start to the crystals at 1.29 m.",
            "s = 0.3 * 3.8 * L**2 / (2 * pt) is in metres. How many crystals of 0.0225 m are that?",
            "length = 1.29 - start, and return 0.3 * 3.8 * length**2 / (2 * pt) / 0.0225.",
        ),
    ),
    "width along phi": Exercise(
        width_along_phi,
        {
            "one shower of 3 rows and 7 columns": (np.outer([1, 2, 1], np.arange(7.0) ** 2)[None],),
            "four imagined showers of 5 x 5 crystals": (_showers(4, 0),),  # not five: (5, 5) - (5,) raises nothing
        },
        {
            "That is the width along eta: sum over axis 1 first, which leaves the columns.":
                lambda energy: _width(energy, axis=2),
            "That is the squared width: take the root.": lambda energy: _width(energy, root=np.asarray),
            "Subtract the mean column before you square.": lambda energy: _width(energy, centre=lambda places: 0),
            "Measure from the shower's own mean column, not from the middle one.":
                lambda energy: _width(energy, centre=np.mean),
            "Each shower has an energy of its own: divide by its own sum, sum(axis=(1, 2)).":
                lambda energy: _width(energy, total=np.sum),
            "Shares have the sum 1: divide by the energy of the shower.":
                lambda energy: _width(energy, total=lambda profile: 1),
            "Each column counts with its share of the energy.": _unweighted,
        },
        (
            "First the share of the energy in each column: sum over the rows (axis 1), divide by the shower's sum.",
            "The mean column is the sum of share times column, (n,); the variance is the sum of share times "
            "(column - mean) squared.",
            "columns = np.arange(energy.shape[2]); share has shape (n, columns), mean = share @ columns has (n,); use "
            "columns - mean[:, None], and take np.sqrt at the end.",
        ),
        errors={
            "broadcast": "A sum or mean of each shower has shape (n,): [:, None] makes one row a shower of it. "
                "And np.arange(energy.shape[2]) has as many columns as the image.",
            "matmul": "np.arange(energy.shape[2]) has as many columns as the image.",
        },
    ),
    "convolution": Exercise(
        convolve,
        {
            "an image of 4 x 4": (IMAGE, KERNEL),
            "an image of 3 x 7": (np.arange(21.0).reshape(3, 7) ** 2 % 11, KERNEL),
        },
        {
            "That kernel is mirrored: networks multiply without turning it round.":
                lambda image, kernel: _slid(image, kernel[::-1, ::-1]),
            "Rows and columns of the kernel are exchanged.": lambda image, kernel: _slid(image, kernel.T),
            "Sum the nine products; that is their mean.": lambda image, kernel: _slid(image, kernel, np.mean),
            "Sum the nine products; that is the largest.": lambda image, kernel: _slid(image, kernel, np.max),
            "Multiply the nine numbers by the kernel before you sum them.":
                lambda image, kernel: _slid(image, np.ones((3, 3))),
            "The kernel stays inside the image: no zeros are put around it.":
                lambda image, kernel: _slid(np.pad(image, 1), kernel),
            "Fractions are cut off: fill an array of floats, np.empty((h - 2, w - 2)).":
                lambda image, kernel: _slid(image, kernel).astype(int),
        },
        (
            "Start with one place: image[:3, :3] * kernel are nine products. Sum them.",
            "The window at row i and column j is image[i:i + 3, j:j + 3]; i is in range(h - 2), j in range(w - 2).",
            "seen = np.empty((h - 2, w - 2)), two loops, seen[i, j] = (image[i:i + 3, j:j + 3] * kernel).sum().",
        ),
        errors={"broadcast": "Each window is image[i:i + 3, j:j + 3], 3 x 3 numbers. Near the edge fewer are left: "
                "i ends before h - 2, j before w - 2."},
    ),
    "attention": Exercise(
        attend,
        {
            "the three tokens from above": THREE, "six tokens with queries of 4 numbers": RANDOM,
            "five tokens with queries of 9 numbers": LONGER,
        },
        {
            "Divide the scores by the root of d, the number of entries of a query.":
                lambda *a: _attended(*a, root=lambda d: 1),
            "Divide the scores by the root of d, not by d.": lambda *a: _attended(*a, root=float),
            "d is the number of entries of a query, not of tokens.": lambda *a: _attended(*a, size=len),
            "The root of d is 2 for queries of 4 numbers only: take d from query.shape[1].":
                lambda *a: _attended(*a, root=lambda d: 2),
            "Row i belongs to query i: query @ key.T.": lambda query, key, value: _attended(key, query, value),
            "The weights of one query, a row, have the sum 1, not those of all together.":
                lambda *a: _attended(*a, softmax=lambda scores: _softmax(scores, axis=None)),
            "The weights of one query, a row, have the sum 1: sum over axis 1.":
                lambda *a: _attended(*a, softmax=lambda scores: _softmax(scores, axis=0)),
            "Divide the exponentials by the sum of their row.": lambda *a: _attended(*a, softmax=np.exp),
            "Each row is divided by its own sum: sum(axis=1, keepdims=True) keeps the sums in a column.":
                lambda *a: _attended(*a, softmax=lambda scores: np.exp(scores) / np.exp(scores).sum(axis=1)),
            "Take the exponential of the scores: weights are positive.":
                lambda *a: _attended(*a, softmax=lambda scores: scores / scores.sum(axis=1, keepdims=True)),
            "The order is what the tokens see first, and then the weights.": lambda *a: _attended(*a)[::-1],
        },
        (
            "query @ key.T holds all scalar products: row i belongs to query i, column j to key j.",
            "Divide by np.sqrt(query.shape[1]), take np.exp, and divide each row by its sum: "
            "weights.sum(axis=1, keepdims=True).",
            "scores = query @ key.T / np.sqrt(d); weights = np.exp(scores), each row divided by its sum; "
            "return weights @ value, weights.",
        ),
        parts=("what the tokens see", "weights"),
        errors={"matmul": "Every query meets every key: query @ key.T."},
    ),
    "rollout": Exercise(
        rollout,
        {
            "two images, 3 blocks, 2 heads and 4 tokens": (_attention_maps(0, 2, 3, 2, 4),),
            "one image, 2 blocks, 4 heads and 5 tokens": (_attention_maps(1, 1, 2, 4, 5),),
        },
        {
            "Half of each token comes around the attention: mix with the identity matrix.":
                lambda weights: _rolled(weights, skip=0),
            "Attention and identity count half each, so that rows sum to 1.": lambda weights: _rolled(weights, skip=1),
            "The identity is a matrix, np.eye(t): + 0.5 adds to all entries, not to the diagonal alone.":
                lambda weights: _rolled(weights, identity=lambda t: 1),
            "Later blocks are multiplied from the left: total = mixed @ total.":
                lambda weights: _rolled(weights, reverse=True),
            "Take the mean over the heads.": lambda weights: _rolled(weights, heads=np.sum),
            "Axis 1 counts the blocks; the heads are axis 2.": lambda weights: _rolled(weights.swapaxes(1, 2)),
            "There may be more than two blocks: go through all weights.shape[1] of them.": lambda weights:
                _rolled(weights[:, :2]),
            "Axis 1 counts the blocks; the mean over the heads is over axis 2.": lambda weights:
                0.5 * weights.mean(axis=1) + 0.5 * np.eye(weights.shape[-1]),
            "That is the last block alone: multiply the matrices of all blocks.": _only_last_block,
            "Multiply matrices with @: * multiplies entry by entry.": _times,
            "That is a mean over the blocks: multiply their matrices.":
                lambda weights: 0.5 * weights.mean(axis=(1, 2)) + 0.5 * np.eye(weights.shape[-1]),
        },
        (
            "weights.mean(axis=2) is the mean over the heads, (n, blocks, t, t). Mix each of its matrices with "
            "np.eye(t), half and half.",
            "Start with total = np.eye(t), go through the blocks from first to last, and multiply from the left.",
            "for b in range(weights.shape[1]): total = (0.5 * mean[:, b] + 0.5 * np.eye(t)) @ total.",
        ),
    ),
})  # fmt: skip
