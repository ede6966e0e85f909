"""Everything side by side: speed, training, quality, real samples, cost and faults, in one table.

    python -m tests.benchmarks.bench [--sections speed ...] [--only Higgs ...] [--real FOLDER] [--out build/bench.json]

Sections run one after the other, each in a process of its own with one thread; a section that fails is named at the
end, and the exit status is then 1. Rows that were not asked for stay in the file --out, each with the machine and
the day on which it was measured. Those of BENCHMARKS.md are in tests/benchmarks/measured.json: with this as --out, and
--page BENCHMARKS.md, a part of the page is measured again, for example

    python -m tests.benchmarks.bench --sections quality --only NMRSpin --out tests/benchmarks/measured.json \\
        --page BENCHMARKS.md
"""

import argparse
import json
import multiprocessing
import os
import platform
import sys
from datetime import date
from pathlib import Path

BEGIN, END = "<!-- bench: written by `make bench` -->", "<!-- end of bench -->"
SECTIONS = ("speed", "gpu", "training", "quality", "cost", "faults")


def machine():
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def measured(section, options):
    """The rows of one section."""
    import torch

    torch.set_num_threads(1)
    from tests.benchmarks import cost, faults, gpu, quality, speed, training

    challenges = options.only
    return {
        "speed": lambda: speed.rows(challenges),
        "gpu": lambda: gpu.rows(challenges),
        "training": lambda: training.rows(challenges, options.seeds),
        "quality": lambda: quality.rows(challenges, options.seeds, options.real),
        "cost": lambda: cost.rows(options.events // 8),
        "faults": lambda: faults.rows(options.events),
    }[section]()


def run_section(section, options):
    """Measure a section in this process, and store each row in the file as soon as it is there."""
    from common.files import atomic_write

    rows, here = [], f"{machine()}, {date.today().isoformat()}"
    for row in measured(section, options):
        rows.append(row.as_dict() | {"measured": here})
        # Rows of challenges that are not measured now stay, also those that another run has stored meanwhile.
        stored = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
        others = [
            row for row in stored.get(section, [])
            if options.only and row["challenge"].split(",")[0] not in options.only
        ]  # fmt: skip
        stored[section] = others + rows
        with atomic_write(options.out) as temporary:
            temporary.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


def show(path):
    """The table of a stored file, as text."""
    from tests.benchmarks.table import Row, as_text

    stored = json.loads(path.read_text("utf-8"))
    return as_text([
        Row(**{name: float("nan") if value is None else value for name, value in row.items()})
        for section in SECTIONS for row in stored.get(section, [])
    ])  # fmt: skip


def write_into(page, table, marks=(BEGIN, END)):
    """Put a table between its marks in a page in Markdown."""
    from common.files import atomic_write

    text = page.read_text("utf-8")
    before, rest = text.split(marks[0])
    _, after = rest.split(marks[1])
    with atomic_write(page) as temporary:
        temporary.write_text(f"{before}{marks[0]}\n\n{table}\n\n{marks[1]}{after}", "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--only", nargs="+", metavar="CHALLENGE", help="of speed, training and quality")
    parser.add_argument("--real", type=Path, metavar="FOLDER", help="of official samples")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--events", type=int, default=200_000, help="Higgs events of the faults; an eighth for cost")
    parser.add_argument("--out", type=Path, default=Path("build", "bench.json"))
    parser.add_argument("--show", action="store_true", help="print what is stored, measure nothing")
    parser.add_argument("--page", type=Path, help="in Markdown, whose marked part is replaced by the table")
    options = parser.parse_args()
    if options.real is not None and not options.real.is_dir():
        parser.error(f"--real {options.real}: no such folder")
    os.environ |= dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )
    failed = []
    for section in [] if options.show else options.sections:
        print(f"--- {section}", flush=True)
        process = multiprocessing.get_context("spawn").Process(target=run_section, args=(section, options))
        process.start()
        process.join()
        failed += [section] if process.exitcode else []
    if options.out.exists():
        print(show(options.out))
        if options.page:
            write_into(options.page, show(options.out))
    if options.page:
        from tests.benchmarks import published

        published.keep_full_runs()
        write_into(options.page, published.as_text(), published.MARKS)
    for section in failed:
        print(f"{section} failed, see above", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
