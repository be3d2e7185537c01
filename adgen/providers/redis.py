"""Redis: what all web processes remember together, for as long as it answers quickly.

Nothing here is the truth. Whoever asks gets nothing while Redis is away, and finds it in Postgres.
A page only ever uses connections that stand already; a thread opens them and, while Redis is away,
is the only one that waits for it.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from adgen.errors import Unavailable

if TYPE_CHECKING:
    import redis

log = logging.getLogger(__name__)
T = TypeVar("T")

# What a page may wait for an answer, and what the thread may.
QUICK_S, PATIENT_S = 0.025, 1.0
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
NOT_ASKED = "not asked yet"
# Having been there for so long, it is looked for quickly again.
STEADY_S = 30.0
READY_CONNECTIONS = 4
LARGEST = 512 * 1024


class Redis:
    """A memory shared by the processes of one installation, whose `secret` makes its key names.

    `get`, `put` and `left` never raise and never wait for longer than a few hundredths of a second.
    """

    def __init__(self, url: str, secret: bytes) -> None:
        import redis

        self._secret = secret
        self._space = hmac.digest(secret, b"", "sha256").hex()[:12]
        self._errors = (redis.RedisError, OSError)
        self._quick = _client(url, QUICK_S)
        self._patient = _client(url, PATIENT_S)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._lost, self._closed = threading.Event(), threading.Event()
        # Why it is not used; empty while it is.
        self.trouble = NOT_ASKED

    def get(self, kind: str, name: str) -> tuple[bytes, float] | None:
        """What is kept under a name, and for how many seconds more."""
        key = self._key(kind, name)

        def ask(client: redis.Redis) -> list[Any]:
            asked = client.pipeline(transaction=False)
            asked.get(key)
            asked.pttl(key)
            return asked.execute()

        value, left = self._ask(ask) or (None, 0)
        return (value, left / 1000) if isinstance(value, bytes) and left > 0 else None

    def put(self, kind: str, name: str, value: bytes, seconds: float) -> None:
        """Keep a value; one that is too large, or lives for no time at all, is not kept."""
        if len(value) <= LARGEST and seconds >= 0.001:
            key, millis = self._key(kind, name), round(seconds * 1000)
            self._ask(lambda client: client.set(key, value, px=millis))

    def left(self, kind: str, names: Sequence[str]) -> float:
        """Seconds until nothing is kept under any of these names."""
        keys = [self._key(kind, name) for name in names]

        def ask(client: redis.Redis) -> list[Any]:
            asked = client.pipeline(transaction=False)
            for key in keys:
                asked.pttl(key)
            return asked.execute()

        waits: list[int] = self._ask(ask) or []
        return max([0, *waits]) / 1000

    def check(self) -> str:
        """How quickly it answers; Unavailable with what to do when it does not."""
        try:
            self._try(self._patient)
            began = time.perf_counter()
            self._try(self._patient)
            took = (time.perf_counter() - began) * 500
        except self._errors as error:
            raise Unavailable(
                f"{_words(error)} The app works without Redis; set ADGEN_REDIS_URL right, or "
                "leave it out."
            ) from error
        return f"answers in {took:.1f} ms"

    def close(self) -> None:
        """Give the connections back."""
        self._closed.set()
        self._lost.set()
        if self._thread:
            self._thread.join(timeout=2 * PATIENT_S)
        self._quick.close()
        self._patient.close()

    def _key(self, kind: str, name: str) -> str:
        # Names can be addresses of people, and nobody who looks at the keys should read them.
        hidden = hmac.digest(self._secret, name.encode(), "sha256").hex()[:32]
        return f"adgen:{self._space}:{kind}:{hidden}"

    def _ask(self, act: Callable[[redis.Redis], T]) -> T | None:
        if self.trouble:
            self._begin()
            return None
        try:
            return act(self._quick)
        except self._errors as error:
            self._lose(error)
            return None

    def _begin(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, name="redis", daemon=True)
                self._lost.set()
                self._thread.start()

    def _lose(self, error: Exception) -> None:
        with self._lock:
            told, self.trouble = self.trouble, _words(error)
        if not told and not self._closed.is_set():
            log.warning("going on without Redis: %s", self.trouble)
        self._lost.set()

    def _keep(self) -> None:
        """Look for it whenever it is away: at once, and more seldom the more often that was."""
        failed, since = 0, time.monotonic()
        while self._lost.wait() and not self._closed.is_set():
            self._lost.clear()
            failed = 0 if time.monotonic() - since > STEADY_S else failed
            first = self.trouble == NOT_ASKED
            while not self._closed.wait(PAUSES_S[min(failed, len(PAUSES_S) - 1)]):
                failed += 1
                if self._connect():
                    break
                first = False
            since = time.monotonic()
            if not first and not self.trouble:
                log.warning("Redis is used again")

    def _connect(self) -> bool:
        pool = self._quick.connection_pool
        try:
            self._try(self._patient)
            # As slow as a page would not wait for, it is of no use.
            self._try(self._quick)
            standing = [pool.get_connection() for _ in range(READY_CONNECTIONS)]
        except self._errors as error:
            with suppress(*self._errors):
                self._quick.close()
            self._first_trouble(_words(error))
            return False
        for connection in standing:
            pool.release(connection)
        self.trouble = ""
        return True

    def _first_trouble(self, words: str) -> None:
        with self._lock:
            told, self.trouble = self.trouble, words
        if told == NOT_ASKED:
            log.warning("going on without Redis: %s", words)

    def _try(self, client: redis.Redis) -> None:
        # A full or read-only server answers, but keeps nothing.
        client.set(f"adgen:{self._space}:here", b"1", px=1000)
        client.get(f"adgen:{self._space}:here")


def _client(url: str, seconds: float) -> redis.Redis:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )
    except ValueError as error:
        raise Unavailable(
            f"ADGEN_REDIS_URL cannot be used: {error}. It looks like "
            "redis://:password@host:6379/0, or rediss:// with TLS."
        ) from error


def _words(error: Exception) -> str:
    """What is wrong, without the address, which may hold a password."""
    import redis

    if isinstance(error, redis.AuthenticationError | redis.exceptions.AuthorizationError):
        return "Redis does not accept the user or password in ADGEN_REDIS_URL."
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "The Redis user may not use the keys adgen:*."
    if isinstance(error, redis.TimeoutError):
        return "Redis does not answer in time."
    if isinstance(error, redis.ConnectionError | OSError):
        return "Redis cannot be reached."
    return f"Redis refuses ({str(error)[:100]})."
