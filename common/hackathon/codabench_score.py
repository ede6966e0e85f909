"""Scoring of one submission on Codabench, by the same code and with the same checks as at home.

It runs in the folders of Codabench's compute worker: the files of a submission, unpacked, are in `res`, the truth is in
`ref`, and scores are written for the leaderboard. A submission that is refused ends with status 1 and without scores.
"""

import html
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

from common.archives import is_clutter
from common.challenge import SubmissionError
from common.datasets import read
from common.hackathon import archive, judge
from common.hackathon.event import Board

SCORES, DETAILS = "scores.json", "detailed_results.html"


def key_of(metric):
    """The key of a metric on the leaderboard: "AUC by run" is auc_by_run."""
    return re.sub(r"[^a-z0-9]+", "_", metric.casefold()).strip("_")


def main(program, source, target):
    """Score the submission in `source/res`; returns the exit status.

    Parameters
    ----------
    program : path-like
        The folder of the scoring program, with `board.json`: the boards of the challenge, and which is scored; and
        with `samples`, the test sets on which submissions are executed.
    source, target : path-like
        The folders input and output of Codabench.
    """
    target = Path(target)
    target.mkdir(parents=True, exist_ok=True)
    (target / SCORES).unlink(missing_ok=True)
    about = json.loads(Path(program, "board.json").read_text("utf-8"))
    boards = [Board(**{**board, "metrics": tuple(board["metrics"])}) for board in about["boards"]]
    (board,) = (board for board in boards if board.name == about["name"])
    part, name = read_part(Path(source, "ref", f"{board.name}.npz"))
    judge.import_all(boards)
    given = {other: Path(program, "samples", f"{other.name}.npz") for other in boards}
    samples = {other: read(path).X for other, path in given.items() if path.exists()}
    marks, reason = judge.attempt(lambda: _marks(Path(source, "res"), boards, board, part, samples))
    if marks is None:
        (target / DETAILS).write_text(_page(board, [f"Not accepted: {reason}."]), "utf-8")
        print(f"not accepted: {reason}", file=sys.stderr)
        return 1
    low, high = marks.row["interval"]
    first, shown = board.metrics[0], board.metrics if name == "private" else board.metrics[:1]
    lines = [f"{metric} {marks.row['scores'][metric]:.6g}" for metric in shown]
    lines[0] += f" [{low:.6g}, {high:.6g}]"
    (target / DETAILS).write_text(_page(board, lines), "utf-8")
    temporary = target / f".{SCORES}"
    temporary.write_text(json.dumps({key_of(first): marks.row["scores"][first]}), "utf-8")
    temporary.replace(target / SCORES)  # all of it or nothing
    print("; ".join(lines))
    return 0


def read_part(path):
    """The Part of a test set in a file of reference data, and its name."""
    truth = read(path)
    labels = truth.X if isinstance(truth.X, np.ndarray) else np.array(truth.X, dtype=object)
    return judge.Part(labels, truth.meta.get("run"), truth.meta["rows"], truth.meta["n"]), truth.meta["part"]


def _marks(folder, boards, board, part, samples):
    """The Marks of a submission that lies unpacked in a folder."""
    with tempfile.TemporaryDirectory() as place:
        packed = Path(place, "submission.zip")
        with judge.bounded():
            _pack(folder, packed)
        with judge.bounded(), archive.opened(packed) as opened:
            manifest = opened.manifest
            if manifest.choice:
                raise SubmissionError("a choice of a submission: here your best one on the leaderboard counts")
            if manifest.challenge != board.folder:
                raise SubmissionError(f"a submission for {manifest.challenge[:40]!r}, but this is {board.folder}")
            found = dict(judge.predictions(boards, opened, {other: other.n for other in boards}, samples))
            if board not in found:
                raise SubmissionError(f"no predictions for the task {board.task}")
            return judge.marked(board, part, found[board])


def _pack(folder, target):
    """Put what lies in a folder back into one zip file, so that it passes the checks that every submission passes."""
    paths = {}
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in [*folders, *files]):
            name = path.relative_to(folder).as_posix()
            if is_clutter(name):
                continue
            if path.is_symlink() or (not path.is_dir() and not archive.is_expected(name)):
                raise SubmissionError(f"{archive.shown(name)}: no file of a submission has this name, or is a link")
            if not path.is_dir():
                paths[name] = path
    archive.check_sizes({name: path.lstat().st_size for name, path in paths.items()})
    with zipfile.ZipFile(target, "w") as packed:
        for name, path in paths.items():
            with archive.plain_file(path) as file, packed.open(name, "w", force_zip64=True) as out:
                shutil.copyfileobj(file, out)


def _page(board, lines):
    """The lines as a page; everything in them is escaped."""
    text = "".join(f"<p>{html.escape(line)}</p>\n" for line in lines)
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{board.name}</title>\n{text}</html>\n'
