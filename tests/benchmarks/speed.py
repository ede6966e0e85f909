"""Rates of the simulators, the quantum layer and the reading of pages, each beside what one would use instead.

    python -m tests.benchmarks.speed [--only Higgs StrongLensing ...]

Things done per second of processor time of one thread; the two take turns, several times, and the ratio of each turn
counts. A peer that is not installed is left out with a message.
"""

import argparse
import os
import shutil
import subprocess
import warnings
from contextlib import contextmanager

import numpy as np
import torch

from tests.benchmarks import plain
from tests.benchmarks.table import Row, as_text, in_turns, rate

SECTION = "speed"


@contextmanager
def left_out(what):
    """What follows is left out, with a message, where a package that it needs is not installed."""
    try:
        yield
    except ImportError as error:
        print(f"{SECTION}, {what}: left out, {error}", flush=True)


def higgs(n=1500):
    """Selected events, against a Python loop and against Pythia alone: as many collisions as the loop needs for one."""
    from Higgs import simulate

    found = []

    def ours():
        return rate(lambda: simulate.simulate(n, 1), n)

    def loop():
        selected = []
        value = rate(lambda: selected.append(sum(plain.higgs_events(signal, n // 3, 1) for signal in (0, 1))), 1)
        found.append(selected[0] / (2 * (n // 3)))
        return value * selected[0]

    def alone():
        return rate(lambda: [plain.pythia_alone(signal, n // 2, 1) for signal in (0, 1)], 2 * (n // 2)) * found[0]

    yield in_turns(SECTION, "Higgs", "selected events/s", ("ours", ours), ("Pythia and a Python loop", loop), 3)
    yield in_turns(
        SECTION,
        "Higgs",
        "selected events/s",
        ("ours", ours),
        ("Pythia alone", alone),
        3,
        f"without jets; {found[0]:.0%} of the collisions pass",
    )


def lenses(n=200):
    """Images of Model III, against lenstronomy, caustics and jaxtronomy."""
    from StrongLensing import simulate
    from tests.benchmarks import stronglensing_speed as single

    model = single.MODEL
    settings = {k: getattr(model, k) for k in ("size", "pixel", "fwhm", "truncation", "rescaling")}
    for label, name in ((simulate.CDM, "25 masses"), (simulate.AXION, "a vortex of 100 masses")):
        draws = simulate.draw_lenses(model, np.full(n, label), np.random.default_rng(1))
        theirs = single.lenstronomy_renderer(draws, label)

        def ours(draws=draws):
            return rate(lambda: simulate.render(draws, **settings), n)

        def lenstronomy(theirs=theirs):
            return rate(lambda: [theirs(i) for i in range(n // 4)], n // 4)

        yield in_turns(SECTION, "StrongLensing", f"images/s, {name}", ("ours", ours), ("lenstronomy", lenstronomy))
        if label == simulate.CDM:
            with left_out("StrongLensing, caustics"):
                render = caustics_renderer(draws, model)
                yield in_turns(
                    SECTION, "StrongLensing", f"images/s, {name}", ("ours", ours),
                    ("caustics, vmap", lambda render=render: rate(render, n)), note="caustics without blur",
                )  # fmt: skip


    draws = simulate.draw_lenses(model, np.full(2 * n, simulate.NO), np.random.default_rng(1))
    with left_out("StrongLensing, jaxtronomy"):
        render = jaxtronomy_renderer(draws, model)
        yield in_turns(
            SECTION, "StrongLensing", "images/s, no masses",
            ("ours", lambda: rate(lambda: simulate.render(draws, **settings), 2 * n)),
            ("jaxtronomy, vmap", lambda: rate(render, 2 * n)), note="jaxtronomy without blur; it has no point masses",
        )  # fmt: skip


def jaxtronomy_renderer(draws, model):
    """A function that makes all images of smooth lenses with jaxtronomy, compiled and batched by jax.vmap; no blur."""
    import jax
    from jaxtronomy.LensModel.lens_model import LensModel
    from jaxtronomy.LightModel.light_model import LightModel

    from StrongLensing import simulate

    lenses, light = LensModel(["SIE", "SHEAR"]), LightModel(["SERSIC_ELLIPSE"])
    axis = (np.arange(model.size) - (model.size - 1) / 2) * model.pixel
    x, y = (values.ravel() for values in np.meshgrid(axis, axis))
    e1, e2 = simulate.ELLIPTICITY
    gamma1, gamma2 = simulate_shear(model)
    own = simulate.SOURCE
    shape = {"amp": simulate.SOURCE_AMPLITUDE, "R_sersic": own["radius"], "n_sersic": own["index"],
             "e1": own["e1"], "e2": own["e2"]}  # fmt: skip

    def image(theta_E, source):
        galaxy = [{"theta_E": theta_E, "e1": e1, "e2": e2}, {"gamma1": gamma1, "gamma2": gamma2}]
        bent = lenses.ray_shooting(x, y, galaxy)
        return light.surface_brightness(*bent, [{**shape, "center_x": source[0], "center_y": source[1]}])

    batched, given = jax.jit(jax.vmap(image)), [np.asarray(draws[name]) for name in ("theta_E", "source")]
    return lambda: batched(*given).block_until_ready()


def caustics_renderer(draws, model):
    """A function that makes all images of the draws with caustics, batched by torch.vmap; no blur."""
    import caustics

    redshifts = {"z_l": 0.5, "z_s": 1.0}
    n, count, _ = draws["substructure"].shape
    with warnings.catch_warnings(action="ignore"):  # every lens takes its redshifts from the plane, and says so
        cosmology = caustics.FlatLambdaCDM(h0=0.7)
        masses = [caustics.Point(cosmology, **redshifts, name=f"mass{i}") for i in range(count)]
        galaxy = caustics.SIE(cosmology, **redshifts, name="galaxy")
        shear = caustics.ExternalShear(cosmology, **redshifts, name="shear", x0=0.0, y0=0.0)
        plane = caustics.SinglePlane(cosmology, **redshifts, lenses=[galaxy, shear, *masses])
        simulator = caustics.LensSource(
            lens=plane, source=caustics.Sersic(name="source"), pixelscale=model.pixel, pixels_x=model.size,
            upsample_factor=1,
        )  # fmt: skip
    gamma = torch.tensor(simulate_shear(model))
    x, y = torch.as_tensor(draws["source"]).float().T
    known = {
        "galaxy": {"x0": 0.0, "y0": 0.0, "q": 0.82, "phi": 0.0, "Rein": torch.as_tensor(draws["theta_E"]).float()},
        "shear": {"gamma_1": gamma[0], "gamma_2": gamma[1]},
        "source": {"x0": x, "y0": y, "q": 0.75, "phi": 1.2, "n": 1.0, "Re": 0.25, "Ie": 1.0},
    }
    for i, mass in enumerate(torch.as_tensor(draws["substructure"]).float().unbind(1)):
        known[f"mass{i}"] = dict(zip(("x0", "y0", "Rein"), mass.T, strict=True))
    columns = [torch.as_tensor(known[next(iter(p.parents)).name][p.name]).expand(n) for p in simulator.dynamic_params]
    batch = torch.stack(columns, 1)

    def render():
        with torch.inference_mode():
            return torch.vmap(simulator)(batch)

    return render


def simulate_shear(model):
    from StrongLensing import simulate

    return [model.rescaling * g for g in simulate.SHEAR]


def echoes():
    """Echoes of 100 x 100 spins, against a NumPy loop."""
    from NMRSpin import simulate
    from tests.benchmarks import nmrspin_speed as single

    y = simulate.draw_labels("gauss", 2 * simulate.BATCH, np.random.default_rng(0))
    yield in_turns(
        SECTION, "NMRSpin", "echoes/s",
        ("ours", lambda: rate(lambda: simulate.echoes("gauss", y), len(y))),
        ("NumPy loop", lambda: rate(lambda: single.plain_echo("gauss", y[0], simulate.SEQUENCE.steps), 1)), 3,
    )  # fmt: skip


def disks(n=100, size=128):
    """Images of disks, against the formulas at every pixel."""
    from Exoplanet import simulate

    rng = np.random.default_rng(0)
    runs, dumps = simulate.draw_runs(n, rng), simulate.draw_dumps(n, rng)

    def loop():
        for i in range(n):
            plain.disk({k: v[i] for k, v in runs.items()}, {k: v[i] for k, v in dumps.items()}, size)

    yield in_turns(
        SECTION, "Exoplanet", "images/s, 128 pixels", ("ours", lambda: rate(lambda: simulate.simulate(n, 0, size), n)),
        ("NumPy at every pixel", lambda: rate(loop, n)), note="the loop has no confusers, spots or speckle",
    )  # fmt: skip


def lines(n=100):
    """Printed lines, against Pillow and SciPy."""
    from RenAIssance import simulate
    from RenAIssance.spelling import Typesetter

    rng = np.random.default_rng(0)
    typesetter = Typesetter(rng)
    texts = [" ".join(typesetter.line(simulate.LENGTH)[0]) for _ in range(n)]
    yield in_turns(
        SECTION, "RenAIssance", "lines/s", ("ours", lambda: rate(lambda: simulate.raw_lines(n, 1), n)),
        ("Pillow and SciPy", lambda: rate(lambda: [plain.printed_line(text, rng) for text in texts], n)),
        note="the loop has no neighbours, rules or specks, and its text is given",
    )  # fmt: skip


def showers(n=2000):
    """Calorimeter images, against spots thrown one image at a time."""
    from ParticleImages import simulate

    rng = np.random.default_rng(0)
    yield in_turns(
        SECTION, "ParticleImages", "images/s", ("ours", lambda: rate(lambda: simulate.simulate(n, 1), n)),
        ("NumPy, spot by spot", lambda: rate(lambda: [plain.shower(50.0, rng) for _ in range(n // 10)], n // 10)),
        note="the loop has no tracker, read-out or times",
    )  # fmt: skip


def circuits():
    """Training steps of 6 qubits and 30 weights, batch 64, against other quantum simulators."""
    from tests.benchmarks import quantumml_speed as single

    torch.manual_seed(0)
    ours = single.ours()

    def steps(step, n):
        return lambda: rate(lambda: [step() for _ in range(n)], n)

    for name, peer in single.PEERS.items():
        with left_out(f"QuantumML, {name}"):
            theirs = steps(peer(), 5)
            yield in_turns(SECTION, "QuantumML", "training steps/s", ("ours", steps(ours, 40)), (name, theirs))
    fast, slow = steps(ours, 40)(), single.machine_learning()
    yield Row(
        SECTION,
        "QuantumML",
        "training steps/s",
        "ours",
        fast,
        "qiskit-machine-learning, parameter shift",
        slow,
        fast / slow,
        fast / slow,
        fast / slow,
        "times",
        "one gradient of it",
    )


def pages():
    """Pages of a simulated book from scan to text, against tesseract."""
    from RenAIssance import data, model, reading
    from tests.benchmarks import renaissance_models as single

    if shutil.which("tesseract") is None:
        raise ImportError("tesseract is not installed (apt-get install tesseract-ocr tesseract-ocr-spa-old)")
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    book, reader = data.load("train", 6), model.load()
    images = [page[:h, :w] for page, (h, w) in zip(book.X, book.meta["size"], strict=True)]
    tongue = (
        "spa_old"
        if b"spa_old" in subprocess.run(["tesseract", "--list-langs"], capture_output=True, check=True).stdout
        else "spa"
    )

    def theirs():
        start = os.times()
        single.tesseract(images[:3], tongue, 6)
        end = os.times()
        return 3 / (end.children_user - start.children_user + end.children_system - start.children_system)

    yield in_turns(
        SECTION,
        "RenAIssance",
        "pages/s",
        ("ours", lambda: rate(lambda: reading.transcribe(reader, reading.cut(book)), len(book))),
        (f"tesseract {tongue}", theirs),
        3,
    )


ALL = {"Higgs": [higgs], "ParticleImages": [showers], "StrongLensing": [lenses], "RenAIssance": [lines, pages],
       "NMRSpin": [echoes], "Exoplanet": [disks], "QuantumML": [circuits]}  # fmt: skip


def rows(challenges=None):
    for name in challenges or ALL:
        for measure in ALL[name]:
            with left_out(f"{name}, {measure.__name__}"):
                yield from measure()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(ALL), default=list(ALL))
    torch.set_num_threads(1)
    print(as_text(list(rows(parser.parse_args().only))))
