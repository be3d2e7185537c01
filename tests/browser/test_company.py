"""Sign-in with a company's accounts: the whole way, against a provider on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.conftest import open_page
from tests.company import Company, company
from tests.conftest import App

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def firm() -> Iterator[Company]:
    with company() as made:
        yield made


@pytest.fixture(scope="module")
def theirs(short_tmp: Path, firm: Company) -> Iterator[App]:
    """An app that the company's people of one domain may use."""
    env = {**firm.env, "ADGEN_OIDC_DOMAINS": "firm.example", "ADGEN_OIDC_TEAM": "North"}
    made = App(short_tmp / "firm", env=env).start()
    yield made
    made.stop()


def enter(page: Page) -> None:
    page.goto("/")
    steps.button(page, "Sign in with your company").click()


def me(page: Page) -> dict[str, object]:
    answer = page.context.request.get("/api/me")
    assert answer.ok
    said: dict[str, object] = answer.json()
    return said


def test_a_company_s_person_becomes_an_editor_and_stays_signed_out_when_they_leave(
    browser: Browser, theirs: App, firm: Company
) -> None:
    firm.claims = {"email": "Bea@Firm.example", "email_verified": True}
    with open_page(browser, theirs) as page:
        enter(page)
        expect(steps.button(page, "New ad")).to_be_visible()
        assert me(page) | {"id": 0, "team_id": 0} == {
            "id": 0, "email": "bea@firm.example", "role": "editor", "team_id": 0, "team": "North",
        }  # fmt: skip
        page.goto("/settings")
        steps.button(page, "^Sign out$").click()
        # What Streamlit remembers of the company's word does not open the door again.
        expect(steps.button(page, "Sign in with your company")).to_be_visible()
        page.reload()
        expect(steps.button(page, "Sign in with your company")).to_be_visible()
        enter(page)
        expect(steps.button(page, "New ad")).to_be_visible()


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email": "eve@evil.example", "email_verified": True}, "may not use this installation"),
        ({"email": "eve@firm.example.evil.example", "email_verified": True}, "may not use"),
        ({"email": "bea@firm.example", "email_verified": False}, "does not vouch"),
        ({"email": "bea@firm.example"}, "does not vouch"),
    ],
)
def test_whoever_the_company_does_not_vouch_for_is_told_so(
    browser: Browser, theirs: App, firm: Company, claims: dict[str, object], said: str
) -> None:
    firm.claims = claims
    with open_page(browser, theirs) as page:
        enter(page)
        expect(page.get_by_text(said)).to_be_visible()
        assert page.context.request.get("/api/me").status == 401


def test_without_a_company_the_form_says_nothing_of_one(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_label("Password")).to_be_visible()
    expect(steps.button(page, "company")).to_have_count(0)
