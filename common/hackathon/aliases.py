"""Made-up names of teams, which boards show until the organiser reveals who is who."""

import hashlib
import hmac
from pathlib import Path

from common.hackathon import arrivals
from common.hackathon.event import EventError

REVEALED = "private/revealed.txt"
COLOURS = (
    "Amber", "Azure", "Bronze", "Cobalt", "Copper", "Coral", "Crimson", "Emerald", "Golden", "Indigo", "Ivory", "Jade",
    "Lilac", "Magenta", "Maroon", "Ochre", "Olive", "Opal", "Pearl", "Purple", "Ruby", "Saffron", "Scarlet", "Silver",
    "Tawny", "Teal", "Turquoise", "Umber", "Vermilion", "Violet", "White", "Yellow",
)  # fmt: skip
BIRDS = (
    "Albatross", "Bittern", "Bunting", "Bustard", "Buzzard", "Cormorant", "Crane", "Curlew", "Dipper", "Dotterel",
    "Dove", "Eider", "Falcon", "Finch", "Fulmar", "Gannet", "Godwit", "Goshawk", "Grebe", "Harrier", "Heron",
    "Hoopoe", "Ibis", "Jackdaw", "Kestrel", "Kingfisher", "Kite", "Lapwing", "Lark", "Linnet", "Magpie", "Martin",
    "Merlin", "Nightjar", "Nuthatch", "Oriole", "Osprey", "Ouzel", "Owl", "Partridge", "Pelican", "Petrel", "Pipit",
    "Plover", "Puffin", "Quail", "Raven", "Redstart", "Robin", "Sandpiper", "Shearwater", "Shrike", "Siskin", "Skua",
    "Snipe", "Starling", "Stork", "Swallow", "Swift", "Tern", "Thrush", "Wagtail", "Warbler", "Wren",
)  # fmt: skip


def names(folder, teams):
    """A made-up name for each team, the same at every scoring; only who has the secret of the event can tell whose.

    Parameters
    ----------
    folder : path-like
        Of the event, with the secret that `prepare` left in it.
    teams : iterable of str
        In the order of arrival: of two teams that draw one name the later one draws again.

    Returns
    -------
    dict of str to str

    Raises
    ------
    EventError
        The secret is gone.
    """
    path = Path(folder, "private/secret.txt")
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise EventError(f"{path}: cannot be read, and the names of an anonymous event are drawn from it") from error
    drawn = {}
    for team in dict.fromkeys(teams):
        turn = 0
        while (name := _drawn(secret, team, turn)) in drawn.values():
            turn += 1
        drawn[team] = name
    return drawn


def _drawn(secret, team, turn):
    digest = hmac.digest(secret, f"alias {turn} {team}".encode(), hashlib.sha256)
    pair = int.from_bytes(digest[:8], "big")
    name = f"{COLOURS[pair % len(COLOURS)]} {BIRDS[pair // len(COLOURS) % len(BIRDS)]}"
    return name if turn < 20 else f"{name} {turn}"  # when nearly all are taken


def hidden(folder, event):
    """Whether boards of an event hide who is who."""
    return event.anonymous and not Path(folder, REVEALED).exists()


def shown(folder, event, entries):
    """The made-up names of the teams of entries, while boards of the event show them; otherwise none."""
    if not hidden(folder, event):
        return {}
    return names(folder, [entry.team for entry in entries if entry.board and not (entry.reason or entry.baseline)])


def reveal(folder, event):
    """Let boards show the names of teams from the next scoring on.

    Raises
    ------
    EventError
        The event hides no names, or was revealed already.
    """
    if not event.anonymous:
        raise EventError(f"{folder}: the event is not anonymous: its boards show the names of the teams")
    if not hidden(folder, event):
        raise EventError(f"{folder}: the teams are revealed already")
    if not Path(folder, "private").is_dir():
        raise EventError(f"{folder}: no folder 'private': is it the event that 'prepare' made?")
    Path(folder, REVEALED).write_text(f"{arrivals.now().isoformat()}\n", "utf-8")


def masked(board, names):
    """A leaderboard under made-up names: without members, and without what tells whose a file is.

    What is rejected says names of teams and files; its reasons stand in the receipts alone.
    """
    def row_of(row):
        return {**row, "team": names[row["team"]], "members": [], "file": ""}

    boards = [{**part, **{kind: [row_of(row) for row in part[kind]] for kind in ("ranking", "history")}}
              for part in board["boards"]]  # fmt: skip
    overall = [{**row, "team": names[row["team"]]} for row in board["overall"]]
    return {**board, "anonymous": True, "boards": boards, "overall": overall, "rejected": []}
