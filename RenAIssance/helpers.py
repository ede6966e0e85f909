"""Figures of the RenAIssance lesson."""

from collections import Counter
from difflib import SequenceMatcher

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

from RenAIssance import metrics, pages
from RenAIssance.model import STRIDE
from RenAIssance.spelling import ALPHABET

SHOWN = {"": "nothing", " ": "space", ".": "full stop", ",": "comma", "I": "capital I"}  # what is hard to tell
NAMES = ["blank", *(SHOWN.get(character, character) for character in ALPHABET)]
REDUCED = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": "antialiased"}  # no thin stroke is lost


def page_figure(page, found):
    """A page as it was scanned, and its level text block with a box around each line."""
    fig, axes = plt.subplots(1, 2, figsize=(7, 5))
    axes[0].imshow(page, **REDUCED)
    axes[0].set_title("the scan")
    axes[1].imshow(255 * ~found.level, **REDUCED)
    for k, (left, top, right, bottom) in enumerate(found.lines):  # two colours, since tails reach into the next line
        axes[1].add_patch(plt.Rectangle((left, top), right - left, bottom - top, fill=False, ec=f"C{k % 2}", lw=0.7))
    axes[1].set_title(f"its text block, level, and {len(found.lines)} lines")
    for ax in axes:
        ax.axis("off")
    return fig


def images_figure(images, height=0.95):
    """Images of lines below each other, by their titles, each with this height in inches."""
    fig, axes = plt.subplots(len(images), 1, figsize=(7, height * len(images)), squeeze=False)
    for ax, (title, image) in zip(axes.flat, images.items(), strict=True):
        ax.imshow(image, cmap="gray", aspect="equal")
        ax.set_title(title, fontsize=8)
        ax.axis("off")
    return fig


def profile_figure(marks, profile, rows, title):
    """Inked pixels of a piece of a page, the row profile of the whole text block, and its peaks."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(6.6, 2.6), width_ratios=(1.5, 1))
    left.imshow(255 * ~marks, **REDUCED)
    left.axis("off")
    left.set_title("a piece of the page")
    right.plot(profile, np.arange(len(profile)), lw=0.9)
    right.plot(profile[rows], rows, "o", ms=3, color="C1")
    right.set(xlabel="inked pixels in a row", ylabel="row of the text block", title=title, xlim=(0, 720))
    right.invert_yaxis()
    return fig


def heat_map(line, log_p, n=None, start=0, least=0.03):
    """A line above its heat map: probability of each character in each column, best path, what is read.

    Parameters
    ----------
    line : ndarray of uint8, shape (36, width)
    log_p : ndarray of shape (steps, characters)
    n, start : int
        How many columns are shown, and from which.
    least : float
        Characters that are less probable in all columns are not shown.
    """
    p = np.exp(log_p[start : start + n] if n else log_p[start:])
    best, columns = p.argmax(1), start + np.arange(len(p))
    shown = sorted(set(np.flatnonzero((p > least).any(0))) | {0})
    row = np.array([shown.index(code) for code in best])
    fig, (top, ax) = plt.subplots(2, 1, figsize=(7.4, 1.5 + 0.17 * len(shown)), height_ratios=(1.6, 0.36 * len(shown)),
                                  sharex=True)  # fmt: skip
    piece = line[:, STRIDE * start : STRIDE * (start + len(p))]
    top.imshow(255 - piece, cmap="gray", extent=(start, start + piece.shape[1] / STRIDE, 36, 0), aspect="auto")
    top.axis("off")
    mesh = ax.imshow(p[:, shown].T, cmap="Blues", vmin=0, vmax=1, aspect="auto",
                     extent=(start - 0.5, columns[-1] + 0.5, len(shown) - 0.5, -0.5))  # fmt: skip
    ax.plot(columns, row, "-", color="0.6", lw=0.5)
    first = (best != 0) & np.append(True, best[1:] != best[:-1])
    merged = (best != 0) & ~first
    for name, where, face, edge in (("kept", first, "C1", "C1"), ("merged", merged, "none", "C1"),
                                    ("blank", best == 0, "white", "0.5")):  # fmt: skip
        ax.plot(columns[where], row[where], "o", mfc=face, mec=edge, ms=3 if name == "blank" else 4, label=name)
    for column, code in zip(columns[first], best[first], strict=True):
        ax.text(column, -1.1, "␣" if code == 1 else ALPHABET[code - 1], ha="center", fontsize=9)
    ax.set(yticks=range(len(shown)), yticklabels=[NAMES[code] for code in shown], ylabel="character",
           xlabel=f"column of the network's output ({STRIDE} pixels each)", ylim=(len(shown) - 0.5, -1.8))
    ax.tick_params(axis="y", labelsize=7)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower right", ncols=3, fontsize=7)
    fig.colorbar(mesh, ax=ax, label="probability", fraction=0.03, pad=0.01)
    return fig


def alignment_figure(cost, places, starts, rejected, zoom):
    """The table of edit costs with the cheapest path and where lines begin; at right around the line `zoom`.

    `places` has for each place in the readings that in the text, `rejected` the numbers of lines that are kept out.
    """
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.6))
    middle = places[starts[zoom]]
    windows = (0, cost.shape[0], 0, cost.shape[1]), (starts[zoom - 2], starts[zoom + 3], middle - 70, middle + 70)
    for ax, (top, bottom, left, right) in zip(axes, windows, strict=True):
        part = cost[top:bottom, left:right]
        mesh = ax.imshow(cost, cmap="Blues", aspect="auto", vmin=part.min(), vmax=part.max())
        ax.plot(places, range(len(places)), color="C1", lw=1.2, label="cheapest path")
        ax.hlines(starts, 0, cost.shape[1], color="0.5", lw=0.4)
        for k in rejected:
            ax.axhspan(starts[k], starts[k + 1], color="C3", alpha=0.45, lw=0, label="line kept out")
        ax.set(xlabel="character of the transcription", xlim=(left, right), ylim=(bottom, top))
        fig.colorbar(mesh, ax=ax, label="edits")
    axes[0].set(ylabel="character of the readings", title="a whole page; grey: where lines begin")
    axes[1].set(ylabel="character of the readings", title="five of its lines")
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=7)
    return fig


def best_and_worst(truth, readings, n=3):
    """The n lines that differ most from their truth: list of (true, read), worst first."""
    pairs = [pair for pair in zip(truth, readings, strict=True) if metrics.diplomatic(pair[0])]
    return sorted(pairs, key=lambda pair: metrics.error_rates(pair[:1], pair[1:])["CER"], reverse=True)[:n]


def marked(truth, read):
    """A line of signs below the characters of `read` in which it differs from the truth."""
    signs = [" "] * (len(read) + 1)
    for what, _, _, first, last in SequenceMatcher(None, truth, read, autojunk=False).get_opcodes():
        for i in range(first, max(last, first + 1)):
            signs[i] = signs[i] if what == "equal" else "^"
    return "".join(signs).rstrip()


def confusion_figure(tables, n=10):
    """Bars for the n most frequent confusions of characters, one for each of the tables by name."""
    fig, ax = plt.subplots(figsize=(5.6, 3.6))
    total = sum(tables.values(), Counter())
    bars = [{"errors on these pages": table[a, b], "confusion": f"{SHOWN.get(a, a)} read as {SHOWN.get(b, b)}",
             "text": f"{name}: {table.total()} errors"}
            for name, table in tables.items() for a, b in sorted(total, key=lambda pair: (-total[pair], pair))[:n]]
    sns.barplot(pd.DataFrame(bars), x="errors on these pages", y="confusion", hue="text", saturation=1, ax=ax)
    ax.legend()
    return fig


def picture(axes):
    """Corners of simulated pages, one on each of the axes."""
    for ax, sheet in zip(axes, pages.spreads(3, seed=2).X, strict=True):
        height, width = sheet.shape
        ax.imshow(sheet[height // 8 : height // 8 + width // 5, width // 8 : width // 8 + width // 5], cmap="copper")
