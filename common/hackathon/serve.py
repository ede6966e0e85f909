"""One web page to hand in: a zip file and the key file of its team, a receipt, and the leaderboard.

What arrives is trusted as little as what lies in a folder. It is written to a file whose name this machine makes, up to
the size that a submission may have; the process that reads it is bounded; nothing in a request is executed, and no
text of a request reaches a path. It is kept only if the key that was sent is that of its manifest.

Connections, uploads, disk space and lines of the log are bounded, and no address has more than half of the connections
or uploads. Against many addresses at once, a server before this one has to help.
"""

import asyncio
import errno
import hashlib
import hmac
import ipaddress
import logging
import math
import os
import re
import secrets
import shutil
import signal
import socket
import tempfile
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import filelock
from aiohttp import web

from common import pages
from common.hackathon import aliases, archive, arrivals, judge, keys, leaderboard, receipts, roster
from common.hackathon.event import EventError, load
from common.hackathon.kept import Kept

ADDRESS, PORT = "127.0.0.1", 8024
FORM_BYTES = 10_000  # of a request beyond its file: fields, and what stands between them
OPEN, BRIEF = 400, 60  # connections at once, and the seconds for one that neither hands in nor waits for a receipt
UPLOADS, PER_TEAM, SECONDS = 50, 8, 900  # that arrive at once, of them with one key, and the time for one
FIELD_SECONDS = 20  # for what shows that a form may bring its file: token and key
PATIENCE, SLOWEST = 30, 10_000  # a file of n bytes has PATIENCE + n / SLOWEST seconds
READERS = 2  # submissions that are read at once
PERIOD, PER_KEY, PER_ADDRESS = 600, 20, 300  # s, and hand-ins in it; a class may share an address
LINES = 300  # of the log about what was refused, in a period
WORKERS = 1  # processes that read a submission; 0 reads in this one, without bounds of memory
FULL = "the disk of this machine is nearly full: tell the organisers"
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


def _print(text):
    print(text, flush=True)


@dataclass
class Connection:
    """An open connection: whose it is, and when it may be closed, in the clock of the loop."""

    whose: str
    transport: asyncio.Transport
    due: float

    def is_open(self):
        """Whether it still takes one of the descriptors that this process may have."""
        return self.transport.get_extra_info("socket").fileno() != -1


class Desk:
    """Takes hand-ins for an event.

    Parameters
    ----------
    folder, submissions : path-like
        The folder of the event, and the one where submissions go.
    say : callable
        Where the organiser reads what happens.
    behind : str
        The name of the site whose server on this machine passes requests on, and says in X-Forwarded-For whose they
        are; empty where there is none.
    """

    def __init__(self, folder, submissions, say=_print, behind=""):
        self.folder, self.submissions, self.say, self.behind = Path(folder), Path(submissions), say, behind
        self.names = {"localhost", socket.gethostname().lower(), behind.lower()} - {""}
        self.event, self._seen = load(self.folder / "event.toml"), self._stamp()
        self.secret = secrets.token_bytes(32)
        self.accepted, self.receipts, self.memory = set(), {}, {}  # accepted: SHA-256 of what is not scored yet
        self.uploads, self.reserved = [], 0  # (address, key) of those that arrive; bytes that they may still need
        self.opened = {}  # Connection by its handler, of aiohttp
        self.reading, self.scoring = asyncio.Semaphore(READERS), asyncio.Lock()
        clock = asyncio.get_running_loop().time
        self.addresses, self.keys, self.lines = Rate(PER_ADDRESS, clock), Rate(PER_KEY, clock), Rate(LINES, clock)

    async def admit(self, listening, server):
        """Accept connections for good, as many as there is room for; others wait in the queue of the system.

        Parameters
        ----------
        listening : socket.socket
        server : aiohttp.web.Server
            The server of a runner for `app`.
        """
        loop, room = asyncio.get_running_loop(), _room()
        while True:
            while self._count() >= room:
                await asyncio.sleep(0.1)
            try:
                connection, peer = await loop.sock_accept(listening)
                whose = _network(peer[0])
                if not self.behind and self._count(whose) >= room // 2:
                    connection.close()
                    await asyncio.sleep(0)  # the others have their turn
                    continue
                transport, handler = await loop.connect_accepted_socket(server, connection)
            except OSError:  # it is gone already, or this machine has no room: others may close
                await asyncio.sleep(0.1)
                continue
            self.opened[handler] = Connection(whose, transport, loop.time() + BRIEF)

    def _count(self, whose=None):
        """How many connections are open, of one address or of all, once those are closed whose time is over."""
        now = asyncio.get_running_loop().time()
        self.opened = {handler: one for handler, one in self.opened.items() if one.is_open()}
        for one in self.opened.values():
            if one.due < now:
                one.transport.abort()
        return sum(whose in (None, one.whose) and one.due >= now for one in self.opened.values())

    def app(self):
        """The application of aiohttp."""
        app = web.Application(middlewares=[self._guarded], client_max_size=FORM_BYTES)
        app.add_routes([
            web.get("/", self.form), web.post("/", self.hand_in), web.get("/board", self.board),
            web.get("/rules.html", self.rules), web.get("/receipt/{digest:[0-9a-f]{64}}", self.receipt),
        ])  # fmt: skip
        return app

    def _stamp(self):
        with suppress(OSError):
            about = (self.folder / "event.toml").stat()
            return about.st_mtime_ns, about.st_size

    def _refresh(self):
        """Read the event file where it has changed, such as by a deadline that moves; one that is wrong is not used."""
        if (stamp := self._stamp()) == self._seen:
            return
        self._seen = stamp
        try:
            self.event = load(self.folder / "event.toml")
        except EventError as error:
            self._log(f"the page goes on with the event as it was: {error}")

    @web.middleware
    async def _guarded(self, request, handler):
        """Turn whatever goes wrong into a page, and add what tells browsers to be careful."""
        try:
            self._check_name(request)
            self._refresh()
            response = await handler(request)
        except Refused as error:
            self._log_some(f"refused ({error.status}): {error}")
            response = self._page("Not accepted", error.status, reason=f"Not accepted: {error}.")
        except web.HTTPRedirection as error:
            response = error
        except web.HTTPException as error:
            response = self._page("No such page", error.status, reason=f"{error.reason}.")
        except Exception as error:  # of this program, which goes on for the others
            self._log_some(f"error: {type(error).__name__}: {error}")
            reason = "Something is wrong with this page, not with your file: send it to the organisers in another way."
            response = self._page("Not accepted", 500, reason=reason)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.force_close()  # one request a connection, so that its time can be bounded
        if response.status == 429:
            response.headers["Retry-After"] = str(PERIOD)
        if isinstance(response, web.HTTPRedirection):
            raise response
        return response

    def _check_name(self, request):
        """Refuse a name that some other site made lead to this machine; numbers cannot be such a name."""
        name = re.sub(r":\d*$", "", request.headers.get("Host", "localhost")).strip("[]").lower()
        if name not in self.names and not _is_address(name):
            raise Refused(421, "this page has another name: open it by the address of its machine, in numbers")

    def _who(self, request):
        """Whose request it is: an address, or the network of one household or institute."""
        passed = ",".join(request.headers.getall("X-Forwarded-For", ())) if self.behind else ""
        return _network(passed.rpartition(",")[2].strip() or request.remote)  # the last one is not the client's to set

    def _log(self, text):
        with suppress(OSError, ValueError):  # the terminal is closed: hand-ins go on, and nobody is left to tell
            self.say(f"{arrivals.now():%H:%M:%S} {archive.one_line(text)}")

    def _log_some(self, text):
        """Log what strangers can cause, as far as it fills no disk."""
        with suppress(Refused):
            self.lines.check("all")
            self._log(text)

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
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="Strict", secure=bool(self.behind))
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
        if digest in self.accepted:
            with self._at_work(request):
                async with self.scoring:
                    if digest in self.accepted:  # whoever was before may have scored it too
                        await asyncio.to_thread(self.score)
        if digest not in self.receipts:
            raise web.HTTPNotFound
        return self._page("Receipt", receipt=self.receipts[digest])

    async def hand_in(self, request):
        """Take a submission, and lead to its receipt."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "the form of another site was sent here: hand in with the one of this page")
        size = request.content_length or archive.ARCHIVE_BYTES
        if size > archive.ARCHIVE_BYTES + FORM_BYTES:
            raise Refused(413, f"more than {archive.ARCHIVE_BYTES // 10**6} MB")
        who = self._who(request)
        with _arriving():
            reader, key = await asyncio.wait_for(self._shown(request, who), FIELD_SECONDS)
        if self.event.registration and (await asyncio.to_thread(roster.read, self.folder)).with_key(key) is None:
            raise Refused(403, "no registered team has this key: ask the organisers to register yours")
        self.keys.check(key)
        with self._at_work(request), self._space(2 * size):
            handle, name = tempfile.mkstemp(prefix=PART, dir=self.submissions)
            part = Path(name)
            try:
                with open(handle, "wb") as out, self._slot(who, key), _arriving():
                    digest = await asyncio.wait_for(_written(reader, out), SECONDS)
                arrived = await asyncio.to_thread(arrivals.arrived, self.folder)  # those before it may still be read
                async with self.reading:
                    name = await asyncio.to_thread(self.accept, part, key, digest, arrived)
            finally:
                part.unlink(missing_ok=True)
        self._log(f"accepted: {name}")
        if behind := await asyncio.to_thread(arrivals.behind, self.folder):
            self._log(behind)
        raise web.HTTPSeeOther(f"/receipt/{digest}")

    @contextmanager
    def _at_work(self, request):
        """A request that may take longer than others, since it has shown a key or waits for this machine."""
        one = self.opened.get(request.protocol, Connection("", request.transport, 0))
        one.due = math.inf
        try:
            yield
        finally:
            one.due = asyncio.get_running_loop().time() + BRIEF  # to read the answer

    @contextmanager
    def _slot(self, who, key):
        """One of the uploads that arrive at once: an address has at most half of them, a team a few."""
        whose, teams = [other for other, _ in self.uploads], [other for _, other in self.uploads]
        if len(whose) >= UPLOADS or whose.count(who) >= UPLOADS // 2 or teams.count(key) >= PER_TEAM:
            raise Refused(503, "others hand in at this moment: try again in a minute")
        self.uploads.append((who, key))
        try:
            yield
        finally:
            self.uploads.remove((who, key))

    @contextmanager
    def _space(self, size):
        """Room on the disk for a file and its copy, beside what others may still need that are under way."""
        free = min(shutil.disk_usage(place).free for place in (self.submissions, self.folder))
        if free < 2 * archive.ARCHIVE_BYTES + self.reserved:
            raise Refused(507, FULL)
        self.reserved += size
        try:
            yield
        finally:
            self.reserved -= size

    def _token(self, cookie):
        """What only the form that was sent with a cookie says: other sites can neither read nor guess it."""
        return hmac.new(self.secret, cookie.encode(), hashlib.sha256).hexdigest()

    async def _shown(self, request, who):
        """Read the fields of a form that come before its file: the token, and the key of the team.

        Returns the reader of the form, and the SHA-256 of the key.
        """
        if request.content_type != "multipart/form-data" or "Content-Encoding" in request.headers:
            raise Refused(415, "not the form of this page")
        reader = await request.multipart()
        token = await _field(reader, "token", 100)
        expected = self._token(request.cookies.get(COOKIE, ""))
        if not hmac.compare_digest(token, expected.encode()):
            raise Refused(403, "this form is too old, or cookies are off: open the page again and hand in anew")
        self.addresses.check(who)
        key = keys.key_in(await _field(reader, "key", keys.BYTES))
        if key is None:
            raise Refused(400, "what was given as the key is not the key file of a team")
        return reader, key

    # What takes its time, in threads

    def accept(self, part, key, digest, arrived):
        """Keep a file as a submission if it has a manifest with this key, and return the name that it gets."""
        arrival = arrivals.Arrival("the file", arrived, part, digest)
        kept = Kept(self.folder, self.event)
        entries = kept.get(arrival)
        if entries is None:
            ((_, entries),) = judge.judge_each(str(self.folder), [arrival], WORKERS)
        if not entries[0].key:  # with a sound manifest it has one
            raise Refused(400, entries[0].reason or "packed without the key of a team: pack it again")
        if not hmac.compare_digest(entries[0].key, key):
            raise Refused(403, f"the file of the team {entries[0].team!r} was packed with another key than this one")
        kept.put(arrival, entries)
        if self._is_known(digest, arrived):
            return "the same file again"
        name = f"web-{arrived:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.zip"
        part.replace(self.submissions / name)
        logged = arrivals.receive(self.folder, self.submissions, arrived, [name], self.memory, True, self._log)
        if any(other.file == name and other.fault for other in logged):
            (self.submissions / name).unlink(missing_ok=True)
            raise Refused(507, FULL)
        self.accepted.add(digest)
        return name

    def _is_known(self, digest, arrived):
        """Whether a content is kept, and logged as no later: of two uploads the later may be judged first."""
        if digest not in self.accepted and digest not in self.receipts:
            return False
        time = arrivals.times(self.folder).get(digest)
        return time is not None and time <= arrived

    def score(self):
        """Score what is new, write the leaderboard, and learn the receipts."""
        scored = set(self.accepted)  # what is accepted meanwhile may be missed
        _, entries = leaderboard.score(self.folder, self.submissions, memory=self.memory)
        self.receipts = receipts.texts(self.event, entries, aliases.shown(self.folder, self.event, entries))
        self.accepted -= scored


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


async def _written(reader, out):
    """Write the file of a form, its last part, as far and as slowly as a submission may be; returns its SHA-256."""
    found, size, clock = hashlib.sha256(), 0, asyncio.get_running_loop().time
    start = clock()

    async def in_time(step):
        return await asyncio.wait_for(step, start + PATIENCE + size / SLOWEST - clock())

    part = await in_time(_part(reader, "submission"))  # names of files in a form are not used
    while chunk := await in_time(part.read_chunk(1 << 16)):
        size += len(chunk)
        if size > archive.ARCHIVE_BYTES:
            raise Refused(413, f"more than {archive.ARCHIVE_BYTES // 10**6} MB")
        found.update(chunk)
        out.write(chunk)
    if not size:
        raise Refused(400, "no file: choose the zip file that 'submit' wrote")
    if await in_time(reader.next()) is not None:
        raise Refused(400, "more than the form of this page has")
    out.flush()
    await asyncio.to_thread(os.fsync, out.fileno())
    return found.hexdigest()


@contextmanager
def _arriving():
    """What can go wrong while a form arrives, as Refused."""
    try:
        yield
    except asyncio.TimeoutError as error:  # before OSError, which it is since Python 3.11
        raise Refused(408, "it arrives too slowly: try again, where the connection is faster") from error
    except (ValueError, AssertionError, LookupError, RuntimeError, ConnectionError,
            web.RequestPayloadError, aiohttp.http.HttpProcessingError) as error:  # fmt: skip
        raise Refused(400, f"it did not arrive as a whole ({type(error).__name__}): try again") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Refused(507, FULL) from error


def _is_address(text):
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _network(text):
    """An address of IPv4, or the half of one of IPv6 that a household or institute has to itself."""
    if not _is_address(text):
        return text
    address = ipaddress.ip_address(text)
    address = getattr(address, "ipv4_mapped", None) or address
    return str(address) if address.version == 4 else address.exploded[:19]


def _room():
    """How many connections fit, with as many files of this process beside them."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return OPEN
    return min(OPEN, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)


def serve(folder, submissions, address=ADDRESS, port=PORT, behind=""):
    """Serve the page until Ctrl-C.

    Parameters
    ----------
    folder, submissions : path-like
        The folder of the event, and the one where submissions go, which is made where it is not there.
    address : str
        The address of this machine at which the page can be reached; by default from this machine only.
    port : int
    behind : str
        The name of the site, where a server on this machine stands before the page.

    Raises
    ------
    EventError
        No such event, somebody serves it already, or others could reach the page past the server before it.
    """
    if behind and not ipaddress.ip_address(address).is_loopback:
        raise EventError(f"the server of {behind} stands before the page: leave out the address {address}")
    folder, submissions = Path(folder), Path(submissions)
    load(folder / "event.toml")
    if not (folder / "private").is_dir():
        raise EventError(f"{folder}: no folder 'private': is it the event that 'prepare' made?")
    if submissions.exists() and not submissions.is_dir():
        raise EventError(f"{submissions}: a file, expected the folder of the submissions")
    submissions.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(folder / "private" / ".serving.lock", timeout=0):
            for path in submissions.glob(f"{PART}*"):  # of a server that was killed
                path.unlink()
            logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # it has a traceback for each damaged request
            with suppress(KeyboardInterrupt, asyncio.CancelledError):  # how it is ended
                asyncio.run(_served(folder, submissions, address, port, behind))
    except filelock.Timeout as error:
        raise EventError(f"{folder}: is served already") from error


async def _served(folder, submissions, address, port, behind):
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows, where Ctrl-C is a KeyboardInterrupt
            asyncio.get_running_loop().add_signal_handler(number, asyncio.current_task().cancel)
    desk = Desk(folder, submissions, behind=behind)
    await asyncio.to_thread(desk.score)
    runner = web.AppRunner(desk.app(), access_log=None)
    await runner.setup()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.create_server((address, port), family=family) as listening:
            listening.setblocking(False)
            await desk.admit(listening, runner.server)
    finally:
        await runner.cleanup()
