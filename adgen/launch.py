"""Brings the product up and down: database, schema, demo login, worker child.

The web's lifespan and the command line both start it; one laptop and a cluster differ only in
which parts are found already running.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from adgen import __version__, jobs, logs, sentry
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import Person, Role
from adgen.errors import Unavailable
from adgen.store import users, workers
from adgen.store.database import Database
from adgen.store.embedded import EmbeddedPostgres
from adgen.uploads import Uploads

log = logging.getLogger(__name__)

_STOP_S = 8.0
# Looks at the built-in database, seconds apart.
_LOOK_S = 2.0
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    # Between fork and exec: only async-signal-safe work, so the library was loaded before.
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Supervisor:
    """Keeps one worker child alive; a child that dies is started again, later each time."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="worker-supervisor", daemon=True)

    def start(self) -> None:
        """Start the child, and a thread that outlives it."""
        self._thread.start()

    def stop(self) -> None:
        """End the child: kindly first, then not."""
        self._stopping.set()
        if self._child and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._thread.join(timeout=2)

    def _watch(self) -> None:
        pause = 0.5
        while not self._stopping.is_set():
            began = time.monotonic()
            # The child gets its death signal when this thread ends, so it is started here.
            self._child = subprocess.Popen(
                [sys.executable, "-m", "adgen", "worker", "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                preexec_fn=_die_with_parent,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": _root_on_path()},
            )
            while self._child.poll() is None and not self._stopping.wait(0.2):
                pass
            if self._stopping.is_set():
                return
            pause = 0.5 if time.monotonic() - began > 30 else min(pause * 2, 30)
            log.warning("the worker ended with %s; next in %.0f s", self._child.returncode, pause)
            self._stopping.wait(pause)


def _root_on_path() -> str:
    root = str(Path(__file__).resolve().parent.parent)
    return os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))


class Stack:
    """Everything one process needs. `start` raises an AdgenError that says what to do."""

    def __init__(self) -> None:
        self._embedded: EmbeddedPostgres | None = None
        self._supervisor: Supervisor | None = None
        self._stopping = threading.Event()
        self._uploads = Uploads()
        self.database: Database
        self.commands: Commands

    def start(self, *, worker: bool | None) -> None:
        """Database, schema, and a worker child: always, never, or when none lives (None)."""
        try:
            self._start_database()
            self.commands = Commands(self.database)
            self._uploads.start()
            if worker is None:
                with self.database.begin() as db:
                    worker = workers.live_workers(db) == 0
            if worker:
                self._supervisor = Supervisor()
                self._supervisor.start()
        except BaseException:
            self.stop()
            raise

    def _start_database(self) -> None:
        self.open_database()
        with self.database.migrating():
            jobs.migrate(self.database.url)

    def open_database(self) -> Database:
        """The database as it is, with the tables it has."""
        url = settings().database_url
        if url is None:
            self._embedded = EmbeddedPostgres(settings().home)
            url = self._embedded.start()
            threading.Thread(target=self._look_after, name="postgres", daemon=True).start()
        self.database = Database(url)
        self.database.check()
        return self.database

    def _look_after(self) -> None:
        """Start the built-in database again should it end, as it may when memory is short."""
        assert self._embedded is not None  # noqa: S101 -- this thread is for it
        while not self._stopping.wait(_LOOK_S):
            try:
                if self._embedded.revive():
                    log.warning("the built-in database had ended and is started again")
            except Unavailable as error:
                # What is left of the old one may need a moment to end.
                log.warning("%s", error)

    def demo_login(self) -> tuple[Person, str | None]:
        """The demo user and its password, where we know it."""
        email = settings().demo_email
        given = settings().demo_password
        kept = settings().home / "demo-password"
        with self.database.begin() as db:
            person = users.find_user(db, email)
            if given:
                password: str | None = given.get_secret_value()
                if person is None:
                    person = users.add_user(db, email, str(password), role=Role.ADMIN)
                elif users.check_password(db, email, str(password)) is None:
                    users.set_password(db, email, str(password))
            elif person is None:
                password = secrets.token_urlsafe(9)
                person = users.add_user(db, email, password, role=Role.ADMIN)
                self._keep_password(kept, password)
            else:
                password = None
                with contextlib.suppress(OSError):
                    password = kept.read_text("utf-8").strip()
            # Two processes may start at once: whoever came second finds the first one's user.
            person = person or users.find_user(db, email)
        assert person is not None  # noqa: S101
        return person, password

    @staticmethod
    def _keep_password(path: Path, password: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(password + "\n")

    def sign_in_link(self, person: Person, base_url: str) -> str:
        """A link that signs this person in once, within the hour."""
        with self.database.begin() as db:
            return f"{base_url}/api/auth/link/{users.add_link(db, person.id)}"

    def stop(self, patience_s: float = 0.0) -> None:
        """Stop what `start` started, the worker first."""
        self._stopping.set()
        if self._supervisor:
            self._supervisor.stop()
        self._uploads.stop()
        if hasattr(self, "commands"):
            self.commands.close()
        if hasattr(self, "database"):
            self.database.engine.dispose()
        if self._embedded:
            self._embedded.stop(patience_s)


def raise_keyboard_interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Ends a command line run as Ctrl-C does, so that its clean-up runs."""
    raise KeyboardInterrupt


_running: Stack | None = None


def running() -> Stack:
    """The stack of this web process. Raises Unavailable before it is up."""
    if _running is None:
        raise Unavailable("The app is still starting. Try again in a moment.")
    return _running


def start_web(base_url: str, address: str | None) -> None:
    """Bring the web process up and print how to get in."""
    global _running
    logs.begin("web", version=__version__)
    sentry.begin()
    stack = Stack()
    stack.start(worker=settings().worker == "child")
    person, password = stack.demo_login()
    _running = stack
    lines = [f"adgen is ready at {base_url}", f"  sign in as {person.email}"]
    if settings().demo_password:
        lines[-1] += " with the password in ADGEN_DEMO_PASSWORD"
    elif password:
        lines[-1] += f" with the password {password}"
    if address in ("localhost", "127.0.0.1", "::1"):
        lines.append(f"  or open this link once: {stack.sign_in_link(person, base_url)}")
    print("\n" + "\n".join(lines) + "\n", flush=True)


def stop_web() -> None:
    """Take the web process down."""
    global _running
    if _running:
        _running.stop()
        _running = None
