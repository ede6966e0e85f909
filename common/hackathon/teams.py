"""What the rules of the event make of submissions that can be scored: whose they are, and which of them count."""

from collections import Counter

from common.hackathon import archive
from common.hackathon.names import skeleton


def settle(event, entries):
    """Say which entries are late, reject those that the rules refuse, and mark those that teams chose.

    The first submission of a name registers it, with all names that could be taken for it. Whoever has the key of the
    team adds to it, and the team is shown as it spelt itself first. Its members are all whom it named in time. Where
    the event has phases, one has to take a submission, and only what is scored counts towards its limits.

    Parameters
    ----------
    event : common.hackathon.event.Event
    entries : list of common.hackathon.judge.Entry
        In the order of arrival, after those of baselines; they are changed.
    """
    owners, members, used = {}, {}, Counter()
    for entry in entries:
        entry.late = not entry.reason and not entry.baseline and entry.received > event.deadline
        if not entry.team:
            continue
        _settle_team(owners.setdefault(skeleton(entry.team), entry), entry)
        if entry.reason or entry.late or entry.baseline:
            continue
        people = members.setdefault(entry.team, {})
        if len({*people, *entry.members}) > archive.PEOPLE:
            entry.reason = f"the team {entry.team!r} would have more than {archive.PEOPLE} members in all"
        elif not entry.choice:
            _settle_phase(event, entry, used)
        if not entry.reason:
            people |= dict.fromkeys(entry.members)
    for entry in entries:
        if not entry.reason and not entry.late and not entry.baseline:
            entry.members = tuple(members[entry.team])
    _settle_choices(entries)


def _settle_team(first, entry):
    """Reject what was not handed in by the team that had the name first."""
    if entry.reason:
        return
    if first.baseline and not entry.baseline:
        entry.reason = f"the team name {entry.team!r} could be taken for the baseline {first.team!r}: use another name"
    elif first.content == entry.content:
        return
    elif entry.baseline or (first.key and first.key == entry.key):
        entry.team = first.team
    elif first.team != entry.team:
        entry.reason = f"the team name {entry.team!r} could be taken for {first.team!r}, which came first"
    elif first.key:
        entry.reason = f"the team {entry.team!r} has another key: submit with --key and the key file of the team"
    else:
        entry.reason = f"the team {entry.team!r} began without a key, so nobody can add to it: use another name"


def _settle_phase(event, entry, used):
    """Reject what no phase takes, or more than it takes; count the others in `used`."""
    if not event.phases:
        return
    phase = event.phase_at(entry.received)
    if phase is None:
        entry.reason = f"arrived {event.clock(entry.received)}, when no phase takes submissions"
        return
    team = (entry.team, entry.board, phase)
    limits = [
        ("today", phase.limit_per_day, (*team, event.day(entry.received)), "a day"),
        ("in the phase", phase.limit, team, f"in the phase {phase.title!r}"),
    ]
    for _, limit, key, when in limits:
        if limit is not None and used[key] >= limit:
            entry.reason = f"{entry.board}: the limit of {limit} {when} is reached"
            return
    for name, limit, key, _ in limits:
        used[key] += 1
        if limit is not None:
            entry.left[name] = limit - used[key]


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
