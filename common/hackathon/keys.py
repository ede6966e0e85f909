"""The key of a team: registration or its first submission makes it, and every later one carries its SHA-256.

Whoever has the file can add submissions to the team. The organisers see the SHA-256 only.
"""

import hashlib
import os
import re
import secrets
from pathlib import Path

from common.challenge import SubmissionError, read_regular_file
from common.hackathon.archive import KEY_SUFFIX

NONE_YET = "0" * 64  # what stands for the SHA-256 of a key that is still to be made
BYTES = 1000  # of a key file, which has about 80
TOKEN = re.compile(r"deeplearn-team-key-[0-9a-f]{64}")


def read_key(path):
    """The SHA-256 of the key in a file.

    Raises
    ------
    SubmissionError
        No such file, or none that holds a key.
    """
    if not (key := key_in(read_regular_file(Path(path), BYTES))):
        raise SubmissionError(f"{Path(path).name}: not the key file of a team")
    return key


def key_in(content):
    """The SHA-256 of the key in the content of a key file, or None where it is no such content."""
    text = content.decode("utf-8-sig", "replace").strip()
    return sha256(text) if TOKEN.fullmatch(text) else None


def new_key():
    """A key that nobody can guess."""
    return f"deeplearn-team-key-{secrets.token_hex(32)}"


def sha256(key):
    """What is kept of a key, and what hand-ins carry."""
    return hashlib.sha256(key.encode()).hexdigest()


def write_key(path):
    """Make a new key in a file that is not there yet, and return its SHA-256; only its owner can read the file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{new_key()}\n")
    return read_key(path)


def key_file(folder, stem):
    """Where the key of a team lies beside its submissions."""
    return Path(folder, stem + KEY_SUFFIX)
