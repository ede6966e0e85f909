"""The models of the lessons, trained as the notebooks train them, on data of the lessons' size.

Each `train_...` returns a function samples -> predictions. `score` may end a training early (see `training.Until`).
"""

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, l1_loss

from common.training import fit, predict, seed_everything

SIZES = {  # training, validation and test samples
    "Higgs": (12_000, 4_000, 20_000), "ParticleImages": (24_000, 4_000, 20_000), "StrongLensing": (3_000, 1_000, 3_000),
    "super-resolution": (300, 50, 200), "NMRSpin": (720, 80, 200), "Exoplanet": (2_400, 600, 1_500),
    "QuantumML": (6_000, 2_000, 8_000),
}  # fmt: skip


def parts(data, name, **options):
    """Training, validation and test samples of a challenge."""
    return [data.load(split, n, **options) for split, n in zip(("train", "valid", "test"), SIZES[name], strict=True)]


def train_higgs(train, valid, seed=0, score=roc_auc_score):
    from Higgs import model as higgs

    X, X_valid = higgs.features(train.X), higgs.features(valid.X)
    seed_everything(seed)
    model = higgs.Network(X, 128, 1, 0.3)
    fit(model, (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), loss=binary_cross_entropy_with_logits,
        score=score, epochs=15, lr=1e-3, weight_decay=1.0, seed=seed, progress=False)  # fmt: skip
    return lambda X: predict(model, higgs.features(X))


def train_particle_images(train, valid, seed=0, score=roc_auc_score):
    from ParticleImages import model as particles

    X, X_valid = (particles.network_input(part.X, "energy") for part in (train, valid))
    seed_everything(seed)
    model = particles.CNN(X.shape[1], 12)
    fit(model, (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), loss=binary_cross_entropy_with_logits,
        score=score, epochs=6, batch_size=64, lr=3e-3, weight_decay=0.05, seed=seed, progress=False)  # fmt: skip
    return lambda X: particles.probability(model, particles.network_input(X, "energy"))


def macro_auc_of_logits(y, z):
    return roc_auc_score(y, torch.softmax(torch.as_tensor(z).double(), 1).numpy(), multi_class="ovr")


def train_strong_lensing(train, valid, seed=0, score=macro_auc_of_logits):
    from StrongLensing import model as lensing

    seed_everything(seed)
    model = lensing.Network()
    fit(model, (train.X, train.y.astype("i8")), (valid.X, valid.y.astype("i8")), loss=cross_entropy, score=score,
        epochs=14, batch_size=64, lr=3e-3, weight_decay=0.05, augment=lensing.any_camera, seed=seed,
        progress=False)  # fmt: skip
    return lambda X: lensing.probabilities(model, X)


def psnr(fine, images):
    """Mean PSNR in dB of images in [0, 1]."""
    return -10 * np.log10(((fine - images.clip(0, 1)) ** 2).mean(axis=(1, 2, 3))).mean()


def train_super_resolution(train, valid, seed=0, score=psnr):
    from StrongLensing import restoration

    seed_everything(seed)
    model = restoration.ResidualNetwork(32, 4)
    fit(model, (train.X, train.y), (valid.X, valid.y), loss=l1_loss, score=score, epochs=10, batch_size=8, lr=2e-3,
        weight_decay=1e-4, seed=seed, progress=False)  # fmt: skip
    return lambda X: restoration.restore(model, X)


def train_exoplanet(train, valid, seed=0, score=roc_auc_score):
    from Exoplanet import model as exoplanet

    X, X_valid = exoplanet.views(train.X), exoplanet.views(valid.X)
    seed_everything(seed)
    model = exoplanet.Network(8)
    fit(model, (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), loss=binary_cross_entropy_with_logits,
        score=score, epochs=6, batch_size=64, lr=3e-3, weight_decay=0.05, augment=exoplanet.turn_and_flip, seed=seed,
        progress=False)  # fmt: skip
    return lambda X: exoplanet.sigmoid(exoplanet.logits(model, exoplanet.views(X), turns=4))


def train_nmr(train, valid, seed=0, epochs=300):
    from NMRSpin.model import Network

    return Network(epochs=epochs, seed=seed).fit(train.X, train.y, valid.X, valid.y).predict


def train_quantum(train, seed=0):
    from QuantumML import circuits

    return circuits.QuantumAutoencoder(circuits.autoencoder(), seed=seed).fit(train).score
