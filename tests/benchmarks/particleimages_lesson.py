"""The models of the CNN lesson, more seeds: python tests/benchmarks/particleimages_lesson.py [--seeds 3] [--n 16000]

Trees, CNN and means of two logits: of trees and CNN, and as controls of two seeds of each. The size of the trees and
the epoch of the CNN are chosen on the validation images. Prints the mean AUC on the test images of the lesson, and its
standard deviation over the seeds. With `--scores FILE` it writes what the models of the first seed say to the official
excerpt in the data folder (see `ParticleImages.data`): a row an image, without the image.
"""

import argparse
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, seed_everything
from ParticleImages import data
from ParticleImages.model import CNN, combine, network_input, probability, shower_shapes


def by_trees(parts, seed):
    """Probabilities for all parts (shapes, planes, y) but the first two, with the size that is best on the second."""
    (train, _, y), (valid, _, y_valid), *others = parts
    found = []
    for leaves in (7, 15, 31, 63):
        trees = lightgbm.LGBMClassifier(
            n_estimators=100, learning_rate=0.05, num_leaves=leaves, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.5, random_state=seed, n_jobs=1, verbose=-1, deterministic=True,
        ).fit(train, y)  # fmt: skip
        found.append((roc_auc_score(y_valid, trees.predict_proba(valid)[:, 1]), leaves, trees))
    best = max(found)[2]
    print(f"trees of seed {seed}, AUC on validation:", ", ".join(f"{n} leaves {auc:.4f}" for auc, n, _ in found))
    return [best.predict_proba(shapes)[:, 1] for shapes, _, _ in others]


def by_cnn(parts, seed):
    """Probabilities for all parts (shapes, planes, y) but the first two."""
    train, valid, *others = ((planes, y) for _, planes, y in parts)
    seed_everything(seed)
    cnn = CNN()
    fit(cnn, train, valid, loss=binary_cross_entropy_with_logits, score=roc_auc_score, epochs=6, batch_size=128,
        lr=3e-3, weight_decay=0.05, seed=seed, progress=False)  # fmt: skip
    return [probability(cnn, planes) for planes, _ in others]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n", type=int, default=16_000, help="training images")
    parser.add_argument("--scores", type=Path, help="where to write what the first seed says to the official images")
    args = parser.parse_args()
    parts = [data.load("train", args.n), data.load("valid", 4000), data.load("test", 12_000)]
    excerpt = data.excerpt()
    parts += [] if excerpt is None else [excerpt]
    parts = [(shower_shapes(part.X), network_input(part.X), part.y.astype("f4")) for part in parts]
    trees, cnns = ([by(parts, seed) for seed in range(args.seeds + 1)] for by in (by_trees, by_cnn))
    if args.scores:
        table = pd.DataFrame({"electron": excerpt.y, "trees": trees[0][1], "CNN": cnns[0][1]})
        table.round(4).to_csv(args.scores, index=False)
    for number, (*_, y) in enumerate(parts[2:]):
        t, c = ([each[number] for each in model] for model in (trees, cnns))
        rows = {
            "trees": t[:-1], "CNN": c[:-1],
            "two trees": list(map(combine, t, t[1:])), "two CNNs": list(map(combine, c, c[1:])),
            "trees and CNN": list(map(combine, t[:-1], c)),
        }  # fmt: skip
        print(f"\n{len(y):,} images\n| model | AUC |\n|---|---|")
        for name, found in rows.items():
            aucs = [roc_auc_score(y, p) for p in found]
            print(f"| {name} | {np.mean(aucs):.4f} ± {np.std(aucs, ddof=1):.4f} |")


if __name__ == "__main__":
    main()
