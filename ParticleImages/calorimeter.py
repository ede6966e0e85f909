"""From particles to images: showers in crystals of lead tungstate, noise, dead channels, read-out and time.

The barrel of the CMS calorimeter (JINST 3 (2008) S08004) is a grid of crystals of 2.2 cm, 0.0174 in eta and in phi. A
shower fills a few of them; how it develops and spreads follows Grindhammer and Peters, hep-ex/0001020. The crystals do
not quite point at the collision: a shower is slanted against them, and leaves a longer trace the deeper it goes. Most
of the crystals of an image are not in the files: the read-out drops them, and so do the lists of hits that are kept for
analysis. These rules were worked out on real images; they decide which of the faint pixels exist.

Every function works on many images at once: arrays (n, SIZE, SIZE), rows along eta and columns along phi.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, roots_genlaguerre

SIZE = 32  # crystals along each side of an image
CENTRE = 16  # row and column of the seed crystal, nearly always the hottest
CELL = 0.0174  # width of a crystal in eta and in phi
TOWER = 5  # crystals along each side of a trigger tower
MARGIN = 4  # crystals by which the seed may differ from where the hardest particle points
CANVAS = SIZE + 2 * MARGIN  # images are cut out of a larger canvas once the seed is known
SLICES = 3  # of a shower, in depth
HALF, SOFT_HALF = 4, 2  # a shower fills 2 HALF + 1 crystals squared, one of a soft particle 2 SOFT_HALF + 1
BATCH = 1000  # images at once: their arrays stay in the cache of the processor


@dataclass(frozen=True)
class Calorimeter:
    """Parameters of the calorimeter and of its read-out. Energies in GeV, lengths in crystals, times in ns.

    Fitted to the published means of each class and to shower shapes of 50 real images, without their labels:
    `core_share`, `tail_width` and the halo. Set by hand: `grain` against 100 real images, the times against the
    published ones. Read off single real images: the thresholds and the dead channels. `seed_spread`
    gives as many images as in 100 real ones a seed that is not the crystal with the highest energy. The noise is that
    of the lone hits of 100 real images, whose number grows with |eta| and varies more than counting alone would have
    it. The rest is published.
    """

    # Lead tungstate, and how its crystals lie: 2.2 cm wide in front, 2.6 cm behind, 2.35 cm where showers are
    radiation_length: float = 0.379  # 0.89 cm
    moliere_radius: float = 0.932  # 2.19 cm
    critical_energy: float = 0.0096
    atomic_number: float = 68.3  # mean of lead, tungsten and oxygen by weight
    tilt: float = 0.0524  # 3 degrees between a crystal and the line from the collision, along eta and along phi
    radius: float = 57.3  # of their front faces: 1.29 m
    collision_spread: float = 2.2  # along the beam: 5 cm

    # Showers: a core of Grindhammer and Peters' form, and two Gaussians around it
    core_share: float = 0.76  # of the energy, mean over the depth of a shower
    tail_width: float = 0.62  # along eta
    tail_stretch: float = 1.25  # along phi: the field bends the shower's own electrons and positrons, over one X0 by
    # 0.3 B X0 / p = 10 MeV / p at eta = 0, against 13.6 MeV / p of scattering
    halo_width: float = 2.0
    halo_part: float = 0.22  # of what is outside the core
    soft: float = 1.0  # particles of less energy fill fewer crystals
    constant_term: float = 0.006
    grain: float = 0.014  # variance over energy: the showers are made of particles
    noise: float = 0.0425  # at eta = 0
    noise_growth: float = 0.15  # per |eta|: the crystals there have lost more of their transparency
    noise_spread: float = 0.05  # from image to image: regions and times of data taking (logarithmic)
    seed_spread: float = 0.05  # of the crystals' raw signals, by which the seed was chosen: they are not calibrated

    # Dead channels
    dead_towers: float = 0.010
    dead_crystals: float = 0.002
    trigger_step: float = 0.5  # of transverse energy

    # Selective read-out, transverse energy of a tower
    high_tower: float = 2.0
    low_tower: float = 1.0
    suppression: float = 0.17  # energy of a crystal that is read out anyway

    # Hits that are kept for analysis
    lone_hit: float = 0.095
    lone_rows: int = 10
    column: float = 0.10
    column_seed: float = 0.35
    block_seed: float = 0.35
    neighbour: float = 0.08
    neighbour_seed: float = 0.23

    # Times
    time_hit: float = 0.07  # GeV
    time_max: float = 4.32
    time_constant: float = 0.2
    time_noise: float = 1.16  # ns GeV
    seed_time: float = 10.0  # the time of the seed varies so many times less: it is the reference of its image
    time_failures: float = 0.001  # share of pulses that the reconstruction does not understand
    time_range: tuple = (-25.126, 22.77)


def images(card, particles, eta, rng):
    """Energy (GeV) and time (ns) of the crystals around the seed.

    Parameters
    ----------
    card : Calorimeter
    particles : tracker.Particles
        At least one of each event.
    eta : ndarray of shape (n,)
        Pseudorapidity of the electron or photon of each event.

    Returns
    -------
    float32 ndarray of shape (n, SIZE, SIZE, 2)
    """
    out = np.empty((len(eta), SIZE, SIZE, 2), np.float32)
    for first in range(0, len(eta), BATCH):
        last = min(first + BATCH, len(eta))
        cosh_eta = np.cosh(eta[first:last, None, None] + CELL * (np.arange(SIZE)[:, None] - CENTRE)).astype(np.float32)
        signal = showers(card, particles.of_events(first, last), eta[first:last], rng)
        signal += granularity(card, signal, rng)
        noise = noise_level(card, eta[first:last], rng).astype(np.float32)[:, None, None]
        signal += noise * rng.standard_normal(signal.shape, dtype=np.float32)
        out[first:last, ..., 0] = energy = read_out(card, signal, cosh_eta, rng)
        out[first:last, ..., 1] = times(card, energy, rng)
    return out


def granularity(card, signal, rng):
    """Fluctuations of where the energy goes, GeV: of crystals, but not of their sum."""
    change = np.sqrt(np.float32(card.grain) * signal) * rng.standard_normal(signal.shape, dtype=np.float32)
    return change - signal * (change.sum((1, 2)) / signal.sum((1, 2)))[:, None, None]


def noise_level(card, eta, rng):
    """Noise of a crystal in each image, GeV."""
    return card.noise * (1 + card.noise_growth * abs(eta)) * np.exp(card.noise_spread * rng.standard_normal(len(eta)))


# --------------------------------------------------------------------------------------------------
# Showers


class Slices(NamedTuple):
    """Slices in depth of m showers, arrays (slices, m).

    Shares of the energy in the core and around it; offsets in crystals along rows (down) and columns (right), because
    showers are slanted; radius of the core in crystals.
    """

    core: np.ndarray
    tail: np.ndarray
    down: np.ndarray
    right: np.ndarray
    radius: np.ndarray


def showers(card, particles, eta, rng):
    """Energy in each crystal without noise, (n, SIZE, SIZE), the seed at [CENTRE, CENTRE]."""
    n, event = len(eta), particles.event
    energy = particles.pt * np.cosh(eta)[event] * rng.normal(1, card.constant_term, n)[event]
    row_slope, column_slope = slopes(card, particles, eta, rng)
    usual = usual_depth(card, energy)
    first = hardest(event, energy)
    # the hardest particle passes its crystal anywhere
    row, column = particles.eta + row_slope * usual, particles.phi + column_slope * usual
    row += (MARGIN + CENTRE + rng.random(n) - 0.5 - row[first])[event]
    column += (MARGIN + CENTRE + rng.random(n) - 0.5 - column[first])[event]
    canvas = np.zeros((n, CANVAS, CANVAS), np.float32)
    off_centre = np.maximum(abs(row - CANVAS / 2), abs(column - CANVAS / 2))
    hard = energy > card.soft
    for half, chosen, slices in ((HALF, hard, hard_slices), (SOFT_HALF, ~hard, soft_slices)):
        chosen = np.flatnonzero(chosen & (off_centre < CANVAS / 2 - half - 2))
        depth, core, tail, radius = slices(card, energy[chosen], rng)
        deeper = depth - usual[chosen]
        parts = Slices(core, tail, deeper * row_slope[chosen], deeper * column_slope[chosen], radius)
        deposit(card, canvas, half, *(values[chosen] for values in (event, energy, row, column)), parts)
    return crop(card, canvas, rng)


def slopes(card, particles, eta, rng):
    """How far along eta and phi each particle's shower moves across the crystals per X0 of depth, in crystals.

    The crystals are tilted along both: along eta away from the middle of the detector on both sides, along phi here
    one way or the other at random, since real images have no preferred side and no preferred diagonal. Collisions are
    spread along the beam, which changes the angle of all particles of an event; and each particle has its own.
    """
    z = card.collision_spread * rng.standard_normal(len(eta))
    along_eta = np.copysign(card.tilt, eta) + z / (card.radius * np.cosh(eta) ** 2)
    along_phi = rng.choice((-card.tilt, card.tilt), len(eta))
    return (
        card.radiation_length * (along_eta[particles.event] + particles.eta_slope),
        card.radiation_length * (along_phi[particles.event] + particles.phi_slope),
    )


def usual_depth(card, energy):
    """Mean depth of the energy of showers without fluctuations, X0."""
    maximum, shape = longitudinal(card, energy)
    return maximum * shape / (shape - 1)


# Of the gamma distribution: shapes, and for each the depths and weights of its slices, (SLICES, shapes)
SHAPES = np.linspace(1.2, 9.0, 79)
NODES, WEIGHTS = np.array([roots_genlaguerre(SLICES, shape - 1) for shape in SHAPES]).transpose(1, 2, 0)
WEIGHTS /= WEIGHTS.sum(axis=0)
MEAN_CORE = 0.83  # published share of the core, mean over the depth of a shower of 50 GeV


def longitudinal(card, energy, rng=None):
    """Depth of the maximum T (X0) and shape a of the gamma distribution of a shower's energy in depth.

    Density (b t)^(a-1) exp(-b t) b / Gamma(a) with b = (a - 1) / T. Mean and, with rng, correlated fluctuations of
    the logarithms of T and a are those of homogeneous calorimeters in hep-ex/0001020, for electrons; photons are taken
    to be alike.
    """
    y = np.log(np.maximum(energy / card.critical_energy, 10))
    maximum, shape = np.log(y - 0.812), np.log(0.81 + (0.458 + 2.26 / card.atomic_number) * y)
    if rng is not None:
        alike, opposite = rng.standard_normal((2, len(y)))
        correlation = 0.705 - 0.023 * y
        alike, opposite = alike * np.sqrt((1 + correlation) / 2), opposite * np.sqrt((1 - correlation) / 2)
        maximum += (alike + opposite) / (1.26 * y - 1.4)
        shape += (alike - opposite) / (0.86 * y - 0.58)
    return np.exp(maximum), np.exp(shape).clip(SHAPES[0], SHAPES[-1])


def hard_slices(card, energy, rng):
    """Depth (X0), energy in and around the core (of the shower's), and its radius in each slice, (SLICES, m) each.

    The slices are the points of a Gauss-Laguerre quadrature: they have the first five moments of the shower in depth.
    """
    maximum, shape = longitudinal(card, energy, rng)
    scale = maximum / (shape - 1)
    depth = np.stack([np.interp(shape, SHAPES, nodes) for nodes in NODES]) * scale
    weight = np.stack([np.interp(shape, SHAPES, weights) for weights in WEIGHTS])
    tau = depth / usual_depth(card, energy)
    share = core_share(card, energy, tau) + card.core_share - MEAN_CORE
    core = weight * share.clip(0.05, 0.97)
    return depth, core, weight - core, core_radius(card, energy, tau)


def soft_slices(card, energy, _):
    """The same for showers in one piece, (1, m) each."""
    core = np.full((1, len(energy)), card.core_share)
    return usual_depth(card, energy)[None], core, 1 - core, core_radius(card, energy, 1.0)[None]


def core_share(card, energy, tau):
    """Share of the core at depth tau, in units of the shower's mean depth (hep-ex/0001020)."""
    x = (0.401 + 0.00187 * card.atomic_number - tau) / (1.313 - 0.0686 * np.log(energy))
    return (2.632 - 0.00094 * card.atomic_number) * np.exp(x - np.exp(x))


def core_radius(card, energy, tau):
    """Radius of the core at depth tau, in crystals (hep-ex/0001020)."""
    return card.moliere_radius * (0.0251 + 0.00319 * np.log(energy) + (0.1162 - 0.000381 * card.atomic_number) * tau)


def hardest(event, energy):
    """Index of the particle with the highest energy in each event."""
    order = np.lexsort((energy, event))
    return order[np.flatnonzero(np.diff(event[order], append=event.max() + 1))]


def deposit(card, canvas, half, event, energy, row, column, slices):
    """Add to the canvas what particles leave in the crystals up to `half` away.

    event, energy (GeV), row and column (crystals of the canvas) are (m,), slices a `Slices`. The halo, which is wide,
    has no offset.
    """
    row0, column0 = np.rint(row).astype(int), np.rint(column).astype(int)
    edges = np.arange(-half, half + 2) - 0.5
    row_edges = (edges - (row - row0)[:, None]).astype(np.float32)  # of crystals, from the axis of the shower
    column_edges = (edges - (column - column0)[:, None]).astype(np.float32)
    in_halo = card.halo_part * slices.tail.sum(axis=0)
    energies = spread_out(row_edges, column_edges, card.halo_width, card.halo_width, in_halo)
    for core, tail, down, right, radius in zip(*(values.astype(np.float32) for values in slices), strict=True):
        rows, columns = row_edges - down[:, None], column_edges - right[:, None]
        widths = card.tail_width, card.tail_width * card.tail_stretch
        energies += spread_out(rows, columns, *widths, (1 - card.halo_part) * tail)
        inside = core_integral(columns[:, None, :], rows[:, :, None], radius[:, None, None])
        inside = inside[:, 1:] - inside[:, :-1]
        energies += core[:, None, None] * (inside[:, :, 1:] - inside[:, :, :-1])
    energies *= energy[:, None, None].astype(np.float32)
    window = np.arange(-half, half + 1)
    crystal = ((event * CANVAS + row0) * CANVAS + column0)[:, None, None] + window[:, None] * CANVAS + window
    canvas += np.bincount(crystal.ravel(), energies.ravel(), canvas.size).reshape(canvas.shape)


def spread_out(row_edges, column_edges, height, width, energy):
    """Energy in each crystal of Gaussians, (m, crystals, crystals).

    The edges of crystals are (m, crystals + 1) in crystals; height and width are the standard deviations along rows
    and columns in crystals; energy is (m,).
    """
    by_row = np.diff(ndtr(row_edges / np.float32(height)), axis=1)
    by_column = np.diff(ndtr(column_edges / np.float32(width)), axis=1)
    return (energy.astype(np.float32)[:, None] * by_row)[:, :, None] * by_column[:, None, :]


def core_integral(x, y, radius):
    """Integral of R^2 / (pi (r^2 + R^2)^2), Grindhammer and Peters' profile, from (0, 0) to (x, y)."""
    a, b = np.sqrt(x * x + radius**2), np.sqrt(y * y + radius**2)
    return (x / a * np.arctan(y / a) + y / b * np.arctan(x / b)) / (2 * np.pi)


def crop(card, canvas, rng):
    """The SIZE x SIZE crystals around the seed, which has the highest raw signal.

    Raw signals are those that a digitiser gives before crystals are calibrated and before dead ones are masked. So in
    3 of 100 real images the seed is not the crystal with the highest energy, and it may lie in a dead tower.
    """
    near = canvas[:, CENTRE : CENTRE + 2 * MARGIN + 1, CENTRE : CENTRE + 2 * MARGIN + 1]
    near = near * (1 + card.seed_spread * rng.standard_normal(near.shape, dtype=np.float32))
    top, left = np.divmod(near.reshape(len(near), -1).argmax(1), 2 * MARGIN + 1)
    corner = (np.arange(len(canvas)) * CANVAS + top) * CANVAS + left
    window = np.arange(SIZE)
    return canvas.ravel()[corner[:, None, None] + window[:, None] * CANVAS + window]


# --------------------------------------------------------------------------------------------------
# Read-out


@dataclass
class Towers:
    """The trigger towers that images cover, TOWER x TOWER crystals each; where their borders lie is random.

    index (n, SIZE, SIZE) is the number of each crystal's tower in an array of the given shape, (n, side, side).
    """

    index: np.ndarray
    shape: tuple

    @classmethod
    def anywhere(cls, n, rng):
        side = SIZE // TOWER + 2
        rows, columns = ((np.arange(SIZE) + rng.integers(TOWER, size=(n, 1))) // TOWER for _ in range(2))
        return cls((np.arange(n)[:, None, None] * side + rows[:, :, None]) * side + columns[:, None], (n, side, side))

    def sum(self, energy):
        """Sum over the crystals of each tower."""
        return np.bincount(self.index.ravel(), energy.ravel(), np.prod(self.shape)).reshape(self.shape)

    def crystals(self, values):
        """For each crystal the value of its tower."""
        return values.ravel()[self.index]


def read_out(card, signal, cosh_eta, rng):
    """Energy of the hits that are in the files, 0 elsewhere.

    A crystal must survive the selective read-out. Then it is kept if it is one of these:
    a hit of more than `lone_hit` near the seed's row; a member of the super-cluster; one of the 5 x 5 crystals around
    a local maximum; a hit joined to a maximum by others above `neighbour`; or next to a dead tower.
    """
    towers = Towers.anywhere(len(signal), rng)
    tower_et = towers.sum(signal / cosh_eta)
    energy = selective_read_out(card, signal, towers, tower_et)
    kept = kill(card, energy, towers, tower_et, cosh_eta, rng)
    kept |= (energy > card.lone_hit) & (abs(np.arange(SIZE) - CENTRE) <= card.lone_rows)[:, None]
    kept[:, CENTRE - 2 : CENTRE + 3] |= super_cluster(card, energy)[:, None, :]
    kept |= grown(local_maxima(energy, card.block_seed), 2)
    joined, near = energy > card.neighbour_seed, energy > card.neighbour
    for _ in range(3):
        joined = grown(joined) & near
    return np.maximum(energy, 0) * (kept | joined)


def selective_read_out(card, signal, towers, tower_et):
    """All crystals of towers with much transverse energy and of those around them; of the others the high ones."""
    whole = grown(tower_et > card.high_tower) | (tower_et > card.low_tower)
    return np.where(towers.crystals(whole) | (signal > card.suppression), signal, 0)


def kill(card, energy, towers, tower_et, cosh_eta, rng):
    """Dead channels, in place: a crystal reads nothing; a tower what the trigger saw of it, spread evenly.

    The seed's may be among them. Returns the crystals in and next to dead towers (n, SIZE, SIZE), always kept.
    """
    dead = rng.random(towers.shape) < card.dead_towers
    by_trigger = np.floor(np.maximum(tower_et, 0) / card.trigger_step) * card.trigger_step / TOWER**2
    in_dead = towers.crystals(dead)
    energy[in_dead] = (towers.crystals(by_trigger) * cosh_eta)[in_dead]
    crystal = rng.random(energy.shape, dtype=np.float32) < card.dead_crystals
    energy[crystal] = 0
    return grown(in_dead)


def super_cluster(card, energy):
    """Columns (n, SIZE) whose five crystals around the seed's row belong to the electron or photon.

    These are the "dominoes" of the hybrid clustering of CMS (CMS NOTE-2001/034): an unbroken group of columns above
    `column`, with one above `column_seed` among them.
    """
    column = energy[:, CENTRE - 2 : CENTRE + 3].sum(1)
    member, group = column > card.column, column > card.column_seed
    for _ in range(SIZE // 2):
        group = spread(group, 1) & member
    return group


def local_maxima(energy, threshold):
    """Crystals above a threshold and above their four neighbours."""
    inner = energy[:, 1:-1, 1:-1]
    peak = inner > threshold
    for row, column in ((0, 1), (2, 1), (1, 0), (1, 2)):
        peak &= inner >= energy[:, row : row + SIZE - 2, column : column + SIZE - 2]
    return np.pad(peak, ((0, 0), (1, 1), (1, 1)))


def grown(mask, steps=1):
    """Mask with its neighbours up to so many rows and columns away."""
    return spread(spread(mask, 1, steps), 2, steps)


def spread(mask, axis, steps=1):
    """Mask with its neighbours up to so many steps away along one axis."""
    out = mask.copy()
    for step in range(1, steps + 1):
        ahead = (slice(None),) * axis + (slice(step, None),)
        behind = (slice(None),) * axis + (slice(None, -step),)
        out[ahead] |= mask[behind]
        out[behind] |= mask[ahead]
    return out


# --------------------------------------------------------------------------------------------------
# Time


def times(card, energy, rng):
    """Time of each hit, ns: 0 on average, and measured the better the higher its energy; 0 where there is no hit.

    The seed's time serves as the reference of its image, and is nearly 0. A few pulses are misread by the
    reconstruction, and come out anywhere in its range.
    """
    # Random numbers for all crystals: were they drawn for the hits alone, then one hit more, where a processor rounds a
    # signal at the threshold to the other side, would change all images after it.
    normal, luck = rng.standard_normal(energy.size, np.float32), rng.random(energy.size, np.float32)
    hit = np.flatnonzero(energy.ravel() > card.time_hit)
    sigma = np.minimum(card.time_max, np.hypot(card.time_constant, card.time_noise / energy.ravel()[hit]))
    sigma[hit % SIZE**2 == CENTRE * SIZE + CENTRE] /= card.seed_time
    measured = sigma * normal[hit]
    # One random number says whether a pulse is misread (below 1), and then where in the range its time comes out.
    misread_at = luck[hit] / card.time_failures
    low, high = card.time_range
    time = np.zeros(energy.size, np.float32)
    time[hit] = np.where(misread_at < 1, low + (high - low) * misread_at, np.clip(measured, low, high))
    return time.reshape(energy.shape)
