"""How sure the network is of what was read: for each character, and for each word.

The network gives each column of a line probabilities of characters and of the blank. The columns are divided among the
characters of the text, and a character's confidence is the probability that its own columns spell it and nothing else.
"""

from dataclasses import dataclass

import numpy as np

from RenAIssance.model import CODES

SLOPE, OFFSET = 0.66, 0.95
"""Of `calibrated`: fitted to pages 1 to 10 of the real book and to simulated lines of other presses."""


@dataclass(frozen=True)
class Word:
    """A word of a line that was read.

    Attributes
    ----------
    text : str
    first, end : int
        Its columns in the output of the network.
    confidence : float
        Probability that the word and the spaces beside it are right.
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
    states = [len(symbols) - 1 - int(score[-2:].argmax() == 0)]
    for row in reversed(back):
        states.append(states[-1] - int(row[states[-1]]))
    states = np.array(states[::-1])
    wanted = 2 * np.arange(len(text)) + 1
    return np.stack([np.searchsorted(states, wanted), np.searchsorted(states, wanted, "right") - 1], axis=1)


def of_characters(log_p, text):
    """Confidence of each character of a text, ndarray (n,), and the first columns of all and the end, ndarray (n + 1,).

    Columns between two characters are divided in the middle.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
    text : str
    """
    if not text:
        return np.zeros(0), np.array([0])
    place = named(log_p, text)
    bounds = np.concatenate([[0], (place[:-1, 1] + place[1:, 0]) // 2 + 1, [len(log_p)]])
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


def of_words(log_p, text):
    """The words of a line that was read, with their confidence: list of `Word`.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
    text : str
    """
    sure, bounds = of_characters(log_p, text)
    words, start = [], 0
    for word in text.split(" "):
        end = start + len(word)
        if word:
            p = sure[max(0, start - 1) : end + 1].prod()
            words.append(Word(word, int(bounds[start]), int(bounds[end]), float(p)))
        start = end + 1
    return words
