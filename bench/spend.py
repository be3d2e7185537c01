"""What the cost page asks of a million calls, and how soon it is there.

ADGEN_BENCH_CALLS=10000000 takes another ledger, of as many days and people, which may take twice
the time. The figures are then of that size, the page's too, and are named by it.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright
from sqlalchemy import text

from adgen.domain import Outcome, Person, Role, SpendFilter
from adgen.reconcile import compare
from adgen.store import costs, rollup, sessions, spend
from adgen.store.database import Database
from adgen.store.spend_ask import Ask
from adgen.store.tables import now
from bench.figure import Figure
from bench.library import running_app
from tests.browser import steps
from tests.browser.conftest import launch_chromium, open_page
from tests.conftest import App, add_person

CALLS = int(os.environ.get("ADGEN_BENCH_CALLS", "1000000"))
CALLS_OF_AN_AD = 15
PEOPLE, TEAMS, DAYS = 50, 5, 365
ROUNDS = 12
SETTLED = 100
OPENED = 7

# Fifteen calls of an ad: a plan, eight pictures of two models, a storyboard, four clips, a cut.
_FILL = f"""
SET session_replication_role = replica;
INSERT INTO teams (name, created_at) SELECT 'Team ' || n, now() FROM generate_series(1, {TEAMS}) n;
INSERT INTO users (email, password_hash, role, team_id, failed_logins, created_at)
    SELECT 'person' || n || '@example.com', '', 'editor',
        (SELECT id FROM teams WHERE name = 'Team ' || n % {TEAMS} + 1), 0, now()
    FROM generate_series(1, {PEOPLE}) n;
CREATE TABLE people_of_bench AS SELECT row_number() OVER () AS place, id, team_id FROM users
    WHERE email LIKE 'person%';
INSERT INTO sessions (id, user_id, team_id, stage, product_prompt, video_prompt, style_keywords,
        generated_image_ids, approved_image_ids, generated_clip_ids, approved_clip_ids, clip_order,
        total_cost, created_at, updated_at, title, provider, image_model, clip_model, aspect,
        product, prompts, scenes, marks, drafts, text_overlay, audio, cut, shapes, video_ids, notes,
        reject_reasons, remarks, seeds, demo, final_video_id)
    SELECT 'ad-' || n, p.id, p.team_id, 'complete', 'Oak chair', '', '[]', '[]',
        jsonb_build_array('ad-' || n || '/2', 'ad-' || n || '/3', 'ad-' || n || '/5'), '[]',
        jsonb_build_array('ad-' || n || '/11', 'ad-' || n || '/12'), '[]', 0, t.at, t.at,
        'Ad ' || n, 'replicate', 'm', 'm', '16:9', '', '[]', '[]', '{{}}', '{{}}', '{{}}', '{{}}',
        '{{}}', '[]', '[]', '[]', '{{}}', '{{}}', '{{}}', n % 20 = 0,
        CASE WHEN n % 3 > 0 THEN 'ad-' || n || '/14' END
    FROM generate_series(0, :ads - 1) n
    JOIN people_of_bench p ON p.place = 1 + n::bigint * 7919 % {PEOPLE}
    CROSS JOIN LATERAL (SELECT now() - interval '{DAYS} days' * (n::float / :ads) AS at) t;
CREATE TABLE calls_of_bench AS
    SELECT s.id AS ad, s.created_at + interval '20 seconds' * c AS at, c, s.id || '/' || c AS key,
        CASE WHEN c = 0 THEN 'prompt_parser' WHEN c < 9 THEN 'image_generator'
            WHEN c = 9 THEN 'scene_planner' WHEN c < 14 THEN 'video_generator'
            ELSE 'compositor' END AS agent,
        CASE WHEN c IN (0, 9) THEN 'meta/meta-llama-3.1-70b-instruct'
            WHEN c < 7 THEN 'black-forest-labs/flux-pro'
            WHEN c < 9 THEN 'black-forest-labs/flux-1.1-pro'
            WHEN c < 12 THEN 'wan-video/wan-2.2-i2v-fast'
            WHEN c < 14 THEN 'bytedance/seedance-1-lite' ELSE 'adgen/cut' END AS model,
        hashtext(s.id || '/' || c) & 1023 AS luck
    FROM sessions s CROSS JOIN generate_series(0, {CALLS_OF_AN_AD - 1}) c WHERE s.id LIKE 'ad-%';
INSERT INTO predictions (key, session_id, job_id, agent, model, inputs, files, status, created_at)
    SELECT key, ad, ad || '-' || agent, agent, model, '{{}}', '{{}}', 'succeeded', at
    FROM calls_of_bench;
INSERT INTO generation_costs (session_id, agent_name, model_used, cost_usd, duration_seconds,
        success, error_message, created_at, prediction_key, unit, quantity, unit_price, price_since,
        settled_at, estimated_usd, reported_quantity)
    SELECT ad, agent, model, CASE WHEN luck < 8 THEN NULL ELSE 0.003 * (1 + luck % 90) END,
        2 + luck % 40, luck > 50, CASE WHEN luck > 50 THEN NULL ELSE 'It was refused' END, at, key,
        'run', 1, 0.05, '2026-11-24', at + interval '9 seconds', 0.05,
        CASE WHEN luck % 40 > 0 AND agent <> 'compositor' THEN 1 END
    FROM calls_of_bench ORDER BY at;
INSERT INTO assets (id, session_id, asset_type, url, metadata, cost, model_used, generation_time,
        created_at, storage_key, content_type, size_bytes, slot, prediction_key)
    SELECT key, ad, CASE WHEN c < 9 THEN 'image' ELSE 'clip' END, '',
        '{{"duration_seconds": 3.0}}', 0.05, model, 4, at, 'aa/x', 'image/jpeg', 1, c % 6, key
    FROM calls_of_bench WHERE agent IN ('image_generator', 'video_generator') AND luck > 50;
INSERT INTO jobs (id, session_id, kind, status, done, total, percent, message, slots,
        estimated_cost, reserved, created_at, finished_at)
    SELECT ad || '-' || agent, ad, 'images', 'done', 1, 1, 100, '', '{{}}', 0.3, 0, min(at), max(at)
    FROM calls_of_bench WHERE agent = 'image_generator' GROUP BY ad, agent;
DROP TABLE calls_of_bench, people_of_bench;
UPDATE sessions s SET total_cost = c.total FROM (
    SELECT session_id, coalesce(sum(cost_usd), 0) AS total FROM generation_costs GROUP BY 1
) c WHERE c.session_id = s.id;
SET session_replication_role = DEFAULT;
-- A worker may have added up the ledger meanwhile, and nothing told it of these.
DELETE FROM spend_zone;
"""


def figures() -> Iterator[Figure]:
    """Milliseconds of all that the page asks, against the ledger itself; seconds to its charts."""
    with (
        tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as folder,
        running_app(Path(folder) / "home") as (app, database),
    ):
        analyst = add_person(database, "analyst@example.com", Role.ANALYST)
        fill(database, CALLS)
        rollup.prepare(database, "UTC")
        vacuum(database)
        name, more = f"spend_{CALLS / 1_000_000:g}m", 1 if CALLS <= 1_000_000 else 2
        took = sorted(t for asked in questions() for t in _rounds(database, analyst, asked))
        raw = sorted(_ask(database, analyst, asked, cells=False) for asked in questions())
        checks = sorted(_check(database, analyst, asked) for asked in questions()[:3] * ROUNDS)
        yield Figure(f"{name}_sql_p95_ms", 1000 * _p95(took), 150 * more, " ms")
        yield Figure(f"{name}_reconcile_p95_ms", 1000 * _p95(checks), 150 * more, " ms")
        yield Figure(f"{name}_sql_over_raw", statistics.median(took) / statistics.median(raw), 0.5)
        yield Figure(f"{name}_settle_over_bare", _settling(database), 2)
        yield Figure(f"{name}_open_s", _open(app), 1.5 * more, " s")


def _p95(took: list[float]) -> float:
    return took[int(len(took) * 0.95)]


def fill(database: Database, calls: int) -> None:
    """So many calls of a year, as the worker would have left them."""
    ads = calls // CALLS_OF_AN_AD
    with database.engine.begin() as connection:
        for statement in _FILL.replace(":ads", str(ads)).split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement.replace("%", "%%"))


def vacuum(database: Database) -> None:
    """As the server itself would a minute later."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def questions() -> list[SpendFilter]:
    """What people ask: the last month, longer, everything, and narrowed in each way."""
    today = now().date()
    month, quarter = (today - timedelta(days=days) for days in (29, 89))
    return [
        SpendFilter(since=month, until=today),
        SpendFilter(since=quarter, until=today),
        SpendFilter(),
        SpendFilter(since=today - timedelta(days=300), until=today - timedelta(days=20)),
        SpendFilter(people=("person7@example.com",)),
        SpendFilter(teams=("Team 2",), since=month),
        SpendFilter(models=("adgen/cut",), outcomes=(Outcome.FAILED,)),
    ]


def _rounds(database: Database, person: Person, asked: SpendFilter) -> list[float]:
    return [_ask(database, person, asked) for _ in range(ROUNDS + 2)][2:]


def _ask(database: Database, person: Person, asked: SpendFilter, *, cells: bool = True) -> float:
    """Seconds that all of the page's questions take."""
    began = time.monotonic()
    with database.begin() as db:
        rollup.one_moment(db)
        found = spend.look(Ask(db, person, asked), person, limit=25, offset=0, cells=cells)
    took = time.monotonic() - began
    assert len(found.calls) == 25  # noqa: S101
    return took


def _check(database: Database, person: Person, asked: SpendFilter) -> float:
    """Seconds that the comparison with estimates and with what the provider told takes."""
    began = time.monotonic()
    with database.begin() as db:
        rollup.one_moment(db)
        found = compare(spend.model_days(Ask(db, person, asked), daily=False))
    took = time.monotonic() - began
    assert found.unreported > 0  # noqa: S101
    return took


def _settling(database: Database) -> float:
    """A settlement with the triggers that note it, over one without; commits and all."""
    noted, bare = [], []
    for number in range(SETTLED):
        # In turns, so that whatever else the machine does meets both.
        for took, triggers in ((noted, "ENABLE"), (bare, "DISABLE")):
            with database.begin() as db:
                db.execute(text(f"ALTER TABLE generation_costs {triggers} TRIGGER spend_of_call"))
            key = f"ad-{number}/{3 if took is noted else 4}"
            with database.begin() as db:
                unsettle = (
                    "UPDATE generation_costs SET settled_at = NULL WHERE prediction_key = :key"
                )
                db.execute(text(unsettle), {"key": key})
            began = time.monotonic()
            with database.begin() as db:
                costs.settle_entry(db, key, success=True, quantity=Decimal(1), seconds=Decimal(4))
                sessions.lock_ad(db, f"ad-{number}")
            took.append(time.monotonic() - began)
    with database.begin() as db:
        db.execute(text("ALTER TABLE generation_costs ENABLE TRIGGER spend_of_call"))
    return statistics.median(noted) / statistics.median(bare)


def _open(app: App) -> float:
    """Median seconds from the address to the page's charts."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        with open_page(browser, app, viewport={"width": 1280, "height": 720}) as page:
            steps.sign_in(page, "analyst@example.com")
            took = [_painted(page) for _ in range(OPENED + 2)][2:]
        browser.close()
    return statistics.median(took)


def _painted(page: Page) -> float:
    """Seconds until the figures and the first chart are there to see."""
    began = time.monotonic()
    page.goto("/costs", wait_until="commit")
    page.locator(".st-key-daily .bars .point").first.wait_for()
    took = time.monotonic() - began
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    return took
