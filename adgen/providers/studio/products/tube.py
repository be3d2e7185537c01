"""A squeezed tube that stands on its cap."""

import numpy as np

from adgen.providers.studio.materials import Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import box, loft, revolve, rounded, sheet, superellipse

HIGH, CAP = 15.5, 2.6


def _outline(share: float) -> np.ndarray:
    """Round at the cap, a flat line at the crimp."""
    flat = share**1.5
    return superellipse(4.6 + 1.5 * share, max(4.6 * (1 - flat), 0.24), 2.0 + 0.5 * share)


def build(kit: Kit) -> list[Part]:
    """The label is printed on its front."""
    shares = np.linspace(0, 1, 40)
    heights = CAP + shares * (HIGH - CAP)
    shoulder = [_outline(0) * s for s in (0.55, 0.9, 0.98)]
    body = loft([*shoulder, *map(_outline, shares)], [CAP - 0.3, CAP - 0.25, CAP - 0.1, *heights])
    crimp = box(6.1, 0.26, 1.3, 0.1).moved(0, 0, HIGH - 0.05)
    cap = revolve(rounded([(0, 0, 0), (2.15, 0, 0.25), (2.2, CAP - 0.3, 0.15), (0, CAP - 0.3, 0)]))
    v = np.linspace(0.14, 0.88, 30)
    x = np.linspace(-1.75, 1.75, 25)
    front = []
    for share in v:
        line = _outline(share)
        lower = line[line[:, 1] <= 1e-9]
        order = np.argsort(lower[:, 0])
        y = np.interp(x, lower[order, 0], lower[order, 1]) - 0.03
        front.append(np.column_stack([x, y, np.full(25, CAP + share * (HIGH - CAP))]))
    lid = Material("satin", kit.accent if kit.look.accent else kit.shade(0.35, 0.8))
    return [
        Part(body, kit.main), Part(crimp, kit.main), Part(cap, lid),
        Part(sheet(front), kit.label(3.5, 9.5, None, "75 ml")),
    ]  # fmt: skip


RECIPE = Recipe(
    words="cream, lotion, toothpaste, hand cream, sunscreen, sun cream, ointment, paint, gel, "
    "lip balm, cosmetic, skincare",
    build=build,
    finish="satin",
    macro=(0, -0.7, 0.5),
    near=0.5,
)
