"""Files of zip files and folders: names as people have them, and nothing but the files that are wanted."""

import io
import os
import zipfile

import numpy as np
import pytest

from common import archives


def wanted(name):
    return name.endswith(".npy")


def packed(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


@pytest.mark.parametrize("name", ["__MACOSX/b", "a/.DS_Store", "a/Thumbs.db", "Desktop.ini", ".git/x", "a/._b.npy"])
def test_clutter(name):
    assert archives.is_clutter(name)


@pytest.mark.parametrize("name", ["a/b.npy", "../a/b.npy", "./a.npy", "a/b._c", "thumbs.db.npy"])
def test_no_clutter(name):
    assert not archives.is_clutter(name)


def test_names_and_contents(tmp_path):
    names = ["b\\c.npy", "b\\", "/abs/d.npy", "../e.npy", "C:\\f.npy", "g.txt", "h.tar.gz", "._c.npy"]
    path = packed(tmp_path / "a.zip", names)
    with archives.opened(path, wanted, 100) as files:
        assert files.name == "a.zip" and files.names == ["../e.npy", "/abs/d.npy", "C:/f.npy", "b/c.npy"]
        assert files.read("b/c.npy") == b"b\\c.npy" and files.others() == "1 .txt, 1 .tar.gz"
        assert archives.by_key(files.names, lambda name: name[-5], "a.zip")["c"] == "b/c.npy"
        with pytest.raises(ValueError, match=r"a.zip: ../e.npy and /abs/d.npy are named as one and the same"):
            archives.by_key(files.names, lambda name: name[-4:], "a.zip")
    with archives.opened(path, wanted, 5) as files, pytest.raises(ValueError, match="has 7 bytes, too many"):
        files.read("b/c.npy")
    assert sorted(tmp_path.iterdir()) == [path]


def test_folders(tmp_path):
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.npy").write_bytes(b"a")
    (folder / "b.npy").symlink_to(folder / "sub" / "a.npy")
    os.mkfifo(folder / "c.npy")
    with archives.opened(folder, wanted, 100) as files:
        assert files.names == ["b.npy", "c.npy", "sub/a.npy"] and files.read("sub/a.npy") == b"a"
        for name in ("b.npy", "c.npy"):
            with pytest.raises(ValueError, match=f"{name} is a link or no plain file"):
                files.read(name)
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="linked is a link: put the folder itself there"), archives.opened(
        folder, wanted, 100
    ):
        pass


def test_damaged_zip_files(tmp_path):
    path = packed(tmp_path / "a.zip", ["a.npy", "b.npy"])
    whole = path.read_bytes()
    for blob in (b"", b"Rar!\x1a\x07", whole[:-5], whole.replace(b"a.npya.npy", b"a.npyb.npy")):
        path.write_bytes(blob)
        with pytest.raises(ValueError, match="damaged zip file"), archives.opened(path, wanted, 100) as files:
            files.read("a.npy")


def test_arrays_that_unpack_to_too_much_are_not_unpacked(monkeypatch):
    stream = io.BytesIO()
    np.savez_compressed(stream, X=np.zeros(1000, np.uint8))
    assert list(archives.arrays(stream.getvalue(), 1200)) == ["X"]
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(ValueError, match="^1,128 bytes when unpacked, at most 1,000 are read"):
        archives.arrays(stream.getvalue(), 1000)


def test_a_directory_that_lies_elsewhere(tmp_path):
    path = packed(tmp_path / "a.zip", ["a.npy"])
    blob = bytearray(path.read_bytes())
    end = blob.rfind(b"PK\5\6")
    blob[end + 16 : end + 20] = b"\xf0\xff\xff\xff"
    path.write_bytes(blob)
    with pytest.raises(ValueError, match="a.zip: damaged zip file"), archives.opened(path, wanted, 100) as files:
        files.read("a.npy")
