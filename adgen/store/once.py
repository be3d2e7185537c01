"""Calls that count once however often they are sent: the answer is kept with what was done."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete
from sqlalchemy.orm import Session

from adgen.errors import InputRejected
from adgen.store.tables import OnceKey, now

KEY_MAX = 200
_KEPT = timedelta(days=7)


class Once(NamedTuple):
    """A call by its sender's key; `request` tells it from another call with the same key."""

    user_id: int
    key: str
    request: str

    @classmethod
    def of(cls, user_id: int, key: str, *request: str) -> Once:
        """The call `request` (method, path, body) under `key`."""
        return cls(user_id, key, hashlib.sha256("\0".join(request).encode()).hexdigest())


def find_answer(db: Session, call: Once) -> dict[str, Any] | None:
    """What was answered when it was sent before. Raises InputRejected for a key used otherwise."""
    row = db.get(OnceKey, (call.user_id, call.key))
    if row is None:
        return None
    if row.request != call.request:
        raise InputRejected("This Idempotency-Key was used for another call. Use a new one.")
    return row.answer


def keep_answer(db: Session, call: Once, answer: dict[str, Any]) -> None:
    """Keep the answer, in the transaction that does what was asked."""
    db.execute(
        delete(OnceKey).where(OnceKey.user_id == call.user_id, OnceKey.created_at < now() - _KEPT)
    )
    db.add(OnceKey(user_id=call.user_id, key=call.key, request=call.request, answer=answer))
    db.flush()
