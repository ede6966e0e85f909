"""Controls of what the NMRSpin lesson says of its echoes, as the page NMRSpin/NOTES.md has them.

    python tests/benchmarks/nmrspin_controls.py [windows] [noise] [networks]

windows: which part of the echo tells the ridge the rate, of free spins, of one material and of all; noise: the same
with noise, and with columns of one scale; networks: the lesson's network with three seeds, in the mean and label by
label, and on other draws of the detunings (three minutes of a core).
"""

import argparse

import numpy as np

from NMRSpin import data, simulate
from NMRSpin.challenge import squared_errors
from NMRSpin.model import HIGHEST, LOWEST, Network, Ridge, Standard, flat, labels, targets

WINDOWS = {"1 to 157": slice(0, 157), "158 to 471": slice(157, 471), "1 to 50": slice(0, 50), "all": slice(None)}
NOISE = 0.003


class OneScale(Ridge):
    """A ridge whose columns keep the sizes that they have beside each other."""

    def fit(self, X, y):
        super().fit(X, y)  # for the outputs
        self.inputs = Standard(flat(X), 1e3)
        self.model.alphas = np.logspace(-12, 4, 33)
        self.model.fit(self.inputs.forward(flat(X)), self.outputs.forward(self.wanted(y)))
        return self


def lesson(kind):
    """Train, valid, test and hidden echoes of the lesson."""
    given = dict(source="simulated", seed=0, task=kind)
    labelled = data.load("train", 800, **given)
    return labelled[:720], labelled[720:], data.load("valid", 200, **given), data.load("test", 200, **given)


def left_of_the_rate(name, X, y, X_test, y_test, model=Ridge):
    """Print the share of the variance of the rate that a ridge on each window leaves, in percent."""
    rate = targets(y_test)[:, 2]
    left = {}
    for window, steps in WINDOWS.items():
        found = model(targets, lambda t: t).fit(X[:, :, steps], y).predict(X_test[:, :, steps])[:, 2]
        left[window] = 100 * ((found - rate) ** 2).mean() / rate.var()
    print(f"{name}: " + ", ".join(f"{window} {value:.4f} %" for window, value in left.items()), flush=True)


def as_echoes(M):
    """Complex M (n, 471) as the data have it, rounded."""
    M = np.stack([M.real, M.imag], axis=1)
    return (np.rint(M / simulate.RESOLUTION) * simulate.RESOLUTION).astype(np.float32)


def windows():
    train, _, test, _ = lesson("gauss")
    forever = simulate.echoes("gauss", [(0, 6, 40.0)])[0]  # free spins that do not decay
    decays = (2.2 * 10 ** (-part.y[:, 2:] / 2) * np.arange(1, 472) for part in (train, test))
    X, X_test = (as_echoes(forever * np.exp(-decay)) for decay in decays)
    left_of_the_rate("free spins, 720 and 200", X, train.y, X_test, test.y)
    few, few_test = train[:200], test[:100]
    one = (np.column_stack([np.full((len(part), 2), (9.0, 6.6)), part.y[:, 2]]) for part in (few, few_test))
    X, X_test = (as_echoes(simulate.echoes("gauss", y)) for y in one)
    left_of_the_rate("one alpha and xi, 200 and 100", X, few.y, X_test, few_test.y)
    left_of_the_rate("all vary, 200 and 100", few.X, few.y, few_test.X, few_test.y)


def noise():
    train, _, test, _ = lesson("gauss")
    rng = np.random.default_rng(0)
    X, X_test = (part.X + NOISE * rng.standard_normal(part.X.shape) for part in (train, test))
    for name, model in (("as in the lesson", Ridge), ("columns of one scale", OneScale)):
        left_of_the_rate(f"noise {NOISE}, {name}", X, train.y, X_test, test.y, model)


def networks():
    for kind in ("gauss", "rkky"):
        train, valid, *tests = lesson(kind)
        y = np.concatenate([part.y for part in tests])
        ridge = Ridge().fit(train.X, train.y)
        ridge_by_label = [squared_errors(part.y, ridge.predict(part.X)) for part in tests]
        rival = np.concatenate(ridge_by_label).mean(axis=1)
        for seed in range(3):
            model = Network(epochs=200, seed=seed).fit(train.X, train.y, valid.X, valid.y)
            by_label = [squared_errors(part.y, model.predict(part.X)) for part in tests]
            each = np.concatenate(by_label).mean(axis=1)
            rows = np.random.default_rng(0).integers(len(y), size=(1000, len(y)))
            low, high = np.quantile((each - rival)[rows].mean(axis=1), [0.025, 0.975])
            print(f"{kind}, seed {seed}: test {each[:200].mean():.3f}, hidden {each[200:].mean():.3f}, both "
                  f"{each.mean():.3f}; ridge {rival[:200].mean():.3f}, {rival[200:].mean():.3f}, {rival.mean():.3f}; "
                  f"network less ridge {low:+.3f} to {high:+.3f}", flush=True)  # fmt: skip
            for name, own, other in zip(("test", "hidden"), by_label, ridge_by_label, strict=True):
                few = np.random.default_rng(0).integers(len(own), size=(1000, len(own)))
                ends = np.quantile((own - other)[few].mean(axis=1), [0.025, 0.975], axis=0).T
                for label, new, old, (low, high) in zip(
                    simulate.LABELS, own.mean(axis=0), other.mean(axis=0), ends, strict=True
                ):
                    print(f"  {name}, {label}: {new:.4f}, ridge {old:.4f}, difference {low:+.4f} to {high:+.4f}")
            if (kind, seed) == ("gauss", 0):
                edges = np.sort(labels([LOWEST, HIGHEST]), axis=0)
                found = model.predict(data.load("test", 100, task="gauss_fresh", seed=0).X)
                at_edge = (abs(found[:, None] - edges) < 1e-3 * edges).any(axis=1).mean(axis=0)
                print("  answers at an edge, other draws without noise: alpha, xi, d", *at_edge.round(2))


if __name__ == "__main__":
    TASKS = {"windows": windows, "noise": noise, "networks": networks}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("tasks", nargs="*", choices=[*TASKS, []], default=[])
    for task in parser.parse_args().tasks or TASKS:
        TASKS[task]()
