"""Certificates: letters of any script, names of any length, and what is in the folder afterwards."""

import io
import json
import sys

import pytest

from common.hackathon import certificates, event, lettering
from common.hackathon.__main__ import main
from common.hackathon.lettering import Document, Fonts, Page
from common.hackathon.names import file_stem

pdfium = pytest.importorskip("pypdfium2")

EVENT = """
title = "Test event"
summary = "One challenge."
start = 2026-07-08
end = 2026-07-29
deadline = 2026-07-29T18:00:00
time_zone = "CET"
contact = "Prof. Ada Müller, ada@example.org"

[[challenge]]
folder = "Higgs"
n = 60
"""
MIXED = "דנה Team 2"


@pytest.fixture(autouse=True)
def no_other_fonts(monkeypatch):
    """What the tests find does not depend on the fonts of this machine."""
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [])


def scored(folder, teams, late=()):
    """An event folder with a leaderboard of teams (a dict of name to members), best first."""
    folder.mkdir(exist_ok=True)
    (folder / "event.toml").write_text(EVENT, "utf-8")
    ranking = [{"team": team, "members": list(members), "rank": i + 1, "scores": {"AUC": 0.9 - i / 10}}
               for i, (team, members) in enumerate(teams.items())]  # fmt: skip
    history = [*ranking, *({"team": team, "members": [], "scores": {"AUC": 0.99}} for team in late)]
    board = {"challenge": "Higgs", "task": "classification", "title": "Higgs boson", "metrics": ["AUC"],
             "ranking": ranking, "history": history}  # fmt: skip
    (folder / "leaderboard.json").write_text(json.dumps({"boards": [board]}, ensure_ascii=False), "utf-8")
    return folder


def text_of(path):
    return pdfium.PdfDocument(path)[0].get_textpage().get_text_range().replace("\r\n", " ")


def test_what_a_certificate_says(tmp_path):
    long = "Bartholomew Featherstonehaugh-Cholmondeley von und zu Hohenzollern-Sigmaringen"
    teams = {"Café Łódź": ["Đorđe Škrtić", "Ελένη Παπαδοπούλου", long], "Solo": []}
    folder = scored(tmp_path / "event", teams, ["Late"])
    written, missing = certificates.certificates(folder)
    assert len(set(written)) == 5 and not missing and {len(pdfium.PdfDocument(path)) for path in written} == {1}
    texts = list(map(text_of, written))
    for name in ("Đorđe Škrtić", "Ελένη Παπαδοπούλου", long):
        (text,) = [text for text in texts if name in text]
        for part in ("Café Łódź", "first place", "July 29, 2026", "Higgs boson", "AUC 0.9, rank 1", "Prof. Ada Müller"):
            assert part in text
    assert any("Solo" in text and "second place" in text for text in texts)
    assert any("Late" in text and "took part" in text and "rank" not in text for text in texts)
    before = [path.read_bytes() for path in written]
    assert before == [path.read_bytes() for path in certificates.certificates(folder)[0]]


def test_certificates_need_scores_and_fonts(tmp_path):
    (tmp_path / "event.toml").write_text(EVENT, "utf-8")
    with pytest.raises(event.EventError, match="run 'python -m common.hackathon score' first"):
        certificates.certificates(tmp_path)
    (tmp_path / "font.ttf").write_text("no font")
    with pytest.raises(event.EventError, match="font.ttf: no TrueType font"):
        certificates.certificates(scored(tmp_path, {"A": []}), [tmp_path / "font.ttf"])


def test_names_without_letters_are_listed_and_the_others_written(tmp_path, capsys):
    folder = scored(tmp_path / "event", {"🚀 Rocket": ["Ann"], "Aardvark": [], "Zebra": ["陳大文", "Zoe"]})
    assert main(["certificates", str(folder)]) == 1
    said = capsys.readouterr()
    assert "wrote 2 certificates" in said.out
    assert "'🚀 Rocket' (🚀 U+1F680); '陳大文' (陳 U+9673 大 U+5927 文 U+6587)" in said.err and "--font" in said.err
    assert sorted(path.name.split("-")[3] for path in (folder / "certificates").iterdir()) == ["aardvark", "zebra"]


def test_certificates_of_an_earlier_scoring_go_and_other_files_stay(tmp_path, monkeypatch):
    folder = scored(tmp_path / "event", {"Zebra": [], "陳": []})
    certificates.certificates(folder)
    (folder / "certificates" / "Letter.pdf").write_text("mine")
    scored(folder, {"Aardvark": [], "Ελένη": [], "דנה": []})
    before = sorted((folder / "certificates").iterdir())
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "_frame", lambda pdf: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            certificates.certificates(folder)
    assert sorted((folder / "certificates").iterdir()) == before and len(list(folder.iterdir())) == 3
    written, _ = certificates.certificates(folder)
    assert sorted((folder / "certificates").iterdir()) == sorted([*written, folder / "certificates/Letter.pdf"])
    assert written[0].name.startswith("Higgs-classification-01-aardvark-")


def test_teams_with_the_same_short_hash_get_a_certificate_each(tmp_path):
    teams = ("Team бгыы", "Team бэжы")
    assert len(set(map(file_stem, teams))) == 1
    folder = scored(tmp_path / "event", {"Zebra": []}, late=teams)
    written, missing = certificates.certificates(folder)
    assert len(set(written)) == 3 and not missing and all(path.exists() for path in written)
    again, _ = certificates.certificates(folder)
    assert sorted((folder / "certificates").iterdir()) == sorted(again)


# --------------------------------------------------------------------------------------------------
# Letters


@pytest.fixture(scope="module")
def fonts():
    return Fonts()


def drawn(fonts, text, box=(20, 20, 200, 20), size=30):
    """The page with a text, and its characters from left to right as (character, left, bottom, right, top) in pt."""
    pdf = Document("landscape", format="A4")
    pdf.add_page()
    Page(pdf, fonts).write(text, box, size)
    page = pdfium.PdfDocument(bytes(pdf.output()))[0]
    content = page.get_textpage()
    boxes = [(content.get_text_range(i, 1), *content.get_charbox(i)) for i in range(content.count_chars())]
    return page, sorted((box for box in boxes if box[3] > box[1]), key=lambda box: box[1])


def test_hebrew_starts_at_the_right(fonts):
    _, boxes = drawn(fonts, "דנה כהן")
    assert "".join(box[0] for box in boxes if box[0].strip()) == "ןהכהנד"
    _, boxes = drawn(fonts, MIXED)
    assert "".join(box[0] for box in boxes if box[0].strip()) == "Team2הנד"


def test_arabic_letters_are_joined(fonts):
    page, _ = drawn(fonts, "محمد")
    ink = page.render(scale=2).to_numpy().min(axis=(0, 2)) < 128  # columns with ink
    assert (ink[1:] > ink[:-1]).sum() == 1
    page, _ = drawn(fonts, "م\u200cح\u200cم\u200cد")
    ink = page.render(scale=2).to_numpy().min(axis=(0, 2)) < 128
    assert (ink[1:] > ink[:-1]).sum() > 1


@pytest.mark.parametrize("name", ["ọ̀", "ọ́", "M̄", "ę́", "ɛ̃"])
def test_marks_sit_on_their_letters(fonts, name):
    page, _ = drawn(fonts, f"n{name}n")
    image = page.render(scale=4).to_numpy().min(axis=2) < 128
    rows = image.any(axis=1)
    top = rows.argmax()
    mark = image[top : top + rows[top:].argmin()] if not rows[top:].all() else image[top : top + 4]
    columns = image.any(axis=0).nonzero()[0]
    at = (mark.any(axis=0).nonzero()[0].mean() - columns[0]) / (columns[-1] - columns[0])
    assert 0.35 < at < 0.65


def test_devanagari_is_shaped(fonts):
    page, _ = drawn(fonts, "कि")
    first = page.render(scale=2).to_numpy().min(axis=2)
    page, _ = drawn(fonts, "क ि")
    assert (first != page.render(scale=2).to_numpy().min(axis=2)).any()
    _, boxes = drawn(fonts, "विश्वविद्यालय")
    assert boxes


def test_a_font_for_a_name_and_not_for_a_letter(fonts):
    assert len(set(fonts.of("דנה Team"))) == 1
    assert len(set(fonts.of("कमल דנה"))) == 2
    assert fonts.missing("A陳🚀陳") == ["陳", "🚀"] and fonts.missing("می\u200cخواهم") == []


@pytest.mark.parametrize("text", ["W" * 80, "W" * 39 + " " + "W" * 40, "Ẉ̀" * 26, "م" * 80, "कि" * 40, "a b" * 26, "W"])
def test_no_name_leaves_its_box(fonts, text):
    left, top, width, height = box = (34, 78, 229, 20)
    page, boxes = drawn(fonts, text, box, 38)
    points = 72 / 25.4
    assert boxes and min(b[1] for b in boxes) >= left * points - 1
    assert max(b[3] for b in boxes) <= (left + width) * points + 1
    ink = (page.render(scale=1).to_numpy().min(axis=2) < 200).any(axis=1).nonzero()[0]
    assert ink[0] >= top * points - 2 and ink[-1] <= (top + height) * points + 2


def test_fonts_of_the_machine_serve_what_the_others_lack(tmp_path, monkeypatch):
    import shutil

    devanagari = next(path for path in Fonts()._own if "Devanagari" in path.name)
    shutil.copy(devanagari, tmp_path / "NotoSansElse-Regular.ttf")
    (tmp_path / "broken.ttf").write_text("x")
    monkeypatch.setattr(lettering, "DEVANAGARI", lettering.DEJAVU)
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: list(map(str, tmp_path.iterdir())))
    found = Fonts()
    assert found.missing("कमल") == [] and set(found.of("कमल")) == {tmp_path / "NotoSansElse-Regular.ttf"}


def test_a_terminal_without_letters(tmp_path, monkeypatch):
    folder = scored(tmp_path / "event", {"日本チーム": []})
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="cp1252") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert main(["certificates", str(folder)]) == 1
    streams[1].flush()
    assert b"\\u65e5\\u672c" in streams[1].buffer.getvalue()


@pytest.mark.parametrize("text", ["", "[]", '{"boards": 3}', '{"boards": [{}]}', '{"boards": [{"history": [1]}]}'])
def test_a_damaged_leaderboard_is_one_line(tmp_path, text, capsys):
    folder = scored(tmp_path / "event", {"A": []})
    (folder / "leaderboard.json").write_text(text)
    assert main(["certificates", str(folder)]) == 1
    assert "missing or damaged: run 'python -m common.hackathon score' first" in capsys.readouterr().err
    assert not (folder / "certificates").exists()
