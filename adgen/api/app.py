"""The FastAPI app: routes, and every failure as RFC 9457 problem+json."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from adgen import __version__
from adgen.api import (
    alerts,
    docs,
    files,
    live,
    ops,
    people,
    routes,
    sharing,
    spend,
    studio,
    uploads,
)
from adgen.api.guards import BUG
from adgen.api.schema import Api
from adgen.errors import AdgenError


def build_api() -> FastAPI:
    """The API with its true paths, for use as a route of the ASGI app."""
    api = Api(
        title="adgen",
        version=__version__,
        generate_unique_id_function=lambda route: route.name,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
    )
    rooms = (routes, studio, files, uploads, sharing, people, alerts, spend, live, docs, ops)
    for room in rooms:
        api.include_router(room.router)
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


def _bug(_: Request, __: Exception) -> JSONResponse:
    # Whoever passes the request on is raised to all the same, and records it.
    return problem(500, "Error", BUG)
