"""How far each lesson is from the best result that anybody has published: a table for BENCHMARKS.md.

The lesson's score stands in its committed notebook; a benchmark has none. That of a full run is left by `deeplearn run
--profile full` in build/notebooks/results.json, and kept from there in full_runs.json beside this file, where "machine"
is written by hand for a run on another than our two cores. Published results are of the official data or of what is
nearest to it: with other images and other sizes, so that they say what is known to be possible and not who is better.

    python -m tests.benchmarks.published    # keeps new full runs and prints the table

`make bench` also writes it into BENCHMARKS.md.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from common.challenge import ROOT
from common.files import atomic_write
from common.notebook_files import read, scores
from tests.benchmarks.table import number


@dataclass
class Published:
    """A published result, and the lesson and score to put beside it.

    Attributes
    ----------
    notebook, score, what : str
        Label of the lesson, or of a benchmark whose result was entered in full_runs.json, the name of its score, and
        what that measures.
    value : float
    on, source : str
        What it was reached with; where it stands.
    """

    notebook: str
    score: str
    what: str
    value: float
    on: str
    source: str


KEPT = Path(__file__).with_name("full_runs.json")
RESULTS_OF_RUNS = ROOT / "build" / "notebooks" / "results.json"
MARKS = "<!-- published: written by `make bench` -->", "<!-- end of published -->"
DEEPLENSE = "https://github.com/ML4SCI/DeepLense/tree/main"
NMR = (
    "https://github.com/aviiacharya/"
    "Machine-Learning-Models-for-Predicting-Quantum-Spin-Interactions-in-NMR-Simulations"
)
RESULTS = [
    Published(
        "Higgs/Higgs.ipynb", "test AUC", "AUC", 0.885, "the official 10.5 million events",
        "[Baldi, Sadowski, Whiteson 2014](https://arxiv.org/abs/1402.4735)",
    ),
    Published(
        "ParticleImages/ParticleImages_CNN.ipynb", "test AUC", "AUC", 0.816, "the official images, 400,000 to train",
        "a ResNet-15 of an applicant to the Google Summer of Code of ML4SCI; no paper",
    ),
    Published(
        "StrongLensing/StrongLensing_Classification.ipynb", "accuracy", "accuracy", 0.9948,
        "Model III of DeepLense, 90,000 images; ours are simulated after it, without noise",
        f"[K. Sachdev, CCT]({DEEPLENSE}/Transformers_Classification_DeepLense_Kartik_Sachdev)",
    ),
    Published(
        "tests/benchmarks/stronglensing_resnet.py", "accuracy", "accuracy, 150 pixels and noise", 0.9164,
        "Model I of DeepLense, 90,000 images; ours are simulated after it",
        f"[K. Sachdev, LeViT]({DEEPLENSE}/Transformers_Classification_DeepLense_Kartik_Sachdev)",
    ),
    Published(
        "StrongLensing/StrongLensing_SuperResolution.ipynb", "PSNR", "PSNR in dB", 33.56,
        "2,834 pairs with blur and noise of another recipe",
        f"[A. Gupta, iterative autoencoder]({DEEPLENSE}/Super_Resolution_Atal_Gupta)",
    ),
    Published(
        "RenAIssance/RenAIssance.ipynb", "CER", "character errors", 0.019,
        "lines of the official books; ours are pages of the simulation",
        "U. Rai, TrOCR, in [Khan et al.](https://doi.org/10.1515/dsll-2024-0013)",
    ),
    Published(
        "NMRSpin/NMRSpin.ipynb", "MSE_gauss", "squared error, gauss", 0.0396, "the official 5,400 echoes",
        f"[A. Acharya]({NMR})",
    ),
    Published(
        "NMRSpin/NMRSpin.ipynb", "MSE_rkky", "squared error, RKKY", 0.0872, "the official 5,400 echoes",
        f"[A. Acharya]({NMR})",
    ),
    Published(
        "Exoplanet/Exoplanet.ipynb", "AUC by run", "AUC", 0.927,
        "16 official images, of runs that also train; ours are of other runs",
        "the example notebook of the hackathon",
    ),
    Published(
        "QuantumML/QuantumML_Quantum.ipynb", "AUC of the quantum autoencoder", "AUC, quantum", 0.565,
        "official jets of 12 x 12 pixels",
        "a quantum autoencoder with 576 weights, contributed to ML4SCI; no paper",
    ),
    Published(
        "QuantumML/QuantumML_Classical.ipynb", "AUC of the autoencoder", "AUC, classical", 0.661,
        "50,000 official quark jets", "the example notebook of the hackathon",
    ),
]  # fmt: skip


def keep_full_runs(kept=KEPT, results=RESULTS_OF_RUNS):
    """Add the full runs of this machine, if there are new ones, to the record."""
    if results.exists():
        runs = full_runs(kept) | json.loads(results.read_text("utf-8")).get("full", {})
        with atomic_write(kept) as temporary:
            temporary.write_text(json.dumps(runs, indent=1, sort_keys=True) + "\n", "utf-8")


def full_runs(kept=KEPT):
    """Seconds, scores and settings of full runs, by notebook."""
    return json.loads(kept.read_text("utf-8")) if kept.exists() else {}


def full_run(run, score):
    """A cell of the table: the score, the hours, where it ran if not on our two cores, and settings of its own."""
    hours = f"{number(run['scores'][score])} in {run['seconds'] / 3600:.1f} h"
    where = f" on {run['machine']}" if "machine" in run else ""
    return ", ".join([hours + where, *(f"{name} = {value}" for name, value in run.get("overrides", {}).items())])


def as_text(kept=KEPT):
    """The table in Markdown."""
    full = full_runs(kept)
    lines = [
        "| lesson | measure | as committed | full run | published | with | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in RESULTS:
        path = ROOT / row.notebook
        lesson = number(scores(read(path))[row.score]) if path.suffix == ".ipynb" else "-"
        ours = full_run(full[row.notebook], row.score) if row.notebook in full else "-"
        lines.append(
            f"| {path.stem} | {row.what} | {lesson} | {ours} | {number(row.value)} | {row.on} | {row.source} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    keep_full_runs()
    print(as_text())
