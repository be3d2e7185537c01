"""The API does what its own description says, whatever it is sent."""

from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
import schemathesis
from fastapi.params import Form
from fastapi.routing import APIRoute, iter_route_contexts
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from adgen import launch
from adgen.api.app import build_api
from adgen.api.schema import Body
from adgen.commands import Commands
from adgen.domain import AdState, AssetType, AudioChoice, Genre, Person, Role, TextOverlay
from adgen.providers import music
from adgen.providers.photos import sample_photos
from adgen.store import users
from adgen.store.database import Database
from tests.asking import Client
from tests.conftest import add_person
from tests.ui.ads import chosen_clips, made

Operation = APIOperation[Any, Any, Any, Any]
Case = schemathesis.Case[Operation]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SHORT, LONG = 300, 2000


class Studio:
    """One admin, a finished ad, and calls that are counted."""

    def __init__(self, commands: Commands, database: Database, person: Person) -> None:
        self.commands, self.database, self.person = commands, database, person
        self.calls: Counter[int] = Counter()
        self.ad = commands.create_ad(person)
        _, photo = next(iter(sample_photos()))
        commands.add_photo(person, self.ad.id, photo, "chair.jpg")
        chosen_clips(commands, database, person, self.ad)
        commands.start_video(person, self.ad.id, TextOverlay(cta="Now"), AudioChoice())
        made(database, self.ad, AssetType.VIDEO, of=1, slots=1)
        self.ad = commands.load_ad(person, self.ad.id)

    def login(self) -> dict[str, str]:
        """A login of its own for each call: some of them end it."""
        with self.database.begin() as db:
            return {"Authorization": f"Bearer {users.add_login(db, self.person.id)}"}

    def call(self, case: Case, real: random.Random | None) -> None:
        """Send it, with what is there in place of what was made up when `real` is given."""
        if real:
            changes = case.operation.method.upper() != "GET"
            ad = self.commands.duplicate_ad(self.person, self.ad.id) if changes else self.ad
            name_what_is_there(case, ad, real)
        answer = case.call(headers=self.login())
        self.calls[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)


def name_what_is_there(case: Case, ad: AdState, real: random.Random) -> None:
    """Put the ad, its files and words that fit where the call names some, for the most part."""
    images, clips = [i.id for i in ad.images], [c.id for c in ad.clips]
    uploads = [photo.id for photo in ad.photos]
    known: dict[str, Any] = {
        "session_id": ad.id,
        "asset_id": real.choice([*images, *clips, *uploads, ad.final_video_id or ""]),
        "approved_image_ids": images[: real.randrange(1, 5)],
        "approved_clip_ids": clips[: real.randrange(1, 3)],
        "clip_order": real.choice([None, clips]),
        "marks": {real.choice([*images, *clips]): "rejected"},
        "product_prompt": "oak chair",
        "video_prompt": "slow push",
        "model": None,
        "seed": None,
        "email": ad.owner,
        "track_id": music.tracks(Genre.CALM)[0].id,
    }
    for part in (case.path_parameters, case.body):
        if isinstance(part, dict):
            fits = {name: known[name] for name in part if name in known and real.random() < 0.8}
            part.update(fits)


@pytest.fixture
def studio(commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch) -> Studio:
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    return Studio(commands, database, add_person(database, "root@example.com", Role.ADMIN))


def ask(studio: Studio, operation: Operation, turn: int, examples: int) -> None:
    """At most that many calls of one operation with data that fits, and as many with other data."""
    for mode in GenerationMode:
        fits = mode is GenerationMode.POSITIVE
        real = st.randoms(use_true_random=False)

        @seed(turn)
        @hypothesis_settings(
            max_examples=examples,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(
            case=operation.as_strategy(generation_mode=mode),
            real=real if fits else st.none() | real,
        )
        def each(case: Case, real: random.Random | None) -> None:
            studio.call(case, real)

        # What takes nothing can be sent nothing wrong.
        with contextlib.suppress(Unsatisfiable):
            each()


def ask_all(studio: Studio, total: int, examples: int) -> None:
    """Calls of every operation in turn, until there are this many."""
    app = Client().app
    described = [*schemathesis.openapi.from_asgi("/api/openapi.json", app).get_all_operations()]
    operations = [found.ok() for found in described if isinstance(found, Ok)]
    assert len(operations) == len(described)
    turn = 0
    while studio.calls.total() < total:
        turn += 1
        for operation in operations:
            ask(studio, operation, turn, examples)


def test_whatever_is_sent_is_answered_as_described(studio: Studio) -> None:
    ask_all(studio, SHORT, 3)
    assert studio.calls.total() >= SHORT
    print(studio.calls)


@pytest.mark.drill
def test_thousands_of_calls_are_answered_as_described(studio: Studio) -> None:
    ask_all(studio, LONG, 20)
    assert studio.calls.total() >= LONG
    print(studio.calls)


def test_every_body_is_read_with_care() -> None:
    bodies = {
        field.field_info.annotation
        for route in iter_route_contexts(build_api().routes)
        if isinstance(route.original_route, APIRoute)
        if (field := route.original_route.body_field) and not isinstance(field.field_info, Form)
    }
    assert bodies
    assert all(isinstance(body, type) and issubclass(body, Body) for body in bodies), bodies


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "b\udfff"])
def test_text_that_cannot_be_kept_is_refused(studio: Studio, text: str) -> None:
    client, headers = Client(), studio.login() | {"Content-Type": "application/json"}
    for method, path, body in (
        ("PATCH", f"/api/sessions/{studio.ad.id}", {"title": text}),
        ("PATCH", f"/api/sessions/{studio.ad.id}/marks", {"marks": {text: "approved"}}),
        ("POST", f"/api/sessions/{studio.ad.id}/draft", {"text_overlay": {"cta": text}}),
        ("POST", f"/api/sessions/{studio.ad.id}/bring-back", {"asset_id": text}),
        ("POST", "/api/auth/login", {"email": text, "password": "x"}),
        ("PUT", "/api/brand", {"cta": text}),
    ):
        answer = client.ask(method, path, headers=headers, content=json.dumps(body))
        assert (answer.status_code, answer.json()["title"]) == (422, "InputRejected"), path


def test_a_name_with_nul_is_nothing(studio: Studio) -> None:
    client, headers = Client(), studio.login()
    for path in ("/api/people/a%00b", f"/api/sessions/{studio.ad.id}/photos/%00", "/%00"):
        assert client.ask("DELETE", path, headers=headers).status_code == 404
    for name in ("email", "action"):
        answer = client.get("/api/audit", headers=headers, params={name: "a\x00"})
        assert answer.status_code == 422
