"""One submission: read without trust, scored, and its row drawn, within bounds of memory and time.

Whatever goes wrong in one submission rejects that one, with one line that says why. Bounds hold where the system has
them (POSIX for time, Linux for memory), in processes that do nothing else.
"""

import hashlib
import importlib
import json
import signal
import tempfile
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
ONE_AT_A_TIME = threading.RLock()
UNEXPECTED = "cannot be scored: "  # how a reason begins for which this machine or the course may be to blame
DAMAGED = (f"{UNEXPECTED}its copy in private/received is damaged: put back a whole one, or, where its file is still "
           "among the submissions, delete the damaged copy and score again")  # fmt: skip
# and one that may pass, with the load of this machine
PASSING = ("needs more than ", "takes more than ", "ends the process ", "cannot be read: ")
COPIES = 200  # of the test set, for the intervals


class TooLong(BaseException):
    """The time of a submission, which is the message, is over.

    No Exception: a reader that expects any of these must not take it for one.
    """


@dataclass(frozen=True, eq=False)
class Part:
    """Samples of a hidden test set that are scored together: all, or those that are public or private.

    Attributes
    ----------
    labels : ndarray of shape (m, ...)
    runs : ndarray of shape (m,) or None
        The run of each sample.
    rows : ndarray of shape (m,)
        Where they lie in the test set.
    n : int
        Samples of the whole test set.
    """

    labels: np.ndarray
    runs: np.ndarray | None
    rows: np.ndarray
    n: int


@dataclass(frozen=True, eq=False)
class Marks:
    """What a submission gets on a part of a test set.

    Attributes
    ----------
    scores : dict of str to float
        Exact; they decide the ranking in the end and are not shown.
    copies : ndarray of shape (COPIES,)
        The first score on copies of the part.
    row : dict
        What is shown: scores and interval, rounded to what the part can tell.
    """

    scores: dict[str, float]
    copies: np.ndarray
    row: dict


@dataclass
class Entry:
    """One submission of predictions for one task, the choice of one, or one that was rejected (`reason`).

    Attributes
    ----------
    file : str
        Its name, safe to print.
    received : datetime
    content : str
        The SHA-256 of the submission, which may have entries for several tasks.
    team, members, key
        From the manifest, once that is known to be sound.
    choice : str
        The SHA-256 of the submission that the team chooses.
    board : str
    public, private : Marks
        On the part of the test set that counts until the deadline, and after it.
    fingerprint : str
        Equal for equal predictions, however they are written.
    baseline, chosen, late : bool
        Whether the organisers handed it in for comparison; whether the team chose it; whether it came too late.
    left : dict of str to int
        Hand-ins of the team for this board that are left after this one, "today" and "in the phase", where limited.
    reason : str
    """

    file: str
    received: datetime
    content: str = ""
    team: str = ""
    members: tuple[str, ...] = ()
    key: str = ""
    choice: str = ""
    board: str = ""
    public: Marks | None = None
    private: Marks | None = None
    fingerprint: str = ""
    baseline: bool = False
    chosen: bool = False
    late: bool = False
    left: dict[str, int] = field(default_factory=dict)
    reason: str = ""


# --------------------------------------------------------------------------------------------------
# One submission


@cache
def _event(folder):
    return load(Path(folder, "event.toml"))


@cache
def parts_of(folder, name):
    """The truth of a hidden test set: {"public": Part, "private": Part}, the same one where it is not parted."""
    truth = read(Path(folder, "private", f"{name}.npz"))
    labels = truth.X if isinstance(truth.X, np.ndarray) else np.array(truth.X, dtype=object)
    runs, public = truth.meta.get("run"), truth.meta.get("public")

    def part(rows):
        return Part(labels[rows], None if runs is None else runs[rows], rows, len(labels))

    if public is None:
        return dict.fromkeys(("public", "private"), part(np.arange(len(labels))))
    return {"public": part(np.flatnonzero(public)), "private": part(np.flatnonzero(~public))}


@cache
def _samples(folder, name):
    return read(Path(folder, "public", f"{name}.npz")).X


def samples_of(folder, boards):
    """The samples of the hidden test sets on which submissions are executed, {board: samples}: most have none."""
    executed = [board for board in boards if registry()[board.folder].task(board.task).executes]
    return {board: _samples(folder, board.name) for board in executed}


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
    entry = Entry(arrival.file, arrival.time, arrival.digest, reason=arrival.fault)
    if arrival.fault:
        return [entry]
    entries, reason = attempt(lambda: _judged(folder, arrival, entry))
    return entries or [replace(entry, reason=reason)]


def _judged(folder, arrival, entry):
    """The entries of a submission; `entry` says who handed it in as soon as that is known."""
    path = arrival.path
    if arrival.digest:
        with archive.plain_file(path) as file:
            if archive.digest(file) != arrival.digest:
                raise SubmissionError(DAMAGED)
    with bounded(), archive.opened(path) as opened:
        manifest = opened.manifest
    entry.team, entry.members, entry.key = manifest.team, manifest.members, manifest.key
    entry.choice = manifest.choice
    if manifest.choice:
        return [entry]
    boards = boards_of(folder, manifest.challenge)
    with bounded(), archive.opened(path) as opened:
        return _scored(boards, folder, opened, entry)


def attempt(read):
    """What reading a submission returns, and an empty text; or None, and the reason why it is rejected, in one line."""
    try:
        return read(), ""
    except SubmissionError as error:
        return None, archive.one_line(error)
    except MemoryError:
        return None, f"needs more than {MEMORY // 10**6} MB of memory to be read and scored"
    except TooLong as error:
        return None, f"takes more than {error} to read and score"
    except Exception as error:  # of any library, at anything that a stranger may send: it must not stop the others
        return None, f"{UNEXPECTED}{type(error).__name__}: {archive.one_line(error)}"


def boards_of(folder, challenge):
    """The boards of a challenge, once all is loaded that scoring needs: that is on no submission's account."""
    try:
        boards = _event(folder).of(challenge)
    except EventError as error:
        raise SubmissionError(str(error)) from error
    for board in boards:
        parts_of(folder, board.name)
    samples_of(folder, boards)
    import_all(boards)
    return boards


def import_all(boards):
    """Load what reading and scoring predictions for boards imports late."""
    for board in boards:
        for module in registry()[board.folder].task(board.task).imports:
            importlib.import_module(module)


def _scored(boards, folder, opened, entry):
    entries = []
    parts = {board: parts_of(folder, board.name) for board in boards}
    sizes = {board: parts[board]["public"].n for board in boards}
    for board, values in predictions(boards, opened, sizes, samples_of(folder, boards)):
        public, private = (parts[board][name] for name in ("public", "private"))
        marks = marked(board, public, values)
        final = marks if private is public else marked(board, private, values)
        entries.append(
            replace(entry, board=board.name, public=marks, private=final, fingerprint=_fingerprint(values))
        )
    return entries


def predictions(boards, opened, sizes, samples):
    """The predictions for each board in a submission, once all of its files are known to be sound.

    Parameters
    ----------
    boards : sequence of common.hackathon.event.Board
        The boards of the submission's challenge.
    opened : common.hackathon.archive.Archive
    sizes : dict of Board to int
        How many samples each test set has.
    samples : dict of Board to ndarray
        The samples of those on which submissions are executed.

    Returns
    -------
    list of (Board, ndarray)

    Raises
    ------
    SubmissionError
        A file is missing, damaged, not what it should be, or asked for by no board.
    """
    manifest = opened.manifest
    if archive.NOTEBOOK not in manifest.files:
        raise SubmissionError(f"no {archive.NOTEBOOK}: each submission has it")
    if any(board.weights for board in boards) and not contents.models_in(manifest.files):
        raise SubmissionError(f"no {archive.WEIGHTS}: the challenge {manifest.challenge} asks for the trained model")
    opened.verify()
    contents.check(opened)
    found, left = [], {name for name in manifest.files if name.startswith(archive.PREDICTIONS)}
    for board in boards:
        task = registry()[manifest.challenge].task(board.task)
        own = [name for name in sorted(left) if task.submission.accepts(name.removeprefix(archive.PREDICTIONS))]
        if own:
            left -= set(own)
            found.append((board, _predictions(opened, own, task, sizes[board], samples.get(board))))
    if left:
        raise SubmissionError(f"{min(left)}: no task of {manifest.challenge} asks for this file")
    if not found:
        raise SubmissionError("no predictions in it")
    return found


def marked(board, part, values):
    """The Marks of predictions for a whole test set on a part of it."""
    task = registry()[board.folder].task(board.task)
    scores, copies = score(task, board.metrics, part.labels, values[part.rows], part.runs)
    return Marks(scores, copies, row_of(scores, copies, _least_error(task, board, part)))


def _fingerprint(values):
    texts = values.dtype.kind in "OU"
    return hashlib.sha256(json.dumps(values.tolist()).encode() if texts else values.tobytes()).hexdigest()


def _predictions(opened, names, task, n, samples):
    """The predictions in files of a submission; nothing is unpacked that is larger than it can be."""
    most = task.submission.most_bytes(n)
    for name in names:
        if opened.size(name) > most:
            size = f"{opened.size(name):,} bytes, at most {most:,} for {n} samples"
            raise SubmissionError(f"{name.removeprefix(archive.PREDICTIONS)}: far too many: {size}")
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            opened.extract(name, Path(place, name.removeprefix(archive.PREDICTIONS)))
        return task.read(place, n, samples)


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


def _least_error(task, board, part):
    """The statistical error of the first score of a model that knows nothing."""
    (metric,) = (metric for metric in task.metrics if metric.name == board.metrics[0])
    return metric.spread / np.sqrt(len(part.labels) if part.runs is None else len(np.unique(part.runs)))


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
def bounded():
    """Bounds of time and memory, where the system has them."""
    with _in_time(), _in_memory():
        yield


@contextmanager
def _in_time():
    """Raise TooLong when the time of a submission is over, where the system has timers (not on Windows)."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number, _):
        core = number == signal.SIGPROF
        raise TooLong(f"{SECONDS} s of one core" if core else f"{WAITING * SECONDS} s on the clock of a busy machine")

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

    with ONE_AT_A_TIME:  # the limit is the whole process's: of two threads, one would put back that of the other
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
        return [Entry(arrival.file, arrival.time, arrival.digest, reason=reason)]
