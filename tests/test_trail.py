"""What is written down, and what is written nowhere: the audit trail and the logs."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex

import httpx
import pytest

from adgen.commands import Commands
from adgen.domain import Person, Role
from adgen.errors import AdgenError, InputRejected, NotAllowed
from adgen.store.database import Database
from tests.conftest import PASSWORD, App, add_person, until

Act = Callable[[Commands, Person, Person, str], object]

WRITTEN: dict[str, tuple[Act, dict[str, object]]] = {
    "spent": (lambda act, _, one, ad: act.start_images(one, ad, "oak chair"), {"reserved": "0"}),
    "shared": (
        lambda act, _, one, ad: act.share_ad(one, ad, days=1, shows_cost=True),
        {"days": 1, "costs": True},
    ),
    "share withdrawn": (
        lambda act, _, one, ad: act.revoke_share(one, ad, act.share_ad(one, ad)[0].id),
        {},
    ),
    "rights changed": (
        lambda act, admin, one, _: act.change_person(admin, one.email, role=Role.VIEWER),
        {"who": "ann@example.com", "role": "viewer"},
    ),
    "person added": (
        lambda act, admin, *_: act.add_person(admin, "New@Example.com", Role.ANALYST, "North"),
        {"who": "new@example.com", "role": "analyst", "team": "North"},
    ),
    "password renewed": (
        lambda act, admin, one, _: act.renew_password(admin, one.email),
        {"who": "ann@example.com"},
    ),
    "password changed": (
        lambda act, _, one, __: act.change_password(one, PASSWORD, "another long one"),
        {},
    ),
    "token made": (lambda act, _, one, __: act.add_token(one, "nightly"), {"name": "nightly"}),
    "token revoked": (
        lambda act, _, one, __: act.revoke_token(one, act.add_token(one, "nightly")[0].id),
        {"name": "nightly"},
    ),
    "signed out everywhere": (lambda act, _, one, __: act.sign_out_everywhere(one), {}),
}


@pytest.fixture
def admin(database: Database) -> Person:
    return add_person(database, "root@example.com", Role.ADMIN)


@pytest.mark.parametrize("action", WRITTEN)
def test_what_costs_opens_or_changes_rights_is_written_down(
    commands: Commands, person: Person, admin: Person, action: str
) -> None:
    act, details = WRITTEN[action]
    ad = commands.create_ad(person).id
    act(commands, admin, person, ad)
    [event] = commands.list_audit(admin, action=action)
    assert event.email in (person.email, admin.email)
    assert details.items() <= event.details.items()
    assert (event.session_id == ad) == (action in ("spent", "shared", "share withdrawn"))
    assert PASSWORD not in str(event.details)


def test_what_was_refused_leaves_no_trace_and_changes_nothing(
    commands: Commands, person: Person, admin: Person
) -> None:
    refused: list[Callable[[], object]] = [
        lambda: commands.share_ad(person, commands.create_ad(person).id, days=365),
        lambda: commands.change_person(admin, admin.email, role=Role.EDITOR),
        lambda: commands.change_person(admin, person.email, team="x" * 65),
        lambda: commands.add_person(admin, person.email, Role.ADMIN, "North"),
        lambda: commands.add_person(person, "b@example.com", Role.ADMIN, "North"),
        lambda: commands.add_person(admin, "no address", Role.EDITOR, "North"),
        lambda: commands.renew_password(person, admin.email),
        lambda: commands.change_password(person, "a guess", "another long one"),
        lambda: commands.change_password(person, PASSWORD, "short"),
    ]
    for act in refused:
        with pytest.raises(AdgenError) as why:
            act()
        assert why.type in (InputRejected, NotAllowed)
    assert commands.list_audit(admin) == []
    assert [one.email for one in commands.list_people(admin)] == [person.email, admin.email]
    assert commands.sign_in(person.email, PASSWORD)[1] == person


def test_logs_hold_no_secret_and_nothing_that_people_wrote(app: App) -> None:
    words = [f"quagga{token_hex(6)}" for _ in range(5)]
    with app.client() as client:
        bearer = client.headers["authorization"].removeprefix("Bearer ")
        ad = client.post("/api/sessions/create", json={}).json()["session_id"]
        body = {"session_id": ad, "product_prompt": f"oak chair {words[0]}"}
        client.post("/api/generate-images", json=body)
        until(lambda: client.get(f"/api/sessions/{ad}").json()["stage"] == "image_selection", 90)
        made = client.get(f"/api/sessions/{ad}").json()["images"]
        chosen = [image["id"] for image in made[:2]]
        client.post(
            "/api/save-approved-images", json={"session_id": ad, "approved_image_ids": chosen}
        )
        client.post("/api/generate-clips", json={"session_id": ad, "video_prompt": words[1]})
        until(lambda: client.get(f"/api/sessions/{ad}").json()["stage"] == "clip_selection", 120)
        link = client.post(f"/api/sessions/{ad}/shares", json={}).json()["path"]
        assert client.get(link).status_code == 200
        # What is refused is not written down either.
        client.post("/api/generate-images", json={"session_id": words[2], "product_prompt": "ab"})
        client.post(f"/api/sessions/{ad}/photos", files={"file": (words[3], b"no picture")})
        client.post(f"/api/sessions/{ad}/music", files={"file": (words[3], b"no music")})
        login = {"email": "demo@example.com", "password": words[4]}
        assert httpx.post(f"{app.url}/api/auth/login", json=login).status_code == 401
        assert client.get("/api/sessions", params={"search": words[2]}).status_code == 200
    # The demo password is the one in the environment, and is not repeated.
    for secret in (*words, PASSWORD, bearer, link.rpartition("/")[2]):
        assert not [line for line in app.log.splitlines() if secret in line]
