"""Rules on a page: upright and level strokes that are no letters, and the sides and ends of the text that they mark.

Pixels are those of a page at 300 dpi.
"""

import numpy as np
from scipy import ndimage

SLOPES = np.linspace(-0.06, 0.06, 49)  # of lines and rules on a page that are tried
STEP = 32  # rows in which a rule is followed together
SIDEWAYS = 36  # pixels: so far from the straight line a bowed rule is followed
NEAR = 9  # pixels: an upright stroke so near to a rule is a piece of it
UPRIGHT = 0.3  # of the height of the page: an upright rule covers at least that
LEVEL = 0.12  # of the width of the text: a level rule covers at least that
CLEAR = 0.12  # of the width of the text: a row between two lines has less ink of letters
MEASURE = (0.35, 0.97)  # of the width of the page: the text is as wide as that
END = 0.14  # of the height of the page: rules so near to the first or last letters may be ends of the text
BESIDE = (0.15, 0.6)  # x-heights: so far above and below a level stroke ink is looked for
CROWDED = 0.3  # share of ink there: beside a rule it is below 0.2, beside letters that touch above 0.4
TITLE = 4.5  # x-heights: between two rules that are nearer there is a running title or a catchword, and no text


def runs(marks, length):
    """Upright strokes of at least that length, gaps and slants of a few pixels forgiven."""
    thick = dilated(dilated(marks, 5), 3, axis=1)
    return dilated(~dilated(~thick, length), length)


def level_rules(marks, length, x_height):
    """Level strokes with paper above and below.

    Where ink has spread, the feet or the heads of a few letters touch: such a stroke has their stems on one side.

    Parameters
    ----------
    marks : ndarray of bool, shape (height, width)
        Ink of a page with level lines.
    length : int
        Pixels: strokes are at least as long.
    x_height : float
        Pixels.

    Returns
    -------
    ndarray of bool, shape (height, width)
    """
    strokes = runs(marks.T, length).T
    inked = strokes.any(axis=1)
    at = np.flatnonzero(inked | np.roll(inked, 1))  # rows with strokes, and one without below them: few of a page
    labels, _ = ndimage.label(strokes[at])
    away = np.arange(round(BESIDE[0] * x_height), round(BESIDE[1] * x_height))[:, None]
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        stroke, top = labels[rows, columns] == number, at[rows.start]
        upper = top + stroke.argmax(axis=0) - away
        lower = top + len(stroke) - 1 - stroke[::-1].argmax(axis=0) + away
        column = np.arange(columns.start, columns.stop)
        above, below = (marks[row.clip(0, len(marks) - 1), column].mean() for row in (upper, lower))
        if max(above, below) > CROWDED:
            strokes[top : top + len(stroke), columns] &= ~stroke
    return strokes


def dilated(marks, length, axis=0):
    """Marks made longer, along an axis: a pixel is set where one of the `length` pixels around it is.

    By shifts that double: ten times as fast as a maximum filter. The copy has the order of the marks in memory, or each
    shift would jump about in one of the two.
    """
    marks = marks if axis == 0 else marks.T
    before = length // 2  # as scipy.ndimage centres a filter of even length
    out = np.zeros_like(marks, bool, shape=(len(marks) + length - 1, marks.shape[1]))
    out[:len(marks)] = marks
    reach = 1
    while reach < length:
        shift = min(reach, length - reach)
        out[shift:] |= out[:-shift].copy(order="K")
        reach += shift
    out = out[length - 1 - before :][: len(marks)]
    return out if axis == 0 else out.T


def grown(marks):
    """Marks that reach a pixel further: up, down, left and right."""
    out = marks.copy()
    for there, here in ((out[1:], marks[:-1]), (out[:-1], marks[1:]), (out[:, 1:], marks[:, :-1]),
                        (out[:, :-1], marks[:, 1:])):  # fmt: skip
        there |= here
    return out


def sides(upright, of_letters, x_height):
    """The sides of the text block in each row, whether each is a rule, and the upright rules of the page.

    Sides that are no rules lie an x-height outside of the letters, until `columns.margins` knows them better.
    """
    height, width = upright.shape
    letters = ndimage.uniform_filter1d(of_letters.sum(axis=0).astype(float), 15)
    at, tilt = _positions(upright)
    whole = np.pad(upright, ((0, -height % STEP), (0, 0)))
    inked = whole.reshape(-1, STEP, width).sum(axis=1, dtype=np.uint8)
    paths = {x: _followed(inked, height, x, tilt) for x in at}
    # Upright strokes elsewhere are letters of two lines that touch.
    near = np.zeros_like(upright)
    for path in paths.values():
        for offset in range(-NEAR, NEAR + 1):
            near[np.arange(height), np.clip(np.rint(path + offset).astype(int), 0, width - 1)] = True
    found, is_rule = [], []
    for sign, (x, ruled) in zip((1, -1), _enclosing(at, letters, width), strict=True):
        column = paths[x] + 4 * sign if ruled else np.full(height, x - sign * x_height)
        found.append(np.clip(np.rint(column), 0, width).astype(int))
        is_rule.append(ruled)
    return found, is_rule, upright & near


def _positions(strokes):
    """Columns at which upright rules cross the middle of the page, and their slope, from its upright strokes."""
    n, width = strokes.shape
    rows, columns = np.nonzero(strokes[::4])
    rows = rows * 4 - n / 2
    best, found = -1.0, (0.0, [])
    for slope in SLOPES:
        at = np.clip(np.rint(columns - slope * rows).astype(np.int64), 0, width - 1)
        profile = np.minimum(np.bincount(at, minlength=width), n / 4) / (n / 4)
        score = (profile**2).sum()
        if score > best:
            best, found = score, (slope, profile)
    slope, profile = found
    profile = ndimage.maximum_filter1d(profile, 9) if len(profile) else profile
    peaks, size = ndimage.label(profile >= UPRIGHT)
    centres = [float(np.mean(np.nonzero(peaks == i + 1)[0])) for i in range(size)]
    return centres, slope


def _followed(inked, height, x, tilt):
    """The column of a rule in each row, ndarray of shape (height,): a bowed rule is followed, its gaps are bridged.

    Of all paths from top to bottom that move by at most 2 pixels in 32 rows, the one with most upright strokes.

    Parameters
    ----------
    inked : ndarray of int, shape (height / 32, width)
        Pixels of upright strokes in 32 rows.
    """
    reach, width = SIDEWAYS, inked.shape[1]
    starts = np.arange(0, height, STEP)
    expected = np.rint(x + tilt * (starts + STEP / 2 - height / 2)).astype(int)
    columns = np.clip(expected[:, None] + np.arange(-reach, reach + 1), 0, width - 1)
    score = ndimage.uniform_filter1d(np.take_along_axis(inked, columns, axis=1) / STEP, 9, axis=1)
    best, moves = score[0], []
    for row in score[1:]:
        padded = np.pad(best, 2, constant_values=-np.inf)
        reached = np.stack([padded[k : k + len(best)] - 0.05 * abs(k - 2) for k in range(5)])
        moves.append(reached.argmax(axis=0) - 2)
        best = reached.max(axis=0) + row
    path = [int(best.argmax())]
    for move in reversed(moves):
        path.append(path[-1] + int(move[path[-1]]))
    return np.interp(np.arange(height), starts + STEP / 2, expected + np.array(path[::-1]) - reach)


def _enclosing(at, letters, width):
    """The two of the upright rules (or page margins) that enclose most letters in the least width: (x, is a rule)."""
    total = np.concatenate([[0.0], letters.cumsum()])
    occupied = np.nonzero(letters > 0.3 * np.percentile(letters, 90))[0]
    edges = [(x, True) for x in at] + [(max(0, occupied[0] - 12.0), False), (min(width, occupied[-1] + 12.0), False)]
    best, found = -np.inf, ((0.0, False), (float(width), False))
    for a, ruled_a in edges:
        for b, ruled_b in edges:
            if not MEASURE[0] * width < b - a < MEASURE[1] * width:
                continue
            share = (total[int(b)] - total[int(a)]) / total[-1]
            score = share - 0.55 * (b - a) / width + 0.04 * (ruled_a + ruled_b)
            if score > best:
                best, found = score, ((a, ruled_a), (b, ruled_b))
    return found


def top_and_bottom(lying, letters, x_height):
    """First and last row of the text, and for each whether a level rule says so.

    The rule nearest to the end of the page is one beside the text, or one outside of the running title (or of signature
    and catchword) with another one inside. What rules further on cut off is a title of the text.
    """
    height = len(letters)
    inked = np.nonzero(letters.sum(axis=1) > 5)[0]
    if not len(inked):
        raise ValueError("no text on this page: is it blank?")
    columns = max(1, int(letters.any(axis=0).sum()))
    # Between lines of text, that is: the feet of letters may touch and look like a rule.
    clear = ndimage.uniform_filter1d(letters.sum(axis=1) / columns, 9) < CLEAR
    rows = np.nonzero(dilated(lying & clear[:, None], 17).sum(axis=1) > LEVEL * columns)[0]
    first, last, near = inked[0], inked[-1], TITLE * x_height
    upper = rows[(rows >= first) & (rows < first + END * height)]
    lower = rows[(rows <= last) & (rows > last - END * height)]
    upper, lower = upper[upper < upper.min(initial=height) + near], lower[lower > lower.max(initial=0) - near]
    top = upper.max() if len(upper) else max(0, first - round(x_height))
    bottom = lower.min() if len(lower) else min(height, last + round(x_height))
    return int(top), int(bottom), (len(upper) > 0, len(lower) > 0)
