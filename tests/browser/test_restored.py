"""The restore drill: two finished ads, a third in the making, and all of it back elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests import film
from tests.browser import steps
from tests.browser.conftest import open_page
from tests.conftest import SAMPLE, App, until
from tests.test_backup import CHANGED, contents, weights
from tests.test_cli import adgen

pytestmark = [pytest.mark.browser, pytest.mark.drill]

PHOTOS = sorted(SAMPLE.glob("*.jpg"))
RUNS = ("queued", "running")


def act(client: httpx.Client, what: str, ad: str, **body: Any) -> None:
    client.post(f"/api/{what}", json={"session_id": ad, **body}).raise_for_status()


def state(client: httpx.Client, ad: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/api/sessions/{ad}").raise_for_status().json()
    return answer


def ended(client: httpx.Client, ad: str) -> dict[str, Any]:
    until(lambda: state(client, ad)["job"]["status"] not in RUNS, 150, "the end of a run")
    return state(client, ad)


def new_ad(client: httpx.Client) -> str:
    return str(client.post("/api/sessions/create", json={}).raise_for_status().json()["session_id"])


def make_ad(client: httpx.Client, words: str) -> str:
    """From words to a film."""
    ad = new_ad(client)
    act(client, "generate-images", ad, product_prompt=words)
    images = [image["id"] for image in ended(client, ad)["images"]][:2]
    act(client, "save-approved-images", ad, approved_image_ids=images)
    act(client, "generate-clips", ad, video_prompt="slow push-in")
    clips = [clip["id"] for clip in ended(client, ad)["clips"]]
    act(client, "save-approved-clips", ad, approved_clip_ids=clips)
    overlay = {"product_name": "Oak & Clay", "cta": "Shop now"}
    act(client, "compose-final-video", ad, text_overlay=overlay, audio={"enabled": False})
    assert ended(client, ad)["stage"] == "complete"
    return ad


@pytest.fixture
def apps(short_tmp: Path) -> Iterator[tuple[App, App]]:
    """Where the ads are made, and where they are to come back."""
    first = App(short_tmp / "lived-in", env={"ADGEN_OFFLINE_DELAY_S": "1.5"}).start()
    second = App(short_tmp / "restored")
    try:
        yield first, second
    finally:
        for app in (first, second):
            if app.process and not app.process_ended():
                app.stop()


def test_all_comes_back_elsewhere(browser: Browser, apps: tuple[App, App], short_tmp: Path) -> None:
    first, second = apps
    kept = str(short_tmp / "kept-for-the-drill")
    with first.client() as client:
        done = [make_ad(client, words) for words in ("oak chair", "stoneware cups")]
        third = new_ad(client)
        act(client, "generate-images", third, product_prompt="pink tennis shoes")
        until(lambda: state(client, third)["job"]["slots"].get("0") == "running", what="slot 1")
        run = adgen(first.home, "backup", kept)
        assert (run.returncode, run.stderr) == (0, "")
        assert state(client, third)["job"]["status"] in RUNS
        as_was = [state(client, ad) for ad in done]
        films = [client.get(ad["final_video"]["url"]).content for ad in as_was]
    first.stop()
    run = adgen(second.home, "restore", kept)
    assert (run.returncode, run.stderr) == (0, "")
    with first.database() as there, second.database() as here:
        before, after = weights(there), weights(here)
    settled = {"public.assets", "public.generation_costs", "public.predictions", "public.workers"}
    moved = {*CHANGED, *settled, "public.spend_tail", "public.spend_touched"}
    same = [name for name in before if not name.startswith("dbos.") and name not in moved]
    assert [before[name] for name in same] == [after[name] for name in same]
    old, new = contents(first.home / "files"), contents(second.home / "files")
    assert new.items() <= old.items()

    second.start()
    with second.client() as client:
        assert [state(client, ad) for ad in done] == as_was
        for ad, was in zip(as_was, films, strict=True):
            assert client.get(ad["final_video"]["url"]).content == was
        out = short_tmp / "restored.mp4"
        out.write_bytes(films[0])
        assert film.decode_errors(out) == ""
        stopped = state(client, third)
        assert stopped["stage"] == "failed"
        assert "Stopped by restoring the backup" in stopped["failure"]
        client.post(f"/api/sessions/{third}/retry").raise_for_status()
        assert len(ended(client, third)["images"]) == 6
    with open_page(browser, second, viewport={"width": 1280, "height": 720}) as page:
        steps.sign_in(page)
        page.goto("/")
        expect(page.get_by_text(re.compile("oak chair", re.IGNORECASE)).first).to_be_visible()
        page.goto(f"/final?ad={done[0]}")
        expect(page.locator(".player video")).to_be_visible(timeout=steps.SLOW_MS)
