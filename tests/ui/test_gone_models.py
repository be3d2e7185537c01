"""Ads that were made with models which the catalogue does not list any more."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import AdState, JobKind, Person
from adgen.errors import NotFound
from adgen.store import sessions
from adgen.store.database import Database
from tests.ui.ads import visit, with_clips, with_pictures


@pytest.fixture(params=["created", "pictures", "clips"])
def old(
    request: pytest.FixtureRequest,
    commands: Commands,
    database: Database,
    person: Person,
    ad: AdState,
) -> AdState:
    """As far as it says, and both of its models are gone."""
    if request.param == "pictures":
        with_pictures(commands, database, person, ad)
    elif request.param == "clips":
        with_clips(commands, database, person, ad)
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        row.image_model, row.clip_model = "old/painter", "old/mover"
    return ad


@pytest.mark.parametrize("page", ["brief", "images", "storyboard", "clips", "finish", "final"])
def test_every_page_opens(at: AppTest, old: AdState, page: str) -> None:
    visit(at, page, old.id)
    assert not at.exception


def test_making_more_says_which_model_is_gone(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with_pictures(commands, database, person, ad)
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        row.image_model = "old/painter"
        row.prompts = [{"view": "front", "prompt": "Oak chair"}]
    with pytest.raises(NotFound, match="called old/painter in the catalogue"):
        commands.regenerate(person, ad.id, JobKind.IMAGES, 2)
