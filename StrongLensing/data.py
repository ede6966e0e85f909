"""The data of the StrongLensing challenge: simulated on the spot, or the published images.

    from StrongLensing import data
    train = data.load("train", n=3000)                              # 64 x 64 pixels, three classes
    pairs = data.load("train", n=1000, task="super_resolution")     # 64 x 64 and 128 x 128 pixels

Command line: `python -m StrongLensing.data simulate --n 3000 --out lenses.npz`, `... describe`, `... fetch`.
"""

from common import cli
from common.datasets import SPLITS, Stream, check_choice
from StrongLensing import pairs, simulate

TASKS = {  # the simulator of each, and the samples in a chunk
    "classification": (simulate.classification, 500),
    "super_resolution": (pairs.super_resolution, 250),
    "model_I": (simulate.model_I, 100),
    "model_II": (simulate.model_II, 500),
    "model_III": (simulate.model_III, 500),
}
STREAMS = {
    task: Stream("StrongLensing", make, version=simulate.VERSION, chunk_size=chunk_size, task=task)
    for task, (make, chunk_size) in TASKS.items()
}


def load(split="train", n=None, *, source="simulated", seed=0, task=None, workers=None, scheduler=None):
    """Images of the StrongLensing challenge."""
    check_choice("split", split, SPLITS)
    check_choice("source", source, ("simulated", "official"))
    task = check_choice("task", task or "classification", tuple(STREAMS))
    if source == "simulated":
        return STREAMS[task].load(split, n, seed, workers=workers, scheduler=scheduler)
    raise NotImplementedError


if __name__ == "__main__":
    raise SystemExit(cli.main("StrongLensing", STREAMS))
