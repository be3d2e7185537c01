"""Providers on hold: their account takes no orders, so none is sent until a person acts."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.store.database import EVERY_AD, notify
from adgen.store.tables import Hold


def set_hold(db: Session, provider: str, reason: str) -> None:
    """Send nothing to the provider from now on; the first reason stands."""
    db.execute(insert(Hold).values(provider=provider, reason=reason).on_conflict_do_nothing())
    notify(db, EVERY_AD)


def find_hold(db: Session, provider: str) -> str | None:
    """Why nothing is sent to the provider, in words a person can act on; None when it is."""
    return db.scalar(select(Hold.reason).where(Hold.provider == provider))


def lift_hold(db: Session, provider: str) -> None:
    """A person says it is settled; the next order shows whether it is."""
    lifted = db.scalar(delete(Hold).where(Hold.provider == provider).returning(Hold.provider))
    if lifted:
        notify(db, EVERY_AD)
