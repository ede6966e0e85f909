"""Gravitational lensing of many images at once, on a processor or a graphics card.

A ray that is seen at the angle theta comes from beta = theta - alpha(theta) in the source plane. Here are the
deflections alpha of the lenses of this challenge, the brightness of its sources, and the blur of a telescope.
All angles are in arcsec. Coordinates are tensors that broadcast: x of shape (1, 1, width) grows with the column,
y of shape (1, height, 1) with the row; what differs from image to image has shape (n, 1, 1).

    x, y = grid(64, 0.08)
    alpha_x, alpha_y = sie(x, y, theta_E=0.8, e1=0.1, e2=0.0)
    image = sersic(x - alpha_x, y - alpha_y, amplitude=1.0, radius=0.25, index=1.0)

Angles, axis ratios and signs follow lenstronomy (Birrer and Amara 2018, arXiv:1803.09746), so that the same numbers
give the same image; tests/test_stronglensing_simulate.py compares them.
"""

import math

import torch

FWHM = math.sqrt(8 * math.log(2))  # full width at half maximum of a Gaussian, in standard deviations
NOT_ROUND = 1e-4  # smallest ellipticity: the formulas of the SIE divide by it
TINY = 1e-14  # arcsec^2, so that a ray through a point mass stays finite


def grid(size, pixel, supersampling=1, *, device=None):
    """Angles x (1, 1, size * supersampling) and y (1, size * supersampling, 1) of an image centred on 0.

    Parameters
    ----------
    size : int
        Pixels along an axis.
    pixel : float
        Width of a pixel in arcsec.
    supersampling : int
        Rays along each axis of a pixel.
    """
    rays = size * supersampling
    axis = (torch.arange(rays, device=device) - (rays - 1) / 2) * (pixel / supersampling)
    return axis.float().view(1, 1, -1), axis.float().view(1, -1, 1)


def axis_ratio(e1, e2):
    """Axis ratio q and position angle (rad), as tensors, of an ellipse with ellipticity components e1, e2."""
    e1, e2 = torch.as_tensor(e1), torch.as_tensor(e2)
    e = torch.hypot(e1, e2).clamp(min=NOT_ROUND)
    return (1 - e) / (1 + e), torch.atan2(e2, e1) / 2


def rotate(x, y, angle):
    """Coordinates of (x, y) in axes that are turned by an angle in rad (a tensor)."""
    c, s = torch.cos(angle), torch.sin(angle)
    return c * x + s * y, c * y - s * x


# --------------------------------------------------------------------------------------------------
# Deflections


def sie(x, y, theta_E, e1, e2):
    """Deflection (alpha_x, alpha_y) by a singular isothermal ellipsoid at the origin.

    Kormann, Schneider and Bartelmann (1994), A&A 284, 285, in the form of Keeton and Kochanek (1998). Along and across
    the major axis, with the axis ratio q and psi = sqrt(q^2 x^2 + y^2):
        alpha_x = theta_E sqrt(q / (1 - q^2)) arctan(sqrt(1 - q^2) x / psi)
        alpha_y = theta_E sqrt(q / (1 - q^2)) artanh(sqrt(1 - q^2) y / psi)

    Parameters
    ----------
    x, y : tensor
        Angles in arcsec.
    theta_E : float or tensor (n, 1, 1)
        Einstein radius in arcsec: of the circle with the area inside the critical curve.
    e1, e2 : float or tensor (n, 1, 1)
        Ellipticity components. Where they are plain numbers the field is worked out once for all images.
    """
    q, angle = axis_ratio(e1, e2)
    along, across = rotate(x, y, angle)
    root = torch.sqrt(1 - q**2)
    psi = torch.sqrt(q**2 * along**2 + across**2 + TINY)
    a = torch.sqrt(q) / root * torch.arctan(root * along / psi)
    b = torch.sqrt(q) / root * torch.atanh(root * across / psi)
    a, b = rotate(a, b, -angle)
    return theta_E * a, theta_E * b


def shear(x, y, gamma1, gamma2):
    """Deflection (alpha_x, alpha_y) by an external shear (gamma1, gamma2), which has no unit."""
    return gamma1 * x + gamma2 * y, gamma2 * x - gamma1 * y


def point_masses(x, y, masses):
    """Deflection (alpha_x, alpha_y), each (n, height, width), by point masses.

    A mass with Einstein radius t at c deflects by t^2 (theta - c) / |theta - c|^2. With the weights
    w = t^2 / |theta - c|^2 the sum over masses is alpha = theta (sum w) - (sum w c): three sums over the same weights,
    which are one matrix product.

    Parameters
    ----------
    x, y : tensors (1, 1, width) and (1, height, 1)
        Angles in arcsec.
    masses : tensor (n, k, 3)
        Position x, y and Einstein radius of each mass in arcsec; a mass of radius 0 does nothing.
    """
    n, k, _ = masses.shape
    cx, cy, theta_E = masses.unbind(-1)
    across = (x - cx[..., None]).square_().add_(TINY)  # (n, k, width)
    down = (y.view(1, 1, -1) - cy[..., None]).square_()  # (n, k, height)
    inverse = (down[..., :, None] + across[..., None, :]).reciprocal_()
    strength = theta_E**2
    sums = torch.stack([strength, strength * cx, strength * cy], dim=1) @ inverse.view(n, k, -1)
    w, wx, wy = sums.view(n, 3, y.numel(), x.numel()).unbind(1)
    return x * w - wx, y * w - wy


def vortex(x, y, length, angle, theta_E, count=100):
    """Deflection (alpha_x, alpha_y), each (n, height, width), by a line of equal point masses through the origin.

    The masses are evenly spaced by h from -length to length. In the complex angle z along the line, in units of h, the
    sum over them has a closed form in the digamma function psi (Abramowitz and Stegun 1964, 6.3.6):
        sum_k 1 / (z - z_k) = psi(z + c + 1/2) - psi(z - c + 1/2),   c = count / 2,
    and alpha is its complex conjugate times theta_E^2 / h: a hundred masses cost as much as a few. The sum is odd in z
    and symmetric about the line, so it is worked out for positive coordinates. Near the ends of the line
        psi(t + 1/2) = ln(t + m) + 1 / (24 (t + m)^2) - sum_{j<m} 1 / (t + 1/2 + j)   within 1e-4 for m = 3,
    whose logarithms alone are a uniform rod. Beside the line t = z - c has a negative real part, and (6.3.7)
        psi(1/2 + t) = psi(1/2 - t) + pi tan(pi t)   shows the single masses.

    Parameters
    ----------
    x, y : tensors (1, 1, width) and (1, height, 1)
        Angles in arcsec.
    length : tensor (n, 1, 1)
        Half the length of the line in arcsec; more than 0.
    angle : tensor (n, 1, 1)
        Direction of the line in rad, from the x axis.
    theta_E : float or tensor (n, 1, 1)
        Einstein radius of one mass in arcsec.
    count : int
        Number of masses, at least 2 and even.
    """
    h = 2 * length / (count - 1)
    cos, sin = torch.cos(angle), torch.sin(angle)
    along = x * (cos / h) + y * (sin / h)
    across = y * (cos / h) - x * (sin / h)
    u, v = along.abs(), across.abs()

    t = u - count / 2  # from the end of the line
    beside = t < 0
    near_real, near_imaginary = _digamma_half(t.abs(), v)
    far = u + count / 2  # from its other end, so far that the logarithm is enough
    real = torch.log(far**2 + v**2) / 2 - near_real
    imaginary = torch.atan2(v, far) + torch.where(beside, near_imaginary - torch.pi, -near_imaginary)
    rows = torch.nonzero((beside & (v < 3)).view(-1)).squeeze(1)  # farther away, tan(pi t) is i
    cot = _pi_cotangent(t.view(-1)[rows] - 0.5, v.view(-1)[rows])
    real.view(-1)[rows] += cot[0]
    imaginary.view(-1)[rows] += cot[1] + torch.pi

    scale = theta_E**2 / h
    a, b = real * torch.sign(along), -imaginary * torch.sign(across)
    return scale * cos * a - scale * sin * b, scale * sin * a + scale * cos * b


def _digamma_half(real, imaginary):
    """psi(1/2 + z) of z = real + i imaginary with real >= 0, as a pair; see vortex()."""
    square = imaginary**2
    sum_real, sum_inverse = 0, 0
    for j in range(3):
        shifted = real + (j + 0.5)
        inverse = 1 / (shifted**2 + square)
        sum_real, sum_inverse = sum_real + shifted * inverse, sum_inverse + inverse
    real = real + 3
    norm = real**2 + square
    small = 1 / (12 * norm**2)
    a = torch.log(norm) / 2 + small * (norm / 2 - square) - sum_real
    b = torch.atan2(imaginary, real) + imaginary * (sum_inverse - small * real)
    return a, b


def _pi_cotangent(real, imaginary):
    """pi cot(pi z) of z = real + i imaginary, as a pair; imaginary must not be negative.

    With e = exp(-2 pi imaginary): cot = (4 e sin cos - i (1 - e^2)) / ((1 - e)^2 + 4 e sin^2), which loses no digits
    near the poles.
    """
    phase = torch.pi * (real - torch.round(real))
    sin, cos = torch.sin(phase), torch.cos(phase)
    rest = -torch.expm1(-2 * torch.pi * imaginary)  # 1 - e
    e = 1 - rest
    scale = torch.pi / (rest**2 + 4 * e * sin**2 + TINY)
    return 4 * e * sin * cos * scale, -rest * (1 + e) * scale


# --------------------------------------------------------------------------------------------------
# Light, and the telescope


def sersic(x, y, amplitude, radius, index, e1=0.0, e2=0.0):
    """Surface brightness of a Sersic (1963) profile with elliptical contours, centred on the origin.

    I = amplitude exp(-b ((R / radius)^(1 / index) - 1)), b = 1.9992 index - 0.3271 (Capaccioli 1989), and
    R^2 = q x^2 + y^2 / q along and across the major axis.

    Parameters
    ----------
    x, y : tensor
        Angles from the centre of the source in arcsec.
    amplitude, radius, index, e1, e2 : float or tensor (n, 1, 1)
        Brightness at the half-light radius; this radius in arcsec (the geometric mean of both axes); Sersic index (1
        exponential, 4 de Vaucouleurs); ellipticity components.
    """
    q, angle = axis_ratio(e1, e2)
    along, across = rotate(x, y, angle)
    R = torch.sqrt(q * along**2 + across**2 / q)
    b = 1.9992 * index - 0.3271
    reduced = R / radius
    if isinstance(index, torch.Tensor) or index != 1:
        reduced = reduced ** (1 / index)
    return amplitude * torch.exp(b - b * reduced)


def sersic_flux(radius, index):
    """Total flux of a Sersic profile of amplitude 1 (Graham and Driver 2005, arXiv:astro-ph/0503176, equation 4).

    2 pi n R^2 e^b b^(-2 n) Gamma(2 n), with R the geometric mean of both axes and b as in sersic().

    Parameters
    ----------
    radius, index : tensor
    """
    b = 1.9992 * index - 0.3271
    return 2 * torch.pi * index * radius**2 * torch.exp(b - 2 * index * torch.log(b) + torch.lgamma(2 * index))


def gaussian_blur(size, sigma, truncation=5.0, *, device=None):
    """Matrix (size, size) that blurs an axis with a Gaussian of sigma pixels.

    The kernel is sampled at whole pixels and ends after truncation * sigma; the outermost pixel is continued beyond the
    edge of the image. scipy.ndimage.gaussian_filter(mode="nearest") and so lenstronomy do the same.
    """
    reach = int(truncation * sigma + 0.5)
    offsets = torch.arange(-reach, reach + 1, dtype=torch.float64)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2) if sigma > 0 else torch.ones(1, dtype=torch.float64)
    kernel /= kernel.sum()
    rows = torch.arange(size)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    for offset, weight in zip(offsets.long().tolist(), kernel, strict=True):
        matrix[rows, (rows + offset).clamp(0, size - 1)] += weight
    return matrix.float().to(device)


def binning(size, factor, *, device=None):
    """Matrix (size, size * factor) that averages groups of factor rays of an axis."""
    return (torch.eye(size, device=device) / factor).repeat_interleave(factor, dim=1)


def apply_to_axes(matrix, images):
    """matrix @ image @ matrix^T of each image: what a blur or a binning of both axes is."""
    return matrix @ images @ matrix.T
