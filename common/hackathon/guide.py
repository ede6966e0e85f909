"""What participants read: the rules of an event, what each task asks for, and a sample hand-in for each."""

import json
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from common.challenge import Array, Table, registry
from common.colab import REPO, TAG
from common.hackathon import archive

TEMPLATES = Path(__file__).parents[1] / "templates"
APPEALS = timedelta(days=3)  # after the deadline
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A sample\n\nIt only guesses."},
        {"cell_type": "code", "id": "b", "metadata": {}, "source": "print('a guess')", "execution_count": 1,
         "outputs": [{"output_type": "stream", "name": "stdout", "text": "a guess\n"}]},
    ],
    "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
}  # fmt: skip
# One weight that is 0, in the format of safetensors: the size of the header, the header, the weight
HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(56)
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)


@cache
def _templates():
    return Environment(
        loader=FileSystemLoader(TEMPLATES), trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
        keep_trailing_newline=True, autoescape=False,  # texts in Markdown, of what the organiser wrote
    )  # fmt: skip


def rules(event):
    """The rules of an event in Markdown: who takes part, what counts, questions, how to appeal."""
    challenges = list(dict.fromkeys(board.folder for board in event.boards))
    asked = dict.fromkeys(registry()[board.folder].title for board in event.boards if board.weights)
    return _templates().get_template("rules.md").render(
        event=event, people=archive.PEOPLE, weights=", ".join(asked), appeals=event.deadline + APPEALS,
        parted="" if event.public_fraction == 1 else f"{event.public_fraction:.0%}",
        several=len(challenges) if len(challenges) > 1 else 0,
    )  # fmt: skip


def readme(event, samples):
    """The page beside the test sets, in Markdown.

    Parameters
    ----------
    event : common.hackathon.event.Event
    samples : dict of str to str
        What `about` says of the test set of each board, by name.
    """
    return _templates().get_template("guide.md").render(
        event=event, tasks=[_task(board, samples[board.name]) for board in event.boards]
    )


def about(samples):
    """The samples of a test set in words."""
    X = samples.X
    if not hasattr(X, "shape"):
        text = f"`test.X` is a list of {type(X[0]).__name__}"
    else:
        text = f"`test.X` has shape {X.shape} and holds {X.dtype}"
    if columns := samples.meta.get("columns"):
        text += f", with the columns {', '.join(columns)}"
    known = [name for name, value in samples.meta.items() if name != "columns" and hasattr(value, "__len__")
             and not isinstance(value, str) and len(value) == len(samples)]  # fmt: skip
    if known:
        text += f"; `test.meta` has {', '.join(known)} of each"
    return text


def _task(board, samples):
    challenge = registry()[board.folder]
    task = challenge.task(board.task)
    title = f"{challenge.title}, {board.task.replace('_', ' ')}"
    metrics = {metric.name: metric for metric in task.metrics}
    return {
        "title": title, "anchor": title.lower().replace(",", "").replace(" ", "-"), "name": board.name,
        "folder": board.folder, "task": board.task, "n": f"{board.n:,}", "samples": samples,
        "weights": board.weights, "summary": challenge.summary, "page": f"{REPO}/tree/{TAG}/{board.folder}",
        "metrics": [metrics[name] for name in board.metrics], "wanted": f"`{task.submission.wanted}`",
        "handed_in": task.submission.contents if task.executes else _handed_in(task.submission),
        "written": "detector" if task.executes else "predictions",
    }  # fmt: skip


def _handed_in(submission):
    """What a submission holds, in words."""
    if isinstance(submission, Table):
        columns = ", ".join(submission.columns)
        if len(submission.columns) > 1:
            columns += " separated by tabs" if submission.delimiter == "\t" else " separated by commas"
        return (f"`{submission.wanted}`: one row a sample, in the order of the test set, with {columns}; "
                f"numbers from {submission.low:g} to {submission.high:g}")  # fmt: skip
    if isinstance(submission, Array):
        return (f"`{submission.wanted}`: numbers from {submission.low:g} to {submission.high:g} in floating point, of "
                f"shape (samples, {', '.join(map(str, submission.shape))})")  # fmt: skip
    return f"`{submission.wanted}`: one text in UTF-8 a sample, in the order of the test set"


def samples(event):
    """A hand-in that guesses, for every task: {path in the folder of the participants: bytes}.

    `submit` packs it, and it is scored: whoever tries it knows that all is in place.
    """
    files = {
        "sample/notebook.ipynb": json.dumps(NOTEBOOK, indent=1).encode() + b"\n",
        "sample/weights.safetensors": WEIGHTS,
    }
    for board in event.boards:
        with tempfile.TemporaryDirectory() as place:
            registry()[board.folder].task(board.task).submission.sample(place, board.n)
            for path in sorted(Path(place).iterdir()):
                files[f"sample/{board.folder}/{path.name}"] = path.read_bytes()
    return files
