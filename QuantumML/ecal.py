"""What the electromagnetic calorimeter (ECAL) of CMS makes of the particles of a jet, parametrised.

Flat arrays of particles become images of crystals. The detector: crystals of 0.0174 x 0.0174 in (eta, phi) at 1.29 m
from the beam in a field of 3.8 T (CMS Collaboration, JINST 3 (2008) S08004). What particles leave there is
parametrised and not simulated in detail: see `Card`.
"""

from dataclasses import dataclass

import numpy as np

ELECTROMAGNETIC = (11, 22)
CHARGED = (11, 13, 211, 321, 2212, 3112, 3222, 3312, 3334)
CRYSTAL = 0.0174  # rad


@dataclass(frozen=True)
class Card:
    """Detector parameters. Energies in GeV, lengths in m, angles in rad.

    The parameters of hadrons are rough means of test-beam results on crystals, and those of spots describe a narrow
    core that holds most of a shower; neither is tuned to the official images. `pile_up` is: see `QuantumML.simulate`.
    """

    field: float = 3.8  # T
    radius: float = 1.29
    size: int = 100  # crystals along each side of an image
    stochastic: float = 0.03  # sigma_E / sqrt(E) of photons and electrons
    conversion: float = 0.45  # share of photons that turn into e+ e- in the tracker
    mip_share: float = 0.35  # share of hadrons that only ionise
    mip_energy: float = 0.3
    beta: tuple[float, float] = (1.2, 1.6)  # of the distribution of the energy share that other hadrons leave
    spots: int = 16  # a shower is so many equal deposits
    core: float = 0.21  # radius that holds half of the core, in crystals
    tail: float = 0.95  # the same of the tail
    tail_share: float = 0.12
    threshold: float = 0.15  # a crystal below is not read out
    jitter: float = 2.5  # the image is centred on a tower of 5 x 5 crystals, not on the axis of the jet
    pile_up: float = 6.0  # fitted: mean number of collisions laid over a jet

    @property
    def bending(self):
        """A particle of this pt (GeV) and charge 1 turns by 90 degrees before the calorimeter: 0.3 B r / 2."""
        return 0.3 * self.field * self.radius / 2

    @property
    def reach(self):
        """Half-width of the region (rad) from which particles enter an image, with room for bending."""
        return (self.size / 2 + self.jitter + 20) * CRYSTAL


def bent(card, phi, pt, charge, share=1.0):
    """Azimuth where charged particles meet the calorimeter, and whether they reach it.

    phi + q arcsin(share 0.3 B r / (2 pt)), share being the part of the way that they are charged.
    """
    sine = share * card.bending / np.maximum(pt, 1e-9)
    return phi + charge * np.arcsin(np.minimum(sine, 1)), sine < 1


def converted(card, particles, rng):
    """Replace a share of the photons by electron-positron pairs, made anywhere on the way to the calorimeter.

    The energy is shared uniformly. Returns the particles with the photons that are left, and the electrons that
    reach the calorimeter, already bent, as arrays group, pt, eta, phi.
    """
    turned = (particles.pdg == 22) & (rng.random(len(particles.pdg)) < card.conversion)
    photons = particles[turned]
    n = len(photons.pt)
    share, way = rng.random(n), rng.random(n)
    legs = []
    for charge, fraction in ((1, share), (-1, 1 - share)):
        pt = photons.pt * fraction
        phi, arrives = bent(card, photons.phi, pt, charge, way)
        legs.append([a[arrives] for a in (photons.group, pt, photons.eta, phi)])
    return particles[~turned], [np.concatenate(columns) for columns in zip(*legs, strict=True)]


def deposits(card, particles, eta_axis, rng):
    """Energy that each particle leaves in the calorimeter, and where.

    Parameters
    ----------
    particles : generate.Particles relative to the axes of jets
    eta_axis : (n_jets,)
        Energy is pt cosh(eta).

    Returns
    -------
    group, transverse energy in GeV, eta, phi : (M,) each
    """
    particles, electrons = converted(card, particles, rng)
    pdg = abs(particles.pdg)
    charge = np.where(np.isin(pdg, CHARGED), np.where(np.isin(pdg, (11, 13)), -1, 1) * np.sign(particles.pdg), 0)
    phi, arrives = bent(card, particles.phi, particles.pt, charge, np.where(charge == 0, 0.0, 1.0))
    p, pdg, phi = particles[arrives], pdg[arrives], phi[arrives]
    slope = np.cosh(p.eta + eta_axis[p.group])  # energy over transverse energy
    only_ionises = (pdg == 13) | (rng.random(len(pdg)) < card.mip_share)
    mip = np.minimum(card.mip_energy / slope, p.pt)
    neutral_mip = only_ionises & ~np.isin(pdg, CHARGED)  # a neutral hadron that does not shower leaves nothing
    hadron = np.where(only_ionises, np.where(neutral_mip, 0.0, mip), p.pt * rng.beta(*card.beta, len(pdg)))
    electromagnetic = np.isin(pdg, ELECTROMAGNETIC)
    et = np.where(electromagnetic, p.pt, hadron)

    group, leg_et, leg_eta, leg_phi = electrons
    et = np.concatenate([et, leg_et])
    group, eta, phi = (np.concatenate(pair) for pair in ((p.group, group), (p.eta, leg_eta), (phi, leg_phi)))
    energy = et * np.cosh(eta + eta_axis[group])
    et = et * (1 + card.stochastic / np.sqrt(np.maximum(energy, 1e-3)) * rng.standard_normal(len(et)))
    keep = et > 0.01  # far below the threshold of a crystal
    return group[keep], et[keep], eta[keep], phi[keep]


def images(card, group, et, eta, phi, n, rng):
    """Crystals around each jet.

    Every deposit is `spots` equal spots, scattered by the radial profile of Grindhammer and Peters
    (hep-ex/0001020, eq. 25), f(r) = 2 r R^2 / (r^2 + R^2)^2, of a narrow core and a wide tail.

    Returns
    -------
    float32 (n, size, size): transverse energy in GeV, 0 below the threshold; rows are phi, columns eta
    """
    centre = rng.uniform(-card.jitter, card.jitter, (2, n)).astype(np.float32) + card.size / 2
    row, column = ((a / CRYSTAL).astype(np.float32) + c[group] for a, c in zip((phi, eta), centre, strict=True))
    shape = (len(et), card.spots)
    u, angle, tail = (rng.random(shape, dtype=np.float32) for _ in range(3))
    radius = np.where(tail < card.tail_share, np.float32(card.tail), np.float32(card.core)) * np.sqrt(u / (1 - u))
    angle *= np.float32(2 * np.pi)
    row, column = (np.floor(a[:, None] + radius * f(angle)) for a, f in ((row, np.sin), (column, np.cos)))
    inside = (row >= 0) & (row < card.size) & (column >= 0) & (column < card.size)
    pixel = (row * card.size + column).astype(np.int64) + group[:, None] * card.size**2
    weights = np.broadcast_to(et[:, None] / card.spots, shape)[inside]
    crystals = np.bincount(pixel[inside], weights, n * card.size**2).astype(np.float32)
    crystals[crystals < card.threshold] = 0
    return crystals.reshape(n, card.size, card.size)


def resized(crystals, size):
    """Images at another size: bilinear interpolation between crystals, without antialiasing.

    A pixel of the result is the mean of the (up to) 2 x 2 crystals around its centre, weighted by their nearness;
    crystals in between are not seen, so that points stay sharp. Half-pixel centres, as TensorFlow's `tf.image.resize`.

    Parameters
    ----------
    crystals : (n, m, m)
    size : int, at most m

    Returns
    -------
    float32 (n, size, size)
    """
    m = crystals.shape[-1]
    centre = (np.arange(size) + 0.5) * m / size - 0.5
    low = np.floor(centre).astype(int)
    weight = (centre - low).astype(np.float32)
    high = np.minimum(low + 1, m - 1)
    rows = crystals[:, low] * (1 - weight)[:, None] + crystals[:, high] * weight[:, None]
    return rows[:, :, low] * (1 - weight) + rows[:, :, high] * weight
