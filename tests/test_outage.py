"""The database dies in every stage, with two workers at work: all come back by themselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg2
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError, OperationalError

from adgen import jobs
from adgen.store.database import Database, is_passing
from adgen.store.embedded import EmbeddedPostgres
from tests.conftest import ROOT, STARTED, App, clean_env, until
from tests.test_crash import SLOW, audit, walk
from tests.test_launch import family


def health(app: App) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{app.url}/health", timeout=20).json()
    return answer


def second_worker(app: App) -> subprocess.Popen[bytes]:
    """One more worker, started by hand."""
    with app.log_file.open("ab") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "adgen", "worker"],
            cwd=ROOT, env=clean_env(app.home, **SLOW), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log,
        )  # fmt: skip
    STARTED.append(worker)
    return worker


def test_the_engine_waits_for_a_server_whose_socket_is_gone(short_tmp: Path) -> None:
    # It tries again for ever what is marked like this.
    gone = create_engine(f"postgresql+psycopg://adgen@/adgen?host={short_tmp / 'nobody'}")
    with pytest.raises(OperationalError) as caught:
        gone.connect()
    assert caught.value.connection_invalidated


def test_a_server_that_dies_within_a_statement_is_waited_for() -> None:
    # Seen after a kill: to psycopg2 this is no OperationalError.
    died: Any = psycopg2.DatabaseError("server closed the connection unexpectedly\n\tThis probably")
    gone = create_engine("postgresql+psycopg2://").dialect.is_disconnect(died, None, None)
    assert is_passing(DatabaseError("SELECT 1", None, died, connection_invalidated=gone))
    assert not is_passing(DatabaseError("SELECT 1", None, psycopg2.DatabaseError("of our own")))


def test_the_database_dies_in_every_stage_and_no_ad_is_lost(short_tmp: Path) -> None:
    app = App(short_tmp / "outage", env=SLOW).start()
    worker = second_worker(app)
    until(lambda: health(app)["workers"] == 2, 60, "two workers")
    until(lambda: "worker-2 is ready, one of 2" in app.log, 60, "its word")
    seen: list[str] = []

    def is_back() -> bool:
        seen.append(health(app)["database"])
        return seen[-1] == "ok"

    def kill(stage: str, when: Any) -> None:
        until(when, 60, f"work on {stage}")
        pid = int((app.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGQUIT)
        until(is_back, 60, "its return")

    ad = walk(app, kill)
    until(lambda: health(app)["workers"] == 2, 60, "both workers")
    said = app.log
    app.stop()
    worker.terminate()
    worker.wait(30)
    audit(app.home, ad)
    until(lambda: not family(app.home), 20, "the end of every process")
    assert "down" in seen
    assert "the built-in database had ended and is started again" in said
    for name in ("worker-1", "worker-2"):
        assert f"{name}: the database is away" in said
        assert f"{name}: the database is back" in said
    assert "Traceback" not in said, said


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGQUIT, id="gone"),
        pytest.param(signal.SIGSTOP, id="frozen", marks=pytest.mark.drill),
    ],
)
def test_a_worker_that_is_told_to_end_while_the_database_is_away_does(
    short_tmp: Path, how: signal.Signals
) -> None:
    home = short_tmp / f"ends-{how.name}"
    embedded = EmbeddedPostgres(home)
    url = embedded.start()
    postgres = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
    with Database(url).migrating():
        jobs.migrate(url)
    log_file = home / "worker.log"
    with log_file.open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "adgen", "worker"],
            cwd=ROOT, env=clean_env(short_tmp / "ends-home", DATABASE_URL=url),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    STARTED.append(worker)
    until(lambda: "is ready" in log_file.read_text(), 60, "the worker")
    family = [postgres, *postgres.children(recursive=True)]
    for process in family if how == signal.SIGSTOP else [postgres]:
        process.send_signal(how)
    try:
        if how == signal.SIGQUIT:
            until(lambda: "the database is away" in log_file.read_text(), 60, "its word")
        worker.terminate()
        worker.wait(60)
    finally:
        for process in family if how == signal.SIGSTOP else []:
            process.send_signal(signal.SIGCONT)
        embedded.stop()
