"""What a person read and changed before it was made is what is made: prompts, scenes, music."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from adgen.domain import AdState, AudioChoice, Genre, SceneWords, Stage, TextOverlay, View
from adgen.errors import InputRejected
from adgen.providers import music
from tests.studio import Studio, quick_studio

PRODUCT = "pink tennis shoes"
PLAN, IMAGE = Decimal("0.001"), Decimal("0.05")
SEED = 515_151
TRACK = music.tracks(Genre.TENDER)[2]
WORDS = TextOverlay(product_name="Pink Court", cta="Run to it")


@pytest.fixture(scope="module")
def house(server: str, short_tmp: Path) -> Iterator[Studio]:
    with quick_studio(server, short_tmp / "plans") as made:
        yield made


@dataclass
class Story:
    """One ad, as it was after each step."""

    planned: AdState
    pictures: AdState
    scenes: AdState
    clips: AdState
    draft: AdState


@pytest.fixture(scope="module")
def story(house: Studio) -> Story:
    with house.settings():
        return tell(house)


def tell(house: Studio) -> Story:
    act, who = house.commands, house.person
    ad = act.create_ad(who).id
    act.save_draft(who, ad, "prompt_front", "Of an earlier plan")
    act.start_plan(who, ad, PRODUCT)
    planned = house.ended(ad)
    asked = {prompt.view: prompt.prompt for prompt in planned.prompts}
    asked[View.BACK] = "Pink shoes from behind, on red clay"
    act.start_images(who, ad, PRODUCT, prompts=asked, seed=SEED)
    pictures = house.ended(ad)
    act.approve_images(who, ad, [image.id for image in pictures.images][:3])
    act.save_draft(who, ad, f"scene_{pictures.images[0].id}_words", "Of an earlier plan")
    act.start_scenes(who, ad, "slow push-in")
    scenes = house.ended(ad)
    directed = {scene.image_id: SceneWords(**scene.model_dump()) for scene in scenes.scenes}
    second = pictures.images[1].id
    directed[second] = SceneWords(
        description="It turns once.", motion_intensity=0.9, duration_seconds=5
    )
    act.start_clips(who, ad, "slow push-in", scenes=directed)
    clips = house.ended(ad)
    act.approve_clips(who, ad, [clips.clips[0].id])
    act.start_draft(who, ad, WORDS, AudioChoice(track=TRACK.id))
    return Story(planned, pictures, scenes, clips, house.ended(ad, 120))


def test_a_new_plan_is_not_covered_by_edits_of_an_older_one(story: Story) -> None:
    assert "prompt_front" not in story.planned.drafts
    assert not [name for name in story.scenes.drafts if name.startswith("scene_")]


def test_one_changed_prompt_changes_one_picture(story: Story) -> None:
    planned = {prompt.view.value: prompt.prompt for prompt in story.planned.prompts}
    made = {image.details["view"]: image.details["prompt"] for image in story.pictures.images}
    assert made == {**planned, "back": "Pink shoes from behind, on red clay"}
    assert {image.details["seed"] for image in story.pictures.images} == {SEED}
    assert story.pictures.total_cost == PLAN + 6 * IMAGE
    assert not any(image.stale for image in story.pictures.images)


def test_one_changed_scene_changes_one_clip(story: Story) -> None:
    first, second, third = story.clips.clips
    assert second.details["description"] == "It turns once."
    assert second.details["motion_intensity"] == 0.9
    # A clip of 25 frames, slowed down as far as the model lets us.
    assert second.details["duration_seconds"] == pytest.approx(5, abs=0.05)
    planned = [scene.description for scene in story.scenes.scenes]
    assert [first.details["description"], third.details["description"]] == planned[::2]
    assert not any(clip.stale for clip in story.clips.clips)


def test_the_piece_that_was_chosen_is_in_the_film(story: Story) -> None:
    assert story.draft.audio == AudioChoice(genre=Genre.TENDER, track=TRACK.id)
    heard = story.draft.previews["draft"].details["music"]
    assert heard == {"track": TRACK.path.name, "licence": TRACK.licence}
    assert story.draft.stage is Stage.CLIP_SELECTION


def test_a_piece_that_is_not_in_the_library_is_refused(house: Studio, story: Story) -> None:
    ad = story.draft.id
    with house.settings(), pytest.raises(InputRejected, match="no such piece"):
        house.commands.start_video(house.person, ad, WORDS, AudioChoice(track="../secret"))
    assert house.state(ad).audio == story.draft.audio
