"""Physics of the simulated jets: what quarks and gluons, the field, the crystals and the reduction must do."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from common.datasets import to_bytes
from QuantumML import ecal, generate, simulate

pytest.importorskip("pythia8mc")
pytest.importorskip("fastjet")


@pytest.fixture(scope="module")
def jets():
    return simulate.labelled(700, 3)


def lit_pixels(X):
    return (X > 0.01 * X.max((1, 2), keepdims=True)).sum((1, 2))


def particles(pdg, pt, eta=0.0, phi=0.0, n=1):
    """n groups with one particle each."""
    ones = np.ones(n)
    return generate.Particles(np.arange(n), (pdg * ones).astype(int), pt * ones, eta * ones, phi * ones)


def test_same_seed_same_bytes():
    first, again, other = (to_bytes(simulate.labelled(30, seed)) for seed in (5, 5, 6))
    assert first == again != other


def test_images_and_labels(jets):
    assert jets.X.shape == (700, 30, 30) and jets.X.dtype == np.float32
    assert jets.y.dtype == np.int8 and 0.45 < jets.y.mean() < 0.55
    assert (jets.X >= 0).all() and jets.X.any((1, 2)).all()
    np.testing.assert_array_equal(jets.X % simulate.QUANTUM, 0)
    assert simulate.quarks(40, 1).y.tolist() == [1] * 40


def test_other_sizes():
    assert simulate.quarks(10, 0, size=40).X.shape == (10, 40, 40)
    with pytest.raises(ValueError, match="size is one of 12, 30, 40 pixels, not 31"):
        simulate.quarks(10, 0, size=31)
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, not 0"):
        simulate.labelled(0, 0)


def test_jets_are_those_of_the_selection(jets):
    pt = jets.meta["pt"]
    assert pt.min() >= 70 and pt.max() <= 300
    assert 95 < pt.mean() < 125
    # Momentum alone says little about the kind of parton: the images must.
    assert 0.40 < roc_auc_score(jets.y == 0, pt) < 0.55


def test_images_are_as_sparse_as_the_official_ones(jets):
    """The published picture shows few to about 25 lit pixels, the bright ones within about 10 pixels of the centre."""
    lit = lit_pixels(jets.X)
    assert np.percentile(lit, 2) < 6 and 17 < np.percentile(lit, 98) < 35
    row, column = np.divmod(jets.X.reshape(len(jets), -1).argmax(1), 30)
    distance = np.maximum(abs(row - 14.5), abs(column - 14.5))
    assert np.percentile(distance, 95) < 10


def test_gluon_jets_have_more_lit_pixels(jets):
    """Colour charge 3 against 4/3: gluons radiate more."""
    lit, gluon = lit_pixels(jets.X), jets.y == 0
    assert 1.2 < lit[gluon].mean() / lit[~gluon].mean() < 1.5
    assert 0.66 < roc_auc_score(gluon, lit) < 0.76


def test_gluon_jets_are_wider_before_the_detector():
    multiplicity, girth = [], []
    for gluon in (False, True):
        p, axes = generate.jets(gluon, 250, 11, reach=0.5)
        distance = np.hypot(p.eta, p.phi)
        multiplicity.append(len(p.pt) / len(axes))
        girth.append((p.pt * distance).sum() / p.pt.sum())
    assert 1.3 < multiplicity[1] / multiplicity[0] < 1.9  # about 1.5 at this momentum
    assert 1.15 < girth[1] / girth[0] < 1.8


def test_jets_point_where_their_particles_are():
    p, axes = generate.jets(False, 200, 4, reach=0.5)
    core = np.hypot(p.eta, p.phi) < 0.5
    pt = np.bincount(p.group[core], p.pt[core], len(axes))
    assert np.median(pt / axes[:, 0]) == pytest.approx(1, abs=0.03)
    for angle in (p.eta, p.phi):
        assert abs(np.average(angle[core], weights=p.pt[core])) < 0.01
    assert (abs(axes[:, 1]) < generate.JET_ETA).all()


def test_charged_particles_bend_by_their_charge_and_momentum():
    card = ecal.Card()
    phi, arrives = ecal.bent(card, np.zeros(4), np.array([10.0, 10.0, 1e6, 0.5]), np.array([1, -1, 1, 1]))
    assert phi[0] == pytest.approx(0.0735, abs=1e-3) and phi[1] == -phi[0]  # 0.3 * 3.8 T * 1.29 m / 2 = 0.735 GeV
    assert abs(phi[2]) < 1e-5
    assert arrives.tolist() == [True, True, True, False]  # below 0.735 GeV a track curls up


def test_photons_are_seen_in_full_and_hadrons_in_part():
    card = dataclasses.replace(ecal.Card(), conversion=0.0)
    rng = np.random.default_rng(0)
    seen = {}
    for name, pdg in (("photon", 22), ("electron", 11), ("pion", 211), ("muon", 13), ("neutron", 2112)):
        _, et, _, _ = ecal.deposits(card, particles(pdg, 20.0, n=4000), np.zeros(4000), rng)
        seen[name] = et.sum() / 4000 / 20
    assert seen["photon"] == pytest.approx(1, abs=0.01) and seen["electron"] == pytest.approx(1, abs=0.01)
    assert 0.2 < seen["pion"] < 0.4 and 0.2 < seen["neutron"] < 0.4
    assert seen["muon"] == pytest.approx(card.mip_energy / 20, rel=0.05)


def test_converted_photons_keep_their_energy_and_spread_in_phi():
    n = 4000
    card = dataclasses.replace(ecal.Card(), conversion=1.0, stochastic=0.0)
    _, et, eta, phi = ecal.deposits(card, particles(22, 20.0, n=n), np.zeros(n), np.random.default_rng(0))
    assert 0.95 < et.sum() / n / 20 <= 1 + 1e-6  # soft legs curl up
    assert (eta == 0).all() and phi.std() > 0.01 and abs(phi.mean()) < 0.005


def test_a_photon_lights_the_crystals_around_it():
    n = 300
    card = dataclasses.replace(ecal.Card(), jitter=0.0, spots=200)
    zeros = np.zeros(n)
    crystals = ecal.images(card, np.arange(n), np.full(n, 50.0), zeros, zeros, n, np.random.default_rng(0))
    assert crystals.shape == (n, 100, 100)
    around = crystals[:, 48:52, 48:52].sum((1, 2)) / 50
    assert 0.85 < around.mean() < 1.0
    assert crystals[crystals > 0].min() >= card.threshold


def test_resizing_samples_and_does_not_average():
    """From 100 to 30 pixels: centres at 7/6, 4.5, 47/6 crystals; those at 3, 6 and 9 are not seen."""
    image = np.zeros((1, 100, 100), np.float32)
    image[0, 4, 4] = 8.0
    image[0, 3, 4] = image[0, 6, 9] = 100.0
    small = ecal.resized(image, 30)
    assert small[0, 1, 1] == pytest.approx(2.0) and small.sum() == pytest.approx(2.0)
    flat = ecal.resized(np.full((1, 100, 100), 3.0, np.float32), 40)
    np.testing.assert_allclose(flat, 3.0, rtol=1e-6)


def test_resizing_is_that_of_torch():
    torch = pytest.importorskip("torch")
    image = np.random.default_rng(0).random((2, 100, 100)).astype(np.float32)
    for size in simulate.SIZES:
        peer = torch.nn.functional.interpolate(torch.tensor(image)[None], (size, size), mode="bilinear")[0]
        np.testing.assert_allclose(ecal.resized(image, size), peer, atol=1e-5)


def test_pile_up_is_uniform_and_adds_pixels():
    axes = np.tile([100.0, 0.3, 1.0], (600, 1))
    p = generate.pile_up(axes, np.full(600, 5), 0.87, np.random.default_rng(0))
    for angle in (p.eta, p.phi):
        counts, _ = np.histogram(angle, 4, (-0.87, 0.87), weights=p.pt)
        assert np.ptp(counts) < 0.25 * counts.mean()
    none, some = (
        lit_pixels(simulate.quarks(100, 1, card=dataclasses.replace(simulate.CARD, pile_up=mean)).X).mean()
        for mean in (0.0, 15.0)
    )
    assert some > none + 2
