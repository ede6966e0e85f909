"""From a folder of submissions to a ranking: every one is validated and scored, none is trusted."""

import json
import os
from pathlib import Path

import numpy as np

from common.challenge import registry
from common.files import atomic_write
from common.hackathon import archive, arrivals
from common.hackathon.event import Event, EventError, load
from common.hackathon.judge import classes_of, judge_each, truth_of
from common.hackathon.names import skeleton
from common.progress import progress_bar

FEWEST_OF_A_CLASS = 2  # members (samples, or runs) in a hidden test set


def judge_all(folder, submissions, workers=None):
    """Log, validate and score all submissions in a folder, in processes of their own.

    Parameters
    ----------
    folder, submissions : path-like
        Of the event, and of the submissions as they were received.
    workers : int, optional
        Processes; 0 judges in this one, without bounds of memory.

    Returns
    -------
    list of Entry
        In the order in which they arrived.

    Raises
    ------
    EventError
        No such folders, or an event that cannot be scored.
    """
    event = load(Path(folder, "event.toml"))
    for board in event.boards:
        check_truth(folder, board)
    received = arrivals.receive(folder, submissions)
    if workers is None:  # a process takes seconds to start
        workers = 1 if len(received) < 10 else min(2, os.cpu_count() or 1)
    judged = {}
    with progress_bar(total=len(received), desc="scoring", unit="submission", disable=None) as bar:
        for arrival, entries in judge_each(str(folder), received, workers):
            judged[arrival] = entries
            bar.update()
    entries = [entry for arrival in received for entry in judged[arrival] if not (entry.reason and arrival.replaced)]
    for entry in entries:
        entry.late = not entry.reason and entry.received > event.deadline
    return _of_registered_teams(entries)


def check_truth(folder, board):
    """Raise EventError unless the labels of a board are there and enough for a score."""
    try:
        labels, runs = truth_of(str(folder), board.name)
    except ValueError as error:
        raise EventError(f"{error}. Was the event made by 'prepare'?") from error
    if (classes := classes_of(labels)) is None:
        return
    if runs is not None:
        classes = classes[np.unique(runs, return_index=True)[1]]
    found, counts = np.unique(classes, return_counts=True)
    if len(found) < 2 or counts.min() < FEWEST_OF_A_CLASS:
        few = ", ".join(f"{count} of class {k}" for k, count in zip(found, counts, strict=True))
        kind = "samples" if runs is None else "runs"
        raise EventError(f"{board.name}: the hidden test set has too few {kind} ({few}): raise n in the event file")


def _of_registered_teams(entries):
    """Reject what was not handed in by the team that had the name first, and give its members to each team.

    The first submission of a name registers it, with all names that could be taken for it. Whoever has the key of the
    team adds to it, and the team is shown as it spelt itself first. Its members are all whom it named in time.
    """
    owners, members = {}, {}
    for entry in (entry for entry in entries if entry.team):
        first = owners.setdefault(skeleton(entry.team), entry)
        if entry.reason or first.content == entry.content:
            pass
        elif first.key and first.key == entry.key:
            entry.team = first.team
        elif first.team != entry.team:
            entry.reason = f"the team name {entry.team!r} could be taken for {first.team!r}, which came first"
        elif first.key:
            entry.reason = f"the team {entry.team!r} has another key: submit with --key and the key file of the team"
        else:
            entry.reason = f"the team {entry.team!r} began without a key, so nobody can add to it: use another name"
        if entry.reason or entry.late:
            continue
        people = members.setdefault(entry.team, {})
        if len({*people, *entry.members}) > archive.PEOPLE:
            entry.reason = f"the team {entry.team!r} would have more than {archive.PEOPLE} members in all"
        else:
            people |= dict.fromkeys(entry.members)
    for entry in entries:
        if not entry.reason and not entry.late:
            entry.members = tuple(members[entry.team])
    return entries


def rank(event: Event, entries, time=None):
    """The leaderboard as plain values; `leaderboard.schema.json` beside this file describes them.

    Each team counts with the best of its submissions that were not late. Equal in all metrics is equal in rank. A
    team is `within_noise` of the first when the central 95 % of the differences on copies of the test set contain 0.
    Until the deadline only the first metric of a task is published, and ranks, rounded to what the test set can tell:
    others, as the log loss, and more digits tell of single labels.

    Parameters
    ----------
    event : Event
    entries : list of Entry
    time : datetime, optional
        Default: now.
    """
    over = (time or arrivals.now()) > event.deadline
    boards = []
    for board in event.boards:
        task = registry()[board.folder].task(board.task)
        published = list(board.metrics if over else board.metrics[:1])
        own = [entry for entry in entries if entry.board == board.name and not entry.reason]
        metric = next(metric for metric in task.metrics if metric.name == board.metrics[0])
        boards.append({
            "challenge": board.folder, "task": board.task, "title": registry()[board.folder].title, "n": board.n,
            "metrics": published, "higher_is_better": metric.higher_is_better,
            "ranking": _ranking(own, board, task, published, over),
            "history": [{**_about(entry, published), "late": entry.late} for entry in own],
        })  # fmt: skip
    rejected = [{"file": _public(e.file), "received": _iso(e.received), "reason": e.reason}
                for e in entries if e.reason]  # fmt: skip
    return {
        "event": event.title, "deadline": event.deadline.isoformat(), "due": event.clock(event.deadline),
        "boards": boards, "rejected": rejected,
    }  # fmt: skip


def _ranking(entries, board, task, published, over):
    """The rows of a board: the best submission in time of each team; when the event is over, by exact scores."""
    better = {metric.name: 1 if metric.higher_is_better else -1 for metric in task.metrics}

    def merit(entry):
        scores = entry.scores if over else entry.row["scores"]
        return tuple(better[name] * scores[name] for name in published)

    best = {}
    for entry in entries:
        if not entry.late and (entry.team not in best or merit(entry) > merit(best[entry.team])):
            best[entry.team] = entry
    order = sorted(best.values(), key=merit, reverse=True)
    rows = []
    for entry in order:
        ahead = sum(merit(other) > merit(entry) for other in order)
        low, high = np.quantile(entry.copies - order[0].copies, [0.025, 0.975])
        rows.append({"rank": ahead + 1, **_about(entry, published), "within_noise": bool(low <= 0 <= high)})
    return rows


def _about(entry, published):
    return {
        "team": entry.team, "members": list(entry.members),
        "scores": {name: entry.row["scores"][name] for name in published}, "interval": entry.row["interval"],
        "received": _iso(entry.received), "file": _public(entry.file),
    }  # fmt: skip


def _public(file):
    """The name of a file without its folder: learning platforms name these after students."""
    return file.rpartition("/")[2] or "a folder"


def _iso(time):
    return time.isoformat().replace("+00:00", "Z")


def write(board, folder):
    """Write leaderboard.json and leaderboard.html into a folder."""
    from common import pages  # the leaderboard as a page needs more packages than the scores do

    for name, text in (
        ("leaderboard.json", json.dumps(board, indent=1, ensure_ascii=False, allow_nan=False) + "\n"),
        ("leaderboard.html", pages.leaderboard(board)),
    ):
        with atomic_write(Path(folder, name)) as temporary:
            temporary.write_text(text, "utf-8")


def as_text(board):
    """The leaderboard for a terminal."""
    lines = []
    for part in board["boards"]:
        metric = part["metrics"][0]
        lines.append(f"{part['title']}, {part['task'].replace('_', ' ')} ({metric})")
        for row in part["ranking"]:
            low, high = row["interval"]
            noise = "  within noise of the first" if row["within_noise"] and row["rank"] > 1 else ""
            score = f"{row['scores'][metric]:.6g} [{low:.6g}, {high:.6g}]"
            lines.append(f"  {row['rank']:3d}  {row['team']:<30}  {score}{noise}")
        late = sum(row["late"] for row in part["history"])
        lines.append(f"       {len(part['history'])} in all, {late} of them late")
    return "\n".join(lines)


def remarks(event, entries, elsewhere=0):
    """What only the organiser reads: why submissions are rejected, and those that may be late by mistake."""
    lines = [f"rejected: {entry.file}: {entry.reason}" for entry in entries if entry.reason]
    in_time = any(entry.received <= event.deadline for entry in entries)
    if entries and not in_time:
        lines.append(
            "all submissions were first seen after the deadline; if they had arrived in time, say when: "
            "python -m common.hackathon receive EVENT SUBMISSIONS --at TIME"
        )
    if elsewhere:
        lines.append(f"{elsewhere} submissions that were logged from other folders do not count here")
    return "\n".join(lines)
