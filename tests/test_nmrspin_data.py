"""Loading the NMRSpin data: simulated, the hackathon's files where they lie, and one clear error for the rest."""

import warnings

import numpy as np
import pytest

from common import official
from common.challenge import SubmissionError
from common.datasets import Dataset
from NMRSpin import data
from NMRSpin.challenge import CHALLENGE, squared_errors

RNG = np.random.default_rng(0)
LABELS = RNG.uniform((0, 4, 6), (20, 30, 9), (40, 3))


# --------------------------------------------------------------------------------------------------
# Simulated


def test_what_ships_needs_no_simulation(monkeypatch):
    """The lesson's echoes are there at once: nothing is simulated, nothing is written."""
    monkeypatch.setattr(data.STREAMS["gauss"].__class__, "make", None)
    for task, sizes in {
        "gauss": {"train": 800, "valid": 200, "test": 200}, "rkky": {"train": 800, "valid": 200, "test": 200},
        "gauss_fresh": {"train": 200, "test": 100},
    }.items():
        for split, n in sizes.items():
            part = data.load(split, task=task)
            assert part.X.shape == (n, 2, 471) and part.X.dtype == np.float32
            assert part.y.shape == (n, 3) and part.meta["labels"] == ["alpha", "xi", "d"]
            np.testing.assert_array_equal(part.X[:3], data.load(split, 3, task=task).X)
            assert abs(np.hypot(*part.X[:, :, 0].T) - 0.4955).max() < 0.003  # 1/2, a step after the first pulse


def test_splits_and_tasks_differ():
    parts = [data.load(split, 1, task=task) for split in ("train", "valid", "test") for task in ("gauss", "rkky")]
    assert len({part.y.tobytes() for part in parts}) == len(parts)


def test_sample_is_what_the_simulator_makes_and_is_small():
    shipped = data.load("train", 2, task="rkky")
    from NMRSpin import simulate

    M = simulate.echoes("rkky", shipped.y)
    assert abs(shipped.X[:, 0] + 1j * shipped.X[:, 1] - M).max() < simulate.RESOLUTION
    for kernel in ("gauss", "rkky"):
        files = data.STREAMS[kernel].sample.glob(f"v*/{kernel}*/*.npz")
        assert sum(file.stat().st_size for file in files) <= 2_000_000


@pytest.mark.parametrize("arguments, message", [
    ({"split": "eval"}, "unknown split"),
    ({"task": "dipole"}, "unknown task"),
    ({"source": "web"}, "unknown source"),
    ({"n": 0}, "whole number of at least 1"),
    ({"task": "gauss_fresh", "source": "official"}, "has no official files"),
])
def test_bad_requests(arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(**arguments)


# --------------------------------------------------------------------------------------------------
# The hackathon's files


def dataset(n, seed=1):
    rng = np.random.default_rng(seed)
    return Dataset(rng.normal(0, 0.1, (n, 2, 471)).astype(np.float32), LABELS[:n].astype(np.float32))


@pytest.fixture
def files(data_home):
    """The five files of RKKY with 20 labelled echoes and 5 without labels."""
    folder = data_home / "NMRSpin"
    folder.mkdir(parents=True)
    data.write_official(folder, "rkky", dataset(20), dataset(5, seed=2))
    return folder


def test_official_names():
    names = {file.name for file in data.FILES["rkky"].values()} | {file.name for file in data.FILES["gauss"].values()}
    assert names == {
        f"{kind}_{part}.txt" for kind in ("gauss", "RKKY") for part in (
            "mat_info_model", "echos_model_r", "echos_model_i", "echos_eval_r", "echos_eval_i")
    }


def test_official_files(files):
    train, valid, test = (data.load(split, task="rkky", source="official") for split in ("train", "valid", "test"))
    assert len(train) == 18 and len(valid) == 2 and test.y is None
    np.testing.assert_array_equal(test.X, dataset(5, seed=2).X)
    everything = dataset(20)
    rows = [np.flatnonzero((everything.y == y).all(1))[0] for y in np.concatenate([train.y, valid.y])]
    assert sorted(rows) == list(range(20))  # disjoint, complete
    np.testing.assert_array_equal(np.concatenate([train.X, valid.X]), everything.X[rows])
    np.testing.assert_array_equal(data.load("train", 4, task="rkky", source="official").X, train.X[:4])
    with pytest.raises(ValueError, match="n = 3, but the valid split"):
        data.load("valid", 3, task="rkky", source="official")


def test_blanks_separate_numbers_too(files):
    path = files / "RKKY_echos_eval_r.txt"
    path.write_text(path.read_text().replace("\t", "  "))
    np.testing.assert_array_equal(data.load("test", task="rkky", source="official").X, dataset(5, seed=2).X)


def test_byte_order_marks_and_other_line_ends_are_skipped(files):
    for path in files.glob("RKKY_*"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    np.testing.assert_array_equal(data.load("test", task="rkky", source="official").X, dataset(5, seed=2).X)


def damaged(path, damage):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(damage(lines)) + "\n")


@pytest.mark.parametrize("name, damage, message", [
    ("RKKY_echos_model_i.txt", lambda lines: lines[:-1], "has 19 rows and RKKY_echos_model_r.txt has 20"),
    ("RKKY_mat_info_model.txt", lambda lines: lines[1:], "RKKY_mat_info_model.txt has 19 rows"),
    ("RKKY_echos_model_r.txt", lambda lines: [row.rpartition("\t")[0] for row in lines], "470 numbers in the first"),
    ("RKKY_echos_model_r.txt", lambda lines: [*lines[:3], lines[3].rpartition("\t")[0], *lines[4:]], "rows of 471"),
    ("RKKY_echos_model_r.txt", lambda lines: [lines[0].replace("0.", "O.", 1), *lines[1:]], "could not convert"),
    ("RKKY_mat_info_model.txt", lambda lines: ["alpha xi d", *lines], "no header"),
    ("RKKY_mat_info_model.txt", lambda lines: [row.replace("\t", ",") for row in lines], "blanks or tabs"),
    ("RKKY_echos_model_i.txt", lambda lines: [*lines[:6], "\t".join(["nan"] * 471), *lines[7:]], "row 7 has a number"),
    ("RKKY_mat_info_model.txt", lambda lines: ["1 -0.5 0.3", *lines[1:]], r"row 1 is \[1.0, -0.5.* standardised"),
    ("RKKY_echos_model_i.txt", lambda lines: [""], "0 numbers in the first row"),
])
def test_damaged_files(files, name, damage, message):
    damaged(files / name, damage)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=message) as caught:
            data.load("train", task="rkky", source="official")
    assert "\n" not in str(caught.value) and name in str(caught.value)


def test_the_real_part_in_place_of_the_imaginary_one(files):
    (files / "RKKY_echos_eval_i.txt").write_bytes((files / "RKKY_echos_eval_r.txt").read_bytes())
    with pytest.raises(ValueError, match="RKKY_echos_eval_i.txt has the numbers of RKKY_echos_eval_r.txt"):
        data.load("test", task="rkky", source="official")


def test_bytes_that_are_no_text(files):
    (files / "RKKY_echos_model_r.txt").write_bytes(b"\x80\x04\x95" + bytes(200))
    with pytest.raises(ValueError, match="RKKY_echos_model_r.txt: expected rows of 471 numbers"):
        data.load("train", task="rkky", source="official")


def test_missing_files_are_asked_for_by_name(files, monkeypatch):
    def refuse(challenge, file):
        if (files / file.name).exists():
            return files / file.name
        raise official.DownloadError(f"{file.name} could not be downloaded")

    monkeypatch.setattr(official, "fetch", refuse)
    (files / "RKKY_echos_model_i.txt").unlink()
    with pytest.raises(official.DownloadError, match="RKKY_echos_model_i.txt"):
        data.load("train", task="rkky", source="official")
    with pytest.raises(official.DownloadError, match="gauss_echos_model_r.txt"):  # nothing is simulated instead
        data.load("train", task="gauss", source="official")


# --------------------------------------------------------------------------------------------------
# The submission


@pytest.mark.parametrize("task, name", [("gauss", "gauss_mat_info_eval.txt"), ("rkky", "RKKY_mat_info_eval.txt")])
def test_submission(tmp_path, task, name):
    task = CHALLENGE.task(task)
    path = task.submission.write(tmp_path, LABELS)
    assert path.name == name and path.read_text().splitlines()[0].count("\t") == 2
    np.testing.assert_array_equal(np.loadtxt(path), LABELS)
    assert set(task.score(LABELS, path).values()) == {0.0}

    wrong = LABELS + LABELS.std(0) * [1.0, 0.0, 2.0]
    scores = task.score(LABELS, task.submission.write(tmp_path, wrong))
    assert next(iter(scores)) == "squared error"
    assert scores["squared error"] == pytest.approx(40 * 5)
    assert scores["MSE"] == pytest.approx(5 / 3)
    assert [scores[f"MSE of {name}"] for name in ("alpha", "xi", "d")] == pytest.approx([1, 0, 4])
    assert not any(metric.higher_is_better for metric in task.metrics)


def test_guessing_the_mean_scores_one():
    guess = np.broadcast_to(LABELS.mean(0), LABELS.shape)
    assert squared_errors(LABELS, guess).mean() == pytest.approx(1)


def test_standardised_and_transposed_submissions_are_recognised(tmp_path):
    task = CHALLENGE.task("gauss")
    standard = (LABELS - LABELS.mean(0)) / LABELS.std(0)
    for name, values, message in [
        ("a", standard, "standardised: the medians are .* physical units"),
        ("b", LABELS.T, "transposed: 3 rows of 40 numbers, expected 40 rows of alpha, xi, d"),
        ("c", standard.T, "transposed"),
    ]:
        with pytest.raises(SubmissionError, match=message):
            task.submission.write(tmp_path, values)
        np.savetxt(tmp_path / name, values, delimiter="\t")
        with pytest.raises(SubmissionError, match=message) as caught:
            task.score(LABELS, tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content, message", [
    ("5\t8\t7\n" * 39, "39 rows, expected 40"),
    ("5\t8\n" * 40, "line 1 has 2 columns"),
    ("5,8,7\n" * 40, "line 1 has 1 columns"),
    ("5\t8\tlow\n" * 40, "line 1 is not a number: 'low'"),
    ("5\t8\t7\n" * 39 + "5\tnan\t7\n", "row 40 has xi = nan"),
])
def test_bad_submissions(tmp_path, content, message):
    (tmp_path / "gauss_mat_info_eval.txt").write_text(content)
    with pytest.raises(SubmissionError, match=message):
        CHALLENGE.task("gauss").score(LABELS, tmp_path / "gauss_mat_info_eval.txt")


def test_command_line(tmp_path, capsys):
    from common import cli

    def run(*arguments):
        return cli.main("NMRSpin", data.STREAMS, describe=data.describe, argv=list(arguments))

    out = tmp_path / "echoes.npz"
    assert run("simulate", "--n", "4", "--task", "rkky", "--out", str(out)) == 0
    assert out.exists()
    assert run("describe", "--n", "4") == 0
    assert "NMRSpin: 4 samples of shape (2, 471), float32" in (text := capsys.readouterr().out)
    assert "xi" in text and "|M| of the echo" in text
