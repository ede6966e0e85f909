"""Pages on which a visitor does the task of a challenge and sees the model do it: no kernel, no network, no package.

A challenge has such a page when its folder holds three files:

    demo.html    what the page says, in the words of a body of HTML
    demo.js      what it does, in plain JavaScript on top of common/templates/demo.js
    demo.py      `data(quick)`: what it needs, a dict for JSON; networks by `layers`, arrays by `numbers`;
                 "expected" in it is what Python predicts for some samples: `demo.predicted(i)` must be the same

The networks of the lessons are small, so the page evaluates them itself: weights are written out in single precision,
and `demo.network` in demo.js does what torch does. A model is trained by the lesson's own functions at the lesson's own
settings when the site is built for the first time, and kept in the data folder until a line of their code changes.
"""

import base64
import hashlib
import importlib
import json

import numpy as np
from torch import nn

from common import official
from common.challenge import FOLDERS, ROOT
from common.files import atomic_write

SHARED = ("demo.py", "layers.py", "training.py")  # of common: what a model is made with, besides its own folder


def names():
    """The challenges that have a page."""
    return [name for name in FOLDERS if (ROOT / name / "demo.py").is_file()]


def script(name, quick=False):
    """The data of a page as a script, which can be read from a disk as well as from a server.

    Parameters
    ----------
    name : str
        Of a challenge.
    quick : bool
        Train for seconds only: for tests.

    Returns
    -------
    str
        ``window.DATA = {...};``
    """
    place = official.data_home() / "demos" / f"{name}-{_key(name)}{'-quick' if quick else ''}.js"
    if not place.is_file():
        print(f"{name}: making what its page to try needs; kept in {place.parent}", flush=True)
        found = importlib.import_module(f"{name}.demo").data(quick)
        text = json.dumps(found, separators=(",", ":"), allow_nan=False)
        with atomic_write(place) as temporary:
            temporary.write_text(f"window.DATA = {text};\n", "utf-8")
    return place.read_text("utf-8")


def _key(name):
    """Sixteen digits that change with the code of a challenge and with what trains its models."""
    sources = [*sorted((ROOT / name).glob("*.py")), *(ROOT / "common" / shared for shared in SHARED)]
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def numbers(array):
    """An array for `demo.array` of demo.js: shape, type and bytes; float32, or uint8 where it has that type."""
    array = np.asarray(array)
    kind = "u1" if array.dtype == np.uint8 else "<f4"
    text = base64.b64encode(np.ascontiguousarray(array, kind).tobytes()).decode()
    return {"shape": list(array.shape), "type": kind[-2:], "base64": text}


def layers(module):
    """A network as a list of layers for `demo.network` of demo.js, as it predicts: without dropout.

    Parameters
    ----------
    module : torch.nn.Module
        One of the layers below, or an nn.Sequential of them.

    Raises
    ------
    ValueError
        A layer that demo.js does not know.
    """
    name = type(module).__name__
    if isinstance(module, nn.Sequential):
        return [layer for child in module for layer in layers(child)]
    if isinstance(module, nn.Dropout):
        return []
    if isinstance(module, nn.ReLU | nn.SiLU | nn.Tanh | nn.Flatten) or name == "Around":  # of Exoplanet
        return [{"kind": name}]
    if isinstance(module, nn.Linear):
        return [{"kind": name, "weight": _weights(module.weight), "bias": _weights(module.bias)}]
    if isinstance(module, nn.LayerNorm):
        return [{"kind": name, "weight": _weights(module.weight), "bias": _weights(module.bias), "eps": module.eps}]
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return [_batch_norm(module)]
    if isinstance(module, nn.Conv2d) and module.groups == 1:
        bias = None if module.bias is None else _weights(module.bias)
        return [{"kind": name, "weight": _weights(module.weight), "bias": bias, "stride": list(module.stride),
                 "padding": list(module.padding), "dilation": list(module.dilation)}]  # fmt: skip
    if isinstance(module, nn.MaxPool2d):
        size = module.kernel_size
        return [{"kind": name, "size": list(size) if isinstance(size, tuple) else [size, size]}]
    if isinstance(module, nn.PixelUnshuffle):
        return [{"kind": name, "factor": module.downscale_factor}]
    if isinstance(module, nn.PixelShuffle):
        return [{"kind": name, "factor": module.upscale_factor}]
    if name == "Residual":  # of StrongLensing
        return [{"kind": name, "layers": layers(module.layers)}]
    raise ValueError(f"demo.js does not know the layer {name}: write it there and here, or export its parts")


def _weights(parameter):
    return numbers(parameter.detach().numpy())


def _batch_norm(module):
    """Normalisation by the statistics of training: a factor and a shift for each channel."""
    scale = (module.running_var + module.eps).rsqrt()
    if module.affine:
        scale = scale * module.weight
    shift = -module.running_mean * scale
    if module.affine:
        shift = shift + module.bias
    return {"kind": "Scale", "scale": _weights(scale), "shift": _weights(shift)}
