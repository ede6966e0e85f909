"""From the scan of a book to the images of its lines: spread, page, ink, rules, text block, lines.

All measures are at 300 dpi, twice the resolution of the scan: letters have an x-height of about 23 pixels there.
"""

import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from RenAIssance import orientation
from RenAIssance.columns import margins, parts
from RenAIssance.lines import straight
from RenAIssance.press import shift_columns
from RenAIssance.rules import SLOPES, grown, level_rules, runs, sides, top_and_bottom
from RenAIssance.woodcuts import ink_of_woodcuts, without_woodcuts

DPI = 300
MAX_PAGES = 400
MIN_PIXELS, MAX_PIXELS = 130_000, 40_000_000  # of a page
MAX_IN_ALL = 3_000_000_000  # of all pages; a pixel is a byte, and is in memory twice
MAX_BYTES = 3_000_000_000  # of a file, which is in memory while it is read
MIN_SIDE = 200  # pixels of a page
MAX_RATIO = 8  # of the sides of a page
FINEST = 4  # times as many pixels as a page of 300 dpi may have: those of 600 dpi
END_OF_IMAGE = b"\xff\xd9"  # the last marker of a JPEG and of a JPEG 2000
LAST_PART = {"DCTDecode": b"\xff\xda", "JPXDecode": b"\xff\x90"}  # the marker with which a scan, or a tile, begins
BYTES_OF_PIXEL = 10  # at most: five colours of 16 bits
RULE = 70  # pixels: an upright stroke as long as that is no letter
LEVEL_RULE = 90  # pixels: no letter is as wide
TALL, WIDE = (12, 75), (5, 200)  # pixels: letters are as tall and as wide as that
NO_ASCENDER = 45  # pixels: letters without ascender and descender are lower
PITCH = (1.8, 3.6)  # x-heights from line to line
HALF_BAND = 0.6  # x-heights above and below the centre of a line in which its letters are looked for
HALF_LINE = 0.62  # of the pitch: half the height of the image of a line
SPACE = 1.2  # x-heights: what is farther from the letters of a line is dirt
OFF_GRID = 1.3  # pitches: a first or last line that is farther from the others is no text


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
        No PDF, damaged, encrypted, a page without an image or with a coarse one or one that is not whole, too many or
        too large pages, or a strip in place of a page.
    """
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw

    path = Path(path)
    content = _content(path)
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
        try:
            for number, page in enumerate(document, start=1):
                scanned = list(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE]))
                if not scanned:
                    raise ValueError(f"{path}: page {number} has no image; expected a scanned book, not a text")
                pixels = sum(_pixels(image, f"{path}: page {number}") for image in scanned)
                images.append(_rendered(page, pixels, f"{path}: page {number}"))
                if min(images[-1].shape) < MIN_SIDE:
                    raise ValueError(f"{path}: page {number} has {images[-1].shape[0]} x {images[-1].shape[1]} pixels "
                                     f"at {DPI} dpi, fewer than {MIN_SIDE} on a side: not a page")  # fmt: skip
                page.close()
                if sum(image.size for image in images) > MAX_IN_ALL:
                    raise ValueError(f"{path} has more than {MAX_IN_ALL:,} pixels at {DPI} dpi in {number} pages: "
                                     "split it into several books")  # fmt: skip
        except pdfium.PdfiumError as error:
            raise ValueError(f"{path}: page {len(images) + 1} is damaged ({error}); download it again") from error
    return images


def _content(path):
    """The bytes of a file that is a book's size; ValueError where it is none, or no file."""
    try:
        if path.exists() and not path.is_file() and not path.is_dir():  # a pipe would be waited for
            raise ValueError(f"{path}: not a plain file")
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path} has more than {MAX_BYTES:,} bytes: split it into several books")
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error


def _pixels(image, name):
    """How many pixels an image in a PDF has; ValueError where the file does not hold them all.

    PDFium says nothing then, and draws paper, or nothing, for what is missing.
    """
    (width, height), filters = image.get_px_size(), image.get_filters()
    n = width * height
    if not 0 < n <= FINEST * MAX_PIXELS:  # none: nothing to see
        return n
    whole = sum(each in ("FlateDecode", "LZWDecode") for each in filters) < 2  # twice: it would be made to fill memory
    if whole and filters[:1] == ["FlateDecode"]:
        fewest, most = n // 8 if len(filters) == 1 else 1, BYTES_OF_PIXEL * n + 100_000
        whole = fewest <= _inflated(bytes(image.get_data()), most) <= most
    if whole and filters and filters[-1] in LAST_PART:
        data = bytes(image.get_data(decode_simple=True))
        whole = data.rfind(END_OF_IMAGE) > data.rfind(LAST_PART[filters[-1]])  # no other bytes look like them
    if not whole or image.get_metadata().bits_per_pixel == 0:  # 0: it cannot be decoded
        raise ValueError(f"{name} is damaged: its image is not whole; download the file again")
    return n


def _inflated(data, most):
    """How many bytes a Flate stream holds, or some number above `most`; 0 where it breaks off or cannot be decoded.

    Its checksum is not looked at.
    """
    engine, data, size = zlib.decompressobj(-15), data[2:], 0  # without its header of two bytes
    with suppress(zlib.error):
        while not engine.eof and data and size <= most:
            size += len(engine.decompress(data, 1 << 20))
            data = engine.unconsumed_tail
        return size if engine.eof or size > most else 0
    return 0


def _rendered(page, pixels, name):
    """A page of a PDF in grey, dark on light, its letters of the usual size; its images have so many pixels."""
    area = page.get_width() * page.get_height()
    if not 1 / MAX_RATIO <= page.get_width() / max(page.get_height(), 1e-9) <= MAX_RATIO:
        raise ValueError(f"{name} is a strip of {page.get_width():g} x {page.get_height():g} points, not a page")
    if pixels > FINEST * MAX_PIXELS:
        raise ValueError(f"{name} has images of more than {FINEST * MAX_PIXELS:,} pixels; scan it with 150 to 300 dpi")
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


@dataclass
class Layout:
    """Where the text of a page is, on its level ink.

    Attributes
    ----------
    slope : float
        Slope of the lines on the scan, rows per column.
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
        Threshold of `ink`.

    Raises
    ------
    ValueError
        There is no text on the page, or it is a negative, on its side, upside down, or far from 300 dpi.
    """
    page = np.asarray(page)
    if page.ndim != 2 or min(page.shape) < MIN_SIDE or page.dtype != np.uint8:
        raise ValueError(f"a page is a grey image (uint8) of at least {MIN_SIDE} x {MIN_SIDE} pixels, not {page.dtype} "
                         f"{page.shape}")  # fmt: skip
    if orientation.is_negative(page):
        raise ValueError("this page is light on dark; invert it: 255 - page")
    marks = ink(page, threshold)
    slope, level = straighten(marks)
    shifts = -np.rint(slope * (np.arange(page.shape[1]) - page.shape[1] / 2) + bow(level)).astype(np.int64)
    level = shift_columns(marks, shifts)
    pieces = orientation.pieces(level)
    ornaments = ink_of_woodcuts(level, *pieces)
    if ornaments.any():
        level = level & ~ornaments
        pieces = orientation.pieces(level)
    of_letters, x_height = _letters(*pieces)
    if orientation.is_on_its_side(of_letters, x_height):
        raise ValueError("the lines of this page run from top to bottom: rotate it by 90 degrees")
    upright = runs(level, RULE)
    (left, right), ruled, rules = sides(upright, of_letters, x_height)
    lying = level_rules(level, LEVEL_RULE, x_height)
    rules |= lying
    text = level & ~grown(grown(rules))
    inside = _inside(left, right, level.shape[1])
    top, bottom, bounded = top_and_bottom(lying & inside, of_letters & inside, x_height)
    within = (np.arange(len(level)) >= top) & (np.arange(len(level)) < bottom)
    bands, pitch = _bands(text & inside & within[:, None], x_height)
    if not all(ruled):
        left, right = margins(of_letters & inside, bands, x_height, (left, right), ruled)
        edge = round(0.5 * x_height)  # upright strokes beside all letters are pieces of a rule
        rules |= upright & ~_inside(left + edge, right - edge, level.shape[1])
        text &= ~grown(grown(rules))
    block = text & _inside(left, right, level.shape[1]) & within[:, None]
    lines = []
    for part, ends in parts(block, of_letters, bands, x_height, left, right):
        centres = _bands(part, x_height)[0] if ends != (True, True) else bands
        found = [_extent(part, of_letters, centre, x_height, pitch, left, right) for centre in centres]
        found = [line for line in found if line is not None]
        found = without_woodcuts(found, ornaments, part, x_height, pitch)
        lines += _without_furniture(found, part, x_height, pitch, bounded, ends)
    if not lines:
        raise ValueError("no lines of text on this page: is it blank?")
    if orientation.is_upside_down(block, lines, x_height):
        raise ValueError("this page is upside down: rotate it by 180 degrees")
    return Layout(
        slope=slope, shifts=shifts, level=block, left=left, right=right, top=top, bottom=bottom, x_height=x_height,
        pitch=pitch, lines=lines, rules=rules,
    )  # fmt: skip


def _inside(left, right, width):
    """What lies between two sides that are given for each row: ndarray of bool, shape (height, width)."""
    columns, left, right = (np.asarray(a, np.int16) for a in (np.arange(width), left, right))  # three times as fast
    return (columns > left[:, None]) & (columns < right[:, None])


def _letters(labels, tall, wide):
    """The ink of what has the size of letters, and the median height of those without ascender and descender."""
    ratio = (orientation.x_height(tall, wide) or orientation.X_HEIGHT) / orientation.X_HEIGHT
    if not orientation.READABLE[0] < ratio < orientation.READABLE[1]:
        raise ValueError(
            f"letters on this page are as large as at {10 * round(DPI * ratio / 10)} dpi, expected {DPI} dpi: "
            f"resize it to {1 / ratio:.0%} of its width and height"
        )
    size = (tall > TALL[0]) & (tall < TALL[1]) & (wide > WIDE[0]) & (wide < WIDE[1])
    heights = tall[size & (tall < NO_ASCENDER)]
    if len(heights) < 10:
        raise ValueError("no text on this page: is it blank, or much smaller or larger than at 300 dpi?")
    return orientation.ink_of(size, labels), float(np.median(heights))


def _bands(block, x_height):
    """Centres of the x bands of the lines, and their pitch."""
    profile = block.sum(axis=1).astype(float)
    smooth = ndimage.uniform_filter1d(profile, max(3, round(x_height)))
    smooth = ndimage.gaussian_filter1d(smooth, x_height / 8)
    centred = smooth - smooth.mean()
    lags = np.arange(int(PITCH[0] * x_height), int(PITCH[1] * x_height))
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
    half, half_band = int(HALF_LINE * pitch), int(HALF_BAND * x_height)
    rows = slice(max(0, centre - half_band), centre + half_band + 1)
    band, of_letters = block[rows], block[rows] & letters[rows]
    sure, columns = (np.nonzero(ndimage.uniform_filter1d(marks.sum(axis=0).astype(float), 5) > 0.8)[0]
                     for marks in (of_letters, band))  # fmt: skip
    if len(sure) < 1.2 * x_height or of_letters.sum() < 0.7 * band.sum():
        return None
    # Hyphens and points count beside letters only: elsewhere they are dirt.
    columns = columns[(columns > sure[0] - SPACE * x_height) & (columns < sure[-1] + SPACE * x_height)]
    margin = int(0.5 * x_height)
    row = min(centre, len(left) - 1)
    first, last = max(columns[0] - margin, left[row]), min(columns[-1] + margin, right[row])
    return int(first), max(0, centre - half), int(last), min(len(block), centre + half + 1)


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

    head = above > OFF_GRID and not bounded[0] or above > 1.1 and has_a_number_apart(lines[0])
    head = head or at_the_end(lines[0]) and lines[0][2] - lines[0][0] < 0.3 * measure
    foot = below > OFF_GRID and not bounded[1] or at_the_end(lines[-1])
    return lines[int(head and ends[0]) : len(lines) - int(foot and ends[1])]


def line_images(page, threshold=0.62):
    """The lines of a page, top to bottom (list of ndarray of bool, False is ink), and its `Layout`; see `ink`."""
    found = layout(page, threshold)
    return [straight(~found.level[top:bottom, left:right]) for left, top, right, bottom in found.lines], found
