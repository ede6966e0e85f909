"""How well a page was read: character and word error rates, words found, letters confused."""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

# What divides a word at the end of a line: hyphen, not sign, equals sign, other hyphens (soft, double), short dashes
HYPHENS = "-\u00ac=\u00ad\u2010\u2011\u2012\u2013\u2212\u2e17\u2e40\ufe63\uff0d"
ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_ACCENTS = {"\u0300", "\u0301", "\u0302", "\u0308"}  # grave, acute, circumflex, diaeresis; the tilde of n stays
_NASAL = "\u0303"


def _plain(text):
    """A text composed, with a plain s for the long s, line feeds for all line ends, and `-` where a word is divided."""
    text = "\n".join(unicodedata.normalize("NFC", text).replace("ſ", "s").splitlines())
    text = re.sub("[\u200b\u200c\u200d\u2060\ufeff]", "", text)
    text = re.sub(rf"[{HYPHENS}]+(?=[^\S\n]*(\n|\Z))", "-", text)
    return text.translate(ZERO_WIDTH)


def diplomatic(text):
    """A text as the transcribers compare it, letter by letter: composed, the long s a plain s, single spaces.

    Line ends, of whatever system, count as spaces, and the signs that divide words there as hyphens. Printed hyphens,
    punctuation, capitals and accents stay.
    """
    return " ".join(_plain(text).split())


def normalised(text, fold_long_s=False):
    """A text with everything levelled on which printers and transcribers disagree.

    Words broken at a hyphenated line end are joined, whatever the sign; accents go, but n keeps its tilde; lower case;
    ç is z, v is u and j is i; a vowel with a tilde is followed by n (m before b and p), q with a tilde is que;
    punctuation is a space.

    Parameters
    ----------
    text : str
    fold_long_s : bool
        Count f and s as one letter, which shows how many errors are a long s taken for an f.
    """
    text = _plain(text).lower()
    text = re.sub(r"-[^\S\n]*\n\s*", "", text)
    text = text.replace("ñ", "\ue000").replace("ç", "z")
    text = unicodedata.normalize("NFD", text)
    text = "".join(c for c in text if c not in _ACCENTS)
    text = text.replace("q" + _NASAL, "que")
    text = re.sub(f"([aeiou]){_NASAL}(?=[bp])", r"\1m", text)
    text = re.sub(f"([aeiou]){_NASAL}", r"\1n", text)
    text = text.replace("\ue000", "ñ").translate(str.maketrans("vj", "ui"))
    text = re.sub(r"[^a-zñ0-9]", " ", text)
    return " ".join((text.replace("f", "s") if fold_long_s else text).split())


def error_rates(truth, read):
    """Errors of texts against their truth, all of them together.

    Parameters
    ----------
    truth, read : sequence of str
        Page by page, or line by line.

    Returns
    -------
    dict of str to float
        "CER" and "WER": Levenshtein distance in characters and in words over the length of the truth, of the
        diplomatic texts; "CER (normalised)" and "WER (normalised)" of the normalised ones.

    Raises
    ------
    ValueError
        The texts differ in number, or there is nothing in the truth.
    """
    truth, read = list(truth), list(read)
    if len(truth) != len(read):
        raise ValueError(f"{len(read)} texts for {len(truth)} true ones: give one text a page, in order")
    counts = [sum(column) for column in zip(*map(_edits, truth, read), strict=True)]
    edits, lengths = counts[::2], counts[1::2]
    if not counts or not all(lengths):
        raise ValueError("the true texts are empty: nothing to compare with")
    names = ("CER", "WER", "CER (normalised)", "WER (normalised)")
    return {name: edit / length for name, edit, length in zip(names, edits, lengths, strict=True)}


@lru_cache(1000)  # the bootstrap copies of a test set have the same pages again and again
def _edits(truth, read):
    """Edits and length of a text in characters and in words, of the diplomatic text and then of the normalised one."""
    import jiwer

    counts = []
    for prepare in (diplomatic, normalised):
        t, r = prepare(truth), prepare(read)
        for process, split in ((jiwer.process_characters, list), (jiwer.process_words, str.split)):
            if t:
                out = process(t, r)
                counts += [out.substitutions + out.deletions + out.insertions, len(split(t))]
            else:  # which jiwer does not take: all of the reading is wrong
                counts += [len(split(r)), 0]
    return counts


def word_scores(truth, read):
    """Precision, recall and F1 of the normalised words of each page, wherever they stand on it.

    Parameters
    ----------
    truth, read : sequence of str

    Returns
    -------
    dict of str to float
    """
    counts = [(0, 0, 0), *(_words(t, r) for t, r in zip(truth, read, strict=True))]
    found, n_truth, n_read = map(sum, zip(*counts, strict=True))
    precision, recall = found / max(n_read, 1), found / max(n_truth, 1)
    return {"precision": precision, "recall": recall, "F1": 2 * found / max(n_truth + n_read, 1)}


@lru_cache(1000)  # as `_edits`
def _words(truth, read):
    """How many words of a text were found, and how many it and its reading have."""
    true_words, read_words = Counter(normalised(truth).split()), Counter(normalised(read).split())
    return (true_words & read_words).total(), true_words.total(), read_words.total()


def confusions(truth, read, prepare=diplomatic):
    """Which characters are read as which, most frequent first.

    Parameters
    ----------
    truth, read : sequence of str
    prepare : callable str -> str

    Returns
    -------
    Counter of (str, str)
        (true, read); "" stands for nothing: a character that was left out or added.
    """
    import jiwer

    table = Counter()
    pairs = [(prepare(t), prepare(r)) for t, r in zip(truth, read, strict=True)]
    pairs = [pair for pair in pairs if pair[0]]
    output = jiwer.process_characters(*map(list, zip(*pairs, strict=True)))
    for (t, r), chunks in zip(pairs, output.alignments, strict=True):
        for chunk in chunks:
            if chunk.type == "substitute":
                a = t[chunk.ref_start_idx : chunk.ref_end_idx]
                b = r[chunk.hyp_start_idx : chunk.hyp_end_idx]
                table.update(zip(a, b, strict=True))
            elif chunk.type == "delete":
                table.update((c, "") for c in t[chunk.ref_start_idx : chunk.ref_end_idx])
            elif chunk.type == "insert":
                table.update(("", c) for c in r[chunk.hyp_start_idx : chunk.hyp_end_idx])
    return table
