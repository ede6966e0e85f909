"""What the challenges with proton collisions share: Pythia 8, and flat arrays of the particles of many events."""

import numpy as np

SEEDS = 900_000_000  # the largest seed that Pythia takes


def seed_of(sequence):
    """A seed for Pythia, 1 to `SEEDS`, from a numpy SeedSequence."""
    return 1 + int(sequence.generate_state(1, np.uint64)[0]) % SEEDS


def start(pythia8mc, lines, seed, source=None):
    """A fresh, initialised Pythia.

    Parameters
    ----------
    pythia8mc : module
        From the caller, who says what to install where there is none.
    lines : list of str
        Settings.
    seed : int
        1 to `SEEDS`.
    source : pythia8mc.LHAup, optional
        From which it reads hard events; default: it makes its own.

    Raises
    ------
    ValueError
        Pythia does not know a setting.
    RuntimeError
        It could not be initialised.
    """
    pythia = pythia8mc.Pythia("", False)
    for line in [*lines, f"Random:seed={seed}"]:
        if not pythia.readString(line):
            raise ValueError(f"Pythia does not know the setting {line!r}")
    if source is not None:
        pythia.setLHAupPtr(source)
    if not pythia.init():
        raise RuntimeError("Pythia could not be initialised")
    return pythia


def flattened(records):
    """The particles of a batch of events, event after event.

    Parameters
    ----------
    records : Awkward array
        The `prt` of Pythia.nextBatch().

    Returns
    -------
    event, pdg, status : ndarray of int, shape (N,)
        `event` is the number of the event in the batch, from 0.
    p4 : ndarray of shape (N, 4)
        px, py, pz, E in GeV.
    """
    import awkward as ak

    event = np.repeat(np.arange(len(records)), ak.to_numpy(ak.num(records.id)))
    pdg, status = (ak.to_numpy(ak.flatten(records[name])) for name in ("id", "status"))
    p4 = np.stack([ak.to_numpy(ak.flatten(records.p[name])) for name in ("px", "py", "pz", "e")], axis=-1)
    return event, pdg, status, p4


def pairs(first_group, second_group):
    """All pairs of entries with the same group, from two arrays (N,) and (M,): two arrays of indices.

    The second array must be sorted; the pairs come in the order of the first.
    """
    low = np.searchsorted(second_group, first_group)
    counts = np.searchsorted(second_group, first_group, side="right") - low
    first = np.repeat(np.arange(len(first_group)), counts)
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, low[first] + within


def wrap(angle):
    """The same angle (rad; a number or an array) between -pi and pi."""
    return (angle + np.pi) % (2 * np.pi) - np.pi
