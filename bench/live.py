"""How long after its commit an update of an ad is with two hundred WebSocket clients."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import websockets

from adgen.commands import Commands
from adgen.domain import Person
from adgen.store import jobs, users
from adgen.store.database import Database
from bench.figure import Figure
from bench.orders import server
from bench.polls import web
from tests.conftest import App

CLIENTS = 200
UPDATES = 20
PAUSE_S = 0.5


def figures() -> Iterator[Figure]:
    """The median over all clients and updates, and the slowest client's median."""
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        with server(Path(folder)) as url, web(Path(folder) / "home", url) as app:
            database = Database(url.replace("/postgres?", "/template_adgen?"))
            waits = asyncio.run(_listen(app, database))
            database.engine.dispose()
    every = [wait for client in waits for wait in client]
    worst = max(statistics.median(client) for client in waits)
    yield Figure("live_update_ms", 1000 * statistics.median(every), 250, " ms")
    yield Figure("live_slowest_client_ms", 1000 * worst, 500, " ms")


def _running(database: Database) -> tuple[str, str]:
    """An ad and its run."""
    with database.begin() as db:
        person: Person | None = users.find_user(db, "demo@example.com")
    assert person  # noqa: S101
    act = Commands(database)
    ad = act.create_ad(person).id
    job = act.start_images(person, ad, "pink tennis shoes").job_id
    act.close()
    return ad, job


async def _listen(app: App, database: Database) -> list[list[float]]:
    """For each client, how long each update took, seconds."""
    ad, job = _running(database)
    sent: list[float] = []
    with app.client() as client:
        headers = {"Authorization": client.headers["authorization"]}
    sockets = [
        await websockets.connect(
            f"ws://localhost:{app.port}/ws/{ad}", additional_headers=headers, open_timeout=60
        )
        for _ in range(CLIENTS)
    ]
    for socket in sockets:
        await socket.recv()
    receivers = [asyncio.create_task(_receive(socket)) for socket in sockets]
    for number in range(UPDATES):
        await asyncio.to_thread(_tell, database, job, number)
        sent.append(time.monotonic())
        await asyncio.sleep(PAUSE_S)
    seen = await asyncio.gather(*receivers)
    for socket in sockets:
        await socket.close()
    return [[max(at - then, 0) for at, then in zip(ats, sent, strict=True)] for ats in seen]


def _tell(database: Database, job: str, number: int) -> None:
    with database.begin() as db:
        jobs.report(db, job, message=f"Generating image {number}...")


async def _receive(socket: websockets.ClientConnection) -> list[float]:
    at = []
    while len(at) < UPDATES:
        if "Generating image" in str(await asyncio.wait_for(socket.recv(), 30)):
            at.append(time.monotonic())
    return at
