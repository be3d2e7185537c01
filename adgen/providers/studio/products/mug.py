"""A mug with a handle and something hot in it."""

import numpy as np

from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import curve, revolve, rounded, tube


def build(kit: Kit) -> list[Part]:
    """Handle to the right."""
    r, high = 4.1, 9.2
    body = revolve(
        rounded([(0, 0.3, 0), (2.9, 0.3, 0.1), (3.1, 0, 0.2), (r, 0.4, 1.1), (r, high, 0),
                 (r - 0.12, high + 0.22, 0.15), (r - 0.36, high, 0.1)], steps=10)
    )  # fmt: skip
    inside = revolve(rounded([(r - 0.36, high, 0), (r - 0.4, 0.9, 1.2), (0, 0.8, 0)]))
    coffee = revolve(rounded([(0, 8.1, 0), (r - 0.38, 8.1, 0)]))
    path = curve([(r - 0.3, 0, 7.7), (r + 1.5, 0, 7.9), (r + 2.75, 0, 6.3), (r + 2.6, 0, 4.2),
                  (r + 1.3, 0, 2.7), (r - 0.3, 0, 2.3)], 40)  # fmt: skip
    handle = tube(path, [0.66, 0.5, 0.5, 0.6], flat=1.35)
    glaze = kit.main
    inner = Material("glossy", (0.93, 0.92, 0.89)) if glaze.finish != "metal" else glaze
    side = np.array([[r + 0.02, 2.2], [r + 0.02, 7.4]])
    name = kit.label(2 * np.pi * r * 110 / 360, 5.2, None)
    return [
        Part(body, glaze),
        Part(handle, glaze),
        Part(inside, inner),
        Part(coffee, Material("liquid", (0.2, 0.11, 0.06))),
        Part(revolve(side, start=-55, turn=110), name),
    ]


RECIPE = Recipe(
    words="cup, coffee, tea, coffee mug, teacup, tumbler",
    build=build,
    finish="glossy",
    front=-14,
    macro=(0.5, -0.9, 0.72),
    near=0.5,
)
