"""Ads: create, find, list, and the whole state of one at a moment."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from sqlalchemy import Select, String, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from adgen.domain import (
    AdState,
    AdSummary,
    Aspect,
    AssetInfo,
    AssetType,
    AudioChoice,
    CutChoices,
    ImagePrompt,
    Person,
    Scene,
    Stage,
    TextOverlay,
)
from adgen.errors import NotFound
from adgen.store import assets, jobs
from adgen.store.holds import find_hold
from adgen.store.tables import AdSession, Asset, User


def add_ad(
    db: Session, person: Person, *, provider: str, image_model: str, clip_model: str
) -> AdSession:
    """A new empty ad of this person's."""
    ad = AdSession(
        id=str(uuid4()),
        user_id=person.id,
        provider=provider,
        image_model=image_model,
        clip_model=clip_model,
        stage=Stage.CREATED.value,
    )
    db.add(ad)
    db.flush()
    return ad


def may_see(person: Person, owner_id: int) -> bool:
    """An ad is its maker's; admins see all."""
    return person.role == "admin" or person.id == owner_id


def load_ad(db: Session, person: Person, session_id: str, *, lock: bool = False) -> AdSession:
    """The row; NotFound when it is absent or somebody else's."""
    # Postgres cannot even be asked for a NUL.
    query = select(AdSession).where(AdSession.id == session_id.replace("\x00", ""))
    ad = db.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if ad is None or not may_see(person, ad.user_id):
        raise NotFound("That ad does not exist.")
    return ad


def lock_ad(db: Session, session_id: str) -> AdSession:
    """The row for the worker, locked until the transaction ends."""
    return db.scalars(
        select(AdSession).where(AdSession.id == session_id).with_for_update(key_share=True)
    ).one()


def _visible(query: Select[AdSession, str], person: Person, search: str) -> Select[AdSession, str]:
    if person.role != "admin":
        query = query.where(AdSession.user_id == person.id)
    if search:
        words = func.concat_ws(" ", AdSession.title, AdSession.product_prompt)
        query = query.where(words.cast(String).ilike(f"%{_escape(search)}%", escape="\\"))
    return query


def _escape(words: str) -> str:
    words = words.replace("\x00", "")
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def list_ads(
    db: Session, person: Person, *, search: str = "", limit: int = 24, offset: int = 0
) -> list[AdSummary]:
    """The person's ads, newest first; admins get everyone's."""
    query = _visible(
        select(AdSession, User.email).join(User, User.id == AdSession.user_id), person, search
    )
    rows = db.execute(
        query.order_by(AdSession.created_at.desc(), AdSession.id).limit(limit).offset(offset)
    ).all()
    posters = _posters(db, [ad.id for ad, _ in rows])
    return [
        AdSummary(
            id=ad.id,
            title=ad.title or ad.product_prompt or "Untitled ad",
            stage=Stage(ad.stage),
            total_cost=ad.total_cost,
            owner=email,
            created_at=ad.created_at,
            updated_at=ad.updated_at,
            poster_id=next(iter(ad.approved_image_ids or ad.generated_image_ids), None)
            or posters.get(ad.id),
            video_id=ad.final_video_id,
        )
        for ad, email in rows
    ]


def count_ads(db: Session, person: Person, *, search: str = "") -> int:
    """How many `list_ads` could give."""
    query = _visible(
        select(AdSession, User.email).join(User, User.id == AdSession.user_id), person, search
    )
    return db.scalar(select(func.count()).select_from(query.subquery())) or 0


def _posters(db: Session, ids: list[str]) -> dict[str, str]:
    """The first photo of each ad, for cards of ads without pictures yet."""
    rows = db.execute(
        select(Asset.session_id, Asset.id)
        .ext(distinct_on(Asset.session_id))
        .where(Asset.session_id.in_(ids), Asset.asset_type == AssetType.PHOTO.value)
        .order_by(Asset.session_id, Asset.slot)
    )
    return {session_id: asset_id for session_id, asset_id in rows}  # noqa: C416 -- typed rows


def load_state(db: Session, person: Person, session_id: str) -> AdState:
    """Everything about one ad; NotFound when it is not this person's to see."""
    ad = load_ad(db, person, session_id)
    rows = assets.list_assets(db, session_id, *AssetType)
    by_id = {row.id: assets.info(row) for row in rows}
    newest = jobs.newest_jobs(db, session_id)
    job = jobs.news(newest)
    owner = db.scalar(select(User.email).where(User.id == ad.user_id)) or ""
    overlay = TextOverlay.model_validate(ad.text_overlay or {})
    audio = AudioChoice.model_validate(ad.audio or {})
    return AdState(
        id=ad.id,
        owner=owner,
        user_id=ad.user_id,
        stage=Stage(ad.stage),
        title=ad.title or ad.product_prompt or "Untitled ad",
        product_prompt=ad.product_prompt,
        video_prompt=ad.video_prompt,
        consistency_seed=ad.consistency_seed,
        style_keywords=tuple(ad.style_keywords),
        generated_image_ids=tuple(ad.generated_image_ids),
        approved_image_ids=tuple(ad.approved_image_ids),
        generated_clip_ids=tuple(ad.generated_clip_ids),
        approved_clip_ids=tuple(ad.approved_clip_ids),
        clip_order=tuple(ad.clip_order),
        final_video_id=ad.final_video_id,
        total_cost=ad.total_cost,
        created_at=ad.created_at,
        updated_at=ad.updated_at,
        provider=ad.provider,
        image_model=ad.image_model,
        clip_model=ad.clip_model,
        aspect=Aspect(ad.aspect),
        product=ad.product,
        prompts=tuple(ImagePrompt.model_validate(p) for p in ad.prompts),
        scenes=tuple(Scene.model_validate(s) for s in ad.scenes),
        marks=dict(ad.marks),
        drafts=dict(ad.drafts),
        text_overlay=overlay,
        audio=audio,
        cut=CutChoices.model_validate(ad.cut or {}),
        shapes=tuple(Aspect(shape) for shape in ad.shapes) or (Aspect(ad.aspect),),
        failed_stage=Stage(ad.failed_stage) if ad.failed_stage else None,
        failure=ad.failure,
        notes=tuple(ad.notes),
        hold=find_hold(db, ad.provider),
        photos=tuple(i for i in by_id.values() if i.asset_type is AssetType.PHOTO),
        images=tuple(
            _mark_stale(by_id[i], by_id[i].details.get("product_prompt") != ad.product_prompt)
            for i in ad.generated_image_ids
            if i in by_id
        ),
        clips=tuple(
            _mark_stale(by_id[i], _clip_is_stale(by_id[i], ad))
            for i in ad.generated_clip_ids
            if i in by_id
        ),
        final_video=(
            _mark_stale(by_id[ad.final_video_id], _video_is_stale(by_id[ad.final_video_id], ad))
            if ad.final_video_id in by_id
            else None
        ),
        videos=tuple(
            _mark_stale(by_id[i], _video_is_stale(by_id[i], ad)) for i in ad.video_ids if i in by_id
        ),
        # In the order of age, so that the newest of each kind stays.
        previews={
            row.details["kind"]: by_id[row.id]
            for row in sorted(rows, key=lambda row: row.created_at)
            if row.asset_type == AssetType.PREVIEW
        },
        preview_failures=jobs.preview_failures(newest),
        job=jobs.info(job) if job else None,
    )


def _mark_stale(asset: AssetInfo, stale: bool) -> AssetInfo:
    return asset.model_copy(update={"stale": stale}) if stale else asset


def _clip_is_stale(clip: AssetInfo, ad: AdSession) -> bool:
    """Made from a picture, or with words, that are no longer chosen."""
    return (
        clip.details.get("image_id") not in ad.approved_image_ids
        or clip.details.get("video_prompt", ad.video_prompt) != ad.video_prompt
    )


def _video_is_stale(video: AssetInfo, ad: AdSession) -> bool:
    """Cut from other clips or words than those now chosen."""
    return (
        video.details.get("clip_ids") != ad.clip_order
        or video.details.get("text_overlay") != ad.text_overlay
        or video.details.get("audio") != ad.audio
        or _choices(video.details.get("cut")) != _choices(ad.cut)
    )


def _choices(cut: dict[str, Any] | None) -> CutChoices:
    """The whole of it: an ad that nobody chose anything for keeps none, its film the defaults."""
    return CutChoices.model_validate(cut or {})
