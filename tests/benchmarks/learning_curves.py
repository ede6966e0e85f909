"""What more training samples buy: scores of the lessons' models and of a rival against their number.

    python -m tests.benchmarks.learning_curves [--only Higgs ...] [--sizes 3000 12000] [--seeds 3] [--figures-only]

Draws `CHALLENGE/learning_curve.png` and prints the numbers. All models of a panel are tested on one simulated test set.
Each seed draws other training samples and other first weights; at the largest size all seeds have the same samples.
Training and rivals are those of `quality.py`. Where samples are few, the epochs are so many more that there are at
least a quarter of the lesson's steps (`lessons.epochs`); the lesson's validation samples choose the epoch and the size
of the trees. Results are kept in build/learning_curves.json as they come: a run that was interrupted goes on.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.ticker import NullLocator
from PIL import Image
from sklearn.metrics import roc_auc_score

from common.challenge import ROOT
from common.datasets import Dataset, concatenate
from common.files import atomic_write
from common.plotting import use_style
from tests.benchmarks import lessons, quality

STORE = Path("build", "learning_curves.json")


@dataclass
class Panel:
    """A panel of a figure.

    Attributes
    ----------
    title, what : str
        The title, and what is measured.
    samples : str
        What the horizontal axis counts.
    models : callable (training, validation samples) -> {name: seed -> (samples -> predictions)}
    shown : dict of str to str
        Names of the models that are trained, and their labels in the figure.
    load : callable n -> training (n), validation and test samples
    score : callable (test samples, predictions) -> float
    sizes : tuple of int
        Numbers of training samples.
    lesson : int
        The number in the lesson.
    """

    title: str
    what: str
    samples: str
    models: Callable
    shown: dict
    load: Callable
    score: Callable
    sizes: tuple
    lesson: int


def auc(test, p):
    return roc_auc_score(test.y, p)


# --------------------------------------------------------------------------------------------------
# The panels of each challenge


def higgs():
    from Higgs import data

    shown = {"network": "network on features", "LightGBM": "LightGBM on columns"}
    return [Panel("Signal and background", "AUC", "training events", quality.higgs_models, shown,
                  partial(lessons.parts, data, "Higgs"), auc, (1_500, 3_000, 6_000, 12_000, 24_000, 44_000),
                  lessons.lesson("Higgs").N_TRAIN)]  # fmt: skip


def particle_images():
    from ParticleImages import data

    shown = {"CNN": "CNN", "LightGBM on shower shapes": "LightGBM on\nshower shapes"}
    return [Panel("Electrons and photons", "AUC", "training images", quality.particle_models, shown,
                  partial(lessons.parts, data, "ParticleImages"), auc, (2_000, 4_000, 8_000, 16_000, 32_000),
                  lessons.lesson("ParticleImages").N_TRAIN)]  # fmt: skip


def strong_lensing():
    from StrongLensing import data
    from StrongLensing.challenge import macro_auc

    def lenses(n):
        train, valid, test = lessons.parts(data, "StrongLensing", n)
        return train, valid, quality.noisy(test)

    classifiers = {"network": "network", "slow waves, linear": "slow waves, linear",
                   "trees on residual features": "residual, trees"}  # fmt: skip
    networks = {"residual network": "residual network", "Wiener filter": "Wiener filter"}
    return [
        Panel("Classes, noise of 0.01 of the peak", "macro AUC", "training images", quality.lens_models, classifiers,
              lenses, lambda test, p: macro_auc(test.y, p), (375, 750, 1_500, 3_000, 6_000, 12_000),
              lessons.lesson("StrongLensing").N_TRAIN),
        Panel("Super-resolution", "PSNR [dB]", "training pairs", quality.restorers, networks,
              partial(lessons.parts, data, "super-resolution", task="super_resolution"),
              lambda test, images: lessons.psnr(test.y, images), (30, 60, 120, 240, 480),
              lessons.lesson("super-resolution").N_TRAIN),
    ]  # fmt: skip


def renaissance():
    from RenAIssance import data, metrics, model, reading

    def book(n):
        """Pages that are cut into lines."""
        train, test = data.load("train", n), data.load("test", 12)
        return Dataset(reading.cut(train), train.y), None, Dataset(reading.cut(test), test.y)

    def readers(train, _):
        return {
            "adapted": lambda seed: lessons.train_reader(train, seed),
            "shipped": lambda seed: lambda X: reading.joined(reading.transcribe(model.load(), X)),
        }

    shown = {"adapted": "adapted reader", "shipped": "reader as shipped"}
    return [Panel("A simulated book", "character error rate", "transcribed pages", readers, shown, book,
                  lambda test, readings: metrics.error_rates(test.y, readings)["CER"], (1, 2, 4, 8, 16),
                  lessons.lesson("RenAIssance").N_PAGES)]  # fmt: skip


def nmr():
    from NMRSpin import data
    from NMRSpin.challenge import squared_errors

    def echoes(task, n):
        """Validation as in the lesson: the last of the labelled echoes. Those of two splits are the test."""
        labelled = data.load("train", n + lessons.lesson("NMRSpin").N_VALID, task=task)
        test = concatenate(data.load(split, 200, task=task) for split in ("valid", "test"))
        return labelled[:n], labelled[n:], test

    shown = {"network": "network", "ridge": "ridge"}
    return [Panel(task, "mean squared error", "training echoes", quality.echo_models, shown, partial(echoes, task),
                  lambda test, labels: squared_errors(test.y, labels).mean(), (90, 180, 360, 720),
                  lessons.lesson("NMRSpin").N_TRAIN) for task in ("gauss", "rkky")]  # fmt: skip


def exoplanet():
    from Exoplanet import data
    from Exoplanet.challenge import by_run, truth_by_run

    def auc_by_run(test, p):
        return roc_auc_score(*by_run(truth_by_run(test.y, test.meta["run"]), p))

    shown = {"network": "network", "LightGBM on polar features": "LightGBM on\npolar features"}
    return [Panel("Disks with and without planets", "AUC by run", "training images", quality.disk_models, shown,
                  partial(lessons.parts, data, "Exoplanet"), auc_by_run, (250, 500, 1_000, 2_000, 4_000),
                  lessons.lesson("Exoplanet").N_TRAIN)]  # fmt: skip


def quantum():
    from QuantumML import data

    def jets(n):
        train, test = lessons.parts(data, "QuantumML", n)
        return train, None, test

    shown = {"quantum autoencoder": "quantum\nautoencoder", "convolutional autoencoder": "convolutional\nautoencoder",
             "untrained sum of the same inputs": "untrained sum\nof the angles"}  # fmt: skip
    return [Panel("Gluon jets among quark jets", "AUC", "training jets (quarks)",
                  lambda train, _: quality.detectors(train), shown, jets,
                  lambda test, score: roc_auc_score(test.y == data.GLUON, score),
                  (250, 500, 1_000, 2_000, 4_000, 8_000), lessons.lesson("QuantumML").N_TRAIN)]  # fmt: skip


PANELS = {
    "Higgs": higgs, "ParticleImages": particle_images, "StrongLensing": strong_lensing, "RenAIssance": renaissance,
    "NMRSpin": nmr, "Exoplanet": exoplanet, "QuantumML": quantum,
}  # fmt: skip


# --------------------------------------------------------------------------------------------------
# Training, table and figure


def drawn(pool, n, seed):
    """n samples of a pool, others for each seed; the fewer are among the more. Images of one run stay together."""
    _, run = np.unique(pool.meta.get("run", np.arange(len(pool))), return_inverse=True)
    place = np.random.default_rng(seed).permutation(run.max() + 1)
    return pool[np.argsort(place[run], kind="stable")[:n]]


def stored():
    """{panel: {model: {n: {seed: score}}}}"""
    return json.loads(STORE.read_text()) if STORE.exists() else {}


def results(name, panel):
    """{model: {n: {seed: score}}} of what is stored of a panel."""
    known = stored().get(f"{name}, {panel.title}", {})
    return {model: {int(n): by_seed for n, by_seed in known.get(model, {}).items()} for model in panel.shown}


def store(name, panel, model, n, seed, score):
    known = stored()
    found = known.setdefault(f"{name}, {panel.title}", {}).setdefault(model, {})
    found.setdefault(str(n), {})[str(seed)] = score
    STORE.parent.mkdir(exist_ok=True)
    with atomic_write(STORE) as temporary:
        temporary.write_text(json.dumps(known, indent=1) + "\n", "utf-8")


def measure(name, panel, sizes, seeds):
    """Train what is not stored yet; the smallest sizes first."""
    known = results(name, panel)
    missing = [(n, seed, model) for n in sorted(sizes) for seed in range(seeds) for model in panel.shown
               if str(seed) not in known[model].get(n, {})]  # fmt: skip
    if not missing:
        return
    pool, valid, test = panel.load(max(panel.sizes))
    for n, seed, model in missing:
        predict = panel.models(drawn(pool, n, seed), valid)[model](seed)
        score = float(panel.score(test, predict(test.X)))
        print(f"{name}, {panel.title}: {model}, {n:,}, seed {seed}: {score:.4f}", flush=True)
        store(name, panel, model, n, seed, score)


def mean_and_spread(scores):
    """Mean of the scores of some seeds and their standard deviation, nan for one seed."""
    scores = list(scores.values())
    return np.mean(scores), np.std(scores, ddof=1) if len(scores) > 1 else np.nan


def table(panel, curves):
    """Mean and standard deviation over seeds, in Markdown."""
    digits = 2 if "dB" in panel.what else 4
    names = [label.replace("\n", " ") for label in panel.shown.values()]
    lines = [f"| {panel.samples} | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for n in sorted(set().union(*curves.values())):
        found = [mean_and_spread(of[n]) if n in of else (np.nan, np.nan) for of in curves.values()]
        cells = [f"{mean:.{digits}f} ± {spread:.{digits}f}" for mean, spread in found]
        lines.append(f"| {n:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def apart(places, gap):
    """Heights of labels, moved up where they would be nearer to the one below than the gap."""
    moved, least = np.array(places, float), -np.inf
    for i in np.argsort(places):
        moved[i] = max(moved[i], least)
        least = moved[i] + gap
    return moved


def figure(name, found):
    """The panels of a challenge: means over the seeds with their standard deviation."""
    fig, axes = plt.subplots(1, len(found), figsize=(7, 3.5), squeeze=False)
    for ax, (panel, curves) in zip(axes[0], found, strict=True):
        ends = []
        for i, of in enumerate(curves.values()):
            sizes = sorted(of)
            mean, spread = np.transpose([mean_and_spread(of[n]) for n in sizes])
            ax.errorbar(sizes, mean, spread, fmt=("-o", "--s", "-.^")[i], color=f"C{i}", ms=4, capsize=2)
            ends.append((sizes[-1], mean[-1]))
        dotted = f"\n(dotted: {panel.lesson:,} in the lesson)"
        ax.set(xscale="log", xlabel=panel.samples + dotted, ylabel=f"{panel.what} (test)", title=panel.title)
        measured = sorted(set().union(*curves.values()))
        ax.set_xticks(measured, [f"{n:,}" for n in measured], rotation=45 if len(found) > 1 else 0)
        ax.xaxis.set_minor_locator(NullLocator())
        gap = 0.05 * max(1 + label.count("\n") for label in panel.shown.values())
        heights = [ax.transAxes.inverted().transform(ax.transData.transform(end))[1] for end in ends]
        for i, (label, height) in enumerate(zip(panel.shown.values(), apart(heights, gap), strict=True)):
            ax.annotate(label, (ends[i][0], height), (6, 0), xycoords=("data", "axes fraction"), va="center",
                        textcoords="offset points", color=f"C{i}", fontsize=8)  # fmt: skip
        ax.axvline(panel.lesson, color="0.7", ls=":", lw=1, zorder=0)
    fig.canvas.draw()
    picture = Image.fromarray(np.asarray(fig.canvas.buffer_rgba())).convert("RGB")
    picture.quantize(64, dither=Image.Dither.NONE).save(ROOT / name / "learning_curve.png", optimize=True)
    plt.close(fig)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=PANELS, default=list(PANELS))
    parser.add_argument("--sizes", nargs="+", type=int, metavar="N", help="of the sizes of the panels")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--figures-only", action="store_true", help="train nothing, draw what is stored")
    options = parser.parse_args()
    torch.set_num_threads(1)
    use_style()
    for name in options.only:
        found = []
        for panel in PANELS[name]():
            if not options.figures_only:
                sizes = [n for n in panel.sizes if options.sizes is None or n in options.sizes]
                measure(name, panel, sizes, options.seeds)
            curves = results(name, panel)
            if any(curves.values()):
                found.append((panel, curves))
                print(f"\n**{name}, {panel.title}**: {panel.what}\n\n{table(panel, curves)}", flush=True)
        if found:
            figure(name, found)


if __name__ == "__main__":
    main()
