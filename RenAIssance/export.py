"""A book that was read, in the formats of those who edit such books: PAGE XML, hOCR and ALTO.

    python -m RenAIssance.export BOOK.pdf FOLDER [--format page hocr alto] [--weights MODEL.pt]

writes the image of each page and beside it a file with its lines and words: where they are, what they say, and how
sure the network is of each word.

References
----------
PRImA, PAGE XML, page content 2019-07-15. T. Breuel et al., hOCR 1.2. Library of Congress, ALTO 4.
"""

import argparse
import itertools
import os
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from PIL import Image

from common.files import atomic_write, check_writable
from RenAIssance import confidence, model, scan
from RenAIssance import lines as geometry
from RenAIssance.language import beam_search

PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
ALTO = "http://www.loc.gov/standards/alto/ns-v4#"
XHTML = "http://www.w3.org/1999/xhtml"
SOFTWARE = "DeepLearn RenAIssance"


@dataclass(frozen=True)
class Line:
    """A line that was read, in pixels of the page: (column, row).

    Attributes
    ----------
    text : str
    outline, baseline : ndarray of int, shape (n, 2)
    words : list of (str, ndarray of int of shape (n, 2), float)
        Text, outline and confidence of each.
    """

    text: str
    outline: np.ndarray
    baseline: np.ndarray
    words: list


def read_page(network, page, language=None):
    """The lines of a page in reading order: list of `Line`.

    Parameters
    ----------
    network : RenAIssance.model.Reader
    page : ndarray of uint8, shape (height, width)
        As for `scan.layout`.
    language : LanguageModel, optional
        Without one, decoding is greedy, and `language.simulated_model` tells which words are doubtful.
    """
    images, found = scan.line_images(page)
    normal = [geometry.normalise(image, found.x_height) for image in images]
    out = []
    for box, line, log_p in zip(found.lines, normal, model.log_probabilities(network, normal), strict=True):
        text = model.greedy(log_p) if language is None else beam_search(log_p, language)
        left, top, right, bottom = box
        scale = (right - left) * model.STRIDE / line.shape[1]  # columns of the page in one of the network's
        words = []
        for word in confidence.of_words(log_p, text, language):
            first, end = (int(np.clip(left + scale * column, left, right)) for column in (word.first, word.end))
            words.append((word.text, _outline(found, first, top, max(end, first + 2), bottom), word.confidence))
        row = round((top + bottom + found.x_height) / 2)
        out.append(Line(text, _outline(found, *box), _on_scan(found, left, right, row), words))
    return out


def _on_scan(found, left, right, row):
    """Points of a level row where they lie on the scan: ndarray of int, shape (5, 2)."""
    height, width = found.level.shape
    columns = np.clip(np.linspace(left, right - 1, 5), 0, width - 1).astype(int)
    return np.stack([columns, np.clip(row - found.shifts[columns], 0, height - 1)], axis=1).astype(int)


def _outline(found, left, top, right, bottom):
    return np.concatenate([_on_scan(found, left, right, top), _on_scan(found, left, right, bottom)[::-1]])


def _points(points):
    return " ".join(f"{x},{y}" for x, y in points)


def _box(points):
    """Left, top, right, bottom."""
    return *np.min(points, axis=0), *np.max(points, axis=0)


def _block(lines):
    """The corners of the box around all lines, clockwise."""
    left, top, right, bottom = _box(np.concatenate([line.outline for line in lines]))
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _written(root):
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def page_xml(lines, shape, image):
    """A page that was read as PAGE XML: str.

    Parameters
    ----------
    lines : list of Line
    shape : (int, int)
        Height and width of the page.
    image : str
        Name of its image file.
    """
    add = ElementTree.SubElement
    root = ElementTree.Element("PcGts", xmlns=PAGE)
    about, now = add(root, "Metadata"), datetime.now(timezone.utc).isoformat(timespec="seconds")
    for name, value in (("Creator", SOFTWARE), ("Created", now), ("LastChange", now)):
        add(about, name).text = value
    page = add(root, "Page", imageFilename=image, imageWidth=str(shape[1]), imageHeight=str(shape[0]))
    block = add(page, "TextRegion", id="text", type="paragraph")
    add(block, "Coords", points=_points(_block(lines)))
    for i, line in enumerate(lines, start=1):
        element = add(block, "TextLine", id=f"line_{i}")
        add(element, "Coords", points=_points(line.outline))
        add(element, "Baseline", points=_points(line.baseline))
        for k, (text, outline, sure) in enumerate(line.words, start=1):
            word = add(element, "Word", id=f"word_{i}_{k}")
            add(word, "Coords", points=_points(outline))
            add(add(word, "TextEquiv", conf=f"{sure:.4f}"), "Unicode").text = text
        add(add(element, "TextEquiv"), "Unicode").text = line.text
    add(add(block, "TextEquiv"), "Unicode").text = "\n".join(line.text for line in lines)
    return _written(root)


def hocr(lines, shape, image):
    """A page that was read as hOCR, a web page with boxes: str. Parameters as of `page_xml`."""
    add = ElementTree.SubElement
    root = ElementTree.Element("html", xmlns=XHTML)
    head = add(root, "head")
    add(head, "title").text = image
    add(head, "meta", {"http-equiv": "Content-Type", "content": "text/html;charset=utf-8"})
    add(head, "meta", name="ocr-system", content=SOFTWARE)
    add(head, "meta", name="ocr-langs", content="es")
    add(head, "meta", name="ocr-capabilities", content="ocr_page ocr_carea ocr_line ocrx_word ocrp_wconf ocrp_poly")

    def bbox(points):
        return "bbox " + " ".join(map(str, _box(points)))

    whole = [(0, 0), (shape[1], shape[0])]
    page = add(add(root, "body"), "div", {"class": "ocr_page", "id": "page_1",
                                          "title": f'image "{image}"; {bbox(whole)}; ppageno 0'})  # fmt: skip
    block = add(page, "div", {"class": "ocr_carea", "id": "block_1", "title": bbox(_block(lines))})
    for i, line in enumerate(lines, start=1):
        poly = " ".join(f"{x} {y}" for x, y in line.outline)
        element = add(block, "span", {"class": "ocr_line", "id": f"line_{i}",
                                      "title": f"{bbox(line.outline)}; poly {poly}"})  # fmt: skip
        for k, (text, outline, sure) in enumerate(line.words, start=1):
            title = f"{bbox(outline)}; x_wconf {round(100 * sure)}"
            add(element, "span", {"class": "ocrx_word", "id": f"word_{i}_{k}", "title": title}).text = text
    return _written(root)


def alto(lines, shape, image):
    """A page that was read as ALTO XML: str. Parameters as of `page_xml`."""
    add = ElementTree.SubElement
    root = ElementTree.Element("alto", xmlns=ALTO)
    about = add(root, "Description")
    add(about, "MeasurementUnit").text = "pixel"
    add(add(about, "sourceImageInformation"), "fileName").text = image

    def place(points):
        left, top, right, bottom = _box(points)
        return {"HPOS": str(left), "VPOS": str(top), "WIDTH": str(right - left), "HEIGHT": str(bottom - top)}

    page = add(add(root, "Layout"), "Page", ID="page", PHYSICAL_IMG_NR="1", WIDTH=str(shape[1]), HEIGHT=str(shape[0]))
    space = add(page, "PrintSpace", place([(0, 0), shape[::-1]]))
    block = add(space, "TextBlock", {"ID": "text", **place(_block(lines))})
    for i, line in enumerate(lines, start=1):
        element = add(block, "TextLine", {"ID": f"line_{i}", **place(line.outline),
                                          "BASELINE": _points(line.baseline)})  # fmt: skip
        add(add(element, "Shape"), "Polygon", POINTS=_points(line.outline))
        for k, (text, outline, sure) in enumerate(line.words, start=1):
            if k > 1:
                add(element, "SP")
            add(element, "String", {"ID": f"word_{i}_{k}", **place(outline), "CONTENT": text, "WC": f"{sure:.4f}"})
    return _written(root)


FORMATS = {"page": (page_xml, ".xml"), "hocr": (hocr, ".html"), "alto": (alto, ".alto.xml")}


def export(network, pages, folder, formats):
    """Read pages and write the image of each and what it says in these FORMATS; a page without lines is left out.

    Raises
    ------
    FileExistsError
        The folder, which is made where it is missing, has a file of one of these names; nothing has been read then.
    """
    suffixes = [".png", *(FORMATS[name][1] for name in formats)]
    for number, suffix in itertools.product(range(1, len(pages) + 1), suffixes):
        if os.path.lexists(path := folder / f"page_{number:03d}{suffix}"):
            raise FileExistsError(f"{path} is there already: move it away, or name a new folder")
    check_writable(folder / "page_001.png")
    for number, page in enumerate(pages, start=1):
        image = f"page_{number:03d}.png"
        try:
            lines = read_page(network, page)
        except ValueError as error:  # a blank page, say
            print(f"page {number}: left out, {error}", flush=True)
            continue
        with atomic_write(folder / image, new=True) as temporary:
            Image.fromarray(page).save(temporary)
        for name in formats:
            write, suffix = FORMATS[name]
            with atomic_write((folder / image).with_suffix(suffix), new=True) as temporary:
                Path(temporary).write_text(write(lines, page.shape, image), "utf-8")
        print(f"page {number}: {len(lines)} lines", flush=True)


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m RenAIssance.export", description=__doc__.partition("\n")[0])
    parser.add_argument("book", help="a PDF of scanned pages")
    parser.add_argument("folder", type=Path, help="for the images and what is read, made where it is missing")
    parser.add_argument("--format", nargs="+", choices=FORMATS, default=["page"])
    parser.add_argument("--weights", default=model.SHIPPED, help="of a reader that was adapted, see model.save")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    try:
        export(model.load(args.weights), scan.pages(args.book), args.folder, dict.fromkeys(args.format))
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
