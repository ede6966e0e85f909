"""What the page of NMRSpin needs: the network of the lesson, unseen echoes, and the spins of the lattice."""

import numpy as np
import torch
from torch import nn

from common.demo import layers, numbers
from NMRSpin import data as echoes
from NMRSpin.model import HIGHEST, LOWEST, Network
from NMRSpin.simulate import CALIBRATION, DECAY, SEQUENCE, shared_detunings
from NMRSpin.spins import MAX_TURN

SHOWN = 24  # mystery echoes: the first ones of the test set


def network(quick=False):
    """The network of the lesson for the interaction "gauss"."""
    train, valid = (echoes.load(split, n) for split, n in [("train", 720), ("valid", 80)])
    return Network(epochs=3 if quick else 200, seed=0).fit(train.X, train.y, valid.X, valid.y)


def data(quick=False):
    """See common.demo; the first layers of the page's network make the principal components of an echo."""
    model, test = network(quick), echoes.load("test", 200)
    components = model.pca.components_ / model.scale
    standardise = nn.BatchNorm1d(components.shape[1], eps=0, affine=False)
    standardise.running_mean[:] = torch.from_numpy(model.inputs.mean)
    standardise.running_var[:] = torch.from_numpy(model.inputs.spread**2)
    first = nn.Linear(*components.shape[::-1])
    first.weight.data[:] = torch.from_numpy(components)
    first.bias.data[:] = torch.from_numpy(-components @ model.pca.mean_)
    whole = nn.Sequential(nn.Flatten(), standardise, first, *model.module)
    found = model.predict(test.X)
    return {
        "n": len(shared_detunings()), "dt": SEQUENCE.dt, "wait": SEQUENCE.wait, "steps": SEQUENCE.steps,
        "calibration": CALIBRATION, "decay": DECAY, "turn": MAX_TURN, "detunings": numbers(shared_detunings()),
        "network": layers(whole),
        "networks": {"NMRSpin": (whole, test.X[:SHOWN], "Echoes, 2 x 471 values -> NMRSpin.model.targets, "
                                 f"less {model.outputs.mean.round(3)} and divided by {model.outputs.spread.round(3)}")},
        "mean": model.outputs.mean.tolist(), "spread": model.outputs.spread.tolist(),
        "lowest": LOWEST.tolist(), "highest": HIGHEST.tolist(),
        "echoes": numbers(test.X[:SHOWN]), "labels": test.y[:SHOWN].tolist(), "expected": found[:SHOWN].tolist(),
        "off": {"n": len(test), "xi": float(np.median(abs(np.log(found[:, 1] / test.y[:, 1]))))},
    }  # fmt: skip
