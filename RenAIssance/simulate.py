"""The lines of a book: plausible Spanish of 1637, set in old type, inked, printed and scanned.

`lines` makes what a network learns from: images of single lines and their transcription.
"""

from dataclasses import dataclass

import numpy as np

from common.datasets import Dataset, check_n
from RenAIssance import lines as geometry
from RenAIssance import press, spelling

VERSION = 4
LENGTH = 36  # room of a line, in characters: 34 on average are used
PITCH = 2.34  # of lines, in x-heights


@dataclass(frozen=True)
class Effects:
    """What happens to a line between the type case and the scan; each can be left out, to see what it teaches."""

    neighbours: bool = True  # ink of the lines above and below
    furniture: bool = True  # rules, marginal notes and ornaments
    warp: bool = True  # slope and waves
    ink: bool = True  # spread, erosion and broken type
    speckle: bool = True  # specks of dirt
    spacing: bool = True  # loose spaces around punctuation, and letterspaced lines
    italics: bool = True  # italic lines
    stretch: bool = True  # several widths of the type


ALL = Effects()


def lines(n, seed, faces=press.TRAINING_TYPE, italics=press.TRAINING_ITALIC, effects=ALL):
    """Images of lines as the network wants them, and their transcription.

    Parameters
    ----------
    n : int
    seed : int

    Returns
    -------
    Dataset
        X uint8 of shape (n, 36, 640), ink; y list of str; meta["width"] of shape (n,), how much of each is used, and
        meta["printed"], the text as it is set, long s and all.
    """
    images, texts, inked = raw_lines(n, seed, faces, italics, effects)
    cut = [geometry.normalise(image) for image in images]
    width = np.array([min(line.shape[1], geometry.WIDTH) for line in cut], np.int16)
    return Dataset(geometry.pad(cut), texts, {"width": width, "printed": np.array(inked)})


def raw_lines(n, seed, faces=press.TRAINING_TYPE, italics=press.TRAINING_ITALIC, effects=ALL):
    """Black and white images of lines, of the kind and size of the transcribers'.

    Parameters
    ----------
    n : int
    seed : int
    faces, italics : tuple of press.Face
    effects : Effects

    Returns
    -------
    images : list of ndarray of bool, shape (height, width)
        False is ink. Parts of the neighbouring lines are on them.
    texts, printed : list of str
    """
    rng = np.random.default_rng(seed)
    typesetter = spelling.Typesetter(rng)
    images, texts, inked = [], [], []
    before = None
    for _ in range(check_n(n)):
        type_, pieces, text, kind = _typeset(typesetter, rng, faces, italics, effects)
        image, ink = _print(pieces, type_, kind, before, rng, effects)
        before = ink
        images.append(image)
        texts.append(text)
        inked.append(" ".join(pieces).replace("\u2009", " "))
    return images, texts, inked


def _typeset(typesetter, rng, faces, italics, effects):
    """A face, the pieces of a line, its transcription, and how it is set."""
    chance = rng.random(2)
    italic = effects.italics and chance[0] < 0.06
    choice = italics if italic else faces
    type_ = choice[rng.integers(len(choice))]
    if chance[1] < 0.06:  # a title
        pieces, text = typesetter.line(rng.integers(10, 18))
        if chance[1] < 0.04:
            pieces, text = [p.replace("ſ", "s").upper().replace("U", "V") for p in pieces], text.upper()
        return type_, pieces, text, "title"
    if chance[1] < 0.18:  # beside a drop capital, or the end of a paragraph
        pieces, text = typesetter.line(rng.integers(6, 26))
        if effects.spacing and chance[1] < 0.075 and text[0].isalpha():  # a chapter begins with a word in capitals
            word, *rest = text.split(" ")
            pieces[0] = "\u2009".join(word.upper().replace("U", "V"))
            text = " ".join([word.upper(), *rest])
        return type_, pieces, text, "short"
    pieces, text = typesetter.line(LENGTH + rng.normal(0, 1.0))
    return type_, pieces, text, "full"


def _print(pieces, type_, kind, before, rng, effects):
    """A printed line, and the bare ink of its type for its neighbour."""
    x = press.X_HEIGHT * rng.normal(1, 0.025)
    height = int(rng.uniform(2.3, 3.4) * x) if effects.neighbours else int(2.9 * x)
    baseline = round(height / 2 + x / 2 + rng.normal(0, 0.08) * x)
    measure = int(rng.normal(32.5, 0.8) * x)
    indent, spacing, justify = 0, 0.0, True
    if kind == "short":
        natural = sum(map(len, pieces)) * 0.95 * x
        indent = int(max(0, rng.uniform(0, 1) * (measure - natural - 3 * x)))
        justify = False
    elif kind == "title":
        spacing = rng.uniform(0.1, 0.9) if effects.spacing and rng.random() < 0.5 else 0.0
        justify = "centre"
    if not effects.spacing:
        pieces = [piece.replace("\u2009", "") for piece in pieces]
    stretch = rng.normal(1.05, 0.06) if effects.stretch else 1.0
    # Set at one size: each piece of type is drawn once. Its image is then brought to the size of this line.
    size = press.X_HEIGHT
    set_, _ = press.compose(
        pieces, type_, int((measure - indent) * size / x / stretch), int(height * size / x), int(baseline * size / x),
        size, rng, spacing, justify,
    )
    ink = press.resized(set_, measure - indent, height)
    left, right = rng.integers(4, int(1.6 * x), 2)
    canvas = np.zeros((height, indent + ink.shape[1] + left + right), np.uint8)
    canvas[:, left + indent : left + indent + ink.shape[1]] = ink
    bare = canvas.copy()
    if effects.neighbours and before is not None:
        add_neighbours(canvas, before, x, rng)
    if effects.furniture:
        if indent > 3 * x and rng.random() < 0.5:
            _add_woodcut(canvas[:, left : left + indent - int(rng.uniform(0.6, 1.5) * x)], rng)
        canvas = add_furniture(canvas, x, rng)
    if effects.warp:
        canvas = warp(canvas, x, rng)
    if not effects.ink:
        return canvas < 128, bare
    return _ink(canvas, x, rng, effects.speckle), bare


def add_neighbours(canvas, other, x, rng, pitch=PITCH):
    """Ink of the lines above and below: the same other line, moved by the pitch."""
    width = min(canvas.shape[1], other.shape[1])
    for sign in (-1, 1):
        shift = sign * round(rng.normal(pitch, 0.06) * x)
        offset = (canvas.shape[0] - other.shape[0]) // 2 + shift
        first, last = max(0, offset), min(canvas.shape[0], offset + other.shape[0])
        if first < last:
            target = canvas[first:last, :width]
            np.maximum(target, other[first - offset : last - offset, :width], out=target)


def add_furniture(canvas, x, rng):
    """Rules beside, above or below the text, the ends of marginal notes, pieces of ornaments."""
    height, width = canvas.shape
    chance = rng.random(6)
    if chance[0] < 0.35:  # an upright rule at one side, further out or touching, whole or in pieces
        at = rng.integers(1, 6) if chance[1] < 0.5 else width - rng.integers(3, 9)
        rule = press.smooth_noise((height, 1), 20, rng) > (-9 if chance[2] < 0.3 else rng.normal(0, 0.7))
        canvas[:, at : at + rng.integers(2, 6)] |= 255 * rule.astype(np.uint8)
    if chance[3] < 0.06:  # a rule under or above the line
        row = rng.choice([rng.integers(1, 5), height - rng.integers(3, 7)])
        a, b = sorted(rng.integers(0, width, 2))
        canvas[row : row + rng.integers(2, 4), a:b] = 255
    if chance[4] < 0.10:  # the end of a marginal note
        note = press.font(press.TRAINING_ITALIC[0], round(0.75 * press.X_HEIGHT))
        text = "".join(rng.choice(list("aceilmnorſtuv.,1234")) for _ in range(rng.integers(1, 4)))
        strip = np.asarray(_drawn(text, note, height, height // 2 + rng.integers(-15, 25)))
        gap = np.zeros((height, rng.integers(int(0.4 * x), int(1.4 * x))), np.uint8)
        canvas = np.hstack([strip, gap, canvas] if chance[1] < 0.5 else [canvas, gap, strip])
    if chance[5] < 0.04:  # leaves of a drop capital
        leaves = np.zeros((height, rng.integers(int(x), int(5 * x))), np.uint8)
        _add_woodcut(leaves, rng)
        canvas = np.hstack([leaves, np.zeros((height, int(0.5 * x)), np.uint8), canvas])
    return canvas


def _add_woodcut(canvas, rng):
    """Leaves with veins and shadows, over all the height or a part of it."""
    height, width = canvas.shape
    leaves = np.abs(press.smooth_noise((height, width), rng.choice([9, 13, 20]), rng)) < rng.uniform(0.3, 0.8)
    veins = np.abs(press.smooth_noise((height, width), 6, rng)) > 0.15
    leaves = (leaves & veins).astype(np.uint8) * 255
    if rng.random() < 0.4:
        cut = rng.integers(0, height - 10)
        leaves[slice(0, cut) if rng.random() < 0.5 else slice(cut, None)] = 0
    np.maximum(canvas, leaves, out=canvas)


def _drawn(text, font, height, baseline):
    from PIL import Image, ImageDraw

    image = Image.new("L", (max(2, int(font.getlength(text))), height))
    ImageDraw.Draw(image).text((0, baseline), text, 255, font=font, anchor="ls")
    return image


def warp(canvas, x, rng, waves=0.045):
    """A slope of up to 2 degrees and a slow wave of the baseline."""
    width = canvas.shape[1]
    t = np.arange(width) - width / 2
    slope = np.clip(rng.normal(0, 0.012), -0.035, 0.035)
    wave = rng.normal(0, waves) * x * np.sin(2 * np.pi * (t / (rng.uniform(14, 50) * x) + rng.random()))
    return press.shift_columns(canvas, np.rint(slope * t + wave).astype(np.int64))


def _ink(canvas, x, rng, speckle=True):
    """Ink that spreads or fails, specks, and the threshold of whoever made the image black and white."""
    soft = press.blur(canvas, x * rng.uniform(0.07, 0.12)).astype(np.float32)
    height, width = soft.shape
    # Of letters, of strokes, and of single pixels
    soft += rng.uniform(4, 16) * press.smooth_noise((height, width), 20, rng)
    soft += rng.uniform(5, 16) * press.smooth_noise((height, width), 3, rng)
    if rng.random() < 0.1:  # badly inked patches
        soft *= 1 - 0.45 * np.clip(press.smooth_noise((height, width), 18, rng) - 1.2, 0, 1)
    if speckle:
        specks = rng.poisson(width * height * rng.choice([0, 3e-5, 1.5e-4]))
        for row, column in zip(rng.integers(0, height, specks), rng.integers(0, width, specks), strict=True):
            size = rng.integers(1, 6)
            soft[row : row + size, column : column + size] += rng.choice([-200, 200])
    return soft < rng.normal(90, 9)
