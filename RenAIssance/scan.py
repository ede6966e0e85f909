"""From the scan of a book to the images of its lines: spread, page, ink, rules, text block, lines.

All measures are at 300 dpi, twice the resolution of the scan: letters have an x-height of about 23 pixels there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from RenAIssance import orientation
from RenAIssance.lines import straight
from RenAIssance.press import shift_columns

DPI = 300
MAX_PAGES = 400
MIN_PIXELS, MAX_PIXELS = 130_000, 40_000_000  # of a page
RULE = 70  # pixels: an upright stroke as long as that is no letter
THICK = 11  # pixels: wider than the strokes of text
LEVEL_RULE = 90  # pixels: no letter is as wide
SLOPES = np.linspace(-0.06, 0.06, 49)


def spreads(path):
    """The pages of a PDF as images, without its text layer.

    Parameters
    ----------
    path : path-like
        A PDF of scanned images.

    Returns
    -------
    list of ndarray of uint8, shape (height, width)
        Grey, dark on light, 300 dpi: where the letters say that the file claims another resolution than it has, they
        are believed.

    Raises
    ------
    ValueError
        No PDF, damaged, encrypted, a page without an image or with a coarse one, too many or too large pages.
    """
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw

    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        document = pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if b"/Encrypt" in content and "assword" in str(error):  # without pages PDFium repeats an earlier error
            raise ValueError(f"{path} is encrypted: remove its password first") from error
        raise ValueError(f"{path} is not a PDF, is damaged or has no pages ({error}); download it again") from error
    with document:
        if not 0 < len(document) <= MAX_PAGES:
            raise ValueError(f"{path} has {len(document)} pages, expected 1 to {MAX_PAGES}")
        images = []
        for number, page in enumerate(document, start=1):
            scanned = list(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]))
            if not scanned:
                raise ValueError(f"{path}: page {number} has no image; expected a scanned book, not a text")
            pixels = sum(image.width * image.height for image in (image.get_metadata() for image in scanned))
            images.append(_rendered(page, pixels, f"{path}: page {number}"))
            page.close()
    return images


def _rendered(page, pixels, name):
    """A page of a PDF in grey, dark on light, its letters of the usual size; its images have so many pixels."""
    area = page.get_width() * page.get_height()
    usual, native, most = DPI / 72, (pixels / area) ** 0.5, (MAX_PIXELS / area) ** 0.5
    if pixels < MIN_PIXELS:
        raise ValueError(f"{name} has about {72 * native:.0f} dpi, too coarse to read; scan it with 150 to 300 dpi")
    scale = usual if usual <= most else most / 2
    image, zoom = _seen(page, scale)
    if zoom is None and scale < native <= most:  # of a page that claims to be tiny
        scale = native
        finer, zoom = _seen(page, scale)
        image = image if zoom is None else finer
    for _ in range(3):  # the size of small letters is known better once they are larger
        if zoom in (None, 1):
            break
        scale *= zoom
        if scale > most:
            raise ValueError(f"{name} has more than {MAX_PIXELS:,} pixels at {DPI} dpi, by the size of its letters")
        image, zoom = _seen(page, scale)
    return image


def _seen(page, scale):
    """A page rendered so many pixels a point, dark on light, and by how much its letters should be enlarged."""
    image = np.asarray(page.render(scale=scale, grayscale=True).to_pil().convert("L"))
    image = 255 - image if orientation.is_negative(image) else image
    return image, orientation.zoom(image, ink)


def split(spread):
    """The pages on a spread, left before right: two where it is wider than high, else one."""
    height, width = spread.shape
    if width < height:
        return [spread]
    # Cut where there is least ink near the middle.
    middle = slice(int(0.45 * width), int(0.55 * width))
    dark = (ink(spread[:, middle]) > 0).mean(axis=0)
    at = middle.start + int(ndimage.uniform_filter1d(dark, 31).argmin())
    return [spread[:, :at], spread[:, at:]]


def pages(path):
    """All book pages of a PDF in reading order; see `spreads`."""
    return [page for spread in spreads(path) for page in split(spread)]


def ink(page, threshold=0.62):
    """Where a grey page is inked: bool, shape (height, width).

    Parameters
    ----------
    page : ndarray of uint8, shape (height, width)
    threshold : float
        Ink is darker than this share of the paper around it. Letters that shine through from the other side are
        lighter than the default.
    """
    small = np.asarray(Image.fromarray(page).reduce(4))
    paper = ndimage.maximum_filter(small, 13)  # the brightest nearby
    paper = ndimage.uniform_filter(paper.astype(np.float32), 21)
    size = page.shape[1], page.shape[0]
    paper = Image.fromarray(paper).resize(size, Image.Resampling.BILINEAR)
    return page < threshold * np.asarray(paper)


def straighten(marks):
    """Slope of the lines of a page, and the page with level lines.

    Parameters
    ----------
    marks : ndarray of bool, shape (height, width)

    Returns
    -------
    slope : float
        Rows per column.
    level : ndarray of bool
    """
    n, width = marks.shape
    rows, columns = np.nonzero(marks[:, ::4])  # every fourth is enough
    columns = columns * 4 - width / 2

    def sharpness(slope):
        level = np.rint(rows - slope * columns).astype(np.int64) + n
        profile = np.bincount(level, minlength=3 * n).astype(float)
        # Over 5 rows: edges of lines are about as soft as that.
        return ((profile[5:] - profile[:-5]) ** 2).sum()

    slope = SLOPES[int(np.argmax([sharpness(s) for s in SLOPES]))]
    shifts = np.rint(-slope * (np.arange(width) - width / 2))
    return slope, shift_columns(marks, shifts.astype(np.int64))


def bow(level):
    """How far down the lines of a page lie in each column, after `straighten`: ndarray of shape (width,), in rows.

    Row profiles of strips, from the one with most ink outwards, are moved until they match those before. A cubic
    through the moves is the curve: paper bends smoothly.

    Parameters
    ----------
    level : ndarray of bool, shape (height, width)
    """
    wide, reach = 64, 5
    starts = np.arange(0, level.shape[1] - wide // 2, wide)
    strips = np.add.reduceat(level, starts, axis=1, dtype=np.float32).T
    ink = strips.sum(axis=1)
    strips = ndimage.uniform_filter1d(strips, 9, axis=1) - ndimage.uniform_filter1d(strips, 61, axis=1)
    middle = int(ink.argmax())
    moves = np.full(len(starts), np.nan)
    moves[middle] = 0
    for order in (range(middle + 1, len(starts)), range(middle - 1, -1, -1)):
        expected, move = strips[middle].copy(), 0
        for i in order:
            if ink[i] < 0.4 * ink[middle]:
                break
            lags = range(move - reach, move + reach + 1)
            move = max(lags, key=lambda lag: (expected * np.roll(strips[i], -lag)).sum())
            moves[i] = move
            expected = 0.6 * expected + np.roll(strips[i], -move)
    known = np.isfinite(moves)
    if known.sum() < 5:
        return np.zeros(level.shape[1])
    at = starts + wide / 2
    curve = np.polyfit(at[known], moves[known], 3)
    return np.polyval(curve, np.clip(np.arange(level.shape[1]), at[known][0], at[known][-1]))


def _runs(marks, length):
    """Upright strokes of at least that length, gaps and slants of a few pixels forgiven."""
    thick = _dilated(_dilated(marks, 5), 3, axis=1)
    return _dilated(~_dilated(~thick, length), length)


def _dilated(marks, length, axis=0):
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


def _grown(marks):
    """Marks that reach a pixel further: up, down, left and right."""
    out = marks.copy()
    for there, here in ((out[1:], marks[:-1]), (out[:-1], marks[1:]), (out[:, 1:], marks[:, :-1]),
                        (out[:, :-1], marks[:, 1:])):  # fmt: skip
        there |= here
    return out


def _positions(strokes, share):
    """Where rules cross the middle of the page, their slope, and how much of the height each covers.

    Parameters
    ----------
    strokes : ndarray of bool, shape (height, width)
        Upright strokes.
    share : float
        Of the height that a rule has to cover.
    """
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
    peaks, size = ndimage.label(profile >= share)
    centres = [float(np.mean(np.nonzero(peaks == i + 1)[0])) for i in range(size)]
    return centres, slope


STEP = 32  # rows in which a rule is followed together


def _followed(inked, height, x, tilt):
    """The column of a rule in each row, ndarray of shape (height,): a bowed rule is followed, its gaps are bridged.

    Of all paths from top to bottom that move by at most 2 pixels in 32 rows, the one with most upright strokes.

    Parameters
    ----------
    inked : ndarray of int, shape (height / 32, width)
        Pixels of upright strokes in 32 rows.
    """
    step, reach, width = STEP, 36, inked.shape[1]
    starts = np.arange(0, height, step)
    expected = np.rint(x + tilt * (starts + step / 2 - height / 2)).astype(int)
    columns = np.clip(expected[:, None] + np.arange(-reach, reach + 1), 0, width - 1)
    score = ndimage.uniform_filter1d(np.take_along_axis(inked, columns, axis=1) / step, 9, axis=1)
    best, moves = score[0], []
    for row in score[1:]:
        padded = np.pad(best, 2, constant_values=-np.inf)
        reached = np.stack([padded[k : k + len(best)] - 0.05 * abs(k - 2) for k in range(5)])
        moves.append(reached.argmax(axis=0) - 2)
        best = reached.max(axis=0) + row
    path = [int(best.argmax())]
    for move in reversed(moves):
        path.append(path[-1] + int(move[path[-1]]))
    return np.interp(np.arange(height), starts + step / 2, expected + np.array(path[::-1]) - reach)


@dataclass
class Layout:
    """Where the text of a page is, on its level ink.

    Attributes
    ----------
    slope : float
        Of the lines on the scan, rows per column.
    shifts : ndarray of int, shape (width,)
        How many rows each column of the scan has been moved down, so that lines are straight and level.
    level : ndarray of bool, shape (height, width)
        Ink with level lines, without rules and ornaments.
    left, right : ndarray of int, shape (height,)
        Where the text block begins and ends in each row.
    top, bottom : int
        Rows of the text block.
    x_height, pitch : float
    lines : list of (int, int, int, int)
        Left, top, right, bottom of each line.
    rules : ndarray of bool, shape (height, width)
    """

    slope: float
    shifts: np.ndarray
    level: np.ndarray
    left: np.ndarray
    right: np.ndarray
    top: int
    bottom: int
    x_height: float
    pitch: float
    lines: list
    rules: np.ndarray


def layout(page, threshold=0.62):
    """Find the text block of a page and its lines.

    The block lies between the two upright rules that enclose most letters and between the level rules at its ends:
    running title, marginal notes, signature and catchword are outside of it. Where there are no rules it is where most
    letters are.

    Parameters
    ----------
    page : ndarray of uint8, shape (height, width)
        Grey, 300 dpi.
    threshold : float
        Of `ink`.

    Raises
    ------
    ValueError
        There is no text on the page, or it is a negative, on its side, upside down, or far from 300 dpi.
    """
    page = np.asarray(page)
    if page.ndim != 2 or min(page.shape) < 200 or page.dtype != np.uint8:
        raise ValueError(f"a page is a grey image (uint8) of at least 200 x 200 pixels, not {page.dtype} {page.shape}")
    if orientation.is_negative(page):
        raise ValueError("this page is light on dark; invert it: 255 - page")
    marks = ink(page, threshold)
    slope, level = straighten(marks)
    shifts = -np.rint(slope * (np.arange(page.shape[1]) - page.shape[1] / 2) + bow(level)).astype(np.int64)
    level = shift_columns(marks, shifts)
    pieces = orientation.pieces(level)
    ornaments = _ornaments(level, *pieces)
    if ornaments.any():
        level = level & ~ornaments
        pieces = orientation.pieces(level)
    of_letters, x_height = _letters(*pieces)
    if orientation.is_on_its_side(of_letters, x_height):
        raise ValueError("the lines of this page run from top to bottom: rotate it by 90 degrees")
    upright = _runs(level, RULE)
    (left, right), ruled, rules = _sides(upright, of_letters, x_height)
    lying = _runs(level.T, LEVEL_RULE).T
    rules |= lying
    text = level & ~_grown(_grown(rules))
    inside = _inside(left, right, level.shape[1])
    top, bottom, bounded = _between(lying & inside, of_letters & inside, x_height)
    within = (np.arange(len(level)) >= top) & (np.arange(len(level)) < bottom)
    bands, pitch = _bands(text & inside & within[:, None], x_height)
    if not all(ruled):
        left, right = _margins(of_letters & inside, bands, x_height, (left, right), ruled)
        edge = round(0.5 * x_height)  # upright strokes beside all letters are pieces of a rule
        rules |= upright & ~_inside(left + edge, right - edge, level.shape[1])
        text &= ~_grown(_grown(rules))
    block = text & _inside(left, right, level.shape[1]) & within[:, None]
    lines = []
    for part, ends in _parts(block, of_letters, bands, x_height, left, right):
        centres = _bands(part, x_height)[0] if ends != (True, True) else bands
        found = [_extent(part, of_letters, centre, x_height, pitch, left, right) for centre in centres]
        found = _without_woodcuts([line for line in found if line is not None], ornaments, part, x_height, pitch)
        lines += _without_furniture(found, part, x_height, pitch, bounded, ends)
    if not lines:
        raise ValueError("no lines of text on this page: is it blank?")
    if orientation.is_upside_down(block, lines, x_height):
        raise ValueError("this page is upside down: rotate it by 180 degrees")
    return Layout(slope, shifts, block, left, right, top, bottom, x_height, pitch, lines, rules)


def _inside(left, right, width):
    """What lies between two sides that are given for each row: ndarray of bool, shape (height, width)."""
    columns, left, right = (np.asarray(a, np.int16) for a in (np.arange(width), left, right))  # three times as fast
    return (columns > left[:, None]) & (columns < right[:, None])


def _sides(upright, of_letters, x_height):
    """The sides of the text block in each row, whether each is a rule, and the upright rules of the page.

    Sides that are no rules lie an x-height outside of the letters, until `_margins` knows them better.
    """
    height, width = upright.shape
    letters = ndimage.uniform_filter1d(of_letters.sum(axis=0).astype(float), 15)
    at, tilt = _positions(upright, 0.3)
    whole = np.pad(upright, ((0, -height % STEP), (0, 0)))
    inked = whole.reshape(-1, STEP, width).sum(axis=1, dtype=np.uint8)
    paths = {x: _followed(inked, height, x, tilt) for x in at}
    # Upright strokes elsewhere are letters of two lines that touch.
    near = np.zeros_like(upright)
    for path in paths.values():
        for offset in range(-9, 10):
            near[np.arange(height), np.clip(np.rint(path + offset).astype(int), 0, width - 1)] = True
    sides, is_rule = [], []
    for sign, (x, ruled) in zip((1, -1), _enclosing(at, letters, width), strict=True):
        column = paths[x] + 4 * sign if ruled else np.full(height, x - sign * x_height)
        sides.append(np.clip(np.rint(column), 0, width).astype(int))
        is_rule.append(ruled)
    return sides, is_rule, upright & near


def _margins(letters, bands, x_height, sides, ruled):
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
        gaps = np.nonzero(np.diff(columns) > 1.2 * x_height)[0]
        first, last = (columns[np.concatenate(ends)] for ends in (([0], gaps + 1), (gaps, [-1]))) if len(columns) else (
            [], [])  # fmt: skip
        runs += [(band, a, b) for a, b in zip(first, last, strict=True)]
    rows, *ends = np.array(runs, float).reshape(-1, 3).T
    middle = (sides[0].mean() + sides[1].mean()) / 2
    found = []
    for at, is_rule, sign, side in zip(ends, ruled, (1, -1), sides, strict=True):
        outer = sign * at < sign * middle
        curve = None if is_rule else _curve(rows[outer], at[outer], 0.6 * x_height, len(bands))
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
    if best.sum() <= max(5, 0.4 * n_lines):
        return None
    for _ in range(3):  # a curve leads on to lines that are not near the straight one
        curve = np.polyfit(rows[best], columns[best], 2)
        best = np.abs(columns - np.polyval(curve, rows)) < tolerance
    return curve


def _parts(block, of_letters, bands, x_height, left, right):
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
    half, clear = int(0.5 * x_height), round(0.7 * x_height)
    height, width = letters.shape
    rows = np.array(bands)
    inked = np.stack([letters[max(0, row - half) : row + half + 1].any(axis=0) for row in rows])
    free = ~ndimage.binary_dilation(inked, np.ones((1, clear), bool))
    middle = (left[rows] + right[rows]) // 2
    reach = np.arange(-int(0.2 * np.median(right - left)), int(0.2 * np.median(right - left)) + 1)
    t = (rows - rows.mean()) / max(np.ptp(rows) / 2, 1)
    curves = [20 * tilt * t + bend * t**2 for tilt in np.linspace(-1, 1, 11) for bend in (-20, -10, 0, 10, 20)]
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
    if max(size, default=0) < max(8, 0.4 * len(rows)):
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


def _without_woodcuts(lines, ornaments, block, x_height, pitch):
    """Lines without the rows of a vignette, and without its tip: a few marks in the middle next to such a row."""
    left = min((line[0] for line in lines), default=0)
    rows = [line for line in lines if _is_of_a_woodcut(ornaments, block, line, x_height, pitch)]

    def is_tip(line):
        narrow = line[2] - line[0] < 5 * x_height and line[0] > left + 3 * x_height
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
    return within > 0.3 * inked or (right - left < 5 * x_height and beside > inked) or filled > 0.17


def _filled(block, centre, x_height, pitch):
    """Ink of the emptiest row on that side of a line on which it is fuller, over that of the line; of text below 0.17.
    """
    start = max(0, centre - round(pitch))
    profile = ndimage.uniform_filter1d(block[start : centre + round(pitch)].mean(axis=1), 3)

    def rows(first, last):
        return profile[max(0, centre + round(first) - start) : max(0, centre + round(last) - start)]

    emptiest = max(rows(-0.9 * pitch, -0.25 * pitch).min(initial=1), rows(0.25 * pitch, 0.9 * pitch).min(initial=1))
    return emptiest / max(rows(-0.4 * x_height, 0.4 * x_height).mean(), 1e-3)


def _without_furniture(lines, block, x_height, pitch, bounded, ends=(True, True)):
    """Lines of a page without its running title and catchword, where no level rule has cut them off.

    The first and the last line go if they stand alone at the end of the line (a number, a catchword); the first one
    also if it is off the pitch grid and a page number stands apart in it. Where there is no rule at all at that end of
    the page, a line goes that is far off the grid.

    Parameters
    ----------
    lines : list of (int, int, int, int)
    block : ndarray of bool, shape (height, width)
        Ink of the text.
    bounded : (bool, bool)
        Whether there is a rule above and below the text.
    ends : (bool, bool)
        Whether these lines begin and end those of the page.
    """
    if len(lines) < 6:
        return lines
    boxes = np.array(lines)
    left, right = np.median(boxes[:, 0]), np.median(boxes[:, 2])
    measure = right - left
    above, below = np.diff(boxes[:, 1] + boxes[:, 3])[[0, -1]] / 2 / pitch

    def at_the_end(line):
        return line[0] > left + 0.35 * measure and line[2] > right - 0.1 * measure

    def has_a_number_apart(line):
        centre, half = (line[1] + line[3]) // 2, int(0.5 * x_height)
        inked = np.nonzero(block[centre - half : centre + half, line[0] : line[2]].any(axis=0))[0]
        touches = line[0] < left + 2 * x_height or line[2] > right - 2 * x_height
        return touches and np.diff(inked).max(initial=0) > 3 * x_height

    head = above > 1.3 and not bounded[0] or above > 1.1 and has_a_number_apart(lines[0])
    head = head or at_the_end(lines[0]) and lines[0][2] - lines[0][0] < 0.3 * measure
    foot = below > 1.3 and not bounded[1] or at_the_end(lines[-1])
    return lines[int(head and ends[0]) : len(lines) - int(foot and ends[1])]


def _letters(labels, tall, wide):
    """The ink of what has the size of letters, and the median height of those without ascender and descender."""
    ratio = (orientation.x_height(tall, wide) or orientation.X_HEIGHT) / orientation.X_HEIGHT
    if not orientation.READABLE[0] < ratio < orientation.READABLE[1]:
        raise ValueError(
            f"letters on this page are as large as at {10 * round(DPI * ratio / 10)} dpi, expected {DPI} dpi: "
            f"resize it to {1 / ratio:.0%} of its width and height"
        )
    size = (tall > 12) & (tall < 75) & (wide > 5) & (wide < 200)
    heights = tall[size & (tall < 45)]
    if len(heights) < 10:
        raise ValueError("no text on this page: is it blank, or much smaller or larger than at 300 dpi?")
    return _ink_of(size, labels), float(np.median(heights))


def _ornaments(level, labels, tall, wide):
    """Drop capitals and other woodcuts: places that are inked far more densely than text, and the pieces of ink that
    lie mostly there; and large letters, whose strokes are thick.
    """

    def share(where):
        inside, area = (np.bincount(found, minlength=len(tall) + 1)[1:] for found in (labels[where], labels[level]))
        return inside / area

    small = np.asarray(Image.fromarray(level.view(np.uint8) * 255).reduce(4)).astype(np.float32) / 255
    dense = ndimage.binary_opening(ndimage.uniform_filter(small, 13) > 0.36, iterations=4)
    places, _ = ndimage.label(dense)
    mask, around = np.zeros_like(level), np.zeros_like(level)
    for number, where in enumerate(ndimage.find_objects(places), start=1):
        # What is larger than a drop capital is the dark edge of the scan.
        if all(30 < s.stop - s.start < 0.35 * size for s, size in zip(where, dense.shape, strict=True)):
            rows, columns = _box(places == number)
            mask[4 * rows[0] : 4 * rows[1], 4 * columns[0] : 4 * columns[1]] = True
            around[4 * max(0, rows[0] - 5) : 4 * rows[1] + 20, 4 * max(0, columns[0] - 5) : 4 * columns[1] + 20] = True
    pieces = _initials(level, labels, tall, wide, share)
    if mask.any():
        pieces |= share(around) > 0.5
    return (mask & level) | _ink_of(pieces, labels)


def _ink_of(pieces, labels):
    """The ink of some of the connected pieces: ndarray of bool, of the shape of the labels."""
    out = np.zeros(labels.shape, bool)
    if pieces.any():
        inked = labels > 0
        out[inked] = pieces[labels[inked] - 1]
    return out


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
    large = (tall > RULE) & (tall < 0.35 * level.shape[0]) & (wide > 40) & (wide < 0.35 * level.shape[1])
    if not large.any():
        return large
    thin = _dilated(_dilated(~level, THICK), THICK, axis=1)
    thick = _dilated(_dilated(~thin, THICK), THICK, axis=1)
    large &= share(thick) > 0.3
    boxes = ndimage.find_objects(labels)
    middle = {i: (boxes[i][0].start + boxes[i][0].stop) / 2 for i in np.flatnonzero(large)}
    for i, row in middle.items():
        large[i] = sum(abs(row - other) < tall[i] / 2 for other in middle.values()) < 3
    return large


def _enclosing(at, letters, width):
    """The two of the upright rules (or page margins) that enclose most letters in the least width: (x, is a rule)."""
    total = np.concatenate([[0.0], letters.cumsum()])
    occupied = np.nonzero(letters > 0.3 * np.percentile(letters, 90))[0]
    edges = [(x, True) for x in at] + [(max(0, occupied[0] - 12.0), False), (min(width, occupied[-1] + 12.0), False)]
    best, found = -np.inf, ((0.0, False), (float(width), False))
    for a, ruled_a in edges:
        for b, ruled_b in edges:
            if not 0.35 * width < b - a < 0.97 * width:
                continue
            share = (total[int(b)] - total[int(a)]) / total[-1]
            score = share - 0.55 * (b - a) / width + 0.04 * (ruled_a + ruled_b)
            if score > best:
                best, found = score, ((a, ruled_a), (b, ruled_b))
    return found


def _between(lying, letters, x_height):
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
    clear = ndimage.uniform_filter1d(letters.sum(axis=1) / columns, 9) < 0.12
    rows = np.nonzero(_dilated(lying & clear[:, None], 17).sum(axis=1) > 0.12 * columns)[0]
    first, last, near = inked[0], inked[-1], 4.5 * x_height
    upper = rows[(rows >= first) & (rows < first + 0.14 * height)]
    lower = rows[(rows <= last) & (rows > last - 0.14 * height)]
    upper, lower = upper[upper < upper.min(initial=height) + near], lower[lower > lower.max(initial=0) - near]
    top = upper.max() if len(upper) else max(0, first - round(x_height))
    bottom = lower.min() if len(lower) else min(height, last + round(x_height))
    return int(top), int(bottom), (len(upper) > 0, len(lower) > 0)


def _bands(block, x_height):
    """Centres of the x bands of the lines, and their pitch."""
    profile = block.sum(axis=1).astype(float)
    smooth = ndimage.uniform_filter1d(profile, max(3, round(x_height)))
    smooth = ndimage.gaussian_filter1d(smooth, x_height / 8)
    centred = smooth - smooth.mean()
    lags = np.arange(int(1.8 * x_height), int(3.6 * x_height))
    pitch = float(lags[np.argmax([(centred[:-lag] * centred[lag:]).mean() for lag in lags])])
    window = ndimage.maximum_filter1d(smooth, 2 * int(0.36 * pitch) + 1)
    strong = np.percentile(smooth[smooth > 0], 90) if (smooth > 0).any() else 1.0
    peaks = np.nonzero((smooth == window) & (smooth > 0.025 * strong))[0]  # a line of three letters has 0.05
    kept = []
    for peak in sorted(peaks, key=lambda p: -smooth[p]):  # the stronger of two that are too near
        if all(abs(peak - other) > 0.5 * pitch for other in kept):
            kept.append(int(peak))
    return sorted(kept), pitch


def _extent(block, letters, centre, x_height, pitch, left, right):
    """The box of a line, or None where there are no letters: specks, or rows of a vignette."""
    half = int(0.62 * pitch)
    rows = slice(max(0, centre - int(0.6 * x_height)), centre + int(0.6 * x_height) + 1)
    band, of_letters = block[rows], block[rows] & letters[rows]
    sure, columns = (np.nonzero(ndimage.uniform_filter1d(marks.sum(axis=0).astype(float), 5) > 0.8)[0]
                     for marks in (of_letters, band))  # fmt: skip
    if len(sure) < 1.2 * x_height or of_letters.sum() < 0.7 * band.sum():
        return None
    # Hyphens and points count beside letters only: elsewhere they are dirt.
    columns = columns[(columns > sure[0] - 1.2 * x_height) & (columns < sure[-1] + 1.2 * x_height)]
    margin = int(0.5 * x_height)
    row = min(centre, len(left) - 1)
    first, last = max(columns[0] - margin, left[row]), min(columns[-1] + margin, right[row])
    return int(first), max(0, centre - half), int(last), min(len(block), centre + half + 1)


def line_images(page):
    """The lines of a page, top to bottom (list of ndarray of bool, False is ink), and its `Layout`."""
    found = layout(page)
    return [straight(~found.level[top:bottom, left:right]) for left, top, right, bottom in found.lines], found
