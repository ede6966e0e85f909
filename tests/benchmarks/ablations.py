"""What the models of the lessons owe to features, training and size: each is trained again with one thing changed.

    python -m tests.benchmarks.ablations [--only Higgs ...] [--seeds 3]

Prints a table for each challenge: mean and standard deviation over the seeds, and the mean difference to the lesson's
model of the same seed. Samples are those of the lesson, on the larger test sets of `lessons`; what more of them buys
is in `learning_curves.py`.
"""

import argparse
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import numpy as np
import torch

from tests.benchmarks import learning_curves, lessons


@dataclass
class Ablation:
    """Rows of a table.

    Attributes
    ----------
    panel : learning_curves.Panel
        Data, score and models; the first one is that of the lesson.
    changes : dict of str to list of tuple (object, name, value)
        What is replaced for a row. Its name begins with features, training or size.
    """

    panel: learning_curves.Panel
    changes: dict
    digits: int = 3


def higgs():
    from Higgs import model
    from Higgs.columns import physical

    def plain_columns(X):
        return physical(X).astype(np.float32)

    def without_groups(X):
        return np.concatenate([model.single_features(X), model.high_level_features(X)], axis=1).astype(np.float32)

    p = lessons.lesson("Higgs")
    return [Ablation(learning_curves.higgs()[0], {
        "features: the 28 columns as they are": [(model, "features", plain_columns)],
        "features: no masses and distances of groups but the official ones": [(model, "features", without_groups)],
        "features: without the seven official masses": [(model, "features", model.low_level_features)],
        "features: one bin for each, not eight": [(model, "Network", partial(model.Network, bins=1))],
        "training: no dropout": [(p, "DROPOUT", 0.0)],
        "training: a third of the epochs": [(p, "N_EPOCHS", 5)],
        "training: twice the epochs": [(p, "N_EPOCHS", 30)],
        "size: a quarter of the width": [(p, "WIDTH", 32)],
        "size: four times the width": [(p, "WIDTH", 512)],
        "size: no residual block": [(p, "BLOCKS", 0)],
    })]  # fmt: skip


def particle_images():
    from ParticleImages import model

    p, planes = lessons.lesson("ParticleImages"), model.energy_planes

    def only(kept):
        return lambda crop, total: [plane * (i == kept) for i, plane in enumerate(planes(crop, total))]

    return [Ablation(learning_curves.particle_images()[0], {
        "features: not mirrored": [(model, "mirror", lambda crop: crop)],
        "features: only the logarithm": [(model, "energy_planes", only(0))],
        "features: only the energy": [(model, "energy_planes", only(1))],
        "features: the total energy is not told": [(model, "total_energy", lambda x: torch.zeros(len(x), 2))],
        "training: half of the epochs": [(p, "N_EPOCHS", 3)],
        "size: twice the width": [(p, "WIDTH", 24)],
    })]  # fmt: skip


def strong_lensing():
    from StrongLensing import model, restoration

    p, q = lessons.lesson("StrongLensing"), lessons.lesson("super-resolution")
    classes, pairs = learning_curves.strong_lensing()
    spectrum, single = model.spectrum, restoration.restore

    def eight(network, coarse):
        with patch.object(restoration, "restore", single):
            return restoration.restore_eight(network, coarse)

    def waves(first, last):
        periods = torch.arange(model.ANGLES // 2 + 1)
        return lambda x: spectrum(x) * ((periods >= first) & (periods <= last))

    return [Ablation(classes, {
        "features: waves up to 4 periods": [(model, "spectrum", waves(0, 4))],
        "features: waves of 5 and more periods": [(model, "spectrum", waves(5, 64))],
        "training: no noise": [(model, "any_camera", None)],
        "training: no dropout": [(model, "Network", partial(model.Network, dropout=0.0))],
        "training: a third of the epochs": [(p, "N_EPOCHS", 3)],
        "training: three times the epochs": [(p, "N_EPOCHS", 27)],
        "size: a quarter of the width": [(model, "Network", partial(model.Network, width=32))],
        "size: four times the width": [(model, "Network", partial(model.Network, width=512))],
    }), Ablation(pairs, {
        "features: the first guess is bicubic, not the filter": [
            (restoration, "LinearFilter", lambda H: restoration.enlarge)],
        "features: nothing knows the brightness": [(restoration, "Brightness", torch.nn.Identity)],
        "training: absolute error as the loss": [(restoration, "minus_psnr", torch.nn.functional.l1_loss)],
        "training: twice the epochs": [(q, "N_EPOCHS", 8)],
        "training: and the mean of eight views": [(restoration, "restore", eight)],
        "size: half of the width": [(q, "WIDTH", 16)],
    }, digits=2)]  # fmt: skip


def renaissance():
    from RenAIssance import train

    p = lessons.lesson("RenAIssance", "lesson")
    return [Ablation(learning_curves.renaissance()[0], {
        "training: lines neither bent nor noisy": [(train, "augment", lambda X, rng: X.float() / 255)],
        "training: no pieces of the frame": [(train, "adapt", partial(train.adapt, rules=0.0))],
        "training: no simulated lines": [(p, "N_SIMULATED", 0)],
        "training: none of the shipped weights kept": [(train, "adapt", partial(train.adapt, kept=0.0))],
        "training: one epoch": [(p, "N_EPOCHS", 1)],
        "training: six epochs": [(p, "N_EPOCHS", 6)],
    }, digits=4)]  # fmt: skip


def nmr():
    from NMRSpin import model

    def unchanged(values):
        return np.asarray(values, dtype=float)

    def network(**options):
        return [(model, "Network", partial(model.Network, **options))]

    p = lessons.lesson("NMRSpin")
    return [Ablation(panel, {
        "features: labels as they are, no physical targets": network(wanted=unchanged, back=unchanged),
        "features: 20 principal components": network(components=20),
        "features: 400 principal components": network(components=400),
        "training: a quarter of the epochs": [(p, "N_EPOCHS", 50)],
        "training: three times the epochs": [(p, "N_EPOCHS", 600)],
        "size: a quarter of the width": network(width=256),
        "size: twice the width": network(width=2048),
    }, digits=4) for panel in learning_curves.nmr()]  # fmt: skip


def exoplanet():
    from Exoplanet import model

    p, views_of_polar, logits = lessons.lesson("Exoplanet"), model.views_of_polar, model.logits

    def only(*kept):
        mask = np.isin(np.arange(3), kept).astype(np.float32)[:, None, None]
        return [(model, "views_of_polar", lambda unwrapped: views_of_polar(unwrapped) * mask)]

    return [Ablation(learning_curves.exoplanet()[0], {
        "features: only the brightness": only(0),
        "features: only the residual": only(1),
        "features: no bend of the profile": only(0, 1),
        "training: neither turned nor mirrored": [(model, "turn_and_flip", None)],
        "training: and no mean of four turns": [(model, "logits", lambda network, seen, turns: logits(network, seen))],
        "training: half of the epochs": [(p, "N_EPOCHS", 3)],
        "size: twice the width": [(p, "WIDTH", 16)],
    })]  # fmt: skip


def quantum():
    from QuantumML import circuits

    p = lessons.lesson("QuantumML")
    return [Ablation(learning_curves.quantum()[0], {
        "size: no entanglement": [(circuits, "autoencoder", partial(circuits.autoencoder, entangler=None))],
        "size: one layer": [(p, "N_LAYERS", 1)],
        "size: four layers": [(p, "N_LAYERS", 4)],
        "training: a quarter of the steps": [(p, "N_STEPS", 25)],
        "training: four times the steps": [(p, "N_STEPS", 400)],
    })]  # fmt: skip


ALL = {
    "Higgs": higgs, "ParticleImages": particle_images, "StrongLensing": strong_lensing, "RenAIssance": renaissance,
    "NMRSpin": nmr, "Exoplanet": exoplanet, "QuantumML": quantum,
}  # fmt: skip


def measure(ablation, seeds):
    """Print the table of an ablation, row by row."""
    panel = ablation.panel
    train, valid, test = panel.load(panel.lesson)
    models = panel.models(train, valid)
    ours, digits = next(iter(models)), ablation.digits
    print(f"\n**{panel.title}**: {panel.what}, {panel.lesson:,} {panel.samples}\n")
    print(f"| changed | {panel.what} | difference |\n|---|---|---|", flush=True)
    before = None
    for name, changes in {"nothing": [], **ablation.changes}.items():
        with ExitStack() as stack:
            for change in changes:
                stack.enter_context(patch.object(*change))
            scores = np.array([panel.score(test, models[ours](seed)(test.X)) for seed in range(seeds)])
        before = scores if before is None else before
        cells = [f"{values.mean():{sign}.{digits}f}" + (f" ± {values.std(ddof=1):.{digits}f}" if seeds > 1 else "")
                 for values, sign in ((scores, ""), (scores - before, "+"))]  # fmt: skip
        print(f"| {name} | {cells[0]} | {cells[1] if changes else ''} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=ALL, default=list(ALL))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for name in options.only:
        for ablation in ALL[name]():
            measure(ablation, options.seeds)


if __name__ == "__main__":
    main()
