"""What an ad and a process take: the figures behind docs/capacity.md.

Plain pictures, so that clips and cut are all there is to compute; at full size, as customers see
them. Processor time is that of ffmpeg alone, counted stage by stage.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
from sqlalchemy import text

from bench.figure import Figure
from tests.conftest import FULL, App, until

ADS = 3
STILL_S = 5.0


class Taken(NamedTuple):
    """What one stage of one ad took of the processor, in seconds."""

    clips: float
    cut: float


def figures() -> Iterator[Figure]:
    """Memory of idle processes, connections, and what an ad costs in seconds and bytes."""
    with tempfile.TemporaryDirectory(prefix="adgen-b-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        app = App(Path(folder) / "home", env=FULL | {"ADGEN_SESSION_BUDGET_USD": "1000"}).start()
        try:
            yield from _processes(app, "idle")
            yield from _ads(app)
            yield from _processes(app, "after")
        finally:
            app.stop()


def _parts(app: App) -> tuple[psutil.Process, psutil.Process]:
    web = psutil.Process(app.pid)
    (worker,) = [child for child in web.children() if "worker" in child.cmdline()]
    return web, worker


def _processes(app: App, when: str) -> Iterator[Figure]:
    time.sleep(STILL_S)
    web, worker = _parts(app)
    yield Figure(f"capacity_web_{when}_mb", web.memory_info().rss / 1e6, 600, " MB")
    yield Figure(f"capacity_worker_{when}_mb", worker.memory_info().rss / 1e6, 600, " MB")
    with app.database() as database, database.begin() as db:
        held = db.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE client_port IS NOT NULL")
        )
    yield Figure(f"capacity_connections_{when}", float(held or 0), 60)


def _ads(app: App) -> Iterator[Figure]:
    rows, files = _database_bytes(app), _bytes(app.home / "files")
    with app.client() as client:
        taken = [_ad(app, client, number) for number in range(ADS)]
    yield Figure("capacity_clips_cpu_s", sum(one.clips for one in taken) / ADS, 120, " s")
    yield Figure("capacity_cut_cpu_s", sum(one.cut for one in taken) / ADS, 60, " s")
    stored = (_bytes(app.home / "files") - files) / ADS / 1e6
    yield Figure("capacity_files_mb_an_ad", stored, 60, " MB")
    yield Figure("capacity_rows_kb_an_ad", (_database_bytes(app) - rows) / ADS / 1e3, 400, " kB")


def _ad(app: App, client: httpx.Client, number: int) -> Taken:
    """From a brief to a film of four clips."""
    ad = client.post("/api/sessions/create", json={}).json()["session_id"]
    client.post(f"/api/sessions/{ad}/photos/samples").raise_for_status()
    ask = {"session_id": ad}
    _run(client, ad, "/api/generate-images", ask | {"product_prompt": f"oak chair {number}"})
    images = [image["id"] for image in _state(client, ad)["images"]][:4]
    client.post("/api/save-approved-images", json=ask | {"approved_image_ids": images})
    clips = _cpu(app)
    _run(client, ad, "/api/generate-clips", ask | {"video_prompt": "slow morning light"})
    clips = _cpu(app) - clips
    made = [clip["id"] for clip in _state(client, ad)["clips"]]
    client.post("/api/save-approved-clips", json=ask | {"approved_clip_ids": made})
    cut = _cpu(app)
    words = {"product_name": f"Oak & Clay {number}", "cta": "Shop the set"}
    sound = {"enabled": True, "genre": "calm"}
    _run(client, ad, "/api/compose-final-video", ask | {"text_overlay": words, "audio": sound})
    return Taken(clips, _cpu(app) - cut)


def _run(client: httpx.Client, ad: str, path: str, body: dict[str, object]) -> None:
    client.post(path, json=body).raise_for_status()
    until(lambda: _state(client, ad)["job"]["status"] == "done", 300, path)


def _state(client: httpx.Client, ad: str) -> dict[str, Any]:
    state: dict[str, Any] = client.get(f"/api/sessions/{ad}").json()
    return state


def _cpu(app: App) -> float:
    """Seconds of the processor that the worker's children have had so far."""
    _, worker = _parts(app)
    times = worker.cpu_times()
    return float(times.children_user + times.children_system)


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _database_bytes(app: App) -> int:
    with app.database() as database, database.begin() as db:
        return int(db.scalar(text("SELECT pg_database_size(current_database())")) or 0)
