"""Share links: a read-only look at one ad for whoever has the link, until it ends."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from adgen.domain import Person, Role, ShareInfo
from adgen.errors import NotFound
from adgen.store.tables import AdSession, ShareLink, User, now
from adgen.store.users import digest

# What a link shows is part of its row's id: with the cost, or with no sum at all.
_WITH_COST, _WITHOUT = "c-", "n-"


class Shared(NamedTuple):
    """What a link opens: an ad as its owner sees it, with no right to change anything."""

    link_id: str
    reader: Person
    session_id: str
    shows_cost: bool


def add_share(
    db: Session, session_id: str, person: Person, days: int, *, shows_cost: bool
) -> tuple[ShareInfo, str]:
    """A new link and its token, of which only the sha256 is kept."""
    token = secrets.token_urlsafe(32)
    link = ShareLink(
        id=f"{_WITH_COST if shows_cost else _WITHOUT}{uuid4().hex}",
        token_hash=digest(token),
        session_id=session_id,
        created_by=person.id,
        created_at=now(),
        expires_at=now() + timedelta(days=days),
        opened=0,
    )
    db.add(link)
    return _info(link, person.email), token


def list_shares(db: Session, session_id: str) -> list[ShareInfo]:
    """The links of an ad that work, newest first."""
    rows = db.execute(
        select(ShareLink, User.email)
        .outerjoin(User, User.id == ShareLink.created_by)
        .where(
            ShareLink.session_id == session_id,
            ShareLink.revoked_at.is_(None),
            ShareLink.expires_at > now(),
        )
        .order_by(ShareLink.created_at.desc(), ShareLink.id)
    )
    return [_info(link, email or "") for link, email in rows]


def revoke_share(db: Session, session_id: str, link_id: str) -> None:
    """The link is dead from now on; NotFound when the ad has no such link."""
    link = db.get(ShareLink, link_id.replace("\x00", ""))
    if link is None or link.session_id != session_id:
        raise NotFound("That link does not exist.")
    link.revoked_at = link.revoked_at or now()


def load_share(db: Session, token: str) -> Shared:
    """What a link opens; NotFound when it has expired, was revoked or never was."""
    row = db.execute(
        select(ShareLink.id, ShareLink.session_id, AdSession.user_id, AdSession.team_id)
        .join(AdSession, AdSession.id == ShareLink.session_id)
        .where(
            ShareLink.token_hash == digest(token),
            ShareLink.revoked_at.is_(None),
            ShareLink.expires_at > now(),
        )
    ).one_or_none()
    if row is None:
        raise NotFound("This link does not work any more.")
    reader = Person(id=row.user_id, email="", role=Role.VIEWER, team_id=row.team_id)
    return Shared(row.id, reader, row.session_id, row.id.startswith(_WITH_COST))


def count_opening(db: Session, link_id: str) -> None:
    """One more look."""
    query = update(ShareLink).where(ShareLink.id == link_id)
    db.execute(query.values(opened=ShareLink.opened + 1))


def _info(link: ShareLink, email: str) -> ShareInfo:
    return ShareInfo(
        id=link.id,
        made_by=email,
        created_at=link.created_at,
        expires_at=link.expires_at,
        opened=link.opened,
        shows_cost=link.id.startswith(_WITH_COST),
    )
