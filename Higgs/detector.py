"""A fast detector in the manner of PGS 4, the "Pretty Good Simulation" of the LHC Olympics (J. Conway et al., 2006).

The official columns carry its fingerprints: objects rounded to the 0.01 GeV and 0.001 of its text output, b tags of
three levels (none, loose, tight) whose efficiency follows CDF's vertex tagger, and jets listed in the order of their
highest calorimeter tower. So particles are turned into towers, towers into cone jets, and jets are tagged with the
published efficiencies. Nothing here is fitted to the data set but the numbers of `Card` that say so. (Delphes,
arXiv:1307.6346, is the younger relative of PGS.)

Everything works on many events at once: flat arrays of particles, padded arrays (events, jets) of jets.
"""

from dataclasses import dataclass

import numpy as np

from common.collisions import pairs, wrap

CHARGED = (11, 13, 211, 321, 2212, 3112, 3222, 3312, 3334)
NEUTRINOS = (12, 14, 16)
QUARK_COSINE = 0.9397  # of 20 degrees, as rounded in VERSION 1 of the data: more digits would change them


@dataclass(frozen=True)
class Card:
    """Detector parameters. Energies in GeV, angles in rad, lengths in m."""

    eta_cells: int = 80
    phi_cells: int = 63
    eta_width: float = 0.1
    em_constant: float = 0.01  # sigma_E / E
    em_stochastic: float = 0.20  # sigma_E / sqrt(E)
    hadronic: float = 0.80  # sigma_E / sqrt(E)
    crack: float = 0.01  # fraction of a cell, at each edge, that is dead to electrons, photons and muons
    seed: float = 4.0  # fitted: transverse energy of a tower that can start a jet
    shoulder: float = 0.7  # fitted: transverse energy of a tower that can join one
    met_noise: float = 0.75  # fitted: error of its components over sqrt(sum of tower ET)
    b_response: float = 0.992  # fitted: energy of b jets, which lose more than others
    cone: float = 0.7  # chosen: radius in (eta, phi)
    max_jets: int = 20
    charged_pt: float = 0.3  # softer charged particles curl up before the calorimeter
    track_pt: float = 1.0
    track_eta: float = 2.5
    track_efficiency: float = 0.98
    tracker_radius: float = 2.0
    field: float = 2.0  # T
    sagitta_error: float = 13e-6
    lepton_pt: float = 3.0  # softer electrons and muons are not looked for
    electron_eta: float = 2.5
    electron_hadronic: float = 0.125  # most hadronic energy of an electron's tower, over the electromagnetic
    electron_match: float = 0.5  # most that tower and track differ, over the pt of the track
    electron_isolation: float = 0.1  # transverse energy of the 8 towers around an electron, over its pt
    muon_eta: float = 2.4
    muon_isolation: float = 0.1125  # that of the 3 x 3 towers around a muon, over its pt
    track_isolation: float = 5.0  # sum of the pt of the other tracks around a lepton
    track_cone: float = 0.4  # so near they count, in (eta, phi)

    @property
    def phi_width(self):
        return 2 * np.pi / self.phi_cells


@dataclass
class Towers:
    """Calorimeter towers: event, cell (sorted; event, eta and phi index in one number), eta, phi, em and had in GeV."""

    event: np.ndarray
    cell: np.ndarray
    eta: np.ndarray
    phi: np.ndarray
    em: np.ndarray
    had: np.ndarray

    @property
    def et(self):
        return (self.em + self.had) / np.cosh(self.eta)


def angles(p4):
    """pt, eta, phi of four-vectors (..., 4)."""
    pt = np.hypot(p4[..., 0], p4[..., 1])
    return pt, np.arcsinh(p4[..., 2] / np.maximum(pt, 1e-9)), np.arctan2(p4[..., 1], p4[..., 0])


def cell_index(card, event, eta, phi):
    """Cells that directions (rad) point at; event, eta and phi (n,).

    Returns the number of each cell, as in `Towers.cell`, (n,) int, and whether eta is inside the calorimeter, (n,)
    bool.
    """
    i_eta = np.floor(eta / card.eta_width).astype(np.int64) + card.eta_cells // 2
    i_phi = np.floor(phi % (2 * np.pi) / card.phi_width).astype(np.int64) % card.phi_cells
    return (event * card.eta_cells + i_eta) * card.phi_cells + i_phi, (i_eta >= 0) & (i_eta < card.eta_cells)


def deposits(card, pdg, energy, rng):
    """Energy that each particle leaves in the electromagnetic and in the hadronic calorimeter, smeared.

    Electrons, photons and neutral pions: 99 % electromagnetic. Muons: 0.5 and 2 GeV. Other hadrons: a quarter
    electromagnetic, or, half of the time, as little as a muon.

    Returns em (n,) and had (n,) in GeV, and light (n,) bool, True for all but the other hadrons.
    """
    normal = rng.standard_normal((4, len(pdg)))
    electromagnetic, muon = np.isin(pdg, (11, 22, 111)), pdg == 13
    light = electromagnetic | muon
    like_muon = (0.5 + 0.1 * normal[1]) / np.maximum(energy, 1e-3)
    em_part = np.where(rng.random(len(pdg)) < 0.5, like_muon, 0.25 + 0.05 * normal[0])
    em = np.where(electromagnetic, 0.99, np.clip(em_part, 0, 1)) * energy
    had = energy - em
    em_error = np.where(
        electromagnetic,
        np.hypot(card.em_constant * em, card.em_stochastic * np.sqrt(em)),
        card.hadronic * np.sqrt(em),
    )
    em_out = np.maximum(em + em_error * normal[2], 0)
    had_out = np.maximum(had + card.hadronic * np.sqrt(had) * normal[3], 0)
    muon_em = np.clip(0.5 + 0.1 * normal[2], 0, energy)
    muon_had = np.clip(2.0 + 0.4 * normal[3], 0, energy - muon_em)
    return np.where(muon, muon_em, em_out), np.where(muon, muon_had, had_out), light


def calorimeter(card, particles, rng):
    """`Towers` that the stable particles (`generate.Particles`) leave.

    Neutrinos leave nothing, nor do charged particles that curl up before; electrons, photons and muons are lost in the
    cracks between cells.
    """
    pdg, energy = abs(particles.pdg), particles.p4[:, 3]
    pt, eta, phi = angles(particles.p4)
    cell, inside = cell_index(card, particles.event, eta, phi)
    seen = inside & ~np.isin(pdg, NEUTRINOS) & ((pt > card.charged_pt) | ~np.isin(pdg, CHARGED))
    cell, pdg, energy, eta, phi = (a[seen] for a in (cell, pdg, energy, eta, phi))
    em, had, light = deposits(card, pdg, energy, rng)
    edges = [abs(a / w - np.rint(a / w)) < card.crack for a, w in ((eta, card.eta_width), (phi, card.phi_width))]
    hit = (em + had > 0) & ~(light & (edges[0] | edges[1]))
    cell, inverse = np.unique(cell[hit], return_inverse=True)
    rest, i_phi = np.divmod(cell, card.phi_cells)
    event, i_eta = np.divmod(rest, card.eta_cells)
    return Towers(
        event, cell,
        (i_eta - card.eta_cells // 2 + 0.5) * card.eta_width,
        wrap((i_phi + 0.5) * card.phi_width),
        np.bincount(inverse, em[hit]),
        np.bincount(inverse, had[hit]),
    )  # fmt: skip


def padded(event, values, n_events):
    """Flat values, sorted by event, as (n_events, most in one event), zeros behind."""
    counts = np.bincount(event, minlength=n_events)
    slot = np.arange(len(event)) - np.repeat(np.cumsum(counts) - counts, counts)
    out = np.zeros((n_events, counts.max(initial=1)))
    out[event, slot] = values
    return out


def cone_jets(card, towers, n_events):
    """Fixed-cone jets: the highest free tower takes all free towers around it, until no seed is left.

    Returns (n_events, max_jets, 4) px, py, pz, E in GeV in the order of the seed towers, zeros behind.
    """
    used = towers.et > card.shoulder
    event = towers.event[used]
    et, eta, phi = (padded(event, a[used], n_events) for a in (towers.et, towers.eta, towers.phi))
    p4 = np.stack([et * np.cos(phi), et * np.sin(phi), et * np.sinh(eta), et * np.cosh(eta)], axis=-1)
    jets, rows = np.zeros((n_events, card.max_jets, 4)), np.arange(n_events)
    free = et.copy()
    for j in range(card.max_jets):
        seed = free.argmax(1)
        found = free[rows, seed] > card.seed
        if not found.any():
            break
        distance2 = (eta - eta[rows, seed][:, None]) ** 2 + wrap(phi - phi[rows, seed][:, None]) ** 2
        taken = (free > 0) & (distance2 <= card.cone**2) & found[:, None]
        jets[:, j] = np.einsum("nt,ntc->nc", taken, p4)
        free[taken] = 0
    return jets


def missing_momentum(card, towers, found, n_events, rng):
    """Minus the vector sum of all towers and of the muons of leptons(), with noise, (n_events, 2), GeV."""
    muon = ~found["electron"]
    noise = card.met_noise * np.sqrt(np.bincount(towers.event, towers.et, n_events))
    return noise[:, None] * rng.standard_normal((n_events, 2)) - np.stack([
        np.bincount(towers.event, towers.et * f(towers.phi), n_events)
        + np.bincount(found["event"][muon], (found["pt"] * f(found["phi"]))[muon], n_events)
        for f in (np.cos, np.sin)
    ], axis=-1)  # fmt: skip


def track_pt(card, pt, rng):
    """Transverse momentum (n,) measured from the sagitta of the track, whose true one is pt (n,); GeV."""
    sagitta = 0.3 * card.field * card.tracker_radius**2 / 8 / pt
    return pt * sagitta / abs(sagitta + card.sagitta_error * rng.standard_normal(len(pt)))


def pt_around(card, particles, chosen):
    """Sum of the pt of the tracks around the chosen particles (indices, (m,)), themselves left out, (m,) in GeV."""
    pt, eta, phi = angles(particles.p4)
    tracks = np.flatnonzero(np.isin(abs(particles.pdg), CHARGED) & (pt > card.track_pt) & (abs(eta) < card.track_eta))
    lepton, track = pairs(particles.event[chosen], particles.event[tracks])
    me, track = chosen[lepton], tracks[track]
    near = np.hypot(eta[track] - eta[me], wrap(phi[track] - phi[me])) < card.track_cone
    return np.bincount(lepton, pt[track] * (near & (track != me)), len(chosen))


def towers_at(card, towers, cell):
    """Electromagnetic and hadronic energy of the given cells (n,), as in `Towers.cell`: (n,) each, GeV.

    Both are 0 where there is no tower.
    """
    position = np.searchsorted(towers.cell, cell).clip(0, len(towers.cell) - 1)
    hit = towers.cell[position] == cell
    return towers.em[position] * hit, towers.had[position] * hit


def leptons(card, particles, towers, rng):
    """Reconstructed electrons and muons.

    An electron is measured by its tower; it must be electromagnetic and match its track, or it is only a jet. A muon
    is measured by its track.

    Returns
    -------
    dict of flat arrays: event, pt (GeV), eta, phi, electron (bool), isolated (bool: little energy in the tracks
    and towers around it; for a muon its own tower counts too)
    """
    pdg = abs(particles.pdg)
    pt, eta, phi = angles(particles.p4)
    fiducial = (pdg == 11) & (abs(eta) < card.electron_eta) | (pdg == 13) & (abs(eta) < card.muon_eta)
    chosen = np.flatnonzero(fiducial & (pt > card.lepton_pt))
    chosen = chosen[rng.random(len(chosen)) < card.track_efficiency]
    event, eta, phi, electron = particles.event[chosen], eta[chosen], phi[chosen], pdg[chosen] == 11
    cell, _ = cell_index(card, event, eta, phi)
    em, had = towers_at(card, towers, cell)
    around = np.where(electron, 0, em + had)
    for shift_eta in (-1, 0, 1):
        for shift_phi in (-1, 0, 1):
            if shift_eta or shift_phi:
                side, _ = cell_index(card, event, eta + shift_eta * card.eta_width, phi + shift_phi * card.phi_width)
                around = around + sum(towers_at(card, towers, side))
    by_track = track_pt(card, pt[chosen], rng)
    by_tower = em / np.cosh(eta)
    measured = np.where(electron, by_tower, by_track)
    most_around = np.where(electron, card.electron_isolation, card.muon_isolation) * measured
    isolated = (pt_around(card, particles, chosen) < card.track_isolation) & (around / np.cosh(eta) < most_around)
    matched = abs(by_tower / by_track - 1) < card.electron_match
    real = ~electron | (had < card.electron_hadronic * em) & matched & isolated
    found = dict(event=event, pt=measured, eta=eta, phi=phi, electron=electron, isolated=isolated)
    return {name: values[real] for name, values in found.items()}


def polynomial(coefficients, x):
    """sum_i c_i x^i"""
    return np.polynomial.polynomial.polyval(x, coefficients)


# CDF Run II vertex tagger as in PGS 4: transverse energy (GeV) and |eta| polynomials, then light-jet ones; charm factor
TAGGER = {
    "loose": (
        [0.178, 0.0161, -0.000296, 2.71e-6, -1.27e-8, 2.36e-11], [1.02, -0.173, 0.161, 0.692, -1.07, 0.312],
        [0.0145, -0.00112, 4.45e-5, -5.60e-7, 3.13e-9, -6.92e-12], [0.876, 0.266, 0.504, -0.535], 0.26,
    ),
    "tight": (
        [0.108, 0.0175, -0.000347, 3.32e-6, -1.58e-8, 2.93e-11], [1.05, -0.517, 1.457, -1.20, 0.0466, 0.0895],
        [0.00355, -0.000263, 1.18e-5, -1.41e-7, 7.53e-10, -1.55e-12], [0.821, 0.452, 0.437, -0.555], 0.22,
    ),
}  # fmt: skip


def tag_efficiency(level, et, eta, has_b, has_c):
    """Probability of a "loose" or "tight" tag of jets with transverse energy et (GeV), valid to 160 GeV and |eta| 2."""
    b_et, b_eta, light_et, light_eta, charm = TAGGER[level]
    et, eta = np.minimum(et, 160), abs(eta)
    heavy = polynomial(b_et, et) * polynomial(b_eta, eta)
    light = polynomial(light_et, et) * polynomial(light_eta, eta)
    return np.where(eta < 2, np.maximum(np.where(has_b, heavy, np.where(has_c, charm * heavy, light)), 0), 0)


def within(jets, event, axis, cosine):
    """Which jets (n_events, jets) are near any of the given axes (m, 4), each of its event (m,); bool.

    Near: the cosine of the angle in space is above `cosine`. Empty jets, all zeros, are near none.
    """
    mine = jets[event]
    length = np.sqrt((mine[..., :3] ** 2).sum(-1) * (axis[:, None, :3] ** 2).sum(-1))
    near = (mine[..., :3] * axis[:, None, :3]).sum(-1) > cosine * length
    count = np.zeros(jets.shape[:2])
    np.add.at(count, event, near)
    return count > 0


def contains(jets, quarks, flavour):
    """Whether a quark of this flavour (5 for b, 4 for c) points along the jet, (n_events, jets) bool."""
    chosen = abs(quarks.pdg) == flavour
    return within(jets, quarks.event[chosen], quarks.p4[chosen], QUARK_COSINE)
