"""A handbag with a flap, a clasp and two handles."""

import numpy as np

from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import (
    Floats,
    curve,
    loft,
    rectangle,
    rounded,
    sheet,
    slab,
    superellipse,
    tube,
)  # fmt: skip

WIDE, DEEP, HIGH = 30.0, 12.0, 20.0


def _outline(share: float) -> Floats:
    """Full below, drawn in towards its mouth."""
    belly = 1 + 0.05 * np.sin(np.pi * share)
    return superellipse(
        WIDE * (1 - 0.16 * share) * belly, DEEP * (1 - 0.62 * share**1.3) * belly, 4.5
    )


def _flap(kit: Kit) -> list[Part]:
    u = np.linspace(-1, 1, 41)
    half = WIDE * 0.4
    path = curve([(2.2, HIGH - 1.2), (1.9, HIGH + 0.15), (0, HIGH + 0.5), (-2.6, HIGH - 0.3),
                  (-3.9, HIGH - 4), (-4.7, HIGH - 8), (-5.35, HIGH - 11)], 40)  # fmt: skip
    # Round at its lower corners.
    drop = np.linspace(0, 1, 40)[:, None]
    wide = half * (1 + 0.03 * drop) * np.where(drop > 0.8, 1 - 0.28 * ((drop - 0.8) / 0.2) ** 3, 1)
    x = u[None, :] * wide
    y = path[:, 0][:, None] - 0.12 + 0.5 * np.abs(u[None, :]) ** 6 * drop
    z = path[:, 1][:, None] + 0 * x
    mesh = sheet(np.stack([x, y, z], 2))
    rim = np.concatenate([mesh.points.reshape(40, 41, 3)[:, 0],
                          mesh.points.reshape(40, 41, 3)[-1],
                          mesh.points.reshape(40, 41, 3)[::-1, -1]])  # fmt: skip
    edge = Material("leather", kit.shade(0.28), grain=kit.look.seed)
    return [Part(mesh, kit.main), Part(tube(rim, 0.2, sides=10), edge)]


def build(kit: Kit) -> list[Part]:
    """The handles stand up."""
    shares = np.linspace(0, 1, 30)
    base = [np.zeros((97, 2)), _outline(0) * 0.9, _outline(0) * 0.975]
    body = loft([*base, *map(_outline, shares), _outline(1) * 0.9],
                [0.2, 0.2, 0.5, *(1.2 + shares * (HIGH - 1.2)), HIGH - 0.6])  # fmt: skip
    top = loft([_outline(1) * 0.93, np.zeros((97, 2))], [HIGH - 0.4, HIGH - 0.4])
    parts = [Part(body, kit.main), Part(top, kit.of("fabric", kit.shade(0.25, 0.5)))]
    parts += _flap(kit)
    strap = Material("leather", kit.shade(0.3) if not kit.look.accent else kit.accent)
    metal = kit.metal
    for y in (-3.2, 2.6):
        path = curve([(-8.6, y * 1.05, HIGH - 3.5), (-8.2, y, HIGH + 2.5), (-5, y * 0.7, HIGH + 9),
                      (0, y * 0.55, HIGH + 11), (5, y * 0.7, HIGH + 9), (8.2, y, HIGH + 2.5),
                      (8.6, y * 1.05, HIGH - 3.5)], 80)  # fmt: skip
        parts.append(Part(tube(path, 0.62), strap))
    plate = slab(rectangle(3.4, 2.4, 0.5), 0, 0.5, 0.15).turned(90, "x")
    parts.append(Part(plate.moved(0, -5.2, HIGH - 10.2), metal))
    for x in (-12, 12):
        for y in (-4, 4):
            stud = tube(rounded([(x, y, 0.1, 0), (x, y, 0.6, 0)]), 0.5, sides=12)
            parts.append(Part(stud, metal))
    plaque = kit.label(9, 2.6, kit.shade(0.3), "")
    front = np.linspace(0.16, 0.3, 6)
    wide = np.linspace(-4.5, 4.5, 12)
    rows = [
        np.column_stack([wide, np.full(12, _outline(s)[:, 1].min() - 0.06), np.full(12, s * HIGH)])
        for s in front
    ]
    return [*parts, Part(sheet(rows), plaque)]


RECIPE = Recipe(
    words="handbag, purse, tote, satchel, backpack, tote bag, clutch, briefcase, rucksack",
    build=build,
    finish="leather",
    front=-24,
    macro=(0, -0.9, 0.3),
    macro_turn=20,
    near=0.42,
)
