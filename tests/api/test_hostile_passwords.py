"""Two hundred wrong passwords, over accounts and addresses, at the API's own door."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import select, update

from adgen import launch
from adgen.commands import Commands
from adgen.domain import Person
from adgen.store import users
from adgen.store.database import Database
from adgen.store.tables import Login, Tries, User
from tests.asking import Client
from tests.conftest import PASSWORD, add_person

GUESSES = (
    *("", " ", "password", "123456", "admin", "correct", "correct horse ", "Correct Horse"),
    *("correct horse\0", "' OR 1=1 --", "\x00", "é" * 500, "{'$ne': 1}", "correct  horse"),
)


@pytest.fixture
def client(commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch) -> Client:
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    return Client()


def sign_in(client: Client, email: str, password: str) -> tuple[int, str]:
    answer = client.ask("POST", "/api/auth/login", json={"email": email, "password": password})
    return answer.status_code, answer.headers.get("set-cookie", "")


def later(database: Database, seconds: float) -> None:
    """Let time pass for whoever guessed."""
    gone = timedelta(seconds=seconds)
    with database.begin() as db:
        db.execute(update(User).values(last_failed_at=User.last_failed_at - gone))
        db.execute(update(Tries).values(last_failed_at=Tries.last_failed_at - gone))


def test_two_hundred_wrong_passwords_get_nobody_in_and_lock_nobody_out(
    client: Client, commands: Commands, database: Database, person: Person
) -> None:
    accounts = [person, *(add_person(database, f"p{n}@example.com") for n in range(3))]
    emails = [one.email for one in accounts] + ["nobody@example.com", "ANN@EXAMPLE.COM "]
    told = []
    for number in range(200):
        email = emails[number % len(emails)]
        status, cookie = sign_in(client, email, GUESSES[number % len(GUESSES)] + "x" * (number % 3))
        assert cookie == ""
        told.append(status)
    # A NUL is in no text, so it is refused before anybody is looked for.
    assert set(told) == {401, 422, 429}
    # The first ones are answered, and then almost none: guessing is slowed down.
    assert 429 not in told[:20]
    assert told.count(429) > 100
    with database.begin() as db:
        assert db.scalars(select(Login)).all() == []
    # Whoever is right gets in after the longest pause there is, whatever was tried before.
    assert sign_in(client, person.email, PASSWORD)[0] == 429
    later(database, 30)
    for one in accounts:
        status, cookie = sign_in(client, one.email, PASSWORD)
        assert (status, "adgen_session=" in cookie) == (200, True)


def test_guesses_from_many_addresses_slow_the_account_down(
    commands: Commands, database: Database, person: Person
) -> None:
    with database.begin() as db:
        for _ in range(40):
            assert users.check_password(db, person.email, "a guess") is None
        assert 0 < users.seconds_to_wait(db, person.email) <= 30
        assert users.address_must_wait(db, "198.51.100.1") == 0
    later(database, 30)
    assert commands.sign_in(person.email, PASSWORD, "198.51.100.1")[1] == person
    with database.begin() as db:
        assert users.seconds_to_wait(db, person.email) == 0


def test_a_wrong_account_and_a_wrong_password_are_told_apart_by_nothing(
    client: Client, person: Person
) -> None:
    body = {"password": "a guess"}
    known = client.ask("POST", "/api/auth/login", json={"email": person.email, **body})
    unknown = client.ask("POST", "/api/auth/login", json={"email": "no@example.com", **body})
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


def test_wrong_tokens_and_cookies_open_nothing(
    client: Client, commands: Commands, person: Person
) -> None:
    token, _ = commands.sign_in(person.email, PASSWORD)
    _, own = commands.add_token(person, "script")
    for guess in ("", "null", token[:-1], token + "x", token.swapcase(), own[:-1], "adg_", "\x7f"):
        for headers in ({"Authorization": f"Bearer {guess}"}, {"Cookie": f"adgen_session={guess}"}):
            assert client.get("/api/sessions", headers=headers).status_code == 401
    for right in (token, own):
        headers = {"Authorization": f"Bearer {right}"}
        assert client.get("/api/sessions", headers=headers).status_code == 200
