"""What the notebook would be cluttered with: reading pages, learning from them, and figures."""

import copy

import numpy as np
import torch

from common.progress import progress_bar
from common.training import History, keep_memory
from RenAIssance import lines as geometry
from RenAIssance import metrics, scan, simulate, transcription
from RenAIssance.language import beam_search
from RenAIssance.model import log_probabilities, read
from RenAIssance.train import ruled, step


def cut(dataset):
    """The lines of each page of a data set of pages, as the network wants them: list of list of (36, width) arrays."""
    pages = []
    for page, (height, width) in zip(dataset.X, dataset.meta["size"], strict=True):
        images, found = scan.line_images(page[:height, :width])
        pages.append([geometry.normalise(image, found.x_height) for image in images])
    return pages


def transcribe(model, pages, language=None, weight=0.2):
    """Read pages that `cut` has cut.

    Parameters
    ----------
    model : RenAIssance.model.Reader
    pages : list of list of ndarray
    language : LanguageModel, optional
        Without one, decoding is greedy.
    weight : float
        Of the language model.

    Returns
    -------
    list of list of str
        Lines of each page.
    """
    flat = [line for page in pages for line in page]
    if language is None:
        texts = read(model, flat)
    else:
        texts = [beam_search(log_p, language, weight) for log_p in log_probabilities(model, flat)]
    ends = np.cumsum([len(page) for page in pages])[:-1]
    return [list(part) for part in np.split(np.array(texts, dtype=object), ends)]


def joined(pages):
    """Pages of lines as texts with line feeds."""
    return ["\n".join(page) for page in pages]


def learning_lines(pages, texts, readings):
    """Lines whose text is known: those of transcribed pages, aligned; doubtful ones are left out.

    Parameters
    ----------
    pages : list of list of ndarray
        From `cut`.
    texts : list of str
        Their transcription.
    readings : list of list of str
        What the shipped reader makes of them.

    Returns
    -------
    lines : list of ndarray
    texts : list of str
    errors : ndarray
        Of all lines, kept or not: how far text and reading differ.
    """
    kept, errors = [], []
    for images, text, reading in zip(pages, texts, readings, strict=True):
        aligned = transcription.align(transcription.simplified(text), reading)
        errors += [line.error for line in aligned]
        kept += [(image, line.text) for image, line in zip(images, aligned, strict=True) if not line.doubtful]
    return [image for image, _ in kept], [text for _, text in kept], np.array(errors)


def adapt(model, lines, texts, valid, *, epochs=6, batch=8, lr=2e-3, simulated=0, rules=0.2, kept=0.1,
          seed=0, progress=True):
    """Train a reader further on lines of one book; the model that is given stays as it is.

    Parameters
    ----------
    model : Reader
    lines : list of ndarray of uint8, shape (36, width)
    texts : list of str
    valid : tuple (lines, texts)
        Looked at after each epoch, never learned from.
    epochs, batch : int
    lr : float
        Of AdamW, at the start; it falls to 0 as a cosine.
    simulated : int
        Simulated lines that are mixed in, so that rare characters are not forgotten.
    rules : float
        Share of the lines that get a piece of a rule beside them; see `train.ruled`.
    kept : float
        Share of the given weights in those of the result, which is their mean with the learned ones: few lines teach a
        reader their own noise, too.
    seed : int

    Returns
    -------
    model : Reader
    History
        Its validation score is minus the character error rate.

    References
    ----------
    M. Wortsman et al., Proc. CVPR 2022, arXiv:2109.01903 (means of weights before and after fine-tuning).
    """
    if not len(lines) or len(lines) != len(texts):
        raise ValueError(f"{len(lines)} lines and {len(texts)} texts: give one text a line, and at least one")
    torch.manual_seed(seed)
    keep_memory()
    rng = np.random.default_rng(seed)
    if simulated:
        more = simulate.lines(simulated, (seed, 77))
        lines = list(lines) + [x[:, :w] for x, w in zip(more.X, more.meta["width"], strict=True)]
        texts = list(texts) + more.y
    given, model = model.state_dict(), copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=1e-2)
    n_batches = -(-len(lines) // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * n_batches)
    history = History()
    with progress_bar(total=epochs * n_batches, desc="adapting", unit="batch", disable=not progress) as bar:
        for epoch in range(epochs):
            # Lines of like width together, in a new random order each time.
            width = np.array([line.shape[1] for line in lines]) * rng.uniform(0.97, 1.03, len(lines))
            batches = np.array_split(np.argsort(width), n_batches)
            rng.shuffle(batches := list(batches))
            losses = []
            for rows in batches:
                images = [ruled(lines[i], rng) if rng.random() < rules else lines[i] for i in rows]
                losses.append(step(model, optimizer, images, [texts[i] for i in rows], rng))
                schedule.step()
                bar.update(1)
            history.train_loss.append(float(np.mean(losses)))
            history.valid_score.append(-metrics.error_rates(valid[1], read(model, valid[0]))["CER"])
            history.best_epoch = epoch  # the last: three pages are too few to choose by
    mixed = {name: torch.lerp(value, given[name], kept) if value.is_floating_point() else value
             for name, value in model.state_dict().items()}
    model.load_state_dict(mixed)
    return model.eval(), history


def best_and_worst(truth, readings, n=3):
    """The n lines that differ most from their truth: list of (true, read), worst first."""
    def errors(pair):
        return metrics.error_rates([pair[0]], [pair[1]])["CER"]

    pairs = [pair for pair in zip(truth, readings, strict=True) if metrics.diplomatic(pair[0])]
    return sorted(pairs, key=errors, reverse=True)[:n]


def confusion_figure(table, n=10):
    """A bar for each of the n most frequent confusions of characters."""
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(5, 2.8))
    shown = {" ": "space", "": "nothing"}
    top = sorted(table.items(), key=lambda item: (-item[1], item[0]))[:n]
    names = [f"{shown.get(a, a)} as {shown.get(b, b)}" for (a, b), _ in top]
    ax.barh(range(len(top)), [count for _, count in top], color="C0")
    ax.set(yticks=range(len(top)), yticklabels=names, xlabel="times")
    ax.invert_yaxis()
    return fig, ax


def picture(axes):
    """Corners of simulated pages, one on each of the axes."""
    from RenAIssance import pages

    sheets = pages.spreads(3, seed=2)
    for ax, sheet in zip(axes, sheets.X, strict=True):
        height, width = sheet.shape
        ax.imshow(sheet[height // 8 : height // 8 + width // 5, width // 8 : width // 8 + width // 5], cmap="copper")
