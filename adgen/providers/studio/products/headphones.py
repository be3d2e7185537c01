"""Over-ear headphones, standing on their cups."""

import numpy as np

from adgen.providers.studio.materials import CHROME, Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import Floats, curve, revolve, rounded, tube


def _arc(radius: float, start: float, end: float, lift: float, count: int = 60) -> Floats:
    angles = np.radians(np.linspace(start, end, count))
    return np.column_stack([radius * np.cos(angles), np.zeros(count),
                            lift + radius * 1.06 * np.sin(angles)])  # fmt: skip


def _cup(kit: Kit, sign: int) -> list[Part]:
    """One cup with its cushion, looking outwards along x."""
    shell = revolve(
        rounded([(0, 1.9, 0), (2.3, 1.9, 0.3), (2.5, 1.65, 0.2), (3.5, 1.3, 1.0), (3.75, 0, 0.6),
                 (3.3, -0.2, 0)]), steps=72,
    )  # fmt: skip
    ring = revolve(rounded([(2.28, 1.88, 0), (2.42, 2.02, 0.05), (2.56, 1.86, 0)]), steps=72)
    cap = revolve(rounded([(0, 1.97, 0), (2.26, 1.97, 0.1), (2.28, 1.85, 0)]), steps=72)
    cushion = revolve(
        rounded([(1.9, -0.2, 0), (3.7, -0.1, 0.5), (3.7, -1.75, 0.8), (2.6, -2.0, 0.7),
                 (1.9, -1.2, 0.4), (1.9, -0.2, 0)], steps=10), steps=72,
    )  # fmt: skip
    mesh = revolve(rounded([(0, -0.35, 0), (2.0, -0.35, 0)]), steps=48)
    soft = Material("leather", kit.accent if kit.look.accent else kit.shade(0.22, 0.6))
    made = [
        (shell, kit.main), (cap, kit.of("satin", kit.shade(0.35))),
        (ring, Material("metal", CHROME)),
        (cushion, soft), (mesh, Material("fabric", (0.08, 0.08, 0.09), tile=2)),
    ]  # fmt: skip
    turned = []
    for shape, material in made:
        tall = shape.scaled(1.08, 1.22, 1.1).turned(90 * sign, "y")
        turned.append(Part(tall.turned(-7 * sign, "y").moved(sign * 7.2, 0, 4.6), material))
    return turned


def build(kit: Kit) -> list[Part]:
    """The band stands upright over both cups."""
    path = _arc(7.9, 12, 168, 9.2)
    band = tube(path, [1.1, 1.6, 1.8, 1.6, 1.1], flat=0.3, sides=28)
    pad = tube(_arc(7.45, 42, 138, 9.25), [1.0, 1.35, 1.4, 1.35, 1.0], flat=0.34, sides=28)
    soft = Material("leather", kit.accent if kit.look.accent else kit.shade(0.22, 0.6))
    parts = [Part(band, kit.main), Part(pad, soft)]
    steel = Material("metal", CHROME)
    for sign in (1, -1):
        slider = curve([(sign * 7.75, 0, 11.2), (sign * 8.15, 0, 10.2), (sign * 8.3, 0, 9.2)], 20)
        parts.append(Part(tube(slider, 0.55, flat=0.4), steel))
        angles = np.radians(np.linspace(-62, 242, 60))
        fork = np.column_stack([
            np.full(60, sign * 8.2) + sign * 0.12 * np.sin(angles), 4.2 * np.cos(angles),
            4.75 + 4.65 * np.sin(angles),
        ])  # fmt: skip
        parts.append(Part(tube(fork[8:-8], 0.3), steel))
        parts += _cup(kit, sign)
    return parts


RECIPE = Recipe(
    words="headphone, headset, earphone, over-ear headphones, earmuff",
    build=build,
    finish="matte",
    front=-34,
    macro=(-1, 0, 0.3),
    macro_turn=-28,
    near=0.5,
)
