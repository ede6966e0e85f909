"""How long the lessons' models take to the score at which the loop of the original example ends, on the same data.

    python -m tests.benchmarks.training [--only Higgs ...] [--seeds 3]

The plain loop is that of the example notebook of the challenge, with its network, batches, learning rate and number of
epochs (see `plain.py`). Then the lesson's model is trained on the same samples, features included, until its validation
score is the plain loop's last one. Processor time of one thread; one pair a seed.
"""

import argparse
import time

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, mse_loss

from tests.benchmarks import lessons, plain
from tests.benchmarks.table import Row, as_text

SECTION = "training to the score of the original example"


class Reached(Exception):
    """The target has been met."""


class Until:
    """A score that ends the training once it is at least the target."""

    def __init__(self, score, target):
        self.score, self.target, self.best = score, target, -np.inf

    def __call__(self, y, outputs):
        value = self.score(y, outputs)
        self.best = max(self.best, value)
        if value >= self.target:
            raise Reached
        return value


def until(train, score, target):
    """Processor seconds of train(score) to the target, infinite where it ends below; and the best score."""
    watched, start = Until(score, target), time.process_time()
    try:
        train(watched)
    except Reached:
        return time.process_time() - start, watched.best
    return np.inf, watched.best


def race(challenge, what, original, lesson, seeds, note=""):
    """A row of original(seed) -> (seconds, score) and lesson(seed, target) -> (seconds, score)."""
    pairs = []
    for seed in range(seeds):
        slow, target = original(seed)
        fast, reached = lesson(seed, target)
        pairs.append((fast, slow, reached, target))
        print(
            f"{challenge} seed {seed}: {slow:.1f} s to {what} {target:.3f}; ours {fast:.2f} s to {reached:.3f}",
            flush=True,
        )
    fast, slow, reached, target = np.array(pairs).T
    gains = slow / fast
    about = f"to {what} {np.mean(target):.3g}; ours has {np.mean(reached):.3g} then"
    return Row(SECTION, challenge, "seconds of one core", "ours", float(np.median(fast)), "plain loop",
               float(np.median(slow)), float(np.median(gains)), gains.min(), gains.max(), "times",
               "; ".join(filter(None, [about, note])))  # fmt: skip


def floats(part):
    return part.X, part.y.astype("f4")


def higgs(seeds):
    from Higgs import data

    train, valid = data.load("train", 10_000), data.load("valid", 4_000)
    yield race(
        "Higgs", "AUC",
        lambda seed: plain.train(
            plain.higgs_network(), floats(train), floats(valid), binary_cross_entropy_with_logits, roc_auc_score,
            epochs=20, batch_size=5, lr=1e-3, seed=seed),
        lambda seed, target: until(
            lambda score: lessons.train_higgs(train, valid, seed, score), roc_auc_score, target), seeds,
    )  # fmt: skip


def particle_images(seeds):
    from ParticleImages import data

    train, valid = data.load("train", 8_000), data.load("valid", 4_000)
    channels_first = [(np.moveaxis(part.X, 3, 1), part.y.astype("f4")) for part in (train, valid)]
    yield race(
        "ParticleImages", "AUC",
        lambda seed: plain.train(
            plain.particle_images_cnn(), *channels_first, binary_cross_entropy_with_logits, roc_auc_score,
            epochs=10, batch_size=64, lr=1e-4, seed=seed),
        lambda seed, target: until(
            lambda score: lessons.train_particle_images(train, valid, seed, score), roc_auc_score, target), seeds,
    )  # fmt: skip


def strong_lensing(seeds):
    from StrongLensing import data

    train, valid, _ = lessons.parts(data, "StrongLensing")
    score, labelled = lessons.macro_auc_of_logits, [(part.X, part.y.astype("i8")) for part in (train, valid)]
    yield race(
        "StrongLensing", "macro AUC",
        lambda seed: plain.train(
            plain.strong_lensing_cnn(), *labelled, cross_entropy, score,
            epochs=20, batch_size=100, lr=1e-4, weight_decay=1e-5, seed=seed),
        lambda seed, target: until(
            lambda watched: lessons.train_strong_lensing(train, valid, seed, watched), score, target), seeds,
    )  # fmt: skip


def super_resolution(seeds):
    from StrongLensing import data
    from StrongLensing.restoration import SRCNN

    train, valid, _ = lessons.parts(data, "super-resolution", task="super_resolution")
    yield race(
        "StrongLensing, super-resolution", "PSNR",
        lambda seed: plain.train(
            SRCNN(), (train.X, train.y), (valid.X, valid.y), mse_loss, lessons.psnr,
            epochs=20, batch_size=100, lr=1e-4, weight_decay=1e-5, seed=seed),
        lambda seed, target: until(
            lambda score: lessons.train_super_resolution(train, valid, seed, score), lessons.psnr, target), seeds,
    )  # fmt: skip


def nmr(seeds):
    """The original network sees standardised echoes and labels.

    Ours is trained anew with twice the epochs until it is as good; what the shorter trainings took is not counted.
    """
    from NMRSpin import data
    from NMRSpin.challenge import squared_errors

    train, valid, test = lessons.parts(data, "NMRSpin")
    spread = np.where(train.X.std(0) > 0, train.X.std(0), 1)  # a column that never varies stays 0
    pairs = [
        (((part.X - train.X.mean(0)) / spread).astype("f4"), ((part.y - train.y.mean(0)) / train.y.std(0)).astype("f4"))
        for part in (train, test)
    ]

    def lesson(seed, target):
        for epochs in (10, 20, 40, 80, 160, 300):
            start = time.process_time()
            predict = lessons.train_nmr(train, valid, seed, epochs)
            seconds, score = time.process_time() - start, -squared_errors(test.y, predict(test.X)).mean()
            if score >= target:
                return seconds, score
        return np.inf, score

    yield race(
        "NMRSpin", "minus MSE",
        lambda seed: plain.train(
            plain.nmr_network(), *pairs, mse_loss, lambda y, z: -((y - z) ** 2).mean(),
            epochs=200, batch_size=128, lr=1e-4, seed=seed),
        lesson, seeds,
    )  # fmt: skip


def exoplanet(seeds):
    from Exoplanet import data

    train, valid, _ = lessons.parts(data, "Exoplanet")
    yield race(
        "Exoplanet", "AUC by image",
        lambda seed: plain.train(
            plain.resnet18(), floats(train), floats(valid), binary_cross_entropy_with_logits, roc_auc_score,
            epochs=5, batch_size=16, lr=1e-3, seed=seed),
        lambda seed, target: until(
            lambda score: lessons.train_exoplanet(train, valid, seed, score), roc_auc_score, target), seeds,
        "a small ResNet-18 for the original's EfficientNetV2-S",
    )  # fmt: skip


def quantum(seeds):
    """The original trains a convolutional autoencoder on quarks; AUC of its loss on labelled jets."""
    from QuantumML import data, model, observables

    train, test = data.load("train", 6000), data.load("test", 4000)
    gluon, images = (test.y == data.GLUON).astype(int), observables.images(train.X)

    def auc(y, outputs):
        loss = model.cross_entropy(torch.from_numpy(outputs), torch.from_numpy(y)).flatten(1).mean(1)
        return roc_auc_score(gluon, loss)

    def lesson(seed, target):
        start = time.process_time()
        score = lessons.train_quantum(train, seed)
        seconds = time.process_time() - start
        return seconds, roc_auc_score(gluon, score(test.X))

    yield race(
        "QuantumML", "AUC",
        lambda seed: plain.train(
            model.ConvNet(), (images, images), [observables.images(test.X)] * 2, binary_cross_entropy_with_logits, auc,
            epochs=20, batch_size=128, lr=1e-3, seed=seed),
        lesson, seeds, "the classical original; our quantum autoencoder is trained to its end",
    )  # fmt: skip


def renaissance(seeds):
    """The original trains a recurrent network on the book alone; ours begins with what simulated text has taught it."""
    from RenAIssance import data, metrics, model, reading
    from RenAIssance.train import adapt, learning_lines, step

    train, valid = data.load("train", 12), data.load("valid")
    cut, held = reading.cut(train), reading.cut(valid)
    reader = model.load()
    known, texts, _ = learning_lines(cut, train.y, reading.transcribe(reader, cut))

    def accuracy(reader):
        return 1 - metrics.error_rates(valid.y, reading.joined(reading.transcribe(reader, held)))["CER"]

    def original(seed):
        torch.manual_seed(seed)
        rng, scratch = np.random.default_rng(seed), model.Reader()
        optimizer, start = torch.optim.Adam(scratch.parameters(), 1e-3), time.process_time()
        for _ in range(20):
            for rows in np.array_split(rng.permutation(len(known)), len(known) // 8):
                step(scratch, optimizer, [known[i] for i in rows], [texts[i] for i in rows], rng)
        return time.process_time() - start, accuracy(scratch)

    def lesson(seed, target):
        start = time.process_time()
        adapted, _ = adapt(reader, known, texts, (known[:4], texts[:4]), epochs=1, seed=seed, progress=False)
        return time.process_time() - start, accuracy(adapted)

    yield race(
        "RenAIssance", "1 - CER", original, lesson, seeds, "ours learns for one epoch; the plain loop has our network"
    )


ALL = {"Higgs": [higgs], "ParticleImages": [particle_images], "StrongLensing": [strong_lensing, super_resolution],
       "RenAIssance": [renaissance], "NMRSpin": [nmr], "Exoplanet": [exoplanet], "QuantumML": [quantum]}  # fmt: skip


def rows(challenges=None, seeds=3):
    for name in challenges or ALL:
        for measure in ALL[name]:
            yield from measure(seeds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(ALL), default=list(ALL))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(as_text(list(rows(options.only, options.seeds))))
