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
HALF = 4  # a shower fills 2 HALF + 1 crystals squared


@dataclass(frozen=True)
class Calorimeter:
    """Parameters of the calorimeter and of its read-out. Energies in GeV, lengths in crystals, times in ns."""

    core_share: float = 0.844
    core_radius: float = 0.321 / 2.25
    core_spread: float = 0.14
    core_stretch: float = 1.38
    tail_width: tuple = (1.82 / 2.25, 5.39 / 2.25)
    tail_share: tuple = (0.78, 0.22)
    satellites: float = 1.2
    satellite_share: float = 0.025
    satellite_distance: float = 1.8 / 2.25
    satellite_parent: float = 0.1
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
    block_seed: float = 1.0
    neighbour: float = 0.08
    neighbour_seed: float = 0.23
    time_hit: float = 0.07
    time_max: float = 4.3
    time_constant: float = 0.2
    time_noise: float = 25.0
    time_range: tuple = (-25.0, 22.8)


def corner(x, y, radius):
    """Integral of R^2 / (pi (r^2 + R^2)^2), the core of a shower, from (0, 0) to (x, y)."""
    a, b = np.sqrt(x * x + radius**2), np.sqrt(y * y + radius**2)
    return (x / a * np.arctan(y / a) + y / b * np.arctan(x / b)) / (2 * np.pi)


def deposit(card, event, energy, row, column, radius, n):
    """Canvas (n, CANVAS, CANVAS) of the energy that particles at (row, column) leave."""
    f32 = np.float32
    row0, column0 = np.rint(row).astype(int), np.rint(column).astype(int)
    edges = np.arange(-HALF, HALF + 2, dtype=f32) - f32(0.5)
    y = edges - (row - row0)[:, None].astype(f32)
    x = edges - (column - column0)[:, None].astype(f32)
    at_corners = corner(x[:, None, :] / f32(card.core_stretch), y[:, :, None], radius.astype(f32)[:, None, None])
    share = f32(card.core_share) * np.diff(np.diff(at_corners, axis=1), axis=2)
    for width, part in zip(card.tail_width, card.tail_share, strict=True):
        by_row, by_column = (np.diff(ndtr(z / f32(width)), axis=1) for z in (y, x))
        share += f32(part * (1 - card.core_share)) * by_row[:, :, None] * by_column[:, None, :]
    share *= energy[:, None, None].astype(f32)
    window = np.arange(-HALF, HALF + 1)
    rows, columns = row0[:, None] + window, column0[:, None] + window
    index = (event[:, None, None] * CANVAS + rows[:, :, None]) * CANVAS + columns[:, None, :]
    return np.bincount(index.ravel(), share.ravel(), n * CANVAS**2).astype(f32).reshape(n, CANVAS, CANVAS)


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
    inside = (abs(row - CANVAS / 2) < CANVAS / 2 - HALF - 1) & (abs(column - CANVAS / 2) < CANVAS / 2 - HALF - 1)
    radius = (card.core_radius * np.exp(card.core_spread * rng.standard_normal(n)))[event]
    canvas = deposit(card, event[inside], energy[inside], row[inside], column[inside], radius[inside], n)
    return crop(canvas)


def crop(canvas):
    """The SIZE x SIZE crystals around the one with the highest energy."""
    near = canvas[:, SEED : SEED + 2 * MARGIN + 1, SEED : SEED + 2 * MARGIN + 1]
    top, left = np.divmod(near.reshape(len(near), -1).argmax(1), 2 * MARGIN + 1)
    first = (np.arange(len(canvas)) * CANVAS + top) * CANVAS + left
    window = np.arange(SIZE)
    index = first[:, None, None] + window[:, None] * CANVAS + window
    return canvas.ravel()[index]


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


def fully_read(card, signal, cosh_eta, phase_eta, phase_phi):
    """Crystals that the selective read-out keeps whole: towers of 5 x 5 with much transverse energy, and around."""
    n, towers = len(signal), SIZE // 5 + 2
    rows = (np.arange(SIZE) + phase_eta[:, None]) // 5
    columns = (np.arange(SIZE) + phase_phi[:, None]) // 5
    index = (np.arange(n)[:, None, None] * towers + rows[:, :, None]) * towers + columns[:, None, :]
    tower = np.bincount(index.ravel(), signal.ravel(), n * towers**2).reshape(n, towers, towers)
    tower /= cosh_eta[:, None, None]
    kept = grown(tower > card.high_tower) | (tower > card.low_tower)
    return kept.ravel()[index]


def read_out(card, signal, cosh_eta, phase_eta, phase_phi):
    """Energy of the crystals that are kept, zero elsewhere."""
    whole = fully_read(card, signal, cosh_eta, phase_eta, phase_phi)
    read = whole | (signal > card.suppression)
    energy = np.where(read, signal, 0)
    rows = abs(np.arange(SIZE) - SEED)[:, None]
    kept = (energy > card.lone_hit) & (rows <= card.lone_rows)
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
    peak = energy > threshold
    for axis in (1, 2):
        for shift in (-1, 1):
            peak &= energy >= np.roll(energy, shift, axis)
    return peak


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
    """Energy (GeV) and time (ns) of the crystals, each (n, SIZE, SIZE) float32."""
    n = len(eta)
    cosh_eta = np.cosh(eta)
    signal = showers(card, particles, cosh_eta, rng)
    signal += card.noise * rng.standard_normal(signal.shape, dtype=np.float32)
    energy = read_out(card, signal, cosh_eta, rng.integers(5, size=n), rng.integers(5, size=n))
    return energy, times(card, energy, rng)
