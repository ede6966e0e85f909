"""Arrays from the bytes of `.npy` files, and no more than that: nothing in a file is ever executed.

A `.npy` file of plain numbers is a header and the numbers. But np.array([image, axion_mass], dtype=object), as
published axion images are stored, or an array of the rows of the image (and the mass) as objects, is a pickle, and
numpy would run whatever functions a pickle names. Here the pickle is read as what it is, a list of instructions for a
small stack machine (see the module pickletools). Of the instructions only those are known that such files need, and in
place of the functions that they may name there are stand-ins that build a description of an array: its shape, its
type, its bytes.
"""

import io
import math
import pickletools
import tokenize
from dataclasses import dataclass, field

import numpy as np

MAX_BYTES = 1_000_000  # of a file; a published one has 16 to 270 kB
MAX_INSTRUCTIONS = 30_000  # of a pickle; [image, number] has 70, rows have 700, single pixels at most 25,000
MAX_AXES = 8
# What numpy raises on a damaged header, which is a Python literal.
HEADER_ERRORS = (ValueError, KeyError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError)
NUMBERS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")


def read(blob, name):
    """The image in the bytes of a `.npy` file, and the number that is stored with it.

    Parameters
    ----------
    blob : bytes
    name : str
        What error messages call the file.

    Returns
    -------
    image : ndarray
        Numbers, of any shape.
    number : float or None
        The last entry where the file holds np.array([image, number], dtype=object), or the rows of the image in
        place of the image.

    Raises
    ------
    ValueError
        The file is too large or damaged, or holds anything but numbers.
    """
    if len(blob) > MAX_BYTES:
        raise ValueError(f"{name}: {len(blob):,} bytes are too many for one image (at most {MAX_BYTES:,})")
    stream = io.BytesIO(blob)
    try:
        version = np.lib.format.read_magic(stream)
        header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        shape, fortran, dtype = header(stream)
    except HEADER_ERRORS as error:
        raise ValueError(f"{name}: not a .npy file, or a damaged one; download it again") from error
    content = blob[stream.tell() :]
    if dtype.kind != "O":
        return _numbers(dtype, shape, fortran, content, name), None
    try:
        return _image_and_number(_run(content), name)
    except _Refused as error:
        raise ValueError(f"{name}: refused ({error}); objects may be an image, or its rows, and a number") from error


def _numbers(dtype, shape, fortran, content, name):
    if dtype.kind not in "fiub" or dtype.subdtype is not None:
        raise ValueError(f"{name}: holds {dtype}, expected plain real numbers")
    plausible = 0 < len(shape) <= MAX_AXES and min(shape) > 0
    if not plausible or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"{name}: {len(content):,} bytes do not make an array of shape {shape}; download it again")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _image_and_number(array, name):
    """The image and the number (or None) in an array of objects, from the description of that array."""
    match array:
        case _Array(shape=shape, content=[_, *_] as entries) if len(entries) == math.prod(shape):
            pass
        case _:
            raise _Refused("it has no list of objects")
    if any(type(entry) in (int, float) and not abs(entry) < 10**300 for entry in entries):
        raise _Refused("it has a number that is not finite")
    if all(type(entry) in (int, float) for entry in entries):  # single pixels
        return np.array(entries, float).reshape(shape, order="F" if array.fortran else "C"), None
    number = float(entries.pop()) if type(entries[-1]) in (int, float) else None
    rows = [_as_array(entry, name) for entry in entries]
    if len(shape) != 1 or any(row.shape != rows[0].shape for row in rows):
        raise _Refused("its arrays are not rows of one length")
    if sum(row.nbytes for row in rows) > MAX_BYTES:  # a pickle may name one row many times
        raise _Refused("its rows together are too large")
    return (rows[0] if len(rows) == 1 else np.stack(rows)), number


def _as_array(entry, name):
    if not isinstance(entry, _Array) or not isinstance(entry.content, bytes):
        raise _Refused("it has something that is neither an array of numbers nor a number")
    return _numbers(entry.dtype.numpy(), entry.shape, entry.fortran, entry.content, name)


# --------------------------------------------------------------------------------------------------
# The stack machine


class _Refused(Exception):
    """The pickle does something that no array of numbers needs."""


@dataclass
class _Type:
    """Stands in for numpy.dtype."""

    code: str
    order: str = "="

    def numpy(self):
        if self.code not in NUMBERS or self.order not in ("<", ">", "=", "|"):
            raise _Refused(f"numbers of type {self.order}{self.code}"[:60])
        return np.dtype(self.order + self.code)


@dataclass
class _Array:
    """Stands in for numpy.ndarray; content is bytes, or a list of objects."""

    shape: tuple = ()
    dtype: _Type = field(default_factory=lambda: _Type("O8"))
    fortran: bool = False
    content: object = None


@dataclass(frozen=True)
class _Name:
    """Stands in for a function or class that a pickle may name. It cannot be called."""

    name: str


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
NAMES = {
    **{(module, name): _Name(name) for module in _MULTIARRAY for name in ("_reconstruct", "scalar")},
    **{(module, "_frombuffer"): _Name("_frombuffer") for module in _NUMERIC},
    ("numpy", "ndarray"): _Name("ndarray"),
    ("numpy", "dtype"): _Name("dtype"),
    ("_codecs", "encode"): _Name("encode"),
}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
LITERALS = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES",
    "BYTEARRAY8",
}  # fmt: skip
_MARK = object()


def _run(pickled):
    """The description of the array in a pickle."""
    stack, memo, made = [], {}, 0
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(pickled)):
            if count >= MAX_INSTRUCTIONS:
                raise _Refused("too many instructions")
            if instruction.name == "STOP":
                return stack.pop()
            _execute(instruction.name, argument, stack, memo)
            if instruction.name == "REDUCE" and isinstance(stack[-1], bytes):  # one text may be encoded many times
                made += len(stack[-1])
                if made > MAX_BYTES:
                    raise _Refused("too many bytes")
    except _Refused:
        raise
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise _Refused("damaged") from error
    raise _Refused("damaged")


def _execute(name, argument, stack, memo):
    """Do what an instruction says to the stack and the memo; see the module pickletools."""
    if name in ("PROTO", "FRAME"):
        pass
    elif name in CONSTANTS:
        stack.append(CONSTANTS[name])
    elif name in LITERALS:
        stack.append(bytes(argument) if name == "BYTEARRAY8" else argument)
    elif name == "GLOBAL":
        stack.append(_named(*argument.split(" ", 1)))
    elif name == "STACK_GLOBAL":
        function, module = stack.pop(), stack.pop()
        stack.append(_named(module, function))
    elif name == "MARK":
        stack.append(_MARK)
    elif name in ("EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
        length = int(name[-1]) if name[-1].isdigit() else 0
        values = [stack.pop() for _ in range(length)]
        stack.append(tuple(values[::-1]))
    elif name == "TUPLE":
        stack.append(tuple(_since_mark(stack)))
    elif name == "EMPTY_LIST":
        stack.append([])
    elif name == "APPEND":
        value = stack.pop()
        stack[-1].append(value)
    elif name == "APPENDS":
        values = _since_mark(stack)
        stack[-1].extend(values)
    elif name in ("BINPUT", "LONG_BINPUT"):
        memo[argument] = stack[-1]
    elif name == "MEMOIZE":
        memo[len(memo)] = stack[-1]
    elif name in ("BINGET", "LONG_BINGET"):
        stack.append(memo[argument])
    elif name == "REDUCE":
        arguments, function = stack.pop(), stack.pop()
        stack.append(_reduce(function, arguments))
    elif name == "BUILD":
        state = stack.pop()
        _build(stack[-1], state)
    else:
        raise _Refused(f"the instruction {name}")


def _since_mark(stack):
    """Take from the stack what lies above the last mark, and the mark."""
    for start in range(len(stack) - 1, -1, -1):
        if stack[start] is _MARK:
            values = stack[start + 1 :]
            del stack[start:]
            return values
    raise _Refused("damaged")


def _named(module, function):
    try:
        return NAMES[module, function]
    except (KeyError, TypeError) as error:
        raise _Refused(f"it names {ascii(f'{module}.{function}'[:60])}") from error


def _reduce(function, arguments):
    """What a call of one of NAMES stands for."""
    if not isinstance(function, _Name) or not isinstance(arguments, tuple):
        raise _Refused("a call of something unknown")
    match function.name, arguments:
        case "_reconstruct", (_Name(name="ndarray"), (0,), bytes()):
            return _Array()
        case "dtype", (str() as code, *_):
            return _Type(code)
        case "scalar", (_Type() as dtype, bytes() as content):
            return np.frombuffer(content, dtype.numpy()).item()
        case "encode", (str() as text, "latin1"):
            return text.encode("latin1")
        case "_frombuffer", (bytes() as content, _Type() as dtype, tuple() as shape, str() as order):
            return _Array(_checked_shape(shape), dtype, order == "F", content)
    raise _Refused(f"an unusual call of {function.name}")


def _build(value, state):
    """Fill a stand-in with its state, as numpy's __setstate__ does."""
    match value, state:
        case _Type(), (_, str() as order, *_):
            value.order = order
        case _Array(), (_, tuple() as shape, _Type() as dtype, bool() as fortran, bytes() | list() as content):
            value.shape, value.dtype, value.fortran, value.content = _checked_shape(shape), dtype, fortran, content
        case _:
            raise _Refused("an unusual state of an array")


def _checked_shape(shape):
    if len(shape) > MAX_AXES or any(type(length) is not int or not 0 <= length <= MAX_BYTES for length in shape):
        raise _Refused("an impossible shape")
    return shape
