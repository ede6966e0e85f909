"""Quantum circuits as OpenQASM 3 text, the way they are handed in.

A submitted file is a stranger's text. Only a narrow subset of the language is read, statement by statement:
declarations of qubits, bits and angles, the gates of `stdgates.inc`, measurements and barriers. No loops, no includes
of other files, no definitions; so that reading takes time and memory in proportion to the length of the file.

Source of the language: Cross et al., ACM Trans. Quantum Comput. 3 (2022) 12, arXiv:2104.14722.
"""

import math
import re
import unicodedata
from functools import cache
from pathlib import Path

from common.challenge import output_path, read_regular_file
from common.files import atomic_write
from QuantumML.challenge import CIRCUIT_BYTES as MAX_BYTES
from QuantumML.challenge import CIRCUIT_NAME, MAX_QUBITS, UnsupportedCircuit, check_qubits

MAX_STATEMENTS = 5000
MAX_LENGTH = 1000  # characters of a statement
MAX_NESTING = 8
MAX_BITS = 1000
MAX_TERMS = 16  # of a product of sums, multiplied out
MAX_NAME = 32  # characters of a name that write() makes
GATES = (
    "id x y z h s sdg t tdg sx rx ry rz p phase u1 u2 u3 U u cx CX cy cz ch cp cphase crx cry crz cu swap ccx cswap"
).split()
OTHER_NAMES = {"phase": "p", "cphase": "cp", "CX": "cx", "U": "u"}  # of the same gates
CONSTANTS = {"pi": math.pi, "tau": math.tau, "euler": math.e}
# Functions by the names that OpenQASM and qiskit give them, as the methods of qiskit's parameters
FUNCTIONS = {name: name for name in ("sin", "cos", "tan", "exp", "log", "abs")}
FUNCTIONS |= {short + name: f"arc{name}" for name in ("sin", "cos", "tan") for short in ("a", "arc")}

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,40}"
_PLACE = rf"{_NAME}(?:\[\d{{1,4}}\])?"
_PLACES = rf"({_PLACE}(?:\s*,\s*{_PLACE}){{0,30}})"
_ANGLES = r"\(([A-Za-z0-9_+\-*/.,()\s]+)\)"
STATEMENTS = {
    kind: re.compile(pattern, re.ASCII)
    for kind, pattern in {
        "version": r"OPENQASM 3(?:\.\d)?",
        "include": r'include "stdgates\.inc"',
        "angle": rf"input (?:float|angle)(?:\[\d{{1,2}}\])? ({_NAME})",
        "qubits": rf"qubit(?:\[(\d{{1,4}})\])? ({_NAME})",
        "bits": rf"bit(?:\[(\d{{1,4}})\])? ({_NAME})",
        "barrier": rf"barrier(?: {_PLACES})?",
        "measure": rf"({_PLACE}) ?= ?measure ({_PLACE})",
        "phase": rf"gphase\s*{_ANGLES}",
        "gate": rf"({'|'.join(GATES)})\s*(?:{_ANGLES})?\s+{_PLACES}",
    }.items()
}
_TOKEN = re.compile(r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|[A-Za-z_]\w*|\*\*|[-+*/(),])", re.ASCII)
_BLANKS = re.compile(r" ?(\[) ?| (?=\])")  # beside the brackets of a number
# Comments end where their line or */ does; what stands in quotes is none
_COMMENT = re.compile(r'"[^"\r\n]*"|//[^\r\n]*|/\*.*?(\*/|\Z)', re.DOTALL)


# --------------------------------------------------------------------------------------------------
# Writing


def write(circuit, path):
    """Write a circuit into a folder under the name that is asked for, or to a file; `read` takes what is written.

    Gates are taken apart into those of `stdgates.inc`, qubits and bits are numbered through, and parameters get names
    of ASCII letters: theta for θ. A global phase, which nobody can measure, is left out.

    Parameters
    ----------
    circuit : qiskit.QuantumCircuit
    path : path-like
        A path that ends in .qasm is a file; any other is a folder, which is made.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    UnsupportedCircuit
        More than 20 qubits, a gate that cannot be taken apart, or anything else that `read` refuses.
    """
    from qiskit import qasm3, transpile
    from qiskit.exceptions import QiskitError

    check_qubits(circuit)
    path = output_path(path, CIRCUIT_NAME)
    basis = [gate for gate in GATES if gate not in ("U", *OTHER_NAMES)]
    try:
        text = qasm3.dumps(_plain(transpile(circuit, basis_gates=basis, optimization_level=0)))
    except (QiskitError, ArithmeticError, ValueError) as error:
        raise UnsupportedCircuit(f"{path.name}: cannot be written: {_line(error)}") from error
    parse(text, path.name)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _plain(circuit):
    """The circuit with one register of qubits, one of bits, and parameters whose names are ASCII."""
    from qiskit import QuantumCircuit
    from qiskit.circuit import Parameter

    plain = QuantumCircuit(*filter(None, (circuit.num_qubits, circuit.num_clbits)))
    plain.compose(circuit, plain.qubits, plain.clbits, inplace=True)
    plain.global_phase = 0
    names = ascii_names([parameter.name for parameter in plain.parameters])
    return plain.assign_parameters({p: Parameter(names[p.name]) for p in plain.parameters})


def ascii_names(names):
    """Names of ASCII letters, digits and _ for names of any letters, no two of them the same: {old: new}.

    Greek letters get their English names, others lose their accents or become their number; long names are cut.
    """
    plain = {}
    for name in sorted(names, key=lambda name: (_ascii(name) != name, name)):  # those that may stay go first
        stem = new = _ascii(name)
        count = 1
        while new in plain.values():
            count += 1
            new = f"{stem}_{count}"
        plain[name] = new
    return plain


def _ascii(name):
    letters = []
    for letter in unicodedata.normalize("NFKD", name):
        words = unicodedata.name(letter, "").split()
        if letter.isascii():
            letters.append(letter if letter.isalnum() else "_")
        elif words[:1] == ["GREEK"] and words[2:3] == ["LETTER"]:
            greek = {"LAMDA": "LAMBDA"}.get(words[-1], words[-1])  # Unicode spells it so
            letters.append(greek.capitalize() if words[1] == "CAPITAL" else greek.lower())
        elif not unicodedata.combining(letter):
            letters.append(f"u{ord(letter):x}")
    plain = "".join(letters).rstrip("_")[:MAX_NAME]
    return plain if re.match("[A-Za-z_]", plain) else f"p_{plain}"


# --------------------------------------------------------------------------------------------------
# Reading


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
        Not UTF-8 text, not the subset of OpenQASM 3 that is accepted, or too many qubits or bits.
    """
    path = Path(path)
    try:
        text = read_regular_file(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsupportedCircuit(f"{path.name}: not UTF-8 text (byte {error.start})") from error
    return parse(text, path.name)


def parse(text, name="circuit"):
    """The circuit in a text; returns and errors as for read()."""
    statements = _statements(text, name)
    from qiskit.exceptions import QiskitError

    reader = _Reader()
    for statement, kind, groups in statements:
        try:
            getattr(reader, kind)(*groups)
        except (QiskitError, ArithmeticError, ValueError, TypeError) as error:  # TypeError: an infinite number
            reason = f"{statement[:60]!r}: {_line(error)}"
            raise UnsupportedCircuit(f"{name}: not a circuit in OpenQASM 3: {reason}") from error
    try:
        return check_qubits(reader.circuit)
    except UnsupportedCircuit as error:
        raise UnsupportedCircuit(f"{name}: {error}") from error


def _statements(text, name):
    """The statements of a text: (statement, kind, groups of its pattern). Their number and all sizes are bounded."""
    if len(text) > MAX_BYTES:
        raise UnsupportedCircuit(f"{name}: more than {MAX_BYTES} characters")
    text = _BLANKS.sub(r"\1", " ".join(_without_comments(text, name).split()))
    *statements, rest = (part.strip() for part in text.split(";"))
    if rest:
        raise UnsupportedCircuit(f"{name}: ends in {rest[:60]!r}, expected statements that end in ';'")
    if len(statements) > MAX_STATEMENTS:
        raise UnsupportedCircuit(f"{name}: {len(statements)} statements, expected at most {MAX_STATEMENTS}")
    if not statements or not STATEMENTS["version"].fullmatch(statements[0]):
        raise UnsupportedCircuit(f"{name}: expected OpenQASM 3 text whose first statement is 'OPENQASM 3.0;'")
    matched = [(statement, *_match(statement, name)) for statement in statements]
    qubits, bits = (sum(max(int(groups[0] or 1), 1) for _, kind, groups in matched if kind == which)
                    for which in ("qubits", "bits"))  # fmt: skip
    if qubits > MAX_QUBITS:
        raise UnsupportedCircuit(f"{name}: the circuit has {qubits} qubits, expected 1 to {MAX_QUBITS}: use fewer")
    if bits > MAX_BITS:
        raise UnsupportedCircuit(f"{name}: the circuit has {bits} bits, expected at most {MAX_BITS}")
    return matched


def _without_comments(text, name):
    def blank(match):
        if match[0].startswith("/*") and not match[1]:
            raise UnsupportedCircuit(f"{name}: a comment that begins with /* does not end in */")
        return match[0] if match[0].startswith('"') else " "

    return _COMMENT.sub(blank, text)


def _match(statement, name):
    """Kind and groups of a statement."""
    if len(statement) > MAX_LENGTH or _nesting(statement) > MAX_NESTING:
        raise UnsupportedCircuit(
            f"{name}: {statement[:60]!r} is not accepted: expected at most {MAX_LENGTH} characters, "
            f"and {MAX_NESTING} brackets in each other"
        )
    for kind, pattern in STATEMENTS.items():
        if match := pattern.fullmatch(statement):
            return kind, match.groups()
    raise UnsupportedCircuit(
        f"{name}: {statement[:60]!r} is not accepted; expected declarations of qubits, bits and input floats, "
        f"barriers, measurements, and the gates {', '.join(GATES)}. QuantumML.qasm.write takes others apart"
    )


def _nesting(statement):
    """How deep the brackets of a statement are nested."""
    depth = deepest = 0
    for character in statement:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _line(error):
    return " ".join(str(error).split())[:200]


@cache
def _gates():
    from qiskit.circuit.library import get_standard_gate_name_mapping

    known = get_standard_gate_name_mapping()
    return {name: known[OTHER_NAMES.get(name, name)] for name in GATES}


class _Reader:
    """A circuit that grows statement by statement, with one method for each kind of statement."""

    def __init__(self):
        from qiskit import QuantumCircuit

        self.circuit, self.places, self.values = QuantumCircuit(), {"qubit": {}, "bit": {}}, dict(CONSTANTS)

    def version(self):
        """The first statement says nothing that is not known."""

    def include(self):
        """The gates of stdgates.inc are known."""

    def qubits(self, size, name):
        from qiskit import QuantumRegister

        self._declare("qubit", QuantumRegister(int(size or 1), name))

    def bits(self, size, name):
        from qiskit import ClassicalRegister

        self._declare("bit", ClassicalRegister(int(size or 1), name))

    def angle(self, name):
        from qiskit.circuit import Parameter

        self._check_new(name)
        self.values[name] = Parameter(name)

    def barrier(self, places):
        self.circuit.barrier(*(self._places("qubit", places) if places else ()))

    def measure(self, target, source):
        self.circuit.measure(*self._places("qubit", source), *self._places("bit", target))

    def phase(self, angle):
        self._angles(angle, 1)  # nobody can measure it

    def gate(self, name, angles, places):
        gate = _gates()[name]
        angles = self._angles(angles or "", len(gate.params))
        self.circuit.append(type(gate)(*angles), self._places("qubit", places))

    def _declare(self, kind, register):
        self._check_new(register.name)
        self.circuit.add_register(register)
        self.places[kind][register.name] = register

    def _check_new(self, name):
        if any(name in used for used in (GATES, self.values, *self.places.values())):
            raise UnsupportedCircuit(f"the name {name} is in use")

    def _places(self, kind, text):
        """The bits or qubits of each place: a register, or one of it by number."""
        found = []
        for place in text.split(","):
            name, _, number = place.strip().rstrip("]").partition("[")
            register = self.places[kind].get(name)
            if register is None or (number and int(number) >= len(register)):
                raise UnsupportedCircuit(f"{place.strip()} is not a declared {kind}")
            found.append([register[int(number)]] if number else list(register))
        return found

    def _angles(self, text, count):
        """The angles between the brackets of a gate."""
        terms = {name: value if isinstance(value, float) else _Terms(1) for name, value in self.values.items()}
        _Expression(text, terms).angles()  # raises where the next line would take too long
        angles = _Expression(text, self.values).angles()
        if len(angles) != count:
            raise UnsupportedCircuit(f"{len(angles)} angles, expected {count}")
        return angles


class _Terms:
    """Stands for an angle with inputs, and counts its terms when all is multiplied out.

    qiskit multiplies out when it adds two expressions: that takes hours for two products of six sums of two inputs.
    """

    def __init__(self, count):
        self.count = count

    def __add__(self, other):
        return _Terms(self.count + getattr(other, "count", 1))

    def __mul__(self, other):
        factors = self.count, getattr(other, "count", 1)
        if min(factors) > 1 and math.prod(factors) > MAX_TERMS:
            raise UnsupportedCircuit(f"a product of sums with more than {MAX_TERMS} terms when it is multiplied out")
        return _Terms(math.prod(factors))

    def _same(self, *_):
        return self

    def _one(self):
        return _Terms(1)

    __radd__ = __sub__ = __rsub__ = __add__
    __rmul__ = __truediv__ = __rtruediv__ = __mul__
    __neg__ = __pow__ = __rpow__ = _same
    __abs__ = sin = cos = tan = exp = log = arcsin = arccos = arctan = _one


class _Expression:
    """Evaluates angles: numbers, pi, input angles, + - * / **, brackets and FUNCTIONS. 1/2 is a half, not 0."""

    def __init__(self, text, values):
        self.tokens, self.values = [*_TOKEN.findall(text), ""], values
        if "".join(self.tokens) != "".join(text.split()):
            raise UnsupportedCircuit("not a list of angles")
        self.tokens.reverse()  # the next one is the last

    def angles(self):
        """All angles, separated by commas."""
        found = []
        while self.tokens[-1]:
            if found and not self._take(","):
                raise UnsupportedCircuit(f"{self.tokens[-1]!r} where a comma was expected")
            found.append(self._sum())
        for angle in found:
            if isinstance(angle, float) and not math.isfinite(angle):
                raise UnsupportedCircuit(f"an angle is {angle}")
        return found

    def _take(self, *wanted):
        """The next token if it is one of these."""
        return self.tokens.pop() if self.tokens[-1] in wanted else ""

    def _sum(self):
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self):
        value = self._signed()
        while sign := self._take("*", "/"):
            other = self._signed()
            value = value * other if sign == "*" else value / other
        return value

    def _signed(self):
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self):
        value = self._single()
        if self._take("**"):
            value = value ** self._signed()
            if isinstance(value, complex):
                raise UnsupportedCircuit("a root of a negative number")
        return value

    def _single(self):
        token = self.tokens.pop() if self.tokens[-1] else "the end"
        if token == "(":
            return self._closed()
        if token[0].isdigit() or token[0] == ".":
            return float(token)
        if self._take("("):
            if token not in FUNCTIONS:
                raise UnsupportedCircuit(f"the function {token} is not accepted, expected {', '.join(FUNCTIONS)}")
            return _applied(token, self._closed())
        if token not in self.values:
            raise UnsupportedCircuit(f"{token!r} where a number or a declared angle was expected")
        return self.values[token]

    def _closed(self):
        value = self._sum()
        if not self._take(")"):
            raise UnsupportedCircuit("a bracket is not closed")
        return value


def _applied(function, value):
    """A function of a number or of an input angle."""
    if function == "abs":
        return abs(value)
    method = FUNCTIONS[function]
    return getattr(math, method.replace("arc", "a"))(value) if isinstance(value, float) else getattr(value, method)()
