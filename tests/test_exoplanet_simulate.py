"""Physics of the simulated disks: wakes, gaps and light against theory, and what a data set promises."""

import numpy as np
import pytest
from scipy.integrate import quad

from Exoplanet import disk, experiments, simulate

PLAIN = {**experiments.PLAIN_DISK, "wake": 1.0}
STILL = {"planet": np.zeros(4), "vortex": np.zeros(4), "arm": 0.0, "spot": 0.0, "clump": 0.0}


def with_planet(mass, radius, **changes):
    masses, radii = np.array([mass, 0, 0, 0]), np.array([radius, 0, 0, 0])
    return {**PLAIN, "n_planets": 1, "masses": masses, "radii": radii, **changes}


def image_of(run, size=256, **angles):
    return simulate.render(run, simulate.Profile(run), {**STILL, **angles}, size)


# --------------------------------------------------------------------------------------------------
# Theory


@pytest.mark.parametrize("h_50", [0.04, 0.09])
@pytest.mark.parametrize("r_p", [30.0, 110.0])
def test_wake_is_the_path_of_a_sound_wave(r_p, h_50):
    """Against the integral of |Omega - Omega_p| / c_s of the WKB dispersion relation, in units with G M = 1."""

    def winding(r):
        omega = r**-1.5
        return abs(omega - r_p**-1.5) / (disk.aspect_ratio(r, h_50) * r * omega)

    h_p = disk.aspect_ratio(r_p, h_50)
    for r in r_p * np.array([0.2, 0.5, 0.8, 0.95, 1.05, 1.3, 2.0, 4.0]):
        expected, _ = quad(winding, r_p, r)
        assert disk.wake_phase(r, r_p, h_p) == pytest.approx(expected, rel=1e-6)


def test_wake_trails_in_the_image():
    """The brightest azimuth at each radius follows the integral, on both sides and for both senses of rotation."""
    start, r_p = 1.0, 80.0
    for rotation in (1.0, -1.0):
        run = with_planet(1e-4, r_p, rotation=rotation, maturity=0.0)
        image = image_of(run, 600, planet=np.full(4, start))
        h_p = disk.aspect_ratio(r_p, run["h_50"])
        angle = np.linspace(0, 2 * np.pi, 1440, endpoint=False)
        for r in (60.0, 68.0, 95.0, 110.0):
            row, column = ((r * f(rotation * angle) / 200 + 1) * 300 - 0.5 for f in (np.sin, np.cos))
            around = image[np.rint(row).astype(int), np.rint(column).astype(int)]
            around = np.convolve(np.tile(around, 3), np.ones(15), "same")[1440:2880]
            found = angle[around.argmax()]
            winding = quad(lambda x: abs(x**-1.5 - r_p**-1.5) * x**0.5 / disk.aspect_ratio(x, 0.06), r_p, r)[0]
            assert h_p < 0.08
            difference = (found - (start - winding) + np.pi) % (2 * np.pi) - np.pi
            assert abs(difference) < 0.06  # rad: a pixel is 0.01 rad wide there


@pytest.mark.parametrize("mass, alpha, h_50", [
    (5e-4, 1e-3, 0.06), (1e-3, 5e-3, 0.06), (3e-3, 5e-3, 0.08), (2e-4, 1e-3, 0.04),
])
def test_gap_in_the_surface_density_is_that_of_kanagawa(mass, alpha, h_50):
    """Depth 1 / (1 + 0.04 K) and full width 0.41 r_p q^(1/2) h^(-3/4) alpha^(-1/4) at half of the density."""
    r_p = 80.0
    run = with_planet(mass, r_p, alpha=alpha, h_50=h_50)
    profile, r = simulate.Profile(run), simulate.RADII
    relative = profile.surface_density / simulate.Profile({**run, "n_planets": 0}).surface_density
    h = h_50 * (r_p / 50) ** 0.25
    depth = 1 / (1 + 0.04 * mass**2 / (h**5 * alpha))
    width = 0.41 * r_p * mass**0.5 * h**-0.75 * alpha**-0.25
    assert depth < 0.5
    assert relative.min() == pytest.approx(depth, rel=0.02)
    below = r[relative < 0.5]
    assert below.max() - below.min() == pytest.approx(width, rel=0.03)
    assert (below.max() + below.min()) / 2 == pytest.approx(r_p, rel=0.01)
    assert relative[r > 200].min() == relative[r < 20].min() == 1  # far away nothing changes


def test_light_planets_open_no_gap():
    thermal = disk.aspect_ratio(80.0, 0.06) ** 3
    profile = simulate.Profile(with_planet(0.1 * thermal, 80.0))
    relative = profile.surface_density / profile.smooth
    assert relative.min() > 0.9
    assert profile.planets[0].strength.max() < 0.15


def test_dust_ring_lies_outside_of_the_gap():
    run = with_planet(1e-3, 80.0, trap=np.full(4, 1.0))
    profile, without = simulate.Profile(run), simulate.Profile({**run, "trap": np.zeros(4)})
    added = profile.tau - without.tau
    width = disk.gap_width(80.0, 1e-3, disk.aspect_ratio(80.0, 0.06), run["alpha"])
    peak = simulate.RADII[(added / profile.smooth.clip(1e-9)).argmax()]
    assert 80 + 0.55 * width < peak < 80 + 0.8 * width


def test_brightness_is_that_of_an_isothermal_slab():
    """B(T) (1 - exp(-tau / cos i)), and a disk of the asked mass."""
    run = {**PLAIN, "inclination": 0.6, "r_in": 0.1}
    profile = simulate.Profile(run)
    mass = 2 * np.pi * (profile.surface_density * simulate.RADII).sum() * (simulate.RADII[1] - simulate.RADII[0])
    assert mass / simulate.GRAMS == pytest.approx(1e-3, rel=0.01)
    image = image_of(run)
    for column in (160, 200, 240):  # along the major axis, where r is |x|
        r = (column + 0.5 - 128) / 128 * 200
        sigma = profile.surface_density[int(r / 1200 * 4096)]
        temperature = 20 * (r / 100) ** -0.5
        expected = 11.51 / np.expm1(11.51 / temperature) * -np.expm1(-0.024 * sigma / np.cos(0.6))
        assert image[127:129, column].mean() == pytest.approx(expected, rel=0.02)


def test_thin_and_thick_limits_of_absorption():
    tau = np.array([1e-7, 1e-4, 0.999e-3, 1.001e-3, 0.1, 1, 30], np.float32)
    np.testing.assert_allclose(simulate.absorbed(tau), -np.expm1(-tau.astype(float)), rtol=1e-4)


def test_azimuth():
    y, x = np.random.default_rng(0).standard_normal((2, 100, 100)).astype(np.float32)
    np.testing.assert_allclose(simulate.arctan2(y, x), np.arctan2(y, x), atol=3e-5)
    axes = simulate.arctan2(np.float32([0, -1, 0]), np.float32([-1, 0, 0]))
    assert axes == pytest.approx([np.pi, -np.pi / 2, 0], abs=3e-5)


# --------------------------------------------------------------------------------------------------
# The view


@pytest.mark.parametrize("inclination, angle", [(0.0, 0.0), (0.7, 0.4), (1.2, 2.5)])
def test_axis_ratio_and_position_angle(inclination, angle):
    run = {**PLAIN, "inclination": inclination, "position_angle": angle, "r_c": 60.0}
    image = image_of(run).astype(float)
    row, column = np.indices(image.shape) - 127.5
    light = image / image.sum()
    xx, yy, xy = ((light * a * b).sum() for a, b in ((column, column), (row, row), (row, column)))
    values, vectors = np.linalg.eigh([[xx, xy], [xy, yy]])
    assert np.sqrt(values[0] / values[1]) == pytest.approx(np.cos(inclination), rel=0.03)
    if inclination:
        major = np.arctan2(vectors[1, 1], vectors[0, 1])
        assert abs(np.sin(major - angle)) < 0.02


def test_a_planet_glows_where_projection_puts_it():
    run = with_planet(3e-3, 100.0, inclination=0.8, position_angle=1.1, lift=1.0, glow=np.full(4, 30.0), wake=0.0)
    angles = {"planet": np.full(4, 2.0)}
    light = image_of(run, **angles) - image_of({**run, "glow": np.zeros(4)}, **angles)
    row, column = simulate.project(run, 100.0, 2.0, 256)
    r, azimuth, _ = simulate.deproject(run, simulate.Profile(run), 256)
    i, j = round(row), round(column)
    assert r[i, j] == pytest.approx(100, rel=0.05) and azimuth[i, j] == pytest.approx(2.0, abs=0.06)
    assert np.unravel_index(light.argmax(), light.shape) == (i, j)


def test_outside_of_the_box_is_nothing():
    image = image_of({**PLAIN, "box": 100.0, "box_angle": 0.0})
    inside = np.zeros_like(image, bool)
    inside[64:192, 64:192] = True
    assert (image[~inside] == 0).all() and (image[inside] > 0).all()


@pytest.mark.parametrize("change", [{"arms": 2}, {"rings": np.array([0.5, 0, 0, 0])}, {"spot": 5.0}, {"clump": 1.0}])
def test_each_confuser_changes_the_image(change):
    difference = abs(image_of({**PLAIN, **change}) / image_of(PLAIN) - 1)
    assert difference.max() > 0.1 and np.median(difference) < 0.1


def test_observation_blurs_and_adds_noise():
    point = np.zeros((64, 64), np.float32)
    point[32, 32] = 1
    rng = np.random.default_rng(0)
    image = simulate.observe(point, (6.0, 3.0, 0.0), 1e6, 0, rng)
    row, column = np.indices(image.shape) - 32
    beam = np.exp(-4 * np.log(2) * ((column / 6) ** 2 + (row / 3) ** 2))
    np.testing.assert_allclose(image / image.max(), np.maximum(beam, simulate.FAINTEST_SEEN), atol=0.002)
    noisy = simulate.observe(point + 1, (6.0, 6.0, 0.0), 100, 0, rng)[16:48, 16:48]
    smooth = simulate.observe(point + 1, (6.0, 6.0, 0.0), 1e9, 0, rng)[16:48, 16:48]
    noise = (noisy - smooth) / smooth.max()
    assert noise.std() == pytest.approx(0.01, rel=0.25)
    assert np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1] > 0.8  # neighbours share the beam
    left = simulate.observe(point + 1, (6.0, 6.0, 0.0), 100, 1.5, rng)[16:48, 16:48]
    assert (left - smooth).mean() / smooth.max() == pytest.approx(0.015, abs=0.005)


def test_without_telescope_the_same_disks_are_sharp():
    seen, sharp = (simulate.simulate(30, 4, size=64, alma=True, telescope=telescope) for telescope in (True, False))
    np.testing.assert_array_equal(seen.meta["masses"], sharp.meta["masses"])
    np.testing.assert_array_equal(seen.meta["positions"], sharp.meta["positions"])
    edge = np.s_[:, 0, [0, -1]]
    assert (seen.X[edge] > 0).mean() > 0.2 > (sharp.X[edge] > simulate.FAINTEST_SEEN).mean()


# --------------------------------------------------------------------------------------------------
# Draws and data sets


def test_planets_are_apart_and_in_range():
    runs = simulate.draw_runs(600, np.random.default_rng(1))
    for n, masses, radii, star in zip(runs["n_planets"], runs["masses"], runs["radii"], runs["star_mass"], strict=True):
        m, r = masses[:n], radii[:n]
        assert (masses[n:] == 0).all() and (radii[n:] == 0).all()
        assert (m >= 1.5e-5).all() and (m <= 4.8e-3).all() and (r >= 15).all() and (r <= 160).all()
        hill = (r[1:] + r[:-1]) / 2 * ((m[1:] + m[:-1]) / (3 * star)) ** (1 / 3)
        assert (np.diff(r) >= 5 * hill).all()
    assert np.bincount(runs["n_planets"]).min() > 40 and (runs["n_planets"] == 0).sum() == 300


def test_confusers_do_not_tell_the_classes_apart():
    runs = simulate.draw_runs(4000, np.random.default_rng(2))
    has = runs["n_planets"] > 0
    rings = (runs["rings"] != 0).any(axis=1)
    for confuser in (runs["arms"] > 0, rings, runs["spot"] > 0, runs["clump"] > 0, runs["box"] < 1e9):
        assert confuser[has].mean() == pytest.approx(confuser[~has].mean(), abs=0.06)
        assert confuser[~has].mean() > 0.1


@pytest.mark.parametrize("make, size", [(simulate.detection, 128), (simulate.alma, 64)])
def test_data_set(make, size):
    part = make(40, 7)
    assert part.X.shape == (40, 1, size, size) and part.X.dtype == np.float32 and part.y.dtype == np.int8
    np.testing.assert_array_equal(part.X.min((1, 2, 3)), 0)
    np.testing.assert_allclose(part.X.max((1, 2, 3)), 1, rtol=1e-6)
    np.testing.assert_array_equal(part.y, part.meta["n_planets"] > 0)
    np.testing.assert_array_equal(part.meta["n_planets"], (part.meta["masses"] > 0).sum(1))
    again = make(40, 7)
    np.testing.assert_array_equal(part.X, again.X)
    for name, values in part.meta.items():
        np.testing.assert_array_equal(values, again.meta[name])
    assert not np.array_equal(part.X, make(40, 8).X)


def test_a_run_is_one_disk_at_several_times():
    part = simulate.detection(60, 3, size=64)
    runs, counts = np.unique(part.meta["run"], return_counts=True)
    assert counts.min() >= 1 and counts.max() <= 5 and len(runs) < 40
    for run in runs:
        rows = part.meta["run"] == run
        for name in ("masses", "radii", "inclination", "position_angle", "h_50"):
            assert len(np.unique(part.meta[name][rows], axis=0)) == 1
        assert (np.diff(part.meta["dump"][rows]) > 0).all()
        X = part.X[rows, 0]
        assert all(not np.array_equal(a, b) for a, b in zip(X, X[1:], strict=False))  # time goes on
    assert not set(runs) & set(simulate.detection(60, 4, size=64).meta["run"])


def test_bad_n():
    with pytest.raises(ValueError, match="n must be a whole number of at least 1, not 0"):
        simulate.detection(0, 1)
