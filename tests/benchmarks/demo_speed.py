"""Size and speed of the pages to try a model on, in Chromium, beside torch in the same run. Under a minute.

    python -m tests.benchmarks.demo_speed build/site

For each page of a site that was built: kB of all that it loads, from a disk; ms to the first paint and until it is
ready; ms of one answer of its model (median of 20), and of the same network in torch, one sample at a time. And ms of
one echo of the lattice of NMRSpin, which its page draws while it comes, beside our simulator's.
"""

import argparse
import shutil
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright

from common import demo
from Exoplanet.model import Network as Planets
from Higgs.model import Network as Higgs
from NMRSpin.model import layers
from NMRSpin.simulate import echoes
from ParticleImages.model import CNN
from QuantumML.circuits import autoencoder, trash_excitation
from QuantumML.quantum import Simulator
from RenAIssance.model import load
from StrongLensing.model import Network as Lenses

TIME = """(code) => { const start = performance.now(); eval(code); return performance.now() - start; }"""
ECHO = [8.0, 9.0, 7.5]  # alpha, xi, d
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
READY = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"


def networks():
    """Name of a page -> a call of its network in torch, with one sample of the size of the page's."""
    torch.set_num_threads(1)
    X = np.random.default_rng(0).normal(size=(100, 65)).astype(np.float32)
    circuit, components = Simulator(autoencoder(n_layers=2)), torch.nn.Linear(942, 100)
    weights, angles = torch.rand(circuit.lengths["w"]), torch.rand(1, 10)
    modules = {
        "Higgs": (Higgs(X), torch.from_numpy(X[:1])),
        "ParticleImages": (CNN(), torch.rand(1, 2, 15, 27)),
        "StrongLensing": (Lenses(), torch.rand(1, 1, 64, 64)),
        "RenAIssance": (load(), torch.rand(1, 36, 448)),
        "NMRSpin": (torch.nn.Sequential(components, layers(100)), torch.rand(1, 942)),
        "Exoplanet": (Planets(), torch.rand(4, 3, 36, 64)),  # four turns of one disk
    }
    calls = {name: partial(module.eval(), x) for name, (module, x) in modules.items()}
    return calls | {"QuantumML": partial(trash_excitation, circuit, angles, weights, 9)}


def milliseconds(call, n=20):
    """Median of n calls, after one that warms up."""
    call()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
    return np.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    folder = parser.parse_args().site.resolve() / "demos"
    calls = networks()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with torch.inference_mode(), sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        print("| page | kB | first paint, ms | ready, ms | answer, ms | torch, ms | ratio |")
        print("|---|---|---|---|---|---|---|")
        for name in demo.names():
            page = browser.new_page()
            page.goto((folder / f"{name}.html").as_uri())
            page.wait_for_timeout(4000)  # what it calculates at first is over then
            answer = np.median([page.evaluate(TIME, "demo.predicted(0)") for _ in range(21)][1:])
            own = milliseconds(calls[name])
            parts = [*folder.glob(f"{name}*"), folder / "demo.js", *folder.parent.glob("site.*")]
            size = sum(part.stat().st_size for part in parts) / 1000
            paint, ready = page.evaluate(PAINT), page.evaluate(READY)
            times = f"{paint:.0f} | {ready:.0f} | {answer:.1f} | {own:.2f} | {answer / own:.0f}"
            print(f"| {name} | {size:,.0f} | {times} |")
            if name == "NMRSpin":
                echo = np.median([page.evaluate(TIME, f"demo.echo({ECHO})") for _ in range(6)][1:])
                own = milliseconds(partial(echoes, "gauss", [ECHO]), 5)
                print(f"| {name}, an echo | | | | {echo:.0f} | {own:.0f} | {echo / own:.1f} |")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
