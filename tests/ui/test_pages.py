"""Every page over a real database, in each state that looks different. No browser."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import AdState, AssetType, JobKind, JobStatus, Person, Stage
from adgen.store import assets, costs, jobs, predictions, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from adgen.store.holds import set_hold
from adgen.store.predictions import Call, call_key
from adgen.ui import state, words
from tests.conftest import add_person
from tests.ui.ads import (
    component,
    failed,
    light_table,
    made,
    primary,
    visit,
    with_clips,
    with_pictures,
)


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
    assert "Nothing matches" in [s.value for s in at.subheader]
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
    assert "No pictures yet" in visit(at, "images", ad.id)
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
    failed(database, ad, Stage.IMAGE_GENERATION, "4 of 6 pictures failed ($0.05 each).")
    shown = visit(at, "images", ad.id)
    assert r"4 of 6 pictures failed (\$0.05 each)." in shown
    assert primary(at) == ["Retry the missing 4"]
    assert [item["state"] for item in light_table(at)["items"]] == ["ready"] * 2 + ["failed"] * 4
    at.button(key="words").click().run()
    assert at.text_area[0].label == "What is the product?"
    assert primary(at) == ["Generate 6 new images · free"]


HOLD = "No credit left [here](http://x.example) at *Replicate*. Add $5, then <b>retry</b>."


def test_on_hold_every_page_says_so_once_with_one_way_on(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    ad = hosted_ad
    images = with_pictures(commands, database, person, ad)
    commands.approve_images(person, ad.id, images[:3])
    commands.start_clips(person, ad.id, "Slow push")
    failed(database, ad, Stage.CLIP_GENERATION, f"3 of 3 clips failed: {HOLD}", HOLD)
    for page, retry in {
        **dict.fromkeys(["brief", "images", "storyboard", "finish", "final"], " clips"),
        "clips": "",
    }.items():
        shown = visit(at, page, ad.id)
        assert shown.count("No credit left") == 1, page
        assert words.plain(HOLD) in at.warning[0].value
        assert "0 of 3 clips are here." in at.warning[0].value
        assert not at.error
        assert primary(at) == [rf"Retry the missing 3{retry} (\~\$2.40)"], page
    visit(at, "brief", ad.id)
    at.button(key="retry").click().run()
    assert not at.exception
    now = commands.load_ad(person, ad.id)
    assert now.hold is None
    assert now.working
    assert "Stop" in [button.label for button in at.button]


def test_a_hold_that_did_not_stop_this_ad_leaves_its_own_way_on(
    at: AppTest, database: Database, hosted_ad: AdState
) -> None:
    with database.begin() as db:
        set_hold(db, "replicate", HOLD)
    assert "No credit left" in visit(at, "brief", hosted_ad.id)
    assert primary(at) == [r"Generate 6 images · \~\$0.30"]


def test_a_failure_for_another_reason_is_said_beside_the_hold(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    with_pictures(commands, database, person, hosted_ad, count=3)
    failure = "3 of 6 pictures failed: it refused. Retry the missing 3 (~$0.15)."
    failed(database, hosted_ad, Stage.IMAGE_GENERATION, failure, HOLD)
    visit(at, "images", hosted_ad.id)
    both = f"3 of 6 pictures failed: it refused. {HOLD}"
    assert [warning.value for warning in at.warning] == [words.plain(both)]


def test_nothing_made_on_hold_is_no_failure_of_the_pictures(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    commands.start_images(person, hosted_ad.id, "Oak chair")
    failed(database, hosted_ad, Stage.IMAGE_GENERATION, HOLD, HOLD)
    visit(at, "images", hosted_ad.id)
    assert {item["state"] for item in light_table(at)["items"]} == {"missing"}


def test_notes_stand_below_the_pictures_each_once(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    images = with_pictures(commands, database, person, hosted_ad)
    assert visit(at, "images", hosted_ad.id)
    assert light_table(at)["notes"] == []
    with database.begin() as db:
        sessions.lock_ad(db, hosted_ad.id).notes = ["A $5 plan.", "Sent again.", "Sent again."]
    visit(at, "images", hosted_ad.id)
    assert light_table(at)["notes"] == ["A $5 plan.", "Sent again. (2 times)"]
    commands.approve_images(person, hosted_ad.id, images[:2])
    commands.start_clips(person, hosted_ad.id, "Slow push")
    visit(at, "clips", hosted_ad.id)
    assert len(light_table(at)["notes"]) == 2


def test_waiting_for_a_machine_is_not_called_generating(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    job_id = commands.start_images(person, hosted_ad.id, "Oak chair").job_id

    def said(*at_slots: str) -> str:
        with database.begin() as db:
            for slot, word in enumerate(at_slots):
                jobs.report(db, job_id, slot=slot, state=word, message="Generating image 2 of 6...")
        visit(at, "images", hosted_ad.id)
        assert [i["state"] for i in light_table(at)["items"]] == [*at_slots]
        return str(at.get("progress")[0].proto.text)

    cold = "Waiting for a machine; a cold start can take some minutes... · "
    assert said(*["starting"] * 6).startswith(cold)
    assert said(*["failed"], *["starting"] * 4, "queued").startswith(cold)
    assert said(*["starting"] * 5, "running").startswith("Generating image 2 of 6...")
    assert said("failed", "retrying", *["starting"] * 4).startswith("Generating image 2 of 6...")


def test_what_made_a_picture_and_a_price_nobody_knows(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    commands.start_images(person, hosted_ad.id, "Oak chair")
    slots: list[tuple[str, Decimal, dict[str, Any]]] = [
        ("black-forest-labs/flux-pro", Decimal("0.05"), {"seed": 123456}),
        ("black-forest-labs/flux-pro", Decimal(0), {"seed": 123456}),
        ("gone/from-the-catalogue", Decimal(0), {}),
        ("offline/photos", Decimal(0), {"source": "photo"}),
        ("kwaivgi/kling-v2.1", Decimal("0.0061"), {"seed": 123456}),
    ]
    with database.begin() as db:
        row = sessions.lock_ad(db, hosted_ad.id)
        row.generated_image_ids = [
            assets.add_asset(
                db,
                hosted_ad.id,
                NewAsset(
                    asset_type=AssetType.IMAGE,
                    storage_key="aa/x",
                    content_type="image/jpeg",
                    size_bytes=1,
                    slot=slot,
                    model_used=model,
                    cost=cost,
                    generation_time=Decimal("6.21"),
                    details={"view": "front", "product_prompt": "Oak chair", **details},
                ),
            )
            for slot, (model, cost, details) in enumerate(slots)
        ]
        row.stage = Stage.IMAGE_SELECTION.value
        job = jobs.latest_job(db, hosted_ad.id)
        assert job
        jobs.finish_job(db, job.id, JobStatus.DONE, "done")
    visit(at, "images", hosted_ad.id)
    facts = [dict(item.get("facts", [])) for item in light_table(at)["items"]]
    assert facts[0] == {
        "Model": "FLUX.1 pro", "Seed": "123456", "Cost": "$0.05", "Took": "6.2 s",
    }  # fmt: skip
    assert [fact.get("Cost") for fact in facts] == [
        "$0.05", "price unknown", "price unknown", "$0.00", "$0.0061", None,
    ]  # fmt: skip
    assert facts[3]["Made from"] == "your photo"
    # Kling takes no seed.
    assert "Seed" not in facts[4]


def test_a_choice_of_models_carries_its_prices(
    at: AppTest, commands: Commands, database: Database, person: Person, hosted_ad: AdState
) -> None:
    visit(at, "brief", hosted_ad.id)
    offers = at.selectbox[0].options
    assert offers[0] == "FLUX.1 pro · ~$0.05 a picture"
    assert [o for o in offers if o.startswith("FLUX.1 schnell · ~$0.003 a picture · cheap drafts")]
    at.selectbox[0].select_index(1).run()
    assert primary(at) == [r"Generate 6 images · \~\$0.24"]
    images = with_pictures(commands, database, person, hosted_ad)
    commands.approve_images(person, hosted_ad.id, images[:2])
    visit(at, "storyboard", hosted_ad.id)
    assert "Wan 2.2 fast · ~$0.11 a clip · 720p" in at.selectbox[0].options
    assert "About 3 seconds each" in [c.value for c in at.caption]
    at.selectbox[0].select("minimax/hailuo-02").run()
    assert "About 6 seconds each" in [c.value for c in at.caption]


def test_offline_offers_no_choice_of_models(at: AppTest, ad: AdState) -> None:
    visit(at, "brief", ad.id)
    assert not at.selectbox


@pytest.mark.parametrize(
    ("amount", "said", "exact"),
    [
        (None, "price unknown", "price unknown"),
        (Decimal(0), "$0.00", "$0.00"),
        (Decimal("0.0000095"), "$0.0000095", "$0.0000095"),
        (Decimal("0.000975"), "$0.00098", "$0.000975"),
        (Decimal("0.001"), "$0.001", "$0.001"),
        (Decimal("0.036"), "$0.04", "$0.036"),
        (Decimal("0.80"), "$0.80", "$0.80"),
        (Decimal(10), "$10.00", "$10.00"),
        (Decimal("1234.5"), "$1,234.50", "$1,234.50"),
    ],
)
def test_money_never_reads_as_nothing(amount: Decimal | None, said: str, exact: str) -> None:
    assert words.money(amount) == said
    assert words.price(amount) == exact


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Retry the 3 (~$0.15).", r"Retry the 3 (\~\$0.15)."),
        ("[x](y) *a* _b_ `c` <d>", r"\[x\](y) \*a\* \_b\_ \`c\` \<d\>"),
        ("a\n\n# b", "a # b"),
        ("# b", r"\# b"),
        ("1. b", r"1\. b"),
        ("3 of 6: no", "3 of 6: no"),
        (":red[b]", r"\:red\[b\]"),
        ("- b", r"\- b"),
        ("", ""),
    ],
)
def test_words_of_others_are_no_markup(text: str, escaped: str) -> None:
    assert words.plain(text) == escaped


def test_each_step_says_what_it_waits_for(at: AppTest, ad: AdState) -> None:
    for page, what, way in (
        ("storyboard", "Choose pictures first", "Go to the pictures"),
        ("clips", "No clips yet", "Go to the storyboard"),
        ("finish", "Choose clips first", "Go to the clips"),
        ("final", "No film yet", "Go to finish"),
    ):
        shown = visit(at, page, ad.id)
        assert what in shown
        assert way in shown


def test_clips_words_and_the_film(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    clips = with_clips(commands, database, person, ad)
    assert "Make 2 new clips · free" in visit(at, "storyboard", ad.id)
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
    assert "Make another" in visit(at, "final", ad.id)
    # It does not say which clips it is of, so it counts as older.
    assert "Render again" in component(at, "player")["warn"]


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
        settled = costs.settle_entry(db, key, success=True, quantity=Decimal(1), seconds=Decimal(1))
        costs.charge(db, sessions.lock_ad(db, ad.id), None, settled)
    assert "Showing 1 calls, newest first." in visit(at, "costs")
    assert at.metric[0].value == r"\$0.05"
    table = at.dataframe[0].value
    assert list(table.step) == ["Brief"]
    assert list(table.ad) == ["Oak chair"]
    assert list(table.outcome) == ["Made"]


def test_costs_say_why_a_call_failed_and_which_price_is_unknown(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    commands.start_images(person, ad.id, "Oak chair")
    for slot, price in enumerate((None, Decimal("0.05"), Decimal("0.05"))):
        key = call_key(ad.id, "image", slot, 1)
        call = Call(
            key=key, session_id=ad.id, job_id="j", agent="image_generator", model="m", inputs={}
        )
        with database.begin() as db:
            predictions.add_intent(db, call)
            costs.open_entry(
                db,
                session_id=ad.id,
                key=key,
                agent=call.agent,
                model="black-forest-labs/flux-pro",
                unit="image",
                unit_price=price,
                price_since="2026-01-01",
            )
            if slot < 2:
                costs.settle_entry(
                    db,
                    key,
                    success=slot == 0,
                    quantity=Decimal(1 - slot),
                    seconds=Decimal(1),
                    error="It refused." if slot else None,
                )
    assert "The price of 1 is unknown and in no sum." in visit(at, "costs")
    table, shown = at.dataframe[0].value, at.dataframe[0].proto
    assert list(table.outcome) == ["Running", "Failed", "Made"]
    assert list(table.error_message) == ["", "It refused.", ""]
    assert [None if cost != cost else cost for cost in table.cost] == [None, 0.0, None]
    assert shown.placeholder == "unknown"
    assert list(table.model) == ["FLUX.1 pro"] * 3
    assert at.metric[3].value == "1"


def test_settings_show_who_and_which_models(
    at: AppTest, person: Person, hosted_ad: AdState
) -> None:
    shown = visit(at, "settings")
    assert f"Signed in as {person.email} (editor)" in shown
    assert "New ads are made by Replicate." in shown
    assert "Models and prices" in shown
    table = at.dataframe[-1].value.set_index("Model")
    assert table.Price["Llama 3.1 405B"] == "$0.0000095"
    assert table.Price["Stable Diffusion XL"] == "$0.000975"
    assert table.Used["Llama 3.1 405B"] == "Stand-in only"
    assert table.Used["FLUX.1 pro"] == "Default"
    assert table.Used["FLUX 1.1 pro"] == "On request"
    assert set(table["Made by"][:5]) == {"Replicate"}
