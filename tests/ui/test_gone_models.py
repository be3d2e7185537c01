"""Ads that were made with models which the catalogue does not list any more."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import AdState, JobKind, Person, View
from adgen.errors import NotFound
from adgen.store import sessions
from adgen.store.database import Database
from tests.ui.ads import visit, with_clips, with_pictures


def gone(database: Database, ad: AdState) -> None:
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        row.image_model, row.clip_model = "old/painter", "old/mover"
        row.prompts = [{"view": view, "prompt": "Oak chair"} for view in View]


def test_the_brief_of_a_new_ad_opens(at: AppTest, database: Database, ad: AdState) -> None:
    gone(database, ad)
    visit(at, "brief", ad.id)


def test_every_page_of_a_made_ad_opens(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with_clips(commands, database, person, ad)
    gone(database, ad)
    for page in ("brief", "images", "storyboard", "clips", "finish", "final"):
        visit(at, page, ad.id)


def test_making_more_says_which_model_is_gone(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    with_pictures(commands, database, person, ad)
    gone(database, ad)
    with pytest.raises(NotFound, match="called old/painter in the catalogue"):
        commands.regenerate(person, ad.id, JobKind.IMAGES, 2)
