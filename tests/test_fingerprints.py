"""What is the same in two processes has the same fingerprint, and what differs has another."""

import dataclasses
import functools
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from common import fingerprints
from common.challenge import ROOT

NOTEBOOK = """
import functools, numpy as np, torch
from common.fingerprints import of_function, of_model
def scale(x):
    return WEIGHT * x
def loss(p, y):
    {comment}
    return (scale(p) - y).abs().mean() if p.ndim in {{1, 2}} and "a" in {{"a", "b", "c"}} else torch.zeros(())
for WEIGHT in 1, 2:
    mean = WEIGHT  # no global of the loss, which has a method of this name
    print(of_function(loss), of_function(functools.partial(loss, y=np.arange(3))), of_model(torch.nn.Linear(2, 1)))
"""


def run(comment):
    """Fingerprints in a new process: two functions and a model, and then the same with another global."""
    env = {**os.environ, "PYTHONHASHSEED": str(len(comment))}
    program = [sys.executable, "-c", NOTEBOOK.format(comment=comment)]
    return subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout.split()


def test_another_process_finds_the_same_and_a_global_counts():
    first, again = run("# one"), run("# another\n")
    assert first == again
    assert [a == b for a, b in zip(first[:3], first[3:], strict=True)] == [False, False, True]


def power(p, y, exponent=2):
    return ((p - y) ** exponent).mean()


class Loss:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, p, y):
        return self.weight * power(p, y)

    def method(self, p, y):
        return self.weight * power(p, y)


def closure(weight):
    return lambda p, y: weight * power(p, y)


FUNCTIONS = [
    power, functools.partial(power, exponent=3), functools.partial(power, exponent=4), closure(1), closure(2),
    closure(np.ones(3)), closure([1, 2]), closure({"a": 1}), Loss(1), Loss(2), Loss(1).method, Loss(2).method, None,
    torch.nn.MSELoss(), torch.nn.MSELoss(reduction="sum"), torch.nn.functional.mse_loss, torch.nn.functional.l1_loss,
    np.add, np.subtract, len, lambda p, y: (p - y).abs().mean(), lambda p, y: (p - y).square().mean(),
    torch.nn.CrossEntropyLoss(torch.tensor([1.0, 2.0])), torch.nn.CrossEntropyLoss(torch.tensor([1.0, 3.0])),
]  # fmt: skip


def test_other_functions_are_others():
    found = [fingerprints.of_function(function) for function in FUNCTIONS]
    assert len(set(found)) == len(found)
    assert found == [fingerprints.of_function(function) for function in FUNCTIONS]


def test_weights_that_are_trained_do_not_count():
    model = torch.nn.Linear(2, 1)
    loss = lambda p, y: (p - y).abs().mean() + sum(w.abs().sum() for w in model.parameters())  # noqa: E731
    before = fingerprints.of_function(loss), fingerprints.of_model(model)
    with torch.no_grad():
        model.weight.add_(1)
    assert (fingerprints.of_function(loss), fingerprints.of_model(model)) == before


ARRAYS = [
    np.zeros(4), np.zeros((4, 1)), np.zeros((2, 2)), np.zeros(4, "f4"), np.zeros(0), np.zeros((0, 2)), np.ones(4),
    np.arange(4.0), np.arange(4.0)[::-1], torch.zeros(4, dtype=torch.bfloat16), np.array([0, 0, 0, 1e-30]),
]  # fmt: skip


def test_other_arrays_are_others(tmp_path, monkeypatch):
    found = [fingerprints.of_array(array) for array in ARRAYS]
    assert len(set(found)) == len(found)
    monkeypatch.setattr(fingerprints, "BLOCK", 16)  # bytes
    assert [fingerprints.of_array(array) for array in ARRAYS] == found
    array = np.random.default_rng(0).normal(size=(7, 3))
    np.save(tmp_path / "a.npy", array)
    mapped, fortran = np.load(tmp_path / "a.npy", mmap_mode="r"), np.asfortranarray(array)
    assert len({fingerprints.of_array(a) for a in (array, mapped, fortran, torch.from_numpy(array))}) == 1


@pytest.mark.parametrize("change", [
    lambda: torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU()), lambda: torch.nn.Linear(3, 1),
    lambda: torch.nn.Linear(2, 1, bias=False), torch.nn.Identity,
])  # fmt: skip
def test_other_networks_are_others(change):
    assert fingerprints.of_model(change()) != fingerprints.of_model(torch.nn.Linear(2, 1))


class Net(torch.nn.Module):
    exponent = 1

    def __init__(self, act=torch.relu, powers=(1,)):
        super().__init__()
        self.linear, self.act, self.powers = torch.nn.Linear(2, 1), act, powers
        self.own = lambda x: self.linear(x)
        self.again = self.forward

    def features(self, x):
        self.last = [x]
        return sum(x**power for power in self.powers) ** self.exponent

    def forward(self, x):
        return self.act(self.own(self.features(x)))

    def plot(self):
        return 1


class Squared(Net):
    exponent = 2


class Absolute(Net):
    def features(self, x):
        return super().features(x).abs()


def test_networks_of_the_same_layers_that_calculate_otherwise_are_others():
    for kind in Squared, Absolute:
        kind.__qualname__ = "Net"  # as where a cell of a notebook was changed
    nets = Net(), Net(torch.sin), Net(lambda x: x + 1), Net(powers=[2]), Squared(), Absolute()
    found = [fingerprints.of_model(net) for net in nets]
    assert len(set(found)) == len(found)
    nets[0](torch.ones(1, 2))  # which keeps its last batch
    assert found[0] == fingerprints.of_model(nets[0]) == fingerprints.of_model(Net())


def test_a_method_that_the_network_does_not_call_does_not_count(monkeypatch):
    before = fingerprints.of_model(Net())
    monkeypatch.setattr(Net, "plot", lambda self: 2)
    assert fingerprints.of_model(Net()) == before


PROGRAM = """
import numpy as np, torch
from common.fingerprints import of_function, of_model
class Act(torch.nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f
    def forward(self, x):
        return self.f(x)
    def extra_repr(self):
        return f"{self.f}"
WEIGHTS, NAMES = {torch.relu: 1.0, (lambda x: x): 2.0}, np.array(["no", None], dtype=object)
def loss(p, y):
    return sum(weight * f(p) for f, weight in WEIGHTS.items()), NAMES[0]
print(of_function(loss), of_model(Act(lambda x: x)))
"""


def test_addresses_do_not_count():
    run = lambda: subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, check=True)  # noqa: E731
    assert run().stdout == run().stdout


def counting():
    """Functions and a network that change what they hold when they are called, and how to call each."""
    n, seen, state, total = 0, [], {"n": 0}, torch.zeros(1)

    def counter(x):
        nonlocal n
        n += 1
        return x

    class Noise:
        def __init__(self):
            self.n, self.seen = 0, {}

        def __call__(self, x):
            self.n += 1
            return self.noisy(x)

        def noisy(self, x):
            self.seen["last"] = x
            return x

    class Counted(torch.nn.Module):
        calls = 0

        def __init__(self):
            super().__init__()
            self.linear, self.n, self.shapes = torch.nn.Linear(1, 1), 0, []
            self.register_buffer("center", torch.zeros(1))

        def forward(self, x):
            self.n += 1
            Counted.calls += 1
            self.shapes.append(tuple(x.shape))
            self.center.mul_(0.9).add_(1)
            return self.linear(x)

        def extra_repr(self):
            return f"{self.n} calls"

    def counted(x):
        state["n"] += 1
        state[x.ndim] = 1
        return x

    frozen = Counted().requires_grad_(False)
    return [counter, lambda x: seen.append(x), lambda x: total.add_(x), counted, Noise(), frozen], Counted()


def test_what_a_call_changes_does_not_count():
    functions, model = counting()
    find = lambda: [*map(fingerprints.of_function, functions), fingerprints.of_model(model)]  # noqa: E731
    before = find()
    for function in [*functions, model]:
        function(torch.ones(1))
    assert find() == before and len(set(before)) == len(before)


def test_what_is_only_read_counts():
    values, key = {"a": 1}, "a"
    functions = [lambda x: x + values["a"], lambda x: x[values[key]], lambda x: (y := values["a"]) + y]
    before = [fingerprints.of_function(function) for function in functions]
    values["a"] = 2
    assert all(fingerprints.of_function(function) != old for function, old in zip(functions, before, strict=True))


def test_what_cannot_be_described_is_left_out():
    deep = []
    for _ in range(2000):
        deep = [deep]
    sparse, lazy, net = torch.eye(3).to_sparse(), torch.nn.LazyLinear(1), torch.nn.Linear(1, 1)
    net.deep = deep
    for value in deep, sparse, torch.empty(2, device="meta"), lazy, torch.compile(torch.nn.Linear(1, 1)):
        function = lambda x, value=value: value  # noqa: E731
        assert fingerprints.of_function(function) == fingerprints.of_function(function)
    assert fingerprints.of_model(net) == fingerprints.of_model(net)


def test_functions_in_functions_take_no_time():
    """Each is looked at once, and its text does not grow with what it uses."""
    names = {"__name__": "__main__"}
    exec("f0 = f1 = lambda x: x", names)
    for n in range(2, 60):
        exec(f"def f{n}(x): return f{n - 1}(x) + f{n - 2}(x)", names)
    before = fingerprints.of_function(names["f59"])
    exec("def f2(x): return x + 1", names)
    assert fingerprints.of_function(names["f59"]) != before


@dataclasses.dataclass
class Config:
    act: str = "relu"
    calls: int = 0


class Configured(torch.nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config

    def forward(self, x):
        self.config.calls += 1
        return getattr(torch, self.config.act)(x)


def test_settings_in_a_dataclass_count():
    net = Configured(Config())
    before = fingerprints.of_model(net)
    net(torch.ones(1))
    assert fingerprints.of_model(net) == before != fingerprints.of_model(Configured(Config("tanh")))
