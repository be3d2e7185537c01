"""Every role asks every route about every object; the answers are those that are declared."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from io import BytesIO
from itertools import product
from types import SimpleNamespace

import pytest
from fastapi.routing import iter_route_contexts
from PIL import Image
from sqlalchemy import update

import app
from adgen import launch
from adgen.commands import Commands
from adgen.domain import AdState, AssetType, AudioChoice, Person, Role, TextOverlay
from adgen.providers.photos import sample_photos
from adgen.providers.storage import storage
from adgen.store import assets, users
from adgen.store.database import Database
from adgen.store.tables import Alert, Asset
from tests.api.rights import RULES, TRACK, Facts, Rule, Who
from tests.asking import Client
from tests.conftest import add_person
from tests.ui.ads import chosen_clips, made

STRANGER = "stranger"


class Object(StrEnum):
    """What a call is about."""

    OWN = "own"
    OTHERS = "another team's"
    FOREIGN_PART = "own, with a part of another"
    ABSENT = "absent"


# ---- the declaration


def declared(rule: Rule, role: str, thing: Object) -> int:
    """The status that this role gets for this route and object."""
    changes = role in (Role.ADMIN, Role.EDITOR)
    if role == STRANGER and rule.who is not Who.ANYONE:
        return 401
    if rule.who is Who.ADMIN and role != Role.ADMIN:
        return 403
    if rule.who is Who.MAKES and not changes:
        return 403
    if thing is Object.ABSENT:
        return 404
    if rule.who is Who.PAYS:
        theirs = thing is Object.OTHERS and role == Role.EDITOR
        return 404 if role == Role.VIEWER or theirs else rule.gives
    if thing is Object.OTHERS and (rule.own or role != Role.ADMIN):
        return 404
    if rule.who is Who.CHANGES and not changes:
        return 403
    return 404 if thing is Object.FOREIGN_PART else rule.gives


def things(path: str, rule: Rule) -> list[Object]:
    """The objects that a route can be asked about."""
    if rule.who in (Who.SEES, Who.CHANGES):
        parts = [Object.FOREIGN_PART] if rule.part else []
        return [Object.OWN, Object.OTHERS, Object.ABSENT, *parts]
    if rule.own or rule.who is Who.PAYS:
        return [Object.OWN, Object.OTHERS, Object.ABSENT]
    return [Object.OWN, Object.ABSENT] if "{" in path and rule.gives != 303 else [Object.OWN]


# ---- the world it is asked in


class World:
    """Two teams, an ad of each, and somebody of every role in the first."""

    def __init__(self, commands: Commands, database: Database) -> None:
        self.commands, self.database = commands, database
        self.client = Client()
        self.people = {
            role: add_person(database, f"{role}@example.com", role, "North") for role in Role
        }
        self.spare = add_person(database, "spare@example.com", team="North")
        other = add_person(database, "other@example.com", team="South")
        self.owners = {Object.OWN: self.people[Role.EDITOR], Object.OTHERS: other}
        self.ads = {thing: self._finished(owner) for thing, owner in self.owners.items()}
        self.known = {thing: self._facts(self.owners[thing], ad) for thing, ad in self.ads.items()}
        logo = BytesIO()
        Image.new("RGB", (320, 200), "#884422").save(logo, "PNG")
        commands.save_brand(
            self.people[Role.EDITOR],
            commands.load_brand(self.people[Role.EDITOR]),
            (logo.getvalue(), "logo.png"),
        )

    def _finished(self, owner: Person) -> AdState:
        """An ad with a film, whose files are all the same small picture."""
        act, ad = self.commands, self.commands.create_ad(owner)
        name, photo = sample_photos()[0]
        act.add_photo(owner, ad.id, photo, name)
        act.add_music(owner, ad.id, TRACK.path.read_bytes(), "song.ogg")
        chosen_clips(act, self.database, owner, ad)
        act.start_video(owner, ad.id, TextOverlay(cta="Now"), AudioChoice())
        receipt = storage().put(json.dumps({"receipt": 1}).encode(), "application/json")
        made(self.database, ad, AssetType.VIDEO, of=1, slots=1, more={"receipt": receipt.key})
        picture = BytesIO()
        Image.new("RGB", (64, 36), "#884422").save(picture, "JPEG")
        stored = storage().put(picture.getvalue(), "image/jpeg")
        with self.database.begin() as db:
            db.execute(
                update(Asset)
                .where(Asset.session_id == ad.id, Asset.asset_type != AssetType.MUSIC.value)
                .values(storage_key=stored.key)
            )
        return act.load_ad(owner, ad.id)

    def facts(self, rule: Rule, thing: Object, asks: str, *, fresh: bool) -> Facts:
        """What a call about this object names; `fresh` on a copy, so that it may change it."""
        if thing is Object.ABSENT:
            return Facts(session_id="nothing")
        whose = Object.OTHERS if thing is Object.OTHERS else Object.OWN
        owner, ad = self.owners[whose], self.ads[whose]
        copy = self.commands.duplicate_ad(owner, ad.id) if fresh else None
        facts = self._facts(owner, copy) if copy else replace(self.known[whose])
        if rule.own:
            mine = whose is Object.OWN and asks != STRANGER
            theirs = self.people[Role(asks)] if mine else owner
            facts.token_id = self.commands.add_token(theirs, "nightly")[0].id
        if thing is Object.FOREIGN_PART:
            setattr(facts, rule.part, getattr(self.known[Object.OTHERS], rule.part))
        return facts

    def _facts(self, owner: Person, ad: AdState) -> Facts:
        link, share = self.commands.share_ad(owner, ad.id, days=1)
        with self.database.begin() as db:
            [song] = [row.id for row in assets.list_assets(db, ad.id, AssetType.MUSIC)]
            row = Alert(scope="ad", subject=ad.id, percent=80, amount=10, spent=8, words="80 %")
            db.add(row)
            db.flush()
            alert = row.id
        return Facts(
            session_id=ad.id,
            asset_id=ad.images[0].id,
            image_ids=[image.id for image in ad.images],
            clip_ids=[clip.id for clip in ad.clips],
            photo_id=ad.photos[0].id,
            music_id=song,
            film_id=ad.final_video_id or "nothing",
            link_id=link.id,
            share=share,
            alert_id=alert,
            email=self.spare.email,
        )

    def headers(self, asks: str) -> dict[str, str]:
        """A login of its own for every call: some of them end it."""
        if asks == STRANGER:
            return {}
        with self.database.begin() as db:
            token = users.add_login(db, self.people[Role(asks)].id)
        return {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, rule: Rule, asks: str, facts: Facts) -> int:
        """The status of the answer."""
        address, headers = address_of(path, rule, facts), self.headers(asks)
        if method == "WEBSOCKET":
            return self.client.listen(address, headers)[0]
        words = rule.words(facts)
        return self.client.ask(method, address, headers=headers, **words).status_code


def address_of(path: str, rule: Rule, facts: Facts) -> str:
    """The path with the object's own names in it."""
    part = getattr(facts, rule.part) if rule.part else facts.asset_id
    if path.startswith("/api/files/") or "{token}/files" in path:
        part = facts.film_id
    absent = facts.session_id == "nothing"
    return path.format(
        session_id=facts.session_id,
        asset_id=part,
        link_id=facts.link_id,
        token=facts.share,
        token_id=facts.token_id,
        alert_id=facts.alert_id,
        email=facts.email,
        track_id="nothing" if absent else TRACK.id,
        name="nothing" if absent else "inter-latin.woff2",
    )


@pytest.fixture
def world(commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch) -> World:
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    return World(commands, database)


# ---- the proofs


def routes() -> list[tuple[str, str]]:
    """Every route of the API as (method, path)."""
    found = []
    for route in iter_route_contexts(app.api.routes):
        methods = sorted(route.methods or {"WEBSOCKET"})
        found += [(method, str(route.path)) for method in methods if method != "HEAD"]
    return found


def test_every_route_has_one_rule_and_every_rule_a_route() -> None:
    assert sorted(routes()) == sorted(RULES)


def test_nothing_else_of_ours_is_served_beside_the_pages() -> None:
    paths = [getattr(route, "path", route) for route in app.app._user_routes]
    ours = ["/health", "/health/live", "/metrics", "/api/{path:path}", "/ws/{session_id}"]
    assert paths == ours


def test_each_role_gets_what_is_declared(world: World) -> None:
    wrong, asked = [], 0
    for asks, ((method, path), rule) in product([STRANGER, *Role], RULES.items()):
        for thing in things(path, rule):
            wanted = declared(rule, asks, thing)
            changes = rule.who is Who.CHANGES and wanted == rule.gives
            facts = world.facts(rule, thing, asks, fresh=changes)
            got = world.ask(method, path, rule, asks, facts)
            asked += 1
            if got != wanted:
                wrong.append(f"{asks}: {method} {path}, {thing}: {got}, declared {wanted}")
    assert wrong == [], "\n".join(wrong)
    assert asked > 700
