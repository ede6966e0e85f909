"""Layers of networks that torch does not have."""

import numpy as np
import torch
from torch import nn


class PiecewiseLinear(nn.Module):
    """Encode each number by how far it reaches into each quantile bin of the training set.

    A mass of 80 GeV means something else than one of 70 or 90. A linear layer cannot see that from
    the number itself, but it can from this encoding, as a tree does from its cuts.

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
        edges = torch.as_tensor(np.quantile(X, np.linspace(0, 1, bins + 1), axis=0), dtype=torch.float32)
        self.register_buffer("low", edges[:-1])
        self.register_buffer("width", (edges[1:] - edges[:-1]).clamp(min=1e-6))

    def forward(self, x):
        return ((x[:, None] - self.low) / self.width).clamp(0, 1).flatten(1) - 0.5
