"""Other sites' pages that try to act with a person's cookie, over HTTP and over sockets."""

from __future__ import annotations

from itertools import product

import httpx
import pytest
from websockets.exceptions import InvalidHandshake
from websockets.sync.client import connect

from tests.conftest import PASSWORD, App

EVIL = [
    "https://evil.example",
    "http://localhost.evil.example",
    "http://localhost",
    "null",
    "http://localhost:{port}@evil.example",
    "http://evil.example#localhost:{port}",
    "http://127.0.0.1:{port}",
    "file://",
]
ROUTES = [
    ("POST", "/api/sessions/create"),
    ("POST", "/api/generate-images"),
    ("POST", "/api/sessions/{ad}/cancel"),
    ("POST", "/api/sessions/{ad}/shares"),
    ("POST", "/api/tokens"),
    ("DELETE", "/api/tokens/1"),
    ("PATCH", "/api/people/demo@example.com"),
    ("PUT", "/api/brand"),
    ("POST", "/api/sessions/{ad}/photos"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/logout-everywhere"),
    ("POST", "/api/auth/login"),
    ("PUT", "/_stcore/upload_file/x/y"),
]


@pytest.fixture(scope="module")
def login(app: App) -> dict[str, str]:
    """The cookie of the demo user, as their browser sends it."""
    body = {"email": "demo@example.com", "password": PASSWORD}
    answer = httpx.post(f"{app.url}/api/auth/login", json=body)
    return {"Cookie": f"adgen_session={answer.cookies['adgen_session']}"}


@pytest.fixture(scope="module")
def ad(app: App) -> str:
    with app.client() as client:
        return str(client.post("/api/sessions/create", json={}).json()["session_id"])


def test_no_foreign_page_acts_with_a_persons_cookie(
    app: App, ad: str, login: dict[str, str]
) -> None:
    body = {"session_id": ad, "product_prompt": "oak chair", "name": "x", "role": "viewer"}
    body |= {"email": "demo@example.com", "password": PASSWORD}
    tries = 0
    with httpx.Client(base_url=app.url, timeout=30) as client:
        before = client.get("/api/sessions", headers=login).json()
        for (method, path), origin in product(ROUTES, EVIL):
            headers = {**login, "Origin": origin.format(port=app.port)}
            url = path.format(ad=ad)
            # As JSON, and as what a page may send to another site without asking first.
            for sent in ({"json": body}, {"data": body}):
                answer = client.request(method, url, headers=headers, **sent)  # type: ignore[arg-type]
                assert answer.status_code in (403, 422), (method, path, origin, answer.text)
                assert "set-cookie" not in answer.headers
                assert "access-control-allow-origin" not in answer.headers
                tries += 1
        # A page may ask another site whether it might; it is not told that it may.
        asks = {"Origin": EVIL[0], "Access-Control-Request-Method": "DELETE"}
        asked = client.options("/api/tokens/1", headers={**login, **asks})
        assert "access-control-allow-origin" not in asked.headers
        assert client.get("/api/sessions", headers=login).json() == before
    assert tries >= 40


def test_the_cookie_still_works_from_our_own_pages_and_a_token_from_scripts(
    app: App, ad: str, login: dict[str, str]
) -> None:
    url = f"{app.url}/api/sessions/{ad}"
    assert httpx.get(url, headers=login).status_code == 200
    own = {**login, "Origin": app.url}
    assert httpx.post(f"{app.url}/api/sessions/create", json={}, headers=own).status_code == 201


@pytest.mark.parametrize("path", ["/ws/{ad}", "/_stcore/stream"])
@pytest.mark.parametrize("origin", EVIL)
def test_no_foreign_page_listens_with_a_persons_cookie(
    app: App, ad: str, login: dict[str, str], path: str, origin: str
) -> None:
    url = f"ws://localhost:{app.port}{path.format(ad=ad)}"
    headers = {**login, "Origin": origin.format(port=app.port)}
    with pytest.raises(InvalidHandshake), connect(url, additional_headers=headers):
        pass
