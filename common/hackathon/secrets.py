"""The secret of an event: whoever knows it can simulate the labels of the hidden test sets."""

import hashlib
import math
import re
import secrets

from zxcvbn import zxcvbn

LENGTH = 16
DIGITS_OF_GUESSES = 16
# What comes to mind first, of this course and of secrets
OBVIOUS = (
    "secret", "seed", "hackathon", "deeplearn", "course", "event", "challenge", "organiser", "teacher", "student",
    "higgs", "physics", "machine", "learning", "test", "hidden", "truth", "labels", "correct", "horse", "battery",
    "staple",
)  # fmt: skip


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
        It is short, has only words or only digits, or is made of parts that come early in anybody's list of guesses.
    """
    cure = "leave it out, and a random one is made and kept for you"
    if len(text) < LENGTH:
        raise WeakSecret(f"the secret has {len(text)} characters, expected at least {LENGTH}: {cure}")
    if not (re.search(r"\d", text) and re.search(r"[^\W\d_]", text)):
        raise WeakSecret(f"the secret has only words or only digits, expected letters and digits mixed: {cure}")
    parts = set(re.findall(r"[^\W_]+", text.casefold()))
    guesses = sum(math.log10(zxcvbn(part[:72], user_inputs=OBVIOUS)["guesses"]) for part in parts)
    if guesses < DIGITS_OF_GUESSES:
        raise WeakSecret(f"the secret is made of words, dates or repetitions that are soon guessed: {cure}")
    return text


def seed_of(secret, salt):
    """The seed of hidden test sets: 64 hexadecimal digits.

    A step of scrypt (RFC 7914; N = 2^17, r = 8, p = 1: 128 MB and a good part of a second) stands between a guess and
    the labels that would prove it right. The salt, such as the title of an event, makes each guess good for one event.
    """
    salt = f"deeplearn-hackathon {salt}".encode()
    return hashlib.scrypt(secret.encode(), salt=salt, n=2**17, r=8, p=1, maxmem=2**28, dklen=32).hex()
