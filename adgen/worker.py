"""The worker process: takes a slot, launches the engine, keeps watch until told to stop."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import socket
import sys
import threading
import time

from adgen import __version__, courier, health, jobs, pipeline
from adgen.launch import Stack
from adgen.store import alerts
from adgen.store.database import RUNS_CHANNEL, Database, is_passing, listen
from adgen.store.workers import Slot, keep_alive, orphans, retire_worker

log = logging.getLogger(__name__)

BEAT_S = 2.0
GRACE_S = 5.0
SWEEP_S = 15.0
POST_S = 2.0
ROUNDS_A_LOOK = 15
_stop = threading.Event()


def main(parent: int | None = None) -> int:
    """Work until SIGTERM, SIGINT or the end of `parent`; gives the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: _stop.set())
    signal.signal(signal.SIGINT, lambda *_: _stop.set())
    stack = Stack()
    stack.start(worker=False)
    try:
        run(stack.database, parent)
    finally:
        stack.stop()
    return 0


def run(database: Database, parent: int | None) -> None:
    """Launch the engine in a slot and keep it until told to stop."""
    slot = Slot.take(database)
    pipeline.use_database(database)
    engine = jobs.Engine(database.url, slot.executor_id)
    ear = threading.Thread(target=_listen, args=(database,), name="ear", daemon=True)
    broom = threading.Thread(target=_sweep, name="broom", daemon=True)
    post = threading.Thread(target=_deliver, args=(database,), name="courier", daemon=True)
    try:
        # Known before it takes any run, so that whatever it leaves is found.
        _beat(database, slot)
        engine.launch()
        ear.start()
        broom.start()
        post.start()
        log.info("worker %s ready", slot.executor_id)
        _watch(database, slot, engine, parent)
    finally:
        engine.shutdown(GRACE_S)
        health.end_beat()
        with database.begin() as db:
            retire_worker(db, slot.executor_id)
        slot.release()


def _beat(database: Database, slot: Slot) -> None:
    with database.begin() as db:
        keep_alive(db, slot.executor_id, os.getpid(), socket.gethostname(), __version__)
    health.beat()


def _listen(database: Database) -> None:
    """Ring for every new run."""
    while not _stop.is_set():
        try:
            for queue in listen(database, RUNS_CHANNEL, _stop.is_set):
                jobs.ring(queue)
        except Exception as error:
            if not is_passing(error):
                raise
            # A restarting server; without the ear the queues still look every two seconds.
            _stop.wait(1.0)


def _sweep() -> None:
    """Now and then, settle what stopped runs of dead workers left behind."""
    while not _stop.wait(SWEEP_S):
        try:
            pipeline.sweep()
        except Exception:
            # The next sweep finds it again.
            log.exception("sweeping")


def _deliver(database: Database) -> None:
    """Bring alerts on their way."""
    rounds = itertools.count()
    while not _stop.wait(POST_S):
        try:
            if next(rounds) % ROUNDS_A_LOOK == 0:
                with database.begin() as db:
                    alerts.cross_any(db)
            courier.deliver(database)
        except Exception:
            # It waits in the database for the next round.
            log.exception("delivering alerts")


def _watch(database: Database, slot: Slot, engine: jobs.Engine, parent: int | None) -> None:
    quiet_since = time.monotonic()
    while not _stop.wait(BEAT_S):
        if parent is not None and os.getppid() != parent:
            return
        try:
            _beat(database, slot)
            if not slot.held():
                # Another worker may own our runs by now; a fresh process sorts it out.
                log.error("worker %s lost its slot, restarting", slot.executor_id)
                sys.exit(75)
            for executor_id in orphans(database, slot.executor_id):
                log.warning("taking over %s runs of %s", engine.adopt(executor_id), executor_id)
            quiet_since = time.monotonic()
        except Exception as error:
            # A restarting server is waited for; a longer outage is a fresh process's business.
            if not is_passing(error) or time.monotonic() - quiet_since > 60:
                raise
            log.warning("database away: %s", str(error).strip().partition("\n")[0])
