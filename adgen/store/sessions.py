"""Ads: create, find, list, and the whole state of one at a moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, exists, func, not_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from adgen.domain import (
    ACTIVE_ADS,
    AdFilter,
    AdSort,
    AdState,
    AdSummary,
    Aspect,
    AssetInfo,
    AssetType,
    AudioChoice,
    CutChoices,
    ImagePrompt,
    Person,
    Role,
    Scene,
    Scope,
    Stage,
    TextOverlay,
)
from adgen.errors import NotFound
from adgen.store import assets, budgets, jobs
from adgen.store.tables import AdSession, Asset, Hold, User

UNTITLED = "Untitled ad"


def add_ad(
    db: Session, person: Person, *, provider: str, image_model: str, clip_model: str
) -> AdSession:
    """A new empty ad of this person's."""
    ad = AdSession(
        id=str(uuid4()),
        user_id=person.id,
        team_id=person.team_id,
        provider=provider,
        image_model=image_model,
        clip_model=clip_model,
        stage=Stage.CREATED.value,
    )
    db.add(ad)
    db.flush()
    return ad


# What a copy of an ad begins with; ids in these lists and keys are those of its own copies.
_COPIED = (
    *("provider", "image_model", "clip_model", "aspect", "product", "product_prompt"),
    *("video_prompt", "consistency_seed", "style_keywords", "prompts", "scenes", "seeds"),
    *("generated_image_ids", "approved_image_ids", "generated_clip_ids", "approved_clip_ids"),
    *("clip_order", "marks", "reject_reasons", "remarks", "text_overlay", "audio", "cut"),
    *("shapes",),
)


def copy_ad(db: Session, person: Person, source: AdSession) -> AdSession:
    """A new ad with the source's choices and files, none of its costs and no film.

    The files are shared, never copied: what is stored is never changed.
    """
    uploads = assets.list_assets(db, source.id, AssetType.PHOTO, AssetType.MUSIC)
    shown = assets.load_assets(
        db, source.id, [*source.generated_image_ids, *source.generated_clip_ids]
    )
    new_ids = {row.id: str(uuid4()) for row in [*uploads, *shown]}
    ad = AdSession(
        id=str(uuid4()),
        user_id=person.id,
        team_id=source.team_id,
        title=f"{_name(source)[:280]} (copy)",
    )
    for field in _COPIED:
        setattr(ad, field, _renamed(getattr(source, field), new_ids))
    stage = Stage.CLIP_SELECTION if source.generated_clip_ids else Stage.IMAGE_SELECTION
    ad.stage = (stage if source.generated_image_ids else Stage.CREATED).value
    db.add(ad)
    db.flush()
    for row in [*uploads, *shown]:
        db.add(
            Asset(
                id=new_ids[row.id],
                session_id=ad.id,
                asset_type=row.asset_type,
                url=f"/api/files/{new_ids[row.id]}",
                details={**_renamed(row.details, new_ids), "copied_from": row.id},
                model_used=row.model_used,
                generation_time=row.generation_time,
                storage_key=row.storage_key,
                content_type=row.content_type,
                size_bytes=row.size_bytes,
                slot=row.slot,
                removed_at=row.removed_at,
                removed_after=row.removed_after,
            )
        )
    db.flush()
    return ad


def _renamed(value: Any, new_ids: dict[str, str]) -> Any:
    """The same data with the copies' ids in place of the originals'."""
    if isinstance(value, str):
        return new_ids.get(value, value)
    if isinstance(value, list):
        return [_renamed(one, new_ids) for one in value]
    if isinstance(value, dict):
        return {new_ids.get(k, k): _renamed(one, new_ids) for k, one in value.items()}
    return value


def _name(ad: AdSession) -> str:
    return ad.title or ad.product_prompt or UNTITLED


def load_ad(db: Session, person: Person, session_id: str, *, lock: bool = False) -> AdSession:
    """The row; NotFound when it is absent or somebody else's."""
    query = select(AdSession).where(AdSession.id == _clean(session_id))
    ad = db.scalars(query.with_for_update(key_share=True) if lock else query).one_or_none()
    return _seen(person, ad)


def _clean(session_id: str) -> str:
    # Postgres cannot even be asked for a NUL.
    return session_id.replace("\x00", "")


def _seen(person: Person, ad: AdSession | None) -> AdSession:
    if ad is None or not person.may_see(ad.team_id):
        raise NotFound("That ad does not exist.")
    return ad


def lock_ad(db: Session, session_id: str) -> AdSession:
    """The row for the worker, locked until the transaction ends."""
    return db.scalars(
        select(AdSession).where(AdSession.id == session_id).with_for_update(key_share=True)
    ).one()


def list_ads(
    db: Session,
    person: Person,
    wanted: AdFilter = ACTIVE_ADS,
    *,
    limit: int = 24,
    offset: int = 0,
) -> list[AdSummary]:
    """The ads this person may see and asks for; admins may see everyone's."""
    # A row's JSON is most of its size, and no card shows it.
    query = select(
        AdSession.id,
        _NAME.label("title"),
        AdSession.stage,
        AdSession.failed_stage,
        AdSession.total_cost,
        User.email.label("owner"),
        AdSession.created_at,
        AdSession.updated_at,
        AdSession.archived_at,
        _POSTER.label("poster_id"),
        AdSession.final_video_id.label("video_id"),
        AdSession.demo,
    ).join(User, User.id == AdSession.user_id)
    query = query.where(*_wanted(person, wanted)).order_by(*_ORDERS[wanted.sort])
    rows = db.execute(query.limit(limit).offset(offset)).mappings().all()
    photos = _photos(db, [row["id"] for row in rows if not row["poster_id"]])
    return [
        AdSummary.model_validate({**row, "poster_id": row["poster_id"] or photos.get(row["id"])})
        for row in rows
    ]


def count_ads(db: Session, person: Person, wanted: AdFilter = ACTIVE_ADS) -> int:
    """How many `list_ads` could give."""
    query = select(func.count()).select_from(AdSession).where(*_wanted(person, wanted))
    return db.scalar(query) or 0


def list_owners(db: Session, person: Person) -> list[str]:
    """The addresses of those whose ads this person may see."""
    made = exists().where(AdSession.user_id == User.id)
    if person.role is not Role.ADMIN:
        made = made.where(AdSession.team_id == person.team_id)
    query = select(User.email).where(made)
    return list(db.scalars(query.order_by(User.email)))


_NAME = func.coalesce(
    func.nullif(AdSession.title, ""), func.nullif(AdSession.product_prompt, ""), UNTITLED
)
_POSTER = func.coalesce(
    AdSession.approved_image_ids[0].astext, AdSession.generated_image_ids[0].astext
)
_NEWEST = (AdSession.created_at.desc(), AdSession.id.desc())
_ORDERS: dict[AdSort, tuple[ColumnElement[Any], ...]] = {
    AdSort.NEWEST: _NEWEST,
    AdSort.OLDEST: (AdSession.created_at.asc(), AdSession.id.asc()),
    AdSort.CHANGED: (AdSession.updated_at.desc(), AdSession.id.desc()),
    AdSort.NAME: (func.lower(_NAME).asc(), *_NEWEST),
    AdSort.COST: (AdSession.total_cost.desc(), *_NEWEST),
}


def _wanted(person: Person, wanted: AdFilter) -> Iterator[ColumnElement[bool]]:
    """What is true of the ads this person may see and asks for."""
    if person.role is not Role.ADMIN:
        yield AdSession.team_id == person.team_id
    if wanted.owner:
        owner = select(User.id).where(User.email == wanted.owner.replace("\x00", "").lower())
        yield AdSession.user_id == owner.scalar_subquery()
    if wanted.archived is not None:
        archived = AdSession.archived_at.is_not(None)
        yield archived if wanted.archived else not_(archived)
    if wanted.stages:
        yield AdSession.stage.in_([stage.value for stage in wanted.stages])
    if wanted.since:
        yield AdSession.created_at >= wanted.since
    if wanted.until:
        yield AdSession.created_at < wanted.until
    words = func.concat_ws(" ", AdSession.title, AdSession.product_prompt)
    for word in wanted.search.split():
        yield words.ilike(f"%{_escape(word)}%", escape="\\")


def _escape(words: str) -> str:
    words = words.replace("\x00", "")
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _photos(db: Session, ids: list[str]) -> dict[str, str]:
    """The first photo of each ad, for cards of ads without pictures yet."""
    if not ids:
        return {}
    rows = db.execute(
        select(Asset.session_id, Asset.id)
        .ext(distinct_on(Asset.session_id))
        .where(Asset.session_id.in_(ids), Asset.asset_type == AssetType.PHOTO.value)
        .order_by(Asset.session_id, Asset.slot)
    )
    return {session_id: asset_id for session_id, asset_id in rows}  # noqa: C416 -- typed rows


def load_state(db: Session, person: Person, session_id: str) -> AdState:
    """Everything about one ad; NotFound when it is not this person's to see."""
    # One question for what stands in three tables: pages ask this all the time.
    row = db.execute(
        select(AdSession, User.email, Hold.reason, budgets.ad_amount())
        .join(User, User.id == AdSession.user_id)
        .outerjoin(Hold, Hold.provider == AdSession.provider)
        .where(AdSession.id == _clean(session_id))
    ).one_or_none()
    ad = _seen(person, row.AdSession if row else None)
    _, owner, hold, budget = row or (None, "", None, None)
    rows = assets.list_assets(db, session_id, *AssetType)
    by_id = {row.id: assets.info(row) for row in rows}
    # A file that is gone is no picture, clip or film any more; among the takes it is told.
    here = {asset_id: one for asset_id, one in by_id.items() if not one.removed}
    newest = jobs.newest_jobs(db, session_id)
    job = jobs.news(newest)
    overlay = TextOverlay.model_validate(ad.text_overlay or {})
    audio = AudioChoice.model_validate(ad.audio or {})
    return AdState(
        id=ad.id,
        owner=owner,
        user_id=ad.user_id,
        team_id=ad.team_id,
        stage=Stage(ad.stage),
        title=_name(ad),
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
        reject_reasons=dict(ad.reject_reasons),
        remarks=dict(ad.remarks),
        seeds=dict(ad.seeds),
        archived_at=ad.archived_at,
        demo=ad.demo,
        budget=budgets.usual(Scope.AD) if budget is None else budget,
        drafts=dict(ad.drafts),
        text_overlay=overlay,
        audio=audio,
        cut=CutChoices.model_validate(ad.cut or {}),
        shapes=tuple(Aspect(shape) for shape in ad.shapes) or (Aspect(ad.aspect),),
        failed_stage=Stage(ad.failed_stage) if ad.failed_stage else None,
        failure=ad.failure,
        notes=tuple(ad.notes),
        hold=hold,
        photos=tuple(i for i in by_id.values() if i.asset_type is AssetType.PHOTO),
        images=tuple(
            _changed(here[i], _image_changes(here[i], ad))
            for i in ad.generated_image_ids
            if i in here
        ),
        clips=tuple(
            _changed(here[i], _clip_changes(here[i], ad))
            for i in ad.generated_clip_ids
            if i in here
        ),
        image_takes=tuple(i for i in by_id.values() if i.asset_type is AssetType.IMAGE),
        clip_takes=tuple(i for i in by_id.values() if i.asset_type is AssetType.CLIP),
        final_video=(
            _changed(here[ad.final_video_id], _video_changes(here[ad.final_video_id], ad))
            if ad.final_video_id in here
            else None
        ),
        videos=tuple(
            _changed(here[i], _video_changes(here[i], ad)) for i in ad.video_ids if i in here
        ),
        # In the order of age, so that the newest of each kind stays.
        previews={
            row.details["kind"]: here[row.id]
            for row in sorted(rows, key=lambda row: row.created_at)
            if row.asset_type == AssetType.PREVIEW and row.id in here
        },
        preview_failures=jobs.preview_failures(newest),
        job=jobs.info(job) if job else None,
    )


def _changed(asset: AssetInfo, changes: tuple[str, ...]) -> AssetInfo:
    return asset.model_copy(update={"changes": changes}) if changes else asset


def _image_changes(image: AssetInfo, ad: AdSession) -> tuple[str, ...]:
    """What is no longer as it was when the picture was made."""
    made = image.details
    if made.get("product_prompt") != ad.product_prompt:
        return ("The words for the product changed.",)
    planned = next((p for p in ad.prompts if p.get("view") == made.get("view")), None)
    if planned and made.get("prompt", planned["prompt"]) != planned["prompt"]:
        return ("The prompt of this view changed.",)
    return ()


def _clip_changes(clip: AssetInfo, ad: AdSession) -> tuple[str, ...]:
    """As `_image_changes`; a picture that is no longer chosen outdates its clip."""
    made = clip.details
    if made.get("image_id") not in ad.approved_image_ids:
        return ("Its picture is no longer chosen, or has a newer take.",)
    if made.get("video_prompt", ad.video_prompt) != ad.video_prompt:
        return ("The words for the movement changed.",)
    scene = next((s for s in ad.scenes if s.get("image_id") == made.get("image_id")), None)
    if scene and made.get("description", scene["description"]) != scene["description"]:
        return ("The words of its scene changed.",)
    return ()


def _video_changes(video: AssetInfo, ad: AdSession) -> tuple[str, ...]:
    """As `_image_changes`, for a film."""
    made = video.details
    now = {
        "Other clips are chosen, or another order.": made.get("clip_ids") == ad.clip_order,
        "The words on the film changed.": made.get("text_overlay") == ad.text_overlay,
        "The music changed.": _music(made.get("audio")) == _music(ad.audio),
        "The cut changed.": _choices(made.get("cut")) == _choices(ad.cut),
    }
    return tuple(words for words, same in now.items() if not same)


def _music(audio: dict[str, Any] | None) -> AudioChoice:
    """The whole of it: a film of before pieces could be chosen keeps none."""
    return AudioChoice.model_validate(audio or {})


def _choices(cut: dict[str, Any] | None) -> CutChoices:
    """The whole of it: an ad that nobody chose anything for keeps none, its film the defaults."""
    return CutChoices.model_validate(cut or {})
