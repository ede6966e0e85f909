"""What networks trained on simulated ALMA images say of real ones: python tests/benchmarks/exoplanet_alma.py SAMPLES

SAMPLES is a folder with AS_209.npy and GW_Lup.npy, 64 x 64 pixels on a logarithmic scale. Networks that differ in their
seeds are trained on the same images, and as a control on the same disks without beam, noise and cut. Printed are

- the AUC by run on simulated disks, as ALMA sees them and sharp, and the difference on the same disks;
- of the disks whose mean probability is above 0.9, how many have planets;
- the probabilities of each real disk, and how many simulated disks without planets score higher: of all, and of those
  with as much brightness at their edges as the real one.

--picture writes images and probabilities to a file.
"""

import argparse
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common.metrics import bootstrap
from common.plotting import use_style
from common.training import fit, seed_everything
from Exoplanet import data, model, simulate
from Exoplanet.challenge import by_run, truth_by_run

ALMA_VIEW = {"stretch": model.asinh, "share": 0.06}
LIKE = 0.1  # largest difference in the share of edge pixels of disks that are as noisy as a real one


def edge(X):
    """Share of the pixels at the edges of images (n, 1, size, size) that are not cut away, (n,)."""
    outermost = np.ones(X.shape[-2:], bool)
    outermost[1:-1, 1:-1] = False
    return (X[:, 0][:, outermost] > 0).mean(axis=1)


def disks(n, seed, telescope):
    """Simulated disks, in chunks as the stream makes them."""
    parts = [simulate.simulate(200, seed + i, 64, alma=True, telescope=telescope) for i in range(-(-n // 200))]
    return {"X": np.concatenate([p.X for p in parts])[:n], "y": np.concatenate([p.y for p in parts])[:n],
            "run": np.concatenate([p.meta["run"] for p in parts])[:n]}  # fmt: skip


def train(parts, epochs, seed):
    """A network that has seen the training disks."""
    seen = {split: model.views(parts[split]["X"], **ALMA_VIEW) for split in ("train", "valid")}
    y = {split: parts[split]["y"].astype("f4") for split in seen}
    seed_everything(seed)
    network = model.Network()
    fit(
        network, (seen["train"], y["train"]), (seen["valid"], y["valid"]), loss=binary_cross_entropy_with_logits,
        score=roc_auc_score, epochs=epochs, batch_size=32, lr=3e-3, weight_decay=0.05,
        augment=model.turn_and_flip, seed=seed, progress=False,
    )  # fmt: skip
    return network


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--n", type=int, default=1600, help="training images")
    parser.add_argument("--n-test", type=int, default=1000, help="test images")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--networks", type=int, default=3)
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Exoplanet").symlink_to(options.samples.resolve())
        os.environ["DEEPLEARN_DATA"] = folder
        real = data.observed()
    if real is None:
        parser.error(f"{options.samples} has neither AS_209.npy nor GW_Lup.npy")
    sizes = {"train": (options.n, 10_000), "valid": (400, 20_000), "test": (options.n_test, 30_000)}
    parts = {
        name: {split: disks(n, seed, name == "as ALMA sees") for split, (n, seed) in sizes.items()}
        for name in ("as ALMA sees", "sharp")
    }
    test = parts["as ALMA sees"]["test"]
    truth = truth_by_run(test["y"], test["run"])
    without, noise = test["y"] == 0, edge(test["X"])

    z = {name: [] for name in parts}
    real_z = []
    for seed in range(options.networks):
        for name, of_name in parts.items():
            network = train(of_name, options.epochs, seed)
            z[name].append(model.logits(network, model.views(of_name["test"]["X"], **ALMA_VIEW), turns=4))
            if name == "as ALMA sees":
                real_z.append(model.logits(network, model.views(real.X, **ALMA_VIEW), turns=4))
        aucs = ", ".join(f"{name} {roc_auc_score(*by_run(truth, values[-1])):.3f}" for name, values in z.items())
        told = ", ".join(f"{n} {p:.2f}" for n, p in zip(real.meta["name"], model.sigmoid(real_z[-1]), strict=True))
        print(f"network {seed}: AUC by run {aucs}; {told}", flush=True)

    (label, of_seen), (_, of_sharp) = (by_run(truth, np.mean(z[name], axis=0)) for name in parts)
    seen, sharp = bootstrap(roc_auc_score, label, of_seen, of_sharp)
    low, high = np.quantile(sharp - seen, [0.025, 0.975])
    print(f"mean of the networks, {len(label)} runs: sharp minus as ALMA sees {low:+.3f} to {high:+.3f} (95 %)")
    p = model.sigmoid(np.mean(z["as ALMA sees"], axis=0))
    for low, high in ((0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1)):
        rows = (p > low) & (p <= high)
        print(f"probability {low} to {high}: {rows.sum()} images, {test['y'][rows].mean():.2f} with planets")
    mean = np.mean(z["as ALMA sees"], axis=0)
    for name, values, share in zip(real.meta["name"], np.transpose(real_z), edge(real.X), strict=True):
        like = without & (abs(noise - share) < LIKE)
        higher, higher_of_like = ((mean[rows] > values.mean()).mean() for rows in (without, like))
        told = ", ".join(f"{p:.2f}" for p in model.sigmoid(values))
        print(f"{name}: {told}; of {without.sum()} simulated images without planets {higher:.1%} are higher,")
        between = f"{share - LIKE:.2f} to {share + LIKE:.2f}"
        print(f"  and of the {like.sum()} of them with {between} of the edge uncut {higher_of_like:.1%}")
    if options.picture:
        draw(real, model.sigmoid(real_z), options.picture)


def draw(real, probabilities, path):
    """Write a figure of the real disks, and what the networks say of each."""
    use_style()
    fig, axes = plt.subplots(1, len(real), figsize=(2.9 * len(real), 2.7), layout="constrained")
    for ax, image, name, p in zip(axes, real.X[:, 0], real.meta["name"], np.transpose(probabilities), strict=True):
        shown = ax.imshow(np.log10(image + simulate.FAINTEST_SEEN), cmap="inferno", origin="lower", vmin=-2, vmax=0)
        told = " to ".join(sorted({f"{p.min():.2f}", f"{p.max():.2f}"}))
        ax.set_title(f"{name.replace('_', ' ')}: P(planet) {told}", fontsize=9)
        ax.axis("off")
    fig.colorbar(shown, ax=axes, label="log10 of brightness / peak")
    fig.savefig(path)


if __name__ == "__main__":
    main()
