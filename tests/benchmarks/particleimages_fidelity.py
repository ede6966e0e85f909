"""How faithful the ParticleImages simulator is: python tests/benchmarks/particleimages_fidelity.py SAMPLE.npz [--n N]

    ... SAMPLE.npz --rows 1::2                          the half that took no part in the fit
    ... SAMPLE.npz --figure FILE.png                    what 100 images can show

SAMPLE.npz holds real images: X (n, 32, 32), energy in units of 50 GeV, and y, 1 electron and 0 photon. Prints the
rate, the published statistics, the means of the sample and of N simulated images by class, how well boosted trees tell
simulated from real images, and electrons from photons in both.

The tails of the simulated showers were fitted to rows 0, 2, 4, ... of the 100 real images, without labels.
"""

import argparse
import sys
import time

import lightgbm
import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from common.plotting import use_style
from ParticleImages import data, helpers, simulate

CLASSES = ((1, "electron"), (0, "photon"))
# Of the complete official files, 249,000 images a class.
PUBLISHED = {
    "energy: mean": (0.0012158, 0.0012235),
    "energy: std": (0.022603, 0.024789),
    "energy: maximum": (1.432, 1.485),
    "sum of squares": (0.525, 0.631),
    "seed crystal": (0.62, 0.70),
    "time: std": (0.0693, 0.0655),
    "time: minimum": (-2.5126, -2.5126),
    "time: maximum": (2.276, 2.278),
}
OTHER = (100, 0.625)  # official images that are kept from us, and the AUC that trees of VERSION 3 have there
MEANS = ("pixels", "E1", "E2", "E3x3", "E5x5", "sigma_eta", "sigma_phi")  # listed first


def statistics(X):
    """The published figures of images (n, 32, 32, 2)."""
    energy, t = X[..., 0].astype(float), X[..., 1].astype(float)
    return {
        "energy: mean": energy.mean(),
        "energy: std": energy.std(),
        "energy: maximum": energy.max(),
        "sum of squares": (energy**2).sum((1, 2)).mean(),
        "seed crystal": energy[:, 16, 16].mean(),
        "time: std": t.std(),
        "time: minimum": t.min(),
        "time: maximum": t.max(),
    }


def features(energy):
    """Shower shapes and patterns of lit pixels of images (n, 32, 32), by name."""
    energy = np.asarray(energy, float)
    n, offset = len(energy), np.arange(-2, 3)
    core, block = energy[:, 15:18, 15:18], energy[:, 14:19, 14:19]
    ranked = np.sort(core.reshape(n, 9), 1)[:, ::-1]
    total, e3x3, e5x5 = energy.sum((1, 2)), core.sum((1, 2)), block.sum((1, 2))
    strip = energy[:, 14:19]
    found = {
        "pixels": (energy > 0).sum((1, 2)), "E1": energy[:, 16, 16], "E2": ranked[:, 1], "E3x3": e3x3, "E5x5": e5x5,
        "total": total, "E3": ranked[:, 2], "E4": ranked[:, 3], "E1/E3x3": energy[:, 16, 16] / e3x3,
        "E2/E3x3": ranked[:, 1] / e3x3, "E3x3/E5x5": e3x3 / e5x5, "corners of 3x3": core[:, ::2, ::2].sum((1, 2)),
        "corners of 5x5": block[:, ::4, ::4].sum((1, 2)), "outside 5x5": total - e5x5,
        "outside rows 14-18": total - strip.sum((1, 2)), "median of 5x5": np.median(block.reshape(n, 25), 1),
        "pixels of 5x5": (block > 0).sum((1, 2)), "pixels of rows 14-18": (strip > 0).sum((1, 2)),
        "columns": (strip > 0).any(1).sum(1), "pixels of rows 13, 19": (energy[:, [13, 19]] > 0).sum((1, 2)),
    }  # fmt: skip
    for name, axis in (("eta", 1), ("phi", 2)):
        side = np.moveaxis(energy, axis, 1)
        lower, upper = side[:, 15, 16], side[:, 17, 16]
        shares = np.moveaxis(block, axis, 1).sum(2) / e5x5[:, None]
        centre = shares @ offset
        found[f"sigma_{name}"] = np.sqrt((shares * (offset - centre[:, None]) ** 2).sum(1))
        found[f"centre in {name}"] = abs(centre)
        found[f"next in {name}, higher"] = np.maximum(lower, upper)
        found[f"next in {name}, lower"] = np.minimum(lower, upper)
        profile = side.sum(2) / total[:, None]
        place = np.arange(32)
        mean = profile @ place
        found[f"width in {name}"] = np.sqrt((profile * (place - mean[:, None]) ** 2).sum(1))
    shares = block / e5x5[:, None, None]
    moments = offset[:, None] * offset, offset[:, None] * np.ones(5), np.ones((5, 1)) * offset
    both, in_eta, in_phi = ((shares * moment).sum((1, 2)) for moment in moments)
    found["covariance of eta and phi"] = abs(both - in_eta * in_phi)
    for gev in (0.1, 0.25, 0.5, 1.5, 5):
        found[f"pixels above {gev} GeV"] = (energy > gev / 50).sum((1, 2))
    low = (energy > 0) & (energy < 0.0019)
    found["faint pixels off the strip"] = low.sum((1, 2)) - low[:, 14:19].sum((1, 2))
    return {name: np.asarray(values, float) for name, values in found.items()}


def table(energy):
    return np.stack(list(features(energy).values()), axis=1)


def trees(rounds=200, leaves=31, **settings):
    return lightgbm.LGBMClassifier(
        n_estimators=rounds, learning_rate=0.05, num_leaves=leaves, num_threads=1, deterministic=True, verbose=-1,
        **settings,
    )  # fmt: skip


def told_apart(few, many, seed):
    """AUC of trees, out of fold, that tell a few rows from many."""
    X, y = np.concatenate([few, many]), np.repeat([1, 0], [len(few), len(many)])
    score = np.zeros(len(y))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y):
        model = trees(
            60, 7, min_child_samples=10, is_unbalance=True, colsample_bytree=0.3, subsample=0.7, subsample_freq=1
        )
        score[test] = model.fit(X[train], y[train]).predict_proba(X[test])[:, 1]
    return roc_auc_score(y, score)


def auc_error(y):
    """Standard error of an AUC near 0.75 with these labels (Hanley and McNeil 1982)."""
    a, positive, negative = 0.75, (y == 1).sum(), (y == 0).sum()
    q1, q2 = a / (2 - a), 2 * a**2 / (1 + a)
    return np.sqrt((a * (1 - a) + (positive - 1) * (q1 - a**2) + (negative - 1) * (q2 - a**2)) / positive / negative)


def report_rate(n=5000, repeats=5):
    seconds = []
    for seed in range(repeats):
        start = time.process_time()
        simulate.simulate(n, seed)
        seconds.append(time.process_time() - start)
    print(
        f"rate: {n / np.min(seconds):.0f} images per second of processor time (median {n / np.median(seconds):.0f})\n"
    )


def report_published(X, y):
    print(f"{'published':22s}" + "".join(f"{name:>12s} {'here':>9s} {'change':>8s}" for _, name in CLASSES))
    here = {label: statistics(X[y == label]) for label, _ in CLASSES}
    for name, values in PUBLISHED.items():
        row = "".join(
            f"{value:12.5g} {here[label][name]:9.5g} {100 * (here[label][name] / value - 1):+7.1f}%"
            for value, (label, _) in zip(values, CLASSES, strict=True)
        )
        print(f"{name:22s}{row}")
    print("(maxima and minima grow with the number of images: 249,000 a class are published)\n")


def report_means(real, sim):
    """Means by class, and their differences over the statistical error of the sample."""
    (a, y), (b, y_sim) = (features(real[0]), real[1]), (features(sim[0]), sim[1])
    print(f"{'mean':28s}" + "".join(f"{name:>10s} {'here':>9s} {'z':>5s}" for _, name in CLASSES) + "   AUC   here")
    for name in sorted(a, key=lambda name: name not in MEANS):
        row = ""
        for label, _ in CLASSES:
            sample, many = a[name][y == label], b[name][y_sim == label]
            z = (sample.mean() - many.mean()) / (many.std() / np.sqrt(len(sample)))
            row += f"{sample.mean():10.4g} {many.mean():9.4g} {z:+5.1f}"
        print(f"{name:28s}{row}   {roc_auc_score(y, a[name]):.2f}  {roc_auc_score(y_sim, b[name]):.2f}")
    print("(AUC: electrons from photons by this alone)\n")


def report_told_apart(real, sim, repeats=8, size=2000):
    rows, pool = table(real[0]), table(sim[0])
    repeats = min(repeats, len(pool) // (size + len(rows)))
    parts = np.split(pool[: repeats * (size + len(rows))], repeats)
    published = [told_apart(rows, part[:size], seed) for seed, part in enumerate(parts)]
    null = [told_apart(part[size:], part[:size], seed) for seed, part in enumerate(parts)]
    error = np.sqrt(1 / 12 / len(rows))
    print(f"real from simulated: AUC {np.mean(published):.3f} +- {error:.3f} (the {len(rows)} real images), ", end="")
    print(f"simulated from simulated: {np.mean(null):.3f} +- {np.std(null):.3f} (each of {repeats})\n")


def report_learning(real, sim):
    """AUC of electrons against photons; returns the scores of the largest forest on the simulated rest and on real."""
    X, y = table(sim[0]), sim[1]
    rows, half = table(real[0]), len(X) * 3 // 4
    print("electron from photon, trained on simulated images")
    sizes = [n for n in (5_000, 15_000, 30_000, 60_000) if n <= half] or [half]
    linear = make_pipeline(
        QuantileTransformer(output_distribution="normal", subsample=None), LogisticRegression(C=0.01, max_iter=2000)
    )
    for name, n, model in (*(("trees", n, trees()) for n in sizes), ("logistic regression", sizes[-1], linear)):
        model.fit(X[:n], y[:n])
        scores = model.predict_proba(X[half:])[:, 1], model.predict_proba(rows)[:, 1]
        if name == "trees":
            largest = scores
        on_sim, on_real = (
            f"{roc_auc_score(labels, score):.3f} +- {auc_error(labels):.3f}"
            for labels, score in zip((y[half:], real[1]), scores, strict=True)
        )
        print(f"{n:6d} {name:20s} AUC on simulated {on_sim}, on real {on_real}")
    return largest


def draw_scatter(path, sim, real, repeats=400):
    """What so many images can show: the scatter of an AUC; sim and real are labels and scores of the same trees."""
    rng = np.random.default_rng(0)
    sizes, drawn = np.array([50, 100, 200, 500, 1000, 2000]), []
    for n in sizes:
        rows = (
            np.concatenate([rng.choice(np.flatnonzero(sim[0] == k), n // 2) for k in (0, 1)]) for _ in range(repeats)
        )
        drawn.append([roc_auc_score(sim[0][i], sim[1][i]) for i in rows])
        print(f"{n:5d} simulated images: AUC {np.mean(drawn[-1]):.3f} +- {np.std(drawn[-1]):.3f}")
    fig, ax = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
    for low, high, alpha in ((2.5, 97.5, 0.15), (16, 84, 0.3)):
        ax.fill_between(sizes, *np.percentile(drawn, [low, high], axis=1), color="C0", alpha=alpha, lw=0)
    ax.plot(sizes, np.mean(drawn, axis=1), color="C0", label="simulated images, 68 % and 95 % of draws")
    parts = {":": "official: our hundred", "::2": "official: the half for the fit", "1::2": "official: the other half"}
    for (rows, name), marker in zip(parts.items(), "sv^", strict=True):
        y, score = (values[slice(*(int(end) if end else None for end in rows.split(":")))] for values in real)
        print(f"{name}: {roc_auc_score(y, score):.3f}")
        ax.plot(len(y), roc_auc_score(y, score), marker, color="C1", label=name)
    ax.plot(*OTHER, "D", color="C3", label="official: another hundred (VERSION 3)")
    ax.set(xscale="log", xticks=sizes, xlabel="images", ylabel="AUC, electron or photon")
    ax.set(xlim=(44, 2300), ylim=(0.55, 0.95))
    ax.xaxis.set_major_formatter("{x:.0f}")
    ax.minorticks_off()
    ax.legend(fontsize="x-small", loc="upper right")
    fig.savefig(path, dpi=80, metadata={"Software": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sample", help=".npz file of real images")
    parser.add_argument("--n", type=int, default=40_000, help="number of simulated images")
    parser.add_argument("--picture", help="write the picture of the challenge's page to this file")
    parser.add_argument("--figure", help="write the picture of the notes, what 100 images can show, to this file")
    parser.add_argument("--rows", default=":", help="which of the real images, as a slice: 1::2 or :50")
    options = parser.parse_args()
    try:
        rows = slice(*(int(end) if end else None for end in options.rows.split(":")))
        real = data.read_excerpt(options.sample)[rows]
    except ValueError as error:
        sys.exit(f"particleimages_fidelity: {error}")
    if min((real.y == 1).sum(), (real.y == 0).sum()) < 10:
        sys.exit(f"particleimages_fidelity: {options.sample}: fewer than 10 images of a class are too few")
    sim = simulate.simulate(options.n, seed=2)
    use_style()
    if options.picture:
        helpers.compare(real, sim).savefig(options.picture)
    print(f"{len(real)} real images, {options.n} simulated")
    report_rate()
    report_published(sim.X, sim.y)
    real, energy = (real.X[..., 0], real.y), (sim.X[..., 0], sim.y)
    report_means(real, energy)
    report_told_apart(real, energy)
    on_sim, on_real = report_learning(real, energy)
    if options.figure:
        draw_scatter(options.figure, (energy[1][-len(on_sim) :], on_sim), (real[1], on_real))


if __name__ == "__main__":
    main()
