"""One `load` for all challenges: what it checks, what it says of itself, and where its samples come from."""

from common.datasets import SPLITS, check_choice, check_n

SOURCES = ("simulated", "official")
DOCSTRING = """{about}

Parameters
----------
split : {{"train", "valid", "test"}}
    The three have no sample in common.
n : int, optional
    Number of samples. Default: the whole official split; of simulated ones, what ships with the course, or a chunk
    where nothing ships.
source : {{"simulated", "official"}}
    Whether samples are simulated, or read from the official files: found in the data folder, else downloaded.
seed : int or str
    Seed of the simulation: another seed is another universe with the same physics.
task : {{{tasks}}}
    Default: {default}.
workers, scheduler, cache
    Who simulates, and whether it is stored; see `common.datasets.Stream.load`.

Returns
-------
Dataset
    X, y and meta as described above.

Raises
------
ValueError
    Unknown split, source or task; official samples of a task that has none; n is not positive, or more than the
    official split has; a file that does not hold such samples.
OSError
    An official file cannot be downloaded, or the cache cannot be written.
ImportError
    A package that simulating or reading needs is not installed.
"""


def loader(challenge, streams, official, about):
    """Return the function `load` of a challenge.

    Parameters
    ----------
    challenge : str
        Folder name.
    streams : dict of str to Stream
        Simulated samples by task, the usual task first.
    official : dict of str to callable (split, n) -> Dataset
        Readers of official samples by task: the first n of a split, all where n is None.
    about : str
        What the samples are (shapes, units, labels, official files); the docstring of `load` begins with it.

    Returns
    -------
    callable
        Its docstring is `DOCSTRING`.
    """

    def load(
        split="train", n=None, *, source="simulated", seed=0, task=None, workers=None, scheduler=None, cache=True
    ):
        check_choice("split", split, SPLITS)
        check_choice("source", source, SOURCES)
        task = _check_task(challenge, task, tuple(streams))
        if source == "simulated":
            return streams[task].load(split, n, seed, workers=workers, scheduler=scheduler, cache=cache)
        if task not in official:
            others = " or ".join(official)
            raise ValueError(f"task {task!r} has no official files: use task {others}, or source='simulated'")
        return official[task](split, None if n is None else check_n(n))

    tasks = ", ".join(f'"{task}"' for task in streams)
    load.__doc__ = DOCSTRING.format(about=about.strip(), tasks=tasks, default=next(iter(streams)))
    load.__module__, load.__qualname__ = f"{challenge}.data", "load"  # where it is found, by help() and by pickle
    return load


def _check_task(challenge, task, tasks):
    """The task, or the usual one for None."""
    if len(tasks) == 1 and task not in (None, *tasks):
        raise ValueError(f"unknown task {task!r}: the {challenge} challenge has one task, leave task out")
    return tasks[0] if task is None else check_choice("task", task, tasks)
