"""How like real images the simulated ones are: python tests/benchmarks/exoplanet_fidelity.py SAMPLES [--n N]

SAMPLES is a folder with recovered_disks.npz and recovered_labels.csv, and perhaps AS_209.npy and GW_Lup.npy. For each
recovered image, and each disk that ALMA has observed, measures of it and where they lie among N simulated images: the
share of these with a smaller value, in percent. A star marks what lies outside 1 to 99 %. --picture writes official
images and the most similar simulated ones side by side to a file.
"""

import argparse
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from common.plotting import use_style
from Exoplanet import data, helpers, model, real_disks, simulate


def measures(X, faintest=model.FAINTEST):
    """Measures of images (n, 1, size, size): {name: array (n,)}. Brightness is as log10, from `faintest` on.

    half-light radius: of half the width of the image, without the star; hole: how much darker the disk is at 2 % of the
    width than at its brightest ring, in decades; range: from the 1, 10, 25, 50, 75 and 90 % quantiles to that of 99 %;
    zeros: share of pixels below `faintest`; edge: share of the outermost pixels that are above it; axis ratio, and rms
    residual, largest residual, rings (rms bend of the profile): of `model`.
    """
    n, size = len(X), X.shape[-1]
    X = np.maximum(X, faintest)
    shown = np.log10(X)[:, 0]
    outermost = np.ones((size, size), bool)
    outermost[1:-1, 1:-1] = False
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    r = np.hypot(x, y) / (size / 2)
    light = np.where(r > 0.03, X[:, 0], 0).reshape(n, -1)
    order = np.argsort(r, axis=None)
    grown = np.cumsum(light[:, order], axis=1)
    half = np.array([np.sort(r, axis=None)[np.searchsorted(g, g[-1] / 2)] for g in grown])
    quantiles = np.quantile(shown, [0.01, 0.10, 0.25, 0.5, 0.75, 0.9, 0.99], axis=(1, 2))
    ratio, angle = model.ellipses(X)
    unwrapped = model.polar(X, ratio, angle)
    profile = np.median(unwrapped, axis=2)
    rest = model.residual(unwrapped)[:, 4:26]
    bend = (profile[:, 2:-2] - (profile[:, 4:] + profile[:, :-4]) / 2)[:, 2:24]
    found = {
        "half-light radius": half,
        "hole": profile.max(axis=1) - profile[:, 0],
        **{f"range {s:2} %": quantiles[-1] - q for s, q in zip((1, 10, 25, 50, 75, 90), quantiles, strict=False)},
        "zeros": (X[:, 0] <= faintest).mean(axis=(1, 2)),
        "edge": (X[:, 0][:, outermost] > faintest).mean(axis=1),
        "axis ratio": ratio,
        "rms residual": np.log10(rest.std(axis=(1, 2)) + 1e-4),
        "largest residual": rest.max(axis=(1, 2)),
        "rings": np.log10(bend.std(axis=1) + 1e-4),
    }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--n", type=int, default=2000, help="simulated images")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    if not (options.samples / real_disks.RECOVERED.name).is_file():
        parser.error(f"{options.samples} has no {real_disks.RECOVERED.name}")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Exoplanet").symlink_to(options.samples.resolve())
        os.environ["DEEPLEARN_DATA"] = folder
        real, observed = data.recovered(), data.observed()
    chunks = range(max(options.n // 200, 1))
    X = np.concatenate([simulate.detection(200, 10_000 + i).X for i in chunks])
    theirs, ours = measures(real.X), measures(X)
    names = [f"{name}, planets: {'yes' if y else 'no'}" for name, y in zip(real.meta["name"], real.y, strict=True)]
    report(names, theirs, ours)
    if observed is not None:
        seen = np.concatenate([simulate.alma(200, 10_000 + i).X for i in chunks])
        report(observed.meta["name"], *(measures(images, simulate.FAINTEST_SEEN) for images in (observed.X, seen)))
    if options.picture:
        use_style()
        answers = ["none", "planets"]
        labels = [f"{n.partition('_')[0]}: {answers[y]}" for n, y in zip(real.meta["name"], real.y, strict=True)]
        compare(real.X, labels, _nearest(theirs, ours, X)).savefig(options.picture)


def report(names, theirs, ours):
    """Print where the measures of real images lie among those of simulated ones."""
    outside = total = 0
    for i, name in enumerate(names):
        print(f"\n{name}; among {len(next(iter(ours.values())))} simulated images")
        for measure, values in theirs.items():
            share = 100 * np.mean((ours[measure] < values[i]) + 0.5 * (ours[measure] == values[i]))
            far = not 1 <= share <= 99
            outside, total = outside + far, total + 1
            print(f"  {measure:18} {values[i]:8.3f}   {share:5.1f} % {'*' if far else ''}")
    print(f"\n{outside} of {total} measures lie outside 1 to 99 %")


def _nearest(theirs, ours, X):
    """For each official image the simulated one whose measures are the nearest, in units of their spread."""
    scale = {name: values.std() + 1e-9 for name, values in ours.items()}
    distance = sum(((ours[k][None] - theirs[k][:, None]) / scale[k]) ** 2 for k in ours)
    return X[distance.argmin(axis=1)]


def compare(recovered, labels, simulated, columns=6):
    """A figure with official images above, and simulated ones below."""
    fig, axes = plt.subplots(2, columns, figsize=(1.3 * columns, 3.0))
    for line, (X, titles) in zip(axes, ((recovered, labels), (simulated, [""] * columns)), strict=True):
        for ax, image, title in zip(line, X, titles, strict=False):
            helpers.show_disk(ax, image)
            ax.set_title(title, fontsize=7)
    axes[0, 0].set_ylabel("official", fontsize=8)
    axes[1, 0].set_ylabel("simulated", fontsize=8)
    return fig


if __name__ == "__main__":
    main()
