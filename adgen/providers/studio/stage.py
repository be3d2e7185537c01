"""The set around a product: backdrop, lights by mood, and the room of the lifestyle view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from adgen.providers.studio.labels import Colour, light_of, mix, toned
from adgen.providers.studio.materials import Material
from adgen.providers.studio.reading import Light, Look
from adgen.providers.studio.recipe import Part
from adgen.providers.studio.shapes import (
    Floats,
    Mesh,
    ball,
    flat_places,
    grid,
    quad,
    rectangle,
    revolve,
    rounded,
    slab,
    tube,
)  # fmt: skip

WARM: Colour = (1.0, 0.86, 0.7)
SUNSET: Colour = (1.0, 0.76, 0.54)
DAY: Colour = (1.0, 0.98, 0.95)
COLD: Colour = (0.82, 0.91, 1.0)


class Lamp(NamedTuple):
    """A rectangle of light at a place, looking at the product or `to`; sides in products."""

    at: tuple[float, float, float]
    wide: float
    high: float
    power: float
    colour: Colour = DAY
    to: tuple[float, float, float] = (0.0, 0.0, 0.3)


@dataclass(frozen=True)
class Mood:
    """Lights around a camera that looks along +y, the air's own light, and the exposure."""

    lamps: tuple[Lamp, ...]
    air: float
    air_colour: Colour = DAY
    exposure: float = 1.0


def _glow(power: float, colour: Colour = DAY) -> Lamp:
    """What lights the paper behind the product, from above the frame."""
    return Lamp((0, 3.4, 5.6), 5.0, 1.6, power, colour, to=(0, 9.4, 1.4))


_SOFT = Mood(
    (
        Lamp((-3.0, -2.6, 3.6), 2.6, 2.6, 9.0),
        Lamp((4.2, -1.2, 2.0), 0.9, 3.2, 4.5),
        Lamp((3.6, 3.4, 3.4), 1.0, 3.0, 6.0),
        Lamp((-1.0, 2.6, 5.0), 3.0, 1.6, 4.0),
        _glow(9.0),
    ),
    air=0.42,
    exposure=1.3,
)
MOODS: dict[Light, Mood] = {
    "soft": _SOFT,
    "morning": Mood(
        (
            Lamp((-4.2, -1.4, 2.6), 2.2, 2.6, 11.0, (1.0, 0.93, 0.82)),
            Lamp((4.0, -2.0, 2.2), 2.0, 3.0, 1.5, COLD),
            Lamp((2.6, 3.8, 3.6), 1.4, 2.6, 5.0, (1.0, 0.95, 0.88)),
            _glow(9.0, (1.0, 0.97, 0.92)),
        ),
        air=0.44,
        exposure=1.25,
        air_colour=(0.94, 0.97, 1.0),
    ),
    "sun": Mood(
        (
            Lamp((-4.4, -3.4, 5.6), 0.7, 0.7, 165.0, (1.0, 0.93, 0.8)),
            Lamp((4.2, -1.0, 2.2), 1.6, 3.0, 1.4, COLD),
            _glow(8.0),
        ),
        air=0.55,
        exposure=1.1,
        air_colour=(0.9, 0.95, 1.0),
    ),
    "sunset": Mood(
        (
            Lamp((-5.0, -1.6, 2.6), 0.9, 0.9, 74.0, SUNSET),
            Lamp((3.8, -2.4, 2.4), 2.0, 2.6, 1.5, (1.0, 0.8, 0.72)),
            Lamp((3.2, 3.8, 2.6), 1.0, 2.6, 7.0, (1.0, 0.72, 0.5)),
            _glow(7.0, (1.0, 0.78, 0.6)),
        ),
        air=0.36,
        exposure=1.2,
        air_colour=(1.0, 0.86, 0.78),
    ),
    "dark": Mood(
        (
            Lamp((-3.2, -2.0, 3.2), 1.5, 2.6, 17.0, (1.0, 0.95, 0.88)),
            Lamp((3.9, 0.6, 2.2), 0.6, 3.6, 11.0),
            Lamp((-3.4, 3.4, 2.6), 0.7, 3.2, 9.0),
            Lamp((0.4, 2.0, 5.0), 2.4, 1.2, 3.4),
            _glow(5.0, (1.0, 0.94, 0.86)),
        ),
        air=0.16,
        exposure=1.35,
    ),
    "neon": Mood(
        (
            Lamp((-3.6, -1.4, 2.4), 0.9, 3.2, 15.0, (1.0, 0.22, 0.66)),
            Lamp((3.8, -0.4, 2.4), 0.9, 3.2, 14.0, (0.14, 0.72, 1.0)),
            Lamp((0.0, -3.4, 4.6), 2.4, 1.6, 4.2),
            Lamp((2.6, 3.8, 3.2), 1.0, 2.6, 6.0, (0.55, 0.4, 1.0)),
            _glow(6.0, (0.5, 0.3, 1.0)),
        ),
        air=0.16,
        air_colour=(0.8, 0.75, 1.0),
        exposure=1.3,
    ),
    "cool": Mood(
        (
            Lamp((-3.0, -2.6, 3.6), 2.4, 2.4, 9.5, (0.92, 0.97, 1.0)),
            Lamp((4.2, -0.8, 2.2), 0.8, 3.2, 5.0, COLD),
            Lamp((3.0, 3.8, 3.4), 1.0, 3.0, 6.0, COLD),
            _glow(9.0, COLD),
        ),
        air=0.44,
        exposure=1.3,
        air_colour=COLD,
    ),
}


def backdrop_colour(look: Look) -> Colour:
    """The paper behind the product: what was asked for, else what sets it off."""
    if look.ground:
        return look.ground
    if look.light in ("dark", "neon"):
        return mix((0.13, 0.13, 0.145), toned(look.colour, 0.2, 0.6), 0.3)
    dice = np.random.default_rng(look.seed + 7)
    light = light_of(look.colour)
    base = {
        "sun": (0.95, 0.83, 0.62), "sunset": (0.93, 0.72, 0.56), "morning": (0.88, 0.89, 0.83),
        "cool": (0.8, 0.86, 0.9), "soft": (0.87, 0.85, 0.82),
    }[look.light]  # fmt: skip
    tint = toned(look.colour, 0.8, 0.75) if dice.random() < 0.6 else _across(look.colour)
    shade = mix(base, tint, 0.5 if look.light == "soft" else 0.22)
    # A white thing on white paper has no edge.
    return mix(shade, (0.5, 0.49, 0.48), 0.42) if light > 0.72 else shade


def _across(colour: Colour) -> Colour:
    """A pale colour from the other side of the wheel."""
    return toned((1 - colour[0], 1 - colour[1], 1 - colour[2]), 0.82, 0.5)


def backdrop(look: Look) -> list[Part]:
    """Paper that rises all around, the same from each side."""
    profile = rounded([(0, 0, 0), (9, 0, 4.0), (9, 5, 0)], steps=24)
    colour = backdrop_colour(look)
    return [Part(revolve(profile, steps=128), Material("matte", colour))]


# ---- a room for the lifestyle view, in centimetres


def room(look: Look, size: float, floor: bool, turn: float) -> list[Part]:
    """Table or floor, wall and things around a product of this size, seen from `turn`."""
    dice = np.random.default_rng(look.seed + 11)
    scale = max(size, 14.0)
    parts = _ground(look, scale, floor) + _things(look, scale, floor, dice)
    return [Part(part.mesh.turned(turn), part.material) for part in parts]


def _ground(look: Look, scale: float, floor: bool) -> list[Part]:
    dark = look.light in ("dark", "neon")
    wall = (0.3, 0.29, 0.3) if dark else mix((0.9, 0.85, 0.78), toned(look.colour, 0.8, 0.5), 0.18)
    timber = (0.42, 0.28, 0.19) if dark else (0.66, 0.5, 0.36)
    deep = scale * (1.2 if floor else 1.45)
    back = quad(scale * 16, scale * 9).moved(0, deep, -scale * 4)
    wide, thick = scale * (14 if floor else 7), 4.0
    board = slab(rectangle(wide, scale * 6.4, 1.0), -thick, 0, 0.8).moved(0, deep - scale * 3.25)
    wood = Material("wood", timber, grain=look.seed, tile=scale * 2.2)
    parts = [Part(back, Material("matte", wall)), Part(board, wood)]
    if floor:
        rug = flat_places(
            revolve(rounded([(0, 0.8, 0), (scale * 1.15, 0.8, 0.7), (scale * 1.15, 0, 0)]))
        )
        cloth = mix((0.86, 0.8, 0.7), look.colour, 0.12)
        parts.append(Part(rug.moved(0, 0, -0.75), Material("fabric", cloth, tile=scale * 0.35)))
    return parts


def _things(look: Look, scale: float, floor: bool, dice: np.random.Generator) -> list[Part]:
    left = 1 if dice.random() < 0.5 else -1
    far = scale * (0.72 if floor else 0.78)
    grow = scale / 30 if not floor else scale / 42
    plant = _plant(look, dice)
    parts = [_placed(part, grow, left * (far + 4), scale * 0.72) for part in plant]
    books = _books(look, dice) if not floor else _basket(look)
    parts += [_placed(p, grow, -left * (far + scale * 0.2), scale * 0.62) for p in books]
    if not floor:
        pebble = ball(7, 6, 4.4).moved(0, 0, 2.2)
        stone = Material("matte", mix((0.8, 0.76, 0.7), look.colour, 0.15))
        parts.append(_placed(Part(pebble, stone), grow, -left * far * 0.95, -scale * 0.1))
    return parts


def _placed(part: Part, grow: float, x: float, y: float) -> Part:
    return Part(part.mesh.scaled(grow).moved(x, y, 0), part.material)


def _plant(look: Look, dice: np.random.Generator) -> list[Part]:
    pot = revolve(
        rounded([(0, 0, 0), (5.2, 0, 1.2), (7.4, 10, 4), (3.2, 18.5, 3), (3.9, 21, 0.3),
                 (3.3, 21, 0.3), (2.6, 18, 1), (0, 14, 0)])
    )  # fmt: skip
    glaze = Material("glossy", mix((0.88, 0.85, 0.8), toned(look.colour, 0.6, 0.8), 0.25))
    parts = [Part(pot, glaze)]
    for number in range(9):
        turn = number * 137.5 + dice.uniform(-12, 12)
        lean, long = dice.uniform(24, 64), dice.uniform(17, 26)
        green = mix((0.24, 0.36, 0.2), (0.45, 0.52, 0.3), float(dice.random()))
        stem, leaf = _leaf(lean, long)
        for mesh in (stem, leaf):
            parts.append(Part(mesh.turned(turn).moved(0, 0, 20), Material("satin", green)))
    return parts


def _leaf(lean: float, long: float) -> tuple[Mesh, Mesh]:
    """A stem that bends out along +x, and the blade at its end."""
    t = np.linspace(0, 1, 20)
    out = np.radians(lean) * (0.35 + 0.9 * t)
    step = long / 19
    path = np.column_stack([
        np.cumsum(np.sin(out)) * step, np.zeros(20), np.cumsum(np.cos(out)) * step,
    ])  # fmt: skip
    half = 2.9 * np.sin(np.pi * np.clip((t - 0.38) / 0.62, 0, 1) ** 0.8)
    across = np.linspace(-1, 1, 7)
    points = path[:, None] + np.stack(
        [np.zeros((20, 7)), half[:, None] * across, 0.55 * half[:, None] * np.abs(across)], 2
    )
    return tube(path, [0.22, 0.12], sides=8), grid(points[7:])


def _books(look: Look, dice: np.random.Generator) -> list[Part]:
    parts, z = [], 0.0
    tones = [mix((0.85, 0.8, 0.72), look.colour, share) for share in (0.55, 0.1, 0.3)]
    for tone in tones:
        wide, deep, thick = dice.uniform(17, 21), dice.uniform(12, 15), dice.uniform(2, 3.4)
        turn = dice.uniform(-14, 14)
        cover = slab(rectangle(wide, deep, 0.4), z, z + thick, 0.25).turned(turn)
        pages = slab(rectangle(wide - 0.2, deep + 0.25, 0.1), z + 0.3, z + thick - 0.3, 0.05)
        parts.append(Part(cover, Material("matte", tone)))
        parts.append(Part(pages.turned(turn), Material("paper", (0.93, 0.9, 0.83))))
        z += thick
    return parts


def _basket(look: Look) -> list[Part]:
    body = revolve(
        rounded([(0, 0, 0), (9, 0, 2), (11, 16, 2), (10, 17, 0.4), (9, 14, 0), (0, 2, 0)])
    )
    return [Part(body, Material("fabric", mix((0.7, 0.58, 0.42), look.colour, 0.1), tile=6))]


def window(turn: float) -> list[Part]:
    """The bars of a window between the sun and the room, in products."""
    parts = []
    for x, z, wide, high in (
        (0, -0.9, 0.09, 1.8), (-0.95, -0.95, 0.3, 1.9), (0.95, -0.95, 0.3, 1.9), (0, 0, 1.8, 0.08),
        (0, 0.85, 2.2, 0.3), (0, -1.15, 2.2, 0.3),
    ):  # fmt: skip
        # The product stands in the light of one pane.
        parts.append(quad(wide, high).moved(x + 0.46, 0, z - 0.12))
    sun = SUN / np.linalg.norm(SUN)
    away = np.degrees(np.arctan2(sun[0], -sun[1]))
    up = np.degrees(np.arcsin(sun[2]))
    frame: list[Part] = []
    for mesh in parts:
        hung = mesh.turned(-up, "x").turned(away).moved(*(SUN * 0.52))
        frame.append(Part(hung.turned(turn), Material("matte", (0.5, 0.45, 0.4))))
    return frame


SUN: Floats = np.array([-4.6, -2.6, 4.4])


def room_mood(look: Look) -> Mood:
    """Warm light through the window; by night what the mood says."""
    if look.light in ("dark", "neon"):
        base = MOODS[look.light]
        return Mood(base.lamps, air=0.3, air_colour=base.air_colour, exposure=1.3)
    tint = SUNSET if look.light == "sunset" else (1.0, 0.93, 0.82)
    lamps = (
        Lamp((SUN[0], SUN[1], SUN[2]), 0.3, 0.3, 1900.0, tint),
        Lamp((3.8, -2.6, 2.8), 2.4, 2.4, 2.2, (1.0, 0.93, 0.86)),
        Lamp((-2.4, -4.2, 3.4), 2.0, 2.0, 2.0, (1.0, 0.95, 0.9)),
    )
    return Mood(lamps, air=0.46, air_colour=(1.0, 0.98, 0.96))
