"""For those who run it: whether it lives, whether its parts answer, and its numbers."""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from adgen import __version__, metrics
from adgen.api.auth import person_of, token_of
from adgen.api.schema import Responses, answers, problems
from adgen.api.views import Alive, Health
from adgen.config import settings
from adgen.domain import Role
from adgen.errors import NotAllowed
from adgen.launch import running
from adgen.providers.storage import storage
from adgen.store import workers
from adgen.store.database import is_passing

router = APIRouter()

# All parts together; a check from outside usually gives up after five.
LIMIT_S = 2.0
_LOOK_S = 0.005


class _Part:
    """Asks one part in a thread of its own, which may hang; one such thread at most."""

    def __init__(self, ask: Callable[[], str]) -> None:
        self._ask = ask
        self._thread: threading.Thread | None = None
        self._said = ""

    def begin(self) -> threading.Thread:
        """Ask, unless it is being asked already."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="health", daemon=True)
            self._thread.start()
        return self._thread

    async def answer(self, until: float) -> str:
        """What it says by then; nothing when it hangs or fails."""
        thread = self.begin()
        while thread.is_alive():
            if time.monotonic() > until:
                return ""
            await asyncio.sleep(_LOOK_S)
        return self._said

    def _run(self) -> None:
        self._said = ""
        try:
            self._said = self._ask()
        except Exception as error:
            if not is_passing(error):
                raise


def _database() -> str:
    """The database answers; says how many workers live."""
    database = running().database
    database.check()
    with database.begin() as db:
        return str(workers.live_workers(db))


def _storage() -> str:
    storage().check()
    return "ok"


def _waiting() -> str:
    """How many files wait on this machine to be uploaded."""
    return str(len(storage().waiting()))


_PARTS = {
    "database": _Part(_database),
    "storage": _Part(_storage),
    "waiting": _Part(_waiting),
}
_DOWN: Responses = {503: {"model": Health, "content": problems(503)[503]["content"]}}


@router.get("/health", responses=_DOWN)
async def health(response: Response) -> Health:
    """Whether the parts answer, each within two seconds; 503 when the database is gone."""
    running()
    until = time.monotonic() + LIMIT_S
    live, kept, waiting = await asyncio.gather(*(part.answer(until) for part in _PARTS.values()))
    response.status_code = 200 if live else 503
    # Nothing is missing without Redis, so it does not make the whole unwell.
    redis = running().commands.redis
    return Health(
        status="down" if not live else "ok" if kept else "degraded",
        database="ok" if live else "down",
        worker="unknown" if not live else "starting" if live == "0" else "ok",
        workers=int(live or 0),
        storage="ok" if kept else "down",
        files_waiting=int(waiting or 0),
        version=__version__,
        **({"redis": redis.trouble or "ok"} if redis else {}),
    )


@router.get("/health/live")
async def alive() -> Alive:
    """The process is up; nothing else is asked."""
    return Alive(version=__version__)


@router.get("/metrics", responses=problems(401, 403) | answers("text/plain"))
def get_metrics(request: Request) -> Response:
    """All numbers in Prometheus' text form; for an admin, or with the metrics token."""
    _may_read(request)
    return Response(metrics.expose(running().database), media_type=metrics.CONTENT_TYPE)


def _may_read(request: Request) -> None:
    wanted, given = settings().metrics_token, token_of(request)
    if wanted and given:
        secret = wanted.get_secret_value()
        if hmac.compare_digest(secret.encode(), given.encode("utf-8", "surrogatepass")):
            return
    if person_of(request).role is not Role.ADMIN:
        raise NotAllowed("Only admins and whoever has the metrics token may read these.")
