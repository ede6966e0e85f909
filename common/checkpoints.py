"""What interrupted training goes on from, and how it is told from another training.

A checkpoint knows its data by checksums and its network by its layers. What functions do is not read from their code:
their results are compared, those of the loss and the score (and so of the network) on the validation set, and that of
the loss of a few samples as in training, with augmentation and dropout.
"""

import hashlib
import io
import math
import warnings
import zipfile

import numpy as np
import torch

from common.files import atomic_write

BLOCK = 1 << 26  # bytes of an array that are in memory at once
START = "initial weights"
"""The one setting that may be another: a network that nobody seeded goes on, too, and its owner is told."""
AGREE = {
    "loss or network": (1e-4, 1e-9),
    "score": (1e-2, 1e-2),
    "augmentation, or loss or network in training": (1e-4, 1e-9),
}
"""How well results have to agree, as a share and as a difference: another processor rounds otherwise, and a share of
right answers moves in steps."""


def of_array(values):
    """SHA-256 of the shape, the type and the content of an array or a tensor, which may be a file on disk."""
    shape = tuple(values.shape)
    digest = hashlib.sha256(f"{shape} {str(values.dtype).removeprefix('torch.')}".encode())
    row = max(1, int(np.prod(shape[1:])) * values.dtype.itemsize)
    for i in range(0, len(values), max(1, BLOCK // row)):
        block = values[i : i + max(1, BLOCK // row)]
        if isinstance(block, torch.Tensor):
            block = block.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        digest.update(np.ascontiguousarray(block))
    return digest.hexdigest()


def of_weights(state):
    """SHA-256 of each tensor of a state dict, in which other things may be, too."""
    return [of_array(torch.atleast_1d(value)) for value in state.values() if isinstance(value, torch.Tensor)]


def of_layers(model):
    """The layers of a network in a text, with what PyTorch shows of its own ones; its weights, and which are frozen."""
    shown = []
    for place, layer in model.named_modules():
        if "_orig_mod" in layer._modules:  # the shell of torch.compile
            continue
        of_torch = type(layer).extra_repr.__module__.startswith("torch.")
        shown.append(f"{place} {layer._get_name()} {layer.extra_repr() if of_torch else ''}")
    frozen = [f"{name} is not trained" for name, value in model.named_parameters() if not value.requires_grad]
    state = model.state_dict().items()
    shapes = [f"{name} {tuple(getattr(value, 'shape', ()))}" for name, value in state]
    types = {value.dtype for _, value in state if isinstance(value, torch.Tensor) and value.is_floating_point()}
    return shown + frozen + shapes + sorted(f"has numbers of {dtype}" for dtype in types - {torch.float32})


def save(path, settings, model, optimizer, schedule, history, best, as_trained):
    """Write what training goes on from; `settings` and `as_trained` are what it is known by."""
    state = dict(
        settings=settings, history=history, best=best, as_trained=as_trained,
        model=model.state_dict(), optimizer=optimizer.state_dict(), schedule=schedule.state_dict(),
    )
    content = io.BytesIO()  # when torch writes a file itself, it does not say that the disk is full
    torch.save(state, content)
    with atomic_write(path) as temporary:
        temporary.write_bytes(content.getbuffer())


def load(path, settings, model, optimizer, schedule):
    """Put what was stored into model, optimizer and schedule; the history, the best weights and the loss `as_trained`.

    Warns where the network had other initial weights.

    Raises
    ------
    ValueError
        The file is damaged, or of a training with other settings.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if damaged := archive.testzip():  # torch compares no checksums
                raise ValueError(f"{damaged} has another checksum")
        state = torch.load(path, map_location="cpu", weights_only=True)
        stored = state["settings"]
        differences = [
            f"{name} = {stored.get(name)}, not {value}" if isinstance(value, int | float) else f"another {name}"
            for name, value in settings.items() if name != START and stored.get(name) != value
        ]
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ValueError(f"{path} is not a checkpoint of fit(), or a damaged one: give another file") from error
    if differences or stored.keys() != settings.keys():
        raise _another_training(path, "; ".join(differences) or "other settings")
    try:
        history, best, as_trained = state["history"], state["best"], state["as_trained"]
        lengths = {len(history[name]) for name in ("train_loss", "valid_loss", "valid_score")}
        if len(lengths) > 1 or not 0 <= history["best_epoch"] < max(lengths):
            raise ValueError("its history has epochs without a loss or a score")
        for part, given in (("model", model), ("optimizer", optimizer), ("schedule", schedule)):
            given.load_state_dict(state[part])
    except Exception as error:  # somebody has changed it, or it is of another release of torch
        raise ValueError(f"{path} is not a checkpoint of fit(), or a damaged one: give another file") from error
    if settings[START] not in (stored[START], of_weights(state["model"]), of_weights(best)):
        warnings.warn(
            f"{path}: training goes on from the weights in there, which began as others than those given. Seed torch "
            "before the network is built; for a network with another seed give another file", stacklevel=2,
        )  # fmt: skip
    return history, best, as_trained


def compare(path, stored, found):
    """Raise ValueError where results are not what they were.

    Parameters
    ----------
    stored, found : sequence of float or None
        As the checkpoint was written, and of its weights now: loss and score of the validation set, and the loss of a
        few samples as in training, None where it cannot be known.
    """
    for (what, (share, difference)), before, now in zip(AGREE.items(), stored, found, strict=True):
        if None not in (before, now) and not math.isclose(before, now, rel_tol=share, abs_tol=difference):
            raise _another_training(path, f"another {what} ({now:.6g}, and {before:.6g} when it was stored)")


def _another_training(path, difference):
    return ValueError(
        f"{path} belongs to a training with {difference}: delete it to start again, or give another file"
    )
