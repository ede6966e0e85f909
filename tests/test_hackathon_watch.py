"""Watching a folder: what is new is scored, once, and two who score do no harm."""

import json
import os
import shutil
import threading
from datetime import timedelta

import filelock
import numpy as np
import pytest

from common.datasets import read, to_bytes
from common.hackathon import aliases, archive, arrivals, event, judge, keys, leaderboard, receipts, roster, submit
from common.hackathon.__main__ import main
from tests.test_hackathon import EVENT, IN_TIME, clock, good, hand_in, prepared, truth  # noqa: F401  (fixtures)
from tests.test_hackathon_phases import parted
from tests.test_hackathon_scoring import OTHER_KEY, reasons, teams


@pytest.fixture(autouse=True)
def judged(monkeypatch):
    """The names of what is judged, in this process and with few bootstrap copies."""
    names, judge_one, judge_all = [], judge.judge, leaderboard.judge_all
    monkeypatch.setattr(judge, "COPIES", 10)

    def told(folder, arrival):
        names.append(arrival.file)
        return judge_one(folder, arrival)

    monkeypatch.setattr(judge, "judge", told)
    monkeypatch.setattr(leaderboard, "judge_all", lambda folder, place, workers=0, memory=None: judge_all(
        folder, place, 0, memory))  # fmt: skip
    return names


@pytest.fixture
def folder(prepared, tmp_path):  # noqa: F811
    (tmp_path / "subs").mkdir()
    return shutil.copytree(prepared, tmp_path / "event")


def watched(monkeypatch, folder, place, steps):
    """The boards of a watch during which a step happens at each pause."""
    steps, boards = iter(steps), []

    def pause(seconds):
        step = next(steps, None)
        if step is None:
            raise KeyboardInterrupt
        step()

    monkeypatch.setattr(leaderboard.time, "sleep", pause)
    with pytest.raises(KeyboardInterrupt):
        for board, _ in leaderboard.watch(folder, place, 1):
            boards.append(board)
    return boards


def test_three_teams_and_three_days(prepared, tmp_path, clock, monkeypatch, judged):  # noqa: F811
    """An anonymous event played through while it is watched, from the registration to the private board."""
    more = """
[[phase]]
title = "Warm-up"
start = 2026-07-27T18:00:00
end = 2026-07-28T18:00:00
limit = 1

[[phase]]
title = "Race"
start = 2026-07-28T18:00:00
end = 2026-07-29T18:00:00
limit_per_day = 2
"""
    folder, public = parted(prepared, tmp_path, more=more, head="registration = true\nanonymous = true\n")
    place, right, known = tmp_path / "subs", np.clip(truth(folder), 0.1, 0.9), {}
    hand_in(folder / leaderboard.BASELINES, "guess.zip", np.full(len(right), 0.5), "Guessing", key="9" * 64)
    place.mkdir()

    def day(days, hours=0):
        clock(IN_TIME - timedelta(days=2) + timedelta(days=days, hours=hours))

    def hands_in(team, name, probability):
        hand_in(place, f"{name}.zip", probability, team, key=keys.read_key(tmp_path / f"{team}.key"))

    def first_day():
        day(0, 1)
        for team, member in (("A", "Ana"), ("B", "Bo"), ("C", "Cem")):
            _, known[team] = roster.register(folder, team, [member])
            (tmp_path / f"{team}.key").write_text(known[team])
        hands_in("A", "a1", good(1.0))
        hands_in("B", "b1", np.where(public, right, 1 - right))
        hands_in("B", "b2", good(2.0))  # the second of a phase that takes one
        hand_in(place, "stranger.zip", good(9.0), "D", key=OTHER_KEY)

    def second_day():
        day(1, 1)
        hands_in("C", "c1", good(1.0))  # equal to that of A, and later
        hands_in("B", "b3", np.where(public, 1 - right, right))

    def merger():
        day(1, 2)
        assert main(["merge", str(folder), "--key", str(tmp_path / "A.key"), "--with", str(tmp_path / "C.key")]) == 0
        hands_in("A", "a2", good(1.5))
        hands_in("C", "c2", good(1.7))  # the third of the day between them

    def choice():
        day(2)
        hands_in("A", "a3", good()[:-1])
        submit.choose(place / "b3.zip", tmp_path / "B.key").rename(place / "choice.zip")

    def too_late():
        day(2, 1)
        hands_in("C", "c3", right)

    def reveal():
        assert main(["certificates", str(folder)]) == 1 and main(["reveal", str(folder)]) == 0

    quiet = lambda: day(1, 3)  # noqa: E731
    steps = [first_day, second_day, merger, quiet, choice, too_late, reveal]
    boards = watched(monkeypatch, folder, place, steps)
    assert len(boards) == 7  # none for a pause in which nothing happened
    assert sorted(judged) == sorted(["private/baselines/guess.zip", "stranger.zip", "choice.zip", *(f"{name}.zip"
        for name in ("a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "c3"))])  # fmt: skip  each of them once
    ranks = [[row["rank"] for row in board["boards"][0]["ranking"]] for board in boards]
    assert ranks == [[], [1, 2], [1, 2, 2], [1, 2], [1, 2], [1, 2], [1, 2]]
    names = aliases.names(folder, "AB")
    assert all(list(teams(board)) == [names["B"], names["A"]] for board in boards[3:6])
    assert list(teams(boards[2]))[1] == names["A"]  # equal to the third, and earlier
    assert [board["part"] for board in boards] == ["public"] * 5 + ["private"] * 2
    final = teams(boards[-1])
    assert list(final) == ["B", "A"] and final["B"]["file"] == "b3.zip" and final["B"]["scores"]["AUC"] == 1
    assert final["A"]["file"] == "a2.zip" and final["A"]["members"] == ["Ana", "Cem"]
    said = reasons(boards[-1])
    assert said["stranger.zip"] == "the team 'D' is not registered: ask the organisers to register it"
    assert said["c2.zip"] == "Higgs-classification: the limit of 2 a day is reached" and set(said) == {
        "stranger.zip", "b2.zip", "c2.zip", "a3.zip"}  # fmt: skip
    assert [row["late"] for row in boards[-1]["boards"][0]["history"]] == [False] * 5 + [True]
    assert boards[-1] == json.loads((folder / "leaderboard.json").read_text("utf-8"))
    assert len(list((folder / receipts.FOLDER).iterdir())) == 11
    everything = "".join(path.read_text("utf-8") for path in folder.rglob("*") if path.suffix in (".json", ".html"))
    assert not any(key in everything for key in known.values())


def test_kept_results_are_those_of_a_fresh_judging(folder, tmp_path, judged, monkeypatch):
    place = tmp_path / "subs"
    hand_in(place, "a.zip", good(2.0), "A", ["Ana"])
    hand_in(place, "b.zip", good()[:-1], "B", key=OTHER_KEY)
    fresh = leaderboard.rank(event.load(folder / "event.toml"), leaderboard.judge_all(folder, place))
    monkeypatch.setattr(judge, "marked", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    hand_in(place, "c.zip", good(3.0), "C", key="9" * 64)
    assert "No space left" in leaderboard.judge_all(folder, place)[2].reason
    (place / "c.zip").unlink()
    (place / "a.zip").rename(place / "renamed.zip")
    again = leaderboard.rank(event.load(folder / "event.toml"), leaderboard.judge_all(folder, place))
    # an error that is none of the submission is not kept
    assert sorted(judged) == ["a.zip", "b.zip", "c.zip", "c.zip"] and again == fresh
    if os.name == "posix":
        assert (folder / "private" / "judged").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize("error", [judge.TooLong("1 s on the clock"), MemoryError()])
def test_what_a_busy_machine_refuses_is_tried_again(folder, tmp_path, judged, monkeypatch, clock, error):  # noqa: F811
    """At the next scoring, then after twice as long each time: one that does take too long must not stop the others."""
    hand_in(tmp_path / "subs", "a.zip", good(2.0), "A")
    marked, tried = judge.marked, []
    monkeypatch.setattr(judge, "marked", lambda *_: (_ for _ in ()).throw(error))
    for minute in range(30):
        clock(IN_TIME + timedelta(minutes=minute))
        (entry,) = leaderboard.judge_all(folder, tmp_path / "subs")
        assert entry.reason.startswith(judge.PASSING) and entry.team == "A"
        tried += [minute] * len(judged)
        judged.clear()
    assert tried == [0, 1, 2, 4, 8, 16]
    monkeypatch.setattr(judge, "marked", marked)
    clock(IN_TIME + timedelta(minutes=32))
    for _ in range(2):
        assert leaderboard.judge_all(folder, tmp_path / "subs")[0].public.scores
    assert judged == ["a.zip"]


def test_results_are_not_kept_beyond_what_they_were_made_with(folder, tmp_path, judged, monkeypatch):
    place = tmp_path / "subs"
    hand_in(place, "a.zip", good(2.0), "A")
    leaderboard.judge_all(folder, place)
    (kept,) = (folder / "private" / "judged").iterdir()
    sound = kept.read_text()
    nulls = (sound.replace('"team": "A"', f'"team": {other}') for other in ("null", "[]", '"B"'))
    for damage in ("{", "[]", "[" * 99_999, '{"stamp": 1}', sound[:-9], sound.replace('"interval"', '"i"'), *nulls):
        assert damage != sound
        kept.write_text(damage)
        (entry,) = leaderboard.judge_all(folder, place)
        assert entry.public.scores and entry.team == "A" and kept.read_text() == sound
    truths = folder / "private" / "Higgs-classification.npz"
    labels = read(truths)
    labels.X = 1 - labels.X
    truths.write_bytes(to_bytes(labels))
    judge.parts_of.cache_clear()
    (entry,) = leaderboard.judge_all(folder, place)
    assert entry.public.scores["AUC"] < 0.5 and judged == ["a.zip"] * 11
    judge.parts_of.cache_clear()


def test_a_file_that_did_not_change_is_not_read_again(folder, tmp_path, monkeypatch):
    place, opened, plain = tmp_path / "subs", [], archive.plain_file
    path = hand_in(place, "a.zip", good(2.0), "A")
    monkeypatch.setattr(archive, "plain_file", lambda path: opened.append(path.name) or plain(path))
    memory = {}
    arrivals.receive(folder, place, memory=memory)
    arrivals.receive(folder, place, memory=memory)
    assert opened == ["a.zip"] * 2  # it has only just changed
    monkeypatch.setattr(arrivals, "SETTLED", -1)
    arrivals.receive(folder, place, memory=memory)
    (first,) = arrivals.receive(folder, place, memory=memory)
    assert opened == ["a.zip"] * 3
    about = path.stat()
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 1
    path.write_bytes(blob)  # of the same size, and its sender sets the time of writing back
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert len(arrivals.receive(folder, place, memory=memory)) == 2 and opened == ["a.zip"] * 4
    first.path.unlink()  # the copy
    (copy,) = (a for a in arrivals.receive(folder, place, memory=memory) if a.file == "a.zip" and not a.fault)
    assert copy.digest != first.digest


def test_a_file_that_is_still_on_its_way_is_not_copied(folder, tmp_path, monkeypatch):
    place = tmp_path / "subs"
    path = hand_in(place, "a.zip", good(2.0), "A")
    whole = path.read_bytes()
    for part in (b"", whole[:2], whole[:100], whole[:-1], b"Rar!" + bytes(arrivals.SMALL)):
        path.write_bytes(part)
        (arrival,) = arrivals.receive(folder, place)
        assert "may still be on its way" in arrival.fault and not arrival.digest
    assert not list((folder / arrivals.FOLDER).glob("*.zip"))
    path.write_bytes(whole)
    (arrival,) = arrivals.receive(folder, place)
    assert not arrival.fault and arrival.path.read_bytes() == whole
    path.write_bytes(whole[:100])  # what was whole counts; what stays half is logged as it is
    monkeypatch.setattr(arrivals, "ARRIVING", -1)
    first, half = arrivals.receive(folder, place)
    assert first.digest == arrival.digest and first.replaced and half.path.read_bytes() == whole[:100]


def test_who_scores_meanwhile_waits(folder, tmp_path, capsys):
    hand_in(tmp_path / "subs", "a.zip", good(2.0), "A")
    lock = filelock.FileLock(folder / "private" / ".scoring.lock")
    with lock:
        other = threading.Thread(target=main, args=(["score", str(folder), str(tmp_path / "subs")],))
        other.start()
        other.join(0.5)
        assert other.is_alive() and not (folder / "leaderboard.json").exists()
    other.join(60)
    assert "wrote" in capsys.readouterr().out and (folder / "leaderboard.json").exists()


def test_watching_ends_with_the_keyboard(folder, tmp_path, monkeypatch, capsys):
    def pause(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(leaderboard.time, "sleep", pause)
    assert main(["watch", str(folder), str(tmp_path / "subs"), "--every", "5"]) == 0
    assert "every 5 s" in capsys.readouterr().out
    for wrong in ("0", "soon", "-1", "1e9"):
        with pytest.raises(SystemExit):
            main(["watch", str(folder), str(tmp_path / "subs"), "--every", wrong])
    assert "expected seconds, from 1 to 3600" in capsys.readouterr().err
    assert EVENT and main(["watch", str(tmp_path / "no"), str(tmp_path / "subs")]) == 1


def test_what_is_no_hand_in_is_not_scored_at_each_look(folder, tmp_path, monkeypatch, clock):  # noqa: F811
    place = tmp_path / "subs"
    (place / "link.zip").symlink_to("/etc/hostname")
    (place / "a folder").mkdir()
    steps = [lambda: clock(IN_TIME + timedelta(seconds=5)), lambda: clock(IN_TIME + timedelta(seconds=10))]
    (board,) = watched(monkeypatch, folder, place, steps)
    assert set(reasons(board)) == {"link.zip", "a folder"}


def test_an_event_file_may_change_while_it_is_watched(folder, tmp_path, monkeypatch, clock, capsys):  # noqa: F811
    path, hour = folder / "event.toml", "deadline = 2026-07-29T18:00:00"
    first = path.read_text("utf-8")

    def broken():
        path.write_text(first.replace("title =", "titel =", 1), "utf-8")

    def later():
        path.write_text(first.replace(hour, "deadline = 2026-07-29T19:00:00"), "utf-8")

    late = lambda: clock(IN_TIME + timedelta(minutes=30))  # noqa: E731  after the first deadline only
    boards = watched(monkeypatch, folder, tmp_path / "subs", [broken, lambda: None, later, late])
    assert [board["part"] for board in boards] == ["public"] * 2
    assert boards[0]["deadline"] != boards[1]["deadline"]
    said = capsys.readouterr().out
    assert said.count("not scored, and tried again: ") == 1 and "no title, expected a text" in said
