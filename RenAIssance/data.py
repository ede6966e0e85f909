"""The data of the RenAIssance challenge: a simulated book, or the scan and the transcription of the real one.

    from RenAIssance import data
    train = data.load("train")                       # transcribed pages of a simulated book
    lines = data.load("train", n=2000, task="lines")  # single simulated lines, ready for a network
    scan, transcription = data.book()                # the PDF and the DOCX that the pages come from

Command line: `python -m RenAIssance.data simulate --n 2000 --out lines.npz`, `... describe`, `... fetch`.
"""

import csv
import io
import tempfile
from collections import defaultdict
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from common import archives, cli, official
from common.datasets import SPLITS, Dataset, Stream, check_available, check_choice
from common.files import atomic_write
from RenAIssance import pages, scan, simulate, transcription
from RenAIssance.images import read_grey

STREAMS = {
    "lines": Stream("RenAIssance", simulate.lines, version=simulate.VERSION, chunk_size=200, task="lines"),
    "spreads": Stream("RenAIssance", pages.spreads, version=simulate.VERSION, chunk_size=4, task="spreads"),
}
TASKS = ("pages", *STREAMS)
SPREADS = 16  # of a simulated book; the first holds one page, as in the real one
TRANSCRIBED = 13  # of them
N_VALID = 3  # transcribed pages that are held back: the last ones
MISSING_BREAKS = 0.04  # of the line breaks of a simulated transcription

REPOSITORY = "https://raw.githubusercontent.com/ML4SCI/DeepLearnHackathon/main/NLPRenaissanceChallenge/data/"
CITATION = "Nobleza virtuosa (1637), Biblioteca Nacional de Espana; transcription: ML4SCI, HumanAI Foundation"
SCAN = official.OfficialFile(
    name="Padilla - Nobleza virtuosa_testExtract.pdf",
    urls=(REPOSITORY + "Padilla%20-%20Nobleza%20virtuosa_testExtract.pdf", "drive:10NX_UbV2HMbPEO2fvKYAIXOOOec0g38g"),
    size=2_582_323,
    sha256="b04c1995a6d7e6b35673998c5bf300d72957779c4d765905d5d4fef018668789",
    citation=CITATION,
)
TRANSCRIPTION = official.OfficialFile(
    name="Padilla - 1 Nobleza virtuosa_testTranscription.docx",
    urls=(
        REPOSITORY + "Padilla%20-%201%20Nobleza%20virtuosa_testTranscription.docx",
        "drive:1YTaqNoZCYP74AuQxlyJsiQLhcoc8DNSv",
    ),
    size=29_097,
    sha256="01a9bab075573c162010518b3197ff3a70b596b2442c883e20eb4bd4c73a25cd",
    citation=CITATION,
)
# A transcription of the first 19 pages, and their lines cut out by hand, that somebody put into the data folder
PART = official.OfficialFile(name="Padilla - 1 Nobleza virtuosa_testTranscription (pages 1-19).docx", urls=())
LINE_IMAGES = official.OfficialFile(name="lines_book1_pages01_19.zip", urls=())
LINE_TEXTS = official.OfficialFile(name="lines_book1_pages01_19.csv", urls=())
MAX_LINE_BYTES = 1_000_000


def load(
    split="train", n=None, *, source="simulated", seed=0, task=None, workers=None, scheduler=None, cache=True
):
    """Pages of the book, or lines.

    Parameters
    ----------
    split : {"train", "valid", "test"}
        Of the pages: those that are transcribed but for the last three; these three; those that are to be read.
    n : int, optional
        Number of samples, default: all pages of the split, 200 lines, 4 spreads; for pages of a simulated test split
        with another seed, any number.
    source : {"simulated", "official"}
        "official" finds or downloads the scan and its transcription. Lines are simulated, or those cut out by hand
        where the data folder has lines_book1_pages01_19.zip and .csv.
    seed : int or str
        Of the simulation: another book in the same type.
    task : {"pages", "lines", "spreads"}
        Default: pages.
    workers, scheduler, cache
        Who simulates, and whether it is stored; see `common.datasets.Stream.load`.

    Returns
    -------
    Dataset
        "pages": X uint8 of shape (n, height, width), grey at 300 dpi, filled up with white at right and bottom; y list
        of n str, the transcription with its line breaks, or None where there is none; meta["page"], from 1, and
        meta["size"] (n, 2), height and width before filling up.
        "lines": see `simulate.lines`. "spreads": see `pages.spreads`.

    Raises
    ------
    ValueError
        Unknown split, source or task; n is too large; a damaged file.
    OSError
        The official files can neither be found nor downloaded.
    """
    check_choice("split", split, SPLITS)
    check_choice("source", source, ("simulated", "official"))
    task = check_choice("task", task or "pages", TASKS)
    if source == "official" and task == "lines":
        return _hand_cut_lines(split, n)
    if source == "official" and task == "spreads":
        raise ValueError('there are no official spreads with truth: use task="pages"')
    if task != "pages":
        return STREAMS[task].load(split, n, seed, workers=workers, scheduler=scheduler, cache=cache)
    if source == "simulated" and split == "test" and n is not None and n > _n_test():
        return pages_of(STREAMS["spreads"].load(
            split, -(-n // 2), seed, workers=workers, scheduler=scheduler, cache=cache))[:n]
    images, texts, truth = _book_pages(source, seed, cache)
    known = [i for i, text in enumerate(texts) if text is not None]
    rows = {
        "train": known[:-N_VALID], "valid": known[-N_VALID:], "test": [i for i in range(len(texts)) if i not in known],
    }[split]
    rows = rows[: check_available(n, len(rows), f"the {split} split of this book")]
    y = [(texts[i] if texts[i] is not None else truth and truth[i]) for i in rows]
    return _stacked([images[i] for i in rows], None if None in y else y, rows)


def _n_test():
    return 2 * (SPREADS - TRANSCRIBED)


def _stacked(images, y, rows):
    size = np.array([image.shape for image in images], np.int32).reshape(-1, 2)
    X = np.full((len(images), *size.max(axis=0)), 255, np.uint8)
    for x, image in zip(X, images, strict=True):
        x[: image.shape[0], : image.shape[1]] = image
    return Dataset(X, y, {"page": np.array(rows, np.int32) + 1, "size": size, "dpi": scan.DPI})


def pages_of(dataset):
    """The pages of simulated spreads, as `load` gives the pages of a book.

    Parameters
    ----------
    dataset : Dataset
        From `pages.spreads`.

    Returns
    -------
    Dataset
    """
    images, texts = [], []
    for spread, text in zip(dataset.X, dataset.y, strict=True):
        big = Image.fromarray(spread).resize((2 * spread.shape[1], 2 * spread.shape[0]), Image.Resampling.BICUBIC)
        images += scan.split(np.asarray(big))
        texts += text.split("\f")
    return _stacked(images, texts, range(len(images)))


def book(source="simulated", seed=0):
    """The scan and the transcription of a book, as files.

    Parameters
    ----------
    source : {"simulated", "official"}
    seed : int or str

    Returns
    -------
    scan, transcription : pathlib.Path
        A PDF and a DOCX file.
    """
    check_choice("source", source, ("simulated", "official"))
    if source == "official":
        pdf = official.fetch("RenAIssance", SCAN)
        return pdf, official.find("RenAIssance", TRANSCRIPTION) or official.find("RenAIssance", PART) or official.fetch(
            "RenAIssance", TRANSCRIPTION)
    return _simulated_book(seed)[:2]


def _simulated_book(seed, folder=None):
    """PDF, DOCX and the truth of all pages of a simulated book.

    The files are made where they are missing: beside the cached spreads, or in the folder, and then nothing else is.
    """
    spreads = STREAMS["spreads"].load("train", SPREADS, seed, cache=folder is None)
    texts = [text.split("\f") for text in spreads.y]
    texts[0] = texts[0][1:]  # the first page is a right one, alone
    if folder is None:
        *_, folder = STREAMS["spreads"]._folders("train", seed)
    pdf, docx = folder / "book.pdf", folder / "book.docx"
    if not pdf.exists():
        images = [Image.fromarray(x) for x in spreads.X]
        images[0] = images[0].crop((images[0].width // 2, 0, images[0].width, images[0].height))
        with atomic_write(pdf) as temporary:
            images[0].save(temporary, "PDF", save_all=True, append_images=images[1:], resolution=150, quality=90)
    if not docx.exists():
        with atomic_write(docx) as temporary:
            _write_docx(texts, temporary)
    return pdf, docx, sum(texts, [])


def _write_docx(texts, path):
    """A transcription as the hackathon's: markers, line breaks of which some are missing, the last pages left out."""
    import docx

    rng = np.random.default_rng(len(texts[0][0]))
    document = docx.Document()
    document.add_paragraph("NOTES: u and v, f and s are used interchangeably; line ends as printed")
    for number, spread in enumerate(texts, start=1):
        document.add_paragraph(f"PDF p{number}")
        for text in spread:
            if number > TRANSCRIBED:
                document.add_paragraph("--this part intentionally left blank to check after test--")
                continue
            lines = text.split("\n")
            written = lines[0]
            for line in lines[1:]:
                written += (" " if rng.random() < MISSING_BREAKS else "\n") + line
            document.add_paragraph(written)
    document.save(str(path))


def _book_pages(source, seed, cache):
    """Images, transcriptions (None where there is none) and truth (None where it is not known) of all pages."""
    if source == "official":
        return *_read_book(*book("official")), None
    with nullcontext() if cache else tempfile.TemporaryDirectory() as folder:  # which only its owner can enter
        pdf, docx, truth = _simulated_book(seed, folder and Path(folder))
        return *_read_book(pdf, docx), truth


@lru_cache(maxsize=1)  # the splits of a book are asked for one after the other
def _read_book(pdf, docx):
    spreads = [scan.split(spread) for spread in scan.spreads(pdf)]
    transcribed = transcription.read_docx(docx)
    paragraphs = {number: len(texts) for number, texts in transcribed}
    counts = [
        [len(scan.layout(page).lines) if paragraphs.get(number, 0) not in (0, len(spread)) else 0 for page in spread]
        for number, spread in enumerate(spreads, start=1)
    ]
    return sum(spreads, []), transcription.assign(transcribed, counts)


def _hand_cut_lines(split, n):
    """The transcribers' line images, by page: 1-13 train, 14-16 valid, 17-19 test."""
    images, texts, page = hand_cut_lines()
    from RenAIssance import lines

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
        Damaged files.
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
        shown = [read_grey(files.read(name), name) for name in (_place_of(row, places, files) for row, _ in rows)]
    return shown, [text for _, text in rows], page


def _table_of_lines(path):
    """Rows (name of the image, text) of the table of lines, and an array of their pages, from 1."""
    try:
        rows = [(row["image"], row["text"]) for row in csv.DictReader(io.StringIO(path.read_text("utf-8-sig")))]
        page = np.array([int(_last(name).split("_")[1]) for name, _ in rows])
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8, not as Latin-1") from error
    except (KeyError, IndexError, AttributeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path}: expected columns image and text, as book1_00_01.png,DEDICATORIA; {error}") from error
    if not rows or any(text is None for _, text in rows):
        raise ValueError(f"{path}: expected columns image and text; a line has no text, or there are no lines")
    return rows, page + 1


def _is_line_image(name):
    return name.lower().endswith((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"))


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


def describe(dataset):
    """Some lines of text, and how much of the images is ink."""
    texts = [text.split("\n")[0] for text in dataset.y[:3]]
    return "\n".join([f"mean of X: {dataset.X.mean():.1f}", *texts])


if __name__ == "__main__":
    raise SystemExit(cli.main("RenAIssance", STREAMS, files=(SCAN, TRANSCRIPTION), describe=describe, tables=False))
