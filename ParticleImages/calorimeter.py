"""From particles to images: showers in crystals of lead tungstate, noise, read-out and time.

Every function works on all events at once.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

SIZE = 32  # crystals along each side of an image
SEED = 16  # row and column of the seed crystal
MARGIN = 4  # crystals by which the seed may differ from where the hardest particle points
CANVAS = SIZE + 2 * MARGIN
HALF, SOFT_HALF = 4, 2  # a shower fills 2 HALF + 1 crystals squared, a soft one 2 SOFT_HALF + 1
CELL = 0.0174  # width of a crystal in eta and in phi
BATCH = 1000  # images at once: their arrays stay in the cache of the processor


@dataclass(frozen=True)
class Calorimeter:
    """Parameters of the calorimeter and of its read-out. Energies in GeV, lengths in crystals, times in ns."""

    core_share: float = 0.861
    core_radius: float = 0.16
    core_spread: float = 0.06
    core_stretch: float = 1.39
    tail_width: float = 0.8
    halo_width: float = 2.3
    halo_share: float = 0.033
    satellites: float = 0.8
    satellite_share: float = 0.008
    satellite_distance: float = 0.95
    satellite_parent: float = 0.1
    soft: float = 1.0
    seed_spread: float = 0.025
    response: float = 0.996
    constant_term: float = 0.006
    noise: float = 0.0465
    high_tower: float = 2.0
    low_tower: float = 1.0
    suppression: float = 0.17
    lone_hit: float = 0.095
    lone_rows: int = 10
    column: float = 0.1
    column_seed: float = 0.35
    block_seed: float = 0.35
    neighbour: float = 0.08
    neighbour_seed: float = 0.23
    dead_towers: float = 0.01
    dead_crystals: float = 0.002
    trigger_step: float = 0.5
    time_hit: float = 0.07
    time_max: float = 4.3
    time_constant: float = 0.2
    time_noise: float = 25.0
    time_range: tuple = (-25.0, 22.8)


def corner(x, y, radius):
    """Integral of R^2 / (pi (r^2 + R^2)^2), the core of a shower, from (0, 0) to (x, y)."""
    a, b = np.sqrt(x * x + radius**2), np.sqrt(y * y + radius**2)
    return (x / a * np.arctan(y / a) + y / b * np.arctan(x / b)) / (2 * np.pi)


def deposit(card, event, energy, row, column, radius, half, n):
    """Canvas (n, CANVAS, CANVAS) of the energy that particles at (row, column) leave within `half` crystals."""
    row0, column0 = np.rint(row).astype(int), np.rint(column).astype(int)
    edges = np.arange(-half, half + 2, dtype=np.float32) - np.float32(0.5)
    y = edges - (row - row0)[:, None].astype(np.float32)
    x = edges - (column - column0)[:, None].astype(np.float32)
    core = corner(x[:, None, :] / np.float32(card.core_stretch), y[:, :, None], radius[:, None, None])
    core = core[:, 1:] - core[:, :-1]
    share = np.float32(card.core_share) * (core[:, :, 1:] - core[:, :, :-1])
    tail_share = 1 - card.core_share - card.halo_share
    for width, part in ((card.tail_width, tail_share), (card.halo_width, card.halo_share)):
        by_row, by_column = (np.diff(ndtr(z / np.float32(width)), axis=1) for z in (y, x))
        share += np.float32(part) * by_row[:, :, None] * by_column[:, None, :]
    share *= energy[:, None, None].astype(np.float32)
    window = np.arange(-half, half + 1)
    index = ((event * CANVAS + row0) * CANVAS + column0)[:, None, None] + window[:, None] * CANVAS + window
    return np.bincount(index.ravel(), share.ravel(), n * CANVAS**2).astype(np.float32).reshape(n, CANVAS, CANVAS)


def with_satellites(card, particles, energy, rng):
    """Each hard particle sheds some sub-showers."""
    total = np.bincount(particles.event, energy)
    hard = np.flatnonzero(energy > card.satellite_parent * total[particles.event])
    parent = np.repeat(hard, rng.poisson(card.satellites, len(hard)))
    part = np.minimum(rng.exponential(card.satellite_share, len(parent)), 0.5)
    given = part * energy[parent]
    energy = energy - np.bincount(parent, given, len(energy))
    energy = np.maximum(energy, 0)
    distance = abs(rng.standard_normal(len(parent))) * card.satellite_distance
    angle = rng.random(len(parent)) * 2 * np.pi
    return (
        np.concatenate([particles.event, particles.event[parent]]),
        np.concatenate([energy, given]),
        np.concatenate([particles.eta, particles.eta[parent] + distance * np.sin(angle)]),
        np.concatenate([particles.phi, particles.phi[parent] + distance * np.cos(angle)]),
    )


def hardest(event, energy, n):
    """Index of the particle with the highest energy in each of n events."""
    order = np.lexsort((energy, event))
    last = np.flatnonzero(np.diff(event[order], append=n))
    return order[last]


def showers(card, particles, cosh_eta, rng):
    """Energy in each crystal without noise, the crystal with the highest energy at [SEED, SEED], (n, SIZE, SIZE)."""
    n = len(cosh_eta)
    energy = particles.pt * cosh_eta[particles.event]
    energy *= card.response * (1 + card.constant_term * rng.standard_normal(n))[particles.event]
    first = hardest(particles.event, energy, n)
    event, energy, row, column = with_satellites(card, particles, energy, rng)
    middle = MARGIN + SEED
    row = row + (middle + rng.random(n) - 0.5 - particles.eta[first])[event]
    column = column + (middle + rng.random(n) - 0.5 - particles.phi[first])[event]
    radius = (card.core_radius * np.exp(card.core_spread * rng.standard_normal(n)))[event].astype(np.float32)
    canvas = np.zeros((n, CANVAS, CANVAS), np.float32)
    for half, chosen in ((HALF, energy > card.soft), (SOFT_HALF, energy <= card.soft)):
        chosen &= np.maximum(abs(row - CANVAS / 2), abs(column - CANVAS / 2)) < CANVAS / 2 - half - 1
        canvas += deposit(card, *(a[chosen] for a in (event, energy, row, column, radius)), half, n)
    return crop(card, canvas, rng)


def crop(card, canvas, rng):
    """The SIZE x SIZE crystals around the seed: the one with the highest energy in the eyes of the reconstruction."""
    near = canvas[:, SEED : SEED + 2 * MARGIN + 1, SEED : SEED + 2 * MARGIN + 1]
    near = near * (1 + card.seed_spread * rng.standard_normal(near.shape, dtype=np.float32))
    top, left = np.divmod(near.reshape(len(near), -1).argmax(1), 2 * MARGIN + 1)
    first = (np.arange(len(canvas)) * CANVAS + top) * CANVAS + left
    window = np.arange(SIZE)
    return canvas.ravel()[first[:, None, None] + window[:, None] * CANVAS + window]


def spread(mask, axis, steps=1):
    """Mask grown along an axis."""
    out = mask.copy()
    ahead = [slice(None)] * mask.ndim
    behind = [slice(None)] * mask.ndim
    for step in range(1, steps + 1):
        ahead[axis], behind[axis] = slice(step, None), slice(None, -step)
        out[tuple(ahead)] |= mask[tuple(behind)]
        out[tuple(behind)] |= mask[tuple(ahead)]
    return out


def grown(mask, steps=1):
    """Mask with its neighbours up to so many rows and columns away."""
    return spread(spread(mask, 1, steps), 2, steps)


@dataclass
class TowerGrid:
    """The trigger towers, 5 x 5 crystals each, that a batch of images covers; their borders lie anywhere.

    index (n, SIZE, SIZE) is the number of the tower of each crystal, in an array of the given shape.
    """

    index: np.ndarray
    shape: tuple

    @classmethod
    def anywhere(cls, n, rng):
        side = SIZE // 5 + 2
        rows, columns = ((np.arange(SIZE) + rng.integers(5, size=n)[:, None]) // 5 for _ in range(2))
        index = (np.arange(n)[:, None, None] * side + rows[:, :, None]) * side + columns[:, None, :]
        return cls(index, (n, side, side))

    def sum(self, energy):
        """Energy of each tower."""
        return np.bincount(self.index.ravel(), energy.ravel(), np.prod(self.shape)).reshape(self.shape)

    def crystals(self, towers):
        """For each crystal the value of its tower."""
        return towers.ravel()[self.index]


def transverse(eta):
    """cosh(eta) of the rows of crystals, (n, SIZE, 1)."""
    return np.cosh(eta[:, None, None] + CELL * (np.arange(SIZE)[:, None] - SEED)).astype(np.float32)


def selective_read_out(card, signal, grid, tower_et):
    """Energy that leaves the detector: all of towers with much transverse energy and around them, else high hits."""
    whole = grown(tower_et > card.high_tower) | (tower_et > card.low_tower)
    return np.where(grid.crystals(whole) | (signal > card.suppression), signal, 0)


def kill(card, energy, grid, tower_et, cosh_eta, rng):
    """Dead channels, in place: crystals read nothing, towers what the trigger saw of them, spread evenly.

    Returns which crystals are next to a dead channel, or were filled from the trigger.
    """
    tower = rng.random(grid.shape) < card.dead_towers
    tower.ravel()[grid.index[:, SEED, SEED]] = False
    dead = grid.crystals(tower)
    steps = np.floor(np.maximum(tower_et, 0) / card.trigger_step) * card.trigger_step * tower
    energy[dead] = (grid.crystals(steps) * cosh_eta / 25)[dead]
    crystal = rng.random(energy.shape, dtype=np.float32) < card.dead_crystals
    crystal[:, SEED, SEED] = False
    energy[crystal] = 0
    return grown(dead)


def read_out(card, signal, eta, rng):
    """Energy of the crystals that are kept, zero elsewhere."""
    cosh_eta = transverse(eta)
    grid = TowerGrid.anywhere(len(signal), rng)
    tower_et = grid.sum(signal / cosh_eta)
    energy = selective_read_out(card, signal, grid, tower_et)
    next_to_dead = kill(card, energy, grid, tower_et, cosh_eta, rng)
    rows = abs(np.arange(SIZE) - SEED)[:, None]
    kept = (energy > card.lone_hit) & (rows <= card.lone_rows) | next_to_dead
    # super-cluster
    five = slice(SEED - 2, SEED + 3)
    column = energy[:, five].sum(1)
    member, group = column > card.column, column > card.column_seed
    for _ in range(SIZE // 2):
        group = spread(group, 1) & member
    kept[:, five] |= group[:, None, :]
    kept |= grown(local_maxima(energy, card.block_seed), 2)
    near = energy > card.neighbour
    cluster = energy > card.neighbour_seed
    for _ in range(3):
        cluster = grown(cluster) & near
    kept |= cluster
    return np.maximum(energy, 0) * kept


def local_maxima(energy, threshold):
    """Crystals above a threshold and above their four neighbours."""
    inner = energy[:, 1:-1, 1:-1]
    peak = inner > threshold
    for row, column in ((0, 1), (2, 1), (1, 0), (1, 2)):
        peak &= inner >= energy[:, row : row + SIZE - 2, column : column + SIZE - 2]
    return np.pad(peak, ((0, 0), (1, 1), (1, 1)))


def times(card, energy, rng):
    """Time of each hit, ns."""
    t = np.zeros_like(energy)
    hit = np.flatnonzero(energy.ravel() > card.time_hit)
    e = energy.ravel()[hit]
    sigma = np.minimum(card.time_max, np.hypot(card.time_constant, card.time_noise * card.noise / e))
    at_seed = hit % SIZE**2 == SEED * SIZE + SEED
    sigma = np.where(at_seed, sigma / 10, sigma)
    t.ravel()[hit] = np.clip(sigma * rng.standard_normal(len(hit), dtype=np.float32), *card.time_range)
    return t


def images(card, particles, eta, rng):
    """Energy (GeV) and time (ns) of the crystals, (n, SIZE, SIZE, 2) float32, of particles sorted by event."""
    out = np.empty((len(eta), SIZE, SIZE, 2), np.float32)
    for first in range(0, len(eta), BATCH):
        last = min(first + BATCH, len(eta))
        mine = eta[first:last]
        signal = showers(card, particles.of_events(first, last), np.cosh(mine), rng)
        signal += card.noise * rng.standard_normal(signal.shape, dtype=np.float32)
        out[first:last, ..., 0] = energy = read_out(card, signal, mine, rng)
        out[first:last, ..., 1] = times(card, energy, rng)
    return out
