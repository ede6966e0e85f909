"""What the organiser makes before the event: hidden test sets, and the truth that stays at home."""

import importlib
import shutil
import tempfile
from pathlib import Path

from common.challenge import registry
from common.cli import SECRET_LENGTH
from common.datasets import hide_labels, to_bytes
from common.files import atomic_write
from common.hackathon.event import EventError, load

GUIDE = """# {title}: test sets

Each file holds the samples of one hidden test set. Read one, predict, and write what the challenge asks for into a
folder; a challenge with two tasks takes the predictions for both in the same folder:

```python
from common.datasets import read
from {folder} import challenge

test = read("{name}.npz")  # test.X; the labels stay with the organisers
task = challenge.CHALLENGE.task("{task}")
task.submission.write("my_folder", predictions)  # makes the folder
```

Then pack and check your submission with

    python -m common.hackathon submit {folder} --team "Our team" --event . --predictions my_folder --notebook my.ipynb

Solutions are due {deadline}.
"""


def prepare(event_file, seed, out):
    """Make the folder of an event.

    `public` goes to the participants: the test sets without labels, and the event file. `private` never leaves the
    organiser: the labels, in files that only their owner can read.

    Parameters
    ----------
    event_file : path-like
    seed : str
        A secret of at least 12 characters: whoever knows it can simulate the labels.
    out : path-like
        A folder that is empty or not there yet.

    Raises
    ------
    EventError
        The secret is short, the folder is in use, or the event file is no good.
    """
    event, out = load(event_file), Path(out)
    if len(seed) < SECRET_LENGTH:
        raise EventError(
            f"--seed needs at least {SECRET_LENGTH} characters: whoever guesses it can simulate the labels"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise EventError(f"{out} is in use: name a new folder, so that no truth is lost")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as place:
        made = Path(place, "event")
        _make(event, event_file, seed, made)
        made.replace(out)  # all of it or nothing
    print(f"Give {out / 'public'} to the participants, and keep {out / 'private'} to yourself.")


def _make(event, event_file, seed, out):
    public, private = out / "public", out / "private"
    public.mkdir(parents=True)
    private.mkdir(mode=0o700)
    for board in event.boards:
        load_samples = importlib.import_module(f"{board.folder}.data").load
        task = registry()[board.folder].task(board.task).data_task or board.task
        samples, labels = hide_labels(load_samples("test", board.n, seed=seed, task=task))
        if len(samples) != board.n:
            raise EventError(f"{board.name} has {len(samples)} test samples, not n = {board.n}: change the event file")
        for folder, part in ((private, labels), (public, samples)):
            with atomic_write(folder / f"{board.name}.npz") as temporary:
                temporary.write_bytes(to_bytes(part))
        (private / f"{board.name}.npz").chmod(0o600)
        print(f"{board.name}: {board.n} test samples")
    first = event.boards[0]
    guide = GUIDE.format(
        title=event.title, folder=first.folder, task=first.task, name=first.name, deadline=event.clock(event.deadline)
    )
    with atomic_write(public / "README.md") as temporary:
        temporary.write_text(guide, "utf-8")
    for folder in (public, out):
        shutil.copyfile(event_file, folder / "event.toml")
