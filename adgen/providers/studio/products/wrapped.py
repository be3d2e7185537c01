"""Anything else: wrapped in paper with a ribbon and its name, on a plinth."""

from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import box, curve, quad, revolve, rounded, tube

PLINTH = 5.0


def build(kit: Kit) -> list[Part]:
    """A parcel; the ribbon is in the second colour."""
    wide, deep, high = 15.0, 10.0, 13.0
    plinth = revolve(
        rounded([(0, 0, 0), (13, 0, 0.2), (13, PLINTH, 0.35), (0, PLINTH, 0)]), steps=128
    )
    body = box(wide, deep, high, 0.5).moved(0, 0, PLINTH)
    paper = kit.of("paper" if kit.look.finish in (None, "paper") else kit.main.finish)
    band = Material("satin", kit.accent)
    across = box(2.2, deep + 0.12, high + 0.12, 0.5).moved(-3.9, 0, PLINTH - 0.03)
    label = kit.label(7.6, 6.4, kit.paper())
    parts = [
        Part(plinth, Material("matte", kit.stone)),
        Part(body, paper),
        Part(across, band),
        Part(quad(7.6, 6.4).moved(2.7, -deep / 2 - 0.06, PLINTH + 3.3), label),
    ]
    top = PLINTH + high
    for sign in (1, -1):
        loop = curve([(0, 0, 0.2), (sign * 2.2, 0.3, 1.9), (sign * 3.8, 0.2, 1.6),
                      (sign * 3.3, -0.1, 0.4), (0, 0, 0.3)], 36)  # fmt: skip
        tail = curve([(0, 0, 0.3), (sign * 1.4, -1.6, 0.5), (sign * 2.2, -3.2, 0.25)], 20)
        for path in (loop, tail):
            parts.append(Part(tube(path, 0.9, flat=0.12).moved(-3.9, 0, top), band))
    knot = tube(curve([(-0.5, 0, 0.5), (0, 0, 0.62), (0.5, 0, 0.5)], 8), 0.62).moved(-3.9, 0, top)
    return [*parts, Part(knot, band)]


RECIPE = Recipe(words="gift, parcel, present", build=build, macro=(0.2, -0.4, 0.62), near=0.42)
