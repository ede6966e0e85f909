"""Features, network and significance of the Higgs lesson, as they stand on its page.

The lesson's cells are filled from here by ``make refresh``: lines are at most 78 characters long.
"""

from itertools import combinations

import numpy as np
import torch
from torch import nn

from common.collisions import wrap
from common.layers import PiecewiseLinear
from common.training import predict
from Higgs.columns import HIGH_LEVEL, JET_TAGS, columns, momenta, physical
from Higgs.simulate import mass, massless

LEPTON, MISSING, *JETS = range(6)  # the order of columns.OBJECTS
VISIBLE = (LEPTON, *JETS)
PAIRS = list(combinations(VISIBLE, 2))
GROUPS = [*combinations(JETS, 3), tuple(JETS), VISIBLE]


def standard_position(X):
    """pt, eta, phi (n, 6) of the objects of each turned, mirrored event.

    Collisions of two equal beams have no preferred direction around the beam and none along it, and they nearly look
    the same in a mirror, so next to nothing is lost: the lepton is turned to phi = 0 and mirrored to eta > 0, and the
    missing momentum is mirrored to phi > 0.

    Parameters
    ----------
    X : ndarray of shape (n, 28)
        Official units; only the first 21 columns are used.

    Returns
    -------
    pt, eta, phi : ndarray of float64, shape (n, 6)
        Momenta (GeV) and directions (phi in rad) of `Higgs.columns.OBJECTS`.
    """
    pt, eta, phi = (values.astype(float) for values in momenta(X))
    phi = wrap(phi - phi[:, [LEPTON]])
    phi = phi * np.where(phi[:, [MISSING]] < 0, -1, 1)
    eta = eta * np.where(eta[:, [LEPTON]] < 0, -1, 1)
    return pt, eta, phi


def single_features(X):
    """25 numbers of single objects: momenta, directions, b tags.

    Parameters
    ----------
    X : ndarray of shape (n, 28)
        Official units.

    Returns
    -------
    ndarray of shape (n, 25)
    """
    pt, eta, phi = standard_position(X)
    tags = np.rint(columns(physical(X), JET_TAGS))
    return np.concatenate([
        np.log(pt), eta[:, VISIBLE],  # eta of what is missing is unknown
        np.cos(phi[:, 1:]), np.sin(phi[:, 1:]),  # the lepton's phi is 0
        tags], axis=1)  # fmt: skip


def group_features(X):
    """33 numbers of several objects: masses, distances, momenta of sums.

    Parameters
    ----------
    X : ndarray of shape (n, 28)
        Official units.

    Returns
    -------
    ndarray of shape (n, 33)
        Logarithms of ten masses of pairs; ten distances in (eta, phi); logarithms of the masses of four groups of
        three jets, of all jets, and of all that is visible; five transverse masses with the missing momentum;
        logarithms of the sum of all pt and of the recoil, the momentum across the beam of all that is not listed.
    """
    pt, eta, phi = standard_position(X)
    p4 = massless(pt, eta, phi)

    def log_mass(*group):
        return np.log(mass(p4[:, list(group)].sum(axis=1)) + 1)

    found = [log_mass(i, j) for i, j in PAIRS]
    found += [np.hypot(eta[:, i] - eta[:, j], wrap(phi[:, i] - phi[:, j]))
              for i, j in PAIRS]  # fmt: skip
    found += [log_mass(*group) for group in GROUPS]
    missing, angle = pt[:, MISSING], phi - phi[:, [MISSING]]
    found += [np.sqrt(2 * pt[:, i] * missing * (1 - np.cos(angle[:, i])))
              for i in VISIBLE]  # fmt: skip
    found.append(np.log(pt[:, VISIBLE].sum(axis=1)))
    recoil = p4[..., :2].sum(axis=1)
    found.append(np.log(np.hypot(*recoil.T) + 1))
    return np.stack(found, axis=1)


def low_level_features(X):
    """58 features that need the 21 measured columns only.

    Parameters
    ----------
    X : ndarray of shape (n, 28) or (n, 21)
        Official units.

    Returns
    -------
    ndarray of float32, shape (n, 58)
    """
    both = [single_features(X), group_features(X)]
    return np.concatenate(both, axis=1).astype(np.float32)


def high_level_features(X):
    """Logarithms of the seven given masses.

    Parameters
    ----------
    X : ndarray of shape (n, 28)
        Official units.

    Returns
    -------
    ndarray of float32, shape (n, 7)
    """
    return np.log(columns(physical(X), HIGH_LEVEL))


def features(X):
    """All 65 features.

    Parameters
    ----------
    X : ndarray of shape (n, 28)
        Official units.

    Returns
    -------
    ndarray of float32, shape (n, 65)
    """
    both = [low_level_features(X), high_level_features(X)]
    return np.concatenate(both, axis=1)


class Block(nn.Module):
    """A residual block: it adds a correction to its input."""

    def __init__(self, width, dropout):
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 2 * width), nn.SiLU(), nn.Dropout(dropout),
            nn.Linear(2 * width, width), nn.Dropout(dropout))  # fmt: skip

    def forward(self, x):
        return x + self.layers(x)


class Network(nn.Module):
    """Features (n, k) -> one logit an event, (n,).

    Parameters
    ----------
    X : ndarray of shape (n, k)
        Features of the training set; they fix the bins of the encoding.
    width, blocks : int
    dropout : float
    bins : int
        Bins of the encoding, for each feature.
    """

    def __init__(self, X, width=128, blocks=1, dropout=0.3, bins=8):
        super().__init__()
        k = X.shape[1]
        self.encode = PiecewiseLinear(X, bins)
        self.standardise = nn.BatchNorm1d(k, affine=False)
        self.first = nn.Linear(k * (bins + 1), width)
        self.blocks = nn.Sequential(
            *(Block(width, dropout) for _ in range(blocks)))  # fmt: skip
        self.last = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 1), nn.Flatten(0))  # fmt: skip

    def forward(self, x):
        plain = self.standardise(x).clamp(-3, 3)  # no outliers
        x = torch.cat([self.encode(x), plain], dim=1)
        return self.last(self.blocks(self.first(x)))


def probability(model, X):
    """Probability of signal, as a network sees it.

    Parameters
    ----------
    model : torch.nn.Module
    X : ndarray of shape (n, k)
        Its features.

    Returns
    -------
    ndarray of shape (n,)
    """
    return 1 / (1 + np.exp(-predict(model, X)))


def expected_counts(y, score, threshold, signal=100, background=1000):
    """Expected s and b of events whose score is at least the threshold.

    Parameters
    ----------
    y : ndarray of shape (n,)
        0 or 1.
    score : ndarray of shape (n,)
    threshold : float
    signal, background : float
        Expected numbers of events before any selection.

    Returns
    -------
    s, b : float
        Expected signal and background events that are kept.
    """
    kept = score >= threshold
    return signal * kept[y == 1].mean(), background * kept[y == 0].mean()


def significance(s, b, uncertainty=0.05):
    """Expected standard deviations of s events on b +- uncertainty * b.

    Parameters
    ----------
    s, b : float or ndarray
        Expected numbers of signal and background events.
    uncertainty : float
        Relative uncertainty of the background, 0.05 for 5 %.

    Returns
    -------
    float or ndarray
        Median discovery significance of the Asimov data set.

    Raises
    ------
    ValueError
        A background that is not positive.

    References
    ----------
    Cowan, Cranmer, Gross and Vitells, Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727, eq. 97;
    with an uncertain background: G. Cowan, "Discovery sensitivity for a counting experiment with
    background uncertainty" (2012), eq. 20.
    """
    s, b = np.asarray(s, dtype=float), np.asarray(b, dtype=float)
    if not (b > 0).all():
        raise ValueError("the significance needs a positive background")
    if uncertainty == 0:
        return np.sqrt(2 * ((s + b) * np.log1p(s / b) - s))
    v = (uncertainty * b) ** 2
    first = (s + b) * np.log((s + b) * (b + v) / (b**2 + (s + b) * v))
    second = b**2 / v * np.log1p(v * s / (b * (b + v)))
    return np.sqrt(2 * np.maximum(first - second, 0))
