"""The key of a team: registration or its first submission makes it, and every later one carries its SHA-256.

Whoever has the file can add submissions to the team. The organisers see the SHA-256 only.
"""

import hashlib
import re
import secrets
from pathlib import Path

from common import texts
from common.challenge import SubmissionError, read_regular_file
from common.files import atomic_write
from common.hackathon.archive import KEY_SUFFIX

NONE_YET = "0" * 64  # what stands for the SHA-256 of a key that is still to be made
BYTES = 1000  # of a key file, which has about 80
TOKEN = re.compile(r"\bdeeplearn-team-key-[0-9a-f]{64}\b", re.ASCII)


def read_key(path):
    """The SHA-256 of the key in a file.

    Raises
    ------
    SubmissionError
        No such file, or none that holds a key.
    """
    content = read_regular_file(Path(path), BYTES)
    if not content:
        raise SubmissionError(f"{Path(path).name}: empty, not the key file of a team: put back a copy, or delete it")
    if not (key := key_in(content)):
        raise SubmissionError(f"{Path(path).name}: not the key file of a team")
    return key


def key_in(content):
    """The SHA-256 of the key in the content of a key file, or None where it is no such content."""
    found = set(TOKEN.findall(texts.pasted(content)))  # in quotes, say
    return sha256(*found) if len(found) == 1 else None


def new_key():
    """A key that nobody can guess."""
    return f"deeplearn-team-key-{secrets.token_hex(32)}"


def sha256(key):
    """What is kept of a key, and what hand-ins carry."""
    return hashlib.sha256(key.encode()).hexdigest()


def write_key(path):
    """Make a new key in a file that is not there yet, and return its SHA-256; only its owner can read the file.

    Raises
    ------
    SubmissionError
        Somebody else has just made the file.
    """
    try:
        with atomic_write(path, new=True, private=True) as temporary:
            temporary.write_text(f"{new_key()}\n", "utf-8")
    except FileExistsError as error:
        raise SubmissionError(f"{path}: another 'submit' of the team has just made it: run this one again") from error
    return read_key(path)


def key_file(folder, stem):
    """Where the key of a team lies beside its submissions."""
    return Path(folder, stem + KEY_SUFFIX)
