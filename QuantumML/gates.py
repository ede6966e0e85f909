"""Gates as angles: what both simulators of circuits, quantum.py and handin.py, know of them.

Source of the conventions: M. A. Nielsen and I. L. Chuang, Quantum Computation and Quantum Information (2000),
chapter 4, and the documentation of qiskit's gates.
"""

import numpy as np

from QuantumML.challenge import UnsupportedCircuit

HALF = np.pi / 2
# Angles (alpha, theta, phi, lambda) of exp(i alpha) U(theta, phi, lambda): a constant and a row for each own parameter.
ONE_QUBIT = {
    "id": ([0, 0, 0, 0], []),
    "x": ([0, np.pi, 0, np.pi], []),
    "y": ([0, np.pi, HALF, HALF], []),
    "z": ([0, 0, 0, np.pi], []),
    "h": ([0, HALF, 0, np.pi], []),
    "s": ([0, 0, 0, HALF], []),
    "sdg": ([0, 0, 0, -HALF], []),
    "t": ([0, 0, 0, HALF / 2], []),
    "tdg": ([0, 0, 0, -HALF / 2], []),
    "sx": ([HALF / 2, HALF, -HALF, HALF], []),
    "sxdg": ([-HALF / 2, -HALF, -HALF, HALF], []),
    "rx": ([0, 0, -HALF, HALF], [[0, 1, 0, 0]]),
    "ry": ([0, 0, 0, 0], [[0, 1, 0, 0]]),
    "rz": ([0, 0, 0, 0], [[-0.5, 0, 0, 1]]),
    "r": ([0, 0, -HALF, HALF], [[0, 1, 0, 0], [0, 0, 1, -1]]),
    "p": ([0, 0, 0, 0], [[0, 0, 0, 1]]),
    "u": ([0, 0, 0, 0], [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    "u2": ([0, HALF, 0, 0], [[0, 0, 1, 0], [0, 0, 0, 1]]),
}
ONE_QUBIT |= {"u1": ONE_QUBIT["p"], "u3": ONE_QUBIT["u"]}
# Controlled gates whose target sees one of the above; the control is their first qubit.
CONTROLLED = {
    "ch": "h", "csx": "sx", "crx": "rx", "cry": "ry", "crz": "rz", "cp": "p", "cu1": "p", "cu3": "u", "cu": "cu",
}  # fmt: skip
ANGLES = ONE_QUBIT | {"cu": ([0, 0, 0, 0], [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]])}


def linear_form(expression, names):
    """Coefficients of an angle that is linear in parameters.

    Parameters
    ----------
    expression : number or qiskit ParameterExpression
    names : dict of str to int
        Column of each parameter.

    Returns
    -------
    constant : float
    coefficients : dict of int to float
    """
    if not hasattr(expression, "parameters"):
        return float(expression), {}
    coefficients = {}
    for parameter in expression.parameters:
        try:
            coefficients[names[parameter.name]] = float(expression.gradient(parameter))
        except TypeError as error:
            raise UnsupportedCircuit(
                f"the angle {str(expression)[:60]} is not linear in {parameter.name}: "
                "use sums of parameters times numbers"
            ) from error
    return float(expression.bind({parameter: 0.0 for parameter in expression.parameters})), coefficients
