"""Text in any script on a page of a PDF: fonts that have its letters, shaping, direction, and lines that fit."""

from contextlib import suppress
from functools import cache, cached_property
from importlib import resources
from itertools import chain, groupby
from pathlib import Path

import matplotlib
import regex
import uharfbuzz as hb
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.bidi import BidiParagraph, auto_detect_base_direction
from fpdf.enums import TextDirection
from fpdf.line_break import Fragment
from fpdf.unicode_script import UnicodeScript, get_unicode_script

from common.hackathon.event import EventError

GARAMOND = Path(str(resources.files("fontpkg_eb_garamond") / "files" / "EBGaramond[wght].ttf"))
DEJAVU = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
DEVANAGARI = Path(str(
    resources.files("fontpkg_noto_sans_devanagari") / "files" / "NotoSansDevanagari[wdth,wght].ttf"
))  # fmt: skip
POINT = 25.4 / 72  # mm
PITCH = 1.25  # distance of lines in sizes of the font
SMALLEST = 4  # pt
JOINERS = {0x200C, 0x200D}  # they shape others and have no shape of their own
ACCENTED = regex.compile(r"[\p{Latin}\p{Greek}\p{Cyrillic}]\p{M}+")
ODD = regex.compile(r"bold|black|heavy|light|thin|medium|italic|oblique|cond|mono|lastresort", regex.IGNORECASE)
TRIED = 20  # letters of a font that are drawn to see whether it is sound


class Fonts:
    """The fonts that a document may use, best first.

    Parameters
    ----------
    extra : sequence of path-like
        TrueType fonts that come before those installed on this machine.

    Raises
    ------
    EventError
        One of `extra` is no such font, or a damaged one.
    """

    def __init__(self, extra=()):
        extra = list(map(Path, extra))
        for path in extra:
            if fault := _fault(path):
                raise EventError(f"{path}: no TrueType font, or a damaged one ({fault}): give another file")
        self._own = {path: _letters(path) for path in (GARAMOND, DEJAVU, DEVANAGARI, *extra)}

    @cached_property
    def _installed(self):
        """Letters of the fonts of this machine that are upright and of regular weight, Noto first, emoji last."""
        from matplotlib.font_manager import findSystemFonts

        def turn(path):
            name = path.stem.lower()
            return "emoji" in name, "noto" not in name, path

        found = {}
        for path in sorted((path for path in map(Path, findSystemFonts()) if not ODD.search(path.stem)), key=turn):
            with suppress(Exception):  # somebody installed a file that is no font; fontTools raises many kinds for one
                found[path] = _letters(path)
        return found

    def _for(self, text):
        """Fonts to choose from: those installed only where the others lack a letter."""
        lacking = set(map(ord, text)) - JOINERS - set().union(*self._own.values())
        return {**self._own, **self._installed} if lacking else self._own

    def missing(self, text):
        """The letters of a text that no font has, each once."""
        fonts = self._for(text)
        return [cluster for cluster in dict.fromkeys(regex.findall(r"\X", text)) if not _first(fonts, cluster)]

    def of(self, text):
        """The font of each character: one for the whole text if there is, else for a word, else for a letter."""
        fonts = self._for(text)
        for parts in ([text], regex.findall(r"\S+\s*|\s+", text), regex.findall(r"\X", text)):
            chosen = [_first(fonts, part) for part in parts]
            if all(chosen):
                break
        return [font for font, part in zip(chosen, parts, strict=True) for _ in part]


def _letters(path):
    """The code points that a font can draw."""
    font = TTFont(path, fontNumber=0, lazy=True)
    return set(font.getBestCmap() or ()) if "glyf" in font or "CFF " in font else set()


@cache
def _fault(path):
    """Why letters of a font cannot be put into a PDF, in words; '' where they can.

    Some of its letters are drawn: a damaged file may look sound until then.
    """
    if path.exists() and not path.is_file():  # to read from a pipe would wait for ever
        return "it is no regular file"
    try:
        letters = [chr(code) for code in sorted(_letters(path)) if chr(code).isprintable()]
        if not letters:
            return "it has no outlines of letters"
        pdf = Document()
        pdf.add_page()
        pdf.add_font("font", fname=path)
        pdf.set_font("font")
        pdf.set_text_shaping(True)
        pdf.cell(text="".join(letters[:: -(-len(letters) // TRIED)]))
        pdf.output()
    except Exception as error:  # fontTools and FPDF raise many kinds for a damaged file
        return f"{error!r:.100}"
    return ""


def _first(fonts, text):
    """The first font that has all letters of a text, and puts their accents where they belong if any does; or None."""
    needed = set(map(ord, text)) - JOINERS
    able = [path for path, letters in fonts.items() if needed <= letters]
    best = (path for path in able if all(_sits(path, cluster) for cluster in ACCENTED.findall(text)))
    return next((path for path in chain(best, able) if not _fault(path)), None)


@cache
def _sits(path, cluster):
    """Whether the accents of a letter are drawn above or below it, not beside it."""
    font, buffer = _harfbuzz(path), hb.Buffer()
    buffer.add_str(cluster)
    buffer.guess_segment_properties()
    hb.shape(font, buffer)
    pen, ink = 0, []
    for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        if (extents := font.get_glyph_extents(info.codepoint)) is None:  # a damaged font
            return False
        left = pen + position.x_offset + extents.x_bearing
        ink.append((left, left + extents.width))
        pen += position.x_advance
    (left, right), *accents = ink
    return all(abs(first + last - left - right) < 0.8 * (right - left) for first, last in accents)


@cache
def _harfbuzz(path):
    return hb.Font(hb.Face(hb.Blob.from_file_path(path)))


class Document(FPDF):
    """A PDF that shapes each text that it is given as a whole.

    FPDF makes parts of a text where the script changes, and takes a combining mark for a script of its own, so that it
    stands beside its letter; `Page` makes the parts itself.
    """

    def _parse_chars(self, text, markdown, **_):
        yield Fragment(text, self._get_current_graphics_state(), self.k)


class Page:
    """Writes text on the page of a PDF.

    Parameters
    ----------
    pdf : Document
        With a page, in mm.
    fonts : Fonts
    """

    def __init__(self, pdf, fonts):
        self.pdf, self.fonts, self._names, self._lengths = pdf, fonts, {}, {}
        pdf.c_margin = 0

    def write(self, text, box, size, align="C"):
        """Write a text as large as it can be in a box, in several lines if need be, and in words if need be.

        Parameters
        ----------
        text : str
            Only letters that the fonts have.
        box : tuple of float
            Left, top, width and height, mm.
        size : float
            The largest, pt.
        align : {"L", "C", "R"}
        """
        left, top, width, height = box
        letters = _clusters(text, self.fonts.of(text))
        direction = auto_detect_base_direction(text)
        lines = self._lines(letters, direction, width / (size * POINT))
        while len(lines) * PITCH * size * POINT > height and size > SMALLEST:
            size -= 0.5
            lines = self._lines(letters, direction, width / (size * POINT))
        pitch = PITCH * size * POINT
        y = top + (height - len(lines) * pitch) / 2
        for line in lines:
            runs = _runs(line, direction, spaces=False)
            widths = [self._width(run) * size * POINT for run in runs]
            self.pdf.set_xy(left + (width - sum(widths)) * {"L": 0, "C": 0.5, "R": 1}[align], y)
            for run, wide in zip(runs, widths, strict=True):
                self._choose(run, size)
                self.pdf.cell(wide, pitch, run[-1], align="L")
            y += pitch

    def _lines(self, letters, direction, width):
        """Break letters into as few lines as fit a width (in sizes of the font), of about the same length."""
        lines = self._broken(letters, direction, width)
        for part in range(50, 100, 5):
            if len(lines) > 1 and len(even := self._broken(letters, direction, width * part / 100)) == len(lines):
                return even
        return lines

    def _broken(self, letters, direction, width):
        """Break letters into lines after spaces, and within a word only where it is longer than a line."""
        lines, line, length = [], [], 0
        for word in _words(letters):
            wide = self._length(word, direction)
            for part in [word] if wide <= width else [[letter] for letter in word]:
                wide, bare = (self._length(part, direction, spaces) for spaces in (True, False))
                if line and length + bare > width:
                    lines.append(line)
                    line, length = [], 0
                line, length = line + part, length + wide
        return [*lines, line]

    def _length(self, letters, direction, spaces=True):
        """Length of a part of a line in sizes of its font."""
        key = (tuple(letters), direction, spaces)
        if key not in self._lengths:
            self._lengths[key] = sum(map(self._width, _runs(letters, direction, spaces)))
        return self._lengths[key]

    def _width(self, run):
        """Width of a run in sizes of its font."""
        self._choose(run, 100)
        return self.pdf.get_string_width(run[-1]) / (100 * POINT)

    def _choose(self, run, size):
        level, path = run[:2]
        name = f"font{self._names.setdefault(path, len(self._names))}"
        if name not in self.pdf.fonts:
            self.pdf.add_font(name, fname=path)
        self.pdf.set_font(name, size=size)
        self.pdf.set_text_shaping(True, direction=TextDirection.RTL if level % 2 else TextDirection.LTR)


def _clusters(text, fonts):
    """Letters with their marks as (text, font, script); a space is of the script before it."""
    letters, script = [], UnicodeScript.COMMON
    for match in regex.finditer(r"\X", text):
        own = get_unicode_script(match[0][0])
        script = script if own in (UnicodeScript.COMMON, UnicodeScript.INHERITED, UnicodeScript.UNKNOWN) else own
        letters.append((match[0], fonts[match.start()], script))
    return letters


def _words(letters):
    """Letters up to and with each space."""
    words = [[]]
    for before, letter in zip([("",), *letters], letters, strict=False):
        if before[0].isspace() and not letter[0].isspace():
            words.append([])
        words[-1].append(letter)
    return words


def _runs(letters, direction, spaces):
    """Parts of a line as (level, font, script, text), from left to right; those of odd levels are read leftwards.

    Spaces at the end of a line do not count, unless `spaces`.
    """
    text = "".join(letter[0] for letter in letters)
    text = text if spaces else text.rstrip()
    levels = [c.embedding_level for c in BidiParagraph(text, direction, preserve_bn_chars=True)
              .get_characters_with_embedding_level()]  # fmt: skip
    parts, at = [], 0
    for cluster, font, script in letters:
        if at == len(levels):
            break
        parts.append((levels[at], font, script, cluster))
        at += len(cluster)
    runs = [(*key, "".join(part[-1] for part in group)) for key, group in groupby(parts, key=lambda part: part[:-1])]
    for level in range(max(levels, default=0), 0, -1):  # rule L2 of the Unicode bidirectional algorithm
        stretches = [(high, list(group)) for high, group in groupby(runs, key=lambda run, n=level: run[0] >= n)]
        runs = [run for high, group in stretches for run in (group[::-1] if high else group)]
    return runs
