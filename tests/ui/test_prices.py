"""Every button that spends says what it costs; budgets and alerts are where people look."""

from __future__ import annotations

from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import (
    AdState,
    AssetType,
    AudioChoice,
    Person,
    Role,
    SceneWords,
    Stage,
    TextOverlay,
)
from adgen.store.database import Database
from adgen.ui import state
from tests.conftest import add_person
from tests.test_alerts import spend
from tests.ui.ads import chosen_clips, failed, light_table, made, visit, with_pictures


def labels(at: AppTest) -> set[str]:
    return {button.label.replace("\\", "") for button in at.button}


def test_each_button_that_spends_says_its_price(
    at: AppTest, commands: Commands, person: Person, hosted_ad: AdState, database: Database
) -> None:
    ad = hosted_ad
    visit(at, "brief", ad.id)
    assert {"Write the prompts first · ~$0.001", "Generate 6 images · ~$0.30"} <= labels(at)
    images = with_pictures(commands, database, person, ad)
    said = visit(at, "images", ad.id).replace("\\", "")
    assert light_table(at)["price"] == "~$0.05"
    assert "Approve at least 2 pictures · 2 clips · ~$1.60" in said
    commands.set_marks(person, ad.id, dict.fromkeys(images[:2], "approved"))
    commands.set_marks(person, ad.id, {images[5]: "rejected"})
    said = visit(at, "images", ad.id).replace("\\", "")
    assert "2 clips next · ~$1.60, $2.40 more with the 3 undecided" in said
    commands.approve_images(person, ad.id, images[:2])
    visit(at, "storyboard", ad.id)
    assert "Animatic · free" in labels(at)
    commands.start_clips(person, ad.id, "Slow push")
    clips = made(database, ad, AssetType.CLIP, of=2, slots=2)
    visit(at, "storyboard", ad.id)
    assert {"Write the scenes first · ~$0.001", "Make 2 clips · ~$1.60"} <= labels(at)
    visit(at, "clips", ad.id)
    assert light_table(at)["price"] == "~$0.80"
    commands.approve_clips(person, ad.id, clips)
    visit(at, "finish", ad.id)
    assert {"Draft · free", "Render the film · ~$0.50"} <= labels(at)
    commands.start_video(person, ad.id, TextOverlay(), AudioChoice())
    failed(database, ad, Stage.FINAL_COMPOSITION, "The disk is full.")
    visit(at, "final", ad.id)
    assert "Cut again (~$0.50)" in labels(at)


def test_clips_paid_by_the_second_are_priced_by_their_scenes(
    commands: Commands, person: Person, hosted_ad: AdState, database: Database
) -> None:
    images = with_pictures(commands, database, person, hosted_ad)
    commands.approve_images(person, hosted_ad.id, images[:2])
    scenes = {
        image: SceneWords(description="It turns", motion_intensity=0.5, duration_seconds=seconds)
        for image, seconds in zip(images, (2, 5), strict=False)
    }
    started = commands.start_clips(
        person, hosted_ad.id, "Slow push", model="bytedance/seedance-1-lite", scenes=scenes
    )
    assert started.estimated_cost == Decimal("0.036") * 7


def test_the_final_page_has_estimate_and_actual_side_by_side(
    at: AppTest, commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    chosen_clips(commands, database, person, ad)
    commands.start_video(person, ad.id, TextOverlay(), AudioChoice())
    made(database, ad, AssetType.VIDEO, of=1, slots=1)
    spend(database, ad.id, 0, "0.05")
    visit(at, "final", ad.id)
    [table] = [frame.value for frame in at.dataframe if "Estimated" in frame.value]
    assert [tuple(row.values()) for row in table.to_dict("records")] == [
        ("Pictures", "$0.00", "$0.05", "+$0.05"),
        ("Clips", "$0.00", "$0.00", "$0.00"),
        ("Film", "$0.00", "$0.00", "$0.00"),
        ("Together", "$0.00", "$0.05", "+$0.05"),
    ]


def test_a_budget_that_is_mostly_spent_is_said_until_it_is_snoozed(
    at: AppTest, commands: Commands, person: Person, ad: AdState, database: Database
) -> None:
    spend(database, ad.id, 0, "8.50")
    assert "85 % of its" in visit(at, "brief", ad.id)
    assert "85 % of its" not in visit(at, "ads")
    [alert] = commands.list_alerts(person, ad.id)
    commands.snooze_alert(person, alert.id, 7)
    assert "85 % of its" not in visit(at, "brief", ad.id)


def test_an_admin_raises_a_budget_in_settings(
    at: AppTest,
    commands: Commands,
    person: Person,
    ad: AdState,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visit(at, "settings")
    assert "save-budget" not in [button.key for button in at.button]
    boss = add_person(database, "boss@example.com", Role.ADMIN, person.team)
    monkeypatch.setattr(state, "find_person", lambda: boss)
    visit(at, "settings")
    at.selectbox(key="budget-of").select("Each ad").run()
    [amount] = at.number_input
    amount.set_value(25.0)
    at.button(key="save-budget").click().run()
    assert not at.exception
    assert commands.load_ad(person, ad.id).budget == 25
