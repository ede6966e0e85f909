"""What a participant does: check a solution, and pack it into one file."""

import itertools
import json
import os
import shutil
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from common.challenge import SubmissionError, registry
from common.datasets import read
from common.hackathon import archive, keys
from common.hackathon.event import load
from common.hackathon.names import check_name, file_stem

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)  # fmt: skip
PRINTING = 120  # s


def submit(folder, team, event_folder, predictions, notebook, weights=None, members=(), out=".", key=None):
    """Check and pack what a challenge asks for.

    Parameters
    ----------
    folder : str
        The challenge.
    team : str
    event_folder : path-like
        What the organisers gave out: test sets and event file.
    predictions : path-like
        A folder with the prediction files, under the names that the challenge fixes.
    notebook : path-like
        Executed from top to bottom without an error.
    weights : path-like, optional
        The trained model: `.safetensors`, or `.pt` and `.pth` with a plain dictionary of tensors.
    members : sequence of str
        Names for the certificates.
    out : path-like
        Folder of the submission, and of the key file of the team, which its first submission makes.
    key : path-like, optional
        The key file, where it lies in another folder.

    Returns
    -------
    path : pathlib.Path
        The submission.
    notes : list of str
        What is in it, and what is not.

    Raises
    ------
    SubmissionError, EventError
        Something is missing or could not be scored.
    """
    event = load(Path(event_folder, "event.toml"))
    boards = event.of(folder)
    name = check_name(team)
    people = tuple(check_name(person, "name of a member") for person in members)
    challenge = registry()[folder]
    contents, notes = {}, []
    for board in boards:
        files = prediction_files(challenge.task(board.task), Path(predictions))
        if not files:
            notes.append(f"no predictions for the task {board.task}")
            continue
        n = len(read(Path(event_folder, f"{board.name}.npz")))
        challenge.task(board.task).submission.read(predictions, n)
        contents |= {archive.PREDICTIONS + file.name: file for file in files}
        notes.append(f"predictions for the task {board.task}: {n} samples")
    if not contents:
        raise SubmissionError(f"{predictions}: no prediction file of {folder} in this folder")
    contents[archive.NOTEBOOK] = check_notebook(Path(notebook))
    if pdf := as_pdf(Path(notebook)):
        contents[archive.PDF] = pdf
    else:
        notes.append("no PDF of the notebook: neither Chromium nor Chrome is installed here")
    if weights is not None:
        contents[archive.WEIGHTS] = as_safetensors(Path(weights))
    elif any(board.weights for board in boards):
        raise SubmissionError(f"{folder} asks for the trained model: give its weights with --weights")
    stem = file_stem(name)
    path = _free_path(Path(out), f"{folder}-{stem}-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}")
    key_path = keys.key_file(out, stem) if key is None else Path(key)
    if key is None and not key_path.exists():
        digest = keys.write_key(key_path)
        notes.append(f"made {key_path}, the key of the team: keep it, every later submission of the team needs it")
    else:
        digest = keys.read_key(key_path)
    archive.write(path, archive.Manifest(name, people, folder, {}, digest), contents)
    notes += [f"packed: {', '.join(sorted(contents))}"]
    return path, notes


def _free_path(folder, stem):
    """A path of a zip file that is not there yet: an earlier submission stays as it is."""
    ends = itertools.chain([""], (f"-{i}" for i in itertools.count(2)))
    return next(path for end in ends if not (path := folder / f"{stem}{end}.zip").exists())


def prediction_files(task, folder):
    """The files of a folder that belong to the submission of a task."""
    if not folder.is_dir():
        raise SubmissionError(f"{folder}: no such folder of predictions")
    return sorted(path for path in folder.iterdir() if task.submission.accepts(path.name))


def check_notebook(path):
    """The path of a notebook that was executed from top to bottom without an error."""
    try:
        nb = json.loads(path.read_text("utf-8"))
        cells = [cell for cell in nb["cells"] if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
        counts = [cell["execution_count"] for cell in cells]
        failed = any(output["output_type"] == "error" for cell in cells for output in cell["outputs"])
    except OSError as error:
        raise SubmissionError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SubmissionError(f"{path}: not a notebook of format 4") from error
    if not cells or None in counts or counts != sorted(counts):
        raise SubmissionError(f"{path}: not executed from top to bottom: restart its kernel and run all cells")
    if failed:
        raise SubmissionError(f"{path}: a cell ended in an error: mend it and run all cells")
    return path


def as_safetensors(path):
    """The weights as the bytes of a safetensors file; nothing in the file is executed."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save

    try:
        if path.suffix == ".safetensors":
            return save(load_file(path))
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise SubmissionError(f"{path}: no such file") from error
    except SafetensorError as error:
        raise SubmissionError(f"{path}: not a sound safetensors file: {error}") from error
    except Exception as error:  # torch raises many kinds for files that are not what it expects
        raise SubmissionError(
            f"{path}: not a plain dictionary of tensors: save it with torch.save(model.state_dict(), ...)"
        ) from error
    if not isinstance(state, dict) or not state or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        raise SubmissionError(f"{path}: not a plain dictionary of tensors: save model.state_dict(), not the model")
    return save({key: value.contiguous().clone() for key, value in state.items()})


def as_pdf(path):
    """The notebook as the bytes of a PDF, printed by an installed browser; None where there is none."""
    from common import pages
    from common.gates import read as read_notebook

    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        return None
    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place, "notebook.html"), Path(place, "notebook.pdf")
        body = pages.offline(pages.notebook(read_notebook(path)))
        source.write_text(pages.page(path.stem, body, alone=True), "utf-8")
        command = [browser, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={place}/profile",
                   f"--print-to-pdf={target}", source.as_uri()]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium does not start as root otherwise
        try:
            done = subprocess.run(command, capture_output=True, timeout=PRINTING, check=False)
        except subprocess.TimeoutExpired as error:
            raise SubmissionError(f"{browser} did not print {path} within {PRINTING} s") from error
        if done.returncode or not target.exists():
            message = done.stderr.decode(errors="replace").strip()[-300:]
            raise SubmissionError(f"{browser} could not print {path}: {message}")
        return target.read_bytes()
