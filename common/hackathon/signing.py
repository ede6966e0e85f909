"""Certificates that can be checked: what one says is signed with the organiser's key (Ed25519).

A certificate carries two signatures. The QR code holds what is printed, as a JSON Web Signature (RFC 7515, with the
EdDSA of RFC 8037), so that a sheet of paper can be checked. The last line of the file signs all bytes before it, so
that nothing in the file can be changed, and the print says what the code says.
"""

import base64
import binascii
import hashlib
import json
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common import texts
from common.challenge import SubmissionError, read_regular_file
from common.files import atomic_write
from common.hackathon import badges
from common.hackathon.event import EventError

PRIVATE, PUBLIC = "private/certificates.pem", "certificates.pem"  # in the folder of an event
HEADER = {"alg": "EdDSA"}
FIELDS = ("event", "date", "name", "team", "challenge", "metric", "score", "rank")
SEAL = b"\n%deeplearn-seal "  # a comment after the end of a PDF, which readers skip
TOKEN = re.compile(rb"/Keywords \(([\w-]+\.[\w-]+\.[\w-]+)\)", re.ASCII)
BYTES = 20_000_000  # of a certificate, which has about 100,000


class NotGenuine(ValueError):
    """A certificate that the organiser did not sign, or that was changed since."""


def private_key(folder):
    """The private key of an event, made the first time; beside it, outside of `private`, its public key is written.

    Raises
    ------
    EventError
        The file holds no such key, others can read it, or a public key is there that is not of it, or of one that is
        gone.
    """
    path = Path(folder, PRIVATE)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    public = Path(folder, PUBLIC)
    for file in (path, public):
        if os.path.lexists(file) and not file.is_file():  # to read from a pipe would wait for ever
            raise EventError(f"{file}: no file, or a link to one that is gone: put back a copy of the file")
    published = public.exists()
    if not path.exists():
        if published:
            raise EventError(f"{path}: gone, while {PUBLIC} is still there: put back a copy of it. Or delete {PUBLIC} "
                             "for a fresh pair, with which no certificate made so far is genuine")  # fmt: skip
        with suppress(FileExistsError), atomic_write(path, new=True, private=True) as temporary:
            temporary.write_bytes(Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise EventError(f"{path}: others can read the key that signs certificates: chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(texts.pasted(path.read_bytes()).encode(), None)
    except (ValueError, TypeError):  # what they say may hold a part of the file
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise EventError(f"{path}: no private key (Ed25519, as PEM): put back a copy of it. Or delete it and {PUBLIC} "
                         "for a fresh pair, with which no certificate made so far is genuine")  # fmt: skip
    known = _published(public)
    if known and fingerprint(known) != fingerprint(key.public_key()):
        raise EventError(f"{public}: not of the key in {path}: put back the key that signed, or delete {PUBLIC} to "
                         "publish another, with which no certificate made so far is genuine")  # fmt: skip
    with atomic_write(public) as temporary:
        temporary.write_bytes(key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    return key


def _published(path):
    """The public key in a file; None where there is none that can be read."""
    with suppress(EventError):
        return public_key(path)
    return None


def public_key(path):
    """The organiser's public key in a file.

    Raises
    ------
    EventError
        No such file, or none that holds one.
    """
    try:
        key = serialization.load_pem_public_key(texts.pasted(read_regular_file(Path(path), 10_000)).encode())
    except SubmissionError as error:
        raise EventError(f"no public key ({error}): name the organiser's, EVENT/{PUBLIC}, with --key") from error
    except ValueError as error:
        raise EventError(f"{path}: no public key: name the organiser's, EVENT/{PUBLIC}, with --key") from error
    if not isinstance(key, Ed25519PublicKey):
        raise EventError(f"{path}: no public key of the kind Ed25519: name the organiser's, EVENT/{PUBLIC}")
    return key


def fingerprint(key):
    """16 hexadecimal digits that tell public keys apart, as printed on certificates."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    digits = hashlib.sha256(raw).hexdigest()[:16]
    return " ".join(digits[i : i + 4] for i in range(0, 16, 4))


# --------------------------------------------------------------------------------------------------
# What a certificate says


def signed(fields, key):
    """What a certificate says, a dict with the keys FIELDS, as the signed text of its QR code."""
    message = ".".join(_encoded(json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode())
                       for part in (HEADER, {name: fields[name] for name in FIELDS}))  # fmt: skip
    return f"{message}.{_encoded(key.sign(message.encode()))}"


def read_signed(text, key):
    """What the text of a QR code or a badge says, once it is known to be signed with the private half of a public key.

    Raises
    ------
    NotGenuine
    """
    try:
        # A mail may have wrapped or quoted it
        header, content, signature = "".join(re.findall(r"[\w.=-]", text, re.ASCII)).split(".")
        key.verify(_decoded(signature), f"{header}.{content}".encode())
        fields = json.loads(_decoded(content))
        if json.loads(_decoded(header)) != HEADER:
            return badges.in_fields(fields)  # which the same key has signed
        if tuple(fields) != FIELDS:
            raise ValueError("other fields")
    except (InvalidSignature, LookupError, ValueError, TypeError) as error:
        raise NotGenuine("not signed by this organiser, or changed since") from error
    return fields


# --------------------------------------------------------------------------------------------------
# The file


def sealed(pdf, key):
    """The bytes of a PDF with a last line that signs all of them."""
    return pdf + SEAL + _encoded(key.sign(pdf)).encode() + b"\n"


def verify(path, key):
    """Check a certificate, offline.

    Parameters
    ----------
    path : path-like
        The PDF, or a text file with what its QR code says, or a badge.
    key : Ed25519PublicKey
        The organiser's key, got from the organiser and not from who shows the certificate.

    Returns
    -------
    fields : dict
        What the organiser signed, by the names FIELDS; of a badge as `badges.in_fields` returns it.
    whole : bool
        Whether the file is the very one that the organiser made. A QR code cannot tell what is printed around it.

    Raises
    ------
    NotGenuine
        Anything in it was changed, or somebody else signed it.
    SubmissionError
        No such file, or one that is far too large.
    """
    blob = read_regular_file(Path(path), BYTES)
    if not blob.startswith(b"%PDF-"):
        return read_signed(texts.pasted(blob), key), False
    pdf, _, seal = blob.rpartition(SEAL)
    try:
        if seal[86:] != b"\n":
            raise ValueError("no seal")
        key.verify(_decoded(seal[:86].decode("ascii")), pdf)
        (token,) = set(TOKEN.findall(pdf))
    except (InvalidSignature, ValueError) as error:
        raise NotGenuine("not a file that this organiser made, or changed since") from error
    return read_signed(token.decode(), key), True


def _encoded(blob):
    return base64.urlsafe_b64encode(blob).rstrip(b"=").decode()


def _decoded(text):
    """The bytes of base64 in its one spelling: another one would be another file with the same signature."""
    try:
        blob = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if _encoded(blob) != text:
        raise ValueError("no base64 in its one spelling")
    return blob
