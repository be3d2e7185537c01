"""Mood boards: everything fits, nothing is cropped, every title can be drawn."""

from __future__ import annotations

import io
import re
from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image

from adgen import boards
from adgen.boards import A4, Box, Tile, Words, arrange
from adgen.commands import Commands
from adgen.domain import AdState, Font, Person
from adgen.errors import WrongStage
from tests import film
from tests.providers.titles import hostile_titles
from tests.test_decks import finished

ROOM: Box = (100, 200, 2300, 1600)
WIDE, TALL, SQUARE, PANORAMA = 16 / 9, 9 / 16, 1.0, 3.3
WORDS = Words(title="Oak & Clay", keywords=("warm light", "oak"), date="24 November 2026")


@pytest.fixture
def ad(commands: Commands, person: Person) -> AdState:
    return finished(commands.create_ad(person))


def picture(folder: Path, name: str, size: tuple[int, int], colour: str = "#884422") -> Path:
    path = folder / f"{name}.jpg"
    Image.new("RGB", size, colour).save(path)
    return path


@pytest.mark.parametrize(
    "ratios",
    [
        *([shape] * count for shape in (WIDE, TALL, SQUARE) for count in (1, 2, 3, 4, 5, 6)),
        [TALL, WIDE, SQUARE, PANORAMA, TALL, WIDE],
        [PANORAMA] * 6,
        [0.2] * 6,
    ],
)
def test_pictures_keep_their_shape_and_never_touch(ratios: list[float]) -> None:
    gap, line = 24, 50
    places = arrange(ratios, ROOM, gap, line)
    for (left, top, right, bottom), ratio in zip(places, ratios, strict=True):
        assert (right - left) / (bottom - top) == pytest.approx(ratio, rel=0.02)
        assert ROOM[0] - 1 <= left < right <= ROOM[2] + 1
        assert ROOM[1] <= top < bottom <= ROOM[3] - line + 1
    for one, other in combinations(places, 2):
        beside = one[2] + gap - 2 <= other[0] or other[2] + gap - 2 <= one[0]
        below = one[3] + line <= other[1] + 1 or other[3] + line <= one[1] + 1
        assert beside or below
    reading = sorted(places, key=lambda box: (round(box[1] / 10), box[0]))
    assert places == reading


def test_six_wide_pictures_fill_the_width_in_even_rows() -> None:
    places = arrange([WIDE] * 6, ROOM, 24, 50)
    assert len({box[1] for box in places}) == 2
    assert (places[0][0], places[2][2]) == (ROOM[0], ROOM[2])


def test_rows_that_lack_height_stay_flush() -> None:
    places = arrange([WIDE] * 3, (0, 0, 2000, 1200), 24, 50)
    assert places[0][0] == places[1][0]
    assert places[0][2] == pytest.approx(places[2][2], abs=1)


def test_a_board_is_one_page_of_a4(ad: AdState, tmp_path: Path) -> None:
    kept = {f"image-{n}": picture(tmp_path, str(n), (640, 360)) for n in range(6)}
    ad = ad.model_copy(update={"approved_image_ids": ("image-0", "image-1", "image-4")})
    with Image.open(
        io.BytesIO(boards.make_board(ad, "images", "png", kept, Font.MANROPE)), formats=["PNG"]
    ) as board:
        assert board.width == 2400
        assert board.width / board.height == pytest.approx(A4, rel=0.001)
        assert board.convert("RGB").getcolors(2**24), "decodes to its end"
    pdf = boards.make_board(ad, "images", "pdf", kept, Font.MANROPE)
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 1
    [box] = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert [float(side) for side in box] == pytest.approx([841.89, 595.28], abs=0.6)


def test_clips_are_shown_by_a_still_of_their_middle(ad: AdState, tmp_path: Path) -> None:
    clip = film.make_clip(tmp_path / "clip.mp4", "testsrc=size=640x360:duration=3")
    ad = ad.model_copy(update={"clip_order": ("clip-1", "clip-0")})
    kept = {"clip-0": clip, "clip-1": clip}
    with Image.open(
        io.BytesIO(boards.make_board(ad, "clips", "png", kept, Font.LATO)), formats=["PNG"]
    ) as board:
        colours = board.convert("RGB").getcolors(2**24)
    assert colours
    assert len(colours) > 1000, "a test picture has many colours, an empty page few"


def test_without_anything_approved_it_says_what_to_do(ad: AdState) -> None:
    with pytest.raises(WrongStage, match="Approve at least one picture"):
        boards.chosen(ad, "images")
    with pytest.raises(WrongStage, match="Approve at least one clip"):
        boards.chosen(ad, "clips")
    one = ad.model_copy(update={"approved_image_ids": ("image-3",)})
    assert [image.id for image in boards.chosen(one, "images")] == ["image-3"]


def test_any_title_can_be_drawn_and_stays_above_the_pictures(tmp_path: Path) -> None:
    tile = Tile(path=picture(tmp_path, "one", (400, 300), "#FF0000"), label="front")
    for title in hostile_titles()[::4]:
        words = Words(title=title, keywords=(title[:80],), date=WORDS.date)
        board = boards.draw_board([tile], words, 600, Font.NOTO_SANS)
        assert board.size == (600, round(600 / A4))
        red = [x for x in range(600) if board.getpixel((x, board.height // 2)) == (254, 0, 0)]
        assert len(red) > 250, title
