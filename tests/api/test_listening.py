"""The music library over HTTP: heard by those who are signed in, chosen by name."""

from __future__ import annotations

import httpx

from adgen.domain import Genre
from adgen.providers import music
from tests.conftest import App

TRACK = music.tracks(Genre.TENDER)[0]


def test_a_piece_comes_with_range_and_caches(app: App) -> None:
    with app.client() as client:
        whole = client.get(f"/api/music/{TRACK.id}")
        assert whole.content == TRACK.path.read_bytes()
        assert whole.headers["content-type"] == "audio/ogg"
        assert whole.headers["cache-control"] == "private, max-age=86400"
        part = client.get(f"/api/music/{TRACK.id}", headers={"Range": "bytes=4-9"})
        assert (part.status_code, part.content) == (206, whole.content[4:10])


def test_strangers_hear_nothing_and_there_is_only_the_library(app: App) -> None:
    assert httpx.get(f"{app.url}/api/music/{TRACK.id}").status_code == 401
    with app.client() as client:
        for wrong in ("nothing", f"{TRACK.id}.opus", "calm", ""):
            assert client.get(f"/api/music/{wrong}").status_code == 404, wrong


def test_a_film_may_name_a_piece_or_leave_it_to_the_genre(app: App) -> None:
    with app.client() as client:
        ad = client.post("/api/sessions/create", json={}).json()
        body = {"session_id": ad["session_id"], "audio": {"enabled": True, "track": 3}}
        assert client.post("/api/compose-final-video", json=body).status_code == 422
        for audio in ({"track": TRACK.id}, {"genre": "calm"}, {}):
            answer = client.post("/api/compose-final-video", json={**body, "audio": audio})
            # Read and understood; there is only no clip to cut yet.
            assert (answer.status_code, answer.json()["title"]) == (409, "WrongStage")
