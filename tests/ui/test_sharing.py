"""The ways to show an ad to others, on the final page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import AdState, AssetType, AudioChoice, Genre, Person, TextOverlay
from adgen.store.database import Database
from adgen.ui import state
from tests.ui.ads import chosen_clips, made, visit
from tests.ui.test_films import named


@pytest.fixture
def finished(commands: Commands, database: Database, person: Person, ad: AdState) -> AdState:
    chosen_clips(commands, database, person, ad)
    commands.start_video(person, ad.id, TextOverlay(cta="Now"), AudioChoice(genre=Genre.CALM))
    made(database, ad, AssetType.VIDEO, of=1, slots=1)
    return commands.load_ad(person, ad.id)


def hrefs(at: AppTest) -> dict[str, str]:
    """The page's links of this server, by their words."""
    found: dict[str, str] = {}
    for element in at.get("bidi_component"):
        if element.proto.component_name == "adgen_links":
            data: dict[str, Any] = json.loads(element.proto.json)
            found |= {link["label"]: link["url"] for link in data["links"]}
    return found


def test_a_finished_ad_is_presented_and_exported_from_its_page(
    at: AppTest, finished: AdState
) -> None:
    visit(at, "final", finished.id)
    api = f"/api/sessions/{finished.id}"
    assert hrefs(at) == {
        "Present": f"{api}/present",
        "Replay (.html)": f"{api}/deck.html",
        "Everything (.zip)": f"{api}/files.zip",
    }
    assert not [b for b in at.button if b.proto.type == "primary"], "the download is the way on"


def test_before_there_is_a_film_there_is_nothing_to_share(
    at: AppTest, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    chosen_clips(commands, database, person, ad)
    visit(at, "final", ad.id)
    assert not hrefs(at)
    assert "Share" not in [button.label for button in at.button]


def test_the_dialog_lists_the_links_that_work(
    at: AppTest, commands: Commands, person: Person, finished: AdState
) -> None:
    plain, token = commands.share_ad(person, finished.id, days=1)
    commands.open_share(token, counted=True)
    commands.share_ad(person, finished.id, shows_cost=True)
    ended, _ = commands.share_ad(person, finished.id)
    commands.revoke_share(person, finished.id, ended.id)
    visit(at, "final", finished.id)
    at.button(key="share").click().run()
    assert not at.exception
    assert named(at.segmented_control, "Works for").value == 7
    assert named(at.toggle, "Show the cost").value is False
    until = f"until {plain.expires_at.day} {plain.expires_at:%B}"
    costly, cheap = [c.value for c in at.caption if "until" in c.value]
    assert cheap == f"ann · made just now · {until} · opened once"
    assert costly.endswith("not opened yet · with the cost")
    assert len([button for button in at.button if button.label == "End"]) == 2


def test_who_may_only_look_cannot_share(
    at: AppTest, person: Person, finished: AdState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "find_person", lambda: person.model_copy(update={"role": "viewer"}))
    visit(at, "final", finished.id)
    assert "Present" in hrefs(at)
    assert "Share" not in [button.label for button in at.button]


def test_a_copy_is_gone_on_with_from_where_it_stands(
    at: AppTest, commands: Commands, person: Person, finished: AdState
) -> None:
    visit(at, "final", finished.id)
    named(at.button, "Duplicate").click().run()
    assert not at.exception
    [copy] = [ad for ad in commands.list_ads(person) if ad.id != finished.id]
    assert at.query_params["ad"] in (copy.id, [copy.id])
    assert commands.load_ad(person, copy.id).images
