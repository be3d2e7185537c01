"""From a key on the light table to what is painted, and to the server's answer on the screen."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from bench.figure import Figure
from tests.browser import steps
from tests.browser.conftest import launch_chromium, open_page
from tests.conftest import App

ROUNDS = 30
# Measured inside the page, from the browser's own time of the key event to the frame after it.
WATCH = """
() => {
  const roots = [document];
  const find = (css) => {
    for (const root of roots) {
      const found = root.querySelector(css);
      if (found) return found;
    }
  };
  for (const { shadowRoot } of document.querySelectorAll("*")) {
    if (shadowRoot) roots.push(shadowRoot);
  }
  const painted = (then) => requestAnimationFrame(() => setTimeout(() => then(performance.now())));
  const grid = find(".grid");
  const words = () => document.querySelector(".st-key-next")?.innerText || label;
  window.times = { paint: [], answer: [] };
  let pressed = 0, waiting = false;
  const press = (event) => { pressed = event.timeStamp; waiting = true; };
  // On the window, before the table hears the key: what it paints then must not be missed.
  window.addEventListener("keydown", press, true);
  new MutationObserver(() => {
    if (waiting) { waiting = false; painted((at) => window.times.paint.push(at - pressed)); }
  }).observe(grid, { subtree: true, attributes: true, attributeFilter: ["data-mark"] });
  let label = "";
  label = words();
  new MutationObserver(() => {
    if (words() !== label) {
      label = words();
      painted((at) => window.times.answer.push(at - pressed));
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}
"""


def figures() -> Iterator[Figure]:
    """Medians over many presses, in milliseconds."""
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        app = App(Path(folder) / "home").start()
        try:
            with sync_playwright() as playwright:
                browser = launch_chromium(playwright)
                size = {"width": 1280, "height": 720}
                with open_page(browser, app, viewport=size) as page:
                    paint, answer = _press(page)
                browser.close()
        finally:
            app.stop()
    yield Figure("key_to_paint_ms", statistics.median(paint), 50, " ms")
    yield Figure("key_to_answer_ms", statistics.median(answer), 250, " ms")


def _press(page: Page) -> tuple[list[float], list[float]]:
    steps.sign_in(page)
    page.goto("/")
    page.get_by_role("button", name="New ad").first.click()
    steps.prompt(page).fill("Oak chair in morning light")
    steps.generate(page)
    page.keyboard.press("1")
    page.wait_for_timeout(1000)
    page.evaluate(WATCH)
    for _ in range(ROUNDS):
        # On and off again: each press changes the tile and the number on the button.
        page.keyboard.press("2")
        page.wait_for_timeout(600)
    times = page.evaluate("() => window.times")
    assert len(times["answer"]) > ROUNDS // 2, times  # noqa: S101
    return times["paint"], times["answer"]
