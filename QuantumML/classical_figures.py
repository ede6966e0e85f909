"""What only the classical lesson draws."""

import matplotlib.pyplot as plt
import numpy as np


def two_rows(gluon, n=5, skip=5):
    """Rows of n jets of each kind, as two index arrays; it does not say which is which."""
    return tuple(np.flatnonzero(kind)[skip : skip + n] for kind in (gluon, ~gluon))


def component_row(components, middle=12):
    """The middle of components (k, side, side) in a row; phi is horizontal, and + or - marks weights above 0.2."""
    cut = slice((components.shape[-1] - middle) // 2, (components.shape[-1] + middle) // 2)
    fig, axes = plt.subplots(1, len(components), figsize=(7.4, 1.4))
    for number, (ax, component) in enumerate(zip(axes, components, strict=True), start=1):
        shown = ax.imshow(component[cut, cut].T, cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(xticks=[], yticks=[], title=number, xlabel=r"$\phi$")
        for place in zip(*np.nonzero(abs(component[cut, cut]) > 0.2), strict=True):
            weight = component[cut, cut][place]
            color = "white" if abs(weight) > 0.6 else "black"
            ax.text(*place, "+" if weight > 0 else "\N{MINUS SIGN}", ha="center", va="center", color=color, fontsize=8)
    axes[0].set_ylabel(r"$\eta$")
    fig.colorbar(shown, ax=axes, shrink=0.8, label="weight")
    return fig
