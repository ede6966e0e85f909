"""Features, filters and scores of the lens challenges against cases that are known by heart."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from common.challenge import SubmissionError
from StrongLensing import experiments, model, restoration, simulate
from StrongLensing.challenge import CHALLENGE, image_scores, macro_auc


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
    plain, rest = (model.residual(model.polar(ring(waves, a))) for a in (0.0, 0.2))
    assert (abs(rest - plain).max() > 0.1) == stays


def test_features_find_the_substructure(lenses):
    features = model.residual_features(lenses.X)
    assert features.shape == (60, 44) and np.isfinite(features).all()
    inside_the_ring = features[:, 2 * 5 + 1]  # third of 8 radii, second of 5 bands: 9 to 14 periods
    assert roc_auc_score(lenses.y != 2, inside_the_ring) > 0.8


def test_lenses_drawn_again_without_substructure(lenses):
    smooth, lumpy = np.flatnonzero(lenses.y == 2), np.flatnonzero(lenses.y == 1)
    np.testing.assert_array_equal(experiments.without_substructure(lenses, smooth), lenses.X[smooth])
    assert abs(experiments.without_substructure(lenses, lumpy) - lenses.X[lumpy]).max(axis=(1, 2, 3)).min() > 0.05


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


def test_network_sees_details_where_the_image_changes():
    views = model.views(torch.from_numpy(ring()))
    assert views.shape == (1, 4, 64, 64) and model.views(torch.zeros(2, 1, 8, 8), detail=False).shape[1] == 2
    assert model.views(torch.full((1, 1, 16, 16), 0.3))[:, 2:].abs().max() < 1e-5
    assert model.Network()(torch.zeros(2, 1, 64, 64)).shape == (2, 3)


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


def test_untrained_residual_network_is_near_interpolation_and_both_enlarge():
    x = torch.rand(2, 1, 64, 64)
    for network in (restoration.SRCNN(), restoration.ResidualNetwork(width=8, blocks=2)):
        assert network(x).shape == (2, 1, 128, 128)
    network = restoration.ResidualNetwork(width=8, blocks=1)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    torch.testing.assert_close(network(x), restoration.enlarge(x))


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
