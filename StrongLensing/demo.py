"""What the page of StrongLensing needs: the networks of both lessons, unseen lenses, and the constants of the lens."""

import math

import torch
from torch.nn.functional import cross_entropy, l1_loss

from common.demo import layers, numbers
from common.training import fit, seed_everything
from StrongLensing import data as lenses
from StrongLensing import lens, simulate
from StrongLensing.challenge import IMAGE_SCORES
from StrongLensing.model import ANGLES, FAINTEST, RADII, Network, any_camera, observe, probabilities
from StrongLensing.restoration import ResidualNetwork, restore

SHOWN = 36  # lenses of the quiz: the first ones of the test set
EVERY = 8  # th row and column of a restored image is compared with the page's
NOISE = 1e-3  # of the peak, on the lenses of the quiz and on those that measure the network


def through(camera, X):
    """Images as a camera shows them, always the same."""
    torch.manual_seed(0)
    return camera(torch.from_numpy(X)).numpy()


def network(quick=False):
    """The network of the lesson that was trained with noise."""
    train, valid = lenses.load("train", 600 if quick else 3000), lenses.load("valid", 200 if quick else 1000)
    valid_X = through(any_camera, valid.X)
    seed_everything(0)
    model = Network()
    fit(model, (train.X, train.y.astype("i8")), (valid_X, valid.y.astype("i8")), loss=cross_entropy,
        score=lambda y, z: (z.argmax(1) == y).mean(), epochs=3 if quick else 14, batch_size=64, lr=3e-3,
        weight_decay=0.05, augment=any_camera, seed=0, progress=False)  # fmt: skip
    return model


def restorer(quick=False):
    """The residual network of the second lesson, but that it corrects the enlarged image: a page has no filter."""
    train, valid = (lenses.load(split, n, task="super_resolution") for split, n in
                    (("train", 8 if quick else 240), ("valid", 4 if quick else 40)))  # fmt: skip
    seed_everything(0)
    model = ResidualNetwork()
    fit(model, (train.X, train.y), (valid.X, valid.y), loss=l1_loss, batch_size=8, lr=2e-3, weight_decay=1e-4, seed=0,
        score=lambda fine, images: IMAGE_SCORES["PSNR"](fine, images.clip(0, 1)).mean(), epochs=1 if quick else 8,
        progress=False)  # fmt: skip
    return model


def data(quick=False):
    """See common.demo; angles in arcsec, and Einstein radii as they act on the source."""
    model, restoring, test = network(quick), restorer(quick), lenses.load("test", 200 if quick else 1000)
    X = through(lambda x: observe(x, NOISE), test.X)
    found = probabilities(model, X)
    published, root = simulate.PUBLISHED, math.sqrt(simulate.RESCALING)
    one = simulate.VORTEX_MASS / simulate.VORTEX_POINTS
    return {
        "images": numbers(X[:SHOWN, 0]), "label": test.y[:SHOWN].tolist(), "expected": found[:SHOWN].tolist(),
        "largest": test.meta["largest_subhalo"][:SHOWN].tolist(), "length": test.meta["vortex_length"][:SHOWN].tolist(),
        "radii": RADII, "angles": ANGLES, "faintest": FAINTEST, "layers": layers(model.layers),
        "size": published.size, "pixel": published.pixel, "sigma": published.fwhm / lens.FWHM,
        "theta_E": simulate.THETA_E * simulate.RESCALING, "mass": simulate.LENS_MASS,
        "lump": simulate.THETA_E * root, "ellipticity": simulate.ELLIPTICITY,
        "shear": [simulate.RESCALING * value for value in simulate.SHEAR], "source": simulate.SOURCE,
        "vortex": simulate.THETA_E * math.sqrt(one / simulate.LENS_MASS) * root, "points": simulate.VORTEX_POINTS,
        # Some pixels of what the second network makes of the same images
        "restore": {"layers": layers(restoring.layers), "every": EVERY,
                    "brightness": [restoring.brightness.a.item(), restoring.brightness.b.item()],
                    "expected": restore(restoring, X[:10])[:, 0, ::EVERY, ::EVERY].tolist()},
        "networks": {
            "StrongLensing": (model, X[:SHOWN], f"Images of 64 x 64 -> logits of {', '.join(simulate.CLASSES)}"),
            "StrongLensing_restored": (restoring, X[:SHOWN], "Images -> twice as many pixels along a side"),
        },
        "right": int((found.argmax(1) == test.y)[SHOWN:].sum()), "of": len(test) - SHOWN,
    }  # fmt: skip
