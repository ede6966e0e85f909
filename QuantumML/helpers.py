"""Figures of the QuantumML lessons."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.patches import Rectangle

from QuantumML.data import GLUON, load
from QuantumML.observables import normalised


def faint(images):
    """Logarithm to base 10 of pixels, at least -3: it makes faint pixels visible."""
    return np.log10(np.maximum(images, 1e-3))


def jet_rows(rows, titles, columns=None):
    """A figure of rows of normalised images (rows, n, side, side), with titles; phi is horizontal."""
    n = len(rows[0])
    fig, axes = plt.subplots(len(rows), n, figsize=(1.3 * n + 0.8, 1.4 * len(rows)), squeeze=False)
    for row, images, title in zip(axes, rows, titles, strict=True):
        for ax, image in zip(row, images, strict=True):
            shown = ax.imshow(faint(image).T, cmap="viridis", vmin=-3, vmax=0)
            ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(f"{title}\n$\\eta$")
    for ax, title in zip(axes[0], columns or [""] * n, strict=True):
        ax.set_title(title)
    for ax in axes[-1]:
        ax.set_xlabel(r"$\phi$")
    bar = fig.colorbar(shown, ax=axes, shrink=0.8, label="log10(pixel / brightest)")
    bar.ax.tick_params(labelsize=6)
    return fig


def ring_profile(ax, values, gluon, bars=("pi", 50)):
    """Mean of a number in each ring, for quark and for gluon jets.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : ndarray of shape (n, rings)
    gluon : ndarray of bool, shape (n,)
    bars : tuple or str
        As Seaborn's `errorbar`; the default spans the middle half of the jets, "se" is the standard error.
    """
    jets = pd.DataFrame(values, columns=range(1, values.shape[1] + 1))
    jets["kind"] = np.where(gluon, "gluon", "quark")
    sns.pointplot(
        jets.melt("kind", var_name="ring"), x="ring", y="value", hue="kind", hue_order=("quark", "gluon"),
        errorbar=bars, dodge=0.3, markers=["o", "s"], linestyles=["-", "--"], ms=4, lw=1.5, err_kws={"lw": 1},
        ax=ax,
    )  # fmt: skip
    ax.legend(title=None)


def angle_panels(angles, gluon, n=30):
    """Angles of n jets of each kind as two panels, A and B, and the mean angle in each; it does not say which is which.

    Parameters
    ----------
    angles : ndarray of shape (n_jets, n_qubits)
    gluon : ndarray of bool, shape (n_jets,)
    """
    panels = [angles[kind][:n] for kind in (~gluon, gluon)]
    fig, axes = plt.subplots(1, 2, figsize=(6, 2.9), sharey=True)
    for ax, panel, name in zip(axes, panels, "AB", strict=True):
        shown = ax.imshow(panel, vmin=0, vmax=np.pi, aspect="auto")
        ax.set(title=f"kind {name}, {len(panel)} test jets", xlabel="qubit", xticks=range(angles.shape[1]))
    axes[0].set_ylabel("jet")
    fig.colorbar(shown, ax=axes, label="angle (rad)")
    return fig, [panel.mean() for panel in panels]


def qubit_figure(theta, phase, ones, shots):
    """A qubit as an arrow on the Bloch sphere, and how often 0 and 1 were measured."""
    fig = plt.figure(figsize=(5, 2.3))
    sphere, bars = fig.add_subplot(1, 2, 1, projection="3d"), fig.add_subplot(1, 2, 2)
    turn = np.linspace(0, 2 * np.pi, 60)
    for x, y, z in (
        (np.cos(turn), np.sin(turn), 0 * turn), (np.sin(turn), 0 * turn, np.cos(turn)),
        (0 * turn, np.sin(turn), np.cos(turn)),
    ):  # fmt: skip
        sphere.plot(x, y, z, color="0.8", lw=0.7)
    tip = np.sin(theta) * np.cos(phase), np.sin(theta) * np.sin(phase), np.cos(theta)
    sphere.quiver(0, 0, 0, *tip, color="C1", lw=2, arrow_length_ratio=0.15)
    arc = np.linspace(0, theta, 30)  # from the north pole to the arrow
    sphere.plot(*(0.5 * part for part in (np.sin(arc) * np.cos(phase), np.sin(arc) * np.sin(phase), np.cos(arc))),
                color="C2", lw=1.2)  # fmt: skip
    middle = 0.7 * np.sin(theta / 2) * np.cos(phase), 0.7 * np.sin(theta / 2) * np.sin(phase), 0.7 * np.cos(theta / 2)
    if theta > 0.3:  # else it would stand on the arrow
        sphere.text(*middle, r"$\theta$", color="C2", ha="center", va="center")
    arc = np.linspace(0, phase, 30)  # along the equator, from where the phase is 0
    sphere.plot(np.cos(arc), np.sin(arc), 0 * arc, color="C4", lw=1.8)
    sphere.plot([0, np.cos(phase)], [0, np.sin(phase)], [0, 0], ":", color="C4", lw=1)
    sphere.text(np.cos(phase / 2), np.sin(phase / 2), -0.4, rf"$\varphi$ = {np.degrees(phase):.0f}°",
                color="C4", ha="center", va="center", fontsize=8)  # fmt: skip
    sphere.text(0, 0, 1.15, r"$|0\rangle$", ha="center")
    sphere.text(0, 0, -1.4, r"$|1\rangle$", ha="center")
    sphere.set(xlim=(-0.8, 0.8), ylim=(-0.8, 0.8), zlim=(-0.8, 0.8))
    sphere.view_init(15, -60)
    sphere.set_axis_off()
    expected = np.array([np.cos(theta / 2), np.sin(theta / 2)]) ** 2
    bars.bar([0, 1], [1 - ones / shots, ones / shots], 0.5, color="C0", label=f"{shots} shots")
    bars.hlines(expected, [-0.3, 0.7], [0.3, 1.3], color="C1", label="expected")
    bars.set(xticks=[0, 1], xlabel="measured", ylabel="share of the shots", ylim=(0, 1.25), xlim=(-0.6, 1.6),
             title=f"{np.degrees(theta):.0f}°: P(1) = {expected[1]:.2f}")
    bars.legend(ncols=2, loc="upper center")
    return fig


def circuit_figure(circuit, n_trash):
    """A circuit as boxes on lines: features, weights, controlled-Z gates, and a measurement of each trash qubit."""
    n = circuit.num_qubits
    fig, ax = plt.subplots(figsize=(7, 0.3 * n + 0.3))
    free = [0] * n  # the first free column of each qubit
    for instruction in circuit.data:
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        column = max(free[qubit] for qubit in qubits)
        if len(qubits) == 2:
            ax.plot([column] * 2, qubits, "o-", ms=4, lw=1, color="k", zorder=2)
        else:
            feature = instruction.operation.params[0].vector.name == "x"
            name = rf"$R_{instruction.operation.name[1]}({'x' if feature else 'w'})$"
            _box(ax, column, qubits[0], name, "C4" if feature else "C5")
        for qubit in qubits:
            free[qubit] = column + 1
    end = max(free)
    for qubit in range(n):
        ax.plot([-0.7, end + 0.7], [qubit, qubit], color="0.7", lw=0.8, zorder=0)
        trash = qubit >= n - n_trash
        if trash:
            _box(ax, end, qubit, "measure", "C1")
        ax.text(-0.8, qubit, rf"qubit {qubit}: $|0\rangle$", ha="right", va="center", fontsize=7)
        ax.text(end + 0.8, qubit, "trash" if trash else "kept", va="center", fontsize=7)
    ax.set(xlim=(-2.4, end + 1.6), ylim=(n - 0.4, -0.6))
    ax.axis("off")
    return fig


def _box(ax, column, qubit, text, color):
    ax.add_patch(Rectangle((column - 0.42, qubit - 0.36), 0.84, 0.72, fc="white", ec=color, lw=1.2, zorder=3))
    ax.text(column, qubit, text, ha="center", va="center", fontsize=6, zorder=4)


def picture(axes):
    """Three gluon jets, one on each of the axes."""
    jets = load("test", 60)
    for ax, image in zip(axes, jets.X[jets.y == GLUON][2:5], strict=True):
        ax.imshow(np.sqrt(normalised(image[None])[0]), cmap="inferno")
