"""What the rules of the event make of submissions that can be scored: whose they are, and which of them count."""

from collections import Counter

from common.hackathon import archive
from common.hackathon.names import skeleton
from common.hackathon.roster import NOBODY


def settle(event, entries, roster=NOBODY):
    """Say which entries are late, reject those that the rules refuse, and mark those that teams chose.

    A name belongs to the team that registered it, or else to that of its first submission, even one that cannot be
    scored, with all names that could be taken for it; where teams have to register, no other takes a name. Whoever has
    the key of the team adds to it, and the team is shown as it spelt itself first. Its members are those whom it
    registered and all whom it named in time. Where the event has phases, one has to take a submission, and only what is
    scored counts towards its limits.

    Teams that have merged are one: all that either handed in is its own, of the time before as well. What was accepted
    stays so, and from the merger on the submissions of both count towards the limits together. Of all their choices for
    a board the last one counts.

    Parameters
    ----------
    event : common.hackathon.event.Event
    entries : list of common.hackathon.judge.Entry
        In the order of arrival, after those of baselines; they are changed.
    roster : common.hackathon.roster.Roster

    Returns
    -------
    list of common.hackathon.judge.Entry
        Those by which teams took their names.
    """
    owners, used = {}, Counter()
    # whose team became a part of another is a member of that one
    members = {team.name: dict.fromkeys(() if team.into else team.members) for team in roster.teams}
    for entry in entries:
        entry.late = not entry.reason and not entry.baseline and entry.received > event.deadline
        if not entry.team:
            continue
        before = entry.reason
        _settle_team(event, roster, owners.get(skeleton(entry.team), entry), entry)
        if entry.reason == before and not event.registration:
            owners.setdefault(skeleton(entry.team), entry)
        if not (entry.reason or entry.late or entry.baseline):
            _settle_members(roster, entry, members)
            if not entry.choice:
                _settle_phase(event, roster, entry, used)
        if entry.reason:
            continue
        owners.setdefault(skeleton(entry.team), entry)
        if not (entry.late or entry.baseline):
            members.setdefault(entry.team, {}).update(dict.fromkeys(entry.members))
    for team in (team for team in roster.teams if team.into):
        members[roster.whole(team).name] |= members[team.name]
    for entry in entries:
        if entry.reason or entry.baseline:
            continue
        if team := roster.named(entry.team):
            entry.team = roster.whole(team).name
        if not entry.late:
            entry.members = tuple(members[entry.team])
    _settle_choices(entries)
    return list(owners.values())


def _settle_team(event, roster, first, entry):
    """Reject what was not handed in by the team that has the name."""
    if entry.reason:
        return
    if first.baseline and not entry.baseline:
        entry.reason = f"the team name {entry.team!r} could be taken for the baseline {first.team!r}: use another name"
        return
    team = holder = None
    if not entry.baseline:
        team, holder = roster.named(entry.team), roster.with_key(entry.key, entry.received)
    if team and holder and roster.whole(team, entry.received) is roster.whole(holder, entry.received):
        entry.team = team.name
    elif team and roster.once_with_key(entry.key) is team:
        entry.reason = f"the team {entry.team!r} has got another key since: submit with --key and that one"
    elif team:  # by the name that it was handed in with: an anonymous event tells nobody that of another team
        entry.reason = f"the team {entry.team!r} has another key: submit with --key and the key file of the team"
    elif holder:
        entry.reason = f"its key is that of the team {holder.name!r}: submit with --team and this name"
    elif event.registration and not entry.baseline:
        entry.reason = f"the team {entry.team!r} is not registered: ask the organisers to register it"
    elif first.content == entry.content:
        return
    elif entry.baseline or (first.key and first.key == entry.key):
        entry.team = first.team
    elif first.team != entry.team:
        other = "another team's" if event.anonymous else repr(first.team)
        entry.reason = f"the team name {entry.team!r} could be taken for {other}, which came first"
    elif first.key:
        entry.reason = f"the team {entry.team!r} has another key: submit with --key and the key file of the team"
    else:
        entry.reason = f"the team {entry.team!r} began without a key, so nobody can add to it: use another name"


def _parts(roster, entry):
    """The names of the teams that are one with that of an entry when it arrives."""
    registered = roster.named(entry.team)
    return roster.parts(registered, entry.received) if registered else [entry.team]


def _settle_members(roster, entry, members):
    """Reject what would make a team too large; `members` are those of each team until then."""
    people = {person for part in _parts(roster, entry) for person in members.get(part, ())}
    if len({*people, *entry.members}) > archive.PEOPLE:
        entry.reason = f"the team {entry.team!r} would have more than {archive.PEOPLE} members in all"


def _settle_phase(event, roster, entry, used):
    """Reject what no phase takes, or more than it takes; count the others in `used`."""
    if entry.reason or not event.phases:
        return
    phase = event.phase_at(entry.received)
    if phase is None:
        entry.reason = f"arrived {event.clock(entry.received)}, when no phase takes submissions"
        return
    parts, where = _parts(roster, entry), (entry.board, phase)
    limits = [
        ("today", phase.limit_per_day, (*where, event.day(entry.received)), "a day"),
        ("in the phase", phase.limit, where, f"in the phase {phase.title!r}"),
    ]
    left = {}
    for name, limit, of, when in limits:
        if limit is None:
            continue
        left[name] = limit - 1 - sum(used[(part, *of)] for part in parts)
        if left[name] < 0:
            entry.reason = f"{entry.board}: the limit of {limit} {when} is reached"
            return
    entry.left |= left
    for _, _, of, _ in limits:
        used[(entry.team, *of)] += 1


def _settle_choices(entries):
    """Mark the submissions that teams chose, the last choice of each team for each board."""
    handed_in = {}
    for entry in entries:
        if entry.board and not (entry.reason or entry.late or entry.baseline):
            handed_in.setdefault((entry.team, entry.content), []).append(entry)
    chosen = {}
    for entry in entries:
        if not entry.choice or entry.reason:
            continue
        meant = handed_in.get((entry.team, entry.choice), ())
        if entry.late:
            entry.reason = "this choice arrived after the deadline"
        elif not meant:
            entry.reason = "chooses a file that the team did not hand in, or that does not count"
        chosen |= {} if entry.reason else {(entry.team, other.board): other for other in meant}
    for entry in chosen.values():
        entry.chosen = True


def duplicates(entries):
    """Pairs (entry, earlier one of another team) whose predictions for a board are the same."""
    first, pairs = {}, []
    for entry in entries:
        if not entry.fingerprint:
            continue
        earlier = first.setdefault((entry.board, entry.fingerprint), entry)
        if skeleton(earlier.team) != skeleton(entry.team):
            pairs.append((entry, earlier))
    return pairs
