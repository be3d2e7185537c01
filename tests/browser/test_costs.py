"""The cost page in a browser: every filter, what a press does, every file, a bill."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from openpyxl import load_workbook
from PIL import Image
from playwright.sync_api import Browser, FilePayload, FloatRect, Locator, Page, expect

from adgen.domain import Person, Role
from adgen.store.tables import now
from tests.browser import steps
from tests.browser.conftest import open_page
from tests.conftest import App, add_person
from tests.store.ledgers import Ledger

pytestmark = pytest.mark.browser
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def people(app: App) -> Iterator[tuple[Person, str]]:
    """An editor with an ad of five dollars and more, and an analyst; gives the ad too."""
    with app.database() as database:
        editor = add_person(database, "spender@example.com", team="Spenders")
        other = add_person(database, "saver@example.com", team="Spenders")
        add_person(database, "watcher@example.com", Role.ANALYST, "Finance")
        ledger = Ledger(database)
        ad = ledger.ad(editor, now(), "Dear oak chair")
        for agent in ("image_generator",) * 30 + ("compositor",) * 4 + ("video_generator",) * 2:
            ledger.call(ad, agent, now())
        ledger.settle(ledger.open(ad, "video_generator", now(), None))
        ledger.settle(ledger.open(ad, "image_generator", now()), success=False, error="@refused")
        ledger.open(ad, "prompt_parser", now())
        ledger.call(ledger.ad(other, now() - WEEK, "Kettle"), "compositor", now() - WEEK)
        ledger.call(ledger.ad(other, now(), "Show", demo=True), "compositor", now())
        stranger = add_person(database, "elsewhere@example.com", team="Elsewhere")
        ledger.call(ledger.ad(stranger, now()), "compositor", now())
        yield editor, ad


@pytest.fixture(scope="module")
def desk(browser: Browser, app: App, people: tuple[Person, str]) -> Iterator[Page]:
    """A window of whoever sees every team's costs."""
    look = {"width": 1280, "height": 900}
    with open_page(browser, app, viewport=look, accept_downloads=True) as page:
        steps.sign_in(page, "watcher@example.com")
        yield page


@pytest.fixture
def costs(desk: Page) -> Page:
    """The page as it opens, narrowed to the team of these tests."""
    desk.goto("/costs?team=Spenders")
    expect_spent(desk, "$4.27")
    return desk


def expect_spent(page: Page, sum_: str) -> None:
    figure = page.get_by_test_id("stMetricValue").first
    expect(figure).to_have_text(sum_, timeout=steps.SLOW_MS)
    settle(page)


def settle(page: Page) -> None:
    """Wait until all of the page is drawn."""
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0, timeout=steps.SLOW_MS)


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def press_bar(page: Page, panel: str, kind: str = ".point") -> None:
    """Press the first bar of a panel; plotly listens on a layer above it."""
    settle(page)
    # The page that was before goes only when all of the new one is there.
    around = page.locator(f".st-key-{panel}")
    expect(around).to_have_count(1)
    around.evaluate("panel => panel.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(500)
    box = where(around.locator(kind).first)
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.click(*middle)


def where(bar: Locator) -> FloatRect:
    """Where the bar is, as soon as it is drawn."""
    for _ in range(100):
        if box := bar.bounding_box():
            return box
        bar.page.wait_for_timeout(200)
    raise AssertionError("there is no bar to press")


def clear(page: Page) -> None:
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_role("button", name="Clear filters")).to_have_count(0)


def choose(page: Page, label: str, option: str) -> None:
    steps.choose(page, label, option)
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(rf"[?&]{label.lower()}="))
    settle(page)


def test_every_filter_narrows_and_stands_in_the_address(costs: Page) -> None:
    page = costs
    page.get_by_role("combobox", name="Range").click()
    page.get_by_role("option", name="Last 7 days").click()
    expect_spent(page, "$3.77")
    assert address(page)["range"] == ["Last 7 days"]
    page.locator(".st-key-filter button").first.click()
    panel = page.get_by_test_id("stPopoverBody")
    choose(page, "Person", "spender@example.com")
    choose(page, "Model", "FLUX.1 pro")
    expect_spent(page, "$1.55")
    if not panel.is_visible():
        page.locator(".st-key-filter button").first.click()
    panel.get_by_text("Failed", exact=True).click()
    expect_spent(page, "$0.05")
    for label, number in (("Pictures", 5), ("With demo data", 6)):
        panel.get_by_text(label, exact=True).click()
        expect(page.locator(".st-key-filter button").first).to_contain_text(f"Filter · {number}")
        settle(page)
    page.keyboard.press("Escape")
    wanted = {
        **{"team": ["Spenders"], "person": ["spender@example.com"], "model": ["FLUX.1 pro"]},
        **{"outcome": ["Failed"], "step": ["Pictures"], "demo": ["true"]},
        "range": ["Last 7 days"],
    }
    assert address(page) == wanted
    page.reload()
    expect_spent(page, "$0.05")
    assert address(page) == wanted
    clear(page)
    assert address(page) == {"range": ["Last 7 days"]}


def test_a_press_on_a_bar_narrows_and_on_an_ad_opens_it(
    costs: Page, people: tuple[Person, str], browser: Browser, app: App
) -> None:
    page = costs
    press_bar(page, "panel-step")
    page.wait_for_url(re.compile("step=Film"))
    expect_spent(page, "$2.50")
    press_bar(page, "panel-step")
    page.wait_for_url(re.compile(r"^((?!step=).)*$"))
    press_bar(page, "panel-model")
    page.wait_for_url(re.compile("model=Composition"))
    press_bar(page, "panel-person")
    page.wait_for_url(re.compile("person=spender"))
    expect_spent(page, "$2.00")
    press_bar(page, "daily", ".bars .point")
    page.wait_for_url(re.compile("range=Custom"))
    expect_spent(page, "$2.00")
    # Analysts see costs of ads that they may not open; who made one goes to it.
    with open_page(browser, app, viewport={"width": 1280, "height": 900}) as own:
        steps.sign_in(own, "spender@example.com")
        own.goto("/costs")
        expect_spent(own, "$4.27")
        press_bar(own, "panel-costly")
        own.wait_for_url(re.compile(f"ad={people[1]}"))
        expect(own.get_by_text("Dear oak chair").first).to_be_visible()


def test_calls_are_paged_and_files_hold_what_is_shown(costs: Page, tmp_path: Path) -> None:
    page = costs
    page.get_by_text("Calls", exact=True).first.click()
    expect(page.get_by_text("Showing 1–25 of 40 calls, newest first")).to_be_visible()
    # Streamlit's own, whose words may act as formulas.
    page.get_by_test_id("stDataFrame").hover()
    expect(page.get_by_role("button", name="Fullscreen")).to_be_visible()
    expect(page.get_by_role("button", name="Download as CSV")).to_have_count(0)
    steps.button(page, "Next page").click()
    expect(page.get_by_text("Showing 26–40 of 40 calls, newest first")).to_be_visible()
    assert address(page)["page"] == ["2"]
    page.locator(".st-key-export button").first.click()
    for what, lines in (("days", 30), ("calls", 40)):
        for form in ("CSV", "JSON", "PARQUET", "XLSX"):
            with page.expect_download() as kept:
                page.locator(f".st-key-export-{what}").get_by_text(form, exact=True).click()
            name = kept.value.suggested_filename
            assert re.fullmatch(rf"adgen-{what}-.*\.{form.lower()}", name), name
            kept.value.save_as(made := tmp_path / name)
            assert made.stat().st_size > 500
            if form == "XLSX":
                assert load_workbook(made).worksheets[0].max_row == lines + 1
            if form == "CSV" and what == "calls":
                assert "'@refused" in made.read_text("utf-8-sig")
    for label, holds in (("Report to print", "Dear oak chair"), ("Charts", "So far")):
        with page.expect_download() as kept:
            page.get_by_role("button", name=label).click()
        kept.value.save_as(made := tmp_path / "page.html")
        assert holds in made.read_text()


def test_a_bill_is_compared_by_model_and_day(costs: Page) -> None:
    page = costs
    page.get_by_text("Reconcile", exact=True).click()
    expect(page.get_by_text("Calls without a price")).to_be_visible()
    bill = f"date,model,quantity,amount\n{now():%Y-%m-%d},flux-pro,31,1.60\nx,y,z,1\n"
    given = FilePayload(name="bill.csv", mimeType="text/csv", buffer=bill.encode())
    page.locator("input[type=file]").set_input_files(given)
    expect(page.get_by_text("Line 3 has no date that can be read.")).to_be_visible()
    expect(page.get_by_text("Days that differ")).to_be_visible()
    expect(page.get_by_test_id("stMetricValue").nth(2)).to_have_text("$1.60")
    # Nothing of these calls was told by who made them.
    expect(page.get_by_test_id("stMetricValue").nth(1)).to_have_text("–")
    expect(page.get_by_text("34 not reported")).to_be_visible()


def test_each_chart_is_saved_as_a_picture_with_its_title(costs: Page, tmp_path: Path) -> None:
    page = costs
    expect(page.locator(".st-key-panel-estimates")).to_be_visible()
    page.locator(".st-key-export button").first.click()
    pictures = page.locator(".st-key-pictures").get_by_role("button")
    expect(pictures.first).to_be_visible()
    shown = page.locator(".st-key-daily .gtitle").count()
    names = set()
    for button in pictures.all():
        with page.expect_download() as kept:
            button.click()
        names.add(kept.value.suggested_filename)
        kept.value.save_as(made := tmp_path / "chart.png")
        with Image.open(made, formats=["PNG"]) as picture:
            assert min(picture.size) > 200
            ground = picture.convert("RGBA").getpixel((2, 2))
        assert ground in ((14, 16, 20, 255), (250, 250, 248, 255)), ground
    assert names >= {"adgen-costs-daily.png", "adgen-costs-step.png", "adgen-costs-costly.png"}
    # The charts on the page are as they were.
    assert page.locator(".st-key-daily .gtitle").count() == shown
    page.keyboard.press("Escape")
    page.get_by_text("Calls", exact=True).first.click()
    page.locator(".st-key-export button").first.click()
    expect(page.get_by_text("In the overview, each chart can be saved")).to_be_visible()
