"""Bring a file here over HTTP or from Google Drive, going on where an earlier attempt stopped.

The incomplete file is the only state: a `.part` that grows, and that the next call continues.
"""

import io
import os
import re
import time
from email.utils import mktime_tz, parsedate_tz
from glob import escape

import requests
import urllib3

from common.texts import HTML, is_html

DRIVE_URL = "https://drive.google.com/uc?id={id}"
CONNECT_TIMEOUT = 10.0  # s
READ_TIMEOUT = 30.0  # s without a single byte: the source has stalled
ATTEMPTS = 4  # each going on where the last one stopped
BACKOFF = 1.0  # s before the second attempt, doubled before each one after it
BLOCK = 1 << 16  # bytes; at most this much is lost when a connection breaks


class TransferFailed(Exception):
    """This address does not give the file; the message says why."""


class _Interrupted(Exception):
    """The answer broke off: worth another attempt."""


_NETWORK_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, _Interrupted)


def address(url):
    """The address that a browser opens."""
    return DRIVE_URL.format(id=url.removeprefix("drive:")) if _is_drive(url) else url


def discard(part):
    """Remove a `.part`, and those that gdown names after it."""
    for leftover in part.parent.glob(f"{escape(part.stem)}*.part"):
        leftover.unlink()


def download(url, part, size, report):
    """Bring all of `url` into `part`.

    Parameters
    ----------
    url : str
        An http(s) address, or "drive:FILE_ID".
    part : pathlib.Path
        Incomplete file; it is continued where it exists.
    size : int or None
        Expected length in bytes.
    report : callable
        Receives the number of bytes that are here, again and again.

    Raises
    ------
    TransferFailed
        The address does not give the file. What has arrived is kept.
    OSError
        `part` cannot be written.
    """
    if _is_drive(url):
        _download_from_drive(url, part, report)
    else:
        for _ in _blocks(url, part, size, report):
            pass


class RemoteFile(io.RawIOBase):
    """The file at an http(s) address, downloaded into `part` no further than it is read.

    Parameters and errors are those of `download`, which continues the same `part`.
    """

    def __init__(self, url, part, size, report):
        self._blocks = _blocks(url, part, size, report)
        # "a" makes the file where it is missing, and unlike touch leaves its date, which counts.
        self._part = part.open("a+b", buffering=0)
        self._part.seek(0)

    def readable(self):
        return True

    def readinto(self, buffer):
        count = self._part.readinto(buffer)
        while not count and next(self._blocks, None) is not None:
            count = self._part.readinto(buffer)
        return count

    def close(self):
        self._blocks.close()
        self._part.close()
        super().close()


def _is_drive(url):
    return url.startswith("drive:")


def _blocks(url, part, size, report):
    """Append to `part` block by block, in several attempts; yield how many bytes are there."""
    if _is_drive(url):
        raise TransferFailed("a file on Google Drive can only be downloaded whole")
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(BACKOFF * 2 ** (attempt - 1))
        try:
            for have in _one_request(url, part, size):
                report(have)
                yield have
            return
        except _NETWORK_ERRORS as error:
            reason = _in_words(error)
    raise TransferFailed(f"{reason} ({ATTEMPTS} attempts)")


def _one_request(url, part, size):
    have = part.stat().st_size if part.exists() else 0
    if have and have == size:
        return
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with _answer(url, headers) as response:
        content_range = response.headers.get("Content-Range", "")
        if have and response.status_code == 416 and content_range.endswith(f"/{have}"):
            return  # nothing comes after what is here
        if have and response.status_code in (206, 416) and not _continues(response, part, have):
            os.truncate(part, 0)
            raise _Interrupted("what had arrived does not fit the file there, starting again")
        _refuse_errors(response)
        if response.status_code != 206:
            have = 0  # the server sends everything, whatever was asked
        length = _length(response)
        whole = size if length is None else have + length
        if size not in (None, whole):
            raise TransferFailed(f"it offers {whole:,} bytes, expected {size:,}")

        with part.open("ab" if have else "wb") as out:
            for block in response.raw.stream(BLOCK, decode_content=False):
                if not have and is_html(block):
                    raise TransferFailed(HTML)
                out.write(block)
                out.flush()  # so that it is there for a reader, and for the next attempt
                have += len(block)
                yield have
                if size is not None and have > size:  # it may never end; the caller sees that it is too long
                    return
    if whole is not None and have < whole:
        raise _Interrupted(f"the connection closed after {have:,} of {whole:,} bytes")


def _answer(url, headers):
    try:
        return requests.get(url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))
    except requests.RequestException:
        raise
    except ValueError as error:  # of urllib
        raise TransferFailed(f"it leads to an address that is none ({_in_words(error)})") from error


def _length(response):
    """How many bytes the answer says it has, or None where it does not say."""
    said = response.headers.get("Content-Length")
    if not said:
        return None
    lengths = {length.strip() for length in said.split(",")}  # the header may be there twice
    if len(lengths) > 1 or not said.split(",")[0].strip().isdecimal():
        raise TransferFailed(f"it says that it has {said[:40]!r} bytes")
    return int(lengths.pop())


def _continues(response, part, have):
    """Whether the answer goes on where `part` ends, in a version not newer than `part`."""
    if not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        return False
    modified = parsedate_tz(response.headers.get("Last-Modified", ""))
    try:
        return modified is None or mktime_tz(modified) <= part.stat().st_mtime
    except (ValueError, OverflowError):  # the year 99999: as good as no date
        return True


def _refuse_errors(response):
    status = _in_words(f"HTTP {response.status_code} {response.reason}")
    if response.status_code in (408, 429) or response.status_code >= 500:
        raise _Interrupted(status)
    if response.status_code not in (200, 206):
        raise TransferFailed(status)
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise TransferFailed(HTML)


def _download_from_drive(url, part, report):
    """gdown knows the confirmation pages of Google Drive; it has a partial file of its own."""
    import gdown  # only here: most files are not on Drive

    complete = part.with_suffix("")  # not `part`: gdown takes a file that exists for complete
    try:
        gdown.download(
            address(url),
            output=str(complete),
            resume=True,
            retries=ATTEMPTS - 1,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            use_cookies=False,
            quiet=True,  # it would print addresses with tokens
            progress=lambda have, whole: report(have),
        )
    except (gdown.exceptions.DownloadError, *_NETWORK_ERRORS) as error:
        if getattr(getattr(error, "response", None), "status_code", None) == 416:
            discard(part)  # longer than the file on Drive: nothing to continue
        raise TransferFailed(_in_words(error)) from error
    os.replace(complete, part)


def _in_words(error):
    """A network error in one line, without the queries of addresses, which may hold tokens, and control characters."""
    text = "".join(c if c.isprintable() else " " for c in str(error))
    return re.sub(r"\?[^\s'\")]+", "?...", " ".join(text.split()))
