"""What the API says of itself: one problem for every failure, two ways to sign in, and pages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel, Field, model_validator
from starlette.types import Receive, Scope, Send

PROBLEM = "application/problem+json"
_METHODS = {"get", "post", "put", "patch", "delete"}
_WAYS_IN = {
    "token": {"type": "http", "scheme": "bearer"},
    "login": {"type": "apiKey", "in": "cookie", "name": "adgen_session"},
}

# NUL, which Postgres does not take, and half of a pair, which is no letter in any encoding.
_UNKEPT = re.compile("[\x00\ud800-\udfff]")

Item = TypeVar("Item")
Responses = dict[int | str, dict[str, Any]]


class Problem(BaseModel):
    """A failure after RFC 9457; `detail` is for people, and says what would do."""

    type: str = "about:blank"
    title: str
    status: int = Field(ge=400, le=599)
    detail: str


class Body(BaseModel):
    """What is sent as JSON. Text that can be neither kept nor answered is refused whole."""

    @model_validator(mode="before")
    @classmethod
    def _keepable(cls, sent: Any) -> Any:
        rest = [sent]
        while rest:
            value = rest.pop()
            if isinstance(value, str) and _UNKEPT.search(value):
                raise ValueError("a text has a character that cannot be kept")
            if isinstance(value, dict):
                rest += [*value, *value.values()]
            elif isinstance(value, list):
                rest += value
        return sent


def problems(*statuses: int) -> Responses:
    """These failures, for the `responses` of a route."""
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {s: {"description": HTTPStatus(s).phrase, "content": content} for s in statuses}


def answers(*content_types: str) -> Responses:
    """Bytes of one of these types, for the `responses` of a route."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"description": "The bytes", "content": dict.fromkeys(content_types, binary)}}


# What can go wrong with a look, with a change, and with a change that costs money.
LOOK = problems(401, 404, 422)
CHANGE = problems(400, 401, 403, 404, 409, 413, 422)
SPEND = CHANGE | problems(402)
# And with a change of what is a person's or a team's own, or an admin's.
OWN = problems(400, 401, 403, 413, 422)
ADMIN = OWN | problems(404)


class Page(BaseModel):
    """Which part of a list is asked for."""

    limit: int
    offset: int

    def of(self, whole: Sequence[Item]) -> list[Item]:
        """That part of a short list."""
        return list(whole[self.offset : self.offset + self.limit])


def _page(
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Page:
    return Page(limit=limit, offset=offset)


Paged = Annotated[Page, Depends(_page)]


class Api(FastAPI):
    """FastAPI, whose description also has what every route shares."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; a path with NUL is the name of nothing."""
        if "\x00" in scope.get("path", ""):
            scope["path"] = "/api/nothing"
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The whole API in the words of OpenAPI."""
        if self.openapi_schema is None:
            schema = super().openapi()
            parts = schema.setdefault("components", {})
            parts["securitySchemes"] = _WAYS_IN
            parts["schemas"]["Problem"] = Problem.model_json_schema()
            for path in schema["paths"].values():
                for method in _METHODS & set(path):
                    _complete(path[method])
        return self.openapi_schema or {}


def _complete(operation: dict[str, Any]) -> None:
    """A database that is away, and who may ask."""
    said = {str(status): answer for status, answer in problems(500, 503).items()}
    operation["responses"] = said | operation["responses"]
    if "401" in operation["responses"] and operation["operationId"] != "login":
        operation["security"] = [{name: []} for name in _WAYS_IN]
