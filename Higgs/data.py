"""The data of the Higgs challenge: simulated on the spot, or the rows of UCI HIGGS.

    from Higgs import data
    train = data.load("train", n=12_000)
    real = data.load("train", n=100_000, source="official")

Command line: `python -m Higgs.data simulate --n 100000 --out higgs.parquet`, `... describe`, `... fetch`.
"""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from common import cli, official, texts
from common.datasets import SPLITS, Dataset, Stream, check_available, check_choice, check_n, check_splits
from Higgs import simulate
from Higgs.simulate import COLUMNS

STREAM = Stream(
    "Higgs", simulate.simulate, version=simulate.VERSION, chunk_size=4000,
    sample=Path(__file__).with_name("sample"),
)

UCI = official.OfficialFile(
    name="HIGGS.csv.gz",
    urls=("https://archive.ics.uci.edu/ml/machine-learning-databases/00280/HIGGS.csv.gz",),
    size=2_816_407_858,
    sha256="ea302c18164d4e3d916a1e2e83a9a8d07069fa6ebc7771e4c0540d54e593b698",
    licence="CC BY 4.0",
    citation="D. Whiteson, HIGGS, UCI Machine Learning Repository (2014), doi:10.24432/C5V312",
)
# The published split: the last 500,000 of the 11,000,000 rows are the test set (Baldi et al. 2014),
# the 500,000 before them are commonly used for validation.
UCI_ROWS = {"train": (0, 10_000_000), "valid": (10_000_000, 10_500_000), "test": (10_500_000, 11_000_000)}

# A small excerpt of UCI HIGGS that somebody put into the data folder. It has no published split.
EXCERPT = official.OfficialFile(name="uci_rows.csv.gz", urls=(), licence=UCI.licence, citation=UCI.citation)
EXCERPT_SHARES = {"train": (0.0, 0.6), "valid": (0.6, 0.8), "test": (0.8, 1.0)}


def load(
    split="train", n=None, *, source="simulated", seed=0, task=None, workers=None, scheduler=None, cache=True
):
    """Events of the Higgs challenge.

    Parameters
    ----------
    split : {"train", "valid", "test"}
    n : int, optional
        Number of events; default: what ships with the course (simulated), or the whole split.
    source : {"simulated", "official"}
        "official" reads UCI HIGGS: the complete file where it is in the data folder, else an excerpt
        of it (`uci_rows.csv.gz`, split 60:20:20 in order), else the web. The first n training
        rows are streamed from there; validation and test rows are the last of the file, so that
        they need all 2.8 GB of it, once.
    seed : int or str
        Of the simulation.
    task : None
        This challenge has one task.
    workers, scheduler, cache
        Who simulates, and whether it is stored; see `common.datasets.Stream.load`.

    Returns
    -------
    Dataset
        X : float32 of shape (n, 28), columns `COLUMNS`, official units (divide-by-mean; see
        `Higgs.simulate.UNITS`). y : int8 of shape (n,), 1 for signal.

    Raises
    ------
    ValueError
        Unknown split, source or task; n not positive, or more than the official split has; a file
        that is not UCI HIGGS.
    OSError
        The official file cannot be downloaded, or the cache cannot be written.
    ImportError
        More events are asked than ship with the course, and Pythia is not installed.
    """
    check_choice("split", split, SPLITS)
    check_choice("source", source, ("simulated", "official"))
    if task not in (None, "classification"):
        raise ValueError(f"unknown task {task!r}: the Higgs challenge has one task, leave task out")
    if source == "simulated":
        return STREAM.load(split, n, seed, workers=workers, scheduler=scheduler, cache=cache)
    return _load_official(split, None if n is None else check_n(n))


def _load_official(split, n):
    complete = official.find("Higgs", UCI)
    excerpt = official.find("Higgs", EXCERPT)
    if complete is None and excerpt is not None:
        return _load_excerpt(excerpt, split, n)
    first, last = UCI_ROWS[split]
    n = check_available(n, last - first, f"the {split} split of {UCI.name}")
    if complete is None and split == "train" and n < last:
        return read_rows(io.BytesIO(official.first_lines("Higgs", UCI, n)), UCI.name, n=n)
    return read_rows(complete or official.fetch("Higgs", UCI), skip=first, n=n)


def _load_excerpt(path, split, n):
    rows = read_rows(path)
    edges = {part: [round(share * len(rows)) for share in shares] for part, shares in EXCERPT_SHARES.items()}
    check_splits({part: last - first for part, (first, last) in edges.items()}, f"the excerpt {path}")
    first, last = edges[split]
    where = f"the {split} split of the excerpt {path} (move it away to use the published file)"
    n = check_available(n, last - first, where)
    part = rows[first : first + n]
    part.meta["split"] = f"excerpt of {len(rows)} rows, 60:20:20 in order"
    return part


def read_rows(file, name=None, *, skip=0, n=None):
    """Rows in the layout of UCI HIGGS: no header, the label first, then the 28 columns.

    Parameters
    ----------
    file : path-like or binary file
        CSV, also compressed with gzip.
    name : str, optional
        What error messages call the file.
    skip, n : int
        Rows to leave out at the start; rows to read (default: all).

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        Another number of columns, a header, text, a number that is not finite, or a label that is not 0 or 1.
    """
    name = name or Path(file).name
    table = texts.read_table(file, 1 + len(COLUMNS), name=name, skip=skip, n=n)
    bad = ~np.isin(table[:, 0], (0, 1))
    if bad.any():
        raise ValueError(f"{name}: row {skip + bad.argmax() + 1} has a label other than 0 and 1: is the label first?")
    return Dataset(table[:, 1:].copy(), table[:, 0].astype(np.int8), {"columns": list(COLUMNS)})


def describe(dataset):
    """A table of the columns: unit, mean and range in official units."""
    table = pd.DataFrame(dataset.X, columns=dataset.meta["columns"]).agg(["mean", "std", "min", "max"]).T
    return table.round(2).to_string()


if __name__ == "__main__":
    raise SystemExit(cli.main("Higgs", {"classification": STREAM}, files=(UCI,), describe=describe))
