"""A character language model: which letter follows which, to choose between readings that look alike.

References
----------
A. Hannun et al., arXiv:1408.2873 (prefix beam search with a language model).
I. H. Witten and T. C. Bell, IEEE Trans. Inf. Theory 37 (1991) 1085 (interpolation of orders).
"""

import math
from collections import Counter, defaultdict
from functools import cache

import numpy as np

from RenAIssance import latin
from RenAIssance.spelling import ALPHABET, Typesetter

ORDER = 8
END = "\n"


class LanguageModel:
    """Probability of a character, or of the end of the line, after the seven characters before it.

    Parameters
    ----------
    texts : sequence of str
        Lines of text.
    order : int
        Characters that are looked at together.
    """

    def __init__(self, texts, order=ORDER):
        self.order = order
        self._counts = defaultdict(Counter)
        for text in texts:
            for i, character in enumerate(text + END):
                for length in range(min(order - 1, i) + 1):
                    self._counts[text[i - length : i]][character] += 1
        self._totals = {context: (counts.total(), len(counts)) for context, counts in self._counts.items()}
        self._known = {}

    def log_p(self, text, character):
        """Log-probability of a character, or of END, after a text."""
        context = text[-(self.order - 1) :]
        key = (context, character)
        if key not in self._known:
            p = 1 / (len(ALPHABET) + 1)
            for length in range(len(context) + 1):
                tail = context[len(context) - length :]
                if tail in self._totals:
                    total, kinds = self._totals[tail]
                    p = (self._counts[tail][character] + kinds * p) / (total + kinds)
            self._known[key] = math.log(p)
        return self._known[key]

    def log_p_of(self, text, before=""):
        """Log-probability of a text after another one."""
        return sum(self.log_p(before + text[:i], character) for i, character in enumerate(text))


def simulated_text(n, seed=0):
    """n lines of plausible Spanish of 1637, as transcribed, one in 25 a title in capitals: list of str."""
    typesetter = Typesetter(np.random.default_rng(seed))
    return [typesetter.line(38)[1] if i % 25 else typesetter.line(14)[1].upper() for i in range(n)]


@cache
def simulated_model(n=2000):
    """A language model from n lines of `simulated_text` and half as many of a lawsuit, with its Latin."""
    lawsuit = latin.Typesetter(np.random.default_rng(0))
    return LanguageModel([*simulated_text(n), *(lawsuit.line(38)[1] for _ in range(n // 2))])


def beam_search(log_p, model, weight=0.2, beam=8, least=-7.0):
    """The best text for a line: what the network sees, and a little of what the language expects.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
        From `model.log_probabilities`.
    model : LanguageModel
    weight : float
        Weight of the language model's log-probabilities.
    beam : int
        Readings that are followed at the same time.
    least : float
        Characters that are less probable (log) are not considered.
    """
    readings = {"": (0.0, -math.inf)}  # text: log-probability of ending with a blank, and with its last character
    bonus = {"": 0.0}
    for row in log_p.astype(float):
        if row[0] > -1e-3:  # surely a blank
            readings = {text: (np.logaddexp(a, b) + row[0], -math.inf) for text, (a, b) in readings.items()}
            continue
        candidates = [i for i in np.flatnonzero(row > least) if i]
        found = defaultdict(lambda: [-math.inf, -math.inf])
        for text, (blank, letter) in readings.items():
            either = np.logaddexp(blank, letter)
            found[text][0] = np.logaddexp(found[text][0], either + row[0])
            for i in candidates:
                character = ALPHABET[i - 1]
                if text.endswith(character):
                    found[text][1] = np.logaddexp(found[text][1], letter + row[i])
                longer = text + character
                if longer not in bonus:
                    bonus[longer] = bonus[text] + weight * model.log_p(text, character) + 2 * weight
                gain = (blank if text.endswith(character) else either) + row[i]
                found[longer][1] = np.logaddexp(found[longer][1], gain)
        best = sorted(found, key=lambda text: np.logaddexp(*found[text]) + bonus[text], reverse=True)[:beam]
        readings = {text: tuple(found[text]) for text in best}
    # Few lines end within a word that has no hyphen.
    whole = {text: np.logaddexp(*p) + bonus[text] + weight * model.log_p(text, END) for text, p in readings.items()}
    return max(whole, key=whole.get).strip()
