"""What a residual network on pixels learns from as many images as the published results have; for a graphics card.

    python -m tests.benchmarks.stronglensing_resnet [--n 90000] [--seeds 1] [--epochs 20] [--only published varied ...]

For each data set one line with accuracy and macro AUC on test images of boosted trees on the slow waves (0 to 4 periods
around the ring) and of the network, with the binomial error of an accuracy. "Model I, one galaxy" is the setting of the
published 91.6 % from 90,000 images: the lens of the published data set, with the photon noise of Model I; its slow
waves are read from all 150 pixels, where `stronglensing_lesson.py model_I` adds pixels two by two first. Training
images are turned by right angles and mirrored. The epoch is chosen on validation images, the test images are used once.
"""

import argparse
import dataclasses
import time

import joblib
import lightgbm
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from common.datasets import concatenate
from common.training import fit, predict, seed_everything
from StrongLensing import data, simulate
from StrongLensing.challenge import macro_auc
from StrongLensing.model import any_camera, low_waves, observe, softmax

ONE_GALAXY = dataclasses.replace(simulate.MODEL_I, lens_masses=(simulate.LENS_MASS,) * 2, source_reach=None)
SETS = {  # name: task or instrument, and noise of the test images for those without a telescope's
    "published": ("classification", 0.0),
    "published, noise of 0.01": ("classification", 0.01),
    "Model I, one galaxy": (ONE_GALAXY, None),
    "Model I": (simulate.MODEL_I, None),
    "Model II": ("model_II", None),
    "Model III": ("model_III", None),
    "varied": ("varied", 0.0),
    "varied, noise of 0.01": ("varied", 0.01),
    "Hubble": ("telescope_hubble", None),
    "Euclid": ("telescope", None),
}
SPLITS = {"train": 0, "valid": 1, "test": 2}


class Block(nn.Module):
    """Two convolutions that add to their input (He et al. 2016, arXiv:1512.03385)."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False), nn.BatchNorm2d(n_out))  # fmt: skip
        self.short = nn.Identity() if stride == 1 and n_in == n_out else nn.Conv2d(n_in, n_out, 1, stride)

    def forward(self, x):
        return torch.relu(self.short(x) + self.layers(x))


def resnet(size, width=32, blocks=2):
    """Logits of the three classes from images (n, 1, size, size); large images are halved by the first layer."""
    first = 2 if size > 100 else 1
    layers, n_in = [nn.Conv2d(1, width, 5, first, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU()], width
    for stage in range(4):
        n_out = width * 2**stage
        for block in range(blocks):
            layers.append(Block(n_in, n_out, 2 if stage and not block else 1))
            n_in = n_out
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(n_in, 3)]
    return nn.Sequential(*layers)


def turned(x):
    """Each batch turned by a right angle, and mirrored or not."""
    turns, mirrored = torch.randint(4, (1,)).item(), torch.rand(1).item() < 0.5
    x = torch.rot90(x, turns, (2, 3))
    return (x.flip(3) if mirrored else x).contiguous()


def samples(source, split, n):
    """n samples of a task of `data`, or of an instrument."""
    if isinstance(source, str):
        return data.load(split, n, task=source)
    seeds = [[17, SPLITS[split], i] for i in range(-(-n // 500))]
    parts = joblib.Parallel(-1)(joblib.delayed(simulate.simulate)(source, 500, seed) for seed in seeds)
    return concatenate(parts)[:n]


def seen(X, noise):
    """Images with noise, the same for each call, if there is any."""
    torch.manual_seed(0)
    return observe(torch.from_numpy(X), noise).numpy() if noise else X


def logits_of_views(model, X):
    """Mean of the logits of eight turned and mirrored views."""
    views = (np.rot90(X, turns, (2, 3))[..., ::step] for turns in range(4) for step in (1, -1))
    return np.mean([predict(model, np.ascontiguousarray(view), batch_size=512) for view in views], axis=0)


def trained(train, valid, camera, seed, options):
    """The network of its best epoch on the validation images, and the history of its training."""
    seed_everything(seed)
    model = resnet(train.X.shape[-1], options.width)
    history = fit(
        model, (train.X, train.y.astype("i8")), (valid.X, valid.y.astype("i8")), loss=cross_entropy,
        score=lambda y, z: (z.argmax(1) == y).mean(), epochs=options.epochs, batch_size=options.batch, lr=options.lr,
        weight_decay=0.05, augment=camera, seed=seed, precision=options.precision, progress=False,
    )  # fmt: skip
    return model, history


def measure(name, options):
    """Print a line for the trees and one for each seed of the network on one of SETS."""
    source, noise = SETS[name]
    start = time.perf_counter()
    parts = {split: samples(source, split, n) for split, n in (("train", options.n), ("valid", 3000), ("test", 15_000))}
    simulated = time.perf_counter() - start
    test, valid = parts["test"], parts["valid"]
    X = seen(test.X, noise)
    valid.X[:] = seen(valid.X, noise)
    noisy = bool(noise)
    rivals = {}
    if options.trees:
        waves = [low_waves(any_camera(torch.from_numpy(parts["train"].X)).numpy() if noisy else parts["train"].X),
                 low_waves(X)]  # fmt: skip
        trees = lightgbm.LGBMClassifier(
            n_estimators=options.trees, learning_rate=0.05, num_leaves=31, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.3, random_state=0, n_jobs=options.jobs, verbose=-1,
        ).fit(waves[0], parts["train"].y)  # fmt: skip
        rivals["slow waves, trees"] = trees.predict_proba(waves[1])
    for seed in range(options.seeds):
        begun = time.perf_counter()
        camera = (lambda x: any_camera(turned(x))) if noisy else turned
        model, history = trained(parts["train"], valid, camera, seed, options)
        rivals[f"network, seed {seed}"] = softmax(logits_of_views(model, X))
        print(f"  {name}, seed {seed}: epoch {history.best_epoch + 1}, validation {history.best_score:.4f}, "
              f"{time.perf_counter() - begun:.0f} s; simulated in {simulated:.0f} s", flush=True)  # fmt: skip
    for rival, p in rivals.items():
        right = (p.argmax(1) == test.y).mean()
        error = np.sqrt(right * (1 - right) / len(test.y))
        scores = f"{right:.4f} ± {error:.4f} | {macro_auc(test.y, p):.4f}"
        print(f"| {name} | {options.n:,} | {rival} | {scores} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--n", type=int, default=90_000, help="training images")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--trees", type=int, default=300, help="0: no trees")
    parser.add_argument("--jobs", type=int, default=1, help="threads of the trees")
    parser.add_argument("--precision", default="bf16-mixed" if torch.cuda.is_available() else "32-true")
    options = parser.parse_args()
    print("| data set | images | model | accuracy | macro AUC |\n|---|---|---|---|---|", flush=True)
    for name in options.only:
        measure(name, options)


if __name__ == "__main__":
    main()
