"""Lines of many presses, so that a reader is at home in more than one book.

`simulate.lines` is the book of the challenge, these are the others: roman and italic in one line, Latin, citations and
numbers (see `latin`), letters and words close together or far apart, type cut thin or worn down, dirt. The shipped
reader has learned from both.
"""

import re
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np

from common.datasets import Dataset, check_n
from RenAIssance import latin, press, simulate
from RenAIssance import lines as geometry

THIN_SPACE, EM_SPACE = "\u2009", "\u2003"
SPACES = {THIN_SPACE: (0.1, 0.45), EM_SPACE: (0.8, 3.0)}  # within pieces: their widths, from and to, in x-heights
FEATURES = "liga dlig hlig onum"
PAIRS = tuple(
    (press.Face(package, roman, weight, FEATURES), press.Face(package, italic, italic_weight, FEATURES))
    for package, roman, weight, italic, italic_weight in (
        ("fontpkg_eb_garamond", press.ROMAN, 440, press.ITALIC, 440),
        ("fontpkg_eb_garamond", press.ROMAN, 560, press.ITALIC, 520),
        ("fontpkg_cardo", "Cardo-Regular.ttf", None, "Cardo-Italic.ttf", None),
    )
)
"""Roman and italic faces that are cast for each other."""


def pairs_in(folder):
    """Pairs of a roman and an italic face in a folder of font files.

    Parameters
    ----------
    folder : path-like
        With files like `NAME.ttf` or `NAME-Regular.ttf`, and `NAME-Italic.ttf`.

    Returns
    -------
    tuple of (press.Face, press.Face)

    Raises
    ------
    ValueError
        The folder has no such pair, or a damaged font.
    """
    folder = Path(folder).resolve()
    pairs = {}
    for path in sorted(folder.glob("*.[to]tf")):
        family = re.sub("Regular|Italic|[-_]", "", path.stem)
        pairs.setdefault(family, {})["Italic" in path.stem] = press.Face(str(folder), path.name, None, FEATURES)
    found = tuple((pair[False], pair[True]) for pair in pairs.values() if len(pair) == 2)
    if not found:
        raise ValueError(f"{folder} holds no pair of faces: expected files like NAME-Regular.ttf and NAME-Italic.ttf")
    for face in (face for pair in found for face in pair):
        try:
            press.font(face, press.X_HEIGHT)
        except (OSError, ValueError, ZeroDivisionError) as error:
            raise ValueError(f"{face.path()}: no font, or a damaged one ({error}): give another file") from error
    return found


def lines(n, seed, pairs=PAIRS):
    """Images of lines as the network wants them, and their transcription, as those of `simulate.lines`.

    Parameters
    ----------
    n : int
    seed : int or sequence of int
    pairs : sequence of (press.Face, press.Face)
        Roman and italic.

    Returns
    -------
    Dataset
        X uint8 of shape (n, 36, width of the widest line), ink; y list of str; meta["width"] of shape (n,).
    """
    rng = np.random.default_rng(seed)
    typesetter = latin.Typesetter(rng)
    cut, texts, before = [], [], None
    for _ in range(check_n(n)):
        pieces, text = _typeset(typesetter, rng)
        image, before = _print(pieces, pairs[rng.integers(len(pairs))], before, rng)
        cut.append(geometry.normalise(geometry.straight(image)))
        texts.append(text)
    width = np.array([line.shape[1] for line in cut], np.int16)
    return Dataset(geometry.pad(cut, int(width.max())), texts, {"width": width})


def _typeset(typesetter, rng):
    """The pieces of a line, and its transcription."""
    chance = rng.random()
    if chance < 0.1:  # a title
        pieces, text = typesetter.line(rng.integers(5, 24))
        return [(_capitals(piece), italic) for piece, italic in pieces], text.upper()
    pieces, text = typesetter.line(rng.integers(8, 30) if chance < 0.22 else rng.integers(34, 56))
    if chance > 0.96:  # a numbered paragraph begins
        number = latin.numeral(rng)
        return [(number + EM_SPACE + pieces[0][0], pieces[0][1]), *pieces[1:]], f"{number} {text}"
    words = text.split(" ")
    if 0.22 < chance < 0.27 and len(words) == len(pieces):  # a word in capitals, as names are set
        i = int(rng.integers(len(words)))
        pieces[i], words[i] = (_capitals(pieces[i][0]), pieces[i][1]), words[i].upper()
    return pieces, " ".join(words)


def _capitals(piece):
    return piece.replace("ſ", "s").upper().replace("U", "V")


@cache
def _cast(face):
    """The characters that a face has."""
    from fontTools.ttLib import TTFont

    return frozenset(map(chr, TTFont(face.path(), lazy=True).getBestCmap()))


@cache
def castable(piece, face):
    """A printed word in the letters that a face has: a round s for the long one, another accent for a tilde."""
    has = _cast(face)
    out = []
    for letter in unicodedata.normalize("NFC", piece) if "\u0303" not in has else piece:
        if letter in has or letter in SPACES:
            out.append(letter)
        elif letter == "ſ":
            out.append("s")
        elif (base := unicodedata.normalize("NFD", letter)[0]) != letter:
            other = unicodedata.normalize("NFC", base + "\u0302")
            out.append(other if other in has else base)
        elif letter == "æ":
            out.append("ae")
    return "".join(out)


def set_line(pieces, pair, rng):
    """Ink of a line at the size of `press.X_HEIGHT`, and the row of its baseline.

    Parameters
    ----------
    pieces : list of (str, bool)
    pair : (Face, Face)

    Returns
    -------
    ink : ndarray of uint8
    baseline : int
    """
    x = press.X_HEIGHT
    letters = np.clip(rng.normal(0.04, 0.06), -0.04, 0.25)  # space between them, in x-heights, all line long
    if sum(len(piece) for piece, _ in pieces) < 26 and rng.random() < 0.4:  # a title
        letters = rng.uniform(0.2, 0.9)
    words = max(np.exp(rng.normal(np.log(0.36), 0.4)), 0.1) + max(letters, 0)
    loose = rng.uniform(0.005, 0.05) * x
    at, placed = 0.0, []
    for i, (piece, italic) in enumerate(pieces):
        face = pair[int(italic)]
        piece = castable(piece, face)
        here = letters + rng.normal(0, 0.015)
        if i:
            gap = words * rng.uniform(0.7, 1.3)
            if pieces[i - 1][0][-1] in ",;:." and rng.random() < 0.5:
                gap *= rng.uniform(0, 0.7)
            at += gap * x
        for sort in press.SORTS.findall(piece):
            if sort in SPACES:
                at += rng.uniform(*SPACES[sort]) * x
                continue
            ink, left, top, advance = press.sort(face, x, sort)
            down, along = np.rint(rng.normal(0, loose, 2)).astype(int)
            placed.append((ink, round(at) + left + along, top + down))
            at += advance + here * x
    left = min(column for _, column, _ in placed)
    width = max(column + ink.shape[1] for ink, column, _ in placed) - left
    baseline = max(-min(row for *_, row in placed), 2 * x)
    height = baseline + max(max(row + len(ink) for ink, _, row in placed), x)
    image = np.zeros((height, width), np.uint8)
    for ink, column, row in placed:
        spot = image[baseline + row :, column - left :][: ink.shape[0], : ink.shape[1]]
        np.maximum(spot, ink, out=spot)
    return image, baseline


def _print(pieces, pair, before, rng):
    """A printed line, and the bare ink of its type for its neighbour."""
    scale = rng.normal(1, 0.03)
    x = press.X_HEIGHT * scale
    ink, baseline = set_line(pieces, pair, rng)
    stretch = rng.normal(1.03, 0.08)
    ink = press.resized(ink, max(8, round(ink.shape[1] * scale * stretch)), round(ink.shape[0] * scale))
    height = int(rng.uniform(2.3, 3.4) * x)
    top = round(height / 2 + x / 2 + rng.normal(0, 0.08) * x) - round(baseline * scale)
    left, right = rng.integers(4, int(1.6 * x), 2)
    canvas = np.zeros((height, ink.shape[1] + left + right), np.uint8)
    first, last = max(top, 0), min(top + len(ink), height)
    canvas[first:last, left : left + ink.shape[1]] = ink[first - top : last - top]
    bare = canvas.copy()
    if before is not None:
        simulate.add_neighbours(canvas, before, x, rng, pitch=rng.uniform(2.1, 2.8))
    if rng.random() < 0.4:
        canvas = simulate.add_furniture(canvas, x, rng)
    canvas = simulate.warp(canvas, x, rng, waves=rng.choice([0.045, 0.09]))
    return _ink(canvas, x, rng), bare


def _ink(canvas, x, rng):
    """Ink that spreads or fails, as in `simulate`, on type that is thin, heavy or worn, and on dirtier paper."""
    height, width = canvas.shape
    if rng.random() < 0.5:  # wider strokes with rounder corners
        canvas = press.dilated(canvas)
    soft = press.blur(canvas, x * rng.uniform(0.05, 0.13)).astype(np.float32)
    soft += rng.uniform(4, 18) * press.smooth_noise((height, width), 20, rng)
    soft += rng.uniform(5, 24) * press.smooth_noise((height, width), 3, rng)
    if rng.random() < 0.25:  # badly inked patches
        soft *= 1 - rng.uniform(0.3, 0.6) * np.clip(press.smooth_noise((height, width), 18, rng) - 1.0, 0, 1)
    specks = rng.poisson(width * height * rng.choice([0, 5e-5, 3e-4, 8e-4]))
    near = soft > 4 if rng.random() < 0.5 else None  # specks of ink lie near the letters, dirt anywhere
    for row, column in zip(rng.integers(0, height, specks), rng.integers(0, width, specks), strict=True):
        if near is None or near[max(row - 6, 0) : row + 7, max(column - 6, 0) : column + 7].any():
            size = rng.integers(1, 5)
            soft[row : row + size, column : column + size] += rng.choice([-200, 200])
    return soft < rng.normal(92, 14)
