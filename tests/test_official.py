"""Official files, against a server on this machine that plays their sources, good and bad."""

import gzip
import hashlib
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from common import official, transfer
from common.files import atomic_write
from common.official import CorruptFileError, DownloadError, OfficialFile, fetch, find, first_lines

BODY = random.Random(0).randbytes(1 << 20)
HALF = len(BODY) // 2
PAGE = b"<!DOCTYPE html><html><body>Sorry, please log in.</body></html>"


@dataclass
class Page:
    """What the server does for one path; a list has one entry for each request, then no more."""

    body: bytes = BODY
    status: int = 200
    headers: dict = field(default_factory=dict)
    ranges: bool = True
    length: bool = True  # tell how long the body is
    busy: int = 0  # answer 503 so many times first
    cuts: list = field(default_factory=list)  # drop the connection after so many bytes
    stalls: list = field(default_factory=list)  # s asleep after half of the bytes


@dataclass
class Request:
    path: str
    range: str | None
    sent: int = 0


class Handler(BaseHTTPRequestHandler):
    def setup(self):
        # A small buffer, so that `sent` is close to what the client has read.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 15)
        super().setup()

    def log_message(self, *args):
        pass

    def do_GET(self):
        page = self.server.pages.get(self.path, Page(b"", 404))
        request = Request(self.path, self.headers["Range"])
        self.server.requests.append(request)
        body, status, headers = page.body, page.status, dict(page.headers)
        if page.busy:
            page.busy -= 1
            body, status = b"", 503
        if page.ranges and request.range and status == 200:
            start = int(re.fullmatch(r"bytes=(\d+)-", request.range)[1])
            status = 206 if start < len(body) else 416
            span = f"{start}-{len(body) - 1}" if status == 206 else "*"
            headers["Content-Range"] = f"bytes {span}/{len(body)}"
            body = body[start:]
        self.send_response(status)
        if page.length:
            headers.setdefault("Content-Length", len(body))
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()

        stop = page.cuts.pop(0) if page.cuts else len(body)
        stall = page.stalls.pop(0) if page.stalls else 0
        for start in range(0, stop, 1 << 14):
            if stall and start >= stop // 2:
                self.server.awake.wait(stall)
                stall = 0
            block = body[start : min(start + (1 << 14), stop)]
            try:
                self.wfile.write(block)
            except OSError:  # the client has what it wants
                return
            request.sent += len(block)


class Source(ThreadingHTTPServer):
    request_queue_size = 16

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.pages, self.requests, self.awake = {}, [], threading.Event()

    def put(self, path, *args, **options):
        self.pages[path] = Page(*args, **options)
        return self.url + path


@pytest.fixture
def source():
    with Source() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.awake.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A data folder and a cache of our own, no proxy, and little patience."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("DEEPLEARN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # for processes that we start
    monkeypatch.setattr(official.platformdirs, "user_cache_path", lambda app: tmp_path / "cache" / app)
    monkeypatch.setattr(transfer, "BACKOFF", 0)
    monkeypatch.setattr(transfer, "ATTEMPTS", 2)
    monkeypatch.setattr(transfer, "READ_TIMEOUT", 1.0)  # s
    return tmp_path / "data"


def official_file(*urls, body=BODY, **changes):
    facts = dict(name="data.bin", sha256=hashlib.sha256(body).hexdigest(), size=len(body))
    return OfficialFile(urls=urls, **(facts | changes))


def get(file):
    return fetch("Higgs", file, progress=False)


def put(path, body=BODY):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def leftovers(home):
    """What is in our download folder besides whole files and locks."""
    names = (path.name for path in (home / "official" / "Higgs").iterdir())
    return [name for name in names if not name.endswith((".bin", ".gz", ".lock"))]


# Where data are


def test_data_home_is_the_environment_variable_or_the_cache(home, monkeypatch, tmp_path):
    assert official.data_home() == home
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPLEARN_DATA", "../shared")
    assert official.data_home() == (official.ROOT.parent / "shared").resolve()  # that of the course
    (tmp_path.parent / "shared").mkdir()
    assert official.data_home() == tmp_path.parent / "shared"
    monkeypatch.setenv("DEEPLEARN_DATA", "~/data")
    assert official.data_home() == Path.home().resolve() / "data"
    monkeypatch.setenv("DEEPLEARN_DATA", "")
    assert official.data_home().name == "deeplearn-hackathon"


def test_data_home_that_is_a_link_to_itself_is_no_folder_to_write_to(monkeypatch, tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    monkeypatch.setenv("DEEPLEARN_DATA", str(loop))
    assert official.data_home() == loop
    with pytest.raises(OSError, match=f"cannot write to {loop}: .* set DEEPLEARN_DATA"), atomic_write(loop / "x"):
        pass


@pytest.mark.parametrize("said, reason", [
    ('"/data"', "has quotes around it"), ("'/data'", "has quotes"), ('/data"', "has quotes"),
    ("\N{LEFT DOUBLE QUOTATION MARK}/data\N{RIGHT DOUBLE QUOTATION MARK}", "has quotes"),
    ("$HOME/data", r"has \$HOME, a variable"), ("${HOME}/data", "a variable"), ("%USERPROFILE%/data", "%USERPROFILE%"),
    ("/scratch/$USER", r"\$USER"), ("$(pwd)/data", "a variable"), ("   ", "blank"), ("/data ", "blank"),
    ("/data\r", "line end"), ("~nobody-of-this-name/data", "no such user"), ("https://example.org/data", "an address"),
])  # fmt: skip
def test_a_data_folder_that_is_misspelled(monkeypatch, said, reason):
    monkeypatch.setenv("DEEPLEARN_DATA", said)
    with pytest.raises(ValueError, match=f"DEEPLEARN_DATA is .*{reason}.*"):
        official.data_home()


@pytest.mark.skipif(os.name != "posix", reason="such paths are right on Windows")
@pytest.mark.parametrize("said", ["C:\\course", "D:/course", "\\\\server\\course", "/my\\ data"])
def test_a_data_folder_of_another_system(monkeypatch, said):
    monkeypatch.setenv("DEEPLEARN_DATA", said)
    with pytest.raises(ValueError, match="as paths on Windows do"):
        official.data_home()


def test_data_folders_of_unusual_names(tmp_path, monkeypatch):
    for name in ("O'Brien", "a b", "50%", "daten-für-alle", "a~b", "cost$"):
        monkeypatch.setenv("DEEPLEARN_DATA", str(tmp_path / name))
        assert official.data_home() == tmp_path / name


@pytest.mark.parametrize("name", ["../data.bin", "a/b", "a\\b", "..", "", "C:x"])
def test_names_cannot_lead_out_of_the_folder(name):
    with pytest.raises(ValueError, match="plain name"):
        official_file(name=name)
    with pytest.raises(ValueError, match="plain name"):
        find(name, official_file())


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/data.bin"])
def test_only_http_and_drive_addresses(url):
    with pytest.raises(ValueError, match="address"):
        official_file(url)


@pytest.mark.parametrize("folder", ["Higgs", "official/Higgs", ""])
def test_a_file_that_is_there_is_not_downloaded(home, source, folder):
    path = put(home / folder / "data.bin")
    assert get(official_file(source.put("/data"))) == path
    assert source.requests == []


def test_find_without_a_file(home):
    assert find("Higgs", official_file()) is None
    assert not home.exists()


def test_a_verified_file_is_hashed_once_even_in_a_read_only_folder(home, monkeypatch):
    hashed = []
    real = official._hash
    monkeypatch.setattr(official, "_hash", lambda path: hashed.append(path) or real(path))
    path = put(home / "Higgs" / "data.bin")
    path.parent.chmod(0o555)
    for _ in range(3):
        assert find("Higgs", official_file()) == path
    assert hashed == [path]
    assert os.listdir(path.parent) == ["data.bin"]

    path.write_bytes(BODY[::-1])  # a change is noticed
    with pytest.raises(CorruptFileError, match="SHA-256"):
        find("Higgs", official_file())


def test_a_folder_with_the_name_of_a_file_is_told(home, source):
    (home / "Higgs" / "data.bin").mkdir(parents=True)
    with pytest.raises(CorruptFileError, match="data.bin is a folder, and should be a file"):
        get(official_file(source.put("/data")))
    path = put(home / "official" / "Higgs" / "data.bin", BODY)
    assert find("Higgs", official_file()) == path


@pytest.mark.parametrize(
    "body, reason",
    [(BODY[:-1], "bytes, expected 1,048,576"), (BODY[::-1], "SHA-256"), (PAGE, "web page")],
)
def test_a_wrong_file_is_reported_and_left_alone(home, source, body, reason):
    path = put(home / "Higgs" / "data.bin", body)
    with pytest.raises(CorruptFileError, match=reason) as caught:
        get(official_file(source.put("/data")))
    assert str(path) in str(caught.value) and "delete" in str(caught.value)
    assert path.read_bytes() == body
    assert source.requests == []


# Downloads


@pytest.mark.parametrize("length", [True, False])
def test_download(home, source, length, monkeypatch):
    file = official_file(source.put("/data", length=length))
    path = get(file)
    assert path == home / "official" / "Higgs" / "data.bin"
    assert path.read_bytes() == BODY
    assert leftovers(home) == []
    monkeypatch.setattr(official, "_hash", None)  # verified already
    assert get(file) == path
    assert len(source.requests) == 1


def test_bytes_are_kept_as_they_are_published(source):
    """A server that labels a .gz as an encoding must not make us unpack it."""
    body = gzip.compress(BODY)
    url = source.put("/data", body, headers={"Content-Encoding": "gzip"})
    assert get(official_file(url, body=body)).read_bytes() == body


def test_progress_is_shown_and_can_be_silent(source, capfd):
    file = official_file(source.put("/data"))
    fetch("Higgs", file, progress=False)
    assert capfd.readouterr() == ("", "")
    fetch("Other", file, progress=True)
    assert "data.bin" in capfd.readouterr().err


@pytest.mark.parametrize("length", [True, False])
def test_a_dropped_connection_is_resumed_where_it_stopped(source, length):
    assert get(official_file(source.put("/data", cuts=[HALF], length=length))).read_bytes() == BODY
    assert [(r.range, r.sent) for r in source.requests] == [
        (None, HALF),
        (f"bytes={HALF}-", len(BODY) - HALF),
    ]


def test_a_busy_server_is_asked_again(source):
    assert get(official_file(source.put("/data", busy=1))).read_bytes() == BODY
    assert len(source.requests) == 2


def test_a_file_of_another_size_is_not_even_downloaded(home, source):
    with pytest.raises(DownloadError, match="it offers 2,097,152 bytes, expected 1,048,576"):
        get(official_file(source.put("/data", BODY + BODY)))
    assert leftovers(home) == []


def test_an_interruption_is_resumed_by_the_next_call(home, source):
    """Also where no checksum is known."""
    file = official_file(source.put("/data", cuts=[HALF, 1000]), sha256=None)
    with pytest.raises(DownloadError, match="closed after|IncompleteRead"):
        get(file)
    assert get(file).read_bytes() == BODY
    assert source.requests[-1].range == f"bytes={HALF + 1000}-"
    assert leftovers(home) == []


def test_a_stall_times_out_and_is_resumed(source):
    start = time.monotonic()
    assert get(official_file(source.put("/data", stalls=[30]))).read_bytes() == BODY
    assert time.monotonic() - start < 10
    assert source.requests[1].range is not None


def test_a_source_that_only_stalls_fails(source):
    start = time.monotonic()
    with pytest.raises(DownloadError, match="timed out"):
        get(official_file(source.put("/data", stalls=[30, 30])))
    assert time.monotonic() - start < 10


def test_a_server_without_range_support_starts_again(source):
    file = official_file(source.put("/data", ranges=False, cuts=[HALF]))
    assert get(file).read_bytes() == BODY
    end = time.monotonic() + 10
    while source.requests[-1].sent < len(BODY) and time.monotonic() < end:
        time.sleep(0.01)  # the client may have the last bytes before the server has counted them
    assert [r.sent for r in source.requests] == [HALF, len(BODY)]


def test_a_file_that_changed_meanwhile_starts_again(source):
    """Nothing but the date tells that the halves are of two versions: there is no checksum."""
    file = official_file(source.put("/data", cuts=[HALF, 0]), sha256=None)
    with pytest.raises(DownloadError):
        get(file)
    tomorrow = formatdate(time.time() + 86400, usegmt=True)
    source.put("/data", BODY[::-1], headers={"Last-Modified": tomorrow})
    assert get(file).read_bytes() == BODY[::-1]


@pytest.mark.parametrize("arrived", [BODY, BODY + b"more"])
def test_a_part_with_nothing_missing(home, source, arrived):
    """Killed between the last byte and the final name; or a longer file than the source has now."""
    file = official_file(source.put("/data"), size=None)
    put(official._part(home / "official" / "Higgs", file, file.urls[0]), arrived)
    assert get(file).read_bytes() == BODY
    assert source.requests[0].range == f"bytes={len(arrived)}-"


def test_a_killed_download_is_resumed(home, source):
    file = official_file(source.put("/data", stalls=[60]))
    part = official._part(home / "official" / "Higgs", file, file.urls[0])
    process = start_fetch(file)
    wait_for(lambda: part.exists() and part.stat().st_size > HALF // 2)
    process.kill()
    process.communicate()
    have = part.stat().st_size
    assert get(file).read_bytes() == BODY
    assert source.requests[-1].range == f"bytes={have}-"
    assert source.requests[-1].sent == len(BODY) - have


def test_two_processes_download_once(source):
    file = official_file(source.put("/data", stalls=[1.5]))
    processes = [start_fetch(file), start_fetch(file)]
    outputs = [process.communicate(timeout=30) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert len({out for out, _ in outputs}) == 1
    assert Path(outputs[0][0].decode().strip()).read_bytes() == BODY
    assert len(source.requests) == 1
    assert sum(b"Another process downloads data.bin" in err for _, err in outputs) == 1


def start_fetch(file):
    code = (
        "import sys; from common import transfer; from common.official import OfficialFile, fetch;"
        f"transfer.READ_TIMEOUT = 60; print(fetch('Higgs', {file!r}, progress=False))"
    )
    root = Path(__file__).parents[1]
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], cwd=root, stdout=pipe, stderr=pipe)


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for 20 s"
        time.sleep(0.02)


# Sources that do not give the file


@pytest.mark.parametrize(
    "page, reason",
    [
        (Page(BODY[::-1]), "SHA-256"),
        (Page(BODY[:-1]), "expected 1,048,576"),
        (Page(BODY[:-1], length=False), "expected 1,048,576|of 1,048,576"),
        (Page(BODY + b"more", length=False), "1,048,580 bytes, expected"),
        (Page(b"", 404), "HTTP 404"),
        (Page(b"", 503), "HTTP 503"),
        (Page(b"<title>Log in</title>", headers={"Content-Type": "text/html"}), "web page"),
        (Page(b"\n" + PAGE, headers={"Content-Type": "application/zip"}), "web page"),
        (Page(b"", 302, headers={"Location": "/login"}), "web page"),
        (Page(cuts=[10, 10]), "closed after|IncompleteRead"),
        (Page(headers={"Content-Length": "abc"}), "it says that it has 'abc' bytes"),
        (Page(b"", 302, headers={"Location": "http://[::/"}), "an address that is none|Failed to parse|Invalid"),
    ],
)
def test_the_next_mirror_is_tried(source, page, reason):
    """A mirror that fails is named in the message when all fail, and replaced when one works."""
    source.put("/login", PAGE, headers={"Content-Type": "text/html"})
    source.pages["/bad"] = page
    size = None if "web" in reason else len(BODY)
    file = official_file(f"{source.url}/bad", f"{source.url}/missing", size=size)
    with pytest.raises(DownloadError) as caught:
        get(file)
    first, second = re.findall(r"  - (.*)", str(caught.value))
    assert first.startswith(f"{source.url}/bad: ") and re.search(reason, first)
    assert second == f"{source.url}/missing: HTTP 404 Not Found"
    page.cuts = [10, 10]

    source.put("/missing")
    assert get(file).read_bytes() == BODY


def test_a_length_that_is_said_twice(source):
    page = Page(headers={"Content-Length": len(BODY), "content-length": len(BODY)})
    source.pages["/data"] = page
    assert get(official_file(f"{source.url}/data")).read_bytes() == BODY


def test_a_source_that_never_ends_is_left_at_the_expected_size(source):
    file = official_file(source.put("/data", BODY * 8, length=False))
    with pytest.raises(DownloadError, match="bytes, expected 1,048,576; what had arrived was deleted"):
        get(file)
    assert source.requests[-1].sent < 4 * len(BODY)


def test_a_date_that_is_none(home, source):
    file = official_file(source.put("/data", headers={"Last-Modified": "Mon, 01 Jan 99999 00:00:00 GMT"}, cuts=[HALF]))
    assert get(file).read_bytes() == BODY


def test_nothing_of_a_server_reaches_the_terminal_as_a_command(source, monkeypatch):
    monkeypatch.setitem(Handler.responses, 404, ("a\x1b[2J\x07b", ""))
    with pytest.raises(DownloadError) as caught:
        get(official_file(source.url + "/data"))
    assert "HTTP 404 a [2J b" in str(caught.value) and all(c.isprintable() or c == "\n" for c in str(caught.value))


def test_the_message_says_what_to_do(home):
    with pytest.raises(DownloadError) as caught:
        get(official_file("http://127.0.0.1:9/data"))  # nobody listens there
    message = str(caught.value)
    assert message.startswith("data.bin could not be downloaded:\n  - http://127.0.0.1:9/data")
    assert str(home / "Higgs" / "data.bin") in message and 'source="simulated"' in message
    assert "refused" in message


def test_the_tokens_of_a_redirection_are_not_told(source):
    target = "http://127.0.0.1:9/signed?token=SECRET"
    with pytest.raises(DownloadError) as caught:
        get(official_file(source.put("/data", b"", 302, headers={"Location": target})))
    assert "refused" in str(caught.value) and "SECRET" not in str(caught.value)


def test_damaged_data_are_not_kept(home, source):
    file = official_file(source.put("/data", BODY[::-1]))
    with pytest.raises(DownloadError, match="deleted"):
        get(file)
    assert leftovers(home) == []
    source.put("/data")
    assert get(file).read_bytes() == BODY


def test_mirrors_are_not_mixed(home, source):
    """Half a file from the first mirror must not become the start of the second mirror's."""
    other = bytes(len(BODY))
    first = source.put("/first", other, cuts=[HALF, 0])
    file = official_file(first, source.put("/second"), sha256=None)
    assert get(file).read_bytes() == BODY
    assert leftovers(home) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk without room")
def test_a_full_disk(home, source):
    file = official_file(source.put("/data"), f"{source.url}/never")
    part = official._part(home / "official" / "Higgs", file, file.urls[0])
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(DownloadError, match=r"No space left.*\n?.*DEEPLEARN_DATA"):
        get(file)
    assert len(source.requests) == 1  # another mirror would not help


def test_a_folder_that_cannot_be_made(home, source):
    put(home / "official", b"a file where the folder should be")
    with pytest.raises(DownloadError, match=f"cannot be written to {home}.*DEEPLEARN_DATA"):
        get(official_file(source.put("/data")))
    assert source.requests == []


# Google Drive


@pytest.fixture
def drive(source, monkeypatch):
    """Google's hosts are played by the server; gdown itself is the real one."""
    send = requests.adapters.HTTPAdapter.send

    def to_source(self, request, **options):
        request.url = re.sub(r"https://drive(\.usercontent)?\.google\.com", source.url, request.url)
        return send(self, request, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", to_source)
    attachment = {"Content-Disposition": 'attachment; filename="../other.bin"'}
    binary = {"Content-Type": "application/octet-stream"}

    def put(page_id, **options):
        source.put(f"/uc?id={page_id}", headers=attachment | binary, **options)
        return f"drive:{page_id}"

    source.drive = put
    return source


HTML = {"Content-Type": "text/html; charset=utf-8"}


def test_drive(home, drive):
    path = get(official_file(drive.drive("SMALL")))
    assert path == home / "official" / "Higgs" / "data.bin"
    assert path.read_bytes() == BODY
    assert leftovers(home) == []


def test_drive_asks_to_confirm_a_large_file(drive, capfd):
    form = (
        b'<form id="download-form" action="https://drive.usercontent.google.com/download">'
        b'<input type="hidden" name="id" value="LARGE">'
        b'<input type="hidden" name="uuid" value="SECRET"></form>'
    )
    drive.put("/uc?id=LARGE", form, headers=HTML)
    drive.drive("x")
    drive.pages["/download?id=LARGE&uuid=SECRET"] = drive.pages.pop("/uc?id=x")
    assert fetch("Higgs", official_file("drive:LARGE")).read_bytes() == BODY
    assert "SECRET" not in "".join(capfd.readouterr())


def test_drive_over_its_quota(home, drive):
    quota = b'<p class="uc-error-subcaption">Too many users have viewed this file recently.</p>'
    drive.put("/uc?id=BUSY", quota, headers=HTML)
    with pytest.raises(DownloadError, match="Too many users") as caught:
        get(official_file("drive:BUSY"))
    assert "https://drive.google.com/uc?id=BUSY: " in str(caught.value)
    assert leftovers(home) == []


def test_drive_sends_a_page_as_the_file(home, drive):
    """Refused even where neither size nor checksum is known, as for most files on Drive."""
    with pytest.raises(DownloadError, match="web page"):
        get(official_file(drive.drive("PAGE", body=PAGE), size=None, sha256=None))
    assert leftovers(home) == []


def test_drive_is_resumed_by_the_next_call(home, drive, monkeypatch):
    monkeypatch.setattr(transfer, "ATTEMPTS", 1)
    file = official_file(drive.drive("CUT", cuts=[HALF]))
    with pytest.raises(DownloadError, match="incomplete"):
        get(file)
    assert get(file).read_bytes() == BODY
    assert drive.requests[-1].range == f"bytes={HALF}-"
    assert leftovers(home) == []


def test_drive_stalls(drive, monkeypatch):
    monkeypatch.setattr(transfer, "ATTEMPTS", 1)
    start = time.monotonic()
    with pytest.raises(DownloadError, match="timed out"):
        get(official_file(drive.drive("SLOW", stalls=[30])))
    assert time.monotonic() - start < 10


# The first lines of a large file


@pytest.fixture(scope="module")
def table():
    """Lines that hardly compress, in two gzip members: 6 MB, and the lines themselves."""
    rng = random.Random(1)
    lines = [rng.randbytes(300).hex().encode() + b"\n" for _ in range(20_000)]
    packed = [gzip.compress(b"".join(half), 1) for half in (lines[:10_000], lines[10_000:])]
    return b"".join(packed), lines


def gz_file(source, body, **changes):
    return official_file(source.put("/table", body), body=body, **(dict(name="table.csv.gz") | changes))


def head(file, n):
    return first_lines("Higgs", file, n, progress=False)


def test_first_lines_download_only_what_they_need(source, table):
    body, lines = table
    file = gz_file(source, body)
    assert head(file, 300) == b"".join(lines[:300])
    wait_for_server(source)
    assert source.requests[0].sent < len(body) / 3

    assert head(file, 200) == b"".join(lines[:200])  # they are here
    assert len(source.requests) == 1


def wait_for_server(source):
    """Until the server has noticed that the connection is closed."""
    sent = -1
    while sent != source.requests[-1].sent:
        sent = source.requests[-1].sent
        time.sleep(0.1)


def test_more_lines_continue_and_fetch_completes(home, source, table):
    body, lines = table
    file = gz_file(source, body)
    head(file, 300)
    part = official._part(home / "official" / "Higgs", file, file.urls[0])
    have = part.stat().st_size
    assert head(file, 12_000) == b"".join(lines[:12_000])  # into the second gzip member
    assert source.requests[1].range == f"bytes={have}-"

    have = part.stat().st_size
    path = get(file)
    assert path.read_bytes() == body
    assert source.requests[2].range == f"bytes={have}-"
    assert leftovers(home) == []

    assert head(file, 300) == b"".join(lines[:300])  # now from the whole file
    assert len(source.requests) == 3


def test_more_lines_of_a_file_that_changed_meanwhile(home, source, table):
    """The start that is here was made before the source's file: it is not continued."""
    body, lines = table
    file = gz_file(source, body, size=None, sha256=None)
    head(file, 300)
    part = official._part(home / "official" / "Higgs", file, file.urls[0])
    os.utime(part, (time.time() - 86400,) * 2)
    an_hour_ago = formatdate(time.time() - 3600, usegmt=True)
    source.put("/table", body, headers={"Last-Modified": an_hour_ago})
    assert head(file, 15_000) == b"".join(lines[:15_000])
    assert [request.range is None for request in source.requests] == [True, False, True]


@pytest.mark.parametrize("known", [True, False])
def test_more_lines_than_the_file_has(source, table, known):
    body, lines = table
    file = gz_file(source, body) if known else gz_file(source, body, size=None, sha256=None)
    assert head(file, 30_000) == b"".join(lines)
    assert head(file, 30_000) == b"".join(lines)
    assert get(file).read_bytes() == body


def test_first_lines_of_a_small_file(source):
    file = gz_file(source, gzip.compress(b"1,2\n3,4"), size=None, sha256=None)
    assert head(file, 1) == b"1,2\n"
    assert head(file, 9) == b"1,2\n3,4"


def test_first_lines_survive_a_server_without_ranges(source, table):
    body, lines = table
    file = gz_file(source, body)
    source.pages["/table"] = Page(body, ranges=False, cuts=[len(body) // 2])
    assert head(file, 15_000) == b"".join(lines[:15_000])


def test_a_damaged_start_is_downloaded_once_more(home, source, table):
    body, lines = table
    file = gz_file(source, body)
    part = official._part(home / "official" / "Higgs", file, file.urls[0])
    put(part, b"\0" + body[1 : 1 << 20])
    assert head(file, 300) == b"".join(lines[:300])
    assert source.requests[0].range is None


def test_a_bit_flip_within_the_start(home, source, table):
    body, lines = table
    file = gz_file(source, body)
    part = official._part(home / "official" / "Higgs", file, file.urls[0])
    damaged = bytearray(body[: len(body) // 2 + (1 << 16)])  # all of the first member
    damaged[len(body) // 4] ^= 1
    put(part, damaged)
    assert head(file, 10_001) == b"".join(lines[:10_001])


@pytest.mark.parametrize("bad", ["truncated", "flipped", "not gzip", "page"])
def test_a_source_with_damaged_gzip(home, source, table, bad):
    body, _ = table
    flipped = bytearray(body)
    flipped[len(body) // 4] ^= 1
    bodies = {"truncated": body[:-100_000], "flipped": flipped, "not gzip": BODY, "page": PAGE}
    file = gz_file(source, bytes(bodies[bad]), size=None, sha256=None)
    with pytest.raises(DownloadError, match="web page" if bad == "page" else "gzip data are damaged"):
        head(file, 20_000)
    assert [name for name in leftovers(home) if (home / "official/Higgs" / name).stat().st_size] == []


def test_a_local_truncated_gzip_is_reported_and_left_alone(home, source, table):
    body, lines = table
    path = put(home / "table.csv.gz", body[:-100_000])
    file = gz_file(source, body, size=None, sha256=None)
    assert head(file, 300) == b"".join(lines[:300])
    with pytest.raises(CorruptFileError, match=re.escape(str(path))):
        head(file, 20_000)
    assert path.stat().st_size == len(body) - 100_000


def test_first_lines_are_not_on_drive():
    with pytest.raises(DownloadError, match="only be downloaded whole"):
        head(official_file("drive:ID", name="table.csv.gz"), 10)
