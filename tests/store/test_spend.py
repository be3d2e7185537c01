"""Cells and tail give what the ledger gives, at any moment, for any question."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from adgen.domain import AssetType, Outcome, Person, Role, SpendFilter
from adgen.reconcile import compare
from adgen.store import rollup, sessions, spend
from adgen.store.database import Database
from adgen.store.spend_ask import Ask
from adgen.store.tables import now
from tests.conftest import add_person
from tests.store.ledgers import Ledger, busy

ZONE = "Europe/Berlin"
TODAY = now().date()


@pytest.fixture
def analyst(database: Database) -> Person:
    return add_person(database, "analyst@example.com", Role.ANALYST)


def answers(database: Database, person: Person, asked: SpendFilter, *, raw: bool) -> Any:
    """All that the page asks, from the cells or from the ledger itself."""
    with database.begin() as db:
        rollup.one_moment(db)

        def ask() -> Ask:
            made = Ask(db, person, asked)
            assert made.cells
            made.cells = not raw
            return made

        calls = spend.list_calls(ask(), limit=7, offset=3)
        return (
            spend.spent(ask()),
            spend.spent(ask(), daily=True),
            spend.ads(ask()),
            spend.costly_ads(ask(), limit=5),
            spend.count_calls(ask()),
            spend.model_days(ask()),
            compare(spend.model_days(ask(), daily=False)),
            calls,
            [call.id for call in spend.each_call(ask())],
        )


ASKED = [
    SpendFilter(zone=ZONE),
    SpendFilter(zone=ZONE, demo=True, since=TODAY - timedelta(days=29)),
    SpendFilter(zone=ZONE, since=TODAY - timedelta(days=150), until=TODAY - timedelta(days=10)),
    SpendFilter(zone=ZONE, until=TODAY - timedelta(days=40)),
    SpendFilter(zone=ZONE, people=("ann@example.com", "cy@example.com"), agents=("compositor",)),
    SpendFilter(zone=ZONE, teams=("South",), outcomes=(Outcome.FAILED, Outcome.RUNNING)),
    SpendFilter(zone=ZONE, models=("adgen/cut",), since=TODAY - timedelta(days=99)),
]


def assert_same(database: Database, person: Person) -> None:
    for asked in ASKED:
        cells, ledger = (answers(database, person, asked, raw=raw) for raw in (False, True))
        assert cells == ledger, asked


def test_cells_and_tail_give_what_the_ledger_gives(database: Database, analyst: Person) -> None:
    rollup.prepare(database, ZONE)
    ledger = busy(database)
    assert_same(database, analyst)
    rollup.fold(database)
    assert_same(database, analyst)
    rollup.fold(database, least=False)
    with database.begin() as db:
        assert db.scalar(text("SELECT count(*) FROM spend_tail")) == 0
        assert db.scalar(text("SELECT count(*) FROM spend_touched")) == 0
    assert_same(database, analyst)
    # Half is in the cells, half in the tail.
    for ad in ledger.ads[:5]:
        ledger.settle(ledger.open(ad, "image_generator", now()))
    assert_same(database, analyst)


def test_what_is_changed_afterwards_is_counted_anew(database: Database, analyst: Person) -> None:
    rollup.prepare(database, ZONE)
    ledger = busy(database, seed=2, ads=12)
    rollup.fold(database, least=False)
    with database.begin() as db:
        db.execute(text("DELETE FROM sessions WHERE id = :id"), {"id": ledger.ads[3]})
        db.execute(
            text("UPDATE sessions SET demo = NOT demo WHERE id = :id"), {"id": ledger.ads[4]}
        )
        db.execute(
            text("UPDATE generation_costs SET cost_usd = 2 WHERE session_id = :id"),
            {"id": ledger.ads[5]},
        )
        db.execute(
            text("DELETE FROM generation_costs WHERE session_id = :id"), {"id": ledger.ads[6]}
        )
        db.execute(text("DELETE FROM users WHERE email = 'di@example.com'"))
    assert_same(database, analyst)
    rollup.fold(database, least=False)
    assert_same(database, analyst)


def test_a_ledger_from_before_is_added_up_whole(database: Database, analyst: Person) -> None:
    ledger = busy(database, seed=3, ads=10)
    with database.begin() as db:
        assert not rollup.ready(db, ZONE)
    rollup.prepare(database, ZONE)
    assert_same(database, analyst)
    rollup.prepare(database, "Asia/Kolkata")
    with database.begin() as db:
        assert not rollup.ready(db, ZONE)
    rollup.prepare(database, ZONE)
    ledger.settle(ledger.open(ledger.ads[0], "compositor", now()))
    assert_same(database, analyst)


def test_nobody_sees_more_than_the_costs_of_their_team(database: Database) -> None:
    rollup.prepare(database, ZONE)
    ledger = Ledger(database)
    north, south = (add_person(database, f"{t}@example.com", team=t) for t in ("north", "south"))
    for person in (north, south):
        ledger.call(ledger.ad(person, now()), "compositor", now())
    for person, role in product((north, south), (Role.EDITOR, Role.VIEWER)):
        looks = person.model_copy(update={"role": role})
        with database.begin() as db:
            everyone = SpendFilter(zone=ZONE, teams=("north", "south"))
            spent = spend.spent(Ask(db, looks, everyone))
            assert [share.key for share in spent.people] == [person.email]
            assert spend.ads(Ask(db, looks, everyone)).prompts == 1
            [call] = spend.list_calls(Ask(db, looks, everyone), limit=9)
            assert call.person == person.email
            assert spend.pace(db, looks, ZONE, TODAY).total == Decimal("0.5")


def test_review_tells_what_of_the_money_was_used(database: Database, analyst: Person) -> None:
    rollup.prepare(database, ZONE)
    ledger = Ledger(database)
    ad = ledger.ad(analyst, now())
    pictures = [
        ledger.asset(ad, AssetType.IMAGE, ledger.call(ad, "image_generator", now()), "0.05")
        for _ in range(4)
    ]
    clips = [
        ledger.asset(ad, AssetType.CLIP, ledger.call(ad, "video_generator", now()), "0.11")
        for _ in range(2)
    ]
    for least in (True, False):
        rollup.fold(database, least=least)
        with database.begin() as db:
            row = sessions.lock_ad(db, ad)
            row.approved_image_ids = pictures[: 3 if least else 2]
            row.marks = {clips[0]: "rejected"}
            row.approved_clip_ids = [] if least else clips[1:]
            row.final_video_id = pictures[0]
        with database.begin() as db:
            found = spend.ads(Ask(db, analyst, SpendFilter(zone=ZONE)))
        assert (found.images, found.clips, found.films) == (4, 2, 1)
        assert found.image_cost == Decimal("0.20")
        assert found.approved_image_cost == Decimal("0.15" if least else "0.10")
        assert found.rejected_cost == Decimal("0.16" if least else "0.21")
        assert found.approved_seconds == (0 if least else 3)
        assert found.bins == {42: 1}
        assert found.percentile(Decimal("0.95")) == Decimal("0.42")


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])
def test_days_are_the_zones_own_also_when_its_clocks_change(
    database: Database, analyst: Person, zone: str
) -> None:
    """New York on 8 March 2026 has 23 hours; Lord Howe's clocks go by half an hour."""
    ledger = Ledger(database)
    ad = ledger.ad(analyst, datetime(2026, 3, 1, tzinfo=UTC))
    begins = datetime(2026, 3, 7, tzinfo=UTC)
    moments = [begins + timedelta(minutes=30 * n + 15) for n in range(48 * 2)]
    begins = datetime(2026, 4, 4, tzinfo=UTC)
    moments += [begins + timedelta(minutes=30 * n + 15) for n in range(48 * 2)]
    for moment in moments:
        ledger.call(ad, "compositor", moment)
    wanted: dict[date, int] = {}
    for moment in moments:
        day = moment.astimezone(ZoneInfo(zone)).date()
        wanted[day] = wanted.get(day, 0) + 1
    for cells_of in (zone, "UTC"):
        rollup.prepare(database, cells_of)
        with database.begin() as db:
            whole = spend.spent(Ask(db, analyst, SpendFilter(zone=zone)), daily=True)
            assert {b.day: b.calls for b in whole.buckets} == wanted
            for day, calls in wanted.items():
                one = SpendFilter(zone=zone, since=day, until=day)
                assert spend.count_calls(Ask(db, analyst, one)) == calls
                assert len(spend.list_calls(Ask(db, analyst, one), limit=200)) == calls


def test_the_pace_of_a_young_ledger_is_that_of_its_days(
    database: Database, analyst: Person
) -> None:
    rollup.prepare(database, "UTC")
    ledger, noon = Ledger(database), datetime(2026, 3, 10, 12, tzinfo=UTC)
    for days in (4, 2, 0):
        at = noon - timedelta(days=days)
        ledger.call(ledger.ad(analyst, at), "compositor", at)
    with database.begin() as db:
        pace = spend.pace(db, analyst, "UTC", noon.date())
    assert (pace.total, pace.today, pace.recent, pace.days) == (
        Decimal("1.5"), Decimal("0.5"), Decimal(1), 4,
    )  # fmt: skip


def test_models_tell_how_long_they_take(database: Database, analyst: Person) -> None:
    ledger = Ledger(database)
    ledger.call(ledger.ad(analyst, now()), "compositor", now())
    with database.begin() as db:
        ask = Ask(db, analyst, SpendFilter())
        [speed] = spend.speeds(ask, ["adgen/cut", "nothing"]).values()
        assert (speed.median, speed.sample) == (4.2, 1)
        assert spend.runs(ask, limit=5) == ()
