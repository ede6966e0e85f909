"""Features, views and experiments on disks: they see what they should, and follow the symmetries they claim."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from common.metrics import bootstrap
from Exoplanet import disk, experiments, model, real_disks, simulate
from Exoplanet.exercises import exercises

DISKS = simulate.detection(24, 5, size=96)


@pytest.mark.parametrize("inclination, angle", [(0.6, 0.3), (1.1, 2.2)])
def test_ellipses_find_the_view(inclination, angle):
    image = experiments.one_disk(inclination=inclination, position_angle=angle)
    ratio, found = model.ellipses(image[None])
    assert ratio[0] == pytest.approx(np.cos(inclination), rel=0.1)
    assert abs(np.sin(found[0] - angle)) < 0.05


def test_a_smooth_disk_has_no_residual_and_a_wake_has_one():
    ratio, angle = np.full(1, np.cos(0.6)), np.zeros(1)
    rest = {}
    for wake in (0.0, 1.0):
        image = experiments.one_disk(1e-3, 90.0, maturity=0.0, wake=wake, inclination=0.6)[None]
        rest[wake] = abs(model.residual(model.polar(image, ratio, angle)))[:, 4:30].max()
    assert rest[0.0] < 0.03 and rest[1.0] > 0.15


def test_profile_shows_the_gap():
    image = experiments.one_disk(1e-3, 90.0)[None]
    profile = np.median(model.polar(image, np.ones(1), np.zeros(1)), axis=2)[0]
    radii = 200 * np.linspace(model.INNERMOST, model.OUTERMOST, model.RINGS)
    bend = profile[2:-2] - (profile[4:] + profile[:-4]) / 2
    low = radii[2:-2][bend < bend.min() / 3]  # the gap is 31 au wide: its two walls bend most
    assert 70 < low.min() and low.max() < 110 and low.mean() == pytest.approx(90, abs=8)


def test_features_are_finite_and_do_not_depend_on_the_star():
    found = model.features(DISKS.X)
    assert found.shape == (24, 33) and found.dtype == np.float32 and np.isfinite(found).all()
    heavy = model.features(experiments.one_disk(2e-3, 90.0, wake=1.0)[None])
    smooth = model.features(experiments.one_disk()[None])
    assert abs(heavy - smooth).max() > 0.1


def test_views():
    seen = model.views(DISKS.X)
    assert seen.shape == (24, 3, model.RINGS, model.ANGLES) and seen.dtype == np.float32 and abs(seen).max() <= 1
    bright = np.clip(DISKS.X[:1], 1e-3, None)
    np.testing.assert_allclose(model.views(bright), model.views(bright / 10), atol=1e-4)  # only ratios count
    noisy = simulate.alma(3, 1).X
    assert model.views(noisy, 24, 32, model.asinh, 0.06).shape == (3, 3, 24, 32)


def test_asinh_is_a_logarithm_where_images_are_bright():
    x = np.float32([0.5, 1.0])
    assert np.diff(model.asinh(x))[0] == pytest.approx(np.log10(2), rel=0.01)
    assert model.asinh(np.float32([0.001]))[0] == pytest.approx(0.001 / 0.03 / np.log(10), rel=0.01)


def test_turn_and_flip_turns_and_mirrors():
    torch.manual_seed(0)
    row = torch.arange(5.0).reshape(1, 1, 1, 5)
    seen = {tuple(model.turn_and_flip(row).flatten().tolist()) for _ in range(200)}
    one = np.arange(5.0)
    assert seen == {tuple(np.roll(way, k)) for way in (one, one[::-1]) for k in range(5)}


def test_angles_go_round():
    torch.manual_seed(0)
    layer = model.block(2, 3).eval()
    x = torch.randn(1, 2, 6, 8)
    with torch.inference_mode():
        np.testing.assert_allclose(layer(torch.roll(x, 3, 3)), torch.roll(layer(x), 3, 3), atol=1e-5)


def test_a_ring_bends_the_profile_up_and_a_gap_down():
    profile = np.zeros((1, 24), np.float32)
    profile[0, 8], profile[0, 16] = 1, -1
    found = model.bend(profile)
    assert found.shape == (1, 24) and found.argmax() == 8 and found.argmin() == 16
    np.testing.assert_allclose(model.bend(profile + 5), found, atol=1e-6)


def test_averaged_turns_make_the_answer_independent_of_the_quarter():
    torch.manual_seed(0)
    network = model.Network(width=2).eval()
    turned = np.ascontiguousarray(np.rot90(DISKS.X[:6], axes=(2, 3)))
    one, other = (model.logits(network, model.views(X), turns=2) for X in (DISKS.X[:6], turned))
    assert one.shape == (6,)
    np.testing.assert_allclose(one, other, atol=0.01)


def test_splits():
    runs = np.repeat(np.arange(50), 3)
    for split in (experiments.random_split, experiments.run_split):
        train, test = split(runs, 0.3, 1)
        assert sorted([*train, *test]) == list(range(150)) and len(test) == 45
    train, test = experiments.run_split(runs, 0.3, 1)
    assert not set(runs[train]) & set(runs[test])
    train, test = experiments.random_split(runs, 0.3, 1)
    assert len(set(runs[train]) & set(runs[test])) > 20


def test_copies_by_run_keep_the_images_of_a_run_together():
    rng = np.random.default_rng(0)
    run, y = np.arange(300), np.arange(300) % 2
    p = y + rng.normal(0, 1.0, 300)
    single = experiments.bootstrap_runs(run, y, p)
    assert single.shape == (1, 200) and single.mean() == pytest.approx(roc_auc_score(y, p), abs=0.01)
    assert single.std() == pytest.approx(bootstrap(roc_auc_score, y, p).std(), rel=0.25)
    four_times = experiments.bootstrap_runs(*(np.repeat(a, 4) for a in (run, y, p)))
    np.testing.assert_allclose(four_times, single)  # copies of an image tell nothing more


def test_single_planets_change_only_the_planet():
    masses = 0, 5 * disk.EARTH, 5 * disk.JUPITER
    none, light, heavy = (experiments.single_planets(mass, 80.0, 4, 3, size=64) for mass in masses)
    np.testing.assert_array_equal(light, experiments.single_planets(masses[1], 80.0, 4, 3, size=64))
    each = experiments.single_planets(np.array([masses[1], masses[2], 0, 0]), np.full(4, 80.0), 4, 3, size=64)
    np.testing.assert_array_equal(each, np.concatenate([light[:1], heavy[1:2], none[2:]]))
    assert (abs(light - heavy).max((1, 2, 3)) > 1e-3).all()
    assert (abs(light - none).max((1, 2, 3)) < abs(heavy - none).max((1, 2, 3))).all()
    ratio_none, ratio_heavy = model.ellipses(none)[0], model.ellipses(heavy)[0]
    assert np.median(abs(ratio_none - ratio_heavy)) < 0.1  # the same views


def test_a_planet_without_its_traces_is_none():
    without = {"maturity": 0, "wake": 0, "vortex": 0, "glow": 0}
    bare, hidden, seen = (
        experiments.single_planets(mass, 80.0, 4, 3, size=64, **changes)
        for mass, changes in ((0, {}), (disk.JUPITER, without), (disk.JUPITER, without | {"wake": 1}))
    )
    np.testing.assert_allclose(hidden, bare, atol=1e-6)
    assert (abs(seen - bare).max((1, 2, 3)) > 1e-3).all()


def test_detections_are_what_is_above_the_threshold():
    found = experiments.detections(lambda X: X.mean((1, 2, 3)), [0, 1e-3], [50.0], -1.0, n=2, seed=0, size=48)
    np.testing.assert_array_equal(found, np.ones((2, 1, 2), bool))


def test_a_point_on_the_sky_is_found_again_face_on():
    radius, azimuth = np.array([0.3, 0.5, 0.9]), np.array([0.2, 2.0, 5.0])
    found = experiments.seen_face_on(*model.on_the_sky(radius, azimuth, 0.4, 1.1), 0.4, 1.1)
    np.testing.assert_allclose(found, (radius, azimuth))


def test_wakes_are_where_the_planet_makes_the_disk_brighter():
    with_planet, without = (experiments.single_planets(mass, 80.0, 12, 5) for mass in (2e-4, 0))
    x, y = experiments.wakes(2e-4, 80.0, 12, 5)
    column, row = (np.rint((place + 1) / 2 * simulate.SIZE - 0.5).astype(int) for place in (x, y))
    change = model.logarithm(with_planet / with_planet.sum((1, 2, 3), keepdims=True)) - model.logarithm(
        without / without.sum((1, 2, 3), keepdims=True)
    )
    at = np.array([image[0, r, c].mean() for image, r, c in zip(change, row, column, strict=True)])
    turned = np.array([image[0, -1 - r, -1 - c].mean() for image, r, c in zip(change, row, column, strict=True)])
    assert np.median(at - turned) > 0.02 and (at > turned).mean() > 0.8


def test_a_wake_is_followed_between_the_ends_that_are_asked_for():
    runs = simulate.draw_runs(60, np.random.default_rng(5))
    view = np.cos(runs["inclination"]), runs["position_angle"]
    for ends in ((0.5, 1.8), (0.2, 2.0)):
        path = experiments.wakes(2e-4, 80.0, 60, 5, ends=ends)
        radius = experiments.seen_face_on(*path, *(v[:, None] for v in view))[0] * simulate.HALF_WIDTH
        flat = (runs["lift"] < 0.1) & (runs["inclination"] < 1)  # of others the surface is seen beside the plane
        assert flat.sum() > 5
        np.testing.assert_allclose(radius[flat][:, [0, -1]], [np.multiply(ends, 80.0)] * flat.sum(), rtol=0.1)


def test_inner_edges_are_those_of_the_disks():
    edges = experiments.inner_edges(200, 5)
    assert edges.shape == (200,) and 3 <= edges.min() < 5 and 30 < edges.max() <= 35


def test_cells_that_a_path_crosses():
    radius = model.INNERMOST + (model.OUTERMOST - model.INNERMOST) * np.array([0.1, 0.1, 0.9, 1.5])
    cells = experiments.crossed(radius, np.array([0.1, -0.1, 3.2, 1.0]), 4, 8)
    assert np.argwhere(cells).tolist() == [[0, 0], [0, 7], [3, 4]]


def test_the_example_has_one_planet_and_a_view_that_is_found():
    disks = simulate.simulate(300, seed=0, size=64)
    row = experiments.clear_example(disks)
    ratio, _ = model.ellipses(disks.X[row : row + 1])
    assert disks.meta["n_planets"][row] == 1
    assert ratio[0] == pytest.approx(np.cos(disks.meta["inclination"][row]), abs=0.03)


def test_real_samples_are_read(real_samples, data_home):
    from Exoplanet import data

    if not (real_samples / "Exoplanet" / real_disks.RECOVERED.name).is_file():
        pytest.skip("no recovered images among the real samples")
    data_home.mkdir(parents=True, exist_ok=True)
    (data_home / "Exoplanet").symlink_to(real_samples / "Exoplanet")
    recovered, observed = data.load("test", source="official"), data.observed()
    assert recovered.X.shape == (6, 1, 128, 128) and recovered.y.tolist() == [0, 1, 1, 1, 1, 1]
    assert observed.X.shape == (2, 1, 64, 64) and observed.y is None and observed.X.max() == 1


def _by_matrix(radius, azimuth, ratio, angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    places = np.broadcast_arrays(radius * np.cos(azimuth), radius * np.sin(azimuth) * ratio)
    return tuple(np.einsum("ij,j...->i...", turn, np.stack(places)))


@pytest.mark.parametrize("attempt, advice", [
    (lambda radius, azimuth, ratio, angle: model.on_the_sky(radius, azimuth, ratio, float(np.cos(angle))), "arrays"),
    (_by_matrix, "write x and y out"),
    (lambda radius, azimuth, ratio, angle: model.on_the_sky(radius, azimuth, ratio, angle if angle else 0), "`if`"),
])  # fmt: skip
def test_lines_that_take_one_disk_only_are_refused(attempt, advice, capsys):
    assert exercises.use("deprojection", attempt) is model.on_the_sky
    assert advice in capsys.readouterr().out


@pytest.mark.parametrize("name", exercises)
def test_lines_in_single_precision_pass(name):
    def single(*arguments):
        return exercises[name].reference(*(np.float32(a) if np.asarray(a).dtype.kind == "f" else a for a in arguments))

    assert exercises.use(name, single) is single
