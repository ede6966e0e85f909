"""Files that are either whole or absent."""

import os
import stat

import pytest

from common import files
from common.challenge import SubmissionError
from common.files import atomic_write, check_writable
from common.hackathon import aliases, keys, signing
from common.hackathon.event import EventError

FULL = OSError(28, "No space left on device")


def fail(error):
    def failing(*_, **__):
        raise error

    return failing


@pytest.mark.parametrize("links", [True, False])
def test_of_two_that_write_a_new_file_at_once_one_gets_the_name(tmp_path, monkeypatch, links):
    if not links:  # as on a memory stick
        monkeypatch.setattr(files.os, "link", fail(PermissionError(1, "Operation not permitted")))
    path = tmp_path / "new.txt"
    with pytest.raises(FileExistsError), atomic_write(path, new=True) as second:
        second.write_text("second")
        with atomic_write(path, new=True, private=True) as first:
            first.write_text("first")
    assert path.read_text() == "first" and list(tmp_path.iterdir()) == [path]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="files have modes elsewhere")
def test_who_may_read_a_file_stays_as_it_was(tmp_path):
    for mode in 0o600, 0o664:
        (tmp_path / "a").touch()
        (tmp_path / "a").chmod(mode)
        with atomic_write(tmp_path / "a") as temporary:
            temporary.write_text("new")
        assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode and (tmp_path / "a").read_text() == "new"


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path):
    (tmp_path / "out.txt" / "mine").mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match=r"^\S+[\\/]out.txt: a folder stands there: move it away$"):
        with atomic_write(tmp_path / "out.txt"):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_only_its_own_writing_is_explained(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, atomic_write(tmp_path / "out.txt"):
        open(tmp_path / "input.csv")
    assert caught.value.filename == str(tmp_path / "input.csv")
    with pytest.raises(OSError, match="cannot write to .*: the disk is full"), atomic_write(tmp_path / "out.txt"):
        raise FULL
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="cannot write to"), atomic_write(tmp_path / "file" / "x", new=True):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_written_is_known_before_the_work(tmp_path):
    (tmp_path / "file").write_text("mine")
    for path, message in ((tmp_path / "file" / "x", "cannot write to"), (tmp_path, "is a folder: give the name")):
        with pytest.raises(OSError, match=message):
            check_writable(path)
    check_writable(tmp_path / "file")
    check_writable(tmp_path / "new" / "x")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "new"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("make, name", [
    (lambda folder: keys.write_key(folder / "team.key"), "team.key"),
    (signing.private_key, signing.PRIVATE),
    (lambda folder: aliases.names(folder, ["A"]), aliases.KEY),
])  # fmt: skip
def test_a_full_disk_leaves_no_empty_key(tmp_path, monkeypatch, make, name):
    with monkeypatch.context() as patch:
        for method in ("write_text", "write_bytes"):
            patch.setattr(f"pathlib.Path.{method}", fail(FULL))
        with pytest.raises((OSError, EventError), match="disk is full") as caught:
            make(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    make(tmp_path)
    assert (tmp_path / name).stat().st_size


@pytest.mark.parametrize("saved", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_key_file_as_another_system_writes_it(tmp_path, saved):
    digest = keys.write_key(tmp_path / "team.key")
    text = (tmp_path / "team.key").read_text()
    (tmp_path / "copy.key").write_bytes(f'"{text.strip()}"\r\n'.encode(saved))
    assert keys.read_key(tmp_path / "copy.key") == digest
    for other in (text.strip() + "0", text[:-2], text * 2 + keys.new_key()):
        (tmp_path / "copy.key").write_text(other)
        with pytest.raises(SubmissionError, match="not the key file of a team"):
            keys.read_key(tmp_path / "copy.key")


def test_a_key_that_somebody_else_has_just_made(tmp_path):
    keys.write_key(tmp_path / "team.key")
    with pytest.raises(SubmissionError, match="has just made it: run this one again"):
        keys.write_key(tmp_path / "team.key")
    (tmp_path / "team.key").write_text("")
    with pytest.raises(SubmissionError, match="empty, .*put back a copy, or delete it"):
        keys.read_key(tmp_path / "team.key")
