"""The transcription: pages of text from the DOCX file, and which of their words stand in which printed line.

The transcribers kept the line breaks of the print, but not everywhere: some are missing, some words are glued together.
A network that reads a little already can tell where each line of the page begins in the text.
"""

import re
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from RenAIssance.metrics import ZERO_WIDTH, diplomatic
from RenAIssance.spelling import ALPHABET

LIKE_MARKER = re.compile(  # as no line of a book is
    r"[\W_]*(PDF(\b|[\W_]*p?[\W_]*\d)|(p|pg|page|p[aá]g|p[aá]gina)[\W_]*\d+[\W_]*$)", re.IGNORECASE
)
MARKER = re.compile(
    r"[\W_]*PDF[\W_]*(?:p|pp|pg|page|p[aá]g(?:ina)?)?[\W_]*(\d+)[\W_]*(?:(left|right|l|r|izquierda|derecha)(?:\W*page)?)?[\W_]*",
    re.IGNORECASE,
)
SIDES = {"l": 0, "i": 0, "r": 1, "d": 1}  # by the first letter: left, izquierda, right, derecha
BLANK = "intentionally left blank"
LONGEST_MARKER = 100  # characters: both patterns take long for long lines
MAX_BYTES = 20_000_000  # of a DOCX file, and of what it unpacks to
DOUBTFUL = 0.25  # of the characters of a line: aligned lines that differ more are kept out


def simplified(text):
    """A transcription in the characters that the reader writes: other accents and signs become their plain letters."""
    text = unicodedata.normalize("NFC", text).translate(ZERO_WIDTH).replace("ſ", "s").replace("&lt;", ";")
    text = text.translate(str.maketrans("<çÇ«»“”‘’–—ãẽĩõũàèìòù", ";zZ\"\"\"\"''--aeiouaeiou")).replace('"', "")
    plain = (c if c in ALPHABET else unicodedata.normalize("NFD", c)[0] for c in text if c not in "\u0303")
    return "".join(c for c in plain if c in ALPHABET or c == "\n")


def read_docx(path):
    """Pages of text, in reading order.

    Tables and content controls are read, and tracked changes as if accepted; a break of the page or column breaks the
    line. What stands before the first marker are notes; headers, footers, comments, and what is hidden are left out.

    Parameters
    ----------
    path : path-like
        With a line "PDF p1" and so on before each scanned spread, which holds one page or two; or with "PDF p1 left"
        and "PDF p1 right" before its pages.

    Returns
    -------
    list of (int, list of str)
        Number of the spread, and its paragraphs; spreads without transcription have none. Where the markers name
        sides, there are two: the left page and the right page.

    Raises
    ------
    ValueError
        No DOCX file, damaged, far too large, without markers of pages, with a line that begins like a marker and is
        none, with two markers of one page, or with text whose place is not known (text boxes, footnotes).
    """
    path = Path(path)
    try:
        paragraphs = _paragraphs_of(path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    notes, found = [], {}
    text = notes  # where a line belongs
    for paragraph in paragraphs:
        text.append("")
        for line in paragraph.split("\n"):
            if LIKE_MARKER.match(line[:LONGEST_MARKER]):
                text = found[_marked(path, line, found)] = [""]
            elif BLANK not in line:
                text[-1] += f"{line}\n"
    if not found:
        raise ValueError(f'{path} has no page markers: expected paragraphs "PDF p1", "PDF p2" and so on')
    notes = " ".join("".join(notes).split())
    if notes and next(iter(found))[0] > 1 and not notes.upper().startswith("NOTE"):
        raise ValueError(
            f"{path}: {notes[:40]!r} stands before the first marker; mark its page, or begin it with NOTES:"
        )
    return _by_spread(found)


def _marked(path, line, found):
    """(number of the spread, side or None) of a line that begins like a marker."""
    marker = MARKER.fullmatch(line) if len(line) <= LONGEST_MARKER else None
    if not marker:
        raise ValueError(
            f'{path}: {line.strip()[:40]!r} begins like a marker of a page; expected "PDF p2", "PDF p2 left" or '
            '"PDF p2 right" in a line of its own, one for each spread'
        )
    number, side = int(marker[1]), marker[2] and SIDES[marker[2][0].lower()]
    if (number, side) in found or (number, None) in found or (side is None and {(number, 0), (number, 1)} & set(found)):
        raise ValueError(f"{path}: {line.strip()[:40]!r} is there twice; number each spread once, or each of its sides")
    return number, side


def _by_spread(found):
    """Paragraphs by spread, from paragraphs by spread and side."""
    spreads = {}
    for (number, side), paragraphs in found.items():
        paragraphs = [paragraph.removesuffix("\n") for paragraph in paragraphs if paragraph.strip()]
        if side is None:
            spreads[number] = paragraphs
        else:
            spreads.setdefault(number, ["", ""])[side] = "\n".join(paragraphs)
    return list(spreads.items())


# --------------------------------------------------------------------------------------------------
# The text of a DOCX file, which is XML

LEFT_OUT = {  # deleted text, properties, codes of fields, and glosses above a word
    "del", "moveFrom", "delText", "instrText", "delInstrText", "pPr", "rPr", "sdtPr", "tblPr", "trPr", "tcPr", "sectPr",
    "rt",
}  # fmt: skip
NOWHERE = {
    "txbxContent": "a text box", "altChunk": "an embedded document", "subDoc": "an embedded document",
    "sym": "a symbol by its number in a font",
}  # fmt: skip
NEXT_PAGE = "\f"  # a break of the page or the column; with text before and after it a break of the line
SIGNS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "\u00ad"}


def _paragraphs_of(path):
    """All paragraphs of a DOCX file in the order of the text, with line feeds where lines are broken."""
    import docx
    from docx.oxml import parse_xml

    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"{path} has more than {MAX_BYTES:,} bytes: not a transcription")
    with path.open("rb") as file:
        if file.read(4) == b"\xd0\xcf\x11\xe0":
            raise ValueError(f"{path} is an old .doc file, or has a password; save it as .docx without a password")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
            relationships = archive.read("_rels/.rels") if size <= MAX_BYTES else b""
        if size <= MAX_BYTES:
            if b"purl.oclc.org/ooxml" in relationships:
                raise ValueError('saved as "Strict Open XML Document": choose "Word Document" instead')
            document = docx.Document(str(path))
            body = list(document.element.body)
            notes = [
                parse_xml(part.target_part.blob) for part in document.part.rels.values()
                if part.reltype.endswith(("/footnotes", "/endnotes")) and not part.is_external
            ]  # fmt: skip
    except OSError:
        raise
    except Exception as error:  # python-docx and its XML parser raise many kinds for a damaged file
        raise ValueError(
            f"{path} is not a DOCX file or is damaged ({error}); save it as .docx anew, or download it again"
        ) from error
    if size > MAX_BYTES:
        raise ValueError(f"{path} unpacks to more than {MAX_BYTES:,} bytes: not a transcription")
    if any(element.text and element.text.strip() for note in notes for element in note.iter() if _kind(element) == "t"):
        raise ValueError(f"{path} has footnotes or endnotes; move their text to where it is printed, or delete them")
    return list(_joined(_paragraphs(body, path)))


def _kind(element):
    """The name of an element without its namespace; "" of a comment."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _parts(element):
    """The elements in an element; of several versions of a drawing the first."""
    return list(element)[:1] if _kind(element) == "AlternateContent" else element


def _paragraphs(elements, path):
    """(text, whether its end is deleted) of each paragraph in elements."""
    for child in elements:
        kind = _kind(child)
        if kind == "p":
            text = _text(child, path).strip(NEXT_PAGE).replace(NEXT_PAGE, "\n")
            yield text, child.find("{*}pPr/{*}rPr/{*}del") is not None
        elif kind in NOWHERE:
            raise _nowhere(kind, path)
        elif not _is_left_out(child):
            yield from _paragraphs(_parts(child), path)


def _text(element, path):
    """The text in a paragraph, or in a part of it."""
    kind = _kind(element)
    if _is_left_out(element) or (kind == "txbxContent" and not "".join(element.itertext()).strip()):
        return ""
    if kind in NOWHERE:
        raise _nowhere(kind, path)
    if kind == "t":
        from lxml import etree  # comes with python-docx

        if any(child.tag is etree.Entity for child in element):
            raise ValueError(f"{path} has an XML entity in its text; save it as .docx anew")
        return (element.text or "") + "".join(child.tail or "" for child in element)  # around comments of XML
    if kind == "br":
        types = [value for name, value in element.items() if name.endswith("}type")]
        return NEXT_PAGE if types in (["page"], ["column"]) else "\n"
    return SIGNS.get(kind, "") + "".join(_text(part, path) for part in _parts(element))


def _is_left_out(element):
    """Whether nothing of an element is printed.

    An empty content control shows what to type, a run may be hidden, and a row of a table deleted.
    """
    kind = _kind(element)
    if kind == "r":
        hidden = element.find("{*}rPr/{*}vanish")
        return hidden is not None and not {"0", "false", "off"} & set(hidden.values())
    found = {"sdt": "{*}sdtPr/{*}showingPlcHdr", "tr": "{*}trPr/{*}del"}.get(kind)
    return kind in LEFT_OUT or (found is not None and element.find(found) is not None)


def _nowhere(kind, path):
    return ValueError(f"{path} has {NOWHERE[kind]}; move its text into a paragraph where it is printed, or delete it")


def _joined(paragraphs):
    """Texts of paragraphs; one whose end is deleted goes on in the next."""
    start = ""
    for text, deleted in paragraphs:
        if not deleted:
            yield start + text
        start = start + text if deleted else ""
    if start:
        yield start


def assign(transcribed, counts):
    """The text of each book page.

    A spread's paragraphs are those of its left page and then those of its right page; a page may have several. They
    are divided where the numbers of lines come nearest to those that were found on the scan.

    Parameters
    ----------
    transcribed : list of (int, list of str)
        From `read_docx`.
    counts : list of list of int
        For each spread of the scan, the lines found on each of its pages (not looked at where it has as many
        paragraphs as pages).

    Returns
    -------
    list of (str or None)
        Text of each page, lines ended by line feeds; None where it is not transcribed.

    Raises
    ------
    ValueError
        The text of a spread that the scan does not have.
    """
    texts, by_number = [], dict(transcribed)
    for number, paragraphs in transcribed:
        if paragraphs and not 1 <= number <= len(counts):
            raise ValueError(f"the transcription has text for PDF p{number}, but the scan has p1 to p{len(counts)}")
    for number, lines in enumerate(counts, start=1):
        paragraphs = by_number.get(number, [])
        cuts = [0, len(paragraphs)]
        if len(lines) == len(paragraphs):
            cuts = list(range(len(lines) + 1))
        elif len(lines) == 2 and paragraphs:
            length = np.cumsum([0] + [1 + p.strip().count("\n") for p in paragraphs])
            off = np.abs(length - lines[0]) + np.abs(length[-1] - length - lines[1])
            cuts.insert(1, len(paragraphs) - int(off[::-1].argmin()))  # of equally good ones: left before right
        elif len(lines) == 2:
            cuts = [0, 0, 0]
        parts = ["\n".join(paragraphs[i:j]) for i, j in zip(cuts, cuts[1:], strict=False)]
        texts += ["\n".join(x.strip() for x in part.split("\n") if x.strip()) or None for part in parts]
    return texts


def share_of_errors(text, reading):
    """Edits between the diplomatic forms of a text and a reading, over the length of the text."""
    return edit_costs(diplomatic(text), diplomatic(reading))[-1, -1] / max(len(text), 1)


@dataclass
class Aligned:
    """The text of one printed line.

    Attributes
    ----------
    text : str
    error : float
        Differences between text and reading, in characters, over the length of the text.
    """

    text: str
    error: float

    @property
    def doubtful(self):
        return not self.text or self.error > DOUBTFUL


def edit_costs(a, b):
    """Fewest edits that turn the first i characters of a into the first j of b: ndarray (len(a) + 1, len(b) + 1).

    An edit adds, removes or changes a character. Row by row: within a row, characters of b that are added are a
    running minimum.

    References
    ----------
    V. I. Levenshtein, Soviet Physics Doklady 10 (1966) 707.
    """
    codes = np.frombuffer(b.encode("utf-32-le"), np.uint32)
    ramp = np.arange(len(b) + 1, dtype=np.int32)
    cost = np.empty((len(a) + 1, len(b) + 1), np.int32)
    cost[0] = ramp
    for i, letter in enumerate(a, start=1):
        changed = cost[i - 1, :-1] + (codes != ord(letter))
        row = np.append(i, np.minimum(cost[i - 1, 1:] + 1, changed))
        cost[i] = np.minimum.accumulate(row - ramp) + ramp
    return cost


def matched(cost, a, b):
    """For each place in a, the place in b on the cheapest path: a list."""
    places, j = [0] * len(a) + [len(b)], len(b)
    for i in range(len(a), 0, -1):  # from the last corner to the first
        places[i] = j
        while j > 0 and cost[i, j] == cost[i, j - 1] + 1:
            j -= 1  # b[j] has no partner in a
        change = j > 0 and b[j - 1] != a[i - 1]
        if j > 0 and cost[i, j] == cost[i - 1, j - 1] + change:
            j -= 1  # a[i - 1] is matched with b[j]
    return places


def align(text, readings):
    """Which part of a page's text stands in each of its printed lines.

    The readings of all lines, one after the other, are matched with the text by dynamic programming (Levenshtein).
    Where a line of the print begins is where its first character is matched; printed line breaks of the text are
    followed where there is one nearby, and words are not divided except at a break of the text.

    Parameters
    ----------
    text : str
    readings : list of str
        Top to bottom, one a line.

    Returns
    -------
    list of Aligned
    """
    flat, joined = text.replace("\n", " "), " ".join(readings)
    places = matched(edit_costs(joined, flat), joined, flat)
    starts = np.cumsum([0] + [len(reading) + 1 for reading in readings])
    cuts = [0]
    for start in starts[1:-1]:  # of the readings, in `joined`
        near = places[min(start, len(joined))]
        # No word is divided if a space is within 12 characters, and a line
        # break that the transcriber has kept counts if it is within 6.
        spaces = [i for i, c in enumerate(flat)
                  if c == " " and abs(i - near) <= 12]
        printed = [i for i in spaces
                   if text[i] == "\n" and abs(i - near) <= 6]
        at = min(printed or spaces, key=lambda i: abs(i + 1 - near),
                 default=near)
        if at in spaces:
            at += 1  # the space itself is in neither line
        cuts.append(max(cuts[-1], at))
    cuts.append(len(flat))
    pieces = [flat[a:b].strip() for a, b in zip(cuts, cuts[1:], strict=False)]
    return [Aligned(piece, share_of_errors(piece, reading))
            for piece, reading in zip(pieces, readings, strict=True)]
