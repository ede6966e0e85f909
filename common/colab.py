"""The set-up cell of every notebook, and what it does on Google Colab and Kaggle.

A notebook opened there is alone. Its set-up cell clones the course and calls `install`, which adds
the packages that are missing. It replaces none of the packages in `KEEP`: another numpy or torch
would need a restart of the kernel and, for torch, gigabytes. Anywhere else the cell does nothing.

This module is imported before anything is installed: it needs the standard library and
`packaging`, which Colab and Kaggle have.
"""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

REPO = "https://github.com/deeplearn-hackathon/deeplearn-hackathon"
TAG = "v0.1.0"
"""Where the course is, and its release: `deeplearn move` changes them, here and everywhere else."""

SETUP_CELL = f"""\
# On Colab and Kaggle: fetch the course and what it needs. Elsewhere: nothing.
import os
import subprocess
import sys
from importlib.util import find_spec

on_colab = find_spec("google") and find_spec("google.colab")
if on_colab or "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
    repo = "{REPO}"
    repo = os.getenv("DEEPLEARN_REPO", repo)
    tag = os.getenv("DEEPLEARN_TAG", "{TAG}")
    folder = "deeplearn-hackathon"
    if not os.path.exists(folder):
        clone = ["git", "clone", "-q", "--depth=1", "-b", tag, repo, folder]
        subprocess.run(clone, check=True)
    sys.path.insert(0, os.path.abspath(folder))
    from common import colab

    colab.install()"""

KEEP = ("numpy", "pandas", "scipy", "torch")
"""Packages that keep the version they have: they are compiled, and a kernel has them loaded."""

NOT_FOR_NOTEBOOKS = {"all", "bench", "cluster", "event", "lab", "test"}
"""Extras in `pyproject.toml` that no notebook needs; the other extras belong to one challenge."""


def missing(course):
    """List the requirements of the course's notebooks that this Python does not meet.

    Parameters
    ----------
    course : path
        A clone of the course, with its `pyproject.toml`.

    Returns
    -------
    list of str
        Requirements as pip understands them, such as ``"jiwer>=3.1"``.
    """
    import tomllib  # Python 3.11, as Colab has; the rest of the course supports 3.10
    from packaging.requirements import Requirement

    project = tomllib.loads(Path(course, "pyproject.toml").read_text("utf-8"))["project"]
    needed = list(project["dependencies"])
    for extra, requirements in project.get("optional-dependencies", {}).items():
        if extra not in NOT_FOR_NOTEBOOKS:
            needed += requirements

    def met(requirement):
        version = installed_version(requirement.name)
        return version is not None and requirement.specifier.contains(version, prereleases=True)

    applicable = [r for r in map(Requirement, needed) if r.marker is None or r.marker.evaluate()]
    return [str(requirement) for requirement in applicable if not met(requirement)]


def installed_version(name):
    """Return the installed version of the package `name`, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def install(course=Path(__file__).parents[1]):
    """Install what the notebooks need and this Python lacks; leave the packages in `KEEP` alone.

    Processes started later, such as ``!python -m Higgs.data describe``, find the course too.

    Parameters
    ----------
    course : path
        A clone of the course: by default the one that this file is in.

    Raises
    ------
    subprocess.CalledProcessError
        If uv or pip fails, for instance because a requirement contradicts a version that is kept. It
        has then said why, and has installed nothing.
    """
    paths = [str(course), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(filter(None, paths)))
    requirements = missing(course)
    if not requirements:
        return
    print("Installing", ", ".join(requirements))
    kept = {name: installed_version(name) for name in KEEP}
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder, "constraints.txt")
        pins.write_text("".join(f"{name}=={v}\n" for name, v in kept.items() if v), "utf-8")
        uv = shutil.which("uv")  # Colab has it, and it needs a fraction of pip's time
        pip = [uv, "pip", "install", "--python", sys.executable] if uv else [sys.executable, "-m", "pip", "install"]
        subprocess.run([*pip, "--quiet", "--constraint", str(pins), *requirements], check=True)
    importlib.invalidate_caches()
