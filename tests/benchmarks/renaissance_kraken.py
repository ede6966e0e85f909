"""Kraken beside our reader: the lines that it finds on pages, and what its network learns in as many minutes as ours.

    python tests/benchmarks/renaissance_kraken.py FOLDER [--bin FOLDER] [--lines 3000] [--epochs 4] [--pages 9]

FOLDER has the sub-folder RenAIssance with the scan, its transcription and the hand-cut lines. Kraken [1] needs other
versions of some packages than the course, so it is installed in an environment of its own, whose programs are in --bin
(or on the PATH). It ships a network that finds lines, and none that reads: those are downloaded. So its reader starts
from nothing, as ours does here, and both learn from simulated lines alone, one thread each: kraken several times from
the same lines, ours for as many seconds of processor time, from new ones all the time. The network is kraken's smaller
one, of lines 48 pixels high; its default of 120 pixels takes six times as long.

[1] B. Kiessling, Kraken - a universal text recognizer for the humanities, DH2019, doi:10.34894/Z9G2EX.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from RenAIssance import data, lines, metrics, model, reading, simulate, transcription
from RenAIssance.train import train_simulated

SPEC = "[1,48,0,1 Cr3,3,32 Do0.1,2 Mp2,2 Cr3,3,64 Do0.1,2 Mp2,2 S1(1x12)1,3 Lbx100 Do]"


def run(program, *arguments, **options):
    """Run a program of kraken with one thread; its output and its seconds of processor time."""
    before = os.times()
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, **options,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{Path(program).name} ended with status {done.returncode}: {done.stderr[-2000:]}")
    after = os.times()
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return done.stdout, used


def written(folder, images, texts):
    """Paths of line images as PNG files in the folder, each with its text beside it, as `ketos train -f path` reads."""
    folder.mkdir()
    paths = [folder / f"{i:05d}.png" for i in range(len(images))]
    for path, image, text in zip(paths, images, texts, strict=True):
        Image.fromarray(np.asarray(image)).convert("L").save(path)
        path.with_suffix(".gt.txt").write_text(text, "utf-8")
    return paths


def shown(name, truth, read):
    scores = metrics.error_rates(truth, read)
    print(f"{name:58s} " + "  ".join(f"{key} {value:.4f}" for key, value in scores.items()), flush=True)


def segmentation(kraken, n):
    """How many lines both find on pages of the real book."""
    book = data.load("train", n, source="official")
    pages = [page[:h, :w] for page, (h, w) in zip(book.X, book.meta["size"], strict=True)]
    wanted = np.array([text.count("\n") + 1 for text in book.y])
    start = os.times().user
    ours = np.array([len(page) for page in reading.cut(book)])
    seconds, found = os.times().user - start, []
    with tempfile.TemporaryDirectory() as folder:
        used = 0
        for i, page in enumerate(pages):
            image, lines_of_it = Path(folder, f"{i}.png"), Path(folder, f"{i}.json")
            Image.fromarray(page).save(image)
            used += run(kraken, "-i", image, lines_of_it, "segment", "-bl")[1]
            found.append(len(json.loads(lines_of_it.read_text())["lines"]))
    for name, counts, took in (("ours", ours, seconds), ("kraken", np.array(found), used)):
        print(f"{name}: {np.sum(counts == wanted)} of {len(wanted)} pages with the right number of lines, "
              f"{counts.sum()} lines of {wanted.sum()}, {took / len(wanted):.1f} s a page", flush=True)  # fmt: skip


def recognition(ketos, kraken, n, epochs, seed):
    """Both learn from simulated lines, and read simulated ones and the hand-cut lines of the book."""
    images, texts, _ = simulate.raw_lines(n, (seed, 0))
    held, held_texts, _ = simulate.raw_lines(200, (seed, 1))
    real, real_texts, _ = data.hand_cut_lines()
    real_texts = [transcription.simplified(text) for text in real_texts]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        paths = written(folder / "train", images, texts)
        listed = folder / "train.txt"
        listed.write_text("\n".join(map(str, paths[: -n // 20])))
        checked = folder / "valid.txt"
        checked.write_text("\n".join(map(str, paths[-n // 20 :])))
        _, used = run(
            ketos, "--workers", 0, "--threads", 1, "--seed", 1 + seed, "-d", "cpu", "train", "-f", "path", "-s", SPEC,
            "-B", 16, "-N", epochs, "-q", "fixed", "-o", folder / "model", "-t", listed, "-e", checked,
        )  # fmt: skip
        print(f"kraken learned from {n} lines, {epochs} times, {used / 60:.1f} minutes of processor time", flush=True)
        best = max((folder / "model").glob("*.safetensors"), key=lambda path: path.stat().st_mtime)
        for name, cut, truth in (("simulated lines", held, held_texts), ("hand-cut lines", real, real_texts)):
            shown(f"kraken, {name}", truth, read_by_kraken(kraken, best, cut, folder / name.split("-")[0]))
    ours = train_simulated(used / 60, seed=seed, report=lambda line: None)
    for name, cut, truth in (("simulated lines", held, held_texts), ("hand-cut lines", real, real_texts)):
        shown(f"ours, {name}", truth, model.read(ours, [lines.normalise(image) for image in cut]))


def read_by_kraken(kraken, network, images, folder):
    """Text of each line image."""
    paths = written(folder, images, [""] * len(images))
    pairs = [part for path in paths for part in ("-i", path, path.with_suffix(".txt"))]
    run(kraken, "-d", "cpu", *pairs, "ocr", "-m", network, "--no-segmentation")
    return [path.with_suffix(".txt").read_text("utf-8").strip() for path in paths]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--bin", help="folder with kraken and ketos; default: they are on the PATH")
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--pages", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kraken, ketos = (shutil.which(name, path=options.bin) for name in ("kraken", "ketos"))
    if not (kraken and ketos):
        parser.exit(1, "no kraken: python -m venv FOLDER; FOLDER/bin/pip install kraken; then --bin FOLDER/bin\n")
    os.environ["DEEPLEARN_DATA"] = options.folder
    torch.set_num_threads(1)
    segmentation(kraken, options.pages)
    recognition(ketos, kraken, options.lines, options.epochs, options.seed)


if __name__ == "__main__":
    main()
