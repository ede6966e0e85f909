"""The hackathon's files of echoes: text, one echo a row, numbers between blanks or tabs, no header.

Of each material there are the real and the imaginary part of the labelled echoes, their labels, and the real and the
imaginary part of the echoes whose labels are hidden.
"""

from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from common import official, texts
from common.datasets import Dataset, check_available, check_choice
from common.files import atomic_write
from NMRSpin.simulate import LABELS, SEQUENCE

# What the hackathon calls its files, and their Google Drive addresses.
PREFIXES = {"gauss": "gauss", "rkky": "RKKY"}
PARTS = ("mat_info_model", "echos_model_r", "echos_model_i", "echos_eval_r", "echos_eval_i")
DRIVE = {
    "gauss": (
        "1J8CcJVQRpzSwue1vuHV9uB0bngdDrKCY", "1lBWcwF--1rrB8KCyCd0-5ZnPIjRrWkHg", "1O7KKL-SW3vHePoRNk8YfLzX82wf2Z5ul",
        "1prIrtO7XJs3PBe1MZiWUxK3VUkrChVvz", "1vbKcuxe6z8cRGQdTqj_Q2u5Oow0D9hbU",
    ),
    "rkky": (
        "1lS9AJ3sUFI4cfM5jQj618x4shoaJMXVo", "1J21bKy8FTjoaGzHVdLXlWAao2UiWO7ml", "1nf3Y_FcJJEWXJbjwREAkgcnVz2tDA__I",
        "1Q46o_RnYZFWEjMVVF5m1VBI9HCltspyY", "1-z2ADFrBlEhXN5Z_LHiRLA4Nds_9uvQq",
    ),
}
FILES = {
    task: {
        part: official.OfficialFile(
            name=f"{prefix}_{part}.txt",
            urls=(f"drive:{address}",),
            citation="S. Carr et al., arXiv:2110.06811; ML4SCI hackathon",
        )
        for part, address in zip(PARTS, DRIVE[task], strict=True)
    }
    for task, prefix in PREFIXES.items()
}
VALID_SHARE, SPLIT_SEED = 0.1, 42  # how the hackathon's notebook splits the labelled echoes


def load_official(task, split, n=None):
    """The first n echoes of a split, all where n is None; those of the test split have no labels.

    Raises
    ------
    ValueError
        n is too large, a file does not hold such numbers, or files do not fit together.
    OSError
        A file cannot be downloaded.
    """
    has_labels = split != "test"
    parts = ["echos_model_r", "echos_model_i", "mat_info_model"] if has_labels else ["echos_eval_r", "echos_eval_i"]
    paths = [official.fetch("NMRSpin", FILES[task][part]) for part in parts]
    real, imaginary, *labels = [
        read_numbers(path, len(LABELS) if "mat_info" in path.name else SEQUENCE.steps) for path in paths
    ]
    for path, numbers in zip(paths[1:], [imaginary, *labels], strict=True):
        if len(numbers) != len(real):
            raise ValueError(
                f"{path.name} has {len(numbers):,} rows and {paths[0].name} has {len(real):,}: they belong together "
                "row by row; is one of them incomplete?"
            )
    if np.array_equal(real, imaginary):
        raise ValueError(f"{paths[1].name} has the numbers of {paths[0].name}: download the imaginary part again")
    if labels and (wrong := (labels[0] < 0).any(axis=1)).any():
        row = wrong.argmax()
        raise ValueError(
            f"{paths[2].name}: row {row + 1} is {labels[0][row].tolist()}; expected alpha, xi and d in "
            "physical units, none of them below 0: are they standardised?"
        )
    rows = np.arange(len(real))
    if has_labels:
        if len(rows) < 2:
            raise ValueError(f"{paths[0].name}: one row only, too few to split into train and valid")
        train, valid = train_test_split(rows, test_size=VALID_SHARE, random_state=SPLIT_SEED)
        rows = train if split == "train" else valid
    rows = rows[: check_available(n, len(rows), f"the {split} split of {paths[0].parent}")]
    X = np.stack([real[rows], imaginary[rows]], axis=1)
    meta = {"labels": list(LABELS), "dt": SEQUENCE.dt, "wait": SEQUENCE.wait}
    return Dataset(X, labels[0][rows] if has_labels else None, meta)


def read_numbers(path, columns):
    """The numbers in a text file; float32 of shape (rows, columns).

    Raises
    ------
    ValueError
        Not text, not numbers, rows of another length, no rows, or numbers that are not finite.
    """
    return texts.read_table(path, columns, separator=None)


def write_official(folder, task, model, hidden):
    """Write data sets in the hackathon's files, for those who have tools that read these; returns their paths.

    Parameters
    ----------
    folder : path-like
    task : {"gauss", "rkky"}
    model, hidden : Dataset
        Echoes with labels, and echoes whose labels are not written.
    """
    check_choice("task", task, tuple(FILES))
    contents = {
        "mat_info_model": model.y, "echos_model_r": model.X[:, 0], "echos_model_i": model.X[:, 1],
        "echos_eval_r": hidden.X[:, 0], "echos_eval_i": hidden.X[:, 1],
    }
    paths = [Path(folder) / FILES[task][part].name for part in contents]
    for path, numbers in zip(paths, contents.values(), strict=True):
        with atomic_write(path) as temporary:
            np.savetxt(temporary, numbers, fmt="%.9g", delimiter="\t")
    return paths
