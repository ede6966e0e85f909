"""What a participant does: check a solution, and pack it into one file."""

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import warnings
import zipfile
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from common.challenge import SubmissionError, registry
from common.datasets import read
from common.hackathon import archive, keys
from common.hackathon.contents import check_model
from common.hackathon.event import load
from common.hackathon.names import check_name, file_stem, slug
from common.hackathon.receipts import receipt_name

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)  # fmt: skip
PRINTING = 60  # s
PICKLES = (".pkl", ".pickle", ".joblib", ".sav", ".dill")
TREES = "save LightGBM's with booster.save_model('model.txt'), scikit-learn's with skops.io.dump(model, 'model.skops')"


class PrintError(RuntimeError):
    """The notebook could not be printed; a submission needs no PDF."""


def submit(
    folder, team, event_folder, predictions, notebook, weights=None, members=(), out=".", key=None, *, pdf=True
):
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
        Executed from top to bottom without an error, but for cells tagged raises-exception.
    weights : path-like, optional
        The trained model: `.safetensors`, or `.pt` and `.pth` with a plain dictionary of tensors; of trees the text of
        LightGBM (`.txt`) or the file of skops (`.skops`).
    members : sequence of str
        Names for the certificates.
    out : path-like
        Folder of the submission, and of the key file of the team, which its first submission makes.
    key : path-like, optional
        The key file, where it lies in another folder.
    pdf : bool
        Whether to print the notebook where a browser is installed.

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
    # All that scoring would refuse is refused here, before anything slow
    if Path(out).exists() and not Path(out).is_dir():
        raise SubmissionError(f"{out}: a file, give a folder for the submission with --out")
    event = load(Path(event_folder, "event.toml"))
    boards = event.of(folder)
    name, people = check_name(team), archive.check_people(members)
    key_path = keys.key_file(out, file_stem(name)) if key is None else Path(key)
    opens_team = key is None and not os.path.lexists(key_path)  # a link to a key that is gone is no new team
    manifest = archive.Manifest(name, people, folder, {}, keys.NONE_YET if opens_team else keys.read_key(key_path))
    contents, notes = _predictions(boards, Path(event_folder), Path(predictions))
    contents[archive.NOTEBOOK] = check_notebook(Path(notebook))
    if weights is not None:
        contents |= trained_model(Path(weights))
    elif any(board.weights for board in boards):
        raise SubmissionError(f"{folder} asks for the trained model: give its weights with --weights")
    archive.check_contents(manifest, contents)

    # The slow step; a submission needs no PDF
    if pdf:
        try:
            contents[archive.PDF] = as_pdf(Path(notebook))
        except PrintError as error:
            notes.append(f"no PDF of the notebook: {error}")

    # Writing
    archive.check_contents(manifest, contents)
    if opens_team:
        manifest = replace(manifest, key=keys.write_key(key_path))
        notes += _about_new_key(key_path, name)
    stem = f"{folder}-{file_stem(name)}-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
    path = _written(Path(out), stem, manifest, contents)
    notes.append(f"its receipt, which the organisers will send, has the name {receipt_name(archive.digest_of(path))}")
    notes.append(f"packed: {', '.join(sorted(contents))}")
    if datetime.now(timezone.utc) > event.deadline:
        notes.append(f"the deadline was {event.clock(event.deadline)}: it counts as late")
    return path, notes


def _about_new_key(path, name):
    """What a team has to know of its new key file."""
    notes = [f"made {path}, the key of the team: keep it, every later submission of the team needs it"]
    others = sorted(other.name for other in path.parent.glob(f"{slug(name)}-??????{archive.KEY_SUFFIX}"))
    return notes + [f"there is {other}, too: names that could be taken for each other are refused, so if it is your "
                    "team's, spell its name as before" for other in others if other != path.name]  # fmt: skip


def choose(submission, key=None):
    """Write a file to hand in that says which submission of a team shall count.

    Parameters
    ----------
    submission : path-like
        The zip file that was handed in.
    key : path-like, optional
        The key file of the team, where it lies in another folder than the submission.

    Returns
    -------
    pathlib.Path
        Beside the submission.

    Raises
    ------
    SubmissionError
        No submission, or not the key of its team.
    """
    submission = Path(submission)
    with archive.opened(submission) as opened:
        manifest = opened.manifest
    if manifest.choice:
        raise SubmissionError(f"{submission}: a choice itself: name the zip file with the predictions")
    key = keys.key_file(submission.parent, file_stem(manifest.team)) if key is None else Path(key)
    if keys.read_key(key) != manifest.key:
        raise SubmissionError(f"{key}: not the key of the team {manifest.team!r}: name its key file with --key")
    choice = replace(manifest, files={}, choice=archive.digest_of(submission))
    return _written(submission.parent, f"{submission.stem}-choice", choice, {})


def _written(folder, stem, manifest, contents):
    """The path of a submission, written under the first name that nobody else has: an earlier one stays as it is."""
    for end in itertools.chain([""], (f"-{i}" for i in itertools.count(2))):
        path = folder / f"{stem}{end}.zip"
        if not path.exists():
            with suppress(FileExistsError):
                archive.write(path, manifest, contents, new=True)
                return path


# --------------------------------------------------------------------------------------------------
# Predictions


def _predictions(boards, event_folder, folder):
    """Prediction files by name in the archive, each of which can be scored, and notes."""
    challenge = registry()[boards[0].folder]
    contents, notes = {}, []
    for board in boards:
        task = challenge.task(board.task)
        samples = test_samples(board, event_folder)
        n = len(samples)
        if files := prediction_files(task, folder):
            task.read(folder, n, samples.X)
            contents |= {archive.PREDICTIONS + file.name: file for file in files}
            notes.append(f"predictions for the task {board.task}: {n} samples")
        else:
            notes.append(f"no predictions for the task {board.task}")
    if not contents:
        wanted = ", or ".join(challenge.task(board.task).submission.wanted for board in boards)
        names = sorted(path.name for path in folder.iterdir())
        found = ", ".join(names if len(names) <= 5 else [*names[:5], "..."])
        raise SubmissionError(f"{folder}: has {found or 'no file'}, but {boards[0].folder} asks for {wanted}")
    return contents, notes


def test_samples(board, event_folder):
    """The test set of a task, without labels."""
    path = event_folder / f"{board.name}.npz"
    if not path.is_file():
        place = event_folder / "public"
        cure = f"use {place}" if place.is_dir() else "use the folder 'public' that the organisers gave out"
        raise SubmissionError(f"no test set of {board.folder} in {event_folder} ({path.name}): {cure}")
    try:
        samples = read(path)
    except Exception as error:  # zip, NumPy and JSON have kinds of their own for a file that is half there
        raise SubmissionError(f"{path}: damaged, fetch it again ({_line(error)})") from error
    if len(samples) != board.n:
        raise SubmissionError(f"{path}: {len(samples)} samples, but the event file says {board.n}: fetch both again")
    return samples


test_samples.__test__ = False  # no test for pytest


def prediction_files(task, folder):
    """The files of a folder that belong to the submission of a task."""
    if not folder.is_dir():
        reason = f"a file, give the folder with {task.submission.wanted}" if folder.exists() else "no such folder"
        raise SubmissionError(f"{folder}: {reason}")
    return sorted(path for path in folder.iterdir() if task.submission.accepts(path.name))


# --------------------------------------------------------------------------------------------------
# The notebook


def check_notebook(path):
    """The bytes of a notebook that was executed from top to bottom without an error."""
    text = _text_of_notebook(path)
    try:
        nb = json.loads(text)
        if nb["nbformat"] != 4:
            raise ValueError("another format")
        cells = [cell for cell in nb["cells"] if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
        counts = [cell["execution_count"] for cell in cells]
        failed = any(
            output["output_type"] == "error" and "raises-exception" not in cell.get("metadata", {}).get("tags", [])
            for cell in cells for output in cell["outputs"]
        )  # fmt: skip
        sound = None in counts or counts == sorted(counts)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SubmissionError(f"{path}: not a notebook of format 4: open it in JupyterLab and save it") from error
    if not cells or None in counts or not sound:
        raise SubmissionError(f"{path}: not executed from top to bottom: restart its kernel and run all cells")
    if failed:
        raise SubmissionError(f"{path}: a cell ended in an error: mend it and run all cells")
    return text.encode()


def _text_of_notebook(path):
    """What the file of a notebook says, without a byte order mark."""
    try:
        if path.is_dir():
            raise SubmissionError(f"{path}: a folder, expected a notebook")
        if path.stat().st_size > archive.NOTEBOOK_BYTES:
            raise SubmissionError(f"{path}: more than {archive.NOTEBOOK_BYTES // 10**6} MB: clear its largest outputs")
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise SubmissionError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SubmissionError(f"{path}: not a notebook: no UTF-8 text (byte {error.start})") from error
    if not text.strip():
        raise SubmissionError(f"{path}: empty, expected a notebook")
    if re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE):
        raise SubmissionError(f"{path}: has the conflict marks of a merge: settle them and run all cells")
    return text


def as_pdf(path):
    """The notebook as the bytes of a PDF, printed by an installed browser.

    The page is our own: it has no scripts, and its policy lets the browser run and load nothing. (Started with scripts
    switched off, Chromium does not print at all.)

    Raises
    ------
    PrintError
        There is no browser, or it did not print; the message says why.
    """
    import nbformat

    from common import pages

    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise PrintError("neither Chromium nor Chrome is installed here")
    try:
        nb = nbformat.reads(path.read_text("utf-8-sig"), as_version=4)
        page = pages.page(path.stem, pages.harmless(pages.notebook(nb)), alone=True)
    except Exception as error:  # whatever a notebook of another make does to the libraries that set it
        raise PrintError(f"it cannot be set: {type(error).__name__}: {_line(error)}") from error
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:  # a browser may write until it is gone
        source, target = Path(place, "notebook.html"), Path(place, "notebook.pdf")
        source.write_text(page, "utf-8")
        command = [browser, "--headless", "--disable-gpu", "--no-pdf-header-footer", f"--user-data-dir={place}/profile",
                   f"--print-to-pdf={target}", source.as_uri()]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium does not start as root otherwise
        with open(Path(place, "messages"), "w+b") as messages:
            status = _run(command, messages)
            if status or not target.exists():
                messages.seek(0)
                said = _line(messages.read().decode(errors="replace"))[-200:]
                raise PrintError(f"{browser} ended with status {status}: {said}")
        return target.read_bytes()


def _run(command, messages):
    """The exit status of a browser; after PRINTING seconds it is stopped with all that it started."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=messages, start_new_session=True)
    try:
        return process.wait(PRINTING)
    except subprocess.TimeoutExpired as error:
        raise PrintError(f"{command[0]} did not print it within {PRINTING} s") from error
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
            process.wait()


# --------------------------------------------------------------------------------------------------
# The trained model


def trained_model(path):
    """A trained model by its name in the archive: {name: bytes}. Nothing in the file is executed."""
    if not path.is_file():
        raise SubmissionError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}, expected the trained model")
    if (size := path.stat().st_size) > archive.MEMBER_BYTES:
        raise SubmissionError(f"{path}: {size} bytes, at most {archive.MEMBER_BYTES} are allowed")
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise SubmissionError(f"{path}: a pickle runs whatever is in it when it is opened: {TREES}")
    name = f"model{suffix}" if f"model{suffix}" in archive.MODELS else archive.WEIGHTS
    content = as_safetensors(path) if name == archive.WEIGHTS else path.read_bytes()
    if suffix == ".txt" and not content.startswith(b"tree\n") or suffix == ".skops" and not _is_skops(path):
        raise SubmissionError(f"{path}: no model of trees: {TREES}")
    check_model(name, content, len(content))
    return {name: content}


def _is_skops(path):
    try:
        with zipfile.ZipFile(path) as packed:
            return "schema.json" in packed.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def as_safetensors(path):
    """The weights as the bytes of a safetensors file; nothing in the file is executed."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save

    cure = "save it with torch.save(model.state_dict(), ...)"
    try:
        if path.suffix.lower() == ".safetensors":
            return save(load_file(path))
        with warnings.catch_warnings():  # of an archive of TorchScript, which is refused below
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise SubmissionError(f"{path}: not a sound safetensors file: {_line(error)}") from error
    except Exception as error:  # torch raises many kinds for files that are not what it expects
        raise SubmissionError(f"{path}: not a plain dictionary of tensors: {cure}") from error
    if not isinstance(state, dict) or not state:
        raise SubmissionError(f"{path}: not a plain dictionary of tensors: {cure}, not the model")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            kind = type(value).__name__
            raise SubmissionError(f"{path}: not a plain dictionary of tensors: {key!r:.60} is {kind}: {cure}")
        if problem := _not_held(value):
            raise SubmissionError(f"{path}: the tensor {key!r:.60} is {problem}")
    return save({key: value.contiguous().clone() for key, value in state.items()})


def _not_held(tensor):
    """Why safetensors cannot hold a tensor, and what to save instead; nothing where it can."""
    import torch
    from safetensors.torch import save

    if tensor.is_meta:
        return "without data (on the device 'meta'): save the trained model"
    if tensor.is_quantized:
        return "quantised, which safetensors cannot hold: save tensor.dequantize()"
    if tensor.layout != torch.strided or tensor.is_nested:
        return "sparse or nested, which safetensors cannot hold: save tensor.to_dense()"
    try:
        save({"one": torch.empty(1, dtype=tensor.dtype)})
    except (KeyError, RuntimeError):
        cure = "torch.view_as_real(tensor)" if tensor.is_complex() else "tensor.float()"
        return f"{str(tensor.dtype).removeprefix('torch.')}, which safetensors cannot hold: save {cure}"
    return ""


def _line(error):
    """What an error says, in one line."""
    return " ".join(str(error).split())[:200]
