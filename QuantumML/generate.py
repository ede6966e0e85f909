"""Quark and gluon jets, and pile-up, with Pythia 8 and FastJet.

Dijet events of proton collisions at 8 TeV whose two hard partons are both quarks, or both gluons, as in the parent of
the official set (Andrews et al., arXiv:1902.08276). The underlying event is left out: it makes the events four times
slower, and the pile-up that is laid over the jets looks the same in them.

Sources: Pythia 8.3, arXiv:2203.11601; FastJet, arXiv:1111.6097.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from common.collisions import flattened, pairs, start, wrap

MISSING_PYTHIA = (
    "Simulating jets needs Pythia 8 and FastJet: pip install 'awkward>=2.6' fastjet vector 'pythia8mc>=8.312,<8.318' "
    "(on Windows, for which there is no Pythia, in WSL); the shipped sample works without them."
)

BEAMS = ["Print:quiet=on", "Random:setSeed=on", "Beams:eCM=8000.", "Check:event=off"]
QUARKS = ["HardQCD:qqbar2qqbarNew=on", "HardQCD:qq2qq=on", "HardQCD:gg2qqbar=on"]
GLUONS = ["HardQCD:gg2gg=on", "HardQCD:qqbar2gg=on"]
# Colour reconnection belongs to the underlying event.
DIJETS = [
    "PhaseSpace:pTHatMin=80.", "PhaseSpace:pTHatMax=320.", "PartonLevel:MPI=off", "ColourReconnection:reconnect=off",
]  # fmt: skip
MINIMUM_BIAS = ["SoftQCD:nonDiffractive=on"]

RADIUS = 0.5  # of the anti-kt jets
JET_PT = (70.0, 300.0)  # GeV
JET_ETA = 1.8
MATCH = 0.4  # distance to the hard parton
NEUTRINOS = (12, 14, 16)
MAX_ETA = 2.8  # what is farther out never enters an image
POOL_SIZE = 500
POOL_SEED = 20120601
MAX_BATCH = 1000  # events; more would need a gigabyte


@dataclass
class Particles:
    """Particles of many groups (jets or events), flat and sorted by group.

    group (N,) index of the group; pdg (N,); pt (N,) in GeV; eta (N,); phi (N,) in rad. Of a jet, eta and phi
    are relative to its axis, and charged particles bend as the sign of their charge says.
    """

    group: np.ndarray
    pdg: np.ndarray
    pt: np.ndarray
    eta: np.ndarray
    phi: np.ndarray

    def __getitem__(self, rows):
        return Particles(*(values[rows] for values in vars(self).values()))


def import_pythia():
    """pythia8mc, imported here because it and FastJet are GPL and have no wheels everywhere."""
    try:
        import awkward  # noqa: F401  (Pythia returns its batches as Awkward arrays)
        import fastjet  # noqa: F401
        import pythia8mc
        import vector  # noqa: F401  (FastJet reads Awkward arrays of four-vectors with it)
    except ImportError as error:
        raise ImportError(MISSING_PYTHIA) from error
    return pythia8mc


def particles_of(records, chosen):
    """The chosen particles of a batch of Pythia events, and their four-momenta (N, 4) px, py, pz, E in GeV.

    Parameters
    ----------
    records : Awkward array, the `prt` of Pythia.nextBatch()
    chosen : callable (pdg, status, eta) -> (N,) bool
    """
    event, pdg, status, p4 = flattened(records)
    pt = np.hypot(p4[:, 0], p4[:, 1])
    eta = np.arcsinh(p4[:, 2] / np.maximum(pt, 1e-9))
    keep = chosen(pdg, status, eta)
    phi = np.arctan2(p4[keep, 1], p4[keep, 0])
    return Particles(event[keep], pdg[keep], pt[keep], eta[keep], phi), p4[keep]


def visible(pdg, status, eta):
    """Stable particles that a calorimeter may see."""
    return (status > 0) & (abs(eta) < MAX_ETA) & ~np.isin(abs(pdg), NEUTRINOS)


def cluster(event, p4, n_events):
    """Anti-kt jets with pt above the lower edge of JET_PT.

    Parameters
    ----------
    event : (N,) int, sorted
    p4 : (N, 4) px, py, pz, E in GeV

    Returns
    -------
    event : (n_jets,) int, of each jet
    jets : (n_jets, 4) px, py, pz, E in GeV
    """
    import awkward as ak
    import fastjet

    columns = {name: p4[:, i] for i, name in enumerate(("px", "py", "pz", "E"))}
    events = ak.unflatten(ak.Array(columns), np.bincount(event, minlength=n_events))
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)
    jets = fastjet.ClusterSequence(events, definition).inclusive_jets(min_pt=JET_PT[0])
    found = np.repeat(np.arange(n_events), ak.to_numpy(ak.num(jets.px)))
    return found, np.stack([ak.to_numpy(ak.flatten(jets[name])) for name in columns], axis=-1)


def jets_of(records, reach):
    """The selected jets of a batch of dijet events.

    A jet has its pt in JET_PT, |eta| below JET_ETA and a hard parton within MATCH.

    Parameters
    ----------
    records : Awkward array, the `prt` of Pythia.nextBatch()
    reach : float
        Particles of the event up to so far from the axis, in eta and in phi, are given, of the jet or not.

    Returns
    -------
    Particles, and axes (n_jets, 3): pt in GeV, eta, phi
    """
    stable, p4 = particles_of(records, visible)
    hard, _ = particles_of(records, lambda pdg, status, eta: status == -23)
    event, jets = cluster(stable.group, p4, len(records))
    pt = np.hypot(jets[:, 0], jets[:, 1])
    axes = np.stack([pt, np.arcsinh(jets[:, 2] / pt), np.arctan2(jets[:, 1], jets[:, 0])], axis=-1)

    jet, parton = pairs(event, hard.group)
    distance = np.hypot(axes[jet, 1] - hard.eta[parton], wrap(axes[jet, 2] - hard.phi[parton]))
    matched = np.bincount(jet, distance < MATCH, len(axes)) > 0
    keep = matched & (pt < JET_PT[1]) & (abs(axes[:, 1]) < JET_ETA)
    axes = axes[keep]

    jet, particle = pairs(event[keep], stable.group)
    eta = stable.eta[particle] - axes[jet, 1]
    phi = wrap(stable.phi[particle] - axes[jet, 2])
    near = (abs(eta) < reach) & (abs(phi) < reach)
    chosen = particle[near]
    return Particles(jet[near], stable.pdg[chosen], stable.pt[chosen], eta[near], phi[near]), axes


def jets(gluon, n, seed, reach):
    """n jets of one kind.

    Parameters
    ----------
    gluon : bool
    n : int
    seed : int
        Of Pythia, 1 to 900,000,000.
    reach : float
        As for jets_of().

    Returns
    -------
    Particles, and axes (n, 3): pt in GeV, eta, phi
    """
    pythia = start(import_pythia(), BEAMS + DIJETS + (GLUONS if gluon else QUARKS), seed)
    parts, axes, have = [], [], 0
    while have < n:
        batch = min(MAX_BATCH, int(0.75 * (n - have)) + 20)
        particles, found = jets_of(pythia.nextBatch(batch).prt, reach)
        particles.group = particles.group + have
        parts.append(particles)
        axes.append(found)
        have += len(found)
    joined = Particles(*(np.concatenate(values) for values in zip(*(vars(p).values() for p in parts), strict=True)))
    return joined[joined.group < n], np.concatenate(axes)[:n]


@lru_cache(maxsize=1)
def pile_up_pool():
    """Minimum-bias collisions that are laid over the jets, always the same: Particles, one group an event.

    Each is used many times, but every time turned by another angle and seen through another window.
    """
    pythia = start(import_pythia(), BEAMS + MINIMUM_BIAS, POOL_SEED)
    return particles_of(pythia.nextBatch(POOL_SIZE).prt, visible)[0]


def pile_up(axes, n_events, reach, rng):
    """Pile-up around jets: each collision of the pool turned about the beam and, half of the time, mirrored.

    Parameters
    ----------
    axes : (n_jets, 3) pt, eta, phi of the jets
    n_events : (n_jets,) int
        Collisions laid over each.
    reach : float
        Half-width of the window around the axis.
    rng : numpy Generator

    Returns
    -------
    Particles relative to the axes
    """
    pool = pile_up_pool()
    jet = np.repeat(np.arange(len(axes)), n_events)
    collision = rng.integers(POOL_SIZE, size=len(jet))
    angle, mirrored = rng.uniform(-np.pi, np.pi, len(jet)), rng.choice((-1.0, 1.0), len(jet))
    which, particle = pairs(collision, pool.group)
    eta = mirrored[which] * pool.eta[particle] - axes[jet[which], 1]
    phi = wrap(pool.phi[particle] + angle[which])
    near = (abs(eta) < reach) & (abs(phi) < reach)
    chosen = particle[near]
    return Particles(jet[which[near]], pool.pdg[chosen], pool.pt[chosen], eta[near], phi[near])
