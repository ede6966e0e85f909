"""What the NMRSpin lesson learns with: the targets, a linear model and a network.

The lesson's cells are filled from here by ``make refresh``: lines of what they show are at most 78 characters long.
"""

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from torch import nn
from torch.nn.functional import mse_loss

from common.training import fit, predict, seed_everything
from NMRSpin import simulate
from NMRSpin.spins import interaction

FLOOR = 1e-3  # added to the spread of a column: some hardly vary, and their rounding is not to be blown up


# --------------------------------------------------------------------------------------------------
# What a model is asked for


def targets(y):
    """Labels as the physics has them: alpha, log xi and a rate, (n, 3).

    The rate is 10^(-(d - 6) / 2), in units of the largest there is: in (0, 1].

    Parameters
    ----------
    y : array-like of shape (n, 3)
        alpha, xi in lattice spacings, d.

    Returns
    -------
    ndarray of float64, shape (n, 3)
    """
    alpha, xi, d = np.asarray(y, dtype=np.float64).T
    rate = 10 ** (-(d - 6) / 2)
    return np.stack([alpha, np.log(xi), rate], axis=1)


LOWEST = targets([[0.1, 3.0, simulate.MAX_D]])[0]
HIGHEST = targets([[simulate.MAX_ALPHA, simulate.MAX_XI, simulate.MIN_D]])[0]


def labels(t):
    """Back: alpha, xi and d (n, 3), kept within what the data can have.

    Parameters
    ----------
    t : array-like of shape (n, 3)
        As `targets` returns them.

    Returns
    -------
    ndarray of float64, shape (n, 3)
    """
    t = np.clip(np.asarray(t, dtype=np.float64), LOWEST, HIGHEST)
    alpha, log_xi, rate = t.T
    d = 6 - 2 * np.log10(rate)
    return np.stack([alpha, np.exp(log_xi), d], axis=1)


def total_coupling(kind, y):
    """W = alpha |sum_j f(r_j)| / 10^4 of samples with labels y (n, 3), in gamma."""
    lengths, totals = simulate.total_interaction(kind)
    return y[:, 0] * np.exp(np.interp(np.log(y[:, 1]), np.log(lengths), np.log(totals))) / simulate.SPINS


def same_coupling(alpha, xi, new_xi):
    """The alpha that gives a sample of range new_xi the same W, for gauss."""
    total, new_total = interaction("gauss", [xi, new_xi]).sum(axis=(1, 2))
    return alpha * total / new_total


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
    """Linear regression on all values of the echo, with a penalty.

    The penalty is one of seventeen between 10^-4 and 10^4, chosen for each target by itself by leaving out one training
    echo at a time; one for all would follow the targets that are hard to read.

    Parameters
    ----------
    wanted : callable y (n, 3) -> ndarray (n, k)
        What it is asked for.
    back : callable ndarray (n, k) -> ndarray
        What its answers are turned into; inverse of `wanted`.
    """

    def __init__(self, wanted=targets, back=labels):
        self.wanted, self.back = wanted, back

    def fit(self, X, y):
        t = self.wanted(y)
        self.inputs, self.outputs = Standard(flat(X), FLOOR), Standard(t)
        self.model = RidgeCV(np.logspace(-4, 4, 17), alpha_per_target=True)
        self.model.fit(self.inputs.forward(flat(X)), self.outputs.forward(t))
        return self

    def predict(self, X):
        found = self.model.predict(self.inputs.forward(flat(X)))
        return self.back(self.outputs.back(found))


def layers(n_inputs, width=1024):
    """Two hidden layers: inputs (n, n_inputs) -> three targets (n, 3)."""
    return nn.Sequential(
        nn.Linear(n_inputs, width), nn.SiLU(),
        nn.Linear(width, width // 4), nn.SiLU(),
        nn.Linear(width // 4, 3))  # fmt: skip


class Network:
    """A network on the principal components of the echo.

    Parameters
    ----------
    components, width, epochs : int
    seed : int
    wanted, back : callable
        As in `Ridge`.
    """

    def __init__(self, components=100, width=1024, epochs=300, seed=0,
                 wanted=targets, back=labels):  # fmt: skip
        self.components, self.width = components, width
        self.epochs, self.seed = epochs, seed
        self.wanted, self.back = wanted, back

    def fit(self, X, y, X_valid, y_valid):
        """Keep the weights of the epoch that is best on validation."""
        seed_everything(self.seed)
        self.inputs = Standard(flat(X), FLOOR)
        self.outputs = Standard(self.wanted(y))
        standard = self.inputs.forward(flat(X))
        n = min(self.components, len(X) - 1)
        self.pca = PCA(n, random_state=self.seed).fit(standard)
        self.scale = self.pca.transform(standard).std()
        self.module = layers(n, self.width)
        self.history = fit(
            self.module, (self.see(X), self.aim(y)),
            (self.see(X_valid), self.aim(y_valid)), loss=mse_loss,
            epochs=self.epochs, batch_size=64, lr=2e-3, seed=self.seed)  # fmt: skip
        return self

    def see(self, X):
        """Echoes (n, 2, 471) -> components (n, 100), on one scale."""
        found = self.pca.transform(self.inputs.forward(flat(X)))
        return (found / self.scale).astype(np.float32)

    def aim(self, y):
        """Labels (n, 3) -> standardised targets (n, 3)."""
        return self.outputs.forward(self.wanted(y)).astype(np.float32)

    def predict(self, X):
        found = predict(self.module, self.see(X))
        return self.back(self.outputs.back(found))
