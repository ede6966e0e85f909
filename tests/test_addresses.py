"""The address and the release of the course are the same everywhere, and one command changes both."""

import re
import shutil

import pytest

from common import addresses
from common.challenge import ROOT
from common.colab import REPO, TAG
from common.notebook_files import find, label

ELSEWHERE, LATER = "https://github.com/another-school/course_2027", "v2.10.0rc1"


@pytest.fixture
def copy(tmp_path):
    """A copy of what names the address."""
    for path in addresses.texts(ROOT):
        target = tmp_path / "course" / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return tmp_path / "course"


def test_one_address_and_one_release_everywhere():
    assert addresses.problems() == []


def test_badges_open_the_notebook_of_the_release():
    for path in map(label, find()):
        row = addresses.badges(path, "https://github.com/a/b", "v3")
        opened = re.findall(r"\)\]\(([^)]*)\)", row)
        assert opened == [
            f"https://colab.research.google.com/github/a/b/blob/v3/{path}",
            f"https://kaggle.com/kernels/welcome?src=https://github.com/a/b/blob/v3/{path}",
            f"https://mybinder.org/v2/gh/a/b/v3?urlpath=lab/tree/{path}",
        ]
        assert addresses.with_badges(f"| {row} |", REPO, TAG) == f"| {addresses.badges(path)} |"
        (colab, _, _) = row.split(" [!")
        assert addresses.with_badges(colab) == addresses.badges(path), "a row that lacks badges gets them"


def test_move_changes_every_place(copy, capsys):
    assert addresses.main([ELSEWHERE, LATER], root=copy) == 0
    assert "git tag v2.10.0rc1" in capsys.readouterr().out
    assert addresses.problems(copy, ELSEWHERE, LATER) == []
    assert len(addresses.problems(copy)) > len(find()), "it is not at the old place any more"
    old = REPO.removeprefix("https://github.com/")
    left = [path.name for path in addresses.texts(copy) if old in path.read_text("utf-8")]
    assert left == []
    for place in ("pyproject.toml", "CITATION.cff", "common/colab.py", "Higgs/Higgs.ipynb"):
        before, after = (ROOT / place).read_text("utf-8"), (copy / place).read_text("utf-8")
        assert before != after
        assert before.count("\n") == after.count("\n")
    assert 'version = "2.10.0rc1"' in (copy / "pyproject.toml").read_text("utf-8")


def test_move_to_where_it_is_changes_nothing(copy):
    assert addresses.move(REPO, TAG, copy) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("Higgs/Higgs.ipynb", f"/blob/{TAG}/", "/blob/main/", "Higgs/Higgs.ipynb has badges of another"),
        ("Higgs/Higgs.ipynb", f'TAG\\", \\"{TAG}', 'TAG\\", \\"v0.0.9', "fetches another address or release"),
        ("Higgs/Higgs.ipynb", "[![Open in Colab]", "[Colab]", "Higgs/Higgs.ipynb has no badges"),
        ("CITATION.cff", "\nversion: ", "\nversion: 9", "CITATION.cff should have the line 'version: "),
        ("pyproject.toml", "Homepage", "Home", "pyproject.toml should have the line 'Homepage = "),
        ("common/cli.py", '"""', f'"""{REPO} ', "common/cli.py names the address of the course"),
        ("LINK.md", "", f"[x]({REPO}/blob/main/LICENSE)", "LINK.md links to main, not to the release"),
    ],
)
def test_what_differs_is_found(copy, file, old, new, problem):
    path = copy / file
    text = path.read_text("utf-8") if path.exists() else ""
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    assert any(problem in found for found in addresses.problems(copy)), addresses.problems(copy)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["git@github.com:a/b"], "is no address of a repository"),
        (["https://github.com/a"], "is no address of a repository"),
        (["https://github.com/a/b.git"], "is no address of a repository"),
        ([ELSEWHERE, "main"], "'main' is no tag of a release"),
        ([ELSEWHERE, "1.0"], "'1.0' is no tag of a release"),
    ],
)
def test_move_refuses(copy, arguments, problem, capsys):
    assert addresses.main(arguments, root=copy) == 1
    assert problem in capsys.readouterr().err
    assert addresses.problems(copy) == []


def test_move_reads_all_before_it_writes(copy, capsys):
    (copy / "notes").mkdir()
    (copy / "notes" / "mine.md").write_bytes("Grüße".encode("latin-1"))
    assert addresses.main([ELSEWHERE, LATER], root=copy) == 1
    assert "notes/mine.md is not UTF-8 text: save it" in capsys.readouterr().err
    (copy / "notes" / "mine.md").unlink()
    assert addresses.problems(copy) == []
