"""One submission: read without trust, scored, and its row drawn, within bounds of memory and time.

Whatever goes wrong in one submission rejects that one, with one line that says why. Bounds hold where the system has
them (POSIX for time, Linux for memory), in processes that do nothing else.
"""

import importlib
import signal
import tempfile
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from common.challenge import SubmissionError, registry
from common.datasets import read
from common.hackathon import archive, contents
from common.hackathon.event import EventError, load

SECONDS = 20  # of one core, for one submission
WAITING = 3  # times as long may pass on the clock, where a machine is busy
MEMORY = 512_000_000  # bytes, beyond what a process has that is ready to score
COPIES = 200  # of the test set, for the intervals


class TooLong(BaseException):
    """The time of a submission is over. No Exception: a reader that expects any of these must not take it for one."""


@dataclass
class Entry:
    """One submission of predictions for one task, or one that was rejected (`reason`).

    Attributes
    ----------
    file : str
        Its name, safe to print.
    received : datetime
    content : str
        What tells two submissions apart: a submission may have entries for several tasks.
    team, members, key
        From the manifest, once that is known to be sound.
    board : str
    scores : dict of str to float
        Exact; they decide the ranking and are not shown.
    copies : ndarray of shape (COPIES,)
        The first score on copies of the test set.
    row : dict
        What is shown: scores and interval, rounded to what the test set can tell.
    late : bool
    reason : str
    """

    file: str
    received: datetime
    content: str = ""
    team: str = ""
    members: tuple[str, ...] = ()
    key: str = ""
    board: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    copies: np.ndarray | None = None
    row: dict = field(default_factory=dict)
    late: bool = False
    reason: str = ""


# --------------------------------------------------------------------------------------------------
# One submission


@cache
def _event(folder):
    return load(Path(folder, "event.toml"))


@cache
def truth_of(folder, name):
    """The labels of a hidden test set, and the run of each sample (or None)."""
    labels = read(Path(folder, "private", f"{name}.npz"))
    values = labels.X if isinstance(labels.X, np.ndarray) else np.array(labels.X, dtype=object)
    return values, labels.meta.get("run")


def judge(folder, arrival):
    """Validate and score one submission.

    Parameters
    ----------
    folder : str
        The event's.
    arrival : common.hackathon.arrivals.Arrival

    Returns
    -------
    list of Entry
        One for each task, or a single one with the reason why it was rejected.
    """
    rejected = Entry(arrival.file, arrival.time, arrival.path.name, reason=arrival.fault)
    if arrival.fault:
        return [rejected]
    try:
        with _bounded(), archive.opened(arrival.path) as opened:
            manifest = opened.manifest
        rejected.team, rejected.members, rejected.key = manifest.team, manifest.members, manifest.key
        boards = _boards(folder, manifest.challenge)
        with _bounded(), archive.opened(arrival.path) as opened:
            return _scored(boards, folder, opened, rejected)
    except SubmissionError as error:
        rejected.reason = archive.one_line(error)
    except MemoryError:
        rejected.reason = f"needs more than {MEMORY // 10**6} MB of memory to be read and scored"
    except TooLong:
        rejected.reason = f"takes more than {SECONDS} s to read and score"
    except Exception as error:  # of any library, at anything that a stranger may send: it must not stop the others
        rejected.reason = f"cannot be scored: {type(error).__name__}: {archive.one_line(error)}"
    return [rejected]


def _boards(folder, challenge):
    """The boards of a challenge, once all is loaded that scoring needs: that is on no submission's account."""
    try:
        boards = _event(folder).of(challenge)
    except EventError as error:
        raise SubmissionError(str(error)) from error
    for board in boards:
        truth_of(folder, board.name)
        for module in registry()[challenge].task(board.task).imports:
            importlib.import_module(module)
    return boards


def _scored(boards, folder, opened, entry):
    manifest = opened.manifest
    if archive.NOTEBOOK not in manifest.files:
        raise SubmissionError(f"no {archive.NOTEBOOK}: each submission has it")
    if any(board.weights for board in boards) and not contents.models_in(manifest.files):
        raise SubmissionError(f"no {archive.WEIGHTS}: the challenge {manifest.challenge} asks for the trained model")
    opened.verify()
    contents.check(opened)
    entries, left = [], {name for name in manifest.files if name.startswith(archive.PREDICTIONS)}
    for board in boards:
        task = registry()[manifest.challenge].task(board.task)
        own = [name for name in sorted(left) if task.submission.accepts(name.removeprefix(archive.PREDICTIONS))]
        if not own:
            continue
        left -= set(own)
        labels, runs = truth_of(folder, board.name)
        values = _predictions(opened, own, task.submission, len(labels))
        scores, copies = score(task, board.metrics, labels, values, runs)
        entries.append(Entry(
            entry.file, entry.received, entry.content, entry.team, entry.members, entry.key, board.name, scores, copies,
            row_of(scores, copies, _least_error(task, board, labels, runs)),
        ))  # fmt: skip
    if left:
        raise SubmissionError(f"{min(left)}: no task of {manifest.challenge} asks for this file")
    if not entries:
        raise SubmissionError("no predictions in it")
    return entries


def _predictions(opened, names, submission, n):
    """The predictions in files of a submission; nothing is unpacked that is larger than it can be."""
    most = submission.most_bytes(n)
    for name in names:
        if opened.size(name) > most:
            size = f"{opened.size(name):,} bytes, at most {most:,} for {n} samples"
            raise SubmissionError(f"{name.removeprefix(archive.PREDICTIONS)}: far too many: {size}")
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            opened.extract(name, Path(place, name.removeprefix(archive.PREDICTIONS)))
        return submission.read(place, n)


def score(task, names, labels, values, runs=None):
    """Scores of predictions, and those of the first metric on copies of the test set.

    Parameters
    ----------
    task : common.challenge.Task
    names : sequence of str
        Metrics, the one that ranks first.
    labels, values : ndarray of n samples
    runs : ndarray of shape (n,), optional
        Samples of one run are drawn together.

    Returns
    -------
    scores : dict of str to float
    copies : ndarray of shape (COPIES,)
        The copies are the same for all submissions, so that two of them can be compared pair by pair.

    Raises
    ------
    SubmissionError
        A score is not a finite number.
    """
    metrics = {metric.name: metric.function for metric in task.metrics}
    truth = task.truth(labels, runs)
    # a metric may return the score of each sample
    results = {name: np.asarray(metrics[name](truth, values), dtype=float) for name in names}
    scores = {name: float(result.mean()) for name, result in results.items()}
    first, copies = results[names[0]], []
    for rows, drawn_runs in drawn(labels, runs):
        if first.ndim:
            copies.append(first[rows].mean())
        else:
            copies.append(metrics[names[0]](task.truth(labels[rows], drawn_runs), values[rows]))
    for name, value in [*scores.items(), *((names[0], value) for value in copies)]:
        if not np.isfinite(value):
            raise SubmissionError(f"its {name} is {value}: no score can be worked out")
    return scores, np.array(copies, dtype=float)


def drawn(labels, runs=None):
    """Yield the rows of each bootstrap copy of a test set, and the runs of these, numbered anew.

    Labels that are classes are drawn class by class, so that every copy has as many of each as the test set. Samples of
    one run are drawn together, as one member of their class.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 8 (several samples).
    """
    rng, classes = np.random.default_rng(0), classes_of(labels)
    members = np.arange(len(labels)) if runs is None else np.unique(runs, return_index=True)[1]  # first row of each run
    kinds = np.zeros(len(members)) if classes is None else classes[members]
    strata = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    rows_of = None if runs is None else [np.flatnonzero(runs == runs[row]) for row in members]
    for _ in range(COPIES):
        drawn_members = np.concatenate([rng.choice(stratum, size=len(stratum)) for stratum in strata])
        if runs is None:
            yield drawn_members, None
        else:
            chosen = [rows_of[k] for k in drawn_members]
            yield np.concatenate(chosen), np.repeat(np.arange(len(chosen)), [len(rows) for rows in chosen])


def classes_of(labels):
    """Labels where they are classes, shape (n,); None where they are numbers, texts or images."""
    labels = np.asarray(labels)
    return labels if labels.ndim == 1 and labels.dtype.kind in "iub" else None


def _least_error(task, board, labels, runs):
    """The statistical error of the first score of a model that knows nothing."""
    (metric,) = (metric for metric in task.metrics if metric.name == board.metrics[0])
    return metric.spread / np.sqrt(len(labels) if runs is None else len(np.unique(runs)))


def row_of(scores, copies, least_error=0.0):
    """The scores and the central 95 % of the copies as they are shown, rounded to what the test set can tell.

    They are rounded to 1, 2 or 5 of a digit's unit, whichever is just below the statistical error, and have at most six
    digits: more would tell of single labels, not of the model. The error is that of the first score on the copies, but
    not less than `least_error`: predictions that are nearly constant have a tiny one, and would show how single labels
    move the score. Other scores have the same relative error.
    """
    first = next(iter(scores.values()))
    relative = max(float(np.std(copies)), least_error) / abs(first) if first else 0.0

    def rounded(value):
        error = abs(value) * min(1.0, max(relative, 1e-5))
        unit = 10.0 ** np.floor(np.log10(error)) if error else 0.0
        unit *= max((step for step in (1, 2, 5) if step * unit <= error), default=1)
        return float(f"{round(value / unit) * unit:.6g}") if unit else value

    low, high = (rounded(float(q)) for q in np.quantile(copies, [0.025, 0.975]))
    return {"scores": {name: rounded(value) for name, value in scores.items()}, "interval": [low, high]}


# --------------------------------------------------------------------------------------------------
# Bounds


@contextmanager
def _bounded():
    """Bounds of time and memory, where the system has them."""
    with _in_time(), _in_memory():
        yield


@contextmanager
def _in_time():
    """Raise TooLong when the time of a submission is over, where the system has timers (not on Windows)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_):
        raise TooLong

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, SECONDS), signal.SIGALRM: (signal.ITIMER_REAL, WAITING * SECONDS)}
    before = {number: signal.signal(number, stop) for number in timers}
    for timer, seconds in timers.values():
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


@contextmanager
def _in_memory():
    """Let an allocation fail that takes this process MEMORY beyond what it has (Linux)."""
    status = Path("/proc/self/status")
    if not status.exists():
        yield
        return
    import resource

    used = 1024 * int(status.read_text().partition("VmData:")[2].split()[0])
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _judge_alone(folder, arrival):
    """`judge`, in a process that the system ends where it does not heed its timer."""
    try:
        import resource
    except ImportError:
        return judge(folder, arrival)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 3 * SECONDS + 10, most))
    return judge(folder, arrival)


def judge_each(folder, arrivals, workers):
    """Yield (arrival, entries); a process that dies takes no other submission with it.

    Parameters
    ----------
    folder : str
    arrivals : sequence of Arrival
    workers : int
        Processes; 0 judges in this one, without bounds of memory.
    """
    if workers == 0:
        yield from ((arrival, judge(folder, arrival)) for arrival in arrivals)
        return
    left = list(arrivals)
    while left:
        unfinished = []
        with _pool(workers) as pool:
            for arrival, job in [(arrival, _submitted(pool, folder, arrival)) for arrival in left]:
                try:
                    yield arrival, job.result()
                except BrokenProcessPool:
                    unfinished.append(arrival)
        for arrival in unfinished[:workers]:  # those that were in work when a process died: one of them did it
            yield arrival, _on_its_own(folder, arrival)
        left = unfinished[workers:]


def _pool(workers):
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def _submitted(pool, folder, arrival):
    try:
        return pool.submit(_judge_alone, folder, arrival)
    except BrokenProcessPool as error:
        job = Future()
        job.set_exception(error)
        return job


def _on_its_own(folder, arrival):
    try:
        with _pool(1) as pool:
            return pool.submit(_judge_alone, folder, arrival).result()
    except BrokenProcessPool:
        reason = f"ends the process that reads it: it needs more than {MEMORY // 10**6} MB, or more than {SECONDS} s"
        return [Entry(arrival.file, arrival.time, arrival.path.name, reason=reason)]
