"""How a scan lies before it is read: the size of its letters, light on dark, on its side, upside down.

Letters say it better than the file does: programs that make a PDF of photographs often claim 72 dpi for them.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

X_HEIGHT = 25  # pixels of a printed x at 300 dpi, in books of the size and time of this one
USUAL = (0.75, 1.3)  # times X_HEIGHT: type differs by that much
READABLE = (0.6, 1.7)
MIN_LETTERS = 200  # of a page that can tell


def x_height(tall, wide):
    """The most frequent height of letters, in pixels, or None where there are too few of them.

    Parameters
    ----------
    tall, wide : ndarray of int, shape (n,)
        Height and width of all connected pieces of ink.
    """
    letters = (tall >= 5) & (wide >= 3) & (wide < 4 * tall) & (tall < 6 * wide)
    if letters.sum() < MIN_LETTERS:
        return None
    edges = np.arange(np.log(4), np.log(400), 0.05)
    count, _ = np.histogram(np.log(tall[letters]), edges)
    return float(np.exp(edges[np.convolve(count, np.ones(5), "same").argmax()] + 0.025))


def pieces(marks):
    """Labels of the connected pieces of ink, and the height and width of each."""
    labels, _ = ndimage.label(marks)
    boxes = ndimage.find_objects(labels)
    tall, wide = (np.array([box[axis].stop - box[axis].start for box in boxes], int) for axis in (0, 1))
    return labels, tall, wide


def ink_of(pieces, labels):
    """The ink of some of the connected pieces of `pieces`: ndarray of bool, of the shape of the labels."""
    out = np.zeros(labels.shape, bool)
    if pieces.any():
        inked = labels > 0
        out[inked] = pieces[labels[inked] - 1]
    return out


def zoom(page, ink):
    """By how much a page must be enlarged for its letters to have their usual size: 1 where it may stay as it is.

    None where it has too few letters to tell.

    Parameters
    ----------
    page : ndarray of uint8, shape (height, width)
    ink : callable ndarray -> ndarray of bool
    """
    for reduced in (2, 1):  # half the size is enough for letters that are not small
        small = np.asarray(Image.fromarray(page).reduce(reduced))
        found = x_height(*pieces(ink(small))[1:])
        if found is not None:
            ratio = reduced * found / X_HEIGHT
            return 1.0 if USUAL[0] <= ratio <= USUAL[1] else 1 / ratio
    return None


def is_negative(page):
    """Whether a grey page is light on dark: most of it is dark, and what differs from its surroundings is lighter.

    Looked at in squares of 64 pixels, so that a shadow on a photograph counts for little.
    """
    small = page[::4, ::4]
    rows, columns = small.shape[0] // 16, small.shape[1] // 16
    squares = small[: 16 * rows, : 16 * columns].reshape(rows, 16, columns, 16).swapaxes(1, 2).reshape(-1, 256)
    low, middle, high = np.percentile(squares, (2, 50, 98), axis=1)
    return bool(np.median(small) < 128 and (high - middle).sum() > (middle - low).sum())


def is_on_its_side(letters, size):
    """Whether lines of text run from top to bottom.

    Lines of text repeat at equal distances: the ink of letters, added up along the lines, is like itself a line
    further on, and added up across them it is not.

    Parameters
    ----------
    letters : ndarray of bool, shape (height, width)
        What has the size of letters.
    size : float
        Their x-height.
    """
    along, across = _repetition(letters, size), _repetition(letters.T, size)
    return across > 0.3 and across > along + 0.15  # with text along 0.4 to 0.9, across it up to 0.25


def _repetition(letters, size):
    """Correlation of the rows of letters with those one line further on, for the best slope and distance of lines."""
    rows, columns = np.nonzero(letters[::2, ::8])
    columns, n = 4 * columns - letters.shape[1] / 4, len(letters)  # in rows of two pixels
    best = 0.0
    for slope in np.linspace(-0.06, 0.06, 25):
        profile = np.bincount(np.rint(rows - slope * columns).astype(np.int64) + n, minlength=2 * n).astype(float)
        inked = np.nonzero(profile)[0]
        profile = ndimage.uniform_filter1d(profile[inked[0] : inked[-1] + 1], max(3, round(size / 4)))
        profile = profile - ndimage.uniform_filter1d(profile, round(3 * size))
        lags = np.arange(round(0.9 * size), min(round(1.8 * size), len(profile) // 2))
        products = np.array([profile[lag:] @ profile[:-lag] for lag in lags])
        best = max(best, (products / (len(profile) - lags)).max(initial=0) / (profile @ profile / len(profile)))
    return best


def is_upside_down(block, lines, size):
    """Whether more ink lies below the x-heights of lines than above: there are more ascenders than descenders.

    Parameters
    ----------
    block : ndarray of bool, shape (height, width)
    lines : list of (int, int, int, int)
        Left, top, right, bottom.
    size : float
        Their x-height.
    """

    def inked(first, last):
        found = []
        for left, top, right, bottom in lines:
            rows = [max(0, round((top + bottom) / 2 + at * size)) for at in (first, last)]
            found.append(block[slice(*rows), left:right].sum())
        return np.array(found)

    ratio = np.median(inked(-1.15, -0.6) / np.maximum(inked(0.6, 1.15), 1)) if len(lines) >= 8 else 1.0
    return bool(ratio < 0.85)  # upright pages have 1.6 to 6, turned ones 0.3 to 0.7
