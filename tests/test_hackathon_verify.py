"""A notebook runs again in a sandbox: what it may, what it may not, and what is said of its predictions."""

import json
import os
import shutil
import sys
import time

import numpy as np
import psutil
import pytest

from common.challenge import SubmissionError
from common.datasets import read
from common.hackathon import archive, rerun, verify
from common.hackathon.__main__ import main
from tests.test_hackathon import KEY, N, clock, good, hand_in, prepared  # noqa: F401  (fixtures)

HONEST = """\
from common.datasets import read
from Higgs.challenge import CHALLENGE

test = read("event/public/Higgs-classification.npz")
p = test.X[:, 0] > 0
CHALLENGE.task("classification").submission.write("my_folder", p * 0.5 + 0.25)
"""
# Each line is one that the sandbox should refuse; at the end the honest predictions
HOSTILE = """\
import os
import socket
import subprocess

def refused(action):
    try:
        action()
    except OSError:
        return
    raise SystemError(f"allowed: {action.__code__.co_consts}")

refused(lambda: socket.create_connection(("1.1.1.1", 53), 2))
refused(lambda: socket.create_connection(("127.0.0.1", PORT), 2))
refused(lambda: socket.getaddrinfo("example.org", 80))
refused(lambda: open("COURSE/common/evil.py", "w"))
refused(lambda: open("/usr/evil", "w"))
refused(lambda: open("/evil", "w"))
refused(lambda: open("/dev/evil", "w"))
refused(lambda: open("event/public/evil", "w"))
refused(lambda: open("/submission/evil", "w"))
refused(lambda: os.listdir("EVENT/private"))
refused(lambda: os.listdir("EVENT"))
refused(lambda: open("/etc/shadow"))
refused(lambda: open("COURSE/pyproject.toml"))
refused(lambda: os.kill(PID, 9))
assert subprocess.run(["unshare", "-Ur", "true"], capture_output=True).returncode
assert os.getuid() == 1000 and "SECRET" not in os.environ
assert not any(b"SECRET" in open(f"/proc/{k}/environ", "rb").read() for k in os.listdir("/proc") if k.isdigit())
"""
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is one of Linux")
sandboxed = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


@pytest.fixture
def folder(prepared):  # noqa: F811
    return prepared


def notebook(source):
    cell = {"cell_type": "code", "id": "a", "source": source, "execution_count": 1, "outputs": [], "metadata": {}}
    nb = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return {archive.NOTEBOOK: json.dumps(nb).encode()}


def honest(folder):
    """What `HONEST` predicts."""
    return np.where(read(folder / "public" / "Higgs-classification.npz").X[:, 0] > 0, 0.75, 0.25)


def verified(folder, tmp_path, source, probability, capsys, *options):
    """Exit status, output and errors of `verify` for a submission."""
    path = hand_in(tmp_path / "subs", "one.zip", probability, more=notebook(source))
    status = main(["verify", str(folder), str(path), *options])
    said = capsys.readouterr()
    return status, said.out, said.err


@pytest.fixture
def plain(monkeypatch):
    """Without the tool the notebook runs in a plain process: what is tested is the rest."""

    def command(folder, given):
        monkeypatch.setattr(verify, "GIVEN", str(given))
        home = given.parent / "home"
        shutil.copytree(folder / "public", home / verify.WORK / "event" / "public")
        return ["env", "-C", str(home), f"PYTHONPATH={verify.ROOT}", sys.executable]

    if shutil.which("bwrap") is None:
        monkeypatch.setattr(verify, "sandbox", command)


@on_linux
def test_an_honest_notebook_agrees(folder, tmp_path, capsys, plain):
    status, out, err = verified(folder, tmp_path, HONEST, honest(folder), capsys)
    assert (status, err) == (0, "")
    assert f"Higgs-classification: reproduced: the same predictions for all {N} samples" in out
    assert "Isolation: bubblewrap. The notebook has no network." in out and "Not guarded against" in out


@on_linux
def test_other_predictions_are_reported(folder, tmp_path, capsys, plain):
    status, out, _ = verified(folder, tmp_path, HONEST, good(9.0), capsys)
    assert status == 1 and "Higgs-classification: NOT REPRODUCED: AUC 0." in out
    assert "as handed in; the same predictions for 0 of 60 samples" in out


@on_linux
def test_a_notebook_that_fails(folder, tmp_path, capsys, plain):
    source, message = "1 / 0", "ZeroDivisionError: division by zero"
    if shutil.which("bwrap"):
        source = "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)"
        message = "OSError: [Errno 101] Network is unreachable"
    status, _, err = verified(folder, tmp_path, source, honest(folder), capsys)
    first = source.partition("\n")[0]
    assert status == 1 and f"verify: the notebook fails: cell [1] {first} {message}" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("files, message", [
    ({}, "writes no prediction file"),
    ({"a/higgs_predictions.csv": "0.5", "b/higgs_predictions.csv": "0.5"}, "higgs_predictions.csv to two folders"),
    ({"x/higgs_predictions.csv": "0.5\n" * (N - 1)}, "59 rows, expected 60"),
    ({"higgs_predictions.csv": "2\n" * N}, "expected a number from 0 to 1"),
    ({"higgs_predictions.csv": "0.5\n" * N}, ""),
])  # fmt: skip
def test_what_a_notebook_leaves_goes_through_the_doors(folder, tmp_path, files, message):
    given, work = tmp_path / "given", tmp_path / "work"
    for name, text in {**files, "other.csv": "1"}.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    (work / "link").mkdir()
    (work / "link" / "higgs_predictions.csv").symlink_to(tmp_path / "secret")
    given.mkdir()
    (given / archive.NOTEBOOK).write_bytes(notebook("1")[archive.NOTEBOOK])
    try:
        found, _ = verify._read(folder, rerun._packed(given, work, "Higgs"), verify.NotRerun)
    except (SubmissionError, verify.NotRerun) as error:
        assert message and message in str(error)
    else:
        assert not message and [len(values) for values in found.values()] == [N]


GREEDY = """
import os, time
for _ in range(9):
    if not os.fork():
        x = b"1" * 100_000_000
        time.sleep(60)
time.sleep(60)
"""
# What no process has in its own memory: pages that were unmapped again, and files that are in no folder
SHARING = """
import mmap, time
held = mmap.mmap(-1, 1_200_000_000)
for start in range(0, len(held), 100_000_000):
    held[start : start + 100_000_000] = bytes(100_000_000)
    held.madvise(mmap.MADV_DONTNEED)
time.sleep(60)
"""
NAMELESS = """
import os, time
file = os.memfd_create("held")
for _ in range(12):
    os.write(file, bytes(100_000_000))
time.sleep(60)
"""


@on_linux
@pytest.mark.parametrize("source, most, message", [
    ("import time; time.sleep(60)", 2e9, "stopped: it runs for more than 0.05 minutes"),
    (GREEDY, 5e8, "stopped: it needs more than 0.5 GB of memory"),
    (SHARING, 5e8, "stopped: it needs more than 0.5 GB of memory"),
    (NAMELESS, 5e8, "stopped: it needs more than 0.5 GB of memory"),
    (GREEDY, 5e9, "stopped: it starts more than 5 processes"),
    ("import sys; sys.exit('\\x1b[1m' + 'no')", 2e9, "no"),
    ("import os, sys; print('why'); sys.stdout.flush(); os._exit(3)", 2e9, "why"),
])  # fmt: skip
def test_limits(tmp_path, monkeypatch, source, most, message):
    monkeypatch.setattr(verify, "PROCESSES", 5 if "5 processes" in message else 500)
    with open(tmp_path / "out", "wb") as out:
        reason = verify._run([sys.executable, "-c", source], out, 0.05, most)
    assert reason.endswith(message) and reason.isprintable()


@sandboxed
def test_a_notebook_that_never_ends(folder, tmp_path, capsys):
    source = "import os, time\nif not os.fork():\n    os.setsid()\ntime.sleep(1000)"
    status, _, err = verified(folder, tmp_path, source, honest(folder), capsys, "--minutes", "0.12")
    assert status == 1 and "stopped: it runs for more than 0.12 minutes" in err
    for _ in range(50):  # what it started, in sessions of its own too, ends with it
        if not (left := [process for process in psutil.process_iter() if home_of(process) == verify.HOME]):
            break
        time.sleep(0.1)
    assert not left


def home_of(process):
    try:
        return process.environ().get("HOME")
    except psutil.Error:
        return None


@sandboxed
def test_what_the_sandbox_refuses(folder, tmp_path, capsys, monkeypatch):
    import socket

    monkeypatch.setenv("SECRET", "x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        for old, new in (("PORT", server.getsockname()[1]), ("COURSE", verify.ROOT), ("EVENT", folder.resolve()),
                         ("PID", os.getpid())):  # fmt: skip
            monkeypatch.setattr(f"{__name__}.HOSTILE", HOSTILE.replace(old, str(new)))
        status, out, err = verified(folder, tmp_path, HOSTILE + HONEST, honest(folder), capsys)
    assert (status, err) == (0, "") and "reproduced" in out


@on_linux
def test_nothing_runs_without_the_tool(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(verify, "_run", lambda *_: pytest.fail("it runs"))
    monkeypatch.setattr(verify, "TOOL", "no-such-tool")
    status, _, err = verified(folder, tmp_path, HONEST, honest(folder), capsys)
    assert status == 1 and "bubblewrap is missing, and without a sandbox no notebook is run" in err
    fake = tmp_path / "bin" / "old-tool"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'Unknown option --disable-userns' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(verify, "TOOL", str(fake))
    status, _, err = verified(folder, tmp_path, HONEST, honest(folder), capsys)
    assert status == 1 and "no notebook is run without it: Unknown option --disable-userns" in err


def test_the_truth_is_never_in_what_the_notebook_sees(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(verify, "TOOL", "env")
    monkeypatch.setattr(verify, "ROOT", tmp_path)
    event = tmp_path / "common" / "event"
    shutil.copytree(folder, event)
    status, _, err = verified(event, tmp_path, HONEST, honest(folder), capsys)
    assert status == 1 and "which the notebook would see: move the event elsewhere" in err


def test_what_is_no_submission_with_a_notebook(folder, tmp_path, capsys):
    choice = tmp_path / "choice.zip"
    archive.write(choice, archive.Manifest("Team", (), "Higgs", {}, KEY, "a" * 64), {})
    for path, message in ((choice, "choice.zip: a choice"), (tmp_path / "no\x1b.zip", r"no\x1b.zip: cannot be read")):
        assert main(["verify", str(folder), str(path)]) == 1
        assert message in capsys.readouterr().err
    assert main(["verify", str(tmp_path), str(choice)]) == 1
    assert "no such file" in capsys.readouterr().err


def test_which_predictions_are_alike():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 2)) * [1, 1e6]
    assert verify.alike(values, values * (1 + 1e-6)).all()
    assert not verify.alike(values, values + [0.1, 0]).any()
    texts = np.array(["ab", "c"], dtype=object)
    assert verify.alike(texts, np.array(["ab", "d"], dtype=object)).tolist() == [True, False]
    images = rng.normal(size=(4, 1, 8, 8))
    other = images.copy()
    other[2, 0, 0, 0] += 1
    assert verify.alike(images, other).tolist() == [True, True, False, True]
    assert verify.alike(np.full((3, 1), 0.5), np.array([[0.5], [0.5], [0.6]])).tolist() == [True, True, False]


def test_one_huge_prediction_makes_no_others_alike():
    values = np.random.default_rng(0).normal(size=(60, 1))
    values[7] = 1e30
    other = np.full((60, 1), 0.5)
    other[7] = 1e30
    assert verify.alike(values, other).sum() < 10 and verify.alike(values, values).all()
    outcome = verify.Outcome("Q", 60, 60, "AUC", 1.0, 0.5, [0.9, 1.0])  # and the score has the last word
    assert not outcome.reproduced and "NOT REPRODUCED" in str(outcome)
