"""Vision transformer, with and without positions, and convolutional network against the number of training images.

    python -m tests.benchmarks.particleimages_vit --n 6000 30000 --models ViT CNN bag

Prints a line for each model and number: its AUC on 10,000 simulated test images, and on the official excerpt where
there is one in the data folder (see `ParticleImages.data`). About ten minutes on one core.
"""

import argparse
from functools import partial

import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common import official
from common.metrics import bootstrap
from common.training import fit, seed_everything
from ParticleImages import data, vit
from ParticleImages.model import CNN, network_input, probability

MODELS = {"ViT": vit.ViT, "CNN": CNN, "bag": partial(vit.ViT, position=False)}


def pairs(dataset):
    return network_input(dataset.X, "energy"), dataset.y.astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, nargs="+", default=[6000, 30_000])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["ViT", "CNN"])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    train, valid, tests = pairs(data.load("train", max(args.n))), pairs(data.load("valid", 3000)), {}
    tests["simulated"] = pairs(data.load("test", 10_000))
    if official.find("ParticleImages", data.EXCERPT):
        tests["official"] = pairs(data.read_excerpt(official.find("ParticleImages", data.EXCERPT)))
    for n in args.n:
        for name in args.models:
            seed_everything(args.seed)
            model = MODELS[name]()
            fit(
                model, [values[:n] for values in train], valid, loss=binary_cross_entropy_with_logits,
                score=roc_auc_score, epochs=args.epochs, batch_size=128, lr=args.lr, seed=args.seed, progress=False,
            )  # fmt: skip
            line = f"{name} {n:6,} images, {args.epochs} epochs"
            for kind, (x, y) in tests.items():
                p = probability(model, x)
                error = bootstrap(roc_auc_score, y, p).std()
                line += f", {kind} {roc_auc_score(y, p):.3f} +- {error:.3f}"
            print(line, flush=True)


if __name__ == "__main__":
    main()
