"""What data, networks and functions are, in a text that is the same in another process: to know them again."""

import dis
import functools
import hashlib
import inspect
import types

import numpy as np
import torch

OF_TORCH = vars(torch.nn.Module()).keys()  # "training", say, and what holds the parameters
SIMPLE = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device)  # repr says all of it
BLOCK = 1 << 26  # bytes of an array that are in memory at once


def of_array(values):
    """SHA-256 of the shape, the type and the content of an array or a tensor, which may be a file on disk."""
    shape = tuple(values.shape)
    digest = hashlib.sha256(f"{shape} {str(values.dtype).removeprefix('torch.')}".encode())
    row = max(1, int(np.prod(shape[1:])) * values.dtype.itemsize)
    for i in range(0, len(values), max(1, BLOCK // row)):
        block = values[i : i + max(1, BLOCK // row)]
        if isinstance(block, torch.Tensor):
            block = block.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        digest.update(np.ascontiguousarray(block))
    return digest.hexdigest()


def of_model(model):
    """SHA-256 of the layers of a network, their settings and their code; not of the weights, which training changes."""
    return _of_model(model, {id(model)})


def _of_model(model, seen):
    settings = [
        f"{place} {name} {_described(value, seen)}"
        for place, module in model.named_modules()
        for name, value in sorted(vars(module).items())
        if name not in OF_TORCH and _is_setting(value)
    ]
    kinds = {type(module) for module in model.modules()}
    code = sorted(f"{kind.__qualname__} {_methods(kind, seen)}" for kind in kinds)
    shapes = [f"{name} {tuple(value.shape)}" for name, value in model.state_dict().items()]
    return _sha256([repr(model), *settings, *code, *shapes])


def _is_setting(value):
    """Whether an attribute of a layer says what it does; a tensor may be what it keeps of its last batch."""
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_setting, value))
    if isinstance(value, dict):
        return all(map(_is_setting, value.values()))
    return isinstance(value, (*SIMPLE, np.ndarray)) or (callable(value) and not isinstance(value, torch.nn.Module))


def _methods(kind, seen):
    """What `forward`, and whatever of its class it uses, does or holds: methods that call methods, and constants."""
    found, names = {}, {"forward"}
    while names:
        name = names.pop()
        inherited = [vars(base)[name] for base in kind.__mro__ if name in vars(base) and base is not torch.nn.Module]
        parts = [getattr(part, "fget", getattr(part, "__func__", part)) for part in inherited]
        parts = [inspect.unwrap(part) if inspect.isfunction(part) else part for part in parts if _is_setting(part)]
        found[name] = parts
        names |= set().union(*(_names(part.__code__) for part in parts if inspect.isfunction(part))) - found.keys()
    return [f"{name} {_described(part, seen)}" for name in sorted(found) for part in found[name]]


def of_function(function):
    """SHA-256 of what a function does: its code, its defaults, and the values it was given by closure or partial.

    Functions of a notebook (of `__main__`) also bring the globals that they use, one inside the other. A function
    that others call on is known by its name and its own code.
    """
    return _sha256([_described(function, set())])


def _sha256(texts):
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _described(thing, seen):
    """A text for a value; objects without a meaning of their own are known by their class."""
    if isinstance(thing, SIMPLE):
        return repr(thing)
    if id(thing) in seen:
        return "again"
    seen = seen | {id(thing)}
    name = getattr(thing, "__qualname__", getattr(thing, "__name__", type(thing).__qualname__))
    name = f"{getattr(thing, '__module__', '')}.{name}"
    if isinstance(thing, np.ndarray | np.generic | torch.Tensor) and not _learns(thing):
        return of_array(thing) if thing.ndim else repr(thing.item())
    if isinstance(thing, list | tuple | set | frozenset):
        parts = [_described(part, seen) for part in thing]
        return f"{type(thing).__name__} {sorted(parts) if isinstance(thing, set | frozenset) else parts}"
    if isinstance(thing, dict):
        return f"dict {[(repr(key), _described(value, seen)) for key, value in thing.items()]}"
    if isinstance(thing, functools.partial):
        return f"partial {_described((thing.func, thing.args, thing.keywords), seen)}"
    if isinstance(thing, torch.nn.Module):
        learns = any(_learns(value) for value in thing.parameters())
        return f"{_of_model(thing, seen)} {_described({} if learns else dict(thing.state_dict()), seen)}"
    if isinstance(thing, types.MethodType):
        return f"method {_described((thing.__func__, thing.__self__), seen)}"
    if isinstance(thing, types.FunctionType):
        return f"{name} {_code(thing)} {_described(_given(thing), seen)}"
    if callable(thing) and not isinstance(thing, type) and hasattr(thing, "__dict__"):
        return f"{name} {_described(type(thing).__call__, seen)} {_described(vars(thing), seen)}"
    return name


def _learns(values):
    return isinstance(values, torch.Tensor) and values.requires_grad


def _given(function):
    """The values that a function has besides its arguments."""
    given = {"defaults": function.__defaults__, "keywords": function.__kwdefaults__}
    given["closure"] = [_content(cell) for cell in function.__closure__ or ()]
    if function.__module__ == "__main__":
        used = sorted(_globals(function.__code__) & function.__globals__.keys())
        given["globals"] = {name: function.__globals__[name] for name in used}
    return given


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # of a function that is still being defined
        return None


def _globals(code):
    used = {step.argval for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return used.union(*(_globals(part) for part in code.co_consts if inspect.iscode(part)))


def _names(code):
    return set(code.co_names).union(*(_names(part) for part in code.co_consts if inspect.iscode(part)))


def _code(function):
    """What the code of a function does, whatever file and line it stands in."""
    function = inspect.unwrap(function)
    return _compiled(function.__code__) if inspect.isfunction(function) else str(function.__qualname__)


def _compiled(code):
    constants = [_compiled(part) if inspect.iscode(part) else _described(part, set()) for part in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"
