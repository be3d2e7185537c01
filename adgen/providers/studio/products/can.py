"""A drinks can with a printed wall."""

import numpy as np

from adgen.providers.studio import labels
from adgen.providers.studio.materials import CHROME, Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import curve, rectangle, revolve, rounded, slab, tube


def build(kit: Kit) -> list[Part]:
    """A slim can of a third of a litre."""
    r, low, high = 3.1, 1.3, 12.6
    metal = Material("metal", CHROME)
    foot = revolve(
        rounded([(0, 0.5, 0), (2.1, 0.4, 0.2), (2.35, 0, 0.3), (r, low, 0.3), (r, 2, 0)])
    )
    neck = revolve(
        rounded([(r, high - 0.4, 0), (r, high, 0.5), (2.62, 14.1, 0.3), (2.72, 14.3, 0.1),
                 (2.72, 14.5, 0.1), (2.5, 14.5, 0.1), (2.4, 14.05, 0.15), (0, 14.05, 0)])
    )  # fmt: skip
    ground, accent = kit.look.colour, kit.look.accent or kit.shade(0.86, 0.8)
    art = labels.wrap(kit.look.name, ground, accent, (1440, 800), kit.font)
    wall = revolve(np.array([[r, low + 0.3], [r, high - 0.2]]), start=-90)
    ring = slab(rectangle(1.5, 2.2, 0.7), 14.2, 14.34, 0.06).moved(0, -0.6)
    rivet = tube(curve([(0, 0.3, 14.1), (0, 0.3, 14.3), (0, 0.3, 14.4)], 6), 0.3)
    finish = kit.main.finish if kit.main.finish in ("matte", "metal", "glossy") else "glossy"
    return [
        Part(foot, metal), Part(neck, metal), Part(wall, kit.picture(art, finish)),
        Part(ring, metal), Part(rivet, metal),
    ]  # fmt: skip


RECIPE = Recipe(
    words="soda, beer, drink, cola, energy drink, tin, spritz, tonic, iced tea, beverage",
    build=build,
    finish="glossy",
    macro=(0.1, -1, 0.86),
    near=0.5,
)
