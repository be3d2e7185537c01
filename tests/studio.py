"""The product without its web face: commands here, a worker in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import psutil
from sqlalchemy import create_engine, text

from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import AdState, AudioChoice, Genre, Person, TextOverlay
from adgen.providers.sources import models_for
from adgen.providers.storage import storage
from adgen.store.database import Database, dialect_url
from adgen.store.workers import live_workers
from tests.conftest import OURS, ROOT, STARTED, add_person, clean_env, until
from tests.replicate_server import ReplicateServer

QUICK = {
    "ADGEN_RETRY_WAIT_S": "0.2",
    "ADGEN_CREATE_TIMEOUT_S": "2",
    "ADGEN_RECONCILE_WAIT_S": "2.5",
    "ADGEN_TOTAL_BUDGET_USD": "100000",
    # Few tests are about the pace of orders.
    "ADGEN_ORDERS_PER_S": "1000",
}


@dataclass
class Studio:
    """Commands and worker on one database and one home, ordering from one fake Replicate."""

    database: Database
    home: Path
    fake: ReplicateServer
    env: dict[str, str] = field(default_factory=dict)
    module: str = "adgen"
    # Where the code of its workers is.
    root: Path = ROOT
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.commands = Commands(self.database)
        self.person: Person = add_person(self.database, f"{uuid4().hex[:8]}@example.com")

    def start_worker(self, *options: str, **more: str) -> subprocess.Popen[bytes]:
        """One more worker."""
        env = clean_env(self.home, DATABASE_URL=self.database.url, **{**self.env, **more})
        with self.log_file.open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", self.module, "worker", *options],
                cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        STARTED.append(worker)
        self.workers.append(worker)
        return worker

    @property
    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    def live(self) -> int:
        """How many workers were heard of in the last seconds."""
        with self.database.begin() as db:
            return live_workers(db, within_s=3)

    @property
    def log_file(self) -> Path:
        self.home.mkdir(parents=True, exist_ok=True)
        return self.home / "worker.log"

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """SIGKILL, with what it had started."""
        children = psutil.Process(worker.pid).children(recursive=True)
        worker.kill()
        worker.wait(10)
        psutil.wait_procs(children, timeout=10)
        self.workers.remove(worker)

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(15)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()
        self.commands.close()

    def settings(self) -> AbstractContextManager[None]:
        """The settings of its worker, for this process."""
        return environment({**self.env, "ADGEN_HOME": str(self.home)})

    # The steps of an ad

    def state(self, ad_id: str) -> AdState:
        return self.commands.load_ad(self.person, ad_id)

    def begin(self, prompt: str = "pink tennis shoes", **choice: str) -> str:
        ad = self.commands.create_ad(self.person)
        self.commands.start_images(self.person, ad.id, prompt, **choice)  # type: ignore[arg-type]
        return ad.id

    def ended(self, ad_id: str, seconds: float = 90) -> AdState:
        """The ad when its run has ended."""
        until(lambda: not self.state(ad_id).working, seconds, f"the end of {ad_id}'s run")
        return self.state(ad_id)

    def images(self, prompt: str = "pink tennis shoes", **choice: str) -> AdState:
        return self.ended(self.begin(prompt, **choice))

    def start_clips(self, ad_id: str, pick: int = 3, words: str = "slow push-in") -> None:
        images = [image.id for image in self.state(ad_id).images]
        self.commands.approve_images(self.person, ad_id, images[:pick])
        self.commands.start_clips(self.person, ad_id, words)

    def clips(self, ad_id: str, pick: int = 3) -> AdState:
        self.start_clips(ad_id, pick)
        return self.ended(ad_id)

    def film(self, ad_id: str) -> AdState:
        clips = [clip.id for clip in self.state(ad_id).clips]
        self.commands.approve_clips(self.person, ad_id, clips)
        overlay = TextOverlay(product_name="Pink Court", cta="Run to it")
        self.commands.start_video(self.person, ad_id, overlay, AudioChoice(genre=Genre.UPBEAT))
        return self.ended(ad_id)

    # What must always hold

    def audit(self, *, open_calls: int = 0) -> None:
        """Every creation is known and was wanted once; every call has its one settled cost row.

        `open_calls` is how many calls may still wait to be fetched.
        """
        with self.database.begin() as db:
            calls = db.execute(text("SELECT * FROM predictions")).all()
            entries = db.execute(text("SELECT * FROM generation_costs")).all()
            made = db.execute(
                text("SELECT * FROM assets WHERE prediction_key IS NOT NULL")
            ).all()  # fmt: skip
            totals = {
                row.id: row.total_cost
                for row in db.execute(text("SELECT id, total_cost FROM sessions"))
            }
        hosted = {c.provider_id for c in calls if c.provider_id and "offline" not in c.provider_id}
        created = [creation.id for creation in self.fake.creations]
        assert set(created) - hosted == set(), "made and paid, but unknown here"
        assert hosted - set(created) == set(), "known here, but never made"
        assert len(created) == len(set(created))
        assert sorted(e.prediction_key for e in entries) == sorted(c.key for c in calls)
        unsettled = [c.key for c in calls if c.status not in ("succeeded", "failed", "cancelled")]
        assert len(unsettled) == open_calls, unsettled
        assert [e.prediction_key for e in entries if not e.settled_at] == unsettled
        files = {c.key for c in calls if c.status == "succeeded" and not _is_plan(c.key)}
        assert sorted(a.prediction_key for a in made) == sorted(files)
        for asset in made:
            assert (self.home / "files" / asset.storage_key).stat().st_size == asset.size_bytes
        for ad_id, total in totals.items():
            mine = [e.cost_usd for e in entries if e.session_id == ad_id]
            assert total == sum((cost for cost in mine if cost), Decimal(0))

    def slots_made_twice(self) -> int:
        """How many slots hold more than one paid result."""
        with self.database.begin() as db:
            rows = db.execute(
                text("SELECT session_id, asset_type, slot FROM assets "
                     "WHERE prediction_key IS NOT NULL")
            ).all()  # fmt: skip
        return len(rows) - len({tuple(row) for row in rows})


def _is_plan(key: str) -> bool:
    return key.split("/")[1] in ("brief", "storyboard")


@contextmanager
def studio(
    server: str, home: Path, fake: ReplicateServer, module: str = "adgen", **env: str
) -> Iterator[Studio]:
    """A studio on a database of its own; this process reads the same settings meanwhile."""
    name = f"s_{uuid4().hex[:12]}"
    admin = create_engine(dialect_url(server, "psycopg2"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template_adgen"))
    database = Database(server.replace("/postgres?", f"/{name}?"))
    whole = {**QUICK, **fake.env, **env}
    made = Studio(database, home, fake, whole, module)
    with made.settings():
        try:
            yield made
        finally:
            made.close()
            database.engine.dispose()
            with admin.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            admin.dispose()


@contextmanager
def quick_studio(server: str, home: Path) -> Iterator[Studio]:
    """A studio with its worker, on models that take next to no time."""
    seconds = {"text": 0.05, "image": 0.1, "clip": 0.1}
    with ReplicateServer(seconds=seconds) as fake, studio(server, home, fake) as made:
        made.start_worker()
        yield made


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Our settings for a while, and nothing of anybody else's."""
    before = {name: value for name, value in os.environ.items() if OURS.match(name)}
    for name in before:
        del os.environ[name]
    os.environ.update(values)
    _forget()
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)
        os.environ.update(before)
        _forget()


def _forget() -> None:
    settings.cache_clear()
    storage.cache_clear()
    models_for.cache_clear()
