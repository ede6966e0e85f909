"""The simulated echo beside echoes that others published.

    python tests/benchmarks/nmrspin_fidelity.py [FOLDER] [--draws 40] [--picture FILE.png]

FOLDER has the echoes of the authors' program with its settings: echoes_r.txt, echoes_i.txt, echo_params.txt and
sim_params.txt. Without a folder only the values read off published figures are compared. Nobody kept the detunings of
either, so all comparisons are made for many draws, and with a coupling and a line width that are 2 % off as controls.
Forty draws take a core three minutes.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from common import plotting
from NMRSpin import simulate, spins

STEPS = (45, 100, 157, 314)
PUBLISHED = [  # kind, (alpha, xi, d), |M| after STEPS: read off four published figures, good to 0.008
    ("gauss", (12.499, 6.89, 6.07), (0.168, 0.220, 0.21, 0.05)),
    ("gauss", (8.181, 6.72, 6.50), (0.094, 0.042, 0.03, 0.21)),
    ("rkky", (4.422, 15.45, 6.77), (0.105, 0.063, 0.055, 0.24)),
    ("rkky", (19.478, 7.38, 6.02), (0.094, 0.042, 0.033, 0.165)),
]
BEFORE = 166  # steps before the pulse in the authors' echoes, whose first value is at t = 0
SAME_TIME = 167  # the value after the pulse: the same time once more
LIMITS = 0.025, 0.015  # RMS of |M| over an echo: largest and mean of the five
CONTROLS = {  # factors of the coupling and of the line width
    "as published": (1, 1), "coupling + 2 %": (1.02, 1), "coupling - 2 %": (0.98, 1),
    "line width + 2 %": (1, 1.02), "line width - 2 %": (1, 0.98),
}  # fmt: skip


def recorded(folder):
    """|M| (5, 498) of the authors' program after each step, and their kernels (5, n, n) and time step."""
    table = np.loadtxt(folder / "echo_params.txt")
    M = np.loadtxt(folder / "echoes_r.txt") + 1j * np.loadtxt(folder / "echoes_i.txt")
    *_, dt, _, _ = np.loadtxt(folder / "sim_params.txt")
    coupling = np.stack([alpha * spins.interaction("gauss", xi) for alpha, xi in table[:, [0, 3]]])
    return abs(np.delete(M, [0, SAME_TIME], axis=1)), coupling, dt


def draw(seed):
    return simulate.detunings(np.random.default_rng(seed))


def compare_published(draws):
    """Print how far the sixteen values are from the figures, for a few decays."""
    values = np.array([found for *_, found in PUBLISHED])
    coupling = np.stack([simulate.CALIBRATION * y[0] * spins.interaction(kind, y[1]) for kind, y, _ in PUBLISHED])
    rate = np.array([10 ** (-y[2] / 2) for _, y, _ in PUBLISHED])
    sequence = spins.Sequence(steps=max(STEPS))
    for decay in (1.0, simulate.DECAY, 1.2):
        off = np.array([
            abs(spins.evolve(coupling, draw(seed), decay * rate, sequence)[0])[:, np.array(STEPS) - 1] - values
            for seed in range(draws)
        ])  # fmt: skip
        rms, largest = np.sqrt((off**2).mean(axis=(1, 2))), abs(off).max(axis=(1, 2))
        print(
            f"16 published values, decay {decay}, {draws} draws: RMS {rms.mean():.4f} ({rms.min():.4f} to "
            f"{rms.max():.4f}), largest {np.median(largest):.4f} ({largest.min():.4f} to {largest.max():.4f}); "
            f"RMS of the draws' mean {np.sqrt((off.mean(axis=0) ** 2).mean()):.4f}", flush=True,
        )  # fmt: skip


def compare_program(folder, draws):
    """Print how far the five echoes are from those of the authors' program, for each control."""
    measured, coupling, dt = recorded(folder)
    for name, (strength, width) in CONTROLS.items():
        ours = (with_their_times(strength * coupling, width * draw(seed), dt) for seed in range(draws))
        rms = np.sqrt([((M - measured) ** 2).mean(axis=1) for M in ours])
        largest, mean = rms.max(axis=1), rms.mean(axis=1)
        good = ((largest < LIMITS[0]) & (mean < LIMITS[1])).sum()
        print(
            f"authors' program, {name:16}: RMS of |M| {mean.mean():.4f} mean of five, {largest.mean():.4f} largest of "
            f"five; {good} of {draws} draws meet {LIMITS}; worst {mean.max():.4f} and {largest.max():.4f}", flush=True,
        )  # fmt: skip


def with_their_times(coupling, detuning, dt):
    """|M| (5, 498) simulated with the time step and the pulse of the authors' echoes."""
    sequence = spins.Sequence(dt=dt, wait=BEFORE, steps=498)
    return abs(spins.evolve(coupling, detuning, np.zeros(len(coupling)), sequence)[0])


def picture(folder):
    """Published and simulated |M|: on the left the values of the figures, on the right the authors' program."""
    plotting.use_style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    for i, (kind, y, values) in enumerate(PUBLISHED):
        M = abs(simulate.echoes(kind, [y])[0])
        left.plot(np.arange(1, len(M) + 1), M, plotting.LINES[i], color=f"C{i}", lw=1, label=f"{kind} {y}")
        left.plot(STEPS, values, "o", color=f"C{i}", ms=4)
    left.set(xlabel="step", ylabel="|M|", title="lines: simulated here, dots: published figures")
    left.legend(title="alpha, xi, d", fontsize=6)
    measured, coupling, dt = recorded(folder)
    ours = with_their_times(coupling, simulate.shared_detunings(), dt)
    steps = np.arange(1, measured.shape[1] + 1)
    for i in (0, 1, 4):
        right.plot(steps, measured[i], color=f"C{i}", lw=3, alpha=0.3)
        right.plot(steps, ours[i], plotting.LINES[0], color=f"C{i}", lw=0.8)
    right.set(xlabel="step", title="broad: the authors' program, thin: simulated here")
    return fig


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--picture", type=Path, help="write the picture of the challenge's page to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for kind, y, values in PUBLISHED:
        found = abs(simulate.echoes(kind, [y])[0])[np.array(STEPS) - 1]
        print(kind, y, "shared draw", found.round(3), "published", values, "difference", (found - values).round(3))
    compare_published(options.draws)
    if options.folder is not None:
        compare_program(options.folder, options.draws)
        if options.picture:
            picture(options.folder).savefig(options.picture, metadata={"Software": None})


if __name__ == "__main__":
    main()
