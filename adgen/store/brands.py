"""Brand kits: one a team, and until there are several teams one for all."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from adgen.domain import Brand
from adgen.store.tables import BrandKit, now

EVERYONE = "everyone"


def load_brand(db: Session, team: str = EVERYONE) -> Brand:
    """The team's kit; white on black, the spec's cards, when it has none."""
    row = db.get(BrandKit, team)
    return Brand.model_validate(row.brand) if row else Brand()


def save_brand(db: Session, brand: Brand, team: str = EVERYONE) -> None:
    """Use this kit for every film cut from now on."""
    values = {"brand": brand.model_dump(mode="json"), "updated_at": now()}
    db.execute(
        insert(BrandKit)
        .values(team=team, **values)
        .on_conflict_do_update(index_elements=[BrandKit.team], set_=values)
    )
