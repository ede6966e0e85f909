"""A few real images of disks, too few to train on: official ones out of published figures, and what ALMA observed."""

import csv

import numpy as np

from common import archives, official
from common.datasets import Dataset
from Exoplanet import frames, simulate

CITATION = "J. Terry, C. Hall, S. Abreau, S. Gleyzer, Astrophys. J. 941 (2022) 192; ML4SCI, DeepLearn hackathon"
RECOVERED = official.OfficialFile(name="recovered_disks.npz", urls=(), citation=CITATION)
RECOVERED_LABELS = official.OfficialFile(name="recovered_labels.csv", urls=(), citation=CITATION)
OBSERVED = {
    name: official.OfficialFile(name=f"{name}.npy", urls=(), citation="S. M. Andrews et al., ApJ 869 (2018) L41")
    for name in ("AS_209", "GW_Lup")
}


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
            rows = [(row["file"], int(row["planet"])) for row in csv.DictReader(file)]
        planet = dict(rows)
        if len(planet) < len(rows) or not set(planet.values()) <= {0, 1}:
            raise ValueError("a file is listed twice, or a label is neither 0 nor 1")
        run_of = {name: int(name.removeprefix("planet").partition("_")[0]) for name in planet}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{labels}: expected columns file and planet, as planet7_00010,1; {error}") from error
    X, names = [], []
    for name, image in _arrays(path).items():
        if name not in planet:
            raise ValueError(f"{path.name}: {name} has no line in {labels.name}")
        image = _checked(image, f"{path.name}: {name}")
        if not image.max() > 0:
            raise ValueError(f"{path.name}: {name} has no pixel above 0; remove it")
        around = median_filter(image, 5)
        outline = abs(np.log10((image + 1e-6) / (around + 1e-6))) > 1
        middle = [slice(length // 2 - 8, length // 2 + 8) for length in image.shape]
        outline[tuple(middle)] = False
        X.append(simulate.to_unit_range(frames.resampled(np.where(outline, around, image), size)))
        names.append(name)
    if not X:
        raise ValueError(f"{path} has no images; put it there anew")
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
            stretched = _checked(_arrays(path).get(""), path.name)
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
        return archives.arrays(path.read_bytes(), archives.EXCERPT_BYTES)
    except ValueError as error:
        raise ValueError(f"{path}: {error}; put it there anew") from error


def _checked(image, where):
    if image is None or image.ndim != 2 or not image.size or image.dtype.kind != "f":
        found = "no .npy file" if image is None else f"{image.dtype} {image.shape}"
        raise ValueError(f"{where}: expected an image of finite numbers, got {found}")
    with np.errstate(over="ignore"):
        image = image.astype(np.float32)
    if not np.isfinite(image).all():
        raise ValueError(f"{where}: expected an image of finite numbers, and some pixels are not finite in float32")
    return image
