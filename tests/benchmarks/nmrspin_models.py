"""Ridge and network on the data of the hackathon: mean squared errors of the standardised labels.

    python tests/benchmarks/nmrspin_models.py [N]

N labelled echoes for each interaction (default 6000, as in the hackathon), a tenth of them for validation, as published
results have it. 6000 echoes take a core about ten minutes to simulate, once. The best epoch of a network is chosen on a
twentieth of the training echoes, so that the validation score has not been selected. Three networks differ in their
seeds only.
"""

import sys

import numpy as np
import torch

from NMRSpin import data
from NMRSpin.challenge import squared_errors
from NMRSpin.model import Network, Ridge

SEEDS = 3


def main():
    torch.set_num_threads(1)
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 6000
    for task in ("gauss", "rkky"):
        labelled = data.load("train", n, task=task)
        train, valid = labelled[: n * 9 // 10], labelled[n * 9 // 10 :]
        inner, chooser = train[: len(train) * 19 // 20], train[len(train) * 19 // 20 :]
        models = {
            "ridge on labels": Ridge(np.float64, np.float64).fit(train.X, train.y),
            "ridge, physical targets": Ridge().fit(train.X, train.y),
            **{
                f"network, seed {seed}": Network(seed=seed).fit(inner.X, inner.y, chooser.X, chooser.y)
                for seed in range(SEEDS)
            },
        }
        for name, model in models.items():
            each = squared_errors(valid.y, model.predict(valid.X))
            error = each.mean(axis=1).std() / np.sqrt(len(each))
            print(
                f"{task:5} {len(train)} training echoes, {name:23} MSE {each.mean():.4f} +- {error:.4f}; "
                "alpha {:.4f}, xi {:.4f}, d {:.4f}".format(*each.mean(axis=0)),
                flush=True,
            )


if __name__ == "__main__":
    main()
