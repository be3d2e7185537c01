"""Small secrets that all processes on one database share."""

from __future__ import annotations

import secrets

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.store.tables import Secret

# Names what this installation keeps in Redis; a restored copy makes its own.
REDIS = "redis"


def shared_secret(db: Session, name: str) -> bytes:
    """The secret of this name, made by whoever asks first."""
    made = insert(Secret).values(name=name, value=secrets.token_bytes(32))
    db.execute(made.on_conflict_do_nothing())
    return db.scalars(select(Secret.value).where(Secret.name == name)).one()


def forget_secret(db: Session, name: str) -> None:
    """Another one is made when it is next asked for."""
    db.execute(delete(Secret).where(Secret.name == name))
