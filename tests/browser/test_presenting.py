"""An ad is shown to a room, as a file, and to whoever has a link; driven by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, Route, expect

from adgen import decks
from adgen.commands import Commands
from adgen.domain import AdState, Aspect, AudioChoice, Genre, JobKind, Person, TextOverlay
from adgen.launch import Stack
from adgen.providers.photos import sample_photos
from tests.browser import steps
from tests.browser.conftest import open_page, watch
from tests.browser.test_flow import until_true
from tests.conftest import App, until
from tests.studio import environment
from tests.test_decks import HOSTILE, finished

pytestmark = pytest.mark.browser

HEADINGS = [
    *("Oak & Clay", "The brief", "Six pictures", "3 of 6 chosen"),
    *("Clip 1 of 3", "Clip 2 of 3", "Clip 3 of 3", "The film", "The film", "What it cost"),
]


@pytest.fixture(scope="module")
def ad(app: App) -> Iterator[AdState]:
    """A finished ad of the demo user's, with decisions of every kind."""
    with environment({"ADGEN_HOME": str(app.home)}):
        stack = Stack()
        stack.start(worker=False)
        try:
            person, _ = stack.demo_login()
            yield make_ad(stack.commands, person)
        finally:
            stack.stop()


def make_ad(commands: Commands, person: Person) -> AdState:
    ad_id = commands.create_ad(person).id

    def ended() -> AdState:
        until(lambda: not commands.load_ad(person, ad_id).working, 120, "the run's end")
        return commands.load_ad(person, ad_id)

    for name, data in sample_photos():
        commands.add_photo(person, ad_id, data, name)
    commands.start_images(person, ad_id, "Oak chair and stoneware cups, warm morning light")
    ended()
    # The take before is a file of the ad that the replay does not show.
    commands.regenerate(person, ad_id, JobKind.IMAGES, 5)
    images = [image.id for image in ended().images]
    commands.rename_ad(person, ad_id, "Oak & Clay")
    commands.approve_images(person, ad_id, images[:3])
    commands.set_marks(person, ad_id, {images[3]: "rejected"}, reasons={images[3]: "flaw"})
    commands.write_remark(person, ad_id, images[3], "The handle is too thick")
    commands.start_clips(person, ad_id, "Slow morning light, gentle push-in")
    commands.approve_clips(person, ad_id, [clip.id for clip in ended().clips])
    overlay = TextOverlay(product_name="Oak & Clay", cta="Shop the set")
    audio = AudioChoice(genre=Genre.CALM)
    commands.start_video(
        person, ad_id, overlay, audio, shapes=[Aspect.WIDE, Aspect.TALL]
    )  # fmt: skip
    return ended()


def present(page: Page, ad: AdState) -> None:
    page.goto(f"/api/sessions/{ad.id}/present")
    expect(heading(page)).to_have_text(HEADINGS[0])


def heading(page: Page) -> Locator:
    return page.locator(".slide:visible h1")


def here(page: Page, number: int) -> None:
    """The slide with this number, from 1, is shown, and the page says so."""
    expect(heading(page)).to_have_text(HEADINGS[number - 1])
    expect(page.locator("#place")).to_have_text(f"{number} / {len(HEADINGS)}")
    expect(page.locator("#dots [aria-current]")).to_have_attribute(
        "aria-label", f"Slide {number}: {HEADINGS[number - 1]}"
    )
    expect(page).to_have_url(re.compile(f"#{number}$"))


def seen(page: Page) -> None:
    """Every picture and clip of the slide is really there."""
    for image in page.locator(".slide:visible img").all():
        assert until_true(image, "image => image.complete && image.naturalWidth > 0")
    for video in page.locator(".slide:visible video").all():
        assert until_true(video, "video => video.readyState >= 2 && video.duration > 1")


def test_arrows_lead_through_the_whole_ad(signed_in: Page, ad: AdState) -> None:
    page = signed_in
    present(page, ad)
    expect(page.locator(".words:visible")).to_have_text(ad.product_prompt)
    for number in range(1, len(HEADINGS) + 1):
        here(page, number)
        seen(page)
        spent = page.locator("#spent")
        expect(spent).to_have_text("" if number == len(HEADINGS) else "$0.00 so far")
        page.keyboard.press("ArrowRight")
    here(page, len(HEADINGS))
    expect(page.locator(".sum")).to_have_text("$0.00")
    expect(page.locator(".steps:visible dt")).to_have_text(
        ["Brief", "Pictures", "Storyboard", "Clips", "Film"]
    )
    for number in range(len(HEADINGS) - 1, 0, -1):
        page.keyboard.press("ArrowLeft")
        here(page, number)


def test_decisions_are_seen_with_their_reasons(signed_in: Page, ad: AdState) -> None:
    page = signed_in
    page.goto(f"/api/sessions/{ad.id}/present#4")
    here(page, 4)
    expect(page.locator(".aside:visible")).to_have_text("1 rejected · 2 undecided")
    for word, count in (("Chosen", 3), ("Left out", 1), ("Undecided", 2)):
        expect(page.get_by_role("img", name=word, exact=True)).to_have_count(count)
    rejected = page.locator(".tile.rejected")
    expect(rejected).to_contain_text("flaw")
    expect(rejected).to_contain_text("The handle is too thick")
    assert rejected.locator("img").evaluate("img => getComputedStyle(img).opacity") == "0.3"


def test_every_key_clicks_and_a_reload_do_what_people_expect(signed_in: Page, ad: AdState) -> None:
    page = signed_in
    present(page, ad)
    for key, number in (
        ("PageDown", 2), (" ", 3), ("ArrowDown", 4), ("Shift+ ", 3), ("PageUp", 2), ("ArrowUp", 1),
        ("ArrowUp", 1), ("End", 10), ("ArrowDown", 10), ("Home", 1),
    ):  # fmt: skip
        page.keyboard.press(key)
        here(page, number)
    page.mouse.click(1000, 400)
    page.mouse.click(1000, 400)
    here(page, 3)
    page.mouse.click(200, 400)
    here(page, 2)
    page.get_by_role("button", name="Slide 6: Clip 2 of 3").click()
    here(page, 6)
    page.keyboard.press(" ")
    here(page, 7)
    page.reload()
    here(page, 7)

    page.keyboard.press("b")
    expect(page.locator("#black")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#black")).to_be_hidden()
    here(page, 7)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Full screen")
    page.keyboard.press("ArrowRight")
    here(page, 7)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement !== null")
    page.keyboard.press("f")
    page.wait_for_function("document.fullscreenElement === null")
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile(rf"/final\?ad={ad.id}$"))
    expect(page.get_by_role("link", name="Present")).to_be_visible()


def test_clips_and_film_play_by_themselves_unless_less_motion_is_wanted(
    signed_in: Page, ad: AdState
) -> None:
    page = signed_in
    page.goto(f"/api/sessions/{ad.id}/present#5")
    clip = page.locator(".slide:visible video")
    assert until_true(clip, "clip => clip.readyState >= 2")
    assert clip.evaluate("clip => clip.paused && clip.currentTime === 0")
    page.keyboard.press("p")
    assert until_true(clip, "clip => clip.currentTime > 0 && clip.muted && clip.loop")

    page.emulate_media(reduced_motion="no-preference")
    page.keyboard.press("ArrowRight")
    assert until_true(clip, "clip => clip.currentTime > 0")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    here(page, 8)
    film = page.locator(".slide:visible video")
    assert until_true(film, "film => film.currentTime > 0 && !film.muted")
    page.keyboard.press("m")
    assert film.evaluate("film => film.muted")
    page.get_by_role("button", name="Sound on").click()
    assert not film.evaluate("film => film.muted")
    page.get_by_role("slider", name="Position").click()
    assert until_true(film, "film => Math.abs(film.currentTime / film.duration - 0.5) < 0.2")
    page.keyboard.press("p")
    assert film.evaluate("film => film.paused")
    page.keyboard.press("ArrowRight")
    here(page, 9)
    assert page.evaluate(
        "[...document.querySelectorAll('.slide[hidden] video')].every(v => v.paused)"
    )


def test_swipes_and_a_phone_show_the_same(browser: Browser, app: App, ad: AdState) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with open_page(browser, app, **phone) as page:
        steps.sign_in(page)
        present(page, ad)
        for number in range(1, len(HEADINGS) + 1):
            here(page, number)
            seen(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            for box in page.locator(".slide:visible img, .slide:visible .frame").all():
                shape = box.bounding_box()
                assert shape
                assert shape["x"] >= 0
                assert shape["x"] + shape["width"] <= 391
            if number < len(HEADINGS):
                page.touchscreen.tap(340, 420)
        swipe(page, 60, 300)
        here(page, len(HEADINGS) - 1)
        swipe(page, 300, 60)
        here(page, len(HEADINGS))


def swipe(page: Page, start: int, end: int) -> None:
    touch = page.context.new_cdp_session(page)
    for kind, points in (
        ("touchStart", [{"x": start, "y": 500}]),
        ("touchMove", [{"x": end, "y": 505}]),
        ("touchEnd", []),
    ):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_an_exported_replay_opens_from_disk_without_a_network(
    browser: Browser, signed_in: Page, ad: AdState, tmp_path: Path
) -> None:
    page = signed_in
    page.goto(f"/final?ad={ad.id}")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Replay (.html)").click()
    assert download.value.suggested_filename == "Oak & Clay replay.html"
    file = tmp_path / "replay.html"
    download.value.save_as(file)

    alone = browser.new_context(offline=True, reduced_motion="reduce")
    problems, asked = watch(alone), addresses_of(alone)
    try:
        shown = alone.new_page()
        shown.goto(file.as_uri())
        for number in range(1, len(HEADINGS) + 1):
            here(shown, number)
            seen(shown)
            shown.keyboard.press("ArrowRight")
        shown.keyboard.press("ArrowLeft")
        shown.keyboard.press("p")
        film = shown.locator(".slide:visible video")
        assert until_true(film, "film => film.currentTime > 0")
        shown.get_by_role("slider", name="Position").fill("0.8")
        assert until_true(film, "film => film.currentTime > 0.7 * film.duration")
        assert shown.evaluate("document.fonts.check('16px Inter') && document.fonts.size > 0")
        expect(shown.locator("#close")).to_be_hidden()
        assert problems == []
        assert asked == [file.as_uri()]
    finally:
        alone.close()


def addresses_of(context: BrowserContext) -> list[str]:
    """What is asked for from now on, except what the document itself carries."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            asked.append(request.url)

    context.on("request", note)
    return asked


def test_a_link_is_made_copied_opened_by_a_stranger_and_ended(
    browser: Browser, app: App, signed_in: Page, ad: AdState
) -> None:
    page = signed_in
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/final?ad={ad.id}")
    page.get_by_role("button", name="Share").click()
    page.get_by_text("30 days").click()
    page.get_by_role("button", name="Create link").click()
    link = page.get_by_label("Link", exact=True)
    expect(link).to_have_value(re.compile(rf"^{app.url}/api/share/[\w-]{{43}}$"))
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    address = link.input_value()
    assert page.evaluate("navigator.clipboard.readText()") == address
    expect(page.get_by_text("not opened yet")).to_be_visible()

    with open_page(browser, app, viewport={"width": 1280, "height": 720}) as stranger:
        stranger.goto(address)
        # Without the cost there is one slide less.
        for words in HEADINGS[:-1]:
            expect(heading(stranger)).to_have_text(words)
            seen(stranger)
            stranger.keyboard.press("ArrowRight")
        expect(heading(stranger)).to_have_text("The film")
        assert "$" not in stranger.locator("body").inner_text()
        assert "The handle is too thick" not in stranger.content()
        stranger.keyboard.press("Escape")
        expect(heading(stranger)).to_have_text("The film")
        ask = stranger.context.request
        [unseen] = [take for take in ad.image_takes if take not in ad.images]
        assert ask.get(f"{address}/files/{ad.images[0].id}").ok
        assert ask.get(f"{address}/files/{unseen.id}").status == 404
        assert ask.get(f"/api/files/{ad.images[0].id}").status == 401
        assert ask.get(f"/api/sessions/{ad.id}/present").status == 401

        page.reload()
        page.get_by_role("button", name="Share").click()
        expect(page.get_by_text("opened once")).to_be_visible()
        expect(page.get_by_label("Link", exact=True)).to_have_count(0)
        page.get_by_role("button", name="End").click()
        expect(page.get_by_text("opened once")).to_have_count(0)
        assert ask.get(address).status == 404
        assert ask.get(f"{address}/files/{ad.images[0].id}").status == 404

    # Where a refusal is meant, it is no problem of the page.
    plain = browser.new_context(base_url=app.url)
    try:
        ended = plain.new_page()
        ended.goto(address)
        expect(ended.get_by_role("heading")).to_have_text("This link does not work any more")
        expect(ended.get_by_text("Ask whoever sent it")).to_be_visible()
    finally:
        plain.close()


def test_hostile_words_are_only_words(page: Page, commands: Commands, person: Person) -> None:
    empty = commands.create_ad(person)
    picture = sample_photos()[0][1]
    page.route("**/api/files/image-*", lambda route: route.fulfill(body=picture))
    page.route("**/api/files/photo-*", lambda route: route.fulfill(body=picture))
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    for words in HOSTILE:
        remarks = {f"image-{n}": words for n in range(6)}
        ad = finished(
            empty, title=words, product_prompt=f"{words} ", style_keywords=(words,),
            remarks=remarks, reject_reasons={"image-2": words},
            clips=(), videos=(), final_video=None,
        )  # fmt: skip
        show(page, decks.write(decks.tell(ad, None), decks.Door(files="/api/files/")))
        assert heading(page).evaluate("h1 => h1.textContent") == words
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        notes = page.locator(".slide:visible .note")
        expect(notes).to_have_count(6)
        assert notes.first.evaluate("note => note.textContent") == words
        assert page.locator("iframe, math, body > img, a").count() == 0
        assert page.evaluate("window.hurt") is None
        assert page.evaluate("document.querySelectorAll('script').length") == 2
        page.unroute("**/api/replay")


def show(page: Page, document: str) -> None:
    """The document as the server sends it."""

    def answer(route: Route) -> None:
        route.fulfill(body=document, headers={**decks.headers(), "Content-Type": "text/html"})

    page.route("**/api/replay", answer)
    page.goto("/api/replay")
