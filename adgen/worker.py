"""The worker process: takes a slot, launches the engine, keeps watch until told to stop."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import socket
import sys
import threading
import time

import psutil

from adgen import __version__, courier, health, jobs, logs, pipeline, retention, sentry
from adgen.config import settings
from adgen.errors import Unavailable
from adgen.launch import Stack
from adgen.lease import LEASE, clock
from adgen.store import alerts, meters, rollup, workers
from adgen.store.database import (
    PROCESS,
    RUNS_CHANNEL,
    Database,
    is_passing,
    listen,
    name_of,
    notify_run,
)
from adgen.store.workers import Slot, Watchman

log = logging.getLogger(__name__)

BEAT_S = 2.0
GRACE_S = 5.0
END_S = 20.0
PARENT_GONE_S = 0.4
_ZOMBIE = psutil.STATUS_ZOMBIE
SWEEP_S = 15.0
POST_S = 2.0
ROUNDS_A_LOOK = 15
TIDY_S = 60.0
ROUNDS_A_PRUNE = 60
# Heartbeats between two looks for runs that nobody has, or nobody can take.
BEATS_A_COUNT = 7
# After a longer outage the engine would take up to a minute to find out that it is over.
LONG_OUTAGE_S = 20.0
_stop = threading.Event()


class _Replaced(Exception):
    """Others took this process for dead and have its runs, or the server was away for long."""


def main(parent: int | None = None, *, drain: bool = False) -> int:
    """Work until SIGTERM, SIGINT or the end of `parent`; gives the exit code.

    With `drain` also until no run of this version is left, which is how an old release ends.
    """
    _heed(signal.SIGTERM, signal.SIGINT)
    logs.begin("worker", version=__version__)
    sentry.begin()
    threading.Thread(target=_end_at_last, name="end-at-last", daemon=True).start()
    stack = Stack()
    stack.start(worker=False)
    try:
        run(stack.database, parent, drain=drain)
    except _Replaced as why:
        log.warning("%s; starting anew", why)
        _flush()
        # Whatever this process still does is noticed as an old one's, and ends here.
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 -- ourselves, without a shell
    finally:
        # Until its last thread is gone, it seems to use the database still.
        stack.stop(patience_s=2.0 if _parent_is_gone(parent) else 0.0)
    _flush()
    # Threads that wait for what is handed over would keep the process.
    os._exit(0)


def _heed(*signals: signal.Signals) -> None:
    """Stop at any of these, from a thread of its own.

    A handler runs in the midst of the main thread's own waiting, or of another handler: one that
    set the event itself would wait for a lock that the code it interrupts holds, for ever.
    """
    told, tell = os.pipe()

    def stop() -> None:
        os.read(told, 1)
        _stop.set()

    for number in signals:
        signal.signal(number, lambda *_: os.write(tell, b"."))
    threading.Thread(target=stop, name="signals", daemon=True).start()


def _end_at_last() -> None:
    """Leave when the end takes too long: the engine waits for ever for a database that is away.

    As after a crash, others find what is left.
    """
    _stop.wait()
    time.sleep(END_S)
    log.warning("the end took over %.0f s; leaving as it is", END_S)
    _flush()
    os._exit(1)


def _parent_is_gone(parent: int | None) -> bool:
    """Whether the parent was killed, which it may take a moment to be seen."""
    end = time.monotonic() + PARENT_GONE_S
    while parent is not None and time.monotonic() < end:
        if not psutil.pid_exists(parent) or psutil.Process(parent).status() == _ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def _flush() -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()


def run(database: Database, parent: int | None, *, drain: bool) -> None:
    """Launch the engine in a slot and keep it until told to stop."""
    slot = Slot.take(database)
    logs.always(worker=slot.name)
    pipeline.use_database(database)
    engine = jobs.Engine(database.url, slot.executor_id, name_of(PROCESS))
    # Known before it takes any run, so that whatever it leaves is found.
    with database.begin() as db:
        workers.sign_on(
            db, slot, pid=os.getpid(), host=socket.gethostname(),
            version=__version__, takes=jobs.VERSION,
        )  # fmt: skip
    health.beat()
    watch = _Watch(database, slot, engine)
    try:
        engine.launch(settings().worker_calls)
        for work in (_listen, _sweep, _deliver, _tidy):
            threading.Thread(target=work, args=(database,), name=work.__name__, daemon=True).start()
        watch.greet(to_person=parent is None)
        watch.keep(parent, drain=drain)
    except _Replaced:
        raise
    except BaseException:
        _hand_over(database, slot, engine)
        raise
    _hand_over(database, slot, engine)


def _hand_over(database: Database, slot: Slot, engine: jobs.Engine) -> None:
    """Stop, and let the others go on at once with what is left."""
    _stop.set()
    engine.finish(GRACE_S)
    health.end_beat()
    try:
        database.check()
    except Unavailable:
        # They find it when the database is back; here everything would wait for that.
        return
    left = engine.shutdown()
    with database.begin() as db:
        workers.sign_off(db, slot.executor_id)
        for queue in jobs.QUEUES if left else ():
            notify_run(db, queue)
    if left:
        log.warning("%s stops and hands %d runs over", slot.name, left)
    slot.release()


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


def _sweep(_: Database) -> None:
    """Now and then, settle what stopped runs of dead workers left behind."""
    while not _stop.wait(SWEEP_S):
        try:
            pipeline.sweep()
        except Exception as error:
            # The next sweep finds it again.
            if not is_passing(error):
                log.exception("sweeping")


def _tidy(database: Database) -> None:
    """Add up what others measure; now and then, take away what nobody needs any more."""
    with contextlib.closing(jobs.Runs(database.url)) as runs:
        for rounds in itertools.count():
            if _stop.wait(TIDY_S):
                return
            try:
                rollup.prepare(database, settings().report_tz)
                meters.fold(database)
                if rounds % ROUNDS_A_PRUNE == 0:
                    for freed in retention.prune(database, runs):
                        log.info("pruned: %s", freed)
            except Exception as error:
                # What is left is found again by the next.
                if not is_passing(error):
                    log.exception("tidying")


def _deliver(database: Database) -> None:
    """Bring alerts on their way."""
    rounds = itertools.count()
    while not _stop.wait(POST_S):
        try:
            if next(rounds) % ROUNDS_A_LOOK == 0:
                with database.begin() as db:
                    alerts.cross_any(db)
            courier.deliver(database)
        except Exception as error:
            # It waits in the database for the next round.
            if not is_passing(error):
                log.exception("delivering alerts")


class _Watch:
    """Sends the heartbeat, looks after the slot and the others, and says what it sees."""

    def __init__(self, database: Database, slot: Slot, engine: jobs.Engine) -> None:
        self._database, self._slot, self._engine = database, slot, engine
        self._silent_s = settings().worker_silent_s
        self._others = Watchman(slot.executor_id, self._silent_s)
        self._away_since: float | None = None
        self._told: dict[str, int] = {}

    def greet(self, *, to_person: bool) -> None:
        """Say which slot it has, and take over what its last holder left."""
        self._round()
        self._count()
        with self._database.begin() as db:
            live = workers.live_workers(db)
        level = logging.WARNING if to_person else logging.INFO
        log.log(level, "%s is ready, one of %d (%s)", self._slot.name, live, self._slot.executor_id)

    def keep(self, parent: int | None, *, drain: bool) -> None:
        """Return when the process has to stop. Raises _Replaced."""
        for beats in itertools.count(1):
            if _stop.wait(BEAT_S) or (parent is not None and os.getppid() != parent):
                return
            try:
                self._round()
                if (drain or beats % BEATS_A_COUNT == 0) and self._count() == 0 and drain:
                    log.warning("%s: nothing is left for %s", self._slot.name, jobs.VERSION)
                    return
            except Exception as error:
                if not is_passing(error):
                    raise
                self._gone_away(error)

    def _round(self) -> None:
        left = clock()
        if not self._slot.held() and not self._slot.retake():
            raise _Replaced(f"{self._slot.name} lost its slot to another")
        with self._database.begin() as db:
            if not workers.keep_alive(db, self._slot.executor_id):
                raise _Replaced(f"{self._slot.name} was silent, and others have its runs")
            gone = self._others.look(db)
        health.beat()
        self._back()
        LEASE.renew(left, self._silent_s)
        for one in gone:
            self._take_over(one.executor_id, one.why)

    def _take_over(self, executor_id: str, why: str) -> None:
        # First, so that it knows should it wake meanwhile; if we end here, its runs are strays.
        with self._database.begin() as db:
            workers.sign_off(db, executor_id)
        with self._database.begin() as db:
            workers.end_connections(db, executor_id)
        runs = self._engine.adopt(executor_id)
        with self._database.begin() as db:
            for queue in jobs.QUEUES if runs else ():
                notify_run(db, queue)
        log.warning("%s takes over %d runs of %s: %s", self._slot.name, runs, executor_id, why)

    def _count(self) -> int:
        """Runs of this version that are left; on the way, runs without anybody are found."""
        with self._database.begin() as db:
            strays = jobs.find_strays(db, workers.known_workers)
            waiting = jobs.count_waiting(db)
            stranded = jobs.stranded(waiting, workers.versions_taken(db))
        for executor_id in strays:
            self._take_over(executor_id, "it is not known")
        if stranded != self._told:
            self._told = stranded
            for line in jobs.tell_stranded(stranded):
                log.warning("%s", line)
        return waiting.get(jobs.VERSION, 0)

    def _gone_away(self, error: Exception) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            reason = str(error).strip().partition("\n")[0]
            log.warning("%s: the database is away (%s); waiting for it", self._slot.name, reason)

    def _back(self) -> None:
        if self._away_since is None:
            return
        away = time.monotonic() - self._away_since
        self._away_since = None
        log.warning("%s: the database is back after %.0f s", self._slot.name, away)
        if away > LONG_OUTAGE_S:
            raise _Replaced(f"{self._slot.name} was without the database for long")
