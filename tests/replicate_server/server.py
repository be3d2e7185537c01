"""The fake as tests hold it: its thread, what it is told to do wrong, what it counts."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from tests.replicate_server.faults import Fault
from tests.replicate_server.service import Service
from tests.replicate_server.wire import Connection

TOKEN = "r8_test"


class ReplicateServer(Service):
    """A fake Replicate, running in a thread of its own while the `with` lasts.

    `seconds` says how long models of a kind (or one model, by name) take; the first `starting`
    share of it they wait. With `starting_seconds` they wait so long before they take that long.
    Outputs are gone `ttl` seconds after they were made.
    """

    def __init__(
        self,
        *,
        seconds: Mapping[str, float] | None = None,
        token: str = TOKEN,
        port: int = 0,
        starting: float = 0.15,
        starting_seconds: float | None = None,
        ttl: float = 3600,
    ) -> None:
        super().__init__(
            seconds=seconds,
            token=token,
            starting=starting,
            starting_seconds=starting_seconds,
            ttl=ttl,
        )
        self._socket = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"http://{self.host}"
        self._open: set[Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._run, name="fake-replicate", daemon=True)
        self._ready = Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve from now on."""
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("The fake Replicate did not start")

    def stop(self) -> None:
        """Close every connection and the port."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)

    @property
    def env(self) -> dict[str, str]:
        """The environment of an adgen that shall talk to this server."""
        return {
            "REPLICATE_API_TOKEN": self.token,
            "REPLICATE_BASE_URL": self.url,
            "ADGEN_OUTPUT_HOSTS": self.host,
            "ADGEN_PROVIDER": "replicate",
        }

    def script(
        self, fault: Fault, *, model: str = "", prompt: str = "", times: int = 1, **options: Any
    ) -> None:
        """The next `times` creations whose model and prompt hold these words get this fault.

        A fault waits for a creation that can show it: those of files pass text models by.
        """
        self._faults.script(fault, model, prompt, times, options)

    def mix(
        self,
        *,
        throttle: float = 0.10,
        interrupted: float = 0.08,
        reset: float = 0.03,
        truncated: float = 0.02,
        aborted: float = 0.01,
        seed: int = 1,
    ) -> None:
        """From now on each creation without a scripted fault meets these at these odds.

        Half the resets come before the creation, half after it.
        """
        odds = {
            Fault.THROTTLED: throttle,
            Fault.INTERRUPTED: interrupted,
            Fault.RESET_BEFORE: reset / 2,
            Fault.RESET_AFTER: reset / 2,
            Fault.TRUNCATED: truncated,
            Fault.ABORTED: aborted,
        }
        self._faults.mix({fault: share for fault, share in odds.items() if share}, seed)

    def calm(self) -> None:
        """No more faults from now on, scripted or mixed."""
        self._faults.clear()

    @property
    def billed(self) -> dict[str, Decimal]:
        """Units on the bill, by model: images for image models, runs for the others."""
        now, bill = time.monotonic(), defaultdict[str, Decimal](Decimal)
        for prediction in self._all():
            if units := prediction.billed(now):
                bill[prediction.model.name] += units
        return bill

    def active(self, model: str = "") -> int:
        """How many predictions of models with that in their name wait or run now."""
        now = time.monotonic()
        return sum(p.active(now) for p in self._all() if model in p.model.name)

    def peak(self, model: str = "") -> int:
        """The most that ever waited or ran at once, of models with that in their name."""
        now, most, count = time.monotonic(), 0, 0
        mine = [p for p in self._all() if model in p.model.name]
        # At one moment ends come before beginnings.
        moments = [(p.at, 1) for p in mine] + [(p.ends, -1) for p in mine if p.ends <= now]
        for _, step in sorted(moments):
            count += step
            most = max(most, count)
        return most

    def wait_idle(self, timeout: float = 30) -> None:
        """Return when nothing waits or runs any more."""
        until = time.monotonic() + timeout
        while self.active():
            if time.monotonic() > until:
                raise TimeoutError(f"{self.active()} predictions still run")
            time.sleep(0.01)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_default_executor(ThreadPoolExecutor(2, "fake-replicate-media"))
        serve = self._loop.create_server(
            lambda: Connection(self.handle, self._open), sock=self._socket
        )
        server = self._loop.run_until_complete(serve)
        self._ready.set()
        try:
            self._loop.run_forever()
        finally:
            # What was just accepted becomes a connection only now, for which asyncio needs the
            # server open.
            self._loop.remove_reader(self._socket)
            self._loop.run_until_complete(asyncio.sleep(0.01))
            server.close()
            for _ in range(5):
                self._loop.run_until_complete(asyncio.sleep(0.01))
                for connection in list(self._open):
                    connection.abort()
            self._loop.run_until_complete(asyncio.sleep(0.01))
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()
