"""Reading what requests ask for: bodies, headers, pages of the list."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.replicate_server.problems import Refused
from tests.replicate_server.wire import Request

PAGE = 100
BODY_FIELDS = frozenset({"input", "webhook", "webhook_events_filter", "stream"})
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")


def read_body(request: Request, known: frozenset[str]) -> dict[str, Any]:
    """The JSON object of a creation; no other fields than the known ones."""
    try:
        body = json.loads(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "The request body is not a JSON object", "Bad request")
    if strange := sorted(body.keys() - known):
        lines = "".join(
            f"- {name}: Additional property {name} is not allowed\n" for name in strange
        )
        raise Refused(422, lines, "Invalid request")
    return body


def prefer_wait(request: Request) -> int:
    """The seconds a `Prefer: wait` header grants, 0 without one."""
    found = re.fullmatch(r"wait(?:=(\d+))?", request.headers.get("prefer", ""))
    return min(60, int(found[1] or 60)) if found else 0


def read_cursor(query: Mapping[str, str]) -> dict[str, Any]:
    """Filters and place of a page, from its cursor or from the first page's own query."""
    if "cursor" not in query:
        return dict(query)
    try:
        padded = query["cursor"] + "=" * (-len(query["cursor"]) % 4)
        return dict(json.loads(base64.urlsafe_b64decode(padded)))
    except ValueError as error:
        raise Refused(404, "Invalid cursor") from error


def moment(cursor: Mapping[str, Any], name: str) -> datetime | None:
    """A filter's date-time; UTC when it names no zone."""
    if name not in cursor:
        return None
    try:
        # An unescaped "+" of an offset arrives as a space.
        given = datetime.fromisoformat(cursor[name].replace(" ", "+"))
    except ValueError as error:
        raise Refused(400, f"{name} must be an ISO 8601 date-time") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def page_of(fitting: list[int], cursor: Mapping[str, Any]) -> tuple[list[int], bool, bool]:
    """Numbers of one page, newest first, and whether newer and older ones remain."""
    if "newer_than" in cursor:
        newer = [number for number in fitting if number > cursor["newer_than"]]
        return newer[:PAGE][::-1], len(newer) > PAGE, len(newer) < len(fitting)
    limit = cursor.get("older_than", len(fitting) and fitting[-1] + 1)
    older = [number for number in fitting if number < limit]
    return older[-PAGE:][::-1], len(older) < len(fitting), len(older) > PAGE


def cancel_after(request: Request, shortest: float) -> float | None:
    """The seconds of a `Cancel-After` header, such as 90, 30s or 1h30m."""
    given = request.headers.get("cancel-after")
    if given is None:
        return None
    found = _DURATION.fullmatch(given)
    hours, minutes, seconds = (int(n or 0) for n in found.groups()) if found else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if total < shortest:
        raise Refused(422, f"Cancel-After must be a duration of at least 5 seconds: {given}")
    return total
