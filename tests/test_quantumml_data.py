"""The loader: no gluon where a detector trains, the official layout read and written, bad files refused."""

import h5py
import numpy as np
import pytest

from common import cli
from common.datasets import Dataset
from QuantumML import data


def official_file(path, n=200, **replaced):
    """A file in the official layout: gluons and quarks alternate; pixel (0, 0) of an image is its number + 1."""
    X = np.zeros((n, 30, 30), np.float32)
    X[:, 0, 0] = np.arange(n) + 1
    arrays = {"X": X, "y": np.arange(n) % 2, **replaced}
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            if values is not None:
                file.create_dataset(name, data=values)
    return path


@pytest.mark.parametrize("split", ["train", "valid"])
def test_training_and_validation_jets_are_quarks(split, data_home):
    """A gluon gets there only when it is asked for by name."""
    official_file(data_home / "QuantumML" / data.HDF5.name)
    for source, n in (("simulated", None), ("official", None), ("simulated", 10)):
        jets = data.load(split, n, source=source)
        assert len(jets) > 0 and (jets.y == data.QUARK).all()
        labelled = data.load(split, 80 if source == "simulated" else None, source=source, task="labelled")
        assert set(labelled.y.tolist()) == {data.QUARK, data.GLUON}


def test_train_is_quarks_on_the_command_line_too(tmp_path):
    out = tmp_path / "jets.npz"
    assert cli.main("QuantumML", data.STREAMS, argv=["simulate", "--n", "50", "--out", str(out)]) == 0
    with np.load(out) as stored:
        assert (stored["y"] == data.QUARK).all() and len(stored["y"]) == 50
    argv = ["simulate", "--n", "50", "--split", "test", "--out", str(out)]
    assert cli.main("QuantumML", data.STREAMS, argv=argv) == 0
    with np.load(out) as stored:
        assert set(stored["y"].tolist()) == {data.QUARK, data.GLUON}


def test_the_test_split_has_both_kinds():
    jets = data.load("test", 500)
    assert 0.4 < jets.y.mean() < 0.6
    assert jets.X.shape == (500, 30, 30) and jets.meta["pt"].shape == (500,)


def test_splits_differ_and_are_prefixes():
    few, more = data.load("train", 20), data.load("train", 60)
    np.testing.assert_array_equal(few.X, more.X[:20])
    assert not np.array_equal(few.X, data.load("valid", 20).X)


def test_the_shipped_sample_is_small():
    files = list(data.SAMPLE.rglob("*.npz"))
    assert files and sum(file.stat().st_size for file in files) < 2_000_000


def test_official_splits_are_disjoint_and_complete(data_home):
    official_file(data_home / data.HDF5.name)
    seen = {split: data.load(split, source="official").X[:, 0, 0] for split in data.SPLITS}
    assert [len(seen[split]) for split in data.SPLITS] == [80, 10, 20]
    everything = np.concatenate(list(seen.values()))
    assert len(np.unique(everything)) == len(everything)
    labelled = np.concatenate([data.load(s, source="official", task="labelled").X[:, 0, 0] for s in data.SPLITS])
    np.testing.assert_array_equal(np.sort(labelled), np.arange(200) + 1)


def test_official_images_keep_their_labels(data_home):
    official_file(data_home / data.HDF5.name)
    jets = data.load("test", 15, source="official")
    np.testing.assert_array_equal(jets.y, (jets.X[:, 0, 0] - 1) % 2)
    with pytest.raises(ValueError, match="has 20 samples: ask for at most that many"):
        data.load("test", 21, source="official")


def test_official_layout_round_trip(tmp_path):
    jets = data.load("test", 50)
    again = data.read_hdf5(data.write_hdf5(jets, tmp_path / "jets.hdf5"))
    np.testing.assert_array_equal(again.X, jets.X)
    np.testing.assert_array_equal(again.y, jets.y)
    with h5py.File(tmp_path / "jets.hdf5") as file:
        assert file["X"].shape == (50, 30, 30) and file["y"].dtype == np.int64


EMPTY = np.ones((200, 30, 30), np.float32) * (np.arange(200) != 7)[:, None, None]
NEGATIVE = np.full((200, 30, 30), -1.0)


@pytest.mark.parametrize("replaced, reason", [
    ({"X": np.ones((200, 28, 28))}, r"X has shape \(200, 28, 28\).*expected \(n, 30, 30\)"),
    ({"X": np.ones((199, 30, 30))}, "expected"),
    ({"X": EMPTY}, "image 7 has no pixel above 0"),
    ({"X": NEGATIVE}, "negative or not finite"),
    ({"X": np.full((200, 30, 30), np.nan)}, "negative or not finite"),
    ({"X": np.full((200, 30, 30), 1e39)}, "negative or not finite"),
    ({"X": None}, "expected an HDF5 file with data sets X and y, found y"),
    ({"y": np.arange(200) % 3}, "values other than 0"),
    ({"y": np.array([b"quark"] * 200)}, "expected plain numbers"),
])
@pytest.mark.filterwarnings("error")
def test_bad_official_files_are_refused(tmp_path, replaced, reason):
    with pytest.raises(ValueError, match=reason):
        data.read_hdf5(official_file(tmp_path / "bad.hdf5", **replaced))


def test_files_that_are_not_hdf5_are_refused(tmp_path):
    (tmp_path / "bad.hdf5").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError, match="not an HDF5 file"):
        data.read_hdf5(tmp_path / "bad.hdf5")


def test_links_to_other_files_are_refused(tmp_path):
    official_file(tmp_path / "secret.hdf5")
    with h5py.File(tmp_path / "bad.hdf5", "w") as file:
        file["X"] = h5py.ExternalLink("secret.hdf5", "X")
        file["y"] = np.ones(200)
    with pytest.raises(ValueError, match="expected an HDF5 file with data sets X and y"):
        data.read_hdf5(tmp_path / "bad.hdf5")


def test_too_few_jets_for_three_splits(data_home):
    (data_home / "QuantumML").mkdir(parents=True)
    official_file(data_home / "QuantumML" / data.HDF5.name, n=4)
    for split in ("train", "valid", "test"):
        with pytest.raises(ValueError, match="too few samples for three splits .train 2, valid 0, test 0"):
            data.load(split, source="official")


def test_jets_of_one_kind(data_home):
    official_file(data_home / "QuantumML" / data.HDF5.name, n=40, y=np.zeros(40, int))
    with pytest.raises(ValueError, match="all jets are of one kind"):
        data.load("train", source="official")


def test_unknown_arguments():
    with pytest.raises(ValueError, match="unknown split 'all'"):
        data.load("all")
    with pytest.raises(ValueError, match="unknown task 'gluons'"):
        data.load("train", task="gluons")
    with pytest.raises(ValueError, match="unknown source"):
        data.load("train", source="web")
    with pytest.raises(ValueError, match="n must be a whole number"):
        data.load("train", 0)


def test_images_that_cannot_be_used():
    with pytest.raises(ValueError, match="expected square images"):
        data.check_images(np.ones((3, 30)))
    with pytest.raises(ValueError, match="image 1 has no pixel above 0"):
        data.check_images(np.stack([np.ones((5, 5)), np.zeros((5, 5))]))


def test_proxy_jets_are_drawn_where_their_particles_are(data_home):
    jets = np.zeros((2, 10, 4))
    jets[0, :2] = [[60.0, 0.1, 6.2, 22], [40.0, 0.1, 0.1, 211]]  # on both sides of phi = 2 pi
    jets[1, 0] = [50.0, -1.0, 3.0, 22]
    data_home.mkdir()
    np.savez(data_home / "quark_gluon_jets.npz", X=jets, y=np.array([1.0, 0.0]))
    images = data.proxy()
    assert isinstance(images, Dataset) and images.y.tolist() == [1, 0]
    np.testing.assert_allclose(images.X.sum((1, 2)), [100, 50])
    rows, columns = np.nonzero(images.X[0])
    assert set(columns.tolist()) == {15} and np.ptp(rows) in (6, 7)  # 0.183 rad are 6.9 pixels
    assert images.X[1, 15, 15] == 50


def test_bad_proxy_jets_are_refused(data_home):
    data_home.mkdir()
    path, jets = data_home / "quark_gluon_jets.npz", np.ones((2, 10, 4))
    for content, message in (
        (dict(X=np.full_like(jets, np.nan), y=[0, 1]), "finite numbers"), (dict(X=0 * jets, y=[0, 1]), "momentum"),
        (dict(X=jets, y=[0]), "one label a jet"), (dict(y=[0, 1]), "numbers X and y: 'X'"),
        (dict(X=jets, y=np.zeros(2, [("label", int)])), "X holds float64 and y"),
        (dict(X=jets + 1j, y=[0, 1]), "X holds complex128"),
    ):  # fmt: skip
        np.savez(path, **content)
        with pytest.raises(ValueError, match=f"{path.name}.*{message}"):
            data.proxy()
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=f"{path.name}: expected an .npz file"):
        data.proxy()


def test_no_proxy_jets(data_home):
    assert data.proxy() is None


def test_real_proxy_jets(real_samples, monkeypatch):
    monkeypatch.setenv("DEEPLEARN_DATA", str(real_samples))
    images = data.proxy()
    assert images.X.shape == (6250, 30, 30) and 0.4 < images.y.mean() < 0.6
    data.check_images(images.X)
    lit = (images.X > 0.01 * images.X.max((1, 2), keepdims=True)).sum((1, 2))
    assert lit.max() <= 10  # ten particles are kept
