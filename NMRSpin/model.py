"""What the NMRSpin lesson learns with: the targets, a linear model and a network."""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from torch import nn
from torch.nn.functional import mse_loss

from common.training import fit, predict, seed_everything
from NMRSpin import simulate

FLOOR = 1e-3  # added to the spread of a column: some hardly vary, and their rounding is not to be blown up


# --------------------------------------------------------------------------------------------------
# What a model is asked for


def targets(y):
    """Labels as the physics has them: alpha, log xi, and the rate of dephasing 10^(-(d - 6) / 2), in (0, 1]; (n, 3)."""
    alpha, xi, d = np.asarray(y, dtype=np.float64).T
    return np.stack([alpha, np.log(xi), 10 ** (-(d - 6) / 2)], axis=1)


LOWEST = targets([[0.1, 3.0, simulate.MAX_D]])[0]
HIGHEST = targets([[simulate.MAX_ALPHA, simulate.MAX_XI, 6.0]])[0]


def labels(t):
    """alpha, xi and d from targets, which are kept within what the data can have."""
    alpha, log_xi, rate = np.clip(np.asarray(t, dtype=np.float64), LOWEST, HIGHEST).T
    return np.stack([alpha, np.exp(log_xi), 6 - 2 * np.log10(rate)], axis=1)


def total_coupling(kind, y):
    """W = alpha |sum_j f(r_j)| / 10^4 of samples with labels y (n, 3), in gamma."""
    lengths, totals = simulate.total_interaction(kind)
    return y[:, 0] * np.exp(np.interp(np.log(y[:, 1]), np.log(lengths), np.log(totals))) / 1e4


# --------------------------------------------------------------------------------------------------
# Models: each learns from X (n, 2, steps) and y (n, 3), and predicts labels (n, 3)


class Standard:
    """Columns less their mean, divided by their spread."""

    def __init__(self, values, floor=0.0):
        self.mean, self.spread = values.mean(axis=0), values.std(axis=0) + floor

    def forward(self, values):
        return (values - self.mean) / self.spread

    def back(self, values):
        return values * self.spread + self.mean


def flat(X):
    """Echoes as rows of numbers."""
    return np.asarray(X, dtype=np.float64).reshape(len(X), -1)


class Ridge:
    """Linear regression with a penalty, chosen by leave-one-out, on standardised values of the echo.

    Parameters
    ----------
    physical : bool
        Whether it is asked for `targets` instead of the labels themselves.
    wanted : callable y -> ndarray, optional
        What else it is asked for; these are then what it predicts.
    """

    def __init__(self, physical=False, wanted=None):
        self.physical = physical
        self.wanted = wanted or (targets if physical else np.float64)

    def fit(self, X, y):
        wanted = self.wanted(y)
        self.inputs, self.outputs = Standard(flat(X), FLOOR), Standard(wanted)
        self.model = RidgeCV(np.logspace(-4, 4, 17))
        self.model.fit(self.inputs.forward(flat(X)), self.outputs.forward(wanted))
        return self

    def predict(self, X):
        found = self.outputs.back(self.model.predict(self.inputs.forward(flat(X))))
        return labels(found) if self.physical else found


class Network:
    """A small network on the principal components of the standardised echo, asked for `targets`.

    Parameters
    ----------
    components, width, epochs : int
    seed : int
    """

    def __init__(self, components=100, width=256, epochs=300, seed=0):
        self.components, self.width, self.epochs, self.seed = components, width, epochs, seed

    def fit(self, X, y, X_valid, y_valid):
        """Train, keep the best epoch on the validation set, and store what happened in `history`."""
        seed_everything(self.seed)
        self.inputs, self.outputs = Standard(flat(X), FLOOR), Standard(targets(y))
        components = min(self.components, len(X) - 1)
        self.pca = PCA(components, random_state=self.seed).fit(self.inputs.forward(flat(X)))
        self.scale = 1.0
        self.scale = self._inputs(X).std()
        self.module = nn.Sequential(
            nn.Linear(components, self.width), nn.SiLU(),
            nn.Linear(self.width, self.width), nn.SiLU(), nn.Linear(self.width, 3),
        )
        (train, valid) = (
            (self._inputs(x), self.outputs.forward(targets(t)).astype(np.float32))
            for x, t in ((X, y), (X_valid, y_valid))
        )
        self.history = fit(
            self.module, train, valid, loss=mse_loss, epochs=self.epochs, batch_size=64, lr=2e-3, seed=self.seed,
        )
        return self

    def predict(self, X):
        return labels(self.outputs.back(predict(self.module, self._inputs(X))))

    def _inputs(self, X):
        # one scale for all components: small ones are the signature of the finite lattice, and partly rounding
        return (self.pca.transform(self.inputs.forward(flat(X))) / self.scale).astype(np.float32)
