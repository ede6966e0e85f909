"""A book as two files, the scan of its spreads (PDF) and a transcription (DOCX), and the pages in them.

The official book is found or downloaded; a simulated one is written into files like these and read back, so that its
transcription lacks what the official one lacks.
"""

import hashlib
import io
import math
import tempfile
import warnings
from contextlib import nullcontext, suppress
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image

from common import official
from common.datasets import Dataset, Stream, check_available, check_choice, check_n
from common.files import atomic_write
from RenAIssance import pages, scan, simulate, transcription

STREAM = Stream("RenAIssance", pages.spreads, version=simulate.VERSION, chunk_size=4, task="spreads")
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
# A transcription of the first 19 pages that somebody put into the data folder
PART = official.OfficialFile(name="Padilla - 1 Nobleza virtuosa_testTranscription (pages 1-19).docx", urls=())


class Pages:
    """The pages of a simulated book, split as those of the official one."""

    def load(self, split="train", n=None, seed=0, *, workers=None, scheduler=None, cache=True):
        """The first n pages of a split, all where n is None; a test split has as many more as are asked for."""
        if split == "test" and n is not None and check_n(n) > 2 * (SPREADS - TRANSCRIBED):
            spreads = STREAM.load(split, math.ceil(n / 2), seed, workers=workers, scheduler=scheduler, cache=cache)
            return pages_of(spreads)[:n]
        with nullcontext() if cache else tempfile.TemporaryDirectory() as folder:  # which only its owner can enter
            pdf, docx, truth = _simulated_book(seed, folder and Path(folder))
            return _part(*_read_book(pdf, docx), truth, split, n)


def load_official(split, n=None):
    """The first n pages of a split of the official book; nobody knows what stands on those of the test split."""
    images, texts = _read_book(*book("official"))
    return _part(images, texts, [None] * len(texts), split, n)


def _part(images, texts, truth, split, n):
    """The first n pages of a split of a book: the last transcribed pages are valid, those without transcription test.

    texts are the transcriptions, None where there is none, and truth what stands on the pages, None where nobody knows.
    """
    known = [i for i, text in enumerate(texts) if text is not None]
    unknown = [i for i, text in enumerate(texts) if text is None]
    rows = {"train": known[:-N_VALID], "valid": known[-N_VALID:], "test": unknown}[split]
    rows = rows[: check_available(n, len(rows), f"the {split} split of this book")]
    y = [truth[i] if texts[i] is None else texts[i] for i in rows]
    return _stacked([images[i] for i in rows], None if None in y else y, rows)


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
        docx = official.find("RenAIssance", TRANSCRIPTION) or official.find("RenAIssance", PART)
        return pdf, docx or official.fetch("RenAIssance", TRANSCRIPTION)
    return _simulated_book(seed)[:2]


def _simulated_book(seed, folder=None):
    """PDF, DOCX and the truth of all pages of a simulated book.

    The files are made where they are missing: beside the cached spreads, or in the folder, and then nothing else is.
    """
    spreads = STREAM.load("train", SPREADS, seed, cache=folder is None)
    texts = [text.split("\f") for text in spreads.y]
    texts[0] = texts[0][1:]  # the first page is a right one, alone
    if folder is None:
        *_, folder = STREAM._folders("train", seed)
    pdf, docx = _kept(folder, ".pdf", partial(_write_pdf, spreads)), _kept(folder, ".docx", partial(_write_docx, texts))
    return pdf, docx, sum(texts, [])


def _kept(folder, ending, write):
    """The path of a file of a simulated book. Its name has its SHA-256: where it is missing or damaged it is made.

    One with another content may hold somebody's work: it is kept under another name.
    """
    for path in folder.glob(f"book-*{ending}"):
        if path.stem == f"book-{hashlib.sha256(path.read_bytes()).hexdigest()[:32]}":
            return path
        with suppress(FileNotFoundError):  # another process has just done it
            kept = path.replace(path.with_name(f"changed-{path.name}"))
            warnings.warn(f"{path} was changed, or is damaged: it is now {kept.name}, and the book is made again; "
                          "to work on a book, copy it into a folder of yours", stacklevel=2)
    blob = io.BytesIO()
    write(blob)
    path = folder / f"book-{hashlib.sha256(blob.getvalue()).hexdigest()[:32]}{ending}"
    with atomic_write(path) as temporary:
        temporary.write_bytes(blob.getvalue())
    return path


def _write_pdf(spreads, file):
    """The spreads as a scan; the first is a right page alone."""
    images = [Image.fromarray(x) for x in spreads.X]
    images[0] = images[0].crop((images[0].width // 2, 0, images[0].width, images[0].height))
    images[0].save(file, "PDF", save_all=True, append_images=images[1:], resolution=150, quality=90)


def _write_docx(texts, file):
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
    document.save(file)


@lru_cache(maxsize=1)  # the splits of a book are asked for one after the other
def _read_book(pdf, docx):
    """Images and transcriptions of all pages of a book; a page without transcription has None."""
    spreads = [scan.split(spread) for spread in scan.spreads(pdf)]
    transcribed = transcription.read_docx(docx)
    n_texts = {number: len(texts) for number, texts in transcribed}
    counts = []  # the lines of each page, where only these tell which text belongs to which page
    for number, spread in enumerate(spreads, start=1):
        unclear = n_texts.get(number, 0) not in (0, len(spread))
        counts.append([len(scan.layout(page).lines) if unclear else 0 for page in spread])
    return sum(spreads, []), transcription.assign(transcribed, counts)
