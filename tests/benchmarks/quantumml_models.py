"""AUC of all detectors on simulated test jets, three seeds, with a paired bootstrap. About 10 minutes of one core.

    python tests/benchmarks/quantumml_models.py [--train 6000] [--test 8000]
"""

import argparse

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from common.metrics import bootstrap
from QuantumML import circuits, data, model, observables

SEEDS = (0, 1, 2)


def detectors(seed):
    """{name: detector}, the quantum ones on the angles of the fixed encoding, and rivals on the same inputs."""
    angles = circuits.Angles()
    chain, bare = circuits.autoencoder(), circuits.autoencoder(entangler=None)
    return angles, {
        "quantum autoencoder": circuits.QuantumAutoencoder(chain, seed=seed),
        "  half as many trash qubits": circuits.QuantumAutoencoder(chain, n_trash=5, seed=seed),
        "  re-uploading": circuits.QuantumAutoencoder(circuits.autoencoder(reupload=True), seed=seed),
        "  without entanglement": circuits.QuantumAutoencoder(bare, seed=seed),
        "  random circuit": circuits.RandomCircuit(chain, seed=seed),
        "  smallest loss": circuits.BestUnitary(),
        "linear autoencoder, same inputs": model.Linear(angles, 1),
        "small autoencoder, same inputs": model.small_autoencoder(angles, len(circuits.FINE_EDGES) - 1, seed=seed),
        "convolutional autoencoder": model.conv_autoencoder(seed=seed),
    }


def main(n_train, n_test):
    train, test = data.load("train", n_train), data.load("test", n_test)
    gluon = (test.y == data.GLUON).astype(int)
    scores = {}
    for seed in SEEDS:
        angles, models = detectors(seed)
        angles.fit(train.X)
        for name, detector in models.items():
            scores.setdefault(name, []).append(detector.fit(train).score(test.X))
            print(f"seed {seed} {name:34s} {roc_auc_score(gluon, scores[name][-1]):.4f}", flush=True)
    scores["untrained sum of the same inputs"] = [angles(test.X).sum(1)]
    scores["lit pixels"] = [observables.lit_pixels(test.X)[:, 0]]
    mean = {name: np.mean([s / s.std() for s in each], axis=0) for name, each in scores.items()}
    reference = mean["quantum autoencoder"]
    print(f"{n_train} training and {n_test} test jets, AUC over seeds {SEEDS}; quantum minus rival, 95 % of copies")
    for name, each in scores.items():
        values = [roc_auc_score(gluon, score) for score in each]
        copies = bootstrap(roc_auc_score, gluon, reference, mean[name], n=200)
        low, high = np.quantile(copies[0] - copies[1], [0.025, 0.975])
        spread = f"+- {np.std(values, ddof=1):.3f}" if len(values) > 1 else " " * 8
        print(f"{name:34s} {np.mean(values):.3f} {spread}   {low:+.3f} to {high:+.3f}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--train", type=int, default=6000)
    parser.add_argument("--test", type=int, default=8000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    main(arguments.train, arguments.test)
