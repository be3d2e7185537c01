"""What happens after a command: one durable workflow a stage. Imported by the worker only.

A workflow reads as the story; everything that touches the world is a step, safe to repeat. A call
to a model is two steps: `_order` (intent first, then the request) and `_collect` (fetch the
result; its file, asset and cost row become one fact).
"""

from __future__ import annotations

import functools
import logging
import shutil
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlalchemy.orm import Session

from adgen import jobs as engine
from adgen.agents import compositor, image_generator, prompt_parser, scene_planner, video_generator
from adgen.config import settings
from adgen.domain import (
    CLIPS_NEEDED,
    IMAGES_NEEDED,
    SEED_MAX,
    SEED_MIN,
    AdState,
    Aspect,
    AssetInfo,
    AssetType,
    AudioChoice,
    JobKind,
    JobStatus,
    Person,
    PromptPlan,
    Scene,
    Stage,
    TextOverlay,
    View,
)
from adgen.errors import AdgenError, BadModelOutput, Cancelled, ContentRefused
from adgen.providers import catalogue, ffmpeg, music
from adgen.providers.models import Result
from adgen.providers.sources import models_for
from adgen.providers.storage import storage
from adgen.store import assets, costs, jobs, predictions, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database, is_passing, notify
from adgen.store.predictions import Call, call_key
from adgen.store.tables import AdSession, Job, Prediction

log = logging.getLogger(__name__)

# The worker acts for the ad's owner; who may ask was decided by the command.
_SYSTEM = Person(id=0, email="worker", role="admin")
_AGENT = {
    "brief": "prompt_parser",
    "image": "image_generator",
    "storyboard": "scene_planner",
    "clip": "video_generator",
    "video": "compositor",
}
_NOUN = {JobKind.IMAGES: "picture", JobKind.CLIPS: "clip", JobKind.VIDEO: "film"}

# Steps touch only the database and repeatable work, so they may outlast a restarting server.
_step = engine.step(is_passing)

_database: Database | None = None


def use_database(database: Database) -> None:
    """Tell the workflows which database they work on; once, before the engine launches."""
    global _database
    _database = database


def _db() -> Database:
    assert _database is not None, "use_database() comes first"  # noqa: S101 -- a bug, not input
    return _database


def _run(name: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """A workflow whose expected failures end its job with words a person can act on."""

    def decorate(story: Callable[[str], None]) -> Callable[[str], None]:
        @functools.wraps(story)
        def guarded(job_id: str) -> None:
            try:
                story(job_id)
            except Exception as error:
                if engine.is_interruption(error):
                    raise
                log.exception("run %s failed", job_id)
                _fail(job_id, error.user_message if isinstance(error, AdgenError) else "")

        return engine.workflow(name=name)(guarded)

    return decorate


# Images


@_run("make_images")
def make_images(job_id: str) -> None:
    """Six pictures of one product: plan them once, then all side by side."""
    plan = _begin(job_id)
    if plan["plan"]:
        text = _ask(job_id, "brief", plan["plan_attempt"])
        _keep_plan(job_id, text)
    _make_all(make_image, job_id, plan)
    _end_images(job_id)


@engine.workflow(name="make_image")
def make_image(job_id: str, slot: int, attempt: int) -> str | None:
    """One picture: a failed one waits and is tried once more."""
    return _make_one(job_id, "image", slot, attempt)


# Clips


@_run("make_clips")
def make_clips(job_id: str) -> None:
    """A clip of each approved picture: plan the scenes, then all side by side."""
    plan = _begin(job_id)
    if plan["plan"]:
        text = _ask(job_id, "storyboard", plan["plan_attempt"])
        _keep_scenes(job_id, text)
    _make_all(make_clip, job_id, plan)
    _end_clips(job_id)


@engine.workflow(name="make_clip")
def make_clip(job_id: str, slot: int, attempt: int) -> str | None:
    """One clip: a failed one waits and is tried once more, moving less."""
    return _make_one(job_id, "clip", slot, attempt)


# The film


@_run("make_video")
def make_video(job_id: str) -> None:
    """Cards, clips and music become one file."""
    plan = _begin(job_id)
    [(slot, attempt)] = plan["slots"]
    _order(job_id, "video", slot, attempt, again=False)
    outcome = _collect(job_id, "video", slot, attempt)
    _end_video(job_id, outcome)


# How every stage goes


def _make_all(work: Callable[..., str | None], job_id: str, plan: dict[str, Any]) -> None:
    runs = [(f"{job_id}:{slot}", (job_id, slot, attempt)) for slot, attempt in plan["slots"]]
    for _ in engine.fan_out(engine.CALLS, work, runs, partition=plan["session_id"]):
        pass


def _make_one(job_id: str, stage: str, slot: int, attempt: int) -> str | None:
    outcome: dict[str, Any] = {}
    for again in (False, True):
        _order(job_id, stage, slot, attempt + again, again=again)
        outcome = _collect(job_id, stage, slot, attempt + again)
        if outcome["asset_id"] or again or not outcome["retry"]:
            break
        engine.sleep(settings().retry_wait_s)
    if not outcome["asset_id"]:
        _give_up(job_id, slot)
    return str(outcome["asset_id"]) if outcome["asset_id"] else None


def _ask(job_id: str, stage: str, attempt: int) -> str:
    """A text from the language model; empty when it would not answer."""
    _order(job_id, stage, 0, attempt, again=False)
    return str(_collect(job_id, stage, 0, attempt)["text"] or "")


@_step
def _begin(job_id: str) -> dict[str, Any]:
    """What the run is to do; read once, so that a replay does the same."""
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        stage = {JobKind.IMAGES: "image", JobKind.CLIPS: "clip"}.get(JobKind(job.kind), "video")
        planner = {"image": "brief", "clip": "storyboard"}.get(stage, "")
        tried = predictions.count_attempts(db, ad.id, stage)
        planned = predictions.count_attempts(db, ad.id, planner) if planner else {}
        if stage == "image" and ad.consistency_seed is None:
            ad.consistency_seed = image_generator.seed_for(ad.id, SEED_MIN, SEED_MAX)
        jobs.report(db, job_id, message="Starting...")
        return {
            "session_id": ad.id,
            "plan": (stage == "image" and not ad.prompts) or (stage == "clip" and not ad.scenes),
            "plan_attempt": planned.get(0, 0) + 1,
            "slots": [[slot, tried.get(slot, 0) + 1] for slot in sorted(map(int, job.slots))],
        }


@_step
def _order(job_id: str, stage: str, slot: int, attempt: int, *, again: bool) -> None:
    """Write the intent and the pending cost row, then ask the provider; exactly once."""
    with _db().begin() as db:
        job, _ = _job_and_ad(db, job_id)
        state = sessions.load_state(db, _SYSTEM, job.session_id)
        call = _call(db, job, state, stage, slot, attempt, again)
        spec = catalogue.load_model(call.model)
        predictions.add_intent(db, call)
        costs.open_entry(
            db,
            session_id=state.id,
            key=call.key,
            agent=call.agent,
            model=spec.ref,
            unit=spec.unit,
            unit_price=spec.price,
            price_since=spec.since.isoformat(),
        )
        wanted = jobs.report(db, job_id, **_progress(job, stage, slot, again))
    if not wanted:
        return
    with _db().begin() as db:
        row = predictions.lock_prediction(db, call.key)
        if row.provider_id is None:
            row.provider_id = models_for(spec.provider).order(spec, call.inputs, call.key)
            row.status = "started"


def _progress(job: Job, stage: str, slot: int, again: bool) -> dict[str, Any]:
    if stage in ("brief", "storyboard"):
        what = "Planning six pictures..." if stage == "brief" else "Planning the scenes..."
        return {"message": what}
    if stage == "video":
        return {"message": "Cutting the film...", "slot": slot, "state": "running"}
    verb = "Trying again:" if again else "Generating"
    ended = sum(state in ("done", "failed") for state in job.slots.values())
    return {"message": _count(verb, stage, ended, job.total), "slot": slot, "state": "running"}


def _count(verb: str, stage: str, ended: int, total: int) -> str:
    return f"{verb} {stage} {min(ended + 1, total)} of {total}..."


def _next(db: Session, row: Prediction, stage: str) -> str:
    """What the bar says once this one is done."""
    slots = jobs.lock_job(db, row.job_id).slots
    # This one's slot is counted by the caller's report.
    ended = 1 + sum(state in ("done", "failed") for state in slots.values())
    return _count("Generating", stage, ended, len(slots))


def _call(
    db: Session, job: Job, state: AdState, stage: str, slot: int, attempt: int, again: bool
) -> Call:
    """The request of one slot, from the ad as it stands."""
    inputs, files, model = _request(db, state, stage, slot, again)
    return Call(
        key=call_key(state.id, stage, slot, attempt),
        session_id=state.id,
        job_id=job.id,
        agent=_AGENT[stage],
        model=model,
        inputs=inputs,
        files=files,
    )


def _request(
    db: Session, state: AdState, stage: str, slot: int, again: bool
) -> tuple[dict[str, Any], dict[str, str], str]:
    """Inputs, input files by storage key, and the model of a request."""
    if stage == "brief":
        inputs = prompt_parser.brief_inputs(state.product_prompt, len(state.photos))
        return inputs, {}, catalogue.default_model("brief", state.provider).ref
    if stage == "storyboard":
        views = [View(image.details["view"]) for image in state.approved_images]
        inputs = scene_planner.storyboard_inputs(state.product, views, state.video_prompt)
        return inputs, {}, catalogue.default_model("storyboard", state.provider).ref
    if stage == "image":
        inputs, photo = image_generator.image_inputs(state, slot)
        files = {"photo": assets.load_asset(db, photo.id).storage_key} if photo else {}
        return inputs, files, state.image_model
    if stage == "clip":
        image = next(a for a in state.approved_images if a.slot == slot)
        scene = next(s for s in state.scenes if s.image_id == image.id)
        inputs = video_generator.clip_inputs(
            image, scene, aspect=state.aspect, seed=state.consistency_seed or 0, again=again
        )
        inputs |= {"image_id": image.id, "video_prompt": state.video_prompt}
        files = {"image": assets.load_asset(db, image.id).storage_key}
        return inputs, files, state.clip_model
    clips = assets.load_assets(db, state.id, state.clip_order)
    inputs = {
        "clip_ids": list(state.clip_order),
        "text_overlay": state.text_overlay.model_dump(mode="json"),
        "audio": state.audio.model_dump(mode="json"),
        "aspect": state.aspect.value,
        "seed": state.consistency_seed or 0,
    }
    files = {f"clip{n}": clip.storage_key for n, clip in enumerate(clips)}
    if state.audio.enabled and state.audio.own_asset_id:
        files["music"] = assets.load_asset(db, state.audio.own_asset_id).storage_key
    return inputs, files, catalogue.default_model("video", state.provider).ref


@_step
def _collect(job_id: str, stage: str, slot: int, attempt: int) -> dict[str, Any]:
    """Fetch a result; keep its file, then asset, cost and progress in one transaction.

    Gives `asset_id` or `text` on success; `error` and whether to `retry` otherwise.
    """
    with _db().begin() as db:
        session_id = job_id.partition(":")[0]
        row = predictions.lock_prediction(db, call_key(session_id, stage, slot, attempt))
        if done := _past_outcome(db, row):
            return done
        db.expunge(row)
    # An earlier run may have asked for it; whoever fetches it now reports to this one.
    row.job_id = job_id
    if row.provider_id is None:
        return _settle_failure(row, Cancelled("Stopped before it began."), stage, slot)
    work = _work_folder(row.key)
    try:
        try:
            result = _make(row, stage, work)
        except AdgenError as error:
            return _settle_failure(row, error, stage, slot)
        return _settle_success(row, stage, slot, result)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _past_outcome(db: Session, row: Prediction) -> dict[str, Any] | None:
    """How a request that ended before ended: a step repeated after a crash changes nothing."""
    if row.status == predictions.SUCCEEDED:
        made = assets.find_by_prediction(db, row.key)
        return {"asset_id": made, "text": row.output_text, "error": None, "retry": False}
    if row.status in predictions.ENDED:
        return {"asset_id": None, "text": None, "error": row.error, "retry": False}
    return None


def _work_folder(key: str) -> Path:
    scratch = settings().scratch
    scratch.mkdir(parents=True, exist_ok=True)
    return Path(mkdtemp(dir=scratch, prefix=key.replace("/", "-")[-40:] + "-"))


def _make(row: Prediction, stage: str, work: Path) -> Result:
    """Wait for the order; the film is cut here, everything else comes from a provider."""
    spec = catalogue.load_model(row.model)
    files = {name: storage().path(key) for name, key in row.files.items()}
    cancelled = _cancel_watch(row.job_id)
    if stage == "video":
        return _cut(row, files, work, cancelled)
    door = models_for(spec.provider)
    try:
        result = door.collect(spec, row.provider_id or "", row.inputs, files, work, cancelled)
    except Cancelled:
        door.cancel(row.provider_id or "")
        raise
    if stage == "clip" and result.file:
        # One full decode now, so that the cut never meets a broken clip.
        ffmpeg.check_clip(result.file)
    return result


def _cancel_watch(job_id: str) -> Callable[[], bool]:
    """Whether the person stopped the run; asks the database at most once a second."""
    seen = {"at": 0.0, "live": True}

    def cancelled() -> bool:
        if time.monotonic() - seen["at"] > 1:
            with _db().begin() as db:
                seen["live"] = jobs.is_live(db, job_id)
            seen["at"] = time.monotonic()
        return not seen["live"]

    return cancelled


def _cut(
    row: Prediction, files: dict[str, Path], work: Path, cancelled: Callable[[], bool]
) -> Result:
    inputs = row.inputs
    audio = AudioChoice.model_validate(inputs["audio"])
    track = files.get("music")
    licence = "own file" if track else ""
    if audio.enabled and track is None and audio.genre:
        picked = music.pick_track(audio.genre, int(inputs["seed"]))
        track, licence = picked.path, picked.licence
    began = time.monotonic()
    rendered = compositor.compose_video(
        [files[f"clip{n}"] for n in range(len(inputs["clip_ids"]))],
        TextOverlay.model_validate(inputs["text_overlay"]),
        track,
        Aspect(inputs["aspect"]),
        work / "film.mp4",
        progress=_film_progress(row.job_id),
        cancelled=cancelled,
    )
    return Result(
        file=rendered.path,
        content_type="video/mp4",
        seconds=Decimal(str(round(time.monotonic() - began, 3))),
        metadata={
            "width": rendered.width,
            "height": rendered.height,
            "duration_seconds": rendered.seconds,
            "size_bytes": rendered.size_bytes,
            "music": {"track": track.name if track else None, "licence": licence},
            **{k: inputs[k] for k in ("clip_ids", "text_overlay", "audio", "aspect")},
        },
    )


def _film_progress(job_id: str) -> Callable[[float], None]:
    last = {"percent": -1}

    def progress(fraction: float) -> None:
        percent = int(fraction * 100)
        if percent >= last["percent"] + 2:
            last["percent"] = percent
            with _db().begin() as db:
                jobs.report(db, job_id, percent=percent)

    return progress


_KIND = {"image": AssetType.IMAGE, "clip": AssetType.CLIP, "video": AssetType.VIDEO}


def _settle_success(row: Prediction, stage: str, slot: int, result: Result) -> dict[str, Any]:
    stored = storage().put_file(result.file, result.content_type) if result.file else None
    with _db().begin() as db:
        ad = sessions.lock_ad(db, row.session_id)
        cost = costs.settle_entry(
            db,
            row.key,
            job_id=row.job_id,
            success=True,
            quantity=result.quantity,
            seconds=result.seconds,
        )
        predictions.finish(db, row.key, predictions.SUCCEEDED, text=result.text)
        asset_id = None
        if stored:
            asset_id = assets.add_asset(
                db,
                ad.id,
                NewAsset(
                    asset_type=_KIND[stage],
                    storage_key=stored.key,
                    content_type=stored.content_type,
                    size_bytes=stored.size_bytes,
                    slot=slot,
                    details=_details(row, ad, stage, result),
                    cost=cost or Decimal(0),
                    model_used=row.model,
                    generation_time=result.seconds,
                    prediction_key=row.key,
                ),
            )
            _place(db, ad, stage, slot, asset_id)
            if stage != "video":
                jobs.report(db, row.job_id, slot=slot, state="done", message=_next(db, row, stage))
        notify(db, ad.id)
    return {"asset_id": asset_id, "text": result.text, "error": None, "retry": False}


def _details(row: Prediction, ad: AdSession, stage: str, result: Result) -> dict[str, Any]:
    """What made it, kept beside it: the start of every receipt."""
    made_from = {k: v for k, v in row.inputs.items() if k in _RECORDED}
    extra = {"product_prompt": ad.product_prompt} if stage == "image" else {}
    return {**made_from, **extra, **result.metadata}


_RECORDED = {
    *("view", "prompt", "seed", "image_id", "description", "motion_intensity", "video_prompt"),
    *("duration_seconds", "aspect"),
}


def _place(db: Session, ad: AdSession, stage: str, slot: int, asset_id: str) -> None:
    """Show the new take in its slot; the one it replaces stays among the ad's assets."""
    if stage == "video":
        return
    field = "generated_image_ids" if stage == "image" else "generated_clip_ids"
    present = assets.load_assets(db, ad.id, [i for i in getattr(ad, field) if i != asset_id])
    slots = {row.slot: row.id for row in present} | {slot: asset_id}
    ids = [slots[number] for number in sorted(slots)]
    gone = {row.id for row in present} - set(ids)
    setattr(ad, field, ids)
    if stage == "image":
        ad.approved_image_ids = [i for i in ad.approved_image_ids if i not in gone]
    else:
        ad.approved_clip_ids = [i for i in ad.approved_clip_ids if i not in gone]
        ad.clip_order = [i for i in ad.clip_order if i not in gone]
    ad.marks = {k: v for k, v in ad.marks.items() if k not in gone}


def _settle_failure(row: Prediction, error: AdgenError, stage: str, slot: int) -> dict[str, Any]:
    status = predictions.CANCELLED if isinstance(error, Cancelled) else predictions.FAILED
    with _db().begin() as db:
        sessions.lock_ad(db, row.session_id)
        costs.settle_entry(
            db,
            row.key,
            job_id=row.job_id,
            success=False,
            quantity=Decimal(0),
            seconds=Decimal(0),
            error=error.user_message,
        )
        predictions.finish(db, row.key, status, error=error.user_message)
        if stage in ("image", "clip"):
            jobs.report(db, row.job_id, slot=slot, state="retrying")
    retry = not isinstance(error, ContentRefused | Cancelled)
    return {"asset_id": None, "text": None, "error": error.user_message, "retry": retry}


@_step
def _give_up(job_id: str, slot: int) -> None:
    with _db().begin() as db:
        jobs.report(db, job_id, slot=slot, state="failed")


# What a plan becomes


@_step
def _keep_plan(job_id: str, text: str) -> None:
    with _db().begin() as db:
        _, ad = _job_and_ad(db, job_id)
        photos = assets.list_assets(db, ad.id, AssetType.PHOTO)
        plan = _plan_or_template(ad, text, len(photos))
        ad.product = plan.product
        ad.style_keywords = list(plan.style_keywords)
        ad.prompts = [prompt.model_dump(mode="json") for prompt in plan.prompts]
        ad.stage = Stage.IMAGE_GENERATION.value
        notify(db, ad.id)


def _plan_or_template(ad: AdSession, text: str, photo_count: int) -> PromptPlan:
    try:
        return prompt_parser.read_plan(text)
    except BadModelOutput as error:
        ad.notes = [*ad.notes, f"{error.user_message} A plain plan was used in its place."]
        return prompt_parser.template_plan(ad.product_prompt, photo_count)


@_step
def _keep_scenes(job_id: str, text: str) -> None:
    with _db().begin() as db:
        _, ad = _job_and_ad(db, job_id)
        images = [assets.info(a) for a in assets.load_assets(db, ad.id, ad.approved_image_ids)]
        ad.scenes = [
            scene.model_copy(update={"image_id": image.id}).model_dump(mode="json")
            for scene, image in zip(_scenes_or_template(ad, text, images), images, strict=True)
        ]
        notify(db, ad.id)


def _scenes_or_template(ad: AdSession, text: str, images: list[AssetInfo]) -> list[Scene]:
    try:
        return scene_planner.read_scenes(text, len(images))
    except BadModelOutput as error:
        ad.notes = [*ad.notes, f"{error.user_message} A plain one was used in its place."]
        views = [View(image.details["view"]) for image in images]
        return scene_planner.template_scenes(views, ad.video_prompt)


# How a stage ends


@_step
def _end_images(job_id: str) -> None:
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        state = sessions.load_state(db, _SYSTEM, ad.id)
        good = sum(not image.stale for image in state.images)
        if good >= IMAGES_NEEDED:
            _rest(db, job, ad, Stage.IMAGE_SELECTION, "Images ready!")
        else:
            _stop(db, job, ad, Stage.IMAGE_GENERATION, _too_few(db, job, good, IMAGES_NEEDED))


@_step
def _end_clips(job_id: str) -> None:
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        state = sessions.load_state(db, _SYSTEM, ad.id)
        good = sum(not clip.stale for clip in state.clips)
        need = min(CLIPS_NEEDED, len(ad.approved_image_ids))
        if good >= need:
            _rest(db, job, ad, Stage.CLIP_SELECTION, "Clips ready!")
        else:
            _stop(db, job, ad, Stage.CLIP_GENERATION, _too_few(db, job, good, need))


@_step
def _end_video(job_id: str, outcome: dict[str, Any]) -> None:
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        if outcome["asset_id"]:
            ad.final_video_id = outcome["asset_id"]
            jobs.report(db, job_id, slot=0, state="done")
            _rest(db, job, ad, Stage.COMPLETE, "Your ad is ready!")
        else:
            _stop(db, job, ad, Stage.FINAL_COMPOSITION, str(outcome["error"]))


@_step
def _fail(job_id: str, reason: str) -> None:
    """End a run that could not go on at all."""
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        stage = {
            JobKind.IMAGES: Stage.IMAGE_GENERATION,
            JobKind.CLIPS: Stage.CLIP_GENERATION,
            JobKind.VIDEO: Stage.FINAL_COMPOSITION,
        }[JobKind(job.kind)]
        text = reason or "Something went wrong on our side. What was made is kept; try again."
        _stop(db, job, ad, stage, text)


def _job_and_ad(db: Session, job_id: str) -> tuple[Job, AdSession]:
    # The ad first, as commands do, so that the two never wait for each other.
    session_id = job_id.partition(":")[0]
    ad = sessions.lock_ad(db, session_id)
    return jobs.lock_job(db, job_id), ad


def _too_few(db: Session, job: Job, good: int, need: int) -> str:
    """What failed, what was kept, what to do."""
    failed = sum(state == "failed" for state in job.slots.values())
    noun = _NOUN[JobKind(job.kind)]
    reason = predictions.last_error(db, job.id) or "no reason given"
    return (
        f"{failed} of {job.total} {noun}s failed ({reason.rstrip('.')}). "
        f"{need} are needed; the {good} good ones are kept. Retry the missing ones."
    )


def _rest(db: Session, job: Job, ad: AdSession, stage: Stage, message: str) -> None:
    if jobs.finish_job(db, job.id, JobStatus.DONE, message):
        ad.stage, ad.failure, ad.failed_stage = stage.value, None, None


def _stop(db: Session, job: Job, ad: AdSession, stage: Stage, why: str) -> None:
    if jobs.finish_job(db, job.id, JobStatus.FAILED, why, error=why):
        ad.stage, ad.failed_stage, ad.failure = Stage.FAILED.value, stage.value, why
