"""What the cost page asks of the ledger: sums by day, model, step, person, team; ads; calls.

Each question is answered from the cells of `rollup` and the tail after them, or, for days of
another time zone than theirs, from the ledger itself: the same answer, later. Whoever asks several
questions puts them in one transaction `rollup.one_moment`, so that the answers fit each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from adgen.domain import Outcome, Person, Scope, SpendFilter, Value
from adgen.errors import InputRejected
from adgen.store import budgets, rollup
from adgen.store.rollup import AD_FACTS, CALL_SUMS

# Above so many days a chart has months, and sums are of whole months where they can be.
DAYS_SHOWN = 100
_OK = {Outcome.MADE: "ok", Outcome.FAILED: "NOT ok", Outcome.RUNNING: "ok IS NULL"}
_MICRO = Decimal("0.000001")


def money(micros: int | Decimal | None) -> Decimal:
    """US dollars out of millionths."""
    return Decimal(micros or 0) * _MICRO


class Share(Value):
    """The part of one model, step, person or team; `cost` is without the `unpriced` calls."""

    key: str
    calls: int = 0
    failed: int = 0
    running: int = 0
    unpriced: int = 0
    cost: Decimal = Decimal(0)
    failed_cost: Decimal = Decimal(0)
    units: Decimal = Decimal(0)
    seconds: Decimal = Decimal(0)

    @property
    def settled(self) -> int:
        """Calls that have ended."""
        return self.calls - self.running


class Bucket(Value):
    """A day, or a month by its first day, of one step."""

    day: date
    agent: str
    calls: int
    unpriced: int
    cost: Decimal


class Spent(Value):
    """The calls of a range by everything a chart shows; shares are largest first."""

    buckets: tuple[Bucket, ...]
    monthly: bool
    models: tuple[Share, ...]
    agents: tuple[Share, ...]
    people: tuple[Share, ...]
    teams: tuple[Share, ...]

    @property
    def total(self) -> Share:
        """All of it."""
        sums = {name: sum(getattr(a, name) for a in self.agents) for name in _SUMMED}
        return Share(key="", **sums)


_SUMMED = ("calls", "failed", "running", "unpriced", "cost", "failed_cost", "units", "seconds")


class Ads(Value):
    """The ads begun in a range, as a whole: money by step, and what became of it.

    `bins` is how many ads there are by their cost in cents, down to two digits that count.
    """

    bins: dict[int, int]
    prompts: int = 0
    images: int = 0
    approved_images: int = 0
    clips: int = 0
    approved_clips: int = 0
    films: int = 0
    approved_seconds: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    plan_cost: Decimal = Decimal(0)
    image_cost: Decimal = Decimal(0)
    approved_image_cost: Decimal = Decimal(0)
    scene_cost: Decimal = Decimal(0)
    clip_cost: Decimal = Decimal(0)
    approved_clip_cost: Decimal = Decimal(0)
    film_cost: Decimal = Decimal(0)
    rejected_cost: Decimal = Decimal(0)

    def percentile(self, share: Decimal) -> Decimal | None:
        """What this share of the ads cost at most, to two digits; None without ads."""
        least, seen = share * sum(self.bins.values()), 0
        for cents, count in sorted(self.bins.items()):
            seen += count
            if count and seen >= least:
                return Decimal(cents) / 100
        return None


class CostlyAd(Value):
    """An ad and what it cost in all."""

    id: str
    title: str
    owner: str
    stage: str
    failed_stage: str | None
    cost: Decimal


class Pace(Value):
    """All there was, today, and the whole days before that tell how fast it goes."""

    total: Decimal
    today: Decimal
    recent: Decimal
    days: int


class Run(Value):
    """A finished run: what was said before it, and what it came to."""

    session_id: str
    kind: str
    finished_at: datetime
    estimated: Decimal
    actual: Decimal


class Speed(Value):
    """Seconds that the newest successful calls of a model took."""

    model: str
    median: float
    p95: float
    sample: int


class Call(Value):
    """A line of the ledger with whose it is and what it made."""

    id: int
    at: datetime
    session_id: str
    ad: str
    person: str
    team: str
    agent: str
    model: str
    outcome: Outcome
    unit: str
    quantity: Decimal | None
    unit_price: Decimal | None
    cost: Decimal | None
    seconds: Decimal
    error: str | None
    asset_id: str | None
    asset_type: str | None


# ---- where the answers come from


class Ask:
    """A person's question: its conditions, and the tables it is put to."""

    def __init__(self, db: Session, person: Person, asked: SpendFilter) -> None:
        self.db, self.asked = db, asked
        self.cells = rollup.ready(db, asked.zone)
        if not self.cells:
            _check_zone(db, asked.zone)
        self.parameters: dict[str, Any] = {
            "zone": asked.zone,
            "team": person.team_id,
            **{
                name: list(getattr(asked, name)) for name in ("people", "teams", "models", "agents")
            },
            **_moments(asked),
        }
        self.whose = ["true"] if person.sees_all_costs else ["team_id = :team"]
        if not asked.demo:
            self.whose.append("NOT demo")
        if asked.people:
            self.whose.append("user_id IN (SELECT id FROM users WHERE email = ANY(:people))")
        if asked.teams:
            self.whose.append("team_id IN (SELECT id FROM teams WHERE name = ANY(:teams))")
        self.what = [f"{name} = ANY(:{name}s)" for name in ("model", "agent") if self._has(name)]
        if asked.outcomes:
            self.what.append(f"({' OR '.join(_OK[outcome] for outcome in asked.outcomes)})")

    def _has(self, name: str) -> bool:
        return bool(self.parameters[f"{name}s"])

    @property
    def monthly(self) -> bool:
        """Whether the range is too long for a chart of its days."""
        asked = self.asked
        if asked.since is None:
            return True
        return (asked.until or _today(asked.zone)) - asked.since > timedelta(days=DAYS_SHOWN)

    def calls(self, *, monthly: bool = False) -> str:
        """A subselect of the calls as cells: with `monthly`, whole months where possible."""
        names = f"day, team_id, user_id, demo, agent, model, ok, {', '.join(CALL_SUMS)}"
        every = " AND ".join([*self.whose, *self.what])
        between = f"{_within('g.created_at', self.asked)}"
        if not self.cells:
            raw = rollup.RAW_CALLS.format(which=between)
            return f"(SELECT {names} FROM ({raw}) raw WHERE {every})"
        running = rollup.RAW_CALLS.format(which=f"g.settled_at IS NULL AND {between}")
        tail = f"""SELECT (at AT TIME ZONE :zone)::date AS day, team_id, user_id, demo, agent,
            model, ok, {", ".join(CALL_SUMS)} FROM spend_tail WHERE {_within("at", self.asked)}"""
        parts = [f"SELECT {names} FROM spend_cells WHERE {of}" for of in self._spans(monthly)]
        parts += [f"SELECT {names} FROM ({rest}) r WHERE true" for rest in (tail, running)]
        # Each part is narrowed by itself, or the cells would be copied before.
        return f"({' UNION ALL '.join(f'{part} AND {every}' for part in parts)})"

    def _spans(self, monthly: bool) -> Iterator[str]:
        """The cells of the range: whole months, and the days around them; or days only."""
        since, until = self.asked.since, self.asked.until
        first, last = _month_from(since), _month_before(until)
        if not monthly or (first and last and first >= last):
            yield f"grain = 'd' AND {_days(since, until)}"
            return
        self.parameters |= {"first": first, "last": last}
        months = "grain = 'm'" + (" AND day >= :first" if first else "")
        yield months + (" AND day < :last" if last else "")
        if first:
            yield "grain = 'd' AND day >= :since AND day < :first"
        if last:
            yield "grain = 'd' AND day >= :last AND day <= :until"

    def ads(self) -> str:
        """A subselect of the ads begun in the range, as cells."""
        names = f"bin, {', '.join(AD_FACTS)}"
        every = " AND ".join(self.whose)
        if not self.cells:
            facts = rollup.RAW_ADS.format(which=_within("s.created_at", self.asked))
            return f"(SELECT {names} FROM ({facts}) raw WHERE {every})"
        touched = "session_id IN (SELECT session_id FROM spend_touched)"
        fresh = rollup.RAW_ADS.format(which="s.id IN (SELECT session_id FROM spend_touched)")
        between = _days(self.asked.since, self.asked.until)
        off = ", ".join(f"-{name}" for name in AD_FACTS)
        parts = [
            f"SELECT {names} FROM spend_ad_cells WHERE {of}" for of in self._spans(self.monthly)
        ]
        parts += [
            f"SELECT bin, {off} FROM spend_ads WHERE {touched} AND {between}",
            f"SELECT {names} FROM ({fresh}) f WHERE {between}",
        ]
        return f"({' UNION ALL '.join(f'{part} AND {every}' for part in parts)})"

    def costly(self) -> str:
        """A subselect of the single ads of the range that cost most, as they are now."""
        every = " AND ".join([*self.whose, _days(self.asked.since, self.asked.until)])
        most = f"WHERE {every} AND prompts > 0"
        top = "ORDER BY micros DESC, session_id DESC LIMIT :limit"
        if not self.cells:
            facts = rollup.RAW_ADS.format(which=_within("s.created_at", self.asked))
            return f"(SELECT session_id, micros FROM ({facts}) raw {most} {top})"
        fresh = rollup.RAW_ADS.format(which="s.id IN (SELECT session_id FROM spend_touched)")
        # Each part by itself, so that the first comes ready sorted out of its index.
        return f"""(
            SELECT * FROM (
                (SELECT session_id, micros FROM spend_ads {most}
                    AND session_id NOT IN (SELECT session_id FROM spend_touched) {top})
                UNION ALL SELECT session_id, micros FROM ({fresh}) f {most}
            ) both_parts {top})"""

    def rows(self, sql: str, **more: Any) -> Sequence[Any]:
        """The answer."""
        return self.db.execute(text(sql), {**self.parameters, **more}).all()


def _check_zone(db: Session, zone: str) -> None:
    """Raise InputRejected when the database does not know the zone, which Python does."""
    try:
        db.execute(text("SELECT now() AT TIME ZONE :zone"), {"zone": zone})
    except DataError as error:
        raise InputRejected(f"The database does not know the time zone {zone}.") from error


def _moments(asked: SpendFilter) -> dict[str, Any]:
    """The range as days, and as the moments at which they begin."""
    zone = ZoneInfo(asked.zone)
    after = asked.until + timedelta(days=1) if asked.until else None
    return {
        "since": asked.since,
        "until": asked.until,
        "begins": asked.since and datetime.combine(asked.since, time.min, zone),
        "ends": after and datetime.combine(after, time.min, zone),
    }


def _within(column: str, asked: SpendFilter) -> str:
    parts = [f"{column} >= :begins"] if asked.since else []
    return " AND ".join([*parts, *([f"{column} < :ends"] if asked.until else [])]) or "true"


def _days(since: date | None, until: date | None) -> str:
    parts = ["day >= :since"] if since else []
    return " AND ".join([*parts, *(["day <= :until"] if until else [])]) or "true"


def _month_from(day: date | None) -> date | None:
    """The first month that is in the range whole."""
    if day is None or day.day == 1:
        return day
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _month_before(day: date | None) -> date | None:
    """The month that is not in the range whole any more."""
    return day and (day + timedelta(days=1)).replace(day=1)


def _today(zone: str) -> date:
    return datetime.now(ZoneInfo(zone)).date()


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
        f"""SELECT s.id, s.title, u.email, s.stage, s.failed_stage, top.micros
        FROM {ask.costly()} top
        JOIN sessions s ON s.id = top.session_id JOIN users u ON u.id = s.user_id
        ORDER BY top.micros DESC, s.id DESC""",
        limit=limit,
    )
    return tuple(
        CostlyAd(
            id=row.id,
            title=row.title,
            owner=row.email,
            stage=row.stage,
            failed_stage=row.failed_stage,
            cost=money(row.micros),
        )
        for row in rows
    )


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
        f"""SELECT j.session_id, j.kind, j.finished_at, j.estimated_cost, sum(g.cost_usd) AS actual
        FROM (
            SELECT newest.* FROM (
                SELECT * FROM jobs WHERE {_within("created_at", ask.asked)}
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
    return tuple(
        Run(
            session_id=row.session_id,
            kind=row.kind,
            finished_at=row.finished_at,
            estimated=row.estimated_cost,
            actual=row.actual,
        )
        for row in rows
    )


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
                    AND {_within("g.created_at", ask.asked)}
                ORDER BY g.created_at DESC LIMIT 500
            ) newest JOIN sessions s ON s.id = newest.session_id
            WHERE {whose} LIMIT :sample
        ) c GROUP BY m.model""",
        these=list(models),
        sample=sample,
    )
    return {
        row.model: Speed(model=row.model, median=row.median, p95=row.p95, sample=row.sample)
        for row in rows
    }


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
    skip, within = offset, _within("g.created_at", ask.asked)
    if ask.cells and (offset or ask.what or ask.asked.people or ask.asked.teams):
        window = _window(ask, limit, offset)
        if window is None:
            return ()
        near = ask.asked.model_copy(update={"since": window.since, "until": window.until})
        ask.parameters |= _moments(near)
        skip, within = window.skip, _within("g.created_at", near)
    page = _call_lines(ask, within, "LIMIT :limit OFFSET :skip")
    rows = ask.rows(page, limit=limit, skip=skip)
    return tuple(map(_call, rows))


def each_call(ask: Ask, batch: int = 2000) -> Iterator[Call]:
    """All calls of the range, newest first, read as they are asked for."""
    lines = text(_call_lines(ask, _within("g.created_at", ask.asked)))
    found = ask.db.execute(lines.execution_options(yield_per=batch), ask.parameters)
    yield from map(_call, found)


def _call_lines(ask: Ask, within: str, page: str = "") -> str:
    every = " AND ".join([*ask.whose, *ask.what])
    newest = "ORDER BY created_at DESC, id DESC"
    return f"""SELECT c.*, f.id AS asset_id, f.asset_type, u.email AS person, t.name AS team_name
        FROM (
            SELECT * FROM (
                SELECT g.*, s.title, s.team_id, s.user_id, s.demo, g.agent_name AS agent,
                    g.model_used AS model,
                    CASE WHEN g.settled_at IS NOT NULL THEN coalesce(g.success, false) END AS ok
                FROM generation_costs g JOIN sessions s ON s.id = g.session_id WHERE {within}
            ) lines WHERE {every} {newest} {page}
        ) c
        JOIN users u ON u.id = c.user_id JOIN teams t ON t.id = c.team_id
        LEFT JOIN assets f ON f.prediction_key = c.prediction_key
        {newest.replace("created", "c.created").replace(" id", " c.id")}"""


def _call(row: Any) -> Call:
    outcomes = {None: Outcome.RUNNING, True: Outcome.MADE, False: Outcome.FAILED}
    return Call(
        id=row.id,
        at=row.created_at,
        session_id=row.session_id,
        ad=row.title,
        person=row.person,
        team=row.team_name,
        agent=row.agent,
        model=row.model,
        outcome=outcomes[row.ok],
        unit=row.unit,
        quantity=row.quantity,
        unit_price=row.unit_price,
        cost=row.cost_usd,
        seconds=row.duration_seconds,
        error=row.error_message,
        asset_id=row.asset_id,
        asset_type=row.asset_type,
    )


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


class Choices(Value):
    """What there is to narrow by."""

    people: tuple[str, ...]
    teams: tuple[str, ...]
    models: tuple[str, ...]


class Look(Value):
    """All that the page shows, of one moment; `cap` is the budget of all ads, `ad_cap` of one."""

    cap: Decimal
    ad_cap: Decimal
    spent: Spent
    before: Decimal
    ads: Ads
    costly: tuple[CostlyAd, ...]
    pace: Pace
    runs: tuple[Run, ...]
    speeds: dict[str, Speed]
    calls: tuple[Call, ...]


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
        pace=pace(ask.db, person, ask.asked.zone, _today(ask.asked.zone), cells=cells),
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


class ModelDay(Value):
    """A model's settled calls of a day."""

    day: date
    model: str
    calls: int
    made: int
    unpriced: int
    cost: Decimal
    units: Decimal


def model_days(ask: Ask) -> tuple[ModelDay, ...]:
    """The settled calls by day and model."""
    rows = ask.rows(
        f"""SELECT day, model, sum(calls)::bigint AS calls, sum(unpriced)::bigint AS unpriced,
            coalesce(sum(calls) FILTER (WHERE ok), 0)::bigint AS made,
            sum(micros)::bigint AS micros, sum(quanta)::bigint AS quanta
        FROM {ask.calls()} c WHERE ok IS NOT NULL GROUP BY day, model HAVING sum(calls) > 0
        ORDER BY day, model"""
    )
    return tuple(
        ModelDay(
            day=row.day,
            model=row.model,
            calls=row.calls,
            made=row.made,
            unpriced=row.unpriced,
            cost=money(row.micros),
            units=money(row.quanta),
        )
        for row in rows
    )
