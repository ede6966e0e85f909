"""The contract of the QuantumML challenge."""

from dataclasses import dataclass
from pathlib import Path

from sklearn.metrics import accuracy_score, roc_auc_score

from common.challenge import AUC_SPREAD, Challenge, Metric, SubmissionError, Table, Task

MAX_QUBITS = 20  # a state of 20 qubits has a million amplitudes
CIRCUIT_NAME = "quantum_circuit.qasm"
CIRCUIT_BYTES = 200_000
CIRCUIT = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nh q[0];\ncx q[0], q[1];\n'  # one that is allowed


class UnsupportedCircuit(ValueError):
    """A circuit that cannot be executed; the message says which part and what is possible."""


def check_qubits(circuit, most=MAX_QUBITS):
    """The circuit, or UnsupportedCircuit where it has more qubits than the challenge allows."""
    if not 1 <= circuit.num_qubits <= most:
        raise UnsupportedCircuit(f"the circuit has {circuit.num_qubits} qubits, expected 1 to {most}: use fewer")
    return circuit


@dataclass(frozen=True)
class QuantumTable(Table):
    """A table whose folder also holds the circuit that made it, as OpenQASM 3 text.

    The circuit is read and its qubits are counted. It is never executed.
    """

    @property
    def wanted(self):
        """The files that are asked for, in words."""
        return f"{self.name} and {CIRCUIT_NAME}"

    def accepts(self, name):
        """Whether a file of this name belongs to the submission: the table, or the circuit."""
        return name in (self.name, CIRCUIT_NAME)

    def most_bytes(self, n):
        """Size that either file can have at most."""
        return max(super().most_bytes(n), CIRCUIT_BYTES)

    def sample(self, path, n):
        """As Table.sample(), with a circuit in the folder."""
        path = super().sample(path, n)
        path.with_name(CIRCUIT_NAME).write_text(CIRCUIT, "utf-8")
        return path

    def read(self, path, n):
        """As Table.read(); SubmissionError too where the circuit is missing, unreadable or has too many qubits."""
        values = super().read(path, n)
        from QuantumML import qasm  # takes a second to import

        folder = Path(path) if Path(path).is_dir() else Path(path).parent
        circuit = folder / CIRCUIT_NAME
        try:
            qasm.read(circuit)
        except (OSError, ValueError) as error:
            raise SubmissionError(str(error).replace("\n", " ")) from error
        return values


def auc(truth, score):
    """Area under the ROC curve of finding gluons (0): a higher score is more anomalous."""
    return roc_auc_score(truth == 0, score)


def accuracy(truth, score):
    """Share of jets called correctly when the half with the higher scores is called gluon."""
    threshold = sorted(score)[len(score) // 2]
    return accuracy_score(truth == 0, score >= threshold)


METRICS = (Metric("AUC", auc, spread=AUC_SPREAD), Metric("accuracy", accuracy))
COLUMNS = ("anomaly_score",)  # any number, higher for what looks less like a quark jet; one a test image, in order
MOST = 1e30  # far beyond any score, and its square is still a number
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
            submission=QuantumTable("quantum_predictions.csv", COLUMNS, -MOST, MOST),
            imports=("QuantumML.qasm", "qiskit"),
            fewest=10,
            metrics=METRICS,
            data_task=DATA,
        ),
        Task(
            name="classical",
            submission=Table("classical_predictions.csv", COLUMNS, -MOST, MOST),
            fewest=10,
            metrics=METRICS,
            data_task=DATA,
        ),
    ),
)
