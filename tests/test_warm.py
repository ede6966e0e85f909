"""Kernels that the tests fork from one process: they are like others, and share nothing but imported packages."""

import ast
import json
import os
import time

import psutil
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from common.challenge import FOLDERS

STATE = f"""\
import json, os, random, sys
own = sorted({{name.partition(".")[0] for name in sys.modules}} & {{"common", *{FOLDERS!r}}})
names = [name for name in dir() if name in ("np", "numpy", "plt", "torch")]
import matplotlib, numpy as np, pandas as pd, torch
json.dumps({{
    "own": own, "names": names, "cwd": os.getcwd(), "mark": os.environ.get("MARK"),
    "backend": matplotlib.rcParams["backend"], "argv": sys.argv[1], "columns": pd.options.display.max_columns,
    "random": [random.random(), np.random.rand(), torch.rand(1).item()],
}})"""


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """A function that executes cells in a forked kernel: sources -> texts of their last lines."""
    if "DEEPLEARN_TESTS_KERNELS" not in os.environ:
        pytest.skip("kernels are forked on Linux, with one thread a process")
    monkeypatch.setenv("MARK", "of this test")

    def executed(*sources, **options):
        cells = [new_code_cell(source) for source in ("import sys; 'qiskit' in sys.modules", *sources)]
        nb = new_notebook(cells=cells)
        try:
            NotebookClient(nb, resources={"metadata": {"path": tmp_path}}, **options).execute()
        finally:
            executed.forked, *texts = [
                "".join(output.data["text/plain"] for output in cell.outputs if "data" in output) for cell in nb.cells
            ]
        return texts

    deadline = time.monotonic() + 300
    executed()
    while executed.forked != "True":  # the first kernels start without the server
        assert time.monotonic() < deadline
        executed()
    return executed


def test_a_fork_is_like_a_fresh_kernel(execute, tmp_path):
    first, second = (json.loads(ast.literal_eval(*execute(STATE))) for _ in range(2))
    for state in (first, second):
        assert state["own"] == state["names"] == []
        assert (state["cwd"], state["mark"], state["argv"]) == (str(tmp_path), "of this test", "-f")
        assert state["backend"].endswith("inline") and state["columns"] == 20
    assert all(a != b for a, b in zip(first["random"], second["random"], strict=True))


def test_a_fork_is_interrupted_and_its_death_is_seen(execute):
    with pytest.raises(CellExecutionError, match="KeyboardInterrupt"):
        execute("import time; time.sleep(60)", timeout=5, interrupt_on_timeout=True)
    with pytest.raises(DeadKernelError):
        execute("import os; os._exit(3)", "1")


def test_a_fork_ends_with_the_one_who_asked(execute, tmp_path):
    manager, client = start_new_kernel(cwd=tmp_path)
    client.execute("import os, subprocess\nprocess = subprocess.Popen(['sleep', '60'])\n"
                   "print(os.getpid(), process.pid, file=open('pids', 'w'), flush=True)",
                   reply=True, timeout=60)
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10)
    assert alive == []
