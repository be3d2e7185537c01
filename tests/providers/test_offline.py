"""The provider without a network: honest, repeatable, and it really moves."""

from __future__ import annotations

import io
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops

from adgen.domain import Aspect, PromptPlan, View
from adgen.errors import BadModelOutput, Cancelled
from adgen.providers.camera import FRAME, plan_move
from adgen.providers.catalogue import default_model
from adgen.providers.models import Models, Result, Watch
from adgen.providers.offline import OfflineModels, PhotoInfo, share_photos
from adgen.providers.photos import read_photo, sample_photos
from adgen.providers.placeholder import paint_placeholder
from adgen.providers.templates import plan_from_prompt

BRIEF, STORYBOARD, IMAGE, CLIP = (
    default_model(stage, "offline") for stage in ("brief", "storyboard", "image", "clip")
)
INFO = PhotoInfo(width=1600, height=1067, focus=(0.3, 0.78))


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    name, data = sample_photos()[0]
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    path.write_bytes(read_photo(data, name).data)
    return path


def collect(
    spec: Any, inputs: dict[str, Any], work: Path, files: dict[str, Path] | None = None
) -> Result:
    work.mkdir(exist_ok=True)
    return OfflineModels().collect(spec, "offline-1", inputs, files or {}, work, Watch(never))


def picture(slot: int = 0, **changes: Any) -> dict[str, Any]:
    plan = plan_from_prompt("pink tennis shoes")
    base = {**plan["prompts"][slot], "seed": 456_123, "slot": slot, "photo_count": 0}
    base |= {"aspect": "16:9", "crop": None, "style_keywords": plan["style_keywords"]}
    return base | {"product": plan["product"], "placeholder": True} | changes


def motion(**changes: Any) -> dict[str, Any]:
    base = {"description": "Steady push in", "motion_intensity": 0.5, "duration_seconds": 0.5}
    return (
        base | {"aspect": "16:9", "seed": 1, "slot": 0, "focus": [0.3, 0.7], "attempt": 1} | changes
    )


def frames_of(clip: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    command = [ffmpeg, "-v", "error", "-i", str(clip), "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, size[1], size[0])


def read(result: Result) -> Image.Image:
    assert result.file is not None
    return Image.open(io.BytesIO(result.file.read_bytes()), formats=["JPEG"])


def test_it_is_a_models_and_its_orders_follow_the_key() -> None:
    models: Models = OfflineModels()
    order = models.order(IMAGE, {}, "ad/image/0/1")
    assert order == models.order(IMAGE, {"other": 1}, "ad/image/0/1")
    assert order != models.order(IMAGE, {}, "ad/image/1/1")
    assert re.fullmatch(r"offline-[0-9a-f]{24}", order)


def test_brief_and_storyboard_answer_as_json(tmp_path: Path) -> None:
    brief = collect(BRIEF, {"product_prompt": "oak chair", "photo_count": 2}, tmp_path)
    assert PromptPlan.model_validate_json(brief.text or "").product == "oak chair"
    inputs = {"views": ["front", "detail"], "video_prompt": "slow"}
    board = collect(STORYBOARD, inputs, tmp_path)
    assert [scene["image"] for scene in json.loads(board.text or "")["scenes"]] == [1, 2]


# Sharing photos out


@pytest.mark.parametrize("count", range(1, 9))
def test_photos_fill_six_slots_without_a_repeat(count: int) -> None:
    shared = share_photos([INFO] * count)
    assert [part.slot for part in shared] == list(range(6))
    assert [part.view for part in shared] == list(View)
    keys = [(p.photo, p.crop and (p.crop.zoom, p.crop.focus)) for p in shared]
    assert len(set(keys)) == 6
    whole = [part.photo for part in shared if part.crop is None]
    assert whole == list(range(min(count, 6)))


@pytest.mark.parametrize("count", range(1, 6))
def test_detail_is_the_closest_crop(count: int) -> None:
    crops = {p.view: p.crop.zoom for p in share_photos([INFO] * count) if p.crop}
    assert max(crops, key=lambda view: crops[view]) is View.DETAIL


def test_crops_take_the_photos_in_turn() -> None:
    assert [p.photo for p in share_photos([INFO] * 2)] == [0, 1, 0, 1, 0, 1]


def test_no_photos_share_nothing() -> None:
    assert share_photos([]) == []


def test_small_photos_are_cropped_less_and_still_differently() -> None:
    small = PhotoInfo(width=300, height=300, focus=(0.5, 0.5))
    crops = [part.crop for part in share_photos([small]) if part.crop]
    assert max(crop.zoom for crop in crops) <= 1.5
    assert len({crop.zoom for crop in crops}) == 5


# Pictures


def test_a_whole_photo_is_handed_on_as_it_is(photo: Path, tmp_path: Path) -> None:
    result = collect(IMAGE, picture(), tmp_path, {"photo": photo})
    assert result.file is not None
    assert result.file.read_bytes() == photo.read_bytes()
    assert result.content_type == "image/jpeg"
    assert result.metadata["source"] == "photo"
    assert result.metadata["placeholder"] is False
    assert (result.metadata["width"], result.metadata["height"]) == (1600, 1067)


@pytest.mark.parametrize("count", [1, 3, 6])
def test_six_pictures_from_photos_are_all_different(count: int, tmp_path: Path) -> None:
    originals = [read_photo(data, name) for name, data in sample_photos()]
    turned = [read_photo(_mirrored(data), name) for name, data in sample_photos()[:2]]
    used = [*originals, *turned][:count]
    infos = [PhotoInfo(width=p.width, height=p.height, focus=p.focus) for p in used]
    thumbs = []
    for part in share_photos(infos):
        path = tmp_path / f"{part.photo}.jpg"
        path.write_bytes(used[part.photo].data)
        crop = part.crop.model_dump() if part.crop else None
        result = collect(IMAGE, picture(part.slot, crop=crop), tmp_path / "w", {"photo": path})
        assert result.metadata["source"] == ("crop" if crop else "photo")
        thumbs.append(read(result).convert("L").resize((32, 18)))
    for one in range(6):
        for other in range(one):
            gap = np.asarray(ImageChops.difference(thumbs[one], thumbs[other])).mean()
            assert gap > 1.5, (one, other)


def _mirrored(data: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize("aspect", list(Aspect))
def test_a_crop_has_the_ads_shape_and_is_large_enough(
    aspect: Aspect, photo: Path, tmp_path: Path
) -> None:
    crop = {"photo": 0, "zoom": 2.4, "focus": [0.3, 0.78]}
    inputs = picture(4, crop=crop, aspect=aspect.value)
    image = read(collect(IMAGE, inputs, tmp_path, {"photo": photo}))
    assert image.size == FRAME[aspect]


def test_a_crop_of_a_large_photo_keeps_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    Image.new("RGB", (2560, 1707), "tan").save(path)
    crop = {"photo": 0, "zoom": 1.25, "focus": [0.5, 0.5]}
    image = read(collect(IMAGE, picture(5, crop=crop), tmp_path / "w", {"photo": path}))
    assert image.size == (2048, 1152)


def test_a_broken_photo_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"not a picture")
    with pytest.raises(BadModelOutput):
        collect(IMAGE, picture(), tmp_path / "w", {"photo": path})


@pytest.mark.parametrize("aspect", list(Aspect))
def test_a_placeholder_says_what_it_is(aspect: Aspect, tmp_path: Path) -> None:
    result = collect(IMAGE, picture(aspect=aspect.value), tmp_path)
    assert read(result).size == FRAME[aspect]
    assert result.metadata["placeholder"] is True
    assert result.metadata["source"] == "placeholder"


def test_the_label_is_painted_on_every_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = {
        (view, aspect): paint_placeholder(picture(), view, aspect)
        for view, aspect in zip(View, [*Aspect, Aspect.WIDE, Aspect.SQUARE], strict=True)
    }
    monkeypatch.setattr("adgen.providers.placeholder._label", lambda *_: None)
    for (view, aspect), image in labelled.items():
        bare = paint_placeholder(picture(), view, aspect)
        box = ImageChops.difference(image, bare).getbbox()
        assert box is not None
        assert box[2] - box[0] > 0.15 * image.width


def test_placeholders_of_six_views_differ_in_one_palette(tmp_path: Path) -> None:
    seen = [read(collect(IMAGE, picture(slot), tmp_path)).convert("RGB") for slot in range(6)]
    assert len({image.tobytes() for image in seen}) == 6
    for image in seen:
        red, green, blue = np.asarray(image).reshape(-1, 3).mean(axis=0)
        assert red > blue > green  # pink, as asked for


def test_the_colour_is_read_from_the_prompt_else_from_the_seed() -> None:
    def mean(product: str, seed: int) -> list[int]:
        inputs = {"product": product, "seed": seed}
        image = paint_placeholder(inputs, View.FRONT, Aspect.SQUARE)
        return [round(part) for part in np.asarray(image).reshape(-1, 3).mean(axis=0)]

    assert sum(mean("matte black grinder", 1)) < 250 < sum(mean("white mug", 1))
    assert mean("toaster", 100_000) != mean("toaster", 100_001)


@pytest.mark.parametrize("product", ["", "日本の緑茶 👟", "سماعات لاسلكية", "W" * 80, "a b " * 20])
def test_any_product_name_can_be_set(product: str) -> None:
    paint_placeholder({"product": product, "seed": 1}, View.TOP, Aspect.SQUARE)


def test_pictures_are_the_same_each_time(photo: Path, tmp_path: Path) -> None:
    crop = {"photo": 0, "zoom": 1.8, "focus": [0.3, 0.78]}
    for inputs, files in ((picture(2), {}), (picture(2, crop=crop), {"photo": photo})):
        first = collect(IMAGE, inputs, tmp_path / "a", files)
        second = collect(IMAGE, inputs, tmp_path / "b", files)
        assert first.file is not None
        assert second.file is not None
        assert first.file.read_bytes() == second.file.read_bytes()
        assert first.metadata == second.metadata
        json.dumps(first.metadata)


# Clips


@pytest.mark.parametrize("aspect", list(Aspect))
def test_a_clip_has_its_size_and_exact_length(aspect: Aspect, photo: Path, tmp_path: Path) -> None:
    inputs = motion(aspect=aspect.value, duration_seconds=0.3)
    result = collect(CLIP, inputs, tmp_path, {"image": photo})
    assert result.file is not None
    assert result.content_type == "video/mp4"
    assert len(frames_of(result.file, FRAME[aspect])) == 9
    assert result.metadata["duration_seconds"] == pytest.approx(0.3)
    assert result.metadata["fps"] == 30
    assert (result.metadata["width"], result.metadata["height"]) == FRAME[aspect]


def test_a_clip_is_tagged_for_every_player(photo: Path, tmp_path: Path) -> None:
    result = collect(CLIP, motion(duration_seconds=1.1), tmp_path, {"image": photo})
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(result.file)]
    told = subprocess.run(command, capture_output=True, text=True).stderr
    assert "Duration: 00:00:01.10" in told
    assert "h264" in told
    assert "yuv420p(tv, bt709, progressive), 1280x720 [SAR 1:1" in told
    assert "30 fps" in told


def test_a_clip_is_the_same_each_time(photo: Path, tmp_path: Path) -> None:
    first, second = (
        collect(CLIP, motion(duration_seconds=0.2), tmp_path / name, {"image": photo})
        for name in ("a", "b")
    )
    assert first.file is not None
    assert second.file is not None
    assert first.file.read_bytes() == second.file.read_bytes()
    assert first.metadata == second.metadata


@pytest.mark.parametrize("move", ["push", "pan", "tilt", "drift"])
def test_more_intensity_moves_more(move: str, photo: Path, tmp_path: Path) -> None:
    gaps = []
    for intensity in (0.25, 0.85):
        inputs = motion(description=move, motion_intensity=intensity, duration_seconds=0.3)
        result = collect(CLIP, inputs, tmp_path, {"image": photo})
        assert result.file is not None
        assert result.metadata["move"] == move
        frames = frames_of(result.file, (1280, 720)).astype(float)
        gaps.append(np.abs(np.diff(frames, axis=0)).mean())
    assert gaps[1] > gaps[0] * 1.4


def test_a_clip_starts_and_ends_gently(photo: Path, tmp_path: Path) -> None:
    result = collect(
        CLIP, motion(description="pan", duration_seconds=0.7), tmp_path, {"image": photo}
    )
    assert result.file is not None
    steps = np.abs(np.diff(frames_of(result.file, (1280, 720)).astype(float), axis=0)).mean((1, 2))
    assert max(steps[0], steps[-1]) < 0.6 * steps[7:13].mean()


@pytest.mark.parametrize("intensity", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("slot", range(6))
@pytest.mark.parametrize("shape", [(1280, 720), (1067, 1600), (2560, 900), (300, 300)])
def test_the_window_never_leaves_the_picture_nor_squashes_it(
    shape: tuple[int, int], slot: int, intensity: float
) -> None:
    for frame in FRAME.values():
        for focus in ([0.0, 0.0], [0.5, 0.5], [0.97, 0.9]):
            inputs = motion(description="", slot=slot, motion_intensity=intensity, focus=focus)
            _, *windows = plan_move(shape, frame, inputs)
            assert windows[0] != windows[1]
            for left, top, right, bottom in windows:
                assert left >= -1e-6
                assert top >= -1e-6
                assert right <= shape[0] + 1e-6
                assert bottom <= shape[1] + 1e-6
                assert (right - left) / (bottom - top) == pytest.approx(frame[0] / frame[1])


def test_a_portrait_photo_in_a_wide_frame_is_shown_by_a_tilt_that_ends_on_the_subject() -> None:
    inputs = motion(description="Steady push in", focus=[0.48, 0.85])
    move, start, end = plan_move((1067, 1600), (1280, 720), inputs)
    assert move == "tilt"
    assert end[1] > start[1] + 100
    assert end[1] < 0.85 * 1600 < end[3]


def test_moves_follow_the_words_else_the_slot() -> None:
    def move(text: str, slot: int = 0) -> str:
        return plan_move((1280, 720), (1280, 720), motion(description=text, slot=slot))[0]

    assert move("The camera pulls back, then pans") == "pull"
    assert [move("A shoe.", slot) for slot in range(5)] == ["push", "pan", "pull", "drift", "tilt"]


def test_the_direction_follows_the_words() -> None:
    for text, back in (("pan left", True), ("pan right", False)):
        _, start, end = plan_move((1280, 720), (1280, 720), motion(description=text))
        assert (end[0] < start[0]) is back


# Stopping and failing


def test_a_clip_stops_when_told_and_leaves_nothing_behind(photo: Path, tmp_path: Path) -> None:
    asked = iter([False, False, False, True])
    with pytest.raises(Cancelled):
        OfflineModels().collect(
            CLIP, "offline-1", motion(duration_seconds=3), {"image": photo}, tmp_path,
            Watch(lambda: next(asked)),
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_a_broken_picture_makes_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(b"not a picture")
    with pytest.raises(BadModelOutput):
        collect(CLIP, motion(), tmp_path / "w", {"image": path})


def test_slots_fail_as_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photo: Path) -> None:
    monkeypatch.setenv("ADGEN_OFFLINE_FAIL", "image:1,image:3;clip:0")
    collect(IMAGE, picture(0), tmp_path)
    for slot in (1, 3):
        with pytest.raises(BadModelOutput):
            collect(IMAGE, picture(slot), tmp_path)
    with pytest.raises(BadModelOutput):
        collect(CLIP, motion(slot=0, attempt=2), tmp_path, {"image": photo})


def test_a_told_delay_waits_in_slices_and_can_be_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    naps: list[float] = []
    now = iter(range(1000))
    monkeypatch.setenv("ADGEN_OFFLINE_DELAY_S", "3600")
    monkeypatch.setattr("adgen.providers.offline.time.sleep", naps.append)
    watch = Watch(lambda: next(now) > 20)
    with pytest.raises(Cancelled):
        OfflineModels().collect(IMAGE, "offline-1", picture(), {}, tmp_path, watch)
    assert len(naps) == 21
    assert max(naps) <= 0.1
