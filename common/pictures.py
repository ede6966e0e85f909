"""The pictures of the README and the site, drawn from what the simulators make: python -m common.pictures [FOLDER ...]

Each challenge draws its own: `helpers.picture(axes)`, on three square axes. The banner is a strip of them all.
"""

import argparse
import importlib
import sys

import matplotlib.pyplot as plt

from common.challenge import ROOT, registry
from common.files import atomic_write
from common.plotting import use_style

BACKGROUND = "#0b0d12"


def draw(folder):
    """Write `picture.png` of a challenge: three squares side by side."""
    helpers = importlib.import_module(f"{folder}.helpers")
    fig, axes = _dark(3)
    helpers.picture(axes)
    for ax in axes:
        ax.set(xticks=[], yticks=[], xticklabels=[], yticklabels=[])
    _save(fig, ROOT / folder / "picture.png")


def banner(folders):
    """Write `common/banner.png`: the middle square of each picture."""
    fig, axes = _dark(len(folders))
    for folder, ax in zip(folders, axes, strict=True):
        image = plt.imread(ROOT / folder / "picture.png")
        third = image.shape[1] // 3
        ax.imshow(image[:, third : 2 * third], aspect="auto")
    _save(fig, ROOT / "common" / "banner.png")


def _dark(columns):
    use_style()
    fig, axes = plt.subplots(
        1, columns, figsize=(2 * columns, 2), facecolor=BACKGROUND, layout="none",
        gridspec_kw={"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0},
    )  # fmt: skip
    for ax in axes:
        ax.set_facecolor(BACKGROUND)
        for spine in ax.spines.values():
            spine.set_visible(False)
        ax.set(xticks=[], yticks=[])
    return fig, axes


def _save(fig, path):
    with atomic_write(path) as temporary:
        fig.savefig(temporary, dpi=120, facecolor=BACKGROUND, bbox_inches=None, metadata={"Software": None})
    plt.close(fig)


def main(argv=None):
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m common.pictures", description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", help="challenges (default: all)")
    args = parser.parse_args(argv)
    if unknown := set(args.folders) - set(registry()):
        parser.error(f"no challenge {', '.join(sorted(unknown))}: choose from {', '.join(registry())}")
    for folder in args.folders or registry():
        draw(folder)
    banner([folder for folder in registry() if (ROOT / folder / "picture.png").exists()])
    return 0


if __name__ == "__main__":
    sys.exit(main())
