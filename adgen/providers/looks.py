"""How made-up products look: six views of a painting and a short camera move over it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from adgen.domain import Aspect, Value, View
from adgen.providers import camera
from adgen.providers.placeholder import paint_placeholder
from adgen.providers.storage import Stored, storage

# Of each view, the part of the painting that it shows: how much, and how far right and down.
_PARTS = ((1.0, 0, 0), (0.86, 0.5, 1), (0.8, 1, 0), (0.9, 0, 1), (0.62, 0.5, 0.5), (0.96, 1, 1))


class Look(Value):
    """Files of one product: a picture a view, and a clip."""

    views: tuple[Stored, ...]
    clip: Stored


def paint_looks(products: Sequence[str]) -> list[Look]:
    """A look of each product, kept in storage; the same products give the same files."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor() as side_by_side:
        works = [Path(folder)] * len(products)
        return list(side_by_side.map(_paint, products, works, range(len(products))))


def _paint(product: str, work: Path, number: int) -> Look:
    words = {"product": product, "prompt": product, "seed": 100_000 + number}
    painted = paint_placeholder(words, View.FRONT, Aspect.WIDE)
    wide, high = painted.size
    views = []
    for slot, (zoom, right, down) in enumerate(_PARTS):
        left, top = (1 - zoom) * wide * right, (1 - zoom) * high * down
        path = work / f"{number}-{slot}.jpg"
        box = (left, top, left + zoom * wide, top + zoom * high)
        painted.resize((640, 360), box=box).save(path, "JPEG", quality=80)
        views.append(storage().put_file(path, "image/jpeg"))
    clip, move = work / f"{number}.mp4", {"duration_seconds": 2.0, "motion_intensity": 0.4}
    camera.make_clip(
        {**move, "seed": number, "slot": 0}, work / f"{number}-0.jpg", clip, _never, size=(320, 180)
    )
    return Look(views=tuple(views), clip=storage().put_file(clip, "video/mp4"))


def _never() -> bool:
    return False
