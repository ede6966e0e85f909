"""Simulated echoes of the NMRSpin challenge: which samples there are, and what the hackathon recorded of them.

`spins.py` has the dynamics. Here are the material constants of the samples, their detunings and the tasks:

gauss, rkky
    The hackathon's data: one draw of the detunings, shared by all echoes of both tasks and all splits.
gauss_fresh, rkky_fresh
    The same with fresh detunings for every echo, as every new sample in a laboratory would have.

What was worked out from the published echoes, their labels and predictions, and is kept here:

- Four published echoes with known labels fix the strength of the field (alpha / 2 divided by 10^4, the number of
  spins), the width of the detunings to a few per cent (`CALIBRATION`), and the decay to ten.
- alpha is uniform up to 20, and 10^(-d/2) uniform up to 10^-3. xi is *not* independent of alpha: their total coupling
  W = alpha |sum_j f(r_j)| / 10^4 is log-uniform in 0.08 to 0.20, 1.6 to 4 line widths, where the echo is rich.

References
----------
Carr, Snider, Feldman, Ramanathan, Marston and Mitrovic, arXiv:2110.06811.
"""

from functools import cache, partial

import numpy as np

from common.datasets import Dataset, check_n
from NMRSpin.spins import Sequence, evolve, interaction

VERSION = 3  # raised whenever the bytes of simulated data change

N = 100  # sites along a side
SPINS = N**2
LABELS = ("alpha", "xi", "d")
SEQUENCE = Sequence()  # tau = 50 us, round(50e-6 * 2 pi 1e6 / 2) = 157 steps of 2 / gamma
LINEWIDTH = 0.05  # full width at half maximum of the detunings, gamma
BAND = 0.25  # largest detuning, gamma
DETUNING_SEED = 0  # of the one draw that all echoes share; not chosen: the draw of the hackathon is not known
CALIBRATION = 0.5 / SPINS  # field at a spin per unit of alpha: alpha / 2 (rotating wave), mean over all spins
DECAY = 1.1  # rate of dephasing, in units of 10^(-d/2), from whole published curves, good to 0.1
MAX_ALPHA = 20.0
MAX_RATE = 1e-3  # 10^(-d/2), gamma
MIN_D, MAX_D = 6.0, 12.0  # 10^(-MIN_D / 2) is MAX_RATE
COUPLING = (0.08, 0.20)  # range of W, gamma
MAX_XI = 70.0
RESOLUTION = 2.0**-13  # M is stored in multiples of this, 1.2e-4: a fortieth of what the finite lattice adds by chance
BATCH = 8  # echoes at a time: more do not fit into a processor's cache


def detunings(rng, n=N):
    """Lorentzian detunings, LINEWIDTH wide and cut at BAND, at random places; (n, n) float32, gamma."""
    half = LINEWIDTH / 2
    return (half * np.tan(rng.uniform(-1, 1, (n, n)) * np.arctan(BAND / half))).astype(np.float32)


@cache
def shared_detunings(n=N):
    """The one draw of detunings of the hackathon's data; (n, n) float32, gamma, read-only."""
    draw = detunings(np.random.default_rng(DETUNING_SEED), n)
    draw.flags.writeable = False
    return draw


@cache
def total_interaction(kind, n=N):
    """(xi, |sum_j f(r_j)|): correlation lengths in steps of 1 %, and the total interaction, which grows with them."""
    xi = np.exp(np.arange(np.log(1.0), np.log(1.5 * MAX_XI), 0.01))
    return xi, np.abs([interaction(kind, length, n).sum() for length in xi])


def draw_labels(kind, n, rng):
    """alpha, xi and d of n samples; float64 (n, 3).

    Parameters
    ----------
    kind : {"gauss", "rkky"}
    n : int
    rng : numpy.random.Generator
    """
    lengths, totals = total_interaction(kind)
    drawn = np.empty((0, 3))
    while len(drawn) < n:
        alpha = MAX_ALPHA * (1 - rng.random(n))
        W = np.exp(rng.uniform(*np.log(COUPLING), n))
        xi = np.exp(np.interp(np.log(W * SPINS / alpha), np.log(totals), np.log(lengths), right=np.inf))
        d = -2 * np.log10(MAX_RATE * (1 - rng.random(n)))
        drawn = np.concatenate([drawn, np.stack([alpha, xi, d], 1)[(xi <= MAX_XI) & (d <= MAX_D)]])
    return drawn[:n]


def coupling(kind, alpha, xi, n=N):
    """Strength of the field at each site from a spin at (0, 0), of m samples; ndarray (m, n, n), gamma.

    Parameters
    ----------
    kind : {"gauss", "rkky"}
    alpha, xi : ndarray of shape (m,)
        xi in lattice spacings.
    n : int
        Sites along a side.
    """
    return CALIBRATION * alpha[:, None, None] * interaction(kind, xi, n)


def dephasing(d):
    """Rate at which spins dephase, gamma, of the label d."""
    return DECAY * 10 ** (-d / 2)


def echoes(kind, labels, detuning=None, sequence=SEQUENCE, device="cpu", batch=BATCH):
    """The echoes of samples with given material constants, as the hackathon defines these.

    Parameters
    ----------
    kind : {"gauss", "rkky"}
    labels : array-like of shape (m, 3)
        alpha, xi in lattice spacings, d.
    detuning : ndarray of shape (n, n) or (m, n, n), optional
        gamma; default: the draw that all echoes of the course share.
    sequence : Sequence
    device : str
        "cuda" for a GPU, which wants larger batches. Its last digits differ, so data sets are made on processors.
    batch : int
        Echoes at a time.

    Returns
    -------
    ndarray of complex64, shape (m, steps)
        M = <Ix + i Iy> after each step.

    Raises
    ------
    ValueError
        Labels that are not (m, 3) finite numbers with xi > 0.
    """
    labels = np.asarray(labels, dtype=np.float64)
    if labels.ndim != 2 or labels.shape[1] != 3 or not np.isfinite(labels).all() or not (labels[:, 1] > 0).all():
        raise ValueError(f"labels: expected (m, 3) finite numbers alpha, xi > 0, d; got shape {labels.shape}")
    detuning = shared_detunings() if detuning is None else detuning
    parts = []
    for first in range(0, len(labels), batch):
        rows = slice(first, first + batch)
        alpha, xi, d = labels[rows].T
        fields = coupling(kind, alpha, xi, detuning.shape[-1])
        own = detuning if detuning.ndim == 2 else detuning[rows]
        parts.append(evolve(fields, own, dephasing(d), sequence, device=device)[0])
    return np.concatenate(parts)


def simulate(n, seed, kind, fresh=False):
    """Echoes of n samples and their material constants.

    Parameters
    ----------
    n : int
        Number of echoes, at least 1.
    seed : int
        Non-negative, up to 128 bits. The same (n, seed) gives the same bytes on one platform.
    kind : {"gauss", "rkky"}
    fresh : bool
        Whether each echo has detunings of its own. Else all of all seeds share one draw.

    Returns
    -------
    Dataset
        X float32 (n, 2, 471): real and imaginary part of M after each step, in multiples of RESOLUTION; y float32
        (n, 3): alpha, xi in lattice spacings, d.

    Raises
    ------
    ValueError
        If n is less than 1.
    """
    check_n(n)
    rng = np.random.default_rng(seed)
    y = draw_labels(kind, n, rng).astype(np.float32)
    M = echoes(kind, y, np.stack([detunings(rng) for _ in range(n)]) if fresh else None)
    X = np.stack([M.real, M.imag], 1)
    X = (np.rint(X / RESOLUTION) * RESOLUTION).astype(np.float32)
    meta = {"labels": list(LABELS), "dt": SEQUENCE.dt, "wait": SEQUENCE.wait, "version": VERSION}
    return Dataset(X, y, meta)


gauss = partial(simulate, kind="gauss")
rkky = partial(simulate, kind="rkky")
gauss_fresh = partial(simulate, kind="gauss", fresh=True)
rkky_fresh = partial(simulate, kind="rkky", fresh=True)
