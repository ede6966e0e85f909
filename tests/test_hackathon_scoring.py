"""Scoring: arrivals, keys, ranking, what is shown, and that nothing in one submission stops the others."""

import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from common.challenge import SubmissionError, registry
from common.hackathon import archive, arrivals, contents, event, history, judge, keys, leaderboard
from common.hackathon.__main__ import main
from Exoplanet.challenge import CHALLENGE as EXOPLANET
from RenAIssance import metrics
from tests.test_hackathon import (  # noqa: F401  (fixtures)
    IN_TIME,
    KEY,
    N,
    clock,
    good,
    hand_in,
    prepared,
    truth,
)  # fmt: skip
from tests.test_hackathon_submit import solution, submitted  # noqa: F401

SCHEMA = json.loads(Path(leaderboard.__file__).with_name("leaderboard.schema.json").read_text("utf-8"))
OTHER_KEY = "8" * 64


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch):  # noqa: F811
    """An event of its own for a test that scores, with few bootstrap copies."""
    monkeypatch.setattr(judge, "COPIES", 20)
    return shutil.copytree(prepared, tmp_path / "event")


def scored(folder, submissions, time=IN_TIME):
    """The leaderboard, judged in this process; it fits the schema and is JSON without NaN."""
    board = leaderboard.rank(event.load(folder / "event.toml"), leaderboard.judge_all(folder, submissions, 0), time)
    jsonschema.validate(json.loads(json.dumps(board, allow_nan=False)), SCHEMA)
    return board


def reasons(board):
    return {row["file"]: row["reason"] for row in board["rejected"]}


def teams(board):
    return {row["team"]: row for row in board["boards"][0]["ranking"]}


def test_a_refusal_for_time_is_tried_again_and_then_less_and_less_often(folder, tmp_path, monkeypatch):
    place, tries = tmp_path / "subs", []
    hand_in(place, "a.zip", good(3.0), "A")
    arrivals.receive(folder, place)
    start = arrivals.now()

    def slow(*_):
        tries.append(None)
        raise judge.TooLong("20 s of one core")

    for after, tried in (0, 1), (100, 2), (150, 2), (201, 3), (300, 3), (403, 4):
        with monkeypatch.context() as patched:
            patched.setattr(arrivals, "now", lambda after=after: start + timedelta(seconds=after))
            patched.setattr(judge, "score", slow)
            board = scored(folder, place)
        assert reasons(board) == {"a.zip": "takes more than 20 s of one core to read and score"} and len(tries) == tried
    monkeypatch.setattr(arrivals, "now", lambda: start + timedelta(seconds=900))
    assert teams(scored(folder, place))["A"]


# --------------------------------------------------------------------------------------------------
# Ranking


def test_best_history_late_ties_and_noise(folder, tmp_path, clock):  # noqa: F811
    place = tmp_path / "subs"
    hand_in(place, "a1.zip", good(1.0), "A")
    hand_in(place, "a2.zip", good(4.0), "A", ["Ana"])
    hand_in(place, "b.zip", good(4.0), "B")
    hand_in(place, "c.zip", good(3.9, seed=1), "C")
    hand_in(place, "d.zip", 1 - good(3.0), "D")
    hand_in(place, "e.zip", good(9.0), "Á", key=OTHER_KEY)  # could be taken for A
    (place / "notes.txt").write_text("hello")
    arrivals.receive(folder, place)
    clock(IN_TIME + timedelta(minutes=2))
    hand_in(place, "a3.zip", truth(folder), "A", ["Zoe"])  # perfect, and late
    board = scored(folder, place)
    higgs, rows = board["boards"][0], teams(board)
    assert rows["A"]["scores"] == rows["B"]["scores"] and rows["A"]["rank"] == rows["B"]["rank"]
    assert "D" in rows, reasons(board)
    assert rows["D"]["rank"] == 4 and not rows["D"]["within_noise"]
    assert all(rows[team]["within_noise"] for team in "ABC")
    assert rows["A"]["file"] == "a2.zip" and rows["A"]["members"] == ["Ana"]
    assert [row["late"] for row in higgs["history"]].count(True) == 1 and len(higgs["history"]) == 6
    assert "could be taken for 'A'" in reasons(board)["e.zip"] and "not a sound zip" in reasons(board)["notes.txt"]
    in_processes = leaderboard.judge_all(folder, place, workers=2)
    in_this_one = leaderboard.judge_all(folder, place, workers=0)
    assert [(e.file, e.team, e.public and e.public.scores, e.reason) for e in in_processes] == [
        (e.file, e.team, e.public and e.public.scores, e.reason) for e in in_this_one
    ]


def test_until_the_deadline_only_the_first_metric_is_published(folder, tmp_path):
    hand_in(tmp_path / "subs", "a.zip", good())
    before = scored(folder, tmp_path / "subs")["boards"][0]
    after = scored(folder, tmp_path / "subs", IN_TIME + timedelta(days=1))["boards"][0]
    assert before["metrics"] == ["AUC"] and set(before["history"][0]["scores"]) == {"AUC"}
    assert set(after["history"][0]["scores"]) == set(after["metrics"]) == {"AUC", "accuracy", "log loss"}


def test_what_is_shown_is_rounded_to_what_the_test_set_can_tell():
    row = judge.row_of({"AUC": 0.78912345, "log loss": 0.5123456789}, np.array([0.75, 0.83]))
    assert row == {"scores": {"AUC": 0.78, "log loss": 0.52}, "interval": [0.76, 0.82]}
    for value in (0.0, 1e300, -1e300, 5e-324, 123456789.123, 1.0, *(10.0**k for k in range(-9, 9))):
        row = judge.row_of({"a": value}, np.full(9, value))
        shown = f"{row['scores']['a']:.6g}"
        assert len(shown) <= 13 and float(shown) == pytest.approx(value, rel=1e-3)


def test_what_is_shown_does_not_tell_single_labels(folder, tmp_path):
    """Predictions that are all the same but one would show the label of that one, and many such all labels."""
    labels, place = truth(folder), tmp_path / "subs"
    rows = [np.flatnonzero(labels == k)[0] for k in (0, 1)]
    for row in rows:
        hand_in(place, f"{row}.zip", np.where(np.arange(N) == row, 0.6, 0.5), f"Row {row}")
    board = scored(folder, place)["boards"][0]
    assert {(row["rank"], row["scores"]["AUC"]) for row in board["ranking"]} == {(1, 0.5)}
    assert [row["team"] for row in board["ranking"]] == [f"Row {row}" for row in rows]  # by time of arrival
    over = scored(folder, place, IN_TIME + timedelta(days=1))["boards"][0]
    assert [row["team"] for row in over["ranking"]] == [f"Row {row}" for row in reversed(rows)]


def test_the_ranking_over_all_challenges_is_that_of_its_rule():
    """100 for the first, a share for the others; a challenge with two boards counts as their mean."""
    def board(challenge, *ranks):
        rows = [{"team": team, "rank": rank, "received": f"2026-07-0{day}"} for day, (team, rank) in enumerate(ranks)]
        return {"challenge": challenge, "ranking": rows}

    boards = [board("Higgs", ("A", 1), ("B", 2), ("C", 3), ("D", 4)), board("NMRSpin", ("B", 1), ("C", 1)),
              board("NMRSpin", ("C", 1)), board("Exoplanet", ("E", 1))]  # fmt: skip
    assert [(row["rank"], row["team"], row["points"]) for row in leaderboard.overall(boards)] == [
        (1, "C", 150.0), (2, "B", 125.0), (3, "A", 100.0), (3, "E", 100.0), (5, "D", 25.0)]  # fmt: skip
    assert leaderboard.overall(boards)[0]["challenges"] == {"Higgs": 50.0, "NMRSpin": 100.0}
    assert leaderboard.overall(boards[1:3]) == []


def test_the_history_is_the_best_of_each_team_so_far():
    def row(team, minute, score, late=False):
        return {"team": team, "received": f"2026-07-08T12:{minute:02d}:00Z", "scores": {"CER": score}, "late": late}

    rows = [row("A", 0, 0.5), row("B", 1, 0.4), row("A", 2, 0.6), row("A", 3, 0.3), row("C", 9, 0.1, late=True)]
    board = {"metrics": ["CER"], "higher_is_better": False, "history": rows, "baselines": [],
             "ranking": [{"team": "A", "interval": [0.2, 0.4]}, {"team": "B", "interval": [0.3, 0.5]}]}  # fmt: skip
    start = history._seconds(rows[0]["received"])
    assert history.bests(board) == {"A": [(start, 0.5), (start + 180, 0.3)], "B": [(start + 60, 0.4)]}
    assert history.told(board) == [rows[0], rows[1], rows[3], rows[4]]
    drawn = history.picture(board)
    (b, a), low_high = drawn["lines"], drawn["band"]
    assert (a["team"], a["place"], b["team"]) == ("A", 1, "B")
    first, then = map(float, re.fullmatch(r"M48 ([\d.]+)H392V([\d.]+)H392", a["path"]).groups())
    assert then > first and low_high[1] > 0  # a smaller error is drawn lower
    assert history.picture({**board, "history": rows[4:], "ranking": []}) is None
    one = history.picture({**board, "history": rows[:1], "ranking": [{"team": "A", "interval": [0.5, 0.5]}]})
    assert len(one["lines"]) == 1 and 3 <= len(one["scores"]) <= 8


def test_copies_have_every_class():
    labels = np.repeat([0, 1, 2], [2, 3, 30])
    for rows, runs in judge.drawn(labels):
        assert np.array_equal(np.bincount(labels[rows]), [2, 3, 30]) and runs is None
    runs = np.repeat(np.arange(8), 4)
    labels = (runs > 5).astype(int)  # two runs with planets
    task = EXOPLANET.task()
    for rows, drawn in judge.drawn(labels, runs):
        assert len(np.unique(drawn)) == 8 and labels[rows].sum() == 8
        assert np.isfinite(task.metrics[0].function(task.truth(labels[rows], drawn), np.linspace(0, 1, 32)[rows]))
    assert judge.classes_of(np.zeros((3, 3))) is None and judge.classes_of(np.array(["a", "b"], object)) is None


# --------------------------------------------------------------------------------------------------
# Arrivals


def test_the_log_is_what_this_machine_saw(folder, tmp_path, clock):  # noqa: F811
    place = tmp_path / "subs"
    path = hand_in(place, "a.zip", good(2.0), "A")
    for when in (0, 2**33, 253402300800):  # 1970, 2242 and beyond the year 9999: the sender's to choose
        try:
            os.utime(path, (when, when))
        except (OSError, OverflowError):
            continue
        (row,) = scored(folder, place)["boards"][0]["ranking"]
        assert row["received"] == "2026-07-29T15:59:00Z"
    clock(IN_TIME + timedelta(days=1))
    path.rename(place / "again.zip")  # the same content, seen in time
    assert not scored(folder, place)["boards"][0]["history"][0]["late"]
    log = (folder / arrivals.FOLDER / arrivals.LOG).read_text("utf-8").splitlines()
    assert len(log) == 2 and len(json.loads(log[0])["sha256"]) == 64
    if os.name == "posix":
        assert (folder / arrivals.FOLDER).stat().st_mode & 0o77 == 0


def test_a_late_one_does_not_destroy_the_one_in_time(folder, tmp_path, clock):  # noqa: F811
    hand_in(tmp_path / "subs", "a.zip", good(2.0), "A")
    arrivals.receive(folder, tmp_path / "subs")
    clock(IN_TIME + timedelta(minutes=2))
    hand_in(tmp_path / "subs", "a.zip", good(5.0), "A")  # under the same name
    board = scored(folder, tmp_path / "subs")
    assert [row["late"] for row in board["boards"][0]["history"]] == [False, True] and teams(board)["A"]["rank"] == 1


@pytest.mark.parametrize("kind", ["folder", "link", "huge", "copy"])
def test_whatever_takes_its_place_does_not_destroy_the_one_in_time(folder, tmp_path, clock, kind):  # noqa: F811
    path = hand_in(tmp_path / "subs", "a.zip", good(2.0), "A")
    arrivals.receive(folder, tmp_path / "subs")
    clock(IN_TIME + timedelta(minutes=2))
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to(tmp_path)
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(archive.ARCHIVE_BYTES + 1)
    else:  # of a file that is there, and was there first
        shutil.copy(hand_in(tmp_path / "subs", "0.zip", good(5.0), "A"), path)
    assert teams(scored(folder, tmp_path / "subs"))["A"]["rank"] == 1


def test_a_folder_of_submissions_has_any_name(folder, tmp_path):
    for name in ("line\u2028separator", "next\x85line"):
        hand_in(tmp_path / name, "a.zip", good(2.0), "A")
        for _ in range(2):
            assert teams(scored(folder, tmp_path / name))


def test_when_files_arrived_can_be_said(folder, tmp_path, clock, capsys):  # noqa: F811
    clock(IN_TIME + timedelta(days=3))
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    command = ["receive", str(folder), str(tmp_path / "subs")]
    assert main([*command, "--at", "2026-07-29T15:00:00Z"]) == 0
    assert "1 submissions, 0 of them late" in capsys.readouterr().out
    assert not scored(folder, tmp_path / "subs")["boards"][0]["history"][0]["late"]
    for wrong, said in (
        ("2026-07-29T15:00:00", "offset"), ("2999-01-01T00:00:00Z", "future"), ("noon", "no time"),
        ("1970-01-01T00:00:00+14:00", "year from 1970"), ("0001-01-01T00:00:00+14:00", "year from 1970"),
        ("9999-12-31T23:59:59-12:00", "future"),
    ):  # fmt: skip
        with pytest.raises(SystemExit):
            main([*command, "--at", wrong])
        assert said in capsys.readouterr().err


def test_a_wrong_time_can_be_taken_back(folder, tmp_path, clock, capsys):  # noqa: F811
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    over = IN_TIME + timedelta(days=3)
    clock(over)
    said = ["receive", str(folder), str(tmp_path / "subs"), "--file", "a.zip", "--at"]
    assert main([*said[:3]]) == 0 and main([*said, "2026-07-28T15:00:00Z"]) == 0  # a slip: the day
    assert main([*said, "2025-07-29T15:00:00Z"]) == 1 and "the event started on 2026-07-" in capsys.readouterr().err
    before = "2026-07-28 15:00:00+00:00"
    for at, late in (("2026-07-29T15:00:00+00:00", 0), (over.isoformat(), 1)):
        capsys.readouterr()
        assert main([*said, at]) == 0
        assert capsys.readouterr().out == (
            f"a.zip: counts as arrived at {datetime.fromisoformat(at)} from now on, and not at {before}\n"
            f"1 submissions, {late} of them late\n")  # fmt: skip
        before = datetime.fromisoformat(at)
    clock(over + timedelta(hours=2))
    hand_in(tmp_path / "subs", "b.zip", good(2.0), "B")
    assert main([*said, (over + timedelta(hours=1)).isoformat()]) == 1
    assert "a.zip: was here at" in capsys.readouterr().err
    log = (folder / arrivals.FOLDER / arrivals.LOG).read_text("utf-8")
    assert "b.zip" in log  # what was seen is logged all the same


def test_a_time_is_said_of_the_content_that_is_meant(folder, tmp_path, clock, capsys):  # noqa: F811
    """What was uploaded in time and then replaced: the proof of the one is none of the other."""
    place, late = tmp_path / "subs", IN_TIME + timedelta(hours=2)
    said = ["receive", str(folder), str(place), "--at", (IN_TIME - timedelta(hours=1)).isoformat(), "--file"]
    first = archive.digest_of(hand_in(place, "a.zip", good(2.0), "A"))
    clock(late)
    arrivals.receive(folder, place)
    clock(late + timedelta(hours=1))
    second = archive.digest_of(hand_in(place, "a.zip", good(5.0), "A"))
    assert main([*said, "a.zip"]) == 1
    error = capsys.readouterr().err
    assert f"a.zip: held another submission at {late}" in error
    assert f"--file {first}.zip or --file {second}.zip" in error
    times = {arrival.digest: arrival.time for arrival in arrivals.receive(folder, place)}
    assert times == {first: late, second: late + timedelta(hours=1)}
    assert main([*said, f"{first}.zip"]) == 0
    (place / "a.zip").unlink()
    assert main([*said, "a.zip"]) == 1 and "is gone, and held several submissions" in capsys.readouterr().err
    assert arrivals.times(folder)[first] < IN_TIME < arrivals.times(folder)[second]
    copy = hand_in(place, f"{first}.zip", good(4.0), "A")  # a name that would take its time
    assert main([*said, f"{first}.zip"]) == 0
    assert arrivals.times(folder)[archive.digest_of(copy)] > IN_TIME
    clock(late + timedelta(hours=2))
    third = archive.digest_of(hand_in(place, "b.zip", good(3.0), "A"))
    arrivals.receive(folder, place)
    (place / "b.zip").unlink()
    assert main([*said, "b.zip"]) == 0 and arrivals.times(folder)[third] < IN_TIME  # there was one only


def test_a_correction_that_the_log_has_lost_is_told(folder, tmp_path, clock, capsys):  # noqa: F811
    place, log = tmp_path / "subs", folder / arrivals.FOLDER / arrivals.LOG
    hand_in(place, "a.zip", good(), "A")
    clock(IN_TIME + timedelta(days=1))
    arrivals.receive(folder, place)
    before, at = log.read_bytes(), (IN_TIME - timedelta(hours=1)).isoformat()
    said = ["receive", str(folder), str(place), "--at", at, "--file"]
    assert main([*said, "a.zip"]) == 0 and not scored(folder, place)["boards"][0]["history"][0]["late"]
    assert "has lost" not in capsys.readouterr().out
    log.write_bytes(before)  # a copy of the day before
    assert scored(folder, place)["boards"][0]["history"][0]["late"]
    told = capsys.readouterr().out
    assert f"{log}: has lost lines since the last scoring, which knew other times of 1 submissions: put back" in told
    assert main([*said, told.split()[-1]]) == 0 and not scored(folder, place)["boards"][0]["history"][0]["late"]
    assert "has lost" not in capsys.readouterr().out


def test_certificates_are_of_all_hand_ins(folder, tmp_path, capsys):
    """The board is of the folder that was scored last; others may hold who won."""
    draw = ["certificates", str(folder), "--before-deadline"]
    for place, name in (("subs", "A"), ("mails", "B")):
        copied = hand_in(tmp_path / place, "a.zip", good(), name)
        leaderboard.score(folder, tmp_path / place, 1)
    assert main(draw) == 1
    said = capsys.readouterr().err
    assert "the board was made from one folder, and 1 submissions were logged from others: score the folder" in said
    shutil.copy(copied, tmp_path / "subs" / "b.zip")
    leaderboard.score(folder, tmp_path / "subs", 1)
    assert main(draw) == 0 and "wrote 2 certificates" in capsys.readouterr().out


def test_what_lies_beside_a_zip_file_is_told(folder, tmp_path, capsys):
    place = tmp_path / "subs"
    (place / "A" / "second").mkdir(parents=True)
    hand_in(place / "A", "a.zip", good(), "A")
    hand_in(place / "A" / "second", "b.zip", good(2.0), "A")
    (place / "A" / "final.rar").write_bytes(b"Rar!")
    (place / "A" / ".DS_Store").write_bytes(b"")
    assert main(["receive", str(folder), str(place)]) == 0
    assert capsys.readouterr().out == (
        "1 submissions, 0 of them late\nnot read, because a zip file lies beside it: A/final.rar, A/second: of the "
        "folder of a team only the zip files themselves are read; move others into the folder of submissions\n"
    )  # fmt: skip


def test_the_event_is_no_folder_of_submissions(folder, tmp_path, capsys):
    for place in (folder / "public", folder / "private"):
        assert main(["receive", str(folder), str(place)]) == 1
        assert "is kept by the event itself: give the folder in which" in capsys.readouterr().err
    for place in (folder, folder.parent):
        assert main(["score", str(folder), str(place), "--workers", "1"]) == 1
        assert "is or holds the folder of the event: give the folder in which" in capsys.readouterr().err
    with pytest.raises(SystemExit):  # as of a shell variable that is not set
        main(["receive", str(folder), ""])
    assert "the path is empty" in capsys.readouterr().err


def test_what_was_logged_counts_until_it_is_withdrawn(folder, tmp_path, clock, capsys):  # noqa: F811
    place, log = tmp_path / "subs", folder / arrivals.FOLDER
    first = hand_in(place, "a.zip", good(2.0), "A")
    arrivals.receive(folder, place)
    clock(IN_TIME + timedelta(minutes=2))
    first.unlink()  # as a platform does that gives each hand-in a name of its own
    hand_in(place, "a-2.zip", good(5.0), "A")
    board = scored(folder, place)
    assert teams(board)["A"]["file"] == "a.zip" and len(board["boards"][0]["history"]) == 2
    moved = place.rename(tmp_path / "moved")
    board = scored(folder, moved)
    told = arrivals.elsewhere(folder, moved)
    assert not teams(board) and f"1 of {tmp_path / 'subs'}. If that is this folder, moved" in told
    shutil.copy(log / told.split()[-1], moved / "again.zip")  # as it says
    board = scored(folder, moved)
    assert len(board["boards"][0]["history"]) == 2 and not arrivals.elsewhere(folder, moved)
    (moved / "again.zip").unlink()
    place = moved.rename(place)
    (copy,) = (path for path in log.glob("*.zip") if path.read_bytes() != (place / "a-2.zip").read_bytes())
    copy.unlink()
    assert "withdrawn: its copy in private/received is gone" in reasons(scored(folder, place))["a.zip"]
    hand_in(place, "a-3.zip", good(3.0), "A")
    assert main(["receive", str(folder), str(place), "--at", "2026-07-29T15:00:00Z", "--file", "a-3.zip"]) == 0
    assert teams(scored(folder, place))["A"]["file"] == "a-3.zip"
    assert main(["receive", str(folder), str(place), "--file", "a-3.zip"]) == 1
    assert "--file goes with --at" in capsys.readouterr().err


def test_what_was_withdrawn_and_is_back_is_told(folder, tmp_path, clock, capsys):  # noqa: F811
    """Its file is still there, or comes again: it counts as before, and the organiser reads what to do."""
    place, command = tmp_path / "subs", ["receive", str(folder), str(tmp_path / "subs")]
    path = hand_in(place, "a.zip", good(), "A")
    content = path.read_bytes()
    copy = folder / arrivals.FOLDER / f"{archive.digest_of(path)}.zip"
    assert main(command) == 0 and capsys.readouterr().out == "1 submissions, 0 of them late\n"
    clock(IN_TIME + timedelta(days=3))
    copy.unlink()
    assert teams(scored(folder, place))["A"]["rank"] == 1
    line = f"a.zip: its copy in private/received was gone and is there again, so it counts, as arrived at {IN_TIME}: to"
    assert line in capsys.readouterr().out
    path.unlink()
    copy.unlink()
    assert main(command) == 0
    assert capsys.readouterr().out == (
        "0 submissions, 0 of them late\na.zip: withdrawn: its copy in private/received is gone\n")  # fmt: skip
    path.write_bytes(content)
    for said in (True, False):
        assert main(command) == 0
        assert (line in capsys.readouterr().out) == said


@pytest.mark.parametrize("spell", ["a.zip", "./a.zip", "../subs/a.zip", "b/../a.zip", None])
def test_a_file_is_known_however_it_is_spelled(folder, tmp_path, clock, capsys, monkeypatch, spell):  # noqa: F811
    place = tmp_path / "subs"
    hand_in(place, "a.zip", good(), "A")
    hand_in(place / "b", "a.zip", good(2.0), "B")
    (place / ".c.zip").write_text("not handed in")
    command = ["receive", str(folder), str(place), "--at", "2026-07-29T15:00:00Z", "--file"]
    clock(IN_TIME + timedelta(days=3))
    for wrong in ("c.zip", ".c.zip", "b", "", "subs/a.zip", str(tmp_path / "a.zip")):
        assert main([*command, wrong]) == 1
        assert f"no such file in {place}; its files are: a.zip, b/a.zip" in capsys.readouterr().err
    assert main([*command, spell or str(place / "a.zip")]) == 0
    assert capsys.readouterr().out == (
        f"a.zip: counts as arrived at 2026-07-29 15:00:00+00:00 from now on, and not at {IN_TIME + timedelta(days=3)}\n"
        "2 submissions, 1 of them late\n")  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main([*command, "subs/b/a.zip"]) == 0  # from where one is, as a shell completes it
    assert capsys.readouterr().out.endswith("\n2 submissions, 0 of them late\n")


@pytest.mark.parametrize("spell", ["Café.zip", "Cafe\u0301.zip", r"Caf\xe9.zip", "./Café.zip"])
def test_a_file_is_known_by_the_name_that_messages_show(folder, tmp_path, clock, capsys, spell):  # noqa: F811
    clock(IN_TIME + timedelta(days=3))
    hand_in(tmp_path / "subs", "Café.zip", good(), "A")
    command = ["receive", str(folder), str(tmp_path / "subs"), "--at", "2026-07-29T15:00:00Z", "--file"]
    assert main([*command, "Cafe.zip"]) == 1
    assert r"its files are: Caf\xe9.zip" in capsys.readouterr().err
    assert main([*command, spell]) == 0
    said = capsys.readouterr().out
    assert said.endswith(", and not at 2026-08-01 15:59:00+00:00\n1 submissions, 0 of them late\n")


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_what_cannot_be_logged_is_told(folder, tmp_path, capsys):
    place = tmp_path / "subs"
    path, command = hand_in(place, "a.zip", good(), "A"), ["receive", str(folder), str(place)]
    (place / "link.zip").symlink_to(path)
    (place / "empty").mkdir()
    assert main([*command, "--at", "2026-07-29T15:00:00Z", "--file", "link.zip", "--file", "empty"]) == 1
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "1 submissions, 0 of them late", "not logged: empty/: a folder without a zip file in it: move the submission "
        "out of its folder", "not logged: link.zip: a link, expected the zip file itself",
    ]  # fmt: skip
    (place / "link.zip").unlink()
    (place / "empty").rmdir()
    assert main(command) == 0


def test_a_copy_that_was_half_written_is_taken_again(folder, tmp_path):
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    arrivals.receive(folder, tmp_path / "subs")
    (copy,) = (folder / arrivals.FOLDER).glob("*.zip")
    copy.write_bytes(copy.read_bytes()[:100])
    assert teams(scored(folder, tmp_path / "subs"))


def test_a_folder_in_the_place_of_a_copy_stops_the_scoring(folder, tmp_path):
    """What was scored before would be ranked and rejected at once."""
    path = hand_in(tmp_path / "subs", "a.zip", good(), "A")
    assert teams(scored(folder, tmp_path / "subs"))
    copy = folder / arrivals.FOLDER / f"{archive.digest_of(path)}.zip"
    copy.unlink()
    copy.mkdir()
    with pytest.raises(event.EventError, match=f"{copy.name}: a folder stands there: move it away"):
        scored(folder, tmp_path / "subs")
    path.unlink()
    assert "withdrawn" in reasons(scored(folder, tmp_path / "subs"))["a.zip"]


def test_a_damaged_copy_is_said_to_be_damaged(folder, tmp_path):
    """It counted, its file is gone, and what was scored is scored anew: it must not vanish without a word."""
    path = hand_in(tmp_path / "subs", "a.zip", good(), "A")
    assert teams(scored(folder, tmp_path / "subs"))
    (copy,) = (folder / arrivals.FOLDER).glob("*.zip")
    whole = copy.read_bytes()
    other = hand_in(tmp_path / "others", "a.zip", good(2.0), "B").read_bytes()  # a sound one, but another
    for damaged in (whole[:200], whole[:-50] + bytes(50), other):
        copy.write_bytes(damaged)
        path.unlink(missing_ok=True)
        shutil.rmtree(folder / "private" / "judged")
        (reason,) = reasons(scored(folder, tmp_path / "subs")).values()
        assert "its copy in private/received is damaged: put back a whole one, or, where" in reason
        copy.write_bytes(whole)
        assert teams(scored(folder, tmp_path / "subs"))


def test_a_lost_log_is_told_from_an_empty_one(folder, tmp_path, clock):  # noqa: F811
    """Copies have the times at which they were taken; one that no file explains stops the scoring."""
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    arrivals.receive(folder, tmp_path / "subs")
    log = folder / arrivals.FOLDER / arrivals.LOG
    (copy,) = log.parent.glob("*.zip")
    os.utime(copy, (IN_TIME.timestamp(), IN_TIME.timestamp()))
    log.unlink()
    clock(IN_TIME + timedelta(days=3))
    (arrival,) = arrivals.receive(folder, tmp_path / "subs")
    assert arrival.time == IN_TIME
    before = log.read_text("utf-8")
    for text in ("", before.replace("a.zip", "b.zip").replace(copy.stem, "0" * 64)):
        log.write_text(text, "utf-8")
        (tmp_path / "subs" / "a.zip").unlink(missing_ok=True)
        with pytest.raises(event.EventError, match=f"does not know 1 copies beside it, such as {copy.name}"):
            arrivals.receive(folder, tmp_path / "subs")
        assert log.read_text("utf-8") == text
    shutil.copy(copy, tmp_path / "subs")  # where there is no copy of the log, as the message says
    assert {arrival.time for arrival in arrivals.receive(folder, tmp_path / "subs")} == {IN_TIME}
    (tmp_path / "subs" / copy.name).unlink()
    log.write_text(before.rstrip("\n"), "utf-8")  # an editor left out the end of the last line
    hand_in(tmp_path / "subs", "c.zip", good(2.0), "C")
    assert [arrival.file for arrival in arrivals.receive(folder, tmp_path / "subs")] == ["a.zip", "c.zip"]
    assert log.read_text("utf-8").startswith(before)


def test_one_that_is_stopped_loses_nothing_that_was_seen(folder, tmp_path, clock, monkeypatch):  # noqa: F811
    """Each has its line before its copy is there; teams replace their files before anybody looks again."""
    place, kept, copied, replace = tmp_path / "subs", folder / arrivals.FOLDER, [], Path.replace
    for name in "ABC":
        hand_in(place, f"{name}.zip", good(ord(name) / 10), name)

    def stopped(path, target):
        if path.suffix == ".part":
            copied.append(target)
            if len(copied) == 2:
                raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", stopped)
        arrivals.receive(folder, place)
    assert len(list(kept.glob("*.zip"))) == len(list(kept.glob(".*.part"))) == 1
    first, second = (json.loads(line) for line in (kept / arrivals.LOG).read_text("utf-8").splitlines())
    assert [f"{line['sha256']}.zip" for line in (first, second)] == [path.name for path in copied]
    hand_in(place, first["file"], good(9.0), first["file"][0])
    clock(IN_TIME + timedelta(days=3))
    times = {arrival.digest: arrival.time for arrival in arrivals.receive(folder, place) if not arrival.fault}
    assert len(times) == 4 and times[first["sha256"]] == times[second["sha256"]] == IN_TIME
    assert not list(kept.glob(".*.part"))


def test_an_event_may_move_with_its_submissions(folder, tmp_path):
    whole, place = folder.parent, folder.parent / "subs"
    first = hand_in(place, "a.zip", good(2.0), "A")
    (arrival,) = arrivals.receive(folder, place)
    first.unlink()
    hand_in(place, "a.zip", good(5.0), "A")
    arrivals.receive(folder, place)
    moved = whole.rename(whole.with_name("moved"))
    try:
        both = arrivals.receive(moved / folder.name, moved / "subs")
        assert [a.replaced for a in both] == [True, False] and both[0].time == arrival.time
        told = arrivals.elsewhere(moved / folder.name, moved / "subs")
        assert told == f"this folder has moved with its event: what was logged from {place} counts here"
        assert (moved / folder.name / arrivals.FOLDER / arrivals.LOG).read_text("utf-8").count("\n") == 4  # known here
        place.mkdir(parents=True)  # next year's
        again = arrivals.receive(moved / folder.name, moved / "subs")
        assert [(a.replaced, a.time) for a in again] == [(a.replaced, a.time) for a in both]
        shutil.rmtree(whole)
    finally:
        moved.rename(whole)


def test_a_copy_of_an_event_takes_no_hand_ins_of_the_first(folder, tmp_path):
    """Its submissions lie at the same place beside it, but those of the first event are still there."""
    hand_in(folder.parent / "subs", "a.zip", good(), "A")
    arrivals.receive(folder, folder.parent / "subs")
    other = shutil.copytree(folder, tmp_path / "other" / folder.name)
    (tmp_path / "other" / "subs").mkdir()
    assert not arrivals.receive(other, tmp_path / "other" / "subs")
    assert "logged from other folders do not count here: 1" in arrivals.elsewhere(other, tmp_path / "other" / "subs")


def test_copies_may_lie_elsewhere_by_a_link(folder, tmp_path):
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    arrivals.receive(folder, tmp_path / "subs")
    shutil.move(folder / arrivals.FOLDER, tmp_path / "large")
    (folder / arrivals.FOLDER).symlink_to(tmp_path / "large")
    assert len(arrivals.receive(folder, tmp_path / "subs")) == 1
    for place in (folder / arrivals.FOLDER, folder / "private", tmp_path / "large"):
        with pytest.raises(event.EventError, match="kept by the event itself"):
            arrivals.receive(folder, place)


def test_of_joined_logs_the_earliest_line_counts(folder, tmp_path, clock):  # noqa: F811
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    (first,) = arrivals.receive(folder, tmp_path / "subs")
    log = folder / arrivals.FOLDER / arrivals.LOG
    (line,) = map(json.loads, log.read_text("utf-8").splitlines())
    hour = timedelta(hours=1)
    later, earlier = ({**line, "time": (first.time + step).isoformat(), "file": "b.zip"} for step in (hour, -hour))
    log.write_text("".join(json.dumps(line) + "\n" for line in (later, line, earlier)), "utf-8")
    assert arrivals.times(folder) == {first.digest: first.time - hour}
    clock(first.time + hour)
    (again,) = arrivals.receive(folder, tmp_path / "subs", first.time - hour / 2, ["a.zip"], earlier=True)
    assert again.time == first.time - hour
    said = {**line, "time": (first.time - hour / 2).isoformat(), "said": True}  # on the machine that saw it later
    for lines in ([line, said, earlier], [earlier, line, said]):
        log.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
        assert arrivals.times(folder) == {first.digest: first.time - hour}
    with pytest.raises(event.EventError, match="was here at"):
        arrivals.receive(folder, tmp_path / "subs", first.time - hour / 2, ["a.zip"])


def test_the_organiser_is_told_that_the_log_was_lost(folder, tmp_path, clock):  # noqa: F811
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    arrivals.receive(folder, tmp_path / "subs")
    (folder / arrivals.FOLDER / arrivals.LOG).unlink()
    told = []
    arrivals.receive(folder, tmp_path / "subs", say=told.append)
    assert len(told) == 1 and "did not know the copies of 1 submissions, such as a.zip: was it lost?" in told[0]
    arrivals.receive(folder, tmp_path / "subs", say=told.append)
    assert len(told) == 1


def test_the_folder_of_copies_is_no_folder_of_submissions(folder, tmp_path):
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    arrivals.receive(folder, tmp_path / "subs")
    for place in (folder / arrivals.FOLDER, folder / "private"):
        with pytest.raises(event.EventError, match="kept by the event itself"):
            arrivals.receive(folder, place)


def test_a_copy_that_only_lacks_its_name_is_kept(folder, tmp_path):
    """Whoever was stopped had its line written; the team replaces its file before anybody looks again."""
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    (arrival,) = arrivals.receive(folder, tmp_path / "subs")
    copy, told = folder / arrivals.FOLDER / f"{arrival.digest}.zip", []
    copy.rename(copy.with_name(".77.part"))
    copy.with_name(".78.part").write_bytes(b"half of a file")
    hand_in(tmp_path / "subs", "a.zip", good(2.0), "A")
    both = arrivals.receive(folder, tmp_path / "subs", say=told.append)
    assert len(both) == 2 and not any(arrival.fault for arrival in both) and copy.is_file()
    assert told == ["a.zip: it was being copied when 'receive' was stopped, and counts"]
    assert not list(copy.parent.glob(".*.part"))


def test_who_looks_at_the_log_does_not_change_it(folder, tmp_path):
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    arrivals.receive(folder, tmp_path / "subs")
    log = folder / arrivals.FOLDER / arrivals.LOG
    half = log.read_bytes() + b'{"time": "20'  # as somebody writes it just now
    log.write_bytes(half)
    assert not arrivals.behind(folder) and arrivals.elsewhere(folder, tmp_path / "other")
    assert log.read_bytes() == half


def test_a_receipt_that_was_damaged_is_written_anew(folder, tmp_path):
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    leaderboard.score(folder, tmp_path / "subs", 0)
    (receipt,) = (folder / "receipts").iterdir()
    text = receipt.read_bytes()
    receipt.write_bytes(b"\xff\xfe\x00bad")
    leaderboard.score(folder, tmp_path / "subs", 0)
    assert receipt.read_bytes() == text


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_baseline_that_cannot_be_read_is_named(folder, tmp_path):
    (tmp_path / "subs").mkdir()
    (folder / leaderboard.BASELINES).mkdir(parents=True)
    (folder / leaderboard.BASELINES / "x.zip").symlink_to("gone.zip")
    with pytest.raises(event.EventError, match="baselines/x.zip: cannot be read"):
        scored(folder, tmp_path / "subs")


@pytest.mark.parametrize("damage, said", [
    (lambda text: text[:-30], ""),  # half a line: it was never written
    (lambda text: "\ufeff" + text, ""),
    (lambda text: "\ufeff" + text.rstrip(), ""),
    (lambda text: f"\n{text}\n  \n ", ""),
    (lambda text: "\n{}\n" + text, "line 2 is damaged"),
    (lambda text: "{}\n" + text, "line 1 is damaged"),
    (lambda text: text.replace("+00:00", ""), "line 1 is damaged"),
    (lambda text: text.replace("2026", "x"), "line 1 is damaged"),
    (lambda text: text.replace('"2026', '"9999'), "line 1 is damaged"),
    (lambda text: text.replace('"a.zip"', "null"), "line 1 is damaged"),
    (lambda text: re.sub('"sha256": "', '"sha256": "../', text), "line 1 is damaged"),
    (lambda text: "[" * 9999 + text, "line 1 is damaged"),
])  # fmt: skip
def test_a_damaged_log(folder, tmp_path, damage, said):
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    scored(folder, tmp_path / "subs")
    log = folder / arrivals.FOLDER / arrivals.LOG
    log.write_text(damage(log.read_text("utf-8")), "utf-8")
    if said:
        with pytest.raises(event.EventError, match=said):
            scored(folder, tmp_path / "subs")
    else:
        assert teams(scored(folder, tmp_path / "subs"))


@pytest.mark.parametrize("make", [
    os.mkdir, lambda path: path.symlink_to("gone"), *([os.mkfifo] if hasattr(os, "mkfifo") else []),
])  # fmt: skip
def test_a_log_that_is_no_file_is_refused(folder, tmp_path, make):
    (folder / arrivals.FOLDER).mkdir()
    make(folder / arrivals.FOLDER / arrivals.LOG)
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    with pytest.raises(event.EventError, match="log.jsonl: no file, or a link to one that is gone: move it"):
        scored(folder, tmp_path / "subs")


def test_folders_as_learning_platforms_make_them(folder, tmp_path):
    place = tmp_path / "subs"
    place.mkdir()
    hand_in(place / "Muster_12345_file_", "h.zip", good(), "A")
    (place / "Muster_12345_file_" / "onlinetext.html").write_text("see my file")
    hand_in(place / "Other_7_file_", "h.zip", good(), "B")
    hand_in(place / "Other_7_file_", "h2.zip", good(2.0), "B")
    (place / "Nobody_8_file_").mkdir()
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._h.zip", "team-1a2b3c.key"):
        (place / name).write_text("x")
    (place / "out").symlink_to(tmp_path)
    board = scored(folder, place)
    assert set(teams(board)) == {"A", "B"} and teams(board)["A"]["file"] == "h.zip"  # not the student's name
    assert reasons(board) == {
        "a folder": "a folder without a zip file in it: move the submission out of its folder",
        "out": "a link, expected the zip file itself",
    }
    said = leaderboard.remarks(event.load(folder / "event.toml"), leaderboard.judge_all(folder, place, 0))
    assert "rejected: Nobody_8_file_/: a folder without" in said


# --------------------------------------------------------------------------------------------------
# Teams and their keys


def test_nobody_takes_over_a_name(folder, tmp_path):
    place = tmp_path / "subs"
    hand_in(place, "b.zip", good(2.0), "Honest", ["Ana", "Bo"])
    os.utime(hand_in(place, "a.zip", truth(folder), "Honest", ["Mallory"], key=OTHER_KEY), (1, 1))
    hand_in(place, "c.zip", truth(folder), "honest.", key=OTHER_KEY)
    hand_in(place, "d.zip", truth(folder), "Honest", ["Mallory"], key="")
    hand_in(place, "e.zip", good(1.0), "HONEST", ["Cy"])  # the team itself, in capitals
    board = scored(folder, place)
    (row,) = board["boards"][0]["ranking"]
    assert row["team"] == "Honest" and row["members"] == ["Ana", "Bo", "Cy"] and row["file"] == "b.zip"
    assert "has another key" in reasons(board)["a.zip"] and "has another key" in reasons(board)["d.zip"]
    assert "could be taken for 'Honest', which came first" in reasons(board)["c.zip"]


def test_a_file_named_like_the_copy_of_another_does_not_displace_it(folder, tmp_path):
    place = tmp_path / "subs"
    digest = hashlib.sha256(hand_in(place, "a.zip", good(1.0), "A", ["Ana"]).read_bytes()).hexdigest()
    scored(folder, place)
    hand_in(place, "b.zip", good(9.0), "A", ["Eve"], key=OTHER_KEY)
    (place / f"{digest}.zip").mkdir()
    board = scored(folder, place)
    assert teams(board)["A"]["members"] == ["Ana"] and "has another key" in reasons(board)["b.zip"]


def test_a_team_without_a_key_cannot_be_added_to(folder, tmp_path):
    hand_in(tmp_path / "subs", "a.zip", good(2.0), "Old", ["Ana"], key="")
    hand_in(tmp_path / "subs", "b.zip", truth(folder), "Old", ["Mallory"], key="")
    board = scored(folder, tmp_path / "subs")
    assert teams(board)["Old"]["members"] == ["Ana"] and "began without a key" in reasons(board)["b.zip"]


def test_a_name_is_registered_by_a_submission_that_is_not_scored(folder, tmp_path):
    hand_in(tmp_path / "subs", "a.zip", good()[:-1], "Honest")
    hand_in(tmp_path / "subs", "b.zip", good(), "Honest", key=OTHER_KEY)
    assert set(reasons(scored(folder, tmp_path / "subs"))) == {"a.zip", "b.zip"}


def test_members_in_all_are_bounded(folder, tmp_path):
    for i in range(3):
        hand_in(tmp_path / "subs", f"{i}.zip", good(i + 1.0), "A", [f"P{i}-{j}" for j in range(9)])
    board = scored(folder, tmp_path / "subs")
    assert len(teams(board)["A"]["members"]) == 18 and "more than 20 members in all" in reasons(board)["2.zip"]


def test_submit_keeps_what_is_there_and_makes_one_key(prepared, solution):  # noqa: F811
    first, notes = submitted(prepared, solution)
    (key,) = (solution / "out").glob("*.key")
    assert any(str(key) in note and "keep it" in note for note in notes)
    blob = first.read_bytes()
    others = {submitted(prepared, solution)[0] for _ in range(3)}
    assert len(others) == 3 and first not in others and first.read_bytes() == blob
    digests = set()
    for path in (first, *others):
        with archive.opened(path) as opened:
            digests.add(opened.manifest.key)
    assert digests == {keys.read_key(key)} and len(list((solution / "out").glob("*.key"))) == 1
    moved, notes = submitted(prepared, solution, out=solution / "other", key=key)
    with archive.opened(moved) as opened:
        assert opened.manifest.key in digests and not any("keep it" in note for note in notes)
    assert not list((solution / "other").glob("*.key"))
    for content in (b"", b"deeplearn-team-key-12", b"\xff" * 2000):
        key.write_bytes(content)
        with pytest.raises(SubmissionError, match="not the key file|more than 1000 bytes"):
            submitted(prepared, solution)
    key.unlink()
    key.symlink_to("gone.key")
    with pytest.raises(SubmissionError, match=f"{key.name}: a link, expected the file itself"):
        submitted(prepared, solution)


# --------------------------------------------------------------------------------------------------
# Nothing stops a scoring


class OfItsOwn(Exception):
    """A kind of error that nobody expects."""


ERRORS = (OSError(28, "No space left"), ValueError("no"), MemoryError(), RecursionError("deep"), OfItsOwn("x"))
STEPS = {
    "archive": (archive, "_members"), "manifest": (archive, "_manifest"), "challenge": (judge, "boards_of"),
    "checksums": (archive.Archive, "verify"), "notebook": (contents, "check"),
    "unpacking": (archive.Archive, "extract"), "scores": (judge, "score"), "copies": (judge, "drawn"),
    "row": (judge, "row_of"),
}  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_any_error_at_any_step_rejects_one_submission(folder, tmp_path, monkeypatch, step):
    for i in range(2 * len(ERRORS) + 1):
        hand_in(tmp_path / "subs", f"{i:02d}.zip", good(i + 1.0), f"Team {'ABCDEFGHJKM'[i]}")
    owner, name = STEPS[step]
    function = getattr(owner, name)
    last, faults = [""], {f"{2 * i + 1:02d}.zip": error for i, error in enumerate(ERRORS)}
    judge_one = judge.judge

    def told(folder, arrival):
        last[0] = arrival.file
        return judge_one(folder, arrival)

    def fails(*args, **kwargs):
        if last[0] in faults:
            raise faults[last[0]]
        return function(*args, **kwargs)

    monkeypatch.setattr(judge, "judge", told)
    monkeypatch.setattr(owner, name, fails)
    board = scored(folder, tmp_path / "subs")
    assert set(reasons(board)) == set(faults) and len(teams(board)) == len(ERRORS) + 1
    assert all(reason.isprintable() and 5 < len(reason) < 330 for reason in reasons(board).values())
    assert leaderboard.as_text(board).count("Team") == len(ERRORS) + 1


def test_a_folder_that_cannot_be_listed_rejects_that_one(folder, tmp_path, monkeypatch):
    hand_in(tmp_path / "subs", "a.zip", good(), "A")
    (tmp_path / "subs" / "locked").mkdir()
    listed = Path.iterdir

    def iterdir(path):
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    board = scored(folder, tmp_path / "subs")
    assert "A" in teams(board) and "move the submission out of its folder" in reasons(board)["a folder"]


def test_a_file_that_vanishes_or_cannot_be_copied_rejects_that_one(folder, tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        hand_in(tmp_path / "subs", f"{name}.zip", good(), name)
    digest = archive.digest

    def disturbed(file, out=None):
        if out is not None and "b.zip" in last:
            raise OSError(28, "No space left on device")
        return digest(file, out)

    last, plain = [], archive.plain_file

    def opening(path):
        last[:] = [path.name]
        if path.name == "a.zip":
            path.unlink()
        return plain(path)

    monkeypatch.setattr(archive, "plain_file", opening)
    monkeypatch.setattr(archive, "digest", disturbed)
    board = scored(folder, tmp_path / "subs")
    assert set(teams(board)) == {"c"}
    assert "No such file" in reasons(board)["a.zip"] and "disk is full: free some space" in reasons(board)["b.zip"]
    assert not list((folder / arrivals.FOLDER).glob(".*.part"))


def test_predictions_that_are_far_too_large_are_not_unpacked(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(archive.Archive, "extract", lambda *_: pytest.fail("unpacked"))
    hand_in(tmp_path / "subs", "a.zip", good(), "A", more={"predictions/higgs_predictions.csv": b"0" * 3_000_000})
    assert "3,000,000 bytes, at most 3,400 for 60 samples" in reasons(scored(folder, tmp_path / "subs"))["a.zip"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is bounded on Linux only")
def test_bounds_of_memory_and_time_hold(folder, tmp_path):
    """In processes of their own, as `score` judges: one takes too much memory, one too long, one kills its process."""
    place = tmp_path / "subs"
    for i, kind in enumerate(("memory", "time", "kill", "honest")):
        hand_in(place, f"{kind}.zip", good(i + 1.0), f"Team {kind}")
    script = f"""
import os, sys
import numpy as np
from common.hackathon import arrivals, event, judge, leaderboard
judge.SECONDS, judge.WAITING, plain = 5, 20, judge.score
def score(task, names, labels, values, runs=None):
    kind = judge.kind
    if kind == "memory":
        np.ones(judge.MEMORY)
    while kind == "time":
        pass
    if kind == "kill":
        os.kill(os.getpid(), 9)
    return plain(task, names, labels, values, runs)
judge.score, one = score, judge.judge
def told(folder, arrival):
    judge.kind = arrival.file.split(".")[0]
    return one(folder, arrival)
judge.judge = told
if __name__ == "__main__":
    for entry in leaderboard.judge_all({str(folder)!r}, {str(place)!r}, 2):
        print(entry.team, "|", entry.reason)
"""
    (tmp_path / "script.py").write_text(script)
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=300,
                          env={**os.environ, "PYTHONPATH": str(root)}, cwd=root)  # fmt: skip
    lines = dict(line.split(" | ") if " | " in line else (line.strip(" |"), "") for line in done.stdout.splitlines())
    assert lines.pop("Team honest") == "" and len(lines) == 3, done.stderr[-2000:]
    assert "needs more than 512 MB" in lines["Team memory"] and "takes more than 5 s" in lines["Team time"]
    assert "ends the process that reads it" in lines[""]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="time is bounded where the system has timers")
def test_time_on_the_clock_is_told_from_that_of_a_core(folder, tmp_path, monkeypatch):
    path = hand_in(tmp_path / "subs", "a.zip", good())
    judge.boards_of(str(folder), "Higgs")
    monkeypatch.setattr(judge, "WAITING", 0.02)
    monkeypatch.setattr(judge, "marked", lambda *_: time.sleep(1))
    (entry,) = judge.judge(str(folder), arrivals.Arrival("a.zip", IN_TIME, path))
    assert entry.reason == "takes more than 0.4 s on the clock of a busy machine to read and score"


def test_an_event_may_be_so_large_that_it_is_scored():
    """Hand-ins for `most` samples pass the bounds of files and memory; see also the copies of a test set of pages."""
    for task in (task for challenge in registry().values() for task in challenge.tasks):
        assert task.submission.most_bytes(task.most) < judge.MEMORY / 3
    pages = registry()["RenAIssance"].task("pages")
    about = archive.Manifest("x" * 80, ("x" * 80,) * archive.PEOPLE, "RenAIssance", {}, KEY)
    names = [archive.PREDICTIONS + pages.submission.name.format(i + 1) for i in range(pages.most)]
    archive.check_contents(about, dict.fromkeys(names, b"") | {archive.NOTEBOOK: b"", archive.WEIGHTS: b""})


def test_copies_of_a_test_set_of_pages_are_not_read_again(monkeypatch):
    pages, calls = registry()["RenAIssance"].task("pages"), []
    monkeypatch.setattr(metrics, "normalised", lambda text: calls.append(text) or text)
    truth, read = (np.array([f"{word} {i}" for i in range(3)], dtype=object) for word in ("one", "another"))
    for names in (["CER"], ["F1"]):
        judge.score(pages, names, truth, read)
    assert len(calls) == 2 * 2 * len(truth)


def test_random_bytes_in_every_field(folder, tmp_path):
    """Each ends in a score or in one line; see also the thousand mutated submissions."""
    rng = np.random.default_rng(1)
    path, base = tmp_path / "fuzz.zip", hand_in(tmp_path / "one", "base.zip", good())
    with zipfile.ZipFile(base) as packed:
        entries = {name: packed.read(name) for name in packed.namelist()}
    about = json.loads(entries["manifest.json"])
    fields = [*about, *(name for name in entries if name != "manifest.json"), "notebook.pdf", "weights.safetensors"]
    for field, _ in itertools.product(fields, range(12)):
        noise = rng.bytes(int(rng.integers(0, 200)))
        changed, manifest = dict(entries), dict(about)
        if field in about:
            manifest[field] = noise.decode("utf-8" if rng.random() < 0.2 else "latin-1", "replace")
        else:
            changed[field] = noise
            manifest["files"] = {**about["files"], field: hashlib.sha256(noise).hexdigest()}
        changed["manifest.json"] = json.dumps(manifest).encode()
        with zipfile.ZipFile(path, "w") as out:
            for name, blob in changed.items():
                out.writestr(name, blob)
        for entry in judge.judge(str(folder), arrivals.Arrival("fuzz.zip", IN_TIME, path)):
            assert bool(entry.reason) != bool(entry.public) and entry.reason.isprintable() and len(entry.reason) < 330
            assert "cannot be scored" not in entry.reason  # every kind is known by its own line
    assert KEY == about["key"] and N == 60


@pytest.mark.parametrize("score", [0.0, 1.5e-7, 0.0015, 0.3, -15.0, 1.5e20])
def test_an_axis_of_equal_scores_has_ticks(score):
    pad = 0.1 * abs(score) or 0.1
    ticks = history._ticks(score - pad, score + pad)
    assert 3 <= len(ticks) <= 6 and len(set(ticks)) == len(ticks)


def test_two_threads_leave_the_limit_of_memory_as_it_was():
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    first, second, ended = threading.Event(), threading.Event(), threading.Event()

    def bounded(begun, wait_for):
        with judge._in_memory():
            begun.set()
            wait_for.wait(0.5)

    threads = [threading.Thread(target=bounded, args=events) for events in ((first, second), (second, ended))]
    threads[0].start()
    first.wait()
    threads[1].start()
    threads[0].join()
    ended.set()  # the one that began later ends later: it would put back the limit of the other
    threads[1].join()
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.parametrize("back", [timedelta(days=1), timedelta(seconds=1)])
def test_a_clock_that_is_set_back_hands_no_name_to_somebody_else(folder, tmp_path, clock, back):  # noqa: F811
    place = tmp_path / "subs"
    hand_in(place, "first.zip", good(1.0), "Honest")
    arrivals.receive(folder, place)
    clock(IN_TIME - back)
    hand_in(place, "second.zip", good(2.0), "Honest", key=OTHER_KEY)
    board = scored(folder, place)
    assert teams(board)["Honest"]["file"] == "first.zip" and "another key" in reasons(board)["second.zip"]
    assert f"It is first.zip at {IN_TIME} in {place}" in arrivals.behind(folder)
    (second,) = (arrival for arrival in arrivals.receive(folder, place) if arrival.file == "second.zip")
    assert second.time == IN_TIME
    clock(IN_TIME + timedelta(minutes=1))
    assert not arrivals.behind(folder)


@pytest.mark.parametrize("cure", ["said", "withdrawn"])
def test_a_clock_that_was_ahead_once_makes_nothing_late_for_ever(folder, tmp_path, clock, capsys, cure):  # noqa: F811
    """Though the file of that time was replaced."""
    place, command = tmp_path / "subs", ["receive", str(folder), str(tmp_path / "subs")]
    clock(IN_TIME + timedelta(days=3))
    ahead = archive.digest_of(hand_in(place, "a.zip", good(1.0), "A"))
    assert main(command) == 0 and "the clock of this machine" not in capsys.readouterr().out
    clock(IN_TIME)
    hand_in(place, "a.zip", good(2.0), "A")
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "2 submissions, 2 of them late" in said
    assert f"It is a.zip at {IN_TIME + timedelta(days=3)} in {place}\n" in said
    if cure == "withdrawn":
        (folder / arrivals.FOLDER / f"{ahead}.zip").unlink()
    assert main([*command, "--at", IN_TIME.isoformat()]) == 0
    hand_in(place, "b.zip", good(3.0), "B")
    capsys.readouterr()
    assert main(command) == 0
    assert "the clock of this machine" not in capsys.readouterr().out
    assert arrivals.arrived(folder) == IN_TIME
    assert set(arrivals.times(folder).values()) == {IN_TIME}


def test_within_a_second_the_first_in_the_log_comes_first_wherever_the_folder_lies(folder, tmp_path):
    """On another machine the files were changed in another order, and the log is the same."""
    place, moved = tmp_path / "subs", tmp_path / "moved"
    hand_in(place, "z-first.zip", good(1.0), "Quark")
    arrivals.receive(folder, place)
    hand_in(place, "a-second.zip", good(2.0), "Quark", key=OTHER_KEY)
    assert teams(scored(folder, place))["Quark"]["file"] == "z-first.zip"
    moved.mkdir()
    for name in ("a-second.zip", "z-first.zip"):
        shutil.copy2(place / name, moved / name)
    assert teams(scored(folder, moved))["Quark"]["file"] == "z-first.zip"
