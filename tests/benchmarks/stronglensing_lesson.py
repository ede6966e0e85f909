"""What decides in lenses: python tests/benchmarks/stronglensing_lesson.py [--seeds 3] [classes] [lump] [model_I]
[--sizes 2000 5000 20000]

classes: the three models of the lesson on its three data sets, with several seeds of the training: mean accuracy on the
test images of the lesson and its standard deviation over the seeds, against noise (of the peak) and with few bits.
lump: a network is trained to tell smooth lenses from the same kind of lens with one lump on its ring, of 1e8 to 1e10.5
solar masses; printed is the fraction of test lenses with a lump of given mass that it finds where it calls one of
twenty smooth lenses lumpy. model_I: slow waves and network on images of 150 pixels with the photon noise of Model I, of
one lens galaxy and of several, against the number of images (--sizes; a quarter of an hour).
"""

import argparse
import dataclasses

import lightgbm
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import avg_pool2d, cross_entropy

from common.datasets import Dataset
from common.training import fit, seed_everything
from StrongLensing import data, simulate, varied
from StrongLensing.model import Network, any_camera, low_waves, observe, probabilities, residual_features

TELESCOPES = {"published": None, "varied": None, "Hubble": varied.HUBBLE, "Euclid": varied.EUCLID}
TASKS = {"published": "classification", "varied": "varied", "Hubble": "telescope_hubble", "Euclid": "telescope"}
CAMERAS = {"0": (0.0, None), "1e-4": (1e-4, None), "1e-3": (1e-3, None), "1e-2": (1e-2, None), "3e-2": (3e-2, None),
           "12 bits": (0.0, 12), "8 bits": (0.0, 8)}  # noise and bits of test images without a telescope's own noise
MASSES = (1e8, 3e8, 1e9, 3e9, 1e10, 3e10)  # solar masses


def through(camera, X, seed):
    torch.manual_seed(seed)
    return X if camera is None else camera(torch.from_numpy(X)).numpy()


def train_network(train, valid, camera, seed, epochs=9):
    """Pairs (X, y) of images and labels."""
    seed_everything(seed)
    network = Network()
    fit(network, (train[0], train[1].astype("i8")), (through(camera, valid[0], seed), valid[1].astype("i8")),
        loss=cross_entropy, score=lambda y, z: (z.argmax(1) == y).mean(), epochs=epochs, batch_size=64, lr=3e-3,
        weight_decay=0.05, augment=camera, seed=seed, progress=False)  # fmt: skip
    return network


def accuracies(parts, camera, seed, cameras):
    """Accuracy of each model for test images through each of some cameras (noise, bits), {name: list}."""
    train, valid, test = parts
    X = through(camera, train.X, seed)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(low_waves(X), train.y)
    trees = lightgbm.LGBMClassifier(
        n_estimators=100, learning_rate=0.05, num_leaves=15, subsample=0.8, subsample_freq=1, colsample_bytree=0.3,
        random_state=seed, n_jobs=1, verbose=-1, deterministic=True,
    ).fit(residual_features(X), train.y)  # fmt: skip
    network = train_network((train.X, train.y), (valid.X, valid.y), camera, seed)
    models = {
        "slow waves, linear": lambda X: linear.predict(low_waves(X)),
        "residual, trees": lambda X: trees.predict(residual_features(X)),
        "all waves, network": lambda X: probabilities(network, X).argmax(1),
    }
    seen = [through(lambda x, camera=camera: observe(x, *camera), test.X, 0) for camera in cameras]
    return {name: [(predict(X) == test.y).mean() for X in seen] for name, predict in models.items()}


def classes(seeds):
    """Mean and standard deviation over seeds of the accuracy on each data set."""
    print("| data set | noise | slow waves, linear | residual, trees | all waves, network |\n|---|---|---|---|---|")
    for name, task in TASKS.items():
        parts = [data.load(split, n, task=task) for split, n in (("train", 3000), ("valid", 500), ("test", 1000))]
        cameras, camera = (CAMERAS, any_camera) if TELESCOPES[name] is None else ({"its own": (0.0, None)}, None)
        runs = [accuracies(parts, camera, seed, cameras.values()) for seed in range(seeds)]
        for i, noise in enumerate(cameras):
            cells = [[run[model][i] for run in runs] for model in runs[0]]
            spreads = [f" ± {np.std(cell, ddof=1):.3f}" if np.ptp(cell) else "" for cell in cells]
            texts = [f"{np.mean(cell):.3f}{spread}" for cell, spread in zip(cells, spreads, strict=True)]
            print(f"| {name} | {noise} | {' | '.join(texts)} |", flush=True)


def lensed(name, n, masses, rng):
    """n smooth lenses of a data set, and as many others with one lump of these masses on the ring: images."""
    images = []
    for with_lump in (False, True):
        labels = np.full(n, simulate.NO)
        draws = simulate.draw_lenses(simulate.PUBLISHED, labels, rng) if name == "published" else (
            varied.draw_lenses(labels, rng))  # fmt: skip
        if with_lump:
            angle, ring = rng.uniform(0, 2 * np.pi, n), draws["theta_E"]
            theta_E = simulate.einstein_radius(masses) * np.sqrt(simulate.RESCALING) if name == "published" else (
                varied.einstein_radius(masses, draws["z_lens"], draws["z_source"]))  # fmt: skip
            draws["substructure"][:, 0] = np.stack([ring * np.cos(angle), ring * np.sin(angle), theta_E], axis=1)
        if name == "published":
            model = simulate.PUBLISHED
            light = simulate.render(draws, size=64, pixel=model.pixel, fwhm=model.fwhm, rescaling=model.rescaling)
        else:
            telescope = TELESCOPES[name]
            light = varied.render(draws, telescope.model if telescope else simulate.PUBLISHED)
            light = varied.expose(light, draws, telescope, rng) if telescope else light
        images.append(simulate.to_unit_range(light)[:, None])
    return images


def lump(seeds, n=1500):
    """The fraction of single lumps that are found, by mass, at a false positive rate of 0.05."""
    print("| data set | " + " | ".join(f"{mass:.0e}" for mass in MASSES) + " |\n|" + "---|" * (len(MASSES) + 1))
    for name in TASKS:
        camera = any_camera if TELESCOPES[name] is None else None
        runs = []
        for seed in range(seeds):
            rng = np.random.default_rng([5, seed])
            parts = []
            for size in (n, n // 3):
                smooth, lumpy = lensed(name, size, 10 ** rng.uniform(8, 10.5, size), rng)
                parts.append((np.concatenate([smooth, lumpy]), np.repeat([0, 1], size)))
            network = train_network(*parts, camera, seed)

            def score(X, network=network, name=name):
                X = through(lambda x: observe(x, 1e-3), X, 0) if TELESCOPES[name] is None else X
                p = probabilities(network, X)
                return p[:, 1] / p[:, :2].sum(1)

            tests = [lensed(name, 300, np.full(300, mass), rng) for mass in MASSES]
            threshold = np.quantile(np.concatenate([score(smooth) for smooth, _ in tests]), 0.95)
            runs.append([(score(lumpy) > threshold).mean() for _, lumpy in tests])
        mean = np.mean(runs, axis=0)
        spread = np.std(runs, axis=0, ddof=1) if seeds > 1 else np.sqrt(mean * (1 - mean) / 300)
        print(f"| {name} | " + " | ".join(f"{m:.2f} ± {s:.2f}" for m, s in zip(mean, spread, strict=True)) + " |",
              flush=True)  # fmt: skip


def binned(instrument, n, seed):
    """Images of an instrument with two by two pixels added up, so that the photons of all of them count."""
    parts = [simulate.simulate(instrument, 500, [*seed, i]) for i in range(-(-n // 500))]
    images = np.concatenate([avg_pool2d(torch.from_numpy(part.X), 2).numpy() for part in parts])
    return Dataset(simulate.to_unit_range(images), np.concatenate([part.y for part in parts]))[:n]


def model_I(seeds, sizes, n_valid=1000, n_test=4000):
    """Accuracy on images of Model I with its own noise, mean and standard deviation over seeds of the training."""
    one_lens = dataclasses.replace(simulate.MODEL_I, lens_masses=(simulate.LENS_MASS,) * 2, source_reach=None)
    print("| lenses | images | slow waves, linear | slow waves, trees | all waves, network |\n|---|---|---|---|---|")
    for name, instrument in {"one galaxy": one_lens, "1e12 to 1e13 solar masses": simulate.MODEL_I}.items():
        all_train, valid, test = (binned(instrument, n, [9, i]) for i, n in enumerate((max(sizes), n_valid, n_test)))
        seen, labels = low_waves(test.X), test.y
        for n in sizes:
            train = all_train[:n]
            waves = low_waves(train.X)
            linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(waves, train.y)
            found = []
            for seed in range(seeds):
                trees = lightgbm.LGBMClassifier(
                    n_estimators=300, learning_rate=0.05, num_leaves=15, subsample=0.8, subsample_freq=1,
                    colsample_bytree=0.3, random_state=seed, n_jobs=1, verbose=-1,
                ).fit(waves, train.y)  # fmt: skip
                network = train_network((train.X, train.y), (valid.X, valid.y), None, seed)
                answers = trees.predict(seen), probabilities(network, test.X).argmax(1)
                found.append([(answer == labels).mean() for answer in answers])
            cells = [f"{(linear.predict(seen) == labels).mean():.3f}"]
            for cell in zip(*found, strict=True):
                spread = f" ± {np.std(cell, ddof=1):.3f}" if seeds > 1 else ""
                cells.append(f"{np.mean(cell):.3f}{spread}")
            print(f"| {name} | {n:,} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    WHAT = {"classes": classes, "lump": lump, "model_I": lambda seeds: model_I(seeds, args.sizes)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", choices=[*WHAT, []], default=list(WHAT))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=(2000, 5000, 20_000), help="images of model_I")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for name in args.what:
        WHAT[name](args.seeds)
