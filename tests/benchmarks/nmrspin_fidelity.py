"""The simulated echo beside echoes that others published.

    python tests/benchmarks/nmrspin_fidelity.py FOLDER [--picture FILE.png]

FOLDER has the echoes of the authors' program with its settings: echoes_r.txt, echoes_i.txt, echo_params.txt and
sim_params.txt. Without a folder only the values read off published figures are compared.
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


def reference(folder, detuning):
    """Recorded M (5, 500) of the authors' program, and ours (5, 499) from the first step on, with its settings.

    Its echoes are a data set of their own, with a draw of detunings of its own that was not kept.
    """
    table = np.loadtxt(folder / "echo_params.txt")
    recorded = np.loadtxt(folder / "echoes_r.txt") + 1j * np.loadtxt(folder / "echoes_i.txt")
    *_, dt, _, _ = np.loadtxt(folder / "sim_params.txt")
    coupling = np.stack([alpha * spins.interaction("gauss", xi) for alpha, xi in table[:, [0, 3]]])
    sequence = spins.Sequence(dt=dt, wait=167, steps=recorded.shape[1] - 1)
    return recorded, spins.evolve(coupling, detuning, np.zeros(len(coupling)), sequence)[0]


def picture(recorded, ours):
    """Published and simulated |M|: on the left the values of the figures, on the right the authors' program."""
    plotting.use_style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    for i, (kind, y, values) in enumerate(PUBLISHED):
        M = abs(simulate.echoes(kind, [y])[0])
        left.plot(np.arange(1, len(M) + 1), M, plotting.LINES[i], color=f"C{i}", lw=1, label=f"{kind} {y}")
        left.plot(STEPS, values, "o", color=f"C{i}", ms=4)
    left.set(xlabel="step", ylabel="|M|", title="lines: simulated here, dots: published figures")
    left.legend(title="alpha, xi, d", fontsize=6)
    for i in (0, 1, 4):
        right.plot(abs(recorded[i]), color=f"C{i}", lw=3, alpha=0.3)
        right.plot(np.arange(1, recorded.shape[1]), abs(ours[i]), plotting.LINES[0], color=f"C{i}", lw=0.8)
    right.set(xlabel="step", title="broad: the authors' program, thin: simulated here")
    return fig


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--picture", type=Path, help="write the picture of the challenge's page to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for kind, y, values in PUBLISHED:
        found = abs(simulate.echoes(kind, [y])[0])[np.array(STEPS) - 1]
        print(kind, y, "simulated", found.round(3), "published", values, "difference", (found - values).round(3))
    if options.folder is None:
        return
    draws = {f"draw {seed}": simulate.detunings(np.random.default_rng(seed)) for seed in range(10)}
    draws["the shared draw"] = simulate.shared_detunings()
    for name, detuning in draws.items():
        recorded, ours = reference(options.folder, detuning)
        rms = np.sqrt(((abs(ours) - abs(recorded[:, 1:])) ** 2).mean(axis=1))
        print(f"authors' program, {name}: RMS of |M|", rms.round(4), f"mean {rms.mean():.4f}")
    if options.picture:
        picture(*reference(options.folder, draws["draw 1"])).savefig(options.picture, metadata={"Software": None})


if __name__ == "__main__":
    main()
