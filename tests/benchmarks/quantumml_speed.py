"""Rates of the jet simulator and of a training step of a circuit, beside PennyLane and qiskit-machine-learning.

    python tests/benchmarks/quantumml_speed.py [--no-jets]

The circuit: 6 qubits, 30 weights, batches of 64, the gradient of all weights and a step of Adam. All rates are of
processor time of one thread, the median of several repetitions.
"""

import argparse
import time

import numpy as np
import torch
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector

from QuantumML.quantum import Simulator

N_QUBITS, N_LAYERS, BATCH, TRASH = 6, 3, 64, (0, 1, 2)
N_WEIGHTS = 30


def ansatz():
    """Three layers: features again in each, RY and RZ (the last layer: RY only), a ring of CNOTs."""
    x, w = ParameterVector("x", N_QUBITS), iter(ParameterVector("w", N_WEIGHTS))
    circuit = QuantumCircuit(N_QUBITS)
    for layer in range(N_LAYERS):
        for q in range(N_QUBITS):
            circuit.ry(x[q], q)
        for q in range(N_QUBITS):
            circuit.ry(next(w), q)
            if layer < N_LAYERS - 1:
                circuit.rz(next(w), q)
        for q in range(N_QUBITS):
            circuit.cx(q, (q + 1) % N_QUBITS)
    return circuit


def rate(step, n, repetitions=5):
    """Median of n steps a second of processor time."""
    step()
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        for _ in range(n):
            step()
        times.append(time.process_time() - start)
    return n / np.median(times)


def training_step(excitation):
    """A step of Adam on the mean of excitation(x, weights)."""
    w = (0.1 * torch.randn(N_WEIGHTS)).requires_grad_()
    optimizer, x = torch.optim.Adam([w], 0.01), torch.rand(BATCH, N_QUBITS)

    def step():
        loss = excitation(x, w).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def ours():
    simulator = Simulator(ansatz())
    return training_step(lambda x, w: simulator.excitation(simulator(x=x, w=w), TRASH))


def pennylane():
    """The same circuit on default.qubit, differentiated by backpropagation through torch, batched."""
    import pennylane as qml

    @qml.qnode(qml.device("default.qubit", wires=N_QUBITS), interface="torch", diff_method="backprop")
    def node(x, w):
        k = 0
        for layer in range(N_LAYERS):
            for q in range(N_QUBITS):
                qml.RY(x[:, q], wires=q)
            for q in range(N_QUBITS):
                qml.RY(w[k], wires=q)
                k += 1
                if layer < N_LAYERS - 1:
                    qml.RZ(w[k], wires=q)
                    k += 1
            for q in range(N_QUBITS):
                qml.CNOT(wires=[q, (q + 1) % N_QUBITS])
        return [qml.expval(qml.PauliZ(q)) for q in TRASH]

    return training_step(lambda x, w: (1 - torch.stack(node(x, w))) / 2)


def machine_learning():
    """One gradient of qiskit-machine-learning's EstimatorQNN by parameter shift on qiskit's statevector."""
    from qiskit.primitives import StatevectorEstimator
    from qiskit.quantum_info import SparsePauliOp
    from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient
    from qiskit_machine_learning.neural_networks import EstimatorQNN

    circuit, estimator = ansatz(), StatevectorEstimator()
    parameters = {name: [p for p in circuit.parameters if p.vector.name == name] for name in "xw"}
    network = EstimatorQNN(
        circuit=circuit, estimator=estimator, gradient=ParamShiftEstimatorGradient(estimator),
        observables=SparsePauliOp.from_sparse_list([("Z", [q], 1 / len(TRASH)) for q in TRASH], N_QUBITS),
        input_params=parameters["x"], weight_params=parameters["w"],
    )  # fmt: skip
    rng = np.random.default_rng(0)
    x, w = rng.random((BATCH, N_QUBITS)), rng.random(N_WEIGHTS)
    start = time.process_time()
    network.backward(x, w)
    return 1 / (time.process_time() - start)


def jets(n=2000):
    """Jets a second, half of them gluons, once the pool of pile-up is there; and the seconds that the pool takes."""
    from QuantumML import generate, simulate

    start = time.process_time()
    generate.pile_up_pool()
    pool = time.process_time() - start
    rates = []
    for seed in range(3):
        start = time.process_time()
        simulate.labelled(n, seed)
        rates.append(n / (time.process_time() - start))
    return np.median(rates), pool


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--no-jets", action="store_true")
    torch.set_num_threads(1)
    if not parser.parse_args().no_jets:
        per_second, pool = jets()
        print(f"jets: {per_second:.0f} a second, after {pool:.1f} s for the pile-up of a process", flush=True)
    torch.manual_seed(0)
    fast = rate(ours(), 40)
    print(f"this simulator: {fast:.0f} training steps a second", flush=True)
    slow = rate(pennylane(), 5, 3)
    print(f"PennyLane default.qubit, backprop: {slow:.1f} a second; ratio {fast / slow:.0f}", flush=True)
    slow = machine_learning()
    print(f"qiskit-machine-learning, parameter shift: {slow:.4f} a second; ratio {fast / slow:.0f}", flush=True)
