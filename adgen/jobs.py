"""The only file that knows DBOS: durable runs, their queues, recovery of dead workers' runs.

The web process only enqueues and cancels (`Runs`); the worker also launches (`Engine`).
Source of the settings: the measurements named in docs/decisions/0002-dbos.md.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, ParamSpec, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, EnqueueOptions, WorkflowHandle, _queue
from dbos import error as dbos_error
from sqlalchemy import text
from sqlalchemy.orm import Session

from adgen import logs

P = ParamSpec("P")
R = TypeVar("R")

APP = "adgen"
# Raise only when the order of steps inside a workflow changes: runs of an older version wait for
# a worker of that version.
VERSION = "adgen-3"

# Looks of a queue for work, in seconds apart: at the least, for a while after a ring, and else.
SOONEST_S, BUSY_POLL_S, BUSY_S, IDLE_POLL_S = 0.05, 1.0, 10.0, 2.0
# A finished run gives its place back a moment after its last line.
FREED_S = 0.03
# Looks of all waiting parents together, a second: only the end of a stage waits for them.
PARENT_LOOKS_PER_S, PARENT_LOOK_S = 15.0, 0.15

FORGET_AT_ONCE = 500

STAGES = "stages"
CALLS = "calls"
CUTS = "cuts"


def _is_news(record: logging.LogRecord) -> bool:
    """Not when the engine reports, as an error, that a run ended because a person stopped it."""
    stopped = (
        dbos_error.DBOSAwaitedWorkflowCancelledError,
        dbos_error.DBOSWorkflowCancelledError,
    )
    return not (record.exc_info and isinstance(record.exc_info[1], stopped))


logging.getLogger("dbos").setLevel(logging.WARNING)
logging.getLogger("dbos").addFilter(_is_news)

# Steps and workflows keep their own signatures.
workflow: Callable[..., Callable[[Callable[P, R]], Callable[P, R]]] = DBOS.workflow


def step(passing: Callable[[BaseException], bool]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A checkpointed call, tried again for some minutes while its failure is a `passing` one.

    Only for calls that are safe to repeat; any other failure is final at once.
    """
    decorate: Callable[[Callable[P, R]], Callable[P, R]] = DBOS.step(
        retries_allowed=True, max_attempts=10, interval_seconds=0.5, should_retry=passing
    )
    return decorate


def is_interruption(error: Exception) -> bool:
    """Whether the engine is stopping or was told to: the run goes on later, it did not fail."""
    return isinstance(error, dbos_error.DBOSException) and not isinstance(
        error, dbos_error.DBOSMaxStepRetriesExceeded
    )


def sleep(seconds: float) -> None:
    """Wait durably: a restart waits only for what is left."""
    DBOS.sleep(seconds)


class _Waiting:
    """How many parents wait in this process, and so how often each may look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1

    @property
    def look_s(self) -> float:
        """Seconds between two looks of one parent."""
        return max(PARENT_LOOK_S, self._count / PARENT_LOOKS_PER_S)


_WAITING = _Waiting()


def join(run_ids: Sequence[str]) -> Iterator[object]:
    """The results of runs that `Runs.enqueue` started, in this order; raises as they raised."""
    with _WAITING:
        for run_id in run_ids:
            handle: WorkflowHandle[object] = DBOS.retrieve_workflow(run_id, existing_workflow=False)
            yield handle.get_result(polling_interval_sec=_WAITING.look_s)


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


_BELLS = {queue: Bell() for queue in (STAGES, CALLS, CUTS)}


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
        return self._stop.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """As an event's, but it may end early."""
        # Many rings at once are one look.
        self._stop.wait(max(0.0, self._looked + SOONEST_S - time.monotonic()))
        self._heard = self._bell.wait(self._stop, timeout or IDLE_POLL_S, self._heard)
        self._looked = time.monotonic()
        return self._stop.is_set()


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
        partition: str | None = None,
    ) -> None:
        """Enqueue in the caller's transaction: no job row without its run, no run without.

        The id makes it exactly once: enqueued again, it is the run that exists.
        """
        options: EnqueueOptions = {
            "workflow_name": name,
            "queue_name": queue,
            "workflow_id": run_id,
            "app_version": VERSION,
        }
        if partition is not None:
            options["queue_partition_key"] = partition
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


def migrate(url: str) -> None:
    """Create or update the engine's own schema; the app's tables are Alembic's."""
    DBOS.migrate(url, schema="dbos")


class Engine:
    """The engine in a worker process. One launch a process."""

    def __init__(self, url: str, executor_id: str) -> None:
        config: DBOSConfig = {
            "name": APP,
            "system_database_url": url,
            "dbos_system_schema": "dbos",
            "application_version": VERSION,
            "executor_id": executor_id,
            "sys_db_pool_size": 20,
            "log_level": "WARNING",
        }
        DBOS(config=config)
        logs.take_over()

    def launch(self) -> None:
        """Recover what this executor left and begin to take work.

        Any failure leaves the engine half alive, so the process must end.
        """
        DBOS.launch()
        common: dict[str, Any] = {
            "polling_interval_sec": IDLE_POLL_S,
            "on_conflict": "always_update",
        }
        DBOS.register_queue(STAGES, worker_concurrency=50, **common)
        DBOS.register_queue(CALLS, global_concurrency=48, partition_concurrency=6, **common)
        DBOS.register_queue(CUTS, worker_concurrency=2, **common)
        # What a dead worker left waits already.
        _ring_all()

    def adopt(self, executor_id: str) -> int:
        """Take over the unfinished runs of a dead executor; gives how many."""
        runs = DBOS.list_workflows(
            status="PENDING", executor_id=executor_id, app_version=VERSION, load_input=False
        )
        if runs:
            DBOS.resume_workflows([run.workflow_id for run in runs])
            _ring_all()
        return len(runs)

    def shutdown(self, wait_s: float) -> None:
        """Stop taking work and give running steps `wait_s` seconds to end."""
        _ring_all()
        DBOS.destroy(workflow_completion_timeout_sec=int(wait_s))
