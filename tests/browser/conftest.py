"""A real Chromium, and pages on which nothing may go wrong unseen."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Response,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

from tests.browser import steps
from tests.conftest import App

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--no-first-run",
]
# Streamlit looks for its own paths below a deep link's page first, and then at the root.
PROBES = re.compile(r"/_stcore/(health|host-config)$")


def launch_chromium(playwright: Playwright) -> Browser:
    """Chromium as ADGEN_CHROMIUM, the PATH or Playwright has it, in this order."""
    found = os.environ.get("ADGEN_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    return playwright.chromium.launch(executable_path=found, args=FLAGS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests. Without one they are skipped, but not in CI."""
    with sync_playwright() as playwright:
        try:
            made = launch_chromium(playwright)
        except PlaywrightError as error:
            reason = f"no Chromium starts; set ADGEN_CHROMIUM to one ({error.message[:200]})"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        yield made
        made.close()


def watch(context: BrowserContext) -> list[str]:
    """What goes wrong on the pages of a context, as it happens."""
    problems: list[str] = []

    def said(message: ConsoleMessage) -> None:
        # A refused probe is said twice, as a response and here.
        if message.type == "error" and not PROBES.search(message.location["url"]):
            problems.append(f"console: {message.text} ({message.location['url']})")

    def answered(response: Response) -> None:
        if response.status >= 400 and not PROBES.search(response.url):
            problems.append(f"{response.status} {response.url}")

    def failed(request: Request) -> None:
        # A player that got what it wanted, or a page that was left, drops the rest.
        if request.failure != "net::ERR_ABORTED":
            problems.append(f"{request.failure} {request.url}")

    context.on("console", said)
    context.on("weberror", lambda error: problems.append(f"page: {error.error}"))
    context.on("response", answered)
    context.on("requestfailed", failed)
    return problems


@contextmanager
def open_page(browser: Browser, app: App, **options: Any) -> Iterator[Page]:
    """A page in a context of its own; at the end, nothing may have gone wrong in it."""
    context = browser.new_context(base_url=app.url, reduced_motion="reduce", **options)
    context.set_default_timeout(30_000)
    problems = watch(context)
    page = context.new_page()
    try:
        yield page
        for shown in context.pages:
            expect(shown.get_by_test_id("stException")).to_have_count(0)
        assert problems == []
    finally:
        context.close()


@pytest.fixture
def page(browser: Browser, app: App) -> Iterator[Page]:
    """A page of the shared app, signed out."""
    with open_page(browser, app, viewport={"width": 1280, "height": 720}) as opened:
        yield opened


@pytest.fixture
def signed_in(page: Page) -> Page:
    """A page of the shared app, signed in as the demo user."""
    steps.sign_in(page)
    return page
