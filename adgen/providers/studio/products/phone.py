"""A phone on a slim stand: lit screen in front, cameras behind."""

import numpy as np

from adgen.providers.studio import labels
from adgen.providers.studio.materials import BLACK_PLASTIC, CHROME, Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import (
    Mesh,
    flat_places,
    rectangle,
    revolve,
    rounded,
    sheet,
    slab,
)

WIDE, HIGH, THICK = 7.2, 14.8, 0.8


def _plate(wide: float, high: float, radius: float, low: float, top: float, bevel: float) -> Mesh:
    """A plate lying on the phone's back plane, front upwards."""
    return slab(rectangle(wide, high, radius), low, top, bevel)


def _screen() -> Mesh:
    """The lit face, with the phone's round corners."""
    rows = [
        [(-_half_at(y), y, THICK + 0.012), (_half_at(y), y, THICK + 0.012)]
        for y in np.linspace(-1, 1, 161) * (HIGH - 0.42) / 2
    ]
    return flat_places(sheet(rows))


def _half_at(y: float) -> float:
    """Half the screen's width at a height, narrower in its round corners."""
    half, radius = (WIDE - 0.42) / 2, 0.8
    into = abs(y) - ((HIGH - 0.42) / 2 - radius)
    return half if into <= 0 else half - radius + np.sqrt(max(radius**2 - into**2, 0))


def build(kit: Kit) -> list[Part]:
    """Leaning back on its stand a little."""
    finish = kit.main.finish if kit.main.finish in ("metal", "matte", "glossy") else "satin"
    art = labels.screen(kit.look.name, kit.look.colour, (680, 1440), kit.look.seed)
    lens = revolve(rounded([(0, 0, 0), (0.72, 0, 0.1), (0.72, 0.28, 0.08), (0, 0.28, 0)]), steps=40)
    glass = Material("liquid", (0.03, 0.03, 0.05))
    flat = [
        Part(_plate(WIDE, HIGH, 1.25, 0, THICK, 0.22), Material("metal", kit.look.colour)),
        Part(_plate(WIDE - 0.3, HIGH - 0.3, 1.1, THICK - 0.05, THICK + 0.005, 0.02), glass),
        Part(_plate(WIDE - 0.24, HIGH - 0.24, 1.1, -0.02, 0.1, 0.05), kit.of(finish)),
        Part(
            _plate(3.3, 3.5, 0.9, -0.16, 0.1, 0.08).moved(-1.65, 5.35),
            kit.of(finish, kit.shade(0.4)),
        ),
        Part(_screen(), Material("screen", (1, 1, 1), picture=art)),
    ]
    for x, y in ((-2.4, 6.15), (-2.4, 4.5), (-0.9, 5.35)):
        ring = Part(lens.scaled(1, 1, -1).moved(x, y, -0.1), Material("metal", CHROME))
        flat += [ring, Part(lens.scaled(0.7, 0.7, -1).moved(x, y, -0.13), glass)]
    lean = [
        Part(p.mesh.moved(0, HIGH / 2, -THICK).turned(90, "x").turned(-9, "x").moved(0, 0, 0.75),
             p.material) for p in flat
    ]  # fmt: skip
    foot = slab(rectangle(5.4, 5.2, 1.2), 0, 0.5, 0.2).moved(0, 1.6)
    lip = slab(rectangle(4.2, 2.2, 0.4), 0.3, 1.25, 0.15).moved(0, 0.1)
    stand = Material("satin", (0.86, 0.85, 0.83)) if kit.look.light != "dark" else BLACK_PLASTIC
    return [*lean, Part(foot, stand), Part(lip, stand)]


RECIPE = Recipe(
    words="smartphone, tablet, mobile, app, cell phone, e-reader, ereader",
    build=build,
    finish="satin",
    front=-22,
    macro=(-0.5, 0.6, 0.85),
    macro_turn=176,
    near=0.42,
)
