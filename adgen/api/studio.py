"""The rest of what the studio's pages do with an ad, for scripts: each route is a command."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from adgen.api.auth import Acting, Signed
from adgen.api.routes import FilmBody, OnceKey
from adgen.api.schema import CHANGE, LOOK, SPEND, Body, Paged, problems
from adgen.api.views import AdView, Estimate, ModelView, TrackView, show_model, show_state
from adgen.commands import Started
from adgen.config import settings
from adgen.domain import (
    SEED_MAX,
    SEED_MIN,
    Aspect,
    Genre,
    JobKind,
    RejectReason,
    View,
)
from adgen.providers import music
from adgen.providers.catalogue import catalogue, load_model

router = APIRouter()

Seed = Annotated[int | None, Field(ge=SEED_MIN, le=SEED_MAX)]
Remade = Literal[JobKind.IMAGES, JobKind.CLIPS]


class TitleBody(Body):
    title: str


class PlanBody(Body):
    product_prompt: str
    aspect: Aspect | None = None


class ScenesBody(Body):
    video_prompt: str


class RegenerateBody(Body):
    """`slot` is the picture's place, from 0; a clip has its picture's."""

    kind: Remade
    slot: int = Field(ge=0, lt=len(View))
    text: str | None = None
    seed: Seed = None


class TakeBody(Body):
    asset_id: str


class MarksBody(Body):
    """What was decided just now, by asset id; what is not named stays as it is."""

    marks: dict[str, Literal["approved", "rejected", "open"]]
    order: list[str] | None = None
    reasons: dict[str, RejectReason] = Field(default_factory=dict)


class RemarkBody(Body):
    text: str


# ---- the ad


@router.patch("/api/sessions/{session_id}", responses=CHANGE)
def rename(session_id: str, body: TitleBody, person: Signed, act: Acting) -> AdView:
    """Give the ad a name of its own."""
    act.rename_ad(person, session_id, body.title)
    return show_state(act.load_ad(person, session_id))


@router.post("/api/sessions/{session_id}/archive", responses=CHANGE)
def archive(session_id: str, person: Signed, act: Acting) -> AdView:
    """Take the ad out of the library's usual view; nothing of it is lost."""
    act.archive_ad(person, session_id)
    return show_state(act.load_ad(person, session_id))


@router.post("/api/sessions/{session_id}/restore", responses=CHANGE)
def restore(session_id: str, person: Signed, act: Acting) -> AdView:
    """Bring an archived ad back."""
    act.restore_ad(person, session_id)
    return show_state(act.load_ad(person, session_id))


# ---- words before pictures and clips


@router.post("/api/sessions/{session_id}/plan", status_code=202, responses=SPEND)
def plan(
    session_id: str, body: PlanBody, person: Signed, act: Acting, key: OnceKey = None
) -> Started:
    """Write the six prompts and stop there: they come as `prompts`, to be changed and sent on."""
    start = partial(act.start_plan, person, session_id, body.product_prompt, aspect=body.aspect)
    return act.once(person, key, ("plan", session_id, body.model_dump_json()), start)


@router.post("/api/sessions/{session_id}/scenes", status_code=202, responses=SPEND)
def scenes(
    session_id: str, body: ScenesBody, person: Signed, act: Acting, key: OnceKey = None
) -> Started:
    """Write a scene for each approved picture and stop there; they come as `scenes`."""
    start = partial(act.start_scenes, person, session_id, body.video_prompt)
    return act.once(person, key, ("scenes", session_id, body.model_dump_json()), start)


# ---- review


@router.patch("/api/sessions/{session_id}/marks", responses=CHANGE)
def mark(session_id: str, body: MarksBody, person: Signed, act: Acting) -> AdView:
    """Approve, reject with a reason, or leave open, before anything is made of it."""
    act.set_marks(person, session_id, body.marks, body.order, reasons=body.reasons)
    return show_state(act.load_ad(person, session_id))


@router.put("/api/sessions/{session_id}/remarks/{asset_id}", responses=CHANGE)
def remark(session_id: str, asset_id: str, body: RemarkBody, person: Signed, act: Acting) -> AdView:
    """Keep a note on a picture or clip; empty words remove it."""
    act.write_remark(person, session_id, asset_id, body.text)
    return show_state(act.load_ad(person, session_id))


@router.post("/api/sessions/{session_id}/regenerate", status_code=202, responses=SPEND)
def regenerate(
    session_id: str, body: RegenerateBody, person: Signed, act: Acting, key: OnceKey = None
) -> Started:
    """One more take of a picture or clip, with new words or another seed; the others stay."""
    start = partial(
        act.regenerate,
        person,
        session_id,
        body.kind,
        body.slot,
        text=body.text,
        seed=body.seed,
    )
    return act.once(person, key, ("regenerate", session_id, body.model_dump_json()), start)


@router.post("/api/sessions/{session_id}/bring-back", responses=CHANGE)
def bring_back(session_id: str, body: TakeBody, person: Signed, act: Acting) -> AdView:
    """Put an earlier take back into its slot."""
    return show_state(act.bring_back(person, session_id, body.asset_id))


# ---- runs


@router.post("/api/sessions/{session_id}/retry", status_code=202, responses=SPEND)
def retry(session_id: str, person: Signed, act: Acting, key: OnceKey = None) -> Started:
    """Make what a failed or stopped run left out, and only that."""
    return act.once(person, key, ("retry", session_id), partial(act.retry, person, session_id))


@router.get("/api/sessions/{session_id}/failures", responses=LOOK)
def failures(
    session_id: str, person: Signed, act: Acting, kind: Remade = JobKind.IMAGES
) -> dict[int, str]:
    """Why pictures or clips of the newest run failed, by slot."""
    return act.why_failed(person, session_id, kind)


@router.post("/api/sessions/{session_id}/draft", status_code=202, responses=SPEND)
def draft(
    session_id: str, body: FilmBody, person: Signed, act: Acting, key: OnceKey = None
) -> Started:
    """The film small, quick and free, to look at; it comes as `previews.draft`."""
    start = partial(act.start_draft, person, session_id, **body.choices())
    return act.once(person, key, ("draft", session_id, body.model_dump_json()), start)


@router.post("/api/sessions/{session_id}/animatic", status_code=202, responses=SPEND)
def animatic(session_id: str, person: Signed, act: Acting, key: OnceKey = None) -> Started:
    """The approved pictures with camera moves and music, free; it comes as `previews.animatic`."""
    start = partial(act.start_animatic, person, session_id)
    return act.once(person, key, ("animatic", session_id), start)


# ---- what there is to choose from


@router.get("/api/models", responses=problems(401, 422))
def list_models(_: Signed, page: Paged) -> list[ModelView]:
    """The models and their prices."""
    return page.of([show_model(spec) for spec in catalogue().values()])


@router.get("/api/estimate", responses=LOOK)
def estimate(
    _: Signed,
    act: Acting,
    kind: JobKind,
    model: Annotated[str, Query(max_length=200)],
    count: Annotated[int, Query(ge=0, le=100)] = 1,
    plan: bool = False,
) -> Estimate:
    """What a run would cost; null when a price is unknown."""
    load_model(model)
    cost: Decimal | None = act.estimate(kind, settings().provider, model, count, plan=plan)
    return Estimate(estimated_cost=cost)


@router.get("/api/music", responses=problems(401, 422))
def list_music(_: Signed, page: Paged, genre: Genre | None = None) -> list[TrackView]:
    """The pieces of the music library."""
    genres = [genre] if genre else [*Genre]
    found = [track for one in genres for track in music.tracks(one)]
    return [
        TrackView(**track.model_dump(exclude={"path"}), url=f"/api/music/{track.id}")
        for track in page.of(found)
    ]
