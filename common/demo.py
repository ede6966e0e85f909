"""Pages on which a visitor does the task of a challenge and sees the model do it: no kernel, no network, no package.

A challenge has such a page when its folder holds three files:

    demo.html    what the page says, in the words of a body of HTML
    demo.js      what it does, in plain JavaScript on top of common/templates/demo.js
    demo.py      `data(quick)`: what it needs, a dict for JSON; networks by `layers`, arrays by `numbers`;
                 "expected" in it is what Python predicts for some samples: `demo.predicted(i)` must be the same;
                 "networks" in it, which the page does not get, has a network, samples and a description for each
                 ONNX file

The networks of the lessons are small, so the page evaluates them itself: weights are written out in single precision,
and `demo.network` in demo.js does what torch does. A model is trained by the lesson's own functions at the lesson's own
settings when the site is built for the first time, and kept in the data folder until a line of their code changes.

    python -m common.demo FOLDER [CHALLENGE ...]

writes the same networks as ONNX files, for programs of other languages; it needs the extra `onnx`.
"""

import argparse
import base64
import hashlib
import importlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from common import official
from common.challenge import FOLDERS, ROOT
from common.files import atomic_write, check_writable, in_words

SHARED = ("demo.py", "layers.py", "training.py")  # of common: what a model is made with, besides its own folder


def names():
    """The challenges that have a page."""
    return [name for name in FOLDERS if (ROOT / name / "demo.py").is_file()]


def script(name, quick=False):
    """The data of a page as a script, which can be read from a disk as well as from a server.

    Parameters
    ----------
    name : str
        Folder of a challenge.
    quick : bool
        Train for seconds only: for tests.

    Returns
    -------
    str
        ``window.DATA = {...};``
    """
    place = _place(name, quick)
    kept = _kept(place)
    if kept is None:
        _make(name, quick)
        kept = _kept(place)
    return kept


def _kept(place):
    """The script in a file of the data folder, whose first line is its checksum; None if missing or damaged."""
    try:
        digest, _, text = place.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if digest.decode(errors="replace") == hashlib.sha256(text).hexdigest():
        return text.decode()
    warnings.warn(f"{place} is damaged; it is left out and made again", stacklevel=2)
    return None


def _make(name, quick):
    """Train what a page needs, keep its data, and return its networks."""
    place = _place(name, quick)
    check_writable(place)
    print(f"{name}: making what its page to try needs; kept in {place.parent}", flush=True)
    found = importlib.import_module(f"{name}.demo").data(quick)
    networks = found.pop("networks", {})
    text = f"window.DATA = {json.dumps(found, separators=(',', ':'), allow_nan=False)};\n".encode()
    with atomic_write(place) as temporary:
        temporary.write_bytes(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
    return networks


def _place(name, quick):
    return official.data_home() / "demos" / f"{name}-{_key(name)}{'-quick' if quick else ''}.js"


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
    of_challenge = f"{type(module).__module__}.{name}"  # another class of this name is another layer
    if isinstance(module, nn.Sequential):
        return [layer for child in module for layer in layers(child)]
    if isinstance(module, nn.Dropout):
        return []
    if isinstance(module, nn.ReLU | nn.SiLU | nn.Tanh | nn.Flatten) or of_challenge == "Exoplanet.model.Around":
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
    if of_challenge == "StrongLensing.restoration.Residual":
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


# --------------------------------------------------------------------------------------------------
# ONNX


def export(name, folder, quick=False):
    """Write the networks of a page as ONNX files.

    The data of the page are made anew, so that both have the same weights.

    Parameters
    ----------
    name : str
        Folder of a challenge.
    folder : path-like
    quick : bool
        Train for seconds only: for tests.

    Returns
    -------
    dict
        Path of a file -> samples that were compared.

    Raises
    ------
    ValueError
        ONNX Runtime and torch differ by more than 1e-4 for one of ten samples.
    """
    onnx, onnxruntime, _ = map(importlib.import_module, ("onnx", "onnxruntime", "onnxscript"))  # the extra `onnx`
    written = {}
    for file, (module, samples, about) in _make(name, quick).items():
        path, samples = Path(folder, f"{file}.onnx"), [torch.from_numpy(x[None]) for x in samples[:10]]
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_onnx(module.eval(), samples[0], path)
        model = onnx.load(path)
        model.doc_string = about
        onnx.save(model, path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        with torch.inference_mode():
            off = max(abs(session.run(None, {"x": x.numpy()})[0] - module(x).numpy()).max() for x in samples)
        if not off <= 1e-4:
            path.unlink()
            raise ValueError(f"{path}: ONNX Runtime and torch differ by {off:.1g}, expected at most 1e-4: not written")
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, differs from torch by {off:.0e}. {about}", flush=True)
        written[path] = [x.numpy() for x in samples]
    return written


def _write_onnx(module, x, path):
    """Export with any number of samples, and with lines of any width if the network is recurrent."""
    names = {"input_names": ["x"], "output_names": ["y"]}
    if any(isinstance(part, nn.LSTM) for part in module.modules()):
        # The newer exporter writes out every step of an LSTM
        axes = {"x": {0: "n", 2: "width"}, "y": {0: "n", 1: "steps"}}
        torch.onnx.export(module, (x,), path, dynamo=False, dynamic_axes=axes, **names)
    else:
        any_number = ({0: torch.export.Dim.DYNAMIC},)
        two = torch.cat([x, x])  # a single sample would be taken for the only number
        torch.onnx.export(module, (two,), path, dynamo=True, dynamic_shapes=any_number, external_data=False,
                          verbose=False, **names)  # fmt: skip


def main(argv=None):
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m common.demo", description="Write networks of the pages as ONNX.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("challenges", nargs="*", help="default: all that have a network")
    args = parser.parse_args(argv)
    if unknown := set(args.challenges) - set(names()):
        parser.error(f"no challenge {', '.join(sorted(unknown))}: choose from {', '.join(names())}")
    try:
        args.folder.mkdir(parents=True, exist_ok=True)  # before minutes of training
        for name in args.challenges or names():
            if not export(name, args.folder):
                print(f"{name}: no network of torch. A circuit can be written as OpenQASM: QuantumML.qasm.write")
    except ModuleNotFoundError as error:
        print(f"{error}: pip install -c requirements.txt -e '.[onnx]'", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(in_words(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
