"""The physics of a planet in a disk: its gap, its wake, its reach, and how bright dust glows.

Functions of the radius r in au. A planet has the mass q in units of its star's; the disk around it has the aspect ratio
h = (scale height) / r = (speed of sound) / (orbital speed), and the viscosity alpha of Shakura and Sunyaev.

References
----------
K. D. Kanagawa et al., Mon. Not. R. Astron. Soc. 448 (2015) 994 (depth of a gap); Publ. Astron. Soc. Japan 68 (2016) 43
    (its width) and 69 (2017) 97 (its shape).
R. R. Rafikov, Astrophys. J. 569 (2002) 997, equation 44 (shape of the wake).
J. Bae, Z. Zhu, Astrophys. J. 859 (2018) 118 (secondary arms).
"""

import numpy as np

FLARING = 0.25  # h ~ r^0.25, the speed of sound ~ r^-0.25 and the temperature ~ r^-0.5
EARTH, JUPITER = 3.003e-6, 9.543e-4  # masses in solar masses
WIEN = 11.51  # K: h nu / k at 239.8 GHz (1250 micrometres), the wavelength of the official images


def aspect_ratio(r, h_50):
    """h at r, for h_50 at 50 au."""
    return h_50 * (r / 50) ** FLARING


def gap_depth(q, h, alpha):
    """Surface density at the bottom of a gap, in units of the disk's without planet: 1 / (1 + 0.04 K).

    K = q^2 h^-5 / alpha; Kanagawa et al. 2015.
    """
    return 1 / (1 + 0.04 * q**2 * h**-5 / alpha)


def gap_width(r_p, q, h, alpha):
    """Full width in au of the region with less than half of the density: 0.41 r_p K'^(1/4), K' = q^2 h^-3 / alpha.

    Kanagawa et al. 2016.
    """
    return 0.41 * r_p * (q**2 * h**-3 / alpha) ** 0.25


def gap(r, r_p, q, h, alpha):
    """Surface density around a planet at r_p, in units of the disk's without planet; same shape as r.

    A flat bottom with linear flanks: 4 K'^(-1/4) |r - r_p| / r_p - 0.32 between the bottom and 1 (Kanagawa et al.
    2017, equation 6). Its depth and its width at one half are those of gap_depth() and gap_width().
    """
    flank = 4 * (q**2 * h**-3 / alpha) ** -0.25 * np.abs(r - r_p) / r_p - 0.32
    return np.clip(flank, gap_depth(q, h, alpha), 1)


def wake_phase(r, r_p, h_p):
    """Angle in rad by which the wake trails the planet at radius r; negative where it leads (inside of the orbit).

    The path of a sound wave in the disk, d phi / dr = |Omega(r) - Omega_p| / c_s(r) (the WKB dispersion relation of
    density waves for many arms), has a closed form for power laws: Rafikov 2002. The planet goes round in the direction
    of growing angle, and the wake is at the angle of the planet minus this.
    """
    b = FLARING
    x = r / r_p
    path = x ** (1 + b) * (1 / (1 + b) - x**-1.5 / (b - 0.5)) - (1 / (1 + b) - 1 / (b - 0.5))
    return np.sign(r - r_p) * path / h_p


def wake_width(r, r_p, h_p, thickness):
    """Standard deviation of the wake in angle, in rad, for a radial thickness in units of the local scale height.

    At the planet it is about h_p; the wave steepens into a shock that broadens on its way. At most 1 rad.
    """
    winding = np.abs(1 - (r / r_p) ** 1.5)  # h r d phi / dr
    return np.minimum(np.hypot(h_p, thickness * winding), 1)


def wake_strength(r, r_p, q, h_p):
    """Largest relative change of the density along the wake.

    In proportion to the thermal mass ratio q / h^3 for light planets, saturating at 1.5, and falling with the distance
    from the planet, d, as d^(-5/4) beyond a few scale heights: there the wave is a shock, which decays (J. Goodman,
    R. R. Rafikov, Astrophys. J. 552 (2001) 793). The factor 1.5 is a choice, not theirs.
    """
    thermal = q / h_p**3
    distance = np.abs(r / r_p - 1)
    return 1.5 * thermal / (1 + thermal) / (1 + (distance / (4 * h_p)) ** 2) ** 0.625


def hill_radius(r_p, q):
    """Distance in au from the planet within which its gravity wins over that of its star."""
    return r_p * (q / 3) ** (1 / 3)


def planck(temperature):
    """Brightness of a black body at 239.8 GHz, in units of its limit for h nu = k 1 K; temperature in K."""
    return WIEN / np.expm1(WIEN / temperature)
