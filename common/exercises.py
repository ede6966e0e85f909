"""Lines that the reader of a lesson writes: they are checked, and the lesson goes on whatever comes.

A challenge lists its own in `exercises.py`. In a lesson one cell holds a stub and the next one checks it::

    def invariant_mass(p4):
        \"\"\"Mass of summed four-vectors (n, 4) -> (n,), in GeV.\"\"\"
        ...

    invariant_mass = exercises.use("invariant mass", invariant_mass)

`Exercises.use` says in one line what it found, and returns the reader's function if that is right and the course's
own if not. Nothing is scored, kept or sent.
"""

import dis
import inspect
import io
import random
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from IPython import get_ipython

SECONDS = 5
"""How long one call of a reader's function may take; those of the course take milliseconds."""
MEMORY = 2_000_000_000
"""Bytes that a reader's function may ask for, on Linux; on other systems there is no such limit."""
RING = 1e-4
"""Seconds, at most, between two rings of the alarm that stops a function. Each wait is drawn: rings in step with a loop
would come at the same place of it for ever. Where rings come too soon, nothing runs but the alarm."""


@dataclass
class Exercise:
    """One function that the reader writes.

    Attributes
    ----------
    reference : callable
        The course's own, under the name of the stub. It returns an array, a number or a tuple of these.
    inputs : dict of str to tuple
        Arguments by a description that completes "for ...". The usual mistakes must give other values than the
        reference on at least one of them.
    mistakes : dict of str to callable
        Functions that make a usual mistake, by the sentence that tells the reader about it.
    hints : tuple of str
        From a nudge to nearly the answer.
    parts : tuple of str
        What the parts of a returned tuple are called; empty where one value is returned.
    rtol : float
        Relative tolerance.
    errors : dict of str to str
        Advice for an attempt that raises, by a part of the message of its error.
    """

    reference: Callable
    inputs: dict
    mistakes: dict = field(default_factory=dict)
    hints: tuple = ()
    parts: tuple = ()
    rtol: float = 1e-6
    errors: dict = field(default_factory=dict)


class Exercises(dict):
    """The exercises of a challenge by name, with what a lesson calls."""

    def __init__(self, exercises):
        super().__init__(exercises)
        self._hints_shown = dict.fromkeys(self, 0)

    def use(self, name, attempt, seconds=SECONDS):
        """Check a function of the reader, say in one line what came of it, and return the one to go on with.

        Parameters
        ----------
        name : str
        attempt : callable
        seconds : float
            A call that takes longer is stopped where that is possible: on Linux and macOS, unless it hangs inside
            compiled code. Elsewhere a line says how the reader stops it.

        Returns
        -------
        callable
            `attempt` if it is right, else the course's own function.

        Raises
        ------
        ValueError
            If there is no such exercise.
        """
        exercise = self._find(name)
        right, message = _judge(exercise, attempt, seconds)
        print(message if right else f"{message} The lesson goes on with the course's own. "
              f"Stuck? exercises.hint({name!r})")  # fmt: skip
        return attempt if right else exercise.reference

    def hint(self, name):
        """Print the next hint, each time one that tells more."""
        hints = self._find(name).hints
        shown = self._hints_shown[name]
        if shown == len(hints):
            print(f"Those were all the hints: exercises.solution({name!r}) prints the course's own lines.")
            return
        self._hints_shown[name] += 1
        left = len(hints) - shown - 1
        print(f"Hint {shown + 1} of {len(hints)}: {hints[shown]}" + (" Call again for the next." if left else ""))

    def solution(self, name):
        """Print the course's own lines."""
        print(inspect.getsource(self._find(name).reference).rstrip())

    def _find(self, name):
        if name not in self:
            raise ValueError(f"there is no exercise {name!r}; there are: {', '.join(map(repr, self))}")
        return self[name]


def _judge(exercise, attempt, seconds):
    """Whether an attempt is right, and one line about it."""
    name = exercise.reference.__name__
    if attempt is exercise.reference:
        return False, f"This {name} is the course's own: run the cell with your lines, and then this one."
    if not callable(attempt):
        return False, f"{name} is {_short(attempt)} and no function: it should start with 'def {name}'."
    if _is_stub(attempt):
        return False, "Not attempted yet."
    returned, printed = [], False
    for case, arguments in exercise.inputs.items():
        given = deepcopy(arguments)
        call = _call(attempt, given, seconds)
        if call.problem:
            advice = [f" {advice}" for part, advice in exercise.errors.items() if part in call.problem]
            return False, f"Not yet: for {case} {call.problem}{''.join(advice)}"
        if call.value is None:
            instead = "prints, but it returns nothing" if call.printed else "returns nothing"
            return False, f"Not yet: for {case} your function {instead}; end it with 'return ...'."
        if not all(map(_unchanged, given, arguments)):
            return False, f"Not yet: for {case} your function changes its input; work on a copy or on new names."
        returned.append(call.value)
        printed |= call.printed
    if problem := _wrong(exercise, returned):
        return False, f"Not yet: {problem}"
    return True, "Right: the lesson goes on with your function." + (
        " (What it prints is not shown here.)" if printed else ""
    )


def _wrong(exercise, returned):
    """What is wrong with the values returned for all inputs, or ''."""
    expected = [exercise.reference(*deepcopy(arguments)) for arguments in exercise.inputs.values()]
    found = [
        (case, problem)
        for case, value, right in zip(exercise.inputs, returned, expected, strict=True)
        if (problem := _difference(value, right, exercise))
    ]
    if not found:
        return next(filter(None, map(_not_whole, exercise.inputs, returned, expected)), "")
    case, problem = found[0]
    for sentence, mistaken in exercise.mistakes.items():
        with np.errstate(all="ignore"):
            same = [mistaken(*deepcopy(arguments)) for arguments in exercise.inputs.values()]
        if not any(_difference(value, wrong, exercise) for value, wrong in zip(returned, same, strict=True)):
            return f"for {case} {problem} {sentence}"
    return f"for {case} {problem}"


def _not_whole(case, value, expected):
    """What is wrong with right values that cannot be an index where those of the course can, or ''."""
    if isinstance(expected, tuple):
        return next(filter(None, (_not_whole(case, *pair) for pair in zip(value, expected, strict=True))), "")
    kind = np.asarray(value).dtype
    if np.asarray(expected).dtype.kind != "i" or kind.kind in "biu":
        return ""
    return f"for {case} your function returns the right numbers as {kind}, expected whole ones: use .astype(int)."


def _difference(value, expected, exercise):
    """How a returned value differs from the expected one, or ''."""
    if not isinstance(expected, tuple):
        return _difference_of_arrays(value, expected, "your function", exercise.rtol)
    if not isinstance(value, tuple | list | np.ndarray) or not getattr(value, "ndim", 1) or len(value) != len(expected):
        names = " and ".join(exercise.parts)
        return f"your function returns {_short(value)}, expected {len(expected)} things: {names}."
    differences = (
        _difference_of_arrays(part, right, f"as {name} your function", exercise.rtol)
        for part, right, name in zip(value, expected, exercise.parts, strict=True)
    )
    return next(filter(None, differences), "")


def _difference_of_arrays(value, expected, who, rtol):
    expected = np.asarray(expected)
    if expected.ndim and isinstance(value, list | tuple):
        return f"{who} returns a {type(value).__name__}, expected an array: wrap it in np.array(...)."
    if hasattr(value, "detach"):  # the lesson goes on in NumPy, where a tensor would fail later
        return f"{who} returns a torch tensor, expected NumPy: return it with .numpy()."
    if inspect.isgenerator(value) or inspect.iscoroutine(value):
        return f"{who} returns a {type(value).__name__}, expected numbers: use 'return' without 'yield' or 'async'."
    kind = type(value)
    try:
        value = np.asarray(value)
    except Exception as error:  # of whatever object the reader returns
        return f"{who} returns {type(error).__name__} in place of numbers."
    if value.dtype.kind not in "biuf" + expected.dtype.kind:  # complex ones only where these are expected
        return f"{who} returns {_short(value.item() if value.ndim == 0 else value)}, expected numbers."
    if value.shape != expected.shape:
        return f"{who} returns {_form(value)}, expected {_form(expected)}."
    if expected.ndim and kind is not np.ndarray:  # of pandas, say: columns and rows work in another way
        return f"{who} returns a {kind.__name__}, expected an array: wrap it in np.array(...)."
    if np.allclose(value, expected, rtol=rtol, atol=0, equal_nan=True):
        return ""
    if np.isnan(value).sum() > np.isnan(expected).sum():
        return f"{who} returns NaN (not a number), expected {_first(expected, ~np.isfinite(value))}."
    other = ~np.isclose(value, expected, rtol=rtol, atol=0, equal_nan=True)
    place = np.argwhere(other)[0].tolist()
    where = f" as entry {place if value.ndim > 1 else place[0]}" if value.size > 1 else ""
    digits = 4 if _first(value, other) != _first(expected, other) else 8  # two that look alike would be no help
    return f"{who} returns {_first(value, other, digits)}{where}, expected {_first(expected, other, digits)}."


def _form(value):
    return f"an array of shape {value.shape}" if value.ndim else "a single number"


def _first(values, chosen, digits=4):
    return f"{values[chosen].flat[0]:.{digits}g}"


def _unchanged(now, then):
    return np.array_equal(now, then) if isinstance(then, np.ndarray) else now == then


def _is_stub(function):
    """Whether a function does nothing: a docstring, `...`, `pass`, or an empty return."""
    if not inspect.isfunction(function):
        return False
    operations = {instruction.opname for instruction in dis.get_instructions(function)}
    constants = set(map(type, function.__code__.co_consts[1 if function.__doc__ else 0 :]))
    return operations <= {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"} and constants <= {type(None)}


def _short(value, length=60):
    """A value in a few words."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # of whatever object the reader returns
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= length else text[: length - 3] + "..."


# --- running what somebody is still writing ---------------------------------------------------------------------------


@dataclass
class _Call:
    """What came of one call: its value, or a problem that completes "for this input ..."; whether it printed."""

    value: object = None
    problem: str = ""
    printed: bool = False


class _Stopped(BaseException):
    """The time is over."""


def _call(function, arguments, seconds):
    """Call a function of the reader; whatever it does becomes a `_Call`."""
    printed = io.StringIO()
    still_running = threading.Timer(seconds + 1, print, [
        "Your function is still running, and cannot be stopped from here: interrupt the kernel (the square button)."
    ], {"file": sys.stdout, "flush": True})  # fmt: skip
    still_running.daemon = True
    still_running.start()
    try:
        with warnings.catch_warnings(), redirect_stdout(printed), redirect_stderr(printed):
            warnings.simplefilter("ignore")
            with _exit_that_raises(), _bounded_memory():
                value, error = _bounded(function, arguments, seconds)
    finally:
        still_running.cancel()
    problem = _what_happened(error, function, seconds) if error is not None else ""
    return _Call(value, problem, printed.closed or bool(printed.getvalue()))


@contextmanager
def _exit_that_raises():
    """In a notebook `exit` asks the shell, which ends the kernel: here it raises, as in a script."""
    shell = get_ipython()
    if shell:
        shell.ask_exit = sys.exit
    try:
        yield
    finally:
        if shell:
            del shell.ask_exit


@contextmanager
def _bounded_memory():
    """On Linux the process may take `MEMORY` more than it has, so that it raises before the computer runs out."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = int(pages.read_text().split()[0]) * resource.getpagesize() + MEMORY
    if soft == resource.RLIM_INFINITY or limit < soft:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _bounded(function, arguments, seconds):
    """Value and error of a call, one of them None; the call ends after `seconds` where the platform has alarms.

    The alarm rings on and on, after waits that are drawn, so that a function which catches everything in a loop is
    stopped as well: sooner or later it rings in the handler of that function. It raises neither in this frame nor in
    itself.
    """
    here = sys._getframe()
    over = False

    def stop(_, frame):
        if over:
            return
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0, RING), RING)
        if frame is not here and frame.f_code is not stop.__code__:
            raise _Stopped

    alarms = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    value = error = None
    if alarms:
        handler = signal.signal(signal.SIGALRM, stop)
        timer = signal.setitimer(signal.ITIMER_REAL, seconds, RING)
    try:
        value = function(*arguments)
    except BaseException as raised:  # also of sys.exit and of the button that interrupts the kernel
        error = raised
    over = True
    if alarms:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if error is not None:  # a last ring may be on its way through another thread: it should find `stop`
            time.sleep(0.02)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, *timer)
    return value, error


def _what_happened(error, function, seconds):
    """One sentence about an exception, with the reader's line in which it was raised."""
    if isinstance(error, _Stopped):
        return f"your function did not end within {seconds:g} seconds and was stopped: does a loop go on for ever?"
    if isinstance(error, KeyboardInterrupt):
        return "your function was interrupted before it ended."
    if isinstance(error, SystemExit):
        return "your function leaves Python with exit(): end it with 'return ...'."
    if isinstance(error, RecursionError):
        return "your function calls itself without end."
    if isinstance(error, MemoryError):
        return "your function asks for too much memory: is an array far larger than its input?"
    what = " ".join("".join(traceback.format_exception_only(error)).split())
    own = [
        entry for entry in traceback.extract_tb(error.__traceback__)
        if entry.filename == getattr(getattr(function, "__code__", None), "co_filename", None)
    ]  # fmt: skip
    where = f" in line {own[-1].lineno} of its cell" if own else ""
    code = f": {own[-1].line}" if own and own[-1].line else ""
    return f"your function raises {_cut(what)}{where}{code}."


def _cut(text, length=160):
    return text if len(text) <= length else text[: length - 3] + "..."
