"""The sides of a text that no rules mark, and whether it is set in one column or in two."""

import numpy as np
from scipy import ndimage

from RenAIssance.rules import SLOPES

APART = 1.2  # x-heights: what a wider gap parts from a line is a marginal note
TOLERANCE = 0.6  # x-heights: a line that ends so near to a curve ends on it
ENDING = 0.4  # of the lines: so many at least end on the curve that is a side of the text
CLEAR = 0.7  # x-heights: a gutter is at least as wide
OFF_CENTRE = 0.2  # of the width of the text: so far from its middle a gutter is looked for
BENT = 20  # pixels: a gutter is slanted and bent by at most that
BESIDE = (8, 0.4)  # lines, and fraction of the lines, that stand on both sides of a gutter at least


def margins(letters, bands, x_height, sides, ruled):
    """The sides of a text block where they are no rules: curves through the ends of as many lines as possible.

    Parameters
    ----------
    letters : ndarray of bool, shape (height, width)
        Ink of letters between the sides so far.
    bands : list of int
        Centres of the lines.
    sides : pair of ndarray of int, shape (height,)
    ruled : pair of bool
        Whether each side is a rule, which stays as it is.
    """
    half, width = int(0.6 * x_height), letters.shape[1]
    runs = []  # of letters without a wide gap: row, first and last column; a marginal note is a run of its own
    for band in bands:
        columns = np.nonzero(letters[max(0, band - half) : band + half + 1].any(axis=0))[0]
        if not len(columns):
            continue
        gaps = np.nonzero(np.diff(columns) > APART * x_height)[0]
        first, last = columns[np.append(0, gaps + 1)], columns[np.append(gaps, -1)]
        runs += [(band, a, b) for a, b in zip(first, last, strict=True)]
    rows, *ends = np.array(runs, float).reshape(-1, 3).T
    middle = (sides[0].mean() + sides[1].mean()) / 2
    found = []
    for at, is_rule, sign, side in zip(ends, ruled, (1, -1), sides, strict=True):
        outer = sign * at < sign * middle
        curve = None if is_rule else _curve(rows[outer], at[outer], TOLERANCE * x_height, len(bands))
        if curve is not None:
            column = np.polyval(curve, np.clip(np.arange(len(letters)), bands[0], bands[-1])) - sign * 0.5 * x_height
            side = np.clip(np.rint(column), 0, width).astype(int)
        found.append(side)
    return found


def _curve(rows, columns, tolerance, n_lines):
    """Coefficients of a parabola near the points of most lines, or None: fitted to those near a line through two."""
    a, b = np.triu_indices(len(rows), 1)
    far = rows[b] - rows[a] > 0.3 * np.ptp(rows) if len(rows) > 5 else np.zeros(len(a), bool)
    if not far.any():
        return None
    slopes = (columns[b] - columns[a])[far] / (rows[b] - rows[a])[far]
    lines = columns[a][far][:, None] + slopes[:, None] * (rows - rows[a][far][:, None])
    near = (np.abs(columns - lines) < tolerance) & (np.abs(slopes) < SLOPES[-1])[:, None]
    best = near[near.sum(axis=1).argmax()]
    if best.sum() <= max(5, ENDING * n_lines):
        return None
    for _ in range(3):  # a curve leads on to lines that are not near the straight one
        curve = np.polyfit(rows[best], columns[best], 2)
        best = np.abs(columns - np.polyval(curve, rows)) < tolerance
    return curve


def parts(block, of_letters, bands, x_height, left, right):
    """The pieces of a text block that are read one after the other, and whether each begins and ends the page.

    One, or where there are two columns: what stands above both and the left one, the right one, what stands below.

    Parameters
    ----------
    block : ndarray of bool, shape (height, width)
        Ink of the text.
    of_letters : ndarray of bool, shape (height, width)
    bands : list of int
        Centres of the lines.
    left, right : ndarray of int, shape (height,)
    """
    found = _gutter(block & of_letters, bands, x_height, left, right)
    if found is None:
        return [(block, (True, True))]
    gutter, first, last = found
    row, is_left = np.arange(len(block))[:, None], np.arange(block.shape[1]) < gutter[:, None]
    parts = [(block & ((row < first) | is_left & (row < last)), (True, last == len(block))),
             (block & ~is_left & (row >= first) & (row < last), (first == 0, last == len(block))),
             (block & (row >= last), (False, True))]
    return [part for part in parts if part[0].any()]


def _gutter(letters, bands, x_height, left, right):
    """Where two columns part: its column in each row, and the first and last row of the columns; None if there is one.

    A gutter is empty beside eight lines at least, one after the other, and wider there than a space between words.
    """
    half, clear = int(0.5 * x_height), round(CLEAR * x_height)
    height, width = letters.shape
    rows = np.array(bands)
    inked = np.stack([letters[max(0, row - half) : row + half + 1].any(axis=0) for row in rows])
    free = ~ndimage.binary_dilation(inked, np.ones((1, clear), bool))
    middle = (left[rows] + right[rows]) // 2
    most = int(OFF_CENTRE * np.median(right - left))
    reach = np.arange(-most, most + 1)
    t = (rows - rows.mean()) / max(np.ptp(rows) / 2, 1)
    tilts, bends = np.linspace(-1, 1, 11), np.linspace(-1, 1, 5)
    curves = [BENT * tilt * t + BENT * bend * t**2 for tilt in tilts for bend in bends]
    moves = np.rint(curves).astype(int)
    columns = np.clip(middle[:, None] + reach + moves[:, :, None], 0, width - 1)  # curves, lines, places
    count = free[np.arange(len(rows))[:, None], columns].sum(axis=1)
    curve, place = np.unravel_index(count.argmax(), count.shape)
    # Text reaches the gutter on both sides: of as many free places the middle one.
    same = np.flatnonzero(count[curve] == count[curve, place])
    at = columns[curve, :, same[len(same) // 2]]
    sides = np.stack([(inked[i, :x].any(), inked[i, x:].any()) for i, x in enumerate(at)])
    is_free = free[np.arange(len(rows)), at]
    runs, n = ndimage.label(is_free)
    size = [(sides[runs == i + 1].all(axis=1)).sum() for i in range(n)]
    if max(size, default=0) < max(BESIDE[0], BESIDE[1] * len(rows)):
        return None
    run = np.flatnonzero(runs == 1 + int(np.argmax(size)))
    is_title = _across(inked[run], at[run], x_height)
    first, last = run[0] + int(is_title.argmin()), run[-1] - int(is_title[::-1].argmin())
    ends = np.concatenate([[0], (rows[1:] + rows[:-1]) // 2, [height]])
    return np.interp(np.arange(height), rows, at), int(ends[first]), int(ends[last + 1])


def _across(inked, gutter, x_height):
    """Which lines beside a gutter, one in each row, run across it and have a space between words just there.

    They are set in the middle of the page, or that space is narrower than the gutter.
    """
    ends = []
    for row, x in zip(inked, gutter, strict=True):
        left, right = np.flatnonzero(row[:x]), x + np.flatnonzero(row[x:])
        ends.append((left[0], left[-1], right[0], right[-1]) if len(left) and len(right) else [np.nan] * 4)
    outer, before, after, end = np.array(ends).T
    centred = (outer > np.nanmedian(outer) + 3 * x_height) & (end < np.nanmedian(end) - 3 * x_height)
    return centred | (after - before < 0.8 * np.nanpercentile(after - before, 20))
