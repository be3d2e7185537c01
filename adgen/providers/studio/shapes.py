"""Surfaces from profiles, lofts and paths: everything here is a grid of points.

Lengths are centimetres, z is up, a product's front looks towards -y.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Corner = Sequence[float]


@dataclass(frozen=True)
class Mesh:
    """`points` and unit `normals` (n, 3), `places` on a texture (n, 2) 0..1, `faces` (m, 3).

    `span` is how long the texture's two sides are in the world.
    """

    points: Floats
    normals: Floats
    places: Floats
    faces: NDArray[np.int32]
    span: tuple[float, float] = (1.0, 1.0)

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """Shifted by so much."""
        return replace(self, points=self.points + np.array([x, y, z]))

    def turned(self, degrees: float, axis: str = "z") -> Mesh:
        """Turned about an axis through the origin, by the right hand."""
        turn = rotation(degrees, axis)
        return replace(self, points=self.points @ turn.T, normals=self.normals @ turn.T)

    def shrunk(self, times: float) -> Mesh:
        """The same thing so many times smaller; grain and weave shrink with it."""
        return replace(self, points=self.points / times)

    def scaled(self, x: float, y: float | None = None, z: float | None = None) -> Mesh:
        """Stretched along the axes, or evenly; a negative factor mirrors."""
        size = np.array([x, x if y is None else y, x if z is None else z])
        normals = _unit(self.normals / size)
        faces = self.faces[:, ::-1].copy() if np.prod(size) < 0 else self.faces
        span = (self.span[0] * abs(x), self.span[1] * abs(x))
        return replace(self, points=self.points * size, normals=normals, faces=faces, span=span)


def rotation(degrees: float, axis: str = "z") -> Floats:
    """The matrix that turns about an axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    if axis == "x":
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    if axis == "y":
        return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Floats = vectors / np.maximum(length, 1e-12)
    return unit


def grid(points: Floats) -> Mesh:
    """The surface through a (rows, columns, 3) grid; edges that meet are smooth across."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b = index[:-1, :-1].ravel(), index[:-1, 1:].ravel()
    c, d = index[1:, 1:].ravel(), index[1:, :-1].ravel()
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    flat = points.reshape(-1, 3).astype(np.float64)
    v, u = np.meshgrid(_lengths(points, 0), _lengths(points, 1), indexing="ij")
    span = (_longest(points, 1), _longest(points, 0))
    places = np.stack([u.ravel(), v.ravel()], 1)
    return Mesh(flat, _smooth_normals(flat, faces), places, faces, span)


def _lengths(points: Floats, axis: int) -> Floats:
    """How far along the axis each row or column lies, 0..1, measured in the middle."""
    other = 1 - axis
    steps = np.linalg.norm(np.diff(points, axis=axis), axis=2).max(axis=other)
    total = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(total / max(total[-1], 1e-9))


def _longest(points: Floats, axis: int) -> float:
    steps = np.linalg.norm(np.diff(points, axis=axis), axis=2).max(axis=1 - axis)
    return float(steps.sum())


def _smooth_normals(points: Floats, faces: NDArray[np.int32]) -> Floats:
    corners = points[faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    size = max(float(np.ptp(points, axis=0).max()), 1e-9)
    _, same = np.unique(np.round(points / size, 5), axis=0, return_inverse=True)
    same = same.ravel()
    total = np.zeros((same.max() + 1, 3))
    for corner in range(3):
        np.add.at(total, same[faces[:, corner]], flat)
    return _unit(total)[same]


# ---- lines


def rounded(corners: Sequence[Corner], *, closed: bool = False, steps: int = 7) -> Floats:
    """A line with rounded corners. Each corner is its place and, last, its radius."""
    table = np.asarray(corners, float)
    places, radii = table[:, :-1], table[:, -1]
    count = len(places)
    line: list[Floats] = []
    for i, (at, radius) in enumerate(zip(places, radii, strict=True)):
        if radius <= 0 or (not closed and i in (0, count - 1)):
            line.append(at[None])
            continue
        back, ahead = places[i - 1] - at, places[(i + 1) % count] - at
        reach = min(radius, np.linalg.norm(back) * 0.49, np.linalg.norm(ahead) * 0.49)
        start, end = at + _unit(back) * reach, at + _unit(ahead) * reach
        t = np.linspace(0, 1, steps)[:, None]
        line.append((1 - t) ** 2 * start + 2 * t * (1 - t) * at + t**2 * end)
    return np.concatenate([*line, *([line[0][:1]] if closed else [])])


def curve(knots: Sequence[Corner], steps: int = 48) -> Floats:
    """A smooth line through all knots (Catmull-Rom, centripetal enough for hand-made knots)."""
    at = np.asarray(knots, float)
    wide = np.vstack([2 * at[0] - at[1], at, 2 * at[-1] - at[-2]])
    t = np.linspace(0, len(at) - 1, steps)
    i = np.minimum(t.astype(int), len(at) - 2)
    f = (t - i)[:, None]
    a, b, c, d = wide[i], wide[i + 1], wide[i + 2], wide[i + 3]
    return np.asarray(
        0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2
               + (3 * b - a - 3 * c + d) * f**3)
    )  # fmt: skip


def superellipse(wide: float, deep: float, power: float = 2.5, steps: int = 96) -> Floats:
    """A closed outline between an ellipse (2) and a rectangle (large powers)."""
    t = np.linspace(0, 2 * np.pi, steps + 1)
    c, s = np.cos(t), np.sin(t)
    x = wide / 2 * np.sign(c) * np.abs(c) ** (2 / power)
    y = deep / 2 * np.sign(s) * np.abs(s) ** (2 / power)
    return np.stack([x, y], 1)


def rectangle(wide: float, deep: float, radius: float, steps: int = 9) -> Floats:
    """A closed outline with round corners."""
    x, y = wide / 2, deep / 2
    corners = [(-x, -y, radius), (x, -y, radius), (x, y, radius), (-x, y, radius)]
    return rounded(corners, closed=True, steps=steps)


# ---- surfaces


def revolve(profile: Floats, *, start: float = 0.0, turn: float = 360.0, steps: int = 96) -> Mesh:
    """A profile of (radius, height) turned about z; `start` degrees from the front, leftwards."""
    angles = np.radians(-90 + start + np.linspace(0, turn, max(8, round(steps * turn / 360)) + 1))
    radius, height = profile[:, 0][:, None], profile[:, 1][:, None]
    x, y = radius * np.cos(angles), radius * np.sin(angles)
    return grid(np.stack([x, y, np.broadcast_to(height, x.shape)], 2))


def loft(outlines: Sequence[Floats], heights: Sequence[float]) -> Mesh:
    """A skin over closed outlines (n, 2), one at each height."""
    rows = [
        np.column_stack([outline, np.full(len(outline), height)])
        for outline, height in zip(outlines, heights, strict=True)
    ]
    return grid(np.stack(rows))


def slab(outline: Floats, low: float, high: float, bevel: float, steps: int = 6) -> Mesh:
    """A plate of this closed outline with rounded rims, closed above and below."""
    middle = (outline.max(0) + outline.min(0)) / 2
    half = np.maximum((outline.max(0) - outline.min(0)) / 2, 1e-6)
    bend = np.linspace(0, np.pi / 2, steps)
    inset, lift = bevel * (1 - np.sin(bend)), bevel * (1 - np.cos(bend))
    rims = [*zip(inset, low + lift, strict=True), *zip(inset[::-1], high - lift[::-1], strict=True)]
    outlines = [middle + (outline - middle) * (half - i) / half for i, _ in rims]
    point = np.broadcast_to(middle, outline.shape)
    closed = [point, *outlines, point]
    return flat_places(loft(closed, [low, *(z for _, z in rims), high]))


def flat_places(mesh: Mesh, across: int = 0, along: int = 1) -> Mesh:
    """Grain and pictures laid straight on it, as seen along the remaining axis."""
    seen = mesh.points[:, [across, along]]
    low, size = seen.min(0), np.maximum(np.ptp(seen, axis=0), 1e-9)
    return replace(mesh, places=(seen - low) / size, span=(float(size[0]), float(size[1])))


def box(wide: float, deep: float, high: float, radius: float, round_rim: float = 0.0) -> Mesh:
    """A box on the floor with rounded upright edges and rims."""
    return slab(rectangle(wide, deep, radius), 0, high, round_rim or radius * 0.6)


def ball(wide: float, deep: float | None = None, high: float | None = None) -> Mesh:
    """An ellipsoid around the origin."""
    bend = np.linspace(-np.pi / 2, np.pi / 2, 49)
    mesh = revolve(np.stack([np.cos(bend) / 2, np.sin(bend) / 2], 1))
    return mesh.scaled(wide, deep or wide, high or wide)


def tube(
    path: Floats, radius: float | Sequence[float], *, sides: int = 20, flat: float = 1.0
) -> Mesh:
    """A pipe along a path (n, 3), with rounded ends; `flat` squeezes it across its bend."""
    radii = np.interp(
        np.linspace(0, 1, len(path)), np.linspace(0, 1, np.size(radius)), np.atleast_1d(radius)
    )
    ahead = _unit(np.gradient(path, axis=0))
    side = _frames(ahead)
    up = np.cross(ahead, side)
    angles = np.linspace(0, 2 * np.pi, sides + 1)
    ring = side[:, None] * np.cos(angles)[:, None] + flat * up[:, None] * np.sin(angles)[:, None]
    body = path[:, None] + radii[:, None, None] * ring
    ends = []
    for end, way in ((0, -1), (-1, 1)):
        bend = np.linspace(np.pi / 2, 0, 6)[:-1] if way > 0 else np.linspace(0, np.pi / 2, 6)[:-1]
        out = ahead[end] * way * radii[end] * flat
        ends.append(
            path[end] + np.cos(np.pi / 2 - bend)[:, None, None] * radii[end] * ring[end]
            + np.cos(bend)[:, None, None] * out
        )  # fmt: skip
    skin = grid(np.concatenate([ends[0], body, ends[1]]))
    # Grain runs along a bar, not round it.
    return replace(skin, places=skin.places[:, ::-1], span=skin.span[::-1])


def _frames(ahead: Floats) -> Floats:
    """A direction across the path at each point, turning no more than it must."""
    start = np.array([0.0, 0.0, 1.0]) if abs(ahead[0, 2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    side = np.empty_like(ahead)
    last = _unit(np.cross(ahead[0], start))
    for i, way in enumerate(ahead):
        last = _unit(last - way * np.dot(last, way))
        side[i] = last
    return side


def quad(wide: float, high: float) -> Mesh:
    """An upright sheet that looks to the front, its lower middle at the origin."""
    x = np.linspace(-wide / 2, wide / 2, 2)
    z = np.linspace(0, high, 2)
    points = np.stack(np.broadcast_arrays(x[None, :], np.zeros((2, 2)), z[:, None]), 2)
    return grid(points)


def sheet(points: Any) -> Mesh:
    """A patch of surface through a grid that somebody worked out."""
    return grid(np.asarray(points, float))
