"""Frames between rendered ones: what both show of each point, as the camera on the way sees it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adgen.providers.studio.shapes import Floats
from adgen.providers.studio.shots import Shot, axes

# How much deeper than what is seen a point may lie before it counts as hidden.
_HIDDEN = 0.012


class Frame(NamedTuple):
    """A picture (rows, columns, 3) 0..255 with its camera and how far what it shows is away."""

    pixels: NDArray[Any]
    shot: Shot
    depths: Floats


def between(before: Frame, after: Frame, share: float, shot: Shot, depths: Floats) -> Floats:
    """The frame from `shot`, by `share` on the way from one frame to the other."""
    points = shot.origin + _rays(shot, depths.shape) * depths[..., None]
    total = np.zeros((*depths.shape, 3))
    weights = np.zeros(depths.shape)
    for frame, weight in ((before, 1 - share), (after, share)):
        colour, seen = _looked_up(frame, points)
        held = weight * np.where(seen, 1.0, 0.02)
        total += colour * held[..., None]
        weights += held
    return np.asarray(total / np.maximum(weights, 1e-9)[..., None])


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
    nearest = _nearest(frame.depths)[np.rint(y).astype(int), np.rint(x).astype(int)]
    far = np.linalg.norm(away, axis=2)
    seen = inside & (far < nearest * (1 + _HIDDEN))
    return upper * (1 - fy) + lower * fy, seen


def _nearest(depths: Floats) -> Floats:
    """The least depth around each pixel: beside an edge a pixel is of both sides' colours."""
    padded = np.pad(depths, 1, mode="edge")
    high, wide = depths.shape
    shifted = [padded[y : y + high, x : x + wide] for y in range(3) for x in range(3)]
    return np.asarray(np.minimum.reduce(shifted))
