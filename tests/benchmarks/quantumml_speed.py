"""Rates of the jet simulator and of a training step of a circuit, beside those of other quantum simulators.

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


def ansatz(n_qubits=N_QUBITS):
    """Three layers: features again in each, RY and RZ (the last layer: RY only), a ring of CNOTs; 5 weights a qubit."""
    x, w = ParameterVector("x", n_qubits), iter(ParameterVector("w", 5 * n_qubits))
    circuit = QuantumCircuit(n_qubits)
    for layer in range(N_LAYERS):
        for q in range(n_qubits):
            circuit.ry(x[q], q)
        for q in range(n_qubits):
            circuit.ry(next(w), q)
            if layer < N_LAYERS - 1:
                circuit.rz(next(w), q)
        for q in range(n_qubits):
            circuit.cx(q, (q + 1) % n_qubits)
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


def pyqtorch():
    """The same circuit in pyqtorch, batched, differentiated by torch."""
    import pyqtorch as pyq

    gates, k = [], 0
    for layer in range(N_LAYERS):
        gates += [pyq.RY(q, f"x{q}") for q in range(N_QUBITS)]
        for q in range(N_QUBITS):
            for rotation in (pyq.RY, pyq.RZ) if layer < N_LAYERS - 1 else (pyq.RY,):
                gates.append(rotation(q, f"w{k}"))
                k += 1
        gates += [pyq.CNOT(q, (q + 1) % N_QUBITS) for q in range(N_QUBITS)]
    circuit, zeros = pyq.QuantumCircuit(N_QUBITS, gates), pyq.zero_state(N_QUBITS, dtype=torch.complex64)
    circuit = circuit.to(torch.complex64)
    z = [pyq.Observable(pyq.Z(q)).to(torch.complex64) for q in TRASH]

    def excitation(x, w):
        state = circuit(zeros, {f"x{q}": x[:, q] for q in range(N_QUBITS)} | {f"w{i}": w[i] for i in range(N_WEIGHTS)})
        return (1 - torch.stack([one.expectation(state) for one in z], dim=1)) / 2

    return training_step(excitation)


def tensorcircuit():
    """The same circuit in tensorcircuit-ng with its torch backend, batched by vmap."""
    import tensorcircuit as tc

    tc.set_backend("pytorch")

    def excitation(x, w):
        circuit, k = tc.Circuit(N_QUBITS), 0
        for layer in range(N_LAYERS):
            for q in range(N_QUBITS):
                circuit.ry(q, theta=x[q])
            for q in range(N_QUBITS):
                circuit.ry(q, theta=w[k])
                k += 1
                if layer < N_LAYERS - 1:
                    circuit.rz(q, theta=w[k])
                    k += 1
            for q in range(N_QUBITS):
                circuit.cnot(q, (q + 1) % N_QUBITS)
        return torch.stack([(1 - torch.real(circuit.expectation_ps(z=[q]))) / 2 for q in TRASH])

    return training_step(tc.backend.vmap(excitation, vectorized_argnums=0))


def deepquantum():
    """The same circuit in deepquantum, batched; all angles of an image are one row of its data."""
    import deepquantum as dq

    circuit, order, k = dq.QubitCircuit(N_QUBITS), [], 0
    for layer in range(N_LAYERS):
        for q in range(N_QUBITS):
            circuit.ry(q, encode=True)
            order.append(q)
        for q in range(N_QUBITS):
            for rotation in (circuit.ry, circuit.rz) if layer < N_LAYERS - 1 else (circuit.ry,):
                rotation(q, encode=True)
                order.append(N_QUBITS + k)
                k += 1
        for q in range(N_QUBITS):
            circuit.cnot(q, (q + 1) % N_QUBITS)
    for q in TRASH:
        circuit.observable(q)

    def excitation(x, w):
        circuit(torch.cat([x, w.expand(len(x), N_WEIGHTS)], dim=1)[:, order])
        return (1 - circuit.expectation()) / 2

    return training_step(excitation)


PEERS = {"PennyLane, backpropagation": pennylane, "pyqtorch": pyqtorch, "tensorcircuit-ng": tensorcircuit,
         "deepquantum": deepquantum}  # fmt: skip


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
    for name, peer in PEERS.items():
        slow = rate(peer(), 5, 3)
        print(f"{name}: {slow:.1f} a second; ratio {fast / slow:.1f}", flush=True)
    slow = machine_learning()
    print(f"qiskit-machine-learning, parameter shift: {slow:.4f} a second; ratio {fast / slow:.0f}", flush=True)
