"""What a challenge promises: its tasks, how they are scored, and the file that is handed in."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.files import atomic_write

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    "Higgs", "ParticleImages", "StrongLensing", "RenAIssance", "NMRSpin", "Exoplanet", "QuantumML",
)


class SubmissionError(ValueError):
    """A submitted file that cannot be scored; the message says why, in one line."""


@dataclass(frozen=True)
class Metric:
    """A score of a submission.

    Attributes
    ----------
    name : str
    function : callable (truth, submitted) -> float
    higher_is_better : bool
    """

    name: str
    function: Callable[[np.ndarray, np.ndarray], float]
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
        path = Path(path) / self.name if Path(path).is_dir() else Path(path)
        with atomic_write(path) as temporary:
            np.savetxt(temporary, values, fmt="%.8g", delimiter=self.delimiter)
        return path

    def read(self, path, n):
        """The numbers in a submitted file.

        Parameters
        ----------
        path : path-like
        n : int
            Rows expected.

        Returns
        -------
        ndarray of float64, shape (n,) for one column, else (n, columns)

        Raises
        ------
        SubmissionError
            Missing, far too large, not UTF-8 text, not numbers, not finite, out of range, or of
            another shape. Nothing but numbers is ever read from the file.
        """
        path = Path(path)
        try:
            if not path.is_file():
                raise SubmissionError(f"{path.name}: no such file; {self.name} is expected")
            most = 1000 + n * len(self.columns) * 40  # bytes: 40 characters a number are plenty
            if path.stat().st_size > most:
                raise SubmissionError(f"{path.name}: more than {most} bytes for {n} rows")
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise SubmissionError(f"{path.name}: not UTF-8 text (byte {error.start})") from error
        except OSError as error:
            raise SubmissionError(f"{path.name}: cannot be read: {error.strerror}") from error
        rows = [line.split(self.delimiter) for line in lines if line.strip()]
        if rows and tuple(cell.strip().lower() for cell in rows[0]) == self.columns:
            rows = rows[1:]
        if len(rows) != n:
            raise SubmissionError(f"{path.name}: {len(rows)} rows, expected {n}")
        values = np.empty((n, len(self.columns)))
        for i, row in enumerate(rows):
            if len(row) != len(self.columns):
                raise SubmissionError(f"{path.name}: row {i + 1} has {len(row)} columns, expected {self._shape()}")
            try:
                values[i] = [float(cell) for cell in row]
            except ValueError:
                raise SubmissionError(f"{path.name}: row {i + 1} is not a number: {row[0][:30]!r}") from None
        self._check_range(values)
        return values[:, 0] if len(self.columns) == 1 else values

    def _shape(self):
        return f"{len(self.columns)} column(s) ({', '.join(self.columns)})"

    def _check_range(self, values):
        bad = ~np.isfinite(values) | (values < self.low) | (values > self.high)
        if bad.any():
            i, j = np.argwhere(bad)[0]
            raise SubmissionError(
                f"{self.name}: row {i + 1} has {self.columns[j]} = {values[i, j]:g}, "
                f"expected a number from {self.low:g} to {self.high:g}"
            )


@dataclass(frozen=True)
class Task:
    """One question of a challenge: what is handed in and how it is scored, the official metric first."""

    name: str
    submission: Table
    metrics: tuple[Metric, ...]

    def score(self, truth, path):
        """Scores of a submitted file: {metric name: value}, the official one first."""
        submitted = self.submission.read(path, len(truth))
        return {metric.name: float(metric.function(truth, submitted)) for metric in self.metrics}


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
    """

    folder: str
    title: str
    kind: str
    summary: str
    notebooks: tuple[str, ...]
    tasks: tuple[Task, ...]

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
