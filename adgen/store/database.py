"""One engine a process, short transactions, migrations under a lock, NOTIFY."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from select import select as select_ready
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from adgen.errors import Unavailable

_MIGRATE_LOCK = 0x6164_6765_6E01  # "adgen" 01
CHANNEL = "adgen"
RUNS_CHANNEL = "adgen_runs"


def dialect_url(url: str, driver: str) -> str:
    """The same database for another driver (`psycopg2` for us, `psycopg` for the engine).

    Raises Unavailable when it is not the address of a Postgres database.
    """
    try:
        parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.get_backend_name() != "postgresql":
        raise Unavailable(
            "DATABASE_URL is not the address of a Postgres database. It looks like "
            "postgresql://user:password@host:5432/name; leave it out to use the built-in one."
        )
    return parsed.set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)


@lru_cache(maxsize=4)
def engine_for(url: str) -> Engine:
    """The pooled engine of a database; pre-ping survives a restarted server."""
    return create_engine(
        dialect_url(url, "psycopg2"),
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=12,
        connect_args={"connect_timeout": 5, "options": "-c timezone=utc"},
    )


class Database:
    """The app's tables. `begin()` is the only way in."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = engine_for(url)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction; commits at the end, rolls back on any error."""
        with Session(self.engine, expire_on_commit=False) as db, db.begin():
            yield db

    def check(self) -> None:
        """Raise Unavailable with a plain line when the database does not answer."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except OperationalError as error:
            where = make_url(self.url).render_as_string(hide_password=True)
            reason = str(error.orig).strip().splitlines()[0]
            raise Unavailable(
                f"The database at {where} cannot be reached ({reason}). "
                "Check DATABASE_URL, or leave it out to use the built-in database."
            ) from error

    @contextmanager
    def migrating(self) -> Iterator[None]:
        """Bring the tables to the newest schema, then hold the lock for the engine's own.

        Several processes may start at once; they wait for each other here.
        """
        config = Config()
        config.set_main_option("script_location", str(files(__package__) / "migrations"))
        with self.engine.connect() as lock:
            lock.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATE_LOCK})
            try:
                with self.engine.begin() as connection:
                    config.attributes["connection"] = connection
                    command.upgrade(config, "head")
                yield
            finally:
                lock.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATE_LOCK})


def listen(database: Database, channel: str, stop: Callable[[], bool]) -> Iterator[str]:
    """What any process says on a channel, repeats once; ends when `stop`.

    An empty text comes first and at least every second, so that a caller can look around.
    Raises OperationalError when the server goes away.
    """
    raw = database.engine.raw_connection()
    try:
        connection: Any = raw.driver_connection
        connection.autocommit = True
        connection.cursor().execute(f"LISTEN {channel}")
        yield ""
        while not stop():
            select_ready([connection], [], [], 1.0)
            connection.poll()
            seen = {notice.payload for notice in connection.notifies}
            connection.notifies.clear()
            yield from seen or {""}
    finally:
        # It listens still, so it must not go back to the pool.
        raw.invalidate()
        raw.close()


def notify_run(db: Session, queue: str) -> None:
    """Tell workers, at commit, that a run waits in this queue."""
    db.execute(
        text("SELECT pg_notify(:channel, :queue)"), {"channel": RUNS_CHANNEL, "queue": queue}
    )


def is_passing(error: BaseException) -> bool:
    """Whether the same call may work in a moment: the server restarts, the disk is full."""
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout | Unavailable)


def notify(db: Session, session_id: str) -> None:
    """Tell listeners, at commit, that this ad changed."""
    db.execute(text("SELECT pg_notify(:channel, :id)"), {"channel": CHANNEL, "id": session_id})
