"""Who did what that costs money, opens doors or changes rights. Never what people wrote."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from adgen.domain import AuditEvent, Person
from adgen.store.tables import Audit


def note(
    db: Session, person: Person, action: str, session_id: str | None = None, **details: Any
) -> None:
    """Write it down, in the transaction that does it."""
    db.add(
        Audit(
            # The worker and the command line are nobody's account.
            user_id=person.id or None,
            email=person.email,
            action=action,
            session_id=session_id,
            details={name: _plain(value) for name, value in details.items()},
        )
    )


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str | list) else str(value)


def list_events(
    db: Session, *, email: str = "", action: str = "", limit: int = 100, offset: int = 0
) -> list[AuditEvent]:
    """The newest events, newest first; of one person or one kind, when named."""
    found = select(Audit).where(*_narrow(email, action)).order_by(Audit.id.desc())
    rows = db.scalars(found.limit(limit).offset(offset))
    return [AuditEvent.model_validate(row, from_attributes=True) for row in rows]


def count_events(db: Session, *, email: str = "", action: str = "") -> int:
    """How many events there are for `list_events`."""
    return db.scalars(select(func.count(Audit.id)).where(*_narrow(email, action))).one()


def list_actors(db: Session) -> list[str]:
    """The addresses of those who did something."""
    return list(db.scalars(select(Audit.email).distinct().order_by(Audit.email)))


def list_actions(db: Session) -> list[str]:
    """The kinds of what was done."""
    return list(db.scalars(select(Audit.action).distinct().order_by(Audit.action)))


def _narrow(email: str, action: str) -> list[ColumnElement[bool]]:
    return [
        column == wanted
        for column, wanted in ((Audit.email, email), (Audit.action, action))
        if wanted
    ]
