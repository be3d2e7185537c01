"""A question about spending: its conditions, and the tables it is put to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

from adgen.domain import Outcome, Person, SpendFilter
from adgen.errors import InputRejected
from adgen.store import rollup
from adgen.store.rollup import AD_FACTS, CALL_SUMS, CHECK_SUMS

# Above so many days a chart has months, and sums are of whole months where they can be.
DAYS_SHOWN = 100
_OK = {Outcome.MADE: "ok", Outcome.FAILED: "NOT ok", Outcome.RUNNING: "ok IS NULL"}


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
            **moments(asked),
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
        return (asked.until or today(asked.zone)) - asked.since > timedelta(days=DAYS_SHOWN)

    def calls(self, *, monthly: bool = False, checks: bool = False) -> str:
        """A subselect of the calls as cells: with `monthly`, whole months where possible.

        With `checks` they have the sums to compare with, too.
        """
        sums = ", ".join(CALL_SUMS + CHECK_SUMS if checks else CALL_SUMS)
        names = f"day, team_id, user_id, demo, agent, model, ok, {sums}"
        every = " AND ".join([*self.whose, *self.what])
        between = f"{within('g.created_at', self.asked)}"
        if not self.cells:
            raw = rollup.RAW_CALLS.format(which=between)
            return f"(SELECT {names} FROM ({raw}) raw WHERE {every})"
        running = rollup.RAW_CALLS.format(which=f"g.settled_at IS NULL AND {between}")
        tail = f"""SELECT (at AT TIME ZONE :zone)::date AS day, team_id, user_id, demo, agent,
            model, ok, {sums} FROM spend_tail WHERE {within("at", self.asked)}"""
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
            facts = rollup.RAW_ADS.format(which=within("s.created_at", self.asked))
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
            facts = rollup.RAW_ADS.format(which=within("s.created_at", self.asked))
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


def moments(asked: SpendFilter) -> dict[str, Any]:
    """The range as days, and as the moments at which they begin."""
    zone = ZoneInfo(asked.zone)
    after = asked.until + timedelta(days=1) if asked.until else None
    return {
        "since": asked.since,
        "until": asked.until,
        "begins": asked.since and datetime.combine(asked.since, time.min, zone),
        "ends": after and datetime.combine(after, time.min, zone),
    }


def within(column: str, asked: SpendFilter) -> str:
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


def today(zone: str) -> date:
    return datetime.now(ZoneInfo(zone)).date()
