"""The models of the StrongLensing challenge against their rivals, on simulated images.

    python tests/benchmarks/stronglensing_models.py [classification] [super_resolution] [long] [more_pairs]
                                                    [brightness] [picture]

Classification: 5,000 images a class; trees on residual features, and the network. Super-resolution: SRCNN and the
residual network as the lesson trains them, and with another loss, three seeds of each; with the published pair where it
lies in the data folder. long: SRCNN and the residual network for 40 epochs each, on 400 test pairs (eight minutes);
more_pairs: for 10 epochs of 2,000 pairs. brightness: how much of a network's error on survey pairs is that of one
number for each image, and whether that number can be told from the coarse image (two minutes).
picture: draws what the networks of the lesson (seed 0) make of the published pair, StrongLensing/official_pair.png.
"""

import argparse
import itertools

import lightgbm
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import cross_entropy, l1_loss, mse_loss

from common.challenge import ROOT
from common.metrics import bootstrap
from common.plotting import use_style
from common.training import fit, seed_everything
from StrongLensing import data, pairs, restoration
from StrongLensing.challenge import macro_auc
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


def srcnn(_):
    return restoration.SRCNN()


def on_bicubic(_):
    return restoration.ResidualNetwork()


def on_the_filter(train):
    """The lesson's network, which corrects the Wiener filter of its training pairs."""
    return restoration.ResidualNetwork(guess=restoration.LinearFilter(restoration.wiener_filter(train.X, train.y)))


SHORT, LONG = dict(epochs=2, batch_size=8, lr=1e-3), dict(epochs=4, batch_size=2, lr=3e-3)
RESTORERS = {  # network, cut of its training images, loss, options of training: as in the lesson, and variants
    "SRCNN, squared loss": (srcnn, 2, mse_loss, SHORT),
    "SRCNN": (srcnn, 2, restoration.minus_psnr, SHORT),
    "residual on bicubic, absolute loss": (on_bicubic, 1, l1_loss, LONG),
    "residual on bicubic": (on_bicubic, 1, restoration.minus_psnr, LONG),
    "residual": (on_the_filter, 1, restoration.minus_psnr, LONG),
}
FORTY = {  # 40 epochs of the lesson's pairs; SRCNN as the original hackathon trains it, for twice as long
    "SRCNN, 40 epochs": (srcnn, 1, mse_loss, dict(epochs=40, batch_size=16, lr=1e-3)),
    "residual, 40 epochs": (on_the_filter, 1, restoration.minus_psnr, LONG | dict(epochs=40)),
}
MORE = {  # 10 epochs of 2,000 pairs
    "SRCNN, 2,000 pairs": (srcnn, 1, mse_loss, dict(epochs=10, batch_size=16, lr=1e-3)),
    "residual, 2,000 pairs": (on_the_filter, 1, restoration.minus_psnr, dict(epochs=10, batch_size=4, lr=3e-3)),
}


def train_restorer(name, seed):
    """A network of RESTORERS, FORTY or MORE, trained on the lesson's 240 pairs, or on 2,000."""
    n_train = 2000 if name in MORE else 240
    train, valid = (data.load(split, n, task="super_resolution") for split, n in (("train", n_train), ("valid", 24)))
    make, cut, loss, options = (RESTORERS | FORTY | MORE)[name]
    seed_everything(seed)
    model = make(train).to(memory_format=torch.channels_last)
    fit(model, (restoration.tiles(train.X, cut), restoration.tiles(train.y, cut)), (valid.X, valid.y), loss=loss,
        score=lambda fine, images: psnr(fine, images.clip(0, 1)).mean(), weight_decay=1e-4, seed=seed,
        progress=False, **options)  # fmt: skip
    return model


def psnr(fine, images):
    return 10 * np.log10(1 / ((fine - images) ** 2).mean(axis=(1, 2, 3)))


def own(fine, images):
    """PSNR with the range of the restored image, as the original hackathon has it."""
    return psnr(fine, images) + 20 * np.log10(np.ptp(images, axis=(1, 2, 3)))


def broad(pairs):
    """The tenth of the survey pairs whose fine image is brightest five pixels from its middle, relative to its peak."""
    distance = np.hypot(*(np.indices(pairs.y.shape[2:]) - (pairs.y.shape[-1] - 1) / 2))
    breadth = pairs.y[:, 0, abs(distance - 5) < 1].mean(axis=1) / pairs.y.max(axis=(1, 2, 3))
    survey = pairs.meta["scene"] == 1
    return survey & (breadth > np.quantile(breadth[survey], 0.9))


def super_resolution(n_test=100, seeds=3, trained=train_restorer, restorers=RESTORERS):
    """Mean PSNR of networks with several seeds, by both ranges, and gains on the same pairs."""
    train = data.load("train", 240, task="super_resolution")
    test, pair = data.load("test", n_test, task="super_resolution"), data.loose("super_resolution")
    H = restoration.wiener_filter(train.X, train.y)
    methods = {"bicubic": [lambda X: restoration.enlarge(X).clip(0, 1)],
               "Wiener": [lambda X: restoration.apply_filter(H, X)]}  # fmt: skip
    for name in restorers:
        models = [trained(name, seed) for seed in range(seeds)]
        methods[name] = [lambda X, m=m: restoration.restore(m, X) for m in models]
        if "loss" not in name:
            methods[f"{name}, mean of eight"] = [lambda X, m=m: restoration.restore_eight(m, X) for m in models]
    groups = {"all": test.meta["scene"] >= 0, "rings": test.meta["scene"] == 0, "survey": test.meta["scene"] == 1,
              "broad": broad(test)}  # fmt: skip
    print(f"PSNR in dB, {n_test} test pairs: range 1 / own range; mean and standard deviation of {seeds} seeds")
    scores = {}
    for name, restore_with in methods.items():
        images = [restore(test.X) for restore in restore_with]
        if len(images) > 1 and name.endswith("eight"):
            mean = np.mean(images, axis=0)
            scores[f"{name} and seeds"] = {"1": psnr(test.y, mean)[None], "own": own(test.y, mean)[None]}
        scores[name] = {key: np.stack([measure(test.y, image) for image in images])
                        for key, measure in (("1", psnr), ("own", own))}  # fmt: skip
        if pair is not None:
            images = [restore(pair.X) for restore in restore_with]
            found = [measure(pair.y.clip(0, 1), image)[0] for image in images for measure in (psnr, own)]
            print(f"  the published pair, {name}: " + ", ".join(f"{value:.1f}" for value in found), flush=True)
    for name, found in scores.items():
        cells = []
        for group, of in groups.items():
            means = [found[key][:, of].mean(axis=1) for key in ("1", "own")]
            cells.append(f"{group} " + " / ".join(
                f"{m.mean():.1f}" + (f" ± {m.std(ddof=1):.1f}" if len(m) > 1 else "") for m in means))  # fmt: skip
        print(f"  {name:34}" + ", ".join(cells), flush=True)
    for name in [name for name in scores if name.startswith("residual")]:
        plain = name.replace(" on bicubic", "").replace("residual", "SRCNN").replace("absolute", "squared")
        for rival in ("Wiener", plain):
            text = []
            for key in ("1", "own"):
                gain = scores[name][key].mean(axis=0) - scores[rival][key].mean(axis=0)
                for group, of in groups.items():
                    copies = bootstrap(lambda _, g: g.mean(), gain[of], gain[of])[0]
                    text.append("{} {} {:+.1f} to {:+.1f}".format(group, key, *np.quantile(copies, [0.025, 0.975])))
            print(f"  {name} - {rival}: " + ", ".join(text), flush=True)
            for key in ("1", "own"):
                gain = (scores[name][key] - scores[rival][key])[:, groups["survey"]]
                print(f"    survey pairs one by one, {key}: {gain.mean():+.1f} ± {gain.std():.1f}, "
                      f"behind on {(gain < 0).mean():.0%}, by 2 dB and more on {(gain < -2).mean():.0%}", flush=True)


def brightness(n_learn=3000, n_test=400, seeds=2):
    """Survey pairs: what a network would gain by a known brightness, and what of it the coarse image tells."""
    learn, test = pairs.super_resolution(2 * n_learn, 77), pairs.super_resolution(n_test, 991)
    learn, test = (part[part.meta["scene"] == 1] for part in (learn, test))
    sets = {"survey pairs": test, "broad": test[broad(test)]}
    pair = data.loose("super_resolution")
    if pair is not None:
        sets["the published pair"] = pair
    for seed in range(seeds):
        model = train_restorer("residual", seed)
        for name, part in sets.items():
            fine, image = part.y.clip(0, 1), restoration.restore(model, part.X)
            scale = (fine * image).sum(axis=(1, 2, 3), keepdims=True) / (image**2).sum(axis=(1, 2, 3), keepdims=True)
            print(f"{name}, seed {seed}: PSNR {psnr(fine, image).mean():.1f}, each image times the best number for it "
                  f"{psnr(fine, scale * image).mean():.1f}: {scale.mean():.2f} ± {scale.std():.2f}")  # fmt: skip
    (X, t), (X_test, t_test) = ((profiles(part.X), brighter(part)) for part in (learn, test))
    print(f"logarithm of fine over coarse light of the middle: {t_test.std():.2f} (standard deviation)")
    models = {
        "ridge": make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 4, 13))),
        "trees": lightgbm.LGBMRegressor(n_estimators=200, learning_rate=0.05, num_leaves=15, n_jobs=1, verbose=-1),
    }
    for name, model in models.items():
        for n in (120, len(t)):
            off = t_test - model.fit(X[:n], t[:n]).predict(X_test)
            print(f"  {name}, from {n} profiles: {off.std():.2f} is left", flush=True)
            if pair is not None:
                off = brighter(pair) - model.predict(profiles(pair.X))
                print(f"    the published pair is off by {off[0]:+.2f}", flush=True)


def profiles(coarse):
    """Mean light of coarse images in rings around the middle, as such and as logarithms, and the brightest pixels."""
    images, distance = coarse[:, 0], np.hypot(*(np.indices((64, 64)) - 31.5))
    edges = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 26, 32, 46]
    rings = [images[:, (distance >= a) & (distance < b)] for a, b in itertools.pairwise(edges)]
    mean = np.stack([ring.mean(axis=1) for ring in rings], axis=1)
    top = np.sort(images.reshape(len(images), -1), axis=1)[:, -16:]
    return np.concatenate([mean, np.log(mean + 0.02), rings[-1].std(axis=1, keepdims=True), top], axis=1)


def brighter(part):
    """Logarithm of the light within 20 fine pixels of the middle, fine over coarse image."""
    fine, coarse = (np.hypot(*(np.indices((n, n)) - (n - 1) / 2)) < 20 * n / 128 for n in (128, 64))
    return np.log(part.y[:, 0, fine].sum(axis=1) / part.X[:, 0, coarse].sum(axis=1))


def picture():
    """Draw the published pair, and what filter and networks make of it."""
    train, pair = data.load("train", 240, task="super_resolution"), data.loose("super_resolution")
    if pair is None:
        raise SystemExit("put sr_pair_lr.npy and sr_pair_hr.npy into the data folder of StrongLensing")
    H, fine = restoration.wiener_filter(train.X, train.y), pair.y.clip(0, 1)
    restored = {"bicubic": restoration.enlarge(pair.X).clip(0, 1), "Wiener": restoration.apply_filter(H, pair.X)}
    for name, label in {"SRCNN": "SRCNN", "residual": "residual network"}.items():
        restored[label] = restoration.restore(train_restorer(name, 0), pair.X)
    use_style()
    fig, axes = plt.subplots(1, 6, figsize=(7.4, 1.75))
    panels = {"coarse": pair.X.clip(0, 1), **restored, "fine (true)": fine}
    for ax, (name, image) in zip(axes, panels.items(), strict=True):
        shown = ax.imshow(image[0, 0] ** 0.4, cmap="inferno", vmin=0, vmax=1)
        ax.set_title(f"{name}\n{psnr(fine, image)[0]:.1f} dB" if name in restored else name, fontsize=8)
        ax.set_axis_off()
    bar = fig.colorbar(shown, ax=axes, label="brightness", fraction=0.01, pad=0.01)
    bar.set_ticks([level**0.4 for level in (0, 0.1, 0.5, 1)], labels=["0", "0.1", "0.5", "1"])
    fig.savefig(ROOT / "StrongLensing" / "official_pair.png", dpi=110)


if __name__ == "__main__":
    TASKS = {"classification": classification, "super_resolution": super_resolution,
             "long": lambda: super_resolution(400, restorers=FORTY),
             "more_pairs": lambda: super_resolution(400, seeds=2, restorers=MORE), "brightness": brightness,
             "picture": picture}  # fmt: skip
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", nargs="*", choices=[*TASKS, []], default=["classification", "super_resolution"])
    torch.set_num_threads(1)
    for task in parser.parse_args().tasks:
        TASKS[task]()
