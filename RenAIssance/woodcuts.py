"""Drop capitals, vignettes and other woodcuts, and the lines that are only found in them.

Pixels are those of a page at 300 dpi.
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from RenAIssance.orientation import ink_of
from RenAIssance.rules import dilated

TALL = 70  # pixels: no letter of text is as tall
THICK = 11  # pixels: wider than the strokes of text
DENSE = 0.36  # of a square of 52 pixels: text has less ink
LARGEST = 0.35  # of the height and width of the page: what is larger is the dark edge of the scan
NARROW = 5  # x-heights: the tip of a vignette is narrower
FILLED = 0.17  # of the ink of a line: the emptiest row beside a line of text has less


def ink_of_woodcuts(level, labels, tall, wide):
    """Drop capitals and other woodcuts: places that are inked far more densely than text, and the pieces of ink that
    lie mostly there; and large letters, whose strokes are thick.
    """

    def share(where):
        inside, area = (np.bincount(found, minlength=len(tall) + 1)[1:] for found in (labels[where], labels[level]))
        return inside / area

    small = np.asarray(Image.fromarray(level.view(np.uint8) * 255).reduce(4)).astype(np.float32) / 255
    dense = ndimage.binary_opening(ndimage.uniform_filter(small, 13) > DENSE, iterations=4)
    places, _ = ndimage.label(dense)
    mask, around = np.zeros_like(level), np.zeros_like(level)
    for number, where in enumerate(ndimage.find_objects(places), start=1):
        if all(30 < s.stop - s.start < LARGEST * size for s, size in zip(where, dense.shape, strict=True)):
            rows, columns = _box(places == number)
            mask[4 * rows[0] : 4 * rows[1], 4 * columns[0] : 4 * columns[1]] = True
            around[4 * max(0, rows[0] - 5) : 4 * rows[1] + 20, 4 * max(0, columns[0] - 5) : 4 * columns[1] + 20] = True
    pieces = _initials(level, labels, tall, wide, share)
    if mask.any():
        pieces |= share(around) > 0.5
    return (mask & level) | ink_of(pieces, labels)


def _box(place):
    """First and last row and column of a place, without its thin arms: a dense word beside a drop capital, say."""
    ends = []
    for axis in (1, 0):
        length = place.sum(axis=axis)
        long = np.nonzero(length > 0.15 * length.max())[0]
        ends.append((int(long[0]), int(long[-1]) + 1))
    return ends


def _initials(level, labels, tall, wide, share):
    """Which pieces are large letters: taller than a line, with thick strokes, and no part of a row of such letters."""
    large = (tall > TALL) & (tall < LARGEST * level.shape[0]) & (wide > 40) & (wide < LARGEST * level.shape[1])
    if not large.any():
        return large
    thin = dilated(dilated(~level, THICK), THICK, axis=1)
    thick = dilated(dilated(~thin, THICK), THICK, axis=1)
    large &= share(thick) > 0.3
    boxes = ndimage.find_objects(labels)
    middle = {i: (boxes[i][0].start + boxes[i][0].stop) / 2 for i in np.flatnonzero(large)}
    for i, row in middle.items():
        large[i] = sum(abs(row - other) < tall[i] / 2 for other in middle.values()) < 3
    return large


def without_woodcuts(lines, ornaments, block, x_height, pitch):
    """Lines without the rows of a vignette, and without its tip: a few marks in the middle next to such a row."""
    left = min((line[0] for line in lines), default=0)
    rows = [line for line in lines if _is_of_a_woodcut(ornaments, block, line, x_height, pitch)]

    def is_tip(line):
        narrow = line[2] - line[0] < NARROW * x_height and line[0] > left + 3 * x_height
        return narrow and any(abs(line[1] - row[1]) < 1.4 * pitch for row in rows)

    kept = [line for line in lines if line not in rows and not is_tip(line)]

    def stands_in_ornament(line):  # beside it there is ink, but no line
        centre, columns = (line[1] + line[3]) // 2, slice(line[0], line[2])
        inked = block[centre - round(0.4 * x_height) : centre + round(0.4 * x_height), columns].mean()
        for side in (-1, 1):
            beside = sorted((max(0, centre + round(side * 0.75 * pitch)), max(0, centre + round(side * 1.1 * pitch))))
            alone = not any(0 < side * (other[1] - line[1]) < 1.5 * pitch for other in kept)
            if alone and block[slice(*beside), columns].mean() > 0.5 * inked:
                return True
        return False

    return [line for line in kept if not stands_in_ornament(line)]


def _is_of_a_woodcut(ornaments, block, line, x_height, pitch):
    """Whether a line is a row of a vignette, or what is left of one.

    Ornament lies between its marks, or they are few beside it; or there is no emptier row between it and the next one,
    above or below, as there always is beside a line of text: neither in its left half nor in its right one.
    """
    left, top, right, bottom = line
    inked, within, beside = (marks[top:bottom, columns].sum() for marks, columns in (
        (block, slice(left, right)), (ornaments, slice(left, right)), (ornaments, slice(0, None))))  # fmt: skip
    middle = (left + right) // 2
    halves = block[:, left:middle], block[:, middle:right]
    filled = min(_filled(half, (top + bottom) // 2, x_height, pitch) for half in halves)
    return within > 0.3 * inked or (right - left < NARROW * x_height and beside > inked) or filled > FILLED


def _filled(block, centre, x_height, pitch):
    """Ink of the emptiest row on that side of a line on which it is fuller, over that of the line."""
    start = max(0, centre - round(pitch))
    profile = ndimage.uniform_filter1d(block[start : centre + round(pitch)].mean(axis=1), 3)

    def rows(first, last):
        return profile[max(0, centre + round(first) - start) : max(0, centre + round(last) - start)]

    emptiest = max(rows(-0.9 * pitch, -0.25 * pitch).min(initial=1), rows(0.25 * pitch, 0.9 * pitch).min(initial=1))
    return emptiest / max(rows(-0.4 * x_height, 0.4 * x_height).mean(), 1e-3)
