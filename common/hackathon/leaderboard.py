"""From a folder of submissions to a ranking: every one is validated and scored, none is trusted."""

import json
import os
import time
from pathlib import Path

import numpy as np

from common.challenge import registry
from common.files import atomic_write
from common.hackathon import aliases, archive, arrivals, receipts, roster, teams
from common.hackathon.event import Event, EventError, load
from common.hackathon.judge import DAMAGED, classes_of, judge_each, parts_of
from common.hackathon.kept import Kept
from common.progress import progress_bar

FEWEST_OF_A_CLASS = 2  # members (samples, or runs) in a hidden test set, and in each part of it
BASELINES = "private/baselines"  # submissions for comparison, which the organisers put there


def score(folder, submissions, workers=None, memory=None):
    """Score what is new in a folder of submissions, and write leaderboard and receipts.

    One at a time: whoever scores the same event meanwhile waits.

    Parameters
    ----------
    folder, submissions, workers, memory
        As for `judge_all`.

    Returns
    -------
    board : dict
        As `rank` returns it.
    entries : list of Entry
    """
    event = load(Path(folder, "event.toml"))
    if not Path(folder, "private").is_dir():
        raise EventError(f"{folder}: no folder 'private': is it the event that 'prepare' made?")
    with roster.locked(folder):
        entries = judge_all(folder, submissions, workers, memory)
        board, names = rank(event, entries), aliases.shown(folder, event, entries)
        if aliases.hidden(folder, event):
            board = aliases.masked(board, names)
        board["settled"] = archive.digest_of(Path(folder, roster.SETTLED))  # a scoring may end before its board
        write(event, board, folder)
        receipts.write(event, entries, folder, names, memory)
    return board, entries


def watch(folder, submissions, every, workers=None, say=print):
    """Yield board and entries as often as something arrived, the event or its teams changed, or the deadline passed.

    It never ends. What goes wrong at the first look is raised; later on it may pass, as a full disk or an event file
    that is being edited, and is tried again at the next look.

    Parameters
    ----------
    folder, submissions, workers
        As for `judge_all`.
    every : float
        Seconds between two looks at the folder.
    say : callable
        Where the organiser reads what goes wrong, once.
    """
    memory, before, wrong = {}, None, None
    while True:
        try:
            state = _state(folder, submissions, memory)
            if state != before:
                yield score(folder, submissions, workers, memory)
            before, wrong = state, None
        except (ValueError, OSError) as error:
            if before is None:
                raise
            if str(error) != wrong:
                say(f"not scored, and tried again: {error}")
            wrong = str(error)
        time.sleep(every)


def _state(folder, submissions, memory):
    """What a scoring depends on; it logs what is new."""
    event = load(Path(folder, "event.toml"))
    handed_in = arrivals.receive(folder, submissions, memory=memory)
    received = [*baselines(folder), *(a for a in handed_in if not a.fault)]
    return (
        event, [(a.digest, a.file) for a in received], [(a.time, a.replaced) for a in handed_in if not a.fault],
        [(a.file, a.fault) for a in handed_in if a.fault], arrivals.now() > event.deadline, roster.read(folder),
        aliases.hidden(folder, event),
    )  # fmt: skip


def judge_all(folder, submissions, workers=None, memory=None):
    """Log, validate and score all submissions in a folder, and the baselines, in processes of their own.

    Parameters
    ----------
    folder, submissions : path-like
        The folder of the event, and that of the submissions as they were received.
    workers : int, optional
        Processes; 0 judges in this one, without bounds of memory.
    memory : dict, optional
        Where results stay between two calls, so that they are not read again. Those of submissions that were judged
        before are kept in the private folder.

    Returns
    -------
    list of Entry
        In the order in which they arrived, after those of the baselines.

    Raises
    ------
    EventError
        No such folders, or an event that cannot be scored.
    """
    event = load(Path(folder, "event.toml"))
    for board in event.boards:
        check_truth(folder, board, event.public_fraction)
    compared, handed_in = baselines(folder), arrivals.receive(folder, submissions, memory=memory)
    times = {arrival.digest: None if arrival.fault else arrival.time for arrival in handed_in if arrival.digest}
    received, kept = [*compared, *handed_in], Kept(folder, event, memory)
    judged = {arrival: entries for arrival in received if (entries := kept.get(arrival)) is not None}
    new = [arrival for arrival in received if arrival not in judged]
    if workers is None:  # a process takes seconds to start
        workers = 1 if len(new) < 10 else min(2, os.cpu_count() or 1)
    with progress_bar(total=len(new), desc="scoring", unit="submission", disable=None) as bar:
        for arrival, entries in judge_each(str(folder), new, workers):
            judged[arrival] = entries
            kept.put(arrival, entries)
            bar.update()
    entries = [entry for arrival in received for entry in judged[arrival]
               if entry.reason in ("", DAMAGED) or not arrival.replaced]  # fmt: skip
    for entry in (entry for arrival in compared for entry in judged[arrival]):
        entry.baseline = True
    owners = teams.settle(event, entries, roster.read(folder))
    if forgotten := roster.forgotten(folder):
        print(forgotten)
    roster.keep(folder, event, entries, owners, times)
    return entries


def baselines(folder):
    """The submissions that the organisers made for comparison, by name."""
    found = []
    for path in sorted(Path(folder, BASELINES).glob("*.zip")):
        try:
            digest = archive.digest_of(path)
        except OSError as error:
            raise EventError(f"{path}: cannot be read: {error.strerror}: put back the file, or delete it") from error
        found.append(arrivals.Arrival(f"{BASELINES}/{archive.shown(path.name)}", arrivals.now(), path, digest))
    return found


def check_truth(folder, board, fraction=1.0):
    """Raise EventError unless the labels of a board are there, and enough for a score in each part of the test set."""
    try:
        parts = parts_of(str(folder), board.name)
    except ValueError as error:
        raise EventError(f"{error}. Was the event made by 'prepare'?") from error
    if (fraction < 1) != (parts["public"] is not parts["private"]):
        raise EventError(f"{board.name}: public_fraction was changed after 'prepare', which parts test sets: undo it")
    for name, part in parts.items():
        if (classes := classes_of(part.labels)) is None:
            continue
        if part.runs is not None:
            classes = classes[np.unique(part.runs, return_index=True)[1]]
        found, counts = np.unique(classes, return_counts=True)
        if len(found) < 2 or counts.min() < FEWEST_OF_A_CLASS:
            few = ", ".join(f"{count} of class {k}" for k, count in zip(found, counts, strict=True))
            kind = "samples" if part.runs is None else "runs"
            where = "the hidden test set" if fraction == 1 else f"the {name} part of the hidden test set"
            raise EventError(f"{board.name}: {where} has too few {kind} ({few}): raise n in the event file")


def rank(event: Event, entries, at=None):
    """The leaderboard as plain values; `leaderboard.schema.json` beside this file describes them.

    Each team counts with the best of its submissions that were not late; equals share a rank, the earlier one first.
    A team is `within_noise` of the first when the central 95 % of the differences on copies of the test set contain 0.

    Until the deadline only the first metric of a task is published, and ranks, rounded to what the test set can tell:
    others, as the log loss, and more digits tell of single labels. Where a part of the test set is public, it alone
    counts until then. After the deadline the rest decides, by exact scores in all metrics: of each team it ranks the
    submission that the team chose, or else the best one on the public part.

    Parameters
    ----------
    event : Event
    entries : list of Entry
    at : datetime, optional
        Default: now.
    """
    over = (at or arrivals.now()) > event.deadline
    boards = [_board(board, entries, over) for board in event.boards]
    rejected = [{"file": public_name(e.file), "received": _iso(e.received), "reason": e.reason}
                for e in entries if e.reason]  # fmt: skip
    return {
        "event": event.title, "deadline": event.deadline.isoformat(), "due": event.clock(event.deadline),
        "public_fraction": event.public_fraction, "part": "private" if over else "public",
        "boards": boards, "overall": overall(boards), "rejected": rejected,
    }  # fmt: skip


def _board(board, entries, over):
    """One board of `rank`: its ranking, all that was handed in, and the baselines."""
    challenge = registry()[board.folder]
    task = challenge.task(board.task)
    published = list(board.metrics if over else board.metrics[:1])
    metric = next(metric for metric in task.metrics if metric.name == board.metrics[0])
    handed_in = [entry for entry in entries if entry.board == board.name and not entry.reason]
    own = [entry for entry in handed_in if not entry.baseline]
    ranking, merit = _ranking(own, task, published, over)
    merits = [merit(entry) for entry in ranking]
    rows, compared = [], []
    for entry, within_noise in zip(ranking, _within_noise(ranking, over), strict=True):
        place = 1 + merits.index(merit(entry))  # equals share the first place of theirs
        rows.append(_row(entry, place, within_noise, published, over))
    for entry in sorted((entry for entry in handed_in if entry.baseline), key=merit, reverse=True):
        ahead = sum(other >= merit(entry) for other in merits)
        compared.append({"name": entry.team, **_shown(entry, published, over), "ahead": ahead})
    return {
        "challenge": board.folder, "task": board.task, "title": challenge.title, "n": board.n,
        "metrics": published, "higher_is_better": metric.higher_is_better, "ranking": rows,
        "history": [{**_about(entry, published, over), "late": entry.late} for entry in own],
        "baselines": compared,
    }  # fmt: skip


def overall(boards):
    """The ranking over all challenges, where there are several: a list of teams with their points.

    On each board a team gets 100 times the share of the board's teams that are not ahead of it, and 0 where it is not
    on it. The boards of a challenge count as their mean, and the points of the challenges are added. Equal teams share
    a rank, listed by the time of their first submission that counts.
    """
    of_challenge = {}
    for board in boards:
        of_challenge.setdefault(board["challenge"], []).append(board["ranking"])
    if len(of_challenge) < 2:
        return []
    points, since = {}, {}
    for challenge, rankings in of_challenge.items():
        for ranking in rankings:
            for row in ranking:
                share = 100 * (len(ranking) - row["rank"] + 1) / len(ranking) / len(rankings)
                own = points.setdefault(row["team"], {})
                own[challenge] = own.get(challenge, 0.0) + share
                since[row["team"]] = min(row["received"], since.get(row["team"], row["received"]))
    total = {team: round(sum(own.values()), 6) for team, own in points.items()}
    return [
        {"rank": 1 + sum(other > total[team] for other in total.values()), "team": team,
         "points": round(total[team], 1), "challenges": {name: round(value, 1) for name, value in points[team].items()}}
        for team in sorted(total, key=lambda team: (-total[team], since[team]))
    ]  # fmt: skip


def _ranking(entries, task, published, over):
    """The submissions that count, one a team, the first first; and what orders them, a function of an entry."""
    better = {metric.name: 1 if metric.higher_is_better else -1 for metric in task.metrics}

    def merit(entry, part="private" if over else "public"):
        marks = getattr(entry, part)
        scores = marks.scores if over else marks.row["scores"]
        return tuple(better[name] * scores[name] for name in published)

    def worth(entry):  # what a team can know of its own submissions
        return (over and entry.chosen, *merit(entry, "public"))

    best = {}
    for entry in entries:
        if not entry.late and (entry.team not in best or worth(entry) > worth(best[entry.team])):
            best[entry.team] = entry
    # the sort keeps the order of arrival among equals
    return sorted((entry for entry in entries if best.get(entry.team) is entry), key=merit, reverse=True), merit


def _within_noise(ranking, over):
    """Whether the test set cannot tell each team of a ranking from the first."""
    if not ranking:
        return []
    copies = np.array([_marks(entry, over).copies for entry in ranking])
    low, high = np.quantile(copies - copies[0], [0.025, 0.975], axis=1)
    return ((low <= 0) & (high >= 0)).tolist()


def _row(entry, place, within_noise, published, over):
    """The row of a team in the ranking."""
    row = {"rank": place, **_about(entry, published, over), "within_noise": within_noise}
    if over and entry.private is not entry.public:
        row["public"] = entry.public.row["scores"][published[0]]
    return row


def _about(entry, published, over):
    return {
        "team": entry.team, "members": list(entry.members), **_shown(entry, published, over),
        "received": _iso(entry.received), "file": public_name(entry.file),
    }  # fmt: skip


def _shown(entry, published, over):
    row = _marks(entry, over).row
    return {"scores": {name: row["scores"][name] for name in published}, "interval": row["interval"]}


def _marks(entry, over):
    return entry.private if over else entry.public


def public_name(file):
    """The name of a file without its folder: learning platforms name these after students."""
    return file.rpartition("/")[2] or "a folder"


def _iso(time):
    return time.isoformat().replace("+00:00", "Z")


def write(event, board, folder):
    """Write leaderboard.json, leaderboard.html and rules.html into a folder."""
    from common import pages  # the leaderboard as a page needs more packages than the scores do

    for name, text in (
        ("leaderboard.json", json.dumps(board, ensure_ascii=False, allow_nan=False) + "\n"),
        ("leaderboard.html", pages.leaderboard(board)),
        ("rules.html", pages.rules(event)),
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
        for row in part["baselines"]:
            low, high = row["interval"]
            score = f"{row['scores'][metric]:.6g} [{low:.6g}, {high:.6g}]"
            lines.append(f"       {row['name']:<30}  {score}  baseline, behind {row['ahead']} teams")
        late = sum(row["late"] for row in part["history"])
        lines.append(f"       {len(part['history'])} in all, {late} of them late")
    return "\n".join(lines)


def remarks(event, entries):
    """What only the organiser reads: why submissions are rejected, and those that may be late by mistake."""
    lines = [f"rejected: {entry.file}: {entry.reason}" for entry in entries if entry.reason]
    lines += [f"duplicate: {entry.file} of {entry.team!r} has the predictions of {first.file} of {first.team!r}"
              for entry, first in teams.duplicates(entries)]  # fmt: skip
    times = [entry.received for entry in entries if not entry.baseline]
    if times and min(times) > event.deadline:
        lines.append(
            "all submissions were first seen after the deadline; if they had arrived in time, say when: "
            "python -m common.hackathon receive EVENT SUBMISSIONS --at TIME"
        )
    return "\n".join(lines)
