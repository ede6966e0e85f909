"""From the scan of a book to the images of its lines: spread, page, ink, rules, text block, lines.

All measures are at 300 dpi, twice the resolution of the scan: letters have an x-height of about 23 pixels there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from RenAIssance import orientation
from RenAIssance.press import shift_columns

DPI = 300
MAX_PAGES = 400
MIN_PIXELS, MAX_PIXELS = 130_000, 40_000_000  # of a page
RULE = 70  # pixels: an upright stroke as long as that is no letter
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
    rows, columns = np.nonzero(marks[:, ::4])
    columns = columns * 4 - width / 2

    def sharpness(slope):
        level = np.rint(rows - slope * columns).astype(np.int64) + n
        profile = np.bincount(level, minlength=3 * n).astype(float)
        return ((profile[5:] - profile[:-5]) ** 2).sum()

    slope = SLOPES[int(np.argmax([sharpness(s) for s in SLOPES]))]
    shifts = np.rint(-slope * (np.arange(width) - width / 2))
    return slope, shift_columns(marks, shifts.astype(np.int64))


def _runs(marks, length):
    """Upright strokes of at least that length, gaps and slants of a few pixels forgiven."""
    thick = _dilated(_dilated(marks, 5), 3, axis=1)
    return _dilated(~_dilated(~thick, length), length)


def _dilated(marks, length, axis=0):
    """Marks made longer, along an axis: a pixel is set where one of the `length` pixels around it is.

    By shifts that double: ten times as fast as a maximum filter.
    """
    marks = marks if axis == 0 else marks.T
    before = length // 2  # as scipy.ndimage centres a filter of even length
    out = np.zeros((marks.shape[0] + length - 1, marks.shape[1]), bool)
    out[:len(marks)] = marks
    reach = 1
    while reach < length:
        shift = min(reach, length - reach)
        out[shift:] |= out[:-shift].copy()
        reach += shift
    out = out[length - 1 - before :][: len(marks)]
    return out if axis == 0 else out.T


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


@dataclass
class Layout:
    """Where the text of a page is, on its level ink.

    Attributes
    ----------
    slope : float
        Of the lines on the scan, rows per column.
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
    level: np.ndarray
    left: np.ndarray
    right: np.ndarray
    top: int
    bottom: int
    x_height: float
    pitch: float
    lines: list
    rules: np.ndarray


def layout(page):
    """Find the text block of a page and its lines.

    The block lies between the two upright rules that enclose most letters and between the level rules at its ends:
    running title, marginal notes, signature and catchword are outside of it. Where there are no rules it is where most
    letters are.

    Parameters
    ----------
    page : ndarray of uint8, shape (height, width)
        Grey, 300 dpi.

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
    marks = ink(page)
    slope, level = straighten(marks)
    ornaments = _ornaments(level)
    level = level & ~ornaments
    upright, lying = _runs(level, RULE), _runs(level.T, LEVEL_RULE).T
    of_letters, x_height = _letters(level)
    if orientation.is_on_its_side(of_letters, x_height):
        raise ValueError("the lines of this page run from top to bottom: rotate it by 90 degrees")
    height, width = level.shape
    rows = np.arange(height) - height / 2

    letters = ndimage.uniform_filter1d(of_letters.sum(axis=0).astype(float), 15)
    at, tilt = _positions(upright, 0.3)
    left, right = _enclosing(at, letters, width)
    # Upright strokes elsewhere are letters of two lines that touch.
    near = np.zeros(width, bool)
    for x in at:
        near[max(0, int(x) - 9) : int(x) + 10] = True
    columns = np.clip(np.arange(width) - np.rint(tilt * rows).astype(int)[:, None], 0, width - 1)
    rules = (upright & near[columns]) | lying
    left = np.clip(np.rint(left + tilt * rows), 0, width - 1).astype(int)
    right = np.clip(np.rint(right + tilt * rows), 1, width).astype(int)
    inside = (np.arange(width) > left[:, None]) & (np.arange(width) < right[:, None])
    text = level & ~ndimage.binary_dilation(rules, iterations=2)
    block = text & inside
    top, bottom = _between(lying & inside, block)
    block[:top] = block[bottom:] = False
    bands, pitch = _bands(block, x_height)
    lines = [_extent(block, band, x_height, pitch, left, right) for band in bands]
    lines = [line for line in lines if line is not None]
    if not lines:
        raise ValueError("no lines of text on this page: is it blank?")
    if orientation.is_upside_down(block, lines, x_height):
        raise ValueError("this page is upside down: rotate it by 180 degrees")
    return Layout(slope, block, left, right, top, bottom, x_height, pitch, lines, rules)


def _letters(level):
    """The ink of what has the size of letters, and the median height of those without ascender and descender."""
    labels, tall, wide = orientation.pieces(level)
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
    return np.concatenate([[False], size])[labels], float(np.median(heights))


def _ornaments(level):
    """Drop capitals and other woodcuts: inked far more densely than text."""
    small = np.asarray(Image.fromarray(level.view(np.uint8) * 255).reduce(4)).astype(np.float32) / 255
    dense = ndimage.uniform_filter(small, 13) > 0.36
    dense = ndimage.binary_opening(dense, iterations=4)
    labels, _ = ndimage.label(dense)
    mask = np.zeros_like(dense)
    for where in ndimage.find_objects(labels):
        tall, wide = (s.stop - s.start for s in where)
        # What is larger than a drop capital is the dark edge of the scan.
        if 30 < tall < 0.35 * dense.shape[0] and 30 < wide < 0.35 * dense.shape[1]:
            grown = tuple(slice(max(0, s.start - 5), s.stop + 5) for s in where)
            mask[grown] = True
    mask = np.repeat(np.repeat(mask, 4, axis=0), 4, axis=1)
    out = np.zeros_like(level)
    out[: mask.shape[0], : mask.shape[1]] = mask[: level.shape[0], : level.shape[1]]
    return out


def _enclosing(at, letters, width):
    """The two of the upright rules (or page margins) that enclose most letters in the least width."""
    total = np.concatenate([[0.0], letters.cumsum()])
    occupied = np.nonzero(letters > 0.3 * np.percentile(letters, 90))[0]
    edges = [(x, True) for x in at] + [(max(0, occupied[0] - 12.0), False), (min(width, occupied[-1] + 12.0), False)]
    best, found = -np.inf, (0.0, float(width))
    for a, ruled_a in edges:
        for b, ruled_b in edges:
            if not 0.35 * width < b - a < 0.9 * width:
                continue
            share = (total[int(b)] - total[int(a)]) / total[-1]
            score = share - 0.55 * (b - a) / width + 0.04 * (ruled_a + ruled_b)
            if score > best:
                best, found = score, (a + (4 if ruled_a else 0), b - (4 if ruled_b else 0))
    return found


def _between(lying, block):
    """First and last row of the text: below the level rules near its upper end, above those near its lower end."""
    height = len(block)
    inked = np.nonzero(block.any(axis=1))[0]
    if not len(inked):
        raise ValueError("no text on this page: is it blank?")
    columns = max(1, int(block.any(axis=0).sum()))
    # Between lines of text, that is: the feet of letters may touch and look like a rule.
    clear = ndimage.uniform_filter1d(block.sum(axis=1) / columns, 9) < 0.12
    lying = (lying & clear[:, None]).view(np.uint8)
    rows = np.nonzero(ndimage.maximum_filter1d(lying, 17, axis=0).sum(axis=1) > 0.12 * columns)[0]
    first, last = inked[0], inked[-1]
    upper, lower = rows[rows < first + 0.14 * height], rows[rows > last - 0.14 * height]
    return int(upper.max(initial=first)), int(lower.min(initial=last + 1))


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
    peaks = np.nonzero((smooth == window) & (smooth > 0.07 * strong))[0]
    return [int(p) for i, p in enumerate(peaks) if i == 0 or p - peaks[i - 1] > 0.5 * pitch], pitch


def _extent(block, centre, x_height, pitch, left, right):
    """The box of a line, or None where there is but a speck."""
    half = int(0.62 * pitch)
    band = block[max(0, centre - int(0.6 * x_height)) : centre + int(0.6 * x_height) + 1]
    columns = np.nonzero(ndimage.uniform_filter1d(band.sum(axis=0).astype(float), 5) > 0.8)[0]
    if len(columns) < 1.2 * x_height:
        return None
    margin = int(0.5 * x_height)
    row = min(centre, len(left) - 1)
    first, last = max(columns[0] - margin, left[row]), min(columns[-1] + margin, right[row])
    return int(first), max(0, centre - half), int(last), min(len(block), centre + half + 1)


def line_images(page):
    """The lines of a page, top to bottom (list of ndarray of bool, False is ink), and its `Layout`."""
    found = layout(page)
    return [~found.level[top:bottom, left:right] for left, top, right, bottom in found.lines], found
