"""The simulator of circuits against qiskit, its gradients against parameter shifts, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import Statevector

from QuantumML.quantum import CONTROLLED, ONE_QUBIT, Simulator, UnsupportedCircuit, check_qubits

OWN_ANGLES = {"rx": 1, "ry": 1, "rz": 1, "p": 1, "r": 2, "u": 3, "crx": 1, "cry": 1, "crz": 1, "cp": 1, "cu": 4}
ONE = [g for g in ONE_QUBIT if g not in ("u1", "u2", "u3")]
TWO = [g for g in CONTROLLED if g not in ("cu1", "cu3")]
TWO += ["cx", "cy", "cz", "swap", "iswap", "dcx", "rzz", "rxx", "ecr"]
THREE = ["ccx", "cswap", "ccz"]
N_FEATURES, N_WEIGHTS = 3, 4


@st.composite
def circuits(draw):
    """Random circuits of 1 to 5 qubits whose angles are numbers, features, weights or sums of them."""
    n = draw(st.integers(1, 5))
    x, w = ParameterVector("x", N_FEATURES), ParameterVector("w", N_WEIGHTS)
    circuit = QuantumCircuit(n, global_phase=draw(st.sampled_from([0, 0.7])))
    number = st.floats(-6, 6).map(lambda value: round(value, 3))

    def angle():
        kind = draw(st.sampled_from(["number", "x", "w", "sum"]))
        if kind == "number":
            return draw(number)
        feature, weight = draw(st.sampled_from(list(x))), draw(st.sampled_from(list(w)))
        return {"x": feature, "w": weight, "sum": draw(number) * feature - weight / 2 + draw(number)}[kind]

    for _ in range(draw(st.integers(1, 25))):
        names = ONE + (TWO if n > 1 else []) + (THREE if n > 2 else [])
        name = draw(st.sampled_from(names))
        n_operands = 1 if name in ONE else 3 if name in THREE else 2
        qubits = draw(st.permutations(range(n)))[:n_operands]
        n_angles = OWN_ANGLES.get(name, 1 if name in ("rzz", "rxx") else 0)
        getattr(circuit, name)(*(angle() for _ in range(n_angles)), *qubits)
    return circuit


def values(rng, batch=3):
    return {"x": rng.normal(0, 2, (batch, N_FEATURES)), "w": rng.normal(0, 2, N_WEIGHTS)}


def used(circuit, numbers):
    """The vectors that a circuit has; it may use none of the weights, say."""
    return {name: value for name, value in numbers.items() if any(p.vector.name == name for p in circuit.parameters)}


def qiskit_states(circuit, numbers):
    """The same by qiskit, one sample after the other."""
    states = []
    for row in numbers.get("x", [None]):
        bound = {p: (row if p.vector.name == "x" else numbers["w"])[p.index] for p in circuit.parameters}
        states.append(Statevector(circuit.assign_parameters(bound)).data)
    return np.array(states)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(circuit=circuits(), seed=st.integers(0, 1000))
def test_states_are_those_of_qiskit(circuit, seed):
    numbers = used(circuit, values(np.random.default_rng(seed)))
    expected = qiskit_states(circuit, numbers)
    np.testing.assert_allclose(Simulator(circuit)(**numbers).numpy(), expected, atol=1e-6)
    precise = Simulator(circuit, dtype=torch.complex128)(**numbers).numpy()
    np.testing.assert_allclose(precise, expected, atol=1e-12)


def shallow():
    x, w = ParameterVector("x", 3), ParameterVector("w", 6)
    circuit = QuantumCircuit(3)
    for layer in range(2):
        for q in range(3):
            circuit.ry(x[q], q)
            circuit.rz(w[3 * layer + q], q)
            circuit.rx(w[3 * layer + q], q)  # each weight in two gates
        for q in range(3):
            circuit.cx(q, (q + 1) % 3)
    return circuit


def split_weights(circuit):
    """The same circuit with a parameter of its own for each gate that has a weight: the rule shifts one gate."""
    out, owners = QuantumCircuit(circuit.num_qubits), []
    own = ParameterVector("v", 12)
    for instruction in circuit.data:
        qubits = [circuit.find_bit(q).index for q in instruction.qubits]
        operation = instruction.operation
        if operation.params and operation.params[0].vector.name == "w":
            operation = type(operation)(own[len(owners)])
            owners.append(instruction.operation.params[0].index)
        out.append(operation, qubits)
    return out, np.array(owners)


def test_gradients_are_those_of_the_parameter_shift():
    """d f / d theta = (f(theta + pi/2) - f(theta - pi/2)) / 2 for each rotation; Schuld et al., arXiv:1811.11184."""
    rng = np.random.default_rng(1)
    circuit = shallow()
    x = torch.tensor(rng.normal(size=(4, 3)))
    w = torch.tensor(rng.normal(size=6), requires_grad=True)
    simulator = Simulator(circuit, dtype=torch.complex128)
    simulator.excitation(simulator(x=x, w=w), [0, 2]).sum().backward()

    apart, owners = split_weights(circuit)
    shifter = Simulator(apart, dtype=torch.complex128)
    base = w.detach()[owners]
    gradient = np.zeros(6)
    for i, owner in enumerate(owners):
        ends = []
        for sign in (1, -1):
            shifted = base.clone()
            shifted[i] += sign * np.pi / 2
            ends.append(shifter.excitation(shifter(x=x, v=shifted), [0, 2]).sum().item())
        gradient[owner] += (ends[0] - ends[1]) / 2
    np.testing.assert_allclose(w.grad.numpy(), gradient, atol=1e-10)


def test_gradients_of_features_and_controlled_gates():
    x, w = ParameterVector("x", 2), ParameterVector("w", 2)
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cry(x[0] + w[0], 0, 1)
    circuit.cp(w[1] - 2 * x[1], 1, 0)
    circuit.rx(0.3, 0)
    simulator = Simulator(circuit, dtype=torch.complex128)
    numbers = (torch.randn(3, 2, dtype=torch.float64), torch.randn(2, dtype=torch.float64))
    for number in numbers:
        number.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, w: simulator.excitation(simulator(x=x, w=w), [0, 1]), numbers)


def test_excitation_is_the_probability_of_one():
    circuit = QuantumCircuit(3)
    circuit.x(1)
    circuit.ry(2 * np.pi / 3, 2)
    simulator = Simulator(circuit)
    np.testing.assert_allclose(simulator.excitation(simulator(), [0, 1, 2]), [[0, 1, 0.75]], atol=1e-6)
    assert simulator.probabilities(simulator()).sum() == pytest.approx(1, abs=1e-6)


def test_circuits_of_the_library_run():
    """Its gates are taken apart by their own definitions."""
    circuit = efficient_su2(4, reps=2)
    simulator = Simulator(circuit, per_sample=())
    weights = np.linspace(-1, 2, circuit.num_parameters)
    expected = Statevector(circuit.assign_parameters(weights)).data
    name = circuit.parameters[0].vector.name
    np.testing.assert_allclose(simulator(**{name: weights})[0], expected, atol=1e-6)


def test_twenty_qubits_are_possible():
    circuit = QuantumCircuit(20)
    circuit.h(0)
    for q in range(19):
        circuit.cx(q, q + 1)
    state = Simulator(circuit)()[0]
    assert abs(state[0]) ** 2 == pytest.approx(0.5, abs=1e-6) and abs(state[-1]) ** 2 == pytest.approx(0.5, abs=1e-6)


def test_twenty_one_qubits_are_refused():
    with pytest.raises(UnsupportedCircuit, match="has 21 qubits, expected 1 to 20: use fewer"):
        Simulator(QuantumCircuit(21))
    assert check_qubits(QuantumCircuit(20)).num_qubits == 20


def measured():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    return circuit


def reset():
    circuit = QuantumCircuit(1)
    circuit.reset(0)
    return circuit


def conditional():
    circuit = QuantumCircuit(1, 1)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(0)
    return circuit


def prepared():
    circuit = QuantumCircuit(1)
    circuit.initialize([0, 1])
    return circuit


@pytest.mark.parametrize("make, gate", [
    (measured, "measure"), (reset, "reset"), (conditional, "if_else"), (prepared, "reset|initialize"),
])
def test_unsupported_gates_are_named(make, gate):
    with pytest.raises(UnsupportedCircuit, match=f"gate '({gate})' on qubits .* is not supported: use id, x, y"):
        Simulator(make())


def test_angles_must_be_linear():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(1)
    circuit.rx(a * b, 0)
    with pytest.raises(UnsupportedCircuit, match="is not linear in [ab]: use sums"):
        Simulator(circuit)
    circuit = QuantumCircuit(1)
    circuit.rx(a.sin(), 0)
    with pytest.raises(UnsupportedCircuit, match="is not linear in a"):
        Simulator(circuit)


def test_wrong_parameters_are_named():
    simulator = Simulator(shallow())
    with pytest.raises(ValueError, match=r"missing: \['x'\], unknown: \['y'\]; the circuit has w \(6\), x \(3\)"):
        simulator(w=np.zeros(6), y=np.zeros(3))
    with pytest.raises(ValueError, match=r"w has shape \(5,\), expected \(6,\)"):
        simulator(w=np.zeros(5), x=np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\), expected \(2, 3\)"):
        simulator(w=np.zeros(6), x=np.zeros((2, 4)))
