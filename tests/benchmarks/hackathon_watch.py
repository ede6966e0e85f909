"""Seconds that a look of `watch` takes in an event of many teams: python tests/benchmarks/hackathon_watch.py

Teams register and hand in for every board, several times a day, for some days. Test sets are small and of made-up
labels, and one hand-in of each board is judged, whose scores, a little changed, stand for all: judging costs the same
however many teams there are (see hackathon_scoring.py). Measured is what grows with the event: the first look, one at
which one hand-in for each board has arrived, one at which nothing has, and one after a new start.
"""

import argparse
import cProfile
import hashlib
import resource
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import numpy as np
from hackathon_scoring import NOTEBOOK, WEIGHTS, predictions

from common.challenge import registry
from common.datasets import Dataset, read, to_bytes
from common.hackathon import archive, arrivals, event, judge, leaderboard, roster
from tests.test_hackathon_submit import TASKS

START = datetime(2026, 7, 8, 8, tzinfo=timezone.utc)


def make_event(folder, n):
    """The folder of an event with the boards of the course, as `prepare` makes it, with registration."""
    head = event.EXAMPLE.read_text("utf-8").partition("[[challenge]]")[0].replace("2024-", "2026-")
    text = "registration = true\n" + head
    for part in ("public", "private"):
        (folder / part).mkdir(parents=True)
    for (challenge, task), (labels, _) in TASKS.items():
        size = 2 if task == "super_resolution" else n  # images are large
        text += f'[[challenge]]\nfolder = "{challenge}"\ntask = "{task}"\nn = {size}\n'
        truth = labels(size)
        truth = list(truth) if truth.dtype == object else truth
        meta = {"columns": ["label"], **({"run": np.arange(size) // 2} if challenge == "Exoplanet" else {})}
        (folder / "private" / f"{challenge}-{task}.npz").write_bytes(to_bytes(Dataset(truth, None, meta)))
        (folder / "public" / f"{challenge}-{task}.npz").write_bytes(to_bytes(Dataset(np.ones((size, 3, 3)), None)))
    (folder / "event.toml").write_text(text, "utf-8")


def contents_of(board, labels, rng):
    """The files of a hand-in, as bytes."""
    submission = registry()[board.folder].task(board.task).submission
    with tempfile.TemporaryDirectory() as place:
        if registry()[board.folder].task(board.task).executes:
            submission.sample(place, board.n)
        else:
            submission.write(place, predictions(submission, labels, rng))
        contents = {archive.PREDICTIONS + file.name: file.read_bytes() for file in Path(place).iterdir()}
    return contents | {archive.NOTEBOOK: NOTEBOOK, archive.WEIGHTS: WEIGHTS}


def changed(marks, factor):
    scores = {name: value * factor for name, value in marks.scores.items()}
    row = {"scores": {name: round(value, 3) for name, value in scores.items()},
           "interval": [round(value * factor, 3) for value in marks.row["interval"]]}  # fmt: skip
    return judge.Marks(scores, marks.copies * factor, row)


class Crowd:
    """Teams, and what they hand in: the same predictions for a board each time, in a file of its own content.

    Parameters
    ----------
    place : Path
        Where the folders of the event and of the submissions are made.
    teams, n : int
        Number of teams; samples of a test set, at most.
    """

    def __init__(self, place, teams, n):
        self.folder, self.submissions = place / "event", place / "submissions"
        make_event(self.folder, n)
        self.submissions.mkdir()
        self.boards = event.load(self.folder / "event.toml").boards
        self.names = [f"Team number {i}" for i in range(teams)]
        self.keys = [hashlib.sha256(name.encode()).hexdigest() for name in self.names]
        members = [roster.Team(name, ("Ana García",), key, START)
                   for name, key in zip(self.names, self.keys, strict=True)]  # fmt: skip
        roster._write(self.folder, members)
        self.rng, self.count = np.random.default_rng(0), 0
        self.files = {
            board: contents_of(board, read(self.folder / "private" / f"{board.name}.npz").X, self.rng)
            for board in self.boards
        }
        self.judged, self.judge_one = {}, judge.judge

    def hand_in(self, board, i):
        self.count += 1
        own = {archive.NOTEBOOK: NOTEBOOK.replace(b'"metadata": {}', b'"metadata": {"n": %d}' % self.count)}
        manifest = archive.Manifest(self.names[i], ("Ana García",), board.folder, {}, self.keys[i])
        archive.write(self.submissions / f"{self.count:06d}-{board.name}.zip", manifest, self.files[board] | own)

    def judge(self, event_folder, arrival):
        """Judge the first hand-in of the board that stands in the name of the file, and change its scores."""
        board = arrival.file.split("-", 1)[1]
        if board not in self.judged:
            (self.judged[board],) = self.judge_one(event_folder, arrival)
        with archive.opened(arrival.path) as opened:
            about = opened.manifest
        marks = changed(self.judged[board].public, self.rng.uniform(0.9, 1))
        known = {"file": arrival.file, "received": arrival.time, "content": arrival.digest, "team": about.team}
        return [replace(self.judged[board], **known, key=about.key, left={}, public=marks, private=marks)]

    def look(self, what, memory):
        """One look of `watch`, as it does it; returns the leaderboard."""
        processor, clock = time.process_time(), time.perf_counter()
        board, _ = leaderboard.score(self.folder, self.submissions, 0, memory)
        print(f"{what}: {time.process_time() - processor:.1f} s of processor, "
              f"{time.perf_counter() - clock:.1f} s by the clock", flush=True)  # fmt: skip
        return board


def looks(crowd, profile):
    """Print what each kind of look takes; returns the leaderboard."""
    memory = {}
    crowd.look("the first look, without the scoring itself", memory)
    arrived = "a look at which one for each board has arrived"
    for board in crowd.boards:
        crowd.hand_in(board, 0)
    if profile:
        with cProfile.Profile() as measured:
            crowd.look(arrived, memory)
        measured.print_stats("cumtime")
    board = crowd.look(arrived, memory)
    begin = time.process_time()
    arrivals.receive(crowd.folder, crowd.submissions, memory=memory)
    print(f"a look at which nothing has arrived: {time.process_time() - begin:.1f} s of processor")
    crowd.look("a look after a new start", {})
    return board


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--a-day", type=int, default=5, help="hand-ins of a team for each board on a day")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--n", type=int, default=24, help="samples of a test set, at most")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        crowd, begin = Crowd(Path(place), options.teams, options.n), time.perf_counter()
        for _ in range(options.days * options.a_day):
            for i in range(options.teams):
                for board in crowd.boards:
                    crowd.hand_in(board, i)
        print(f"{crowd.count} hand-ins of {options.teams} teams on {len(crowd.boards)} boards, made in "
              f"{time.perf_counter() - begin:.0f} s")  # fmt: skip
        time.sleep(arrivals.SETTLED + 0.1)
        clock = mock.patch.object(arrivals, "now", lambda: START + timedelta(hours=1))
        with clock, mock.patch.object(judge, "judge", crowd.judge):
            board = looks(crowd, options.profile)
        assert len(board["overall"]) == options.teams and not board["rejected"], board["rejected"][:3]
        for name in ("leaderboard.html", "leaderboard.json"):
            print(f"{name}: {(crowd.folder / name).stat().st_size / 1e6:.1f} MB")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB of memory at most")


if __name__ == "__main__":
    main()
