"""What happens after a command: one durable workflow a stage. Imported by the worker only.

A workflow reads as the story; everything that touches the world is a step, safe to repeat. A call
to a model is one step, `_attempt`: intent first, then the order (see `orders`), then the result,
whose file, asset and cost row become one fact. Repeated after a crash it goes on where it was.
"""

from __future__ import annotations

import errno
import functools
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, ParamSpec

from sqlalchemy.orm import Session

from adgen import jobs as engine
from adgen import logs, orders, prices, receipts
from adgen.agents import (
    AGENTS,
    compositor,
    image_generator,
    prompt_parser,
    scene_planner,
    video_generator,
)
from adgen.agents.reading import repair_prompt
from adgen.config import settings
from adgen.domain import (
    CLIPS_NEEDED,
    IMAGES_NEEDED,
    SEED_MAX,
    SEED_MIN,
    SYSTEM,
    AdState,
    Aspect,
    AssetType,
    AudioChoice,
    Brand,
    CutChoices,
    JobKind,
    JobStatus,
    Stage,
    TextOverlay,
    View,
)
from adgen.errors import (
    AccountBlocked,
    AdgenError,
    BadModelOutput,
    Cancelled,
    CompositionFailed,
    NotFound,
    ProviderBusy,
    ProviderError,
    ResultWaiting,
    Unavailable,
)
from adgen.providers import camera, catalogue, ffmpeg, music, offline
from adgen.providers.models import Phase, Report, Result, Watch
from adgen.providers.sources import models_for
from adgen.providers.storage import Stored, storage
from adgen.store import assets, brands, costs, jobs, predictions, sessions
from adgen.store.assets import NewAsset
from adgen.store.database import Database, is_passing, notify, notify_run
from adgen.store.holds import set_hold
from adgen.store.predictions import Call, call_key
from adgen.store.tables import AdSession, Job, Prediction
from adgen.turns import TURNS

log = logging.getLogger(__name__)

# Of a workflow: the run's id comes first.
Story = ParamSpec("Story")

_TRIES = 3
# Kept in place of what may be tried again when the account takes no orders.
_BLOCKED = "blocked"
# A run that was stopped ends its own orders within a few seconds, if its worker lives.
_ABANDONED_S = 30.0
_NOUN = {JobKind.IMAGES: "picture", JobKind.CLIPS: "clip", JobKind.VIDEO: "film"}
_FILMS = ("video", "draft", "animatic")
# What making its camera moves is of the work of an animatic.
_MOVES_SHARE = 0.6


# Steps touch only the database and repeatable work, so they may outlast a restarting server.
_step = engine.step(is_passing)

_database: Database | None = None
_enqueuer: engine.Runs | None = None


def use_database(database: Database) -> None:
    """Tell the workflows which database they work on; once, before the engine launches."""
    global _database, _enqueuer
    _database, _enqueuer = database, engine.Runs(database.url)


def _runs() -> engine.Runs:
    assert _enqueuer is not None, "use_database() comes first"  # noqa: S101 -- a bug, not input
    return _enqueuer


def _db() -> Database:
    assert _database is not None, "use_database() comes first"  # noqa: S101 -- a bug, not input
    return _database


def _run(name: str) -> Callable[[Callable[Story, None]], Callable[Story, None]]:
    """A workflow whose expected failures end its job with words a person can act on."""

    def decorate(story: Callable[Story, None]) -> Callable[Story, None]:
        @functools.wraps(story)
        def guarded(*args: Story.args, **kwargs: Story.kwargs) -> None:
            job_id = str(args[0])
            with logs.about_run(job_id):
                try:
                    story(*args, **kwargs)
                except Exception as error:
                    if engine.is_interruption(error):
                        raise
                    expected = isinstance(error, AdgenError)
                    level = logging.WARNING if expected else logging.ERROR
                    log.log(level, "run failed", exc_info=None if expected else error)
                    _fail(job_id, error.user_message if isinstance(error, AdgenError) else "")

        return engine.workflow(name=name)(guarded)

    return decorate


# Images


@_run("make_images")
def make_images(job_id: str) -> None:
    """Six pictures of one product: plan them once, then all side by side; the last one ends it."""
    plan = _begin(job_id, "make_image")
    if plan["plan"]:
        _ask(job_id, "brief", plan["plan_attempt"], _keep_plan)
        _spread(job_id, "make_image", plan)


@_run("make_image")
def make_image(job_id: str, slot: int, attempt: int) -> None:
    """One picture: a failed one waits and is tried once more."""
    _make_one(job_id, "image", slot, attempt, _end_images)


# Clips


@_run("make_clips")
def make_clips(job_id: str) -> None:
    """A clip of each approved picture: plan the scenes, then all side by side."""
    plan = _begin(job_id, "make_clip")
    if plan["plan"]:
        _ask(job_id, "storyboard", plan["plan_attempt"], _keep_scenes)
        _spread(job_id, "make_clip", plan)


@_run("make_clip")
def make_clip(job_id: str, slot: int, attempt: int) -> None:
    """One clip: a failed one waits and is tried once more, moving less."""
    _make_one(job_id, "clip", slot, attempt, _end_clips)


# The film


@_run("make_video")
def make_video(job_id: str) -> None:
    """Cards, clips and music become one file a shape, one after the other."""
    plan = _begin(job_id)
    outcomes = []
    for slot, attempt in plan["slots"]:
        outcomes.append(_attempt(job_id, "video", slot, attempt, 1))
        if not outcomes[-1]["asset_id"]:
            _give_up(job_id, slot)
    _end_video(job_id, next((o["error"] for o in outcomes if not o["asset_id"]), None))


@_run("make_plan")
def make_plan(job_id: str) -> None:
    """The words of the pictures or scenes alone, for a person to read and change."""
    plan = _begin(job_id)
    if plan["stage"] == "plan":
        _ask(job_id, "brief", plan["plan_attempt"], _keep_plan)
    else:
        _ask(job_id, "storyboard", plan["plan_attempt"], _keep_scenes)
    _end_plan(job_id)


@_run("make_preview")
def make_preview(job_id: str) -> None:
    """A draft or an animatic: small, free, and the ad stays where it is."""
    plan = _begin(job_id)
    [(slot, attempt)] = plan["slots"]
    _end_preview(job_id, _attempt(job_id, plan["stage"], slot, attempt, 1))


# How every stage goes


@_step
def _spread(job_id: str, work: str, plan: dict[str, Any]) -> None:
    """As `_enqueue`, when the plan has been written."""
    with _db().begin() as db:
        _enqueue(db, job_id, work, plan)
    _ring_calls()


def _enqueue(db: Session, job_id: str, work: str, plan: dict[str, Any]) -> None:
    """Enqueue a run of `work` for each slot.

    The first one of a person who has no other run waits behind nobody else's.
    """
    ahead = not jobs.is_busy(db, job_id)
    for slot, attempt in plan["slots"]:
        queue = engine.FIRSTS if ahead else engine.CALLS
        _runs().enqueue(
            db,
            jobs.slot_run(job_id, slot),
            work,
            queue,
            job_id,
            slot,
            attempt,
            whose=plan["whose"],
        )
        ahead = False
    # Workers beside this one have places too.
    notify_run(db, engine.CALLS)


def _ring_calls() -> None:
    engine.ring(engine.FIRSTS)
    engine.ring(engine.CALLS)


def _make_one(
    job_id: str, stage: str, slot: int, attempt: int, end: Callable[[str, int, str | None], None]
) -> None:
    outcome = _try(job_id, stage, slot, attempt)
    end(job_id, slot, outcome["asset_id"])
    for queue in (engine.FIRSTS, engine.CALLS):
        engine.ring_soon(queue)


def _try(job_id: str, stage: str, slot: int, attempt: int) -> dict[str, Any]:
    """Order and collect; again while that may help and the failure cost nothing."""
    outcome: dict[str, Any] = {}
    for tries in range(1, _TRIES + 1):
        outcome = _attempt(job_id, stage, slot, attempt, tries)
        again = outcome["again"]
        if not again or tries == _TRIES or (again == "once" and tries > 1):
            break
        engine.sleep(settings().retry_wait_s)
        # What waits to be fetched is fetched, not ordered anew.
        attempt += again != "fetch"
    return outcome


def _ask(job_id: str, stage: str, attempt: int, keep: Callable[[str, str, bool], bool]) -> None:
    """A plan from the language model; one that cannot be read is sent back to it once.

    After that a plain plan stands in, and the ad says so. A blocked account ends the run: what
    follows would only fail as well.
    """
    outcome = _try(job_id, stage, 0, attempt)
    if outcome["blocked"]:
        raise AccountBlocked(str(outcome["error"]))
    if outcome["text"]:
        if keep(job_id, outcome["text"], False):
            return
        repaired = _repair(job_id, stage)
        outcome = _try(job_id, stage, 0, repaired)
    keep(job_id, str(outcome["text"] or ""), True)


@_step
def _repair(job_id: str, stage: str) -> int:
    """The attempt number of the request that sends an unreadable answer back."""
    with _db().begin() as db:
        session_id = job_id.partition(":")[0]
        return predictions.count_attempts(db, session_id, stage).get(0, 0) + 1


@_step
def _begin(job_id: str, work: str = "") -> dict[str, Any]:
    """What the run is to do; read once, so that a replay does the same.

    With nothing to plan first, each slot's run of `work` is enqueued at once.
    """
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        stage = {JobKind.IMAGES: "image", JobKind.CLIPS: "clip"}.get(JobKind(job.kind), job.kind)
        planner = _PLANNER.get(stage, "")
        tried = predictions.count_attempts(db, ad.id, stage)
        planned = predictions.count_attempts(db, ad.id, planner) if planner else {}
        if stage in ("image", "plan") and ad.consistency_seed is None:
            ad.consistency_seed = image_generator.seed_for(ad.id, SEED_MIN, SEED_MAX)
        jobs.report_on(db, job, alone=False, message="Starting...")
        plan: dict[str, Any] = {
            "whose": engine.whose(ad.user_id),
            "stage": stage,
            "plan": (stage == "image" and not ad.prompts) or (stage == "clip" and _unplanned(ad)),
            "plan_attempt": planned.get(0, 0) + 1,
            "slots": [[slot, tried.get(slot, 0) + 1] for slot in sorted(map(int, job.slots))],
        }
        if work and not plan["plan"]:
            _enqueue(db, job_id, work, plan)
    _ring_calls()
    return plan


_PLANNER = {"image": "brief", "plan": "brief", "clip": "storyboard", "scenes": "storyboard"}


def _unplanned(ad: AdSession) -> bool:
    """Whether an approved picture has no scene yet."""
    return not set(ad.approved_image_ids) <= {scene.get("image_id") for scene in ad.scenes}


@_step
def _attempt(job_id: str, stage: str, slot: int, attempt: int, tries: int) -> dict[str, Any]:
    """Have it ordered, exactly once, and collect it."""
    with logs.about_run(job_id, stage=stage, slot=slot):
        try:
            return _order(job_id, stage, slot, attempt, tries) or _collect(
                job_id, stage, slot, attempt
            )
        except Unavailable as error:
            # The step is tried again for minutes: a full disk, a file that is not up yet.
            _teller(job_id)(f"Waiting. {error.user_message}")
            raise


def _order(job_id: str, stage: str, slot: int, attempt: int, tries: int) -> dict[str, Any] | None:
    """Write the intent and the pending cost row, then have it ordered.

    Gives the outcome when it was not taken or has ended before, None when there is something to
    collect.
    """
    session_id = job_id.partition(":")[0]
    with _db().begin() as db:
        # Six begin at once, so no row that they share is locked until they are all ordered.
        row = predictions.find_prediction(db, call_key(session_id, stage, slot, attempt))
        if row and (done := _past_outcome(db, row)):
            return done
        state = _ADS.load(db, job_id) if stage in _KIND else _load_ad(db, job_id)
        call = _call(db, job_id, state, stage, slot, attempt, tries)
        spec = catalogue.load_model(call.model)
        if row is None and not jobs.is_wanted(db, job_id):
            # What the run had reserved is given back, so nothing more may be opened on it.
            return _outcome(error="Stopped before it began.")
        fresh = predictions.add_intent(db, call)
        if fresh:
            costs.open_entry(
                db,
                session_id=state.id,
                key=call.key,
                agent=call.agent,
                model=spec.ref,
                unit=spec.unit,
                unit_price=spec.price,
                price_since=spec.since.isoformat(),
                estimated=spec.cost_of(call.inputs.get("seconds")),
                held=prices.dearest(spec, call.inputs.get("seconds")),
            )
        begun = orders.stand(db, fresh) if fresh else None
    if tries > 1:
        _say_begun(job_id, spec, stage, slot, tries)
    try:
        orders.place(
            _db(), call.key, _cancel_watch(job_id), _teller(job_id), begun, person=state.user_id
        )
    except ResultWaiting as error:
        # It may have been taken; the next try looks for it.
        return _outcome(error=error.user_message, again="fetch")
    except (ProviderError, Cancelled, NotFound) as error:
        with _db().begin() as db:
            row = predictions.lock_prediction(db, call.key)
            if done := _past_outcome(db, row):
                return done
            if isinstance(error, AccountBlocked):
                set_hold(db, spec.door, error.user_message)
            db.expunge(row)
        row.job_id = job_id
        return _settle_failure(row, error, stage, slot)
    if tries == 1:
        _say_begun(job_id, spec, stage, slot, tries)
    return None


def _load_ad(db: Session, job_id: str) -> AdState:
    return sessions.load_state(db, SYSTEM, job_id.partition(":")[0])


class _Ads:
    """The ads of the latest runs: six slots of one begin at once, and want the same.

    Nothing that a request is made of can change while its run goes on: commands refuse to.
    """

    KEPT = 64

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_job: dict[str, AdState] = {}

    def load(self, db: Session, job_id: str) -> AdState:
        """The ad as it was when the first slot of this run asked."""
        with self._lock:
            if job_id not in self._by_job:
                self._by_job[job_id] = _load_ad(db, job_id)
                for old in list(self._by_job)[: -self.KEPT]:
                    del self._by_job[old]
            return self._by_job[job_id]


_ADS = _Ads()


def _say_begun(job_id: str, spec: catalogue.ModelSpec, stage: str, slot: int, tries: int) -> None:
    with _db().begin() as db:
        jobs.report(db, job_id, **_progress(spec, stage, slot, tries))


def _teller(job_id: str) -> Callable[[str], None]:
    def tell(words: str) -> None:
        with _db().begin() as db:
            jobs.report(db, job_id, message=words)

    return tell


def _progress(spec: catalogue.ModelSpec, stage: str, slot: int, tries: int) -> dict[str, Any]:
    if stage in ("brief", "storyboard"):
        what = "Planning six pictures..." if stage == "brief" else "Planning the scenes..."
        return {"message": what}
    if stage == "video":
        return {"message": _cutting, "slot": slot, "state": "running"}
    if stage in _FILMS:
        return {"message": f"Making the {stage}...", "slot": slot, "state": "running"}
    # A hosted model says itself when it has a machine.
    state = "running" if spec.door == "offline" else "starting"
    verb = "Trying again:" if tries > 1 else "Generating"
    return {"message": _count(verb, stage), "slot": slot, "state": state}


def _cutting(slots: dict[str, Any]) -> str:
    return _count("Cutting", "film")(slots) if len(slots) > 1 else "Cutting the film..."


def _count(verb: str, stage: str) -> Callable[[dict[str, Any]], str]:
    """What the bar says, by how many slots have ended then."""

    def say(slots: dict[str, Any]) -> str:
        ended = sum(state in ("done", "failed") for state in slots.values())
        return f"{verb} {stage} {min(ended + 1, len(slots))} of {len(slots)}..."

    return say


def _call(
    db: Session, job_id: str, state: AdState, stage: str, slot: int, attempt: int, tries: int
) -> Call:
    """The request of one slot, from the ad as it stands."""
    inputs, files, model = _request(db, state, stage, slot, tries)
    if stage in _PLANNERS:
        inputs = _with_repair(db, call_key(state.id, stage, slot, attempt - tries), inputs)
    return Call(
        key=call_key(state.id, stage, slot, attempt),
        session_id=state.id,
        job_id=job_id,
        agent=AGENTS[stage],
        model=model,
        # Which model was asked for first, should another one have to stand in.
        inputs={**inputs, "model": model},
        files=files,
    )


_PLANNERS: dict[str, Callable[[str, dict[str, Any]], object]] = {
    "brief": lambda text, _: prompt_parser.read_plan(text),
    "storyboard": lambda text, inputs: scene_planner.read_scenes(text, len(inputs["views"])),
}


def _with_repair(db: Session, before: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs that send the answer before back, when that answered these and was unreadable."""
    row = predictions.find_prediction(db, before)
    if (
        row is None
        or not row.output_text
        or row.inputs.get("asked", row.inputs["prompt"]) != (inputs["prompt"])
    ):
        return inputs
    stage = before.split("/")[1]
    try:
        _PLANNERS[stage](row.output_text, inputs)
    except BadModelOutput as error:
        return {
            **inputs,
            "asked": inputs["prompt"],
            "prompt": repair_prompt(inputs["prompt"], row.output_text, error.user_message),
        }
    return inputs


def _request(
    db: Session, state: AdState, stage: str, slot: int, tries: int
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
        return inputs, files, offline.maker_of_image(state.image_model, photo=bool(files))
    if stage == "clip":
        image = next(a for a in state.approved_images if a.slot == slot)
        scene = next(s for s in state.scenes if s.image_id == image.id)
        inputs = video_generator.clip_inputs(
            image,
            scene,
            catalogue.load_model(state.clip_model),
            aspect=state.aspect,
            seed=state.seed_of(JobKind.CLIPS, slot),
            attempt=tries,
        )
        inputs |= {"image_id": image.id, "video_prompt": state.video_prompt}
        if scene_of := image.details.get("scene"):
            inputs["scene"] = scene_of
        files = {"image": assets.load_asset(db, image.id).storage_key}
        return inputs, files, offline.maker_of_clip(state.clip_model, image.details)
    return _film_request(db, state, stage, slot)


def _film_request(
    db: Session, state: AdState, stage: str, slot: int
) -> tuple[dict[str, Any], dict[str, str], str]:
    brand = brands.load_brand(db, state.team_id)
    overlay = state.text_overlay
    if stage == "animatic" and overlay == TextOverlay():
        # Nobody has chosen words yet: an animatic shows what they will look like.
        overlay = TextOverlay(product_name=state.product[:60].capitalize(), cta=brand.cta)
    inputs: dict[str, Any] = {
        "text_overlay": overlay.model_dump(mode="json"),
        "audio": state.audio.model_dump(mode="json"),
        "cut": state.cut.model_dump(mode="json"),
        "brand": brand.model_dump(mode="json"),
        "aspect": state.aspect.value,
        "seed": state.consistency_seed or 0,
    }
    files = {"logo": brand.logo_key} if brand.logo_key else {}
    if state.audio.enabled and state.audio.own_asset_id:
        files["music"] = assets.load_asset(db, state.audio.own_asset_id).storage_key
    if stage == "animatic":
        pictures = state.approved_images
        inputs |= {"kind": stage, "image_ids": [p.id for p in pictures], "moves": _moves(state)}
        named = {f"image{n}": assets.load_asset(db, p.id) for n, p in enumerate(pictures)}
    else:
        inputs |= {"clip_ids": list(state.clip_order), "aspect": state.shapes[slot].value}
        inputs |= {"kind": stage} if stage == "draft" else {}
        clips = assets.load_assets(db, state.id, state.clip_order)
        named = {f"clip{n}": clip for n, clip in enumerate(clips)}
    files |= {name: row.storage_key for name, row in named.items()}
    word: catalogue.StageWord = "video" if stage == "video" else "draft"
    return inputs, files, catalogue.default_model(word, state.provider).ref


def _moves(state: AdState) -> list[dict[str, Any]]:
    """How the camera moves over each approved picture, from its scene as far as there is one."""
    pictures = state.approved_images
    planned = {scene.image_id: scene for scene in state.scenes}
    plain = scene_planner.template_scenes(
        [View(picture.details["view"]) for picture in pictures], state.video_prompt
    )
    camera = catalogue.default_model("clip", "offline")
    return [
        video_generator.clip_inputs(
            picture,
            planned.get(picture.id, scene),
            camera,
            aspect=state.aspect,
            seed=state.consistency_seed or 0,
            attempt=1,
        )
        for picture, scene in zip(pictures, plain, strict=True)
    ]


def _collect(job_id: str, stage: str, slot: int, attempt: int) -> dict[str, Any]:
    """Fetch a result; keep its file, then asset, cost and progress in one transaction."""
    with _db().begin() as db:
        session_id = job_id.partition(":")[0]
        row = predictions.load_prediction(db, call_key(session_id, stage, slot, attempt))
        if done := _past_outcome(db, row):
            return done
        db.expunge(row)
    # An earlier run may have asked for it; whoever fetches it now reports to this one.
    row.job_id = job_id
    reports: list[Report] = []
    with _room():
        work = _work_folder(row.key)
    try:
        try:
            with _room():
                result = _make(row, stage, slot, work, reports.append)
        except ResultWaiting as error:
            # Not settled: it is being made, or made, and stays to be fetched at no further cost.
            return _outcome(error=error.user_message, again="fetch")
        except (ProviderError, Cancelled, NotFound, CompositionFailed) as error:
            return _settle_failure(row, error, stage, slot, *reports[-1:])
        return _settle_success(row, stage, slot, result, *reports[-1:])
    finally:
        TURNS.ended()
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _room() -> Iterator[None]:
    """A full disk in words. The request stays open: retried, it costs nothing more."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise Unavailable(
            "The disk is full. Free some space and retry; what was made is kept and nothing is "
            "paid for twice."
        ) from error


def _outcome(
    asset_id: str | None = None,
    text: str | None = None,
    error: str | None = None,
    again: str = "",
    blocked: bool = False,
) -> dict[str, Any]:
    """How an attempt ended. `again`: "" for no, "once", "twice", or "fetch" the same one."""
    return {
        "asset_id": asset_id,
        "text": text,
        "error": error,
        "again": again,
        "blocked": blocked,
    }


def _past_outcome(db: Session, row: Prediction) -> dict[str, Any] | None:
    """How a request that ended before ended: a step repeated after a crash changes nothing."""
    if row.status == predictions.SUCCEEDED:
        made = assets.find_by_prediction(db, row.key)
        return _outcome(asset_id=made, text=row.output_text)
    if row.status not in predictions.ENDED:
        return None
    blocked = row.again == _BLOCKED
    return _outcome(error=row.error, again="" if blocked else row.again, blocked=blocked)


def _work_folder(key: str) -> Path:
    scratch = settings().scratch
    scratch.mkdir(parents=True, exist_ok=True)
    return Path(mkdtemp(dir=scratch, prefix=key.replace("/", "-")[-40:] + "-"))


def _make(
    row: Prediction, stage: str, slot: int, work: Path, report: Callable[[Report], None]
) -> Result:
    """Wait for the order; the film is cut here, everything else comes from a provider."""
    spec = catalogue.load_model(row.model)
    files = {name: storage().path(key) for name, key in row.files.items()}
    cancelled = _cancel_watch(row.job_id)
    if stage in _FILMS:
        return _cut(row, stage, files, work, cancelled)
    phase = _phase_teller(row.job_id, slot) if stage in _KIND else lambda _: None
    watch = Watch(cancelled, phase, report)
    result = models_for(spec.door).collect(
        spec, row.provider_id or "", row.inputs, files, work, watch
    )
    return _checked_clip(result) if stage == "clip" else result


def _checked_clip(result: Result) -> Result:
    """One full decode now, so that the cut never meets a broken clip."""
    assert result.file is not None  # noqa: S101 -- clips are files
    try:
        media = ffmpeg.check_clip(result.file)
    except BadModelOutput as error:
        error.charged = result.quantity
        raise
    seen = {
        "width": media.width,
        "height": media.height,
        "frames": media.frames,
        "fps": round(media.fps, 3),
        "duration_seconds": round(media.seconds, 3),
    }
    return result.model_copy(update={"metadata": {**seen, **result.metadata}})


def _phase_teller(job_id: str, slot: int) -> Callable[[Phase], None]:
    def tell(phase: Phase) -> None:
        with _db().begin() as db:
            jobs.report(db, job_id, slot=slot, state=phase)

    return tell


class _Live:
    """The runs that are still wanted, asked for once a second for all that wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = 0.0
        self._ids: set[str] = set()

    def __contains__(self, job_id: str) -> bool:
        with self._lock:
            if time.monotonic() - self._at > 1:
                with _db().begin() as db:
                    self._ids = jobs.live_ids(db)
                self._at = time.monotonic()
            return job_id in self._ids


_LIVE = _Live()


def _cancel_watch(job_id: str) -> Callable[[], bool]:
    """Whether the person stopped the run."""
    # A run just begun may be younger than what was last asked.
    began = time.monotonic()
    return lambda: time.monotonic() - began > 1 and job_id not in _LIVE


def _cut(
    row: Prediction,
    stage: str,
    files: dict[str, Path],
    work: Path,
    cancelled: Callable[[], bool],
) -> Result:
    inputs, since = row.inputs, 0.0
    audio = AudioChoice.model_validate(inputs["audio"])
    began = time.monotonic()
    if stage == "animatic":
        since = _MOVES_SHARE
        clips = _move_all(row, files, work, cancelled)
    else:
        clips = [files[f"clip{n}"] for n in range(len(inputs["clip_ids"]))]
    track, heard = _music(audio, files.get("music"), int(inputs["seed"]))
    rendered = compositor.compose_video(
        compositor.Order(
            clips=tuple(clips),
            overlay=TextOverlay.model_validate(inputs["text_overlay"]),
            aspect=Aspect(inputs["aspect"]),
            music=track,
            choices=CutChoices.model_validate(inputs["cut"]),
            brand=Brand.model_validate(inputs["brand"]),
            logo=files.get("logo"),
            draft=stage != "video",
        ),
        work / "film.mp4",
        cache=settings().cache / "films",
        progress=_film_progress(row.job_id, since),
        cancelled=cancelled,
    )
    facts: dict[str, Any] = {
        "music": heard,
        "parts": rendered.segments,
        "parts_made": rendered.encoded,
    }
    if stage == "video":
        with _db().begin() as db:
            receipt = receipts.write_receipt(db, row, rendered, heard, work)
        facts["receipt"] = storage().put(receipt, "application/json").key
    return Result(
        file=rendered.path,
        content_type="video/mp4",
        seconds=Decimal(str(round(time.monotonic() - began, 3))),
        metadata={
            "width": rendered.width,
            "height": rendered.height,
            "duration_seconds": rendered.seconds,
            "size_bytes": rendered.size_bytes,
            **facts,
            **{k: v for k, v in inputs.items() if k in _CHOSEN},
        },
    )


_CHOSEN = {"kind", "clip_ids", "image_ids", "text_overlay", "audio", "cut", "brand", "aspect"}


def _music(audio: AudioChoice, own: Path | None, seed: int) -> tuple[Path | None, dict[str, Any]]:
    """The track of a film, and what its receipt says of it."""
    if own or not audio.enabled or not audio.genre:
        return own, {"track": own.name if own else None, "licence": "own file" if own else ""}
    picked = music.load_track(audio.track) if audio.track else music.pick_track(audio.genre, seed)
    return picked.path, {"track": picked.path.name, "licence": picked.licence}


def _move_all(
    row: Prediction, files: dict[str, Path], work: Path, cancelled: Callable[[], bool]
) -> list[Path]:
    """The approved pictures as clips of camera moves, as large as an animatic needs them."""
    wide, high = Aspect(row.inputs["aspect"]).size
    tell = _film_progress(row.job_id)
    clips = []
    for number, move in enumerate(row.inputs["moves"]):
        out = work / f"move{number}.mp4"
        camera.make_clip(move, files[f"image{number}"], out, cancelled, size=(wide // 3, high // 3))
        clips.append(out)
        tell(_MOVES_SHARE * (number + 1) / len(row.inputs["moves"]))
    return clips


def _film_progress(job_id: str, since: float = 0.0) -> Callable[[float], None]:
    """Tells the run how far its film is, which was at `since` when the cut began."""
    last = {"at": -1.0}

    def progress(fraction: float) -> None:
        at = since + (1 - since) * fraction
        if at >= last["at"] + 0.02:
            last["at"] = at
            with _db().begin() as db:
                jobs.report(db, job_id, fraction=at)

    return progress


_KIND = {
    "image": AssetType.IMAGE,
    "clip": AssetType.CLIP,
    "video": AssetType.VIDEO,
    "draft": AssetType.PREVIEW,
    "animatic": AssetType.PREVIEW,
}


# Of what is made here, or never reached its provider, nobody else can tell.
_NO_REPORT = Report(words={}, quantity=None)


def _settle_success(
    row: Prediction, stage: str, slot: int, result: Result, report: Report = _NO_REPORT
) -> dict[str, Any]:
    stored = storage().put_file(result.file, result.content_type) if result.file else None
    with _db().begin() as db:
        ended, said = predictions.SUCCEEDED, report.words or None
        if not predictions.finish(db, row.key, ended, text=result.text, reported=said):
            return _ended_elsewhere(db, row)
        settled = costs.settle_entry(
            db,
            row.key,
            success=True,
            quantity=result.quantity,
            seconds=result.seconds,
            reported=report.quantity,
        )
        asset_id = _record(db, row, stage, slot, result, stored, settled.cost) if stored else None
        # What six that end at once share is locked last, and not for long.
        job, ad = _job_and_ad(db, row.job_id)
        if asset_id:
            _place(db, ad, stage, slot, asset_id, row.key)
        costs.charge(db, ad, job, settled)
        done: dict[str, Any] = {}
        if stage in ("image", "clip"):
            done = {"slot": slot, "state": "done", "message": _count("Generating", stage)}
        elif asset_id:
            done = {"slot": slot, "state": "done"}
        jobs.report_on(db, job, alone=False, **done)
    log.info("%s made by %s in %.1f s", stage, row.model, result.seconds)
    return _outcome(asset_id=asset_id, text=result.text)


def _ended_elsewhere(db: Session, row: Prediction) -> dict[str, Any]:
    """Another worker, or the sweep, was a moment earlier; how it ended there is how it ended."""
    done = _past_outcome(db, predictions.load_prediction(db, row.key))
    assert done is not None  # noqa: S101 -- only an end keeps `finish` from ending it
    return done


def _record(
    db: Session,
    row: Prediction,
    stage: str,
    slot: int,
    result: Result,
    stored: Stored,
    cost: Decimal | None,
) -> str:
    # What made it, kept beside it: the start of every receipt.
    made_from = {k: v for k, v in row.inputs.items() if k in _RECORDED}
    return assets.add_asset(
        db,
        row.session_id,
        NewAsset(
            asset_type=_KIND[stage],
            storage_key=stored.key,
            content_type=stored.content_type,
            size_bytes=stored.size_bytes,
            slot=slot,
            details={**made_from, **result.metadata},
            cost=cost or Decimal(0),
            model_used=row.model,
            generation_time=result.seconds,
            prediction_key=row.key,
        ),
    )


_RECORDED = {
    *("view", "prompt", "seed", "image_id", "description", "motion_intensity", "video_prompt"),
    *("duration_seconds", "aspect", "motion_bucket_id", "product_prompt"),
}


def _place(db: Session, ad: AdSession, stage: str, slot: int, asset_id: str, key: str) -> None:
    """Show the new take in its slot; the one it replaces stays among the ad's takes."""
    if stage in ("draft", "animatic"):
        return
    if stage == "video":
        films = assets.load_assets(db, ad.id, [*ad.video_ids, asset_id])
        by_shape = {film.details["aspect"]: film.id for film in films}
        # Those asked for now come first; films of other shapes stay in sight.
        order = dict.fromkeys([*ad.shapes, *by_shape])
        ad.video_ids = [by_shape[shape] for shape in order if shape in by_shape]
        ad.final_video_id = ad.video_ids[0]
        return
    takes = assets.list_assets(db, ad.id, _KIND[stage])
    mine = predictions.attempt_of(key)
    if any(t.slot == slot and predictions.attempt_of(t.prediction_key) > mine for t in takes):
        # What a stopped run had ordered came late; a newer take has been here already.
        return
    [take] = [row for row in takes if row.id == asset_id]
    assets.put_in_slot(ad, take, takes)


def _settle_failure(
    row: Prediction, error: AdgenError, stage: str, slot: int, report: Report = _NO_REPORT
) -> dict[str, Any]:
    status = predictions.CANCELLED if isinstance(error, Cancelled) else predictions.FAILED
    with _db().begin() as db:
        why, said = error.user_message, report.words or None
        if not predictions.finish(db, row.key, status, error=why, reported=said):
            return _ended_elsewhere(db, row)
        settled = costs.settle_entry(
            db,
            row.key,
            success=False,
            quantity=error.charged,
            seconds=Decimal(0),
            error=why,
            reported=report.quantity,
        )
        again = _again(error, settled.cost)
        blocked = isinstance(error, AccountBlocked)
        predictions.keep_again(db, row.key, _BLOCKED if blocked else again)
        job, ad = _job_and_ad(db, row.job_id)
        costs.charge(db, ad, job, settled)
        if stage in ("image", "clip") and again:
            jobs.report_on(db, job, slot=slot, state="retrying")
        notify(db, ad.id)
    log.info("%s by %s %s: %s", stage, row.model, status, type(error).__name__)
    return _outcome(error=why, again=again, blocked=blocked)


def _again(error: AdgenError, cost: Decimal | None) -> str:
    """Whether to try again unasked: never what was paid for, or may have been."""
    if not error.retryable or cost != 0:
        return ""
    return "twice" if isinstance(error, ProviderBusy) else "once"


@_step
def _give_up(job_id: str, slot: int) -> None:
    with _db().begin() as db:
        jobs.report(db, job_id, slot=slot, state="failed")


# What a stopped run left behind


def sweep() -> int:
    """Settle what was ordered by runs that were stopped while their worker died; gives how many.

    A stopped run is not recovered, so nobody else would end its orders or close their cost rows.
    """
    with _db().begin() as db:
        left = predictions.list_abandoned(db, _ABANDONED_S)
    for key, job_id in left:
        _, stage, slot, attempt = key.split("/")
        with logs.about_run(job_id, stage=stage, slot=int(slot)):
            _sweep_one(key, job_id, stage, int(slot), int(attempt))
    return len(left)


def _sweep_one(key: str, job_id: str, stage: str, slot: int, attempt: int) -> None:
    try:
        orders.place(_db(), key, lambda: True, lambda _: None)
    except ResultWaiting:
        # The next sweep asks again.
        return
    except (ProviderError, Cancelled, NotFound) as error:
        with _db().begin() as db:
            row = predictions.lock_prediction(db, key)
            db.expunge(row)
        _settle_failure(row, error, stage, slot)
    else:
        _collect(job_id, stage, slot, attempt)


# What a plan becomes


@_step
def _keep_plan(job_id: str, text: str, last: bool) -> bool:
    """Write the six prompts; False when the text cannot be read and is not the `last` word."""
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        try:
            plan = prompt_parser.read_plan(text)
        except BadModelOutput as error:
            if not last:
                return False
            ad.notes = [*ad.notes, f"{error.user_message} A plain plan was used in its place."]
            photos = assets.list_assets(db, ad.id, AssetType.PHOTO)
            plan = prompt_parser.template_plan(ad.product_prompt, len(photos))
        ad.product = plan.product
        ad.style_keywords = list(plan.style_keywords)
        ad.prompts = [prompt.model_dump(mode="json") for prompt in plan.prompts]
        if job.kind == JobKind.IMAGES:
            ad.stage = Stage.IMAGE_GENERATION.value
        notify(db, ad.id)
    return True


@_step
def _keep_scenes(job_id: str, text: str, last: bool) -> bool:
    """Write the scenes; False when the text cannot be read and is not the `last` word."""
    with _db().begin() as db:
        _, ad = _job_and_ad(db, job_id)
        images = [assets.info(a) for a in assets.load_assets(db, ad.id, ad.approved_image_ids)]
        try:
            scenes = scene_planner.read_scenes(text, len(images))
        except BadModelOutput as error:
            if not last:
                return False
            ad.notes = [*ad.notes, f"{error.user_message} A plain one was used in its place."]
            views = [View(image.details["view"]) for image in images]
            scenes = scene_planner.template_scenes(views, ad.video_prompt)
        # What a person has read, or a clip was made by, is not written anew.
        kept = {scene.get("image_id"): scene for scene in ad.scenes}
        ad.scenes = [
            {
                **scene.model_dump(mode="json"),
                **kept.get(image.id, {}),
                "image": scene.image,
                "image_id": image.id,
            }
            for scene, image in zip(scenes, images, strict=True)
        ]
        notify(db, ad.id)
    return True


# How a stage ends


@_step
def _end_images(job_id: str, slot: int, asset_id: str | None) -> None:
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        if not jobs.end_slot(db, job, slot, made=asset_id is not None):
            return
        state = sessions.load_state(db, SYSTEM, ad.id)
        good = sum(not image.stale for image in state.images)
        if good >= IMAGES_NEEDED:
            _rest(db, job, ad, Stage.IMAGE_SELECTION, "Images ready!")
        else:
            _stop(db, job, ad, Stage.IMAGE_GENERATION, _too_few(db, job, good, IMAGES_NEEDED))


@_step
def _end_clips(job_id: str, slot: int, asset_id: str | None) -> None:
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        if not jobs.end_slot(db, job, slot, made=asset_id is not None):
            return
        state = sessions.load_state(db, SYSTEM, ad.id)
        good = sum(not clip.stale for clip in state.clips)
        need = min(CLIPS_NEEDED, len(ad.approved_image_ids))
        if good >= need:
            _rest(db, job, ad, Stage.CLIP_SELECTION, "Clips ready!")
        else:
            _stop(db, job, ad, Stage.CLIP_GENERATION, _too_few(db, job, good, need))


@_step
def _end_video(job_id: str, error: str | None) -> None:
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        if error is None:
            _rest(db, job, ad, Stage.COMPLETE, "Your ad is ready!")
        else:
            _stop(db, job, ad, Stage.FINAL_COMPOSITION, error)


@_step
def _end_plan(job_id: str) -> None:
    with _db().begin() as db:
        job, _ = _job_and_ad(db, job_id)
        jobs.finish_job(db, job.id, JobStatus.DONE, "The plan is ready.")


@_step
def _end_preview(job_id: str, outcome: dict[str, Any]) -> None:
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        if outcome["asset_id"]:
            jobs.finish_job(db, job.id, JobStatus.DONE, f"The {job.kind} is ready.")
        else:
            _stop(db, job, ad, Stage(ad.stage), str(outcome["error"]))


@_step
def _fail(job_id: str, reason: str) -> None:
    """End a run that could not go on at all."""
    with _db().begin() as db:
        job, ad = _job_and_ad(db, job_id)
        stage = {
            JobKind.IMAGES: Stage.IMAGE_GENERATION,
            JobKind.CLIPS: Stage.CLIP_GENERATION,
            JobKind.VIDEO: Stage.FINAL_COMPOSITION,
        }.get(JobKind(job.kind), Stage(ad.stage))
        text = reason or "Something went wrong on our side. What was made is kept; try again."
        _stop(db, job, ad, stage, text)


def _job_and_ad(db: Session, job_id: str) -> tuple[Job, AdSession]:
    # The ad first, as commands do, so that the two never wait for each other.
    session_id = job_id.partition(":")[0]
    ad = sessions.lock_ad(db, session_id)
    return jobs.lock_job(db, job_id), ad


def _too_few(db: Session, job: Job, good: int, need: int) -> str:
    """What failed, what was kept, what to do and what that costs."""
    failed = sum(state == "failed" for state in job.slots.values())
    kind = JobKind(job.kind)
    reason = predictions.last_error(db, job.id) or "no reason given"
    kept = {0: "None came out.", 1: "The good one is kept."}.get(
        good, f"The {good} good ones are kept."
    )
    ad = sessions.lock_ad(db, job.session_id)
    spec = catalogue.load_model(ad.image_model if kind is JobKind.IMAGES else ad.clip_model)
    cost = None if spec.expected_cost is None else spec.expected_cost * failed
    price = "" if cost is None else f" (~${cost:.2f})" if cost else " (free)"
    # Of one that was made again by itself, "1 of 1" would sound like all of them.
    what = f"{failed} of {job.total} {_NOUN[kind]}s" if job.total > 1 else f"This {_NOUN[kind]}"
    return (
        f"{what} failed, and {need} are needed: "
        f"{reason.rstrip('.')}. {kept} Retry the missing {failed}{price}."
    )


def _rest(db: Session, job: Job, ad: AdSession, stage: Stage, message: str) -> None:
    if jobs.finish_job(db, job.id, JobStatus.DONE, message):
        ad.stage, ad.failure, ad.failed_stage = stage.value, None, None


def _stop(db: Session, job: Job, ad: AdSession, stage: Stage, why: str) -> None:
    ended = jobs.finish_job(db, job.id, JobStatus.FAILED, why, error=why)
    # A preview or a plan that failed changes nothing; its page says why.
    if ended and not JobKind(job.kind).is_aside:
        ad.stage, ad.failed_stage, ad.failure = Stage.FAILED.value, stage.value, why
