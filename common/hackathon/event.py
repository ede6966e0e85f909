"""The event file: what the hackathon is called, when and where it takes place, and what is ranked."""

import sys
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from common.challenge import registry

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLE = Path(__file__).with_name("deeplearn2024.toml")


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
    """What the event file says; `deadline` is aware of its time zone, `zone` is the zone's name."""

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
        or metric, a task listed twice, too few test samples for a score, or times that cannot be or contradict.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise EventError(f"{path}: no such file: name the folder of the event, or its event file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EventError(f"{path}: not an event file in TOML: {error}") from error
    read = _Reader(path, content)
    zone = read.take("time_zone", str)
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise EventError(f"{path}: unknown time_zone {zone!r}; names are like 'Europe/Zurich'") from error
    boards = tuple(_board(_Reader(path, entry)) for entry in read.take("challenge", list))
    if not boards:
        raise EventError(f"{path}: no challenge, expected at least one table [[challenge]]")
    names = [board.name for board in boards]
    if len(set(names)) < len(names):
        raise EventError(f"{path}: {max(names, key=names.count)} is listed twice")
    event = Event(
        title=read.take("title", str),
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
    )
    read.finish()
    if not event.start <= event.end:
        raise EventError(f"{path}: end = {event.end} is before start = {event.start}")
    if event.deadline.astimezone(info).date() < event.start:
        raise EventError(f"{path}: deadline = {event.deadline} is before start = {event.start}")
    for name, link in [*event.links.items(), *event.surveys.items(), *((m.title, m.link) for m in event.meetings)]:
        if not isinstance(link, str) or (link and not link.startswith("https://")):
            raise EventError(f"{path}: the link {name} must start with https://, not be {link!r}")
    return event


class _Reader:
    """Takes keys from a table of the file, and knows which were not taken."""

    def __init__(self, path, table):
        if not isinstance(table, dict):
            raise EventError(f"{path}: {table!r:.40}, expected a table such as [[challenge]] or [[meeting]]")
        self.path, self.table = path, dict(table)

    def take(self, key, kind, default=None):
        if key not in self.table and default is not None:
            return default
        value = self.table.pop(key, None)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)) or (
            kind is date and isinstance(value, datetime)  # which is a date for Python
        ):
            raise EventError(f"{self.path}: {key} = {value!r}, expected {kind.__name__}")
        return value

    def time(self, key, zone):
        """A time: as it stands where it has an offset from UTC, else by the clocks of the zone."""
        value = self.take(key, datetime)
        if not 1970 <= value.year < 9999:
            raise EventError(f"{self.path}: {key} = {value}: expected a year from 1970 to 9998")
        if value.tzinfo is not None:
            return value
        local = value.replace(tzinfo=zone)
        cure = f"give it with its offset from UTC, such as {value.isoformat()}+00:00"
        if local.astimezone(timezone.utc).astimezone(zone).replace(tzinfo=None) != value:
            raise EventError(f"{self.path}: {key} = {value}: clocks in {zone} leave this time out in spring: {cure}")
        if local.utcoffset() != local.replace(fold=1).utcoffset():
            raise EventError(f"{self.path}: {key} = {value}: clocks in {zone} show this time twice in autumn: {cure}")
        return local

    def finish(self):
        if self.table:
            raise EventError(f"{self.path}: unknown key {next(iter(self.table))!r}")


def _meeting(read, info):
    title, time = read.take("title", str), read.time("time", info)
    meeting = Meeting(title, time, read.take("where", str, ""), read.take("link", str, ""))
    read.finish()
    return meeting


def _board(read):
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
    n = read.take("n", int)
    if n < task.fewest:
        raise EventError(f"{read.path}: {folder}: n = {n}, expected at least {task.fewest} test samples for a score")
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
    lines.append(f"| solutions due | **{event.clock(event.deadline)}** |")
    links = [f"[{name}]({link})" for name, link in event.links.items()]
    links += [f"[survey {name} the event]({link})" for name, link in event.surveys.items()]
    if links:
        lines.append(f"| links | {', '.join(links)} |")
    lines.append(f"| questions | {event.contact} |")
    return "\n".join([*lines, "", event.prizes]).strip() + "\n"
