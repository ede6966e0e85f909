"""The checks of the notebooks: each is shown to fail, and then each notebook passes them."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from papermill import inspect_notebook

from common import notebook_files, notebooks
from common.notebooks import check, find, main, record, refresh, run, scores
from tests.closeness import as_stored

ROOT = Path(__file__).resolve().parents[1]
COMMITTED = find()
every_notebook = pytest.mark.parametrize("path", COMMITTED, ids=notebook_files.label)

PARAMETERS = "SEED = 3\nN = 100  # events\nMIN_MEAN = 0.4"
SCORE = """\
import random

from common.notebooks import record

random.seed(SEED)
record("mean", sum(random.random() for _ in range(N)) / N, low=MIN_MEAN)"""
FIGURE = """\
import matplotlib.pyplot as plt

from common.plotting import show
from common.progress import progress_bar

fig, ax = plt.subplots(figsize=(1, 1))
for x in progress_bar(range(3)):
    ax.plot(x, x)
show(fig, alt="Three points on a diagonal.")"""
PROFILE = "N: 10\nMIN_MEAN: 0.0\n"


def code(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


def write_notebook(path, *sources, parameters=PARAMETERS, profile=PROFILE):
    """Write a notebook that was never executed, and its profiles."""
    cells = [new_markdown_cell("# Tiny"), code(parameters, "parameters"), *map(code, sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    for name in notebook_files.PROFILES:
        path.with_suffix(f".{name}.yaml").write_text(profile)
    return path


def alter(path, change):
    """Let a function change a notebook, and write it as the editor would."""
    nb = notebook_files.read(path)
    change(nb)
    path.write_text(notebook_files.as_text(nb), "utf-8")


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    """A good notebook, executed once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        path = tmp_path_factory.mktemp("good") / "Higgs.ipynb"
        refresh(write_notebook(path, SCORE, FIGURE, "N + 1"))
    return path


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course that is still empty, whose notebooks can import the real `common`."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.fixture
def good(course, refreshed, monkeypatch):
    """The good notebook as `Higgs/Higgs.ipynb`; nothing is asked of it that only lessons have."""
    monkeypatch.setattr(notebook_files, "_form_problems", lambda path, nb: ())
    path = write_notebook(course / "Higgs" / "Higgs.ipynb")
    path.write_bytes(refreshed.read_bytes())
    return path


# --- the notebooks of the course ------------------------------------------------------------------


@every_notebook
def test_is_fit_to_commit(path):
    assert check(path) == []


BOUNDS = {  # of scores: lowest and highest as committed, and at the reduced settings
    "Higgs/Higgs.ipynb": {
        "test AUC": ((0.78, 0.9), (0.65, 0.9)), "test AUC of trees": ((0.76, 0.9), (0.65, 0.9)),
    },
    "Higgs/solutions/Higgs_solutions.ipynb": {
        "test AUC of trees with features": ((0.77, 0.9), (0.65, 0.9)),
        "test AUC of the blind network": ((0.65, 0.9), (0.55, 0.9)),
    },
    "ParticleImages/ParticleImages_CNN.ipynb": {"test AUC": ((0.76, 1), (0.6, 1))},
    "ParticleImages/ParticleImages_ViT.ipynb": {"test AUC": ((0.72, 1), (0.56, 1))},
    "StrongLensing/StrongLensing_Classification.ipynb": {"macro AUC at noise 0.01": ((0.95, 1), (0.7, 1))},
    "StrongLensing/StrongLensing_SuperResolution.ipynb": {
        "PSNR": ((32, 50), (22, 50)), "gain over SRCNN": ((0.8, 20), (0, 20)),  # dB
    },
    "RenAIssance/RenAIssance.ipynb": {
        "CER": ((0, 0.1), (0, 0.3)), "CER of the shipped network": ((0, 0.5), (0, 0.5)),
    },
    "NMRSpin/NMRSpin.ipynb": {"MSE_gauss": ((0, 0.06), (0, 0.5)), "MSE_rkky": ((0, 0.06), (0, 0.5))},
    "Exoplanet/Exoplanet.ipynb": {
        "AUC by run": ((0.95, 1), (0.6, 1)), "AUC by run of the trees": ((0.91, 1), (0.8, 1)),
        "lead over the trees": ((0.02, 1), (-0.3, 1)),  # so few images do not bring the network ahead
    },
    "Exoplanet/solutions/Exoplanet_solutions.ipynb": {"AUC by run of the mean": ((0.87, 1), (0.5, 1))},
    "QuantumML/QuantumML_Classical.ipynb": {
        "AUC of the autoencoder": ((0.63, 1), (0.55, 1)), "AUC of lit pixels": ((0.68, 1), (0.65, 1)),
        "AUC, trained on gluons, to find quarks": ((0, 0.5), (0, 0.5)),
    },
    "QuantumML/QuantumML_Quantum.ipynb": {
        "AUC of the quantum autoencoder": ((0.66, 1), (0.6, 1)), "AUC of the untrained sum": ((0.67, 1), (0.63, 1)),
    },
}  # fmt: skip


def assert_within_bounds(path, found, reduced):
    for name, bounds in BOUNDS.get(notebook_files.label(path), {}).items():
        low, high = bounds[reduced]
        assert low <= found[name] <= high, f"{name} = {found[name]:.3f}"


def test_every_lesson_has_bounds():
    assert {notebook_files.label(path) for path in COMMITTED if not notebook_files.is_solution(path)} <= set(BOUNDS)


@every_notebook
def test_runs_at_ci_profile(path, run_at_ci):
    result = run_at_ci(path)
    assert not result.error, result.error
    assert_within_bounds(path, result.scores, reduced=True)


@every_notebook
def test_scores_as_committed_are_within_bounds(path):
    assert_within_bounds(path, scores(notebook_files.read(path)), reduced=False)


def test_every_sanitizer_rule_is_read_and_needed():
    assert notebook_files.sanitizer_problems(ROOT / "tests" / "nbval.cfg", COMMITTED) == []


# --- static checks ---------------------------------------------------------------------------------


def test_good_notebook_has_no_problems(good, capsys):
    assert check(good) == []
    assert main(["check"], root=good.parents[1]) == 0
    assert "1 notebooks, 0 problems" in capsys.readouterr().out


# In the good notebook: 0 title, 1 set-up, 2 parameters, 3 score, 4 figure, 5 result
def never_executed(nb):
    nb.cells[3].execution_count = None


def executed_twice(nb):
    nb.cells[5].execution_count = 9


def error_output(nb):
    nb.cells[5].outputs = [new_output("error", ename="NameError", evalue="x", traceback=[])]


def stderr_output(nb):
    nb.cells[5].outputs = [new_output("stream", name="stderr", text="Warning: no GPU")]


def semicolon(nb):
    nb.cells[5].source += ";\n"


def long_line(nb):
    nb.cells[5].source += "  # " + 80 * "x"


def figure_without_text(nb):
    for output in nb.cells[4].outputs:
        output.metadata = {}


def machine_path(nb):
    nb.cells[5].source = "open('/home/ada/data.csv')"


def windows_path(nb):
    nb.cells[5].source = r"open('C:\\Users\\ada')"


def machine_path_in_output(nb):
    nb.cells[5].outputs = [new_output("stream", name="stdout", text="saved in /tmp/x")]


def object_address(nb):
    nb.cells[5].outputs[0].data["text/plain"] = "<Model at 0x7f3a5c0d1e80>"


def second_title(nb):
    nb.cells.append(new_markdown_cell("# Another"))


def no_title(nb):
    nb.cells[0].source = "Tiny\n```\n# a comment\n```"


def other_setup(nb):
    nb.cells[1].source += "\nprint()"


def late_setup(nb):
    nb.cells.insert(3, nb.cells.pop(1))


def two_parameter_cells(nb):
    nb.cells[3].metadata = {"tags": ["parameters"]}


def computed_parameter(nb):
    nb.cells[2].source += "\nM = 2 * N"


def magic_in_parameters(nb):
    nb.cells[2].source += "\n%time M = 2"


def unused_parameter(nb):
    nb.cells[2].source += "\nM = 2"


def ignored_by_tag(nb):
    for cell in nb.cells[4:6]:
        cell.metadata = {"tags": ["nbval-ignore-output"]}


def ignored_by_comment(nb):
    for cell in nb.cells[4:6]:
        cell.source = "# NBVAL_IGNORE_OUTPUT\n" + cell.source


def tolerance_without_number(nb):
    nb.cells[3].metadata = {"tags": ["within-2"]}


def timing(nb):
    nb.cells[4].metadata = {"execution": {"iopub.status.busy": "2024-05-01T12:00:00"}}


def empty_tags(nb):
    nb.cells[0].metadata = {"tags": []}


def large_output(nb):
    nb.cells[5].outputs[0].data["text/html"] = 3_000_000 * "x"


def recorded_twice(nb):
    nb.cells[5].outputs = nb.cells[3].outputs


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (never_executed, "code cell 3 was executed as number None"),
        (executed_twice, "code cell 5 was executed as number 9"),
        (error_output, "code cell 5 stores an error: NameError"),
        (stderr_output, "code cell 5 stores a message on stderr: Warning: no GPU"),
        (semicolon, "code cell 5 ends in ';'"),
        (long_line, "code cell 5 has a line of more than 78 characters"),
        (figure_without_text, "code cell 4 draws a figure without a text"),
        (machine_path, "cell 6 has a machine path: /home"),
        (windows_path, "cell 6 has a machine path: C:"),
        (machine_path_in_output, "cell 6 has a machine path: /tmp"),
        (object_address, "cell 6 has an object address: 0x7f3a5c0d1e80"),
        (second_title, "found in cells [1, 7]"),
        (no_title, "found in cells []"),
        (other_setup, "not one up-to-date cell tagged 'setup'"),
        (late_setup, "'setup' is not the first code cell"),
        (two_parameter_cells, "2 cells are tagged 'parameters'"),
        (computed_parameter, "'M = 2 * N'"),
        (magic_in_parameters, "the parameters cell is not plain Python"),
        (unused_parameter, "no later cell uses the parameter M"),
        (ignored_by_tag, "nbval ignores 2 of 5 code cells"),
        (ignored_by_comment, "nbval ignores 2 of 5 code cells"),
        (tolerance_without_number, "one tag like 'within-0.02' is expected, not within-2"),
        (timing, "not normalised"),
        (empty_tags, "not normalised"),
        (large_output, "the file has 3.0 MB"),
        (recorded_twice, "'mean' is recorded twice"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_check_finds(good, change, problem, capsys):
    alter(good, change)
    assert any(problem in found for found in check(good)), check(good)
    assert main(["check"], root=good.parents[1]) == 1
    assert problem in capsys.readouterr().out


def test_figure_text_is_where_nbconvert_looks_for_it(good):
    html, _ = HTMLExporter(template_name="classic").from_filename(good)
    assert 'alt="Three points on a diagonal."' in html


# --- cells from modules, and the form of a lesson ---------------------------------------------------


def filled(nb):
    nb.cells[5] = code("", "source-common.colab.installed_version", "source-common.notebook_files.label")
    nb.cells[5].execution_count = 4 + 1


def test_cells_are_filled_from_modules_and_compared(good):
    alter(good, filled)
    assert any("code cell 5 is not the present text" in problem for problem in check(good))
    nb = notebook_files.read(good)
    notebook_files.fill_sources(nb)
    first, second = nb.cells[5].source.split("\n\n\n")
    assert first.startswith("def installed_version(name):") and second.startswith("def label(path):")
    assert '"""Return' in second and "return" in second
    alter(good, lambda nb: (filled(nb), notebook_files.fill_sources(nb)))
    assert not any("present text" in problem for problem in check(good))


def test_text_of_a_class_has_the_first_line_of_its_docstring():
    text = notebook_files.source_text("common.layers.PiecewiseLinear")
    assert text.startswith("class PiecewiseLinear(nn.Module):\n    \"\"\"How far numbers")
    assert "Parameters" not in text and text.endswith("- 0.5")
    compile(text, "cell", "exec")


OUTSIDE = Path(notebook_files.__file__).with_suffix("")  # an absolute path, here of a file that exists


@pytest.mark.parametrize("name, problem", [
    ("common.layers.Nothing", "common/layers.py defines no Nothing"), ("common.nowhere.x", "no file common/nowhere.py"),
    (f"{OUTSIDE}.key", "there is no file"), (".....common.layers.Line", "there is no file"),
])  # fmt: skip
def test_a_tag_that_names_nothing(good, name, problem):
    with pytest.raises(ValueError, match=problem):
        notebook_files.source_text(name)
    alter(good, lambda nb: nb.cells[5].metadata.update(tags=[f"source-{name}"]))
    assert any(f"names nothing: {name}" in found for found in check(good))


@pytest.mark.parametrize("text, problem", [
    (b"def f(:\n", "bad.py is no Python"), (b"# Gr\xfc\xdfe\ndef f(): pass\n", "bad.py is no Python .*not UTF-8"),
    (b"def f(): pass\ndef f(): return 1\n", "bad.py defines f 2 times"),
])  # fmt: skip
def test_a_tag_of_a_module_that_cannot_be_read(tmp_path, text, problem):
    (tmp_path / "bad.py").write_bytes(text)
    with pytest.raises(ValueError, match=f"^bad.f: {problem}"):
        notebook_files.source_text("bad.f", tmp_path)


FORM_PROBLEMS = notebook_files._form_problems
QUESTION = "<details><summary>Answer</summary>\n\nYes.\n\n</details>\n"


@pytest.fixture
def lesson(good, monkeypatch):
    """The good notebook with all that a lesson should have, and its solutions."""
    monkeypatch.setattr(notebook_files, "_form_problems", FORM_PROBLEMS)

    def complete(nb):
        nb.cells[0].source += "\n" + 3 * QUESTION + "[Solutions](solutions/Higgs_solutions.ipynb)"
        nb.cells[3].source += "\n# exercises.use(\"a\", f)\n# exercises.use(\n#     'b', f)"
        nb.cells[3].source = nb.cells[3].source.replace("\n#     ", "")
        nb.cells[4].outputs[-1].metadata[notebook_files.FRAMES] = {"pictures": ["abc"]}

    alter(good, complete)
    notebook_files.solutions_of(good).parent.mkdir()
    notebook_files.solutions_of(good).write_bytes(good.read_bytes())
    return good


def test_a_complete_lesson_passes(lesson):
    assert check(lesson) == []


@pytest.mark.parametrize("change, problem", [
    (lambda nb: nb.cells[0].update(source=nb.cells[0].source.replace(QUESTION, "", 1)), "2 questions with"),
    (lambda nb: nb.cells[0].update(source=nb.cells[0].source + 3 * QUESTION), "6 questions with"),
    (lambda nb: nb.cells[3].update(source=SCORE), "0 cells with 'exercises.use(...)'"),
    (lambda nb: nb.cells[4].outputs[-1].metadata.pop(notebook_files.FRAMES), "no explorer"),
    (lambda nb: nb.cells[4].outputs[-1].metadata[notebook_files.FRAMES].update(pictures=[1_100_000 * "x"]), "1.10 MB"),
    (lambda nb: nb.cells[0].update(source=nb.cells[0].source.split("[")[0]), "no link to solutions/Higgs_sol"),
])  # fmt: skip
def test_what_is_missing_of_a_lesson(lesson, change, problem):
    alter(lesson, change)
    assert any(problem in found for found in check(lesson)), check(lesson)


def test_solutions_are_notebooks_of_the_course(lesson):
    solutions = notebook_files.solutions_of(lesson)
    assert find(root=lesson.parents[1]) == find(["Higgs"], lesson.parents[1]) == [lesson, solutions]
    assert find(["Higgs_solutions"], lesson.parents[1]) == [solutions]
    assert notebook_files.label(solutions) == "Higgs/solutions/Higgs_solutions.ipynb"
    solutions.unlink()
    assert check(lesson) == ["Higgs/solutions/Higgs_solutions.ipynb is missing"]


# --- parameters and profiles ----------------------------------------------------------------------


def test_parameters_are_those_papermill_sees(good):
    assert notebook_files.parameters(notebook_files.read(good)) == {"SEED": 3, "N": 100, "MIN_MEAN": 0.4}
    assert set(inspect_notebook(good)) == {"SEED", "N", "MIN_MEAN"}


@pytest.mark.parametrize(
    ("profile", "problem"),
    [
        ("N_TRIAN: 5", "N_TRIAN is not among the parameters SEED, N, MIN_MEAN"),
        ("N: '5'", "N = '5' is of type str, not int"),
        ("N: 5.0", "N = 5.0 is of type float, not int"),
        ("MIN_MEAN: 1e-3", "YAML needs the dot in 1.0e-3"),
        ("- N", "Higgs/Higgs.full.yaml should have lines 'NAME: value'"),
        ("0", "Higgs/Higgs.full.yaml should have lines 'NAME: value'"),
        ("N: 5\nSEED: 1\nN: 6", "Higgs/Higgs.full.yaml: N is there twice"),
        ("N: 010", "Higgs/Higgs.full.yaml: N: 010 is another number in YAML"),
        ("SEED: 1:30", "Higgs/Higgs.full.yaml: SEED: 1:30 is another number in YAML"),
    ],
)
def test_profile_that_does_not_fit_runs_nothing(good, profile, problem, capsys):
    good.with_suffix(".full.yaml").write_text(profile)
    assert any(problem in found for found in check(good))
    assert main(["run", "--profile", "full"], root=good.parents[1]) == 2
    assert problem in capsys.readouterr().err
    assert not (good.parents[1] / "build").exists()


@pytest.mark.parametrize("profile", ["", "# nothing", "null", "~", "{}"])
def test_empty_profile(good, profile):
    good.with_suffix(".full.yaml").write_text(profile)
    assert notebook_files.settings(good, "full") == {}


def test_missing_profile(good):
    good.with_suffix(".ci.yaml").unlink()
    assert check(good) == ["Higgs/Higgs.ci.yaml is missing: it holds the profile ci"]


def test_unknown_parameter_on_the_command_line(good, capsys):
    assert main(["run", "-p", "EPOCHS", "3"], root=good.parents[1]) == 2
    assert "EPOCHS is not among" in capsys.readouterr().err


CONFLICT = '{\n "cells": [],\n "metadata": {},\n<<<<<<< HEAD\n "nbformat": 4\n=======\n "nbformat": 4 \n>>>>>>> my\n}\n'
CELLS = '{"cells": [%s], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
DAMAGED = [
    (CONFLICT, r"is no notebook \(line 4: a merge conflict of git\)"), ("", "it is empty"), ("\0\0", "NUL byte"),
    ('{"cells": [\n1,\n', "line 3: Expecting value"), ("[" * 100_000, "is no notebook"), ("[]", "format 4"),
    ('{"cells": [], "nbformat": 3}', "format 4"), (CELLS % "{}", "format 4"), (CELLS % "1", "format 4"),
    ("{}".encode("utf-16"), "UTF-16"), (b"\xff\xfe\xfd", "UTF-16"), ("é".encode("latin-1"), "not UTF-8"),
    ('{"cells": null, "nbformat": 4}', "format 4"),
    (CELLS % r'{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "\ud800"}', "surrogates not allowed"),
]  # fmt: skip


@pytest.mark.parametrize("content, reason", DAMAGED)
def test_a_damaged_notebook_is_named_and_the_others_are_checked(good, capsys, content, reason):
    damaged = good.parents[1] / "NMRSpin" / "NMRSpin.ipynb"
    damaged.parent.mkdir()
    damaged.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(notebook_files.DamagedNotebook, match=f"^NMRSpin/NMRSpin.ipynb .*{reason}"):
        notebook_files.read(damaged)
    alter(good, semicolon)
    assert main(["check"], root=good.parents[1]) == 1
    *problems, summary = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in problems] == ["Higgs/Higgs.ipynb", "NMRSpin/NMRSpin.ipynb"]
    assert summary == "2 notebooks, 2 problems"


@pytest.mark.parametrize("change, reason", [
    (lambda nb: nb.cells[3].outputs[0].metadata.update(deeplearn=5), "'deeplearn': 5, no score: refresh it"),
    (lambda nb: nb.cells[3].outputs[0].metadata.update(deeplearn={"name": "a"}), "no score: refresh it"),
    (lambda nb: nb.cells[4].outputs[-1].metadata.update({"deeplearn-frames": {"a": 1}}), "without its pictures"),
    (lambda nb: nb.cells[4].outputs[-1].metadata.update({"deeplearn-frames": 5}), "without its pictures"),
    (lambda nb: nb.cells[4].outputs[-1].metadata.update({"image/png": 5}), "cannot be checked (AttributeError: "),
    (lambda nb: nb.update(nbformat_minor="x"), "is no notebook of format 4"),
    (lambda nb: nb.cells[0].pop("metadata"), "is no notebook of format 4"),
    (lambda nb: nb.cells[5].update(source="-" * 99_999 + "1"), "code cell 5 has a line of more than"),
    (lambda nb: nb.cells[2].update(source="A = {[]: 1}"), "it may only have NAME = literal"),
], ids=range(9))  # fmt: skip
def test_an_odd_notebook_is_named_and_the_others_are_checked(lesson, capsys, change, reason):
    other = lesson.parents[1] / "NMRSpin" / "NMRSpin.ipynb"
    other.parent.mkdir()
    other.write_text("[]")
    nb = json.loads(lesson.read_text("utf-8"), object_hook=nbformat.from_dict)
    change(nb)
    lesson.write_text(json.dumps(nb), "utf-8")
    assert main(["check"], root=lesson.parents[1]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("Higgs/Higgs.ipynb: ") and reason in line for line in lines), lines
    assert any(line.startswith("NMRSpin/NMRSpin.ipynb: ") for line in lines)


def test_what_a_notebook_says_is_safe_to_print(good, capsys):
    def odd(nb):
        nb.cells[3].metadata = {"tags": ["within-\x1b[2J\x1b]0;owned\x07"]}
        nb.cells[5].outputs = [new_output("stream", name="stderr", text="no GPU\nHiggs.ipynb: fine\x9b8m")]

    alter(good, odd)
    assert main(["check"], root=good.parents[1]) == 1
    said = capsys.readouterr().out
    assert r"not within-\x1b[2J\x1b]0;owned\x07" in said and r"no GPU\nHiggs.ipynb: fine\x9b8m" in said


def test_an_error_of_a_run_is_safe_to_print(course, capsys):
    write_notebook(course / "Higgs" / "Higgs.ipynb", "raise ValueError('\\x1b[2J')", parameters="", profile="{}")
    assert main(["run"], root=course) == 1
    assert r"ValueError: \x1b[2J" in capsys.readouterr().out


@pytest.mark.parametrize("profile", ["A: [1", "{" * 5_000, "!!timestamp x", "A: 2026-99-99", "{[]: 1}"])
def test_a_broken_profile_is_named(good, capsys, profile):
    good.with_suffix(".ci.yaml").write_text(profile)
    assert main(["check"], root=good.parents[1]) == 1 and main(["run"], root=good.parents[1]) == 2
    said = capsys.readouterr()
    assert "Higgs/Higgs.ci.yaml is no YAML" in said.out and "Higgs/Higgs.ci.yaml is no YAML" in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("kept", ['{"half": ', "[]", '{"ci": 5}', "[" * 99_999, b"\xff"])
def test_damaged_results_are_known_before_the_runs(good, tmp_path, capsys, monkeypatch, kept):
    monkeypatch.setattr(notebooks, "_run_one", lambda *_, **__: pytest.fail("it ran"))
    (tmp_path / "results.json").write_bytes(kept if isinstance(kept, bytes) else kept.encode())
    assert main(["run", "--out", str(tmp_path)], root=good.parents[1]) == 2
    error = capsys.readouterr().err
    assert "results.json" in error and "move it away" in error and len(error.splitlines()) == 1


def test_folders_where_files_are_due(good, tmp_path, capsys):
    (tmp_path / "results.json").mkdir()
    assert main(["run", "--out", str(tmp_path)], root=good.parents[1]) == 2
    assert "results.json is a folder: move it away" in capsys.readouterr().err
    profile = good.with_suffix(".ci.yaml")
    profile.unlink()
    profile.mkdir()
    assert main(["run"], root=good.parents[1]) == 2
    assert capsys.readouterr().err.startswith(f"{profile}: ")


ORPHANS = """\
import multiprocessing, os, subprocess, sys, time
from common.notebooks import _end_with_parent

def work():
    _end_with_parent()
    kernel = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(os.getpid(), kernel.pid, flush=True)
    time.sleep(60)

multiprocessing.get_context("fork").Process(target=work).start()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_run_that_is_killed_leaves_nobody(course):
    parent = subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True)
    orphans = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    parent.kill()
    parent.communicate()
    assert len(orphans) == 2 and not psutil.wait_procs(orphans, timeout=20)[1]


def test_a_file_where_a_folder_is_due(good, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    assert main(["run", "--out", str(tmp_path / "file")], root=good.parents[1]) == 2
    assert f"cannot write to {tmp_path / 'file'}" in capsys.readouterr().err
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Higgs").write_text("mine")
    assert main(["run", "--out", str(tmp_path / "out")], root=good.parents[1]) == 1
    assert f"cannot write to {tmp_path / 'out' / 'Higgs'}" in capsys.readouterr().out


def test_a_run_does_not_write_over_a_notebook_that_no_run_made(good, tmp_path, capsys):
    mine = tmp_path / "out" / "Higgs" / "Higgs.ipynb"
    mine.parent.mkdir(parents=True)
    for text in good.read_text("utf-8"), "{", "[]":
        mine.write_text(text, "utf-8")
        assert main(["run", "--out", str(tmp_path / "out")], root=good.parents[1]) == 1
        assert "Higgs.ipynb is there, and no run made it: move it away" in capsys.readouterr().out
        assert mine.read_text("utf-8") == text


def test_a_run_does_not_write_over_its_notebook(good, capsys):
    before = good.read_bytes()
    assert main(["run", "--out", str(good.parents[1])], root=good.parents[1]) == 1
    assert "is the notebook itself, which would be lost: give another folder" in capsys.readouterr().out
    assert good.read_bytes() == before


def test_what_is_saved_during_a_refresh_is_not_lost(course):
    path = write_notebook(course / "Higgs" / "Higgs.ipynb", "open('Higgs.ipynb', 'w').write('mine')")
    with pytest.raises(ValueError, match="Higgs/Higgs.ipynb was saved by somebody while it ran"):
        refresh(path)
    assert path.read_text() == "mine"


def test_a_damaged_notebook_stops_no_other_run(course, capsys):
    write_notebook(course / "Higgs" / "Higgs.ipynb").write_text(CONFLICT)
    write_notebook(course / "NMRSpin" / "NMRSpin.ipynb", "N", "SEED + MIN_MEAN")
    assert main(["run"], root=course) == 1
    printed = capsys.readouterr().out
    assert "Higgs/Higgs.ipynb is no notebook (line 4: a merge conflict of git)" in printed
    assert "NMRSpin.ipynb failed" not in printed


def test_a_byte_order_mark_and_an_expected_error_are_no_problem(course):
    path = write_notebook(course / "Higgs" / "Higgs.ipynb", SCORE, "1 / 0", "N")
    alter(path, lambda nb: nb.cells[-2].metadata.update(tags=["raises-exception"]))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (result,) = run([path], out=course / "out")
    assert result.error == "" and result.scores.keys() == {"mean"}
    executed = notebook_files.read(result.executed)
    assert [cell.cell_type for cell in executed.cells].count("markdown") == 1  # no mark of an error
    assert executed.cells[-2].outputs[0].ename == "ZeroDivisionError" and executed.cells[-1].outputs
    refresh(path)
    assert path.read_bytes()[:1] == b"{" and not [problem for problem in check(path) if "error" in problem]


def test_the_kernel_is_this_python(course, monkeypatch):
    kernels = course / "share" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text('{"argv": ["/nowhere/python"], "display_name": "P", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(course / "share"))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    path = write_notebook(
        course / "Higgs" / "Higgs.ipynb", "import sys", f"assert sys.executable == {sys.executable!r}, N",
        parameters="N = 1", profile="{}",
    )  # fmt: skip
    (result,) = run([path], out=course / "out")
    assert result.error == ""


def test_each_run_has_the_environment_of_its_time(course, monkeypatch):
    """On Linux the processes are forks of one that started with the first run."""
    path = write_notebook(
        course / "Higgs" / "Higgs.ipynb", "import os", 'assert os.environ.get("TOLD", "") == N', parameters='N = "no"',
        profile="{}",
    )  # fmt: skip
    errors = []
    for told in ("no", "yes", ""):
        monkeypatch.setenv("TOLD", told) if told else monkeypatch.delenv("TOLD")
        errors.append(run([path], overrides={"N": told}, out=course / "out")[0].error)
    assert errors == ["", "", ""]


def test_parameter_may_be_used_in_a_magic_or_an_f_string(course):
    path = course / "Higgs" / "Higgs.ipynb"
    write_notebook(path, "%timeit -n N", 'f"{SEED}"', "MIN_MEAN = 1")
    assert notebook_files.unused_parameters(notebook_files.read(path)) == ["MIN_MEAN"]


def test_what_a_slider_draws_does_not_depend_on_later_cells(course):
    path = course / "Higgs" / "Higgs.ipynb"
    write_notebook(
        path, "grid = [1, 2]", "def view(k):\n    return [x * k for x in grid]",
        "def other(grid):\n    return grid\nsquares = [x**2 for x in grid]", "%matplotlib inline\ngrid = 1",
        "for grid in range(3):\n    pass",
    )  # fmt: skip
    cells = [cell.source for cell in notebook_files.code_cells(notebook_files.read(path))]
    (view,) = (number for number, source in enumerate(cells, start=1) if source.startswith("def view"))
    assert notebook_files.names_assigned_again(notebook_files.read(path)) == [(view, "view", "grid", len(cells))]
    assert any("view() reads grid" in problem for problem in notebook_files.check(path))


def test_find(course, monkeypatch):
    for name in ("Exoplanet/B", "Exoplanet/A", "Higgs/Higgs", "other/X"):
        write_notebook(course / f"{name}.ipynb")
    assert list(map(notebook_files.label, find(root=course))) == [
        "Higgs/Higgs.ipynb", "Exoplanet/A.ipynb", "Exoplanet/B.ipynb",
    ]
    assert len(find(["Exoplanet"], course)) == 2
    assert find(["B"], course) == find(["./Exoplanet/B.ipynb"], course) == find([course / "Exoplanet/B.ipynb"], course)
    assert find([course / "Exoplanet"], course) == find(["Exoplanet/"], course)
    monkeypatch.chdir(course / "Exoplanet")
    assert find(["B.ipynb"], course) == find(["../Exoplanet/B.ipynb"], course) == find(["B"], course)
    with pytest.raises(ValueError, match="no notebook fits the name 'X'"):
        find(["X"], course)


# --- scores ---------------------------------------------------------------------------------------


def test_record_shows_rounded_and_stores_in_full(good):
    nb = notebook_files.read(good)
    (output,) = nb.cells[3].outputs
    assert output.data["text/plain"] == "mean = 0.54"
    assert 0.535 < scores(nb)["mean"] < 0.545
    assert scores(nb)["mean"] != 0.54


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (0.2, "AUC = 0.2 is too low: at least 0.5 is expected"),
        (1.2, "AUC = 1.2 is too high: at most 1.0 is expected"),
        (math.nan, "AUC = nan: the score should be a finite number"),
    ],
)
def test_record_insists_on_its_range(value, problem):
    with pytest.raises(ValueError, match=problem):
        record("AUC", value, low=0.5, high=1.0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (dict(value=-0.001), "x = 0.00"),
        (dict(value=12, digits=0, unit="events"), "x = 12 events"),
    ],
)
def test_text_of_record(arguments, text, capsys):
    record("x", **arguments)
    assert text in capsys.readouterr().out


# --- runs -----------------------------------------------------------------------------------------


def test_run_prints_a_table(good, capsys):
    assert main(["run", "Higgs", "-p", "SEED", "7"], root=good.parents[1]) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["notebook", "seconds", "memory", "scores"]
    name, seconds, memory, unit, _, _, mean = row.split()
    executed = notebook_files.read(good.parents[1] / "build" / "notebooks" / name)
    assert scores(executed)["mean"] == pytest.approx(float(mean), rel=1e-3)
    assert executed.metadata.papermill.parameters == {"N": 10, "MIN_MEAN": 0.0, "SEED": 7}
    assert 0.02 < float(memory) < 2 and unit == "GB"
    assert float(seconds) > 0.1


@pytest.mark.parametrize("profile, kept", [("ci", False), ("lesson", True)])
def test_explorers_of_a_reduced_run_keep_no_figures(course, monkeypatch, profile, kept):
    monkeypatch.delenv("DEEPLEARN_FRAMES", raising=False)  # as readers have it
    draw = """\
import matplotlib.pyplot as plt
from common.explore import explore
explore(lambda x: (plt.figure(figsize=(1, 1)), f"{x}"), x=[1, 2, 3])"""
    path = write_notebook(course / "Higgs" / "Higgs.ipynb", draw, parameters="", profile="{}")
    (result,) = run([path], profile, out=course / "out")
    (output,) = notebook_files.read(result.executed).cells[-1].outputs
    assert result.error == "" and (notebook_files.FRAMES in output.metadata) == kept


def test_failing_notebook_stops_no_other(course):
    last_cells = {
        "Higgs": "1 / 0",
        "ParticleImages": "import os; os._exit(1)",
        "StrongLensing": "import os; os.kill(os.getppid(), 9)",
        "Exoplanet": "N",
    }
    for folder, last in last_cells.items():
        write_notebook(course / folder / f"{folder}.ipynb", SCORE, last)
    ended = []
    results = run(find(root=course), out=course / "out", processes=2, ended=ended.append)
    assert {id(result) for result in ended} == {id(result) for result in results}
    raised, kernel_died, killed, fine = results
    assert raised.error == "cell [4] 1 / 0\nZeroDivisionError: division by zero"
    assert "DeadKernelError" in kernel_died.error
    assert "the process was killed" in killed.error
    assert fine.error == "" and fine.scores.keys() == {"mean"}
    for result in results:
        assert scores(notebook_files.read(result.executed)).keys() == {"mean"}

    text = "\n".join(notebooks.errors(results))
    assert "Higgs/Higgs.ipynb failed:\n    cell [4] 1 / 0\n    ZeroDivisionError" in text
    assert all((str(result.executed) in text) == bool(result.error) for result in results)


def test_run_needs_a_process(course, capsys):
    write_notebook(course / "Higgs" / "Higgs.ipynb")
    assert main(["run", "--processes", "0"], root=course) == 2
    assert "--processes must be at least 1, not 0" in capsys.readouterr().err


def test_status_of_a_failing_run(course, capsys):
    write_notebook(course / "Higgs" / "Higgs.ipynb", "1 / 0", parameters="", profile="{}")
    assert main(["run"], root=course) == 1
    assert "division by zero" in capsys.readouterr().out


def test_a_cell_that_ends_the_notebook_is_an_error(course):
    cells = "import sys", "sys.exit(0)", "1"
    path = write_notebook(course / "Higgs" / "Higgs.ipynb", *cells, parameters="", profile="{}")
    (result,) = run([path], out=course / "out")
    assert result.error == "cell [2] ended the notebook: those after it did not run"


@pytest.mark.parametrize("stop", [
    lambda process: os.killpg(process.pid, signal.SIGKILL), lambda process: process.send_signal(signal.SIGINT),
], ids=["killed", "interrupted"])  # fmt: skip
def test_a_run_that_is_stopped(course, stop):
    """What had ended is kept, with its scores; the copy of an earlier run stays until another one has ended."""
    write_notebook(course / "Higgs" / "Higgs.ipynb", parameters="", profile="{}")
    path = write_notebook(
        course / "NMRSpin" / "NMRSpin.ipynb", "import time", "time.sleep(SECONDS)",
        parameters="SECONDS = 60", profile="{}",
    )
    out = course / "build" / "notebooks"
    run([path], overrides={"SECONDS": 0}, out=out)
    before = (out / "NMRSpin" / "NMRSpin.ipynb").read_bytes()
    script = f"from common.notebooks import main; main(['run', '--processes', '1'], root={str(course)!r})"
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (out / "NMRSpin" / ".running-NMRSpin.ipynb").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    stop(process)
    assert process.wait(30) and (out / "Higgs" / "Higgs.ipynb").exists()
    assert list(json.loads((out / "results.json").read_text("utf-8"))["ci"]) == ["Higgs/Higgs.ipynb"]

    assert (out / "NMRSpin" / "NMRSpin.ipynb").read_bytes() == before
    (result,) = run([path], overrides={"SECONDS": 0}, out=out)
    assert result.error == ""
    assert [file.name for file in (out / "NMRSpin").iterdir()] == ["NMRSpin.ipynb"]


# --- refresh --------------------------------------------------------------------------------------


def test_refresh_twice_changes_nothing(good, monkeypatch):
    before = good.read_bytes()
    monkeypatch.setenv("DEEPLEARN_FRAMES", "ends")  # for the tests, not for what is committed
    alter(good, other_setup)
    alter(good, never_executed)
    alter(good, timing)
    assert main(["refresh", "Higgs"], root=good.parents[1]) == 0
    assert good.read_bytes() == before


def test_refresh_goes_on_after_one_that_fails(course, monkeypatch, capsys):
    seen = []

    def failing(path):
        seen.append(path.stem)
        raise ValueError(f"{path.stem} is as it was")

    for name in ("Higgs", "Higgs_2"):
        write_notebook(course / "Higgs" / f"{name}.ipynb")
    monkeypatch.setattr(notebooks, "refresh", failing)
    assert main(["refresh", "Higgs"], root=course) == 2
    assert seen == ["Higgs", "Higgs_2"]
    assert capsys.readouterr().err == "Higgs is as it was\nHiggs_2 is as it was\n"


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        ("import warnings; warnings.warn('old')", "cell [3] writes to stderr"),
        ("1 / 0", "ZeroDivisionError"),
        ("import os; os._exit(1)", "its kernel died"),
    ],
)
def test_refresh_refuses(course, last, problem, capsys):
    path = write_notebook(course / "Higgs" / "Higgs.ipynb", last)
    before = path.read_bytes()
    assert main(["refresh", "Higgs"], root=course) != 0
    assert path.read_bytes() == before
    assert problem in capsys.readouterr().err


# --- nbval ----------------------------------------------------------------------------------------


def test_nbval_sees_one_altered_number(good):
    """In one call with unit tests, as in `make test`; metadata and pictures are not compared."""

    def altered_number(nb):
        nb.cells[3].outputs[0].data["text/plain"] = "mean = 0.55"

    def altered_metadata(nb):
        nb.cells[3].outputs[0].metadata[notebook_files.RECORD]["value"] = 0.5
        nb.cells[4].outputs[-1].data["image/png"] = ""

    def tag(nb):
        nb.cells[3].metadata["tags"] = ["within-0.1"]

    def far_number(nb):
        nb.cells[3].outputs[0].data["text/plain"] = "mean = 0.75"

    wrong, near, far = (good.with_name(f"{name}.ipynb") for name in ("Wrong", "Near", "Far"))
    for path in (wrong, near, far):
        path.write_bytes(good.read_bytes())
    alter(wrong, altered_number)
    alter(near, altered_number)
    alter(far, far_number)
    for path in (near, far):
        alter(path, tag)
    alter(good, altered_metadata)
    unit_test = good.with_name("test_unit.py")
    unit_test.write_text("def test_unit():\n    pass\n")
    command = "pytest -n 2 --dist loadfile --nbval -p tests.closeness -rf".split()
    done = subprocess.run(
        [sys.executable, "-m", *command, unit_test, good, wrong, near, far],
        cwd=good.parent, capture_output=True, text=True,
    )
    assert "2 failed, 19 passed" in done.stdout, done.stdout + done.stderr
    assert "Wrong.ipynb::Cell 2" in done.stdout and "Far.ipynb::Cell 2" in done.stdout


@pytest.mark.parametrize(
    ("found", "is_close"),
    [
        ("AUC 0.971 (0.95 to 1,204)", True),
        ("AUC 0.95  (0.95  to  1,190)", True),
        ("AUC 0.949 (0.95 to 1,204)", False),
        ("AUC 0.971 (0.95 to 1,250)", False),
        ("AUC nan (0.95 to 1,204)", False),
        ("AUC 0.971 (0.95 to 1,204) 1", False),
        ("AUC of trees 0.971 (0.95 to 1,204)", False),
        ("AUC -0.971 (0.95 to 1,204)", False),
    ],
)
def test_numbers_of_a_trained_network_may_be_near(found, is_close):
    stored = "AUC 0.97 (0.95 to 1,204)"
    assert as_stored(found, stored, 0.02) == (stored if is_close else found)


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ("# numbers\nregex: [0-9]+\nreplace: N\n", None),
        ("regex: seconds\nreplace: s\n", "'seconds' fits no output"),
        ("regex: mean\nreplace:\n", "nbval reads only pairs"),
        ("regex: (mean\nreplace: x\n", "is no regular expression"),
    ],
)
def test_sanitizer_rules(good, rules, problem):
    config = good.with_name("nbval.cfg")
    config.write_text(rules)
    problems = notebook_files.sanitizer_problems(config, [good])
    assert (problem is None and not problems) or (problem and problem in problems[0])
