"""The command `deeplearn`: what each of its commands starts."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common import __main__ as program
from common.challenge import FOLDERS, ROOT
from common.notebook_files import find


@pytest.fixture
def started(monkeypatch):
    """The processes that are started, as (arguments, environment); none of them runs."""
    processes = []

    def run(command, env, cwd):
        processes.append((command[2:], env))
        return subprocess.CompletedProcess(command, status["is"])

    status = {"is": 0}
    monkeypatch.setattr(program.subprocess, "run", run)
    for name in program.ONE_THREAD:
        monkeypatch.delenv(name, raising=False)
    return processes, status


def test_without_arguments_it_lists_its_commands(capsys):
    assert program.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "usage: deeplearn COMMAND ..."
    listed = {line.split()[0] for line in lines if line.startswith("  ")}
    assert listed == {*program.MODULES, "cards", "data", "test"} == {*program.COMMANDS}
    assert max(map(len, lines)) <= 90


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("run Higgs --profile full", "common.notebooks run Higgs --profile full"),
        ("event submit Higgs --team A", "common.hackathon submit Higgs --team A"),
        ("site --out pages", "common.site --out pages"),
        ("data Higgs describe --n 5", "Higgs.data describe --n 5"),
        ("lab", "jupyterlab"),
    ],
)
def test_command_is_passed_on(started, line, module, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # as images of containers have it
    processes, status = started
    status["is"] = 3
    assert program.main(line.split()) == 3
    ((arguments, environment),) = processes
    assert " ".join(arguments) == module
    assert (environment.get("OMP_NUM_THREADS") == "1") == line.startswith("run")
    assert "PYTHONDONTWRITEBYTECODE" not in environment and environment["GOMP_SPINCOUNT"] == "1000"


def test_test_checks_style_and_then_everything(started):
    processes, status = started
    assert program.main(["test"]) == 0
    (ruff, _), (pytest_, environment) = processes
    assert ruff == ["ruff", "check", "."]
    files = {ROOT / place for place in pytest_ if place.endswith((".py", ".ipynb"))}
    assert files == {*find(), *(ROOT / "tests").glob("test_*.py")}
    assert {environment[name] for name in program.ONE_THREAD} == {"1"}
    processes.clear()
    assert program.main(["test", "-n", "4"]) == 0
    assert len(processes[1][0]) == len(pytest_) + 2
    processes.clear()
    assert program.main(["test", "-x", "tests/test_cli.py::test_describe"]) == 0
    assert processes[1][0][-2:] == ["-x", "tests/test_cli.py::test_describe"]
    processes.clear()
    status["is"] = 1
    assert program.main(["test"]) == 1 and len(processes) == 1, "style comes first"


def test_tests_see_no_data_of_the_user_and_leave_none(started, monkeypatch, tmp_path):
    processes, _ = started
    monkeypatch.setenv("DEEPLEARN_DATA", str(tmp_path))
    program.main(["test"])
    program.main(["run"])
    (_, folder), (_, kept) = ((command[0], env["DEEPLEARN_DATA"]) for command, env in processes[1:])
    assert folder != str(tmp_path) == kept
    assert not Path(folder).exists()


def test_cards_are_of_all_challenges(started):
    processes, _ = started
    assert program.main(["cards", "--out", "x"]) == 0
    assert [arguments for arguments, _ in processes] == [[f"{f}.data", "card", "--out", "x"] for f in FOLDERS]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("rum", "no command 'rum'; the commands are: lab, "), ("data", "one of Higgs,"), ("data higgs", "one of Higgs"),
        ("test \udcff", r"'\udcff' is not UTF-8 text"),
    ],
)
def test_unknown_command(line, problem, capsys):
    assert program.main(line.split()) == 2
    assert problem in capsys.readouterr().err


def test_data_of_a_challenge():
    done = subprocess.run([sys.executable, "-m", "common", "data", "Higgs", "describe", "--n", "5"],
                          cwd=ROOT, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0 and done.stdout.startswith("Higgs: 5 samples"), done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_term_ends_what_was_started(tmp_path):
    """As a batch system sends it, to this process alone."""
    child = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()) + chr(10)); time.sleep(60)"
    script = f"""
import sys
from common import __main__ as program
program.commands = lambda argv: [[sys.executable, "-c", {child!r}]]
sys.exit(program.main(["lab"]))
"""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().endswith(chr(10)):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.terminate()
    assert process.wait(30) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
