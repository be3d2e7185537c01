"""The photo studio: what it reads, builds, renders and films."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from adgen.config import settings
from adgen.domain import View
from adgen.errors import Cancelled
from adgen.providers import offline
from adgen.providers.catalogue import load_model
from adgen.providers.ffmpeg import check_clip
from adgen.providers.models import Result, Watch
from adgen.providers.offline import OfflineModels
from adgen.providers.studio import orders, shots
from adgen.providers.studio.products import kinds, recipes
from adgen.providers.studio.reading import Look, label_name, read_look
from adgen.providers.studio.recipe import Kit, standing
from adgen.providers.studio.shapes import Floats
from adgen.providers.templates import plan_from_prompt

STUDIO, STUDIO_CAMERA = load_model(offline.STUDIO), load_model(offline.STUDIO_CAMERA)


@pytest.fixture(autouse=True)
def small_studio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADGEN_OFFLINE_LOOK", "studio")
    monkeypatch.setenv("ADGEN_OFFLINE_SHRINK", "8")
    settings.cache_clear()


def order(prompt: str, view: View = View.FRONT, **changes: Any) -> dict[str, Any]:
    """Inputs as an image's order has them."""
    plan = plan_from_prompt(prompt)
    words = next(p["prompt"] for p in plan["prompts"] if p["view"] == view)
    inputs = {"product": plan["product"], "style_keywords": plan["style_keywords"]}
    made = {"prompt": words, "view": view.value, "seed": 456_123, "model": offline.STUDIO}
    return inputs | made | {"slot": 0, "aspect": "16:9"} | changes


def look(prompt: str, view: View = View.FRONT) -> Look:
    return read_look(order(prompt, view), kinds())


def photograph(inputs: dict[str, Any], work: Path, watch: Watch | None = None) -> Result:
    work.mkdir(exist_ok=True)
    return OfflineModels().collect(STUDIO, "offline-1", inputs, {}, work, watch or Watch())


def pixels(result: Result) -> Floats:
    assert result.file is not None
    with Image.open(result.file, formats=["JPEG"]) as image:
        return np.asarray(image.convert("RGB"), float)


# What it reads


@pytest.mark.parametrize(
    ("prompt", "kind"),
    [
        ("pink tennis shoes", "shoe"),
        ("A bottle of red wine", "bottle"),
        ("glass jar of honey", "jar"),
        ("ad for our new hand cream", "tube"),
        ("scented candle in a glass jar", "candle"),
        ("chocolates in a box", "box"),
        ("phone case", "phone"),
        ("armchairs", "chair"),
        ("watch box", "box"),
        ("a drone", ""),
        ("日本の緑茶", ""),
    ],
)
def test_the_noun_says_which_product_it_is(prompt: str, kind: str) -> None:
    assert look(prompt).kind == kind


def test_colours_material_and_mood_are_read_from_the_words() -> None:
    shoe = look("pink leather shoes with a white sole, sunny court")
    assert shoe.colour[0] > shoe.colour[2] > shoe.colour[1]
    assert min(shoe.accent or (0,)) > 0.85
    assert (shoe.finish, shoe.light) == ("leather", "sun")
    assert look("navy blue can").accent is None
    assert look("steel bottle").finish == "metal"
    assert look("glass jar of honey").colour == look("amber jar").colour
    assert look("white mug on a black background").ground == look("black mug").colour


def test_an_edited_prompt_wins_over_the_brief() -> None:
    edited = order("pink mug") | {"prompt": "A green mug on a table"}
    assert read_look(edited, kinds()).colour == look("green mug").colour


def test_all_six_views_of_an_ad_are_of_one_look() -> None:
    assert len({look("oak chair with a red seat, moody", view) for view in View}) == 1


@pytest.mark.parametrize(
    ("product", "name"),
    [
        ("matte black water bottle", "Water bottle"),
        ('"Nova" headphones', "Nova"),
        ("mint hand cream", "Hand cream"),
        ("terracotta mug, morning", "Mug"),
        ("glass jar of honey", "Honey"),
        ("lavender face cream jar", "Face cream jar"),
        ("", ""),
    ],
)
def test_the_label_bears_the_name_without_adjectives(product: str, name: str) -> None:
    assert label_name(product) == name


# What it builds


@pytest.mark.parametrize("name", sorted(recipes()))
@pytest.mark.parametrize("finish", [None, "glass", "metal", "wood"])
def test_every_product_stands_and_hangs_together(name: str, finish: Any) -> None:
    recipe = recipes()[name]
    made = Look(kind=name, name="日本の緑茶 Tea", colour=(0.8, 0.3, 0.3), finish=finish, seed=7)
    parts = standing(recipe.build(Kit(made, recipe.finish)))
    boxes = []
    for part in parts:
        assert np.isfinite(part.mesh.points).all()
        assert np.allclose(np.linalg.norm(part.mesh.normals, axis=1), 1, atol=1e-3)
        boxes.append((part.mesh.points.min(0), part.mesh.points.max(0)))
    low = min(box[0][2] for box in boxes)
    assert low == pytest.approx(0, abs=1e-6)
    assert _joined(boxes) == len(boxes)


def _joined(boxes: list[tuple[Floats, Floats]]) -> int:
    """How many parts are reached from what touches the ground, from part to touching part."""
    ground = min(low[2] for low, _ in boxes) + 0.6
    reached = {i for i, (low, _) in enumerate(boxes) if low[2] < ground}
    while more := {
        i
        for i, (low, high) in enumerate(boxes)
        if i not in reached
        and any(
            (low <= boxes[j][1] + 0.4).all() and (high >= boxes[j][0] - 0.4).all() for j in reached
        )
    }:
        reached |= more
    return len(reached)


# What it renders


def test_the_same_order_gives_the_same_bytes_and_another_seed_another_picture(
    tmp_path: Path,
) -> None:
    first, second = (photograph(order("red mug"), tmp_path / name) for name in "ab")
    other = photograph(order("red mug", seed=456_124), tmp_path / "c")
    for result in (first, second, other):
        assert result.file is not None
    files = [r.file.read_bytes() for r in (first, second, other) if r.file]
    assert files[0] == files[1] != files[2]
    assert np.abs(pixels(first) - pixels(other)).mean() > 0.5
    assert first.metadata["mockup"] is True
    assert first.metadata["source"] == "mock-up"
    assert b"not a photograph" in files[0]
    assert (first.metadata["width"], first.metadata["height"]) == (128, 72)


def test_six_views_are_six_pictures_of_one_product(tmp_path: Path) -> None:
    seen = [photograph(order("red mug", view), tmp_path / view) for view in View]
    assert len({r.file.read_bytes() for r in seen if r.file}) == 6
    reds = [_dominant(pixels(result)) for result in seen]
    for one in reds:
        assert np.abs(one - np.mean(reds, axis=0)).max() < 0.14, reds


def _dominant(image: Floats) -> Floats:
    """The colour of the fullest pixels, without how bright they are."""
    full = image.max(2) - image.min(2)
    chosen = image[full >= np.quantile(full, 0.94)]
    mean = chosen.mean(0)
    return np.asarray(mean / mean.sum())


def test_nothing_is_cut_off_in_light_or_left_in_the_dark(tmp_path: Path) -> None:
    for prompt in ("white mug, sunny", "black phone"):
        image = pixels(photograph(order(prompt), tmp_path / prompt[:5]))
        assert (image.min(2) >= 254).mean() < 0.01
        assert 60 < image.mean() < 220


@pytest.mark.parametrize("aspect", ["9:16", "1:1", "4:5"])
def test_the_picture_has_the_ads_shape(aspect: str, tmp_path: Path) -> None:
    result = photograph(order("teal lamp", aspect=aspect), tmp_path)
    high, wide = pixels(result).shape[:2]
    across, down = map(int, aspect.split(":"))
    assert wide / high == pytest.approx(across / down, abs=0.03)


def test_stopping_ends_the_render_and_leaves_nothing(tmp_path: Path) -> None:
    asked = iter([False] * 4)
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(Cancelled):
        photograph(order("red mug"), tmp_path / "work", Watch(lambda: next(asked, True)))
    assert set(psutil.Process().children(recursive=True)) <= before
    assert list((tmp_path / "work").iterdir()) == []


# What it films


def test_a_clip_is_filmed_in_the_pictures_scene(tmp_path: Path) -> None:
    inputs = {
        "description": "Fast orbit around the mug", "motion_intensity": 0.8, "slot": 0, "seed": 1,
        "aspect": "16:9", "attempt": 1, "model": offline.STUDIO_CAMERA,
        "scene": orders.look_inputs(order("red mug")),
    }  # fmt: skip
    work = tmp_path / "work"
    work.mkdir()
    result = OfflineModels().collect(STUDIO_CAMERA, "offline-1", inputs, {}, work, Watch())
    assert result.file is not None
    media = check_clip(result.file)
    assert (media.width, media.height, media.frames) == (128, 72, 25)
    assert media.fps == pytest.approx(8)
    assert (result.metadata["move"], result.metadata["mockup"]) == ("orbit", True)
    assert [path.name for path in work.iterdir()] == ["clip.mp4"]


def test_the_words_choose_the_move() -> None:
    said = {
        "Steady push in on the front": "push-in", "Fast drift around the back": "orbit",
        "Slow pan across the side": "dolly", "The camera rises": "crane",
        "Rack focus from the laces": "rack focus", "Pull back, then orbit": "pull-out",
    }  # fmt: skip
    assert {text: shots.move_in(text, 0) for text in said} == said
    assert len({shots.move_in("A shoe.", slot) for slot in range(6)}) == 6
    assert shots.way_in("pan left", flip=False) == -1


@pytest.mark.parametrize("move", ["orbit", "dolly", "crane", "push-in", "pull-out", "rack focus"])
def test_more_intensity_goes_farther_in_the_same_time(move: str) -> None:
    start = shots.Shot(0, 10, 4, (0, 0, 0.3), open=0.01)
    calm, strong = (shots.plan_shots(start, move, much, 1) for much in (0.2, 0.9))
    assert len(calm) == len(strong) == shots.FRAMES
    travel = [np.linalg.norm(way[-1].origin - way[0].origin) for way in (calm, strong)]
    assert travel[1] > 1.4 * travel[0] > 0


# Without it


def test_without_its_packages_pictures_are_title_frames_and_it_says_how_to_get_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert offline.maker_of_image(offline.PHOTOS, photo=False) == offline.STUDIO
    assert offline.maker_of_image(offline.PHOTOS, photo=True) == offline.PHOTOS
    monkeypatch.setitem(sys.modules, "mitsuba", None)
    assert offline.maker_of_image(offline.PHOTOS, photo=False) == offline.FRAMES
    assert offline.maker_of_clip(offline.CAMERA, {"scene": {"view": "front"}}) == offline.CAMERA
    assert "requirements-studio.txt" in offline.without_photos()


def test_a_mock_up_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "ock-up" in STUDIO.label
    assert "mock-up" in STUDIO_CAMERA.label
    monkeypatch.setenv("ADGEN_OFFLINE_LOOK", "plain")
    settings.cache_clear()
    assert offline.maker_of_image(offline.PHOTOS, photo=False) == offline.FRAMES
    assert "placeholder" in load_model(offline.FRAMES).label
