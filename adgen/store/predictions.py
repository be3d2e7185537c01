"""The intent table: what we asked a model for, under our own key, written before asking."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.domain import Value
from adgen.store.tables import Prediction, now

SUCCEEDED, FAILED, CANCELLED = "succeeded", "failed", "cancelled"
ENDED = (SUCCEEDED, FAILED, CANCELLED)


class Call(Value):
    """One request to a model. `files` maps an input name to a storage key.

    `key` is `session/stage/slot/attempt`: the same request after a crash has the same key.
    """

    key: str
    session_id: str
    job_id: str
    agent: str
    model: str
    slot: int = 0
    inputs: dict[str, Any]
    files: dict[str, str] = {}  # noqa: RUF012 -- pydantic copies defaults


def call_key(session_id: str, stage: str, slot: int, attempt: int) -> str:
    """The deterministic name of a request."""
    return f"{session_id}/{stage}/{slot}/{attempt}"


def add_intent(db: Session, call: Call) -> bool:
    """Write the intent; False when it stood already (a replay after a crash)."""
    new = db.scalar(
        insert(Prediction)
        .values(
            key=call.key,
            session_id=call.session_id,
            job_id=call.job_id,
            agent=call.agent,
            model=call.model,
            inputs=call.inputs,
            files=call.files,
        )
        .on_conflict_do_nothing()
        .returning(Prediction.key)
    )
    return new is not None


def lock_prediction(db: Session, key: str) -> Prediction:
    """The row, locked until the transaction ends: one creator at a time."""
    return db.scalars(
        select(Prediction).where(Prediction.key == key).with_for_update(key_share=True)
    ).one()


def finish(
    db: Session, key: str, status: str, *, text: str | None = None, error: str | None = None
) -> None:
    """Record how a request ended; the first end stands."""
    row = lock_prediction(db, key)
    if row.status not in ENDED:
        row.status, row.output_text, row.error, row.finished_at = status, text, error, now()


def count_attempts(db: Session, session_id: str, stage: str) -> dict[int, int]:
    """How many requests of each slot of a stage have ended, over all runs.

    One that has not ended (its worker or its disk failed) is taken up again, not made anew.
    """
    slot = func.split_part(Prediction.key, "/", 3)
    rows = db.execute(
        select(slot, func.count())
        .where(
            Prediction.session_id == session_id,
            Prediction.key.like(f"%/{stage}/%"),
            Prediction.status.in_(ENDED),
        )
        .group_by(slot)
    )
    return {int(number): count for number, count in rows}


def last_error(db: Session, job_id: str) -> str | None:
    """The newest failure of a run, in the words a person saw."""
    return db.scalar(
        select(Prediction.error)
        .where(Prediction.job_id == job_id, Prediction.status == FAILED)
        .order_by(Prediction.finished_at.desc())
        .limit(1)
    )
