"""The REST table over HTTP, on the running app: shapes, codes, and who may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import PASSWORD, App, until


@pytest.fixture(scope="module")
def client(app: App) -> Iterator[httpx.Client]:
    with app.client() as made:
        yield made


@pytest.fixture
def ad(client: httpx.Client) -> str:
    answer = client.post("/api/sessions/create", json={})
    assert answer.status_code == 201
    assert answer.json()["stage"] == "created"
    return str(answer.json()["session_id"])


@pytest.fixture(scope="module")
def with_images(client: httpx.Client) -> dict[str, Any]:
    """An ad with six pictures."""
    ad = client.post("/api/sessions/create", json={}).json()["session_id"]
    body = {"session_id": ad, "product_prompt": "pink tennis shoes"}
    answer = client.post("/api/generate-images", json=body)
    assert answer.status_code == 202
    told = answer.json()
    assert set(told) == {"session_id", "job_id", "stage", "estimated_cost"}
    until(lambda: client.get(f"/api/sessions/{ad}").json()["stage"] == "image_selection", 90)
    state: dict[str, Any] = client.get(f"/api/sessions/{ad}").json()
    return state


def is_problem(answer: httpx.Response, status: int) -> bool:
    body = answer.json()
    kind = answer.headers["content-type"]
    return (
        answer.status_code == status
        and kind == "application/problem+json"
        and body["status"] == status
        and bool(body["detail"])
    )


def test_login_gives_a_token_and_a_cookie_scripts_cannot_read(app: App) -> None:
    body = {"email": "demo@example.com", "password": PASSWORD}
    answer = httpx.post(f"{app.url}/api/auth/login", json=body)
    told = answer.json()
    assert told["token_type"] == "bearer"
    assert told["user"]["email"] == "demo@example.com"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("adgen_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    jar = {"adgen_session": told["access_token"]}
    assert httpx.get(f"{app.url}/api/sessions", cookies=jar).status_code == 200
    assert httpx.post(f"{app.url}/api/auth/logout", cookies=jar).status_code == 204
    assert is_problem(httpx.get(f"{app.url}/api/sessions", cookies=jar), 401)


def test_every_route_of_ours_refuses_strangers(app: App) -> None:
    paths = httpx.get(f"{app.url}/api/openapi.json").json()["paths"]
    open_to_all = {"/health", "/health/live", "/api/auth/login"}
    checked = 0
    for path, methods in paths.items():
        for method in methods:
            if path in open_to_all:
                continue
            url = app.url + path.replace("{session_id}", "x").replace("{asset_id}", "x")
            answer = httpx.request(method, url, json={})
            # A body that does not fit may be said first; nothing else may.
            assert answer.status_code in (401, 422), (method, path, answer.status_code)
            checked += answer.status_code == 401
    assert checked >= 6


def test_another_sites_page_cannot_act(app: App, client: httpx.Client) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = client.post("/api/sessions/create", json={}, headers=headers)
    assert is_problem(answer, 403)
    own = {"Origin": app.url}
    assert client.post("/api/sessions/create", json={}, headers=own).status_code == 201


def test_what_is_absent_is_404_and_what_is_wrong_is_422(client: httpx.Client, ad: str) -> None:
    assert is_problem(client.get("/api/sessions/nothing"), 404)
    assert is_problem(client.get("/api/files/nothing"), 404)
    assert is_problem(client.get("/api/nothing"), 404)
    body = {"session_id": ad, "product_prompt": "ab"}
    assert is_problem(client.post("/api/generate-images", json=body), 422)
    assert is_problem(client.post("/api/generate-images", content=b"{"), 422)
    assert is_problem(client.post(f"/api/sessions/{ad}/cancel"), 409)


def test_state_has_the_columns_of_the_spec_and_its_pictures(with_images: dict[str, Any]) -> None:
    for column in (
        "user_id", "stage", "product_prompt", "video_prompt", "consistency_seed", "style_keywords",
        "generated_image_ids", "approved_image_ids", "generated_clip_ids", "approved_clip_ids",
        "clip_order", "final_video_id", "total_cost", "created_at", "updated_at", "job",
    ):  # fmt: skip
        assert column in with_images
    assert len(with_images["images"]) == 6
    assert 100_000 <= with_images["consistency_seed"] <= 999_999
    views = [image["metadata"]["view"] for image in with_images["images"]]
    assert views == ["front", "side", "back", "top", "detail", "lifestyle"]
    for image in with_images["images"]:
        assert {"id", "url", "status", "cost", "model_used", "metadata"} <= set(image)
        assert image["metadata"]["seed"] == with_images["consistency_seed"]
        assert image["metadata"]["placeholder"] is True


def test_files_come_with_range_type_and_privacy(
    app: App, client: httpx.Client, with_images: dict[str, Any]
) -> None:
    url = with_images["images"][0]["url"]
    whole = client.get(url)
    assert whole.headers["content-type"] == "image/jpeg"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["cache-control"].startswith("private")
    part = client.get(url, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, whole.content[:10])
    assert httpx.get(app.url + url).status_code == 401
    named = client.get(url, params={"download": "Oak & <Clay>/../x"})
    assert "attachment" in named.headers["content-disposition"]
    assert "/" not in named.headers["content-disposition"].partition("filename")[2].strip('"*=')


def test_approving_too_few_or_foreign_pictures_is_422(
    client: httpx.Client, with_images: dict[str, Any], ad: str
) -> None:
    ids = [image["id"] for image in with_images["images"]]
    for chosen in (ids[:1], [], [ids[0], "another"]):
        body = {"session_id": with_images["session_id"], "approved_image_ids": chosen}
        assert is_problem(client.post("/api/save-approved-images", json=body), 422)
    body = {"session_id": ad, "approved_image_ids": ids[:2]}
    assert is_problem(client.post("/api/save-approved-images", json=body), 422)


def test_costs_are_decimal_strings_a_row_a_call(
    client: httpx.Client, with_images: dict[str, Any]
) -> None:
    told = client.get(f"/api/sessions/{with_images['session_id']}/costs").json()
    assert {"session_id", "total_cost", "by_agent", "by_model", "entries"} <= set(told)
    assert isinstance(told["total_cost"], str)
    assert len(told["entries"]) == 7
    assert {entry["cost_usd"] for entry in told["entries"]} == {"0.000000"}


def test_the_list_is_paged_and_searched(client: httpx.Client, with_images: dict[str, Any]) -> None:
    found = client.get("/api/sessions", params={"search": "TENNIS", "limit": 1}).json()
    assert found[0]["title"] == "pink tennis shoes"
    assert client.get("/api/sessions", params={"search": "100%_"}).json() == []
    assert is_problem(client.get("/api/sessions", params={"limit": 0}), 422)


def test_a_call_that_spends_counts_once_for_each_key(client: httpx.Client, ad: str) -> None:
    body = {"session_id": ad, "product_prompt": "oak chair"}
    key = {"Idempotency-Key": f"first-{ad}"}
    first = client.post("/api/generate-images", json=body, headers=key)
    again = client.post("/api/generate-images", json=body, headers=key)
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.json() == first.json()
    assert is_problem(client.post("/api/generate-images", json=body), 409)
    other = {**body, "product_prompt": "pine chair"}
    assert is_problem(client.post("/api/generate-images", json=other, headers=key), 422)
    client.post(f"/api/sessions/{ad}/cancel")
