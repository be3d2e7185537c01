"""Every version's rows come through to the newest one, and no older code touches newer tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from adgen import jobs
from adgen.backup import back_up, restore
from adgen.commands import Commands
from adgen.domain import Person, SpendFilter, Stage
from adgen.errors import InputRejected, Unavailable
from adgen.store import budgets, schema
from adgen.store.database import Database
from adgen.store.tables import AdSession
from tests.conftest import PASSWORD, ROOT, clean_env, until
from tests.test_backup import new_database, weights
from tests.test_cli import adgen

OLD = sorted((Path(__file__).parent / "old").glob("*.sql"))
VERSIONS = [path.stem for path in OLD]
# How many ads there were in each version.
OLD_OF = {version: number for number, version in enumerate(VERSIONS, 1)}
AD = "00000000-0000-4000-8000-00000000{}"
FILM = "99999999-0000-4000-8000-000000000001"
COST = Decimal("0.951")


def bring(database: Database, version: str) -> None:
    with database.engine.begin() as connection:
        schema.bring(connection, version)


@pytest.fixture
def old(server: str) -> Iterator[Database]:
    """A database that has been with us since the first version, without the last step."""
    with new_database(server) as made:
        for path in OLD:
            bring(made, path.stem)
            with made.engine.begin() as connection:
                connection.exec_driver_sql(path.read_text("utf-8"))
        yield made


@pytest.fixture
def upgraded(old: Database) -> Database:
    """As the next start of the app leaves it."""
    with old.migrating():
        jobs.migrate(old.url)
    return old


@pytest.fixture
def act(upgraded: Database) -> Iterator[Commands]:
    made = Commands(upgraded)
    yield made
    made.close()


def boss(act: Commands) -> Person:
    return act.sign_in("root@example.com", PASSWORD)[1]


def test_nothing_is_lost_on_the_way(old: Database) -> None:
    kept = ("users", "logins", "sessions", "assets", "predictions", "generation_costs", "jobs")
    before = weights(old)
    with old.migrating():
        pass
    after = weights(old)
    assert after["public.sessions"].rows == len(OLD)
    for name in (f"public.{name}" for name in kept):
        assert after[name].rows == before[name].rows
        if after[name].columns == before[name].columns:
            assert after[name] == before[name]
    assert after["public.generation_costs"].rows == 5 * len(OLD)


def test_every_ad_is_as_it_was(act: Commands) -> None:
    admin = boss(act)
    for version in VERSIONS:
        ad = act.load_ad(admin, AD.format(version))
        assert ad.title == f"Oak & Clay {version}"
        assert [image.cost for image in ad.images] == [Decimal("0.05"), Decimal("0.1")]
        assert [clip.id for clip in ad.clips] == [f"00000003-0000-4000-8000-00000000{version}"]
        assert ad.scenes[0].description == "slow"
        ledger = act.load_costs(admin, ad.id)
        assert (ad.total_cost, ledger.total_cost, ledger.unpriced) == (COST, COST, 1)
        assert sum(entry.cost_usd or 0 for entry in ledger.entries) == COST
    first = act.load_ad(admin, AD.format("0001"))
    assert first.stage is Stage.COMPLETE
    assert first.final_video
    assert [video.id for video in first.videos] == [FILM]
    assert first.shapes == ("16:9",)


def test_sums_are_the_ledgers(act: Commands, upgraded: Database) -> None:
    admin, spent = boss(act), COST * len(OLD)
    look = act.spending(admin, SpendFilter.of_zone("UTC"))
    assert look.total.cost == spent
    with upgraded.begin() as db:
        # Agency has had its own ads since the fifth version.
        own = db.get_one(AdSession, AD.format("0005"))
        by_scope = {budget.scope: budget.spent for budget in budgets.standing(db, own)}
    agency = COST * sum(version >= "0005" for version in VERSIONS)
    assert by_scope == {"ad": COST, "team": agency, "all": spent}


def test_people_get_in_as_before(act: Commands) -> None:
    ann, bob = act.who("an old login"), act.who("adg_an old token")
    assert (ann and ann.email, bob and bob.email) == ("ann@example.com", "bob@example.com")
    assert ann
    assert ann.team == "Studio"
    assert act.sign_in("ann@example.com", PASSWORD)[1] == ann
    # People see the ads that they saw, and those of no other team.
    assert act.count_ads(ann) == sum(version < "0005" for version in VERSIONS)
    assert act.load_brand(ann).background == "#112233"


def test_each_step_leads_back_and_forth(old: Database) -> None:
    for version in reversed(VERSIONS):
        with old.engine.begin() as connection:
            command.downgrade(schema._config(connection), version)
    bring(old, "head")
    with old.begin() as db:
        assert db.scalar(text("SELECT sum(total_cost) FROM sessions")) == COST * len(OLD)


def test_newer_tables_are_not_touched(database: Database, tmp_path: Path) -> None:
    with database.begin() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    before = weights(database)
    with pytest.raises(Unavailable, match="newer version of adgen"), database.migrating():
        pytest.fail("it started")
    run = adgen(tmp_path / "home", "user", "list", DATABASE_URL=database.url)
    assert run.returncode == 1
    assert run.stderr.startswith("adgen: This database has the tables of a newer version")
    assert len(run.stderr.splitlines()) == 1
    assert weights(database) == before


def test_who_starts_during_an_upgrade_waits_for_it(old: Database, tmp_path: Path) -> None:
    with old.alone():
        second = subprocess.Popen(
            [sys.executable, "-m", "adgen", "user", "list"],
            cwd=ROOT, env=clean_env(tmp_path / "two", DATABASE_URL=old.url),
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

        def waiting() -> bool:
            with old.begin() as db:
                return bool(db.scalar(text(waits)))

        until(waiting, what="the second start")
        with old.engine.connect() as connection:
            assert schema.present(connection) == VERSIONS[-1]
        bring(old, "head")
    told, _ = second.communicate(timeout=60)
    assert "ann@example.com" in told


def test_a_backup_of_an_older_version_is_brought_forward(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = "0005"
    with new_database(server) as made:
        for path in OLD[: OLD_OF[then]]:
            bring(made, path.stem)
            with made.engine.begin() as connection:
                connection.exec_driver_sql(path.read_text("utf-8"))
        jobs.migrate(made.url)
        with pytest.raises(InputRejected, match="Make the backup with that version"):
            back_up(made, tmp_path / "refused")
        # As the version of then, for which these tables were the newest.
        with monkeypatch.context() as patch:
            patch.setattr(schema, "newest", lambda: then)
            back_up(made, tmp_path / "kept")
    with new_database(server) as there:
        manifest = restore(there, tmp_path / "kept")
        assert manifest.schema_version == then
        assert manifest.ledger == COST * OLD_OF[then]
        with there.engine.connect() as connection:
            assert schema.present(connection) == schema.newest()
        act = Commands(there)
        assert act.load_ad(boss(act), AD.format(then)).total_cost == COST
        assert act.who("an old login")
        act.close()
