"""The features, the network and the significance of the Higgs lesson."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.layers import PiecewiseLinear
from common.training import fit, predict, seed_everything
from Higgs import data, model, reference
from Higgs.columns import COLUMNS, INDEX, UNITS, columns, momenta, physical
from Higgs.simulate import mass, massless

EVENTS = data.load("valid", 2000)


def test_physical_units():
    X = physical(EVENTS.X)
    tags = columns(X, [f"jet_{i}_b_tag" for i in (1, 2, 3, 4)])
    np.testing.assert_allclose(tags, np.rint(tags), atol=1e-4)
    assert X[:, INDEX["lepton_pt"]].min() > 14.9
    assert abs(X[:, INDEX["lepton_phi"]]).max() < np.pi + 1e-3
    assert 75 < np.median(X[:, INDEX["m_lv"]]) < 85


def test_mass_of_two_jets_is_that_of_the_column():
    pt, eta, phi = momenta(EVENTS.X)
    tagged = columns(EVENTS.X, [f"jet_{i}_b_tag" for i in (1, 2, 3, 4)]) > 0
    both = tagged.sum(1) == 2
    p4 = massless(pt, eta, phi)[:, 2:]
    m_bb = mass((p4 * tagged[..., None]).sum(1))
    given = physical(EVENTS.X)[:, INDEX["m_bb"]]
    assert both.mean() > 0.6
    np.testing.assert_allclose(m_bb[both], given[both], rtol=1e-3)


def turned(X, angle):
    X = X.copy()
    for name in (name for name in COLUMNS if name.endswith("phi")):
        unit = UNITS[name]
        X[:, INDEX[name]] = ((X[:, INDEX[name]] * unit + angle + np.pi) % (2 * np.pi) - np.pi) / unit
    return X


def mirrored(X, ending):
    X = X.copy()
    X[:, [i for name, i in INDEX.items() if name.endswith(ending)]] *= -1
    return X


@pytest.mark.parametrize("change", [
    lambda X: turned(X, 1.3), lambda X: mirrored(X, "eta"), lambda X: mirrored(X, "phi"),
], ids=["turned", "mirrored along the beam", "mirrored around it"])
def test_features_do_not_change_under_the_symmetries(change):
    features = model.features(EVENTS.X)
    other = model.features(change(EVENTS.X))
    np.testing.assert_allclose(other, features, atol=2e-3)


def test_features_are_finite_numbers_of_the_documented_shape():
    assert model.low_level_features(EVENTS.X).shape == (2000, 58)
    assert model.high_level_features(EVENTS.X).shape == (2000, 7)
    assert np.isfinite(model.features(EVENTS.X)).all()
    np.testing.assert_array_equal(
        model.low_level_features(EVENTS.X[:, :21]), model.low_level_features(EVENTS.X)
    )


def test_piecewise_linear_encoding_is_monotonic_and_complete():
    x = np.linspace(0, 1, 101, dtype=np.float32)[:, None]
    code = PiecewiseLinear(x, bins=4)(torch.from_numpy(x)).numpy() + 0.5
    assert code.shape == (101, 4)
    np.testing.assert_allclose(code.sum(1) / 4, x[:, 0], atol=1e-5)
    np.testing.assert_array_equal(code[50], [1, 1, 0, 0])


def test_network_learns_more_than_one_column():
    train = data.load("train", 4000)
    X, X_valid = model.features(train.X), model.features(EVENTS.X)
    seed_everything(0)
    network = model.Network(X, width=32)
    fit(
        network, (X, train.y.astype("f4")), (X_valid, EVENTS.y.astype("f4")), epochs=6, lr=2e-3,
        loss=binary_cross_entropy_with_logits, score=roc_auc_score, progress=False,
    )
    assert roc_auc_score(EVENTS.y, predict(network, X_valid)) > 0.72
    probability = model.probability(network, X_valid)
    assert 0 < probability.min() and probability.max() < 1


def test_significance_of_a_small_signal_is_s_over_root_b():
    assert model.significance(1, 1e4, 0) == pytest.approx(0.01, rel=1e-3)
    assert model.significance(1, 100, 0.3) == pytest.approx(1 / np.sqrt(100 + 30**2), rel=0.01)


def test_significance_falls_with_the_uncertainty():
    values = [model.significance(50, 100, u) for u in (0, 0.01, 0.1, 0.5)]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(values[1], rel=0.02)
    assert model.significance(50, 100, 0) == pytest.approx(np.sqrt(2 * (150 * np.log(1.5) - 50)))


def test_significance_without_background_is_refused():
    with pytest.raises(ValueError, match="positive background"):
        model.significance(1, 0)


def test_distances_to_the_official_histograms():
    same = reference.distances(EVENTS, reference.make(EVENTS))
    assert same.to_numpy().max() < 1e-9
    moved = EVENTS[:]
    moved.X = EVENTS.X * np.float32(1.2)
    assert reference.distances(moved, reference.make(EVENTS)).loc["m_bb"].min() > 0.1


def test_simulation_is_near_the_official_histograms():
    distances = reference.distances(data.load("train", 12_000), reference.read())
    assert set(distances.index) == set(COLUMNS)
    assert distances.to_numpy().max() < 0.06
