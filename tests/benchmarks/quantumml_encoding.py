"""How the encoding of the quantum autoencoder was chosen. About 5 minutes of one core.

    DEEPLEARN_DATA=FOLDER python tests/benchmarks/quantumml_encoding.py [--figure FILE] [--last]

For each encoding angle = 2.5 (f / scale)**growth, f being sums of pixels to a power in ten rings, and for the encoding
of the course, whose power is fitted to quarks: the AUC of the trained circuit and of the untrained sum of its angles.

Two labelled sets take part in the choice: the validation jets of the simulation, and every second one of the published
jets (FOLDER holds quark_gluon_jets.npz). The simulated test jets and the other published jets do not: `--last` looks at
these, for the encoding of the course, with three seeds.
"""

import argparse
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import torch
from quantumml_proxy import halves, split
from sklearn.metrics import roc_auc_score

from common.plotting import use_style
from QuantumML import circuits, data
from QuantumML.observables import ring_sums

POWERS, GROWTHS = (0.2, 0.35, 0.5, 0.7, 1.0), (1.0, 1.25, 1.5, 1.75)


class Encoding(circuits.Angles):
    """The encoding of the course with another power and another growth."""

    def __init__(self, power, growth):
        super().__init__(lambda X: ring_sums(X, power, circuits.FINE_EDGES))
        self.growth = growth

    def __call__(self, X):
        angles = circuits.TOP_ANGLE * (self.features(X) / self.scale) ** self.growth
        return np.minimum(angles, np.pi).astype(np.float32)


def aucs(train, test, encoding, seed=0):
    """AUC of the trained circuit and of the untrained sum of its angles."""
    detector = circuits.QuantumAutoencoder(circuits.autoencoder(), seed=seed, steps=150, batch_size=64)
    detector.features = encoding
    gluon = test.y == data.GLUON
    circuit = roc_auc_score(gluon, detector.fit(train).score(test.X))
    return circuit, roc_auc_score(gluon, encoding(test.X).sum(1))


def figure(found, path):
    """AUC on simulated against AUC on published jets, a line for each power, a point for each growth."""
    use_style()
    fig, axes = plt.subplots(1, 2, figsize=(7, 3.2), sharex=True, sharey=True)
    for i, (ax, title) in enumerate(zip(axes, ("trained circuit", "untrained sum of its angles"), strict=True)):
        for power, marker in zip(POWERS, "os^Dv", strict=True):
            points = np.array([[found[power, growth][kind][i] for kind in (1, 0)] for growth in GROWTHS])
            ax.plot(*points.T, marker=marker, ms=4, lw=0.8, label=f"power {power:g}")
        ax.plot(found["fitted"][1][i], found["fitted"][0][i], "k*", ms=11, label="fitted to quarks")
        ax.set(xlabel="AUC, published jets (half)", title=title)
    axes[0].set_ylabel("AUC, simulated jets (validation)")
    axes[1].legend(loc="lower left")
    fig.savefig(path, metadata={"Software": None})


def main(to, last):
    published = data.proxy()
    half, rest = halves(published)
    if last:
        sets = {"simulated test": (data.load("train", 6000), data.load("test", 8000)), "published, rest": split(rest)}
        for kind, (train, test) in sets.items():
            values = np.array([aucs(train, test, circuits.Angles(), seed) for seed in range(3)])
            circuit, added = values.T
            print(f"{kind}: circuit {circuit.mean():.3f} +- {circuit.std(ddof=1):.3f}, sum {added[0]:.3f}")
        return
    sets = [(data.load("train", 4000), data.load("valid", 6000, task="labelled")), split(half)]
    found = {}
    for power, growth in product(POWERS, GROWTHS):
        found[power, growth] = [aucs(*each, Encoding(power, growth)) for each in sets]
        (sim, sim_sum), (pub, pub_sum) = found[power, growth]
        print(f"power {power:4} growth {growth:4}: simulated {sim:.3f} (sum {sim_sum:.3f}), "
              f"published {pub:.3f} (sum {pub_sum:.3f})", flush=True)  # fmt: skip
    encodings = [circuits.Angles(), circuits.Angles()]
    found["fitted"] = [aucs(*each, encoding) for each, encoding in zip(sets, encodings, strict=True)]
    for name, encoding, (trained, added) in zip(("simulated", "published"), encodings, found["fitted"], strict=True):
        print(f"fitted power {encoding.features.power:.1f}: {name} {trained:.3f} (sum {added:.3f})")
    if to:
        figure(found, to)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--figure")
    parser.add_argument("--last", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    main(arguments.figure, arguments.last)
