"""Prompts, scenes and music in a browser: read, heard, changed, kept, and nothing jumps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ElementHandle, FilePayload, Locator, Page, expect

from adgen.domain import Genre
from adgen.providers import music
from tests.browser import steps
from tests.browser.conftest import open_page
from tests.conftest import App
from tests.replicate_server import ReplicateServer
from tests.studio import QUICK

pytestmark = pytest.mark.browser

VIEWS = ("Front", "Side", "Back", "Top", "Detail", "Lifestyle")
PLAYS = "sound => !sound.paused && sound.currentTime > 0"


@pytest.fixture(scope="module")
def hosted(short_tmp: Path) -> Iterator[App]:
    """Hosted models that take a while over their words."""
    with ReplicateServer(seconds={"text": 2, "image": 0.2, "clip": 0.3}) as fake:
        made = App(short_tmp / "plans-ui", env={**fake.env, **QUICK}).start()
        yield made
        made.stop()


@pytest.fixture
def hosted_page(browser: Browser, hosted: App) -> Iterator[Page]:
    """An empty brief for hosted models."""
    with open_page(browser, hosted, viewport={"width": 1280, "height": 720}) as opened:
        steps.sign_in(opened)
        opened.goto("/")
        steps.new_ad(opened)
        yield opened


def top(locator: Locator) -> float:
    """How far down the window something is, whole pixels."""
    box = locator.bounding_box()
    assert box
    return round(box["y"])


def type_in(field: Locator, words: str) -> None:
    field.fill(words)
    field.press("Tab")


def test_prompts_and_scenes_are_read_changed_and_then_made(hosted_page: Page) -> None:
    page = hosted_page
    type_in(steps.prompt(page), "pink tennis shoes on clay")
    corner = steps.button(page, "Generate 6 images")
    at, fields = top(corner), [page.get_by_label(view, exact=True) for view in VIEWS]
    steps.button(page, r"Write the prompts first · ~\$0\.001").click()
    expect(page.get_by_text("The prompts are being written")).to_be_visible()
    waiting = page.get_by_test_id("stGrid")
    expect(waiting).to_be_visible()
    place, form = top(waiting), top(steps.prompt(page))
    for field in fields:
        expect(field).to_be_visible(timeout=steps.SLOW_MS)
    assert (top(page.get_by_test_id("stGrid")), top(steps.prompt(page))) == (place, form)
    assert top(corner) == at
    seed = page.get_by_label("Seed", exact=True)
    expect(seed).to_have_value(str(steps.ad_of(page)["consistency_seed"]))

    type_in(fields[2], "The shoes from behind, at dusk")
    type_in(seed, "424242")
    steps.until_ad(
        page, "drafts", {"prompt_back": "The shoes from behind, at dusk", "seed": "424242"}
    )
    page.reload()
    expect(fields[2]).to_have_value("The shoes from behind, at dusk")
    second = page.context.new_page()
    second.goto(page.url)
    expect(second.get_by_label("Back", exact=True)).to_have_value("The shoes from behind, at dusk")
    second.close()

    type_in(fields[0], "")
    corner.click()
    alert = page.get_by_test_id("stAlert")
    expect(alert).to_contain_text("The front prompt needs at least 3 characters.")
    expect(alert).to_be_in_viewport()
    type_in(fields[0], "The shoes, straight on")
    expect(alert).to_have_count(0)
    steps.generate(page)
    made = steps.ad_of(page)["images"]
    assert made[0]["metadata"]["prompt"] == "The shoes, straight on"
    assert made[2]["metadata"]["prompt"] == "The shoes from behind, at dusk"
    assert {image["metadata"]["seed"] for image in made} == {424242}

    page.keyboard.press("1")
    page.keyboard.press("3")
    steps.storyboard(page, 2)
    direct(page)


def direct(page: Page) -> None:
    """The storyboard's half: words by one click, scenes, one of them changed after its clip."""
    steps.button(page, "Use “").click()
    expect(steps.motion(page)).not_to_have_value("")
    corner = steps.button(page, r"Make 2 clips · ~\$1\.60")
    at = top(corner)
    steps.button(page, "Write the scenes first").click()
    expect(page.get_by_text("The scenes are being written")).to_be_visible()
    front = page.get_by_label("How the front view moves")
    expect(front).to_be_visible(timeout=steps.SLOW_MS)
    assert top(corner) == at
    corner.click()
    expect(page.locator(".tile video")).to_have_count(2, timeout=steps.SLOW_MS)
    steps.until_ad(page, "stage", "clip_selection")
    before = steps.ad_of(page)["generated_clip_ids"]

    page.get_by_role("button", name="Storyboard, done").click()
    expect(steps.button(page, r"Make 2 new clips · ~\$1\.60")).to_be_visible()
    type_in(front, "It turns once around itself")
    expect(page.get_by_text("1 clip is up to date and stays")).to_be_visible()
    page.reload()
    expect(front).to_have_value("It turns once around itself")
    steps.button(page, r"Make 1 clip · ~\$0\.80").click()
    steps.until_ad(page, "stage", "clip_generation")
    steps.until_ad(page, "stage", "clip_selection")
    after = steps.ad_of(page)
    assert after["generated_clip_ids"][0] != before[0]
    assert after["generated_clip_ids"][1] == before[1]
    assert after["clips"][0]["metadata"]["description"] == "It turns once around itself"


def plays(page: Page, piece: str) -> ElementHandle:
    """Wait until this piece is heard; gives the page's one sound."""
    [sound] = page.locator("audio").element_handles()
    page.wait_for_function(PLAYS, arg=sound)
    assert sound.get_attribute("src") == piece
    return sound


def url(piece: music.Track) -> str:
    return f"/api/music/{piece.id}"


def test_music_is_heard_and_chosen(signed_in: Page) -> None:
    page = signed_in
    page.goto("/")
    steps.new_ad(page)
    steps.prompt(page).fill("Oak chair, morning light")
    steps.generate(page)
    page.keyboard.press("1")
    page.keyboard.press("2")
    steps.storyboard(page, 2)
    steps.make_clips(page, 2)
    page.keyboard.press("1")
    steps.finish(page, 1)

    upbeat, calm = music.tracks(Genre.UPBEAT), music.tracks(Genre.CALM)
    pieces = page.locator(".music")
    pick = music.pick_track(Genre.UPBEAT, steps.ad_of(page)["consistency_seed"])
    expect(pieces.get_by_role("radio", name=pick.title)).to_be_checked()
    every = [piece for genre in Genre for piece in music.tracks(genre)]
    expect(pieces.get_by_role("radio")).to_have_count(len(every) + 2)
    expect(pieces.locator(".length").first).to_have_text("0:31")

    pieces.get_by_role("button", name="Play Upbeat 1").click()
    plays(page, url(upbeat[0]))
    assert "music" not in steps.ad_of(page)["drafts"]
    pieces.get_by_role("button", name="Play Calm 2").click()
    plays(page, url(calm[1]))
    expect(pieces.locator(".row.playing")).to_have_count(1)
    pieces.get_by_role("radio", name="Calm 2").click()
    steps.until_ad(page, "drafts", {"music": calm[1].id})
    plays(page, url(calm[1]))

    # As in any radio group, arrows choose; what plays goes along, and Space ends it.
    page.keyboard.press("ArrowDown")
    steps.until_ad(page, "drafts", {"music": calm[2].id})
    plays(page, url(calm[2]))
    page.keyboard.press("Space")
    expect(pieces.locator(".row.playing")).to_have_count(0)
    page.keyboard.press("Space")
    plays(page, url(calm[2]))
    page.reload()
    expect(pieces.get_by_role("radio", name="Calm 3")).to_be_checked()

    slider = page.get_by_role("slider", name="Volume of the music")
    pieces.get_by_role("button", name="Play Calm 3").click()
    heard = plays(page, url(calm[2]))
    slider.press("Home")
    page.wait_for_function("sound => sound.volume === 0", arg=heard)
    page.get_by_role("button", name="Clips, done").click()
    expect(page.locator(".tile video")).to_have_count(2)
    assert page.evaluate("sound => sound.paused", heard)
    steps.finish(page, 1)


def test_an_own_file_is_heard_too_and_fits_a_phone(signed_in: Page) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    steps.new_ad(page)
    steps.prompt(page).fill("Oak chair, morning light")
    steps.generate(page)
    tiles = page.locator(".tile")
    tiles.nth(0).click()
    tiles.nth(1).click()
    steps.storyboard(page, 2)
    steps.make_clips(page, 2)
    tiles.nth(0).click()
    steps.finish(page, 1)
    page.get_by_role("radio", name="Your own file").click()
    expect(page.get_by_text("Choose a music file")).to_be_visible()
    expect(steps.button(page, "Render")).to_be_disabled()
    track = music.tracks(Genre.HAPPY)[0]
    song: FilePayload = {
        "name": "our song.ogg", "mimeType": "audio/ogg", "buffer": track.path.read_bytes(),
    }  # fmt: skip
    page.locator("input[type=file]").set_input_files(song)
    expect(page.get_by_role("radio", name=re.compile("our song.ogg"))).to_be_checked()
    own = steps.ad_of(page)["drafts"]["own_music"]
    page.get_by_role("button", name="Play Your own file").click()
    plays(page, f"/api/files/{own}")
    expect(steps.button(page, "Render")).to_be_enabled()
    for row in page.locator(".music .row").all()[:4]:
        box = row.bounding_box()
        assert box
        assert box["height"] >= 40
    wide = "document.querySelector('[data-testid=stMain]').scrollWidth"
    assert page.evaluate(wide) <= 390
