"""Features, filters and scores of the lens challenges against cases that are known by heart."""

import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from common.challenge import SubmissionError
from StrongLensing import experiments, lens, model, pairs, restoration, sharpness, simulate
from StrongLensing.challenge import CHALLENGE, image_scores, macro_auc
from StrongLensing.exercises import galaxy_deflection, psnr, residual, restore_signal, sersic


def ring(waves=0, amplitude=0.0, size=64):
    """A ring of radius 20 pixels whose brightness has so many periods around it, shape (1, 1, size, size)."""
    axis = np.arange(size) - (size - 1) / 2
    x, y = np.meshgrid(axis, axis)
    light = np.exp(-((np.hypot(x, y) - 20) ** 2) / 18) * (1 + amplitude * np.cos(waves * np.arctan2(y, x)))
    return light[None, None].astype(np.float32)


@pytest.fixture(scope="module")
def lenses():
    return simulate.classification(60, seed=3)


def test_polar_image_of_a_round_ring_is_a_straight_band():
    unwrapped = model.polar(ring())[0]
    brightest = np.linspace(0.8 / model.RADII, 0.8, model.RADII)[unwrapped.mean(axis=1).argmax()] * 32
    assert abs(brightest - 20) < 1.1  # pixels; the radii are 1.07 pixels apart
    assert unwrapped.std(axis=1).max() < 0.02


@pytest.mark.parametrize("waves, stays", [(2, False), (4, False), (12, True), (30, True)])
def test_residual_keeps_many_periods_only(waves, stays):
    plain, rest = (residual(model.polar(ring(waves, a))) for a in (0.0, 0.2))
    assert (abs(rest - plain).max() > 0.1) == stays


def test_features_find_the_substructure(lenses):
    features = model.residual_features(lenses.X)
    assert features.shape == (60, 40) and np.isfinite(features).all()
    assert model.low_waves(lenses.X).shape == (60, 120)
    inside_the_ring = features[:, 2 * 5 + 1]  # third of 8 radii, second of 5 bands: 9 to 14 periods
    assert roc_auc_score(lenses.y != 2, inside_the_ring) > 0.8


def test_lenses_drawn_again_without_substructure(lenses):
    smooth, lumpy = np.flatnonzero(lenses.y == 2), np.flatnonzero(lenses.y == 1)
    np.testing.assert_array_equal(experiments.without_substructure(lenses, smooth), lenses.X[smooth])
    assert abs(experiments.without_substructure(lenses, lumpy) - lenses.X[lumpy]).max(axis=(1, 2, 3)).min() > 0.05
    before = lenses.meta["theta_E"].copy()
    r = np.hypot(*np.meshgrid(*2 * [np.arange(64) - 31.5]))
    radius = [(r * image[:, 0]).sum() / image.sum() for image in
              (experiments.without_substructure(lenses, smooth, larger) for larger in (1.0, 1.1))]  # fmt: skip
    assert 1.05 < radius[1] / radius[0] < 1.15 and (lenses.meta["theta_E"] == before).all()


def test_substructure_changes_nothing_in_a_smooth_lens_and_all_along_a_lumpy_ring(lenses):
    smooth, changes = experiments.what_substructure_changes(lenses, np.arange(60))
    assert np.allclose(smooth.max((1, 2)), 1) and not changes[lenses.y == 2].any()
    lumpy = lenses.y == 1
    again = smooth[lumpy] + changes[lumpy]
    np.testing.assert_allclose(simulate.to_unit_range(again), lenses.X[lumpy, 0], atol=1e-5)
    flat, _ = experiments.what_substructure_changes(lenses, np.arange(60), index=0.5)
    assert (flat > 0.9).mean() > 1.5 * (smooth > 0.9).mean()  # a source that is flat in its middle


def test_with_one_einstein_radius_lenses_are_the_published_ones():
    radius = float(simulate.THETA_E * simulate.RESCALING)
    X, y = experiments.with_theta_E(12, 5, radius, radius)
    published = simulate.classification(12, 5)
    np.testing.assert_array_equal(y, published.y)
    np.testing.assert_allclose(X, published.X, atol=1e-3)
    assert abs(experiments.with_theta_E(12, 5, 1.2, 1.3)[0] - X).max() > 0.5


def test_heavier_subhaloes_change_more(lenses):
    smooth = np.flatnonzero(lenses.y == 2)[:5]
    clean = experiments.without_substructure(lenses, smooth)
    change = [abs(experiments.with_subhaloes(lenses, smooth, mass) - clean).max() for mass in (1e7, 1e8, 1e9, 1e10)]
    assert change == sorted(change) and change[-1] > 0.1 > change[0]


def test_repairing_a_patch_without_a_difference_changes_nothing(lenses):
    torch.manual_seed(0)
    network = model.Network().eval()
    row = np.flatnonzero(lenses.y == 1)[0]
    clean = experiments.without_substructure(lenses, np.array([row]))[0]
    evidence = experiments.repair_map(network, lenses.X[row], clean, label=1)
    assert evidence.shape == (15, 15) and np.abs(evidence).max() > 0
    assert np.abs(experiments.repair_map(network, clean, clean, label=1)).max() < 1e-4


def test_the_best_patch_is_repaired_in_the_image_and_where_nothing_is_to_find(lenses):
    torch.manual_seed(0)
    network, rows = model.Network().eval(), np.flatnonzero(lenses.y == 1)[:3]
    images = lenses.X[rows].copy()
    repaired, controls = experiments.best_patch_repaired(network, lenses, rows, label=1)
    clean = experiments.without_substructure(lenses, rows)
    np.testing.assert_array_equal(lenses.X[rows], images)  # copies are repaired
    assert 1.02 in controls and min(controls) < 1
    for factor, (other, _) in controls.items():
        np.testing.assert_array_equal(other, experiments.without_substructure(lenses, rows, larger=factor))
    for i, image in enumerate(images):
        down, right = (places // 8 for places in np.nonzero((repaired[i] != image)[0]))
        assert len(set(down)) == len(set(right)) == 1
        patch = np.s_[:, 8 * down[0] : 8 * down[0] + 8, 8 * right[0] : 8 * right[0] + 8]
        np.testing.assert_array_equal(repaired[i][patch], clean[i][patch])
        odds = experiments.log_odds(network, np.stack([image, repaired[i]]), label=1)
        drops = experiments.repair_map(network, image, clean[i], label=1, stride=8)
        assert odds[0] - odds[1] == pytest.approx(drops.max(), abs=1e-4)
        for other, control in controls.values():
            other[i][patch] = clean[i][patch]
            np.testing.assert_array_equal(control[i], other[i])


def test_spectrum_is_that_of_a_turned_and_of_a_mirrored_ring():
    x = torch.rand(2, 1, 64, 64)
    strength = model.spectrum(x)
    assert strength.shape == (2, model.RADII, model.ANGLES // 2 + 1)
    for other in (x.flip(2), x.flip(3), torch.rot90(x, 1, (2, 3))):
        torch.testing.assert_close(model.spectrum(other), strength, rtol=1e-3, atol=1e-3)
    waves = model.spectrum(torch.from_numpy(ring(12, 0.2)))[0].max(dim=0).values
    assert waves[5:].argmax() == 12 - 5


def test_networks_sees_a_ring_and_pixels_with_details():
    assert model.Network()(torch.rand(2, 1, 64, 64)).shape == (2, 3)
    assert model.CNN()(torch.zeros(2, 1, 64, 64)).shape == (2, 3)
    assert model.views(torch.from_numpy(ring())).shape == (1, 4, 64, 64)
    assert model.views(torch.full((1, 1, 16, 16), 0.3))[:, 2:].abs().max() < 1e-5


def test_camera_adds_noise_and_levels():
    torch.manual_seed(0)
    x = torch.from_numpy(ring())
    x = x / x.amax()
    assert torch.equal(model.observe(x, 0.0), x)
    assert abs((model.observe(x, 0.01) - x)[..., :5, :5].std() - 0.01) < 0.005
    assert len(model.observe(x, 0.0, bits=3).unique()) == 8
    many = model.any_camera(x.expand(40, -1, -1, -1))
    rounded = [bool(torch.isin((255 * image).round(), torch.arange(256.0)).all()) and image.min() >= 0
               and torch.allclose(255 * image, (255 * image).round(), atol=1e-3) for image in many]  # fmt: skip
    assert 10 < sum(rounded) < 30 and many.amax((1, 2, 3)).allclose(torch.ones(40))


def test_what_a_reader_writes_agrees_with_the_simulator():
    x, y = lens.grid(16, 0.3)
    e = (1 - 0.82) / (1 + 0.82)
    found = galaxy_deflection(*np.broadcast_arrays(x[0].numpy(), y[0].numpy()), 0.81, 0.82)
    for value, expected in zip(found, lens.sie(x, y, 0.81, e, 0.0), strict=True):
        np.testing.assert_allclose(value, expected[0], atol=1e-4)
    light = lens.sersic(x, y, 1.0, 0.4, 2.0, e1=0, e2=1e-7)[0]  # of a round galaxy, as nearly as the formula allows
    np.testing.assert_allclose(sersic(x[0].numpy(), y[0].numpy(), 0.4, 2.0), light, rtol=0.01)
    truth, images = np.random.default_rng(0).random((2, 3, 1, 16, 16))
    np.testing.assert_allclose(psnr(truth, images), image_scores(truth, images)["PSNR"])
    signal, delta = np.sin(np.arange(32.0)), np.eye(1, 32)[0]
    np.testing.assert_allclose(restore_signal(signal, delta, np.full(17, 1e9)), signal, atol=1e-6)


def test_flips_mirror_whole_images():
    torch.manual_seed(0)
    x = torch.arange(16.0).view(1, 1, 4, 4).repeat(64, 1, 1, 1)
    flipped = model.flip(x)
    assert len(torch.unique(flipped.flatten(1), dim=0)) == 4
    assert torch.equal(flipped.flatten(1).sort(dim=1).values, x.flatten(1))


def test_wiener_filter_undoes_a_known_blur():
    rng = np.random.default_rng(0)
    coarse = rng.random((30, 1, 64, 64)).astype(np.float32)
    large = restoration.enlarge(coarse)
    kernel = np.exp(-((np.fft.fftfreq(128)[:, None] ** 2 + np.fft.rfftfreq(128) ** 2) * 20))
    fine = np.fft.irfft2(np.fft.rfft2(large) * kernel, s=(128, 128))
    found = restoration.wiener_filter(coarse, fine)
    used = np.abs(np.fft.rfft2(large)).mean(axis=(0, 1)) > 1
    np.testing.assert_allclose(found[used], kernel[used], atol=1e-3)
    np.testing.assert_allclose(restoration.apply_filter(found, coarse), fine.clip(0, 1), atol=1e-3)


def test_untrained_residual_network_is_interpolation_and_both_enlarge():
    x = torch.rand(2, 1, 64, 64)
    for network in (restoration.SRCNN(), restoration.ResidualNetwork(width=8, blocks=2)):
        assert network(x).shape == (2, 1, 128, 128)
    torch.testing.assert_close(network(x), network.brightness(restoration.enlarge(x)))


def test_brightness_takes_a_power_of_the_brightest_pixels_away():
    images = torch.rand(2, 1, 8, 8)
    brightness = restoration.Brightness()
    peak = images.flatten(1).sort().values[:, -9:].mean(dim=1)[:, None, None, None]
    torch.testing.assert_close(brightness(images), images / peak**0.75)
    torch.nn.init.ones_(brightness.a)
    torch.testing.assert_close(brightness(3 * images), images / peak)  # at the power 1 the units do not matter


def test_a_network_that_corrects_the_filter_is_untrained_the_filter_and_so_are_its_samples():
    rng = np.random.default_rng(0)  # the layer has single precision
    coarse, fine = rng.random((3, 1, 64, 64), np.float32), rng.random((3, 1, 128, 128), np.float32)
    H = restoration.wiener_filter(coarse, fine)
    network = restoration.ResidualNetwork(width=8, blocks=2, guess=restoration.LinearFilter(H))
    torch.nn.init.zeros_(network.brightness.a)  # as bright as the filter makes them
    np.testing.assert_allclose(restoration.restore(network, coarse), restoration.apply_filter(H, coarse), atol=1e-4)
    drawn = restoration.draw_samples(restoration.Sampler(network), coarse, pairs_of=1)
    np.testing.assert_allclose(drawn[:, :1], restoration.apply_filter(H, coarse), atol=1e-4)
    assert sum(weights.numel() for weights in network.parameters()) == sum(
        weights.numel() for weights in restoration.ResidualNetwork(width=8, blocks=2).parameters()
    )


def test_the_mean_of_eight_knows_no_up_and_down():
    class Ramp(torch.nn.Module):
        def forward(self, x):
            return restoration.enlarge(x) / 2 + torch.linspace(0, 0.2, 16)  # brighter to the right

    coarse = 0.5 + 0.5 * np.random.default_rng(0).random((2, 1, 8, 8), dtype=np.float32)  # nothing is cut off
    found = restoration.restore_eight(Ramp().eval(), coarse)
    np.testing.assert_allclose(found, restoration.enlarge(coarse) / 2 + 0.1, atol=1e-6)


def test_scores_of_images_need_less_memory_than_these():
    images = np.random.default_rng(0).random((100, 64, 64), np.float32)
    tracemalloc.start()
    scores = image_scores(images[:, None], images[::-1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(scores["MSE"]) == 100 and peak < images.nbytes


def test_the_loss_is_minus_psnr():
    fine, images = np.random.default_rng(0).random((2, 3, 1, 8, 8), dtype=np.float32)
    found = restoration.minus_psnr(torch.from_numpy(images), torch.from_numpy(fine)).item()
    assert found == pytest.approx(-psnr(fine, images).mean(), abs=1e-3)


def test_a_sampler_starts_as_its_network_and_the_score_as_the_absolute_error():
    torch.manual_seed(0)
    network = restoration.ResidualNetwork(width=8, blocks=1)
    torch.nn.init.normal_(network.layers[-2].weight, std=0.1)
    sampler, x, y = restoration.Sampler(network), torch.rand(2, 1, 64, 64), torch.rand(2, 1, 128, 128)
    torch.nn.init.zeros_(sampler.layers[1].weight[:, 4:])
    samples = sampler(x)
    torch.testing.assert_close(samples, network(x).expand(2, 2, 128, 128))
    torch.testing.assert_close(restoration.energy_score(samples, y), (network(x) - y).abs().mean())
    torch.nn.init.ones_(sampler.layers[1].weight[:, 4:])
    drawn = restoration.draw_samples(sampler, x.numpy(), pairs_of=2)
    assert drawn.shape == (2, 4, 128, 128) and drawn.min() >= 0 and drawn.max() <= 1
    assert abs(drawn[:, 0] - drawn[:, 1]).max() > 0 and abs(drawn[:, 0] - drawn[:, 2]).max() > 0


def test_the_energy_score_is_smallest_for_samples_spread_as_the_truth():
    generator = torch.Generator().manual_seed(0)
    truth, samples = (torch.randn(1, k, 200, 200, generator=generator) for k in (1, 2))
    scores = [float(restoration.energy_score(spread * samples, truth)) for spread in (0.0, 0.5, 1.0, 1.5, 2.0)]
    assert scores.index(min(scores)) == 2
    assert scores[2] == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)  # of a normal distribution


def test_smooth_rings_lack_the_substructure_only():
    dataset = pairs.super_resolution(12, seed=4)
    rings = np.flatnonzero(dataset.meta["scene"] == 0)
    smooth = pairs.smooth_rings(dataset, rings)
    change = abs(smooth - dataset.y[rings]).max((1, 2, 3))
    of_smooth = dataset.meta["kind"][rings] == simulate.NO
    assert change[of_smooth].max() == 0 and change[~of_smooth].min() > 0.02


def test_tiles_are_the_quarters():
    image = np.arange(32.0).reshape(2, 1, 4, 4)
    quarters = restoration.tiles(image)
    assert quarters.shape == (8, 1, 2, 2)
    np.testing.assert_array_equal(quarters[1, 0], image[0, 0, :2, 2:])
    np.testing.assert_array_equal(quarters[4, 0], image[1, 0, :2, :2])


def test_image_scores():
    truth = np.zeros((2, 128, 128))
    truth[:, 32:64] = 1
    scores = image_scores(truth, np.stack([truth[0], truth[1] * 0.9]))
    np.testing.assert_allclose(scores["MSE"], [0, 0.01 / 4], atol=1e-12)
    assert scores["PSNR"][0] == 200 and scores["SSIM"][0] == 1
    assert scores["PSNR"][1] == pytest.approx(10 * np.log10(4 / 0.01))
    assert scores["PSNR (own range)"][1] == pytest.approx(10 * np.log10(0.81 * 4 / 0.01))
    flat = image_scores(truth, np.zeros_like(truth))
    assert flat["PSNR (own range)"][0] == 0 and np.isfinite(flat["SSIM"]).all()


def test_macro_auc_and_submissions(tmp_path):
    truth = np.array([0, 1, 2, 0, 1, 2])
    perfect = np.eye(3)[truth]
    assert macro_auc(truth, perfect) == 1 and macro_auc(truth, np.full((6, 3), 1 / 3)) == 0.5
    task = CHALLENGE.task("classification")
    assert set(task.score(truth, task.submission.write(tmp_path, perfect)).values()) == {1.0}
    task = CHALLENGE.task("super_resolution")
    images = np.random.default_rng(0).random((2, 128, 128))
    scores = task.score(images, task.submission.write(tmp_path, images))
    assert list(scores)[0] == "PSNR" and scores["PSNR"] > 100
    with pytest.raises(SubmissionError, match="expected numbers from 0 to 1"):
        task.submission.write(tmp_path, images + 1)


def test_best_factors_are_those_of_least_squares():
    fine = np.random.default_rng(0).random((3, 1, 8, 8))
    factors = np.array([0.5, 1.0, 3.0])[:, None, None, None]
    np.testing.assert_allclose(sharpness.best_factors(fine / factors, fine), factors)
    image = fine + 0.3 * np.random.default_rng(1).standard_normal(fine.shape)
    best = sharpness.best_factors(image, fine)
    error = ((best * image - fine) ** 2).sum()
    assert error < min((((best + step) * image - fine) ** 2).sum() for step in (-0.01, 0.01))
    assert np.isfinite(sharpness.best_factors(0 * fine, fine)).all()


def test_ring_widths_are_ratios_of_full_widths():
    radius = np.hypot(*(np.indices((128, 128)) - 63.5))
    ring = [np.exp(-(((radius - 20) / sigma) ** 2) / 2) for sigma in (2.0, 4.0)]
    thin, thick = (image[None, None] for image in ring)
    np.testing.assert_allclose(sharpness.ring_widths(thin, thin), 1)
    np.testing.assert_allclose(sharpness.ring_widths(thick, thin), 2, rtol=0.05)
    np.testing.assert_allclose(sharpness.ring_widths(0.2 * thick, thin), 2, rtol=0.05)  # whatever its brightness


def test_errors_near_subhaloes_and_far():
    fine = np.zeros((2, 1, 128, 128))
    fine[:, 0, 60:70, 60:120] = 1
    images = fine.copy()
    images[:, 0, 64, 64] -= 0.5  # in the middle
    images[:, 0, 64, 110] -= 0.25
    heavy = experiments.subhalo_theta_E(1e10)
    lumps = np.zeros((2, 2, 3))
    lumps[0, 0] = 0, 0, heavy  # the second ring has none
    (a, n, b, m), (c, k, d, all_pixels) = sharpness.near_and_far(images, fine, lumps)
    assert (a, b, c, k) == (0.25, 0.0625, 0, 0) and d == 0.3125
    assert 0 < n < 60 and n + m == all_pixels == 600
    lumps[0, 0, 2] = experiments.subhalo_theta_E(1e9)  # too light
    assert sharpness.near_and_far(images, fine, lumps)[0, 1] == 0
