"""Honest title frames for a brief without photos: a small painted studio, labelled as such.

One set and one palette for all six views, so that they belong together.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files as resource_files
from pathlib import Path
from typing import Any

import numpy as np
from fontTools.ttLib import TTFont
from PIL import Image, ImageDraw, ImageFont

from adgen.domain import Aspect, Value, View
from adgen.providers.camera import FRAME, Floats, Size, smooth

COLOURS = {
    "amber": "#E0A030", "aqua": "#4FB8B8", "beige": "#D2BE9C", "black": "#17181A",
    "blue": "#3F6FC4", "brass": "#B8964A", "bronze": "#96703C", "brown": "#7E5638",
    "burgundy": "#772B3A", "charcoal": "#26282B", "copper": "#B9704A", "coral": "#EE7F68",
    "cream": "#E9DDC2", "crimson": "#B3283E", "cyan": "#3FAFC8", "emerald": "#2E8F66",
    "gold": "#C9A24B", "golden": "#C9A24B", "gray": "#8C9094", "green": "#4F9A5C",
    "grey": "#8C9094", "indigo": "#4A4FA8", "ivory": "#EBE4D3", "khaki": "#A79A68",
    "lavender": "#A596D0", "leather": "#8F5F3D", "lemon": "#E6D352", "lilac": "#B79ACB",
    "lime": "#9CC23F", "magenta": "#C23F94", "maroon": "#6E2A32", "mint": "#8FCBB0",
    "mustard": "#CFA234", "navy": "#1E2C4C", "oak": "#C49A6A", "ochre": "#C08A36",
    "olive": "#8A8B44", "orange": "#E8873A", "peach": "#F0AE8C", "pink": "#E67C9E",
    "plum": "#7A3F6C", "purple": "#7E55B0", "red": "#C63D3D", "rose": "#D9798A",
    "rust": "#AE5433", "sage": "#9DB08F", "salmon": "#EC9080", "sand": "#D3BC95",
    "scarlet": "#C8322E", "silver": "#AEB4BA", "steel": "#8E99A3", "stoneware": "#B3A48C",
    "tan": "#C29B6C", "teal": "#2F8585", "terracotta": "#C06A4A", "turquoise": "#45B5AC",
    "violet": "#7A5CC0", "walnut": "#6F4A30", "white": "#E6E6E2", "wood": "#B68755",
    "wooden": "#B68755", "yellow": "#E8C53F",
}  # fmt: skip
WARM = {"warm", "sunset", "golden", "cosy", "cozy", "summer", "sunny"}
COOL = {"cool", "winter", "cold", "fresh", "ice", "icy"}


class Palette(Value):
    """Colours of the set, red, green and blue 0..1."""

    wall: tuple[float, float, float]
    floor: tuple[float, float, float]
    plinth: tuple[float, float, float]
    shape: tuple[float, float, float]
    ink: tuple[float, float, float]
    dark: bool


def paint_placeholder(inputs: Mapping[str, Any], view: View, aspect: Aspect) -> Image.Image:
    """A title frame that says what the picture will show and that it is not a photo."""
    words = " ".join(
        [inputs.get("product", ""), *inputs.get("style_keywords", ()), inputs.get("prompt", "")]
    )
    seed = int(inputs.get("seed", 0))
    palette = _palette(words, seed)
    studio = _Studio(FRAME[aspect], palette, flat=view is View.TOP)
    _SETS[view](studio)
    image = studio.develop(seed + list(View).index(view))
    _set_type(image, inputs.get("product") or inputs.get("prompt", ""), view, palette)
    return image


def _palette(text: str, seed: int) -> Palette:
    words = re.findall(r"[^\W\d_]+", text.casefold())
    named = next((COLOURS[word] for word in words if word in COLOURS), None)
    if named:
        red, green, blue = (int(named[i : i + 2], 16) / 255 for i in (1, 3, 5))
        hue, light, full = colorsys.rgb_to_hls(red, green, blue)
    else:
        hue, light, full = (seed * 0.618034) % 1.0, 0.55, 0.42
    dark = light < 0.24
    tint = (1.05, 1.0, 0.9) if WARM & {*words} else (0.95, 1.0, 1.06) if COOL & {*words} else None

    def tone(lightness: float, share: float) -> tuple[float, float, float]:
        rgb = colorsys.hls_to_rgb(hue, lightness, min(full * share, 0.8))
        toned = [min(a * b, 1.0) for a, b in zip(rgb, tint or (1, 1, 1), strict=True)]
        return toned[0], toned[1], toned[2]

    if dark:
        wall, floor, plinth = tone(0.2, 0.5), tone(0.25, 0.5), tone(0.34, 0.6)
        return Palette(
            wall=wall,
            floor=floor,
            plinth=plinth,
            shape=tone(0.13, 0.9),
            ink=tone(0.94, 0.3),
            dark=True,
        )
    return Palette(
        wall=tone(0.79, 0.85),
        floor=tone(0.85, 0.75),
        plinth=tone(0.91, 0.6),
        shape=tone(min(max(light, 0.42), 0.8), 1.0),
        ink=tone(0.14, 0.7),
        dark=False,
    )


def _layout(size: Size) -> tuple[float, float, float]:
    """Middle of the set (right of the words, or below them) and its scale."""
    tall = size[1] / size[0]
    if tall < 1:
        return 0.7, 0.6, 0.94
    if tall < 1.2:
        return 0.5, 0.76, 0.62
    return (0.5, 0.72, 0.78) if tall < 1.5 else (0.5, 0.68, 1.0)


class _Studio:
    """A canvas of light: shapes are shaded, shadows fall to the right."""

    def __init__(self, size: Size, palette: Palette, *, flat: bool) -> None:
        self.width, self.height = size
        self.palette = palette
        across, down, scale = _layout(size)
        self.unit = min(size) / 720 * scale
        self.x = np.arange(self.width, dtype=np.float32)[None, :]
        self.y = np.arange(self.height, dtype=np.float32)[:, None]
        self.cx, self.cy = across * self.width, down * self.height
        self.ground = self.cy + 150 * self.unit
        self.light = self._backdrop(flat)

    def _backdrop(self, flat: bool) -> Floats:
        wall, floor = (np.array(c, np.float32) for c in (self.palette.wall, self.palette.floor))
        if flat:
            bend = np.full((self.height, 1), 0.6, np.float32)
        else:
            # A wall that curves into the floor, as studio paper does.
            bend = smooth((self.y - self.ground + 70 * self.unit) / (90 * self.unit))
        canvas = wall + bend[..., None] * (floor - wall)
        canvas = np.broadcast_to(canvas, (self.height, self.width, 3)).copy()
        far = np.hypot((self.x - self.cx) / self.width, (self.y - self.cy * 0.78) / self.height)
        glow = np.exp(-((far / 0.5) ** 2))[..., None]
        falling = 1.0 - 0.09 * smooth(self.y / self.height)[..., None] * (1 - bend[..., None])
        lit: Floats = canvas * falling * (0.9 + (0.46 if self.palette.dark else 0.13) * glow)
        return lit

    def blend(self, mask: Floats, colour: Floats) -> None:
        self.light += np.clip(mask, 0, 1)[..., None] * (colour - self.light)

    def shadow(self, x: float, y: float, wide: float, tall: float, strength: float) -> None:
        fall = np.exp(-(((self.x - x) / wide) ** 2) - ((self.y - y) / tall) ** 2)
        self.light *= 1 - strength * fall[..., None]

    def sphere(self, x: float, y: float, radius: float, *, shine: float = 0.3) -> None:
        dx, dy = (self.x - x) / radius, (self.y - y) / radius
        inside = dx**2 + dy**2
        dz = np.sqrt(np.clip(1 - inside, 0, 1))
        facing = np.clip(-0.52 * dx - 0.6 * dy + 0.61 * dz, 0, 1)
        # Light thrown back by the floor keeps the dark side from going dead.
        bounce = 0.16 * np.clip(dy, 0, 1) * np.clip(1 - facing, 0, 1)
        half = np.clip(-0.29 * dx - 0.335 * dy + 0.897 * dz, 0, 1)
        glint = shine * half**42 + 0.1 * shine * half**6
        body = np.array(self.palette.shape, np.float32) * (0.46 + 0.62 * facing + bounce)[..., None]
        if self.palette.dark:
            glint = glint + 0.12 * np.clip(1 - dz, 0, 1) ** 3 * np.clip(-dx - dy, 0, 1)
        self.blend((1 - np.sqrt(inside)) * radius + 0.5, body + glint[..., None])

    def plinth(self, x: float, top: float, wide: float, tall: float, colour: Any = None) -> None:
        deep = wide * 0.2
        self.shadow(x + wide * 0.45, top + tall + deep * 0.35, wide * 1.25, deep * 1.5, 0.3)
        self.shadow(x + 4, top + tall + deep * 0.4, wide * 1.02, deep * 1.1, 0.28)
        across = (self.x - x) / wide
        round_off = np.sqrt(np.clip(1 - across**2, 0, 1))
        base = np.array(colour or self.palette.plinth, np.float32)
        body = (0.68 + 0.3 * np.clip(-0.55 * across + 0.8 * round_off, 0, 1))[..., None] * base
        edge = (1 - np.abs(across)) * wide + 0.5
        low = top + tall + deep * round_off - self.y + 0.5
        body = body * (1 - 0.1 * smooth((self.y - top) / max(tall, 1)))[..., None]
        self.blend(np.minimum(np.minimum(edge, low), self.y - top + 0.5), body)
        lid = np.hypot(across, (self.y - top) / deep)
        sheen = (1.02 - 0.07 * across * np.ones_like(self.y))[..., None]
        self.blend((1 - lid) * deep + 0.5, base * sheen)

    def arch(self, x: float, base: float, wide: float, tall: float) -> None:
        spring = base - tall + wide
        round_top = np.hypot(self.x - x, np.minimum(self.y - spring, 0)) - wide
        outside = np.maximum(round_top, self.y - base)
        soft = 26 * self.unit
        cast = np.hypot(self.x - x - soft, np.minimum(self.y - spring - soft / 2, 0)) - wide
        fall = 1 / (1 + np.exp(np.clip(np.maximum(cast, self.y - base) / (soft / 3), -30, 30)))
        self.light *= 1 - 0.2 * fall[..., None]
        colour = np.array(self.palette.shape, np.float32) * 0.78
        colour = colour + np.array(self.palette.plinth, np.float32) * 0.2
        shade = (1.04 - 0.16 * (self.x - x + wide) / (2 * wide) * np.ones_like(self.y))[..., None]
        self.blend(0.5 - outside, colour * shade)

    def disc(self, x: float, y: float, radius: float, colour: Any, lift: float) -> None:
        self.shadow(x + lift, y + lift, radius * 1.08, radius * 1.08, 0.24)
        far = np.hypot(self.x - x, self.y - y)
        slope = 1.05 - 0.12 * ((self.x - x) + (self.y - y)) / (2 * radius)
        self.blend(radius - far + 0.5, np.array(colour, np.float32) * slope[..., None])

    def window_light(self) -> None:
        """Sun through a blind: slanting bars on the wall."""
        u, leaning = self.unit, self.x + 0.5 * (self.y - self.cy)
        sides = np.minimum(leaning - self.cx + 250 * u, self.cx + 210 * u - leaning)
        bars = np.zeros((self.height, self.width), np.float32)
        for number in range(7):
            y = self.cy - 390 * u + number * 54 * u + 0.06 * (self.x - self.cx)
            inside = np.minimum(np.minimum(self.y - y, y + 34 * u - self.y), sides)
            bars = np.maximum(bars, smooth(inside / (12 * u) + 0.5))
        wall = 1 - smooth((self.y - self.ground + 110 * u) / (60 * u))
        self.light *= 1 + (0.45 if self.palette.dark else 0.13) * (bars * wall)[..., None]

    def develop(self, seed: int) -> Image.Image:
        far = np.hypot(self.x / self.width - 0.5, self.y / self.height - 0.5)
        grain = np.random.default_rng(seed).normal(0, 0.0055, self.light.shape[:2])
        lit = self.light * (1 - 0.24 * far**2)[..., None] + grain[..., None]
        return Image.fromarray((np.clip(lit, 0, 1) * 255 + 0.5).astype(np.uint8))


def _set_front(s: _Studio) -> None:
    u = s.unit
    s.arch(s.cx, s.ground - 30 * u, 150 * u, 430 * u)
    s.plinth(s.cx, s.ground - 70 * u, 190 * u, 78 * u)
    s.shadow(s.cx + 26 * u, s.ground - 66 * u, 96 * u, 22 * u, 0.4)
    s.sphere(s.cx, s.ground - 166 * u, 100 * u)


def _set_side(s: _Studio) -> None:
    u = s.unit
    s.plinth(s.cx + 110 * u, s.ground - 250 * u, 82 * u, 250 * u)
    s.plinth(s.cx - 70 * u, s.ground - 100 * u, 120 * u, 120 * u, s.palette.floor)
    s.shadow(s.cx - 52 * u, s.ground - 96 * u, 84 * u, 18 * u, 0.4)
    s.sphere(s.cx - 70 * u, s.ground - 184 * u, 88 * u)
    s.sphere(s.cx + 110 * u, s.ground - 284 * u, 36 * u)


def _set_back(s: _Studio) -> None:
    u = s.unit
    s.shadow(s.cx + 120 * u, s.ground - 12 * u, 150 * u, 26 * u, 0.3)
    s.sphere(s.cx + 96 * u, s.ground - 140 * u, 126 * u)
    s.shadow(s.cx - 10 * u, s.ground + 10 * u, 190 * u, 22 * u, 0.32)
    s.arch(s.cx - 60 * u, s.ground + 8 * u, 130 * u, 380 * u)


def _set_top(s: _Studio) -> None:
    u, y = s.unit, s.cy - 50 * s.unit
    s.disc(s.cx, y, 250 * u, s.palette.plinth, 26 * u)
    s.disc(s.cx - 16 * u, y + 8 * u, 168 * u, s.palette.floor, 16 * u)
    s.shadow(s.cx + 22 * u, y + 40 * u, 120 * u, 120 * u, 0.34)
    s.sphere(s.cx - 16 * u, y + 8 * u, 104 * u)


def _set_detail(s: _Studio) -> None:
    u = s.unit
    s.shadow(s.cx + 190 * u, s.ground + 150 * u, 460 * u, 120 * u, 0.3)
    s.sphere(s.cx + 150 * u, s.ground - 40 * u, 330 * u, shine=0.42)
    s.sphere(s.cx - 190 * u, s.ground + 62 * u, 44 * u)


def _set_lifestyle(s: _Studio) -> None:
    u = s.unit
    s.window_light()
    s.plinth(s.cx + 60 * u, s.ground - 120 * u, 150 * u, 120 * u)
    s.plinth(s.cx - 110 * u, s.ground - 20 * u, 92 * u, 64 * u, s.palette.floor)
    s.shadow(s.cx + 84 * u, s.ground - 116 * u, 92 * u, 20 * u, 0.4)
    s.sphere(s.cx + 60 * u, s.ground - 212 * u, 96 * u)
    s.shadow(s.cx - 100 * u, s.ground - 16 * u, 46 * u, 12 * u, 0.38)
    s.sphere(s.cx - 110 * u, s.ground - 62 * u, 46 * u)


_SETS: dict[View, Callable[[_Studio], None]] = {
    View.FRONT: _set_front,
    View.SIDE: _set_side,
    View.BACK: _set_back,
    View.TOP: _set_top,
    View.DETAIL: _set_detail,
    View.LIFESTYLE: _set_lifestyle,
}


def _set_type(image: Image.Image, product: str, view: View, palette: Palette) -> None:
    unit = min(image.size) / 720
    ink = tuple(round(part * 255) for part in palette.ink)
    draw = ImageDraw.Draw(image, "RGBA")
    shape = image.height / image.width
    # Far enough in that a camera move leaves the words and the label in the frame.
    left, most = round((168 if shape < 1 else 92) * unit), 64 if shape == 1 else 88
    column = round(image.width * 0.505 - left) if shape < 1 else image.width - 2 * left
    lines, font = _fit(product[:1].upper() + product[1:], column, unit, most)
    leading = round(font.size * 1.12)
    if shape < 1:
        top = round(image.height * 0.46 - leading * len(lines) / 2)
    else:
        top = round((128 if shape < 1.2 else 150 if shape < 1.5 else 210) * unit)
    small = _font("A", round(21 * unit), 600)
    draw.rectangle((left, top - 34 * unit, left + 36 * unit, top - 31 * unit), fill=ink)
    _spaced(draw, (left + 50 * unit, top - 33 * unit), f"{view.value} view", small, ink)
    for number, line in enumerate(lines):
        draw.text((left - font.size * 0.04, top + number * leading), line, font=font, fill=ink)
    _label(draw, image.size, (left, top - 33 * unit), unit, palette)


def _label(
    draw: ImageDraw.ImageDraw,
    size: Size,
    caption: tuple[float, float],
    unit: float,
    palette: Palette,
) -> None:
    text, font = "Placeholder · no photo", _font("A", round(19 * unit), 500)
    ink = tuple(round(part * 255) for part in palette.ink)
    wide, tall = draw.textlength(text, font) + 30 * unit, 38 * unit
    if size[0] > size[1]:
        left, middle = caption[0], size[1] - 122 * unit
    else:
        # The set fills the foot of a tall frame, so the label shares the caption's line.
        left, middle = size[0] - caption[0] - wide, caption[1]
    box = (left, middle - tall / 2, left + wide, middle + tall / 2)
    draw.rounded_rectangle(box, tall / 2, outline=(*ink, 150), width=max(1, round(1.5 * unit)))
    draw.text((left + wide / 2, middle), text, font=font, fill=ink, anchor="mm")


def _spaced(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont,
    ink: tuple[int, ...],
) -> None:
    x = at[0]
    for letter in text.upper():
        draw.text((x, at[1]), letter, font=font, fill=ink, anchor="lm")
        x += draw.textlength(letter, font) + font.size * 0.14


def _fit(
    text: str, column: int, unit: float, most: int
) -> tuple[list[str], ImageFont.FreeTypeFont]:
    """The largest type in which the words fill at most three lines of the column."""
    words = _drawable(text).split() or ["Your", "product"]
    for points in range(most, 33, -4):
        font = _font("".join(words), round(points * unit), 750)
        lines = _wrap(words, font, column)
        if len(lines) <= 3 and all(font.getlength(line) <= column for line in lines):
            return lines, font
    return [_shorten(line, font, column) for line in lines[:3]], font


def _wrap(words: Sequence[str], font: ImageFont.FreeTypeFont, column: int) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        longer = f"{lines[-1]} {word}"
        if font.getlength(longer) <= column:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _shorten(line: str, font: ImageFont.FreeTypeFont, column: int) -> str:
    if font.getlength(line) <= column:
        return line
    while line and font.getlength(f"{line}…") > column:
        line = line[:-1]
    return f"{line}…"


def _font(text: str, size: int, weight: int) -> ImageFont.FreeTypeFont:
    path = next((p for p, signs in _fonts().items() if {*map(ord, text)} <= signs), None)
    font = ImageFont.truetype(path or next(iter(_fonts())), size)
    font.set_variation_by_axes([weight])
    return font


def _drawable(text: str) -> str:
    """The text without signs that no one font of ours has: no boxes on the picture."""
    best = max(_fonts().values(), key=lambda signs: sum(ord(sign) in signs for sign in text))
    return "".join(sign for sign in text if sign.isspace() or ord(sign) in best)


@lru_cache(maxsize=1)
def _fonts() -> dict[str, frozenset[int]]:
    folder = Path(str(resource_files("manimgx_fonts")))
    latin = folder / "NotoSans[wght].ttf"
    others = sorted(p for p in folder.glob("NotoSans?*[[]wght].ttf") if "Italic" not in p.name)
    found: dict[str, frozenset[int]] = {}
    for path in dict.fromkeys([latin, *others]):
        with TTFont(path, lazy=True) as font:
            found[str(path)] = frozenset(font.getBestCmap())
    return found
