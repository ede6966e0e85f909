"""Figures of the NMRSpin lesson, and parts of an echo."""

import matplotlib.pyplot as plt
import numpy as np

from NMRSpin import simulate, spins
from NMRSpin.simulate import LABELS, SEQUENCE

BEFORE, AFTER = slice(0, SEQUENCE.wait), slice(SEQUENCE.wait, None)  # steps of an echo, parted by the pulse
ECHO = 2 * SEQUENCE.wait  # the step at which spins that do not interact meet again
AXES = {"alpha": "alpha", "xi": "xi [spacings]", "d": "d"}
STEP = "time [steps of 0.32 µs]"


def plain_ticks(axis, at=(5, 10, 20, 50)):
    """Ticks of a logarithmic axis of xi as plain numbers."""
    axis.set_ticks(at, labels=map(str, at))
    axis.set_ticks([], minor=True)


def followed(kind, samples, steps):
    """M of a few samples, and their spins after some steps.

    Parameters
    ----------
    kind : {"gauss", "rkky"}
    samples : array-like of shape (m, 3)
        alpha, xi, d of each.
    steps : sequence of int
        Counted from 1.

    Returns
    -------
    M : complex ndarray of shape (m, 471)
    states : dict of int to ndarray of shape (m, 3, 100, 100)
    """
    alpha, xi, d = np.transpose(samples)
    M, kept = spins.evolve(
        simulate.coupling(kind, alpha, xi), simulate.shared_detunings(), simulate.dephasing(d),
        snapshots=[step - 1 for step in steps],
    )  # fmt: skip
    return M, dict(zip(steps, kept, strict=True))


def from_above(ax, state, title, shown=250):
    """Some spins of one sample (3, n, n) as points in the transverse plane, and M as an arrow."""
    detuning = simulate.shared_detunings().ravel()
    some = np.random.default_rng(0).permutation(len(detuning))[:shown]
    x, y = state[:2].reshape(2, -1)
    for marker, colour, fill, fast in (("^", "C1", "C1", True), ("v", "C0", "none", False)):
        these = some[(detuning[some] > 0) == fast]
        ax.plot(x[these], y[these], marker, ms=3.5, mew=0.6, color=colour, mfc=fill, alpha=0.8)
    ax.add_patch(plt.Circle((0, 0), 0.5, fill=False, color="0.8", lw=0.8))
    if np.hypot(x.mean(), y.mean()) > 0.02:  # a shorter arrow would be all head
        ax.annotate("", (x.mean(), y.mean()), (0, 0), arrowprops={"arrowstyle": "-|>", "lw": 1.8, "color": "k"})
    ax.set(xlim=(-0.56, 0.56), ylim=(-0.56, 0.56), aspect="equal", xticks=[-0.5, 0, 0.5], yticks=[-0.5, 0, 0.5])
    ax.set_xlabel("$I_x$", fontsize=8)
    ax.set_ylabel("$I_y$", fontsize=8)
    ax.set_title(title, fontsize=8, loc="center")
    ax.tick_params(labelsize=6)


def spins_and_signal(states, titles, curves, step):
    """Spins of one or two samples at a step, and |M| of all curves with this step marked.

    Parameters
    ----------
    states : list of ndarray of shape (3, n, n)
    titles : list of str
    curves : dict of str to ndarray of shape (471,)
        |M| of two samples; the first is drawn dashed.
    step : int
    """
    fig, axes = plt.subplots(1, len(states) + 1, figsize=(7.0, 2.3), width_ratios=[1] * len(states) + [1.8])
    for ax, state, title in zip(axes, states, titles, strict=False):
        from_above(ax, state, title)
    ax = axes[-1]
    for (line, colour), (name, M) in zip((("--", "0.5"), ("-", "k")), curves.items(), strict=True):
        ax.plot(np.arange(1, len(M) + 1), M, line, color=colour, lw=1.2, label=name)
    ax.axvline(SEQUENCE.wait, color="0.6", lw=0.8, ls=":")
    ax.text(SEQUENCE.wait + 4, 0.42, "pulse", fontsize=7, color="0.4")
    for M in curves.values():
        ax.plot(step, M[step - 1], "ko", ms=3)
    ax.set(xlabel=STEP, ylabel="|M|", ylim=(0, 0.6), title=f"Size of the signal (dots: step {step})")
    ax.legend(fontsize=7, ncols=2, loc="upper right")
    return fig


def correlation(truth, predictions, edges):
    """Predicted against true labels (n, 3), with rings where they lie on an edge, that is, were clipped.

    Parameters
    ----------
    truth : ndarray of shape (n, 3)
    predictions : dict of str to ndarray of shape (n, 3)
    edges : ndarray of shape (2, 3)
        Smallest and largest label that an answer may have.
    """
    fig, axes = plt.subplots(len(predictions), 3, figsize=(7.4, 2.3 * len(predictions)), squeeze=False)
    for row, (name, found) in zip(axes, predictions.items(), strict=True):
        for column, (ax, label) in enumerate(zip(row, LABELS, strict=True)):
            low, high = truth[:, column].min(), truth[:, column].max()
            ax.plot([low, high], [low, high], color="0.6", lw=0.8)
            ax.plot(truth[:, column], found[:, column], ".", ms=3)
            clipped = np.isclose(found[:, column, None], edges[:, column]).any(axis=1)
            ax.plot(truth[clipped, column], found[clipped, column], "o", ms=7, mfc="none", color="C1", label="clipped")
            ax.set(xlabel=f"true {AXES[label]}", ylabel=f"predicted {AXES[label]}")
            ax.set_title(name, fontsize=7)
            if label == "xi":
                ax.set(xscale="log", yscale="log")
                plain_ticks(ax.xaxis)
                plain_ticks(ax.yaxis)
    axes[0, 0].legend(fontsize=7)
    return fig


def picture(axes):
    """Spins in the transverse plane at three moments, one on each of the axes: fanning out, and at the echo."""
    _, states = followed("gauss", [(9, 6.9, simulate.MAX_D)], (26, 61, ECHO))
    detuning = simulate.shared_detunings()
    for ax, state in zip(axes, states.values(), strict=True):
        x, y, _ = state[0].reshape(3, -1)[:, ::3]
        ax.scatter(x, y, s=1.5, c=detuning.ravel()[::3], cmap="turbo", vmin=-0.06, vmax=0.06)
        ax.set(xlim=(-0.6, 0.6), ylim=(-0.6, 0.6))
