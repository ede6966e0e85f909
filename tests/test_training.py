"""The training loop: reproducible, resumable, the same on one process and on two."""

import ast
import inspect
import os
import platform
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import binary_cross_entropy_with_logits

from common import checkpoints, notebook_files
from common.challenge import ROOT
from common.datasets import Dataset
from common.training import fit, predict, seed_everything
from tests.benchmarks.lessons import NOTEBOOKS, TRAINING


def problem(n=3000):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5)).astype(np.float32)
    y = (X[:, 0] * X[:, 1] + X[:, 2] + rng.normal(size=n) > 0).astype(np.float32)
    half = n // 2
    return (X[:half], y[:half]), (X[half:], y[half:])


def network():
    seed_everything(1)
    return torch.nn.Sequential(
        torch.nn.Linear(5, 32), torch.nn.SiLU(), torch.nn.Dropout(0.2), torch.nn.Linear(32, 1),
        torch.nn.Flatten(0),
    )


def train(model=None, **options):
    model = model or network()
    settings = dict(
        loss=binary_cross_entropy_with_logits, score=roc_auc_score, epochs=8, batch_size=100, lr=2e-2,
        accelerator="cpu", progress=False,
    )
    return model, fit(model, *problem(), **{**settings, **options})


def same_weights(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_it_learns_and_keeps_the_best_epoch():
    model, history = train()
    X, y = problem()[1]
    assert history.best_score == max(history.valid_score) > 0.8
    assert roc_auc_score(y, predict(model, X, accelerator="cpu")) == pytest.approx(history.best_score)
    assert history.train_loss[-1] < history.train_loss[0]


def test_same_seed_same_weights_other_seed_other_weights():
    first, again, other = (train(seed=seed)[0] for seed in (0, 0, 5))
    assert same_weights(first, again) and not same_weights(first, other)


class Interrupt(Exception):
    pass


def test_resumes_from_its_checkpoint_to_the_same_result(tmp_path, monkeypatch):
    straight, history = train()
    checkpoint, save = tmp_path / "training.pt", checkpoints.save

    def interrupting(*state):
        if len(state[-3]["train_loss"]) == 4:  # epochs
            raise Interrupt
        save(*state)

    with monkeypatch.context() as patch, pytest.raises(Interrupt):
        patch.setattr(checkpoints, "save", interrupting)
        train(checkpoint=checkpoint)
    resumed, again = train(checkpoint=checkpoint)
    assert again == history
    assert same_weights(straight, resumed)


def test_a_checkpoint_that_cannot_be_written_is_said_before_training(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    loss = lambda *_: pytest.fail("trained")  # noqa: E731
    for path in (tmp_path / "file" / "a.pt", tmp_path, ""):
        with pytest.raises(OSError, match="cannot write to|is a folder"):
            train(loss=loss, checkpoint=path)
    train(epochs=1, checkpoint="~/a.pt")
    assert (tmp_path / "a.pt").is_file()


@pytest.mark.parametrize("change", [
    {"model": None}, {"optimizer": {}}, {"schedule": 1}, {"history": {}},
    {"history": {"train_loss": [1.0], "valid_loss": [1.0], "valid_score": [], "best_epoch": 0}},
])  # fmt: skip
def test_a_checkpoint_of_which_a_part_was_changed(tmp_path, change):
    train(epochs=1, checkpoint=tmp_path / "a.pt")
    torch.save(torch.load(tmp_path / "a.pt", weights_only=True) | change, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="is not a checkpoint of fit"):
        train(epochs=1, checkpoint=tmp_path / "a.pt")


def test_checkpoint_of_another_training_is_refused(tmp_path):
    train(checkpoint=tmp_path / "a.pt")
    with pytest.raises(ValueError, match="belongs to a training with .* delete it to start again"):
        train(checkpoint=tmp_path / "a.pt", epochs=9)


def lazy():
    return torch.nn.Sequential(torch.nn.LazyBatchNorm1d(), torch.nn.LazyLinear(1), torch.nn.Flatten(0))


@pytest.mark.parametrize("make", [lambda: torch.compile(network(), backend="eager"), lazy])
def test_compiled_and_lazy_networks_are_trained_and_resumed(tmp_path, make):
    options = dict(epochs=2, checkpoint=tmp_path / "a.pt")
    model, history = train(make(), **options)
    again, resumed = train(make(), **options)
    assert train(model, **options)[1] == resumed == history and same_weights(model, again)


(X_TRAIN, Y_TRAIN), (X_VALID, Y_VALID) = problem(400)
OTHER = network()
OTHER[1] = torch.nn.ReLU()
WEIGHTED = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(2.0))


def weighted(weight):
    return lambda p, y: binary_cross_entropy_with_logits(p, y, pos_weight=torch.tensor(weight))


@pytest.mark.parametrize("before, after, difference", [
    ({}, {"train": (X_TRAIN, 1 - Y_TRAIN)}, "another training set"),
    ({}, {"train": (X_TRAIN + 1e-3, Y_TRAIN)}, "another training set"),
    ({}, {"valid": (X_VALID[::-1], Y_VALID)}, "another validation set"),
    ({}, {"model": OTHER}, "another model"),
    ({}, {"loss": torch.nn.functional.mse_loss}, "another loss or network"),
    ({"loss": weighted(2.0)}, {"loss": weighted(3.0)}, "another loss or network"),
    ({"loss": WEIGHTED}, {"loss": torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))}, "another loss or network"),
    ({}, {"score": roc_auc_score}, "another score"),
    ({}, {"augment": lambda X: X.flip(0)}, "another augmentation"),
    ({}, {"weight_decay": 0.0, "lr": 1e-3}, "lr = 0.02, not 0.001; weight_decay = 0.01, not 0.0"),
])  # fmt: skip
def test_a_checkpoint_knows_its_training(tmp_path, before, after, difference):
    def go(model=None, train=(X_TRAIN, Y_TRAIN), valid=(X_VALID, Y_VALID), **options):
        settings = dict(loss=binary_cross_entropy_with_logits, epochs=2, lr=2e-2, accelerator="cpu", progress=False)
        fit(model or network(), train, valid, checkpoint=tmp_path / "a.pt", **settings | options)

    go(**before)
    kept = (tmp_path / "a.pt").read_bytes()
    go(**before)  # the same training has nothing left to do
    with pytest.raises(ValueError, match=f"a.pt belongs to a training with {difference}.*: delete it to start again"):
        go(**before | after)
    assert (tmp_path / "a.pt").read_bytes() == kept


INDEXES = [range(7, 207), np.arange(200)[::-1], pd.date_range("2026-01-01", periods=200), [0] * 200]


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("kind", ["float32", "float64", "Float64"])
def test_pandas_objects_train_like_arrays(index, kind):
    X, y = pd.DataFrame(X_TRAIN, index, dtype=kind), pd.Series(Y_TRAIN, index, dtype=kind)
    options = dict(loss=binary_cross_entropy_with_logits, epochs=1, accelerator="cpu", progress=False)
    one, other = network(), network()
    fit(one, (X, y), (X, y), **options)
    fit(other, Dataset(X_TRAIN, Y_TRAIN), (X_TRAIN, Y_TRAIN), **options)
    assert same_weights(one, other)
    np.testing.assert_array_equal(predict(one, X, accelerator="cpu"), predict(other, X_TRAIN, accelerator="cpu"))


FRAME = pd.DataFrame(X_TRAIN, columns=list("abcde"))


@pytest.mark.parametrize("data, reason", [
    ((FRAME.assign(site="CERN"), Y_TRAIN), r"train X: expected numbers.* \(columns site\)"),
    ((FRAME, pd.Series(["cat"] * 200)), "train y: expected numbers"),
    ((FRAME, list("ab") * 100), "train y: expected numbers"),
    ((FRAME, None), "train y: there is none"),
    (Dataset(X_TRAIN, None), "train y: there is none"),
    ((np.ma.masked_greater(X_TRAIN, 3), Y_TRAIN), "train X: some values are masked; give numbers in place"),
    (FRAME, r"train must be a pair \(X, y\) or a Dataset, not DataFrame"),
    ((FRAME.astype("Float64").mask(FRAME > 3), Y_TRAIN), "look for NaN in X"),
])  # fmt: skip
def test_what_holds_no_numbers(data, reason):
    options = dict(loss=binary_cross_entropy_with_logits, accelerator="cpu", progress=False)
    with pytest.raises(ValueError, match=reason):
        fit(network(), data, (X_VALID, Y_VALID), **options)


def test_patience_is_a_number_of_epochs():
    with pytest.raises(ValueError, match="patience must be a whole number of at least 1, not 0"):
        train(patience=0)


def test_a_model_of_64_bits_keeps_its_numbers():
    X, y = X_TRAIN.astype(float), Y_TRAIN.astype(float)
    model = network().double()
    fit(model, (X, y), (X, y), loss=lambda p, y: binary_cross_entropy_with_logits(p, y.to(p)), epochs=1,
        accelerator="cpu", progress=False)  # fmt: skip
    assert model[0].weight.dtype == torch.float64


@pytest.mark.parametrize("settings", [None, [64, 3], {"epochs": torch.zeros(3)}])
def test_checkpoint_of_something_else_is_one_clear_error(tmp_path, settings):
    torch.save({"settings": settings, "model": network().state_dict()}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="is not a checkpoint of fit"):
        train(checkpoint=tmp_path / "a.pt")


def test_damaged_checkpoint_is_one_clear_error(tmp_path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="is not a checkpoint of fit"):
        train(checkpoint=path)
    path.unlink()
    model, _ = train(checkpoint=path, epochs=1)
    weights = model[0].weight.detach().numpy().tobytes()
    blob = path.read_bytes()
    path.write_bytes(blob.replace(weights, weights[:-1] + bytes([weights[-1] ^ 0x80])))  # one weight changes its sign
    with pytest.raises(ValueError, match="or a damaged one"):
        train(checkpoint=path, epochs=1)


def test_early_stopping():
    scores = iter([0.5, 0.7, 0.6, 0.6, 0.6, 0.9, 0.9, 0.9])
    _, history = train(score=lambda y, p: next(scores), patience=2)
    assert len(history) == 4 and history.best_epoch == 1


def test_two_processes_train_to_the_same_quality():
    heavy = network()
    heavy.register_buffer("unused", torch.zeros(100_000))  # more bytes than a pipe between processes holds at once
    one, two = train()[1], train(heavy, devices=2, batch_size=50)[1]
    assert len(one) == len(two) == 8
    assert abs(one.best_score - two.best_score) < 0.01


def test_augmentation_is_applied_to_training_only():
    seen = []

    def augment(X):
        seen.append(len(X))
        return X.flip(0) * 0

    _, history = train(augment=augment, epochs=1)
    assert sum(seen) == 1500 and history.best_score < 0.75


@pytest.mark.parametrize("X, y", [(np.zeros((3, 5), "f"), np.zeros(2, "f")), (np.zeros((0, 5), "f"), np.zeros(0, "f"))])
def test_sets_that_do_not_fit(X, y):
    with pytest.raises(ValueError, match="train: . samples and . labels"):
        fit(network(), (X, y), problem()[1], loss=binary_cross_entropy_with_logits)


def test_nan_is_reported_in_the_epoch_it_appears():
    (X, y), valid = problem()
    X[7, 2] = np.nan
    with pytest.raises(ValueError, match="the loss is nan in training .* in epoch 0: .* look for NaN"):
        fit(network(), (X, y), valid, loss=binary_cross_entropy_with_logits, accelerator="cpu", progress=False)


def test_nan_in_validation_is_no_best_epoch():
    train_set, (X, y) = problem()
    X[3, 0] = np.nan
    with pytest.raises(ValueError, match="nan in validation in epoch 0"):
        fit(
            network(), train_set, (X, y), loss=binary_cross_entropy_with_logits, accelerator="cpu",
            progress=False,
        )


def test_a_score_that_is_no_number_is_named():
    train_set, (X, y) = problem()
    for score, found in (lambda y, p: float("nan"), "nan"), (lambda y, p: np.inf, "inf"):
        with pytest.raises(ValueError, match=f"the score is {found} in epoch 0"):
            fit(network(), train_set, (X, y), loss=binary_cross_entropy_with_logits, score=score, accelerator="cpu",
                progress=False)  # fmt: skip


def test_last_batch_is_never_a_single_sample():
    (X, y), valid = problem()
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 1), torch.nn.Flatten(0))
    fit(
        model, (X[:513], y[:513]), valid, loss=binary_cross_entropy_with_logits, epochs=1, accelerator="cpu",
        progress=False,
    )  # BatchNorm refuses a batch of one


def test_memory_mapped_samples(tmp_path, recwarn):
    (X, y), (X_valid, y_valid) = problem()
    for name, array in [("train", X), ("valid", X_valid)]:
        np.save(tmp_path / f"{name}.npy", array)
    mapped = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("train", "valid")]
    options = dict(loss=binary_cross_entropy_with_logits, epochs=2, accelerator="cpu", progress=False)
    one, other = network(), network()
    fit(one, (X, y), (X_valid, y_valid), **options)
    fit(other, (mapped[0], y), (mapped[1], y_valid), **options)
    assert same_weights(one, other)
    assert not [w for w in recwarn if "writable" in str(w.message)]


@pytest.mark.parametrize("options", [dict(epochs=0), dict(batch_size=0), dict(devices=1.5)])
def test_bad_numbers(options):
    with pytest.raises(ValueError, match="must be a whole number of at least 1"):
        train(**options)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_memory_is_kept_for_the_next_step():
    program = (
        "import resource, torch; from common.training import keep_memory\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(20): [torch.ones(2_000_000) for _ in range(8)]\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "print(faults()); keep_memory(); faults(); print(faults())"
    )
    # With a fixed threshold glibc gives back every large piece; the usual one grows, and luck decides what it keeps.
    fixed = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold=131072"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=fixed, capture_output=True, text=True, check=True
    )
    before, after = map(int, done.stdout.split())
    assert before > 20 * 8000, "64 MB are 16,000 pages"
    assert after < 1000


# --- the benchmarks train as the lessons do ---------------------------------------------------------


def settings_of_calls(code, function):
    """The loss, and what stands as a number, in each call of a function: [{name: text}]."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == function:
            words = {word.arg: word.value for word in node.keywords if word.arg != "progress"}
            numbers = {name: ast.unparse(value) for name, value in words.items() if isinstance(value, ast.Constant)}
            losses = {name: ast.unparse(value).rpartition(".")[2] for name, value in words.items() if name == "loss"}
            found.append(numbers | losses)
    return found


def test_benchmarks_train_as_the_lessons_do():
    assert TRAINING.keys() == NOTEBOOKS.keys()
    for name, (train, function) in TRAINING.items():
        nb = notebook_files.read(ROOT / NOTEBOOKS[name])
        in_lesson = "\n".join(cell.source for cell in notebook_files.code_cells(nb))
        (ours,) = settings_of_calls(inspect.getsource(train), function)
        assert ours in settings_of_calls(in_lesson, function), f"{name}: {train.__name__} has {ours}"
