"""What the page tests do and look at: open a page, read it, bring an ad as far as it must be."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from adgen.commands import Commands
from adgen.domain import AdState, AssetType, JobStatus, Person, Stage
from adgen.store import assets, jobs, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database
from adgen.store.holds import set_hold


def visit(at: AppTest, page: str, ad_id: str = "") -> str:
    """Open a page; gives all its words. No page may fail."""
    at.query_params["ad"] = ad_id
    at.switch_page(f"../../pages/{page}.py").run()
    assert not at.exception, at.exception
    shown = [*at.title, *at.subheader, *at.markdown, *at.caption, *at.text]
    shown += [*at.error, *at.warning, *at.info]
    return "\n".join([str(e.value) for e in shown] + [button.label for button in at.button])


def light_table(at: AppTest) -> dict[str, Any]:
    """What the page gives to its light table."""
    return component(at, "review")


def primary(at: AppTest) -> list[str]:
    """The labels of the page's primary buttons."""
    return [button.label for button in at.button if button.proto.type == "primary"]


def failed(database: Database, ad: AdState, stage: Stage, failure: str, hold: str = "") -> None:
    """A run that ended without enough, as the worker would."""
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        row.stage, row.failed_stage, row.failure = Stage.FAILED.value, stage.value, failure
        job = jobs.latest_job(db, ad.id)
        assert job
        jobs.finish_job(db, job.id, JobStatus.FAILED, failure, error=failure)
        if hold:
            set_hold(db, ad.provider, hold)


def made(
    database: Database,
    ad: AdState,
    kind: AssetType,
    *,
    of: int,
    slots: int,
    more: dict[str, Any] | None = None,
) -> list[str]:
    """Pictures, clips or a film on an ad, and its run ended, as the worker would."""
    film = kind is not AssetType.IMAGE
    shapes: list[str] = []
    with database.begin() as db:
        row = sessions.lock_ad(db, ad.id)
        job = jobs.latest_job(db, ad.id)
        assert job
        details = {
            "view": "front",
            "product_prompt": row.product_prompt,
            "duration_seconds": 3.0,
            **{"width": 1920, "height": 1080, "size_bytes": 2_000_000},
        }
        images = row.approved_image_ids or [""] * slots
        if kind is AssetType.VIDEO:
            shapes = row.shapes
        ids = [
            assets.add_asset(
                db,
                ad.id,
                NewAsset(
                    asset_type=kind,
                    storage_key="aa/x",
                    content_type="video/mp4" if film else "image/jpeg",
                    size_bytes=1,
                    slot=slot,
                    model_used="offline/photos",
                    details={**details, "image_id": images[slot % len(images)], **(more or {})}
                    | ({"aspect": shapes[slot]} if shapes else {}),
                ),
            )
            for slot in range(slots)
        ]
        if kind is AssetType.IMAGE:
            row.generated_image_ids, row.stage = ids, "image_selection"
        elif kind is AssetType.CLIP:
            row.generated_clip_ids, row.stage = ids, "clip_selection"
        else:
            row.final_video_id, row.video_ids, row.stage = ids[0], ids, "complete"
        job.slots = {str(slot): "done" if slot < slots else "failed" for slot in range(of)}
        jobs.finish_job(db, job.id, JobStatus.DONE, "done")
    return ids


def with_pictures(
    commands: Commands, database: Database, person: Person, ad: AdState, count: int = 6
) -> list[str]:
    commands.start_images(person, ad.id, "Oak chair")
    return made(database, ad, AssetType.IMAGE, of=6, slots=count)


def with_clips(
    commands: Commands, database: Database, person: Person, ad: AdState, count: int = 2
) -> list[str]:
    images = with_pictures(commands, database, person, ad)
    commands.approve_images(person, ad.id, images[:2])
    commands.start_clips(person, ad.id, "Slow push")
    return made(database, ad, AssetType.CLIP, of=2, slots=count)


def chosen_clips(commands: Commands, database: Database, person: Person, ad: AdState) -> list[str]:
    """An ad whose clips are approved."""
    clips = with_clips(commands, database, person, ad)
    commands.approve_clips(person, ad.id, clips)
    return clips


def previewed(
    database: Database, ad: AdState, details: dict[str, Any], error: str | None = None
) -> str:
    """The ad's draft or animatic made, or failed with `error`, as the worker would."""
    with database.begin() as db:
        job = jobs.latest_job(db, ad.id)
        assert job
        if error:
            jobs.finish_job(db, job.id, JobStatus.FAILED, error, error=error)
            return ""
        facts = {"kind": job.kind, "duration_seconds": 7.5, "width": 640, "height": 360}
        preview = NewAsset(
            asset_type=AssetType.PREVIEW,
            storage_key="aa/x",
            content_type="video/mp4",
            size_bytes=1,
            details=facts | details,
        )
        asset_id = assets.add_asset(db, ad.id, preview)
        jobs.finish_job(db, job.id, JobStatus.DONE, "done")
    return asset_id


def component(at: AppTest, name: str) -> dict[str, Any]:
    """What the page gives to its component of this name."""
    [shown] = [
        e.proto for e in at.get("bidi_component") if e.proto.component_name == f"adgen_{name}"
    ]
    data: dict[str, Any] = json.loads(shown.json)
    return data
