"""What was tried to beat the untrained sum of the inputs with quark jets alone. About 2 minutes of one core.

    python tests/benchmarks/quantumml_sum.py

For ring counts and for the angles of the lesson: the AUC of the sum, of the weights with the largest ratio of mean to
spread on quark jets, of linear autoencoders, of a circuit that is trained for that ratio, and, for comparison, of a
linear classifier that is told the labels.
"""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from QuantumML import circuits, data, model, observables


class LargestRatio(model.Detector):
    """A weighted sum whose weights have the largest ratio of mean to standard deviation on the training jets."""

    def _fit(self, F):
        self.weights = np.linalg.solve(np.cov(F.T), F.mean(0))

    def _score(self, F):
        return F @ self.weights


class RatioCircuit(circuits.QuantumAutoencoder):
    """A circuit whose score has the smallest ratio of spread to mean on the training jets."""

    def loss(self, excitation):
        return excitation.std() / excitation.mean()


def outer_ring_counts(X):
    """Ring counts but for the first ring, which is the brightest pixel: always 1."""
    return observables.ring_counts(X)[:, 1:]


def main():
    train, test = data.load("train", 6000), data.load("test", 8000)
    both = data.load("train", 10_000, task="labelled")
    gluon = test.y == data.GLUON
    angles = circuits.Angles(circuits.fine_rings).fit(train.X)
    for inputs, features in (("ring counts", outer_ring_counts), ("angles", angles)):
        detectors = {"sum": model.Untrained(features), "largest ratio of mean to spread": LargestRatio(features)}
        detectors |= {f"linear autoencoder, {k} kept": model.Linear(features, k) for k in (1, 2, 4)}
        if features is angles:
            detectors["circuit trained for that ratio"] = RatioCircuit(circuits.autoencoder())
        for name, detector in detectors.items():
            print(f"{inputs}: {name}: {roc_auc_score(gluon, detector.fit(train).score(test.X)):.3f}", flush=True)
        told = LogisticRegression(max_iter=1000).fit(features(both.X), both.y == data.GLUON)
        score = told.decision_function(features(test.X))
        print(f"{inputs}: linear classifier, told the labels: {roc_auc_score(gluon, score):.3f}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
