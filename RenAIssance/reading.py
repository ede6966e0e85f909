"""From a page to its text: cut into lines, read each of them, join them."""

import numpy as np

from RenAIssance import lines as geometry
from RenAIssance import scan
from RenAIssance.language import beam_search
from RenAIssance.model import log_probabilities, read


def cut(dataset, threshold=0.62):
    """The lines of each page of a data set of pages, as the network wants them: list of list of (36, width) arrays.

    The threshold is that of `scan.ink`.
    """
    pages = []
    for page, (height, width) in zip(dataset.X, dataset.meta["size"], strict=True):
        images, found = scan.line_images(page[:height, :width], threshold)
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
        Weight of the language model's log-probabilities.

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
