"""Ads as they were a moment ago, for as long as nobody has said that they changed.

Pages that follow a run ask again and again; most of the time there is nothing new.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from adgen.domain import AdState, JobInfo
from adgen.news import News
from adgen.store.database import EVERY_AD

KEPT = 500
# Should a change ever go untold, it is seen this late at most.
LONGEST_S = 30.0


class Snapshots:
    """The latest state of the ads somebody looks at. Without news it keeps nothing."""

    def __init__(self, news: News) -> None:
        self._news = news
        self._lock = threading.Lock()
        self._begun = False
        # Who reads an ad now; a change meanwhile takes the name away.
        self._reading: dict[str, object] = {}
        self._states: OrderedDict[str, tuple[float, AdState]] = OrderedDict()

    def load(self, session_id: str, load: Callable[[], AdState]) -> AdState:
        """The ad as it is kept, else what `load` gives."""
        self._begin()
        with self._lock:
            at, state = self._states.get(session_id, (0.0, None))
            if state and self._news.hears and time.monotonic() - at < LONGEST_S:
                return state
            me = self._reading[session_id] = object()
        began, state = time.monotonic(), load()
        with self._lock:
            # What changed while it was being read may not be in it.
            if self._news.hears and self._reading.pop(session_id, None) is me:
                self._states[session_id] = (began, state)
                while len(self._states) > KEPT:
                    self._states.popitem(last=False)
        return state

    def forget(self, session_id: str) -> None:
        """Forget an ad that has changed."""
        with self._lock:
            self._reading.pop(session_id, None)
            self._states.pop(session_id, None)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._news.tell(self._take)

    def _take(self, session_id: str, job: JobInfo | None) -> None:
        with self._lock:
            if session_id in ("", EVERY_AD):
                self._states.clear()
                self._reading.clear()
                return
            self._reading.pop(session_id, None)
            at, state = self._states.pop(session_id, (0.0, None))
            if state and job and state.job and state.job.id == job.id:
                # Progress comes often, and is all in the word of it.
                self._states[session_id] = (at, state.model_copy(update={"job": job}))
