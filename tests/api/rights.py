"""Who may ask what: one rule for each route of the API, and how each is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from uuid import uuid4

from adgen.domain import Genre
from adgen.providers import music
from adgen.providers.photos import sample_photos
from tests.conftest import PASSWORD

OTHER = "another horse"
TRACK = music.tracks(Genre.CALM)[0]


class Who(Enum):
    """Whom a route answers."""

    ANYONE = 0  # signed in or not
    SIGNED_IN = 1
    SEES = 2  # who may see the ad
    CHANGES = 3  # who may see the ad and is no viewer or analyst
    MAKES = 4  # who is no viewer or analyst
    ADMIN = 5
    PAYS = 6  # who may change an ad or sees all costs; of other teams the latter only


@dataclass
class Facts:
    """What a call can name: an ad, its files, a link to it; or a token, or a person."""

    session_id: str
    asset_id: str = "nothing"
    image_ids: list[str] = field(default_factory=list)
    clip_ids: list[str] = field(default_factory=list)
    photo_id: str = "nothing"
    music_id: str = "nothing"
    film_id: str = "nothing"
    link_id: str = "nothing"
    share: str = "nothing"
    token_id: int = 2**31 - 1
    alert_id: int = 2**31 - 1
    email: str = "nobody@example.com"


# What httpx is given besides method and path.
Words = Callable[[Facts], dict[str, Any]]


def json(**body: Any) -> Words:
    return lambda _: {"json": body}


def of_ad(**body: Any) -> Words:
    return lambda facts: {"json": {"session_id": facts.session_id, **body}}


def photo(_: Facts) -> dict[str, Any]:
    name, data = sample_photos()[0]
    return {"files": {"file": (name, data, "image/jpeg")}}


def song(_: Facts) -> dict[str, Any]:
    return {"files": {"file": ("song.ogg", TRACK.path.read_bytes(), "audio/ogg")}}


def somebody(_: Facts) -> dict[str, Any]:
    return {"json": {"email": f"{uuid4().hex}@example.com", "role": "viewer", "team": "North"}}


def images(facts: Facts) -> dict[str, Any]:
    ids = facts.image_ids[:2]
    return {"json": {"session_id": facts.session_id, "approved_image_ids": ids}}


def clips(facts: Facts) -> dict[str, Any]:
    return {"json": {"session_id": facts.session_id, "approved_clip_ids": facts.clip_ids}}


@dataclass(frozen=True)
class Rule:
    """`gives` is the answer to whoever may.

    `part` is what else than the ad the call names, and `own` that its object is a person's own.
    """

    who: Who
    gives: int = 200
    words: Words = lambda _: {}
    part: str = ""
    own: bool = False


A = "/api/sessions/{session_id}"
WORDS = {"product_prompt": "oak chair"}
# The first two pictures are approved already, so that their clips can be remade.
RULES: dict[tuple[str, str], Rule] = {
    # The way in, and what is public
    ("POST", "/api/auth/login"): Rule(Who.ANYONE, 401, json(email="x@example.com", password="x")),
    ("GET", "/api/auth/link/{token}"): Rule(Who.ANYONE, 303),
    ("GET", "/api/share/{token}"): Rule(Who.ANYONE, 200),
    ("GET", "/api/share/{token}/files/{asset_id}"): Rule(Who.ANYONE, 200),
    ("GET", "/api/static/{name}"): Rule(Who.ANYONE),
    ("GET", "/health"): Rule(Who.ANYONE),
    ("GET", "/health/live"): Rule(Who.ANYONE),
    ("GET", "/api/openapi.json"): Rule(Who.ANYONE),
    ("GET", "/api/docs"): Rule(Who.ANYONE),
    # One's own
    ("POST", "/api/auth/logout"): Rule(Who.SIGNED_IN, 204),
    ("POST", "/api/me/password"): Rule(Who.SIGNED_IN, 204, json(current=PASSWORD, new=OTHER)),
    ("POST", "/api/auth/logout-everywhere"): Rule(Who.SIGNED_IN, 204),
    ("GET", "/api/me"): Rule(Who.SIGNED_IN),
    ("GET", "/api/tokens"): Rule(Who.SIGNED_IN),
    ("POST", "/api/tokens"): Rule(Who.SIGNED_IN, 201, json(name="nightly")),
    ("DELETE", "/api/tokens/{token_id}"): Rule(Who.SIGNED_IN, 204, own=True),
    ("GET", "/api/models"): Rule(Who.SIGNED_IN),
    ("GET", "/api/estimate"): Rule(
        Who.SIGNED_IN, words=lambda _: {"params": {"kind": "images", "model": "offline/photos"}}
    ),
    ("GET", "/api/music"): Rule(Who.SIGNED_IN),
    ("GET", "/api/music/{track_id}"): Rule(Who.SIGNED_IN),
    # The team's
    ("GET", "/api/sessions"): Rule(Who.SIGNED_IN),
    ("POST", "/api/sessions/create"): Rule(Who.MAKES, 201),
    ("GET", "/api/costs"): Rule(Who.SIGNED_IN),
    ("GET", "/api/budgets"): Rule(Who.SIGNED_IN),
    ("GET", "/api/alerts"): Rule(Who.SIGNED_IN),
    ("POST", "/api/alerts/{alert_id}/snooze"): Rule(Who.PAYS, 204, json(days=7)),
    ("GET", "/api/costs/calls"): Rule(Who.SIGNED_IN),
    ("GET", "/api/costs/export"): Rule(Who.SIGNED_IN),
    ("GET", "/api/brand"): Rule(Who.SIGNED_IN),
    ("PUT", "/api/brand"): Rule(Who.MAKES, words=json(cta="Buy", logo_key="as it is")),
    ("GET", "/api/brand/logo"): Rule(Who.SIGNED_IN),
    ("POST", "/api/brand/logo"): Rule(Who.MAKES, words=photo),
    # For admins
    ("GET", "/api/people"): Rule(Who.ADMIN),
    ("POST", "/api/people"): Rule(Who.ADMIN, 201, somebody),
    ("POST", "/api/people/{email}/password"): Rule(Who.ADMIN),
    ("PATCH", "/api/people/{email}"): Rule(Who.ADMIN, words=json()),
    ("GET", "/api/audit"): Rule(Who.ADMIN),
    # And for whoever has the token of tests/api/test_metrics.py
    ("GET", "/metrics"): Rule(Who.ADMIN),
    ("PUT", "/api/budgets"): Rule(Who.ADMIN, words=json(scope="ad", amount="12.50")),
    # An ad to look at
    ("GET", A): Rule(Who.SEES),
    ("GET", A + "/costs"): Rule(Who.SEES),
    ("GET", A + "/failures"): Rule(Who.SEES),
    ("GET", A + "/present"): Rule(Who.SEES),
    ("GET", A + "/deck.html"): Rule(Who.SEES),
    ("GET", A + "/board"): Rule(Who.SEES),
    ("GET", A + "/files.zip"): Rule(Who.SEES),
    ("GET", A + "/shares"): Rule(Who.SEES),
    ("GET", "/api/files/{asset_id}"): Rule(Who.SEES),
    ("GET", "/api/files/{asset_id}/receipt"): Rule(Who.SEES),
    ("WEBSOCKET", "/ws/{session_id}"): Rule(Who.SEES, 101),
    # An ad to change
    ("PATCH", A): Rule(Who.CHANGES, words=json(title="Oak")),
    ("POST", A + "/archive"): Rule(Who.CHANGES),
    ("POST", A + "/restore"): Rule(Who.CHANGES),
    ("POST", A + "/duplicate"): Rule(Who.CHANGES, 201),
    ("POST", A + "/photos"): Rule(Who.CHANGES, 201, photo),
    ("POST", A + "/photos/samples"): Rule(Who.CHANGES),
    ("DELETE", A + "/photos/{asset_id}"): Rule(Who.CHANGES, 204, part="photo_id"),
    ("POST", A + "/music"): Rule(Who.CHANGES, 201, song),
    ("DELETE", A + "/music/{asset_id}"): Rule(Who.CHANGES, 204, part="music_id"),
    ("PATCH", A + "/marks"): Rule(Who.CHANGES, words=json(marks={})),
    ("PUT", A + "/remarks/{asset_id}"): Rule(
        Who.CHANGES, words=json(text="Warmer"), part="asset_id"
    ),
    ("POST", A + "/bring-back"): Rule(
        Who.CHANGES, words=lambda facts: {"json": {"asset_id": facts.asset_id}}, part="asset_id"
    ),
    ("POST", "/api/save-approved-images"): Rule(Who.CHANGES, words=images),
    ("POST", "/api/save-approved-clips"): Rule(Who.CHANGES, words=clips),
    ("POST", A + "/shares"): Rule(Who.CHANGES, 201, json(days=1)),
    ("DELETE", A + "/shares/{link_id}"): Rule(Who.CHANGES, 204, part="link_id"),
    # Nothing runs, so there is nothing to stop; and nothing is missing.
    ("POST", A + "/cancel"): Rule(Who.CHANGES, 409),
    ("POST", A + "/retry"): Rule(Who.CHANGES, 409),
    # What spends
    ("POST", A + "/plan"): Rule(Who.CHANGES, 202, json(**WORDS)),
    ("POST", "/api/generate-images"): Rule(Who.CHANGES, 202, of_ad(**WORDS)),
    ("POST", A + "/regenerate"): Rule(Who.CHANGES, 202, json(kind="clips", slot=0)),
    ("POST", A + "/scenes"): Rule(Who.CHANGES, 202, json(video_prompt="slow push")),
    ("POST", "/api/generate-clips"): Rule(Who.CHANGES, 202, of_ad(video_prompt="slow push")),
    ("POST", A + "/draft"): Rule(Who.CHANGES, 202, json()),
    ("POST", A + "/animatic"): Rule(Who.CHANGES, 202),
    ("POST", "/api/compose-final-video"): Rule(Who.CHANGES, 202, of_ad()),
}
