"""Simulated scans: spreads of two printed pages as a library's camera sees them, with everything that is not text.

Pages are composed at 300 dpi, printed, bent, and scanned at 150 dpi.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from common.datasets import Dataset, check_n
from RenAIssance import press, spelling
from RenAIssance.simulate import LENGTH

DPI = 150
HEIGHT, WIDTH = 1820, 1240  # of a page at 300 dpi
X_HEIGHT = 23  # 25 once the ink has spread
LINES = 24
MEASURE = int(32.5 * X_HEIGHT)
LINE = 58  # from baseline to baseline
ORNAMENT = 6  # lines beside a drop capital


@dataclass(frozen=True)
class Effects:
    """What a scan of a page shows besides its text; each can be left out, to see what makes reading hard."""

    frame: bool = True  # rules around text and margin
    notes: bool = True  # marginal notes
    furniture: bool = True  # running title, number, signature and catchword
    through: bool = True  # the print of the back shines through
    bent: bool = True  # slope, slant and waves
    spread: bool = True  # ink that spreads and fails
    paper: bool = True  # uneven paper, the dark fold and noise
    # What other books have, and the default one has not
    bowed: bool = False  # pages curl towards the fold, so that lines and upright rules are bowed
    broken: bool = False  # half of each level rule is not printed
    capitals: bool = False  # a title in spaced capitals, and a large initial without a woodcut
    ending: bool = False  # a last line of three letters, with a vignette below it
    woodcut: bool = False  # on each page begins a chapter with a drop capital
    margins: bool = False  # notes on both sides of the text
    columns: bool = False  # two columns, with a rule between them or none
    shadow: bool = False  # a photograph, lit from one side, with the shadow of something across it


ALL = Effects()
OTHER_BOOK = Effects(bowed=True, broken=True, capitals=True, ending=True)


@dataclass(frozen=True)
class Job:
    """What all pages of a book are printed with."""

    typesetter: spelling.Typesetter
    rng: np.random.Generator
    type_: press.Face
    italic: press.Face
    effects: Effects
    pitch: int  # pixels from line to line at 300 dpi


def spreads(n, seed, type_=press.BOOK_TYPE, italic=press.BOOK_ITALIC, effects=ALL, pitch=LINE):
    """Scans of n spreads of a book.

    Parameters
    ----------
    n : int
    seed : int
    type_, italic : press.Face
        Default: a type that the shipped reader has not seen.
    effects : Effects
    pitch : int
        Pixels from line to line at 300 dpi, at most 58.

    Returns
    -------
    Dataset
        X uint8 of shape (n, 910, 1240), grey, 150 dpi; y list of str, the transcription: the left page, a form feed,
        the right page, a line of text for each printed line. meta["printed"] the same as it is set, long s and all;
        meta["lines"] float32 of shape (n, 2, 24, 4, 2): corners (column, row in pixels of X) of each line in reading
        order, from the upper left clockwise, NaN where a page has fewer; of shape (n, 2, 48, 4, 2) with two columns.
    """
    rng = np.random.default_rng(seed)
    job = Job(spelling.Typesetter(rng), rng, type_, italic, effects, pitch)
    title = _heading(job.typesetter)
    number = int(rng.integers(2, 300)) // 2 * 2
    X = np.empty((check_n(n), HEIGHT // 2, WIDTH), np.uint8)
    texts, printed = [], []
    corners = np.full((n, 2, LINES * (1 + effects.columns), 4, 2), np.nan, np.float32)
    for i in range(n):
        sheets, truths = [], []
        for side in (0, 1):
            sheet, truth = _page(job, title, number + 2 * i + side, side)
            sheets.append(sheet)
            truths.append(truth)
        texts.append("\f".join("\n".join(text for _, text, _ in truth) for truth in truths))
        printed.append("\f".join("\n".join(ink for ink, _, _ in truth) for truth in truths))
        halves = []
        for side, (sheet, truth) in enumerate(zip(sheets, truths, strict=True)):
            scan, place = _scan(sheet, sheets[1 - side], rng, side, effects)
            halves.append(scan)
            for k, (_, _, box) in enumerate(truth):
                corners[i, side, k] = place(box) / 2 + [side * WIDTH / 2, 0]
        X[i] = np.hstack(halves)
    return Dataset(X, texts, {"printed": np.array(printed), "lines": corners, "dpi": DPI})


def _heading(typesetter):
    """Two words for the running title."""
    pieces, _ = typesetter.line(18)
    return [piece.strip(" ,.;:()\u2009-").capitalize() for piece in pieces[:2]]


def _page(job, title, number, side):
    """A page of type, 255 where it prints, and of each line what is printed, its transcription and its box."""
    rng, effects = job.rng, job.effects
    sheet = np.zeros((HEIGHT, WIDTH), np.uint8)
    left, right = (330, 330 + MEASURE) if side == 0 else (120, 120 + MEASURE)
    left, right = (245, 245 + MEASURE) if effects.margins else (left, right)
    left, right = (110, WIDTH - 110) if effects.columns else (left, right)
    top, foot = 240, 240 + LINES * job.pitch
    if effects.furniture:
        _set(sheet, title, job.italic, left, top - 100, right - left, rng, justify="centre")
        _set(sheet, [str(number)], job.type_, left if side == 0 else right - 50, top - 100, 60, rng, justify=False)
    heading = rng.random() < 0.12 or effects.capitals or effects.woodcut
    truth = _chapter(job, sheet, left, right, top) if heading else []
    if effects.columns:
        truth += _columns(job, sheet, left, right, top + 5 * job.pitch * heading, foot)
    else:
        truth += _text(job, sheet, left, top, heading)
    if effects.furniture:
        signature = f"{'ABCDEF'[number % 6]} {number % 4 + 1}"
        _set(sheet, [signature], job.type_, (left + right) // 2, foot + 34, 120, rng, justify=False)
        catch = job.typesetter.line(10)[0][0]
        _set(sheet, [catch], job.type_, right - 24 * len(catch), foot + 34, 200, rng, justify=False)
    if effects.notes and not effects.columns:
        for beside in {0: (left - 190, right + 22), 1: (right + 22, left - 190)}[side][: 1 + effects.margins]:
            _notes(job, sheet, beside, top, foot)
    if effects.frame:
        _rules(job, sheet, left, right, top, foot, side)
    return sheet, truth


def _chapter(job, sheet, left, right, top):
    """The title of a chapter, of two lines, and its initial."""
    effects, pitch = job.effects, job.pitch
    truth, row = [], top
    for _ in range(2):
        pieces, text = job.typesetter.line(12 if effects.capitals else 22)
        if effects.capitals:
            pieces = ["\u2009".join(p.replace("\u2009", "").replace("ſ", "s").upper()) for p in pieces]
            text = text.upper()
        box = _set(sheet, pieces, job.italic, left, row + 4, right - left, job.rng, justify="centre", x_height=28)
        truth.append((_plain(pieces), text, box))
        row += pitch + 14
    row += pitch // 2
    if effects.columns:
        return truth
    if effects.capitals:
        _initial(job, sheet, left, row)
    else:
        _drop_capital(job, sheet, left, row - pitch // 2)
    return truth


def _text(job, sheet, left, top, heading):
    """The lines of a page's only column, and what is at its end."""
    rng, effects, pitch = job.rng, job.effects, job.pitch
    truth, row = [], top + (2 * (pitch + 14) + pitch // 2) * heading
    beside_lines, room_beside = (2, 3 * pitch) if effects.capitals else (ORNAMENT, 6 * pitch)
    count = LINES - (5 if heading else 0)
    ending = rng.random() < 0.06  # of a chapter: the page is not full
    if ending and not heading:
        count -= rng.integers(4, 9)
    elif effects.ending:
        count -= 7
    for k in range(count):
        beside = heading and k < beside_lines
        if beside:
            indent = room_beside
        elif not heading and rng.random() < 0.04:  # a paragraph begins
            indent = 2 * X_HEIGHT
        else:
            indent = 0
        room = LENGTH * (MEASURE - indent) / MEASURE
        pieces, text = job.typesetter.line(room + rng.normal(0, 1))
        last = rng.random() < 0.03 and not beside
        box = _set(sheet, pieces, job.type_, left + indent, row, MEASURE - indent, rng, justify=not last)
        truth.append((_plain(pieces), text, box))
        row += pitch
    if effects.ending:
        letters = "".join(rng.choice(list("aeionrtum"), 3)) + "."
        truth.append((letters, letters, _set(sheet, [letters], job.type_, left, row, MEASURE, rng, justify=False)))
        _vignette(sheet, left + MEASURE // 2, row + 2 * pitch, 4 * pitch, rng)
    return truth


def _columns(job, sheet, left, right, top, foot):
    """The lines of two columns, the left one first; a rule stands between them, or none."""
    rng, pitch = job.rng, job.pitch
    gutter = int(rng.integers(30, 70))
    measure = (right - left - gutter) // 2
    truth = []
    for start in (left, right - measure):
        for row in range(top, foot - pitch // 2, pitch):
            pieces, text = job.typesetter.line(LENGTH * measure / MEASURE + rng.normal(0, 1))
            last = rng.random() < 0.05
            box = _set(sheet, pieces, job.type_, start, row, measure, rng, justify=not last)
            truth.append((_plain(pieces), text, box))
    if rng.random() < 0.5:
        middle = (left + right) // 2
        sheet[top - 20 : foot, middle : middle + rng.integers(3, 6)] = 255
    return truth


def _plain(pieces):
    return " ".join(pieces).replace("\u2009", " ")


def _set(sheet, pieces, face, left, row, measure, rng, justify=True, x_height=X_HEIGHT):
    """Set a line whose x band begins near a row; returns the box (left, top, right, bottom) of its letters."""
    height, baseline = 3 * x_height, 2 * x_height
    ink, (start, end) = press.compose(pieces, face, measure, height, baseline, x_height, rng, justify=justify)
    first = row - x_height
    spot = sheet[first : first + height, left : left + ink.shape[1]]
    np.maximum(spot, ink[:, : spot.shape[1]], out=spot)
    return left + start, row - 0.8 * x_height, left + end, row + 1.6 * x_height


def _drop_capital(job, sheet, left, top):
    """A large initial among leaves, as high as some lines."""
    rng, size = job.rng, int(5.6 * job.pitch)
    leaves = (np.abs(press.smooth_noise((size, size), 9, rng)) < 0.55).astype(np.uint8) * 255
    leaves[:6] = leaves[-6:] = leaves[:, :6] = leaves[:, -6:] = 255
    ink, left_, top_, _ = press.sort(job.type_, X_HEIGHT, "ABCDELMNOPQSTV"[rng.integers(14)])
    ink = press.resized(ink, size // 2, 2 * size // 3)
    corner = (size // 6, size // 4)
    leaves[corner[0] : corner[0] + ink.shape[0], corner[1] : corner[1] + ink.shape[1]] = ink
    sheet[top : top + size, left : left + size] = leaves


def _initial(job, sheet, left, row):
    """A large capital as high as two lines, without a woodcut around it."""
    height = job.pitch + X_HEIGHT
    ink, *_ = press.sort(job.type_, 4 * X_HEIGHT, "BCDEHLNPQS"[job.rng.integers(10)])
    ink = press.resized(ink, round(ink.shape[1] * height / len(ink)), height)
    spot = sheet[row : row + height, left : left + ink.shape[1]]
    np.maximum(spot, ink, out=spot)


def _vignette(sheet, middle, top, size, rng):
    """A triangle of leaves at the end of a chapter."""
    rows, columns = np.mgrid[:size, -size:size]
    leaves = np.abs(press.smooth_noise((size, 2 * size), 9, rng)) < rng.uniform(0.3, 0.55)
    sheet[top : top + size, middle - size : middle + size] |= (leaves & (np.abs(columns) < size - rows)) * np.uint8(255)


def _notes(job, sheet, left, top, foot):
    """Up to three marginal notes of a few short lines."""
    rng = job.rng
    row = top + int(rng.integers(0, 300))
    for _ in range(rng.integers(0, 4)):
        for _ in range(rng.integers(1, 6)):
            if row > foot - LINE:
                return
            letters = "".join(rng.choice(list("aeioulnrstcdm"), rng.integers(3, 8)))
            ink, _ = press.compose([letters.capitalize() + "."], job.italic, 165, 48, 32, 16, rng, justify=False)
            spot = sheet[row : row + 48, left : left + 165]
            np.maximum(spot, ink, out=spot)
            row += 38
        row += int(rng.integers(100, 400))


def _rules(job, sheet, left, right, top, foot, side):
    """The double frame: around the text, and around text and margin; some of its rules are broken."""
    rng, effects = job.rng, job.effects
    outer = (left - 210, right + 16) if side == 0 else (left - 16, right + 210)
    if effects.columns or effects.margins:
        outer = (left - 28, right + 28) if effects.columns else (left - 210, right + 210)
    uprights = [(left - 14, top - 40, foot + 90), (right + 12, top - 40, foot + 90)]
    uprights.append((outer[0] if side == 0 else outer[1], top - 130, foot + 92))
    levels = [(top - 132, *outer), (top - 36, left - 14, right + 12), (foot + 2, left - 14, right + 12)]
    levels.append((foot + 92, *outer))
    for column, first, last in uprights:
        sheet[first:last, column : column + rng.integers(3, 6)] = 255
        _broken(sheet[first:last, column : column + 6], rng)
    for row, first, last in levels:
        sheet[row : row + rng.integers(3, 6), first:last] = 255
        _broken(sheet[row : row + 6, first:last].T, rng)
        if effects.broken:
            for at in range(first, last, 160):
                sheet[row : row + 6, at + rng.integers(40, 80) : at + rng.integers(100, 160)] = 0


def _broken(rule, rng):
    for _ in range(rng.poisson(0.7)):
        gap = int(rng.integers(10, 70))
        at = int(rng.integers(0, max(1, len(rule) - gap)))
        rule[at : at + gap] = 0


def _scan(sheet, behind, rng, side, effects):
    """A printed and scanned page, uint8 of shape (910, 620), and where points of the type case are on it (at 300 dpi).
    """
    columns = np.arange(WIDTH) - WIDTH / 2
    slope, tilt, height = rng.normal(0, [0.010, 0.008, 1.2]) * effects.bent
    wave = height * np.sin(2 * np.pi * (columns / 1100 + rng.random()))
    down = np.rint(slope * columns + wave).astype(np.int64)
    along = np.arange(HEIGHT) - HEIGHT / 2
    sideways = tilt * along
    if effects.bowed:
        from_fold = columns + WIDTH / 2 if side else WIDTH / 2 - columns
        down += np.rint(rng.normal(0, 14) * np.exp(-from_fold / (0.35 * WIDTH))).astype(np.int64)
        sideways += rng.choice([-1, 1]) * rng.uniform(8, 22) * (2 * along / HEIGHT) ** 2
    across = np.rint(sideways).astype(np.int64)

    def bent(image):
        return press.shift_columns(press.shift_columns(image, down).T, across).T

    def place(box):
        left, top, right, bottom = box
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)
        points[:, 1] += down[np.clip(points[:, 0].astype(int), 0, WIDTH - 1)]
        points[:, 0] += across[np.clip(points[:, 1].astype(int), 0, HEIGHT - 1)]
        return points

    inked = bent(sheet)
    if effects.spread:
        soft = press.blur(inked, X_HEIGHT * rng.uniform(0.06, 0.1)).astype(np.float32)
        soft += 10 * _tiled(20, rng) + 8 * _tiled(3, rng)
        inked = (soft > rng.normal(96, 7)) * np.uint8(255)
    inked = press.blur(inked, 1.2).astype(np.float32) / 255
    through = press.blur(bent(behind)[:, ::-1], 4).astype(np.float32) / 255
    edge = np.arange(WIDTH) / WIDTH if side == 0 else 1 - np.arange(WIDTH) / WIDTH
    paper = 240 + (1.5 * _tiled(60, rng) - 45 * np.exp((edge - 1) / 0.03) - 14 * (1 - edge)) * effects.paper
    grey = paper * (1 - rng.uniform(0.05, 0.13) * through * effects.through)
    grey = grey + (rng.uniform(50, 80) - grey) * inked
    grey[: rng.integers(15, 40)] = 30  # the table under the book
    if effects.shadow:
        grey *= _light(rng)
    small = np.asarray(Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).reduce(2)).astype(np.float32)
    small += rng.standard_normal(small.shape, dtype=np.float32) * (2.5 * effects.paper)
    return np.clip(small, 0, 255).astype(np.uint8), place


def _light(rng):
    """How bright a photographed page is: lit from one side, and with a shadow whose edge is soft, (HEIGHT, WIDTH)."""
    rows, columns = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j].astype(np.float32)

    def across():  # how far a point is along a random direction
        angle = rng.uniform(0, 2 * np.pi)
        return np.cos(angle) * columns + np.sin(angle) * rows

    lit = 1 - rng.uniform(0.1, 0.25) * (1 + across())
    depth, at, soft = rng.uniform(0.25, 0.55), rng.uniform(-0.5, 0.5), rng.uniform(0.01, 0.1)
    return lit * (1 - depth / (1 + np.exp(-(across() - at) / soft)))


def _tiled(scale, rng):
    """Smooth noise of the size of a page: coarse noise enlarged, fine noise in strips."""
    if scale > 10:
        small = np.ascontiguousarray(press.smooth_noise((HEIGHT // 4, WIDTH // 4), scale / 4, rng))
        return np.asarray(Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR))
    return np.vstack([press.smooth_noise((HEIGHT // 4, WIDTH), scale, rng) for _ in range(4)])
