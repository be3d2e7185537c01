"""What the retention rule took is said where it was, and no page shows a broken picture."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from adgen import retention
from adgen.config import settings
from adgen.jobs import Runs
from adgen.providers.storage import storage
from adgen.store.tables import AdSession, now
from tests.browser.test_review import pictures
from tests.conftest import App, until

pytestmark = pytest.mark.browser


def test_a_removed_take_and_a_removed_picture_say_so(
    app: App, signed_in: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    ad = pictures(app)
    with closing(app.client()) as client:
        again = client.post(f"/api/sessions/{ad}/regenerate", json={"kind": "images", "slot": 0})
        again.raise_for_status()
        until(lambda: client.get(f"/api/sessions/{ad}").json()["stage"] == "image_selection")
        until(lambda: client.get(f"/api/sessions/{ad}").json()["job"]["status"] == "done")
        shown = client.get(f"/api/sessions/{ad}").json()["generated_image_ids"]
        approved = {"session_id": ad, "approved_image_ids": shown[:2]}
        client.post("/api/save-approved-images", json=approved).raise_for_status()
        marks = {"marks": {shown[5]: "rejected"}}
        client.patch(f"/api/sessions/{ad}/marks", json=marks).raise_for_status()
    monkeypatch.setenv("ADGEN_HOME", str(app.home))
    monkeypatch.setenv("ADGEN_KEEP_TAKES_DAYS", "30")
    settings.cache_clear()
    storage.cache_clear()
    with app.database() as database, closing(Runs(database.url)) as runs:
        with database.begin() as db:
            old = {"stage": "complete", "updated_at": now() - timedelta(days=31)}
            db.execute(update(AdSession).where(AdSession.id == ad).values(**old))
        assert [freed.count for freed in retention.prune(database, runs)] == [2]
    signed_in.goto(f"/images?ad={ad}")
    expect(signed_in.locator(".tile img")).to_have_count(5)
    why = "Removed after 30 days by the retention rule."
    expect(signed_in.get_by_text(f"Take 1: {why}")).to_be_visible()
    expect(signed_in.get_by_role("button", name=f"Take 1: {why}")).to_be_disabled()
    gone = signed_in.locator(".tile").nth(5)
    expect(gone).to_contain_text("removed")
    gone.click()
    expect(signed_in.get_by_text(why, exact=True)).to_be_visible()
