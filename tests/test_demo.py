"""The made-up month: like a real one, the same by its seed, in no budget, gone without a trace."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text

from adgen.commands import Commands
from adgen.demo import DAYS, PRODUCTS, make_month
from adgen.domain import AdFilter, Person, Role, Scope, SpendFilter
from adgen.errors import WrongStage
from adgen.providers.looks import Look, paint_looks
from adgen.providers.storage import Stored, storage
from adgen.store import demo
from adgen.store.database import Database
from adgen.store.demo import Month
from adgen.store.tables import AdSession, Base, GenerationCost, Purse
from tests.conftest import add_person

_FILE = Stored(key="aa/x", size_bytes=1, content_type="image/jpeg")
LOOKS = [Look(views=(_FILE,) * 6, clip=_FILE)] * len(PRODUCTS)
UNTIL = datetime(2026, 11, 27, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def made() -> Month:
    """One month for all tests that need no files of it."""
    return make_month(1, UNTIL, LOOKS)


def counts(database: Database) -> dict[str, int]:
    with database.begin() as db:
        return {
            name: db.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
            # Sums, whose zeros may stay.
            if not name.startswith("spend_")
        }


def test_a_month_is_believable(made: Month) -> None:
    ads, calls = made.sessions, made.costs
    assert len(ads) >= 150
    assert len(calls) >= 2300
    days = Counter(ad["created_at"].date() for ad in ads)
    assert (UNTIL.date() - min(days)).days < DAYS
    weekend = sum(count for day, count in days.items() if day.weekday() >= 5)
    assert weekend < 0.15 * len(ads)
    middle = sorted(ad["created_at"] for ad in ads)[len(ads) // 2]
    assert middle.day > 12, "more are made every week"
    stages = Counter(ad["stage"] for ad in ads)
    assert stages["complete"] > 0.4 * len(ads)
    assert {"created", "image_selection", "clip_selection", "failed"} <= set(stages)
    failed = [call for call in calls if not call["success"]]
    assert 0.01 * len(calls) < len(failed) < 0.1 * len(calls)
    assert any(call["cost_usd"] for call in failed), "some failures were paid"
    unknown = [call for call in calls if call["cost_usd"] is None]
    assert 5 < len(unknown) < 0.05 * len(calls)
    assert all(call["created_at"] <= UNTIL.replace(hour=23) for call in calls)
    assert sum(ad["total_cost"] for ad in ads) < 190
    assert max(ad["total_cost"] for ad in ads) < 10


def test_sums_and_ledger_agree(made: Month) -> None:
    sums: Counter[str] = Counter()
    for call in made.costs:
        sums[call["session_id"]] += call["cost_usd"] or 0
    assert all(ad["total_cost"] == sums[ad["id"]] for ad in made.sessions)


def test_it_counts_nowhere_and_is_removed_without_a_trace(
    commands: Commands, database: Database
) -> None:
    admin = add_person(database, "admin@example.com", Role.ADMIN)
    mine = commands.create_ad(admin)
    before = counts(database)
    [look] = paint_looks(["Oak chair"])
    month = make_month(2, UNTIL, [look] * len(PRODUCTS), days=4)
    with database.begin() as db:
        demo.add_month(db, month)
        marked = db.scalar(select(func.count()).where(AdSession.demo))
        ledger = db.scalar(select(func.sum(GenerationCost.cost_usd)))
        assert db.scalar(select(func.count()).select_from(Purse)) == 0
    assert marked == len(month.sessions)
    assert ledger
    assert commands.list_calls(admin, SpendFilter(), limit=5) == (0, ())
    assert commands.list_calls(admin, SpendFilter(demo=True), limit=0)[0] == len(month.costs)
    budgets = commands.list_budgets(admin)
    assert {b.spent + b.held for b in budgets} == {Decimal(0)}
    assert not [b for b in budgets if b.scope is Scope.TEAM and "demo" in b.name]
    keys = {asset["storage_key"] for asset in month.assets}
    assert all(storage().path(key).is_file() for key in keys)
    _looks_like_others(commands, admin, month)
    with database.begin() as db:
        removed, files = demo.remove_month(db)
    assert (removed, files) == (len(month.sessions), keys)
    assert counts(database) == before
    assert commands.list_calls(admin, SpendFilter(demo=True), limit=5) == (0, ())
    assert commands.spending_choices(admin).people == ()
    assert [ad.id for ad in commands.list_ads(admin)] == [mine.id]


def _looks_like_others(commands: Commands, admin: Person, month: Month) -> None:
    """Each loads whole, is marked, and cannot be gone on with."""
    for ad in commands.list_ads(admin, AdFilter(), limit=100):
        state = commands.load_ad(admin, ad.id)
        assert state.demo == ad.demo == (ad.id in {row["id"] for row in month.sessions})
        if state.demo:
            costs = commands.load_costs(admin, ad.id)
            assert state.total_cost == sum(entry.cost_usd or 0 for entry in costs.entries)
            assert not [image for image in state.images if image.stale]
    made_up = month.sessions[0]["id"]
    with pytest.raises(WrongStage, match="made up"):
        commands.start_images(admin, made_up, "oak chair")
    with pytest.raises(WrongStage, match="made up"):
        commands.duplicate_ad(admin, made_up)


def test_the_same_seed_gives_the_same_month(made: Month) -> None:
    again = make_month(1, UNTIL, LOOKS)
    assert again.sessions == made.sessions
    assert again.costs == made.costs


def test_a_team_that_somebody_has_joined_stays(database: Database) -> None:
    with database.begin() as db:
        demo.add_month(db, make_month(3, UNTIL, LOOKS, days=2))
        name = db.execute(text("SELECT min(name) FROM teams WHERE demo")).scalar_one()
    add_person(database, "new@example.com", team=name)
    with database.begin() as db:
        demo.remove_month(db)
        kept = db.execute(text("SELECT name, demo FROM teams WHERE name LIKE '%demo%'")).all()
        assert kept == [(name, False)]
