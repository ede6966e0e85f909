"""Circuits that are handed in: written, read back, executed on jets, and never trusted."""

import json
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, qasm3
from qiskit.circuit import Parameter, ParameterVector
from qiskit.quantum_info import Operator, Statevector
from sklearn.metrics import roc_auc_score

from common.challenge import SubmissionError, registry
from QuantumML import circuits, data, handin, observables, qasm
from QuantumML.challenge import BOARD_GATES, UnsupportedCircuit

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


def test_a_classical_submission_needs_no_circuit(tmp_path):
    task = registry()["QuantumML"].task("classical")
    path = task.submission.write(tmp_path, [3.0, -1.0, 2.0, -5.0])
    assert task.score(np.array([1, 0, 1, 0]), path)["AUC"] == 0.0


# --------------------------------------------------------------------------------------------------
# What write() makes, read() takes


def rotated(*angles):
    made = QuantumCircuit(1)
    for angle in angles:
        made.rx(angle, 0)
    return made


@pytest.mark.parametrize("names, expected", [
    (["γ"], ["gamma"]), (["ω_1"], ["omega_1"]), (["Δt"], ["Deltat"]), (["λ"], ["lambda"]), (["ϑ"], ["theta"]),
    (["θ₁"], ["theta1"]), (["é"], ["e"]), (["角"], ["u89d2"]), (["a" * 45], ["a" * 32]), (["2x"], ["p_2x"]),
    (["θ", "theta", "Θ"], ["Theta", "theta", "theta_2"]), (["a" * 40, "a" * 41], ["a" * 32, "a" * 32 + "_2"]),
])
def test_parameters_get_ascii_names_of_their_own(tmp_path, names, expected):
    made = rotated(*map(Parameter, names))
    again = qasm.read(qasm.write(made, tmp_path / "c.qasm"))
    assert sorted(p.name for p in again.parameters) == sorted(expected)


def test_names_of_gates_and_constants_are_no_names_of_parameters(tmp_path):
    for name in ("x", "pi", "h", "if", "input", "-"):
        assert len(qasm.read(qasm.write(rotated(Parameter(name)), tmp_path / "c.qasm")).parameters) == 1


A, B = Parameter("α"), Parameter("β")


@pytest.mark.parametrize("angle", [
    A.arctan(), A.arcsin(), A.arccos(), A.tan(), A.exp(), A.log(), abs(A), A**2, -(A**2), (-A) ** 2, 2**A, A**-0.5,
    A**B,
    (A + B).sin() / (1 + B) ** 2, 1e-17 * A, A - 1e-5, A / 3 - B * 0.1,
])
def test_functions_and_powers_work_in_both(tmp_path, angle):
    again = qasm.read(qasm.write(rotated(angle), tmp_path / "c.qasm"))
    values = {"alpha": 0.3, "beta": 0.7}
    found = again.assign_parameters({p: values[p.name] for p in again.parameters}).data[0].operation.params[0]
    assert float(found) == pytest.approx(float(angle.bind({p: {A: 0.3, B: 0.7}[p] for p in angle.parameters})))


@pytest.mark.parametrize("made, reason", [
    (rotated(A.sign()), "the function sign is not accepted, expected sin, cos"), (rotated(np.nan), "cannot be written"),
    (QuantumCircuit(0), "has 0 qubits"), (QuantumCircuit(1, 1001), "1001 bits, expected at most 1000"),
])
def test_what_could_not_be_read_is_not_written(tmp_path, made, reason):
    with pytest.raises(UnsupportedCircuit, match=reason):
        qasm.write(made, tmp_path / "c.qasm")
    assert not (tmp_path / "c.qasm").exists()


def test_registers_phases_and_folders(tmp_path):
    first, second, bits = QuantumRegister(2, "α"), QuantumRegister(1, "x"), ClassicalRegister(2, "Ω")
    made = QuantumCircuit(first, second, bits, global_phase=0.3)
    made.cx(first[0], second[0])
    made.measure(first, bits)
    again = qasm.read(qasm.write(made, tmp_path / "my_folder"))
    assert (tmp_path / "my_folder" / "quantum_circuit.qasm").exists()
    assert (again.num_qubits, again.num_clbits, again.size()) == (3, 2, 3)


def test_it_reads_what_the_reader_of_qiskit_reads(tmp_path):
    rng = np.random.default_rng(1)
    made = QuantumCircuit(3)
    for name in ("h", "s", "sdg", "t", "tdg", "sx", "x", "y", "z", "id"):
        getattr(made, name)(rng.integers(3))
    for name, count in {"rx": 1, "ry": 1, "rz": 1, "p": 1, "u": 3}.items():
        getattr(made, name)(*rng.normal(size=count), rng.integers(3))
    two = {"cx": 0, "cy": 0, "cz": 0, "ch": 0, "swap": 0, "cp": 1, "crx": 1, "cry": 1, "crz": 1, "cu": 4}
    for name, count in two.items():
        getattr(made, name)(*rng.normal(size=count), *map(int, rng.permutation(3)[:2]))
    made.ccx(0, 1, 2)
    made.cswap(2, 0, 1)
    text = qasm.write(made, tmp_path / "c.qasm").read_text()
    assert Operator(qasm.parse(text)).equiv(Operator(made))
    text += "gphase(-pi/2); U(1, 2.0/3, .5e0) q[0]; cphase(-2*-pi/3) q[0], q[1]; u1(1) q; swap q[0], q[2];"
    assert Operator(qasm.parse(text)).equiv(Operator(qasm3.loads(text)))  # but for the global phase


# --------------------------------------------------------------------------------------------------
# What is in files that people have, and in files that mean harm


@pytest.mark.parametrize("text", [
    "\ufeff" + HEAD + "qubit[1] q;\nh q[0];\n", HEAD + "qubit [ 1 ] q;\nh\n q [0\n];\n",
    "/* mine; // ** /* \n */ // first\n" + HEAD + "qubit[1] q; /**/ h /* here */ q[0]; // \"\n",
    (HEAD + "// a ; comment\nqubit[1] q;\nh q[0];\n").replace("\n", "\r\n"),
    (HEAD + "// a ; comment\nqubit[1] q;\nh q[0];\n").replace("\n", "\r"),
])
def test_marks_and_comments_are_skipped(tmp_path, text):
    (tmp_path / "c.qasm").write_bytes(text.encode())
    assert qasm.read(tmp_path / "c.qasm").size() == 1


@pytest.mark.parametrize("text, reason", [
    (HEAD + "qubit q; /* open h q;", "does not end in"),
    (HEAD + "qubit q; /* a /* b */ h */ q;", "not accepted|ends in"),
    (HEAD + 'include "/* */stdgates.inc";', "is not accepted"),
    (HEAD + "qubit q;" + "bit[9999] b;" * 900, "8999100 bits, expected at most 1000"),
    (HEAD + "qubit[9999] q;", "9999 qubits"), (HEAD + "qubit q;" + "bit[0] b;" * 1001, "1001 bits"),
    (HEAD + "qubit[2] q; qubit q;", "the name q is in use"), (HEAD + "qubit q; cx q[0], q[0];", "duplicate"),
    (HEAD + "qubit q; rx(1/0) q;", "not a circuit"), (HEAD + "qubit q; rx(1e999) q;", "an angle is inf"),
    (HEAD + "qubit q; rx((-1)**0.5) q;", "root of a negative"), (HEAD + "qubit q; rx(log(-1)) q;", "not a circuit"),
    (HEAD + "qubit q; rx(1, 2) q;", "2 angles, expected 1"),
    (HEAD + "qubit q; rx(1" + "+1" * 600 + ") q;", "at most 1000"),
    (HEAD + "qubit q; rx(__import__(1)) q;", "the function __import__ is not accepted"),
])
def test_harm_is_refused(text, reason):
    with pytest.raises(UnsupportedCircuit, match=reason) as error:
        qasm.parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("part", [
    "rx(" + "v+" * 480 + "v) q;", "rx(" + "-" * 980 + "v) q;", "u(v,v**v,1) q;", "rx(" + "9**" * 300 + "1) q;",
    "/*", '"', "h q;", "barrier q;", "rx(" + "(v+v)*" * 160 + "v) q;",
])
def test_any_text_takes_bounded_time(part):
    text = HEAD + "qubit[20] q; input float v;"
    text += part * min(4990, (qasm.MAX_BYTES - len(text)) // len(part))
    start = time.process_time()
    try:
        qasm.parse(text)
    except UnsupportedCircuit as error:
        assert str(error)
    assert time.process_time() - start < 10


# --------------------------------------------------------------------------------------------------
# A circuit is executed, and its own output is the score

TASK = registry()["QuantumML"].task("quantum")
INPUTS = HEAD + "input float x_0; input float x_1; bit[3] c; qubit[3] q;\n"
ENCODING = {"rings": [1, 3], "power": 0.5, "turns": [0.3, 0.2]}


@pytest.fixture(scope="module")
def jets():
    return data.load("test", 300)


def folder_of(place, text, encoding=ENCODING):
    (place / "quantum_circuit.qasm").write_text(text)
    (place / "quantum_encoding.json").write_text(encoding if isinstance(encoding, str) else json.dumps(encoding))
    return place


@pytest.mark.parametrize("circuit", [circuits.autoencoder(reupload=True), circuits.conserving()])
def test_the_score_is_the_auc_of_the_trained_circuit(tmp_path, jets, circuit):
    detector = circuits.QuantumAutoencoder(circuit, steps=3).fit(data.load("train", 300))
    folder = TASK.submission.write(tmp_path / "mine", detector)
    assert sorted(path.name for path in folder.iterdir()) == ["quantum_circuit.qasm", "quantum_encoding.json"]
    score = detector.score(jets.X)
    np.testing.assert_allclose(TASK.read(folder, 300, jets.X), score, atol=1e-6)
    found = TASK.score(jets.y, folder, jets.X)
    assert found["AUC"] == pytest.approx(roc_auc_score(jets.y == 0, score), abs=1e-4)
    TASK.submission.predictions.write(folder, score)
    assert TASK.score(jets.y, folder, jets.X) == found
    TASK.submission.predictions.write(folder, score + 0.01 * (np.arange(300) == 7))
    with pytest.raises(SubmissionError, match="row 8 is .*, but the circuit makes .* leave .*csv out"):
        TASK.score(jets.y, folder, jets.X)


@pytest.mark.parametrize("gates", ["rx(0) q[0];", "h q; cx q[0], q[1]; rz(1) q[1]; ry(0.1234) q[1];", "x q; t q[2];"])
def test_a_circuit_that_looks_at_no_jet_guesses(tmp_path, jets, gates):
    folder = folder_of(tmp_path, f"{INPUTS}{gates} ry(x_0) q[1]; c[0] = measure q[0];")
    assert len(set(TASK.read(folder, 300, jets.X))) == 1
    assert TASK.score(jets.y, folder, jets.X)["AUC"] == 0.5


def test_the_sample_guesses(tmp_path, jets):
    folder = TASK.submission.sample(tmp_path / "sample", 300)
    assert set(TASK.read(folder, 300, jets.X)) == {0.5}


def test_other_features_are_not_handed_in(tmp_path):
    detector = circuits.QuantumAutoencoder(circuits.autoencoder(8, 1), observables.ring_counts, steps=1)
    detector.fit(data.load("train", 100))
    with pytest.raises(SubmissionError, match="no circuits.Rings: the scorer computes sums over rings, no others"):
        TASK.submission.write(tmp_path, detector)


ALL_GATES = [gate for gate in qasm.GATES if gate not in ("u2", "u3", "u1")]
ANGLES_OF = {"rx": 1, "ry": 1, "rz": 1, "p": 1, "phase": 1, "U": 3, "u": 3, "cp": 1, "cphase": 1, "crx": 1, "cry": 1,
             "crz": 1, "cu": 4}  # fmt: skip


def random_program(rng, n_gates):
    """Text of gates of all kinds on three qubits, some of which depend on inputs."""
    lines = []
    for _ in range(n_gates):
        name = rng.choice(ALL_GATES)
        angles = [f"{rng.uniform(-2, 2):.3f}*x_{rng.randrange(2)}/3+x_1-{rng.uniform(0, 9):.3f}" if rng.random() < 0.5
                  else f"{rng.uniform(-7, 7):.4f}" for _ in range(ANGLES_OF.get(name, 0))]  # fmt: skip
        n = 3 if name in ("ccx", "cswap") else 2 if name[0] in "cC" or name == "swap" else 1
        places = ", ".join(f"q[{k}]" for k in rng.sample(range(3), n))
        lines.append(name + f"({', '.join(angles)})" * bool(angles) + f" {places};")
    return INPUTS + "\n".join(lines)


@pytest.mark.parametrize("seed", range(6))
def test_every_gate_is_executed_as_qiskit_executes_it(seed):
    rng = random.Random(seed)
    text = random_program(rng, 40)
    x = np.random.default_rng(seed).uniform(0, np.pi, (3, 2))
    circuit = qasm.parse(text + "c[0] = measure q[2]; c[1] = measure q[0];")
    pure = qasm.parse(text)
    for row, score in zip(x, handin.scores(circuit, x), strict=True):
        values = {p: row[int(p.name[-1])] for p in pure.parameters}
        state = Statevector(pure.assign_parameters(values))
        assert score == pytest.approx((state.probabilities([0])[1] + state.probabilities([2])[1]) / 2, abs=1e-8)


@pytest.mark.parametrize("text, reason", [
    (INPUTS + "ry(x_0) q[0];", "nothing is measured"),
    (INPUTS + "c = measure q; ry(x_0) q[0];", "a gate ry acts on a qubit that was measured: measure last"),
    (INPUTS + "input float w_1; ry(w_1) q[0]; c = measure q;", "the input w_1 is not encoded, expected x_0 to x_1"),
    (INPUTS + "input float x_2; ry(x_2) q[0]; c = measure q;", "the input x_2 is not encoded"),
    (INPUTS + "ry(x_0*x_1) q[0]; c = measure q;", "is not linear in"),
    (INPUTS + "ry(sin(x_0)) q[0]; c = measure q;", "is not linear in"),
    (INPUTS + "ry(abs(x_0)) q[0]; c = measure q;", "is not linear in"),
    (INPUTS + "ry(1/x_0) q[0]; c = measure q;", "is not linear in"),
    (INPUTS + "ry(x_0**x_1) q[0]; c = measure q;", "is not linear in"),
    (INPUTS + "ry(1e308*x_0*9) q[0]; c = measure q;", "too large|an angle"),
    (HEAD + "bit c; qubit[13] q; c = measure q[0];", "has 13 qubits, the scorer executes at most 12"),
    (HEAD + f"bit c; qubit[12] q; {'h q[0];' * (BOARD_GATES // 4096 + 1)} c = measure q[0];", "more than 97 gates"),
    (HEAD + "bit c; qubit[20] q; h q; c = measure q[0];", "has 20 qubits"),
])  # fmt: skip
def test_what_the_scorer_does_not_execute(tmp_path, jets, text, reason):
    with pytest.raises(SubmissionError, match=reason) as error:
        TASK.read(folder_of(tmp_path, text), 300, jets.X)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("encoding, reason", [
    ("", "not an encoding"), ("[" * 9000, "not an encoding"), ("[]", "expected {"), ('{"rings": [1]}', "expected {"),
    ('{"rings": 1, "power": 0, "turns": 1}', "are lists of numbers"), ("{" * 20_000, "more than 10000 bytes"),
    (ENCODING | {"power": "0"}, "numbers from 0 to 1000"), (ENCODING | {"power": float("nan")}, "numbers from 0"),
    (ENCODING | {"power": True}, "numbers from 0"), (ENCODING | {"turns": [1, -1]}, "numbers from 0"),
    (ENCODING | {"rings": [1, [2]]}, "numbers from 0"), (ENCODING | {"rings": [3, 3]}, "farther out"),
    (ENCODING | {"turns": [1]}, "2 rings and 1 turns"),
    (json.dumps(ENCODING).replace("0.5", "9" * 5000), "numbers from"),
    ({"rings": [*range(31)], "power": 0, "turns": [1] * 31}, "expected 1 to 30"),
])  # fmt: skip
def test_what_is_no_encoding(tmp_path, jets, encoding, reason):
    folder = folder_of(tmp_path, INPUTS + "ry(x_0) q[0]; c = measure q;", encoding)
    with pytest.raises(SubmissionError, match=reason) as error:
        TASK.read(folder, 300, jets.X)
    assert "\n" not in str(error.value)


def test_a_circuit_and_an_encoding_are_needed(tmp_path, jets):
    TASK.submission.predictions.write(tmp_path, np.zeros(300))
    with pytest.raises(SubmissionError, match="quantum_encoding.json: no such file"):
        TASK.read(tmp_path, 300, jets.X)
    (tmp_path / "quantum_encoding.json").write_text(json.dumps(ENCODING))
    with pytest.raises(SubmissionError, match="quantum_circuit.qasm: no such file"):
        TASK.read(tmp_path, 300, jets.X)


def test_damaged_texts_are_scored_or_refused_in_one_line():
    """Pieces of a sound text are dropped, doubled and exchanged, and harm is put between them."""
    rng, x, kinds = random.Random(0), np.full((2, 2), 0.4), set()
    harm = ["x_0", "**", "(", ")", "1e308", "-", "/0", "tan", "q[2]", ",", ";", "gate a b {", "c = measure q;",
            "bit d;", "log(", "x_1/x_0", "inf", "\x00", "é", "0x1", "barrier;", "h q;", "-1"]  # fmt: skip
    for _ in range(400):
        pieces = random_program(rng, 6).split(" ") + ["c = measure q;"]
        for _ in range(rng.randrange(4)):
            at = rng.randrange(len(pieces))
            new = rng.choice([*harm, *pieces])
            pieces[at] = rng.choice(["", pieces[at] * 2, new, new + pieces[at]])
        try:
            found = handin.scores(qasm.parse(" ".join(pieces)), x)
            assert ((found >= 0) & (found <= 1)).all()
            kinds.add("scored")
        except ValueError as error:
            assert "\n" not in str(error)
            kinds.add("refused")
    assert kinds == {"scored", "refused"}


def test_the_scorer_needs_no_torch():
    """The image of Codabench has none."""
    code = "import sys; from QuantumML import handin, qasm; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
