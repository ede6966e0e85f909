"""One door to HDF5 files that others made: arrays X and y of plain numbers, and nothing that leads out of the file."""

import math
import os
from contextlib import contextmanager
from pathlib import Path

MAX_ROWS = 10**8  # a file may say any number and hold nothing
IN_USE = (
    "is in use by another program, or its disk has no locks: close it there and run again, or set "
    "HDF5_USE_FILE_LOCKING=FALSE where nothing writes to it; the file itself may be sound"
)


def import_h5py(extra):
    """The module h5py; raises ImportError that names the extra of the course which installs it."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(f'the official files are HDF5: pip install -e ".[{extra}]"') from error
    return h5py


@contextmanager
def arrays(path, extra, layout="the data sets X and y"):
    """Open a file for reading; in the block X and y are at hand, and whatever cannot be read is said in one line.

    Parameters
    ----------
    path : path-like
    extra : str
        The extra of the course that installs h5py.
    layout : str
        What messages say that was expected.

    Yields
    ------
    X, y : h5py.Dataset
        Arrays of any type and shape: these are the caller's to check.

    Raises
    ------
    ValueError
        No HDF5 file, a damaged one, one that is in use, or no such data sets: a group, a link, data in other files or
        never written, of a type that numpy lacks, or of more rows than any file has.
    ImportError
        h5py is not installed.
    """
    h5py, path = import_h5py(extra), Path(path)
    try:
        with h5py.File(path, "r") as file:
            try:
                found = tuple(_array(h5py, file, name, f"{path.name}: expected {layout}") for name in ("X", "y"))
            except (KeyError, RuntimeError) as error:  # what h5py raises where names lead to damage
                raise OSError(str(error)) from error
            yield found
    except OSError as error:
        raise ValueError(f"{path} {_in_words(error)}") from error


def _array(h5py, file, name, expected):
    """A data set that lies in the file itself."""
    link = file.get(name, getlink=True)
    if link is None:
        raise ValueError(f"{expected}, found {_names(file) or 'none'}")
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{expected}, but {name} is a link to {link.path}: put the data themselves into the file")
    array = file[name]
    if isinstance(array, h5py.Group):
        raise ValueError(f"{expected}, but {name} is a group with {_names(array) or 'nothing in it'}")
    if not isinstance(array, h5py.Dataset) or array.shape is None:
        raise ValueError(f"{expected}, but {name} holds no array")
    try:
        shape, _ = array.shape, array.dtype
    except TypeError as error:
        raise ValueError(f"{expected}, but {name} has a type that numpy lacks ({error})") from error
    if shape and shape[0] > MAX_ROWS:
        raise ValueError(f"{expected}, but {name} says that it has {shape[0]:,} rows (at most {MAX_ROWS:,})")
    if array.external or array.is_virtual:
        raise ValueError(f"{expected}, but {name} refers to other files: put the data themselves into the file")
    if not _is_written(array):
        cure = f"write the whole of it, zeros too: file[{name!r}][...] = values"
        raise ValueError(f"{expected}, but {name} says that it has {shape} numbers, and not all were written: {cure}")
    return array


def _names(group):
    """The names in a group, in a line; those that are not UTF-8 are bytes."""
    return ", ".join(sorted(n if isinstance(n, str) else n.decode(errors="backslashreplace") for n in group))


def _is_written(array):
    """Whether all of an array is in its file: what was never written is read as zeros, of any number."""
    if array.chunks is None:
        return not array.size or array.id.get_storage_size() > 0
    wanted = (-(-n // chunk) for n, chunk in zip(array.shape, array.chunks, strict=True))
    return array.id.get_num_chunks() >= math.prod(wanted)


def _in_words(error):
    """Why a file cannot be read. The library knows most of it as text only, and only damage calls for a new file."""
    text = " ".join(str(error).split())
    if "unable to lock" in text or "already open for" in text:
        return f"{IN_USE}; or the program that wrote it was killed: h5clear -s FILE" if "h5clear" in text else IN_USE
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return f"cannot be read: {os.strerror(error.errno)}"
    if "not registered" in text or "can't open directory" in text:
        return f"is compressed with a filter that this h5py does not have ({text}): write it with gzip"
    return f"is not an HDF5 file, or a damaged or incomplete HDF5 file ({text}): move it away and download it again"
