"""How well the real book is read: lines and whole pages, before and after learning from it, and tesseract beside it.

    python tests/benchmarks/renaissance_models.py FOLDER [--folds 4] [--seeds 3] [--epochs 10] [--tesseract]

FOLDER has the sub-folder RenAIssance with the scan, its transcription and the hand-cut lines. Pages, not lines, are
divided into folds: a page's lines are read by a reader that has learned from other pages. Each reader starts from the
shipped one.
"""

import argparse
import os
import subprocess
import tempfile
import time

import numpy as np
import torch
from PIL import Image

from RenAIssance import data, helpers, language, lines, metrics, model, scan, simulate, transcription


def shown(name, truth, read):
    scores = metrics.error_rates(truth, read)
    print(f"{name:52s} " + "  ".join(f"{key} {value:.4f}" for key, value in scores.items()), flush=True)


def simulator_speed():
    simulate.raw_lines(100, 1)
    rates = []
    for seed in range(3):
        start = time.process_time()
        simulate.raw_lines(300, seed)
        rates.append(300 / (time.process_time() - start))
    print(f"simulated lines per second and core: {np.median(rates):.0f}")


def real_lines(folds, seeds, epochs):
    images, texts, page = data.hand_cut_lines()
    texts = [transcription.simplified(text) for text in texts]
    cut = [lines.normalise(image) for image in images]
    reader = model.load()
    shown("hand-cut lines, simulated text alone", texts, model.read(reader, cut))
    for seed in range(seeds):
        greedy, spoken = np.empty(len(cut), object), np.empty(len(cut), object)
        for fold in range(folds):
            held = page % folds == fold
            learn, test = np.flatnonzero(~held), np.flatnonzero(held)
            adapted, _ = helpers.adapt(
                reader, [cut[i] for i in learn], [texts[i] for i in learn],
                ([cut[i] for i in test[:4]], [texts[i] for i in test[:4]]), epochs=epochs, seed=seed, progress=False,
            )
            spanish = language.LanguageModel(language.simulated_text(5000) + [texts[i] for i in learn])
            for i, log_p in zip(test, model.log_probabilities(adapted, [cut[i] for i in test]), strict=True):
                greedy[i], spoken[i] = model.greedy(log_p), language.beam_search(log_p, spanish)
        shown(f"hand-cut lines, fine-tuned, seed {seed}, greedy", texts, greedy)
        shown(f"hand-cut lines, fine-tuned, seed {seed}, language model", texts, spoken)


def whole_pages(with_tesseract):
    pages = {split: data.load(split, source="official") for split in ("train", "valid")}
    texts = [text for split in pages.values() for text in split.y]
    reader = model.load()
    start = time.process_time()
    cut = [page for split in pages.values() for page in helpers.cut(split)]
    readings = helpers.transcribe(reader, cut)
    print(f"pages per second of CPU: {len(cut) / (time.process_time() - start):.2f}")
    counts = np.array([[len(page), text.count("\n") + 1] for page, text in zip(cut, texts, strict=True)])
    print(f"pages whose number of lines is right: {np.mean(counts[:, 0] == counts[:, 1]):.3f}")
    aligned = [a for text, page in zip(texts, readings, strict=True)
               for a in transcription.align(transcription.simplified(text), page)]
    print(f"lines aligned and kept: {sum(not a.doubtful for a in aligned)} of {len(aligned)}")
    shown("whole pages, simulated text alone", texts, helpers.joined(readings))
    if with_tesseract:
        blocks = [_block(page[:h, :w]) for split in pages.values()
                  for page, (h, w) in zip(split.X, split.meta["size"], strict=True)]
        plain = [page[:h, :w] for split in pages.values()
                 for page, (h, w) in zip(split.X, split.meta["size"], strict=True)]
        for what, images in (("whole pages", plain), ("level text blocks", blocks)):
            for tongue in ("spa_old", "spa_old+spa"):
                start = os.times()
                read = [tesseract(image, tongue) for image in images]
                end = os.times()
                spent = end.children_user - start.children_user + end.children_system - start.children_system
                shown(f"{what}, tesseract {tongue} ({len(images) / spent:.2f} pages/s)", texts, read)


def adapted_pages(epochs):
    """The three held-back pages, by a reader that has learned from the other transcribed ones as the notebook does."""
    train, valid = (data.load(split, source="official") for split in ("train", "valid"))
    cut, held = helpers.cut(train), helpers.cut(valid)
    reader = model.load()
    known, texts, _ = helpers.learning_lines(cut, train.y, helpers.transcribe(reader, cut))
    adapted, _ = helpers.adapt(reader, known, texts, (known[:4], texts[:4]), epochs=epochs, progress=False)
    spanish = language.LanguageModel(language.simulated_text(5000) + texts)
    shown("held-back pages, simulated text alone", valid.y, helpers.joined(helpers.transcribe(reader, held)))
    shown("held-back pages, fine-tuned, greedy", valid.y, helpers.joined(helpers.transcribe(adapted, held)))
    shown("held-back pages, fine-tuned, language model", valid.y,
          helpers.joined(helpers.transcribe(adapted, held, spanish)))


def _block(page):
    """The level ink of the text block alone: what our own reader gets."""
    found = scan.layout(page)
    return np.where(found.level[found.top : found.bottom], 0, 255).astype(np.uint8)


def tesseract(image, tongue):
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.fromarray(image).save(file.name, dpi=(300, 300))
        command = ["tesseract", file.name, "-", "-l", tongue, "--psm", "6"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--tesseract", action="store_true")
    args = parser.parse_args()
    os.environ["DEEPLEARN_DATA"] = args.folder
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    torch.set_num_threads(1)
    simulator_speed()
    whole_pages(args.tesseract)
    adapted_pages(args.epochs)
    real_lines(args.folds, args.seeds, args.epochs)


if __name__ == "__main__":
    main()
