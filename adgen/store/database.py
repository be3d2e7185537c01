"""One engine a process, short transactions, migrations under a lock, NOTIFY."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import groupby
from select import select as select_ready
from typing import Any

import psycopg2
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from adgen.domain import JobInfo
from adgen.errors import Unavailable
from adgen.store import schema

_MIGRATE_LOCK = 0x6164_6765_6E01  # "adgen" 01
CHANNEL = "adgen"
RUNS_CHANNEL = "adgen_runs"
# The same changes by their numbers, for those who compare what was read when.
MARKS_CHANNEL = "adgen_marks"
_MARK = "="
# In place of an ad's id: what concerns them all has changed.
EVERY_AD = "*"
# What tells this process from every other, on any machine.
PROCESS = secrets.token_hex(4)
# Postgres takes less than 8000 bytes.
_NOTICE_MAX = 7900


def name_of(process: str) -> str:
    """What the connections of a process are called in the server."""
    return f"adgen {process}"


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
        # What people wrote is in them, and errors are logged.
        hide_parameters=True,
        connect_args={
            "connect_timeout": 5,
            "options": "-c timezone=utc",
            "application_name": name_of(PROCESS),
        },
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
        except DBAPIError as error:
            if not is_passing(error):
                raise
            where = make_url(self.url).render_as_string(hide_password=True)
            reason = str(error.orig).strip().splitlines()[0]
            raise Unavailable(
                f"The database at {where} cannot be reached ({reason}). "
                "Check DATABASE_URL, or leave it out to use the built-in database."
            ) from error

    @contextmanager
    def migrating(self) -> Iterator[None]:
        """Bring the tables to the newest schema, then hold the lock for the engine's own.

        Raises Unavailable when they are newer than this code.
        """
        with self.alone():
            with self.engine.begin() as connection:
                schema.bring(connection)
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else makes or changes tables; who starts at the same time waits here."""
        with self.engine.connect() as lock:
            lock.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _MIGRATE_LOCK})
            try:
                yield
            finally:
                lock.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _MIGRATE_LOCK})


def listen(
    database: Database, channel: str, stop: Callable[[], bool], also: str = ""
) -> Iterator[str]:
    """What any process says on a channel or two, in order; ends when `stop`.

    An empty text comes first and at least every second, so that a caller can look around.
    Raises Unavailable when the server goes away.
    """
    try:
        yield from _listen(database, [channel, also] if also else [channel], stop)
    except psycopg2.Error as error:
        raise Unavailable(f"The database cannot be listened to: {error}") from error


def _listen(database: Database, channels: list[str], stop: Callable[[], bool]) -> Iterator[str]:
    raw = database.engine.raw_connection()
    try:
        connection: Any = raw.driver_connection
        connection.autocommit = True
        connection.cursor().execute("; ".join(f"LISTEN {channel}" for channel in channels))
        yield ""
        while not stop():
            select_ready([connection], [], [], 1.0)
            connection.poll()
            said = [notice.payload for notice in connection.notifies] or [""]
            connection.notifies.clear()
            # One word twice in a row is one; to leave out more would put words into another order.
            yield from (word for word, _ in groupby(said))
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
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        # A server that died within a statement is no OperationalError to psycopg2.
        return True
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout | Unavailable)


def notify(db: Session, session_id: str, job: JobInfo | None = None) -> None:
    """Tell listeners, at commit, that this ad changed; with `job`, that only its run did."""
    said = f"{session_id} {job.model_dump_json()}" if job else session_id
    # What is too long for Postgres says that there is something to read.
    said = said if len(said.encode()) < _NOTICE_MAX else session_id
    # The number first: who has heard that something changed knows by then what to look for.
    db.execute(
        text(
            "SELECT pg_notify(:marks, :mark || pg_current_xact_id()::text), "
            "pg_notify(:channel, :said)"
        ),
        {
            "marks": MARKS_CHANNEL,
            "mark": f"{_MARK}{session_id} ",
            "channel": CHANNEL,
            "said": said,
        },
    )


def marked(said: str) -> tuple[str, int] | None:
    """The ad and the number of its change, when it was said on the channel of marks."""
    session_id, _, change = said.removeprefix(_MARK).partition(" ")
    return (session_id, int(change)) if said.startswith(_MARK) else None


def heard(said: str) -> tuple[str, JobInfo | None]:
    """What `notify` told: the ad, and its run if only that has changed."""
    session_id, _, job = said.partition(" ")
    return session_id, JobInfo.model_validate_json(job) if job else None
