"""Figures of the Higgs lesson."""

import math

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.lines import Line2D
from matplotlib.patches import Wedge

from common.plotting import roc_curves
from Higgs.columns import JET_TAGS, columns, momenta, physical

MODEL_COLORS = {"m_bb by hand": "#000000", "trees": "#CC79A7", "network": "#009E73"}  # not those of the classes
CLASS_STYLES = {1: {"ls": "-", "color": "C0", "label": "signal"}, 0: {"ls": "--", "color": "C1", "label": "background"}}
PARENTS = {"m_jj": 80, "m_jjj": 173, "m_lv": 80, "m_jlv": 173, "m_bb": 125, "m_wbb": 325, "m_wwbb": 425}  # GeV


def histograms(dataset, names, rows):
    """A figure with one histogram a column, signal against background, in physical units."""
    n_columns = math.ceil(len(names) / rows)
    fig, axes = plt.subplots(rows, n_columns, figsize=(1.45 * n_columns, 1.5 * rows))
    for ax, name, x in zip(axes.flat, names, columns(physical(dataset.X), names).T, strict=False):
        for y, style in CLASS_STYLES.items():
            sns.histplot(x=x[dataset.y == y], bins=_bins(name, x), stat="density", element="step", fill=False, ax=ax,
                         **style)  # fmt: skip
        unit = {"phi": " [rad]", "eta": "", "tag": ""}.get(name[-3:], " [GeV]")
        ax.set_title(name.replace("missing_energy_magnitude", "missing_energy") + unit, fontsize=7, loc="center")
        if name in PARENTS:
            ax.axvline(PARENTS[name], color="0.5", lw=0.8, ls=":")
        ax.set(yticks=[], ylabel="", ylim=(0, None))
        ax.tick_params(labelsize=7)
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    fig.supylabel("density (axes start at 0)", fontsize=8)
    lines = [Line2D([], [], **{**style, "label": f"{style['label']}, {(dataset.y == y).sum():,} events"})
             for y, style in CLASS_STYLES.items()]  # fmt: skip
    if PARENTS.keys() & set(names):
        lines.append(Line2D([], [], color="0.5", lw=0.8, ls=":", label="mass of the parent"))
    fig.legend(handles=lines, loc="outside lower right", ncols=3)
    return fig


def _bins(name, x):
    if name.endswith("b_tag"):
        return np.arange(-0.5, 3)  # one for each level
    if name.endswith(("eta", "phi")):
        return np.linspace(x.min(), x.max(), 31)
    return np.linspace(0, np.quantile(x, 0.98), 31)


def decay_chains():
    """A figure of the two processes: who decays to what."""
    fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.5), subplot_kw={"xlim": (0, 4.3), "ylim": (0, 3), "frame_on": False})
    plt.setp(axes, xticks=[], yticks=[])
    axes[0].set_title("Signal: a chain of Higgs bosons")
    axes[1].set_title("Background: two top quarks")
    gluons, W, top = "two\ngluons", "$W$\n80 GeV", "$t$\n173 GeV"
    _decay(axes[0], (0.25, 1.5), (1.1, 1.5, "$H^0$\n425 GeV"), name=gluons)
    _decay(axes[0], (1.1, 1.5), (2.0, 2.5, W), (2.0, 0.9, "$H^\\pm$\n325 GeV"))
    _decay(axes[0], (2.0, 0.9), (3.0, 1.7, W), (3.0, 0.5, "$h^0$\n125 GeV"))
    _decay(axes[0], (2.0, 2.5), (3.9, 2.8, "lepton"), (3.9, 2.3, "neutrino"))
    _decay(axes[0], (3.0, 1.7), (3.9, 1.8, "jet"), (3.9, 1.35, "jet"))
    _decay(axes[0], (3.0, 0.5), (3.9, 0.8, "$b$ jet"), (3.9, 0.2, "$b$ jet"))
    _decay(axes[1], (0.25, 1.5), (1.3, 2.2, top), (1.3, 0.8, top), name=gluons + "\nor $q\\bar q$")
    for y in (2.2, 0.8):
        _decay(axes[1], (1.3, y), (2.4, y + 0.25, W), (3.7, y - 0.55, "$b$ jet"))
    _decay(axes[1], (2.4, 2.45), (3.7, 2.8, "lepton"), (3.7, 2.25, "neutrino"))
    _decay(axes[1], (2.4, 1.05), (3.7, 1.25, "jet"), (3.7, 0.75, "jet"))
    return fig


def _decay(ax, start, *children, name=""):
    """Draw arrows from a parent to its children (x, y, name), and the names of the children."""
    ax.text(*start, name, ha="center", va="center")
    for x, y, child in children:
        ax.annotate("", (x, y), start, arrowprops=dict(arrowstyle="->", color="0.5", shrinkA=19, shrinkB=19))
        ax.text(x, y, child, ha="center", va="center", fontsize=8)


def _draw_event(ax, length, angles, faces, edges, lepton, missing):
    """Draw an event as seen along the beam: wedges are jets, the line is the lepton, the arrow what is missing."""
    for size, angle, face, edge in zip(length[2:], np.degrees(angles[2:]), faces, edges, strict=True):
        ax.add_patch(Wedge((0, 0), size, angle - 9, angle + 9, fc=face, ec=edge, lw=1.2))
    x, y = length * np.cos(angles), length * np.sin(angles)
    ax.plot([0, x[0]], [0, y[0]], color=lepton, lw=2.5)
    ax.annotate("", (x[1], y[1]), (0, 0), arrowprops={"arrowstyle": "->", "color": missing, "ls": "--"})
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3))


def event_figure(event, pair, mass, peak, near):
    """One event (28,) along the beam, a pair of its jets (from 0) chosen, and their mass beside the peak of signal."""
    fig, (view, line) = plt.subplots(1, 2, figsize=(6.4, 2.8), width_ratios=(1, 1.2), layout="none")
    fig.subplots_adjust(left=0.01, right=0.97, bottom=0.17, top=0.9, wspace=0.05)
    pt, eta, phi = (values[0] for values in momenta(event[None]))
    chosen = np.isin(range(4), pair)
    length = np.sqrt(pt / pt.max())
    _draw_event(view, length, phi, np.where(chosen, "C4", "none"), ["C1"] * 4, "C2", "C0")
    placed = []
    for jet in np.argsort(length[2:]):  # number and eta on a ring around the event, off those of other jets
        place = np.array([1.4 * np.cos(phi[2 + jet]), 1.15 * np.sin(phi[2 + jet])])
        while any((np.abs(place - other) < (0.66, 0.22)).all() for other in placed):
            place[1] += np.copysign(0.05, place[1])
        placed.append(place)
        view.text(*place, f"{jet + 1} ({eta[2 + jet].round(1) + 0:.1f})", ha="center", va="center", fontsize=8,
                  weight="bold" if chosen[jet] else None)  # fmt: skip
    handles = [Line2D([], [], color="C2", lw=2.5, label="lepton"), Line2D([], [], color="C0", ls="--", label="missing")]
    handles += [Wedge((0, 0), 1, 0, 9, fc=fc, ec="C1", label=name) for fc, name in (("none", "jet"), ("C4", "chosen"))]
    view.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=4, fontsize=7, columnspacing=1)
    view.axis("off")
    view.set(xlim=(-1.8, 1.8), ylim=(-1.45, 1.45), aspect="equal", title="along the beam: jet ($\\eta$)")
    line.axvspan(peak - near, peak + near, color="0.9")
    line.text(peak, 0.84, f"peak of signal\n$\\pm$ {near} GeV", ha="center", fontsize=8)
    line.axvline(mass, ymax=0.78, color="C4", lw=4)
    line.set(xlim=(0, max(600, mass + 9)), yticks=[], xlabel="mass of the chosen pair [GeV]", title=f"{mass:.0f} GeV")
    return fig


def threshold_figure(y, score, threshold, s, b, z):
    """What a threshold does to scores (n,), on the ROC curve, and to expected s and b, of significance z."""
    fig, (left, middle, right) = plt.subplots(1, 3, figsize=(7.6, 2.5), layout="none")
    fig.subplots_adjust(left=0.07, right=0.98, bottom=0.19, top=0.88, wspace=0.35)
    for label, style in CLASS_STYLES.items():
        sns.histplot(x=score[y == label], bins=25, binrange=(0, 1), stat="density", element="step", fill=False, ax=left,
                     **style)  # fmt: skip
    left.axvspan(threshold, 1, color="0.9", zorder=0)
    left.set(xlabel="score", ylabel="density", title="kept: the grey part")
    left.legend(fontsize=7, loc="upper center")
    middle.set_prop_cycle(color=[MODEL_COLORS["network"]])
    roc_curves(middle, y, {"network": score})
    middle.plot((score[y == 0] >= threshold).mean(), (score[y == 1] >= threshold).mean(), "o", color="k")
    middle.set(title="point on the ROC curve")
    right.semilogx([b, 1000], ["b", "b"], "o-", ms=4, color="C1", markevery=[0])  # from where nothing is cut away
    right.semilogx([s, 100], ["s", "s"], "o-", ms=4, color="C0", markevery=[0])
    right.errorbar(b, "b", xerr=np.hypot(np.sqrt(b), 0.05 * b), color="k", lw=0.8, capsize=4)
    right.set(xlim=(3, 2e3), ylim=(-0.5, 1.5), xlabel="expected events", title=f"s = {s:.0f}, b = {b:.0f}, Z = {z:.1f}")
    return fig


def picture(axes):
    """Three simulated events seen along the beam, one on each of the axes; filled wedges are tagged jets."""
    from Higgs import data

    events = data.load("train", 300)
    X = events.X[np.flatnonzero(events.y == 1)[[4, 11, 27]]]
    pt, _, phi = momenta(X)
    faces = np.where(columns(physical(X), JET_TAGS) > 0.5, "#ea580c", "none")
    for ax, pts, angles, face in zip(axes, pt, phi, faces, strict=True):
        _draw_event(ax, np.sqrt(pts / pts.max()), angles, face, ["#fdba74"] * 4, "#4ade80", "#93c5fd")
        ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
