"""A pair of lace-up trainers."""

import numpy as np

from adgen.providers.studio.materials import RUBBER, Material
from adgen.providers.studio.recipe import Kit, Part, Recipe
from adgen.providers.studio.shapes import Floats, Mesh, curve, sheet, slab, tube

# The upper's level sections from the sole up: height, heel, front, width, all in centimetres.
SECTIONS = curve(
    [
        (1.6, 0.4, 28.4, 1.0), (2.8, 0.1, 28.7, 1.03), (4.3, 0.0, 28.1, 1.0),
        (5.7, 0.1, 26.2, 0.94), (6.8, 0.3, 23.0, 0.86), (8.2, 0.5, 19.8, 0.78),
        (9.5, 0.9, 17.4, 0.71), (10.6, 1.2, 15.6, 0.67), (11.2, 1.3, 14.8, 0.66),
    ],
    60,
)  # fmt: skip
# Half the width along the foot, heel to toe.
WIDTHS = ((0, 0.15, 0.38, 0.66, 0.82, 1.0), (3.3, 3.5, 3.6, 4.7, 4.7, 4.4))
LACED = 0.52


def _upper(t: Floats, a: Floats) -> Floats:
    """Points of the upper; t 0..1 from sole to collar, a around it, 0 at the toe."""
    z, heel, front, wide = (np.interp(t, np.linspace(0, 1, 60), SECTIONS[:, i]) for i in range(4))
    along = (heel + front) / 2 + (front - heel) / 2 * np.cos(a)
    half = np.interp(along / 29, *WIDTHS) * wide
    # Round at both ends, by arcs as wide as a heel and a toe are.
    ends = [np.clip((front - along) / (4.9 * wide), 0, 1), np.clip((along - heel) / 3.4, 0, 1)]
    bend = np.prod([np.sqrt(np.maximum(1 - (1 - end) ** 2, 0)) for end in ends], axis=0)
    across = half * np.sign(np.sin(a)) * bend
    rise = np.clip((t - 0.45) / 0.55, 0, 1)
    dip = 2.9 * rise * np.exp(-(((along - 7.6) / 3.6) ** 2))
    heel_tab = 0.7 * rise**2 * np.exp(-((along / 2.2) ** 2))
    return _sprung(along, across, z - dip + heel_tab)


def _sprung(along: Floats, across: Floats, z: Floats) -> Floats:
    """Off the ground at the toe, and a little inwards."""
    lift = 1.5 * np.clip((along - 19) / 10, 0, 1) ** 2
    sway = 0.7 * np.sin(np.pi * along / 29)
    return np.stack([across - sway, 14.5 - along, z + lift], -1)


def _patch(t: tuple[float, float], a: tuple[float, float], out: float, trim: float = 0.0) -> Mesh:
    """A piece laid on the upper; `trim` narrows it towards its upper end."""
    tt = np.linspace(*t, 24)[:, None] * np.ones(40)
    lean = np.linspace(0, trim, 24)[:, None]
    aa = np.linspace(*a, 40)[None, :] * (1 - lean) + np.mean(a) * lean
    return sheet(_out(tt, aa, out))


def _out(t: Floats, a: Floats, far: float) -> Floats:
    step = 1e-3
    up = _upper(t + step, a) - _upper(t - step, a)
    side = _upper(t, a + step) - _upper(t, a - step)
    normal = np.cross(side, up)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    return _upper(t, a) + normal * far


def _stripe(place: float, sign: int) -> Mesh:
    """A slanting stripe on the side."""
    v = np.linspace(0, 1, 24)[:, None]
    u = np.linspace(-1, 1, 8)[None, :]
    t = 0.16 + 0.5 * v + 0 * u
    a = sign * (place + 0.34 * v + 0.05 * u)
    return sheet(_out(t, a, 0.13))


def _sole(low: float, high: float, grow: float) -> Mesh:
    a = np.linspace(-np.pi, np.pi, 121)
    foot = _upper(np.full(121, 0.14), a)[:, :2]
    middle = (foot.max(0) + foot.min(0)) / 2
    plate = slab(
        middle + (foot - middle) * (1 + grow / np.array([5, 14.5])),
        low,
        high,
        min(0.7, (high - low) / 2.1),
    )
    along = 14.5 - plate.points[:, 1]
    lift = 1.5 * np.clip((along - 19) / 10, 0, 1) ** 2
    thick = np.clip((plate.points[:, 2] - low) / (high - low), 0, 1)
    plate.points[:, 2] += lift + 0.8 * thick * np.clip(1 - along / 16, 0, 1)
    return plate


def _one(kit: Kit) -> list[Part]:
    main, second = kit.main, Material("satin", kit.accent)
    trim = kit.of("leather", kit.shade(0.42) if kit.look.accent is None else kit.accent)
    white = Material("satin", kit.accent if kit.look.accent else (0.94, 0.93, 0.9))
    a = np.linspace(-np.pi, np.pi, 161)
    t = np.linspace(0, 1, 70)
    body = sheet(_upper(t[:, None] * np.ones(161), a[None, :] * np.ones((70, 1))))
    rim = _upper(np.full(161, 1.0), a)
    middle = rim.mean(0)
    inner = [
        middle + (rim - middle) * (s, s, 1) - (0, 0, d)
        for s, d in ((0.98, 0.1), (0.84, 1.0), (0.82, 3.0), (0.86, 5.5), (0.02, 6.4))
    ]
    lining = kit.of("fabric", kit.shade(0.3, 0.6), tile=5)
    parts = [
        Part(body, main),
        Part(sheet(np.stack(inner)), lining),
        Part(tube(rim, 0.62, sides=14), lining),
        Part(_sole(0.5, 2.5, 0.22), white),
        Part(_sole(0.0, 0.65, 0.16), RUBBER),
        Part(_patch((0.06, 0.4), (-0.66, 0.66), 0.16, 0.12), trim),
        Part(_patch((0.06, 0.9), (np.pi - 0.62, np.pi + 0.62), 0.16, 0.4), trim),
    ]
    for sign in (1, -1):
        inside, outside = sign * LACED * 0.9, sign * (LACED + 0.3)
        parts.append(Part(_patch((0.5, 0.97), (inside, outside), 0.14), trim))
        parts += [Part(_stripe(1.28 + 0.22 * i, sign), second) for i in range(3)]
    tongue = [(0.25 * np.sin(i), y, z) for i, (y, z) in enumerate(
        ((-6.0, 7.7), (-4.0, 8.9), (-2.0, 10.4), (-0.5, 11.9), (0.4, 13.1))
    )]  # fmt: skip
    path = curve([(0.1 * 0 - 0.65, y, z) for _, y, z in tongue], 30)
    parts.append(Part(tube(path, [1.9, 2.3, 2.5, 2.3], flat=0.2, sides=28), main))
    for row in np.linspace(0.53, 0.84, 5):
        for sign in (1, -1):
            s = np.linspace(-1, 1, 25)
            lace = _out(row + 0.045 * sign * s, s * (LACED + 0.1), 0.42)
            parts.append(Part(tube(lace, 0.34, sides=10, flat=0.6), white))
    return parts


def build(kit: Kit) -> list[Part]:
    """The left one behind, a little turned."""
    shoe = _one(kit)
    right = [Part(p.mesh.turned(4).moved(-6.2, 0, 0), p.material) for p in shoe]
    left = [Part(p.mesh.scaled(-1, 1, 1).turned(-7).moved(6.4, 2.4, 0), p.material) for p in shoe]
    return right + left


RECIPE = Recipe(
    words="sneaker, trainer, running shoe, tennis shoe, boot, footwear, kicks",
    build=build,
    finish="leather",
    front=-38,
    macro=(-0.5, -0.35, 0.62),
    macro_turn=-10,
    near=0.4,
)
