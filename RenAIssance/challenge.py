"""The contract of the RenAIssance challenge."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.challenge import Challenge, Metric, SubmissionError, Task, read_regular_file
from common.files import atomic_write
from RenAIssance.metrics import error_rates, word_scores


@dataclass(frozen=True)
class Folder:
    """A submission of texts: a folder with one UTF-8 text file a page, page_001.txt and so on, in order.

    Attributes
    ----------
    name : str
        What each file is called, with a place for its number from 1.
    most : int
        Bytes of a file.
    """

    name: str
    most: int = 20_000

    def _path(self, folder, i):
        return Path(folder) / self.name.format(i + 1)

    def _number(self, name):
        """The number of the page whose file has this name; 0 where it is that of none."""
        found = re.fullmatch(re.escape(self.name).replace(r"\{:03d\}", r"(\d+)"), name, re.ASCII)
        return int(found[1]) if found and self.name.format(int(found[1])) == name else 0

    @property
    def wanted(self):
        """The files that are asked for, in words."""
        return f"{self.name.format(1)}, {self.name.format(2)} and so on"

    def accepts(self, name):
        """Whether a file of this name belongs to the submission."""
        return self._number(name) > 0

    def most_bytes(self, n):
        """Size that the file of a page can have at most."""
        return self.most

    def write(self, path, values):
        """Write texts into a folder, which is made where it is missing; returns its path.

        Raises
        ------
        SubmissionError
            What is given is not texts, a text is too long, or the folder has pages beyond these.
        """
        is_text = isinstance(values, str | bytes | dict | set | frozenset)  # its letters, its keys, or no order
        if is_text or not hasattr(values, "__iter__"):
            raise SubmissionError(f"expected a list of texts, one a page, not one {type(values).__name__}")
        values, folder = list(values), Path(path)
        for i, text in enumerate(values):
            if not isinstance(text, str):
                raise SubmissionError(f"page {i + 1} is {type(text).__name__}, expected a text")
            self._check(text, i, len(text.encode("utf-8", "replace")))
        if folder.exists() and not folder.is_dir():
            raise SubmissionError(f"{folder.name}: not a folder")
        self._check_extra(folder, len(values))
        for i, text in enumerate(values):
            with atomic_write(self._path(folder, i)) as temporary:
                temporary.write_text(text, "utf-8")
        return folder

    def sample(self, path, n):
        """Write a guess that can be scored, a word for each of n pages, as `write` does."""
        return self.write(path, ["de"] * n)

    def read(self, path, n):
        """The texts of a submitted folder: ndarray of str, shape (n,).

        Raises
        ------
        SubmissionError
            A page is missing, a link, no plain file, too large, or not UTF-8 text (Latin-1, say); or there are more
            pages than expected. No other file of the folder is read.
        """
        folder = Path(path)
        if folder.is_symlink() or not folder.is_dir():
            raise SubmissionError(f"{folder.name}: expected a folder with {self.wanted}")
        self._check_extra(folder, n)
        texts = []
        for i in range(n):
            file = self._path(folder, i)
            content = read_regular_file(file, self.most)
            try:
                text = content.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise SubmissionError(
                    f"{file.name}: not UTF-8 text (byte {error.start}); save it as UTF-8, not as Latin-1"
                ) from error
            self._check(text, i, len(content))
            texts.append(text)
        return np.array(texts, dtype=object)

    def _check(self, text, i, size):
        name = self.name.format(i + 1)
        if size > self.most:
            raise SubmissionError(f"{name}: more than {self.most:,} bytes, far too many for a page")
        if any(ord(c) < 32 and c not in "\n\r\t\f\v" or 0xD800 <= ord(c) < 0xE000 for c in text):
            raise SubmissionError(f"{name}: has control characters; expected plain text")

    def _check_extra(self, folder, n):
        if folder.is_dir():
            extra = [number for f in folder.iterdir() if (number := self._number(f.name)) > n]
            if extra:
                raise SubmissionError(f"{self.name.format(min(extra))}: the test set has {n} pages only; remove it")


TEXTS = Folder(name="page_{:03d}.txt")


def rate(name):
    """A metric (truth, texts) -> float: the one of `error_rates` that has this name."""
    return lambda truth, texts: error_rates(truth, texts)[name]


def words(name):
    """A metric (truth, texts) -> float: the one of `word_scores` that has this name."""
    return lambda truth, texts: word_scores(truth, texts)[name]


CHALLENGE = Challenge(
    folder="RenAIssance",
    title="RenAIssance",
    kind="optical character recognition, sequence learning",
    summary="Learn from the transcribed pages of a Spanish book of 1637 to read the others.",
    picture="Corners of three printed pages in the type of the 17th century, with long s, as the simulator sets them.",
    notebooks=("RenAIssance",),
    tasks=(
        Task(
            name="pages",
            submission=TEXTS,
            public=("size",),
            imports=("jiwer",),
            most=500,
            metrics=(
                Metric("CER", rate("CER"), higher_is_better=False),
                Metric("WER", rate("WER"), higher_is_better=False),
                Metric("CER (normalised)", rate("CER (normalised)"), higher_is_better=False),
                Metric("WER (normalised)", rate("WER (normalised)"), higher_is_better=False),
                Metric("precision", words("precision")),
                Metric("recall", words("recall")),
                Metric("F1", words("F1")),
            ),
        ),
    ),
)
