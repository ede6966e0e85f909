"""HDF5 files of others: what is sound is never called damaged, and what is no array is named."""

import os
import subprocess
import sys

import numpy as np
import pytest

from common import hdf5

h5py = pytest.importorskip("h5py")


def write(path, **content):
    with h5py.File(path, "w") as file:
        for name, value in ({"X": np.zeros((4, 2)), "y": np.zeros(4)} | content).items():
            if isinstance(value, dict):
                file.create_group(name).update(value)
            elif value is not None:
                file[os.fsencode(name)] = value
    return path


def read(path):
    with hdf5.arrays(path, "quantumml") as (X, y):
        return X[()], y[()]


def test_arrays_are_read(tmp_path):
    X, y = read(write(tmp_path / "a.h5"))
    assert X.shape == (4, 2) and y.shape == (4,)


LOCK = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); sys.stdin.read()"


def test_a_file_that_another_program_writes_is_not_damaged(tmp_path):
    path = write(tmp_path / "a.h5")
    with subprocess.Popen([sys.executable, "-c", LOCK, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(ValueError, match="a.h5 is in use by another program.*HDF5_USE_FILE_LOCKING") as caught:
            read(path)
        other.stdin.close()
    assert "delete" not in str(caught.value) and "download" not in str(caught.value)
    read(path)


@pytest.mark.parametrize("reason", [
    "Unable to synchronously open file (unable to lock file, errno = 38, error message = 'Function not implemented')",
    "Unable to synchronously open file (file is already open for write (may use <h5clear file> to clear flags))",
])  # fmt: skip
def test_a_disk_without_locks_and_a_killed_writer(tmp_path, monkeypatch, reason):
    def refuse(*arguments):
        raise OSError(reason)

    monkeypatch.setattr(h5py, "File", refuse)
    with pytest.raises(ValueError, match="HDF5_USE_FILE_LOCKING=FALSE"):
        read(tmp_path / "a.h5")


@pytest.mark.parametrize("content, reason", [
    ({"X": {"values": np.zeros(3)}}, "X is a group with values"),
    ({"X": h5py.SoftLink("/nowhere")}, "X is a link to /nowhere"),
    ({"y": h5py.SoftLink("/X")}, "y is a link to /X"),
    ({"y": h5py.ExternalLink("other.h5", "y")}, "y is a link"),
    ({"X": h5py.Empty("f4")}, "X holds no array"),
    ({"X": np.dtype("f4")}, "X holds no array"),
    ({"y": None, "labels": np.zeros(4)}, "found X, labels"),
    ({"y": None, "Im\udce1genes": np.zeros(4)}, r"found Im.xe1genes, X"),  # Latin-1
])  # fmt: skip
def test_what_is_no_array_is_named(tmp_path, content, reason):
    with pytest.raises(ValueError, match=f"^a.h5: expected the data sets X and y,.* {reason}"):
        read(write(tmp_path / "a.h5", **content))


def test_types_and_numbers_that_no_array_has(tmp_path):
    path = write(tmp_path / "a.h5", y=None)
    with h5py.File(path, "a") as file:
        h5py.h5d.create(file.id, b"y", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((4,)))
    with pytest.raises(ValueError, match="a.h5: .* y has a type that numpy lacks"):
        read(path)
    with h5py.File(write(path, y=None), "a") as file:
        file.create_dataset("y", (10**12,), "f8", chunks=(10,))
    with pytest.raises(ValueError, match="a.h5: .* y says that it has 1,000,000,000,000 rows"):
        read(path)


def test_damage_missing_files_and_folders(tmp_path):
    path = write(tmp_path / "a.h5")
    whole = path.read_bytes()
    for blob in (b"", b"no HDF5", whole[:-100]):
        path.write_bytes(blob)
        with pytest.raises(ValueError, match="damaged or incomplete HDF5 file .*: move it away and download it again"):
            read(path)
    for place in (tmp_path / "none.h5", tmp_path):
        with pytest.raises(ValueError, match="cannot be read: "):
            read(place)


def test_bit_flips_are_one_clear_error(tmp_path):
    path = write(tmp_path / "a.h5")
    whole = path.read_bytes()
    for position in range(0, len(whole), 29):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        path.write_bytes(flipped)
        try:
            read(path)
        except ValueError as error:
            assert "a.h5" in str(error) and "\n" not in str(error)


@pytest.mark.parametrize("chunks", [None, (1000, 3)])
def test_numbers_that_were_never_written_are_not_read_as_zeros(tmp_path, chunks):
    path = write(tmp_path / "a.h5", X=None)
    with h5py.File(path, "a") as file:
        X = file.create_dataset("X", (10**7, 3), "f4", chunks=chunks)
        if chunks:
            X[:5000] = 1
    with pytest.raises(ValueError, match=r"a.h5: .* X .* \(10000000, 3\) numbers, and not all were written: write the"):
        read(path)
    with h5py.File(path, "a") as file:
        del file["X"]
        file.create_dataset("X", (2500, 3), "f4", chunks=chunks)[:] = 1
        file["y"][...] = 0  # as the message says
    assert read(path)[0].shape == (2500, 3)
