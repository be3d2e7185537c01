"""Files of an ad: uploads and what was made."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.domain import AssetInfo, AssetType, Value
from adgen.errors import NotFound, Removed, WrongStage
from adgen.store.tables import AdSession, Asset


class NewAsset(Value):
    """An asset to record; its file is in storage under `storage_key` already."""

    asset_type: AssetType
    storage_key: str
    content_type: str
    size_bytes: int
    slot: int = 0
    details: dict[str, Any] = Field(default_factory=dict)
    cost: Decimal = Decimal(0)
    model_used: str = ""
    generation_time: Decimal = Decimal(0)
    prediction_key: str | None = None


def info(row: Asset) -> AssetInfo:
    """A row as people see it."""
    return AssetInfo(
        id=row.id,
        session_id=row.session_id,
        asset_type=AssetType(row.asset_type),
        url=row.url,
        content_type=row.content_type,
        slot=row.slot,
        cost=row.cost,
        model_used=row.model_used,
        generation_time=row.generation_time,
        created_at=row.created_at,
        details=row.details,
        removed=why_removed(row),
    )


def why_removed(row: Asset) -> str:
    """Why the file of an asset is gone, in words for people; "" when it is there."""
    if row.removed_at is None:
        return ""
    days = "a day" if row.removed_after == 1 else f"{row.removed_after} days"
    return f"Removed after {days} by the retention rule."


def require_files(*rows: Asset) -> None:
    """Raise WrongStage when the file of one of them is gone."""
    for row in rows:
        if why := why_removed(row):
            raise WrongStage(f"The {row.asset_type} is not there any more. {why} Make it again.")


def key_of(row: Asset) -> str:
    """Where its file is; raises Removed when it is gone."""
    if why := why_removed(row):
        raise Removed(why)
    return row.storage_key


def add_asset(db: Session, session_id: str, new: NewAsset) -> str:
    """Record a file; gives its id. The same call recorded twice gives the same asset."""
    asset_id = str(uuid5(NAMESPACE_URL, new.prediction_key)) if new.prediction_key else str(uuid4())
    db.execute(
        insert(Asset)
        .values(
            {
                Asset.id: asset_id,
                Asset.session_id: session_id,
                Asset.asset_type: new.asset_type.value,
                Asset.url: f"/api/files/{asset_id}",
                Asset.details: new.details,
                Asset.cost: new.cost,
                Asset.model_used: new.model_used,
                Asset.generation_time: new.generation_time,
                Asset.storage_key: new.storage_key,
                Asset.content_type: new.content_type,
                Asset.size_bytes: new.size_bytes,
                Asset.slot: new.slot,
                Asset.prediction_key: new.prediction_key,
            }
        )
        .on_conflict_do_nothing()
    )
    return asset_id


def load_asset(db: Session, asset_id: str) -> Asset:
    """The row, else NotFound."""
    row = db.get(Asset, asset_id.replace("\x00", ""))
    if row is None:
        raise NotFound("That file does not exist.")
    return row


def list_assets(db: Session, session_id: str, *kinds: AssetType) -> list[Asset]:
    """An ad's files of some kinds, by slot and age."""
    return list(
        db.scalars(
            select(Asset)
            .where(Asset.session_id == session_id, Asset.asset_type.in_([k.value for k in kinds]))
            .order_by(Asset.slot, Asset.created_at, Asset.id)
        )
    )


def load_assets(db: Session, session_id: str, ids: Sequence[str]) -> list[Asset]:
    """The ad's assets with these ids in the given order; NotFound when one is not the ad's."""
    rows = db.scalars(select(Asset).where(Asset.id.in_(ids), Asset.session_id == session_id))
    by_id = {row.id: row for row in rows}
    if missing := [i for i in ids if i not in by_id]:
        raise NotFound(f"This ad has no file {missing[0]}.")
    return [by_id[i] for i in ids]


def put_in_slot(ad: AdSession, take: Asset, takes: Sequence[Asset]) -> None:
    """Show this take of a picture or clip in its slot; what is decided on others stays known.

    `takes` are all of the ad's pictures, or all its clips.
    """
    image = take.asset_type == AssetType.IMAGE
    field = "generated_image_ids" if image else "generated_clip_ids"
    shown = {row.slot: row.id for row in takes if row.id in getattr(ad, field)}
    ids = [asset_id for _, asset_id in sorted((shown | {take.slot: take.id}).items())]
    gone = set(shown.values()) - set(ids)
    setattr(ad, field, ids)
    if image:
        ad.approved_image_ids = [i for i in ad.approved_image_ids if i not in gone]
    else:
        ad.approved_clip_ids = [i for i in ad.approved_clip_ids if i not in gone]
        again = [take.id] if ad.marks.get(take.id) == "approved" else []
        ad.clip_order = [i for i in dict.fromkeys([*ad.clip_order, *again]) if i not in gone]


def find_by_prediction(db: Session, key: str) -> str | None:
    """The asset a request gave, if it gave one."""
    return db.scalar(select(Asset.id).where(Asset.prediction_key == key))
