"""The animation of the README, from a real page of a site that was built.

    python -m tests.browser.animation build/site

A lump of dark matter moves around the ring of StrongLensing and grows, and the network reads the ring. Written to
common/try.gif, at most 2 MB.
"""

import argparse
import io
import math
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from common.challenge import ROOT

OUT = ROOT / "common" / "try.gif"
FRAMES, WIDTH = 24, 560


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    page_file = parser.parse_args().site.resolve() / "demos" / "StrongLensing.html"
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    pictures = []
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 700, "height": 1000}, color_scheme="light")
        page.goto(page_file.as_uri())
        ring = page.locator("#own")
        for k in range(FRAMES):
            # On a circle of 0.8 arcsec; the picture is 5.12 arcsec wide
            angle, box = 2 * math.pi * k / FRAMES, ring.bounding_box()
            x, y = (box["width"] * (0.5 + 0.8 / 5.12 * turn) for turn in (math.cos(angle), math.sin(angle)))
            page.locator("#lump").fill(f"{8.8 + 1.4 * k / FRAMES:.1f}")  # decimal logarithm of the mass
            ring.click(position={"x": x, "y": y})
            top = page.locator("#own").bounding_box()["y"]
            below = [page.locator(name).bounding_box() for name in ("#answer", "#change")]
            bottom = max(box["y"] + box["height"] for box in below)
            clip = {"x": 0, "y": top - 10, "width": 700, "height": bottom - top + 20}
            shot = page.screenshot(clip=clip, full_page=True)
            pictures.append(Image.open(io.BytesIO(shot), formats=("PNG",)).convert("RGB"))
        browser.close()
    size = WIDTH, round(pictures[0].height * WIDTH / pictures[0].width)
    first, *others = [picture.resize(size, Image.Resampling.LANCZOS).quantize(128, dither=0) for picture in pictures]
    first.save(OUT, save_all=True, append_images=others, duration=160, loop=0, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size / 1e6:.2f} MB, {len(pictures)} frames of {size[0]} x {size[1]}")


if __name__ == "__main__":
    main()
