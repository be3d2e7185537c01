"""How quickly a library of ten thousand ads opens, beside an empty one, and what its SQL takes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import insert, text

from adgen.domain import Person, Scene, Stage, View
from adgen.providers.photos import sample_photos
from adgen.providers.storage import storage
from adgen.store import sessions
from adgen.store.database import Database
from adgen.store.tables import AdSession, Asset, now
from bench.figure import Figure
from tests.browser import steps
from tests.browser.conftest import launch_chromium, open_page
from tests.conftest import App, add_person
from tests.studio import environment

ADS = 10_000
ROUNDS = 9
SQL_ROUNDS = 30
WORDS = "a quiet kitchen in the morning, oak and stoneware, warm light on the table"


def figures() -> Iterator[Figure]:
    """Seconds to the first card, their ratio to an empty library's, and milliseconds of SQL."""
    with (
        tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as folder,
        running_app(Path(folder) / "home") as (app, database),
        sync_playwright() as playwright,
    ):
        owner = add_person(database, "owner@example.com")
        add_person(database, "newcomer@example.com")
        fill(database, Path(folder) / "home", owner)
        sql = _median(lambda: _ask(database, owner), SQL_ROUNDS)
        browser = launch_chromium(playwright)
        full, empty = _open(browser, app)
        browser.close()
    yield Figure("library_10k_open_s", full, 1.0, " s")
    # The cards' own pictures and markup are what may differ; work that grows with the library
    # would show here on any machine.
    yield Figure("library_10k_over_empty", full / empty, 1.5)
    yield Figure("library_10k_sql_ms", 1000 * sql, 30, " ms")


@contextmanager
def running_app(home: Path) -> Iterator[tuple[App, Database]]:
    """The running app on its built-in database, and a way into that."""
    home.parent.chmod(0o755)
    app = App(home).start()
    try:
        with app.database() as database:
            yield app, database
    finally:
        app.stop()


def fill(database: Database, home: Path, person: Person, count: int = ADS) -> None:
    """Give a person so many ads at every stage, each with two pictures and some with a film."""
    with environment({"ADGEN_HOME": str(home)}):
        photos = [storage().put(data, "image/jpeg").key for _, data in sample_photos()]
    ads = [_ad(number, person) for number in range(count)]
    files = [file for number, ad in enumerate(ads) for file in _files(number, ad, photos)]
    with database.begin() as db:
        films = [ad.pop("final_video_id") for ad in ads]
        db.execute(insert(AdSession), ads)
        db.execute(insert(Asset), files)
        update = text("UPDATE sessions SET final_video_id = :film WHERE id = :ad")
        pairs = zip(films, ads, strict=True)
        db.execute(update, [{"film": film, "ad": ad["id"]} for film, ad in pairs if film])
    # As the server itself would a minute later.
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _ad(number: int, person: Person) -> dict[str, Any]:
    made = now() - timedelta(minutes=37 * number)
    stage = list(Stage)[number % len(Stage)]
    images = [str(uuid4()), str(uuid4())]
    prompt = f"Product {number}, {WORDS}"
    return {
        **{"id": str(uuid4()), "user_id": person.id, "team_id": person.team_id},
        "stage": stage.value,
        **{"provider": "offline", "image_model": "offline/photos", "clip_model": "offline/camera"},
        **{"title": f"Ad {number}: Oak & Clay", "product": "stoneware", "product_prompt": prompt},
        "generated_image_ids": images,
        "prompts": [{"view": view.value, "prompt": f"{view} of {prompt}" * 2} for view in View],
        "scenes": [_scene(n, image, prompt) for n, image in enumerate(images, 1)],
        "total_cost": Decimal(number % 97) / 10,
        **{"created_at": made, "updated_at": made + timedelta(minutes=number % 50)},
        "final_video_id": str(uuid4()) if stage is Stage.COMPLETE else None,
    }


def _scene(number: int, image_id: str, words: str) -> dict[str, Any]:
    scene = Scene(
        image=number,
        image_id=image_id,
        description=words,
        motion_intensity=0.4,
        duration_seconds=3,
    )
    return scene.model_dump(mode="json")


def _files(number: int, ad: dict[str, Any], photos: list[str]) -> Iterator[dict[str, Any]]:
    film = [(ad["final_video_id"], "video", 0)] if ad["final_video_id"] else []
    pictures = [(asset, "image", slot) for slot, asset in enumerate(ad["generated_image_ids"])]
    for asset_id, kind, slot in [*pictures, *film]:
        yield {
            **{"id": asset_id, "session_id": ad["id"], "asset_type": kind, "slot": slot},
            **{"url": f"/api/files/{asset_id}", "storage_key": photos[number % len(photos)]},
            "content_type": "video/mp4" if kind == "video" else "image/jpeg",
            "details": {"product_prompt": ad["product_prompt"], "prompt": ad["product_prompt"]},
        }


def _ask(database: Database, person: Person) -> None:
    """What the wall asks for."""
    with database.begin() as db:
        assert len(sessions.list_ads(db, person)) == 24  # noqa: S101
        assert sessions.count_ads(db, person) == ADS  # noqa: S101


def _open(browser: Browser, app: App) -> tuple[float, float]:
    """Median seconds from the address to the first card, and to an empty library's panel.

    In turns, so that whatever else the machine does meets both.
    """
    look: dict[str, Any] = {"viewport": {"width": 1280, "height": 720}}
    with open_page(browser, app, **look) as full, open_page(browser, app, **look) as empty:
        steps.sign_in(full, "owner@example.com")
        steps.sign_in(empty, "newcomer@example.com")
        rounds = [
            (_first(full, ".poster img"), _first(empty, ".st-key-empty img"))
            for _ in range(ROUNDS + 2)
        ][2:]
    fulls, empties = zip(*rounds, strict=True)
    return statistics.median(fulls), statistics.median(empties)


def _first(page: Page, selector: str) -> float:
    """Seconds from the address until the first of these is there to see."""
    began = time.monotonic()
    page.goto("/", wait_until="commit")
    page.locator(selector).first.wait_for()
    took = time.monotonic() - began
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    return took


def _median(act: Callable[[], None], rounds: int) -> float:
    """Median seconds of doing this."""
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        act()
        took.append(time.monotonic() - began)
    return statistics.median(took)
