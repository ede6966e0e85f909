"""How well a page was read: character and word error rates, words found, letters confused."""

import re
import unicodedata
from collections import Counter

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
    import jiwer

    truth, read = list(truth), list(read)
    if len(truth) != len(read):
        raise ValueError(f"{len(read)} texts for {len(truth)} true ones: give one text a page, in order")
    scores = {}
    for suffix, prepare in (("", diplomatic), (" (normalised)", normalised)):
        pairs = [(prepare(t), prepare(r)) for t, r in zip(truth, read, strict=True)]
        extra = sum(len(r) for t, r in pairs if not t)  # jiwer takes no empty truth: all of that reading is wrong
        extra_words = sum(len(r.split()) for t, r in pairs if not t)
        pairs = [(t, r) for t, r in pairs if t]
        if not pairs:
            raise ValueError("the true texts are empty: nothing to compare with")
        references, hypotheses = map(list, zip(*pairs, strict=True))
        length = sum(map(len, references))
        words = sum(len(t.split()) for t in references)
        scores[f"CER{suffix}"] = jiwer.cer(references, hypotheses) + extra / length
        scores[f"WER{suffix}"] = jiwer.wer(references, hypotheses) + extra_words / words
    return scores


def word_scores(truth, read):
    """Precision, recall and F1 of the normalised words of each page, wherever they stand on it.

    Parameters
    ----------
    truth, read : sequence of str

    Returns
    -------
    dict of str to float
    """
    found = n_truth = n_read = 0
    for t, r in zip(truth, read, strict=True):
        true_words, read_words = Counter(normalised(t).split()), Counter(normalised(r).split())
        found += (true_words & read_words).total()
        n_truth += true_words.total()
        n_read += read_words.total()
    precision, recall = found / max(n_read, 1), found / max(n_truth, 1)
    return {"precision": precision, "recall": recall, "F1": 2 * found / max(n_truth + n_read, 1)}


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
