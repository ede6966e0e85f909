"""How the encoding of the quantum autoencoder was chosen. About 3 minutes of one core.

    DEEPLEARN_DATA=FOLDER python tests/benchmarks/quantumml_encoding.py

For each encoding the AUC of the trained circuit (and of the untrained sum of its angles) on labelled validation jets
of the simulation, and on the published jets (FOLDER holds quark_gluon_jets.npz). The simulated test jets are not
looked at.
"""

from itertools import product

import torch
from quantumml_proxy import split
from sklearn.metrics import roc_auc_score

from QuantumML import circuits, data

POWERS, LEAST_SCALES, GROWTHS = (0.25, 0.3, 0.35, 0.4), (0.3, 0.7), (1.5, 1.75)


def candidates():
    """Set the constants of the encoding to one choice after the other; yields each."""
    for power, least, growth in product(POWERS, LEAST_SCALES, GROWTHS):
        circuits.POWER, circuits.LEAST_SCALE, circuits.GROWTH = power, least, growth
        yield f"power {power}, least scale {least}, growth {growth}"


def main():
    sets = {"simulated": (data.load("train", 6000), data.load("valid", 6000, task="labelled"))}
    published = data.proxy()
    if published is not None:
        sets["published"] = split(published)
    for name in candidates():
        found = []
        for kind, (train, test) in sets.items():
            gluon = test.y == data.GLUON
            quantum = circuits.QuantumAutoencoder(circuits.autoencoder()).fit(train)
            added = quantum.features(test.X).sum(1)
            found.append(
                f"{kind} {roc_auc_score(gluon, quantum.score(test.X)):.3f} (sum {roc_auc_score(gluon, added):.3f})"
            )
        print(f"{name}: {'; '.join(found)}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
