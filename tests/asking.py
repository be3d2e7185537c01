"""The API asked in this process, with no server."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx

from adgen.api.app import build_api
from adgen.api.guards import BodyLimit, SecurityHeaders

Answer = TypeVar("Answer")


class Client:
    """Asks the API in this process; nobody is signed in."""

    def __init__(self) -> None:
        self.app = SecurityHeaders(BodyLimit(build_api()))

    def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            base = "http://localhost"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(method, url, **options)

        return _wait(ask())

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.ask("GET", url, **options)

    def listen(self, path: str, headers: dict[str, str]) -> tuple[int, str]:
        """The status that a WebSocket gets, 101 when it is taken, and the first message then."""
        scope = {
            "type": "websocket",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "ws",
            "http_version": "1.1",
            "headers": [(n.lower().encode(), v.encode()) for n, v in headers.items()],
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
        }

        async def listen() -> tuple[int, str]:
            said, heard = asyncio.Queue[dict[str, Any]](), asyncio.Queue[Any]()
            said.put_nowait({"type": "websocket.connect"})
            serving = asyncio.create_task(self.app(scope, said.get, heard.put))
            first = await heard.get()
            if first["type"] == "websocket.accept":
                message = (await heard.get())["text"]
                said.put_nowait({"type": "websocket.disconnect", "code": 1000})
                await serving
                return 101, message
            await serving
            return first["status"], ""

        return _wait(listen())


def _wait(answer: Coroutine[Any, Any, Answer]) -> Answer:
    # In a thread of its own: a browser test of this process may have left a loop running here.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, answer).result()
