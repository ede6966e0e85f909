"""A simulator that is quick and simple enough to know its data by heart."""

import os
import time

import numpy as np

from common.datasets import Dataset, Stream


def simulate(n, seed):
    """n normal pairs; the label says whether the first is the larger."""
    X = np.random.default_rng(seed).normal(size=(n, 2)).astype(np.float32)
    return Dataset(X, (X[:, 0] > X[:, 1]).astype(np.int8), {"columns": ["a", "b"], "run": np.arange(n)})


def simulate_slowly(n, seed):
    time.sleep(0.2)
    return simulate(n, seed)


def simulate_texts(n, seed):
    return Dataset([f"{seed} {i}" for i in range(n)], np.zeros(n, np.int8))


def simulate_and_die_once(n, seed):
    """Kill the process that simulates, the first time that anybody does."""
    try:
        os.close(os.open(os.environ["TOY_DEAD"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return simulate(n, seed)
    os._exit(1)


def stream(simulator=simulate, **options):
    return Stream("Toy", simulator, **{"version": 1, "chunk_size": 10, **options})
