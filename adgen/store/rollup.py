"""Spending summed up by day, so that a page over millions of calls opens at once.

A trigger appends each settled call to `spend_tail` and each changed ad to `spend_touched`. Nobody
waits for a sum: rows are only ever appended there. Now and then `fold` moves them into the cells,
in one transaction; whoever reads takes cells and tail in one snapshot, so that nothing is missing
and nothing counts twice, at any moment. Money is whole millionths of a dollar, so sums are exact.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from adgen.store.database import Database

_FOLD_LOCK = 0x6164_6765_6E07  # "adgen" 07
# So many rows are added up by every reader; more are folded first.
TAIL_MAX = 400
TOUCHED_MAX = 40
_BATCH = 5000

CALL_SUMS = ("calls", "unpriced", "micros", "quanta", "millis")
# What estimates and the provider's own figures come to; for comparing only.
CHECK_SUMS = ("said", "said_micros", "told", "told_micros", "told_logged_micros", "untold")
_KEPT = CALL_SUMS + CHECK_SUMS
AD_FACTS = (
    *("micros", "prompts", "images", "approved_images", "clips", "approved_clips"),
    *("approved_millis", "films", "plan_micros", "image_micros", "approved_image_micros"),
    *("scene_micros", "clip_micros", "approved_clip_micros", "film_micros", "rejected_micros"),
)
_WHOSE = "team_id, user_id, demo"

# Cents, down to two digits that count: 7 ct, 0.43, 7.9, 12 dollars.
_BIN = """CASE WHEN cents < 100 THEN cents WHEN cents < 1000 THEN cents / 10 * 10
    WHEN cents < 10000 THEN cents / 100 * 100 ELSE cents / 1000 * 1000 END::integer"""

# Calls as the cells have them, from the ledger itself; `{which}` narrows `g` and `s`.
RAW_CALLS = """
SELECT (g.created_at AT TIME ZONE :zone)::date AS day, s.team_id, s.user_id, s.demo,
    g.agent_name AS agent, g.model_used AS model,
    CASE WHEN g.settled_at IS NOT NULL THEN coalesce(g.success, false) END AS ok, 1 AS calls,
    (g.cost_usd IS NULL AND g.settled_at IS NOT NULL)::integer AS unpriced,
    coalesce(g.cost_usd * 1000000, 0)::bigint AS micros,
    coalesce(g.quantity * 1000000, 0)::bigint AS quanta,
    (g.duration_seconds * 1000)::bigint AS millis,
    (g.estimated_usd IS NOT NULL)::integer AS said,
    coalesce(g.estimated_usd * 1000000, 0)::bigint AS said_micros,
    (g.reported_quantity IS NOT NULL)::integer AS told,
    coalesce(g.reported_quantity * g.unit_price * 1000000, 0)::bigint AS told_micros,
    CASE WHEN g.reported_quantity IS NOT NULL THEN coalesce(g.cost_usd * 1000000, 0) ELSE 0
        END::bigint AS told_logged_micros,
    (g.reported_quantity IS NULL AND (coalesce(g.success, false) OR g.cost_usd IS DISTINCT FROM 0))
        ::integer AS untold
FROM generation_costs g JOIN sessions s ON s.id = g.session_id
WHERE {which}
"""

# What an ad came to, from its own rows; `{which}` narrows `s`. Rejected is what was made and not
# chosen, once something was, and what a person has rejected.
RAW_ADS = f"""
SELECT session_id, day, {_WHOSE}, {_BIN} AS bin, {", ".join(AD_FACTS)}
FROM (
    SELECT s.id AS session_id, (s.created_at AT TIME ZONE :zone)::date AS day, s.team_id,
        s.user_id, s.demo, l.micros / 10000 AS cents, l.micros, l.plan_micros, l.image_micros,
        l.scene_micros, l.clip_micros, l.film_micros, (s.product_prompt <> '')::integer AS prompts,
        a.images, a.clips, a.approved_millis, a.approved_image_micros, a.approved_clip_micros,
        a.rejected_micros, jsonb_array_length(s.approved_image_ids) AS approved_images,
        jsonb_array_length(s.approved_clip_ids) AS approved_clips,
        (s.final_video_id IS NOT NULL)::integer AS films
    FROM sessions s
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(m), 0)::bigint AS micros,
            coalesce(sum(m) FILTER (WHERE agent = 'prompt_parser'), 0)::bigint AS plan_micros,
            coalesce(sum(m) FILTER (WHERE agent = 'image_generator'), 0)::bigint AS image_micros,
            coalesce(sum(m) FILTER (WHERE agent = 'scene_planner'), 0)::bigint AS scene_micros,
            coalesce(sum(m) FILTER (WHERE agent = 'video_generator'), 0)::bigint AS clip_micros,
            coalesce(sum(m) FILTER (WHERE agent = 'compositor'), 0)::bigint AS film_micros
        FROM (
            SELECT g.agent_name AS agent, (g.cost_usd * 1000000)::bigint AS m
            FROM generation_costs g
            WHERE g.session_id = s.id AND g.settled_at IS NOT NULL
        ) calls
    ) l
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE kind = 'image') AS images,
            count(*) FILTER (WHERE kind = 'clip') AS clips,
            coalesce(sum(took) FILTER (WHERE kind = 'clip' AND chosen), 0)::bigint
                AS approved_millis,
            coalesce(sum(m) FILTER (WHERE kind = 'image' AND chosen), 0)::bigint
                AS approved_image_micros,
            coalesce(sum(m) FILTER (WHERE kind = 'clip' AND chosen), 0)::bigint
                AS approved_clip_micros,
            coalesce(sum(m) FILTER (WHERE NOT chosen AND (decided OR rejected)), 0)::bigint
                AS rejected_micros
        FROM (
            SELECT f.asset_type AS kind, (f.cost * 1000000)::bigint AS m,
                CASE WHEN jsonb_typeof(f.metadata -> 'duration_seconds') = 'number'
                    THEN (f.metadata ->> 'duration_seconds')::numeric * 1000 END AS took,
                jsonb_exists(c.chosen, f.id) AS chosen,
                jsonb_array_length(c.chosen) > 0 AS decided,
                coalesce(s.marks ->> f.id = 'rejected', false) AS rejected
            FROM assets f
            CROSS JOIN LATERAL (
                SELECT CASE f.asset_type WHEN 'image' THEN s.approved_image_ids
                    ELSE s.approved_clip_ids END AS chosen
            ) c
            WHERE f.session_id = s.id AND f.asset_type IN ('image', 'clip')
        ) files
    ) a
    WHERE {{which}}
) ads
"""


def _sums(names: tuple[str, ...], sign: str = "") -> str:
    return ", ".join(f"({sign}sum({name}))::bigint" for name in names)


def _adding(table: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in names)


_CALL_KEY = f"{_WHOSE}, agent, model, ok"
_ADD_CALLS = f"""
, days AS (
    SELECT day, {_CALL_KEY}, {", ".join(f"sum({n})::bigint AS {n}" for n in _KEPT)}
    FROM calls GROUP BY day, {_CALL_KEY}
)
INSERT INTO spend_cells (grain, day, {_CALL_KEY}, {", ".join(_KEPT)})
SELECT 'd', day, {_CALL_KEY}, {", ".join(_KEPT)} FROM days
UNION ALL
SELECT 'm', date_trunc('month', day)::date AS day, {_CALL_KEY}, {_sums(_KEPT)}
FROM days GROUP BY 2, {_CALL_KEY}
ON CONFLICT (grain, day, {_CALL_KEY}) DO UPDATE SET {_adding("spend_cells", _KEPT)}
"""
_AD_COLUMNS = f"day, {_WHOSE}, bin, {', '.join(AD_FACTS)}"


def _add_ads(which: str, sign: str = "") -> str:
    """Add ads as they stand in `spend_ads` to the cells, or with "-" take them off."""
    days = f"SELECT '{{}}', {{}}, {_WHOSE}, bin, {_sums(AD_FACTS, sign)}"
    rest = f"FROM spend_ads WHERE {which} GROUP BY 2, {_WHOSE}, bin"
    by_month = days.format("m", "date_trunc('month', day)::date AS day")
    return f"""
    INSERT INTO spend_ad_cells (grain, day, {_WHOSE}, bin, {", ".join(AD_FACTS)})
    {days.format("d", "day")} {rest} UNION ALL {by_month} {rest}
    ON CONFLICT (grain, day, {_WHOSE}, bin) DO UPDATE
    SET {_adding("spend_ad_cells", AD_FACTS)}
    """


def ready(db: Session, zone: str) -> bool:
    """Whether the cells are of this zone's days."""
    return bool(db.scalar(text("SELECT zone FROM spend_zone")) == zone)


def prepare(database: Database, zone: str) -> None:
    """Make the cells those of this zone, from the whole ledger, unless they are already."""
    with database.begin() as db:
        if ready(db, zone):
            return
    with database.begin() as holder:
        holder.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FOLD_LOCK})
        # Begun only now, so that what it sees is of one moment, after whoever had the lock.
        with database.begin() as db:
            one_moment(db)
            if not ready(db, zone):
                _rebuild(db, zone)


def one_moment(db: Session, limit_s: float | None = None) -> None:
    """All that this transaction reads is of the same moment; called before anything is read.

    With `limit_s` a statement that takes longer is given up with an OperationalError.
    """
    db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    if limit_s:
        db.execute(text(f"SET LOCAL statement_timeout = {int(1000 * limit_s)}"))


def _rebuild(db: Session, zone: str) -> None:
    """Everything anew.

    A call and its line in the tail become visible together, so what is settled meanwhile is in
    neither the ledger nor the tail as they are seen here.
    """
    parameters = {"zone": zone}
    for table in ("tail", "touched", "cells", "ads", "ad_cells", "zone"):
        db.execute(text(f"DELETE FROM spend_{table}"))
    calls = RAW_CALLS.format(which="g.settled_at IS NOT NULL")
    db.execute(text(f"WITH calls AS ({calls}){_ADD_CALLS}"), parameters)
    facts = RAW_ADS.format(which="true")
    db.execute(text(f"INSERT INTO spend_ads (session_id, {_AD_COLUMNS}) {facts}"), parameters)
    db.execute(text(_add_ads("true")))
    db.execute(text("INSERT INTO spend_zone (zone, since) VALUES (:zone, now())"), parameters)


def fold(database: Database, *, least: bool = True) -> None:
    """Move what has settled since into the cells, when it is much; or with `least` False, all.

    Does nothing while another process is at it.
    """
    with database.begin() as db:
        zone = db.scalar(text("SELECT zone FROM spend_zone"))
        waits = db.execute(
            text(
                "SELECT (SELECT count(*) FROM (SELECT FROM spend_tail LIMIT :most) t), "
                "(SELECT count(*) FROM (SELECT FROM spend_touched LIMIT :most) t)"
            ),
            {"most": TAIL_MAX + 1},
        ).one()
        enough = waits[0] > TAIL_MAX or waits[1] > TOUCHED_MAX
        if zone is None or (least and not enough):
            return
        if db.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _FOLD_LOCK}):
            _fold_calls(db, zone)
            while _fold_ads(db, zone):
                pass


def _fold_calls(db: Session, zone: str) -> None:
    moved = f"""
    WITH gone AS (DELETE FROM spend_tail RETURNING *), calls AS (
        SELECT (at AT TIME ZONE :zone)::date AS day, {_CALL_KEY}, {", ".join(_KEPT)} FROM gone
    ){_ADD_CALLS}
    """
    db.execute(text(moved), {"zone": zone})


def _fold_ads(db: Session, zone: str) -> bool:
    """Some of the changed ads anew; whether there were any."""
    taken = text(
        "DELETE FROM spend_touched WHERE session_id IN "
        "(SELECT DISTINCT session_id FROM spend_touched LIMIT :some) RETURNING session_id"
    )
    ids = list(set(db.scalars(taken, {"some": _BATCH})))
    if not ids:
        return False
    these = {"ids": ids, "zone": zone}
    db.execute(text(_add_ads("session_id = ANY(:ids)", "-")), these)
    db.execute(text("DELETE FROM spend_ads WHERE session_id = ANY(:ids)"), these)
    facts = RAW_ADS.format(which="s.id = ANY(:ids)")
    db.execute(text(f"INSERT INTO spend_ads (session_id, {_AD_COLUMNS}) {facts}"), these)
    db.execute(text(_add_ads("session_id = ANY(:ids)")), these)
    return True
