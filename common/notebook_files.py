"""What the file of a notebook says, and the checks that a committed notebook passes.

Nothing here executes a notebook: `common.notebooks` does.
"""

import ast
import json
import os
import re
import symtable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from uuid import uuid4

from common import texts
from common.challenge import FOLDERS, ROOT
from common.colab import SETUP_CELL

PROFILES = ("ci", "full")
LINE_LENGTH = 78
MAX_BYTES = 2_500_000
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
RECORD = "deeplearn"
"""Key of a recorded score in the metadata of an output; see `common.notebooks.record`."""
FRAMES = "deeplearn-frames"
"""Key of the pictures of an explorer in the metadata of an output; see `common.explore`."""
MAX_FRAME_BYTES = 1_000_000
SOLUTIONS = "solutions"
SOURCE = "source-"
"""Start of the tag of a cell that is filled from a module, such as ``source-Higgs.model.Network``."""
EXPECTED_ERROR = "raises-exception"
"""Tag of a cell that may raise, with which a lesson shows an error; Jupyter, papermill and nbval know it."""

WITHIN = "within-"
"""Start of the tag of a cell that shows a trained network, such as ``within-0.02``; see `tolerance`."""

_IGNORING = {"nbval-ignore-output", "nbval-skip", "pytest-validate-ignore-output"}
_ON_ONE_MACHINE = {
    "a machine path": re.compile(r"(?<![\w./])/(?:home|root|work|tmp)\b|\b[A-Z]:\\{1,2}[A-Z]\w"),
    "an object address": re.compile(r"\b0x[0-9a-fA-F]{9,}\b"),
}
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What `ast` raises for a text that is not Python, or nested too deep."""
CURE = "mend it in a text editor, or bring back an earlier version with git"


class DamagedNotebook(ValueError):
    """A file that is no notebook; the message names it and, where it is known, the line."""


def find(names=(), root=ROOT):
    """List the notebooks of the course, in the order of the challenges: lessons, then their solutions.

    Parameters
    ----------
    names : sequence of str
        Keep these only: a folder ("StrongLensing"), a notebook ("ParticleImages_CNN") or a path
        ("Higgs/Higgs.ipynb", from the repository or from where the caller is, or an absolute one).
    root : path
        The repository.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    ValueError
        If a name fits no notebook.
    """
    found = [
        path
        for folder in FOLDERS
        for pattern in ("*.ipynb", f"{SOLUTIONS}/*.ipynb")
        for path in sorted(Path(root, folder).glob(pattern))
        if not path.name.startswith(".")
    ]
    if not names:
        return found
    chosen = set()
    for name in names:
        fitting = {p for p in found if Path(name).as_posix() in (label(p).partition("/")[0], p.stem, label(p))}
        fitting = fitting or {p for p in found if os.path.realpath(name) in map(os.path.realpath, (p, p.parent))}
        if not fitting:
            known = ", ".join(map(label, found)) or "none"
            raise ValueError(f"no notebook fits the name {name!r}; the notebooks are: {known}")
        chosen |= fitting
    return [path for path in found if path in chosen]


def label(path):
    """Return the name of a notebook for people, such as ``"Higgs/Higgs.ipynb"``: its path in the course."""
    return "/".join(path.parts[-3 if is_solution(path) else -2 :])


def is_solution(path):
    """Whether a notebook holds the solutions of a lesson."""
    return path.parent.name == SOLUTIONS


def solutions_of(path):
    """Return the path of the solutions of a lesson: ``solutions/Higgs_solutions.ipynb`` beside ``Higgs.ipynb``."""
    return path.parent / SOLUTIONS / f"{path.stem}_solutions.ipynb"


def read(path):
    """Read a notebook as an `nbformat.NotebookNode`.

    Raises
    ------
    DamagedNotebook
        The file cannot be read, or is not a notebook of format 4.
    """
    import nbformat  # a notebook that calls `record` needs none of it

    path = Path(path)
    try:
        text = texts.read(path)
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise DamagedNotebook(f"{label(path)} is no notebook ({_json_fault(text, error)}): {CURE}") from error
    except (ValueError, RecursionError) as error:
        raise DamagedNotebook(f"{label(path)} is no notebook ({error}): {CURE}") from error
    except OSError as error:
        raise DamagedNotebook(f"{label(path)} cannot be read: {error.strerror}") from error
    about = content if isinstance(content, dict) else {}
    if not isinstance(about.get("cells"), list) or about.get("nbformat") != 4:
        raise DamagedNotebook(f"{label(path)} is no notebook of format 4: open and save it in JupyterLab, or {CURE}")
    try:
        nb = nbformat.v4.reads(text)
        nbformat.validate(nb)
        json.dumps(nb, ensure_ascii=False).encode()  # half a letter is JSON, but no kernel or file takes it
    except Exception as error:  # nbformat raises many kinds for what is none
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DamagedNotebook(f"{label(path)} is no notebook of format 4 ({reason}): {CURE}") from error
    return nb


def _json_fault(text, error):
    """What is wrong with a text that is not JSON, and in which line."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(("<<<<<<< ", "=======", ">>>>>>> ", "||||||| ")):
            return f"line {number}: a merge conflict of git"
    return f"line {error.lineno}: {error.msg}" if text.strip() else "it is empty"


def tags(cell):
    """List the tags of a cell."""
    return cell.metadata.get("tags", [])


def tolerance(cell):
    """By how much the numbers that a cell shows may differ between processors; 0 for most cells.

    Processors add the same numbers in different orders, and training makes of the last bit the second digit. A cell
    tagged ``within-0.02`` is compared with this tolerance, absolute below 1 and relative above; others to the letter.

    Raises
    ------
    ValueError
        If the tag has no number between 0 and 1, or the cell more than one such tag.
    """
    found = [tag.removeprefix(WITHIN) for tag in tags(cell) if tag.startswith(WITHIN)]
    if len(found) > 1 or not all(re.fullmatch(r"0\.\d*[1-9]", number) for number in found):
        wrong = ", ".join(WITHIN + number for number in found)
        raise ValueError(f"one tag like '{WITHIN}0.02' is expected, not {wrong}")
    return float(found[0]) if found else 0.0


def code_cells(nb):
    """List the code cells of a notebook."""
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def scores(nb):
    """Return the values that a notebook recorded: ``{name: value}``, not rounded.

    Raises
    ------
    ValueError
        If one name was recorded twice, or a record is none.
    """
    found = {}
    for cell in code_cells(nb):
        for output in cell.outputs:
            record = output.get("metadata", {}).get(RECORD)
            if record is None:
                continue
            name, value = map(record.get, ("name", "value")) if isinstance(record, dict) else (None, None)
            if not isinstance(name, str) or not isinstance(value, int | float):
                raise ValueError(f"an output has the metadata {RECORD!r}: {record!r:.40}, no score: refresh it")
            if record["name"] in found:
                raise ValueError(f"the score {record['name']!r} is recorded twice")
            found[record["name"]] = record["value"]
    return found


def parameters(nb):
    """Return the defaults in the cell tagged ``parameters``: ``{name: value}``.

    Raises
    ------
    ValueError
        If there is not exactly one such cell, or if it holds anything but lines ``NAME = literal``
        with a bool, an int, a float or a str.
    """
    cells = [cell for cell in code_cells(nb) if "parameters" in tags(cell)]
    if len(cells) != 1:
        raise ValueError(f"{len(cells)} cells are tagged 'parameters'; one should be")
    try:
        statements = ast.parse(cells[0].source).body
    except UNREADABLE as error:
        raise ValueError(f"the parameters cell is not plain Python: {error}") from error
    defaults = {}
    for statement in statements:
        try:
            (target,) = statement.targets
            defaults[target.id] = value = ast.literal_eval(statement.value)
        except (AttributeError, TypeError, *UNREADABLE):
            value = None
        if not isinstance(value, bool | int | float | str):
            code = ast.unparse(statement)
            raise ValueError(f"the parameters cell has {code!r}; it may only have NAME = literal")
    return defaults


def unused_parameters(nb):
    """List the parameters that no cell after the cell of the parameters uses."""
    cells = code_cells(nb)
    start = next(i for i, cell in enumerate(cells) if "parameters" in tags(cell))
    used = set()
    for cell in cells[start + 1 :]:
        try:
            names = [n for n in ast.walk(ast.parse(cell.source)) if isinstance(n, ast.Name)]
            used.update(name.id for name in names if isinstance(name.ctx, ast.Load))
        except UNREADABLE:  # IPython's % and ! are not Python: be content with the word
            used.update(re.findall(r"\w+", cell.source))
    return [name for name in parameters(nb) if name not in used]


def names_assigned_again(nb):
    """List what a function of one cell reads and a later cell assigns again.

    A slider calls its function whenever it is moved, also after the last cell has run.

    Returns
    -------
    list of (int, str, str, int)
        Number of the code cell, name of the function, what it reads, number of the first such later cell.
    """
    tables, assigned = {}, {}
    for number, cell in enumerate(code_cells(nb), start=1):
        with suppress(*UNREADABLE):  # IPython's % and ! are not Python
            tables[number] = table = symtable.symtable(cell.source, f"cell {number}", "exec")
            assigned[number] = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned()}
    found = []
    for number, table in tables.items():
        known = set().union(*(names for other, names in assigned.items() if other <= number))
        for function in filter(_runs_later, table.get_children()):
            for name in sorted(_globals_of(function) & known):
                later = [other for other, names in assigned.items() if other > number and name in names]
                found += [(number, function.get_name(), name, later[0])] if later else []
    return found


def _runs_later(table):
    """Whether it is the table of a function, and of none that runs where it stands."""
    return table.get_type() == "function" and table.get_name() not in ("listcomp", "setcomp", "dictcomp", "genexpr")


def _globals_of(function):
    """What a function, and whatever is defined in it, takes from the notebook."""
    names = {symbol.get_name() for symbol in function.get_symbols() if symbol.is_global() and symbol.is_referenced()}
    return names.union(*map(_globals_of, function.get_children()))


def settings(path, profile="lesson", overrides=None):
    """Return the parameters with which a profile runs a notebook.

    Parameters
    ----------
    path : pathlib.Path
        The notebook; the profile ``ci`` of ``Higgs.ipynb`` is the file ``Higgs.ci.yaml`` beside it.
    profile : {"lesson", "ci", "full"}
        The lesson is the notebook as it is.
    overrides : dict, optional
        Values that go before those of the profile.

    Returns
    -------
    dict
        Only what differs from the notebook's own defaults needs to be in it.

    Raises
    ------
    ValueError
        If the notebook has no such parameter, if its default has another type, or if a parameter
        of the notebook reaches no other cell: papermill would run on in all three cases.
    """
    import yaml

    values = {}
    if profile != "lesson":
        source = path.with_suffix(f".{profile}.yaml")
        if not source.exists():
            raise ValueError(f"{label(source)} is missing: it holds the profile {profile}")
        try:
            text = texts.read(source)
            values = yaml.safe_load(text)
        except OSError:
            raise
        except Exception as error:  # PyYAML raises many kinds for what is none
            raise ValueError(f"{label(source)} is no YAML ({' '.join(str(error).split()):.200}): {CURE}") from error
        values = {} if values is None else values
        if not isinstance(values, dict):
            raise ValueError(f"{label(source)} should have lines 'NAME: value' and no others")
        if odd := _odd_lines(yaml.compose(text, yaml.SafeLoader)):
            raise ValueError(f"{label(source)}: {'; '.join(odd)}")
    values = {**values, **(overrides or {})}

    nb = read(path)
    try:
        defaults = parameters(nb)
    except ValueError as error:
        raise ValueError(f"{label(path)}: {error}") from error
    problems = [f"no later cell uses the parameter {name}" for name in unused_parameters(nb)]
    for name, value in values.items():
        if name not in defaults:
            problems.append(f"{name} is not among the parameters {', '.join(defaults)}")
        elif type(value) is not type(defaults[name]):
            expected, got = type(defaults[name]).__name__, type(value).__name__
            hint = "; YAML needs the dot in 1.0e-3" if (expected, got) == ("float", "str") else ""
            problems.append(f"{name} = {value!r} is of type {got}, not {expected}{hint}")
    if problems:
        raise ValueError(f"{label(path)}, profile {profile}: {'; '.join(problems)}")
    return values


def _odd_lines(node):
    """What YAML takes without a word, and nobody means: a name that is there twice, 010 for 8, 1:30 for 90."""
    lines = [(name.value, value) for name, value in node.value] if node and node.id == "mapping" else []
    names = [name for name, _ in lines]
    odd = [f"{name} is there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    for name, value in lines:
        if value.tag.endswith((":int", ":float")) and re.match(r"[-+]?0[\d_]|.*:", value.value):
            odd.append(f"{name}: {value.value} is another number in YAML, write it without leading zeros and colons")
    return odd


def insert_setup(nb):
    """Give a notebook the set-up cell of Google Colab, or the present text of it."""
    import nbformat

    cells = [cell for cell in nb.cells if "setup" in tags(cell)]
    if cells:
        cells[0].source = SETUP_CELL
    else:
        cell = nbformat.v4.new_code_cell(SETUP_CELL, metadata={"tags": ["setup"]})
        first = next((i for i, c in enumerate(nb.cells) if c.cell_type == "code"), len(nb.cells))
        nb.cells.insert(first, cell)


def fill_sources(nb, root=ROOT):
    """Write into each cell tagged ``source-module.name`` the present text of that function or class.

    Raises
    ------
    ValueError
        If there is no such module, or no such name in it.
    """
    for cell in code_cells(nb):
        if text := _text_from_modules(cell, root):
            cell.source = text


def _text_from_modules(cell, root=ROOT):
    """The text that the tags of a cell ask for, or ''."""
    wanted = [tag.removeprefix(SOURCE) for tag in tags(cell) if tag.startswith(SOURCE)]
    return "\n\n\n".join(source_text(name, root) for name in wanted)


def source_text(name, root=ROOT):
    """Return the text of a function or class of the course, as a lesson shows it.

    The docstring keeps its first sentence only: the lesson explains the rest.

    Parameters
    ----------
    name : str
        Such as ``"Higgs.model.Network"``. The module is read, not imported.
    root : path
        The repository.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is no such module, or no such name in it.
    """
    module, _, wanted = name.rpartition(".")
    path = Path(root, *module.split(".")).with_suffix(".py")
    if not all(map(str.isidentifier, name.split("."))) or not path.is_file():  # a path could lead out of the course
        raise ValueError(f"{name}: there is no file {module.replace('.', '/')}.py")
    try:
        text = texts.read(path)
        found = [node for node in ast.parse(text).body if getattr(node, "name", None) == wanted]
    except UNREADABLE as error:
        raise ValueError(f"{name}: {module.replace('.', '/')}.py is no Python ({error})") from error
    if len(found) != 1:
        many = f"{wanted} {len(found)} times" if found else f"no {wanted}"
        raise ValueError(f"{name}: {module.replace('.', '/')}.py defines {many}")
    (node,) = found
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines()[: node.end_lineno]
    if (docstring := ast.get_docstring(node)) and "\n" in docstring:
        place, indent = node.body[0], " " * node.body[0].col_offset
        lines[place.lineno - 1 : place.end_lineno] = [f'{indent}"""{docstring.splitlines()[0]}"""']
    return re.sub(r"  # fmt: skip$", "", "\n".join(lines[first - 1 :]), flags=re.MULTILINE)


def normalise(nb):
    """Drop from a notebook what depends on the machine or the editor; keep tags and cell ids."""
    import nbformat

    nb.metadata = nbformat.from_dict(METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5
    ids = set()
    for cell in nb.cells:
        cell.metadata = nbformat.from_dict({"tags": tags(cell)} if tags(cell) else {})
        if cell.get("id") in ids | {None}:
            cell.id = uuid4().hex[:8]
        ids.add(cell.id)


def as_text(nb):
    """Return the text of the file of a notebook."""
    import nbformat

    return nbformat.writes(nb).rstrip("\n") + "\n"


def check(path):
    """List what keeps a notebook from being committed; an empty list is good.

    The checks are about the file alone: that its outputs are those of its code is checked by nbval,
    and that its profile ``ci`` runs by papermill.

    Parameters
    ----------
    path : path
        The notebook, with its profiles beside it.

    Returns
    -------
    list of str
        One sentence for each problem.
    """
    path = Path(path)
    try:
        return list(_problems(path, read(path)))
    except DamagedNotebook as error:
        return [str(error).removeprefix(f"{label(path)} ")]
    except Exception as error:  # whatever is odd in it, the other notebooks are still to be checked
        return [f"cannot be checked ({type(error).__name__}: {error}): {CURE}"]


def _problems(path, nb):
    """What keeps a notebook from being committed."""
    yield from _file_problems(path, nb)
    yield from _parameter_problems(path, nb)
    yield from _form_problems(path, nb)
    for number, function, name, later in names_assigned_again(nb):
        yield (f"code cell {number}: {function}() reads {name}, which code cell {later} assigns again, so that a "
               "slider moved after it draws something else: use another name there")  # fmt: skip
    for number, cell in enumerate(code_cells(nb), start=1):
        for problem in _code_problems(cell, number):
            yield f"code cell {number} {problem}"
    for number, cell in enumerate(nb.cells, start=1):
        text = "\n".join([cell.source, *_output_texts(cell)])
        for what, pattern in _ON_ONE_MACHINE.items():
            if found := pattern.search(text):
                yield f"cell {number} has {what}: {found.group()}"


def _file_problems(path, nb):
    """What is wrong with the notebook as a whole."""
    normal = deepcopy(nb)
    normalise(normal)
    if path.read_text("utf-8") != as_text(normal):
        yield "the metadata are not normalised: refresh it"
    size = path.stat().st_size
    if size > MAX_BYTES:
        yield f"the file has {size / 1e6:.1f} MB; {MAX_BYTES / 1e6} MB are allowed"
    titles = [
        number
        for number, cell in enumerate(nb.cells, start=1)
        if cell.cell_type == "markdown"
        for _ in re.findall(r"^# ", _without_code_blocks(cell.source), flags=re.MULTILINE)
    ]
    if titles != [1]:
        yield f"one title '# ...', in the first cell, is expected; found in cells {titles}"
    cells = code_cells(nb)
    if [cell.source for cell in cells if "setup" in tags(cell)] != [SETUP_CELL]:
        yield "there is not one up-to-date cell tagged 'setup': refresh it"
    elif "setup" not in tags(cells[0]):
        yield "the cell tagged 'setup' is not the first code cell"
    for number, cell in enumerate(cells, start=1):
        try:
            if (text := _text_from_modules(cell)) and cell.source != text:
                yield f"code cell {number} is not the present text of what its tag names: refresh the notebook"
        except ValueError as error:
            yield f"code cell {number} has a tag that names nothing: {error}"
        try:
            tolerance(cell)
        except ValueError as error:
            yield f"code cell {number}: {error}"
    ignored = sum(_output_ignored(cell) for cell in cells)
    if 5 * ignored > len(cells):
        yield f"nbval ignores {ignored} of {len(cells)} code cells; a fifth is allowed"
    try:
        scores(nb)
    except ValueError as error:
        yield str(error)


def _form_problems(path, nb):
    """What is missing of a lesson in which the reader acts: predictions, exercises, an explorer, solutions."""
    if is_solution(path):
        return
    texts = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    predictions = sum(text.count("<summary>Answer</summary>") for text in texts)
    if not 3 <= predictions <= 5:
        yield f"{predictions} questions with '<details><summary>Answer</summary>'; 3 to 5 are expected"
    names = [name for cell in code_cells(nb) for name in exercise_names(cell)]
    if not 2 <= len(names) <= 3:
        yield f"{len(names)} cells with 'exercises.use(...)'; 2 or 3 are expected"
    frames = [output.metadata[FRAMES] for cell in code_cells(nb) for output in cell.outputs
              if FRAMES in output.get("metadata", {})]  # fmt: skip
    if not frames:
        yield "no explorer; at least one is expected: see common.explore"
    try:
        size = sum(len(picture) for explorer in frames for picture in explorer["pictures"])
    except (TypeError, KeyError):
        yield f"an output has metadata {FRAMES!r} without its pictures: refresh the notebook"
        size = 0
    if size > MAX_FRAME_BYTES:
        yield f"the pictures of its explorers have {size / 1e6:.2f} MB; 1 MB is allowed: draw fewer or smaller ones"
    solutions = solutions_of(path)
    if not solutions.exists():
        yield f"{label(solutions)} is missing"
    if f"({SOLUTIONS}/{solutions.name})" not in "\n".join(texts):
        yield f"no link to {SOLUTIONS}/{solutions.name}"


def exercise_names(cell):
    """List the names of the exercises that a code cell checks."""
    return re.findall(r"""exercises\.use\(\s*["'](.+?)["']""", cell.source)


def _parameter_problems(path, nb):
    """What is wrong with the parameters and their profiles."""
    try:
        parameters(nb)
        for profile in PROFILES:
            settings(path, profile)
    except ValueError as error:
        yield str(error)


def _code_problems(cell, number):
    """What is wrong with one code cell, the `number`-th of its notebook."""
    if cell.execution_count != number:
        yield f"was executed as number {cell.execution_count}: refresh the notebook"
    if cell.source.rstrip().endswith(";"):
        yield "ends in ';', which hides nothing from nbval: end it in '_ = ...'"
    if any(len(line) > LINE_LENGTH for line in cell.source.splitlines()):
        yield f"has a line of more than {LINE_LENGTH} characters"
    for output in cell.outputs:
        if output.output_type == "error" and EXPECTED_ERROR not in tags(cell):
            yield f"stores an error: {output.ename}"
        if output.get("name") == "stderr":
            yield f"stores a message on stderr: {output.text.strip()[:80]}"
        for mime in output.get("data", {}):
            if mime.startswith("image/") and not output.metadata.get(mime, {}).get("alt"):
                yield "draws a figure without a text that describes it: use common.plotting.show"


def _output_ignored(cell):
    """Whether nbval does not compare the outputs of a cell."""
    comments = [line.strip() for line in cell.source.splitlines() if line.strip().startswith("#")]
    markers = {comment.lstrip("# ").lower().replace("_", "-") for comment in comments}
    return bool(_IGNORING & (markers | set(tags(cell))))


def _without_code_blocks(source):
    """Markdown without the blocks in which '#' starts a comment."""
    return re.sub(r"^```.*?^```", "", source, flags=re.MULTILINE | re.DOTALL)


def _output_texts(cell):
    """What can be read in the outputs of a cell: all but encoded pictures."""
    texts = []
    for output in cell.get("outputs", []):
        texts.append(output.get("text", ""))
        for mime, value in output.get("data", {}).items():
            if mime not in ("image/png", "image/jpeg"):
                texts.append(str(value))
    return texts


def sanitizer_problems(config, notebooks):
    """List what is wrong with a file of ``regex:`` and ``replace:`` lines for nbval.

    nbval drops a rule that it cannot parse without a word, and a rule that fits no output any more
    is a hole that nobody sees.

    Parameters
    ----------
    config : pathlib.Path
        The file; without it there is nothing wrong.
    notebooks : list of pathlib.Path
        Each rule has to fit an output of one of these.

    Returns
    -------
    list of str
    """
    from nbval.plugin import get_sanitize_patterns

    if not config.exists():
        return []
    text = config.read_text("utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rules = get_sanitize_patterns(text)
    problems = []
    if [line for rule in rules for line in (f"regex: {rule[0]}", f"replace: {rule[1]}")] != lines:
        problems.append(f"{config.name}: nbval reads only pairs 'regex: ...' and 'replace: ...'")
    cells = [cell for path in notebooks for cell in code_cells(read(path))]
    outputs = [text for cell in cells for text in _output_texts(cell)]
    for regex, _ in rules:
        try:
            hit = any(re.search(regex, output) for output in outputs)
        except re.error as error:
            problems.append(f"{config.name}: {regex!r} is no regular expression: {error}")
            continue
        if not hit:
            problems.append(f"{config.name}: {regex!r} fits no output of a notebook: remove it")
    return problems
