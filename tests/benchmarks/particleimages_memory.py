"""Memory and time to read 100,000 official images: python tests/benchmarks/particleimages_memory.py

Writes two HDF5 files laid out like the official ones, but half as long, with simulated images over and over; reads
their training split in a process of its own, and prints that process's peak memory.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from ParticleImages import data, simulate


def write(folder, n):
    """Files of photons and of electrons, n images each."""
    images = simulate.simulate(5000, seed=0)
    paths = []
    for label, name in enumerate(("photons", "electrons")):
        few = images.X[images.y == label]
        paths.append(Path(folder, f"{name}.hdf5"))
        with h5py.File(paths[-1], "w") as file:
            X = file.create_dataset("X", (n, *few.shape[1:]), "f4", chunks=(100, *few.shape[1:]), compression="lzf")
            for first in range(0, n, len(few)):
                X[first : first + len(few)] = few[: n - first]
            file["y"] = np.full(n, label, np.float32)
    return paths


def read(paths):
    start = time.perf_counter()
    images = data.read_split(paths, "train")
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts in kB
    print(f"{len(images):,} images, {images.X.nbytes / 1e9:.2f} GB: peak of the process {peak / 1e9:.2f} GB, "
          f"{len(images) / seconds:,.0f} images per second")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=62_500, help="images in each file: 8 of 10 are for training")
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(options.read)
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = write(folder, options.n)
        subprocess.run([sys.executable, __file__, "--read", *map(str, paths)], check=True)


if __name__ == "__main__":
    main()
