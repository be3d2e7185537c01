"""Who did what that costs money, opens doors or changes rights. Never what people wrote."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
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


def list_events(db: Session, *, limit: int = 100, offset: int = 0) -> list[AuditEvent]:
    """The newest events, newest first."""
    rows = db.scalars(select(Audit).order_by(Audit.id.desc()).limit(limit).offset(offset))
    return [AuditEvent.model_validate(row, from_attributes=True) for row in rows]
