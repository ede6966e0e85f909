"""From a page to its text: cut into lines, read each of them, join them."""

from xml.etree import ElementTree

import numpy as np

from RenAIssance import lines as geometry
from RenAIssance import scan
from RenAIssance.language import beam_search
from RenAIssance.model import log_probabilities, read

ALTO = "http://www.loc.gov/standards/alto/ns-v4#"


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


def alto(found, texts):
    """A page that has been read as ALTO XML, which editors of old books open beside the scan: str.

    Parameters
    ----------
    found : RenAIssance.scan.Layout
    texts : list of str
        What was read in each of its lines.

    Returns
    -------
    str
        One text block; of each line its box, its outline and its baseline in pixels of the scan, and its text.

    References
    ----------
    Library of Congress, ALTO 4: Technical Metadata for Layout and Text Objects.
    """
    height, width = found.level.shape
    root = ElementTree.Element("alto", xmlns=ALTO)
    ElementTree.SubElement(ElementTree.SubElement(root, "Description"), "MeasurementUnit").text = "pixel"
    layout = ElementTree.SubElement(root, "Layout")
    page = ElementTree.SubElement(
        layout, "Page", ID="page", PHYSICAL_IMG_NR="1", WIDTH=str(width), HEIGHT=str(height)
    )
    block = ElementTree.SubElement(ElementTree.SubElement(page, "PrintSpace"), "TextBlock", ID="text")
    for number, ((left, top, right, bottom), text) in enumerate(zip(found.lines, texts, strict=True), start=1):
        columns = np.linspace(left, right - 1, 5).astype(int)

        def on_scan(row, columns=columns):  # where the level row lies on the scan
            return np.stack([columns, np.clip(row - found.shifts[columns], 0, height)], axis=1).astype(int)

        outline = np.concatenate([on_scan(top), on_scan(bottom)[::-1]])
        first, last = outline.min(axis=0), outline.max(axis=0)
        line = ElementTree.SubElement(block, "TextLine", {
            "ID": f"line_{number}", "HPOS": str(first[0]), "VPOS": str(first[1]),
            "WIDTH": str(last[0] - first[0]), "HEIGHT": str(last[1] - first[1]),
            "BASELINE": _points(on_scan(round((top + bottom + found.x_height) / 2))),
        })  # fmt: skip
        ElementTree.SubElement(ElementTree.SubElement(line, "Shape"), "Polygon", POINTS=_points(outline))
        ElementTree.SubElement(line, "String", CONTENT=text)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _points(points):
    return " ".join(f"{x},{y}" for x, y in points)
