"""A submission: one zip file with a manifest, the predictions, the notebook, its PDF and the weights.

Who writes one is a participant, who reads one is the organiser and trusts nothing in it: sizes are bounded, names are
compared with those expected, content is checked against its SHA-256, and nothing is unpacked but the predictions, under
names that the contract of the challenge fixes.
"""

import errno
import hashlib
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from common import texts
from common.archives import is_clutter
from common.challenge import SubmissionError
from common.files import atomic_write, in_words
from common.hackathon.names import check_name, escaped

MANIFEST = "manifest.json"
NOTEBOOK, PDF, WEIGHTS = "notebook.ipynb", "notebook.pdf", "weights.safetensors"
# Trained models that are no networks, and the bytes that each begins with: LightGBM's text, and the zip file of skops
MODELS = {"model.txt": b"tree\n", "model.skops": b"PK\x03\x04"}
PREDICTIONS = "predictions/"
FORMAT = 2
KEYLESS = 1  # the format without the key of the team: it may open a team, and add nothing to one
KEY_SUFFIX = ".key"

# Bounds in bytes; a submission of the course's own notebooks stays a factor of ten below each
ARCHIVE_BYTES = 500_000_000
MEMBER_BYTES = 500_000_000
MANIFEST_BYTES = 100_000
NOTEBOOK_BYTES = 50_000_000
MEMBERS = 1000
PEOPLE = 20
BLOCK = 1 << 20
CURE = "hand in the zip file as 'submit' wrote it"
START = b"PK\x03\x04"  # of a zip file
# What is handed in instead, by its first bytes
OTHERS = {
    START: "ends too early, as one does that was not sent in full",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x1f\x8b": "compressed with gzip",
}
# What zipfile raises for damaged files; ENOSPC and its like are not among the OSErrors it makes itself
DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError, struct.error)


@dataclass(frozen=True)
class Manifest:
    """Who hands in what: `files` maps each file of the archive to its SHA-256; `key` is that of the team's key.

    A choice has no files: `choice` is the SHA-256 of the team's hand-in that shall count.
    """

    team: str
    members: tuple[str, ...]
    challenge: str
    files: dict[str, str]
    key: str = ""
    choice: str = ""


# --------------------------------------------------------------------------------------------------
# Limits


def check_people(people):
    """The names of the members as they are shown, or SubmissionError: too many, or no names."""
    if not isinstance(people, list | tuple) or len(people) > PEOPLE:
        raise SubmissionError(f"members must be a list of at most {PEOPLE} names")
    return tuple(check_name(person, "name of a member") for person in people)


def check_sizes(sizes):
    """Raise SubmissionError where these files, {name: bytes}, are more or larger than those of a submission may be."""
    if len(sizes) > MEMBERS:
        raise SubmissionError(f"{len(sizes)} files, at most {MEMBERS} are allowed")
    for name, most in ((MANIFEST, MANIFEST_BYTES), (NOTEBOOK, NOTEBOOK_BYTES)):
        if sizes.get(name, 0) > most:
            raise SubmissionError(f"{name}: more than {most} bytes")
    if (total := sum(sizes.values())) > MEMBER_BYTES:
        raise SubmissionError(f"{total} bytes when unpacked, at most {MEMBER_BYTES} are allowed")


def check_contents(manifest, contents):
    """Raise SubmissionError where what `write` makes of these would be refused for its size."""
    sizes = {name: len(c) if isinstance(c, bytes) else Path(c).stat().st_size for name, c in contents.items()}
    text = _manifest_text(manifest, dict.fromkeys(contents, hashlib.sha256().hexdigest()))
    check_sizes({MANIFEST: len(text), **sizes})


# --------------------------------------------------------------------------------------------------
# Writing


def write(path, manifest, contents, *, new=False):
    """Write a submission.

    Parameters
    ----------
    path : path-like
    manifest : Manifest
        Without `files`, which are worked out here.
    contents : dict of str to path or bytes
        By name in the archive.
    new : bool
        Whether to raise FileExistsError where there is such a file by then.
    """
    blobs = {name: Path(c).read_bytes() if not isinstance(c, bytes) else c for name, c in sorted(contents.items())}
    text = _manifest_text(manifest, {name: hashlib.sha256(blob).hexdigest() for name, blob in blobs.items()})
    with atomic_write(path, new=new) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, blob in {MANIFEST: text, **blobs}.items():
                archive.writestr(name, blob)
        if temporary.stat().st_size > ARCHIVE_BYTES:
            raise SubmissionError(f"the submission has more than {ARCHIVE_BYTES // 10**6} MB")


def _manifest_text(manifest, files):
    about = {
        "format": FORMAT, "team": manifest.team, "key": manifest.key, "members": list(manifest.members),
        "challenge": manifest.challenge, "files": files, **({"choice": manifest.choice} if manifest.choice else {}),
    }  # fmt: skip
    return json.dumps(about, ensure_ascii=False, indent=1).encode()


# --------------------------------------------------------------------------------------------------
# Reading


class Archive:
    """A submission that was opened and whose manifest is sound; see `opened`."""

    def __init__(self, archive, members, manifest):
        self._archive, self._members, self.manifest = archive, members, manifest

    def verify(self):
        """Read every file and compare it with its SHA-256."""
        for name in self.manifest.files:
            self._copy(name, None)

    def extract(self, name, target):
        """Write the content of a file of the manifest to a path that the caller chose."""
        with open(target, "xb") as out:
            self._copy(name, out)

    def size(self, name):
        """Bytes of a file when unpacked."""
        return self._members[name].file_size

    def head(self, name, size):
        """The first bytes of a file."""
        return self._guarded(name, lambda file: file.read(size))

    def _copy(self, name, out):
        if self._guarded(name, lambda file: digest(file, out)) != self.manifest.files[name]:
            raise SubmissionError(f"{name}: its content does not fit the SHA-256 of the manifest: pack it again")

    def _guarded(self, name, action):
        with _damage_explained(f"{name}: damaged in the zip file"), self._archive.open(self._members[name]) as file:
            return action(file)


@contextmanager
def opened(path):
    """Open a submission and read its manifest.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    Archive

    Raises
    ------
    SubmissionError
        No plain zip file, too large, encrypted, with other files than those of the manifest, two of a name, or more
        than can be; a manifest that is damaged or says something else than it should.
    """
    with plain_file(Path(path)) as file:
        if fault := no_zip(file):
            raise SubmissionError(fault)
        with _damage_explained("not a sound zip file"):
            archive = zipfile.ZipFile(file)
        with archive:
            members = _members(archive)
            yield Archive(archive, members, _manifest(archive, members))


def no_zip(file):
    """What an open file is that does not end as a zip file does, with the cure; "" where it does. Goes to its start."""
    try:
        if zipfile.is_zipfile(file):
            return ""
        file.seek(0)
        start = file.read(512)
    except DAMAGE:  # which reading it says
        return ""
    finally:
        file.seek(0)
    what = "empty" if not start else texts.HTML if texts.is_html(start) else "no zip file"
    for magic, kind in OTHERS.items():
        if start.startswith(magic):
            what = kind
    return f"not a sound zip file: {what}: {CURE}"


@contextmanager
def _damage_explained(what):
    """Turn what zipfile raises into one clear error."""
    try:
        yield
    except SubmissionError:
        raise
    except DAMAGE as error:
        raise SubmissionError(f"{what}: {_line(error)}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a seek to where no file can be
            raise
        raise SubmissionError(f"{what}: {_line(error)}") from error


@contextmanager
def plain_file(path):
    """Open a file, but no link, folder, pipe or device, and none that is far too large."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        if path.is_symlink():
            raise SubmissionError("a link, expected the zip file itself")
        handle = os.open(path, flags)
    except OSError as error:
        raise SubmissionError(f"cannot be read: {error.strerror}") from error
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode) or about.st_size > ARCHIVE_BYTES:
        os.close(handle)
        if not stat.S_ISREG(about.st_mode):
            raise SubmissionError("not a plain file")
        raise SubmissionError(f"{about.st_size} bytes, at most {ARCHIVE_BYTES} are allowed")
    with open(handle, "rb") as file:
        yield file


def _members(archive):
    """The files of the archive by name, without its folders and what an operating system adds to them."""
    entries = archive.infolist()
    if len(entries) > MEMBERS:
        raise SubmissionError(f"{len(entries)} files, at most {MEMBERS} are allowed")
    members = {}
    for entry in entries:
        name = _plain_name(entry)
        if name.endswith("/") or is_clutter(name):
            continue
        if name in members:
            raise SubmissionError(f"{shown(name)}: twice in the zip file")
        if not is_expected(name):
            raise SubmissionError(f"{shown(name)}: {_unexpected(name, MANIFEST in map(_plain_name, entries))}")
        if entry.flag_bits & 1:
            raise SubmissionError(f"{shown(name)}: encrypted")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise SubmissionError(f"{shown(name)}: a link or a device")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise SubmissionError(f"{shown(name)}: compressed by an unusual method: {CURE}, or pack it with Deflate")
        members[name] = entry
    check_sizes({name: entry.file_size for name, entry in members.items()})
    return members


def _plain_name(entry):
    """The name of an entry without what some programs write: backslashes, and the folder that it lies in as a dot."""
    return re.sub(r"^\./(?=.)", "", entry.filename.replace("\\", "/"))


def _unexpected(name, has_manifest):
    """What is wrong with a file of this name, and the cure where a submission was packed again."""
    if name.lower().endswith(".zip") and not has_manifest:
        return "a zip file in a zip file: hand in that one itself, and no key"
    if not has_manifest and is_expected(name.rpartition("/")[2]):
        return f"packed with its folder: {CURE}, or pack only what is in the folder"
    if name.endswith(KEY_SUFFIX):
        return "the key of a team is for nobody else: hand in without it, and ask the organisers for another key"
    return f"no file of a submission has this name: {CURE}"


def is_expected(name):
    """Whether a file of a submission may have this name."""
    if name in (MANIFEST, NOTEBOOK, PDF, WEIGHTS, *MODELS):
        return True
    leaf = name.removeprefix(PREDICTIONS)
    return leaf != name and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", leaf) is not None


def _manifest(archive, members):
    if MANIFEST not in members:
        raise SubmissionError(f"no {MANIFEST} in the zip file: pack it with 'python -m common.hackathon submit'")
    with _damage_explained(f"{MANIFEST}: damaged in the zip file"):
        text = archive.read(members[MANIFEST])
    try:
        about = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SubmissionError(f"{MANIFEST}: not JSON: {_line(error)}") from error
    if not isinstance(about, dict) or not isinstance(about.get("format"), int) or isinstance(about["format"], bool):
        raise SubmissionError(f"{MANIFEST}: expected a table with its format, a number")
    if about["format"] not in (KEYLESS, FORMAT):
        raise SubmissionError(f"{MANIFEST}: format {about['format']!r:.20}, expected {FORMAT}")
    if about["format"] == KEYLESS:
        about = {"key": "", **about}
    keys, about = {"format", "team", "key", "members", "challenge", "files"}, {"choice": "", **about}
    if set(about) != {*keys, "choice"}:
        raise SubmissionError(f"{MANIFEST}: expected the keys {', '.join(sorted(keys))}")
    if not isinstance(about["key"], str) or not re.fullmatch(r"([0-9a-f]{64})?", about["key"], re.ASCII):
        raise SubmissionError(f"{MANIFEST}: key must be the SHA-256 of the team's key")
    if not isinstance(about["choice"], str) or not re.fullmatch(r"([0-9a-f]{64})?", about["choice"], re.ASCII):
        raise SubmissionError(f"{MANIFEST}: choice must be the SHA-256 of a hand-in")
    if not isinstance(about["challenge"], str):
        raise SubmissionError(f"{MANIFEST}: challenge must be a text")
    files = about["files"]
    if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
        raise SubmissionError(f"{MANIFEST}: files must map each file to its SHA-256")
    if different := sorted(set(files) ^ (set(members) - {MANIFEST})):
        raise SubmissionError(f"{shown(different[0])}: in the manifest or in the zip file, but not in both")
    if files and about["choice"]:
        raise SubmissionError(f"{MANIFEST}: a choice has no files: make it with 'python -m common.hackathon choose'")
    people = check_people(about["members"])
    return Manifest(check_name(about["team"]), people, about["challenge"], files, about["key"], about["choice"])


def digest_of(path):
    """The SHA-256 of a file, by which the organisers know it."""
    with open(path, "rb") as file:
        return digest(file)


def digest(file, out=None):
    """The SHA-256 of an open file, in hexadecimal digits, and on the way its content in another file."""
    found = hashlib.sha256()
    while block := file.read(BLOCK):
        found.update(block)
        if out is not None:
            out.write(block)
    return found.hexdigest()


def one_line(error):
    """What an error says in one line, safe to print."""
    return escaped(" ".join(in_words(error).split())[:300])[:300]


def shown(name, most=80):
    """A name from a submission, safe to print."""
    return ascii(name)[1:-1][:most]


def _line(error):
    """The first line of an error's message, safe to print."""
    return shown(str(error).partition("\n")[0]) or type(error).__name__
