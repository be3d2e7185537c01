"""A burning candle in a tumbler with a label."""

import numpy as np

from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import curve, revolve, rounded, tube


def build(kit: Kit) -> list[Part]:
    """Glass shows the wax; other vessels are closed."""
    r, high = 4.2, 9.4
    glass = kit.main.finish == "glass"
    outside = revolve(rounded([(0, 0, 0), (r, 0, 0.8), (r, high, 0.15), (r - 0.3, high, 0.1),
                               (r - 0.32, high - 2.4, 0)], steps=10))  # fmt: skip
    cream = (0.95, 0.9, 0.8) if not glass else kit.look.colour
    wax = revolve(rounded([(0, 0.6, 0), (r - 0.34, 0.6, 0.6), (r - 0.34, high - 2.0, 0.1),
                           (r - 0.9, high - 2.25, 0.4), (0, high - 2.3, 0)]))  # fmt: skip
    wick = tube(curve([(0, 0, high - 2.4), (0.03, 0, high - 1.8), (0.12, 0, high - 1.35)], 8), 0.09)
    bend = np.linspace(0, np.pi, 30)
    flame = revolve(
        np.column_stack([0.36 * np.sin(bend) * (1 - 0.3 * np.cos(bend)) ** -1.0 * 0.9,
                         -1.1 * np.cos(bend) * (1 + 0.25 * (bend > np.pi / 2))]), steps=32,
    )  # fmt: skip
    low, top = 2.0, 6.6
    side = rounded([(r + 0.03, low, 0), (r + 0.03, top, 0)])
    label = kit.label(2 * np.pi * r * 120 / 360, top - low, kit.paper(), "Scented candle")
    return [
        Part(outside, kit.of("glass", (0.96, 0.97, 0.97)) if glass else kit.main),
        Part(wax, Material("satin", cream)),
        Part(wick, Material("matte", (0.1, 0.08, 0.07))),
        Part(flame.moved(0.12, 0, high - 0.35), Material("glow", (1.0, 0.74, 0.36), power=9.0)),
        Part(revolve(side, start=-60, turn=120), label),
    ]


RECIPE = Recipe(
    words="scented candle, diffuser, tealight",
    build=build,
    finish="matte",
    macro=(0, -1, 0.5),
    near=0.5,
)
