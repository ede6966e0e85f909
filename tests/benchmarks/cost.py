"""What the course costs: seconds and memory of the lessons, of growing data sets, of one process, two, and a cluster.

    python -m tests.benchmarks.cost [--events 32000] [--no-lessons]

Growth is measured on Higgs events. A million of them take more than an hour to simulate here, so shipped events, drawn
again, stand in for them, in chunks of the same size. They are written to disk one after the other, mapped, and trained
on; each size in a process of its own, whose memory does not count pages of files that the system may drop any time.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from common.challenge import ROOT
from common.datasets import Stream
from tests.benchmarks.table import Row, as_text

SECTION = "cost"
FULL_SETS = {  # samples of the official data of a challenge, or of the best published result on them
    "Higgs": 11_000_000, "ParticleImages": 498_000, "StrongLensing": 90_000, "NMRSpin": 12_000, "QuantumML": 125_000,
}  # fmt: skip


def lessons():
    """Seconds and peak memory of each lesson notebook, one thread."""
    from common import notebooks

    found = [path for path in notebooks.find([], ROOT) if path.parent.name != "solutions"]
    for result in notebooks.run(found, "lesson", out=ROOT / "build" / "bench-notebooks"):
        if result.error:
            raise RuntimeError(f"{result.source.name}: {result.error}")
        yield Row(SECTION, result.source.parent.name, "seconds of the lesson", result.source.stem, result.seconds,
                  note=f"{result.memory / 1e9:.2f} GB")  # fmt: skip


def again(n, seed):
    """n shipped events drawn anew: the bytes of a chunk, without its physics."""
    from Higgs import data

    shipped = data.load("train", 12_000)
    return shipped[np.random.default_rng(seed).integers(0, len(shipped), n)]


def anonymous_memory():
    """Bytes that this process holds and that are no pages of files."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("RssAnon:")[1].split()[0])


def grow(n, folder):
    """Write a stream of n events to disk chunk by chunk, train one epoch on the mapped files; prints what it took."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from common.training import fit
    from tests.benchmarks import plain

    torch.set_num_threads(1)
    os.environ["DEEPLEARN_DATA"] = folder
    stream = Stream("HiggsAgain", again, version=1, chunk_size=4000)
    start = time.perf_counter()
    events = stream.on_disk("train", n, Path(folder, "mapped"))
    written, peak = time.perf_counter() - start, anonymous_memory()
    base = plain.higgs_network()
    few = again(1000, 0)
    start = time.perf_counter()
    fit(base, (events.X, events.y), (few.X, few.y.astype("f4")), batch_size=1000, epochs=1, progress=False,
        loss=lambda z, y: binary_cross_entropy_with_logits(z, y.float()))  # fmt: skip
    trained, peak = time.perf_counter() - start, max(peak, anonymous_memory())
    start = time.perf_counter()
    stream.load("train", n, progress=False)
    print(json.dumps({"write": written, "train": trained, "memory": peak, "load": time.perf_counter() - start}))


def growth(sizes=(1000, 10_000, 100_000, 1_000_000)):
    """Time and memory of streaming and training, 1000 to a million events."""
    found = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([sys.executable, "-m", "tests.benchmarks.cost", "--grow", str(n), folder], cwd=ROOT,
                                  capture_output=True, text=True, check=True)  # fmt: skip
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
        last = found[-1]
        yield Row(SECTION, "Higgs", f"seconds to stream {n:,} events to disk", "", last["write"],
                  note=f"an epoch on these {last['train']:.1f} s; memory {last['memory'] / 1e6:.0f} MB; "
                       f"to load them from there into memory {last['load']:.2g} s")  # fmt: skip
    yield Row(SECTION, "Higgs", f"memory with {sizes[-1]:,} events over that with {sizes[0]:,}", "",
              found[-1]["memory"] / found[0]["memory"])  # fmt: skip


def simulated(folder, n, **where):
    """Seconds to simulate n Higgs events into an empty cache, and the names (checksums) of the chunks."""
    program = (
        "import sys, json; from Higgs import data; "
        "data.STREAM.prepare('train', int(sys.argv[1]), 'bench', progress=False, **json.loads(sys.argv[2]))"
    )
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program, str(n), json.dumps(where)], cwd=ROOT, check=True,
                   env={**os.environ, "DEEPLEARN_DATA": str(folder)})  # fmt: skip
    return time.perf_counter() - start, sorted(path.name for path in Path(folder).rglob("*.npz"))


class Cluster:
    """A Dask scheduler and worker processes, started from the command line as one would on several machines."""

    def __init__(self, workers=2):
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name, "scheduler.json")
        dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": ROOT}
        scheduler = subprocess.Popen(
            [*dask, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)], **quiet
        )
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(self.file),
                  "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", self.folder.name]  # fmt: skip
        while not self.file.exists():
            time.sleep(0.1)
        self.workers = [subprocess.Popen(worker, **quiet) for _ in range(workers)]
        self.processes = [scheduler, *self.workers]
        self.start_worker = lambda: self.processes.append(subprocess.Popen(worker, **quiet))
        self.address = json.loads(self.file.read_text())["address"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes[::-1]:
            process.terminate()
            process.wait()
        self.folder.cleanup()


def scaling(n):
    """Simulating on one process, on two, and on a cluster of two worker processes: times, and the same bytes."""
    seconds, names = {}, {}
    for label, where in (("1 process", {"workers": 1}), ("2 processes", {"workers": 2}), ("Dask, 2 workers", None)):
        with tempfile.TemporaryDirectory() as folder:
            if where is None:
                with Cluster() as cluster:
                    seconds[label], names[label] = simulated(folder, n, scheduler=cluster.address)
            else:
                seconds[label], names[label] = simulated(folder, n, **where)
        print(f"{label}: {seconds[label]:.0f} s for {n} events", flush=True)
    if len({tuple(each) for each in names.values()}) != 1:
        raise RuntimeError("the chunks differ between one process, two, and the cluster")
    one = seconds["1 process"]
    for label, value in seconds.items():
        yield Row(
            SECTION,
            "Higgs",
            f"events/s, {n:,} simulated",
            label,
            n / value,
            note=f"{one / value:.2f} times one process, the same bytes",
        )


def full_sets():
    """What the complete official sets would cost: a chunk of each is made on one core, the rest is extrapolated."""
    for challenge, n in FULL_SETS.items():
        streams = importlib.import_module(f"{challenge}.data").STREAMS.values()
        stream = next(stream for stream in streams if isinstance(stream, Stream))  # not a mixture of two
        stream.simulate(min(100, stream.chunk_size), 0)  # what is done once in a process
        start = time.process_time()
        stream.make("train", "cost", 0)
        seconds = time.process_time() - start
        hours = seconds / stream.chunk_size * n / 3600
        yield Row(SECTION, challenge, f"core hours for {n:,} samples, extrapolated", "", hours,
                  note=f"on 64 cores that do not hinder each other {60 * hours / 64:.2g} minutes; "
                       f"a chunk of {stream.chunk_size:,} took {seconds:.2g} s of one core")  # fmt: skip


def rows(n=32_000, with_lessons=True):
    if with_lessons:
        yield from lessons()
    yield from growth()
    yield from scaling(n)
    yield from full_sets()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=32_000)
    parser.add_argument("--no-lessons", action="store_true")
    parser.add_argument("--grow", nargs=2, metavar=("N", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.grow:
        grow(int(options.grow[0]), options.grow[1])
    else:
        print(as_text(list(rows(options.events, not options.no_lessons))))
