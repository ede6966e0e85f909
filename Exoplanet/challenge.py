"""The contract of the Exoplanet challenge."""

import numpy as np
from sklearn.metrics import accuracy_score, roc_auc_score

from common.challenge import AUC_SPREAD, Challenge, Metric, Task, probabilities

# That at least one planet is in the disk, one a test image, in order
PREDICTIONS = probabilities("exoplanet_predictions.csv")


def truth_by_run(y, run):
    """The truth that the metrics take: an array (n, 2), the label of each image and the run it is from."""
    return np.column_stack([y, run])


def by_run(truth, p):
    """Label and mean prediction of each run, two arrays of shape (runs,).

    Parameters
    ----------
    truth : ndarray of shape (n, 2), or (n,)
        From `truth_by_run`; of labels alone, each image is a run of its own.
    p : ndarray of shape (n,)
    """
    truth = np.asarray(truth)
    if truth.ndim == 1:
        return truth, np.asarray(p)
    _, first, run = np.unique(truth[:, 1], return_index=True, return_inverse=True)
    return truth[first, 0], np.bincount(run, p) / np.bincount(run)


def image_auc(truth, p):
    """Area under the ROC curve over images."""
    truth = np.asarray(truth)
    return roc_auc_score(truth[:, 0] if truth.ndim == 2 else truth, p)


def run_accuracy(truth, p):
    """Fraction of runs whose mean prediction is on the right side of 0.5."""
    label, mean = by_run(truth, p)
    return accuracy_score(label, mean > 0.5)


CHALLENGE = Challenge(
    folder="Exoplanet",
    title="Exoplanet search",
    kind="classification, computer vision",
    summary="Tell from the image of a disk of gas and dust whether a planet hides in it.",
    picture="Three disks of gas and dust around young stars, with rings, gaps and spiral wakes.",
    notebooks=("Exoplanet",),
    tasks=(
        Task(
            name="detection",
            submission=PREDICTIONS,
            fewest=20,  # several images a run, and runs of both classes
            truth=lambda labels, runs: labels if runs is None else truth_by_run(labels, runs),
            metrics=(
                Metric("AUC by run", lambda truth, p: roc_auc_score(*by_run(truth, p)), spread=AUC_SPREAD),
                Metric("AUC by image", image_auc),
                Metric("accuracy by run", run_accuracy),
            ),
        ),
    ),
)
