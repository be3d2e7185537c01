"""Take the pictures in docs/pictures: `python -m tests.pictures [page ...]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, expect, sync_playwright

from tests.browser import steps
from tests.browser.conftest import launch_chromium, open_page
from tests.conftest import ROOT, App

OUT = ROOT / "docs" / "pictures"
SIZES = ((1280, 720), (390, 844))
SCHEMES = ("dark", "light")
# Each page, and what is on it once it is there.
PAGES = {
    "ads": (".poster img", "Your ads"),
    "brief": (".photo-x", "What is the product?"),
    "images": (".tile img", "Continue with 3"),
    "storyboard": ("figure img", "How should it move?"),
    "clips": (".tile video", "Continue with 3"),
    "finish": ("figure video", "Name on the opening card"),
    "final": (".player video", "Make another"),
    "costs": ("[data-testid=stPlotlyChart]", "By model"),
    "settings": ("[data-testid=stDataFrame]", "Models and prices"),
}


def main(wanted: list[str]) -> int:
    """Make one ad, then visit its pages in every size and scheme."""
    OUT.mkdir(parents=True, exist_ok=True)
    with running_app() as app, sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        login, ad = make_ad(browser, app)
        for (width, height), scheme in product(SIZES, SCHEMES):
            look = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
            if not wanted or "login" in wanted:
                with open_page(browser, app, **look) as page:
                    page.goto("/")
                    expect(page.get_by_label("E-mail")).to_be_visible()
                    take(page, "login", width, scheme)
            with open_page(browser, app, storage_state=login, **look) as page:
                for name in wanted or PAGES:
                    visit(page, name, ad)
                    take(page, name, width, scheme)
        browser.close()
    return 0


@contextmanager
def running_app() -> Iterator[App]:
    """The app in a temporary home, which the built-in database's user can read."""
    with tempfile.TemporaryDirectory(prefix="adgen-p-") as folder:
        Path(folder).chmod(0o755)
        app = App(Path(folder) / "home").start()
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
        steps.make_clips(page, 3)
        for key in "123":
            page.keyboard.press(key)
        steps.finish(page, 3)
        steps.render(page)
        return page.context.storage_state(), steps.ad_id(page)


def visit(page: Page, name: str, ad: str) -> None:
    """Open a page and wait until everything on it is there."""
    path = {"ads": "/", "costs": "/costs", "settings": "/settings"}.get(name, f"/{name}?ad={ad}")
    media, words = PAGES[name]
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


def take(page: Page, name: str, width: int, scheme: str) -> None:
    """Keep what the window shows, once it has stopped moving."""
    page.wait_for_timeout(2500 if name == "final" else 700)  # the player's own ring fades slowly
    page.screenshot(path=OUT / f"{name}-{width}-{scheme}.png")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
