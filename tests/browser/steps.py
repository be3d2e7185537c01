"""What a person does on each page, by clicks and keys; shared by the tests and the pictures."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from adgen.providers.photos import sample_photos
from tests.conftest import PASSWORD

EMAIL = "demo@example.com"
# Long enough for a machine that does other things too; nothing here measures.
SLOW_MS = 90_000
expect.set_options(timeout=20_000)
PHOTOS = [
    {"name": name, "mimeType": "image/jpeg", "buffer": data} for name, data in sample_photos()
]


def sign_in(page: Page, email: str = EMAIL) -> None:
    """Sign this context in without the form."""
    answer = page.context.request.post(
        "/api/auth/login", data={"email": email, "password": PASSWORD}
    )
    assert answer.ok, answer.text()


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=re.compile(name))


def prompt(page: Page) -> Locator:
    return page.get_by_role("textbox", name="What is the product?")


def motion(page: Page) -> Locator:
    return page.get_by_role("textbox", name="How should it move?")


def ad_id(page: Page) -> str:
    """The ad in the address."""
    page.wait_for_url(re.compile(r"[?&]ad="))
    return page.url.rpartition("ad=")[2]


def ad_of(page: Page) -> dict[str, Any]:
    """The open ad as the server has it."""
    answer = page.context.request.get(f"/api/sessions/{ad_id(page)}")
    assert answer.ok, answer.text()
    state: dict[str, Any] = answer.json()
    return state


def until_ad_has(page: Page, key: str) -> None:
    """Wait until the server has anything under this key of the open ad."""
    _until(page, key, bool, "something")


def until_ad(page: Page, key: str, value: object) -> None:
    """Wait until the server has this value in the open ad."""
    _until(page, key, lambda found: found == value, repr(value))


def _until(page: Page, key: str, enough: Callable[[Any], bool], wanted: str) -> None:
    end = time.monotonic() + SLOW_MS / 1000
    while not enough(found := ad_of(page)[key]):
        assert time.monotonic() < end, f"{key} is {found}, not {wanted}"
        page.wait_for_timeout(100)


def new_ad(page: Page) -> None:
    """An empty brief from the library."""
    button(page, "New ad").click()
    expect(prompt(page)).to_be_visible()


def sample_images(page: Page) -> None:
    """From the brief with the sample product to six pictures."""
    button(page, "Try the sample product").click()
    expect(page.locator(".photo-x")).to_have_count(len(PHOTOS))
    generate(page)


def generate(page: Page) -> None:
    """From the brief to six pictures."""
    button(page, "Generate 6").click()
    expect(page.locator(".tile img")).to_have_count(6, timeout=SLOW_MS)
    until_ad(page, "stage", "image_selection")


def storyboard(page: Page, count: int) -> None:
    """From the approved pictures to the storyboard."""
    button(page, f"Continue with {count}").click()
    expect(motion(page)).to_be_visible()


def make_clips(page: Page, count: int) -> None:
    """From the storyboard to clips that play."""
    motion(page).fill("Slow morning light, gentle push-in")
    button(page, f"Make {count} clips").click()
    expect(page.locator(".tile video")).to_have_count(count, timeout=SLOW_MS)
    until_ad(page, "stage", "clip_selection")


def finish(page: Page, count: int) -> None:
    """From the approved clips to the words and music."""
    button(page, f"Continue with {count}").click()
    expect(page.get_by_label("Name on the opening card")).to_be_visible()


def render(page: Page) -> None:
    """Fill in the finish and wait for the film."""
    page.get_by_label("Name on the opening card").fill("Oak & Clay")
    page.get_by_label("Call to action").fill("Shop the set")
    page.get_by_role("radio", name="Calm 1").click()
    button(page, "Render").click()
    expect(page.locator(".player video")).to_be_visible(timeout=SLOW_MS)


def choose(page: Page, label: str, option: str) -> None:
    """An option of a select box; one that opens while the page is drawn is shut again."""
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_visible()
    box, wanted = (
        page.get_by_role("combobox", name=label, exact=True),
        page.get_by_role("option", name=option, exact=True),
    )
    for _ in range(5):
        box.click()
        with suppress(PlaywrightTimeout):
            wanted.click(timeout=5000)
            return
    raise AssertionError(f"{label} does not stay open")
