"""The contract of the QuantumML challenge."""

from dataclasses import dataclass
from pathlib import Path

from sklearn.metrics import accuracy_score, roc_auc_score

from common.challenge import Challenge, Metric, SubmissionError, Table, Task

MAX_QUBITS = 20
CIRCUIT_NAME = "quantum_circuit.qasm"
CIRCUIT_BYTES = 200_000


@dataclass(frozen=True)
class QuantumTable(Table):
    """A table whose folder also holds the circuit that made it, as OpenQASM 3 text.

    The circuit is read and its qubits are counted. It is never executed.
    """

    def accepts(self, name):
        """Whether a file of this name belongs to the submission: the table, or the circuit."""
        return name in (self.name, CIRCUIT_NAME)

    def most_bytes(self, n):
        """Size that either file can have at most."""
        return max(super().most_bytes(n), CIRCUIT_BYTES)

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


METRICS = (Metric("AUC", auc), Metric("accuracy", accuracy))
COLUMNS = ("anomaly_score",)  # any number, higher for what looks less like a quark jet; one a test image, in order

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
            submission=QuantumTable("quantum_predictions.csv", COLUMNS),
            imports=("QuantumML.qasm", "qiskit_qasm3_import"),
            fewest=10,
            metrics=METRICS,
            data_task="anomaly_detection",
        ),
        Task(
            name="classical",
            submission=Table("classical_predictions.csv", COLUMNS),
            fewest=10,
            metrics=METRICS,
            data_task="anomaly_detection",
        ),
    ),
)
