"""The official files of electron and photon images: two HDF5 files, or an excerpt of them as `.npz`.

The files have no published split: the first 80 % of each are for training, 10 % for validation, 10 % for the test.
"""

import numpy as np

from common import archives, hdf5, official
from common.datasets import Dataset, check_available, check_for_testing, split_slices
from ParticleImages import simulate

CITATION = "M. Andrews et al., CMS-style images of single electrons and photons, pt 50 GeV; ML4SCI, DeepLearn hackathon"
ELECTRONS = official.OfficialFile(
    name="SingleElectronPt50_IMGCROPS_n249k_RHv1.hdf5",
    urls=(
        "https://cernbox.cern.ch/index.php/s/sHjzCNFTFxutYCj/download",
        "https://cernbox.cern.ch/index.php/s/FbXw3V4XNyYB3oA/download",
    ),
    size=87_010_508,
    citation=CITATION,
)
PHOTONS = official.OfficialFile(
    name="SinglePhotonPt50_IMGCROPS_n249k_RHv1.hdf5",
    urls=(
        "https://cernbox.cern.ch/index.php/s/69nGEZjOy3xGxBq/download",
        "https://cernbox.cern.ch/index.php/s/AtBT8y4MiQYFcgc/download",
    ),
    size=79_876_391,
    citation=CITATION,
)
SHARES = {"train": (0.0, 0.8), "valid": (0.8, 0.9), "test": (0.9, 1.0)}  # of the rows of each file, in order
ORDER_SEED = 42  # of the order in which the two files are mixed
IMAGE = (32, 32, 2)
EXTRA = "particleimages"  # which installs h5py

# A few of the real images, energy only, that somebody put into the data folder. Too few to train on.
EXCERPT = official.OfficialFile(name="electron_photon_energy.npz", urls=(), citation=CITATION)


def load_official(split, n=None):
    """The first n images of a split of the two files; without them, of the excerpt where it is in the data folder."""
    complete = [official.find("ParticleImages", file) for file in (PHOTONS, ELECTRONS)]
    excerpt = official.find("ParticleImages", EXCERPT)
    if complete == [None, None] and excerpt is not None:
        return _load_excerpt(excerpt, split, n)
    hdf5.import_h5py(EXTRA)  # before a download, not after
    return read_split([official.fetch("ParticleImages", file) for file in (PHOTONS, ELECTRONS)], split, n)


def read_split(paths, split, n=None):
    """The first n images of a split of two files, one of photons and one of electrons.

    Labels come in a random order that is always the same; within a class the images keep the order of their file. So
    fewer images are the first of more. Only the images that are asked for are read, a few hundred at a time.

    Parameters
    ----------
    paths : (path-like, path-like)
        HDF5 files of photons and of electrons, with X float32 (rows, 32, 32, 2) and y (rows,), 0 or 1.
    split : {"train", "valid", "test"}
    n : int, optional
        Default: all.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        n is too large, or a file is damaged or holds something else.
    """
    parts = [_rows_of_splits(path)[split] for path in paths]
    order = np.repeat(np.arange(2, dtype=np.int8), [part.stop - part.start for part in parts])
    np.random.default_rng(ORDER_SEED).shuffle(order)
    order = order[: check_available(n, len(order), f"the {split} split of the official files")]
    X = np.empty((len(order), *IMAGE), np.float32)
    for label, (path, part) in enumerate(zip(paths, parts, strict=True)):
        with hdf5.arrays(path, EXTRA) as (images, labels):
            _fill(X, np.flatnonzero(order == label), images, labels, part.start, label)
    return Dataset(X, order.copy(), {"channels": list(simulate.CHANNELS), "units": dict(simulate.UNITS)})


def _rows_of_splits(path):
    """The rows of each split of a file, {split: slice}; the layout of the file is checked."""
    with hdf5.arrays(path, EXTRA) as (X, y):
        if X.shape[1:] != IMAGE or y.shape != X.shape[:1]:
            raise ValueError(f"{path}: X has shape {X.shape} and y {y.shape}, expected (rows, 32, 32, 2) and (rows,)")
        if X.dtype != np.float32 or y.dtype.kind not in "fiu":
            raise ValueError(f"{path}: X is {X.dtype} and y {y.dtype}, expected float32 and numbers")
        return split_slices(len(y), SHARES, path)


def _fill(X, places, images, labels, first, label):
    """Read rows first, first + 1, ... of a file into X[places], whole HDF5 chunks at a time, and check them."""
    name = images.file.filename
    chunk = images.chunks[0] if images.chunks else 1
    step = chunk * max(1, 500 // chunk)
    last = first + len(places)
    start = first
    while start < last:
        stop = min(last, (start // step + 1) * step)
        block, found = images[start:stop], labels[start:stop]
        if not np.isfinite(block).all():
            bad = start + int((~np.isfinite(block)).any(axis=(1, 2, 3)).argmax())
            raise ValueError(f"{name}: image {bad} has a pixel that is not finite; download the file again")
        if (found != label).any():
            bad = int((found != label).argmax())
            raise ValueError(
                f"{name}: image {start + bad} has the label {found[bad]:g}, expected {label} "
                f"({('photon', 'electron')[label]}): is this the right file?"
            )
        X[places[start - first : stop - first]] = block
        start = stop


def _load_excerpt(path, split, n):
    check_for_testing(split, path, f"{PHOTONS.name} and {ELECTRONS.name}")
    images = read_excerpt(path)
    where = f"the excerpt {path} (move it away to use the published files)"
    return images[: check_available(n, len(images), where)]


def excerpt():
    """All images of the excerpt in the data folder, as `read_excerpt`; None where there is none. Downloads nothing."""
    path = official.find("ParticleImages", EXCERPT)
    return None if path is None else read_excerpt(path)


def read_excerpt(path):
    """Images of an `.npz` file with X (n, 32, 32), energy only, and y (n,); channel 1 is filled with zeros.

    Raises
    ------
    ValueError
        The file is damaged or holds something else.
    """
    try:
        stored = archives.arrays(path.read_bytes(), archives.EXCERPT_BYTES)
        energy, y = stored["X"], stored["y"]
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{path}: expected an .npz file with X and y, without pickled objects: {error}") from error
    if energy.ndim != 3 or energy.shape[1:] != IMAGE[:2] or y.shape != energy.shape[:1] or not len(y):
        raise ValueError(f"{path}: X has shape {energy.shape} and y {y.shape}, expected (n, 32, 32) and (n,)")
    if energy.dtype.kind not in "fiu" or not (abs(energy) <= np.finfo(np.float32).max).all():
        raise ValueError(f"{path}: X must be numbers, and all of them finite in float32")
    if y.dtype.kind not in "fiub" or not np.isin(y, (0, 1)).all():
        raise ValueError(f"{path}: a label is neither 0 (photon) nor 1 (electron)")
    X = np.zeros((len(y), *IMAGE), np.float32)
    X[..., 0] = energy
    about = {"channels": ["energy"], "units": dict(simulate.UNITS), "split": f"excerpt of {len(y)} images, all test"}
    return Dataset(X, y.astype(np.int8), about)
