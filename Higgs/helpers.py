"""Figures and columns of the Higgs lesson."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Wedge

from Higgs.simulate import COLUMNS, UNITS

INDEX = {name: i for i, name in enumerate(COLUMNS)}
LOW_LEVEL = COLUMNS[:21]  # measured: momenta, missing momentum, b tags
HIGH_LEVEL = COLUMNS[21:]  # computed from these: seven invariant masses
OBJECTS = ("lepton", "missing", "jet 1", "jet 2", "jet 3", "jet 4")
JET_TAGS = [f"jet_{i}_b_tag" for i in (1, 2, 3, 4)]
# Where a parent's mass should show, GeV
PARENTS = {"m_jj": 80, "m_jjj": 173, "m_lv": 80, "m_jlv": 173, "m_bb": 125, "m_wbb": 325, "m_wwbb": 425}


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
        Of `OBJECTS`, GeV and rad; eta of the missing momentum is unknown and set to 0.
    """
    X = physical(X)
    jets = [f"jet_{i}" for i in (1, 2, 3, 4)]
    pt = columns(X, ["lepton_pt", "missing_energy_magnitude", *(f"{jet}_pt" for jet in jets)])
    eta = columns(X, ["lepton_eta", *(f"{jet}_eta" for jet in jets)])
    phi = columns(X, ["lepton_phi", "missing_energy_phi", *(f"{jet}_phi" for jet in jets)])
    return pt, np.insert(eta, 1, 0, axis=1), phi


def histograms(dataset, names, rows):
    """A figure with one histogram a column, signal against background, in physical units."""
    n_columns = -(-len(names) // rows)
    fig, axes = plt.subplots(rows, n_columns, figsize=(1.45 * n_columns, 1.5 * rows))
    values = columns(physical(dataset.X), names)
    for ax, name, x in zip(axes.flat, names, values.T, strict=False):
        for label, style in ((1, "-"), (0, "--")):
            ax.hist(x[dataset.y == label], _bins(name, x), density=True, histtype="step", ls=style)
        unit = "" if name.endswith(("eta", "phi", "b_tag")) else " [GeV]"
        ax.set_title(name.replace("missing_energy_magnitude", "missing_energy") + unit, fontsize=7, loc="center")
        if name in PARENTS:
            ax.axvline(PARENTS[name], color="0.5", lw=0.8, ls=":")
        ax.set_yticks([])
        ax.tick_params(labelsize=6)
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    fig.legend(["signal", "background"], loc="outside upper right", ncols=2)
    return fig


def _bins(name, x):
    if name.endswith("b_tag"):
        return np.arange(-0.5, 3)
    if name.endswith(("eta", "phi")):
        return np.linspace(x.min(), x.max(), 31)
    return np.linspace(0, np.quantile(x, 0.98), 31)


def decay_chains():
    """A figure of the two processes: who decays to what."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.5))
    for ax, title in zip(axes, ("Signal: a chain of Higgs bosons", "Background: two top quarks"), strict=True):
        ax.set(title=title, xlim=(0, 4.3), ylim=(0, 3))
        ax.axis("off")
    chain, pair = axes
    _decay(chain, (0.3, 1.5), "$gg$", [((1.1, 1.5), "$H^0$\n425 GeV")])
    _decay(chain, (1.1, 1.5), None, [((2.0, 2.5), "$W$\n80 GeV"), ((2.0, 0.9), "$H^\\pm$\n325 GeV")])
    _decay(chain, (2.0, 0.9), None, [((3.0, 1.7), "$W$\n80 GeV"), ((3.0, 0.5), "$h^0$\n125 GeV")])
    _decay(chain, (2.0, 2.5), None, [((3.9, 2.8), "lepton"), ((3.9, 2.3), "neutrino")])
    _decay(chain, (3.0, 1.7), None, [((3.9, 1.8), "jet"), ((3.9, 1.35), "jet")])
    _decay(chain, (3.0, 0.5), None, [((3.9, 0.8), "$b$ jet"), ((3.9, 0.2), "$b$ jet")])
    _decay(pair, (0.3, 1.5), "$gg$", [((1.3, 2.2), "$t$\n173 GeV"), ((1.3, 0.8), "$t$\n173 GeV")])
    for y in (2.2, 0.8):
        _decay(pair, (1.3, y), None, [((2.4, y + 0.25), "$W$\n80 GeV"), ((3.7, y - 0.55), "$b$ jet")])
    _decay(pair, (2.4, 2.45), None, [((3.7, 2.8), "lepton"), ((3.7, 2.25), "neutrino")])
    _decay(pair, (2.4, 1.05), None, [((3.7, 1.25), "jet"), ((3.7, 0.75), "jet")])
    return fig


def _decay(ax, start, name, children):
    """Draw arrows from a parent to its children, and the children's names."""
    if name:
        ax.text(*start, name, ha="center", va="center")
    for end, text in children:
        arrow = dict(arrowstyle="->", color="0.5", shrinkA=19, shrinkB=19)
        ax.annotate("", end, start, arrowprops=arrow)
        ax.text(*end, text, ha="center", va="center", fontsize=8)


def picture(axes):
    """Three simulated events seen along the beam, one on each of the axes.

    Wedges are jets, filled where they are tagged as b jets; the line is the lepton, the arrow what is missing.
    """
    from Higgs import data

    events = data.load("train", 300)
    chosen = np.flatnonzero(events.y == 1)[[4, 11, 27]]
    pt, _, phi = momenta(events.X[chosen])
    tags = columns(physical(events.X[chosen]), [f"jet_{i}_b_tag" for i in (1, 2, 3, 4)]) > 0.5
    for ax, pts, angles, tagged in zip(axes, pt, phi, tags, strict=True):
        length = np.sqrt(pts / pts.max())
        for size, angle, tag in zip(length[2:], angles[2:], tagged, strict=True):
            face = "#ea580c" if tag else "none"
            wedge = Wedge((0, 0), size, np.degrees(angle) - 9, np.degrees(angle) + 9, fc=face, ec="#fdba74", lw=1.2)
            ax.add_patch(wedge)
        x, y = length * np.cos(angles), length * np.sin(angles)
        ax.plot([0, x[0]], [0, y[0]], color="#4ade80", lw=2.5)
        ax.annotate("", (x[1], y[1]), (0, 0), arrowprops={"arrowstyle": "->", "color": "#93c5fd", "ls": "--"})
        ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
