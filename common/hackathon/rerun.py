"""Inside the sandbox of `verify`: execute the notebook of a submission, and pack what it predicts.

    python -m common.hackathon.rerun FOLDER CHALLENGE MEMORY > packed.zip

Nothing that this process says is trusted outside: the notebook runs as the same user and could say it as well.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

from common.challenge import SubmissionError, registry
from common.hackathon import archive

FAILED = 3  # exit status; the output is then the reason, in one line
WORK = Path("work")  # below the home of the sandbox
PUBLIC = "event"  # below that: the public folder of the event


def main(folder, challenge, memory):
    """Execute, pack, and write the zip file to the standard output; returns the exit status."""
    import resource

    for limit, most in ((resource.RLIMIT_DATA, int(memory)), (resource.RLIMIT_FSIZE, archive.ARCHIVE_BYTES),
                        (resource.RLIMIT_CORE, 0)):  # fmt: skip
        resource.setrlimit(limit, (most, most))  # also of all that it starts
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the notebook prints past Jupyter is no part of the zip file
    try:
        _execute(Path(folder), WORK)
        packed = _packed(Path(folder), WORK, challenge)
    except SubmissionError as error:
        out.write(archive.one_line(error).encode())
        out.close()
        return FAILED
    with out, open(packed, "rb") as file:
        shutil.copyfileobj(file, out)
    return 0


def _execute(folder, work):
    """Execute the notebook of a submission in a folder, beside its trained models."""
    import nbclient
    import nbformat

    from common.notebooks import first_error, this_python

    for path in folder.iterdir():
        shutil.copyfile(path, work / path.name)
    nb = nbformat.read(work / archive.NOTEBOOK, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = nbclient.NotebookClient(nb, **this_python(), timeout=None, resources={"metadata": {"path": str(work)}})
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        raise SubmissionError(f"the notebook fails: {first_error(nb)}") from error
    except nbclient.exceptions.DeadKernelError as error:
        raise SubmissionError("the notebook ends its own process: it may need more memory") from error


def _packed(folder, work, challenge):
    """The prediction files that lie below a folder as a submission, with the notebook and models that were given."""
    tasks = registry()[challenge].tasks
    found = {path.name: path for path in sorted(folder.iterdir())}
    for path in sorted(work.rglob("*")):
        if path.is_relative_to(work / PUBLIC):
            continue  # the samples that everybody got
        if path.is_symlink() or not path.is_file() or not any(task.submission.accepts(path.name) for task in tasks):
            continue
        name = archive.PREDICTIONS + path.name
        if name in found:
            raise SubmissionError(f"the notebook writes {path.name} to two folders: it should write one file")
        found[name] = path
    if not any(name.startswith(archive.PREDICTIONS) for name in found):
        raise SubmissionError("the notebook writes no prediction file into its folder or one below")
    target = Path(tempfile.mkdtemp(), "packed.zip")
    archive.write(target, archive.Manifest("rerun", (), challenge, {}), found)
    return target


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
