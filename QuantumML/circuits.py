"""Detectors of anomalies that are quantum circuits: from a jet to angles, from angles to a score.

Features of a jet turn qubits (angle encoding). A circuit with weights then tries to move everything that quark jets
have in common into a few qubits, so that the others, the trash qubits, end in |0>. The score of a jet is the mean
probability to find a trash qubit in |1>: what could not be compressed.

Sources: Romero, Olson and Aspuru-Guzik, Quantum Sci. Technol. 2 (2017) 045001, arXiv:1612.02806 (quantum autoencoder);
Ngairangbam, Spannowsky and Takeuchi, Phys. Rev. D 105 (2022) 095004, arXiv:2112.04958 (for anomalies at colliders);
Perez-Salinas et al., Quantum 4 (2020) 226, arXiv:1907.02085 (re-uploading).
"""

from dataclasses import dataclass

import numpy as np
import torch

from common import training
from common.progress import progress_bar
from QuantumML.data import QUARK
from QuantumML.model import Detector
from QuantumML.observables import ring_sums
from QuantumML.quantum import Simulator

FINE_EDGES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, np.inf)
POWER = 0.35
# Chosen with tests/benchmarks/quantumml_encoding.py, on labelled validation jets and on published jets.
TOP_ANGLE, GROWTH = 2.5, 1.75
QUANTILE, LEAST_SCALE = 0.95, 0.7  # a ring that is nearly always empty is not blown up


def fine_rings(X):
    """Sum of (pixel / brightest pixel)**0.35 in ten rings around the brightest pixel, itself left out, (n, 10).

    The power is between counting lit pixels (0) and summing energy (1).
    """
    return ring_sums(X, POWER, FINE_EDGES)


class Angles:
    """Features as rotation angles: 0 for an empty feature, TOP_ANGLE for its 95 % quantile on the training jets.

    angle = TOP_ANGLE * (feature / quantile)**GROWTH, and at most pi: what turns farther would come back to |0>. Nothing
    is subtracted: an angle only grows with what is in the jet. It grows faster than the feature, so that typical jets
    stay near |0>.

    Parameters
    ----------
    features : callable images -> (n, n_features)
    """

    def __init__(self, features):
        self.features = features

    def fit(self, X):
        self.scale = np.maximum(np.quantile(self.features(X), QUANTILE, axis=0), LEAST_SCALE)
        return self

    def __call__(self, X):
        return np.minimum(TOP_ANGLE * (self.features(X) / self.scale) ** GROWTH, np.pi).astype(np.float32)


def autoencoder(n_qubits=10, n_layers=2, reupload=False, entangler="cz"):
    """The circuit of a quantum autoencoder with features x and weights w.

    Each layer rotates every qubit about y and z by weights and entangles neighbours on a line, as devices have them.
    The features are encoded once, or again before each layer.

    Parameters
    ----------
    n_qubits, n_layers : int
    reupload : bool
    entangler : {"cz", "cx", None}

    Returns
    -------
    qiskit.QuantumCircuit, with 2 * n_layers * n_qubits weights
    """
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector

    x, w = ParameterVector("x", n_qubits), ParameterVector("w", 2 * n_layers * n_qubits)
    weights = iter(w)
    circuit = QuantumCircuit(n_qubits)
    for layer in range(n_layers):
        if reupload or layer == 0:
            for qubit in range(n_qubits):
                circuit.ry(x[qubit], qubit)
        for qubit in range(n_qubits):
            circuit.ry(next(weights), qubit)
            circuit.rz(next(weights), qubit)
        if entangler is not None:
            for qubit in range(n_qubits - 1):
                getattr(circuit, entangler)(qubit, qubit + 1)
    return circuit


@dataclass
class Record:
    """Mean excitation of the trash qubits after each step of training."""

    loss: list[float]


class QuantumAutoencoder(Detector):
    """A circuit trained to leave its trash qubits in |0> for the jets it knows.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit with features x and weights w
        Any circuit that `quantum.Simulator` executes.
    features : callable images -> (n, length of x)
    n_trash : int
        The first so many qubits are the trash.
    steps, batch_size, lr
        Of Adam (Kingma and Ba, arXiv:1412.6980).
    """

    def __init__(
        self, circuit, features=fine_rings, n_trash=9, kind=QUARK, seed=0, steps=200, batch_size=128, lr=0.03,
        progress=False,
    ):  # fmt: skip
        super().__init__(Angles(features), kind)
        if not 1 <= n_trash <= circuit.num_qubits:
            raise ValueError(f"n_trash is {n_trash}, expected 1 to {circuit.num_qubits}, the qubits of the circuit")
        self.circuit, self.simulator = circuit, Simulator(circuit)
        self.trash = range(n_trash)
        self.seed, self.steps, self.batch_size, self.lr, self.progress = seed, steps, batch_size, lr, progress

    def _prepare(self, X):
        self.features.fit(X)

    def initial_weights(self):
        """Small random weights: the circuit starts near doing nothing, and training is reproducible."""
        training.seed_everything(self.seed)
        return 0.1 * torch.randn(self.simulator.lengths["w"])

    def _fit(self, angles):
        self.weights = self.initial_weights().requires_grad_()
        optimizer = torch.optim.Adam([self.weights], self.lr)
        angles, self.history = torch.from_numpy(angles), Record([])
        with progress_bar(total=self.steps, desc="training", unit="step", disable=not self.progress) as bar:
            for _ in range(self.steps):
                rows = torch.randint(len(angles), (self.batch_size,))
                loss = self.loss(self.excitation(angles[rows]))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.history.loss.append(loss.item())
                bar.update(1)
        self.weights = self.weights.detach()

    def loss(self, excitation):
        """What training makes small, from the scores (n,) of a batch."""
        return excitation.mean()

    def excitation(self, angles):
        """Mean probability (n,) of 1 on the trash qubits."""
        state = self.simulator(x=angles, w=self.weights)
        return self.simulator.excitation(state, self.trash).mean(1)

    def _score(self, angles):
        with torch.inference_mode():
            parts = [self.excitation(part) for part in torch.from_numpy(angles).split(500)]
        return torch.cat(parts).double().numpy()


class RandomCircuit(QuantumAutoencoder):
    """The same circuit with uniformly random weights, never trained."""

    def _fit(self, angles):
        training.seed_everything(self.seed)
        self.weights = 2 * np.pi * torch.rand(self.simulator.lengths["w"])


def product_states(angles):
    """States (n, 2**n_features) that RY rotations of |0...0> make, real; qubit k is bit k of the index."""
    state = np.ones((len(angles), 1), np.float32)
    for angle in (angles / 2).T:
        qubit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        state = (qubit[:, :, None] * state[:, None, :]).reshape(len(angles), -1)
    return state


class BestUnitary(Detector):
    """The bound: no unitary compresses the encoded training jets into n_kept qubits with a higher fidelity.

    It maps the eigenvectors of their density matrix with the 2**n_kept largest eigenvalues to the states whose trash
    qubits are all |0>. The score is the probability to find any trash qubit in |1>.
    """

    def __init__(self, features=fine_rings, n_kept=1, kind=QUARK):
        super().__init__(Angles(features), kind)
        self.n_kept = n_kept

    def _prepare(self, X):
        self.features.fit(X)

    def _fit(self, angles):
        states = product_states(angles)
        _, vectors = np.linalg.eigh(states.T @ states / len(states))
        self.kept = vectors[:, -(2**self.n_kept) :]

    def _score(self, angles):
        return 1.0 - ((product_states(angles) @ self.kept) ** 2).sum(1, dtype=np.float64)
