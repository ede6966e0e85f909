"""Simulated lines and pages of the RenAIssance challenge: spelling, geometry, what the real lines look like."""

import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from RenAIssance import (
    data,
    export,
    hand_cut,
    latin,
    lines,
    metrics,
    model,
    orientation,
    pages,
    press,
    presses,
    rules,
    scan,
    simulate,
    spelling,
)


@pytest.fixture(scope="module")
def raw():
    return simulate.raw_lines(150, 5)


@pytest.fixture(scope="module")
def spread():
    return pages.spreads(1, 3)


@pytest.fixture
def real_lines(real_samples, monkeypatch):
    folder = real_samples / "RenAIssance"
    if not (folder / hand_cut.LINE_IMAGES.name).is_file():
        pytest.skip("no hand-cut lines")
    monkeypatch.setenv("DEEPLEARN_DATA", str(real_samples))
    return data.hand_cut_lines()


def test_the_compositor_sets_long_s_and_v_by_position():
    rng = np.random.default_rng(0)
    for word, ink, text in [("uso", "vſo", "uso"), ("vivas", "viuas", "vivas"), ("SUS", "SVS", "SUS")]:
        assert spelling.printed(word, rng) == (ink, text)
    assert spelling.printed("des", rng, final=False)[0] == "deſ"  # the word goes on in the next line


def test_transcriptions_keep_no_old_letters_and_tildes_stay_unexpanded(raw):
    _, texts, printed = raw
    assert set("".join(texts)) <= set(spelling.ALPHABET)
    assert "ſ" in "".join(printed)
    rng = np.random.default_rng(1)
    forms = {spelling.printed("que", rng) for _ in range(300)}
    assert forms == {("que", "que"), ("q\u0303", "q")}
    forms = {spelling.printed("siempre", rng) for _ in range(1500)}
    assert ("ſie\u0303pre", "siepre") in forms


def test_words_divide_before_a_syllable():
    assert 5 not in spelling.breaks("maestro")  # maest-ro would divide the tr
    assert spelling.breaks("corazon") == [2, 4]


def test_same_seed_same_bytes_and_another_seed_others():
    a, b, c = (simulate.lines(5, seed) for seed in (1, 1, 2))
    assert a.X.tobytes() == b.X.tobytes() and a.y == b.y
    assert a.y != c.y
    assert a.X.shape == (5, lines.HEIGHT, lines.WIDTH) and a.X.dtype == np.uint8


def test_lines_of_many_presses():
    """The same seed the same bytes; roman and italic, numbers and Latin; in letters that the reader writes."""
    a, b = presses.lines(60, 4), presses.lines(6, 4)
    assert np.array_equal(a.X[:6, :, : b.X.shape[2]], b.X) and a.y[:6] == b.y
    assert a.X.shape[1] == lines.HEIGHT and (a.meta["width"] <= a.X.shape[2]).all()
    written = "".join(a.y)
    assert set(written) <= set(spelling.ALPHABET) and set(written) & set("0123456789") and "&" in written
    typesetter = latin.Typesetter(np.random.default_rng(1))
    styles = [{italic for _, italic in typesetter.line(50)[0]} for _ in range(60)]
    assert {True, False} in styles


def test_what_a_face_lacks_is_set_in_other_letters():
    """The Computer Modern of matplotlib has neither long s nor accents; DejaVu has both."""
    bare = press.Face("matplotlib", "cmr10.ttf")
    assert presses.castable("ſe\u0303pre", bare) == "sepre"
    assert presses.castable("ſe\u0303pre", press.OTHER_PRESS) == "ſe\u0303pre"


def test_a_folder_of_type(tmp_path):
    with pytest.raises(ValueError, match="no pair of faces"):
        presses.pairs_in(tmp_path)
    whole = press.BOOK_TYPE.path().read_bytes()
    for name in ("Old-Regular.ttf", "Old-Italic.ttf", "Alone.ttf"):
        (tmp_path / name).write_bytes(whole)
    [(roman, italic)] = presses.pairs_in(tmp_path)
    assert (roman.path().name, italic.path().name) == ("Old-Regular.ttf", "Old-Italic.ttf")
    for name, damaged in (("A", b""), ("B", whole.replace(b"maxp", b"maxx", 1)), ("C", whole[: len(whole) // 2])):
        (tmp_path / f"{name}.ttf").write_bytes(whole)
        (tmp_path / f"{name}-Italic.ttf").write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{name}-Italic.ttf: no font, or a damaged one"):
            presses.pairs_in(tmp_path)
        (tmp_path / f"{name}.ttf").unlink()


def test_lines_look_like_the_real_ones(raw, real_lines):
    """Component height, stroke width, share of ink and height of the crop, medians within 15 %."""
    simulated, real = (np.median(lines.statistics(images), axis=0) for images in (raw[0], real_lines[0]))
    assert np.allclose(simulated, real, rtol=0.15)


def test_real_lines_are_brought_to_one_x_height(real_lines):
    """On normalised lines the ink sets in and ceases at the edges of the x band, 14 rows apart."""
    profile = np.mean([lines.normalise(image).mean(axis=1) for image in real_lines[0][20:220:4]], axis=0)
    change = np.diff(profile)
    rise, fall = change.argmax(), change.argmin()
    assert abs(fall - rise - lines.X_HEIGHT) <= 2
    assert abs((rise + fall) / 2 + 0.5 - lines.HEIGHT / 2) <= 2


def test_a_sloping_line_is_made_level():
    image, _, _ = (x[0] for x in simulate.raw_lines(1, 8, effects=simulate.Effects(warp=False, furniture=False)))
    ink = 255 * (~image).astype(np.uint8)
    before = lines.slope_of(ink)
    tilted = press.shift_columns(
        np.pad(ink, ((20, 20), (0, 0))), np.rint(0.02 * (np.arange(ink.shape[1]) - ink.shape[1] / 2)).astype(int)
    )
    assert abs(before) < 0.004
    assert abs(lines.slope_of(tilted) - before - 0.02) < 0.004


def _sharpness(image):
    """Of the rows of a line image: that of `lines.slope_of`."""
    profile = (~image).sum(axis=1).astype(float)
    return ((profile[3:] - profile[:-3]) ** 2).sum()


def test_a_curling_line_is_made_straight():
    """The page's corner lifts the last quarter of a line by half an x-height, and the whole line sags as much."""
    image = simulate.raw_lines(1, 8, effects=simulate.Effects(warp=False, furniture=False, neighbours=False))[0][0]
    flat = np.pad(image, ((20, 20), (0, 0)), constant_values=True)
    t = np.linspace(0, 1, flat.shape[1])
    curve = 12 * np.sin(np.pi * t) - 12 * np.clip(4 * t - 3, 0, 1)
    curled = ~press.shift_columns(~flat, np.rint(curve).astype(int))
    straight = lines.straight(curled)
    assert straight.dtype == bool and straight.shape == curled.shape
    assert _sharpness(curled) < 0.5 * _sharpness(flat)
    assert _sharpness(straight) > 0.7 * _sharpness(flat)
    grey = np.where(curled, 250, 5).astype(np.uint8)
    assert np.array_equal(lines.straight(grey) > 127, straight)


@pytest.mark.parametrize("image", [
    np.zeros((0, 0), np.uint8), np.full((50, 300), 255, np.uint8), np.zeros((9, 9, 3)), np.zeros((1, 1), np.uint8),
    np.zeros((100, 100_000), np.uint8), np.zeros((100_000, 100), np.uint8),
])  # fmt: skip
def test_an_image_without_a_line_is_refused(image):
    for make in (lines.normalise, lines.straight):
        with pytest.raises(ValueError, match="line image"):
            make(image)


def test_the_widest_and_the_faintest_line_are_read_as_any(raw):
    image = next(image for image in raw[0] if image.shape[1] < 10 * image.shape[0])
    grey = np.where(image, 255, 0).astype(np.uint8) if image.dtype == bool else image
    faint = 255 - (255 - grey) // 255 * 100  # no pixel is darker than half
    assert lines.slope_of(255 - faint) == 0 and (lines.straight(faint) < 255).sum() == (faint < 255).sum()
    wide = np.pad(grey, ((0, 0), (0, lines.LONGEST * len(grey) - grey.shape[1])), constant_values=255)
    assert lines.normalise(wide).shape[1] <= model.WIDEST
    with pytest.raises(ValueError, match="at most 50 times"):
        lines.normalise(np.pad(wide, ((0, 0), (0, 1)), constant_values=255))


def test_all_lines_of_a_spread_are_found_where_they_are(spread):
    """Both pages: the number of lines, and their centres within half an x-height of the truth."""
    big = np.asarray(press.Image.fromarray(spread.X[0]).resize((2480, 1820)))
    for side, (page, text) in enumerate(zip(scan.split(big), spread.y[0].split("\f"), strict=True)):
        found = scan.layout(page)
        assert len(found.lines) == text.count("\n") + 1
        truth = np.nanmean(spread.meta["lines"][0, side, : len(found.lines), :, 1], axis=1) * 2
        centres = np.array([(top + bottom) / 2 for _, top, _, bottom in found.lines])
        assert np.abs(centres - truth).max() < scan.DPI / 300 * 20


def test_a_spread_has_text_in_two_forms(spread):
    text, printed = spread.y[0], spread.meta["printed"][0]
    assert text.count("\n") == printed.count("\n") and "ſ" in printed and "ſ" not in text
    assert spread.X.dtype == np.uint8 and spread.X.shape == (1, 910, 1240)


def test_effects_of_a_page_can_be_left_out(spread):
    """Nothing but text on white paper has less ink, and the same lines."""
    bare = pages.Effects(*[False] * 7)
    plain = pages.spreads(1, 3, effects=bare)
    assert (plain.X < 128).mean() < (spread.X < 128).mean()
    big = np.asarray(press.Image.fromarray(plain.X[0]).resize((2480, 1820)))
    counts = [len(scan.layout(page).lines) for page in scan.split(big)]
    assert counts == [text.count("\n") + 1 for text in plain.y[0].split("\f")]


def _found_and_printed(spread):
    """For each page of a spread the number of lines that are found, and of those that are printed."""
    big = np.asarray(press.Image.fromarray(spread.X[0]).resize((2480, 1820)))
    found = [len(scan.layout(page).lines) for page in scan.split(big)]
    return found, [text.count("\n") + 1 for text in spread.y[0].split("\f")]


@pytest.mark.parametrize("seed, effects", [
    (102, pages.OTHER_BOOK), (109, replace(pages.OTHER_BOOK, frame=False)),
    (2001, pages.Effects(frame=False, columns=True, bowed=True, woodcut=True)),
    (2001, pages.Effects(margins=True, shadow=True)),
], ids=["other book", "other book without frame", "two columns", "notes on both sides and a shadow"])  # fmt: skip
def test_lines_of_other_books_are_found(seed, effects):
    """Titles, initials, vignettes, short last lines, bowed pages, broken rules or none, columns, notes, shadow."""
    found, printed = _found_and_printed(pages.spreads(1, seed, effects=effects))
    assert found == printed


def test_bowed_lines_and_rules_are_followed():
    """Lines of dashes that sag by 12 pixels, and an upright rule with a gap that bends by 15."""
    columns = np.arange(1000)
    curve = np.rint(12 * (columns / 500 - 1) ** 2).astype(int)
    flat = (np.arange(1400)[:, None] % 58 < 24) & (columns % 25 < 15)
    found = scan.bow(press.shift_columns(flat, curve))
    assert np.ptp(found - curve) < 4
    rows = np.arange(1400)
    path = np.rint(300 + 15 * np.sin(np.pi * rows / 1400)).astype(int)
    rule = np.zeros((1400, 1000), bool)
    for offset in range(4):
        rule[rows, path + offset] = True
    rule[600:700] = False
    inked = np.add.reduceat(rule, rows[:: rules.STEP], axis=0, dtype=int)
    assert np.abs(rules._followed(inked, len(rows), 305, 0.0) - path - 1.5).max() < 4


def test_letters_that_touch_are_no_rule(spread):
    """A rule below stems whose feet touch; and text with so much ink that letters do keeps its ink."""
    marks = np.zeros((120, 400), bool)
    marks[36:60, 50:350] = np.arange(300) % 14 < 7
    marks[58:60, 50:350] = True
    marks[90:94, 50:350] = True
    found = rules.level_rules(marks, 90, 23)
    assert found[90:94, 60:340].all() and not found[:80].any()
    big = np.asarray(press.Image.fromarray(spread.X[0]).resize((2480, 1820)))
    page = scan.split(big)[0]
    heavy = scan.layout(page, 0.8)
    inked = press.shift_columns(scan.ink(page, 0.8), heavy.shifts)
    lost = [(inked & heavy.rules)[top:bottom, left + 20 : right - 20].sum() for left, top, right, bottom in heavy.lines]
    assert len(lost) == len(scan.layout(page).lines) and sum(lost) < 0.002 * inked.sum()


@pytest.fixture(scope="module")
def read(spread):
    """The left page of a spread, its lines as they were read, and its text."""
    big = np.asarray(press.Image.fromarray(spread.X[0]).resize((2480, 1820)))
    page = scan.split(big)[0]
    return page, export.read_page(model.load(), page), spread.y[0].split("\f")[0].split("\n")


def test_lines_and_words_are_where_they_are_printed(spread, read):
    """Baselines within half an x-height, slope and all; words within their line, one after the other."""
    page, lines_, text = read
    for line, true, corners in zip(lines_, text, 2 * spread.meta["lines"][0, 0], strict=False):
        assert metrics.error_rates([true], [line.text])["CER"] < 0.2
        box = corners[[3, 2]] - [0, 0.6 * pages.X_HEIGHT]  # from the lower edge of the letters up to the baseline
        expected = np.interp(line.baseline[:, 0], box[:, 0], box[:, 1])
        assert np.abs(line.baseline[:, 1] - expected).max() < 12
        assert " ".join(word for word, _, _ in line.words) == line.text
        left = np.array([outline[:, 0].min() for _, outline, _ in line.words])
        assert (np.diff(left) > 0).all() and left[0] >= line.outline[:, 0].min()
        assert all(0 <= sure <= 1 for _, _, sure in line.words)
        assert (line.outline >= 0).all() and (line.outline < page.shape[::-1]).all()


def _names(element):
    return [child.tag.partition("}")[2] for child in element]


def test_a_page_as_page_xml(read):
    """Elements in the order and with the attributes that the schema of 2019-07-15 asks for."""
    page, lines_, _ = read
    root = ElementTree.fromstring(export.page_xml(lines_, page.shape, "page_001.png"))
    assert root.tag == f"{{{export.PAGE}}}PcGts" and _names(root) == ["Metadata", "Page"]
    assert _names(root[0]) == ["Creator", "Created", "LastChange"]
    assert root[1].attrib == {"imageFilename": "page_001.png", "imageWidth": str(page.shape[1]),
                              "imageHeight": str(page.shape[0])}  # fmt: skip
    [block] = root[1]
    assert _names(block) == ["Coords", *["TextLine"] * len(lines_), "TextEquiv"]
    for element, line in zip(block[1:-1], lines_, strict=True):
        assert _names(element) == ["Coords", "Baseline", *["Word"] * len(line.words), "TextEquiv"]
        assert element[-1][0].text == line.text
        for word in element[2:-1]:
            assert _names(word) == ["Coords", "TextEquiv"] and 0 <= float(word[1].get("conf")) <= 1
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    points = [e.get("points") for e in root.iter() if e.get("points") is not None]
    assert all(re.fullmatch(r"([0-9]+,[0-9]+ )+[0-9]+,[0-9]+", value) for value in points)


def test_a_page_as_hocr(read):
    """Each element with its class and box, and each word with its confidence in percent."""
    page, lines_, _ = read
    root = ElementTree.fromstring(export.hocr(lines_, page.shape, "page_001.png"))
    assert {meta.get("name") for meta in root.iter(f"{{{export.XHTML}}}meta")} >= {"ocr-system", "ocr-capabilities"}
    of_class = Counter(element.get("class") for element in root.iter() if element.get("class"))
    n_words = sum(len(line.words) for line in lines_)
    assert of_class == {"ocr_page": 1, "ocr_carea": 1, "ocr_line": len(lines_), "ocrx_word": n_words}
    for element in root.iter(f"{{{export.XHTML}}}span"):
        left, top, right, bottom = map(int, re.search(r"bbox (\d+) (\d+) (\d+) (\d+)", element.get("title")).groups())
        assert left < right <= page.shape[1] and top < bottom <= page.shape[0]
        assert element.get("class") == "ocr_line" or re.search(r"x_wconf \d+$", element.get("title"))


def test_a_page_as_alto(read):
    page, lines_, _ = read
    root = ElementTree.fromstring(export.alto(lines_, page.shape, "page_001.png"))
    printed = list(root.iter(f"{{{export.ALTO}}}TextLine"))
    for element, line in zip(printed, lines_, strict=True):
        strings = element.findall(f"{{{export.ALTO}}}String")
        assert " ".join(string.get("CONTENT") for string in strings) == line.text
        assert all(0 <= float(string.get("WC")) <= 1 for string in strings)
        assert len(element.get("BASELINE").split()) == 5


def test_a_book_is_exported(spread, tmp_path, capsys):
    """Images and files of its pages; a blank one is left out; what is no book is refused in one line."""
    book, folder = tmp_path / "book.pdf", tmp_path / "out"
    sheet = press.Image.fromarray(spread.X[0, :, :620])  # the left page
    images = [sheet, press.Image.new("L", sheet.size, 230)]
    images[0].save(book, save_all=True, append_images=images[1:], resolution=150)
    assert export.main([str(book), str(folder), "--format", "page", "hocr"]) == 0
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["page_001.html", "page_001.png", "page_001.xml"]
    assert "page 2: left out" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        export.main([str(tmp_path / "none.pdf"), str(folder)])
    assert "cannot be read" in capsys.readouterr().err


def test_an_export_overwrites_nothing_and_leaves_no_half_files(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(scan, "pages", lambda path: 2 * [np.full((9, 9), 255, np.uint8)])
    monkeypatch.setattr(export, "read_page", lambda *_: pytest.fail("read"))
    for name in ("page_001.png", "page_002.alto.xml"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(SystemExit):
            export.main(["book.pdf", str(tmp_path), "--format", "page", "alto"])
        assert f"{tmp_path / name} is there already: move it away" in capsys.readouterr().err
        assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
        (tmp_path / name).unlink()
    monkeypatch.setattr(export, "read_page", lambda *_: [])
    monkeypatch.setattr(press.Image.Image, "save", full)
    with pytest.raises(SystemExit):
        export.main(["book.pdf", str(tmp_path)])
    assert "the disk is full" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_shadow_makes_no_page_a_negative(spread):
    """Three quarters of the page in the dark; the page itself, inverted, is one."""
    page = spread.X[0].copy()
    page[:, 300:] = page[:, 300:] * 0.3
    assert np.median(page) < 128 and not orientation.is_negative(page)
    assert orientation.is_negative(255 - spread.X[0])


def test_blank_pages_are_refused():
    with pytest.raises(ValueError, match="blank"):
        scan.layout(np.full((1800, 1200), 230, np.uint8))
    with pytest.raises(ValueError, match="grey image"):
        scan.layout(np.zeros((10, 10), np.uint8))


def test_every_line_of_the_real_scan_is_found(real_samples):
    """31 pages: 24 lines but for title pages and ends of chapters."""
    path = real_samples / "RenAIssance" / data.SCAN.name
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    expected = {0: 19, 5: 18, 6: 21, 14: 22}  # as in the transcription
    chosen = [0, 6, 13, 14, 15]
    all_pages = scan.pages(path)
    assert len(all_pages) == 31
    assert [len(scan.layout(all_pages[i]).lines) for i in chosen] == [expected.get(i, 24) for i in chosen]
