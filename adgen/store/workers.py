"""Worker slots: a name held by an advisory lock, so that it dies with its process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from adgen.store.database import Database
from adgen.store.tables import Worker, now

_SLOT_LOCK = 0x6164_6765  # first key of the two-key lock; the second is the slot's number
SLOTS = 64
HANDOVER_S = 3.0


class Slot:
    """The lowest free worker name. A restarted worker gets it back, with its unfinished runs."""

    def __init__(self, connection: Connection, number: int) -> None:
        self._connection = connection
        self.number = number
        self.executor_id = f"worker-{number}"

    @classmethod
    def take(cls, database: Database) -> Slot:
        """Take a slot; waits a moment for the first, whose last holder may be just going."""
        connection = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        end = time.monotonic() + HANDOVER_S
        while time.monotonic() < end:
            if _try(connection, 1):
                return cls(connection, 1)
            time.sleep(0.1)
        for number in range(2, SLOTS + 1):
            if _try(connection, number):
                return cls(connection, number)
        raise RuntimeError("all worker slots are taken")

    def held(self) -> bool:
        """Whether the lock still stands; a restarted server forgets it."""
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            return False
        return True

    def release(self) -> None:
        """Give the name back."""
        self._connection.close()


def _try(connection: Connection, number: int) -> bool:
    return bool(
        connection.scalar(
            text("SELECT pg_try_advisory_lock(:group, :number)"),
            {"group": _SLOT_LOCK, "number": number},
        )
    )


def keep_alive(db: Session, executor_id: str, pid: int, host: str, version: str) -> None:
    """Say that this worker is there."""
    values = {"pid": pid, "host": host, "version": version, "heartbeat": now()}
    db.execute(
        insert(Worker)
        .values(executor_id=executor_id, started_at=now(), **values)
        .on_conflict_do_update(index_elements=[Worker.executor_id], set_=values)
    )


def retire_worker(db: Session, executor_id: str) -> None:
    """An orderly goodbye. The row stays, so that others find what it left unfinished."""
    long_ago = now() - timedelta(days=1)
    db.execute(update(Worker).where(Worker.executor_id == executor_id).values(heartbeat=long_ago))


def orphans(database: Database, mine: str) -> Iterator[str]:
    """Slots that have a row but no living holder; each row is removed after the caller acted.

    The lock is held meanwhile, so that two workers never adopt the same one.
    """
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in connection.scalars(select(Worker.executor_id)).all():
            number = int(name.rpartition("-")[2])
            if name == mine or not _try(connection, number):
                continue
            try:
                yield name
                connection.execute(delete(Worker).where(Worker.executor_id == name))
            finally:
                connection.execute(
                    text("SELECT pg_advisory_unlock(:group, :number)"),
                    {"group": _SLOT_LOCK, "number": number},
                )


def any_at_work(db: Session) -> bool:
    """Whether any process holds a slot, heard of lately or not."""
    held = text("""
        SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
            AND classid = :group
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
    """)
    return bool(db.scalar(held, {"group": _SLOT_LOCK}))


def live_workers(db: Session, within_s: float = 10.0) -> int:
    """How many workers were heard of lately."""
    rows = db.scalars(select(Worker.heartbeat)).all()
    return sum((now() - beat).total_seconds() < within_s for beat in rows)
