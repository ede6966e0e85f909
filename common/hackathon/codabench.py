"""An event as bundles for Codabench (https://www.codabench.org), one a board: what hundreds of teams hand in to.

The rules that a bundle has to meet are those of its unpacker, `src/apps/competitions/unpackers/v2.py` in the repository
codalab/codabench; submissions of `submit` work there as they are.
"""

import json
import os
import sys
import zipfile
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from common.challenge import ROOT, registry
from common.colab import REPO, TAG
from common.datasets import Dataset, to_bytes
from common.files import atomic_write
from common.hackathon.codabench_score import key_of
from common.hackathon.event import EventError, load, markdown
from common.hackathon.judge import parts_of
from common.hackathon.leaderboard import check_truth

FINAL = "Final scores"  # the phase in which the private part is scored
SECONDS = 600  # after which the default queue of Codabench stops a run
IMAGE = f"deeplearn-hackathon/scoring:{TAG}"
# What scoring imports; the image has the releases that are installed here, so that scores are the same
PACKAGES = (
    "confusable-homoglyphs", "filelock", "jiwer", "joblib", "numpy", "platformdirs", "qiskit", "regex", "requests",
    "scikit-image", "scikit-learn", "scipy", "tqdm",
)  # fmt: skip
SCORE = '''"""Scoring on Codabench: runs in /app/program, with the code of the course beside it."""

import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent
sys.path.insert(0, str(PROGRAM / "course"))

from common.hackathon.codabench_score import main  # noqa: E402

source, target = sys.argv[1:] or ("/app/input", "/app/output")
sys.exit(main(PROGRAM, source, target))
'''


def export(folder, out, image=IMAGE):
    """Write a bundle for each board of an event, and the Dockerfile of the image that all need.

    Parameters
    ----------
    folder : path-like
        The folder of the event.
    out : path-like
        Folder of the bundles.
    image : str
        The Docker image in which Codabench shall score, once it was built from the Dockerfile and pushed.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    EventError
        No such event, its test sets are missing or damaged, or the folder has a file of these names.
    """
    folder, out = Path(folder), Path(out)
    event = load(folder / "event.toml")
    if out.resolve() in (folder.resolve(), *folder.resolve().parents):  # Docker would be given all that is in it
        raise EventError(f"{out} has the event in it, with its secret and the truth: name a folder of its own")
    for name in [*(f"{board.name}.zip" for board in event.boards), "Dockerfile"]:
        if os.path.lexists(out / name):
            raise EventError(f"{out / name} is there already: move it away, or name a new folder")
    for board in event.boards:
        check_truth(folder, board, event.public_fraction)
    out.mkdir(mode=0o700, parents=True, exist_ok=True)  # what is in it holds the truth
    written = []
    for board in event.boards:
        files = bundle(event, board, folder, image)
        written.append(out / f"{board.name}.zip")
        with atomic_write(written[-1], new=True, private=True) as temporary:
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
                for name, blob in files.items():
                    packed.writestr(name, blob)
    with atomic_write(out / "Dockerfile", new=True) as temporary:
        temporary.write_text(dockerfile(), "utf-8")
    return written


def dockerfile():
    """The image of the scoring programs: this Python, and the installed releases of what they import."""
    pins = [f"{name}=={version(name).partition('+')[0]}" for name in PACKAGES]
    if sys.version_info < (3, 11):
        pins.append("tomli")
    packages = " \\\n    ".join(pins)
    return (
        f"FROM python:{sys.version_info.major}.{sys.version_info.minor}-slim\n"
        f"RUN pip install --no-cache-dir \\\n    {packages}\n"
    )


def bundle(event, board, folder, image):
    """The files of the bundle of a board: {path: bytes}."""
    boards = event.of(board.folder)
    files = {
        "competition.yaml": _yaml(competition(event, board, image)),
        "logo.png": (ROOT / board.folder / "picture.png").read_bytes(),
        **{f"pages/{name}.md": text.encode() for name, text in _pages(event, board).items()},
        "starting_kit/README.md": _read(folder / "public" / "README.md"),
        **{f"starting_kit/{name}": _read(folder / "public" / name) for name in _sample(folder, board)},
        "public_data/event.toml": _read(folder / "public" / "event.toml"),
        # submit asks for the test sets of all tasks of a challenge
        **{f"public_data/{b.name}.npz": _read(folder / "public" / f"{b.name}.npz") for b in boards},
        "scoring_program/metadata.yaml": _yaml({"command": "python3 score.py"}),
        "scoring_program/score.py": SCORE.encode(),
        "scoring_program/board.json": json.dumps({"name": board.name, "boards": list(map(asdict, boards))}).encode(),
    }
    for other in boards:  # submissions are executed on these
        if registry()[other.folder].task(other.task).executes:
            files[f"scoring_program/samples/{other.name}.npz"] = _read(folder / "public" / f"{other.name}.npz")
    for package in ("common", board.folder):
        for path in sorted((ROOT / package).rglob("*.py")):
            files[f"scoring_program/course/{path.relative_to(ROOT).as_posix()}"] = path.read_bytes()
    for name, part in parts_of(str(folder), board.name).items():
        files[f"reference_data/{name}/{board.name}.npz"] = _reference(name, part)
    return files


def _sample(folder, board):
    """The files of the sample hand-in of a challenge, in the folder of the participants."""
    public = folder / "public"
    sample = [*public.glob(f"sample/{board.folder}/*"), *public.glob("sample/*.*")]
    return sorted(path.relative_to(public).as_posix() for path in sample)


def _reference(name, part):
    """The truth of a part of a test set, without that of the other part."""
    labels = part.labels.tolist() if part.labels.dtype.kind == "O" else part.labels
    meta = {"rows": part.rows, "n": part.n, "part": name} | ({} if part.runs is None else {"run": part.runs})
    return to_bytes(Dataset(labels, None, meta))


def competition(event, board, image):
    """What competition.yaml says."""
    metric = registry()[board.folder].task(board.task).metrics
    metric = next(m for m in metric if m.name == board.metrics[0])
    tasks = [{"index": i, "name": part, "description": f"The {part} part of the test set",
              "scoring_program": "scoring_program", "reference_data": f"reference_data/{part}"}
             for i, part in enumerate(("public", "private"))]  # fmt: skip
    # Only the metric that ranks: others tell of single labels as long as the event runs
    column = {"index": 0, "title": metric.name, "key": key_of(metric.name),
              "sorting": "desc" if metric.higher_is_better else "asc", "precision": 6}  # fmt: skip
    return {
        "version": 2, "title": f"{event.title}: {_title(board)}",
        "description": registry()[board.folder].summary, "image": "logo.png", "terms": "pages/terms.md",
        "registration_auto_approve": True, "docker_image": image, "enable_detailed_results": True,
        "pages": [{"title": name.capitalize(), "file": f"pages/{name}.md"}
                  for name in ("overview", "data", "evaluation")],
        "tasks": tasks, "phases": phases(event), "solutions": [],
        "leaderboards": [{"index": 0, "title": "Results", "key": "main", "submission_rule": "Force_Best",
                          "columns": [column]}],
    }  # fmt: skip


def phases(event):
    """The phases in UTC, each of which starts after the end of the one before, and a last one for the private part.

    What stands on the leaderboard when the last of ours ends is scored again in it. It is open for a second, so that
    nobody hands in to it. A limit that is not there has to be written as null: Codabench has limits of its own.
    """
    begin = datetime.combine(event.start, datetime.min.time(), ZoneInfo(event.zone))
    ours = [(p.title, p.start, p.end, p.limit_per_day, p.limit) for p in event.phases] or [
        ("Open", begin, event.deadline, None, None)
    ]
    second, rows, before = timedelta(seconds=1), [], None
    for title, start, end, per_day, limit in ours:
        start = start if before is None else max(start, before + second)
        before = end
        rows.append({
            "index": len(rows), "name": title, "start": _utc(start), "end": _utc(end), "tasks": [0],
            "max_submissions_per_day": per_day, "max_submissions": limit, "execution_time_limit": SECONDS,
            "public_data": "public_data", "starting_kit": "starting_kit",
        })  # fmt: skip
    rows.append({
        "index": len(rows), "name": FINAL, "start": _utc(before + second), "end": _utc(before + 2 * second),
        "tasks": [1], "max_submissions_per_day": 1, "max_submissions": 1, "execution_time_limit": SECONDS,
        "auto_migrate_to_this_phase": True,
    })  # fmt: skip
    return rows


def _utc(time):
    """A time as text: of what YAML reads as a time the unpacker keeps the date alone."""
    return f"{time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}"


def _pages(event, board):
    """The texts of the pages, in Markdown."""
    challenge = registry()[board.folder]
    public = "" if event.public_fraction == 1 else f", on {event.public_fraction:.0%} of the test set"
    rest = ", on the rest of the test set" if public else ""
    again = " Only submissions of the phase before go there: hand in your best one again when a phase begins."
    page = f"[the challenge]({REPO}/tree/{TAG}/{board.folder})"
    executed = " but its circuit, which is simulated" if challenge.task(board.task).executes else ""
    return {
        "overview": f"# {_title(board)}\n\n{challenge.summary}\n\n{markdown(event)}",
        "data": "# Data\n\nUnder *Files* are the test sets without labels, and the event file. What they hold and how "
                f"to hand in is in the starting kit and on the page of {page}.\n",
        "evaluation": f"# Evaluation\n\nThe leaderboard shows the {board.metrics[0]}{public}, rounded to what the test "
                      f"set can tell. What stands on it at the deadline is scored again in the phase {FINAL}{rest}."
                      f"{again if len(event.phases) > 1 else ''} A submission is the zip file that "
                      f"`python -m common.hackathon submit {board.folder}` makes; nothing in it is executed"
                      f"{executed}.\n",
        "terms": f"# Terms\n\nQuestions go to {event.contact}. {event.prizes}\n",
    }  # fmt: skip


def _title(board):
    return f"{registry()[board.folder].title}, {board.task.replace('_', ' ')}"


def _yaml(content):
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()


def _read(path):
    try:
        return path.read_bytes()
    except OSError as error:
        raise EventError(f"{path}: cannot be read: {error.strerror}. Was the event made by 'prepare'?") from error
