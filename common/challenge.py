"""What a challenge promises: its tasks, how they are scored, and what is handed in."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.submission import NUMBER, Array, SubmissionError, Table, output_path, read_regular_file

__all__ = [
    "AUC_SPREAD", "FOLDERS", "NUMBER", "ROOT", "Array", "Challenge", "Metric", "SubmissionError", "Table", "Task",
    "output_path", "probabilities", "read_regular_file", "registry",
]  # fmt: skip

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    "Higgs", "ParticleImages", "StrongLensing", "RenAIssance", "NMRSpin", "Exoplanet", "QuantumML",
)
AUC_SPREAD = 3**-0.5  # see Metric


@dataclass(frozen=True)
class Metric:
    """A score of a submission.

    Attributes
    ----------
    name : str
    function : callable (truth, submitted) -> float or ndarray of shape (n,)
        The score, or that of each sample: their mean is the score then.
    higher_is_better : bool
    spread : float
        What one sample adds to the uncertainty of the score of a model that knows nothing: with n samples (or runs) no
        score is known better than to spread / sqrt(n). An area under the ROC curve has 1 / sqrt(3), where it comes from
        equally many samples of two classes (Hanley and McNeil, Radiology 143 (1982) 29).
    """

    name: str
    function: Callable[[np.ndarray, np.ndarray], float | np.ndarray]
    higher_is_better: bool = True
    spread: float = 0.0


def probabilities(name, columns=("probability",)):
    """A submission of probabilities: a file `name` with one row a sample, numbers from 0 to 1."""
    return Table(name, columns, low=0.0, high=1.0)


@dataclass(frozen=True)
class Task:
    """One question of a challenge: what is handed in and how it is scored, the official metric first.

    Attributes
    ----------
    name : str
    submission : Table, Array or alike
        With `accepts`, `read`, `sample`, `write` and `wanted`.
    metrics : tuple of Metric
    truth : callable (labels, runs) -> ndarray
        What the metrics take as truth, from the labels of a test set and the run of each sample (None where samples
        have none). Default: the labels.
    data_task : str
        Task of the data set, where it is called something else.
    fewest : int
        Samples that a hidden test set needs, so that its scores and their intervals mean something.
    most : int
        Samples that it may have: with so many, an honest submission for all tasks of the challenge takes a third of the
        time, and half of the memory, that `common.hackathon.judge` gives it.
    public : tuple of str
        What is known of single samples (keys of `Dataset.meta`) and says nothing of their labels: participants get it.
    imports : tuple of str
        Modules that reading and scoring load late; who bounds the time and memory of a submission loads them first.
    executes : bool
        Whether the submission predicts by itself: its `read` takes the samples of the test set too.
    """

    name: str
    submission: Table | Array
    metrics: tuple[Metric, ...]
    truth: Callable[[np.ndarray, np.ndarray | None], np.ndarray] = lambda labels, runs: labels
    data_task: str = ""
    fewest: int = 2
    most: int = 50_000
    public: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    executes: bool = False

    def read(self, path, n, samples=None):
        """The predictions of a submission for n samples, which it needs where the task `executes` it."""
        return self.submission.read(path, n, samples) if self.executes else self.submission.read(path, n)

    def score(self, truth, path, samples=None):
        """Scores of a submitted file: {metric name: value}, the official one first; `samples` as for `read`."""
        submitted = self.read(path, len(truth), samples)
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
