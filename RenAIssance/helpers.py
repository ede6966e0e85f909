"""Figures and tables of the RenAIssance lesson."""

import matplotlib.pyplot as plt

from RenAIssance import metrics, pages


def best_and_worst(truth, readings, n=3):
    """The n lines that differ most from their truth: list of (true, read), worst first."""
    def errors(pair):
        return metrics.error_rates([pair[0]], [pair[1]])["CER"]

    pairs = [pair for pair in zip(truth, readings, strict=True) if metrics.diplomatic(pair[0])]
    return sorted(pairs, key=errors, reverse=True)[:n]


def confusion_figure(table, n=10):
    """A bar for each of the n most frequent confusions of characters."""
    fig, ax = plt.subplots(figsize=(5, 2.8))
    shown = {" ": "space", "": "nothing"}
    top = sorted(table.items(), key=lambda item: (-item[1], item[0]))[:n]
    names = [f"{shown.get(a, a)} as {shown.get(b, b)}" for (a, b), _ in top]
    ax.barh(range(len(top)), [count for _, count in top], color="C0")
    ax.set(yticks=range(len(top)), yticklabels=names, xlabel="times")
    ax.invert_yaxis()
    return fig, ax


def picture(axes):
    """Corners of simulated pages, one on each of the axes."""
    sheets = pages.spreads(3, seed=2)
    for ax, sheet in zip(axes, sheets.X, strict=True):
        height, width = sheet.shape
        ax.imshow(sheet[height // 8 : height // 8 + width // 5, width // 8 : width // 8 + width // 5], cmap="copper")
