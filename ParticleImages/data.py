"""Images of the ParticleImages challenge: simulated on the spot, or the hackathon's two HDF5 files.

    from ParticleImages import data
    train = data.load("train", n=20_000)
    real = data.load("train", n=100_000, source="official")

Command line: `python -m ParticleImages.data simulate --n 100000 --out images.npz`, `... describe`, `... fetch`.

X : float32 of shape (n, 32, 32, 2), energy in units of 50 GeV and time in units of 10 ns; rows are along eta, columns
    along phi. An image takes 8 kB of memory: all the official training images take 3.3 GB.
y : int8 of shape (n,), 1 for electrons.
meta : "channels" names the channels that are filled; simulated images also have their truth, see
    `ParticleImages.simulate.simulate`.

source="official" reads the two HDF5 files of the hackathon, 170 MB. They have no published split: the first 80 % of
each file are for training, 10 % for validation, 10 % for the test. Without these files, but with the excerpt
`electron_photon_energy.npz` in the data folder, its images are the test split, and there is nothing to train on. The
excerpt has no times: channel 1 is zero.
"""

import numpy as np
import pandas as pd

from common import cli
from common.datasets import Stream
from common.loading import loader
from ParticleImages import simulate
from ParticleImages.image_files import ELECTRONS, PHOTONS, excerpt, load_official, read_excerpt, read_split

__all__ = ["STREAMS", "describe", "excerpt", "load", "read_excerpt", "read_split"]

STREAMS = {
    "classification": Stream("ParticleImages", simulate.simulate, version=simulate.VERSION, chunk_size=5000),
}

load = loader("ParticleImages", STREAMS, official={"classification": load_official}, about=__doc__)


def describe(dataset):
    """A table of the two channels and of the number of pixels that are not zero, by class."""
    table = {}
    for label, name in ((1, "electron"), (0, "photon")):
        for i, channel in enumerate(simulate.CHANNELS):
            x = dataset.X[dataset.y == label, ..., i]
            if len(x):
                about = {"mean": x.mean(), "std": x.std(), "min": x.min(), "max": x.max()}
                table[f"{name} {channel}"] = about | {"pixels": np.count_nonzero(x) / len(x)}
    return pd.DataFrame(table).T.round(4).to_string()


if __name__ == "__main__":
    files = (ELECTRONS, PHOTONS)
    raise SystemExit(cli.main("ParticleImages", STREAMS, files=files, describe=describe, tables=False))
