"""Explorers: one figure where nobody sits in front of the notebook, sliders where somebody does."""

import base64
import json

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient

from common import explore as module
from common.explore import explore
from common.notebook_files import FRAMES

DRAW = """\
import matplotlib.pyplot as plt
from common.explore import explore

def draw(height, shape):
    fig, ax = plt.subplots(figsize=(2, 1))
    ax.plot([0, height], "-" if shape == "line" else "o")
    return fig, f"A {shape} that ends at {height:.1f}."

explore(draw, shape=["line", "dots"], height=(0.0, 1.0, 3))"""


def draw(x):
    fig, ax = plt.subplots(figsize=(1, 1))
    ax.plot([0, x])
    return fig, f"It ends at {x:.2f}."


@pytest.fixture(autouse=True)
def all_positions(monkeypatch):
    """As a reader gets them: the suite draws the ends of sliders only."""
    monkeypatch.delenv("DEEPLEARN_FRAMES", raising=False)


def executed(monkeypatch, **environment):
    """The outputs of the cell above in a kernel with these environment variables."""
    for name in ("JPY_SESSION_NAME", *environment):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(DRAW)])
    NotebookClient(nb, kernel_name="python3").execute()
    return nb.cells[0].outputs


def test_without_a_reader_one_figure_and_the_pictures_of_all_positions(monkeypatch):
    (output,) = executed(monkeypatch)
    assert set(output.data) == {"image/png", "text/plain"}
    assert output.data["text/plain"] == "A line that ends at 0.5."
    assert output.metadata["image/png"]["alt"] == "A line that ends at 0.5."
    frames = json.loads(json.dumps(output.metadata[FRAMES], sort_keys=True))  # as notebooks are written
    assert list(frames["sliders"]) == ["height", "shape"]
    assert frames["sliders"] == {"height": ["0", "0.5", "1"], "shape": ["line", "dots"]}
    assert frames["start"] == [1, 0] and len(set(frames["pictures"])) == 6
    assert [frames["texts"][i] for i in (1, 2, 5)] == [
        "A dots that ends at 0.0.", "A line that ends at 0.5.", "A dots that ends at 1.0.",
    ]  # fmt: skip
    assert all(base64.b64decode(picture).startswith(b"\x89PNG") for picture in frames["pictures"])


def test_with_a_reader_sliders_and_a_figure_for_who_has_no_kernel(monkeypatch):
    outputs = executed(monkeypatch, JPY_SESSION_NAME="lesson.ipynb")
    (output,) = [output for output in outputs if "image/png" in output.data]
    assert set(output.data) == {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"}
    assert FRAMES not in output.metadata


def test_the_suite_draws_the_ends_and_keeps_none(monkeypatch):
    drawn, shown = [], []
    monkeypatch.setenv("DEEPLEARN_FRAMES", "ends")
    monkeypatch.setattr(module, "display", lambda data, raw, metadata: shown.append(metadata))
    explore(lambda x: drawn.append(x) or draw(x), start={"x": 0.5}, x=(0.0, 1.0, 9))
    assert drawn == [0.0, 1.0, 0.5] and list(shown[0]) == ["image/png"]


@pytest.mark.parametrize("slider, problem", [
    ((0, 1, 61), "61 positions together; at most 60"), ([3], "needs at least two values"),
])  # fmt: skip
def test_too_many_or_too_few_positions(slider, problem):
    with pytest.raises(ValueError, match=problem):
        explore(draw, x=slider)


def test_it_starts_as_near_as_it_gets(monkeypatch):
    shown = []
    monkeypatch.setattr(module, "display", lambda data, raw, metadata: shown.append((data, metadata)))
    explore(draw, start={"x": 0.7}, x=(0.0, 1.0, 5))
    explore(draw, start={"x": 3}, x=[1, 2, 3])
    assert [data["text/plain"] for data, _ in shown] == ["It ends at 0.75.", "It ends at 3.00."]
    assert [metadata[FRAMES]["start"] for _, metadata in shown] == [[3], [2]]
