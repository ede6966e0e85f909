"""The simulated stream: the same bytes whoever makes them, and nothing wrong served."""

import dataclasses
import hashlib
import importlib
import inspect
import io
import os
import pickle
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from common.challenge import FOLDERS, registry
from common.datasets import Dataset, Stream, concatenate, from_bytes, hide_labels, read, to_bytes
from tests import toy

ROOT = Path(__file__).resolve().parents[1]


def stored_files(data_home):
    """The stored chunks by name. A process that was killed may leave a temporary file beside them: it is none."""
    paths = sorted(data_home.rglob("*.npz"))
    return {path.name: path.read_bytes() for path in paths if not path.name.startswith(".")}


def stored(data_home):
    """The one stored chunk."""
    (path,) = data_home.rglob("*.npz")
    return path


# --------------------------------------------------------------------------------------------------
# Data sets


def test_dataset_is_sliced_with_its_per_sample_meta():
    part = toy.simulate(10, 0)[2:5]
    assert len(part) == 3 and part.meta["run"].tolist() == [2, 3, 4]
    assert part.meta["columns"] == ["a", "b"]


def test_one_sample_is_x_and_y():
    dataset = toy.simulate(10, 0)
    for i in (0, -1, np.int64(9)):
        x, y = dataset[i]
        np.testing.assert_array_equal(x, dataset.X[i])
        assert y == dataset.y[i]
    assert [y for _, y in dataset] == dataset.y.tolist()
    public, _ = hide_labels(dataset)
    np.testing.assert_array_equal(public[3], dataset.X[3])


@pytest.mark.parametrize("n_workers", [0, 2])
def test_a_dataset_feeds_a_dataloader(n_workers):
    import torch

    dataset = toy.simulate(10, 0)
    batches = list(torch.utils.data.DataLoader(dataset, batch_size=4, num_workers=n_workers))
    assert [len(y) for _, y in batches] == [4, 4, 2]
    np.testing.assert_array_equal(torch.cat([X for X, _ in batches]), dataset.X)
    (hidden,) = torch.utils.data.DataLoader(hide_labels(dataset)[0], batch_size=10)
    np.testing.assert_array_equal(hidden, dataset.X)


@pytest.mark.parametrize("rows", [
    [2, 0], np.array([2, 0]), np.array([-8, -10]), (np.arange(10) == 2) | (np.arange(10) == 0), [],
])  # fmt: skip
def test_rows_of_arrays_and_of_lists(rows):
    arrays = toy.simulate(10, 0)
    lists = Dataset(list("abcdefghij"), list(range(10)), {"run": np.arange(10)})
    expected = arrays.meta["run"][np.asarray(rows, int if len(rows) == 0 else None)]
    assert arrays[rows].meta["run"].tolist() == lists[rows].y == expected.tolist()
    assert lists[rows].X == [lists.X[i] for i in expected]
    np.testing.assert_array_equal(arrays[rows].X, arrays.X[expected])
    assert hide_labels(lists)[0][rows].y is None


@pytest.mark.parametrize("rows, error, reason", [
    (10, IndexError, "there is no sample 10: the data set has 10"),
    (-11, IndexError, "there is no sample -11"),
    ([0, 10], IndexError, "there is no sample 10"),
    (np.ones(9, bool), IndexError, "the mask has 9 entries for 10 samples"),
    ("a", TypeError, "a number, a slice, an index array or a mask, not 'a'"),
    ((0, 1), TypeError, "index array or a mask"),
    ([0.5], TypeError, "index array or a mask"),
    (None, TypeError, "index array or a mask"),
    (True, TypeError, "index array or a mask"),
    ([[0, 1]], TypeError, "index array or a mask"),
])  # fmt: skip
def test_rows_that_are_none(rows, error, reason):
    for dataset in (toy.simulate(10, 0), Dataset(list("abcdefghij"), None)):
        with pytest.raises(error, match=reason):
            dataset[rows]


def test_dataset_refuses_labels_of_another_length():
    with pytest.raises(ValueError, match="y has 2 entries for 3 samples"):
        Dataset(np.zeros(3), np.zeros(2))


def test_concatenate_joins_everything_that_is_per_sample():
    whole = concatenate([toy.simulate(4, 0), toy.simulate(3, 1)])
    assert len(whole) == 7 and whole.meta["run"].tolist() == [0, 1, 2, 3, 0, 1, 2]
    text = concatenate([Dataset(["a"], ["b"]), Dataset(["c"], ["d"])])
    assert text.X == ["a", "c"] and text.y == ["b", "d"]


@pytest.mark.parametrize(
    "dataset", [toy.simulate(5, 3), Dataset(["uno", "dós"], ["a", "ñ"]), Dataset(np.ones(2), None)]
)
def test_bytes_round_trip(dataset):
    again = from_bytes(to_bytes(dataset))
    np.testing.assert_array_equal(again.X, dataset.X)
    np.testing.assert_array_equal(again.y, dataset.y)
    assert set(again.meta) == set(dataset.meta)


def test_pickles_are_refused(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    np.savez(tmp_path / "bad.npz", X=np.array([Trap()], dtype=object), about=np.zeros(1))
    with pytest.raises(ValueError, match="not a data set"):
        from_bytes((tmp_path / "bad.npz").read_bytes())
    assert not (tmp_path / "trapped").exists()


def npz_of(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def npz_with(member, header):
    """An `.npz` file with one array of this header."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(member, b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header)
    return stream.getvalue()


def about(text, **arrays):
    return npz_of(about=np.frombuffer(text.encode(), np.uint8), **arrays)


def changed(blob, at, value):
    blob = bytearray(blob)
    at += blob.rfind(b"PK\1\2")
    blob[at : at + len(value)] = value
    return bytes(blob)


def damaged_files():
    whole = to_bytes(Dataset(np.random.default_rng(0).normal(size=99), None))
    yield whole[:60] + bytes(30) + whole[90:]
    yield whole[:-30]
    yield from (changed(whole, 8, b"\1"), changed(whole, 10, b"\xee"))  # a password, an unknown method
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    yield stream.getvalue()
    shape = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }"
    for header in (b"{[]: 1}", b"((((", shape % (10**7, 10**7), shape % (10**20, 10**20)):
        yield npz_with("X.npy", header)
    yield npz_of(X=np.ones(3))
    yield from (about(text, X=np.ones(3)) for text in ("[]", "null", "[" * 100_000, "{}", '{"y": "abc"}', "nonsense"))
    yield from (about(text) for text in ('{"X": 5, "y": null}', '{"X": null, "y": null}', '{"y": null}'))
    yield about('{"X": ["a", 1], "y": null}')
    yield about('{"y": null}', X=np.ones(3), meta_run=np.array(1))
    stream = io.BytesIO(about('{"y": null}'))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("X", b"no array")
    yield stream.getvalue()


@pytest.mark.parametrize("blob", damaged_files())
def test_files_that_are_no_data_set_are_one_clear_error(tmp_path, blob):
    (tmp_path / "test.npz").write_bytes(blob)
    with pytest.raises(ValueError, match="test.npz: not a data set of this course: ."):
        read(tmp_path / "test.npz")


# --------------------------------------------------------------------------------------------------
# The stream


def test_first_samples_do_not_depend_on_how_many_are_asked():
    few, many = toy.stream().load("train", 7), toy.stream().load("train", 35)
    np.testing.assert_array_equal(few.X, many.X[:7])
    assert len(many) == 35


@pytest.mark.parametrize("other", [
    dict(split="test"), dict(seed=1), dict(seed="secret"), dict(version=2), dict(task="b"),
])
def test_streams_are_disjoint(other):
    mine = toy.stream().load("train", 10)
    options = {k: other[k] for k in other if k in ("version", "task")}
    theirs = toy.stream(**options).load(other.get("split", "train"), 10, other.get("seed", 0))
    assert not np.isin(theirs.X, mine.X).any()


# Samples in a chunk, and the first digits of the seed of the first one: with the simulator they say what its bytes are.
# Whoever raises the version of a simulator changes its lines.
FIRST_CHUNKS = [
    ("Higgs", "classification", 4000, "4c555ec5047b"),
    ("ParticleImages", "classification", 5000, "ff12f92437d4"),
    ("StrongLensing", "classification", 500, "272a902ae01d"),
    ("StrongLensing", "super_resolution", 250, "c92b6bf59a38"),
    ("StrongLensing", "varied", 500, "0e63e04d59c4"),
    ("StrongLensing", "telescope", 500, "f612b2282982"),
    ("StrongLensing", "telescope_hubble", 500, "3ab85434a034"),
    ("StrongLensing", "photographed", 500, "805c7d470ad5"),
    ("StrongLensing", "model_I", 100, "c7b328ed6d3e"),
    ("StrongLensing", "model_II", 500, "6102e9ba5f55"),
    ("StrongLensing", "model_III", 500, "aa47c7d4c7b4"),
    ("StrongLensing", "model_IV", 500, "377ecdbdf4d3"),
    ("RenAIssance", "lines", 200, "d193d1ab4a0c"),
    ("RenAIssance", "spreads", 4, "8a826a03d4e9"),
    ("NMRSpin", "gauss", 200, "cb5ad060587d"),
    ("NMRSpin", "rkky", 200, "3cdac5f423be"),
    ("NMRSpin", "gauss_fresh", 100, "594d2ab3d577"),
    ("NMRSpin", "rkky_fresh", 100, "3d1f07cc76e5"),
    ("Exoplanet", "detection", 200, "b85f57b53f71"),
    ("Exoplanet", "alma", 200, "efe2c0ac0459"),
    ("QuantumML", "anomaly_detection", 2000, "5fd1444c9d28"),
    ("QuantumML", "labelled", 2000, "7f365af36be1"),
]


def streams(folder):
    data = importlib.import_module(f"{folder}.data")
    return {**data.STREAMS, "anomaly_detection": data.QUARKS} if folder == "QuantumML" else data.STREAMS


@pytest.mark.parametrize("folder, task, n, seed", FIRST_CHUNKS)
def test_streams_stay_what_is_cached_and_shipped(folder, task, n, seed):
    asked = []

    def record(n, seed):
        asked.append((n, f"{seed:032x}"[:12]))
        return Dataset([""] * n, None)

    dataclasses.replace(streams(folder)[task], simulate=record).make("train", 0, 0)
    assert asked == [(n, seed)]


def test_no_stream_is_left_out():
    assert {(folder, task) for folder in FOLDERS for task in streams(folder)} == {row[:2] for row in FIRST_CHUNKS}


def test_seed_may_be_text_or_number(data_home):
    np.testing.assert_array_equal(toy.stream().load("train", 5, 3).X, toy.stream().load("train", 5, "3").X)
    assert len(stored_files(data_home)) == 1


def test_secret_seed_is_not_in_the_name_of_a_file(data_home):
    toy.stream().load("train", 5, "a long secret 42")
    toy.stream().load("train", 5, 123456789012345)
    names = [str(path.relative_to(data_home)) for path in data_home.rglob("*")]
    assert names and not any("secret" in name or "123456" in name for name in names)


def test_cluster_workers_and_one_process_make_the_same_bytes(data_home, monkeypatch):
    from distributed import LocalCluster

    files = []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        for how in (dict(workers=1), dict(workers=2), dict(scheduler=cluster.scheduler_address)):
            shutil.rmtree(data_home, ignore_errors=True)
            toy.stream().load("train", 55, **how, progress=False)
            files.append(stored_files(data_home))
    assert len(files[0]) == 6
    assert files[0] == files[1] == files[2]


@pytest.mark.parametrize("n", [5, 10, 35])
def test_without_workers_named_any_number_is_made(n):
    assert len(toy.stream().load("train", n, progress=False)) == n


@pytest.mark.parametrize("workers", [1, 2])
def test_all_chunks_are_made_by_the_workers(data_home, workers):
    toy.stream().prepare("train", 300, workers=workers, progress=False)
    assert len(stored_files(data_home)) == 30


def test_cached_chunks_are_not_made_again(monkeypatch):
    toy.stream().load("train", 20)

    def fail(n, seed):
        raise AssertionError("simulated again")

    assert len(toy.stream(fail).load("train", 20)) == 20


def test_shipped_sample_is_served_without_simulating(tmp_path, data_home):
    toy.stream().load("train", 20)
    shutil.move(data_home / "simulated" / "Toy", tmp_path / "sample")

    def fail(n, seed):
        raise AssertionError("simulated")

    shipped = toy.stream(fail, sample=tmp_path / "sample")
    assert len(shipped.load("train")) == 20  # the default is what is shipped
    with pytest.raises(AssertionError, match="simulated"):
        shipped.load("train", 21, workers=1)


def test_chunks_come_one_at_a_time():
    stream = toy.stream()
    parts = list(stream.chunks("train", 25))
    assert [len(part) for part in parts] == [10, 10, 5]
    np.testing.assert_array_equal(concatenate(parts).X, stream.load("train", 25).X)


@pytest.mark.parametrize("how", [dict(workers=1), dict(workers=2), {}])
def test_without_cache_nothing_lies_on_the_disk(data_home, how):
    hidden = toy.stream().load("test", 25, "a long secret 42", cache=False, progress=False, **how)
    assert not data_home.exists()
    np.testing.assert_array_equal(hidden.X, toy.stream().load("test", 25, "a long secret 42").X)


def test_without_cache_nothing_is_read_either(data_home):
    """Somebody who may write into a shared cache must not choose a hidden test set."""
    toy.stream().load("test", 10, "a long secret 42")
    true = toy.stream().load("test", 10, "a long secret 42", cache=False).X
    path = stored(data_home)
    path.unlink()
    forged = to_bytes(toy.simulate(10, 5))
    (path.parent / f"00000-{hashlib.sha256(forged).hexdigest()[:32]}.npz").write_bytes(forged)
    np.testing.assert_array_equal(toy.stream().load("test", 10, "a long secret 42", cache=False).X, true)


TASKS = [(folder, task.data_task or task.name) for folder, found in registry().items() for task in found.tasks]


@pytest.mark.parametrize("folder, task", TASKS)
def test_every_challenge_passes_on_that_nothing_is_cached(folder, task, monkeypatch):
    seen = []

    def load(stream, split="train", n=None, seed=0, *, cache=True, **where):
        seen.append(cache)
        raise Interrupted

    monkeypatch.setattr(Stream, "load", load)
    with pytest.raises(Interrupted):
        importlib.import_module(f"{folder}.data").load("test", 4, seed="a long secret 42", task=task, cache=False)
    assert seen == [False]


class Interrupted(Exception):
    pass


def test_help_says_what_the_samples_are_and_what_may_be_asked_for():
    for folder in FOLDERS:
        load = importlib.import_module(f"{folder}.data").load
        assert re.search(r"^X : .*\n(.*\n)*y : ", load.__doc__, re.MULTILINE), folder
        for name in inspect.signature(load).parameters:
            assert re.search(rf"^(.*, )?{name}\b", load.__doc__, re.MULTILINE), f"{folder} {name}"
        assert pickle.loads(pickle.dumps(load)) is load


# --------------------------------------------------------------------------------------------------
# Damage, and several processes


def test_a_stream_on_disk_is_the_same_data_set(tmp_path, data_home):
    stream = toy.stream()
    mapped, whole = stream.on_disk("train", 25, tmp_path / "new" / "folder"), stream.load("train", 25)
    assert isinstance(mapped.X, np.memmap) and not mapped.X.flags.writeable
    np.testing.assert_array_equal(mapped.X, whole.X)
    np.testing.assert_array_equal(mapped.y, whole.y)
    assert mapped.meta == {"columns": ["a", "b"]}
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["X.npy", "y.npy"]


def test_a_stream_that_fails_leaves_the_files_on_disk_alone(tmp_path, data_home):
    folder = tmp_path / "out"
    toy.stream().on_disk("train", 10, folder)
    before = (folder / "X.npy").read_bytes()
    with pytest.raises(ValueError, match="at least 1"):
        toy.stream().on_disk("train", 0, folder)
    texts = toy.stream(toy.simulate_texts)
    with pytest.raises(ValueError, match="must be arrays"):
        texts.on_disk("valid", 10, folder)
    assert (folder / "X.npy").read_bytes() == before and len(list(folder.iterdir())) == 2


def damage(path, how):
    blob = bytearray(path.read_bytes())
    if how == "truncated":
        del blob[len(blob) // 2 :]
    elif how == "empty":
        blob.clear()
    else:
        blob[len(blob) // 2] ^= 1
    path.write_bytes(blob)


@pytest.mark.parametrize("how", ["truncated", "empty", "bit flipped"])
def test_damaged_chunk_is_made_again(data_home, how):
    good = toy.stream().load("train", 10)
    path = stored(data_home)
    blob = path.read_bytes()
    damage(path, how)
    with pytest.warns(UserWarning, match="damaged"):
        again = toy.stream().load("train", 10)
    np.testing.assert_array_equal(again.X, good.X)
    assert stored(data_home).read_bytes() == blob


def test_what_stands_in_place_of_a_chunk_and_cannot_be_read_is_named(data_home):
    toy.stream().load("train", 10)
    path = stored(data_home)
    path.unlink()
    path.mkdir()
    for use in (lambda: toy.stream().load("train", 10), lambda: toy.stream().prepare("train", 10)):
        with pytest.raises(OSError, match=f"{path.name}: .*; move it away"):
            use()


def test_damaged_sample_is_replaced_from_the_cache(tmp_path, data_home):
    good = toy.stream().load("train", 10)
    shutil.move(data_home / "simulated" / "Toy", tmp_path / "sample")
    damage(stored(tmp_path / "sample"), "bit flipped")
    with pytest.warns(UserWarning, match="damaged"):
        again = toy.stream(sample=tmp_path / "sample").load("train", 10)
    np.testing.assert_array_equal(again.X, good.X)


LOAD = """
from tests import toy
print(toy.stream(toy.simulate_slowly).load("train", 100, workers=1, progress=False).X.sum())
"""


def start_loading(data_home):
    return subprocess.Popen(
        [sys.executable, "-c", LOAD], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "DEEPLEARN_DATA": str(data_home)},
    )


def test_two_processes_fill_one_cache(data_home):
    both = [start_loading(data_home) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0] == outputs[1]
    files = stored_files(data_home)
    assert len(files) == 10
    for name, blob in files.items():
        assert hashlib.sha256(blob).hexdigest().startswith(name[6:-4])


def test_killed_while_filling_loses_nothing(data_home):
    process = start_loading(data_home)
    deadline = time.monotonic() + 60
    while len(stored_files(data_home)) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = stored_files(data_home)
    assert 3 <= len(kept) < 10
    toy.stream().load("train", 100, workers=1)
    files = stored_files(data_home)
    assert len(files) == 10 and kept.items() <= files.items()


def test_killed_in_the_middle_of_a_write_serves_nothing(data_home, monkeypatch):
    def die(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)  # the file is written, but has not got its name yet
    with pytest.raises(KeyboardInterrupt):
        toy.stream().load("train", 10, workers=1)
    monkeypatch.undo()
    monkeypatch.setenv("DEEPLEARN_DATA", str(data_home))
    assert not stored_files(data_home)
    assert len(toy.stream().load("train", 10, workers=1)) == 10


def test_chunk_that_another_process_stored_is_never_absent(data_home, monkeypatch):
    stream = toy.stream()
    stream.load("train", 10)
    before = stored_files(data_home)

    def die(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        stream._store("train", 0, 0, stream.make("train", 0, 0))
    assert stored_files(data_home) == before


def test_killed_worker_is_replaced(tmp_path, data_home, monkeypatch):
    monkeypatch.setenv("TOY_DEAD", str(tmp_path / "dead"))
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)  # so that new workers see TOY_DEAD
    mortal = toy.stream(toy.simulate_and_die_once).load("train", 60, workers=2, progress=False)
    assert (tmp_path / "dead").exists()
    np.testing.assert_array_equal(mortal.X, toy.stream(task="").load("train", 60, workers=1).X)


# --------------------------------------------------------------------------------------------------
# Bad input: one clear error


@pytest.mark.parametrize("n", [0, -3, 2.5, True, "10"])
def test_bad_n(n):
    with pytest.raises(ValueError, match="n must be a whole number of at least 1"):
        toy.stream().load("train", n)


def test_unknown_split():
    with pytest.raises(ValueError, match="unknown split 'validation': choose one of 'train'"):
        toy.stream().load("validation", 10)


def test_cache_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DEEPLEARN_DATA", str(tmp_path / "file"))
    with pytest.raises(OSError, match="cannot write to .* set DEEPLEARN_DATA to another folder"):
        toy.stream().load("train", 10, workers=1)


def test_read_only_cache(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)  # an administrator may write to any folder
    with pytest.raises(OSError, match="permission denied.*may write.*DEEPLEARN_DATA"):
        toy.stream().load("train", 10, workers=1)


def test_full_disk_leaves_the_cache_as_it_was(data_home, monkeypatch):
    toy.stream().load("train", 10, workers=1)
    before = stored_files(data_home)

    def full(path, blob):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="the disk is full.*DEEPLEARN_DATA"):
        toy.stream().load("train", 20, workers=1)
    assert stored_files(data_home) == before
    assert not list(data_home.rglob(".*"))


def test_scheduler_that_does_not_answer():
    with pytest.raises(OSError, match="no Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        toy.stream().load("train", 10, scheduler="tcp://127.0.0.1:9")


def test_scheduler_without_workers(monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr("common.datasets.CLUSTER_TIMEOUT", 2)
    with (
        LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        pytest.raises(OSError, match="has no workers: start some with 'dask worker tcp:"),
    ):
        toy.stream().load("train", 10, scheduler=cluster.scheduler_address)


@pytest.mark.parametrize("workers", [0, -1, "two", 1.5])
def test_bad_workers_are_refused_even_when_nothing_is_missing(workers):
    toy.stream().load("train", 10)
    with pytest.raises(ValueError, match="workers must be a whole number of at least 1"):
        toy.stream().load("train", 10, workers=workers)


@pytest.mark.parametrize("cache", [True, False])
@pytest.mark.parametrize("seed", [None, 1.0, True])
def test_bad_seed(seed, cache):
    with pytest.raises(ValueError, match="seed must be a whole number or a text"):
        toy.stream().load("train", 10, seed, cache=cache)


def test_address_that_is_none():
    with pytest.raises(OSError, match="no Dask scheduler answers"):
        toy.stream().load("train", 10, scheduler="nonsense://")


def test_a_notebook_has_the_same_outputs_with_and_without_cache(monkeypatch):
    from common import datasets

    shown, bar = [], datasets.progress_bar

    def watched(**options):
        shown.append(not options["disable"])
        return bar(**options | {"disable": True})

    monkeypatch.setattr(datasets, "progress_bar", watched)
    monkeypatch.setattr(datasets, "in_notebook", lambda: True)
    toy.stream().load("train", 25, workers=1)
    toy.stream().load("train", 25, workers=1)
    monkeypatch.setattr(datasets, "in_notebook", lambda: False)
    toy.stream().load("train", 25, workers=1)
    assert shown == [True, True, False]
