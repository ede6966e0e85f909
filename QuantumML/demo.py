"""What the page of QuantumML needs: the trained circuit of the second lesson, and jets that it has not seen."""

import numpy as np

from common.demo import numbers
from QuantumML import data as jets
from QuantumML.circuits import (
    FINE_EDGES,
    TOP_ANGLE,
    QuantumAutoencoder,
    autoencoder,
)
from QuantumML.observables import LIT, lit_pixels

SHOWN = 60  # jets of the quiz: the first ones of the test set


def detector(quick=False):
    """The quantum autoencoder of the lesson, trained on 4,000 quark jets."""
    train = jets.load("train", 500 if quick else 4000)
    found = QuantumAutoencoder(autoencoder(n_layers=2), seed=0, steps=5 if quick else 100, batch_size=64)
    return found.fit(train)


def data(quick=False):
    """See common.demo.

    A jet is called a gluon above the median score of validation jets, of which about half are gluons: their labels
    choose nothing. So is one with more lit pixels than their median.
    """
    model = detector(quick)
    valid, test = jets.load("valid", 2000, task="labelled"), jets.load("test", 1000 if quick else 4000)
    scores, counts = model.score(test.X), lit_pixels(test.X)[:, 0]
    threshold, many = np.median(model.score(valid.X)), np.median(lit_pixels(valid.X))
    others, gluon = slice(SHOWN, None), test.y == jets.GLUON
    shown = test.X[:SHOWN] / test.X[:SHOWN].max(axis=(1, 2), keepdims=True)
    return {
        "edges": [*FINE_EDGES[:-1], 1000], "power": model.features.features.power, "lit": LIT,
        "scale": model.features.scale.tolist(), "top": TOP_ANGLE, "weights": model.weights.tolist(),
        "trash": model.n_trash, "threshold": float(threshold), "many": float(many),
        "jets": numbers(shown), "gluon": gluon[:SHOWN].tolist(), "expected": scores[:SHOWN].tolist(),
        "right": {
            "circuit": int(((scores > threshold) == gluon)[others].sum()),
            "pixels": int(((counts > many) == gluon)[others].sum()),
            "of": len(test) - SHOWN,
        },
        "quartiles": np.quantile(scores, [0.05, 0.5, 0.95]).tolist(),
    }  # fmt: skip
