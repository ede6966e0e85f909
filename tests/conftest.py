"""What all tests share: a data home of their own, and the real samples where there are any."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from filelock import FileLock

from common.__main__ import ONE_THREAD
from common.notebook_files import label, read, scores
from common.notebooks import Result, run

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SHARED_DATA = os.environ.get("DEEPLEARN_DATA")
"""The data folder of the whole test run, where it has one: `deeplearn test` makes it."""
WARM = Path(__file__).with_name("warm")


def pytest_configure(config):
    """Let kernels start as forks of one server, where that is safe; see tests/warm."""
    is_safe = sys.platform == "linux" and all(os.environ.get(name) == "1" for name in ONE_THREAD)
    if not is_safe or hasattr(config, "workerinput"):  # workers of xdist share the server of the process above them
        return
    folder = tempfile.TemporaryDirectory(prefix="deeplearn-kernels-")
    os.environ["DEEPLEARN_TESTS_KERNELS"] = address = f"{folder.name}/socket"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(WARM), os.environ.get("PYTHONPATH")]))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        command = [sys.executable, WARM / "ipykernel_launcher.py", "--serve", str(listener.fileno())]
        server = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno()])
    config.add_cleanup(server.wait)
    config.add_cleanup(server.kill)
    config.add_cleanup(folder.cleanup)


@pytest.fixture
def shared_data(data_home, monkeypatch):
    """The data folder that all runs of notebooks share, so that each data set is simulated once."""
    if SHARED_DATA:
        monkeypatch.setenv("DEEPLEARN_DATA", SHARED_DATA)


@pytest.fixture
def run_at_ci(shared_data, tmp_path):
    """A function that executes a notebook at its reduced settings, once for all tests: path -> Result."""

    def executed(path):
        place = Path(SHARED_DATA or tmp_path) / "executed"
        target = place / label(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            if target.exists():  # it ran well: one with an error is executed again
                return Result(path, target, scores=scores(read(target)))
            (result,) = run([path], "ci", out=tmp_path / "at ci")
            if not result.error:
                result.executed = result.executed.replace(target)
            return result

    return executed


@pytest.fixture(autouse=True)
def data_home(tmp_path, monkeypatch):
    """An empty data folder for each test, so that no test sees a user's cache."""
    folder = tmp_path / "data_home"
    monkeypatch.setenv("DEEPLEARN_DATA", str(folder))
    return folder


@pytest.fixture(scope="session")
def real_samples():
    """The folder with samples of the official data, one sub-folder a challenge."""
    folder = Path(os.environ.get("DEEPLEARN_REAL", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no real samples: point DEEPLEARN_REAL to a folder that has them")
    return folder


@pytest.fixture(scope="session")
def plain_numpy():
    """The environment of a process in which NumPy does without what is newest in this processor."""
    about = (getattr(np, "_core", None) or np.core)._multiarray_umath
    found = [name for name in about.__cpu_dispatch__ if about.__cpu_features__.get(name)]
    return os.environ | {"NPY_DISABLE_CPU_FEATURES": " ".join(found)}


@pytest.fixture(scope="module")
def address(built):
    """Where the site that a module of tests has built is served."""
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=built)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()
