"""The Higgs simulator: contract of simulate(), physics of its rows, and its parts on hand-made input."""

import sys

import numpy as np
import pytest

from Higgs import data, detector, generate, simulate

UNITS = np.array(list(simulate.UNITS.values()))
JETS = slice(5, 21)


def massless(rows):
    return simulate.massless(*np.moveaxis(np.asarray(rows, float), -1, 0))


@pytest.fixture(scope="module")
def events():
    pytest.importorskip("pythia8mc")
    return simulate.simulate(400, seed=11)


@pytest.fixture(scope="module")
def objects(events):
    """Columns in GeV and rad; jets (n, 4, 4) pt, eta, phi, tag."""
    columns = events.X * UNITS
    return columns, columns[:, JETS].reshape(-1, 4, 4)


def test_contract(events):
    assert events.X.shape == (400, 28) and events.X.dtype == np.float32
    assert events.y.shape == (400,) and events.y.dtype == np.int8
    assert np.isfinite(events.X).all()
    assert events.meta["columns"] == simulate.COLUMNS and events.meta["version"] == simulate.VERSION
    assert len(simulate.COLUMNS) == 28 == len(set(simulate.COLUMNS))
    assert abs(events.y.mean() - 0.53) < 0.1  # 4 sigma


def test_same_seed_same_bytes():
    pytest.importorskip("pythia8mc")
    seed = 2**127 + 3
    first, other, again = (simulate.simulate(40, s) for s in (seed, seed + 1, seed))
    assert first.X.tobytes() == again.X.tobytes() and first.y.tobytes() == again.y.tobytes()
    assert first.X.tobytes() != other.X.tobytes()


@pytest.mark.parametrize("n", [0, -3])
def test_refuses_no_events(n):
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, not "):
        simulate.simulate(n, 0)


def test_says_how_to_install_pythia(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythia8mc", None)
    with pytest.raises(ImportError, match="pip install"):
        simulate.simulate(10, 0)


def test_selection(objects):
    columns, jets = objects
    assert columns[:, 0].min() > 14.99 and abs(columns[:, 1]).max() <= 2.5
    assert jets[..., 0].min() > 14.99 and abs(jets[..., 1]).max() <= 3.0
    assert abs(columns[:, 2]).max() <= np.pi + 0.001
    distance = np.hypot(jets[..., 1] - columns[:, None, 1], detector.wrap(jets[..., 2] - columns[:, None, 2]))
    assert distance.min() > 0.39


def test_tags(objects):
    _, jets = objects
    level = np.rint(jets[..., 3])
    assert np.allclose(jets[..., 3], level, atol=1e-5) and set(np.unique(level)) <= {0, 1, 2}
    assert (level > 0).sum(1).max() == 2
    assert (abs(jets[..., 1])[level > 0] < 2).all()


def test_official_normalisation():
    X = data.load("train", 12_000).X  # means of 400 events would scatter by more than the bounds
    positive = [i for i, name in enumerate(simulate.COLUMNS) if not name.endswith(("eta", "phi"))]
    angles = [i for i, name in enumerate(simulate.COLUMNS) if name.endswith(("eta", "phi"))]
    assert np.allclose(X[:, positive].mean(0), 1, atol=0.07)
    assert np.allclose(X[:, angles].mean(0), 0, atol=0.05)
    assert np.allclose(X[:, angles].std(0), 1, atol=0.05)


def test_resonances(events, objects):
    columns, _ = objects
    signal = events.y == 1
    m_jj, m_lv, m_bb, m_wbb, m_wwbb = (
        columns[:, simulate.COLUMNS.index(c)] for c in "m_jj m_lv m_bb m_wbb m_wwbb".split()
    )
    assert 75 < np.median(m_jj) < 88 and 79 < np.median(m_lv) < 83
    assert 95 < np.median(m_bb[signal]) < 125
    assert 280 < np.median(m_wbb[signal]) < 340
    assert 380 < np.median(m_wwbb[signal]) < 450
    in_peak = (m_bb > 90) & (m_bb < 130)
    assert in_peak[signal].mean() > 1.5 * in_peak[~signal].mean()


def test_masses_of_a_known_event():
    jets = massless([[[60, 0.0, 0.0], [60, 0.0, 2.0], [40.2, 0.0, 1.0], [40.2, 0.0, 1.0 - np.pi], [30, 2.0, -2.0]]])
    tagged = np.array([[True, True, False, False, False]])
    lepton, met, met_phi = massless([[40.2, 0.5, 0.7]]), np.array([40.2]), np.array([0.7 - np.pi])
    jj, jjj, lv, jlv, bb, wbb, wwbb = simulate.high_level(jets, tagged, lepton, met, met_phi)[0]
    w_hadronic, w_leptonic = jets[0, 2] + jets[0, 3], lepton[0] + massless([40.2, 0.5, 0.7 - np.pi])
    b1, b2 = jets[0, :2]
    assert jj == pytest.approx(80.4) and lv == pytest.approx(80.4)
    assert bb == pytest.approx(120 * np.sin(1.0))  # two back-to-back-ish massless jets: m = 2 pt sin(dphi / 2)
    masses = [simulate.mass(b + w_hadronic) for b in (b1, b2)]
    nearest = int(abs(masses[1] - 175) < abs(masses[0] - 175))
    assert jjj == pytest.approx(masses[nearest])
    assert jlv == pytest.approx(simulate.mass((b1, b2)[1 - nearest] + w_leptonic))
    assert wbb == pytest.approx(max(simulate.mass(b1 + b2 + w) for w in (w_hadronic, w_leptonic)))
    assert wwbb == pytest.approx(simulate.mass(b1 + b2 + w_hadronic + w_leptonic))


def test_masses_do_not_depend_on_frame_or_order():
    rng = np.random.default_rng(0)
    jets = np.stack([rng.uniform(20, 90, (50, 6)), rng.uniform(-2, 2, (50, 6)), rng.uniform(-3, 3, (50, 6))], axis=-1)
    lepton = np.stack([rng.uniform(20, 90, 50), rng.uniform(-2, 2, 50), rng.uniform(-3, 3, 50)], axis=-1)
    met, met_phi = rng.uniform(10, 60, 50), rng.uniform(-3, 3, 50)
    tagged = np.arange(6) < 2
    before = simulate.high_level(massless(jets), np.tile(tagged, (50, 1)), massless(lepton), met, met_phi)
    turn, order = np.array([0, 0, 1.1]), rng.permutation(6)
    after = simulate.high_level(
        massless((jets + turn)[:, order]), np.tile(tagged[order], (50, 1)), massless(lepton + turn), met, met_phi + 1.1
    )
    assert np.allclose(before, after)


def test_neutrino_of_a_heavy_pair_is_at_the_lepton():
    lepton = massless([[100, 1.23, 0.0]])
    found = simulate.neutrino(lepton, np.array([100.0]), np.array([3.0]))
    assert detector.angles(found)[1][0] == pytest.approx(1.25)


def test_pair_probability():
    efficiency = np.array([[0.5, 0.4, 0.1, 0.0]])
    probability, _ = simulate.pair_probability(efficiency)
    assert probability[0] == pytest.approx(0.5 * 0.4 * 0.9 + 0.5 * 0.6 * 0.1 + 0.5 * 0.4 * 0.1)


def test_two_tags_are_drawn_in_proportion():
    rng, n = np.random.default_rng(1), 40_000
    loose = np.tile([0.5, 0.4, 0.1], (n, 1))
    accepted, level = simulate.tag_two_jets(loose, 0.8 * loose, rng)
    assert ((level > 0).sum(1) == 2).all()
    assert accepted.mean() == pytest.approx(0.23 / simulate.MAX_PAIR_PROBABILITY, abs=0.01)
    assert (level[:, 2] == 0).mean() == pytest.approx(0.18 / 0.23, abs=0.01)
    assert (level[level > 0] == 2).mean() == pytest.approx(0.8, abs=0.01)


def toy_particles(pdg, pt, eta, phi, event=None):
    p4 = massless(np.stack(np.broadcast_arrays(pt, eta, phi), axis=-1))
    event = np.zeros(len(p4), int) if event is None else event
    return generate.Particles(event, np.broadcast_to(pdg, len(p4)), p4)


def test_calorimeter_measures_energy():
    rng, n = np.random.default_rng(2), 4000
    particles = toy_particles(211, 20.0, rng.uniform(-2, 2, n), rng.uniform(-3, 3, n), np.arange(n))
    towers = detector.calorimeter(detector.Card(), particles, rng)
    assert np.average((towers.em + towers.had) / particles.p4[:, 3]) == pytest.approx(1, abs=0.01)
    assert np.average(towers.et) == pytest.approx(20, rel=0.01)
    neutrinos = toy_particles(14, 20.0, np.zeros(3), np.zeros(3))
    assert len(detector.calorimeter(detector.Card(), neutrinos, rng).event) == 0


def test_cone_jets_in_order_of_their_highest_tower():
    card = detector.Card()
    eta, phi = np.array([0.05, 0.55, 1.55, 0.05]), np.array([0.1, 0.1, 0.1, 3.0])
    energy = np.array([10.0, 9.0, 8.0, 30.0]) * np.cosh(eta)
    cell, _ = detector.cell_index(card, np.zeros(4, int), eta, phi)
    order = cell.argsort()
    towers = detector.Towers(*(a[order] for a in (np.zeros(4, int), cell, eta, phi, energy, np.zeros(4))))
    pt = detector.angles(detector.cone_jets(card, towers, 2))[0]
    assert np.allclose(pt[0, :3], [30, 19, 8], rtol=0.02) and (pt[0, 3:] == 0).all() and (pt[1] == 0).all()


def test_tag_efficiency_orders_flavours():
    et, eta = np.linspace(20, 150, 14), np.full(14, 0.5)
    for level in ("loose", "tight"):
        b, c, light = (detector.tag_efficiency(level, et, eta, f == 5, f == 4) for f in (5, 4, 0))
        assert (b > c).all() and (c > light).all() and (b < 0.6).all() and (light >= 0).all()
    assert (detector.tag_efficiency("loose", et, np.full(14, 2.1), True, False) == 0).all()
