"""Official data files: found where they already are, downloaded and verified where not.

`find` looks for a file, `fetch` finds or downloads it, `first_lines` reads the start of a gzip text
file and downloads no more than that. All of them continue what an earlier call has left incomplete.
"""

import gzip
import hashlib
import logging
import os
import re
import warnings
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import filelock
import platformdirs

from common import texts, transfer
from common.challenge import ROOT
from common.progress import progress_bar

APP = "deeplearn-hackathon"
QUOTES = "\"'`\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
_BROKEN_GZIP = (EOFError, zlib.error, gzip.BadGzipFile)


class DownloadError(OSError):
    """A file could not be downloaded; the message names each mirror and what to do."""


class CorruptFileError(OSError):
    """A file on this machine is not the official one; the message says how it differs."""


@dataclass(frozen=True)
class OfficialFile:
    """A published file and how to know it.

    Parameters
    ----------
    name : str
        File name on disk, without any folder.
    urls : tuple of str
        Mirrors, best first: http(s) addresses, or "drive:FILE_ID" for a file on Google Drive.
    sha256 : str, optional
        Hexadecimal checksum, where one is published.
    size : int, optional
        Length in bytes.
    licence, citation : str
        What users of the data have to know.

    Raises
    ------
    ValueError
        The name contains a folder, or an address is neither http(s) nor "drive:".
    """

    name: str
    urls: tuple[str, ...]
    sha256: str | None = None
    size: int | None = None
    licence: str = ""
    citation: str = ""

    def __post_init__(self):
        _check_name(self.name)
        for url in self.urls:
            if not url.startswith(("https://", "http://", "drive:")):
                raise ValueError(f"{url!r} is not an https, http or drive:FILE_ID address")


def data_home() -> Path:
    """Folder of cached and official data: `$DEEPLEARN_DATA`, else the user's cache folder.

    A relative path that does not exist here is taken from the folder of the course: notebooks run
    in their own folders.

    Raises
    ------
    ValueError
        `DEEPLEARN_DATA` is not what its writer means: it has quotes, a variable that no shell replaced, blanks
        around it, or belongs to another system.
    NotADirectoryError
        It is a file.
    """
    said = os.environ.get("DEEPLEARN_DATA")
    if not said:
        return Path(platformdirs.user_cache_dir(APP)).resolve()
    if fault := _misspelled(said):
        raise ValueError(f"DEEPLEARN_DATA is {said!r}: it {fault}. Set it to the plain path of a folder")
    try:
        folder = Path(said).expanduser()
    except RuntimeError as error:
        raise ValueError(f"DEEPLEARN_DATA is {said!r}: there is no such user. Set it to a plain path") from error
    folder = Path(os.path.realpath(folder if folder.exists() else ROOT / folder))  # resolve() may not end in a path
    if folder.is_file():
        raise NotADirectoryError(
            f"cannot write to {folder}: it is a file, not a folder. Please set DEEPLEARN_DATA to another folder"
        )
    return folder


def _misspelled(path):
    """What is wrong with the text of a path, in words: it would make a new folder of a strange name; '' if nothing."""
    if path != path.strip():
        return "begins or ends with a blank or a line end"
    if path[0] in QUOTES or path[-1] in QUOTES:
        return "has quotes around it, which belong to a shell"
    if found := re.search(r"\$\w+|\$\{|\$\(|%\w+%", path):
        return f"has {found[0]}, a variable that nothing replaced (no shell reads it, or it stood in single quotes)"
    if re.match(r"\w+://", path):
        return "is an address, not a folder"
    if os.name == "posix" and re.search(r"^[A-Za-z]:|\\", path):
        return "has a drive or a backslash, as paths on Windows do"
    return ""


def places(challenge):
    """The folders in which the files of a challenge, or folders of them, may lie, the first to be looked in first."""
    home = data_home()
    return home / challenge, home / "official" / challenge, home


def find(challenge: str, file: OfficialFile) -> Path | None:
    """Find a file that is already on this machine, and verify it.

    Looks in `data_home()` under `<challenge>/`, `official/<challenge>/` (where `fetch` puts files)
    and directly. Only reads: a shared folder may be read-only.

    Parameters
    ----------
    challenge : str
        Name of the challenge's folder.
    file : OfficialFile

    Returns
    -------
    pathlib.Path or None
        The verified file; None where there is none.

    Raises
    ------
    CorruptFileError
        The file is there but is not the official one, or is a folder. It is left as it is.
    """
    _check_name(challenge)
    for folder in places(challenge):
        path = folder / file.name
        if path.is_file():
            if fault := _fault(path, file):
                raise _corrupt(path, fault)
            return path
    for folder in places(challenge):
        if (folder / file.name).is_dir():  # as browsers and unpackers make them
            raise CorruptFileError(f"{folder / file.name} is a folder, and should be a file: move the file out of it")
    return None


def fetch(challenge: str, file: OfficialFile, progress: bool = True) -> Path:
    """Find a file, or download it and verify it.

    Mirrors are tried in order, each a few times. What arrives before an interruption is kept and
    continued; what fails verification is deleted. Processes that want the same file take turns.

    Parameters
    ----------
    challenge, file
        As for `find`.
    progress : bool
        Show a progress bar.

    Returns
    -------
    pathlib.Path
        The complete, verified file.

    Raises
    ------
    DownloadError
        No mirror delivered the file, or it cannot be written.
    CorruptFileError
        As for `find`.
    """
    if path := find(challenge, file):
        return path
    with _locked_folder(challenge, file) as folder:
        # Another process may have completed the file while this one waited.
        return find(challenge, file) or _from_mirrors(
            challenge, file, folder, partial(_download, file, progress)
        )


def first_lines(challenge: str, file: OfficialFile, n: int, progress: bool = True) -> bytes:
    """Read the first lines of a gzip text file, downloading no more of it than they need.

    A longer call downloads only what is still missing, and so does `fetch`. The checksum is that of
    the whole file: the start alone is checked by gzip, which cannot notice every damage to it.

    Parameters
    ----------
    challenge, file, progress
        As for `fetch`.
    n : int
        Number of lines.

    Returns
    -------
    bytes
        `n` lines with their line ends, or as many as the file has. All are in memory.

    Raises
    ------
    DownloadError
        As for `fetch`.
    CorruptFileError
        As for `find`; also where a local file is not sound gzip data.
    """
    if path := find(challenge, file):
        return _local_lines(n, path)
    with _locked_folder(challenge, file) as folder:
        if path := find(challenge, file):
            return _local_lines(n, path)
        return _from_mirrors(challenge, file, folder, partial(_remote_lines, file, n, progress))


def _check_name(name):
    """Refuse a name that could lead out of the data folder."""
    if name in ("", ".", "..") or re.search(r"[/\\:\0]", name):
        raise ValueError(f"{name!r} is not a plain name: it must not contain a folder")


def _fault(path, file):
    """What is wrong with the file at `path`, in words; None where it is the official one."""
    stat = path.stat()
    with path.open("rb") as stream:
        if texts.is_html(stream.read(512)):
            return texts.HTML
    if file.size not in (None, stat.st_size):
        return f"{stat.st_size:,} bytes, expected {file.size:,}"
    if file.sha256 is None:
        return None

    # An empty file in the user's own cache remembers what is verified, so that gigabytes are not
    # hashed at each load. It knows a file by its inode: that stays when a `.part` is renamed.
    known = f"{stat.st_dev} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns} {file.sha256}"
    key = hashlib.sha256(known.encode()).hexdigest()
    stamp = platformdirs.user_cache_path(APP) / "verified" / key
    if stamp.exists():
        return None
    sha256 = _hash(path)
    if sha256 != file.sha256.lower():
        return f"SHA-256 {sha256}, expected {file.sha256}"
    with suppress(OSError):  # without the stamp the next load hashes again, nothing worse
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    return None


def _hash(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook, its tqdm warns that it has no widgets
        import pooch
    return pooch.file_hash(path)


def _corrupt(path, fault):
    return CorruptFileError(
        f"{path} is damaged or another version: {fault}. "
        "Move or delete it, then run again to download it."
    )


@contextmanager
def _locked_folder(challenge, file):
    """The folder that `file` is downloaded to, for one process at a time."""
    folder = data_home() / "official" / challenge
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / f"{file.name}.lock")
        try:
            held = lock.acquire(blocking=False)
        except filelock.Timeout:
            logging.getLogger(__name__).warning("Another process downloads %s: waiting", file.name)
            held = lock.acquire()
        with held:
            yield folder
    except (DownloadError, CorruptFileError):
        raise
    except OSError as error:
        raise DownloadError(
            f"{file.name} cannot be written to {folder}: {error.strerror or error}. "
            "Free some space there, or set DEEPLEARN_DATA to another folder that you may write to. "
            "What has arrived is kept and will be continued."
        ) from error


def _from_mirrors(challenge, file, folder, get):
    """What `get(url, part)` returns for the first mirror that works."""
    reasons = []
    for url in file.urls:
        try:
            return get(url, _part(folder, file, url))
        except transfer.TransferFailed as error:
            reasons.append(f"  - {transfer.address(url)}: {error}")
    raise DownloadError(
        f"{file.name} could not be downloaded:\n"
        + "\n".join(reasons or ["  - no address is known for it"])
        + "\nRun again later (what has arrived is continued), or download it in a browser and "
        f'save it as\n{data_home() / challenge / file.name},\nor use source="simulated".'
    )


def _part(folder, file, url):
    """The incomplete file of one mirror: the bytes of two mirrors are never mixed."""
    return folder / f"{file.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part"


def _download(file, progress, url, part):
    """Download the whole file from one mirror, verify it, and give it its name."""
    with _progress(file, progress, file.size) as report:
        transfer.download(url, part, file.size, report)
    # Not pooch.retrieve: interrupted while it hashes, it would delete all that has arrived.
    if fault := _fault(part, file):
        part.unlink()
        raise transfer.TransferFailed(f"{fault}; what had arrived was deleted")
    path = part.with_name(file.name)
    os.replace(part, path)
    for other in file.urls:
        transfer.discard(_part(part.parent, file, other))
    return path


@contextmanager
def _progress(file, show, total=None):
    with progress_bar(total=total, desc=file.name, unit="B", disable=not show) as bar:
        bar.unit_scale = True  # 2.82G, not 2816407858
        yield lambda have: bar.update(have - bar.n)


def _local_lines(n, path):
    try:
        with path.open("rb") as stream:
            return _gunzip_lines(n, stream)
    except _BROKEN_GZIP as error:
        raise _corrupt(path, error) from error


def _remote_lines(file, n, progress, url, part):
    """The first lines from one mirror, through a `.part` that grows as far as they need."""
    for _ in range(2):  # a part that was damaged on this disk is worth a second download
        with (
            _progress(file, progress) as report,
            transfer.RemoteFile(url, part, file.size, report) as stream,
        ):
            try:
                return _gunzip_lines(n, stream)
            except _BROKEN_GZIP as error:
                fault = f"its gzip data are damaged ({error}); what had arrived was deleted"
        part.unlink()
    raise transfer.TransferFailed(fault)


def _gunzip_lines(n, stream):
    with gzip.open(stream) as lines:
        return b"".join(islice(lines, n))
