"""Phases and their limits, the public and the private part, choices, baselines, duplicates and receipts."""

import json
import shutil
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from common.challenge import SubmissionError
from common.datasets import Dataset, read, to_bytes
from common.hackathon import archive, arrivals, event, judge, keys, leaderboard, receipts, submit
from common.hackathon.__main__ import main
from common.hackathon.prepare import prepare, public_part
from tests.test_hackathon import (  # noqa: F401  (fixtures)
    EVENT,
    IN_TIME,
    SECRET,
    N,
    clock,
    good,
    hand_in,
    prepared,
    truth,
)  # fmt: skip
from tests.test_hackathon_scoring import OTHER_KEY, reasons, scored, teams

PHASES = """
[[phase]]
title = "Warm-up"
start = 2026-07-08T18:00:00
end = 2026-07-15T18:00:00
limit_per_day = 2
limit = 3

[[phase]]
title = "Race"
start = 2026-07-15T18:00:00
end = 2026-07-29T18:00:00
"""
OVER = IN_TIME + timedelta(days=1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Few bootstrap copies, and all in this process."""
    monkeypatch.setattr(judge, "COPIES", 10)
    judge_all = leaderboard.judge_all
    monkeypatch.setattr(leaderboard, "judge_all", lambda folder, place, _=0, *more: judge_all(folder, place, 0, *more))


def at(day, hour=12, minute=0):
    """A time of July 2026 by the clocks of the event, which are two hours ahead of UTC."""
    return datetime(2026, 7, day, hour, minute, tzinfo=timezone(timedelta(hours=2)))


def parted(prepared, place, fraction=0.5, more="", head=""):  # noqa: F811
    """A copy of the event whose test set for Higgs has a public part, and the mask of it."""
    folder = shutil.copytree(prepared, place / "event")
    text = EVENT.partition("[[challenge]]\nfolder = \"StrongLensing\"")[0] + more
    (folder / "event.toml").write_text(f"public_fraction = {fraction}\n{head}" + text, "utf-8")
    labels = read(folder / "private" / "Higgs-classification.npz")
    labels.meta["public"] = public_part(labels.X, None, fraction, 7)
    (folder / "private" / "Higgs-classification.npz").write_bytes(to_bytes(labels))
    return folder, labels.meta["public"]


@pytest.fixture
def with_phases(prepared, tmp_path):  # noqa: F811
    folder = shutil.copytree(prepared, tmp_path / "event")
    (folder / "event.toml").write_text(EVENT + PHASES, "utf-8")
    return folder


# --------------------------------------------------------------------------------------------------
# The event file


@pytest.mark.parametrize("old, new, message", [
    ("limit = 3", "limit = 0", "limit = 0, expected at least 1; without this key there is no limit"),
    ("limit = 3", 'limit = "3"', "limit = '3', expected a whole number"),
    ("limit = 3", "limits = 3", "unknown key 'limits'"), ("limit = 3", "limit = -3", "expected at least 1"),
    ('title = "Race"', 'title = "Warm-up"', "two phases have the title 'Warm-up'"),
    ("start = 2026-07-08T18:00:00", "start = 2026-06-08T18:00:00", "'Warm-up' starts at .*, before start = 2026-07-08"),
    ('title = "Race"', "", ": no title, expected a text"),
    ("end = 2026-07-15T18:00:00", "end = 2026-07-08T18:00:00", "phase 'Warm-up': end = .* is not after start"),
    ("start = 2026-07-15T18:00:00", "start = 2026-07-15T17:00:00", "phase 'Race' starts at .*, before 'Warm-up' ends"),
    ("end = 2026-07-29T18:00:00", "end = 2026-07-30T18:00:00", "the last phase, 'Race', ends at .*, not at deadline"),
    ("end = 2026-07-15T18:00:00", "end = 2026-07-15", "expected a time such as"),
])  # fmt: skip
def test_wrong_phases(tmp_path, old, new, message):
    assert PHASES.count(old) == 1
    (tmp_path / "e.toml").write_text(EVENT + PHASES.replace(old, new))
    with pytest.raises(event.EventError, match=message):
        event.load(tmp_path / "e.toml")


@pytest.mark.parametrize("line, message", [
    ("public_fraction = 0.0", "public_fraction = 0.0, expected a number above 0 and up to 1"),
    ("public_fraction = nan", "expected a number above 0 and up to 1"),
    ("public_fraction = 30", "public_fraction = 30.0, expected a number above 0"),
    ("public_fraction = 0", "public_fraction = 0.0, expected a number above 0"),
    ("public_fraction = true", "public_fraction = true, expected a number"),
    ('public_fraction = "0.3"', "expected a number"),
    ("public_fraction = 0.1", "parts n = 60 test samples into 6 and 54, expected at least 10 in either"),
])  # fmt: skip
def test_wrong_fractions(tmp_path, line, message):
    (tmp_path / "e.toml").write_text(f"{line}\n{EVENT}")
    with pytest.raises(event.EventError, match=message):
        event.load(tmp_path / "e.toml")


def test_a_fraction_of_1_is_the_whole_test_set(tmp_path):
    (tmp_path / "e.toml").write_text(f"public_fraction = 1\n{EVENT}")
    assert event.load(tmp_path / "e.toml").public_fraction == 1


def test_phases_in_words(tmp_path):
    (tmp_path / "e.toml").write_text(EVENT + PHASES)
    text = event.markdown(event.load(tmp_path / "e.toml"))
    assert "| Warm-up | Wednesday, July 8, 2026, 18:00 CET (16:00 UTC) to " in text
    assert "at most 2 a day and 3 in all for each team and task |" in text


def test_a_past_deadline_is_refused_unless_said(tmp_path, clock, monkeypatch, capsys):  # noqa: F811
    clock(OVER)
    monkeypatch.setattr("Higgs.data.load", lambda *a, **k: Dataset(np.zeros((N, 28)), np.arange(N) % 2, {}))
    (tmp_path / "e.toml").write_text(EVENT.partition("[[challenge]]\nfolder = \"Strong")[0], "utf-8")
    command = ["prepare", "--seed", SECRET, "--event", str(tmp_path / "e.toml"), "--out", str(tmp_path / "event")]
    assert main(command) == 1
    assert "July 29, 2026, 18:00 CET (16:00 UTC), is over: change it, or say --past" in capsys.readouterr().err
    assert not (tmp_path / "event").exists() and main([*command, "--past-deadline"]) == 0


# --------------------------------------------------------------------------------------------------
# Phases


def test_limits_of_a_day_and_of_a_phase_count_what_is_scored(with_phases, tmp_path, clock):  # noqa: F811
    place = tmp_path / "subs"

    def arrives(time, name, strength=1.0, **options):
        clock(time.astimezone(timezone.utc))
        hand_in(place, f"{name}.zip", good(strength), "A", **options)
        arrivals.receive(with_phases, place)

    arrives(at(8, 17, 59), "early")
    arrives(at(8, 18), "first", 1.1)
    hand_in(place, "broken.zip", good()[:-1], "A")  # refused, so that it costs nothing
    hand_in(place, "other.zip", good(), "B", key=OTHER_KEY)  # of another team
    arrives(at(8, 23, 59), "second", 1.2)
    arrives(at(8, 23, 59), "third", 1.3)
    arrives(at(9, 0, 0), "next day", 1.4)
    arrives(at(9, 1, 0), "fourth", 1.5)
    arrives(at(15, 18, 0), "last second", 1.6)
    arrives(at(15, 18, 1), "race", 1.7)
    said = reasons(scored(with_phases, place))
    assert said.pop("early.zip").endswith("17:59 CET (15:59 UTC), when no phase takes submissions")
    assert "59 rows, expected 60" in said.pop("broken.zip")
    assert said == {
        "third.zip": "Higgs-classification: the limit of 2 a day is reached",
        "fourth.zip": "Higgs-classification: the limit of 3 in the phase 'Warm-up' is reached",
        "last second.zip": "Higgs-classification: the limit of 3 in the phase 'Warm-up' is reached",
    }
    entries = {entry.file: entry for entry in leaderboard.judge_all(with_phases, place, 0)}
    assert entries["first.zip"].left == {"today": 1, "in the phase": 2} and entries["race.zip"].left == {}
    assert entries["next day.zip"].left == {"today": 1, "in the phase": 0}


# --------------------------------------------------------------------------------------------------
# Public and private


def test_the_public_part_is_a_fraction_of_each_class_and_whole_runs():
    labels, runs = np.repeat([0, 1], [40, 20]), np.arange(60) // 4
    public = public_part(labels, runs, 0.4, 1)
    assert np.bincount(labels[public]).tolist() == [16, 8]
    assert all(len(set(public[runs == run])) == 1 for run in range(15))
    assert (public != public_part(labels, runs, 0.4, 2)).any() and (public == public_part(labels, runs, 0.4, 1)).all()
    pages = public_part(["a page", "another", "a third", "the last"], None, 0.5, 1)  # RenAIssance: by page
    assert pages.sum() == 2


def test_prepare_parts_the_test_sets(tmp_path, monkeypatch):
    def load(split, n, *, seed, task, cache):
        runs = np.repeat(np.arange(30), 4)
        return Dataset(np.zeros((n, 2)), runs % 2, {"run": runs})

    monkeypatch.setattr("Exoplanet.data.load", load)
    text = EVENT.partition("[[challenge]]")[0] + '[[challenge]]\nfolder = "Exoplanet"\nn = 120\n'
    (tmp_path / "e.toml").write_text(f"public_fraction = 0.4\n{text}", "utf-8")
    prepare(tmp_path / "e.toml", SECRET, tmp_path / "event")
    parts = judge.parts_of(str(tmp_path / "event"), "Exoplanet-detection")
    assert len(parts["public"].rows) == 48 and len(parts["private"].rows) == 72
    assert not set(parts["public"].runs) & set(parts["private"].runs)
    assert "public" not in read(tmp_path / "event" / "public" / "Exoplanet-detection.npz").meta  # nobody is told
    (tmp_path / "event" / "event.toml").write_text(text, "utf-8")
    with pytest.raises(event.EventError, match="public_fraction was changed after 'prepare'"):
        leaderboard.judge_all(tmp_path / "event", tmp_path, 0)


def test_the_public_board_then_the_private_one(prepared, tmp_path):  # noqa: F811
    """One team is perfect on the public part and wrong elsewhere, one the other way round, one has both."""
    folder, public = parted(prepared, tmp_path)
    place, labels = tmp_path / "subs", truth(folder)
    right = np.clip(labels, 0.1, 0.9)
    hand_in(place, "a.zip", np.where(public, right, 1 - right), "Public")
    hand_in(place, "b.zip", np.where(public, 1 - right, right), "Private")
    hand_in(place, "c1.zip", np.where(public, right, good(1.0)), "Both")
    hand_in(place, "c2.zip", np.where(public, good(1.0), right), "Both")
    before, over = scored(folder, place), scored(folder, place, OVER)
    assert before["part"] == "public" and over["part"] == "private" and over["public_fraction"] == 0.5
    rows = teams(before)
    assert [row["rank"] for row in rows.values()] == [1, 1, 3] and list(rows) == ["Public", "Both", "Private"]
    assert rows["Public"]["scores"]["AUC"] == 1 and rows["Private"]["scores"]["AUC"] == 0
    rows = teams(over)
    assert list(rows) == ["Private", "Both", "Public"] and rows["Both"]["file"] == "c1.zip"  # its best public one
    assert [row["public"] for row in rows.values()] == [0, 1, 1]
    assert [row["scores"]["AUC"] for row in over["boards"][0]["history"]][:2] == [0, 1]
    entries = {entry.file: entry for entry in leaderboard.judge_all(folder, place, 0)}
    metric = judge.registry()["Higgs"].task("classification").metrics[0].function
    for part, rows in (("public", public), ("private", ~public)):
        assert getattr(entries["c2.zip"], part).scores["AUC"] == metric(
            labels[rows], np.where(public, good(1.0), right)[rows])  # fmt: skip


def choose(place, name, **changes):
    """Hand in the choice of a submission in the folder."""
    with archive.opened(place / name) as opened:
        about = opened.manifest.__dict__
    choice = {"choice": archive.digest_of(place / name), **changes}
    path = place / f"choice {len(list(place.iterdir()))}.zip"
    archive.write(path, archive.Manifest(**about | {"files": {}} | choice), {})


def test_a_team_chooses_the_one_that_counts(prepared, tmp_path, clock):  # noqa: F811
    folder, public = parted(prepared, tmp_path)
    place, right = tmp_path / "subs", np.clip(truth(folder), 0.1, 0.9)
    hand_in(place, "a1.zip", np.where(public, right, 1 - right), "A")
    hand_in(place, "a2.zip", np.where(public, 1 - right, right), "A")
    hand_in(place, "b.zip", good(), "B", key=OTHER_KEY)
    choose(place, "a2.zip", key=OTHER_KEY)  # by somebody else
    choose(place, "b.zip", team="A", key="7" * 64)  # a file of another team
    choose(place, "a1.zip")
    arrivals.receive(folder, place)
    clock(IN_TIME + timedelta(seconds=30))
    choose(place, "a2.zip")  # the last choice is that of the team
    arrivals.receive(folder, place)
    clock(IN_TIME + timedelta(minutes=2))
    choose(place, "a1.zip", members=("Zoe",))
    before, over = scored(folder, place), scored(folder, place, OVER)
    assert teams(before)["A"]["file"] == "a1.zip"
    assert teams(over)["A"]["file"] == "a2.zip" and teams(over)["A"]["scores"]["AUC"] == 1
    said = reasons(over)
    assert "has another key" in said["choice 3.zip"] and "arrived after the deadline" in said["choice 7.zip"]
    assert "chooses a file that the team did not hand in" in said["choice 4.zip"] and len(said) == 3


def test_participants_choose_with_their_key(tmp_path, capsys):
    path = hand_in(tmp_path, "mine.zip", np.full(N, 0.5), "A", key=keys.write_key(tmp_path / "team.key"))
    assert main(["choose", str(path), "--key", str(tmp_path / "team.key")]) == 0
    assert "mine-choice.zip: hand in this file" in capsys.readouterr().out
    with archive.opened(tmp_path / "mine-choice.zip") as opened:
        assert opened.manifest.choice == archive.digest_of(path) and not opened.manifest.files
    with pytest.raises(SubmissionError, match="a choice itself"):
        submit.choose(tmp_path / "mine-choice.zip", tmp_path / "team.key")
    keys.write_key(tmp_path / "other.key")
    with pytest.raises(SubmissionError, match="not the key of the team 'A'"):
        submit.choose(path, tmp_path / "other.key")
    with pytest.raises(SubmissionError, match="no such file"):
        submit.choose(path)


# --------------------------------------------------------------------------------------------------
# Baselines, duplicates, receipts


def test_baselines_stand_on_the_board_without_a_rank(prepared, tmp_path, capsys):  # noqa: F811
    folder, place = shutil.copytree(prepared, tmp_path / "event"), tmp_path / "subs"
    hand_in(place, "a.zip", good(4.0), "A")
    hand_in(place, "b.zip", 1 - good(3.0), "B", key=OTHER_KEY)
    hand_in(place, "c.zip", good(), "Trees", key=OTHER_KEY)
    hand_in(place / "private", "baselines.zip", good(9.0), "A cunning name", key=OTHER_KEY)
    hand_in(folder / leaderboard.BASELINES, "trees.zip", good(2.0), "Trees")
    hand_in(folder / leaderboard.BASELINES, "guess.zip", np.full(N, 0.5), "Guessing", key=OTHER_KEY)
    assert main(["score", str(folder), str(place)]) == 0
    said = capsys.readouterr().out
    board = scored(folder, place)
    assert [(row["name"], row["ahead"]) for row in board["boards"][0]["baselines"]] == [("Trees", 2), ("Guessing", 2)]
    assert set(teams(board)) == {"A cunning name", "A", "B"}
    assert "could be taken for the baseline 'Trees'" in reasons(board)["c.zip"]
    assert {row["team"] for row in board["boards"][0]["history"]} == set(teams(board))
    assert "Trees" in said and "baseline, behind 2 teams" in said
    html = (folder / "leaderboard.html").read_text("utf-8").partition('id="Higgs-classification"')[2]
    assert 0 < html.index("<bdi>A</bdi>") < html.index("<bdi>Trees</bdi> <small>baseline") < html.index("<bdi>B</bdi>")
    assert scored(folder, place, OVER)["boards"][0]["baselines"][0]["name"] == "Trees"  # and is not late


def test_copies_of_another_team_are_flagged_for_the_organiser(prepared, tmp_path):  # noqa: F811
    folder, place = shutil.copytree(prepared, tmp_path / "event"), tmp_path / "subs"
    hand_in(place, "a.zip", good(), "A")
    hand_in(place, "a2.zip", good(), "A", ["Ana"])  # of the team itself
    text = "probability\r\n" + "".join(f"{p:.17e}\r\n" for p in good())  # the same numbers, written otherwise
    hand_in(place, "b.zip", good(), "B", more={"predictions/higgs_predictions.csv": text.encode()}, key=OTHER_KEY)
    entries = leaderboard.judge_all(folder, place, 0)
    said = leaderboard.remarks(event.load(folder / "event.toml"), entries)
    assert said == "duplicate: b.zip of 'B' has the predictions of a.zip of 'A'"
    assert not any(entry.reason for entry in entries)


def test_each_submission_has_a_receipt(with_phases, tmp_path, clock, capsys):  # noqa: F811
    place = tmp_path / "subs"
    clock(at(10))
    files = [
        hand_in(place, "good.zip", good(), "Café Quark"),
        hand_in(place / "Student_12_file_", "bad.zip", good()[:-1], "Café Quark"),
    ]
    (place / "no.zip").write_bytes(b"no zip")
    (place / "link.zip").symlink_to(files[0])
    choose(place, "good.zip")
    arrivals.receive(with_phases, place)
    clock(OVER)
    files.append(hand_in(place, "late.zip", good(2.0), "Café Quark"))
    assert main(["score", str(with_phases), str(place)]) == 0
    folder = with_phases / receipts.FOLDER
    assert len(list(folder.iterdir())) == 5  # none for a link, of which there is no copy
    accepted, refused, late = (
        (folder / receipts.receipt_name(archive.digest_of(path))).read_text("utf-8") for path in files
    )
    first = json.loads((with_phases / "leaderboard.json").read_text("utf-8"))["boards"][0]["history"][0]
    assert f"AUC {first['scores']['AUC']:.6g} [" in accepted and "log loss" not in accepted
    assert "Left today: 1\nLeft in the phase: 2" in accepted and "Friday, July 10, 2026, 12:00 CET" in accepted
    assert "Not accepted: higgs_predictions.csv: 59 rows" in refused and "costs nothing" in refused
    assert "bad.zip" in refused and "Student" not in refused
    assert "accepted, but too late" in late and "AUC" not in late
    assert any("counts, unless you choose another" in path.read_text("utf-8") for path in folder.iterdir())
    assert "receipts: send each to its team" in capsys.readouterr().out
