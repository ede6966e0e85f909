"""The scores of a classifier of two classes, and what scikit-learn does not have: the uncertainty of a score."""

import numpy as np
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from common.challenge import AUC_SPREAD, Metric

OF_TWO_CLASSES = (  # labels are 0 and 1, and p is the probability of 1
    Metric("AUC", roc_auc_score, spread=AUC_SPREAD),
    Metric("accuracy", lambda truth, p: accuracy_score(truth, p > 0.5)),
    Metric("log loss", lambda truth, p: log_loss(truth, p, labels=[0, 1]), higher_is_better=False),
)


def bootstrap(metric, truth, *predictions, n=200, seed=0):
    """Scores on n bootstrap copies of a test set, the same copies for every model.

    Samples are drawn with replacement, so the spread of the scores is the statistical uncertainty
    that comes from the finite test set. Because models share the copies, the spread of their
    *difference* is that of a paired comparison, which is far smaller than either spread.

    Parameters
    ----------
    metric : callable (truth, prediction) -> float
        scikit-learn's `roc_auc_score` of two classes takes a hundredth of the time of others.
    truth : ndarray of shape (n_samples, ...)
    *predictions : ndarray of shape (n_samples, ...)
        One for each model.
    n : int
        Number of copies.
    seed : int

    Returns
    -------
    ndarray of shape (n_models, n)

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    if metric is roc_auc_score and all(_is_ranking(truth, prediction) for prediction in predictions):
        scores_of_copy = [_auc_of_copy(truth, prediction) for prediction in predictions]
    else:
        scores_of_copy = [lambda rows, p=prediction: metric(truth[rows], p[rows]) for prediction in predictions]
    rng = np.random.default_rng(seed)
    scores = np.empty((len(predictions), n))
    for i in range(n):
        rows = rng.integers(len(truth), size=len(truth))
        scores[:, i] = [score(rows) for score in scores_of_copy]
    return scores


def _is_ranking(truth, prediction):
    """Whether these are labels of two classes, and one finite number for each."""
    return np.shape(truth) == np.shape(prediction) == (len(truth),) and len(np.unique(truth)) == 2 and bool(
        np.isfinite(prediction).all()
    )  # fmt: skip


def _auc_of_copy(truth, prediction):
    """A function: rows of a copy -> area under its ROC curve.

    The area is the fraction of pairs in which the sample of the second class has the larger prediction, where equal
    ones count half (Hanley and McNeil, Radiology 143 (1982) 29). So the samples are sorted once, and each copy only
    says how often each occurs.
    """
    truth, prediction = np.asarray(truth), np.asarray(prediction)
    order = np.argsort(prediction)
    positive = truth[order] == np.unique(truth)[1]
    first = np.flatnonzero(np.diff(prediction[order], prepend=-np.inf))  # of those with equal predictions

    def auc(rows):
        counts = np.bincount(rows, minlength=len(truth))[order]
        positives = np.add.reduceat(counts * positive, first)
        negatives = np.add.reduceat(counts * ~positive, first)
        below = np.cumsum(negatives) - negatives
        pairs = positives.sum() * negatives.sum()
        if not pairs:  # one class only: scikit-learn says what that is
            return roc_auc_score(truth[rows], prediction[rows])
        return (positives * (below + negatives / 2)).sum() / pairs

    return auc
