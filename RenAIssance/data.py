"""Pages and lines of the RenAIssance challenge: of a simulated book, or of the real one.

    from RenAIssance import data
    train = data.load("train")                       # transcribed pages of a simulated book
    lines = data.load("train", n=2000, task="lines")  # single simulated lines, ready for a network
    scan, transcription = data.book()                # the PDF and the DOCX that the pages come from

Command line: `python -m RenAIssance.data simulate --n 2000 --out lines.npz`, `... describe`, `... fetch`.

Task "pages": train are those that are transcribed but for the last three, valid these three, and test those that are to
be read. Another seed is another book in the same type. n may be any number for a simulated test split.
X : uint8 of shape (n, height, width), grey at 300 dpi, filled up with white at right and bottom.
y : list of n str, the transcription with its line breaks, or None where there is none.
meta : "page", from 1, and "size" (n, 2), height and width before filling up.

Task "lines": see `simulate.lines`. Task "spreads", two pages side by side: see `pages.spreads`.

source="official" finds or downloads the scan and its transcription. Official lines are those cut out by hand where the
data folder has lines_book1_pages01_19.zip and .csv; there are no official spreads with truth.
"""

from common import cli
from common.datasets import Stream
from common.loading import loader
from RenAIssance import books, hand_cut, simulate
from RenAIssance.books import SCAN, TRANSCRIPTION, book, pages_of
from RenAIssance.hand_cut import hand_cut_lines

__all__ = ["SCAN", "STREAMS", "TRANSCRIPTION", "book", "describe", "hand_cut_lines", "load", "pages_of"]

STREAMS = {
    "lines": Stream("RenAIssance", simulate.lines, version=simulate.VERSION, chunk_size=200, task="lines"),
    "spreads": books.STREAM,
}

load = loader(
    "RenAIssance", {"pages": books.Pages(), **STREAMS},
    official={"pages": books.load_official, "lines": hand_cut.load_official}, about=__doc__,
)  # fmt: skip


def describe(dataset):
    """Some lines of text, and how much of the images is ink."""
    texts = [text.split("\n")[0] for text in dataset.y[:3]]
    return "\n".join([f"mean of X: {dataset.X.mean():.1f}", *texts])


if __name__ == "__main__":
    raise SystemExit(cli.main("RenAIssance", STREAMS, files=(SCAN, TRANSCRIPTION), describe=describe, tables=False))
