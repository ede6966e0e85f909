"""Files that are either whole or absent."""

import errno
import os
import stat
import tempfile
from contextlib import contextmanager
from pathlib import Path

FULL = {
    errno.ENOSPC: ("the disk is full", "free some space there"),
    errno.EDQUOT: ("your share of the disk is full", "free some space there"),
    errno.EFBIG: ("no file may be that large there", "use a folder on another disk"),
}
"""What keeps a file from growing, and the cure."""


@contextmanager
def atomic_write(path, *, new=False, private=False):
    """Write a file so that nobody ever sees half of it.

    The block receives a temporary path in the same folder (made when missing). When the block ends
    the temporary file takes the final name in one step; when it fails, the temporary file goes and
    a file that was already there stays as it was.

    Parameters
    ----------
    path : path-like
        The final name.
    new : bool
        Whether the name must be free still when the block has ended: of two who write at once, one gets it.
    private : bool
        Whether only its owner can read the file.

    Yields
    ------
    pathlib.Path
        Where to write.

    Raises
    ------
    OSError
        The folder cannot be written or the disk is full; the message names the folder and the way out. What the block
        raises about other files stays as it is.
    FileExistsError
        The name was to be new, and is not.
    """
    path = Path(path)
    temporary = _made_beside(path)
    try:
        yield temporary
        if not private:  # mkstemp makes files that only their owner can read
            temporary.chmod(_mode_of(path))
        if new:
            _claim(path, temporary)
        if path.is_dir():
            raise IsADirectoryError(f"{path}: a folder stands there: move it away")
        temporary.replace(path)
    except OSError as error:
        full = error.errno in FULL and error.filename is None  # as writing says it
        if full or str(error.filename) == str(temporary):
            raise _explained(error, path.parent) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path):
    """Raise OSError where `atomic_write` could not write a file: before the work that makes its content.

    Parameters
    ----------
    path : path-like
        Its folder is made when missing.
    """
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: give the name of a file in it")
    _made_beside(path).unlink()


def _made_beside(path):
    """An empty file with a name of its own in the folder of another, which is made when missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise _explained(error, path.parent) from error
    os.close(handle)
    return Path(name)


def _claim(path, temporary):
    """Give a file its final name as well, or raise FileExistsError where somebody else has it."""
    try:
        os.link(temporary, path)
    except OSError:  # the name is taken, which opening says too, or this disk has no links
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def _mode_of(path):
    """Who may read and write a file: as it is where it is there, else as the system makes new ones."""
    if path.is_file() and not path.is_symlink():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def in_words(error):
    """What an error says; of one of the system the file and what is wrong with it, without the number."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _explained(error, folder):
    """The same error, saying what to do about a folder that cannot be written."""
    if error.errno in FULL:
        reason, cure = FULL[error.errno]
    elif error.errno == errno.EEXIST:
        reason, cure = "a file stands there", "move it away"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT):
        reason, cure = error.strerror.lower(), "use a folder that you may write to"
    else:
        return error
    return OSError(
        errno.ENOTDIR if error.errno == errno.EEXIST else error.errno,  # a file stands where the folder should be
        f"cannot write to {folder}: {reason}. Please {cure}; "
        "if this is the cache, set DEEPLEARN_DATA to another folder",
    )
