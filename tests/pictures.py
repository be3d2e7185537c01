"""Take the pictures in docs/pictures: `python -m tests.pictures [page ...]`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, StorageState, expect, sync_playwright

from tests.browser import steps
from tests.browser.conftest import launch_chromium, open_page
from tests.conftest import FULL, ROOT, App, clean_env
from tests.replicate_server import Fault, ReplicateServer

OUT = ROOT / "docs" / "pictures"
SIZES = ((1280, 720), (390, 844))
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
# Each page, and what is on it once it is there: something to see, something to read.
PAGES = {
    "ads": ("ads", ".poster img", "Your ads"),
    "brief": ("brief", ".photo-x", "What is the product?"),
    "images": ("images", ".tile img", "Continue with 3"),
    "storyboard": ("storyboard", "figure img", "How should it move?"),
    "clips": ("clips", ".tile video", "Continue with 3"),
    "finish": ("finish", ".frame video", "Name on the opening card"),
    "final": ("final", ".player video", "Make another"),
    "animatic": ("storyboard", "figure img", "How should it move?"),
    "finish-more": ("finish", ".frame video", "Name on the opening card"),
    "final-tall": ("final", ".player video", "Make another"),
    "ads-filter": ("ads", ".poster img", "Your ads"),
    "images-compare": ("images", ".tile img", "Continue with 3"),
    "images-edit": ("images", ".tile img", "Continue with 3"),
    "share": ("final", ".player video", "Make another"),
    # The replay: what is asked for, the six pictures, what was picked.
    "deck-brief": ("deck/2", "h1, h2, p", "Oak"),
    "deck-pictures": ("deck/3", "img", "pictures"),
    "deck-picks": ("deck/4", "img", "chosen"),
    "costs": ("costs?demo=true", "[data-testid=stPlotlyChart]", "By model"),
    "costs-calls": ("costs?demo=true&view=Calls", "[data-testid=stDataFrame]", "newest first"),
    "costs-bill": ("costs?demo=true&view=Reconcile", "[data-testid=stFileUploader]", "bill"),
    "settings": ("settings", "[data-testid=stDataFrame]", "Models and prices"),
    # Without photos: mock-ups, from two lines of words to the film.
    "studio-brief": ("brief", ".photos, [data-testid=stFileUploader]", "What is the product?"),
    "studio-images": ("images", ".tile img", "Continue with 3"),
    "studio-storyboard": ("storyboard", "figure img", "How should it move?"),
    "studio-clips": ("clips", ".tile video", "Continue with 3"),
    "studio-finish": ("finish", ".frame video", "Name on the opening card"),
    "studio-final": ("final", ".player video", "Make another"),
    # With hosted models.
    "hosted-brief": ("brief", "[data-testid=stSelectbox]", "Generate 6 images"),
    "hosted-queue": ("images", ".wait.starting", "Waiting for a machine"),
    "hosted-cold": ("images", ".wait.starting", "Generating image"),
    "hosted-failure": ("images", ".wait.failed", "Retry the missing 3"),
    "hosted-partial": ("images", ".tile img", "4 of 6 pictures are here"),
    "hosted-storyboard": ("storyboard", "figure img", "Model for the clips"),
    "hosted-clips": ("clips", ".tile video", "was used instead"),
    "hosted-costs": ("costs", "[data-testid=stPlotlyChart]", "By model"),
    "hosted-settings": ("settings", "[data-testid=stDataFrame]", "Models and prices"),
    # The last ones, since no ad can go on then.
    "hosted-hold": ("images", ".wait.missing", "Paused"),
    "hosted-hold-brief": ("brief", "[data-testid=stSelectbox]", "Paused"),
}
# What to do on a page before its picture is taken.
ACTS: dict[str, Callable[[Page], None]] = {
    "animatic": lambda page: page.get_by_role("radio", name="Animatic").click(),
    "finish-more": lambda page: page.get_by_text("More", exact=True).click(),
    "final-tall": lambda page: page.get_by_role("radio", name="9:16").click(),
    "ads-filter": lambda page: page.get_by_role("button", name="Filter").click(),
    "images-compare": lambda page: page.keyboard.press("v"),
    "images-edit": lambda page: page.keyboard.press("e"),
    "share": lambda page: page.get_by_role("button", name="Share").click(),
}
# Long enough to be still so when the last picture is taken.
LONG_S = 3600
# Six of them are a minute's work for two cores, and a machine may have other work.
RENDERED_MS = 600_000


def main(wanted: list[str]) -> int:
    """Take the wanted pictures, or all of them."""
    OUT.mkdir(parents=True, exist_ok=True)
    names = wanted or ["login", *PAGES]
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        if plain := [name for name in names if not name.startswith(("hosted", "studio"))]:
            take_offline(browser, plain)
        if mockups := [name for name in names if name.startswith("studio")]:
            take_studio(browser, mockups)
        if hosted := [name for name in PAGES if name in names and name.startswith("hosted")]:
            take_hosted(browser, hosted)
        browser.close()
    return 0


def take_offline(browser: Browser, wanted: list[str]) -> None:
    """Make one ad, then visit its pages in every size and scheme."""
    with running_app() as app:
        if any(name.startswith("costs") for name in wanted):
            demo_data(app)
        login, ad = make_ad(browser, app)
        for (width, height), scheme in product(SIZES, SCHEMES):
            look = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
            if "login" in wanted:
                with open_page(browser, app, **look) as page:
                    page.goto("/")
                    expect(page.get_by_label("E-mail")).to_be_visible()
                    take(page, "login", width, scheme)
            with open_page(browser, app, storage_state=login, **look) as page:
                for name in wanted:
                    if name != "login":
                        visit(page, name, ad)
                        take(page, name, width, scheme)


def take_studio(browser: Browser, wanted: list[str]) -> None:
    """Words, and then presses only, to a downloaded ad; then its pages likewise."""
    with running_app({"ADGEN_OFFLINE_LOOK": "studio"}) as app:
        login, ad = make_mockups(browser, app)
        for (width, height), scheme in product(SIZES, SCHEMES):
            look = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
            with open_page(browser, app, storage_state=login, **look) as page:
                for name in wanted:
                    visit(page, name, ad)
                    take(page, name, width, scheme)


def take_hosted(browser: Browser, wanted: list[str]) -> None:
    """Bring an ad into each state that only hosted models know, and visit it likewise."""
    seconds = {"text": 0.1, "image": 0.4, "clip": 0.6}
    with (
        ReplicateServer(seconds=seconds, starting_seconds=0.1) as fake,
        # A picture that is to be tried again stays so until it has been taken.
        running_app({**fake.env, "ADGEN_RETRY_WAIT_S": str(LONG_S)}) as app,
        open_page(browser, app, viewport={"width": 1280, "height": 720}) as page,
    ):
        steps.sign_in(page)
        for name in wanted:
            page.set_viewport_size({"width": 1280, "height": 720})
            ad = STATES[name](page, fake) if name in STATES else ""
            for (width, height), scheme in product(SIZES, SCHEMES):
                page.set_viewport_size({"width": width, "height": height})
                page.emulate_media(color_scheme=scheme)
                visit(page, name, ad)
                take(page, name, width, scheme)


@contextmanager
def running_app(env: Mapping[str, str] | None = None) -> Iterator[App]:
    """The app in a temporary home, which the built-in database's user can read."""
    with tempfile.TemporaryDirectory(prefix="adgen-p-") as folder:
        Path(folder).chmod(0o755)
        app = App(Path(folder) / "home", env={**FULL, **(env or {})}).start()
        try:
            yield app
        finally:
            app.stop()


def make_ad(browser: Browser, app: App) -> tuple[StorageState, str]:
    """One finished ad; gives the login and the ad's id."""
    with open_page(browser, app, viewport={"width": 1280, "height": 720}) as page:
        steps.sign_in(page)
        page.goto("/")
        steps.new_ad(page)
        steps.sample_images(page)
        for key in "axaa":
            page.keyboard.press(key)
        steps.storyboard(page, 3)
        steps.button(page, "Animatic").click()
        expect(page.locator(".player video")).to_be_visible(timeout=steps.SLOW_MS)
        steps.make_clips(page, 3)
        for key in "123":
            page.keyboard.press(key)
        steps.finish(page, 3)
        for label, words in WORDS.items():
            page.get_by_label(label).fill(words)
            page.keyboard.press("Tab")
        steps.button(page, "^9:16").click()
        steps.button(page, "^Draft").click()
        expect(page.get_by_text("made with these choices")).to_be_visible(timeout=steps.SLOW_MS)
        steps.render(page)
        return page.context.storage_state(), steps.ad_id(page)


def make_mockups(browser: Browser, app: App) -> tuple[StorageState, str]:
    """An ad without photos, to its download; gives the login and the ad's id."""
    look = {"viewport": {"width": 1280, "height": 720}, "accept_downloads": True}
    with open_page(browser, app, **look) as page:
        steps.sign_in(page)
        page.goto("/")
        steps.new_ad(page)
        steps.prompt(page).fill("pink tennis shoes")
        steps.button(page, "Generate 6").click()
        expect(page.locator(".tile img")).to_have_count(6, timeout=RENDERED_MS)
        steps.until_ad(page, "stage", "image_selection")
        for key in "axaa":
            page.keyboard.press(key)
        steps.storyboard(page, 3)
        steps.motion(page).fill("girl running in sun")
        steps.button(page, "Make 3 clips").click()
        expect(page.locator(".tile video")).to_have_count(3, timeout=RENDERED_MS)
        steps.until_ad(page, "stage", "clip_selection")
        for key in "123":
            page.keyboard.press(key)
        steps.finish(page, 3)
        steps.render(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download").first.click()
        assert download.value.path().stat().st_size > 0
        return page.context.storage_state(), steps.ad_id(page)


def demo_data(app: App) -> None:
    """A month of made-up ads."""
    command = [sys.executable, "-m", "adgen", "demo-data"]
    subprocess.run(command, cwd=ROOT, env=clean_env(app.home, **app.env), check=True)


def hosted_brief(page: Page, fake: ReplicateServer) -> str:
    """Words in a brief, nothing ordered yet."""
    page.goto("/")
    steps.new_ad(page)
    steps.prompt(page).fill("Pink tennis shoes with a white sole, sunny court")
    page.keyboard.press("Tab")
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    return steps.ad_id(page)


def hosted_queue(page: Page, fake: ReplicateServer) -> str:
    """Six pictures that wait for a machine."""
    fake.script(Fault.LONG_START, model="flux", times=6, seconds=LONG_S)
    return begin(page, "Blue enamel kettle on a gas stove", ".wait.starting", 6)


def hosted_cold(page: Page, fake: ReplicateServer) -> str:
    """Two pictures are there; of the others each is at another point."""
    for fault in (Fault.LONG_START, Fault.UNKNOWN_STATUS, Fault.INTERRUPTED, Fault.NSFW):
        fake.script(fault, model="flux", seconds=LONG_S)
    return begin(page, "Teal running jacket, wet city morning", ".tile img", 2)


def hosted_failure(page: Page, fake: ReplicateServer) -> str:
    """Three pictures of six are refused."""
    fake.script(Fault.NSFW, model="flux", times=3)
    return begin(page, "Red silk scarf, studio light", ".wait.failed", 3)


def hosted_partial(page: Page, fake: ReplicateServer) -> str:
    """Four pictures of six, from a plain plan."""
    fake.script(Fault.LLM_PROSE, times=2)
    fake.script(Fault.NSFW, model="flux", times=2)
    return begin(page, "Gold wristwatch on dark slate", ".wait.failed", 2)


def hosted_storyboard(page: Page, fake: ReplicateServer) -> str:
    """Three of six are chosen."""
    ad = begin(page, "Green ceramic planter, bright kitchen", ".tile img", 6)
    for key in "123":
        page.keyboard.press(key)
    steps.storyboard(page, 3)
    return ad


def hosted_clips(page: Page, fake: ReplicateServer) -> str:
    """Clips of the next model in line."""
    ad = hosted_storyboard(page, fake)
    fake.gone.add("stability-ai/stable-video-diffusion")
    steps.make_clips(page, 3)
    fake.gone.clear()
    return ad


def hosted_hold(page: Page, fake: ReplicateServer) -> str:
    """Three pictures are there when the credit ends."""
    fake.credit = True
    ad = hosted_failure(page, fake)
    fake.credit = False
    steps.button(page, "Retry the missing 3").click()
    expect(page.get_by_text("Paused")).to_be_visible()
    steps.until_ad(page, "stage", "failed")
    return ad


def begin(page: Page, words: str, shown: str, count: int) -> str:
    """Order pictures, and wait until so many of the tiles are so."""
    page.goto("/")
    steps.new_ad(page)
    steps.prompt(page).fill(words)
    steps.button(page, "Generate 6").click()
    expect(page.locator(shown)).to_have_count(count, timeout=steps.SLOW_MS)
    return steps.ad_id(page)


STATES: dict[str, Callable[[Page, ReplicateServer], str]] = {
    "hosted-brief": hosted_brief,
    "hosted-queue": hosted_queue,
    "hosted-cold": hosted_cold,
    "hosted-failure": hosted_failure,
    "hosted-partial": hosted_partial,
    "hosted-storyboard": hosted_storyboard,
    "hosted-clips": hosted_clips,
    "hosted-hold": hosted_hold,
    "hosted-hold-brief": hosted_hold,
}


def visit(page: Page, name: str, ad: str) -> None:
    """Open a page and wait until everything on it is there."""
    where, media, words = PAGES[name]
    path = "/" if where == "ads" else f"/{where}"
    if not where.startswith(("ads", "costs", "settings")):
        path += f"?ad={ad}"
    if where.startswith("deck/"):
        path = f"/api/sessions/{ad}/present#{where.removeprefix('deck/')}"
        # The number alone would not load it anew.
        page.goto("about:blank")
    page.goto(path)
    expect(page.get_by_text(words).first).to_be_visible()
    expect(page.locator(media).first).to_be_visible()
    page.wait_for_function(
        """() => {
            const all = (root) => [...root.querySelectorAll("*")].flatMap(
                (e) => [e, ...(e.shadowRoot ? all(e.shadowRoot) : [])]);
            return all(document).every((e) => (e.complete !== false || e.loading === "lazy")
                && !(e.preload !== "none" && (e.readyState < 2 || e.networkState === 2)));
        }"""
    )


WORDS = {
    "Name on the opening card": "Oak & Clay",
    "Call to action": "Shop the set",
    "Lower third": "Hand-made in Oaxaca",
}


def take(page: Page, name: str, width: int, scheme: str) -> None:
    """Keep what the window shows, once it has stopped moving."""
    if act := ACTS.get(name):
        act(page)
    page.wait_for_timeout(
        2500 if name.startswith(("final", "animatic")) else 700
    )  # the player's own ring fades slowly
    page.screenshot(path=OUT / f"{name}-{width}-{scheme}.png")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
