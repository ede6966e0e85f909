"""Detectors of anomalies that are quantum circuits: from a jet to angles, from angles to a score.

Features of a jet turn qubits (angle encoding). A circuit with weights then tries to move everything that quark jets
have in common into the first few qubits, so that the others, the trash qubits, end in |0>. The score of a jet is the
mean probability to find a trash qubit in |1>: what could not be compressed. The first feature is that of the core of a
jet, which quark jets share.

Sources: Romero, Olson and Aspuru-Guzik, Quantum Sci. Technol. 2 (2017) 045001, arXiv:1612.02806 (quantum autoencoder);
Ngairangbam, Spannowsky and Takeuchi, Phys. Rev. D 105 (2022) 095004, arXiv:2112.04958 (for anomalies at colliders);
Perez-Salinas et al., Quantum 4 (2020) 226, arXiv:1907.02085 (re-uploading).
"""

import numpy as np
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from common import training
from QuantumML.model import Detector
from QuantumML.observables import ring_sums
from QuantumML.quantum import Simulator

FINE_EDGES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, np.inf)
# The next three were chosen with tests/benchmarks/quantumml_encoding.py, on labelled jets of both kinds: see NOTES.md.
SPREAD = 0.52  # standard deviation of the total of a training jet over its mean, see Rings
TOP_ANGLE = 2.5  # rad, of a feature at its quantile, see Angles
LEAST_SCALE = 0.7  # of the feature: a ring that is nearly always empty is not blown up
QUANTILE = 0.95  # of the training jets have at most that much of a feature


class Rings:
    """Sums of pixels to a power in ten rings around the brightest pixel.

    The rings are those of `FINE_EDGES`; the pixels are divided by the brightest one, which is left out itself. Power 0
    counts lit pixels, power 1 sums energy. `fit` takes the smallest power at which the totals of the training jets
    spread by `SPREAD` of their mean: where the number of particles is capped, counts vary little, and energies must
    help.
    """

    def fit(self, X):
        for power in np.linspace(0, 1, 11):
            self.power = power
            total = self(X).sum(axis=1)
            if total.std() >= SPREAD * total.mean():
                break
        return self

    def __call__(self, X):
        return ring_sums(X, self.power, FINE_EDGES)


class Angles:
    """Features as angles: an empty feature does not turn its qubit.

    The 95 % quantile of a feature on the training jets becomes TOP_ANGLE, and no angle is larger than pi: what turns
    farther would come back to |0>. Nothing is subtracted: an angle only grows with what is in the jet.

    Parameters
    ----------
    features : callable images -> (n, n_features), optional
        Default: `Rings`, whose power is fitted as well.
    """

    def __init__(self, features=None):
        self.features = Rings() if features is None else features

    def fit(self, X):
        if isinstance(self.features, Rings):
            self.features.fit(X)
        quantile = np.quantile(self.features(X), QUANTILE, axis=0)
        self.scale = np.maximum(quantile, LEAST_SCALE)
        return self

    def __call__(self, X):
        angles = TOP_ANGLE * self.features(X) / self.scale
        return np.minimum(angles, np.pi).astype(np.float32)


def autoencoder(n_qubits=10, n_layers=2, reupload=False, entangler="cz"):
    """A circuit with one feature x a qubit, and weights w.

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
    x = ParameterVector("x", n_qubits)
    w = ParameterVector("w", 2 * n_layers * n_qubits)
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
            pairs = [*range(0, n_qubits - 1, 2), *range(1, n_qubits - 1, 2)]
            for qubit in pairs:
                getattr(circuit, entangler)(qubit, qubit + 1)  # .cz or .cx
    return circuit


def conserving(n_qubits=10):
    """A circuit that passes ones to qubit 0, and makes or removes none.

    From the last to the first, each pair of neighbours is turned in the plane of |01> and |10> by one weight (a Givens
    rotation). So the circuit is equivariant: a common phase of all ones comes out as it went in. Features x and weights
    w as in `autoencoder`.

    Returns
    -------
    qiskit.QuantumCircuit, with n_qubits - 1 weights
    """
    x, w = ParameterVector("x", n_qubits), ParameterVector("w", n_qubits - 1)
    circuit = QuantumCircuit(n_qubits)
    for qubit in range(n_qubits):
        circuit.ry(x[qubit], qubit)
    for qubit in reversed(range(n_qubits - 1)):
        circuit.cx(qubit, qubit + 1)
        circuit.cry(w[qubit], qubit + 1, qubit)
        circuit.cx(qubit, qubit + 1)
    return circuit


def trash_excitation(simulator, angles, weights, n_trash):
    """Mean probability (n,) to measure 1 on the trash qubits.

    Parameters
    ----------
    simulator : quantum.Simulator, of a circuit with features x and weights w
    angles : (n, length of x)
    weights : (length of w,)
    n_trash : int
        The last so many qubits are the trash.
    """
    state = simulator(x=angles, w=weights)
    n = simulator.n_qubits
    return simulator.excitation(state, range(n - n_trash, n)).mean(1)


def minimise(loss, weights, angles, steps, batch_size=128, lr=0.03):
    """Adam on random batches of jets: trained weights, and all losses.

    Parameters
    ----------
    loss : callable (angles (batch_size, n), weights) -> tensor of one number
    weights : tensor
        To start from; it is not changed.
    angles : tensor (n_jets, n)
    steps : int
    batch_size, lr
        Jets in a step, and learning rate of Adam (Kingma and Ba, arXiv:1412.6980).
    """
    weights = weights.clone().requires_grad_()
    optimizer = torch.optim.Adam([weights], lr)
    losses = []
    for _ in range(steps):
        batch = torch.randint(len(angles), (batch_size,))
        value = loss(angles[batch], weights)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return weights.detach(), losses


class QuantumAutoencoder(Detector):
    """A circuit trained to leave its trash qubits in |0> for the jets it knows.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit with features x and weights w
        Any circuit that `quantum.Simulator` executes.
    features : callable images -> (n, length of x), optional
        The features that `Angles` turns into angles. Default: `Rings`.
    n_trash : int, optional
        The last so many qubits are the trash. Default: all but the first.
    steps, batch_size, lr
        Settings of `minimise`.
    """

    def __init__(self, circuit, features=None, n_trash=None, seed=0, steps=200, batch_size=128, lr=0.03):
        super().__init__(Angles(features))
        n_trash = circuit.num_qubits - 1 if n_trash is None else n_trash
        if not 1 <= n_trash <= circuit.num_qubits:
            raise ValueError(f"n_trash is {n_trash}, expected 1 to {circuit.num_qubits}, the qubits of the circuit")
        self.circuit, self.simulator = circuit, Simulator(circuit)
        self.n_trash, self.seed = n_trash, seed
        self.steps, self.batch_size, self.lr = steps, batch_size, lr

    def _prepare(self, X):
        self.features.fit(X)

    def initial_weights(self):
        """Small random weights: the circuit starts near doing nothing, and training is reproducible."""
        training.seed_everything(self.seed)
        return 0.1 * torch.randn(self.simulator.lengths["w"])

    def _fit(self, angles):
        weights = self.initial_weights()
        self.weights, self.losses = minimise(
            self.loss, weights, torch.from_numpy(angles), self.steps, self.batch_size, self.lr
        )

    def loss(self, angles, weights):
        """What training makes small, of a batch of jets."""
        return self.excitation(angles, weights).mean()

    def excitation(self, angles, weights):
        """Score (n,) of jets: the mean probability of 1 on the trash qubits."""
        return trash_excitation(self.simulator, angles, weights, self.n_trash)

    def _score(self, angles):
        with torch.inference_mode():
            parts = [self.excitation(part, self.weights) for part in torch.from_numpy(angles).split(500)]
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
    """The unitary with the smallest loss there can be: no circuit empties the trash of the training jets further.

    The loss is the mean of an operator that counts ones on the trash, divided by their number. It is smallest when
    the eigenvectors of the jets' density matrix, from the most to the least probable, become the states with the
    fewest to the most ones on the trash (J. von Neumann's trace inequality). That bounds the loss. It says nothing
    about the AUC.
    """

    def __init__(self, features=None, n_kept=1):
        super().__init__(Angles(features))
        self.n_kept = n_kept

    def _prepare(self, X):
        self.features.fit(X)

    def _fit(self, angles):
        states = product_states(angles)
        _, vectors = np.linalg.eigh(states.T @ states / len(states))
        self.vectors = vectors[:, ::-1]  # the most probable first
        n_trash = angles.shape[1] - self.n_kept
        ones = np.array([bin(i).count("1") for i in range(2**n_trash)])
        self.share_of_ones = np.sort(np.repeat(ones, 2**self.n_kept)) / n_trash

    def _score(self, angles):
        probability = (product_states(angles) @ self.vectors).astype(np.float64) ** 2
        return probability @ self.share_of_ones
