"""One web page to hand in: a zip file and the key file of its team, a receipt, and the leaderboard.

What arrives is trusted as little as what lies in a folder. It is written to a file whose name this machine makes, up to
the size that a submission may have; the process that reads it is bounded; nothing in a request is executed, and no
text of a request reaches a path. It is kept only if the key that was sent is that of its manifest.
"""

import asyncio
import hashlib
import hmac
import logging
import os
import re
import secrets
import shutil
import tempfile
from collections import deque
from pathlib import Path

import aiohttp
import filelock
from aiohttp import web

from common import pages
from common.hackathon import aliases, archive, arrivals, judge, keys, leaderboard, receipts
from common.hackathon.event import EventError, load
from common.hackathon.kept import Kept

ADDRESS, PORT = "127.0.0.1", 8024
FORM_BYTES = 10_000  # of a request beyond its file: fields, and what stands between them
UPLOADS, SECONDS = 50, 900  # that arrive at once, and the time for one
READERS = 2  # submissions that are read at once
PERIOD, PER_KEY, PER_ADDRESS = 600, 20, 300  # s, and hand-ins in it; a class may share an address
WORKERS = 1  # processes that read a submission; 0 reads in this one, without bounds of memory
PART = ".upload-"  # how the names of files begin that are still to be accepted; a dot, so that nobody scores them
COOKIE = "hand_in"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'self'; "
                               "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "deeplearn",
}  # fmt: skip


class Refused(Exception):
    """A request that is refused, with its HTTP status and one line that says why."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


class Rate:
    """Counts what happens in a period, by whom."""

    def __init__(self, most, clock):
        self.most, self.clock, self._times = most, clock, {}

    def check(self, who):
        """Count one more, or raise Refused where there were too many."""
        now = self.clock()
        for other in [other for other, times in self._times.items() if times[-1] < now - PERIOD]:
            del self._times[other]
        times = self._times.setdefault(who, deque(maxlen=self.most))
        if len(times) == self.most and times[0] > now - PERIOD:
            raise Refused(429, f"more than {self.most} hand-ins in {PERIOD // 60} minutes: wait a little")
        times.append(now)


class Desk:
    """Takes hand-ins for an event.

    Parameters
    ----------
    folder, submissions : path-like
        Of the event, and where submissions go.
    say : callable
        Where the organiser reads what happens.
    """

    def __init__(self, folder, submissions, say=print):
        self.folder, self.submissions, self.say = Path(folder), Path(submissions), say
        self.event = load(self.folder / "event.toml")
        self.secret = secrets.token_bytes(32)
        self.accepted, self.receipts, self.memory, self.busy = set(), {}, {}, 0
        self.reading, self.scoring = asyncio.Semaphore(READERS), asyncio.Lock()
        clock = asyncio.get_running_loop().time
        self.addresses, self.keys = Rate(PER_ADDRESS, clock), Rate(PER_KEY, clock)

    def app(self):
        """The application of aiohttp."""
        app = web.Application(middlewares=[self._guarded], client_max_size=FORM_BYTES)
        app.add_routes([
            web.get("/", self.form), web.post("/", self.hand_in), web.get("/board", self.board),
            web.get("/rules.html", self.rules), web.get("/receipt/{digest:[0-9a-f]{64}}", self.receipt),
        ])  # fmt: skip
        return app

    @web.middleware
    async def _guarded(self, request, handler):
        """Turn whatever goes wrong into a page, and add what tells browsers to be careful."""
        try:
            response = await handler(request)
        except Refused as error:
            self._log(f"refused ({error.status}): {error}")
            response = self._page("Not accepted", error.status, reason=f"Not accepted: {error}.")
        except web.HTTPRedirection as error:
            response = error
        except web.HTTPException as error:
            response = self._page("No such page", error.status, reason=f"{error.reason}.")
        except Exception as error:  # of this program, which goes on for the others
            self._log(f"error: {type(error).__name__}: {error}")
            reason = "Something is wrong with this page, not with your file: send it to the organisers in another way."
            response = self._page("Not accepted", 500, reason=reason)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if response.status == 429:
            response.headers["Retry-After"] = str(PERIOD)
        if isinstance(response, web.HTTPRedirection):
            raise response
        return response

    def _log(self, text):
        self.say(f"{arrivals.now():%H:%M:%S} {archive.one_line(text)}")

    def _page(self, heading, status=200, **values):
        body = pages.filled("receipt.html", heading=heading, **values)
        return _html(pages.page(f"{heading}: {self.event.title}", body, alone=True, form=True), status)

    # What can be asked for

    async def form(self, request):
        """The page with the form."""
        cookie = request.cookies.get(COOKIE, "")
        if not re.fullmatch(r"[0-9a-f]{32}", cookie):
            cookie = secrets.token_hex(16)
        now = arrivals.now()
        phase = self.event.phase_at(now)
        body = pages.filled(
            "hand_in.html", event=self.event, due=self.event.clock(self.event.deadline), phase=phase,
            late=now > self.event.deadline, phase_end=phase and self.event.clock(phase.end), token=self._token(cookie),
            most=archive.ARCHIVE_BYTES // 10**6,
        )  # fmt: skip
        response = _html(pages.page(f"Hand in: {self.event.title}", body, alone=True, form=True))
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="Strict", secure=request.secure)
        return response

    async def board(self, request):
        """The leaderboard as the last scoring wrote it."""
        return self._scored("leaderboard.html")

    async def rules(self, request):
        """The rules, to which the leaderboard leads."""
        return self._scored("rules.html")

    def _scored(self, name):
        """A page that scoring writes."""
        path = self.folder / name
        if not path.is_file():
            return self._page("Leaderboard", reason="Nothing is scored yet.")
        response = _html(path.read_text("utf-8"))
        response.headers["Content-Security-Policy"] = "frame-ancestors 'none'"  # beside the policy in the page itself
        return response

    async def receipt(self, request):
        """The receipt of a submission, for whoever knows its SHA-256."""
        digest = request.match_info["digest"]
        if digest in self.accepted and digest not in self.receipts:
            async with self.scoring:
                if digest not in self.receipts:  # whoever was before may have scored it too
                    await asyncio.to_thread(self.score)
        if digest not in self.receipts:
            raise web.HTTPNotFound
        return self._page("Receipt", receipt=self.receipts[digest])

    async def hand_in(self, request):
        """Take a submission, and lead to its receipt."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "the form of another site was sent here: hand in with the one of this page")
        self.addresses.check(request.remote)
        if (request.content_length or 0) > archive.ARCHIVE_BYTES + FORM_BYTES:
            raise Refused(413, f"more than {archive.ARCHIVE_BYTES // 10**6} MB")
        if self.busy >= UPLOADS:
            raise Refused(503, "others hand in at this moment: try again in a minute")
        if shutil.disk_usage(self.submissions).free < 2 * archive.ARCHIVE_BYTES:
            raise Refused(507, "the disk of this machine is nearly full: tell the organisers")
        handle, name = tempfile.mkstemp(prefix=PART, dir=self.submissions)
        part = Path(name)
        try:
            self.busy += 1
            try:
                with open(handle, "wb") as out:
                    key, digest = await asyncio.wait_for(self._received(request, out), SECONDS)
            finally:
                self.busy -= 1
            arrived = arrivals.now()  # those before it may still be read
            async with self.reading:
                name = await asyncio.to_thread(self.accept, part, key, digest, arrived)
        except asyncio.TimeoutError as error:
            raise Refused(408, f"it did not arrive within {SECONDS // 60} minutes") from error
        finally:
            part.unlink(missing_ok=True)
        self.accepted.add(digest)
        self._log(f"accepted: {name}")
        raise web.HTTPSeeOther(f"/receipt/{digest}")

    def _token(self, cookie):
        """What only the form that was sent with a cookie says: other sites can neither read nor guess it."""
        return hmac.new(self.secret, cookie.encode(), hashlib.sha256).hexdigest()

    async def _received(self, request, out):
        """Read a form: its token, the key of the team, and the file, which is written to `out`.

        Returns the SHA-256 of key and file. Names of files in the form are not used.
        """
        if request.content_type != "multipart/form-data" or "Content-Encoding" in request.headers:
            raise Refused(415, "not the form of this page")
        try:
            reader = await request.multipart()
            token = await _field(reader, "token", 100)
            expected = self._token(request.cookies.get(COOKIE, ""))
            if not hmac.compare_digest(token, expected.encode()):
                raise Refused(403, "this form is too old, or cookies are off: open the page again and hand in anew")
            key = keys.key_in(await _field(reader, "key", keys.BYTES))
            if key is None:
                raise Refused(400, "what was given as the key is not the key file of a team")
            self.keys.check(key)
            digest = await _written(await _part(reader, "submission"), out)
            if await reader.next() is not None:
                raise Refused(400, "more than the form of this page has")
        except (ValueError, AssertionError, LookupError, RuntimeError, ConnectionError,
                web.RequestPayloadError, aiohttp.http.HttpProcessingError) as error:  # fmt: skip
            raise Refused(400, f"it did not arrive as a whole ({type(error).__name__}): try again") from error
        return key, digest

    # What takes its time, in threads

    def accept(self, part, key, digest, arrived):
        """Keep a file as a submission if it has a manifest with this key, and return the name that it gets."""
        arrival = arrivals.Arrival("the file", arrived, part, digest)
        ((_, entries),) = judge.judge_each(str(self.folder), [arrival], WORKERS)
        if not entries[0].key:  # with a sound manifest it has one
            raise Refused(400, entries[0].reason or "packed without the key of a team: pack it again")
        if not hmac.compare_digest(entries[0].key, key):
            raise Refused(403, f"the file of the team {entries[0].team!r} was packed with another key than this one")
        Kept(self.folder, self.event).put(arrival, entries)
        name = f"web-{arrived:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.zip"
        part.replace(self.submissions / name)
        arrivals.receive(self.folder, self.submissions, arrived, [name])
        return name

    def score(self):
        """Score what is new, write the leaderboard, and learn the receipts."""
        _, entries = leaderboard.score(self.folder, self.submissions, memory=self.memory)
        self.receipts = receipts.texts(self.event, entries, aliases.shown(self.folder, self.event, entries))


def _html(text, status=200):
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")


async def _part(reader, name):
    """The next part of a form, which has to be the field of this name."""
    part = await reader.next()
    if not isinstance(part, aiohttp.BodyPartReader) or part.name != name:
        raise Refused(400, "not the form of this page")
    return part


async def _field(reader, name, most):
    """The content of the next field of a form, of at most `most` bytes."""
    part, content = await _part(reader, name), b""
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > most:
            raise Refused(400, f"the field {name} has more than {most} bytes")
    return content


async def _written(part, out):
    """Write a part of a form to a file, as far as a submission may be; returns its SHA-256."""
    found, size = hashlib.sha256(), 0
    while chunk := await part.read_chunk(1 << 16):
        size += len(chunk)
        if size > archive.ARCHIVE_BYTES:
            raise Refused(413, f"more than {archive.ARCHIVE_BYTES // 10**6} MB")
        found.update(chunk)
        out.write(chunk)
    if not size:
        raise Refused(400, "no file: choose the zip file that 'submit' wrote")
    out.flush()
    os.fsync(out.fileno())
    return found.hexdigest()


def serve(folder, submissions, address=ADDRESS, port=PORT):
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    folder, submissions : path-like
        Of the event, and where submissions go; made where it is not there.
    address : str
        Of this machine, where the page can be reached; by default from this machine only.
    port : int

    Raises
    ------
    EventError
        No such event, or somebody serves it already.
    """
    folder, submissions = Path(folder), Path(submissions)
    load(folder / "event.toml")
    if not (folder / "private").is_dir():
        raise EventError(f"{folder}: no folder 'private': is it the event that 'prepare' made?")
    submissions.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / "private" / ".serving.lock", timeout=0):
            for path in submissions.glob(f"{PART}*"):  # of a server that was killed
                path.unlink()
            logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # it has a traceback for each damaged request
            web.run_app(_started(folder, submissions), host=address, port=port, access_log=None, print=None)
    except filelock.Timeout as error:
        raise EventError(f"{folder}: is served already") from error


async def _started(folder, submissions):
    desk = Desk(folder, submissions)
    await asyncio.to_thread(desk.score)
    return desk.app()
