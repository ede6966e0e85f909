"""Results of judging that are kept by content, so that a submission is read and scored once."""

import base64
import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from common.files import atomic_write
from common.hackathon import arrivals, judge

FOLDER = "private/judged"


class Kept:
    """The results of an event in its private folder: one JSON file a submission, by its SHA-256.

    They hold for the boards and test sets with which they were made. After an update of the course delete the folder.
    What was refused for its time or memory is tried again, since a busy machine may be to blame: at the next scoring,
    and then each time after twice as long, so that one that does take too long costs the others little.
    """

    def __init__(self, folder, event, memory=None):
        self.folder, self._entries = Path(folder, FOLDER), {} if memory is None else memory
        digest = hashlib.sha256(json.dumps([judge.COPIES, list(map(asdict, event.boards))]).encode())
        for board in event.boards:
            digest.update(Path(folder, "private", f"{board.name}.npz").read_bytes())
        self.stamp, self._tried = digest.hexdigest(), {}  # when submissions were first refused for time or memory

    def get(self, arrival):
        """The entries of a submission that was judged before, or None; what was withdrawn has none."""
        if not arrival.digest or arrival.fault:
            return None
        if (entries := self._entries.get(key := (self.stamp, arrival.digest))) is None:
            try:
                about = json.loads((self.folder / f"{arrival.digest}.json").read_text("utf-8"))
                if about["stamp"] != self.stamp or about["sha256"] != _digest(about["entries"]):
                    return None
                entries = [_entry(row, arrival) for row in about["entries"]]
                if tried := about.get("tried"):
                    first, last = tried
                    self._tried[arrival.digest] = first
                    if not 0 <= arrivals.now().timestamp() - last < last - first:
                        return None
                else:
                    self._entries[key] = entries
            except (OSError, ValueError, LookupError, TypeError, RecursionError):  # none or damaged: judged again
                return None
        return [replace(entry, file=arrival.file, received=arrival.time, left={}) for entry in entries]

    def put(self, arrival, entries):
        """Keep the entries of a submission, unless its copy is gone or an error was not its own."""
        if not arrival.digest or arrival.fault or any(e.reason.startswith(judge.UNEXPECTED) for e in entries):
            return
        rows = [_row(entry) for entry in entries]
        about = {"stamp": self.stamp, "sha256": _digest(rows), "entries": rows}
        if any(entry.reason.startswith(judge.PASSING) for entry in entries):
            now = arrivals.now().timestamp()
            about["tried"] = [self._tried.get(arrival.digest, now), now]
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with atomic_write(self.folder / f"{arrival.digest}.json") as temporary:
            temporary.write_text(json.dumps(about), "utf-8")


def _digest(rows):
    """The SHA-256 of results: what was changed since is damaged."""
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


FIELDS = ("team", "key", "choice", "board", "fingerprint", "reason")


def _row(entry):
    final = None if entry.private is entry.public else _marks_row(entry.private)
    return {name: getattr(entry, name) for name in FIELDS} | {
        "members": list(entry.members), "public": entry.public and _marks_row(entry.public), "private": final,
    }  # fmt: skip


def _entry(row, arrival):
    public, private = (row[part] and _marks(row[part]) for part in ("public", "private"))
    return judge.Entry(arrival.file, arrival.time, arrival.digest, members=tuple(row["members"]), public=public,
                       private=private or public, **{name: row[name] for name in FIELDS})  # fmt: skip


def _marks_row(marks):
    return {"scores": marks.scores, "row": marks.row, "copies": base64.b64encode(marks.copies.tobytes()).decode()}


def _marks(row):
    return judge.Marks(row["scores"], np.frombuffer(base64.b64decode(row["copies"])), row["row"])
