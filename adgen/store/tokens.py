"""Tokens that people make for their scripts: named, revocable, kept as sha256 only."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from adgen.domain import Person, TokenInfo
from adgen.errors import InputRejected, NotFound
from adgen.store.tables import ApiToken, User, now
from adgen.store.users import digest, person_of

# Tells a token that leaked into a file or a log for what it is.
PREFIX = "adg_"
MOST = 50
# When a token was used last is written this seldom.
_FRESH = timedelta(minutes=1)


def add_token(
    db: Session, person: Person, name: str, days: int | None = None
) -> tuple[TokenInfo, str]:
    """A new token, and the words of it, which nobody can read again; `days` None is for good."""
    if len(list_tokens(db, person)) >= MOST:
        raise InputRejected(f"You have {MOST} tokens. Revoke one that you do not use.")
    token = PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        user_id=person.id,
        name=name,
        token_hash=digest(token),
        created_at=now(),
        expires_at=now() + timedelta(days=days) if days else None,
    )
    db.add(row)
    db.flush()
    return _info(row), token


def list_tokens(db: Session, person: Person) -> list[TokenInfo]:
    """The person's tokens that work, newest first."""
    rows = db.scalars(
        select(ApiToken)
        .where(ApiToken.user_id == person.id, _works())
        .order_by(ApiToken.created_at.desc(), ApiToken.id.desc())
    )
    return [_info(row) for row in rows]


def revoke_token(db: Session, person: Person, token_id: int) -> TokenInfo:
    """The token is dead from now on; NotFound when it is nobody's or somebody else's."""
    row = db.get(ApiToken, token_id)
    if row is None or row.user_id != person.id:
        raise NotFound("That token does not exist.")
    row.revoked_at = row.revoked_at or now()
    return _info(row)


def end_token(db: Session, token: str) -> None:
    """As `revoke_token`, by the token itself."""
    db.execute(
        update(ApiToken).where(ApiToken.token_hash == digest(token)).values(revoked_at=now())
    )


def find_token(db: Session, token: str) -> Person | None:
    """Who a token belongs to, while it works."""
    found = db.execute(
        select(ApiToken, User)
        .join(User, User.id == ApiToken.user_id)
        .where(ApiToken.token_hash == digest(token), _works())
    ).one_or_none()
    if found is None:
        return None
    row, user = found
    if row.used_at is None or now() - row.used_at > _FRESH:
        row.used_at = now()
    return person_of(db, user)


def _works() -> ColumnElement[bool]:
    unexpired = ApiToken.expires_at.is_(None) | (ApiToken.expires_at > now())
    return ApiToken.revoked_at.is_(None) & unexpired


def _info(row: ApiToken) -> TokenInfo:
    return TokenInfo(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
