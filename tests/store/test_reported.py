"""What was said before a call and told after it: kept, summed up, and empty for calls of before."""

from __future__ import annotations

from decimal import Decimal
from importlib.resources import files

from alembic import command
from alembic.config import Config

from adgen.domain import Person, Role, SpendFilter
from adgen.reconcile import ModelCheck, compare
from adgen.store import rollup, spend
from adgen.store.database import Database
from adgen.store.spend_ask import Ask
from adgen.store.tables import now
from tests.conftest import add_person
from tests.store.ledgers import STAGES, Ledger

FLUX = STAGES["image_generator"][1]
CENTS = Decimal("0.05")


def checked(database: Database, person: Person) -> ModelCheck:
    """How the pictures' model stands."""
    rollup.prepare(database, "UTC")
    with database.begin() as db:
        [found] = compare(spend.model_days(Ask(db, person, SpendFilter()))).models
    assert found.model == FLUX
    return found


def migrated(database: Database, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("adgen.store") / "migrations"))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        move = command.upgrade if to == "head" else command.downgrade
        move(config, to)


def test_of_calls_from_before_nothing_was_told(database: Database) -> None:
    person = add_person(database, "ann@example.com", Role.ANALYST)
    ledger = Ledger(database)
    ad = ledger.ad(person, now())
    keys = [ledger.open(ad, "image_generator", now()) for _ in range(4)]
    for key, told in zip(keys[:3], (Decimal(1), Decimal(2), None), strict=True):
        ledger.settle(key, reported=told)
    # It failed, and is on the bill all the same.
    ledger.settle(keys[3], success=False)
    now_ = checked(database, person)
    assert (now_.logged, now_.reported, now_.told_logged) == (4 * CENTS, 3 * CENTS, 2 * CENTS)
    assert (now_.unreported, now_.estimated) == (2, 3 * CENTS)
    assert round(now_.off_report or 0, 4) == Decimal("-0.3333")
    rollup.fold(database, least=False)
    assert checked(database, person) == now_
    migrated(database, "0012-1")
    migrated(database, "head")
    # The sums are there as before, with what is not known any more said.
    before = checked(database, person)
    assert (before.calls, before.logged) == (now_.calls, now_.logged)
    assert before.reported is before.off_report is None
    assert before.unreported == 4
    ledger.settle(ledger.open(ad, "image_generator", now()), reported=Decimal(1))
    after = checked(database, person)
    assert (after.reported, after.told_logged, after.unreported) == (CENTS, CENTS, 4)
    assert (after.calls, after.estimated) == (5, 4 * CENTS)
