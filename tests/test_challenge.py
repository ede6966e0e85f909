"""Contracts: every challenge has one, and a submission is either scored or refused in one line."""

import os
import re
import struct

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from common.challenge import FOLDERS, NUMBER, ROOT, Array, Metric, SubmissionError, Table, Task, registry
from common.metrics import bootstrap

TABLE = Table("p.csv", ("probability",), 0, 1)
IMAGES = Array("i.npy", (2, 3), 0, 1)
PAIR = Table("pair.csv", ("a", "b"), delimiter="\t")


def test_every_registered_challenge_is_complete():
    challenges = registry()
    assert "Higgs" in challenges
    assert list(challenges) == [folder for folder in FOLDERS if folder in challenges]
    for folder, challenge in challenges.items():
        assert challenge.folder == folder
        assert challenge.tasks and all(task.metrics for task in challenge.tasks)
        assert (ROOT / folder / "README.md").read_text().startswith(f"# {challenge.title}")
        for name in challenge.notebooks:
            for suffix in (".ipynb", ".ci.yaml", ".full.yaml"):
                assert (ROOT / folder / f"{name}{suffix}").exists()


def test_unknown_task():
    with pytest.raises(ValueError, match="has no task 'regression': choose one of classification"):
        registry()["Higgs"].task("regression")


def test_table_round_trip(tmp_path):
    values = np.array([0.0, 0.123456789, 1.0])
    path = TABLE.write(tmp_path, values)
    assert path == tmp_path / "p.csv"
    np.testing.assert_allclose(TABLE.read(path, 3), values, atol=1e-8)
    pairs = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(PAIR.read(PAIR.write(tmp_path, pairs), 3), pairs)


@pytest.mark.parametrize("end", ["\n,,\n,,\n", ",,\r\n , ,", "\n"])
def test_rows_of_empty_cells_at_the_end_are_none(tmp_path, end):
    table = Table("p.csv", ("axion", "cdm", "no"))
    (tmp_path / "p.csv").write_text(".2,.3,.5\n.1,.1,.8" + (end if end[0] == "\n" else "\n" + end))
    assert table.read(tmp_path / "p.csv", 2).tolist() == [[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]]
    with pytest.raises(SubmissionError, match="2 rows, expected 3"):
        table.read(tmp_path / "p.csv", 3)


@pytest.mark.parametrize("header", ["no,axion,cdm", "No, AXION, cdm"])
def test_a_header_says_the_order_of_the_columns(tmp_path, header):
    table = Table("p.csv", ("axion", "cdm", "no"), low=0.0, high=1.0)
    (tmp_path / "p.csv").write_text(f"{header}\n0.7,0.1,0.2\n0.5,0.4,0.1\n")
    np.testing.assert_array_equal(table.read(tmp_path, 2), [[0.1, 0.2, 0.7], [0.4, 0.1, 0.5]])
    (tmp_path / "p.csv").write_text("no,axion,vortex\n0.7,0.1,0.2\n0.5,0.4,0.1\n")
    with pytest.raises(SubmissionError, match="3 numbers a line, separated by commas, in the order axion, cdm, no, "):
        table.read(tmp_path, 2)


def test_header_and_byte_order_mark_are_allowed(tmp_path):
    (tmp_path / "p.csv").write_text("\ufeffprobability\n0.5\n0.25\n\n", encoding="utf-8")
    assert TABLE.read(tmp_path / "p.csv", 2).tolist() == [0.5, 0.25]


@pytest.mark.parametrize("content, reason", [
    (b"0.5\n", "1 rows, expected 2"),
    (b"0.5\n0.5\n0.5\n", "3 rows, expected 2"),
    (b"0.5\nnan\n", "row 2 has probability = nan"),
    (b"0.5\ninf\n", "row 2 has probability = inf"),
    (b"0.5\n1.5\n", "expected a number from 0 to 1"),
    (b"0.5\nhigh\n", "line 2 is not a number: 'high'"),
    (b"probability\n0.5\n1_0e-1\n", "line 3 is not a number: '1_0e-1'"),
    ("0.5\n\uff10.5\n".encode(), "line 2 is not a number"),
    (b"0.5\n0x1\n", "line 2 is not a number"),
    (b"0.5\n1.0000001\n", "probability = 1.0000001, expected a number from 0 to 1"),
    (b"0.5\n1.0000000000000002\n", "probability = 1.0000000000000002, expected a number from 0 to 1"),
    (b"0.5,0.5\n0.5\n", "line 1 has 2 columns"),
    (b"0.5\n\xff\xfe\n", "not UTF-8 text"),
    (b"", "0 rows"),
    (b"0" * 5000, "more than 1080 bytes"),
    (b"cos\nsystem\n(S'true'\ntR.", "rows, expected 2"),
])
def test_bad_submissions_are_refused_with_the_reason(tmp_path, content, reason):
    (tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(SubmissionError, match=reason) as error:
        TABLE.read(tmp_path / "p.csv", 2)
    assert "\n" not in str(error.value)


COLUMNS = "line 1 has 2 columns"
ADVICE = "Write one number a line, with a decimal point .0.25., without header, index or quotes"


@pytest.mark.parametrize("content, reason", [
    ("prob\n0.5\n0.5\n", f"3 rows, expected 2; line 1 is not a number: 'prob'. {ADVICE}"),
    ("# probability\n0.5\n0.5\n", "line 1 has 2 columns .'# probability'."),
    ('"probability"\n0.5\n0.5\n', "line 1 is not a number: '\"probability\"'"),
    ("0\n0.5\n0.5\n", f"is line 1 a header .'0'.. {ADVICE}"),
    (",probability\n0,0.5\n1,0.5\n", COLUMNS),
    ("id,probability\n0,0.5\n1,0.5\n", COLUMNS), ("0,5\n0,5\n", COLUMNS),
    ("0;5\n0;5\n", "line 1 is not a number: '0;5'"), ("50%\n50%\n", "line 1 is not a number: '50%'"),
    ("1'000\n2\n", "line 1 is not a number"),
])  # fmt: skip
def test_the_first_line_says_what_pandas_wrote(tmp_path, content, reason):
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(SubmissionError, match=reason) as error:
        TABLE.read(tmp_path / "p.csv", 2)
    assert "index=False, header=False" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["1e-5\r+0.5\r.5", "0.00001\r\n0.5\r\n5E-1\r\n", "\n 1e-5 \n\n0.5\n\t.5\n"])
def test_numbers_are_read_as_they_are_written(tmp_path, content):
    (tmp_path / "p.csv").write_bytes(content.encode())
    assert TABLE.read(tmp_path / "p.csv", 3).tolist() == [1e-5, 0.5, 0.5]


def test_blanks_separate_numbers_as_for_numpy(tmp_path):
    values = np.arange(6.0).reshape(3, 2)
    for table in (PAIR, Table("c.csv", ("a", "b"))):
        np.savetxt(tmp_path / table.name, values)
        np.testing.assert_array_equal(table.read(tmp_path, 3), values)
    (tmp_path / PAIR.name).write_text("1,2\n3,4\n5,6\n")
    with pytest.raises(SubmissionError, match="Write 2 numbers a line, separated by tabs"):
        PAIR.read(tmp_path, 3)


def test_columns_of_a_data_frame_are_taken_by_name(tmp_path):
    with pytest.raises(SubmissionError, match="not an array of numbers: some of them are masked"):
        PAIR.write(tmp_path, np.ma.masked_less([[1.0, 3.0], [2.0, 4.0]], 2))
    with pytest.raises(SubmissionError, match="not an array of numbers: dates or times"):
        PAIR.write(tmp_path, np.array([["2024-07-08", "2024-07-29"]] * 2, "datetime64[D]"))
    frame = pd.DataFrame({"B": [1.0, 2.0], " a": [3.0, 4.0]}, index=[7, 3])
    assert PAIR.read(PAIR.write(tmp_path, frame), 2).tolist() == [[3, 1], [4, 2]]
    assert PAIR.read(PAIR.write(tmp_path, pd.DataFrame(frame.to_numpy())), 2).tolist() == [[1, 3], [2, 4]]
    for other in (frame.rename(columns={"B": "c"}), frame[["B", "B"]], frame.assign(c=1)):
        with pytest.raises(SubmissionError, match="a data frame of .*expected the columns a, b"):
            PAIR.write(tmp_path, other)


def test_a_path_without_the_ending_is_a_folder(tmp_path):
    values = [0.5, 0.5]
    assert TABLE.write(tmp_path / "new" / "my_folder", values) == tmp_path / "new" / "my_folder" / "p.csv"
    assert TABLE.write(tmp_path / "mine.csv", values) == tmp_path / "mine.csv"
    assert IMAGES.write(tmp_path / "new" / "my_folder", np.zeros((1, 2, 3))).name == "i.npy"
    assert {path.name for path in (tmp_path / "new" / "my_folder").iterdir()} == {"p.csv", "i.npy"}


@pytest.mark.parametrize("values", [None, ["a"], {"a": 1}, [[1], [1, 2]], [1j, 2j]])
def test_what_is_no_array_is_refused_on_writing(tmp_path, values):
    for submission in (TABLE, IMAGES):
        with pytest.raises(SubmissionError, match="not an array of numbers|expected 1 column|shape|nan") as error:
            submission.write(tmp_path, values)
        assert "\n" not in str(error.value)


def test_a_cell_of_endless_digits_is_refused_without_trying_every_way_to_divide_them():
    assert NUMBER.fullmatch(300_000 * "9" + "x") is None  # else this takes minutes
    assert all(NUMBER.fullmatch(text) for text in ("1", "1.", ".5", "-1.5e-3", "+2E4", "nan", "-inf"))


def test_missing_submission(tmp_path):
    with pytest.raises(SubmissionError, match="p.csv: no such file"):
        TABLE.read(tmp_path / "p.csv", 2)


def test_only_plain_files_are_read(tmp_path):
    (tmp_path / "secret.csv").write_text("0.5\n0.5\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(SubmissionError, match="link.csv: a link, expected the file itself"):
        TABLE.read(tmp_path / "link.csv", 2)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SubmissionError, match=f"{TABLE.name}: no such file"):
        TABLE.read(tmp_path / "folder", 2)
    (tmp_path / "folder" / TABLE.name).mkdir()
    with pytest.raises(SubmissionError, match=f"{TABLE.name}: not a plain file|{TABLE.name}: cannot be read"):
        TABLE.read(tmp_path / "folder", 2)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(SubmissionError, match="pipe.csv: not a plain file"):
        TABLE.read(tmp_path / "pipe.csv", 2)


def test_writing_what_could_not_be_scored_is_refused(tmp_path):
    with pytest.raises(SubmissionError, match="expected 1 column"):
        TABLE.write(tmp_path, np.zeros((3, 2)))
    with pytest.raises(SubmissionError, match="row 2 has probability = 1.1"):
        TABLE.write(tmp_path, [0.5, 1.1])
    assert not list(tmp_path.iterdir())


def test_array_round_trip(tmp_path):
    values = np.random.default_rng(0).random((4, 2, 3))
    path = IMAGES.write(tmp_path, values)
    assert path == tmp_path / "i.npy"
    read = IMAGES.read(path, 4)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, values, atol=1e-7)
    np.save(path, np.asfortranarray(values))  # float64, stored column by column
    np.testing.assert_allclose(IMAGES.read(path, 4), values, atol=1e-7)


@pytest.mark.parametrize("values, reason", [
    (np.zeros((3, 2, 3)), "shape \\(3, 2, 3\\), expected \\(2, 2, 3\\)"),
    (np.zeros((2, 3, 2)), "shape \\(2, 3, 2\\)"),
    (np.full((2, 2, 3), np.nan), "sample 1 contains nan, expected numbers from 0 to 1"),
    (np.full((2, 2, 3), 2.0), "sample 1 contains 2"),
    (np.zeros((2, 2, 3), dtype=int), "holds int64, expected floating-point numbers"),
    (np.zeros((2, 2, 3), dtype=np.longdouble), "more than|holds float128"),
    (np.array([{"a": 1}, None]), "holds object"),
    (np.zeros((2, 2, 3), dtype=[("a", "f4")]), "holds"),
])
def test_arrays_that_cannot_be_scored_are_refused(tmp_path, values, reason):
    np.save(tmp_path / "i.npy", values, allow_pickle=True)
    with pytest.raises(SubmissionError, match=reason) as error:
        IMAGES.read(tmp_path / "i.npy", 2)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("header", [
    b"{[]: 1}", b"(" * 990, b"{1: 0, 'shape': 0}", b"", b"\0" * 50, b"{" * 200, b"'" * 99, b"9" * 900,
    b"-" * 900 + b"1",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999999999, 2, 3), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 3)}" + b" " * 2000,
    b"{'descr': 'f3', 'fortran_order': False, 'shape': (2, 2, 3), }",
    b"{'descr': '|V9999', 'fortran_order': True, 'shape': (), }",
    b"{'descr': [('a', '<f4', (9999, 9999))], 'fortran_order': False, 'shape': (2, 2, 3), }",
])
@pytest.mark.parametrize("version", [1, 2, 3, 9])
def test_odd_headers_of_arrays_are_refused(tmp_path, header, version):
    size = struct.pack("<H" if version == 1 else "<I", len(header))
    (tmp_path / "i.npy").write_bytes(b"\x93NUMPY" + bytes([version, 0]) + size + header + bytes(48))
    with pytest.raises(SubmissionError, match="i.npy: ") as error:
        IMAGES.read(tmp_path / "i.npy", 2)
    assert str(error.value).isprintable()


def test_random_headers_of_arrays_are_refused_or_read(tmp_path):
    np.save(tmp_path / "i.npy", np.zeros((2, 2, 3)))
    whole, rng = (tmp_path / "i.npy").read_bytes(), np.random.default_rng(0)
    for _ in range(1000):
        blob = bytearray(whole)
        for at in rng.integers(128, size=rng.integers(1, 4)):
            blob[at] = rng.integers(256)
        (tmp_path / "i.npy").write_bytes(blob)
        try:
            assert IMAGES.read(tmp_path / "i.npy", 2).shape == (2, 2, 3)
        except SubmissionError as error:
            assert "\n" not in str(error)


def test_files_that_are_no_array_are_refused(tmp_path):
    path = tmp_path / "i.npy"
    np.save(path, np.zeros((2, 2, 3)))
    whole = path.read_bytes()
    header = whole[:128].replace(b"(2, 2, 3)", b"(9**99,1)")
    np.savez(tmp_path / "i.npz", np.zeros((2, 2, 3)))
    for content in (b"", b"cos\nsystem\n(S'true'\ntR.", whole[:-1], whole + b"0", whole[:50], header + whole[128:],
                    (tmp_path / "i.npz").read_bytes(), whole + bytes(5000)):
        path.write_bytes(content)
        with pytest.raises(SubmissionError, match="i.npy") as error:
            IMAGES.read(path, 2)
        assert "\n" not in str(error.value)
    with pytest.raises(SubmissionError, match="sample 2 contains -1"):
        IMAGES.write(tmp_path, np.stack([np.zeros((2, 3)), -np.ones((2, 3))]))


def test_scores_come_in_the_order_of_the_contract(tmp_path):
    error, mean = Metric("error", lambda t, p: abs(t - p).mean(), False), Metric("mean", lambda t, p: p.mean())
    task = Task("t", TABLE, (error, mean))
    scores = task.score(np.array([0, 1]), TABLE.write(tmp_path, [0.25, 0.75]))
    assert scores == {"error": 0.25, "mean": 0.5} and next(iter(scores)) == "error"


def test_higgs_is_scored_by_auc_first(tmp_path):
    task = registry()["Higgs"].task()
    assert task.submission.name == "higgs_predictions.csv"
    scores = task.score(np.array([0, 0, 1, 1]), task.submission.write(tmp_path, [0.1, 0.4, 0.35, 0.8]))
    assert next(iter(scores.items())) == ("AUC", 0.75)


def test_bootstrap_spread_is_that_of_the_mean():
    truth = np.random.default_rng(0).normal(size=400)
    scores = bootstrap(lambda t, p: t.mean(), truth, truth, n=500)
    assert scores.shape == (1, 500)
    assert scores.std() == pytest.approx(1 / np.sqrt(400), rel=0.15)


def test_bootstrap_pairs_the_models():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    near, nearer = bootstrap(lambda t, p: abs(t - p).mean(), truth, truth + 0.2, truth + 0.1)
    assert (near - nearer).std() < 1e-9 and near.mean() > nearer.mean()


def test_bootstrap_of_the_auc_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=300)
    few_values = np.round(rng.normal(size=300) + truth)
    predictions = (few_values, np.ones(300), rng.random(300).astype(np.float32))
    slow = bootstrap(lambda y, p: roc_auc_score(y, p), truth, *predictions, n=50)
    np.testing.assert_allclose(bootstrap(roc_auc_score, truth, *predictions, n=50), slow, rtol=1e-13)
    np.testing.assert_allclose(bootstrap(roc_auc_score, truth == 1, -few_values, n=50), 1 - slow[:1], rtol=1e-12)
    named = np.array(["gluon", "quark"])[truth]
    np.testing.assert_allclose(bootstrap(roc_auc_score, named, few_values, n=50), slow[:1], rtol=1e-13)


def test_bootstrap_of_the_auc_leaves_the_odd_cases_to_scikit_learn():
    with pytest.raises(ValueError, match="NaN"):
        bootstrap(roc_auc_score, np.array([0, 1] * 10), np.full(20, np.nan))
    few = np.array([0, 0, 1]), np.array([0.1, 0.2, 0.3])  # a copy may have one class only
    try:
        slow = bootstrap(lambda y, p: roc_auc_score(y, p), *few, n=20)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error))):
            bootstrap(roc_auc_score, *few, n=20)
    else:
        np.testing.assert_allclose(bootstrap(roc_auc_score, *few, n=20), slow)
