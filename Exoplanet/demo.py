"""What the page of Exoplanet needs: the network of the lesson, and disks that it has not seen."""

import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.demo import layers, numbers
from common.training import fit, seed_everything
from Exoplanet import data as images
from Exoplanet.disk import EARTH, JUPITER
from Exoplanet.model import (
    INNERMOST,
    OUTERMOST,
    Network,
    ellipses,
    logarithm,
    logits,
    mean_of_runs,
    polar,
    sigmoid,
    turn_and_flip,
    views,
    views_of_polar,
)
from Exoplanet.simulate import HALF_WIDTH

SHOWN = 36  # disks of the quiz, each of another run: the first ones of the test set
DECADES = 5  # of brightness that are drawn


def network(quick=False):
    """The network of the lesson."""
    train, valid = images.load("train", 200 if quick else 2000), images.load("valid", 100 if quick else 400)
    first = np.unique(valid.meta["run"], return_index=True)[1]
    seed_everything(0)
    model = Network(width=8)
    fit(model, (views(train.X), train.y.astype("f4")), (views(valid.X), valid.y.astype("f4")),
        loss=binary_cross_entropy_with_logits,
        score=lambda y, z: roc_auc_score(valid.y[first], mean_of_runs(valid.meta["run"], z)),
        epochs=3 if quick else 5, batch_size=16 if quick else 64, lr=3e-3, weight_decay=0.05,
        augment=turn_and_flip, seed=0, progress=False)  # fmt: skip
    return model


def data(quick=False):
    """See common.demo; one image of each run of the test set, seen face on by `polar`, and as it is for the eye."""
    model, test = network(quick), images.load("test", 200 if quick else 1000)
    first = np.unique(test.meta["run"], return_index=True)[1]
    X, y, places = test.X[first], test.y[first], test.meta["positions"][first]
    unwrapped = polar(X, *ellipses(X))
    seen = views_of_polar(unwrapped)
    found = sigmoid(logits(model, seen, turns=4))
    brightness = np.clip(1 + logarithm(X[:SHOWN, 0]) / DECADES, 0, 1)
    others = slice(SHOWN, None)
    return {
        "images": numbers(np.rint(255 * brightness).astype(np.uint8)), "polar": numbers(unwrapped[:SHOWN]),
        "planets": [[place.tolist() for place in places[i] if place.any()] for i in range(SHOWN)],
        "planet": y[:SHOWN].tolist(), "expected": found[:SHOWN].tolist(),
        "innermost": INNERMOST * HALF_WIDTH, "outermost": OUTERMOST * HALF_WIDTH,
        "earth": EARTH, "jupiter": JUPITER, "layers": layers(model.layers), "last": layers(model.last),
        "networks": {"Exoplanet": (model, seen[:SHOWN], "Views of Exoplanet.model.views -> logit of a planet")},
        "right": int(((found > 0.5) == y)[others].sum()), "of": len(X) - SHOWN,
    }  # fmt: skip
