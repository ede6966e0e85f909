"""Pages that are read without a network: notebooks, texts in Markdown and the leaderboard as HTML.

Formulas become MathML, which browsers draw themselves, and pictures are part of the page or lie beside it.
"""

import html
import json
import posixpath
import re
from base64 import b64encode
from copy import deepcopy
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit

import bleach
import latex2mathml.converter
from bleach.css_sanitizer import CSSSanitizer
from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader, select_autoescape
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from common.challenge import ROOT
from common.colab import REPO, TAG
from common.hackathon import guide, history
from common.notebook_files import FRAMES

TEMPLATES = Path(__file__).with_name("templates")
# What is left of a page that anybody may have written: text, tables, pictures inside the page, and formulas
TAGS = frozenset(
    "a abbr b blockquote br caption center cite code col colgroup dd del details div dl dt em figcaption figure h1 h2"
    " h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th"
    " thead tr u ul var math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle mpadded mphantom mfenced menclose"
    " msub msup msubsup munder mover munderover mmultiscripts mprescripts mtable mtr mtd".split()
)
ATTRIBUTES = frozenset(
    "alt align border class colspan height id lang rowspan scope span start style title width display xmlns mathvariant"
    " mathcolor mathsize stretchy accent accentunder minsize maxsize lspace rspace fence form movablelimits largeop"
    " linethickness notation open close separators columnalign rowalign columnlines rowlines frame displaystyle"
    " scriptlevel depth voffset".split()
)
DARK = """\
:root { color-scheme: dark; --ink: #e6e9ee; --soft: #b3bcc9; --line: #39424f; --paper: #14181e; --tint: #1e242c; --link: #8ec1f7; --mark: #fb923c; --shade: #fff4; }
:root img { background: #fff; }"""  # noqa: E501
FOOTER = "DeepLearn hackathon: machine learning on real scientific problems. BSD-3-Clause."


class BrokenLink(ValueError):
    """A link or a picture that leads nowhere."""


class _Renderer(IPythonRenderer):
    """Markdown with formulas as MathML."""

    def block_math(self, body):
        return _mathml(body, "block")

    def inline_math(self, body):
        return _mathml(body, "inline")

    def latex_environment(self, name, body):
        return _mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")


def _mathml(formula, display):
    """A formula of LaTeX as MathML, or its source where it is not sound."""
    source = html.unescape(formula).strip()
    try:
        return latex2mathml.converter.convert(source, display=display)
    except Exception:  # a dozen kinds of its own, and what Python raises for unfinished lists
        return f'<code class="latex">{html.escape(source)}</code>'


class _NotebookExporter(HTMLExporter):
    def markdown2html(self, context, source):
        return markdown(source)

    markdown2html.jinja_pass_arg = HTMLExporter.markdown2html.jinja_pass_arg


def markdown(source):
    """HTML of a text in Markdown."""
    return MarkdownWithMath(renderer=_Renderer(escape=False)).render(source)


def notebook(nb):
    """HTML of an executed notebook, without the set-up cell of Colab."""
    nb = deepcopy(nb)
    nb.cells = [cell for cell in nb.cells if "setup" not in cell.metadata.get("tags", [])]
    for output in (output for cell in nb.cells for output in cell.get("outputs", [])):
        if frames := output.get("metadata", {}).pop(FRAMES, None):
            output.data = {"text/html": _explorer(frames)}
    body, _ = _exporter().from_notebook_node(nb)
    return body


@cache
def _exporter():
    return _NotebookExporter(template_name="basic", exclude_input_prompt=True, exclude_output_prompt=True)


def _explorer(frames):
    """HTML of an explorer: the figure at its start, and the others for the sliders that `site.js` adds."""
    position = 0
    for options, start in zip(frames["sliders"].values(), frames["start"], strict=True):
        position = position * len(options) + start
    text = html.escape(frames["texts"][position])
    data = json.dumps(frames).replace("<", "\\u003c")
    return (
        f'<figure class="explorer"><div class="sliders"></div>'
        f'<img src="data:image/png;base64,{frames["pictures"][position]}" alt="{text}">'
        f'<figcaption>{text}</figcaption><script type="application/json">{data}</script></figure>'
    )


def harmless(body):
    """HTML that anybody may have written, without what runs, loads or hides anything; see TAGS and ATTRIBUTES."""
    soup = BeautifulSoup(body, "html.parser")
    for tag in soup.find_all(["script", "style", "template", "noscript", "iframe", "object", "embed", "title"]):
        tag.decompose()  # with what stands in them
    for image in soup.find_all("img"):
        if not image.get("src", "").startswith("data:image/"):
            image.replace_with(image.get("alt") or "picture")
    return bleach.clean(
        str(soup), tags=TAGS, attributes=_is_harmless, protocols={"http", "https", "mailto", "data"},
        strip=True, strip_comments=True, css_sanitizer=CSSSanitizer(),
    )  # fmt: skip


def _is_harmless(tag, name, value):
    """Whether an attribute may stay."""
    if tag == "a" and name == "href":
        return value.lower().startswith(("https:", "http:", "mailto:", "#"))
    if tag == "img" and name == "src":
        return value.startswith("data:image/")
    return name in ATTRIBUTES


def relinked(body, source, pages, here):
    """HTML with its links and pictures as they are on the site.

    Parameters
    ----------
    body : str
    source : str
        Path of the text in the course, such as ``"Higgs/README.md"``: relative links start there.
    pages : dict of str to str
        Page of the site by path in the course.
    here : str
        Page on which the text stands.

    Returns
    -------
    body : str
    pictures : set of str
        Paths in the course of the pictures that the page needs, under the same path on the site.

    Raises
    ------
    BrokenLink
    """
    soup = BeautifulSoup(body, "html.parser")
    start = posixpath.dirname(here) or "."
    pictures = _relink_pictures(soup, source, start)
    _relink_links(soup, source, pages, start)
    _make_wide_parts_scroll(soup)
    return str(soup), pictures


def _relink_pictures(soup, source, start):
    """Let pictures of the course be found from the folder `start` of the site; return their paths."""
    pictures = set()
    for image in soup.find_all("img"):
        address = image.get("src", "")
        if address.startswith("data:"):
            continue
        if urlsplit(address).scheme:  # a badge: nothing is loaded from elsewhere
            image.replace_with(image.get("alt") or "picture")
            continue
        path = _in_course(address, source)
        if not (ROOT / path).is_file():
            raise BrokenLink(f"{source}: no picture {address}")
        if not image.get("alt"):
            raise BrokenLink(f"{source}: the picture {address} has no description")
        pictures.add(path)
        image["src"] = posixpath.relpath(path, start)
    return pictures


def _relink_links(soup, source, pages, start):
    """Let links lead to the pages of the site, from its folder `start`, or else to the course where it is published."""
    for link in soup.find_all("a"):
        address = link.get("href", "")
        parts = urlsplit(address)
        if parts.scheme or address.startswith("#"):
            continue
        path = _in_course(parts.path, source)
        if path in pages:
            fragment = f"#{parts.fragment}" if parts.fragment else ""
            link["href"] = posixpath.relpath(pages[path], start) + fragment
        elif (ROOT / path).exists():
            link["href"] = f"{REPO}/blob/{TAG}/{path}"
        else:
            raise BrokenLink(f"{source}: the link {address} leads nowhere")


def _make_wide_parts_scroll(soup):
    """Put tables into boxes of their own, and let tables and code be scrolled with the keys."""
    for number, table in enumerate(soup.find_all("table"), start=1):
        for cell in table.find_all("th"):
            if not cell.get_text(strip=True):
                cell.name = "td"  # a corner that heads nothing
        if "scroll" not in (table.parent.get("class") or []):
            table.wrap(soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0", "role": "region",
                                                  "aria-label": f"Table {number}"}))  # fmt: skip
    for block in soup.find_all("pre"):
        block["tabindex"] = "0"


def headings(body):
    """List the second- and third-level headings of a page: (level, anchor, text)."""
    found = []
    for heading in BeautifulSoup(_uncoloured(body), "html.parser").find_all(["h2", "h3"], id=True):
        for link in heading.select(".anchor-link"):
            link.decompose()
        found.append((int(heading.name[1]), heading["id"], heading.get_text(" ", strip=True)))
    return found


def _uncoloured(body):
    """HTML without its spans: most of a page's tags are the colours of its code, and parsing takes its time."""
    return re.sub(r"</?span\b[^>]*>", "", body)


def sections(title, body, here):
    """What the search looks through: the sections of a page with their address, heading and text."""
    soup = BeautifulSoup(_uncoloured(body), "html.parser")
    for tag in soup.select("script, style, .anchor-link, math annotation"):
        tag.decompose()
    found = [{"page": here, "title": title, "heading": title, "text": []}]
    for text in soup.find_all(string=True):
        heading = text.find_parent(["h2", "h3"], id=True)
        address = f"{here}#{heading['id']}" if heading else None
        if heading and found[-1]["page"] != address:
            name = heading.get_text(" ", strip=True)
            found.append({"page": address, "title": title, "heading": name, "text": []})
        found[-1]["text"].append(text)
    return [entry | {"text": " ".join(" ".join(entry["text"]).split())} for entry in found]


def _in_course(address, source):
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), unquote(address)))


@cache
def _templates():
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(), trim_blocks=True)
    environment.filters["digits"] = lambda value: f"{value:.6g}"
    return environment


def style():
    """The style sheet of all pages, with the colours of code."""
    from pygments.formatters import HtmlFormatter

    def colours(scheme, where):
        rules = HtmlFormatter(style=scheme).get_style_defs(f"{where} .highlight".strip())
        return "\n".join(rule for rule in rules.splitlines() if re.search(r"\.highlight \.\w+ \{", rule))

    own = TEMPLATES.joinpath("site.css").read_text("utf-8")
    night = f"{DARK}\n{colours('github-dark', ':root')}"
    by_system = night.replace(":root", ":root:not([data-theme=light])")
    chosen = night.replace(":root", ":root[data-theme=dark]")
    light = colours("xcode", "")
    return f"{own}\n{light}\n@media (prefers-color-scheme: dark) {{\n{by_system}\n}}\n{chosen}\n"


def page(title, body, *, here="", navigation=(), alone=False, contents=(), around=(), scripts=("site.js",), own="",
         form=False):
    """A whole page around a body of HTML.

    Parameters
    ----------
    title, body : str
    here : str
        Its path on the site.
    navigation : sequence of (name, path)
    alone : bool
        Whether the style is part of the page instead of lying beside it.
    contents : sequence of (level, anchor, text)
        The headings, as `headings` returns them.
    around : sequence of (relation, name, path)
        Links to what comes before ("prev") and after ("next"), and to the file itself ("download").
    scripts : sequence of str
        Paths on the site.
    own : str
        The one script of ours that a page that stands alone may run.
    form : bool
        Whether a page that stands alone may send a form to where it comes from.
    """
    base = "../" * here.count("/")
    return _templates().get_template("page.html").render(
        title=title, body=body, here=here, base=base, navigation=navigation, footer=FOOTER,
        inline_style=style() if alone else "", contents=contents, around=around, scripts=scripts, own=own, form=form,
        digest=b64encode(sha256(own.encode()).digest()).decode(),
    )  # fmt: skip


def filled(template, **values):
    """HTML of a template, in which every value is escaped."""
    return _templates().get_template(template).render(**values)


def leaderboard_body(board):
    """HTML of a leaderboard; everything in it is escaped: names come from participants."""
    boards = board["boards"]
    titles = {part["challenge"]: part["title"] for part in boards}
    return filled(
        "leaderboard.html", **board, challenges=list(titles.items()),
        pictures=list(map(history.picture, boards)), told=list(map(history.told, boards)),
    )  # fmt: skip


def leaderboard(board):
    """The page of a leaderboard, by itself."""
    title = f"Leaderboard of {board['event']}"
    return page(title, leaderboard_body(board), alone=True, own=TEMPLATES.joinpath("board.js").read_text("utf-8"))


def rules(event):
    """The page of the rules of an event, by itself."""
    return page(f"Rules of {event.title}", rules_body(event), alone=True)


def rules_body(event):
    """HTML of the rules of an event; what the organiser wrote into the event file is text, not HTML."""
    body, _ = relinked(markdown(html.escape(guide.rules(event), quote=False)), "rules.html", {}, "rules.html")
    return body
