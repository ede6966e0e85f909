"""From particles to images: showers in crystals of lead tungstate, noise, dead channels, read-out and time.

The barrel of the CMS calorimeter (JINST 3 (2008) S08004) is a grid of crystals of 2.2 cm, 0.0174 in eta and in phi. A
shower fills a few of them; how it spreads follows Grindhammer and Peters, hep-ex/0001020. Most of the crystals of an
image are not in the files: the read-out drops them, and so do the lists of hits that are kept for analysis. The rules
below were worked out on real images; they decide which of the faint pixels exist.

Every function works on many images at once: arrays (n, SIZE, SIZE), rows along eta and columns along phi.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

SIZE = 32  # crystals along each side of an image
SEED = 16  # row and column of the seed crystal
CELL = 0.0174  # width of a crystal in eta and in phi
TOWER = 5  # crystals along each side of a trigger tower
MARGIN = 4  # crystals by which the seed may differ from where the hardest particle points
CANVAS = SIZE + 2 * MARGIN  # images are cut out of a larger canvas once the seed is known
HALF, SOFT_HALF = 4, 2  # a shower fills 2 HALF + 1 crystals squared, one of a soft particle 2 SOFT_HALF + 1
BATCH = 1000  # images at once: their arrays stay in the cache of the processor


@dataclass(frozen=True)
class Calorimeter:
    """Parameters of the calorimeter and of its read-out. Energies in GeV, lengths in crystals, times in ns.

    Set by hand against the published means of the images and 50 real images: the profile of the showers (all that
    is called core, tail or halo), `grain`, `response`, `seed_spread` and the four of the times. Read off single real
    images: the thresholds and the dead channels. The noise is that of the lone hits of 100 real images, whose number
    grows with |eta| and varies more than counting alone would have it. `constant_term` is the published resolution.
    """

    # Showers: a core of Grindhammer and Peters' form, and two Gaussians around it
    core_share: float = 0.84
    core_radius: float = 0.155
    core_spread: float = 0.06  # of the radius, from shower to shower (logarithmic)
    core_stretch: float = 1.31  # along phi, for both classes: a part of it is not understood
    tail_width: float = 0.79
    halo_width: float = 2.1
    halo_share: float = 0.043
    soft: float = 1.0  # particles of less energy fill fewer crystals
    response: float = 0.996
    constant_term: float = 0.006
    grain: float = 0.010  # variance over energy: the showers are made of particles
    noise: float = 0.0425  # at eta = 0
    noise_growth: float = 0.15  # per |eta|: the crystals there have lost more of their transparency
    noise_spread: float = 0.05  # from image to image: regions and times of data taking (logarithmic)
    seed_spread: float = 0.025  # the reconstruction, which chose the seed, saw other energies by so much

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
    time_failures: float = 0.001
    time_range: tuple = (-25.126, 22.77)


def images(card, particles, eta, rng):
    """Energy (GeV) and time (ns) of the crystals around the seed.

    Parameters
    ----------
    card : Calorimeter
    particles : tracker.Particles
        At least one of each event.
    eta : ndarray of shape (n,)
        Of the events.

    Returns
    -------
    float32 ndarray of shape (n, SIZE, SIZE, 2)
    """
    out = np.empty((len(eta), SIZE, SIZE, 2), np.float32)
    for first in range(0, len(eta), BATCH):
        last = min(first + BATCH, len(eta))
        cosh_eta = np.cosh(eta[first:last, None, None] + CELL * (np.arange(SIZE)[:, None] - SEED)).astype(np.float32)
        signal = showers(card, particles.of_events(first, last), cosh_eta[:, SEED, 0], rng)
        noise = noise_level(card, eta[first:last], rng).astype(np.float32)[:, None, None]
        width = np.sqrt(noise**2 + np.float32(card.grain) * signal)
        signal += width * rng.standard_normal(signal.shape, dtype=np.float32)
        out[first:last, ..., 0] = energy = read_out(card, signal, cosh_eta, rng)
        out[first:last, ..., 1] = times(card, energy, rng)
    return out


def noise_level(card, eta, rng):
    """Noise of a crystal in each image, GeV."""
    return card.noise * (1 + card.noise_growth * abs(eta)) * np.exp(card.noise_spread * rng.standard_normal(len(eta)))


# --------------------------------------------------------------------------------------------------
# Showers


def showers(card, particles, cosh_eta, rng):
    """Energy in each crystal without noise, (n, SIZE, SIZE), the seed at [SEED, SEED]."""
    n, event = len(cosh_eta), particles.event
    energy = (particles.pt * cosh_eta[event]) * card.response * rng.normal(1, card.constant_term, n)[event]
    first = hardest(event, energy)
    # the hardest particle enters its crystal anywhere
    middle = MARGIN + SEED
    row = particles.eta + (middle + rng.random(n) - 0.5 - particles.eta[first])[event]
    column = particles.phi + (middle + rng.random(n) - 0.5 - particles.phi[first])[event]
    radius = (card.core_radius * np.exp(card.core_spread * rng.standard_normal(n))).astype(np.float32)[event]
    canvas = np.zeros((n, CANVAS, CANVAS), np.float32)
    off_centre = np.maximum(abs(row - CANVAS / 2), abs(column - CANVAS / 2))
    for half, chosen in ((HALF, energy > card.soft), (SOFT_HALF, energy <= card.soft)):
        chosen &= off_centre < CANVAS / 2 - half - 1
        deposit(card, canvas, half, *(values[chosen] for values in (event, energy, row, column, radius)))
    return crop(card, canvas, rng)


def hardest(event, energy):
    """Index of the particle with the highest energy in each event."""
    order = np.lexsort((energy, event))
    return order[np.flatnonzero(np.diff(event[order], append=event.max() + 1))]


def deposit(card, canvas, half, event, energy, row, column, radius):
    """Add to the canvas what particles at (row, column) leave in the crystals up to `half` away."""
    row0, column0 = np.rint(row).astype(int), np.rint(column).astype(int)
    edges = np.arange(-half, half + 2) - 0.5
    y = (edges - (row - row0)[:, None]).astype(np.float32)
    x = (edges - (column - column0)[:, None]).astype(np.float32)
    core = core_integral(x[:, None, :] / np.float32(card.core_stretch), y[:, :, None], radius[:, None, None])
    core = core[:, 1:] - core[:, :-1]
    share = np.float32(card.core_share) * (core[:, :, 1:] - core[:, :, :-1])
    tail_share = 1 - card.core_share - card.halo_share
    for width, part in ((card.tail_width, tail_share), (card.halo_width, card.halo_share)):
        by_row, by_column = (np.diff(ndtr(z / np.float32(width)), axis=1) for z in (y, x))
        share += np.float32(part) * by_row[:, :, None] * by_column[:, None, :]
    share *= energy[:, None, None].astype(np.float32)
    window = np.arange(-half, half + 1)
    crystal = ((event * CANVAS + row0) * CANVAS + column0)[:, None, None] + window[:, None] * CANVAS + window
    canvas += np.bincount(crystal.ravel(), share.ravel(), canvas.size).reshape(canvas.shape)


def core_integral(x, y, radius):
    """Integral of R^2 / (pi (r^2 + R^2)^2), Grindhammer and Peters' profile, from (0, 0) to (x, y)."""
    a, b = np.sqrt(x * x + radius**2), np.sqrt(y * y + radius**2)
    return (x / a * np.arctan(y / a) + y / b * np.arctan(x / b)) / (2 * np.pi)


def crop(card, canvas, rng):
    """The SIZE x SIZE crystals around the seed: the highest energy in the eyes of the reconstruction.

    In 3 of 100 real images the seed is not quite the crystal with the highest energy.
    """
    near = canvas[:, SEED : SEED + 2 * MARGIN + 1, SEED : SEED + 2 * MARGIN + 1]
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
    kept |= (energy > card.lone_hit) & (abs(np.arange(SIZE) - SEED) <= card.lone_rows)[:, None]
    kept[:, SEED - 2 : SEED + 3] |= super_cluster(card, energy)[:, None, :]
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

    Never the seed's. Returns the crystals in and next to dead towers (n, SIZE, SIZE), which are always kept.
    """
    dead = rng.random(towers.shape) < card.dead_towers
    dead.ravel()[towers.index[:, SEED, SEED]] = False
    by_trigger = np.floor(np.maximum(tower_et, 0) / card.trigger_step) * card.trigger_step / TOWER**2
    in_dead = towers.crystals(dead)
    energy[in_dead] = (towers.crystals(by_trigger) * cosh_eta)[in_dead]
    crystal = rng.random(energy.shape, dtype=np.float32) < card.dead_crystals
    crystal[:, SEED, SEED] = False
    energy[crystal] = 0
    return grown(in_dead)


def super_cluster(card, energy):
    """Columns (n, SIZE) whose five crystals around the seed's row belong to the electron or photon.

    These are the "dominoes" of the hybrid clustering of CMS (CMS NOTE-2001/034): an unbroken group of columns above
    `column`, with one above `column_seed` among them.
    """
    column = energy[:, SEED - 2 : SEED + 3].sum(1)
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

    The seed's time serves as the reference of its image, and is nearly 0. A few pulses are not understood by the
    reconstruction, and come out anywhere in its range.
    """
    hit = np.flatnonzero(energy.ravel() > card.time_hit)
    sigma = np.minimum(card.time_max, np.hypot(card.time_constant, card.time_noise / energy.ravel()[hit]))
    sigma[hit % SIZE**2 == SEED * SIZE + SEED] /= 10
    measured = sigma * rng.standard_normal(len(hit), dtype=np.float32)
    failed = np.flatnonzero(rng.random(len(hit), dtype=np.float32) < card.time_failures)
    measured[failed] = rng.uniform(*card.time_range, len(failed))
    time = np.zeros(energy.size, np.float32)
    time[hit] = np.clip(measured, *card.time_range)
    return time.reshape(energy.shape)
