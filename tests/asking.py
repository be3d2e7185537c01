"""The API asked in this process, with no server."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from adgen.api.app import SecurityHeaders, build_api


class Client:
    """Asks the API in this process; nobody is signed in."""

    def __init__(self) -> None:
        self.app = SecurityHeaders(build_api())

    def ask(self, method: str, url: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            base = "http://localhost"
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                return await client.request(method, url, **options)

        # In a thread of its own: a browser test of this process may have left a loop running here.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, ask()).result()

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.ask("GET", url, **options)
