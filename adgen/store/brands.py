"""Brand kits: how the films of a team look."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.domain import Brand
from adgen.store.tables import BrandKit, now


def load_brand(db: Session, team_id: int) -> Brand:
    """The team's kit; white on black, the spec's cards, when it has none."""
    row = db.get(BrandKit, team_id)
    return Brand.model_validate(row.brand) if row else Brand()


def save_brand(db: Session, team_id: int, brand: Brand) -> None:
    """Use this kit for every film of the team cut from now on."""
    values = {"brand": brand.model_dump(mode="json"), "updated_at": now()}
    db.execute(
        insert(BrandKit)
        .values(team_id=team_id, **values)
        .on_conflict_do_update(index_elements=[BrandKit.team_id], set_=values)
    )
