"""The site of the course: python -m common.site [--event FOLDER] [--out build/site]

A gallery of the challenges, the page, the notes and the executed notebooks of each, the pages for instructors and of
measurements, the event and, where one was scored, its leaderboard. It is read without a network.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from html import escape
from pathlib import Path

from jinja2 import TemplateError

from common import demo, pages, texts
from common.challenge import FOLDERS, ROOT, registry
from common.files import in_words
from common.hackathon import event as events
from common.notebook_files import find, is_solution, label, read, scores

OUT = ROOT / "build" / "site"
FILES = "site-files.txt"  # the files of a site, by which `build` knows one that it made
# What a notebook says at its top: "running about two minutes on one processor core"
RUN_TIME = re.compile(r"running\s+(.+?)\s+(?:on one|of processor)", re.DOTALL)


def build(out=OUT, event_folder=None, demos=True, quick=False):
    """Write the site, all of it or nothing.

    Parameters
    ----------
    out : path-like
        Folder of the site, or a link to it; one that is there is replaced where it holds nothing but what this function
        wrote.
    event_folder : path-like, optional
        Folder of an event that was scored: its leaderboard becomes part of the site.
    demos : bool
        Whether the pages of `common.demo` are part of it: their models are trained when there are none yet.
    quick : bool
        Train these for seconds only: for tests.

    Returns
    -------
    list of str
        The pages.

    Raises
    ------
    ValueError
        A link that leads nowhere, a picture without a description, a folder in use for something else, a damaged
        notebook, an event without a leaderboard.
    """
    out = Path(out)
    if out.name in ("", ".."):
        raise ValueError(f"{out} is in use: name a new folder for the site")
    out = out.resolve() if out.is_symlink() else out  # the link stays one, and shows the new pages
    if out.exists():
        _check_own(out)
    event = events.load(Path(event_folder, "event.toml") if event_folder else events.EXAMPLE)
    board = _leaderboard(event_folder) if event_folder else None
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as place:
        made = Path(place, "site")
        written = _write(made, event, board, demo.names() if demos else (), quick)
        if out.exists():
            _check_own(out)  # again: something may have come there meanwhile
            out.replace(Path(place, "old"))
        made.replace(out)
    return written


def _check_own(out):
    """Raise ValueError unless a folder is empty, or holds a site that `build` made and nothing else."""
    if out.is_dir() and not any(out.iterdir()):
        return
    try:
        ours = set(texts.read(out / FILES).splitlines())
    except (ValueError, OSError) as error:
        raise ValueError(f"{out} is in use: name a new folder for the site") from error
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if name not in ours and (path.is_symlink() or not path.is_dir()):
            raise ValueError(f"{out} is in use: {name} in it is not of the site: move it away, or name a new folder")


def _leaderboard(event_folder):
    """What the scoring of an event found."""
    path = Path(event_folder, "leaderboard.json")
    if not path.is_file():
        raise ValueError(
            f"{event_folder}: the event has no leaderboard yet: run python -m common.hackathon score first"
        )
    try:
        board = json.loads(texts.read(path))
        pages.leaderboard_body(board)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError, TemplateError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is damaged ({reason}): run python -m common.hackathon score again") from error
    if not isinstance(board.get("boards"), list):
        raise ValueError(f"{path} is damaged (no boards): run python -m common.hackathon score again")
    return board


def _write(folder, event, board, demos, quick):
    """Write all pages below a folder, those of `demos`, the names of challenges, among them."""
    tried = {name: f"demos/{name}.html" for name in demos}
    places = {"README.md": "index.html"}  # path in the course -> page
    places |= {f"{name}.md": f"{name.lower()}.html" for name in ("TEACHING", "BENCHMARKS")}
    places |= {f"{name}/README.md": f"{name}/index.html" for name in FOLDERS}
    places |= {f"{name}/NOTES.md": f"{name}/notes.html" for name in FOLDERS}
    places |= {label(path): label(path.with_suffix(".html")) for path in find()}
    links = places | {name: f"{name}/index.html" for name in FOLDERS} | {"rules.html": "rules.html"}
    links |= {f"{name}/demo.html": page for name, page in tried.items()}
    navigation = [("Challenges", "index.html"), ("Teaching", "teaching.html"), ("Event", "event.html"),
                  ("Rules", "rules.html"), ("Leaderboard", "leaderboard.html"), ("Search", "search.html")]  # fmt: skip
    bodies = {
        "index.html": (f"{event.title}: challenges", _gallery(tried), "index.html"),
        "event.html": (event.title, f"<h1>{escape(event.title)}</h1>" + pages.markdown(events.markdown(event)), ""),
        "rules.html": (f"Rules of {event.title}", pages.rules_body(event), ""),
        "leaderboard.html": ("Leaderboard", pages.leaderboard_body(board) if board else NO_BOARD, ""),
        "search.html": ("Search", SEARCH, ""),
    }
    for source, page in places.items():
        if source.endswith(".ipynb"):
            bodies[page] = _name(source), _with_demo(pages.notebook(read(ROOT / source)), source, tried), source
        elif page != "index.html":  # the gallery stands for the README of the course
            text = texts.read(ROOT / source)
            more = _notebook_list(source) if page.endswith("/index.html") else ""
            body = _with_demo(pages.markdown(text), source, tried) + more
            bodies[page] = text.partition("\n")[0].lstrip("# "), body, source
    for name, page in tried.items():
        body = texts.read(ROOT / name / "demo.html")
        bodies[page] = TITLE.search(body)[1], body.replace("</h1>", f"</h1>{NEEDS}", 1), f"{name}/demo.html"
    pictures, index, around = set(), [], _around(places)
    for page, (title, body, source) in bodies.items():
        body, needed = pages.relinked(body, source or page, links, page)
        pictures |= needed
        target = folder / page
        target.parent.mkdir(parents=True, exist_ok=True)
        index += pages.sections(title, body, page)
        is_notebook = source.endswith(".ipynb")
        if is_notebook:
            shutil.copyfile(ROOT / source, target.with_suffix(".ipynb"))
        target.write_text(pages.page(
            title, body, here=page, navigation=navigation, around=around.get(page, ()),
            contents=pages.headings(body) if is_notebook else (),
            scripts=(*_scripts(page), "site.js"),
        ), "utf-8")  # fmt: skip
    for picture in pictures:
        (folder / picture).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / picture, folder / picture)
    (folder / "site.css").write_text(pages.style(), "utf-8")
    for script in ("site.js", "board.js"):
        shutil.copyfile(pages.TEMPLATES / script, folder / script)
    _write_scripts(folder, demos, quick)
    (folder / "search-index.js").write_text(f"window.SEARCH_INDEX = {json.dumps(index)};\n", "utf-8")
    files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    (folder / FILES).write_text("\n".join([*files, FILES, ""]), "utf-8")
    return sorted(bodies)


def _write_scripts(folder, demos, quick):
    """Write what the pages to try a model run: their data, their own script, and the one that they share."""
    for name in demos:
        (folder / "demos" / f"{name}-data.js").write_text(demo.script(name, quick), "utf-8")
        shutil.copyfile(ROOT / name / "demo.js", folder / "demos" / f"{name}.js")
    if demos:
        shutil.copyfile(pages.TEMPLATES / "demo.js", folder / "demos" / "demo.js")


def _scripts(page):
    """What a page runs besides what all run."""
    if page == "search.html":
        return ("search-index.js",)
    if page == "leaderboard.html":
        return ("board.js",)
    if page.startswith("demos/"):
        place = page.removesuffix(".html")
        return ("demos/demo.js", f"{place}-data.js", f"{place}.js")
    return ()


def _with_demo(body, source, tried):
    """A page of a challenge with a link, under its title, to the page where its model can be tried."""
    folder, _, name = source.partition("/")
    if folder not in tried or name == "NOTES.md" or is_solution(Path(source)):
        return body
    return body.replace("</h1>", f'</h1><p class="try"><a href="demo.html">{TRY}</a></p>', 1)


TRY = "Try it in your browser"
NEEDS = "<noscript><p>This page needs JavaScript: it calculates in your browser.</p></noscript>"
TITLE = re.compile(r"<h1>(.+?)</h1>")
SEARCH = (
    '<h1>Search</h1><form role="search"><label for="query">Words on any page</label>'
    '<input id="query" name="q" type="search" autocomplete="off"></form>'
    '<p id="status" role="status"></p><ul id="found"></ul><noscript><p>The search needs JavaScript.</p></noscript>'
)
NO_BOARD = "<h1>Leaderboard</h1><p>No event has been scored yet.</p>"


def _around(places):
    """Links of each notebook to the lesson before and after it, and to its file."""
    lessons = [(source, page) for source, page in places.items() if source.endswith(".ipynb")]
    main = [(source, page) for source, page in lessons if not is_solution(Path(source))]
    found = {}
    for source, page in lessons:
        place = main.index((source, page)) if (source, page) in main else None
        links = []
        if place:
            links.append(("prev", _name(main[place - 1][0]), main[place - 1][1]))
        links.append(("download", "Download this notebook", page.removesuffix(".html") + ".ipynb"))
        if place is not None and place + 1 < len(main):
            links.append(("next", _name(main[place + 1][0]), main[place + 1][1]))
        found[page] = links
    return found


def _name(source):
    """Name of a notebook for people: "ParticleImages, CNN"."""
    return Path(source).stem.replace("_", ", ")


def _gallery(tried):
    """The challenges with picture, task, scores and time, and where there is one the page to try it."""
    items = []
    for folder, challenge in registry().items():
        metrics = ", ".join(dict.fromkeys(task.metrics[0].name for task in challenge.tasks))
        facts = [("Task", challenge.kind), ("Metric", metrics)]
        for path in _lessons(folder):
            nb = read(path)
            found = ", ".join(f"{key.replace('_', ' ')} {value:.3g}" for key, value in list(scores(nb).items())[:2])
            name = path.stem.partition("_")[2] or "Lesson"
            link = f'<a href="{label(path)}">{escape(name)}</a>'
            facts.append((link, escape(f"{found or 'no score'}; runs {run_time(nb)}")))
        rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
        image = f'<img src="{folder}/picture.png" alt="{escape(challenge.picture, quote=True)}">'
        link = f'<p class="try"><a href="{folder}/demo.html">{TRY}</a></p>' if folder in tried else ""
        items.append(
            f'<li>{image}<div><h2><a href="{folder}/README.md">{escape(challenge.title)}</a></h2>'
            f"<p>{escape(challenge.summary)}</p>{link}<dl>{rows}</dl></div></li>"
        )
    first = " Do a task yourself first, and see the model do it: it takes a minute, in your browser." if tried else ""
    return (
        "<h1>Machine learning on real scientific problems</h1><p>Seven challenges from physics, astronomy, quantum "
        "computing and the humanities, as notebooks that always run: a simulator that was checked against real data "
        f'makes every data set on the spot.{first}</p><ul class="gallery">{"".join(items)}</ul>'
    )


def run_time(nb):
    """How long a notebook runs, as it says itself: "about two minutes"."""
    said = RUN_TIME.search("\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown"))
    return " ".join(said[1].split()) if said else "for a time that it does not say"


def _lessons(folder):
    """The lessons of a challenge; their solutions stand behind a link of the lesson."""
    return [path for path in find([folder]) if not is_solution(path)]


def _notebook_list(source):
    """Links from the page of a challenge to its notebooks."""
    folder = source.partition("/")[0]
    found = _lessons(folder)
    items = "".join(f'<li><a href="{path.name}">{_name(path)}</a></li>' for path in found)
    return f"<h2>Notebooks</h2><ul>{items}</ul>" if items else ""


def main(argv=None):
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m common.site", description=__doc__.splitlines()[0])
    parser.add_argument("--event", type=Path, help="folder of an event that was scored")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--without-demos", action="store_true",
                        help="leave out the pages to try the models on, which are trained once, for some minutes")
    args = parser.parse_args(argv)
    try:
        written = build(args.out, args.event, demos=not args.without_demos)
    except (ValueError, OSError) as error:
        print(f"python -m common.site: {in_words(error)}", file=sys.stderr)
        return 1
    print(f"wrote {len(written)} pages: open {args.out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
