"""Made-up names of teams, which boards show until the organiser reveals who is who."""

import hashlib
import hmac
import secrets
from contextlib import suppress
from pathlib import Path

from common.files import atomic_write
from common.hackathon import arrivals
from common.hackathon.event import EventError

REVEALED, KEY = "private/revealed.txt", "private/aliases.txt"
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
    """A made-up name for each team, the same at every scoring; only who has the key of the names can tell whose.

    The key is random and made the first time. The secret of the event is another one: names that teams see tell nothing
    by which a guess of it could be tried.

    Parameters
    ----------
    folder : path-like
        The folder of the event.
    teams : iterable of str
        In the order of arrival: of two teams that draw one name the later one draws again.

    Returns
    -------
    dict of str to str

    Raises
    ------
    EventError
        The key cannot be read or made.
    """
    key, drawn = _key(Path(folder, KEY)), {}
    for team in dict.fromkeys(teams):
        turn = 0
        while (name := _drawn(key, team, turn)) in drawn.values():
            turn += 1
        drawn[team] = name
    return drawn


def _key(path):
    """The key of the names, made the first time in a file that only its owner can read."""
    try:
        if not path.exists():
            with suppress(FileExistsError), atomic_write(path, new=True, private=True) as temporary:
                temporary.write_text(f"{secrets.token_hex(32)}\n")
        key = path.read_bytes().strip()
    except OSError as error:
        reason = error.strerror or error
        raise EventError(f"{path}: cannot be read or made ({reason}); made-up names are drawn from it") from error
    if not key:
        raise EventError(f"{path} is empty, and made-up names are drawn from it: put back a copy of it")
    return key


def _drawn(key, team, turn):
    digest = hmac.digest(key, f"alias {turn} {team}".encode(), hashlib.sha256)
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
