"""The list of ads over HTTP: the library's filters, all of them optional."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import insert

from adgen.domain import Person
from adgen.store.database import Database
from adgen.store.tables import AdSession
from tests.conftest import App, add_person


def first_of(month: int) -> datetime:
    return datetime(2026, month, 1, 9, tzinfo=UTC)


ADS: dict[str, dict[str, Any]] = {
    "Oak chair": {"stage": "complete", "total_cost": 3, "created_at": first_of(3)},
    "Blue kettle": {"stage": "failed", "total_cost": 1, "created_at": first_of(2)},
    "Red scarf": {"stage": "created", "total_cost": 2, "created_at": first_of(1)},
    "Old watch": {"stage": "complete", "total_cost": 9, "archived_at": first_of(1)},
}


@pytest.fixture(scope="module")
def library(app: App) -> Iterator[tuple[httpx.Client, Person]]:
    """A person with four ads, one of them archived."""
    with app.database() as database:
        person = add_person(database, f"{uuid4().hex[:8]}@example.com")
        fill(database, person)
    with closing(app.client(person.email)) as client:
        yield client, person


def fill(database: Database, person: Person) -> None:
    common = {"provider": "offline", "image_model": "offline/photos", "clip_model": "offline/x"}
    for title, facts in ADS.items():
        owner = {"user_id": person.id, "team_id": person.team_id}
        values = {"id": str(uuid4()), **owner, "title": title, **common, **facts}
        with database.begin() as db:
            db.execute(insert(AdSession).values(values))


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({}, ["Oak chair", "Blue kettle", "Red scarf"]),
        ({"search": "CHAIR oak"}, ["Oak chair"]),
        ({"stage": "failed"}, ["Blue kettle"]),
        ({"stage": ["failed", "created"]}, ["Blue kettle", "Red scarf"]),
        ({"since": "2026-02-01T09:00:00Z"}, ["Oak chair", "Blue kettle"]),
        ({"until": "2026-02-01T09:00:00Z"}, ["Red scarf"]),
        ({"since": "2026-01-15", "until": "2026-02-15"}, ["Blue kettle"]),
        ({"since": "2026-02-01T10:30:00+01:00"}, ["Oak chair"]),
        ({"archived": "true"}, ["Old watch"]),
        ({"archived": "true", "stage": "created"}, []),
        ({"sort": "oldest"}, ["Red scarf", "Blue kettle", "Oak chair"]),
        ({"sort": "name"}, ["Blue kettle", "Oak chair", "Red scarf"]),
        ({"sort": "cost"}, ["Oak chair", "Red scarf", "Blue kettle"]),
        ({"sort": "changed"}, ["Red scarf", "Blue kettle", "Oak chair"]),
        ({"sort": "oldest", "limit": 1, "offset": 1}, ["Blue kettle"]),
        ({"person": "demo@example.com"}, []),
        ({"nonsense": "1"}, ["Oak chair", "Blue kettle", "Red scarf"]),
    ],
)
def test_the_list_takes_the_librarys_filters(
    library: tuple[httpx.Client, Person], query: dict[str, Any], titles: list[str]
) -> None:
    answer = library[0].get("/api/sessions", params=query)
    assert [ad["title"] for ad in answer.json()] == titles


@pytest.mark.parametrize(
    "query",
    [{"stage": "lost"}, {"sort": "worst"}, {"since": "soon"}, {"archived": "x"}, {"limit": 999}],
)
def test_what_the_list_cannot_take_is_a_422(
    library: tuple[httpx.Client, Person], query: dict[str, Any]
) -> None:
    answer = library[0].get("/api/sessions", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_admin_finds_one_persons_ads(app: App, library: tuple[httpx.Client, Person]) -> None:
    with closing(app.client()) as admin:
        query = {"person": library[1].email.upper(), "sort": "cost"}
        ads = admin.get("/api/sessions", params=query).json()
    assert [ad["title"] for ad in ads] == ["Oak chair", "Red scarf", "Blue kettle"]
    assert {ad["owner"] for ad in ads} == {library[1].email}
    first = {"id", "title", "stage", "total_cost", "owner", "created_at", "poster_id", "video_id"}
    assert first <= set(ads[0])
    assert ads[0]["total_cost"] == "3.000000"
