"""What the studio's pages do, done by a script in this process."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from adgen import launch
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import AdState, AssetType, AudioChoice, Genre, Person, Role, TextOverlay, View
from adgen.providers import music
from adgen.providers.photos import sample_photos
from adgen.store.database import Database
from tests.asking import Client
from tests.conftest import PASSWORD, add_person
from tests.ui.ads import chosen_clips, made

PHOTO = sample_photos()[0][1]
SONG = music.tracks(Genre.CALM)[0].path.read_bytes()


class Script:
    """Asks as one person; gives the JSON of what must go well."""

    def __init__(self, commands: Commands, person: Person) -> None:
        token, _ = commands.sign_in(person.email, PASSWORD)
        self.client, self.headers = Client(), {"Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, **words: Any) -> httpx.Response:
        headers = {**self.headers, **words.pop("headers", {})}
        return self.client.ask(method, path, headers=headers, **words)

    def get(self, path: str, **params: Any) -> Any:
        return self._well(self.ask("GET", path, params=params))

    def send(self, method: str, path: str, **body: Any) -> Any:
        return self._well(self.ask(method, path, json=body))

    def post(self, path: str, **body: Any) -> Any:
        return self.send("POST", path, **body)

    def upload(self, path: str, data: bytes, name: str) -> Any:
        return self._well(self.ask("POST", path, files={"file": (name, data)}))

    @staticmethod
    def _well(answer: httpx.Response) -> Any:
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def script(
    commands: Commands, database: Database, person: Person, monkeypatch: pytest.MonkeyPatch
) -> Script:
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    return Script(commands, person)


@pytest.fixture
def admin(commands: Commands, database: Database, script: Script) -> Script:
    return Script(commands, add_person(database, "root@example.com", Role.ADMIN))


@pytest.fixture
def ad(commands: Commands, database: Database, person: Person) -> AdState:
    """Pictures, and two chosen clips."""
    new = commands.create_ad(person)
    chosen_clips(commands, database, person, new)
    return commands.load_ad(person, new.id)


def path(ad: AdState, ending: str = "") -> str:
    return f"/api/sessions/{ad.id}{ending}"


def test_a_script_reviews_as_a_person_does(script: Script, ad: AdState) -> None:
    first, second, third = [image.id for image in ad.images[:3]]
    marks = {first: "approved", third: "rejected"}
    state = script.send("PATCH", path(ad, "/marks"), marks=marks, reasons={third: "flaw"})
    assert state["marks"][third] == "rejected"
    assert state["reject_reasons"] == {third: "flaw"}
    state = script.send("PATCH", path(ad, "/marks"), marks={third: "open"})
    assert third not in state["marks"]
    assert state["marks"][first] == "approved"
    state = script.send("PUT", path(ad, f"/remarks/{second}"), text=" Warmer light ")
    assert state["remarks"] == {second: "Warmer light"}
    state = script.send("PUT", path(ad, f"/remarks/{second}"), text="")
    assert state["remarks"] == {}


def test_one_more_take_is_made_once_for_each_key_and_an_earlier_one_comes_back(
    script: Script, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    old = ad.clips[0].id
    body = {"kind": "clips", "slot": ad.clips[0].slot, "seed": 123456}
    key = {"Idempotency-Key": "take-2"}
    told = [
        script.ask("POST", path(ad, "/regenerate"), json=body, headers=key).json() for _ in range(2)
    ]
    assert told[0] == told[1]
    assert script.get(path(ad))["seeds"] == {"clip/0": 123456}
    again = script.ask("POST", path(ad, "/regenerate"), json=body)
    assert (again.status_code, again.json()["title"]) == (409, "WrongStage")
    made(database, ad, AssetType.CLIP, of=2, slots=1)
    state = script.get(path(ad))
    assert len(state["takes"]["clips"]) == 3
    assert old not in state["generated_clip_ids"]
    state = script.post(path(ad, "/bring-back"), asset_id=old)
    assert old in state["generated_clip_ids"]


def test_words_are_read_first_and_sent_with_changes(script: Script, ad: AdState) -> None:
    assert script.post(path(ad, "/plan"), product_prompt="oak chair")["stage"] == "clip_selection"
    script.post(path(ad, "/cancel"))
    words = {view.value: f"an oak chair, {view}" for view in View}
    body = {"session_id": ad.id, "product_prompt": "oak chair", "prompts": words, "seed": 654321}
    script.post("/api/generate-images", **body)
    state = script.get(path(ad))
    assert {p["view"]: p["prompt"] for p in state["prompts"]} == words
    assert (state["consistency_seed"], state["stage"]) == (654321, "image_generation")


def test_scenes_of_ones_own_are_taken(script: Script, ad: AdState) -> None:
    own = {"description": "turn slowly", "motion_intensity": 0.5, "duration_seconds": 3}
    scenes = dict.fromkeys(ad.approved_image_ids, own)
    body = {"session_id": ad.id, "video_prompt": "slow push", "scenes": scenes}
    script.post("/api/generate-clips", **body)
    said = script.get(path(ad))["scenes"]
    assert [scene["description"] for scene in said] == ["turn slowly"] * 2


def test_photos_come_and_go(script: Script, ad: AdState) -> None:
    photo = script.upload(path(ad, "/photos"), PHOTO, "chair.jpg")["asset_id"]
    assert script.upload(path(ad, "/photos"), PHOTO, "same.jpg")["asset_id"] == photo
    assert [p["id"] for p in script.get(path(ad))["photos"]] == [photo]
    wrong = script.ask("POST", path(ad, "/photos"), files={"file": ("x.jpg", b"no picture")})
    assert (wrong.status_code, wrong.json()["title"]) == (422, "InputRejected")
    script.send("DELETE", path(ad, f"/photos/{photo}"))
    assert script.get(path(ad))["photos"] == []
    assert len(script.post(path(ad, "/photos/samples"))["photos"]) > 1


def test_nothing_is_read_or_kept_for_whom_it_is_not_for(
    script: Script, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    viewer = Script(commands, add_person(database, "eve@example.com", Role.VIEWER, person.team))
    stranger = Script(commands, add_person(database, "mal@example.com"))
    for who, status in ((viewer, 403), (stranger, 404)):
        for ending, data in (("/photos", PHOTO), ("/music", SONG), ("/photos", b"no picture")):
            answer = who.ask("POST", path(ad, ending), files={"file": ("x", data)})
            assert answer.status_code == status
    assert not [*settings().files.rglob("*.*")]


def test_own_music_stays_while_the_film_has_it(
    script: Script, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    song = script.upload(path(ad, "/music"), SONG, "song.ogg")["asset_id"]
    assert script.get(path(ad))["drafts"]["own_music"] == song
    chosen = AudioChoice(genre=None, own_asset_id=song)
    commands.start_video(person, ad.id, TextOverlay(), chosen)
    made(database, ad, AssetType.VIDEO, of=1, slots=1)
    kept = script.ask("DELETE", path(ad, f"/music/{song}"))
    assert (kept.status_code, kept.json()["title"]) == (409, "WrongStage")
    commands.start_video(person, ad.id, TextOverlay(), AudioChoice(enabled=False))
    made(database, ad, AssetType.VIDEO, of=1, slots=1)
    script.send("DELETE", path(ad, f"/music/{song}"))
    assert script.ask("GET", f"/api/files/{song}").status_code == 404


def test_previews_are_free(script: Script, ad: AdState) -> None:
    for ending in ("/draft", "/animatic"):
        started = script.post(path(ad, ending))
        assert Decimal(started["estimated_cost"]) == 0
        script.post(path(ad, "/cancel"))


def test_the_library_is_searched_paged_and_tidied(script: Script, ad: AdState) -> None:
    assert script.send("PATCH", path(ad), title="  Oak   & Clay ")["title"] == "Oak & Clay"
    script.post(path(ad, "/duplicate"))
    answer = script.ask("GET", "/api/sessions", params={"search": "clay oak", "limit": 1})
    assert (len(answer.json()), answer.headers["x-total-count"]) == (1, "2")
    assert script.post(path(ad, "/archive"))["archived_at"]
    [archived] = script.get("/api/sessions", archived=True)
    assert archived["id"] == ad.id
    assert script.post(path(ad, "/restore"))["archived_at"] is None
    assert script.get("/api/sessions", offset=2) == []


def test_a_moment_in_any_zone_is_understood(script: Script, ad: AdState) -> None:
    for zone in ("", "Z", "+15:59", "-22:52"):
        assert len(script.get("/api/sessions", since=f"2020-01-01T00:00:00{zone}")) == 1
    for never in ("0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00", "soon"):
        assert script.ask("GET", "/api/sessions", params={"until": never}).status_code == 422


def test_prices_and_choices_are_told_before(script: Script) -> None:
    models = {model["ref"]: model for model in script.get("/api/models")}
    flux = next(ref for ref in models if ref.endswith("/flux-pro"))
    told = script.get("/api/estimate", kind="images", model=flux, count=6)
    assert Decimal(told["estimated_cost"]) == 6 * Decimal(models[flux]["price"])
    assert script.ask("GET", "/api/estimate?kind=images&model=none").status_code == 404
    calm = script.get("/api/music", genre="calm")
    assert calm[0]["url"] == f"/api/music/{calm[0]['id']}"
    assert script.get("/api/music", genre="calm", offset=1) == calm[1:]


def test_the_brand_and_its_logo(script: Script) -> None:
    brand = script.upload("/api/brand/logo", PHOTO, "logo.jpg")
    assert script.ask("GET", "/api/brand/logo").headers["content-type"] == "image/png"
    brand = script.send("PUT", "/api/brand", **{**brand, "cta": "Buy", "ink": "#FFEEDD"})
    assert (brand["cta"], brand["ink"], bool(brand["logo_key"])) == ("Buy", "#FFEEDD", True)
    script.send("PUT", "/api/brand", **{**brand, "logo_key": ""})
    assert script.ask("GET", "/api/brand/logo").status_code == 404


def test_a_token_of_ones_own_signs_in_until_it_is_revoked(script: Script, person: Person) -> None:
    made_now = script.post("/api/tokens", name="nightly", days=7)
    bearer = {"Authorization": f"Bearer {made_now['token']}"}
    assert script.ask("GET", "/api/me", headers=bearer).json()["email"] == person.email
    [listed] = script.get("/api/tokens")
    assert "token" not in listed
    script.send("DELETE", f"/api/tokens/{listed['id']}")
    assert script.ask("GET", "/api/me", headers=bearer).status_code == 401


def test_an_admin_adds_people_and_sees_what_was_done(
    script: Script, admin: Script, ad: AdState
) -> None:
    body = {"email": "New@example.com", "role": "viewer", "team": "North"}
    added = admin.post("/api/people", **body)
    assert (added["email"], added["role"]) == ("new@example.com", "viewer")
    body = {"email": "new@example.com", "password": added["password"]}
    assert script.post("/api/auth/login", **body)["user"]["team"] == "North"
    changed = admin.send("PATCH", "/api/people/new@example.com", role="analyst", team="South")
    assert (changed["role"], changed["team"]) == ("analyst", "South")
    assert "new@example.com" in {person["email"] for person in admin.get("/api/people")}
    newest, *_ = admin.get("/api/audit", limit=1)
    assert (newest["action"], newest["email"]) == ("rights changed", "root@example.com")
    spent = admin.ask("GET", "/api/audit", params={"action": "spent", "limit": 1})
    assert (len(spent.json()), spent.headers["x-total-count"]) == (1, "2")


def test_a_new_password_ends_every_login(script: Script, admin: Script, person: Person) -> None:
    script.send("POST", "/api/me/password", current=PASSWORD, new="another horse")
    assert script.ask("GET", "/api/me").status_code == 401
    told = admin.post(f"/api/people/{person.email}/password")
    assert admin.post("/api/auth/login", email=person.email, **told)["user"]["id"] == person.id
