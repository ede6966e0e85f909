"""The spin echo: the equations against an independent integration, the published echoes, and the labels."""

import numpy as np
import pytest
from scipy.linalg import expm

from NMRSpin import simulate, spins

RNG = np.random.default_rng(0)


def by_hand(coupling, detuning, dephasing, sequence):
    """One echo by direct sums over pairs and matrix exponentials of the precession, spin by spin."""
    n = len(coupling)
    site = np.arange(n)
    shift = (site[:, None] - site) % n
    pairs = coupling[shift[:, None, :, None], shift[None, :, None, :]].reshape(n * n, n * n)
    vectors = np.tile([0.0, -0.5, 0.0], (n * n, 1))
    M = []
    for step in range(sequence.steps):
        field = pairs @ (vectors[:, 0] + 1j * vectors[:, 1])
        for i, w in enumerate(zip(field.real, field.imag, detuning.ravel(), strict=True)):
            cross = np.array([[0, w[2], -w[1]], [-w[2], 0, w[0]], [w[1], -w[0], 0]])  # I x w as a matrix on I
            vectors[i] = expm(cross * sequence.dt) @ vectors[i]
        vectors[:, :2] *= np.exp(-dephasing * sequence.dt)
        if step + 1 == sequence.wait:
            vectors[:, [0, 2]] *= -1
        M.append(vectors[:, 0].mean() + 1j * vectors[:, 1].mean())
    return np.array(M)


@pytest.mark.parametrize("kind, xi", [("gauss", 1.5), ("rkky", 3.0)])
def test_agrees_with_spin_by_spin_integration(kind, xi):
    sequence = spins.Sequence(dt=2.0, wait=6, steps=14)
    coupling = 0.02 * spins.interaction(kind, xi, 5)
    detuning = RNG.uniform(-0.25, 0.25, (5, 5))
    M, _ = spins.evolve(coupling[None], detuning, [0.01], sequence)
    np.testing.assert_allclose(M[0], by_hand(coupling, detuning, 0.01, sequence), atol=1e-6)


def test_the_plain_rotation_keeps_lengths_and_turns_as_the_exponential_does():
    vectors, w = RNG.standard_normal((2, 3, 7))
    w[:, 0] = 0  # no field at all
    after = spins.turned(vectors, w)
    for vector, axis, new in zip(vectors.T, w.T, after.T, strict=True):
        cross = np.array([[0, axis[2], -axis[1]], [-axis[2], 0, axis[0]], [axis[1], -axis[0], 0]])
        np.testing.assert_allclose(new, expm(cross) @ vector, atol=1e-12)


def test_single_precision_is_enough():
    coupling = simulate.CALIBRATION * 12 * spins.interaction("gauss", 7.0)[None]
    single, _ = spins.evolve(coupling, simulate.shared_detunings(), [5e-4])
    double, _ = spins.evolve(coupling, simulate.shared_detunings().astype(np.float64), [5e-4])
    assert single.dtype == np.complex64 and abs(single - double).max() < 2e-5


def test_without_coupling_the_echo_brings_all_spins_back():
    """A Hahn echo refocuses every detuning: |M| is 1/2 times the decay of two waiting times."""
    sequence, rate = spins.Sequence(wait=50, steps=120), 1e-3
    M, kept = spins.evolve(np.zeros((1, 20, 20)), simulate.detunings(RNG, 20), [rate], sequence, snapshots=(99,))
    echo = 0.5 * np.exp(-rate * sequence.dt * 100)
    assert abs(M[0]).argmax() == 0  # right after the first pulse
    assert 50 + abs(M[0, 50:]).argmax() == 99
    assert abs(M[0, 99]) == pytest.approx(echo, abs=1e-5)
    np.testing.assert_allclose(kept[0][0, 1], -echo, atol=1e-5)  # each spin, not only their mean


def test_free_decay_is_that_of_the_lorentzian():
    """Without coupling |M| falls as the Fourier transform of the detunings: exp(-FWHM t / 2) where the cut is far."""
    sequence = spins.Sequence(wait=60, steps=40)
    M, _ = spins.evolve(np.zeros((1, 100, 100)), simulate.shared_detunings(), [0.0], sequence)
    t = 2.0 * np.arange(20, 41)
    # the tails that are cut off would add to the fast part of the decay: the slow part is larger by their share
    expected = 0.5 * np.exp(-simulate.LINEWIDTH / 2 * t) / (np.arctan(10) / (np.pi / 2))
    np.testing.assert_allclose(abs(M[0, 19:40]), expected, atol=0.02)


def test_rotation_keeps_the_length_of_a_spin():
    coupling = simulate.CALIBRATION * 20 * spins.interaction("gauss", 5.6)[None]
    _, kept = spins.evolve(coupling, simulate.shared_detunings(), [0.0], snapshots=(470,))
    np.testing.assert_allclose(np.linalg.norm(kept[0][0], axis=0), 0.5, atol=2e-4)


def test_equal_detunings_and_a_field_along_the_spins_do_nothing():
    """The mean field of parallel spins is parallel to them: without detunings an echo never leaves its direction."""
    coupling = 0.01 * spins.interaction("gauss", 2.0, 12)[None]
    M, _ = spins.evolve(coupling, np.zeros((12, 12), np.float32), [0.0], spins.Sequence(wait=10, steps=30))
    np.testing.assert_allclose(M[0], -0.5j, atol=1e-5)


def test_lattice_sums():
    """Continuum limits: pi xi^2 less the spin itself, and -pi^2 xi^2 / 8; and the published sums."""
    for xi in (4, 7, 15):
        assert spins.interaction("gauss", xi).sum() == pytest.approx(np.pi * xi**2 - 1, rel=1e-3)
    published = {4: -17.1, 7: -55.8, 15: -264, 30: -1118, 60: -3094}
    for xi, total in published.items():
        assert spins.interaction("rkky", xi).sum() == pytest.approx(total, rel=3e-3)


def test_interaction_is_periodic_symmetric_and_not_with_itself():
    for kind in ("gauss", "rkky"):
        f = spins.interaction(kind, [3.0, 8.0], 20)
        assert f.shape == (2, 20, 20) and not f[:, 0, 0].any()
        np.testing.assert_allclose(f[:, 1:, :], f[:, :0:-1, :])
        np.testing.assert_allclose(f, f.transpose(0, 2, 1))
        np.testing.assert_allclose(f[1, 3, 16], f[1, 3, 4])  # the shortest way round


PUBLISHED = [  # alpha, xi, d and |M| after 45, 100, 157 and 314 steps of four published echoes
    ("gauss", (12.499, 6.89, 6.07), (0.168, 0.220, 0.21, 0.05)),
    ("gauss", (8.181, 6.72, 6.50), (0.094, 0.042, 0.03, 0.21)),
    ("rkky", (4.422, 15.45, 6.77), (0.105, 0.063, 0.055, 0.24)),
    ("rkky", (19.478, 7.38, 6.02), (0.094, 0.042, 0.033, 0.165)),
]


def test_published_echoes():
    """Digitised figures, good to 0.008, of unknown detunings; a narrow echo is read off least well.

    Neither the draw nor the decay was chosen on these values, so their differences are what chance and reading leave.
    """
    M = np.stack([abs(simulate.echoes(kind, [labels])[0]) for kind, labels, _ in PUBLISHED])
    off = M[:, np.array([45, 100, 157, 314]) - 1] - [expected for *_, expected in PUBLISHED]
    assert np.sqrt((off**2).mean()) < 0.01
    assert abs(off[:, :3]).max() < 0.01 and abs(off[:, 3]).max() < 0.03
    np.testing.assert_allclose(M[:, 0], 0.496, atol=0.002)


def test_reference_simulator(real_samples):
    """Five echoes of the authors' own program, with its settings; ten draws, as its detunings are not known."""
    folder = real_samples / "NMRSpin"
    table = np.loadtxt(folder / "echo_params.txt")
    recorded = np.loadtxt(folder / "echoes_r.txt") + 1j * np.loadtxt(folder / "echoes_i.txt")
    *_, dt, _, half_width = np.loadtxt(folder / "sim_params.txt")
    np.testing.assert_allclose(recorded[:, 167], recorded[:, 166].conj(), atol=1e-6)  # before and after the pulse
    recorded = abs(np.delete(recorded, [0, 167], axis=1))  # after each of 498 steps
    coupling = np.stack([alpha * spins.interaction("gauss", xi) for alpha, xi in table[:, [0, 3]]])
    sequence = spins.Sequence(dt=dt, wait=166, steps=498)
    assert half_width == simulate.LINEWIDTH / 2
    rms = []
    for seed in range(10):
        M, _ = spins.evolve(coupling, simulate.detunings(np.random.default_rng(seed)), np.zeros(5), sequence)
        rms.append(np.sqrt(((abs(M) - recorded) ** 2).mean(axis=1)))
    rms = np.array(rms)
    assert np.median(rms.max(axis=1)) < 0.025 and np.median(rms.mean(axis=1)) < 0.012
    assert rms[1].max() < 0.025 and rms[1].mean() < 0.015  # one draw for all five echoes


@pytest.mark.parametrize("kind, expected", [
    ("gauss", (-0.83, -0.67, -0.49, -0.30, 0.19, 0.95)), ("rkky", None),
])
def test_labels(kind, expected):
    """The quantiles expected are those of published *predictions* of xi, which regress to the mean in the tail."""
    alpha, xi, d = simulate.draw_labels(kind, 20_000, np.random.default_rng(1)).T
    assert 0 < alpha.min() and alpha.max() <= 20 and xi.max() <= 70 and 6 <= d.min() and d.max() <= 12
    assert alpha.mean() == pytest.approx(10, abs=0.2)
    rate = 10 ** (-d / 2)
    assert rate.mean() == pytest.approx(5e-4, rel=0.02) and rate.max() == pytest.approx(1e-3, rel=1e-3)
    if expected:
        standard = (xi - xi.mean()) / xi.std()
        np.testing.assert_allclose(np.quantile(standard, (0, 0.05, 0.25, 0.5, 0.75, 0.9)), expected, atol=0.1)
        assert np.corrcoef(alpha, xi)[0, 1] == pytest.approx(-0.70, abs=0.06)
        assert 3.5 < xi.min() < 3.9
    else:
        assert 5.8 < xi.min() < 6.3


@pytest.mark.parametrize("kind", ["gauss", "rkky"])
def test_total_coupling_is_log_uniform(kind):
    alpha, xi, _ = simulate.draw_labels(kind, 2000, np.random.default_rng(2)).T
    W = alpha / 1e4 * np.array([abs(spins.interaction(kind, length).sum()) for length in xi])
    low, high = simulate.COUPLING
    share = np.log(W / low) / np.log(high / low)
    assert -0.01 < share.min() and share.max() < 1.01
    np.testing.assert_allclose(np.quantile(share, (0.25, 0.5, 0.75)), (0.25, 0.5, 0.75), atol=0.04)


def test_same_seed_same_bytes_and_shared_detunings():
    one, two, other = (simulate.simulate(3, seed, "rkky") for seed in (5, 5, 6))
    assert one.X.tobytes() == two.X.tobytes() and one.y.tobytes() == two.y.tobytes()
    assert not np.array_equal(one.y, other.y)
    assert one.X.shape == (3, 2, 471) and one.X.dtype == one.y.dtype == np.float32
    again = simulate.echoes("rkky", other.y)
    assert abs(other.X[:, 0] + 1j * other.X[:, 1] - again).max() < simulate.RESOLUTION
    np.testing.assert_array_equal(one.X / simulate.RESOLUTION, np.rint(one.X / simulate.RESOLUTION))


def test_fresh_detunings_change_an_echo_a_little():
    fresh = simulate.simulate(3, 5, "gauss", fresh=True)
    shared = simulate.echoes("gauss", fresh.y)
    difference = abs(fresh.X[:, 0] + 1j * fresh.X[:, 1] - shared)
    assert 10 * simulate.RESOLUTION < difference.mean() < 0.02


def test_bad_input():
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, not 0"):
        simulate.simulate(0, 1, "gauss")
    with pytest.raises(ValueError, match=r"expected \(m, 3\) finite numbers"):
        simulate.echoes("gauss", [[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"expected \(m, 3\) finite numbers"):
        simulate.echoes("gauss", [[1.0, np.nan, 7.0]])
    with pytest.raises(ValueError, match="choose 'gauss' or 'rkky'"):
        spins.interaction("dipole", 5.0)
    with pytest.raises(ValueError, match="use a shorter step or a weaker coupling"):
        simulate.echoes("gauss", [[200.0, 8.0, 7.0]])
    with pytest.raises(ValueError, match="expected .m, n, n."):
        spins.evolve(np.zeros((2, 8, 8)), np.zeros((9, 9)), [0.0, 0.0])
