"""Which changes a reading saw: Postgres's own snapshots, comparable between processes."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Moment(NamedTuple):
    """What had been committed at a moment: changes before `next`, but not those still `open`."""

    next: int
    open: frozenset[int]

    @classmethod
    def read(cls, said: str) -> Moment:
        """As Postgres writes it: `xmin:xmax:xip,xip`. Raises ValueError."""
        _, following, still_open = said.split(":")
        return cls(int(following), frozenset(int(x) for x in still_open.split(",") if x))

    def __str__(self) -> str:
        """As `read` reads it."""
        still_open = ",".join(map(str, sorted(self.open)))
        return f"{min(self.open, default=self.next)}:{self.next}:{still_open}"

    def sees(self, change: int) -> bool:
        """Whether a change was committed by then."""
        return change < self.next and change not in self.open

    def covers(self, other: Moment) -> bool:
        """Whether it sees all that another moment sees."""
        return other.next <= self.next and not any(other.sees(change) for change in self.open)


def present(db: Session) -> Moment:
    """What is committed now; whatever is read afterwards sees at least that."""
    return Moment.read(str(db.scalar(text("SELECT pg_current_snapshot()::text"))))
