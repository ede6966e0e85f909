"""Seconds that a look of `watch` takes in an event of many teams: python tests/benchmarks/hackathon_watch.py

Teams register and hand in for every board, several times a day, for some days. Test sets are small, and what is handed
in is judged once, in this process, before the clock starts: scoring costs the same however many teams there are (see
hackathon_scoring.py). Measured is what grows with the event: a look at which nothing has arrived, one at which one
hand-in per board has, and one after a new start.
"""

import argparse
import hashlib
import re
import resource
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from unittest import mock

import numpy as np
from hackathon_scoring import CIRCUIT, NOTEBOOK, WEIGHTS, predictions

from common.challenge import registry
from common.datasets import read
from common.hackathon import archive, arrivals, event, judge, leaderboard, roster
from common.hackathon.prepare import prepare

START = datetime(2026, 7, 8, 8, tzinfo=timezone.utc)
SECRET = "a-secret-of-the-benchmark-4711-quartz"


def event_file(path, n):
    """The event of the course with small test sets, registration, and a deadline to come."""
    text = event.EXAMPLE.read_text("utf-8").replace("2024-07-08", "2026-07-08").replace("2024-07-15", "2026-07-09")
    text = re.sub(r"(?m)^n = (\d+)", lambda found: f"n = {min(int(found[1]), n)}", text)
    text = re.sub(r'(?m)(task = "super_resolution"\nn = )\d+', r"\g<1>2", text)  # images are large
    text = re.sub(r"(?m)^end = .*", "end = 2026-08-29", text)
    text = re.sub(r"(?m)^deadline = .*", "deadline = 2026-08-29T18:00:00Z", text)
    path.write_text("registration = true\n" + text, "utf-8")


def contents_of(board, labels, rng):
    """The files of a hand-in, as bytes."""
    submission = registry()[board.folder].task(board.task).submission
    with tempfile.TemporaryDirectory() as place:
        submission.write(place, predictions(submission, labels, rng))
        contents = {archive.PREDICTIONS + file.name: file.read_bytes() for file in Path(place).iterdir()}
    if board.name == "QuantumML-quantum":
        contents[archive.PREDICTIONS + "quantum_circuit.qasm"] = CIRCUIT
    return contents | {archive.NOTEBOOK: NOTEBOOK, archive.WEIGHTS: WEIGHTS}


def look(seconds, what, folder, submissions, memory):
    """One look of `watch`, as it does it."""
    begin = time.process_time(), time.perf_counter()
    board, entries = leaderboard.score(folder, submissions, 0, memory)
    used = time.process_time() - begin[0]
    seconds[what] = used
    print(f"{what}: {used:.1f} s of processor, {time.perf_counter() - begin[1]:.1f} s by the clock", flush=True)
    return board


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teams", type=int, default=200)
    parser.add_argument("--a-day", type=int, default=5, help="hand-ins of a team for each board on a day")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--n", type=int, default=60, help="samples of a test set, at most")
    parser.add_argument("--profile", action="store_true", help="say where the time goes")
    options = parser.parse_args()
    rng, seconds = np.random.default_rng(0), {}
    with tempfile.TemporaryDirectory() as place:
        file, folder, submissions = Path(place, "event.toml"), Path(place, "event"), Path(place, "submissions")
        event_file(file, options.n)
        now = mock.patch.object(arrivals, "now", lambda: START)
        with now:
            prepare(file, SECRET, folder)
        submissions.mkdir()
        boards = event.load(file).boards
        names = [f"Team number {i}" for i in range(options.teams)]
        keys = [hashlib.sha256(name.encode()).hexdigest() for name in names]
        roster._write(folder, [roster.Team(name, ("Ana García",), key, START)
                               for name, key in zip(names, keys, strict=True)])  # fmt: skip
        # Ten hand-ins of each board are judged; the others differ in team and time, and have the scores of one of them
        labels = {board: read(folder / "private" / f"{board.name}.npz").X for board in boards}
        pool = {board: [contents_of(board, labels[board], rng) for _ in range(10)] for board in boards}
        judged, judge_one = {}, judge.judge

        def judge_pooled(event_folder, arrival):
            """Judge what stands in the name of the file, once."""
            kind = arrival.file.split("-", 1)[1]
            if kind not in judged:
                judged[kind] = judge_one(event_folder, arrival)
            with archive.opened(arrival.path) as opened:
                about = opened.manifest
            return [replace(entry, file=arrival.file, received=arrival.time, content=arrival.digest,
                            team=about.team, key=about.key, left={}) for entry in judged[kind]]  # fmt: skip

        count = 0

        def hand_in(board, i):
            nonlocal count
            count, kind = count + 1, int(rng.integers(10))
            own = {archive.NOTEBOOK: NOTEBOOK.replace(b'"metadata": {}', b'"metadata": {"n": %d}' % count)}
            manifest = archive.Manifest(names[i], ("Ana García",), board.folder, {}, keys[i])
            archive.write(submissions / f"{count:06d}-{board.name}-{kind}.zip", manifest, pool[board][kind] | own)

        begin = time.perf_counter()
        for _ in range(options.days * options.a_day):
            for i in range(options.teams):
                for board in boards:
                    hand_in(board, i)
        print(f"{count} hand-ins of {options.teams} teams on {len(boards)} boards, made in "
              f"{time.perf_counter() - begin:.0f} s")  # fmt: skip
        time.sleep(arrivals.SETTLED + 0.1)
        memory, clock = {}, mock.patch.object(arrivals, "now", lambda: START + timedelta(hours=1))
        with clock, mock.patch.object(judge, "judge", judge_pooled):
            look(seconds, "the first look, without the scoring itself", folder, submissions, memory)
            for board in boards:
                hand_in(board, 0)
            if options.profile:
                import cProfile

                with cProfile.Profile() as profile:
                    look(seconds, "a look at which one for each board has arrived", folder, submissions, memory)
                profile.print_stats("cumtime")
            board = look(seconds, "a look at which one for each board has arrived", folder, submissions, memory)
            begin = time.process_time()
            arrivals.receive(folder, submissions, memory=memory)
            print(f"a look at which nothing has arrived: {time.process_time() - begin:.1f} s of processor")
            look(seconds, "a look after a new start", folder, submissions, {})
        assert len(board["overall"]) == options.teams and not board["rejected"], board["rejected"][:3]
        for name in ("leaderboard.html", "leaderboard.json"):
            print(f"{name}: {(folder / name).stat().st_size / 1e6:.1f} MB")
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{most:.0f} MB of memory at most")


if __name__ == "__main__":
    main()
