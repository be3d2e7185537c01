"""How long this process may act as a worker: a promise renewed by each heartbeat that arrived.

Others take a silent worker's runs over. One that was frozen (a laptop asleep, a paused machine)
must notice that before it acts, by a clock that went on meanwhile.
"""

from __future__ import annotations

import sys
import time

# Of the silence after which others act, so much may pass before this process stops acting.
_SHARE = 2 / 3


def clock() -> float:
    """Seconds that also pass while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Lease:
    """Held until a heartbeat is overdue. A process that never renews it is no worker."""

    def __init__(self) -> None:
        self._until: float | None = None

    def renew(self, since: float, silent_s: float) -> None:
        """A heartbeat that left at `since` arrived; after `silent_s` without one others act."""
        self._until = since + silent_s * _SHARE

    def held(self) -> bool:
        """Whether nobody can have taken over yet."""
        return self._until is None or clock() < self._until


LEASE = Lease()
