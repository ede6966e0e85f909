"""Vision transformer, with and without positions, and convolutional network: training images, epochs and seeds.

    python -m tests.benchmarks.particleimages_vit --n 6000 --epochs 8 16 32 --seeds 3 --models ViT CNN bag

Prints a line for each: mean and standard deviation over the seeds of the AUC on the 3,000 validation images of the
lesson, on 10,000 simulated test images, and on the official excerpt where there is one in the data folder (see
`ParticleImages.data`), and processor seconds of one training. Each model has the weight decay of its own lesson.
"""

import argparse
import time
from functools import partial
from itertools import product

import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, seed_everything
from ParticleImages import data, vit
from ParticleImages.model import CNN, network_input, probability

MODELS = {"ViT": vit.ViT, "CNN": CNN, "bag": partial(vit.ViT, position=False)}
WEIGHT_DECAY = {"CNN": 0.05}


def pairs(dataset):
    return network_input(dataset.X, "energy"), dataset.y.astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, nargs="+", default=[6000, 30_000])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["ViT", "CNN"])
    parser.add_argument("--epochs", type=int, nargs="+", default=[8])
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seeds", type=int, default=1)
    args = parser.parse_args()
    train, valid = pairs(data.load("train", max(args.n))), pairs(data.load("valid", 3000))
    tests = {"validation": valid, "test": pairs(data.load("test", 10_000))}
    if (excerpt := data.excerpt()) is not None:
        tests["official"] = pairs(excerpt)
    print(f"| images | epochs | model | {' | '.join(tests)} | seconds |")
    for n, epochs, name in product(args.n, args.epochs, args.models):
        found, start = [], time.process_time()
        for seed in range(args.seeds):
            seed_everything(seed)
            model = MODELS[name]()
            fit(
                model, [values[:n] for values in train], valid, loss=binary_cross_entropy_with_logits,
                score=roc_auc_score, epochs=epochs, batch_size=128, lr=args.lr,
                weight_decay=WEIGHT_DECAY.get(name, 0.01), seed=seed, progress=False,
            )  # fmt: skip
            found.append([roc_auc_score(y, probability(model, x)) for x, y in tests.values()])
        seconds = (time.process_time() - start) / args.seeds
        scores = [f"{mean:.3f} ± {std:.3f}" for mean, std in zip(np.mean(found, 0), np.std(found, 0), strict=True)]
        print(f"| {n:,} | {epochs} | {name} | {' | '.join(scores)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
