"""How faithful the Higgs simulator is: python tests/benchmarks/higgs_fidelity.py REAL.csv.gz [--train SIM.npz] [--n N]

REAL.csv.gz holds published rows (label first). Simulated rows come from SIM.npz (X, y), or are made (N of them).
Prints Kolmogorov-Smirnov distances and tag fractions per class, how well boosted trees tell simulated from published
rows, learning curves from simulation to itself and to the published rows, and the rate.
"""

import argparse
import time

import lightgbm
import numpy as np
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from Higgs import simulate

TAGS = [i for i, name in enumerate(simulate.COLUMNS) if name.endswith("b_tag")]


def trees(rounds=200, leaves=15):
    return lightgbm.LGBMClassifier(
        n_estimators=rounds, learning_rate=0.05, num_leaves=leaves, num_threads=1, deterministic=True, verbose=-1
    )


def out_of_fold_auc(X, y, folds=5, seed=0, **settings):
    """AUC of trees on rows they were not trained on, and its standard deviation over the folds."""
    score = []
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(X, y):
        model = trees(**settings).fit(X[train], y[train])
        score.append(roc_auc_score(y[test], model.predict_proba(X[test])[:, 1]))
    return np.mean(score), np.std(score)


def transfer_auc(train, test, **settings):
    """AUC on test = (X, y) of trees trained on train = (X, y)."""
    return roc_auc_score(test[1], trees(**settings).fit(*train).predict_proba(test[0])[:, 1])


def report_columns(real, sim):
    for label, name in ((1, "signal"), (0, "background")):
        a, b = real[0][real[1] == label], sim[0][sim[1] == label]
        print(f"\n{name}: {len(a)} published, {len(b)} simulated rows\n{'column':26s} KS    mean ratio")
        for i, column in enumerate(simulate.COLUMNS):
            if i not in TAGS:
                ratio = "" if column.endswith(("eta", "phi")) else f"{b[:, i].mean() / a[:, i].mean():.3f}"
                print(f"{column:26s} {ks_2samp(a[:, i], b[:, i]).statistic:.3f} {ratio}")
        for i in TAGS:
            unit = simulate.UNITS[simulate.COLUMNS[i]]
            published, made = (np.array([np.mean(np.rint(x[:, i] * unit) == k) for k in (0, 1, 2)]) for x in (a, b))
            worst = abs(published - made).max()
            print(
                f"{simulate.COLUMNS[i]:26s} published {published.round(3)} simulated {made.round(3)} worst {worst:.3f}"
            )


def report_discrimination(real, sim, rng):
    for label, name in ((1, "signal"), (0, "background")):
        a, b = (x[y == label] for x, y in (real, sim))
        b = b[rng.permutation(len(b))[: len(a)]]
        X, y = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
        print("told from published, {}: AUC {:.3f} +- {:.3f}".format(name, *out_of_fold_auc(X, y, rounds=100)))


def report_learning(real, sim, rng):
    order = rng.permutation(len(sim[0]))
    X, y = sim[0][order], sim[1][order]
    held_out = min(20_000, len(X) // 4)
    test, pool = (X[:held_out], y[:held_out]), (X[held_out:], y[held_out:])
    print("published on published (5 folds): AUC {:.3f} +- {:.3f}".format(*out_of_fold_auc(*real)))
    few = sim[0][: len(real[0])], sim[1][: len(real[0])]
    print("as many simulated, in the same way: AUC {:.3f} +- {:.3f}".format(*out_of_fold_auc(*few)))
    for n in (3_000, 4_000, 6_000, 12_500, 25_000, 50_000, 100_000, 200_000):
        if n <= len(pool[0]):
            train = (pool[0][:n], pool[1][:n])
            itself, published = transfer_auc(train, test), transfer_auc(train, real)
            print(f"trained on {n:7d} simulated: AUC on simulated {itself:.3f}, on published {published:.3f}")
    published = transfer_auc(pool, real, rounds=600, leaves=31)
    print(f"trained on {len(pool[0]):7d} simulated, 600 rounds, 31 leaves: AUC on published {published:.3f}")


def report_rate(n=2000):
    wall, cpu = time.perf_counter(), time.process_time()
    simulate.simulate(n, seed=1)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"rate with initialisation, n = {n}: {n / wall:.0f}/s of wall time, {n / cpu:.0f}/s of processor time")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("real")
    parser.add_argument("--train", help="npz file with X and y of simulated events")
    parser.add_argument("--n", type=int, default=10_000)
    options = parser.parse_args()
    rows = np.loadtxt(options.real, delimiter=",", dtype=np.float32)
    real = rows[:, 1:], rows[:, 0].astype(int)
    if options.train:
        with np.load(options.train) as stored:
            sim = stored["X"], stored["y"]
    else:
        events = simulate.simulate(options.n, seed=2)
        sim = events.X, events.y
    rng = np.random.default_rng(0)
    report_columns(real, sim)
    report_discrimination(real, sim, rng)
    report_learning(real, sim, rng)
    report_rate()


if __name__ == "__main__":
    main()
