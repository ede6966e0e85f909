"""Figures of the QuantumML lessons."""

import numpy as np
import pandas as pd
import seaborn as sns

from QuantumML.data import GLUON, load
from QuantumML.observables import normalised


def ring_profile(ax, values, gluon):
    """Mean of a number in each ring, for quark and for gluon jets; bars span the middle half of the jets.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    values : ndarray of shape (n, rings)
    gluon : ndarray of bool, shape (n,)
    """
    jets = pd.DataFrame(values, columns=range(1, values.shape[1] + 1))
    jets["kind"] = np.where(gluon, "gluon", "quark")
    sns.pointplot(
        jets.melt("kind", var_name="ring"), x="ring", y="value", hue="kind", hue_order=("quark", "gluon"),
        errorbar=("pi", 50), dodge=0.3, markers=["o", "s"], linestyles=["-", "--"], ms=4, lw=1.5, err_kws={"lw": 1},
        ax=ax,
    )  # fmt: skip
    ax.legend(title=None)


def picture(axes):
    """Three gluon jets, one on each of the axes."""
    jets = load("test", 60)
    for ax, image in zip(axes, jets.X[jets.y == GLUON][2:5], strict=True):
        ax.imshow(np.sqrt(normalised(image[None])[0]), cmap="inferno")
