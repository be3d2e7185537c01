"""Mood boards: an ad's chosen pictures, or its clips as stills, on one page to hand around."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from PIL import Image, ImageColor

from adgen.config import settings
from adgen.domain import AdState, AssetInfo, Font, Value
from adgen.errors import WrongStage
from adgen.providers import ffmpeg
from adgen.providers.letters import read
from adgen.providers.photos import FORMATS
from adgen.providers.typeset import Align, Setting, Tier, set_type

What = Literal["images", "clips"]
Format = Literal["png", "pdf"]
Box = tuple[int, int, int, int]

CONTENT_TYPES: dict[Format, str] = {"png": "image/png", "pdf": "application/pdf"}
# A4 on its side: as wide as a large screen, and as a printer wants it (300 dots an inch).
WIDTHS: dict[Format, int] = {"png": 2400, "pdf": 3508}
A4 = 297 / 210
_A4_INCHES = 297 / 25.4
PDF_QUALITY = 93

# The app's own light look, which also prints.
PAPER, INK, MUTED = "#FAFAF8", "#15181D", "#5C6570"
# Shares of the page's width.
MARGIN, GAP = 0.045, 0.011
TITLE, SMALL, LABEL = 0.024, 0.0105, 0.0105
# Pictures of one row are alike in height; rows may differ so much before a board looks uneven.
UNEVEN = 1.7


class Tile(Value):
    """A picture of the board and the words below it."""

    path: Path
    label: str


class Words(Value):
    """What stands above the pictures."""

    title: str
    keywords: tuple[str, ...]
    date: str


def chosen(ad: AdState, what: What) -> tuple[AssetInfo, ...]:
    """What the board shows; WrongStage with what to do when there is nothing yet."""
    if what == "images" and not ad.approved_images:
        raise WrongStage("Approve at least one picture first, and the board shows it.")
    if what == "clips" and not ad.ordered_clips:
        raise WrongStage("Approve at least one clip first, and the board shows it.")
    return ad.approved_images if what == "images" else ad.ordered_clips


def make_board(
    ad: AdState, what: What, kind: Format, kept: Mapping[str, Path], font: Font
) -> bytes:
    """The board as a file; `kept` is where the files of `chosen` are, by id."""
    words = Words(
        title=ad.title,
        keywords=ad.style_keywords,
        date=f"{ad.created_at.day} {ad.created_at:%B %Y}",
    )
    settings().scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings().scratch, prefix="board-") as folder:
        tiles = list(_tiles(ad, chosen(ad, what), kept, Path(folder)))
        return _written(draw_board(tiles, words, WIDTHS[kind], font), kind)


def _tiles(
    ad: AdState, assets: Sequence[AssetInfo], kept: Mapping[str, Path], folder: Path
) -> Iterator[Tile]:
    pictures = {image.id: image for image in ad.image_takes}
    for number, asset in enumerate(assets, 1):
        path = kept[asset.id]
        if asset.content_type != "video/mp4":
            yield Tile(path=path, label=str(asset.details.get("view", "")))
            continue
        seconds = float(asset.details["duration_seconds"])
        still = ffmpeg.poster(path, seconds / 2, folder / f"{number}.jpg", width=1920)
        picture = pictures.get(asset.details.get("image_id", ""))
        view = picture.details.get("view", "") if picture else ""
        label = " · ".join(filter(None, (str(number), view, f"{seconds:.1f} s")))
        yield Tile(path=still, label=label)


def _written(board: Image.Image, kind: Format) -> bytes:
    out = io.BytesIO()
    if kind == "png":
        board.save(out, "PNG", compress_level=6)
    else:
        dots = board.width / _A4_INCHES
        board.save(out, "PDF", resolution=dots, quality=PDF_QUALITY, title="Mood board")
    return out.getvalue()


# ---- drawing


def draw_board(tiles: Sequence[Tile], words: Words, width: int, font: Font) -> Image.Image:
    """The page, `width` pixels wide: words above, pictures as large as they can all be."""
    page = Image.new("RGB", (width, round(width / A4)), PAPER)
    margin = round(MARGIN * width)
    top = _head(page, words, margin, font)
    room = (margin, top, width - margin, page.height - margin)
    pictures = [_opened(tile.path) for tile in tiles]
    gap, line = round(GAP * width), round(2.2 * LABEL * width)
    places = arrange([one.width / one.height for one in pictures], room, gap, line)
    for picture, tile, place in zip(pictures, tiles, places, strict=True):
        size = (place[2] - place[0], place[3] - place[1])
        page.paste(picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0), place[:2])
        below = (place[0], place[3] + line // 3, place[2], place[3] + line)
        _say(page, tile.label.capitalize(), below, LABEL * width, font, MUTED)
    return page


def _opened(path: Path) -> Image.Image:
    with Image.open(path, formats=FORMATS) as picture:
        whole: Image.Image = picture.convert("RGB")
    return whole


def _head(page: Image.Image, words: Words, margin: int, font: Font) -> int:
    """Title, date and keywords; gives where the pictures may begin."""
    width, right = page.width, page.width - margin
    date = _set(words.date, (width // 4, margin), SMALL * width, font)
    beside = right - (date.ink.width if date else 0) - margin
    room = (margin, margin, beside, margin + round(3.2 * TITLE * width))
    title = _say(page, words.title, room, TITLE * width, font, INK)
    baseline = margin + (title.baseline if title else 0)
    if date:
        _ink(page, date, (right - date.ink.width, baseline - date.baseline), MUTED)
    bottom = margin + (title.ink.height if title else 0)
    if words.keywords:
        top = bottom + round(0.014 * width)
        line = (margin, top, right, top + round(1.8 * SMALL * width))
        said = _say(page, " · ".join(words.keywords), line, SMALL * width, font, MUTED)
        bottom = top + (said.ink.height if said else 0)
    return bottom + round(0.026 * width)


def _say(
    page: Image.Image, text: str, room: Box, largest: float, font: Font, colour: str
) -> Setting | None:
    """Words in the upper corner of a room that reading starts from; None for no words."""
    left, top, right, bottom = room
    setting = _set(text, (right - left, bottom - top), largest, font)
    if setting:
        _ink(page, setting, (right - setting.ink.width if setting.rtl else left, top), colour)
    return setting


def _set(text: str, room: tuple[int, int], largest: float, font: Font) -> Setting | None:
    tiers = (Tier(1, 0.8 * largest), Tier(2, 0.5 * largest), Tier(6))
    return set_type(read(text, font), room, largest, tiers, Align.START)


def _ink(page: Image.Image, setting: Setting, at: tuple[int, int], colour: str) -> None:
    left, top = at
    box = (left, top, left + setting.ink.width, top + setting.ink.height)
    page.paste(ImageColor.getrgb(colour), box, setting.ink)


# ---- places


class _Rows(NamedTuple):
    """Shapes of the pictures of each row, the height of each row, and how good that looks."""

    shapes: tuple[tuple[float, ...], ...]
    heights: tuple[float, ...]
    worth: float


def arrange(ratios: Sequence[float], room: Box, gap: int, line: int) -> list[Box]:
    """Where pictures of these shapes (width by height) go, in order, uncropped, in rows.

    Each row fills the width, or all are narrower where the height is what lacks. A `line` for
    words is left below each row.
    """
    left, top, right, bottom = room
    size = (right - left, bottom - top)
    rows = max(
        (_rows(shapes, size, gap, line) for shapes in _parted(tuple(ratios))),
        key=lambda one: one.worth,
    )
    tall = sum(rows.heights) + len(rows.heights) * (line + gap) - gap
    # A little above the middle, as the eye takes it.
    y = top + max(0.0, (size[1] - tall) * 0.42)
    places = []
    for shapes, height in zip(rows.shapes, rows.heights, strict=True):
        x = left + (size[0] - sum(shapes) * height - gap * (len(shapes) - 1)) / 2
        for shape in shapes:
            places.append((round(x), round(y), round(x + shape * height), round(y + height)))
            x += shape * height + gap
        y += height + line + gap
    return places


def _parted(ratios: tuple[float, ...]) -> Iterator[tuple[tuple[float, ...], ...]]:
    """All ways to part the pictures into rows."""
    for cuts in range(2 ** (len(ratios) - 1)):
        ends = [0, *(n for n in range(1, len(ratios)) if cuts & 1 << (n - 1)), len(ratios)]
        yield tuple(ratios[a:b] for a, b in pairwise(ends))


def _rows(
    shapes: tuple[tuple[float, ...], ...], size: tuple[int, int], gap: int, line: int
) -> _Rows:
    """The rows as large as they fit; the more picture and the more even, the better."""
    free = size[1] - len(shapes) * (line + gap) + gap
    # As wide as the page, or as wide as makes the rows no higher than what is free.
    between = sum(gap * (len(row) - 1) / sum(row) for row in shapes)
    wide = min(size[0], (free + between) / sum(1 / sum(row) for row in shapes))
    heights = tuple(max(1.0, (wide - gap * (len(row) - 1)) / sum(row)) for row in shapes)
    shown = sum(sum(row) * height**2 for row, height in zip(shapes, heights, strict=True))
    return _Rows(shapes, heights, shown / max(1.0, max(heights) / min(heights) / UNEVEN))
