"""Photograph many products in the studio, one sheet in docs/pictures: `python -m tests.mockups`."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from adgen.domain import View
from adgen.providers.studio import scenes
from tests.conftest import ROOT

# Every product twice, in other colours and stuffs, and words that no product here is called.
PROMPTS = (
    "pink tennis shoes",
    "white leather sneakers on a teal background",
    "amber glass bottle of syrup, morning light",
    "brushed steel water bottle",
    "navy blue can of tonic",
    "matte black can of cold brew coffee, moody",
    "white ceramic mug",
    "terracotta stoneware mug, warm morning",
    "glass jar of honey",
    "lavender face cream jar",
    "mint hand cream",
    "coral sunscreen, summer beach",
    "orange cereal box",
    "emerald chocolate box, luxury",
    "brown leather handbag",
    "red canvas tote bag",
    "silver phone",
    "rose gold phone, pastel",
    "gold watch with a black dial, elegant",
    "tan leather watch",
    "purple headphones, neon",
    "cream leather headphones",
    "teal ceramic lamp",
    "black metal desk lamp, evening",
    "mustard fabric chair",
    "walnut wood dining chair",
    "sage green scented candle",
    "blue glass candle, cozy",
    "yellow drone",
    "turquoise board game",
    "crimson skateboard, studio",
)
SEED, TILE, COLUMNS, CAPTION = 424_242, (480, 270), 4, 26
SHEET = ROOT / "docs" / "pictures" / "mockups.jpg"


def main() -> int:
    """Each prompt's front view; with a view's name as the argument, that one."""
    view = View(sys.argv[1]) if len(sys.argv) > 1 else View.FRONT
    out = SHEET if view is View.FRONT else SHEET.with_stem(f"mockups-{view}")
    _sheet(view, out)
    sys.stdout.write(f"{out}\n")
    return 0


def _sheet(view: View, out: Path) -> None:
    rows = -(-len(PROMPTS) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * TILE[0], rows * (TILE[1] + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for number, prompt in enumerate(PROMPTS):
        inputs = {"prompt": prompt, "product": prompt, "seed": SEED + number, "style_keywords": []}
        picture = scenes.picture(inputs, view, (TILE[0] * 3 // 2, TILE[1] * 3 // 2), 6)
        left, top = number % COLUMNS * TILE[0], number // COLUMNS * (TILE[1] + CAPTION)
        sheet.paste(picture.resize(TILE, Image.Resampling.LANCZOS), (left, top))
        draw.text((left + 8, top + TILE[1] + 4), prompt, "#333333", font)
    sheet.save(out, quality=88)


if __name__ == "__main__":
    sys.exit(main())
