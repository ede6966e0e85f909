"""The printing press: type, ink and paper. Text in, an image of the inked line out.

Measures are in units of the x-height, the height of a lower-case x, so that they hold at any resolution.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

X_HEIGHT = 25  # pixels: that of the transcribers' line images before the ink spreads


@dataclass(frozen=True)
class Face:
    """A cut of type.

    Attributes
    ----------
    package : str
        Python package that ships the font file, or the absolute path of a folder that has it.
    file : str
    weight : int or None
        Weight of a variable font.
    ligatures : str
        OpenType features, separated by spaces.
    """

    package: str
    file: str
    weight: int | None = None
    ligatures: str = "liga dlig"

    def path(self):
        """Where the font file is.

        Raises
        ------
        ImportError
            The package is not installed.
        """
        if self.package == "matplotlib":
            import matplotlib

            return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / self.file
        if Path(self.package).is_absolute():
            return Path(self.package) / self.file
        try:
            module = __import__(self.package)
        except ImportError as error:
            name = self.package.replace("_", "-")
            raise ImportError(f"the type is not here: pip install {name}") from error
        return Path(module.__file__).parent / "files" / self.file


ROMAN, ITALIC = "EBGaramond[wght].ttf", "EBGaramond-Italic[wght].ttf"
TRAINING_TYPE = (
    Face("fontpkg_eb_garamond", ROMAN, 400),
    Face("fontpkg_eb_garamond", ROMAN, 440),
    Face("fontpkg_eb_garamond", ROMAN, 500),
    Face("fontpkg_cardo", "Cardo-Regular.ttf", ligatures="liga hlig dlig"),
    Face("fontpkg_cardo", "Cardo-Regular.ttf", ligatures="liga hlig"),
)
TRAINING_ITALIC = (
    Face("fontpkg_eb_garamond", ITALIC, 440),
    Face("fontpkg_cardo", "Cardo-Italic.ttf", ligatures="liga hlig dlig"),
)
BOOK_TYPE = Face("matplotlib", "STIXGeneral.ttf")
BOOK_ITALIC = Face("matplotlib", "STIXGeneralItalic.ttf")
OTHER_PRESS = Face("matplotlib", "DejaVuSerif.ttf")


@cache
def font(face, x_height):
    """The font of a face at the size that has that x-height, in pixels (a multiple of 1/4).

    Raises
    ------
    RuntimeError
        Pillow was built without Raqm, which sets ligatures and combining tildes.
    """
    from PIL import features

    if not features.check("raqm"):
        raise RuntimeError("this Pillow sets no ligatures (it lacks Raqm): pip install --upgrade pillow")
    trial = _load(face, 100)
    _, top, _, bottom = trial.getbbox("x", anchor="ls")
    return _load(face, 100 * x_height / (bottom - top))


def _load(face, size):
    loaded = ImageFont.truetype(str(face.path()), size, layout_engine=ImageFont.Layout.RAQM)
    if face.weight is not None:
        loaded.set_variation_by_axes([face.weight])
    return loaded


SORTS = re.compile("ſſ[il]?|ſ[tilhb]|ct|ff[il]?|f[il]|.\u0303|.")
"""What is cast on one body: a letter, or a ligature where the face has it."""


@cache
def sort(face, x_height, letters):
    """A piece of type: its ink, where that begins, and how far the next piece is.

    As in metal, there is no kerning: a letter stands alike beside any other. That is also why it need be drawn once.

    Returns
    -------
    ink : ndarray of uint8, shape (rows, columns)
    left, top : int
        Upper left corner of the ink, from the point on the baseline where the sort begins.
    advance : float
    """
    type_ = font(face, x_height)
    features = face.ligatures.split()
    left, top, right, bottom = type_.getbbox(letters, anchor="ls", features=features)
    left, top, right, bottom = int(left) - 1, int(top) - 1, int(right) + 1, int(bottom) + 1
    image = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
    ImageDraw.Draw(image).text((-left, -top), letters, 255, font=type_, anchor="ls", features=features)
    return np.asarray(image), left, top, type_.getlength(letters, features=features)


def compose(pieces, face, width, height, baseline, x_height, rng, spacing=0.0, justify=True):
    """A line of words set between two margins.

    Parameters
    ----------
    pieces : list of str
    face : Face
    width, height, baseline : int
        Pixels of the image; the text begins at its left side and ends, where `justify`, at its right side.
    x_height : float
    rng : numpy.random.Generator
        Source of the small differences between spaces.
    spacing : float
        Extra space between letters, in x-heights (as in titles).
    justify : bool or "centre"

    Returns
    -------
    ink : ndarray of uint8, shape (height, width)
        255 where the type prints. A text too long for the margins is narrowed.
    extent : (float, float)
        Where the text begins and ends.
    """
    words = []  # of each: its sorts, where they begin in it, its width
    for piece in pieces:
        sorts = [sort(face, x_height, letters) for letters in SORTS.findall(piece)]
        ends = np.cumsum([advance + spacing * x_height for *_, advance in sorts])
        words.append((sorts, np.concatenate([[0.0], ends[:-1]]), ends[-1]))
    widths = np.array([word[2] for word in words])
    gaps = len(words) - 1
    gap = max((width - widths.sum()) / max(gaps, 1), 0.35 * x_height) if justify is True else 0.62 * x_height
    weights = rng.uniform(0.75, 1.25, gaps)
    # Of the space after a comma there may be little left.
    marked = np.array([piece[-1] in ",;:." for piece in pieces[:-1]], bool)
    weights[marked] *= np.where(rng.random(marked.sum()) < 0.3, rng.uniform(0.15, 0.7, marked.sum()), 1)
    weights *= gaps / max(weights.sum(), 1e-9)
    natural = widths.sum() + gap * gaps
    canvas = max(width, int(np.ceil(natural)) + 2)
    start = (canvas - natural) / 2 if justify == "centre" else 0.0
    starts = start + np.concatenate([[0.0], np.cumsum(widths[:-1] + gap * weights)])
    edge = int(x_height)  # room for what sticks out of its body
    image = np.zeros((height + 4 * edge, canvas + 2 * edge), np.uint8)
    for (sorts, offsets, _), at in zip(words, starts, strict=True):
        # No two sorts stand at quite the same height and distance.
        loose = np.rint(rng.normal(0, 0.02 * x_height, (len(sorts), 2))).astype(int)
        for (ink, left, top, _), offset, (down, along) in zip(sorts, offsets, loose, strict=True):
            row, column = 2 * edge + baseline + top + down, edge + left + round(at + offset) + along
            spot = image[row : row + ink.shape[0], column : column + ink.shape[1]]
            np.maximum(spot, ink[: spot.shape[0], : spot.shape[1]], out=spot)
    image = image[2 * edge : 2 * edge + height, edge : edge + canvas]
    extent = np.array([starts[0], starts[-1] + widths[-1]]) * width / canvas
    return (image if canvas == width else resized(image, width, height)), tuple(extent)


def resized(image, width, height):
    """A uint8 image at another size, bilinear."""
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


@cache
def _noise(scale):
    """A large field of smooth noise, to cut pieces from: to draw one for each line would cost more than to print it."""
    rng = np.random.default_rng(round(1000 * scale))
    rows, columns = FIELD
    values = rng.standard_normal((int(rows / scale) + 2, int(columns / scale) + 2), dtype=np.float32)
    field = np.asarray(Image.fromarray(values).resize((columns, rows), Image.Resampling.BICUBIC))
    return field / field.std()


FIELD = (600, 4096)


def smooth_noise(shape, scale, rng):
    """Gaussian noise of unit variance that is correlated over about `scale` pixels, float32.

    A piece, up to 600 x 4096 pixels large, of a fixed field: at a random place, and mirrored at random.
    """
    field = _noise(float(scale))
    row, column = rng.integers(0, FIELD[0] - shape[0] + 1), rng.integers(0, FIELD[1] - shape[1] + 1)
    steps = rng.integers(0, 2, 2) * 2 - 1
    return field[row : row + shape[0], column : column + shape[1]][:: steps[0], :: steps[1]]


def blur(image, radius):
    """A uint8 image averaged over squares that reach `radius` pixels (a fraction, too) to each side."""
    return np.asarray(Image.fromarray(image).filter(ImageFilter.BoxBlur(float(radius))))


def dilated(image):
    """An image whose bright parts reach a pixel further, to all sides."""
    image = np.maximum(image, np.pad(image, ((1, 0), (0, 0)))[:-1])
    image = np.maximum(image, np.pad(image, ((0, 1), (0, 0)))[1:])
    image = np.maximum(image, np.pad(image, ((0, 0), (1, 0)))[:, :-1])
    return np.maximum(image, np.pad(image, ((0, 0), (0, 1)))[:, 1:])


def shift_columns(image, shifts):
    """An image whose columns are moved down by whole numbers of pixels; what enters is 0.

    Parameters
    ----------
    image : ndarray, shape (height, width)
    shifts : ndarray of int, shape (width,)
    """
    most = int(np.abs(shifts).max(initial=0))
    height, width = image.shape
    columns = np.zeros((width, height + 2 * most), image.dtype)
    columns[:, most : most + height] = image.T
    moved = np.empty_like(image)
    # Neighbouring columns share their shift: move them together.
    cuts = np.flatnonzero(np.diff(shifts)) + 1
    for first, last in zip([0, *cuts], [*cuts, width], strict=True):
        start = most - int(shifts[first])
        moved[:, first:last] = columns[first:last, start : start + height].T
    return moved
