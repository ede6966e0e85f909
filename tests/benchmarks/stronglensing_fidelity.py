"""How faithful the lens simulator is: python tests/benchmarks/stronglensing_fidelity.py SAMPLES [--n N] [--plot PNG]

SAMPLES is a folder with published images: no.npy, cdm.npy, axion.npy, sr_pair_lr.npy, sr_pair_hr.npy, and
simulator_reference.npz with outputs of the Models I to III of DeepLenseSim (keys such as II_cdm). What is missing is
left out. For each published image, measures of it and where they lie among N simulated images of its kind: the share
of these with a smaller value, in percent. A star marks what lies outside 1 to 99 %.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage

from common.plotting import use_style
from StrongLensing import data, helpers, npy, simulate

RING = 0.2  # pixels brighter than this share of the largest belong to the ring
EDGE = 4  # pixels at the edge that are background


def measures(image):
    """Measures of one image (height, width), in pixels or shares of its largest value.

    radius and width: mean and standard deviation of the distance of light from the centre of light; x and y: this
    centre, from the middle of the image; background and noise: median and standard deviation at the edge (their
    logarithms, as a clean image has 1e-9); texture and tails: what a Gaussian of one pixel smooths away, its standard
    deviation and, in units of it, what only one pixel in a thousand exceeds.
    """
    image = np.asarray(image, float)
    image = image / image.max()
    edge = np.ones(image.shape, bool)
    edge[EDGE:-EDGE, EDGE:-EDGE] = False
    background = np.median(image[edge])
    light = np.where(image - background > RING * (1 - background), image - background, 0)
    light /= light.sum()
    row, column = np.indices(image.shape)
    x, y = (light * column).sum(), (light * row).sum()
    distance = np.hypot(column - x, row - y)
    radius = (light * distance).sum()
    residual = image - ndimage.gaussian_filter(image, 1)
    return {
        "radius": radius,
        "width": np.sqrt((light * (distance - radius) ** 2).sum()),
        "x": x - (image.shape[1] - 1) / 2,
        "y": y - (image.shape[0] - 1) / 2,
        "background": np.log10(background + 1e-12),
        "noise": np.log10(image[edge].std() + 1e-12),
        "texture": np.log10(residual.std()),
        "tails": np.quantile(abs(residual), 0.999) / residual.std(),
    }


def pair_measures(coarse, fine):
    """measures() of both images of a pair, and how the coarse one follows from the fine one.

    blur: standard deviation in fine pixels of the Gaussian that makes it most alike; left: what then still differs.
    """
    found = {f"coarse {k}": v for k, v in measures(coarse).items()}
    found |= {f"fine {k}": v for k, v in measures(fine).items()}
    coarse = np.asarray(coarse, float).ravel()
    best = (np.inf, 0)
    for sigma in np.arange(0.5, 6, 0.5):
        blurred = ndimage.gaussian_filter(np.asarray(fine, float), sigma)
        blurred = blurred.reshape(len(fine) // 2, 2, -1, 2).mean((1, 3)).ravel()
        line = np.polyfit(blurred, coarse, 1)
        best = min(best, (np.std(coarse - np.polyval(line, blurred)), sigma))
    return {**found, "left": np.log10(best[0]), "blur": best[1]}


def percentiles(real, simulated):
    """Share in percent of simulated values below the real one, ties counted half, for each measure."""
    return {k: 100 * np.mean([(s[k] < v) + 0.5 * (s[k] == v) for s in simulated]) for k, v in real.items()}


def published(folder):
    """Yield (name, task, label, image or pair) of what the folder has."""
    names = {"no": "no", "cdm": "cdm", "axion": "axion", "no_sub": "no"}
    labels = {name: label for label, name in enumerate(("axion", "cdm", "no"))}
    for name in ("no", "cdm", "axion"):
        if (folder / f"{name}.npy").is_file():
            yield f"published {name}", "classification", labels[name], np.load(folder / f"{name}.npy").squeeze()
    path = folder / "simulator_reference.npz"
    if path.is_file():
        with np.load(path) as stored:
            for key in sorted(stored.files):
                model, name = key.split("_", 1)
                if model != "IV":
                    for i, image in enumerate(stored[key]):
                        yield f"{key} {i}", f"model_{model}", labels[names[name]], image
    pair = [folder / f"sr_pair_{name}.npy" for name in ("lr", "hr")]
    if all(path.is_file() for path in pair):
        yield "pair", "super_resolution", None, [np.load(path).squeeze() for path in pair]


def compare(folder, n):
    """Yield (name, measures, their percentiles, some simulated images) for each published image."""
    sets, measured = {}, {}
    for name, task, label, image in published(folder):
        if task not in sets:
            sets[task] = data.load("test", n if task != "model_I" else n // 3, task=task)
        part = sets[task] if label is None else sets[task][sets[task].y == label]
        if (task, label) not in measured:
            both = zip(part.X[:, 0], part.y[:, 0], strict=True) if label is None else part.X[:, 0]
            measured[task, label] = [pair_measures(*s) if label is None else measures(s) for s in both]
        real = pair_measures(*image) if label is None else measures(image)
        yield name, image, real, percentiles(real, measured[task, label]), part


def plot(rows, path, columns=7):
    """Published images on the left, simulated ones of the same kind beside them."""
    import matplotlib.pyplot as plt

    lines = []
    for name, image, part in rows:
        if isinstance(image, list):
            lines.append((name + " coarse", [image[0], *part.X[: columns - 1, 0]]))
            lines.append((name + " fine", [image[1], *part.y[: columns - 1, 0]]))
        else:
            lines.append((name, [image, *part.X[: columns - 1, 0]]))
    fig, axes = plt.subplots(len(lines), columns, figsize=(1.5 * columns, 1.5 * len(lines)), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for row, (name, images) in zip(axes, lines, strict=True):
        for axis, image in zip(row, images, strict=False):
            axis.imshow(np.sqrt(np.clip(image / np.max(image), 0, 1)), origin="lower", cmap="inferno")
        row[0].set_title(name, fontsize=7)
    fig.tight_layout(pad=0.2)
    fig.savefig(path, dpi=80)


def drawn_beside(official, simulated, labels, pixel, columns=5):
    """A figure with one official image a class (left), and simulated ones of the class beside it; pixel in arcsec."""
    fig, axes = helpers.panels(len(simulate.CLASSES), 1 + columns, (1.4 * (1 + columns), 4.1))
    for k, name in enumerate(simulate.CLASSES):
        for ax, image in zip(axes[k], [official[k], *simulated[labels == k][:columns]], strict=True):
            shown = helpers.sky(ax, np.squeeze(image), pixel)
        axes[k, 0].set_ylabel(f"{name}\ny [arcsec]", fontsize=7)
    for ax in axes[-1]:
        ax.set_xlabel("x [arcsec]", fontsize=7)
    axes[0, 0].set_title("official")
    axes[0, 1].set_title("simulated")
    helpers.beside(fig, axes, shown, "brightness, of the peak")
    return fig


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path)
    parser.add_argument("--n", type=int, default=1500, help="simulated images of each task (a third for Model I)")
    parser.add_argument("--plot", type=Path, help="write published and simulated images side by side to this file")
    parser.add_argument("--picture", type=Path, help="write the picture of the challenge's page to this file")
    options = parser.parse_args()
    if not options.samples.is_dir():
        parser.error(f"{options.samples} is not a folder: give the one that has no.npy, cdm.npy, axion.npy ...")

    rows, outside, total = [], 0, 0
    for name, image, real, share, part in compare(options.samples, options.n):
        print(f"\n{name}: among {len(part)} simulated images")
        for measure, value in real.items():
            far = not 1 <= share[measure] <= 99
            outside, total = outside + far, total + 1
            print(f"  {measure:20s} {value:9.3f}   {share[measure]:5.1f} % {'*' if far else ''}")
        rows.append((name, image, part))
    if not rows:
        parser.error(f"{options.samples} has none of the files no.npy, cdm.npy, axion.npy, simulator_reference.npz")
    print(f"\n{outside} of {total} measures lie outside 1 to 99 %")
    if options.plot:
        plot(rows, options.plot)
    if options.picture:
        use_style()
        official = [npy.read((options.samples / f"{name}.npy").read_bytes(), name)[0] for name in simulate.CLASSES]
        simulated = simulate.classification(60, seed=3)
        drawn_beside(official, simulated.X, simulated.y, simulate.PUBLISHED.pixel).savefig(options.picture)


if __name__ == "__main__":
    main()
