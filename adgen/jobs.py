"""The only file that knows DBOS: durable runs, their queues, recovery of dead workers' runs.

The web process only enqueues and cancels (`Runs`); the worker also launches (`Engine`).
Source of the settings: the measurements named in docs/decisions/0002-dbos.md.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, DBOSClient, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from dbos import error as dbos_error
from sqlalchemy.orm import Session

P = ParamSpec("P")
R = TypeVar("R")

APP = "adgen"
# Raise only when the order of steps inside a workflow changes: runs of an older version wait for
# a worker of that version.
VERSION = "adgen-1"

STAGES = "stages"
CALLS = "calls"
CUTS = "cuts"

logging.getLogger("dbos").setLevel(logging.WARNING)

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


def fan_out(
    queue: str,
    work: Callable[..., R],
    arguments: Sequence[tuple[str, tuple[Any, ...]]],
    partition: str,
) -> Iterator[R]:
    """Run `work` once for each (run id, args) side by side; yields results as they end.

    The ids make it exactly once: a replay after a crash joins the runs that exist.
    """
    handles = []
    for run_id, args in arguments:
        with SetWorkflowID(run_id), SetEnqueueOptions(queue_partition_key=partition):
            handles.append(DBOS.enqueue_workflow(queue, work, *args))
    while handles:
        done = DBOS.wait_first(handles, polling_interval_sec=0.1)
        handles = [h for h in handles if h.workflow_id != done.workflow_id]
        yield done.get_result()


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

    def enqueue(self, db: Session, run_id: str, name: str, queue: str, *args: str) -> None:
        """Enqueue in the caller's transaction: no job row without its run, no run without."""
        self._client.enqueue_in_transaction(
            db,
            {
                "workflow_name": name,
                "queue_name": queue,
                "workflow_id": run_id,
                "app_version": VERSION,
            },
            *args,
        )

    def cancel(self, run_id: str) -> None:
        """Start no further step of the run nor of its children."""
        self._client.cancel_workflow(run_id, cancel_children=True)

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

    def launch(self) -> None:
        """Recover what this executor left and begin to take work.

        Any failure leaves the engine half alive, so the process must end.
        """
        DBOS.launch()
        always: Any = "always_update"
        DBOS.register_queue(
            STAGES, worker_concurrency=50, polling_interval_sec=0.25, on_conflict=always
        )
        DBOS.register_queue(
            CALLS,
            global_concurrency=48,
            partition_concurrency=6,
            polling_interval_sec=0.2,
            on_conflict=always,
        )
        DBOS.register_queue(
            CUTS, worker_concurrency=1, polling_interval_sec=0.25, on_conflict=always
        )

    def adopt(self, executor_id: str) -> int:
        """Take over the unfinished runs of a dead executor; gives how many."""
        runs = DBOS.list_workflows(
            status="PENDING", executor_id=executor_id, app_version=VERSION, load_input=False
        )
        if runs:
            DBOS.resume_workflows([run.workflow_id for run in runs])
        return len(runs)

    def shutdown(self, wait_s: float) -> None:
        """Stop taking work and give running steps `wait_s` seconds to end."""
        DBOS.destroy(workflow_completion_timeout_sec=int(wait_s))
