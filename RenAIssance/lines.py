"""The geometry of a line: made straight, brought to one size, cut to one height.

A network that reads lines need not learn what a few lines of arithmetic can take away. Nothing else in this challenge
helps as much.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from RenAIssance.press import shift_columns

HEIGHT = 36  # pixels of a line for the network
X_HEIGHT = 14  # of them from baseline to the top of an x
WIDTH = 640  # of the padded lines of a data set
SLOPES = np.linspace(-0.04, 0.04, 17)
LONGEST = 50  # heights of its image, or widths: at the largest slope a line that is wider leaves its image


def ink_of(image):
    """Ink, 0 (paper) to 255, of a line image that is dark on light.

    Raises
    ------
    ValueError
        Not an image of one line, or nothing on it.
    """
    image = np.asarray(image)
    if image.ndim != 2 or min(image.shape) < 4:
        raise ValueError(f"a line image has shape (height, width) of at least 4 pixels each, not {image.shape}")
    if max(image.shape) > LONGEST * min(image.shape):
        raise ValueError(f"a line image is at most {LONGEST} times as wide as high, or as high as wide, not of shape "
                         f"{image.shape}: cut it at its margins")  # fmt: skip
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    if image.dtype != np.uint8:
        raise ValueError(f"a line image holds uint8 or bool, not {image.dtype}")
    ink = 255 - image
    if ink.max() < 64:
        raise ValueError("the line image is empty: it has no dark pixel; leave it out")
    return ink


def slope_of(ink):
    """Slope of the baseline, rows per column: that which gives the sharpest rows, where x-heights begin and end.

    Parameters
    ----------
    ink : ndarray of uint8, shape (height, width)
    """
    rows, columns = np.nonzero(ink[:, ::3] > 127)
    if not len(rows):  # a faint line, of which nothing tells the slope
        return 0.0
    columns = columns * 3 - ink.shape[1] / 2
    scores = np.array([_sharpness(rows - slope * columns, len(ink)) for slope in SLOPES])
    best = int(scores.argmax())
    if 0 < best < len(SLOPES) - 1:  # the top of the parabola through three points
        a, b, c = scores[best - 1 : best + 2]
        bend = a - 2 * b + c
        return SLOPES[best] + (0.5 * (a - c) / bend if bend else 0.0) * (SLOPES[1] - SLOPES[0])
    return SLOPES[best]


def _sharpness(rows, height):
    """How abruptly ink sets in and ceases from row to row, for the rows of all inked pixels: a number to compare.

    Parameters
    ----------
    rows : ndarray of float, shape (n,)
        Not rounded; moved by less than the height of the image.
    height : int
        Height of the image.
    """
    profile = np.bincount(np.rint(rows).astype(np.int64) + height, minlength=3 * height).astype(float)
    return ((profile[3:] - profile[:-3]) ** 2).sum()


def level(image):
    """Ink of a line image with its baseline horizontal, by shearing columns; parameters and errors as of `ink_of`."""
    ink = ink_of(image)
    columns = np.arange(ink.shape[1]) - ink.shape[1] / 2
    return shift_columns(ink, -np.rint(slope_of(ink) * columns).astype(np.int64))


def straight(image):
    """A line image whose columns are moved so that the line lies straight: of the same kind as the image.

    First the slope goes, then what the line bends as a whole, at last what is left where the paper curls. A short line
    shows its bends too little: only its slope goes.

    Parameters
    ----------
    image : ndarray of uint8 or bool, shape (height, width)
        Dark on light.

    Raises
    ------
    ValueError
        As in `ink_of`.
    """
    ink = level(image)
    if ink.shape[1] >= LONG * ink.shape[0] and ink.max() > 127:
        ink = shift_columns(ink, -bend(ink))
        ink = shift_columns(ink, -curl(ink))
    return ink < 128 if np.asarray(image).dtype == bool else 255 - ink


LONG = 6  # heights of its image: lines of at least that width are looked at for bends
BENDS = np.linspace(-0.14, 0.14, 9)  # of a line, in heights of its image


def bend(ink):
    """How far down a line lies in each column: the parabola and the S that give the sharpest rows, as in `slope_of`.

    Parameters
    ----------
    ink : ndarray of uint8, shape (height, width)
        Level.

    Returns
    -------
    ndarray of int, shape (width,)
        Rows.
    """
    height, width = ink.shape
    rows, columns = np.nonzero(ink[:, ::3] > 127)
    t = np.linspace(-1, 1, width)

    def sharpness(curve):
        return _sharpness(rows - curve[3 * columns], height)

    curve = np.zeros(width)
    for form in (1.5 * t**2 - 0.5, 2.5 * t**3 - 1.5 * t):  # Legendre polynomials: they neither move nor tilt a line
        curve = max((curve + amount * height * form for amount in BENDS), key=sharpness)
    worth = sharpness(curve) > 1.03 * sharpness(np.zeros(width))
    return np.rint(curve * worth).astype(np.int64)


def curl(ink, stiffness=6.0):
    """How far down a line lies in each column, strip by strip: ndarray of int, shape (width,), in rows.

    Of all smooth ways through the strips that one whose row profiles match the line's own best (dynamic programming).

    Parameters
    ----------
    ink : ndarray of uint8, shape (height, width)
    stiffness : float
        What a step of the line's height between neighbouring strips costs, where a perfect match is worth 1.
    """
    height, width = ink.shape
    wide = height // 2
    starts = np.arange(0, width - wide // 2, wide)
    strips = np.add.reduceat(ink > 127, starts, axis=1, dtype=np.float32).T
    strips = ndimage.uniform_filter1d(strips, 3, axis=0, mode="constant")  # a strip has two or three letters
    edges = np.diff(ndimage.gaussian_filter1d(strips, height / 40, axis=1), axis=1, prepend=0)
    reach = int(0.28 * height)
    lags = np.arange(-reach, reach + 1)
    padded = np.pad(edges, ((0, 0), (2 * reach, 2 * reach)))
    cost = stiffness / height * np.abs(lags[:, None] - lags)
    moves = np.zeros(len(edges), int)
    for _ in range(2):
        moved = np.stack([strip[2 * reach + m :][:height] for strip, m in zip(padded, moves, strict=True)])
        others = moved.sum(axis=0) - moved
        match = np.stack([np.correlate(strip[reach:-reach], other, "valid")
                          for strip, other in zip(padded, others, strict=True)])
        match /= np.abs(match).max() + 1e-9
        total, back = match[0], []
        for row in match[1:]:
            ways = total - cost
            back.append(ways.argmax(axis=1))
            total = ways.max(axis=1) + row
        place = [int(total.argmax())]
        for row in back[::-1]:
            place.append(int(row[place[-1]]))
        moves = lags[place[::-1]]
    smooth = ndimage.gaussian_filter1d(moves.astype(float), 1.0, mode="nearest")
    return np.rint(np.interp(np.arange(width), starts + wide / 2, smooth)).astype(np.int64)


def x_band(ink, x_height=None):
    """Top row and height of the band between the x-line and the baseline of a straight line.

    Ink sets in at the x-line and ceases at the baseline more abruptly than anywhere else: of all pairs of rows at a
    sensible distance, those with the largest rise and fall together.

    Parameters
    ----------
    ink : ndarray of uint8, shape (height, width)
    x_height : float, optional
        Where it is known about: the band is then within 15 % of it. Else it has 0.22 to 0.5 of the image's height.

    Returns
    -------
    top, height : float
    """
    n = ink.shape[0]
    total = np.concatenate([[0.0], ink.sum(axis=1, dtype=np.float64).cumsum()])
    w = max(1, round(n / 28))
    rows = np.arange(n + 1)
    below, above = total[np.minimum(rows + w, n)] - total, total - total[np.maximum(rows - w, 0)]
    rise = below - above
    low, high = (0.22 * n, 0.5 * n) if x_height is None else (0.85 * x_height, 1.15 * x_height)
    best, where = -np.inf, (0.0, float(n))
    for h in range(max(3, round(low)), max(4, min(n, round(high))) + 1):
        tops = np.arange(0, n + 1 - h)
        off_centre = np.abs(tops + h / 2 - n / 2) / n
        # The smaller of the two counts twice: a rule has a sharp edge, but only one.
        pair = np.minimum(rise[tops], -rise[tops + h])
        score = (rise[tops] - rise[tops + h] + 2 * pair) * np.exp(-((off_centre / 0.3) ** 2))
        i = int(score.argmax())
        if score[i] > best:
            best, where = score[i], (float(tops[i]), float(h))
    return where


def normalise(image, x_height=None):
    """A line image as the network wants it.

    Parameters
    ----------
    image : ndarray of uint8 or bool, shape (height, width)
        Dark on light, at any resolution; parts of neighbouring lines may be on it.
    x_height : float, optional
        See `x_band`.

    Returns
    -------
    ndarray of uint8, shape (36, new width)
        Ink, 0 to 255: the baseline horizontal (by shearing columns), x-height 14, the x band in the middle.

    Raises
    ------
    ValueError
        As in `ink_of`.
    """
    ink = level(image)
    height, width = ink.shape
    top, h = x_band(ink, x_height)
    scale = X_HEIGHT / h
    # The crop in source pixels; what sticks out of the image is paper.
    span = HEIGHT / scale
    first = top + h / 2 - span / 2
    margin = int(np.ceil(max(0, -first, first + span - height))) + 1
    padded = Image.fromarray(np.pad(ink, ((margin, margin), (0, 0))))
    box = (0, first + margin, width, first + margin + span)
    return np.asarray(padded.resize((max(8, round(width * scale)), HEIGHT), Image.Resampling.BOX, box=box))


def statistics(images):
    """What a press and a scanner leave their mark on, for each line image: ndarray of shape (n, 4).

    Columns: median height of connected pieces of ink taller than 10 pixels, mean width of strokes (both in pixels),
    share of ink, height of the image.

    Parameters
    ----------
    images : sequence of ndarray of uint8 or bool, shape (height, width)
        As for `normalise`, before it.
    """
    rows = []
    for image in images:
        ink = ink_of(image) > 127
        pieces, _ = ndimage.label(ink)
        heights = [place[0].stop - place[0].start for place in ndimage.find_objects(pieces)]
        strokes = np.abs(np.diff(ink.astype(np.int8), axis=1)).sum() / 2
        rows.append((np.median([h for h in heights if h > 10]), ink.sum() / strokes, ink.mean(), len(image)))
    return np.array(rows)


def pad(lines, width=WIDTH):
    """Lines in one array, paper on the right; a line that is too wide is narrowed.

    Parameters
    ----------
    lines : sequence of ndarray of uint8, shape (36, any width)

    Returns
    -------
    ndarray of uint8, shape (n, 36, width)
    """
    out = np.zeros((len(lines), HEIGHT, width), np.uint8)
    for i, line in enumerate(lines):
        if line.shape[1] > width:
            line = np.asarray(Image.fromarray(line).resize((width, HEIGHT), Image.Resampling.BOX))
        out[i, :, : line.shape[1]] = line
    return out
