"""Cameras: six views of one scene, and moves that start from them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from adgen.domain import View
from adgen.providers.camera import smooth
from adgen.providers.studio.recipe import Recipe
from adgen.providers.studio.shapes import Floats

FRAMES, FPS = 25, 8


@dataclass(frozen=True)
class Shot:
    """A camera around a point, in products: `turn` and `lift` in degrees, `reach` its distance.

    `fov` is the angle over the frame's smaller side; `open` the lens's radius, `focus` where it
    is sharp as a share of the distance; `rig` is how far the lights are turned with it.
    """

    turn: float
    lift: float
    reach: float
    target: tuple[float, float, float]
    fov: float = 24.0
    open: float = 0.0
    focus: float = 1.0
    rig: float = 0.0
    slide: float = 0.0

    @property
    def origin(self) -> Floats:
        """Where the camera stands."""
        return np.array(self.target) + _around(self.turn, self.lift) * self.reach + self._shift

    @property
    def aim(self) -> Floats:
        """What is in the middle of its frame."""
        return np.array(self.target) + self._shift

    @property
    def up(self) -> tuple[float, float, float]:
        """The direction that is up in the frame."""
        if self.lift < 80:
            return (0.0, 0.0, 1.0)
        turn = np.radians(self.turn)
        return (float(-np.sin(turn)), float(np.cos(turn)), 0.0)

    @property
    def _shift(self) -> Floats:
        turn = np.radians(self.turn)
        return np.array([np.cos(turn), np.sin(turn), 0.0]) * self.slide


def _around(turn: float, lift: float) -> Floats:
    a, b = np.radians(turn), np.radians(lift)
    return np.array([np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), np.sin(b)])


# Turn from the recipe's front, lift, share of the frame that the product fills, lens radius.
_VIEWS: dict[View, tuple[float, float, float, float]] = {
    View.FRONT: (0, 9, 0.74, 0.012),
    View.SIDE: (90, 7, 0.74, 0.012),
    View.BACK: (180, 9, 0.74, 0.012),
    View.TOP: (0, 82, 0.62, 0.01),
    View.DETAIL: (0, 20, 0, 0.075),
    View.LIFESTYLE: (18, 12, 0.56, 0.035),
}


def shot_of(view: View, recipe: Recipe, points: Floats, ratio: float) -> Shot:
    """The camera of a view, far enough that all `points` of the product are in its frame."""
    turn, lift, share, lens = _VIEWS[view]
    low, high = points.min(0), points.max(0)
    if view is View.DETAIL:
        turn = recipe.front + recipe.macro_turn
        x, y, z = low + (high - low) * (np.array(recipe.macro) * (0.5, 0.5, 1) + (0.5, 0.5, 0))
        reach = recipe.near / (2 * np.tan(np.radians(12))) / min(1.0, ratio) ** 0.5
        return Shot(turn, lift, reach, (x, y, z), open=lens * recipe.near, rig=turn)
    turn += recipe.front if view not in (View.SIDE, View.TOP) else 0
    wide, deep = high[:2] - low[:2]
    if view is View.TOP and (wide < deep) == (ratio > 1):
        # Lying along the frame.
        turn += 90
    middle = (low + high) / 2
    shot = Shot(turn, lift, 4.0, (middle[0], middle[1], middle[2]), open=lens, rig=turn)
    return fitted(shot, points, ratio, share)


def fitted(shot: Shot, points: Floats, ratio: float, share: float) -> Shot:
    """The shot from where the points fill this share of the frame, in its middle."""
    for _ in range(12):
        x, y = _seen(shot, points, ratio)
        most = max(np.ptp(x), np.ptp(y)) / 2
        shot = replace(shot, reach=float(np.clip(shot.reach * most / share, 1.2, 12)))
        # Half of what is off the middle at a time, so that it settles.
        shot = _centred(shot, (x.max() + x.min()) / 2, (y.max() + y.min()) / 2, ratio)
    return shot


def _centred(shot: Shot, x: float, y: float, ratio: float) -> Shot:
    half = np.tan(np.radians(shot.fov / 2)) * shot.reach
    right, up, _ = axes(shot)
    wide, high = half * max(ratio, 1), half * max(1 / ratio, 1)
    moved = np.array(shot.target) + right * x * wide + up * y * high
    return replace(shot, target=(moved[0], moved[1], moved[2]))


def axes(shot: Shot) -> tuple[Floats, Floats, Floats]:
    """The camera's directions to the right, up and ahead."""
    ahead = shot.aim - shot.origin
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, shot.up)
    right /= np.linalg.norm(right)
    return right, np.cross(right, ahead), ahead


def _seen(shot: Shot, points: Floats, ratio: float) -> tuple[Floats, Floats]:
    """Where points are in the frame, -1..1 from edge to edge."""
    right, up, ahead = axes(shot)
    away = points - shot.origin
    depth = np.maximum(away @ ahead, 0.05) * np.tan(np.radians(shot.fov / 2))
    return away @ right / depth / max(ratio, 1), away @ up / depth / max(1 / ratio, 1)


# ---- moves

_WORDS = {
    "push-in": r"push(?:es|ing)?|(?:zoom|dolly|close)(?:s|ing)?[ -]in|closer",
    "pull-out": r"pull(?:s|ing)?(?: back| out)?|(?:zoom|dolly)(?:s|ing)?[ -]out|reveal(?:s|ing)?",
    "dolly": r"dolly(?:ing)?(?![ -](?:in|out))|pan(?:s|ning)?|slid(?:e|es|ing)|sweep(?:s|ing)?"
    r"|track(?:s|ing)?|truck(?:s|ing)?",
    "crane": r"crane(?:s|ing)?|tilt(?:s|ing)?|ris(?:e|es|ing)|jib|overhead|from above",
    "orbit": r"orbit(?:s|ing)?|rotat(?:e|es|ing|ion)|spin(?:s|ning)?|turn(?:s|ing)?"
    r"|circl(?:e|es|ing)|drift(?:s|ing)?|around|float(?:s|ing)?",
    "rack focus": r"rack(?:s|ing)?(?: focus)?|focus(?:es)? (?:pull|shift|moves|from)",
}
_USUAL = ("push-in", "dolly", "orbit", "crane", "rack focus", "pull-out")


def move_in(text: str, slot: int) -> str:
    """The first move that a scene's words name, else the slot's own."""
    places = {
        move: found.start()
        for move, pattern in _WORDS.items()
        if (found := re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE))
    }
    return min(places, key=lambda move: places[move], default=_USUAL[slot % len(_USUAL)])


def way_in(text: str, *, flip: bool) -> int:
    """Which way it goes: 1 to the right or up, -1 to the left or down."""
    named = re.search(r"\b(left|right|up|down)\b", text, re.IGNORECASE)
    if named:
        return -1 if named[1].lower() in ("left", "down") else 1
    return -1 if flip else 1


def plan_shots(shot: Shot, move: str, intensity: float, way: int) -> list[Shot]:
    """The cameras of a clip's frames; the more intensity, the farther and so the faster."""
    far = 0.25 + 0.75 * min(max(intensity, 0.0), 1.0)
    steps = smooth(np.linspace(0, 1, FRAMES))
    return [_moved(shot, move, float(at), far, way) for at in steps]


def _moved(shot: Shot, move: str, at: float, far: float, way: int) -> Shot:
    match move:
        case "orbit":
            return replace(shot, turn=shot.turn + way * 46 * far * (at - 0.5))
        case "dolly":
            return replace(shot, slide=way * 0.3 * shot.reach * far * (at - 0.5))
        case "crane":
            lift = (32 if shot.lift < 45 else -32) * far * (at if way > 0 else 1 - at)
            return replace(shot, lift=shot.lift + lift)
        case "rack focus":
            wide, near = max(shot.open, 0.02) * (1.5 + far), 1 - 0.06 * far * at
            return replace(shot, open=wide, focus=0.72 + 0.28 * at, reach=shot.reach * near)
        case _:
            along = at if move == "push-in" else 1 - at
            return replace(shot, reach=shot.reach * (1.1 - 0.38 * far * along))
