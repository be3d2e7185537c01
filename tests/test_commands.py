"""What a person may do, and when: stages, input, budgets, ownership. Nothing runs here."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import (
    AdFilter,
    AdState,
    AssetType,
    AudioChoice,
    JobKind,
    JobStatus,
    Person,
    Role,
    TextOverlay,
)
from adgen.errors import BudgetExceeded, InputRejected, NotAllowed, NotFound, WrongStage
from adgen.providers import catalogue
from adgen.providers.storage import storage
from adgen.store import assets, jobs, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from tests.conftest import SAMPLE, add_person

PHOTO = (SAMPLE / "oak-chair.jpg").read_bytes()


def give(database: Database, ad: AdState, kind: AssetType, count: int) -> list[str]:
    """Put finished pictures or clips on an ad, as the worker would."""
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        ids = [
            assets.add_asset(db, ad.id, NewAsset(
                asset_type=kind, storage_key="aa/x.jpg", content_type="image/jpeg", size_bytes=1,
                slot=slot, details={"view": "front", "product_prompt": row.product_prompt,
                                    "image_id": (row.generated_image_ids or [""] * 9)[slot],
                                    "duration_seconds": 3.0},
            ))
            for slot in range(count)
        ]  # fmt: skip
        if kind is AssetType.IMAGE:
            row.generated_image_ids, row.stage = ids, "image_selection"
        else:
            row.generated_clip_ids, row.stage = ids, "clip_selection"
    return ids


def end(database: Database, ad_id: str, stage: str) -> None:
    """End the ad's run as the worker would."""
    with database.begin() as db:
        job = jobs.latest_job(db, ad_id)
        assert job
        sessions.lock_ad(db, ad_id).stage = stage
        jobs.finish_job(db, job.id, JobStatus.DONE, "done")


@pytest.fixture
def ad(commands: Commands, person: Person) -> AdState:
    return commands.create_ad(person)


def test_start_moves_the_stage_and_leaves_one_waiting_job(
    commands: Commands, person: Person, ad: AdState
) -> None:
    started = commands.start_images(person, ad.id, "  pink tennis shoes ")
    now = commands.load_ad(person, ad.id)
    assert (started.stage, now.stage) == ("prompt_parsing", "prompt_parsing")
    assert started.estimated_cost == 0
    assert now.product_prompt == "pink tennis shoes"
    assert now.job is not None
    assert (now.job.status, now.job.total) == (JobStatus.QUEUED, 6)


@pytest.mark.parametrize("prompt", ["", "  ", "ab", " a\x00b ", "x" * 2001])
def test_a_refused_prompt_changes_nothing(
    commands: Commands, person: Person, ad: AdState, prompt: str
) -> None:
    with pytest.raises(InputRejected):
        commands.start_images(person, ad.id, prompt)
    assert commands.load_ad(person, ad.id) == ad


def test_a_second_start_is_refused_while_one_runs(
    commands: Commands, person: Person, ad: AdState
) -> None:
    commands.start_images(person, ad.id, "oak chair")
    with pytest.raises(WrongStage):
        commands.start_images(person, ad.id, "oak chair")


def test_of_many_clicks_at_once_one_counts(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    told: list[str] = []

    def click() -> None:
        try:
            commands.start_images(person, ad.id, "oak chair")
            told.append("started")
        except WrongStage:
            told.append("refused")

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == ["refused"] * 7 + ["started"]


def test_two_pictures_are_needed_and_they_must_be_this_ads(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    images = give(database, ad, AssetType.IMAGE, 6)
    with pytest.raises(InputRejected, match="at least 2"):
        commands.approve_images(person, ad.id, images[:1])
    with pytest.raises(InputRejected, match="at least 2"):
        commands.approve_images(person, ad.id, [images[0], images[0]])
    with pytest.raises(InputRejected, match="has no picture"):
        commands.approve_images(person, ad.id, [images[0], "another"])
    state = commands.approve_images(person, ad.id, [images[3], images[1]])
    assert state.approved_image_ids == (images[1], images[3])
    assert state.marks == {images[1]: "approved", images[3]: "approved"}


def test_marks_of_other_ads_are_ignored(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    images = give(database, ad, AssetType.IMAGE, 2)
    commands.set_marks(
        person, ad.id, {images[0]: "approved", "foreign": "approved", images[1]: "nonsense"}
    )
    assert commands.load_ad(person, ad.id).marks == {images[0]: "approved"}


def test_clips_need_approved_pictures(commands: Commands, person: Person, ad: AdState) -> None:
    with pytest.raises(WrongStage):
        commands.start_clips(person, ad.id, "slow push-in")


def test_a_new_picture_asks_only_for_its_own_clip(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    images = give(database, ad, AssetType.IMAGE, 4)
    commands.approve_images(person, ad.id, images[:2])
    commands.start_clips(person, ad.id, "slow push-in")
    end(database, ad.id, "clip_selection")
    give(database, ad, AssetType.CLIP, 2)
    commands.approve_images(person, ad.id, images[:3])
    commands.start_clips(person, ad.id, "slow push-in")
    job = commands.load_ad(person, ad.id).job
    assert job is not None
    assert list(job.slots) == ["2"]


def test_a_changed_choice_marks_clips_stale_and_deletes_none(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    images = give(database, ad, AssetType.IMAGE, 3)
    commands.approve_images(person, ad.id, images)
    give(database, ad, AssetType.CLIP, 3)
    state = commands.approve_images(person, ad.id, images[:2])
    assert [clip.stale for clip in state.clips] == [False, False, True]


def test_the_order_must_name_the_approved_clips(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    give(database, ad, AssetType.IMAGE, 3)
    clips = give(database, ad, AssetType.CLIP, 3)
    with pytest.raises(InputRejected, match="exactly"):
        commands.approve_clips(person, ad.id, clips[:2], clips)
    state = commands.approve_clips(person, ad.id, clips[:2], [clips[1], clips[0]])
    assert state.clip_order == (clips[1], clips[0])


def test_the_film_needs_a_clip_and_a_genre(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    with pytest.raises(WrongStage):
        commands.start_video(person, ad.id, TextOverlay(), AudioChoice())
    give(database, ad, AssetType.IMAGE, 2)
    clips = give(database, ad, AssetType.CLIP, 2)
    commands.approve_clips(person, ad.id, clips)
    with pytest.raises(InputRejected, match="genre"):
        commands.start_video(person, ad.id, TextOverlay(), AudioChoice(genre=None))
    started = commands.start_video(person, ad.id, TextOverlay(), AudioChoice())
    assert started.stage == "final_composition"


def test_cancel_goes_back_to_the_last_choice(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    commands.start_images(person, ad.id, "oak chair")
    assert commands.cancel(person, ad.id).stage == "created"
    give(database, ad, AssetType.IMAGE, 4)
    commands.start_images(person, ad.id, "oak chair")
    state = commands.cancel(person, ad.id)
    assert state.stage == "image_selection"
    assert len(state.images) == 4
    with pytest.raises(WrongStage):
        commands.cancel(person, ad.id)


def test_an_ad_is_its_makers(commands: Commands, database: Database, ad: AdState) -> None:
    other = add_person(database, "bob@example.com")
    for act in (
        lambda: commands.load_ad(other, ad.id),
        lambda: commands.start_images(other, ad.id, "oak chair"),
        lambda: commands.add_photo(other, ad.id, PHOTO, "x.jpg"),
        lambda: commands.load_costs(other, ad.id),
        lambda: commands.cancel(other, ad.id),
    ):
        with pytest.raises(NotFound):
            act()
    assert commands.list_ads(other) == []


def test_an_ad_is_its_teams(commands: Commands, database: Database, ad: AdState) -> None:
    team = "ann@example.com"
    mate = add_person(database, "bea@example.com", team=team)
    assert [card.id for card in commands.list_ads(mate)] == [ad.id]
    commands.rename_ad(mate, ad.id, "Oak & Clay")
    for role in (Role.VIEWER, Role.ANALYST):
        looker = add_person(database, f"{role}@example.com", role, team)
        assert commands.load_ad(looker, ad.id).title == "Oak & Clay"
        with pytest.raises(NotAllowed):
            commands.start_images(looker, ad.id, "oak chair")
        with pytest.raises(NotAllowed):
            commands.create_ad(looker)
    admin = add_person(database, "root@example.com", Role.ADMIN)
    assert commands.load_ad(admin, ad.id).team_id == ad.team_id


def test_photos_are_kept_once_up_to_six_and_can_go(
    commands: Commands, person: Person, ad: AdState
) -> None:
    first = commands.add_photo(person, ad.id, PHOTO, "chair.jpg")
    assert commands.add_photo(person, ad.id, PHOTO, "again.jpg") == first
    with pytest.raises(InputRejected, match=r"notes\.png"):
        commands.add_photo(person, ad.id, b"no pixels", "notes.png")
    asset, key = commands.load_file(person, first)
    assert storage().path(key).read_bytes()[:2] == b"\xff\xd8"
    assert asset.details["name"] == "chair.jpg"
    commands.remove_photo(person, ad.id, first)
    assert commands.load_ad(person, ad.id).photos == ()


def test_sample_product_fills_a_brief(commands: Commands, person: Person, ad: AdState) -> None:
    commands.add_sample_photos(person, ad.id)
    assert len(commands.load_ad(person, ad.id).photos) == 4


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The offline models at the spec's prices."""
    price = {"brief": "0.001", "storyboard": "0.001", "image": "0.05", "clip": "0.80"}
    rows = {
        ref: spec.model_copy(update={"price": Decimal(price.get(spec.stage, "0.50"))})
        for ref, spec in catalogue.catalogue().items()
    }
    monkeypatch.setattr(catalogue, "catalogue", lambda: rows)


@pytest.mark.usefixtures("priced")
def test_estimates_follow_the_catalogue(commands: Commands) -> None:
    assert commands.estimate(JobKind.IMAGES, "offline", "offline/photos", 6) == Decimal("0.301")
    assert commands.estimate(JobKind.CLIPS, "offline", "offline/camera", 3) == Decimal("2.401")


@pytest.mark.usefixtures("priced")
def test_a_step_over_the_ads_budget_is_refused_before_it_starts(
    commands: Commands, person: Person, ad: AdState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADGEN_SESSION_BUDGET_USD", "0.30")
    settings.cache_clear()
    with pytest.raises(BudgetExceeded, match=r"of the \$0\.30 for this ad only \$0\.30 is left"):
        commands.start_images(person, ad.id, "oak chair")
    assert commands.load_ad(person, ad.id).stage == "created"


@pytest.mark.usefixtures("priced")
def test_parallel_starts_cannot_pass_the_total_budget(
    commands: Commands, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADGEN_TOTAL_BUDGET_USD", "1.00")
    settings.cache_clear()
    ads = [commands.create_ad(person).id for _ in range(8)]
    started: list[str] = []

    def start(ad_id: str) -> None:
        try:
            started.append(commands.start_images(person, ad_id, "oak chair").session_id)
        except BudgetExceeded:
            return

    threads = [threading.Thread(target=start, args=(ad_id,)) for ad_id in ads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Three at $0.301 fit under a dollar, a fourth does not.
    assert len(started) == 3


def test_a_draft_is_kept_until_it_is_used(commands: Commands, person: Person, ad: AdState) -> None:
    commands.save_draft(person, ad.id, "product_prompt", "oak ch")
    commands.save_draft(person, ad.id, "cta", "Sit down")
    assert commands.load_ad(person, ad.id).drafts == {"product_prompt": "oak ch", "cta": "Sit down"}
    commands.start_images(person, ad.id, "oak chair")
    assert commands.load_ad(person, ad.id).drafts == {"cta": "Sit down"}


def test_what_a_stopped_run_left_out_can_be_made(
    commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    with pytest.raises(WrongStage):
        commands.retry(person, ad.id)
    commands.start_images(person, ad.id, "oak chair")
    commands.cancel(person, ad.id)
    give(database, ad, AssetType.IMAGE, 5)
    commands.retry(person, ad.id)
    job = commands.load_ad(person, ad.id).job
    assert job is not None
    assert list(job.slots) == ["5"]


def test_a_nul_in_an_address_is_just_absent(commands: Commands, person: Person) -> None:
    with pytest.raises(NotFound):
        commands.load_ad(person, "a\x00b")
    with pytest.raises(NotFound):
        commands.load_file(person, "a\x00b")
    assert commands.list_ads(person, AdFilter(search="a\x00b")) == []
