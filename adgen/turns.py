"""Whose order goes out next where a provider takes only so many.

Postgres counts what is under way, over all workers. Within a worker the calls of one model stand
in line here, and only the first of the line asks, so that waiting costs next to nothing. People
take turns: a newcomer stands behind one call of everybody else's, not behind all of them.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

# Another worker's end is noticed after so long, one of this worker at once.
LOOK_S = 0.1


@dataclass
class _Line:
    """The calls of one model, each with its turn; `served` is the latest turn that was over."""

    waiting: list[tuple[int, int]] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)
    served: int = 0
    arrivals: int = 0

    def join(self, person: int) -> tuple[int, int]:
        turn = max(self.served, self.last.get(person, 0)) + 1
        self.arrivals += 1
        self.last[person] = turn
        self.waiting.append(place := (turn, self.arrivals))
        return place

    def leave(self, place: tuple[int, int]) -> None:
        self.waiting.remove(place)
        if not self.waiting:
            self.last.clear()

    def serve(self, place: tuple[int, int]) -> None:
        self.served = max(self.served, place[0])
        self.last = {person: turn for person, turn in self.last.items() if turn > self.served}


class Turns:
    """The lines of a process. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._lines: dict[str, _Line] = defaultdict(_Line)

    def take(
        self, model: str, person: int, may_go: Callable[[], bool], check: Callable[[], None]
    ) -> None:
        """Return when `may_go` was true for this call, which is asked when its turn has come.

        `check` is called while it waits, and ends the wait by raising.
        """
        line = self._lines[model]
        with self._changed:
            place = line.join(person)
        try:
            while True:
                first = self._stand(line, place)
                if first and may_go():
                    with self._changed:
                        line.serve(place)
                    return
                check()
                if first:
                    self._rest()
        finally:
            with self._changed:
                line.leave(place)
                self._changed.notify_all()

    def ended(self) -> None:
        """Something that was under way is over: whoever stands first may ask again."""
        with self._changed:
            self._changed.notify_all()

    def _stand(self, line: _Line, place: tuple[int, int]) -> bool:
        """Wait a moment to become the first."""
        with self._changed:
            self._changed.wait_for(lambda: min(line.waiting) == place, timeout=0.5)
            return min(line.waiting) == place

    def _rest(self) -> None:
        with self._changed:
            self._changed.wait(LOOK_S)


TURNS = Turns()
