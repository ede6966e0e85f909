"""The project's own files agree with each other."""

import json
import re
import sys

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from common import install
from common.__main__ import COMMANDS
from common.challenge import FOLDERS, ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


LINUX = {"python_version": "3.11", "python_full_version": "3.11.7", "sys_platform": "linux", "os_name": "posix",
         "platform_machine": "x86_64", "platform_system": "Linux"}  # fmt: skip


def lines_of_lock():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pins():
    """What is installed on Linux by Python 3.11: one pin a package."""
    pinned = [pin for pin in lines_of_lock() if not pin.marker or pin.marker.evaluate(LINUX)]
    assert len({pin.name for pin in pinned}) == len(pinned)
    return {canonicalize_name(pin.name): pin for pin in pinned}


def ranges():
    about = project()
    # Peers that only benchmarks compare with, and what writes ONNX, are neither pinned nor installed for everybody
    extras = [lines for name, lines in about["optional-dependencies"].items() if name not in ("all", "bench", "onnx")]
    found = [Requirement(line) for lines in [about["dependencies"], *extras] for line in lines]
    return [requirement for requirement in found if not requirement.marker or requirement.marker.evaluate(LINUX)]


@pytest.mark.parametrize("requirement", ranges(), ids=str)
def test_every_requirement_is_pinned_within_its_range(requirement):
    (pin,) = pins()[canonicalize_name(requirement.name)].specifier
    assert pin.operator == "=="
    assert requirement.specifier.contains(pin.version)


def test_every_pin_is_exact_and_none_is_for_one_kind_of_machine():
    for pin in lines_of_lock():
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), str(pin)
        assert not pin.name.startswith(("nvidia", "cuda", "triton"))


def test_extra_all_names_every_extra():
    extras = project()["optional-dependencies"]
    (everything,) = map(Requirement, extras.pop("all"))
    assert everything.extras == set(extras) - {"bench", "onnx"}


def test_conda_environment_installs_the_pins_and_the_course():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-r requirements.txt", "-e ."]
    (python,) = [entry.removeprefix("python=") for entry in conda if entry.startswith("python=")]
    from packaging.specifiers import SpecifierSet

    assert SpecifierSet(project()["requires-python"]).contains(python)
    assert f"on Python {python}" in (ROOT / "requirements.txt").read_text().splitlines()[0]


def test_every_challenge_is_at_the_top_and_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    for folder in FOLDERS:
        assert (ROOT / folder / "README.md").exists()
        assert f"({folder}/" in readme
        assert "(NOTES.md)" in (ROOT / folder / "README.md").read_text() and (ROOT / folder / "NOTES.md").exists()


def test_pages_that_people_finish_are_short_and_tell_no_history():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
    for path in [ROOT / "README.md", *(ROOT / folder / "README.md" for folder in FOLDERS)]:
        found = re.search(r"VERSION \d|\b(used to|no longer|formerly)\b", path.read_text())
        assert not found, f"{path}: {found.group()}"
    assert all(len((ROOT / folder / "README.md").read_text().splitlines()) <= 90 for folder in FOLDERS)


def test_teaching_has_every_lesson():
    teaching = (ROOT / "TEACHING.md").read_text()
    for notebook in ROOT.glob("[A-Z]*/[A-Z]*.ipynb"):
        assert f"]({notebook.parent.name}/{notebook.name})" in teaching


def test_links_of_the_pages_lead_to_files_of_the_course():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md")]:
        text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
        for address in re.findall(r"\]\(([^)#\s]+)|<img src=\"([^\"]+)", text):
            target = "".join(address)
            assert re.match(r"https://|mailto:", target) or (path.parent / target).exists(), f"{path.name}: {target}"


def between(text, marks):
    _, rest = text.split(marks[0])
    inside, _ = rest.split(marks[1])
    return inside.strip()


def test_the_tables_of_measurements_are_those_of_the_record():
    """The page shows the record of measurements, and what the committed notebooks say."""
    from tests.benchmarks import bench, published

    text = (ROOT / "BENCHMARKS.md").read_text("utf-8")
    assert between(text, (bench.BEGIN, bench.END)) == bench.show(ROOT / "tests/benchmarks/measured.json").strip()
    assert between(text, published.MARKS) == published.as_text().strip()
    assert "--out tests/benchmarks/measured.json --page BENCHMARKS.md" in (ROOT / "Makefile").read_text()


def test_a_full_run_is_kept_with_its_settings(tmp_path):
    from tests.benchmarks import published

    run = {"seconds": 7200.0, "scores": {"test AUC": 0.84}, "overrides": {"N_TRAIN": 5}}
    results, kept = tmp_path / "results.json", tmp_path / "kept.json"
    results.write_text(json.dumps({"ci": {}, "full": {"Higgs/Higgs.ipynb": run}}))
    published.keep_full_runs(kept, results)
    assert "| 0.84 in 2.0 h, N_TRAIN = 5 |" in published.as_text(kept)
    assert " in 2.0 h" not in published.as_text(tmp_path / "none")


def test_no_placeholder_is_left():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), *ROOT.glob("*/*.ipynb")]:
        found = re.search(r"\b(LESSON|SIMTABLE|REALTEXT|[A-Z]+FIG|DISC|TODO|FIXME)\b", path.read_text())
        assert not found, f"{path.name}: {found.group()}"


def test_wheel_has_the_data_files():
    package_data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    for package, patterns in package_data.items():
        for pattern in patterns:
            assert list((ROOT / package).glob(pattern)), f"nothing in {package} fits {pattern}"
    listed = {path for package, patterns in package_data.items() for p in patterns for path in (ROOT / package).glob(p)}
    assert {ROOT / "Higgs" / "reference.json", ROOT / "common" / "deeplearn.mplstyle"} <= listed
    assert set((ROOT / "Higgs" / "sample").rglob("*.npz")) <= listed


# --- what other services read ---------------------------------------------------------------------


def configuration(name):
    return yaml.safe_load((ROOT / name).read_text("utf-8"))


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", WORKFLOWS),
        ("github-issue-forms", FORMS),
        ("github-issue-config", [ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml"]),
        ("citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_configuration_fits_its_schema(schema, files):
    done = CliRunner().invoke(check_jsonschema, ["--builtin-schema", f"vendor.{schema}", *map(str, files)])
    assert files and done.exit_code == 0, done.output


def test_workflows_and_codespaces_run_commands_that_exist():
    steps = [step for path in WORKFLOWS for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
             for step in job["steps"]]  # fmt: skip
    lines = [step["run"] for step in steps if "run" in step]
    devcontainer = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)[0].split()
    for line in [*lines, devcontainer["postCreateCommand"]]:
        program, *arguments = re.sub(r"\$\{\{.*?\}\}", "", line).split()
        if program == "make":
            assert arguments[0] in targets, line
        elif program == "python":
            assert arguments[:2] == ["-m", "common.install"], line
            assert set(arguments[2:]) <= {"--newest", "--torch", "cpu"}, line
        else:
            assert program.endswith("/deeplearn") and arguments[0] in COMMANDS, line
    python = devcontainer["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert python.endswith("/.venv/bin/python")


def test_executed_notebooks_are_kept_and_the_site_is_published():
    kept = {name: [step["with"]["path"] for job in configuration(f".github/workflows/{name}.yml")["jobs"].values()
                   for step in job["steps"] if "/upload-" in step.get("uses", "")]
            for name in ("test", "weekly", "pages")}  # fmt: skip
    assert kept == {"test": ["build/notebooks"], "weekly": ["build/notebooks"], "pages": ["build/site"]}


def test_binder_installs_the_pins_and_the_course():
    lines = (ROOT / ".binder" / "requirements.txt").read_text("utf-8").splitlines()
    assert lines[1:] == [f"--extra-index-url {install.TORCH_INDEX}cpu", "-r ../requirements.txt", "-e ."]
    python = (ROOT / ".binder" / "runtime.txt").read_text("utf-8").strip().removeprefix("python-")
    assert f"on Python {python}" in (ROOT / "requirements.txt").read_text().splitlines()[0]


def test_pre_commit_has_the_linters_of_the_tests():
    hooks = {repo["repo"].rpartition("/")[2]: repo for repo in configuration(".pre-commit-config.yaml")["repos"]}
    assert hooks["ruff-pre-commit"]["rev"] == f"v{pin_of('ruff')}"
    assert hooks["check-jsonschema"]["rev"] == pin_of("check-jsonschema")
    ((local,),) = [hooks["local"]["hooks"]]
    program, _, module, command = local["entry"].split()
    assert (program, module) == ("python", "common") and command in COMMANDS


def pin_of(name):
    return next(iter(pins()[name].specifier)).version
