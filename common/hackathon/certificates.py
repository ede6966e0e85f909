"""Certificates as PDF files: one for each member of each team and challenge."""

import json
from datetime import datetime
from importlib import resources
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError
from fpdf import FPDF

from common.files import atomic_write
from common.hackathon.event import EventError, load
from common.hackathon.names import slug

WIDTH, HEIGHT, MARGIN = 297, 210, 34  # mm, A4 across
INK, ACCENT, SOFT = (28, 36, 48), (194, 65, 12), (91, 102, 117)
PLACES = {1: "first place", 2: "second place", 3: "third place"}


def certificates(folder, font=None):
    """Write the certificates of a scored event into its folder `certificates`.

    Members of a team are named; a team without members gets one in its own name. Late submissions count as taking part.

    Parameters
    ----------
    folder : path-like
        Of the event, with leaderboard.json.
    font : path-like, optional
        A TrueType font for the letters that EB Garamond and DejaVu lack, such as Chinese ones.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    EventError
        The event was not scored, or no font has a letter of a name.
    """
    folder = Path(folder)
    event = load(folder / "event.toml")
    try:
        boards = json.loads((folder / "leaderboard.json").read_text("utf-8"))["boards"]
    except (OSError, ValueError, KeyError) as error:
        raise EventError(
            f"{folder}/leaderboard.json is missing or damaged: run 'python -m common.hackathon score' first"
        ) from error
    fonts = _fonts(font)
    day = f"{event.end:%B} {event.end.day}, {event.end.year}"
    written = []
    for board in boards:
        several = sum(other["challenge"] == board["challenge"] for other in boards) > 1
        challenge = board["title"] + (f", {board['task'].replace('_', ' ')}" if several else "")
        rows = {row["team"]: {**row, "rank": None} for row in board["history"]}
        rows |= {row["team"]: row for row in board["ranking"]}
        for row in rows.values():
            for i, person in enumerate(row["members"] or [row["team"]]):
                pdf = _certificate(event, day, person, row, challenge, board["metrics"][0], fonts)
                place = f"{row['rank']:02d}" if row["rank"] else "late"
                name = "-".join([board["challenge"], board["task"], place, slug(row["team"]), str(i + 1)])
                path = folder / "certificates" / f"{name}.pdf"
                while path in written:  # two names may have the same letters from a to z
                    path = path.with_stem(path.stem + "x")
                with atomic_write(path) as temporary:
                    temporary.write_bytes(pdf)
                written.append(path)
    return written


def _fonts(extra):
    """Files of the fonts, and for each the letters that it has; the first that has a letter draws it."""
    import matplotlib

    garamond = resources.files("fontpkg_eb_garamond") / "files" / "EBGaramond[wght].ttf"
    dejavu = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    files = [Path(str(garamond)), dejavu, *([Path(extra)] if extra else [])]
    try:
        return {path: set(TTFont(path, fontNumber=0).getBestCmap()) for path in files}
    except (OSError, TTLibError) as error:
        raise EventError(f"{extra}: no TrueType font: {error}") from error


def _certificate(event, day, person, row, challenge, metric, fonts):
    for text in (person, row["team"]):
        if missing := [c for c in text if not any(ord(c) in letters for letters in fonts.values())]:
            raise EventError(f"no font has the letter {missing[0]!r} of {text!r}: give one that has it with --font")
    pdf = FPDF("landscape", format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_creation_date(datetime.combine(event.end, datetime.min.time()))  # the same bytes each time
    pdf.set_title(f"Certificate of {person}")
    pdf.set_lang("en")
    for i, path in enumerate(fonts):
        pdf.add_font(f"font{i}", fname=path)
    pdf.set_fallback_fonts([f"font{i}" for i in range(1, len(fonts))], exact_match=False)
    pdf.add_page()
    _frame(pdf)
    rank = row["rank"]
    _line(pdf, event.title, 36, 24, SOFT)
    _line(pdf, "Certificate" if rank in PLACES else "Certificate of participation", 52, 44, INK)
    _line(pdf, "This is to certify that", 80, 16, SOFT)
    _line(pdf, person, 92, 38, ACCENT)
    if person != row["team"]:
        _line(pdf, f"of the team {row['team']}", 112, 18, INK)
    won = f"won the {PLACES[rank]} in the challenge" if rank in PLACES else "took part in the challenge"
    _line(pdf, won, 128, 16, SOFT)
    _line(pdf, challenge, 138, 26, INK)
    score = f"{metric} {row['scores'][metric]:.4f}" + (f", rank {rank}" if rank else "")
    _line(pdf, score, 154, 16, SOFT)
    _line(pdf, day, 172, 14, INK, MARGIN, WIDTH / 2 - 10, "L")
    _line(pdf, event.contact.partition(",")[0], 172, 14, INK, WIDTH / 2 + 10, WIDTH - MARGIN, "R")
    return bytes(pdf.output())


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


def _line(pdf, text, y, size, color, left=MARGIN, right=WIDTH - MARGIN, align="C"):
    """One line of text, as large as asked for but no wider than the space; a very long one takes two."""
    pdf.set_text_color(*color)
    width = right - left
    pdf.set_font("font0", size=size)
    while pdf.get_string_width(text) > width and size > 15:
        size -= 1
        pdf.set_font("font0", size=size)
    pdf.set_xy(left, y)
    pdf.multi_cell(width, size * 0.42, text, align=align)
