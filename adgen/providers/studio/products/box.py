"""A printed carton."""

from adgen.providers.studio import labels
from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import box, quad


def build(kit: Kit) -> list[Part]:
    """Wide side to the front; a band and the name all over it."""
    wide, deep, high = 12.0, 7.0, 17.0
    body = box(wide, deep, high, 0.16, 0.12)
    colour, accent = kit.look.colour, kit.look.accent or kit.shade(0.84, 0.8)
    finish = kit.main.finish if kit.main.finish in ("glossy", "matte", "wood") else "satin"
    front = kit.picture(labels.carton(kit.look.name, colour, accent, (600, 850), kit.font), finish)
    side = kit.picture(labels.carton("", colour, accent, (350, 850), kit.font), finish)
    inset = 0.16
    w, d, h = wide - 2 * inset, deep - 2 * inset, high - 2 * inset
    return [
        Part(body, Material(finish, colour)),
        Part(quad(w, h).moved(0, -deep / 2 - 0.01, inset), front),
        Part(quad(w, h).turned(180).moved(0, deep / 2 + 0.01, inset), front),
        Part(quad(d, h).turned(90).moved(wide / 2 + 0.01, 0, inset), side),
        Part(quad(d, h).turned(-90).moved(-wide / 2 - 0.01, 0, inset), side),
    ]


RECIPE = Recipe(
    words="carton, cereal, chocolate, package, pack, packaging, biscuit, cookie, tea box, "
    "granola, soap, game, puzzle, muesli",
    build=build,
    finish="satin",
    front=28,
    macro=(0.1, -1, 0.5),
    near=0.45,
)
