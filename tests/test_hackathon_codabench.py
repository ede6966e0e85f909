"""Bundles for Codabench: what its unpacker asks for, and that the scoring program gives the scores that we give."""

import errno
import json
import os
import subprocess
import sys
import zipfile
from datetime import date, datetime, timedelta, timezone

import numpy as np
import pytest
import yaml
from dateutil import parser

from common.challenge import registry
from common.datasets import Dataset, read, to_bytes
from common.hackathon import archive, codabench, codabench_score, event, judge, leaderboard
from common.hackathon.__main__ import main
from tests.test_hackathon import (  # noqa: F401  (fixtures)
    EDITS,
    EVENT,
    IN_TIME,
    NOTEBOOK,
    N,
    clock,
    good,
    hand_in,
    judged,
    prepared,
    rezip,
)  # fmt: skip
from tests.test_hackathon_phases import PHASES, parted

SCORING = "scoring_program"


@pytest.fixture(scope="module")
def exported(prepared, tmp_path_factory):  # noqa: F811
    """An event with a public part and phases, and the folder of its bundle, unpacked."""
    place = tmp_path_factory.mktemp("codabench")
    folder, _ = parted(prepared, place, more=PHASES)
    (folder / "public" / "event.toml").write_bytes((folder / "event.toml").read_bytes())
    assert main(["export", "codabench", "--event", str(folder), "--out", str(place / "bundles")]) == 0
    (path,) = (place / "bundles").glob("*.zip")
    assert path.name == "Higgs-classification.zip"
    with zipfile.ZipFile(path) as packed:
        packed.extractall(place / "bundle")
    return folder, place / "bundle"


def instant(field):
    """A time as the unpacker reads it: of what YAML takes for a time only the date is kept."""
    if isinstance(field, date):
        field = datetime.combine(field, datetime.min.time())
    elif field:
        field = parser.parse(field)
    return field and field.replace(tzinfo=timezone.utc)


def check_bundle(folder):
    """Replay the rules of Codabench's unpacker and serializers; returns what competition.yaml says."""
    about = yaml.safe_load((folder / "competition.yaml").read_text("utf-8"))
    assert about["version"] == 2 and 0 < len(about["title"]) <= 256 and 0 < len(about["docker_image"]) <= 128
    for file in [about["terms"], *(page["file"] for page in about["pages"])]:
        assert (folder / file).read_text("utf-8").strip(), f"the page {file} is empty"
    assert all(page["title"] for page in about["pages"])
    assert (folder / about["image"]).read_bytes().startswith(b"\x89PNG")
    tasks = [task["index"] for task in about["tasks"]]
    assert len(set(tasks)) == len(tasks)
    for task in about["tasks"]:
        assert task["name"] and all(list((folder / task[key]).iterdir()) for key in (SCORING, "reference_data"))
    before = None
    for index, phase in enumerate(sorted(about["phases"], key=lambda phase: phase["index"])):
        start, end = instant(phase["start"]), instant(phase.get("end"))
        assert phase["index"] == index and phase["name"] and phase["tasks"] and set(phase["tasks"]) <= set(tasks)
        assert start < end and (before is None or start > before)
        assert phase["execution_time_limit"] <= 600 and {"max_submissions", "max_submissions_per_day"} <= set(phase)
        assert all(list((folder / phase[key]).iterdir()) for key in ("public_data", "starting_kit") if key in phase)
        before = end
    assert [bool(phase.get("auto_migrate_to_this_phase")) for phase in about["phases"]].index(True) == index > 0
    (board,) = about["leaderboards"]
    keys = [column["key"] for column in board["columns"]]
    assert board["title"] and board["key"] and board["submission_rule"] == "Force_Best" and len(set(keys)) == len(keys)
    for column in board["columns"]:
        assert len(column["title"]) <= 36 and len(column["key"]) <= 36 and column["sorting"] in ("asc", "desc")
    metadata = yaml.safe_load((folder / SCORING / "metadata.yaml").read_text("utf-8"))
    assert metadata == {"command": "python3 score.py"} and (folder / SCORING / "score.py").is_file()
    return about


def test_a_bundle_is_what_the_unpacker_asks_for(exported):
    folder, bundle = exported
    about = check_bundle(bundle)
    warm_up, race, final = about["phases"]
    assert (warm_up["start"], warm_up["end"]) == ("2026-07-08 16:00:00", "2026-07-15 16:00:00")
    assert (race["start"], race["end"]) == ("2026-07-15 16:00:01", "2026-07-29 16:00:00")
    assert final["start"] == "2026-07-29 16:00:01" and final["tasks"] == [1]
    assert (warm_up["max_submissions_per_day"], warm_up["max_submissions"]) == (2, 3)
    assert race["max_submissions"] is None  # written, since the unpacker has limits of its own
    assert about["leaderboards"][0]["columns"] == [
        {"index": 0, "title": "AUC", "key": "auc", "sorting": "desc", "precision": 6}
    ]
    assert {path.name for path in (bundle / "public_data").iterdir()} == {"Higgs-classification.npz", "event.toml"}
    assert event.load(bundle / "public_data" / "event.toml").public_fraction == 0.5
    kit = {path.relative_to(bundle / "starting_kit").as_posix() for path in (bundle / "starting_kit").rglob("*.*")}
    sample = {"Higgs/higgs_predictions.csv", "notebook.ipynb", "weights.safetensors"}
    assert kit == {"README.md", *(f"sample/{name}" for name in sample)}
    if os.name == "posix":  # it holds the truth
        assert (bundle.parent / "bundles" / "Higgs-classification.zip").stat().st_mode & 0o77 == 0
    text = (bundle.parent / "bundles" / "Dockerfile").read_text("utf-8")
    assert f"numpy=={np.__version__}" in text and text.startswith("FROM python:3.")


def test_no_part_has_the_truth_of_the_other_and_nobody_else_has_any(exported):
    folder, bundle = exported
    rows = []
    for part in ("public", "private"):
        truth = read(bundle / "reference_data" / part / "Higgs-classification.npz")
        assert len(truth) == len(truth.meta["rows"]) and truth.meta["part"] == part and truth.meta["n"] == N
        rows += truth.meta["rows"].tolist()
    assert sorted(rows) == list(range(N))
    secret = (folder / "private" / "secret.txt").read_text().strip().encode()
    given = [path for path in bundle.rglob("*") if path.is_file() and "reference_data" not in path.parts]
    assert not any(secret in path.read_bytes() for path in given)
    assert read(bundle / "public_data" / "Higgs-classification.npz").y is None


@pytest.mark.parametrize("challenge", ["StrongLensing", "RenAIssance", "Exoplanet", "QuantumML", "NMRSpin"])
def test_every_board_of_the_course_makes_a_sound_description(challenge):
    course = event.load()
    for board in course.of(challenge):
        about = codabench.competition(course, board, codabench.IMAGE)
        (column,) = about["leaderboards"][0]["columns"]
        assert column["key"].isidentifier() and len(about["phases"]) == 2
        assert all(text.strip() for text in codabench._pages(course, board).values())
    assert codabench_score.key_of("AUC by run") == "auc_by_run"


def layout(bundle, place, part, submission):
    """The folders of the compute worker: a submission without metadata at its root is unpacked as it is."""
    (place / "input").mkdir(parents=True)
    (place / "input" / "ref").symlink_to(bundle / "reference_data" / part)
    with zipfile.ZipFile(submission) as packed:
        packed.extractall(place / "input" / "res")
    return place / "input", place / "output"


def test_the_scoring_program_gives_our_scores(exported, tmp_path, clock):  # noqa: F811
    folder, bundle = exported
    place = tmp_path / "subs"
    clock(IN_TIME)
    files = [hand_in(place, "good.zip", good(2.0), "A")]
    leaderboard.judge_all(folder, place, 0)
    clock(IN_TIME + timedelta(minutes=5))  # the phases of Codabench close by themselves: the program scores it too
    files.append(hand_in(place, "late.zip", good(3.0), "A"))
    entries = leaderboard.judge_all(folder, place, 0)
    boards = {
        "public": leaderboard.rank(event.load(folder / "event.toml"), entries, IN_TIME),
        "private": leaderboard.rank(event.load(folder / "event.toml"), entries, IN_TIME + timedelta(days=1)),
    }
    for part, board in boards.items():
        for row, file in zip(board["boards"][0]["history"], files, strict=True):
            source, target = layout(bundle, tmp_path / f"{part} {file.stem}", part, file)
            if (part, file.stem) == ("public", "good"):  # as the worker does it, with the code of the bundle only
                done = subprocess.run([sys.executable, "score.py", str(source), str(target)], cwd=bundle / SCORING,
                                      env={**os.environ, "PYTHONPATH": ""}, capture_output=True, text=True)  # fmt: skip
                assert done.returncode == 0, done.stderr
            else:
                assert codabench_score.main(bundle / SCORING, source, target) == 0
            assert json.loads((target / "scores.json").read_text()) == {"auc": row["scores"]["AUC"]}
            assert ("log loss" in (target / "detailed_results.html").read_text()) == (part == "private")
            assert sorted(path.name for path in target.iterdir()) == ["detailed_results.html", "scores.json"]


def test_two_tasks_texts_and_runs(tmp_path):
    """What a challenge asks for beside the board that is scored is read too, and runs and texts get to the scores."""
    text = EVENT.partition("[[challenge]]")[0] + "".join(
        f'[[challenge]]\nfolder = "{folder}"\ntask = "{task}"\nn = {n}\n'
        for folder, task, n in (("RenAIssance", "pages", 4), ("Exoplanet", "detection", 40), ("NMRSpin", "gauss", 8),
                                ("NMRSpin", "rkky", 9), ("QuantumML", "quantum", 40), ("QuantumML", "classical", 40)))
    folder = tmp_path / "event"
    for name in ("private", "public"):
        (folder / name).mkdir(parents=True)
        (folder / name / "event.toml").write_text(text, "utf-8")
    (folder / "event.toml").write_text(text, "utf-8")
    (folder / "public" / "README.md").write_text("guide")
    rng, runs = np.random.default_rng(0), np.arange(40) // 4
    truths = {"RenAIssance-pages": (["el libro", "de la", "vida y", "muerte"], {}),
              "Exoplanet-detection": (runs % 2, {"run": runs}),
              "NMRSpin-gauss": (10 + rng.random((8, 3)), {}),
              "NMRSpin-rkky": (10 + rng.random((9, 3)), {}),
              "QuantumML-quantum": (runs % 2, {}), "QuantumML-classical": (runs % 2, {})}  # fmt: skip
    for name, (labels, meta) in truths.items():
        (folder / "private" / f"{name}.npz").write_bytes(to_bytes(Dataset(labels, None, meta)))
        (folder / "public" / f"{name}.npz").write_bytes(to_bytes(Dataset(rng.random((len(labels), 3, 3)), None)))
    guesses = {"RenAIssance-pages": ["el libro", "de le", "vido", "muerte"],
               "Exoplanet-detection": 0.3 * (runs % 2) + 0.5 * rng.random(40),
               "NMRSpin-gauss": 10 + rng.random((8, 3)), "NMRSpin-rkky": 10 + rng.random((9, 3)),
               "QuantumML-classical": rng.random(40)}  # fmt: skip
    course = event.load(folder / "event.toml")
    for board in course.boards:
        for other in course.of(board.folder):
            submission = registry()[board.folder].task(other.task).submission
            if other.name in guesses:
                submission.write(tmp_path / board.folder, guesses[other.name])
            else:  # the sample, but it measures the qubit that is encoded
                circuit = submission.sample(tmp_path / board.folder, other.n) / "quantum_circuit.qasm"
                circuit.write_text(circuit.read_text().replace("measure q[1]", "measure q[0]"))
    codabench.export(folder, tmp_path / "bundles")
    for board in course.boards:
        bundle = tmp_path / board.name
        with zipfile.ZipFile(tmp_path / "bundles" / f"{board.name}.zip") as packed:
            packed.extractall(bundle)
        check_bundle(bundle)
        files = {f"predictions/{path.name}": path for path in (tmp_path / board.folder).iterdir()}
        files |= {"notebook.ipynb": json.dumps(NOTEBOOK).encode()}
        archive.write(tmp_path / "a.zip", archive.Manifest("A", (), board.folder, {}), files)
        ours = {entry.board: entry for entry in judged(folder, tmp_path / "a.zip")}[board.name]
        assert not ours.reason
        source, target = layout(bundle, tmp_path / f"run {board.name}", "private", tmp_path / "a.zip")
        assert codabench_score.main(bundle / SCORING, source, target) == 0
        metric = board.metrics[0]
        scores = json.loads((target / "scores.json").read_text())
        assert scores == {codabench_score.key_of(metric): ours.private.row["scores"][metric]}


@pytest.mark.parametrize("name", [*EDITS, "a link", "a choice", "another challenge"])
def test_hostile_submissions_have_no_score(exported, tmp_path, monkeypatch, capsys, name):
    _, bundle = exported
    monkeypatch.setattr(judge, "COPIES", 2)
    challenge = "Exoplanet" if name == "another challenge" else "Higgs"
    file = hand_in(tmp_path, "sound.zip", good(), "A", challenge=challenge)
    if name == "a choice":
        archive.write(file, archive.Manifest("A", (), "Higgs", {}, "7" * 64, "8" * 64), {})
    if name in EDITS:
        file = rezip(file, tmp_path / "bad.zip", EDITS[name][0])
    source, target = layout(bundle, tmp_path / "run", "public", file)
    if name == "a link":
        (source / "res" / "notebook.pdf").symlink_to("/etc/passwd")
    target.mkdir()
    (target / "scores.json").write_text('{"auc": 1.0}')  # of a run before
    assert codabench_score.main(bundle / SCORING, source, target) == 1
    said = capsys.readouterr().err
    assert said.startswith("not accepted: ") and said.count("\n") == 1
    assert [path.name for path in target.iterdir()] == ["detailed_results.html"]
    assert "Not accepted: " in (target / "detailed_results.html").read_text()


def test_an_error_of_any_kind_leaves_no_score(exported, tmp_path, monkeypatch):
    _, bundle = exported
    source, target = layout(bundle, tmp_path, "private", hand_in(tmp_path / "subs", "a.zip", good()))
    for error in (MemoryError(), RecursionError("deep"), OSError(28, "No space left"), judge.TooLong()):
        monkeypatch.setattr(judge, "marked", lambda *_, error=error: (_ for _ in ()).throw(error))
        assert codabench_score.main(bundle / SCORING, source, target) == 1
        assert not (target / "scores.json").exists()


def test_an_event_that_was_not_prepared_is_not_exported(tmp_path, capsys):
    (tmp_path / "event.toml").write_text(EVENT, "utf-8")
    assert main(["export", "codabench", "--event", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "Was the event made by 'prepare'?" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", [".", ".."])
def test_no_image_is_built_where_the_event_is(exported, capsys, place):
    before = sorted(exported[0].iterdir())
    assert main(["export", "codabench", "--event", str(exported[0]), "--out", str(exported[0] / place)]) == 1
    assert "has the event in it, with its secret and the truth" in capsys.readouterr().err
    assert sorted(exported[0].iterdir()) == before


@pytest.mark.parametrize("name", ["Dockerfile", "Higgs-classification.zip"])
def test_what_is_there_is_not_overwritten(exported, tmp_path, capsys, name):
    (tmp_path / name).write_text("mine")
    assert main(["export", "codabench", "--event", str(exported[0]), "--out", str(tmp_path)]) == 1
    assert f"{tmp_path / name} is there already: move it away, or name a new folder" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_is_one_error(exported, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    assert main(["export", "codabench", "--event", str(exported[0]), "--out", str(tmp_path)]) == 1
    assert "the disk is full" in capsys.readouterr().err and not list(tmp_path.iterdir())
