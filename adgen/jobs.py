"""The only file that knows DBOS: durable runs, their queues, recovery of dead workers' runs.

The web process only enqueues and cancels (`Runs`); the worker also launches (`Engine`).
Source of the settings: the measurements named in docs/decisions/0002-dbos.md.
"""

from __future__ import annotations

import functools
import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, ParamSpec, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions, _queue
from dbos import error as dbos_error
from sqlalchemy import event, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session

from adgen import logs
from adgen.lease import LEASE

P = ParamSpec("P")
R = TypeVar("R")

APP = "adgen"
# Raise only when the order of steps inside a workflow changes: runs of an older version wait for
# a worker of that version.
VERSION = "adgen-4"

# Looks of a queue for work, in seconds apart: at the least, for a while after a ring, and else.
SOONEST_S, BUSY_POLL_S, BUSY_S, IDLE_POLL_S = 0.05, 1.0, 10.0, 2.0
# A finished run gives its place back a moment after its last line.
FREED_S = 0.03

FORGET_AT_ONCE = 500

# Stages; their calls, and ahead of them the first call of whoever has no other; films to cut.
STAGES = "stages"
CALLS = "calls"
FIRSTS = "firsts"
CUTS = "cuts"
QUEUES = (STAGES, CALLS, FIRSTS, CUTS)
# Stages that are begun or planned at once, and films that are cut, by one worker.
STAGES_AT_ONCE, CUTS_AT_ONCE = 64, 2
# Each person may have all places of a worker but one in so many.
_LEFT_OVER = 7


# What each of the engine's threads says while the server is away; the worker says it once.
_AWAY = re.compile(
    "connection (failed|is bad|to server)|server closed|terminating connection|"
    "OperationalError|InterfaceError|AdminShutdown"
)
_SAID_AGAIN_S = 10.0


# A person stopped a run while its step was at work.
_STOPPED = (dbos_error.DBOSAwaitedWorkflowCancelledError, dbos_error.DBOSWorkflowCancelledError)
_STOPPED_WORDS = "is no longer owned by this execution"


class _News(logging.Filter):
    """Of what the engine reports, one line each, and neither twice nor that a run was stopped."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is news."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _STOPPED) or _STOPPED_WORDS in record.getMessage():
            return False
        if record.levelno > logging.WARNING:
            return True
        whole = f"{record.getMessage().strip()}\n{type(error).__name__}: {error}"
        said = whole.partition("\n")[0]
        if error:
            said = f"{said}: {str(error).strip().partition(chr(10))[0]}"
        record.msg, record.args, record.exc_info = said, None, None
        moment = time.monotonic()
        new = moment - self._said.get(said, -_SAID_AGAIN_S) >= _SAID_AGAIN_S
        self._said = {said: moment} if len(self._said) > 100 else {**self._said, said: moment}
        return new and not _AWAY.search(whole)


logging.getLogger("dbos").setLevel(logging.WARNING)
logging.getLogger("dbos").addFilter(_News())


@event.listens_for(PGDialect_psycopg, "handle_error")
def _tell_away(context: ExceptionContext) -> None:
    """A server whose socket file is gone is away, like one that refuses.

    psycopg says "connection is bad" of it, and only "connection failed" is waited out by DBOS
    (`retriable_postgres_exception`, 3.4): the run would fail. Ours go by psycopg2.
    """
    if str(context.original_exception).startswith("connection is bad"):
        context.is_disconnect = True


# Steps and workflows keep their own signatures.
workflow: Callable[..., Callable[[Callable[P, R]], Callable[P, R]]] = DBOS.workflow


def step(passing: Callable[[BaseException], bool]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A checkpointed call, tried again for some minutes while its failure is a `passing` one.

    Only for calls that are safe to repeat; any other failure is final at once.
    """
    checkpointed: Callable[[Callable[P, R]], Callable[P, R]] = DBOS.step(
        retries_allowed=True, max_attempts=10, interval_seconds=0.5, should_retry=passing
    )

    def decorate(call: Callable[P, R]) -> Callable[P, R]:
        repeatable = checkpointed(call)

        @functools.wraps(call)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            with _STEPS:
                return repeatable(*args, **kwargs)

        return counted

    return decorate


def is_interruption(error: Exception) -> bool:
    """Whether the engine is stopping or was told to: the run goes on later, it did not fail."""
    return isinstance(error, dbos_error.DBOSException) and not isinstance(
        error, dbos_error.DBOSMaxStepRetriesExceeded
    )


def sleep(seconds: float) -> None:
    """Wait durably: a restart waits only for what is left."""
    DBOS.sleep(seconds)


class _Steps:
    """The steps that run in this process; while it ends, no more begin."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._closed = False

    def __enter__(self) -> None:
        with self._lock:
            closed = self._closed
            self._count += not closed
        if closed:
            # Its run is handed over; this thread ends with the process.
            threading.Event().wait()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1

    @property
    def closed(self) -> bool:
        """Whether the process is ending."""
        return self._closed

    def close(self) -> None:
        """Let no step begin from now on."""
        with self._lock:
            self._closed = True

    def wait(self, seconds: float) -> None:
        """Wait until none runs any more, or so long."""
        end = time.monotonic() + seconds
        while self._count and time.monotonic() < end:
            time.sleep(0.05)


_STEPS = _Steps()


class Bell:
    """Tells a queue when to look: at once when rung, often for a while after, seldom else.

    The engine only polls, and often enough to be quick costs 7 % of a core with nothing to do.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._rung = 0
        self._busy_until = 0.0

    def ring(self) -> None:
        """Something waits in the queue."""
        with self._changed:
            self._rung += 1
            self._busy_until = time.monotonic() + BUSY_S
            self._changed.notify_all()

    def wait(self, stop: threading.Event, seconds: float, heard: int) -> int:
        """Wait for a ring since `heard`, `seconds`, or the end; gives the rings so far."""
        with self._changed:
            busy = time.monotonic() < self._busy_until
            limit = min(seconds, BUSY_POLL_S) if busy else seconds
            self._changed.wait_for(lambda: self._rung != heard or stop.is_set(), limit)
            return self._rung


_BELLS = {queue: Bell() for queue in QUEUES}


def ring(queue: str) -> None:
    """Something new waits in the queue; without it the queue finds out a little later."""
    if bell := _BELLS.get(queue):
        bell.ring()


def ring_soon(queue: str) -> None:
    """A place is about to be free."""
    timer = threading.Timer(FREED_S, ring, [queue])
    timer.daemon = True
    timer.start()


def _ring_all() -> None:
    for queue in _BELLS:
        ring(queue)


class _Rung(threading.Event):
    """A queue thread's stop event, whose waits also end when its bell rings."""

    def __init__(self, stop: threading.Event, bell: Bell) -> None:
        super().__init__()
        self._stop, self._bell = stop, bell
        self._heard, self._looked = 0, 0.0

    def is_set(self) -> bool:
        """Whether the engine stops."""
        return self._stop.is_set() or _STEPS.closed

    def wait(self, timeout: float | None = None) -> bool:
        """As an event's, but it may end early."""
        # Many rings at once are one look.
        self._stop.wait(max(0.0, self._looked + SOONEST_S - time.monotonic()))
        self._heard = self._bell.wait(self._stop, timeout or IDLE_POLL_S, self._heard)
        self._looked = time.monotonic()
        while not LEASE.held() and not self._stop.wait(SOONEST_S):
            # Frozen for so long that another may have our runs; take none until that is clear.
            pass
        return self.is_set()


_poll = _queue.queue_worker_thread


def _poll_by_bell(stop_event: threading.Event, dbos: DBOS, queue: _queue.Queue) -> None:
    bell = _BELLS.get(queue.name)
    _poll(_Rung(stop_event, bell) if bell else stop_event, dbos, queue)


# The engine has no way to say that work has come; its pinned version starts its queues here.
_queue.queue_worker_thread = _poll_by_bell


class Depth(NamedTuple):
    """How many runs wait in a queue and run from it, and for how long the first waits, seconds."""

    queue: str
    waiting: int
    running: int
    oldest_s: float


def depths(db: Session) -> list[Depth]:
    """What waits and runs, by queue; the engine keeps an index of exactly these."""
    rows = db.execute(
        text(
            """SELECT queue_name, count(*) FILTER (WHERE status = 'ENQUEUED'),
                count(*) FILTER (WHERE status = 'PENDING'),
                coalesce(extract(epoch FROM now()) * 1000
                    - min(created_at) FILTER (WHERE status = 'ENQUEUED'), 0)
            FROM dbos.workflow_status WHERE status IN ('ENQUEUED', 'PENDING') GROUP BY 1"""
        )
    )
    found = {queue: Depth(queue, waits, runs, float(ms) / 1000) for queue, waits, runs, ms in rows}
    return [found.get(queue, Depth(queue, 0, 0, 0.0)) for queue in _BELLS]


class Runs:
    """Starts and cancels durable runs from any process."""

    def __init__(self, url: str) -> None:
        self._client = DBOSClient(
            system_database_url=url,
            application_name=APP,
            system_database_pool_size=2,
            lazy=True,
            retry_connection_errors=False,
        )

    def enqueue(
        self,
        db: Session,
        run_id: str,
        name: str,
        queue: str,
        *args: str | int,
        whose: str,
    ) -> None:
        """Enqueue in the caller's transaction: no job row without its run, no run without.

        The id makes it exactly once: enqueued again, it is the run that exists. `whose` it is:
        people share the places, however many ads one of them has.
        """
        options: EnqueueOptions = {
            "workflow_name": name,
            "queue_name": queue,
            "workflow_id": run_id,
            "app_version": VERSION,
            "queue_partition_key": whose,
        }
        self._client.enqueue_in_transaction(db, options, *args)

    def cancel(self, run_ids: Sequence[str]) -> None:
        """Start no further step of these runs."""
        self._client.cancel_workflows(list(run_ids))

    def ended(self, before: datetime, skip: int) -> list[str]:
        """Some of the runs that ended before then, the oldest first, without the first `skip`."""
        runs = self._client.list_workflows(
            status=["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"],
            completed_before=before.isoformat(),
            limit=FORGET_AT_ONCE,
            offset=skip,
            load_input=False,
            load_output=False,
        )
        return [run.workflow_id for run in runs]

    def forget(self, run_ids: Sequence[str]) -> None:
        """Delete the history of ended runs. Enqueued again, such a run would be a new one."""
        self._client.delete_workflows(list(run_ids))

    def close(self) -> None:
        """Give the connections back."""
        self._client.destroy()


def whose(user_id: int) -> str:
    """Whose runs are counted together."""
    return f"user-{user_id}"


def migrate(url: str) -> None:
    """Create or update the engine's own schema; the app's tables are Alembic's."""
    DBOS.migrate(url, schema="dbos")


def count_waiting(db: Session) -> dict[str, int]:
    """How many runs wait or run, by the version they are of."""
    rows = db.execute(
        text("SELECT application_version, count(*) FROM dbos.workflow_status "
             "WHERE status IN ('ENQUEUED', 'PENDING') GROUP BY 1")
    )  # fmt: skip
    return {str(version): int(count) for version, count in rows}


def stranded(waiting: Mapping[str, int], taken: Collection[str]) -> dict[str, int]:
    """Of the runs that wait, those of versions that no worker takes."""
    return {version: count for version, count in waiting.items() if version not in taken}


def tell_stranded(left: Mapping[str, int]) -> list[str]:
    """What to do about them, a line a version."""
    return [
        f"{count} runs wait for a worker of an earlier release ({version}): start "
        "`python -m adgen worker --drain` of that release, which ends when they are done"
        for version, count in sorted(left.items())
    ]


def find_strays(db: Session, known: Callable[[Session], Collection[str]]) -> set[str]:
    """Executors that have runs of ours and are not `known`, as who claims a run signed on before.

    So one that was taken for dead, woke, and claimed another run before it noticed leaves none.
    """
    having = db.scalars(
        text("SELECT DISTINCT executor_id FROM dbos.workflow_status "
             "WHERE status = 'PENDING' AND application_version = :version"),
        {"version": VERSION},
    ).all()  # fmt: skip
    return set(having) - set(known(db)) if having else set()


def forget_unfinished(db: Session) -> None:
    """Take all runs away that have not ended, with what they did so far. No worker may be alive."""
    db.execute(
        text("DELETE FROM dbos.workflow_status WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')")
    )


class Engine:
    """The engine in a worker process. One launch a process."""

    def __init__(self, url: str, executor_id: str, connections: str) -> None:
        """`connections` is what its connections are called in the server."""
        self._executor_id = executor_id
        config: DBOSConfig = {
            "name": APP,
            "system_database_url": url,
            "dbos_system_schema": "dbos",
            "application_version": VERSION,
            "executor_id": executor_id,
            "sys_db_pool_size": 20,
            "db_engine_kwargs": {"connect_args": {"application_name": connections}},
            "log_level": "WARNING",
        }
        DBOS(config=config)
        logs.take_over()

    def launch(self, calls: int) -> None:
        """Begin to take work: so many calls at once, and first ones of people beside them.

        Any failure leaves the engine half alive, so the process must end.
        """
        DBOS.launch()
        for queue, places in (
            (STAGES, STAGES_AT_ONCE),
            (CALLS, calls),
            (FIRSTS, calls),
            (CUTS, CUTS_AT_ONCE),
        ):
            # All limits are a worker's own, so that workers never wait for each other's claims.
            DBOS.register_queue(
                queue,
                worker_concurrency=places,
                partition_worker_concurrency=places - places // _LEFT_OVER,
                polling_interval_sec=IDLE_POLL_S,
                on_conflict="always_update",
            )
        # What a dead worker left waits already.
        _ring_all()

    def adopt(self, executor_id: str) -> int:
        """Put the unfinished runs of a gone executor back where they waited; gives how many."""
        runs = len(DBOS._recover_pending_workflows([executor_id]))
        if runs:
            _ring_all()
        return runs

    def finish(self, wait_s: float) -> None:
        """Take no more work; give running steps `wait_s` seconds."""
        _STEPS.close()
        # Queues that wait look up, and see that it ends.
        _ring_all()
        _STEPS.wait(wait_s)

    def shutdown(self) -> int:
        """Put back what is left, and end; gives how many runs others have to go on with."""
        left = self.adopt(self._executor_id)
        DBOS.destroy()
        return left
