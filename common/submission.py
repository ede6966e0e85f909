"""The files that are handed in: how they are written, and read without trust in whoever wrote them."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.files import atomic_write

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)", re.ASCII | re.IGNORECASE)
# The header of a .npy file as np.save and its like write it; see numpy.lib.format
NPY_HEADER = re.compile(
    r"\s*\{\s*'descr'\s*:\s*(?:'([<>|=]?[A-Za-z?]\d{0,4})'|(\[.{1,500}\]))\s*,"
    r"\s*'fortran_order'\s*:\s*(True|False)\s*,\s*'shape'\s*:\s*\(([\d, ]{0,60})\)\s*,?\s*\}\s*", re.ASCII
)  # fmt: skip
NPY_HEADER_BYTES = 1000


class SubmissionError(ValueError):
    """A submitted file that cannot be scored; the message says why, in one line."""


class OneFile:
    """A submission of one file with a fixed name."""

    name: str

    @property
    def wanted(self):
        """The files that are asked for, in words."""
        return self.name

    def accepts(self, name):
        """Whether a file of this name belongs to the submission."""
        return name == self.name


@dataclass(frozen=True)
class Table(OneFile):
    """A submission of numbers: a text file with one row a sample, in the order of the test set.

    Attributes
    ----------
    name : str
        File name that the hackathon asks for.
    columns : tuple of str
        What each column holds. A first line with these names is allowed, not needed.
    low, high : float
        Range of every number.
    delimiter : str
        As it is written; blanks between the numbers of a line are read too.
    """

    name: str
    columns: tuple[str, ...]
    low: float = -np.inf
    high: float = np.inf
    delimiter: str = ","

    def write(self, path, values):
        """Write values of shape (n,) or (n, columns) into a folder under the fixed name, or to a file.

        The columns of a data frame are taken by their names. A path that ends like the fixed name is a file; any other
        is a folder, which is made. Returns the path of the file. Raises SubmissionError when the values could not be
        scored.
        """
        values = _as_numbers(self._by_name(values), np.float64, self.name)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise SubmissionError(f"{self.name}: expected {self._shape()}, got shape {values.shape}")
        self._check_range(values)
        path = output_path(path, self.name)
        with atomic_write(path) as temporary:
            np.savetxt(temporary, values, fmt="%.17g", delimiter=self.delimiter)
        return path

    def sample(self, path, n):
        """Write a guess that can be scored, the middle of the range for all n samples, as `write` does."""
        return self.write(path, np.full((n, len(self.columns)), _middle(self.low, self.high)))

    def read(self, path, n):
        """The numbers in a submitted file.

        Parameters
        ----------
        path : path-like
            The file, or the folder that holds it under the fixed name.
        n : int
            Rows expected.

        Returns
        -------
        ndarray of float64, shape (n,) for one column, else (n, columns)

        Raises
        ------
        SubmissionError
            Missing, a link or no plain file, far too large, not UTF-8 text, not numbers, not
            finite, out of range, or of another shape. Nothing but numbers is ever read from the file.
        """
        path = _target(path, self.name)
        try:
            lines = read_regular_file(path, self.most_bytes(n)).decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise SubmissionError(f"{path.name}: not UTF-8 text (byte {error.start}): save it as UTF-8") from error
        rows = [(i, line) for i, line in enumerate(lines, start=1) if line.strip()]
        while rows and not any(self._cells(rows[-1][1])):  # spreadsheets add rows of empty cells
            rows.pop()
        names = [cell.lower() for cell in self._cells(rows[0][1])] if rows else []
        order = list(range(len(self.columns)))
        if sorted(names) == sorted(name.lower() for name in self.columns):  # a header, which may have another order
            rows, order = rows[1:], [names.index(name.lower()) for name in self.columns]
        if len(rows) != n:
            raise SubmissionError(f"{path.name}: {len(rows)} rows, expected {n}{self._first_line(rows, n)}")
        values = np.empty((n, len(self.columns)))
        for i, (number, line) in enumerate(rows):
            if problem := self._problem(number, line):
                raise SubmissionError(f"{path.name}: {problem}. {self._advice()}")
            values[i] = [float(cell) for cell in self._cells(line)]
        values = values[:, order]
        self._check_range(values)
        return values[:, 0] if len(self.columns) == 1 else values

    def most_bytes(self, n):
        """Size that a file of n samples can have at most: 40 characters a number are plenty."""
        return 1000 + n * len(self.columns) * 40

    def _cells(self, line):
        """What stands in a line, separated by the delimiter, or by blanks as np.savetxt separates by default."""
        if self.delimiter.isspace() or self.delimiter not in line:
            return line.split()
        return [cell.strip() for cell in line.split(self.delimiter)]

    def _problem(self, number, line):
        """Why a line is not a row of numbers, or nothing."""
        cells = self._cells(line)
        if len(cells) != len(self.columns):
            return f"line {number} has {len(cells)} columns ({line.strip()[:30]!r}), expected {self._shape()}"
        wrong = [cell for cell in cells if not NUMBER.fullmatch(cell)]
        return f"line {number} is not a number: {wrong[0][:30]!r}" if wrong else ""

    def _first_line(self, rows, n):
        """What the first line has to do with a wrong number of rows: most often it is a header."""
        if not rows:
            return ""
        number, line = rows[0]
        if problem := self._problem(number, line):
            return f"; {problem}. {self._advice()}"
        return f"; is line {number} a header ({line.strip()[:30]!r})? {self._advice()}" if len(rows) == n + 1 else ""

    def _advice(self):
        tabs = self.delimiter == "\t"
        numbers = "one number" if len(self.columns) == 1 else f"{len(self.columns)} numbers"
        between = "" if len(self.columns) == 1 else (
            f" separated by {'tabs' if tabs else 'commas'}, in the order {', '.join(self.columns)},"
        )
        options = "index=False, header=False"
        if tabs:
            options = f"sep='\\t', {options}"
        return (
            f"Write {numbers} a line,{between} with a decimal point (0.25), "
            f"without header, index or quotes: to_csv(path, {options})"
        )

    def _by_name(self, values):
        """The columns of a data frame in the order of the file; what is no data frame, or has no names, as it is."""
        if not hasattr(values, "columns") or list(values.columns) == list(range(len(values.columns))):
            return values
        names = {str(column).strip().lower(): column for column in values.columns}
        if len(values.columns) != len(self.columns) or not names.keys() >= {name.lower() for name in self.columns}:
            found, expected = ", ".join(map(str, values.columns))[:80], ", ".join(self.columns)
            raise SubmissionError(f"{self.name}: a data frame of {found}, expected the columns {expected}")
        return values[[names[name.lower()] for name in self.columns]]

    def _shape(self):
        return f"{len(self.columns)} column(s) ({', '.join(self.columns)})"

    def _check_range(self, values):
        bad = ~np.isfinite(values) | (values < self.low) | (values > self.high)
        if bad.any():
            i, j = np.argwhere(bad)[0]
            raise SubmissionError(
                f"{self.name}: row {i + 1} has {self.columns[j]} = {values[i, j]!s}, "
                f"expected a number from {self.low:g} to {self.high:g}"
            )


@dataclass(frozen=True)
class Array(OneFile):
    """A submission of images or other arrays: one `.npy` file, one entry a sample, in the order of the test set.

    Attributes
    ----------
    name : str
        File name that the hackathon asks for.
    shape : tuple of int
        Shape of one sample.
    low, high : float
        Range of every number.
    """

    name: str
    shape: tuple[int, ...]
    low: float = -np.inf
    high: float = np.inf

    def write(self, path, values):
        """Write values of shape (n, *shape) as float32 into a folder under the fixed name, or to a file.

        A path that ends like the fixed name is a file; any other is a folder, which is made. Returns the path of the
        file. Raises SubmissionError when the values could not be scored.
        """
        values = _as_numbers(values, np.float32, self.name)
        self._check_shape(values.shape, len(values) if values.ndim else 0)
        self._check_range(values)
        path = output_path(path, self.name)
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.save(file, values)
        return path

    def sample(self, path, n):
        """Write a guess that can be scored, the middle of the range in every place, as `write` does."""
        return self.write(path, np.full((n, *self.shape), _middle(self.low, self.high)))

    def read(self, path, n):
        """The numbers in a submitted file, float32, shape (n, *shape).

        Raises
        ------
        SubmissionError
            Missing, a link or no plain file, too large, not a `.npy` file of plain floating-point
            numbers, not finite, out of range, or of another shape. Pickled objects are refused.
        """
        path = _target(path, self.name)
        content = read_regular_file(path, self.most_bytes(n))
        dtype, in_columns, shape, start = _npy_header(content, path.name)
        self._check_shape(shape, n)
        size, expected = len(content) - start, dtype.itemsize * int(np.prod(shape))
        if size != expected:
            raise SubmissionError(f"{path.name}: {size} bytes of numbers, expected {expected}: is it whole?")
        values = np.frombuffer(content, dtype, offset=start).reshape(shape, order="F" if in_columns else "C")
        self._check_range(values)
        return values.astype(np.float32)

    def most_bytes(self, n):
        """Size that a file of n samples can have at most, in float64."""
        return NPY_HEADER_BYTES + 8 * n * int(np.prod(self.shape))

    def _check_shape(self, shape, n):
        if shape != (n, *self.shape):
            raise SubmissionError(f"{self.name}: shape {shape}, expected {(n, *self.shape)}")

    def _check_range(self, values):
        bad = ~np.isfinite(values) | (values < self.low) | (values > self.high)
        if bad.any():
            where = np.argwhere(bad)[0]
            raise SubmissionError(
                f"{self.name}: sample {where[0] + 1} contains {values[tuple(where)]!s}, "
                f"expected numbers from {self.low:g} to {self.high:g}"
            )


def _middle(low, high):
    """The middle of a range; 0 where it has none."""
    return (low + high) / 2 if np.isfinite([low, high]).all() else 0.0


def _npy_header(content, name):
    """What the header of a `.npy` file says: dtype, whether it is stored by columns, shape, and where it ends.

    The reader of NumPy evaluates the header as Python. Here it must be the text that np.save writes.
    """
    width = {1: 2, 2: 4, 3: 4}.get(content[6], 0) if content[:6] == b"\x93NUMPY" and len(content) > 12 else 0
    start = 8 + width + int.from_bytes(content[8 : 8 + width], "little")
    header = None
    if width and start <= min(NPY_HEADER_BYTES, len(content)):
        header = NPY_HEADER.fullmatch(content[8 + width : start].decode("latin-1"))
    if header is None:
        raise SubmissionError(f"{name}: not a .npy file of plain numbers: write it with np.save")
    try:
        dtype = np.dtype(header[1]) if header[1] else None
    except TypeError:  # no type of NumPy
        dtype = None
    if dtype is None or dtype.kind != "f" or dtype.itemsize > 8:
        found = dtype or header[1] or header[2][:40]
        raise SubmissionError(f"{name}: holds {found}, expected floating-point numbers")
    return dtype, header[3] == "True", tuple(map(int, re.findall(r"\d+", header[4]))), start


def _as_numbers(values, dtype, name):
    """Values that are handed over for writing as an array of numbers."""
    try:
        if np.iscomplexobj(values):
            raise TypeError("complex numbers")
        if np.ma.is_masked(values):
            raise TypeError("some of them are masked")
        if np.asarray(values).dtype.kind in "mM":  # it counts years or nanoseconds
            raise TypeError("dates or times")
        return np.asarray(values, dtype=dtype)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that requires a gradient
        raise SubmissionError(f"{name}: not an array of numbers: {str(error).partition(chr(10))[0][:150]}") from error


def _target(path, name):
    """The file that is meant: that of the name in a folder, or the path itself."""
    return Path(path) / name if Path(path).is_dir() else Path(path)


def output_path(path, name):
    """The file to write: the path itself where it ends like the name, else that of the name in the folder."""
    path = Path(path)
    return path if path.suffix.lower() == Path(name).suffix and not path.is_dir() else path / name


def read_regular_file(path, most):
    """The bytes of a plain file of at most `most` bytes; links, folders, pipes and devices are refused."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    path = path if path.name else path.absolute()
    try:
        if path.is_symlink():
            raise SubmissionError(f"{path.name}: a link, expected the file itself")
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SubmissionError(f"{path.name}: not a plain file")
            content = file.read(most + 1)
    except FileNotFoundError as error:
        raise SubmissionError(f"{path.name}: no such file") from error
    except OSError as error:
        raise SubmissionError(f"{path.name}: cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise SubmissionError(f"{path.name}: more than {most} bytes, far too many for the rows expected")
    return content
