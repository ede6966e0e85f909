"""Loading the Higgs data: the shipped sample, official files where they lie, and one clear error for the rest."""

import gzip
import platform
import subprocess
import sys

import numpy as np
import pytest

from common import official
from common.datasets import from_bytes
from Higgs import data
from Higgs.simulate import COLUMNS

# The first row of UCI HIGGS, as published.
FIRST_ROW = (
    "1.0,0.8692932,-0.6350818,0.2256903,0.3274700,-0.6899932,0.7542022,-0.2485731,-1.0920639,0.0,1.3749921,"
    "-0.6536742,0.9303491,1.1074361,1.1389043,-1.5781983,-1.0469854,0.0,0.6579295,-0.0104546,-0.0457672,3.1019614,"
    "1.3537600,0.9795631,0.9780762,0.9200048,0.7216575,0.9887509,0.8766783"
)


def rows(n, seed=0):
    """Text of n rows in the layout of UCI HIGGS."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n)
    return "".join(f"{label}," + ",".join(f"{x:.6f}" for x in rng.random(28)) + "\n" for label in labels)


def put(folder, name, text):
    (folder / "Higgs").mkdir(parents=True, exist_ok=True)
    path = folder / "Higgs" / name
    with gzip.open(path, "wt") as out:
        out.write(text)
    return path


@pytest.fixture
def small_official(data_home, monkeypatch):
    """An official file of 100 rows in the data folder, 60 of them for training and 20 each for the rest."""
    path = put(data_home, "HIGGS.csv.gz", rows(100))
    monkeypatch.setattr(data, "UCI", official.OfficialFile("HIGGS.csv.gz", (), size=path.stat().st_size))
    monkeypatch.setattr(data, "UCI_ROWS", {"train": (0, 60), "valid": (60, 80), "test": (80, 100)})
    return np.loadtxt(path, delimiter=",")


def test_the_official_file_may_be_unpacked(small_official, data_home, monkeypatch):
    with gzip.open(data_home / "Higgs" / "HIGGS.csv.gz", "rb") as packed:
        (data_home / "Higgs" / "HIGGS.csv").write_bytes(content := packed.read())
    expected = data.load("valid", source="official")
    (data_home / "Higgs" / "HIGGS.csv.gz").unlink()
    with pytest.raises(official.CorruptFileError, match="HIGGS.csv.* expected 8,035,497,980"):
        data.load("valid", source="official")
    monkeypatch.setattr(data, "UNPACKED", official.OfficialFile("HIGGS.csv", (), size=len(content)))
    assert np.array_equal(data.load("valid", source="official").X, expected.X)


def test_sample_is_served_without_pythia(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythia8mc", None)
    parts = {split: data.load(split) for split in ("train", "valid", "test")}
    assert {split: len(part) for split, part in parts.items()} == {"train": 12_000, "valid": 4_000, "test": 4_000}
    for part in parts.values():
        assert part.X.shape[1:] == (28,) and part.X.dtype == np.float32 and part.meta["columns"] == list(COLUMNS)
        assert 0.5 < part.y.mean() < 0.56
    with pytest.raises(ImportError, match="pip install"):
        data.load("train", 12_001, workers=1)


def test_sample_is_small():
    assert sum(path.stat().st_size for path in data.STREAM.sample.rglob("*.npz")) < 2_000_000


def test_sample_is_what_the_simulator_makes(plain_numpy, tmp_path):
    """To the byte, on every processor: with AVX-512 NumPy has other last digits."""
    pytest.importorskip("pythia8mc")
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the sample was made on Linux, x86-64: bytes are equal on one platform only")
    make = "import sys; from Higgs.data import STREAM; open(sys.argv[1], 'wb').write(STREAM.make('valid', 0, 0))"
    subprocess.run([sys.executable, "-c", make, tmp_path / "chunk"], env=plain_numpy, check=True)
    (path,) = data.STREAM.sample.rglob("valid-seed0/00000-*.npz")
    shipped, made = from_bytes(path.read_bytes()), from_bytes((tmp_path / "chunk").read_bytes())
    assert shipped.X.tobytes() == made.X.tobytes() and shipped.y.tobytes() == made.y.tobytes()


def test_official_splits_are_those_published(small_official):
    for split, (first, last) in data.UCI_ROWS.items():
        part = data.load(split, source="official")
        np.testing.assert_allclose(part.X, small_official[first:last, 1:], rtol=1e-6)
        np.testing.assert_array_equal(part.y, small_official[first:last, 0])
    assert len(data.load("test", 7, source="official")) == 7


def test_training_rows_are_streamed_when_there_is_no_file(monkeypatch):
    asked = {}

    def first_lines(challenge, file, n):
        asked.update(challenge=challenge, file=file.name, n=n)
        return rows(n).encode()

    monkeypatch.setattr(official, "first_lines", first_lines)
    part = data.load("train", 50, source="official")
    assert len(part) == 50 and asked == {"challenge": "Higgs", "file": "HIGGS.csv.gz", "n": 50}


def test_excerpt_is_split_in_order(data_home):
    path = put(data_home, "uci_rows.csv.gz", rows(50))
    table = np.loadtxt(path, delimiter=",")
    parts = [data.load(split, source="official") for split in ("train", "valid", "test")]
    assert [len(part) for part in parts] == [30, 10, 10]
    np.testing.assert_allclose(np.concatenate([part.X for part in parts]), table[:, 1:], rtol=1e-6)
    with pytest.raises(ValueError, match="n = 11, but the test split of the excerpt .* has 10 samples"):
        data.load("test", 11, source="official")


@pytest.mark.parametrize("n", [1, 2, 3])
def test_an_excerpt_too_small_for_three_splits(data_home, n):
    put(data_home, "uci_rows.csv.gz", rows(n))
    for split in ("train", "valid", "test"):
        with pytest.raises(ValueError, match="too few samples for three splits"):
            data.load(split, source="official")


def test_an_excerpt_with_a_header_of_numbers(data_home):
    put(data_home, "uci_rows.csv.gz", ",".join(map(str, range(29))) + "\n" + rows(20))
    with pytest.raises(ValueError, match="uci_rows.csv.gz: .*line 1 is a header .*: remove it"):
        data.load("train", source="official")


def test_nothing_official_is_never_replaced_by_simulation(monkeypatch):
    def fail(challenge, file):
        raise official.DownloadError("no network")

    monkeypatch.setattr(official, "fetch", fail)
    with pytest.raises(official.DownloadError):
        data.load("test", 10, source="official")


def test_first_published_row(tmp_path):
    (tmp_path / "one.csv").write_text(FIRST_ROW + "\n")
    part = data.read_rows(tmp_path / "one.csv")
    assert part.y.tolist() == [1] and part.X[0, 0] == np.float32(0.8692932)
    from Higgs.columns import columns, physical

    tags = columns(physical(part.X), [f"jet_{i}_b_tag" for i in (1, 2, 3, 4)])
    np.testing.assert_allclose(tags, [[0, 1, 0, 2]], atol=1e-5)


@pytest.mark.parametrize("arguments, message", [
    (dict(split="validation"), "unknown split 'validation'"),
    (dict(source="uci"), "unknown source 'uci': choose one of 'simulated', 'official'"),
    (dict(task="regression"), "one task, leave task out"),
    (dict(n=0), "n must be a whole number of at least 1"),
    (dict(n=-5, source="official"), "n must be a whole number of at least 1"),
    (dict(n=61, source="official"), "n = 61, but the train split of HIGGS.csv.gz has 60 samples"),
])
def test_bad_requests(small_official, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(**arguments)


GOOD = rows(3)


@pytest.mark.parametrize("text, message", [
    ("1,2,3\n4,5,6\n", "3 columns, expected 29"),
    (GOOD.replace(",", ";"), "expected rows of 29 numbers"),
    ("label,a\n" + GOOD, "expected rows of 29 numbers and no header"),
    (GOOD + GOOD.splitlines()[0].replace(",0.", ",text", 1) + "\n", "expected rows of 29 numbers"),
    (GOOD + "2" + GOOD.splitlines()[0][1:] + "\n", "row 4 has a label other than 0 and 1"),
    (GOOD + GOOD.splitlines()[0][:-8] + "nan\n", "row 4 .* not finite"),
    (GOOD + "1,0.5\n", "row 4 .* not finite"),
    ("", "no rows"),
])
def test_files_that_are_not_uci_higgs(tmp_path, text, message):
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ValueError, match=f"bad.csv: .*{message}"):
        data.read_rows(tmp_path / "bad.csv")


def test_truncated_gzip(data_home):
    path = put(data_home, "uci_rows.csv.gz", rows(500))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="uci_rows.csv.gz: damaged gzip file"):
        data.load("train", source="official")


def test_bit_flips_in_gzip_are_one_clear_error(data_home):
    path = put(data_home, "uci_rows.csv.gz", rows(500))
    whole = path.read_bytes()
    for position in range(40, len(whole), len(whole) // 40):
        flipped = bytearray(whole)
        flipped[position] ^= 0x10
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match="^uci_rows.csv.gz: "):
            data.read_rows(path)


def test_file_that_ends_early(tmp_path):
    (tmp_path / "short.csv").write_text(rows(10))
    with pytest.raises(ValueError, match="short.csv: ends after 5 of 8 rows"):
        data.read_rows(tmp_path / "short.csv", skip=5, n=8)
