"""What the Higgs notebook would otherwise be cluttered with: features, the network, significance, plots."""

import json
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from Higgs.simulate import COLUMNS, UNITS

# Columns by name, for slices that say what they take
INDEX = {name: i for i, name in enumerate(COLUMNS)}
LOW_LEVEL = tuple(range(21))  # measured: momenta, missing energy, b tags
HIGH_LEVEL = tuple(range(21, 28))  # computed from them: invariant masses


def physical(X):
    """Columns in GeV and radians instead of official units; b tags as the levels 0, 1 and 2."""
    return X * np.array([UNITS[name] for name in COLUMNS], dtype=np.float32)
