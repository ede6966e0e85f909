"""The models of the StrongLensing challenge against their rivals, on simulated images.

    python tests/benchmarks/stronglensing_models.py [classification] [super_resolution]

Classification: 5,000 images a class; trees on residual features, and the network. Super-resolution: SRCNN and the
residual network, the same pairs, one after the other; the seconds are processor time of one thread.
"""

import argparse
import time

import lightgbm
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import cross_entropy, l1_loss, mse_loss

from common.metrics import bootstrap
from common.training import fit, seed_everything
from StrongLensing import data, restoration
from StrongLensing.challenge import image_scores, macro_auc
from StrongLensing.model import Network, any_camera, probabilities, residual_features, softmax


def classification(n_train=15_000, n_test=6_000, epochs=14, seed=0):
    train, valid = data.load("train", n_train), data.load("valid", 1500)
    test = data.load("test", n_test)
    features = [residual_features(part.X) for part in (train, test)]
    trees = lightgbm.LGBMClassifier(
        n_estimators=600, learning_rate=0.05, num_leaves=15, subsample=0.8, subsample_freq=1, colsample_bytree=0.3,
        random_state=seed, n_jobs=1, verbose=-1,
    ).fit(features[0], train.y)  # fmt: skip
    scores = {"trees": trees.predict_proba(features[1])}
    seed_everything(seed)
    network = Network()
    fit(
        network, (train.X, train.y.astype("i8")), (valid.X, valid.y.astype("i8")), loss=cross_entropy,
        score=lambda y, z: roc_auc_score(y, softmax(z), multi_class="ovr"), epochs=epochs, batch_size=64,
        lr=3e-3, weight_decay=0.05, augment=any_camera, seed=seed, progress=False,
    )  # fmt: skip
    scores["network"] = probabilities(network, test.X)
    print(f"classification, {n_train} training and {n_test} test images")
    for name, p in scores.items():
        print(f"  {name:8} macro AUC {macro_auc(test.y, p):.4f}, accuracy {(p.argmax(1) == test.y).mean():.4f}")
    first, second = bootstrap(macro_auc, test.y, *scores.values())
    low, high = np.quantile(second - first, [0.025, 0.975])
    print(f"  difference {low:+.4f} to {high:+.4f} (95 %)", flush=True)


def super_resolution(n_train=300, n_test=400, seed=0):
    train, valid = (data.load(split, n, task="super_resolution") for split, n in (("train", n_train), ("valid", 50)))
    test = data.load("test", n_test, task="super_resolution")

    def psnr(fine, images):
        return -10 * np.log10(((fine - images.clip(0, 1)) ** 2).mean(axis=(1, 2, 3))).mean()

    print(f"super-resolution, {n_train} training and {n_test} test pairs")
    restored = {
        "bicubic": restoration.enlarge(test.X).clip(0, 1),
        "Wiener": restoration.apply_filter(restoration.wiener_filter(train.X, train.y), test.X),
    }
    seconds = {}
    for name, make, cut, options in (
        ("SRCNN", restoration.SRCNN, 2, dict(loss=mse_loss, epochs=5, batch_size=16, lr=1e-3)),
        ("residual", restoration.ResidualNetwork, 1, dict(loss=l1_loss, epochs=10, batch_size=8, lr=2e-3)),
    ):
        seed_everything(seed)
        model = make()
        X, y = restoration.tiles(train.X, cut), restoration.tiles(train.y, cut)
        start = time.process_time()
        fit(model, (X, y), (valid.X, valid.y), score=psnr, weight_decay=1e-4, seed=seed, progress=False, **options)
        seconds[name] = time.process_time() - start
        restored[name] = restoration.restore(model, test.X)
    scores = {name: image_scores(test.y, images) for name, images in restored.items()}
    for name, values in scores.items():
        took = f", trained {seconds[name]:.0f} s" if name in seconds else ""
        print("  " + name.ljust(8) + ", ".join(f"{key} {v.mean():.4g}" for key, v in values.items()) + took)
    for key in ("PSNR", "SSIM"):
        gain = scores["residual"][key] - scores["SRCNN"][key]
        low, high = np.quantile(bootstrap(lambda _, g: g.mean(), gain, gain)[0], [0.025, 0.975])
        print(f"  gain in {key}: {gain.mean():.3f} ({low:.3f} to {high:.3f})", flush=True)


if __name__ == "__main__":
    TASKS = {"classification": classification, "super_resolution": super_resolution}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", nargs="*", choices=[*TASKS, []], default=list(TASKS))
    torch.set_num_threads(1)
    for task in parser.parse_args().tasks:
        TASKS[task]()
