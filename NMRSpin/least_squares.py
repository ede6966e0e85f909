"""A fit with the simulator: labels of echoes by least squares."""

import numpy as np

from NMRSpin import simulate
from NMRSpin.model import HIGHEST, LOWEST, flat, targets, total_coupling

SHIFT = 1e-3  # of a parameter, for the slopes of the echo
SCANNED = 8  # values of W with which a fit begins
BEYOND = 0.2  # how far log W may leave the range of the simulated samples
LONGEST_STEP = np.array([0.2, 0.5, 0.3])  # in log W, log xi and the rate: so far a straight line is a good guide


def fit_echoes(kind, X, start, steps=4):
    """Labels of echoes by least squares: the simulator is run until it meets them.

    Gauss-Newton (Nocedal and Wright, Numerical Optimization, chapter 10) in log W, log xi and the rate of dephasing:
    the echo fixes the total coupling W best, and on a line of constant W the search is straight. It begins with a scan
    of eight W. The slopes of the echo are differences of the simulator, so a step takes four simulated echoes for each
    measured one. Each echo is fitted for itself; a step that makes it worse is halved in the next round.

    Parameters
    ----------
    kind : {"gauss", "rkky"}
    X : ndarray of shape (n, 2, 471)
    start : ndarray of shape (n, 3)
        Labels to begin with: xi and d. W is scanned.
    steps : int

    Returns
    -------
    found : ndarray of shape (n, 3)
        Labels.
    rms : ndarray of shape (steps + 1, n)
        Root mean square difference of simulated and measured M, before the first step and after each.
    """
    shifts = np.concatenate([np.zeros((1, 3)), SHIFT * np.eye(3)])
    low, high = np.log(simulate.COUPLING) + [-BEYOND, BEYOND]
    low, high = np.array([low, *LOWEST[1:]]), np.array([high, *HIGHEST[1:]]) - 2 * SHIFT
    measured = flat(X)
    trial = best = _scanned(kind, start, measured, low, high)
    newton_step, lowest, simulated, rms = np.zeros_like(best), np.full(len(best), np.inf), None, []
    for step in range(steps + 1):
        around = trial[:, None] + (shifts if step < steps else shifts[:1])
        new = _simulated(kind, around.reshape(-1, 3)).reshape(len(trial), -1, measured.shape[1])
        rms_now = np.sqrt(((new[:, 0] - measured) ** 2).mean(axis=1))
        better = rms_now < lowest
        best = np.where(better[:, None], trial, best)
        lowest = np.where(better, rms_now, lowest)
        rms.append(lowest)
        if step == steps:
            return _labels_of(kind, best), np.array(rms)
        simulated = new if simulated is None else np.where(better[:, None, None], new, simulated)
        for i in range(len(trial)):
            slopes = (simulated[i, 1:] - simulated[i, 0]) / SHIFT
            newton = np.linalg.lstsq(slopes.T, measured[i] - simulated[i, 0], rcond=None)[0]
            newton_step[i] = newton if better[i] else newton_step[i] / 2
        newton_step = np.clip(newton_step, -LONGEST_STEP, LONGEST_STEP)
        trial = np.clip(best + newton_step, low, high)


def _scanned(kind, start, measured, low, high):
    """Parameters (n, 3) to begin with: of several W the one with which the echo is met best.

    The range of W is known and narrow, and a wrong W is what leads astray.
    """
    scan = np.tile(targets(start), (SCANNED, 1, 1))
    scan[..., 0] = np.linspace(*np.log(simulate.COUPLING), SCANNED)[:, None]
    scan = np.clip(scan, low, high)
    simulated = _simulated(kind, scan.reshape(-1, 3)).reshape(*scan.shape[:2], -1)
    distance = ((simulated - measured) ** 2).mean(axis=2)
    return scan[distance.argmin(axis=0), np.arange(len(start))]


def _simulated(kind, p):
    """Echoes (m, 942) of the parameters (m, 3): log W, log xi and the rate of dephasing."""
    M = simulate.echoes(kind, _labels_of(kind, p))
    return flat(np.stack([M.real, M.imag], axis=1))


def standard_errors(kind, y, noise):
    """Standard errors of alpha, xi and d that noise leaves to a fit.

    The covariance of log W, log xi and the rate is noise^2 (J^T J)^-1, with the slopes J of the echo at these labels;
    from there it is carried over to the labels. Slopes in alpha and xi themselves are nearly parallel, and what is
    left of their difference would be the error of a slope that is taken with a finite step.

    Parameters
    ----------
    kind : {"gauss", "rkky"}
    y : ndarray of shape (n, 3)
        Labels at which the fit ended.
    noise : float
        Standard deviation of the noise on each real and imaginary part of M.

    Returns
    -------
    ndarray of shape (n, 3)
    """
    y = np.asarray(y, dtype=np.float64)
    p = targets(y)
    p[:, 0] = np.log(total_coupling(kind, y))
    shifted = (p[:, None] + np.concatenate([np.zeros((1, 3)), SHIFT * np.eye(3)])).reshape(-1, 3)
    echoes = _simulated(kind, shifted).reshape(len(y), 4, -1)
    labels = _labels_of(kind, shifted).reshape(len(y), 4, 3)
    slopes, moves = ((values[:, 1:] - values[:, :1]) / SHIFT for values in (echoes, labels))
    moves[:, 2, 2] = -2 / (np.log(10) * p[:, 2])  # d bends where the rate is small, and the echo does not
    covariance = noise**2 * np.linalg.inv(slopes @ slopes.transpose(0, 2, 1))
    return np.sqrt(np.diagonal(moves.transpose(0, 2, 1) @ covariance @ moves, axis1=1, axis2=2))


def _labels_of(kind, p):
    """alpha, xi, d from log W, log xi and the rate of dephasing."""
    log_w, log_xi, rate = p.T
    lengths, totals = simulate.total_interaction(kind)
    alpha = simulate.SPINS * np.exp(log_w - np.interp(log_xi, np.log(lengths), np.log(totals)))
    return np.column_stack([alpha, np.exp(log_xi), simulate.MIN_D - 2 * np.log10(rate)])
