"""What uptime checks ask: each part in time, whatever another one does."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace

import httpx
import pytest

from adgen import __version__, launch
from adgen.api import ops
from adgen.commands import Commands
from adgen.config import settings
from adgen.providers.storage import storage
from adgen.store.database import Database, engine_for
from adgen.store.tables import Worker, now
from tests.asking import Client


@pytest.fixture
def client(commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch) -> Client:
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    # A thread that another test left hanging is not waited for.
    parts = {name: ops._Part(part._ask) for name, part in ops._PARTS.items()}
    monkeypatch.setattr(ops, "_PARTS", parts)
    return Client()


def said(answer: httpx.Response) -> tuple[int, dict[str, object]]:
    return answer.status_code, answer.json()


def parts(
    status: str, database: str, worker: str, storage: str, workers: int = 0
) -> dict[str, object]:
    known = {"status": status, "database": database, "worker": worker, "storage": storage}
    return known | {
        "version": __version__,
        "workers": workers,
        "redis": "not used",
        "files_waiting": 0,
    }


def test_all_is_well_and_a_worker_is_told_of(client: Client, database: Database) -> None:
    assert said(client.get("/health")) == (200, parts("ok", "ok", "starting", "ok"))
    with database.begin() as db:
        db.add(
            Worker(executor_id="1", pid=1, host="here", version="1", takes="1",
                   started_at=now(), heartbeat=now())
        )  # fmt: skip
    assert said(client.get("/health")) == (200, parts("ok", "ok", "ok", "ok", workers=1))


def test_without_storage_it_is_degraded_and_served(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings().home.parent.mkdir(parents=True, exist_ok=True)
    settings().home.write_text("a file where the folder should be")
    storage.cache_clear()
    assert said(client.get("/health")) == (200, parts("degraded", "ok", "starting", "down"))


def test_without_a_database_it_is_down_and_the_process_lives(
    client: Client, commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Database(database.url.replace("/t_", "/no_"))
    monkeypatch.setattr(launch, "_running", SimpleNamespace(commands=commands, database=gone))
    assert said(client.get("/health")) == (503, parts("down", "down", "unknown", "ok"))
    assert said(client.get("/health/live")) == (200, {"status": "ok", "version": __version__})
    gone.engine.dispose()
    engine_for.cache_clear()


def test_a_part_that_hangs_is_down_and_asked_by_one_thread_only(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder on a disk that answers no more: opening a pipe nobody writes to hangs alike."""
    settings().home.mkdir(parents=True)
    pipe = settings().home / "pipe"
    os.mkfifo(pipe)
    asked: list[float] = []

    def hang() -> str:
        asked.append(time.monotonic())
        pipe.read_bytes()
        return "ok"

    monkeypatch.setattr(ops, "LIMIT_S", 0.2)
    monkeypatch.setitem(ops._PARTS, "storage", ops._Part(hang))
    for _ in range(3):
        assert said(client.get("/health")) == (200, parts("degraded", "ok", "starting", "down"))
    hanging = ops._PARTS["storage"].begin()
    assert len(asked) == 1
    with pipe.open("wb"):
        # Nothing is written, so that whoever reads comes to the end.
        pass
    hanging.join(5)
    assert not hanging.is_alive()


def test_a_locked_table_does_not_hang_it(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ops, "LIMIT_S", 0.3)
    with database.engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE workers IN ACCESS EXCLUSIVE MODE")
        assert said(client.get("/health")) == (503, parts("down", "down", "unknown", "ok"))
    ops._PARTS["database"].begin().join(5)
    assert client.get("/health").status_code == 200
