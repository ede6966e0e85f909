"""Proton collisions with Pythia 8: the exotic Higgs cascade and its top-pair background.

Two Pythia runs a call. The first makes hard processes only (fast, about 10,000 a second), which are filtered in
numpy: W polarisation is applied, and events that can never pass the selection are dropped. The second adds the
parton shower, hadronisation and decays to those that are left (slow, about 1,000 a second).

Sources: Baldi, Sadowski, Whiteson, Nature Comm. 5 (2014) 4308, arXiv:1402.4735 (the two processes);
Pythia 8.3, arXiv:2203.11601.
"""

from dataclasses import dataclass

import numpy as np

from common.collisions import flattened, start

MISSING_PYTHIA = (
    "Simulating collisions needs Pythia 8: pip install 'awkward>=2.6' 'pythia8mc>=8.312,<8.318' "
    "(on Windows, for which there is none, in WSL); the shipped sample works without it."
)

BEAMS = ["Print:quiet=on", "Random:setSeed=on", "Beams:eCM=8000.", "PDF:pSet=8"]  # CTEQ6L1

# gg -> H0(425) -> W H+-(325) -> W W h0(125) -> W W b b
SIGNAL = [
    "Higgs:useBSM=on", "HiggsBSM:gg2H2=on",
    "25:m0=125", "35:m0=425", "36:m0=325", "37:m0=325",
    "35:doForceWidth=on", "35:mWidth=4", "35:mMin=300",
    "37:doForceWidth=on", "37:mWidth=3", "37:mMin=210",
    "HiggsH2:coup2HchgW=1.", "HiggsHchg:coup2H1W=1.",
    "35:onMode=off", "35:onIfMatch=24 37",
    "37:onMode=off", "37:onIfMatch=24 25",
    "25:onMode=off", "25:onIfMatch=5 5",
]  # fmt: skip
BACKGROUND = ["Top:gg2ttbar=on", "Top:qqbar2ttbar=on", "6:onMode=off", "6:onIfAny=5"]

HARD_ONLY = [
    "PartonLevel:ISR=off", "PartonLevel:FSR=off", "PartonLevel:MPI=off", "PartonLevel:Remnants=off",
    "HadronLevel:all=off", "Check:event=off",
]  # fmt: skip
# No underlying event; colour reconnection, which belongs to it, is off too. Fitted to the number and hardness of extra
# jets: couplings of 0.12 at the Z mass, below Pythia's 0.1365, and hard emissions damped beyond the scale of the event.
SHOWER = [
    "Print:quiet=on", "Random:setSeed=on", "PDF:pSet=8", "Beams:frameType=5",
    "PartonLevel:MPI=off", "ColourReconnection:reconnect=off", "Check:event=off",
    "SpaceShower:alphaSvalue=0.12", "SpaceShower:pTdampMatch=1", "TimeShower:alphaSvalue=0.12", "TimeShower:pTmin=1.",
    "111:mayDecay=off",  # its two photons share a tower, and without them the rest is a quarter faster
]  # fmt: skip


@dataclass
class Particles:
    """Particles of many events, flat: event (N,) index of the event, pdg (N,), p4 (N, 4) px, py, pz, E in GeV."""

    event: np.ndarray
    pdg: np.ndarray
    p4: np.ndarray


def semileptonic(positive):
    """Pythia lines: the W of this charge decays to e nu or mu nu (taus give too soft leptons), the other to quarks."""
    lepton, quark = ("Pos", "Neg") if positive else ("Neg", "Pos")
    return ["24:onMode=off", f"24:on{lepton}IfAny=11 13", f"24:on{quark}IfAny=1 2 3 4 5"]


def import_pythia():
    """pythia8mc, imported here because it is GPL and has no wheel everywhere."""
    try:
        import awkward  # noqa: F401  (Pythia returns its batches as Awkward arrays)
        import pythia8mc
    except ImportError as error:
        raise ImportError(MISSING_PYTHIA) from error
    return pythia8mc


def hard_processes(signal, n, seed, positive):
    """Hard collisions with their resonance decays.

    Returns
    -------
    dict of arrays (n, slots): id, status, mother1, mother2 (slot numbers), col, acol, m, scale; and p (n, slots, 4).
        Slots 0 and 1 are the incoming partons. An event has 13 slots (signal) or 12 (background).
    """
    import awkward as ak

    lines = BEAMS + (SIGNAL if signal else BACKGROUND) + semileptonic(positive) + HARD_ONLY
    batch = start(import_pythia(), lines, seed).nextBatch(n).prt[:, 3:]

    def table(field):
        return ak.to_numpy(ak.flatten(field)).reshape(len(batch), -1)

    hard = {k: table(batch[k]) for k in ("id", "status", "mother1", "mother2", "col", "acol", "m", "scale")}
    hard["mother1"] = hard["mother1"] - 3
    hard["mother2"] = hard["mother2"] - 3
    hard["p"] = np.stack([table(batch.p[k]) for k in ("px", "py", "pz", "e")], axis=-1)
    return hard


def minkowski(p, q):
    """Scalar product of four-vectors (..., 4)."""
    return p[..., 3] * q[..., 3] - (p[..., :3] * q[..., :3]).sum(-1)


def decay_cosine(parent, boson, first, second):
    """cos of the angle, in the rest frame of `boson`, between `first` (of its decay to first + second) and `parent`."""
    mass2 = minkowski(boson, boson)
    momentum2 = minkowski(parent, boson) ** 2 / mass2 - minkowski(parent, parent)
    return minkowski(parent, second - first) / np.sqrt(np.maximum(momentum2 * mass2, 1e-9))


def longitudinal(hard, rng):
    """Accept signal events so that both W are longitudinal: weight 1 - cos^2 theta* each. Returns (n,) bool.

    A scalar that decays to a scalar and a W gives the W helicity 0 exactly; Pythia decays it isotropically.
    """
    rows = np.arange(len(hard["id"]))
    keep = np.ones(len(rows), bool)
    for slot in range(2, hard["id"].shape[1]):
        is_w = abs(hard["id"][:, slot]) == 24
        if is_w.any():
            parent = hard["p"][rows, hard["mother1"][:, slot]]
            first = (hard["mother1"] == slot).argmax(1)
            cosine = decay_cosine(parent, hard["p"][:, slot], hard["p"][rows, first], hard["p"][rows, (first + 1) % 13])
            keep &= ~is_w | (rng.random(len(rows)) < 1 - np.clip(cosine, -1, 1) ** 2)
    return keep


def pseudorapidity(p4):
    """Pseudorapidity of four-vectors (..., 4)."""
    return np.arcsinh(p4[..., 2] / np.maximum(np.hypot(p4[..., 0], p4[..., 1]), 1e-9))


HOPEFUL_LEPTON_PT, HOPEFUL_LEPTON_ETA = 12, 2.6  # GeV; 3 GeV below the selection and 0.1 beyond it
HOPEFUL_QUARK_PT, HOPEFUL_QUARK_ETA = 8, 2.1  # GeV; 7 GeV below the selection and 0.1 beyond the tagger


def hopeful(hard):
    """Events with a lepton and two heavy quarks anywhere near the selection. Returns (n,) bool.

    The selection asks for a lepton of pt 15 GeV and |eta| 2.5, which measurement changes little, and for two tagged
    jets of 15 GeV and |eta| 2. A jet is softer or harder than its quark, and points elsewhere: quarks get more room.
    """
    final = hard["status"] == 23
    pdg, pt, eta = abs(hard["id"]), np.hypot(hard["p"][..., 0], hard["p"][..., 1]), abs(pseudorapidity(hard["p"]))
    lepton = ((pdg == 11) | (pdg == 13)) & (pt > HOPEFUL_LEPTON_PT) & (eta < HOPEFUL_LEPTON_ETA)
    heavy = ((pdg == 4) | (pdg == 5)) & (pt > HOPEFUL_QUARK_PT) & (eta < HOPEFUL_QUARK_ETA)
    return (final & lepton).any(1) & ((final & heavy).sum(1) >= 2)


INCOMING, RESONANCE, OUTGOING = -1, 2, 1  # status of a particle
LIFETIME, SPIN_UNKNOWN, SCALE_UNSET = 0.0, 9.0, -1.0
UNWEIGHTED = 3  # events of weight 1, as they come
PROTON, BEAM_ENERGY = 2212, 4000.0  # GeV
ALPHA_EM, ALPHA_S = 0.0078, 0.118  # stated only: the shower has its own


def les_houches(hard, keep):
    """Chosen events in the numbers of the Les Houches interface (hep-ph/0109068).

    Returns a list of (scale, particles); a particle is a tuple in the order of Pythia's LHAup.addParticle.
    """
    status = np.where(hard["status"] == -21, INCOMING, np.where(hard["status"] == -22, RESONANCE, OUTGOING))
    mothers = [np.maximum(hard[k] + 1, 0) for k in ("mother1", "mother2")]
    columns = [hard["id"], status, *mothers, hard["col"], hard["acol"]]
    columns += [hard["p"][..., i] for i in range(4)] + [hard["m"]]
    chosen = [column[keep].tolist() for column in columns]
    events = []
    for i, scale in enumerate(hard["scale"][keep, 0].tolist()):
        particles = zip(*(column[i] for column in chosen), strict=True)
        events.append((scale, [(*particle, LIFETIME, SPIN_UNKNOWN, SCALE_UNSET) for particle in particles]))
    return events


def event_source(pythia8mc, events):
    """A Pythia LHAup that hands out `events` of les_houches one after the other."""

    class Source(pythia8mc.LHAup):
        def __init__(self):
            super().__init__()
            self.events = iter(events)

        def setInit(self):
            self.setBeamA(PROTON, BEAM_ENERGY, 0, 0)
            self.setBeamB(PROTON, BEAM_ENERGY, 0, 0)
            self.setStrategy(UNWEIGHTED)
            self.addProcess(1, 1.0, 0.0, 1.0)  # number; cross section, its error and the largest weight: for statistics
            return True

        def setEvent(self, _process=0):
            event = next(self.events, None)
            if event is None:
                return False
            scale, particles = event
            self.setProcess(1, 1.0, scale, ALPHA_EM, ALPHA_S)  # number and weight first
            for particle in particles:
                self.addParticle(*particle)
            return True

    return Source()


def shower(hard, keep, seed, batch=250):
    """Shower, hadronise and decay the chosen hard events.

    Returns
    -------
    stable : Particles, the stable ones
    quarks : Particles, every b and c quark of the event record (before, during and after the shower)
    count : int, number of events (Pythia drops the rare one that fails)
    """
    pythia8mc = import_pythia()
    source = event_source(pythia8mc, les_houches(hard, keep))
    pythia = start(pythia8mc, SHOWER, seed, source)
    stable, quarks, count = [], [], 0
    for first in range(0, len(keep), batch):
        records = pythia.nextBatch(min(batch, len(keep) - first)).prt
        event, pdg, status, p4 = flattened(records)
        for chosen, out in ((status > 0, stable), (np.isin(abs(pdg), (4, 5)), quarks)):
            out.append((count + event[chosen], pdg[chosen], p4[chosen]))
        count += len(records)
    stable, quarks = (Particles(*map(np.concatenate, zip(*out, strict=True))) for out in (stable, quarks))
    return stable, quarks, count
