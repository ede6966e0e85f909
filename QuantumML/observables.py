"""Observables of jet images: what a detector is shown instead of, or besides, the pixels."""

from itertools import pairwise

import numpy as np

from QuantumML.data import check_images

LIT = 0.01  # of the brightest pixel
RING_EDGES = (0, 1, 2, 3, 4, 6, 8, 11, np.inf)  # pixels from the brightest one


def normalised(X):
    """Images (n, side, side) divided by their brightest pixels, float32, as the official notebook does.

    Raises ValueError where an image has no pixel above 0, or one that is negative or not finite.
    """
    X = check_images(X)
    return (X / X.max((1, 2), keepdims=True)).astype(np.float32)


def lit_pixels(X):
    """Number (n, 1) of pixels above 1 % of the brightest one."""
    return (normalised(X) > LIT).sum((1, 2))[:, None].astype(np.float32)


def distance_to_brightest(X):
    """Distance (n, side, side) of each pixel from the brightest one, the larger of its two components, in pixels."""
    n, side, _ = X.shape
    row, column = np.divmod(X.reshape(n, -1).argmax(1), side)
    i = np.arange(side)
    vertical, horizontal = abs(i - row[:, None]), abs(i - column[:, None])
    return np.maximum(vertical[:, :, None], horizontal[:, None, :])


def ring_sums(X, power, ring_edges=RING_EDGES):
    """Sum of (pixel / brightest pixel)**power over square rings around the brightest pixel, (n, rings).

    Power 0 counts lit pixels; 1 sums energy; 0.5 is between. The default rings are at 0, 1, 2, 3, 4-5, 6-7, 8-10 and
    11 or more pixels. An empty ring is 0.
    """
    Z, distance = normalised(X), distance_to_brightest(X)
    values = np.where(Z > LIT, Z**power, 0)
    edges = pairwise(ring_edges)
    rings = [(values * ((low <= distance) & (distance < high))).sum((1, 2)) for low, high in edges]
    return np.stack(rings, axis=1).astype(np.float32)


def ring_counts(X):
    """Lit pixels in each of eight square rings around the brightest pixel, (n, 8)."""
    return ring_sums(X, 0)


SUBSTRUCTURE = ("lit pixels", "sum", "second pixel", "energy dispersion", "width", "major", "minor", "entropy")


def substructure(X):
    """Eight observables of jet substructure, (n, 8), in the order of SUBSTRUCTURE.

    Energy dispersion is pT^D = sqrt(sum z^2) with z the shares of the energy; width, and the two axes of the energy
    distribution, are in pixels. After CMS Collaboration, JME-13-002 (quark-gluon likelihood).
    """
    Z = normalised(X)
    n, side, _ = Z.shape
    share = (Z / Z.sum((1, 2), keepdims=True)).reshape(n, -1)
    place = np.stack(np.divmod(np.arange(side**2), side)).astype(np.float32)
    offset = place[None] - (share @ place.T)[:, :, None]
    covariance = np.einsum("np,nip,njp->nij", share, offset, offset)
    minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(covariance), 0)).T
    width = (share * np.hypot(*np.moveaxis(offset, 1, 0))).sum(1)
    entropy = -(share * np.log(np.maximum(share, 1e-12))).sum(1)
    second = np.partition(Z.reshape(n, -1), -2, axis=1)[:, -2]
    sums = Z.sum((1, 2))
    columns = (lit_pixels(X)[:, 0], sums, second, np.sqrt((share**2).sum(1)), width, major, minor, entropy)
    return np.stack(columns, axis=1)


def pixels(X):
    """All pixels of the normalised images, (n, side * side)."""
    return normalised(X).reshape(len(X), -1)


def images(X):
    """Normalised images with an axis for the channel, (n, 1, side, side)."""
    return normalised(X)[:, None]
