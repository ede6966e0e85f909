"""Files of jet images: the official HDF5 file, and published jets of another simulation.

The official file has no published split. A fifth of each class is held back, chosen at random once and for all: half of
that is the valid split, half the test split.
"""

from pathlib import Path

import numpy as np

from common import archives, hdf5, official
from common.datasets import SPLITS, Dataset, check_available, check_splits
from common.files import atomic_write
from QuantumML import simulate

QUARK, GLUON = 1, 0

HDF5 = official.OfficialFile(
    name="QG_hackathon_data_big.hdf5",
    urls=("drive:1dJiFRqMWhBzT6lS7neGrIBYEiYX8oveT",),
    citation="M. Andrews et al., Nucl. Instrum. Meth. A 977 (2020) 164304, arXiv:1902.08276; ML4SCI",
)
LAYOUT = "an HDF5 file with data sets X and y"
NAMES = (HDF5.name, "QG_hackathon_data_big", "QG_hackathon_data_big.h5")  # what the file may be called
VALID_SHARE = 0.2  # of each class, as in the original notebook; half of it is the valid split, half the test split
SPLIT_SEED = 42

PROXY = official.OfficialFile(
    name="quark_gluon_jets.npz",
    urls=(),
    licence="CC BY 4.0",
    citation="P. Komiske, E. Metodiev, J. Thaler, Quark and Gluon Jets for Energy Flow, doi:10.5281/zenodo.3164691",
)
PROXY_HALF_WIDTH = 0.4  # of its images, in rapidity and in azimuth


def load_official(task, split, n=None):
    """The first n jets of a split of the official file, all where n is None."""
    path = next(filter(None, (_find(name) for name in NAMES)), None) or official.fetch("QuantumML", HDF5)
    return read_hdf5(path, n=n, choose=lambda y: _chosen(y, task, split, path.name))


def _chosen(y, task, split, name):
    """As `split_rows`, where no split is empty."""
    if len(np.unique(y)) < 2:
        raise ValueError(f"{name}: all jets are of one kind; expected quarks (1) and gluons (0)")
    rows = {part: split_rows(y, task, part) for part in SPLITS}
    check_splits({part: len(chosen) for part, chosen in rows.items()}, name)
    return rows[split]


def _find(name):
    return official.find("QuantumML", official.OfficialFile(name=name, urls=()))


def split_rows(y, task, split):
    """Rows of a split of the official file, in random order: of quarks only unless the split or the task has both."""
    rng = np.random.default_rng(SPLIT_SEED)
    chosen = []
    for label in (QUARK, GLUON):
        rows = rng.permutation(np.flatnonzero(y == label))
        held_back = round(VALID_SHARE * len(rows))
        edges = {"valid": (0, held_back // 2), "test": (held_back // 2, held_back), "train": (held_back, len(rows))}
        if label == QUARK or split == "test" or task == "labelled":
            chosen.append(rows[slice(*edges[split])])
    return rng.permutation(np.concatenate(chosen))


def read_hdf5(path, n=None, choose=None):
    """Images in the layout of the official file: HDF5 with X (n, 30, 30) and y (n,).

    Parameters
    ----------
    path : path-like
    n : int, optional
        Read so many at most; default: all.
    choose : callable y -> rows, optional
        Which rows, in this order; default: all as they are.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        Not an HDF5 file, one that is in use, no X and y of plain numbers, images of another size, labels other than 0
        and 1, pixels that are negative or not finite, images without any pixel above 0, or fewer than n rows.
    """
    path = Path(path)
    with hdf5.arrays(path, "quantumml", LAYOUT) as (X, y):
        size = simulate.SIZE
        for key, array in (("X", X), ("y", y)):
            if array.dtype.kind not in "fiub":
                raise ValueError(f"{path.name}: {key} holds {array.dtype}, expected plain numbers")
        if X.ndim not in (3, 4) or X.shape[1:] not in ((size, size), (size, size, 1)) or y.shape[:1] != X.shape[:1]:
            raise ValueError(
                f"{path.name}: X has shape {X.shape} and y {y.shape}, expected (n, {size}, {size}) and (n,)"
            )
        labels = np.asarray(y[()]).reshape(-1)
        if len(labels) != len(X) or not np.isin(labels, (QUARK, GLUON)).all():
            raise ValueError(f"{path.name}: y has values other than 0 (gluon) and 1 (quark), or several a jet")
        rows = np.arange(len(labels)) if choose is None else choose(labels)
        rows = rows[: check_available(n, len(rows), f"this split of {path.name}")]
        order = np.argsort(rows)
        images = np.empty((len(rows), size, size), np.float32)
        images[order] = _rows(X, rows[order]).reshape(-1, size, size)
    check_images(images, path.name)
    return Dataset(images, labels[rows].astype(np.int8), {"simulator": "CMS Open Data"})


def _rows(X, rows, block=20_000):
    """Sorted rows of an HDF5 data set: read in blocks, which is far faster than row by row."""
    parts = [np.empty((0, *X.shape[1:]), np.float32)]
    for first in range(0, len(X), block):
        low, high = np.searchsorted(rows, (first, first + block))
        if high > low:
            with np.errstate(over="ignore"):
                parts.append(X[first : first + block][rows[low:high] - first].astype(np.float32))
    return np.concatenate(parts)


def check_images(X, name="X"):
    """Raise ValueError unless X is (n, side, side), finite, without negative pixels and without empty images."""
    X = np.asarray(X)
    if X.ndim != 3 or X.shape[1] != X.shape[2]:
        raise ValueError(f"{name}: shape {X.shape}, expected square images (n, side, side)")
    if not np.isfinite(X).all() or (X < 0).any():
        raise ValueError(f"{name}: has pixels that are negative or not finite; leave these images out")
    if (empty := ~X.any((1, 2))).any():
        raise ValueError(f"{name}: image {empty.argmax()} has no pixel above 0: leave it out, it shows no jet")
    return X


def write_hdf5(dataset, path):
    """Write images in the layout of the official file: X float32 (n, 30, 30) and y int64 (n,). Returns the path."""
    import h5py

    check_images(dataset.X)
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        file.create_dataset("X", data=dataset.X, compression="gzip")
        file.create_dataset("y", data=np.asarray(dataset.y, np.int64))
    return Path(path)


# --------------------------------------------------------------------------------------------------
# Published jets of another simulation, nearest to the official ones that can be had everywhere


def proxy():
    """Images of the published jets in the data folder (`quark_gluon_jets.npz`), None where they are not.

    They are Pythia 8 jets of pt 500 to 550 GeV at 14 TeV, of which the ten hardest particles are kept (Komiske,
    Metodiev and Thaler). Each is centred on its axis and becomes an image of transverse momentum, without a detector.

    Returns
    -------
    Dataset or None
        Jets of both kinds, as `load(task="labelled")` returns them, in the order of the file.
    """
    path = official.find("QuantumML", PROXY)
    if path is None:
        return None
    try:
        stored = archives.arrays(path.read_bytes(), archives.EXCERPT_BYTES)
        jets, y = stored["X"], stored["y"]
        if jets.dtype.kind not in "fiu" or y.dtype.kind not in "fiub":
            raise ValueError(f"X holds {jets.dtype} and y {y.dtype}")
        jets = jets.astype(float)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected an .npz file of numbers X and y: {error}; put it there anew") from error
    if jets.ndim != 3 or jets.shape[2] != 4 or not np.isin(y, (QUARK, GLUON)).all():
        raise ValueError(f"{path.name}: X of shape {jets.shape}, expected (n, particles, 4), and y of 0 and 1")
    if y.shape != jets.shape[:1] or not np.isfinite(jets).all() or not (jets[..., 0].sum(1) > 0).all():
        raise ValueError(f"{path}: expected one label a jet, finite numbers, and jets of positive momentum")
    size, half_width = simulate.SIZE, PROXY_HALF_WIDTH
    pt, rapidity, phi = jets[..., 0], jets[..., 1], jets[..., 2]
    phi = phi[:, :1] + (phi - phi[:, :1] + np.pi) % (2 * np.pi) - np.pi  # on the same side of the cut
    places = []
    for angle in (phi, rapidity):
        axis = (pt * angle).sum(1, keepdims=True) / pt.sum(1, keepdims=True)
        places.append(np.floor((angle - axis + half_width) / (2 * half_width) * size).astype(int))
    inside = (pt > 0) & np.all([(0 <= place) & (place < size) for place in places], axis=0)
    pixel = (np.arange(len(pt))[:, None] * size + places[0]) * size + places[1]
    X = np.bincount(pixel[inside], pt[inside], len(pt) * size**2).astype(np.float32)
    return Dataset(X.reshape(-1, size, size), y.astype(np.int8), {"unit": "GeV"})
