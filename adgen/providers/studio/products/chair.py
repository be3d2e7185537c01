"""A dining chair: wooden legs, a padded or wooden seat and back."""

import numpy as np

from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import (
    Mesh,
    curve,
    flat_places,
    grid,
    rectangle,
    slab,
    superellipse,
    tube,
)

OAK = (0.72, 0.52, 0.34)


def _back(high: float, thick: float) -> Mesh:
    """A shell that bends around the sitter, with round corners."""
    line = superellipse(1, 1, 3.2, 96)
    scales = np.concatenate([np.linspace(0.02, 1, 14), np.linspace(1, 0.02, 14)])
    sides = np.concatenate([np.full(13, 1.0), [0.5, -0.5], np.full(13, -1.0)])
    rows = []
    for scale, side in zip(scales, sides, strict=True):
        x, z = line[:, 0] * scale * 45, line[:, 1] * scale * high
        bend = 9.5 * (np.abs(x) / 22.5) ** 2
        y = 21 - bend + side * thick / 2 + 0.16 * z
        rows.append(np.column_stack([x, y, 67 + z]))
    return flat_places(grid(np.stack(rows)), 0, 2)


def build(kit: Kit) -> list[Part]:
    """Seat at 45 cm."""
    wooden = kit.main.finish == "wood"
    timber = kit.main if wooden else Material("wood", OAK, grain=kit.look.seed, tile=26)
    cover = timber if wooden else kit.main
    seat = slab(
        superellipse(46, 44, 3.6), 42.5, 48 if not wooden else 45.5, 2.4 if not wooden else 1
    )
    dish = seat.points[:, 2] > 45
    reach = np.hypot(seat.points[:, 0], seat.points[:, 1]) / 23
    seat.points[dish, 2] -= 1.6 * np.clip(1 - reach[dish], 0, 1)
    frame = slab(rectangle(38, 36, 4), 40.6, 42.8, 0.6)
    parts = [
        Part(seat, cover),
        Part(frame, timber),
        Part(_back(27, 3.6 if not wooden else 1.8), cover),
    ]
    for x in (-1, 1):
        front = curve([(x * 16.5, -15, 42.5), (x * 18.6, -18, 21), (x * 20.5, -21, 0.4)], 24)
        rear = curve([(x * 20.8, 23.5, 0.4), (x * 17.6, 18.6, 24), (x * 15.8, 16.4, 43),
                      (x * 15.6, 17.6, 56), (x * 15.6, 20.4, 70)], 50)  # fmt: skip
        parts.append(Part(tube(front, [2.0, 1.7, 1.15]), timber))
        parts.append(Part(tube(rear, [1.15, 1.7, 1.8, 1.5, 1.2]), timber))
    return parts


RECIPE = Recipe(
    words="armchair, stool, seat, dining chair, sofa, bench, furniture, couch, recliner",
    build=build,
    finish="fabric",
    front=-32,
    macro=(-0.1, -0.2, 0.55),
    macro_turn=-24,
    near=0.42,
    floor=True,
)
