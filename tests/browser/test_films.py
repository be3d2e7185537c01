"""What a film will be, seen before it is paid for: animatic, cards, lower third, draft, brand."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.conftest import SAMPLE

pytestmark = pytest.mark.browser


def test_a_film_is_seen_before_it_is_rendered(signed_in: Page) -> None:
    page = signed_in
    page.goto("/")
    steps.new_ad(page)
    steps.prompt(page).fill("Oak chair, morning light")
    steps.generate(page)
    for key in "12":
        page.keyboard.press(key)
    steps.storyboard(page, 2)
    steps.button(page, "Animatic").click()
    player = page.locator(".player video")
    expect(player).to_be_visible(timeout=steps.SLOW_MS)
    expect(page.get_by_text("before any clip is paid for")).to_be_visible()
    assert steps.ad_of(page)["stage"] == "image_selection"

    steps.make_clips(page, 2)
    for key in "12":
        page.keyboard.press(key)
    steps.finish(page, 2)
    frame = page.locator(".frame")
    expect(frame.locator("video")).to_be_visible()
    page.get_by_label("Lower third").fill("Made in Oaxaca")
    page.keyboard.press("Tab")
    band = frame.get_by_alt_text("Lower third: Made in Oaxaca")
    expect(band).to_be_visible()
    inside, whole = band.bounding_box(), frame.bounding_box()
    assert inside
    assert whole
    assert whole["x"] < inside["x"]
    assert inside["x"] + inside["width"] < whole["x"] + whole["width"]
    page.get_by_label("Name on the opening card").fill("Oak & Clay")
    page.keyboard.press("Tab")
    expect(frame.get_by_alt_text("Opening card")).to_be_visible()
    page.get_by_role("button", name="Clip 2").click()
    expect(frame.get_by_label("Clip 2")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(frame.get_by_alt_text("Closing card")).to_be_visible()

    steps.button(page, "^Draft").click()
    expect(page.get_by_text("made with these choices")).to_be_visible(timeout=steps.SLOW_MS)
    expect(frame.get_by_label("Draft")).to_be_visible()
    assert steps.ad_of(page)["stage"] == "clip_selection"
    expect(steps.button(page, "Render the film")).to_be_enabled()
    page.get_by_label("Call to action").fill("Order today")
    page.keyboard.press("Tab")
    expect(frame.get_by_alt_text("Closing card")).to_be_visible()
    page.get_by_role("button", name="Draft", exact=True).click()
    expect(page.get_by_text("made before your last changes")).to_be_visible()


def test_a_brand_is_tried_on_without_saving(signed_in: Page) -> None:
    page = signed_in
    page.goto("/settings")
    cards = page.locator("figure img")
    expect(cards).to_have_count(3)
    before = cards.first.get_attribute("src")
    page.locator("input[type=file]").set_input_files(sorted(SAMPLE.glob("*.jpg"))[0])
    expect(cards.first).not_to_have_attribute("src", before or "")
    expect(page.get_by_text(re.compile("reads well"))).to_be_visible()
    page.reload()
    expect(cards.first).to_have_attribute("src", before or "")
