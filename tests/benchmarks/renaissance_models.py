"""How well the real book is read: lines and whole pages, before and after learning from it, and tesseract beside it.

    python tests/benchmarks/renaissance_models.py FOLDER [PART ...] [--folds 6] [--seeds 3] [--epochs 8]

FOLDER has the sub-folder RenAIssance with the scan, its transcription and the hand-cut lines. PARTs are `speed`,
`statistics`, `lines`, `pages`, `press`, `kinds`, `ablation` (without any: all of them but the last), and `tesseract`,
which has to be installed with its languages spa and spa_old. Pages, not lines, are divided into folds: a
page's lines are read by a reader that has learned from other pages. Each reader starts from the shipped one.

renaissance_printed.csv has what is printed where the transcription says otherwise: wherever the shipped reader and the
transcription differ, the scan was looked up by eye. What both have wrong is not in it.
"""

import argparse
import csv
import os
import subprocess
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from RenAIssance import data, language, lines, metrics, model, press, reading, scan, simulate, transcription
from RenAIssance import pages as sheets
from RenAIssance.train import adapt, learning_lines, train_simulated

PRINTED = Path(__file__).with_name("renaissance_printed.csv")


def shown(name, truth, read):
    scores = metrics.error_rates(truth, read)
    print(f"{name:58s} " + "  ".join(f"{key} {value:.4f}" for key, value in scores.items()), flush=True)


def speed(args):
    simulate.lines(400, 1)
    for name, make in (("printed", simulate.raw_lines), ("printed and brought to one geometry", simulate.lines)):
        rates = []
        for seed in range(3):
            start = time.process_time()
            make(300, seed)
            rates.append(300 / (time.process_time() - start))
        print(f"lines per second and core, {name}: {np.median(rates):.0f}")


def statistics(args):
    """Medians of hand-cut lines and of real pages, beside simulated ones."""
    real = np.median(lines.statistics(data.hand_cut_lines()[0]), axis=0)
    simulated = np.median(lines.statistics(simulate.raw_lines(400, 3)[0]), axis=0)
    for name, a, b in zip(("x-height", "stroke", "ink fraction", "height"), real, simulated, strict=True):
        print(f"lines, {name:14s} real {a:.3f}  simulated {b:.3f}  ratio {b / a:.2f}")
    real, simulated = (
        np.median([(found.x_height, found.pitch) for found in map(scan.layout, images)], axis=0)
        for images in (_images(data.load("train", source="official")), simulated_pages(3, 3)[0])
    )
    for name, a, b in zip(("x-height", "line pitch"), real, simulated, strict=True):
        print(f"pages, {name:14s} real {a:.3f}  simulated {b:.3f}  ratio {b / a:.2f}")


def _fine_tuned(args, reader, known, texts, seed=0):
    adapted, _ = adapt(reader, known, texts, (known[:4], texts[:4]), epochs=args.epochs,
                               simulated=args.simulated, seed=seed, progress=False)
    return adapted


def as_printed(texts):
    """The transcribed hand-cut lines, with what the scan has where a transcriber put something else."""
    texts = list(texts)
    with open(PRINTED, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            line = int(row["line"])
            if texts[line].count(row["transcribed"]) != 1:
                raise ValueError(f"{PRINTED.name}: line {line} has not once {row['transcribed']!r}: {texts[line]!r}")
            texts[line] = texts[line].replace(row["transcribed"], row["printed"])
    return texts


def real_lines(args):
    images, texts, page = data.hand_cut_lines()
    texts = [transcription.simplified(text) for text in texts]
    printed = as_printed(texts)
    cut = [lines.normalise(image) for image in images]
    reader = model.load()
    before = model.log_probabilities(reader, cut)
    read = [model.greedy(log_p) for log_p in before]
    shown("hand-cut lines, simulated text alone", texts, read)
    shown("the same, beside what is printed", printed, read)
    table = metrics.confusions(texts, read)
    print("confusions:", ", ".join(f"{a or '-'}>{b or '-'} {count}" for (a, b), count in table.most_common(12)))
    invented = language.simulated_text(args.language)
    for seed in range(args.seeds):
        greedy, spoken = np.empty(len(cut), object), np.empty(len(cut), object)
        for fold in range(args.folds):
            held = page % args.folds == fold
            learn, test = np.flatnonzero(~held), np.flatnonzero(held)
            known = [texts[i] for i in learn]
            adapted = _fine_tuned(args, reader, [cut[i] for i in learn], known, seed)
            spanish = language.LanguageModel(invented + known)
            for i, log_p in zip(test, model.log_probabilities(adapted, [cut[i] for i in test]), strict=True):
                greedy[i], spoken[i] = model.greedy(log_p), language.beam_search(log_p, spanish)
        shown(f"hand-cut lines, fine-tuned, seed {seed}, greedy", texts, greedy)
        shown("the same, beside what is printed", printed, greedy)
        shown(f"hand-cut lines, fine-tuned, seed {seed}, language model", texts, spoken)


def _images(dataset):
    return [page[:h, :w] for page, (h, w) in zip(dataset.X, dataset.meta["size"], strict=True)]


def _right(cut, texts):
    return np.mean([len(page) == text.count("\n") + 1 for page, text in zip(cut, texts, strict=True)])


def whole_pages(args):
    """All transcribed pages, from the PDF on: by the shipped reader, and by readers that learned from other pages."""
    parts = [data.load(split, source="official") for split in ("train", "valid")]
    texts = sum((part.y for part in parts), [])
    reader = model.load()
    start = time.process_time()
    cut = sum((reading.cut(part) for part in parts), [])
    readings = reading.transcribe(reader, cut)
    ours = len(cut) / (time.process_time() - start)
    print(f"pages per second of CPU: {ours:.2f}")
    print(f"pages whose number of lines is right: {_right(cut, texts):.3f}")
    aligned = [a for text, page in zip(texts, readings, strict=True)
               for a in transcription.align(transcription.simplified(text), page)]
    print(f"lines aligned and kept: {sum(not a.doubtful for a in aligned)} of {len(aligned)}")
    shown("whole pages, simulated text alone", texts, reading.joined(readings))
    greedy, spoken = [None] * len(cut), [None] * len(cut)
    for fold in range(args.folds):
        test, learn = (np.flatnonzero((np.arange(len(cut)) % args.folds == fold) == held) for held in (True, False))
        known, known_texts, _ = learning_lines(*([part[i] for i in learn] for part in (cut, texts, readings)))
        adapted = _fine_tuned(args, reader, known, known_texts)
        spanish = language.LanguageModel(language.simulated_text(args.language) + known_texts)
        pages = [cut[i] for i in test]
        for i, a, b in zip(test, reading.transcribe(adapted, pages), reading.transcribe(adapted, pages, spanish),
                           strict=True):
            greedy[i], spoken[i] = a, b
    shown("whole pages, fine-tuned, greedy", texts, reading.joined(greedy))
    shown("whole pages, fine-tuned, language model", texts, reading.joined(spoken))
    return ours


def other_tools(args):
    """Tesseract on the three held-back pages, on our level text blocks of them, and on their level hand-cut lines."""
    valid = data.load("valid", source="official")
    plain = _images(valid)
    images, texts, page = data.hand_cut_lines()
    rows = [i for i, number in enumerate(page) if number in valid.meta["page"]]
    level = [np.pad(255 - lines.level(images[i]), 12, constant_values=255) for i in rows]
    reader, start = model.load(), time.process_time()
    readings = reading.joined(reading.transcribe(reader, reading.cut(valid)))
    ours = len(plain) / (time.process_time() - start)
    shown(f"held-back pages, shipped reader ({ours:.2f} a second)", valid.y, readings)
    shown("their level lines, shipped reader", [texts[i] for i in rows],
          model.read(reader, [lines.normalise(images[i]) for i in rows]))
    for what, seen, truth, mode in (
        ("held-back pages", plain, valid.y, 6), ("their level text blocks", list(map(text_block, plain)), valid.y, 6),
        ("their level lines", level, [texts[i] for i in rows], 7),
    ):
        for tongue in ("spa_old", "spa_old+spa"):
            start = os.times()
            read = tesseract(seen, tongue, mode)
            end = os.times()
            spent = end.children_user - start.children_user + end.children_system - start.children_system
            shown(f"{what}, tesseract {tongue} ({len(seen) / spent:.2f} a second)", truth, read)


def text_block(page):
    """The level ink of the text block alone: what our own reader gets."""
    found = scan.layout(page)
    return np.where(found.level[found.top : found.bottom], 0, 255).astype(np.uint8)


def tesseract(images, tongue, mode):
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for i, image in enumerate(images):
            names.append(f"{folder}/{i:03d}.png")
            Image.fromarray(image).save(names[-1], dpi=(300, 300))
        Path(folder, "all.txt").write_text("\n".join(names))
        command = ["tesseract", f"{folder}/all.txt", "-", "-l", tongue, "--psm", str(mode)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\f")[: len(images)]


def simulated_pages(n, seed, **options):
    """Images at 300 dpi and texts of the pages of n simulated spreads."""
    dataset = data.pages_of(sheets.spreads(n, seed, **options))
    return _images(dataset), dataset.y


def _read_pages(reader, images):
    cut = []
    for image in images:
        pieces, found = scan.line_images(image)
        cut.append([lines.normalise(piece, found.x_height) for piece in pieces])
    return cut, reading.transcribe(reader, cut)


def another_press(args):
    """A clearly different one: a sturdy type of today, lines nearer to each other, no rules, no notes."""
    reader = model.load()
    plain = sheets.Effects(frame=False, notes=False)
    for name, options in (("the simulated book", {}), ("another press", dict(
            type_=press.OTHER_PRESS, italic=press.OTHER_PRESS, effects=plain, pitch=52))):
        images, texts = simulated_pages(8, 11, **options)
        cut, readings = _read_pages(reader, images)
        print(f"{name}: pages whose number of lines is right: {_right(cut, texts):.2f}")
        known, known_texts, errors = learning_lines(cut[:10], texts[:10], readings[:10])
        print(f"{name}: lines aligned and kept on 10 pages: {len(known)} of {len(errors)}")
        adapted = _fine_tuned(args, reader, known, known_texts)
        shown(f"{name}, shipped reader", texts[10:], reading.joined(readings[10:]))
        shown(f"{name}, fine-tuned on 10 pages", texts[10:], reading.joined(reading.transcribe(adapted, cut[10:])))


NO_FRAME = sheets.Effects(frame=False)
KINDS = {
    "as the book": {},
    "title in spaced capitals, initial": dict(effects=sheets.Effects(capitals=True)),
    "drop capital in a woodcut": dict(effects=sheets.Effects(woodcut=True)),
    "vignette, last line of three letters": dict(effects=sheets.Effects(ending=True)),
    "broken level rules": dict(effects=sheets.Effects(broken=True)),
    "bowed lines and rules": dict(effects=sheets.Effects(bowed=True)),
    "these five": dict(effects=sheets.OTHER_BOOK),
    "no frame": dict(effects=NO_FRAME),
    "no frame, these five": dict(effects=replace(sheets.OTHER_BOOK, frame=False)),
    "no frame, another press": dict(effects=NO_FRAME, type_=press.OTHER_PRESS, italic=press.OTHER_PRESS, pitch=52),
    "notes on both sides": dict(effects=sheets.Effects(margins=True)),
    "notes on both sides, no frame": dict(effects=replace(NO_FRAME, margins=True)),
    "two columns": dict(effects=sheets.Effects(columns=True)),
    "two columns, no frame": dict(effects=replace(NO_FRAME, columns=True)),
    "two columns, no frame, bowed, a title": dict(
        effects=replace(NO_FRAME, columns=True, bowed=True, woodcut=True)),
    "shadow": dict(effects=sheets.Effects(shadow=True)),
    "shadow, no frame, bowed": dict(effects=replace(NO_FRAME, shadow=True, bowed=True)),
    "shadow, in colour": dict(effects=sheets.Effects(shadow=True), colour=True),
    **{f"{dpi} dpi": dict(dpi=dpi) for dpi in (100, 200, 400, 600)},
}  # fmt: skip


def kinds(args):
    """Ten simulated pages of each kind that other books have, read by the shipped reader."""
    reader = model.load()
    print("kind | lines right on | CER | normalised")
    for name, options in KINDS.items():
        if {"dpi", "colour"} & options.keys():
            images, texts = scanned_pages(5, args.seed, **options)
        else:
            images, texts = simulated_pages(5, args.seed, **options)
        readings = [_read_page(reader, image) for image in images]
        right = sum(read.count("\n") == text.count("\n") for read, text in zip(readings, texts, strict=True))
        scores = metrics.error_rates(texts, readings)
        print(f"{name} | {right} of {len(texts)} | {scores['CER']:.4f} | {scores['CER (normalised)']:.4f}", flush=True)


def _read_page(reader, image):
    """A page that is refused counts as not read."""
    try:
        return reading.joined(_read_pages(reader, [image])[1])[0]
    except ValueError as error:
        print(f"    refused: {error}", flush=True)
        return ""


def scanned_pages(n, seed, dpi=150, colour=False, **options):
    """Pages and texts of n simulated spreads, from a PDF of grey or brown JPEG images of another resolution."""
    dataset = sheets.spreads(n, seed, **options)
    images = []
    for spread in dataset.X:
        image = Image.fromarray(spread)
        image = image.resize([round(side * dpi / 150) for side in image.size], Image.Resampling.BICUBIC)
        if colour:
            grey = np.asarray(image)[..., None] / 255
            image = Image.fromarray(np.uint8(255 * grey ** [0.9, 1, 1.35] * [1, 0.94, 0.8]))
        images.append(image)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "book.pdf")
        images[0].save(path, save_all=True, append_images=images[1:], resolution=dpi, quality=85)
        return scan.pages(path), sum((text.split("\f") for text in dataset.y), [])


def ablation(args):
    """What each effect of the simulator is good for.

    Of lines: the shipped reader goes on learning from lines that lack an effect; what it forgets shows on the real
    ones. Of pages: what the shipped reader makes of simulated pages that lack an effect.
    """
    images, texts, _ = data.hand_cut_lines()
    texts, cut = [transcription.simplified(text) for text in texts], [lines.normalise(image) for image in images]
    variants = {"nothing": {}, "all faces but one": dict(faces=press.TRAINING_TYPE[:1])}
    variants |= {f.name: dict(effects=replace(simulate.ALL, **{f.name: False})) for f in fields(simulate.Effects)}
    for name, options in variants.items():
        reader = train_simulated(args.seconds / 60, 5, lr=1e-3, start=model.load(), report=lambda _: None, **options)
        shown(f"real lines, {args.seconds} s of lines without: {name}", texts, model.read(reader, cut))
    reader = model.load()
    for name in ("nothing", *(f.name for f in fields(sheets.Effects) if f.default)):
        effects = sheets.ALL if name == "nothing" else replace(sheets.ALL, **{name: False})
        images, texts = simulated_pages(3, 21, effects=effects)
        cut, readings = _read_pages(reader, images)
        shown(f"simulated pages without: {name}, lines right {_right(cut, texts):.2f}", texts, reading.joined(readings))


PARTS = {
    "speed": speed, "statistics": statistics, "lines": real_lines, "pages": whole_pages, "press": another_press,
    "kinds": kinds, "ablation": ablation, "tesseract": other_tools,
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--simulated", type=int, default=200, help="lines mixed into those that are learned from")
    parser.add_argument("--language", type=int, default=20_000, help="simulated lines for the language model")
    parser.add_argument("--seconds", type=int, default=60, help="of learning for each line of the ablation")
    parser.add_argument("--seed", type=int, default=77, help="of the pages of all kinds")
    args = parser.parse_args()
    os.environ["DEEPLEARN_DATA"] = args.folder
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")
    torch.set_num_threads(1)
    for part in args.parts or list(PARTS)[:-2]:
        if part not in PARTS:
            parser.error(f"unknown part {part!r}: expected one of {', '.join(PARTS)}")
        PARTS[part](args)


if __name__ == "__main__":
    main()
