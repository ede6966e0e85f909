"""The models of the Higgs lesson with other seeds: python tests/benchmarks/higgs_lesson.py [--seeds 3] [--n 12000]

Trees and network of the lesson, on the columns that the lesson gives them, and trees on the features of the network;
"+ pair" adds one feature, the mass of the two tagged jets where both are among the four listed ones (0 elsewhere).
The size of the trees and the epoch of the network are chosen on the validation events. Prints the mean AUC on the test
events of the lesson and the standard deviation over the seeds, as the tables of the lesson and its notes: for all
events, for those with both tagged jets listed, and for the others.
"""

import argparse

import lightgbm
import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, predict, seed_everything
from Higgs import data, model
from Higgs.columns import JET_TAGS, columns, momenta
from Higgs.simulate import mass, massless


def both_listed(X):
    """Are both tagged jets among the four listed ones? (n,)"""
    return (columns(X, JET_TAGS) > 0).sum(axis=1) == 2


def with_pair(features):
    """Features and one more: the logarithm of the mass of the tagged pair + 1, 0 where it is not listed."""

    def more(X):
        p4 = massless(*(values[:, 2:] for values in momenta(X))) * (columns(X, JET_TAGS) > 0)[..., None]
        pair = np.where(both_listed(X), np.log(mass(p4.sum(axis=1)) + 1), 0)
        return np.column_stack([features(X), pair]).astype(np.float32)

    return more


COLUMNS = {"low": lambda X: X[:, :21], "high": lambda X: X[:, 21:], "all": lambda X: X}
FEATURES = {"low": model.low_level_features, "high": model.high_level_features, "all": model.features,
            "low + pair": with_pair(model.low_level_features), "all + pair": with_pair(model.features)}  # fmt: skip


def score_of_trees(parts, seed):
    """Score of the last of three pairs (X, y), with the size that is best on the second."""
    train, valid, test = parts
    found = []
    for leaves in (7, 15, 31):
        trees = lightgbm.LGBMClassifier(
            n_estimators=200, learning_rate=0.05, num_leaves=leaves, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.5, random_state=seed, n_jobs=1, verbose=-1, deterministic=True,
        ).fit(*train)  # fmt: skip
        found.append((roc_auc_score(valid[1], trees.predict_proba(valid[0])[:, 1]), trees))
    return max(found, key=lambda pair: pair[0])[1].predict_proba(test[0])[:, 1]


def score_of_network(parts, seed):
    """Score of the last of three pairs (X, y)."""
    train, valid, test = parts
    seed_everything(seed)
    network = model.Network(train[0])
    fit(network, train, valid, loss=binary_cross_entropy_with_logits, score=roc_auc_score, epochs=15, lr=1e-3,
        weight_decay=1.0, seed=seed, progress=False)  # fmt: skip
    return predict(network, test[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=12_000, help="training events; beyond 12000 they are simulated")
    parser.add_argument("--only", choices=FEATURES, help="these columns only")
    args = parser.parse_args()
    events = [data.load("train", args.n), data.load("valid", 4000), data.load("test", 4000)]
    y, listed = events[2].y, both_listed(events[2].X)
    rows = [("trees", "columns", COLUMNS, score_of_trees), ("trees", "features", FEATURES, score_of_trees),
            ("network", "features", FEATURES, score_of_network)]  # fmt: skip
    print(f"| columns | model | AUC | both tagged jets listed ({listed.sum():,}) | not both ({(~listed).sum():,}) |")
    print("|---|---|---|---|---|")
    for which in [args.only] if args.only else FEATURES:
        for name, kind, views, score in rows:
            if which not in views or (which, kind, name) == ("high", "features", "trees"):
                continue  # trees do not see the logarithm of one column
            parts = [(views[which](part.X), part.y.astype("f4")) for part in events]
            scores = [score(parts, seed) for seed in range(args.seeds)]
            cells = []
            for these in (listed | True, listed, ~listed):
                found = [roc_auc_score(y[these], values[these]) for values in scores]
                cells.append(f"{np.mean(found):.3f} ± {np.std(found, ddof=1):.3f}")
            print(f"| {which} | {name} on {kind} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
