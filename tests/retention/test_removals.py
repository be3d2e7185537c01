"""What the rules take, and what they never take: files in use, files others name, money."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from adgen import launch, retention
from adgen.api.views import show_asset
from adgen.config import settings
from adgen.domain import AssetType, JobKind
from adgen.errors import Removed, WrongStage
from adgen.providers.storage import local_storage, storage
from adgen.store import predictions, users
from adgen.store.database import Database
from adgen.store.predictions import Call, add_intent, call_key
from adgen.store.tables import (
    GenerationCost,
    Prediction,
)
from adgen.ui.light_table import review_items
from tests.asking import Client
from tests.retention.ageing import House

TAKES = "takes not in use of finished ads"


def test_without_a_rule_media_is_kept_for_ever(house: House) -> None:
    house.take(house.ad.clips[0])
    house.age()
    before = house.stored()
    assert house.prune() == {}
    assert house.stored() == before


@pytest.mark.usefixtures("takes_30")
def test_takes_of_finished_ads_go_and_what_is_in_use_stays(house: House) -> None:
    clip, picture = house.ad.clips[0], house.ad.approved_images[0]
    old = [house.take(clip), house.take(picture), house.take(house.ad.videos[0])]
    assert house.prune() == {}
    house.age()
    assert house.prune(dry=True) == {TAKES: (3, 3000)}
    before, ledger = house.stored(), money(house.database)
    gone = {house.key(asset_id) for asset_id in old}
    assert house.prune() == {TAKES: (3, 3000)}
    assert before - house.stored() == gone
    assert house.prune() == {}
    after = house.state()
    for name in ("images", "clips", "videos", "approved_images", "ordered_clips", "final_video"):
        assert ids(getattr(after, name)) == ids(getattr(house.ad, name))
    assert money(house.database) == ledger
    [take] = [one for one in after.clip_takes if one.id == old[0]]
    assert take.removed == "Removed after 30 days by the retention rule."
    assert show_asset(take).status == "removed"


@pytest.mark.usefixtures("takes_30")
def test_a_rejected_picture_goes_and_its_tile_says_so(house: House) -> None:
    rejected = house.ad.images[3]
    house.commands.set_marks(house.person, house.ad.id, {rejected.id: "rejected"})
    house.age()
    assert house.prune() == {TAKES: (1, 1)}
    ad = house.state()
    assert rejected.id not in [image.id for image in ad.images]
    tiles = review_items(ad, JobKind.IMAGES, ad.images, dict.fromkeys(range(6), "view"))
    [tile] = [tile for tile in tiles if tile["slot"] == rejected.slot]
    assert tile["about"] == "Removed after 30 days by the retention rule."
    assert "url" not in tile


@pytest.mark.usefixtures("takes_30")
def test_what_is_removed_is_said_in_plain_words(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = house.take(house.ad.clips[0])
    house.age()
    house.prune()
    running = SimpleNamespace(commands=house.commands, database=house.database)
    monkeypatch.setattr(launch, "_running", running)
    with house.database.begin() as db:
        login = {"Authorization": f"Bearer {users.add_login(db, house.person.id)}"}
    answer = Client().get(f"/api/files/{gone}", headers=login)
    assert answer.status_code == 410
    assert answer.json()["detail"] == "Removed after 30 days by the retention rule."
    with pytest.raises(WrongStage, match="retention rule"):
        house.commands.bring_back(house.person, house.ad.id, gone)
    with pytest.raises(Removed):
        house.commands.load_files(house.person, house.ad.id, [gone])
    [tile] = review_items(house.state(), JobKind.CLIPS, house.state().clips[:1], {0: "front"})
    assert [(take["url"] == "", take["removed"] != "") for take in tile["takes"]] == [
        (False, False),
        (True, True),
    ]


def test_clips_of_archived_ads_go_and_its_film_and_pictures_stay(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADGEN_KEEP_ARCHIVED_DAYS", "60")
    settings.cache_clear()
    copy = house.commands.duplicate_ad(house.person, house.ad.id)
    house.commands.archive_ad(house.person, house.ad.id)
    house.age()
    shared = {house.key(clip.id) for clip in house.ad.clips}
    # The copy shares their files and is not archived, so they stay; but no byte is freed.
    assert house.prune() == {"clips, takes and previews of archived ads": (2, 0)}
    assert shared <= house.stored()
    assert len(house.state(copy).clips) == 2
    house.commands.restore_ad(house.person, house.ad.id)
    ad = house.state()
    assert (ad.clips, ad.ordered_clips) == ((), ())
    assert ids(ad.images) == ids(house.ad.images)
    storage().path(house.key(ad.final_video_id or ""))
    tiles = review_items(ad, JobKind.CLIPS, ad.clips, {0: "front", 1: "side"})
    assert [tile["state"] for tile in tiles] == ["removed", "removed"]
    with pytest.raises(WrongStage, match="Make it again"):
        house.commands.approve_clips(house.person, ad.id, ad.approved_clip_ids)
    with pytest.raises(WrongStage, match="Make it again"):
        house.commands.start_video(house.person, ad.id, ad.text_overlay, ad.audio)
    # The copy has no film, and a take of a picture that is not in use.
    house.take(copy.images[0])
    house.commands.archive_ad(house.person, copy.id)
    house.age()
    assert house.prune() == {"clips, takes and previews of archived ads": (3, 1002)}
    assert not shared & house.stored()


@pytest.mark.usefixtures("takes_30")
def test_an_ad_at_work_and_open_requests_are_left_alone(house: House) -> None:
    house.take(house.ad.clips[0])
    house.age()
    call = Call(
        key=call_key(house.ad.id, "clip", 0, 9), session_id=house.ad.id, job_id="j",
        agent="video_generator", model="m", inputs={}, files={"image": "aa/x"},
    )  # fmt: skip
    with house.database.begin() as db:
        add_intent(db, call)
    assert house.prune() == {}
    with house.database.begin() as db:
        predictions.finish(db, call.key, predictions.FAILED, error="no")
    assert house.prune(dry=True) == {TAKES: (1, 1000)}
    house.commands.regenerate(house.person, house.ad.id, JobKind.CLIPS, 0)
    house.age()
    assert house.prune() == {}


@pytest.mark.usefixtures("takes_30")
def test_a_file_put_again_meanwhile_stays(house: House) -> None:
    """Somebody uploads the very bytes that are just being taken away, and names them later."""
    house.take(house.ad.clips[0], words="the same bytes")
    house.age()
    key = house.put("the same bytes", fresh=True)
    house.prune()
    assert storage().path(key).read_bytes() == b"the same bytes"
    # It is tried again when it is fresh no more.
    house.put("the same bytes")
    house.prune()
    assert key not in house.stored()


@pytest.mark.usefixtures("takes_30")
def test_a_crash_at_any_point_loses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = house.take(house.ad.clips[0])
    key = house.key(gone)
    house.age()
    with monkeypatch.context() as dying:
        dying.setattr(retention, "_free", _die)
        with pytest.raises(SystemExit):
            house.prune()
    assert key in house.stored()
    # Killed in the middle of retiring: aside, and neither gone nor back.
    target = local_storage().root / key
    target.rename(target.with_name(target.name + ".retired"))
    house.prune()
    assert not [name for name in house.stored() if name.startswith(key)]
    assert house.key(gone) == ""


def ids(made: Any) -> list[str]:
    return [asset.id for asset in (made if isinstance(made, tuple) else (made,))]


def _die(*_: object) -> None:
    raise SystemExit(9)


def test_replaced_previews_go_after_a_week(house: House) -> None:
    clip = house.ad.clips[0]
    kinds = ("draft", "draft", "animatic")
    ids = []
    for kind in kinds:
        of = {"asset_type": AssetType.PREVIEW, "details": {**clip.details, "kind": kind}}
        ids.append(house.take(clip.model_copy(update=of)))
    assert house.prune() == {}
    house.age()
    assert house.prune() == {"replaced previews": (1, 1000)}
    assert {preview.id for preview in house.state().previews.values()} == set(ids[1:])


def money(database: Database) -> list[Any]:
    with database.begin() as db:
        costs = db.execute(select(GenerationCost.id, GenerationCost.cost_usd)).all()
        orders = db.execute(select(Prediction.key, Prediction.provider_id)).all()
    return sorted([*map(tuple, costs), *map(tuple, orders)], key=str)
