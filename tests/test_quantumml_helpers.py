"""Detectors: what they may train on, what they score, and what noise does to a circuit."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from common.datasets import Dataset
from QuantumML import circuits, classical_figures, data, helpers, model, noise, observables
from QuantumML.exercises import exercises

EVERY_DETECTOR = {
    "untrained": lambda: model.Untrained(observables.ring_counts),
    "linear": lambda: model.Linear(observables.ring_counts, 2),
    "Mahalanobis": lambda: model.Mahalanobis(observables.substructure),
    "forest": lambda: model.Forest(observables.ring_counts),
    "convolutional": lambda: model.conv_autoencoder(epochs=1),
    "small network": lambda: model.small_autoencoder(observables.ring_counts, epochs=1),
    "quantum": lambda: circuits.QuantumAutoencoder(circuits.autoencoder(n_layers=1), steps=2),
    "random circuit": lambda: circuits.RandomCircuit(circuits.autoencoder(n_layers=1)),
    "best unitary": lambda: circuits.BestUnitary(),
}


@pytest.fixture(scope="module")
def train():
    return data.load("train", 600)


@pytest.fixture(scope="module")
def test():
    return data.load("test", 800)


@pytest.mark.parametrize("name", EVERY_DETECTOR)
def test_no_detector_trains_on_gluons(name, train, test):
    """One gluon among many quarks is enough to be refused, and so are hidden or unknown labels."""
    detector = EVERY_DETECTOR[name]()
    one_gluon = Dataset(train.X, np.where(np.arange(600) == 17, 0, 1))
    with pytest.raises(ValueError, match="1 of 600 jets are gluon jets: this detector trains on quark jets only"):
        detector.fit(one_gluon)
    with pytest.raises(ValueError, match="jets are gluon jets"):
        detector.fit(test)
    with pytest.raises(ValueError, match="needs the labels"):
        detector.fit(Dataset(train.X, None))
    with pytest.raises(ValueError, match="needs the labels"):
        detector.fit(Dataset(train.X, train.y * 2))
    score = detector.fit(train).score(test.X)
    assert score.shape == (800,) and score.dtype == np.float64 and np.isfinite(score).all()


def test_gluons_only_on_demand(test):
    gluons = test[test.y == data.GLUON]
    with pytest.raises(ValueError, match="jets are quark jets: this detector trains on gluon jets only"):
        model.Linear(observables.ring_counts, kind=data.GLUON).fit(test)
    model.Linear(observables.ring_counts, 2, kind=data.GLUON).fit(gluons)


def test_scores_do_not_depend_on_the_other_jets(train, test):
    detector = circuits.QuantumAutoencoder(circuits.autoencoder(n_layers=1), steps=2).fit(train)
    np.testing.assert_allclose(detector.score(test.X)[5:9], detector.score(test.X[5:9]), atol=1e-6)


def test_features_of_a_known_image():
    image = np.zeros((1, 30, 30), np.float32)
    image[0, 10, 10], image[0, 10, 12], image[0, 13, 10], image[0, 29, 29] = 16.0, 1.0, 4.0, 0.1
    assert observables.normalised(image).max() == 1
    assert observables.lit_pixels(image).tolist() == [[3]]  # 0.1 is below 1 % of 16
    assert observables.ring_counts(image).tolist() == [[1, 0, 1, 1, 0, 0, 0, 0]]
    np.testing.assert_allclose(observables.ring_sums(image, 1)[0, [0, 2, 3]], [1, 1 / 16, 1 / 4])
    rings = circuits.Rings()
    rings.power = 0.5
    np.testing.assert_allclose(rings(image)[0, [1, 2]], [0.25, 0.5], rtol=1e-6)
    columns = dict(zip(observables.SUBSTRUCTURE, observables.substructure(image)[0], strict=True))
    assert columns["lit pixels"] == 3 and columns["second pixel"] == pytest.approx(0.25)
    assert columns["sum"] == pytest.approx(21.1 / 16)


def test_rings_are_drawn_kind_by_kind():
    fig, ax = plt.subplots()
    values, gluon = np.array([[1.0, 2.0], [3.0, 4.0], [10.0, 20.0], [30.0, 40.0]]), np.array([False, False, True, True])
    helpers.ring_profile(ax, values, gluon)
    quark_line, gluon_line = (line for line in ax.lines if line.get_marker() in ("o", "s") and len(line.get_ydata()))
    assert quark_line.get_ydata().tolist() == [2, 3] and gluon_line.get_ydata().tolist() == [20, 30]
    assert quark_line.get_linestyle() != gluon_line.get_linestyle()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["quark", "gluon"]
    plt.close(fig)


def test_a_panel_holds_one_kind_and_does_not_say_which():
    values, gluon = np.arange(12.0).reshape(6, 2), np.array([False, True, True, False, True, False])
    fig, means = helpers.angle_panels(values, gluon, n=2)
    shown = [ax.images[0].get_array().tolist() for ax in fig.axes if ax.images]
    assert shown == [[[0, 1], [6, 7]], [[2, 3], [4, 5]]] and means == [3.5, 3.5]
    assert "gluon" not in "".join(ax.get_title() for ax in fig.axes)
    plt.close(fig)


def test_substructure_does_not_change_when_the_jet_moves(test):
    image = np.zeros((2, 30, 30), np.float32)
    image[0, 5:9, 6:9] = image[1, 15:19, 12:15] = np.random.default_rng(0).random((4, 3)) + 0.1
    np.testing.assert_allclose(*observables.substructure(image), atol=1e-4)


def test_wrong_images_are_refused():
    for bad in (np.zeros((2, 30, 30)), np.ones((2, 30)), np.full((2, 30, 30), np.nan), -np.ones((2, 30, 30))):
        with pytest.raises(ValueError, match="no pixel above 0|expected square images|negative or not finite"):
            observables.normalised(bad)


def test_images_of_another_size_are_refused(train):
    larger = np.pad(train.X[:200], ((0, 0), (5, 5), (5, 5)))
    detector = model.Mahalanobis(observables.ring_counts).fit(train[:200])
    with pytest.raises(ValueError, match="images of 40 x 40 pixels, but this detector was trained on 30"):
        detector.score(larger)
    with pytest.raises(ValueError, match=r"images of \(40, 40\) pixels, expected \(30, 30\)"):
        model.conv_autoencoder(side=30, epochs=1).fit(Dataset(larger, train.y[:200]))


def test_the_network_has_the_size_of_the_original():
    size = sum(p.numel() for p in model.ConvNet().parameters())
    assert 0.95 < size / 35_019 < 1.05
    for side in (30, 40):
        assert model.ConvNet(side)(torch.zeros(2, 1, side, side)).shape == (2, 1, side, side)


def test_the_power_is_raised_where_all_jets_have_equally_many_pixels(train):
    """Counts spread enough on our jets; of jets with the same count only the energies differ."""
    assert circuits.Rings().fit(train.X).power < 0.5
    rng = np.random.default_rng(0)
    capped = np.zeros((300, 30, 30), np.float32)
    for image in capped:
        image[15, 15:21] = np.r_[1.0, rng.uniform(0.02, 0.9, 5) ** 2 + 0.011]
    assert circuits.Rings().fit(capped).power > 0.5


def test_angles_only_grow_with_what_is_in_a_jet(train):
    angles = circuits.Angles().fit(train.X)
    lonely = np.zeros((1, 30, 30), np.float32)
    lonely[0, 15, 15] = 3.0
    assert (angles(lonely) == 0).all()
    fuller = lonely.copy()
    fuller[0, 15, 17] = 1.0
    assert (angles(fuller) >= angles(lonely)).all() and angles(fuller).max() > 0
    assert np.pi - 0.01 < angles(train.X).max() <= np.float32(np.pi)


def test_product_states_are_those_of_the_circuit():
    encoded = np.random.default_rng(0).random((3, 4)).astype(np.float32)
    simulator = circuits.Simulator(circuits.autoencoder(4, 1, entangler=None))
    state = simulator(x=encoded, w=np.zeros(8))
    np.testing.assert_allclose(state.real, circuits.product_states(encoded), atol=1e-6)
    np.testing.assert_allclose(state.imag, 0, atol=1e-6)


def test_the_conserving_circuit_makes_and_removes_no_ones():
    """Its score can fall only by what the qubit that is kept takes, and that is one at most."""
    encoded = np.random.default_rng(0).uniform(0, np.pi, (3, 4)).astype(np.float32)
    simulator = circuits.Simulator(circuits.conserving(4))
    state = simulator(x=encoded, w=np.array([0.3, -2.0, 1.1]))
    ones = simulator.excitation(state, range(4))
    np.testing.assert_allclose(ones.sum(1), (np.sin(encoded / 2) ** 2).sum(1), atol=1e-5)
    assert abs(ones - np.sin(encoded / 2) ** 2).max() > 0.1  # but it moves them


def test_training_empties_the_trash_but_not_below_the_bound(train):
    short, longer = (
        circuits.QuantumAutoencoder(circuits.autoencoder(), steps=steps).fit(train).score(train.X).mean()
        for steps in (1, 60)
    )
    bound = circuits.BestUnitary(n_kept=1).fit(train).score(train.X).mean()
    assert bound < longer < 0.9 * short


def test_minimise_leaves_the_weights_it_starts_from_and_lowers_the_loss():
    start = torch.zeros(2)
    end, losses = circuits.minimise(lambda x, w: ((x - w) ** 2).mean(), start, torch.ones(10, 2), 100, 4, lr=0.1)
    assert (start == 0).all() and len(losses) == 100 and losses[-1] < 0.01 * losses[0]
    np.testing.assert_allclose(end, 1, atol=0.1)


def test_other_features_with_as_many_qubits(train):
    """As the first exercise of the quantum lesson: all qubits but one are trash, however many there are."""
    eight = circuits.autoencoder(n_qubits=8)
    detector = circuits.QuantumAutoencoder(eight, observables.ring_counts, steps=1).fit(train)
    assert detector.n_trash == 7 and np.isfinite(detector.score(train.X[:5])).all()


def test_circuit_is_drawn_with_each_gate_and_each_measurement():
    fig = helpers.circuit_figure(circuits.autoencoder(4, 1), n_trash=3)
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert texts.count("measure") == texts.count("trash") == 3 and texts.count("kept") == 1
    assert sum("(x)" in text for text in texts) == 4 and sum("(w)" in text for text in texts) == 8
    plt.close(fig)


def test_gluon_jets_score_higher_and_complexity_is_why(train, test):
    gluon = test.y == data.GLUON
    counted = model.Untrained(observables.lit_pixels).fit(train).score(test.X)
    learnt = circuits.BestUnitary().fit(train).score(test.X)
    assert roc_auc_score(gluon, counted) > 0.66 and roc_auc_score(gluon, learnt) > 0.62
    # Standardising takes away what "empty" means, and with it most of the score.
    even = model.standardised(observables.substructure, train)
    assert roc_auc_score(gluon, model.Linear(even, 4).fit(train).score(test.X)) < 0.6


def test_too_many_trash_qubits():
    with pytest.raises(ValueError, match="n_trash is 11, expected 1 to 10"):
        circuits.QuantumAutoencoder(circuits.autoencoder(), n_trash=11)


def four_qubits(train, steps=30):
    def features(X):
        return observables.ring_counts(X)[:, 1:5]

    return circuits.QuantumAutoencoder(circuits.autoencoder(4, 1), features, n_trash=3, steps=steps).fit(train)


def test_a_measurement_that_is_mostly_wrong_is_refused():
    pytest.importorskip("qiskit_aer")
    with pytest.raises(ValueError, match="wrong with probability 0.54: use at most 9"):
        noise.device_noise(readout=10)


def test_shots_estimate_the_score(train, test):
    pytest.importorskip("qiskit_aer")
    detector = four_qubits(train)
    exact, measured = detector.score(test.X[:30]), noise.scores(detector, test.X[:30], shots=4000)
    assert abs(measured - exact).max() < 4 * 0.5 / np.sqrt(4000)
    np.testing.assert_array_equal(measured, noise.scores(detector, test.X[:30], shots=4000))


def test_noise_lifts_low_scores_and_more_noise_lifts_more(train, test):
    pytest.importorskip("qiskit_aer")
    detector = four_qubits(train)
    low = test.X[np.argsort(detector.score(test.X))[:8]]
    exact = detector.score(low).mean()
    once, five_times = (noise.scores(detector, low, 2000, noise.device_noise(f, f)).mean() for f in (1.0, 5.0))
    assert exact < once < five_times
    none = noise.scores(detector, low, 2000, noise.device_noise(0, 0)).mean()
    assert none == pytest.approx(exact, abs=0.01)


CLOSED_FORMS = {
    "sum of two cases": lambda a, b: a * (1 - b) + b * (1 - a),
    "multiplied out": lambda a, b: a + b - 2 * a * b,
    "not equal": lambda a, b: 1 - (a * b + (1 - a) * (1 - b)),
    "with cosines": lambda a, b: (1 - (1 - 2 * a) * (1 - 2 * b)) / 2,
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_every_closed_form_of_the_two_qubits_is_right(name, capsys):
    """Whatever rounds in another way is no mistake."""

    def half_angles(theta):
        return CLOSED_FORMS[name](*(np.sin(theta / 2) ** 2).T)

    def full_angles(theta):
        return CLOSED_FORMS[name](*((1 - np.cos(theta)) / 2).T)

    for attempt in (half_angles, full_angles):
        assert exercises.use("two qubits", attempt) is attempt, capsys.readouterr().out


def test_a_matrix_is_as_good_as_amplitudes(capsys):
    def with_matrix(theta):
        turn = exercises["one qubit"].reference
        zero, one = turn(theta[:, 0])[0], turn(theta[:, 1])[0]
        state = np.einsum("ni,nj->nij", one, zero).reshape(-1, 4) @ np.eye(4, dtype=complex)[[0, 1, 3, 2]].T
        return (abs(state) ** 2)[:, [1, 3]].sum(1)

    assert exercises.use("two qubits", with_matrix) is with_matrix, capsys.readouterr().out


def test_a_division_in_float32_counts_the_same_pixels(capsys):
    def divided(images):
        share = (images / images.max(axis=(1, 2), keepdims=True)).astype(np.float32)
        return (share > 0.01).sum(axis=(1, 2))

    assert exercises.use("lit pixels", divided) is divided, capsys.readouterr().out


def test_rows_of_both_kinds_in_one_order():
    gluon = np.array([True, False] * 10)
    rows = classical_figures.two_rows(gluon, n=3, skip=2)
    assert [list(row) for row in rows] == [[4, 6, 8], [5, 7, 9]]


def test_component_row_shows_the_middle():
    components = np.zeros((3, 30, 30))
    components[1, 14, 16] = 0.5
    axes = classical_figures.component_row(components).axes[:3]
    shown = [ax.images[0].get_array() for ax in axes]
    assert [image.shape for image in shown] == [(12, 12)] * 3
    assert shown[1][7, 5] == 0.5 and not shown[0].any() and axes[1].get_title(loc="left") + axes[1].get_title() == "2"
