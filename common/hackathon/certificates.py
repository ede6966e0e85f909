"""Certificates as PDF files: one for each member of each team and challenge, signed by the organiser."""

import json
import re
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

import segno

from common.hackathon import aliases, archive, arrivals, roster, signing
from common.hackathon.badges import badge
from common.hackathon.event import EventError, load
from common.hackathon.lettering import Document, Fonts, Page
from common.hackathon.names import file_stem

WIDTH, HEIGHT, MARGIN = 297, 210, 34  # mm, A4 across
CODE = 33  # mm, the side of the QR code
INK, ACCENT, SOFT = (28, 36, 48), (194, 65, 12), (91, 102, 117)
PLACES = {1: "first place", 2: "second place", 3: "third place"}
OURS = re.compile(r"[A-Za-z0-9]+-\w+-(\d\d+|late)-.+\.(pdf|jwt)")
CURE = "install fonts that have them (on Debian, fonts-noto) or give each with --font"


def certificates(folder, fonts=(), *, before=False, badges=False):
    """Write the certificates of a scored event into its folder `certificates`, instead of those that are there.

    Members of a team are named; a team without members gets one in its own name. Late submissions count as taking part.
    All are drawn before the first replaces an earlier one; other files in the folder stay. `signing.verify` checks one;
    the key that signs lies in the private folder, and is made the first time.

    Parameters
    ----------
    folder : path-like
        The folder of the event, with leaderboard.json.
    fonts : sequence of path-like
        TrueType fonts for letters that EB Garamond, DejaVu Sans and Noto Sans Devanagari lack, such as Chinese ones.
        Those that are installed on this machine come last.
    before : bool
        Whether the board may be one of before the deadline, as in a rehearsal.
    badges : bool
        Whether an Open Badge lies beside each, NAME.jwt.

    Returns
    -------
    written : list of pathlib.Path
        The PDF files.
    missing : dict of str to list of str
        Names without a certificate, with the letters that no font has.

    Raises
    ------
    EventError
        The event was not scored, not after the deadline, or not as its hand-ins are logged now; a scoring, or another
        call, is under way, or a scoring ended before its board was written; the board shows made-up names; one of the
        fonts is none; or no font has the letters of the event's title or contact.
    """
    folder = Path(folder)
    with roster.at_rest(folder):  # all the while: they are of the board that is there, and of no other at once
        return _all_written(folder, fonts, before, badges)


def _all_written(folder, fonts, before, badges):
    event = load(folder / "event.toml")
    awards = _final_awards(folder, event, before)
    fonts, target, missing = Fonts(fonts), folder / "certificates", {}
    if lacking := _lacking(fonts, event.title, _contact(event)):
        raise EventError(f"{folder / 'event.toml'}: no font has all letters of {in_words(lacking)}, which is on each "
                         f"certificate: change it, {CURE}")  # fmt: skip
    key = signing.private_key(folder)
    for stopped in folder.glob(".certificates.*"):  # who writes some holds the lock
        shutil.rmtree(stopped)
    with tempfile.TemporaryDirectory(prefix=".certificates.", dir=folder) as place:
        names = []
        for name, fields in awards:
            if lacking := _lacking(fonts, fields["name"], fields["team"]):
                missing |= lacking
                continue
            if name in names:  # two teams may have the same short hash
                name = f"{Path(name).stem}-{len(names)}.pdf"
            Path(place, name).write_bytes(_certificate(event, fields, fonts, key))
            if badges:
                Path(place, name).with_suffix(".jwt").write_text(badge(event, fields, key) + "\n")
            names.append(name)
        if target.exists() and not target.is_dir():
            raise EventError(f"{target} is a file: move it away, so that the folder of the certificates can be made")
        target.mkdir(exist_ok=True)
        for path in target.iterdir():
            if OURS.fullmatch(path.name):
                path.unlink()
        for path in list(Path(place).iterdir()):
            path.replace(target / path.name)
    written = [target / name for name in names]
    return written, missing


def _lacking(fonts, *texts):
    """Those of the texts that cannot be drawn, with the letters that no font has."""
    return {text: letters for text in texts if (letters := fonts.missing(text))}


def in_words(missing):
    """Texts with the letters that no font has, on one line."""

    def named(letter):
        code = f"U+{ord(letter[0]):04X}"
        return f"{letter} {code}" if letter.isprintable() else code

    return "; ".join(f"{text!r} ({' '.join(map(named, letters))})" for text, letters in missing.items())


def _contact(event):
    """Who signs: of "Prof. Ada Byron, ada@example.org" the name."""
    return " ".join(event.contact.partition(",")[0].split())


def _final_awards(folder, event, before):
    """The awards of a scored event, see `_awards`; its ranks must be final but for a rehearsal (`before`)."""
    try:
        board = json.loads((folder / "leaderboard.json").read_text("utf-8"))
        awards, made_up = list(_awards(event, board["boards"])), "anonymous" in board
        final = board["part"] == "private" and board["deadline"] == event.deadline.isoformat()
        kept = board.get("settled")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise EventError(
            f"{folder}/leaderboard.json is missing or damaged: run 'python -m common.hackathon score' first"
        ) from error
    if made_up or aliases.hidden(folder, event):
        raise EventError(f"{folder}: its boards show made-up names: first 'reveal' and 'score' the event")
    if not (final or before):
        raise EventError(f"{folder}: its ranks are not final, the event was not scored since its deadline, "
                         f"{event.clock(event.deadline)}: score it afterwards, or say --before-deadline")  # fmt: skip
    roster.settled(folder)  # which refuses what was logged, corrected or withdrawn since
    if kept != archive.digest_of(folder / roster.SETTLED):
        raise EventError(f"{folder}/leaderboard.json is of an earlier scoring than {roster.SETTLED}: run "
                         "'python -m common.hackathon score' first")  # fmt: skip
    if n := roster.not_on_board(folder):
        raise EventError(f"{folder}: the board was made from one folder, and {n} submissions were logged from others: "
                         "score the folder with all of them last; those that shall not count, delete their copies in "
                         f"{arrivals.FOLDER} and score again")  # fmt: skip
    return awards


def _awards(event, boards):
    """Yield name of the file and fields of each certificate; `fields` are what `signing.FIELDS` lists."""
    for board in boards:
        several = sum(other["challenge"] == board["challenge"] for other in boards) > 1
        challenge = board["title"] + (f", {board['task'].replace('_', ' ')}" if several else "")
        metric = board["metrics"][0]
        rows = {row["team"]: {**row, "rank": None} for row in board["history"]}
        rows |= {row["team"]: row for row in board["ranking"]}
        for team, row in rows.items():
            people = row["members"] or [team]
            place = f"{row['rank']:02d}" if row["rank"] else "late"
            for i, person in enumerate(people):
                name = "-".join([board["challenge"], board["task"], place, file_stem(team), f"{i + 1}.pdf"])
                if not OURS.fullmatch(name) or not isinstance(people, list) or not isinstance(person, str):
                    raise ValueError("none of our leaderboards")
                yield name, {
                    "event": event.title, "date": event.end.isoformat(), "name": person, "team": team,
                    "challenge": challenge, "metric": metric, "score": f"{row['scores'][metric]:.4g}",
                    "rank": row["rank"] or None,
                }  # fmt: skip


def _certificate(event, fields, fonts, key):
    """One certificate as the bytes of a PDF; `fields` are what `signing.FIELDS` lists."""
    person, team, rank = (fields[name] for name in ("name", "team", "rank"))
    token = signing.signed(fields, key)
    pdf = Document("landscape", format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_creation_date(datetime.combine(event.end, datetime.min.time()))  # the same bytes each time
    pdf.set_title(f"Certificate of {person}")
    pdf.set_keywords(token)
    pdf.set_lang("en")
    pdf.add_page()
    _frame(pdf)
    _code(pdf, token)
    page = Page(pdf, fonts)

    def line(text, y, height, size, color, left=MARGIN, right=WIDTH - MARGIN, align="C"):
        pdf.set_text_color(*color)
        page.write(text, (left, y, right - left, height), size, align)

    line(event.title, 32, 11, 24, SOFT)
    line("Certificate" if rank in PLACES else "Certificate of participation", 44, 20, 44, INK)
    line("This is to certify that", 68, 8, 16, SOFT)
    if person == team:
        line(person, 81, 32, 38, ACCENT)
    else:
        line(person, 78, 20, 38, ACCENT)
        line("of the team", 100, 6, 14, SOFT)
        line(team, 107, 13, 24, INK)
    won = f"won the {PLACES[rank]} in the challenge" if rank in PLACES else "took part in the challenge"
    line(won, 124, 8, 16, SOFT)
    line(fields["challenge"], 133, 14, 26, INK)
    line(f"{fields['metric']} {fields['score']}" + (f", rank {rank}" if rank else ""), 148, 8, 16, SOFT)
    beside = CODE / 2 + 6
    line(f"{event.end:%B} {event.end.day}, {event.end.year}", 168, 12, 14, INK, right=WIDTH / 2 - beside, align="L")
    line(_contact(event), 168, 12, 14, INK, left=WIDTH / 2 + beside, align="R")
    line(f"signed with the key {signing.fingerprint(key.public_key())}", 193.5, 4, 8, SOFT)
    return signing.sealed(bytes(pdf.output()), key)


def _code(pdf, token):
    """The QR code of a text, at the foot of the page."""
    rows = [bytes(row) for row in segno.make(token, error="l", micro=False).matrix]
    side = CODE / len(rows)
    left, top = (WIDTH - CODE) / 2, 158.5
    pdf.set_fill_color(0, 0, 0)
    for i, row in enumerate(rows):
        for dark in re.finditer(b"\x01+", row):
            pdf.rect(left + dark.start() * side, top + i * side, len(dark[0]) * side, side, style="F")


def _frame(pdf):
    """Two lines around the page, and rings like those of a lensed galaxy in its corners."""
    pdf.set_draw_color(*INK)
    for inset, width in ((9, 0.9), (11.5, 0.25)):
        pdf.set_line_width(width)
        pdf.rect(inset, inset, WIDTH - 2 * inset, HEIGHT - 2 * inset)
    pdf.set_draw_color(*ACCENT)
    for x in (24, WIDTH - 24):
        for y in (24, HEIGHT - 24):
            for radius in (2, 4, 6.5):
                pdf.set_line_width(1.4 / radius)
                pdf.circle(x, y, radius)
