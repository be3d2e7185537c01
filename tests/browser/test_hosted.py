"""The product on hosted models, as a person sees it: when it goes well, slowly, and wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import steps
from tests.browser.conftest import open_page
from tests.conftest import App
from tests.replicate_server import Fault, ReplicateServer
from tests.studio import QUICK

pytestmark = pytest.mark.browser

PLAN, IMAGE, CLIP, FILM = map(Decimal, ("0.001", "0.05", "0.80", "0.50"))
FLUX = "flux-pro"


@pytest.fixture(scope="module")
def fake() -> Iterator[ReplicateServer]:
    with ReplicateServer(seconds={"text": 0.1, "image": 0.3, "clip": 0.4}) as made:
        yield made


@pytest.fixture(scope="module")
def hosted(short_tmp: Path, fake: ReplicateServer) -> Iterator[App]:
    made = App(short_tmp / "hosted-ui", env={**fake.env, **QUICK}).start()
    yield made
    made.stop()


@pytest.fixture
def page(browser: Browser, hosted: App) -> Iterator[Page]:
    """A signed-in page of the app on hosted models, its brief empty."""
    with open_page(browser, hosted, viewport={"width": 1280, "height": 720}) as opened:
        steps.sign_in(opened)
        opened.goto("/")
        steps.new_ad(opened)
        yield opened


def order(page: Page, words: str) -> None:
    """From the brief to pictures under way."""
    steps.prompt(page).fill(words)
    steps.button(page, "Generate 6").click()
    expect(page.locator(".tile")).to_have_count(6)


def primary(page: Page, words: str) -> Locator:
    """The page's one primary button, once it says this."""
    found = page.get_by_test_id("stBaseButton-primary")
    expect(found).to_have_text([re.compile(re.escape(words))])
    return found


def test_an_ad_from_words_to_film_with_every_price_on_the_way(page: Page) -> None:
    choice = page.get_by_test_id("stSelectbox")
    expect(choice).to_contain_text("Model for the pictures")
    steps.prompt(page).fill("pink tennis shoes on clay")
    primary(page, "Generate 6 images · ~$0.30")
    choose(page, "FLUX 1.1 pro · ~$0.04 a picture")
    primary(page, "Generate 6 images · ~$0.24")
    choose(page, "FLUX.1 pro · ~$0.05 a picture")
    primary(page, "Generate 6 images · ~$0.30")
    steps.generate(page)

    seed = steps.ad_of(page)["consistency_seed"]
    facts = page.locator(".facts dl")
    for fact in ("FLUX.1 pro", str(seed), "$0.05"):
        expect(facts).to_contain_text(fact)
    page.keyboard.press("1")
    page.keyboard.press("6")
    expect(page.get_by_text("2 clips next · ~$1.60")).to_be_visible()
    steps.storyboard(page, 2)
    primary(page, "Make 2 clips · ~$1.60")
    steps.make_clips(page, 2)
    for fact in ("Stable Video Diffusion", "3.1 s", "$0.80"):
        expect(facts).to_contain_text(fact)
    page.keyboard.press("2")
    steps.finish(page, 1)
    primary(page, "Render the film · ~$0.50")
    steps.render(page)

    spent = PLAN + 6 * IMAGE + PLAN + 2 * CLIP + FILM
    assert Decimal(steps.ad_of(page)["total_cost"]) == spent
    expect(page.get_by_text(f"${spent:.2f}", exact=True)).to_be_visible()
    expect(page.get_by_text(f"${spent:.2f} of $10.00")).to_be_visible()


def choose(page: Page, offer: str) -> None:
    page.get_by_test_id("stSelectbox").get_by_role("combobox").click()
    page.get_by_role("option", name=offer).click()


def test_three_of_six_fail_and_a_button_makes_them(page: Page, fake: ReplicateServer) -> None:
    fake.script(Fault.NSFW, model=FLUX, prompt="brass kettle", times=3)
    order(page, "brass kettle")
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("3 of 6 pictures failed, and 4 are needed: FLUX.1 pro refused")
    expect(alert).to_contain_text("The 3 good ones are kept.")
    expect(alert).to_have_count(1)
    expect(page.locator(".wait.failed")).to_have_count(3)
    expect(page.locator(".tile img")).to_have_count(3)
    retry = primary(page, "Retry the missing 3 (~$0.15)")
    expect(steps.button(page, "Continue with 0")).to_be_disabled()

    page.set_viewport_size({"width": 390, "height": 844})
    expect(retry).to_be_in_viewport()
    wide = "document.querySelector('[data-testid=stMain]').scrollWidth"
    assert page.evaluate(wide) <= 390
    retry.click()
    expect(page.locator(".tile img")).to_have_count(6, timeout=steps.SLOW_MS)
    expect(alert).to_have_count(0)
    assert Decimal(steps.ad_of(page)["total_cost"]) == PLAN + 6 * IMAGE


def test_two_of_six_fail_and_it_goes_on_with_four(page: Page, fake: ReplicateServer) -> None:
    # The plan is no plan either, and the page says so without a fuss.
    fake.script(Fault.LLM_PROSE, prompt="jade ring", times=2)
    fake.script(Fault.NSFW, model=FLUX, prompt="jade ring", times=2)
    order(page, "jade ring")
    expect(page.get_by_test_id("stAlert")).to_contain_text("4 of 6 pictures are here.")
    expect(page.locator(".tile img")).to_have_count(4)
    expect(page.locator(".notes li")).to_contain_text("A plain plan was used in its place.")
    retry = steps.button(page, r"Retry the missing 2 \(~\$0\.10\)")
    expect(retry).to_be_visible()
    for tile in page.locator(".tile:has(img)").all()[:2]:
        tile.click()
    expect(primary(page, "Continue with 2")).to_be_enabled()
    retry.click()
    expect(page.locator(".tile img")).to_have_count(6, timeout=steps.SLOW_MS)
    expect(page.locator(".tile[data-mark=approved]")).to_have_count(2)


def test_without_credit_one_banner_says_so_until_it_is_back(
    page: Page, fake: ReplicateServer
) -> None:
    alert = page.get_by_test_id("stAlert")
    fake.credit = False
    try:
        order(page, "umbrella in the rain")
        expect(alert).to_contain_text("Paused")
        expect(page.locator(".wait.missing")).to_have_count(6)
        for where in ("images", "brief"):
            page.goto(f"/{where}?ad={steps.ad_id(page)}")
            expect(alert).to_contain_text("no credit left")
            expect(alert).to_have_count(1)
            retry = primary(page, "Retry the missing 6")
        retry.click()
        page.wait_for_url(re.compile("/images"))
        # It is tried, and there is still none.
        expect(steps.button(page, "Stop")).to_have_count(0)
        expect(alert).to_contain_text("no credit left")
        retry = primary(page, "Retry the missing 6")
    finally:
        fake.credit = True
    retry.click()
    expect(page.locator(".tile img")).to_have_count(6, timeout=steps.SLOW_MS)
    expect(alert).to_have_count(0)
    assert Decimal(steps.ad_of(page)["total_cost"]) == PLAN + 6 * IMAGE


def test_a_cold_start_is_no_generating(page: Page, fake: ReplicateServer) -> None:
    fake.script(Fault.LONG_START, model=FLUX, prompt="frosted vase", times=6, seconds=4)
    order(page, "frosted vase")
    bar = page.get_by_test_id("stProgress")
    expect(page.locator(".wait.starting")).to_have_count(6)
    expect(page.locator(".wait.starting").first).to_contain_text("waiting for a machine")
    expect(bar).to_contain_text("Waiting for a machine; a cold start can take some minutes")
    expect(page.locator(".tile img")).to_have_count(6, timeout=steps.SLOW_MS)
    expect(bar).to_have_count(0)


def test_a_refused_prompt_is_changed_and_works(page: Page, fake: ReplicateServer) -> None:
    fake.script(Fault.NSFW, model=FLUX, prompt="bare statue", times=6)
    order(page, "bare statue")
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("Change the words of the prompt")
    expect(alert).to_contain_text("None came out.")
    expect(page.locator(".wait.failed")).to_have_count(6)
    steps.button(page, "Edit the brief").click()
    expect(steps.prompt(page)).to_have_value("bare statue")
    steps.prompt(page).fill("draped figure")
    steps.generate(page)
    expect(alert).to_have_count(0)
