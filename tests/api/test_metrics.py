"""What Prometheus reads: whose it is, that it can be read, and that it is what the ledger says."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import func, select, update

from adgen import launch, metrics
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import Role
from adgen.store import meters, rollup, users
from adgen.store.database import Database, engine_for
from adgen.store.tables import AdSession, GenerationCost, Job, MeterCell, MeterTail, now
from tests.asking import Client
from tests.conftest import App, add_person
from tests.store.ledgers import busy
from tests.ui.ads import chosen_clips, failed

TOKEN = "a token of sixteen or more"


class Scrape(dict[str, float]):
    """Samples by name and labels, such as `adgen_calls_total{model=m,outcome=failed}`."""

    def __init__(self, body: str) -> None:
        super().__init__()
        for family in text_string_to_metric_families(body):
            assert family.documentation
            for sample in family.samples:
                labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
                name = f"{sample.name}{{{labels}}}"
                assert name not in self, f"{name} is there twice"
                self[name] = sample.value

    def total(self, name: str, *labels: str) -> float:
        """The sum over all samples of this name with these labels."""
        fits = [k for k in self if k.startswith(name + "{") and all(one in k for one in labels)]
        return sum(self[k] for k in fits)


@pytest.fixture
def client(commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch) -> Client:
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    return Client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def scrape(database: Database) -> Scrape:
    return Scrape(metrics.expose(database).decode())


def test_only_admins_and_the_token_may_read(
    client: Client, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(token: str) -> int:
        return client.get("/metrics", headers=bearer(token) if token else {}).status_code

    logins = {}
    for role in Role:
        person = add_person(database, f"{role}@example.com", role)
        with database.begin() as db:
            logins[role] = users.add_login(db, person.id)
    wanted = {role: 200 if role is Role.ADMIN else 403 for role in Role}
    # Without a token nobody gets in by one, not even by an empty one or from this machine.
    assert {role: asked(login) for role, login in logins.items()} == wanted
    assert (asked(""), asked(TOKEN)) == (401, 401)
    monkeypatch.setenv("ADGEN_METRICS_TOKEN", TOKEN)
    settings.cache_clear()
    assert {role: asked(login) for role, login in logins.items()} == wanted
    assert (asked(""), asked(TOKEN), asked(TOKEN + "x"), asked(TOKEN[:-1])) == (401, 200, 401, 401)
    answer = client.get("/metrics", headers=bearer(TOKEN))
    assert answer.headers["content-type"] == metrics.CONTENT_TYPE
    Scrape(answer.text)


def test_money_and_calls_are_the_ledgers(database: Database) -> None:
    busy(database)
    for _ in range(2):
        seen = scrape(database)
        with database.begin() as db:
            rows = db.execute(
                select(
                    GenerationCost.agent_name,
                    GenerationCost.model_used,
                    func.coalesce(func.sum(GenerationCost.cost_usd), 0),
                    func.count().filter(GenerationCost.success.is_(True)),
                    func.count().filter(GenerationCost.success.is_(False)),
                    func.count().filter(GenerationCost.cost_usd.is_(None)),
                )
                .join(AdSession, AdSession.id == GenerationCost.session_id)
                .where(GenerationCost.settled_at.is_not(None), ~AdSession.demo)
                .group_by(GenerationCost.agent_name, GenerationCost.model_used)
            ).all()
            held = db.scalar(select(func.sum(GenerationCost.held)))
        assert len(rows) >= 5
        for agent, model, cost, good, bad, unpriced in rows:
            of = f"{{agent={agent},model={model}}}"
            assert Decimal(str(seen[f"adgen_spend_usd_total{of}"])) == cost
            assert seen[f"adgen_calls_unpriced_total{of}"] == unpriced
            whose = (f"agent={agent}", f"model={model}")
            assert seen.total("adgen_calls_total", *whose, "outcome=succeeded") == good
            assert seen.total("adgen_calls_total", *whose, "outcome=failed") == bad
        assert seen.total("adgen_held_usd") == float(held or 0)
        rollup.fold(database, least=False)


def test_runs_and_queues(client: Client, commands: Commands, database: Database) -> None:
    person = add_person(database, "root@example.com", Role.ADMIN)
    first, second = commands.create_ad(person), commands.create_ad(person)
    chosen_clips(commands, database, person, first)
    commands.start_images(person, second.id, "Oak chair")
    seen = scrape(database)
    assert seen["adgen_runs_live{kind=images,status=queued}"] == 1
    # Nothing takes what is enqueued here.
    assert seen["adgen_queue_depth{queue=stages,state=waiting}"] == 3
    assert seen["adgen_queue_depth{queue=stages,state=running}"] == 0
    assert seen["adgen_queue_depth{queue=calls,state=waiting}"] == 0
    assert seen["adgen_queue_oldest_seconds{queue=stages}"] > 0
    assert seen["adgen_run_seconds_count{kind=clips,status=done}"] == 1
    assert seen["adgen_database_up{}"] == 1
    failed(database, second, second.stage, "nothing came")
    seen = scrape(database)
    assert seen.total("adgen_runs_live") == 0
    assert seen["adgen_run_seconds_count{kind=images,status=failed}"] == 1


def test_times_are_the_same_before_and_after_they_are_folded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    took = [0.1, 0.102, 1.0, 45.0, 7200.0]
    person = add_person(database, "ann@example.com")
    with database.begin() as db:
        for number, seconds in enumerate(took):
            ad = AdSession(
                user_id=person.id, team_id=person.team_id, provider="offline", image_model="m",
                clip_model="m", id=str(number),
            )  # fmt: skip
            db.add(ad)
            db.flush()
            began = now() - timedelta(seconds=seconds + 2)
            db.add(Job(id=f"{ad.id}:images:1", session_id=ad.id, kind="images", created_at=began))
            db.flush()
            started = began + timedelta(seconds=2)
            ended = {"finished_at": started + timedelta(seconds=seconds), "status": "done"}
            run = update(Job).where(Job.session_id == ad.id)
            db.execute(run.values(started_at=started, **ended))
    monkeypatch.setattr(meters, "_TAIL_MAX", 1)
    for folded in (False, True):
        seen = scrape(database)
        of = "kind=images,le={},status=done"
        buckets = {
            bound: seen[f"adgen_run_seconds_bucket{{{of.format(bound)}}}"]
            for bound in ("0.1", "0.25", "1.0", "30.0", "60.0", "1800.0", "+Inf")
        }
        assert list(buckets.values()) == [1, 2, 3, 3, 4, 4, 5]
        assert seen["adgen_run_seconds_sum{kind=images,status=done}"] == pytest.approx(7246.202)
        assert seen["adgen_run_wait_seconds_count{kind=images}"] == 5
        with database.begin() as db:
            assert (db.scalar(select(func.count()).select_from(MeterTail)) == 0) is folded
            assert (db.scalar(select(func.count()).select_from(MeterCell)) == 0) is not folded
        meters.fold(database)


def test_without_the_database_it_says_so(database: Database) -> None:
    gone = Database(database.url.replace("/t_", "/no_"))
    seen = scrape(gone)
    gone.engine.dispose()
    engine_for.cache_clear()
    assert seen["adgen_database_up{}"] == 0
    assert seen.total("process_resident_memory_bytes") > 0


def test_the_app_names_and_counts_its_requests(app: App) -> None:
    with app.client() as admin:
        before = Scrape(admin.get("/metrics").text)
        asked = admin.get("/api/sessions/nothing", headers={"X-Request-ID": "from-a-proxy"})
        assert asked.headers["x-request-id"] == "from-a-proxy"
        asked = admin.get("/health/live", headers={"X-Request-ID": "a b"})
        assert len(asked.headers["x-request-id"]) == 16
        assert asked.json()["status"] == "ok"
        for path in ("/api/auth/link/secret", "/api/there/is/none", "/", "/none/at/all"):
            admin.get(path)
        after = Scrape(admin.get("/metrics").text)
    for route, status in (
        *(("/api/sessions/{session_id}", 404), ("/health/live", 200), ("none of ours", 404)),
        *(("/api/auth/link/{token}", 303), ("pages", 200)),
    ):
        key = f"adgen_requests_total{{method=GET,route={route},status={status}}}"
        assert after[key] > before.get(key, 0), key
    seconds = "adgen_request_seconds_count{route=/metrics}"
    assert after[seconds] == before.get(seconds, 0) + 1
    assert not [name for name in after if "secret" in name or "nothing" in name]
