"""The library: filters in the address, paging, what an empty wall says, what a card can do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import AdFilter, AdState, Person, Role, Stage
from adgen.store import sessions
from adgen.store.database import Database
from adgen.ui import library, state, words
from tests.conftest import ROOT, add_person
from tests.ui.ads import component, visit

OpenAt = Callable[..., AppTest]
EAST = timezone(timedelta(hours=2))
TODAY = datetime(2026, 11, 20, tzinfo=EAST)
UNSET = {"q": "", "stage": [], "who": "Everyone", "made": "Any time", "dates": (), "show": "Active"}


@pytest.mark.parametrize(
    ("values", "wanted", "words"),
    [
        ({}, AdFilter(), []),
        ({"q": "  oak   chair "}, AdFilter(search="oak chair"), ["the words “oak chair”"]),
        (
            {"stage": ["Needs you", "Finished"]},
            AdFilter(stages=(Stage.COMPLETE, Stage.FAILED)),
            ["finished or needs you"],
        ),
        ({"who": "ann@example.com"}, AdFilter(owner="ann@example.com"), ["by ann@example.com"]),
        ({"show": "Archived"}, AdFilter(archived=True), ["archived"]),
        ({"made": "Today"}, AdFilter(since=TODAY), ["created today"]),
        (
            {"made": "Last 7 days"},
            AdFilter(since=TODAY - timedelta(days=6)),
            ["created in the last 7 days"],
        ),
        # Dates without the choice of dates, and the choice without dates, hide nothing.
        ({"dates": (date(2026, 11, 1),)}, AdFilter(), []),
        ({"made": "Custom dates"}, AdFilter(), []),
        (
            {"made": "Custom dates", "dates": (date(2026, 11, 1),)},
            AdFilter(since=datetime(2026, 11, 1, tzinfo=EAST)),
            ["created since 1 November 2026"],
        ),
        (
            {"made": "Custom dates", "dates": (date(2026, 11, 1), date(2026, 11, 2))},
            AdFilter(
                since=datetime(2026, 11, 1, tzinfo=EAST), until=datetime(2026, 11, 3, tzinfo=EAST)
            ),
            ["created from 1 November 2026 to 2 November 2026"],
        ),
    ],
)
def test_what_is_chosen_is_what_is_asked_for_and_said(
    values: dict[str, Any], wanted: AdFilter, words: list[str]
) -> None:
    assert library.asked(UNSET | values, TODAY) == (wanted, words)


def test_every_stage_is_in_one_group() -> None:
    grouped = [stage for stages in library.GROUPS.values() for stage in stages]
    assert sorted(grouped) == sorted(Stage)


def titles(at: AppTest) -> list[str]:
    """The cards on the wall."""
    return [card["title"] for card in component(at, "wall")["ads"]]


def many(commands: Commands, person: Person, count: int) -> None:
    for number in range(count):
        commands.rename_ad(person, commands.create_ad(person).id, f"Ad {number}")


def in_stage(database: Database, ad_id: str, stage: Stage) -> None:
    with database.begin() as db:
        sessions.lock_ad(db, ad_id).stage = stage.value


@pytest.fixture
def open_at(at: AppTest) -> OpenAt:
    """Opens the library at an address, signed in, in a tab of its own."""

    def open_(**address: str | list[str]) -> AppTest:
        tab = AppTest.from_file(ROOT / "adgen" / "ui" / "main.py", default_timeout=30)
        for name, value in address.items():
            tab.query_params[name] = value
        tab.run()
        assert not tab.exception
        return tab

    return open_


def said(at: AppTest) -> list[str]:
    """The quiet words on the page, and the loud ones."""
    return [str(e.value) for e in [*at.caption, *at.subheader, *at.markdown]]


def test_an_address_brings_back_the_view(
    open_at: OpenAt, commands: Commands, database: Database, person: Person
) -> None:
    many(commands, person, 30)
    for ad in commands.list_ads(person, limit=4):
        in_stage(database, ad.id, Stage.COMPLETE)
    at = open_at(page="2", sort="Oldest")
    assert "Showing 25–30 of 30" in said(at)
    assert titles(at) == [f"Ad {number}" for number in range(24, 30)]
    at = open_at(stage=["Finished", "Needs you"], q="ad 2")
    assert "Showing 1–4 of 4" in said(at)
    assert titles(at) == ["Ad 29", "Ad 28", "Ad 27", "Ad 26"]
    at.button(key="clear").click().run()
    assert "Showing 1–24 of 30" in said(at)
    at = open_at(made="Custom dates", dates=["2026-01-01", "2026-01-02"])
    assert "Nothing matches" in said(at)
    at.button(key="clear").click().run()
    assert "Showing 1–24 of 30" in said(at)


@pytest.mark.parametrize(
    "address",
    [
        {"page": "9"},
        {"page": "-1"},
        {"page": "two"},
        {"sort": "worst"},
        {"stage": "lost"},
        {"who": "somebody"},
        {"made": "yesterday"},
        {"made": "Custom dates", "dates": "soon"},
        {"dates": "2026-11-01"},
        {"show": "all"},
    ],
)
def test_what_makes_no_sense_in_an_address_is_left_out(
    open_at: OpenAt, ad: AdState, address: dict[str, str]
) -> None:
    at = open_at(**address)
    assert "Showing 1–1 of 1" in said(at)
    assert "Clear filters" not in [button.label for button in at.button]


def test_another_filter_begins_at_the_first_page(
    open_at: OpenAt, commands: Commands, person: Person
) -> None:
    many(commands, person, 60)
    at = open_at(page="3")
    assert len(titles(at)) == 12
    at.text_input(key="q").set_value("ad").run()
    assert "Showing 1–24 of 60" in said(at)


def test_an_empty_wall_says_what_hides_the_ads(
    open_at: OpenAt, commands: Commands, person: Person, ad: AdState
) -> None:
    at = open_at(q="shoes", stage="Finished")
    assert "Nothing matches" in said(at)
    assert "These filters leave nothing: the words “shoes”, finished." in said(at)
    at.button(key="clear").click().run()
    assert len(titles(at)) == 1
    assert "Nothing is archived" in said(open_at(show="Archived"))
    commands.archive_ad(person, ad.id)
    at = open_at()
    assert "All your ads are archived" in said(at)
    next(b for b in at.button if b.label == "Show the archive").click().run()
    assert len(titles(at)) == 1


def test_people_are_a_filter_only_where_there_are_several(
    open_at: OpenAt, commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = add_person(database, "root@example.com", Role.ADMIN)
    monkeypatch.setattr(state, "find_person", lambda: admin)
    commands.create_ad(admin)
    at = open_at()
    assert [box.label for box in at.selectbox] == ["Sort"]
    commands.create_ad(add_person(database, "bob@example.com"))
    at = open_at()
    assert [box.label for box in at.selectbox] == ["Person", "Sort"]
    at.selectbox(key="who").set_value("bob@example.com").run()
    assert [card["who"] for card in component(at, "wall")["ads"]] == ["bob"]


def press(at: AppTest, ad_id: str, what: str, **more: str) -> None:
    """Choose something on a card, as the wall sends it."""
    at.session_state["wall"] = {"act": {"id": ad_id, "what": what, **more}}
    at.run()
    assert not at.exception
    at.session_state["wall"] = {}


def test_an_ad_is_named_archived_and_brought_back(
    open_at: OpenAt, commands: Commands, person: Person, ad: AdState
) -> None:
    at = open_at()
    press(at, ad.id, "rename", title="Oak & <b>Clay</b>")
    assert titles(at) == ["Oak & <b>Clay</b>"]
    press(at, ad.id, "archive")
    assert words.plain("Archived “Oak & <b>Clay</b>”.") in said(at)
    assert titles(at) == []
    at.button(key="undo").click().run()
    assert titles(at) == ["Oak & <b>Clay</b>"]
    assert not [b for b in at.button if b.label == "Undo"]


def test_a_refusal_is_said_and_can_be_closed(
    open_at: OpenAt, commands: Commands, person: Person
) -> None:
    ad = commands.create_ad(person)
    commands.start_images(person, ad.id, "Oak chair")
    at = open_at()
    press(at, ad.id, "archive")
    assert any("Wait for it" in words for words in said(at))
    at.button(key="close").click().run()
    assert not any("Wait for it" in words for words in said(at))
    press(at, "somebody's", "rename", title="Mine")
    assert any("does not exist" in words for words in said(at))


def test_a_copy_is_opened_where_it_goes_on(
    open_at: OpenAt, commands: Commands, person: Person, ad: AdState
) -> None:
    at = open_at()
    press(at, ad.id, "duplicate")
    assert commands.count_ads(person) == 2
    assert "What is the product?" in [area.label for area in at.text_area]


def test_those_who_only_look_have_no_menus(
    open_at: OpenAt, person: Person, ad: AdState, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert component(open_at(), "wall")["may_change"]
    viewer = person.model_copy(update={"role": Role.VIEWER})
    monkeypatch.setattr(state, "find_person", lambda: viewer)
    assert not component(open_at(), "wall")["may_change"]


def test_an_archived_ad_still_opens_and_says_so(
    at: AppTest, commands: Commands, person: Person, ad: AdState
) -> None:
    assert "This ad is archived." not in visit(at, "brief", ad.id)
    commands.archive_ad(person, ad.id)
    assert "This ad is archived." in visit(at, "brief", ad.id)
    at.button(key="restore").click().run()
    assert not at.exception
    assert commands.load_ad(person, ad.id).archived_at is None
    assert "This ad is archived." not in [info.value for info in at.info]


def test_a_card_says_its_moment_in_words_and_exactly(open_at: OpenAt, ad: AdState) -> None:
    [card] = component(open_at(), "wall")["ads"]
    assert card["when"] == "just now"
    assert card["exact"] == f"Made {words.exact(ad.created_at)}"
    assert card["link"] == f"brief?ad={ad.id}"
    [card] = component(open_at(sort="Recently changed"), "wall")["ads"]
    assert card["exact"].startswith("Changed ")
    assert (
        words.exact(datetime(2026, 11, 1, 9, 5, 7, tzinfo=UTC)) == "1 November 2026, 09:05:07 UTC"
    )
