"""Jet images of the QuantumML challenge: simulated on the spot, or the hackathon's.

    from QuantumML import data
    train = data.load("train", n=6000)     # quark jets and nothing else
    test = data.load("test", n=4000)       # quark (1) and gluon (0) jets

Command line: `python -m QuantumML.data simulate --n 10000 --out jets.npz`, `... describe`, `... fetch`.

X : float32 of shape (n, 30, 30), transverse energy in the electromagnetic calorimeter, not normalised (simulated:
    GeV); see `observables.normalised`.
y : int8 of shape (n,), 1 for a quark jet, 0 for a gluon jet.
meta : of simulated jets, "pt" of shape (n,) in GeV.

An anomaly detector is trained on quark jets only. So the splits train and valid of task "anomaly_detection" hold no
gluon, and whoever wants gluons there (to train a classifier for comparison, or to choose between detectors) must ask
for them by name: task "labelled" has both kinds in all splits.

source="official" reads the HDF5 file of the hackathon. A fifth of each class is held back, chosen at random once and
for all: half of that is the valid split, half the test split.
"""

from functools import partial
from pathlib import Path

import numpy as np

from common import cli
from common.datasets import SPLITS, Stream, check_choice
from common.loading import loader
from QuantumML import simulate
from QuantumML.jet_files import GLUON, HDF5, QUARK, check_images, load_official, proxy, read_hdf5, write_hdf5

__all__ = [
    "GLUON", "HDF5", "QUARK", "SPLITS", "STREAMS", "check_images", "describe", "load", "proxy", "read_hdf5",
    "write_hdf5",
]  # fmt: skip

SAMPLE = Path(__file__).with_name("sample")
QUARKS, LABELLED = (
    Stream("QuantumML", make, version=simulate.VERSION, chunk_size=2000, task=task, sample=SAMPLE)
    for task, make in (("quarks", simulate.quarks), ("labelled", simulate.labelled))
)


class OneClassStream:
    """The stream of the challenge: quarks alone in train and valid, both kinds in test."""

    version, few = simulate.VERSION, QUARKS.few

    def load(self, split="train", n=None, seed=0, **where):
        check_choice("split", split, SPLITS)
        return (LABELLED if split == "test" else QUARKS).load(split, n, seed, **where)


STREAMS = {"anomaly_detection": OneClassStream(), "labelled": LABELLED}

load = loader("QuantumML", STREAMS, official={task: partial(load_official, task) for task in STREAMS}, about=__doc__)


def describe(dataset):
    """How sparse the images are."""
    X = dataset.X / np.maximum(dataset.X.max((1, 2), keepdims=True), 1e-9)
    lit = (X > 0.01).sum((1, 2))
    return f"lit pixels an image: mean {lit.mean():.1f}, 90 % have at most {np.percentile(lit, 90):.0f}"


if __name__ == "__main__":
    raise SystemExit(cli.main("QuantumML", STREAMS, files=(HDF5,), describe=describe, tables=False))
