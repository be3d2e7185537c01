"""Sign-in that slows down, tokens, roles, once-only calls, and the trail they leave."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from adgen.commands import Commands, Started
from adgen.domain import AdState, Person, Role
from adgen.errors import InputRejected, NotAllowed, NotFound, NotSignedIn, TooManyTries, WrongStage
from adgen.store import users
from adgen.store.database import Database
from adgen.store.tables import ApiToken, Audit, Job, Tries, now
from tests.conftest import PASSWORD, add_person

HERE = "203.0.113.7"


@pytest.fixture
def admin(database: Database) -> Person:
    return add_person(database, "root@example.com", Role.ADMIN)


@pytest.fixture
def ad(commands: Commands, person: Person) -> AdState:
    return commands.create_ad(person)


def test_wrong_passwords_from_one_address_slow_it_down_and_no_other(
    commands: Commands, database: Database, person: Person
) -> None:
    for number in range(users.ADDRESS_TRIES):
        with pytest.raises(NotSignedIn):
            commands.sign_in(f"guess{number}@example.com", "wrong", HERE)
    with pytest.raises(TooManyTries, match="seconds"):
        commands.sign_in(person.email, PASSWORD, HERE)
    assert commands.sign_in(person.email, PASSWORD, "203.0.113.8")[1] == person
    with database.begin() as db:
        db.get_one(Tries, HERE).last_failed_at = now() - timedelta(minutes=1)
    # Nobody is locked out for good, and who was right begins anew.
    assert commands.sign_in(person.email, PASSWORD, HERE)[1] == person
    with database.begin() as db:
        assert db.get(Tries, HERE) is None


def test_a_token_signs_in_until_it_is_revoked(
    commands: Commands, database: Database, person: Person
) -> None:
    made, token = commands.add_token(person, "nightly  render")
    assert token.startswith("adg_")
    assert made.name == "nightly render"
    assert commands.who(token) == person
    assert commands.list_tokens(person)[0].used_at
    with database.begin() as db:
        assert token not in str(db.scalars(select(ApiToken.token_hash)).all())
    with pytest.raises(NotFound):
        commands.revoke_token(add_person(database, "eve@example.com"), made.id)
    commands.revoke_token(person, made.id)
    assert commands.who(token) is None
    assert commands.list_tokens(person) == []


def test_a_token_ends_by_itself_or_by_signing_out(
    commands: Commands, database: Database, person: Person
) -> None:
    made, token = commands.add_token(person, "a week", days=7)
    with database.begin() as db:
        db.get_one(ApiToken, made.id).expires_at = now() - timedelta(seconds=1)
    assert commands.who(token) is None
    _, other = commands.add_token(person, "laptop")
    commands.sign_out(other)
    assert commands.who(other) is None


def test_signing_out_everywhere_ends_every_login(commands: Commands, person: Person) -> None:
    logins = [commands.sign_in(person.email, PASSWORD)[0] for _ in range(3)]
    commands.sign_out_everywhere(person)
    assert [commands.who(login) for login in logins] == [None] * 3


def test_only_admins_change_rights_and_that_is_written_down(
    commands: Commands, person: Person, admin: Person
) -> None:
    with pytest.raises(NotAllowed):
        commands.change_person(person, person.email, role=Role.ADMIN)
    with pytest.raises(NotAllowed):
        commands.list_audit(person)
    with pytest.raises(NotAllowed):
        commands.list_people(person)
    login, _ = commands.sign_in(person.email, PASSWORD)
    commands.change_person(admin, person.email, role=Role.VIEWER, team="North")
    # It holds for logins that are open already.
    now_is = commands.who(login)
    assert now_is
    assert (now_is.role, now_is.team) == (Role.VIEWER, "North")
    [event] = commands.list_audit(admin)
    assert (event.email, event.action) == (admin.email, "rights changed")
    assert event.details == {"who": person.email, "role": "viewer", "team": "North"}


def test_a_call_sent_twice_with_its_key_happens_once(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    def start() -> Started:
        return commands.start_images(person, ad.id, "oak chair")

    first = commands.once(person, "k1", ("generate", ad.id), start)
    assert commands.once(person, "k1", ("generate", ad.id), start) == first
    commands.cancel(person, ad.id)
    # Also when the ad would take it by now.
    assert commands.once(person, "k1", ("generate", ad.id), start) == first
    with database.begin() as db:
        assert db.scalar(select(func.count()).select_from(Job)) == 1
    with pytest.raises(InputRejected, match="another call"):
        commands.once(person, "k1", ("generate", "other"), start)
    assert commands.once(person, "k2", ("generate", ad.id), start) != first
    with pytest.raises(WrongStage):
        commands.once(person, "k3", ("generate", ad.id), start)


def test_what_is_spent_is_written_down_without_what_people_wrote(
    commands: Commands, database: Database, person: Person, admin: Person, ad: AdState
) -> None:
    commands.start_images(person, ad.id, "a secret oak chair")
    [event] = commands.list_audit(admin)
    assert (event.action, event.session_id, event.email) == ("spent", ad.id, person.email)
    assert set(event.details) == {"run", "estimate", "reserved"}
    with database.begin() as db:
        assert "secret" not in str([row.details for row in db.scalars(select(Audit))])
