"""The ledger: settled once, summed exactly, unknown stays unknown."""

from __future__ import annotations

from decimal import Decimal

from adgen.commands import Commands
from adgen.domain import Person
from adgen.store import costs, predictions, sessions
from adgen.store.database import Database
from adgen.store.predictions import Call, call_key


def open_call(database: Database, ad: str, slot: int, price: str | None) -> str:
    key = call_key(ad, "image", slot, 1)
    with database.begin() as db:
        predictions.add_intent(
            db,
            Call(key=key, session_id=ad, job_id="j", agent="image_generator", model="m", inputs={}),
        )
        costs.open_entry(
            db, session_id=ad, key=key, agent="image_generator", model="m", unit="image",
            unit_price=Decimal(price) if price else None, price_since="2026-11-24",
        )  # fmt: skip
    return key


def settle(database: Database, key: str, *, success: bool = True) -> Decimal | None:
    with database.begin() as db:
        settled = costs.settle_entry(
            db, key, success=success, quantity=Decimal(1), seconds=Decimal("1.5")
        )
        costs.charge(db, sessions.lock_ad(db, key.partition("/")[0]), None, settled)
        return settled.cost


def test_settling_twice_counts_once(commands: Commands, person: Person, database: Database) -> None:
    ad = commands.create_ad(person).id
    key = open_call(database, ad, 0, "0.05")
    assert [settle(database, key), settle(database, key)] == [Decimal("0.05")] * 2
    summary = commands.load_costs(person, ad)
    assert summary.total_cost == Decimal("0.05")
    assert len(summary.entries) == 1


def test_an_unknown_price_is_a_gap_and_no_zero(
    commands: Commands, person: Person, database: Database
) -> None:
    ad = commands.create_ad(person).id
    settle(database, open_call(database, ad, 0, None))
    settle(database, open_call(database, ad, 1, "0.05"), success=False)
    summary = commands.load_costs(person, ad)
    assert summary.entries[0].cost_usd is None
    assert summary.unpriced == 1
    assert summary.entries[1].success is False
    assert summary.total_cost == Decimal("0.05") == sum(summary.by_agent.values())


def test_a_pending_call_stands_in_the_ledger_before_it_is_made(
    commands: Commands, person: Person, database: Database
) -> None:
    ad = commands.create_ad(person).id
    open_call(database, ad, 0, "0.05")
    open_call(database, ad, 0, "0.05")
    [entry] = commands.load_costs(person, ad).entries
    assert entry.success is None
    assert entry.cost_usd is None
