"""Who asks: the login cookie or a bearer token; and that the page asking is ours."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Response
from starlette.requests import HTTPConnection

from adgen import logs
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import Person
from adgen.errors import AdgenError, NotSignedIn
from adgen.launch import running
from adgen.store.users import LOGIN_DAYS

COOKIE = "adgen_session"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class ForeignOrigin(AdgenError):
    """Another site's page tried to act with our cookie."""

    http_status = 403


def commands() -> Commands:
    """The commands of this process."""
    return running().commands


def token_of(connection: HTTPConnection) -> str | None:
    """The bearer token, else the cookie's."""
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else connection.cookies.get(COOKIE)


def address_of(connection: HTTPConnection) -> str:
    """Where the request comes from; behind a proxy that is trusted, where it was sent on from."""
    return connection.client.host if connection.client else ""


def check_origin(connection: HTTPConnection) -> None:
    """Refuse a browser that sends another site's Origin. Scripts send none."""
    origin = connection.headers.get("origin")
    if origin and urlsplit(origin).netloc != connection.headers.get("host"):
        raise ForeignOrigin("This request came from another site and was refused.")


def person_of(connection: HTTPConnection) -> Person:
    """Who asks. Raises NotSignedIn, ForeignOrigin."""
    if connection.scope.get("method") not in SAFE_METHODS:
        check_origin(connection)
    person = commands().who(token_of(connection))
    if person is None:
        raise NotSignedIn("Sign in first.")
    logs.note(person=person.id)
    return person


Signed = Annotated[Person, Depends(person_of)]
Acting = Annotated[Commands, Depends(commands)]


def give_cookie(response: Response, token: str) -> None:
    """Remember the login in this browser; scripts in pages cannot read it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=LOGIN_DAYS * 24 * 3600,
        httponly=True,
        samesite="lax",
        secure=settings().cookie_secure,
        path="/",
    )
