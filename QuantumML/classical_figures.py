"""What only the classical lesson draws."""

import matplotlib.pyplot as plt
import numpy as np


def two_rows(gluon, n=5, skip=5):
    """Rows of n jets of each kind, as two index arrays; it does not say which is which."""
    return tuple(np.flatnonzero(kind)[skip : skip + n] for kind in (gluon, ~gluon))


def component_row(components, middle=12):
    """The middle of components (k, side, side) in a row; phi is horizontal."""
    cut = slice((components.shape[-1] - middle) // 2, (components.shape[-1] + middle) // 2)
    fig, axes = plt.subplots(1, len(components), figsize=(7.4, 1.4))
    for number, (ax, component) in enumerate(zip(axes, components, strict=True), start=1):
        shown = ax.imshow(component[cut, cut].T, cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(xticks=[], yticks=[], title=number, xlabel=r"$\phi$")
    axes[0].set_ylabel(r"$\eta$")
    fig.colorbar(shown, ax=axes, shrink=0.8, label="weight")
    return fig
