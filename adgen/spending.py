"""What a person may ask about money; pages, REST and the command line ask it here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adgen import exports
from adgen.config import settings
from adgen.domain import Person, SpendFilter
from adgen.exports import Format, What
from adgen.store import rollup, spend
from adgen.store.database import Database
from adgen.store.spend_ask import Ask
from adgen.store.spend_facts import Call, Choices, Look, ModelDay, Spent


class Spending:
    """The part of the commands that reads the ledger. Nobody sees more than they may."""

    database: Database

    def look_at_spending(
        self, person: Person, asked: SpendFilter, *, limit: int = 25, offset: int = 0
    ) -> Look:
        """All that the cost page shows, of one moment."""
        with self._asking(person, asked) as ask:
            return spend.look(ask, person, limit=limit, offset=offset)

    def spending(self, person: Person, asked: SpendFilter) -> Spent:
        """Sums by day and step, by model, step, person and team."""
        with self._asking(person, asked) as ask:
            return spend.spent(ask, daily=True)

    def spending_choices(self, person: Person) -> Choices:
        """What calls may be narrowed by."""
        everything = SpendFilter(zone=settings().report_tz, demo=True)
        with self._asking(person, everything) as ask:
            return spend.choices(ask)

    def list_calls(
        self, person: Person, asked: SpendFilter, *, limit: int, offset: int = 0
    ) -> tuple[int, tuple[Call, ...]]:
        """How many calls there are, and some of them, newest first."""
        with self._asking(person, asked) as ask:
            return spend.count_calls(ask), spend.list_calls(ask, limit=limit, offset=offset)

    def each_call(self, person: Person, asked: SpendFilter) -> Iterator[Call]:
        """All of them, newest first, read as they are asked for."""
        with self._asking(person, asked) as ask:
            yield from spend.each_call(ask)

    def model_days(
        self, person: Person, asked: SpendFilter, *, daily: bool = True
    ) -> tuple[ModelDay, ...]:
        """Settled calls by day and model, to compare with a bill; sooner without `daily`.

        Each month is as its first day then.
        """
        with self._asking(person, asked) as ask:
            return spend.model_days(ask, daily=daily)

    def export(
        self, person: Person, asked: SpendFilter, what: What, form: Format, out: Path
    ) -> None:
        """Put calls or daily totals into a new file. Raises InputRejected when it cannot."""
        if what is What.DAYS:
            table = exports.days_table(self.spending(person, asked), asked)
        else:
            with self._asking(person, asked) as ask:
                exports.check_size(spend.count_calls(ask), form)
            table = exports.calls_table(self.each_call(person, asked), asked)
        exports.write(table, form, out)

    @contextmanager
    def _asking(self, person: Person, asked: SpendFilter) -> Iterator[Ask]:
        rollup.prepare(self.database, settings().report_tz)
        rollup.fold(self.database)
        with self.database.begin() as db:
            rollup.one_moment(db)
            yield Ask(db, person, asked)
