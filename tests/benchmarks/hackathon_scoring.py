"""Seconds to validate and score 200 submissions of all challenges: python tests/benchmarks/hackathon_scoring.py

The event is that of the course, with test sets of at most --n samples; predictions are the truth with noise.
"""

import argparse
import re
import tempfile
import time
from pathlib import Path

import numpy as np

from common.challenge import Array, Table, registry
from common.datasets import read
from common.hackathon import archive, event, leaderboard
from common.hackathon.prepare import prepare

NOTEBOOK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
HEADER = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(72)
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)


def predictions(submission, labels, rng):
    """What a team might hand in: the labels with noise."""
    if isinstance(submission, Array):
        images = labels.reshape(len(labels), *submission.shape)
        return np.clip(images + rng.normal(0, 0.05, images.shape), submission.low, submission.high)
    if not isinstance(submission, Table):  # texts
        return [text.replace("e", "c", int(rng.integers(9))) for text in labels]
    columns = len(submission.columns)
    if labels.ndim == 2:
        return labels * rng.normal(1, 0.05, labels.shape)
    truth = labels if columns == 1 else np.eye(columns)[labels]
    return np.clip(0.5 + 0.2 * (truth - 0.5) + rng.normal(0, 0.1, truth.shape), 0, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--submissions", type=int, default=200)
    parser.add_argument("--n", type=int, default=1000, help="samples of a test set, at most")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place, "event.toml")
        example = event.EXAMPLE.read_text("utf-8")
        file.write_text(re.sub(r"(?m)^n = (\d+)", lambda n: f"n = {min(int(n[1]), options.n)}", example), "utf-8")
        folder, submissions = Path(place, "event"), Path(place, "submissions")
        prepare(file, None, folder, past=True)
        submissions.mkdir()
        boards = event.load(file).boards
        for i in range(options.submissions):
            board = boards[i % len(boards)]
            submission = registry()[board.folder].task(board.task).submission
            labels = read(folder / "private" / f"{board.name}.npz").X
            mine = Path(place, f"team{i}")
            mine.mkdir()
            if registry()[board.folder].task(board.task).executes:
                submission.sample(mine, board.n)
            else:
                submission.write(mine, predictions(submission, labels, rng))
            contents = {archive.PREDICTIONS + path.name: path for path in mine.iterdir()}
            contents |= {archive.NOTEBOOK: NOTEBOOK, archive.WEIGHTS: WEIGHTS}
            manifest = archive.Manifest(f"Team number {i}", (), board.folder, {})
            archive.write(submissions / f"{i:03d}.zip", manifest, contents)
        start = time.perf_counter()
        entries = leaderboard.judge_all(folder, submissions, options.workers)
        seconds = time.perf_counter() - start
        board = leaderboard.rank(event.load(file), entries)
        late = sum(row["late"] for part in board["boards"] for row in part["history"])
        print(f"{len(entries)} submissions of {len(boards)} tasks: {seconds:.0f} s with {options.workers} processes, "
              f"{len(board['rejected'])} rejected, {late} late (the event is over)")
        for row in board["rejected"][:5]:
            print(f"  {row['file']}: {row['reason']}")


if __name__ == "__main__":
    main()
