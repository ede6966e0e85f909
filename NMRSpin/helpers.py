"""What the NMRSpin notebook would otherwise be cluttered with: targets, models, a fit, and figures."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from torch import nn
from torch.nn.functional import mse_loss

from common.training import fit, predict, seed_everything
from NMRSpin import simulate, spins
from NMRSpin.simulate import LABELS, SEQUENCE

FLOOR = 1e-3  # added to the spread of a column: some hardly vary, and their rounding is not to be blown up
BEFORE, AFTER = slice(0, SEQUENCE.wait), slice(SEQUENCE.wait, None)
AXES = {"alpha": "alpha", "xi": "xi [lattice spacings]", "d": "d"}


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


# --------------------------------------------------------------------------------------------------
# A fit with the simulator


def fit_echoes(kind, X, start, steps=4):
    """Labels of echoes by least squares: the simulator is run until it meets them.

    Gauss-Newton (Nocedal and Wright, Numerical Optimization, chapter 10) in log W, log xi and the rate of dephasing:
    the echo fixes the total coupling W best, and on a line of constant W the search is straight. It begins with a scan
    of eight W. The slopes of the echo are differences of the simulator, so a step takes four simulated echoes for each
    measured one. Each echo is fitted for itself; a step that makes it worse is halved in the next round.

    Parameters
    ----------
    kind : {"gauss", "rkky"}
    X : ndarray of shape (n, 2, 471)
    start : ndarray of shape (n, 3)
        Labels to begin with: xi and d. W is scanned.
    steps : int

    Returns
    -------
    found : ndarray of shape (n, 3)
        Labels.
    rms : ndarray of shape (steps + 1, n)
        Root mean square difference of simulated and measured M, before the first step and after each.
    """
    shift = 1e-3
    shifts = np.concatenate([np.zeros((1, 3)), shift * np.eye(3)])
    low, high = np.log(simulate.COUPLING) + [-0.2, 0.2]
    low, high = np.array([low, *LOWEST[1:]]), np.array([high, *HIGHEST[1:]]) - 2 * shift
    measured = flat(X)

    def run(p):
        M = simulate.echoes(kind, _labels_of(kind, p))
        return flat(np.stack([M.real, M.imag], axis=1))

    # The range of W is known and narrow, and a wrong W is what leads astray: look where in it the echo is met best.
    scan = np.tile(targets(start), (8, 1, 1))
    scan[..., 0] = np.linspace(*np.log(simulate.COUPLING), 8)[:, None]
    scan = np.clip(scan, low, high)
    distance = ((run(scan.reshape(-1, 3)).reshape(*scan.shape[:2], -1) - measured) ** 2).mean(axis=2)
    trial = best = scan[distance.argmin(axis=0), np.arange(len(start))]
    change, lowest, simulated, rms = np.zeros_like(best), np.full(len(best), np.inf), None, []
    for step in range(steps + 1):
        around = trial[:, None] + (shifts if step < steps else shifts[:1])
        new = run(around.reshape(-1, 3)).reshape(len(trial), -1, measured.shape[1])
        size = np.sqrt(((new[:, 0] - measured) ** 2).mean(axis=1))
        better = size < lowest
        best = np.where(better[:, None], trial, best)
        lowest = np.where(better, size, lowest)
        rms.append(lowest)
        if step == steps:
            return _labels_of(kind, best), np.array(rms)
        simulated = new if simulated is None else np.where(better[:, None, None], new, simulated)
        for i in range(len(trial)):
            slopes = (simulated[i, 1:] - simulated[i, 0]) / shift
            newton = np.linalg.lstsq(slopes.T, measured[i] - simulated[i, 0], rcond=None)[0]
            change[i] = newton if better[i] else change[i] / 2
        change = np.clip(change, [-0.2, -0.5, -0.3], [0.2, 0.5, 0.3])  # where a straight line is a good guide
        trial = np.clip(best + change, low, high)


def _labels_of(kind, p):
    """alpha, xi, d from log W, log xi and the rate of dephasing."""
    log_w, log_xi, rate = p.T
    lengths, totals = simulate.total_interaction(kind)
    alpha = 1e4 * np.exp(log_w - np.interp(log_xi, np.log(lengths), np.log(totals)))
    return np.column_stack([alpha, np.exp(log_xi), 6 - 2 * np.log10(rate)])


# --------------------------------------------------------------------------------------------------
# Figures


def plain_ticks(axis, at=(5, 10, 20, 50)):
    """Ticks of a logarithmic axis of xi as plain numbers."""
    axis.set_ticks(at, labels=map(str, at))
    axis.set_ticks([], minor=True)


def precessing(kind, y, moments):
    """Snapshots of the spins in the transverse plane, without and with interaction, and |M| between them.

    Parameters
    ----------
    kind : {"gauss", "rkky"}
    y : sequence of three numbers
        alpha, xi, d of the sample in the lower row; the upper row has alpha = 0.
    moments : dict of str to int
        Titles and the steps (from 1) of the snapshots.
    """
    detuning = simulate.shared_detunings()
    alpha, xi, d = y
    coupling = np.stack([strength * simulate.CALIBRATION * spins.interaction(kind, xi) for strength in (0, alpha)])
    rate = np.full(2, simulate.DECAY * 10 ** (-d / 2))
    M, kept = spins.evolve(coupling, detuning, rate, snapshots=[step - 1 for step in moments.values()])
    shown = np.random.default_rng(0).permutation(detuning.size)[:400]
    fig = plt.figure(figsize=(7.4, 4.6))
    grid = fig.add_gridspec(3, len(moments), height_ratios=(1, 1, 1.1), hspace=0.4)
    for column, (title, state) in enumerate(zip(moments, kept, strict=True)):
        for row in (0, 1):
            ax = fig.add_subplot(grid[row, column])
            x, y = state[row, :2].reshape(2, -1)[:, shown]
            ax.scatter(x, y, s=2, c=detuning.ravel()[shown], cmap="coolwarm", vmin=-0.05, vmax=0.05)
            ax.annotate("", state[row, :2].mean(axis=(1, 2)), (0, 0), arrowprops={"arrowstyle": "->", "lw": 1.5})
            ax.set(xlim=(-0.55, 0.55), ylim=(-0.55, 0.55), aspect="equal", xticks=[], yticks=[])
            if row == 0:
                ax.set_title(title, fontsize=8)
            if column == 0:
                ax.set_ylabel("alone" if row == 0 else "interacting", fontsize=8)
    ax = fig.add_subplot(grid[2, :])
    steps = np.arange(1, M.shape[1] + 1)
    for line, name, values in zip(("--", "-"), ("alone", "interacting"), abs(M), strict=True):
        ax.plot(steps, values, line, label=name)
    for step in moments.values():
        ax.axvline(step, color="0.8", lw=0.8, zorder=0)
    ax.set(xlabel="time step (0.32 us each)", ylabel="|M|")
    ax.legend()
    return fig


def correlation(truth, predictions):
    """Predicted against true labels; predictions is {name: (n, 3)}."""
    fig, axes = plt.subplots(len(predictions), 3, figsize=(7.4, 2.3 * len(predictions)), squeeze=False)
    for row, (name, found) in zip(axes, predictions.items(), strict=True):
        for column, (ax, label) in enumerate(zip(row, LABELS, strict=True)):
            low, high = truth[:, column].min(), truth[:, column].max()
            ax.plot([low, high], [low, high], color="0.6", lw=0.8)
            ax.plot(truth[:, column], found[:, column], ".", ms=3)
            ax.set(xlabel=f"true {AXES[label]}", ylabel=f"predicted {label}")
            if column == 1:
                ax.set(xscale="log", yscale="log", title=name)
                plain_ticks(ax.xaxis)
                plain_ticks(ax.yaxis)
    return fig


def picture(axes):
    """Spins in the transverse plane at three moments, one on each of the axes: fanning out, and at the echo."""
    coupling = 9 * simulate.CALIBRATION * spins.interaction("gauss", 6.9)[None]
    detuning = simulate.shared_detunings()
    _, kept = spins.evolve(coupling, detuning, np.zeros(1), snapshots=(25, 60, 313))
    for ax, state in zip(axes, kept, strict=True):
        x, y, _ = state[0].reshape(3, -1)[:, ::3]
        ax.scatter(x, y, s=1.5, c=detuning.ravel()[::3], cmap="turbo", vmin=-0.06, vmax=0.06)
        ax.set(xlim=(-0.6, 0.6), ylim=(-0.6, 0.6))
