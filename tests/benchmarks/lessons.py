"""The models of the lessons, trained as the notebooks train them, on data of the lessons' size.

Numbers of samples and epochs are read from the cell of parameters of the committed notebooks; `tests/test_training.py`
compares the other settings with theirs. Each `train_...` returns a function samples -> predictions. `score` may end a
training early (see `training.Until`).
"""

import math
from functools import cache
from types import SimpleNamespace

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from common import notebook_files
from common.challenge import ROOT
from common.training import fit, predict, seed_everything

NOTEBOOKS = {
    "Higgs": "Higgs/Higgs.ipynb",
    "ParticleImages": "ParticleImages/ParticleImages_CNN.ipynb",
    "StrongLensing": "StrongLensing/StrongLensing_Classification.ipynb",
    "super-resolution": "StrongLensing/StrongLensing_SuperResolution.ipynb",
    "RenAIssance": "RenAIssance/RenAIssance.ipynb",
    "NMRSpin": "NMRSpin/NMRSpin.ipynb",
    "Exoplanet": "Exoplanet/Exoplanet.ipynb",
    "QuantumML": "QuantumML/QuantumML_Quantum.ipynb",
    "QuantumML, classical": "QuantumML/QuantumML_Classical.ipynb",
}
TEST = {  # samples: more than in the lessons, for smaller errors
    "Higgs": 20_000, "ParticleImages": 20_000, "StrongLensing": 3_000, "super-resolution": 200, "NMRSpin": 200,
    "Exoplanet": 1_500, "QuantumML": 8_000,
}  # fmt: skip


@cache
def lesson(name, profile="lesson"):
    """The parameters of a lesson as it is committed, or in another profile: lesson("Higgs").N_EPOCHS."""
    path = ROOT / NOTEBOOKS[name]
    parameters = notebook_files.parameters(notebook_files.read(path))
    return SimpleNamespace(**parameters | notebook_files.settings(path, profile))


def parts(data, name, n=None, **options):
    """Training samples (n, or as many as the lesson has), the lesson's validation samples if any, and test samples."""
    sizes = {"train": n or lesson(name).N_TRAIN, "valid": getattr(lesson(name), "N_VALID", 0), "test": TEST[name]}
    return [data.load(split, size, **options) for split, size in sizes.items() if size]


def epochs(name, n):
    """As many as in the lesson; with few samples more, so that there are a quarter of its steps at least."""
    settings = lesson(name)
    return max(settings.N_EPOCHS, math.ceil(settings.N_EPOCHS * settings.N_TRAIN / (4 * n)))


def train_higgs(train, valid, seed=0, score=roc_auc_score):
    from Higgs import model as higgs

    p = lesson("Higgs")
    X, X_valid = higgs.features(train.X), higgs.features(valid.X)
    seed_everything(seed)
    model = higgs.Network(X, p.WIDTH, p.BLOCKS, p.DROPOUT)
    fit(model, (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), loss=binary_cross_entropy_with_logits,
        score=score, epochs=epochs("Higgs", len(X)), lr=1e-3, weight_decay=1.0, seed=seed, progress=False)  # fmt: skip
    return lambda X: predict(model, higgs.features(X))


def train_particle_images(train, valid, seed=0, score=roc_auc_score):
    from ParticleImages import model as particles

    p = lesson("ParticleImages")
    X, X_valid = particles.network_input(train.X), particles.network_input(valid.X)
    seed_everything(seed)
    model = particles.CNN(X.shape[1], p.WIDTH)
    fit(model, (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), loss=binary_cross_entropy_with_logits,
        score=score, epochs=epochs("ParticleImages", len(X)), batch_size=p.BATCH_SIZE, lr=3e-3, weight_decay=0.05,
        seed=seed, progress=False)  # fmt: skip
    return lambda X: particles.probability(model, particles.network_input(X))


def accuracy_of_logits(y, z):
    return (z.argmax(1) == y).mean()


def macro_auc_of_logits(y, z):
    return roc_auc_score(y, torch.softmax(torch.as_tensor(z).double(), 1).numpy(), multi_class="ovr")


def train_strong_lensing(train, valid, seed=0, score=accuracy_of_logits):
    """Training images get noise anew in each epoch; validation images are taken as they are given."""
    from StrongLensing import model as lensing

    seed_everything(seed)
    model = lensing.Network()
    fit(model, (train.X, train.y.astype("i8")), (valid.X, valid.y.astype("i8")), loss=cross_entropy, score=score,
        epochs=epochs("StrongLensing", len(train)), batch_size=64, lr=3e-3, weight_decay=0.05,
        augment=lensing.any_camera, seed=seed, progress=False)  # fmt: skip
    return lambda X: lensing.probabilities(model, X)


def psnr(fine, images):
    """Mean PSNR in dB of images in [0, 1]."""
    return -10 * np.log10(((fine - images.clip(0, 1)) ** 2).mean(axis=(1, 2, 3))).mean()


def train_super_resolution(train, valid, seed=0, score=psnr):
    from StrongLensing import restoration

    p = lesson("super-resolution")
    seed_everything(seed)
    guess = restoration.LinearFilter(restoration.wiener_filter(train.X, train.y))
    model = restoration.ResidualNetwork(p.WIDTH, p.BLOCKS, guess)
    model.to(memory_format=torch.channels_last)  # the faster order
    fit(model, (train.X, train.y), (valid.X, valid.y), loss=restoration.minus_psnr, score=score,
        epochs=epochs("super-resolution", len(train)), batch_size=p.BATCH, lr=p.LR, weight_decay=1e-4, seed=seed,
        progress=False)  # fmt: skip
    return lambda X: restoration.restore(model, X)


def known_lines(pages):
    """Lines of transcribed pages and their texts; `pages.X` has the lines of each page (`reading.cut`)."""
    from RenAIssance import model, reading
    from RenAIssance.train import learning_lines

    return learning_lines(pages.X, pages.y, reading.transcribe(model.load(), pages.X))[:2]


def train_reader(pages, seed=0, profile="lesson", spanish=None):
    """The shipped reader, adapted to the `known_lines` of pages, with a language model where one is given."""
    from RenAIssance import model, reading
    from RenAIssance.train import adapt

    p, (images, texts) = lesson("RenAIssance", profile), known_lines(pages)
    adapted, _ = adapt(model.load(), images, texts, (images[:4], texts[:4]), epochs=p.N_EPOCHS,
                       simulated=p.N_SIMULATED, seed=seed, progress=False)  # fmt: skip
    return lambda X: reading.joined(reading.transcribe(adapted, X, spanish))


def train_nmr(train, valid, seed=0, n_epochs=None):
    from NMRSpin.model import Network

    network = Network(epochs=n_epochs or epochs("NMRSpin", len(train)), seed=seed)
    return network.fit(train.X, train.y, valid.X, valid.y).predict


def train_exoplanet(train, valid, seed=0, score=None):
    """`score` of labels and logits of the validation images; the lesson's is the AUC by run."""
    from Exoplanet import model as exoplanet
    from Exoplanet.challenge import by_run, truth_by_run

    truth = truth_by_run(valid.y, valid.meta["run"])
    X, X_valid = exoplanet.views(train.X), exoplanet.views(valid.X)
    seed_everything(seed)
    model = exoplanet.Network(lesson("Exoplanet").WIDTH)
    fit(model, (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), loss=binary_cross_entropy_with_logits,
        score=score or (lambda y, z: roc_auc_score(*by_run(truth, z))), epochs=epochs("Exoplanet", len(X)),
        batch_size=32, lr=3e-3, weight_decay=0.05, augment=exoplanet.turn_and_flip, seed=seed,
        progress=False)  # fmt: skip
    return lambda X: exoplanet.sigmoid(exoplanet.logits(model, exoplanet.views(X), turns=4))


def train_quantum(train, seed=0):
    from QuantumML import circuits

    p = lesson("QuantumML")
    detector = circuits.QuantumAutoencoder(
        circuits.autoencoder(n_layers=p.N_LAYERS), seed=seed, steps=p.N_STEPS, batch_size=64)  # fmt: skip
    return detector.fit(train).score


def train_autoencoder(train, seed=0):
    """The convolutional autoencoder of the classical lesson."""
    from QuantumML import model, observables

    detector = model.Network(
        observables.images, model.ConvNet, model.cross_entropy, seed=seed,
        epochs=epochs("QuantumML, classical", len(train)), batch_size=64, lr=5e-3, progress=False)  # fmt: skip
    return detector.fit(train).score


TRAINING = {  # of each lesson: what trains it here, and the call whose settings the notebook has too
    "Higgs": (train_higgs, "fit"), "ParticleImages": (train_particle_images, "fit"),
    "StrongLensing": (train_strong_lensing, "fit"), "super-resolution": (train_super_resolution, "fit"),
    "RenAIssance": (train_reader, "adapt"), "NMRSpin": (train_nmr, "Network"), "Exoplanet": (train_exoplanet, "fit"),
    "QuantumML": (train_quantum, "QuantumAutoencoder"), "QuantumML, classical": (train_autoencoder, "Network"),
}  # fmt: skip
