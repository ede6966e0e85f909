"""Data sets in memory, and the simulated stream that they are cut from.

A simulated data set is a deterministic stream of chunks. Chunk i of (challenge, task, split, seed,
simulator version) has the same bytes on one platform, whoever makes it and in whatever order: the
random seed of a chunk is a hash of exactly these things. So a data set can be made by one process,
by several, or by a cluster; it can be cached, shipped in part, extended later, and made again.
"""

import hashlib
import io
import itertools
import json
import math
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import joblib
import numpy as np

from common import archives
from common.files import atomic_write, in_words
from common.official import data_home
from common.progress import in_notebook, progress_bar

SPLITS = ("train", "valid", "test")
MOST = 10**10  # samples: more would take years to simulate
START_UP = 10  # s: processes that import torch or Pythia do not start sooner on a small machine
CLUSTER_TIMEOUT = 10  # s to wait for a Dask scheduler, and then for a worker


@dataclass
class Dataset:
    """Samples, their labels, and what is known about them.

    Attributes
    ----------
    X : ndarray of shape (n, ...), or list of n str
        The samples.
    y : ndarray of shape (n, ...), or list of n str, or None
        The labels; None where they are hidden.
    meta : dict
        NumPy arrays have one entry a sample (the run a frame comes from, say); anything else
        describes the whole data set (column names, units).
    """

    X: np.ndarray | list
    y: np.ndarray | list | None
    meta: dict = field(default_factory=dict)

    def __post_init__(self):
        for name, values in [("y", self.y), *self._per_sample().items()]:
            if values is not None and len(values) != len(self.X):
                raise ValueError(f"{name} has {len(values)} entries for {len(self.X)} samples")

    def __len__(self):
        return len(self.X)

    def __getitem__(self, rows):
        """One sample, or several as a data set.

        Parameters
        ----------
        rows : int, slice, or index array or mask of shape (k,)

        Returns
        -------
        tuple (x, y), x alone where labels are hidden, or Dataset
            For an int the sample, so that iteration and torch's DataLoader work; else a data set.

        Raises
        ------
        IndexError, TypeError
            Rows that are not there; anything but rows.
        """
        if isinstance(rows, int | np.integer) and not isinstance(rows, bool):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"there is no sample {rows}: the data set has {len(self):,}")
            return self.X[rows] if self.y is None else (self.X[rows], self.y[rows])
        rows = rows if isinstance(rows, slice) else self._index(rows)
        per_sample = {name: values[rows] for name, values in self._per_sample().items()}
        return Dataset(_taken(self.X, rows), _taken(self.y, rows), {**self.meta, **per_sample})

    def _index(self, rows):
        """An index array or a mask as an index array."""
        index = np.asarray(None if isinstance(rows, tuple) else rows)  # d[0, 1] means two axes to an array
        if index.shape == (0,):
            return index.astype(int)
        if index.ndim != 1 or index.dtype.kind not in "iub":
            raise TypeError(f"a data set takes a number, a slice, an index array or a mask, not {rows!r}; see .X, .y")
        if index.dtype.kind == "b":
            if len(index) != len(self):
                raise IndexError(f"the mask has {len(index):,} entries for {len(self):,} samples")
            return np.flatnonzero(index)
        if (wrong := (index < -len(self)) | (index >= len(self))).any():
            raise IndexError(f"there is no sample {index[wrong][0]}: the data set has {len(self):,}")
        return index

    def _per_sample(self):
        return {name: values for name, values in self.meta.items() if isinstance(values, np.ndarray)}


def _taken(values, rows):
    """Rows of an array, or of a list, which takes no index array."""
    if isinstance(values, list) and not isinstance(rows, slice):
        return [values[i] for i in rows]
    return None if values is None else values[rows]


def concatenate(datasets):
    """One data set from several of the same kind; descriptions are taken from the first."""
    datasets = list(datasets)
    first = datasets[0]
    if len(datasets) == 1:
        return first

    def join(parts):
        return sum(parts, []) if isinstance(parts[0], list) else np.concatenate(parts)

    per_sample = {name: join([d.meta[name] for d in datasets]) for name in first._per_sample()}
    y = None if first.y is None else join([d.y for d in datasets])
    return Dataset(join([d.X for d in datasets]), y, {**first.meta, **per_sample})


# --------------------------------------------------------------------------------------------------
# A data set as bytes: a compressed .npz without pickled objects, the same bytes for the same content


def to_bytes(dataset):
    """The bytes of an `.npz` file with X, y and meta."""
    arrays, about = {}, {}
    entries = {"X": dataset.X, "y": dataset.y, **{f"meta_{k}": v for k, v in dataset.meta.items()}}
    for name, values in entries.items():
        if isinstance(values, np.ndarray):
            arrays[name] = values
        else:
            about[name] = values
    arrays["about"] = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def from_bytes(blob):
    """The data set in the bytes of an `.npz` file written by `to_bytes`.

    Raises
    ------
    ValueError
        The bytes are not such a file. Pickled objects are refused, never loaded.
    """
    try:
        entries = archives.arrays(blob)
        about = json.loads(entries.pop("about").tobytes())
        if not isinstance(about, dict):
            raise ValueError("about is not a dictionary")
        entries |= about
        for name, may_be in (("X", "an array or a list of texts"), ("y", "an array, a list of texts, or null")):
            if not _are_samples(entries[name]) and (name == "X" or entries[name] is not None):
                raise ValueError(f"{name} is not {may_be}")
        meta = {k.removeprefix("meta_"): v for k, v in entries.items() if k.startswith("meta_")}
        return Dataset(entries["X"], entries["y"], meta)
    except KeyError as error:
        raise ValueError(f"not a data set of this course: it has no {error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"not a data set of this course: {error}") from error


def _are_samples(values):
    if isinstance(values, list):
        return all(isinstance(text, str) for text in values)
    return isinstance(values, np.ndarray) and values.ndim > 0


def read(path):
    """The data set in a file written with `to_bytes`, such as the hidden test set of an event.

    Raises
    ------
    ValueError
        Missing, or not such a file.
    """
    try:
        return from_bytes(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def hide_labels(dataset, keep=()):
    """The samples without labels, and the labels without samples: (public, truth), two data sets.

    What is known of single samples may give their labels away: it goes with the truth, but for the keys in `keep`.
    """
    known = {key: values for key, values in dataset._per_sample().items() if key not in keep}
    about = {key: value for key, value in dataset.meta.items() if key not in known}
    return Dataset(dataset.X, None, about), Dataset(dataset.y, None, {"columns": ["label"], **known})


# --------------------------------------------------------------------------------------------------
# The stream


@dataclass(frozen=True)
class Stream:
    """The simulated data of one challenge (or of one task of it).

    Attributes
    ----------
    challenge, task : str
        Names; part of every random seed.
    simulate : callable (n, seed) -> Dataset
        The physics: pure, importable by name, deterministic. `seed` is an int of 128 bits.
    version : int
        Version of the simulator: raised whenever the bytes of a chunk change, as they do with `chunk_size`.
    chunk_size : int
        Samples in a chunk.
    sample : Path or None
        A folder with the first chunks of seed 0, shipped with the course.
    """

    challenge: str
    simulate: Callable[[int, int], Dataset]
    version: int
    chunk_size: int
    task: str = ""
    sample: Path | None = None

    def load(self, split="train", n=None, seed=0, *, workers=None, scheduler=None, cache=True, progress=True):
        """The first n samples of a split.

        Parameters
        ----------
        split : {"train", "valid", "test"}
            Disjoint streams.
        n : int, optional
            Number of samples; default: all that are shipped (or one chunk where none are).
        seed : int or str
            Another seed is another universe with the same physics. Seed 0 is the course's.
        workers : int, optional
            Processes that simulate what is neither shipped nor cached; default: one a core, or only this
            one where the first chunk shows that it takes but seconds.
        scheduler : str, optional
            Address of a Dask scheduler ("tcp://host:8786") whose workers simulate instead. It is asked
            only for what is missing here; the course must be installed there too.
        cache : bool
            False simulates everything now, and in memory only: nothing is read from a disk or left on it. So is made
            what a secret seed has to hide, such as the test set of an event.
        progress : bool
            Whether to show a progress bar while simulating.

        Returns
        -------
        Dataset

        Raises
        ------
        ValueError
            Unknown split, or n is not a positive whole number.
        OSError
            The cache cannot be read or written, the scheduler or its workers do not answer, or processes that
            simulate were killed again and again.
        ImportError
            A package that simulating needs is not installed.
        """
        if n is None:
            check_choice("split", split, SPLITS)
            n = self.chunk_size * max(1, self._shipped(split, seed))
        check_n(1 if workers is None else workers, "workers")
        _check_seed(seed)
        numbers = range(self._count(split, n))
        parts = self._read(numbers, split, seed) if cache else {}
        missing = [i for i in numbers if i not in parts]
        show = progress and self._shows_bar(missing, numbers, split, seed)
        for i, blob in self._simulated(missing, split, seed, workers, scheduler, show):
            if cache:
                self._store(split, seed, i, blob)
            parts[i] = from_bytes(blob)
        *whole, last = (parts[i] for i in numbers)
        return concatenate([*whole, last[: n - len(whole) * self.chunk_size]])

    def few(self, n=2):
        """n samples that show what a sample is: of those that ship, or made now, without the rest of a chunk."""
        return self.load("train", n) if self._shipped("train", 0) else self.simulate(n, 0)

    def chunks(self, split, n, seed=0) -> Iterator[Dataset]:
        """The first n samples, one chunk after the other, in constant memory."""
        paths = self._paths(split, seed)
        for i in range(self._count(split, n)):
            blob = _sound(paths.get(i, ()))
            if blob is None:  # not prepared, or damaged since
                blob = self.make(split, seed, i)
                self._store(split, seed, i, blob)
            yield from_bytes(blob)[: n - i * self.chunk_size]

    def on_disk(self, split, n, folder, seed=0, **where):
        """The first n samples as files that are read where they are, for data sets that memory cannot hold.

        `common.training.fit` takes the arrays as they are, and reads the rows of a batch when it needs them.

        Parameters
        ----------
        split, n, seed
            As in `load`.
        folder : path-like
            Where to write X.npy and y.npy; what stands there under these names is replaced once all is written.
        **where
            workers, scheduler and progress, as in `load`.

        Returns
        -------
        Dataset
            X and y are read-only memory maps; meta only describes the whole.

        Raises
        ------
        ValueError, OSError, ImportError
            As in `load`; also ValueError where samples or labels are texts.
        """
        n, folder = check_n(n), Path(folder)
        self.prepare(split, n, seed, **where)
        chunks = self.chunks(split, n, seed)
        first = next(chunks)
        if not (isinstance(first.X, np.ndarray) and isinstance(first.y, np.ndarray)):
            raise ValueError(f"{self.challenge} {self.task}: samples and labels must be arrays; use load()")
        with atomic_write(folder / "X.npy") as X_path, atomic_write(folder / "y.npy") as y_path:
            at = 0
            X, y = (np.lib.format.open_memmap(path, "w+", values.dtype, (n, *values.shape[1:]))
                    for path, values in ((X_path, first.X), (y_path, first.y)))  # fmt: skip
            for chunk in itertools.chain([first], chunks):
                X[at : at + len(chunk)], y[at : at + len(chunk)] = chunk.X, chunk.y
                at += len(chunk)
            X.flush()
            y.flush()
        about = {key: value for key, value in first.meta.items() if key not in first._per_sample()}
        return Dataset(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in "Xy"), about)

    def prepare(self, split, n, seed=0, *, workers=None, scheduler=None, progress=True):
        """Simulate into the cache what the first n samples still lack. Parameters as in `load`."""
        check_n(1 if workers is None else workers, "workers")
        numbers, paths = range(self._count(split, n)), self._paths(split, seed)
        missing = [i for i in numbers if _sound(paths.get(i, ())) is None]
        show = progress and self._shows_bar(missing, numbers, split, seed)
        for i, blob in self._simulated(missing, split, seed, workers, scheduler, show):
            self._store(split, seed, i, blob)

    def _shows_bar(self, missing, numbers, split, seed):
        """Whether a progress bar is due.

        In a notebook, a bar is an output. It is there whether or not the chunks are cached, so that a notebook has the
        same outputs on every machine.
        """
        return bool(missing) or in_notebook() and len(numbers) > self._shipped(split, seed)

    def _simulated(self, chunks, split, seed, workers, scheduler, show):
        """Yield (i, bytes) of these chunks, in any order, with a progress bar."""
        bar = progress_bar(
            total=len(chunks) * self.chunk_size, desc=f"simulating {self.challenge} {split}",
            unit="sample", disable=not show,
        )
        with bar:
            if not chunks:
                return
            if scheduler is not None:
                made = _on_cluster(self, split, seed, chunks, scheduler)
            else:
                made = _on_this_machine(self, split, seed, chunks, workers)
            for i, blob in made:
                yield i, blob
                bar.update(self.chunk_size)

    def make(self, split, seed, i):
        """Chunk i as bytes, simulated now."""
        entropy = json.dumps([self.challenge, self.task, self.version, split, str(seed), i])
        chunk_seed = int.from_bytes(hashlib.sha256(entropy.encode()).digest()[:16], "little")
        return to_bytes(self.simulate(self.chunk_size, chunk_seed))

    def _count(self, split, n):
        check_choice("split", split, SPLITS)
        return math.ceil(check_n(n) / self.chunk_size)

    # The name of a stored chunk holds the checksum of its content. So a chunk needs no second file
    # to be verified, and two processes that make the same chunk write the same file.

    def _folders(self, split, seed):
        _check_seed(seed)
        label = str(seed)
        if not (label.isdecimal() and len(label) < 10):  # it may be a secret: do not show it
            label = hashlib.sha256(label.encode()).hexdigest()[:16]
        name = "-".join(filter(None, [self.task, split, f"seed{label}"]))
        if self.sample is not None:
            yield self.sample / f"v{self.version}" / name
        yield data_home() / "simulated" / self.challenge / f"v{self.version}" / name

    def _shipped(self, split, seed):
        if self.sample is None:
            return 0
        return len(list(next(self._folders(split, seed)).glob("?????-*.npz")))

    def _paths(self, split, seed):
        """The files of the chunks that are stored, by number; a damaged file may stand beside a sound one."""
        paths = {}
        for folder in self._folders(split, seed):
            for path in sorted(folder.glob("*-*.npz")):
                number = path.name.partition("-")[0]
                if number.isdecimal():
                    paths.setdefault(int(number), []).append(path)
        return paths

    def _read(self, numbers, split, seed):
        """The chunks of these numbers that are stored undamaged, by number."""
        paths = self._paths(split, seed)

        def stored(i):
            blob = _sound(paths.get(i, ()))
            return None if blob is None else from_bytes(blob)

        with ThreadPoolExecutor(joblib.cpu_count()) as threads:  # checksums and unpacking do not hold the others up
            return {i: part for i, part in zip(numbers, threads.map(stored, numbers), strict=True) if part is not None}

    def _store(self, split, seed, i, blob):
        *_, cache = self._folders(split, seed)
        whole = cache / f"{i:05d}-{_checksum(blob)}.npz"
        with atomic_write(whole) as temporary:
            temporary.write_bytes(blob)
        for other in cache.glob(f"{i:05d}-*.npz"):  # a damaged one
            if other != whole:
                other.unlink(missing_ok=True)


def _check_seed(seed):
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer | str):
        raise ValueError(f"seed must be a whole number or a text, not {seed!r}")


def _checksum(blob):
    return hashlib.sha256(blob).hexdigest()[:32]


def _sound(paths):
    """The bytes of the first of these files that is undamaged, or None."""
    for path in paths:
        try:
            blob = path.read_bytes()
        except FileNotFoundError:  # another process has just replaced it
            continue
        except OSError as error:  # a folder, say: what nobody can read is nobody's to replace
            raise OSError(f"{in_words(error)}; move it away, and it is made again") from error
        if path.stem.endswith(_checksum(blob)):
            return blob
        warnings.warn(f"{path} is damaged; it is left out and made again", stacklevel=2)
    return None


def _make_numbered(stream, split, seed, i):
    return i, stream.make(split, seed, i)


def _on_this_machine(stream, split, seed, missing, workers):
    """Yield (i, bytes) of the missing chunks, in any order, from several processes."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    missing = set(missing)
    if workers is None:  # the first chunk tells whether the others are worth starting processes for
        start, first = time.perf_counter(), min(missing)
        yield _make_numbered(stream, split, seed, first)
        missing.discard(first)
        if not missing:
            return
        rest = (time.perf_counter() - start) * len(missing)
        workers = 1 if rest < START_UP else joblib.cpu_count()
    check_n(workers, "workers")
    for attempts_left in (2, 1, 0):
        jobs = [(stream, split, seed, i) for i in sorted(missing)]
        if min(workers, len(jobs)) == 1:
            made = (_make_numbered(*job) for job in jobs)
        else:
            parallel = joblib.Parallel(min(workers, len(jobs)), return_as="generator_unordered")
            made = parallel(joblib.delayed(_make_numbered)(*job) for job in jobs)
        try:
            for i, blob in made:
                missing.discard(i)
                yield i, blob
            return
        except TerminatedWorkerError as error:  # what the killed worker had in hand is made again
            if not attempts_left:
                raise OSError(
                    "processes that simulate were killed three times; memory may be short: use fewer workers"
                ) from error


def _on_cluster(stream, split, seed, missing, scheduler):
    """Yield (i, bytes) of the missing chunks, in any order, from the workers of a Dask cluster."""
    try:
        from distributed import Client, KilledWorker, as_completed
    except ImportError as error:
        raise ImportError('a Dask scheduler needs Dask: pip install -e ".[cluster]"') from error
    try:
        client = Client(scheduler, timeout=CLUSTER_TIMEOUT)
    except (OSError, ValueError) as error:
        raise OSError(
            f"no Dask scheduler answers at {scheduler!r}. Start one with 'dask scheduler', give the "
            "tcp:// address that it prints, or leave scheduler out to simulate on this machine"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=CLUSTER_TIMEOUT)
        except TimeoutError as error:
            raise OSError(
                f"the Dask scheduler at {scheduler} has no workers: start some with 'dask worker {scheduler}'"
            ) from error
        futures = [client.submit(_make_numbered, stream, split, seed, i, pure=False) for i in missing]
        for future in as_completed(futures):
            try:
                yield future.result()
            except KilledWorker as error:
                raise OSError(f"workers of {scheduler} died while simulating: {error}") from error
            future.release()


# --------------------------------------------------------------------------------------------------
# Checks of what is asked for, and of what official files have


def check_choice(name, value, choices):
    """Raise ValueError unless value is one of the choices."""
    if value not in choices:
        raise ValueError(f"unknown {name} {value!r}: choose one of {', '.join(map(repr, choices))}")
    return value


def check_n(n, name="n"):
    """Raise ValueError unless n is a positive whole number, and of a size that somebody can mean."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {n!r}")
    if n > MOST:
        raise ValueError(f"{name} must be a whole number of at most {MOST:,}, not {n:,}")
    return int(n)


def check_splits(counts, where):
    """Raise ValueError where a split would be empty; counts are the samples of each split, by its name."""
    if not all(counts.values()):
        split = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise ValueError(f"{where} has too few samples for three splits ({split}): use a larger file")


def split_slices(n, shares, where):
    """Which of n rows belong to which split: {split: slice}; raise ValueError where one would be empty.

    Parameters
    ----------
    n : int
    shares : dict of str to (float, float)
        Where each split begins and ends, from 0 to 1.
    where : str or path
        What error messages call the file.
    """
    rows = {split: slice(round(first * n), round(last * n)) for split, (first, last) in shares.items()}
    check_splits({split: part.stop - part.start for split, part in rows.items()}, where)
    return rows


def check_available(n, available, where):
    """n, or all that is available where n is None; raise ValueError where that is less than n."""
    if n is None:
        return available
    if check_n(n) > available:
        raise ValueError(f"n = {n:,}, but {where} has {available:,} samples: ask for at most that many")
    return n


def check_for_testing(split, excerpt, wanted):
    """Raise ValueError unless the test split is asked for: a few official images are for testing only.

    Parameters
    ----------
    split : {"train", "valid", "test"}
    excerpt : pathlib.Path
        The file with a few images, or one of these files.
    wanted : str
        What has to be put into the data folder to train on official images.
    """
    if split != "test":
        raise ValueError(
            f"{excerpt.parent} has a few official images ({excerpt.name}), for testing only: use split='test'. "
            f"To train on official images put {wanted} there, or move {excerpt.name} away to download"
        )
