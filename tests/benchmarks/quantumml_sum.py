"""What was tried to beat the untrained sum of the angles with quark jets alone. About 5 minutes of one core.

    DEEPLEARN_DATA=FOLDER python tests/benchmarks/quantumml_sum.py [--half-a]

For simulated test jets, and for those of the published jets that had no part in the choice of the encoding (FOLDER
holds quark_gluon_jets.npz; without it they are left out): the AUC of each detector over three seeds, and the 95 % range
of a paired bootstrap of the detector (its mean score over the seeds) minus the sum. `--half-a` takes the published jets
that had a part in the choice, and nothing else.
"""

import argparse

import numpy as np
import torch
from quantumml_proxy import halves, split
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from common.metrics import bootstrap
from QuantumML import circuits, data, model

SEEDS = (0, 1, 2)
TRAINING = {"steps": 100, "batch_size": 64}


class LargestRatio(model.Detector):
    """A weighted sum whose weights have the largest ratio of mean to standard deviation on the training jets."""

    def _fit(self, F):
        self.weights = np.linalg.solve(np.cov(F.T), F.mean(0))

    def _score(self, F):
        return F @ self.weights


class RatioCircuit(circuits.QuantumAutoencoder):
    """A circuit whose score has the smallest ratio of spread to mean on the training jets."""

    def loss(self, angles, weights):
        excitation = self.excitation(angles, weights)
        return excitation.std() / excitation.mean()


class DeepSVDD(circuits.QuantumAutoencoder):
    """A circuit that draws the probabilities of 1 of all its qubits together (Ruff et al., ICML 2018).

    The score is the squared distance of these ten numbers from a fixed centre: their mean before the first step.
    """

    def _fit(self, angles):
        with torch.inference_mode():
            self.centre = self.probabilities(torch.from_numpy(angles), self.initial_weights()).mean(0).clone()
        super()._fit(angles)

    def probabilities(self, angles, weights):
        state = self.simulator(x=angles, w=weights)
        return self.simulator.excitation(state, range(self.simulator.n_qubits))

    def excitation(self, angles, weights):
        return ((self.probabilities(angles, weights) - self.centre) ** 2).sum(1)


class KernelDensity(model.Detector):
    """Minus the logarithm of the mean fidelity with training jets, to a power that sharpens it.

    The fidelity of two product states is the product of cos((x - y) / 2)**2 over their qubits.
    """

    def __init__(self, features, power=10, most=2000):
        super().__init__(features)
        self.power, self.most = power, most

    def _fit(self, F):
        self.quarks = F[: self.most]

    def _score(self, F):
        log = sum(
            np.log(np.maximum(np.cos((mine[:, None] - theirs) / 2) ** 2, 1e-9))
            for mine, theirs in zip(F.T, self.quarks.T, strict=True)
        )
        return -logsumexp(self.power * log.astype(np.float64), axis=1)


class Reference(model.Detector):
    """Likelihood ratio against a broad reference that is made without gluons, from a linear classifier."""

    def __init__(self, features, reference, seed):
        super().__init__(features)
        self.reference, self.seed = reference, seed

    def _fit(self, F):
        rng = np.random.default_rng(self.seed)
        both = np.concatenate([F, self.reference(F, rng)])
        self.model = LogisticRegression(max_iter=1000).fit(both, np.arange(len(both)) >= len(F))

    def _score(self, F):
        return self.model.decision_function(F)


def fuller_of_two(angles, rng):
    """In each ring the larger angle of two quark jets."""
    return np.maximum(angles, rng.permutation(angles))


def uniform(angles, rng):
    """Any angles."""
    return rng.uniform(0, np.pi, angles.shape)


def detectors(angles, seed):
    """{name: detector} of one seed."""
    quantum = {"circuit": circuits.autoencoder(), "seed": seed, **TRAINING}
    return {
        "autoencoder": circuits.QuantumAutoencoder(**quantum),
        "circuit that conserves ones": circuits.QuantumAutoencoder(**(quantum | {"circuit": circuits.conserving()})),
        "deep SVDD on ten probabilities": DeepSVDD(**quantum),
        "circuit, smallest spread to mean": RatioCircuit(**quantum),
        "weights, largest mean to spread": LargestRatio(angles),
        "kernel density, fidelity": KernelDensity(angles),
        "ratio to the fuller of two quarks": Reference(angles, fuller_of_two, seed),
        "ratio to uniform angles": Reference(angles, uniform, seed),
    }


def contest(train, test):
    """Print a line for each detector on one set."""
    gluon = (test.y == data.GLUON).astype(int)
    angles = circuits.Angles().fit(train.X)
    added = angles(test.X).sum(1)
    print(f"{len(train)} quark jets to train on, {len(test)} jets to test on; sum {roc_auc_score(gluon, added):.3f}")
    scores = {}
    for seed in SEEDS:
        for name, detector in detectors(angles, seed).items():
            scores.setdefault(name, []).append(detector.fit(train).score(test.X))
    for name, each in scores.items():
        aucs = [roc_auc_score(gluon, score) for score in each]
        copies = bootstrap(roc_auc_score, gluon, np.mean([s / s.std() for s in each], axis=0), added, n=200)
        low, high = np.quantile(copies[0] - copies[1], [0.025, 0.975])
        print(f"{name:34s} {np.mean(aucs):.3f} +- {np.std(aucs, ddof=1):.3f}   {low:+.3f} to {high:+.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--half-a", action="store_true")
    if parser.parse_args().half_a:
        contest(*split(halves(data.proxy())[0]))
        return
    train, test = data.load("train", 4000), data.load("test", 6000)
    contest(train, test)
    both = data.load("train", 8000, task="labelled")
    angles = circuits.Angles().fit(train.X)
    told = LogisticRegression(max_iter=1000).fit(angles(both.X), both.y == data.GLUON)
    value = roc_auc_score(test.y == data.GLUON, told.decision_function(angles(test.X)))
    print(f"for comparison, linear classifier that is told the labels: {value:.3f}")
    if (jets := data.proxy()) is not None:
        contest(*split(halves(jets)[1]))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
