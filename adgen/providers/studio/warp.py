"""Frames between rendered ones: what both show of each point, as the camera on the way sees it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from adgen.providers.studio.shapes import Floats
from adgen.providers.studio.shots import Shot, axes

# How much deeper than what is seen a point may lie before it counts as hidden; and how much
# deeper what is beside a pixel must lie for an edge.
_HIDDEN, _EDGE = 0.012, 1.15
# How far away, in pixels, what hides behind something may be filled from.
_REACH = 9


class Frame(NamedTuple):
    """A picture (rows, columns, 3) 0..255 with its camera and how far what it shows is away."""

    pixels: NDArray[Any]
    shot: Shot
    depths: Floats


def between(before: Frame, after: Frame, share: float, shot: Shot, depths: Floats) -> Floats:
    """The frame from `shot`, by `share` on the way from one frame to the other."""
    # The rays fall anywhere within their pixels, which frays every edge.
    depths = _ranked(depths, ImageFilter.MedianFilter(3))
    points = shot.origin + _rays(shot, depths.shape) * depths[..., None]
    total = np.zeros((*depths.shape, 3))
    weights = np.zeros(depths.shape)
    lost = np.ones(depths.shape, dtype=bool)
    for frame, weight in ((before, 1 - share), (after, share)):
        colour, seen = _looked_up(frame, points)
        held = weight * np.where(seen, 1.0, 0.02)
        total += colour * held[..., None]
        weights += held
        lost &= ~seen
    return _filled(total / np.maximum(weights, 1e-9)[..., None], lost, depths)


def _rays(shot: Shot, shape: tuple[int, ...]) -> Floats:
    """The direction in which each pixel's middle looks, of length 1."""
    right, up, ahead = axes(shot)
    high, wide = shape
    half = np.tan(np.radians(shot.fov / 2)) / min(wide, high)
    x = (2 * np.arange(wide) + 1 - wide) * half
    y = (high - 1 - 2 * np.arange(high)) * half
    rays = ahead + x[None, :, None] * right + y[:, None, None] * up
    return np.asarray(rays / np.linalg.norm(rays, axis=2, keepdims=True))


def _looked_up(frame: Frame, points: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The colour of points in a frame, and whether it really shows them."""
    right, up, ahead = axes(frame.shot)
    high, wide = points.shape[:2]
    away = points - frame.shot.origin
    deep = np.maximum(away @ ahead, 1e-6)
    half = np.tan(np.radians(frame.shot.fov / 2)) / min(wide, high)
    x = ((away @ right) / deep / half + wide - 1) / 2
    y = (high - 1 - (away @ up) / deep / half) / 2
    inside = (x >= -0.5) & (x <= wide - 0.5) & (y >= -0.5) & (y <= high - 0.5)
    x, y = np.clip(x, 0, wide - 1.001), np.clip(y, 0, high - 1.001)
    left, top = x.astype(int), y.astype(int)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    p = frame.pixels
    upper = p[top, left] * (1 - fx) + p[top, left + 1] * fx
    lower = p[top + 1, left] * (1 - fx) + p[top + 1, left + 1] * fx
    seen = inside & _shown(frame.depths, np.linalg.norm(away, axis=2), x, y)
    return upper * (1 - fy) + lower * fy, seen


def _shown(depths: Floats, far: Floats, x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Whether points so far away are what a frame shows at these places.

    Beside an edge a pixel has both sides' colours, so there only what lies in front counts. A
    floor seen along its length is no edge, though it falls off fast.
    """
    near = _ranked(depths, ImageFilter.MinFilter(3))
    deep = _ranked(depths, ImageFilter.MaxFilter(3))
    limit = np.where(deep > near * _EDGE, near * (1 + 5 * _HIDDEN), deep * (1 + _HIDDEN))
    return np.asarray(far < limit[np.rint(y).astype(int), np.rint(x).astype(int)])


def _ranked(depths: Floats, rank: ImageFilter.RankFilter) -> Floats:
    """Each depth by those around it."""
    image = Image.fromarray(depths.astype(np.float32)).filter(rank)
    return np.asarray(image, dtype=np.float64)


def _filled(colour: Floats, lost: NDArray[np.bool_], depths: Floats) -> Floats:
    """What neither frame shows lies behind something: it is filled from what is deep around it."""
    trust = np.where(lost, 0.0, depths**4)
    around = _boxed(np.concatenate([colour * trust[..., None], trust[..., None]], axis=2))
    mean = around[..., :3] / np.maximum(around[..., 3:], 1e-9)
    return np.where((lost & (around[..., 3] > 0))[..., None], mean, colour)


def _boxed(layers: Floats) -> Floats:
    """Sums over a square around each pixel."""
    for axis in (0, 1):
        pad = [(0, 0)] * 3
        pad[axis] = (_REACH + 1, _REACH)
        total = np.cumsum(np.pad(layers, pad), axis=axis)
        size = layers.shape[axis]
        ends = np.arange(size) + 2 * _REACH + 1
        layers = total.take(ends, axis=axis) - total.take(np.arange(size), axis=axis)
    return layers
