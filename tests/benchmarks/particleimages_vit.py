"""Vision transformer, with and without positions, convolutional network, and trees: training images, epochs, seeds.

    python -m tests.benchmarks.particleimages_vit --n 6000 --epochs 8 16 32 --seeds 3 --models ViT CNN bag

Prints a line for each: mean and standard deviation over the seeds of the AUC on the 3,000 validation images of the
lesson, on 10,000 simulated test images, and on the official excerpt where there is one in the data folder (see
`ParticleImages.data`), and processor seconds of one training. Each model has the weight decay of its own lesson. The
boosted trees of the lesson see 23 shower shapes, and have no epochs.
"""

import argparse
import time
from functools import partial
from itertools import product

import lightgbm
import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, seed_everything
from ParticleImages import data, vit
from ParticleImages.model import CNN, network_input, probability, shower_shapes

MODELS = {"ViT": vit.ViT, "CNN": CNN, "bag": partial(vit.ViT, position=False)}
WEIGHT_DECAY = {"CNN": 0.05}


def pairs(dataset):
    return network_input(dataset.X, "energy"), dataset.y.astype(np.float32)


def trained(name, train, valid, epochs, lr, seed):
    """One of the networks, trained; (inputs) -> probabilities."""
    seed_everything(seed)
    model = MODELS[name]()
    fit(
        model, train, valid, loss=binary_cross_entropy_with_logits, score=roc_auc_score, epochs=epochs,
        batch_size=128, lr=lr, weight_decay=WEIGHT_DECAY.get(name, 0.01), seed=seed, progress=False,
    )  # fmt: skip
    return lambda x: probability(model, x)


def trees(train, seed):
    """The boosted trees of the lesson; (shapes) -> probabilities."""
    model = lightgbm.LGBMClassifier(
        n_estimators=100, learning_rate=0.05, num_leaves=15, subsample=0.8, subsample_freq=1, colsample_bytree=0.5,
        random_state=seed, n_jobs=1, verbose=-1,
    ).fit(*train)  # fmt: skip
    return lambda x: model.predict_proba(x)[:, 1]


def line(n, epochs, name, train, tests, seeds):
    """Print mean and standard deviation of the AUC over seeds, where train is (seed) -> ((inputs) -> probabilities)."""
    found, start = [], time.process_time()
    for seed in range(seeds):
        predict = train(seed)
        found.append([roc_auc_score(y, predict(x)) for x, y in tests.values()])
    seconds = (time.process_time() - start) / seeds
    scores = [f"{mean:.3f} ± {std:.3f}" for mean, std in zip(np.mean(found, 0), np.std(found, 0), strict=True)]
    print(f"| {n:,} | {epochs} | {name} | {' | '.join(scores)} | {seconds:.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, nargs="+", default=[6000, 30_000])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["ViT", "CNN"])
    parser.add_argument("--epochs", type=int, nargs="+", default=[8])
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    parts = {"train": data.load("train", max(args.n)), "validation": data.load("valid", 3000),
             "test": data.load("test", 10_000)}  # fmt: skip
    if (excerpt := data.excerpt()) is not None:
        parts["official"] = excerpt
    images = {name: pairs(part) for name, part in parts.items()}
    shapes = {name: (shower_shapes(part.X), part.y) for name, part in parts.items()}
    tests = [name for name in parts if name != "train"]
    print(f"| images | epochs | model | {' | '.join(tests)} | seconds |")
    for n in args.n:
        first = [values[:n] for values in shapes["train"]]
        line(n, "-", "trees", lambda seed, first=first: trees(first, seed), {t: shapes[t] for t in tests}, args.seeds)
    for n, epochs, name in product(args.n, args.epochs, args.models):
        first = [values[:n] for values in images["train"]]

        def train(seed, name=name, first=first, epochs=epochs):
            return trained(name, first, images["validation"], epochs, args.lr, seed)

        line(n, epochs, name, train, {t: images[t] for t in tests}, args.seeds)


if __name__ == "__main__":
    main()
