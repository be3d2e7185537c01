"""What web processes have in common through Redis: states of ads, and who must wait.

Without Redis, or while it is away, everything here says that nothing is known.
"""

from __future__ import annotations

import threading

from pydantic import ValidationError

from adgen import __version__
from adgen.domain import AdState
from adgen.providers.redis import Redis
from adgen.store.moments import Moment

# As long as a process may keep a state by itself.
LONGEST_S = 30.0
# So many changes are remembered; after more of them one state is read from the database.
CHANGES_MAX = 2000
# Of another version the states may look alike and mean something else.
_STATES = f"ad-{__version__}"
_WAITS = "wait"


class Waits:
    """Who must wait before the next password: a try refused here asks the database nothing.

    The counts are Postgres's own, so whatever Redis forgets is still slowed down there.
    """

    def __init__(self, redis: Redis | None) -> None:
        self._redis = redis

    def left(self, *whom: str) -> float:
        """Seconds that the last of them has to wait, as far as is known here."""
        return self._redis.left(_WAITS, [who for who in whom if who]) if self._redis else 0.0

    def note(self, who: str, seconds: float) -> None:
        """Let the other processes know how long somebody has to wait."""
        if self._redis and who:
            self._redis.put(_WAITS, who, b"1", seconds)


class States:
    """States of ads that any process has read, never older than what this one has been told.

    A state carries the moment it was read at, and Postgres tells each change with its number, so
    it can be told whether a state has a change in it, whichever process read it and however late
    it was kept. `_floor` is what every state has to see; None lets none pass until this process
    has read one itself.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._lock = threading.Lock()
        self._turn = self._missed_at = 0
        self._floor: Moment | None = None
        self._told: dict[str, set[int]] = {}
        self._changes = 0
        # What this process changed itself: read from that turn on, then not older than that.
        self._needs: dict[str, int | Moment] = {}

    def tell(self, session_id: str, change: int) -> None:
        """An ad has changed."""
        with self._lock:
            self._told.setdefault(session_id, set()).add(change)
            self._changes += 1
            if self._changes > CHANGES_MAX:
                self._miss()

    def miss(self) -> None:
        """Any ad may have changed, untold."""
        with self._lock:
            self._miss()

    def forget(self, session_id: str) -> None:
        """Changed by this process; its own word of it may still be on the way."""
        with self._lock:
            self._turn += 1
            self._needs[session_id] = self._turn
            if len(self._needs) > CHANGES_MAX:
                self._miss()

    def begin(self) -> int:
        """To be given to `keep`, from before the state was read."""
        with self._lock:
            return self._turn

    def find(self, session_id: str) -> tuple[float, AdState] | None:
        """The ad as some process read it, and for how many seconds that may be kept."""
        with self._lock:
            known = self._floor is not None and not isinstance(self._needs.get(session_id), int)
        kept = self._redis.get(_STATES, session_id) if known else None
        if kept is None:
            return None
        value, left = kept
        said, _, body = value.partition(b"\n")
        try:
            moment = Moment.read(said.decode("ascii"))
            with self._lock:
                if not self._is_new(session_id, moment):
                    return None
            state = AdState.model_validate_json(body)
        except (ValueError, ValidationError):
            # Somebody else's, or damaged.
            return None
        return (left, state) if state.id == session_id else None

    def keep(self, turn: int, moment: Moment, state: AdState) -> None:
        """Keep a state that was read from the database at that moment or later."""
        with self._lock:
            if self._floor is None and turn >= self._missed_at:
                self._rise(moment)
            need = self._needs.get(state.id)
            if isinstance(need, int) and turn >= need:
                self._needs[state.id] = moment
        value = f"{moment}\n{state.model_dump_json()}".encode()
        self._redis.put(_STATES, state.id, value, LONGEST_S)

    def _is_new(self, session_id: str, moment: Moment) -> bool:
        need = self._needs.get(session_id)
        return (
            self._floor is not None
            and moment.covers(self._floor)
            and not isinstance(need, int)
            and (need is None or moment.covers(need))
            and all(moment.sees(change) for change in self._told.get(session_id, ()))
        )

    def _rise(self, moment: Moment) -> None:
        """Every state has to see this moment; what it sees need not be remembered."""
        self._floor = moment
        left = {
            ad: {c for c in changes if not moment.sees(c)} for ad, changes in self._told.items()
        }
        self._told = {ad: changes for ad, changes in left.items() if changes}
        self._changes = sum(map(len, self._told.values()))

    def _miss(self) -> None:
        self._turn += 1
        self._missed_at = self._turn
        self._floor, self._changes = None, 0
        self._told.clear()
        self._needs.clear()
