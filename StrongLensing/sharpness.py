"""How restored images are measured beside the true ones: brightness, width of a ring, error next to subhaloes."""

import numpy as np
from scipy.ndimage import map_coordinates

from StrongLensing.experiments import subhalo_theta_E

PIXEL = 0.04  # arcsec: a fine pixel of ring pairs
STEP = 0.25  # fine pixels along the radius


def best_factors(images, fine):
    """What each image has to be multiplied by to be nearest to the true one, which only the truth tells.

    Parameters
    ----------
    images, fine : ndarray of shape (n, 1, h, w)

    Returns
    -------
    ndarray of shape (n, 1, 1, 1)
        sum(f u) / sum(u^2), the least squares of f - s u in s.
    """
    total = dict(axis=(1, 2, 3), keepdims=True)
    return (images * fine).sum(**total) / np.maximum((images**2).sum(**total), 1e-12)


def ring_widths(images, fine):
    """Width of the rings along the radius, over that of the true ones.

    Parameters
    ----------
    images, fine : ndarray of shape (n, 1, size, size)
        Rings around the middle.

    Returns
    -------
    ndarray of shape (n,)
        Full width at half maximum, median over the directions in which the true ring is above 0.3.
    """
    ratios = []
    for image, truth in zip(images[:, 0], fine[:, 0], strict=True):
        profiles = _along_the_radius(truth)
        bright = profiles.max(axis=1) > 0.3
        widths = [np.median(_widths(part[bright])) for part in (_along_the_radius(image), profiles)]
        ratios.append(widths[0] / widths[1])
    return np.array(ratios)


def _along_the_radius(image):
    """Profiles (180 directions, radii) of an image."""
    middle = (len(image) - 1) / 2
    r, angle = np.meshgrid(np.arange(0, 0.94 * middle, STEP), np.linspace(0, 2 * np.pi, 180, endpoint=False))
    return map_coordinates(image, [middle + r * np.sin(angle), middle + r * np.cos(angle)], order=1)


def _widths(profiles):
    """Full widths at half maximum of profiles (n, radii), around their highest points."""
    at, top = np.arange(profiles.shape[1]), profiles.argmax(axis=1)[:, None]
    low = profiles < profiles.max(axis=1, keepdims=True) / 2
    after = np.where(low & (at > top), at, len(at)).min(axis=1)
    before = np.where(low & (at < top), at, -1).max(axis=1)
    return STEP * (after - before - 1)


def near_and_far(images, fine, substructure, reach=0.15, lightest=3e9):
    """Squared errors on bright rings, next to heavy subhaloes and elsewhere.

    Parameters
    ----------
    images, fine : ndarray of shape (n, 1, 128, 128)
        Ring pairs; a pixel is bright where the true one is above 0.3.
    substructure : ndarray of shape (n, k, 3)
        x, y and Einstein radius in arcsec, as in the meta of `StrongLensing.pairs`.
    reach : float
        Arcsec around a subhalo.
    lightest : float
        Solar masses.

    Returns
    -------
    ndarray of shape (n, 4)
        Of each ring the sum of squares and the number of pixels near, and the same elsewhere.
    """
    theta = (np.arange(fine.shape[-1]) - (fine.shape[-1] - 1) / 2) * PIXEL
    sums = []
    for image, truth, lumps in zip(images[:, 0], fine[:, 0], substructure, strict=True):
        bright, squared = truth > 0.3, (image - truth) ** 2
        near = np.zeros_like(bright)
        for x, y, theta_e in lumps:
            if theta_e >= subhalo_theta_E(lightest):
                near |= np.hypot(theta - x, theta[:, None] - y) < reach
        parts = squared[bright & near], squared[bright & ~near]
        sums.append([number for part in parts for number in (part.sum(), part.size)])
    return np.array(sums)
