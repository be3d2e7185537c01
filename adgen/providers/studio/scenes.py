"""From an order's inputs to pictures: reads the look, builds the product, sets the scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from adgen.domain import View
from adgen.providers.studio import stage
from adgen.providers.studio.products import kinds, recipe_of
from adgen.providers.studio.reading import Look, read_look
from adgen.providers.studio.recipe import Kit, Part, Recipe, standing
from adgen.providers.studio.render import Scene
from adgen.providers.studio.shapes import Floats
from adgen.providers.studio.shots import FRAMES, Shot, plan_shots, shot_of
from adgen.providers.studio.warp import Frame, between

# Every so many frames of a clip one is rendered, at this share of its size.
STRIDE, SMALLER = 4, 0.7
assert (FRAMES - 1) % STRIDE == 0  # noqa: S101 -- the last frame is a rendered one


class Move(NamedTuple):
    """A camera move by its name, how strong it is (0..1) and which way it goes (1 or -1)."""

    name: str
    intensity: float
    way: int


class Built(NamedTuple):
    """A product that stands: its parts one unit large, its points, its size in centimetres."""

    look: Look
    recipe: Recipe
    parts: list[Part]
    points: Floats
    size: float


def build(inputs: Mapping[str, Any]) -> Built:
    """The product that an order's inputs ask for."""
    look = read_look(inputs, kinds())
    recipe = recipe_of(look.kind)
    parts = standing(recipe.build(Kit(look, recipe.finish)))
    points = np.concatenate([part.mesh.points for part in parts])
    size = float(np.ptp(points, axis=0).max())
    parts = [Part(part.mesh.shrunk(size), part.material) for part in parts]
    return Built(look, recipe, parts, points / size, size)


def set_up(built: Built, view: View, ratio: float) -> tuple[Scene, Shot]:
    """The loaded scene and the camera of a view."""
    shot = shot_of(view, built.recipe, built.points[::7], ratio)
    if view is View.LIFESTYLE:
        around = stage.room(built.look, built.size, built.recipe.floor, shot.turn)
        set_ = [Part(p.mesh.shrunk(built.size), p.material) for p in around]
        set_ += stage.window(shot.rig) if built.look.light not in ("dark", "neon") else []
        mood = stage.room_mood(built.look)
    else:
        set_, mood = stage.backdrop(built.look), stage.MOODS[built.look.light]
    return Scene([*built.parts, *set_], mood, shot.rig), shot


def picture(
    inputs: Mapping[str, Any], view: View, size: tuple[int, int], samples: int
) -> Image.Image:
    """One view."""
    built = build(inputs)
    scene, shot = set_up(built, view, size[0] / size[1])
    return scene.take(shot, size, samples, built.look.seed)


def frames(
    inputs: Mapping[str, Any], view: View, size: tuple[int, int], samples: int, move: Move
) -> Iterator[NDArray[np.uint8]]:
    """The frames of a move that starts from a view; every fourth is rendered, others lie between.

    They are rendered smaller than `size`, which a moving picture does not show.
    """
    built = build(inputs)
    scene, shot = set_up(built, view, size[0] / size[1])
    shots = plan_shots(shot, move.name, move.intensity, move.way)
    small = (round(size[0] * SMALLER), round(size[1] * SMALLER))

    def rendered(number: int) -> Frame:
        at = shots[number]
        taken = scene.take(at, small, samples, built.look.seed, still=False)
        return Frame(np.asarray(taken, dtype=np.float32), at, scene.depths(at, small))

    last = rendered(0)
    yield _enlarged(last.pixels, size)
    for start in range(0, len(shots) - 1, STRIDE):
        ahead = rendered(start + STRIDE)
        for step in range(1, STRIDE):
            at = shots[start + step]
            depths = scene.depths(at, small)
            yield _enlarged(between(last, ahead, step / STRIDE, at, depths), size)
        yield _enlarged(ahead.pixels, size)
        last = ahead


def _enlarged(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[np.uint8]:
    image = Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))
