"""Pictures that lie on surfaces: labels with the product's name, screens, dials, grain, weave."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from adgen.domain import Font
from adgen.providers.letters import read
from adgen.providers.typeset import Tier, set_type

Colour = tuple[float, float, float]
Pixels = NDArray[np.uint8]
WHITE, INK = (0.96, 0.955, 0.94), (0.09, 0.09, 0.1)


def pen(colour: Colour) -> tuple[int, int, int]:
    """The colour as Pillow takes it."""
    red, green, blue = (round(max(0.0, min(part, 1.0)) * 255) for part in colour)
    return red, green, blue


def light_of(colour: Colour) -> float:
    """How light the eye takes a colour to be, 0..1."""
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of the other in the one."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def toned(colour: Colour, light: float, fullness: float = 1.0) -> Colour:
    """The same hue at another lightness (0..1), with so much of its saturation."""
    hue, _, full = colorsys.rgb_to_hls(*colour)
    return colorsys.hls_to_rgb(hue, light, min(full * fullness, 1.0))


def ink_on(colour: Colour) -> Colour:
    """A colour for words that reads on this one."""
    return INK if light_of(colour) > 0.42 else WHITE


def words_on(
    image: Image.Image, text: str, box: tuple[float, float, float, float], ink: Colour, font: Font,
    lines: int = 2,
) -> None:  # fmt: skip
    """Set words in the middle of a box (shares of the picture), as large as they go."""
    left, top, right, bottom = (
        round(at * side) for at, side in zip(box, image.size * 2, strict=True)
    )
    room = (max(right - left, 8), max(bottom - top, 8))
    most = max(1, min(lines, len(text.split())))
    least = min(room[1] * 0.3, room[0] * 1.5 / max(map(len, text.split()), default=1))
    tiers = [Tier(n, least if n < most else 0) for n in range(1, most + 1)]
    setting = set_type(read(text, font), room, room[1] * 0.8, tiers)
    if setting is None:
        return
    at = (left + (room[0] - setting.ink.width) // 2, top + (room[1] - setting.ink.height) // 2)
    alpha = setting.ink
    image.paste((*pen(ink), 255), (at[0], at[1], at[0] + alpha.width, at[1] + alpha.height), alpha)


def printed(
    name: str, ground: Colour, shape: tuple[int, int], font: Font, small: str = "", *,
    framed: bool = True,
) -> Pixels:  # fmt: skip
    """Words on this ground, `shape` pixels wide and high."""
    image, ink = Image.new("RGBA", shape, (*pen(ground), 255)), ink_on(ground)
    draw = ImageDraw.Draw(image)
    wide, high = shape
    thin = max(2, round(min(shape) * 0.012))
    if framed:
        inset = round(min(shape) * 0.07)
        frame = (inset, inset, wide - inset, high - inset)
        draw.rectangle(frame, outline=(*pen(ink), 255), width=thin)
    if high > 1.8 * wide:
        along = Image.new("RGBA", (round(high * 0.76), wide), (*pen(ground), 255))
        words_on(along, name, (0.0, 0.2, 1.0, 0.8), ink, font, 1)
        image.paste(along.rotate(90, expand=True), (0, round(high * 0.03)))
    else:
        words_on(image, name, (0.14, 0.24, 0.86, 0.68 if small else 0.76), ink, font, 3)
    if small:
        middle = round(high * 0.735)
        rule = (round(wide * 0.42), middle, round(wide * 0.58), middle + thin)
        draw.rectangle(rule, fill=(*pen(ink), 255))
        words_on(image, small, (0.2, 0.775, 0.8, 0.845), ink, Font.MANROPE, 1)
    return np.asarray(image)


def wrap(name: str, ground: Colour, accent: Colour, shape: tuple[int, int], font: Font) -> Pixels:
    """A label that goes round: the name on the front and the back, bands at its rims."""
    image = Image.new("RGBA", shape, (*pen(ground), 255))
    draw = ImageDraw.Draw(image)
    wide, high = shape
    band = round(high * 0.07)
    for top in (0, high - band):
        draw.rectangle((0, top, wide, top + band), fill=(*pen(accent), 255))
    ink = ink_on(ground)
    for middle in (0.25, 0.75):
        words_on(image, name, (middle - 0.1, 0.3, middle + 0.1, 0.7), ink, font, 3)
    return np.asarray(image)


def carton(name: str, ground: Colour, accent: Colour, shape: tuple[int, int], font: Font) -> Pixels:
    """A side of a box: a field of the second colour with the name, a disc half in it."""
    image = Image.new("RGBA", shape, (*pen(ground), 255))
    draw = ImageDraw.Draw(image)
    wide, high = shape
    draw.rectangle((0, round(high * 0.56), wide, high), fill=(*pen(accent), 255))
    reach, middle = round(high * 0.17), round(high * 0.56)
    disc = (wide // 2 - reach, middle - reach, wide // 2 + reach, middle + reach)
    draw.ellipse(disc, fill=(*pen(mix(ground, accent, 0.5)), 255))
    words_on(image, name, (0.1, 0.1, 0.9, 0.34), ink_on(ground), font, 2)
    return np.asarray(image)


def dial(name: str, face: Colour, hand: Colour, side: int = 512) -> Pixels:
    """A watch's face at ten past ten."""
    image = Image.new("RGBA", (side * 2, side * 2), (*pen(face), 255))
    draw = ImageDraw.Draw(image)
    ink, middle = ink_on(face), side
    for minute in range(60):
        way = np.array([np.sin(minute * np.pi / 30), -np.cos(minute * np.pi / 30)])
        hour = minute % 5 == 0
        start, end = middle + way * side * (0.76 if hour else 0.86), middle + way * side * 0.92
        tick = round(side * (0.034 if hour else 0.01))
        draw.line([*start, *end], fill=(*pen(ink), 255), width=tick)
    words_on(image, name, (0.36, 0.27, 0.64, 0.36), ink, Font.MANROPE, 1)
    for degrees, long, thick, colour in (
        (305, 0.5, 0.06, ink), (60, 0.76, 0.045, ink), (196, 0.8, 0.014, hand),
    ):  # fmt: skip
        way = np.array([np.sin(np.radians(degrees)), -np.cos(np.radians(degrees))])
        start, end = middle - way * side * 0.1, middle + way * side * long
        draw.line([*start, *end], fill=(*pen(colour), 255), width=round(side * thick))
    draw.ellipse([middle - side * 0.04] * 2 + [middle + side * 0.04] * 2, fill=(*pen(hand), 255))
    return np.asarray(image.reduce(2))


def screen(name: str, colour: Colour, shape: tuple[int, int], seed: int) -> Pixels:
    """A phone's lit face: soft shapes of light in the product's colour, time and name."""
    wide, high = shape
    y, x = np.mgrid[0:high, 0:wide] / high
    hue, _, full = colorsys.rgb_to_hls(*colour)
    hue = hue if full > 0.15 else 0.6
    dice = np.random.default_rng(seed)
    full = max(full, 0.35)
    lit = np.ones((high, wide, 3)) * colorsys.hls_to_rgb(hue, 0.2, full)
    for step in range(5):
        at = dice.uniform((0, 0), (wide / high, 1))
        tint = np.array(colorsys.hls_to_rgb((hue + 0.09 * (step - 2)) % 1, 0.52, full))
        fall = np.exp(-(((x - at[0]) ** 2 + (y - at[1]) ** 2) / 0.05))[..., None]
        lit += fall * (tint - lit) * 0.85
    image = Image.fromarray((np.clip(lit, 0, 1) * 255).astype(np.uint8)).convert("RGBA")
    words_on(image, "10:09", (0.16, 0.13, 0.84, 0.24), WHITE, Font.MANROPE, 1)
    words_on(image, name, (0.2, 0.27, 0.8, 0.315), WHITE, Font.MANROPE, 1)
    return np.asarray(image)


def lit_cloth() -> Pixels:
    """A lampshade with its bulb behind it."""
    y, x = np.mgrid[0:128, 0:256]
    glow = np.exp(-(((y / 128 - 0.5) / 0.42) ** 2)) * (0.9 + 0.1 * np.cos(x / 256 * 2 * np.pi * 2))
    ribs = 1 - 0.05 * (np.abs(np.sin(x * np.pi / 8)) > 0.96)
    lit = (0.5 + 0.5 * glow * ribs)[..., None] * np.array([1.0, 0.88, 0.7])
    return _pixels(lit)


def _pixels(lit: NDArray[Any]) -> Pixels:
    return np.asarray(np.clip(lit, 0, 1) * 255, dtype=np.uint8)


# ---- grain and weave


def noise(shape: tuple[int, int], cells: int, seed: int, octaves: int = 4) -> NDArray[Any]:
    """Soft noise around 0 that tiles, within about -1..1."""
    dice = np.random.default_rng(seed)
    total = np.zeros(shape)
    for octave in range(octaves):
        count = cells * 2**octave
        raw = dice.normal(size=(count, count)).astype(np.float32)
        raw = np.pad(raw, 2, mode="wrap")
        scale = shape[1] / count
        big = Image.fromarray(raw).resize(
            (round(scale * (count + 4)), round(shape[0] / count * (count + 4))),
            Image.Resampling.BICUBIC,
        )
        top, left = round(2 * shape[0] / count), round(2 * scale)
        total += np.asarray(big)[top : top + shape[0], left : left + shape[1]] * 0.5**octave
    return total * 0.5


def wood(colour: Colour, seed: int) -> Pixels:
    """Long grain along the picture's width."""
    waver = noise((512, 512), 2, seed, 3)
    y = np.linspace(0, 1, 512)[:, None] * 2 * np.pi
    rings = np.sin(9 * y + 1.5 * waver + 0.8 * np.sin(2 * y))
    fibre = noise((512, 512), 64, seed + 1, 2).astype(np.float32)
    long = Image.fromarray(fibre[:, :32].copy()).resize((512, 512), Image.Resampling.BICUBIC)
    tone = 1 + 0.045 * rings + 0.07 * np.asarray(long)
    base = np.array(colour)[None, None] * tone[..., None]
    return _pixels(base)


def weave(colour: Colour, seed: int) -> Pixels:
    """Threads over and under."""
    y, x = np.mgrid[0:256, 0:256] * (2 * np.pi * 16 / 256)
    threads = 0.5 + 0.5 * np.sign(np.sin(x / 2) * np.sin(y / 2)) * 0.16
    round_ = np.abs(np.sin(x)) ** 0.4 * np.abs(np.sin(y)) ** 0.4
    tone = 0.72 + 0.34 * round_ + (threads - 0.5) + 0.05 * noise((256, 256), 4, seed)
    base = np.array(colour)[None, None] * tone[..., None]
    return _pixels(base)


def hide(seed: int) -> NDArray[Any]:
    """The height of leather's grain, 0..1, as one channel."""
    grain = np.abs(noise((512, 512), 28, seed, 2)) ** 0.7
    return np.asarray(np.clip(grain, 0, 1)[..., None], dtype=np.float32)
