"""Sliders that move the physics or a decision, and the figure that follows.

    def threshold_view(threshold):
        fig, ax = plt.subplots()
        ...
        return fig, f"At a threshold of {threshold:.2f} ..."

    explore(threshold_view, threshold=(0.1, 0.9, 17))

Where a reader sits in front of the notebook (JupyterLab, Colab, VS Code) the sliders work, with ipywidgets. Where a
notebook is executed without one, its output is one figure with its description; the figures of all positions of the
sliders go along in the metadata, and the site of the course shows them under sliders of its own, with no kernel.
With DEEPLEARN_FRAMES=ends, as in tests and reduced runs, all sliders at one end, then all at the other, are drawn, and
no figures are kept.
"""

import base64
import io
import os
import sys
from html import escape
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from IPython.display import display

from common.notebook_files import FRAMES

MAX_FRAMES = 60
FINER = 10
"""Steps of a live slider between two figures of the site."""


def explore(draw, *, start=None, **sliders):
    """Show a figure that follows sliders.

    Parameters
    ----------
    draw : callable (**values) -> (matplotlib.figure.Figure, str)
        Takes one value of each slider, and returns a figure and a sentence that says what it shows.
    start : dict of str to value, optional
        Where sliders stand at first, as near as they get. Default: in the middle; at the first of listed values.
    **sliders : tuple (low, high, n) or list
        A range, of which the site shows n equally spaced values, or the values themselves, such as names.

    Raises
    ------
    ValueError
        If a slider has fewer than two values, or if all positions together are more than the site could show.
    """
    values = {name: _values(name, slider) for name, slider in sliders.items()}
    count = int(np.prod([len(options) for options in values.values()]))
    if count > MAX_FRAMES:
        raise ValueError(f"the sliders have {count} positions together; at most {MAX_FRAMES} are allowed")
    first = {name: _start(sliders[name], options, (start or {}).get(name)) for name, options in values.items()}
    if reader_is_there():
        _live(draw, sliders, first)
    else:
        _still(draw, values, first)


def reader_is_there():
    """Whether the kernel belongs to a front end in which sliders can be moved.

    Jupyter's server names the notebook in the environment of each kernel that a reader opens; kernels that nbclient,
    papermill or nbval start have no such name. Colab and VS Code start kernels in ways of their own.
    """
    shell = get_ipython()
    vscode = shell is not None and "__vsc_ipynb_file__" in shell.user_ns
    return vscode or "google.colab" in sys.modules or "JPY_SESSION_NAME" in os.environ


def _values(name, slider, finer=1):
    """The values of a slider; `finer` steps in place of each one of a range."""
    if isinstance(slider, tuple):
        low, high, n = slider
        values = np.linspace(low, high, finer * (n - 1) + 1).tolist()
    else:
        values = list(slider)
    if len(values) < 2:
        raise ValueError(f"the slider {name!r} needs at least two values")
    return values


def _start(slider, options, wanted):
    """The value at which a slider stands first."""
    if isinstance(slider, tuple):
        wanted = (slider[0] + slider[1]) / 2 if wanted is None else wanted
        return min(options, key=lambda value: abs(value - wanted))
    return options[0] if wanted is None else options[options.index(wanted)]


def _text(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _png(fig, small=False):
    """A figure as PNG, closed; a small one has few colours and fewer pixels."""
    from PIL import Image

    png = io.BytesIO()
    fig.savefig(png, format="png", metadata={"Software": None}, dpi=96 if small else "figure")
    plt.close(fig)
    if small:
        few = Image.open(png, formats=("PNG",)).convert("RGB").quantize(48, kmeans=3)
        few.save(png := io.BytesIO(), "PNG", optimize=True)
    return png.getvalue()


def _still(draw, values, first):
    """One figure with its description, and those of all positions in the metadata."""
    # In the order in which a notebook, whose keys are sorted, keeps the sliders
    values = dict(sorted(values.items(), key=lambda item: item[0].replace("_", " ")))
    ends_only = os.environ.get("DEEPLEARN_FRAMES") == "ends"
    positions = list(product(*values.values()))
    pictures, texts = [], []
    for position in positions[:: len(positions) - 1] if ends_only else positions:
        fig, text = draw(**dict(zip(values, position, strict=True)))
        pictures.append(base64.b64encode(_png(fig, small=True)).decode())
        texts.append(text)
    fig, text = draw(**first)
    metadata = {"image/png": {"alt": text}}
    if not ends_only:
        metadata[FRAMES] = {
            "sliders": {name.replace("_", " "): list(map(_text, options)) for name, options in values.items()},
            "start": [options.index(first[name]) for name, options in values.items()],
            "pictures": pictures,
            "texts": texts,
        }
    display({"image/png": _png(fig), "text/plain": text}, raw=True, metadata=metadata)


def _live(draw, sliders, first):
    """Sliders of ipywidgets over a picture; a picture without sliders for who opens the file without a kernel."""
    import ipywidgets

    controls = {}
    for name, slider in sliders.items():
        options = [(_text(value), value) for value in _values(name, slider, FINER)]
        near = _start(slider, [value for _, value in options], first[name])
        controls[name] = ipywidgets.SelectionSlider(
            options=options, value=near, description=name.replace("_", " "),
            style={"description_width": "initial"}, layout={"width": "30em"},
        )  # fmt: skip
    picture = ipywidgets.HTML()

    def redraw(_=None):
        fig, text = draw(**{name: control.value for name, control in controls.items()})
        png = base64.b64encode(_png(fig)).decode()
        picture.value = f'<img src="data:image/png;base64,{png}" alt="{escape(text)}"><p>{escape(text)}</p>'

    for control in controls.values():
        control.observe(redraw, "value")
    redraw()
    fig, text = draw(**first)
    box = ipywidgets.VBox([*controls.values(), picture])
    view = {"model_id": box.model_id, "version_major": 2, "version_minor": 0}
    display({"application/vnd.jupyter.widget-view+json": view, "image/png": _png(fig), "text/plain": text}, raw=True,
            metadata={"image/png": {"alt": text}})  # fmt: skip
