"""The WebSocket of an ad, over the wire and in process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.conftest import App

WAIT_S = 60


@contextmanager
def listening(app: App, ad: str, **headers: str) -> Iterator[ClientConnection]:
    address = f"ws://localhost:{app.port}/ws/{ad}"
    with connect(address, additional_headers=headers, max_size=None) as socket:
        yield socket


def bearer(client: httpx.Client) -> dict[str, str]:
    return {"Authorization": client.headers["authorization"]}


def new_ad(client: httpx.Client) -> str:
    return str(client.post("/api/sessions/create", json={}).json()["session_id"])


def start(client: httpx.Client, ad: str) -> None:
    body = {"session_id": ad, "product_prompt": "oak chair"}
    assert client.post("/api/generate-images", json=body).status_code == 202


def until_end(socket: ClientConnection) -> list[dict[str, Any]]:
    """All messages up to the last one of a run."""
    told: list[dict[str, Any]] = []
    end = time.monotonic() + WAIT_S
    while not told or told[-1]["stage"] not in ("complete", "failed"):
        told.append(json.loads(socket.recv(timeout=end - time.monotonic())))
    return told


def test_a_client_sees_every_step_in_order(app: App) -> None:
    with app.client() as client:
        ad = new_ad(client)
        with listening(app, ad, **bearer(client)) as socket:
            first = json.loads(socket.recv(timeout=WAIT_S))
            assert first == {
                "stage": "created",
                "progress": 0,
                "message": "",
                "current_cost": 0.0,
                "data": {},
            }
            start(client, ad)
            told = until_end(socket)
            last = told[-1]
            assert (last["stage"], last["progress"], last["message"]) == (
                "complete", 100, "Images ready!",
            )  # fmt: skip
            assert len(last["data"]["images"]) == 6
            stages = list(dict.fromkeys(message["stage"] for message in told))
            assert stages == ["prompt_parsing", "image_generation", "complete"]
            shares = [message["progress"] for message in told]
            assert shares == sorted(shares)
            assert sum("Generating image" in message["message"] for message in told) >= 6
            costs = client.get(f"/api/sessions/{ad}/costs").json()
            assert last["current_cost"] == float(costs["total_cost"])
        # Whoever comes later sees how it stands.
        with listening(app, ad, **bearer(client)) as socket:
            assert json.loads(socket.recv(timeout=WAIT_S)) == last


def test_a_client_may_stay_and_others_may_come_and_go(app: App) -> None:
    with app.client() as client:
        ad = new_ad(client)
        with listening(app, ad, **bearer(client)) as stays:
            for _ in range(3):
                with listening(app, ad, **bearer(client)) as goes:
                    goes.recv(timeout=WAIT_S)
            start(client, ad)
            assert until_end(stays)[-1]["stage"] == "complete"
            start(client, ad)
            assert until_end(stays)[-1]["stage"] == "complete"


def test_a_ping_gets_a_pong(app: App) -> None:
    with app.client() as client, listening(app, new_ad(client), **bearer(client)) as socket:
        socket.recv(timeout=WAIT_S)
        for _ in range(2):
            socket.send("ping")
            assert socket.recv(timeout=WAIT_S) == "pong"
        socket.send('{"type": "ping"}')
        assert json.loads(socket.recv(timeout=WAIT_S)) == {"type": "pong"}


def test_one_who_does_not_read_keeps_nobody_waiting(app: App) -> None:
    with app.client() as client:
        ad = new_ad(client)
        with listening(app, ad, **bearer(client)), listening(app, ad, **bearer(client)) as reads:
            start(client, ad)
            assert until_end(reads)[-1]["stage"] == "complete"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer nonsense"}, 401),
        ({"Cookie": "adgen_session=nonsense"}, 401),
        ({"Authorization": "TOKEN", "Origin": "https://evil.example"}, 403),
    ],
)
def test_nobody_else_listens(app: App, headers: dict[str, str], status: int) -> None:
    with app.client() as client:
        ad = new_ad(client)
        given = {
            k: bearer(client)["Authorization"] if v == "TOKEN" else v for k, v in headers.items()
        }
        with pytest.raises(InvalidStatus) as refused, listening(app, ad, **given):
            pass
    assert refused.value.response.status_code == status


def test_an_ad_that_is_not_there_is_said_so(app: App) -> None:
    with (
        app.client() as client,
        pytest.raises(InvalidStatus) as refused,
        listening(app, "x" * 36, **bearer(client)),
    ):
        pass
    assert refused.value.response.status_code == 404
