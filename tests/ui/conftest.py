"""The app's script, signed in, and ads for it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from adgen import launch, snapshots
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import AdState, Person
from adgen.store.database import Database
from adgen.ui import state
from tests.conftest import ROOT


@pytest.fixture
def at(
    commands: Commands, database: Database, person: Person, monkeypatch: pytest.MonkeyPatch
) -> AppTest:
    """The app's script, signed in."""
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    # What a test writes past the commands is to be seen before the database's word of it comes.
    monkeypatch.setattr(snapshots, "LONGEST_S", 0.0)
    monkeypatch.setattr(state, "find_person", lambda: person)
    return AppTest.from_file(ROOT / "adgen" / "ui" / "main.py", default_timeout=30).run()


@pytest.fixture
def ad(commands: Commands, person: Person) -> AdState:
    return commands.create_ad(person)


@pytest.fixture
def hosted_ad(commands: Commands, person: Person, monkeypatch: pytest.MonkeyPatch) -> AdState:
    """An ad that hosted models make."""
    monkeypatch.setenv("ADGEN_PROVIDER", "replicate")
    monkeypatch.setenv("REPLICATE_API_TOKEN", "r8_never_used")
    settings.cache_clear()
    return commands.create_ad(person)
