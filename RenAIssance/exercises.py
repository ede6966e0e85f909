"""What the reader of the RenAIssance lesson writes, with the usual mistakes and hints."""

import numpy as np
from scipy.signal import argrelmax, find_peaks

from common.exercises import Exercise, Exercises


def row_peaks(profile, reach):
    """Rows (m,) at which a profile (n,) of ink has a peak.

    A peak is above 0, and nowhere within `reach` rows on either side is
    the profile larger.
    """
    rows = []
    for row, value in enumerate(profile):
        near = profile[max(0, row - reach) : row + reach + 1]
        if value > 0 and value == near.max():
            rows.append(row)
    return np.array(rows)


def greedy_decode(log_p):
    """Codes (m,) that are read in log-probabilities (steps, characters).

    Code 0 is the blank; the result has none.
    """
    best = log_p.argmax(axis=1)
    kept = []
    for step, code in enumerate(best):
        repeated = step > 0 and code == best[step - 1]
        if code != 0 and not repeated:
            kept.append(code)
    return np.array(kept)


def edit_costs(a, b):
    """Fewest edits from the first i characters of a to the first j of b.

    An edit adds, removes or changes one character. Returns an array
    (len(a) + 1, len(b) + 1) with entry [i, j].
    """
    cost = np.zeros((len(a) + 1, len(b) + 1), int)
    cost[:, 0] = np.arange(len(a) + 1)
    cost[0] = np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            changed = cost[i - 1, j - 1] + (a[i - 1] != b[j - 1])
            cost[i, j] = min(cost[i - 1, j] + 1, cost[i, j - 1] + 1, changed)
    return cost


def _peaks(profile, before, after, least=0.0, edge=0):
    """Rows that are largest among so many rows before and after them, but for some at both ends."""
    return np.array([
        i for i in range(edge, len(profile) - edge)
        if profile[i] > least and profile[i] == profile[max(0, i - before) : i + after + 1].max()
    ], int)  # fmt: skip


def _strict_peaks(profile, reach):
    """Rows that are larger than all others near them: none on a plateau."""
    return np.array([i for i in row_peaks(profile, reach)
                     if (profile[max(0, i - reach) : i + reach + 1] == profile[i]).sum() == 1])  # fmt: skip


def _decoded(log_p, drop=True, merge=True, drop_first=False, axis=1):
    """Codes by a mistaken order of steps."""
    codes = log_p.argmax(axis=axis)
    if drop_first:
        codes = codes[codes != 0]
    if merge:
        codes = codes[np.append(True, codes[1:] != codes[:-1])]
    return codes[codes != 0] if drop else codes


def _wrapped(log_p):
    """Codes if the last column counts as the one before the first."""
    best = log_p.argmax(axis=1)
    return np.array([c for i, c in enumerate(best) if c != 0 and c != best[i - 1]])


def _pairs_merged(log_p):
    """Codes if of a repetition only the second letter is merged, and the third one counts again."""
    best, kept, i = log_p.argmax(axis=1), [], 0
    while i < len(best):
        if best[i] != 0:
            kept.append(best[i])
        i += 2 if i + 1 < len(best) and best[i + 1] == best[i] else 1
    return np.array(kept)


def _sure_ones(log_p, least=-0.5):
    """Codes if letters that are not sure are dropped."""
    best = log_p.argmax(axis=1)
    return np.array([
        c for i, c in enumerate(best) if c != 0 and (i == 0 or c != best[i - 1]) and log_p[i, c] > least
    ])  # fmt: skip


def _from_the_second(log_p):
    """Codes if the loop starts with the second column."""
    best = log_p.argmax(axis=1)
    return np.array([best[i] for i in range(1, len(best)) if best[i] != 0 and best[i] != best[i - 1]])


def _costs(a, b, *, change=1, border=True, dtype=int, without=None, end=1, swap=False):
    """The table with something else: a price, no border, other numbers, two ways of three, a last row left out."""
    cost = np.zeros((len(a) + 1, len(b) + 1), dtype)
    if border:
        cost[:, 0], cost[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(1, len(a) + end):
        for j in range(1, len(b) + end):
            ways = {"above": cost[i - 1, j] + 1, "left": cost[i, j - 1] + 1,
                    "above left": cost[i - 1, j - 1] + change * (a[i - 1] != b[j - 1])}  # fmt: skip
            if swap and i > 1 and j > 1 and a[i - 2 : i] == b[j - 2 : j][::-1]:
                ways["swapped"] = cost[i - 2, j - 2] + 1
            cost[i, j] = min(value for name, value in ways.items() if name != without)
    return cost


def _always_changed(a, b):
    """The table in which also equal characters cost an edit."""
    return _costs(a, "\0" * len(b))


def _one_price(a, b):
    """The table in which a character that is added or removed is free where two characters are equal."""
    cost = np.zeros((len(a) + 1, len(b) + 1), int)
    cost[:, 0], cost[0] = np.arange(len(a) + 1), np.arange(len(b) + 1)
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            least = min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
            cost[i, j] = least + (a[i - 1] != b[j - 1])
    return cost


def _log_p(path, unsure=()):
    """Log-probabilities of which those of the codes in a path are the largest: 0.8, or 0.3 in the columns `unsure`."""
    p = np.random.default_rng(0).uniform(0.01, 0.1, (len(path), 6))
    p[np.arange(len(path)), path] = 0.8
    for column in unsure:
        p[column, path[column]] = 0.3
    return np.log(p)


HILLS = np.array([0.0, 3, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.05, 0, 0, 0, 0, 2, 4, 6, 5, 7, 3, 1])
EDGES = np.array([5.0, 1, 0, 0, 0, 3, 3, 0, 0, 0, 2])
NOISE = np.random.default_rng(3).uniform(0.5, 1, 40)

exercises = Exercises({
    "row peaks": Exercise(
        row_peaks,
        {
            "a profile with two hills, and a speck on the paper between them": (HILLS, 3),
            "a peak in the first row, a plateau, and a peak in the last row": (EDGES, 2),
            "40 random rows": (NOISE, 4),
            "the same with a reach of 1": (NOISE, 1),
        },
        {
            "Look at the rows after it as well.": lambda p, r: _peaks(p, r, 0),
            "Look at the rows before it as well.": lambda p, r: _peaks(p, 0, r),
            "A slice ends one before its second number: row + reach + 1.": lambda p, r: _peaks(p, r, r - 1),
            "Look at all rows within reach, not at the two next to it alone.": lambda p, r: _peaks(p, 1, 1),
            "Where there is no ink there is no peak: the value has to be above 0.":
                lambda p, r: _peaks(p, r, r, least=-1.0),
            "Two equal rows are both peaks: compare with >=, or with the largest nearby.": _strict_peaks,
            "Look at the edge rows too: the loop runs over all rows.": lambda p, r: _peaks(p, r, r, edge=r),
            "The first and the last row can be peaks as well.": lambda p, r: _peaks(p, r, r, edge=1),
            "find_peaks leaves out the edges and half of a plateau: compare the rows yourself.":
                lambda p, r: find_peaks(p, distance=r + 1)[0],
            "With distance=reach find_peaks lets peaks stand reach rows apart, and it leaves out the edges: compare "
            "the rows yourself.": lambda p, r: find_peaks(p, distance=r)[0],
            "Without a distance find_peaks looks at the two rows beside, and never at the edges: compare all rows "
            "within reach.": lambda p, r: find_peaks(p)[0],
            "argrelmax leaves out the edges and all of a plateau: compare the rows yourself.":
                lambda p, r: argrelmax(p, order=r)[0],
            "Little ink is ink as well: compare with 0, and not with a share of the largest value.":
                lambda p, r: _peaks(p, r, r, least=0.1 * p.max()),
            "That is a mask, which is True at the peaks: np.flatnonzero(mask) gives their rows.":
                lambda p, r: np.isin(np.arange(len(p)), row_peaks(p, r)),
            "These are the values of the profile; return the rows at which it has them.":
                lambda p, r: p[row_peaks(p, r)],
        },
        (
            "For each row: is its value the largest of those from `reach` rows before to `reach` rows after it?",
            "profile[row - reach : row + reach + 1].max() is the largest nearby. Near the top row - reach is negative, "
            "which means another place: max(0, row - reach).",
            "for row, value in enumerate(profile): append row to a list if value > 0 and value equals the largest "
            "nearby; return np.array(the list).",
        ),
        errors={
            "zero-size array": "Near the top row - reach is negative: use max(0, row - reach).",
            "empty sequence": "Near the top row - reach is negative: use max(0, row - reach).",
            "not subscriptable": "profile[...] is the slice, profile(...) is none.",
        },
    ),
    "greedy decode": Exercise(
        greedy_decode,
        {
            "the path 2 2 0 2 1 1 0 0 3": (_log_p([2, 2, 0, 2, 1, 1, 0, 0, 3]),),
            "the path 0 4 3 0 4 4 5 5 0": (_log_p([0, 4, 3, 0, 4, 4, 5, 5, 0]),),
            "the path 1 0 2 1": (_log_p([1, 0, 2, 1]),),
            "the path 3 3 3 0 0 0 3, where the last letter is not sure":
                (_log_p([3, 3, 3, 0, 0, 0, 3], unsure=[6]),),
        },
        {
            "Merge repetitions first: the blank between two equal letters keeps them apart.":
                lambda log_p: _decoded(log_p, drop_first=True),
            "Before the first column there is none: best[-1] is the last one.": _wrapped,
            "Blanks are still in it: drop code 0 at the end.": lambda log_p: _decoded(log_p, drop=False),
            "A letter may take several columns: merge repetitions.": lambda log_p: _decoded(log_p, merge=False),
            "Take the best character of each column: argmax along axis 1.": lambda log_p: _decoded(log_p, axis=0),
            "That is the best path itself; merge repetitions and drop blanks.": lambda log_p: log_p.argmax(1),
            "A letter may take more than two columns: compare each column with the one before it.": _pairs_merged,
            "A letter counts if it is the best of its column, however unsure: no threshold.": _sure_ones,
            "The first column can hold a letter too: start the loop at 0.": _from_the_second,
            "A letter that comes again later is another letter: merge only neighbours.":
                lambda log_p: np.array([c for c in dict.fromkeys(log_p.argmax(1)) if c]),
        },
        (
            "Three steps: the best code of each column, repetitions merged, blanks dropped.",
            "best = log_p.argmax(axis=1). Keep best[i] if it is not 0, and if it is not the same as best[i - 1]; the "
            "first column has none before it.",
            "kept = [code for i, code in enumerate(best) if code != 0 and (i == 0 or code != best[i - 1])], and return "
            "np.array(kept).",
        ),
    ),
    "edit costs": Exercise(
        edit_costs,
        {
            "'casa' and 'cosas'": ("casa", "cosas"), "'fuerça' and 'suersa'": ("fuerça", "suersa"),
            "'passan' and 'pasan'": ("passan", "pasan"), "'por' and 'pro'": ("por", "pro"),
            "'Vna' and 'vna'": ("Vna", "vna"), "300 letters and no letter": ("e" * 300, ""),
        },
        {
            "A change is one edit, not two: the third way comes from [i - 1, j - 1].":
                lambda a, b: _costs(a, b, change=2),
            "Adding or removing a character costs 1 even where the letters are equal.": _one_price,
            "Numbers of type uint8 end at 255: use int.": lambda a, b: _costs(a, b, dtype=np.uint8),
            "Equal characters cost nothing: add (a[i - 1] != b[j - 1]).": _always_changed,
            "The first row and the first column count up: from nothing to j characters takes j edits.":
                lambda a, b: _costs(a, b, border=False),
            "That is the last entry; return the whole table.": lambda a, b: edit_costs(a, b)[-1, -1],
            "Letters that change places are two edits: there are three ways to an entry, not four.":
                lambda a, b: _costs(a, b, swap=True),
            "Capital letters are other characters: compare the texts as they are.":
                lambda a, b: edit_costs(a.lower(), b.lower()),
            "The last row and column are not filled: range(1, len(a) + 1), and so for b.":
                lambda a, b: _costs(a, b, end=0),
            "One way is missing, from above: cost[i - 1, j] + 1 removes a character of a.":
                lambda a, b: _costs(a, b, without="above"),
            "One way is missing, from the left: cost[i, j - 1] + 1 adds a character of b.":
                lambda a, b: _costs(a, b, without="left"),
            "One way is missing, from above left: there two characters are matched.":
                lambda a, b: _costs(a, b, without="above left"),
            "Rows belong to a and columns to b.": lambda a, b: edit_costs(b, a),
        },
        (
            "Fill a table of zeros: the first row and column count up from 0; each other entry is the least of three.",
            "From above (remove a character of a): cost[i - 1, j] + 1. From the left (add one of b): cost[i, j - 1] + "
            "1. The third way comes from [i - 1, j - 1].",
            "The third: cost[i - 1, j - 1] + (a[i - 1] != b[j - 1]), which costs nothing where the two are equal. Two "
            "loops, min(...) of the three, return cost.",
        ),
        errors={
            "index out of range": "The table has one row and one column more than the texts have characters: row i "
            "belongs to a[i - 1].",
        },
    ),
})  # fmt: skip
