"""Run the notebook of a submission again, in a sandbox, and compare its predictions with those handed in.

The sandbox is bubblewrap (https://github.com/containers/bubblewrap), a small program that makes namespaces of Linux.
See `ISOLATION` for what it keeps from the notebook, and what it does not.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.challenge import FOLDERS, ROOT, SubmissionError
from common.hackathon import archive, contents, judge
from common.hackathon.event import EventError, load
from common.hackathon.rerun import FAILED, WORK

TOOL = "bwrap"
MINUTES, MEMORY = 30, 8  # the defaults: minutes on the clock, GB
DISK = 2_000_000_000  # bytes that the notebook may write; they are memory too
SHARED = 500_000_000  # bytes of /dev/shm, where workers of data loaders meet
PROCESSES = 500
PAUSE = 0.2  # s between two looks at what runs
ALIKE = 1e-3  # of the spread; two machines never agree to the last digit
HOME, GIVEN = "/home/team", "/submission"
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = ("ld.so.cache", "alternatives", "fonts", "localtime", "mime.types")  # of /etc
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")

ISOLATION = """\
Isolation: bubblewrap. The notebook has no network. Of this machine it sees the course, Python, the programs of the
system and the public test sets, and can change none of them; it writes to a home in memory, which vanishes. At its
limits it is stopped, with all that it started: of time, and of memory, where its files and shared memory count too.
Not guarded against: faults of the kernel, which it shares with this machine, and its use of all processors until then.
So run it where nothing can be lost."""


class NotRerun(ValueError):
    """A notebook that did not run to its end, or whose predictions cannot be read; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """What running a notebook again gives for one board.

    Attributes
    ----------
    board : str
    n, same : int
        Samples of the test set, and how many of them have the same prediction up to `ALIKE`.
    metric : str
        The first one, and so is the score:
    handed_in, again : float
        On the part of the test set that decides in the end, as it is rounded on the board.
    interval : list of float
        The central 95 % of the score handed in on copies of the test set, as on the board.
    """

    board: str
    n: int
    same: int
    metric: str
    handed_in: float
    again: float
    interval: list

    @property
    def reproduced(self):
        """Whether the score is the same up to the noise of the test set, whatever the predictions are."""
        return self.again == self.handed_in or self.interval[0] <= self.again <= self.interval[1]

    def __str__(self):
        if self.reproduced and self.same == self.n:
            return f"{self.board}: reproduced: the same predictions for all {self.n} samples"
        low, high = self.interval
        verdict, where = ("score reproduced", "within") if self.reproduced else ("NOT REPRODUCED", "not within")
        given = f"{self.handed_in:.6g} [{low:.6g}, {high:.6g}] as handed in"
        same = f"the same predictions for {self.same} of {self.n} samples"
        return f"{self.board}: {verdict}: {self.metric} {self.again:.6g}, {where} {given}; {same}"


def verify(folder, file, minutes=MINUTES, memory=MEMORY):
    """Run the notebook of a submission again and compare.

    The notebook finds the test sets in ``event/public``, of its own folder or the one above, as the pages of the
    challenges have it, its trained models beside it, and may write its prediction files to any folder below its own.

    Parameters
    ----------
    folder : path-like
        The folder of the event.
    file : path-like
        The zip file.
    minutes, memory : float
        Limits: minutes on the clock; GB, for each process and for all of them together.

    Returns
    -------
    list of Outcome
        One for each board for which predictions were handed in.

    Raises
    ------
    EventError
        No such event, or no sandbox on this machine: then nothing runs.
    SubmissionError
        The submission cannot be scored in the first place.
    NotRerun
        The notebook failed, was stopped, or writes no predictions that can be scored.
    """
    folder, file = Path(folder), Path(file)
    load(folder / "event.toml")  # which says what is wrong with it
    most = int(memory * 1e9)
    with tempfile.TemporaryDirectory(prefix="verify-") as place:
        given, packed = Path(place, "given"), Path(place, "packed.zip")
        given.mkdir()
        handed_in, challenge = _read(folder, file, SubmissionError, given)
        command = sandbox(folder, given)
        with open(packed, "wb") as out:
            reason = _run([*command, "-m", "common.hackathon.rerun", GIVEN, challenge, str(most)], out, minutes, most)
        if reason:
            raise NotRerun(reason)
        again, _ = _read(folder, packed, NotRerun)
    return [_compared(folder, board, values, again.get(board)) for board, values in handed_in.items()]


def _read(folder, path, kind, given=None):
    """The predictions in a zip file, {board: values}, and its challenge; its notebook and models go to `given`.

    Whoever wrote the file, a participant or the sandbox, it goes through the checks of a submission.
    """

    def read():
        with judge.bounded(), archive.opened(path) as opened:
            manifest = opened.manifest
            if manifest.choice:
                raise SubmissionError("a choice, which has no notebook")
        boards = judge.boards_of(str(folder), manifest.challenge)
        sizes = {board: judge.parts_of(str(folder), board.name)["public"].n for board in boards}
        with judge.bounded(), archive.opened(path) as opened:
            found = dict(judge.predictions(boards, opened, sizes, judge.samples_of(str(folder), boards)))
            for name in [archive.NOTEBOOK, *contents.models_in(manifest.files)] if given else []:
                opened.extract(name, given / name)
        return found, manifest.challenge

    found, reason = judge.attempt(read)
    if reason:
        raise kind(reason if given is None else f"{archive.shown(path.name)}: {reason}")
    return found


def _compared(folder, board, values, again):
    if again is None:
        raise NotRerun(f"{board.name}: predictions were handed in, and the notebook writes none")
    part, metric = judge.parts_of(str(folder), board.name)["private"], board.metrics[0]
    marks, marks_again = judge.marked(board, part, values), judge.marked(board, part, again)
    return Outcome(board.name, len(values), int(alike(values, again).sum()), metric, marks.row["scores"][metric],
                   marks_again.row["scores"][metric], marks.row["interval"])  # fmt: skip


def alike(values, others):
    """Which samples have the same predictions, shape (n,): equal texts, or numbers up to `ALIKE` of their spread.

    The spread is the distance between quartiles, which a few huge predictions do not widen.
    """
    if values.dtype.kind in "OU":
        return np.array([str(a) == str(b) for a, b in zip(values, others, strict=True)])
    low, high = np.quantile(values, [0.25, 0.75], axis=0)
    close = np.abs(values - others) <= ALIKE * (high - low)
    return close.reshape(len(values), -1).all(axis=1)


# --------------------------------------------------------------------------------------------------
# The sandbox


def sandbox(folder, given):
    """The command line that runs Python in the sandbox, once it is known to work.

    Parameters
    ----------
    folder : pathlib.Path
        The folder of the event; inside, only its `public` is seen.
    given : pathlib.Path
        What the notebook starts from.

    Raises
    ------
    EventError
        The tool is missing, too old or not allowed here, or the truth would be seen inside.
    """
    tool = shutil.which(TOOL)
    if tool is None:
        raise EventError("bubblewrap is missing, and without a sandbox no notebook is run: on Debian and Ubuntu, "
                         "apt-get install bubblewrap; elsewhere than on Linux use a virtual machine")  # fmt: skip
    seen = [Path(path) for path in SYSTEM if os.path.isdir(path)]
    seen += [Path(path).resolve() for path in (sys.prefix, sys.base_prefix)]
    seen += [ROOT / name for name in ("common", *FOLDERS)]
    for path in map(Path.resolve, seen):
        if folder.resolve().is_relative_to(path):
            raise EventError(f"{folder} lies in {path}, which the notebook would see: move the event elsewhere")
    command = [tool, *_namespaces(), *_mounts(folder, given, seen), *_environment(), sys.executable]
    try:
        tried = subprocess.run([*command, "-c", ""], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired as error:
        raise EventError("bubblewrap does not start Python here within a minute: no notebook is run") from error
    if tried.returncode:
        said = archive.one_line(tried.stderr.decode(errors="replace"))
        raise EventError(f"bubblewrap 0.8 or later has to work here, and no notebook is run without it: {said}")
    return command


def _namespaces():
    return ["--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000", "--cap-drop",
            "ALL", "--hostname", "sandbox", "--die-with-parent", "--new-session", "--clearenv"]  # fmt: skip


def _mounts(folder, given, seen):
    mounts = []
    for path in seen:
        link = path.is_symlink()  # /bin often is one, to usr/bin
        mounts += ["--symlink", os.readlink(path), str(path)] if link else ["--ro-bind", str(path), str(path)]
    for name in SETTINGS:
        mounts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    work = f"{HOME}/{WORK}"
    below = any(path.is_relative_to("/tmp") for path in seen)  # then /tmp is there, and nobody can write to it
    temporary = [] if below else ["--symlink", f"{HOME}/tmp", "/tmp"]
    return [
        *mounts, "--proc", "/proc", "--dev", "/dev", "--size", str(SHARED), "--tmpfs", "/dev/shm",
        "--size", str(DISK), "--tmpfs", HOME, "--dir", f"{HOME}/tmp", *temporary,
        "--ro-bind", str(given.resolve()), GIVEN, "--symlink", f"{WORK}/event", f"{HOME}/event",
        "--ro-bind", str((folder / "public").resolve()), f"{work}/event/public",
        "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME,
    ]  # fmt: skip


def _environment():
    settings = {"HOME": HOME, "USER": "team", "LANG": "C.UTF-8", "PATH": f"{sys.prefix}/bin:/usr/bin:/bin",
                "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": f"{HOME}/tmp",
                **{name: os.environ[name] for name in THREADS if name in os.environ}}  # fmt: skip
    return [word for name, value in settings.items() for word in ("--setenv", name, value)]


def _run(command, out, minutes, most):
    """Run a command in the sandbox; returns why it did not end well, or an empty text."""
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=messages, env={},
                                   start_new_session=True)  # fmt: skip  what runs inside can read the environment
        try:
            if reason := _stopped(process, minutes, most):
                return reason
        finally:
            with suppress(ProcessLookupError):  # with it ends the namespace, and all that runs in it
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if not process.returncode:
            return ""
        if process.returncode == FAILED:
            with open(out.name, "rb") as file:
                said = file.read(1000).decode(errors="replace")
        else:
            messages.seek(max(0, messages.seek(0, os.SEEK_END) - 1000))
            said = messages.read().decode(errors="replace").strip().rpartition("\n")[2]
        return archive.one_line(said) or f"it ends with status {process.returncode}"


def _stopped(process, minutes, most):
    """Wait for a process to end; returns which limit it and those that it started exceed, or an empty text."""
    import psutil

    end, top, before = time.monotonic() + 60 * minutes, psutil.Process(process.pid), psutil.virtual_memory().shared
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(PAUSE)
            return ""
        if time.monotonic() > end:
            return f"stopped: it runs for more than {minutes:g} minutes"
        # shared memory outlives mappings and has no owner: what this machine has more of counts, files of the home too
        children, used = [], max(0, psutil.virtual_memory().shared - before)
        with suppress(psutil.Error):
            children = top.children(recursive=True)
        for child in children:
            with suppress(psutil.Error):  # it has just ended
                memory = child.memory_info()
                used += memory.rss - getattr(memory, "shared", 0)
        if used > most:
            return f"stopped: it needs more than {most / 1e9:g} GB of memory"
        if len(children) > PROCESSES:
            return f"stopped: it starts more than {PROCESSES} processes"
