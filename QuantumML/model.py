"""Detectors of anomalies that see one kind of jet while they train; those that are quantum circuits are in circuits.py.

A detector has `fit(train)` and `score(X)`; a higher score is more anomalous. `fit` takes a Dataset and not an array,
because it looks at the labels: jets of the other kind are refused.
"""

import numpy as np
import torch
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import StandardScaler
from torch import nn

from common import training
from QuantumML.data import QUARK, check_images
from QuantumML.observables import images


def one_kind(jets, kind=QUARK):
    """The images of a data set that must hold jets of one kind only.

    Parameters
    ----------
    jets : Dataset
    kind : {1, 0}
        1 for quarks; 0 for gluons, to see what a detector does that is trained the wrong way round.

    Raises
    ------
    ValueError
        Any jet is of another kind, or the labels are hidden or other than 0 and 1.
    """
    if jets.y is None or not np.isin(jets.y, (0, 1)).all():
        raise ValueError("a detector needs the labels of its training jets, 1 (quark) or 0 (gluon), to check them")
    others = int((np.asarray(jets.y) != kind).sum())
    if others:
        names = {1: "quark", 0: "gluon"}
        raise ValueError(
            f"{others} of {len(jets)} jets are {names[1 - kind]} jets: this detector trains on {names[kind]} jets "
            'only. Use load("train"), which has no others'
        )
    return check_images(jets.X)


class Detector:
    """Base of all detectors: fit(train) checks that all jets are of one kind, score(X) is higher for anomalies.

    Parameters
    ----------
    features : callable images (n, side, side) -> (n, n_features)
    kind : {1, 0}
        The kind of jet that it trains on; see one_kind().
    """

    def __init__(self, features, kind=QUARK):
        self.features, self.kind = features, kind

    def fit(self, train):
        """Learn what the jets of a Dataset look like; returns itself."""
        X = one_kind(train, self.kind)
        self.side = X.shape[1]
        self._prepare(X)
        self._fit(self.features(X))
        return self

    def score(self, X):
        """Anomaly score (n,) of images (n, side, side) of the size of the training images, else ValueError."""
        side = check_images(X).shape[1]
        if side != self.side:
            raise ValueError(f"images of {side} x {side} pixels, but this detector was trained on {self.side}")
        return np.asarray(self._score(self.features(X)), dtype=np.float64)

    def _prepare(self, X):
        """Fix what the features need to know about the training images; most need nothing."""


class Untrained(Detector):
    """The sum of the features; nothing is learnt."""

    def _fit(self, F):
        pass

    def _score(self, F):
        return F.sum(1)


class Linear(Detector):
    """Linear autoencoder: the squared distance from the first k principal components, without mean subtraction.

    The best linear encoder and decoder of width k have these components as their plane (Baldi and Hornik, Neural
    Networks 2 (1989) 53). With `centred` the mean is subtracted first, as principal component analysis does.
    """

    def __init__(self, features, k=4, centred=False, kind=QUARK):
        super().__init__(features, kind)
        self.k, self.centred = k, centred

    def _fit(self, F):
        self.mean = F.mean(0) if self.centred else 0.0
        if self.centred:
            solver = "covariance_eigh" if F.shape[1] < 1000 else "auto"
            self.components = PCA(self.k, svd_solver=solver).fit(F).components_
        else:
            _, vectors = np.linalg.eigh(F.T @ F)
            self.components = vectors[:, ::-1][:, : self.k].T

    def _score(self, F):
        F = F - self.mean
        return ((F - F @ self.components.T @ self.components) ** 2).sum(1)


class Mahalanobis(Detector):
    """Squared distance from the mean of the training jets in units of their covariance."""

    def _fit(self, F):
        self.model = EmpiricalCovariance().fit(F)

    def _score(self, F):
        return self.model.mahalanobis(F)


class Forest(Detector):
    """Isolation forest: how few random cuts separate a jet from the others (Liu, Ting and Zhou, ICDM 2008)."""

    def __init__(self, features, seed=0):
        super().__init__(features)
        self.model = IsolationForest(n_estimators=200, random_state=seed)

    def _fit(self, F):
        self.model.fit(F)

    def _score(self, F):
        return -self.model.score_samples(F)


def standardised(features, train):
    """The same features with mean 0 and variance 1 on the training jets, as a function of images."""
    scaler = StandardScaler().fit(features(one_kind(train)))
    return lambda X: scaler.transform(features(X)).astype(np.float32)


class ConvNet(nn.Module):
    """Images (n, 1, side, side) through a bottleneck; out come logits.

    About the size of the original notebook's (35,019 parameters, bottleneck of 27 numbers): 34,532 at side 30.
    """

    def __init__(self, side=30, bottleneck=27):
        super().__init__()
        self.side, quarter = side, (side + 3) // 4  # rounded up
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 8, 3, padding=1), nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * quarter**2, bottleneck), nn.ReLU())  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(bottleneck, 8 * quarter**2), nn.ReLU(),
            nn.Unflatten(1, (8, quarter, quarter)),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1), nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1))  # fmt: skip
        nn.init.constant_(self.decoder[-1].bias, -5.0)  # most are dark

    def forward(self, images):
        check_side(images, self.side)
        restored = self.decoder(self.encoder(images))
        # 4 * quarter pixels a side: what is too much is cut off
        return restored[..., : self.side, : self.side]


def check_side(images, side):
    """Raise ValueError unless images are side x side pixels."""
    if images.shape[-2:] != (side, side):
        raise ValueError(f"images of {tuple(images.shape[-2:])} pixels, expected {(side, side)}")


class SmallNet(nn.Module):
    """Autoencoder of a few features with a bottleneck of four numbers."""

    def __init__(self, n_features=8, bottleneck=4, hidden=16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, hidden), nn.Tanh(), nn.Linear(hidden, bottleneck),
            nn.Linear(bottleneck, hidden), nn.Tanh(), nn.Linear(hidden, n_features),
        )  # fmt: skip

    def forward(self, features):
        return self.layers(features)


class Network(Detector):
    """An autoencoder network; the score is its loss on each jet.

    Parameters
    ----------
    features : callable
        images() for ConvNet.
    make : callable -> torch.nn.Module
        Called once the seed is set.
    loss : callable (output, input) -> loss of each number
    seed : int
        Seed of the initial weights and of the order of the jets.
    **fit
        For `common.training.fit`: epochs, batch_size, lr, progress.
    """

    def __init__(self, features, make, loss, kind=QUARK, seed=0, **fit):
        super().__init__(features, kind)
        self.make, self.loss, self.seed, self.options = make, loss, seed, fit

    def _fit(self, F):
        training.seed_everything(self.seed)
        self.model = self.make()
        held_back = max(1, len(F) // 10)  # of the same kind: no gluon chooses the epoch
        parts = [(part, part) for part in (F[held_back:], F[:held_back])]
        self.history = training.fit(
            self.model, *parts, loss=lambda output, target: self.loss(output, target).mean(), seed=self.seed,
            weight_decay=0.0, **self.options,
        )  # fmt: skip

    def _score(self, F):
        output = torch.from_numpy(training.predict(self.model, F))
        return self.loss(output, torch.from_numpy(F)).flatten(1).mean(1).numpy()


def cross_entropy(output, target):
    """Loss of each pixel: binary cross-entropy, from logits."""
    return nn.functional.binary_cross_entropy_with_logits(
        output, target, reduction="none")  # fmt: skip


def squared_error(output, target):
    return (output - target) ** 2


def conv_autoencoder(side=30, seed=0, epochs=12, batch_size=64, lr=5e-3, progress=False):
    """The baseline: a convolutional autoencoder of the size of the original's."""
    return Network(
        images, lambda: ConvNet(side), cross_entropy, seed=seed,
        epochs=epochs, batch_size=batch_size, lr=lr, progress=progress,
    )  # fmt: skip


def small_autoencoder(features, n_features=8, seed=0, epochs=20, batch_size=128, lr=1e-2):
    """A small classical autoencoder of a few features."""
    return Network(
        features, lambda: SmallNet(n_features), squared_error, seed=seed,
        epochs=epochs, batch_size=batch_size, lr=lr, progress=False,
    )  # fmt: skip
