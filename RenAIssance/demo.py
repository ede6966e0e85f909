"""What the page of RenAIssance needs: the reader that ships with the course, and lines that it has not seen."""

import re
import unicodedata

import numpy as np

from common.demo import layers, numbers
from RenAIssance import data as book
from RenAIssance import model as reader
from RenAIssance.spelling import ALPHABET
from RenAIssance.transcription import edit_costs

SHOWN, SHORTEST = 30, 25  # lines to read: the first ones of the test set with so many characters
STEPS = 60  # of each of these whose probabilities are compared with the page's


def levelled(text):
    """A text without what a hurried reader leaves out: case, accents, punctuation, and whether a u is a v."""
    text = unicodedata.normalize("NFD", text.lower().replace("ſ", "s"))
    text = re.sub(r"[^a-z0-9 ]", "", text).translate(str.maketrans("vj", "ui"))
    return " ".join(text.split())


def recurrent(lstm, end):
    """Weights of one direction of an LSTM: of what comes in, of what it remembers, and the bias of both."""
    weights = {name: getattr(lstm, f"{name}_l0{end}").detach().numpy() for name in
               ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
    return {"input": numbers(weights["weight_ih"]), "memory": numbers(weights["weight_hh"]),
            "bias": numbers(weights["bias_ih"] + weights["bias_hh"])}  # fmt: skip


def padded(line):
    """A line with the paper that `reader.log_probabilities` adds to one that is read alone."""
    width = line.shape[1]
    return np.pad(line, [(0, 0), (0, reader.steps_of(width) * reader.STRIDE - width)])


def data(quick=False):
    """See common.demo; nothing is trained."""
    network, lines = reader.load(), book.load("test", SHOWN + 30 if quick else 400, task="lines")
    images = [image[:, :width] for image, width in zip(lines.X, lines.meta["width"], strict=True)]
    # One by one, as the page reads them: the paper that fills up a batch changes the last digits.
    log_p = [reader.log_probabilities(network, [image])[0] for image in images]
    pairs = [(levelled(text), levelled(reader.greedy(p))) for text, p in zip(lines.y, log_p, strict=True)]
    shown = [i for i, text in enumerate(lines.y) if len(text) >= SHORTEST][:SHOWN]
    others = sorted(set(range(len(lines))) - set(shown))
    wrong = [edit_costs(*pair)[-1, -1] for pair in pairs]
    [scale] = layers(network.squeeze[1])
    factor = network.squeeze[1].weight * (network.squeeze[1].running_var + network.squeeze[1].eps).rsqrt()
    weight = (network.squeeze[0].weight[:, :, 0] * factor[:, None]).detach().numpy()  # normalisation and all
    return {
        "alphabet": ALPHABET, "margin": reader.MARGIN, "stride": reader.STRIDE,
        "lines": [numbers(images[i]) for i in shown], "texts": [lines.y[i] for i in shown],
        "look": layers(network.look),
        "squeeze": {"kind": "Linear", "weight": numbers(weight), "bias": scale["shift"]},
        "forwards": recurrent(network.recur, ""), "backwards": recurrent(network.recur, "_reverse"),
        "name": layers(network.name),
        "expected": [np.exp(p[:STEPS, 0]).round(6).tolist() for p in (log_p[i] for i in shown)],
        "read": [reader.greedy(log_p[i]) for i in shown],
        "networks": {"RenAIssance": (network, [padded(images[i]) for i in shown],
                                     "Ink of a line, 0 to 255, 36 pixels high -> logits of the blank and of ALPHABET")},
        "wrong": int(sum(wrong[i] for i in others)), "of": sum(len(levelled(lines.y[i])) for i in others),
        "others": len(others),
    }  # fmt: skip
