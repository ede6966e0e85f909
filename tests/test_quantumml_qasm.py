"""Circuits that are handed in: written, read back, counted, and never trusted."""

import time

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import Statevector

from common.challenge import SubmissionError, registry
from QuantumML import qasm
from QuantumML.quantum import UnsupportedCircuit

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def circuit(n=3):
    theta, x = ParameterVector("θ", 2), ParameterVector("x", 1)
    made = QuantumCircuit(n)
    made.ry(2 * x[0] + theta[0], 0)
    made.rzz(theta[1], 0, n - 1)
    made.ecr(0, 1)
    made.barrier()
    made.cx(1, 0)
    return made


def test_round_trip(tmp_path):
    path = qasm.write(circuit(), tmp_path / "c.qasm")
    again = qasm.read(path)
    assert again.num_qubits == 3
    numbers = [0.3, -1.2, 0.8]
    states = []
    for one in (circuit(), again):
        order = sorted(one.parameters, key=lambda p: p.name.replace("_", "").replace("theta", "θ"))
        states.append(Statevector(one.assign_parameters(dict(zip(order, numbers, strict=True)))).data)
    assert abs(np.vdot(*states)) == pytest.approx(1, abs=1e-9)


def test_measurements_are_allowed(tmp_path):
    made = circuit()
    made.measure_all()
    assert qasm.read(qasm.write(made, tmp_path / "c.qasm")).num_qubits == 3


def test_twenty_qubits_and_no_more(tmp_path):
    assert qasm.read(qasm.write(circuit(20), tmp_path / "c.qasm")).num_qubits == 20
    with pytest.raises(UnsupportedCircuit, match="has 21 qubits, expected 1 to 20"):
        qasm.write(circuit(21), tmp_path / "d.qasm")
    with pytest.raises(UnsupportedCircuit, match="x: the circuit has 21 qubits, expected 1 to 20: use fewer"):
        qasm.parse(HEAD + "qubit[21] q;\nh q[0];\n", "x")
    with pytest.raises(UnsupportedCircuit, match="has 21 qubits"):
        qasm.parse(HEAD + "qubit[11] a;\nqubit[10] b;\nh a[0];\n")


@pytest.mark.parametrize("text, reason", [
    ("", "expected OpenQASM 3 text"),
    ("OPENQASM 2.0;\nqreg q[2];\n", "expected OpenQASM 3 text"),
    (HEAD + "qubit[2] q;\nh q[0]", "ends in 'h q.0.'"),
    (HEAD + "qubit[2] q;\nfoo q[0];\n", "'foo q.0.' is not accepted"),
    (HEAD + "qubit[2] q;\nreset q[0];\n", "'reset q.0.' is not accepted"),
    (HEAD + 'include "/etc/passwd";\n', "is not accepted"),
    (HEAD + "qubit[2] q;\nfor int i in [0:1000000] { h q[0]; }\n", "not accepted|ends in"),
    (HEAD + "qubit[2] q;\nwhile (true) { h q[0]; }\n", "not accepted|ends in"),
    (HEAD + "gate g a { h a; }\n", "not accepted|ends in"),
    (HEAD + "qubit[2] q;\nrx(" + "(" * 50 + "1" + ")" * 50 + ") q[0];\n", "is not accepted"),
    (HEAD + "qubit[2] q;\nrx(1 q[0];\n", "not a circuit in OpenQASM 3|is not accepted"),
    (HEAD + "qubit[2] q;\nh q[7];\n", "not a circuit in OpenQASM 3"),
    (HEAD + "qubit[2] q;\ncx q[0];\n", "not a circuit in OpenQASM 3"),
    (HEAD + "qubit[2] q;\nrx(unknown) q[0];\n", "not a circuit in OpenQASM 3"),
    (HEAD + "h q[0];\n", "not a circuit in OpenQASM 3"),
    (HEAD, "has 0 qubits"),
])
def test_what_is_not_such_a_circuit_is_refused(text, reason):
    with pytest.raises(UnsupportedCircuit, match=reason) as error:
        qasm.parse(text)
    assert "\n" not in str(error.value)


def test_reading_a_long_file_takes_bounded_time(tmp_path):
    head = HEAD + "qubit[20] q;\n"
    with pytest.raises(UnsupportedCircuit, match="statements, expected at most 5000"):
        qasm.parse(head + "h q[0];\n" * 10_000)
    (tmp_path / "c.qasm").write_text(head + "h q[0];\n" * 100_000)
    with pytest.raises(SubmissionError, match="more than 200000 bytes"):
        qasm.read(tmp_path / "c.qasm")
    start = time.process_time()
    longest = head + "rx(" + "1+" * 9 + "1) q[0];\n"
    qasm.parse(longest + "cx q[0], q[1];\n" * 1000)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("sums, accepted", [
    ("{0}+{0}", False), ("{0}-{0}", False), ("({0})/2+({0})/2", False), ("sin({0})+sin({0})", False),
    ("2*(pi-p0)*(pi-p1)+2*(pi-p1)*(pi-p2)", True), ("+".join(["p0*p1"] * 50), True),
])  # fmt: skip
def test_products_of_sums_are_bounded(sums, accepted):
    head = HEAD + "qubit q; input float p0; input float p1; input float p2;"
    product = "*".join(["(p0+p1)"] * 6)  # qiskit multiplies out what it adds: two of these take hours
    for gate in ("rx({}) q;", "gphase({});gphase({});"):
        text = head + gate.replace("{}", sums.format(product))
        if accepted:
            assert qasm.parse(text).num_qubits == 1
        else:
            with pytest.raises(UnsupportedCircuit, match="more than 16 terms"):
                qasm.parse(text)


def test_files_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "c.qasm").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnsupportedCircuit, match="not UTF-8 text"):
        qasm.read(tmp_path / "c.qasm")
    (tmp_path / "link.qasm").symlink_to(tmp_path / "c.qasm")
    with pytest.raises(SubmissionError, match="a link"):
        qasm.read(tmp_path / "link.qasm")


def test_a_submission_is_scored_with_its_circuit(tmp_path):
    task = registry()["QuantumML"].task("quantum")
    path = task.submission.write(tmp_path, [3.0, -1.0, 2.0, -5.0])
    assert path.name == "quantum_predictions.csv"
    truth = np.array([0, 1, 0, 1])
    with pytest.raises(SubmissionError, match="quantum_circuit.qasm: no such file"):
        task.score(truth, path)
    qasm.write(circuit(), tmp_path / "quantum_circuit.qasm")
    assert task.score(truth, path) == {"AUC": 1.0, "accuracy": 1.0}
    (tmp_path / "quantum_circuit.qasm").write_text(HEAD + "qubit[21] q;\nh q[0];\n")
    with pytest.raises(SubmissionError, match="has 21 qubits"):
        task.score(truth, path)


def test_a_classical_submission_needs_no_circuit(tmp_path):
    task = registry()["QuantumML"].task("classical")
    path = task.submission.write(tmp_path, [3.0, -1.0, 2.0, -5.0])
    assert task.score(np.array([1, 0, 1, 0]), path)["AUC"] == 0.0
