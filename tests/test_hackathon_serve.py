"""The page to hand in, through real requests: what it takes, what it refuses, and what it never touches."""

import asyncio
import errno
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import requests
from aiohttp import web

from common.challenge import SubmissionError
from common.hackathon import archive, arrivals, judge, leaderboard, roster, serve
from common.hackathon.__main__ import main
from tests.test_hackathon import EDITS, IN_TIME, clock, good, hand_in, prepared, rezip  # noqa: F401  (fixtures)

SECRET = "deeplearn-team-key-" + "7" * 64
KEY = sha256(SECRET.encode()).hexdigest()
OTHER = "deeplearn-team-key-" + "8" * 64
ROOT = Path(__file__).parents[1]


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(judge, "COPIES", 10)
    monkeypatch.setattr(serve, "WORKERS", 0)
    judge_all = leaderboard.judge_all
    monkeypatch.setattr(leaderboard, "judge_all", lambda folder, place, workers=0, memory=None: judge_all(
        folder, place, 0, memory))  # fmt: skip
    (tmp_path / "subs").mkdir()
    return shutil.copytree(prepared, tmp_path / "event")


@contextmanager
def served(folder, submissions, behind=""):
    """A desk that runs in a thread, and its address."""
    loop, ready, found = asyncio.new_event_loop(), threading.Event(), {}
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)

    async def start():
        found["desk"] = serve.Desk(folder, submissions, found.setdefault("log", []).append, behind)
        found["runner"] = web.AppRunner(found["desk"].app(), access_log=None)
        await found["runner"].setup()
        found["task"] = asyncio.create_task(found["desk"].admit(listening, found["runner"].server))
        ready.set()

    async def stop():
        found["task"].cancel()
        await asyncio.wait([found["task"]])
        await found["runner"].cleanup()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(start()), loop.run_forever()))
    thread.start()
    assert ready.wait(30)
    try:
        yield found["desk"], f"http://127.0.0.1:{listening.getsockname()[1]}", found["log"]
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
        listening.close()


@pytest.fixture
def desk(folder, tmp_path):
    with served(folder, tmp_path / "subs") as running:
        yield running


def token_of(session, address):
    return re.search(r'name="token" value="([0-9a-f]{64})"', session.get(address).text)[1]


def send(address, content, key=SECRET, session=None, name="x.zip", **options):
    """The answer to a form with a file, before the receipt is asked for."""
    session = session or requests.Session()
    fields = [("token", (None, token_of(session, address))), ("key", ("a.key", key)), ("submission", (name, content))]
    return session.post(address, files=fields, allow_redirects=False, timeout=60, **options)


def zip_of(tmp_path, *arguments, **options):
    path = hand_in(tmp_path / "packed", "one.zip", *arguments, key=KEY, **options)
    content = path.read_bytes()
    path.unlink()
    return content


def reason(answer):
    return re.search(r"<p>Not accepted: (.*)\.</p>", answer.text)[1]


def test_a_hand_in_gets_its_receipt_and_a_place_on_the_board(desk, folder, tmp_path):
    desk, address, log = desk
    content = zip_of(tmp_path, good(), "Café <b>Quark</b>", ["Ana"])
    assert "Nothing is scored yet" in requests.get(f"{address}/board").text
    answer = send(address, content)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/receipt/{sha256(content).hexdigest()}"
    for _ in range(2):
        receipt = requests.get(address + answer.headers["Location"])
        assert receipt.status_code == 200 and "Café &lt;b&gt;Quark&lt;/b&gt;" in receipt.text
        assert "classification: accepted" in receipt.text and "AUC" in receipt.text
    board = requests.get(f"{address}/board").text
    assert "Café &lt;b&gt;Quark" in board and 'href="rules.html"' in board
    assert "How to appeal" in requests.get(f"{address}/rules.html").text
    (kept,) = (tmp_path / "subs").iterdir()
    assert re.fullmatch(r"web-20260729T155900Z-[0-9a-f]{8}\.zip", kept.name) and kept.read_bytes() == content
    assert log == [f"15:59:00 accepted: {kept.name}"]
    board = json.loads((folder / "leaderboard.json").read_text("utf-8"))
    assert board["boards"][0]["ranking"][0]["members"] == ["Ana"]
    files = [path.name for path in (folder / "receipts").iterdir()]
    assert files == [f"receipt-{sha256(content).hexdigest()[:16]}.txt"]


def test_the_event_file_may_change_meanwhile(desk, folder, tmp_path, clock):  # noqa: F811
    desk, address, log = desk
    path = folder / "event.toml"
    first = path.read_text("utf-8")
    clock(IN_TIME + timedelta(minutes=30))
    assert "the deadline is over" in requests.get(address).text
    path.write_text(first.replace("title =", "titel =", 1), "utf-8")
    assert "the deadline is over" in requests.get(address).text
    assert len(log) == 1 and "goes on with the event as it was" in log[0]
    later = first.replace("deadline = 2026-07-29T18:00:00", "deadline = 2026-07-29T19:00:00")
    path.write_text(later, "utf-8")
    assert "the deadline is over" not in requests.get(address).text and len(log) == 1
    answer = send(address, zip_of(tmp_path, good(), "A"))
    assert "too late" not in requests.get(address + answer.headers["Location"]).text


@pytest.mark.parametrize("back", [timedelta(days=1), timedelta(seconds=1)])
def test_a_clock_that_is_set_back_counts_here_too(desk, folder, tmp_path, clock, back):  # noqa: F811
    _, address, log = desk
    hand_in(tmp_path / "subs", "a.zip", good(1.0), "A", key=sha256(OTHER.encode()).hexdigest())
    arrivals.receive(folder, tmp_path / "subs")
    clock(IN_TIME - back)
    answer = send(address, zip_of(tmp_path, good(2.0), "A"))
    assert "has another key" in requests.get(address + answer.headers["Location"]).text
    assert "behind the last arrival in the log" in log[-1] and f"It is a.zip at {IN_TIME} in " in log[-1]


def test_a_choice_and_a_second_hand_in(desk, tmp_path):
    _, address, _ = desk
    session, first = requests.Session(), zip_of(tmp_path, good(1.0), "A")
    send(address, first, session=session)
    about = archive.Manifest("A", (), "Higgs", {}, KEY, sha256(first).hexdigest())
    archive.write(tmp_path / "choice.zip", about, {})
    answer = send(address, (tmp_path / "choice.zip").read_bytes(), session=session)
    assert "Accepted: after the deadline the submission with the SHA-256" in session.get(
        address + answer.headers["Location"]).text  # fmt: skip


def test_time_counts_when_all_has_arrived(desk, tmp_path, clock, monkeypatch):  # noqa: F811
    _, address, _ = desk
    judge_each = judge.judge_each

    def slow(*arguments):
        clock(IN_TIME + timedelta(minutes=5))
        return judge_each(*arguments)

    monkeypatch.setattr(judge, "judge_each", slow)
    in_time = send(address, zip_of(tmp_path, good(), "A"))
    late = send(address, zip_of(tmp_path, good(2.0), "B"))
    assert "too late" not in requests.get(address + in_time.headers["Location"]).text
    assert "accepted, but too late" in requests.get(address + late.headers["Location"]).text
    assert "the deadline is over" in requests.get(address).text


def test_many_at_once(desk, tmp_path):
    _, address, _ = desk
    contents = [zip_of(tmp_path, good(1.0, seed=i), "Team") for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda content: send(address, content), contents))
        texts = list(pool.map(lambda answer: requests.get(address + answer.headers["Location"]).text, answers))
    assert all("accepted" in text for text in texts) and len(set(texts)) == 6


# --------------------------------------------------------------------------------------------------
# What is refused


def nothing_kept(folder, tmp_path):
    return not list((tmp_path / "subs").iterdir()) and not (folder / "private" / "received").exists()


@pytest.mark.parametrize("key, status, message", [
    (OTHER, 403, "was packed with another key"),
    ("", 400, "not the key file of a team"),
    ("deeplearn-team-key-../../etc", 400, "not the key file of a team"),
    (KEY, 400, "not the key file of a team"),  # what everybody can read in the zip file
    ("x" * 5000, 400, "the field key has more than 1000 bytes"),
])  # fmt: skip
def test_keys_that_do_not_fit(desk, folder, tmp_path, key, status, message):
    _, address, log = desk
    answer = send(address, zip_of(tmp_path, good(), "A"), key)
    assert answer.status_code == status and message in reason(answer)
    assert nothing_kept(folder, tmp_path) and len(log) == 1
    assert key[-30:] not in log[0] or not key


def test_forms_that_this_page_did_not_send(desk, folder, tmp_path):
    _, address, _ = desk
    content, session = zip_of(tmp_path, good(), "A"), requests.Session()
    token = token_of(session, address)
    fields = [("token", (None, token)), ("key", ("a", SECRET)), ("submission", ("x.zip", content))]

    def post(fields, session=session, **headers):
        return session.post(address, files=fields, headers=headers, allow_redirects=False)

    foreign = requests.Session()
    foreign.get(address)  # which has a cookie of its own
    assert "too old" in reason(post(fields, foreign)) and "too old" in reason(post(fields, requests.Session()))
    assert "too old" in reason(post([("token", (None, "0" * 64)), *fields[1:]]))
    assert "another site" in reason(post(fields, **{"Sec-Fetch-Site": "cross-site"}))
    empty, long = ("submission", ("x.zip", b"")), ("token", (None, token * 9))
    for wrong in (fields[:2], fields[1:], fields[::-1], [*fields, fields[0]], [*fields[:2], empty],
                  [long, *fields[1:]]):  # fmt: skip
        assert post(wrong).status_code == 400
    assert session.post(address, data={"token": token}).status_code == 415
    assert session.post(address, json={"token": token}).status_code == 415
    assert nothing_kept(folder, tmp_path)
    assert post(fields).status_code == 303


def test_sizes_are_bounded(desk, folder, tmp_path, monkeypatch):
    _, address, _ = desk
    monkeypatch.setattr(archive, "ARCHIVE_BYTES", 50_000)
    assert send(address, b"x" * 70_000).status_code == 413  # it says so itself
    session = requests.Session()
    request = requests.Request("POST", address, files=[
        ("token", (None, token_of(session, address))), ("key", ("a", SECRET)), ("submission", ("x", b"x" * 50_001))])
    prepared_request = session.prepare_request(request)
    body = prepared_request.body
    del prepared_request.headers["Content-Length"]
    prepared_request.body = (body[i : i + 1000] for i in range(0, len(body), 1000))  # of unknown length
    prepared_request.headers["Transfer-Encoding"] = "chunked"
    assert session.send(prepared_request, allow_redirects=False).status_code == 413
    assert nothing_kept(folder, tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 90_000))
    assert send(address, b"x").status_code == 507


def test_rates_are_bounded(desk, tmp_path, monkeypatch):
    desk, address, _ = desk
    desk.keys.most = 2
    for _ in range(2):
        assert send(address, b"no zip").status_code == 400
    answer = send(address, b"no zip")
    assert answer.status_code == 429 and answer.headers["Retry-After"] == "600"
    assert send(address, b"no zip", OTHER).status_code == 400
    desk.addresses.most = 2
    desk.addresses._times.clear()
    assert [send(address, b"no zip", "no key").status_code for _ in range(3)] == [400, 400, 429]
    desk.addresses.clock = lambda: time.monotonic() + 10**6
    assert send(address, b"no zip", "no key").status_code == 400 and len(desk.addresses._times) == 1
    desk.addresses.most = 300
    desk.addresses._times.clear()
    desk.uploads[:] = [("192.0.2.1", "k")] * serve.UPLOADS
    assert send(address, b"no zip", "no key").status_code == 400  # without a key nobody hears that, or takes a place
    assert send(address, b"no zip", OTHER).status_code == 503


# --------------------------------------------------------------------------------------------------
# Those that mean harm


def below(folder):
    return {path for path in folder.rglob("*") if path.is_file()}


def test_hostile_content_comes_to_the_same_end_as_at_the_other_door(desk, folder, tmp_path, monkeypatch):
    desk, address, _ = desk
    desk.keys.most = desk.addresses.most = 10_000
    sound, session = tmp_path / "sound.zip", requests.Session()
    sound.write_bytes(zip_of(tmp_path, good()))
    before, expected = below(tmp_path), {}
    for name, (edit, message) in EDITS.items():
        path = rezip(sound, tmp_path / "bad.zip", edit)
        content = path.read_bytes()
        path.unlink()
        answer = send(address, content, session=session, name=f"../../{name}")
        assert answer.status_code in (303, 400), (name, answer.text)
        if answer.status_code == 400:  # without a sound manifest nobody knows whose it is
            assert re.search(message, reason(answer).replace("&#39;", "'")), name
        else:
            expected[answer.headers["Location"]] = message
    for location, message in expected.items():
        text = session.get(address + location).text
        assert "Not accepted" in text and re.search(message, text.replace("&#39;", "'")), (message, text)
    assert len(expected) > 10
    new = {path.relative_to(tmp_path).parts[0] for path in below(tmp_path) - before}
    assert new == {"event", "subs"}
    assert all(re.fullmatch(r"web-\d{8}T\d{6}Z-[0-9a-f]{8}\.zip", path.name) for path in below(tmp_path / "subs"))


@pytest.mark.parametrize("name", [
    "../../evil.zip", "/etc/evil", "C:\\evil", "a\0b", "x" * 5000, "", ".lock", "é\u202e",
])  # fmt: skip
def test_names_of_files_are_not_used(desk, tmp_path, name):
    _, address, _ = desk
    content, session = zip_of(tmp_path, good(), "A"), requests.Session()
    token, mark = token_of(session, address), b"--m\r\nContent-Disposition: form-data; name="
    quoted = name.replace("\\", "\\\\").encode()
    body = b"".join([
        mark, b'"token"\r\n\r\n', token.encode(), b"\r\n", mark, b'"key"; filename="', quoted, b'"\r\n\r\n',
        SECRET.encode(), b"\r\n", mark, b'"submission"; filename="', quoted, b'"\r\n\r\n', content, b"\r\n--m--\r\n",
    ])  # fmt: skip
    before = below(tmp_path)
    answer = session.post(address, data=body, headers={"Content-Type": "multipart/form-data; boundary=m"},
                          allow_redirects=False)  # fmt: skip
    assert answer.status_code in (303, 400)
    new = below(tmp_path) - before
    assert all(path.parent == tmp_path / "subs" and path.name.startswith("web-") or path.is_relative_to(
        tmp_path / "event" / "private") for path in new)  # fmt: skip


def ask(address, method, path, body=None, headers=None):
    """The status of a request that no library has put into order; 0 where the connection was closed."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return connection.getresponse().status
    except (http.client.HTTPException, ConnectionError):
        return 0
    finally:
        connection.close()


@pytest.mark.parametrize("path", [
    "/../../etc/passwd", "/event.toml", "/private/secret.txt", "/board/../private/secret.txt", "//etc/passwd",
    "/receipt/..%2f..%2fsecret", "/receipt/" + "a" * 63, "/receipt/" + "a" * 64, "/receipt/" + "A" * 64, "/%00",
    "/receipt/" + "a" * 64 + "/", "/" + "x" * 9000,
])  # fmt: skip
def test_addresses_that_lead_nowhere(desk, path):
    _, address, _ = desk
    assert ask(address, "GET", path) in (400, 404)
    for method in ("PUT", "DELETE", "TRACE", "PROPFIND"):
        assert ask(address, method, "/") == 405


ODD_OF_PARTS = [
    b"Content-Length: 7", b"Content-Length: -1", b"Content-Transfer-Encoding: base64", b"Content-Encoding: gzip",
    b"Content-Transfer-Encoding: x", b"Content-Type: multipart/mixed", b"\xff\xfe: \x00", b"X: " + b"y" * 20_000,
    b"Content-Type: multipart/form-data; boundary=q", b"Content-Disposition: form-data; name=token",
]  # fmt: skip
ODD_TYPES = [
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x", "x", "",
    "multipart/form-data; boundary=" + "x" * 200,
]  # fmt: skip
ODD_HEADERS = [
    {"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}, {"Expect": "100-continue"}, {"Cookie": "hand_in=../x"},
    {"Cookie": "\x01"}, {"Sec-Fetch-Site": "\x7f"},
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
def test_damaged_requests_do_no_harm(desk, folder, tmp_path):
    desk, address, log = desk
    desk.addresses.most = desk.keys.most = 10_000
    session, content = requests.Session(), zip_of(tmp_path, good(), "A")
    request = session.prepare_request(requests.Request("POST", address, files=[
        ("token", (None, token_of(session, address))), ("key", ("a", SECRET)), ("submission", ("x", content))]))
    rng, before, seen = random.Random(3), below(tmp_path), set()
    whole, headers = request.body, {"Content-Type": request.headers["Content-Type"],
                                    "Cookie": request.headers["Cookie"]}  # fmt: skip
    boundary = b"--" + request.headers["Content-Type"].partition("boundary=")[2].encode()
    for i in range(300):
        body, own = bytearray(whole), dict(headers)
        kind = i % 6
        head = whole.index(content[:4])
        if kind == 0:  # bytes of the form
            for _ in range(rng.randint(1, 9)):
                body[rng.randrange(head)] = rng.randrange(256)
        elif kind == 1:  # cut short, or a piece taken out
            first = rng.randrange(len(body))
            del body[first : rng.choice([len(body), first + rng.randint(1, 300)])]
        elif kind == 2:  # a boundary where none should be
            at = rng.randrange(len(body))
            body[at:at] = b"\r\n" + boundary + rng.choice([b"", b"--", b"\r\n", b"\r\n\r\n", b"\r\nX: y\r\n\r\n"])
        elif kind == 3:  # headers of a part
            odd = rng.choice(ODD_OF_PARTS)
            place = b"\r\nContent-Disposition"
            at = rng.choice([match.start() for match in re.finditer(re.escape(place), whole)])
            body[at:at] = b"\r\n" + odd
        elif kind == 4:  # headers of the request
            own["Content-Type"] = rng.choice(ODD_TYPES)
        else:
            own |= rng.choice(ODD_HEADERS)
        seen.add(ask(address, "POST", "/", bytes(body), {**own, "Content-Length": str(len(body))}))
    assert seen <= {0, 303, 400, 403, 413, 415} and {303, 400} <= seen, seen
    assert not [line for line in log if "error:" in line], log
    assert requests.get(address).status_code == 200 and not list((tmp_path / "subs").glob(".*"))
    assert {path.relative_to(tmp_path).parts[0] for path in below(tmp_path) - before} <= {"event", "subs"}


def begun(address, fields=("token", "key", "submission"), key=SECRET, length=1_000_000):
    """A connection with a form that does not go on after these fields."""
    session = requests.Session()
    values = {"token": token_of(session, address), "key": key, "submission": "x" * 20_000}
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Type", "multipart/form-data; boundary=m")
    connection.putheader("Cookie", f"hand_in={session.cookies['hand_in']}")
    connection.putheader("Content-Length", str(length))
    connection.endheaders()
    for name in fields:
        connection.send(
            f'--m\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{values[name]}\r\n'.encode())
    return connection


def until(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def test_an_upload_that_breaks_off_leaves_nothing(desk, folder, tmp_path):
    _, address, _ = desk
    connection = begun(address)
    until(lambda: list((tmp_path / "subs").iterdir()))
    assert [path.name.startswith(serve.PART) for path in (tmp_path / "subs").iterdir()] == [True]
    assert arrivals.receive(folder, tmp_path / "subs") == []  # which nobody scores
    connection.close()
    until(lambda: not list((tmp_path / "subs").iterdir()))


def test_pages_tell_browsers_to_be_careful(desk):
    _, address, _ = desk
    for path, status in (("/", 200), ("/board", 200), ("/no", 404)):
        answer = requests.get(address + path)
        assert answer.status_code == status
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Server"] == "deeplearn"
        assert not re.search(r"<script|(src|href)=[\"']?(https?:)?//", answer.text)
    cookie = requests.get(address).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie


def test_a_fault_of_the_page_is_told_and_ends_nothing(desk, folder, tmp_path, monkeypatch):
    _, address, log = desk
    monkeypatch.setattr(judge, "judge_each", lambda *_: 1 / 0)
    answer = send(address, zip_of(tmp_path, good(), "A"))
    assert answer.status_code == 500 and "not with your file" in answer.text and "division" not in answer.text
    assert "ZeroDivisionError" in log[-1] and nothing_kept(folder, tmp_path)
    assert requests.get(address).status_code == 200


# --------------------------------------------------------------------------------------------------
# Those that would shut out others


def test_silent_connections_leave_room(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "OPEN", 6)
    monkeypatch.setattr(serve, "BRIEF", 0.5)
    with served(folder, tmp_path / "subs") as (_, address, _):
        place = "127.0.0.1", int(address.rpartition(":")[2])
        silent = [socket.create_connection(place, 10) for _ in range(3)]
        silent[0].sendall(b"GET / HTTP/1.1\r\nHo")
        assert socket.create_connection(place, 10).recv(1) == b""  # one address has at most half
        time.sleep(0.6)
        assert requests.get(address).status_code == 200
        for connection in silent:
            assert connection.recv(1) == b""
    with served(folder, tmp_path / "subs", "hand-in.example.org") as (_, address, _):  # whose address is everybody's
        place = "127.0.0.1", int(address.rpartition(":")[2])
        silent = [socket.create_connection(place, 10) for _ in range(7)]
        assert requests.get(address, timeout=10).status_code == 200
        assert silent.pop(0).close() is None and requests.get(address, timeout=10).headers["Connection"] == "close"
        [connection.close() for connection in silent]


def test_a_request_that_waits_for_this_machine_stays(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "BRIEF", 0.3)
    judge_each = judge.judge_each
    monkeypatch.setattr(judge, "judge_each", lambda *arguments: time.sleep(1) or judge_each(*arguments))
    with served(folder, tmp_path / "subs") as (_, address, _), ThreadPoolExecutor() as pool:
        content = zip_of(tmp_path, good(), "A")
        answer = pool.submit(send, address, content)
        time.sleep(0.7)
        assert requests.get(address).status_code == 200
        assert answer.result().status_code == 303


def test_places_are_for_those_with_a_key(desk, monkeypatch):
    _, address, _ = desk
    monkeypatch.setattr(serve, "UPLOADS", 2)
    held = [begun(address, fields) for fields in ((), ("token",), ("token",))]
    assert send(address, b"no zip").status_code == 400
    monkeypatch.setattr(serve, "FIELD_SECONDS", 0.3)
    assert begun(address, ("token",)).getresponse().status == 408
    [connection.close() for connection in held]


def test_nobody_has_all_places(desk, tmp_path, monkeypatch):
    desk, address, _ = desk
    monkeypatch.setattr(serve, "UPLOADS", 6)
    monkeypatch.setattr(serve, "PER_TEAM", 2)
    held = [begun(address) for _ in range(2)]
    until(lambda: len(desk.uploads) == 2)
    assert send(address, b"no zip").status_code == 503 and send(address, b"no zip", OTHER).status_code == 400
    held.append(begun(address, key=OTHER))
    until(lambda: len(desk.uploads) == 3)
    assert send(address, b"no zip", OTHER).status_code == 503  # of this address
    [connection.close() for connection in held]
    until(lambda: not desk.uploads)
    assert send(address, b"no zip").status_code == 400


def test_a_file_comes_at_a_speed(desk, tmp_path, monkeypatch):
    desk, address, _ = desk
    monkeypatch.setattr(serve, "PATIENCE", 0.3)
    monkeypatch.setattr(serve, "SLOWEST", 1e6)
    assert begun(address).getresponse().status == 408
    assert not desk.uploads and not desk.reserved and not list((tmp_path / "subs").iterdir())


def test_room_on_the_disk_is_kept_for_what_is_under_way(desk, folder, tmp_path, monkeypatch):
    desk, address, _ = desk
    monkeypatch.setattr(archive, "ARCHIVE_BYTES", 50_000)
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 150_000))
    held = begun(address, length=40_000)
    until(lambda: desk.uploads)
    assert send(address, b"no zip", OTHER).status_code == 507
    held.close()
    until(lambda: not desk.reserved)
    assert send(address, b"no zip", OTHER).status_code == 400
    monkeypatch.setattr(shutil, "disk_usage", usage)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    def no_copy(*_):
        raise SubmissionError("this machine's disk is full")

    content = zip_of(tmp_path, good(), "A")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        assert send(address, b"no zip", OTHER).status_code == 507
    with monkeypatch.context() as patched:
        patched.setattr(arrivals, "_copy", no_copy)
        assert send(address, content).status_code == 507
    assert not list((tmp_path / "subs").iterdir()) and send(address, content).status_code == 303


def test_the_same_file_is_kept_once(desk, tmp_path):
    _, address, log = desk
    content = zip_of(tmp_path, good(), "A")
    first, again = send(address, content), send(address, content)
    assert again.status_code == 303 and again.headers["Location"] == first.headers["Location"]
    assert send(address, content, OTHER).status_code == 403
    (kept,) = (tmp_path / "subs").iterdir()
    assert kept.name in log[0] and "the same file again" in log[1]


def test_of_two_uploads_of_a_file_the_first_counts(desk, tmp_path, clock):  # noqa: F811
    """As of a double click at the deadline, whichever of them is judged first, and also after a new start."""
    desk, address, _ = desk
    content, over = zip_of(tmp_path, good(), "A"), IN_TIME + timedelta(minutes=2)
    digest, part = sha256(content).hexdigest(), tmp_path / "subs" / ".part"
    clock(over)
    for when, known, late in ((over, True, True), (IN_TIME, True, False), (over, True, False),
                              (over + timedelta(minutes=1), False, False)):  # fmt: skip
        if not known:
            desk.accepted, desk.receipts = set(), {}
        part.write_bytes(content)
        name = desk.accept(part, KEY, digest, when)
        assert ("too late" in requests.get(f"{address}/receipt/{digest}").text) is late, name
    assert len([path for path in part.parent.iterdir() if path != part]) == 3


def test_files_of_strangers_are_not_read_where_teams_register(desk, folder, tmp_path):
    desk, address, _ = desk
    desk.event = replace(desk.event, registration=True)
    with_key = begun(address)
    assert with_key.getresponse().status == 403  # before the file has arrived
    assert "no registered team" in reason(send(address, zip_of(tmp_path, good(), "A")))
    assert nothing_kept(folder, tmp_path)
    (tmp_path / "a.key").write_text(SECRET)
    roster.register(folder, "A", ("Ana",), tmp_path / "a.key")
    assert send(address, zip_of(tmp_path, good(), "A")).status_code == 303


def test_addresses_are_counted_after_the_token(desk):
    desk, address, _ = desk
    desk.addresses.most = 1
    for _ in range(3):
        assert requests.post(address).status_code == 415
        assert requests.post(address, files=[("token", (None, "0" * 64))]).status_code == 403
    assert send(address, b"no zip").status_code == 400


def test_a_server_before_the_page_says_whose_a_request_is(folder, tmp_path):
    assert serve._network("2001:db8:1:2:3::4") == serve._network("2001:db8:1:2::5") != serve._network("2001:db8:1:3::4")
    with served(folder, tmp_path / "subs", "hand-in.example.org") as (desk, address, _):
        desk.addresses.most, session = 1, requests.Session()
        assert "Secure" in session.get(address).headers["Set-Cookie"]
        session.headers["Cookie"] = f"hand_in={session.cookies['hand_in']}"
        passed = ["192.0.2.1", "192.0.2.1", "192.0.2.1, 192.0.2.2", "192.0.2.3, 192.0.2.2"]
        statuses = [send(address, b"x", session=session, headers={"X-Forwarded-For": whose}).status_code
                    for whose in passed]  # fmt: skip
        assert statuses == [400, 429, 400, 429]
        assert requests.get(address, headers={"Host": "hand-in.example.org"}).status_code == 200
    with pytest.raises(serve.EventError, match=r"leave out the address 0\.0\.0\.0"):
        serve.serve(folder, tmp_path / "subs", "0.0.0.0", behind="hand-in.example.org")


def test_nobody_else_says_whose_a_request_is(desk):
    desk, address, _ = desk
    desk.addresses.most = 1
    statuses = [send(address, b"x", headers={"X-Forwarded-For": f"192.0.2.{i}"}).status_code for i in (1, 2)]
    assert statuses == [400, 429]


def test_names_of_other_sites_do_not_lead_here(desk):
    _, address, _ = desk
    for path in ("/", "/board", "/rules.html", "/receipt/" + "a" * 64):
        assert requests.get(address + path, headers={"Host": "evil.example:8024"}).status_code == 421
    for name in ("localhost:8024", "[::1]:8024", "192.0.2.1", socket.gethostname()):
        assert requests.get(address, headers={"Host": name}).status_code == 200


def test_a_terminal_that_is_gone_stops_nothing(desk, tmp_path):
    desk, address, _ = desk

    def broken(_):
        raise BrokenPipeError

    desk.say = broken
    assert send(address, zip_of(tmp_path, good(), "A")).status_code == 303
    assert send(address, b"x").status_code == 400


def test_refusals_do_not_fill_the_log(desk, tmp_path):
    desk, address, log = desk
    desk.lines.most = 3
    for _ in range(5):
        requests.post(address)
    assert len(log) == 3 and send(address, zip_of(tmp_path, good(), "A")).status_code == 303
    assert "accepted" in log[3]


# --------------------------------------------------------------------------------------------------
# The command, and a browser


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_command(prepared, tmp_path, capsys):  # noqa: F811
    """In processes of its own, as an organiser starts it."""
    folder, place = shutil.copytree(prepared, tmp_path / "event"), tmp_path / "subs"
    place.mkdir()
    (place / f"{serve.PART}old").write_text("left by a server that was killed")
    content = zip_of(tmp_path, good(), "A")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "common.hackathon", "serve", str(folder), str(place), "--port", str(port)]
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                requests.get(address)
                break
            except requests.ConnectionError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                time.sleep(0.1)
        assert not list(place.iterdir())
        assert main(["serve", str(folder), str(place)]) == 1 and "is served already" in capsys.readouterr().err
        answer = send(address, content)
        assert answer.status_code == 303
        assert "accepted, but too late" in requests.get(address + answer.headers["Location"]).text
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    for arguments, message in (
        ([str(tmp_path / "no"), str(place)], "no such file"), ([str(folder), str(place), "--address", "here"], "here"),
    ):  # fmt: skip
        assert main(["serve", *arguments]) == 1 and message in capsys.readouterr().err


@pytest.mark.parametrize("port", ["99999", "0", "-1", "http", "²"])
def test_a_port_has_a_number(port, capsys):
    with pytest.raises(SystemExit):
        main(["serve", "event", "subs", "--port", port])
    assert f"{port}: expected the number of a port, from 1 to 65535" in capsys.readouterr().err


def test_in_a_browser(desk, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not chromium:
        pytest.skip("Chromium is not installed")
    _, address, _ = desk
    (tmp_path / "team.key").write_text(SECRET + "\n")
    (tmp_path / "one.zip").write_bytes(zip_of(tmp_path, good(), "Café Quark", ["Ana"]))
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 800})
        faults, asked = [], []
        page.on("console", lambda message: faults.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address)
        barriers = [axe.run(page).response["violations"]]
        page.screenshot(path=tmp_path / "form.png", full_page=True)
        page.get_by_label("Key file of your team").set_input_files(tmp_path / "team.key")
        page.get_by_label("Submission").set_input_files(tmp_path / "one.zip")
        page.get_by_role("button", name="Hand in").click()
        page.wait_for_url("**/receipt/*")
        assert "Café Quark" in page.inner_text("pre") and "accepted" in page.inner_text("pre")
        barriers.append(axe.run(page).response["violations"])
        page.screenshot(path=tmp_path / "receipt.png", full_page=True)
        wide = "document.documentElement.scrollWidth > innerWidth"
        assert not page.evaluate(wide)
        page.get_by_role("link", name="Leaderboard").click()
        assert "Café Quark" in page.inner_text("table")
        page.screenshot(path=tmp_path / "board.png", full_page=True)
        page.go_back()
        page.get_by_role("link", name="Hand in another").click()
        assert not page.evaluate(wide)
        browser.close()
    assert barriers == [[], []]
    assert faults == [] and all(url.startswith((address, "data:")) for url in asked)
