"""Ray tracing against lenstronomy and known formulas, and what the simulated images must be."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from StrongLensing import lens, pairs, photographed, simulate, varied
from StrongLensing.simulate import AXION, CDM, NO


def lenstronomy_images(draws, *, size, pixel, fwhm, truncation=5.0, rescaling=1.0, supersampling=1):
    """What simulate.render() should give, by lenstronomy in double precision."""
    pytest.importorskip("lenstronomy")
    from lenstronomy.Data.imaging_data import ImageData
    from lenstronomy.Data.psf import PSF
    from lenstronomy.ImSim.image_model import ImageModel
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel

    corner = -(size - 1) / 2 * pixel
    data = ImageData(
        image_data=np.zeros((size, size)), ra_at_xy_0=corner, dec_at_xy_0=corner, transform_pix2angle=pixel * np.eye(2)
    )
    psf = PSF(psf_type="GAUSSIAN", fwhm=fwhm, pixel_size=pixel, truncation=truncation)
    numerics = {"supersampling_factor": supersampling, "supersampling_convolution": False}
    images = []
    for i in range(len(draws["theta_E"])):
        one = {name: values[i].astype(float) for name, values in draws.items()}
        masses = [mass for mass in one["substructure"] if mass[2] > 0]
        if one["vortex_length"] > 0:
            theta_E = float(simulate.einstein_radius(3e8)) * math.sqrt(rescaling)
            direction = np.array([np.cos(one["vortex_angle"]), np.sin(one["vortex_angle"])])
            line = np.linspace(-one["vortex_length"], one["vortex_length"], 100)
            masses = [(*(place * direction), theta_E) for place in line]
        e1, e2 = simulate.ELLIPTICITY
        gamma1, gamma2 = (rescaling * g for g in simulate.SHEAR)
        kwargs = [{"theta_E": one["theta_E"], "e1": e1, "e2": e2}, {"gamma1": gamma1, "gamma2": gamma2}]
        kwargs += [{"theta_E": t, "center_x": x, "center_y": y} for x, y, t in masses]
        source = {"amp": 20, "R_sersic": 0.25, "n_sersic": 1, "e1": -0.1, "e2": 0.1}
        source |= {"center_x": one["source"][0], "center_y": one["source"][1]}
        model = ImageModel(
            data, psf, LensModel(["SIE", "SHEAR"] + ["POINT_MASS"] * len(masses)), LightModel(["SERSIC_ELLIPSE"]),
            kwargs_numerics=numerics,
        )  # fmt: skip
        images.append(model.image(kwargs, [source]) / pixel**2)
    return np.array(images)


@pytest.mark.parametrize("label, n", [(NO, 4), (CDM, 12), (AXION, 12)])
@pytest.mark.parametrize("settings", [
    dict(size=64, pixel=0.08, fwhm=0.08, rescaling=simulate.RESCALING),
    dict(size=33, pixel=0.15, fwhm=0.3, truncation=3.0, supersampling=3),
])
def test_images_agree_with_lenstronomy(label, n, settings):
    draws = simulate.draw_lenses(simulate.PUBLISHED, np.full(n, label), np.random.default_rng(7))
    expected = lenstronomy_images(draws, **settings)
    error = abs(simulate.render(draws, **settings) - expected).max((1, 2)) / expected.max((1, 2))
    assert error.max() < 1e-4 and np.median(error) < 5e-6  # 1e-3 is what is needed


def test_other_profiles_agree_with_lenstronomy():
    pytest.importorskip("lenstronomy")
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel

    x, y = lens.grid(20, 0.17)
    columns, rows = (a.double().numpy().ravel() for a in torch.broadcast_tensors(x[0], y[0]))
    shape = {"e1": -0.13, "e2": 0.21}
    found = [a.numpy().ravel() for a in lens.sie(x, y, 1.1, **shape)]
    expected = LensModel(["SIE"]).alpha(columns, rows, [{"theta_E": 1.1, **shape}])
    np.testing.assert_allclose(found, expected, atol=2e-6)
    found = [a.numpy().ravel() for a in lens.shear(x, y, 0.04, -0.07)]
    expected = LensModel(["SHEAR"]).alpha(columns, rows, [{"gamma1": 0.04, "gamma2": -0.07}])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    found = lens.sersic(x, y, 2.0, 0.6, torch.tensor(3.3), **shape).numpy().ravel()
    expected = LightModel(["SERSIC_ELLIPSE"]).surface_brightness(
        columns, rows, [{"amp": 2.0, "R_sersic": 0.6, "n_sersic": 3.3, **shape}]
    )
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_point_masses_are_the_sum_of_their_deflections():
    masses = np.random.default_rng(0).uniform(0.1, 1, (2, 5, 3)).astype(np.float32)
    x, y = lens.grid(16, 0.2)
    found = lens.point_masses(x, y, torch.from_numpy(masses))
    theta = np.stack(np.broadcast_arrays(x.numpy()[0], y.numpy()[0]), axis=-1).astype(float)
    difference = theta[None, None] - masses[:, :, None, None, :2]
    expected = (masses[:, :, None, None, 2:] ** 2 * difference / (difference**2).sum(-1, keepdims=True)).sum(1)
    for i in (0, 1):
        np.testing.assert_allclose(found[i].numpy(), expected[..., i], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("length", [0.03, 0.2, 0.7, 3.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, 2.9, 4.0])
def test_vortex_is_a_line_of_a_hundred_point_masses(length, angle):
    x, y = lens.grid(31, 0.13)
    x, y = x + 0.011, y - 0.007  # no ray exactly on a mass
    as_tensor = torch.tensor([[[length]]], dtype=torch.float32), torch.tensor([[[angle]]], dtype=torch.float32)
    found = lens.vortex(x, y, *as_tensor, 0.02)
    z = (x.double() + 1j * y.double()).numpy()[0]
    places = np.linspace(-length, length, 100) * np.exp(1j * angle)
    expected = (0.02**2 / (z[..., None] - places)).sum(-1).conj()
    for part, value in ((found[0], expected.real), (found[1], expected.imag)):
        np.testing.assert_allclose(part[0].numpy(), value, rtol=2e-4, atol=2e-6)


def test_round_lens_deflects_by_its_einstein_radius():
    x, y = lens.grid(10, 0.3)
    a, b = lens.sie(x, y, 1.3, 0.0, 0.0)
    np.testing.assert_allclose(torch.hypot(a, b).numpy(), 1.3, rtol=1e-4)


@pytest.mark.parametrize("index", [1.0, 2.5])
def test_half_of_the_light_is_within_the_half_light_radius(index):
    x, y = lens.grid(1001, 0.02)
    light = lens.sersic(x, y, 1.0, 0.5, index)
    inside = light[x**2 + y**2 < 0.25].sum() / light.sum()
    assert float(inside) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("sigma, truncation", [(0.42, 5.0), (1.7, 3.0), (0.0, 5.0)])
def test_blur_is_that_of_scipy(sigma, truncation):
    image = np.random.default_rng(0).random((20, 20)).astype(np.float32)
    blurred = lens.apply_to_axes(lens.gaussian_blur(20, sigma, truncation), torch.from_numpy(image))
    expected = ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=truncation) if sigma else image
    np.testing.assert_allclose(blurred.numpy(), expected, atol=1e-6)


def test_binning_is_a_mean():
    image = torch.arange(36.0).reshape(6, 6)
    expected = image.reshape(2, 3, 2, 3).mean((1, 3))
    torch.testing.assert_close(lens.apply_to_axes(lens.binning(2, 3), image), expected)


# --------------------------------------------------------------------------------------------------
# Data sets


def test_einstein_radii():
    from scipy.integrate import quad

    def comoving(z, H0, Om):
        return 299792.458 / H0 * quad(lambda t: (Om * (1 + t) ** 3 + 1 - Om) ** -0.5, 0, z)[0]

    near, far = 1.5 * comoving(0.5, 70, 0.3), 2 * comoving(1.0, 70, 0.3)  # luminosity distances in Mpc
    schwarzschild = 4 * 1.32712e20 * 1e12 / 299792458.0**2 / 3.0857e22  # 4 G M / c^2 in Mpc
    radius = math.sqrt(schwarzschild * (far - near) / (near * far)) * 206265
    assert simulate.einstein_radius(1e12) == pytest.approx(radius, rel=1e-5)
    a, b, c = (comoving(z, 69.7, 0.2814) for z in (0.5, 1.0, 2.5))
    assert simulate.RESCALING == pytest.approx((1 - a / b) / (1 - a / c), rel=1e-5)
    assert simulate.einstein_radius(1e12) * simulate.RESCALING == pytest.approx(0.81287, abs=1e-5)


def test_draws():
    n = 4000
    labels = np.arange(n) % 3
    draws = simulate.draw_lenses(simulate.PUBLISHED, labels, np.random.default_rng(0))
    assert all(values.dtype == np.float32 and len(values) == n for values in draws.values())
    assert abs(draws["source"]).max() <= 0.35 and abs(draws["source"].mean()) < 0.02
    np.testing.assert_allclose(draws["theta_E"], 0.8128, atol=1e-4)

    x, y, theta_E = np.moveaxis(draws["substructure"], -1, 0)
    assert (theta_E[labels != CDM] == 0).all() and (theta_E[labels == CDM] > 0).all()
    radius = np.hypot(x, y)[labels == CDM]
    assert radius.min() >= 0.25 and radius.max() <= 2.0 and radius.mean() == pytest.approx(1.125, abs=0.02)
    mass = 1e12 * (theta_E[labels == CDM] / simulate.THETA_E) ** 2 / simulate.RESCALING
    assert mass.min() > 0.999e6 and mass.max() < 1.001e10
    assert mass.mean() == pytest.approx(1.51e9, rel=0.03)  # dN / dm ~ m^-0.9
    assert np.median(mass) == pytest.approx((0.5 * (1e6**0.1 + 1e10**0.1)) ** 10, rel=0.1)
    np.testing.assert_allclose(draws["largest_subhalo"][labels == CDM], mass.max(1), rtol=1e-5)

    is_axion = labels == AXION
    for name in ("axion_mass", "vortex_length", "vortex_angle"):
        assert (draws[name][~is_axion] == 0).all()
    mass, length = draws["axion_mass"][is_axion], draws["vortex_length"][is_axion]
    assert mass.min() >= 0.999e-24 and mass.max() <= 1.001e-22
    assert np.log10(mass).mean() == pytest.approx(-23, abs=0.05)
    np.testing.assert_allclose(length * mass, 0.03 * 1e-22, rtol=1e-5)


@pytest.mark.parametrize("make, size", [
    (simulate.classification, 64), (simulate.model_I, 150), (simulate.model_II, 64), (simulate.model_III, 64),
])
def test_images(make, size):
    part, again = make(12, seed=3), make(12, seed=3)
    assert part.X.tobytes() == again.X.tobytes() and part.y.tobytes() == again.y.tobytes()
    assert part.X.shape == (12, 1, size, size) and part.X.dtype == np.float32 and part.y.dtype == np.int8
    assert np.bincount(part.y).tolist() == [4, 4, 4]
    assert np.isfinite(part.X).all() and part.X.min() >= 0 and (part.X.max((1, 2, 3)) == 1).all()
    assert not np.array_equal(part.X, make(12, seed=4).X)
    names = {"theta_E", "source", "substructure", "largest_subhalo", "axion_mass", "vortex_length", "vortex_angle"}
    assert names <= part.meta.keys()


@pytest.mark.parametrize("make", [varied.varied, varied.telescope, varied.telescope_hubble])
def test_varied_images(make):
    part, again = make(12, seed=3), make(12, seed=3)
    assert part.X.tobytes() == again.X.tobytes() and part.X.shape == (12, 1, 64, 64) and part.X.dtype == np.float32
    assert np.isfinite(part.X).all() and (part.X.max((1, 2, 3)) == 1).all()
    assert np.bincount(part.y).tolist() == [4, 4, 4] and len(np.unique(part.meta["theta_E"])) == 12
    assert (part.meta["substructure"][part.y != CDM] == 0).all() and part.meta["ellipticity"].shape == (12, 2)
    background = part.X[:, 0, :6, :6].std((1, 2))
    assert (background > 1e-4).all() == (make is not varied.varied)


def test_a_varied_lens_like_the_published_one_looks_like_it():
    rng = np.random.default_rng(0)
    draws = simulate.draw_lenses(simulate.PUBLISHED, np.array([AXION, NO]), rng)
    known = dict(size=64, pixel=0.08, fwhm=0.08, rescaling=simulate.RESCALING)
    own = {
        "ellipticity": [simulate.ELLIPTICITY], "shear": [[simulate.RESCALING * g for g in simulate.SHEAR]],
        "source_radius": [simulate.SOURCE["radius"]], "source_index": [simulate.SOURCE["index"]],
        "source_ellipticity": [[simulate.SOURCE["e1"], simulate.SOURCE["e2"]]],
        "vortex_theta_E": simulate.einstein_radius([3e8]) * np.sqrt(simulate.RESCALING),
    }  # fmt: skip
    own = {name: np.repeat(np.asarray(value, np.float32), 2, axis=0) for name, value in own.items()}
    images = [simulate.to_unit_range(simulate.render(d, **known)) for d in (draws, draws | own)]
    np.testing.assert_allclose(images[1], images[0], atol=2e-4)


@pytest.mark.parametrize("make", [photographed.photographed, photographed.model_IV])
def test_photographed_sources(make):
    part, again = make(12, seed=3), make(12, seed=3)
    assert part.X.tobytes() == again.X.tobytes() and part.X.shape == (12, 3, 64, 64) and part.X.dtype == np.float32
    assert np.isfinite(part.X).all() and (part.X.max((1, 2, 3)) == 1).all()
    assert np.bincount(part.y).tolist() == [4, 4, 4]
    same = varied.varied(12, seed=3)  # the same lenses, with other sources
    assert part.y.tobytes() == same.y.tobytes()
    np.testing.assert_array_equal(part.meta["substructure"], same.meta["substructure"])
    background = part.X[:, :, :4, :4].std((2, 3))
    assert (background > 1e-4).all() == (make is photographed.model_IV)


def test_photographed_galaxies_have_their_size_and_colours_and_structure():
    pictures, reach = photographed.galaxies()
    assert pictures.shape == (len(photographed.GALAXIES), 3, photographed.CUT, photographed.CUT)
    assert (pictures >= 0).all() and reach.min() > 2  # half of the light is within half of the cut
    x, y = lens.grid(128, 0.02)
    one = torch.ones(len(pictures))
    part = {"galaxy": torch.arange(len(pictures)), "source_radius": 0.3 * one, "source_angle": 0.7 * one}
    rays = (len(pictures), 128, 128)
    seen = photographed.light(x.expand(rays), y.expand(rays), part).mean(1) * 0.02**2
    np.testing.assert_allclose(seen.sum((1, 2)), 1, atol=0.01)  # flux
    np.testing.assert_allclose((seen * (torch.hypot(x, y) < 0.3)).sum((1, 2)), 0.5, atol=0.06)
    turned = (seen - seen.flip(1, 2)).abs().sum((1, 2)) / 2
    assert turned.median() > 0.1  # asymmetric, as no Sersic profile is


def test_einstein_radii_of_redshifts_and_flux():
    # Flat, H0 = 70, Omega_m = 0.3: comoving distances to z = 0.5, 1 and 2 are 1888.6, 3303.8 and 5179.9 Mpc (astropy)
    np.testing.assert_allclose(varied.comoving_distance(np.array([0.5, 1, 2])), [1888.6, 3303.8, 5179.9], rtol=1e-4)
    assert varied.einstein_radius(1e12, 0.5, 2.0) == pytest.approx(2.027, abs=0.002)  # arcsec
    draws = varied.draw_lenses(np.full(3, NO), np.random.default_rng(0))
    draws["theta_E"][:] = draws["shear"][:] = 0
    images = simulate.render(draws, size=400, pixel=0.02)
    np.testing.assert_allclose(images.sum((1, 2)) * 0.02**2, 1, atol=1e-3)


def test_telescope_noise_is_that_of_its_sky():
    telescope = varied.EUCLID
    draws = {"magnitude": np.full(4, 40.0, np.float32)}
    units = varied.expose(np.zeros((4, 64, 64)), draws, telescope, np.random.default_rng(0)) * telescope.gain
    sky = 10 ** (-0.4 * (22.35 - telescope.zero_point)) * 0.101**2 * 4 * 565
    assert abs(units.mean()) < 1 and units.std() == pytest.approx(np.sqrt(sky + 4 * 4.2**2), rel=0.02)


def test_ring_has_the_einstein_radius():
    draws = simulate.draw_lenses(simulate.PUBLISHED, np.array([NO]), np.random.default_rng(0))
    draws["source"][:] = 0
    image = simulate.render(draws, size=64, pixel=0.08, rescaling=simulate.RESCALING)[0]
    row, column = np.indices(image.shape) - 31.5
    radius = 0.08 * (image * np.hypot(row, column))[image > 0.5 * image.max()].sum()
    assert radius / image[image > 0.5 * image.max()].sum() == pytest.approx(0.8128, abs=0.03)


def test_published_images_have_no_noise_and_model_I_has():
    clean, noisy = simulate.classification(3, 0).X[:, 0, :4], simulate.model_I(12, 0).X[:, 0, :4]
    assert clean.max() < 1e-3 and clean.min() > 0
    assert 0.005 < noisy.std() < 0.2 and (noisy == 0).mean() > 0.3  # half of the background is cut off


def test_heavier_lenses_of_models_for_comparison():
    theta_E = simulate.model_II(400, 0).meta["theta_E"]
    share = [np.isclose(theta_E, value, atol=1e-3).mean() for value in (0.8128, 2.5703)]
    assert share[0] == pytest.approx(0.5, abs=0.08) and share[1] == pytest.approx(0.25, abs=0.07)


def test_n_of_simulators():
    for make in (simulate.classification, pairs.super_resolution):
        with pytest.raises(ValueError, match="n must be a whole number of at least 1, not 0"):
            make(0, 0)
        assert len(make(1, 0)) == 1


@pytest.fixture(scope="module")
def some_pairs():
    return pairs.super_resolution(60, seed=1)


def test_pairs(some_pairs):
    part, again = some_pairs, pairs.super_resolution(60, seed=1)
    assert part.X.tobytes() == again.X.tobytes() and part.y.tobytes() == again.y.tobytes()
    assert part.X.shape == (60, 1, 64, 64) and part.y.shape == (60, 1, 128, 128)
    for images in (part.X, part.y):
        assert images.dtype == np.float32 and images.min() >= 0 and (images.max((1, 2, 3)) == 1).all()
    assert np.bincount(part.meta["scene"]).tolist() == [30, 30] and np.bincount(part.meta["kind"]).tolist() == [20] * 3


def test_ring_pairs_are_those_of_the_example_notebook(some_pairs):
    ring = some_pairs.meta["scene"] == 0
    edge = some_pairs.X[ring, 0, :10]  # digitised: 54 % zeros, mean 0.041, standard deviation 0.060
    assert (edge == 0).mean() == pytest.approx(0.5, abs=0.06)
    assert edge.mean() == pytest.approx(0.041, abs=0.01) and edge.std() == pytest.approx(0.060, abs=0.01)
    assert some_pairs.y[ring, 0, :10].max() < 5e-3


def test_survey_pairs_are_one_sky(some_pairs):
    survey = some_pairs.meta["scene"] == 1
    coarse, fine = some_pairs.X[survey, 0], some_pairs.y[survey, 0]
    small = fine.reshape(-1, 64, 2, 64, 2).mean((2, 4))
    for a, b in zip(coarse, small, strict=True):
        b = ndimage.gaussian_filter(b, 1.4)
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.6
    noise = fine[:, :8] - np.median(fine[:, :8], axis=(1, 2), keepdims=True)
    neighbours = (noise[:, :, 1:] * noise[:, :, :-1]).sum() / (noise**2).sum()
    assert 0.2 < neighbours < 0.8


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics card")
def test_graphics_card():
    on_card = simulate.simulate(simulate.PUBLISHED, 9, 0, device="cuda")
    np.testing.assert_allclose(on_card.X, simulate.classification(9, 0).X, atol=1e-4)
