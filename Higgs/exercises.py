"""What the reader of the Higgs lesson writes, with the usual mistakes and hints."""

import numpy as np

from common.exercises import Exercise, Exercises
from Higgs.model import expected_counts, significance


def invariant_mass(p4):
    """Mass of summed four-vectors (n, 4) -> (n,), in GeV.

    The columns are px, py, pz and E.
    """
    energy, momentum = p4[:, 3], p4[:, :3]
    return np.sqrt(energy**2 - (momentum**2).sum(axis=1))


def roc_points(y, score, thresholds):
    """False and true positive rate for each threshold, (m,) and (m,).

    y and score are (n,): the class, 0 or 1, and the score of each event.
    An event is called signal if its score is at least the threshold.
    """
    called = score >= thresholds[:, None]  # (m, n): called signal?
    return called[:, y == 0].mean(axis=1), called[:, y == 1].mean(axis=1)


def best_threshold(y, score, thresholds):
    """The threshold with the largest Z among those that keep b >= 10.

    y and score are (n,), thresholds (m,).
    """
    best, best_z = None, -1
    for threshold in thresholds:
        s, b = expected_counts(y, score, threshold)
        if b >= 10 and significance(s, b) > best_z:
            best, best_z = threshold, significance(s, b)
    return best


def _mass(p4, sign=-1, energy=3, momentum=(0, 1, 2)):
    return np.sqrt(p4[:, energy] ** 2 + sign * (p4[:, list(momentum)] ** 2).sum(1))


def _rates(y, score, thresholds, of=None, strictly=False):
    """Rates of a mistaken denominator: `of` is the number of events to divide by, for each class."""
    called = score > thresholds[:, None] if strictly else score >= thresholds[:, None]
    counts = [(called & (y == c)).sum(1) for c in (0, 1)]
    return tuple(count / divisor for count, divisor in zip(counts, of(y, called), strict=True))


def _by_class(y, called):
    return (y == 0).sum(), (y == 1).sum()


def _with_all(y, called):
    return len(y), len(y)


def _with_called(y, called):
    return called.sum(1), called.sum(1)


def _one_with_called(y, called):
    return called.sum(1), (y == 1).sum()


def _first_formula(s, b):
    """The significance of a weak signal on b +- 5 %."""
    return s / np.sqrt(b + (0.05 * b) ** 2)


ENOUGH, ANY = 9.999, 1e-9  # background events, with room for rounding


def _raw_counts(y, score, threshold):
    """The events as they are counted, not as they are expected."""
    kept = score >= threshold
    return kept[y == 1].sum(), kept[y == 0].sum()


def _scan(y, score, thresholds, value, least=ENOUGH, counts=expected_counts):
    """Value (s, b) at each threshold, NaN where less background is left."""
    pairs = [counts(y, score, threshold) for threshold in thresholds]
    return np.array([value(s, b) if b >= least else np.nan for s, b in pairs])


def _best(value, **scan):
    """The mistake of taking the threshold with the largest value; `scan` as for `_scan`."""
    return lambda y, score, thresholds: thresholds[np.nanargmax(_scan(y, score, thresholds, value, **scan))]


def _place_in_shorter_list(y, score, thresholds):
    z = _scan(y, score, thresholds, significance)
    return thresholds[np.nanargmax(z[~np.isnan(z)])]


def _scores(seed, n_signal, n_background, distance):
    """Classes and scores of imagined events, in random order; `distance` between the classes."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.r_[np.ones(n_signal, int), np.zeros(n_background, int)])
    return y, rng.normal(distance * y, 1.0)


P4 = np.array([  # five, so that p4 cannot be unpacked into four by mistake
    [0.0, 0.0, 0.0, 91.0], [30.0, 40.0, 0.0, 130.0], [-20.0, 55.0, 310.0, 340.0], [5.0, -64.0, 12.0, 99.0],
    [70.0, 8.0, -25.0, 80.0],
])  # fmt: skip
FOUR = np.array([0, 0, 1, 1, 0]), np.array([0.1, 0.4, 0.35, 0.8, 0.2])
APART, ALIKE = _scores(0, 300, 500, 3.0), _scores(1, 500, 300, 1.2)  # the best threshold of APART is at b < 10


def _grid(events, m):
    """Thresholds from the score of the last background event down, so that b is never 0."""
    y, score = events
    return np.linspace(score[y == 0].max(), score.min(), m)


# Of these 100 background events one is kept at 0.8: b is 10 there, and that threshold is the best.
TEN = np.repeat([0, 1], [100, 50]), np.r_[np.linspace(0, 0.7, 99), 0.8, np.linspace(0.5, 1, 50)]
# Expected are 35 on 10 at 0.8 and 100 on 80 at 0.4: the first formula of the lesson prefers 0.8, `significance` 0.4.
STRONG = np.repeat([0, 1], [100, 20]), np.repeat([0.1, 0.6, 0.9, 0.6, 0.9], [92, 7, 1, 13, 7])


exercises = Exercises({
    "invariant mass": Exercise(
        invariant_mass,
        {
            "a particle of 91 GeV at rest, a moving one and three more": (P4,),
            "a single event, shape (1, 4)": (P4[2:3],),
        },
        {
            "That is the square of the mass: take the root.": lambda p4: _mass(p4) ** 2,
            "Roots of negative numbers: the energy is the last of the four, and the momenta are subtracted from it.":
                lambda p4: _mass(p4, -1, 0, (1, 2, 3)),
            "The momenta are subtracted from the energy, not added.": lambda p4: _mass(p4, +1),
            "The momentum along the beam, pz, counts as well.": lambda p4: _mass(p4, momentum=(0, 1)),
            "Square each component first, and then sum: |p|^2 is px^2 + py^2 + pz^2.":
                lambda p4: np.sqrt(p4[:, 3] ** 2 - p4[:, :3].sum(1) ** 2),
            "Sum over the three components of each event (axis=1), not over the events.":
                lambda p4: np.sqrt(p4[:, 3] ** 2 - (p4[:, :3] ** 2).sum()),
        },
        (
            "The formula stands above: m is the square root of E squared minus px squared, py squared, pz squared.",
            "p4[:, 3] is the energy of all events at once, and p4[:, :3] holds their momenta, shape (n, 3).",
            "Square the momenta, sum them with .sum(axis=1), subtract from the squared energy, and take np.sqrt.",
        ),
        errors={"unpack": "Each ROW is an event: px, py, pz, E = p4.T unpacks the columns."},
    ),
    "ROC points": Exercise(
        roc_points,
        {
            "five events and three thresholds": (*FOUR, np.array([0.15, 0.35, 0.9])),
            "800 events and 30 thresholds": (*ALIKE, _grid(ALIKE, 30)),
        },
        {
            "The order is false positive rate first, as on the horizontal axis.":
                lambda *a: _rates(*a, of=_by_class)[::-1],
            "An event whose score equals the threshold is called signal: use >=.":
                lambda *a: _rates(*a, of=_by_class, strictly=True),
            "An event is called signal if its score is above the threshold, not below it.":
                lambda y, score, t: _rates(y, -score, -t, of=_by_class, strictly=True),
            "Divide by the events of one class, not by all events.":
                lambda *a: _rates(*a, of=_with_all),
            "Divide by the events of one class, not by those above the threshold.":
                lambda *a: _rates(*a, of=_with_called),
            "That is the background's share of the selected events; divide by all background events.":
                lambda *a: _rates(*a, of=_one_with_called),
            "These are counts: divide by the events of each class.": lambda *a: _rates(*a, of=lambda *_: (1, 1)),
        },
        (
            "For one threshold: of the background events (y == 0), which fraction has score >= threshold? The same for "
            "the signal events gives the true positive rate.",
            "(score[y == 0] >= t).mean() is the false positive rate at the threshold t.",
            "Do that for each t in thresholds, for both classes, and return two arrays: np.array([... for t in "
            "thresholds]), first those of y == 0.",
        ),
        parts=("false positive rate", "true positive rate"),
        errors={"broadcast": "Compare the scores with one threshold at a time."},
    ),
    "best threshold": Exercise(
        best_threshold,
        {
            "800 imagined events and 60 thresholds": (*APART, _grid(APART, 60)),
            "800 events that are harder to tell apart": (*ALIKE, _grid(ALIKE, 60)),
            "150 events and thresholds of which one keeps b = 10": (*TEN, np.array([0.8, 0.6, 0.4, 0.2])),
            "120 events with much signal": (*STRONG, np.array([0.8, 0.4, 0.05])),
        },
        {
            "Fewer than ten background events are left there: skip such thresholds.":
                _best(significance, least=ANY),
            "Skip thresholds with b < 10; np.maximum(b, 10) keeps all of them.":
                _best(lambda s, b: significance(s, max(b, 10)), least=ANY),
            "A threshold that keeps exactly ten background events counts as well: b >= 10.":
                _best(significance, least=10.001),
            "That is the place of the threshold in the list; return the threshold itself.":
                lambda y, score, t: np.flatnonzero(t == best_threshold(y, score, t))[0],
            "The place is one in your shorter list: take the threshold from that list, not from all thresholds.":
                _place_in_shorter_list,
            "These are raw numbers of events; expected_counts gives s and b as expected in the experiment.":
                _best(significance, counts=_raw_counts),
            "s / sqrt(b) leaves out the 5 % by which b is uncertain: use significance.":
                _best(lambda s, b: s / np.sqrt(b)),
            "The first formula holds where s is small against b; it is not so here: use significance.":
                _best(_first_formula),
            "That is the largest Z; return the threshold at which it is reached.":
                lambda y, score, t: significance(*expected_counts(y, score, best_threshold(y, score, t))),
            "That threshold keeps the purest events; Z asks for many as well.":
                _best(lambda s, b: s / b),
        },
        (
            "Try one threshold after the other, and keep the one with the largest Z so far.",
            "s, b = expected_counts(y, score, threshold) and then significance(s, b). Look at b before that: below "
            "ten, go on with the next threshold.",
            "Collect Z in a list, with -1 where b < 10; return thresholds[np.argmax(the list)].",
        ),
        errors={
            "positive background": "Skip thresholds that keep b < 10 before you call significance.",
            "broadcast": "expected_counts takes one threshold at a time.",
        },
    ),
})  # fmt: skip
