"""Prompts and scenes are read and changed before they are paid for; what stands is what is made."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from adgen.agents import prompt_parser, scene_planner
from adgen.commands import Commands
from adgen.domain import AdState, AssetType, JobKind, JobStatus, Person, View
from adgen.providers.catalogue import catalogue
from adgen.store import assets, jobs, sessions
from adgen.store.database import Database
from adgen.ui import state
from tests.conftest import ROOT
from tests.ui.ads import made, primary, visit, with_pictures

WORDS, MOVES = "Oak chair, morning light", "Slow push"
SEED = 424_242
Again = Callable[[], AdState]


@pytest.fixture
def again(commands: Commands, person: Person, ad: AdState) -> Again:
    """The ad as the database has it now."""
    return lambda: commands.load_ad(person, ad.id)


def named(widgets: Any, label: str) -> Any:
    """The one widget with this label."""
    [found] = [widget for widget in widgets if widget.label == label]
    return found


def labels(widgets: Any) -> list[str]:
    return [widget.label for widget in widgets]


def written(database: Database, ad: AdState, words: str = WORDS) -> None:
    """The prompts that were asked for, as the worker would write them."""
    plan = prompt_parser.template_plan(words, 0)
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        row.product, row.style_keywords = plan.product, list(plan.style_keywords)
        row.prompts = [prompt.model_dump(mode="json") for prompt in plan.prompts]
        row.consistency_seed = SEED
        end(db, ad)


def directed(database: Database, ad: AdState) -> None:
    """The scenes that were asked for, as the worker would write them."""
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        views = [View.FRONT] * len(row.approved_image_ids)
        scenes = scene_planner.template_scenes(views, row.video_prompt)
        row.scenes = [
            {**scene.model_dump(mode="json"), "image_id": image}
            for scene, image in zip(scenes, row.approved_image_ids, strict=True)
        ]
        end(db, ad)


def end(db: Any, ad: AdState, error: str | None = None) -> None:
    job = jobs.latest_job(db, ad.id)
    assert job
    status = JobStatus.FAILED if error else JobStatus.DONE
    jobs.finish_job(db, job.id, status, error or "done", error=error)


def planned(commands: Commands, database: Database, person: Person, ad: AdState) -> None:
    commands.start_plan(person, ad.id, WORDS)
    written(database, ad)


def with_scenes(
    commands: Commands, database: Database, person: Person, ad: AdState, count: int = 3
) -> list[str]:
    """An ad with approved pictures and a scene for each; gives the pictures."""
    images = with_pictures(commands, database, person, ad)[:count]
    with database.begin() as db:
        for slot, row in enumerate(assets.load_assets(db, ad.id, images)):
            row.details = {**row.details, "view": list(View)[slot].value}
    commands.approve_images(person, ad.id, images)
    commands.start_scenes(person, ad.id, MOVES)
    directed(database, ad)
    return images


# ---- prompts


def test_the_prompts_can_be_written_first_and_nothing_else_is(
    at: AppTest, database: Database, ad: AdState, again: Again
) -> None:
    shown = visit(at, "brief", ad.id)
    assert "What will be asked for" not in shown
    assert primary(at) == ["Generate 6 images · free"]
    at.text_area[0].set_value(WORDS).run()
    named(at.button, "Write the prompts first · free").click().run()
    assert not at.exception
    job = again().job
    assert job
    assert job.kind is JobKind.PLAN
    assert at.button(key="next").disabled
    assert at.button(key="first-plan").disabled
    for other in ("images", "final"):
        shown = visit(at, other, ad.id)
        assert "The prompts are being written. The next step waits for it." in shown

    written(database, ad)
    shown = visit(at, "brief", ad.id)
    assert r"**Oak chair** · oak, soft morning light" in shown
    assert "Title frame, free" in shown
    assert labels(at.text_area)[1:] == [view.capitalize() for view in View]
    assert at.number_input[0].value == SEED
    assert [area.value for area in at.text_area[1:]] == [p.prompt for p in again().prompts]
    assert "Offline pictures are placeholders; the prompts are kept for hosted models." in shown
    assert "first-plan" not in [button.key for button in at.button]


def test_what_stands_there_is_made_whichever_tab_it_was_typed_in(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState, again: Again
) -> None:
    planned(commands, database, person, ad)
    visit(at, "brief", ad.id)
    named(at.text_area, "Back").set_value("The back, in low sun").run()
    at.number_input[0].set_value(987_654).run()
    other = AppTest.from_file(ROOT / "adgen" / "ui" / "main.py", default_timeout=30).run()
    visit(other, "brief", ad.id)
    assert named(other.text_area, "Back").value == "The back, in low sun"
    other.button(key="next").click().run()
    assert not other.exception
    now = again()
    assert now.job
    assert now.job.kind is JobKind.IMAGES
    assert now.prompts[2].prompt == "The back, in low sun"
    assert now.prompts[0].prompt.startswith("Straight-on front view")
    assert now.consistency_seed == 987_654
    assert not now.drafts


def test_with_prompts_nobody_pays_for_a_plan(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    ad = hosted_ad
    visit(at, "brief", ad.id)
    assert [b.label for b in at.button if b.key == "first-plan"] == [
        r"Write the prompts first · \~\$0.001"
    ]
    at.text_area[0].set_value(WORDS).run()
    planned(commands, database, person, ad)
    shown = visit(at, "brief", ad.id)
    assert r"FLUX.1 pro, \~\$0.05 a picture" in shown
    assert "hosted models" not in shown
    at.button(key="next").click().run()
    job = commands.load_ad(person, ad.id).job
    assert job
    assert job.estimated_cost == Decimal("0.30")


OTHER = "The prompts were written for other words. They are written anew when you generate."


def test_prompts_for_other_words_fold_away_and_come_back(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    planned(commands, database, person, ad)
    visit(at, "brief", ad.id)
    named(at.text_area, "Top").set_value("From above").run()
    at.text_area[0].set_value("Teal kettle").run()
    assert len(at.text_area) == 1
    assert OTHER in [caption.value for caption in at.caption]
    assert at.button(key="first-plan")
    at.text_area[0].set_value(f" {WORDS} ").run()
    assert named(at.text_area, "Top").value == "From above"
    assert OTHER not in [caption.value for caption in at.caption]

    at.text_area[0].set_value("Teal kettle").run()
    at.button(key="first-plan").click().run()
    written(database, ad, "Teal kettle")
    at.run()
    assert "eal kettle" in named(at.text_area, "Top").value


def test_a_prompt_without_words_is_refused_and_nothing_is_lost(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState, again: Again
) -> None:
    planned(commands, database, person, ad)
    visit(at, "brief", ad.id)
    named(at.text_area, "Side").set_value("From the left").run()
    named(at.text_area, "Front").set_value("").run()
    at.button(key="next").click().run()
    [error] = at.error
    assert error.value.startswith("The front prompt needs at least 3 characters.")
    assert not again().working
    assert again().drafts["prompt_side"] == "From the left"
    assert named(at.text_area, "Front").value == ""


def test_six_new_ones_are_made_of_edited_prompts_and_one_is_changed_elsewhere(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    planned(commands, database, person, ad)
    visit(at, "brief", ad.id)
    at.button(key="next").click().run()
    made(database, ad, AssetType.IMAGE, of=6, slots=6)
    shown = visit(at, "brief", ad.id)
    assert primary(at) == ["Generate 6 new images · free"]
    assert "To change one picture, press E on it in Images." in shown


def test_prompts_that_could_not_be_written_are_said_once(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    commands.start_plan(person, ad.id, WORDS)
    with database.begin() as db:
        end(db, ad, "The disk is full.")
    visit(at, "brief", ad.id)
    why = "The prompts could not be written: The disk is full. Your ad is as it was; try again."
    assert [error.value for error in at.error] == [why]
    assert not at.button(key="first-plan").disabled
    for other in ("images", "final"):
        visit(at, other, ad.id)
        assert not at.error


# ---- scenes


def test_the_scenes_can_be_written_first_and_changed(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState, again: Again
) -> None:
    images = with_pictures(commands, database, person, ad)[:2]
    commands.approve_images(person, ad.id, images)
    visit(at, "storyboard", ad.id)
    at.button(key="use-words").click().run()
    assert at.text_area[0].value == state.SAMPLE_MOTION
    named(at.button, "Write the scenes first · free").click().run()
    assert not at.exception
    job = again().job
    assert job
    assert job.kind is JobKind.SCENES
    assert at.button(key="next").disabled
    shown = visit(at, "clips", ad.id)
    assert "The scenes are being written. The next step waits for it." in shown

    directed(database, ad)
    visit(at, "storyboard", ad.id)
    assert len(at.text_area) == 3
    assert "first-scenes" not in [button.key for button in at.button]
    at.text_area[2].set_value("It turns once.").run()
    [first, second] = [slider for slider in at.slider if slider.label.startswith("Motion")]
    assert (first.label, first.value) == ("Motion · gentle", 0.25)
    second.set_value(0.9).run()
    assert labels(at.slider)[2] == "Motion · lively"
    at.slider[3].set_value(4.5).run()

    other = AppTest.from_file(ROOT / "adgen" / "ui" / "main.py", default_timeout=30).run()
    visit(other, "storyboard", ad.id)
    other.button(key="next").click().run()
    assert not other.exception
    now = again()
    assert now.job
    assert now.job.kind is JobKind.CLIPS
    assert now.scenes[0].description.startswith("Slow push in")
    assert now.scenes[1].description == "It turns once."
    assert (now.scenes[1].motion_intensity, now.scenes[1].duration_seconds) == (0.9, 4.5)
    assert not now.drafts


def test_only_what_is_not_up_to_date_is_made_and_priced(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    ad = hosted_ad
    images = with_scenes(commands, database, person, ad)
    visit(at, "storyboard", ad.id)
    assert primary(at) == [r"Make 3 clips · \~\$2.40"]
    commands.start_clips(person, ad.id, MOVES)
    scenes = commands.load_ad(person, ad.id).scenes
    said = {"description": scenes[0].description, "video_prompt": MOVES}
    made(database, ad, AssetType.CLIP, of=3, slots=3, more=said)

    visit(at, "storyboard", ad.id)
    assert primary(at) == [r"Make 3 new clips · \~\$2.40"]
    assert not [c for c in at.caption if "stay" in c.value]
    at.text_area[1].set_value("It turns once.").run()
    assert primary(at) == [r"Make 1 clip · \~\$0.80"]
    assert "2 clips are up to date and stay" in [caption.value for caption in at.caption]
    told = [c.value for c in at.caption if c.value.startswith("Seed")]
    assert [line.rpartition(" · ")[2] for line in told] == [
        "to be made again", "up to date", "up to date",
    ]  # fmt: skip
    at.button(key="next").click().run()
    job = commands.load_ad(person, ad.id).job
    assert job
    assert (list(job.slots), job.estimated_cost) == (["0"], Decimal("0.80"))
    assert images[0] == commands.load_ad(person, ad.id).scenes[0].image_id


def test_other_words_make_all_clips_and_their_scenes_anew(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with_scenes(commands, database, person, ad)
    visit(at, "storyboard", ad.id)
    at.text_area[0].set_value("Fast and loud").run()
    assert len(at.text_area) == 1
    said = "The scenes were written for other words. They are written anew with the clips."
    assert said in [caption.value for caption in at.caption]
    assert at.button(key="first-scenes")
    at.text_area[0].set_value(MOVES).run()
    assert len(at.text_area) == 4
    commands.approve_images(person, ad.id, commands.load_ad(person, ad.id).generated_image_ids[:4])
    assert "Not every picture has its scene yet." in visit(at, "storyboard", ad.id)


def test_a_scene_without_words_is_refused_and_nothing_is_lost(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState, again: Again
) -> None:
    with_scenes(commands, database, person, ad)
    visit(at, "storyboard", ad.id)
    at.text_area[2].set_value("It turns once.").run()
    at.text_area[1].set_value("").run()
    at.button(key="next").click().run()
    [error] = at.error
    assert error.value.startswith("The scene prompt needs at least 3 characters.")
    assert not again().working
    assert at.text_area[2].value == "It turns once."


@pytest.mark.parametrize(
    ("model", "said", "moves"),
    [
        ("stability-ai/stable-video-diffusion", "does not read words", True),
        ("kwaivgi/kling-v2.1", "makes clips of 5 or 10 s; the nearest is taken", False),
        ("bytedance/seedance-1-lite", "makes clips of 2 to 12 whole seconds", False),
        ("wan-video/wan-2.2-i2v-fast", "takes the motion from the words", False),
    ],
)
def test_what_a_model_does_not_go_by_is_said(
    at: AppTest,
    commands: Commands,
    database: Database,
    person: Person,
    hosted_ad: AdState,
    model: str,
    said: str,
    moves: bool,
) -> None:
    with_scenes(commands, database, person, hosted_ad, count=2)
    visit(at, "storyboard", hosted_ad.id)
    at.selectbox[0].select(next(ref for ref in catalogue() if ref.startswith(model))).run()
    assert not at.exception
    assert [caption for caption in at.caption if said in caption.value]
    motion = [slider for slider in at.slider if slider.label.startswith("Motion")]
    assert [slider.disabled for slider in motion] == [not moves] * 2


def test_scenes_that_could_not_be_written_are_said_on_their_page(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    images = with_pictures(commands, database, person, ad)
    commands.approve_images(person, ad.id, images[:2])
    commands.start_scenes(person, ad.id, MOVES)
    with database.begin() as db:
        end(db, ad, "The disk is full.")
    visit(at, "storyboard", ad.id)
    assert [e.value for e in at.error] == [
        "The scenes could not be written: The disk is full. Your ad is as it was; try again."
    ]
    visit(at, "clips", ad.id)
    assert not at.error


def test_the_sample_product_knows_how_to_move(
    at: AppTest, commands: Commands, person: Person, ad: AdState, again: Again
) -> None:
    commands.save_draft(person, ad.id, "product_prompt", "My own chair")
    visit(at, "brief", ad.id)
    named(at.button, "Try the sample product").click().run()
    assert again().drafts == {
        "product_prompt": "My own chair", "video_prompt": state.SAMPLE_MOTION,
    }  # fmt: skip
