"""From a folder of submissions to a ranking: every one is validated and scored, none is trusted."""

import json
import os
import signal
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from common.challenge import SubmissionError, registry
from common.datasets import read
from common.files import atomic_write
from common.hackathon import archive
from common.hackathon.event import Event, EventError, load
from common.progress import progress_bar

SECONDS = 120  # for one submission
MEMORY = 8_000_000_000  # bytes of address space
COPIES = 200  # of the test set, for the intervals
SAFETENSORS_HEADER = 100_000_000


@dataclass
class Entry:
    """One submission of predictions for one task, or one that was rejected (`reason`)."""

    file: str
    received: datetime
    team: str = ""
    members: tuple[str, ...] = ()
    board: str = ""
    scores: dict[str, float] = field(default_factory=dict)
    copies: np.ndarray | None = None
    late: bool = False
    reason: str = ""

    @property
    def interval(self):
        """The central 95 % of the scores on copies of the test set."""
        return [float(q) for q in np.quantile(self.copies, [0.025, 0.975])]


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


def judge(folder, path):
    """Validate and score one submission.

    Parameters
    ----------
    folder : str
        The event's.
    path : path-like

    Returns
    -------
    list of Entry
        One for each task, or a single one with the reason why it was rejected.
    """
    path = Path(path)
    received = datetime.fromtimestamp(int(path.lstat().st_mtime), timezone.utc)
    rejected = Entry(archive._shown(path.name), received)
    try:
        with _bounded(), archive.opened(path) as opened:
            rejected.team, rejected.members = opened.manifest.team, opened.manifest.members
            return _scored(_event(folder), folder, opened, rejected)
    except SubmissionError as error:
        rejected.reason = " ".join(str(error).split())[:300]
    except MemoryError:
        rejected.reason = "needs more memory than there is for a submission"
    except TimeoutError:
        rejected.reason = f"takes more than {SECONDS} s to read and score"
    return [rejected]


def _scored(event, folder, opened, entry):
    manifest = opened.manifest
    try:
        boards = event.of(manifest.challenge)
    except EventError as error:
        raise SubmissionError(str(error)) from error
    models = [name for name in (archive.WEIGHTS, *archive.MODELS) if name in manifest.files]
    for name in [archive.NOTEBOOK] + [archive.WEIGHTS] * (any(board.weights for board in boards) and not models):
        if name not in manifest.files:
            raise SubmissionError(f"no {name}: the challenge {manifest.challenge} asks for it")
    opened.verify()
    for name in models:
        check_model(name, opened.head(name, SAFETENSORS_HEADER))
    challenge = registry()[manifest.challenge]
    entries, left = [], {name for name in manifest.files if name.startswith(archive.PREDICTIONS)}
    for board in boards:
        task = challenge.task(board.task)
        own = [name for name in sorted(left) if task.submission.accepts(name.removeprefix(archive.PREDICTIONS))]
        if not own:
            continue
        left -= set(own)
        with tempfile.TemporaryDirectory() as place:
            for name in own:
                opened.extract(name, Path(place, name.removeprefix(archive.PREDICTIONS)))
            labels, runs = truth_of(folder, board.name)
            values = task.submission.read(place, len(labels))
        scores, copies = score(task, board.metrics, labels, values, runs)
        entries.append(Entry(entry.file, entry.received, entry.team, entry.members, board.name, scores, copies))
    if left:
        raise SubmissionError(f"{min(left)}: no task of {manifest.challenge} asks for this file")
    if not entries:
        raise SubmissionError("no predictions in it")
    return entries


def check_model(name, head):
    """Raise SubmissionError unless these bytes begin a trained model of the kind that its name says."""
    if name == archive.WEIGHTS:
        check_safetensors(head)
    elif not head.startswith(archive.MODELS[name]):
        raise SubmissionError(f"{name}: does not begin as such a model does")


def check_safetensors(head):
    """Raise SubmissionError unless these bytes begin a file of the safetensors format."""
    size = int.from_bytes(head[:8], "little")
    try:
        about = json.loads(head[8 : 8 + size].decode("utf-8")) if 0 < size <= len(head) - 8 else None
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or not any(key != "__metadata__" for key in about):
        raise SubmissionError(f"{archive.WEIGHTS}: not a safetensors file with at least one tensor")


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
    for name, result in results.items():
        if not np.isfinite(result.mean()):
            raise SubmissionError(f"its {name} is {result.mean()}: no score can be worked out")
    first, copies = results[names[0]], []
    for rows, drawn_runs in _drawn(len(labels), runs):
        if first.ndim:
            copies.append(first[rows].mean())
        else:
            copies.append(metrics[names[0]](task.truth(labels[rows], drawn_runs), values[rows]))
    return {name: float(result.mean()) for name, result in results.items()}, np.array(copies, dtype=float)


def _drawn(n, runs):
    """Yield rows of each copy of the test set, and the runs of these, numbered anew."""
    rng = np.random.default_rng(0)
    members = None if runs is None else [np.flatnonzero(runs == run) for run in np.unique(runs)]
    for _ in range(COPIES):
        if members is None:
            yield rng.integers(n, size=n), None
        else:
            drawn = [members[k] for k in rng.integers(len(members), size=len(members))]
            yield np.concatenate(drawn), np.repeat(np.arange(len(drawn)), [len(rows) for rows in drawn])


@contextmanager
def _bounded():
    """Limits of time and memory, where the system has them (not on Windows)."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _start():
    """What a process that scores does first."""
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


# --------------------------------------------------------------------------------------------------
# All submissions


def judge_all(folder, submissions, workers=None):
    """Validate and score all submissions in a folder, in processes of their own.

    Returns
    -------
    list of Entry
        In the order in which they were received.
    """
    submissions = Path(submissions)
    if not submissions.is_dir():
        raise EventError(f"{submissions}: no such folder of submissions")
    event = load(Path(folder, "event.toml"))
    for board in event.boards:
        try:
            truth_of(str(folder), board.name)
        except ValueError as error:
            raise EventError(f"{error}. Was the event made by 'prepare'?") from error
    paths = sorted(path for path in submissions.iterdir() if not path.name.startswith("."))
    found, bar = {}, progress_bar(total=len(paths), desc="scoring", unit="submission", disable=None)
    with bar:
        for path, entries in _in_processes(folder, paths, workers or min(2, os.cpu_count() or 1)):
            found[path] = entries
            bar.update()
    entries = sorted((entry for path in paths for entry in found[path]), key=lambda e: (e.received, e.file, e.board))
    for entry in entries:
        entry.late = not entry.reason and entry.received > event.deadline
    return _without_look_alikes(entries)


def _in_processes(folder, paths, workers):
    """Yield (path, entries); a process that dies takes no other submission with it."""
    context, left = get_context("spawn"), list(paths)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start) as pool:
        jobs = {path: pool.submit(judge, str(folder), path) for path in paths}
        try:
            for path, job in jobs.items():
                yield path, job.result()
                left.remove(path)
        except BrokenProcessPool:
            pool.shutdown(cancel_futures=True)
    for path in left:
        with ProcessPoolExecutor(1, mp_context=context, initializer=_start) as pool:
            try:
                yield path, pool.submit(judge, str(folder), path).result()
            except BrokenProcessPool:
                received = datetime.fromtimestamp(int(path.lstat().st_mtime), timezone.utc)
                yield path, [Entry(archive._shown(path.name), received, reason="ends the process that reads it")]


def _without_look_alikes(entries):
    """Reject teams whose name could be taken for that of a team that was first."""
    owner = {}
    for entry in entries:
        if entry.reason:
            continue
        keys = archive.keys(entry.team)
        others = sorted({owner[key] for key in keys if key in owner} - {entry.team})
        if others:
            entry.reason = f"the team name {entry.team!r} could be taken for {others[0]!r}, which came first"
        else:
            owner |= dict.fromkeys(keys, entry.team)
    return entries


def rank(event: Event, entries):
    """The leaderboard as plain values.

    Each team counts with the best of its submissions that were not late. Equal in all metrics is equal in rank. A
    team is `within_noise` of the first when the central 95 % of the differences on copies of the test set contain 0.
    """
    boards = []
    for board in event.boards:
        task = registry()[board.folder].task(board.task)
        signs = [1 if metric.higher_is_better else -1 for name in board.metrics for metric in task.metrics
                 if metric.name == name]  # fmt: skip

        def merit(entry, names=board.metrics, signs=signs):
            return tuple(sign * entry.scores[name] for sign, name in zip(signs, names, strict=True))

        own = [entry for entry in entries if entry.board == board.name and not entry.reason]
        best = {}
        for entry in own:
            if not entry.late and (entry.team not in best or merit(entry) > merit(best[entry.team])):
                best[entry.team] = entry
        order = sorted(best.values(), key=merit, reverse=True)
        rows = []
        for entry in order:
            better = sum(merit(other) > merit(entry) for other in order)
            low, high = np.quantile(entry.copies - order[0].copies, [0.025, 0.975])
            rows.append({"rank": better + 1, **_about(entry), "within_noise": bool(low <= 0 <= high)})
        metric = next(metric for metric in task.metrics if metric.name == board.metrics[0])
        boards.append({
            "challenge": board.folder, "task": board.task, "title": registry()[board.folder].title, "n": board.n,
            "metrics": list(board.metrics), "higher_is_better": metric.higher_is_better, "ranking": rows,
            "history": [{**_about(entry), "late": entry.late} for entry in own],
        })  # fmt: skip
    rejected = [{"file": e.file, "received": _iso(e.received), "reason": e.reason} for e in entries if e.reason]
    return {
        "event": event.title, "deadline": event.deadline.isoformat(), "due": event.clock(event.deadline),
        "boards": boards, "rejected": rejected,
    }  # fmt: skip


def _about(entry):
    return {
        "team": entry.team, "members": list(entry.members), "scores": entry.scores, "interval": entry.interval,
        "received": _iso(entry.received), "file": entry.file,
    }  # fmt: skip


def _iso(time):
    return time.isoformat().replace("+00:00", "Z")


def write(board, folder):
    """Write leaderboard.json and leaderboard.html into a folder."""
    from common import pages  # the leaderboard as a page needs more packages than the scores do

    for name, text in (
        ("leaderboard.json", json.dumps(board, indent=1, ensure_ascii=False) + "\n"),
        ("leaderboard.html", pages.leaderboard(board)),
    ):
        with atomic_write(Path(folder, name)) as temporary:
            temporary.write_text(text, "utf-8")


def as_text(board):
    """The leaderboard for a terminal, and one line for each rejected submission."""
    lines = []
    for part in board["boards"]:
        metric = part["metrics"][0]
        lines.append(f"{part['title']}, {part['task'].replace('_', ' ')} ({metric})")
        for row in part["ranking"]:
            low, high = row["interval"]
            noise = "  within noise of the first" if row["within_noise"] and row["rank"] > 1 else ""
            score = f"{row['scores'][metric]:.4f} [{low:.4f}, {high:.4f}]"
            lines.append(f"  {row['rank']:3d}  {row['team']:<30}  {score}{noise}")
        late = sum(row["late"] for row in part["history"])
        lines.append(f"       {len(part['history'])} in all, {late} of them late")
    lines += [f"rejected: {row['file']}: {row['reason']}" for row in board["rejected"]]
    return "\n".join(lines)
