"""Somebody without any instruction makes an ad: how many presses that takes, and how long."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.conftest import open_page
from tests.conftest import PASSWORD, App

pytestmark = pytest.mark.browser

MOST = 15


@pytest.fixture(scope="module")
def fresh(short_tmp: Path) -> Iterator[App]:
    """An app that was just started: its link is not used yet."""
    made = App(short_tmp / "newcomer").start()
    yield made
    made.stop()


@pytest.fixture
def page(browser: Browser, fresh: App) -> Iterator[Page]:
    """A page of it, signed out."""
    with open_page(browser, fresh, viewport={"width": 1280, "height": 720}) as opened:
        yield opened


class Newcomer:
    """Presses what a page shows, and counts: a click, a key, a field filled in are one each."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.presses = 0

    def click(self, name: str, role: str = "button") -> None:
        self.presses += 1
        self.page.get_by_role(role, name=re.compile(name)).click()  # type: ignore[arg-type]

    def key(self, key: str) -> None:
        self.presses += 1
        self.page.keyboard.press(key)

    def fill(self, label: str, words: str) -> None:
        self.presses += 1
        self.page.get_by_label(label).fill(words)


def by_link(newcomer: Newcomer, app: App) -> None:
    """In by the link that the start prints."""
    [link] = re.findall(r"http\S+/api/auth/link/\S+", app.log)
    newcomer.page.goto(link)


def by_form(newcomer: Newcomer, app: App) -> None:
    """In by the form."""
    newcomer.page.goto(app.url)
    newcomer.fill("E-mail", steps.EMAIL)
    newcomer.fill("Password", PASSWORD)
    newcomer.click("Sign in")


@pytest.mark.parametrize("enter", [by_link, pytest.param(by_form, marks=pytest.mark.drill)])
def test_an_ad_of_the_sample_product_takes_few_presses(
    page: Page, fresh: App, enter: Callable[[Newcomer, App], None]
) -> None:
    newcomer, began = Newcomer(page), time.monotonic()
    enter(newcomer, fresh)
    library(newcomer)
    newcomer.click("Generate 6 images")
    expect(page.locator(".tile img")).to_have_count(6, timeout=steps.SLOW_MS)
    newcomer.key("1")
    newcomer.key("2")
    newcomer.click("Continue with 2")
    newcomer.click("Make 2 clips")
    expect(page.locator(".tile video")).to_have_count(2, timeout=steps.SLOW_MS)
    newcomer.key("1")
    newcomer.key("2")
    newcomer.click("Continue with 2")
    newcomer.click("Render the film")
    expect(page.locator(".player video")).to_be_visible(timeout=steps.SLOW_MS)
    with page.expect_download() as download:
        newcomer.click("Download", "link")
    assert download.value.path().read_bytes()[4:8] == b"ftyp"
    seconds = time.monotonic() - began
    print(f"{enter.__doc__} {newcomer.presses} presses, {seconds:.0f} s")
    assert newcomer.presses <= MOST


def library(newcomer: Newcomer) -> None:
    """To the brief with the sample product, from an empty library or from one that is not."""
    page = newcomer.page
    expect(page.get_by_role("heading", name="Your ads")).to_be_visible()
    sample = steps.button(page, "Try the sample product")
    expect(sample.or_(page.locator(".poster").first).first).to_be_visible()
    if not sample.is_visible():
        newcomer.click("New ad")
    newcomer.click("Try the sample product")
    expect(page.locator(".photo-x")).to_have_count(len(steps.PHOTOS))
