"""Twenty strings that want to be markup or script, in every field of every page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Dialog, FilePayload, Page, expect

from adgen.domain import AssetType, Brand, Person, Role, Stage
from adgen.store import assets, brands, sessions, tokens, users
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from tests.browser import steps
from tests.browser.conftest import open_page
from tests.browser.test_review import clips
from tests.conftest import PASSWORD, App

pytestmark = pytest.mark.browser

HOSTILE = [
    "<script>__xss=1</script>",
    "<img src=x onerror=__xss=1>",
    "<svg onload=__xss=1>",
    '"><b onmouseover=__xss=1>',
    "'><i onclick=__xss=1 x='",
    "</script><script>__xss=1//",
    "</style><svg/onload=__xss=1>",
    "</textarea><svg onload=__xss=1>",
    "[x](javascript:__xss=1)",
    "![x](//evil.example/x.png)",
    "<a href=javascript:__xss=1>x",
    "<iframe srcdoc=<svg/onload=1>>",
    "{{__xss=1}}${__xss=1}",
    "<math><a xlink:href=//evil>",
    "<style>*{color:red}</style>",
    "<base href=//evil.example>",
    "\u202e<svg onload=__xss=1>",
    ":red[x] **b** $x^2$ `y`",
    "<form action=//evil><button>x",
    "&lt;img src=x onerror=__xss=1&gt;",
]
HALVES = [" ".join(HOSTILE[:10]), " ".join(HOSTILE[10:])]
# What none of our pages has, but what one of the strings would make if it were read as markup.
INJECTED = """() => {
  const bad = [];
  const look = root => root.querySelectorAll("*").forEach(one => {
    const said = [...one.attributes].map(a => `${a.name}=${a.value}`);
    const leads = /^(xlink:)?(href|src|action)=(javascript:|(https?:)?\\/\\/evil|x$)/;
    const acts = said.some(a => /^(on|srcdoc)/.test(a)
      || /^(xlink:)?(href|src|action)=(javascript:|(https?:)?\\/\\/evil|x$)/.test(a));
    const tag = /^(base|iframe|math|embed|object)$/i.test(one.tagName);
    const script = one.tagName === "SCRIPT" && /__xss/.test(one.textContent)
      && one.type !== "application/json";
    const mark = one.matches(".katex, strong, a") && /^[bx]$/.test(one.textContent.trim());
    if (acts || tag || script || mark) bad.push(one.outerHTML.slice(0, 200));
    if (one.shadowRoot) look(one.shadowRoot);
  });
  look(document);
  return [bad, window.__xss];
}"""


@pytest.fixture(scope="module")
def ads(app: App) -> Iterator[list[str]]:
    """Two ads whose every word is hostile, of a person and a team that are so too."""
    made = [clips(app, 2), clips(app, 2)]
    with app.database() as database:
        who = _person(database)
        for ad, words in zip(made, HALVES, strict=True):
            _spoil(database, who, ad, words)
    yield made
    with closing(app.client()) as client:
        for ad in made:
            client.post(f"/api/sessions/{ad}/archive")


def _person(database: Database) -> Person:
    with database.begin() as db:
        email = "<img/src=x/onerror=__xss=1>@evil.example"
        who = users.add_user(db, email, PASSWORD, Role.ADMIN, HOSTILE[3] + HOSTILE[17])
        assert who
        for words in HOSTILE:
            tokens.add_token(db, who, words)
        brands.save_brand(db, who.team_id, Brand(cta=HALVES[0]))
    return who


def _spoil(database: Database, who: Person, ad: str, words: str) -> None:
    """Every text that a person or a model can write."""
    every = " ".join(HOSTILE)
    with database.begin() as db:
        row = sessions.lock_ad(db, ad)
        row.user_id, row.team_id, row.title = who.id, who.team_id, words
        row.product_prompt = row.video_prompt = row.product = every
        row.style_keywords, row.notes = list(HOSTILE), list(HOSTILE)
        row.prompts = [{**prompt, "prompt": every} for prompt in row.prompts]
        row.scenes = [{**scene, "description": every} for scene in row.scenes]
        row.text_overlay = dict.fromkeys(("product_name", "cta", "lower_third"), words)
        row.approved_clip_ids = row.clip_order = row.generated_clip_ids
        row.remarks = dict.fromkeys([*row.generated_image_ids, *row.generated_clip_ids], every)
        for kind in (AssetType.IMAGE, AssetType.CLIP):
            for asset in assets.list_assets(db, ad, kind):
                asset.details = {
                    **asset.details,
                    **dict.fromkeys(("prompt", "description", "product_prompt"), every),
                }
        film = NewAsset(
            asset_type=AssetType.VIDEO,
            storage_key=asset.storage_key,
            content_type="video/mp4",
            size_bytes=asset.size_bytes,
            details={**asset.details, "width": 1920, "height": 1080, "size_bytes": 1},
        )
        row.final_video_id = assets.add_asset(db, ad, film)
        row.video_ids = [row.final_video_id]
        photo = next(iter(assets.list_assets(db, ad, AssetType.IMAGE)))
        for slot, name in enumerate(HOSTILE[:6]):
            assets.add_asset(
                db,
                ad,
                NewAsset(
                    asset_type=AssetType.PHOTO,
                    storage_key=photo.storage_key,
                    content_type="image/jpeg",
                    size_bytes=photo.size_bytes,
                    slot=slot,
                    details={**photo.details, "name": name},
                ),
            )
        row.stage, row.failure = Stage.COMPLETE.value, None
        if words == HALVES[1]:
            row.stage, row.failed_stage = Stage.FAILED.value, Stage.CLIP_GENERATION.value
            row.failure = every


def drawn(page: Page) -> None:
    """The whole page is here, with the hostile words on it, and they are only words."""
    expect(page.get_by_text("onerror").first).to_be_attached()
    expect(page.locator("[data-test-script-state=notRunning]")).to_be_attached()
    nothing_came_of_it(page)


def nothing_came_of_it(page: Page) -> None:
    found, ran = page.evaluate(INJECTED)
    assert found == []
    assert ran is None


def reconciled(page: Page) -> None:
    """The same for a bill whose every word is hostile, in lines that are read and that are not."""
    page.goto("/costs?view=Reconcile")
    expect(page.get_by_text("Calls without a price")).to_be_visible()
    out = io.StringIO()
    lines = [(day, words, "1") for words in HOSTILE for day in ("2026-03-01", words)]
    csv.writer(out).writerows([("date", "model", "amount"), *lines])
    bill = FilePayload(
        name=f"{HOSTILE[1]}.csv", mimeType="text/csv", buffer=out.getvalue().encode()
    )
    page.locator("input[type=file]").set_input_files(bill)
    expect(page.get_by_text("Days that differ")).to_be_visible()
    drawn(page)


def test_what_looks_for_them_finds_them_where_they_are_markup(browser: Browser) -> None:
    tags = ("<script", "<img", "<svg", "<a ", "<iframe", "<math", "<base", "<form")
    for words in [one for one in HOSTILE if one.startswith(tags)]:
        page = browser.new_page()
        page.route("**", lambda route: route.abort())
        page.set_content(f"<p>{words}</p>")
        found, ran = page.evaluate(INJECTED)
        assert found or ran, words
        page.close()


def test_no_words_become_markup_or_script_on_any_page(
    browser: Browser, app: App, ads: list[str], tmp_path: Path
) -> None:
    asked: list[str] = []
    dialogs: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with open_page(browser, app, viewport={"width": 1280, "height": 720}) as page:
        page.context.on("request", lambda request: asked.append(request.url))
        page.on("dialog", dismissed)
        steps.sign_in(page, "<img/src=x/onerror=__xss=1>@evil.example")
        for ad in ads:
            for step in ("brief", "images", "storyboard", "clips", "finish", "final"):
                page.goto(f"/{step}?ad={ad}")
                drawn(page)
            page.goto(f"/api/sessions/{ad}/present")
            expect(page.get_by_text("onerror").first).to_be_attached()
            for _ in range(6):
                page.keyboard.press("ArrowRight")
            nothing_came_of_it(page)
        for path in ("/", "/costs", "/costs?view=Calls", "/settings", f"/?q={HOSTILE[1]}"):
            page.goto(path)
            drawn(page)
        reconciled(page)
        share = page.context.request.post(
            f"/api/sessions/{ads[0]}/shares", data={"shows_cost": True}
        ).json()["path"]
        page.goto(share)
        nothing_came_of_it(page)
        exported = tmp_path / "replay.html"
        answer = page.context.request.get(f"/api/sessions/{ads[0]}/deck.html")
        exported.write_bytes(answer.body())
        page.goto(exported.as_uri())
        nothing_came_of_it(page)
    assert dialogs == []
    assert [url for url in asked if urlsplit(url).hostname not in ("localhost", None)] == []
