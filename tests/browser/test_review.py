"""The light table by keys, buttons, reloads and second tabs."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.conftest import App, until

pytestmark = pytest.mark.browser

MAIN = "document.querySelector('[data-testid=stMain]')"


def pictures(app: App) -> str:
    """An ad with six pictures, a copy of one that is made once in each app; gives its id."""
    if app.url not in _MADE:
        _MADE[app.url] = _make(app)
    with closing(app.client()) as client:
        copy = client.post(f"/api/sessions/{_MADE[app.url]}/duplicate").raise_for_status()
    return str(copy.json()["session_id"])


_MADE: dict[str, str] = {}


def _make(app: App) -> str:
    with closing(app.client()) as client:
        ad = client.post("/api/sessions/create").json()["session_id"]
        body = {"session_id": ad, "product_prompt": "Oak chair in morning light"}
        client.post("/api/generate-images", json=body).raise_for_status()
        _rest(app, ad, "image_selection")
    return str(ad)


def clips(app: App, count: int) -> str:
    """An ad with so many clips; gives its id."""
    ad = pictures(app)
    with closing(app.client()) as client:
        chosen = client.get(f"/api/sessions/{ad}").json()["generated_image_ids"][:count]
        for path, body in {
            "save-approved-images": {"approved_image_ids": chosen},
            "generate-clips": {"video_prompt": "Slow push-in"},
        }.items():
            client.post(f"/api/{path}", json={"session_id": ad, **body}).raise_for_status()
        _rest(app, ad, "clip_selection")
    return ad


def _rest(app: App, ad: str, stage: str) -> None:
    with closing(app.client()) as client:
        until(lambda: client.get(f"/api/sessions/{ad}").json()["stage"] == stage, 90, stage)


def open_images(page: Page, ad: str) -> list[str]:
    """The pictures on the light table; gives their ids."""
    page.goto(f"/images?ad={ad}")
    expect(page.locator(".tile img")).to_have_count(6)
    ids: list[str] = steps.ad_of(page)["generated_image_ids"]
    return ids


def press(page: Page, keys: str) -> None:
    for key in keys.split():
        page.keyboard.press(key)


def focused(page: Page) -> Locator:
    return page.locator(".tile[data-focus='1']")


def on_side(page: Page, name: str) -> Locator:
    """A button beside the table."""
    return page.locator(".side").get_by_role("button", name=re.compile(name))


def acknowledged(page: Page) -> int:
    """The number of the press that the server has answered last."""
    return int(page.locator(".review").get_attribute("data-seq") or 0)


def test_a_reason_is_one_key_and_undo_takes_back_everything(signed_in: Page, app: App) -> None:
    page = signed_in
    ids = open_images(page, pictures(app))
    press(page, "p t b f")
    reasons = ["wrong product", "garbled text", "off brand", "flaw"]
    said = dict(zip(ids, reasons, strict=False))
    steps.until_ad(page, "reject_reasons", said)
    steps.until_ad(page, "marks", dict.fromkeys(ids[:4], "rejected"))
    expect(page.locator(".tile .why")).to_have_text([*reasons, "", ""])
    expect(focused(page)).to_have_attribute("aria-label", "5, detail, undecided")

    # The same reason again is taken back, the rejection stays; another one takes its place.
    press(page, "ArrowLeft")
    expect(on_side(page, "flaw")).to_have_attribute("aria-pressed", "true")
    press(page, "f")
    steps.until_ad(page, "reject_reasons", dict(zip(ids[:3], reasons, strict=False)))
    expect(focused(page)).to_have_attribute("aria-label", "4, top, rejected")
    press(page, "b ArrowLeft ArrowLeft a")
    kept = {**dict.fromkeys(ids[:4], "rejected"), ids[2]: "approved"}
    steps.until_ad(page, "marks", kept)
    steps.until_ad(
        page, "reject_reasons", {ids[0]: reasons[0], ids[1]: reasons[1], ids[3]: "off brand"}
    )

    press(page, "z z z")
    steps.until_ad(page, "reject_reasons", said)
    press(page, "z z z z")
    steps.until_ad(page, "marks", {})
    expect(page.locator(".tile[data-mark=open]")).to_have_count(6)
    expect(on_side(page, "Undo")).to_be_disabled()


def test_each_key_is_a_button_too(signed_in: Page, app: App) -> None:
    page = signed_in
    ids = open_images(page, pictures(app))
    expect(page.locator(".count")).to_contain_text("need 2 more")
    on_side(page, "^Approve").click()
    on_side(page, "^Reject").click()
    on_side(page, "garbled text").click()
    on_side(page, "Previous").click()
    on_side(page, "^Undecided").click()
    page.locator(".tile").nth(4).click()
    expect(page.locator(".count")).to_have_text(
        "2 approvedenough to go on · 1 rejected · 3 undecided"
    )
    steps.until_ad(page, "marks", {ids[0]: "approved", ids[1]: "rejected", ids[4]: "approved"})
    on_side(page, "^Undo").click()
    steps.until_ad(page, "marks", {ids[0]: "approved", ids[1]: "rejected"})

    # What the mouse has pressed does not take the keys.
    on_side(page, "^Zoom").click()
    zoom = page.get_by_role("dialog", name="Large view")
    expect(zoom.locator("img")).to_be_visible()
    expect(zoom).to_contain_text("5 · Detail · undecided")
    press(page, "x")
    expect(zoom).to_contain_text("6 · Lifestyle · undecided")
    press(page, "ArrowLeft")
    expect(zoom).to_contain_text("5 · Detail · rejected")
    press(page, "Space")
    expect(zoom).to_be_hidden()
    on_side(page, "^Keys").click()
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("reject: wrong product")
    press(page, "?")
    expect(keys).to_be_hidden()
    for combination in ("Control+a", "Alt+x", "Meta+u"):
        press(page, combination)
    press(page, "ArrowRight a")
    kept = {ids[0]: "approved", ids[1]: "rejected", ids[4]: "rejected", ids[5]: "approved"}
    steps.until_ad(page, "marks", kept)


def test_two_are_held_against_each_other(signed_in: Page, app: App) -> None:
    page = signed_in
    ids = open_images(page, pictures(app))
    press(page, "6 3 2 ArrowRight ArrowRight v")
    dialog = page.get_by_role("dialog", name="Compare two")
    shots = dialog.locator(".shot p")
    # The nearest approved one is held against the focused one.
    expect(shots).to_have_text(["4 · Top · undecided", "3 · Back · approved"])
    mode = dialog.get_by_role("radio", checked=True)
    expect(mode).to_have_text("Side by side")
    press(page, "ArrowRight")
    expect(shots.nth(1)).to_have_text("5 · Detail · undecided")
    press(page, "ArrowLeft ArrowLeft")
    expect(shots.nth(1)).to_have_text("2 · Side · approved")
    press(page, "s")
    expect(shots).to_have_text(["2 · Side · approved", "4 · Top · undecided"])
    press(page, "t")
    expect(shots.nth(0)).to_have_text("2 · Side · rejected")
    dialog.locator(".shot").nth(1).click()
    expect(shots).to_have_text(["4 · Top · undecided", "2 · Side · rejected"])
    press(page, "a")
    kept = dict.fromkeys([ids[2], ids[3], ids[5]], "approved")
    steps.until_ad(page, "marks", {**kept, ids[1]: "rejected"})
    steps.until_ad(page, "reject_reasons", {ids[1]: "garbled text"})

    press(page, "m")
    expect(mode).to_have_text("Slider")
    divider = dialog.get_by_role("slider", name="Divider")
    expect(divider).to_be_focused()
    press(page, "ArrowLeft ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "46")
    box = dialog.locator(".shot").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 40)
    page.mouse.up()
    expect(divider).to_have_attribute("aria-valuenow", "80")
    press(page, "ArrowDown")
    expect(shots.nth(1)).to_have_text("3 · Back · approved")

    dialog.get_by_role("radio", name="Flip").click()
    expect(shots.nth(0)).to_be_visible()
    expect(shots.nth(1)).to_be_hidden()
    for key in ("Space", "v"):
        press(page, key)
        expect(shots.nth(0)).to_be_visible(visible=key == "v")
        expect(shots.nth(1)).to_be_visible(visible=key == "Space")
    press(page, "Escape")
    expect(dialog).to_be_hidden()
    expect(focused(page)).to_have_attribute("aria-label", "4, top, approved")


def test_one_more_take_needs_two_presses_and_the_earlier_one_comes_back(
    signed_in: Page, app: App
) -> None:
    page = signed_in
    ids = open_images(page, pictures(app))
    again = on_side(page, "^Regenerate ·")
    press(page, "2")
    # Anything else in between takes the first press back.
    for other in ("q", "ArrowRight ArrowLeft", "Escape"):
        press(page, "g")
        expect(again).to_contain_text("Regenerate · free · press G again")
        press(page, other)
        expect(again).to_have_text("Regenerate · freeG")
    press(page, "g")
    press(page, "g")
    steps.until_ad(page, "generated_image_ids", Other(ids, 1))
    steps.until_ad(page, "stage", "image_selection")
    new = steps.ad_of(page)["generated_image_ids"]
    expect(page.locator(".which")).to_contain_text("2 · Side · take 2 of 2")
    # It is a new picture: nobody has decided on it yet.
    expect(focused(page)).to_have_attribute("aria-label", "2, side, undecided")

    takes = page.locator(".takes")
    expect(takes).to_contain_text("Take 2 of 2")
    takes.get_by_role("button", name="Take 1: look and compare").click()
    dialog = page.get_by_role("dialog", name="Compare two")
    expect(dialog.locator(".shot p")).to_have_text(
        ["2 · Side · take 2, in use · undecided", "Side · take 1 of 2"]
    )
    seeds = [steps.ad_of(page)["consistency_seed"] + n for n in (1, 0)]
    for told, seed in zip(dialog.locator(".told > div").all(), seeds, strict=True):
        expect(told).to_contain_text(str(seed))
    press(page, "s")
    expect(dialog.locator(".shot p").first).to_have_text("Side · take 1 of 2")
    dialog.get_by_role("button", name="Use this take").click()
    steps.until_ad(page, "generated_image_ids", ids)
    expect(page.locator(".which")).to_contain_text("take 1 of 2")
    # What was decided on it is known again.
    expect(focused(page)).to_have_attribute("aria-label", "2, side, approved")
    assert new[1] != ids[1]


class Other:
    """Equals ids that differ from these in one place only."""

    def __init__(self, ids: list[str], place: int) -> None:
        self.ids, self.place = ids, place

    def __eq__(self, found: object) -> bool:
        assert isinstance(found, list)
        return [n for n, one in enumerate(found) if one != self.ids[n]] == [self.place]

    __hash__ = None  # type: ignore[assignment]


def test_new_words_outlast_polls_other_tiles_and_a_reload(signed_in: Page, app: App) -> None:
    page = signed_in
    ids = open_images(page, pictures(app))
    prompt = steps.ad_of(page)["prompts"][0]["prompt"]
    press(page, "e")
    editor = page.locator(".editor")
    words = editor.get_by_role("textbox", name="Prompt")
    expect(words).to_have_value(prompt)
    expect(words).to_be_focused()
    # Keys are letters here, and nothing is decided.
    words.fill("")
    words.press_sequentially("Axe 123 gg ?")
    editor.get_by_role("spinbutton", name="Seed").fill("424242")
    press(page, "Enter")
    assert steps.ad_of(page)["stage"] == "image_selection"
    page.locator(".tile").nth(3).click()
    expect(editor).to_be_hidden()
    press(page, "1")
    expect(words).to_have_value("Axe 123 gg ?")
    steps.until_ad(page, "marks", {ids[3]: "approved", ids[0]: "approved"})
    steps.until_ad(page, "drafts", {"edit_image_0": '{"text":"Axe 123 gg ?","seed":"424242"}'})

    page.reload()
    expect(words).to_have_value("Axe 123 gg ?")
    words.click()
    press(page, "Escape")
    expect(editor).to_be_hidden()
    steps.until_ad(page, "drafts", {})
    press(page, "e")
    expect(words).to_have_value(prompt)
    # An editor in which nothing was typed closes by itself.
    press(page, "Escape ArrowRight e")
    page.locator(".tile").nth(0).click()
    page.locator(".tile").nth(1).click()
    expect(editor).to_be_hidden()

    press(page, "ArrowLeft e")
    words.fill("A chair of cherry wood")
    editor.get_by_role("spinbutton", name="Seed").fill("7")
    press(page, "Control+Enter")
    assert steps.ad_of(page)["stage"] == "image_selection"
    editor.get_by_role("spinbutton", name="Seed").fill("424242")
    press(page, "Control+Enter")
    steps.until_ad(page, "generated_image_ids", Other(ids, 0))
    steps.until_ad(page, "drafts", {})
    ad = steps.ad_of(page)
    made = next(image for image in ad["images"] if image["id"] == ad["generated_image_ids"][0])
    assert made["metadata"]["prompt"] == "A chair of cherry wood"
    assert made["metadata"]["seed"] == 424242
    facts = page.locator(".facts")
    for fact in ("A chair of cherry wood", "424242", "Take 2 of 2"):
        expect(facts).to_contain_text(fact)
    expect(editor).to_be_hidden()


def test_a_note_is_kept_whatever_happens(signed_in: Page, app: App) -> None:
    page = signed_in
    ids = open_images(page, pictures(app))
    press(page, "ArrowRight n")
    note = page.get_by_role("textbox", name="Note on side")
    expect(note).to_be_focused()
    page.keyboard.type("Logo bigger: a, x, 3")
    press(page, "Control+Enter")
    steps.until_ad(page, "remarks", {ids[1]: "Logo bigger: a, x, 3"})
    expect(focused(page).locator(".noted")).to_be_visible()
    assert steps.ad_of(page)["marks"] == {}

    page.reload()
    expect(page.locator(".noted:visible")).to_have_count(1)
    press(page, "2 n")
    page.keyboard.type(" and then some")
    press(page, "Escape")
    expect(note).to_have_value("Logo bigger: a, x, 3")
    # Left by a look elsewhere, it is kept as well.
    page.locator(".tile").nth(5).focus()
    press(page, "n")
    page.keyboard.type("Too dark")
    page.locator(".tile").nth(0).click()
    kept = {ids[1]: "Logo bigger: a, x, 3", ids[5]: "Too dark"}
    steps.until_ad(page, "remarks", kept)
    press(page, "2 n Control+a Backspace Control+Enter")
    steps.until_ad(page, "remarks", {ids[5]: "Too dark"})
    expect(note).to_be_hidden()


def test_two_tabs_do_not_undo_each_other(signed_in: Page, app: App) -> None:
    page = signed_in
    ad = pictures(app)
    ids = open_images(page, ad)
    second = page.context.new_page()
    open_images(second, ad)
    press(page, "1 2")
    steps.until_ad(page, "marks", dict.fromkeys(ids[:2], "approved"))
    second.keyboard.press("3")
    second.keyboard.press("ArrowRight")
    second.keyboard.press("f")
    steps.until_ad(page, "marks", {**dict.fromkeys(ids[:3], "approved"), ids[3]: "rejected"})
    expect(second.locator(".tile[data-mark=approved]")).to_have_count(3)
    press(page, "z 5")
    marks = {ids[0]: "approved", ids[2]: "approved", ids[3]: "rejected", ids[4]: "approved"}
    steps.until_ad(page, "marks", marks)
    steps.until_ad(page, "reject_reasons", {ids[3]: "flaw"})


def test_what_is_refused_says_why_and_loses_no_word(signed_in: Page, app: App) -> None:
    page = signed_in
    ad = pictures(app)
    ids = open_images(page, ad)
    press(page, "e")
    words = page.locator(".editor").get_by_role("textbox", name="Prompt")
    words.fill("A chair of ash")
    # Meanwhile something is begun elsewhere, of which this page does not know yet.
    with closing(app.client()) as client:
        body = {"session_id": ad, "product_prompt": "Oak chair at noon"}
        client.post("/api/generate-images", json=body).raise_for_status()
    press(page, "Control+Enter")
    expect(page.get_by_test_id("stToast")).to_contain_text("busy already")
    expect(words).to_have_value("A chair of ash")
    steps.until_ad(page, "stage", "image_selection")
    expect(page.locator(".tile.making")).to_have_count(0)
    assert not set(steps.ad_of(page)["generated_image_ids"]) & set(ids)


def test_what_is_acknowledged_outlives_the_browser(signed_in: Page, app: App) -> None:
    page = signed_in
    ids = open_images(page, pictures(app))
    before = acknowledged(page)
    press(page, "1 2 x 4 5")
    expect(page.locator(".review")).to_have_attribute("data-seq", str(before + 5))
    kept = dict.fromkeys([ids[0], ids[3], ids[4]], "approved") | {ids[1]: "rejected"}
    assert steps.ad_of(page)["marks"] == kept


def test_clips_are_put_in_order_by_keys_and_by_hand(signed_in: Page, app: App) -> None:
    page = signed_in
    page.goto(f"/clips?ad={clips(app, 3)}")
    expect(page.locator(".tile video")).to_have_count(3)
    one, two, three = steps.ad_of(page)["generated_clip_ids"]
    press(page, "3 1 2")
    order = page.locator(".order")
    steps.until_ad(page, "clip_order", [three, one, two])
    expect(order.locator("li span")).to_have_text(["1 back", "2 front", "3 side"])
    # Two cards of a second, and joints of half a second.
    length = sum(clip["metadata"]["duration_seconds"] for clip in steps.ad_of(page)["clips"]) + 1
    expect(order).to_contain_text(f"film {length:.1f} s")
    press(page, "[ [ [")
    steps.until_ad(page, "clip_order", [two, three, one])
    press(page, "]")
    steps.until_ad(page, "clip_order", [three, two, one])
    order.locator("li", has_text="front").drag_to(order.locator("li", has_text="back"))
    steps.until_ad(page, "clip_order", [one, three, two])
    earlier = order.get_by_role("button", name="Move side earlier")
    earlier.click()
    steps.until_ad(page, "clip_order", [one, two, three])
    # A rejected one leaves the film, and undone it is where it was.
    press(page, "x")
    steps.until_ad(page, "clip_order", [one, three])
    press(page, "z")
    steps.until_ad(page, "clip_order", [one, two, three])
    press(page, "z z")
    steps.until_ad(page, "clip_order", [three, two, one])

    press(page, "v")
    dialog = page.get_by_role("dialog", name="Compare two")
    for clip in dialog.locator("video").all():
        expect(clip).to_have_js_property("muted", True)
        expect(clip).to_have_js_property("loop", True)
        expect(clip).to_have_js_property("paused", False)
    press(page, "Space")
    expect(dialog.locator("video").first).to_have_js_property("paused", True)
    press(page, "v Space")
    expect(page.get_by_role("dialog", name="Large view").locator("video")).to_have_js_property(
        "paused", False
    )
    press(page, "Escape e")
    scene = page.locator(".editor").get_by_role("textbox", name="Scene")
    scene.fill("The chair turns slowly")
    press(page, "Control+Enter")
    steps.until_ad(page, "generated_clip_ids", Other([one, two, three], 1))
    steps.until_ad(page, "stage", "clip_selection")
    expect(page.locator(".facts")).to_contain_text("The chair turns slowly")
    expect(page.locator(".facts")).to_contain_text("Take 2 of 2")


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_all_six_and_what_decides_are_in_sight(
    signed_in: Page, app: App, size: tuple[int, int]
) -> None:
    page = signed_in
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_images(page, pictures(app))
    shown: list[Any] = page.locator(".tile").all()
    shown += [
        on_side(page, name) for name in ("^Approve", "^Reject", "flaw", "^Undecided", "^Undo")
    ]
    for one in shown:
        expect(one).to_be_in_viewport(ratio=1)
    expect(steps.button(page, "Continue with 0")).to_be_in_viewport()
    assert page.evaluate(f"{MAIN}.scrollWidth") <= size[0]
    page.evaluate(f"{MAIN}.scrollTo(0, 9999)")
    for name in ("^Compare", "^Regenerate", "^Edit prompt", "^Note"):
        expect(on_side(page, name)).to_be_in_viewport()
