"""Data, transcription, submission and metrics of the RenAIssance challenge."""

import io
import os
import zipfile
import zlib

import docx
import numpy as np
import pytest
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from PIL import Image, ImageOps

from common.challenge import SubmissionError
from RenAIssance import books, data, hand_cut, metrics, pages, scan, transcription
from RenAIssance.challenge import CHALLENGE, TEXTS
from RenAIssance.exercises import exercises
from RenAIssance.images import read_grey


def test_error_rates_by_hand():
    scores = metrics.error_rates(["vna cofa"], ["una cosa"])
    assert scores["CER"] == pytest.approx(2 / 8) and scores["WER"] == 1
    assert scores["CER (normalised)"] == pytest.approx(1 / 8)  # v is u; f and s differ
    assert metrics.normalised("cofa", fold_long_s=True) == metrics.normalised("coſa", fold_long_s=True)


def test_rates_are_those_of_all_texts_together():
    assert metrics.error_rates(["a" * 90, "b" * 10], ["a" * 90, "c" * 10])["CER"] == pytest.approx(0.1)
    assert metrics.error_rates(["abcd", ""], ["abcd", "xy"])["CER"] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="one text a page"):
        metrics.error_rates(["a"], [])
    with pytest.raises(ValueError, match="nothing to compare"):
        metrics.error_rates([""], ["a"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Eſpan\u0303a", "españa"), ("corac\u0327on", "corazon"), ("q\u0303 vi\u0303no", "que uinno"),
        ("co\u0303prar", "comprar"),
        ("mun-\ndo", "mundo"), ("mun\ndo", "mun do"), ("Dios,os", "dios os"), ("Juan\u200b dexò", "iuan dexo"),
    ],
)  # fmt: skip
def test_normalisation(text, expected):
    assert metrics.normalised(text) == expected


PAGE = "De la noble-\nza y de los prin-\ncipes, y hom-\nbres=de bien-"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\f", "\v", " \n", "\u200b\n", "\n\n"])
@pytest.mark.parametrize("sign", list("-\u00ac=\u00ad\u2010\u2011\u2012\u2013\u2212\u2e17") + ["-\u00ad"])
def test_line_ends_and_signs_of_hyphenation_are_one(end, sign):
    read = "\ufeff" + (PAGE + "\n").replace("-\n", sign + end)
    scores = metrics.error_rates([PAGE], [read])
    assert not any(scores.values()), scores
    assert metrics.word_scores([PAGE], [read])["F1"] == 1


def test_signs_within_a_line_stay_as_they_are():
    assert metrics.diplomatic("bien=hecho \u2013 no-\nble") == "bien=hecho \u2013 no- ble"
    assert metrics.normalised("bien=hecho \u2013 no-\nble") == "bien hecho noble"


def test_words_and_confusions():
    scores = metrics.word_scores(["uno dos tres"], ["uno dos dos"])
    assert scores["precision"] == scores["recall"] == pytest.approx(2 / 3)
    assert metrics.confusions(["casa", "si"], ["cafa", "sin"]) == {("s", "f"): 1, ("", "n"): 1}


def _docx(path, *paragraphs):
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    document.save(str(path))
    return path


def test_transcription_is_read_by_page(tmp_path):
    path = _docx(tmp_path / "a.docx", "NOTES", "PDF p1", "one\ntwo", "PDF p2", "three\nfour", "title", "five\nsix",
                 "PDF p3", "--this part intentionally left blank to check after test--")
    parts = transcription.read_docx(path)
    assert parts == [(1, ["one\ntwo"]), (2, ["three\nfour", "title", "five\nsix"]), (3, [])]
    texts = transcription.assign(parts, [[2], [2, 3], [24, 24]])
    assert texts == ["one\ntwo", "three\nfour", "title\nfive\nsix", None, None]


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'


def _docx_of(path, *blocks):
    """A DOCX file with the marker PDF p1 and blocks of XML after it."""
    document = docx.Document()
    document.add_paragraph("PDF p1")
    for block in blocks:
        document.element.body.insert(-1, parse_xml(f"<w:body {W} {MC}>{block}</w:body>")[0])
    document.save(str(path))
    return path


def _run(text, tag="t"):
    return f'<w:r><w:{tag} xml:space="preserve">{text}</w:{tag}></w:r>'


@pytest.mark.parametrize("blocks, expected", [
    ([f"<w:p>{_run('uno ')}<w:ins>{_run('dos')}</w:ins></w:p>"], ["uno dos"]),
    ([f"<w:p>{_run('uno')}<w:del>{_run(' dos', 'delText')}</w:del></w:p>"], ["uno"]),
    ([f"<w:p><w:moveFrom>{_run('uno')}</w:moveFrom></w:p>", f"<w:p><w:moveTo>{_run('uno')}</w:moveTo></w:p>"], ["uno"]),
    ([f"<w:p><w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{_run('uno ')}</w:p>", f"<w:p>{_run('dos')}</w:p>"], ["uno dos"]),
    ([f"<w:tbl><w:tr><w:tc><w:p>{_run('uno')}</w:p></w:tc><w:tc><w:p>{_run('dos')}</w:p></w:tc></w:tr></w:tbl>"],
     ["uno", "dos"]),
    ([f"<w:sdt><w:sdtContent><w:p>{_run('uno')}</w:p></w:sdtContent></w:sdt>"], ["uno"]),
    ([f"<w:p><w:sdt><w:sdtContent>{_run('uno')}</w:sdtContent></w:sdt></w:p>"], ["uno"]),
    ([f"<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent><w:p>{_run('?')}</w:p></w:sdtContent></w:sdt>"], []),
    ([f"<w:p><w:hyperlink>{_run('uno')}</w:hyperlink><w:smartTag>{_run(' dos')}</w:smartTag></w:p>"], ["uno dos"]),
    ([f"<w:p><w:fldSimple>{_run('uno')}</w:fldSimple>{_run('DATE', 'instrText')}</w:p>"], ["uno"]),
    ([f"<w:p>{_run('antes<!-- c --> después')}</w:p>"], ["antes después"]),
    (["<w:p><w:r><w:t>no</w:t><w:noBreakHyphen/><w:br/><w:t>bleza</w:t><w:br w:type='page'/></w:r></w:p>"],
     ["no-\nbleza"]),
    (["<w:p><w:r><w:br w:type='page'/><w:t>uno</w:t><w:br w:type='column'/><w:t>dos</w:t></w:r></w:p>"], ["uno\ndos"]),
    ([f"<w:p><w:ruby><w:rt>{_run('1')}</w:rt><w:rubyBase>{_run('uno')}</w:rubyBase></w:ruby></w:p>"], ["uno"]),
    (["<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>uno</w:t></w:r><w:r><w:rPr><w:vanish w:val='0'/></w:rPr>"
      "<w:t>dos</w:t></w:r></w:p>"], ["dos"]),
    ([f"<w:tbl><w:tr><w:trPr><w:del/></w:trPr><w:tc><w:p>{_run('uno')}</w:p></w:tc></w:tr>"
      f"<w:tr><w:trPr/><w:tc><w:p>{_run('dos')}</w:p></w:tc></w:tr></w:tbl>"], ["dos"]),
])  # fmt: skip
def test_no_text_of_a_docx_vanishes(tmp_path, blocks, expected):
    assert transcription.read_docx(_docx_of(tmp_path / "a.docx", *blocks)) == [(1, expected)]


@pytest.mark.parametrize("block, message", [
    (f"<w:p><w:r><w:pict><w:txbxContent><w:p>{_run('uno')}</w:p></w:txbxContent></w:pict></w:r></w:p>", "a text box"),
    ("<w:altChunk/>", "an embedded document"), ("<w:p><w:r><w:sym/></w:r></w:p>", "a symbol"),
    (f"<w:p><w:r><mc:AlternateContent><mc:Choice><w:txbxContent><w:p>{_run('uno')}</w:p></w:txbxContent></mc:Choice>"
     "</mc:AlternateContent></w:r></w:p>", "a text box"),
])  # fmt: skip
def test_text_without_a_place_is_refused(tmp_path, block, message):
    with pytest.raises(ValueError, match=f"has {message}.*; move its text"):
        transcription.read_docx(_docx_of(tmp_path / "a.docx", block))


def test_entities_in_a_text_are_refused(tmp_path):
    path = _docx_of(tmp_path / "a.docx", f"<w:p>{_run('Se&amp;x;or')}</w:p>")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    text = files["word/document.xml"].replace(b"&amp;x;", b"&x;")
    declared = b'<!DOCTYPE w:document [<!ENTITY x "&#241;">]><w:document'
    files["word/document.xml"] = text.replace(b"<w:document", declared, 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(ValueError, match="a.docx has an XML entity in its text"):
        transcription.read_docx(path)


def test_footnotes_are_refused(tmp_path):
    path = _docx(tmp_path / "a.docx", "PDF p1", "uno")
    document = docx.Document(str(path))
    for text, refused in (("", False), ("a note", True)):
        blob = f"<w:footnotes {W}><w:footnote><w:p>{_run(text)}</w:p></w:footnote></w:footnotes>".encode()
        kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
        part = Part(PackURI(f"/word/footnotes{refused}.xml"), kind, blob, document.part.package)
        document.part.relate_to(part, "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes")
        document.save(str(path))
        if refused:
            with pytest.raises(ValueError, match="has footnotes"):
                transcription.read_docx(path)
        else:
            assert transcription.read_docx(path) == [(1, ["uno"])]


@pytest.mark.parametrize(
    "marker", ["PDF p2:", "pdf P2", "PDFp2", "PDF p. 2 -", "[PDF page 2]", "PDF 2", "PDF\tp2\u200b", "PDF p2—"]
)
def test_markers_as_people_write_them(tmp_path, marker):
    for paragraphs in (["PDF p1", "uno", marker, "dos"], ["PDF p1", f"uno\n{marker}\ndos"]):
        assert transcription.read_docx(_docx(tmp_path / "a.docx", *paragraphs)) == [(1, ["uno"]), (2, ["dos"])]


def test_markers_of_sides(tmp_path):
    path = _docx(tmp_path / "a.docx", "PDF p1", "uno", "PDF p2 - right", "tres", "quatro", "PDF p2 (left):", "dos",
                 "PDF p3 left page", "cinco", "PDF p4 R", "seis")  # fmt: skip
    parts = transcription.read_docx(path)
    assert parts == [(1, ["uno"]), (2, ["dos", "tres\nquatro"]), (3, ["cinco", ""]), (4, ["", "seis"])]
    assert transcription.assign(parts, [[1], [0, 0], [0, 0], [0, 0]]) == [
        "uno", "dos", "tres\nquatro", "cinco", None, None, "seis",
    ]  # fmt: skip
    assert transcription.assign([(1, ["uno"])], [[1, 1]]) == ["uno", None]
    with pytest.raises(ValueError, match="text for PDF p4, but the scan has p1 to p3"):
        transcription.assign(parts, [[1], [0, 0], [0, 0]])


@pytest.mark.parametrize("paragraphs, message", [
    (["PDF p1", "uno", "PDF p2-3", "dos"], "'PDF p2-3' begins like a marker of a page; expected"),
    (["PDF p1", "uno", "PDF p2: El libro", "dos"], "begins like a marker"),
    (["PDF p1", "uno", "PDF pII", "dos"], "begins like a marker"),
    (["PDF p1", "uno", "p. 2", "dos"], "begins like a marker"),
    (["PDF p1", "uno", "PDF p1", "dos"], "'PDF p1' is there twice"),
    (["PDF p2 left", "uno", "PDF p2", "dos"], "'PDF p2' is there twice"),
    (["PDF p2", "uno", "PDF p2 left", "dos"], "'PDF p2 left' is there twice"),
    (["uno", "PDF p2", "dos"], "'uno' stands before the first marker"),
])  # fmt: skip
def test_doubtful_markers_are_refused(tmp_path, paragraphs, message):
    with pytest.raises(ValueError, match=message):
        transcription.read_docx(_docx(tmp_path / "a.docx", *paragraphs))


def test_other_files_named_docx_are_refused(tmp_path):
    path = tmp_path / "a.docx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000))
    with pytest.raises(ValueError, match="an old .doc file, or has a password; save it as .docx"):
        transcription.read_docx(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(30_000_000))
    with pytest.raises(ValueError, match="unpacks to more than"):
        transcription.read_docx(path)
    strict = _docx(tmp_path / "strict.docx", "PDF p1", "text")
    with zipfile.ZipFile(strict) as whole, zipfile.ZipFile(path, "w") as archive:
        for name in whole.namelist():
            old, new = b"schemas.openxmlformats.org/officeDocument/2006", b"purl.oclc.org/ooxml/officeDocument"
            archive.writestr(name, whole.read(name).replace(old, new))
    with pytest.raises(ValueError, match="Strict Open XML"):
        transcription.read_docx(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", b"<text/>")
    with pytest.raises(ValueError, match="is not a DOCX file or is damaged .*; save it as .docx"):
        transcription.read_docx(path)


def test_long_lines_are_no_markers(tmp_path):
    with pytest.raises(ValueError, match="begins like a marker"):  # at once: there is no limit of time in this test
        transcription.read_docx(_docx(tmp_path / "a.docx", "PDF" + 100_000 * " " + "x"))
    with pytest.raises(ValueError, match="begins like a marker"):
        transcription.read_docx(_docx(tmp_path / "a.docx", "PDF p" + 5_000 * "1"))
    with pytest.raises(ValueError, match="no page markers"):
        transcription.read_docx(_docx(tmp_path / "a.docx", "PDF" + 100_000 * "_"))


def test_bad_transcriptions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no page markers"):
        transcription.read_docx(_docx(tmp_path / "a.docx", "some text"))
    bad = tmp_path / "b.docx"
    bad.write_bytes(b"PK nonsense")
    with pytest.raises(ValueError, match="damaged"):
        transcription.read_docx(bad)
    with pytest.raises(ValueError, match="cannot be read"):
        transcription.read_docx(tmp_path / "none.docx")


def test_lines_are_aligned_although_breaks_are_missing_and_readings_wrong():
    lines = "que el virtuoso ser/es el que por obli-/gacion han de dar/a los hijos sus Pa-/dres, y por el".split("/")
    text = lines[0] + " " + lines[1] + "\n" + lines[2] + "\n" + lines[3] + "\n" + lines[4]
    readings = "qne el virtuofo fer/es el qne por oli-/gacion han de dar/a los hijos fus Pa-/drcs, y por el".split("/")
    aligned = transcription.align(text, readings)
    assert [line.text for line in aligned] == lines
    assert not any(line.doubtful for line in aligned)
    aligned = transcription.align(text, [*readings, "zzzzzzzzzzzzzzzzzz"])
    assert aligned[-1].doubtful
    spoiled = text.replace(lines[1], "").replace("  ", " ")
    assert [line.doubtful for line in transcription.align(spoiled, readings)][:3] == [False, True, False]


def test_edit_costs_are_those_of_an_established_package():
    import jiwer

    for a, b in (("casa", "cosas"), ("", "xy"), ("virtuoſo ñ", "uirtuoso n")):
        cost = transcription.edit_costs(a, b)
        assert cost.shape == (len(a) + 1, len(b) + 1)
        assert cost[-1, -1] == (round(jiwer.cer(a, b) * len(a)) if a else len(b))
        assert np.array_equal(cost, exercises["edit costs"].reference(a, b))
        places = transcription.matched(cost, a, b)
        assert places[-1] == len(b) and places == sorted(places)


def test_text_in_other_characters_becomes_plain():
    assert transcription.simplified("dexò ça< ẽ") == "dexo za; e"


def _pdf(path, image):
    image.save(path, "PDF", resolution=150)
    return path


def _encrypted():
    """A PDF of one empty page that asks for a password."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]>>",
        b"<</Filter/Standard/V 1/R 2/Length 40/P -4/O<" + b"ab" * 32 + b">/U<" + b"cd" * 32 + b">>>",
    ]  # fmt: skip
    content, table = b"%PDF-1.4\n", b"xref\n0 5\n0000000000 65535 f \n"
    for number, thing in enumerate(objects, start=1):
        table += b"%010d 00000 n \n" % len(content)
        content += b"%d 0 obj\n%b\nendobj\n" % (number, thing)
    trailer = b"trailer<</Size 5/Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]>>\nstartxref\n%d\n%%%%EOF" % len(content)
    return content + table + trailer


def test_bad_scans_are_refused(tmp_path):
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.4 nonsense")
    with pytest.raises(ValueError, match="damaged"):
        scan.spreads(bad)
    with pytest.raises(ValueError, match="cannot be read"):
        scan.spreads(tmp_path / "none.pdf")
    (tmp_path / "locked.pdf").write_bytes(_encrypted())
    with pytest.raises(ValueError, match="encrypted"):
        scan.spreads(tmp_path / "locked.pdf")
    import pypdfium2 as pdfium

    empty = pdfium.PdfDocument.new()
    empty.new_page(300, 400)
    empty.save(str(tmp_path / "text.pdf"))
    with pytest.raises(ValueError, match="no image"):
        scan.spreads(tmp_path / "text.pdf")


@pytest.fixture(scope="module")
def spread():
    """A spread of two pages of 24 lines, 150 dpi."""
    return Image.fromarray(pages.spreads(1, 5).X[0])


def _lines_of(tmp_path, image, resolution):
    image.save(tmp_path / "scan.pdf", "PDF", resolution=resolution)
    return [len(scan.layout(page).lines) for page in scan.pages(tmp_path / "scan.pdf")]


@pytest.mark.parametrize("resolution", [72, 150, 600, 1200])
def test_the_letters_say_the_resolution_of_a_scan(tmp_path, spread, resolution):
    """Whatever the file claims, as those of photographs do."""
    assert _lines_of(tmp_path, spread, resolution) == [24, 24]


def test_negatives_are_inverted_and_dark_scans_are_not(tmp_path, spread):
    black = spread.point(lambda value: 255 * (value > 120)).convert("1", dither=0)
    for image in (ImageOps.invert(spread), ImageOps.invert(black), spread.point(lambda value: value * 0.45)):
        assert _lines_of(tmp_path, image, 150) == [24, 24]
    with pytest.raises(ValueError, match="light on dark; invert it"):
        scan.layout(255 - np.asarray(spread))


@pytest.mark.parametrize("image, message", [
    (lambda spread: spread.rotate(90, expand=True), "lines of this page run from top to bottom: rotate it by 90"),
    (lambda spread: spread.rotate(270, expand=True), "lines of this page run from top to bottom: rotate it by 90"),
    (lambda spread: spread.rotate(180), "upside down: rotate it by 180"),
    (lambda spread: Image.new("L", spread.size, 240), "no text on this page: is it blank"),
    (lambda spread: Image.new("L", (4000, 3000), 240), "no text on this page: is it blank"),
    (lambda spread: spread.reduce(3), "page 1 has about 50 dpi, too coarse to read; scan it with 150 to 300 dpi"),
])  # fmt: skip
def test_pages_that_cannot_be_read_say_why(tmp_path, spread, image, message):
    image = image(spread)
    with pytest.raises(ValueError, match=message):
        _lines_of(tmp_path, image, 150 * image.width / spread.width if image.width < spread.width / 2 else 150)


def test_pages_of_another_resolution_name_it(spread):
    page = spread.crop((620, 0, 1240, 910)).resize((4 * 620, 4 * 910))  # 600 dpi
    with pytest.raises(ValueError, match=r"as large as at 5\d0 dpi, expected 300 dpi: resize it to \d\d%"):
        scan.layout(np.asarray(page))


def test_a_pdf_with_a_damaged_page_is_refused(tmp_path):
    image = Image.new("L", (1200, 1600), 255)
    image.save(tmp_path / "book.pdf", save_all=True, append_images=[image], resolution=150)
    whole = (tmp_path / "book.pdf").read_bytes()
    last = whole.rindex(b"/Type /Page\n")
    (tmp_path / "book.pdf").write_bytes(whole[:last] + whole[last:].replace(b"/Page", b"/Pagx", 1))
    with pytest.raises(ValueError, match="book.pdf: page . is damaged"):
        scan.spreads(tmp_path / "book.pdf")


def _around(data, kind, size, page=(480, 640), bits=8):
    """A PDF of one page with one grey image of so many pixels, of which it holds these bytes."""
    draw = b"%d 0 0 %d 0 0 cm /I Do" % page
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 5 0 R/Resources<</XObject<</I 4 0 R>>>>>>" % page,
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent %d/Filter/%b/Length"
        b" %d>>\nstream\n%b\nendstream" % (*size, bits, kind, len(data), data),
        b"<</Length %d>>\nstream\n%b\nendstream" % (len(draw), draw),
    ]  # fmt: skip
    body, table = b"%PDF-1.4\n", b"xref\n0 6\n0000000000 65535 f \n"
    for number, thing in enumerate(objects, start=1):
        table += b"%010d 00000 n \n" % len(body)
        body += b"%d 0 obj\n%b\nendobj\n" % (number, thing)
    return body + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(body)


@pytest.mark.parametrize("kind", ["FlateDecode", "DCTDecode", "JPXDecode"])
def test_a_page_whose_image_is_not_whole_is_refused(tmp_path, kind):
    """PDFium draws it as white paper, or up to where it ends."""
    pixels = np.random.default_rng(0).integers(0, 255, (1600, 1200), np.uint8)
    pixels[::2] = 255
    image, path, content = Image.fromarray(pixels), tmp_path / "book.pdf", io.BytesIO()
    if kind == "FlateDecode":
        content.write(zlib.compress(pixels.tobytes()))
    else:
        image.save(content, "JPEG" if kind == "DCTDecode" else "JPEG2000")
    data = content.getvalue()
    path.write_bytes(_around(data, kind.encode(), image.size))
    assert (scan.spreads(path)[0] < 128).mean() > 0.1
    for bad in (data[: len(data) // 2], bytes(1000), bytes(8) + data[8:]):
        path.write_bytes(_around(bad, kind.encode(), image.size))
        with pytest.raises(ValueError, match="book.pdf: page 1 is damaged: its image is not whole; download"):
            scan.spreads(path)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_lossless_images_of_any_depth_are_read_or_refused(tmp_path, bits):
    path, rows = tmp_path / "book.pdf", np.full((1600, 1200 * bits // 8), 255, np.uint8)
    rows[::2] = 0x55
    whole = zlib.compress(rows.tobytes())
    path.write_bytes(_around(whole, b"FlateDecode", (1200, 1600), bits=bits))
    assert scan.spreads(path)[0].std() > 20
    path.write_bytes(_around(whole[: len(whole) // 2], b"FlateDecode", (1200, 1600), bits=bits))
    with pytest.raises(ValueError, match="page 1 is damaged: its image is not whole"):
        scan.spreads(path)


def test_what_follows_a_jpeg_does_not_matter(tmp_path):
    pixels, path, content = np.full((1600, 1200), 255, np.uint8), tmp_path / "book.pdf", io.BytesIO()
    pixels[::2] = 80
    image = Image.fromarray(pixels)
    image.save(content, "JPEG", progressive=True)
    path.write_bytes(_around(content.getvalue() + bytes(5000), b"DCTDecode", image.size))
    assert scan.spreads(path)[0].std() > 20


def test_pages_that_no_book_has_are_refused(tmp_path, monkeypatch):
    path, data = tmp_path / "book.pdf", zlib.compress(bytes(1600 * 1200))
    for size, page, said in (((1200, 1600), (1, 14400), "page 1 is a strip of 1 x 14400 points, not a page"),
                             ((40000, 40000), (480, 640), "page 1 has images of more than 160,000,000 pixels")):
        path.write_bytes(_around(data, b"FlateDecode", size, page))
        with pytest.raises(ValueError, match=f"book.pdf: {said}"):
            scan.spreads(path)
    monkeypatch.setattr(scan, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="book.pdf has more than 100 bytes: split it into several books"):
        scan.spreads(path)
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe.pdf")
        with pytest.raises(ValueError, match="pipe.pdf: not a plain file"):
            scan.spreads(tmp_path / "pipe.pdf")


def test_a_pdf_that_memory_cannot_hold_is_refused(tmp_path, monkeypatch):
    image = Image.new("L", (1200, 1600), 255)
    image.save(tmp_path / "book.pdf", save_all=True, append_images=[image, image], resolution=150)
    pixels = scan.spreads(tmp_path / "book.pdf")[0].size
    monkeypatch.setattr(scan, "MAX_IN_ALL", 3 * pixels)
    assert len(scan.spreads(tmp_path / "book.pdf")) == 3
    monkeypatch.setattr(scan, "MAX_IN_ALL", 2 * pixels)
    with pytest.raises(ValueError, match="book.pdf has more than .* in 3 pages: split it into several books"):
        scan.spreads(tmp_path / "book.pdf")


def test_a_pdf_without_pages_is_refused(tmp_path):
    import pypdfium2 as pdfium

    pdfium.PdfDocument.new().save(str(tmp_path / "none.pdf"))
    with pytest.raises(ValueError, match="has no pages"):
        scan.spreads(tmp_path / "none.pdf")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A simulated book of three spreads, of which two are transcribed."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DEEPLEARN_DATA", str(tmp_path_factory.mktemp("book")))
    patch.setattr(books, "SPREADS", 4)
    patch.setattr(books, "TRANSCRIBED", 3)
    yield {split: data.load(split, seed=7) for split in ("train", "valid", "test")}
    patch.undo()


def test_a_simulated_book_goes_through_its_files(book):
    """PDF and DOCX as the official ones: pages in order, the last without transcription but with truth."""
    assert [book[s].meta["page"].tolist() for s in book] == [[1, 2], [3, 4, 5], [6, 7]]
    assert all(len(text) > 100 for s in book for text in book[s].y)
    # A transcription lacks some line breaks; truth has all
    assert max(text.count("\n") for text in book["test"].y) <= 23


def test_a_damaged_file_of_a_simulated_book_is_made_anew(book, monkeypatch):
    monkeypatch.setattr(books, "SPREADS", 4)
    monkeypatch.setattr(books, "TRANSCRIBED", 3)
    for path in books.book(seed=7):
        whole = path.read_bytes()
        for damaged in (whole[:100], whole[:-5000] + bytes(100) + whole[-4900:]):
            path.write_bytes(damaged)
            books._read_book.cache_clear()
            with pytest.warns(UserWarning, match=f"{path.name} was changed, or is damaged: it is now changed-book-"):
                again = data.load("valid", seed=7)
            assert path.with_name(f"changed-{path.name}").read_bytes() == damaged, "it may be somebody's work"
            assert again.y == book["valid"].y and np.array_equal(again.X, book["valid"].X)
            (made,) = path.parent.glob(f"book-*{path.suffix}")
            assert len(made.read_bytes()) > len(whole) / 2
            path = made


def test_a_book_that_is_not_cached_is_the_same(book, tmp_path, monkeypatch):
    monkeypatch.setattr(books, "SPREADS", 4)
    monkeypatch.setattr(books, "TRANSCRIBED", 3)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    hidden = data.load("test", seed=7, cache=False)
    assert np.array_equal(hidden.X, book["test"].X) and hidden.y == book["test"].y
    assert [path.name for path in tmp_path.rglob("*")] == ["temporary"]


def test_load_refuses_what_it_does_not_know():
    for options, message in [
        (dict(split="all"), "split"), (dict(source="web"), "source"), (dict(task="words"), "task"),
        (dict(task="spreads", source="official"), "no official"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=message):
            data.load(**options)
    with pytest.raises(OSError, match="lines_book1"):
        data.load(task="lines", source="official")


def test_bad_tables_of_line_images_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPLEARN_DATA", str(tmp_path))
    (tmp_path / "RenAIssance").mkdir()
    archive, table = (tmp_path / "RenAIssance" / file.name for file in (hand_cut.LINE_IMAGES, hand_cut.LINE_TEXTS))
    archive.write_bytes(b"PK nonsense")
    table.write_bytes("image,text\nbook1_00_01.png,Señora\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not UTF-8.*Latin-1"):
        data.hand_cut_lines()
    table.write_text("image,text\nbook1_00_01.png,Señora\n", "utf-8")
    with pytest.raises(ValueError, match="damaged"):
        data.hand_cut_lines()


def _file(image, format_="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, format_, **options)
    return stream.getvalue()


INK = np.full((40, 200), 255, np.uint8)
INK[10:25, 20:180:6] = INK[10:25, 21:180:6] = 60
GREY = Image.fromarray(INK)
BLACK = Image.fromarray(np.where(INK < 255, 60, 0).astype(np.uint8))  # as transparent images store their paper
ALPHA = Image.fromarray(np.where(INK < 255, 255, 0).astype(np.uint8))
RGBA = Image.merge("RGBA", [BLACK] * 3 + [ALPHA])
SIDE = Image.Exif()
SIDE[0x0112] = 6  # turned by a quarter


@pytest.mark.parametrize("content", [
    _file(GREY), _file(GREY.convert("RGB")), _file(GREY.convert("P")), _file(RGBA, "TIFF"),
    _file(GREY.convert("RGB").convert("CMYK"), "TIFF"),
    _file(RGBA), _file(RGBA, "WEBP", lossless=True), _file(Image.merge("LA", [BLACK, ALPHA])), _file(RGBA.quantize(4)),
    _file(BLACK, transparency=0), _file(BLACK.convert("RGB"), transparency=(0, 0, 0)),
    _file(BLACK.convert("P"), "GIF", transparency=0), _file(Image.fromarray(INK.astype(np.uint16) * 257)),
    _file(Image.fromarray(INK.astype(np.uint16) * 16)), _file(Image.fromarray(INK.astype(np.uint16) * 257), "TIFF"),
    _file(Image.fromarray(INK.astype(np.int32)), "TIFF"), _file(Image.fromarray(INK.astype(np.float32)), "TIFF"),
    _file(Image.fromarray((INK / 255).astype(np.float32)), "TIFF"), _file(GREY, "BMP"),
    _file(GREY.transpose(Image.Transpose.ROTATE_90), "TIFF", exif=SIDE),
])  # fmt: skip
def test_every_mode_of_an_image_is_read(content):
    found = read_grey(content, "line.png")
    assert found.dtype == np.uint8 and found.shape == INK.shape
    np.testing.assert_allclose(found.astype(int), INK, atol=1)


def test_black_and_white_and_compressed_images():
    assert (read_grey(_file(GREY.convert("1", dither=0)), "line.png") == np.where(INK < 255, 0, 255)).all()
    for image in (GREY, GREY.convert("RGB").convert("CMYK")):
        found = read_grey(_file(image, "JPEG", quality=100), "line.jpg")
        assert abs(found.astype(int) - INK).mean() < 3


WIDTH = b"\0\1\4\0"  # how a TIFF begins to say it
TWO = _file(GREY, "TIFF", save_all=True, append_images=[GREY]).split(WIDTH)


@pytest.mark.parametrize("content, message", [
    (_file(Image.merge("LAB", [GREY] * 3), "TIFF"), "its mode is LAB; save it as grey or RGB"),
    (_file(Image.fromarray(np.full((9, 9), np.nan, np.float32)), "TIFF"), "its mode is F, with values .* not finite"),
    (_file(Image.fromarray(np.full((9, 9), -1, np.int32)), "TIFF"), "its mode is I, with values that are negative"),
    (_file(GREY, "TIFF", save_all=True, append_images=[GREY]), "it has 2 images, expected one"),
    (_file(Image.fromarray(255 - INK)), "light on dark; invert it"),
    (_file(Image.new("1", (9000, 9000), 1)), "9000 x 9000 pixels are too many"),
    (_file(Image.new("1", (20000, 20000), 1)), "cannot be read as the image of a line"),
    (WIDTH.join(TWO[:2]) + b"\0\0\4\0" + TWO[2], "cannot be read as the image of a line"),
    (_file(GREY)[:-30], "line.png: cannot be read"), (b"", "not an image file"), (b"%PDF-1.4", "not an image file"),
    (_file(GREY, "EPS"), "not an image file"),  # a program, which Pillow has Ghostscript run
    (_file(GREY, "PPM"), "not an image file"),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_images_without_a_meaning_are_refused(content, message):
    with pytest.raises(ValueError, match=f"line.png.*{message}|{message}"):
        read_grey(content, "line.png")


def _lines_in_folder(data_home, files, table):
    folder = data_home / "RenAIssance"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / hand_cut.LINE_IMAGES.name, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    (folder / hand_cut.LINE_TEXTS.name).write_text(table, "utf-8")


def test_line_images_lie_in_folders_or_not(data_home):
    content, table = _file(RGBA), "image,text\nbook1_00_01.png,uno\nlines/book1_01_01.png,dos\n"
    files = {"lines\\book1_00_01.png": content, "lines/book1_01_01.png": content, "__MACOSX/._book1_00_01.png": b"x"}
    _lines_in_folder(data_home, files, table)
    shown, texts, page = data.hand_cut_lines()
    assert texts == ["uno", "dos"] and page.tolist() == [1, 2] and (shown[0] == INK).all()
    assert data.load("train", source="official", task="lines").X.shape[0] == 2
    for extra, line, message in [
        ({"other/book1_00_01.png": content}, "", "lines/book1_00_01.png and other/book1_00_01.png may both be it"),
        ({}, "book1_05_01.png,tres\n", "which file is book1_05_01.png .* it has 3 other images"),
        ({}, "line.png,tres\n", "expected columns image and text, as book1_00_01.png,DEDICATORIA"),
        ({}, "book1_05_01.png\n", "a line has no text"),
        ({}, "book1_00_01.png,dos\n", "csv: lines/book1_00_01.png has two rows"),
        ({}, "book1_05_01.png,señor, y a vos\n", "row of book1_05_01.png has more cells than columns: .* in quotes"),
        ({}, 'book1_05_01.png,"tres\nbook1_06_01.png,quatro"\n', "several lines .* is a quote not closed"),
        ({}, 'book1_05_01.png,"tres\nbook1_06_01.png,quatro\n', "expected columns image and text.* unexpected end"),
        ({}, "book1_05_01.png, \n", "the row of book1_05_01.png has an empty text"),
        ({}, "book1_-5_01.png,tres\n", "negative page"),
        *(({"book1_05_01.png": _file(Image.new("L", size, 255))}, "book1_05_01.png,tres\n", f"book1_05_01.png: {fault}")
          for size, fault in (((1, 1), "a line image has shape"), ((90, 30), "the line image is empty"),
                              ((100_000, 99), "a line image is at most 50 times"))),
    ]:  # fmt: skip
        _lines_in_folder(data_home, {**files, **extra}, table + line)
        with pytest.raises(ValueError, match=message):
            data.hand_cut_lines()
    _lines_in_folder(data_home, {**files, "book1_05_01.png": content}, table)
    with pytest.warns(UserWarning, match="lines_book1_pages01_19.zip: book1_05_01.png has no row in .* 1 in all"):
        assert data.hand_cut_lines()[1] == ["uno", "dos"]


def test_official_book(real_samples, monkeypatch):
    if not (real_samples / "RenAIssance" / data.SCAN.name).is_file():
        pytest.skip("no scan")
    monkeypatch.setenv("DEEPLEARN_DATA", str(real_samples))
    valid = data.load("valid", source="official")
    assert valid.meta["page"].tolist() == [17, 18, 19]
    assert [text.count("\n") + 1 for text in valid.y] == [24, 24, 24]
    assert data.load("test", 2, source="official").y is None


def test_submission_is_a_folder_of_texts(tmp_path):
    texts = ["Señora\nde España", "segunda"]
    path = TEXTS.write(tmp_path / "out", texts)
    assert sorted(p.name for p in path.iterdir()) == ["page_001.txt", "page_002.txt"]
    assert TEXTS.read(path, 2).tolist() == texts
    assert TEXTS.accepts("page_001.txt") and not TEXTS.accepts("page_1.txt") and not TEXTS.accepts("../page_001.txt")
    assert TEXTS.accepts("page_1000.txt") and not TEXTS.accepts("page_0001.txt") and not TEXTS.accepts("page_000.txt")
    scores = CHALLENGE.task("pages").score(np.array(texts, dtype=object), path)
    assert scores["CER"] == 0 and scores["F1"] == 1


@pytest.mark.parametrize("values", ["a page", {"page_001": "a page"}, {"a page", "another"}, b"a page", None])
def test_texts_in_no_order_are_refused(tmp_path, values):
    with pytest.raises(SubmissionError, match="expected a list of texts, one a page, not one"):
        TEXTS.write(tmp_path, values)
    assert not list(tmp_path.iterdir())


def test_pages_have_numbers_of_any_length(tmp_path):
    texts = [str(i) for i in range(1001)]
    folder = TEXTS.write(tmp_path, texts)
    assert TEXTS.read(folder, 1001).tolist() == texts and TEXTS.accepts("page_1001.txt")
    assert not any(TEXTS.accepts(f"page_{number}.txt") for number in ("0001", "01000", "000", "١٢٣"))
    with pytest.raises(SubmissionError, match="page_1000.txt: the test set has 999 pages only"):
        TEXTS.read(folder, 999)


def test_bad_submissions_are_refused(tmp_path):
    folder = tmp_path / "out"
    with pytest.raises(SubmissionError, match="expected a folder"):
        TEXTS.read(folder, 1)
    TEXTS.write(folder, ["a", "b"])
    with pytest.raises(SubmissionError, match="page_003.txt: no such file"):
        TEXTS.read(folder, 3)
    with pytest.raises(SubmissionError, match="1 pages only"):
        TEXTS.read(folder, 1)
    page = folder / "page_002.txt"
    page.write_bytes("Señora".encode("latin-1"))
    with pytest.raises(SubmissionError, match="not UTF-8.*Latin-1"):
        TEXTS.read(folder, 2)
    page.write_bytes(b"x" * 30_000)
    with pytest.raises(SubmissionError, match="more than"):
        TEXTS.read(folder, 2)
    page.write_bytes(b"a\x00b")
    with pytest.raises(SubmissionError, match="control characters"):
        TEXTS.read(folder, 2)
    page.unlink()
    page.symlink_to(tmp_path / "elsewhere.txt")
    with pytest.raises(SubmissionError, match="a link"):
        TEXTS.read(folder, 2)
    with pytest.raises(SubmissionError, match="expected a text"):
        TEXTS.write(tmp_path / "other", [3])
