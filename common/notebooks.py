"""Run, check and refresh the notebooks of the course, and record their scores.

On the command line, from the folder of the course::

    python -m common.notebooks run                        # all of them, at the reduced settings
    python -m common.notebooks run Higgs --profile full -p N_EPOCHS 50
    python -m common.notebooks check                      # checks on the committed files
    python -m common.notebooks refresh Higgs              # execute again, store the outputs
    python -m common.notebooks list

In a notebook::

    from common.notebooks import record
    record("test AUC", auc, low=MIN_AUC)
"""

import argparse
import ast
import json
import math
import multiprocessing
import os
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from common.challenge import ROOT
from common.colab import SETUP_CELL
from common.files import atomic_write, check_writable, in_words
from common.notebook_files import (
    EXPECTED_ERROR,
    RECORD,
    UNREADABLE,
    DamagedNotebook,
    as_text,
    check,
    code_cells,
    fill_sources,
    find,
    insert_setup,
    label,
    normalise,
    read,
    scores,
    settings,
    tags,
)
from common.progress import progress_bar

# papermill, nbclient and psutil are imported where they are used: `record` needs none of them.

__all__ = [
    "SETUP_CELL", "Result", "check", "find", "first_error", "record", "refresh", "run", "scores", "this_python",
]


def this_python():
    """How nbclient starts the kernel: with this Python, whatever kernels called python3 a user has installed.

    The kernel tells of its own transport, and that it is interrupted when all is done: no news to those who run it.
    """
    from ipykernel.kernelspec import get_kernel_dict
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(AsyncKernelManager):
        @property
        def kernel_spec(self):
            return KernelSpec(**get_kernel_dict())

    return {"kernel_name": "python3", "kernel_manager_class": ThisPython, "extra_arguments": ["--log-level=CRITICAL"]}


def record(name, value, low=None, high=None, digits=2, unit=""):
    """Show a score in a notebook, store it in full, and insist on its range.

    The text shown is rounded, so that it is the same on other machines. The full value is in the
    metadata of the output, which nbval does not compare; `scores` reads it back.

    Parameters
    ----------
    name : str
        What is measured, such as ``"test AUC"``; once in a notebook.
    value : float
    low, high : float, optional
        The range. A notebook that also runs at a reduced scale makes the bounds parameters.
    digits : int
        Digits after the decimal point in the text.
    unit : str

    Raises
    ------
    ValueError
        If the value is not finite, or outside of its range.
    """
    from IPython.display import display

    value = float(value)
    if not math.isfinite(value):
        raise ValueError(f"{name} = {value}: the score should be a finite number")
    rounded = round(value, digits) + 0.0  # no "-0.00"
    text = f"{name} = {rounded:.{digits}f} {unit}".rstrip()
    metadata = {"name": name, "value": value, "low": low, "high": high}
    display({"text/plain": text}, raw=True, metadata={RECORD: metadata})
    if low is not None and value < low:
        raise ValueError(f"{name} = {value:.6g} is too low: at least {low} is expected here")
    if high is not None and value > high:
        raise ValueError(f"{name} = {value:.6g} is too high: at most {high} is expected here")


@dataclass
class Result:
    """What came of the run of one notebook.

    Attributes
    ----------
    source, executed : pathlib.Path
        The notebook, and its executed copy.
    seconds : float
    memory : int
        Peak memory in bytes of the kernel and the processes it started.
    scores : dict of str to float
        Empty when the notebook failed.
    error : str
        Cell and exception; empty when all went well.
    """

    source: Path
    executed: Path
    seconds: float = math.nan
    memory: int = 0
    scores: dict = field(default_factory=dict)
    error: str = ""


def run(paths, profile="ci", overrides=None, out=ROOT / "build" / "notebooks", processes=1, ended=None):
    """Execute copies of notebooks, each in a process of its own; one that fails or is damaged stops no other.

    Parameters
    ----------
    paths : list of pathlib.Path
    profile : {"ci", "lesson", "full"}
        With "ci" an explorer draws the ends of its sliders only, unless DEEPLEARN_FRAMES is set.
    overrides : dict, optional
        Values of parameters that go before those of the profile.
    out : path
        Folder of the executed copies: ``Higgs/Higgs.ipynb`` and so on. A copy is there once its run
        has ended, well or not; until then it grows beside it, as ``.running-Higgs.ipynb``.
    processes : int
        How many notebooks run at a time.
    ended : callable (Result), optional
        Is called as each ends.

    Returns
    -------
    list of Result
        In the order of paths.

    Raises
    ------
    ValueError
        If a profile does not fit its notebook; nothing has been executed then.
    OSError
        If the folder cannot be written; nothing has been executed then, either.
    """
    jobs = [(path.resolve(), _settings(path, profile, overrides)) for path in paths]
    check_writable(Path(out, "results.json"))
    bar = progress_bar(total=len(jobs), desc="notebooks", unit="notebook", disable=None)

    environ = ({"DEEPLEARN_FRAMES": "ends"} if profile == "ci" else {}) | dict(os.environ)
    telling, stopped = threading.Lock(), threading.Event()

    def one(number):
        result = _run_one(*jobs[number], Path(out).resolve(), 1 + number % processes, stopped, environ)
        with telling:
            if ended:
                ended(result)
            bar.update()
        return result

    with bar, ThreadPoolExecutor(processes) as pool:
        try:
            return list(pool.map(one, range(len(jobs))))
        except KeyboardInterrupt:  # those that run end, too, and others do not begin
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
            _kill_children()
            raise


def _run_one(path, values, out, row, stopped, environ):
    """Execute one notebook in a process of its own, its bar in this row of the terminal; returns the Result.

    After it was `stopped` the copy of an earlier run stays.
    """
    executed = out / label(path)
    running = executed.with_name(f".running-{path.name}")
    result = Result(path, executed)
    try:
        if executed.exists() and executed.samefile(path):
            raise OSError(f"{executed} is the notebook itself, which would be lost: give another folder for --out")
        if executed.is_file() and not _is_copy(executed):
            raise OSError(f"{executed} is there, and no run made it: move it away, or give another folder for --out")
        check_writable(executed)
        running.unlink(missing_ok=True)
    except OSError as error:
        values = error
    if isinstance(values, DamagedNotebook | OSError):
        result.error = str(values)
        return result
    with ProcessPoolExecutor(1, mp_context=_processes(), initializer=_end_with_parent) as pool:
        try:
            measured = pool.submit(_execute, path, running, values, row, environ).result()
            result.seconds, result.memory, result.scores, result.error = measured
        except BrokenProcessPool:
            result.error = "the process was killed; it may have run out of memory"
    if running.exists() and not stopped.is_set():
        running.replace(executed)
    else:
        result.executed = running  # what is there is of an earlier run
    return result


def _is_copy(path):
    """Whether a run made this notebook: papermill says so in its metadata."""
    try:
        return "papermill" in json.loads(path.read_bytes())["metadata"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def _settings(path, profile, overrides):
    """The settings of a notebook, or what is wrong with its file."""
    try:
        return settings(path, profile, overrides)
    except DamagedNotebook as error:
        return error


def _processes():
    """How the process of a notebook starts.

    Papermill takes seconds to import. On Linux one process imports it, and those of the notebooks are its forks.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["common", "papermill"])
    return context


def _end_with_parent():
    """From now on, end this process and its kernel when the one that started it is gone, which it may be at once."""

    def wait():
        multiprocessing.parent_process().join()
        _kill_children()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _kill_children():
    """End all processes below this one."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()


def _execute(source, target, values, row, environ):
    """Execute one notebook; returns seconds, peak memory in bytes, scores and the error, if any.

    A fork has the environment that was there when the first notebook started: environ takes its place.
    """
    os.environ.clear()
    os.environ.update(environ)
    import papermill

    papermill.engines.papermill_engines.register("fast", _engine_that_saves_fast())
    bar = {"desc": label(source), "position": row, "leave": False, "disable": None}
    found, error = {}, ""
    start = time.perf_counter()
    with _PeakMemory() as memory:
        try:
            target.write_text(as_text(read(source)), "utf-8")  # papermill refuses a byte order mark
            nb = papermill.execute_notebook(
                target, target, values, cwd=source.parent, progress_bar=bar,
                language="python", engine_name="fast", **this_python(),
            )
            found, error = scores(nb), _ended_early(nb)
        except papermill.PapermillExecutionError:
            nb = papermill.execute.remove_error_markers(read(target))
            error = first_error(nb)
            if not error:  # papermill minds an error that its cell is there to show
                target.write_text(as_text(nb), "utf-8")
                found = scores(nb)
        except Exception as exception:  # whatever it is, the other notebooks are still to run
            error = f"{type(exception).__name__}: {exception}"
    return time.perf_counter() - start, memory.peak, found, error


def _engine_that_saves_fast():
    """Papermill's engine, but the copy that grows is saved as plain JSON.

    Papermill itself checks, indents and splits the whole notebook before and after each cell: a sixth of the time of a
    reduced run. What it writes at the end is its own.
    """
    from papermill.engines import NBClientEngine

    class Fast(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, **options):
            nb_man.save = lambda **_: Path(nb_man.output_path).write_text(json.dumps(nb_man.nb), "utf-8")
            super().execute_managed_notebook(nb_man, kernel_name, **options)

    return Fast


def _ended_early(nb):
    """Which cell ended the notebook, such as by sys.exit(), which papermill takes for success; '' for none."""
    ran = [cell for cell in code_cells(nb) if cell.source.strip()]
    if all(cell.execution_count for cell in ran):
        return ""
    last = [cell for cell in ran if cell.execution_count][-1:]
    return f"cell [{last[0].execution_count if last else 0}] ended the notebook: those after it did not run"


class _PeakMemory(threading.Thread):
    """Largest resident memory of all processes below this one together, seen every 0.2 s.

    ``resource.getrusage(RUSAGE_CHILDREN)`` would miss no short peak, but it tells about the largest
    single process, which hides the workers of a data loader, and it does not exist on Windows.
    """

    def __init__(self):
        super().__init__(daemon=True)
        self.peak = 0
        self._ended = threading.Event()

    def run(self):
        import psutil

        while not self._ended.wait(0.2):
            total = 0
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):  # it has just ended
                    total += process.memory_info().rss
            self.peak = max(self.peak, total)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join()


def first_error(nb):
    """Cell and exception of the first error of an executed notebook that its cell is not tagged for, or ''."""
    for cell in code_cells(nb):
        if EXPECTED_ERROR in tags(cell):
            continue
        where = f"cell [{cell.execution_count}] {cell.source.strip().partition(chr(10))[0]}"
        for output in cell.outputs:
            if output.output_type == "error":
                return f"{where}\n{output.ename}: {output.evalue}"
        if cell.metadata.get("papermill", {}).get("exception"):
            return f"{where}\nno output says why it failed"
    return ""


def _row(result, width):
    """One line of the table: name, seconds, memory and scores of a notebook."""
    found = ", ".join(f"{name} = {value:.4g}" for name, value in result.scores.items())
    return f"{label(result.source):<{width}}  {result.seconds:7.1f}  {result.memory / 1e9:6.2f} GB  {found or '-'}"


def errors(results):
    """The errors of all runs, and where to look."""
    lines = []
    for result in results:
        if result.error:
            lines += ["", f"{label(result.source)} failed:"]
            lines += [f"    {line}" for line in result.error.splitlines()]
            if result.executed.exists():
                lines.append(f"    see {result.executed}")
    return lines


def refresh(path):
    """Execute a notebook at its defaults and store its outputs in it, or leave it as it was.

    The set-up cell and cells tagged ``source-...`` are written anew; metadata that differ between machines are dropped.

    Parameters
    ----------
    path : pathlib.Path

    Raises
    ------
    ValueError
        If a cell raises or writes to stderr, or the file was saved meanwhile; the file is as it was.
    """
    import nbclient

    before = path.read_bytes()
    nb = read(path)
    insert_setup(nb)
    try:
        fill_sources(nb)
    except ValueError as error:
        raise ValueError(f"{label(path)} is as it was: {error}") from error
    bar = progress_bar(total=len(code_cells(nb)), desc=label(path), unit="cell", disable=None)
    client = nbclient.NotebookClient(
        nb,
        **this_python(),
        timeout=None,
        record_timing=False,
        coalesce_streams=True,
        on_cell_executed=lambda **_: bar.update(),
        resources={"metadata": {"path": str(path.parent)}},
    )
    environ = {name: value for name, value in os.environ.items() if name != "DEEPLEARN_FRAMES"}
    with bar:
        try:
            client.execute(env=environ)  # explorers draw all positions of their sliders, whatever the shell says
        except nbclient.exceptions.CellExecutionError as error:
            why = first_error(nb) or str(error).strip().splitlines()[-1]  # no output says it
            raise ValueError(f"{label(path)} is as it was: {why}") from error
        except nbclient.exceptions.DeadKernelError as error:
            raise ValueError(f"{label(path)} is as it was: its kernel died, most often for lack of memory") from error
    for cell in code_cells(nb):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                where = f"cell [{cell.execution_count}] writes to stderr"
                raise ValueError(f"{label(path)} is as it was: {where}\n{output.text.strip()}")
    normalise(nb)
    if path.read_bytes() != before:
        raise ValueError(f"{label(path)} was saved by somebody while it ran, and is as it was saved: refresh it again")
    with atomic_write(path.resolve()) as temporary:  # a link stays one
        temporary.write_text(as_text(nb), "utf-8")


def main(argv=None, root=ROOT):
    """Run the command line; returns the exit status.

    Parameters
    ----------
    argv : list of str, optional
    root : path
        The repository.
    """
    parser = argparse.ArgumentParser(
        prog="python -m common.notebooks", description=__doc__.split("\n")[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    execute = commands.add_parser("run", help="execute copies")
    commands.add_parser("check", help="list what keeps a notebook from being committed")
    commands.add_parser("refresh", help="execute again, and store the outputs")
    commands.add_parser("list", help="list the notebooks")
    for name, command in commands.choices.items():
        command.add_argument(
            "names", nargs="+" if name == "refresh" else "*", help="folder, notebook or path"
        )
    execute.add_argument("--profile", choices=("ci", "lesson", "full"), default="ci")
    execute.add_argument(
        "-p", dest="overrides", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"),
        help="set a parameter of the notebooks",
    )
    execute.add_argument("--out", type=Path, default=Path(root, "build", "notebooks"))
    execute.add_argument(
        "--processes", type=int, metavar="N",
        help="notebooks at a time; default: at reduced settings one a core, at most 4, else one",
    )
    args = parser.parse_args(argv)
    try:
        paths = find(args.names, root)
        if args.command == "run":
            overrides = {key: _literal(value) for key, value in args.overrides}
            return _run_and_print(paths, args.profile, overrides, args.out, args.processes)
        if args.command == "check":
            return _print_problems(paths)
        if args.command == "refresh":
            return _refresh_all(paths)
        if args.command == "list":
            print(*map(label, paths), sep="\n")
    except (ValueError, OSError) as error:
        _complain(error)
        return 2
    return 0


def _refresh_all(paths):
    """Refresh notebooks, each whether or not another fails; returns the exit status."""
    status = 0
    for path in paths:
        try:
            refresh(path)
        except (ValueError, OSError) as error:
            _complain(error)
            status = 2
    return status


def _complain(error):
    print(*map(_safe, in_words(error).splitlines()), sep="\n", file=sys.stderr)


def _literal(text):
    """The value that a text stands for in Python; the text itself where it stands for none."""
    try:
        return ast.literal_eval(text)
    except (TypeError, *UNREADABLE):
        return text


def _safe(line):
    """A line that may hold what a notebook says: what a terminal would obey is shown by its number."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def _kept(path):
    """What earlier runs left in a file: {profile: {name of a notebook: seconds, scores and overrides}}."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder: move it away, and a file is made there")
    try:
        kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}): move it away, and it is made anew") from error
    if not isinstance(kept, dict) or not all(isinstance(of_profile, dict) for of_profile in kept.values()):
        raise ValueError(f"{path} holds no results of runs: move it away, and it is made anew")
    return kept


def _keep(result, profile, overrides, path):
    """Write seconds, scores and what was set otherwise than in the profile to a file, beside those of other runs."""
    if result.error:
        return
    kept = _kept(path)
    kept.setdefault(profile, {})[label(result.source)] = {
        "seconds": round(result.seconds, 1), "scores": result.scores, "overrides": overrides,
    }  # fmt: skip
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")


def _run_and_print(paths, profile, overrides, out, processes):
    """Run notebooks with a line for each as it ends, and then the errors; returns the exit status."""
    if processes is None:
        processes = min(os.cpu_count() or 1, 4) if profile == "ci" else 1
    if processes < 1:
        raise ValueError(f"--processes must be at least 1, not {processes}")
    width = max((len(label(path)) for path in paths), default=0)
    _kept(out / "results.json")  # a damaged one is known before the runs, not after

    not_kept = []

    def tell(result):
        tqdm.write(_safe(_row(result, width)), file=sys.stdout)  # above the bar
        sys.stdout.flush()
        try:
            _keep(result, profile, overrides, out / "results.json")  # at once: others may run for hours, and be stopped
        except (ValueError, OSError) as error:
            not_kept.append(f"{label(result.source)}: its scores are not kept: {in_words(error)}")

    print(f"{'notebook':<{width}}  {'seconds':>7}  {'memory':>9}  scores", flush=True)
    results = run(paths, profile, overrides, out, processes, tell)
    for line in [*errors(results), *not_kept]:
        print(_safe(line))
    return int(any(result.error for result in results) or bool(not_kept))


def _print_problems(paths):
    problems = [f"{label(path)}: {problem}" for path in paths for problem in check(path)]
    print(*map(_safe, problems), f"{len(paths)} notebooks, {len(problems)} problems", sep="\n")
    return int(bool(problems))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("stopped; what had ended is kept", file=sys.stderr)
        sys.exit(130)
