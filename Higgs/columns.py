"""Names, units and groups of the columns of a Higgs event."""

import numpy as np

from Higgs.simulate import COLUMNS, UNITS

INDEX = {name: i for i, name in enumerate(COLUMNS)}
LOW_LEVEL = COLUMNS[:21]  # measured: momenta, missing momentum, b tags
HIGH_LEVEL = COLUMNS[21:]  # computed from these: seven invariant masses
OBJECTS = ("lepton", "missing", "jet 1", "jet 2", "jet 3", "jet 4")
JET_TAGS = [f"jet_{i}_b_tag" for i in (1, 2, 3, 4)]


def physical(X):
    """The columns in GeV and radians, and b tags as levels 0, 1 and 2, instead of official units.

    Parameters
    ----------
    X : ndarray of shape (n, 28), or with the first of these columns only

    Returns
    -------
    ndarray of float32, of the same shape
    """
    return X * np.array([UNITS[name] for name in COLUMNS[: X.shape[1]]], dtype=np.float32)


def columns(X, names):
    """Some of the columns, by name, shape (n, len(names))."""
    return X[:, [INDEX[name] for name in names]]


def momenta(X):
    """Transverse momentum, pseudorapidity and azimuth of the six objects of each event.

    Parameters
    ----------
    X : ndarray of shape (n, 28)
        Official units.

    Returns
    -------
    pt, eta, phi : ndarray of shape (n, 6)
        Momenta (GeV) and directions (phi in rad) of `OBJECTS`; eta of the missing momentum is unknown and set to 0.
    """
    X = physical(X)
    jets = [f"jet_{i}" for i in (1, 2, 3, 4)]
    pt = columns(X, ["lepton_pt", "missing_energy_magnitude", *(f"{jet}_pt" for jet in jets)])
    eta = columns(X, ["lepton_eta", *(f"{jet}_eta" for jet in jets)])
    phi = columns(X, ["lepton_phi", "missing_energy_phi", *(f"{jet}_phi" for jet in jets)])
    return pt, np.insert(eta, 1, 0, axis=1), phi
