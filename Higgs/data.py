"""Events of the Higgs challenge: simulated on the spot, or the rows of UCI HIGGS.

    from Higgs import data
    train = data.load("train", n=12_000)
    real = data.load("train", n=100_000, source="official")

Command line: `python -m Higgs.data simulate --n 100000 --out higgs.parquet`, `... describe`, `... fetch`.

X : float32 of shape (n, 28), columns `COLUMNS`, in official units (divided by their means; see `Higgs.simulate.UNITS`).
y : int8 of shape (n,), 1 for signal.

source="official" reads UCI HIGGS: the complete file where it is in the data folder, else an excerpt of it
(`uci_rows.csv.gz`, split 60:20:20 in order), else the web. The first n training rows are streamed from there;
validation and test rows are the last of the file, so that they need all 2.8 GB of it, once.
"""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from common import cli, official, texts
from common.datasets import Dataset, Stream, check_available, split_slices
from common.loading import loader
from Higgs import simulate
from Higgs.simulate import COLUMNS

STREAM = Stream(
    "Higgs", simulate.simulate, version=simulate.VERSION, chunk_size=4000,
    sample=Path(__file__).with_name("sample"),
)
STREAMS = {"classification": STREAM}

UCI = official.OfficialFile(
    name="HIGGS.csv.gz",
    urls=("https://archive.ics.uci.edu/ml/machine-learning-databases/00280/HIGGS.csv.gz",),
    size=2_816_407_858,
    sha256="ea302c18164d4e3d916a1e2e83a9a8d07069fa6ebc7771e4c0540d54e593b698",
    licence="CC BY 4.0",
    citation="D. Whiteson, HIGGS, UCI Machine Learning Repository (2014), doi:10.24432/C5V312",
)
UNPACKED = official.OfficialFile(
    name="HIGGS.csv", urls=(), size=8_035_497_980, licence=UCI.licence, citation=UCI.citation
)
# The published split: the last 500,000 of the 11,000,000 rows are the test set (Baldi et al. 2014),
# the 500,000 before them are commonly used for validation.
UCI_ROWS = {"train": (0, 10_000_000), "valid": (10_000_000, 10_500_000), "test": (10_500_000, 11_000_000)}

# A small excerpt of UCI HIGGS that somebody put into the data folder. It has no published split.
EXCERPT = official.OfficialFile(name="uci_rows.csv.gz", urls=(), licence=UCI.licence, citation=UCI.citation)
EXCERPT_SHARES = {"train": (0.0, 0.6), "valid": (0.6, 0.8), "test": (0.8, 1.0)}


def load_official(split, n=None):
    """The first n events of a split of the complete file, else of the excerpt, else of the file on the web."""
    complete = official.find("Higgs", UCI) or official.find("Higgs", UNPACKED)
    excerpt = official.find("Higgs", EXCERPT)
    if complete is None and excerpt is not None:
        return _load_excerpt(excerpt, split, n)
    first, last = UCI_ROWS[split]
    n = check_available(n, last - first, f"the {split} split of {UCI.name}")
    if complete is None and split == "train" and n < last:
        return read_rows(io.BytesIO(official.first_lines("Higgs", UCI, n)), UCI.name, n=n)
    return read_rows(complete or official.fetch("Higgs", UCI), skip=first, n=n)


def _load_excerpt(path, split, n):
    events = read_rows(path)
    part = events[split_slices(len(events), EXCERPT_SHARES, f"the excerpt {path}")[split]]
    part.meta["split"] = f"excerpt of {len(events)} rows, 60:20:20 in order"
    where = f"the {split} split of the excerpt {path} (move it away to use the published file)"
    return part[: check_available(n, len(part), where)]


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


load = loader("Higgs", STREAMS, official={"classification": load_official}, about=__doc__)


def describe(dataset):
    """A table of the columns: unit, mean and range in official units."""
    table = pd.DataFrame(dataset.X, columns=dataset.meta["columns"]).agg(["mean", "std", "min", "max"]).T
    return table.round(2).to_string()


if __name__ == "__main__":
    raise SystemExit(cli.main("Higgs", STREAMS, files=(UCI,), describe=describe))
