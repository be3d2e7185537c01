"""What the cost page asks of the ledger: sums by day, model, step, person, team; ads; calls.

Each question is answered from the cells of `rollup` and the tail after them, or, for days of
another time zone than theirs, from the ledger itself: the same answer, later. Whoever asks several
questions puts them in one transaction `rollup.one_moment`, so that the answers fit each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import text
from sqlalchemy.orm import Session

from adgen.domain import Person, Scope, SpendFilter, Value
from adgen.store import budgets
from adgen.store.rollup import AD_FACTS, CALL_SUMS
from adgen.store.spend_ask import Ask, moments, today, within
from adgen.store.spend_facts import (
    Ads,
    Bucket,
    Call,
    Choices,
    CostlyAd,
    Look,
    ModelDay,
    Pace,
    Run,
    Share,
    Speed,
    Spent,
    money,
)

Fact = TypeVar("Fact", bound=Value)

# ---- the questions


def spent(ask: Ask, *, daily: bool = False) -> Spent:
    """The calls of the range; with `daily`, by days however many they are."""
    monthly = ask.monthly and not daily
    bucket = "date_trunc('month', day)::date" if monthly else "day"
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in CALL_SUMS)
    sets = ("bucket, agent", "model, ok", "agent, ok", "user_id, ok", "team_id, ok")
    rows = ask.rows(
        f"""SELECT grouping(bucket, agent, model, user_id, team_id) AS what, bucket, agent, model,
            user_id, team_id, ok, {sums}
        FROM (SELECT {bucket} AS bucket, * FROM {ask.calls(monthly=monthly)} calls) c
        GROUP BY GROUPING SETS ({", ".join(f"({one})" for one in sets)})
        HAVING sum(calls) > 0"""
    )
    of: defaultdict[int, list[Any]] = defaultdict(list)
    for row in rows:
        of[row.what].append(row)
    people, teams = _names(ask, "users", "email"), _names(ask, "teams", "name")
    return Spent(
        buckets=tuple(sorted(map(_bucket, of[0b00111]), key=lambda b: (b.day, b.agent))),
        monthly=monthly,
        models=_shares((row.model, row) for row in of[0b11011]),
        agents=_shares((row.agent, row) for row in of[0b10111]),
        people=_shares((people.get(row.user_id, "somebody"), row) for row in of[0b11101]),
        teams=_shares((teams.get(row.team_id, "a team"), row) for row in of[0b11110]),
    )


def _bucket(row: Any) -> Bucket:
    cost = money(row.micros)
    return Bucket(
        day=row.bucket, agent=row.agent, calls=row.calls, unpriced=row.unpriced, cost=cost
    )


def _shares(rows: Iterable[tuple[str, Any]]) -> tuple[Share, ...]:
    """One share a key, of its made, failed and running calls."""
    of: defaultdict[str, list[Any]] = defaultdict(list)
    for key, row in rows:
        of[key].append(row)
    shares = [_share(key, parts) for key, parts in of.items()]
    return tuple(sorted(shares, key=lambda share: (-share.cost, -share.calls, share.key)))


def _share(key: str, parts: Sequence[Any]) -> Share:
    failed = [row for row in parts if row.ok is False]
    return Share(
        key=key,
        calls=sum(row.calls for row in parts),
        failed=sum(row.calls for row in failed),
        running=sum(row.calls for row in parts if row.ok is None),
        unpriced=sum(row.unpriced for row in parts),
        cost=money(sum(row.micros for row in parts)),
        failed_cost=money(sum(row.micros for row in failed)),
        units=money(sum(row.quanta for row in parts)),
        seconds=Decimal(sum(row.millis for row in parts)) / 1000,
    )


def _dollars(micros: str) -> str:
    """SQL for US dollars out of millionths."""
    return f"{micros} * 0.000001"


def _facts(kind: type[Fact], rows: Iterable[Any]) -> tuple[Fact, ...]:
    """Rows whose columns are called as the facts are."""
    return tuple(kind.model_validate(row, from_attributes=True) for row in rows)


def _names(ask: Ask, table: str, column: str) -> dict[int, str]:
    return {row[0]: row[1] for row in ask.rows(f"SELECT id, {column} FROM {table}")}


def ads(ask: Ask) -> Ads:
    """The ads begun in the range, whole; model, step and outcome do not narrow them."""
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in AD_FACTS)
    rows = ask.rows(f"SELECT bin, {sums} FROM {ask.ads()} ads GROUP BY bin")
    total = {name: sum(getattr(row, name) for row in rows) for name in AD_FACTS}
    counts = {name: n for name, n in total.items() if not name.endswith(("micros", "millis"))}
    costs = {
        name.removesuffix("micros") + "cost": money(micros)
        for name, micros in total.items()
        if name.endswith("micros")
    }
    return Ads(
        bins={row.bin: row.prompts for row in rows if row.prompts},
        approved_seconds=Decimal(total["approved_millis"]) / 1000,
        **counts,
        **costs,
    )


def costly_ads(ask: Ask, *, limit: int) -> tuple[CostlyAd, ...]:
    """The ads of the range that cost most."""
    rows = ask.rows(
        f"""SELECT s.id, s.title, u.email AS owner, s.stage, s.failed_stage,
            {_dollars("top.micros")} AS cost
        FROM {ask.costly()} top
        JOIN sessions s ON s.id = top.session_id JOIN users u ON u.id = s.user_id
        ORDER BY top.micros DESC, s.id DESC""",
        limit=limit,
    )
    return _facts(CostlyAd, rows)


def before(ask: Ask, person: Person, *, cells: bool = True) -> Decimal:
    """What the same calls had cost before the range began."""
    if ask.asked.since is None:
        return Decimal(0)
    last = ask.asked.since - timedelta(days=1)
    earlier = Ask(ask.db, person, ask.asked.model_copy(update={"since": None, "until": last}))
    earlier.cells = earlier.cells and cells
    return money(earlier.rows(f"SELECT sum(micros) FROM {earlier.calls(monthly=True)} c")[0][0])


PACE_DAYS = 14


def pace(db: Session, person: Person, zone: str, today: date, *, cells: bool = True) -> Pace:
    """How fast the money of the person's view goes, demo data aside; filters do not narrow it."""
    ever = Ask(db, person, SpendFilter(zone=zone))
    # Today is no whole day yet, so it does not tell the pace.
    since = today - timedelta(days=PACE_DAYS)
    near = Ask(db, person, SpendFilter(zone=zone, since=since, until=today))
    for ask in (ever, near):
        ask.cells = ask.cells and cells
    total = ever.rows(f"SELECT sum(micros) FROM {ever.calls(monthly=True)} c")[0][0] or 0
    now, recent, first = near.rows(
        f"""SELECT coalesce(sum(micros) FILTER (WHERE day = :until), 0),
            coalesce(sum(micros) FILTER (WHERE day < :until), 0),
            min(day) FILTER (WHERE micros > 0) FROM {near.calls()} c"""
    )[0]
    # Where everything is that recent, the days before the first one are none.
    young = total == now + recent and first
    days = max((today - first).days, 1) if young else PACE_DAYS
    return Pace(total=money(total), today=money(now), recent=money(recent), days=days)


def runs(ask: Ask, *, limit: int, among: int = 600) -> tuple[Run, ...]:
    """The newest finished runs whose price was told before, of those `among` the newest."""
    whose = " AND ".join(ask.whose)
    rows = ask.rows(
        f"""SELECT j.session_id, j.kind, j.finished_at, j.estimated_cost AS estimated,
            sum(g.cost_usd) AS actual
        FROM (
            SELECT newest.* FROM (
                SELECT * FROM jobs WHERE {within("created_at", ask.asked)}
                ORDER BY created_at DESC LIMIT :among
            ) newest JOIN sessions s ON s.id = newest.session_id
            WHERE newest.estimated_cost > 0 AND newest.status = 'done' AND {whose}
            ORDER BY newest.created_at DESC LIMIT :limit
        ) j
        JOIN predictions p ON p.job_id = j.id
        JOIN generation_costs g ON g.prediction_key = p.key
        GROUP BY j.id, j.session_id, j.kind, j.finished_at, j.estimated_cost, j.created_at
        HAVING count(*) FILTER (WHERE g.settled_at IS NULL OR g.cost_usd IS NULL) = 0
        ORDER BY j.created_at DESC""",
        limit=limit,
        among=among,
    )
    return _facts(Run, rows)


def speeds(ask: Ask, models: Sequence[str], *, sample: int = 100) -> dict[str, Speed]:
    """How long the newest successful calls of these models took."""
    whose = " AND ".join(ask.whose)
    rows = ask.rows(
        f"""SELECT m.model, percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS median,
            percentile_cont(0.95) WITHIN GROUP (ORDER BY took) AS p95, count(*) AS sample
        FROM unnest(CAST(:these AS text[])) m (model) CROSS JOIN LATERAL (
            SELECT newest.duration_seconds::float AS took FROM (
                SELECT duration_seconds, session_id FROM generation_costs g
                WHERE g.model_used = m.model AND g.success
                    AND {within("g.created_at", ask.asked)}
                ORDER BY g.created_at DESC LIMIT 500
            ) newest JOIN sessions s ON s.id = newest.session_id
            WHERE {whose} LIMIT :sample
        ) c GROUP BY m.model""",
        these=list(models),
        sample=sample,
    )
    return {speed.model: speed for speed in _facts(Speed, rows)}


# ---- single calls


class _Window(NamedTuple):
    """Days that hold the wanted lines, and how many of their newest come before."""

    since: date
    until: date
    skip: int


def count_calls(ask: Ask) -> int:
    """How many calls there are."""
    return int(ask.rows(f"SELECT sum(calls) FROM {ask.calls(monthly=True)} c")[0][0] or 0)


def list_calls(ask: Ask, *, limit: int, offset: int = 0) -> tuple[Call, ...]:
    """The calls of the range, newest first.

    The cells tell on which days the wanted ones are, so that a rare person's calls, or a late
    page, are found without reading all that came after.
    """
    skip, between = offset, within("g.created_at", ask.asked)
    if ask.cells and (offset or ask.what or ask.asked.people or ask.asked.teams):
        window = _window(ask, limit, offset)
        if window is None:
            return ()
        near = ask.asked.model_copy(update={"since": window.since, "until": window.until})
        ask.parameters |= moments(near)
        skip, between = window.skip, within("g.created_at", near)
    page = _call_lines(ask, between, "LIMIT :limit OFFSET :skip")
    return _facts(Call, ask.rows(page, limit=limit, skip=skip))


def each_call(ask: Ask, batch: int = 2000) -> Iterator[Call]:
    """All calls of the range, newest first, read as they are asked for."""
    lines = text(_call_lines(ask, within("g.created_at", ask.asked)))
    found = ask.db.execute(lines.execution_options(yield_per=batch), ask.parameters)
    yield from (Call.model_validate(row, from_attributes=True) for row in found)


def _call_lines(ask: Ask, between: str, page: str = "") -> str:
    every = " AND ".join([*ask.whose, *ask.what])
    newest = "ORDER BY created_at DESC, id DESC"
    made = "CASE WHEN f.removed_at IS NULL THEN f.id END AS asset_id, f.asset_type"
    return f"""SELECT c.*, c.created_at AS at, c.title AS ad, c.cost_usd AS cost,
            c.estimated_usd AS estimated, c.duration_seconds AS seconds, c.error_message AS error,
            {made}, u.email AS person, t.name AS team,
            CASE WHEN ok THEN 'made' WHEN NOT ok THEN 'failed' ELSE 'running' END AS outcome
        FROM (
            SELECT * FROM (
                SELECT g.*, s.title, s.team_id, s.user_id, s.demo, g.agent_name AS agent,
                    g.model_used AS model,
                    (g.reported_quantity * g.unit_price)::numeric(14, 6) AS reported,
                    CASE WHEN g.settled_at IS NOT NULL THEN coalesce(g.success, false) END AS ok
                FROM generation_costs g JOIN sessions s ON s.id = g.session_id WHERE {between}
            ) lines WHERE {every} {newest} {page}
        ) c
        JOIN users u ON u.id = c.user_id JOIN teams t ON t.id = c.team_id
        LEFT JOIN assets f ON f.prediction_key = c.prediction_key
        {newest.replace("created", "c.created").replace(" id", " c.id")}"""


def _window(ask: Ask, limit: int, offset: int) -> _Window | None:
    """Where the wanted lines are, first by months and then by days."""
    span = _Window(date.min, date.max, offset)
    for step in ("month", "day") if ask.monthly else ("day",):
        rows = ask.rows(
            f"""SELECT date_trunc('{step}', day)::date AS day, sum(calls)::bigint AS calls
            FROM {ask.calls(monthly=step == "month")} c WHERE day BETWEEN :from_day AND :to_day
            GROUP BY 1 HAVING sum(calls) > 0 ORDER BY 1 DESC""",
            from_day=span.since,
            to_day=span.until,
        )
        found = _holding(rows, limit, span.skip, monthly=step == "month")
        if found is None:
            return None
        span = found
    return span


def _holding(rows: Sequence[Any], limit: int, skip: int, *, monthly: bool) -> _Window | None:
    """The buckets, newest first, that hold the lines after `skip`."""
    newest: date | None = None
    before = seen = 0
    for row in rows:
        if newest is None and seen + row.calls > skip:
            newest, before = row.day, seen
        seen += row.calls
        if newest and (seen >= skip + limit or row is rows[-1]):
            until = (newest + timedelta(days=31)).replace(day=1) if monthly else newest
            last = until - timedelta(days=1) if monthly else until
            return _Window(row.day, last, skip - before)
    return None


# ---- the page


COSTLY_SHOWN = 10
MODELS_TIMED = 12
RUNS_SHOWN = 150


def look(ask: Ask, person: Person, *, limit: int, offset: int, cells: bool = True) -> Look:
    """Ask everything; with `cells` False, of the ledger itself, to compare with."""
    ask.cells = ask.cells and cells
    found = spent(ask)
    lines = budgets.amounts(ask.db, [(Scope.ALL, budgets.EACH), (Scope.AD, budgets.EACH)])
    cap, ad_cap = (line.amount or Decimal(0) for line in lines)
    timed = [share.key for share in found.models[:MODELS_TIMED]]
    return Look(
        cap=cap,
        ad_cap=ad_cap,
        spent=found,
        before=before(ask, person, cells=cells),
        ads=ads(ask),
        costly=costly_ads(ask, limit=COSTLY_SHOWN),
        pace=pace(ask.db, person, ask.asked.zone, today(ask.asked.zone), cells=cells),
        runs=runs(ask, limit=RUNS_SHOWN),
        speeds=speeds(ask, timed),
        # Last, since it narrows the question to the days of these lines.
        calls=list_calls(ask, limit=limit, offset=offset),
    )


def choices(ask: Ask) -> Choices:
    """The people, teams and models of the calls that may be seen."""
    rows = ask.rows(
        f"""SELECT user_id, team_id, model FROM {ask.calls(monthly=True)} c
        GROUP BY GROUPING SETS ((user_id), (team_id), (model)) HAVING sum(calls) > 0"""
    )
    people, teams = _names(ask, "users", "email"), _names(ask, "teams", "name")
    return Choices(
        people=tuple(sorted(people[row.user_id] for row in rows if row.user_id in people)),
        teams=tuple(sorted(teams[row.team_id] for row in rows if row.team_id in teams)),
        models=tuple(sorted(row.model for row in rows if row.model)),
    )


def model_days(ask: Ask, *, daily: bool = True) -> tuple[ModelDay, ...]:
    """The settled calls by day and model; without `daily` each month is as its first day."""
    day = "day" if daily else "date_trunc('month', day)::date"
    rows = ask.rows(
        f"""SELECT {day} AS day, model,
            sum(calls)::bigint AS calls, sum(unpriced)::bigint AS unpriced,
            coalesce(sum(calls) FILTER (WHERE ok), 0)::bigint AS made,
            coalesce(sum(said) FILTER (WHERE ok), 0)::bigint AS said,
            sum(told)::bigint AS told, sum(untold)::bigint AS untold,
            {_dollars("sum(micros)")} AS cost,
            {_dollars("coalesce(sum(said_micros) FILTER (WHERE ok), 0)")} AS estimated,
            {_dollars("sum(told_micros)")} AS reported,
            {_dollars("sum(told_logged_micros)")} AS told_logged
        FROM {ask.calls(checks=True, monthly=not daily)} c WHERE ok IS NOT NULL
        GROUP BY 1, model HAVING sum(calls) > 0 ORDER BY 1, model"""
    )
    return _facts(ModelDay, rows)
