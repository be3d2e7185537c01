"""The finished ad: cards with the right words, clips in order, the frame that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from adgen.agents.compositor import Order, compose_video
from adgen.domain import Aspect, Genre, TextOverlay
from adgen.errors import CompositionFailed
from adgen.providers import ffmpeg
from adgen.providers.cards import draw_card
from adgen.providers.film import Rendered
from adgen.providers.music import pick_track
from tests.film import make_clip


def compose(
    clips: list[Path],
    out: Path,
    aspect: Aspect = Aspect.WIDE,
    *,
    music: Path | None = None,
    lower_third: str = "",
    draft: bool = False,
    cache: Path | None = None,
) -> Rendered:
    overlay = TextOverlay(
        product_name="Aurora Coffee Mug", cta="Shop now", lower_third=lower_third, lower_seconds=0.6
    )
    order = Order(clips=tuple(clips), overlay=overlay, aspect=aspect, music=music, draft=draft)
    return compose_video(order, out, cache=cache, progress=lambda _: None, cancelled=lambda: False)


def frame(video: Path, at: float) -> Image.Image:
    still = ffmpeg.poster(video, at, video.with_suffix(".jpg"), width=4000)
    with Image.open(still, formats=["PNG", "JPEG"]) as picture:
        shown: Image.Image = picture.convert("RGB")
    return shown


def differs(one: Image.Image, other: Image.Image) -> float:
    """Mean difference, 0..255."""
    histogram = ImageChops.difference(one, other).convert("L").histogram()
    return sum(value * count for value, count in enumerate(histogram)) / sum(histogram)


def test_a_full_ad(tmp_path: Path) -> None:
    clips = [
        make_clip(tmp_path / "0.mp4", "testsrc2=s=1024x576:r=8", "-frames:v", "25"),
        make_clip(tmp_path / "1.mp4", "smptebars=s=1280x720:r=30:d=2"),
    ]
    music = pick_track(Genre.UPBEAT, 123456).path
    made = compose(clips, tmp_path / "ad.mp4", music=music)
    assert abs(made.seconds - (1 + 3.125 + 2 - 0.5 + 1)) <= 1 / 30
    assert (made.width, made.height) == (1920, 1080)
    assert made.size_bytes == made.path.stat().st_size < 20_000_000
    for at, text in ((0.5, "Aurora Coffee Mug"), (made.seconds - 0.5, "Shop now")):
        with Image.open(
            draw_card(text, (1920, 1080), tmp_path / "card.png"), formats=["PNG"]
        ) as card:
            assert differs(frame(made.path, at), card) < 2
    assert not list(tmp_path.glob("cards-*"))
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("aspect", [Aspect.TALL, Aspect.SQUARE, Aspect.PORTRAIT])
def test_other_shapes_keep_the_whole_picture(tmp_path: Path, aspect: Aspect) -> None:
    clip = make_clip(tmp_path / "clip.mp4", "color=red:s=640x360:r=8:d=1")
    made = compose([clip], tmp_path / "ad.mp4", aspect)
    middle = frame(made.path, 1.5)
    assert middle.size == aspect.size
    wide, high = aspect.size
    picture = round(wide * 9 / 16)
    for y, red in ((10, False), ((high - picture) // 2 + 20, True), (high // 2, True)):
        pixel = middle.getpixel((wide // 2, y))
        assert isinstance(pixel, tuple)
        assert (pixel[0] > 200) is red


@pytest.mark.parametrize("draft", [False, True])
def test_the_lower_third_comes_and_goes(tmp_path: Path, draft: bool) -> None:
    clip = make_clip(tmp_path / "clip.mp4", "color=red:s=640x360:r=30:d=2")
    words = {"lower_third": "Keeps drinks hot", "draft": draft, "cache": tmp_path / "cache"}
    made = compose([clip], tmp_path / "ad.mp4", **words)  # type: ignore[arg-type]
    assert (made.width, made.height) == ((640, 360) if draft else (1920, 1080))
    before, amid, after = (frame(made.path, at) for at in (1.3, 1.8, 2.3))
    assert differs(before, after) < 1
    changed = ImageChops.difference(before, amid).convert("L").point(lambda v: 255 * (v > 40))
    box = changed.getbbox()
    assert box is not None
    assert box[1] > made.height * 0.6
    assert 0 < box[0] < box[2] < made.width


def test_a_bad_clip_is_named_and_nothing_stays(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no film")
    with pytest.raises(CompositionFailed, match="Clip 1 cannot be read"):
        compose([bad], tmp_path / "ad.mp4")
    assert [p.name for p in tmp_path.iterdir()] == ["bad.mp4"]


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "0.mp4", "testsrc2=s=320x180:r=30:d=1")
    taken = tmp_path / "cache"
    taken.write_text("no folder")
    with pytest.raises(CompositionFailed, match="could not be written"):
        compose([clip], tmp_path / "ad.mp4", cache=taken)
    assert not list(tmp_path.glob("ad*"))
