"""What the NMRSpin lesson learns with and draws: targets, models, the fit through the simulator, and figures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from NMRSpin import data, helpers, least_squares, model, simulate, spins
from NMRSpin.challenge import squared_errors

LABELS = simulate.draw_labels("gauss", 500, np.random.default_rng(3))


def test_targets_and_back():
    np.testing.assert_allclose(model.labels(model.targets(LABELS)), LABELS, rtol=1e-9)
    t = model.targets(LABELS)
    assert t[:, 2].min() > 0 and t[:, 2].max() <= 1
    assert np.quantile(t[:, 2], 0.5) == pytest.approx(0.5, abs=0.08)  # uniform, as the rate is


def test_labels_stay_within_what_the_data_can_have():
    alpha, xi, d = model.labels([[21, 9.0, -0.3], [-1, -2.0, 1.7]]).T
    assert alpha.tolist() == pytest.approx([20, 0.1])
    assert xi.tolist() == pytest.approx([70, 3])
    assert d.tolist() == pytest.approx([12, 6])


@pytest.mark.parametrize("kind", ["gauss", "rkky"])
def test_total_coupling(kind):
    y = np.array([[12.5, 6.9, 7.0], [3.0, 20.0, 7.0]])
    expected = [alpha * abs(spins.interaction(kind, xi).sum()) / 1e4 for alpha, xi, _ in y]
    np.testing.assert_allclose(model.total_coupling(kind, y), expected, rtol=2e-3)


def test_twins_have_the_same_total_coupling():
    y = np.array([[12.0, 6.0, 7.0], [model.same_coupling(12.0, 6.0, 11.0), 11.0, 7.0]])
    np.testing.assert_allclose(*model.total_coupling("gauss", y), rtol=2e-3)
    assert model.same_coupling(12.0, 6.0, 6.0) == 12.0


def test_columns_that_hardly_vary_are_not_blown_up():
    values = np.column_stack([np.tile([0, simulate.RESOLUTION], 50), np.tile([-1.0, 1.0], 50)])
    standard = model.Standard(values, model.FLOOR)
    small, large = standard.forward(values).std(axis=0)
    assert small < 0.1 and large == pytest.approx(1, abs=0.01)
    np.testing.assert_allclose(standard.back(standard.forward(values)), values, atol=1e-12)


@pytest.mark.parametrize("task, epochs", [("gauss", 200), ("rkky", 60)])
def test_models_are_ranked_as_the_lesson_says(task, epochs):
    """Physical targets help the ridge, and the network beats the ridge on labels."""
    labelled, *tests = (data.load(split, task=task) for split in ("train", "valid", "test"))
    part, valid = labelled[:720], labelled[720:]  # as in the lesson

    def mse(fitted):
        return np.mean([squared_errors(test.y, fitted.predict(test.X)) for test in tests])

    plain = mse(model.Ridge(np.float64, np.float64).fit(part.X, part.y))
    physical = mse(model.Ridge().fit(part.X, part.y))
    network = mse(model.Network(epochs=epochs).fit(part.X, part.y, valid.X, valid.y))
    assert physical < plain < 0.2
    assert network < plain


def test_fit_finds_the_labels_that_made_an_echo():
    y = np.array([[9.0, 7.5, 6.8], [4.0, 12.0, 7.5]])
    M = simulate.echoes("gauss", y)
    start = y + [[0.3, -0.1, 0.05], [-0.2, 0.4, -0.1]]
    found, rms = least_squares.fit_echoes("gauss", np.stack([M.real, M.imag], 1), start, steps=4)
    np.testing.assert_allclose(found, y, rtol=2e-3)
    assert rms.shape == (5, 2) and (np.diff(rms, axis=0) <= 0).all()
    assert (rms[-1] < 0.02 * rms[0]).all()


@pytest.mark.parametrize("labels", [(9.0, 7.5, 6.8), (3.29, 13.3, 6.95)])
def test_standard_errors_are_those_of_many_fits(labels):
    """Fits of noisy copies of one echo scatter as their covariance says, also where alpha and xi hardly differ."""
    y, noise = np.array([labels]), 1e-3
    M = simulate.echoes("gauss", y)
    X = np.stack([M.real, M.imag], 1)
    noisy = np.repeat(X, 8, axis=0) + noise * np.random.default_rng(0).standard_normal((8, *X.shape[1:]))
    found, rms = least_squares.fit_echoes("gauss", noisy, np.repeat(y, 8, axis=0), steps=3)
    expected = least_squares.standard_errors("gauss", y, noise)[0]
    z = (found - y) / expected
    assert 0.5 < np.sqrt((z**2).mean()) < 1.6  # 24 numbers, of which three each belong together
    np.testing.assert_allclose(rms[-1], noise, rtol=0.1)


@pytest.mark.parametrize(
    "kind, labels", [("gauss", (3.29, 13.3, 6.95)), ("gauss", (0.24, 41, 6.9)), ("rkky", (3, 20, 7))]
)
def test_standard_errors_do_not_depend_on_the_step(kind, labels, monkeypatch):
    expected = least_squares.standard_errors(kind, [labels], 1e-3)
    monkeypatch.setattr(least_squares, "SHIFT", 3e-3)
    np.testing.assert_allclose(least_squares.standard_errors(kind, [labels], 1e-3), expected, rtol=0.05)


def test_what_explorers_show():
    M, states = helpers.followed("gauss", [(0, 6.9, 6.1), (12.5, 6.9, 6.1)], [1, 314])
    np.testing.assert_allclose(M[1], simulate.echoes("gauss", [(12.5, 6.9, 6.1)])[0], atol=1e-6)
    x, y, _ = states[314].mean(axis=(2, 3)).T
    np.testing.assert_allclose(x + 1j * y, M[:, 313], atol=1e-5)


def test_figures():
    _, states = helpers.followed("gauss", [(12.5, 6.9, 6.1)], [314])
    fig = helpers.spins_and_signal(states[314], ["a sample"], {"alone": np.ones(471), "with it": np.ones(471)}, 314)
    assert len(fig.axes) == 2
    plt.close(fig)
    edges = np.sort(model.labels([model.LOWEST, model.HIGHEST]), axis=0)
    found = LABELS.copy()
    found[:4, 2] = edges[1, 2]
    fig = helpers.correlation(LABELS, {"four of d clipped": found}, edges)
    assert [len(ax.lines[2].get_xdata()) for ax in fig.axes] == [0, 0, 4]
    plt.close(fig)
