"""Histograms of official UCI HIGGS rows, to compare a simulation with them where the rows are absent.

`reference.json` holds counts only, of 5,000 rows of the published data (D. Whiteson, HIGGS, UCI Machine
Learning Repository, 2014, doi:10.24432/C5V312, CC BY 4.0). It was made by

    python -m Higgs.reference ROWS.csv.gz
"""

import json
import math
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from common.files import atomic_write
from Higgs.columns import columns
from Higgs.data import read_rows
from Higgs.simulate import COLUMNS, UNITS

FILE = Path(__file__).with_name("reference.json")
CLASSES = {1: "signal", 0: "background"}


def make(dataset, bins=40):
    """Histograms of a data set: {column: {"edges": [...], "signal": [...], "background": [...]}}.

    The edges are quantiles, so that every bin holds about as many events; official units.
    """
    found = {}
    for name, x in zip(COLUMNS, dataset.X.T, strict=True):
        edges = np.unique(np.quantile(x.astype(float), np.linspace(0, 1, bins + 1)).round(4))
        if name.endswith("b_tag"):
            edges = np.arange(-0.5, 3) / UNITS[name]
        edges[[0, -1]] = [min(edges[0], x.min()), max(edges[-1], x.max())]
        counts = {CLASSES[y]: np.histogram(x[dataset.y == y], edges)[0].tolist() for y in CLASSES}
        found[name] = {"edges": edges.tolist(), **counts}
    return found


def read():
    """The histograms of the official rows that the course ships."""
    return json.loads(FILE.read_text())


def distances(dataset, reference):
    """Largest distance between the cumulative distributions, for each column and class.

    This is the Kolmogorov-Smirnov distance at the edges of the bins. Two samples of n and m events
    of the *same* distribution differ by about 0.87 sqrt(1/n + 1/m) on average.

    Parameters
    ----------
    dataset : Dataset
        Official units.
    reference : dict
        Histograms, as `make` and `read` return them.

    Returns
    -------
    pandas.DataFrame
        One row a column of the data, one column a class.
    """
    found = {}
    for name, x in zip(COLUMNS, dataset.X.T, strict=True):
        entry = reference[name]
        for y, label in CLASSES.items():
            theirs = np.cumsum(entry[label]) / np.sum(entry[label])
            mine = np.sort(x[dataset.y == y])
            ours = np.searchsorted(mine, entry["edges"][1:], side="right") / len(mine)
            found.setdefault(label, {})[name] = np.abs(ours - theirs).max()
    return pd.DataFrame(found)


def chance(dataset, reference):
    """Distance that two samples of equal distributions exceed in any column with probability 5 %, for each class.

    The two-sample Kolmogorov-Smirnov test for large samples; all columns and classes share the 5 % (Bonferroni).

    Parameters
    ----------
    dataset : Dataset
    reference : dict
        Histograms, as `make` and `read` return them.

    Returns
    -------
    pandas.Series
        By class.
    """
    level = 0.05 / (len(reference) * len(CLASSES))
    factor = np.sqrt(-np.log(level / 2) / 2)
    found = {}
    for y, label in CLASSES.items():
        theirs = np.sum(next(iter(reference.values()))[label])
        found[label] = factor * np.sqrt(1 / (dataset.y == y).sum() + 1 / theirs)
    return pd.Series(found)


def medians(dataset, reference, names):
    """Medians of signal in GeV (the official one by linear interpolation in its bins): one row a column of the data."""
    found = {}
    for name in names:
        counts = np.r_[0, np.cumsum(reference[name]["signal"])]
        theirs = np.interp(0.5, counts / counts[-1], reference[name]["edges"])
        ours = np.median(columns(dataset.X, [name])[dataset.y == 1])
        found[name] = {"ours": ours * UNITS[name], "official": theirs * UNITS[name]}
    return pd.DataFrame(found).T


def compare(dataset, reference, names):
    """A figure with one column a panel: our events as lines, official ones as points with errors.

    Only columns in GeV; the axis of a panel ends at the 95 % quantile of the official events.
    """
    if unknown := [name for name in names if not name.startswith("m_") and not name.endswith(("pt", "magnitude"))]:
        raise ValueError(f"{', '.join(unknown)}: only momenta and masses can be compared in this figure")
    fig, axes = plt.subplots(2, math.ceil(len(names) / 2), figsize=(7.4, 3.4))
    for ax, name in zip(axes.flat, names, strict=False):
        x = columns(dataset.X, [name])[:, 0] * UNITS[name]
        edges = np.array(reference[name]["edges"])[::2] * UNITS[name]
        widths = np.diff(edges)
        for (y, label), color, line in zip(CLASSES.items(), ("C0", "C1"), ("-", "--"), strict=True):
            theirs = np.add.reduceat(reference[name][label], np.arange(0, 2 * len(widths), 2))
            sns.histplot(x=x[dataset.y == y], bins=edges, stat="density", element="step", fill=False, ax=ax, lw=1,
                         color=color, ls=line, label=f"{label}, simulated ({(dataset.y == y).sum():,})")  # fmt: skip
            ax.errorbar(
                (edges[1:] + edges[:-1]) / 2, theirs / theirs.sum() / widths,
                np.sqrt(theirs) / theirs.sum() / widths, fmt="." if y else "x", ms=4, lw=0.8,
                color=color, label=f"{label}, official ({theirs.sum():,})",
            )  # fmt: skip
        ax.set(xlim=(min(0, edges[0]), edges[-2]), ylim=(0, None), ylabel="")
        ax.set_title(f"{name} [GeV]", fontsize=8, loc="center")
        ax.set_yticks([])
        ax.tick_params(labelsize=7)
    fig.supylabel("fraction of the class per GeV (axes start at 0)", fontsize=8)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
    return fig


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m Higgs.reference ROWS.csv.gz")
    try:
        rows = read_rows(sys.argv[1])
    except (ValueError, OSError) as error:
        sys.exit(f"{sys.argv[1]}: {error}")
    with atomic_write(FILE) as temporary:
        temporary.write_text(json.dumps(make(rows), indent=None))
