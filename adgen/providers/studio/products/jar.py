"""A jar with a lid: cream, jam, honey."""

from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import revolve, rounded


def build(kit: Kit) -> list[Part]:
    """Glass shows what is in it."""
    r, high = 4.6, 8.6
    body = revolve(rounded([(0, 0, 0), (r, 0, 1.0), (r, high, 1.5), (r - 0.9, high + 0.4, 0)]))
    glass = kit.main.finish == "glass"
    parts = [Part(body, kit.of("glass", (0.95, 0.97, 0.96)) if glass else kit.main)]
    if glass:
        inside = revolve(rounded([(0, 0.5, 0), (r - 0.3, 0.5, 0.8), (r - 0.3, high - 1.0, 0.4),
                                  (0, high - 1.0, 0)]))  # fmt: skip
        parts.append(Part(inside, kit.of("liquid")))
    lid = revolve(
        rounded([(r - 0.5, high, 0), (r - 0.1, high, 0.1), (r - 0.1, high + 2.3, 0.4),
                 (0, high + 2.3, 0)])
    )  # fmt: skip
    parts.append(Part(lid, kit.metal))
    low, top = 1.7, 6.6
    side = rounded([(r + 0.03, low, 0), (r + 0.03, top, 0)])
    label = kit.label(2 * 3.1416 * r * 150 / 360, top - low, kit.paper(), "Made with care")
    return [*parts, Part(revolve(side, start=-75, turn=150), label)]


RECIPE = Recipe(
    words="jam, honey, marmalade, spread, pickle, face cream, balm, mustard, peanut butter, "
    "sauce, pesto, spice, moisturizer, moisturiser",
    build=build,
    finish="glossy",
    macro=(0, -1, 0.5),
    near=0.5,
)
