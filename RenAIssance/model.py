"""The reader: a small convolutional and recurrent network trained with CTC, and how its output becomes text.

References
----------
B. Shi, X. Bai and C. Yao, IEEE Trans. Pattern Anal. 39 (2017) 2298, arXiv:1507.05717 (CRNN).
A. Graves et al., Proc. ICML 2006 (connectionist temporal classification, CTC).
"""

import io
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn

from common.files import atomic_write
from RenAIssance.lines import HEIGHT
from RenAIssance.spelling import ALPHABET

CODES = {character: i + 1 for i, character in enumerate(ALPHABET)}  # 0 is the blank of CTC
SHIPPED = Path(__file__).with_name("reader.pt")
MAX_BYTES = 1_000_000  # of a stored model
STRIDE = 4  # pixels between two outputs
WIDEST = 5000  # pixels of a line that is read: `lines.normalise` makes none that is wider
MARGIN = 8  # pixels of paper after a line: the network may name its last letter late


class Reader(nn.Module):
    """Images of lines to logits of characters, a row for every 4 pixels.

    Five convolutions look at strokes and letters, a bidirectional LSTM at their neighbours.

    Parameters
    ----------
    channels : tuple of 5 int
    hidden : int
        Width of the LSTM, each way.
    """

    def __init__(self, channels=(16, 32, 64, 64, 96), hidden=112):
        super().__init__()
        layers, previous = [], 1
        pools = {1: nn.MaxPool2d(2), 2: nn.MaxPool2d((3, 1))}
        for i, width in enumerate(channels):
            # The first one halves the image: at full resolution it takes
            # three times as long.
            size, step = (3, 1) if i else (5, 2)
            layers += [nn.Conv2d(previous, width, size, step, size // 2,
                                 bias=False)]
            layers += [nn.BatchNorm2d(width), nn.ReLU()]
            layers += [pools[i]] if i in pools else []
            previous = width
        look = nn.Sequential(*layers)  # to (n, 96, 3, width / 4)
        # Channels last in memory: the same numbers, and faster.
        self.look = look.to(memory_format=torch.channels_last)
        flat = previous * (HEIGHT // 12)  # 3 rows are left
        self.squeeze = nn.Sequential(nn.Conv1d(flat, hidden, 1, bias=False),
                                     nn.BatchNorm1d(hidden), nn.ReLU())
        self.dropout = nn.Dropout(0.1)
        self.recur = nn.LSTM(hidden, hidden, bidirectional=True,
                             batch_first=True)
        self.name = nn.Linear(2 * hidden, len(ALPHABET) + 1)

    def forward(self, lines):
        """Logits (n, width / 4, characters) of lines (n, 36, width)."""
        x = lines[:, None]  # ink, 0 to 255 or 0 to 1
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        x = self.look(x)
        x = self.squeeze(x.flatten(1, 2)).transpose(1, 2)
        return self.name(self.recur(self.dropout(x))[0].float())


def steps_of(width):
    """How many rows of logits a line of so many pixels has, the paper after it included."""
    return math.ceil((width + MARGIN) / STRIDE)


def encode(texts):
    """Texts as numbers for CTC, padded with 0.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    ndarray of int64, shape (n, longest)

    Raises
    ------
    ValueError
        A text has a character that the network cannot write.
    """
    codes = np.zeros((len(texts), max(map(len, texts), default=0)), np.int64)
    for i, text in enumerate(texts):
        try:
            codes[i, : len(text)] = [CODES[c] for c in text]
        except KeyError as error:
            raise ValueError(
                f"unknown character {error.args[0]!r} in {text!r}: the reader writes {ALPHABET!r}; "
                "see RenAIssance.transcription.simplified"
            ) from None
    return codes


def ctc_loss(logits, codes, steps):
    """Mean over lines of the CTC loss for each character.

    Parameters
    ----------
    logits : tensor of shape (n, steps, characters)
    codes : integer tensor of shape (n, longest)
        From `encode`.
    steps : integer tensor of shape (n,)
        How many steps of each line count: a letter may not be named on the paper that fills up a batch.
    """
    lengths = (codes > 0).sum(1)
    log_p = logits.log_softmax(2).transpose(0, 1)
    losses = nn.functional.ctc_loss(log_p, codes, steps, lengths,
                                    reduction="none", zero_infinity=True)
    return (losses / lengths.clamp(min=1)).mean()


def log_probabilities(model, lines, batch=32):
    """Log-probabilities of characters for each line; lines of like width are read together.

    Parameters
    ----------
    model : Reader
    lines : sequence of ndarray of uint8, shape (36, width)

    Returns
    -------
    list of ndarray of float32, shape (steps, characters)
        At least width / 4 + 2 steps.

    Raises
    ------
    ValueError
        A line of another height, without width, or wider than WIDEST.
    """
    for line in lines:
        if line.ndim != 2 or line.shape[0] != HEIGHT or not 0 < line.shape[1] <= WIDEST:
            raise ValueError(f"the reader takes lines of shape ({HEIGHT}, 1 to {WIDEST}), not {line.shape}: see "
                             "RenAIssance.lines.normalise")  # fmt: skip
    width = np.array([line.shape[1] for line in lines])
    order = np.argsort(width, kind="stable")
    out = [None] * len(lines)
    model.eval()
    with torch.inference_mode():
        # Widths in one batch differ by less than 16 pixels: much paper after a line looks like the end of a paragraph.
        groups = np.split(order, np.flatnonzero(np.diff(width[order] // 16)) + 1)
        batches = [group[i : i + batch] for group in groups for i in range(0, len(group), batch)]
        for rows in batches:
            X = np.zeros((len(rows), HEIGHT, steps_of(width[rows[-1]]) * STRIDE), np.uint8)
            for k, i in enumerate(rows):
                X[k, :, : width[i]] = lines[i]
            log_p = model(torch.from_numpy(X)).log_softmax(2).numpy()
            for k, i in enumerate(rows):
                out[i] = log_p[k]
    return out


def greedy(log_p):
    """The most probable character at each step, repetitions and blanks removed.

    Parameters
    ----------
    log_p : ndarray of shape (steps, characters)
    """
    best = log_p.argmax(1)
    kept = best[(best != 0) & np.concatenate([[True], best[1:] != best[:-1]])]
    return "".join(ALPHABET[i - 1] for i in kept).strip()


def read(model, lines):
    """The text of lines, decoded greedily: list of str. Parameters as in `log_probabilities`."""
    return [greedy(log_p) for log_p in log_probabilities(model, lines)]


def save(model, path):
    """Write the weights in half precision."""
    weights = {
        name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()
    }
    with atomic_write(path) as temporary:
        torch.save(weights, temporary)


def load(path=SHIPPED):
    """A reader from stored weights.

    Parameters
    ----------
    path : path-like
        Default: the shipped reader, which has seen simulated lines only.

    Raises
    ------
    ValueError
        Missing, too large, or not the weights of a Reader. Nothing in the file is executed.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path} has more than {MAX_BYTES:,} bytes: not a stored reader")
        weights = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        model = Reader()
        model.load_state_dict({name: value.float() if value.is_floating_point() else value
                               for name, value in weights.items()})
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError:
        raise
    except Exception as error:  # torch raises many kinds for a file that is not its own
        raise ValueError(f"{path} does not hold the weights of a reader: {type(error).__name__}") from error
    return model.eval()
