"""The same training goes on from its checkpoint, and another one is refused."""

import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import dropout, mse_loss

from common import checkpoints
from common.challenge import ROOT
from common.training import fit

X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)
ARRAYS = [
    np.zeros(4), np.zeros((4, 1)), np.zeros((2, 2)), np.zeros(4, "f4"), np.zeros(0), np.zeros((0, 2)), np.ones(4),
    np.arange(4.0), np.arange(4.0)[::-1], torch.zeros(4, dtype=torch.bfloat16), np.array([0, 0, 0, 1e-30]),
]  # fmt: skip


def test_other_arrays_are_others(tmp_path, monkeypatch):
    found = [checkpoints.of_array(array) for array in ARRAYS]
    assert len(set(found)) == len(found)
    monkeypatch.setattr(checkpoints, "BLOCK", 16)  # bytes
    assert [checkpoints.of_array(array) for array in ARRAYS] == found
    array = np.random.default_rng(0).normal(size=(7, 3))
    np.save(tmp_path / "a.npy", array)
    mapped, fortran = np.load(tmp_path / "a.npy", mmap_mode="r"), np.asfortranarray(array)
    assert len({checkpoints.of_array(a) for a in (array, mapped, fortran, torch.from_numpy(array))}) == 1


@pytest.mark.parametrize("other", [
    torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.ReLU()), torch.nn.Linear(3, 1), torch.nn.Identity(),
    torch.nn.Linear(2, 1, bias=False), torch.nn.Sequential(torch.nn.Dropout(0.1)),
    torch.nn.Sequential(torch.nn.Dropout(0.2)), torch.nn.Linear(2, 1).double(),
])  # fmt: skip
def test_other_layers_are_others(other):
    mine = checkpoints.of_layers(torch.nn.Sequential(torch.nn.Dropout(0.5)))
    assert mine != checkpoints.of_layers(other) != checkpoints.of_layers(torch.nn.Linear(2, 1))


class Net(torch.nn.Module):
    """With a setting that its layers do not show, and a text that changes with each call."""

    def __init__(self, settings):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.settings, self.seen = torch.nn.Linear(3, 1), settings, []

    def forward(self, x):
        self.seen.append(x.shape)
        return self.settings.act(self.linear(dropout(x, 0.1, self.training)))

    def extra_repr(self):
        return f"{len(self.seen)} calls of {self.settings.act}"


def go(path, net=None, loss=mse_loss, **options):
    torch.manual_seed(0)
    net = net or torch.nn.Linear(3, 1)
    options = dict(epochs=2, batch_size=16, accelerator="cpu", progress=False) | options
    return fit(net, (X, Y), (X, Y), loss=loss, checkpoint=path / "a.pt", **options)


def weighted(settings):
    return lambda p, y: settings.weight * mse_loss(p, y)


class Shifted:
    def __init__(self, by):
        self.by, self.calls = by, 0

    def __call__(self, x):
        self.calls += 1
        return x + self.by * torch.randn_like(x)


def acting(act):
    return {"net": Net(SimpleNamespace(act=act))}


@pytest.mark.parametrize("mine, other, what", [
    (lambda: {"loss": weighted(SimpleNamespace(weight=1.0))}, lambda: {"loss": weighted(SimpleNamespace(weight=1.01))},
     "loss or network"),
    (lambda: acting(torch.relu), lambda: acting(torch.tanh), "loss or network"),
    (lambda: {"score": lambda y, p: -abs(y - p).mean()}, lambda: {"score": lambda y, p: -abs(y - p).max()}, "score"),
    (lambda: {"augment": Shifted(0.1)}, lambda: {"augment": Shifted(0.2)}, "augmentation"),
    (dict, lambda: {"augment": lambda x: x.flip(0)}, "augmentation"),
])  # fmt: skip
def test_what_functions_and_networks_do_is_known(tmp_path, mine, other, what):
    history = go(tmp_path, **mine())
    assert go(tmp_path, **mine()) == history
    with pytest.raises(ValueError, match=f"belongs to a training with another {what}"):
        go(tmp_path, **other())


def test_what_is_kept_between_calls_does_not_matter(tmp_path):
    """As in a cell of a notebook that is run again."""
    log, rng, net = {"loss": [], "score": []}, np.random.default_rng(0), Net(SimpleNamespace(act=torch.relu))
    options = dict(
        loss=lambda p, y: log["loss"].append(len(y)) or mse_loss(p, y), net=net,
        score=lambda y, p: log["score"].append(1) or -abs(y - p).mean(),
        augment=lambda x: x + float(rng.normal()),  # not torch's random numbers: nobody can know it
    )  # fmt: skip
    history = go(tmp_path, **options)
    assert go(tmp_path, **options) == history


def test_random_numbers_in_validation(tmp_path):
    noisy = dict(loss=lambda p, y: mse_loss(p + torch.randn_like(p), y))
    history = go(tmp_path, **noisy)
    assert go(tmp_path, **noisy) == history


def test_a_loss_that_changes_from_call_to_call_cannot_go_on(tmp_path):
    def annealed():
        steps = iter(range(1, 1000))
        return lambda p, y: mse_loss(p, y) / next(steps)

    go(tmp_path, loss=annealed())
    with pytest.raises(ValueError, match="another loss or network"):
        go(tmp_path, loss=annealed())


PROGRAM = """
import sys, numpy as np, torch
from pathlib import Path
from tests.test_checkpoints import go, Net, Shifted, SimpleNamespace
HALF = {torch.relu: 0.5}
def loss(p, y):
    return sum(weight * (f(p) - y).square().mean() for f, weight in HALF.items())
options = dict(loss=loss, augment=Shifted(0.1), net=Net(SimpleNamespace(act=lambda x: x)))
print(go(Path(sys.argv[1]), **options).train_loss)
"""


def test_another_process_goes_on(tmp_path):
    run = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    first, again = (
        subprocess.run(run, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in "12"
    )
    assert first == again


def test_a_network_with_other_weights_goes_on_with_a_warning(tmp_path):
    """As the second one of an ensemble under the same name; the first one again, trained or not, is no other."""
    net = torch.nn.Linear(3, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = go(tmp_path, net)
        assert go(tmp_path, net) == history
    with pytest.warns(UserWarning, match="a.pt: training goes on from the weights in there, which began as others"):
        assert go(tmp_path, torch.nn.Linear(3, 1)) == history


class Dropping(torch.nn.Module):
    def __init__(self, rate):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.rate = torch.nn.Linear(3, 1), rate

    def forward(self, x):
        return self.linear(dropout(x, self.rate, self.training))


def test_the_rate_of_a_dropout_of_its_own_is_known(tmp_path):
    history = go(tmp_path, Dropping(0.1))
    assert go(tmp_path, Dropping(0.1)) == history
    with pytest.raises(ValueError, match="another augmentation, or loss or network in training"):
        go(tmp_path, Dropping(0.5))


def test_small_losses_and_those_of_training_alone_are_compared(tmp_path):
    def small(factor, in_training=1):
        return lambda p, y: 1e-6 * factor * mse_loss(p, y) * (in_training if p.requires_grad else 1)

    history = go(tmp_path, loss=small(1))
    assert go(tmp_path, loss=small(1)) == history
    for other in (small(3), small(1, 3)):
        with pytest.raises(ValueError, match="another .*loss or network"):
            go(tmp_path, loss=other)


def test_looking_at_the_training_changes_nothing(tmp_path):
    """Means of batches and random numbers are those of a training without a checkpoint."""
    def net():
        torch.manual_seed(0)
        layers = torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(), torch.nn.Linear(4, 1)
        return torch.nn.Sequential(*layers)

    kept, plain = net(), net()
    history = go(tmp_path, kept, augment=Shifted(0.1))
    other = fit(plain, (X, Y), (X, Y), loss=mse_loss, epochs=2, batch_size=16, accelerator="cpu", progress=False,
                augment=Shifted(0.1))  # fmt: skip
    assert history == other
    assert all(torch.equal(a, b) for a, b in zip(kept.state_dict().values(), plain.state_dict().values(), strict=True))


@pytest.mark.skipif(os.name != "posix", reason="limits of files are those of POSIX")
def test_a_full_disk_is_said_and_keeps_the_last_checkpoint(tmp_path):
    import resource

    net, limits = torch.nn.Linear(3, 1), resource.getrlimit(resource.RLIMIT_FSIZE)
    go(tmp_path, net)
    kept = (tmp_path / "a.pt").read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=f"cannot write to {tmp_path}: no file may be that large there. Please"):
            checkpoints.save(tmp_path / "a.pt", {}, net, net, net, {}, {}, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "a.pt").read_bytes() == kept and len(list(tmp_path.iterdir())) == 1


def test_frozen_layers_are_others():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    whole = checkpoints.of_layers(model)
    model[0].requires_grad_(False)
    assert checkpoints.of_layers(model) != whole
    model[0].requires_grad_(True)
    assert checkpoints.of_layers(model) == whole
