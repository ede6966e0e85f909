"""Images of the Exoplanet challenge: simulated on the spot, or the official FITS files. No run is in two splits.

    from Exoplanet import data
    train = data.load("train", n=3000)                        # 128 x 128 pixels, 1 with planets and 0 without
    real = data.load("train", source="official", size=224)

Command line: `python -m Exoplanet.data simulate --n 3000 --out disks.npz`, `... describe`, `... fetch`.

X : float32 of shape (n, 1, size, size), each image minus its smallest value, divided by its largest. size is the number
    of pixels along an axis, 32 to 600; default: 128, and 64 for alma. Images of a run follow one another.
y : int8 of shape (n,), 1 with at least one planet.
meta : run, dump, n_planets, masses (n, 4) in solar masses, radii (n, 4) in au; of simulated images also what
    `simulate.simulate` lists.

task "alma" has disks as the interferometer ALMA sees them, simulated only.

source="official" reads `Full_Train_Data.zip` or `Sample_Data.zip`, or a folder of either name, and `train_info.csv`,
found in the data folder or downloaded (the sample, 366 MB). 70 % of the runs are for training, 15 % for validation,
15 % for the test, in an order that is always the same. Without these files, but with `recovered_disks.npz` in the data
folder, its images are the test split and there is nothing to train on.
"""

from functools import cache, partial

import numpy as np

from common import cli
from common.datasets import Stream, check_n
from common.loading import loader
from Exoplanet import simulate
from Exoplanet.disk_files import LABELS, SAMPLE, load_official, write_official
from Exoplanet.real_disks import observed, recovered

__all__ = ["STREAMS", "describe", "load", "observed", "recovered", "stream", "write_official"]

TASKS = {"detection": (simulate.detection, 128), "alma": (simulate.alma, 64)}  # and the pixels along an axis
MIN_SIZE, MAX_SIZE = 32, 600


def stream(task="detection", size=None):
    """The simulated stream of a task in images of size x size pixels."""
    make, usual = TASKS[task]
    name = task if size in (None, usual) else f"{task}_{size}"
    make = make if name == task else partial(make, size=size)
    return Stream("Exoplanet", make, version=simulate.VERSION, chunk_size=200, task=name)


STREAMS = {task: stream(task) for task in TASKS}


@cache
def _load_of(size):
    """The function `load` for images of size x size pixels, of the usual size where it is None."""
    streams = {task: stream(task, size) for task in TASKS}
    read = partial(load_official, size=size or TASKS["detection"][1])
    return loader("Exoplanet", streams, official={"detection": read}, about=__doc__)


def load(
    split="train", n=None, *, source="simulated", seed=0, task=None, size=None, workers=None, scheduler=None, cache=True
):
    if size is not None and not MIN_SIZE <= check_n(size, "size") <= MAX_SIZE:
        raise ValueError(f"size must be a whole number from {MIN_SIZE} to {MAX_SIZE}, not {size!r}")
    return _load_of(size)(
        split, n, source=source, seed=seed, task=task, workers=workers, scheduler=scheduler, cache=cache
    )


SIZE = "size : int, optional\n    Pixels along an axis, 32 to 600. Default: 128, and 64 for alma.\n"
load.__doc__ = _load_of(None).__doc__.replace("workers, scheduler, cache\n", SIZE + "workers, scheduler, cache\n")


def describe(dataset):
    """Runs, planets, and the brightness of the images."""
    values = np.quantile(dataset.X, [0.01, 0.25, 0.5, 0.75, 0.99])
    counts = np.bincount(dataset.meta["n_planets"][np.unique(dataset.meta["run"], return_index=True)[1]], minlength=5)
    return (
        f"{counts.sum()} runs; with 0 to 4 planets: {', '.join(map(str, counts))}\n"
        f"pixels, 1, 25, 50, 75 and 99 %: {', '.join(f'{value:.2g}' for value in values)}"
    )


if __name__ == "__main__":
    raise SystemExit(cli.main("Exoplanet", STREAMS, files=(LABELS, SAMPLE), describe=describe, tables=False))
