"""Training a reader on lines: the loop, and the command that makes the shipped reader from simulated lines alone.

    python -m RenAIssance.train --minutes 12 --out RenAIssance/reader.pt
"""

import argparse
import math
import time

import numpy as np
import torch

from common.training import seed_everything
from RenAIssance import metrics, simulate
from RenAIssance.lines import HEIGHT
from RenAIssance.model import STRIDE, Reader, ctc_loss, encode, read, save


def batch_of(lines, texts):
    """Lines of about one width as a tensor (n, 36, width), and their codes."""
    width = -(-max(line.shape[1] for line in lines) // STRIDE) * STRIDE
    X = np.zeros((len(lines), HEIGHT, width), np.uint8)
    for i, line in enumerate(lines):
        X[i, :, : line.shape[1]] = line
    return torch.from_numpy(X), torch.from_numpy(encode(texts))


def augment(X, rng):
    """Small changes of lines (n, 36, width) of ink: moved up or down by a pixel, heavier or lighter, noisy."""
    X = X.float() / 255
    X = torch.roll(X, int(rng.integers(-1, 2)), 1)
    X = X ** float(np.exp(rng.normal(0, 0.25)))
    return (X + float(rng.uniform(0, 0.06)) * torch.from_numpy(
        rng.standard_normal(X.shape, dtype=np.float32))).clamp(0, 1)


def step(model, optimizer, lines, texts, rng):
    """One step of training on a batch of lines; returns its loss."""
    X, codes = batch_of(lines, texts)
    model.train()
    loss = ctc_loss(model(augment(X, rng)), codes)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    return loss.item()


def fresh_lines(seed, pool=400, **options):
    """Simulated lines without end, (lines, texts) of `pool` each, short ones first in the first pool."""
    i = 0
    while True:
        data = simulate.lines(pool, (seed, i), **options)
        yield [x[:, :w] for x, w in zip(data.X, data.meta["width"], strict=True)], data.y
        i += 1


def train_simulated(minutes, seed=0, batch=16, lr=2.5e-3, report=print, **options):
    """A reader trained on simulated lines, each seen once, for so many minutes of CPU time.

    AdamW with a warm-up and a cosine; lines of like width share a batch; the first batches are short lines, from which
    a network finds out sooner that there are letters at all.

    Returns
    -------
    Reader
    """
    seed_everything(seed)
    rng = np.random.default_rng(seed)
    model = Reader()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-2)
    start, seen, told = time.process_time(), 0, 0
    for lines, texts in fresh_lines(seed, **options):
        order = np.argsort([line.shape[1] for line in lines], kind="stable")
        batches = [order[i : i + batch] for i in range(0, len(order), batch)]
        if seen:
            rng.shuffle(batches)
        losses = []
        for rows in batches:
            share = (time.process_time() - start) / (60 * minutes)
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


def main():
    parser = argparse.ArgumentParser(prog="python -m RenAIssance.train")
    parser.add_argument("--minutes", type=float, default=12, help="CPU time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = train_simulated(args.minutes, args.seed, report=lambda line: print(line, flush=True))
    save(model, args.out)
    test = simulate.lines(200, (args.seed, 10**6))
    lines = [x[:, :w] for x, w in zip(test.X, test.meta["width"], strict=True)]
    print(metrics.error_rates(test.y, read(model, lines)))


if __name__ == "__main__":
    main()
