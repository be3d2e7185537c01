"""What changes, as Postgres tells it: one ear a process, for pages and WebSockets alike."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from adgen.domain import JobInfo
from adgen.store.database import (
    CHANNEL,
    MARKS_CHANNEL,
    Database,
    heard,
    is_passing,
    listen,
    marked,
)

log = logging.getLogger(__name__)

_AGAIN_S = 1.0
Hearer = Callable[[str, JobInfo | None], None]
MarkHearer = Callable[[str, int], None]


class News:
    """Calls its hearers with each change: an ad's id, and its run when only that has changed.

    They are called in a thread of its own, one after the other, and should be quick. An empty id
    comes whenever the ear opens or closes: what was said meanwhile has been missed.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hearers: list[Hearer] = []
        self._mark_hearer: MarkHearer | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        # Whether every change is heard at this moment.
        self.hears = False

    def tell(self, hearer: Hearer) -> None:
        """Tell `hearer` from now on; the first one opens the ear."""
        with self._lock:
            self._hearers.append(hearer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="news", daemon=True)
                self._thread.start()

    def tell_marks(self, hearer: MarkHearer) -> None:
        """Tell `hearer` the number of each change before the change; before `tell`, and once."""
        self._mark_hearer = hearer

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._thread:
            self._thread.join(timeout=3)

    def _listen(self) -> None:
        away = False
        while not self._stop.is_set():
            try:
                also = MARKS_CHANNEL if self._mark_hearer else ""
                for said in listen(self._database, CHANNEL, self._stop.is_set, also):
                    if not self.hears:
                        self._say("", None)
                        self.hears = True
                        if away:
                            log.warning("the database is back")
                        away = False
                    if said:
                        self._pass_on(said)
            except Exception as error:
                if not is_passing(error):
                    raise
                if not away:
                    reason = str(error).strip().partition("\n")[0]
                    log.warning("the database is away (%s); waiting for it", reason)
                away = True
            finally:
                self.hears = False
                self._say("", None)
            self._stop.wait(_AGAIN_S)

    def _pass_on(self, said: str) -> None:
        mark = marked(said)
        if mark is None:
            self._say(*heard(said))
        elif self._mark_hearer:
            self._mark_hearer(*mark)

    def _say(self, session_id: str, job: JobInfo | None) -> None:
        for hearer in list(self._hearers):
            hearer(session_id, job)
