"""Ads as they were a moment ago, for as long as nobody has said that they changed.

Pages that follow a run ask again and again; most of the time there is nothing new. What one web
process has read serves the others too, where they share a Redis.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from adgen.domain import AdState, JobInfo
from adgen.memory import LONGEST_S, States
from adgen.news import News
from adgen.store.database import EVERY_AD
from adgen.store.moments import Moment

KEPT = 500


class Snapshots:
    """The latest state of the ads somebody looks at. Without news it keeps nothing."""

    def __init__(self, news: News, shared: States | None = None) -> None:
        self._news = news
        self._shared = shared
        if shared:
            news.tell_marks(self._mark)
        self._lock = threading.Lock()
        self._begun = False
        # Who reads an ad now; a change meanwhile takes the name away.
        self._reading: dict[str, object] = {}
        self._states: OrderedDict[str, tuple[float, AdState]] = OrderedDict()

    def load(
        self, session_id: str, load: Callable[[bool], tuple[Moment | None, AdState]]
    ) -> AdState:
        """The ad as it is kept, else what `load` gives, with its moment when asked for it."""
        self._begin()
        with self._lock:
            if state := self._kept(session_id):
                return state
            me = self._reading[session_id] = object()
        began, state = self._look(session_id, load)
        with self._lock:
            # What changed while it was being read may not be in it.
            if self._news.hears and self._reading.pop(session_id, None) is me:
                self._states[session_id] = (began, state)
                while len(self._states) > KEPT:
                    self._states.popitem(last=False)
        return state

    def is_latest(self, state: AdState) -> bool:
        """Whether `load` would give this very state, kept since."""
        with self._lock:
            return self._kept(state.id) is state

    def _kept(self, session_id: str) -> AdState | None:
        at, state = self._states.get(session_id, (0.0, None))
        fresh = self._news.hears and time.monotonic() - at < LONGEST_S
        return state if fresh else None

    def _look(
        self, session_id: str, load: Callable[[bool], tuple[Moment | None, AdState]]
    ) -> tuple[float, AdState]:
        """What another process has read lately, else what `load` gives; and since when it holds."""
        began = time.monotonic()
        if self._shared is None:
            return began, load(False)[1]
        if self._news.hears and (found := self._shared.find(session_id)):
            left, state = found
            return time.monotonic() + left - LONGEST_S, state
        turn = self._shared.begin()
        moment, state = load(True)
        if moment:
            self._shared.keep(turn, moment, state)
        return began, state

    def forget(self, session_id: str) -> None:
        """Forget an ad that has changed."""
        if self._shared:
            self._shared.forget(session_id)
        with self._lock:
            self._reading.pop(session_id, None)
            self._states.pop(session_id, None)

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._news.tell(self._take)

    def _mark(self, session_id: str, change: int) -> None:
        assert self._shared is not None  # noqa: S101 -- only then this is called
        if session_id == EVERY_AD:
            self._shared.miss()
        else:
            self._shared.tell(session_id, change)

    def _take(self, session_id: str, job: JobInfo | None) -> None:
        if self._shared and session_id in ("", EVERY_AD):
            self._shared.miss()
        with self._lock:
            if session_id in ("", EVERY_AD):
                self._states.clear()
                self._reading.clear()
                return
            self._reading.pop(session_id, None)
            at, state = self._states.pop(session_id, (0.0, None))
            if state and job and state.job and state.job.id == job.id:
                # Progress comes often, and is all in the word of it, unless that is late.
                newer = {"job": job} if job.follows(state.job) else {}
                self._states[session_id] = (at, state.model_copy(update=newer) if newer else state)
