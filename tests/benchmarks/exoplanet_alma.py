"""What networks trained on simulated ALMA images say of real ones: python tests/benchmarks/exoplanet_alma.py SAMPLES

SAMPLES is a folder with AS_209.npy and GW_Lup.npy, 64 x 64 pixels from 0 to 1. Several networks that differ in their
seeds are trained on the same images; for each real disk the probabilities of a planet, and how many simulated disks
without planets get a higher one. --picture writes images and probabilities to a file.
"""

import argparse
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.plotting import use_style
from common.training import fit, seed_everything
from Exoplanet import data, model
from Exoplanet.challenge import by_run, truth_by_run

ALMA_VIEW = {"stretch": model.asinh, "share": 0.06}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--n", type=int, default=2000, help="training images")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--networks", type=int, default=4)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts = {
        split: data.load(split, n, task="alma")
        for split, n in (("train", options.n), ("valid", 400), ("test", 1000))
    }
    seen = {split: model.views(part.X, **ALMA_VIEW) for split, part in parts.items()}
    y = {split: part.y.astype("f4") for split, part in parts.items()}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Exoplanet").symlink_to(options.samples.resolve())
        os.environ["DEEPLEARN_DATA"] = folder
        real = data.observed()
    if real is None:
        parser.error(f"{options.samples} has neither AS_209.npy nor GW_Lup.npy")

    probabilities, higher = [], []
    test = parts["test"]
    truth = truth_by_run(test.y, test.meta["run"])
    for seed in range(options.networks):
        seed_everything(seed)
        network = model.Network()
        fit(
            network, (seen["train"], y["train"]), (seen["valid"], y["valid"]), loss=binary_cross_entropy_with_logits,
            score=roc_auc_score, epochs=options.epochs, batch_size=32, lr=3e-3, weight_decay=0.05,
            augment=model.turn_and_flip, seed=seed, progress=False,
        )  # fmt: skip
        z = model.logits(network, seen["test"], turns=4)
        at = model.logits(network, model.views(real.X, **ALMA_VIEW), turns=4)
        probabilities.append(model.sigmoid(at))
        higher.append([(z[test.y == 0] > value).mean() for value in at])
        told = ", ".join(f"{n} {p:.2f}" for n, p in zip(real.meta["name"], probabilities[-1], strict=True))
        print(f"network {seed}: AUC by run {roc_auc_score(*by_run(truth, z)):.3f}; {told}", flush=True)
    for name, p, share in zip(real.meta["name"], np.transpose(probabilities), np.transpose(higher), strict=True):
        print(f"{name}: probabilities {p.min():.2f} to {p.max():.2f}, median {np.median(p):.2f}; "
              f"{share.mean():.0%} of the simulated disks without planets score higher")
    if options.picture:
        use_style()
        fig, axes = plt.subplots(1, len(real), figsize=(2.6 * len(real), 2.8))
        for ax, image, name, p in zip(axes, real.X[:, 0], real.meta["name"], np.transpose(probabilities), strict=True):
            ax.imshow(image**0.5, cmap="inferno", origin="lower")
            ax.set_title(f"{name.replace('_', ' ')}: {p.min():.2f} to {p.max():.2f}", fontsize=9)
            ax.axis("off")
        fig.savefig(options.picture)


if __name__ == "__main__":
    main()
