"""Training a reader on lines: on simulated ones from scratch, and further on those of one book.

    python -m RenAIssance.train --minutes 12 --out READER.pt   # the shipped one took five rounds: NOTES.md
"""

import argparse
import copy
import itertools
import math
import time

import numpy as np
import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR

from common.files import check_writable
from common.progress import progress_bar
from common.training import History, keep_memory, seed_everything
from RenAIssance import metrics, press, presses, simulate, transcription
from RenAIssance.lines import HEIGHT
from RenAIssance.model import STRIDE, Reader, ctc_loss, encode, load, read, save, steps_of

BENT = 0.6  # pixels by which letters are moved, as a standard deviation


def batch_of(lines, texts):
    """Lines of about one width as a tensor (n, 36, width), how many steps of each are its own, and their codes."""
    steps = np.array([steps_of(line.shape[1]) for line in lines])
    X = np.zeros((len(lines), HEIGHT, steps.max() * STRIDE), np.uint8)
    for i, line in enumerate(lines):
        X[i, :, : line.shape[1]] = line
    return torch.from_numpy(X), torch.from_numpy(steps), torch.from_numpy(encode(texts))


def augment(X, rng):
    """Small changes of lines (n, 36, width) of ink, as if of another type: bent, heavier or lighter, noisy."""
    X = _bent(X.float() / 255, rng)
    X = X ** float(np.exp(rng.normal(0, 0.25)))
    return (X + float(rng.uniform(0, 0.06)) * torch.from_numpy(
        rng.standard_normal(X.shape, dtype=np.float32))).clamp(0, 1)


def _bent(X, rng):
    """Each line at a slightly other size and place, its letters bent by smooth shifts of about `BENT` pixels."""
    n, height, width = X.shape
    coarse = rng.standard_normal((n, 2, 4, max(2, width // 14)), dtype=np.float32) * BENT
    coarse[:, 0] += rng.normal(0, 0.6, (n, 1, 1))  # up or down
    shift = nn.functional.interpolate(torch.from_numpy(coarse), (height, width), mode="bilinear", align_corners=True)
    size = torch.from_numpy(1 + rng.normal(0, 0.03, (n, 1, 1)).astype(np.float32))
    rows = size * torch.linspace(-1, 1, height)[:, None] + shift[:, 0] * (2 / height)
    columns = torch.linspace(-1, 1, width).expand(n, height, width) + shift[:, 1] * (2 / width)
    grid = torch.stack([columns, rows], dim=3)
    return nn.functional.grid_sample(X[:, None], grid, align_corners=True)[:, 0]


def ruled(line, rng):
    """A line with a piece of the page's frame: an upright rule, thin and broken, beside its first or last letter.

    Parameters
    ----------
    line : ndarray of uint8, shape (36, width)
        Ink.
    rng : numpy.random.Generator
    """
    height, width = line.shape
    inked = np.flatnonzero((line > 127).any(axis=0))
    if not len(inked):
        return line
    gap = rng.uniform(-1, 6)  # pixels; below 0 it touches the letter
    at = inked[-1] + gap if rng.random() < 0.3 else inked[0] - gap
    at = at + rng.normal(0, 0.03) * (np.arange(height) - height / 2) + rng.normal(0, 0.25, height)
    whole = press.smooth_noise((height, 1), 8, rng) > rng.normal(-0.2, 0.7)
    ink = np.clip(rng.uniform(1, 2.6) / 2 + 0.5 - abs(np.arange(width) - at[:, None]), 0, 1)
    return np.maximum(line, (255 * ink * whole).astype(np.uint8))


def step(network, optimizer, images, texts, rng):
    """One step of training on a batch of lines; returns its loss."""
    X, steps, codes = batch_of(images, texts)
    network.train()
    loss = ctc_loss(network(augment(X, rng)), codes, steps)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    return loss.item()


def unpadded(dataset):
    """The lines of a data set of lines without the paper that fills them up, and their texts."""
    return [x[:, :w] for x, w in zip(dataset.X, dataset.meta["width"], strict=True)], dataset.y


def fresh_lines(seed, pool=400, pairs=None, **options):
    """Simulated lines without end, (lines, texts) of `pool` each.

    Parameters
    ----------
    seed, pool : int
    pairs : sequence of (press.Face, press.Face), optional
        Roman and italic type of other presses: half of the lines are then theirs, see `presses.lines`.
    **options
        Options of `simulate.lines`.
    """
    for i in itertools.count():
        if pairs is None:
            yield unpadded(simulate.lines(pool, (seed, i), **options))
        else:
            book, others = simulate.lines(pool // 2, (seed, i), **options), presses.lines(pool // 2, (seed, i), pairs)
            (lines, texts), (more, their_texts) = unpadded(book), unpadded(others)
            yield [*lines, *more], [*texts, *their_texts]


def train_simulated(minutes, seed=0, batch=16, lr=2.5e-3, start=None, report=print, **options):
    """A reader trained on simulated lines, each seen once, for so many minutes of CPU time.

    AdamW with a warm-up and a cosine; lines of like width share a batch; the first batches are short lines, from which
    a network finds out sooner that there are letters at all.

    Parameters
    ----------
    minutes : float
    seed, batch : int
    lr : float
        Learning rate at the top of the cosine.
    start : Reader, optional
        One that has learned before goes on.
    report : callable str -> None
    **options
        Options of `fresh_lines`.

    Returns
    -------
    Reader
    """
    seed_everything(seed)
    keep_memory()
    rng = np.random.default_rng(seed)
    model = Reader() if start is None else start
    optimizer = AdamW(model.parameters(), lr=lr, weight_decay=1e-2)
    begin, seen, told = time.process_time(), 0, 0
    for lines, texts in fresh_lines(seed, **options):
        order = np.argsort([line.shape[1] for line in lines], kind="stable")
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
        if seen:
            rng.shuffle(batches)
        losses = []
        for rows in batches:
            share = (time.process_time() - begin) / (60 * minutes)
            if share >= 1:
                return model.eval()
            rate = lr * min(1, (seen + 64) / 1000) * (0.5 + 0.5 * math.cos(math.pi * share))
            for group in optimizer.param_groups:
                group["lr"] = rate
            losses.append(step(model, optimizer, [lines[i] for i in rows], [texts[i] for i in rows], rng))
            seen += len(rows)
        told += 1
        if told % 4 == 0:
            report(f"{60 * minutes * share:5.0f} s  {seen:6d} lines  loss {np.mean(losses):.3f}")


def learning_lines(pages, texts, readings):
    """Lines whose text is known: those of transcribed pages, aligned; doubtful ones are left out.

    Parameters
    ----------
    pages : list of list of ndarray
        From `reading.cut`.
    texts : list of str
        Their transcription.
    readings : list of list of str
        What the shipped reader makes of them.

    Returns
    -------
    lines : list of ndarray
    texts : list of str
    errors : ndarray
        How far text and reading differ, of all lines, kept or not.
    """
    kept, errors = [], []
    for images, text, reading in zip(pages, texts, readings, strict=True):
        aligned = transcription.align(transcription.simplified(text), reading)
        errors += [line.error for line in aligned]
        kept += [(image, line.text) for image, line in zip(images, aligned, strict=True) if not line.doubtful]
    return [image for image, _ in kept], [text for _, text in kept], np.array(errors)


def adapt(network, images, texts, valid, *, epochs=6, batch=8, lr=2e-3,
          simulated=0, rules=0.2, kept=0.1, seed=0, progress=True):
    """A copy of a reader that has learned from lines of one book.

    Parameters
    ----------
    network : Reader
    images : list of ndarray of uint8, shape (36, width)
    texts : list of str
    valid : tuple (lines, texts)
        Looked at after each epoch, never learned from.
    epochs, batch : int
    lr : float
        Learning rate of AdamW at the start; it falls to 0 as a cosine.
    simulated : int
        Simulated lines that are mixed in, so that rare characters are not forgotten.
    rules : float
        Share of the lines that get a piece of a rule beside them; see `ruled`.
    kept : float
        Share of the given weights in those of the result, which is their mean with the learned ones: few lines teach a
        reader their own noise, too.
    seed : int

    Returns
    -------
    model : Reader
    History
        Its validation score is minus the character error rate.

    References
    ----------
    M. Wortsman et al., Proc. CVPR 2022, arXiv:2109.01903 (means of weights before and after fine-tuning).
    """
    if not len(images) or len(images) != len(texts):
        raise ValueError(f"{len(images)} lines and {len(texts)} texts: "
                         "give one text a line, and at least one")
    torch.manual_seed(seed)
    keep_memory()  # PyTorch keeps what it freed: faster
    rng = np.random.default_rng(seed)
    if simulated:
        # (seed, 77): lines that nothing else here has seen
        more, their_texts = unpadded(simulate.lines(simulated, (seed, 77)))
        images, texts = [*images, *more], [*texts, *their_texts]
    given, network = network, copy.deepcopy(network)
    optimizer = AdamW(network.parameters(), lr=lr, weight_decay=1e-2)
    n_batches = -(-len(images) // batch)  # rounded up
    # The learning rate falls to 0 like a cosine.
    schedule = CosineAnnealingLR(optimizer, epochs * n_batches)
    history = History()
    with progress_bar(total=epochs * n_batches, desc="adapting", unit="batch",
                      disable=not progress) as bar:
        for epoch in range(epochs):
            losses = []
            for rows in batches_of_like_width(images, n_batches, rng):
                seen = [ruled(images[i], rng) if rng.random() < rules
                        else images[i] for i in rows]
                true = [texts[i] for i in rows]
                losses.append(step(network, optimizer, seen, true, rng))
                schedule.step()
                bar.update(1)
            history.train_loss.append(float(np.mean(losses)))
            rates = metrics.error_rates(valid[1], read(network, valid[0]))
            history.valid_score.append(-rates["CER"])  # larger is better
            history.best_epoch = epoch  # the last: few pages cannot choose
    return mean_of_weights(network, given, kept), history


def batches_of_like_width(lines, n, rng):
    """Places of the lines in n batches, lines of like width together, in a new random order at each call."""
    width = np.array([line.shape[1] for line in lines]) * rng.uniform(0.97, 1.03, len(lines))
    batches = list(np.array_split(np.argsort(width), n))
    rng.shuffle(batches)
    return batches


def mean_of_weights(model, given, kept):
    """The model with the weighted mean of its weights and those of `given`, of which it takes the share `kept`."""
    before = given.state_dict()
    mixed = {name: torch.lerp(value, before[name], kept) if value.is_floating_point() else value
             for name, value in model.state_dict().items()}
    model.load_state_dict(mixed)
    return model.eval()


def main():
    parser = argparse.ArgumentParser(prog="python -m RenAIssance.train")
    parser.add_argument("--minutes", type=float, default=12, help="CPU time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=2.5e-3, help="at the top of the cosine")
    parser.add_argument("--start", help="stored reader that goes on learning")
    parser.add_argument("--out", required=True)
    parser.add_argument("--type", help="folder with NAME-Regular.ttf and NAME-Italic.ttf, for half of the lines")
    args = parser.parse_args()
    if not 0 < args.minutes < math.inf:
        parser.error(f"--minutes {args.minutes:g}: give a number above 0")
    if args.seed < 0:
        parser.error(f"--seed {args.seed}: give 0 or more")
    torch.set_num_threads(1)
    try:
        check_writable(args.out)
        pairs = presses.pairs_in(args.type) + presses.PAIRS if args.type else None
        start = load(args.start) if args.start else None
    except (ValueError, OSError) as error:
        parser.error(str(error))
    model = train_simulated(args.minutes, args.seed, lr=args.lr, start=start, pairs=pairs,
                            report=lambda line: print(line, flush=True))
    save(model, args.out)
    test = simulate.lines(200, (args.seed, 10**6))
    lines, texts = unpadded(test)
    print(metrics.error_rates(texts, read(model, lines)))


if __name__ == "__main__":
    main()
