"""The FastAPI app: routes, and every failure as RFC 9457 problem+json."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adgen import __version__
from adgen.api import live, sharing
from adgen.api.routes import router
from adgen.errors import AdgenError

log = logging.getLogger(__name__)

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"same-origin"),
]


def build_api() -> FastAPI:
    """The API with its true paths, for use as a route of the ASGI app."""
    api = FastAPI(
        title="adgen",
        version=__version__,
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    api.include_router(router)
    api.include_router(live.router)
    api.include_router(sharing.router)
    api.add_exception_handler(AdgenError, _expected)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(Exception, _bug)
    return api


def problem(status: int, title: str, detail: str) -> JSONResponse:
    """An error body after RFC 9457."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


def _expected(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AdgenError)  # noqa: S101
    return problem(error.http_status, type(error).__name__, error.user_message)


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return problem(422, "InputRejected", f"{where}: {first['msg']}")


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return problem(error.status_code, str(error.detail), str(error.detail))


def _bug(_: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    return problem(500, "Error", "Something went wrong on our side. Nothing was lost; try again.")


class SecurityHeaders:
    """Adds the headers that every answer should carry. Plain ASGI, so streams stay streams."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                extra = [header for header in _HEADERS if header[0] not in present]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
