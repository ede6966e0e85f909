"""When each hand-in arrived: an append-only log that the organiser's machine writes, and a copy of each file.

A file's own times are its sender's to set, and a file may be replaced or vanish. So what counts is the copy that was
taken when this machine first saw the content, and the time at which it did. Content is known by its SHA-256.
"""

import errno
import json
import os
import re
import stat
import time
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import filelock

from common.challenge import SubmissionError
from common.files import atomic_write, in_words
from common.hackathon import archive
from common.hackathon.event import EventError

ARRIVING = 60  # s after its time of change, what does not end as a zip file does may still be on its way,
SMALL = 1_000_000  # unless it does not start as one either, and has so few bytes that a copy costs nothing
SETTLED = 2  # s after its time of change, which is no finer than some ms, a file is taken to be whole
FOLDER, LOG = "private/received", "log.jsonl"
# What systems and browsers leave in folders, and the keys of teams, which are nobody else's business
NOT_HANDED_IN = {"thumbs.db", "desktop.ini", "__macosx"}


def now():
    """The time of this machine, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


@dataclass(frozen=True)
class Arrival:
    """A hand-in as this machine first saw it.

    Attributes
    ----------
    file : str
        Its path in the folder of submissions, safe to print.
    time : datetime
        When it was first seen, in UTC.
    path : pathlib.Path
        The copy that was taken then.
    digest : str
        Its SHA-256; empty where no copy could be taken.
    replaced : bool
        Whether its content lies in no file of the folder any more.
    fault : str
        Why no copy could be taken; empty where there is one.
    """

    file: str
    time: datetime
    path: Path
    digest: str = ""
    replaced: bool = False
    fault: str = ""


def receive(event_folder, submissions, at=None, files=(), memory=None, earlier=False, say=print):
    """Log what is new in a folder of submissions, and say what has arrived through it.

    Nothing new is logged as earlier than what was logged before and not withdrawn: with a clock that was set back it
    gets the time of the last one, until the organiser corrects either.

    Whatever was logged from this folder stays, whether its file was replaced, renamed or deleted since. The organiser
    withdraws a submission by deleting its file, then its copy: where the file is there, or comes again, it has a copy
    again and counts from when it arrived first, and the organiser reads so. What is still on its way is neither copied
    nor logged: with each look there would be another part of it, and none of them can count.

    Parameters
    ----------
    event_folder, submissions : path-like
    at : datetime, optional
        When files arrived, where the organiser knows it from elsewhere: a learning platform, a mail. It is logged for
        what has a later time so far.
    files : sequence of path-like
        For these only `at` holds: paths in the folder, or from here to it; of what was deleted since the path that
        it had, of what was replaced the name of its copy, its SHA-256. Default: all that was logged from the folder.
        What was said before of these is corrected to either side, up to when they were first seen.
    memory : dict, optional
        Where the content of files stays known between two calls: a file that this machine did not change meanwhile, by
        its time of change, which no sender sets, is not read again.
    earlier : bool
        Whether `at` is logged for `files`, too, only where their time so far is later: the first of several uploads of
        one content counts, whichever of them is logged first.
    say : callable
        Where the organiser reads what was withdrawn and is back, and which time was corrected.

    Returns
    -------
    list of Arrival
        In the order of arrival.

    Raises
    ------
    EventError
        No such folders or files, `at` is after one of the files was seen, or before another one was that it replaced,
        the log is damaged, or it cannot be written.
    """
    submissions, place = Path(submissions), Path(event_folder, FOLDER)
    if not submissions.is_dir():
        raise EventError(f"{submissions}: no such folder of submissions")
    if not place.parent.is_dir():
        raise EventError(f"{place.parent}: no such folder: is {event_folder} the event that 'prepare' made?")
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        with filelock.FileLock(place / ".lock"):
            return _received(place, submissions, at, files, memory, bool(files) and not earlier, say)
    except OSError as error:
        raise EventError(f"{place}: cannot be written: {in_words(error)}") from error


def _chosen(submissions, name, log):
    """A file in a folder of submissions, as `_files` gives it, however it is spelled, or as it is shown.

    Of one that is gone, and of a copy that is named, the SHA-256 of its content.
    """
    digest = Path(name).stem.lower()
    copy = log.contents(digest) if re.fullmatch(r"[0-9a-f]{64}", digest) else None
    if copy:  # before a file that somebody gave this name
        return copy.pop()
    found, wanted = {path: _shown(submissions, path) for path in _files(submissions)}, Path(submissions, name)
    for given in (wanted, Path(name)):  # as seen from the folder, or from where one is
        for path in found:
            if path.name == given.name and path.parent.resolve() == given.parent.resolve():
                return path
    alike = [path for path, shown in found.items() if shown == str(name).rstrip("/") or _nfc(path) == _nfc(wanted)]
    if len(alike) == 1:
        return alike[0]
    here = log.contents(_shown(submissions, wanted) if wanted.is_relative_to(submissions) else str(name))
    if len(here) == 1:
        return here.pop()
    if here:
        raise EventError(f"{name}: is gone, and held several submissions: name one by its copy in {FOLDER}: "
                         f"{', '.join(f'{digest}.zip' for digest in sorted(here))}")  # fmt: skip
    names = sorted(found.values())
    known = ", ".join(names if len(names) <= 5 else [*names[:5], "..."]) or "none"
    raise EventError(f"{name}: no such file in {submissions}; its files are: {known}")


def _shown(submissions, path):
    """The name of a file in the folder of submissions, safe to print."""
    return archive.shown(path.relative_to(submissions).as_posix(), 300)


def _nfc(path):
    """A path in composed Unicode, as one keyboard or file system writes it, and another does not."""
    return unicodedata.normalize("NFC", str(path))


class _Open:
    """The log while its lock is held, as a folder of submissions adds to it.

    Attributes
    ----------
    lines, new : list of dict
        Those of the log, and those that are to follow.
    times, first : dict of str to datetime
        When each content arrived, as is known now, and as was seen first.
    unlogged : dict of str to Path
        Copies that no line knows: the log was lost.
    found : list of str
        The names of those of them whose content lies in the folder.
    back : list of str
        What the organiser is told: of copies that were gone, and of times that were corrected.
    """

    def __init__(self, place, submissions):
        _end(place / LOG)
        self.place, self.source, self.lines = place, _source(place, submissions), _read_log(place / LOG)
        self.new, self.back = [], []
        for part in place.glob(".*.part"):  # of one that was stopped: who writes some holds the lock
            self._finish(part)
        self.times = _times(self.lines)
        self.first = self.times | _times(line for line in self.lines if "said" not in line)  # a lost line: as was said
        copies = {path.stem: path for path in place.glob("*.zip") if re.fullmatch(r"[0-9a-f]{64}", path.stem)}
        self.unlogged = {digest: copies[digest] for digest in copies.keys() - {line["sha256"] for line in self.lines}}
        self.now = max([now(), *_kept(place, self.times).values()])  # whoever comes later cannot be the first of a name
        here = [line for line in self.lines if _from(line, self.source)]
        self.known = {(line["sha256"], line["file"]) for line in here}
        if not any(line["folder"] == self.source["folder"] for line in here):  # it has moved: from now on known here
            self.new += [line | self.source for line in here]
        self.found = []

    def _finish(self, part):
        """Keep what was copied whole and has its line, but not yet its name; what is half of a file goes."""
        copy = self.place / f"{archive.digest_of(part)}.zip"
        names = [line["file"] for line in self.lines if line["sha256"] == copy.stem]
        if names and not os.path.lexists(copy):
            part.replace(copy)
            self.back.append(f"{names[0]}: it was being copied when 'receive' was stopped, and counts")
        else:
            part.unlink()

    def enter(self, digest, name):
        """Have a line for a content under this name."""
        if digest in self.unlogged:
            copied = datetime.fromtimestamp(self.unlogged.pop(digest).stat().st_mtime, timezone.utc)
            self.times[digest] = min(self.now, copied.replace(microsecond=0))
            self.found.append(name)
        self.first.setdefault(digest, self.times.setdefault(digest, self.now))
        if (digest, name) not in self.known:
            self.known.add((digest, name))
            self._add(digest, name, self.first[digest])

    def enter_now(self, digest, name):
        """The same on disk, before the copy is there: one that is stopped leaves no copy that the log does not know."""
        if digest in self.times and not os.path.lexists(self.place / f"{digest}.zip"):
            self.back.append(f"{name}: its copy in {FOLDER} was gone and is there again, so it counts, as arrived at "
                             f"{self.times[digest]}: to withdraw it, delete this file, then the copy")  # fmt: skip
        self.enter(digest, name)
        self.write()

    def correct(self, digest, name, at):
        """Have a line for a time that the organiser knows better."""
        self.times[digest] = at
        self._add(digest, name, at, said=True)

    def say(self, digest, name, at, exact, named=False):
        """Log a time of which the organiser says that a content arrived then; why it cannot have, else "".

        `exact` corrects to either side; `named` is a content that was named itself, not by the file that holds it now.
        """
        if exact and at > self.first[digest]:
            return f"{name}: was here at {self.first[digest]}, so it cannot have arrived at {at}"
        for other in self.contents(name) - {digest} if exact and not named else ():
            if at < self.first[other] < self.first[digest]:
                return (f"{name}: held another submission at {self.first[other]}, so what lies there now is not what "
                        f"arrived at {at}: say which is meant, --file {other}.zip or --file {digest}.zip")  # fmt: skip
        if at != self.times[digest] if exact else at < self.times[digest]:
            if exact:
                self.back.append(f"{name}: counts as arrived at {at} from now on, and not at {self.times[digest]}")
            self.correct(digest, name, at)
        return ""

    def contents(self, name):
        """The SHA-256 of whatever this folder has held under a name, which may be the SHA-256 itself; a set."""
        lines = [line for line in self.lines + self.new if _from(line, self.source)]
        return {line["sha256"] for line in lines if name in (line["file"], line["sha256"])}

    def write(self):
        _append(self.place / LOG, self.new)
        self.lines += self.new
        self.new = []

    def names(self):
        """The first name of each content from this folder: {SHA-256: name}, in the order of the log."""
        found = {}
        for line in self.lines + self.new:
            if _from(line, self.source):
                found.setdefault(line["sha256"], line["file"])
        in_order = dict.fromkeys(line["sha256"] for line in self.lines + self.new)  # from elsewhere, too: folders move
        return {digest: found[digest] for digest in in_order if digest in found}

    def _add(self, digest, name, time, **more):
        self.new.append({"time": time.isoformat(), **more, "sha256": digest, "file": name, **self.source})


def _source(place, submissions):
    """How the log knows a folder of submissions: by its path, and by its way from the event, with which it may move."""
    folder, event = submissions.resolve(), place.parent.parent.resolve()
    own = [event / name for name in ("private", "public", "receipts", "certificates", "baselines")]
    if {folder, *folder.parents} & {path.resolve() for path in (place, *own)}:
        raise EventError(f"{submissions}: is kept by the event itself: give the folder in which teams hand in")
    if folder in {event, *event.parents}:
        raise EventError(f"{submissions}: is or holds the folder of the event: give the folder in which teams hand in")
    try:
        return {"folder": str(folder), "way": Path(os.path.relpath(folder, event)).as_posix()}
    except ValueError:  # on another drive of Windows
        return {"folder": str(folder)}


def _from(line, source):
    """Whether a line is of this folder, which may have moved together with the event: then its old place is empty."""
    if line["folder"] == source["folder"]:
        return True
    return "way" in source and line.get("way") == source["way"] and not os.path.lexists(line["folder"])


def _received(place, submissions, at, files, memory, exact, say):
    log, present, faults, wrong = _Open(place, submissions), set(), [], ""
    files = {_chosen(submissions, name, log) for name in files}
    for path, about in _in_order_of_change(_files(submissions)):
        name = _shown(submissions, path)
        if about is not None and stat.S_ISDIR(about.st_mode):
            name += "/"
        try:
            digest = _copy(path, about, place, {} if memory is None else memory, partial(log.enter_now, name=name))
        except SubmissionError as error:
            faults.append(Arrival(name, log.now, path, fault=str(error)))
            continue
        present.add(digest)
        log.enter(digest, name)
        if at is not None and path in files:
            wrong = log.say(digest, name, at, exact) or wrong
    if log.unlogged:
        raise EventError(
            f"{place / LOG}: does not know {len(log.unlogged)} copies beside it, such as {min(log.unlogged)}.zip: put "
            "back a copy of the log that does; or, where there is none, copy these into the folder of submissions, and "
            "each counts from when it was taken"
        )
    names = log.names()
    if at is not None:
        for digest in files & names.keys() if files else _kept(place, names):
            wrong = log.say(digest, names[digest], at, exact, named=True) or wrong
    log.write()
    if log.found:
        log.back.append(f"{place / LOG}: did not know the copies of {len(log.found)} submissions, such as "
                        f"{min(log.found)}: was it lost? Each counts from when its copy was taken; if there is a copy "
                        "of the log, put it back")  # fmt: skip
    for line in log.back:
        say(line)
    if wrong:
        raise EventError(wrong)
    arrivals = [_logged(place, name, digest, log.times[digest], present) for digest, name in names.items()]
    # the sort is stable: within a second, the order is that of the log
    return sorted([*arrivals, *faults], key=lambda arrival: arrival.time)


def times(event_folder):
    """When each content arrived that was logged, from any folder, and not withdrawn: {SHA-256: datetime}."""
    place = Path(event_folder, FOLDER)
    return _kept(place, _times(_read_log(place / LOG)))


def logged_times(event_folder):
    """All times that the log has of each content, in the format of ISO 8601: {SHA-256: set of str}."""
    found = {}
    for line in _read_log(Path(event_folder, FOLDER, LOG)):
        found.setdefault(line["sha256"], set()).add(datetime.fromisoformat(line["time"]).isoformat())
    return found


def _kept(place, found):
    """What was found of each content, a dict by SHA-256, without what was withdrawn: its copy is gone."""
    return {digest: about for digest, about in found.items() if (place / f"{digest}.zip").is_file()}


def behind(event_folder):
    """What the organiser is told where the clock of this machine is behind the last arrival, else ""."""
    place = Path(event_folder, FOLDER)
    log = _read_log(place / LOG)
    found = _kept(place, _times(log))
    last = max(found, key=found.get, default=None)
    if last is None or found[last] <= now():
        return ""
    line = next(line for line in log if line["sha256"] == last)
    return ("the clock of this machine is behind the last arrival in the log, whose time what is new gets: set the "
            "clock; or, where it was ahead then, give its folder and the time of now to 'receive --at'. "
            f"It is {line['file']} at {found[last]} in {archive.shown(line['folder'], 300)}")  # fmt: skip


def arrived(event_folder):
    """When something arrives just now: the time of this machine, or of the last arrival where its clock is behind."""
    time = now()
    last = max(times(event_folder).values(), default=time)
    return last if last > now() else time  # others may log meanwhile


def _times(log):
    """When each content arrived: when it was first seen, or when the organiser said last.

    Logs of two machines may have been joined: the first line of a content need not be its earliest, and nothing that
    was said of one machine makes it later than another has seen it.
    """
    seen, said = {}, {}
    for line in log:
        digest, time = line["sha256"], datetime.fromisoformat(line["time"])
        if "said" in line:
            said[digest] = time
        else:
            seen[digest] = min(time, seen.get(digest, time))
    return {digest: min(time for time in (seen.get(digest), said.get(digest)) if time) for digest in {**seen, **said}}


def _logged(place, name, digest, time, present):
    copy = place / f"{digest}.zip"
    if digest not in present and not copy.is_file():
        return Arrival(name, time, copy, digest, fault=f"withdrawn: its copy in {FOLDER} is gone")
    return Arrival(name, time, copy, digest, replaced=digest not in present)


def elsewhere(event_folder, submissions):
    """What the organiser is told of submissions that were logged from other folders only, else ""."""
    place = Path(event_folder, FOLDER)
    source = _source(place, Path(submissions))
    here = {line["sha256"] for line in _read_log(place / LOG) if _from(line, source)}
    found = {digest: name for digest, name in _kept(place, folders(event_folder)).items() if digest not in here}
    if not found:
        moved = {line["folder"] for line in _read_log(place / LOG) if _from(line, source)} - {source["folder"]}
        places = ", ".join(archive.shown(path, 300) for path in sorted(moved))
        return f"this folder has moved with its event: what was logged from {places} counts here" if places else ""
    copies = ", ".join(f"{digest}.zip" for digest in list(found)[:5]) + (" ..." if len(found) > 5 else "")
    return (f"submissions that were logged from other folders do not count here: {len(found)} of "
            f"{', '.join(sorted(set(found.values())))}. If that is this folder, moved, put their copies from "
            f"{place} into it, and they count as of then: {copies}")  # fmt: skip


def folders(event_folder):
    """The folder from which each content was logged first, safe to print: {SHA-256: str}."""
    log = _read_log(Path(event_folder, FOLDER, LOG))
    return {line["sha256"]: archive.shown(_today(line, event_folder), 300) for line in reversed(log)}


def _today(line, event_folder):
    """Where the folder of a line lies now, which may have moved together with the event."""
    moved = Path(event_folder, line["way"]).resolve() if "way" in line else None
    return str(moved) if moved and moved.is_dir() and not os.path.lexists(line["folder"]) else line["folder"]


def unread(submissions):
    """What the organiser is told of what lies beside or below the zip files of a folder in a folder, else ""."""
    submissions = Path(submissions)
    read, found = list(_files(submissions)), []
    for folder in sorted({path.parent for path in read} - {submissions}):
        with suppress(OSError):  # it vanished
            found += [path for path in sorted(folder.iterdir()) if path not in read and not _ignored(path.name)]
    if not found:
        return ""
    shown = ", ".join(_shown(submissions, path) for path in found[:5]) + (", ..." if len(found) > 5 else "")
    return (f"not read, because a zip file lies beside it: {shown}: of the folder of a team only the zip files "
            "themselves are read; move others into the folder of submissions")  # fmt: skip


def _files(folder):
    """What lies in a folder of submissions, and the zip files in its folders, as learning platforms make them."""
    for found in os.scandir(folder):
        path = folder / found.name
        if _ignored(found.name):
            continue
        if not found.is_dir(follow_symlinks=False):
            yield path
            continue
        try:
            inside = [inner for inner in path.iterdir() if inner.suffix.lower() == ".zip" and not _ignored(inner.name)]
        except OSError:  # it cannot be read, or vanished: `_copy` says so
            inside = []
        yield from inside or [path]


def _ignored(name):
    return name.startswith(".") or name.lower() in NOT_HANDED_IN or name.endswith(archive.KEY_SUFFIX)


def _in_order_of_change(paths):
    """Paths, and what the system says of each, in the order in which this machine last changed them.

    That order, unlike the time of writing, no sender sets.
    """

    def changed(found):
        path, about = found
        return about.st_ctime_ns if about else 0, str(path)

    return sorted(((path, _about(path)) for path in paths), key=changed)


def _about(path):
    try:
        return path.lstat()
    except OSError:  # it vanished: `_copy` says so
        return None


def _copy(path, about, place, memory, log):
    """Copy a file to where it is kept under its SHA-256, which is returned, and logged before the copy is there."""
    stamp = _stamp(about)
    if stamp and path in memory and memory[path][0] == stamp:
        digest = memory[path][1]
        with suppress(FileNotFoundError):
            if (place / f"{digest}.zip").stat().st_size == stamp[1]:
                return digest
    if about and stat.S_ISDIR(about.st_mode):
        raise SubmissionError("a folder without a zip file in it: move the submission out of its folder")
    temporary = place / f".{os.getpid()}.part"
    try:
        with archive.plain_file(path) as file:
            if fault := _incomplete(file):
                raise SubmissionError(f"{fault} (it has only just changed, and may still be on its way)")
            digest, kept = archive.digest(file), None
            with suppress(FileNotFoundError):
                kept = (place / f"{digest}.zip").stat().st_size
            if kept != file.tell():  # none, or one that a power cut left half written
                file.seek(0)
                with open(temporary, "wb") as out:
                    digest = archive.digest(file, out)
                    out.flush()
                    os.fsync(out.fileno())
                log(digest)
                temporary.replace(place / f"{digest}.zip")
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename2 and Path(error.filename2).is_dir():
            raise EventError(f"{error.filename2}: a folder stands there: move it away") from error
        if error.errno == errno.ENOSPC:
            raise SubmissionError("this machine's disk is full: free some space and score again") from error
        raise SubmissionError(f"cannot be copied: {error.strerror or error}") from error
    if stamp and stamp == _stamp(_about(path)):
        memory[path] = stamp, digest
    return digest


def _incomplete(file):
    """Why an open file is no zip file, where the rest of it may still be on its way; "" where nothing may."""
    about = os.fstat(file.fileno())
    if time.time() - about.st_ctime > ARRIVING or not (fault := archive.no_zip(file)):
        return ""
    start = file.read(len(archive.START))
    file.seek(0)
    return fault if archive.START.startswith(start) or about.st_size > SMALL else ""


def _stamp(about):
    """What changes with the content of a plain file; None where it is no such file, or has only just changed."""
    if about is None:
        return None
    settled = time.time() - about.st_ctime > SETTLED
    return (about.st_ino, about.st_size, about.st_ctime_ns) if settled and stat.S_ISREG(about.st_mode) else None


def _text(path):
    """What is in the log, without the byte order mark that an editor may have put there."""
    if os.path.lexists(path) and not path.is_file():  # to read from a pipe would wait for ever
        raise EventError(f"{path}: no file, or a link to one that is gone: move it away and put back a copy")
    return path.read_text("utf-8-sig")


def _read_log(path):
    """The lines of the log; one that a power cut left half written is no line yet, and a blank one is none."""
    try:
        text = _text(path)
    except FileNotFoundError:
        return []
    except UnicodeDecodeError as error:
        raise EventError(f"{path}: damaged (byte {error.start}): put back a copy of it") from error
    lines = []
    for i, written in enumerate(_whole(text).splitlines(), start=1):
        if not written.strip():
            continue
        try:
            line = json.loads(written)
            time = datetime.fromisoformat(line["time"])
            if time.tzinfo is None or not 1970 <= time.year < 9999:
                raise ValueError("no offset, or no such year")
            if not re.fullmatch(r"[0-9a-f]{64}", line["sha256"]) or not isinstance(line["file"] + line["folder"], str):
                raise ValueError("no SHA-256, or no names")
            lines.append({key: line[key] for key in ("time", "sha256", "file", "folder", *{"said", "way"} & set(line))})
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise EventError(f"{path}: line {i} is damaged: put back a copy of it") from error
    return lines


def _whole(text):
    """The text of a log without a half written last line; an editor may have left out the end of a whole one."""
    whole, end, last = text.rpartition("\n")
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return whole + end
    return f"{text}\n"


def _end(path):
    """Give the log the end to which the next line can be added; only who holds the lock may."""
    with suppress(FileNotFoundError, UnicodeDecodeError):  # which reading it says
        text = _text(path)
        if text and not text.endswith("\n"):
            with atomic_write(path, private=True) as temporary:
                temporary.write_text(_whole(text), "utf-8")


def _append(path, lines):
    try:
        with open(path, "a", encoding="utf-8") as log:
            log.writelines(json.dumps(line) + "\n" for line in lines)
            log.flush()
            os.fsync(log.fileno())
    except OSError as error:  # it may have half a line now, to which nothing may be added
        raise EventError(f"{path}: cannot be written: {in_words(error)}") from error
