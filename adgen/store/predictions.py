"""The intent table: what we asked a model for, under our own key, written before asking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from adgen.domain import JobStatus, Value
from adgen.store.tables import Job, Prediction, now

# intent: nothing went out. sending: it may have. started: the provider's id is known.
INTENT, SENDING, STARTED = "intent", "sending", "started"
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


def add_intent(db: Session, call: Call) -> Prediction | None:
    """Write the intent; None when it stood already (a replay after a crash)."""
    return db.scalars(
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
        .returning(Prediction)
    ).one_or_none()


def lock_prediction(db: Session, key: str) -> Prediction:
    """The row, locked until the transaction ends: one creator at a time."""
    return db.scalars(
        select(Prediction).where(Prediction.key == key).with_for_update(key_share=True)
    ).one()


def find_prediction(db: Session, key: str) -> Prediction | None:
    """The row as it is now, or None."""
    return db.get(Prediction, key)


def load_prediction(db: Session, key: str) -> Prediction:
    """The row as it is now; its intent was written before."""
    return db.get_one(Prediction, key)


class Limits(Value):
    """How many orders may be under way (`at_once`) and go out in a second; None for any number.

    `lasts_s` is the longest that one can be under way, `wire_s` that its request can take.
    """

    model: str
    provider: str
    refs: tuple[str, ...]
    at_once: int | None
    per_second: int | None
    in_all_per_second: int | None
    lasts_s: float
    wire_s: float


def may_send(db: Session, key: str, limits: Limits) -> bool:
    """Whether one more order keeps the limits; nobody else decides until the transaction ends.

    An order counts as gone out from before it leaves until a second after it was answered, so
    that no second at the provider sees more than so many, however long the way is.
    """
    db.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"orders to {limits.provider}"))))
    moment = now()
    leaving = and_(
        Prediction.status == SENDING,
        Prediction.sent_at > moment - timedelta(seconds=limits.wire_s),
    )
    just_gone = Prediction.answered_at > func.clock_timestamp() - timedelta(seconds=1)
    open_still = and_(
        Prediction.status.in_([SENDING, STARTED]),
        Prediction.sent_at > moment - timedelta(seconds=limits.lasts_s),
    )
    same = Prediction.model == limits.model
    under_way, of_model, in_all = db.execute(
        select(
            func.count().filter(and_(same, open_still)),
            func.count().filter(and_(same, or_(leaving, just_gone))),
            func.count().filter(or_(leaving, just_gone)),
        ).where(
            Prediction.key != key,
            Prediction.model.in_(limits.refs),
            or_(Prediction.status.in_([SENDING, STARTED]), just_gone),
        )
    ).one()
    return (
        (limits.at_once is None or under_way < limits.at_once)
        and (limits.per_second is None or of_model < limits.per_second)
        and (limits.in_all_per_second is None or in_all < limits.in_all_per_second)
    )


def mark_answered(row: Prediction, provider_id: str) -> None:
    """The provider took the order, at this moment or before."""
    row.provider_id, row.status = provider_id, STARTED
    row.answered_at = func.clock_timestamp()


def mark_sending(
    db: Session, key: str, wire: dict[str, Any], *, since: datetime | None
) -> datetime | None:
    """Write that the request goes out now, and what it says; gives the moment.

    `since` is when it last went out, None for never. None when somebody else was here since.
    """
    return db.scalar(
        update(Prediction)
        .where(
            Prediction.key == key,
            Prediction.provider_id.is_(None),
            Prediction.status.not_in(ENDED),
            Prediction.sent_at.is_not_distinct_from(since),
        )
        .values(
            status=SENDING,
            wire=wire,
            sent_at=now(),
            resent=Prediction.resent + int(since is not None),
        )
        .returning(Prediction.sent_at)
    )


def mark_refused(row: Prediction) -> None:
    """It went out and was certainly not taken, so it may go out again without looking."""
    row.status, row.wire, row.sent_at = INTENT, None, None


def adopt(db: Session, key: str, candidates: Sequence[str]) -> bool:
    """Take the first of the provider's ids that is no other request's; False when none is."""
    known = db.scalars(
        select(Prediction.provider_id).where(Prediction.provider_id.in_(candidates))
    ).all()
    row = lock_prediction(db, key)
    free = [order_id for order_id in candidates if order_id not in known]
    if row.provider_id is None and free and row.status not in ENDED:
        try:
            with db.begin_nested():
                mark_answered(row, free[0])
        except IntegrityError:
            # Another request with the very same words took it at this moment; look again.
            return False
    return row.provider_id is not None


def switch_model(db: Session, key: str, model: str) -> None:
    """Ask another model in its place; nothing has been taken yet."""
    row = lock_prediction(db, key)
    mark_refused(row)
    row.model = model


def finish(
    db: Session,
    key: str,
    status: str,
    *,
    text: str | None = None,
    error: str | None = None,
    reported: dict[str, Any] | None = None,
) -> bool:
    """Record how a request ended; the first end stands, and False says that it was another.

    `reported` is what the provider itself said of it.
    """
    ended = db.scalar(
        update(Prediction)
        .where(Prediction.key == key, Prediction.status.not_in(ENDED))
        .values(status=status, output_text=text, error=error, reported=reported, finished_at=now())
        .returning(Prediction.key)
    )
    return ended is not None


def keep_again(db: Session, key: str, again: str) -> None:
    """Keep what may follow a failure, in the transaction that ends it."""
    db.execute(update(Prediction).where(Prediction.key == key).values(again=again))


def attempt_of(key: str | None) -> int:
    """Which attempt a request's key names; 0 for none."""
    return int(key.rpartition("/")[2]) if key else 0


def count_attempts(db: Session, session_id: str, stage: str) -> dict[int, int]:
    """How many requests of each slot of a stage are over, over all runs.

    One that has not ended (its worker or its disk failed) is taken up again, not made anew; but
    not one that a person stopped, as it is being ended this moment.
    """
    slot = func.split_part(Prediction.key, "/", 3)
    rows = db.execute(
        select(slot, func.count())
        .outerjoin(Job, Job.id == Prediction.job_id)
        .where(
            Prediction.session_id == session_id,
            Prediction.key.like(f"%/{stage}/%"),
            Prediction.status.in_(ENDED) | (Job.status == JobStatus.CANCELLED.value),
        )
        .group_by(slot)
    )
    return {int(number): count for number, count in rows}


def list_abandoned(db: Session, after_s: float) -> list[tuple[str, str]]:
    """Keys and runs of requests still open `after_s` seconds after a person stopped their run."""
    rows = db.execute(
        select(Prediction.key, Prediction.job_id)
        .join(Job, Job.id == Prediction.job_id)
        .where(
            Prediction.status.not_in(ENDED),
            Job.status == JobStatus.CANCELLED.value,
            Job.finished_at < now() - timedelta(seconds=after_s),
        )
    )
    return [(key, job_id) for key, job_id in rows]


def last_error(db: Session, job_id: str) -> str | None:
    """The newest failure of a run, in the words a person saw."""
    return db.scalar(
        select(Prediction.error)
        .where(Prediction.job_id == job_id, Prediction.status == FAILED)
        .order_by(Prediction.finished_at.desc())
        .limit(1)
    )


def slot_errors(db: Session, job_id: str, stage: str) -> dict[int, str]:
    """Why requests of a run's slots failed, in the words a person saw; the newest is last."""
    rows = db.execute(
        select(Prediction.key, Prediction.error)
        .where(
            Prediction.job_id == job_id,
            Prediction.status == FAILED,
            Prediction.key.like(f"%/{stage}/%"),
        )
        .order_by(Prediction.finished_at)
    )
    found: dict[int, str] = {}
    for key, error in rows:
        slot = int(key.split("/")[2])
        found.pop(slot, None)
        found[slot] = error or ""
    return found
