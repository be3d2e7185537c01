"""People, their logins and the one-time links that sign them in."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.domain import Person, Role
from adgen.errors import NotFound
from adgen.store.tables import Login, SignInLink, Team, Tries, User, now

LOGIN_DAYS = 30
# The team that people join unless another one is named.
FIRST_TEAM = "Studio"
LINK_MINUTES = 60
# An office shares one address, so it may be wrong more often than one person.
ADDRESS_TRIES = 20
FORGIVEN_AFTER = timedelta(minutes=15)
_hasher = PasswordHasher()


@lru_cache
def _nobody() -> str:
    """Verified against when the address is unknown, so that both cases take as long."""
    return _hasher.hash("nobody")


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def person_of(db: Session, user: User) -> Person:
    """A row as the rest of the app knows it."""
    team = db.get_one(Team, user.team_id)
    return Person(
        id=user.id, email=user.email, role=Role(user.role), team_id=team.id, team=team.name
    )


def add_user(
    db: Session, email: str, password: str, role: Role = Role.EDITOR, team: str = FIRST_TEAM
) -> Person | None:
    """Add a person to a team, which is made if need be; None when the address is taken."""
    values = {
        "email": email.lower(),
        "password_hash": _hasher.hash(password),
        "role": role.value,
        "team_id": _team(db, team),
    }
    user = db.scalar(insert(User).values(values).on_conflict_do_nothing().returning(User))
    return person_of(db, user) if user else None


def _team(db: Session, name: str) -> int:
    db.execute(insert(Team).values(name=name).on_conflict_do_nothing())
    return db.scalars(select(Team.id).where(Team.name == name)).one()


def change_user(
    db: Session, email: str, *, role: Role | None = None, team: str | None = None
) -> Person:
    """Give a person another role or team; their ads stay with the team they were made in."""
    user = db.scalar(select(User).where(User.email == email.lower()))
    if user is None:
        raise NotFound(f"There is no user {email}.")
    user.role = (role or Role(user.role)).value
    user.team_id = _team(db, team) if team else user.team_id
    db.flush()
    return person_of(db, user)


def set_password(db: Session, email: str, password: str) -> None:
    """Change the password and end every login that used the old one."""
    user = db.scalar(select(User).where(User.email == email.lower()))
    if user is None:
        raise NotFound(f"There is no user {email}.")
    user.password_hash = _hasher.hash(password)
    db.execute(delete(Login).where(Login.user_id == user.id))


def find_user(db: Session, email: str) -> Person | None:
    """The person with this address."""
    user = db.scalar(select(User).where(User.email == email.lower()))
    return person_of(db, user) if user else None


def list_users(db: Session) -> list[Person]:
    """Everyone, by address."""
    return [person_of(db, user) for user in db.scalars(select(User).order_by(User.email))]


def check_password(db: Session, email: str, password: str) -> Person | None:
    """The person, when the password is right. Both answers take equally long."""
    user = db.scalar(
        select(User).where(User.email == email.lower()).with_for_update(key_share=True)
    )
    try:
        _hasher.verify(user.password_hash if user else _nobody(), password)
    except (VerifyMismatchError, InvalidHashError):
        if user:
            user.failed_logins += 1
            user.last_failed_at = now()
        return None
    if user is None:
        return None
    user.failed_logins = 0
    return person_of(db, user)


def seconds_to_wait(db: Session, email: str) -> float:
    """How long the next try must wait: grows with wrong passwords, never locks out for good."""
    user = db.scalar(select(User).where(User.email == email.lower()))
    if user is None or user.failed_logins < 5 or user.last_failed_at is None:
        return 0.0
    pause = min(2.0 ** (user.failed_logins - 5), 30.0)
    return max(0.0, pause - (now() - user.last_failed_at).total_seconds())


def address_must_wait(db: Session, address: str) -> float:
    """As `seconds_to_wait`, for all that comes from one network address."""
    row = db.get(Tries, address) if address else None
    if row is None or row.failed < ADDRESS_TRIES:
        return 0.0
    pause = min(2.0 ** (row.failed - ADDRESS_TRIES), 30.0)
    return max(0.0, pause - (now() - row.last_failed_at).total_seconds())


def count_try(db: Session, address: str, *, right: bool) -> None:
    """Count a wrong password from an address; a right one, and a quiet while, forgive some."""
    if not address:
        return
    row = db.get(Tries, address, with_for_update=True)
    if right or (row and now() - row.last_failed_at > FORGIVEN_AFTER):
        db.execute(delete(Tries).where(Tries.address == address))
    if not right:
        values = {"failed": 1, "last_failed_at": now()}
        more = {"failed": Tries.failed + 1, "last_failed_at": values["last_failed_at"]}
        db.execute(
            insert(Tries)
            .values(address=address, **values)
            .on_conflict_do_update(index_elements=[Tries.address], set_=more)
        )


def add_login(db: Session, user_id: int, address: str = "") -> str:
    """A new opaque token; only its sha256 is kept."""
    token = secrets.token_urlsafe(32)
    expires = now() + timedelta(days=LOGIN_DAYS)
    row = Login(token_hash=digest(token), user_id=user_id, expires_at=expires, address=address[:64])
    db.add(row)
    return token


def find_login(db: Session, token: str | None) -> Person | None:
    """Who the token belongs to, while it lives."""
    if not token:
        return None
    row = db.execute(
        select(User, Team)
        .join(Login, Login.user_id == User.id)
        .join(Team, Team.id == User.team_id)
        .where(Login.token_hash == digest(token), Login.expires_at > now())
    ).one_or_none()
    # The team is at hand now, and not asked for again.
    return person_of(db, row.User) if row else None


def remove_login(db: Session, token: str) -> None:
    """The token is dead from now on."""
    db.execute(delete(Login).where(Login.token_hash == digest(token)))


def remove_logins(db: Session, user_id: int) -> None:
    """End every login of a person."""
    db.execute(delete(Login).where(Login.user_id == user_id))


def add_link(db: Session, user_id: int) -> str:
    """A token that signs in once, within the hour."""
    token = secrets.token_urlsafe(24)
    expires = now() + timedelta(minutes=LINK_MINUTES)
    db.add(SignInLink(token_hash=digest(token), user_id=user_id, expires_at=expires))
    return token


def spend(db: Session, user_id: int, key: str) -> bool:
    """Whether a person's key is used for the first time; it is no link, and never was one."""
    spent = {"user_id": user_id, "used_at": now(), "expires_at": now()}
    made = insert(SignInLink).values(token_hash=digest(f"spent {key}"), **spent)
    return db.scalar(made.on_conflict_do_nothing().returning(SignInLink.token_hash)) is not None


def use_link(db: Session, token: str) -> Person | None:
    """Spend a one-time token; None when it is unknown, used or old."""
    link = db.scalar(
        select(SignInLink)
        .where(
            SignInLink.token_hash == digest(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > now(),
        )
        .with_for_update(key_share=True)
    )
    if link is None:
        return None
    link.used_at = now()
    user = db.get(User, link.user_id)
    return person_of(db, user) if user else None
