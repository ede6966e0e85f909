"""The set-up cell, executed as on Google Colab: Python 3.12, its own numpy and torch, no course."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from common import colab

ROOT = Path(__file__).resolve().parents[1]
NUMPY = "2.0.2"
TORCH = "2.8.0+cu126"
REPORT = """
import importlib.metadata
import importlib.util
import pathlib
from common import challenge, datasets, metrics, plotting

for module in (challenge, datasets, metrics, plotting):
    print("from", module.__file__)
for script in sorted(pathlib.Path("deeplearn-hackathon").glob("*/data.py")):
    print("from", importlib.util.find_spec(f"{script.parent.name}.data").origin)
print("kept", *map(importlib.metadata.version, ["numpy", "torch"]), flush=True)
script = "import Higgs; print('from', Higgs.__file__)"
subprocess.run([sys.executable, "-c", script], cwd="/", check=True)
"""


os.environ.setdefault("UV_SYSTEM_CERTS", "1")  # uv trusts whom the system trusts, as pip does


def python312():
    """Path of a Python 3.12, or None."""
    candidates = [sys.executable, shutil.which("python3.12")]
    candidates += map(str, Path.home().glob(".pyenv/versions/3.12*/bin/python"))
    for python in filter(None, candidates):
        version = [python, "-c", "import sys; print(sys.version_info[:2] == (3, 12))"]
        if subprocess.run(version, capture_output=True, text=True).stdout == "True\n":
            return python
    return None


def git(*arguments, cwd):
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A clone of the course as it is here, with a tag."""
    folder = tmp_path_factory.mktemp("origin") / "course"
    git("clone", "--quiet", str(ROOT), str(folder), cwd=ROOT)
    for name in ("common/colab.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--allow-empty", "--message", "As it is here", cwd=folder)
    git("tag", "tested", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Python of an environment like Colab's: some numpy, and a torch that must not be replaced."""
    python = python312()
    if python is None:
        pytest.skip("no Python 3.12")
    folder = tmp_path_factory.mktemp("colab")
    subprocess.run([find_uv_bin(), "venv", "--quiet", "--seed", "--python", python, folder], check=True)
    python = folder / "bin" / "python"
    install = [find_uv_bin(), "pip", "install", "--quiet", "--python", python, f"numpy=={NUMPY}", "packaging"]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no package index: {done.stderr.strip().splitlines()[-1]}")
    (packages,) = folder.glob("lib/python3.12/site-packages")
    google = packages / "google" / "colab"
    google.mkdir(parents=True)
    (google / "__init__.py").touch()
    torch = packages / f"torch-{TORCH}.dist-info"
    torch.mkdir()
    (torch / "METADATA").write_text(f"Metadata-Version: 2.1\nName: torch\nVersion: {TORCH}\n")
    (torch / "INSTALLER").write_text("pip\n")
    (torch / "RECORD").write_text("")
    return python


def execute(python, source, cwd, **environment):
    """Execute source text with a Python that knows nothing of this checkout."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DEEPLEARN"))}
    return subprocess.run(
        [python, "-c", source], cwd=cwd, env=env | environment, capture_output=True, text=True
    )


def test_setup_cell_on_colab(machine, repository, tmp_path):
    environment = {"DEEPLEARN_REPO": repository.as_uri(), "DEEPLEARN_TAG": "tested", "PATH": os.defpath}
    with_uv = f"{Path(find_uv_bin()).parent}{os.pathsep}{os.defpath}"
    source = colab.SETUP_CELL + REPORT
    first = execute(machine, source, tmp_path, **environment | {"PATH": with_uv})
    assert first.returncode == 0, first.stderr
    course = tmp_path / "deeplearn-hackathon"
    announcement, *report = first.stdout.splitlines()
    assert announcement.startswith("Installing ")
    assert "numpy" not in announcement and "torch" not in announcement
    assert f"kept {NUMPY} {TORCH}" in report
    origins = [line.removeprefix("from ") for line in report if line.startswith("from ")]
    assert len(origins) == 5 + len([*course.glob("*/data.py")])
    assert all(origin.startswith(f"{course}/") for origin in origins)

    second = execute(machine, source, tmp_path, **environment)
    assert second.returncode == 0, second.stderr
    assert second.stdout.splitlines() == report, "nothing is left to install"

    # On Kaggle a variable tells, not a package; without uv, pip installs what is missing
    subprocess.run([find_uv_bin(), "pip", "uninstall", "--quiet", "--python", machine, "jiwer"], check=True)
    (google,) = machine.parents[1].glob("lib/python3.12/site-packages/google")
    google.rename(google.with_name("not_google"))
    shutil.rmtree(course)
    third = execute(machine, source, tmp_path, KAGGLE_KERNEL_RUN_TYPE="Interactive", **environment)
    announcement, *again = third.stdout.splitlines()
    assert (third.returncode, again) == (0, report), third.stderr
    assert announcement.startswith("Installing jiwer")


def test_setup_cell_elsewhere(tmp_path):
    untouched = "import sys; before = [*sys.path]\n{}\nassert sys.path == before"
    done = execute(sys.executable, untouched.format(colab.SETUP_CELL), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_setup_cell_is_short():
    lines = colab.SETUP_CELL.splitlines()
    assert len(lines) <= 20 and max(map(len, lines)) <= 78


def test_tag_is_the_version_of_the_course():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    version = re.search(r'^version = "(.*)"', project, flags=re.MULTILINE)[1]
    assert colab.TAG == f"v{version}", "give both the number of the release"
