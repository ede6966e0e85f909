"""How good the lessons' models are beside what one would pick instead, at equal data, on simulated and real samples.

    python -m tests.benchmarks.quality [--only Higgs ...] [--seeds 3] [--real FOLDER]

All models are trained on the same simulated samples, of the lesson's size, and tested on the same larger set. With
a folder of official samples, the same models are measured on these too; without, those rows are left out.
"""

import argparse
import os
import shutil
from contextlib import contextmanager

import lightgbm
import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from common.datasets import Dataset
from tests.benchmarks import lessons, plain, tabular
from tests.benchmarks.table import as_text, over_seeds

SECTION, REAL = "quality at equal data, simulated", "quality on real samples, after training on simulated ones"


@contextmanager
def data_folder(path):
    """Official files are looked for in this folder, while the cache of simulated data stays where it is."""
    before = os.environ.get("DEEPLEARN_DATA")
    os.environ["DEEPLEARN_DATA"] = str(path)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DEEPLEARN_DATA"]
        else:
            os.environ["DEEPLEARN_DATA"] = before


def real(load, folder):
    """load() of official samples in the folder; None, with a message, where there are none."""
    if folder is None:
        return None
    with data_folder(folder):
        try:
            return load()
        except (OSError, ValueError) as error:
            print(f"no real samples: {error}", flush=True)
            return None


def contest(challenge, what, models, tests, score, seeds, larger_is_better=True):
    """Train each model with each seed, and yield rows of ours beside each of the others.

    Parameters
    ----------
    models : dict of str to callable seed -> (samples -> predictions)
        Ours first, then its rivals, each trained on the same samples.
    tests : dict of str to Dataset or None
        By section; None is left out.
    score : callable (y, predictions) -> float
    """
    tests = {section: part for section, part in tests.items() if part is not None}
    scores = {section: {name: [] for name in models} for section in tests}
    for name, train in models.items():
        for seed in range(seeds):
            predict = train(seed)
            for section, part in tests.items():
                scores[section][name].append(score(part.y, predict(part.X)))
        print(
            f"{challenge} {name}: "
            + "; ".join(
                f"{section} " + " ".join(f"{value:.4f}" for value in values[name]) for section, values in scores.items()
            ),
            flush=True,
        )
    for section, values in scores.items():
        note = f"{len(tests[section])} samples" if section == REAL else ""
        ours, *rivals = models
        for name in rivals:
            yield over_seeds(section, challenge, what, ours, name, values[ours], values[name], larger_is_better, note)


# --------------------------------------------------------------------------------------------------
# Ours and its rivals: {name: seed -> (samples -> predictions)} for given training and validation samples


def trees(train, valid, features, seed):
    """LightGBM with the best of three sizes on the validation samples; samples -> probability of class 1."""
    X, X_valid = features(train.X), features(valid.X)
    best, model = -1, None
    for leaves in (7, 15, 31):
        trial = lightgbm.LGBMClassifier(
            n_estimators=1000, learning_rate=0.05, num_leaves=leaves, subsample=0.8, subsample_freq=1,
            colsample_bytree=0.5, random_state=seed, n_jobs=1, verbose=-1,
        ).fit(X, train.y, eval_set=[(X_valid, valid.y)], eval_metric="auc",
              callbacks=[lightgbm.early_stopping(50, verbose=False)])  # fmt: skip
        auc = roc_auc_score(valid.y, trial.predict_proba(X_valid)[:, 1])
        if auc > best:
            best, model = auc, trial
    return lambda X: model.predict_proba(features(X))[:, 1]


def sklearn_model(model, train, features):
    model.fit(features(train.X), train.y)
    return lambda X: model.predict_proba(features(X))[:, 1]


def network(model, train, valid, loss, score, seed, prepare=lambda X: X, dtype="f4", **options):
    """A network trained by the plain loop of the originals; samples -> outputs."""
    parts = [(prepare(part.X), part.y.astype(dtype)) for part in (train, valid)]
    plain.train(model, *parts, loss, score, seed=seed, **options)
    return lambda X: plain.outputs(model, prepare(X))


def higgs_models(train, valid):
    same = np.asarray
    return {
        "network": lambda seed: lessons.train_higgs(train, valid, seed),
        "LightGBM": lambda seed: trees(train, valid, same, seed),
        "scikit-learn HistGradientBoosting": lambda seed: sklearn_model(
            HistGradientBoostingClassifier(learning_rate=0.05, max_iter=300, random_state=seed), train, same),
        "scikit-learn MLP": lambda seed: sklearn_model(
            make_pipeline(StandardScaler(), MLPClassifier((128, 64), early_stopping=True, random_state=seed)),
            train, same),
        **tabular.models(train, valid, same),
    }  # fmt: skip


def particle_models(train, valid):
    from ParticleImages.model import shower_shapes

    def energy(X):
        return np.ascontiguousarray(np.moveaxis(np.asarray(X), 3, 1)[:, :1])

    def original(seed):
        model = plain.particle_images_cnn()
        model[0] = torch.nn.Conv2d(1, 16, 3, padding=1)  # energy alone, as the real sample has it
        return network(model, train, valid, binary_cross_entropy_with_logits, roc_auc_score, seed, energy,
                       epochs=10, batch_size=64, lr=1e-4)  # fmt: skip

    return {
        "CNN": lambda seed: lessons.train_particle_images(train, valid, seed),
        "LightGBM on shower shapes": lambda seed: trees(train, valid, shower_shapes, seed),
        **tabular.models(train, valid, shower_shapes, " on shower shapes"),
        "the original's CNN": original,
    }


def through_a_camera(images, seed, camera=None):
    """Images with noise: as in training, each with its own and half of them in 8 bits, or by another camera."""
    from StrongLensing.model import any_camera

    torch.manual_seed(seed)
    return (camera or any_camera)(torch.from_numpy(images)).numpy()


def noisy(lenses):
    """Lenses with the noise at which the lesson measures the macro AUC, a hundredth of the peak."""
    from StrongLensing.model import observe

    return Dataset(through_a_camera(lenses.X, 0, lambda x: observe(x, 1e-2)), lenses.y)


def lens_models(train, valid):
    """All learn from images through a camera, ours with another noise in each epoch, as in the lesson."""
    from StrongLensing.model import low_waves, residual_features, softmax

    valid = Dataset(through_a_camera(valid.X, 0), valid.y)

    def features(X):
        return pd.DataFrame(residual_features(X))

    def forest(seed):
        model = lightgbm.LGBMClassifier(
            n_estimators=200, learning_rate=0.05, num_leaves=15, subsample=0.8, subsample_freq=1, colsample_bytree=0.3,
            random_state=seed, n_jobs=1, verbose=-1,
        ).fit(features(through_a_camera(train.X, seed)), train.y)  # fmt: skip
        return lambda X: model.predict_proba(features(X))

    def linear(seed):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(low_waves(through_a_camera(train.X, seed)), train.y)
        return lambda X: model.predict_proba(low_waves(X))

    def original(seed):
        logits = network(
            plain.strong_lensing_cnn(), Dataset(through_a_camera(train.X, seed), train.y), valid, cross_entropy,
            lessons.macro_auc_of_logits, seed, dtype="i8", epochs=20, batch_size=100, lr=1e-4, weight_decay=1e-5,
        )  # fmt: skip
        return lambda X: softmax(logits(X))

    return {
        "network": lambda seed: lessons.train_strong_lensing(train, valid, seed),
        "slow waves, linear": linear,
        "trees on residual features": forest,
        "the original's CNN": original,
    }


def restorers(train, valid):
    from StrongLensing import restoration

    def original(seed):
        model = restoration.SRCNN()
        plain.train(model, (train.X, train.y), (valid.X, valid.y), mse_loss, lessons.psnr, epochs=40, batch_size=16,
                    lr=1e-3, seed=seed)  # fmt: skip
        return lambda X: plain.outputs(model, X, 50)

    def wiener(seed):
        kernel = restoration.wiener_filter(train.X, train.y)
        return lambda X: restoration.apply_filter(kernel, X)

    return {
        "residual network": lambda seed: lessons.train_super_resolution(train, valid, seed),
        "SRCNN, plain loop, twice the original's epochs": original,
        "Wiener filter": wiener,
    }


def echo_models(train, valid):
    from NMRSpin.model import Ridge

    centre, spread, low, high = train.y.mean(0), train.y.std(0), train.X.mean(0), train.X.std(0)
    high[high == 0] = 1  # a column that never varies stays 0

    def original(seed):
        parts = [Dataset((part.X - low) / high, (part.y - centre) / spread) for part in (train, valid)]
        outputs = network(plain.nmr_network(), *parts, mse_loss, lambda y, z: 0.0, seed, lambda X: X.astype("f4"),
                          epochs=200, batch_size=128, lr=1e-4)  # fmt: skip
        return lambda X: outputs((X - low) / high) * spread + centre

    return {
        "network": lambda seed: lessons.train_nmr(train, valid, seed),
        "ridge": lambda seed: Ridge().fit(train.X, train.y).predict,
        "the original's network": original,
    }


def disk_models(train, valid):
    from Exoplanet.model import boosted_trees, features

    def forest(seed):
        model = boosted_trees(200, seed).fit(pd.DataFrame(features(train.X)), train.y)
        return lambda X: model.predict_proba(pd.DataFrame(features(X)))[:, 1]

    return {
        "network": lambda seed: lessons.train_exoplanet(train, valid, seed),
        "LightGBM on polar features": forest,
        "ResNet-18 (a quarter of its width)": lambda seed: network(
            plain.resnet18(), train, valid, binary_cross_entropy_with_logits, roc_auc_score, seed,
            epochs=8, batch_size=32, lr=1e-3),
    }  # fmt: skip


def detectors(train):
    from QuantumML import circuits, model, observables

    angles = circuits.Angles().fit(train.X)
    others = {
        "isolation forest, ring counts": lambda seed: model.Forest(observables.ring_counts, seed=seed),
        "Mahalanobis, ring counts": lambda seed: model.Mahalanobis(observables.ring_counts),
        "PCA of the image": lambda seed: model.Linear(observables.pixels, 8, centred=True),
        "untrained sum of the same inputs": lambda seed: model.Untrained(angles),
        "lit pixels, untrained": lambda seed: model.Untrained(observables.lit_pixels),
    }
    return {
        "quantum autoencoder": lambda seed: lessons.train_quantum(train, seed),
        "convolutional autoencoder": lambda seed: lessons.train_autoencoder(train, seed),
        **{name: lambda seed, make=make: make(seed).fit(train).score for name, make in others.items()},
    }


# --------------------------------------------------------------------------------------------------
# The challenges


def higgs(seeds, folder):
    from Higgs import data

    train, valid, test = lessons.parts(data, "Higgs")
    rows = real(lambda: data.read_rows(data.official.find("Higgs", data.EXCERPT)), folder)
    yield from contest("Higgs", "AUC", higgs_models(train, valid), {SECTION: test, REAL: rows}, roc_auc_score, seeds)


def particle_images(seeds, folder):
    from ParticleImages import data

    train, valid, test = lessons.parts(data, "ParticleImages")
    tests = {SECTION: test, REAL: real(data.excerpt, folder)}
    yield from contest("ParticleImages", "AUC", particle_models(train, valid), tests, roc_auc_score, seeds)


def strong_lensing(seeds, folder):
    from StrongLensing import data
    from StrongLensing.challenge import macro_auc

    train, valid, test = lessons.parts(data, "StrongLensing")
    tests = {SECTION: noisy(test), REAL: real(lambda: data.load("test", source="official"), folder)}
    yield from contest("StrongLensing, noise of 0.01", "macro AUC", lens_models(train, valid), tests, macro_auc, seeds)


def super_resolution(seeds, folder):
    from StrongLensing import data

    train, valid, test = lessons.parts(data, "super-resolution", task="super_resolution")
    pair = real(lambda: data.load("test", source="official", task="super_resolution"), folder)
    yield from contest("StrongLensing, super-resolution", "PSNR in dB", restorers(train, valid),
                       {SECTION: test, REAL: pair}, lessons.psnr, seeds)  # fmt: skip


def nmr(seeds, folder):
    from NMRSpin import data
    from NMRSpin.challenge import squared_errors

    if folder is not None:
        print("NMRSpin: the real echoes were recorded with other time steps; see nmrspin_fidelity.py", flush=True)
    for task in ("gauss", "rkky"):
        train, valid, test = lessons.parts(data, "NMRSpin", task=task)
        yield from contest(f"NMRSpin, {task}", "MSE", echo_models(train, valid), {SECTION: test},
                           lambda y, p: squared_errors(y, p).mean(), seeds, larger_is_better=False)  # fmt: skip


def exoplanet(seeds, folder):
    from Exoplanet import data
    from Exoplanet.challenge import by_run, truth_by_run

    train, valid, test = lessons.parts(data, "Exoplanet")
    truth = truth_by_run(test.y, test.meta["run"])
    frames = real(lambda: data.load("test", source="official"), folder)

    def auc(y, p):
        return roc_auc_score(*by_run(truth, p)) if len(y) == len(truth) else roc_auc_score(y, p)

    tests = {SECTION: test, REAL: frames}
    yield from contest("Exoplanet", "AUC by run", disk_models(train, valid), tests, auc, seeds)


def quantum(seeds, folder):
    """Half of the quarks of the real jets, which are of another kind, train: no test of the simulator."""
    from QuantumML import data
    from tests.benchmarks import quantumml_proxy

    train, test = lessons.parts(data, "QuantumML")
    jets = real(data.proxy, folder)
    sets = [(SECTION, train, test)] + ([(REAL, *quantumml_proxy.split(jets))] if jets is not None else [])
    for section, learn, part in sets:
        yield from contest("QuantumML", "AUC", detectors(learn), {section: part},
                           lambda y, s: roc_auc_score(y == data.GLUON, s), seeds)  # fmt: skip


def renaissance(seeds, folder):
    """Character error rates of whole pages, ours after learning from transcribed pages of the book.

    Of the simulated book as many as in the lesson and with its settings, of the real one all, as in the full profile.
    """
    from RenAIssance import data, language, metrics, reading
    from tests.benchmarks import renaissance_models as single

    if shutil.which("tesseract") is None:
        print("RenAIssance: tesseract is not installed, nothing to compare with", flush=True)
        return
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    for section, source, profile in ((SECTION, "simulated", "lesson"), (REAL, "official", "full")):
        p = lessons.lesson("RenAIssance", profile)

        def books(source=source, n=p.N_PAGES if source == "simulated" else None):
            return data.load("train", n, source=source), data.load("valid", source=source)

        found = books() if source == "simulated" else real(books, folder)
        if found is None:
            continue
        train, valid = found
        learn, held = Dataset(reading.cut(train), train.y), reading.cut(valid)
        spanish = language.LanguageModel(language.simulated_text(p.N_LANGUAGE) + lessons.known_lines(learn)[1])

        def cer(readings, valid=valid):
            return metrics.error_rates(valid.y, readings)["CER"]

        ours = [cer(lessons.train_reader(learn, seed, profile, spanish)(held)) for seed in range(seeds)]
        pages = [page[:h, :w] for page, (h, w) in zip(valid.X, valid.meta["size"], strict=True)]
        for tongue in ("spa_old", "spa_old+spa"):
            blocks = [single.text_block(page) for page in pages]
            for what, images in (("whole pages", pages), ("level text blocks", blocks)):
                theirs = cer(single.tesseract(images, tongue, 6))
                peer = f"tesseract {tongue}, {what}"
                yield over_seeds(section, "RenAIssance", "CER", "adapted reader, whole pages", peer,
                                 ours, [theirs] * seeds, larger_is_better=False)  # fmt: skip


ALL = {"Higgs": [higgs], "ParticleImages": [particle_images], "StrongLensing": [strong_lensing, super_resolution],
       "RenAIssance": [renaissance], "NMRSpin": [nmr], "Exoplanet": [exoplanet], "QuantumML": [quantum]}  # fmt: skip


def rows(challenges=None, seeds=3, folder=None):
    if folder is None:
        print("no folder of real samples (--real): measured on simulated ones only", flush=True)
    for name in challenges or ALL:
        for measure in ALL[name]:
            yield from measure(seeds, folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(ALL), default=list(ALL))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--real", metavar="FOLDER")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(as_text(list(rows(options.only, options.seeds, options.real))))
