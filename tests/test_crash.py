"""`kill -9` of the worker in every stage: the job goes on, nothing is doubled or lost."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import text

from adgen.store.database import Database
from adgen.store.embedded import EmbeddedPostgres
from tests import film
from tests.conftest import App, until
from tests.test_launch import family, worker_of

# Long enough for a kill to land inside the work, short enough for a quick test.
SLOW = {"ADGEN_OFFLINE_DELAY_S": "0.8", "ADGEN_RETRY_WAIT_S": "1"}


def state(client: httpx.Client, ad: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/api/sessions/{ad}").raise_for_status().json()
    return answer


def kill_worker(app: App) -> None:
    """SIGKILL, and wait for the next one to be there."""
    worker = worker_of(app)
    worker.kill()
    psutil.wait_procs([worker], timeout=10)


def finish(client: httpx.Client, ad: str, stage: str) -> dict[str, Any]:
    """Wait for the run to end, and check where it ended."""
    until(lambda: state(client, ad)["job"]["status"] not in ("queued", "running"), 150, "the end")
    now = state(client, ad)
    assert now["stage"] == stage, now["failure"]
    return now


def audit(home: Path, ad: str) -> None:
    """Every call has one cost row, every success one asset with its file, and the sums agree."""
    embedded = EmbeddedPostgres(home)
    database = Database(embedded.start())
    try:
        with database.begin() as db:
            one = {"ad": ad}
            calls = {
                row.key: row.status
                for row in db.execute(
                    text("SELECT key, status FROM predictions WHERE session_id = :ad"), one
                )
            }
            entries = db.execute(
                text("SELECT prediction_key, success, cost_usd FROM generation_costs "
                     "WHERE session_id = :ad"), one
            ).all()  # fmt: skip
            made = db.execute(
                text("SELECT prediction_key, storage_key, asset_type, slot FROM assets "
                     "WHERE session_id = :ad AND prediction_key IS NOT NULL"), one
            ).all()  # fmt: skip
            total = db.scalar(text("SELECT total_cost FROM sessions WHERE id = :ad"), one)
    finally:
        database.engine.dispose()
        embedded.stop()
    assert set(calls.values()) == {"succeeded"}
    assert sorted(row.prediction_key for row in entries) == sorted(calls)
    assert all(row.success for row in entries)
    assert sum(row.cost_usd for row in entries) == total
    # Two texts, the plan and the scenes, have no file of their own.
    assert len({row.prediction_key for row in made}) == len(made) == len(calls) - 2
    assert len({(row.asset_type, row.slot) for row in made}) == len(made)
    for row in made:
        # A kill within a write leaves a .part beside the files, which nothing may name.
        assert not row.storage_key.endswith(".part")
        assert (home / "files" / row.storage_key).stat().st_size > 0


def walk(app: App, kill: Any) -> str:
    """Brief to film over the API; `kill(stage)` is called once inside each run."""
    with app.client() as client:
        ad = str(client.post("/api/sessions/create", json={}).json()["session_id"])
        body: dict[str, Any] = {"session_id": ad, "product_prompt": "oak chair, warm light"}
        client.post("/api/generate-images", json=body).raise_for_status()
        kill("images", lambda: state(client, ad)["job"]["done"] >= 1)
        images = [image["id"] for image in finish(client, ad, "image_selection")["images"]]
        assert len(images) == 6
        body = {"session_id": ad, "approved_image_ids": images[:3]}
        client.post("/api/save-approved-images", json=body).raise_for_status()
        body = {"session_id": ad, "video_prompt": "slow push-in"}
        client.post("/api/generate-clips", json=body).raise_for_status()
        kill("clips", lambda: "running" in state(client, ad)["job"]["slots"].values())
        clips = [clip["id"] for clip in finish(client, ad, "clip_selection")["clips"]]
        assert len(clips) == 3
        body = {"session_id": ad, "approved_clip_ids": clips}
        client.post("/api/save-approved-clips", json=body).raise_for_status()
        overlay = {"product_name": "Oak", "cta": "Sit down"}
        body = {"session_id": ad, "text_overlay": overlay, "audio": {"enabled": False}}
        client.post("/api/compose-final-video", json=body).raise_for_status()
        kill("video", lambda: state(client, ad)["job"]["percent"] >= 5)
        done = finish(client, ad, "complete")
        data = client.get(done["final_video"]["url"]).raise_for_status().content
        out = app.home / "film.mp4"
        out.write_bytes(data)
        assert film.decode_errors(out) == ""
        return ad


def test_a_killed_worker_in_every_stage_loses_and_doubles_nothing(short_tmp: Path) -> None:
    app = App(short_tmp / "crash", env=SLOW).start()

    def kill(stage: str, when: Any) -> None:
        until(when, 60, f"work on {stage}")
        kill_worker(app)
        orphans = [p for p in family(app.home) if "ffmpeg" in p.name()]
        psutil.wait_procs(orphans, timeout=10)
        assert not [p for p in orphans if p.is_running()], "ffmpeg outlived its worker"

    ad = walk(app, kill)
    audit(app.home, ad)
    app.stop()
    until(lambda: not family(app.home), 20, "the end of every process")


@pytest.mark.drill
@pytest.mark.parametrize("seed", range(12))
def test_kills_at_random_moments(short_tmp: Path, seed: int) -> None:
    app = App(short_tmp / f"drill-{seed}", env=SLOW).start()
    chance = random.Random(seed)  # noqa: S311 -- a repeatable drill, not a secret

    def kill(stage: str, when: Any) -> None:
        until(when, 60, f"work on {stage}")
        for _ in range(chance.randint(1, 2)):
            time.sleep(chance.uniform(0, 3))
            kill_worker(app)
            until(app.healthy, 60, "the next worker")

    audit(app.home, walk(app, kill))
    app.stop()
