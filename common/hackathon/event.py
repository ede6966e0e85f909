"""The event file: what the hackathon is called, when and where it takes place, and what is ranked."""

import sys
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from common.challenge import registry
from common.files import in_words

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = Path(__file__).with_name("deeplearn2024.toml")
TITLE = 100  # letters of a title, which stands in one line of pages, certificates and their QR codes
KINDS = {
    str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list", dict: "a table",
    date: "a date such as 2026-07-29", datetime: "a time such as 2026-07-29T18:00:00",
}  # fmt: skip



class EventError(ValueError):
    """An event file, or a folder made from one, that cannot be used; the message says what to change."""


@dataclass(frozen=True)
class Meeting:
    """A meeting; `time` is aware of its time zone."""

    title: str
    time: datetime
    where: str = ""
    link: str = ""


@dataclass(frozen=True)
class Phase:
    """A part of the event in which hand-ins are taken; both its times belong to it.

    Attributes
    ----------
    title : str
    start, end : datetime
        Aware of their time zone.
    limit_per_day, limit : int or None
        Hand-ins of a team on one board that are scored: on a day of the event's time zone, and in the phase.
    """

    title: str
    start: datetime
    end: datetime
    limit_per_day: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Board:
    """One ranking: a task of a challenge, the size of its hidden test set, and the order of its metrics."""

    folder: str
    task: str
    n: int
    metrics: tuple[str, ...]
    weights: bool = False

    @property
    def name(self):
        """Name of the files of this task, such as ``Higgs-classification``."""
        return f"{self.folder}-{self.task}"


@dataclass(frozen=True)
class Event:
    """What the event file says.

    `deadline` is aware of its time zone, `zone` is the zone's name. Without phases hand-ins are taken at any time, as
    many as a team likes. `public_fraction` of each hidden test set decides until the deadline, the rest after it; with
    1 the whole test set does both. With `registration` only registered teams hand in. An `anonymous` event shows
    made-up names until the organiser reveals the teams.
    """

    title: str
    summary: str
    start: date
    end: date
    deadline: datetime
    zone: str
    prizes: str
    contact: str
    links: dict[str, str]
    surveys: dict[str, str]
    meetings: tuple[Meeting, ...]
    boards: tuple[Board, ...]
    phases: tuple[Phase, ...] = ()
    public_fraction: float = 1.0
    registration: bool = False
    anonymous: bool = False

    def phase_at(self, time):
        """The phase that takes what arrives at a time, or None."""
        return next((phase for phase in self.phases if phase.start <= time <= phase.end), None)

    def day(self, time):
        """The date of a time by the clocks of the event."""
        return time.astimezone(ZoneInfo(self.zone)).date()

    def clock(self, time):
        """A time as participants read it: Monday, July 29, 2024, 18:00 CET (16:00 UTC)."""
        local, utc = time.astimezone(ZoneInfo(self.zone)), time.astimezone(timezone.utc)
        return f"{local:%A, %B} {local.day}, {local.year}, {local:%H:%M} {self.zone} ({utc:%H:%M} UTC)"

    def of(self, folder):
        """The boards of a challenge."""
        boards = [board for board in self.boards if board.folder == folder]
        if not boards:
            folders = ", ".join(dict.fromkeys(board.folder for board in self.boards))
            raise EventError(f"{self.title} has no challenge {folder[:40]!r}: choose one of {folders}")
        return boards


def load(path=EXAMPLE):
    """Read an event file.

    Raises
    ------
    EventError
        Missing or no TOML, a key that is missing, unknown or of the wrong type, an unknown time zone, challenge, task
        or metric, a task listed twice, too few test samples for a score or too many, times that cannot be or
        contradict, phases that overlap, or a limit or fraction that is none.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except NotADirectoryError as error:
        raise EventError(f"{path.parent}: a file: name the folder of the event") from error
    except FileNotFoundError as error:
        raise EventError(f"{path}: no such file: name the folder of the event, or its event file") from error
    except (OSError, ValueError, RecursionError) as error:  # ValueError: other than TOML, or a number beyond Python's
        raise EventError(f"{path}: not an event file in TOML: {in_words(error)}") from error
    read = _Reader(path, content)
    zone = read.take("time_zone", str)
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise EventError(f"{path}: unknown time_zone {zone!r}; names are like 'Europe/Zurich'") from error
    fraction = read.fraction("public_fraction")
    boards = tuple(_board(_Reader(path, entry), fraction) for entry in read.take("challenge", list))
    if not boards:
        raise EventError(f"{path}: no challenge, expected at least one table [[challenge]]")
    names = [board.name for board in boards]
    if len(set(names)) < len(names):
        raise EventError(f"{path}: {max(names, key=names.count)} is listed twice")
    event = Event(
        title=read.title(),
        summary=read.take("summary", str),
        start=read.take("start", date),
        end=read.take("end", date),
        deadline=read.time("deadline", info),
        zone=zone,
        prizes=read.take("prizes", str, ""),
        contact=read.take("contact", str),
        links=read.take("links", dict, {}),
        surveys=read.take("surveys", dict, {}),
        meetings=tuple(_meeting(_Reader(path, entry), info) for entry in read.take("meeting", list, [])),
        boards=boards,
        phases=tuple(_phase(_Reader(path, entry), info) for entry in read.take("phase", list, [])),
        public_fraction=fraction,
        registration=read.take("registration", bool, False),
        anonymous=read.take("anonymous", bool, False),
    )
    read.finish()
    if not event.start <= event.end:
        raise EventError(f"{path}: end = {event.end} is before start = {event.start}")
    if event.deadline.astimezone(info).date() < event.start:
        raise EventError(f"{path}: deadline = {event.deadline} is before start = {event.start}")
    _check_phases(path, event)
    for name, link in [*event.links.items(), *event.surveys.items(), *((m.title, m.link) for m in event.meetings)]:
        if not isinstance(link, str) or (link and not link.startswith("https://")):
            raise EventError(f"{path}: the link {name} must start with https://, not be {link!r}")
    return event


def _shown(value):
    """A value about as the file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | time) else f"{value!r:.60}"


class _Reader:
    """Takes keys from a table of the file, and knows which were not taken."""

    def __init__(self, path, table):
        if not isinstance(table, dict):
            raise EventError(f"{path}: {table!r:.40}, expected a table such as [[challenge]] or [[meeting]]")
        self.path, self.table = path, dict(table)

    def take(self, key, kind, default=None):
        if key not in self.table and default is not None:
            return default
        if key not in self.table:
            raise EventError(f"{self.path}: no {key}, expected {KINDS[kind]}")
        value = self.table.pop(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) or (
            kind is date and isinstance(value, datetime)  # which is a date for Python
        ):
            raise EventError(f"{self.path}: {key} = {_shown(value)}, expected {KINDS[kind]}")
        if isinstance(value, date) and not 1970 <= value.year < 9999:
            raise EventError(f"{self.path}: {key} = {value}: expected a year from 1970 to 9998")
        return value

    def title(self):
        """A title: one line that can be read."""
        if not (value := self.take("title", str)).strip() or len(value) > TITLE or not value.isprintable():
            raise EventError(f"{self.path}: title = {value!r:.60}, expected one line of 1 to {TITLE} letters, none of "
                             "them invisible")  # fmt: skip
        return value

    def time(self, key, zone):
        """A time: as it stands where it has an offset from UTC, else by the clocks of the zone."""
        value = self.take(key, datetime)
        if value.tzinfo is not None:
            return value
        local = value.replace(tzinfo=zone)
        cure = f"give it with its offset from UTC, such as {value.isoformat()}+00:00"
        if local.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None) != value:
            raise EventError(f"{self.path}: {key} = {value}: clocks in {zone} leave this time out in spring: {cure}")
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            raise EventError(f"{self.path}: {key} = {value}: clocks in {zone} show this time twice in autumn: {cure}")
        return local

    def limit(self, key):
        """A number of hand-ins, or None where there is no limit."""
        if key not in self.table:
            return None
        if (value := self.take(key, int)) < 1:
            raise EventError(f"{self.path}: {key} = {value}, expected at least 1; without this key there is no limit")
        return value

    def fraction(self, key):
        """A part of a test set; all of it where the key is not there."""
        whole = isinstance(self.table.get(key), int) and not isinstance(self.table[key], bool)
        value = float(self.take(key, int)) if whole else self.take(key, float, 1.0)
        if not 0 < value <= 1:
            raise EventError(f"{self.path}: {key} = {value}, expected a number above 0 and up to 1, such as 0.3")
        return value

    def finish(self):
        if self.table:
            raise EventError(f"{self.path}: unknown key {next(iter(self.table))!r}")


def _meeting(read, info):
    meeting = Meeting(read.title(), read.time("time", info), read.take("where", str, ""), read.take("link", str, ""))
    read.finish()
    return meeting


def _phase(read, info):
    phase = Phase(
        read.title(), read.time("start", info), read.time("end", info),
        read.limit("limit_per_day"), read.limit("limit"),
    )  # fmt: skip
    read.finish()
    if not phase.start < phase.end:
        raise EventError(f"{read.path}: phase {phase.title!r}: end = {phase.end} is not after start = {phase.start}")
    return phase


def _check_phases(path, event):
    """Raise EventError unless the phases follow one another, from the start of the event to the deadline."""
    titles = [phase.title for phase in event.phases]
    if len(set(titles)) < len(titles):
        raise EventError(f"{path}: two phases have the title {max(titles, key=titles.count)!r}")
    if event.phases and event.day(event.phases[0].start) < event.start:
        first = event.phases[0]
        raise EventError(f"{path}: phase {first.title!r} starts at {first.start}, before start = {event.start}")
    for before, after in pairwise(event.phases):
        if after.start < before.end:
            raise EventError(
                f"{path}: phase {after.title!r} starts at {after.start}, before {before.title!r} ends at {before.end}: "
                "list phases in order, each from the end of the one before"
            )
    if event.phases and event.phases[-1].end != event.deadline:
        last = event.phases[-1]
        raise EventError(
            f"{path}: the last phase, {last.title!r}, ends at {last.end}, not at deadline = {event.deadline}: "
            "give both the same time"
        )


def _board(read, fraction):
    folder = read.take("folder", str)
    challenges = registry()
    if folder not in challenges:
        raise EventError(f"{read.path}: no challenge {folder!r}: choose one of {', '.join(challenges)}")
    try:
        task = challenges[folder].task(read.take("task", str, challenges[folder].tasks[0].name))
    except ValueError as error:
        raise EventError(f"{read.path}: {error}") from error
    known = [metric.name for metric in task.metrics]
    metrics = read.take("metrics", list, known)
    if unknown := [name for name in metrics if name not in known] or ([] if metrics else ["none"]):
        raise EventError(f"{read.path}: {folder}: no metric {unknown[0]!r}: choose from {', '.join(known)}")
    if len(set(metrics)) < len(metrics):
        raise EventError(f"{read.path}: {folder}: the metric {max(metrics, key=metrics.count)!r} is listed twice")
    n = read.take("n", int)
    if n < task.fewest:
        raise EventError(f"{read.path}: {folder}: n = {n}, expected at least {task.fewest} test samples for a score")
    if n > task.most:
        raise EventError(f"{read.path}: {folder}: n = {n}, expected at most {task.most:,} test samples for the task "
                         f"{task.name}: hand-ins of more take too much time or memory to score")  # fmt: skip
    public = round(n * fraction)
    if fraction < 1 and min(public, n - public) < task.fewest:
        raise EventError(
            f"{read.path}: {folder}: public_fraction = {fraction} parts n = {n} test samples into {public} and "
            f"{n - public}, expected at least {task.fewest} in either for a score"
        )
    board = Board(folder, task.name, n, tuple(metrics), read.take("weights", bool, False))
    read.finish()
    return board


def markdown(event):
    """The event in words: the section of the README, and the page of the site."""
    lines = [event.summary, "", "| | |", "|---|---|", f"| dates | {event.start:%B} {event.start.day} to "
             f"{event.end:%B} {event.end.day}, {event.end.year} |"]  # fmt: skip
    for meeting in event.meetings:
        where = f", {meeting.where}" if meeting.where else ""
        time = event.clock(meeting.time) + where
        lines.append(f"| {meeting.title.lower()} | {f'[{time}]({meeting.link})' if meeting.link else time} |")
    for phase in event.phases:
        limits = [(phase.limit_per_day, "a day"), (phase.limit, "in all")]
        limits = [f"{limit} {unit}" for limit, unit in limits if limit]
        allowed = f"; at most {' and '.join(limits)} for each team and task" if limits else ""
        lines.append(f"| {phase.title} | {event.clock(phase.start)} to {event.clock(phase.end)}{allowed} |")
    lines.append(f"| solutions due | **{event.clock(event.deadline)}** |")
    links = [f"[{name}]({link})" for name, link in event.links.items()]
    links += [f"[survey {name} the event]({link})" for name, link in event.surveys.items()]
    if links:
        lines.append(f"| links | {', '.join(links)} |")
    lines.append(f"| questions | {event.contact} |")
    return "\n".join([*lines, "", event.prizes]).strip() + "\n"
