"""Kernels that start in a moment: forks of one process that has already imported the large packages.

A third of what a reduced run costs is the import of torch, scikit-learn, pandas, seaborn and Qiskit. On Linux the
tests put this folder on PYTHONPATH, so that `python -m ipykernel_launcher` starts this file and not ipykernel's own. It
asks the server, which `tests/conftest.py` starts, for a fork, passes signals on and ends with it. Where the server
is not ready, as for the first kernel, it does what ipykernel's launcher does.

The fork has the files, folder, environment, arguments and path of the process that asked. What it shares with other
kernels is packages that are imported: none of the course's own is among them, a notebook has no name of them until it
imports them, and no random number has been drawn. One mistake is hidden: `package.part` without an import of the part.
`deeplearn run` starts its kernels without this, and so do the tests of `common.notebooks` with notebooks of their own.
"""

import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
from contextlib import suppress

PACKAGES = """
    ipykernel.kernelapp numpy pandas scipy.optimize scipy.signal scipy.stats PIL.ImageDraw
    matplotlib.animation matplotlib.pyplot seaborn sklearn.calibration sklearn.decomposition sklearn.ensemble
    sklearn.inspection sklearn.linear_model sklearn.metrics sklearn.model_selection sklearn.neighbors sklearn.pipeline
    sklearn.preprocessing lightgbm torch.utils.data lightning_fabric qiskit.quantum_info qiskit_aer requests
"""


# --- the process that asks for a kernel -----------------------------------------------------------


def ask():
    """Have a kernel started that is like this process; returns its exit status, or None if the server is not ready."""
    parent = os.getppid()
    text = json.dumps([os.getcwd(), dict(os.environ), sys.argv, sys.path]).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)  # seconds
        try:
            connection.connect(os.environ["DEEPLEARN_TESTS_KERNELS"])
            socket.send_fds(connection, [len(text).to_bytes(4, "big")], [0, 1, 2])
            connection.sendall(text)
            if not connection.recv(1):
                return None
            connection.send(b"\0")  # agreed: this process starts no kernel itself
        except OSError:
            return None
        connection.settimeout(1)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: connection.send(bytes([number])))
        while os.getppid() == parent:  # if not, nobody is left who would use the kernel
            with suppress(TimeoutError):
                return (connection.recv(1) or b"\1")[0]
    return 1


# --- the server, which forks ----------------------------------------------------------------------


def serve(file):
    """Fork a kernel for each process that connects, until the process that started this one has ended."""
    with socket.socket(fileno=file) as listener:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the key that stops the tests is for others
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if "torch" not in sys.modules:
                connection.close()  # the first one starts without this
                warm_up()
            elif os.fork() == 0:
                listener.close()
                return keep(connection)
            connection.close()
            with suppress(ChildProcessError):  # none is left
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def warm_up():
    """Import the packages, and do what is slow for the first time: a drawing, and an optimizer of torch."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as ipykernel does before all imports
    for name in PACKAGES.split():
        importlib.import_module(name)
    sys.modules["pandas"].set_option("display.max_columns", 20)  # pandas asks when imported whether this is a kernel
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from torch import optim, zeros

    FigureCanvasAgg(Figure()).figure.subplots().figure.canvas.draw()
    optim.Adam([zeros(1, requires_grad=True)])
    if threading.active_count() > 1:
        raise RuntimeError("a package has started a thread: a fork would not have it")


def keep(connection):
    """Start a kernel, give it the signals that come, end it when nobody wants it, and tell its exit status."""
    size, files, _, _ = socket.recv_fds(connection, 4, 3)
    text = connection.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
    try:
        connection.send(b"\0")
        agreed = connection.recv(1)
    except OSError:
        agreed = b""
    if not agreed:  # this took so long that a kernel was started without it
        return
    kernel = os.fork()
    if kernel == 0:
        connection.close()
        return start(files, *json.loads(text))
    os.setpgid(kernel, kernel)  # a signal reaches the processes that it starts, too
    ended = os.pidfd_open(kernel)
    while ended not in select.select([connection, ended], [], [])[0]:
        number = connection.recv(1)
        os.killpg(kernel, number[0] if number else signal.SIGKILL)
        if not number:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(kernel, 0)[1])
    connection.send(bytes([status % 256]))
    os._exit(0)


def start(files, folder, environ, argv, path):
    """Become the kernel."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv[:] = argv
    sys.path[:] = path
    import numpy
    import torch
    from ipykernel.kernelapp import launch_new_instance

    numpy.random.seed()  # noqa: NPY002
    torch.seed()  # both from bits of the system, as after their import
    launch_new_instance(parent_handle=os.getppid())  # which it watches


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        sys.exit(serve(int(sys.argv[2])))
    del sys.path[0]  # the present folder, as in ipykernel's own
    status = ask()
    if status is None:
        from ipykernel.kernelapp import launch_new_instance

        launch_new_instance()
    sys.exit(status)
