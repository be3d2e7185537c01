"""What guards every answer and every request, whoever answers: headers, and how much is read.

Plain ASGI, so that streams stay streams; the pages, Streamlit's own routes and ours alike.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adgen.api.auth import SAFE_METHODS, ForeignOrigin, check_origin
from adgen.config import settings

# docs/decisions/0011-headers.md says why each of these is as it is.
_PAGE = {
    "default-src": "'self'",
    "script-src": "'self' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "frame-src": "'none'",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# Answers and files are no pages: nothing in them runs, even when one is opened by itself.
_ANSWER = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'"
)
_UNUSED = ("camera", "microphone", "geolocation", "payment", "usb", "serial", "midi")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TWO_YEARS = {"Strict-Transport-Security": "max-age=63072000; includeSubDomains"}

# A photo or a piece of music in its envelope; what people write is far smaller.
UPLOAD_MAX = 32 * 1024 * 1024
WORDS_MAX = 1024 * 1024
BUG = "Something went wrong on our side. Nothing was lost; try again."
_JSON = (b"", b"application/json", b"application/x-www-form-urlencoded", b"text/plain")


def inline_scripts(page: Path) -> list[str]:
    """The hashes of the scripts that stand in an HTML file of Streamlit's, for its policy."""
    scripts = re.findall(r"<script>(.*?)</script>", page.read_text("utf-8"), re.DOTALL)
    return [script_hash(script) for script in scripts]


def script_hash(script: str) -> str:
    """A script in the words of a policy: it may run, and no other text in its place."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


class SecurityHeaders:
    """Adds the headers that every answer carries, unless it brings its own."""

    def __init__(self, app: ASGIApp, scripts: Sequence[str] = (), files: str | None = None) -> None:
        """`scripts` are hashes of inline scripts that pages may run.

        `files` is where pictures and films may come from besides here.
        """
        self.app = app
        rules = _PAGE | {"script-src": " ".join([_PAGE["script-src"], *scripts])}
        if files:
            rules |= {name: f"{rules[name]} {files}" for name in ("img-src", "media-src")}
        page = "; ".join(f"{what} {whence}" for what, whence in rules.items())
        self._of_page = _encoded(_HEADERS | {"Content-Security-Policy": page})
        self._of_answer = _encoded(_HEADERS | {"Content-Security-Policy": _ANSWER})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        ours = scope["path"].startswith(("/api/", "/health", "/metrics"))
        wanted = self._of_answer if ours else self._of_page
        if settings().cookie_secure:
            wanted = wanted + _encoded(_TWO_YEARS)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = [header for header in wanted if header[0] not in present]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self.app(scope, receive, with_headers)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


class BodyLimit:
    """Refuses a body that is too large with 413, by its declared length or as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count what is read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        most = WORDS_MAX if kind in _JSON else UPLOAD_MAX
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > most:
            await _too_much(send, most)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            # Whoever reads is told that the sender has gone.
            return message if read <= most else {"type": "http.disconnect"}

        async def unless_refused(message: Message) -> None:
            if read <= most:
                await send(message)

        with contextlib.suppress(ClientDisconnect):
            await self.app(scope, counted, unless_refused)
        if read > most:
            await _too_much(send, most)


class OwnPagesOnly:
    """Refuses what another site's page sends, to Streamlit's own paths and sockets too.

    Streamlit by itself takes any port of this machine for its own, and asks the outside world
    which address it has before it refuses.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what comes from our pages, or from no page."""
        socket = scope["type"] == "websocket"
        if socket or (scope["type"] == "http" and scope["method"] not in SAFE_METHODS):
            try:
                check_origin(HTTPConnection(scope))
            except ForeignOrigin as error:
                if socket:
                    await send({"type": "websocket.close", "code": 1008})
                else:
                    await _refuse(send, error.http_status, "ForeignOrigin", error.user_message)
                return
        await self.app(scope, receive, send)


async def _refuse(send: Send, status: int, title: str, detail: str) -> None:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


async def end_bug(scope: Scope, send: Send, *, begun: bool) -> None:
    """What is said when something of ours went wrong; RuntimeError when nobody listens any more."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1011})
    elif not begun:
        await _refuse(send, 500, "Error", BUG)


async def _too_much(send: Send, most: int) -> None:
    detail = f"More than {most // 1_048_576} MB were sent. Send less."
    await _refuse(send, 413, "TooLarge", detail)
