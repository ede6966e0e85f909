"""How many of the words that are read wrong are among those of which the reader is least sure.

    python tests/benchmarks/renaissance_words.py FOLDER [--seed 301] [--spreads 6] [--fit]

FOLDER has the sub-folder RenAIssance with the hand-cut lines of the real book. The logistic curve of
`confidence.of_words` is fitted (`--fit`) to simulated pages and lines of several kinds; others of the same kinds and
pages 1 to 10 of the real book show whether it holds there, and pages 11 to 19 are only looked at. These are read by the
shipped reader, and once more by one that has learned from the pages before, with a language model that has, too.
"""

import argparse
import os
import re
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np
import torch
from renaissance_models import NO_FRAME, scanned_pages, simulated_pages
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from RenAIssance import confidence, data, language, lines, metrics, model, press, presses, scan, simulate, transcription
from RenAIssance import pages as sheets
from RenAIssance.train import adapt, unpadded

OTHER_TYPE = dict(type_=press.OTHER_PRESS, italic=press.OTHER_PRESS, pitch=52)
KINDS = {  # of pages
    "as the book": {},
    "bowed, broken rules, title, vignette": dict(effects=sheets.OTHER_BOOK),
    "another press, no frame": dict(effects=NO_FRAME, **OTHER_TYPE),
    "shadow, bowed, no frame": dict(effects=replace(NO_FRAME, shadow=True, bowed=True)),
    "110 dpi": dict(dpi=110),
}
SHARES = 0.02, 0.05, 0.1  # of the words that somebody looks at
N_BOOTSTRAP = 500


def simulated(n, seed):
    """Lines and their texts of n spreads of each kind, and as many lines as the book and as other presses print them.

    Pages whose number of lines is wrong are left out: nobody knows which text belongs to which line.
    """
    kinds = {}
    for name, options in KINDS.items():
        images, texts = scanned_pages(n, seed, **options) if "dpi" in options else simulated_pages(n, seed, **options)
        kinds[name] = [], []
        for image, text in zip(images, texts, strict=True):
            pieces, found = scan.line_images(image)
            if len(pieces) == text.count("\n") + 1:
                kinds[name][0].extend(lines.normalise(piece, found.x_height) for piece in pieces)
                kinds[name][1].extend(text.split("\n"))
    kinds["lines as of the book"] = unpadded(simulate.lines(80 * n, (seed, 1)))
    kinds["lines of other presses"] = unpadded(presses.lines(80 * n, (seed, 2)))
    return kinds


def as_today(word):
    """A normalised word without what the spelling of 1637 has otherwise than that of today: assi and asi, deve, baxeza.

    Where only this differs, the transcriber is more often wrong than the reader.
    """
    word = re.sub("qu(?=[ao])", "c", metrics.normalised(word).replace("ss", "s").replace("h", ""))
    return word.translate(str.maketrans("ubxgzy", "bbiici"))


def is_right(words, true, prepare=metrics.normalised):
    """Which words of a line are in its true text, in the order that `difflib` finds; words beside a lost one are wrong.

    Parameters
    ----------
    words : list of str
    true : str
    prepare : callable str -> str
    """
    rows = [i for i, word in enumerate(words) if prepare(word)]  # a sign alone has nothing to compare
    read, printed = [prepare(words[i]) for i in rows], [word for word in map(prepare, true.split()) if word]
    right = np.ones(len(words), bool)
    for kind, first, end, *_ in SequenceMatcher(None, read, printed, autojunk=False).get_opcodes():
        if kind == "insert":
            right[rows[max(first - 1, 0) : first + 1]] = False
        elif kind != "equal":
            right[rows[first:end]] = False
    return right


def judged(reader, images, texts, spanish=None):
    """Of each word that is read: line, product of its characters' confidences, confidence, whether it is right.

    Right twice: by the transcription, and where only the spelling of today is held against it. Lines are read by beam
    search where there is a language model.

    Returns
    -------
    list of ndarray
    """
    rows = []
    for line, (log_p, true) in enumerate(zip(model.log_probabilities(reader, images), texts, strict=True)):
        text = model.greedy(log_p) if spanish is None else language.beam_search(log_p, spanish)
        words = confidence.of_words(log_p, text, spanish)
        sure, start = confidence.of_characters(log_p, text)[0], 0
        right = [is_right([word.text for word in words], true, how) for how in (metrics.normalised, as_today)]
        for k, word in enumerate(words):
            start = text.index(word.text, start)
            end = start + len(word.text)
            rows.append((line, sure[max(0, start - 1) : end + 1].prod(), word.confidence, right[0][k], right[1][k]))
            start = end
    line, *sure, right, as_printed = map(np.array, zip(*rows, strict=True))
    return line, *sure, right, as_printed


def found(sure, right, share):
    """Share of the wrong words among the least sure ones."""
    worst = np.argsort(sure, kind="stable")[: round(share * len(sure))]
    return (~right[worst]).sum() / (~right).sum()


def calibration_error(sure, right, n=10):
    """Mean difference between confidence and share of right words, in n groups of equally many words by confidence."""
    groups = np.array_split(np.argsort(sure, kind="stable"), n)
    return sum(len(rows) * abs(sure[rows].mean() - right[rows].mean()) for rows in groups) / len(sure)


def report(name, line, product, sure, right, as_printed):
    """Both confidences of a set of words, with 16th and 84th percentiles of bootstrap copies of its lines."""
    rng = np.random.default_rng(0)
    places = np.split(np.arange(len(line)), np.flatnonzero(np.diff(line)) + 1)
    copies = [np.concatenate([places[i] for i in rng.integers(len(places), size=len(places))])
              for _ in range(N_BOOTSTRAP)]  # fmt: skip
    for what, true in (("", right), (", but for spelling", as_printed)):
        best = ", ".join(f"{min(1, share * len(true) / (~true).sum()):.2f}" for share in SHARES)
        print(f"{name}{what}: {(~true).sum()} of {len(true)} words wrong; at best {best}", flush=True)
        for how, score in (("product of characters", product), ("rivals", sure)):
            print(f"    {how:22s} AUC {roc_auc_score(true, score):.3f}  mean {score.mean():.3f}  "
                  f"calibration error {calibration_error(score, true):.3f}", end="")
            for share in SHARES:
                low, high = np.nanquantile([found(score[rows], true[rows], share) for rows in copies], [0.16, 0.84])
                print(f"  worst {share:.0%}: {found(score, true, share):.2f} ({low:.2f} to {high:.2f})", end="")
            print()


def fit(reader, kinds):
    """Print the slope and the offset of `confidence.of_words` that make its confidences right on these lines."""
    words = [judged(reader, *kind) for kind in kinds.values()]
    sure, right = (np.concatenate([part[i] for part in words]) for i in (2, 3))
    margin = (np.log(sure / (1 - sure)) - confidence.WORD_OFFSET) / confidence.WORD_SLOPE
    curve = LogisticRegression(C=np.inf).fit(margin[:, None], right)
    print(f"slope {curve.coef_[0, 0]:.3f}, offset {curve.intercept_[0]:.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=301)
    parser.add_argument("--spreads", type=int, default=6)
    parser.add_argument("--fit", action="store_true", help="on simulated pages of the seed before")
    args = parser.parse_args()
    os.environ["DEEPLEARN_DATA"] = args.folder
    torch.set_num_threads(1)
    reader = model.load()
    if args.fit:
        fit(reader, simulated(args.spreads, args.seed - 1))
    sets = simulated(args.spreads, args.seed)
    images, texts, page = data.hand_cut_lines()
    images, texts = [lines.normalise(image) for image in images], list(map(transcription.simplified, texts))
    for name, part in (("real book, pages 1 to 10", page <= 10), ("real book, pages 11 to 19", page > 10)):
        rows = np.flatnonzero(part)
        sets[name] = [images[i] for i in rows], [texts[i] for i in rows]
    for name, (cut, true) in sets.items():
        report(name, *judged(reader, cut, true))
    known, known_texts = sets["real book, pages 1 to 10"]
    reader, _ = adapt(reader, known, known_texts, (known[:4], known_texts[:4]), epochs=8, simulated=200, progress=False)
    spanish = language.LanguageModel(language.simulated_text(5000) + known_texts)
    report("pages 11 to 19, adapted, with language", *judged(reader, *sets["real book, pages 11 to 19"], spanish))


if __name__ == "__main__":
    main()
