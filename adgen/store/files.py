"""Which files rows name, wherever they do: the one list for backups, moves and clean-ups."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Select, String, cast, func, literal, select, true, union
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import SQLColumnExpression

from adgen.store.tables import Asset, BrandKit, Prediction


def named_keys(db: Session) -> set[str]:
    """The storage keys of all files that any row names."""
    return set(db.scalars(select(union(*_places()).subquery().c.key).distinct()))


def named_files(db: Session) -> dict[str, list[str]]:
    """As `named_keys`, each with the rows that name it, such as «image 6f0c…»."""
    found: dict[str, list[str]] = defaultdict(list)
    for key, what in db.execute(union(*_places())):
        found[key].append(what)
    return {key: sorted(names) for key, names in found.items()}


def is_named(db: Session, key: str) -> bool:
    """Whether any row names this file."""
    places = union(*_places()).subquery()
    return db.scalar(select(places.c.key).where(places.c.key == key).limit(1)) is not None


def _places() -> list[Select[str, str]]:
    """A statement a place: (key, who names it), empty keys left out."""
    inputs = func.jsonb_each_text(Prediction.files).table_valued("key", "value")
    asset, team = Asset.asset_type + " " + Asset.id, cast(BrandKit.team_id, String)
    receipt = Asset.details["receipt"].astext
    # The logo a film was cut with: it may be none of its team's any more.
    film_logo = Asset.details["brand"]["logo_key"].astext
    logo = BrandKit.brand["logo_key"].astext
    return [
        _named(Asset.storage_key, asset),
        _named(receipt, literal("receipt of ") + asset),
        _named(film_logo, literal("logo in ") + asset),
        _named(logo, literal("logo of team ") + team),
        select(inputs.c.value.label("key"), (literal("input of ") + Prediction.key).label("what"))
        .join_from(Prediction, inputs, true())
        .where(inputs.c.value != ""),
    ]


def _named(key: SQLColumnExpression[str], what: SQLColumnExpression[str]) -> Select[str, str]:
    return select(key.label("key"), what.label("what")).where(key != "")
