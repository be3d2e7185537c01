"""A table lamp that is on."""

from adgen.providers.studio import labels
from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import ball, curve, revolve, rounded, tube


def build(kit: Kit) -> list[Part]:
    """A turned foot in the main colour, a light shade."""
    foot = revolve(
        rounded([(0, 0, 0), (8, 0, 0.4), (8, 1.4, 0.8), (6.8, 2.6, 1.5), (7.6, 10, 5),
                 (3.6, 17.5, 4), (1.3, 20.5, 1), (1.1, 24, 0.2), (0, 24, 0)], steps=12)
    )  # fmt: skip
    stem = tube(curve([(0, 0, 23), (0, 0, 27), (0, 0, 31)], 8), 0.5)
    shade = revolve(rounded([(12.6, 25, 0), (9.0, 42, 0)]))
    rims = [
        revolve(rounded([(r - 0.16, z - 0.3, 0), (r + 0.22, z - 0.3, 0.1), (r + 0.22, z + 0.3, 0.1),
                         (r - 0.16, z + 0.3, 0)])) for r, z in ((12.6, 25), (9.0, 42))
    ]  # fmt: skip
    bulb = ball(6, 6, 7).moved(0, 0, 34)
    cloth = Material("screen", (1, 1, 1), picture=labels.lit_cloth())
    inside = revolve(rounded([(12.5, 25, 0), (8.9, 42, 0)]))
    trim = Material("satin", kit.look.accent or (0.9, 0.85, 0.76))
    return [
        Part(foot, kit.main), Part(stem, kit.metal), Part(shade, cloth),
        *(Part(rim, trim) for rim in rims), Part(inside, Material("matte", (0.95, 0.9, 0.82))),
        Part(bulb, Material("glow", (1.0, 0.82, 0.56), power=7.0)),
    ]  # fmt: skip


RECIPE = Recipe(
    words="desk lamp, table lamp, lantern, nightlight",
    build=build,
    finish="glossy",
    macro=(0, -0.4, 0.3),
    near=0.5,
)
