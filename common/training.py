"""Training a network: one short loop that every notebook uses.

The loop runs on Lightning Fabric, so the same call trains on a CPU, on one GPU or on several
devices; nothing in it is specific to a challenge.
"""

import ctypes
import math
import os
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import lightning_fabric
import numpy as np
import torch
from lightning_fabric import Fabric

from common import checkpoints
from common.datasets import Dataset, check_n
from common.files import check_writable
from common.progress import in_notebook, progress_bar

FEW = 32  # samples by which a checkpoint knows how the training calculates
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from malloc.h


def seed_everything(seed):
    """Seed Python, NumPy and torch, and ask torch for deterministic algorithms."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    lightning_fabric.seed_everything(seed, verbose=False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def keep_memory():
    """Let the C library keep large blocks that were freed, instead of giving them back to the system at once.

    Each step of training allocates the same blocks again. Taken from the system they come as fresh pages, each of
    which is cleared and mapped first: on a CPU that costs convolutions up to a third of their time. Nothing else
    changes; where the library is not glibc, nothing at all does. `fit` calls this.

    References
    ----------
    The GNU C Library Reference Manual, "Malloc Tunable Parameters".
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", lambda parameter, value: 0)
        mallopt(M_MMAP_THRESHOLD, 32 << 20)  # bytes: the most that glibc takes
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


@dataclass
class History:
    """What happened in each epoch.

    Attributes
    ----------
    train_loss, valid_loss : list of float
        Mean loss of an epoch's batches (with dropout and augmentation) and of the validation set.
    valid_score : list of float
        Higher is better; minus the validation loss where no score was given.
    best_epoch : int
        Index of the epoch whose weights were kept.
    """

    train_loss: list[float] = field(default_factory=list)
    valid_loss: list[float] = field(default_factory=list)
    valid_score: list[float] = field(default_factory=list)
    best_epoch: int = -1

    def __len__(self):
        return len(self.train_loss)

    @property
    def best_score(self):
        return self.valid_score[self.best_epoch]


def fit(
    model,
    train,
    valid,
    *,
    loss,
    score=None,
    epochs=20,
    batch_size=256,
    lr=1e-3,
    weight_decay=1e-2,
    patience=None,
    augment=None,
    seed=0,
    checkpoint=None,
    devices=1,
    accelerator="auto",
    precision="32-true",
    progress=True,
):
    """Train a model and leave the weights of its best epoch in it.

    AdamW with a one-cycle learning rate. The order of the samples and torch's random numbers in an
    epoch follow from (seed, epoch), so training that was interrupted goes on from its checkpoint to
    the same result.

    Parameters
    ----------
    model : torch.nn.Module
        Maps a batch of X to predictions.
    train, valid : tuple (X, y), or Dataset
        Tensors, arrays or pandas objects with one sample a row, whatever their index; X may be memory-mapped. y is
        what `loss` takes: floating-point numbers for `binary_cross_entropy_with_logits`. Those of 64 bits become 32
        bits a batch, unless the model has 64.
    loss : callable (predictions, y) -> scalar tensor
    score : callable (y, predictions) -> float, optional
        On NumPy arrays of the whole validation set, higher is better; it selects the best epoch.
        Default: minus the validation loss.
    epochs, batch_size : int
        `batch_size` is per device.
    lr : float
        Peak learning rate of the one-cycle schedule.
    weight_decay : float
        That of AdamW: weights shrink by lr * weight_decay of their size in each step.
    patience : int, optional
        Stop after so many epochs without a better score, at least 1. Default: never.
    augment : callable X -> X, optional
        Applied to each training batch (a tensor on the device of the model).
    seed : int
        Seed of the order of the samples, dropout and augmentation. The initial weights are the model's.
    checkpoint : path-like, optional
        Written after each epoch; when it is there, training goes on from it. Another training is refused, and so is
        a damaged file: with other data, layers or settings, with a network, a loss or a score that give the
        validation set other values than they did, or, in training, a few samples. (So a loss
        that changes from call to call cannot go on.) One whose network had other weights at the start goes on with
        a warning: it goes on from those stored.
    devices : int
        Several devices are several processes, which get copies of all arguments: outside notebooks
        these must be picklable, and the call must be under ``if __name__ == "__main__"``.
    accelerator : {"auto", "cpu", "gpu", ...}
    precision : str
        As in Lightning Fabric: "32-true", "bf16-mixed", "16-mixed".
    progress : bool

    Returns
    -------
    History

    Raises
    ------
    ValueError
        X and y differ in length or hold no numbers, a set is empty, the checkpoint is damaged or belongs to another
        training, or the loss or the score is not a number.
    OSError
        The checkpoint cannot be written.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019 (AdamW).
    Smith and Topin, "Super-convergence", arXiv:1708.07120 (one cycle).
    """
    train, valid = _pair("train", train), _pair("valid", valid)
    epochs, batch_size, devices = (
        check_n(value, name)
        for name, value in [("epochs", epochs), ("batch_size", batch_size), ("devices", devices)]
    )
    if patience is not None:
        check_n(patience, "patience")
    # Several devices are several processes. They start as copies of a notebook (which cannot be
    # imported by a new process), or as new processes elsewhere.
    if devices == 1:
        strategy = "auto"
    else:
        strategy = "ddp_notebook" if in_notebook() else "ddp_spawn"
    fabric = Fabric(accelerator=accelerator, devices=devices, strategy=strategy, precision=precision)
    network = getattr(model, "_orig_mod", model)  # which torch.compile wraps: the weights have other names in it
    _give_shapes(network, train[0], precision)
    if checkpoint is not None:
        checkpoint = Path(checkpoint).expanduser()
        check_writable(checkpoint)  # now, and not after the first epoch
    known = {} if checkpoint is None else _known(train, valid, network)
    with tempfile.TemporaryDirectory() as folder:
        # Through a file: the pipe between processes holds 64 kB, and its writer waits for a reader that waits for it.
        trained = Path(folder, "trained.pt")
        fabric.launch(
            _train, trained, model, train, valid, loss=loss, score=score, epochs=epochs, batch_size=batch_size, lr=lr,
            weight_decay=weight_decay, patience=patience, augment=augment, seed=seed, checkpoint=checkpoint,
            known=known, precision=precision, progress=progress,
        )
        weights, history = torch.load(trained, weights_only=True)
    network.cpu().load_state_dict(weights)
    model.eval()
    return History(**history)


def _train(
    fabric, trained, model, train, valid, *, loss, score, epochs, batch_size, lr, weight_decay, patience,
    augment, seed, checkpoint, known, precision, progress,
):
    """The loop of `fit`, on each device: the best weights and the history go to the file `trained`."""
    keep_memory()
    narrow = _is_narrow(model, precision)
    rank, n_ranks = fabric.global_rank, fabric.world_size
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay)
    model, optimizer = fabric.setup(model, optimizer)
    n_steps = math.ceil(len(train[0]) / (batch_size * n_ranks))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=epochs * n_steps)
    history, best = History(), None
    if checkpoint is not None:
        settings = dict(
            epochs=epochs, batch_size=batch_size, lr=float(lr), weight_decay=float(weight_decay), seed=int(seed),
            devices=n_ranks, precision=precision, **known,
        )
        few = [values[np.arange(min(batch_size, FEW, len(values)))] for values in train]
    evaluate = partial(_evaluate, fabric, model, valid, loss, score, 4 * batch_size, narrow)
    if checkpoint is not None and os.path.exists(checkpoint):
        stored, best, as_trained = checkpoints.load(checkpoint, settings, model, optimizer, schedule)
        history = History(**stored)
        before = history.valid_loss[-1], history.valid_score[-1], as_trained.get(fabric.device.type)
        now = *evaluate(), _loss_as_trained(fabric, model, few, loss, augment, narrow)
        checkpoints.compare(checkpoint, before, now)

    bar = progress_bar(total=epochs, desc="training", unit="epoch", disable=not progress or rank > 0)
    bar.update(len(history))
    for epoch in range(len(history), epochs):
        if patience is not None and epoch - history.best_epoch > patience:
            break
        torch.manual_seed(int(np.random.SeedSequence([seed, epoch, rank]).generate_state(1)[0]))
        order = np.random.default_rng([seed, epoch]).permutation(len(train[0]))  # equal on all ranks
        batches = np.array_split(order, n_steps)  # of nearly equal size: none has one row only
        total = _train_epoch(fabric, model, train, batches, loss, augment, optimizer, schedule, narrow)
        valid_loss, valid_score = evaluate()
        valid_score = fabric.broadcast(valid_score)  # all devices stop in the same epoch
        if not np.isfinite([total, valid_loss]).all():
            raise ValueError(
                f"the loss is {total / n_steps} in training and {valid_loss} in validation in epoch "
                f"{epoch}: try a smaller lr, or look for NaN in X"
            )
        if not np.isfinite(valid_score):
            raise ValueError(
                f"the score is {valid_score} in epoch {epoch}, and must be a number: "
                "look at what it needs of the validation set (AUC, say, needs both classes)"
            )
        history.train_loss.append(total / n_steps)
        history.valid_loss.append(valid_loss)
        history.valid_score.append(valid_score)
        if history.best_epoch < 0 or history.valid_score[-1] > history.best_score:
            history.best_epoch = epoch
            best = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        if checkpoint is not None:
            as_trained = {fabric.device.type: _loss_as_trained(fabric, model, few, loss, augment, narrow)}
            if rank == 0:
                checkpoints.save(checkpoint, settings, model, optimizer, schedule, asdict(history), best, as_trained)
        bar.set_postfix_str(f"best validation score {history.best_score:.3f}")
        bar.update(1)
    bar.close()
    if rank == 0:
        torch.save((best, asdict(history)), trained)
    if n_ranks > 1:
        # Gloo's threads, if still there when the interpreter ends, can abort the process.
        fabric.barrier()
        torch.distributed.destroy_process_group()


def _train_epoch(fabric, model, train, batches, loss, augment, optimizer, schedule, narrow):
    """A step of the optimizer for each batch, of which every device takes its part; the sum of the losses."""
    rank, n_ranks = fabric.global_rank, fabric.world_size
    model.train()
    total = 0.0
    for rows in batches:
        rows = rows[rank::n_ranks] if len(rows) >= n_ranks else rows
        X, y = (fabric.to_device(_tensor(values[rows], narrow)) for values in train)
        batch_loss = loss(model(X if augment is None else augment(X)), y)
        optimizer.zero_grad()
        fabric.backward(batch_loss)
        optimizer.step()
        schedule.step()
        total += batch_loss.item()
    return total


def _loss_as_trained(fabric, model, few, loss, augment, narrow):
    """The loss of a few samples (X, y) in training; None where the same numbers of torch do not give it twice."""
    X, y = (fabric.to_device(_tensor(values, narrow)) for values in few)
    buffers, found = [value.clone() for value in model.buffers()], []
    model.train()
    with torch.random.fork_rng([fabric.device] if fabric.device.type == "cuda" else []):
        for _ in range(2):
            torch.manual_seed(0)
            found.append(loss(model(X if augment is None else augment(X.clone())), y).item())
            for value, before in zip(model.buffers(), buffers, strict=True):  # such as the means of batches
                value.data.copy_(before)
    return found[0] if math.isclose(*found, rel_tol=1e-5) else None  # a graphics card sums in any order


def _evaluate(fabric, model, valid, loss, score, batch_size, narrow):
    """Loss and score of the validation set, with random numbers of its own for a network or a loss that draws some."""
    with torch.random.fork_rng([fabric.device] if fabric.device.type == "cuda" else []):
        torch.manual_seed(0)
        predictions = _predict(fabric, model, valid[0], batch_size, narrow)
        y = np.asarray(valid[1])
        valid_loss = loss(predictions, _tensor(y, narrow)).item()
        return valid_loss, -valid_loss if score is None else float(score(y, predictions.numpy()))


def _pair(name, data):
    """X and y of a data set, both with a row a sample and of numbers."""
    if isinstance(data, Dataset):
        data = data.X, data.y
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ValueError(f"{name} must be a pair (X, y) or a Dataset, not {type(data).__name__}")
    X, y = (_numbers(f"{name} {what}", values) for what, values in zip("Xy", data, strict=True))
    if len(X) != len(y) or not len(X):
        raise ValueError(f"{name}: {len(X)} samples and {len(y)} labels")
    return X, y


def _numbers(name, values):
    """Tensors and arrays as they are, pandas objects and lists as arrays; ValueError where they hold no numbers."""
    texts = _columns_of_texts(values)
    if values is None:
        raise ValueError(f"{name}: there is none")
    if hasattr(values, "to_numpy"):  # to a pandas object, [3] means a label, not a row
        array = values.to_numpy()
        if array.dtype == object and not texts:  # columns of several types, or missing values
            array = values.to_numpy(dtype=np.float64, na_value=np.nan)
        values = array
    elif isinstance(values, list | tuple):
        values = np.asarray(values)
    if np.ma.is_masked(values):  # what lies below its mask is no number
        raise ValueError(f"{name}: some values are masked; give numbers in place of them: array.filled(value)")
    if isinstance(values, torch.Tensor):
        return values
    if getattr(values, "ndim", 0) < 1 or values.dtype.kind not in "biufc":
        what = f"{values.dtype} values" if hasattr(values, "dtype") else type(values).__name__
        where = f" (columns {', '.join(texts)})" if texts else ""
        raise ValueError(f"{name}: expected numbers, one sample a row, not {what}{where}: encode texts as numbers")
    return values


def _columns_of_texts(table):
    """The first few columns of a pandas object that hold no numbers."""
    table = table.to_frame() if hasattr(table, "to_frame") else table
    if not hasattr(table, "select_dtypes"):
        return []
    return list(map(str, table.select_dtypes(exclude=["number", "bool"]).columns[:5]))


def _give_shapes(model, X, precision):
    """Let lazy layers see a sample: before, their weights have no shapes to know the model by."""
    if any(map(torch.nn.parameter.is_lazy, [*model.parameters(), *model.buffers()])):
        with torch.no_grad():
            model.cpu().eval()(_tensor(X[:1], _is_narrow(model, precision)))


def _is_narrow(model, precision):
    """Whether the model calculates with 32 bits or fewer: it takes no numbers of 64, which pandas makes."""
    return not precision.startswith("64") and all(value.dtype != torch.float64 for value in model.parameters())


def _tensor(values, narrow):
    """A tensor; of an array a copy, which torch may write to even where the array is a read-only file."""
    tensor = values if isinstance(values, torch.Tensor) else torch.from_numpy(np.array(values))
    return tensor.float() if narrow and tensor.dtype == torch.float64 else tensor


def _predict(fabric, model, X, batch_size, narrow):
    model.eval()
    with torch.inference_mode():
        parts = [
            model(fabric.to_device(_tensor(X[i : i + batch_size], narrow))).float().cpu()
            for i in range(0, len(X), batch_size)
        ]
    return torch.cat(parts)


def predict(model, X, *, batch_size=4096, accelerator="auto", precision="32-true"):
    """Predictions of a trained model as a NumPy array.

    Parameters
    ----------
    model : torch.nn.Module
    X : tensor, array or pandas object of shape (n, ...)
    batch_size : int
    accelerator, precision : str
        As in `fit`.

    Returns
    -------
    ndarray of float32, shape (n, ...)
    """
    X, narrow = _numbers("X", X), _is_narrow(model, precision)
    fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)
    predictions = _predict(fabric, fabric.setup(model), X, batch_size, narrow).numpy()
    model.cpu()
    return predictions


def _known(train, valid, model):
    """What a checkpoint knows its training by, besides numbers."""
    return {
        "training set": [checkpoints.of_array(values) for values in train],
        "validation set": [checkpoints.of_array(values) for values in valid],
        "model": checkpoints.of_layers(model),
        checkpoints.START: checkpoints.of_weights(model.state_dict()),
    }
