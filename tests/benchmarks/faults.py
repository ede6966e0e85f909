"""What happens when something breaks: a killed worker, a killed `make run`, a full disk.

    python -m tests.benchmarks.faults [--events 200000]

A local worker, and then a worker of a Dask cluster, are killed in the middle of simulating Higgs events; what the two
stored must be the same bytes, and two chunks are simulated once more to compare with. Every check that fails raises.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from common.challenge import ROOT
from tests.benchmarks.cost import Cluster, simulated
from tests.benchmarks.table import Row, as_text

SECTION = "faults"
SEED = "bench"  # of simulated(), see cost.py


def check(condition, message):
    if not condition:
        raise RuntimeError(message)


def kill_when(folder, share, chunks, victim):
    """A thread that kills the process of victim() once a share of the chunks is stored; its result is in `.killed`."""

    def watch():
        while len(list(Path(folder).rglob("*.npz"))) < share * chunks:
            time.sleep(0.2)
        process = victim()
        thread.killed = process is not None
        if process is not None:
            process.send_signal(signal.SIGKILL)

    thread = threading.Thread(target=watch, daemon=True)
    thread.killed = False
    thread.start()
    return thread


def local_worker():
    """A process that simulates for a child of this one; the resource tracker of joblib is none."""
    for child in psutil.Process().children():
        for process in child.children(recursive=True):
            if "popen_loky" in " ".join(process.cmdline()):
                return process
    return None


def workers(n):
    """Kill a local worker, and a Dask worker, and compare."""
    from Higgs import data

    chunks = -(-n // data.STREAM.chunk_size)
    with tempfile.TemporaryDirectory() as local, tempfile.TemporaryDirectory() as remote:
        thread = kill_when(local, 0.3, chunks, local_worker)
        seconds, first = simulated(local, n, workers=2)
        check(thread.killed, "no local worker was found to kill")
        yield Row(
            SECTION,
            "Higgs",
            f"seconds for {n:,} events, a local worker killed",
            "",
            seconds,
            note="the result is whole",
        )
        with Cluster() as cluster:

            def one_of_two():
                cluster.start_worker()  # as a cluster's manager would; the other goes on meanwhile
                return psutil.Process(cluster.workers[0].pid)

            thread = kill_when(remote, 0.3, chunks, one_of_two)
            seconds, second = simulated(remote, n, scheduler=cluster.address)
        check(thread.killed, "no Dask worker was killed")
        check(first == second and len(first) == chunks, "the chunks differ after a worker was killed")
        for i in random.Random(0).sample(range(chunks), 2):
            again = data.STREAM.make("train", SEED, i)
            (stored,) = Path(local).rglob(f"{i:05d}-*.npz")
            check(stored.read_bytes() == again, f"chunk {i} differs from the same chunk simulated alone")
        yield Row(SECTION, "Higgs", f"seconds for {n:,} events, a Dask worker killed", "", seconds,
                  note=f"{chunks} chunks, byte by byte those of the local run")  # fmt: skip


def make_run():
    """Kill `run` in the middle of a notebook; the next run must be clean."""
    out = Path(tempfile.mkdtemp())
    command = [sys.executable, "-m", "common.notebooks", "run", "Higgs/Higgs.ipynb", "--out", str(out)]
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, **quiet)
    while not list(out.rglob(".running-*")):
        time.sleep(0.2)
    time.sleep(3)  # into the first cells
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    check(not list(out.rglob("Higgs.ipynb")), "a half-executed notebook has the name of a whole one")
    start = time.perf_counter()
    done = subprocess.run(command, **quiet)
    check(done.returncode == 0, "the run after a killed one fails")
    left = [path.name for path in out.rglob("*") if path.is_file()]
    check(sorted(left) == ["Higgs.ipynb", "results.json"], f"the run after a killed one leaves {left}")
    shutil.rmtree(out)
    yield Row(SECTION, "Higgs", "seconds of a run after a killed one", "", time.perf_counter() - start, note="clean")


def full_disk(megabytes=2):
    """Simulate into a cache on a disk that is too small: one clear error, and what was stored before is whole."""
    place = Path(tempfile.mkdtemp())
    mounted = (
        shutil.which("mount")
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], capture_output=True
        ).returncode
        == 0
    )
    if not mounted:
        print("faults: a small disk cannot be mounted here (root is needed), left out", flush=True)
        return
    program = (
        "from ParticleImages import data; import sys\n"
        "try: data.load('train', 40_000, seed='full', workers=1)\n"
        "except OSError as error: sys.exit(str(error))"
    )
    try:
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True,
                              env={**os.environ, "DEEPLEARN_DATA": str(place)})  # fmt: skip
        message = done.stderr.strip().splitlines()[-1]
        check(done.returncode == 1 and "disk is full" in message, f"a full disk ends in: {message}")
        before = {path: path.read_bytes() for path in place.rglob("*.npz")}
        check(before and not list(place.rglob(".*.npz")), "no chunk was kept, or a piece of one was left")
        from ParticleImages.data import STREAMS

        stream, stored = STREAMS["classification"], {path.name for path in before}
        check(
            all(any(name.startswith(f"{i:05d}-") for name in stored) for i in range(len(stored))), "a chunk is missing"
        )
        for path, blob in before.items():
            check(stream.make("train", "full", int(path.name[:5])) == blob, f"{path.name} is damaged")
    finally:
        subprocess.run(["umount", str(place)], check=True)
        place.rmdir()
    yield Row(
        SECTION,
        "ParticleImages",
        "chunks intact on a full disk",
        "",
        len(before),
        note="and one error: the disk is full",
    )


def rows(n=200_000):
    yield from full_disk()
    yield from make_run()
    yield from workers(n)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=200_000)
    print(as_text(list(rows(parser.parse_args().events))))
