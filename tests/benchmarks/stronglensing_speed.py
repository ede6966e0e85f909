"""How fast the lens simulator is: python tests/benchmarks/stronglensing_speed.py [--n N] [--repeats R]

Both make the same images of Model III (64 pixels, one ray a pixel, the same blur) with one thread in one process, in
turns; the best of R turns counts. Prints images a second for each class, their ratio and the largest difference as a
share of the peak; and the rates of whole data sets, with draws, noise and scaling.
"""

import argparse
import os
import time

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

import numpy as np
import torch

from StrongLensing import data, simulate

MODEL = simulate.PUBLISHED
ASKED = {"cdm": 3, "axion": 8}  # times lenstronomy's rate


def lenstronomy_renderer(draws, label):
    """A function of i that gives the image of lens i; what lenstronomy can prepare is prepared."""
    from lenstronomy.Data.imaging_data import ImageData
    from lenstronomy.Data.psf import PSF
    from lenstronomy.ImSim.image_model import ImageModel
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel

    corner = -(MODEL.size - 1) / 2 * MODEL.pixel
    grid = ImageData(
        image_data=np.zeros((MODEL.size, MODEL.size)), ra_at_xy_0=corner, dec_at_xy_0=corner,
        transform_pix2angle=MODEL.pixel * np.eye(2),
    )  # fmt: skip
    psf = PSF(psf_type="GAUSSIAN", fwhm=MODEL.fwhm, pixel_size=MODEL.pixel, truncation=MODEL.truncation)
    count = {simulate.AXION: simulate.VORTEX_POINTS, simulate.CDM: simulate.N_SUBHALOES, simulate.NO: 0}[label]
    model = ImageModel(
        grid, psf, LensModel(["SIE", "SHEAR"] + ["POINT_MASS"] * count), LightModel(["SERSIC_ELLIPSE"]),
        kwargs_numerics={"supersampling_factor": 1, "supersampling_convolution": False},
    )  # fmt: skip
    (e1, e2), (gamma1, gamma2) = simulate.ELLIPTICITY, (MODEL.rescaling * g for g in simulate.SHEAR)
    e = simulate.SOURCE
    source = {"amp": simulate.SOURCE_AMPLITUDE, "R_sersic": e["radius"], "n_sersic": e["index"]}
    source |= {"e1": e["e1"], "e2": e["e2"]}
    point = float(simulate.einstein_radius(simulate.VORTEX_MASS / count if count else 0)) * MODEL.rescaling**0.5

    def render(i):
        masses = []
        if label == simulate.CDM:
            masses = [{"theta_E": t, "center_x": x, "center_y": y} for x, y, t in draws["substructure"][i].tolist()]
        elif label == simulate.AXION:
            length, angle = float(draws["vortex_length"][i]), float(draws["vortex_angle"][i])
            x, y = np.cos(angle), np.sin(angle)
            line = np.linspace(-length, length, count)
            masses = [{"theta_E": point, "center_x": s * x, "center_y": s * y} for s in line]
        galaxy = {"theta_E": float(draws["theta_E"][i]), "e1": e1, "e2": e2}
        x, y = draws["source"][i].tolist()
        lenses = [galaxy, {"gamma1": gamma1, "gamma2": gamma2}, *masses]
        return model.image(lenses, [{**source, "center_x": x, "center_y": y}]) / MODEL.pixel**2

    return render


def seconds(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def compare(label, n, repeats):
    """(our rate, lenstronomy's rate, largest difference) for one class."""
    draws = simulate.draw_lenses(MODEL, np.full(n, label), np.random.default_rng(1))
    few = range(max(n // 4, 5))  # lenstronomy is slower, and needs fewer for the same precision
    theirs = lenstronomy_renderer(draws, label)
    settings = {k: getattr(MODEL, k) for k in ("size", "pixel", "fwhm", "truncation", "rescaling")}
    simulate.render(draws, **settings), theirs(0)  # compiles, allocates
    best = [np.inf, np.inf]
    for _ in range(repeats):
        ours, images = seconds(lambda: simulate.render(draws, **settings))
        their, expected = seconds(lambda: [theirs(i) for i in few])
        best = [min(best[0], ours / n), min(best[1], their / len(few))]
    difference = max(abs(a - b).max() / b.max() for a, b in zip(images, expected, strict=False))
    return 1 / best[0], 1 / best[1], difference


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=400, help="images of each class")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if min(options.n, options.repeats) < 1:
        parser.error("--n and --repeats must be at least 1")
    torch.set_num_threads(1)
    try:
        import lenstronomy
    except ImportError:
        print('lenstronomy is not installed, nothing to compare with: pip install -e ".[test]"')
    else:
        print(f"lenstronomy {lenstronomy.__version__}, torch {torch.__version__}, one thread, {MODEL.size} pixels")
        print("class   ours/s  lenstronomy/s  ratio  asked  largest difference / peak")
        for label, name in enumerate(simulate.CLASSES):
            ours, theirs, difference = compare(label, options.n, options.repeats)
            asked = ASKED.get(name, "")
            print(f"{name:6s} {ours:7.0f} {theirs:14.0f} {ours / theirs:6.1f}  {asked!s:5s}  {difference:.0e}")
    print("\nwhole data sets, one thread")
    for task, (make, _, chunk_size) in data.TASKS.items():
        n = min(chunk_size, options.n)
        taken = min(seconds(lambda make=make, n=n: make(n, 1))[0] for _ in range(3))
        print(f"{task:17s} {n / taken:6.0f}/s")


if __name__ == "__main__":
    main()
