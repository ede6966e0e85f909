"""What scikit-learn does not have: the uncertainty of a score."""

import numpy as np


def bootstrap(metric, truth, *predictions, n=200, seed=0):
    """Scores on n bootstrap copies of a test set, the same copies for every model.

    Samples are drawn with replacement, so the spread of the scores is the statistical uncertainty
    that comes from the finite test set. Because models share the copies, the spread of their
    *difference* is that of a paired comparison, which is far smaller than either spread.

    Parameters
    ----------
    metric : callable (truth, prediction) -> float
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
    rng = np.random.default_rng(seed)
    scores = np.empty((len(predictions), n))
    for i in range(n):
        rows = rng.integers(len(truth), size=len(truth))
        scores[:, i] = [metric(truth[rows], prediction[rows]) for prediction in predictions]
    return scores
