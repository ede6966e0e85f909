"""The published images of lenses: zip files of `.npy` files, or a few of these as loose files.

The zip files have folders train and val. The first half of val, in the order of the file names (and in each class), is
the valid split and the second half the test split.
"""

import re
import zipfile
from functools import partial

import numpy as np

from common import archives, official
from common.datasets import Dataset, check_available, check_choice, check_for_testing
from StrongLensing import npy, simulate
from StrongLensing.simulate import CLASSES

CITATION = "S. Alexander et al., Astrophys. J. 893 (2020) 15, arXiv:1909.07346; ML4SCI DeepLense"
CLASSIFICATION = official.OfficialFile(
    name="stronglensing_classification_dataset.zip",
    urls=("drive:1GKLETkPWy_uOwfR3UMW8YEQC4lkJa45h",),
    citation=CITATION,
)
SUPER_RESOLUTION = official.OfficialFile(
    name="stronglensing_super_resolution_dataset.zip",
    urls=("drive:1lUOGo2B0Rhxwj_TGZSVEdZJ79GdI7awa",),
    citation=CITATION,
)
ARCHIVES = {"classification": CLASSIFICATION, "super_resolution": SUPER_RESOLUTION}
FOLDER = "dataset"  # what either is called where it is published, and its folder
RESOLUTIONS = ("LR", "HR")
SIZES = {"LR": 64, "HR": 128, **dict.fromkeys(CLASSES, 64)}
MEMBER = re.compile(r"(?:.*/)?(train|val)/([^/]+)/([^/]+\.npy)", re.IGNORECASE)
LIKE_MEMBER = re.compile(r".*\.np[yz]", re.IGNORECASE)
ORDER_SEED = 42  # of the order in which the classes are mixed

# A few published images that somebody put into the data folder. Too few to train on.
LOOSE = {
    "classification": tuple(official.OfficialFile(name=f"{name}.npy", urls=()) for name in CLASSES),
    "super_resolution": tuple(official.OfficialFile(name=f"sr_pair_{name}.npy", urls=()) for name in ("lr", "hr")),
}


def load_official(task, split, n=None):
    """The first n images or pairs of a split, all where n is None; without the zip file, of the loose files."""
    archive, read_split = ARCHIVES[task], {"classification": read_images, "super_resolution": read_pairs}[task]
    path = official.find("StrongLensing", archive) or _under_another_name(task)
    if path is None and (found := _found_loose(task)):
        check_for_testing(split, found[0], archive.name)
        few = loose(task)
        return few[: check_available(n, len(few), f"the excerpt in {found[0].parent}")]
    path = path or official.fetch("StrongLensing", archive)
    with archives.opened(path, LIKE_MEMBER.fullmatch, npy.MAX_BYTES) as files:
        return read_split(files, split, n)


def loose(task="classification"):
    """The few published images that lie in the data folder as loose files; None where they do not. Downloads nothing.

    Parameters
    ----------
    task : {"classification", "super_resolution"}

    Returns
    -------
    Dataset or None
        As of `load`: three images, or one pair.
    """
    check_choice("task", task, tuple(LOOSE))
    found = _found_loose(task)
    if not found:
        return None
    return _loose_images(found) if task == "classification" else _loose_pair(found)


def _found_loose(task):
    """The paths of the loose files of a task in the data folder, or nothing where one of them is missing."""
    paths = [official.find("StrongLensing", file) for file in LOOSE[task]]
    return paths if all(paths) else []


def _under_another_name(task):
    """A zip file as it is published, or a folder as programs unpack one, that holds this task in the data folder."""
    mine = CLASSES if task == "classification" else RESOLUTIONS
    stem = ARCHIVES[task].name.removesuffix(".zip")
    for place in official.places("StrongLensing"):
        for path in (place / name for name in (FOLDER, f"{FOLDER}/{FOLDER}", FOLDER.title(), stem, f"{stem}/{FOLDER}")):
            if any((path / half / name).is_dir() for half in ("train", "val") for name in mine):
                return path
        for path in sorted(place.glob(f"{FOLDER}*.zip")):  # a browser adds (1)
            if zipfile.is_zipfile(path) and _holds(path, mine):
                return path
    return None


def _holds(path, folders):
    """Whether a zip file has images in one of these folders."""
    try:
        with zipfile.ZipFile(path) as archive:
            matches = filter(None, map(MEMBER.fullmatch, archive.namelist()))
            return any(match[2].lower() in map(str.lower, folders) for match in matches)
    except (OSError, zipfile.BadZipFile):
        return False


def _start(path):
    """The bytes of a file, or enough of them to see that it is too large."""
    with path.open("rb") as stream:
        return stream.read(npy.MAX_BYTES + 1)


def _place(where, member):
    """(half, folder, file name) of a file of the data set; a half or folder may be written in capitals or not."""
    match = MEMBER.fullmatch(member)
    if match is None:
        raise ValueError(
            f"{where}: {member} is not named like an image; expected train/FOLDER/NAME.npy or val/FOLDER/NAME.npy; "
            "move it there, or out of the data set"
        )
    half, folder, file = match.groups()
    folder = next((name for name in SIZES if name.lower() == folder.lower()), folder)
    return half.lower(), folder, file


def _listed(files, folders, split):
    """Names of the `.npy` files of a split by folder, in order; {folder: {file name: name with its folders}}."""
    half = "train" if split == "train" else "val"
    listed = {name: {} for name in folders}
    places = archives.by_key(files.names, partial(_place, files.name), files.name)
    for (its_half, folder, file), member in places.items():
        if folder not in SIZES:
            raise ValueError(f"{files.name}: unknown folder {folder!r} ({member}); expected {', '.join(folders)}")
        if its_half == half and folder in folders:
            listed[folder][file] = member
    for name, members in listed.items():
        if not members:
            raise ValueError(
                f"{files.name}: no files {half}/{name}/*.npy; expected folders {', '.join(folders)} in each of train "
                f"and val. Is this the zip file of the other task? Besides it has {files.others()}"
            )
    return listed


def _half(sequence, split):
    """What belongs to the split: all of train, or one half of val."""
    middle = (len(sequence) + 1) // 2
    return {"train": sequence, "valid": sequence[:middle], "test": sequence[middle:]}[split]


def read_images(files, split, n=None):
    """The first n classified images of a split, each class in the order of the file names, the classes mixed.

    The mixture is always the same, so that fewer images are the first of more. Only these are read.

    Parameters
    ----------
    files : common.archives.Files
    split : {"train", "valid", "test"}
    n : int, optional
        Default: all.

    Raises
    ------
    ValueError
        n is too large, or a file does not hold an image of 64 x 64 pixels.
    """
    listed = _listed(files, CLASSES, split)
    members = [_half(list(listed[name].values()), split) for name in CLASSES]
    labels = np.repeat(np.arange(len(CLASSES), dtype=np.int8), [len(names) for names in members])
    n = check_available(n, len(labels), f"the {split} split of {files.name}")
    y = np.random.default_rng(ORDER_SEED).permutation(labels)[:n]
    queues = [iter(names) for names in members]
    X, mass = np.empty((n, 1, 64, 64), np.float32), np.zeros(n, np.float32)
    for i, label in enumerate(y):
        member = next(queues[label])
        X[i, 0], mass[i] = image_of(files.read(member), f"{files.name}: {member}", CLASSES[label])
    return Dataset(_scaled(X), y, {"axion_mass": mass, "classes": list(CLASSES), "pixel": simulate.PUBLISHED.pixel})


def _pair(same, member):
    """What both names of a pair have in common: all but the words LR and HR, as in sim_LR_7, or all where in `same`."""
    file = member.rpartition("/")[2]
    return file if file in same else re.sub("(?<![a-z])(LR|HR)(?![a-z])", "", file, flags=re.IGNORECASE)


def read_pairs(files, split, n=None):
    """The first n pairs of a split in the order of the file names; parameters and errors as for read_images().

    A coarse and a fine image belong together where their names are the same, or the same but for the words LR and HR.
    """
    listed = _listed(files, RESOLUTIONS, split)
    same = listed["LR"].keys() & listed["HR"].keys()
    keys = {name: archives.by_key(listed[name].values(), partial(_pair, same), files.name) for name in RESOLUTIONS}
    alone = sorted(keys["LR"].keys() ^ keys["HR"].keys())
    if alone:
        lonely = keys["LR"].get(alone[0]) or keys["HR"][alone[0]]
        raise ValueError(f"{files.name}: {lonely} has no partner; each file in LR needs one in HR with the same name")
    order = _half(sorted(keys["LR"]), split)
    n = check_available(n, len(order), f"the {split} split of {files.name}")
    images = {name: np.empty((n, 1, SIZES[name], SIZES[name]), np.float32) for name in RESOLUTIONS}
    for i, key in enumerate(order[:n]):
        for name in RESOLUTIONS:
            member = keys[name][key]
            images[name][i, 0], _ = image_of(files.read(member), f"{files.name}: {member}", name)
    return Dataset(images["LR"], images["HR"], {})


def image_of(blob, name, folder):
    """The image (size, size) in the bytes of a `.npy` file, and the axion mass in eV stored with it (else 0).

    Published are images, rows of pixels as objects, and flat arrays; the first two with a mass, the last with a label.

    Parameters
    ----------
    blob : bytes
    name : str
        What error messages call the file.
    folder : str
        The folder it is from, which says its size: a class, "LR" or "HR".
    """
    image, mass = npy.read(blob, name)
    size, shape = SIZES[folder], image.shape
    image = np.squeeze(image)
    if image.shape == (size * size + 1,):
        image = image[:-1]  # what follows the pixels is a label, which the folder tells as well
    if image.shape not in ((size, size), (size * size,)):
        raise ValueError(
            f"{name}: an image of shape {shape}, expected {size} x {size} pixels: {(size, size)}, or rows of {size}, "
            f"or flat, {size * size} pixels or {size * size + 1} with a label"
        )
    with np.errstate(over="ignore"):
        image = image.reshape(size, size).astype(np.float32)
    if not np.isfinite(image).all():
        raise ValueError(f"{name}: has pixels that are not finite; download it again or remove it")
    if not image.max() > 0:
        raise ValueError(f"{name}: has no pixel above 0; remove it")
    return image, mass or 0.0


def _scaled(X):
    """Images divided by their maxima: the published ones are, those stored with an axion mass may not be."""
    return X / X.max((2, 3), keepdims=True)


def _loose_images(paths):
    images = [image_of(_start(path), path.name, name)[0] for path, name in zip(paths, CLASSES, strict=True)]
    X = _scaled(np.stack(images)[:, None])
    meta = {"classes": list(CLASSES), "pixel": simulate.PUBLISHED.pixel, "split": "loose published images"}
    return Dataset(X, np.arange(len(CLASSES), dtype=np.int8), meta)


def _loose_pair(paths):
    coarse, fine = (
        image_of(_start(path), path.name, name)[0] for path, name in zip(paths, RESOLUTIONS, strict=True)
    )
    return Dataset(coarse[None, None], fine[None, None], {"split": "one loose published pair"})
