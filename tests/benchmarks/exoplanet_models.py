"""The models of the Exoplanet challenge, on simulated images: python tests/benchmarks/exoplanet_models.py [--n N]

Trees on polar residual features and the network, trained on the same images; AUC by run and by image of the test set,
and the 95 % range of the difference by run, from copies of the test set (bootstrap over runs).
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.metrics import bootstrap
from common.training import fit, seed_everything
from Exoplanet import data, model
from Exoplanet.challenge import by_run, truth_by_run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=3000, help="training images")
    parser.add_argument("--n-test", type=int, default=3000, help="test images")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--width", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    train, valid, test = (
        data.load(split, n) for split, n in (("train", options.n), ("valid", 800), ("test", options.n_test))
    )
    scores, seconds = {}, {}
    start = time.process_time()
    trees = model.boosted_trees(300).fit(pd.DataFrame(model.features(train.X)), train.y)
    scores["trees"] = trees.predict_proba(pd.DataFrame(model.features(test.X)))[:, 1]
    seconds["trees"] = time.process_time() - start

    start = time.process_time()
    seen = {part: model.views(images.X) for part, images in (("train", train), ("valid", valid))}
    seed_everything(0)
    network = model.Network(options.width)
    history = fit(
        network, (seen["train"], train.y.astype("f4")), (seen["valid"], valid.y.astype("f4")),
        loss=binary_cross_entropy_with_logits, score=roc_auc_score, epochs=options.epochs, batch_size=64, lr=3e-3,
        weight_decay=0.05, augment=model.turn_and_flip, progress=False,
    )  # fmt: skip
    seconds["network"] = time.process_time() - start
    scores["network"] = model.sigmoid(model.logits(network, model.views(test.X), turns=4))

    truth = truth_by_run(test.y, test.meta["run"])
    runs = {name: by_run(truth, p) for name, p in scores.items()}
    label = runs["trees"][0]
    print(f"{len(train)} training images, {len(test)} test images of {len(label)} runs")
    print(f"  network on validation, by image: {history.best_score:.4f}")
    for name, p in scores.items():
        auc, image = roc_auc_score(*runs[name]), roc_auc_score(test.y, p)
        print(f"  {name:8} AUC by run {auc:.4f}, by image {image:.4f}, {seconds[name]:.0f} s of one processor")
    first, second = bootstrap(roc_auc_score, label, runs["trees"][1], runs["network"][1])
    low, high = np.quantile(second - first, [0.025, 0.975])
    print(f"  difference by run {low:+.4f} to {high:+.4f} (95 %)")
    heaviest = test.meta["masses"].max(1) / 9.543e-4
    for low, high in ((0, 0.05), (0.05, 0.15), (0.15, 0.5), (0.5, 1.5), (1.5, 6)):
        rows = (test.y == 0) | ((heaviest > low) & (heaviest <= high))
        aucs = ", ".join(f"{name} {roc_auc_score(test.y[rows], p[rows]):.3f}" for name, p in scores.items())
        print(f"  heaviest planet {low} to {high} Jupiter masses: AUC by image: {aucs}")


if __name__ == "__main__":
    main()
