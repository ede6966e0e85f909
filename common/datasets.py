"""A data set in memory."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Dataset:
    X: np.ndarray
    y: np.ndarray
    meta: dict = field(default_factory=dict)

    def __len__(self):
        return len(self.X)
