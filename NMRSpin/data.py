"""Echoes of the NMRSpin challenge: simulated on the spot, or the hackathon's.

    from NMRSpin import data
    train = data.load("train", n=800, task="gauss")                     # X (800, 2, 471), y (800, 3)
    real = data.load("train", task="rkky", source="official")           # the hackathon's text files

Command line: `python -m NMRSpin.data simulate --task rkky --n 6000 --out rkky.npz`, `... describe`, `... fetch`.

X : float32 of shape (n, 2, 471), real and imaginary part of M = <Ix + i Iy> after each step of 2 / gamma.
y : float32 of shape (n, 3), alpha, xi in lattice spacings, d; None for the official test split.

task is the interaction. "gauss" and "rkky" have the same detunings of the lattice for all echoes and seeds;
"gauss_fresh" and "rkky_fresh" have fresh ones for each echo, and no official files. An echo takes a core about a
tenth of a second.

source="official" reads the text files of the hackathon: train and valid are nine and one tenths of the labelled
echoes, mixed as in the hackathon's notebook, and test are the echoes without labels, in the order of the file.
"""

from functools import partial
from pathlib import Path

import numpy as np

from common import cli
from common.datasets import Stream
from common.loading import loader
from NMRSpin import simulate
from NMRSpin.echo_files import FILES, load_official, read_numbers, write_official
from NMRSpin.simulate import LABELS, SEQUENCE

__all__ = ["FILES", "STREAMS", "describe", "load", "read_numbers", "write_official"]

TASKS = {  # the simulator of each, and the echoes in a chunk
    "gauss": (simulate.gauss, 200),
    "rkky": (simulate.rkky, 200),
    "gauss_fresh": (simulate.gauss_fresh, 100),
    "rkky_fresh": (simulate.rkky_fresh, 100),
}
STREAMS = {
    task: Stream(
        "NMRSpin", make, version=simulate.VERSION, chunk_size=chunk_size, task=task,
        sample=Path(__file__).with_name("sample"),
    )
    for task, (make, chunk_size) in TASKS.items()
}

load = loader("NMRSpin", STREAMS, official={task: partial(load_official, task) for task in FILES}, about=__doc__)


def describe(dataset):
    """The quantiles of the labels, and how large the echo is."""
    shares = (0, 5, 50, 95, 100)
    lines = []
    if dataset.y is not None:
        for name, values in zip(LABELS, dataset.y.T, strict=True):
            quantiles = zip(shares, np.percentile(values, shares), strict=True)
            lines.append(f"{name:5} " + ", ".join(f"{s} %: {v:.2f}" for s, v in quantiles))
    size = np.hypot(*dataset.X[:, :, 2 * SEQUENCE.wait - 1].T)
    lines.append(f"|M| of the echo: {size.mean():.3f} on average, {size.min():.3f} to {size.max():.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    files = tuple(file for parts in FILES.values() for file in parts.values())
    raise SystemExit(cli.main("NMRSpin", STREAMS, files=files, describe=describe, tables=False))
