"""What the organiser makes before the event: hidden test sets, and the truth that stays at home."""

import importlib
import os
import tempfile
from pathlib import Path

import numpy as np

from common.challenge import registry
from common.datasets import hide_labels, to_bytes
from common.hackathon import arrivals, guide
from common.hackathon.event import EventError, load
from common.hackathon.judge import classes_of
from common.hackathon.leaderboard import check_truth
from common.hackathon.secrets import check_secret, new_secret, seed_of


def prepare(event_file, secret, out, *, past=False):
    """Make the folder of an event.

    `public` goes to the participants: the test sets without labels, a guide, the rules, a sample hand-in for each task
    and the event file. `private` never leaves the organiser: the labels and the secret, in files that only their owner
    can read. Labels are on no disk before all test sets are made, so that an interruption leaves none behind.

    Parameters
    ----------
    event_file : path-like
    secret : str or None
        What the test sets are made from; whoever knows it can simulate the labels. None: a random one is made.
    out : path-like
        A folder that is empty or not there yet.
    past : bool
        Whether the deadline may be over, as in a rehearsal.

    Raises
    ------
    EventError
        The folder is in use, the deadline is over, or the event file is no good.
    WeakSecret
        Somebody could guess the secret.
    """
    event, out = load(event_file), Path(out)
    secret = new_secret() if secret is None else check_secret(secret)
    if _is_used(out):
        raise EventError(f"{out} is in use: name a new folder, so that no truth is lost")
    if event.deadline < arrivals.now() and not past:
        raise EventError(
            f"{event_file}: the deadline, {event.clock(event.deadline)}, is over: change it, or say --past-deadline"
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as place:
        files = _made(event, seed_of(secret, f"{event.title} {event.start}"))
        files["private/secret.txt"] = f"{secret}\n".encode()
        files |= {f"public/{name}": blob for name, blob in guide.samples(event).items()}
        files["public/RULES.md"] = guide.rules(event).encode()
        files["event.toml"] = files["public/event.toml"] = Path(event_file).read_bytes()
        made = Path(place, "event")
        (made / "public").mkdir(parents=True)
        (made / "private").mkdir(mode=0o700)
        for name, blob in files.items():
            private = name.startswith("private/")
            (made / name).parent.mkdir(exist_ok=True, parents=True)
            with open(os.open(made / name, os.O_WRONLY | os.O_CREAT, 0o600 if private else 0o644), "wb") as file:
                file.write(blob)
        for board in event.boards:
            check_truth(made, board, event.public_fraction)
        try:
            made.replace(out)  # all of it or nothing
        except OSError as error:
            if _is_used(out):
                raise EventError(f"{out}: somebody else has just made it, and it is as they made it") from error
            raise
    print(f"Give {out / 'public'} to the participants, and keep {out / 'private'} to yourself.")
    print(f"The secret is in {out / 'private' / 'secret.txt'}: with it the same test sets can be made again.")


def _is_used(out):
    """Whether no new folder can take a name: what is there is more than an empty folder, or cannot be replaced."""
    if out.name in ("", ".."):
        return True
    return os.path.lexists(out) and (
        not out.is_dir() or any(out.iterdir()) or out.is_symlink() or os.path.ismount(out) or out.samefile(os.curdir)
    )


def _made(event, seed):
    """The test sets of all boards, their labels and what they are: {path in the folder of the event: bytes}."""
    files, about = {}, {}
    for board in event.boards:
        load_samples = importlib.import_module(f"{board.folder}.data").load
        task = registry()[board.folder].task(board.task)
        samples = load_samples("test", board.n, seed=seed, task=task.data_task or task.name, cache=False)
        if len(samples) != board.n:
            raise EventError(f"{board.name} has {len(samples)} test samples, not n = {board.n}: change the event file")
        if "run" in samples.meta:  # images of one run have one label: they must not follow one another
            samples = samples[np.random.default_rng(int(seed, 16)).permutation(board.n)]
        samples, labels = hide_labels(samples, keep=task.public)
        if event.public_fraction < 1:
            labels.meta["public"] = public_part(labels.X, labels.meta.get("run"), event.public_fraction, int(seed, 16))
        about[board.name] = guide.about(samples)
        files[f"public/{board.name}.npz"] = to_bytes(samples)
        files[f"private/{board.name}.npz"] = to_bytes(labels)
        print(f"{board.name}: {board.n} test samples")
    files["public/README.md"] = guide.readme(event, about).encode()
    return files


def public_part(labels, runs, fraction, seed):
    """Which samples of a hidden test set are public: about a fraction of each class, drawn at random.

    Samples of one run stay together, since they have one label.

    Parameters
    ----------
    labels : sequence of n labels
    runs : ndarray of shape (n,) or None
    fraction : float
    seed : int

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    runs = np.arange(len(labels)) if runs is None else runs
    members, first = np.unique(runs, return_index=True)
    classes = classes_of(labels)
    kinds = np.zeros(len(members)) if classes is None else classes[first]
    rng = np.random.default_rng([seed, 1])  # of its own: the order of the samples is drawn from the seed alone
    strata = [members[kinds == kind] for kind in np.unique(kinds)]
    return np.isin(runs, np.concatenate([rng.permutation(s)[: round(fraction * len(s))] for s in strata]))
