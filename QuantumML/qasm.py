"""Quantum circuits as OpenQASM 3 text, the way they are handed in.

A submitted file is a stranger's text. Only a narrow subset of the language is accepted, line by line, before qiskit's
parser sees it: declarations of qubits, bits and angles, the gates of `stdgates.inc`, measurements and barriers. No
loops, no includes of other files, no definitions; so that reading takes time in proportion to the length of the file.

Source of the language: Cross et al., ACM Trans. Quantum Comput. 3 (2022) 12, arXiv:2104.14722.
"""

import re
from pathlib import Path

from common.challenge import read_regular_file
from common.files import atomic_write
from QuantumML.challenge import CIRCUIT_BYTES as MAX_BYTES
from QuantumML.quantum import MAX_QUBITS, UnsupportedCircuit, check_qubits

MAX_STATEMENTS = 5000
MAX_NESTING = 8
GATES = (
    "id x y z h s sdg t tdg sx rx ry rz p phase u1 u2 u3 U u cx CX cy cz ch cp cphase crx cry crz cu swap ccx cswap"
).split()

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,40}"
_PLACE = rf"{_NAME}(\[\d{{1,4}}\])?"
_PLACES = rf"{_PLACE}(\s*,\s*{_PLACE}){{0,30}}"
_ANGLES = r"\([A-Za-z0-9_+\-*/.,()\s]{1,400}\)"
STATEMENTS = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"OPENQASM 3(\.\d)?",
        r'include "stdgates\.inc"',
        rf"input (float|angle)(\[\d{{1,2}}\])? {_NAME}",
        rf"(qubit|bit)(\[\d{{1,4}}\])? {_NAME}",
        rf"barrier( {_PLACES})?",
        rf"{_PLACE} = measure {_PLACE}",
        rf"measure {_PLACE}",
        rf"({'|'.join(GATES)})\s*({_ANGLES})?\s+{_PLACES}",
    )
)


def write(circuit, path):
    """Write a circuit to a file, its gates taken apart into those of `stdgates.inc`. Returns the path.

    Raises
    ------
    UnsupportedCircuit
        More than 20 qubits, or a gate that cannot be taken apart.
    """
    from qiskit import qasm3, transpile

    check_qubits(circuit)
    basis = [g for g in GATES if g not in ("U", "CX", "phase", "cphase")]
    text = qasm3.dumps(transpile(circuit, basis_gates=basis, optimization_level=0))
    # Names of parameters must be ASCII here, and these are the usual ones that are not.
    text = text.translate(str.maketrans({"θ": "theta", "φ": "phi", "λ": "lam"}))
    check_text(text, Path(path).name)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return Path(path)


def read(path):
    """The circuit in a file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    qiskit.QuantumCircuit, of at most 20 qubits

    Raises
    ------
    SubmissionError
        No such file, a link, or too long.
    UnsupportedCircuit
        Not UTF-8 text, not the subset of OpenQASM 3 that is accepted, or too many qubits.
    """
    path = Path(path)
    try:
        text = read_regular_file(path, MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnsupportedCircuit(f"{path.name}: not UTF-8 text (byte {error.start})") from error
    return parse(text, path.name)


def parse(text, name="circuit"):
    """The circuit in a text; parameters and errors as for read()."""
    check_text(text, name)
    from qiskit import qasm3

    try:
        circuit = qasm3.loads(text)
    except Exception as error:  # the parser has kinds of its own, and lets some of Python's through
        reason = " ".join(str(error).split())[:200]
        raise UnsupportedCircuit(f"{name}: not a circuit in OpenQASM 3: {reason}") from error
    try:
        return check_qubits(circuit)
    except UnsupportedCircuit as error:
        raise UnsupportedCircuit(f"{name}: {error}") from error


def check_text(text, name):
    """Raise UnsupportedCircuit unless each statement is one of those that are accepted."""
    if len(text) > MAX_BYTES:
        raise UnsupportedCircuit(f"{name}: more than {MAX_BYTES} characters")
    lines = [line.partition("//")[0] for line in text.splitlines()]
    *statements, rest = (" ".join(part.split()) for part in "\n".join(lines).split(";"))
    if rest:
        raise UnsupportedCircuit(f"{name}: ends in {rest[:60]!r}, expected statements that end in ';'")
    if len(statements) > MAX_STATEMENTS:
        raise UnsupportedCircuit(f"{name}: {len(statements)} statements, expected at most {MAX_STATEMENTS}")
    if not statements or not STATEMENTS[0].fullmatch(statements[0]):
        raise UnsupportedCircuit(f"{name}: expected OpenQASM 3 text whose first statement is 'OPENQASM 3.0;'")
    qubits = 0
    for statement in statements:
        if not any(pattern.fullmatch(statement) for pattern in STATEMENTS) or _nesting(statement) > MAX_NESTING:
            raise UnsupportedCircuit(
                f"{name}: {statement[:60]!r} is not accepted; expected declarations of qubits, bits and input floats, "
                f"barriers, measurements, and the gates {', '.join(GATES)}"
            )
        if declared := re.match(r"qubit(?:\[(\d+)\])?", statement):
            qubits += int(declared[1] or 1)
    if qubits > MAX_QUBITS:
        raise UnsupportedCircuit(f"{name}: the circuit has {qubits} qubits, expected 1 to {MAX_QUBITS}: use fewer")


def _nesting(statement):
    """How deep the brackets of a statement are nested."""
    depth = deepest = 0
    for character in statement:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest
