"""Logins: hashed, revocable, slowed down and never locked out."""

from __future__ import annotations

import pytest

from adgen.commands import Commands
from adgen.domain import Person
from adgen.errors import NotSignedIn, TooManyTries
from adgen.store import users
from adgen.store.database import Database
from adgen.store.tables import Login, User
from tests.conftest import PASSWORD


def test_a_login_lives_until_it_is_ended(commands: Commands, person: Person) -> None:
    token, who = commands.sign_in("Ann@Example.com", PASSWORD)
    assert who == person == commands.who(token)
    commands.sign_out(token)
    assert commands.who(token) is None
    assert commands.who(None) is None


def test_neither_password_nor_token_is_kept(
    commands: Commands, person: Person, database: Database
) -> None:
    token, _ = commands.sign_in(person.email, PASSWORD)
    with database.begin() as db:
        assert PASSWORD not in db.query(User.password_hash).scalar()
        assert token not in db.query(Login.token_hash).scalar()


def test_wrong_passwords_slow_down_and_the_right_one_works_again(
    commands: Commands, person: Person, database: Database
) -> None:
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            commands.sign_in(person.email, "wrong")
    with pytest.raises(TooManyTries):
        commands.sign_in(person.email, PASSWORD)
    with database.begin() as db:
        row = db.get(User, person.id)
        assert row is not None
        row.last_failed_at = row.created_at.replace(year=2000)
    commands.sign_in(person.email, PASSWORD)


def test_an_unknown_address_reads_the_same(commands: Commands) -> None:
    with pytest.raises(NotSignedIn):
        commands.sign_in("nobody@example.com", PASSWORD)


def test_a_link_signs_in_once(commands: Commands, person: Person, database: Database) -> None:
    with database.begin() as db:
        link = users.add_link(db, person.id)
    assert commands.sign_in_by_link(link)[1] == person
    with pytest.raises(NotSignedIn):
        commands.sign_in_by_link(link)


def test_a_new_password_ends_old_logins(
    commands: Commands, person: Person, database: Database
) -> None:
    token, _ = commands.sign_in(person.email, PASSWORD)
    with database.begin() as db:
        users.set_password(db, person.email, "another one")
    assert commands.who(token) is None
