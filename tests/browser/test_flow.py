"""The product by clicks, keys, reloads and second tabs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser import steps
from tests.browser.conftest import open_page
from tests.conftest import PASSWORD, ROOT, SAMPLE, App, clean_env

pytestmark = pytest.mark.browser


def test_an_ad_from_sign_in_to_download(page: Page, app: App) -> None:
    page.goto("/")
    page.get_by_label("E-mail").fill(steps.EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    steps.new_ad(page)
    steps.sample_images(page)

    page.keyboard.press("2")
    page.keyboard.press("4")
    tiles = page.locator(".tile")
    tiles.nth(4).click()
    images = steps.ad_of(page)["generated_image_ids"]
    steps.until_ad(page, "marks", {images[n]: "approved" for n in (1, 3, 4)})
    steps.storyboard(page, 3)
    steps.make_clips(page, 3)

    for key in "123":
        page.keyboard.press(key)
    clips = steps.ad_of(page)["generated_clip_ids"]
    steps.until_ad(page, "clip_order", clips)
    for clip in tiles.locator("video").all():
        assert until_true(clip, "clip => clip.readyState >= 2")
    tiles.first.hover()
    assert until_true(tiles.first.locator("video"), "clip => clip.currentTime > 0")
    page.locator(".order").get_by_role("button", name="later").first.click()
    steps.until_ad(page, "clip_order", [clips[1], clips[0], clips[2]])
    steps.finish(page, 3)
    assert steps.ad_of(page)["approved_clip_ids"] == [clips[1], clips[0], clips[2]]

    steps.render(page)
    assert until_true(page.locator(".player video"), "film => film.duration > 5")
    ad = steps.ad_of(page)
    words = ad["text_overlay"]
    assert (words["product_name"], words["cta"]) == ("Oak & Clay", "Shop the set")
    assert ad["audio"]["genre"] == "calm"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename.endswith(".mp4")
    assert download.value.path().read_bytes()[4:8] == b"ftyp"
    with page.expect_download() as download:
        page.get_by_role("link", name="Receipt").click()
    assert download.value.suggested_filename.endswith("receipt.json")
    receipt = json.loads(download.value.path().read_text())
    assert [clip["id"] for clip in receipt["clips"]] == ad["clip_order"]
    film = page.context.request.get(ad["final_video"]["url"])
    assert film.headers["content-type"] == "video/mp4"

    first = steps.ad_id(page)
    steps.button(page, "Make another").click()
    expect(steps.prompt(page)).to_have_value("")
    assert steps.ad_id(page) != first


def until_true(locator: Locator, script: str) -> bool:
    """Wait for something to become true of an element; media needs its moment."""
    for _ in range(100):
        if locator.evaluate(script):
            return True
        locator.page.wait_for_timeout(100)
    return False


def test_photos_are_taken_and_a_false_one_loses_nothing(signed_in: Page, tmp_path: Path) -> None:
    page = signed_in
    page.goto("/")
    steps.new_ad(page)
    steps.prompt(page).fill("Oak chair, morning light")
    chooser = page.locator("input[type=file]")
    chooser.set_input_files(sorted(SAMPLE.glob("*.jpg"))[:2])
    expect(page.locator(".photo-x")).to_have_count(2)

    false = tmp_path / "notes.png"
    false.write_text("These are words, not a picture.")
    chooser.set_input_files(false)
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("notes.png")
    expect(steps.prompt(page)).to_have_value("Oak chair, morning light")
    expect(page.locator(".photo-x")).to_have_count(2)

    page.locator(".photo-x").first.click()
    expect(page.locator(".photo-x")).to_have_count(1)
    expect(steps.prompt(page)).to_have_value("Oak chair, morning light")


def test_keys_decide_and_stay_out_of_text(signed_in: Page) -> None:
    page = signed_in
    page.goto("/")
    steps.new_ad(page)
    steps.prompt(page).press_sequentially("Axe 123 ux")
    expect(steps.prompt(page)).to_have_value("Axe 123 ux")
    steps.generate(page)
    ids = steps.ad_of(page)["generated_image_ids"]

    # As fast as a keyboard repeats: every press must reach the server.
    for key in "123456":
        page.keyboard.press(key)
    steps.until_ad(page, "marks", dict.fromkeys(ids, "approved"))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("x")
    kept = {**dict.fromkeys(ids, "approved"), ids[1]: "rejected"}
    steps.until_ad(page, "marks", kept)
    page.keyboard.press("z")
    steps.until_ad(page, "marks", dict.fromkeys(ids, "approved"))
    page.keyboard.press("1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("u")
    steps.until_ad(page, "marks", dict.fromkeys(ids[2:], "approved"))
    page.keyboard.press("1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("X")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    kept = {**dict.fromkeys(ids, "approved"), ids[3]: "rejected"}
    steps.until_ad(page, "marks", kept)

    page.reload()
    expect(page.locator(".tile[data-mark=approved]")).to_have_count(5)
    expect(page.locator(".tile[data-mark=rejected]")).to_have_count(1)
    second = page.context.new_page()
    second.goto(page.url)
    expect(second.locator(".tile[data-mark=approved]")).to_have_count(5)
    expect(steps.button(second, "Continue with 5")).to_be_enabled()


class Wire:
    """Counts what a page asks for by itself, and how often it is drawn."""

    def __init__(self, page: Page) -> None:
        self.asked = self.drawn = 0
        page.on("websocket", self._hear)

    def _hear(self, socket: WebSocket) -> None:
        socket.on("framesent", self._sent)
        socket.on("framereceived", self._received)

    def _sent(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self.asked += BackMsg.FromString(frame).rerun_script.is_auto_rerun

    def _received(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self.drawn += ForwardMsg.FromString(frame).WhichOneof("type") == "new_session"


def test_pictures_arrive_one_by_one_and_stop_keeps_them(browser: Browser, short_tmp: Path) -> None:
    # The last picture fails and waits to be tried again, so five are there while the run goes on.
    env = {
        "ADGEN_OFFLINE_DELAY_S": "1.5",
        "ADGEN_OFFLINE_FAIL": "image:5",
        "ADGEN_RETRY_WAIT_S": "120",
    }
    slow = App(short_tmp / "slow", env=env).start()
    try:
        with open_page(browser, slow, viewport={"width": 1280, "height": 720}) as page:
            steps.sign_in(page)
            page.goto("/")
            expect(page.get_by_text("Make your first ad")).to_be_visible()
            steps.button(page, "Try the sample product").click()
            expect(page.locator(".photo-x")).to_have_count(len(steps.PHOTOS))
            steps.button(page, "Generate 6").click()
            expect(page.get_by_text(re.compile(r"Generating image \d of 6\.\.\."))).to_be_visible()
            expect(page.locator(".tile")).to_have_count(6)
            expect(page.locator(".tile img")).to_have_count(5)
            page.keyboard.press("1")
            # What was pressed a moment before the page is gone may still be on its way.
            steps.until_ad_has(page, "marks")

            page.reload()
            expect(page.locator(".tile img")).to_have_count(5)
            expect(page.locator(".tile[data-mark=approved]")).to_have_count(1)
            second = page.context.new_page()
            wire = Wire(second)
            second.goto(page.url)
            expect(second.locator(".tile[data-mark=approved]")).to_have_count(1)
            expect(second.get_by_role("progressbar")).to_be_visible()
            # Nothing is new while the last one waits, so hardly anything is drawn again.
            wire.asked = wire.drawn = 0
            second.wait_for_timeout(7000)
            assert wire.asked > 6
            assert 1 <= wire.drawn <= wire.asked / 2
            page.bring_to_front()
            page.keyboard.press("2")
            expect(second.locator(".tile[data-mark=approved]")).to_have_count(2)

            page.get_by_role("button", name="Stop").click()
            for shown in (page, second):
                expect(shown.get_by_text("What was made is kept")).to_be_visible()
                expect(shown.locator(".tile img")).to_have_count(5)
            ad = steps.ad_of(page)
            assert ad["stage"] == "image_selection"
            assert len(ad["generated_image_ids"]) == 5
    finally:
        slow.stop()


@pytest.mark.parametrize("path", ["/images?ad=x", "/costs", "/settings", "/final"])
def test_a_deep_link_shows_a_stranger_the_form_only(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.get_by_label("E-mail")).to_be_visible()
    expect(page.get_by_role("heading")).to_have_text(["adgen"])
    expect(page.get_by_test_id("stPageLink")).to_have_count(0)
    page.get_by_label("E-mail").fill(steps.EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("E-mail")).to_have_count(0)
    expect(page).to_have_url(re.compile(re.escape(path)))
    expect(page.get_by_test_id("stPageLink")).to_have_count(3)


def test_an_ad_of_somebody_else_is_not_here(page: Page, app: App) -> None:
    email = "stranger@example.com"
    subprocess.run(
        [sys.executable, "-m", "adgen", "user", "add", email, "--team", "Elsewhere"],
        cwd=ROOT,
        env=clean_env(app.home, ADGEN_NEW_PASSWORD=PASSWORD),
        check=True,
        capture_output=True,
    )
    with closing(app.client()) as client:
        foreign = client.post("/api/sessions/create").json()["session_id"]
    steps.sign_in(page, email)
    for wrong in (foreign, "garbage", "%27%3B--%00", ""):
        page.goto(f"/images?ad={wrong}")
        expect(page.get_by_text("This ad is not here")).to_be_visible()
        expect(page.locator(".tile")).to_have_count(0)


def test_sign_out_ends_the_login_everywhere(signed_in: Page, app: App) -> None:
    page = signed_in
    page.goto("/settings")
    cookies = {c["name"]: c["value"] for c in page.context.cookies()}
    assert httpx.get(f"{app.url}/api/sessions", cookies=cookies).status_code == 200
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    page.goto("/settings")
    expect(page.get_by_label("E-mail")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("E-mail")).to_be_visible()
    assert httpx.get(f"{app.url}/api/sessions", cookies=cookies).status_code == 401


def test_a_phone_shows_everything_within_reach(signed_in: Page) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    steps.new_ad(page)
    steps.sample_images(page)
    ad = steps.ad_id(page)
    for path in ("/", "/costs", "/settings", f"/brief?ad={ad}", f"/images?ad={ad}"):
        page.goto(path)
        expect(page.get_by_test_id("stPageLink")).to_have_count(3)
        expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
        page.wait_for_timeout(500)
        width = "document.querySelector('[data-testid=stMain]').scrollWidth"
        assert page.evaluate(width) <= 390, path
        for press in page.locator("main").get_by_role("button").all():
            # Help marks have no words; a touch of their label's line opens them too.
            words, box = press.inner_text().strip(), press.bounding_box()
            assert not words or not box or box["height"] >= 40, (path, words, box)
    expect(steps.button(page, "Continue with 0")).to_be_in_viewport()
