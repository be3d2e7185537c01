"""Half-made things, dead rows, the engine's past; and that one process at a time is at it."""

from __future__ import annotations

import json
import os
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text, update

from adgen import cli, worker
from adgen.config import settings
from adgen.providers.storage import local_storage
from adgen.store import jobs, users
from adgen.store.retention import alone
from adgen.store.tables import (
    Job,
    Login,
    ShareLink,
    SignInLink,
    now,
)
from tests.conftest import until
from tests.retention.ageing import LONG_AGO, House

TAKES = "takes not in use of finished ads"


def test_dead_rows_go_and_living_ones_stay(house: House) -> None:
    past = now() - LONG_AGO
    with house.database.begin() as db:
        for _ in range(2):
            users.add_login(db, house.person.id)
            users.add_link(db, house.person.id)
        [old, _] = db.scalars(select(Login.token_hash)).all()
        db.execute(update(Login).where(Login.token_hash == old).values(expires_at=past))
        [old, _] = db.scalars(select(SignInLink.token_hash)).all()
        db.execute(update(SignInLink).where(SignInLink.token_hash == old).values(expires_at=past))
    for _ in range(2):
        link, _ = house.commands.share_ad(house.person, house.ad.id, days=1)
    with house.database.begin() as db:
        db.execute(update(ShareLink).where(ShareLink.id == link.id).values(expires_at=past))
    wanted = {"expired logins": (1, 0), "used sign-in links": (1, 0), "dead share links": (1, 0)}
    assert house.prune(dry=True) == wanted
    assert house.prune() == wanted
    with house.database.begin() as db:
        for table in (Login, SignInLink, ShareLink):
            assert db.scalar(select(func.count()).select_from(table)) == 1


def test_the_engine_forgets_only_what_nobody_needs(house: House) -> None:
    with house.database.begin() as db:
        ended = list(db.scalars(select(Job.id).where(Job.session_id == house.ad.id)))
        slots = [jobs.slot_run(job_id, 0) for job_id in ended[:1]]
        for run_id in slots:
            house.runs.enqueue(db, run_id, "make_image", "calls", "x", whose=house.ad.id)
    house.commands.start_draft(house.person, house.ad.id, house.ad.text_overlay, house.ad.audio)
    history = "runs in the engine's history"
    assert history not in house.prune()

    def end(status: str, age: timedelta) -> None:
        then = int((now() - age).timestamp() * 1000)
        with house.database.begin() as db:
            db.execute(
                text("UPDATE dbos.workflow_status SET status = :status, completed_at = :then"),
                {"status": status, "then": then},
            )

    end("SUCCESS", timedelta(days=29))
    assert history not in house.prune()
    end("SUCCESS", timedelta(days=31))
    with house.database.begin() as db:
        every = set(db.scalars(text("SELECT workflow_uuid FROM dbos.workflow_status")))
    # The draft's row is live still, whatever the engine says of it.
    assert house.prune(dry=True) == {history: (len(every) - 1, 0)}
    assert house.prune() == {history: (len(every) - 1, 0)}
    with house.database.begin() as db:
        [left] = db.scalars(text("SELECT workflow_uuid FROM dbos.workflow_status"))
        assert left == f"{house.ad.id}:draft:{len(ended) + 1}"
        assert db.scalar(select(func.count()).select_from(Job)) == len(ended) + 1


def test_half_made_things_go_and_young_ones_stay(house: House) -> None:
    scratch = settings().scratch
    old = time.time() - 2 * 86400
    for name in ("young", "old", "old-but-at-work"):
        (scratch / name).mkdir(parents=True)
        (scratch / name / "part.mp4").write_bytes(b"x" * 10)
    for name in ("old", "old-but-at-work"):
        os.utime(scratch / name / "part.mp4", (old, old))
        os.utime(scratch / name, (old, old))
    os.utime(scratch / "old-but-at-work" / "part.mp4")
    part = local_storage().root / "aa" / "x.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"x" * 7)
    assert house.prune(dry=True) == {"old scratch folders": (1, 10)}
    os.utime(part, (old, old))
    assert house.prune(dry=True) == {"half-made files": (1, 7), "old scratch folders": (1, 10)}
    house.prune()
    assert sorted(p.name for p in scratch.iterdir()) == ["old-but-at-work", "young"]
    assert not part.exists()


@pytest.mark.usefixtures("takes_30")
def test_one_process_at_a_time(house: House) -> None:
    house.take(house.ad.clips[0])
    house.age()
    with alone(house.database) as mine:
        assert mine
        assert house.prune() == {}
    assert house.prune() == {TAKES: (1, 1000)}


@pytest.mark.usefixtures("takes_30")
def test_the_worker_does_it_by_itself(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    key = house.key(house.take(house.ad.clips[0]))
    house.age()
    stop = threading.Event()
    monkeypatch.setattr(worker, "_stop", stop)
    monkeypatch.setattr(worker, "TIDY_S", 0.01)
    tidy = threading.Thread(target=worker._tidy, args=(house.database,))
    tidy.start()
    until(lambda: key not in house.stored(), 30, "the clip's end")
    stop.set()
    tidy.join(30)
    assert not tidy.is_alive()


@pytest.mark.usefixtures("takes_30")
def test_by_hand(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house.take(house.ad.clips[0])
    house.age()
    monkeypatch.setenv("DATABASE_URL", house.database.url)
    settings.cache_clear()

    def told(*words: str) -> Any:
        assert cli.main(["prune", *words]) == 0
        return capsys.readouterr().out

    assert told("--dry-run") == f"Would remove 1 {TAKES}, 0.0 MB\n"
    assert json.loads(told("--json")) == [{"what": TAKES, "count": 1, "bytes": 1000}]
    assert told().startswith("Nothing is due.")
