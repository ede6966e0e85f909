"""Loading the ParticleImages data: the stream, official files where they lie, and one clear error for the rest."""

import os
import subprocess
import sys

import numpy as np
import pytest

from common import official
from ParticleImages import data, image_files

h5py = pytest.importorskip("h5py")


def put(folder, name, n, label, change=None):
    """An HDF5 file of n images; image i is full of i + 1, its time negative."""
    (folder / "ParticleImages").mkdir(parents=True, exist_ok=True)
    path = folder / "ParticleImages" / name
    X = np.broadcast_to(np.arange(1, n + 1, dtype=np.float32)[:, None, None, None], (n, 32, 32, 2)).copy()
    X[..., 1] *= -1
    content = {"X": X, "y": np.full(n, label, np.float32)}
    if change is not None:
        change(content)
    with h5py.File(path, "w") as file:
        for key, values in content.items():
            file.create_dataset(key, data=values, compression="gzip" if values.ndim > 1 else None)
    return path


@pytest.fixture
def small_official(data_home, monkeypatch):
    """Files of 100 photons and 120 electrons in the data folder."""
    for constant, n, label in (("PHOTONS", 100, 0), ("ELECTRONS", 120, 1)):
        name = getattr(image_files, constant).name
        path = put(data_home, name, n, label)
        monkeypatch.setattr(image_files, constant, official.OfficialFile(name, (), size=path.stat().st_size))
    return data_home


def replace_photons(folder, monkeypatch, change=None, n=100, label=0):
    path = put(folder, image_files.PHOTONS.name, n, label, change)
    monkeypatch.setattr(image_files, "PHOTONS", official.OfficialFile(path.name, (), size=path.stat().st_size))
    return path


def put_excerpt(folder, **content):
    (folder / "ParticleImages").mkdir(parents=True, exist_ok=True)
    path = folder / "ParticleImages" / image_files.EXCERPT.name
    np.savez(path, **content)
    return path


def excerpt_content(n=10):
    rng = np.random.default_rng(0)
    return {"X": rng.random((n, 32, 32), dtype=np.float32), "y": (np.arange(n) % 2).astype(np.int8)}


# --- The simulated stream ------------------------------------------------------------------------------------------


def test_simulated_images_come_in_chunks(monkeypatch):
    from common.datasets import Stream
    from ParticleImages import simulate

    small = Stream("ParticleImages", simulate.simulate, version=1, chunk_size=50)
    monkeypatch.setitem(data.STREAMS, "classification", small)
    train, valid = data.load("train", 70, workers=1), data.load("valid", 50, workers=1)
    assert train.X.shape == (70, 32, 32, 2) and len(train.meta["converted"]) == 70
    np.testing.assert_array_equal(data.load("train", 30).X, train.X[:30])
    assert train.X[:50].tobytes() != valid.X.tobytes()


def test_describe():
    from ParticleImages import simulate

    text = data.describe(simulate.simulate(50, seed=0))
    assert all(word in text for word in ("electron energy", "photon time", "pixels", "std"))


# --- The official files --------------------------------------------------------------------------------------------


def test_official_splits_are_by_position(small_official):
    first = {"train": (0, 0), "valid": (80, 96), "test": (90, 108)}
    count = {"train": (80, 96), "valid": (10, 12), "test": (10, 12)}
    for split in first:
        part = data.load(split, source="official")
        assert part.X.dtype == np.float32 and part.y.dtype == np.int8
        assert part.meta["channels"] == ["energy", "time"]
        for label in (0, 1):
            pixel = part.X[part.y == label][:, 5, 7]
            expected = first[split][label] + 1 + np.arange(count[split][label])
            np.testing.assert_array_equal(pixel, np.stack([expected, -expected], axis=1))


def test_classes_are_mixed_and_fewer_are_the_first_of_more(small_official):
    whole, some = data.load("train", source="official"), data.load("train", 31, source="official")
    np.testing.assert_array_equal(some.X, whole.X[:31])
    np.testing.assert_array_equal(some.y, whole.y[:31])
    assert 8 < some.y.sum() < 25 and abs(np.diff(whole.y.astype(int))).sum() > 50


def test_first_image_of_one_class_only(small_official):
    assert len(data.load("test", 1, source="official")) == 1


def test_only_what_is_asked_for_is_read(small_official, monkeypatch):
    def spoil(content):
        content["X"][50:] = np.nan

    replace_photons(small_official, monkeypatch, spoil)
    assert np.isfinite(data.load("train", 60, source="official").X).all()


@pytest.mark.parametrize("arguments, message", [
    (dict(split="validation"), "unknown split 'validation'"),
    (dict(source="cms"), "unknown source 'cms': choose one of 'simulated', 'official'"),
    (dict(task="regression"), "one task, leave task out"),
    (dict(n=0), "n must be a whole number of at least 1"),
    (dict(n=2.5, source="official"), "n must be a whole number of at least 1"),
    (dict(n=177, source="official"), "n = 177, but the train split of the official files has 176 samples"),
])  # fmt: skip
def test_bad_requests(small_official, arguments, message):
    with pytest.raises(ValueError, match=message):
        data.load(**arguments)


def drop(key):
    return lambda content: content.pop(key)


def assign(**content):
    return lambda old: old.update(content)


def spoil(key, row, value):
    def change(content):
        content[key][row] = value

    return change


@pytest.mark.parametrize("change, message", [
    (drop("y"), "expected the data sets X and y, found X"),
    (assign(X=np.zeros((100, 32, 32), np.float32)), r"X has shape \(100, 32, 32\)"),
    (assign(X=np.zeros((100, 32, 30, 2), np.float32)), r"expected \(rows, 32, 32, 2\) and \(rows,\)"),
    (assign(y=np.zeros(99, np.float32)), r"y \(99,\), expected"),
    (assign(X=np.zeros((100, 32, 32, 2), np.int16)), "X is int16 .* expected float32"),
    (assign(y=np.array([b"photon"] * 100)), "expected float32 and numbers"),
    (spoil("X", 7, np.nan), "image 7 has a pixel that is not finite"),
    (spoil("X", 79, np.inf), "image 79 has a pixel that is not finite"),
    (spoil("y", 3, 1), r"image 3 has the label 1, expected 0 \(photon\): is this the right file"),
    (spoil("y", 3, np.nan), "image 3 has the label nan, expected 0"),
])  # fmt: skip
def test_files_with_something_else(small_official, monkeypatch, change, message):
    path = replace_photons(small_official, monkeypatch, change)
    with pytest.raises(ValueError, match=message) as error:
        data.load("train", source="official")
    assert path.name in str(error.value)


def test_too_few_images_for_three_splits(small_official, monkeypatch):
    replace_photons(small_official, monkeypatch, n=3)
    for split in ("train", "valid", "test"):
        with pytest.raises(ValueError, match="too few samples for three splits .train 2, valid 1, test 0"):
            data.load(split, source="official")


def test_the_other_class_in_the_file(small_official, monkeypatch):
    replace_photons(small_official, monkeypatch, label=1)
    with pytest.raises(ValueError, match="is this the right file"):
        data.load("test", source="official")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_truncated_hdf5(small_official, monkeypatch, keep):
    path = replace_photons(small_official, monkeypatch)
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(official.CorruptFileError, match="bytes, expected"):  # by its length
        data.load("train", source="official")
    monkeypatch.setattr(image_files, "PHOTONS", official.OfficialFile(path.name, ()))
    with pytest.raises(ValueError, match="damaged or incomplete HDF5 file .* download it again"):
        data.load("train", source="official")


def test_nothing_official_is_never_replaced_by_simulation(monkeypatch):
    def fail(challenge, file):
        raise official.DownloadError("no network")

    monkeypatch.setattr(official, "fetch", fail)
    with pytest.raises(official.DownloadError):
        data.load("test", 10, source="official")


def test_says_how_to_install_h5py(small_official, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r'pip install -e ".\[particleimages\]"'):
        data.load("test", 10, source="official")


MEMORY = """
import resource, sys
from ParticleImages import data, image_files
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
import h5py
before = peak()
part = data.read_split(sys.argv[1:], "train")
print(peak() - before, part.X.nbytes)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory as Linux does")
def test_memory_is_that_of_the_images(tmp_path):
    """Two files of 12,500 images in large chunks: 164 MB are asked for, and 70 MB more at most are used."""
    paths = []
    for label in (0, 1):
        paths.append(str(tmp_path / f"{label}.hdf5"))
        with h5py.File(paths[-1], "w") as file:
            X = file.create_dataset("X", (12_500, 32, 32, 2), "f4", chunks=(1000, 32, 32, 2), compression="gzip")
            for start in range(0, len(X), 1000):
                X[start : start + 1000] = 0
            file["y"] = np.full(12_500, label, np.float32)
    run = subprocess.run(
        [sys.executable, "-c", MEMORY, *paths], capture_output=True, text=True, check=True, env=os.environ
    )
    used, images = map(int, run.stdout.split())
    assert images == 20_000 * 8192 and used < images + 70e6


# --- The excerpt ---------------------------------------------------------------------------------------------------


def test_excerpt_is_for_testing_only(data_home):
    content = excerpt_content()
    put_excerpt(data_home, **content)
    part = data.load("test", source="official")
    np.testing.assert_array_equal(part.X[..., 0], content["X"])
    np.testing.assert_array_equal(part.y, content["y"])
    assert part.X.dtype == np.float32 and not part.X[..., 1].any() and part.meta["channels"] == ["energy"]
    assert len(data.load("test", 4, source="official")) == 4
    for split in ("train", "valid"):
        with pytest.raises(ValueError, match="for testing only: use split='test'"):
            data.load(split, source="official")
    with pytest.raises(ValueError, match="n = 11, but the excerpt .* has 10 samples"):
        data.load("test", 11, source="official")


def test_official_files_come_before_the_excerpt(small_official):
    put_excerpt(small_official, **excerpt_content())
    assert len(data.load("test", source="official")) == 22


@pytest.mark.parametrize("change, message", [
    (dict(X=np.zeros((10, 32, 31))), r"X has shape \(10, 32, 31\)"),
    (dict(y=np.zeros(9)), r"y \(9,\), expected"),
    (dict(X=np.full((10, 32, 32), np.nan)), "all of them finite"),
    (dict(y=np.zeros(10, [("label", int)])), "a label is neither 0"),
    (dict(X=np.full((10, 32, 32), 1e300)), "all of them finite in float32"),
    (dict(X=np.full((10, 32, 32), "a")), "must be numbers"),
    (dict(y=np.full(10, 2)), "neither 0 .photon. nor 1"),
    (dict(y=np.array([{}] * 10, dtype=object)), "without pickled objects"),
])  # fmt: skip
def test_excerpts_with_something_else(data_home, change, message):
    path = put_excerpt(data_home, **(excerpt_content() | change))
    with pytest.raises(ValueError, match=message) as error:
        data.load("test", source="official")
    assert path.name in str(error.value)


def test_an_excerpt_that_unpacks_to_too_much_is_refused(data_home):
    path = put_excerpt(data_home, **excerpt_content())
    np.savez_compressed(path, X=np.zeros((110_000, 32, 32), np.uint8), y=np.zeros(110_000))
    with pytest.raises(ValueError, match=f"{path.name}: .* bytes when unpacked, at most 100,000,000"):
        data.load("test", 2, source="official")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"text", b"\x93NUMPY\1\0\4\0(((("])
def test_excerpts_that_are_no_npz(data_home, content):
    path = put_excerpt(data_home, **excerpt_content())
    path.write_bytes(content)
    with pytest.raises(ValueError, match="expected an .npz file with X and y"):
        data.load("test", source="official")
