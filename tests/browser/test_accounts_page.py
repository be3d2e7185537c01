"""Settings in a browser: a token that works until it is revoked, and a role that changes."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from adgen.domain import Role
from tests.browser import steps
from tests.browser.conftest import open_page
from tests.conftest import App, add_person, until

pytestmark = pytest.mark.browser


def works(app: App, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{app.url}/api/sessions", headers=headers).status_code == 200


def test_a_token_is_made_copied_and_revoked(signed_in: Page, app: App) -> None:
    page = signed_in
    page.goto("/settings")
    page.get_by_role("textbox", name="Name").fill("Nightly render")
    steps.button(page, "^Create$").click()
    told = page.get_by_label("New token")
    expect(told).to_have_value(re.compile(r"^adg_\w"))
    token = told.input_value()
    assert works(app, token)
    steps.button(page, "^Copy$").click()
    expect(steps.button(page, "Copied|Selected")).to_be_visible()
    steps.button(page, "^Done$").click()
    expect(told).to_have_count(0)
    page.reload()
    row = page.locator("[class*='st-key-token-']", has_text="Nightly render").last
    expect(row).to_be_visible()
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_have_count(0)
    assert not works(app, token)


def test_the_api_page_needs_no_network_and_calls_as_who_is_signed_in(signed_in: Page) -> None:
    page = signed_in
    page.goto("/api/docs")
    page.locator("[id$=me-me_api_me_get], .opblock", has_text="/api/me").first.click()
    steps.button(page, "Try it out").click()
    steps.button(page, "^Execute$").click()
    expect(page.locator(".live-responses-table")).to_contain_text("demo@example.com")


def test_a_role_that_changes_counts_from_the_next_click(
    browser: Browser, signed_in: Page, app: App
) -> None:
    email = "becomes-viewer@example.com"
    with app.database() as database:
        one = add_person(database, email, Role.EDITOR, "Elsewhere")
    with open_page(browser, app, viewport={"width": 1280, "height": 720}) as theirs:
        steps.sign_in(theirs, email)
        theirs.goto("/")
        expect(steps.button(theirs, "New ad")).to_be_enabled()
        page = signed_in
        page.goto("/settings")
        steps.choose(page, "Person", email)
        expect(page.locator(".st-key-save-rights button")).to_be_disabled()
        # The controls are this person's now.
        expect(page.locator(f".st-key-role-{one.id}-editor")).to_be_visible()
        steps.choose(page, "Role", "viewer")
        page.locator(".st-key-save-rights button").click()
        with app.client(email) as client:
            until(lambda: client.get("/api/me").json()["role"] == "viewer", what="the change")
        expect(page.get_by_text("It counts from their next click.")).to_be_visible()
        theirs.reload()
        expect(steps.button(theirs, "New ad")).to_be_disabled()
        theirs.goto("/settings")
        expect(theirs.get_by_text("You may look at your team's ads")).to_be_visible()
        expect(theirs.get_by_role("heading", name="People")).to_have_count(0)
