"""The network against LightGBM on the same events: python tests/benchmarks/higgs_models.py [--n 200000] [--seeds 3]

Both see all 28 columns of the same training events. LightGBM gets the best of three tree sizes (chosen with the first
seed) on the validation events, and stops early there; the network keeps its best epoch there. The test events are
used once.
Events come from the stream (and are kept), or from files with X and y that `python -m Higgs.data simulate` wrote.
"""

import argparse
import time

import lightgbm
import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.metrics import bootstrap
from common.training import fit, predict, seed_everything
from Higgs import data
from Higgs.model import Network, features


def train_trees(train, valid, seed, sizes):
    def model(leaves):
        return lightgbm.LGBMClassifier(
            n_estimators=2000, learning_rate=0.05, num_leaves=leaves, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.7, random_state=seed, verbose=-1,
        ).fit(*train, eval_set=[valid], eval_metric="auc", callbacks=[lightgbm.early_stopping(50, verbose=False)])

    models = [model(leaves) for leaves in sizes]
    return max(models, key=lambda m: roc_auc_score(valid[1], m.predict_proba(valid[0])[:, 1]))


def train_network(train, valid, seed, width, blocks, dropout, epochs):
    seed_everything(seed)
    model = Network(train[0][:50_000], width, blocks, dropout, bins=16)
    history = fit(
        model, train, valid, loss=binary_cross_entropy_with_logits, score=roc_auc_score, seed=seed,
        epochs=epochs, batch_size=512, lr=1e-3, weight_decay=0.1, progress=False,
    )
    return model, history


def events(path, split, n):
    if path is None:
        return data.load(split, n)
    with np.load(path) as stored:
        return data.Dataset(stored["X"], stored["y"])[:n]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=200_000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--train", help=".npz with X and y")
    parser.add_argument("--test", help=".npz with X and y; the first half validates, the second tests")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--blocks", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=5)
    args = parser.parse_args()

    train = events(args.train, "train", args.n)
    if args.test is None:
        valid, test = events(None, "valid", 20_000), events(None, "test", 20_000)
    else:
        both = events(args.test, "test", None)
        valid, test = both[: len(both) // 2], both[len(both) // 2 :]
    print(f"{len(train)} training, {len(valid)} validation, {len(test)} test events")
    X = {name: features(part.X) for name, part in [("train", train), ("valid", valid), ("test", test)]}
    y = {name: part.y.astype("f4") for name, part in [("train", train), ("valid", valid), ("test", test)]}

    sizes = (31, 63, 127)
    for seed in range(args.seeds):
        start = time.perf_counter()
        trees = train_trees((train.X, train.y), (valid.X, valid.y), seed, sizes)
        sizes = (trees.num_leaves,)  # the best of the first seed
        middle = time.perf_counter()
        network, history = train_network(
            (X["train"], y["train"]), (X["valid"], y["valid"]), seed,
            args.width, args.blocks, args.dropout, args.epochs,
        )
        end = time.perf_counter()
        scores = trees.predict_proba(test.X)[:, 1], predict(network, X["test"])
        copies = bootstrap(roc_auc_score, test.y, *scores)
        low, high = np.quantile(copies[1] - copies[0], [0.025, 0.975])
        aucs = [roc_auc_score(test.y, score) for score in scores]
        print(
            f"seed {seed}: LightGBM {aucs[0]:.4f} ({trees.num_leaves} leaves, {trees.best_iteration_} trees, "
            f"{middle - start:.0f} s)  network {aucs[1]:.4f} (epoch {history.best_epoch + 1}, {end - middle:.0f} s)  "
            f"difference {aucs[1] - aucs[0]:+.4f}, 95 % {low:+.4f} to {high:+.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
