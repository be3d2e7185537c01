"""A finished ad that can grow old, and the rule most tests are about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import Person
from adgen.store.database import Database
from tests.retention.ageing import House


@pytest.fixture
def house(commands: Commands, database: Database, person: Person) -> Iterator[House]:
    made_up = House(commands, database, person)
    yield made_up
    made_up.runs.close()


@pytest.fixture
def takes_30(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADGEN_KEEP_TAKES_DAYS", "30")
    settings.cache_clear()
