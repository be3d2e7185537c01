"""The WebSocket of an ad: its present state at once, then every change, from whichever worker.

One ear and one reading of the database serve all clients of an ad in this process; each client has
a queue of its own, so that a slow one waits alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.websockets import WebSocketDisconnect

from adgen import logs
from adgen.api.auth import check_origin, commands, token_of
from adgen.api.views import show_asset
from adgen.commands import Commands
from adgen.domain import SYSTEM, AdState, AssetInfo, JobInfo, JobKind, JobStatus, Person
from adgen.errors import AdgenError, NotSignedIn
from adgen.store.database import EVERY_AD

router = APIRouter()

# What a client may lag behind before it misses steps; the last word always reaches it.
LAG = 100
# How often it is looked whether a client may still listen.
RECHECK_S = 15.0
_POLICY_VIOLATION = 1008


class Client:
    """One connection and what it has still to be told."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self._waiting: asyncio.Queue[str] = asyncio.Queue(LAG)
        self._last = ""

    def tell(self, message: str) -> None:
        """Have a state of the ad sent, unless it is the one that was sent last."""
        if message != self._last:
            self._last = message
            self._put(message)

    def _put(self, message: str) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(message)

    async def send(self) -> None:
        """Send what there is to be told, until cancelled."""
        while True:
            await self.socket.send_text(await self._waiting.get())

    async def answer(self) -> None:
        """Answer pings until the client leaves."""
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                said = (await self.socket.receive_text())[:100].strip()
                if said == "ping":
                    self._put("pong")
                elif said.startswith("{") and '"ping"' in said:
                    self._put('{"type": "pong"}')


class Room:
    """The clients of one ad."""

    def __init__(self, act: Commands, session_id: str) -> None:
        self.clients: set[Client] = set()
        self.news: asyncio.Queue[JobInfo | None] = asyncio.Queue()
        self._act, self._session_id = act, session_id
        self.state: AdState | None = None
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Turn news into messages, in the order they came."""
        while True:
            job = await self.news.get()
            if job and self.state and self.state.job and self.state.job.id == job.id:
                if not job.follows(self.state.job):
                    # What was read since has it, and maybe more.
                    continue
                self.state = self.state.model_copy(update={"job": job})
            else:
                try:
                    self.state = await run_in_threadpool(
                        self._act.load_ad, SYSTEM, self._session_id
                    )
                except AdgenError:
                    # The database is away, and says so when it is back.
                    continue
            message = tell(self.state)
            for client in list(self.clients):
                client.tell(message)


class Hub:
    """The rooms of this process. Everything but `hear` happens on the event loop."""

    def __init__(self, act: Commands) -> None:
        self.act = act
        self._loop = asyncio.get_running_loop()
        self._rooms: dict[str, Room] = {}
        act.news.tell(self.hear)

    def hear(self, session_id: str, job: JobInfo | None) -> None:
        """Called by the ear's own thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pass_on, session_id, job)

    def _pass_on(self, session_id: str, job: JobInfo | None) -> None:
        every = session_id in ("", EVERY_AD)
        for name, room in self._rooms.items():
            if every or name == session_id:
                room.news.put_nowait(job)

    @contextlib.asynccontextmanager
    async def member(self, client: Client, session_id: str) -> AsyncIterator[None]:
        """In the room of this ad; the first to come opens it, the last to leave closes it."""
        if session_id not in self._rooms:
            self._rooms[session_id] = Room(self.act, session_id)
        room = self._rooms[session_id]
        room.clients.add(client)
        # Its first message is the present state, read anew.
        room.news.put_nowait(None)
        try:
            yield
        finally:
            room.clients.discard(client)
            if not room.clients:
                room.task.cancel()
                self._rooms.pop(session_id, None)


_hubs: dict[int, Hub] = {}


def _hub() -> Hub:
    act = commands()
    key = id(act)
    if key not in _hubs:
        _hubs.clear()
        _hubs[key] = Hub(act)
    return _hubs[key]


@router.websocket("/ws/{session_id}")
async def listen(socket: WebSocket, session_id: str) -> None:
    """The state of an ad now, and every change of it, until either side leaves."""
    try:
        await run_in_threadpool(_admit, socket, session_id)
    except AdgenError as error:
        await _refuse(socket, error)
        return
    await socket.accept()
    client = Client(socket)
    async with _hub().member(client, session_id):
        tasks = [
            asyncio.create_task(client.send()),
            asyncio.create_task(client.answer()),
            asyncio.create_task(_recheck(socket, session_id)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _admit(socket: WebSocket, session_id: str) -> Person:
    """Who listens. Raises NotSignedIn, ForeignOrigin, NotFound."""
    check_origin(socket)
    act = commands()
    person = act.who(token_of(socket))
    if person is None:
        raise NotSignedIn("Sign in first.")
    logs.note(person=person.id)
    act.watch_ad(person, session_id)
    return person


async def _refuse(socket: WebSocket, error: AdgenError) -> None:
    body = {"type": "about:blank", "title": type(error).__name__, "status": error.http_status}
    body["detail"] = error.user_message
    answer = JSONResponse(body, error.http_status, media_type="application/problem+json")
    await socket.send_denial_response(answer)


async def _recheck(socket: WebSocket, session_id: str) -> None:
    """Ends the connection of a login that has ended, or of who may not see the ad any more."""
    while True:
        await asyncio.sleep(RECHECK_S)
        try:
            await run_in_threadpool(_admit, socket, session_id)
        except AdgenError as error:
            if error.retryable or error.http_status >= 500:
                continue
            await socket.close(_POLICY_VIOLATION, error.user_message[:100])
            return


# What is said


def tell(ad: AdState) -> str:
    """The message of this moment."""
    job = ad.job
    message: dict[str, Any] = {
        "stage": ad.stage.value,
        "progress": 0,
        "message": "",
        "current_cost": float(ad.total_cost),
        "data": {},
    }
    if job is not None:
        message |= _of_run(ad, job)
    return json.dumps(message, ensure_ascii=False)


def _of_run(ad: AdState, job: JobInfo) -> dict[str, Any]:
    facts: dict[str, Any] = {"kind": job.kind, "status": job.status, "slots": job.slots}
    told = {"progress": job.percent, "message": job.message, "data": facts}
    if job.live:
        return told | ({"stage": job.kind.value} if job.kind.is_aside else {})
    if job.status is JobStatus.DONE:
        return told | {"stage": "complete", "progress": 100, "data": facts | _made(ad, job.kind)}
    return told | {"stage": "failed", "message": job.error or job.message}


def _made(ad: AdState, kind: JobKind) -> dict[str, Any]:
    """What the run gave."""
    if kind is JobKind.IMAGES:
        return {"images": _shown(ad.images)}
    if kind is JobKind.CLIPS:
        return {"clips": _shown(ad.clips)}
    if kind is JobKind.VIDEO:
        final = _shown((ad.final_video,))[0] if ad.final_video else None
        return {"video": final, "videos": _shown(ad.videos)}
    return {}


def _shown(made: tuple[AssetInfo, ...]) -> list[dict[str, Any]]:
    return [show_asset(asset).model_dump(mode="json") for asset in made]
