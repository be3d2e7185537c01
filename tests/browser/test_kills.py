"""Browser, web process or worker killed in the middle of each step: no decision is lost."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser import steps
from tests.conftest import App, until

pytestmark = pytest.mark.browser

# Long enough for a kill to land inside the work.
SLOW = {"ADGEN_OFFLINE_DELAY_S": "1.5"}


class Desk:
    """A person at a browser, any part of which may die."""

    def __init__(self, browser: Browser, app: App) -> None:
        self.browser, self.app = browser, app
        self.context: BrowserContext
        self.page: Page
        self._open("/")

    def _open(self, address: str) -> None:
        self.context = self.browser.new_context(
            base_url=self.app.url, viewport={"width": 1280, "height": 720}
        )
        self.context.set_default_timeout(steps.SLOW_MS)
        self.page = self.context.new_page()
        steps.sign_in(self.page)
        self.page.goto(address)

    def kill_browser(self) -> None:
        """The browser is gone, with all that it had not said; another one opens the address."""
        address = self.page.url
        # Nothing of the page runs any more when a context is closed.
        self.context.close()
        self._open(address)

    def kill_web(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        """The web process dies and is started again; the page that was open finds it by itself."""
        os.kill(self.app.pid, signal.SIGKILL)
        assert self.app.process
        self.app.process.wait(10)
        meanwhile()
        self.app.start()

    def kill_worker(self) -> None:
        """The worker dies; its web process starts another one."""
        [worker] = [
            child
            for child in psutil.Process(self.app.pid).children()
            if "worker" in child.cmdline()
        ]
        worker.kill()
        until(self.app.healthy)


@pytest.fixture
def desk(browser: Browser, short_tmp: Path) -> Iterator[Desk]:
    app = App(short_tmp / "kills", env=SLOW).start()
    try:
        made = Desk(browser, app)
        yield made
        expect(made.page.get_by_test_id("stException")).to_have_count(0)
        made.context.close()
    finally:
        app.stop()


def to_the_pictures(desk: Desk) -> None:
    """From the brief to the pictures, with a kill in each."""
    steps.new_ad(desk.page)
    steps.prompt(desk.page).fill("Oak chair, morning light")
    desk.page.keyboard.press("Tab")
    steps.until_ad(desk.page, "drafts", {"product_prompt": "Oak chair, morning light"})
    desk.kill_web()
    expect(steps.prompt(desk.page)).to_have_value("Oak chair, morning light")
    desk.kill_browser()
    expect(steps.prompt(desk.page)).to_have_value("Oak chair, morning light")

    steps.button(desk.page, "Generate 6").click()
    steps.until_ad_has(desk.page, "images")
    desk.kill_worker()
    # Which picture comes first after a kill is up to the worker that took over.
    there = desk.page.locator(".tile:has(img)").first
    expect(there).to_be_visible(timeout=steps.SLOW_MS)
    first = int(there.locator(".keycap").inner_text())
    desk.page.keyboard.press(str(first))
    steps.until_ad_has(desk.page, "marks")
    desk.kill_browser()
    expect(desk.page.locator(".tile img")).to_have_count(6, timeout=steps.SLOW_MS)
    steps.until_ad(desk.page, "stage", "image_selection")
    ids = steps.ad_of(desk.page)["generated_image_ids"]
    approved = desk.page.locator(".tile[data-mark=approved]")
    expect(approved).to_have_count(1)

    # What is pressed while nobody answers is kept by the tab, and said when somebody does.
    second = first % 6 + 1
    desk.kill_web(lambda: desk.page.keyboard.press(str(second)))
    expect(approved).to_have_count(2)
    steps.until_ad(desk.page, "marks", {ids[n - 1]: "approved" for n in (first, second)})
    expect(steps.button(desk.page, "Continue with 2")).to_be_enabled()


def test_no_decision_is_lost_on_the_way_to_the_pictures(desk: Desk) -> None:
    to_the_pictures(desk)


@pytest.mark.drill
def test_no_decision_is_lost_on_the_way_to_the_film(desk: Desk) -> None:
    to_the_pictures(desk)
    steps.storyboard(desk.page, 2)
    steps.motion(desk.page).fill("Slow morning light")
    desk.page.keyboard.press("Tab")
    steps.until_ad(desk.page, "drafts", {"video_prompt": "Slow morning light"})
    desk.kill_browser()
    expect(steps.motion(desk.page)).to_have_value("Slow morning light")
    steps.button(desk.page, "Make 2 clips").click()
    steps.until_ad(desk.page, "stage", "clip_generation")
    desk.page.wait_for_url("**/clips?**")
    desk.kill_web()
    expect(desk.page.locator(".tile video")).to_have_count(2, timeout=steps.SLOW_MS)
    steps.until_ad(desk.page, "stage", "clip_selection")

    desk.page.keyboard.press("2")
    desk.page.keyboard.press("1")
    clips = steps.ad_of(desk.page)["generated_clip_ids"]
    steps.until_ad(desk.page, "clip_order", [clips[1], clips[0]])
    desk.kill_worker()
    desk.kill_web()
    desk.kill_browser()
    expect(desk.page.locator(".tile[data-mark=approved]")).to_have_count(2)
    steps.finish(desk.page, 2)
    assert steps.ad_of(desk.page)["clip_order"] == [clips[1], clips[0]]

    desk.page.get_by_label("Name on the opening card").fill("Oak & Clay")
    desk.page.keyboard.press("Tab")
    until(lambda: steps.ad_of(desk.page)["drafts"].get("product_name") == "Oak & Clay")
    desk.kill_browser()
    expect(desk.page.get_by_label("Name on the opening card")).to_have_value("Oak & Clay")
    steps.button(desk.page, "Render").click()
    desk.page.wait_for_url("**/final*")
    desk.kill_worker()
    desk.kill_browser()
    expect(desk.page.locator(".player video")).to_be_visible(timeout=steps.SLOW_MS)
    ad = steps.ad_of(desk.page)
    assert ad["text_overlay"]["product_name"] == "Oak & Clay"
    assert ad["final_video"]["metadata"]["clip_ids"] == [clips[1], clips[0]]
    costs = desk.context.request.get(f"/api/sessions/{steps.ad_id(desk.page)}/costs").json()
    made = [entry["agent_name"] for entry in costs["entries"] if entry["success"]]
    assert {agent: made.count(agent) for agent in made} == {
        "prompt_parser": 1,
        "image_generator": 6,
        "scene_planner": 1,
        "video_generator": 2,
        "compositor": 1,
    }
