"""The notebooks in JupyterLab, as a reader uses them: NB=Higgs pytest tests/browser/lab.py

JupyterLab is started, Chromium opens each notebook at its reduced settings and runs all cells; then no cell shows an
error, and the figures are there. `make browser-test` installs what this needs.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from urllib.request import urlopen

import nbformat
import papermill
import pytest
from papermill.parameterize import parameterize_notebook

from common.notebook_files import code_cells, find, label, read, settings

NOTEBOOKS = os.environ.get("NB", "").split()
PATIENCE = 600  # s for a notebook
TOKEN = "only-for-this-test"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab and the folder that it shows."""
    place = tmp_path_factory.mktemp("lab")
    tracker = place / "settings" / "@jupyterlab" / "notebook-extension"
    tracker.mkdir(parents=True)
    # All cells are in the page, also those out of sight, and no dialog asks for the kernel
    options = {"windowingMode": "none", "autoStartDefaultKernel": True}
    (tracker / "tracker.jupyterlab-settings").write_text(json.dumps(options))
    (place / "work").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--allow-root",
               f"--IdentityProvider.token={TOKEN}", "--LabApp.news_url=", "--LabApp.expose_app_in_browser=True",
               f"--ServerApp.root_dir={place / 'work'}"]  # fmt: skip
    environment = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(place / "settings"), "OMP_NUM_THREADS": "1"}
    with open(place / "log.txt", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(120):
            try:
                urlopen(f"http://127.0.0.1:{port}/api?token={TOKEN}", timeout=2).close()
                break
            except OSError:
                assert server.poll() is None, (place / "log.txt").read_text()[-2000:]
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}", place / "work"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert chromium, "Chromium is not installed: apt-get install chromium"
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


# Of each code cell with text: its execution count, and the messages of its errors
CELLS = """() => jupyterapp.shell.currentWidget.content.widgets.map(widget => widget.model)
    .filter(cell => cell.type === "code" && cell.sharedModel.source.trim())
    .map(cell => [cell.executionCount, cell.outputs.toJSON().filter(o => o.output_type === "error")
                                           .map(o => o.ename + ": " + o.evalue)])"""


def run_all(browser, lab, nb, name):
    """Open a notebook, run all cells until the last one or an error: the page, and the messages of errors."""
    address, folder = lab
    papermill.iorw.write_ipynb(nb, str(folder / name))
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(f"{address}/lab/tree/{name}?token={TOKEN}&reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
    page.wait_for_timeout(5000)  # for the kernel to be connected
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        f"() => {{ const cells = ({CELLS})();"
        "          return cells.every(([count, _]) => count) || cells.some(([_, errors]) => errors.length) }",
        timeout=PATIENCE * 1000,
    )
    page.wait_for_timeout(1000)
    return page, [message for _, errors in page.evaluate(CELLS) for message in errors]


def test_an_error_is_seen(lab, browser):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in ("1", "1 / 0", "2")])
    page, errors = run_all(browser, lab, nb, "error.ipynb")
    page.close()
    assert errors == ["ZeroDivisionError: division by zero"]


EXPLORER = """\
import matplotlib.pyplot as plt
from common.explore import explore

def draw(height):
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot([0, height])
    ax.set(ylim=(0, 1))
    return fig, f"It ends at {height:.1f}."

explore(draw, height=(0.0, 1.0, 3))"""


def test_a_slider_moves_the_picture(lab, browser):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(EXPLORER)])
    page, errors = run_all(browser, lab, nb, "explorer.ipynb")
    assert errors == []
    picture = page.locator(".widget-html img")
    picture.wait_for(timeout=60_000)
    assert picture.get_attribute("alt") == "It ends at 0.5."
    before = picture.get_attribute("src")
    handle = page.locator(".widget-slider .noUi-handle")
    handle.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('.widget-html img').alt !== 'It ends at 0.5.'", timeout=30_000)
    assert picture.get_attribute("src") != before
    page.screenshot(path=str(lab[1].parent / "explorer.png"))
    page.close()


@pytest.mark.timeout(PATIENCE + 120)
@pytest.mark.parametrize("path", find(NOTEBOOKS), ids=label)
def test_all_cells_run(lab, browser, path):
    nb = parameterize_notebook(papermill.iorw.load_notebook_node(str(path)), settings(path, "ci"))
    for cell in code_cells(nb):
        cell.outputs, cell.execution_count = [], None
    page, errors = run_all(browser, lab, nb, path.name)
    assert errors == []
    shown = page.evaluate(
        "[...document.querySelectorAll('.jp-OutputArea-output img')].filter(i => i.naturalWidth > 50).length"
    )
    figures = sum("image/png" in output.get("data", {}) for cell in code_cells(read(path)) for output in cell.outputs)
    assert shown >= 0.9 * figures > 0  # a reduced run may leave one out
    page.screenshot(path=str(lab[1].parent / f"{path.stem}.png"))
    page.close()
