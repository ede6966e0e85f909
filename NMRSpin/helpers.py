"""Figures of the NMRSpin lesson, and parts of an echo."""

import matplotlib.pyplot as plt
import numpy as np

from NMRSpin import simulate, spins
from NMRSpin.simulate import LABELS, SEQUENCE

BEFORE, AFTER = slice(0, SEQUENCE.wait), slice(SEQUENCE.wait, None)  # steps of an echo, parted by the pulse
AXES = {"alpha": "alpha", "xi": "xi [lattice spacings]", "d": "d"}


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
