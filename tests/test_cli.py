"""The command line of a data script: what it writes, and one line for what it cannot do."""

import errno
import importlib
import io
import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common import cli
from common.challenge import ROOT, registry
from common.datasets import Dataset, Stream, from_bytes
from common.hackathon.__main__ import main as hackathon
from common.hackathon.secrets import check_secret, seed_of
from tests import toy


def run(*argv, streams=None, **options):
    return cli.main("Toy", streams or {"": toy.stream()}, argv=list(map(str, argv)), **options)


@pytest.mark.parametrize("suffix, read", [(".parquet", pd.read_parquet), (".csv", pd.read_csv)])
def test_simulate_writes_a_table(tmp_path, suffix, read):
    out = tmp_path / f"toy{suffix}"
    assert run("simulate", "--n", 25, "--workers", 1, "--out", out) == 0
    expected = toy.stream().load("train", 25)
    table = read(out)
    assert list(table) == ["label", "a", "b"]
    np.testing.assert_allclose(table[["a", "b"]].to_numpy(np.float32), expected.X, rtol=1e-6)
    assert table.label.tolist() == expected.y.tolist()


def test_hidden_labels_go_to_a_file_of_their_own(tmp_path, data_home, capsys):
    secret = "0f8e1c-larch-51d3b7-quartz"
    assert run("simulate", "--n", 15, "--seed", secret, "--hide-labels", "--out", tmp_path / "t.npz") == 0
    assert not data_home.exists()  # the cache may be read by others
    public = from_bytes((tmp_path / "t.npz").read_bytes())
    truth = from_bytes((tmp_path / "t.truth.npz").read_bytes())
    expected = toy.stream().load("train", 15, seed_of(secret, "Toy "))
    assert public.y is None and "run" not in public.meta  # what is known of each sample could give its label away
    np.testing.assert_array_equal(public.X, expected.X)
    np.testing.assert_array_equal(truth.X, expected.y)
    np.testing.assert_array_equal(truth.meta["run"], expected.meta["run"])
    assert os.name != "posix" or not (tmp_path / "t.truth.npz").stat().st_mode & 0o077
    assert secret not in capsys.readouterr().out
    assert not any(secret in str(path) for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("failing", ["t.npz", "t.truth.npz"])
def test_samples_and_hidden_labels_are_replaced_together_or_not(tmp_path, monkeypatch, capsys, failing):
    argv = ["simulate", "--n", 15, "--hide-labels", "--out", tmp_path / "t.npz", "--seed"]
    assert run(*argv, "0f8e1c-larch-51d3b7-quartz") == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    write = Path.write_bytes

    def full(path, blob):
        if path.name.startswith(f".{failing}."):
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        return write(path, blob)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert run(*argv, "7a41d0-alder-90c2e6-basalt") == 1
    assert f"cannot write to {tmp_path}: your share of the disk is full" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_guessable_secret_is_refused_before_simulating(tmp_path, capsys):
    assert run("simulate", "--seed", 7, "--hide-labels", "--out", tmp_path / "t.npz") == 1
    said = capsys.readouterr().err
    assert "at least 16" in said and "leave it out" not in said
    check_secret(said.split()[-1])
    assert not list(tmp_path.iterdir())


def test_an_argument_that_is_no_text_is_refused(capsys):
    for command in (lambda *argv: run("simulate", *argv), lambda *argv: hackathon(["prepare", *argv])):
        with pytest.raises(SystemExit, match="2"):
            command("--out", "toy.npz", "--seed", "0f8e1c-larch-51d3b7-quartz\udcff")
        said = capsys.readouterr().err
        assert "argument --seed: not UTF-8 text" in said and "larch" not in said


@pytest.mark.parametrize("argv, reason", [
    (["simulate", "--out", "toy.txt"], "must end in .npz, .parquet or .csv"),
    (["simulate", "--n", "0", "--out", "toy.npz"], "n must be a whole number of at least 1"),
    (["describe", "--n", "99999999999999"], "n must be a whole number of at most 10,000,000,000, not 99,999"),
    (["simulate", "--out", "file/toy.npz", "--workers", "1"], "cannot write to file"),
    (["fetch"], "Toy has no official files"),
])
def test_one_line_for_what_cannot_be_done(tmp_path, monkeypatch, capsys, argv, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert run(*argv) == 1
    errors = capsys.readouterr().err
    assert reason in errors and "Traceback" not in errors


def test_it_is_stopped_without_a_traceback(tmp_path, monkeypatch, capsys):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Stream, "load", stopped)
    assert run("simulate", "--out", tmp_path / "toy.npz") == 130
    assert capsys.readouterr().err == "stopped\n" and not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["file/toy.npz", "folder.npz", "hidden.truth.npz"])
def test_what_cannot_be_written_is_said_before_simulating(tmp_path, monkeypatch, capsys, out):
    monkeypatch.setattr(Stream, "load", lambda *_, **__: pytest.fail("simulated"))
    (tmp_path / "file").touch()
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "hidden.truth.npz").mkdir()
    argv = ["--hide-labels", "--seed", "0f8e1c-larch-51d3b7-quartz"] if ".truth" in out else []
    assert run("simulate", "--out", tmp_path / out.replace(".truth", ""), *argv) == 1
    assert str(tmp_path / out.partition("/")[0]) in capsys.readouterr().err


def test_letters_that_a_terminal_lacks_are_escaped(tmp_path, monkeypatch):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    assert run("simulate", "--n", 5, "--workers", 1, "--out", tmp_path / "文.npz") == 0
    assert rb"\u6587.npz" in terminal.buffer.getvalue() and (tmp_path / "文.npz").exists()


def test_images_are_no_table(tmp_path, capsys):
    def images(n, seed):
        return Dataset(np.zeros((n, 4, 4)), np.zeros(n))

    assert run("simulate", "--n", 3, "--workers", 1, "--out", tmp_path / "i.csv", streams={"": toy.stream(images)}) == 1
    assert "tables only" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("folder", [folder for folder in registry() if folder != "Higgs"])
def test_a_challenge_without_tables_says_so_before_simulating(tmp_path, monkeypatch, capsys, folder, suffix):
    def fail(*arguments, **options):
        raise AssertionError("simulated")

    importlib.import_module(f"{folder}.data")  # torch, which some of them import, refuses to be imported by runpy
    monkeypatch.setattr(Stream, "load", fail)
    monkeypatch.setattr(sys, "argv", ["data.py", "simulate", "--n", "1500", "--out", str(tmp_path / f"x{suffix}")])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(ROOT / folder / "data.py", run_name="__main__")
    assert ended.value.code == 1
    assert f"{suffix} holds tables only, and {folder} has none: use .npz" in capsys.readouterr().err


def test_describe(capsys):
    assert run("describe", "--n", 20, "--workers", 1, describe=lambda dataset: f"mean {dataset.X.mean():.1f}") == 0
    assert "Toy: 20 samples of shape (2,), float32" in (output := capsys.readouterr().out)
    assert "labels: 0: " in output and "mean " in output
