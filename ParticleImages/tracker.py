"""From the collision to the calorimeter: bremsstrahlung, conversions, bending and scattering in the tracker.

The tracker of CMS puts 0.4 to 1.6 radiation lengths of silicon, cables and cooling in front of the crystals. There an
electron radiates photons, a photon turns into an electron pair, and the magnetic field pulls what is charged aside:
along phi (the columns of an image), never along eta (its rows). The particles that arrive, and where they do, are all
that tells an electron from a photon.

Formulas: "Passage of particles through matter", Review of Particle Physics (PDG). Slopes and offsets are small, and
are taken across the flight direction; written with pt instead of the energy, nothing but the material depends on eta.
"""

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Tracker:
    """Parameters of the tracker. Lengths in m, energies in GeV, material in radiation lengths (X0).

    Nothing here is fitted: it is the CMS detector (JINST 3 (2008) S08004), its field, the radii of its layers, and the
    map of its material as read off the published figure.
    """

    pt: float = 50.0  # of the electrons and photons
    max_eta: float = 1.2  # beyond, an image would reach over the end of the barrel
    field: float = 3.8  # T
    radius: float = 1.29  # front of the crystals
    crystal: float = 0.0225  # pitch of the crystals there, in eta and in phi
    material_eta: tuple = (0.0, 0.3, 0.6, 0.9, 1.1, 1.3, 1.5)
    material: tuple = (0.40, 0.43, 0.55, 0.85, 1.10, 1.40, 1.60)  # X0 up to the crystals, at these eta
    material_scale: float = 1.0
    layer_radius: tuple = (
        0.03, 0.045, 0.073, 0.102, 0.16, 0.22, 0.255, 0.339, 0.4185, 0.498,
        0.55, 0.608, 0.692, 0.78, 0.868, 0.965, 1.08, 1.13, 1.17,
    )  # fmt: skip
    layer_weight: tuple = (
        0.3, 1.1, 1.1, 1.1, 0.4, 0.7, 1.5, 1.5, 1.2, 1.2, 0.9, 1.6, 1.4, 1.1, 1.1, 1.1, 1.1, 0.8, 0.4,
    )  # fmt: skip
    pairs_per_length: float = 0.75  # conversions per X0: 7/9 at infinite energy, a few per cent less at tens of GeV
    min_fraction: float = 0.002  # softest photon that is radiated, as a fraction of its electron
    min_energy: float = 0.1  # softer particles are dropped
    generations: int = 3  # of pairs


@dataclass
class Particles:
    """Particles at the calorimeter, flat arrays in the order of their events.

    event (index), pt (GeV), eta and phi (in crystals, from where a straight line would lead), eta_slope and phi_slope
    (m per m of radius, against that line).
    """

    event: np.ndarray
    pt: np.ndarray
    eta: np.ndarray
    phi: np.ndarray
    eta_slope: np.ndarray
    phi_slope: np.ndarray

    def of_events(self, first, last):
        """The particles of the events from first up to last, their events numbered from 0."""
        rows = slice(*np.searchsorted(self.event, (first, last)))
        event, *others = (getattr(self, field.name)[rows] for field in fields(self))
        return Particles(event - first, *others)


@dataclass
class Flight:
    """Particles on their way out, flat arrays. The first n are the primary ones of the n events, new ones come last.

    Offsets in m across the flight direction, slopes per m of radius; charge 0 is a photon; generation counts the pairs
    among a particle's ancestors.
    """

    event: np.ndarray
    pt: np.ndarray
    charge: np.ndarray
    generation: np.ndarray
    eta: np.ndarray
    phi: np.ndarray
    eta_slope: np.ndarray
    phi_slope: np.ndarray

    def add(self, parent, pt, charge):
        """New particles that start where and as their parents (indices) fly."""
        for field in fields(self):
            old = getattr(self, field.name)
            new = {"pt": pt, "charge": charge}.get(field.name, old[parent])
            setattr(self, field.name, np.concatenate([old, new]))


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
    particles : Particles
    truth : dict of ndarray of shape (n,)
        converted (bool), conversion_radius (m, nan where there is none), radiated (fraction of the electron's energy).
    """
    n = len(eta)
    charge = np.where(electron, rng.choice((-1, 1), n), 0)
    flight = Flight(np.arange(n), np.full(n, card.pt), charge, np.zeros(n, int), *np.zeros((4, n)))
    material = card.material_scale * np.interp(abs(eta), card.material_eta, card.material)
    conversion_radius = np.full(n, np.nan, np.float32)
    radius = 0.0
    shares = np.array(card.layer_weight) / sum(card.layer_weight)
    for layer_radius, share in zip(card.layer_radius, shares, strict=True):
        fly(card, flight, layer_radius - radius)
        radius = layer_radius
        thickness = material * share
        radiate(card, flight, thickness, rng)
        converted = convert(card, flight, thickness, rng)
        conversion_radius[converted[converted < n]] = radius
        scatter(flight, thickness, rng)
    fly(card, flight, card.radius - radius)
    truth = {
        "converted": ~np.isnan(conversion_radius),
        "conversion_radius": conversion_radius,
        "radiated": np.where(electron, 1 - flight.pt[:n] / card.pt, 0).astype(np.float32),
    }
    order = np.argsort(flight.event, kind="stable")
    order = order[flight.pt[order] > card.min_energy]
    eta, phi = flight.eta[order] / card.crystal, flight.phi[order] / card.crystal
    slopes = flight.eta_slope[order], flight.phi_slope[order]
    return Particles(flight.event[order], flight.pt[order], eta, phi, *slopes), truth


def fly(card, flight, length):
    """A step outwards: a parabola of curvature 0.3 B / pt (m, T, GeV) along phi, a straight line along eta."""
    curvature = 0.3 * card.field * flight.charge / flight.pt
    flight.phi += flight.phi_slope * length + curvature * length**2 / 2
    flight.phi_slope += curvature * length
    flight.eta += flight.eta_slope * length


def radiate(card, flight, thickness, rng):
    """Bremsstrahlung: the electrons lose photons, one after the other, and these fly straight on."""
    electrons = np.flatnonzero(flight.charge)
    count = rng.poisson(photons_per_length(card.min_fraction) * thickness[flight.event[electrons]])
    while (count > 0).any():
        electrons, count = electrons[count > 0], count[count > 0] - 1
        photon = flight.pt[electrons] * radiated_fraction(card.min_fraction, len(electrons), rng)
        flight.pt[electrons] -= photon
        seen = photon > card.min_energy
        flight.add(electrons[seen], photon[seen], np.zeros(seen.sum(), int))


def photons_per_length(smallest):
    """Photons per X0 that carry more than a fraction `smallest`: the integral of (4/3 - 4/3 y + y^2) / y to y = 1."""
    return -4 / 3 * np.log(smallest) - 4 / 3 * (1 - smallest) + (1 - smallest**2) / 2


def radiated_fraction(smallest, n, rng):
    """Energies of n photons over that of the electron, from dN/dy = (4/3 - 4/3 y + y^2) / y above y = smallest."""
    y = smallest ** rng.random(n)  # from 1/y
    redo = np.flatnonzero(rng.random(n) > 1 - y + 3 / 4 * y**2)
    if len(redo):
        y[redo] = radiated_fraction(smallest, len(redo), rng)
    return y


def convert(card, flight, thickness, rng):
    """Photons become electron pairs; returns their indices, which one of each pair takes over."""
    photons = np.flatnonzero((flight.charge == 0) & (flight.generation < card.generations))
    probability = -np.expm1(-card.pairs_per_length * thickness[flight.event[photons]])
    pairs = photons[rng.random(len(photons)) < probability]
    share, sign, pt = pair_share(len(pairs), rng), rng.choice((-1, 1), len(pairs)), flight.pt[pairs]
    flight.pt[pairs] = pt * share
    flight.charge[pairs] = sign
    flight.generation[pairs] += 1
    flight.add(pairs, pt * (1 - share), -sign)
    return pairs


def pair_share(n, rng):
    """Share of the photon's energy that one of the pair gets, from 1 - 4/3 x (1 - x)."""
    x = rng.random(n)
    redo = np.flatnonzero(rng.random(n) > 1 - 4 / 3 * x * (1 - x))
    if len(redo):
        x[redo] = pair_share(len(redo), rng)
    return x


def scatter(flight, thickness, rng):
    """Multiple scattering: 13.6 MeV / p sqrt(thickness) in each direction (without the logarithmic term)."""
    charged = np.flatnonzero(flight.charge)
    width = 0.0136 / flight.pt[charged] * np.sqrt(thickness[flight.event[charged]])
    flight.eta_slope[charged] += width * rng.standard_normal(len(charged))
    flight.phi_slope[charged] += width * rng.standard_normal(len(charged))
