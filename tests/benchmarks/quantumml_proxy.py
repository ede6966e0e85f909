"""All detectors on published jets of another simulation: images of transverse momentum, no detector.

    DEEPLEARN_DATA=FOLDER python tests/benchmarks/quantumml_proxy.py

FOLDER holds quark_gluon_jets.npz (ten hardest constituents of Pythia 8 jets of pt 500 to 550 GeV, EnergyFlow). The
encoding is that of the lesson; these jets had a part in its choice (quantumml_encoding.py). Half of the quarks train,
the other jets test.
"""

import sys

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from QuantumML import circuits, data, model, observables


def halves(jets):
    """The jets that may take part in choices, and the others: every second one, empty images left out."""
    jets = jets[jets.X.any((1, 2))]
    return jets[::2], jets[1::2]


def split(jets, seed=0):
    """Quarks to train on, and the other jets: (train, test)."""
    jets = jets[jets.X.any((1, 2))]
    quarks = np.random.default_rng(seed).permutation(np.flatnonzero(jets.y == data.QUARK))
    chosen = quarks[: len(quarks) // 2]
    return jets[chosen], jets[np.setdiff1d(np.arange(len(jets)), chosen)]


def main():
    jets = data.proxy()
    if jets is None:
        sys.exit("no quark_gluon_jets.npz in the data folder: set DEEPLEARN_DATA to the folder that has it")
    train, test = split(jets)
    gluon = test.y == data.GLUON
    print(f"{len(train)} quarks to train on; {len(test)} jets to test on, {gluon.sum()} of them gluons")
    angles = circuits.Angles().fit(train.X)
    models = {
        "quantum autoencoder": lambda seed: circuits.QuantumAutoencoder(circuits.autoencoder(), seed=seed),
        "smallest loss": lambda seed: circuits.BestUnitary(),
        "untrained sum of the same inputs": lambda seed: model.Untrained(angles),
        "linear autoencoder, same inputs": lambda seed: model.Linear(angles, 1),
        "lit pixels": lambda seed: model.Untrained(observables.lit_pixels),
        "convolutional autoencoder": lambda seed: model.conv_autoencoder(seed=seed, epochs=12),
    }
    for name, make in models.items():
        aucs = [roc_auc_score(gluon, make(seed).fit(train).score(test.X)) for seed in range(3)]
        print(f"{name:34s} {np.mean(aucs):.3f} +- {np.std(aucs, ddof=1):.3f}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
