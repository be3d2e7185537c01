"""Backups while the app works, the way back into an empty installation, and what is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text

from adgen import demo, jobs
from adgen.backup import FILES, MANIFEST, SEAL, back_up, restore, verify
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import JobStatus, Person, Stage
from adgen.errors import AdgenError, InputRejected
from adgen.providers.looks import Look
from adgen.providers.storage import storage
from adgen.store import demo as demo_rows
from adgen.store import dump, files, schema
from adgen.store.database import Database, dialect_url
from adgen.store.secrets import REDIS, shared_secret
from adgen.store.workers import live_workers
from tests.conftest import PASSWORD, SAMPLE, add_person, until
from tests.replicate_server import ReplicateServer
from tests.studio import Studio, environment, studio
from tests.test_cli import adgen

PHOTOS = sorted(SAMPLE.glob("*.jpg"))
# What a restore changes on purpose: runs are stopped, and counted; Redis gets another name.
CHANGED = (
    "public.jobs", "public.sessions", "public.secrets", "public.meter_tail", "dbos.workflow_status",
)  # fmt: skip


@contextmanager
def new_database(server: str) -> Iterator[Database]:
    """A database in which nobody has made a table yet."""
    name = f"n_{uuid4().hex[:12]}"
    admin = create_engine(dialect_url(server, "psycopg2"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    made = Database(server.replace("/postgres?", f"/{name}?"))
    yield made
    made.engine.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def elsewhere(server: str, tmp_path: Path) -> Iterator[Database]:
    """Another installation: an empty database and an empty home."""
    with new_database(server) as made, environment({"ADGEN_HOME": str(tmp_path / "elsewhere")}):
        yield made


@pytest.fixture
def lived_in(database: Database, commands: Commands, person: Person) -> Database:
    """A made-up month, photos, a run that waits, and a login."""
    with database.begin() as db:
        stored = storage().put(PHOTOS[2].read_bytes(), "image/jpeg")
        looks = [Look(views=(stored,) * 6, clip=stored)] * len(demo.PRODUCTS)
        hour = datetime(2026, 11, 27, 17, tzinfo=UTC)
        demo_rows.add_month(db, demo.make_month(1, hour, looks))
        shared_secret(db, REDIS)
    ad = commands.create_ad(person)
    commands.add_photo(person, ad.id, PHOTOS[0].read_bytes(), PHOTOS[0].name)
    commands.start_images(person, ad.id, "oak chair")
    commands.sign_in(person.email, PASSWORD)
    return database


def weights(database: Database) -> dict[str, dump.Table]:
    """Every table with the number and the digest of its rows."""
    with dump.one_moment(database) as db:
        return {table.name: dump.weigh(db, table) for table in dump.list_tables(db)}


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder and its hash."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def ledger(database: Database) -> tuple[Decimal, Decimal, int]:
    with database.begin() as db:
        one = "SELECT sum(cost_usd), (SELECT sum(total_cost) FROM sessions), count(*)"
        return tuple(db.execute(text(f"{one} FROM generation_costs")).one())


def test_everything_comes_back_as_it_was(
    lived_in: Database, server: str, tmp_path: Path, person: Person
) -> None:
    made = back_up(lived_in, tmp_path / "kept")
    before, spent = weights(lived_in), ledger(lived_in)
    stored = contents(settings().files)
    assert made.copied == len(stored) == len(made.manifest.files)
    assert made.manifest.ledger == spent[0]
    assert spent[2] > 1000
    home = {"ADGEN_HOME": str(tmp_path / "elsewhere")}
    with new_database(server) as there, environment(home):
        assert restore(there, tmp_path / "kept") == made.manifest
        after = weights(there)
        assert {name for name in before if before[name] != after[name]} == set(CHANGED)
        assert ledger(there) == spent
        assert contents(settings().files) == stored
        act = Commands(there)
        try:
            assert act.sign_in(person.email, PASSWORD)[1] == person
            # The next rows get numbers that none has had.
            act.add_token(person, "nightly render")
            [ad] = [ad for ad in act.list_ads(person) if not ad.demo]
            state = act.load_ad(person, ad.id)
            assert (state.stage, state.job and state.job.status) == (Stage.FAILED, JobStatus.FAILED)
            assert "Stopped by restoring the backup" in str(state.failure)
            assert state.missing
            act.retry(person, ad.id)
        finally:
            act.close()
        # What keeps sums by itself does so again.
        with there.begin() as db:
            db.execute(text("UPDATE generation_costs SET cost_usd = 1 WHERE settled_at < now()"))
            assert db.scalar(text("SELECT count(*) FROM spend_tail")) > 1000


def test_files_are_copied_once_and_rows_each_time(
    lived_in: Database, commands: Commands, person: Person, tmp_path: Path
) -> None:
    first = back_up(lived_in, tmp_path / "kept")
    [ad] = [ad for ad in commands.list_ads(person) if not ad.demo]
    commands.cancel(person, ad.id)
    commands.add_photo(person, ad.id, PHOTOS[1].read_bytes(), PHOTOS[1].name)
    first.folder.rename(tmp_path / "kept" / "20200101T000000Z")
    second = back_up(lived_in, tmp_path / "kept")
    assert (first.copied, second.copied) == (len(first.manifest.files), 1)
    assert verify(tmp_path / "kept") == (second.folder, second.manifest)
    assert verify(tmp_path / "kept" / "20200101T000000Z")[1] == first.manifest


def test_a_file_that_is_lost_is_told_and_keeps_nobody_from_a_backup(
    lived_in: Database, tmp_path: Path
) -> None:
    with lived_in.begin() as db:
        one, other = sorted(files.named_keys(db))[:2]
    storage().remove(one)
    path = storage().path(other)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    made = back_up(lived_in, tmp_path / "kept")
    assert made.manifest.missing == (one, other)
    assert verify(tmp_path / "kept")[1] == made.manifest


@pytest.fixture(scope="module")
def kept(server: str, short_tmp: Path) -> Path:
    """A small backup, for tests that copy it."""
    folder = short_tmp / "kept"
    home = {"ADGEN_HOME": str(short_tmp / "small"), "ADGEN_OFFLINE_LOOK": "plain"}
    with new_database(server) as database, environment(home):
        with database.migrating():
            jobs.migrate(database.url)
        commands = Commands(database)
        person = add_person(database, "ann@example.com")
        ad = commands.create_ad(person)
        commands.add_photo(person, ad.id, PHOTOS[0].read_bytes(), PHOTOS[0].name)
        commands.close()
        back_up(database, folder)
    return folder


def test_only_an_empty_installation_is_filled(
    kept: Path, lived_in: Database, tmp_path: Path
) -> None:
    before = weights(lived_in)
    with pytest.raises(InputRejected, match="Set ADGEN_HOME to a new folder"):
        restore(lived_in, kept)
    assert weights(lived_in) == before


def test_an_installation_that_was_only_looked_at_counts_as_empty(
    kept: Path, database: Database, tmp_path: Path
) -> None:
    with database.begin() as db:
        shared_secret(db, REDIS)
    manifest = restore(database, kept)
    assert weights(database)["public.users"].rows == 1
    with pytest.raises(InputRejected, match="in use"):
        restore(database, kept)
    assert manifest.at_rest


def flip(path: Path) -> None:
    """One byte in the middle is another one."""
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def newer(here: Path, **change: object) -> None:
    """As a later version would write it."""
    body = json.dumps({**json.loads((here / MANIFEST).read_bytes()), **change}).encode()
    (here / MANIFEST).write_bytes(body)
    (here / SEAL).write_text(f"{hashlib.sha256(body).hexdigest()}  {MANIFEST}\n")


def photo(here: Path) -> Path:
    return next((here.parent / FILES).rglob("*.jpg"))


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte of a file": (lambda here: flip(photo(here)), "damaged: .*jpg has changed"),
    "a byte of the rows": (lambda here: flip(here / "public.sessions.gz"), "damaged: .*sessions"),
    "a byte of the manifest": (lambda here: flip(here / MANIFEST), "manifest.json was changed"),
    "no file": (lambda here: photo(here).unlink(), "not whole: .*jpg is missing"),
    "no rows": (lambda here: (here / "public.users.gz").unlink(), "not whole: .*users.gz is"),
    "no manifest": (lambda here: (here / MANIFEST).unlink(), "interrupted; name an older one"),
    "no seal": (lambda here: (here / SEAL).unlink(), "interrupted; name an older one"),
    "a newer form": (lambda here: newer(here, format=2), "made by a newer version"),
    "a newer schema": (lambda here: newer(here, schema_version="9999"), "made by a newer version"),
    "nothing": (lambda here: shutil.rmtree(here), "There is no backup in"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_is_not_whole_is_refused_before_anything_is_touched(
    kept: Path, elsewhere: Database, tmp_path: Path, how: str
) -> None:
    spoil, words = SPOILT[how]
    copy = tmp_path / "copy"
    shutil.copytree(kept, copy)
    spoil(next(copy.glob("*Z")))
    for act in (lambda: verify(copy), lambda: restore(elsewhere, copy)):
        with pytest.raises(InputRejected, match=words):
            act()
    assert weights(elsewhere) == {}
    assert not settings().files.exists()


def test_a_restore_that_breaks_off_leaves_an_empty_installation(
    kept: Path, elsewhere: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        # As when rows do not come back as they went.
        patch.setattr(dump, "weigh", lambda _, table: table.model_copy(update={"rows": -1}))
        with pytest.raises(AdgenError, match="Nothing was kept"):
            restore(elsewhere, kept)
    with elsewhere.engine.connect() as connection:
        assert schema.present(connection) is None
    restore(elsewhere, kept)
    assert weights(elsewhere)["public.users"].rows == 1


def test_the_command_line_says_what_it_did(kept: Path, elsewhere: Database, tmp_path: Path) -> None:
    there = {"DATABASE_URL": elsewhere.url}
    run = adgen(tmp_path / "cli", "restore", str(kept), **there)
    assert (run.returncode, run.stderr) == (0, "")
    assert "People sign in with the passwords they had" in run.stdout
    run = adgen(tmp_path / "cli", "backup", str(tmp_path / "again"), **there)
    assert (run.returncode, run.stderr) == (0, "")
    assert "1 files" in run.stdout
    run = adgen(tmp_path / "cli", "backup", "--verify", str(tmp_path / "again"), **there)
    assert "is whole" in run.stdout
    run = adgen(tmp_path / "cli", "restore", str(kept), **there)
    assert run.returncode == 1
    assert run.stderr.startswith("adgen: This installation is in use")
    assert len(run.stderr.splitlines()) == 1


# Money


def ordered(house: Studio, ad_id: str, stage: str, orders: int) -> None:
    """So many calls of a stage are on their way."""

    def known() -> bool:
        with house.database.begin() as db:
            asked = "SELECT count(*) FROM predictions WHERE status = 'started' AND key LIKE :key"
            return bool(db.scalar(text(asked), {"key": f"{ad_id}/{stage}/%"}) == orders)

    until(known, what=f"{orders} orders of {stage}")


def at_work(house: Studio) -> None:
    """Its worker looks for runs."""

    def alive() -> bool:
        with house.database.begin() as db:
            return live_workers(db) > 0

    until(alive, what="a worker")


@contextmanager
def restored(
    server: str, home: Path, original: Studio, kept: Path, **how: bool
) -> Iterator[Studio]:
    """A copy beside the original, at the same provider and on the same account."""
    with new_database(server) as there, environment({**original.env, "ADGEN_HOME": str(home)}):
        restore(there, kept, **how)
        copy = Studio(there, home, original.fake, original.env)
        copy.person = original.person
        try:
            yield copy
        finally:
            copy.close()


@pytest.mark.parametrize(
    ("stage", "under_way", "made_anew"),
    [("brief", 1, 6), pytest.param("image", 6, 0, marks=pytest.mark.drill)],
)
def test_a_copy_beside_the_original_orders_nothing_by_itself(
    server: str, short_tmp: Path, stage: str, under_way: int, made_anew: int
) -> None:
    home = short_tmp / stage
    with ReplicateServer() as fake, studio(server, home / "first", fake) as original:
        original.start_worker()
        fake.seconds |= {"text": 0.1, "image": 0.1, "clip": 0.1}
        done = original.images("oak chair")
        fake.seconds |= {"text": 3.0, "image": 3.0, "clip": 0.1}
        ad = original.begin()
        ordered(original, ad, stage, under_way)
        back_up(original.database, home / "kept")
        with pytest.raises(InputRejected, match="ordered and paid again"):
            restore(original.database, home / "kept", go_on=True)
        with restored(server, home / "second", original, home / "kept") as copy:
            copy.start_worker()
            at_work(copy)
            assert copy.state(done.id) == done
            assert copy.commands.sign_in(copy.person.email, PASSWORD)[1] == copy.person
            # By then the copy's worker has long looked for what there is to do.
            original.ended(ad)
            assert len(fake.creations) == 14
            assert copy.state(ad).stage is Stage.FAILED
            # A retry fetches what had been ordered, and orders what had not.
            fake.seconds |= {"text": 0.1, "image": 0.1, "clip": 0.1}
            copy.commands.retry(copy.person, ad)
            assert len(copy.ended(ad).images) == 6
            assert len(fake.creations) == 14 + made_anew
        assert len(original.state(ad).images) == 6
        assert original.slots_made_twice() == 0


def test_a_house_that_moved_goes_on_where_it_was(server: str, short_tmp: Path) -> None:
    seconds = {"text": 0.1, "image": 1.0, "clip": 0.1}
    with (
        ReplicateServer(seconds=seconds) as fake,
        studio(server, short_tmp / "old", fake) as original,
    ):
        worker = original.start_worker()
        ad = original.begin()
        ordered(original, ad, "image", 6)
        original.kill(worker)
        back_up(original.database, short_tmp / "move")
        sent = len(fake.creations)
        move = restored(server, short_tmp / "new", original, short_tmp / "move", go_on=True)
        with move as copy:
            assert copy.state(ad).working
            copy.start_worker()
            assert len(copy.ended(ad).images) == 6
            assert len(fake.creations) == sent
            copy.audit()
