"""The files of a data set as people have them: in a zip file, read where it is, or in a folder.

    with archives.opened(path, wanted=lambda name: name.endswith(".npy"), max_bytes=1_000_000) as files:
        for name in files.names:
            content = files.read(name)

Names have slashes, whatever packed the archive, and are only names: nothing is unpacked. What an operating system adds
on its own (`__MACOSX`, `Thumbs.db`, hidden files as `._x` and `.DS_Store`) is left out.
"""

import io
import math
import os
import tokenize
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np

EXCERPT_BYTES = 100_000_000  # of all arrays of an excerpt, a few published samples
CLUTTER = ("__macosx", "thumbs.db", "desktop.ini", "icon\r")  # and hidden files, `.DS_Store` or `._x`, say
LOCK = "~$"  # begins the name of what office programs write beside a file that is open
# What zipfile raises for a damaged file, besides OSError; RuntimeError: a password is asked for.
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)
# What numpy raises besides for a damaged array, or for one of an impossible shape; its header is a Python literal.
ARRAY_DAMAGE = (*DAMAGE, OSError, KeyError, TypeError, SyntaxError, tokenize.TokenError, MemoryError, OverflowError)


def arrays(blob, max_bytes=math.inf):
    """The arrays in the bytes of an `.npz` file by name; that of an `.npy` file has the name "". Unpickles nothing.

    Raises
    ------
    ValueError
        Damaged, something else than arrays, two arrays of one name, or more bytes than max_bytes when unpacked. The
        message does not name the file.
    """
    size, found = 0, {}
    try:
        stored = np.load(io.BytesIO(blob), allow_pickle=False)
        if isinstance(stored, np.ndarray):
            found = {"": stored}
        elif (size := sum(info.file_size for info in stored.zip.infolist())) <= max_bytes:
            found = {name: stored[name] for name in stored.files}
    except ARRAY_DAMAGE as error:
        raise ValueError(f"damaged, or holds anything but numbers ({str(error) or type(error).__name__})") from error
    if size > max_bytes:
        raise ValueError(f"{size:,} bytes when unpacked, at most {max_bytes:,} are read")
    if others := [name for name, values in found.items() if not isinstance(values, np.ndarray)]:
        raise ValueError(f"{others[0]} is no array")
    if not isinstance(stored, np.ndarray) and len(found) < len(stored.files):
        raise ValueError("two of its arrays have one name")
    return found


@contextmanager
def opened(path, wanted, max_bytes):
    """The files of a zip file or of a folder and its subfolders.

    Parameters
    ----------
    path : pathlib.Path
    wanted : callable str -> bool
        Whether a file is of the data set, by its name with its folders.
    max_bytes : int
        Size of one file; larger ones are refused before they are read.

    Yields
    ------
    Files

    Raises
    ------
    ValueError
        The zip file is damaged, two of its files have one name, or a folder in the folder is a link.
    """
    if path.is_dir():
        yield Files(path.name, _in_folder(path), wanted, max_bytes)
        return
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise ValueError(f"{path}: damaged zip file ({error}); move or delete it to download it again") from error
    with archive:
        yield Files(path.name, _in_zip(path, archive), wanted, max_bytes)


class Files:
    """The wanted files of a zip file or folder.

    Attributes
    ----------
    name : str
        Name of the zip file or folder.
    names : list of str
        Names of the files with their folders, sorted.
    """

    def __init__(self, name, entries, wanted, max_bytes):
        self.name, self._max_bytes, self._read, self._others = name, max_bytes, {}, Counter()
        for entry, read in entries:
            if is_clutter(entry):
                continue
            if not wanted(entry):
                self._others["".join(PurePosixPath(entry).suffixes[-2:]).lower() or "without an ending"] += 1
            elif entry in self._read:
                raise ValueError(f"{name}: {entry} is in it twice; pack it again")
            else:
                self._read[entry] = read
        self.names = sorted(self._read)

    def read(self, name):
        """Content of a file.

        Raises
        ------
        ValueError
            It is too large, damaged, a link, has a password, or is compressed in a way that Python does not know.
        """
        return self._read[name](self._max_bytes)

    def others(self):
        """What there is besides, for an error message: "12 .csv, 1 .zip (unpack it first)"."""
        counts = []
        for end, n in self._others.most_common(6):
            counts.append(f"{n} {end} (unpack it first)" if end == ".zip" else f"{n} {end}")
        return ", ".join(counts) or "nothing else"


def is_clutter(name):
    """Whether an operating system or a program made a file, and no person; `name` may have folders."""
    parts = name.split("/")
    return any(p.lower() in CLUTTER or p.startswith(LOCK) or (p[:1] == "." and p.strip(".")) for p in parts)


def by_key(names, key, where):
    """Names of files by what identifies them: {key(name): name}.

    Parameters
    ----------
    names : iterable of str
    key : callable str -> hashable
    where : str
        What error messages call the archive.

    Raises
    ------
    ValueError
        Two files, of two folders perhaps, have one key; the message names both.
    """
    found = {}
    for name in names:
        other = found.setdefault(key(name), name)
        if other != name:
            raise ValueError(f"{where}: {other} and {name} are named as one and the same; remove or rename one")
    return found


def _in_zip(path, archive):
    for info in archive.infolist():
        if not info.filename.endswith(("/", "\\")):  # Windows programs pack backslashes
            yield info.filename.replace("\\", "/"), partial(_from_zip, path, archive, info)


def _from_zip(path, archive, info, max_bytes):
    where = f"{path.name}: {info.filename}"
    if info.file_size > max_bytes:
        raise ValueError(f"{where} has {info.file_size:,} bytes, too many for one image")
    if info.flag_bits & 1:
        raise ValueError(f"{where} has a password; pack it again without one")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = zipfile.compressor_names.get(info.compress_type, f"method {info.compress_type}")
        raise ValueError(f"{where} is compressed in an unusual way ({method}); unpack the zip file, and pack it again")
    try:
        with archive.open(info) as stream:
            return stream.read(max_bytes + 1)
    except (*DAMAGE, OSError) as error:  # OSError: a place before the start, or a disk that fails
        raise ValueError(f"{path}: damaged zip file ({error}); move or delete it to download it again") from error


def _in_folder(path):
    for folder, folders, files in os.walk(path):
        folder = Path(folder)
        for name in folders:
            if (folder / name).is_symlink():
                raise ValueError(f"{folder / name} is a link: put the folder itself there")
        for name in files:
            yield (folder / name).relative_to(path).as_posix(), partial(_from_folder, folder / name)


def _from_folder(path, max_bytes):
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"{path} is a link or no plain file: put the file itself there")
    with path.open("rb") as stream:
        return stream.read(max_bytes + 1)
