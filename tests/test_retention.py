"""What the rules take, and what they never take: files in use, files others name, money."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text, update

from adgen import cli, launch, retention
from adgen.api.views import show_asset
from adgen.commands import Commands
from adgen.config import settings
from adgen.domain import AdState, AssetInfo, AssetType, JobKind, Person
from adgen.errors import Removed, WrongStage
from adgen.jobs import Runs
from adgen.providers.storage import storage
from adgen.store import jobs, predictions, users
from adgen.store.assets import NewAsset, add_asset
from adgen.store.database import Database
from adgen.store.predictions import Call, add_intent, call_key
from adgen.store.retention import alone
from adgen.store.tables import (
    AdSession,
    Asset,
    GenerationCost,
    Job,
    Login,
    Prediction,
    ShareLink,
    SignInLink,
    now,
)
from adgen.ui.light_table import review_items
from tests.asking import Client
from tests.ui.ads import chosen_clips, made

LONG_AGO = timedelta(days=100)


class House:
    """An ad of real, small files, and hands to make it old."""

    def __init__(self, commands: Commands, database: Database, person: Person) -> None:
        self.commands, self.database, self.person = commands, database, person
        self.runs = Runs(database.url)
        self.ad = self.finished()

    def finished(self) -> AdState:
        """An ad with two clips and a film."""
        from adgen.domain import AudioChoice, TextOverlay

        ad = self.commands.create_ad(self.person)
        chosen_clips(self.commands, self.database, self.person, ad)
        self.commands.start_video(self.person, ad.id, TextOverlay(cta="Now"), AudioChoice())
        made(self.database, ad, AssetType.VIDEO, of=1, slots=1)
        with self.database.begin() as db:
            for row in db.scalars(select(Asset).where(Asset.session_id == ad.id)):
                row.storage_key = self.put(row.id)
        return self.state(ad)

    def put(self, words: str, *, fresh: bool = False) -> str:
        key = storage().put(words.encode(), "image/jpeg").key
        if not fresh:
            old = time.time() - LONG_AGO.total_seconds()
            os.utime(storage().path(key), (old, old))
        return key

    def take(self, of: AssetInfo, words: str = "") -> str:
        """An earlier take, which is not in use."""
        key = self.put(words or str(uuid4()))
        with self.database.begin() as db:
            return add_asset(
                db,
                of.session_id,
                NewAsset(
                    asset_type=of.asset_type, storage_key=key, content_type=of.content_type,
                    size_bytes=1000, slot=of.slot, details=of.details,
                ),
            )  # fmt: skip

    def age(self) -> None:
        """As if nobody had touched anything for long."""
        with self.database.begin() as db:
            then = now() - LONG_AGO
            db.execute(update(AdSession).values(updated_at=then))
            db.execute(
                update(AdSession).where(AdSession.archived_at.is_not(None)).values(archived_at=then)
            )
            db.execute(update(Asset).values(created_at=Asset.created_at - LONG_AGO))

    def prune(self, *, dry: bool = False) -> dict[str, tuple[int, int]]:
        found = retention.prune(self.database, self.runs, dry=dry)
        return {freed.what: (freed.count, freed.bytes) for freed in found}

    def state(self, ad: AdState | None = None) -> AdState:
        return self.commands.load_ad(self.person, (ad or self.ad).id)

    def key(self, asset_id: str) -> str:
        with self.database.begin() as db:
            return db.get_one(Asset, asset_id).storage_key

    def stored(self) -> set[str]:
        return {p.relative_to(storage().root).as_posix() for p in storage().root.glob("*/*")}


@pytest.fixture
def house(commands: Commands, database: Database, person: Person) -> Iterator[House]:
    made_up = House(commands, database, person)
    yield made_up
    made_up.runs.close()


@pytest.fixture
def takes_30(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADGEN_KEEP_TAKES_DAYS", "30")
    settings.cache_clear()


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
    with pytest.raises(WrongStage, match="Make it again"):
        house.commands.start_video(house.person, ad.id, ad.text_overlay, ad.audio)
    house.commands.archive_ad(house.person, copy.id)
    house.age()
    assert house.prune() == {"clips, takes and previews of archived ads": (2, 2)}
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
    target = storage().root / key
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


def test_dead_rows_go_and_living_ones_stay(house: House) -> None:
    past = now() - LONG_AGO
    with house.database.begin() as db:
        for _ in range(2):
            users.add_login(db, house.person.id)
            users.add_link(db, house.person.id)
        [old, _] = db.scalars(select(Login.token_hash)).all()
        db.execute(update(Login).where(Login.token_hash == old).values(expires_at=past))
        [old, _] = db.scalars(select(SignInLink.token_hash)).all()
        db.execute(update(SignInLink).where(SignInLink.token_hash == old).values(expires_at=past))
    for _ in range(2):
        link, _ = house.commands.share_ad(house.person, house.ad.id, days=1)
    with house.database.begin() as db:
        db.execute(update(ShareLink).where(ShareLink.id == link.id).values(expires_at=past))
    wanted = {"expired logins": (1, 0), "used sign-in links": (1, 0), "dead share links": (1, 0)}
    assert house.prune(dry=True) == wanted
    assert house.prune() == wanted
    with house.database.begin() as db:
        for table in (Login, SignInLink, ShareLink):
            assert db.scalar(select(func.count()).select_from(table)) == 1


def test_the_engine_forgets_only_what_nobody_needs(house: House) -> None:
    with house.database.begin() as db:
        ended = list(db.scalars(select(Job.id).where(Job.session_id == house.ad.id)))
        slots = [jobs.slot_run(job_id, 0) for job_id in ended[:1]]
        for run_id in slots:
            house.runs.enqueue(db, run_id, "make_image", "calls", "x", partition=house.ad.id)
    house.commands.start_draft(house.person, house.ad.id, house.ad.text_overlay, house.ad.audio)
    history = "runs in the engine's history"
    assert history not in house.prune()

    def end(status: str, age: timedelta) -> None:
        then = int((now() - age).timestamp() * 1000)
        with house.database.begin() as db:
            db.execute(
                text("UPDATE dbos.workflow_status SET status = :status, completed_at = :then"),
                {"status": status, "then": then},
            )

    end("SUCCESS", timedelta(days=29))
    assert history not in house.prune()
    end("SUCCESS", timedelta(days=31))
    with house.database.begin() as db:
        every = set(db.scalars(text("SELECT workflow_uuid FROM dbos.workflow_status")))
    # The draft's row is live still, whatever the engine says of it.
    assert house.prune(dry=True) == {history: (len(every) - 1, 0)}
    assert house.prune() == {history: (len(every) - 1, 0)}
    with house.database.begin() as db:
        [left] = db.scalars(text("SELECT workflow_uuid FROM dbos.workflow_status"))
        assert left == f"{house.ad.id}:draft:{len(ended) + 1}"
        assert db.scalar(select(func.count()).select_from(Job)) == len(ended) + 1


def test_half_made_things_go_and_young_ones_stay(house: House) -> None:
    scratch = settings().scratch
    old = time.time() - 2 * 86400
    for name in ("young", "old", "old-but-at-work"):
        (scratch / name).mkdir(parents=True)
        (scratch / name / "part.mp4").write_bytes(b"x" * 10)
    for name in ("old", "old-but-at-work"):
        os.utime(scratch / name / "part.mp4", (old, old))
        os.utime(scratch / name, (old, old))
    os.utime(scratch / "old-but-at-work" / "part.mp4")
    part = storage().root / "aa" / "x.part"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(b"x" * 7)
    assert house.prune(dry=True) == {"old scratch folders": (1, 10)}
    os.utime(part, (old, old))
    assert house.prune(dry=True) == {"half-made files": (1, 7), "old scratch folders": (1, 10)}
    house.prune()
    assert sorted(p.name for p in scratch.iterdir()) == ["old-but-at-work", "young"]
    assert not part.exists()


@pytest.mark.usefixtures("takes_30")
def test_one_process_at_a_time(house: House) -> None:
    house.take(house.ad.clips[0])
    house.age()
    with alone(house.database) as mine:
        assert mine
        assert house.prune() == {}
    assert house.prune() == {TAKES: (1, 1000)}


@pytest.mark.usefixtures("takes_30")
def test_by_hand(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    house.take(house.ad.clips[0])
    house.age()
    monkeypatch.setenv("DATABASE_URL", house.database.url)
    settings.cache_clear()

    def told(*words: str) -> Any:
        assert cli.main(["prune", *words]) == 0
        return capsys.readouterr().out

    assert told("--dry-run") == f"Would remove 1 {TAKES}, 0.0 MB\n"
    assert json.loads(told("--json")) == [{"what": TAKES, "count": 1, "bytes": 1000}]
    assert told().startswith("Nothing is due.")


def money(database: Database) -> list[Any]:
    with database.begin() as db:
        costs = db.execute(select(GenerationCost.id, GenerationCost.cost_usd)).all()
        orders = db.execute(select(Prediction.key, Prediction.provider_id)).all()
    return sorted([*map(tuple, costs), *map(tuple, orders)], key=str)
