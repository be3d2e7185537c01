"""HTTP/1.1 on a socket, as much as a test peer needs, and the ways to break it.

Not uvicorn: thousands of polls share two cores with the code under test, and resets, short
bodies and drips want the transport itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit

_PIECES = 20


@dataclass(frozen=True)
class Request:
    """One request, whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Reply:
    """An answer. A callable body is asked when it is sent, `delay` seconds from now.

    `work` runs in a thread and gives the reply to send in place of this one. `cut` closes the
    connection after that many bytes of a body whose length was promised whole; `drip` spreads
    the body over that many seconds; `reset` closes without a word.
    """

    status: int = 200
    body: bytes | Callable[[], bytes] = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    work: Callable[[], Reply] | None = None
    cut: int | None = None
    drip: float = 0.0
    reset: bool = False


Handler = Callable[[Request], Reply]


class Connection(asyncio.Protocol):
    """One client connection: requests one after the other, kept alive between them."""

    def __init__(self, handle: Handler, open_ones: set[Connection]) -> None:
        self._handle = handle
        self._open = open_ones
        self._buffer = bytearray()
        self._head: Request | None = None
        self._busy = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._open.discard(self)

    def abort(self) -> None:
        """Close at once, whatever is still to be sent."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next()

    def _next(self) -> None:
        while not self._busy and (request := self._take()):
            self._busy = True
            self._send(request, self._handle(request))

    def _take(self) -> Request | None:
        """The next request, once all of it has come."""
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._head = _parse_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            if self._head.headers.get("expect") == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        head = self._head
        if head.headers.get("transfer-encoding") == "chunked":
            return self._take_chunked(head)
        size = int(head.headers.get("content-length", "0"))
        if len(self._buffer) < size:
            return None
        return self._whole(head, bytes(self._buffer[:size]), size)

    def _take_chunked(self, head: Request) -> Request | None:
        parts: list[bytes] = []
        at = 0
        while (line := self._buffer.find(b"\r\n", at)) >= 0:
            size = int(bytes(self._buffer[at:line]).split(b";")[0], 16)
            at = line + 2 + size + 2
            if at > len(self._buffer):
                return None
            if not size:
                return self._whole(head, b"".join(parts), at)
            parts.append(bytes(self._buffer[line + 2 : at - 2]))
        return None

    def _whole(self, head: Request, body: bytes, used: int) -> Request:
        del self._buffer[:used]
        self._head = None
        return Request(head.method, head.path, head.query, head.headers, body)

    def _send(self, request: Request, reply: Reply) -> None:
        loop = asyncio.get_running_loop()
        if reply.work:
            made = loop.run_in_executor(None, reply.work)
            made.add_done_callback(lambda done: self._worked(request, done))
        elif reply.delay > 0:
            later, reply.delay = reply.delay, 0.0
            loop.call_later(later, self._send, request, reply)
        elif reply.reset:
            self.abort()
        elif not self._transport.is_closing():
            self._write(request, reply)

    def _worked(self, request: Request, done: asyncio.Future[Reply]) -> None:
        if done.cancelled():
            return
        if error := done.exception():
            # A bug of ours must show in the test, not leave its client waiting.
            self._send(request, Reply(500, repr(error).encode(), "text/plain"))
        else:
            self._send(request, done.result())

    def _write(self, request: Request, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else reply.body()
        keep = request.headers.get("connection", "").lower() != "close" and reply.cut is None
        head = _head(reply, len(body), keep=keep)
        if request.method == "HEAD":
            body = b""
        if reply.drip:
            self._transport.write(head)
            self._drip(body, reply.drip, keep=keep)
            return
        self._transport.write(head + (body if reply.cut is None else body[: reply.cut]))
        self._done(keep=keep)

    def _drip(self, body: bytes, seconds: float, *, keep: bool) -> None:
        step = max(1, len(body) // _PIECES + 1)
        pieces = [body[at : at + step] for at in range(0, len(body), step)]
        loop = asyncio.get_running_loop()
        for number, piece in enumerate(pieces, 1):
            loop.call_later(seconds * number / len(pieces), self._piece, piece)
        loop.call_later(seconds + 0.01, lambda: self._done(keep=keep))

    def _piece(self, piece: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(piece)

    def _done(self, *, keep: bool) -> None:
        self._busy = False
        if keep:
            self._next()
        else:
            self._transport.close()


def _parse_head(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    parts = urlsplit(target)
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) if parts.query else {}
    return Request(method, unquote(parts.path), query, headers, b"")


def _head(reply: Reply, length: int, *, keep: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    if reply.status != HTTPStatus.NO_CONTENT:
        lines += [f"content-type: {reply.content_type}", f"content-length: {length}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if not keep:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
