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

MARKER = re.compile(r"PDF\s*p\.?\s*(\d+)", re.IGNORECASE)
BLANK = "intentionally left blank"
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

    Parameters
    ----------
    path : path-like
        With a paragraph "PDF p1" and so on before each scanned spread, which holds one page or two.

    Returns
    -------
    list of (int, list of str)
        Number of the spread, and its paragraphs; spreads without transcription have none.

    Raises
    ------
    ValueError
        No DOCX file, damaged, far too large, or without markers of pages.
    """
    import docx

    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path} has more than {MAX_BYTES:,} bytes: not a transcription")
        with zipfile.ZipFile(path) as archive:
            if sum(info.file_size for info in archive.infolist()) > MAX_BYTES:
                raise ValueError(f"{path} unpacks to more than {MAX_BYTES:,} bytes: not a transcription")
        paragraphs = [paragraph.text for paragraph in docx.Document(str(path)).paragraphs]
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:
        raise
    except Exception as error:  # python-docx and its XML parser raise many kinds for a damaged file
        raise ValueError(f"{path} is not a DOCX file or is damaged ({error}); download it again") from error
    found = []
    for text in paragraphs:
        marker = MARKER.fullmatch(text.strip())
        if marker:
            found.append((int(marker[1]), []))
        elif found and text.strip() and BLANK not in text:
            found[-1][1].append(text)
    if not found:
        raise ValueError(f'{path} has no page markers: expected paragraphs "PDF p1", "PDF p2" and so on')
    return found


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
    """
    texts, by_number = [], dict(transcribed)
    for number, lines in enumerate(counts, start=1):
        paragraphs = by_number.get(number, [])
        cuts = [0, len(paragraphs)]
        if len(lines) == len(paragraphs):
            cuts = list(range(len(lines) + 1))
        elif len(lines) == 2 and paragraphs:
            length = np.cumsum([0] + [1 + p.strip().count("\n") for p in paragraphs])
            off = np.abs(length - lines[0]) + np.abs(length[-1] - length - lines[1])
            cuts.insert(1, int(off.argmin()))
        elif len(lines) == 2:
            cuts = [0, 0, 0]
        parts = ["\n".join(paragraphs[i:j]) for i, j in zip(cuts, cuts[1:], strict=False)]
        texts += ["\n".join(x.strip() for x in part.split("\n") if x.strip()) or None for part in parts]
    return texts


def _distance(a, b):
    import jiwer

    a, b = diplomatic(a), diplomatic(b)
    return jiwer.cer(a, b) * len(a) if a else len(b)


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
    breaks = {i for i, c in enumerate(text) if c == "\n"}
    flat = text.replace("\n", " ")
    joined = " ".join(readings)
    edges = np.cumsum([0] + [len(reading) + 1 for reading in readings])[1:-1]
    matched = _matched(joined, flat)
    cuts = [0]
    for edge in edges:
        near = matched[min(edge, len(joined))]
        spaces = [i for i, c in enumerate(flat) if c == " " and abs(i - near) <= 12]
        printed = [i for i in spaces if i in breaks and abs(i - near) <= 6]
        choice = min(printed or spaces, key=lambda i: abs(i + 1 - near), default=near)
        cuts.append(max(cuts[-1], choice + (choice in spaces)))
    cuts.append(len(flat))
    pieces = [flat[a:b].strip() for a, b in zip(cuts, cuts[1:], strict=False)]
    return [
        Aligned(piece, _distance(piece, reading) / max(len(piece), 1))
        for piece, reading in zip(pieces, readings, strict=True)
    ]


def _matched(a, b):
    """For each place in a, the place in b that it is matched with: list of len(a) + 1 int."""
    n, m = len(a), len(b)
    codes = np.frombuffer(b.encode("utf-32-le"), np.uint32)
    cost = np.empty((n + 1, m + 1), np.int32)
    cost[0] = np.arange(m + 1)
    ramp = np.arange(m + 1, dtype=np.int32)
    for i in range(1, n + 1):
        row = np.empty(m + 1, np.int32)
        row[0] = i
        row[1:] = np.minimum(cost[i - 1, 1:] + 1, cost[i - 1, :-1] + (codes != ord(a[i - 1])))
        cost[i] = np.minimum.accumulate(row - ramp) + ramp  # characters of b left out
    places, j = [0] * (n + 1), m
    for i in range(n, 0, -1):
        places[i] = j
        while j > 0 and cost[i, j] == cost[i, j - 1] + 1:
            j -= 1
        # a[i - 1] was matched with b[j - 1], or left out
        if j > 0 and cost[i, j] == cost[i - 1, j - 1] + (b[j - 1] != a[i - 1]):
            j -= 1
    return places
