"""How much faster the lesson's training is than a plain loop: python tests/benchmarks/higgs_training.py

The plain loop is that of the original example: batches of 5 events, one event at a time from the loader, Adam, 20
epochs, a network of fully connected layers on the 28 columns. The same events are then given to the lesson's
network, and the clock stops when it has reached the AUC at which the plain loop ended. In turn, several times.
"""

import argparse
import time

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, predict, seed_everything
from Higgs import data
from Higgs.model import Network, features


class Events(torch.utils.data.Dataset):
    def __init__(self, part):
        self.X, self.y = torch.from_numpy(part.X), torch.from_numpy(part.y.astype("f4"))

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.y[i]


def plain_loop(train, valid, seed, epochs=20):
    """Seconds and final AUC of the plain loop."""
    seed_everything(seed)
    start = time.perf_counter()
    model = nn.Sequential(nn.Linear(28, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters())
    loader = torch.utils.data.DataLoader(Events(train), batch_size=5, shuffle=True)
    for _ in range(epochs):
        model.train()
        for X, y in loader:
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(model(X), y).backward()
            optimizer.step()
        model.eval()
        with torch.inference_mode():
            auc = roc_auc_score(valid.y, model(torch.from_numpy(valid.X)).numpy())
    return time.perf_counter() - start, auc


class Reached(Exception):
    pass


def lesson(train, valid, seed, target):
    """Seconds until the lesson's network, features included, has the target AUC; and that AUC."""
    seed_everything(seed)
    start = time.perf_counter()
    X, X_valid = features(train.X), features(valid.X)
    found = []

    def score(y, prediction):
        found.append(roc_auc_score(y, prediction))
        if found[-1] >= target:
            raise Reached
        return found[-1]

    try:
        fit(
            Network(X), (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), score=score,
            loss=binary_cross_entropy_with_logits, epochs=15, lr=1e-3, weight_decay=1.0, seed=seed, progress=False,
        )
    except Reached:
        return time.perf_counter() - start, found[-1]
    return np.inf, max(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(1)
    train, valid = data.load("train", args.n), data.load("valid", 4_000)
    fit(nn.Linear(28, 1), (train.X[:100], train.y[:100, None].astype("f4")), (valid.X, valid.y[:, None].astype("f4")),
        loss=binary_cross_entropy_with_logits, epochs=1, progress=False)  # fmt: skip  (load everything once)
    predict(nn.Linear(28, 1), valid.X)
    ratios = []
    for seed in range(args.repeats):
        slow, target = plain_loop(train, valid, seed)
        fast, reached = lesson(train, valid, seed, target)
        ratios.append(slow / fast)
        print(
            f"plain loop {slow:.1f} s to AUC {target:.3f}; lesson {fast:.2f} s to {reached:.3f}: "
            f"{ratios[-1]:.0f} times faster",
            flush=True,
        )
    print(f"ratio: median {np.median(ratios):.0f}, from {min(ratios):.0f} to {max(ratios):.0f}")


if __name__ == "__main__":
    main()
