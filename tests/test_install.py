"""The set-up: the commands that it gives to uv and pip, and what these resolve to on every platform."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common import install

ROOT = Path(__file__).resolve().parents[1]
UV = [sys.executable, "-m", "uv"]
NO_NETWORK = re.compile(r"Failed to fetch|error sending request|dns error|[Cc]onnect|timed out|offline|Network")
# Pure Python, and only there as source
FROM_SOURCE = ["--no-binary", "lenstronomy", "--no-binary", "jsonpath-rw"]
PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def uv(*arguments, cwd=ROOT):
    """Run uv with what it knows from earlier runs, and with the network where that is not enough: the process."""
    pytest.importorskip("uv")
    # Wheels of Pythia are for macOS 15
    environment = {**os.environ, **install.SYSTEM_CERTIFICATES, "MACOSX_DEPLOYMENT_TARGET": "15.0"}
    for more in (["--offline"], []):
        command = [*UV, *arguments, *more]
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
        if done.returncode == 0:
            return done
    if NO_NETWORK.search(done.stderr):
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    return done


# --- what resolves to what ------------------------------------------------------------------------


def resolve(platform, python):
    """What the pins of everything are on one platform: ``{name: version}``, and what uv says when there is nothing."""
    done = uv("pip", "compile", "--quiet", "--only-binary", ":all:", *FROM_SOURCE, "--no-header", "--no-annotate",
              "--python-platform", platform, "--python-version", python, "--extra", "all",
              "--constraint", "requirements.txt", "pyproject.toml")  # fmt: skip
    return dict(re.findall(r"^([\w.-]+)==(\S+)", done.stdout, flags=re.MULTILINE)), done.stderr


def test_the_pins_have_wheels_on_linux_macos_and_windows():
    """Everything but Pythia, which has none for Windows."""
    cases = [(platform, python) for platform in PLATFORMS for python in PYTHONS]
    first = resolve(*cases[0])  # alone: it skips the test when there is no network
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(cases, [first, *pool.map(lambda case: resolve(*case), cases[1:])], strict=True))
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    pinned = set(re.findall(r"^([\w.-]+)==(\S+)", lock, flags=re.MULTILINE))
    for (platform, python), (versions, problem) in found.items():
        assert versions, f"{platform}, Python {python}: {problem}"
        assert ("pythia8mc" in versions) == ("windows" not in platform)
        cuda = {name for name in versions if name.startswith(("nvidia-", "cuda-", "triton"))}
        assert bool(cuda) == ("linux" in platform)
        unpinned = {(name, version) for name, version in versions.items() if name not in cuda} - pinned
        assert not unpinned, f"{platform}, Python {python}: run 'make lock'"


@pytest.fixture
def environment(tmp_path):
    """An empty virtual environment."""
    assert uv("venv", "--quiet", "--python", sys.executable, str(tmp_path / "env")).returncode == 0
    return tmp_path / "env"


@pytest.mark.skipif(sys.platform != "linux", reason="PyTorch from PyPI brings CUDA on Linux only")
@pytest.mark.parametrize("build", [None, "cpu"])
def test_cuda_comes_with_the_default_torch_alone(environment, build):
    """What would be installed after the first command, which brings torch 2.13.0+cpu when that is asked for."""
    python = install.python_of(environment)
    if build:
        version = re.search(r"^torch==(\S+)", install.PINS.read_text(), flags=re.MULTILINE)[1]
        (packages,) = environment.glob("lib/python*/site-packages")
        torch = packages / f"torch-{version}+{build}.dist-info"
        torch.mkdir()
        (torch / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {version}+{build}\n")
        (torch / "INSTALLER").write_text("pip\n")
        (torch / "RECORD").write_text("")
    (*_, last) = install.commands(["pip", "install", "--dry-run", "--python", str(python)], build)
    done = uv(*last)
    assert done.returncode == 0, done.stderr
    planned = re.findall(r"^ [+~] ([\w.-]+)", done.stderr, flags=re.MULTILINE)
    assert "numpy" in planned
    assert ("torch" in planned) == any(name.startswith("nvidia-") for name in planned) == (build is None)


# --- the commands ---------------------------------------------------------------------------------


def test_commands_of_the_two_builds_of_torch():
    (default,) = install.commands(["uv", "pip", "install"])
    assert default == ["uv", "pip", "install", "-r", str(ROOT / "requirements.txt"), "-e", f"{ROOT}[all]"]
    first, second = install.commands(["pip", "install"], torch="cpu")
    version = re.search(r"^torch==\S+$", install.PINS.read_text(), flags=re.MULTILINE)[0]
    index = "https://download.pytorch.org/whl/cpu"
    assert first == ["pip", "install", "--no-deps", "--index-url", index, version]
    assert second == ["pip", "install", *default[3:]]
    assert install.commands(["pip"], newest=True) == [["pip", "-e", f"{ROOT}[all]"]]
    assert install.commands(["pip"], "cpu", newest=True)[0][-1] == "torch"


def test_settings_of_pip_reach_uv():
    listing = """\
:env:.find-links='/srv/wheels file:///srv/more'
global.cert='/etc/ca.pem'
global.find-links='/srv/wheels'
global.index-url='https://mirror.example.org/simple'
user.index-url='https://nearer.example.org/simple'
"""
    assert install.pip_settings(listing) == [
        "--find-links", "/srv/wheels", "--find-links", "file:///srv/more", "--find-links", "/srv/wheels",
        "--default-index", "https://nearer.example.org/simple",
    ]  # fmt: skip
    assert install.pip_settings("") == []


def test_announcement_says_what_linux_gets(tmp_path):
    assert "6 GB, with CUDA" in install.announcement(tmp_path, None, "linux")
    assert "TORCH=cpu" in install.announcement(tmp_path, None, "linux")
    for torch, platform in (("cpu", "linux"), (None, "darwin"), (None, "win32")):
        assert "2 GB" in install.announcement(tmp_path, torch, platform)
        assert "CUDA" not in install.announcement(tmp_path, torch, platform)


@pytest.mark.parametrize(("uv_runs", "expected"), [(True, ["uv"]), (False, ["uv", "pip"]), (None, ["pip"])])
def test_pip_installs_where_uv_does_not(tmp_path, monkeypatch, capsys, uv_runs, expected):
    """uv is there and works, is there and fails, is not to be had."""
    used = []

    def run_all(steps, **_):
        if "venv" in steps[0]:
            return True
        used.append("uv" if steps[0][0] == "uv" else "pip")
        return used[-1] == "pip" or uv_runs

    monkeypatch.setattr(install, "run_all", run_all)
    monkeypatch.setattr(install, "uv_of", lambda python: None if uv_runs is None else ["uv"])
    monkeypatch.setattr(install.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=""))
    install.set_up(tmp_path / "env")
    assert used == expected
    assert ("pip tries instead" in capsys.readouterr().out) == (expected == ["uv", "pip"])


def test_a_folder_that_is_no_environment_is_left(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(install, "run_all", lambda *_, **__: pytest.fail("it went on"))
    (tmp_path / "mine.txt").write_text("mine")
    for folder in (tmp_path, tmp_path / "mine.txt"):
        assert install.main(["--venv", str(folder)]) == 1
        assert f"{folder} is no virtual environment" in capsys.readouterr().err
    (tmp_path / "pyvenv.cfg").touch()  # somebody works in the folder of an environment
    assert install.main(["--venv", str(tmp_path)]) == 1
    assert "holds more than an environment (mine.txt), which would be lost" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_uv_that_is_not_to_be_had(monkeypatch, capsys):
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    monkeypatch.setattr(install.subprocess, "run", lambda command: subprocess.CompletedProcess(command, 1))
    assert install.uv_of("python") is None
    assert "uv is not to be had" in capsys.readouterr().out


def test_other_python_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(install.sys, "version_info", (3, 9, 18))
    assert install.main(["--venv", str(tmp_path / "env")]) == 1
    assert "Python 3.10 to 3.13 is needed" in capsys.readouterr().err
    assert not (tmp_path / "env").exists()


def test_supported_pythons_are_those_of_the_project():
    (low, high) = install.PYTHONS
    requires = re.search(r'requires-python = "(.*)"', (ROOT / "pyproject.toml").read_text("utf-8"))[1]
    assert requires == f">={low[0]}.{low[1]},<{high[0]}.{high[1] + 1}"
