"""The commands of the course: deeplearn COMMAND ...

Each is a module's own command line; this one only finds it. Python 3 and the packages of the course are enough, on
Linux, macOS and Windows.
"""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from common.challenge import FOLDERS, ROOT

PYTHON = [sys.executable, "-m"]
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Set to 1 unless they are set: two processes share two cores, and sums have one order."""

COMMANDS = {
    "lab": "open JupyterLab: start with Higgs/Higgs.ipynb",
    "run": "execute the notebooks at reduced settings; print time, memory and scores",
    "data": "CHALLENGE simulate, describe, fetch or card: its data",
    "event": "submit a solution; prepare an event, score it, print certificates",
    "site": "write the course as pages to read without a network",
    "test": "unit tests, every notebook reduced, every committed output checked",
    "check": "list what keeps a notebook from being committed",
    "refresh": "execute a notebook again, and store its outputs",
    "list": "list the notebooks",
    "cards": "write a data card in Croissant for each data set",
    "move": "give the course another address or tag, everywhere",
}
MODULES = {
    "lab": ["jupyterlab"], "event": ["common.hackathon"], "site": ["common.site"], "move": ["common.addresses"],
    **{name: ["common.notebooks", name] for name in ("run", "check", "refresh", "list")},
}  # fmt: skip


def usage():
    """What is printed without arguments."""
    lines = [f"  {name:<8} {about}" for name, about in COMMANDS.items()]
    return "\n".join(["usage: deeplearn COMMAND ...", "", *lines, "", "deeplearn COMMAND --help says more."])


def test_commands(arguments):
    """The commands of the test suite: pytest gets more arguments, or other files instead of all.

    A file is one piece of work. They are taken in this order, the long ones first, so that both processes end together.
    """
    from common.notebook_files import find

    first = [ROOT / "tests" / name for name in ("test_notebooks.py", "test_exercises.py")]
    others = [path for path in sorted((ROOT / "tests").glob("test_*.py")) if path not in first]
    named = any(Path(ROOT, argument.partition("::")[0]).exists() for argument in arguments)
    places = [] if named else [str(path.relative_to(ROOT)) for path in (*first, *find(), *others)]
    options = "-n 2 --dist loadfile --no-loadscope-reorder --nbval -p tests.closeness".split()
    return [
        [*PYTHON, "ruff", "check", "."],
        [*PYTHON, "pytest", *options, *arguments, *places],
    ]


def commands(argv):
    """Return the processes that a command line stands for.

    Raises
    ------
    ValueError
        There is no such command, or no such challenge.
    """
    name, *arguments = argv
    if name == "test":
        for text in arguments:  # the processes of pytest cannot be sent what is no UTF-8
            if text != text.encode(errors="replace").decode():
                raise ValueError(f"deeplearn test: {ascii(text)} is not UTF-8 text, and so no test or option")
        return test_commands(arguments)
    if name == "data":
        if not arguments or arguments[0] not in FOLDERS:
            raise ValueError(f"deeplearn data: name a challenge first, one of {', '.join(FOLDERS)}")
        return [[*PYTHON, f"{arguments[0]}.data", *arguments[1:]]]
    if name == "cards":
        return [[*PYTHON, f"{challenge}.data", "card", *arguments] for challenge in FOLDERS]
    if name not in MODULES:
        raise ValueError(f"deeplearn: no command {name!r}; the commands are: {', '.join(COMMANDS)}")
    return [[*PYTHON, *MODULES[name], *arguments]]


def main(argv=None):
    """Run the command line; returns the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        print(usage())
        return 0
    try:
        processes = commands(argv)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    environment = {**os.environ}
    # Kernels import thousands of modules: compiled once and kept, these load in a third of the time.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # Threads of torch that wait keep a core busy, for which a second notebook waits: with few turns they give it away.
    environment.setdefault("GOMP_SPINCOUNT", "1000")
    if argv[0] in ("run", "test", "refresh"):
        environment = dict.fromkeys(ONE_THREAD, "1") | environment
    place = ROOT if argv[0] in ("lab", "test") else None
    with suppress(ValueError):  # this is not the main thread
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that subprocess ends what was started, too
    with tempfile.TemporaryDirectory(prefix="deeplearn-") as data:
        if argv[0] == "test":  # the runs of one notebook share what they simulate, and nothing else that is kept
            environment["DEEPLEARN_DATA"] = data
            environment["DEEPLEARN_FRAMES"] = "ends"
        for process in processes:
            try:
                status = subprocess.run(process, env=environment, cwd=place).returncode
            except KeyboardInterrupt:
                return 130
            if status:
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
