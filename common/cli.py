"""The command line of a challenge's data script: simulate, describe, fetch, card."""

import argparse
import io
import json
import sys
from pathlib import Path
from secrets import token_hex

import numpy as np

from common import croissant, official, texts
from common.datasets import SPLITS, hide_labels, to_bytes
from common.files import atomic_write, check_writable, in_words


def main(challenge, streams, files=(), describe=None, argv=None, *, tables=True):
    """Run the command line; returns the exit status.

    Parameters
    ----------
    challenge : str
        Folder name.
    streams : dict of str to Stream
        By task.
    files : sequence of OfficialFile
        What `fetch` downloads.
    describe : callable Dataset -> str
        Adds to what `describe` prints.
    argv : list of str, optional
    tables : bool
        Whether samples are rows of numbers, which may be written as a table.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # letters that the terminal lacks are shown by their number
            stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog=f"python -m {challenge}.data")
    commands = parser.add_subparsers(dest="command", required=True)
    simulate = commands.add_parser("simulate", help="make a simulated data set and write it to a file")
    about = commands.add_parser("describe", help="say what the data look like")
    commands.add_parser("fetch", help="download the official files and verify them")
    card = commands.add_parser("card", help="write a data card in Croissant for each task")
    card.add_argument("--out", type=Path, default=Path("build", "cards"), help="folder (default: build/cards)")
    for command in (simulate, about):
        command.add_argument("--n", type=int, default=1000, help="number of samples")
        command.add_argument("--split", choices=SPLITS, default="train")
        command.add_argument("--task", choices=list(streams), default=next(iter(streams)))
        command.add_argument("--seed", type=texts.argument, default="0", help="any text; 0 is the course's own data")
        command.add_argument("--workers", type=int, help="processes (default: one a core)")
        command.add_argument("--scheduler", help="address of a Dask scheduler, tcp://host:8786")
    simulate.add_argument("--out", type=Path, required=True, help=".npz, or .parquet or .csv for tables")
    about.set_defaults(hide_labels=False)
    simulate.add_argument("--hide-labels", action="store_true",
                          help="write the labels to a file of their own, OUT with .truth before the suffix")
    args = parser.parse_args(argv)
    try:
        if args.command == "fetch":
            _fetch(challenge, files)
            return 0
        if args.command == "card":
            print(*croissant.write(challenge, streams, files, args.out), sep="\n")
            return 0
        if args.command == "simulate":
            _check_request(args, challenge, tables)
        dataset = streams[args.task].load(
            args.split, args.n, args.seed, workers=args.workers, scheduler=args.scheduler, cache=not args.hide_labels
        )
        if args.command == "simulate":
            _write(dataset, args)
        else:
            print(_description(challenge, dataset, describe))
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        print(f"{parser.prog}: {in_words(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 0


def _check_request(args, challenge, tables):
    """Refuse before simulating for an hour, not after."""
    if args.out.suffix not in (".npz", ".parquet", ".csv"):
        raise ValueError(f"--out {args.out}: the name must end in .npz, .parquet or .csv")
    if args.out.suffix != ".npz" and not tables:
        raise ValueError(f"--out {args.out}: {args.out.suffix} holds tables only, and {challenge} has none: use .npz")
    if args.hide_labels:
        from common.hackathon.secrets import WeakSecret, check_secret, seed_of  # needs a package that only events need

        try:
            secret = check_secret(args.seed)
        except WeakSecret as error:
            why = str(error).rpartition(": ")[0]
            raise ValueError(f"{why}: to hide labels give one that nobody can guess: --seed {token_hex(16)}") from error
        args.seed = seed_of(secret, f"{challenge} {args.task}")
        check_writable(_truth_of(args.out))
    check_writable(args.out)


def _fetch(challenge, files):
    if not files:
        raise ValueError(f"{challenge} has no official files to fetch")
    for file in files:
        print(official.fetch(challenge, file))


def _write(dataset, args):
    public, truth = args.out, _truth_of(args.out)
    if args.hide_labels:
        dataset, labels = hide_labels(dataset)
        with atomic_write(public) as samples, atomic_write(truth, private=True) as hidden:
            save(labels, hidden)
            save(dataset, samples)  # both are whole before one has its name: files of two sets never stand together
        print(f"wrote {len(dataset)} labels to {truth}: keep this file to yourself")
    else:
        with atomic_write(public) as samples:
            save(dataset, samples)
    print(f"wrote {len(dataset)} samples to {public}")


def _truth_of(public):
    """The file of the labels beside that of the samples."""
    return public.with_suffix(f".truth{public.suffix}")


def save(dataset, path):
    """Write a data set as `.npz`, or a table (X of two axes with named columns) as `.parquet` or `.csv`.

    The label, where there is one, is the first column of a table.
    """
    import pandas as pd

    if path.suffix == ".npz":
        path.write_bytes(to_bytes(dataset))
        return
    X = np.asarray(dataset.X)
    if X.ndim > 2 or "columns" not in dataset.meta:
        raise ValueError(f"{path.suffix} holds tables only; these samples have shape {X.shape[1:]}: use .npz")
    table = pd.DataFrame(X.reshape(len(X), -1), columns=dataset.meta["columns"])
    if dataset.y is not None:
        table.insert(0, "label", dataset.y)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)


def _description(challenge, dataset, describe):
    X = np.asarray(dataset.X)
    lines = [f"{challenge}: {len(dataset)} samples of shape {X.shape[1:]}, {X.dtype}"]
    if dataset.y is not None and np.asarray(dataset.y).ndim == 1:
        labels, counts = np.unique(dataset.y, return_counts=True)
        if len(labels) <= 20:
            lines.append("labels: " + ", ".join(f"{a}: {b}" for a, b in zip(labels.tolist(), counts, strict=True)))
    described = {k: v for k, v in dataset.meta.items() if not isinstance(v, np.ndarray) and k != "columns"}
    if described:
        lines.append(json.dumps(described))
    if describe is not None:
        lines.append(describe(dataset))
    return "\n".join(lines)
