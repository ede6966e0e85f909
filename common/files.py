"""Files that are either whole or absent."""

import errno
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path):
    """Write a file so that nobody ever sees half of it.

    The block receives a temporary path in the same folder (made when missing). When the block ends
    the temporary file takes the final name in one step; when it fails, the temporary file goes and
    a file that was already there stays as it was.

    Parameters
    ----------
    path : path-like
        The final name.

    Yields
    ------
    pathlib.Path
        Where to write.

    Raises
    ------
    OSError
        The folder cannot be written or the disk is full; the message names the folder and the way out.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        temporary.replace(path)
    except OSError as error:
        raise _explained(error, path.parent) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _explained(error, folder):
    """The same error, saying what to do about a folder that cannot be written."""
    if error.errno == errno.ENOSPC:
        reason, cure = "the disk is full", "free some space there"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EEXIST):
        reason, cure = error.strerror.lower(), "use a folder that you may write to"
    else:
        return error
    return OSError(
        error.errno,
        f"cannot write to {folder}: {reason}. Please {cure}; "
        "if this is the cache, set DEEPLEARN_DATA to another folder",
    )
