"""From the collision to the calorimeter: bremsstrahlung, conversions, bending and scattering in the tracker.

The tracker of CMS stands in front of its crystals with 0.4 to 1.6 radiation lengths of silicon, cables and cooling.
There an electron radiates photons, a photon turns into an electron pair, and the magnetic field pulls the charged ones
aside: along phi (the columns of an image), never along eta (its rows). What arrives at the crystals is a list of
particles, and that list is nearly all that tells an electron from a photon.

Formulas: "Passage of particles through matter", Review of Particle Physics (PDG). Everything is transverse: energies
are given as pt, and lengths across the flight direction, so that eta drops out but for the material.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tracker:
    """Parameters of the tracker. Lengths in m, energies in GeV, material in radiation lengths (X0).

    Set by hand, against the published means of the images and 50 real images: `material_scale` and `outer_material`.
    """

    pt: float = 50.0
    max_eta: float = 1.2
    field: float = 3.8  # T
    radius: float = 1.29  # front of the crystals
    crystal: float = 0.0225  # pitch of the crystals there, in eta and in phi
    material_eta: tuple = (0.0, 0.3, 0.6, 0.9, 1.1, 1.3, 1.5)
    material: tuple = (0.40, 0.43, 0.55, 0.85, 1.10, 1.40, 1.60)  # X0 up to the crystals, at these eta
    material_scale: float = 1.15
    layer_radius: tuple = (
        0.03, 0.045, 0.073, 0.102, 0.16, 0.22, 0.255, 0.339, 0.4185, 0.498,
        0.55, 0.608, 0.692, 0.78, 0.868, 0.965, 1.08, 1.13, 1.17,
    )  # fmt: skip
    layer_weight: tuple = (
        0.3, 1.1, 1.1, 1.1, 0.4, 0.7, 1.5, 1.5, 1.2, 1.2, 0.9, 1.6, 1.4, 1.1, 1.1, 1.1, 1.1, 0.8, 0.4,
    )  # fmt: skip
    outer_material: float = 0.45  # 1/m: the weights grow as exp(outer_material r)
    min_fraction: float = 0.002  # softest photon that is followed, as a fraction of its electron
    min_energy: float = 0.1  # softer particles are dropped
    generations: int = 3  # of pairs


@dataclass
class Particles:
    """Particles at the calorimeter, flat arrays in the order of their events.

    event (index), pt (GeV), eta and phi (in crystals, from where a straight line would lead), charge (0 for photons).
    """

    event: np.ndarray
    pt: np.ndarray
    eta: np.ndarray
    phi: np.ndarray
    charge: np.ndarray

    def of_events(self, first, last):
        """The particles of the events from first up to last, their events numbered from 0."""
        rows = slice(*np.searchsorted(self.event, (first, last)))
        return Particles(self.event[rows] - first, self.pt[rows], self.eta[rows], self.phi[rows], self.charge[rows])


def layers(card):
    """Share of the material in each layer."""
    weight = np.array(card.layer_weight) * np.exp(card.outer_material * np.array(card.layer_radius))
    return weight / weight.sum()


def radiated_fraction(card, n, rng):
    """Energies of n bremsstrahlung photons over that of the electron, from dN/dy = (4/3 - 4/3 y + y^2) / y (PDG)."""
    y = np.exp(np.log(card.min_fraction) * rng.random(n))  # 1/y; the rest is a factor below 4/3
    while (redo := np.flatnonzero(rng.random(n) * 4 / 3 > 4 / 3 - 4 / 3 * y + y**2)).size:
        y[redo] = radiated_fraction(card, len(redo), rng)
        break
    return y


def photons_per_length(card):
    """Bremsstrahlung photons per radiation length: the integral of (4/3 - 4/3 y + y^2) / y from min_fraction to 1."""
    y = card.min_fraction
    return -4 / 3 * np.log(y) - 4 / 3 * (1 - y) + (1 - y**2) / 2


def pair_fraction(n, rng):
    """Share of the photon's energy that the electron gets, from 1 - 4/3 x (1 - x) (PDG)."""
    x = rng.random(n)
    redo = np.flatnonzero(rng.random(n) > 1 - 4 / 3 * x * (1 - x))
    if redo.size:
        x[redo] = pair_fraction(len(redo), rng)
    return x


class _Bundle:
    """All particles of all events on their way out; columns of one array, new particles at the end."""

    NAMES = ("event", "pt", "charge", "phi", "phi_slope", "eta", "eta_slope", "generation")

    def __init__(self, **columns):
        self.columns = columns

    def __getattr__(self, name):
        return self.columns[name]

    def append(self, parent, **changes):
        """Copies of the particles `parent` (indices) with these columns changed."""
        for name, values in self.columns.items():
            new = changes[name] if name in changes else values[parent]
            self.columns[name] = np.concatenate([values, new])


def cross(card, eta, electron, rng):
    """Follow one electron or photon an event from the beam to the crystals.

    Parameters
    ----------
    card : Tracker
    eta : ndarray of shape (n,)
    electron : bool ndarray of shape (n,)
        Else photon.

    Returns
    -------
    Particles
    truth : dict of ndarray of shape (n,)
        converted (bool), conversion_radius (m, nan where there is none), radiated (fraction of the electron's energy).
    """
    n = len(eta)
    zeros = np.zeros(n)
    charge = np.where(electron, rng.choice((-1, 1), n), 0)
    p = _Bundle(event=np.arange(n), pt=np.full(n, card.pt), charge=charge, phi=zeros.copy(), phi_slope=zeros.copy(),
                eta=zeros.copy(), eta_slope=zeros.copy(), generation=np.zeros(n, np.int8))  # fmt: skip
    material = card.material_scale * np.interp(abs(eta), card.material_eta, card.material)
    conversion_radius = np.full(n, np.nan, np.float32)
    radius = 0.0
    for layer_radius, share in zip(card.layer_radius, layers(card), strict=True):
        _fly(card, p, layer_radius - radius)
        radius = layer_radius
        _radiate(card, p, material * share, rng)
        first = _convert(card, p, material * share, rng)
        conversion_radius[first] = radius
        _scatter(card, p, material * share, rng)
    _fly(card, p, card.radius - radius)
    truth = {
        "converted": ~np.isnan(conversion_radius),
        "conversion_radius": conversion_radius,
        "radiated": np.where(electron, 1 - p.pt[:n] / card.pt, 0).astype(np.float32),
    }
    order = np.argsort(p.event, kind="stable")
    order = order[p.pt[order] > card.min_energy]
    eta, phi = p.eta[order] / card.crystal, p.phi[order] / card.crystal
    return Particles(p.event[order], p.pt[order], eta, phi, p.charge[order]), truth


def _fly(card, p, length):
    """Parabola in the field: a curvature of 0.3 B / pt (m, T, GeV), along phi only."""
    curvature = 0.3 * card.field * p.charge / p.pt
    p.columns["phi"] = p.phi + p.phi_slope * length + curvature * length**2 / 2
    p.columns["phi_slope"] = p.phi_slope + curvature * length
    p.columns["eta"] = p.eta + p.eta_slope * length


def _radiate(card, p, thickness, rng):
    """Electrons lose photons, which go straight on."""
    charged = np.flatnonzero(p.charge)
    count = rng.poisson(photons_per_length(card) * thickness[p.event[charged]])
    while (count > 0).any():
        charged, count = charged[count > 0], count[count > 0] - 1
        photon = p.pt[charged] * radiated_fraction(card, len(charged), rng)
        p.pt[charged] -= photon
        hard = photon > card.min_energy
        parent = charged[hard]
        p.append(parent, pt=photon[hard], charge=np.zeros(len(parent), int))


def _convert(card, p, thickness, rng):
    """Photons become pairs; returns the events whose primary photon did."""
    photons = np.flatnonzero((p.charge == 0) & (p.generation < card.generations))
    mean = 7 / 9 * thickness[p.event[photons]]
    pairs = photons[rng.random(len(photons)) < -np.expm1(-mean)]
    share = pair_fraction(len(pairs), rng)
    sign = rng.choice((-1, 1), len(pairs))
    energy = p.pt[pairs]
    p.pt[pairs] = energy * share
    p.charge[pairs] = sign
    p.generation[pairs] += 1
    p.append(pairs, pt=energy * (1 - share), charge=-sign)
    return pairs[pairs < len(thickness)]


def _scatter(card, p, thickness, rng):
    """Multiple scattering: 13.6 MeV / p times sqrt(thickness) in each direction (PDG, without the logarithm)."""
    charged = np.flatnonzero(p.charge)
    width = 0.0136 / p.pt[charged] * np.sqrt(thickness[p.event[charged]])
    p.phi_slope[charged] += width * rng.standard_normal(len(charged))
    p.eta_slope[charged] += width * rng.standard_normal(len(charged))
