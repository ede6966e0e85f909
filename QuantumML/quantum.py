"""A differentiable simulator of quantum circuits: it executes a qiskit circuit on batches, in torch.

    simulator = Simulator(circuit)                        # a qiskit QuantumCircuit with parameters x[...] and w[...]
    state = simulator(x=features, w=weights)              # (batch, 2**n) amplitudes, differentiable
    p = simulator.excitation(state, qubits=[0, 1])        # (batch, 2) probabilities to measure 1

A tensor of shape (length,) is shared by the batch (weights), one of shape (batch, length) holds a row a sample
(features). Amplitudes are in qiskit's order: bit k of the index is qubit k.

Why it is fast: every one-qubit gate is U(theta, phi, lambda) with a phase, and its angles are linear in the parameters,
so that one matrix product gives the angles of all gates of a circuit. Neighbouring one-qubit gates are multiplied
before they touch the state, and neighbouring gates without parameters that only permute amplitudes (CNOTs) are one
permutation.

Gates: id, x, y, z, h, s, sdg, t, tdg, sx, sxdg, rx, ry, rz, r, p, u, u1, u2, u3; ch, csx, crx, cry, crz, cp, cu, cu1,
cu3; and all gates without parameters that permute amplitudes up to phases (cx, cy, cz, swap, iswap, ccx, cswap ...).
Any other gate is taken apart by its own definition in qiskit (rzz, say). Barriers are skipped. Measurements, resets,
control flow and angles that are not linear in the parameters are refused.

Source of the conventions: M. A. Nielsen and I. L. Chuang, Quantum Computation and Quantum Information (2000),
chapter 4, and the documentation of qiskit's gates.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import nn

from QuantumML.challenge import UnsupportedCircuit, check_qubits
from QuantumML.gates import ANGLES, CONTROLLED, ONE_QUBIT, linear_form

SHARED, PER_SAMPLE = False, True  # kinds of parameters (see above), and of gates by what their angles depend on
MAX_DEFINITION = 20  # a definition inside a definition ... so deep and no deeper
MAX_BLOCK = 4  # qubits whose gates are multiplied to one matrix before they meet the state


@dataclass(frozen=True)
class Gate:
    """An instruction with numbered qubits, all parameters included: name, qubits, params, qiskit operation."""

    name: str
    qubits: tuple[int, ...]
    params: tuple
    operation: object


def flattened(circuit, qubits=None, depth=0):
    """The gates of a circuit, those that are not known here taken apart, and its global phases.

    Returns
    -------
    gates : list of Gate
    phases : list of numbers or qiskit ParameterExpressions
    """
    qubits = range(circuit.num_qubits) if qubits is None else qubits
    gates, phases = [], [circuit.global_phase]
    for instruction in circuit.data:
        operation = instruction.operation
        mine = tuple(qubits[circuit.find_bit(qubit).index] for qubit in instruction.qubits)
        if operation.name == "barrier":
            continue
        if operation.name in ONE_QUBIT or _is_controlled(operation) or _monomial(operation) is not None:
            gates.append(Gate(operation.name, mine, tuple(operation.params), operation))
            continue
        definition = getattr(operation, "definition", None)
        if definition is None or instruction.clbits or depth == MAX_DEFINITION or not definition.data:
            raise UnsupportedCircuit(
                f"gate {operation.name!r} on qubits {mine} is not supported: use {', '.join(ONE_QUBIT)}, "
                f"{', '.join(CONTROLLED)}, cx, cy, cz, swap, ccx, cswap, or gates made of them; remove measurements"
            )
        inner, more = flattened(definition, mine, depth + 1)
        gates += inner
        phases += more
    return gates, phases


def _is_controlled(operation):
    """Whether it is one of CONTROLLED that acts when the control is 1."""
    n = operation.num_qubits
    return operation.name in CONTROLLED and operation.ctrl_state == 2 ** (n - 1) - 1


def _monomial(operation):
    """(source, phase) such that new[i] = phase[i] * old[source[i]] for a gate without parameters; None for others.

    The arrays have 2**k entries in the order of the gate's own qubits, the first one being the lowest bit.
    """
    from qiskit.circuit import Gate as QiskitGate

    if not isinstance(operation, QiskitGate) or operation.params or operation.num_qubits > 4:
        return None
    try:
        matrix = np.asarray(operation.to_matrix())
    except Exception as error:  # qiskit's own exception for gates without a matrix
        if type(error).__name__ != "CircuitError":
            raise
        return None
    heavy = abs(matrix) > 1e-9
    if not (heavy.sum(1) == 1).all():
        return None
    source = heavy.argmax(1)
    return source, matrix[np.arange(len(matrix)), source]


# --------------------------------------------------------------------------------------------------
# Steps: what a circuit is compiled to. Each takes the state (batch, 2**n) and the matrices of all gates.


class Layer(nn.Module):
    """Neighbouring one-qubit gates: on each qubit they are multiplied, then blocks of qubits meet the state at once."""

    def __init__(self, n_qubits, sublayers):
        super().__init__()
        n_blocks = math.ceil(n_qubits / MAX_BLOCK)
        self.edges = [n_qubits * i // n_blocks for i in range(n_blocks + 1)]
        self.kinds = [kind for kind, _ in sublayers]
        for i, (_, index) in enumerate(sublayers):
            self.register_buffer(f"index{i}", torch.tensor(index), persistent=False)

    def forward(self, state, matrices):
        product = None
        for i, kind in enumerate(self.kinds):
            each = matrices[kind].index_select(-3, getattr(self, f"index{i}"))
            product = each if product is None else each @ product
        batch = len(state)
        for low, high in pairwise(self.edges):
            block = product[..., low, :, :]
            for qubit in range(low + 1, high):
                block = kron(product[..., qubit, :, :], block)
            size = block.shape[-1]
            if low == 0:  # the last axis of the state: a product from the right is one large one
                state = state.reshape(batch, -1, size) @ block.mT
            else:
                block = block[:, None] if block.ndim == 3 else block
                state = block @ state.reshape(batch, -1, size, 2**low)
            state = state.reshape(batch, -1)
        return state


class Monomial(nn.Module):
    """Neighbouring gates that permute amplitudes and turn their phases."""

    def __init__(self, source, phase):
        super().__init__()
        self.register_buffer("source", torch.tensor(source), persistent=False)
        turned = np.abs(phase - 1) > 1e-12
        self.register_buffer("phase", torch.tensor(phase) if turned.any() else None, persistent=False)

    def forward(self, state, matrices):
        state = state.index_select(1, self.source)
        return state if self.phase is None else state * self.phase.to(state.dtype)


class Controlled(nn.Module):
    """A one-qubit gate where the control qubit is 1: new = diagonal * old + off-diagonal * flipped old."""

    def __init__(self, n_qubits, control, target, gate, kind):
        super().__init__()
        self.gate, self.kind = gate, kind
        i = np.arange(2**n_qubits)
        active, target_bit = bit(i, control), bit(i, target)
        # Entries 0 to 3 are those of the matrix, row by row; 4 and 5 stand for 1 and 0.
        for name, index in (
            ("flipped", i ^ (1 << target)),
            ("diagonal", np.where(active, 3 * target_bit, 4)),
            ("off", np.where(active, 1 + target_bit, 5)),
        ):
            self.register_buffer(name, torch.tensor(index), persistent=False)

    def forward(self, state, matrices):
        entries = matrices[self.kind][..., self.gate, :, :].flatten(-2)
        fixed = entries.new_tensor([1.0, 0.0]).expand(*entries.shape[:-1], 2)
        entries = torch.cat([entries, fixed], dim=-1)
        return entries[..., self.diagonal] * state + entries[..., self.off] * state.index_select(1, self.flipped)


def bit(index, qubit):
    """The bit of a qubit in the index of an amplitude, 0 or 1."""
    return (index >> qubit) & 1


def kron(a, b):
    """Kronecker products of two batches of matrices (..., p, p) and (..., q, q)."""
    product = a[..., :, None, :, None] * b[..., None, :, None, :]
    size = a.shape[-1] * b.shape[-1]
    return product.reshape(*product.shape[:-4], size, size)


def permuted(n_qubits, qubits, source, phase):
    """The monomial gate (source, phase) on some qubits as one on the indices of all n_qubits."""
    i = np.arange(2**n_qubits)
    local = sum(bit(i, qubit) << k for k, qubit in enumerate(qubits))
    outside = i & ~sum(1 << qubit for qubit in qubits)
    return outside + sum(bit(source[local], k) << qubit for k, qubit in enumerate(qubits)), phase[local]


class Simulator(nn.Module):
    """Executes a qiskit circuit on the state |0...0> for a batch of parameter values.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit
        At most 20 qubits; see the top of this file for the gates.
    per_sample : sequence of str
        Names of the parameters (or vectors of parameters) that have a row a sample: the features.
    dtype : torch.complex64 or torch.complex128

    Raises
    ------
    UnsupportedCircuit
        Too many qubits, a gate or an angle that is not supported, a name that the circuit does not have.
    """

    def __init__(self, circuit, per_sample=("x",), dtype=torch.complex64):
        super().__init__()
        check_qubits(circuit)
        self.n_qubits, self.dtype = circuit.num_qubits, dtype
        self.lengths = _vectors(circuit)
        self.groups = {
            SHARED: [name for name in self.lengths if name not in per_sample],
            PER_SAMPLE: [name for name in self.lengths if name in per_sample],
        }
        columns = {}
        for kind, names in self.groups.items():
            labels = [label for name in names for label in _labels(circuit, name)]
            columns |= {label: (kind, i) for i, label in enumerate(labels)}
        gates, phases = flattened(circuit)
        self._compile(gates, columns)
        self._set_phase(phases, columns)

    def forward(self, **values):
        """The final state.

        Parameters
        ----------
        **values : tensor or array
            For each (vector of) parameters of the circuit: features (batch, length), everything else (length,).

        Returns
        -------
        complex tensor (batch, 2**n); batch is 1 where there are no features.

        Raises
        ------
        ValueError
            A name is missing or unknown, or a tensor has another shape.
        """
        shared, rows = self._gathered(values)
        matrices = {SHARED: self._matrices(SHARED, shared)}
        if PER_SAMPLE in self.kinds:
            matrices[PER_SAMPLE] = self._matrices(PER_SAMPLE, self._mixed(shared, rows))
        state = torch.zeros(len(rows), 2**self.n_qubits, dtype=self.dtype, device=rows.device)
        state[:, 0] = 1
        for step in self.steps:
            state = step(state, matrices)
        if not self.has_phase:
            return state
        phase = self.phase_constant + shared @ self.phase_shared + rows @ self.phase_rows
        turn = torch.polar(torch.ones_like(phase), phase).to(self.dtype)
        return state * turn[:, None]

    def probabilities(self, state):
        """Probability (batch, 2**n) of each outcome of measuring all qubits."""
        return state.real**2 + state.imag**2

    def excitation(self, state, qubits):
        """Probability (batch, len(qubits)) to measure 1 on each of the qubits."""
        bits = bit(torch.arange(2**self.n_qubits)[:, None], torch.tensor(list(qubits)))
        return self.probabilities(state) @ bits.to(state.real.dtype).to(state.device)

    # ---------------------------------------------------------------------------------------------
    # The parameters: from the values of the caller to the matrices of the gates

    def _gathered(self, values):
        unknown, missing = sorted(values.keys() - self.lengths), sorted(self.lengths.keys() - values)
        if unknown or missing:
            expected = ", ".join(f"{name} ({length})" for name, length in self.lengths.items())
            raise ValueError(f"parameters missing: {missing}, unknown: {unknown}; the circuit has {expected}")
        real = torch.float64  # angles add up, and a large one has few digits left in single precision
        parts = {SHARED: [], PER_SAMPLE: []}
        batch = {len(values[name]) for name in self.groups[PER_SAMPLE]} or {1}
        for kind, names in self.groups.items():
            for name in names:
                value = torch.as_tensor(values[name]).to(real)
                expected = (max(batch), self.lengths[name]) if kind == PER_SAMPLE else (self.lengths[name],)
                if value.shape != expected:
                    raise ValueError(f"{name} has shape {tuple(value.shape)}, expected {expected}")
                parts[kind].append(value)
        shared = torch.cat(parts[SHARED]) if parts[SHARED] else torch.zeros(0, dtype=real)
        rows = torch.cat(parts[PER_SAMPLE], dim=1) if parts[PER_SAMPLE] else torch.zeros(max(batch), 0, dtype=real)
        return shared, rows

    def _mixed(self, shared, rows):
        """Both kinds of parameters beside each other, a row a sample, for gates that depend on features."""
        return torch.cat([rows, shared.expand(len(rows), -1)], dim=1)

    def _matrices(self, kind, parameters):
        """exp(i alpha) U(theta, phi, lambda) of all gates of a kind (..., gates + 1, 2, 2), the last the identity."""
        constant, slope = getattr(self, f"constant{int(kind)}"), getattr(self, f"slope{int(kind)}")
        angles = (parameters @ slope + constant).unflatten(-1, (-1, 4))
        alpha, theta, phi, lam = angles.unbind(-1)
        cos, sin = torch.cos(theta / 2), torch.sin(theta / 2)
        size = torch.stack([cos, -sin, sin, cos], dim=-1)
        phase = torch.stack([alpha, alpha + lam, alpha + phi, alpha + phi + lam], dim=-1)
        matrices = torch.complex(size * torch.cos(phase), size * torch.sin(phase)).to(self.dtype)
        return matrices.unflatten(-1, (2, 2))

    # ---------------------------------------------------------------------------------------------
    # Compilation: from the gates to steps and to the linear forms of their angles

    def _compile(self, gates, columns):
        steps, forms = [], {SHARED: [], PER_SAMPLE: []}  # forms: (constant (4,), {column: slope (4,)}) of each gate
        run, monomial = [], None

        def finish():
            nonlocal run, monomial
            if run:
                steps.append(run)
            if monomial is not None:
                steps.append(Monomial(*monomial))
            run, monomial = [], None

        for gate in gates:
            if gate.name in ONE_QUBIT or gate.name in CONTROLLED:
                kind, form = self._form(gate, columns)
                forms[kind].append(form)
                number = len(forms[kind]) - 1
            if gate.name in ONE_QUBIT:
                if monomial is not None:
                    finish()
                run.append((gate.qubits[0], kind, number))
            elif gate.name in CONTROLLED:
                finish()
                steps.append(Controlled(self.n_qubits, *gate.qubits, number, kind))
            else:
                if run:
                    finish()
                source, phase = permuted(self.n_qubits, gate.qubits, *_monomial(gate.operation))
                monomial = (source, phase) if monomial is None else (monomial[0][source], phase * monomial[1][source])
        finish()
        identity = {kind: len(forms[kind]) for kind in forms}
        self.kinds = [kind for kind in forms if forms[kind]]
        self.steps = nn.ModuleList(
            Layer(self.n_qubits, self._sublayers(step, identity)) if isinstance(step, list) else step for step in steps
        )
        n_columns = {SHARED: self._width(SHARED), PER_SAMPLE: self._width(PER_SAMPLE) + self._width(SHARED)}
        for kind, rows in forms.items():
            constant = np.zeros((len(rows) + 1, 4))
            slope = np.zeros((n_columns[kind], len(rows) + 1, 4))
            for i, (own_constant, slopes) in enumerate(rows):
                constant[i] = own_constant
                for column, values in slopes.items():
                    slope[column, i] += values
            self._store(f"constant{int(kind)}", constant.reshape(-1))
            self._store(f"slope{int(kind)}", slope.reshape(n_columns[kind], constant.size))

    def _width(self, kind):
        return sum(self.lengths[name] for name in self.groups[kind])

    def _store(self, name, values):
        self.register_buffer(name, torch.tensor(values, dtype=torch.float64), persistent=False)

    def _form(self, gate, columns):
        """The kind of the gate, PER_SAMPLE where it depends on features, and its angles as a linear form of columns."""
        constant, own = ANGLES[CONTROLLED.get(gate.name, gate.name)]
        constant, slopes = np.array(constant, float), defaultdict(lambda: np.zeros(4))
        for row, expression in zip(np.array(own, float), gate.params, strict=True):
            offset, coefficients = linear_form(expression, columns)
            constant += row * offset
            for column, factor in coefficients.items():
                slopes[column] += row * factor
        if all(kind == SHARED for kind, _ in slopes):
            return SHARED, (constant, {i: slope for (_, i), slope in slopes.items()})
        behind = self._width(PER_SAMPLE)  # in _mixed() the shared columns stand behind the features
        form = {i if kind == PER_SAMPLE else behind + i: slope for (kind, i), slope in slopes.items()}
        return PER_SAMPLE, (constant, form)

    def _sublayers(self, run, identity):
        """A run of (qubit, kind, number) as layers with at most one gate a qubit, all of one kind.

        Returns a list of (kind, gate number for each qubit).
        """
        layers, first_free = [], [0] * self.n_qubits
        for qubit, kind, number in run:
            at = next((i for i in range(first_free[qubit], len(layers)) if layers[i][0] == kind), None)
            if at is None:
                at = len(layers)
                layers.append((kind, [identity[kind]] * self.n_qubits))
            layers[at][1][qubit] = number
            first_free[qubit] = at + 1
        return layers

    def _set_phase(self, phases, columns):
        constant, slopes = 0.0, {kind: np.zeros(self._width(kind)) for kind in (SHARED, PER_SAMPLE)}
        for expression in phases:
            offset, coefficients = linear_form(expression, columns)
            constant += offset
            for (kind, i), factor in coefficients.items():
                slopes[kind][i] += factor
        self.phase_constant = constant
        self._store("phase_shared", slopes[SHARED])
        self._store("phase_rows", slopes[PER_SAMPLE])
        self.has_phase = bool(constant or slopes[SHARED].any() or slopes[PER_SAMPLE].any())


def _vectors(circuit):
    """{name: length} of the vectors of parameters in a circuit, and of single parameters (length 1), sorted."""
    lengths = {}
    for parameter in circuit.parameters:
        vector = getattr(parameter, "vector", None)
        lengths[parameter.name if vector is None else vector.name] = 1 if vector is None else len(vector)
    return dict(sorted(lengths.items()))


def _labels(circuit, name):
    """Names of the parameters in a vector, in order, or of the single parameter."""
    for parameter in circuit.parameters:
        vector = getattr(parameter, "vector", None)
        if vector is not None and vector.name == name:
            return [element.name for element in vector]
    return [name]
