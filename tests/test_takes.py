"""Takes, plans read before they are paid for, and copies, through the whole product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from adgen.domain import AdState, JobKind, SceneWords, Stage, View
from adgen.errors import InputRejected, NotFound, WrongStage
from tests.conftest import add_person
from tests.studio import Studio, quick_studio

PRODUCT = "pink tennis shoes"
OWN = {view: f"Pink shoes, {view}, on red clay" for view in View}
SEED = 424_242
RUN = SceneWords(description="She runs past the net.", motion_intensity=0.8, duration_seconds=3)


@pytest.fixture(scope="module")
def house(server: str, short_tmp: Path) -> Iterator[Studio]:
    with quick_studio(server, short_tmp / "takes") as made:
        yield made


@dataclass
class Story:
    """One ad, as it was after each step."""

    planned: AdState
    pictures: AdState
    again: AdState
    back: AdState
    reworded: AdState
    scenes: AdState
    clips: AdState
    rescened: AdState
    clip_again: AdState


@pytest.fixture(scope="module")
def story(house: Studio) -> Story:
    with house.settings():
        return tell(house)


def tell(house: Studio) -> Story:
    act, who = house.commands, house.person
    ad = act.create_ad(who).id
    act.start_plan(who, ad, PRODUCT)
    planned = house.ended(ad)
    act.start_images(who, ad, PRODUCT, prompts=OWN, seed=SEED)
    pictures = house.ended(ad)
    ids = pictures.generated_image_ids
    act.set_marks(who, ad, {ids[0]: "approved", ids[1]: "approved"})
    act.regenerate(who, ad, JobKind.IMAGES, 1)
    again = house.ended(ad)
    back = act.bring_back(who, ad, ids[1])
    act.regenerate(who, ad, JobKind.IMAGES, 2, text="Pink shoes from behind, at dusk")
    reworded = house.ended(ad)
    act.approve_images(who, ad, ids[:2])
    act.start_scenes(who, ad, "girl running in sun")
    scenes = house.ended(ad)
    act.start_clips(who, ad, "girl running in sun", scenes={ids[0]: RUN})
    clips = house.ended(ad)
    calm = RUN.model_copy(update={"description": "She stands still."})
    act.start_clips(who, ad, "girl running in sun", scenes={ids[0]: calm})
    rescened = house.ended(ad)
    act.regenerate(who, ad, JobKind.CLIPS, 1)
    return Story(
        *(planned, pictures, again, back, reworded, scenes, clips, rescened), house.ended(ad)
    )


def test_a_plan_can_be_read_before_any_picture_is_paid_for(story: Story) -> None:
    assert [prompt.view for prompt in story.planned.prompts] == list(View)
    assert story.planned.stage is Stage.CREATED
    assert story.planned.consistency_seed
    assert story.planned.total_cost == Decimal("0.001")
    assert not story.planned.images


def test_pictures_are_made_from_the_words_and_seed_a_person_gave(story: Story) -> None:
    assert [image.details["prompt"] for image in story.pictures.images] == list(OWN.values())
    assert {image.details["seed"] for image in story.pictures.images} == {SEED}
    # Six pictures, and no second plan.
    assert story.pictures.total_cost == Decimal("0.001") + 6 * Decimal("0.05")


def test_one_more_take_keeps_the_one_before_and_what_was_decided(story: Story) -> None:
    first, second = (take for take in story.again.image_takes if take.slot == 1)
    assert story.again.generated_image_ids[1] == second.id
    assert second.details["seed"] == SEED + 1
    assert second.id not in story.again.marks
    assert story.again.marks[first.id] == "approved"
    assert [*story.again.generated_image_ids[:1], *story.again.generated_image_ids[2:]] == [
        *story.pictures.generated_image_ids[:1],
        *story.pictures.generated_image_ids[2:],
    ]


def test_an_earlier_take_comes_back_with_its_decision_and_seed(story: Story) -> None:
    assert story.back.generated_image_ids == story.pictures.generated_image_ids
    assert story.back.seed_of(JobKind.IMAGES, 1) == SEED
    assert len([take for take in story.back.image_takes if take.slot == 1]) == 2


def test_new_words_for_one_view_make_only_that_picture_anew(story: Story) -> None:
    new = story.reworded.images[2]
    assert new.details["prompt"] == "Pink shoes from behind, at dusk"
    assert new.details["seed"] == SEED
    assert not any(image.stale for image in story.reworded.images)
    assert story.reworded.total_cost - story.again.total_cost == Decimal("0.05")


def test_scenes_can_be_read_and_changed_before_clips_are_paid_for(story: Story) -> None:
    assert len(story.scenes.scenes) == 2
    assert not story.scenes.clips
    first, second = story.clips.clips
    assert first.details["description"] == RUN.description
    assert second.details["description"] == story.scenes.scenes[1].description
    assert first.details["motion_intensity"] == RUN.motion_intensity


def test_a_changed_scene_asks_only_for_its_own_clip(story: Story) -> None:
    before, after = story.clips.generated_clip_ids, story.rescened.generated_clip_ids
    assert (before[0] != after[0], before[1] == after[1]) == (True, True)
    assert story.rescened.clips[0].details["description"] == "She stands still."


def test_one_more_clip_has_another_seed(story: Story) -> None:
    first, second = (take for take in story.clip_again.clip_takes if take.slot == 1)
    assert second.details["seed"] != first.details["seed"]
    assert story.clip_again.clips[1].id == second.id


def test_a_copy_begins_where_its_original_is_and_costs_nothing(house: Studio, story: Story) -> None:
    act, who = house.commands, house.person
    original = story.clip_again
    with house.settings():
        copy = act.duplicate_ad(who, original.id)
        assert (copy.total_cost, copy.stage) == (Decimal(0), Stage.CLIP_SELECTION)
        assert [image.slot for image in copy.images] == [image.slot for image in original.images]
        assert not {image.id for image in copy.images} & {image.id for image in original.images}
        assert not any(asset.stale for asset in (*copy.images, *copy.clips))
        act.regenerate(who, copy.id, JobKind.CLIPS, 0)
        after = house.ended(copy.id)
        assert after.clips[0].id != copy.clips[0].id
        assert len(after.clip_takes) == 3
        film = house.film(copy.id)
        assert film.stage is Stage.COMPLETE
        house.audit()


def test_what_cannot_be_made_again_is_refused(house: Studio, story: Story) -> None:
    act, who, ad = house.commands, house.person, story.planned.id
    stranger = add_person(house.database, "eve@example.com")
    with house.settings():
        with pytest.raises(WrongStage, match="Approve its picture"):
            act.regenerate(who, ad, JobKind.CLIPS, 5)
        with pytest.raises(WrongStage, match="Generate the pictures"):
            act.regenerate(who, ad, JobKind.IMAGES, 6)
        with pytest.raises(InputRejected, match="by itself"):
            act.regenerate(who, ad, JobKind.VIDEO, 0)
        with pytest.raises(InputRejected, match="at least 3"):
            act.regenerate(who, ad, JobKind.IMAGES, 0, text=" ")
        with pytest.raises(InputRejected, match="seed"):
            act.regenerate(who, ad, JobKind.IMAGES, 0, seed=7)
        with pytest.raises(NotFound):
            act.regenerate(stranger, ad, JobKind.IMAGES, 0)
        with pytest.raises(NotFound):
            act.bring_back(stranger, ad, story.back.generated_image_ids[0])
        with pytest.raises(NotFound):
            act.duplicate_ad(stranger, ad)
        assert not house.state(ad).working
