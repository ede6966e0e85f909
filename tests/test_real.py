"""The simulators against samples of the official data; skipped where there are no samples (see tests/conftest.py)."""

import numpy as np
import pytest

from Higgs import detector
from Higgs import simulate as higgs
from ParticleImages import calorimeter
from ParticleImages import data as crystals

# --- Higgs ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def higgs_rows(real_samples):
    """X (n, 28) and y (n,) of the published rows."""
    path = real_samples / "Higgs" / "uci_rows.csv.gz"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    rows = np.loadtxt(path, delimiter=",", dtype=np.float32)
    return rows[:, 1:], rows[:, 0].astype(int)


@pytest.fixture(scope="module")
def higgs_objects(higgs_rows):
    """Columns in GeV and rad, and jets (n, 4, 4) pt, eta, phi, tag."""
    columns = higgs_rows[0].astype(float) * np.array(list(higgs.UNITS.values()))
    return columns, columns[:, 5:21].reshape(-1, 4, 4)


def coherence(values, step):
    """1 if all values are multiples of step but for a common offset, near 0 if they are not."""
    return abs(np.exp(2j * np.pi * values / step).mean())


def test_higgs_units_make_multiples_of_the_text_precision(higgs_objects):
    columns, jets = higgs_objects
    for pt, eta in [(columns[:, 0], columns[:, 1])] + [(jets[:, i, 0], jets[:, i, 1]) for i in range(4)]:
        assert coherence(pt[pt < 150], 0.01) > 0.9
        assert coherence(eta, 0.001) > 0.9
    assert coherence(columns[:, 3], 0.01) < 0.1  # the missing momentum is not rounded


def test_higgs_selection(higgs_objects):
    columns, jets = higgs_objects
    assert 14.95 < columns[:, 0].min() < 15.1 and 14.95 < jets[..., 0].min() < 15.1
    assert abs(columns[:, 1]).max() < 2.51 and 2.95 < abs(jets[..., 1]).max() < 3.01
    level = np.rint(jets[..., 3])
    assert np.allclose(level, jets[..., 3], atol=1e-5) and (level > 0).sum(1).max() == 2
    distance = np.hypot(jets[..., 1] - columns[:, None, 1], detector.wrap(jets[..., 2] - columns[:, None, 2]))
    assert distance.min() > 0.395


def test_higgs_definitions_of_the_masses(higgs_objects):
    columns, jets = higgs_objects
    tagged = np.rint(jets[..., 3]) > 0
    both = tagged.sum(1) == 2
    columns, jets, tagged = columns[both], jets[both], tagged[both]
    found = higgs.high_level(
        higgs.massless(*np.moveaxis(jets[..., :3], -1, 0)), tagged, higgs.massless(*columns[:, :3].T),
        columns[:, 3], columns[:, 4],
    )  # fmt: skip
    error = abs(found / columns[:, 21:] - 1)
    pair_listed, neutrino = error[:, 0] < 2e-3, error[:, 2] < 1e-3
    assert pair_listed.mean() > 0.6  # elsewhere a jet that is not listed belongs to the pair
    known = error[pair_listed & neutrino]
    assert (error[:, 4] < 2e-3).mean() > 0.995  # m_bb
    assert (error[pair_listed, 1] < 2e-3).mean() > 0.99  # m_jjj
    assert (error[:, 2] < 5e-3).mean() > 0.97  # m_lv
    assert (known[:, [3, 5, 6]] < 5e-3).mean(0).min() > 0.95  # m_jlv, m_wbb, m_wwbb
    unlisted = ~pair_listed  # then the pair nearest 80.4 GeV among all jets is nearer than the listed one
    assert (abs(columns[unlisted, 21] - 80.4) < abs(found[unlisted, 0] - 80.4)).mean() > 0.99


def test_higgs_simulation_looks_like_the_published_rows(higgs_rows):
    pytest.importorskip("pythia8mc")
    from scipy.stats import ks_2samp

    X, y = higgs_rows
    events = higgs.simulate(1200, seed=5)
    for label in (0, 1):
        real, simulated = X[y == label], events.X[events.y == label]
        distance = [ks_2samp(real[:, i], simulated[:, i]).statistic for i in range(28)]
        assert max(distance) < 0.1, dict(zip(higgs.COLUMNS, distance, strict=True))  # 0.06 is chance at this size
        assert np.mean(distance) < 0.05


# --- StrongLensing -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lens_samples(real_samples):
    """The folder with published lens images."""
    folder = real_samples / "StrongLensing"
    if not (folder / "no.npy").is_file():
        pytest.skip("no published lens images")
    return folder


# Lenses that were fitted to two published images: position of the source; half the length and the angle of the vortex.
FITTED_LENSES = {
    "no": dict(source=(-0.06169944, 0.08446811)),
    "axion": dict(source=(-0.06561636, 0.07501358), vortex_length=2.0840959, vortex_angle=2.7770050),
}


@pytest.mark.parametrize("name", ["no", "axion"])
def test_lens_images_are_met_pixel_by_pixel(lens_samples, name):
    from StrongLensing import simulate as lensing

    model = lensing.PUBLISHED
    draws = lensing.draw_lenses(model, np.array([lensing.NO]), np.random.default_rng(0))
    for key, value in FITTED_LENSES[name].items():
        draws[key][:] = value
    image = lensing.render(
        draws, size=64, pixel=model.pixel, fwhm=model.fwhm, truncation=model.truncation, rescaling=model.rescaling
    )
    published = np.load(lens_samples / f"{name}.npy").squeeze()
    assert abs(lensing.to_unit_range(image)[0] - published).max() < 5e-5


def test_lens_images_lie_among_the_simulated_ones(lens_samples):
    from tests.benchmarks import stronglensing_fidelity as fidelity

    outside, total = [], 0
    for name, _, real, share, _ in fidelity.compare(lens_samples, 240):
        outside += [(name, measure) for measure in real if not 0.5 <= share[measure] <= 99.5]
        total += len(real)
    assert total > 20
    assert len(outside) <= 0.06 * total, outside  # where 2 % is expected by chance


def test_lens_samples_are_loaded_as_official_images(lens_samples, monkeypatch):
    from StrongLensing import data as lens_data

    monkeypatch.setenv("DEEPLEARN_DATA", str(lens_samples.parent))
    part = lens_data.load("test", source="official")
    assert part.X.shape == (3, 1, 64, 64) and part.y.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(part.X[2, 0], np.load(lens_samples / "no.npy").squeeze())
    pair = lens_data.load("test", source="official", task="super_resolution")
    assert pair.X.shape == (1, 1, 64, 64) and pair.y.shape == (1, 1, 128, 128)


# --- ParticleImages ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crystal_images(real_samples):
    """Real images, and 6,000 simulated ones."""
    path = real_samples / "ParticleImages" / "electron_photon_energy.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    return crystals.read_excerpt(path), crystals.simulate.simulate(6000, seed=5)


def test_crystal_images_are_hits_around_the_seed(crystal_images):
    real, _ = crystal_images
    energy = real.X[..., 0]
    assert energy.min() == 0 and not real.X[..., 1].any()
    highest = energy.reshape(len(energy), -1).argmax(1)
    assert (highest == 16 * 32 + 16).mean() > 0.9


def test_dead_towers_are_filled_by_the_trigger(crystal_images):
    """5 x 5 equal crystals, but for cosh(eta): their transverse energy is a multiple of 0.5 GeV, to 2 %."""
    real, _ = crystal_images
    found = []
    for energy in real.X[..., 0].astype(float) * 50:
        windows = np.lib.stride_tricks.sliding_window_view(energy, (5, 5)).reshape(-1, 5, 5)
        low, high = windows.min((1, 2)), windows.max((1, 2))
        found += list(windows[(low > 0) & (high < 1.1 * low)])
    assert found
    for tower in found:
        rows = tower.mean(1)
        eta = np.arctanh(np.clip(np.log(rows[4] / rows[0]) / (4 * calorimeter.CELL), -0.9, 0.9))
        steps = tower.sum() / np.cosh(eta) / crystals.simulate.CALORIMETER.trigger_step
        assert abs(steps / np.rint(steps) - 1) < 0.07  # the slope, and so eta, is not known better


@pytest.mark.parametrize("label", [0, 1])
def test_simulated_crystals_look_like_the_real_ones(crystal_images, label):
    def means(images):
        energy = images.X[images.y == label, ..., 0].astype(float)
        block, place = energy[:, 14:19, 14:19], np.arange(-2, 3)
        figures = [
            (energy > 0).sum((1, 2)), energy.sum((1, 2)), energy[:, 16, 16], energy[:, 15:18, 15:18].sum((1, 2)),
            block.sum((1, 2)), (energy**2).sum((1, 2)), (energy > 0.01).sum((1, 2)),
        ]  # fmt: skip
        for axis in (1, 2):  # columns, then rows
            share = block.sum(axis) / block.sum((1, 2))[:, None]
            centre = (share @ place)[:, None]
            figures.append(np.sqrt((share * (place - centre) ** 2).sum(1)))
        return np.mean(figures, axis=1), np.std(figures, axis=1), len(energy)

    real, simulated = (means(images) for images in crystal_images)
    z = (real[0] - simulated[0]) / simulated[1] * np.sqrt(real[2])
    assert abs(z).max() < 3.5 and np.sqrt((z**2).mean()) < 1.8, z.round(1)
