"""The pages with files in a bucket: everything is seen, played and downloaded as from the disk."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser import steps, test_flow
from tests.browser.conftest import open_page
from tests.conftest import App

if TYPE_CHECKING:
    from tests.s3_server import S3Server

pytestmark = [pytest.mark.browser, pytest.mark.drill]


@pytest.fixture(scope="module")
def bucket_app(short_tmp: Path, s3: S3Server) -> Iterator[App]:
    """The app with an empty bucket."""
    made = App(short_tmp / "bucket-app", env=s3.env(s3.bucket())).start()
    yield made
    made.stop()


def test_an_ad_is_made_shown_and_taken_away(
    browser: Browser, bucket_app: App, s3: S3Server
) -> None:
    app = bucket_app
    with open_page(browser, app, viewport={"width": 1280, "height": 720}) as page:
        seen: list[str] = []
        page.context.on("response", lambda answer: seen.append(f"{answer.status} {answer.url}"))
        test_flow.test_an_ad_from_sign_in_to_download(page, app)
        # Pictures, clips and the film came from the bucket, by way of a redirect.
        for kind, status in (("jpg", 200), ("mp4", 206)):
            found = [line for line in seen if f".{kind}?" in line]
            assert any(line.startswith(f"{status} {s3.url}/") for line in found), found

        page.goto("/")
        expect(page.locator(".poster img").first).to_be_visible()
        shown = "img => img.complete && img.naturalWidth > 0"
        assert test_flow.until_true(page.locator(".poster img").first, shown)

        with app.client() as client:
            ads = client.get("/api/sessions").json()
        [ad_id] = [ad["id"] for ad in ads if ad["stage"] == "complete"]
        page.goto(f"/api/sessions/{ad_id}/present#3")
        picture = page.locator(".slide:visible img").first
        assert test_flow.until_true(picture, shown)
        share(browser, app, ad_id, shown)
    take_away(app, ad_id)


def share(browser: Browser, app: App, ad_id: str, shown: str) -> None:
    """A stranger with the link sees the pictures and the film."""
    with app.client() as client:
        link = client.post(f"/api/sessions/{ad_id}/shares", json={}).json()["path"]
    with open_page(browser, app) as page:
        page.goto(f"{link}#3")
        assert test_flow.until_true(page.locator(".slide:visible img").first, shown)


def take_away(app: App, ad_id: str) -> None:
    """What the app makes itself of files in the bucket, and who is let through to them."""
    with app.client() as client:
        bundle = client.get(f"/api/sessions/{ad_id}/files.zip")
        with ZipFile(io.BytesIO(bundle.content)) as files:
            assert files.testzip() is None
            assert any(name.endswith(".mp4") for name in files.namelist())
        assert client.get(f"/api/sessions/{ad_id}/board").content.startswith(b"\x89PNG")
        assert "data:video/mp4" in client.get(f"/api/sessions/{ad_id}/deck.html").text
        ad = client.get(f"/api/sessions/{ad_id}").json()
        film = ad["final_video"]["url"]
        sent = client.get(f"{film}?download=my ad", follow_redirects=False)
    assert (sent.status_code, sent.headers["cache-control"]) == (302, "private, no-store")
    saved = httpx.get(sent.headers["location"])
    assert saved.headers["content-disposition"] == "attachment; filename*=utf-8''my%20ad.mp4"
    assert saved.headers["content-type"] == "video/mp4"
    assert re.search("X-Amz-Expires=900", sent.headers["location"])
    # The way is shown to nobody else.
    assert httpx.get(f"{app.url}{film}").status_code == 401
    assert "X-Amz" not in app.log
    assert httpx.get(f"{app.url}/health").json()["files_waiting"] == 0
    assert steps.EMAIL not in sent.headers["location"]
