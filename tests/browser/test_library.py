"""The library by clicks, keys and touch: what stands in the address, what a card can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from adgen.commands import Commands
from adgen.domain import AdFilter, AssetType, Person, Stage
from adgen.providers.storage import storage
from adgen.store import assets, sessions
from adgen.store.assets import NewAsset
from tests.browser import steps
from tests.browser.conftest import open_page
from tests.conftest import App, add_person
from tests.film import make_clip
from tests.studio import environment

pytestmark = pytest.mark.browser
FILM: dict[str, Any] = {"content_type": "video/mp4", "size_bytes": 1}


@dataclass
class Library:
    """A person of the running app, and their ads."""

    commands: Commands
    person: Person
    ids: dict[str, str] = field(default_factory=dict)

    def add(self, *titles: str, stage: Stage = Stage.CREATED) -> None:
        """Ads with these names, the last one the newest."""
        for title in titles:
            ad_id = self.ids[title] = self.commands.create_ad(self.person).id
            self.commands.rename_ad(self.person, ad_id, title)
            with self.commands.database.begin() as db:
                sessions.lock_ad(db, ad_id).stage = stage.value

    def names(self, *, archived: bool = False) -> list[str]:
        """What the server has, newest first."""
        wanted = AdFilter(archived=archived)
        return [ad.title for ad in self.commands.list_ads(self.person, wanted, limit=200)]


@pytest.fixture
def library(app: App) -> Iterator[Library]:
    """An empty library of a new person."""
    with app.database() as database:
        commands = Commands(database)
        yield Library(commands, add_person(database, f"{uuid4().hex[:8]}@example.com"))
        commands.close()


@pytest.fixture
def wall(page: Page, library: Library) -> Page:
    """A page signed in as the library's person."""
    steps.sign_in(page, library.person.email)
    return page


def cards(page: Page) -> Locator:
    return page.locator(".card h3")


def card(page: Page, title: str) -> Locator:
    return page.locator("li").filter(has=page.locator("h3", has_text=re.compile(f"^{title}$")))


def choose(page: Page, title: str, act: str) -> None:
    """Take something from a card's menu."""
    card(page, title).get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name=act).click()


def focused(page: Page) -> str:
    """The name of what has the focus, inside components too."""
    found: str = page.evaluate(
        """() => {
            let at = document.activeElement;
            while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
            return at.getAttribute("aria-label") || at.textContent;
        }"""
    )
    return found


def expect_focus(page: Page, name: str) -> None:
    """Wait until what is named like this has the focus."""
    for _ in range(100):
        if focused(page).startswith(name):
            return
        page.wait_for_timeout(100)
    assert focused(page) == name


def test_filters_order_and_page_stay_in_the_address(wall: Page, library: Library) -> None:
    library.add(*[f"Chair {number:02}" for number in range(1, 31)], stage=Stage.COMPLETE)
    library.add("Kettle", "Scarf")
    page = wall
    page.goto("/")
    expect(page.get_by_text("Showing 1–24 of 32")).to_be_visible()
    expect(cards(page).first).to_have_text("Scarf")
    page.get_by_test_id("stPopoverButton").click()
    page.get_by_text("Finished", exact=True).click()
    expect(page.get_by_text("Showing 1–24 of 30")).to_be_visible()
    expect(page.get_by_test_id("stPopoverButton")).to_contain_text("Filter · 1")
    page.keyboard.press("Escape")
    page.get_by_role("combobox", name="Sort").click()
    page.get_by_role("option", name="Name").click()
    expect(cards(page).first).to_have_text("Chair 01")
    steps.button(page, "Next page").click()
    expect(page.get_by_text("Showing 25–30 of 30")).to_be_visible()
    address = page.url
    assert sorted(address.partition("?")[2].split("&")) == ["page=2", "sort=Name", "stage=Finished"]

    def assert_same(shown: Page) -> None:
        expect(shown.get_by_text("Showing 25–30 of 30")).to_be_visible()
        expect(cards(shown)).to_have_text([f"Chair {number}" for number in range(25, 31)])
        expect(shown).to_have_url(address)

    page.reload()
    assert_same(page)
    second = page.context.new_page()
    second.goto(address)
    assert_same(second)
    second.close()
    card(page, "Chair 26").locator(".card").click()
    page.wait_for_url(re.compile(rf"/final\?ad={library.ids['Chair 26']}"))
    expect(page.get_by_text("Chair 26").first).to_be_visible()
    page.go_back()
    assert_same(page)

    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("Showing 1–24 of 32")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?sort=Name$"))


def test_the_search_answers_as_one_types(wall: Page, library: Library) -> None:
    library.add("Oak chair", "Blue kettle", "Oak table")
    page = wall
    page.goto("/")
    expect(cards(page)).to_have_count(3)
    page.keyboard.press("/")
    page.keyboard.type("oak n/")
    expect(page.get_by_placeholder("Search by name or product")).to_have_value("oak n/")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(page.get_by_text("the words “oak n/”")).to_be_visible()
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    expect(cards(page)).to_have_text(["Oak table", "Oak chair"])
    expect(page).to_have_url(re.compile(r"\?q=oak"))


def test_a_card_is_renamed_archived_and_brought_back_by_keys(wall: Page, library: Library) -> None:
    library.add("Scarf", "Kettle", "Chair")
    page = wall
    page.goto("/")
    expect(cards(page)).to_have_text(["Chair", "Kettle", "Scarf"])
    page.locator(".card").first.focus()
    page.keyboard.press("ArrowRight")
    expect_focus(page, "Kettle")
    page.keyboard.press("Tab")
    expect_focus(page, "More for Kettle")
    page.keyboard.press("Enter")
    expect_focus(page, "Rename")
    page.keyboard.press("Escape")
    expect_focus(page, "More for Kettle")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Give the ad a name")).to_be_visible()
    page.keyboard.type("n/m <b>Kettle</b>")
    page.keyboard.press("Enter")
    expect(cards(page)).to_have_text(["Chair", "n/m <b>Kettle</b>", "Scarf"])
    expect_focus(page, "n/m <b>Kettle</b>")
    page.keyboard.press("m")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    page.keyboard.press("ArrowUp")
    expect_focus(page, "Archive")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Archived “n/m <b>Kettle</b>”.")).to_be_visible()
    expect(cards(page)).to_have_text(["Chair", "Scarf"])
    expect_focus(page, "Scarf")
    assert library.names(archived=True) == ["n/m <b>Kettle</b>"]
    page.get_by_role("button", name="Undo").press("Enter")
    expect(cards(page)).to_have_text(["Chair", "n/m <b>Kettle</b>", "Scarf"])
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    page.locator(".card").last.press("Enter")
    page.wait_for_url(re.compile(rf"/brief\?ad={library.ids['Scarf']}"))


def test_an_archived_ad_opens_and_comes_back(wall: Page, library: Library) -> None:
    library.add("Chair")
    page = wall
    page.goto("/")
    choose(page, "Chair", "Archive")
    page.get_by_role("button", name="Show the archive").click()
    card(page, "Chair").locator(".card").click()
    expect(page.get_by_text("This ad is archived.")).to_be_visible()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("This ad is archived.")).to_have_count(0)
    page.go_back()
    expect(page.get_by_text("Nothing is archived")).to_be_visible()
    assert library.names() == ["Chair"]


def test_a_copy_is_made_and_opened(wall: Page, library: Library) -> None:
    library.add("Chair")
    page = wall
    page.goto("/")
    choose(page, "Chair", "Duplicate")
    page.wait_for_url(re.compile(r"/brief\?ad="))
    expect(page.get_by_text("Chair (copy)").first).to_be_visible()
    assert steps.ad_id(page) != library.ids["Chair"]
    assert library.names() == ["Chair (copy)", "Chair"]


def test_a_film_plays_while_its_card_is_pointed_at(
    wall: Page, library: Library, app: App, tmp_path: Path
) -> None:
    library.add("Chair")
    film = make_clip(tmp_path / "film.mp4", "testsrc=size=320x180:duration=5", "-c:v", "libx264")
    with environment({"ADGEN_HOME": str(app.home)}):
        stored = storage().put_file(film, "video/mp4")
    with library.commands.database.begin() as db:
        new = NewAsset(asset_type=AssetType.VIDEO, storage_key=stored.key, **FILM)
        ad_id = library.ids["Chair"]
        sessions.lock_ad(db, ad_id).final_video_id = assets.add_asset(db, ad_id, new)
    page = wall
    page.goto("/")
    shown = card(page, "Chair").locator("video")
    expect(shown).to_have_css("opacity", "0")
    card(page, "Chair").locator(".card").hover()
    expect(shown).to_have_class("plays")
    expect(shown).to_have_css("opacity", "1")
    page.get_by_role("heading", name="Your ads").hover()
    expect(shown).to_have_css("opacity", "0")
    assert shown.evaluate("film => film.paused")


def test_a_card_is_a_link_and_n_begins_an_ad(wall: Page, library: Library) -> None:
    library.add("Chair")
    page = wall
    page.goto("/")
    with page.context.expect_page() as opened:
        card(page, "Chair").locator(".card").click(modifiers=["ControlOrMeta"])
    expect(opened.value.get_by_text("Chair").first).to_be_visible()
    expect(opened.value).to_have_url(re.compile(rf"/brief\?ad={library.ids['Chair']}"))
    opened.value.close()
    expect(cards(page)).to_have_text(["Chair"])
    page.keyboard.press("?")
    expect(page.get_by_text("from card to card")).to_be_visible()
    page.keyboard.press("n")
    page.wait_for_url(re.compile(r"/brief\?ad="))
    assert len(library.names()) == 2


def test_a_phone_has_the_filters_and_the_menu_within_reach(
    browser: Browser, app: App, library: Library
) -> None:
    library.add(*[f"Chair {number}" for number in range(6)])
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with open_page(browser, app, **phone) as page:
        steps.sign_in(page, library.person.email)
        page.goto("/")
        more = card(page, "Chair 5").get_by_role("button", name="More")
        expect(more).to_be_visible()
        box = more.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 40
        more.tap()
        page.get_by_role("menuitem", name="Archive").tap()
        expect(page.get_by_role("button", name="Undo")).to_be_in_viewport()
        page.get_by_role("button", name="Undo").tap()
        expect(cards(page)).to_have_count(6)
        page.get_by_test_id("stPopoverButton").tap()
        page.get_by_text("Needs you", exact=True).tap()
        page.get_by_text("Custom dates", exact=True).tap()
        expect(page.get_by_text("From and to")).to_be_visible()
        width = "document.querySelector('[data-testid=stMain]').scrollWidth"
        assert page.evaluate(width) <= 390
