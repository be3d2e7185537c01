"""A wrist watch that stands on its closed strap."""

import numpy as np

from adgen.providers.studio import labels
from adgen.providers.studio.materials import CHROME, Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import Mesh, curve, flat_places, revolve, rounded, sheet, tube


def _strap(thick: float, wide: float) -> Mesh:
    """A closed loop around the wrist, narrower away from the case."""
    angles = np.linspace(-np.pi / 2 + 0.42, 1.5 * np.pi - 0.42, 140)
    path = np.column_stack([0 * angles, 2.75 * np.sin(angles), 3.05 * np.cos(angles)])
    half = wide / 2 * (1 - 0.22 * np.sin((np.linspace(0, 1, 140)) * np.pi))
    way = np.gradient(path, axis=0)
    out = np.cross([1.0, 0, 0], way)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    ring = [(-1, -0.7), (-1, 0.3), (-0.86, 0.8), (-0.5, 1), (0.5, 1), (0.86, 0.8), (1, 0.3),
            (1, -0.7), (0, -0.9), (-1, -0.7)]  # fmt: skip
    rows = [
        np.stack([p + np.array([1, 0, 0]) * h * u + o * thick * v for u, v in ring])
        for p, h, o in zip(path, half, out, strict=True)
    ]
    return sheet(rows)


def build(kit: Kit) -> list[Part]:
    """The dial looks to the front and a little up."""
    steel = kit.of("metal") if kit.main.finish == "metal" else Material("metal", CHROME)
    strap_finish = (
        kit.main.finish if kit.main.finish in ("leather", "fabric", "rubber") else "leather"
    )
    strap = steel if kit.main.finish == "metal" else kit.of(strap_finish, tile=1.6)
    face = kit.look.accent or (
        (0.95, 0.945, 0.93) if kit.main.finish != "metal" else (0.07, 0.09, 0.13)
    )
    r = 2.1
    case = revolve(
        rounded([(0, -0.55, 0), (r - 0.25, -0.55, 0.2), (r, -0.1, 0.3), (r, 0.3, 0.12),
                 (r - 0.1, 0.42, 0.08), (r - 0.32, 0.44, 0.05), (r - 0.36, 0.25, 0)])
    )  # fmt: skip
    rings, around = np.linspace(0, r - 0.34, 12), np.linspace(0, 2 * np.pi, 73)
    disc = sheet(np.stack([rings[:, None] * np.cos(around), rings[:, None] * np.sin(around),
                           np.full((12, 73), 0.27)], 2))  # fmt: skip
    disc = flat_places(disc)
    hand = kit.look.colour if kit.main.finish != "metal" else (0.85, 0.35, 0.2)
    art = kit.picture(labels.dial(kit.look.name, face, hand), "satin")
    crown = tube(curve([(r, 0, 0), (r + 0.2, 0, 0), (r + 0.42, 0, 0)], 6), 0.26)
    head = [Part(case, steel), Part(disc, art), Part(crown, steel)]
    for x in (-0.95, 0.95):
        for y in (-1, 1):
            lug = tube(
                curve([(x, y * 1.5, 0.15), (x, y * 2.1, -0.05), (x, y * 2.3, -0.45)], 12), 0.22
            )
            head.append(Part(lug, steel))
    up = [
        Part(p.mesh.turned(90, "x").moved(0, -2.75, 0).turned(-12, "x"), p.material) for p in head
    ]
    loop = Part(_strap(0.16, 2.0).turned(-12, "x"), strap)
    low = min(float(p.mesh.points[:, 2].min()) for p in [*up, loop])
    stone = revolve(rounded([(0, 0, 0), (3.9, 0, 0.2), (3.9, 1.4, 0.25), (0, 1.4, 0)]))
    block = Part(stone, Material("matte", kit.stone))
    return [block, *(Part(p.mesh.moved(0, 0.4, 1.38 - low), p.material) for p in [*up, loop])]


RECIPE = Recipe(
    words="wristwatch, smartwatch, timepiece, chronograph",
    build=build,
    finish="leather",
    front=-24,
    macro=(0, -0.6, 0.6),
    macro_turn=18,
    near=0.55,
)
