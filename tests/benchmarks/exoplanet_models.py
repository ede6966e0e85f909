"""The models of the Exoplanet challenge, on simulated images: python tests/benchmarks/exoplanet_models.py [--n N]

Trees on polar residual features and networks of several seeds, trained on the same images; AUC by run and by image of
the test set, and the 95 % range of the difference by run, from copies of the test set (bootstrap over runs).
--samples FOLDER, with recovered_disks.npz and recovered_labels.csv, asks the networks about official images.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

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
    parser.add_argument("--seeds", type=int, default=1, help="networks; intervals and masses are those of the first")
    parser.add_argument("--samples", type=Path)
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

    seen = {name: model.views(part.X) for name, part in (("train", train), ("valid", valid), ("test", test))}
    real = official(options.samples)
    networks, told = [], []
    for seed in range(options.seeds):
        start = time.process_time()
        seed_everything(seed)
        network = model.Network(options.width)
        fit(
            network, (seen["train"], train.y.astype("f4")), (seen["valid"], valid.y.astype("f4")),
            loss=binary_cross_entropy_with_logits, score=roc_auc_score, epochs=options.epochs, batch_size=64, lr=3e-3,
            weight_decay=0.05, augment=model.turn_and_flip, seed=seed, progress=False,
        )  # fmt: skip
        seconds.setdefault("network", time.process_time() - start)
        networks.append(model.sigmoid(model.logits(network, seen["test"], turns=4)))
        if real is not None:
            told.append(model.sigmoid(model.logits(network, model.views(real.X), turns=4)))
    scores["network"] = networks[0]

    truth = truth_by_run(test.y, test.meta["run"])
    runs = {name: by_run(truth, p) for name, p in scores.items()}
    label = runs["trees"][0]
    print(f"{len(train)} training images, {len(test)} test images of {len(label)} runs")
    for name, p in scores.items():
        auc, image = roc_auc_score(*runs[name]), roc_auc_score(test.y, p)
        print(f"  {name:8} AUC by run {auc:.4f}, by image {image:.4f}, {seconds[name]:.0f} s of one processor")
    aucs = [roc_auc_score(*by_run(truth, p)) for p in networks]
    print(f"  networks, AUC by run: {', '.join(f'{auc:.4f}' for auc in aucs)}")
    first, second = bootstrap(roc_auc_score, label, runs["trees"][1], runs["network"][1])
    low, high = np.quantile(second - first, [0.025, 0.975])
    print(f"  difference by run {low:+.4f} to {high:+.4f} (95 %)")
    heaviest = test.meta["masses"].max(1) / 9.543e-4
    for low, high in ((0, 0.05), (0.05, 0.15), (0.15, 0.5), (0.5, 1.5), (1.5, 6)):
        rows = (test.y == 0) | ((heaviest > low) & (heaviest <= high))
        aucs = ", ".join(f"{name} {roc_auc_score(test.y[rows], p[rows]):.3f}" for name, p in scores.items())
        print(f"  heaviest planet {low} to {high} Jupiter masses: AUC by image: {aucs}")
    if real is not None:
        for name, y, p in zip(real.meta["name"], real.y, np.transpose(told), strict=True):
            print(f"  {name}, planets: {'yes' if y else 'no'}: {', '.join(f'{value:.2f}' for value in p)}")


def official(folder):
    """The recovered official images in a folder, or None."""
    if folder is None:
        return None
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "Exoplanet").symlink_to(folder.resolve())
        os.environ["DEEPLEARN_DATA"] = home
        return data.recovered()


if __name__ == "__main__":
    main()
