"""What data, networks and functions are, in a text that is the same in another process: to know them again."""

import dataclasses
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
GROW = ("append", "appendleft", "extend", "insert", "add", "update", "setdefault", "pop")


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
    try:
        return _of_model(model, {id(model): (model, "again")})
    except RecursionError:  # settings inside settings, too deep to look at
        return _sha256(_layers(model))


def _of_model(model, seen):
    settings = [
        f"{place} {name} {_described(value, seen)}"
        for place, module in _modules(model)
        for name, value in sorted(_settings(module).items())
    ]
    kinds = dict.fromkeys(type(module) for _, module in _modules(model))
    code = [f"{kind.__qualname__} {_methods(kind, seen)}" for kind in kinds]
    return _sha256([*_layers(model), *settings, *code])


def _modules(model):
    """The layers and their places, without the shells of torch.compile."""
    return [(place, module) for place, module in model.named_modules() if "_orig_mod" not in module._modules]


def _layers(model):
    """What is where, and the shapes of all weights; not the text of a layer, which may show what training changes."""
    kinds = [f"{place} {getattr(module, 'original_name', module._get_name())}" for place, module in _modules(model)]
    state = model.state_dict().items()
    return kinds + [f"{name} {tuple(getattr(value, 'shape', ()))}" for name, value in state if not _is_lazy(value)]


def _settings(module):
    """The attributes of a layer that say what it does, and those of its dataclasses."""
    held, changed = dict(vars(module)), _changed_in(type(module), "forward")
    for name, value in vars(module).items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
            held |= {f"{name}.{field}": content for field, content in fields.items() if field not in changed}
    return {name: value for name, value in held.items() if name not in OF_TORCH | changed and _is_setting(value)}


def _is_setting(value):
    """Whether an attribute of a layer says what it does; a tensor may be what it keeps of its last batch."""
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_setting, value))
    if isinstance(value, dict):
        return all(map(_is_setting, value.values()))
    return isinstance(value, (*SIMPLE, np.ndarray)) or (callable(value) and not isinstance(value, torch.nn.Module))


def _methods(kind, seen):
    """What `forward`, and whatever of its class it uses, does or holds: methods that call methods, and constants."""
    found, changed = _reached(kind, "forward"), _changed_in(kind, "forward")
    return [f"{name} {_described(part, seen)}" for name in sorted(found.keys() - changed) for part in found[name]]


def _reached(kind, method):
    """What a method uses of its class, and what that uses: {name: [what the class and its bases hold]}."""
    found, names = {}, {method}
    while names:
        name = names.pop()
        inherited = [vars(base)[name] for base in kind.__mro__ if name in vars(base) and base is not torch.nn.Module]
        parts = [getattr(part, "fget", getattr(part, "__func__", part)) for part in inherited]
        parts = [inspect.unwrap(part) if inspect.isfunction(part) else part for part in parts if _is_setting(part)]
        found[name] = parts
        names |= set().union(*(_names(part.__code__) for part in parts if inspect.isfunction(part))) - found.keys()
    return found


def _changed_in(kind, method):
    """Names of attributes that a method, and whatever of its class it uses, changes when it is called."""
    functions = [part for parts in _reached(kind, method).values() for part in parts if inspect.isfunction(part)]
    changed = set().union(*(_changed(function.__code__) for function in functions))
    return {name[1:] for name in changed if name.startswith(".")}


def of_function(function):
    """SHA-256 of what a function does: its code, its defaults, and the values it was given by closure or partial.

    Functions of a notebook (of `__main__`) also bring the globals that they use, one inside the other. A function
    that others call on is known by its name and its own code. What a function itself changes when it is called (a
    counter, say, or a list that grows) does not count.
    """
    try:
        return _described(function, {})
    except RecursionError:  # values inside values, too deep to look at
        return _sha256([_name(function)])


def _sha256(texts):
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _described(thing, seen):
    """A short text for a value; `seen` has those that were described, or are just being so."""
    if isinstance(thing, SIMPLE):
        return repr(thing)
    if id(thing) not in seen:
        seen[id(thing)] = thing, "again"  # with the value itself: another one could get its id
        seen[id(thing)] = thing, _sha256([_text(thing, seen)])
    return seen[id(thing)][1]


def _text(thing, seen):
    """All of a value; objects without a meaning of their own are known by their class."""
    name = _name(thing)
    if isinstance(thing, np.ndarray | np.generic) and thing.dtype.hasobject:
        return f"{thing.dtype} {_described(thing.tolist(), seen)}"
    if isinstance(thing, np.ndarray | np.generic | torch.Tensor) and not _learns(thing):
        try:
            return of_array(thing) if thing.ndim else repr(thing.item())
        except RuntimeError:  # a sparse tensor, say, or one without values
            return f"{name} {tuple(thing.shape)}"
    if isinstance(thing, list | tuple | set | frozenset):
        parts = [_described(part, seen) for part in thing]
        return f"{type(thing).__name__} {sorted(parts) if isinstance(thing, set | frozenset) else parts}"
    if isinstance(thing, dict):
        return f"dict {[(_described(key, seen), _described(value, seen)) for key, value in thing.items()]}"
    if isinstance(thing, functools.partial):
        return f"partial {_described((thing.func, thing.args, thing.keywords), seen)}"
    if isinstance(thing, torch.nn.Module):
        learns = any(_learns(value) for value in thing.parameters())
        kept = thing.state_dict().keys() - _changed_in(type(thing), "forward")
        state = [] if learns else [(name, thing.state_dict()[name]) for name in sorted(kept)]
        return f"{_of_model(thing, seen)} {_described(state, seen)}"
    if isinstance(thing, types.MethodType):
        return f"method {_described((thing.__func__, thing.__self__), seen)}"
    if isinstance(thing, types.FunctionType):
        return f"{name} {_code(thing)} {_described(_given(thing), seen)}"
    if callable(thing) and not isinstance(thing, type) and hasattr(thing, "__dict__"):
        changed = _changed_in(type(thing), "__call__")
        kept = {key: value for key, value in vars(thing).items() if key not in changed}
        return f"{name} {_described(type(thing).__call__, seen)} {_described(kept, seen)}"
    return name


def _name(thing):
    name = getattr(thing, "__qualname__", getattr(thing, "__name__", type(thing).__qualname__))
    return f"{getattr(thing, '__module__', '')}.{name}"


def _is_lazy(value):
    return isinstance(value, torch.Tensor) and torch.nn.parameter.is_lazy(value)


def _learns(values):
    return isinstance(values, torch.Tensor) and values.requires_grad


def _given(function):
    """The values that a function has besides its arguments, without those that it changes itself."""
    changed = _changed(function.__code__)
    given = {"defaults": function.__defaults__, "keywords": function.__kwdefaults__}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    given["closure"] = [_content(cell) for name, cell in cells if name not in changed]
    if function.__module__ == "__main__":
        used = sorted(_globals(function.__code__) & function.__globals__.keys() - changed)
        given["globals"] = {name: function.__globals__[name] for name in used}
    return given


def _changed(code):
    """Names that code stores to, or to whose values it adds; those of attributes begin with a point."""
    steps = [step for step in dis.get_instructions(code) if step.opname != "NOP"]
    changed = {step for step in steps if step.opname in ("STORE_GLOBAL", "STORE_DEREF", "STORE_ATTR")}
    changed |= {step for step, then in zip(steps, steps[1:], strict=False) if _grows(then)}
    changed |= {step for step, *then in zip(steps, steps[1:], steps[2:], strict=False) if _stores_item(*then)}
    names = {f"{'.' * step.opname.endswith('ATTR')}{step.argval}" for step in changed}
    return names.union(*(_changed(part) for part in code.co_consts if inspect.iscode(part)))


def _grows(step):
    """A method that changes its object: of a list, a set or a dictionary, or of a tensor (`add_`)."""
    name = str(step.argval)
    return step.opname in ("LOAD_METHOD", "LOAD_ATTR") and (name in GROW or name.endswith("_") and name[:2] != "__")


def _stores_item(key, then):
    """Whether `values[key] = ...` or `values[key] += ...` follows, with a constant or a variable as the key."""
    stores = then.opname in ("STORE_SUBSCR", "DUP_TOP_TWO") or (then.opname, then.arg) == ("COPY", 2)
    return stores and key.opname.startswith("LOAD_") and not key.opname.endswith("ATTR")


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
    return _compiled(function.__code__) if inspect.isfunction(function) else _name(function)


def _compiled(code):
    constants = [_compiled(part) if inspect.iscode(part) else _described(part, {}) for part in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {constants}"
