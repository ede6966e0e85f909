"""Lines of the official book that its transcribers cut out by hand: images in a zip file, and a table of texts."""

import csv
import io
import warnings
from collections import Counter, defaultdict

import numpy as np

from common import archives, official
from common.datasets import Dataset, check_available
from RenAIssance import lines
from RenAIssance.images import ENDINGS, read_grey

# They are there where somebody put them into the data folder.
LINE_IMAGES = official.OfficialFile(name="lines_book1_pages01_19.zip", urls=())
LINE_TEXTS = official.OfficialFile(name="lines_book1_pages01_19.csv", urls=())
MAX_LINE_BYTES = 1_000_000


def load_official(split, n=None):
    """The first n lines of a split, ready for a network; pages 1 to 13 are train, 14 to 16 valid, 17 to 19 test."""
    images, texts, page = hand_cut_lines()
    mine = {"train": page <= 13, "valid": (page > 13) & (page <= 16), "test": page > 16}[split]
    rows = np.nonzero(mine)[0]
    rows = rows[: check_available(n, len(rows), f"the {split} split of {LINE_IMAGES.name}")]
    cut = [lines.normalise(images[i]) for i in rows]
    width = np.array([min(line.shape[1], lines.WIDTH) for line in cut], np.int16)
    return Dataset(lines.pad(cut), [texts[i] for i in rows], {"width": width, "page": page[rows]})


def hand_cut_lines():
    """Images of the transcribers' lines (dark on light), their texts, and an array of their pages, from 1.

    Raises
    ------
    OSError
        They are not in the data folder.
    ValueError
        Damaged files, a row that is not one image and its text, or an image that has two rows. Images without a row are
        left out, with a warning.
    """
    archive, table = (official.find("RenAIssance", file) for file in (LINE_IMAGES, LINE_TEXTS))
    if archive is None or table is None:
        raise OSError(
            f"no {LINE_IMAGES.name} and {LINE_TEXTS.name} in {official.data_home()}: put them there, or use "
            'source="simulated", or cut lines from the scan with RenAIssance.scan.line_images'
        )
    rows, page = _table_of_lines(table)
    with archives.opened(archive, _is_line_image, MAX_LINE_BYTES) as files:
        places = defaultdict(list)
        for name in files.names:
            places[_last(name)].append(name)
        chosen = [_place_of(row, places, files) for row, _ in rows]
        _check_each_once(files, chosen)
        shown = [_line(files.read(name), name) for name in chosen]
    return shown, [text for _, text in rows], page


def _line(content, name):
    """The grey image of a line, or ValueError with its name where `lines` takes no such image."""
    image = read_grey(content, name)
    try:
        lines.ink_of(image)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    return image


def _check_each_once(files, chosen):
    """Raise ValueError where an image has two rows of the table, and warn where one has none."""
    if twice := [name for name, count in Counter(chosen).items() if count > 1]:
        raise ValueError(f"{LINE_TEXTS.name}: {twice[0]} has two rows; keep the one that is right")
    if left := sorted(set(files.names) - set(chosen)):
        warnings.warn(
            f"{files.name}: {left[0]} has no row in {LINE_TEXTS.name}; images without a text are left out, {len(left)} "
            "in all", stacklevel=2,
        )  # fmt: skip


def _table_of_lines(path):
    """Rows (name of the image, text) of the table of lines, and an array of their pages, from 1."""
    try:
        table = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig")), strict=True))
        rows = [(row["image"], row["text"]) for row in table]
        page = np.array([int(_last(name).split("_")[1]) for name, _ in rows])
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8, not as Latin-1") from error
    except (KeyError, IndexError, AttributeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: expected columns image and text, as book1_00_01.png,DEDICATORIA; {error}") from error
    if not rows or any(text is None for _, text in rows):
        raise ValueError(f"{path}: expected columns image and text; a line has no text, or there are no lines")
    for (name, text), row, number in zip(rows, table, page, strict=True):
        if fault := _fault_of_row(text, None in row, number):
            raise ValueError(f"{path}: the row of {name} {fault}")
    return rows, page + 1


def _fault_of_row(text, has_more, page):
    """What is wrong with a row of the table, in words; '' if nothing."""
    if has_more:
        return 'has more cells than columns: write a text with commas in quotes, "que dexo a sus hijo, e hija"'
    if "\n" in text:
        return f"has a text of several lines ({text[:30]!r}): is a quote not closed?"
    if not text.strip():
        return "has an empty text: write it, or remove the row and the image"
    return "has a negative page" if page < 0 else ""


def _is_line_image(name):
    return name.lower().endswith(ENDINGS)


def _last(name):
    return name.replace("\\", "/").rpartition("/")[2]


def _place_of(name, places, files):
    """The one file of an archive that a table means: its folders may be left out."""
    name = name.replace("\\", "/")
    found = [place for place in places[_last(name)] if f"/{place}".endswith(f"/{name}")]
    if len(found) != 1:
        fault = f"{found[0]} and {found[1]} may both be it" if found else f"it has {len(places)} other images"
        raise ValueError(f"{files.name}: which file is {name} of {LINE_TEXTS.name}? {fault}")
    return found[0]
