"""Every request that comes in: a name of its own, a record of how it went, and its numbers.

Plain ASGI around everything, so that pages, sockets and files are counted alike. Only the route's
template is kept: a path may hold a link's token, and a query anything.
"""

from __future__ import annotations

import contextlib
import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adgen import logs, metrics
from adgen.api import guards

log = logging.getLogger("adgen.requests")

_NAMED = re.compile(rb"[\w.:-]{8,64}")
_HEADER = b"x-request-id"


class Journal:
    """Names, times and records each request. The name is in the answer's X-Request-ID."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and tell when it has ended."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        name = _name_of(scope)
        began, status, socket, answered = time.perf_counter(), 500, "", False

        async def seen(message: Message) -> None:
            nonlocal status, socket, answered
            answered = True
            if message["type"].endswith("response.start"):
                status = message["status"]
                message["headers"] = [*message["headers"], (_HEADER, name.encode())]
            elif message["type"] == "websocket.accept":
                status, socket = 101, _route(scope)
                metrics.SOCKETS.labels(socket).inc()
            elif message["type"] == "websocket.close" and status != 101:
                status = 403
            await send(message)

        with logs.about(request=name):
            try:
                await self.app(scope, receive, seen)
            except Exception:
                # Said here, where it is known whose it was; the server would say it once more.
                log.exception("unexpected error")
                with contextlib.suppress(RuntimeError):
                    await guards.end_bug(scope, seen, begun=answered)
            finally:
                if socket:
                    metrics.SOCKETS.labels(socket).dec()
                _tell(scope, status, time.perf_counter() - began)


def _name_of(scope: Scope) -> str:
    """What a proxy before us calls it, else a new name."""
    given = dict(scope["headers"]).get(_HEADER, b"")
    return given.decode() if _NAMED.fullmatch(given) else secrets.token_hex(8)


def _route(scope: Scope) -> str:
    """The template of one of our routes, or what kind of thing of Streamlit's it is."""
    path: str = scope["path"]
    if path.startswith(("/api/", "/ws/", "/health", "/metrics")):
        template = getattr(scope.get("route"), "path", "")
        # The outer app's own catch-all is in it when no route of ours fits.
        return template if template and ":path" not in template else "none of ours"
    if path.startswith("/_stcore/"):
        return "/_stcore"
    return "pages" if "." not in path.rpartition("/")[2] else "static"


def _tell(scope: Scope, status: int, seconds: float) -> None:
    route = _route(scope)
    method = "SOCKET" if scope["type"] == "websocket" else scope["method"]
    logs.note(**logs.ad_of(str((scope.get("path_params") or {}).get("session_id", ""))))
    # How long a socket stays open says nothing.
    if status != 101:
        metrics.LATENCY.labels(route).observe(seconds)
    metrics.REQUESTS.labels(route, metrics.known_method(method), str(status)).inc()
    told = {"route": route, "method": method, "status": status, "ms": round(1000 * seconds, 1)}
    level = logging.INFO if route.startswith(("/api/", "/ws/")) else logging.DEBUG
    level = logging.WARNING if status >= 500 else level
    log.log(level, "%s %s %s", method, route, status, extra={"facts": told})
