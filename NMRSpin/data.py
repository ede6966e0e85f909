"""The data of the NMRSpin challenge: simulated on the spot, or the hackathon's echoes.

    from NMRSpin import data
    train = data.load("train", n=800, task="gauss")                     # X (800, 2, 471), y (800, 3)
    real = data.load("train", task="rkky", source="official")           # the hackathon's text files

Command line: `python -m NMRSpin.data simulate --task rkky --n 6000 --out rkky.npz`, `... describe`, `... fetch`.
"""

from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

from common import cli, official, texts
from common.datasets import SPLITS, Dataset, Stream, check_available, check_choice, check_n
from common.files import atomic_write
from NMRSpin import simulate
from NMRSpin.simulate import LABELS, SEQUENCE

TASKS = {  # the simulator of each, and the echoes in a chunk
    "gauss": (simulate.gauss, 200),
    "rkky": (simulate.rkky, 200),
    "gauss_fresh": (simulate.gauss_fresh, 100),
    "rkky_fresh": (simulate.rkky_fresh, 100),
}
STREAMS = {
    task: Stream(
        "NMRSpin", make, version=simulate.VERSION, chunk_size=chunk_size, task=task,
        sample=Path(__file__).with_name("sample"),
    )
    for task, (make, chunk_size) in TASKS.items()
}

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
            urls=(f"drive:{DRIVE[task][i]}",),
            citation="S. Carr et al., arXiv:2110.06811; ML4SCI hackathon",
        )
        for i, part in enumerate(PARTS)
    }
    for task, prefix in PREFIXES.items()
}
VALID_SHARE, SPLIT_SEED = 0.1, 42  # how the hackathon's notebook splits the labelled echoes


def load(
    split="train", n=None, *, source="simulated", seed=0, task=None, workers=None, scheduler=None, cache=True
):
    """Echoes of the NMRSpin challenge.

    Parameters
    ----------
    split : {"train", "valid", "test"}
    n : int, optional
        Number of echoes; default: what ships with the course (simulated), or the whole split.
    source : {"simulated", "official"}
        "official" reads the text files of the hackathon, found in the data folder or downloaded: train and valid are
        nine and one tenths of the labelled echoes, mixed as in the hackathon's notebook, and test are the echoes
        without labels, in the order of the file.
    seed : int or str
        Of the simulation. The detunings of the lattice are the same for all seeds.
    task : {"gauss", "rkky", "gauss_fresh", "rkky_fresh"}
        The interaction; default: gauss. The last two have fresh detunings for each echo and no official files.
    workers, scheduler, cache
        Who simulates, and whether it is stored; see `common.datasets.Stream.load`. An echo takes a core about a tenth
        of a second.

    Returns
    -------
    Dataset
        X : float32 (n, 2, 471), real and imaginary part of M = <Ix + i Iy> after each step of 2 / gamma.
        y : float32 (n, 3), alpha, xi in lattice spacings, d; None for the official test split.

    Raises
    ------
    ValueError
        Unknown split, source or task; n not positive, or more than the official split has; a file that does not hold
        such numbers, or files that do not fit together.
    OSError
        An official file cannot be downloaded, or the cache cannot be written.
    """
    check_choice("split", split, SPLITS)
    check_choice("source", source, ("simulated", "official"))
    task = check_choice("task", task or "gauss", tuple(STREAMS))
    if source == "simulated":
        return STREAMS[task].load(split, n, seed, workers=workers, scheduler=scheduler, cache=cache)
    if task not in FILES:
        raise ValueError(f"task {task!r} has no official files: use gauss or rkky, or source='simulated'")
    return _load_official(task, split, None if n is None else check_n(n))


# --------------------------------------------------------------------------------------------------
# The hackathon's text files: one echo a row, numbers between blanks or tabs, no header


def _load_official(task, split, n):
    half = "eval" if split == "test" else "model"
    parts = [f"echos_{half}_r", f"echos_{half}_i"] + ["mat_info_model"] * (half == "model")
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
    rows = np.arange(len(real))
    if half == "model":
        if len(rows) < 2:
            raise ValueError(f"{paths[0].name}: one row only, too few to split into train and valid")
        train, valid = train_test_split(rows, test_size=VALID_SHARE, random_state=SPLIT_SEED)
        rows = train if split == "train" else valid
    rows = rows[: check_available(n, len(rows), f"the {split} split of {paths[0].parent}")]
    X = np.stack([real[rows], imaginary[rows]], axis=1)
    meta = {"labels": list(LABELS), "dt": SEQUENCE.dt, "wait": SEQUENCE.wait}
    return Dataset(X, labels[0][rows] if labels else None, meta)


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


def describe(dataset):
    """The quantiles of the labels, and how large the echo is."""
    shares = (0, 5, 50, 95, 100)
    lines = []
    if dataset.y is not None:
        for name, values in zip(LABELS, dataset.y.T, strict=True):
            quantiles = zip(shares, np.percentile(values, shares), strict=True)
            lines.append(f"{name:5} " + ", ".join(f"{s} %: {v:.2f}" for s, v in quantiles))
    size = np.hypot(*dataset.X[:, :, 2 * SEQUENCE.wait - 1].T)
    lines.append(f"|M| of the echo: {size.mean():.3f} on average, {size.min():.3f} to {size.max():.3f}")
    return "\n".join(lines)


if __name__ == "__main__":
    files = tuple(file for parts in FILES.values() for file in parts.values())
    raise SystemExit(cli.main("NMRSpin", STREAMS, files=files, describe=describe, tables=False))
