"""The secret of an event: whoever knows it can simulate the labels of the hidden test sets."""

import hashlib
import math
import re
import secrets

from zxcvbn import zxcvbn

LENGTH = 16
DIGITS_OF_GUESSES = 14
# What comes to mind first, of this course and of secrets
OBVIOUS = (
    "secret", "seed", "hackathon", "deeplearn", "course", "event", "challenge", "organiser", "teacher", "student",
    "higgs", "physics", "machine", "learning", "test", "hidden", "truth", "labels", "correct", "horse", "battery",
    "staple",
)  # fmt: skip


CHANGES = re.compile(r"\d(?=\D)|\D(?=\d)")  # between letters and digits, of which random text has many


class WeakSecret(ValueError):
    """A secret that somebody could guess; the message says what to do."""


def new_secret():
    """A random secret of 128 bits, as text."""
    return secrets.token_hex(16)


def check_secret(text):
    """The secret, if nobody can guess it.

    Raises
    ------
    WeakSecret
        It is short, has nothing random in it, or is made of parts that come early in anybody's list of guesses.
    """
    cure = "leave it out, and a random one is made and kept for you"
    if len(text) < LENGTH:
        raise WeakSecret(f"the secret has {len(text)} characters, expected at least {LENGTH}: {cure}")
    parts = set(re.findall(r"[^\W_]+", text.casefold()))
    if not any(len(part) >= 6 and len(CHANGES.findall(part)) >= 3 for part in parts):
        raise WeakSecret(f"the secret has words and numbers only, and nothing random such as 7f3a9c: {cure}")
    guesses = sum(min(_digits(part), _digits(re.sub(r"\d", "", part)) + _digits(re.sub(r"\D", "", part)))
                  for part in parts)  # fmt: skip
    if guesses < DIGITS_OF_GUESSES or text.casefold() in _hashes():
        raise WeakSecret(f"the secret is made of words, dates or repetitions that are soon guessed: {cure}")
    return text


def _digits(part):
    """Decimal digits of the number of guesses after which a part of a secret is found."""
    return math.log10(zxcvbn(part[:72], user_inputs=OBVIOUS)["guesses"]) if part else 0.0


def _hashes():
    """The hashes of obvious words, which look random."""
    words, kinds = ("", *OBVIOUS), ("md5", "sha1", "sha256")
    return {hashlib.new(kind, word.encode()).hexdigest() for kind in kinds for word in words}


def seed_of(secret, salt):
    """The seed of hidden test sets: 64 hexadecimal digits.

    A step of scrypt (RFC 7914; N = 2^17, r = 8, p = 1: 128 MB and a good part of a second) stands between a guess and
    the labels that would prove it right. The salt, such as the title of an event, makes each guess good for one event.
    """
    salt = f"deeplearn-hackathon {salt}".encode()
    return hashlib.scrypt(secret.encode(), salt=salt, n=2**17, r=8, p=1, maxmem=2**28, dklen=32).hex()
