"""What the reader of the QuantumML lessons writes, with the usual mistakes and hints."""

import numpy as np

from common.exercises import Exercise, Exercises


def count_lit(images):
    """Number (n,) of lit pixels of images (n, side, side).

    A pixel is lit if it has more than 1 % of the energy of the brightest
    pixel of its own image.
    """
    brightest = images.max(axis=(1, 2), keepdims=True)
    return (images > 0.01 * brightest).sum(axis=(1, 2))


def linear_error(X, mean, components):
    """Squared error (n,) of X (n, p) restored by a linear autoencoder.

    It is the sum of the p squared differences of each vector. mean is (p,),
    and components (k, p) are unit vectors at right angles.
    """
    code = (X - mean) @ components.T  # (n, k)
    restored = mean + code @ components  # (n, p)
    return ((X - restored) ** 2).sum(axis=1)


def same_count_auc(score, gluon, count):
    """AUC of scores (n,) among jets that have the same count (n,).

    It is the share of pairs of a gluon and a quark jet with the same count
    in which the gluon jet has the higher score; equal scores count half.
    gluon (n,) is True for gluon jets.
    """
    higher, pairs = 0.0, 0
    for value in np.unique(count):
        g = score[gluon & (count == value)][:, None]
        q = score[~gluon & (count == value)]
        higher += (g > q).sum() + (g == q).sum() / 2
        pairs += len(g) * len(q)
    return higher / pairs


def turn(theta):
    """States (n, 2) that R_y makes of |0>, and P(1) (n,).

    theta (n,) are the angles in rad.
    """
    state = np.stack([np.cos(theta / 2), np.sin(theta / 2)], axis=1)
    return state, state[:, 1] ** 2


def trash_of_two(theta):
    """P(1) (n,) of qubit 0 after two turns (n, 2) and a CNOT.

    Column k of theta is the angle of qubit k. Qubit 1 controls: where it
    is 1, qubit 0 is flipped.
    """
    zero, _ = turn(theta[:, 0])
    one, _ = turn(theta[:, 1])
    amplitude_01 = one[:, 0] * zero[:, 1]  # qubit 1 is 0, qubit 0 is 1
    amplitude_10 = one[:, 1] * zero[:, 0]  # the CNOT makes |11> of it
    return amplitude_01**2 + amplitude_10**2


def score_of_shots(counts):
    """Share of ones among all bits that were measured.

    counts is a dictionary: how many shots gave each string of bits.
    """
    ones = sum(string.count("1") * n for string, n in counts.items())
    bits = sum(len(string) * n for string, n in counts.items())
    return ones / bits


def _errors(X, mean, components, after=0.0, power=2, axis=1, average=False):
    """Mistaken errors: `after` times the mean is added to what is restored."""
    restored = (X - mean) @ components.T @ components + after * mean
    values = np.abs(X - restored) ** power
    return values.mean(axis) if average else values.sum(axis)


def _mean_of_aucs(score, gluon, count, weight=lambda gluons, quarks: 1):
    values, weights = [], []
    for value in np.unique(count):
        g, q = score[gluon & (count == value)][:, None], score[~gluon & (count == value)]
        if g.size and q.size:
            values.append((g > q).mean() + (g == q).mean() / 2)
            weights.append(weight(len(g), len(q)))
    return np.average(values, weights=weights)


def _pairs(score, gluon, count, ties=0.5, sign=1):
    share = [
        ((sign * g > sign * q) + ties * (g == q), 1)
        for g, n in zip(score[gluon], count[gluon], strict=True)
        for q, m in zip(score[~gluon], count[~gluon], strict=True) if n == m
    ]  # fmt: skip
    return sum(a for a, _ in share) / len(share)


def _half_turns(theta, factor=0.5, swapped=False, power=2, of=1, axis=1):
    """States and probabilities of a mistaken rotation."""
    amplitudes = [np.cos(factor * theta), np.sin(factor * theta)]
    state = np.stack(amplitudes[::-1] if swapped else amplitudes, axis=axis)
    return state, state.take(of, axis) ** power


def _two(theta, factor=0.5):
    """Probability that the two qubits disagree."""
    p = np.sin(factor * theta) ** 2
    return p[:, 0] * (1 - p[:, 1]) + p[:, 1] * (1 - p[:, 0])


def _dim(seed, n, side):
    """Images of a few bright pixels among many that are dark or nearly so; each has another scale.

    None has 1 % of the brightest one, to within rounding.
    """
    rng = np.random.default_rng(seed)
    images = rng.choice([0.0, 0.002, 0.019, 0.021, 0.1, 1.0], p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05], size=(n, side, side))
    images[:, 0, 0] = 2.0
    return images * np.arange(1, n + 1)[:, None, None] ** 3


def _plane(seed, n, p, k):
    rng = np.random.default_rng(seed)
    components = np.linalg.qr(rng.normal(size=(p, k)))[0].T
    return rng.normal(size=(n, p)) + 3, rng.normal(size=p) + 2, components


EDGE = np.array([[[4.0, 0.04, 0.0], [0.05, 0.03, 1.0], [0.0, 0.0, 0.041]]])  # 0.04 is not more than 1 % of 4
RANDOM = np.random.default_rng(5)
COUNTS = RANDOM.integers(3, 7, size=60)
KINDS = RANDOM.random(60) < np.where(COUNTS > 4, 0.7, 0.3)
SCORES = (COUNTS + KINDS * 0.7 + RANDOM.normal(size=60)).round(1)
SIX = np.array([1.0, 3.0, 2.0, 5.0, 4.0, 4.0]), np.array([0, 1, 0, 1, 0, 1], bool), np.array([2, 2, 2, 3, 3, 3])
ANGLES = np.array([0.0, 0.4, np.pi / 3, np.pi / 2, 2.5])
ANGLE_PAIRS = np.array([[0.0, 0.0], [3.0, 3.0], [np.pi, 0.0], [0.3, 1.1], [2.0, 0.7]])  # no answer is a rounded 0

exercises = Exercises({
    "lit pixels": Exercise(
        count_lit,
        {"one image of 3 x 3 pixels, 4 GeV at most": (EDGE,), "five images of 6 x 6 pixels": (_dim(0, 5, 6),)},
        {
            "The threshold is 1 % of the brightest pixel, not 0.01 GeV: divide by that pixel, or multiply.":
                lambda images: (images > 0.01).sum((1, 2)),
            "Each image has a brightest pixel of its own: use images.max(axis=(1, 2), keepdims=True).":
                lambda images: (images > 0.01 * images.max()).sum((1, 2)),
            "That is the energy of the lit pixels; count them.":
                lambda images: (images * (images > 0.01 * images.max((1, 2), keepdims=True))).sum((1, 2)),
            "These are all pixels above 0; those below 1 % of the brightest one do not count.":
                lambda images: (images > 0).sum((1, 2)),
            "The threshold is 1 % of the brightest pixel, not of the sum of all.":
                lambda images: (images > 0.01 * images.sum((1, 2), keepdims=True)).sum((1, 2)),
            "1 % is 0.01.": lambda images: (images > 0.1 * images.max((1, 2), keepdims=True)).sum((1, 2)),
            "That is the brightest pixel of each row; take the one of the image: axis=(1, 2).":
                lambda images: (images > 0.01 * images.max(2, keepdims=True)).sum((1, 2)),
            "A pixel with exactly 1 % is not lit: use >.":
                lambda images: (images >= 0.01 * images.max((1, 2), keepdims=True)).sum((1, 2)),
        },
        (
            "What is the brightest pixel of each image? images.max(axis=(1, 2)) has shape (n,).",
            "With keepdims=True it has shape (n, 1, 1), and can be compared with all pixels of its image at once.",
            "(images > 0.01 * brightest) is True for lit pixels; .sum(axis=(1, 2)) counts them.",
        ),
        errors={"broadcast": "images.max(axis=(1, 2), keepdims=True) has a shape that fits."},
    ),
    "linear autoencoder": Exercise(
        linear_error,
        {"seven vectors of five numbers, two components": _plane(0, 7, 5, 2),
         "four vectors of nine numbers, one component": _plane(1, 4, 9, 1)},
        {
            "Subtract the mean before you project, and add it to what is restored.":
                lambda X, mean, C: _errors(X, 0 * mean, C),
            "The mean was subtracted, but not added to what is restored.": lambda X, mean, C: _errors(X, mean, C),
            "The mean is added to what is restored, but was not subtracted before the projection.":
                lambda X, mean, C: ((X - X @ C.T @ C - mean) ** 2).sum(1),
            "That is the mean of the squares of each vector; the exercise asks for their sum.":
                lambda X, mean, C: _errors(X, mean, C, 1.0, average=True),
            "Square the differences.": lambda X, mean, C: _errors(X, mean, C, 1.0, power=1),
            "That is the distance; its square is asked for.":
                lambda X, mean, C: np.sqrt(_errors(X, mean, C, 1.0)),
            "That is the size of the code, not what the code cannot restore.":
                lambda X, mean, C: (((X - mean) @ C.T) ** 2).sum(1),
            "Subtract the mean of the training jets, which is given, not that of X.":
                lambda X, mean, C: _errors(X, X.mean(0), C, 1.0),
            "Sum over the numbers of each vector: axis=1, not 0.": lambda X, mean, C: _errors(X, mean, C, 1.0, axis=0),
            "Sum over the numbers of each vector: axis=1.": lambda X, mean, C: _errors(X, mean, C, 1.0, axis=None),
        },
        (
            "Encoder: how far does X - mean reach along each component? Decoder: go as far along each of them again.",
            "code = (X - mean) @ components.T has shape (n, k), and mean + code @ components has the shape of X.",
            "Subtract what is restored from X, square, and sum with axis=1.",
        ),
        errors={"matmul": "X is (n, p) and components (k, p): the encoder needs components.T, the decoder components."},
    ),
    "same count": Exercise(
        same_count_auc,
        {"six jets, of which three have 2 and three have 3 lit pixels": SIX, "60 jets": (SCORES, KINDS, COUNTS)},
        {
            "These are all pairs; only jets with the same count may be compared.":
                lambda score, gluon, count: _pairs(score, gluon, np.zeros_like(count)),
            "Equal scores count half.": lambda score, gluon, count: _pairs(score, gluon, count, ties=0),
            "Equal scores count half, not in full.": lambda score, gluon, count: _pairs(score, gluon, count, ties=1),
            "That is the share of pairs in which the quark jet has the higher score.":
                lambda score, gluon, count: _pairs(score, gluon, count, sign=-1),
            "Every pair counts the same: sum pairs over all counts and divide at the end.": _mean_of_aucs,
            "Each AUC is weighted by its jets; weigh it by its pairs: sum pairs and divide at the end.":
                lambda score, gluon, count: _mean_of_aucs(score, gluon, count, lambda gluons, quarks: gluons + quarks),
            "Each AUC is weighted by its gluon jets; weigh it by its pairs: sum pairs and divide at the end.":
                lambda score, gluon, count: _mean_of_aucs(score, gluon, count, lambda gluons, quarks: gluons),
        },
        (
            "Take one count after the other. Among its jets, compare every gluon jet with every quark jet.",
            "With g = score[gluon & (count == value)] and q = score[~gluon & (count == value)], the table "
            "g[:, None] > q has an entry for each pair.",
            "Add up (g[:, None] > q).sum() + (g[:, None] == q).sum() / 2 over all counts, and len(g) * len(q) as well; "
            "return their ratio.",
        ),
        errors={"division by zero": "Add up the pairs of all counts first, and divide once."},
    ),
    "one qubit": Exercise(
        turn,
        {"five angles": (ANGLES,), "a single angle": (ANGLES[1:2],)},
        {
            "The state has the half angle: theta / 2.": lambda theta: _half_turns(theta, factor=1),
            "The amplitude of |0> comes first: cos(theta / 2).": lambda theta: _half_turns(theta, swapped=True, of=0),
            "The probability is the square of the amplitude.": lambda theta: _half_turns(theta, power=1),
            "That is the probability of 0.": lambda theta: _half_turns(theta, of=0),
            "A row holds the state of one angle: use np.stack([..., ...], axis=1).":
                lambda theta: _half_turns(theta, axis=0),
            "The amplitudes have the half angle too, not only P(1).":
                lambda theta: (_half_turns(theta, factor=1)[0], np.sin(theta / 2) ** 2),
            "P(1) has the half angle too, not only the amplitudes.":
                lambda theta: (_half_turns(theta)[0], np.sin(theta) ** 2),
            "The angles are in rad already.": lambda theta: _half_turns(np.radians(theta)),
            "P(1) is no straight line in the angle: it is the square of the second amplitude.":
                lambda theta: (_half_turns(theta)[0], theta / np.pi),
        },
        (
            "R_y(theta)|0> stands above: two amplitudes for each angle.",
            "np.cos(theta / 2) and np.sin(theta / 2) are (n,); np.stack([..., ...], axis=1) makes (n, 2) of them.",
            "The probability of a 1 is the square of the second amplitude: state[:, 1] ** 2. Return state and that.",
        ),
        parts=("state", "P(1)"),
    ),
    "two qubits": Exercise(
        trash_of_two,
        {"five pairs of angles": (ANGLE_PAIRS,), "one pair": (ANGLE_PAIRS[3:4],)},
        {
            "That is qubit 0 without the CNOT, or with a CNOT that qubit 0 controls; qubit 1 controls.":
                lambda theta: np.sin(theta[:, 0] / 2) ** 2,
            "That is qubit 1; the trash is qubit 0.": lambda theta: np.sin(theta[:, 1] / 2) ** 2,
            "That is the probability of a 0.": lambda theta: 1 - _two(theta),
            "The state has half angles: use turn.": lambda theta: _two(theta, factor=1),
            "Square each amplitude first, and then add.":
                lambda theta: np.sin((theta[:, 0] + theta[:, 1]) / 2) ** 2,
            "That is |01> alone; the CNOT also makes |11> of |10>.":
                lambda theta: np.cos(theta[:, 1] / 2) ** 2 * np.sin(theta[:, 0] / 2) ** 2,
            "That is |10> alone, which becomes |11>; qubit 0 is 1 in |01> as well.":
                lambda theta: np.cos(theta[:, 0] / 2) ** 2 * np.sin(theta[:, 1] / 2) ** 2,
            "The amplitudes are those of two states, |01> and |11>: square each and add, do not subtract.":
                lambda theta: np.sin((theta[:, 0] - theta[:, 1]) / 2) ** 2,
            "That is the probability that both are 1 at first.":
                lambda theta: (np.sin(theta / 2) ** 2).prod(1),
        },
        (
            "Write down the four amplitudes of the two turned qubits. Which two of them does the CNOT exchange?",
            "After the CNOT qubit 0 is 1 in |01>, which the CNOT leaves alone, and in |11>, whose amplitude was "
            "that of |10>.",
            "With zero, _ = turn(theta[:, 0]) and one, _ = turn(theta[:, 1]) these are one[:, 0] * zero[:, 1] and "
            "one[:, 1] * zero[:, 0]; square both and add.",
        ),
    ),
    "score of shots": Exercise(
        score_of_shots,
        {"six shots of two qubits": ({"00": 3, "01": 2, "11": 1},),
         "a hundred shots of three qubits": ({"000": 61, "010": 24, "110": 10, "111": 5},)},
        {
            "Each string counts as often as it was measured.":
                lambda counts: sum(s.count("1") for s in counts) / sum(map(len, counts)),
            "That is the mean number of ones in a shot; divide by the number of qubits as well.":
                lambda counts: sum(s.count("1") * n for s, n in counts.items()) / sum(counts.values()),
            "That is the share of shots with any 1.":
                lambda counts: sum(n for s, n in counts.items() if "1" in s) / sum(counts.values()),
            "These are the ones of the last bit; count those of all bits.":
                lambda counts: sum(n for s, n in counts.items() if s[-1] == "1") / sum(counts.values()),
            "That is the share of zeros.":
                lambda counts: 1 - score_of_shots(counts),
            "Strings may have any number of bits, not nine only: use len(string).":
                lambda counts: sum(s.count("1") * n for s, n in counts.items()) / sum(9 * n for n in counts.values()),
            "There may be any number of shots, not a hundred only: add them up.":
                lambda counts: sum(s.count("1") * n for s, n in counts.items()) / (100 * len(next(iter(counts)))),
            "That is the number of ones; divide by the number of bits.":
                lambda counts: sum(s.count("1") * n for s, n in counts.items()),
        },
        (
            "counts.items() gives each string with its number of shots; string.count('1') counts its ones.",
            "Add up string.count('1') * n, and separately len(string) * n.",
            "Return the ratio of the two sums.",
        ),
    ),
})  # fmt: skip
