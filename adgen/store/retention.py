"""What the retention rule takes: files that nobody uses, and rows that have done their work.

An asset whose file goes keeps its row, with when and why, and gives up its key last; so a file is
never gone before its row says so, and one that other rows name stays for them. Money is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import Delete, bindparam, delete, or_, select, text, update
from sqlalchemy.orm import Session

from adgen.config import settings
from adgen.store import sessions
from adgen.store.database import Database, notify
from adgen.store.jobs import LIVE
from adgen.store.predictions import ENDED
from adgen.store.tables import (
    AlertPost,
    ApiToken,
    Asset,
    BrandKit,
    Job,
    Login,
    OnceKey,
    Prediction,
    ShareLink,
    SignInLink,
    Snooze,
    Tries,
    now,
)

_LOCK = 0x6164_6765_6E0A  # "adgen" 0A

# Whether the ad's present choices name the file; what a person has rejected for another is none.
_IN_USE = """(
    jsonb_exists(s.approved_image_ids || s.approved_clip_ids || s.clip_order || s.video_ids, a.id)
    OR coalesce(a.id = s.final_video_id, false)
    OR (jsonb_exists(s.generated_image_ids || s.generated_clip_ids, a.id) AND NOT (
        coalesce(s.marks ->> a.id, '') = 'rejected' AND jsonb_array_length(
            CASE a.asset_type WHEN 'image' THEN s.approved_image_ids
            ELSE s.approved_clip_ids END) > 0)))"""
_TAKES = f"a.asset_type IN ('image', 'clip', 'video') AND NOT {_IN_USE}"
# A newer one of its kind stands in its place.
_REPLACED = """a.asset_type = 'preview' AND EXISTS (SELECT FROM assets n
    WHERE n.session_id = a.session_id AND n.asset_type = 'preview'
    AND n.metadata ->> 'kind' = a.metadata ->> 'kind' AND n.created_at > a.created_at)"""
# Nothing of the ad is under way, so no request can be about to open one of its files.
_AT_REST = """NOT EXISTS (SELECT FROM jobs j
        WHERE j.session_id = s.id AND j.status IN ('queued', 'running'))
    AND NOT EXISTS (SELECT FROM predictions p WHERE p.session_id = s.id
        AND p.status NOT IN ('succeeded', 'failed', 'cancelled'))"""


class Rule(NamedTuple):
    """Files of which ads go after how many days; `which` speaks of ad `s` and file `a`."""

    name: str
    days: int
    which: str


class Due(NamedTuple):
    """A file whose days are over."""

    id: str
    session_id: str
    storage_key: str
    size_bytes: int


def rules() -> Iterator[Rule]:
    """The rules that are set."""
    config = settings()
    yield Rule(
        "replaced previews",
        config.keep_previews_days,
        f"{_REPLACED} AND a.created_at < :before",
    )
    if days := config.keep_takes_days:
        yield Rule(
            "takes not in use of finished ads",
            days,
            f"s.stage = 'complete' AND s.updated_at < :before AND {_TAKES}",
        )
    if days := config.keep_archived_days:
        yield Rule(
            "clips, takes and previews of archived ads",
            days,
            f"s.archived_at < :before AND (a.asset_type IN ('clip', 'preview') OR ({_TAKES}))",
        )


def due(db: Session, rule: Rule, session_id: str | None = None) -> list[Due]:
    """The files that a rule takes now; of one ad, or of all."""
    rows = db.execute(
        text(
            f"""SELECT a.id, a.session_id, a.storage_key, a.size_bytes
            FROM assets a JOIN sessions s ON s.id = a.session_id
            WHERE a.removed_at IS NULL AND (CAST(:ad AS text) IS NULL OR s.id = :ad)
                AND ({rule.which}) AND {_AT_REST}"""
        ),
        {"before": now() - timedelta(days=rule.days), "ad": session_id},
    )
    return [Due(*row) for row in rows]


def take(database: Database, rule: Rule) -> Iterator[list[Due]]:
    """Mark what a rule takes as removed, an ad at a time; gives what was taken of each."""
    with database.begin() as db:
        ads = {row.session_id for row in due(db, rule)}
    for session_id in ads:
        with database.begin() as db:
            # Whoever is at this ad comes first, and may have taken a file into use.
            sessions.lock_ad(db, session_id)
            taken = due(db, rule, session_id)
            gone = update(Asset).where(Asset.id.in_([row.id for row in taken]))
            db.execute(gone.values(removed_at=now(), removed_after=rule.days))
            notify(db, session_id)
        yield taken


def removed_keys(db: Session) -> list[str]:
    """Keys of files that a removed asset still names: to be freed now, or after a crash."""
    left = select(Asset.storage_key).where(Asset.removed_at.is_not(None), Asset.storage_key != "")
    return list(db.scalars(left.distinct()))


def is_in_use(db: Session, key: str, but: Sequence[str] = ()) -> bool:
    """Whether a row other than of removed assets, and of those in `but`, names this file."""
    here = select(Asset.id).where(
        Asset.storage_key == key, Asset.removed_at.is_(None), Asset.id.not_in(but)
    )
    if db.scalar(here.limit(1)):
        return True
    if not key.endswith((".json", ".png")):
        return False
    # What only receipts and logos can be is looked for among them; no index has these.
    in_films = or_(
        Asset.details["receipt"].astext == key, Asset.details["brand"]["logo_key"].astext == key
    )
    logos = select(BrandKit.team_id).where(BrandKit.brand["logo_key"].astext == key)
    return bool(db.scalar(select(Asset.id).where(in_films).limit(1)) or db.scalar(logos.limit(1)))


def give_up(db: Session, key: str) -> None:
    """Removed assets name this file no more, nor do the requests of their ads that it went into."""
    rows = db.scalars(
        update(Asset)
        .where(Asset.storage_key == key, Asset.removed_at.is_not(None))
        .values(storage_key="")
        .returning(Asset.session_id)
    )
    db.execute(
        text(
            """UPDATE predictions p SET files = (
                SELECT jsonb_object_agg(e.key, CASE e.value WHEN :key THEN '' ELSE e.value END)
                FROM jsonb_each_text(p.files) e)
            WHERE p.session_id IN :ads
                AND EXISTS (SELECT FROM jsonb_each_text(p.files) e WHERE e.value = :key)"""
        ).bindparams(bindparam("ads", expanding=True)),
        {"key": key, "ads": list(set(rows))},
    )


# Rows


def _rows() -> dict[str, Delete]:
    """What has done its work, by what people call it."""
    day, month = now() - timedelta(days=1), now() - timedelta(days=30)
    return {
        "expired logins": delete(Login).where(Login.expires_at < now()),
        # A spent one keeps a company's sign-in from being used again, for some minutes.
        "used sign-in links": delete(SignInLink).where(SignInLink.expires_at < day),
        "dead API tokens": delete(ApiToken).where(
            or_(ApiToken.expires_at < month, ApiToken.revoked_at < month)
        ),
        "dead share links": delete(ShareLink).where(
            or_(ShareLink.expires_at < month, ShareLink.revoked_at < month)
        ),
        "idempotency keys": delete(OnceKey).where(OnceKey.created_at < now() - timedelta(days=7)),
        "forgiven passwords": delete(Tries).where(Tries.last_failed_at < day),
        "delivered alerts": delete(AlertPost).where(AlertPost.sent_at < month),
        "ended snoozes": delete(Snooze).where(Snooze.until < now()),
    }


def clear_rows(database: Database, *, dry: bool) -> Iterator[tuple[str, int]]:
    """Delete them; gives how many of each."""
    for name, gone in _rows().items():
        with database.begin() as db:
            tried = db.begin_nested()
            count = int(getattr(db.execute(gone), "rowcount", 0))
            if dry:
                tried.rollback()
        yield name, count


def needed_runs(db: Session, run_ids: Iterable[str]) -> set[str]:
    """Those of the engine's runs that a live run, or a request not settled, may still need."""
    of = {run_id: ":".join(run_id.split(":")[:3]) for run_id in run_ids}
    jobs = list(set(of.values()))
    live = db.scalars(select(Job.id).where(Job.id.in_(jobs), Job.status.in_(LIVE)))
    open_ = select(Prediction.job_id).where(
        Prediction.job_id.in_(jobs), Prediction.status.not_in(ENDED)
    )
    needed = {*live, *db.scalars(open_)}
    return {run_id for run_id, job_id in of.items() if job_id in needed}


@contextmanager
def alone(database: Database) -> Iterator[bool]:
    """Whether this process is the one that cleans up now; no other is until it has ended."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key: dict[str, Any] = {"key": _LOCK}
        mine = bool(connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key))
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
