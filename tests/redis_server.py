"""A real Redis in a process of its own, to be stopped, hung and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from tests.conftest import STARTED, free_port, until

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")
needs_redis = pytest.mark.skipif(PROGRAM is None, reason="needs redis-server on the PATH")


@dataclass
class RedisServer:
    """Keeps nothing on disk, so that a restart forgets everything."""

    folder: Path
    port: int = field(default_factory=free_port)
    password: str = "sesame"
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def client(self) -> redis.Redis:
        """For tests to look in, or to meddle."""
        return redis.Redis(port=self.port, password=self.password, protocol=2)

    def start(self) -> RedisServer:
        assert PROGRAM
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        quiet = ["--save", "", "--appendonly", "no", "--requirepass", self.password]
        self.process = subprocess.Popen(
            [PROGRAM, *where, *quiet, *self.options], stdout=subprocess.DEVNULL
        )
        STARTED.append(self.process)
        until(self._answers, what="the start of Redis")
        return self

    def kill(self) -> None:
        self._send(signal.SIGKILL)
        assert self.process
        self.process.wait(30)

    def hang(self) -> None:
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def names(self, kind: str = "*") -> list[bytes]:
        with self.client as client:
            return list(client.scan_iter(f"adgen:*:{kind}:*"))

    def _send(self, what: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(what)

    def _answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    made = RedisServer(folder, options=options).start()
    try:
        yield made
    finally:
        if made.process and made.process.poll() is None:
            made.go_on()
            made.kill()
