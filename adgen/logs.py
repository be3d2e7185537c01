"""What the processes say of themselves: one line a record, with whom and what it is about.

Facts are ids and numbers. Words of people, addresses, tokens and what Postgres repeats of a row
are taken out of messages and tracebacks, whoever wrote them.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from adgen.config import settings

Facts = dict[str, str | int | float]

_about: ContextVar[Facts | None] = ContextVar("about", default=None)
log = logging.getLogger(__name__)
# What is true of every record of this process.
_process: Facts = {}
_handler: logging.Handler | None = None

# The last line of defence: what must never be kept, and what stands in its place.
_SECRETS = (
    (re.compile(r"\[parameters: .*?\](?=\s*\n\(Background|\s*\Z)", re.DOTALL), "[parameters: …]"),
    (
        re.compile(
            r"^DETAIL: .*?(?=^(?:CONTEXT: |HINT: |\[SQL|The above ex|During hand)|\Z)",
            re.DOTALL | re.MULTILINE,
        ),
        "DETAIL: …\n",
    ),
    (re.compile(r"input_value=.*?, input_type=", re.DOTALL), "input_value=…, input_type="),
    (re.compile(r"\b(?:r8_|adg_)[\w-]+"), "…"),
    (re.compile(r"\b(bearer|token|basic)[ =:]+[\w.~+/=-]{12,}", re.IGNORECASE), r"\1 …"),
    (re.compile(r"://[^/\s:@]*:[^/\s@]+@"), "://…@"),
    (re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>]*"), r"\1?…"),
    (re.compile(r"(/api/(?:auth/link|share)/)[\w-]+"), r"\1…"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "…@…"),
)


_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def ad_of(words: str) -> dict[str, str]:
    """The fact that these words of an address name an ad; none when they are something else."""
    return {"ad": words} if _ID.fullmatch(words) else {}


def scrub(words: str) -> str:
    """The same words without addresses, tokens, queries of URLs and values of rows."""
    for secret, instead in _SECRETS:
        words = secret.sub(instead, words)
    return words


@contextmanager
def about(**facts: str | int | float) -> Iterator[None]:
    """Records made inside carry these facts beside those around them."""
    token = _about.set({**(_about.get() or {}), **facts})
    try:
        yield
    finally:
        _about.reset(token)


def about_run(job_id: str, **more: str | int) -> AbstractContextManager[None]:
    """As `about`, for work on a run, whose id begins with its ad's."""
    return about(ad=job_id.partition(":")[0], job=job_id, **more)


def note(**facts: str | int | float) -> None:
    """Add to what the innermost `about` says, from whichever thread; nothing outside of one."""
    if (known := _about.get()) is not None:
        known.update(facts)


def here(**facts: str | int | float) -> None:
    """As `about`, for the rest of this thread; what it said before is forgotten."""
    _about.set(dict(facts))


def carried() -> Callable[[], None]:
    """For the initializer of a pool: its threads speak of what this one does now."""
    known = dict(_about.get() or {})
    return lambda: here(**known)


def facts() -> Facts:
    """What is known of the present moment."""
    return {**_process, **(_about.get() or {})}


def begin(service: str, **always: str | int) -> None:
    """From now on records go to stderr in the chosen form. `always` is said with every one."""
    global _handler
    config, root = settings(), logging.getLogger()
    _process.clear()
    _process.update({"service": service, **always})
    if _handler:
        root.removeHandler(_handler)
    _handler = logging.StreamHandler(sys.stderr)
    _handler.setFormatter(Lines() if config.log_format == "json" else Words())
    root.addHandler(_handler)
    # Others' chatter has addresses in it; what goes wrong there is said all the same.
    root.setLevel(logging.WARNING)
    logging.getLogger("adgen").setLevel(config.log_level)
    # A line for each request is for machines; for people only what went wrong.
    quiet = config.log_format == "text" and config.log_level != "DEBUG"
    logging.getLogger("adgen.requests").setLevel(logging.WARNING if quiet else logging.NOTSET)
    take_over()
    sys.excepthook = _unhandled
    threading.excepthook = lambda end: _unhandled(end.exc_type, end.exc_value, end.exc_traceback)


def _unhandled(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """What ends a process or a thread is a record too."""
    if error is None or issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    log.critical("unhandled", exc_info=(kind, error, trace))


def always(**facts: str | int) -> None:
    """Say this with every record of the process too."""
    _process.update(facts)


def take_over() -> None:
    """Have what others print by handlers of their own said by ours."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        for handler in list(logger.handlers):
            if isinstance(handler, logging.StreamHandler) and handler.stream in (
                sys.stderr,
                sys.__stderr__,
                sys.stdout,
            ):
                logger.removeHandler(handler)
                logger.propagate = True


class _Form(logging.Formatter):
    """What both forms share."""

    @staticmethod
    def moment(record: logging.LogRecord) -> str:
        """When, UTC, to the millisecond."""
        at = datetime.fromtimestamp(record.created, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @staticmethod
    def said(record: logging.LogRecord) -> tuple[str, str]:
        """The message, and the traceback or "", fit to be kept."""
        trace = _traces.formatException(record.exc_info) if record.exc_info else ""
        return scrub(record.getMessage()), scrub(trace)

    @staticmethod
    def known(record: logging.LogRecord) -> Facts:
        """What it is about."""
        more: Mapping[str, Any] = getattr(record, "facts", {})
        return {**facts(), **more}


_traces = logging.Formatter()


class Lines(_Form):
    """A JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole record as one line."""
        message, trace = self.said(record)
        line: dict[str, Any] = {
            "time": self.moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
            **self.known(record),
        }
        if record.exc_info and record.exc_info[0]:
            line |= {"error": record.exc_info[0].__name__, "trace": trace}
        return json.dumps(line, ensure_ascii=False, default=str)


class Words(_Form):
    """A line for people; a traceback is indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text, in which nobody can pass words off as another record."""
        message, trace = self.said(record)
        known = " ".join(f"{k}={_word(v)}" for k, v in self.known(record).items() if k != "service")
        told = f"{message} [{known}]" if known else message
        line = f"{self.moment(record)} {record.levelname} {record.name}: {_one_line(told)}"
        return "\n    ".join([line, *trace.splitlines()])


def _one_line(words: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def _word(value: object) -> str:
    words = str(value)
    return words if re.fullmatch(r"[\w.:/{}-]+", words) else json.dumps(words)
