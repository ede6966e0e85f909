"""Set up `.venv` with the packages of the course: python -m common.install [--torch cpu] [--newest] [--venv FOLDER]

It needs nothing but Python, on Linux, macOS and Windows. uv installs the packages, when it is on the PATH or pip can
fetch it, and pip otherwise.
"""

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "requirements.txt"
PYTHONS = ((3, 10), (3, 13))
TORCH_INDEX = "https://download.pytorch.org/whl/"
"""Where PyTorch has its other builds, one index each: https://pytorch.org/get-started/locally"""

PASSED_ON = {"find-links": "--find-links", "index-url": "--default-index"}
"""Settings of pip that uv does not read, and the options of uv for them."""

SYSTEM_CERTIFICATES = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1"}
"""uv trusts whom the system trusts, as pip does; its older releases know the second name."""


MADE = {"bin", "etc", "include", "lib", "lib64", "share", "Scripts", "Lib", "Include",
        "pyvenv.cfg", ".gitignore", ".lock", ".ready", "CACHEDIR.TAG"}  # fmt: skip
"""What is in an environment when it is made, by venv, uv or virtualenv, and when packages are installed."""


class SetupError(RuntimeError):
    """The set-up cannot go on; the message says why, in one line."""


def python_of(venv):
    """Path of the Python of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pip_settings(listing):
    """Return the options with which uv looks for packages where pip does.

    Parameters
    ----------
    listing : str
        What ``pip config list`` prints: lines such as ``global.find-links='/srv/wheels'``. Of lists, each
        element counts; of addresses of an index, the last.
    """
    options = {}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in PASSED_ON:
            values = ast.literal_eval(value).split()
            options[key] = values[-1:] if key == "index-url" else [*options.get(key, []), *values]
    return [word for key, values in options.items() for value in values for word in (PASSED_ON[key], value)]


def commands(install, torch=None, newest=False):
    """Return the commands that install the course, in their order.

    Parameters
    ----------
    install : list of str
        The beginning of each command, up to ``install``.
    torch : str, optional
        Name of a build of PyTorch, such as ``"cpu"``: it is fetched first, from the index of that build, and then
        satisfies the pin.
    newest : bool
        Take the newest releases that `pyproject.toml` allows, not the pins.
    """
    pins = [] if newest else ["-r", str(PINS)]
    course = [*install, *pins, "-e", f"{ROOT}[all]"]
    if torch is None:
        return [course]
    wanted = "torch" if newest else re.search(r"^torch==[\w.]+", PINS.read_text("utf-8"), flags=re.MULTILINE)[0]
    return [[*install, "--no-deps", "--index-url", TORCH_INDEX + torch, wanted], course]


def announcement(venv, torch, platform=sys.platform):
    """Say what the set-up takes."""
    version = ".".join(map(str, sys.version_info[:2]))
    size = "6 GB, with CUDA" if platform == "linux" and torch is None else "2 GB"
    lines = [f"Setting up {venv.name} with Python {version}: half a minute to four minutes, about {size}."]
    if size != "2 GB":
        lines.append("PyTorch without CUDA takes a third: stop this, and add TORCH=cpu to make, or --torch cpu.")
    return "\n".join(lines)


def uv_of(python):
    """Return the command of uv, which pip fetches when it is not on the PATH; None when it is not to be had."""
    if found := shutil.which("uv"):
        return [found]
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--constraint", str(PINS), "uv"]
    if subprocess.run(pip).returncode == 0:
        return [python, "-m", "uv"]
    print("uv is not to be had (see above): pip installs instead, which takes some minutes.", flush=True)
    return None


def run_all(steps, **environment):
    """Run commands until one fails; return whether none did."""
    return all(subprocess.run(step, env={**os.environ, **environment}).returncode == 0 for step in steps)


def set_up(venv, torch=None, newest=False):
    """Make a virtual environment anew, with the course in it.

    Raises
    ------
    SetupError
        Python is of a version that the course does not support, or packages cannot be installed.
    """
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        raise SetupError(f"Python 3.10 to 3.13 is needed; {sys.executable} is Python {sys.version.split()[0]}. "
                         "Try: make PYTHON=python3.11, or python3.11 -m common.install")  # fmt: skip
    if os.name == "nt" and Path(sys.prefix).resolve() == venv.resolve():
        raise SetupError(f"{venv.name} cannot be made anew by its own Python: run 'deactivate' and try again")
    if venv.exists() and not (venv / "pyvenv.cfg").is_file() and (not venv.is_dir() or any(venv.iterdir())):
        raise SetupError(f"{venv} is no virtual environment, and would be lost: give a new folder, or remove this one")
    others = sorted(path.name for path in venv.iterdir() if path.name not in MADE) if venv.is_dir() else []
    if others:
        raise SetupError(f"{venv} holds more than an environment ({', '.join(others[:3])}), which would be lost: "
                         "give a new folder")  # fmt: skip
    print(announcement(venv, torch), flush=True)
    if not run_all([[sys.executable, "-m", "venv", "--clear", str(venv)]]):
        raise SetupError("Python makes no virtual environment; on Debian and Ubuntu: sudo apt install python3-venv")
    python = str(python_of(venv))
    if uv := uv_of(python):
        listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
        install = [*uv, "pip", "install", "--python", python, *pip_settings(listed)]
        if run_all(commands(install, torch, newest), **SYSTEM_CERTIFICATES):
            return
        print("uv failed (see above): pip tries instead.", flush=True)
    if not run_all(commands([python, "-m", "pip", "install", "--disable-pip-version-check"], torch, newest)):
        raise SetupError("the packages cannot be installed (see above); run the same command again to try again")


def main(argv=None):
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m common.install", description=__doc__.split("\n")[0])
    parser.add_argument("--torch", choices=["cpu"], help="cpu: PyTorch without CUDA, from PyTorch's own index")
    parser.add_argument("--newest", action="store_true", help="the newest releases that are allowed, not the pins")
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="folder of the environment")
    args = parser.parse_args(argv)
    try:
        set_up(args.venv, args.torch, args.newest)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 1
    (args.venv / ".ready").touch()  # for make
    print(f"Ready: {args.venv}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
