"""Plausible Spanish of 1637: words by their frequency, in the spelling of the time.

Each piece of text comes in two forms. The printed one is what the type shows: long s, u and v by position, ç, tildes.
The transcribed one follows the convention of the challenge's transcribers: s for long s, u and v as today, z for ç,
no expansion of tildes (q and justamete stay), hyphens only where they are printed.
"""

import re
from functools import cache

import numpy as np

from common.datasets import check_n

ALPHABET = " abcdefghijklmnopqrstuvwxyzñABCDEFGHIJKLMNOPQRSTUVWXYZÑáéíóú0123456789.,;:-()?!&'"
"""The characters of a transcription."""

N_WORDS = 25_000
TEMPER = 0.75  # half of the words are drawn with their frequencies raised to this power: rare ones teach more letters
OLD_WORDS = (  # frequent in the prose of the time and missing from lists of today
    "assi ansi dello della dellos dellas desto desta destos destas aquesto aquella vos os dize dizen haze hazen hazer "
    "dezir dixo dexo dexar traxo truxeron quando quanto qual quales quantos qualquiera aver aveis aveys ha han huviere "
    "soys seays teneys deveys podeys sabeys mesmo mesma agora muger mugeres exemplo exercicio execucion vassallos "
    "Magestad merced Rey Reyno Reynos Principe Señor Señora Dios Santo San Iglesia Fe Virtud Nobleza Religion "
    "Christiana Christo Iusticia Iuan Iesus huyr oydo oyr traydo ay ley muy grandissimo santissimo passar passado "
    "necessario possible fuesse huviesse tuviesse hiziesse proprio deste dél contra summa bolver conciencia corazon "
    "fuerza cabeza alteza esperanza gracia obligacion razon passion vuestra vuestro vuestros vuestras nuestro"
).split()
OLD_SHARE = 0.15  # of these words, beside 1 of all others together
SHORT_WORDS = set(
    "a y o e u de la el en es se no lo su un al me si te mi os tu ni ya le da va yo él".split()
)  # the lists have other pairs of letters, which are no words
UNFIT = re.compile(  # for a classroom
    "cag|caraj|puta|puto|mierd|imb[eé]c|idiot|cojon|coño|jod[ei]|polla|foll|sex|porn|nazi|culo$|teta|maric|viola"
)
CAPITALISED = 0.06
ROMAN = ("II", "III", "IV", "VI", "VII", "VIII", "IX", "XII", "XIV", "XVI")
UNACCENTED = str.maketrans("áéíóúüÁÉÍÓÚÜ", "aeiouuAEIOUU")
GRAVE = str.maketrans("áéíóúüÁÉÍÓÚÜ", "àèìòùuAEIOUU")
VOWELS = "aeiouáéíóúy"
ONSETS = tuple("ch ll br cr dr fr gr pr tr bl cl fl gl pl qu".split())  # two consonants that begin a syllable


def _is_fit(word):
    """Whether a word of today may stand in the book: of its letters, no abbreviation, nothing rude."""
    if not re.fullmatch("[a-zñáéíóúü]+", word) or set(word) & set("kw"):
        return False
    if not set(word) & set(VOWELS) or UNFIT.search(word):
        return False
    return len(word) > 2 or word in SHORT_WORDS


@cache
def vocabulary():
    """Spanish words of today with their probabilities, from the lists of the package wordfreq, and old ones.

    Returns
    -------
    words : list of str
    p : ndarray, shape (n_words,)

    References
    ----------
    R. Speer, wordfreq, doi:10.5281/zenodo.7199437.
    """
    import wordfreq

    words = [word for word in wordfreq.top_n_list("es", N_WORDS) if _is_fit(word)]
    p = np.array([wordfreq.word_frequency(w, "es") for w in words])
    p = 0.5 * p / p.sum() + 0.5 * p**TEMPER / (p**TEMPER).sum()
    old = np.full(len(OLD_WORDS), OLD_SHARE / len(OLD_WORDS))
    return words + OLD_WORDS, np.append(p, old) / (1 + OLD_SHARE)


def old_spelling(word, rng):
    """A word of today as a writer of 1637 might have spelled it, still with its accent and with u and v as today."""
    chance = rng.random(6)
    word = re.sub("cu(?=[aáoó])", "qu", word) if chance[0] < 0.8 else word
    word = re.sub("(?<=[aeoáéó])i(?=s?$)", "y", word)
    word = re.sub("(?<=[aeou])í(?=[^aeou])", "y", word) if chance[1] < 0.5 else word
    if chance[2] < 0.3:
        word = re.sub("(?<=[aeiou])j(?=[aeoáéó])", "x", word)
    if chance[3] < 0.25:
        word = re.sub("(?<=[aeiou])c(?=[eií])", "z", word)
    if chance[4] < 0.2:
        word = re.sub("(?<=[aeiouáéíóú])s(?=[aeiouáéíóú])", "ss", word)
    if chance[5] < 0.15:
        word = re.sub("b(?=[aeiou])", "v", word)
    return word


def printed(word, rng, final=True):
    """How the compositor sets a word: the long s within it, v at its start and u elsewhere, and so on.

    Parameters
    ----------
    word : str
        With u and v as today.
    rng : numpy.random.Generator
    final : bool
        Whether the word ends here, with a round s; else it goes on in the next line.

    Returns
    -------
    printed, transcribed : str
    """
    transcribed = word.translate(UNACCENTED)
    # A grave accent on the last vowel is usual, any other accent rare.
    keep = rng.random() < (0.6 if word[-1:] in "áéíóú" else 0.05)
    word = word.translate(GRAVE if keep else UNACCENTED)
    if word.isupper() and len(word) > 1:
        return word.replace("U", "V"), transcribed
    word = re.sub("z(?=[aou])", "ç", word) if rng.random() < 0.85 else word
    word = word.replace("v", "u")
    word = re.sub("^u", "v", word)
    word = re.sub("^U", "V", word)
    word = re.sub("^I", "J", word) if rng.random() < 0.2 else word  # one letter, with or without a tail
    word = re.sub("s(?=.)" if final else "s", "ſ", word)
    chance = rng.random(2)
    if transcribed == "que" and chance[0] < 0.07:
        return "q\u0303", "q"
    if chance[1] < 0.015 and (match := re.search("([aeou])[nm](?=[^aeiouyàèìòùn]|$)", word)) and len(word) > 3:
        # A tilde for the nasal: neither has the transcription its letter.
        i = match.start()
        return word[: i + 1] + "\u0303" + word[i + 2 :], transcribed[: i + 1] + transcribed[i + 2 :]
    return word, transcribed


def words(n, rng):
    """n words of a running text: (word, punctuation after it), capitals after a full stop and here and there.

    Returns
    -------
    list of (str, str)
    """
    listed, p = vocabulary()
    drawn = rng.choice(len(listed), check_n(n), p=p)
    marks = rng.choice(["", ",", ";", ":", ".", "?", ")"], n, p=[0.813, 0.148, 0.005, 0.009, 0.012, 0.001, 0.012])
    chance = rng.random(n)
    text, start, opened = [], True, False
    for i, mark, c in zip(drawn, marks.tolist(), chance, strict=True):
        word = old_spelling(listed[i], rng)
        if c > 0.996:
            word = ROMAN[int(c * 1e6) % len(ROMAN)]
        elif start or c < CAPITALISED:
            # Capital i and j are one letter of the type.
            word = word[0].upper().replace("J", "I") + word[1:]
        if mark == ")":  # parentheses open before they close
            mark = ")" if opened else ""
            word = word if opened else "(" + word
            opened = not opened
        start = mark in (".", "?")
        text.append((word, mark))
    return text


def set_word(word, rng, final=True):
    """`printed` of a word that may begin with a parenthesis."""
    if word.startswith("("):
        ink, text = printed(word[1:], rng, final)
        gap = " " if rng.random() < 0.3 else ""
        return "(" + gap + ink, "(" + text
    return printed(word, rng, final)


def breaks(word):
    """Where a word may be divided: before a consonant that a vowel follows, at least two letters from either end.

    Returns
    -------
    list of int
    """
    lower = word.lower()
    places = []
    for i in range(2, len(word) - 1):
        begins = lower[i] not in VOWELS and (lower[i + 1] in VOWELS or lower[i : i + 2] in ONSETS)
        if begins and lower[i - 1 : i + 1] not in (*ONSETS, "ss"):
            places.append(i)
    return places


class Typesetter:
    """Breaks an endless text into justified lines.

    Parameters
    ----------
    rng : numpy.random.Generator
    missing_hyphens : float
        Share of divided words that the compositor leaves without a hyphen, for want of room.
    """

    def __init__(self, rng, missing_hyphens=0.2):
        self.rng, self.missing_hyphens = rng, missing_hyphens
        self._queue = []

    def _next(self):
        if not self._queue:
            self._queue = words(400, self.rng)[::-1]
        return self._queue.pop()

    def line(self, length):
        """The next line of about that many characters.

        Returns
        -------
        pieces : list of str
            Printed words with their punctuation; the space between them stretches.
        text : str
            The transcription.
        """
        pieces, texts, room = [], [], length
        while True:
            word, mark = self._next()
            size = len(word) + len(mark)
            if size > room:
                places = [i for i in breaks(word) if i < room]
                if places and word.islower() and self.rng.random() < 0.9:
                    at = places[-1]
                    ink, text = set_word(word[:at], self.rng, final=False)
                    hyphen = "" if self.rng.random() < self.missing_hyphens else "-"
                    # A worn hyphen prints as a dot.
                    pieces.append(ink + ("·" if hyphen and self.rng.random() < 0.1 else hyphen))
                    texts.append(text + hyphen)
                    self._queue.append((word[at:], mark))
                elif pieces:
                    self._queue.append((word, mark))
                else:  # a word that no line can hold
                    continue
                break
            ink, text = set_word(word, self.rng)
            # The space before a comma is loose, that after it may be missing.
            gap = "" if not mark or mark == "." or self.rng.random() < 0.65 else "\u2009"
            pieces.append(ink + gap + mark)
            texts.append(text + mark)
            room -= size + 1
            if room < 2:
                break
        return pieces, " ".join(texts)
