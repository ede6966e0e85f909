"""The simulated images beside what is published about the official ones. About 10 minutes of one core.

    python tests/benchmarks/quantumml_fidelity.py [--train 10000] [--test 4000] [--picture FILE]

Lit pixels, and AUC of the convolutional autoencoder at 30 x 30 (official 0.6605) and 40 x 40 pixels (0.7011), three
seeds. With --picture it only draws jets of both kinds, before and after the reduction.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from QuantumML import data, model, observables, simulate

OFFICIAL = {30: 0.6605, 40: 0.7011}


def fidelity(n_train, n_test, epochs=12):
    for size, official in OFFICIAL.items():
        train, test = simulate.quarks(n_train, 101, size), simulate.labelled(n_test, 102, size)
        gluon = test.y == data.GLUON
        lit = observables.lit_pixels(test.X)[:, 0]
        few, many = np.percentile(lit, [5, 95])
        print(
            f"{size} x {size}: lit pixels quark {lit[~gluon].mean():.1f}, gluon {lit[gluon].mean():.1f}, "
            f"5 to 95 % {few:.0f} to {many:.0f}, their AUC {roc_auc_score(gluon, lit):.3f}; "
            f"AUC of pt {roc_auc_score(gluon, test.meta['pt']):.3f}",
            flush=True,
        )
        aucs = []
        for seed in range(3):
            detector = model.conv_autoencoder(size, seed=seed, epochs=epochs).fit(train)
            aucs.append(roc_auc_score(gluon, detector.score(test.X)))
        print(f"  autoencoder: {np.round(aucs, 3)}, mean {np.mean(aucs):.3f}, official {official}", flush=True)


def picture(path):
    """Four quark and four gluon jets of the shipped test set."""
    import matplotlib.pyplot as plt

    from common import plotting

    plotting.use_style()
    test = data.load("test", 200)
    Z = observables.normalised(test.X)
    chosen = np.concatenate([np.flatnonzero(test.y == kind)[:4] for kind in (data.QUARK, data.GLUON)])
    fig, axes = plt.subplots(2, 4, figsize=(7, 3.8))
    for ax, i in zip(axes.flat, chosen, strict=True):
        shown = ax.imshow(np.log10(np.maximum(Z[i], 1e-3)), cmap="viridis", vmin=-3, vmax=0)
        ax.set(xticks=[], yticks=[])
        ax.set_title("quark" if test.y[i] == data.QUARK else "gluon", fontsize=9)
    fig.colorbar(shown, ax=axes, label="log10 of energy / brightest pixel")
    fig.savefig(path, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", type=int, default=10_000)
    parser.add_argument("--test", type=int, default=4_000)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.picture:
        picture(arguments.picture)
    else:
        fidelity(arguments.train, arguments.test)
