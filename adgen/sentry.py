"""Unhandled errors go to Sentry when an address for them is set; nothing of its is loaded else.

What goes out is chosen, not cleaned: the kind of an error, where it came from, and ids. Messages
stay in our own log, as anything may stand in them: a person's words, an address, a token.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from adgen import __version__, logs
from adgen.config import settings
from adgen.errors import AdgenError, InputRejected

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

TAGS = ("service", "worker", "ad", "job", "stage", "slot", "request", "page")
_KEPT = (
    *("event_id", "timestamp", "platform", "level", "logger", "release", "environment"),
    *("server_name", "sdk"),
)
_OF_FRAME = (
    *("filename", "module", "function", "lineno", "in_app"),
    *("context_line", "pre_context", "post_context"),
)


def begin() -> None:
    """From now on what is logged as an error is told, with its traceback."""
    config = settings()
    if config.sentry_dsn is None:
        return
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration
    from sentry_sdk.utils import BadDsn

    try:
        sentry_sdk.init(
            dsn=config.sentry_dsn.get_secret_value(),
            release=f"adgen@{__version__}",
            environment=config.sentry_environment,
            default_integrations=False,
            auto_enabling_integrations=False,
            integrations=[
                LoggingIntegration(level=None, event_level=logging.ERROR),
                DedupeIntegration(),
                AtexitIntegration(callback=lambda _waiting, _seconds: None),
            ],
            before_send=_told,
            send_default_pii=False,
            include_local_variables=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            auto_session_tracking=False,
            send_client_reports=False,
        )
    except BadDsn as error:
        raise InputRejected(f"ADGEN_SENTRY_DSN cannot be used: {error}.") from error


def _told(event: Event, hint: Hint) -> Event | None:
    """What is told of an error; nothing of one that a person has read already."""
    error = (hint.get("exc_info") or (None, None))[1]
    if isinstance(error, AdgenError):
        return None
    sent = cast("dict[str, Any]", event)
    kept = {name: sent[name] for name in _KEPT if name in sent}
    known = logs.facts()
    kept["tags"] = {name: str(known[name]) for name in TAGS if name in known}
    # The words of the source, without what was put into them.
    kept["logentry"] = {"message": (sent.get("logentry") or {}).get("message", "")}
    raised = (sent.get("exception") or {}).get("values") or []
    kept["exception"] = {"values": [_raised(one) for one in raised]}
    return cast("Event", kept)


def _raised(one: dict[str, Any]) -> dict[str, Any]:
    frames = (one.get("stacktrace") or {}).get("frames") or []
    told = [{name: frame[name] for name in _OF_FRAME if name in frame} for frame in frames]
    return {
        "type": one.get("type"),
        "module": one.get("module"),
        "stacktrace": {"frames": told},
    }
