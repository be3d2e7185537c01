"""A bottle with a cap and a label: of glass with something in it, of metal, or of plastic."""

from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import revolve, rounded

SHAPES = (
    [(0, 0, 0), (3.7, 0, 0.7), (3.7, 15, 2.2), (1.45, 19.5, 1.6), (1.45, 23.2, 0)],
    [(0, 0, 0), (3.9, 0, 1.0), (3.9, 17.2, 4.2), (1.9, 20.4, 1.0), (1.9, 22.2, 0)],
    [(0, 0, 0), (4.3, 0, 0.8), (4.3, 12.8, 1.6), (1.7, 14.6, 1.2), (1.7, 17.2, 0)],
)


def build(kit: Kit) -> list[Part]:
    """One of three shapes, by the seed; metal flasks are the straight one."""
    shape = SHAPES[1 if kit.main.finish == "metal" else int(kit.dice.integers(len(SHAPES)))]
    (radius, *_), (neck, top, _) = shape[1], shape[-1]
    shoulder = shape[2][1]
    body = revolve(rounded(shape, steps=12))
    parts = [Part(body, kit.main)]
    if kit.main.finish == "glass":
        level = [(r * 0.93, min(z * 0.98 + 0.3, shoulder + 1.2), f) for r, z, f in shape[:4]]
        inside = revolve(rounded([*level, (0, shoulder + 1.2, 0)], steps=12))
        parts.append(Part(inside, kit.of("liquid", kit.shade(0.36, 1.1))))
        parts[0] = Part(body, kit.of("glass", (0.93, 0.96, 0.95)))
    cap = revolve(
        rounded([(neck + 0.25, top - 1.6, 0), (neck + 0.25, top + 1.5, 0.35), (0, top + 1.5, 0)])
    )
    ring = revolve(rounded([(neck, top - 2.2, 0), (neck + 0.35, top - 2.1, 0.1),
                            (neck + 0.35, top - 1.75, 0.1), (neck, top - 1.7, 0)]))  # fmt: skip
    lid = kit.metal if kit.main.finish != "metal" else kit.dark
    parts += [Part(cap, lid), Part(ring, lid)]
    low, high = 0.2 * shoulder, 0.78 * shoulder
    wide = 2 * 3.1416 * radius * 130 / 360
    if kit.main.finish in ("metal",):
        label = kit.label(wide, high - low, None)
    else:
        label = kit.label(wide, high - low, kit.paper(), "50 cl")
    side = rounded([(radius + 0.03, low, 0), (radius + 0.03, high, 0)])
    parts.append(Part(revolve(side, start=-65, turn=130), label))
    return parts


RECIPE = Recipe(
    words="flask, perfume, wine, shampoo, water bottle, spray, serum, whisky, gin, juice, "
    "lemonade, thermos, olive oil, syrup, fragrance, cologne, vodka, rum, kombucha",
    build=build,
    finish="glossy",
    macro=(0, -1, 0.46),
    near=0.46,
)
