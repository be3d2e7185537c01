"""The running app's own words: its log and what it tells Sentry, with nothing in them but ids."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from adgen import __version__
from tests.conftest import PASSWORD, App, until

PROMPT = "zebracanary sandals"
PLANTED = ("zebracanary", "ann@canary.example", "r8_canarycanary", "canarybearer", PASSWORD)
# As a constraint of the database does it: the row is in the detail.
_BREAKS = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    RAISE EXCEPTION 'no row for ann@canary.example with r8_canarycanary, Bearer canarybearer0'
        USING DETAIL = 'Failing row contains (' || to_jsonb(NEW)::text || E'\\n, zebracanary).';
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON predictions FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE INSERT ON brand_kits FOR EACH ROW EXECUTE FUNCTION refuse();
"""


class Collector:
    """Takes what a Sentry client sends."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                zipped = self.headers.get("Content-Encoding") == "gzip"
                bodies.append(gzip.decompress(data) if zipped else data)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def dsn(self) -> str:
        return f"http://public@127.0.0.1:{self.server.server_address[1]}/1"

    @property
    def events(self) -> list[dict[str, Any]]:
        found = []
        for body in list(self.bodies):
            _, *items = body.split(b"\n")
            found += [
                json.loads(data)
                for head, data in zip(items[::2], items[1::2], strict=False)
                if json.loads(head)["type"] == "event"
            ]
        return found


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def told(short_tmp: Path, collector: Collector) -> Iterator[App]:
    """An app that has made pictures, and then met a database that refuses rows."""
    env = {"ADGEN_LOG_FORMAT": "json", "ADGEN_SENTRY_DSN": collector.dsn}
    app = App(short_tmp / "told", env=env).start()
    with app.client() as client:
        make_pictures(client)
        with app.database() as database, database.engine.begin() as connection:
            connection.execute(text(_BREAKS))
        assert client.put("/api/brand", json={"cta": PROMPT}).status_code == 500
        make_pictures(client)
    until(lambda: len(collector.events) >= 2, 30, "what is told")
    yield app
    app.stop()


def make_pictures(client: httpx.Client) -> None:
    ad = client.post("/api/sessions/create", json={}).json()["session_id"]
    body = {"session_id": ad, "product_prompt": PROMPT}
    assert client.post("/api/generate-images", json=body).status_code == 202

    def ended() -> bool:
        job = client.get(f"/api/sessions/{ad}").json()["job"]
        return bool(job["status"] in ("done", "failed"))

    until(ended, 60, "the run's end")


def records(app: App) -> list[dict[str, Any]]:
    lines = app.log.splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_one_event_an_error_says_what_and_where_and_no_more(
    told: App, collector: Collector
) -> None:
    assert told.log
    by_service = {event["tags"]["service"]: event for event in collector.events}
    assert len(collector.events) == len(by_service) == 2
    for event in by_service.values():
        assert event["release"] == f"adgen@{__version__}"
        raised = event["exception"]["values"]
        assert {"RaiseException", "InternalError"} & {one["type"] for one in raised}
        frames = [frame for one in raised for frame in one["stacktrace"]["frames"]]
        assert any(frame["module"].startswith("adgen.") for frame in frames)
        assert not any("vars" in frame for frame in frames)
        assert not {"request", "user", "breadcrumbs", "extra", "contexts"} & set(event)
    worker, web = by_service["worker"]["tags"], by_service["web"]["tags"]
    assert worker["job"] == f"{worker['ad']}:images:1"
    assert worker["worker"] == "worker-1"
    assert len(web["request"]) == 16
    sent = b"\n".join(collector.bodies).decode()
    assert [planted for planted in PLANTED if planted in sent] == []


def test_records_are_lines_of_json_with_ids(told: App) -> None:
    said = records(told)
    made = [r for r in said if r["service"] == "worker" and "made by" in r["message"]]
    assert {r["stage"] for r in made} == {"brief", "image"}
    assert {r["slot"] for r in made if r["stage"] == "image"} == set(range(6))
    for record in made:
        assert record["job"] == f"{record['ad']}:images:1"
        assert record["worker"] == "worker-1"
    asked = [r for r in said if r.get("status") == 202]
    assert len(asked) == 2
    for record in asked:
        assert record["route"] == "/api/generate-images"
        assert record["person"] > 0
        assert record["ms"] > 0
        assert record["request"]
    [bug] = [r for r in said if r["message"] == "unexpected error"]
    assert "Traceback" in bug["trace"]
    assert "DETAIL: …" in bug["trace"]


def test_nothing_planted_is_in_the_log(told: App) -> None:
    # What is printed at the start for the person who starts it is no record.
    lines = "\n".join(line for line in told.log.splitlines() if line.startswith("{"))
    assert [planted for planted in PLANTED if planted in lines] == []
    rest = [line for line in told.log.splitlines() if line and not line.startswith("{")]
    assert not [line for line in rest if "Traceback" in line or "zebracanary" in line], rest
