"""Numbers of the whole installation, for whoever watches it: read at once, whatever has happened.

As in `rollup`, triggers append how long each run and call took, and `fold` now and then moves that
into cells; whoever reads takes both in one statement. What is live has an index of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from adgen.store.database import Database
from adgen.store.jobs import LIVE
from adgen.store.tables import AlertPost, GenerationCost, Hold, Job, Worker, now

# Seconds. Counted by these in the cells: with others they would have to be emptied.
BOUNDS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
_FOLD_LOCK = 0x6164_6765_6E09  # "adgen" 09
_TAIL_MAX = 1000
_ALIVE = timedelta(seconds=10)


class Timed(NamedTuple):
    """How often something took how long: `counts` a bucket of BOUNDS_S, longer ones last."""

    what: str
    name: str
    outcome: str
    counts: tuple[int, ...]
    seconds: float


class Spent(NamedTuple):
    """Settled calls of one kind, and what they cost in US dollars as far as it is known."""

    agent: str
    model: str
    ok: bool
    calls: int
    unpriced: int
    cost: Decimal


class Live(NamedTuple):
    """What there is at this moment."""

    runs: Sequence[tuple[str, str, int]]
    calls: Sequence[tuple[str, int, Decimal]]
    workers: Sequence[tuple[str, int]]
    holds: Sequence[str]
    posts: int
    database_bytes: int


# A bound belongs to the bucket that it ends.
_BUCKET = (
    "width_bucket(millis, ARRAY["
    + ", ".join(str(int(1000 * bound) + 1) for bound in BOUNDS_S)
    + "]::bigint[])::smallint"
)


def fold(database: Database) -> None:
    """Move what is many into the cells; does nothing while another process is at it."""
    with database.begin() as db:
        tail = text("SELECT count(*) FROM (SELECT FROM meter_tail LIMIT :most) t")
        if (db.scalar(tail, {"most": _TAIL_MAX}) or 0) < _TAIL_MAX:
            return
        if db.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _FOLD_LOCK}):
            db.execute(
                text(
                    f"""WITH gone AS (DELETE FROM meter_tail RETURNING *)
                    INSERT INTO meter_cells (what, name, outcome, bucket, count, millis)
                    SELECT what, name, outcome, {_BUCKET}, count(*), sum(millis)
                    FROM gone GROUP BY 1, 2, 3, 4
                    ON CONFLICT (what, name, outcome, bucket) DO UPDATE
                    SET count = meter_cells.count + excluded.count,
                        millis = meter_cells.millis + excluded.millis"""
                )
            )


def timed(db: Session) -> list[Timed]:
    """How long runs (`run`, by kind), their begin (`wait`) and calls (`call`, by model) took."""
    rows = db.execute(
        text(
            f"""SELECT what, name, outcome, bucket, sum(count)::bigint, sum(millis)::bigint
            FROM (
                SELECT what, name, outcome, bucket, count, millis FROM meter_cells
                UNION ALL SELECT what, name, outcome, {_BUCKET}, 1, millis FROM meter_tail
            ) c GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
        )
    )
    counts: dict[tuple[str, str, str], list[int]] = {}
    millis: dict[tuple[str, str, str], int] = {}
    for what, name, outcome, bucket, count, took in rows:
        key = (what, name, outcome)
        counts.setdefault(key, [0] * (len(BOUNDS_S) + 1))[bucket] += count
        millis[key] = millis.get(key, 0) + took
    return [Timed(*key, tuple(of), millis[key] / 1000) for key, of in counts.items()]


def spent(db: Session) -> list[Spent]:
    """All settled calls that are no demo's, from the sums kept beside the ledger."""
    rows = db.execute(
        text(
            """SELECT agent, model, ok, sum(calls)::bigint, sum(unpriced)::bigint,
                sum(micros)::bigint
            FROM (
                SELECT agent, model, ok, calls, unpriced, micros FROM spend_cells
                WHERE grain = 'm' AND NOT demo
                UNION ALL SELECT agent, model, ok, calls, unpriced, micros FROM spend_tail
                WHERE NOT demo
            ) c GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
        )
    )
    return [
        Spent(agent, model, ok, calls, unpriced, Decimal(micros) / 1_000_000)
        for agent, model, ok, calls, unpriced, micros in rows
    ]


def live(db: Session) -> Live:
    """What runs, waits and stands still now."""
    runs = db.execute(
        select(Job.kind, Job.status, func.count())
        .where(Job.status.in_(LIVE))
        .group_by(Job.kind, Job.status)
    )
    calls = db.execute(
        select(GenerationCost.model_used, func.count(), func.sum(GenerationCost.held))
        .where(GenerationCost.settled_at.is_(None))
        .group_by(GenerationCost.model_used)
    )
    workers = db.execute(
        select(Worker.version, func.count())
        .where(Worker.heartbeat > now() - _ALIVE)
        .group_by(Worker.version)
    )
    posts = select(func.count()).where(AlertPost.sent_at.is_(None))
    size = text("SELECT pg_database_size(current_database())")
    return Live(
        runs=[(kind, status, count) for kind, status, count in runs],
        calls=[(model, count, held) for model, count, held in calls],
        workers=[(version, count) for version, count in workers],
        holds=db.scalars(select(Hold.provider)).all(),
        posts=db.scalar(posts.select_from(AlertPost)) or 0,
        database_bytes=db.scalar(size) or 0,
    )
