"""The contract of the QuantumML challenge."""

from dataclasses import dataclass
from pathlib import Path

from sklearn.metrics import accuracy_score, roc_auc_score

from common.challenge import AUC_SPREAD, Challenge, Metric, SubmissionError, Table, Task

MAX_QUBITS = 20  # a state of 20 qubits has a million amplitudes
BOARD_QUBITS = 12  # of a circuit that is handed in: it is executed on every hidden jet
BOARD_GATES = 400_000  # times amplitudes: 390 gates on 10 qubits, 97 on 12
CIRCUIT_NAME, ENCODING_NAME = "quantum_circuit.qasm", "quantum_encoding.json"
CIRCUIT_BYTES = 200_000
AGREE = 1e-3  # how far predictions may be from what the circuit makes
COLUMNS = ("anomaly_score",)  # any number, higher for what looks less like a quark jet; one a test image, in order
MOST = 1e30  # far beyond any score, and its square is still a number
# It is allowed and guesses: it encodes one ring, and measures another qubit
SAMPLE_CIRCUIT = """\
OPENQASM 3.0;
include "stdgates.inc";
input float[64] x_0;
bit[1] c;
qubit[2] q;
ry(x_0) q[0];
h q[1];
c[0] = measure q[1];
"""
SAMPLE_ENCODING = '{"rings": [1], "power": 0, "turns": [0.1]}\n'


class UnsupportedCircuit(ValueError):
    """A circuit that cannot be executed; the message says which part and what is possible."""


def check_qubits(circuit):
    """The circuit, or UnsupportedCircuit where it has no qubit or more than can be simulated."""
    if not 1 <= circuit.num_qubits <= MAX_QUBITS:
        raise UnsupportedCircuit(f"the circuit has {circuit.num_qubits} qubits, expected 1 to {MAX_QUBITS}: use fewer")
    return circuit


@dataclass(frozen=True)
class Circuit:
    """A submission that is executed: a circuit as OpenQASM 3 text, and the encoding that computes its inputs.

    Its score is what the circuit makes of the hidden jets. Predictions may lie beside it; they must be the circuit's.
    """

    predictions = Table("quantum_predictions.csv", COLUMNS, -MOST, MOST)
    wanted = f"{CIRCUIT_NAME} and {ENCODING_NAME}"
    contents = (
        f"`{CIRCUIT_NAME}`: the trained circuit as OpenQASM 3 text, at most {BOARD_QUBITS} qubits, and at most "
        f"{BOARD_GATES:,} / 2^qubits gates; `{ENCODING_NAME}`: rings, power and turns, from which its "
        "inputs x_0, x_1 ... are computed. The scorer executes the circuit on the test set: the mean P(1) of the "
        f"measured qubits is the score. `{predictions.name}` may lie beside them, and must then agree"
    )

    def accepts(self, name):
        """Whether a file of this name belongs to the submission."""
        return name in (CIRCUIT_NAME, ENCODING_NAME, self.predictions.name)

    def most_bytes(self, n):
        """Size that each file can have at most."""
        return max(self.predictions.most_bytes(n), CIRCUIT_BYTES)

    def write(self, path, detector):
        """Write the trained circuit and the encoding of a `circuits.QuantumAutoencoder` into a folder.

        Returns the folder, which is made where it is missing. Raises SubmissionError where the scorer would refuse
        the circuit, or the detector's features are not those that it computes.
        """
        from QuantumML import handin, noise, qasm

        try:
            encoding = handin.encoding_of(detector)
            written = qasm.write(noise.measured(detector), Path(path) / CIRCUIT_NAME)
            handin.program(qasm.read(written), len(encoding.rings))
        except UnsupportedCircuit as error:
            raise SubmissionError(str(error)) from error
        return handin.write_encoding(Path(path) / ENCODING_NAME, encoding).parent

    def sample(self, path, n):
        """Write a circuit and an encoding that only guess."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CIRCUIT_NAME).write_text(SAMPLE_CIRCUIT, "utf-8")
        (folder / ENCODING_NAME).write_text(SAMPLE_ENCODING, "utf-8")
        return folder

    def read(self, path, n, samples):
        """What the circuit in a folder makes of images.

        Parameters
        ----------
        path : path-like
            The folder.
        n : int
        samples : ndarray of shape (n, side, side)

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        SubmissionError
            Circuit or encoding are missing, or cannot be executed (see `qasm.read`, `handin.read_encoding` and
            `handin.program`); or predictions lie beside them that are not the circuit's.
        """
        from QuantumML import handin, qasm  # takes a second to import

        folder = Path(path)
        try:
            encoding = handin.read_encoding(folder / ENCODING_NAME)
            circuit = qasm.read(folder / CIRCUIT_NAME)
            made = handin.scores(circuit, encoding(samples))
        except (OSError, ValueError) as error:
            raise SubmissionError(" ".join(str(error).split())) from error
        if self.predictions.name in (entry.name for entry in folder.iterdir()):
            self._compare(made, self.predictions.read(folder, n))
        return made

    def _compare(self, made, predicted):
        row = int(abs(made - predicted).argmax())
        if abs(made[row] - predicted[row]) > AGREE:
            raise SubmissionError(
                f"{self.predictions.name}: row {row + 1} is {predicted[row]:.4g}, but the circuit makes {made[row]:.4g}"
                f" of that jet: hand in the circuit that made them, or leave {self.predictions.name} out"
            )


def auc(truth, score):
    """Area under the ROC curve of finding gluons (0): a higher score is more anomalous."""
    return roc_auc_score(truth == 0, score)


def accuracy(truth, score):
    """Share of jets called correctly when the half with the higher scores is called gluon."""
    threshold = sorted(score)[len(score) // 2]
    return accuracy_score(truth == 0, score >= threshold)


METRICS = (Metric("AUC", auc, spread=AUC_SPREAD), Metric("accuracy", accuracy))
DATA = "anomaly_detection"

CHALLENGE = Challenge(
    folder="QuantumML",
    title="Quantum machine learning",
    kind="anomaly detection, quantum computing",
    summary="Find gluon jets with a quantum circuit that has only ever seen quark jets.",
    picture="Three jets of particles as a calorimeter sees them: sparse bright crystals on a dark ground.",
    notebooks=("QuantumML_Classical", "QuantumML_Quantum"),
    tasks=(
        Task(
            name="quantum",
            submission=Circuit(),
            executes=True,
            imports=("QuantumML.handin", "QuantumML.qasm", "qiskit"),
            fewest=10,
            most=5000,  # on each the circuit is simulated
            metrics=METRICS,
            data_task=DATA,
        ),
        Task(
            name="classical",
            submission=Table("classical_predictions.csv", COLUMNS, -MOST, MOST),
            fewest=10,
            most=10_000,
            metrics=METRICS,
            data_task=DATA,
        ),
    ),
)
