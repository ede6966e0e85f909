"""Exercises: whatever a reader writes becomes one line, and each usual mistake is recognised."""

import inspect
import sys
import threading
import time
from importlib import import_module

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from nbclient import NotebookClient

from common import exercises as module
from common.challenge import FOLDERS, ROOT
from common.exercises import Exercise, Exercises
from common.notebook_files import as_text, code_cells, exercise_names, find, is_solution, label, read
from common.notebooks import run

CHALLENGES = [folder for folder in FOLDERS if (ROOT / folder / "exercises.py").exists()]
BOOKS = {folder: import_module(f"{folder}.exercises").exercises for folder in CHALLENGES}
every_exercise = pytest.mark.parametrize(
    "book, name", [pytest.param(book, name, id=f"{folder}: {name}") for folder, book in BOOKS.items() for name in book]
)


# --- the exercises of the course ------------------------------------------------------------------


def stub_of(function):
    """A function of the same name and arguments that does nothing."""
    space = {}
    exec(f'def {function.__name__}{inspect.signature(function)}:\n    """Do it."""\n    ...', space)
    return space[function.__name__]


@every_exercise
def test_stub_is_not_attempted(book, name, capsys):
    assert book.use(name, stub_of(book[name].reference)) is book[name].reference
    assert capsys.readouterr().out == (
        "Not attempted yet. The lesson goes on with the course's own. " f"Stuck? exercises.hint({name!r})\n"
    )


@every_exercise
def test_reference_passes(book, name, capsys):
    def copy(*arguments):
        return book[name].reference(*arguments)

    assert book.use(name, copy) is copy
    assert capsys.readouterr().out == "Right: the lesson goes on with your function.\n"


@every_exercise
def test_each_mistake_is_named(book, name, capsys):
    assert len(book[name].mistakes) >= 3
    for sentence, mistaken in book[name].mistakes.items():
        assert book.use(name, mistaken) is book[name].reference
        line = capsys.readouterr().out
        assert sentence in line and "expected" in line and line.count("\n") == 1, line
        assert not any(other in line for other in set(book[name].mistakes) - {sentence}), line


@every_exercise
def test_hints_tell_more_and_more_and_then_the_solution(book, name, capsys):
    fresh = Exercises(book)
    for _ in range(len(book[name].hints) + 1):
        fresh.hint(name)
    *hints, last = capsys.readouterr().out.splitlines()
    assert len(hints) >= 2 and all(hint in line for hint, line in zip(book[name].hints, hints, strict=True))
    assert f"exercises.solution({name!r})" in last
    fresh.solution(name)
    assert capsys.readouterr().out.startswith(f"def {book[name].reference.__name__}(")


# --- the lessons with their exercises ---------------------------------------------------------------

# The last first: test_notebooks.py, which shares its runs, starts with the first, and neither waits for the other.
LESSONS = [path for path in find() if not is_solution(path)][::-1]
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=label)


def stubs(nb, book):
    """Of each exercise of a lesson: its name, and the cell with its stub."""
    cells = code_cells(nb)
    for number, cell in enumerate(cells):
        for name in exercise_names(cell):
            start = f"def {book[name].reference.__name__}("
            (stub,) = [before for before in cells[:number] if before.source.startswith(start)]
            yield name, stub


@every_lesson
def test_stubs_of_a_lesson_are_stubs_with_the_arguments_of_the_reference(path, capsys):
    book = BOOKS[path.parent.name]
    found = dict(stubs(read(path), book))
    assert list(found) == [name for name in book if name in found]
    for name, cell in found.items():
        space = {}
        exec(cell.source, space)
        stub, reference = space[book[name].reference.__name__], book[name].reference
        assert inspect.signature(stub) == inspect.signature(reference)
        assert inspect.getdoc(stub) == inspect.getdoc(reference)
        book.use(name, stub)
        assert capsys.readouterr().out.startswith("Not attempted yet.")


def results(nb):
    """What each cell shows, but for the lines about exercises: its text, however the kernel cut it, and its data."""
    return [
        ("".join(output.get("text", "") for output in cell.outputs), [output.get("data") for output in cell.outputs
                                                                      if "data" in output])
        for cell in code_cells(nb) if not exercise_names(cell)
    ]  # fmt: skip


@every_lesson
def test_a_lesson_gives_the_same_with_stubs_and_with_all_of_them_written(path, run_at_ci, tmp_path):
    book = BOOKS[path.parent.name]
    nb = read(path)
    for name, cell in stubs(nb, book):
        cell.source = inspect.getsource(book[name].reference)
    written = tmp_path / path.parent.name / path.name
    written.parent.mkdir()
    written.write_text(as_text(nb), "utf-8")
    for file in path.parent.glob(f"{path.stem}.*.yaml"):
        (written.parent / file.name).write_bytes(file.read_bytes())
    runs = run_at_ci(path), *run([written], "ci", out=tmp_path / "written")
    assert [result.error for result in runs] == ["", ""]
    with_stubs, with_lines = (read(result.executed) for result in runs)
    checks = [output.text for cell in code_cells(with_lines) if exercise_names(cell) for output in cell.outputs]
    assert checks and set(checks) == {"Right: the lesson goes on with your function.\n"}
    assert results(with_lines) == results(with_stubs)


# --- whatever a reader may write ------------------------------------------------------------------

BOOK = Exercises({
    "double": Exercise(lambda x: 2 * x, {"two numbers": (np.array([1.0, 2.0]),)}, hints=("Multiply.",)),
    "both": Exercise(lambda x: (x, x**2), {"one": (np.array([3.0]),)}, parts=("value", "square")),
    "count": Exercise(lambda x: len(x), {"a list": ([1, 2],)}, errors={"no attribute 'size'": "A list has len(...)."}),
})  # fmt: skip


def prints(x):
    print("hello")


def mutates(x):
    x *= 2
    return x


def raises(x):
    return x / undefined  # noqa: F821


def leaves(x):
    sys.exit(3)


def recurses(x):
    return recurses(x)


def closes(x):
    sys.stdout.close()
    return x[:1]


def generates(x):
    yield 2 * x


class Unfriendly(Exception):
    def __str__(self):
        raise self


def raises_unfriendly(x):
    raise Unfriendly


def interrupted(x):
    raise KeyboardInterrupt


@pytest.mark.parametrize("attempt, message", [
    (lambda x: print(end=""), "returns nothing; end it with 'return ...'"),
    (prints, "prints, but it returns nothing"),
    (mutates, "changes its input"),
    (lambda x: 2, "returns a single number, expected an array of shape (2,)"),
    (lambda x: np.ones((2, 1)), "returns an array of shape (2, 1), expected an array of shape (2,)"),
    (lambda x: x * np.nan, "returns NaN (not a number), expected 2."),
    (lambda x: 3 * x, "for two numbers your function returns 3 as entry 0, expected 2."),
    (lambda x: [2.0, 4.0], "returns a list, expected an array"),
    (lambda x: pd.Series(2 * x), "returns a Series, expected an array: wrap it in np.array(...)."),
    (lambda x: np.ma.masked_array(2 * x, mask=True), "returns a MaskedArray, expected an array"),
    (lambda x: "four", "returns 'four', expected numbers"),
    (lambda x: torch.tensor(2 * x), "returns a torch tensor, expected NumPy: return it with .numpy()."),
    (lambda x: 2j * x, "expected numbers"),
    (generates, "returns a generator, expected numbers: use 'return' without 'yield'"),
    (raises, "raises NameError: name 'undefined' is not defined in line "),
    (raises, "return x / undefined"),
    (lambda: 3, "raises TypeError"),
    (leaves, "leaves Python with exit()"),
    (recurses, "calls itself without end"),
    (closes, "returns an array of shape (1,)"),
    (raises_unfriendly, "raises"),
    (interrupted, "was interrupted"),
    (lambda x: np.zeros(10**18), "asks for too much memory"),
    (7, "double is 7 and no function".replace("double", "<lambda>")),
])
def test_a_wrong_attempt_is_one_line(attempt, message, capsys):
    assert BOOK.use("double", attempt) is BOOK["double"].reference
    out, err = capsys.readouterr()
    assert message in out and out.count("\n") == 1 and err == "", out
    assert "Traceback" not in out and out.endswith("Stuck? exercises.hint('double')\n")


@pytest.mark.parametrize("folder, name", [
    ("QuantumML", "lit pixels"), ("RenAIssance", "row peaks"), ("RenAIssance", "greedy decode"),
    ("RenAIssance", "edit costs"),
])  # fmt: skip
def test_whole_numbers_are_no_floats(folder, name, capsys):
    """A later cell of the lesson takes them as an index."""
    book, reference = BOOKS[folder], BOOKS[folder][name].reference
    assert book.use(name, lambda *arguments: reference(*arguments).astype(float)) is reference
    assert "returns the right numbers as float64, expected whole ones: use .astype(int)." in capsys.readouterr().out

    for kind in "i2", "u8":
        attempt = lambda *arguments, kind=kind: reference(*arguments).astype(kind)  # noqa: E731
        assert book.use(name, attempt) is attempt


def test_advice_for_an_error(capsys):
    assert BOOK.use("count", lambda x: x.size) is BOOK["count"].reference
    line = capsys.readouterr().out
    assert "has no attribute 'size'" in line and " A list has len(...). The lesson goes on" in line


def test_a_right_attempt_may_print_and_warn(capsys):
    def right(x):
        print("look:", x)
        np.float64(1) / np.zeros(1)
        return x + x

    assert BOOK.use("double", right) is right
    line = "Right: the lesson goes on with your function. (What it prints is not shown here.)\n"
    assert capsys.readouterr() == (line, "")


@pytest.mark.parametrize("attempt, message", [
    (lambda x: x, "expected 2 things: value and square"),
    (lambda x: (x, x, x), "expected 2 things"),
    (lambda x: (x, 2 * x), "as square your function returns 6, expected 9"),
    (lambda x: (x, None), "as square your function returns None, expected numbers"),
])  # fmt: skip
def test_parts_of_a_tuple(attempt, message, capsys):
    assert BOOK.use("both", attempt) is not attempt
    assert message in capsys.readouterr().out


def test_parts_may_be_rows_of_an_array():
    def rows(x):
        return np.stack([x, x**2])

    assert BOOK.use("both", rows) is rows
    assert BOOK.use("count", len) is len


def test_the_check_alone_run_again_does_not_praise_the_courses_own(capsys):
    own = BOOK.use("double", None)
    assert BOOK.use("double", own) is own
    assert "run the cell with your lines" in capsys.readouterr().out


def test_complex_numbers_where_these_are_expected(capsys):
    book = Exercises({"turn": Exercise(lambda x: 1j * x, {"two numbers": (np.array([1.0, 2.0]),)})})

    def right(x):
        return x * np.exp(0.5j * np.pi)

    assert book.use("turn", right) is right
    assert book.use("turn", lambda x: -1j * x) is book["turn"].reference
    assert "returns 0-1j as entry 0, expected 0+1j." in capsys.readouterr().out


def test_unknown_name():
    for call in (BOOK.hint, BOOK.solution, lambda name: BOOK.use(name, len)):
        with pytest.raises(ValueError, match="no exercise 'duoble'; there are: 'double', 'both'"):
            call("duoble")


def test_exit_does_not_end_the_kernel_of_a_notebook():
    check = """\
from Higgs.exercises import exercises
def invariant_mass(p4):
    exit()
invariant_mass = exercises.use("invariant mass", invariant_mass)"""
    cells = [nbformat.v4.new_code_cell(code) for code in (check, "invariant_mass.__module__")]
    nb = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(nb, kernel_name="python3").execute()
    assert "leaves Python with exit()" in nb.cells[0].outputs[0].text
    assert nb.cells[1].outputs[0].data["text/plain"] == "'Higgs.exercises'"


def hoards(x):
    kept = []
    while True:
        kept.append(np.ones(10**6))


@pytest.mark.skipif(sys.platform != "linux", reason="there is no limit")
def test_an_attempt_that_takes_more_and_more_memory_is_stopped(monkeypatch, capsys):
    import resource

    monkeypatch.setattr(module, "MEMORY", 100_000_000)
    before = resource.getrlimit(resource.RLIMIT_AS)
    assert BOOK.use("double", hoards) is BOOK["double"].reference
    assert "asks for too much memory" in capsys.readouterr().out
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def loops(x):
    while True:
        pass


def sleeps_and_catches_everything(x):
    while True:
        try:
            time.sleep(10)
        except BaseException:
            continue


def catches_everything_twice(x):
    while True:
        try:
            while True:
                try:
                    sum(range(100))
                except BaseException:
                    pass
        except BaseException:
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarms")
@pytest.mark.parametrize("attempt", [loops, sleeps_and_catches_everything, catches_everything_twice])
def test_a_hanging_attempt_is_stopped(attempt, capsys):
    start = time.monotonic()
    assert BOOK.use("double", attempt, seconds=0.2) is BOOK["double"].reference
    assert time.monotonic() - start < 5  # s
    assert "did not end within 0.2 seconds and was stopped" in capsys.readouterr().out


def test_where_it_cannot_be_stopped_a_line_says_what_to_do(capsys):
    """As on Windows: in another thread there are no alarms."""
    end = threading.Event()
    thread = threading.Thread(target=BOOK.use, args=("double", lambda x: end.wait(10)), kwargs={"seconds": 0})
    thread.start()
    try:
        deadline = time.monotonic() + 10
        said = ""
        while "interrupt the kernel" not in said and time.monotonic() < deadline:
            time.sleep(0.1)
            said += capsys.readouterr().out
        assert "still running" in said and "interrupt the kernel" in said
    finally:
        end.set()
        thread.join()
