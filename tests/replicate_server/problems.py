"""How the service refuses: problem documents, worded as recorded or documented."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.replicate_server.faults import Chosen, Fault
from tests.replicate_server.wire import Reply

PROBLEM = "application/problem+json"
_NO_VERSION = (
    "The specified version does not exist (or perhaps you don't have permission to use it?)"
)
# What a poll may get in place of a prediction.
GARBAGE = (
    Reply(200, b'[{"status": "succeeded"}]'),
    Reply(200, b"upstream said {"),
    Reply(500, b'{"detail": "Internal server error", "status": 500}', PROBLEM),
    Reply(502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html"),
)


class Refused(Exception):
    """The request is answered with a problem."""

    def __init__(self, status: int, detail: str, title: str = "", **more: Any) -> None:
        super().__init__(detail)
        head = {"title": title} if title else {}
        self.reply = Reply(
            status,
            json.dumps({**head, "detail": detail, "status": status, **more}).encode(),
            PROBLEM,
        )


def unauthenticated() -> Refused:
    return Refused(401, "You did not pass a valid authentication token", "Unauthenticated")


def not_found() -> Refused:
    return Refused(404, "The requested resource could not be found.", "Not found")


def no_version() -> Refused:
    return Refused(422, _NO_VERSION, "Invalid version or not permitted")


def no_credit() -> Refused:
    where = "https://replicate.com/account/billing#billing"
    why = f"You have insufficient credit to run this model. Go to {where} to purchase credit."
    return Refused(402, why, "Insufficient credit")


def bad_input(lines: list[str]) -> Refused:
    fields = [
        {"field": line[2:].partition(":")[0], "description": line.partition(": ")[2]}
        for line in lines
    ]
    text = "".join(f"{line}\n" for line in lines)
    return Refused(422, text, "Input validation failed", invalid_fields=fields)


def _throttled(chosen: Chosen) -> Refused:
    wait = int(chosen.seconds(1))
    refusal = Refused(429, f"Request was throttled. Your rate limit resets in ~{wait}s.")
    # The documented body has the detail alone.
    refusal.reply.body = json.dumps({"detail": str(refusal)}).encode()
    refusal.reply.headers |= {"ratelimit-remaining": "0", "ratelimit-reset": str(wait)}
    return refusal


def _throttled_low_credit(chosen: Chosen) -> Refused:
    wait = int(chosen.seconds(5))
    why = (
        "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests "
        "per minute with a burst of 1 requests while you have less than $5.0 in credit. Your rate "
        f"limit resets in ~{wait}s."
    )
    refusal = Refused(429, why, retry_after=wait)
    refusal.reply.headers["retry-after"] = str(wait)
    return refusal


def _html_502(_: Chosen) -> Refused:
    refusal = Refused(502, "")
    refusal.reply = Reply(
        502, b"<html><head><title>502 Bad Gateway</title></head></html>", "text/html"
    )
    return refusal


REFUSALS: dict[Fault | None, Callable[[Chosen], Refused]] = {
    Fault.THROTTLED: _throttled,
    Fault.THROTTLED_LOW_CREDIT: _throttled_low_credit,
    Fault.NO_CREDIT: lambda _: no_credit(),
    Fault.BAD_TOKEN: lambda _: unauthenticated(),
    Fault.MODEL_GONE: lambda _: not_found(),
    Fault.BAD_INPUT: lambda _: bad_input(["- input.prompt: prompt is required"]),
    Fault.ERROR_500: lambda _: Refused(500, "Internal server error"),
    Fault.HTML_502: _html_502,
}
