"""Layers of networks that torch does not have."""

import numpy as np
import torch
from torch import nn


class PiecewiseLinear(nn.Module):
    """How far numbers (n, k) reach into each of their bins, (n, k * bins).

    The bins of a column hold equally many samples of the training set. A mass of 80 GeV means something else than
    one of 70 or 90: a linear layer cannot see that from the number itself, but it can from this encoding.

    Values go from -0.5 (the bin is not reached) to 0.5 (it is passed). The first bins of all columns come first, then
    all second bins, and so on.

    Parameters
    ----------
    X : ndarray of shape (n, k)
        The training set, from which the bins are taken.
    bins : int

    References
    ----------
    Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022, arXiv:2203.05556.
    """

    def __init__(self, X, bins=8):
        super().__init__()
        edges = np.quantile(X, np.linspace(0, 1, bins + 1), axis=0)
        edges = torch.as_tensor(edges, dtype=torch.float32)
        width = (edges[1:] - edges[:-1]).clamp(min=1e-6)
        self.register_buffer("low", edges[:-1])
        self.register_buffer("width", width)

    def forward(self, x):
        reached = (x[:, None] - self.low) / self.width
        return reached.clamp(0, 1).flatten(1) - 0.5
