"""The models of the Higgs lesson with other seeds: python tests/benchmarks/higgs_lesson.py [--seeds 3] [--n 12000]

Trees and network of the lesson, on the columns that the lesson gives them, and trees on the features of the network.
The size of the trees and the epoch of the network are chosen on the validation events. Prints the mean AUC on the test
events of the lesson and the standard deviation over the seeds, as the tables of the lesson and its solutions.
"""

import argparse

import lightgbm
import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, predict, seed_everything
from Higgs import data, model

COLUMNS = {"low": lambda X: X[:, :21], "high": lambda X: X[:, 21:], "all": lambda X: X}
FEATURES = {"low": model.low_level_features, "high": model.high_level_features, "all": model.features}


def auc_of_trees(parts, seed):
    """AUC on the last of three pairs (X, y), with the size that is best on the second."""
    train, valid, test = parts
    found = []
    for leaves in (7, 15, 31):
        trees = lightgbm.LGBMClassifier(
            n_estimators=200, learning_rate=0.05, num_leaves=leaves, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.5, random_state=seed, n_jobs=1, verbose=-1, deterministic=True,
        ).fit(*train)  # fmt: skip
        found.append([roc_auc_score(y, trees.predict_proba(X)[:, 1]) for X, y in (valid, test)])
    return max(found)[1]


def auc_of_network(parts, seed):
    """AUC on the last of three pairs (X, y)."""
    train, valid, (X, y) = parts
    seed_everything(seed)
    network = model.Network(train[0])
    fit(network, train, valid, loss=binary_cross_entropy_with_logits, score=roc_auc_score, epochs=15, lr=1e-3,
        weight_decay=1.0, seed=seed, progress=False)  # fmt: skip
    return roc_auc_score(y, predict(network, X))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=12_000, help="training events; beyond 12000 they are simulated")
    parser.add_argument("--only", choices=FEATURES, help="these columns only")
    args = parser.parse_args()
    events = [data.load("train", args.n), data.load("valid", 4000), data.load("test", 4000)]
    rows = [("trees", "columns", COLUMNS, auc_of_trees), ("trees", "features", FEATURES, auc_of_trees),
            ("network", "features", FEATURES, auc_of_network)]  # fmt: skip
    print("| columns | model | AUC |\n|---|---|---|")
    for which in [args.only] if args.only else FEATURES:
        for name, kind, views, auc in rows:
            if (which, kind, name) == ("high", "features", "trees"):
                continue  # trees do not see the logarithm of one column
            parts = [(views[which](part.X), part.y.astype("f4")) for part in events]
            found = [auc(parts, seed) for seed in range(args.seeds)]
            print(f"| {which} | {name} on {kind} | {np.mean(found):.3f} ± {np.std(found, ddof=1):.3f} |", flush=True)


if __name__ == "__main__":
    main()
