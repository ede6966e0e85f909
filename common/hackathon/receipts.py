"""A receipt for each submission: a text for its team that says whether it counts, its score, and what is left."""

from pathlib import Path

from common.challenge import registry
from common.files import atomic_write

FOLDER = "receipts"


def receipt_name(digest):
    """The name of the receipt for a submission of this SHA-256; whoever has the submission can tell it."""
    return f"receipt-{digest[:16]}.txt"


def write(event, entries, folder, names=None, memory=None):
    """Write the receipts of all submissions of which a copy was taken into a folder `receipts`.

    A receipt says what the board shows before the deadline, and no more: the first metric on the public part, rounded.

    Parameters
    ----------
    event : common.hackathon.event.Event
    entries : list of common.hackathon.judge.Entry
        As `leaderboard.judge_all` returns them.
    folder : path-like
        The folder of the event.
    names : dict of str to str, optional
        The made-up names of the teams on the boards.
    memory : dict, optional
        Where what was written stays between two calls, so that it is not compared again.
    """
    memory = {} if memory is None else memory
    for content, text in texts(event, entries, names).items():
        path = Path(folder, FOLDER, receipt_name(content))
        if memory.get(path) == text and path.is_file():
            continue
        blob = text.encode()
        if not path.is_file() or path.read_bytes() != blob:
            with atomic_write(path) as temporary:
                temporary.write_bytes(blob)
        memory[path] = text


def texts(event, entries, names=None):
    """The receipts of all submissions of which a copy was taken: {SHA-256: text}."""
    of_file = {}
    for entry in entries:
        if entry.content and not entry.baseline:
            of_file.setdefault(entry.content, []).append(entry)
    titles = {name: challenge.title for name, challenge in registry().items()}
    return {content: receipt(event, own, titles, names) for content, own in of_file.items()}


def receipt(event, entries, titles, names=None):
    """The receipt of the entries of one submission; `titles` are those of the challenges, by folder."""
    first = entries[0]
    alias = (names or {}).get(first.team)
    lines = [
        event.title, "",
        f"File      {first.file.rpartition('/')[2]}",
        f"SHA-256   {first.content}",
        f"Arrived   {event.clock(first.received)}",
        f"Team      {first.team or 'not known'}",
        *([f"On boards {alias}, until the teams are revealed"] if alias else []), "",
        *(line for entry in entries for line in _verdict(event, entry, titles)),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _verdict(event, entry, titles):
    """What becomes of an entry, in lines."""
    if entry.reason:
        return [f"Not accepted: {entry.reason}.", "It costs nothing of what your team may hand in."]
    if entry.choice:
        return [f"Accepted: after the deadline the submission with the SHA-256 {entry.choice} counts, "
                "unless you choose another one."]  # fmt: skip
    (board,) = (board for board in event.boards if board.name == entry.board)
    metric, (low, high) = board.metrics[0], entry.public.row["interval"]
    part = "" if event.public_fraction == 1 else " on the public part of the test set"
    late = ", but too late" if entry.late else ""
    lines = [
        f"{titles[board.folder]}, {board.task.replace('_', ' ')}: accepted{late}",
        f"{metric} {entry.public.row['scores'][metric]:.6g} [{low:.6g}, {high:.6g}]{part}",
    ]
    if entry.late:
        return [*lines[:1], "It arrived after the deadline: it is listed, and has no rank."]
    return [*lines, *(f"Left {name}: {count}" for name, count in entry.left.items())]
