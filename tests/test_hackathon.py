"""The event: preparing, submitting, scoring, certificates, and submissions that mean harm."""

import io
import json
import os
import random
import shutil
import stat
import struct
import subprocess
import sys
import zipfile
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from common.datasets import Dataset, read
from common.hackathon import archive, arrivals, event, guide, judge, secrets
from common.hackathon.__main__ import main
from common.hackathon.prepare import prepare
from Higgs.challenge import CHALLENGE

TASK = CHALLENGE.task()
N = 60
ORDER = np.arange(N) % 2  # labels of the event `prepared`, in its order
EVENT = """
title = "Test event"
summary = "Two challenges."
start = 2026-07-08
end = 2026-07-29
deadline = 2026-07-29T18:00:00
time_zone = "CET"
contact = "Prof. Ada Müller, ada@example.org"

[[challenge]]
folder = "Higgs"
n = 60

[[challenge]]
folder = "StrongLensing"
task = "classification"
n = 60
weights = true
"""
PHASES = """
[[phase]]
title = "Race"
start = 2026-07-15T18:00:00
end = 2026-07-29T18:00:00
"""
IN_TIME = datetime(2026, 7, 29, 15, 59, tzinfo=timezone.utc)
SECRET = "0f8e1c-larch-51d3b7-quartz"
KEY = "7" * 64
CELL = {"cell_type": "code", "id": "a", "source": "1", "execution_count": 1, "outputs": [], "metadata": {}}
NOTEBOOK = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}  # fmt: skip


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The time of the event: one minute before the deadline. Call it with another time to go there."""

    def go(time=IN_TIME):
        monkeypatch.setattr(arrivals, "now", lambda: time)

    go()
    return go


def toy_load(split, n, seed, task, cache=False):
    """Test samples that need no simulation, labelled 0, 1, 0, 1 ..., or 0, 1, 2 ... for the three classes."""
    X = np.random.default_rng(len(seed)).normal(size=(n, 28)).astype("f4")
    return Dataset(X, np.arange(n) % (3 if task else 2), {"run": np.arange(n)})


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The folder of an event whose labels are known: see `truth`."""
    place = tmp_path_factory.mktemp("event")
    (place / "event.toml").write_text(EVENT, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("Higgs.data.load", lambda *a, **k: toy_load(*a, **{**k, "task": None}))
        patch.setattr("StrongLensing.data.load", toy_load)
        prepare(place / "event.toml", SECRET, place / "event", past=True)
    ORDER[:] = truth(place / "event")
    return place / "event"


def truth(folder, name="Higgs-classification"):
    """The labels of a board, in the order in which its samples are given out."""
    return read(folder / "private" / f"{name}.npz").X


def contents(probability):
    text = "".join(f"{p:.17g}\n" for p in probability)
    return {"predictions/higgs_predictions.csv": text.encode(), "notebook.ipynb": json.dumps(NOTEBOOK).encode()}


def hand_in(folder, name, probability, team="Team", members=(), challenge="Higgs", more=None, key=KEY):
    folder.mkdir(exist_ok=True)
    path = folder / name
    manifest = archive.Manifest(team, tuple(members), challenge, {}, key)
    archive.write(path, manifest, {**contents(probability), **(more or {})})
    return path


def good(strength=3.0, seed=0):
    """Probabilities that are better the stronger, for the event `prepared`."""
    noise = np.random.default_rng(seed).normal(size=N)
    return 1 / (1 + np.exp(-(strength * (ORDER - 0.5) + noise)))


def test_a_submission_that_was_packed_again(prepared, tmp_path):
    """As systems do it: entries for folders and files of their own are no matter; a folder around all is."""
    path = hand_in(tmp_path, "a.zip", good())
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}

    def again(files):
        with zipfile.ZipFile(tmp_path / "again.zip", "w") as packed:
            for name, content in files.items():
                packed.writestr(name, content)
        return tmp_path / "again.zip"

    added = {"predictions/": b"", "__MACOSX/._manifest.json": b"x", ".DS_Store": b"x", "Icon\r": b"", "~$a": b"x"}
    (entry,) = judged(prepared, again({**added, **files}))
    assert not entry.reason
    (entry,) = judged(prepared, again({name.replace("/", "\\"): content for name, content in files.items()}))
    assert not entry.reason
    (entry,) = judged(prepared, again({f"./{name}": content for name, content in {"": b"", **files}.items()}))
    assert not entry.reason
    (entry,) = judged(prepared, again({**files, "manifest.json": b"\xef\xbb\xbf" + files["manifest.json"]}))
    assert not entry.reason
    around = again({"Higgs-a/": b"", **{f"Higgs-a/{name}": content for name, content in files.items()}})
    assert "packed with its folder: hand in the zip file as 'submit' wrote it" in reason(prepared, around)
    inside = again({"Higgs-a.zip": path.read_bytes(), "Higgs-a.key": b"x"})
    assert "a zip file in a zip file: hand in that one itself, and no key" in reason(prepared, inside)
    given_away = reason(prepared, again({**files, "a.key": b"x"}))
    assert given_away.startswith("a.key: the key of a team is for nobody else: ") and "another key" in given_away
    assert "twice in the zip file" in reason(prepared, again({**files, "./manifest.json": files["manifest.json"]}))


@pytest.mark.parametrize("blob, what", [
    (b"", "empty"),
    (b"PK\x03\x04" + bytes(99), "ends too early"),
    (b"Rar!\x1a\x07\x00", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c" + bytes(99), "a 7z archive"),
    (b"\x1f\x8b" + bytes(99), "compressed with gzip"),
    (b"<!DOCTYPE html><title>Log in</title>", "a web page"),
    (b"hello", "no zip file"),
])  # fmt: skip
def test_what_is_no_zip_file_is_told_with_the_cure(prepared, tmp_path, blob, what):
    (tmp_path / "a.zip").write_bytes(blob)
    said = reason(prepared, tmp_path / "a.zip")
    assert said.startswith(f"not a sound zip file: {what}") and "hand in the zip file as 'submit' wrote it" in said


def test_another_compression_is_told_with_the_cure(prepared, sound, tmp_path):
    with zipfile.ZipFile(sound) as packed, zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as again:
        for name in packed.namelist():
            again.writestr(name, packed.read(name))
    assert "unusual method: hand in the zip file as 'submit' wrote it" in reason(prepared, tmp_path / "a.zip")


def judged(folder, path):
    entries = judge.judge(str(folder), arrivals.Arrival(path.name, IN_TIME, path))
    assert entries, "neither a score nor a reason"
    return entries


def reason(folder, path):
    (entry,) = judged(folder, path)
    assert entry.reason and not entry.public
    return entry.reason


# --------------------------------------------------------------------------------------------------
# The event file


def test_the_example_is_the_event_of_the_announcement():
    example = event.load()
    assert example.deadline.astimezone(timezone.utc) == datetime(2024, 7, 29, 16, 0, tzinfo=timezone.utc)
    assert [meeting.time.hour for meeting in example.meetings] == [18, 18]
    text = event.markdown(example)
    for fact in ("July 8 to July 29, 2024", "18:00 CET", "sgleyzer@ua.edu", "https://indico.cern.ch/event/1432069/"):
        assert fact in text


def test_the_readme_says_what_the_event_file_says():
    readme = Path(__file__).parents[1].joinpath("README.md").read_text("utf-8")
    assert event.markdown(event.load()) in readme


@pytest.mark.parametrize("old, new, message", [
    ('time_zone = "CET"', 'time_zone = "Mars/Olympus"', "unknown time_zone 'Mars/Olympus'"),
    ('folder = "Higgs"', 'folder = "Higs"', "no challenge 'Higs': choose one of Higgs"),
    ("n = 60", 'n = "many"', "n = 'many', expected a whole number"),
    ("n = 60", "n = 9", "expected at least 10 test samples for a score"),
    ("n = 60", f"n = {10**13}", "expected at most 50,000 test samples for the task classification"),
    ("n = 60", f"n = 1{5000 * '0'}", "not an event file in TOML: Exceeds the limit"),
    ("n = 60", f"n = {5000 * '['}", "not an event file in TOML"),
    ("deadline = 2026-07-29T18:00:00", "deadline = 2026-07-29", "deadline = 2026-07-29, expected a time such as"),
    ("deadline = 2026-07-29T18:00:00", "deadline = 2026-07-01T18:00:00", "is before start"),
    ("end = 2026-07-29", "end = 2026-07-01", "end = 2026-07-01 is before start"),
    ("end = 2026-07-29", "end = 2026-07-29T18:00:00", "end = 2026-07-29T18:00:00, expected a date such as"),
    ("deadline = 2026-07-29T18:00:00", "deadline = 2027-03-28T02:30:00", "leave this time out in spring"),
    ("deadline = 2026-07-29T18:00:00", "deadline = 2026-10-25T02:30:00", "show this time twice in autumn"),
    ("deadline = 2026-07-29T18:00:00", "deadline = 9999-12-31T23:59:59", "expected a year from 1970"),
    ("n = 60", 'n = 60\nmetrics = ["AUCC"]', "no metric 'AUCC'"),
    ("n = 60", 'n = 60\nmetrics = ["AUC", "AUC"]', "the metric 'AUC' is listed twice"),
    ("n = 60", 'n = 60\ncolour = 1', "unknown key 'colour'"),
    ('title = "Test', 'title = "Test\\n', "expected one line of 1 to 100 letters"),
    ('title = "Test', 'title = "\\u202eTest', "none of them invisible"),
    ('folder = "StrongLensing"\ntask = "classification"', 'folder = "Higgs"', "is listed twice"),
    ('contact = "Prof', 'contct = "Prof', ": no contact, expected a text"),
    ('contact = "Prof', 'registration = 1\ncontact = "Prof', "registration = 1, expected true or false"),
    ('contact = "Prof', 'anonymous = "yes"\ncontact = "Prof', "anonymous = 'yes', expected true or false"),
    ('title = "Test', 'title = Test', "not an event file in TOML"),
    ('title = "Test', "x = " + "[" * 5000, "not an event file in TOML"),
    ("start = 2026-07-08", "start = 0001-01-01", "start = 0001-01-01: expected a year from 1970 to 9998"),
    ("end = 2026-07-29", "end = 9999-12-31", "end = 9999-12-31: expected a year from 1970 to 9998"),
    ('contact =', 'links = {poster = "javascript:alert(1)"}\ncontact =', "must start with https://"),
])  # fmt: skip
def test_wrong_event_files(tmp_path, old, new, message):
    assert old in EVENT
    (tmp_path / "e.toml").write_text(EVENT.replace(old, new, 1))
    with pytest.raises(event.EventError, match=message):
        event.load(tmp_path / "e.toml")


@pytest.mark.parametrize("deadline, utc", [
    ("2026-07-29T18:00:00Z", "2026-07-29T18:00:00+00:00"), ("2026-07-29T18:00:00-04:00", "2026-07-29T22:00:00+00:00"),
    ("2026-07-29T18:00:00", "2026-07-29T16:00:00+00:00"),
])  # fmt: skip
def test_an_offset_in_the_event_file_is_heeded(tmp_path, deadline, utc):
    text = "\ufeff" + EVENT.replace("2026-07-29T18:00:00", deadline)  # with the mark that Windows editors write
    (tmp_path / "e.toml").write_text(text, "utf-8", newline="\r\n")
    assert event.load(tmp_path / "e.toml").deadline.astimezone(timezone.utc).isoformat() == utc


# --------------------------------------------------------------------------------------------------
# Preparing


def test_public_files_hold_no_labels(prepared):
    for board in event.load(prepared / "event.toml").boards:
        public = read(prepared / "public" / f"{board.name}.npz")
        assert public.y is None and "run" not in public.meta and len(public) == N
        truth = read(prepared / "private" / f"{board.name}.npz")
        assert len(truth) == N and len(np.unique(truth.X)) == (2 if board.folder == "Higgs" else 3)
    assert not {path.name for path in (prepared / "public").iterdir()} & {"private"}
    if os.name == "posix":
        assert stat.S_IMODE((prepared / "private").stat().st_mode) == 0o700


def test_what_participants_get_tells_what_is_asked_for(prepared, tmp_path):
    public = prepared / "public"
    text, said = (public / "README.md").read_text("utf-8"), (public / "RULES.md").read_text("utf-8")
    for words in (
        "`Higgs-classification.npz`: 60 samples, `test.X` has shape (60, 28)", "with probability; numbers from 0 to 1",
        "**AUC** (higher is better), which ranks", "log loss (lower is better)", "axion, cdm, no separated by commas",
        "asked for: `--weights`", "sample/StrongLensing", "**From Colab.**", "the rules (`RULES.md`)",
    ):  # fmt: skip
        assert words in text, words
    for words in (
        "The deadline is Wednesday, July 29, 2026, 18:00 CET", "for Strong lensing with", "points of the 2 challenges",
        "ada@example.org, until Saturday, August 1, 2026, 18:00 CET", "opens its team",
    ):  # fmt: skip
        assert words in said, words
    assert (public / "sample" / "Higgs" / "higgs_predictions.csv").read_text() == "0.5\n" * N
    head = "registration = true\nanonymous = true\npublic_fraction = 0.3\n"
    (tmp_path / "e.toml").write_text(head + EVENT + PHASES, "utf-8")
    said = guide.rules(event.load(tmp_path / "e.toml"))
    for word in ("registers\n  with", "made-up names", "on 30% of", "| Race | Wed", "| no limit | no limit |"):
        assert word in said, word


@pytest.mark.parametrize("secret", [
    "short", "a long secret", "correct horse battery staple", "the hackathon of 2026 for all", "passwordpassword1",
    "1234567890123456789", "aaaaaaaaaaaaaaaaaa1a", "Higgs boson against background 2026", "Weltraumteleskop2026",
    "passw0rd passw1rd passw2rd passw3rd", "pi3.14159265358979323846", "d41d8cd98f00b204e9800998ecf8427e",
    "a1b2c3d4e5f6g7h8i9",
])  # fmt: skip
def test_secrets_that_somebody_could_guess(tmp_path, capsys, secret):
    (tmp_path / "secret.txt").write_text(secret)
    assert main(["prepare", "--secret-file", str(tmp_path / "secret.txt"), "--out", str(tmp_path / "e")]) == 1
    said = capsys.readouterr().err
    assert "a random one is made and kept for you" in said and secret not in said and not (tmp_path / "e").exists()


def test_secrets_that_nobody_guesses():
    assert secrets.check_secret(SECRET) == SECRET
    assert len({secrets.check_secret(secrets.new_secret()) for _ in range(20)}) == 20
    seeds = {secrets.seed_of(SECRET, salt) for salt in ("one", "one", "other")}
    assert len(seeds) == 2 and not any(SECRET in seed for seed in seeds)


def test_a_random_secret_is_kept_where_only_its_owner_reads(tmp_path, monkeypatch, capsys):
    (tmp_path / "event.toml").write_text(EVENT, "utf-8")
    seeds = []

    def load(split, n, *, seed, task, cache):
        assert not cache
        seeds.append(seed)
        return toy_load(split, n, seed, task if task == "classification" and len(seeds) % 2 == 0 else None)

    monkeypatch.setattr("Higgs.data.load", load)
    monkeypatch.setattr("StrongLensing.data.load", load)
    for name in ("one", "two"):
        assert main(["prepare", "--event", str(tmp_path / "event.toml"), "--out", str(tmp_path / name)]) == 0
    files = [tmp_path / name / "private" / "secret.txt" for name in ("one", "two")]
    assert len({file.read_text() for file in files}) == 2 and seeds[0] == seeds[1] != seeds[2]
    said = capsys.readouterr().out
    assert str(files[0]) in said and files[0].read_text().strip() not in said
    if os.name == "posix":
        assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_samples_of_one_run_do_not_follow_one_another(prepared):
    runs = read(prepared / "private" / "Higgs-classification.npz").meta["run"]
    assert sorted(runs) == list(range(N)) and np.mean(np.diff(runs) == 1) < 0.2


def test_a_used_folder_is_refused(prepared, capsys):
    before = {path: path.read_bytes() for path in prepared.rglob("*.npz")}
    assert main(["prepare", "--seed", SECRET, "--out", str(prepared)]) == 1
    assert "in use" in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in prepared.rglob("*.npz")}


@pytest.mark.parametrize("out", [".", "", "sub/..", "..", "{}", "../link", "../dangling", "../file"])
def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path, monkeypatch, capsys, out):
    place = tmp_path / "empty"
    (tmp_path / "real").mkdir()
    for name in ("link", "dangling"):
        (tmp_path / name).symlink_to(tmp_path / ("real" if name == "link" else "nowhere"))
    (tmp_path / "file").write_text("mine")
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setattr("Higgs.data.load", lambda *a, **k: pytest.fail("it worked"))
    before = sorted(tmp_path.rglob("*"))
    assert main(["prepare", "--past-deadline", "--seed", SECRET, "--out", out.format(place)]) == 1
    assert "is in use: name a new folder" in capsys.readouterr().err and sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("error", [OSError("no space"), KeyboardInterrupt()])
def test_a_failure_leaves_no_truth_behind(tmp_path, monkeypatch, error):
    (tmp_path / "event.toml").write_text(EVENT, "utf-8")

    def fail(*_, **__):
        raise error

    monkeypatch.setattr("Higgs.data.load", lambda *a, **k: toy_load("test", N, "", None))
    monkeypatch.setattr("StrongLensing.data.load", fail)
    with pytest.raises(type(error)):
        prepare(tmp_path / "event.toml", SECRET, tmp_path / "out")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "event.toml"]


def test_a_test_set_without_enough_of_a_class_is_refused(tmp_path, monkeypatch):
    (tmp_path / "event.toml").write_text(EVENT, "utf-8")
    monkeypatch.setattr("Higgs.data.load", lambda *a, **k: Dataset(np.zeros((N, 28)), np.arange(N) // (N - 1), {}))
    monkeypatch.setattr("StrongLensing.data.load", lambda *a, **k: toy_load("test", N, "", "classification"))
    with pytest.raises(event.EventError, match=r"too few samples \(59 of class 0, 1 of class 1\): raise n"):
        prepare(tmp_path / "event.toml", SECRET, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --------------------------------------------------------------------------------------------------
# Pages


def test_script_in_a_name_is_escaped(prepared, tmp_path, capsys):
    hand_in(tmp_path / "subs", "x.zip", good(), '<script>alert("1")</script>', ["<img src=x onerror=alert(1)>"])
    event_folder = shutil.copytree(prepared, tmp_path / "event")
    assert main(["score", str(event_folder), str(tmp_path / "subs"), "--workers", "1"]) == 0
    html = (event_folder / "leaderboard.html").read_text("utf-8")
    assert html.count("<script") == 1 and "script-src 'sha256-" in html  # our own, and no other runs
    assert "onerror" not in html.replace("&lt;img", "") and "&lt;script&gt;" in html
    assert json.loads((event_folder / "leaderboard.json").read_text("utf-8"))["boards"][0]["ranking"]


# --------------------------------------------------------------------------------------------------
# Submissions that mean harm


def rezip(path, target, edit):
    """Copy a submission, its entries changed by `edit(dict of name to bytes) -> the entries`."""
    with zipfile.ZipFile(path) as archive_in:
        entries = {name: archive_in.read(name) for name in archive_in.namelist()}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        for name, blob in edit(entries):
            out.writestr(name, blob)
    return target


def remade(entries, **changes):
    """Entries with a manifest that fits them."""
    import hashlib

    about = json.loads(entries["manifest.json"])
    files = {name: blob for name, blob in entries.items() if name != "manifest.json"}
    about |= {"files": {name: hashlib.sha256(blob).hexdigest() for name, blob in files.items()}, **changes}
    return [("manifest.json", json.dumps(about).encode()), *files.items()]


@pytest.fixture
def sound(tmp_path):
    return hand_in(tmp_path / "one", "sound.zip", good())


CSV = "predictions/higgs_predictions.csv"
TENSOR = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}


def weights(about, size=4):
    """A file of safetensors by hand."""
    header = json.dumps(about).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


EDITS = {
    "path traversal": (lambda e: [*e.items(), ("../../evil", b"x")], "no file of a submission has this name"),
    "absolute name": (lambda e: [*e.items(), ("/etc/evil", b"x")], "no file of a submission has this name"),
    "folder in predictions": (lambda e: [*e.items(), ("predictions/../evil", b"x")], "has this name"),
    "drive": (lambda e: [*e.items(), ("C:\\evil", b"x")], "no file of a submission has this name"),
    "a script": (lambda e: [*e.items(), ("run.sh", b"rm -rf /")], "no file of a submission has this name"),
    "not in the manifest": (lambda e: [*e.items(), ("notebook.pdf", b"%PDF")], "but not in both"),
    "other content": (lambda e: {**e, CSV: e[CSV] + b"\n"}.items(), "does not fit the SHA-256"),
    "NaN": (lambda e: remade({**e, CSV: b"nan\n" * N}), "expected a number from 0 to 1"),
    "infinity": (lambda e: remade({**e, CSV: b"inf\n" * N}), "expected a number from 0 to 1"),
    "too few rows": (lambda e: remade({**e, CSV: b"0.5\n" * (N - 1)}), "59 rows, expected 60"),
    "two columns": (lambda e: remade({**e, CSV: b"0.5,0.5\n" * N}), "2 columns"),
    "UTF-16": (lambda e: remade({**e, CSV: "0.5\n".encode("utf-16") * N}), "not UTF-8"),
    "a pickle": (lambda e: remade({**e, CSV: b"\x80\x04cos\nsystem\n."}), "not UTF-8|not a number|rows"),
    "a bomb": (lambda e: remade({**e, CSV: b"0" * 20_000_000}), "far too many"),
    "unknown prediction": (lambda e: remade({**e, "predictions/other.csv": b"1"}), "no task of Higgs asks"),
    "no predictions": (lambda e: remade({k: v for k, v in e.items() if k != CSV}), "no predictions in it"),
    "no notebook": (lambda e: remade({k: v for k, v in e.items() if k != "notebook.ipynb"}), "no notebook.ipynb"),
    "weights are a pickle": (lambda e: remade({**e, "weights.safetensors": b"\x80\x04." + bytes(9)}), "a header of"),
    "no manifest": (lambda e: [(CSV, e[CSV])], "no manifest.json"),
    "manifest is a list": (lambda e: {**e, "manifest.json": b"[1]"}.items(), "its format, a number"),
    "manifest lacks a key": (lambda e: {**e, "manifest.json": b'{"format": 2}'}.items(), "expected the keys"),
    "manifest is deep": (lambda e: {**e, "manifest.json": b"[" * 50_000}.items(), "not JSON"),
    "manifest is large": (lambda e: {**e, "manifest.json": b" " * 200_000}.items(), "more than 100000 bytes"),
    "unknown challenge": (lambda e: remade(e, challenge="../Higgs"), "has no challenge"),
    "challenge of accents": (lambda e: remade(e, challenge="a" + "\u0301" * 39), r"no challenge 'a(\\u0301){36}"),
    "row of accents": (lambda e: remade({**e, CSV: ("a" + "\u0301" * 29).encode() + b"\n" * N}), r"a(\\u0301){28}"),
    "team is a number": (lambda e: remade(e, team=7), "must be a text"),
    "members are a text": (lambda e: remade(e, members="Ana"), "must be a list"),
    "another format": (lambda e: remade(e, format=3), "format 3, expected 2"),
    "format is a text": (lambda e: remade(e, format="2"), "its format, a number"),
    "key is no digest": (lambda e: remade(e, key="../x"), "key must be the SHA-256"),
    "notebook is garbage": (lambda e: remade({**e, "notebook.ipynb": b"\0no"}), "not a notebook of format 4"),
    "notebook is empty": (lambda e: remade({**e, "notebook.ipynb": b""}), "not a notebook of format 4"),
    "notebook is deep": (lambda e: remade({**e, "notebook.ipynb": b"[" * 99_999}), "not a notebook of format 4"),
    "notebook of format 3": (lambda e: remade({**e, "notebook.ipynb": b'{"nbformat":3,"cells":[]}'}), "of format 4"),
    "PDF is a page": (lambda e: remade({**e, "notebook.pdf": b"<html>"}), "notebook.pdf: not a PDF"),
    "weights of a huge header": (lambda e: remade({**e, "weights.safetensors": b"\xff" * 9}), "header of"),
    "weights without tensors": (lambda e: remade({**e, "weights.safetensors": weights({})}), "not a safetensors"),
    "weights of another type": (lambda e: remade({**e, "weights.safetensors": weights(
        {"w": {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]}})}), "type F4, expected BOOL, .*F32.*: save tens"),
    "weights of other length": (lambda e: remade({**e, "weights.safetensors": weights(TENSOR, 5)}), "not a safetens"),
    "weights of a huge shape": (lambda e: remade({**e, "weights.safetensors": weights(
        {"w": {"dtype": "F32", "shape": [10**9] * 60, "data_offsets": [0, 4]}})}), "not a safetensors"),
}


@pytest.mark.parametrize("name", EDITS)
def test_hostile_content(prepared, sound, tmp_path, name):
    edit, message = EDITS[name]
    import re

    assert re.search(message, reason(prepared, rezip(sound, tmp_path / "bad.zip", edit)))


def test_the_same_name_twice(prepared, sound, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        bad = rezip(sound, tmp_path / "bad.zip", lambda e: [*e.items(), (CSV, e[CSV])])
    assert "twice in the zip file" in reason(prepared, bad)


def test_links_devices_and_sparse_files(prepared, sound, tmp_path):
    (tmp_path / "link.zip").symlink_to(sound)
    assert "a link" in reason(prepared, tmp_path / "link.zip")
    (tmp_path / "folder.zip").mkdir()
    assert reason(prepared, tmp_path / "folder.zip")
    with open(tmp_path / "sparse.zip", "wb") as file:
        file.truncate(10 * 2**30)
    assert "at most" in reason(prepared, tmp_path / "sparse.zip")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.zip")
        assert "not a plain file" in reason(prepared, tmp_path / "pipe.zip")

    def with_link(entries):
        link = zipfile.ZipInfo("notebook.pdf")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        return [*entries.items(), (link, b"/etc/passwd")]

    assert "a link or a device" in reason(prepared, rezip(sound, tmp_path / "inner.zip", with_link))


def test_a_zip_bomb_is_not_unpacked(prepared, tmp_path):
    bomb = hand_in(tmp_path / "b", "bomb.zip", good(), more={"notebook.pdf": b"0" * 300_000_000,
                                                             "weights.safetensors": b"0" * 300_000_000})  # fmt: skip
    assert bomb.stat().st_size < 2_000_000
    assert "600" in reason(prepared, bomb) and "when unpacked" in reason(prepared, bomb)


def test_a_wrong_size_in_the_directory(prepared, sound, tmp_path):
    """A central directory that says 10 bytes of a file that has more."""
    blob = bytearray(sound.read_bytes())
    at = blob.rindex(b"PK\x01\x02")
    blob[at + 24 : at + 28] = struct.pack("<I", 10)
    (tmp_path / "lie.zip").write_bytes(blob)
    assert reason(prepared, tmp_path / "lie.zip")


def test_a_submission_that_takes_too_long(prepared, sound, monkeypatch):
    import time

    monkeypatch.setattr(judge, "SECONDS", 1)
    monkeypatch.setattr(judge, "score", lambda *_: time.sleep(20))
    assert "takes more than 3 s on the clock of a busy machine" in reason(prepared, sound)  # not of a core: it sleeps


def mutated(blob, rng):
    """A submission with damage: bytes, lengths, or entries and manifest values."""
    blob = bytearray(blob)
    kind = rng.randrange(6)
    if kind == 0:  # bytes anywhere
        for _ in range(rng.randint(1, 30)):
            blob[rng.randrange(len(blob))] = rng.randrange(256)
    elif kind == 1:  # cut short, or a piece taken out
        first = rng.randrange(len(blob))
        del blob[first : rng.choice([len(blob), first + rng.randint(1, 200)])]
    elif kind == 2:  # headers of the zip file
        signature = rng.choice([b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"])
        at = blob.find(signature)
        for _ in range(rng.randint(1, 4)):
            blob[min(at + rng.randint(4, 40), len(blob) - 1)] = rng.choice([0, 1, 127, 255, rng.randrange(256)])
    else:
        with zipfile.ZipFile(io.BytesIO(blob)) as packed:
            entries = {name: packed.read(name) for name in packed.namelist()}
        about = json.loads(entries["manifest.json"])
        odd = rng.choice([None, -1, 1e308, "", "\x00", "../x", [], {}, "\ud800", True, ["x"] * 50, "x" * 10_000])
        if kind == 3:
            about[rng.choice([*about, "new"])] = odd
            entries["manifest.json"] = json.dumps(about).encode()
            out = list(entries.items())
        elif kind == 4:
            odd = [b"nan", b"-inf", b"1e999", b"0x1", b"1_0", b"", b"0,5", b"\xff", b"1;import os", b"9" * 500]
            rows = entries[CSV].split(b"\n")
            rows[rng.randrange(len(rows))] = rng.choice(odd)
            out = remade({**entries, CSV: b"\n".join(rows)})
        else:
            names = ["x", "..", "predictions/", "predictions/a/b", "predictions/.x", "Manifest.json", "a" * 300, "é"]
            out = remade({**entries, rng.choice(names): b"x"})
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as packed:
            for name, content in out:
                packed.writestr(name, content)
        return buffer.getvalue()
    return bytes(blob)


def test_a_thousand_mutated_submissions(prepared, sound, tmp_path, monkeypatch):
    """Each ends in a score or in one line that says why not, and nothing is left behind."""
    monkeypatch.setattr(judge, "COPIES", 2)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.chdir(tmp_path / "temporary")
    blob, rng, path = sound.read_bytes(), random.Random(7), tmp_path / "mutated.zip"
    before = {p for p in tmp_path.rglob("*")}
    outcomes = {"score": 0, "reason": 0}
    for _ in range(1000):
        path.write_bytes(mutated(blob, rng))
        for entry in judged(prepared, path):
            if entry.reason:
                assert entry.reason.isprintable() and len(entry.reason) < 400
            else:
                assert np.isfinite(entry.public.scores["AUC"])
            outcomes["reason" if entry.reason else "score"] += 1
    assert {p for p in tmp_path.rglob("*")} == before | {path}
    assert outcomes["reason"] > 700 and outcomes["score"] > 5


def test_what_is_no_table_of_an_event_file(tmp_path):
    for table, said in (("challenge = []", "no challenge"), ("challenge = [1]", "1, expected a table"),
                        ('meeting = ["x"]\nchallenge = []', "no challenge"),
                        ('meeting = ["x"]\nchallenge = [{folder = "Higgs", n = 60}]', "'x', expected a table")):
        (tmp_path / "e.toml").write_text(EVENT.partition("[[")[0] + table, "utf-8")
        with pytest.raises(event.EventError, match=said):
            event.load(tmp_path / "e.toml")


def test_a_secret_that_cannot_be_read(tmp_path, monkeypatch, capsys):
    (tmp_path / "secret.txt").write_text("a secret, as PowerShell writes it", "utf-16")
    command = ["prepare", "--out", str(tmp_path / "event")]
    assert main([*command, "--secret-file", str(tmp_path / "secret.txt")]) == 1
    assert "secret.txt is UTF-16 text" in capsys.readouterr().err

    def nobody(prompt):
        raise EOFError

    monkeypatch.setattr("getpass.getpass", nobody)
    assert main([*command, "--ask"]) == 1 and "leave out --ask" in capsys.readouterr().err


def test_the_command_line_says_what_is_wrong(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "common.hackathon", "score", str(tmp_path / "no"), str(tmp_path)],
        capture_output=True, text=True, cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert done.returncode == 1 and "no such file" in done.stderr and "Traceback" not in done.stderr
