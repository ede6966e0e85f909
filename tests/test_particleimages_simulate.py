"""The ParticleImages simulator: contract of simulate(), published figures of its images, its parts by themselves."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ParticleImages import calorimeter, model, simulate, tracker

TRACKER, CALORIMETER = simulate.TRACKER, simulate.CALORIMETER


@pytest.fixture(scope="module")
def images():
    return simulate.simulate(20_000, seed=3)


@pytest.fixture(scope="module")
def arrivals():
    """Particles and truth of 20,000 events, and which are electrons."""
    rng = np.random.default_rng(1)
    electron = np.arange(20_000) % 2 == 1
    return *tracker.cross(TRACKER, rng.uniform(-1.2, 1.2, 20_000), electron, rng), electron


def of_class(images, label):
    return np.moveaxis(images.X[images.y == label].astype(float), -1, 0)


def test_contract(images):
    assert images.X.shape == (20_000, 32, 32, 2) and images.X.dtype == np.float32
    assert images.y.shape == (20_000,) and images.y.dtype == np.int8 and set(images.y) == {0, 1}
    assert np.isfinite(images.X).all()
    for name, dtype in (("eta", np.float32), ("converted", bool), ("conversion_radius", np.float32),
                        ("radiated", np.float32)):  # fmt: skip
        assert images.meta[name].shape == (20_000,) and images.meta[name].dtype == dtype, name
    assert images.meta["channels"] == ["energy", "time"] and images.meta["units"]["energy"] == "50 GeV"
    assert images.meta["version"] == simulate.VERSION


def test_labels_are_balanced_and_in_random_order(images):
    y = images.y.astype(float)
    assert abs(y.mean() - 0.5) < 0.014  # 4 sigma
    assert abs(np.corrcoef(y[1:], y[:-1])[0, 1]) < 0.03


def test_without_the_field_the_same_happens_but_nothing_bends():
    bent, straight = (simulate.simulate(1500, 2, tracker.Tracker(field=field)) for field in (3.8, 0))
    np.testing.assert_array_equal(bent.y, straight.y)
    np.testing.assert_array_equal(bent.meta["conversion_radius"], straight.meta["conversion_radius"])
    assert bent.X.tobytes() == simulate.simulate(1500, 2).X.tobytes()
    for images, low, high in ((bent, 0.6, 0.8), (straight, 0.44, 0.56)):
        assert low < roc_auc_score(images.y, model.shower_shapes(images.X)[:, model.SHAPES.index("width phi")]) < high


def test_same_seed_same_bytes():
    seed = 2**127 + 3
    first, other, again = (simulate.simulate(40, s) for s in (seed, seed + 1, seed))
    assert first.X.tobytes() == again.X.tobytes() and first.y.tobytes() == again.y.tobytes()
    assert first.meta["eta"].tobytes() == again.meta["eta"].tobytes()
    assert first.X.tobytes() != other.X.tobytes()


@pytest.mark.parametrize("n", [1, 2, calorimeter.BATCH, calorimeter.BATCH + 1])
def test_any_number(n):
    assert len(simulate.simulate(n, seed=0)) == n


@pytest.mark.parametrize("n", [0, -3])
def test_refuses_no_images(n):
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, not "):
        simulate.simulate(n, 0)


def test_a_hit_at_the_threshold_changes_nothing_but_its_own_time():
    """Processors round it to different sides; random numbers were once drawn for the hits alone."""
    energy = np.random.default_rng(0).exponential(0.1, (3, 32, 32)).astype(np.float32)  # GeV
    above, below = energy.copy(), energy.copy()
    above[0, 2, 3], below[0, 2, 3] = np.nextafter(CALORIMETER.time_hit, [1, 0], dtype=np.float32)
    first, second = (calorimeter.times(CALORIMETER, e, np.random.default_rng(1)) for e in (above, below))
    assert first[0, 2, 3] != 0 == second[0, 2, 3]
    first[0, 2, 3] = 0
    np.testing.assert_array_equal(first, second)


# --- The images ----------------------------------------------------------------------------------------------------

# Of the official files: pixel mean, pixel std, sum of squares an image, seed crystal; time std.
PUBLISHED = {1: (0.0012158, 0.022603, 0.525, 0.62, 0.0693), 0: (0.0012235, 0.024789, 0.631, 0.70, 0.0655)}


@pytest.mark.parametrize("label", [0, 1])
def test_published_statistics(images, label):
    energy, time = of_class(images, label)
    mean, std, squares, seed, time_std = PUBLISHED[label]
    assert energy.mean() == pytest.approx(mean, rel=0.02)
    assert energy.std() == pytest.approx(std, rel=0.025)
    assert (energy**2).sum((1, 2)).mean() == pytest.approx(squares, rel=0.03)
    assert energy[:, 16, 16].mean() == pytest.approx(seed, rel=0.025)
    assert time.std() == pytest.approx(time_std, rel=0.05)


def test_ranges(images):
    energy, time = images.X[..., 0], images.X[..., 1]
    assert energy.min() == 0 and 1.2 < energy.max() < 1.55
    assert -2.5127 <= time.min() < -2.3 and 2.1 < time.max() < 2.28


def seed_in_dead_tower(images):
    """Whether five crystals of the seed's row, the seed among them, are alike: what the trigger saw, spread evenly."""
    row = images.X[:, 16, 12:21, 0].astype(float)
    five = np.lib.stride_tricks.sliding_window_view(row, 5, axis=1)
    return ((five.min(2) > 0) & (five.max(2) < five.min(2) * (1 + 1e-5))).any(1)


def test_seed_is_in_the_middle(images):
    energy = images.X[..., 0].reshape(len(images), -1)
    highest, seed = energy.argmax(1), energy[:, 16 * 32 + 16]
    assert 0.955 < (highest == 16 * 32 + 16).mean() < 0.985  # in 97 of 100 official images
    row, column = np.divmod(highest[(seed > 0) & ~seed_in_dead_tower(images)], 32)
    assert max(abs(row - 16).max(), abs(column - 16).max()) < 12


def test_dead_channels_do_not_spare_the_seed(images):
    assert seed_in_dead_tower(images).mean() == pytest.approx(CALORIMETER.dead_towers, abs=0.003)
    assert (images.X[:, 16, 16, 0] == 0).mean() == pytest.approx(CALORIMETER.dead_crystals, abs=0.0015)


def test_pixels_are_few_and_around_the_seed(images):
    lit = images.X[..., 0] > 0
    assert 40 < lit.sum((1, 2)).mean() < 60
    assert lit[:, 14:19, 14:19].mean() > 0.9 and lit[:, :5].mean() < 0.001
    rows, columns = lit.mean((0, 2)), lit.mean((0, 1))
    assert rows[[13, 19]].max() < rows[[14, 18]].min() / 3  # the super-cluster ends at these rows
    assert columns[[11, 21]].min() > 1.5 * rows[[11, 21]].max()  # and reaches farther along phi


def test_lone_hits_are_above_their_threshold(images):
    energy = images.X[:500, ..., 0] * 50
    energy[:, 12:21] = 0
    hits = energy[energy > 0]
    assert (hits > CALORIMETER.lone_hit - 1e-3).mean() > 0.7  # the others lie next to dead towers


def test_noise_grows_with_eta_and_varies(images):
    energy, eta = images.X[..., 0] * 50, abs(images.meta["eta"])
    energy[:, 12:21] = 0
    hits = (energy > CALORIMETER.lone_hit).sum((1, 2))
    assert 1.3 < hits[eta > 0.9].mean() / hits[eta < 0.3].mean() < 2.2
    assert 1.4 < hits.var() / hits.mean() < 2.2  # Poisson: 1
    level = calorimeter.noise_level(CALORIMETER, np.array([0.0, 1.0, -1.0] * 2000), np.random.default_rng(0))
    assert np.log(level[::3]).mean() == pytest.approx(np.log(CALORIMETER.noise), abs=0.005)
    assert level[1::3].mean() == pytest.approx(level[2::3].mean(), rel=0.01)
    assert level[1::3].mean() / level[::3].mean() == pytest.approx(1 + CALORIMETER.noise_growth, rel=0.01)


def test_times_belong_to_hits(images):
    energy, time = images.X[..., 0] * 50, images.X[..., 1] * 10
    assert not time[energy < CALORIMETER.time_hit].any()
    assert time[:, 16, 16].std() < 0.8  # a few failures
    faint, bright = (energy > 0.08) & (energy < 0.15), (energy > 1) & (energy < 3)
    bright[:, 16, 16] = False
    assert np.quantile(abs(time[faint]), 0.68) > 4 * np.quantile(abs(time[bright]), 0.68)


def test_images_show_no_side_on_average(images):
    """Left and right, and up and down, are equal: charges and dead towers have no preferred side."""
    for label in (0, 1):
        energy, _ = of_class(images, label)
        for profile in (energy.sum((0, 1)), energy.sum((0, 2))):
            assert profile[17:20].sum() == pytest.approx(profile[13:16].sum(), rel=0.06)


def test_classes_differ_as_they_should_and_only_along_phi(images):
    def width(label, axis):
        profile = of_class(images, label)[0][:, 14:19, 14:19].sum((0, 3 - axis))
        return np.sqrt((profile * np.arange(-2, 3) ** 2).sum() / profile.sum())

    assert width(1, axis=2) > 1.05 * width(0, axis=2)
    assert width(1, axis=1) == pytest.approx(width(0, axis=1), rel=0.03)


def test_seed_crystal_separates_the_classes(images):
    seed = images.X[:, 16, 16, 0]
    order = seed.argsort().argsort()
    n = [(images.y == label).sum() for label in (0, 1)]
    auc = (order[images.y == 0].sum() - n[0] * (n[0] - 1) / 2) / (n[0] * n[1])
    assert 0.55 < auc < 0.70


# --- The truth -----------------------------------------------------------------------------------------------------


def test_truth(images):
    meta, photon = images.meta, images.y == 0
    assert abs(meta["eta"]).max() <= TRACKER.max_eta
    np.testing.assert_array_equal(meta["converted"], ~np.isnan(meta["conversion_radius"]))
    assert not meta["converted"][~photon].any() and not meta["radiated"][photon].any()
    assert 0.35 < meta["converted"][photon].mean() < 0.5
    assert 0.4 < meta["radiated"][~photon].mean() < 0.6
    assert 0 <= meta["radiated"].min() and meta["radiated"].max() < 1


def test_more_material_forward(images):
    forward, photon = abs(images.meta["eta"]) > 0.9, images.y == 0
    converted, radiated = images.meta["converted"], images.meta["radiated"]
    assert converted[photon & forward].mean() > 1.4 * converted[photon & ~forward].mean()
    assert radiated[~photon & forward].mean() > 1.2 * radiated[~photon & ~forward].mean()


def test_converted_photons_look_like_electrons(images):
    seed, converted, photon = images.X[:, 16, 16, 0], images.meta["converted"], images.y == 0
    assert seed[photon & ~converted].mean() > 1.1 * seed[photon & converted].mean()
    early = images.meta["conversion_radius"] < 0.3
    assert seed[photon & early].mean() < seed[photon & converted & ~early].mean()


# --- The tracker ---------------------------------------------------------------------------------------------------


def test_energy_is_conserved(arrivals):
    particles, _, _ = arrivals
    total = np.bincount(particles.event, particles.pt)
    assert total.max() <= TRACKER.pt * (1 + 1e-9) and total.min() > 0.9 * TRACKER.pt
    assert (np.diff(particles.event) >= 0).all()


def test_conversions_follow_the_material():
    rng, n = np.random.default_rng(0), 20_000
    _, truth = tracker.cross(TRACKER, np.zeros(n), np.zeros(n, bool), rng)
    expected = 1 - np.exp(-TRACKER.pairs_per_length * TRACKER.material_scale * TRACKER.material[0])
    assert truth["converted"].mean() == pytest.approx(expected, abs=0.015)


def test_electrons_lose_their_share():
    """The mean energy falls as exp(-x / X0), but for a few per cent: the spectrum is not quite 1/y."""
    rng, n = np.random.default_rng(0), 20_000
    _, truth = tracker.cross(TRACKER, np.zeros(n), np.ones(n, bool), rng)
    thickness = TRACKER.material_scale * TRACKER.material[0]
    assert truth["radiated"].mean() == pytest.approx(1 - np.exp(-thickness), abs=0.02)


def test_without_material_the_field_alone_bends():
    empty = tracker.Tracker(material_scale=0.0)
    n = 100
    particles, truth = tracker.cross(empty, np.zeros(n), np.arange(n) % 2 == 1, np.random.default_rng(0))
    assert len(particles.pt) == n and not truth["converted"].any() and not truth["radiated"].any()
    expected = 0.15 * empty.field * empty.radius**2 / empty.pt / empty.crystal  # crystals
    np.testing.assert_allclose(abs(particles.phi), np.arange(n) % 2 * expected, rtol=1e-6, atol=1e-12)
    assert set(np.sign(particles.phi)) == {-1, 0, 1} and not particles.eta.any()
    np.testing.assert_allclose(particles.phi_slope * empty.radius / 2, particles.phi * empty.crystal, atol=1e-12)


def test_spectra():
    rng = np.random.default_rng(0)
    y = tracker.radiated_fraction(0.002, 100_000, rng)
    assert y.min() >= 0.002 and y.max() <= 1
    assert y.mean() * tracker.photons_per_length(0.002) == pytest.approx(1, rel=0.02)  # 1/X0 of the energy
    x = tracker.pair_share(100_000, rng)
    assert x.mean() == pytest.approx(0.5, abs=0.005)
    assert (abs(x - 0.5) > 0.4).mean() == pytest.approx(0.2 * (1 - 4 / 3 * 0.0467) / (7 / 9), rel=0.03)


# --- The calorimeter -----------------------------------------------------------------------------------------------


def test_shower_is_contained():
    canvas = np.zeros((1, calorimeter.CANVAS, calorimeter.CANVAS), np.float32)
    one = np.ones(1)
    at = one * (calorimeter.CANVAS // 2)
    straight = np.zeros((1, 1))
    slices = calorimeter.Slices(np.array([[0.8]]), np.array([[0.2]]), straight, straight, np.array([[0.14]]))
    calorimeter.deposit(CALORIMETER, canvas, 4, np.zeros(1, int), 50 * one, at, at, slices)
    assert 0.985 * 50 < canvas.sum() < 50 and (canvas >= 0).all()
    middle = canvas[0, 16:25, 16:25]
    np.testing.assert_allclose(middle, middle[::-1, ::-1], rtol=1e-3)
    assert 0.6 < middle[4, 4] / 50 < 0.9


def test_core_integral_is_that_of_the_profile():
    """A quarter of the plane holds a quarter of the energy, and a large circle's share is R^2 / (r^2 + R^2)."""
    assert calorimeter.core_integral(1e6, 1e6, 0.2) == pytest.approx(0.25, rel=1e-3)
    grid = (np.arange(400) + 0.5) / 400
    x, y = np.meshgrid(grid, grid)
    profile = 0.3**2 / (np.pi * (x**2 + y**2 + 0.3**2) ** 2)
    assert calorimeter.core_integral(1.0, 1.0, 0.3) == pytest.approx(profile.mean(), rel=1e-3)


def test_slices_have_the_moments_of_showers_in_depth():
    """A gamma distribution of shape a and scale s: mean a s, variance a s^2, third moment 2 a s^3."""
    for shape in (2.0, 4.7, 7.3):
        nodes, weights = (
            np.array([np.interp(shape, calorimeter.SHAPES, row) for row in table])
            for table in (calorimeter.NODES, calorimeter.WEIGHTS)
        )
        assert weights.sum() == pytest.approx(1) and (weights > 0).all()
        mean = weights @ nodes
        assert mean == pytest.approx(shape, rel=1e-3)
        assert weights @ (nodes - mean) ** 2 == pytest.approx(shape, rel=0.01)
        assert weights @ (nodes - mean) ** 3 == pytest.approx(2 * shape, rel=0.02)


def test_showers_develop_as_published():
    """Depths in radiation lengths; Grindhammer and Peters give the fluctuations of the maximum at 50 GeV as 0.106."""
    energy = np.full(20_000, 50.0)
    maximum, shape = calorimeter.longitudinal(CALORIMETER, energy, np.random.default_rng(0))
    assert np.log(maximum).std() == pytest.approx(0.106, rel=0.03)
    assert np.corrcoef(np.log(maximum), np.log(shape))[0, 1] == pytest.approx(0.508, abs=0.03)
    depth, share, tail, radius = calorimeter.hard_slices(CALORIMETER, energy, np.random.default_rng(0))
    np.testing.assert_allclose((share + tail).sum(axis=0), 1, rtol=1e-6)
    assert 9 < calorimeter.usual_depth(CALORIMETER, energy[:1])[0] < 10.5
    assert (np.diff(depth, axis=0) > 0).all() and (np.diff(radius, axis=0) > 0).all()  # the deeper, the wider
    assert share.sum(axis=0).mean() == pytest.approx(CALORIMETER.core_share, abs=0.02)
    assert 0.01 < share.sum(axis=0).std() < 0.05


def test_tilted_crystals_turn_the_showers():
    """The traces of slanted showers lie along a diagonal of the image, as often along the one as along the other."""

    def covariances(card):
        n, rng = 4000, np.random.default_rng(0)
        eta = rng.uniform(-1.2, 1.2, n)
        particles = tracker.Particles(np.arange(n), np.full(n, 50.0), *np.zeros((4, n)))
        block = calorimeter.showers(card, particles, eta, rng)[:, 14:19, 14:19].astype(float)
        block /= block.sum((1, 2))[:, None, None]
        place = np.arange(-2, 3)
        return (block * place[:, None] * place).sum((1, 2)) - (block.sum(2) @ place) * (block.sum(1) @ place)

    tilted = covariances(CALORIMETER)
    upright = covariances(replace(CALORIMETER, tilt=0.0, collision_spread=0.0))
    assert abs(tilted).mean() > 1.4 * abs(upright).mean()  # a square grid, cut at 5 x 5, makes a covariance by itself
    assert abs((tilted > 0).mean() - 0.5) < 0.03
    assert 0.004 < abs(tilted).mean() < 0.015  # (0.0524 x 1.8 crystals)^2 = 0.009, a part of it outside 5 x 5


def test_granularity_moves_energy_and_makes_none():
    rng = np.random.default_rng(0)
    signal = rng.gamma(0.2, 5, (50, 32, 32)).astype(np.float32)
    change = calorimeter.granularity(CALORIMETER, signal, rng)
    np.testing.assert_allclose(change.sum((1, 2)), 0, atol=0.01)
    assert (change**2).sum() == pytest.approx(CALORIMETER.grain * signal.sum(), rel=0.1)


def test_hardest():
    event, energy = np.array([0, 0, 1, 2, 2, 2]), np.array([1.0, 3.0, 2.0, 5.0, 1.0, 4.0])
    np.testing.assert_array_equal(calorimeter.hardest(event, energy), [1, 2, 3])


def test_grown():
    mask = np.zeros((1, 7, 7), bool)
    mask[0, 3, 0] = True
    assert calorimeter.grown(mask).sum() == 6 and calorimeter.grown(mask, 2).sum() == 15
    assert mask.sum() == 1


def test_nothing_but_noise_leaves_few_hits():
    rng = np.random.default_rng(0)
    noise = CALORIMETER.noise * rng.standard_normal((200, 32, 32), dtype=np.float32)
    hits = calorimeter.read_out(CALORIMETER, noise, np.ones((200, 32, 1), np.float32), rng)
    assert hits.min() >= 0 and (hits > 0).sum((1, 2)).mean() < 12  # dead towers are surrounded by noise, unread


def test_a_dead_tower_is_filled_by_the_trigger():
    rng = np.random.default_rng(0)
    card = calorimeter.Calorimeter(dead_towers=1.0, dead_crystals=0.0)
    signal = np.full((50, 32, 32), 0.1, np.float32)  # 2.5 GeV a tower
    hits = calorimeter.read_out(card, signal, np.ones((50, 32, 1), np.float32), rng)
    assert np.isclose(hits, 0.1, atol=1e-6).mean() > 0.6  # of the towers that lie in the image altogether
    steps = hits * calorimeter.TOWER**2 / card.trigger_step
    np.testing.assert_allclose(steps[hits > 0], np.rint(steps[hits > 0]), atol=1e-4)
