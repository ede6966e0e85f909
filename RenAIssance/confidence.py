"""How sure the reader is of what was read: for each character, and for each word.

The network gives each column of a line probabilities of characters and of the blank. The columns are divided among the
characters of the text, and a character's confidence is the probability that its own columns spell it and nothing else.

A word competes with its rivals, the texts that differ from it by one edit and that the network holds possible. Each is
worth the probability that the columns spell it, by all paths of CTC, times what the language expects to a power below
one. A word that is worth hardly more than its rivals is one to look at.

References
----------
F. Wessel, R. Schlüter, K. Macherey and H. Ney, IEEE Trans. Speech Audio Process. 9 (2001) 288 (posteriors of words).
J. Platt, in Advances in Large Margin Classifiers, MIT Press 2000 (a logistic curve that calibrates a score).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import ctc_loss

from RenAIssance.language import simulated_model
from RenAIssance.metrics import normalised
from RenAIssance.model import CODES, encode
from RenAIssance.spelling import ALPHABET

SLOPE, OFFSET = 0.66, 0.95
"""The line of `calibrated`: fitted to pages 1 to 10 of the real book and to simulated lines of other presses."""
POSSIBLE = np.log(1e-3)  # a character that no column gives this much is not considered
LANGUAGE = 0.4  # power of what the language expects
SURE = 14.0  # the margin of a word without rivals
WORD_SLOPE, WORD_OFFSET = 0.90, 0.01
"""The curve of `of_words`: like LANGUAGE, it is fitted to simulated pages and lines by
tests/benchmarks/renaissance_words.py."""


@dataclass(frozen=True)
class Word:
    """A word of a line that was read.

    Attributes
    ----------
    text : str
    first, end : int
        Columns of the word in the output of the network.
    confidence : float
        Probability that the word and the spaces beside it are right, in the normalised form of `metrics.normalised`.
    """

    text: str
    first: int
    end: int
    confidence: float


def named(log_p, text):
    """First and last column in which each character of a text is named, on the most probable path: ndarray (n, 2).

    The Viterbi algorithm on the states of CTC: a blank, a character, a blank, and so on.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
        From `model.log_probabilities`.
    text : str
    """
    symbols = np.zeros(2 * len(text) + 1, int)
    symbols[1::2] = [CODES[character] for character in text]
    # A blank may be left out between two characters that differ.
    closed = np.where((symbols[2:] == 0) | (symbols[2:] == symbols[:-2]), -np.inf, 0.0)
    seen = log_p[:, symbols].astype(float)
    score = np.full(len(symbols), -np.inf)
    score[:2] = seen[0, :2]
    ways, back = np.full((3, len(symbols)), -np.inf), []
    for row in seen[1:]:
        ways[0], ways[1, 1:], ways[2, 2:] = score, score[:-1], score[:-2] + closed
        back.append(ways.argmax(axis=0))
        score = ways.max(axis=0) + row
    states = [len(symbols) - 2 + int(score[-2:].argmax())]  # the last character, or the blank after it
    for row in reversed(back):
        states.append(states[-1] - int(row[states[-1]]))
    states = np.array(states[::-1])
    wanted = 2 * np.arange(len(text)) + 1
    return np.stack([np.searchsorted(states, wanted), np.searchsorted(states, wanted, "right") - 1], axis=1)


def divided(log_p, text):
    """The first columns of all characters of a text, and the end: ndarray (n + 1,).

    Columns between two characters are divided in the middle.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
    text : str
    """
    if not text:
        return np.array([0])
    place = named(log_p, text)
    return np.concatenate([[0], (place[:-1, 1] + place[1:, 0]) // 2 + 1, [len(log_p)]])


def of_characters(log_p, text):
    """Confidence of each character of a text, ndarray (n,), and where they are, as in `divided`.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
    text : str
    """
    bounds = divided(log_p, text)
    if not text:
        return np.zeros(0), bounds
    codes = np.array([CODES[character] for character in text])
    # Probabilities of blanks so far, of having come to the character, and of blanks after it.
    before, within, after = np.ones(len(text)), np.zeros(len(text)), np.zeros(len(text))
    for k in range(np.diff(bounds).max()):
        inside = bounds[:-1] + k < bounds[1:]
        column = np.minimum(bounds[:-1] + k, len(log_p) - 1)
        blank = np.where(inside, np.exp(log_p[column, 0]), 1.0)
        letter = np.where(inside, np.exp(log_p[column, codes]), 0.0)
        before, within, after = before * blank, (before + within) * letter, (within + after) * blank
    return calibrated(within + after), bounds


def calibrated(confidence):
    """Confidences that are right as often as they say: a straight line of their log-odds."""
    p = np.clip(confidence, 1e-6, 1 - 1e-6)
    return 1 / (1 + np.exp(-(SLOPE * np.log(p / (1 - p)) + OFFSET)))


def spelled(log_p, texts):
    """Log-probability that columns spell each of the texts, whatever the path: ndarray (n,).

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
    texts : list of str
    """
    n = len(texts)
    columns = torch.from_numpy(log_p)[:, None].expand(-1, n, -1)
    lengths = torch.tensor([len(text) for text in texts])
    loss = ctc_loss(columns, torch.from_numpy(encode(texts)), torch.full((n,), len(log_p)), lengths, reduction="none")
    return -loss.numpy().astype(float)


def rivals(text, log_p, bounds):
    """What differs from a text by one character, added, left out or changed, and is possible: sorted list of str.

    Parameters
    ----------
    text : str
    log_p : ndarray of shape (steps, characters)
        Log-probabilities of the whole line.
    bounds : ndarray of int, shape (len(text) + 1,)
        First columns of its characters, and the end.
    """
    found = set()
    for i, letter in enumerate(text):
        best = log_p[bounds[i] : bounds[i + 1]].max(axis=0)
        if best[CODES[letter]] < np.log1p(-np.exp(POSSIBLE)):
            found.add(text[:i] + text[i + 1 :])
        for code in np.flatnonzero(best[1:] > POSSIBLE):
            other = ALPHABET[code]
            if other != letter:
                found |= {text[:i] + new + text[i + 1 :] for new in (other, other + letter, letter + other)}
    return sorted(found)


def margin(log_p, text, first, end, bounds, spanish):
    """By how much a word is worth more than its rivals: the logarithm of the ratio, at most SURE.

    Rivals of the same normalised form, with another comma say, stand on the side of the word.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
    text : str
        The line.
    first, end : int
        The word, and the spaces beside it, are text[first:end].
    bounds : ndarray of int, shape (len(text) + 1,)
        From `divided`.
    spanish : LanguageModel
    """
    word, before, after = text[first:end], text[:first], text[end : end + 3]
    texts = [word, *rivals(word, log_p, bounds[first : end + 1])]
    forms = [normalised(before[-1:] + other + after[:1]) for other in texts]
    same = np.array([form == forms[0] for form in forms])
    if same.all():
        return SURE
    worth = spelled(log_p[bounds[first] : bounds[end]], texts)
    worth += LANGUAGE * np.array([spanish.log_p_of(other + after, before) for other in texts])
    return min(SURE, np.logaddexp.reduce(worth[same]) - np.logaddexp.reduce(worth[~same]))


def of_words(log_p, text, spanish=None):
    """The words of a line that was read, with their confidence: list of `Word`.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
        From `model.log_probabilities`.
    text : str
    spanish : LanguageModel, optional
        Default: `language.simulated_model`.
    """
    spanish = spanish or simulated_model()
    bounds = divided(log_p, text)
    words, start = [], 0
    for word in text.split(" "):
        end = start + len(word)
        if word:
            ahead = margin(log_p, text, max(0, start - 1), min(end + 1, len(text)), bounds, spanish)
            p = 1 / (1 + np.exp(-(WORD_SLOPE * ahead + WORD_OFFSET)))
            words.append(Word(word, int(bounds[start]), int(bounds[end]), float(p)))
        start = end + 1
    return words
