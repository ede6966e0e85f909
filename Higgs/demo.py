"""What the page of Higgs needs: the network of the lesson, and events that it has not seen."""

import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.demo import layers, numbers
from common.training import fit, seed_everything
from Higgs import data as events
from Higgs.columns import HIGH_LEVEL, JET_TAGS, columns, momenta, physical
from Higgs.model import Network, features, probability
from Higgs.simulate import massless

SHOWN = 60  # events of the quiz: the first ones of the test set that have both tagged jets among their four
COUNTED = 2000  # events for the threshold: the first ones of the others


def network(quick=False):
    """The network of the lesson that sees all columns."""
    train, valid = events.load("train", 2000 if quick else 12_000), events.load("valid", 1000 if quick else 4000)
    X, X_valid = features(train.X), features(valid.X)
    seed_everything(0)
    model = Network(X, width=128, blocks=1, dropout=0.3)
    fit(model, (X, train.y.astype("f4")), (X_valid, valid.y.astype("f4")), loss=binary_cross_entropy_with_logits,
        score=roc_auc_score, epochs=1 if quick else 15, lr=1e-3, weight_decay=1.0, seed=0, progress=False)  # fmt: skip
    return model


def data(quick=False):
    """See common.demo; angles in rad, momenta in GeV, four-vectors (events, objects, 4) of lepton, missing, jets."""
    model, test = network(quick), events.load("test", 4000)
    X = features(test.X)
    score = probability(model, X)
    tags = columns(physical(test.X), JET_TAGS).round()
    shown = np.flatnonzero((tags > 0).sum(1) == 2)[:SHOWN]
    others = np.setdiff1d(np.arange(len(test)), shown)
    counted = others[:COUNTED]
    pt, eta, phi = momenta(test.X[shown])
    block = model.blocks[0]
    return {
        "p4": numbers(massless(pt, eta, phi)), "pt": numbers(pt), "eta": numbers(eta), "phi": numbers(phi),
        "tags": numbers(tags[shown]),
        "masses": HIGH_LEVEL, "features": numbers(X[shown]),
        "signal": test.y[shown].tolist(), "expected": score[shown].tolist(),
        "low": numbers(model.encode.low.numpy()), "width": numbers(model.encode.width.numpy()),
        "standardise": layers(model.standardise), "first": layers(model.first),
        "block": layers(block.layers), "last": layers(model.last),
        "counted": {"score": np.round(score[counted], 4).tolist(), "signal": test.y[counted].tolist()},
        "networks": {"Higgs": (model, X[shown], "Features of Higgs.model.features -> logit of signal")},
        "right": int(((score > 0.5) == test.y)[others].sum()), "of": len(test) - SHOWN,
    }  # fmt: skip
