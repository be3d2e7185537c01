"""Worker slots: a name held by an advisory lock, so that it dies with its process.

Each process has an id of its own, `worker-2-9f31c0aa`: the slot, and what its connections are
called. So nothing of a process that is gone, or that was frozen and wakes, is taken for its
successor's.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from adgen.lease import clock
from adgen.store.database import PROCESS, Database, name_of
from adgen.store.tables import Worker, now

_SLOT_LOCK = 0x6164_6765  # first key of the two-key lock; the second is the slot's number
SLOTS = 64
HANDOVER_S = 3.0
# A restarted server has forgotten every lock; so long its workers have to take theirs again.
RETAKE_S = 6.0
# Who has not looked for so long cannot say how long others were silent.
_WATCHED_S = 10.0


class Slot:
    """The lowest free worker name."""

    def __init__(self, database: Database, connection: Connection, number: int) -> None:
        self._database = database
        self._connection = connection
        self.number = number
        self.name = f"worker-{number}"
        self.executor_id = f"{self.name}-{PROCESS}"

    @classmethod
    def take(cls, database: Database) -> Slot:
        """Take a slot; waits a moment for the first, whose last holder may be just going."""
        connection = _connect(database)
        end = time.monotonic() + HANDOVER_S
        while time.monotonic() < end:
            if _try(connection, 1):
                return cls(database, connection, 1)
            time.sleep(0.1)
        for number in range(2, SLOTS + 1):
            if _try(connection, number):
                return cls(database, connection, number)
        raise RuntimeError("all worker slots are taken")

    def held(self) -> bool:
        """Whether the lock still stands; a restarted server forgets it."""
        if self._connection.closed:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            return False
        return True

    def retake(self) -> bool:
        """Take the same name again after the server forgot it; False when another has it."""
        self.release()
        self._connection = _connect(self._database)
        return _try(self._connection, self.number)

    def release(self) -> None:
        """Give the name back."""
        if self._connection.closed:
            return
        # Also what the server has closed already must not go back to the pool.
        self._connection.invalidate()
        self._connection.close()


def _connect(database: Database) -> Connection:
    return database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _try(connection: Connection, number: int) -> bool:
    return bool(
        connection.scalar(
            text("SELECT pg_try_advisory_lock(:group, :number)"),
            {"group": _SLOT_LOCK, "number": number},
        )
    )


def sign_on(db: Session, slot: Slot, *, pid: int, host: str, version: str, takes: str) -> None:
    """Say that this worker is there, before it takes any run."""
    db.add(
        Worker(
            executor_id=slot.executor_id, pid=pid, host=host, version=version, takes=takes,
            started_at=now(), heartbeat=now(),
        )
    )  # fmt: skip


def keep_alive(db: Session, executor_id: str) -> bool:
    """Say that this worker is still there; False when it was taken for dead."""
    beat = (
        update(Worker)
        .where(Worker.executor_id == executor_id)
        .values(heartbeat=now())
        .returning(Worker.executor_id)
    )
    return db.scalar(beat) is not None


def sign_off(db: Session, executor_id: str) -> None:
    """The worker is gone and its runs are somebody else's."""
    db.execute(delete(Worker).where(Worker.executor_id == executor_id))


def end_connections(db: Session, executor_id: str) -> int:
    """End what a gone worker holds in the database; gives how many connections.

    A frozen process keeps its connections, and with them the locks of what it was about to do.
    """
    ended = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE application_name = :name AND pid <> pg_backend_pid()"
    )
    name = name_of(executor_id.rpartition("-")[2])
    return int(db.scalar(ended, {"name": name}) or 0)


class Gone(NamedTuple):
    """A worker that is no more, and how that is known."""

    executor_id: str
    why: str


class Watchman:
    """Which other workers are gone: by their locks, or by silence as this process heard it.

    No clock of another machine is asked: what counts is how long nothing changed while we looked.
    """

    def __init__(self, mine: str, silent_s: float) -> None:
        self._mine, self._silent_s = mine, silent_s
        self._heard: dict[str, tuple[datetime, float]] = {}
        self._looked = 0.0

    def look(self, db: Session) -> list[Gone]:
        """Those who are gone at this moment."""
        moment = clock()
        if moment - self._looked > _WATCHED_S:
            self._heard.clear()
        self._looked = moment
        rows = db.execute(select(Worker.executor_id, Worker.heartbeat)).all()
        beats = {name: beat for name, beat in rows if name != self._mine}
        self._heard = {name: heard for name, heard in self._heard.items() if name in beats}
        held = _held_slots(db) if beats else None
        found = []
        for name, beat in beats.items():
            if name not in self._heard or self._heard[name][0] != beat:
                self._heard[name] = (beat, moment)
            if why := self._why(name, moment, held):
                found.append(Gone(name, why))
        return found

    def _why(self, name: str, moment: float, held: Collection[int] | None) -> str:
        number = _number(name)
        if number == _number(self._mine):
            return "its slot is ours now"
        if held is not None and number not in held:
            return "it ended"
        silent = moment - self._heard[name][1]
        return f"silent for {silent:.0f} s" if silent > self._silent_s else ""


def _number(executor_id: str) -> int:
    return int(executor_id.split("-")[1])


def _held_slots(db: Session) -> set[int] | None:
    """The slots somebody holds; None while a restarted server cannot tell."""
    settled = text("SELECT clock_timestamp() - pg_postmaster_start_time()")
    if (db.scalar(settled) or timedelta()).total_seconds() < RETAKE_S:
        return None
    held = text(
        "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = :group "
        "AND objsubid = 2 AND granted "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return set(db.scalars(held, {"group": _SLOT_LOCK}))


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


def versions_taken(db: Session) -> set[str]:
    """The versions of runs that the workers take."""
    return set(db.scalars(select(Worker.takes)))


def known_workers(db: Session) -> set[str]:
    """The ids of all who have signed on and not off."""
    return set(db.scalars(select(Worker.executor_id)))
