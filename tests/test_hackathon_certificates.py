"""Certificates: letters of any script, names of any length, and what is in the folder afterwards."""

import io
import json
import os
import stat
import sys
import zipfile

import pytest

from common.hackathon import archive, arrivals, certificates, event, lettering, roster, signing
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
DEADLINE = "2026-07-29T18:00:00+02:00"
MIXED = "דנה Team 2"


@pytest.fixture(autouse=True)
def no_other_fonts(monkeypatch):
    """What the tests find does not depend on the fonts of this machine."""
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [])


def scored(folder, teams, late=()):
    """An event folder with a leaderboard of teams (a dict of name to members), best first."""
    folder.mkdir(exist_ok=True)
    (folder / "private").mkdir(mode=0o700, exist_ok=True)
    (folder / "event.toml").write_text(EVENT, "utf-8")
    with roster.locked(folder):
        (folder / roster.SETTLED).unlink(missing_ok=True)
        roster.keep(folder, event.load(folder / "event.toml"), [], [], arrivals.times(folder))
    settled = archive.digest_of(folder / roster.SETTLED)
    ranking = [{"team": team, "members": list(members), "rank": i + 1, "scores": {"AUC": 0.9 - i / 10}}
               for i, (team, members) in enumerate(teams.items())]  # fmt: skip
    history = [*ranking, *({"team": team, "members": [], "scores": {"AUC": 0.99}} for team in late)]
    board = {"challenge": "Higgs", "task": "classification", "title": "Higgs boson", "metrics": ["AUC"],
             "ranking": ranking, "history": history}  # fmt: skip
    text = json.dumps({"settled": settled, "part": "private", "deadline": DEADLINE, "boards": [board]},
                      ensure_ascii=False)  # fmt: skip
    (folder / "leaderboard.json").write_text(text, "utf-8")
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


def test_ranks_are_those_of_what_is_logged(tmp_path, capsys):
    """What was received, corrected or withdrawn since the last scoring may change who has which place."""
    folder, place = scored(tmp_path / "event", {"A": ["Ana"]}), tmp_path / "subs"
    place.mkdir()
    zipfile.ZipFile(place / "a.zip", "w").close()
    command = ["receive", str(folder), str(place)]
    for change in (lambda: main(command), lambda: main([*command, "--at", "2026-07-29T15:00:00Z", "--file", "a.zip"]),
                   (folder / arrivals.FOLDER / f"{archive.digest_of(place / 'a.zip')}.zip").unlink):  # fmt: skip
        assert main(["certificates", str(folder)]) == 0
        change()
        assert main(["certificates", str(folder)]) == 1
        assert "received and not scored, or corrected or withdrawn since: run" in capsys.readouterr().err
        board = (folder / "leaderboard.json").read_text("utf-8")
        scored(folder, {"A": ["Ana"]})
        (folder / "leaderboard.json").write_text(board, "utf-8")  # of a scoring that ended before its board was there
        assert main(["certificates", str(folder)]) == 1
        assert "leaderboard.json is of an earlier scoring than private/settled.json: run" in capsys.readouterr().err
        scored(folder, {"A": ["Ana"]})


def test_certificates_wait_for_a_scoring_that_is_under_way(tmp_path, monkeypatch, capsys):
    folder = scored(tmp_path / "event", {"A": ["Ana"]})
    monkeypatch.setattr(roster, "PATIENCE", 0)
    with roster.locked(folder):
        assert main(["certificates", str(folder)]) == 1
    assert "a scoring is under way: try again" in capsys.readouterr().err
    assert main(["certificates", str(folder)]) == 0


def test_certificates_are_of_one_board(tmp_path, monkeypatch, capsys):
    """Nobody scores or draws others while they are drawn; what one that was stopped has left over goes."""
    folder = scored(tmp_path / "event", {"A": ["Ana"]})
    (folder / ".certificates.stopped").mkdir()
    monkeypatch.setattr(roster, "PATIENCE", 0)

    def meanwhile(fonts):
        monkeypatch.setattr(certificates, "Fonts", Fonts)
        assert main(["certificates", str(folder)]) == 1
        return Fonts(fonts)

    monkeypatch.setattr(certificates, "Fonts", meanwhile)
    assert main(["certificates", str(folder)]) == 0
    assert "the drawing of certificates, has ended" in capsys.readouterr().err
    assert not list(folder.glob(".certificates.*"))


def test_everybody_below_the_first_three_gets_one_of_participation(tmp_path):
    written, _ = certificates.certificates(scored(tmp_path / "event", dict.fromkeys("ABCD", ())))
    assert ["Certificate of participation" in text_of(path) for path in written] == [False, False, False, True]
    assert "took part in the challenge" in text_of(written[3]) and "rank 4" in text_of(written[3])


def test_certificates_need_scores_and_fonts(tmp_path):
    (tmp_path / "private").mkdir()
    (tmp_path / "event.toml").write_text(EVENT, "utf-8")
    with pytest.raises(event.EventError, match="run 'python -m common.hackathon score' first"):
        certificates.certificates(tmp_path)
    (tmp_path / "font.ttf").write_text("no font")
    with pytest.raises(event.EventError, match="font.ttf: no TrueType font"):
        certificates.certificates(scored(tmp_path, {"A": []}), [tmp_path / "font.ttf"])


def test_certificates_wait_for_the_last_board(tmp_path, capsys):
    folder = scored(tmp_path / "event", {"A": []})
    board = folder / "leaderboard.json"
    sound = board.read_text("utf-8")
    board.write_text(sound.replace("private", "public"), "utf-8")
    assert main(["certificates", str(folder)]) == 1
    assert "its ranks are not final" in capsys.readouterr().err and not (folder / "certificates").exists()
    assert main(["certificates", str(folder), "--before-deadline"]) == 0
    board.write_text(sound.replace("{", '{"anonymous": true, ', 1), "utf-8")
    with pytest.raises(event.EventError, match="made-up names"):
        certificates.certificates(folder)


def test_names_without_letters_are_listed_and_the_others_written(tmp_path, capsys):
    folder = scored(tmp_path / "event", {"🚀 Rocket": ["Ann"], "Aardvark": [], "Zebra": ["陳大文", "Zoe"]})
    assert main(["certificates", str(folder)]) == 1
    said = capsys.readouterr()
    assert "wrote 2 certificates" in said.out
    assert "'🚀 Rocket' (🚀 U+1F680); '陳大文' (陳 U+9673 大 U+5927 文 U+6587)" in said.err and "--font" in said.err
    assert sorted(path.name.split("-")[3] for path in (folder / "certificates").iterdir()) == ["aardvark", "zebra"]


@pytest.mark.parametrize("old, new, said", [
    ("Test event", "🚀 Hack", "'🚀 Hack' (🚀 U+1F680)"),
    ("Prof. Ada Müller", "山田太郎", "'山田太郎' (山 U+5C71 田 U+7530 太 U+592A 郎 U+90CE)"),
    ("Prof. Ada Müller", r"Ada\u0007", r"'Ada\x07' (U+0007)"),
])  # fmt: skip
def test_an_event_without_letters_is_refused_before_a_key_is_made(tmp_path, capsys, old, new, said):
    folder = scored(tmp_path / "event", {"A": ["Ann"]})
    (folder / "event.toml").write_text(EVENT.replace(old, new), "utf-8")
    before = sorted(folder.rglob("*"))
    assert main(["certificates", str(folder)]) == 1
    error = capsys.readouterr().err
    assert said in error and "event.toml" in error and "--font" in error and error.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_certificates_of_an_earlier_scoring_go_and_other_files_stay(tmp_path, monkeypatch):
    folder = scored(tmp_path / "event", {"Zebra": [], "陳": []})
    certificates.certificates(folder)
    (folder / "certificates" / "Letter.pdf").write_text("mine")
    scored(folder, {"Aardvark": [], "Ελένη": [], "דנה": []})
    before = sorted(folder.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(certificates, "_frame", lambda pdf: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            certificates.certificates(folder)
    assert sorted(folder.rglob("*")) == before
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
# Signatures


@pytest.fixture(scope="module")
def genuine(tmp_path_factory):
    """The folder of an event, and a certificate of it."""
    folder = scored(tmp_path_factory.mktemp("signed") / "event", {"Café Łódź": ["Ελένη Παπαδοπούλου"]})
    (path,), _ = certificates.certificates(folder)
    return folder, path


def token_of(path):
    return signing.TOKEN.search(path.read_bytes())[1].decode()


def test_a_certificate_can_be_checked(genuine, tmp_path, capsys):
    folder, path = genuine
    key = folder / "certificates.pem"
    assert main(["certificates", "verify", str(path), "--key", str(key)]) == 0
    said = capsys.readouterr().out
    for part in (f"{path.name}: genuine\n", "Ελένη Παπαδοπούλου", "Café Łódź", "Higgs boson", "2026-07-29", "0.9"):
        assert part in said
    assert signing.fingerprint(signing.public_key(key)) in text_of(path)
    (tmp_path / "code.txt").write_text(token_of(path) + "\n")
    assert main(["certificates", "verify", str(tmp_path / "code.txt"), "--key", str(key)]) == 0
    assert "genuine, as far as the code goes: compare what is printed" in capsys.readouterr().out


@pytest.mark.parametrize("save", [
    lambda token: b"\xef\xbb\xbf" + token.encode(),
    lambda token: (token + "\r\n").encode("utf-16"),
    lambda token: f"{token[:76]}\r\n{token[76:]}\u00a0".encode(),
    lambda token: f'> "{token[:70]}\n> {token[70:]}"\0'.encode(),
    lambda token: token.encode("utf-16-le"),
])  # fmt: skip
def test_the_text_of_a_code_counts_however_it_was_saved(genuine, tmp_path, save):
    folder, path = genuine
    (tmp_path / "code.txt").write_bytes(save(token_of(path)))
    assert main(["certificates", "verify", str(tmp_path / "code.txt"), "--key", str(folder / "certificates.pem")]) == 0


@pytest.mark.skipif(os.name != "posix", reason="names of files")
def test_a_name_of_a_file_says_nothing_by_itself(genuine, tmp_path, capsys):
    bad = tmp_path / "A\nB.pdf: genuine\x1b[8m.pdf"
    bad.write_bytes(b"%PDF-")
    assert refused(bad, genuine[0] / "certificates.pem", capsys)
    main(["certificates", "verify", str(bad), "--key", str(genuine[0] / "certificates.pem")])
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and said[1].startswith(r"A\nB.pdf: genuine\x1b[8m.pdf: NOT GENUINE")


def test_the_private_key_stays_at_home(genuine, capsys):
    folder, path = genuine
    private = folder / signing.PRIVATE
    if os.name == "posix":
        assert stat.S_IMODE(private.stat().st_mode) == 0o600 and stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    secret = private.read_text().splitlines()[1]
    others = [other for other in folder.rglob("*") if other.is_file() and other != private]
    assert path in others and not any(secret.encode() in other.read_bytes() for other in others)
    before = private.read_bytes()
    assert main(["certificates", str(folder)]) == 0
    said = capsys.readouterr()
    assert private.read_bytes() == before and secret not in said.out + said.err


def as_der(path):
    serialization = signing.serialization
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    der, pkcs8 = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8
    return key.private_bytes(der, pkcs8, serialization.NoEncryption())


@pytest.mark.parametrize("change, message", [
    (lambda path: path.chmod(0o640), "others can read the key"),
    (lambda path: path.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "no private key"),
    (lambda path: path.write_text(""), "no private key"),
    (lambda path: path.write_bytes(as_der(path)), "for a fresh pair, with which no certificate made so far is genuine"),
    (lambda path: (path.unlink(), path.mkdir()), "no file, or a link to one that is gone: put back a copy"),
    (lambda path: (path.unlink(), os.mkfifo(path)), "no file, or a link to one that is gone: put back a copy"),
    (lambda path: (path.unlink(), path.symlink_to("none")), "no file, or a link to one that is gone: put back a copy"),
])  # fmt: skip
@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_private_key_that_cannot_be_used(tmp_path, change, message, capsys):
    folder = scored(tmp_path / "event", {})
    signing.private_key(folder)
    change(folder / signing.PRIVATE)
    assert main(["certificates", str(folder)]) == 1 and message in capsys.readouterr().err


def test_a_lost_private_key_is_not_replaced_in_silence(tmp_path, capsys):
    folder = scored(tmp_path / "event", {})
    signing.private_key(folder)
    (folder / signing.PRIVATE).unlink()
    before = (folder / signing.PUBLIC).read_bytes()
    assert main(["certificates", str(folder)]) == 1 and "put back a copy of it" in capsys.readouterr().err
    assert (folder / signing.PUBLIC).read_bytes() == before and not (folder / signing.PRIVATE).exists()
    (folder / signing.PUBLIC).unlink()
    signing.private_key(folder)
    assert (folder / signing.PUBLIC).read_bytes() != before


def test_a_public_key_that_is_no_file_is_no_reason_for_a_fresh_pair(tmp_path):
    for name, make in (("folder", lambda path: path.mkdir()), ("link", lambda path: path.symlink_to("none"))):
        folder = scored(tmp_path / name, {})
        make(folder / signing.PUBLIC)
        with pytest.raises(event.EventError, match="certificates.pem: no file, or a link to one that is gone: put"):
            signing.private_key(folder)
        assert not (folder / signing.PRIVATE).exists()


@pytest.mark.parametrize("saved", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_private_key_counts_however_it_was_saved(tmp_path, saved):
    folder = scored(tmp_path / "event", {})
    before = signing.private_key(folder).public_key()
    path = folder / signing.PRIVATE
    path.write_text(path.read_text(), saved)
    assert signing.private_key(folder).public_key() == before


def test_another_key_does_not_take_the_place_of_the_published_one(tmp_path, capsys):
    folder = scored(tmp_path / "event", {})
    signing.private_key(folder)
    before = (folder / signing.PUBLIC).read_bytes()
    signing.private_key(scored(tmp_path / "rehearsal", {}))
    (folder / signing.PRIVATE).write_bytes((tmp_path / "rehearsal" / signing.PRIVATE).read_bytes())
    assert main(["certificates", str(folder)]) == 1 and "not of the key in" in capsys.readouterr().err
    assert (folder / signing.PUBLIC).read_bytes() == before
    (folder / signing.PUBLIC).write_bytes(before[:50])  # a damaged one is written anew
    signing.private_key(folder)
    assert signing.public_key(folder / signing.PUBLIC)


@pytest.mark.parametrize("saved", ["utf-8-sig", "utf-16"])
def test_a_public_key_counts_however_it_was_saved(genuine, tmp_path, saved, capsys):
    folder, path = genuine
    (tmp_path / "key.pem").write_text((folder / "certificates.pem").read_text(), saved)
    assert main(["certificates", "verify", str(path), "--key", str(tmp_path / "key.pem")]) == 0
    assert main(["certificates", "verify", str(path), "--key", str(tmp_path / "none.pem")]) == 1
    assert "no public key (none.pem: no such file): name the organiser's" in capsys.readouterr().err


def refused(path, key, capsys):
    done = main(["certificates", "verify", str(path), "--key", str(key)])
    return done == 1 and "NOT GENUINE" in capsys.readouterr().out


@pytest.mark.parametrize("field", signing.FIELDS)
def test_each_field_that_is_changed_is_refused(genuine, tmp_path, capsys, field):
    folder, path = genuine
    token, bad = token_of(path), tmp_path / "bad.txt"
    head, content, seal = token.split(".")
    fields = signing.read_signed(token, signing.public_key(folder / "certificates.pem"))
    other = {**fields, field: 2 if field == "rank" else fields[field] + "x"}
    foreign = signing.Ed25519PrivateKey.generate()
    forged = f"{head}.{signing._encoded(json.dumps(other).encode())}.{seal}"
    for text in (forged, signing.signed(other, foreign), f"{head}.{content}.", token[:-1], f"{token}=", ""):
        bad.write_text(text)
        assert refused(bad, folder / "certificates.pem", capsys)
        # in a file, which the forger cannot seal
        pdf, mark, seal_of_file = path.read_bytes().rpartition(signing.SEAL)
        changed = pdf.replace(token.encode(), text.encode())
        for end in (mark + seal_of_file, b"", signing.sealed(changed, foreign)[len(changed):]):
            (tmp_path / "bad.pdf").write_bytes(changed + end)
            assert refused(tmp_path / "bad.pdf", folder / "certificates.pem", capsys)


def test_each_byte_that_is_changed_is_refused(genuine, tmp_path):
    folder, path = genuine
    blob, key, bad = path.read_bytes(), signing.public_key(folder / "certificates.pem"), tmp_path / "bad.pdf"
    for at in [*range(0, len(blob), len(blob) // 200), *range(len(blob) - 110, len(blob))]:
        changed = bytearray(blob)
        changed[at] ^= 1
        bad.write_bytes(changed)
        with pytest.raises(signing.NotGenuine):
            signing.verify(bad, key)
    for changed in (blob + b"x", blob + blob[-110:], blob[:-1], blob[1:], b"%PDF-", b"", b"\xff" * 99):
        bad.write_bytes(changed)
        with pytest.raises(signing.NotGenuine):
            signing.verify(bad, key)


def test_certificates_of_another_organiser_are_refused(genuine, tmp_path, capsys):
    _, path = genuine
    signing.private_key(tmp_path)
    assert refused(path, tmp_path / "certificates.pem", capsys)
    for key in (path, tmp_path / "none.pem", tmp_path / signing.PRIVATE):
        assert main(["certificates", "verify", str(path), "--key", str(key)]) == 1
        assert "no public key" in capsys.readouterr().err
    assert main(["certificates", "verify", str(path)]) == 1 and "needs a file and --key" in capsys.readouterr().err
    assert main(["certificates", "verify", str(tmp_path), "--key", str(tmp_path / "certificates.pem")]) == 1


def test_the_code_can_be_read(genuine):
    """The QR code as another program draws it: every module of ours lies where it should."""
    segno = pytest.importorskip("segno")
    _, path = genuine
    page = pdfium.PdfDocument(path)[0]
    scale = 8
    image = page.render(scale=scale).to_numpy().min(axis=2) < 128
    matrix = [list(row) for row in segno.make(token_of(path), error="l", micro=False).matrix]
    mm = scale * 72 / 25.4
    side = certificates.CODE / len(matrix) * mm
    left, top = (certificates.WIDTH - certificates.CODE) / 2 * mm, 158.5 * mm
    drawn = [[bool(image[int(top + (i + 0.5) * side), int(left + (j + 0.5) * side)]) for j in range(len(matrix))]
             for i in range(len(matrix))]  # fmt: skip
    assert drawn == [[bool(dark) for dark in row] for row in matrix]


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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of POSIX")
def test_a_font_that_is_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "Pipe.ttf")
    with pytest.raises(event.EventError, match="Pipe.ttf: no TrueType font, or a damaged one .it is no regular file"):
        lettering.Fonts([tmp_path / "Pipe.ttf"])


@pytest.mark.parametrize("damage", [
    lambda font: font.replace(b"maxp", b"maxx", 1), lambda font: font.replace(b"head", b"heax", 1),
    lambda font: font[: len(font) // 2],
])  # fmt: skip
def test_a_broken_font_is_named_or_skipped(tmp_path, monkeypatch, capsys, damage):
    broken = tmp_path / "Broken.ttf"
    broken.write_bytes(damage(lettering.DEJAVU.read_bytes()))
    folder = scored(tmp_path / "event", {"A": ["Ann"], "B": ["山"]})
    assert main(["certificates", str(folder), "--font", str(broken)]) == 1
    assert f"{broken}: no TrueType font, or a damaged one" in capsys.readouterr().err
    assert not (folder / "certificates").exists()
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: [str(broken)])
    assert main(["certificates", str(folder)]) == 1
    assert len(list((folder / "certificates").iterdir())) == 1 and "'山'" in capsys.readouterr().err
    monkeypatch.setattr(lettering, "DEJAVU", lettering.GARAMOND)  # only the broken one may have it
    assert Fonts().missing("☃") == ["☃"]


def test_fonts_of_emoji_serve_last(tmp_path, monkeypatch):
    for name in ("NotoEmoji-Regular.ttf", "Zen.ttf"):
        (tmp_path / name).write_bytes(lettering.DEJAVU.read_bytes())
    monkeypatch.setattr(lettering, "DEJAVU", lettering.GARAMOND)
    monkeypatch.setattr("matplotlib.font_manager.findSystemFonts", lambda: list(map(str, tmp_path.iterdir())))
    assert set(Fonts().of("☃")) == {tmp_path / "Zen.ttf"}
    (tmp_path / "Zen.ttf").unlink()
    assert set(Fonts().of("☃")) == {tmp_path / "NotoEmoji-Regular.ttf"}


def test_a_terminal_without_letters(tmp_path, monkeypatch):
    folder = scored(tmp_path / "event", {"日本チーム": []})
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="cp1252") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    assert main(["certificates", str(folder)]) == 1
    streams[1].flush()
    assert b"\\u65e5\\u672c" in streams[1].buffer.getvalue()


@pytest.mark.parametrize("old, new", [
    (None, ""), (None, "[]"), (None, '{"boards": 3}'), (None, '{"boards": [{}]}'),
    (None, '{"boards": [{"history": [1]}]}'), (None, "[" * 9999), ('"scores"', '"marks"'), ("0.9", '"0.9"'),
    ('["Ann"]', "[5]"), ('["Ann"]', '"Ann"'), ('"team": "A"', '"team": 5'), ('"challenge": "', '"challenge": "../'),
    ('"rank": 1', '"rank": 1.5'), ('["AUC"]', "[[]]"),
])  # fmt: skip
def test_a_damaged_leaderboard_is_one_line(tmp_path, old, new, capsys):
    folder = scored(tmp_path / "event", {"A": ["Ann"]})
    sound = (folder / "leaderboard.json").read_text("utf-8")
    text = sound.replace(old, new) if old else new
    assert text != sound
    (folder / "leaderboard.json").write_text(text)
    assert main(["certificates", str(folder)]) == 1
    assert "missing or damaged: run 'python -m common.hackathon score' first" in capsys.readouterr().err
    assert not (folder / "certificates").exists()


def test_a_deadline_that_moved_asks_for_a_scoring(tmp_path, capsys):
    folder = scored(tmp_path / "event", {"A": ["Ana"]})
    (folder / "event.toml").write_text(EVENT.replace("T18:00", "T19:00"), "utf-8")
    assert main(["certificates", str(folder)]) == 1
    assert "was not scored since its deadline" in capsys.readouterr().err and not (folder / "certificates").exists()


def test_badges_need_their_package(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "openbadgeslib", None)
    assert main(["certificates", str(scored(tmp_path / "event", {"A": ["Ana"]})), "--badges"]) == 1
    assert "pip install openbadgeslib" in capsys.readouterr().err


def test_badges_are_signed_by_the_key_of_the_certificates(tmp_path, capsys):
    from openbadgeslib import ob3

    folder = scored(tmp_path / "event", {"A": ["Ana García"]}, late=["B"])
    for options in (["--badges"], [], ["--badges"]):
        assert main(["certificates", str(folder), *options]) == 0
        names = sorted(path.name for path in (folder / "certificates").iterdir())
        assert [name[-3:] for name in names] == (["jwt", "pdf"] * 2 if options else ["pdf"] * 2)
    token = (folder / "certificates" / names[0]).read_text().strip()
    verifier = ob3.OB3Verifier((folder / signing.PUBLIC).read_bytes())
    found = verifier.verify(token)
    assert found.identifiers[0].identity_hash == "Ana García" and "rank 1" in found.achievement.criteria_narrative
    with pytest.raises(Exception, match="ignature"):
        verifier.verify(token[:-20] + "A" * 20)

    files = [str(folder / "certificates" / name) for name in names]
    assert main(["certificates", "verify", *files, "--key", str(folder / signing.PUBLIC)]) == 0
    assert capsys.readouterr().out.count("Ana García") == 2
    (tmp_path / "other.jwt").write_text(token[:-20] + "A" * 20)
    assert main(["certificates", "verify", str(tmp_path / "other.jwt"), "--key", str(folder / signing.PUBLIC)]) == 1
    assert "NOT GENUINE" in capsys.readouterr().out
