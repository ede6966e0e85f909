"""Simulated jet images as in the official quark/gluon set: Pythia jets in a parametrised CMS calorimeter.

    from QuantumML.simulate import labelled, quarks
    jets = labelled(2000, seed=0)  # X (2000, 30, 30) float32, y (2000,) int8, 1 for quark and 0 for gluon

The official images are reduced from those of Andrews et al., arXiv:1902.08276: the ECAL channel, cut to 100 x 100
crystals around the jet and interpolated to 30 x 30 pixels. Three steps, a file each: `generate` makes jets and the
pile-up around them, `ecal` turns them into crystals, and this file mixes the two kinds and reduces the images.

One number is fitted, the mean number of pile-up collisions: with 6, a convolutional autoencoder separates gluons from
quarks as well as it does on the official images, with AUC .66 at 30 x 30 and .70 at 40 x 40
(tests/benchmarks/quantumml_fidelity.py). The collisions of 2012 came with more, about 20, but a parametrised
calorimeter need not react to all of them as the real one did.

What differs: no underlying event; crystals of the same size in barrel and endcap, without cracks; a Pythia 8 shower
where CMS used Pythia 6; no parton of another kind in a dijet event.
"""

import numpy as np

from common.collisions import seed_of
from common.datasets import Dataset, check_n
from QuantumML import ecal, generate

VERSION = 1
SIZE = 30
SIZES = (12, 30, 40)  # of published reductions
CARD = ecal.Card()
QUANTUM = 1 / 32  # GeV; pixels are multiples of it: images compress better and lose less than the noise
GROUP = 500  # jets at a time: their crystals take 40 MB


def images_of(particles, axes, n_events, size, card, rng):
    """Images (n, size, size) of jets with n_events (n,) collisions of pile-up over them, in GeV."""
    overlaid = generate.pile_up(axes, n_events, card.reach, rng)
    parts = [ecal.deposits(card, p, axes[:, 1], rng) for p in (particles, overlaid)]
    deposits = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    crystals = ecal.images(card, *deposits, len(axes), rng)
    return np.rint(ecal.resized(crystals, size) / QUANTUM) * np.float32(QUANTUM)


def jets(gluon, n, seeds, size=SIZE, card=CARD):
    """n images (n, size, size) of one kind, none of them empty, and their pt (n,) in GeV; seeds is a SeedSequence."""
    pythia_seed, detector_seed = seeds.spawn(2)
    rng = np.random.default_rng(detector_seed)
    particles, axes = generate.jets(gluon, n, seed_of(pythia_seed), card.reach)
    n_events = rng.poisson(card.pile_up, n)
    X = np.empty((n, size, size), np.float32)
    for first in range(0, n, GROUP):
        rows = slice(first, first + GROUP)
        low, high = np.searchsorted(particles.group, (first, first + GROUP))
        part = particles[low:high]
        part.group = part.group - first
        X[rows] = images_of(part, axes[rows], n_events[rows], size, card, rng)
    pt = axes[:, 0].copy()
    empty = ~X.any((1, 2))  # about one in 10,000: no crystal that is sampled is above the threshold
    if empty.any():
        X[empty], pt[empty] = jets(gluon, int(empty.sum()), seeds, size, card)
    return X, pt


def _dataset(y, seeds, size, card):
    """Images of the kinds y (n,), 1 for quark."""
    X, pt = np.empty((len(y), size, size), np.float32), np.empty(len(y), np.float32)
    for label, kind_seeds in zip((1, 0), seeds.spawn(2), strict=True):
        rows = y == label
        if rows.any():
            X[rows], pt[rows] = jets(label == 0, int(rows.sum()), kind_seeds, size, card)
    return Dataset(X, y, {"pt": pt.round(2), "unit": "GeV", "simulator": "Pythia 8, parametrised ECAL"})


def _check(n, size):
    check_n(n)
    if size not in SIZES:
        raise ValueError(f"size is one of {', '.join(map(str, SIZES))} pixels, not {size}")
    generate.import_pythia()


def quarks(n, seed, size=SIZE, card=CARD):
    """n quark jets, and nothing else: what a detector of anomalies may train on.

    Parameters
    ----------
    n : int
    seed : int
        Non-negative, up to 128 bits. The same (n, seed) gives the same bytes on one platform.
    size : {12, 30, 40}
        Pixels along each side.
    card : ecal.Card

    Returns
    -------
    Dataset
        X float32 (n, size, size), transverse energy in GeV, not normalised; y int8 (n,), all 1. meta: pt (n,) of the
        jet before the detector in GeV.

    Raises
    ------
    ValueError
        n is not a whole number of at least 1, or size is unknown.
    ImportError
        Pythia or FastJet is not installed.
    """
    _check(n, size)
    return _dataset(np.ones(n, np.int8), np.random.SeedSequence(seed), size, card)


def labelled(n, seed, size=SIZE, card=CARD):
    """n quark and gluon jets, equally frequent and in random order. As quarks(), but y is 1 for quark, 0 for gluon."""
    _check(n, size)
    seeds = np.random.SeedSequence(seed)
    y = np.random.default_rng(seeds.spawn(1)[0]).integers(2, size=n).astype(np.int8)
    return _dataset(y, seeds, size, card)
