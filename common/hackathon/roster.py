"""The registered teams of an event: names, members and keys, in one file that only the organiser's machine writes.

A key is made here, shown once, and kept as its SHA-256 only. Whoever scores meanwhile holds the same lock, and the file
is replaced in one step, so that nobody reads half of it.
"""

import json
import re
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import filelock

from common import texts
from common.challenge import SubmissionError
from common.files import atomic_write
from common.hackathon import archive, arrivals, keys
from common.hackathon.event import EventError, load
from common.hackathon.names import check_name, skeleton

FILE, LOCK = "private/teams.json", "private/.scoring.lock"
SETTLED = "private/settled.json"  # what the last scoring found of each team
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)  # what reading it raises then
PATIENCE = 60  # s to wait for a scoring that is under way


@dataclass(frozen=True)
class Team:
    """A registered team.

    Attributes
    ----------
    name : str
    members : tuple of str
    key : str
        The SHA-256 of its key.
    registered : datetime
    into : str
        The team of which it became a part; empty where it is one of its own.
    merged : datetime or None
        When that was.
    former : tuple of (str, datetime)
        The SHA-256 of each key that it had, and until when.
    """

    name: str
    members: tuple[str, ...]
    key: str
    registered: datetime
    into: str = ""
    merged: datetime | None = None
    former: tuple[tuple[str, datetime], ...] = ()


@dataclass(frozen=True)
class Roster:
    """The registered teams of an event, in the order in which they registered."""

    teams: tuple[Team, ...] = field(default=())

    @cached_property
    def _by_name(self):
        return {skeleton(team.name): team for team in self.teams}

    @cached_property
    def _by_key(self):
        return {team.key: team for team in self.teams}

    @cached_property
    def _by_former_key(self):
        return {key: (team, until) for team in self.teams for key, until in team.former}

    @cached_property
    def _merged(self):
        return [team for team in self.teams if team.into]

    def named(self, name):
        """The team whose name is this one or could be taken for it, or None."""
        return self._by_name.get(skeleton(name)) if self.teams else None

    def with_key(self, key, time=None):
        """The team that has the key of this SHA-256, or had it at a time, or None."""
        former, until = self._by_former_key.get(key, (None, None))
        return former if former and time and time <= until else self._by_key.get(key)

    def once_with_key(self, key):
        """The team that had the key of this SHA-256 until it got another one, or None."""
        return self._by_former_key.get(key, (None, None))[0]

    def whole(self, team, time=None):
        """The team of which a team is a part at a time, itself where it has not merged; default: after all mergers."""
        while team.into and (time is None or team.merged <= time):
            team = self.named(team.into)
        return team

    def parts(self, team, time=None):
        """The names of all teams that are part of the same one at a time."""
        whole = self.whole(team, time)
        parts = (other for other in self._merged if other is not whole and self.whole(other, time) is whole)
        return [whole.name, *(part.name for part in parts)]


NOBODY = Roster()


@dataclass(frozen=True)
class Settled:
    """What the last scoring of its folder found of a hand-in or a baseline, or that of all folders of a team.

    Attributes
    ----------
    team : str
    key : str
        The SHA-256 of its key, of a team of the key of its first hand-in; empty for a baseline, whose name nobody gets.
    members : tuple of str
        All that the team named in time, and those registered.
    used : dict of str to int
        What counts towards the limits of each board and phase, as `_place` names them.
    content : str
        The SHA-256 of what was handed in.
    """

    team: str = ""
    key: str = ""
    members: tuple[str, ...] = ()
    used: dict[str, int] = field(default_factory=dict)
    content: str = ""


# --------------------------------------------------------------------------------------------------
# The file


def locked(folder, patience=-1):
    """The lock of an event, which whoever scores it or changes its teams holds; without `patience` it waits."""
    return filelock.FileLock(Path(folder, LOCK), patience)


@contextmanager
def at_rest(folder):
    """An event under its lock, or EventError where a scoring, or whoever draws certificates, holds it for long."""
    if not Path(folder, "private").is_dir():
        raise EventError(f"{folder}: no folder 'private': is it the event that 'prepare' made?")
    try:
        with locked(folder, PATIENCE):
            yield
    except filelock.Timeout as error:
        raise EventError(f"{folder}: a scoring is under way: try again when it, or the drawing of certificates, has "
                         "ended") from error  # fmt: skip


def read(folder):
    """The Roster of an event; an empty one where no team has registered.

    Raises
    ------
    EventError
        The file is damaged.
    """
    path = Path(folder, FILE)
    try:
        rows = json.loads(texts.read(path))["teams"]
        roster = Roster(tuple(map(_team, rows)))
        _check(roster)
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        if isinstance(error, FileNotFoundError) and not path.is_symlink():  # a link to nothing is damage
            return Roster()
        raise EventError(f"{path} is damaged ({archive.one_line(error)}): put back a copy of it") from error
    return roster


def _team(row):
    row = {"former": [], **row}  # files of earlier releases lack it
    if set(row) != set(Team.__dataclass_fields__):
        raise ValueError(f"a team has the keys {', '.join(map(str, row))}")
    former = tuple((key, datetime.fromisoformat(until)) for key, until in row["former"])
    if not all(re.fullmatch(r"[0-9a-f]{64}", key, re.ASCII) for key in (row["key"], *dict(former))):
        raise ValueError("a key is no SHA-256")
    registered = datetime.fromisoformat(row["registered"])
    merged = datetime.fromisoformat(row["merged"]) if row["into"] else None
    if None in (time.tzinfo for time in (registered, merged or registered, *dict(former).values())):
        raise ValueError("a time without its offset from UTC")
    into = check_name(row["into"]) if row["into"] else ""
    people = archive.check_people(row["members"])
    return Team(check_name(row["name"]), people, row["key"], registered, into, merged, former)


def _check(roster):
    """Raise ValueError where two teams have one name or key, or a team became a part of none."""
    if len({skeleton(team.name) for team in roster.teams}) < len(roster.teams):
        raise ValueError("two teams have one name")
    known = [key for team in roster.teams for key in (team.key, *dict(team.former))]
    if len(set(known)) < len(known):
        raise ValueError("two teams have one key")
    if lost := {team.into for team in roster.teams if team.into} - {team.name for team in roster.teams}:
        raise ValueError(f"there is no team {min(lost)!r}")
    for team in roster.teams:
        passed = [team]
        while passed[-1].into:
            passed.append(roster.named(passed[-1].into))
            if passed[-1] in passed[:-1]:
                raise ValueError("teams are parts of each other")


def _write(folder, teams):
    rows = [
        asdict(team) | {"registered": team.registered.isoformat(), "merged": team.merged and team.merged.isoformat(),
                        "former": [(key, until.isoformat()) for key, until in team.former]}
        for team in teams
    ]  # fmt: skip
    with atomic_write(Path(folder, FILE)) as temporary:
        temporary.write_text(json.dumps({"teams": rows}, ensure_ascii=False, indent=1) + "\n", "utf-8")


def keep(folder, event, entries, owners, times):
    """Keep what a scoring found of the teams for those who register, join or merge until more is logged.

    What is known of hand-ins to other folders stays as the scoring of these found it.

    Parameters
    ----------
    folder : path-like
        The folder of the event.
    event : common.hackathon.event.Event
    entries : list of common.hackathon.judge.Entry
        Settled.
    owners : list of common.hackathon.judge.Entry
        Those of them by which teams took their names.
    times : dict of str to datetime
        When each content from this folder arrived, as this scoring knows it; None where it was withdrawn.
    """
    takes_name = set(map(id, owners))
    found = [_row(event, entry) for entry in entries if entry.team and (not entry.reason or id(entry) in takes_name)]
    known, elsewhere = {digest: time.isoformat() for digest, time in times.items() if time}, {}
    with suppress(OSError, *DAMAGED):
        before, others = _rows(Path(folder, SETTLED)), arrivals.folders(folder).keys() - times.keys()
        elsewhere = {digest: time for digest, time in before["times"].items() if digest in others}
        known |= elsewhere
        found += [row for row in before["teams"] if row.content in elsewhere]
    with atomic_write(Path(folder, SETTLED)) as temporary:
        about = {"times": known, "teams": list(map(asdict, found)), "elsewhere": sorted(elsewhere)}
        temporary.write_text(json.dumps(about, ensure_ascii=False) + "\n", "utf-8")


def forgotten(folder):
    """What the organiser is told of times that the last scoring knew, and the log no longer does, else ""."""
    known = {}
    with suppress(OSError, *DAMAGED):
        known = _rows(Path(folder, SETTLED))["times"]
    log = arrivals.logged_times(folder)
    lost = {digest: time for digest, time in known.items() if time not in log.get(digest, ())}
    if not lost:
        return ""
    digest = min(lost)
    return (f"{Path(folder, arrivals.FOLDER, arrivals.LOG)}: has lost lines since the last scoring, which knew other "
            f"times of {len(lost)} submissions: put back a copy of the log that has them, or say each again, such as "
            f"--at {lost[digest]} --file {digest}.zip")  # fmt: skip


def _row(event, entry):
    row = Settled(entry.team, "" if entry.baseline else entry.key, content=entry.content)
    if entry.reason or entry.late or entry.baseline:
        return row
    phase = event.phase_at(entry.received) if entry.board else None
    return replace(row, members=entry.members, used={_place(entry.board, phase): 1} if phase else {})


def settled(folder):
    """What the last scoring of each folder found: a dict of the skeleton of a name to Settled.

    A name is that of its first hand-in, whichever folder it was put in.

    Raises
    ------
    EventError
        It is damaged, or of what is logged by now no scoring knew all, or knew it otherwise.
    """
    path, logged, found = Path(folder, SETTLED), arrivals.times(folder), {}
    try:
        about = _rows(path) if path.exists() else {"times": {}, "teams": []}
    except (OSError, *DAMAGED) as error:
        raise EventError(f"{path} is damaged ({archive.one_line(error)}): delete it and score the event") from error
    now = {digest: time.isoformat() for digest, time in logged.items()}
    if changed := about["times"].items() ^ now.items():
        places = arrivals.folders(folder)
        places = sorted({places[digest] for digest, _ in changed if digest in places}) or ["any"]
        raise EventError(f"{folder}: hand-ins were received and not scored, or corrected or withdrawn since: run "
                         "'python -m common.hackathon score' first, with each of these folders (where it is gone, an "
                         f"empty one in its place): {', '.join(places)}")  # fmt: skip
    order = {digest: i for i, digest in enumerate(sorted(logged, key=logged.get))}  # those of baselines are not logged
    for row in sorted(about["teams"], key=lambda row: order.get(row.content, -1)):
        first = found.setdefault(skeleton(row.team), Settled(row.team, row.key))
        used = {place: first.used.get(place, 0) + row.used.get(place, 0) for place in {**first.used, **row.used}}
        members = tuple(dict.fromkeys((*first.members, *row.members)))
        found[skeleton(row.team)] = replace(first, members=members, used=used)
    return found


def _rows(path):
    """The file of a scoring: "times", and "teams" as Settled."""
    about = json.loads(path.read_text("utf-8"))
    rows = [Settled(**row) for row in about["teams"]]
    words = [word for row in rows for word in (row.team, row.key, *row.members, row.content)]
    counts = [count for row in rows for count in row.used.values()]
    words += [word for pair in about["times"].items() for word in pair]
    if not all(isinstance(word, str) for word in words) or not all(isinstance(count, int) for count in counts):
        raise TypeError("a name, a key, a member, a time or a count is none")
    return {"times": about["times"], "teams": rows, "elsewhere": list(about.get("elsewhere", ()))}


def not_on_board(folder):
    """How many hand-ins of other folders the last scoring knew and left out; `settled` has read its file."""
    path = Path(folder, SETTLED)
    return len(_rows(path)["elsewhere"]) if path.exists() else 0


def _place(board, phase):
    return f"{board} in the phase {phase.title!r}"


# --------------------------------------------------------------------------------------------------
# What teams ask for


def register(folder, name, members=(), key=None):
    """Register a team.

    Parameters
    ----------
    folder : path-like
        The folder of the event.
    name : str
    members : sequence of str
    key : path-like, optional
        The key file of a team that has one from its first hand-in. Default: a key is made.

    Returns
    -------
    team : Team
    key : str
        The key that was made, which is kept nowhere; empty where the team has one.

    Raises
    ------
    SubmissionError
        No name that a team may have, or one that could be taken for another team's; too many members; a key that is in
        use.
    EventError
        No such event, the deadline is over, the file of the teams is damaged, or a scoring holds it.
    """
    name, members = check_name(name), _distinct(archive.check_people(members))
    made = "" if key else keys.new_key()
    digest = keys.read_key(key) if key else keys.sha256(made)
    with _changing(folder, "registers") as roster:
        if other := roster.named(name):
            taken = "is registered" if other.name == name else f"could be taken for {other.name!r}, which is registered"
            raise SubmissionError(f"the team name {name!r} {taken}: use another name")
        if other := roster.with_key(digest) or roster.once_with_key(digest):
            raise SubmissionError(f"this is the key of the team {other.name!r}: a team has a key of its own")
        seen = settled(folder)
        for other in seen.values():
            if other.key == digest and skeleton(other.team) != skeleton(name):
                raise SubmissionError(
                    f"with this key the team {other.team!r} has handed in: register that name, or leave out --key for "
                    f"a new key of {name!r}"
                )
        if (other := seen.get(skeleton(name))) and other.key != digest:
            raise SubmissionError(
                f"the team name {name!r} could be taken for {other.team!r}, which handed in with another key: use "
                "another name, or give the key file of that team with --key"
            )
        team = Team(name, members, digest, arrivals.now())
        _write(folder, [*roster.teams, team])
    return team, made


def renew(folder, name):
    """Give a team another key, such as one that lost its own or showed it to others.

    What arrived with the old key until now stays the team's; from now on it is refused. A team that handed in without
    having registered is registered with the key.

    Parameters
    ----------
    folder : path-like
        The folder of the event.
    name : str
        Just as the team is called.

    Returns
    -------
    team : Team
    key : str
        Which is kept nowhere.

    Raises
    ------
    SubmissionError
        There is no team of this name.
    EventError
        As for `register`; or the clock of this machine is behind the last arrival, and the old key would end before it.
    """
    name, made = check_name(name), keys.new_key()
    with _changing(folder, "gets another key") as roster:
        if behind := arrivals.behind(folder):
            raise EventError(behind)
        time, team = arrivals.now(), roster.named(name)
        if team is None and (found := settled(folder).get(skeleton(name))) and found.key:
            team = Team(found.team, (), found.key, time)
        if team is None or team.name != name:
            raise SubmissionError(f"there is no team {name!r}: give its name as the leaderboard shows it")
        former = [(key, min(until, time)) for key, until in team.former]  # the clock may have been ahead then
        renewed = replace(team, key=keys.sha256(made), former=(*former, (team.key, time)))
        others = roster.teams if team in roster.teams else (*roster.teams, team)
        _write(folder, [renewed if other is team else other for other in others])
    return renewed, made


def ahead(folder):
    """What the organiser is told where old keys go on, since the clock was ahead when they were to end, else ""."""
    now = arrivals.now()
    names = [repr(team.name) for team in read(folder).teams if any(until > now for _, until in team.former)]
    if not names:
        return ""
    return (f"the old keys of {', '.join(names)} end only later: the clock of this machine is behind, or was ahead at "
            "'register --renew': set the clock, or else renew these keys again")  # fmt: skip


def join(folder, key, members):
    """Add members to the team that has a key.

    Parameters
    ----------
    folder : path-like
        The folder of the event.
    key : path-like
        The key file of the team.
    members : sequence of str

    Returns
    -------
    Team

    Raises
    ------
    SubmissionError
        No key of a registered team, names that nobody may have or that are members, or too many with those whom the
        team named in hand-ins.
    EventError
        As for `register`.
    """
    members, digest = _distinct(archive.check_people(members)), keys.read_key(key)
    if not members:
        raise SubmissionError("nobody joins: give each name with --member")
    with _changing(folder, "joins") as roster:
        team = roster.whole(_known(roster, digest))
        joined = replace(team, members=_distinct((*team.members, *members)))
        _check_size(joined, _found(folder, roster.parts(team)))
        _write(folder, [joined if other is team else other for other in roster.teams])
    return joined


def merge(folder, key, other_key):
    """Make the team that has `other_key` a part of the team that has `key`.

    Both keys hand in for the team from then on, and all that either handed in, earlier too, is its own: it counts
    towards the limits, the best one ranks, and of all choices for a board the last one counts.

    Parameters
    ----------
    folder : path-like
        The folder of the event.
    key, other_key : path-like
        Key files, which show that both teams agree.

    Returns
    -------
    whole, part : Team

    Raises
    ------
    SubmissionError
        No keys of two registered teams, or together too many members, or more hand-ins in a phase than one team may
        have until now.
    EventError
        As for `register`.
    """
    digests = keys.read_key(key), keys.read_key(other_key)
    with _changing(folder, "merges") as roster:
        if behind := arrivals.behind(folder):  # what arrived before would count as of after the merger
            raise EventError(behind)
        whole, part = (roster.whole(_known(roster, digest)) for digest in digests)
        if whole is part:
            raise SubmissionError(f"both are keys of the team {whole.name!r}: a merger takes the keys of two teams")
        joined = replace(whole, members=tuple(_by_skeleton((*whole.members, *part.members)).values()))
        found = _found(folder, roster.parts(whole) + roster.parts(part))
        _check_size(joined, found)
        _check_limits(load(Path(folder, "event.toml")), found)
        gone = replace(part, into=whole.name, merged=arrivals.now())
        _write(folder, [{whole: joined, part: gone}.get(team, team) for team in roster.teams])
    return joined, gone


@contextmanager
def _changing(folder, what):
    """The roster of an event that still runs, under its lock."""
    event = load(Path(folder, "event.toml"))
    if arrivals.now() > event.deadline:
        raise EventError(f"the deadline, {event.clock(event.deadline)}, is over: nobody {what} any more")
    with at_rest(folder):
        yield read(folder)


def _known(roster, digest):
    if (team := roster.with_key(digest)) is None:
        raise SubmissionError("no registered team has this key: register the team first, with --key and this key file")
    return team


def _distinct(members):
    """The members, or SubmissionError where two names could be taken for each other."""
    if len(_by_skeleton(members)) < len(members):
        first = {}
        for member in members:
            other = first.setdefault(skeleton(member), member)
            if other is not member:
                raise SubmissionError(f"the member {member!r} could be taken for the member {other!r}: name each once")
    return tuple(members)


def _by_skeleton(members):
    found = {}
    for member in members:
        found.setdefault(skeleton(member), member)
    return found


def _found(folder, names):
    """What the last scoring found of the teams of these names."""
    of_team = settled(folder)
    return [of_team[key] for key in map(skeleton, names) if key in of_team]


def _check_size(team, found):
    """Raise SubmissionError where a team would have too many members, with those whom it named in hand-ins."""
    people = {*team.members, *(person for settled in found for person in settled.members)}
    if len(people) > archive.PEOPLE:
        raise SubmissionError(
            f"the team {team.name!r} would have {len(people)} members, at most {archive.PEOPLE} are allowed"
        )


def _check_limits(event, found):
    """Raise SubmissionError where teams together have handed in more than one team may have until now."""
    for phase in event.phases:
        days = (event.day(min(arrivals.now(), phase.end)) - event.day(phase.start)).days + 1
        per_day = phase.limit_per_day and phase.limit_per_day * days
        most = min((limit for limit in (phase.limit, per_day) if limit is not None), default=None)
        for board in event.boards:
            place = _place(board.name, phase)
            used = sum(settled.used.get(place, 0) for settled in found)
            if most is not None and used > max(most, 0):
                raise SubmissionError(f"{place} both teams together handed in {used}, and one team may have handed in "
                                      f"{most} until now: they cannot merge")  # fmt: skip
