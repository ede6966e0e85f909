"""Images of the StrongLensing challenge: simulated on the spot, or the published ones.

    from StrongLensing import data
    train = data.load("train", n=3000)                              # 64 x 64 pixels, three classes
    pairs = data.load("train", n=1000, task="super_resolution")     # 64 x 64 and 128 x 128 pixels

Command line: `python -m StrongLensing.data simulate --n 3000 --out lenses.npz`, `... describe`, `... fetch`.

Task "super_resolution" is to make fine images of coarse ones:
X : float32 of shape (n, 1, 64, 64).
y : float32 of shape (n, 1, 128, 128).
meta : of simulated pairs, see `pairs.super_resolution`.

All other tasks are to classify:
X : float32 of shape (n, 1, 64, 64), the largest value of each image is 1. model_I has 150 x 150 pixels; photographed
    and model_IV have 3 colours.
y : int8 of shape (n,), 0 axion, 1 cdm, 2 no.
meta : of simulated images, see `simulate.simulate`; of official ones, "axion_mass" in eV where it is known, else 0.

"classification" has images like the published ones. The lenses of "varied", "telescope" and "telescope_hubble" differ
from each other, without noise and as Euclid and Hubble see them: see `StrongLensing.varied`. In "photographed" the
sources are photographed galaxies, in three colours: see `StrongLensing.photographed`. The models are those of
DeepLenseSim as its users run them, for comparison: see `StrongLensing.simulate` and `StrongLensing.photographed`.

source="official" reads the zip file of task classification or super_resolution, found in the data folder or downloaded,
or its unpacked folder `dataset` there. It has folders train and val: the first half of val, in the order of the file
names (and in each class), is the valid split and the second half the test split. Without them, but with loose files in
the data folder, these are the test split and there is nothing to train on: no.npy, cdm.npy and axion.npy, or
sr_pair_lr.npy and sr_pair_hr.npy.
"""

from functools import partial

import numpy as np

from common import cli
from common.datasets import Stream
from common.loading import loader
from StrongLensing import pairs, photographed, simulate, varied
from StrongLensing.lens_files import CLASSIFICATION, SUPER_RESOLUTION, image_of, load_official, loose

__all__ = ["CLASSIFICATION", "STREAMS", "SUPER_RESOLUTION", "TASKS", "describe", "image_of", "load", "loose"]

TASKS = {  # the simulator of each, its version, and the samples in a chunk
    "classification": (simulate.classification, simulate.VERSION, 500),
    "super_resolution": (pairs.super_resolution, pairs.VERSION, 250),
    "varied": (varied.varied, varied.VERSION, 500),
    "telescope": (varied.telescope, varied.VERSION, 500),
    "telescope_hubble": (varied.telescope_hubble, varied.VERSION, 500),
    "photographed": (photographed.photographed, photographed.VERSION, 500),
    "model_I": (simulate.model_I, simulate.VERSION, 100),
    "model_II": (simulate.model_II, simulate.VERSION, 500),
    "model_III": (simulate.model_III, simulate.VERSION, 500),
    "model_IV": (photographed.model_IV, photographed.VERSION, 500),
}
STREAMS = {
    task: Stream("StrongLensing", make, version=version, chunk_size=chunk_size, task=task)
    for task, (make, version, chunk_size) in TASKS.items()
}
OFFICIAL = {task: partial(load_official, task) for task in ("classification", "super_resolution")}

load = loader("StrongLensing", STREAMS, official=OFFICIAL, about=__doc__)


def describe(dataset):
    """The brightness of the images: quantiles of their pixels."""
    lines = []
    for name, images in (("X", dataset.X), ("y", dataset.y)):
        if images is not None and images.ndim == 4:
            shares = (1, 25, 50, 75, 99)
            values = ", ".join(f"{s} %: {v:.3f}" for s, v in zip(shares, np.percentile(images, shares), strict=True))
            lines.append(f"pixels of {name}: {values}")
    return "\n".join(lines)


if __name__ == "__main__":
    files = (CLASSIFICATION, SUPER_RESOLUTION)
    raise SystemExit(cli.main("StrongLensing", STREAMS, files=files, describe=describe, tables=False))
