"""Where the course is, and where its notebooks open; moving it: deeplearn move https://github.com/OWNER/NAME [TAG]

The address and the tag of the release are `REPO` and `TAG` in `common.colab`, which a notebook's first cell has too.
Everything else that names them is written by this module and checked by `problems`: a notebook that is opened from a
badge runs the release of that badge.
"""

import argparse
import re
import sys
from pathlib import Path
from urllib.parse import quote, unquote

from common.challenge import FOLDERS, ROOT
from common.colab import REPO, TAG
from common.files import atomic_write

GITHUB = "https://github.com/"
SERVICES = {
    "Colab": ("https://colab.research.google.com/assets/colab-badge.svg",
              "https://colab.research.google.com/github/{repo}/blob/{tag}/{path}"),
    "Kaggle": ("https://kaggle.com/static/images/open-in-kaggle.svg",
               "https://kaggle.com/kernels/welcome?src=https://github.com/{repo}/blob/{tag}/{path}"),
    "Binder": ("https://mybinder.org/badge_logo.svg",
               "https://mybinder.org/v2/gh/{repo}/{tag}?urlpath=lab/tree/{quoted}"),
}  # fmt: skip
"""Of each service that opens a notebook: its badge, and the address behind it."""

_BADGE = r"\[!\[[^\]]*\]\([^)]*\)\]\(https://(?:colab\.research\.google\.com/github|kaggle\.com/kernels|mybinder\.org/v2)/[^)]*\)"
_BADGES = re.compile(rf"{_BADGE}(?: {_BADGE})*")
_NOTEBOOK = re.compile(rf"(?:{'|'.join(FOLDERS)})/(?:solutions/)?\w+\.ipynb")
_SUFFIXES = {".cff", ".ipynb", ".json", ".md", ".py", ".toml", ".yaml", ".yml"}
_SKIPPED = {".git", ".venv", "build"}


def badges(path, repo=REPO, tag=TAG):
    """Return the badges that open a notebook, in Markdown.

    Parameters
    ----------
    path : str
        Path of the notebook in the course, such as ``"Higgs/Higgs.ipynb"``.
    repo, tag : str
        Address and tag of the course.
    """
    place = {"repo": repo.removeprefix(GITHUB), "tag": tag, "path": path, "quoted": quote(path)}
    return " ".join(f"[![Open in {name}]({image})]({door.format(**place)})" for name, (image, door) in SERVICES.items())


def with_badges(text, repo=REPO, tag=TAG):
    """A text (Markdown, or a notebook's file) in which each row of badges is up to date: where its notebooks open."""

    def row(found):
        notebooks = dict.fromkeys(_NOTEBOOK.findall(unquote(found[0])))
        return " ".join(badges(path, repo, tag) for path in notebooks)

    return _BADGES.sub(row, text)


def texts(root=ROOT):
    """List the files of the course that may name its address."""
    found = (path for path in sorted(Path(root).rglob("*")) if path.suffix in _SUFFIXES and path.is_file())
    return [path for path in found if not _SKIPPED & set(path.relative_to(root).parts)]


def _read(path, root):
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        name = path.relative_to(root).as_posix()
        raise ValueError(f"{name} is not UTF-8 text: save it as UTF-8, or move it out of the course") from error


def problems(root=ROOT, repo=REPO, tag=TAG):
    """List where the course names another address or release than its own; an empty list is good.

    Parameters
    ----------
    root : path
        The course.
    repo, tag : str
        What is right.
    """
    root, found, pages = Path(root), [], ""
    for path in texts(root):
        text, name = _read(path, root), path.relative_to(root).as_posix()
        if path.suffix in (".md", ".ipynb"):
            found += [f"{name} {problem}" for problem in _text_problems(name, text, repo, tag)]
        if path.suffix == ".md":
            pages += text
        if path.suffix == ".py" and not name.startswith(("common/colab", "tests/")) and repo in text:
            found.append(f"{name} names the address of the course: take it from common.colab")
    for path in (path for folder in FOLDERS for path in sorted((root / folder).glob("*.ipynb"))):
        name = path.relative_to(root).as_posix()
        if badges(name, repo, tag) not in pages:
            found.append(f"no page has the badges of {name}")
    for file, lines in _lines(repo, tag).items():
        present = (root / file).read_text("utf-8").splitlines()
        found += [f"{file} should have the line {line!r}" for line in lines if line not in present]
    return found


def _text_problems(name, text, repo, tag):
    """What is wrong with the addresses in one text or notebook."""
    if with_badges(text, repo, tag) != text:
        yield "has badges of another address or release"
    for other in re.findall(_links(repo) + r"([^/\s\"'`)]+)", text):
        if other[1] != tag:
            yield f"links to {other[1]}, not to the release {tag}"
    if name.endswith(".ipynb"):
        if badges(name, repo, tag) not in text:
            yield "has no badges in its first cell"
        if f'repo = \\"{repo}\\"' not in text or _in_setup_cell(tag) not in text:
            yield "fetches another address or release in its set-up cell"


def _links(repo):
    """Pattern of a link to a file of the course, up to its release."""
    return rf"(github(?:\.com)?/{re.escape(repo.removeprefix(GITHUB))}/(?:blob|tree|raw)/)"


def _in_setup_cell(tag):
    """How the file of a notebook has the tag."""
    return f'\\"DEEPLEARN_TAG\\", \\"{tag}\\"'


def _lines(repo, tag):
    """Lines that files must have."""
    version = tag.removeprefix("v")
    return {
        "common/colab.py": (f'REPO = "{repo}"', f'TAG = "{tag}"'),
        "pyproject.toml": (f'version = "{version}"', f'Homepage = "{repo}"'),
        "CITATION.cff": (f"version: {version}", f'repository-code: "{repo}"'),
    }


def move(repo, tag=TAG, root=ROOT):
    """Give the course another address or tag, in all of its files.

    Parameters
    ----------
    repo : str
        On GitHub, from which all of them are opened: ``https://github.com/OWNER/NAME``.
    tag : str
        Tag of the release, "v" and its number.
    root : path
        The course, at `REPO` and `TAG`.

    Returns
    -------
    list of pathlib.Path
        The files that were changed.

    Raises
    ------
    ValueError
        The address or the tag is none, or a file is not UTF-8 text; nothing is changed then.
    """
    if not re.fullmatch(rf"{GITHUB}[\w-]+/[\w.-]*\w", repo) or repo.endswith(".git"):
        raise ValueError(f"{repo!r} is no address of a repository: expected {GITHUB}OWNER/NAME")
    if not re.fullmatch(r"v\d+(\.\d+)*((a|b|rc)\d+)?", tag):
        raise ValueError(f"{tag!r} is no tag of a release: expected 'v' and its number, such as v1.2.0")
    changed = []
    # The constants come last: a move that was interrupted can be repeated
    files = {path: _read(path, root) for path in sorted(texts(root), key=lambda path: path.name == "colab.py")}
    for path, before in files.items():
        after = _moved(path.relative_to(root).as_posix(), before, repo, tag)
        if after != before:
            with atomic_write(path) as temporary:
                temporary.write_text(after, "utf-8")
            changed.append(path)
    return changed


def _moved(name, text, repo, tag):
    """The text of one file for another address and tag."""
    old, new = REPO.removeprefix(GITHUB), repo.removeprefix(GITHUB)
    text = re.sub(rf"(?<![\w.-]){re.escape(old)}(?![\w-])", new, text)
    text = re.sub(_links(repo) + re.escape(TAG) + r"(?=[/)\s])", rf"\g<1>{tag}", text)
    if name.endswith((".md", ".ipynb")):
        text = with_badges(text, repo, tag)
    if name.endswith(".ipynb"):
        text = text.replace(_in_setup_cell(TAG), _in_setup_cell(tag))
    # The address in these lines is the new one already
    for before, after in zip(_lines(repo, TAG).get(name, ()), _lines(repo, tag).get(name, ()), strict=True):
        text = re.sub(rf"^{re.escape(before)}$", after, text, flags=re.MULTILINE)
    return text


def main(argv=None, root=ROOT):
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="deeplearn move", description="Give the course another address or tag.")
    parser.add_argument("repo", nargs="?", default=REPO, help=f"https://github.com/OWNER/NAME (now {REPO})")
    parser.add_argument("tag", nargs="?", default=TAG, help=f"of the release (now {TAG})")
    args = parser.parse_args(argv)
    try:
        changed = move(args.repo, args.tag, root)
    except (ValueError, OSError) as error:
        print(f"deeplearn move: {error}", file=sys.stderr)
        return 1
    left = problems(root, args.repo, args.tag)
    print(f"wrote {len(changed)} files for {args.repo} at {args.tag}", *left, sep="\n")
    if changed:
        print(f"Commit them, and then tag the release: git tag {args.tag}")
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
