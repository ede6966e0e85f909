"""What a challenge promises: its tasks, how they are scored, and the file that is handed in."""

import importlib
import io
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.files import atomic_write

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    "Higgs", "ParticleImages", "StrongLensing", "RenAIssance", "NMRSpin", "Exoplanet", "QuantumML",
)


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)", re.ASCII | re.IGNORECASE)


class SubmissionError(ValueError):
    """A submitted file that cannot be scored; the message says why, in one line."""


@dataclass(frozen=True)
class Metric:
    """A score of a submission.

    Attributes
    ----------
    name : str
    function : callable (truth, submitted) -> float or ndarray of shape (n,)
        The score, or that of each sample: their mean is the score then.
    higher_is_better : bool
    """

    name: str
    function: Callable[[np.ndarray, np.ndarray], float | np.ndarray]
    higher_is_better: bool = True


@dataclass(frozen=True)
class Table:
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
    """

    name: str
    columns: tuple[str, ...]
    low: float = -np.inf
    high: float = np.inf
    delimiter: str = ","

    def write(self, path, values):
        """Write values of shape (n,) or (n, columns) to a file, or into a folder under the fixed name.

        Returns the path of the file. Raises SubmissionError when the values could not be scored.
        """
        values = np.asarray(values, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise SubmissionError(f"{self.name}: expected {self._shape()}, got shape {values.shape}")
        self._check_range(values)
        path = _target(path, self.name)
        with atomic_write(path) as temporary:
            np.savetxt(temporary, values, fmt="%.17g", delimiter=self.delimiter)
        return path

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
            raise SubmissionError(f"{path.name}: not UTF-8 text (byte {error.start})") from error
        rows = [(i, line.split(self.delimiter)) for i, line in enumerate(lines, start=1) if line.strip()]
        if rows and [cell.strip().lower() for cell in rows[0][1]] == [name.lower() for name in self.columns]:
            rows = rows[1:]
        if len(rows) != n:
            raise SubmissionError(f"{path.name}: {len(rows)} rows, expected {n}")
        values = np.empty((n, len(self.columns)))
        for i, (line, row) in enumerate(rows):
            if len(row) != len(self.columns):
                expected = self._shape()
                raise SubmissionError(f"{path.name}: line {line} has {len(row)} columns, expected {expected}")
            for j, cell in enumerate(row):
                if not NUMBER.fullmatch(cell.strip()):
                    raise SubmissionError(f"{path.name}: line {line} is not a number: {cell[:30]!r}")
                values[i, j] = float(cell)
        self._check_range(values)
        return values[:, 0] if len(self.columns) == 1 else values

    def accepts(self, name):
        """Whether a file of this name belongs to the submission."""
        return name == self.name

    def most_bytes(self, n):
        """Size that a file of n samples can have at most: 40 characters a number are plenty."""
        return 1000 + n * len(self.columns) * 40

    def _shape(self):
        return f"{len(self.columns)} column(s) ({', '.join(self.columns)})"

    def _check_range(self, values):
        bad = ~np.isfinite(values) | (values < self.low) | (values > self.high)
        if bad.any():
            i, j = np.argwhere(bad)[0]
            raise SubmissionError(
                f"{self.name}: row {i + 1} has {self.columns[j]} = {values[i, j]:.10g}, "
                f"expected a number from {self.low:g} to {self.high:g}"
            )


@dataclass(frozen=True)
class Array:
    """A submission of images or other arrays: one `.npy` file, one entry a sample, in the order of the test set.

    Attributes
    ----------
    name : str
        File name that the hackathon asks for.
    shape : tuple of int
        Of one sample.
    low, high : float
        Range of every number.
    """

    name: str
    shape: tuple[int, ...]
    low: float = -np.inf
    high: float = np.inf

    def write(self, path, values):
        """Write values of shape (n, *shape) as float32 to a file, or into a folder under the fixed name.

        Returns the path of the file. Raises SubmissionError when the values could not be scored.
        """
        values = np.asarray(values, dtype=np.float32)
        self._check_shape(values.shape, len(values) if values.ndim else 0)
        self._check_range(values)
        path = _target(path, self.name)
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.save(file, values)
        return path

    def read(self, path, n):
        """The numbers in a submitted file, float32, shape (n, *shape).

        Raises
        ------
        SubmissionError
            Missing, a link or no plain file, too large, not a `.npy` file of plain floating-point
            numbers, not finite, out of range, or of another shape. Pickled objects are refused.
        """
        path = _target(path, self.name)
        stream = io.BytesIO(read_regular_file(path, self.most_bytes(n)))
        try:
            version, _ = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == 1 else np.lib.format.read_array_header_2_0
            shape, in_columns, dtype = read(stream, max_header_size=1000)
        except (ValueError, EOFError) as error:
            reason = str(error).partition("\n")[0]
            raise SubmissionError(f"{path.name}: not a .npy file of plain numbers: {reason}") from error
        if dtype.kind != "f" or dtype.itemsize > 8:
            raise SubmissionError(f"{path.name}: holds {dtype}, expected floating-point numbers")
        self._check_shape(shape, n)
        content = stream.read()
        if len(content) != dtype.itemsize * np.prod(shape):
            raise SubmissionError(f"{path.name}: {len(content)} bytes of numbers, expected shape {shape} of {dtype}")
        values = np.frombuffer(content, dtype).reshape(shape, order="F" if in_columns else "C")
        self._check_range(values)
        return values.astype(np.float32)

    def accepts(self, name):
        """Whether a file of this name belongs to the submission."""
        return name == self.name

    def most_bytes(self, n):
        """Size that a file of n samples can have at most, in float64."""
        return 1000 + 8 * n * int(np.prod(self.shape))

    def _check_shape(self, shape, n):
        if shape != (n, *self.shape):
            raise SubmissionError(f"{self.name}: shape {shape}, expected {(n, *self.shape)}")

    def _check_range(self, values):
        bad = ~np.isfinite(values) | (values < self.low) | (values > self.high)
        if bad.any():
            where = np.argwhere(bad)[0]
            raise SubmissionError(
                f"{self.name}: sample {where[0] + 1} contains {values[tuple(where)]:.10g}, "
                f"expected numbers from {self.low:g} to {self.high:g}"
            )


def _target(path, name):
    """The file that is meant: that of the name in a folder, or the path itself."""
    return Path(path) / name if Path(path).is_dir() else Path(path)


def read_regular_file(path, most):
    """The bytes of a plain file of at most `most` bytes; links, folders, pipes and devices are refused."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
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


@dataclass(frozen=True)
class Task:
    """One question of a challenge: what is handed in and how it is scored, the official metric first.

    Attributes
    ----------
    name : str
    submission : Table, Array or alike
        With `accepts`, `read` and `write`.
    metrics : tuple of Metric
    truth : callable (labels, runs) -> ndarray
        What the metrics take as truth, from the labels of a test set and the run of each sample (None where samples
        have none). Default: the labels.
    data_task : str
        Task of the data set, where it is called something else.
    fewest : int
        Samples that a hidden test set needs, so that its scores and their intervals mean something.
    public : tuple of str
        What is known of single samples (keys of `Dataset.meta`) and says nothing of their labels: participants get it.
    imports : tuple of str
        Modules that reading and scoring load late; who bounds the time and memory of a submission loads them first.
    """

    name: str
    submission: Table | Array
    metrics: tuple[Metric, ...]
    truth: Callable[[np.ndarray, np.ndarray | None], np.ndarray] = lambda labels, runs: labels
    data_task: str = ""
    fewest: int = 2
    public: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    def score(self, truth, path):
        """Scores of a submitted file: {metric name: value}, the official one first."""
        submitted = self.submission.read(path, len(truth))
        return {metric.name: float(np.mean(metric.function(truth, submitted))) for metric in self.metrics}


@dataclass(frozen=True)
class Challenge:
    """The contract of one challenge.

    Attributes
    ----------
    folder, title, kind, summary : str
        Folder name; name in full; kind of problem; one sentence.
    notebooks : tuple of str
        Names of its example notebooks, in reading order.
    tasks : tuple of Task
    picture : str
        What its `picture.png` shows, in words.
    """

    folder: str
    title: str
    kind: str
    summary: str
    notebooks: tuple[str, ...]
    tasks: tuple[Task, ...]
    picture: str = ""

    def task(self, name=None):
        """The task of that name, or the first."""
        names = [task.name for task in self.tasks]
        if name is None:
            return self.tasks[0]
        if name not in names:
            raise ValueError(f"{self.folder} has no task {name!r}: choose one of {', '.join(names)}")
        return self.tasks[names.index(name)]


def registry():
    """The challenges that are here: {folder: Challenge}, in the order of the hackathon's list."""
    return {
        folder: importlib.import_module(f"{folder}.challenge").CHALLENGE
        for folder in FOLDERS
        if (ROOT / folder / "challenge.py").exists()
    }
