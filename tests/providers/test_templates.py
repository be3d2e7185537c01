"""The language model's stand-in writes what the real one is asked for."""

from __future__ import annotations

import pytest

from adgen.domain import PromptPlan, Scene, View
from adgen.providers.templates import moves_in, plan_from_prompt, scenes_from_views

BRIEFS = [
    "pink tennis shoes",
    "日本の緑茶",
    "!!!",
    "the",
    "x" * 2000,
    "Make an ad for my chair.\n\nIt is made of oak, and it is *lovely*!",
]


@pytest.mark.parametrize("brief", BRIEFS)
def test_every_brief_gives_a_valid_plan_in_view_order(brief: str) -> None:
    raw = plan_from_prompt(brief)
    assert set(raw) == {"product", "style_keywords", "prompts"}
    plan = PromptPlan.model_validate(raw)
    assert [prompt.view for prompt in plan.prompts] == list(View)
    assert len({prompt.prompt for prompt in plan.prompts}) == 6


def test_all_prompts_show_one_product_in_one_style() -> None:
    plan = plan_from_prompt("matte black coffee grinder, calm")
    style = ", ".join(plan["style_keywords"])
    for prompt in plan["prompts"]:
        assert "matte black coffee grinder" in prompt["prompt"]
        assert f"Style: {style}." in prompt["prompt"]


@pytest.mark.parametrize(
    ("brief", "product"),
    [
        ("pink tennis shoes", "pink tennis shoes"),
        ("Make an ad for my handmade oak chair, in a Nordic kitchen", "handmade oak chair"),
        ("Create a short video ad for the Aurora smart lamp!", "Aurora smart lamp"),
        ("We want a commercial for our olive oil. It is fresh.", "olive oil"),
        ("make-up brush", "make-up brush"),
        ("show jumping boots", "show jumping boots"),
        ("Ad Astra telescope", "Ad Astra telescope"),
    ],
)
def test_the_product_is_named_without_the_request_around_it(brief: str, product: str) -> None:
    assert plan_from_prompt(brief)["product"] == product


def test_style_follows_the_words_of_the_brief() -> None:
    style = plan_from_prompt("pink leather boots, moody")["style_keywords"]
    assert style[:3] == ["pink", "leather", "low-key lighting"]


def test_a_brief_without_style_gets_a_clean_studio() -> None:
    style = plan_from_prompt("toaster")["style_keywords"]
    assert style == ["soft studio light", "seamless backdrop", "photorealistic"]


def test_prompts_point_to_the_reference_photos_when_there_are_any() -> None:
    [first, *_] = plan_from_prompt("oak chair", photo_count=3)["prompts"]
    assert "3 reference photos" in first["prompt"]
    assert "reference" not in plan_from_prompt("oak chair")["prompts"][0]["prompt"]


@pytest.mark.parametrize("wish", ["", "slow", "fast and energetic", "café 🙂", "w" * 2000])
def test_every_view_gets_a_valid_scene_on_the_frame_grid(wish: str) -> None:
    raw = scenes_from_views(list(View), wish)
    scenes = [Scene.model_validate(scene) for scene in raw["scenes"]]
    assert [scene.image for scene in scenes] == [1, 2, 3, 4, 5, 6]
    for scene in scenes:
        frames = scene.duration_seconds * 30
        assert frames == pytest.approx(round(frames), abs=1e-9)
        assert moves_in(scene.description)


@pytest.mark.parametrize(
    ("wish", "intensity"),
    [
        ("", 0.5),
        ("slow", 0.25),
        ("a calm morning", 0.25),
        ("fast", 0.85),
        ("Energetic!", 0.85),
        ("slow then fast", 0.5),
    ],
)
def test_intensity_follows_the_wish(wish: str, intensity: float) -> None:
    views = [View.FRONT, View.DETAIL, View.LIFESTYLE]
    front, detail, lifestyle = (
        scene["motion_intensity"] for scene in scenes_from_views(views, wish)["scenes"]
    )
    assert front == pytest.approx(intensity)
    assert 0 <= detail < front < lifestyle <= 1


def test_a_named_camera_move_is_obeyed() -> None:
    scenes = scenes_from_views([View.FRONT, View.SIDE], "pan, then zoom in")["scenes"]
    assert [moves_in(scene["description"])[0] for scene in scenes] == ["pan", "push"]


def test_moves_are_found_as_whole_words_in_their_order() -> None:
    assert moves_in("The camera tilts, then orbits") == ["tilt", "drift"]
    assert moves_in("A panoramic pullover") == []
