"""What the page of ParticleImages needs: the CNN of the lesson, and images that it has not seen."""

import numpy as np
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.demo import layers, numbers
from common.training import fit, seed_everything
from ParticleImages import data as images
from ParticleImages.model import CNN, MIDDLE, cropped, network_input, probability

SHOWN = 60  # images of the quiz: the first ones of the test set


def network(quick=False):
    """The CNN of the lesson."""
    train, valid = images.load("train", 1000 if quick else 16_000), images.load("valid", 500 if quick else 4000)
    x, x_valid = network_input(train.X), network_input(valid.X)
    seed_everything(0)
    model = CNN(2, 12)
    fit(model, (x, train.y.astype("f4")), (x_valid, valid.y.astype("f4")), loss=binary_cross_entropy_with_logits,
        score=roc_auc_score, epochs=2 if quick else 6, batch_size=32 if quick else 128, lr=3e-3, weight_decay=0.05,
        seed=0, progress=False)  # fmt: skip
    return model


def data(quick=False):
    """See common.demo; images are the crystals around the hottest one, and `total` is the energy of all 32 x 32."""
    model, test = network(quick), images.load("test", 1000 if quick else 12_000)
    x = network_input(test.X)
    found = probability(model, x)
    energy, shown, others = test.X[..., 0], slice(SHOWN), slice(SHOWN, None)
    crop = cropped(energy[shown])
    return {
        "images": numbers(crop), "outside": (energy[shown].sum((1, 2)) - crop.sum((1, 2))).tolist(),
        "electron": test.y[shown].tolist(), "expected": found[shown].tolist(), "middle": MIDDLE,
        "radiated": test.meta["radiated"][shown].tolist(),
        "radius": np.nan_to_num(test.meta["conversion_radius"][shown], nan=0.0).tolist(),
        "convolutions": layers(model.convolutions), "dense": layers(model.dense),
        "networks": {"ParticleImages": (model, x[shown], "Planes of model.network_input -> logit of an electron")},
        "right": int(((found > 0.5) == test.y)[others].sum()), "of": len(test) - SHOWN,
    }  # fmt: skip
