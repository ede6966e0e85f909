"""The official images of disks, as zip files or unpacked, and the planets of each run.

They have no published split: 70 % of the runs are for training, 15 % for validation, 15 % for the test, in an order
that is always the same. See `Exoplanet.frames` for what stands in the files.
"""

import warnings

import numpy as np

from common import archives, official
from common.datasets import SPLITS, Dataset, check_available, check_for_testing
from Exoplanet import frames, real_disks, simulate
from Exoplanet.real_disks import CITATION

FULL = official.OfficialFile(
    name="Full_Train_Data.zip", urls=("drive:15AMGfgEu2ltGZN3rVtMV97mSbF2USrs6",), citation=CITATION
)
SAMPLE = official.OfficialFile(
    name="Sample_Data.zip", urls=("drive:1I0JS1Qd896BGgsPcga3umQm-RuJB37UA",), citation=CITATION
)
LABELS = official.OfficialFile(
    name=frames.LABELS, urls=("drive:1gtBi4ILvCe8nTF09p_E9WWMplTQGC2Wr",), citation=CITATION
)
SHARES = {"train": (0.0, 0.7), "valid": (0.7, 0.85), "test": (0.85, 1.0)}  # of the runs, in random order
SPLIT_SEED = 42


def load_official(split, n, size):
    """The first n images of a split (all where n is None), size x size pixels.

    Without the official files, but with the recovered images in the data folder, these are the test split.
    """
    path = _found()
    labels = official.find("Exoplanet", LABELS)
    few = real_disks.recovered(size) if path is None else None
    if few is not None:
        excerpt = official.find("Exoplanet", real_disks.RECOVERED)
        check_for_testing(split, excerpt, f"{SAMPLE.name} and {LABELS.name}")
        return few[: check_available(n, len(few), f"the excerpt {excerpt.name}")]
    path = path or official.fetch("Exoplanet", SAMPLE)
    planets = frames.read_labels(labels or official.fetch("Exoplanet", LABELS))
    with archives.opened(path, _is_fits, frames.MAX_BYTES) as files:
        return read_split(files, planets, split, n, size)


def _found():
    """The images on this machine, else None: all before a sample, and a zip file before its folder.

    The splits are those of the runs that are there. A folder that lacks some, since it was not unpacked to the end,
    has other splits.
    """
    found = [path for file in (FULL, SAMPLE) for path in (official.find("Exoplanet", file), _unpacked(file)) if path]
    if found[1:] and found[0].is_dir():
        warnings.warn(f"{found[0]} is read, not {found[1]}: move away what you do not want", stacklevel=2)
    return found[0] if found else None


def _unpacked(file):
    """The folder of a zip file's name in the data folder, where it has images, else None."""
    for folder in official.places("Exoplanet"):
        path = folder / file.name.removesuffix(".zip")
        if path.is_dir() and any(_is_fits(other.name) for other in path.rglob("*")):
            return path
    return None


def _is_fits(name):
    return frames.LIKE_FITS.fullmatch(name.rpartition("/")[2]) is not None


def _run_and_dump(name):
    found = frames.run_and_dump(name.rpartition("/")[2])
    if found is None:
        raise ValueError(f"{name} is not named like an image; expected planet<run>_<dump>_1250.fits")
    return found


def split_runs(runs):
    """Which runs belong to which split: {split: list of runs}, in an order that depends only on the runs."""
    order = np.random.default_rng(SPLIT_SEED).permutation(sorted(set(runs)))
    edges = {split: [round(share * len(order)) for share in SHARES[split]] for split in SPLITS}
    return {split: order[low:high].tolist() for split, (low, high) in edges.items()}


def read_split(files, planets, split, n, size):
    """The first n images of a split, one file after the other; only these are read.

    Parameters
    ----------
    files : common.archives.Files
    planets : dict
        What `frames.read_labels` returns.
    split : {"train", "valid", "test"}
    n : int or None
    size : int

    Raises
    ------
    ValueError
        A name that is not that of an image, two files of one image, a run without label, too few images, or a
        file that holds no such image.
    """
    if not files.names:
        raise ValueError(f"{files.name}: no files planet<run>_<dump>_1250.fits; it has {files.others()}")
    dumps = {}
    for (run, dump), name in archives.by_key(files.names, _run_and_dump, files.name).items():
        if run not in planets:
            raise ValueError(f"{name}: run {run} has no line in {frames.LABELS}; are both of one data set?")
        dumps.setdefault(run, []).append((dump, name))
    chosen = [(run, *dump) for run in split_runs(dumps)[split] for dump in sorted(dumps[run])]
    if not chosen:
        raise ValueError(f"the {split} split has no images: {len(dumps)} runs were found, too few for three splits")
    chosen = chosen[: check_available(n, len(chosen), f"the {split} split of the official images")]
    X = np.empty((len(chosen), 1, size, size), np.float32)
    for i, (_, _, name) in enumerate(chosen):
        image = frames.resampled(frames.read_frame(files.read(name), name), size)
        X[i, 0] = simulate.to_unit_range(image)
    masses, radii = (np.array([planets[run][k] for run, _, _ in chosen], np.float32) for k in (0, 1))
    n_planets = np.count_nonzero(masses, axis=1).astype(np.int8)
    meta = {
        "run": np.array([run for run, _, _ in chosen], np.int64), "dump": np.array([d for _, d, _ in chosen], np.int32),
        "n_planets": n_planets, "masses": masses, "radii": radii,
    }  # fmt: skip
    return Dataset(X, (n_planets > 0).astype(np.int8), meta)


def write_official(dataset, folder):
    """Write simulated images of 600 pixels as the official files, FITS and `train_info.csv`, into a folder.

    The runs are numbered from 0.
    """
    runs, number = np.unique(dataset.meta["run"], return_inverse=True)
    for image, run, dump in zip(dataset.X[:, 0], number, dataset.meta["dump"], strict=True):
        frames.write_frame(folder / frames.file_name(run, dump), image)
    first = [np.flatnonzero(number == run)[0] for run in range(len(runs))]
    rows = [(run, dataset.meta["masses"][i], dataset.meta["radii"][i]) for run, i in enumerate(first)]
    frames.write_labels(folder / frames.LABELS, rows)
