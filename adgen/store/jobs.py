"""Runs as people see them: status, progress and which slot is where."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from adgen.domain import JobInfo, JobKind, JobStatus
from adgen.errors import NotFound, WrongStage
from adgen.store.database import notify
from adgen.store.tables import AdSession, Job, now

LIVE = (JobStatus.QUEUED.value, JobStatus.RUNNING.value)


def add_job(
    db: Session,
    session_id: str,
    kind: JobKind,
    *,
    slots: list[int],
    message: str,
    estimate: Decimal | None,
    reserved: Decimal,
) -> str:
    """A queued run; WrongStage when the ad has a live one already."""
    number = db.scalar(select(func.count()).where(Job.session_id == session_id)) or 0
    job = Job(
        id=f"{session_id}:{kind}:{number + 1}",
        session_id=session_id,
        kind=kind.value,
        total=len(slots),
        message=message,
        slots={str(slot): "queued" for slot in slots},
        estimated_cost=estimate,
        reserved=reserved,
    )
    try:
        with db.begin_nested():
            db.add(job)
    except IntegrityError:
        raise WrongStage("This ad is busy already. Wait for it, or cancel it first.") from None
    return job.id


def slot_run(job_id: str, slot: int) -> str:
    """The id of the durable run of one slot."""
    return f"{job_id}:{slot}"


def lock_job(db: Session, job_id: str) -> Job:
    """The row, locked until the transaction ends."""
    job = db.scalars(
        select(Job).where(Job.id == job_id).with_for_update(key_share=True)
    ).one_or_none()
    if job is None:
        raise NotFound("That run does not exist.")
    return job


def is_wanted(db: Session, job_id: str) -> bool:
    """Whether the run is live, and stays so until the transaction ends."""
    status = select(Job.status).where(Job.id == job_id).with_for_update(read=True)
    return db.scalar(status) in LIVE


def live_ids(db: Session) -> set[str]:
    """The runs that are still wanted."""
    return set(db.scalars(select(Job.id).where(Job.status.in_(LIVE))))


def latest_job(db: Session, session_id: str) -> Job | None:
    """The ad's live run, else its newest one; a preview or plan that has ended is no news."""
    return news(newest_jobs(db, session_id))


def newest_jobs(db: Session, session_id: str) -> list[Job]:
    """The newest run of each kind."""
    return list(
        db.scalars(
            select(Job)
            .ext(distinct_on(Job.kind))
            .where(Job.session_id == session_id)
            .order_by(Job.kind, Job.created_at.desc())
        )
    )


def news(newest: Sequence[Job]) -> Job | None:
    """Of the newest runs of each kind, the one `latest_job` gives."""
    told = [job for job in newest if job.status in LIVE or not JobKind(job.kind).is_aside]
    return max(told, key=lambda job: (job.status in LIVE, job.created_at), default=None)


def preview_failures(newest: Sequence[Job]) -> dict[str, str]:
    """Why the newest draft, animatic or plan failed, by kind."""
    return {
        job.kind: job.error or job.message
        for job in newest
        if JobKind(job.kind).is_aside and job.status == JobStatus.FAILED
    }


def is_busy(db: Session, job_id: str) -> bool:
    """Whether the person whose ad it is has older calls that still go on."""
    mine, others = aliased(AdSession), aliased(AdSession)
    this, other = aliased(Job), aliased(Job)
    older = (
        select(other.id)
        .join(others, others.id == other.session_id)
        .where(
            others.user_id == mine.user_id,
            other.id != this.id,
            other.kind.in_([JobKind.IMAGES.value, JobKind.CLIPS.value]),
            other.status.in_(LIVE),
            other.created_at < this.created_at,
        )
    )
    asked = (
        select(older.exists())
        .select_from(this)
        .join(mine, mine.id == this.session_id)
        .where(this.id == job_id)
    )
    return bool(db.scalar(asked))


def end_slot(db: Session, job: Job, slot: int, *, made: bool) -> bool:
    """Note how a slot ended on a locked run; True when it was the last one."""
    report_on(db, job, slot=slot, state="done" if made else "failed")
    return all(state in ("done", "failed") for state in job.slots.values())


def report(db: Session, job_id: str, **change: Any) -> bool:
    """As `report_on`, on the run with this id."""
    return report_on(db, lock_job(db, job_id), **change)


def report_on(db: Session, job: Job, *, alone: bool = True, **change: Any) -> bool:
    """Write progress on a locked run and tell listeners; False when it is no longer wanted.

    `alone` when nothing of the ad changes but its run, so that listeners need not read it.

    `slot` with `state` moves one slot; `fraction` is how much of the present one is done. A
    `message` may be made of the slots as they are then.
    """
    if job.status not in LIVE:
        if not alone:
            notify(db, job.session_id)
        return False
    if job.started_at is None:
        job.status, job.started_at = JobStatus.RUNNING.value, now()
    if "slot" in change:
        job.slots = {**job.slots, str(change["slot"]): change["state"]}
        job.done = sum(state == "done" for state in job.slots.values())
        ended = sum(state in ("done", "failed") for state in job.slots.values())
        job.percent = round(100 * ended / max(job.total, 1))
    if "fraction" in change:
        ended = sum(state in ("done", "failed") for state in job.slots.values())
        job.percent = round(100 * (ended + change["fraction"]) / max(job.total, 1))
    message = change.get("message", job.message)
    job.message = message(job.slots) if callable(message) else message
    job.percent = min(job.percent, 99)
    job.changes += 1
    notify(db, job.session_id, info(job) if alone else None)
    return True


def finish_job(
    db: Session, job_id: str, status: JobStatus, message: str, error: str | None = None
) -> bool:
    """End a run and give back what it had reserved; False when it had ended before."""
    job = lock_job(db, job_id)
    if job.status not in LIVE:
        return False
    job.status, job.message, job.error = status.value, message, error
    job.reserved = Decimal(0)
    job.finished_at = now()
    if status is JobStatus.DONE:
        job.percent = 100
    notify(db, job.session_id)
    return True


def info(job: Job) -> JobInfo:
    """A row as people see it."""
    return JobInfo.model_validate(job, from_attributes=True)
