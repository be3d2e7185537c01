"""Made-up rows: written in bulk, marked as what they are, and removed without a trace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, exists, insert, select, update
from sqlalchemy.orm import Session

from adgen.store.database import EVERY_AD, notify
from adgen.store.tables import (
    AdSession,
    Asset,
    BrandKit,
    GenerationCost,
    Job,
    Prediction,
    Team,
    User,
)

Row = dict[str, Any]
# No password verifies against it.
_NO_PASSWORD = "!"  # noqa: S105


@dataclass
class Month:
    """Rows by table. Users name their team, ads their person by address and their team."""

    teams: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    sessions: list[Row] = field(default_factory=list)
    predictions: list[Row] = field(default_factory=list)
    costs: list[Row] = field(default_factory=list)
    assets: list[Row] = field(default_factory=list)
    jobs: list[Row] = field(default_factory=list)


def add_month(db: Session, month: Month) -> None:
    """Write all of it, marked as made up."""
    db.execute(insert(Team), [{**row, "demo": True} for row in month.teams])
    teams = {row.name: row.id for row in db.execute(select(Team.name, Team.id).where(Team.demo))}
    users = [
        {**_without(row, "team"), "team_id": teams[row["team"]], "demo": True}
        for row in month.users
    ]
    db.execute(insert(User), [{**row, "password_hash": _NO_PASSWORD} for row in users])
    people = {row.email: row.id for row in db.execute(select(User.email, User.id).where(User.demo))}
    ads = [
        {
            **_without(row, "team", "email", "final_video_id"),
            "user_id": people[row["email"]],
            "team_id": teams[row["team"]],
            "demo": True,
        }
        for row in month.sessions
    ]
    db.execute(insert(AdSession), ads)
    for table, rows in (
        (Job, month.jobs),
        (Prediction, month.predictions),
        # Their numbers go by age, as those of real calls.
        (GenerationCost, sorted(month.costs, key=lambda row: row["created_at"])),
        (Asset, month.assets),
    ):
        db.execute(insert(table), rows)
    named = ("id", "final_video_id", "updated_at")
    films = [{name: row[name] for name in named} for row in month.sessions if row[named[1]]]
    db.execute(update(AdSession), films)
    notify(db, EVERY_AD)


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def remove_month(db: Session) -> tuple[int, set[str]]:
    """Remove all that is made up; gives how many ads, and the files that nothing names any more.

    A team that a real person or ad has come into stays, as a real one.
    """
    made_up = select(AdSession.id).where(AdSession.demo)
    keys = set(db.scalars(select(Asset.storage_key).where(Asset.session_id.in_(made_up))))
    count = len(db.execute(delete(AdSession).where(AdSession.demo).returning(AdSession.id)).all())
    db.execute(delete(User).where(User.demo))
    used = exists().where(User.team_id == Team.id) | exists().where(AdSession.team_id == Team.id)
    db.execute(delete(Team).where(Team.demo, ~used))
    db.execute(update(Team).where(Team.demo).values(demo=False))
    kept = set(db.scalars(select(Asset.storage_key).where(Asset.storage_key.in_(keys))))
    logos = set(db.scalars(select(BrandKit.brand["logo_key"].astext)))
    notify(db, EVERY_AD)
    return count, keys - kept - logos
