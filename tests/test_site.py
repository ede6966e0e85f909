"""The site: every page, link, picture and formula, as files and (where Chromium is installed) in a browser."""

import json
import re
import shutil
from copy import copy
from urllib.parse import urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup

from common import pages, site
from common.challenge import registry
from common.hackathon import leaderboard
from common.notebook_files import find, label

BOARD = {
    "event": "Test <event>", "deadline": "2024-07-29T18:00:00+02:00", "due": "Monday, 18:00 CET",
    "rejected": [{"file": "x.zip", "received": "2024-07-29T15:00:00Z", "reason": "<b>bold</b>"}],
    "boards": [{
        "challenge": "Higgs", "task": "classification", "title": "Higgs boson", "n": 10, "metrics": ["AUC", "accuracy"],
        "higher_is_better": True,
        "ranking": [{"rank": 1, "team": "A team whose name is as long as it may be, and then some", "members": [],
                     "scores": {"AUC": 0.8, "accuracy": 0.7}, "interval": [0.75, 0.85], "within_noise": True,
                     "received": "2024-07-29T15:00:00Z", "file": "a.zip"}],
        "baselines": [{"name": "Trees", "scores": {"AUC": 0.7, "accuracy": 0.6}, "interval": [0.65, 0.75], "ahead": 1}],
        "history": [{"team": "A", "members": [], "scores": {"AUC": 0.8}, "interval": [0.75, 0.85], "late": True,
                     "received": "2024-07-29T15:00:00Z", "file": "a.zip"}],
    }],
}  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site with a leaderboard."""
    place = tmp_path_factory.mktemp("site")
    shutil.copyfile(site.events.EXAMPLE, place / "event.toml")
    (place / "leaderboard.json").write_text(json.dumps(BOARD))
    site.build(place / "out", place, quick=True)
    return place / "out"


@pytest.fixture(scope="module")
def soups(built):
    """Each page, parsed: by path."""
    return {path: BeautifulSoup(path.read_text("utf-8"), "html.parser") for path in sorted(built.rglob("*.html"))}


def test_every_challenge_and_notebook_has_its_page(built):
    names = {path.relative_to(built).as_posix() for path in built.rglob("*.html")}
    assert {"index.html", "event.html", "leaderboard.html", "rules.html"} <= names
    assert {"teaching.html", "benchmarks.html"} <= names
    assert {f"{folder}/{page}.html" for folder in registry() for page in ("index", "notes")} <= names
    assert {label(path.with_suffix(".html")) for path in find()} <= names


def test_links_and_pictures_lead_somewhere_and_nothing_is_loaded_from_elsewhere(soups):
    for path, soup in soups.items():
        for tag in soup.find_all(["img", "link", "script", "iframe"]):
            if tag.name == "script" and "src" not in tag.attrs:
                continue  # it stands in the page
            address = tag.get("src") or tag.get("href") or ""
            if not address.startswith("data:"):
                assert not urlsplit(address).scheme, f"{path}: {address}"
                assert (path.parent / address).is_file(), f"{path}: {address}"
        for tag in soup.find_all("a", href=True):
            parts = urlsplit(tag["href"])
            if not parts.scheme:
                target = path if not parts.path else path.parent / parts.path
                assert target.is_file(), f"{path}: {tag['href']}"


def test_pages_can_be_heard_and_steered_by_keys(soups):
    for path, soup in soups.items():
        assert soup.html["lang"] == "en" and soup.title.text.strip(), path
        assert len(soup.find_all("h1")) == 1, path
        assert soup.find("a", class_="skip")["href"] == "#main" and soup.find("main", id="main")
        assert all(image.get("alt") for image in soup.find_all("img")), path
        levels = [int(tag.name[1]) for tag in soup.find_all(re.compile("^h[1-6]$"))]
        assert all(b <= a + 1 for a, b in zip(levels, levels[1:], strict=False)), f"{path}: {levels}"


def test_formulas_are_drawn_by_the_browser_itself(built, soups):
    for path, soup in soups.items():
        assert not soup.select("code.latex"), f"{path}: a formula that cannot be set"
        main = copy(soup.main)
        for tag in main.find_all(["pre", "code", "math"]):
            tag.decompose()
        text = main.get_text()
        assert "$" not in text and not re.search(r"\\(frac|mathrm|theta|sqrt)", text), path
    higgs = soups[built / "Higgs" / "Higgs.html"]
    assert len(higgs.find_all("math")) > 10


def test_the_gallery_has_picture_task_score_and_run_time(built, soups):
    items = soups[built / "index.html"].select(".gallery li")
    assert len(items) == len(registry())
    for item in items:
        terms = [term.text for term in item.find_all("dt")]
        assert item.img and terms[:2] == ["Task", "Metric"] and len(terms) > 2
        assert all(re.search(r"\d.*; runs .*minute", fact.text) for fact in item.find_all("dd")[2:]), item.h2.text


def test_the_leaderboard_is_escaped(built):
    text = (built / "leaderboard.html").read_text("utf-8")
    for part in ("Test &lt;event&gt;", "Monday, 18:00 CET", "1 submission,", "&lt;b&gt;bold", "(late)"):
        assert part in text


def test_a_folder_in_use_is_not_replaced(built, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(ValueError, match="in use"):
        site.build(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"
    monkeypatch.setattr(site, "_write", lambda *_: pytest.fail("written"))
    monkeypatch.chdir(built)
    for out in (".", ".."):
        with pytest.raises(ValueError, match="in use: name a new folder"):
            site.build(out)


def test_only_its_own_files_are_replaced(built, tmp_path):
    (tmp_path / "site.css").write_text("body {}")
    with pytest.raises(ValueError, match="in use: name a new folder"):
        site.build(tmp_path)
    site._check_own(built)
    copied = shutil.copytree(built, tmp_path / "site")
    (copied / "Higgs" / "thesis.html").write_text("precious")
    with pytest.raises(ValueError, match="in use: Higgs/thesis.html in it is not of the site"):
        site.build(copied)
    assert (copied / "Higgs" / "thesis.html").read_text() == "precious"


def test_a_link_stays_one_and_an_empty_folder_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "_write", lambda made, *_: made.mkdir() or (made / "index.html").write_text("new"))
    (tmp_path / "www").mkdir()
    link = tmp_path / "link"
    link.symlink_to("www")
    site.build(link)
    assert link.is_symlink() and (tmp_path / "www" / "index.html").read_text() == "new"


def test_what_comes_into_the_folder_meanwhile_is_kept(built, tmp_path, monkeypatch):
    copied = shutil.copytree(built, tmp_path / "site")
    monkeypatch.setattr(site, "_write", lambda made, *_: made.mkdir() or (copied / "CNAME").write_text("my.org"))
    with pytest.raises(ValueError, match="in use: CNAME in it is not of the site"):
        site.build(copied)
    assert (copied / "CNAME").read_text() == "my.org" and (copied / site.FILES).is_file()


@pytest.mark.parametrize("content, message", [
    (None, "has no leaderboard yet: run python -m common.hackathon score first"),
    ("", "leaderboard.json is damaged .*: run python -m common.hackathon score again"), ("[]", "is damaged"),
    ("{}", "is damaged"), ('{"boards": 3}', "is damaged"), ('{"boards": [{"ranking": [{}]}]}', "is damaged"),
    ("<<<<<<< HEAD", "is damaged"), ("[" * 100_000, "is damaged"), (b"\xff", "is damaged"), ("null", "is damaged"),
])  # fmt: skip
def test_an_event_without_a_sound_leaderboard(tmp_path, capsys, content, message):
    shutil.copyfile(site.events.EXAMPLE, tmp_path / "event.toml")
    if content is not None:
        (tmp_path / "leaderboard.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    assert site.main(["--event", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert re.search(message, error) and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("source, message", [
    ("[x](nowhere.md)", "leads nowhere"), ("![x](nowhere.png)", "no picture"), ("![](picture.png)", "no description"),
])  # fmt: skip
def test_broken_links_stop_the_site(source, message):
    with pytest.raises(pages.BrokenLink, match=message):
        pages.relinked(pages.markdown(source), "Higgs/README.md", {}, "Higgs/index.html")


# --------------------------------------------------------------------------------------------------
# In a browser


@pytest.mark.parametrize("scheme, width", [("light", 390), ("dark", 1200)])
def test_pages_in_a_browser(built, address, browser, scheme, width):
    """No error, no request to elsewhere, no horizontal scroll, pictures loaded, formulas drawn."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page, errors, requests = context.new_page(), [], []
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(request.url))
    page.on("request", lambda request: requests.append(request.url))
    for path in sorted(built.rglob("*.html")):
        name = path.relative_to(built).as_posix()
        page.goto(urljoin(address, name), wait_until="load")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} scrolls by {wide} px at {width} px"
        broken = page.evaluate("[...document.images].filter(i => !i.naturalWidth).map(i => i.src.slice(0, 80))")
        assert broken == [], name
        flat = page.evaluate(
            "[...document.querySelectorAll('math')].filter(m => m.getBoundingClientRect().height < 5).length"
        )
        assert flat == 0, f"{name}: formulas without a height"
    context.close()
    assert errors == []
    assert all(request.startswith((address, "data:")) for request in requests)


def test_a_slider_of_an_explorer_moves_the_picture(built, address, browser):
    """With a kernel nowhere, by keys alone, and from a file on disk; without JavaScript the figure stands there."""
    for start in (address, built.as_uri() + "/"):
        page = browser.new_page()
        page.goto(start + "Higgs/Higgs.html")
        explorer = page.locator(".explorer").last
        slider, image = explorer.locator("input[type=range]").first, explorer.locator("img")
        before = image.get_attribute("src"), image.get_attribute("alt"), slider.get_attribute("aria-valuetext")
        slider.focus()
        page.keyboard.press("ArrowRight")
        after = image.get_attribute("src"), image.get_attribute("alt"), slider.get_attribute("aria-valuetext")
        assert all(a != b for a, b in zip(before, after, strict=True)), (before[1:], after[1:])
        assert explorer.locator("figcaption").inner_text() == after[1]
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address + "Higgs/Higgs.html")
    assert page.locator(".explorer img").first.get_attribute("alt")
    assert page.locator(".explorer input").count() == 0
    context.close()


def test_search_contents_theme_copy_and_download(built, soups, browser):
    """From files on a disk, with no server."""
    page = browser.new_page(viewport={"width": 1500, "height": 900}, color_scheme="light")
    page.goto(built.as_uri() + "/search.html")
    page.locator("#query").fill("temperature scaling")
    links = page.locator("#found a")
    assert any("Higgs" in text for text in links.all_inner_texts())
    page.locator("#query").fill("no such word anywhere")
    assert links.count() == 0 and page.locator("#status").inner_text() == "0 sections found"

    page.goto(built.as_uri() + "/Higgs/Higgs.html")
    page.evaluate("document.getElementById('Summary').scrollIntoView()")
    page.wait_for_selector(".toc a[aria-current]:has-text('Summary')")
    paper = "getComputedStyle(document.body).backgroundColor"
    before = page.evaluate(paper)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(paper) != before
    page.reload()
    assert page.evaluate(paper) != before
    page.get_by_role("button", name="Copy this code").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".copy:text-matches('Copied|Selected')")
    page.close()
    for path, soup in soups.items():
        for link in soup.select(".around a"):
            assert (path.parent / link["href"]).is_file(), link
    higgs = soups[built / "Higgs" / "Higgs.html"]
    assert [link.get("rel", ["download"])[0] for link in higgs.select(".around a")] == ["download", "next"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_that_axe_finds_is_serious(built, browser, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    found = []
    for name in ("index.html", "search.html", "leaderboard.html", "rules.html", "Higgs/index.html", "Higgs/Higgs.html"):
        page.goto(built.as_uri() + "/" + name)
        found += [
            f"{name}: {one['id']}: {node['html'][:100]}"
            for one in axe.run(page).response["violations"] for node in one["nodes"]
        ]  # fmt: skip
    context.close()
    assert found == []


def rows(*teams):
    """The ranking and the history of teams whose first is the best."""
    row = {"members": [], "interval": [0.75, 0.85], "received": "2024-07-29T15:00:00Z", "file": "a.zip"}
    scores = [{"AUC": 0.8 - place / 100, "accuracy": 0.7} for place in range(len(teams))]
    ranking = [{**row, "rank": place + 1, "team": team, "scores": scores[place], "within_noise": place < 2}
               for place, team in enumerate(teams)]  # fmt: skip
    earlier = [{**row, "team": team, "scores": {"AUC": 0.6}, "late": False, "received": "2024-07-09T12:30:00Z"}
               for team in teams]  # fmt: skip
    later = [{**row, "team": team, "scores": own, "late": False} for team, own in zip(teams, scores, strict=True)]
    return {"ranking": ranking, "history": [*earlier, *later]}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_leaderboard_by_itself_is_filtered_by_keys_and_fits_a_telephone(tmp_path, browser, scheme):
    """From a file, under a policy that lets no other script run; axe finds nothing."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    names = ["Café Quark", "Muons", "<script>alert(1)</script>", *(f"Team number {k}" for k in range(12))]
    parts = [{**BOARD["boards"][0], "task": task, **rows(*names)} for task in ("one", "two")]
    parts.append({**parts[0], "challenge": "NMRSpin", "title": "NMR spin", "metrics": ["AUC", "accuracy"]})
    board = {**BOARD, "boards": parts, "overall": leaderboard.overall(parts), "anonymous": True}
    (tmp_path / "leaderboard.html").write_text(pages.leaderboard(board), "utf-8")
    (tmp_path / "rules.html").write_text(pages.rules(site.events.load()), "utf-8")
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text))
    page.on("dialog", lambda dialog: errors.append(dialog.message) or dialog.dismiss())
    for name in ("rules", "leaderboard"):
        page.goto((tmp_path / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        violations = axe.run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"][:100]) for one in violations] == []
    visible = "[...document.querySelectorAll('tr[data-team]')].filter(row => row.offsetHeight).map(r => r.dataset.team)"
    assert len(page.evaluate(visible)) == 4 * len(names)
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "team":
            break
    page.keyboard.type("CAFE")
    assert page.evaluate(visible) == ["Café Quark"] * 4 and page.locator("[role=status]").inner_text() == "1 team"
    assert page.locator("path.found").count() == 3 and page.locator("path.away").count() == 3 * (len(names) - 1)
    page.keyboard.press("Escape")
    assert len(page.evaluate(visible)) == 4 * len(names)
    # a table that is wider than the page is scrolled with the keys, and shows that it goes on
    page.set_viewport_size({"width": 280, "height": 844})
    table = page.locator(".scroll").nth(1)
    assert table.evaluate("table => table.scrollWidth > table.clientWidth && table.tabIndex === 0")
    assert "linear-gradient" in table.evaluate("table => getComputedStyle(table).backgroundImage")
    context.close()
    assert errors == []


def test_keys_reach_the_content(address, browser):
    page = browser.new_page()
    page.goto(address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    page.close()
