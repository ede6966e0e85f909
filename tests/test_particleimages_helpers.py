"""The shower shapes, the input and the networks of the ParticleImages lessons."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.training import fit, seed_everything
from ParticleImages import data, exercises, helpers, model, residual
from ParticleImages.simulate import simulate

IMAGES = simulate(1500, seed=1)


def shape(name, X=IMAGES.X):
    return model.shower_shapes(X)[:, model.SHAPES.index(name)]


def image(*crystals):
    """One image with energies at (row, column, energy)."""
    X = np.zeros((1, 32, 32, 2), np.float32)
    for row, column, energy in crystals:
        X[0, row, column, 0] = energy
    return X


def test_shapes_of_an_image_done_by_hand():
    X = image((16, 16, 0.6), (16, 17, 0.3), (16, 20, 0.1))
    for name, value in {
        "sum": 1, "seed share": 0.6, "second share": 0.3, "third share": 0.1, "3x3 share": 0.9, "1x5 share": 0.9,
        "5x1 share": 0.6, "phi asymmetry": 0.3, "eta asymmetry": 0, "tail near": 0.1, "tail far": 0, "width eta": 0,
        "spread phi": np.sqrt(0.3 + 1.6), "lit": 3, "lit columns": 3, "lit rows": 1,
    }.items():  # fmt: skip
        assert shape(name, X)[0] == pytest.approx(value, abs=1e-6), name


def test_shapes_are_finite_and_do_not_change_in_a_mirror():
    shapes = model.shower_shapes(IMAGES.X)
    assert shapes.shape == (1500, len(model.SHAPES)) and np.isfinite(shapes).all()
    # the seed is at 16 of 32: rolled by one after the mirror, it is there again
    for axis in (1, 2):
        mirrored = np.roll(np.flip(IMAGES.X, axis), 1, axis)
        same = np.isclose(model.shower_shapes(mirrored), shapes, atol=1e-3, rtol=1e-3)
        assert same.mean() > 0.98  # crystals in row or column 0 have no partner


def test_electrons_are_wider_along_phi_and_not_along_eta():
    assert roc_auc_score(IMAGES.y, shape("width phi")) > 0.65
    assert roc_auc_score(IMAGES.y, shape("width eta")) < 0.5


@pytest.mark.parametrize(("channels", "planes"), [("energy", 2), ("time", 1), ("both", 3)])
def test_input_has_the_documented_shape(channels, planes):
    x = model.network_input(IMAGES.X[:50], channels)
    assert x.shape == (50, planes, 15, 27) and x.dtype == np.float32
    assert np.isfinite(x).all() and abs(x).max() < 5
    logits = model.CNN(planes, width=4)(torch.from_numpy(x))
    assert logits.shape == (50,)


@pytest.mark.parametrize("axis", [1, 2])
def test_input_does_not_change_in_a_mirror(axis):
    mirrored = np.roll(np.flip(IMAGES.X, axis), 1, axis)
    np.testing.assert_allclose(
        model.network_input(mirrored, "both"), model.network_input(IMAGES.X, "both"), atol=1e-4
    )


def test_input_does_not_change_its_argument():
    X = IMAGES.X[:20].copy()
    model.network_input(X, "both")
    np.testing.assert_array_equal(X, IMAGES.X[:20])


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="choose 'energy'"):
        model.network_input(IMAGES.X[:2], "colour")
    with pytest.raises(ValueError, match="expected images of shape"):
        model.network_input(IMAGES.X[:2, :, :, 0])
    X = IMAGES.X[:2].copy()
    X[1] = 0
    with pytest.raises(ValueError, match="image 1 has no energy"):
        model.network_input(X)


def test_network_learns():
    x, y = model.network_input(IMAGES.X), IMAGES.y.astype("f4")
    seed_everything(0)
    cnn = model.CNN(width=6)
    fit(
        cnn, (x[:1000], y[:1000]), (x[1000:], y[1000:]), epochs=3, batch_size=64, lr=3e-3,
        loss=binary_cross_entropy_with_logits, score=roc_auc_score, progress=False,
    )  # fmt: skip
    probability = model.probability(cnn, x[1000:])
    assert roc_auc_score(y[1000:], probability) > 0.62
    assert 0 < probability.min() and probability.max() < 1
    change = model.occlusion(cnn, x[:20])
    assert change.shape == (7, 27) and np.isfinite(change).all()
    assert change[3, 13] > 10 * np.median(change)  # the hottest crystal matters most


def test_groups_of_the_truth_cover_the_images():
    groups = helpers.truth_groups(IMAGES)
    photon, electron = IMAGES.y == 0, IMAGES.y == 1
    assert groups["all"].all()
    assert sum((groups[name] & photon).sum() for name in groups if name.startswith("photon")) == photon.sum()
    assert sum((groups[name] & electron).sum() for name in groups if name.startswith("electron")) == electron.sum()
    assert sum(groups[name].sum() for name in groups if name.startswith("|eta|")) == 1500


def test_pieces_of_a_flight_arrive_as_far_apart_as_bend_says():
    for particle, radius, share in [("electron", 0.4, 0.7), ("photon", 0.25, 0.2), ("photon", 1.2, 0.5)]:
        way, *pieces = helpers.flight(particle, radius, share)
        assert sum(piece[3] for piece in pieces) == pytest.approx(50) and way[3] == 50
        pt = np.array([50 * share, 50 * (1 - share)])
        bent = exercises.bend(pt, np.array([radius, radius]))
        apart = bent[1] if particle == "electron" else bent.sum()
        assert abs(pieces[0][2][-1] - pieces[1][2][-1]) == pytest.approx(apart)


def test_figure_of_a_flight_has_an_image_with_its_energy():
    fig, picture = helpers.flight_figure(helpers.flight("electron", 0.4, 0.7))
    plt.close(fig)
    assert picture.shape == (32, 32) and picture.sum() == pytest.approx(50, rel=0.05)
    core = picture[None, 13:20, 13:20].astype(float)
    assert exercises.width_along_phi(core) > exercises.width_along_phi(core.transpose(0, 2, 1))


def test_photon_that_does_not_convert_flies_straight_and_leaves_a_round_spot():
    pieces = helpers.flight("photon that does not convert", 0.4, 0.7)
    assert len(pieces) == 2 and all((phi == 0).all() and pt == 50 for _, _, phi, pt in pieces)
    fig, picture = helpers.flight_figure(pieces)
    plt.close(fig)
    # as usual: half of such photons have between 0.52 and 0.74 in the hottest crystal, and it is in the middle
    assert 0.52 < picture.max() / picture.sum() < 0.74 and picture.argmax() == 16 * 32 + 16
    left, right = picture[15:18, 15].sum(), picture[15:18, 17].sum()
    below, above = picture[15, 15:18].sum(), picture[17, 15:18].sum()
    assert max(abs(left - right), abs(below - above)) < 0.05 * picture.sum()


def like_pt(pt, start):
    bent = np.zeros_like(pt)
    bent[:] = exercises.bend(pt, start)
    return bent


def no_new_axis(energy):
    share = energy.sum(axis=1) / energy.sum(axis=(1, 2))[:, None]
    columns = np.arange(energy.shape[2])
    return np.sqrt((share * (columns - share @ columns) ** 2).sum(axis=1))


def five_columns(energy):
    return energy.sum(axis=1) @ np.arange(5)


def like_kernel(image, kernel):
    seen = np.zeros((len(image) - 2, image.shape[1] - 2), dtype=kernel.dtype)
    seen[:] = exercises.convolve(image, kernel)
    return seen


def two_by_two(image, kernel):
    return (image[0:2, 0:2] * kernel).sum()


@pytest.mark.parametrize("name, attempt, advice", [
    ("bend", like_pt, "pt may be integers"),
    ("width along phi", no_new_axis, "[:, None] makes one row a shower"),
    ("width along phi", five_columns, "np.arange(energy.shape[2])"),
    ("convolution", like_kernel, "Fractions are cut off"),
    ("convolution", two_by_two, "image[i:i + 3, j:j + 3]"),
    ("attention", lambda query, key, value: query @ key, "query @ key.T"),
])  # fmt: skip
def test_an_attempt_that_only_a_certain_input_shows_is_refused_with_advice(name, attempt, advice, capsys):
    assert exercises.exercises.use(name, attempt) is not attempt
    assert advice in capsys.readouterr().out


def test_occlusion_holds_the_total_energy_fixed():
    class Sum(torch.nn.Module):
        def forward(self, x):
            return model.total_energy(x)[:, 0]

    x = model.network_input(IMAGES.X[:5])
    np.testing.assert_allclose(model.occlusion(Sum(), x), 0, atol=1e-5)


def test_no_real_images_without_the_excerpt(data_home):
    assert data.excerpt() is None


def test_residual_network_sees_image_and_shapes():
    planes, shapes = model.network_input(IMAGES.X[:200]), model.shower_shapes(IMAGES.X[:200])
    network = residual.ImageAndShapes(shapes, width=4)
    x = torch.tensor(residual.together(planes, shapes), requires_grad=True)
    logits = network(x)
    assert logits.shape == (200, 6) and logits.isfinite().all()
    logits.square().sum().backward()
    image, numbers = x.grad[:, : planes[0].size], x.grad[:, planes[0].size :]
    outer = image.reshape(planes.shape).clone()
    middle = outer[:, :, 5:10, 3:24].clone()
    outer[:, :, 5:10, 3:24] = 0
    assert (middle.abs().sum(dim=(1, 2, 3)) > 0).all() and (numbers.abs().sum(dim=1) > 0).all()
    assert not outer.any()  # what is further out is left to the shapes


def test_groups_are_kinds_of_photons_and_of_electrons():
    group = residual.groups(IMAGES)
    assert ((group >= 3) == (IMAGES.y == 1)).all() and set(group) == set(range(len(residual.GROUPS)))
    radius = IMAGES.meta["conversion_radius"]
    assert np.isnan(radius[group == 0]).all() and not IMAGES.meta["converted"][group == 0].any()
    assert radius[group == 1].min() >= 0.6 > radius[group == 2].max()
    assert IMAGES.meta["radiated"][group == 3].max() < 0.1 and IMAGES.meta["radiated"][group == 5].min() >= 0.5


def test_probability_of_an_electron_is_that_of_its_kinds():
    logits = np.random.default_rng(0).normal(size=(50, 6))
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    p = share[:, 3:].sum(axis=1)
    np.testing.assert_allclose(residual.electron_logit(logits), np.log(p / (1 - p)))
    shapes = model.shower_shapes(IMAGES.X[:100])
    x = residual.together(model.network_input(IMAGES.X[:100]), shapes)
    p = residual.probability(residual.ImageAndShapes(shapes, outputs=2, width=4), x)
    assert p.shape == (100,) and ((p > 0) & (p < 1)).all()
