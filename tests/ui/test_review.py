"""What the light table is given, in each state of a take. No browser."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import (
    AdState,
    AssetType,
    CutChoices,
    ImagePrompt,
    JobKind,
    JobStatus,
    Person,
    Role,
    Scene,
    Stage,
    Transition,
    View,
)
from adgen.store import assets, jobs, predictions, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from adgen.store.holds import set_hold
from adgen.store.predictions import Call, call_key
from adgen.ui import light_table, state
from adgen.ui.light_table import Asked, Words
from tests.conftest import add_person
from tests.ui.ads import light_table as table_of
from tests.ui.ads import made, visit, with_clips, with_pictures

FLUX = "black-forest-labs/flux-pro"


def planned(database: Database, ad: AdState) -> None:
    """The six prompts of an ad, as the worker would write them."""
    prompts = [ImagePrompt(view=view, prompt=f"A chair, {view}") for view in View]
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        row.prompts = [prompt.model_dump(mode="json") for prompt in prompts]
        row.consistency_seed = 123456


def new_take(database: Database, ad: AdState, slot: int, **details: Any) -> str:
    """One more picture of a slot, its run ended, as the worker would."""
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        job = jobs.latest_job(db, ad.id)
        assert job
        take = NewAsset(
            asset_type=AssetType.IMAGE,
            storage_key="aa/x",
            content_type="image/jpeg",
            size_bytes=1,
            slot=slot,
            model_used=FLUX,
            cost=Decimal("0.05"),
            details={"view": list(View)[slot].value, "product_prompt": row.product_prompt}
            | details,
        )
        asset_id = assets.add_asset(db, ad.id, take)
        [asset] = assets.load_assets(db, ad.id, [asset_id])
        assets.put_in_slot(row, asset, assets.list_assets(db, row.id, AssetType.IMAGE))
        jobs.report(db, job.id, slot=slot, state="done")
        jobs.finish_job(db, job.id, JobStatus.DONE, "done")
        row.stage = Stage.IMAGE_SELECTION.value
    return asset_id


def fail(database: Database, ad: AdState, slot: int, why: str) -> None:
    """The newest run ends without this slot, as the worker would end it."""
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        job = jobs.latest_job(db, ad.id)
        assert job
        call = Call(
            key=call_key(ad.id, "image", slot, 2),
            session_id=ad.id,
            job_id=job.id,
            agent="image_generator",
            model=FLUX,
            inputs={},
        )
        predictions.add_intent(db, call)
        predictions.finish(db, call.key, predictions.FAILED, error=why)
        jobs.report(db, job.id, slot=slot, state="failed")
        jobs.finish_job(db, job.id, JobStatus.DONE, "Images ready!")
        row.stage = Stage.IMAGE_SELECTION.value


def items_of(at: AppTest) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = table_of(at)["items"]
    return items


def test_a_new_take_that_fails_is_said_and_the_earlier_one_is_kept(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    images = with_pictures(commands, database, person, hosted_ad)
    planned(database, hosted_ad)
    commands.set_marks(person, hosted_ad.id, {images[2]: "approved"})
    commands.regenerate(person, hosted_ad.id, JobKind.IMAGES, 2)
    visit(at, "images", hosted_ad.id)
    assert [item["making"] for item in items_of(at)] == ["", "", "queued", "", "", ""]
    assert [item["id"] for item in items_of(at)] == images

    fail(database, hosted_ad, 2, "It refused [this](x).")
    visit(at, "images", hosted_ad.id)
    [said] = [info.value for info in at.info]
    assert said == (
        r"A new take of back could not be made: It refused \[this\](x). The earlier one is kept."
    )
    back = items_of(at)[2]
    assert (back["id"], back["state"], back["making"]) == (images[2], "ready", "")
    assert back["kept"]
    assert back["why"] == "It refused [this](x)."
    assert table_of(at)["marks"] == {images[2]: "approved"}


def test_on_hold_it_is_said_once_that_the_earlier_take_is_kept(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    with_pictures(commands, database, person, hosted_ad)
    planned(database, hosted_ad)
    commands.regenerate(person, hosted_ad.id, JobKind.IMAGES, 0)
    fail(database, hosted_ad, 0, "No credit left.")
    with database.begin() as db:
        set_hold(db, "replicate", "No credit left.")
    visit(at, "images", hosted_ad.id)
    assert [warning.value for warning in at.warning] == [
        "A new take of front could not be made. The earlier one is kept. No credit left."
    ]


def test_a_failed_picture_says_why_and_what_it_would_be_made_from(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    with_pictures(commands, database, person, hosted_ad, count=5)
    planned(database, hosted_ad)
    commands.retry(person, hosted_ad.id)
    fail(database, hosted_ad, 5, "It refused.")
    shown = visit(at, "images", hosted_ad.id)
    assert "5 of 6 pictures are here. It refused." in shown
    last = items_of(at)[5]
    assert (last["id"], last["state"], last["why"]) == (None, "failed", "It refused.")
    assert last["text"] == last["words"] == "A chair, lifestyle"
    assert dict(last["facts"]) == {"Model": "FLUX.1 pro", "Price": "~$0.05"}
    assert last["barred"] == ""


def test_takes_are_told_apart_and_the_one_in_use_is_known(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    images = with_pictures(commands, database, person, hosted_ad)
    planned(database, hosted_ad)
    visit(at, "images", hosted_ad.id)
    assert [item["takes"] for item in items_of(at)] == [[]] * 6
    assert table_of(at)["price"] == "~$0.05"
    assert table_of(at)["model"] == "FLUX.1 pro"
    commands.regenerate(person, hosted_ad.id, JobKind.IMAGES, 1, text="A chair, from the side")
    visit(at, "images", hosted_ad.id)
    assert {item["barred"] for item in items_of(at)} == {light_table._BUSY}
    take = new_take(database, hosted_ad, 1, seed=123457, prompt="A chair, from the side")
    visit(at, "images", hosted_ad.id)
    side = items_of(at)[1]
    assert side["id"] == take
    assert [(t["number"], t["id"], t["current"]) for t in side["takes"]] == [
        (1, images[1], False),
        (2, take, True),
    ]
    assert dict(side["takes"][1]["facts"]) == {
        "Model": "FLUX.1 pro", "Seed": "123457", "Cost": "$0.05",
    }  # fmt: skip
    assert side["takes"][1]["text"] == "A chair, from the side"
    commands.bring_back(person, hosted_ad.id, images[1])
    visit(at, "images", hosted_ad.id)
    assert [t["current"] for t in items_of(at)[1]["takes"]] == [True, False]


def test_what_changed_since_it_was_made_is_said_of_each(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with_pictures(commands, database, person, ad)
    planned(database, ad)
    commands.regenerate(person, ad.id, JobKind.IMAGES, 0)
    new_take(database, ad, 0, prompt="A stool")
    visit(at, "images", ad.id)
    changes = [item["changes"] for item in items_of(at)]
    assert changes == [["The prompt of this view changed."], *[[]] * 5]


def test_reasons_notes_and_drafts_come_back(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    images = with_pictures(commands, database, person, ad)
    commands.set_marks(person, ad.id, {images[0]: "rejected"}, reasons={images[0]: "flaw"})
    commands.write_remark(person, ad.id, images[3], "Too dark")
    commands.save_draft(person, ad.id, "edit_image_1", Words(text="A *chair*").model_dump_json())
    commands.save_draft(person, ad.id, "edit_image_2", "no JSON")
    visit(at, "images", ad.id)
    data = table_of(at)
    assert data["reasons"] == {images[0]: "flaw"}
    assert data["reject"] == [
        ["P", "wrong product"], ["T", "garbled text"], ["B", "off brand"], ["F", "flaw"],
    ]  # fmt: skip
    assert [item["remark"] for item in data["items"]] == ["", "", "", "Too dark", "", ""]
    drafts = [item["draft"] for item in data["items"]]
    assert drafts == [None, {"text": "A *chair*", "seed": ""}, None, None, None, None]


def test_a_clip_knows_its_scene_and_what_bars_another_one(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with_clips(commands, database, person, ad)
    one, _ = commands.load_ad(person, ad.id).approved_image_ids
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        row.cut = CutChoices(transition=Transition.CUT).model_dump(mode="json")
        row.scenes = [
            Scene(
                image=1,
                image_id=one,
                description="It turns",
                motion_intensity=0.4,
                duration_seconds=3,
            ).model_dump(mode="json")
        ]
    visit(at, "clips", ad.id)
    assert [item["words"] for item in items_of(at)] == ["It turns", ""]
    assert [item["barred"] for item in items_of(at)] == ["", ""]
    assert items_of(at)[0]["poster"] == f"/api/files/{one}"
    assert table_of(at)["film"] == {"cards": 2.0, "joint": 0.0}
    commands.set_marks(person, ad.id, {})
    images = commands.load_ad(person, ad.id).generated_image_ids
    commands.approve_images(person, ad.id, [one, images[4]])
    visit(at, "clips", ad.id)
    barred = "Approve its picture first, then make its clip."
    assert [(i["label"], i["state"], i["barred"]) for i in items_of(at)] == [
        ("front", "ready", ""), ("older clip", "ready", barred), ("front", "missing", ""),
    ]  # fmt: skip


def test_who_may_only_look_is_told_so(
    at: AppTest,
    commands: Commands,
    database: Database,
    person: Person,
    ad: AdState,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_pictures(commands, database, person, ad)
    visit(at, "images", ad.id)
    assert table_of(at)["barred"] == ""
    viewer = add_person(database, "vera@example.com", Role.VIEWER, team=person.team)
    monkeypatch.setattr(state, "find_person", lambda: viewer)
    visit(at, "images", ad.id)
    assert "not change it" in table_of(at)["barred"]


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, commands: Commands, person: Person) -> dict[str, Any]:
    """What the browser's side remembers, without a browser."""
    kept: dict[str, Any] = {}
    monkeypatch.setattr(state, "component_value", lambda _, name: kept[name])
    monkeypatch.setattr(state, "remember", kept.setdefault)
    monkeypatch.setattr(state, "keep", kept.__setitem__)
    monkeypatch.setattr(state, "commands", lambda: commands)
    monkeypatch.setattr(state, "require_person", lambda: person)
    return kept


def test_everything_sent_is_written_and_then_acknowledged(
    commands: Commands, database: Database, person: Person, ad: AdState, memory: dict[str, Any]
) -> None:
    clips = with_clips(commands, database, person, ad)
    memory["review"] = {
        "seq": 7,
        "changes": {clips[1]: "approved", clips[0]: "approved"},
        "reasons": {},
        "order": None,
        "remarks": {clips[0]: "Slower"},
        "drafts": {"0": {"text": "It turns", "seed": "123456"}},
    }
    light_table._keep("k", ad.id, JobKind.CLIPS)
    now = commands.load_ad(person, ad.id)
    assert now.clip_order == (clips[1], clips[0])
    assert now.remarks == {clips[0]: "Slower"}
    assert now.drafts["edit_clip_0"] == '{"text":"It turns","seed":"123456"}'
    assert memory["k-seq"] == 7
    memory["review"] = {"seq": 8, "order": clips, "drafts": {"0": None}}
    light_table._keep("k", ad.id, JobKind.CLIPS)
    now = commands.load_ad(person, ad.id)
    assert now.clip_order == tuple(clips)
    assert "edit_clip_0" not in now.drafts
    assert memory["k-seq"] == 8


def test_what_could_not_be_written_is_not_acknowledged(
    commands: Commands, ad: AdState, memory: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    memory["review"] = {"seq": 1, "changes": {"a": "approved"}}

    def gone(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(commands, "set_marks", gone)
    with pytest.raises(ConnectionError):
        light_table._keep("k", ad.id, JobKind.IMAGES)
    assert "k-seq" not in memory


def test_refused_words_are_a_draft_and_taken_ones_are_none(
    commands: Commands, database: Database, person: Person, ad: AdState, memory: dict[str, Any]
) -> None:
    with_pictures(commands, database, person, ad)
    planned(database, ad)
    memory["regenerate"] = Asked(slot=3, text="A", seed=123456).model_dump()
    light_table._regenerate("k", ad.id, JobKind.IMAGES)
    assert "at least 3 characters" in memory["k-refused"]
    drafts = commands.load_ad(person, ad.id).drafts
    assert drafts == {"edit_image_3": '{"text":"A","seed":"123456"}'}
    memory["regenerate"] = {"slot": 3, "text": "A chair of ash"}
    light_table._regenerate("k", ad.id, JobKind.IMAGES)
    now = commands.load_ad(person, ad.id)
    assert now.working
    assert now.drafts == {}
    assert now.prompts[3].prompt == "A chair of ash"
    assert memory["k-asked"] == 2


def test_a_plan_without_pictures_shows_the_way_to_the_brief(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    planned(database, ad)
    assert "No pictures yet" in visit(at, "images", ad.id)
    commands.start_images(person, ad.id, "Oak chair")
    visit(at, "images", ad.id)
    assert {item["state"] for item in items_of(at)} == {"queued"}
    made(database, ad, AssetType.IMAGE, of=6, slots=6)
    visit(at, "images", ad.id)
    assert {item["state"] for item in items_of(at)} == {"ready"}
