"""Text files as people have them: byte order marks, line ends of every system, what spreadsheets add to a table.

`read` and `decode` give a text, `read_table` the numbers of a table. What is no such text, or no such table, is
refused in one line that says what it is instead.
"""

import argparse
import gzip
import io
import string
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np

BOM = b"\xef\xbb\xbf"
HTML = "a web page instead of the file (a login page, or Google Drive over its quota)"
OTHER_FORMATS = {
    b"\xff\xfe": "UTF-16 text, as spreadsheets and PowerShell write it: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text: save it as UTF-8",
    b"PK\x03\x04": "a zip archive or a spreadsheet (.xlsx): unpack it, or save the table as text",
    b"\x1f\x8b": "compressed (gzip): unpack it",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a .npy file",
    b"\x89HDF": "an HDF5 file",
}
SEPARATORS = {",": "commas", None: "blanks or tabs"}
OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", ",": "commas", None: "blanks or tabs"}
FEW = 8  # columns: a sample may well be 1, 2, 3
HEAD = 1 << 18  # bytes: more than the first line of any table here


def read(path):
    """The text of a file; see `decode`."""
    path = Path(path)
    return decode(path.read_bytes(), path.name)


def decode(blob, name):
    r"""The text in these bytes: UTF-8, without its byte order mark, every line end as "\n".

    Raises
    ------
    ValueError
        Not UTF-8 text.
    """
    if fault := _no_text(blob):
        raise ValueError(f"{name} is {fault}")
    try:
        text = blob.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def pasted(blob):
    """A short text of ASCII that somebody copied from a screen, in whichever encoding it was saved; see `decode`."""
    utf_16 = blob.startswith((b"\xff\xfe", b"\xfe\xff"))
    return blob.decode("utf-16" if utf_16 else "utf-8-sig", "replace").replace("\0", "")  # UTF-16 without a mark


def argument(text):
    """A text of the command line, for argparse; ArgumentTypeError where it is not UTF-8, and so has surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError("not UTF-8 text: type it in a terminal that is set to UTF-8") from error
    return text


def is_html(start):
    """Whether the first bytes of a file are those of a web page."""
    return start.lstrip(BOM + b" \t\r\n").lower().startswith((b"<!doctype html", b"<html"))


def _no_text(start):
    """What bytes are that are no text, in words; None where they may be text."""
    if is_html(start[:512]):
        return HTML
    for magic, what in OTHER_FORMATS.items():
        if start.startswith(magic):
            return what
    if b"\0" in start:
        return f"no text: it has a NUL byte at {start.index(0):,}; it may be damaged, or UTF-16"
    return None


def read_table(file, columns, *, separator=",", name=None, skip=0, n=None):
    """The numbers of a text file with one sample a row and nothing else.

    A byte order mark and blank lines are skipped, lines may end as on any system, and the file may be compressed
    with gzip. A header, also one of numbers, and an index column are refused: they are what makes a table silently
    wrong.

    Parameters
    ----------
    file : path-like or binary file
    columns : int
        Numbers in a row.
    separator : {",", None}
        None stands for blanks and tabs.
    name : str, optional
        What messages call the file; default: its own name.
    skip, n : int
        Lines to leave out at the start; rows to read (default: all).

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        All are finite.

    Raises
    ------
    ValueError
        Not text, not such a table, fewer than n rows, or damaged gzip data.
    """
    name = name or Path(file).name
    wanted = f"{name}: expected rows of {columns} numbers and no header, separated by {SEPARATORS[separator]}: "
    try:
        with _opened(file) as stream:
            start = stream.read(HEAD)
            if fault := _no_text(start) or _no_row(start, columns, separator):
                raise ValueError(wanted + fault)
            stream.seek(len(BOM) if start.startswith(BOM) else 0)
            table = _parse(stream, separator, skip, n)
            if table is None:
                stream.seek(0)
                raise ValueError(wanted + _first_fault(stream, columns, separator))
            if n is None and not isinstance(stream, gzip.GzipFile) and _is_cut(stream, separator):
                raise ValueError(f"{name}: ends within its last number; is this the complete file?")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{name}: damaged gzip file ({error}); download it again") from error
    if n is not None and len(table) < n:
        raise ValueError(f"{name}: ends after {len(table):,} of {n:,} rows; is this the complete file?")
    if len(table) and table.shape[1] != columns:  # the first line that was not skipped
        raise ValueError(f"{wanted}row {skip + 1} has {table.shape[1]}")
    bad = ~np.isfinite(table).all(axis=1)
    if bad.any():
        row = skip + bad.argmax() + 1
        raise ValueError(f"{wanted}row {row} has a number that is not finite, or too few numbers; download it again")
    if columns >= FEW and (counts := _counts(table)).any():
        raise ValueError(f"{wanted}row {skip + counts.argmax() + 1} numbers the columns: it is a header, remove it")
    return table


@contextmanager
def _opened(file):
    """The decompressed bytes of a file, which is told by its content: browsers unpack what they download."""
    raw = file if hasattr(file, "read") else Path(file).open("rb")
    try:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        yield gzip.GzipFile(fileobj=raw) if packed else raw
    finally:
        if raw is not file:
            raw.close()


def _parse(stream, separator, skip, n):
    """The table, or None where a row of it is none."""
    import pandas as pd

    try:
        return pd.read_csv(
            stream, header=None, dtype=np.float32, sep=separator or r"\s+", skiprows=skip, nrows=n
        ).to_numpy()
    except pd.errors.EmptyDataError:  # all of it was skipped
        return np.empty((0, 0), np.float32)
    except (ValueError, pd.errors.ParserError):
        return None


def _is_cut(stream, separator):
    """Whether no line end follows the last number, and it is shorter than those before it, which have one length."""
    stream.seek(max(0, stream.seek(0, io.SEEK_END) - HEAD))
    line = stream.read().split(b"\n")[-1].decode(errors="replace")
    *others, last = [len(cell.lstrip("+-")) for cell in _cells(line, separator)] or [0]
    return len(others) >= FEW and min(others) == max(others) > last


def _counts(table):
    """Which rows hold 0, 1, 2, ... or 1, 2, 3, ...: what programs name columns that have no names."""
    counts = np.isin(table[:, 0], (0, 1))
    rows = np.flatnonzero(counts)
    counts[rows] = (np.diff(table[rows]) == 1).all(axis=1)
    return counts


def _no_row(start, columns, separator):
    """Why the first line of a table is not one of its rows, in words; None where it is."""
    lines = [line for line in start.decode("utf-8-sig", errors="replace").splitlines() if line.strip()][:4]
    if not lines:
        return "no rows, 0 numbers in the first row; is this the complete file?"
    rows = [_cells(line, separator) for line in lines]
    cells, shown = rows[0], lines[0]
    if len(shown) > 30:
        shown = shown[:30] + "..."
    texts = [cell for cell in cells if not _is_number(cell)]
    if texts and len(cells) != columns:
        for other, word in OTHER_SEPARATORS.items():
            if other != separator and 1 < columns <= len(_cells(lines[0], other)) <= columns + 1:
                return f"line 1 has {word} between its numbers ({shown!r})"
    commas = [cell for cell in texts if _is_number(cell.replace(",", ".", 1))]
    if commas:
        return f"line 1 has a decimal comma ({commas[0]!r}): write numbers with a decimal point"
    if 2 * len(texts) > len(cells) or _is_header(rows):
        return f"line 1 is a header ({shown!r}): remove it, and any index column (pandas: header=False, index=False)"
    if texts:
        return f"could not convert {texts[0][:30]!r} in line 1 to a number"
    if len(cells) == columns + 1 and _counts_up([row[0] for row in rows]):
        return "the first column numbers the rows: remove this index column (pandas: index=False)"
    if len(cells) != columns:
        return f"{len(cells)} numbers in the first row ({len(cells)} columns, expected {columns})"
    return None


def _is_header(rows):
    """Whether the first row counts the columns, with an index column or without, where the next is no such row."""
    first = rows[0][1:] if rows[0][0] == "" else rows[0]
    if len(first) < 2 or not _counts_up(first):
        return False
    return len(first) >= FEW or (len(rows) > 1 and not all(cell.isdecimal() for cell in rows[1]))


def _counts_up(cells):
    """Whether cells are 0, 1, 2, ... or 1, 2, 3, ..."""
    return any(cells == [str(i + low) for i in range(len(cells))] for low in (0, 1))


def _first_fault(stream, columns, separator):
    """The first line that is no row, in words."""
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        cells = _cells(line, separator)
        texts = [cell for cell in cells if not _is_number(cell)]
        if texts:
            return f"could not convert {texts[0][:30]!r} in line {number} to a number"
        if len(cells) != columns:
            return f"line {number} has {len(cells)} numbers"
        if odd := [sign for sign in line if sign not in string.printable]:  # Python reads blanks and digits of any kind
            return f"line {number} has {odd[0]!r} among its numbers: write plain digits and blanks"
        if line.count('"') % 2:
            return f"line {number} has a quotation mark that is not closed: remove it"
    return "a line cannot be read"


def _cells(line, separator):
    return [cell.strip().strip('"') for cell in line.strip("\r\n").split(separator)]


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell
