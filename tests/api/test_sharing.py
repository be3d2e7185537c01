"""Replays, links, boards and bundles over HTTP: what is in them, and who may have them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy import delete, text, update

from adgen import launch
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import AdState, AssetType, AudioChoice, Genre, Person, Role, TextOverlay
from adgen.errors import InputRejected, NotAllowed, NotFound
from adgen.providers.storage import storage
from adgen.store import costs, predictions, sessions
from adgen.store.database import Database
from adgen.store.predictions import Call, call_key
from adgen.store.tables import AdSession, Asset
from tests.asking import Client
from tests.conftest import PASSWORD, add_person
from tests.test_decks import data_of
from tests.ui.ads import made, with_clips

EVE = "eve@example.com"


@pytest.fixture
def client(commands: Commands, database: Database, monkeypatch: pytest.MonkeyPatch) -> Client:
    running = SimpleNamespace(commands=commands, database=database)
    monkeypatch.setattr(launch, "_running", running)
    return Client()


def as_(commands: Commands, email: str) -> dict[str, str]:
    """The headers of this person's requests."""
    token, _ = commands.sign_in(email, PASSWORD)
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def own(commands: Commands, person: Person) -> dict[str, str]:
    return as_(commands, person.email)


@pytest.fixture
def ad(commands: Commands, database: Database, person: Person) -> AdState:
    """A finished ad whose files are all the same small picture."""
    new = commands.create_ad(person)
    clips = with_clips(commands, database, person, new)
    commands.rename_ad(person, new.id, "Oak / <Clay>")
    commands.approve_clips(person, new.id, clips)
    overlay = TextOverlay(product_name="Oak & Clay", cta="Shop the set")
    commands.start_video(person, new.id, overlay, AudioChoice(genre=Genre.CALM))
    receipt = storage().put(json.dumps({"receipt": 1}).encode(), "application/json")
    made(database, new, AssetType.VIDEO, of=1, slots=1, more={"receipt": receipt.key})
    picture = io.BytesIO()
    Image.new("RGB", (64, 36), "#884422").save(picture, "JPEG")
    stored = storage().put(picture.getvalue(), "image/jpeg")
    with database.begin() as db:
        db.execute(update(Asset).values(storage_key=stored.key))
    charge(database, new.id)
    return commands.load_ad(person, new.id)


def charge(database: Database, ad_id: str) -> None:
    """A failed call of the ad that cost $3.21, with a message like a formula."""
    key = call_key(ad_id, "image", 0, 1)
    call = Call(
        key=key, session_id=ad_id, job_id="j", agent="image_generator", model="m", inputs={}
    )
    with database.begin() as db:
        predictions.add_intent(db, call)
        costs.open_entry(
            db, session_id=ad_id, key=key, agent=call.agent, model="m", unit="image",
            unit_price=Decimal("3.21"), price_since="2026-01-01",
        )  # fmt: skip
        settled = costs.settle_entry(
            db, key, success=False, quantity=Decimal(1), seconds=Decimal(1), error="=SUM(1)"
        )
        costs.charge(db, sessions.lock_ad(db, ad_id), None, settled)


# ---- the replay


def test_the_replay_is_for_those_who_may_see_the_ad(
    client: Client, commands: Commands, database: Database, ad: AdState, own: dict[str, str]
) -> None:
    url = f"/api/sessions/{ad.id}/present"
    stranger = client.get(url)
    assert (stranger.status_code, "Sign in first" in stranger.text) == (401, True)
    add_person(database, EVE)
    for path in (url, "/api/sessions/nothing/present"):
        answer = client.get(path, headers=as_(commands, EVE))
        assert (answer.status_code, "This ad is not here" in answer.text) == (404, True)
        assert ad.title not in answer.text
    answer = client.get(url, headers=own)
    assert answer.status_code == 200
    data = data_of(answer.text)
    assert data["title"] == ad.title
    assert data["slides"][-1]["spent"]["cost"] == "3.210000"
    assert data["door"] == {"files": "/api/files/", "back": f"/final?ad={ad.id}"}


def test_no_page_of_ours_can_be_framed_indexed_or_kept(
    client: Client, commands: Commands, person: Person, ad: AdState, own: dict[str, str]
) -> None:
    _, token = commands.share_ad(person, ad.id)
    pages = [f"/api/sessions/{ad.id}/present", f"/api/share/{token}", "/api/share/unknown"]
    for answer in (client.get(page, headers=own) for page in pages):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_exported_replay_is_kept_under_the_ads_name(
    client: Client, commands: Commands, database: Database, ad: AdState, own: dict[str, str]
) -> None:
    url = f"/api/sessions/{ad.id}/deck.html"
    answer = client.get(url, headers=own)
    assert answer.headers["content-disposition"] == (
        "attachment; filename*=utf-8''Oak%20_%20_Clay_%20replay.html"
    )
    assert answer.text.count("data:image/jpeg;base64,") == 6
    assert answer.text.count("data:video/mp4;base64,") == 3
    assert answer.text.rstrip().endswith("</html>")
    assert client.get(url).status_code == 401
    add_person(database, EVE)
    assert client.get(url, headers=as_(commands, EVE)).status_code == 404


# ---- links


def test_a_link_shows_the_replay_and_its_files_to_anybody(
    client: Client, commands: Commands, person: Person, ad: AdState, own: dict[str, str]
) -> None:
    made_now = client.ask("POST", f"/api/sessions/{ad.id}/shares", json={"days": 1}, headers=own)
    assert made_now.status_code == 201
    path = made_now.json()["path"]
    answer = client.get(path)
    assert answer.status_code == 200
    data = data_of(answer.text)
    shown = {item["id"] for slide in data["slides"] for item in slide["items"]}
    assert len(shown) == 9
    assert data["door"] == {"files": f"{path}/files/", "back": ""}
    for file_id in shown:
        assert client.get(f"{path}/files/{file_id}").status_code == 200
    part = client.get(f"{path}/files/{ad.final_video_id}", headers={"Range": "bytes=0-3"})
    assert (part.status_code, len(part.content)) == (206, 4)
    assert part.headers["cache-control"] == "private, no-store"
    assert person.email not in answer.text


def test_a_link_gives_no_other_file_and_no_way_in(
    client: Client, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    _, token = commands.share_ad(person, ad.id)
    # An older film is kept, but the replay shows the newest one only.
    old = ad.final_video_id
    commands.start_video(person, ad.id, TextOverlay(cta="Now"), AudioChoice(enabled=False))
    made(database, ad, AssetType.VIDEO, of=1, slots=1)
    other = commands.create_ad(person)
    foreign = with_clips(commands, database, person, other)[0]
    for file_id in (old, foreign, "nothing", "..%2F..%2Fx", "a%00b"):
        assert client.get(f"/api/share/{token}/files/{file_id}").status_code == 404
    assert client.get(f"/api/files/{ad.final_video_id}").status_code == 401
    assert client.get(f"/api/sessions/{ad.id}").status_code == 401
    stolen = {"Authorization": f"Bearer {token}"}
    assert client.get(f"/api/sessions/{ad.id}", headers=stolen).status_code == 401


def test_notes_and_costs_stay_at_home_unless_the_cost_is_meant(
    client: Client, commands: Commands, person: Person, ad: AdState
) -> None:
    commands.write_remark(person, ad.id, ad.images[0].id, "Too yellow for the client")
    for shows_cost in (False, True):
        share, token = commands.share_ad(person, ad.id, shows_cost=shows_cost)
        assert share.shows_cost is shows_cost
        page = client.get(f"/api/share/{token}").text
        assert "Too yellow" not in page
        assert ("3.21" in page) is shows_cost
        kinds = [slide["kind"] for slide in data_of(page)["slides"]]
        assert ("cost" in kinds) is shows_cost
    assert [link.shows_cost for link in commands.list_shares(person, ad.id)] == [True, False]


def test_an_ended_link_is_like_one_that_never_was(
    client: Client, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    revoked, first = commands.share_ad(person, ad.id)
    expired, second = commands.share_ad(person, ad.id, days=30)
    _, third = commands.share_ad(person, ad.id)
    file = ad.images[0].id
    commands.revoke_share(person, ad.id, revoked.id)
    with database.begin() as db:
        query = text("UPDATE share_links SET expires_at = :past WHERE id = :id")
        db.execute(query, {"past": expired.created_at - timedelta(seconds=1), "id": expired.id})
    unknown = client.get("/api/share/unknown")
    assert unknown.status_code == 404
    assert "This link does not work any more" in unknown.text
    for token in (first, second):
        answer = client.get(f"/api/share/{token}")
        assert (answer.status_code, answer.text) == (404, unknown.text)
        assert client.get(f"/api/share/{token}/files/{file}").status_code == 404
    assert len(commands.list_shares(person, ad.id)) == 1

    commands.archive_ad(person, ad.id)
    assert client.get(f"/api/share/{third}").status_code == 200, "archived is not gone"
    with database.begin() as db:
        db.execute(delete(AdSession).where(AdSession.id == ad.id))
    assert client.get(f"/api/share/{third}").text == unknown.text


def test_links_are_listed_with_how_often_they_were_opened(
    client: Client, commands: Commands, person: Person, ad: AdState, own: dict[str, str]
) -> None:
    _, token = commands.share_ad(person, ad.id, days=7)
    for _ in range(3):
        client.get(f"/api/share/{token}")
    client.get(f"/api/share/{token}/files/{ad.images[0].id}")
    [link] = client.get(f"/api/sessions/{ad.id}/shares", headers=own).json()
    assert (link["made_by"], link["opened"], link["shows_cost"]) == (person.email, 3, False)
    assert token not in json.dumps(link)
    gone = client.ask("DELETE", f"/api/sessions/{ad.id}/shares/{link['id']}", headers=own)
    assert gone.status_code == 204
    assert client.get(f"/api/share/{token}").status_code == 404


def test_only_the_hash_of_a_link_is_kept(
    commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    _, token = commands.share_ad(person, ad.id)
    assert len(token) >= 43
    with database.begin() as db:
        [row] = db.execute(text("SELECT share_links::text FROM share_links")).scalars()
    assert token not in row


def test_who_may_not_change_an_ad_may_not_share_it(
    client: Client, commands: Commands, database: Database, person: Person, ad: AdState
) -> None:
    viewer = person.model_copy(update={"role": Role.VIEWER})
    stranger = add_person(database, EVE)
    link, _ = commands.share_ad(person, ad.id)
    for who, refused in ((viewer, NotAllowed), (stranger, NotFound)):
        with pytest.raises(refused):
            commands.share_ad(who, ad.id)
        with pytest.raises(refused):
            commands.revoke_share(who, ad.id, link.id)
    with pytest.raises(NotFound):
        commands.list_shares(stranger, ad.id)
    other = commands.create_ad(stranger)
    with pytest.raises(NotFound):
        commands.revoke_share(stranger, other.id, link.id)
    with pytest.raises(InputRejected):
        commands.share_ad(person, ad.id, days=365)
    assert len(commands.list_shares(viewer, ad.id)) == 1


# ---- boards and bundles


def test_a_board_is_a_picture_or_a_page(
    client: Client, commands: Commands, database: Database, ad: AdState, own: dict[str, str]
) -> None:
    url = f"/api/sessions/{ad.id}/board"
    png = client.get(url, headers=own)
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG")
    assert "Clay_%20pictures.png" in png.headers["content-disposition"]
    pdf = client.get(url, params={"format": "pdf"}, headers=own)
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert client.get(url, params={"format": "svg"}, headers=own).status_code == 422
    assert client.get(url).status_code == 401
    add_person(database, EVE)
    assert client.get(url, headers=as_(commands, EVE)).status_code == 404


def test_a_board_needs_something_approved(
    client: Client, commands: Commands, person: Person, own: dict[str, str]
) -> None:
    new = commands.create_ad(person)
    for what, noun in (("images", "picture"), ("clips", "clip")):
        answer = client.get(f"/api/sessions/{new.id}/board?what={what}", headers=own)
        assert answer.status_code == 409
        assert f"Approve at least one {noun} first" in answer.json()["detail"]


def test_everything_comes_in_one_zip_with_names_people_read(
    client: Client, commands: Commands, database: Database, ad: AdState, own: dict[str, str]
) -> None:
    url = f"/api/sessions/{ad.id}/files.zip"
    answer = client.get(url, headers=own)
    assert answer.headers["content-type"] == "application/zip"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "Oak%20_%20_Clay_.zip" in answer.headers["content-disposition"]
    bundle = zipfile.ZipFile(io.BytesIO(answer.content))
    assert bundle.testzip() is None
    assert bundle.namelist() == [
        "README.txt",
        "costs.csv",
        "film 16x9.mp4",
        "film 16x9 receipt.json",
        *("clips/01 front.mp4", "clips/02 front.mp4"),
        *("pictures/01 front.jpg", "pictures/02 front.jpg"),
    ]
    assert {info.compress_type for info in bundle.infolist()[2:]} == {zipfile.ZIP_STORED}
    assert "Oak / <Clay>" in bundle.read("README.txt").decode()
    rows = list(csv.reader(io.StringIO(bundle.read("costs.csv").decode("utf-8-sig"))))
    assert rows[0][:3] == ["time", "step", "model"]
    told = dict(zip(rows[0], rows[1], strict=True))
    assert (told["step"], told["cost_usd"]) == ("image_generator", "3.210000")
    assert (told["outcome"], told["error"]) == ("failed", "'=SUM(1)")
    assert list(settings().scratch.iterdir()) == [], "nothing is left behind"
    assert client.get(url).status_code == 401
    add_person(database, EVE)
    assert client.get(url, headers=as_(commands, EVE)).status_code == 404


def test_an_ad_of_which_nothing_is_made_has_a_small_zip(
    client: Client, commands: Commands, database: Database, person: Person, own: dict[str, str]
) -> None:
    new = commands.create_ad(person)
    answer = client.get(f"/api/sessions/{new.id}/files.zip", headers=own)
    bundle = zipfile.ZipFile(io.BytesIO(answer.content))
    assert bundle.namelist() == ["README.txt", "costs.csv"]
