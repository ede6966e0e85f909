"""A small vision transformer for the images of the crystals, and the maps of what it looks at."""

import numpy as np
import torch
from torch import nn

from ParticleImages.model import COLUMNS, ROWS, total_energy

IMAGE = (2 * ROWS + 1, 2 * COLUMNS + 1)  # 15 x 27 crystals, see `model.network_input`


def cut(x, patch=(5, 3)):
    """Images (n, c, h, w) -> patches (n, patches, c * rows * columns).

    The patches do not overlap, and come row by row.

    Parameters
    ----------
    x : tensor of shape (n, c, height, width)
    patch : (int, int)
        Rows and columns of a patch; they have to divide the height and the width.

    Raises
    ------
    ValueError
        The patches do not fit.
    """
    n, c, height, width = x.shape
    rows, columns = patch
    if height % rows or width % columns:
        raise ValueError(f"patches of {rows} x {columns} do not fill "
                         f"an image of {height} x {width}")
    x = x.reshape(n, c, height // rows, rows, width // columns, columns)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(n, -1, c * rows * columns)


class Block(nn.Module):
    """Tokens (n, t, width) look at each other, then each thinks alone.

    `forward` returns the tokens, of the same shape, and how much each looks at each other in every head, (n, heads,
    t, t), or None unless `keep_weights` asks for it.
    """

    def __init__(self, width, heads, dropout):
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.before_dense = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(
            width, heads, batch_first=True)
        self.dense = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(),
            nn.Linear(2 * width, width), nn.Dropout(dropout))

    def forward(self, tokens, keep_weights=False):
        x = self.before_attention(tokens)
        seen, attention = self.attention(
            x, x, x, need_weights=keep_weights, average_attn_weights=False)
        tokens = tokens + seen
        tokens = tokens + self.dense(self.before_dense(tokens))
        return tokens, attention


class ViT(nn.Module):
    """A vision transformer: images (n, channels, 15, 27) -> logits (n,).

    That of Dosovitskiy et al., arXiv:2010.11929, with two blocks instead of twelve.

    Parameters
    ----------
    channels : int
        Planes of the input, see `model.network_input`: 2 for the energy, 3 with the time.
    patch : (int, int)
        Rows and columns of a patch.
    width : int
        Numbers in a token; a multiple of `heads`.
    depth : int
        Blocks.
    heads : int
    dropout : float
    position : bool
        Without it, the model sees a bag of patches.
    """

    def __init__(self, channels=2, patch=(5, 3), width=32, depth=2, heads=4,
                 dropout=0.1, position=True):  # fmt: skip
        super().__init__()
        self.patch = tuple(patch)
        self.grid = (IMAGE[0] // patch[0], IMAGE[1] // patch[1])
        places = self.grid[0] * self.grid[1]
        self.embed = nn.Linear(channels * patch[0] * patch[1], width)
        self.embed_energy = nn.Linear(2, width)  # makes the class token
        start = 0.02 * torch.randn(1, places, width)
        if not position:  # zeros that are not trained
            start = torch.zeros_like(start)
        self.position = nn.Parameter(start, requires_grad=position)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(width, heads, dropout) for _ in range(depth))
        self.answer = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 1), nn.Flatten(0))

    def tokens(self, x):
        """The class token and one of each patch, (n, 1 + patches, width)."""
        first = self.embed_energy(total_energy(x))
        patches = self.embed(cut(x, self.patch)) + self.position
        return self.dropout(torch.cat([first[:, None], patches], dim=1))

    def read(self, tokens):
        """Logits (n,) of tokens: all blocks, then the class token."""
        for block in self.blocks:
            tokens, _ = block(tokens)
        return self.answer(tokens[:, 0])

    def forward(self, x):
        return self.read(self.tokens(x))


def attention(model, x):
    """How much each token looks at each other, in every block and head.

    Parameters
    ----------
    model : ViT
    x : ndarray of shape (n, c, 15, 27)

    Returns
    -------
    ndarray of shape (n, blocks, heads, t, t)
        Entry [..., i, j] is the weight that token i gives to token j; token 0 is the class token.
    """
    model.eval()
    found = []
    with torch.inference_mode():
        tokens = model.tokens(torch.as_tensor(x))
        for block in model.blocks:
            tokens, weights = block(tokens, keep_weights=True)
            found.append(weights.numpy())
    return np.stack(found, axis=1)


def attend(query, key, value):
    """What each token sees, (t, v), and its weights, (t, t).

    query and key are (t, d), value is (t, v).
    """
    scores = query @ key.T / np.sqrt(query.shape[1])
    weights = np.exp(scores)
    weights = weights / weights.sum(axis=1, keepdims=True)
    return weights @ value, weights


def rollout(weights):
    """Attention of all blocks in one map, (n, t, t).

    weights is (n, blocks, heads, t, t); entry [:, i, j] of the result is
    the share of input token j in output token i.
    """
    t = weights.shape[-1]
    mean = weights.mean(axis=2)
    total = np.eye(t)
    for block in range(mean.shape[1]):
        # half comes around the attention (arXiv:2005.00928, section 3)
        total = (0.5 * mean[:, block] + 0.5 * np.eye(t)) @ total
    return total


def from_class_token(weights, grid):
    """What the class token gives to each patch, as images (..., rows, columns), of attention (..., t, t)."""
    return weights[..., 0, 1:].reshape(*weights.shape[:-2], *grid)


def count(model):
    """Number of the parameters that are trained."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
