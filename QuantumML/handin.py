"""A circuit that is handed in, executed on jets: its own output is the score.

What is executed is the flat list of gates that `qasm.read` lets through, in NumPy, one gate after the other. Nothing
else of a hand-in is run. The inputs of the circuit are sums of pixels over square rings (`Encoding`), which are
computed here from the images; the score of a jet is the mean probability of 1 on the qubits that are measured.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from common.challenge import output_path, read_regular_file
from common.files import atomic_write
from QuantumML.challenge import BOARD_GATES, BOARD_QUBITS, ENCODING_NAME, UnsupportedCircuit
from QuantumML.gates import ANGLES, linear_form
from QuantumML.observables import ring_sums

ENCODING_BYTES = 10_000
MOST_RINGS = 30  # as many as an image has pixels on a side
CHUNK = 2**17  # amplitudes that are in memory at once
DIGITS = 9  # of a score: far above rounding errors, so that equal jets and equal circuits have equal scores


@dataclass(frozen=True)
class Encoding:
    """From a jet to the inputs x_0, x_1 ... of a circuit, one for each ring.

    x_i = min(turns[i] * sum of (pixel / brightest pixel)**power over the lit pixels of ring i, pi)

    Attributes
    ----------
    rings : tuple of float
        Distance from the brightest pixel at which each ring starts, in pixels; a ring ends where the next one starts.
    power : float
        0 counts lit pixels, 1 sums energy.
    turns : tuple of float
        Angle in rad for each unit of a ring's sum.
    """

    rings: tuple[float, ...]
    power: float
    turns: tuple[float, ...]

    def __post_init__(self):
        """Raise ValueError unless all are numbers in range, and rings start farther and farther out."""
        numbers = (self.power, *self.rings, *self.turns)
        if not all(isinstance(number, float) and 0 <= number <= 1000 for number in numbers):
            raise ValueError("expected numbers from 0 to 1000")
        if not 1 <= len(self.rings) == len(self.turns) <= MOST_RINGS:
            raise ValueError(f"{len(self.rings)} rings and {len(self.turns)} turns, expected 1 to {MOST_RINGS} of each")
        if any(a >= b for a, b in zip(self.rings, self.rings[1:], strict=False)):
            raise ValueError("each ring has to start farther out than the one before")

    def __call__(self, X):
        """Inputs (n, rings) in rad of images (n, side, side)."""
        return np.minimum(ring_sums(X, self.power, (*self.rings, np.inf)) * np.array(self.turns), np.pi)


def write_encoding(path, encoding):
    """Write an Encoding as JSON into a folder under the name that is asked for, or to a file; returns its path."""
    path = output_path(path, ENCODING_NAME)
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(asdict(encoding), indent=1) + "\n", "utf-8")
    return path


def read_encoding(path):
    """The Encoding in a file; ValueError, in one line, where it is missing or is none."""
    path = Path(path)
    content = read_regular_file(path, ENCODING_BYTES)
    try:
        about = json.loads(content.decode("utf-8-sig"), parse_int=float)
        if not isinstance(about, dict) or sorted(about) != ["power", "rings", "turns"]:
            raise ValueError('expected {"rings": [...], "power": ..., "turns": [...]}')
        lists = (about["rings"], about["turns"])
        if not all(isinstance(numbers, list) for numbers in lists):
            raise ValueError("rings and turns are lists of numbers, one for each ring")
        return Encoding(tuple(lists[0]), about["power"], tuple(lists[1]))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path.name}: not an encoding: {' '.join(str(error).split())[:150]}") from error


def encoding_of(detector):
    """The Encoding of a trained `circuits.QuantumAutoencoder`.

    Raises
    ------
    UnsupportedCircuit
        Its features are not `circuits.Rings`: no others are computed from the hidden jets.
    """
    from QuantumML.circuits import FINE_EDGES, TOP_ANGLE, Rings

    angles = detector.features
    if not isinstance(angles.features, Rings):
        raise UnsupportedCircuit("the features are no circuits.Rings: the scorer computes sums over rings, no others")
    return Encoding(
        tuple(map(float, FINE_EDGES[:-1])), float(angles.features.power), tuple((TOP_ANGLE / angles.scale).tolist())
    )


# --------------------------------------------------------------------------------------------------
# Executing


@dataclass(frozen=True)
class _Gate:
    """A gate on one qubit, where all controls are 1. Its angles are constant + x @ slope: alpha, theta, phi, lambda.

    The matrix is exp(i alpha) U(theta, phi, lambda), see gates.py. Without angles it exchanges two qubits.
    """

    controls: tuple[int, ...]
    targets: tuple[int, ...]
    constant: np.ndarray | None = None
    slope: np.ndarray | None = None


def program(circuit, n_inputs):
    """What is executed of a circuit: its gates, and the qubits that are measured.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit
        A circuit of the gates that `qasm.read` knows; its parameters are x_0, x_1 ...
    n_inputs : int

    Returns
    -------
    gates : list of _Gate
    measured : list of int

    Raises
    ------
    UnsupportedCircuit
        Too many qubits or gates, an input that is not encoded, an angle that is not linear in the inputs, nothing
        that is measured, or a gate after a measurement.
    """
    n = circuit.num_qubits
    if n > BOARD_QUBITS:
        raise UnsupportedCircuit(f"the circuit has {n} qubits, the scorer executes at most {BOARD_QUBITS}")
    names = {f"x_{i}": i for i in range(n_inputs)}
    if unknown := sorted({parameter.name for parameter in circuit.parameters} - names.keys()):
        raise UnsupportedCircuit(
            f"the input {unknown[0]} is not encoded, expected x_0 to x_{n_inputs - 1}: fill trained weights in"
        )
    gates, measured, most = [], set(), BOARD_GATES // 2**n
    for instruction in circuit.data:
        name, params = instruction.operation.name, instruction.operation.params
        qubits = tuple(circuit.find_bit(qubit).index for qubit in instruction.qubits)
        if name == "measure":
            measured |= {*qubits}
        elif name != "barrier":
            if measured & {*qubits}:
                raise UnsupportedCircuit(f"a gate {name} acts on a qubit that was measured: measure last")
            if len(gates) == most:
                raise UnsupportedCircuit(f"more than {most} gates on {n} qubits: use fewer gates, or fewer qubits")
            gates.append(_gate(name, params, qubits, names))
    if not measured:
        raise UnsupportedCircuit("nothing is measured: the score is the mean P(1) of the measured qubits")
    return gates, sorted(measured)


def _gate(name, params, qubits, names):
    base = name.lstrip("c")
    controls, targets = np.split(qubits, [len(name) - len(base)])
    if base == "swap":
        return _Gate(tuple(controls), tuple(targets))
    constant, own = ANGLES["cu" if name == "cu" else base]
    constant, slope = np.array(constant, float), np.zeros((len(names), 4))
    for row, expression in zip(np.array(own, float), params, strict=True):
        offset, coefficients = linear_form(expression, names)
        if not np.isfinite([offset, *coefficients.values()]).all():
            raise UnsupportedCircuit(f"an angle of {name} is too large: use angles up to 2 pi")
        constant += row * offset
        for column, factor in coefficients.items():
            slope[column] += row * factor
    return _Gate(tuple(controls), tuple(targets), constant, slope)


def scores(circuit, x):
    """Mean probability (n,) of 1 on the measured qubits of a circuit, whose inputs are x (n, inputs).

    Parameters and errors as for `program`; UnsupportedCircuit too where an angle is no number.
    """
    gates, measured = program(circuit, x.shape[1])
    rows = max(1, CHUNK >> circuit.num_qubits)
    found = [_scores(gates, measured, circuit.num_qubits, x[i : i + rows]) for i in range(0, len(x), rows)]
    found = np.round(np.concatenate(found), DIGITS)
    if not np.isfinite(found).all():
        raise UnsupportedCircuit("an angle of the circuit is too large, and its score no number: use angles up to 2 pi")
    return found


def _scores(gates, measured, n, x):
    state = np.zeros((2,) * n + (len(x),), complex)  # qubit k is axis n - 1 - k; the last axis is the jet
    state[(0,) * n] = 1
    with np.errstate(all="ignore"):  # what is no number is refused at the end
        for gate in gates:
            _apply(gate, state, x)
    probability = abs(state) ** 2
    return np.mean([probability[_where(n, {qubit: 1})].sum(tuple(range(n - 1))) for qubit in measured], axis=0)


def _where(n, bits):
    """Index of the amplitudes in which qubits have these values, {qubit: 0 or 1}."""
    return tuple(bits.get(n - 1 - axis, slice(None)) for axis in range(n))


def _apply(gate, state, x):
    """Let a gate act on a state, in its place."""
    n, on = state.ndim - 1, dict.fromkeys(gate.controls, 1)
    if gate.constant is None:
        one, other = (_where(n, on | dict(zip(gate.targets, bits, strict=True))) for bits in ((0, 1), (1, 0)))
        state[one], state[other] = state[other], state[one].copy()
        return
    zero, one = (_where(n, on | {gate.targets[0]: bit}) for bit in (0, 1))
    angles = gate.constant + x @ gate.slope if gate.slope.any() else gate.constant
    alpha, theta, phi, lam = angles.T
    cos, sin = np.cos(theta / 2), np.sin(theta / 2)
    a, b = state[zero], state[one]
    first = cos * np.exp(1j * alpha) * a
    if sin.any():
        first -= sin * np.exp(1j * (alpha + lam)) * b
        state[one] = sin * np.exp(1j * (alpha + phi)) * a + cos * np.exp(1j * (alpha + phi + lam)) * b
    else:
        state[one] *= cos * np.exp(1j * (alpha + phi + lam))
    state[zero] = first
