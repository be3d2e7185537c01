"""Every page over a real database, in each state that looks different. No browser."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from adgen import launch
from adgen.commands import Commands
from adgen.domain import AdState, AssetType, JobKind, JobStatus, Person
from adgen.store import assets, costs, jobs, predictions, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from adgen.store.predictions import Call, call_key
from adgen.ui import state
from tests.conftest import ROOT, add_person


@pytest.fixture
def at(
    commands: Commands, database: Database, person: Person, monkeypatch: pytest.MonkeyPatch
) -> AppTest:
    """The app's script, signed in."""
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    monkeypatch.setattr(state, "find_person", lambda: person)
    return AppTest.from_file(ROOT / "adgen" / "ui" / "main.py", default_timeout=30).run()


@pytest.fixture
def ad(commands: Commands, person: Person) -> AdState:
    return commands.create_ad(person)


def visit(at: AppTest, page: str, ad_id: str = "") -> str:
    """Open a page; gives all its words. No page may fail."""
    at.query_params["ad"] = ad_id
    at.switch_page(f"../../pages/{page}.py").run()
    assert not at.exception, at.exception
    shown = [*at.title, *at.subheader, *at.markdown, *at.caption, *at.text, *at.error, *at.warning]
    return "\n".join([str(e.value) for e in shown] + [button.label for button in at.button])


def made(database: Database, ad: AdState, kind: AssetType, *, of: int, slots: int) -> list[str]:
    """Pictures, clips or a film on an ad, and its run ended, as the worker would."""
    film = kind is not AssetType.IMAGE
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        job = jobs.latest_job(db, ad.id)
        assert job
        details = {
            "view": "front",
            "product_prompt": row.product_prompt,
            "duration_seconds": 3.0,
            **{"width": 1920, "height": 1080, "size_bytes": 2_000_000},
        }
        images = row.approved_image_ids or [""] * slots
        ids = [
            assets.add_asset(
                db,
                ad.id,
                NewAsset(
                    asset_type=kind,
                    storage_key="aa/x",
                    content_type="video/mp4" if film else "image/jpeg",
                    size_bytes=1,
                    slot=slot,
                    model_used="offline/photos",
                    details=details | {"image_id": images[slot]},
                ),
            )
            for slot in range(slots)
        ]
        if kind is AssetType.IMAGE:
            row.generated_image_ids, row.stage = ids, "image_selection"
        elif kind is AssetType.CLIP:
            row.generated_clip_ids, row.stage = ids, "clip_selection"
        else:
            row.final_video_id, row.stage = ids[0], "complete"
        job.slots = {str(slot): "done" if slot < slots else "failed" for slot in range(of)}
        jobs.finish_job(db, job.id, JobStatus.DONE, "done")
    return ids


def with_pictures(
    commands: Commands, database: Database, person: Person, ad: AdState, count: int = 6
) -> list[str]:
    commands.start_images(person, ad.id, "Oak chair")
    return made(database, ad, AssetType.IMAGE, of=6, slots=count)


def with_clips(
    commands: Commands, database: Database, person: Person, ad: AdState, count: int = 2
) -> list[str]:
    images = with_pictures(commands, database, person, ad)
    commands.approve_images(person, ad.id, images[:2])
    commands.start_clips(person, ad.id, "Slow push")
    return made(database, ad, AssetType.CLIP, of=2, slots=count)


def test_an_empty_library_offers_the_sample(at: AppTest) -> None:
    assert "Make your first ad" in visit(at, "ads")
    next(b for b in at.button if b.label == "Try the sample product").click().run()
    assert not at.exception
    assert at.text_area[0].value == state.SAMPLE
    assert "4 photos become six pictures" in [c.value for c in at.caption]


def test_the_library_finds_ads_by_their_words(
    at: AppTest, commands: Commands, person: Person, ad: AdState
) -> None:
    commands.rename_ad(person, ad.id, "Oak & Clay")
    assert "Make your first ad" not in visit(at, "ads")
    at.text_input[0].set_value("shoes").run()
    assert "Nothing matches “shoes”" in [s.value for s in at.subheader]
    at.text_input[0].set_value("clay").run()
    assert not at.subheader


@pytest.mark.parametrize("page", ["brief", "images", "storyboard", "clips", "finish", "final"])
def test_only_the_persons_own_ads_are_here(
    at: AppTest, commands: Commands, database: Database, page: str
) -> None:
    foreign = commands.create_ad(add_person(database, "eve@example.com"))
    for address in (foreign.id, "garbage", "a\0b", ""):
        assert "This ad is not here" in visit(at, page, address)


def test_signed_out_there_is_the_form_only(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "find_person", lambda: None)
    for page in ("ads", "images", "costs", "settings"):
        assert visit(at, page) == ""


def test_a_brief_without_words_is_refused(at: AppTest, ad: AdState) -> None:
    assert "Generate 6 images · free" in visit(at, "brief", ad.id)
    at.button(key="next").click().run()
    assert "at least 3 characters" in at.error[0].value
    at.text_area[0].set_value("Oak chair").run()
    at.button(key="next").click().run()
    assert not at.exception
    assert not at.error
    assert "Stop" in [b.label for b in at.button]


def test_images_before_and_after_they_are_made(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    assert "Continue with 0" in visit(at, "images", ad.id)
    assert at.button(key="next").disabled
    images = with_pictures(commands, database, person, ad, count=5)
    words = visit(at, "images", ad.id)
    assert "5 of 6 pictures are here." in words
    assert "Approve at least 2 pictures" in words
    assert at.button(key="next").disabled
    commands.set_marks(person, ad.id, dict.fromkeys(images[:3], "approved"))
    assert "Continue with 3" in visit(at, "images", ad.id)
    at.button(key="next").click().run()
    assert len(commands.load_ad(person, ad.id).approved_image_ids) == 3
    assert at.text_area[0].label == "How should it move?"


def test_a_failed_run_says_why_and_offers_the_rest(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with_pictures(commands, database, person, ad, count=2)
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        row.stage, row.failed_stage = "failed", "image_generation"
        row.failure = "4 of 6 pictures failed ($0.05 each)."
    words = visit(at, "images", ad.id)
    assert r"4 of 6 pictures failed (\$0.05 each)." in words
    assert "Retry the missing 4" in words


def test_each_step_says_what_it_waits_for(at: AppTest, ad: AdState) -> None:
    for page, words, way in (
        ("storyboard", "Choose pictures first", "Go to the pictures"),
        ("clips", "No clips yet", "Go to the storyboard"),
        ("finish", "Choose clips first", "Go to the clips"),
        ("final", "No film yet", "Go to finish"),
    ):
        shown = visit(at, page, ad.id)
        assert words in shown
        assert way in shown


def test_clips_words_and_the_film(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    clips = with_clips(commands, database, person, ad)
    assert "Make 2 clips · free" in visit(at, "storyboard", ad.id)
    assert "Approve at least one clip" in visit(at, "clips", ad.id)
    commands.set_marks(person, ad.id, dict.fromkeys(clips, "approved"), clips[::-1])
    assert "Continue with 2" in visit(at, "clips", ad.id)
    at.button(key="next").click().run()
    assert commands.load_ad(person, ad.id).approved_clip_ids == tuple(clips[::-1])

    assert "2 clips with cards and crossfades: 7.5 s" in visit(at, "finish", ad.id)
    at.text_input[0].set_value("Oak & Clay").run()
    at.button(key="next").click().run()
    assert not at.exception
    now = commands.load_ad(person, ad.id)
    assert now.job
    assert now.job.kind is JobKind.VIDEO
    assert now.text_overlay.product_name == "Oak & Clay"

    made(database, ad, AssetType.VIDEO, of=1, slots=1)
    words = visit(at, "final", ad.id)
    assert "Make another" in words
    assert "Render again" in words  # its receipt names no clips, so it counts as older


def test_costs_without_and_with_calls(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    assert "Nothing spent yet" in visit(at, "costs")
    commands.start_images(person, ad.id, "Oak chair")
    key = call_key(ad.id, "brief", 0, 1)
    call = Call(key=key, session_id=ad.id, job_id="j", agent="prompt_parser", model="m", inputs={})
    with database.begin() as db:
        predictions.add_intent(db, call)
        costs.open_entry(
            db,
            session_id=ad.id,
            key=key,
            agent=call.agent,
            model=call.model,
            unit="run",
            unit_price=Decimal("0.05"),
            price_since="2026-01-01",
        )
        costs.settle_entry(
            db, key, job_id="j", success=True, quantity=Decimal(1), seconds=Decimal(1)
        )
    assert "Showing 1 calls, newest first." in visit(at, "costs")
    assert at.metric[0].value == r"\$0.05"
    table = at.dataframe[0].value
    assert list(table.step) == ["Brief"]
    assert list(table.ad) == ["Oak chair"]


def test_settings_show_who_and_which_models(at: AppTest, person: Person) -> None:
    words = visit(at, "settings")
    assert f"Signed in as {person.email} (editor)" in words
    assert "Models and prices" in words
    assert not at.dataframe[0].value.empty
