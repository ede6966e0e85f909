"""Spins on a lattice that feel one another: the dynamics of a spin echo, many echoes at once.

Spins 1/2 sit on an n x n square lattice with periodic boundaries. Each turns about the sum of two fields: its own
detuning along z, and the mean field of the others in the plane, a convolution of the interaction with the spins.

Units: time in 1/gamma with gamma = 2 pi 10^6 / s (0.159 us), frequencies in gamma, lengths in lattice spacings.

References
----------
Carr, Snider, Feldman, Ramanathan, Marston and Mitrovic, arXiv:2110.06811 (the mean-field model).
"Spin Echo Sim", arXiv:2602.02732 (periodic lattice, the two interactions).
"""

from dataclasses import dataclass

import numpy as np
import torch

MAX_TURN = 0.3  # rad in a time step; see `rotation_terms`


@dataclass(frozen=True)
class Sequence:
    """The pulses: 90 degrees about x, `wait` steps of time, 180 degrees about y, and on to the last step.

    Attributes
    ----------
    dt : float
        Length of a time step, 1/gamma.
    wait : int
        Steps between the two pulses; the echo comes as many steps after the second.
    steps : int
        All steps. M is recorded after each.
    """

    dt: float = 2.0
    wait: int = 157
    steps: int = 471


def distances(n):
    """Distance of each site of the n x n lattice from site (0, 0), the shortest way round; (n, n)."""
    along = np.minimum(np.arange(n), n - np.arange(n))
    return np.hypot(along[:, None], along)


def interaction(kind, xi, n=100):
    """Strength of the interaction with a spin at each distance, nothing with itself.

    Parameters
    ----------
    kind : {"gauss", "rkky"}
        exp(-(r / xi)^2), or (x cos x - sin x) / x^4 with x = 2 r / xi (Ruderman and Kittel, Phys. Rev. 96 (1954) 99).
    xi : float or ndarray of shape (m,)
        Correlation length in lattice spacings.
    n : int
        Sites along a side.

    Returns
    -------
    ndarray of float64, shape (n, n) or (m, n, n)
    """
    r, xi = distances(n), np.asarray(xi, dtype=np.float64)[..., None, None]
    r[0, 0] = np.inf
    if kind == "gauss":
        return np.exp(-((r / xi) ** 2))
    if kind != "rkky":
        raise ValueError(f"unknown interaction {kind!r}: choose 'gauss' or 'rkky'")
    r[0, 0] = 1.0
    x = 2 * r / xi
    f = (x * np.cos(x) - np.sin(x)) / x**4
    f[..., 0, 0] = 0.0
    return f


def turned(spins, w):
    """Spins (3, ...) a unit of time later, if dI/dt = I x w, (3, ...).

    The plain form of what `evolve` does faster.

    Parameters
    ----------
    spins, w : ndarray of shape (3, ...)
        Vectors, and about what they turn: the length of w is the angle, rad.

    Returns
    -------
    ndarray of shape (3, ...)

    References
    ----------
    O. Rodrigues, J. Math. Pures Appl. 5 (1840) 380: the formula of a rotation.
    """
    angle = np.sqrt((w**2).sum(axis=0))
    axis = w / np.maximum(angle, 1e-12)
    along = axis * (spins * axis).sum(axis=0)
    across = np.cross(spins, axis, axis=0)
    return (along + (spins - along) * np.cos(angle)
            + across * np.sin(angle))  # fmt: skip


def rotation_terms(detuning_turn):
    """Two functions of the angle of a rotation, and their slopes, for spins that turn by their detuning.

    A rotation by the vector w (its length is the angle) needs sin|w| / |w| and (1 - cos|w|) / |w|^2. Both are smooth
    in |w|^2 = w_z^2 + b^2, and the turn b about the mean field is small: up to MAX_TURN their first-order expansion
    in b^2 is good to b^4 / 120 < 7e-5 (echoes of the hackathon have b <= 0.1: 8e-7).

    Parameters
    ----------
    detuning_turn : ndarray
        w_z, rad.

    Returns
    -------
    s0, s1, c0, c1 : ndarrays of the same shape
    """
    q = np.maximum(detuning_turn.astype(np.float64) ** 2, 1e-6)  # avoids 0 / 0; changes s0 by less than 2e-7
    angle = np.sqrt(q)
    s, c = np.sin(angle) / angle, (1 - np.cos(angle)) / q
    return s, (np.cos(angle) - s) / (2 * q), c, (s / 2 - c) / q


@torch.inference_mode()
def evolve(coupling, detuning, dephasing, sequence=Sequence(), snapshots=(), device="cpu"):
    """Echoes of a batch of samples.

    In each step the mean field B of the spins is held and every spin turns about it and its detuning, exactly as
    dI/dt = I x w with w = (Re B, Im B, detuning) says; then the transverse parts shrink by exp(-dephasing dt).

    Parameters
    ----------
    coupling : ndarray of shape (m, n, n)
        Field, in gamma, at site 0 of a spin of length 1 at each site: the interaction times its strength.
    detuning : ndarray of shape (n, n) or (m, n, n)
        Frequency of each spin relative to the pulses, gamma. Its dtype (float32, float64) is that of the calculation.
    dephasing : ndarray of shape (m,)
        Rate at which a transverse spin decays, gamma.
    sequence : Sequence
    snapshots : sequence of int
        Numbers of steps (from 0) after which to keep all spins.
    device : str or torch.device
        Where to calculate: "cuda" for a GPU.

    Returns
    -------
    M : complex ndarray of shape (m, steps)
        Mean of Ix + i Iy over the lattice after each step; at most 1/2.
    spins : list of ndarray of shape (m, 3, n, n)
        Ix, Iy, Iz after the steps of `snapshots`.

    Raises
    ------
    ValueError
        Shapes do not fit, or a time step is too long for the strength of the coupling.
    """
    coupling, detuning = np.asarray(coupling), np.asarray(detuning)
    _check(coupling, detuning, dephasing, sequence.dt)
    m, n = len(coupling), coupling.shape[-1]

    def tensor(values):
        return torch.from_numpy(np.array(values, dtype=detuning.dtype)).to(device)

    dz = tensor(detuning * sequence.dt)
    terms = [tensor(term) for term in rotation_terms(detuning * sequence.dt)]
    spectrum = torch.fft.fft2(tensor(coupling * sequence.dt)).real  # even in both directions, so its transform is real
    spectrum = torch.complex(spectrum, torch.zeros_like(spectrum))
    decay = tensor(np.exp(-sequence.dt * np.asarray(dephasing))[:, None, None])

    plane, z = dz.new_zeros(2, m, n, n), dz.new_zeros(m, n, n)
    x, y = plane
    y.fill_(-0.5)  # what the 90 degree pulse makes of spins that point up
    bx, by, *scratch = dz.new_empty(8, m, n, n)
    complex_plane = torch.empty_like(spectrum)
    M, kept = spectrum.new_empty(sequence.steps, m), {}

    # All in place: memory traffic, not arithmetic, is what such a loop spends its time on.
    for step in range(sequence.steps):
        transform = torch.fft.fft2(torch.complex(x, y, out=complex_plane))  # with out= it would be copied once more
        if step:
            M[step - 1] = transform[:, 0, 0]  # the zero frequency is the sum over the lattice
        field = torch.fft.ifft2(transform.mul_(spectrum))
        for part, values in ((bx, field.real), (by, field.imag)):
            if part.is_cpu:  # NumPy takes complex numbers apart twice as fast as torch
                np.copyto(part.numpy(), values.numpy())
            else:
                part.copy_(values)
        _turn((x, y, z), (bx, by, dz), terms, scratch)
        plane.mul_(decay)

        if step + 1 == sequence.wait:  # 180 degrees about y
            x.neg_()
            z.neg_()
        if step in snapshots:
            kept[step] = torch.stack([x, y, z], 1).cpu().numpy().copy()
    M[-1] = torch.complex(x, y).sum((1, 2))
    return M.T.cpu().numpy() / n**2, [kept[step] for step in snapshots]


def _check(coupling, detuning, dephasing, dt):
    """Raise ValueError where shapes do not fit, or a step dt is too long for the coupling; see `evolve`."""
    m, n = len(coupling), coupling.shape[-1]
    if coupling.shape != (m, n, n) or detuning.shape not in ((n, n), (m, n, n)) or np.shape(dephasing) != (m,):
        raise ValueError(
            f"coupling {coupling.shape}, detuning {detuning.shape} and dephasing {np.shape(dephasing)}: "
            "expected (m, n, n), (n, n) or (m, n, n), and (m,)"
        )
    turn = 0.5 * dt * np.abs(coupling).sum((1, 2)).max()
    if not turn <= MAX_TURN:
        raise ValueError(
            f"the mean field may turn a spin by {turn:.2g} rad in a step of {dt:g}, at most {MAX_TURN} is "
            "computed well: use a shorter step or a weaker coupling"
        )


def _turn(spins, angles, terms, scratch):
    """Turn all spins by Rodrigues' formula, I -> I + (s I + c I x w) x w, in place.

    Parameters
    ----------
    spins, angles : three tensors each of shape (m, n, n)
        I, and w: the angles about x, y and z, rad.
    terms : four tensors of shape (m, n, n) or (n, n)
        What `rotation_terms` returns: s and c as linear functions of the squared angle in the plane.
    scratch : six tensors of shape (m, n, n)
        Written over.
    """
    x, y, z = spins
    wx, wy, wz = angles
    s0, s1, c0, c1 = terms
    in_plane, s, c, ux, uy, uz = scratch
    torch.mul(wx, wx, out=in_plane).addcmul_(wy, wy)
    torch.addcmul(s0, s1, in_plane, out=s)
    torch.addcmul(c0, c1, in_plane, out=c)
    torch.mul(y, wz, out=ux).addcmul_(z, wy, value=-1)  # u = I x w
    torch.mul(z, wx, out=uy).addcmul_(x, wz, value=-1)
    torch.mul(x, wy, out=uz).addcmul_(y, wx, value=-1)
    for u, spin in ((ux, x), (uy, y), (uz, z)):  # u = s I + c I x w
        u.mul_(c).addcmul_(s, spin)
    x.addcmul_(uy, wz).addcmul_(uz, wy, value=-1)  # I + u x w
    y.addcmul_(uz, wx).addcmul_(ux, wz, value=-1)
    z.addcmul_(ux, wy).addcmul_(uy, wx, value=-1)
