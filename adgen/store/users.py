"""People, their logins and the one-time links that sign them in."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.domain import Person
from adgen.errors import NotFound
from adgen.store.tables import Login, SignInLink, User, now

LOGIN_DAYS = 30
LINK_MINUTES = 60
_hasher = PasswordHasher()
# Verified against when the address is unknown, so that both cases take as long.
_NOBODY = _hasher.hash("nobody")


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _person(user: User) -> Person:
    return Person(id=user.id, email=user.email, role=user.role)


def add_user(db: Session, email: str, password: str, role: str = "editor") -> Person | None:
    """Add a person; None when the address is taken."""
    values = {"email": email.lower(), "password_hash": _hasher.hash(password), "role": role}
    new_id = db.scalar(insert(User).values(values).on_conflict_do_nothing().returning(User.id))
    return Person(id=new_id, email=email.lower(), role=role) if new_id else None


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
    return _person(user) if user else None


def list_users(db: Session) -> list[Person]:
    """Everyone, by address."""
    return [_person(user) for user in db.scalars(select(User).order_by(User.email))]


def check_password(db: Session, email: str, password: str) -> Person | None:
    """The person, when the password is right. Both answers take equally long."""
    user = db.scalar(
        select(User).where(User.email == email.lower()).with_for_update(key_share=True)
    )
    try:
        _hasher.verify(user.password_hash if user else _NOBODY, password)
    except (VerifyMismatchError, InvalidHashError):
        if user:
            user.failed_logins += 1
            user.last_failed_at = now()
        return None
    if user is None:
        return None
    user.failed_logins = 0
    return _person(user)


def seconds_to_wait(db: Session, email: str) -> float:
    """How long the next try must wait: grows with wrong passwords, never locks out for good."""
    user = db.scalar(select(User).where(User.email == email.lower()))
    if user is None or user.failed_logins < 5 or user.last_failed_at is None:
        return 0.0
    pause = min(2.0 ** (user.failed_logins - 5), 30.0)
    return max(0.0, pause - (now() - user.last_failed_at).total_seconds())


def add_login(db: Session, user_id: int) -> str:
    """A new opaque token; only its sha256 is kept."""
    token = secrets.token_urlsafe(32)
    expires = now() + timedelta(days=LOGIN_DAYS)
    db.add(Login(token_hash=digest(token), user_id=user_id, expires_at=expires))
    return token


def find_login(db: Session, token: str | None) -> Person | None:
    """Who the token belongs to, while it lives."""
    if not token:
        return None
    user = db.scalar(
        select(User)
        .join(Login, Login.user_id == User.id)
        .where(Login.token_hash == digest(token), Login.expires_at > now())
    )
    return _person(user) if user else None


def remove_login(db: Session, token: str) -> None:
    """The token is dead from now on."""
    db.execute(delete(Login).where(Login.token_hash == digest(token)))


def add_link(db: Session, user_id: int) -> str:
    """A token that signs in once, within the hour."""
    token = secrets.token_urlsafe(24)
    expires = now() + timedelta(minutes=LINK_MINUTES)
    db.add(SignInLink(token_hash=digest(token), user_id=user_id, expires_at=expires))
    return token


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
    return _person(user) if user else None
