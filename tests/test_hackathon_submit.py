"""What participants do: every hand-in that submit packs is scored, and what scoring refuses is refused at once."""

import json
import pickle
import shutil
import zipfile
from datetime import datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from common import pages
from common.challenge import SubmissionError, registry
from common.datasets import Dataset, to_bytes
from common.hackathon import archive, event, guide, submit
from common.hackathon.__main__ import main
from tests import test_hackathon as event_tests
from tests.test_hackathon import NOTEBOOK, TASK, good, judged

prepared = event_tests.prepared
CIRCUIT = b'OPENQASM 3.0;\ninclude "stdgates.inc";\nbit c; qubit[2] q;\nh q;\nc = measure q[0];'
ENCODING = b'{"rings": [1], "power": 0, "turns": [0.1]}'


@pytest.fixture
def solution(tmp_path, monkeypatch):
    """A folder with predictions and a notebook; no browser prints."""
    monkeypatch.setattr(submit, "BROWSERS", ())
    (tmp_path / "mine").mkdir()
    TASK.submission.write(tmp_path / "mine", good())
    (tmp_path / "my.ipynb").write_text(json.dumps(NOTEBOOK))
    return tmp_path


def submitted(prepared, folder, challenge="Higgs", team="Café Quark", **options):
    arguments = {"predictions": folder / "mine", "notebook": folder / "my.ipynb", "out": folder / "out", **options}
    return submit.submit(challenge, team, prepared / "public", **arguments)


def test_what_is_submitted_is_scored(prepared, solution):
    import torch

    torch.save({"w": torch.arange(3.0)}, solution / "w.pt")
    path, notes = submitted(prepared, solution, members=["Ana Đorđević"], weights=solution / "w.pt")
    assert any("no PDF" in note for note in notes)
    (entry,) = judged(prepared, path)
    assert entry.reason == "" and entry.team == "Café Quark" and entry.members == ("Ana Đorđević",)
    assert entry.public.scores["AUC"] == pytest.approx(TASK.metrics[0].function(event_tests.ORDER, good()))
    low, high = entry.public.row["interval"]
    assert low < entry.public.scores["AUC"] < high
    with zipfile.ZipFile(path) as packed:
        assert sorted(packed.namelist()) == [
            "manifest.json", "notebook.ipynb", "predictions/higgs_predictions.csv", "weights.safetensors"]  # fmt: skip


def test_pdf_is_printed_by_a_browser(prepared, solution, monkeypatch):
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("neither Chromium nor Chrome is installed")
    monkeypatch.undo()
    assert submit.as_pdf(solution / "my.ipynb").startswith(b"%PDF")


def test_files_of_two_teams_have_two_names(prepared, solution):
    names = [submitted(prepared, solution, team=team)[0].name for team in ("Café Quark", "陳大文", "Ελένη")]
    assert len(set(names)) == 3 and names[0].startswith("Higgs-cafe-quark-") and all(map(str.isascii, names))


@pytest.mark.parametrize("change, message", [
    (lambda nb: nb["cells"][0].update(execution_count=None), "not executed from top to bottom"),
    (lambda nb: nb["cells"][0]["outputs"].append({"output_type": "error"}), "a cell ended in an error"),
    (lambda nb: nb.pop("cells"), "not a notebook"),
    (lambda nb: nb.update(worksheets=[{"cells": nb.pop("cells")}], nbformat=3), "not a notebook of format 4"),
    (lambda nb: nb.pop("nbformat"), "not a notebook"), (lambda nb: nb.update(nbformat=5), "not a notebook"),
])  # fmt: skip
def test_notebooks_that_did_not_run(prepared, solution, change, message):
    nb = json.loads(json.dumps(NOTEBOOK))
    change(nb)
    (solution / "my.ipynb").write_text(json.dumps(nb))
    with pytest.raises(SubmissionError, match=message):
        submitted(prepared, solution)


def test_wrong_predictions_are_refused_before_packing(prepared, solution):
    TASK.submission.write(solution / "mine", good()[:-1])
    with pytest.raises(SubmissionError, match="59 rows, expected 60"):
        submitted(prepared, solution)
    assert not (solution / "out").exists()


class Harm:
    """Unpickled, it writes a file."""

    def __reduce__(self):
        return (open, ("harm", "w"))


def test_weights_are_never_unpickled(prepared, solution, monkeypatch):
    import torch

    monkeypatch.chdir(solution)
    for weights in (Harm(), {"w": Harm()}, torch.nn.Linear(2, 2), {"w": 3}, {}, {1: torch.zeros(1)}):
        torch.save(weights, solution / "w.pt")
        with pytest.raises(SubmissionError, match="not a plain dictionary of tensors"):
            submitted(prepared, solution, weights=solution / "w.pt")
    (solution / "w.safetensors").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(SubmissionError, match="not a sound safetensors file"):
        submitted(prepared, solution, weights=solution / "w.safetensors")
    assert not (solution / "harm").exists()


TREES = b"tree\nversion=v4\nnum_class=1\n\nend of trees\n"


def skops(path):
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("schema.json", "{}")
    return path.read_bytes()


def test_models_of_trees_are_handed_in_as_text_or_skops_but_never_as_a_pickle(prepared, solution):
    for name, content in {"model.txt": TREES, "model.skops": skops(solution / "s.skops")}.items():
        (solution / f"my_{name}").write_bytes(content)
        path, _ = submitted(prepared, solution, weights=solution / f"my_{name}", out=solution / name)
        with zipfile.ZipFile(path) as packed:
            assert packed.read(name) == content
        assert not judged(prepared, path)[0].reason
    for name in ("m.pkl", "m.joblib", "m.pickle"):
        (solution / name).write_bytes(pickle.dumps(Harm()))
        with pytest.raises(SubmissionError, match="a pickle runs .* booster.save_model.'model.txt'.*skops"):
            submitted(prepared, solution, weights=solution / name)
    (solution / "m.txt").write_text("Booster(...)")
    (solution / "m.skops").write_bytes(b"PK")
    for name in ("m.txt", "m.skops"):
        with pytest.raises(SubmissionError, match="no model of trees: save LightGBM's with"):
            submitted(prepared, solution, weights=solution / name)


def test_tensors_that_safetensors_cannot_hold_are_named(prepared, solution):
    import torch

    quantised = torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.quint8)
    for tensor, message in (
        (torch.zeros(2, dtype=torch.complex128), "the tensor 'w' is complex128.* save torch.view_as_real"),
        (torch.zeros(2).to(torch.float8_e4m3fnuz), "float8_e4m3fnuz|type F8_E4M3FNUZ, expected .*save tensor.float"),
        (torch.eye(2).to_sparse(), "the tensor 'w' is sparse.* save tensor.to_dense"),
        (quantised, "the tensor 'w' is quantised.* save tensor.dequantize"),
        (torch.zeros(2, device="meta"), "the tensor 'w' is without data"),
    ):
        torch.save({"a": torch.zeros(1), "w": tensor}, solution / "w.pt")
        with pytest.raises(SubmissionError, match=message):
            submitted(prepared, solution, weights=solution / "w.pt")
    base = torch.arange(6.0)
    for state in (
        {"a": base, "b": base, "c": base[::2]}, {"w": torch.zeros(0)}, {"w": torch.zeros(2, dtype=torch.bool)},
        {"w": torch.zeros(2, 3).T}, {"w": torch.zeros(2).to(torch.float8_e4m3fn)}, {"w": torch.zeros(2).bfloat16()},
        {"w": torch.nn.Parameter(torch.zeros(2))}, {"w": torch.zeros(())}, {"w": torch.zeros(2, dtype=torch.complex64)},
    ):  # fmt: skip
        torch.save(state, solution / "w.pt")
        notes = submitted(prepared, solution, weights=solution / "w.pt")[1]
        assert any("weights.safetensors" in note for note in notes)


def test_two_at_the_same_time_write_two_files(prepared, solution, monkeypatch):
    submitted(prepared, solution)
    write, others = archive.write, []

    def overtaken(path, manifest, contents, **options):
        if not others:
            others.append(write(path, manifest, contents))
        write(path, manifest, contents, **options)

    monkeypatch.setattr(archive, "write", overtaken)
    before = set((solution / "out").glob("*.zip"))
    path, _ = submitted(prepared, solution)
    assert len(set((solution / "out").glob("*.zip")) - before) == 2 and path.stem.rpartition("-")[2].isdigit()
    assert submit.choose(path) != submit.choose(path)


def test_limits_are_those_of_scoring(prepared, solution, monkeypatch):
    with pytest.raises(SubmissionError, match="a list of at most 20 names"):
        submitted(prepared, solution, members=[f"P{k}" for k in range(21)])
    for name, limit, message in (
        ("MEMBERS", 2, "3 files, at most 2 are allowed"), ("MEMBER_BYTES", 100, "bytes when unpacked, at most 100"),
        ("MANIFEST_BYTES", 50, "manifest.json: more than 50 bytes"), ("NOTEBOOK_BYTES", 99, "more than 0 MB"),
    ):  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(archive, name, limit)
            patch.setattr(submit, "as_pdf", lambda _: pytest.fail("nothing slow comes before the checks"))
            with pytest.raises(SubmissionError, match=message):
                submitted(prepared, solution)


def test_a_wrong_or_damaged_test_set_is_told(prepared, solution):
    arguments = ("Higgs", "A", solution / "event", solution / "mine", solution / "my.ipynb")
    shutil.copytree(prepared, solution / "event")
    with pytest.raises(SubmissionError, match=r"no test set of Higgs in .*event \(.*npz\): use .*public"):
        submit.submit(*arguments)
    for file in (prepared / "public").glob("*.*"):
        shutil.copy(file, solution / "event")
    test_set = solution / "event" / "Higgs-classification.npz"
    whole = test_set.read_bytes()
    for damaged in (b"", whole[:500], whole[:-30], b"x" * 500, whole[:300] + b"\0" * 50 + whole[350:]):
        test_set.write_bytes(damaged)
        with pytest.raises(SubmissionError, match="damaged, fetch it again"):
            submit.submit(*arguments)
    test_set.write_bytes(to_bytes(Dataset(np.zeros((7, 2)), None)))
    with pytest.raises(SubmissionError, match="7 samples, but the event file says 60: fetch both again"):
        submit.submit(*arguments)


def test_it_says_which_file_is_asked_for_and_what_there_is(prepared, solution):
    (solution / "other").mkdir()
    for name in ("page_1.txt", "predictions.csv"):
        (solution / "other" / name).write_text("0.5\n")
    with pytest.raises(SubmissionError, match="has page_1.txt, predictions.csv, but Higgs asks for higgs_pred"):
        submitted(prepared, solution, predictions=solution / "other")
    with pytest.raises(SubmissionError, match="higgs_predictions.csv: a file, give the folder"):
        submitted(prepared, solution, predictions=solution / "mine" / "higgs_predictions.csv")
    with pytest.raises(SubmissionError, match="nowhere: no such folder"):
        submitted(prepared, solution, predictions=solution / "nowhere")


def test_expected_errors_and_a_byte_order_mark_are_no_reason_to_refuse_a_notebook(solution):
    nb = json.loads(json.dumps(NOTEBOOK))
    nb["cells"][0]["outputs"].append({"output_type": "error", "ename": "E", "evalue": "", "traceback": []})
    nb["cells"][0]["metadata"]["tags"] = ["raises-exception"]
    (solution / "my.ipynb").write_text("\ufeff" + json.dumps(nb), "utf-8")
    assert json.loads(submit.check_notebook(solution / "my.ipynb")) == nb


@pytest.mark.parametrize("content, message", [
    (b"", "empty, expected a notebook"), (b"\xff\xfe{}", "no UTF-8 text"), (b"[" * 100_000, "not a notebook"),
    (b'{"cells": [\n<<<<<<< HEAD\n', "conflict marks of a merge"), (b'{"cells": 3}', "not a notebook of format 4"),
    (b'{"cells": [{"cell_type": "code", "source": "1", "execution_count": "a", "outputs": [3]}]}', "not a notebook"),
])  # fmt: skip
def test_what_is_no_notebook_is_told_in_one_line(solution, content, message):
    (solution / "my.ipynb").write_bytes(content)
    with pytest.raises(SubmissionError, match=message) as error:
        submit.check_notebook(solution / "my.ipynb")
    assert "\n" not in str(error.value)
    with pytest.raises(SubmissionError, match="a folder, expected a notebook"):
        submit.check_notebook(solution)


def test_another_spelling_of_a_name_does_not_make_a_key_in_silence(prepared, solution):
    _, first = submitted(prepared, solution, team="Our team", pdf=False)
    _, again = submitted(prepared, solution, team="our  TEAM", pdf=False)
    (note,) = (note for note in again if "as before" in note)
    assert note.startswith("there is our-team-") and not any("as before" in other for other in first)


def test_after_the_deadline_it_says_so(prepared, solution, monkeypatch):
    now = datetime.now(timezone.utc)
    for deadline, late in ((now + timedelta(days=1), 0), (now - timedelta(days=1), 1)):
        event = f"{event_tests.EVENT}".replace("2026-07-29T18:00:00", f"{deadline:%Y-%m-%dT%H:%M:%S}")
        shutil.copytree(prepared / "public", solution / f"event{late}")
        (solution / f"event{late}" / "event.toml").write_text(event, "utf-8")
        _, notes = submit.submit("Higgs", "A", solution / f"event{late}", solution / "mine", solution / "my.ipynb",
                                 out=solution)  # fmt: skip
        assert sum("it counts as late" in note for note in notes) == late


# --------------------------------------------------------------------------------------------------
# What submit packs is scored, and what scoring refuses is refused


def texts(n):
    return np.array(["En un lugar de la Mancha"] * n, dtype=object)


TASKS = {  # labels and predictions of n samples
    ("Higgs", "classification"): (lambda n: np.arange(n) % 2, lambda n: pd.Series(np.linspace(0, 1, n))),
    ("ParticleImages", "classification"): (lambda n: np.arange(n) % 2, lambda n: np.full((n, 1), 0.5)),
    ("StrongLensing", "classification"): (
        lambda n: np.arange(n) % 3, lambda n: pd.DataFrame({"no": np.zeros(n), "cdm": np.ones(n), "axion": 0.5})),
    ("StrongLensing", "super_resolution"): (
        lambda n: np.zeros((n, 128, 128), "f4"), lambda n: np.full((n, 128, 128), 0.5)),
    ("RenAIssance", "pages"): (texts, texts),
    ("NMRSpin", "gauss"): (lambda n: np.arange(3.0 * n).reshape(n, 3), lambda n: np.full((n, 3), 7.0)),
    ("NMRSpin", "rkky"): (lambda n: np.arange(3.0 * n).reshape(n, 3), lambda n: np.full((n, 3), 7.0)),
    ("Exoplanet", "detection"): (lambda n: np.arange(n) // 2 % 2, lambda n: np.linspace(0, 1, n)),
    ("QuantumML", "quantum"): (lambda n: np.arange(n) % 2, lambda n: np.full(n, 0.5)),  # what CIRCUIT makes
    ("QuantumML", "classical"): (lambda n: np.arange(n) % 2, lambda n: np.arange(n)),
}  # fmt: skip
SAMPLES = 24


@pytest.fixture(scope="module")
def all_tasks(tmp_path_factory):
    """An event with every task of every challenge, whose samples are nothing."""
    place = tmp_path_factory.mktemp("all")
    text = event_tests.EVENT.partition("[[challenge]]")[0].replace("2026-07-29T18", "2099-07-29T18")
    for folder, task in TASKS:
        text += f'[[challenge]]\nfolder = "{folder}"\ntask = "{task}"\nn = {SAMPLES}\n'
    for part in ("public", "private"):
        (place / part).mkdir()
        (place / part / "event.toml").write_text(text, "utf-8")
    (place / "event.toml").write_text(text, "utf-8")
    for (folder, task), (labels, _) in TASKS.items():
        run = {"run": np.arange(SAMPLES) // 2} if folder == "Exoplanet" else {}
        name = f"{folder}-{task}.npz"
        (place / "public" / name).write_bytes(to_bytes(Dataset(np.ones((SAMPLES, 3, 3)), None)))
        truth = labels(SAMPLES)
        truth = list(truth) if truth.dtype == object else truth
        (place / "private" / name).write_bytes(to_bytes(Dataset(truth, None, {"columns": ["label"], **run})))
    return place


@pytest.mark.parametrize("folder, task", TASKS)
def test_every_hand_in_that_is_packed_is_scored(all_tasks, solution, folder, task):
    submission = registry()[folder].task(task).submission
    table = submission.predictions if task == "quantum" else submission
    table.write(solution / "new_folder", TASKS[folder, task][1](SAMPLES))  # makes the folder
    if task == "quantum":
        (solution / "new_folder" / "quantum_circuit.qasm").write_bytes(CIRCUIT)
        (solution / "new_folder" / "quantum_encoding.json").write_bytes(ENCODING)
    path, _ = submit.submit(folder, "Café", all_tasks / "public", solution / "new_folder", solution / "my.ipynb",
                            out=solution)  # fmt: skip
    (entry,) = judged(all_tasks, path)
    assert not entry.reason and entry.board == f"{folder}-{task}" and entry.public.scores


def test_every_task_has_a_sample_that_is_scored(all_tasks, solution):
    """It is packed as participants do; with the model where an event asks for it."""
    for name, blob in guide.samples(event.load(all_tasks / "event.toml")).items():
        (solution / name).parent.mkdir(parents=True, exist_ok=True)
        (solution / name).write_bytes(blob)
    place, boards = solution / "sample", []
    for folder in registry():
        path, _ = submit.submit(folder, "Café", all_tasks / "public", place / folder, place / "notebook.ipynb",
                                place / "weights.safetensors", out=solution)  # fmt: skip
        for entry in judged(all_tasks, path):
            assert not entry.reason and np.isfinite(list(entry.public.scores.values())).all()
            boards.append(entry.board)
    assert boards == [f"{folder}-{task}" for folder, task in TASKS]


ONE = "0.5\n" * SAMPLES
IMAGES = "stronglensing_super_resolution.npy"
REFUSED = [
    ("Higgs", {"higgs_predictions.csv": content}) for content in (
        "prob\n" + ONE, "# probability\n" + ONE, "0\n" + ONE, ",probability\n" + ONE, '"probability"\n' + ONE,
        "0,5\n" * SAMPLES, "50%\n" * SAMPLES, '"0.5"\n' * SAMPLES, "1e999\n" * SAMPLES, "nan\n" * SAMPLES, "",
        "0.5;0.5\n" * SAMPLES, "0.5\n" * (SAMPLES - 1), ("0.5\n" * SAMPLES).encode("utf-16"), b"\x80\x04.",
    )
] + [
    ("NMRSpin", {"gauss_mat_info_eval.txt": content}) for content in (
        "1.5,4.5,7.5\n" * SAMPLES, "1e150\t5\t7\n" * SAMPLES, "-1\t-1\t-1\n" * SAMPLES, "7\t" * SAMPLES + "\n",
    )
] + [
    ("QuantumML", {"quantum_predictions.csv": scores, "quantum_circuit.qasm": circuit, "quantum_encoding.json": about})
    for scores, circuit, about in (
        ("1e31\n" * SAMPLES, CIRCUIT, ENCODING), (ONE, b"", ENCODING), (ONE, CIRCUIT, b"[" * 5000),
        (ONE, CIRCUIT + b"bit[9999] b;" * 900, ENCODING), (ONE, CIRCUIT + b"reset q;", ENCODING),
        ("0.6\n" * SAMPLES, CIRCUIT, ENCODING),  # not what the circuit makes
    )
] + [
    ("StrongLensing", {IMAGES: content}) for content in (b"", b"\x93NUMPY\x01\0\x07\0{[]: 1}", b"PK\x03\x04")
] + [
    ("StrongLensing", {"stronglensing_predictions.csv": "axion,cdm,no,extra\n" + "0,0,1,0\n" * SAMPLES}),
    ("RenAIssance", {f"page_{k:03d}.txt": b"\xff" for k in range(1, SAMPLES + 1)}),
    ("RenAIssance", {f"page_{k:03d}.txt": "a" for k in range(1, SAMPLES)}),
    ("QuantumML", {"quantum_predictions.csv": ONE}),
]  # fmt: skip


@pytest.mark.parametrize("folder, files", REFUSED)
def test_what_scoring_refuses_is_refused_with_the_same_words(all_tasks, solution, folder, files):
    place = solution / "wrong"
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SubmissionError) as error:
        submit.submit(folder, "A", all_tasks / "public", place, solution / "my.ipynb", out=solution / "out")
    assert not (solution / "out").exists() and "\n" not in str(error.value)
    packed = {archive.PREDICTIONS + name: place / name for name in files}
    packed[archive.NOTEBOOK] = solution / "my.ipynb"
    archive.write(solution / "a.zip", archive.Manifest("A", (), folder, {}), packed)
    (entry,) = judged(all_tasks, solution / "a.zip")
    assert entry.reason == " ".join(str(error.value).split())[:300]


# --------------------------------------------------------------------------------------------------
# The PDF

HARM = """<embed src="a"><iframe src="file:///etc/passwd"></iframe><script>document.write("RAN")</script><base href="file:///">
<meta http-equiv="refresh" content="0;url=file:///etc/passwd"><link rel="stylesheet" href="file:///a.css">
<style>@import "file:///a.css"; body { background: url(file:///a.png) }</style><object data="file:///a"></object>
<svg><script>document.write("RAN")</script><foreignObject><iframe src="file:///etc/passwd"></iframe></foreignObject></svg>
<img src="x" onerror="document.write('RAN')"><img src="file:///a.png"><a href="javascript:alert(1)">link</a>
<a href="file:///etc/passwd">link</a><script>while (1);</script><b onclick="x()" style="background: url(a)">bold</b>"""


def with_harm(path):
    def output(**data):
        return {"output_type": "display_data", "metadata": {}, "data": data}

    formulas = r"Our $a^b^c$, $x_$, $\hat$, $\text{<script>document.write('RAN')</script>}$ and $E = mc^2$. "
    outputs = [output(**{"text/html": HARM}), output(**{"application/javascript": "while (1);"})]
    cells = [{"cell_type": "markdown", "id": "m", "metadata": {}, "source": formulas + HARM},
             {**NOTEBOOK["cells"][0], "outputs": outputs}]  # fmt: skip
    path.write_text(json.dumps({**NOTEBOOK, "cells": cells}), "utf-8")
    return path


def test_a_page_made_of_a_notebook_runs_and_loads_nothing(tmp_path):
    from bs4 import BeautifulSoup

    from common.notebook_files import read

    body = pages.harmless(pages.notebook(read(with_harm(tmp_path / "n.ipynb"))))
    soup = BeautifulSoup(body, "html.parser")
    assert {tag.name for tag in soup.find_all()} <= pages.TAGS
    assert "<code class=\"latex\">a^b^c</code>" in body and soup.find("math")
    for word in ("file:", "RAN", "while", "javascript:", "onerror", "onclick", "url("):
        assert word not in body
    assert "default-src 'none'" in pages.page("title", body, alone=True)


def test_no_pdf_is_asked_for_or_can_be_printed(prepared, solution, monkeypatch, capsys):
    arguments = ["submit", "Higgs", "--team", "A", "--event", str(prepared / "public"), "--predictions",
                 str(solution / "mine"), "--notebook", str(solution / "my.ipynb"), "--out", str(solution)]  # fmt: skip
    (solution / "browser").write_text("#!/bin/sh\nsleep 600 & sleep 600\n")
    (solution / "browser").chmod(0o755)
    monkeypatch.setattr(submit, "BROWSERS", (str(solution / "browser"),))
    monkeypatch.setattr(submit, "PRINTING", 1)
    assert main([*arguments, "--no-pdf"]) == 0 and "PDF" not in capsys.readouterr().out
    assert main(arguments) == 0 and "did not print it within 1 s" in capsys.readouterr().out


def test_a_harmful_notebook_is_printed_without_harm(tmp_path):
    pdfium = pytest.importorskip("pypdfium2")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("neither Chromium nor Chrome is installed")
    text = pdfium.PdfDocument(submit.as_pdf(with_harm(tmp_path / "n.ipynb")))[0].get_textpage().get_text_range()
    assert "a^b^c" in text and "bold" in text and "RAN" not in text and "root:" not in text
