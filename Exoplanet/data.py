"""The data of the Exoplanet challenge: simulated on the spot, or the official FITS files.

    from Exoplanet import data
    train = data.load("train", n=3000)                        # 128 x 128 pixels, 1 with planets and 0 without
    real = data.load("train", source="official", size=224)

Command line: `python -m Exoplanet.data simulate --n 3000 --out disks.npz`, `... describe`, `... fetch`.
"""

import csv
import io
import zipfile
import zlib
from functools import cache, partial

import numpy as np

from common import archives, cli, official
from common.datasets import SPLITS, Dataset, Stream, check_available, check_choice, check_n
from Exoplanet import frames, simulate

TASKS = {"detection": (simulate.detection, 128), "alma": (simulate.alma, 64)}  # and the pixels along an axis
CHUNK_SIZE = 200
MIN_SIZE, MAX_SIZE = 32, 600

CITATION = "J. Terry, C. Hall, S. Abreau, S. Gleyzer, Astrophys. J. 941 (2022) 192; ML4SCI, DeepLearn hackathon"
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

# A few official images that were recovered from published figures, and observed disks. Too few to train on.
RECOVERED = official.OfficialFile(name="recovered_disks.npz", urls=(), citation=CITATION)
RECOVERED_LABELS = official.OfficialFile(name="recovered_labels.csv", urls=(), citation=CITATION)
OBSERVED = {
    name: official.OfficialFile(name=f"{name}.npy", urls=(), citation="S. M. Andrews et al., ApJ 869 (2018) L41")
    for name in ("AS_209", "GW_Lup")
}


@cache
def stream(task="detection", size=None):
    """The simulated stream of a task in images of size x size pixels."""
    make, usual = TASKS[task]
    name = task if size in (None, usual) else f"{task}_{size}"
    make = make if name == task else partial(make, size=size)
    return Stream("Exoplanet", make, version=simulate.VERSION, chunk_size=CHUNK_SIZE, task=name)


def load(
    split="train", n=None, *, source="simulated", seed=0, task=None, size=None, workers=None, scheduler=None, cache=True
):
    """Images of the Exoplanet challenge. No run is in two splits.

    Parameters
    ----------
    split : {"train", "valid", "test"}
    n : int, optional
        Number of images; default: 200 (simulated), or the whole split. Images of a run follow one another.
    source : {"simulated", "official"}
        "official" reads `Full_Train_Data.zip` or `Sample_Data.zip`, or a folder of either name, and `train_info.csv`,
        found in the data folder or downloaded (the sample, 366 MB). 70 % of the runs are for training, 15 % for
        validation, 15 % for the test, in an order that is always the same. Without these files, but with
        `recovered_disks.npz` in the data folder, its images are the test split and there is nothing to train on.
    seed : int or str
        Of the simulation.
    task : {"detection", "alma"}
        "alma": as the interferometer ALMA sees disks, simulated only. Default: detection.
    size : int, optional
        Pixels along an axis, 32 to 600; default: 128 (alma: 64).
    workers, scheduler, cache
        Who simulates, and whether it is stored; see `common.datasets.Stream.load`.

    Returns
    -------
    Dataset
        X float32 (n, 1, size, size): each image minus its smallest value, divided by its largest. y int8 (n,): 1 with
        at least one planet. meta: run, dump, n_planets, masses (n, 4) in solar masses, radii (n, 4) in au; of
        simulated images also what `simulate.simulate` lists.

    Raises
    ------
    ValueError
        Unknown split, source or task; n or size out of range; a file that does not hold such images, a run without
        label; recovered images where there is nothing to train on.
    OSError
        The official files cannot be downloaded, or the cache cannot be written.
    """
    check_choice("split", split, SPLITS)
    check_choice("source", source, ("simulated", "official"))
    task = check_choice("task", task or "detection", tuple(TASKS))
    if size is not None and not MIN_SIZE <= check_n(size, "size") <= MAX_SIZE:
        raise ValueError(f"size must be a whole number from {MIN_SIZE} to {MAX_SIZE}, not {size!r}")
    if source == "simulated":
        return stream(task, size).load(split, n, seed, workers=workers, scheduler=scheduler, cache=cache)
    if task == "alma":
        raise ValueError("task 'alma' has no official files: use task 'detection', or source='simulated'")
    return _load_official(split, None if n is None else check_n(n), size or TASKS[task][1])


# --------------------------------------------------------------------------------------------------
# The official files


def _load_official(split, n, size):
    path = _unpacked() or official.find("Exoplanet", FULL) or official.find("Exoplanet", SAMPLE)
    labels = official.find("Exoplanet", LABELS)
    few = recovered(size) if path is None else None
    if few is not None:
        if split != "test":
            raise ValueError(
                f"the data folder has {RECOVERED.name} only, a few images for testing: load split 'test'. To train on "
                f"official images put {SAMPLE.name} and {LABELS.name} there, or move {RECOVERED.name} away to download"
            )
        return few[: check_available(n, len(few), f"the excerpt {RECOVERED.name}")]
    path = path or official.fetch("Exoplanet", SAMPLE)
    planets = frames.read_labels(labels or official.fetch("Exoplanet", LABELS))
    with archives.opened(path, _is_fits, frames.MAX_BYTES) as files:
        return read_split(files, planets, split, n, size)


def _unpacked():
    """A folder Full_Train_Data or Sample_Data in the data folder that has images, else None."""
    for name in (FULL.name, SAMPLE.name):
        for folder in (official.data_home() / "Exoplanet", official.data_home() / "official" / "Exoplanet"):
            path = folder / name.removesuffix(".zip")
            if path.is_dir() and any(_is_fits(file.name) for file in path.rglob("*")):
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
        Of `frames.read_labels`.
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


# --------------------------------------------------------------------------------------------------
# A few real images


def recovered(size=128):
    """Official images that were recovered from published figures; None where the data folder has none.

    They are approximate (256 levels of brightness over six decades) and cover the whole of the official frames. The
    outlines that the figures leave, single pixels ten times as bright or as dark as what surrounds them, are replaced
    by their surroundings, but for the star in the middle.

    Returns
    -------
    Dataset or None
        X (6, 1, size, size), y, and meta["name"] and meta["run"].
    """
    from scipy.ndimage import median_filter

    path, labels = official.find("Exoplanet", RECOVERED), official.find("Exoplanet", RECOVERED_LABELS)
    if path is None or labels is None:
        return None
    try:
        with labels.open(newline="", encoding="utf-8-sig") as file:
            planet = {row["file"]: int(row["planet"]) for row in csv.DictReader(file)}
        run_of = {name: int(name.removeprefix("planet").partition("_")[0]) for name in planet}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{labels}: expected columns file and planet, as planet7_00010,1; {error}") from error
    X, names = [], []
    for name, image in _arrays(path).items():
        if name not in planet:
            raise ValueError(f"{path.name}: {name} has no line in {labels.name}")
        image = _checked(image, f"{path.name}: {name}")
        around = median_filter(image, 5)
        outline = abs(np.log10((image + 1e-6) / (around + 1e-6))) > 1
        middle = [slice(length // 2 - 8, length // 2 + 8) for length in image.shape]
        outline[tuple(middle)] = False
        X.append(simulate.to_unit_range(frames.resampled(np.where(outline, around, image), size)))
        names.append(name)
    run = np.array([run_of[name] for name in names], np.int64)
    y = np.array([planet[name] for name in names], np.int8)
    return Dataset(np.stack(X)[:, None], y, {"run": run, "name": names})


def observed(size=64):
    """Disks that ALMA has observed, AS 209 and GW Lup; None where the data folder has none.

    The files hold two decades of brightness on a logarithmic scale, v = (log10(I / max) + 2) / 2, and 0 where I is
    fainter than that. They are brought back to brightness.

    Returns
    -------
    Dataset or None
        X (2, 1, size, size) from 0 to 1, as those of task "alma"; no y, as nobody knows; meta["name"].

    Raises
    ------
    ValueError
        A file is damaged, or has values outside 0 to 1.
    """
    X, names = [], []
    for name, file in OBSERVED.items():
        path = official.find("Exoplanet", file)
        if path is not None:
            (stretched,) = _arrays(path).values()
            stretched = _checked(stretched, path.name)
            if stretched.min() < 0 or stretched.max() > 1:
                raise ValueError(
                    f"{path.name}: expected a logarithmic scale from 0 (1 % of the peak) to 1 (the peak), got values "
                    f"from {stretched.min():g} to {stretched.max():g}"
                )
            image = frames.resampled(simulate.FAINTEST_SEEN ** (1 - stretched), size)
            X.append(simulate.to_unit_range(image))
            names.append(name)
    return Dataset(np.stack(X)[:, None], None, {"name": names}) if X else None


def _arrays(path):
    """The arrays in an `.npy` or `.npz` file by name; that of an `.npy` file has the name ""."""
    try:
        stored = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        return {"": stored} if isinstance(stored, np.ndarray) else {name: stored[name] for name in stored.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise ValueError(f"{path}: damaged, or holds anything but numbers ({error}); put it there anew") from error


def _checked(image, where):
    if image.ndim != 2 or image.dtype.kind != "f" or not np.isfinite(image).all():
        raise ValueError(f"{where}: expected an image of finite numbers, got {image.dtype} {image.shape}")
    return image.astype(np.float32)


def describe(dataset):
    """Runs, planets, and the brightness of the images."""
    values = np.quantile(dataset.X, [0.01, 0.25, 0.5, 0.75, 0.99])
    counts = np.bincount(dataset.meta["n_planets"][np.unique(dataset.meta["run"], return_index=True)[1]], minlength=5)
    return (
        f"{counts.sum()} runs; with 0 to 4 planets: {', '.join(map(str, counts))}\n"
        f"pixels, 1, 25, 50, 75 and 99 %: {', '.join(f'{value:.2g}' for value in values)}"
    )


if __name__ == "__main__":
    streams = {task: stream(task) for task in TASKS}
    raise SystemExit(cli.main("Exoplanet", streams, files=(LABELS, SAMPLE), describe=describe, tables=False))
