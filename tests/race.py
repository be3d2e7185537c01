"""Web processes that look at an ad all the time while it changes, and others that are slow."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import redis

from adgen.commands import Commands
from adgen.domain import JobInfo, Person


class Race:
    """Each change is the next number, as the ad's title and, told after it, as its run's message.

    `failed` says which looks showed less than had been told to that process before.
    """

    def __init__(self, person: Person, ad_id: str) -> None:
        self.person, self.ad_id = person, ad_id
        self.told: defaultdict[Commands, int] = defaultdict(int)
        self.seen: defaultdict[Commands, int] = defaultdict(int)
        self.failed: list[str] = []
        self._over = threading.Event()

    @contextmanager
    def run(self, webs: Sequence[Commands], meddle: Callable[[], None]) -> Iterator[None]:
        """Two pages in each process look, and somebody meddles, while the `with` lasts."""
        for commands in webs:
            self.seen[commands] = 0
            commands.news.tell(partial(self._hear, commands))
        threads = [threading.Thread(target=self._look, args=(c,)) for c in webs for _ in range(2)]
        threads.append(threading.Thread(target=meddle))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def put_back(self, client: redis.Redis, key: bytes) -> None:
        """Processes that are slow to keep what they have read."""
        with client:
            while not self._over.is_set():
                old = client.get(key)
                time.sleep(0.003)
                if isinstance(old, bytes):
                    client.set(key, old, px=30_000)

    def _hear(self, commands: Commands, _: str, job: JobInfo | None) -> None:
        if job and job.message.isdigit():
            self.told[commands] = int(job.message)

    def _look(self, commands: Commands) -> None:
        while not self._over.is_set():
            least = self.told[commands]
            title = commands.watch_ad(self.person, self.ad_id).title
            self.seen[commands] = int(title) if title.isdigit() else 0
            if self.seen[commands] < least:
                self.failed.append(f"{title} after {least} was told")
