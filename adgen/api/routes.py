"""The routes of the design's table, each one a command."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from adgen import __version__
from adgen.api.auth import COOKIE, Acting, Signed, address_of, check_origin, give_cookie, token_of
from adgen.api.schema import (
    CHANGE,
    LOOK,
    OWN,
    SPEND,
    Body,
    Paged,
    Responses,
    problems,
)
from adgen.api.views import AdView, Created, Health, SignedIn, show_state
from adgen.commands import Started
from adgen.domain import (
    AdFilter,
    AdSort,
    AdSummary,
    Aspect,
    AudioChoice,
    CostSummary,
    CutChoices,
    Genre,
    Moment,
    SceneWords,
    Stage,
    TextOverlay,
    View,
)
from adgen.errors import AdgenError
from adgen.launch import running
from adgen.providers.storage import storage
from adgen.store import workers

router = APIRouter()

# Sent again with the same key, a call that spends is answered as before and not done again.
OnceKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


class LoginBody(Body):
    email: str = Field(max_length=320)
    password: str = Field(max_length=1000)


class ImagesBody(Body):
    session_id: str
    product_prompt: str
    model: str | None = None
    aspect: Aspect | None = None
    prompts: dict[View, str] | None = None
    seed: int | None = None


class ApprovedImagesBody(Body):
    session_id: str
    approved_image_ids: list[str]


class ClipsBody(Body):
    session_id: str
    video_prompt: str
    model: str | None = None
    scenes: dict[str, SceneWords] | None = None


class ApprovedClipsBody(Body):
    session_id: str
    approved_clip_ids: list[str]
    clip_order: list[str] | None = None


class AudioBody(Body):
    enabled: bool = True
    genre: Genre | None = Genre.UPBEAT
    track: str | None = None
    own_asset_id: str | None = None


class FilmBody(Body):
    """What is decided about a film; `aspect` is the first of its shapes."""

    text_overlay: TextOverlay = TextOverlay()
    audio: AudioBody = AudioBody()
    aspect: Aspect | None = None
    shapes: list[Aspect] = Field(default_factory=list, max_length=len(Aspect))
    cut: CutChoices | None = None

    def choices(self) -> dict[str, Any]:
        """The same as the commands take it."""
        return {
            "overlay": self.text_overlay,
            "audio": AudioChoice.model_validate(self.audio.model_dump()),
            "shapes": [*([self.aspect] if self.aspect else []), *self.shapes],
            "cut": self.cut,
        }


class VideoBody(FilmBody):
    session_id: str


@router.post("/api/auth/login", responses=OWN | problems(429))
def login(body: LoginBody, request: Request, response: Response, act: Acting) -> SignedIn:
    """A token for scripts and a cookie for the browser."""
    check_origin(request)
    token, person = act.sign_in(body.email, body.password, address_of(request))
    give_cookie(response, token)
    return SignedIn(access_token=token, user=person)


@router.post("/api/auth/logout", status_code=204, responses=problems(401, 403))
def logout(request: Request, _: Signed, response: Response, act: Acting) -> None:
    """The token is dead from now on."""
    act.sign_out(token_of(request) or "")
    response.delete_cookie(COOKIE, path="/")


@router.get("/api/auth/link/{token}", include_in_schema=False)
def link(token: str, request: Request, act: Acting) -> Response:
    """The one-time link printed at start: signs in and opens the app."""
    try:
        login_token, _ = act.sign_in_by_link(token, address_of(request))
    except AdgenError:
        return RedirectResponse("/?link=used", 303)
    response = RedirectResponse("/", 303)
    give_cookie(response, login_token)
    return response


@router.post("/api/sessions/create", status_code=201, responses=problems(401, 403))
def create(person: Signed, act: Acting) -> Created:
    """A new empty ad."""
    state = act.create_ad(person)
    return Created(session_id=state.id, stage=state.stage)


@router.get("/api/sessions", responses=problems(401, 422))
def list_sessions(
    person: Signed,
    act: Acting,
    page: Paged,
    response: Response,
    search: Annotated[str, Query(max_length=200)] = "",
    stage: Annotated[tuple[Stage, ...], Query()] = (),
    owner: Annotated[str, Query(alias="person", max_length=320)] = "",
    since: Moment | None = None,
    until: Moment | None = None,
    archived: bool = False,
    sort: AdSort = AdSort.NEWEST,
) -> list[AdSummary]:
    """Your ads, newest first; `person` is an e-mail address, `until` the first moment after.

    The header X-Total-Count says how many there are in all.
    """
    wanted = AdFilter(
        search=search,
        stages=stage,
        owner=owner,
        since=since,
        until=until,
        archived=archived,
        sort=sort,
    )
    response.headers["X-Total-Count"] = str(act.count_ads(person, wanted))
    return act.list_ads(person, wanted, limit=page.limit, offset=page.offset)


@router.get("/api/sessions/{session_id}", responses=LOOK)
def get_session(session_id: str, person: Signed, act: Acting) -> AdView:
    """The whole state of an ad."""
    return show_state(act.load_ad(person, session_id))


@router.post("/api/generate-images", status_code=202, responses=SPEND)
def generate_images(body: ImagesBody, person: Signed, act: Acting, key: OnceKey = None) -> Started:
    """Plan and make six pictures; with `prompts` of all views, from these words, unplanned."""
    start = partial(
        act.start_images,
        person,
        body.session_id,
        body.product_prompt,
        model=body.model,
        aspect=body.aspect,
        prompts=body.prompts,
        seed=body.seed,
    )
    return act.once(person, key, ("generate-images", body.model_dump_json()), start)


@router.post("/api/save-approved-images", responses=CHANGE)
def save_images(body: ApprovedImagesBody, person: Signed, act: Acting) -> AdView:
    """Choose the pictures that become clips."""
    return show_state(act.approve_images(person, body.session_id, body.approved_image_ids))


@router.post("/api/generate-clips", status_code=202, responses=SPEND)
def generate_clips(body: ClipsBody, person: Signed, act: Acting, key: OnceKey = None) -> Started:
    """Plan the scenes and make the clips; `scenes` are your own, by picture id."""
    start = partial(
        act.start_clips,
        person,
        body.session_id,
        body.video_prompt,
        model=body.model,
        scenes=body.scenes,
    )
    return act.once(person, key, ("generate-clips", body.model_dump_json()), start)


@router.post("/api/save-approved-clips", responses=CHANGE)
def save_clips(body: ApprovedClipsBody, person: Signed, act: Acting) -> AdView:
    """Choose the clips of the film and their order."""
    state = act.approve_clips(person, body.session_id, body.approved_clip_ids, body.clip_order)
    return show_state(state)


@router.post("/api/compose-final-video", status_code=202, responses=SPEND)
def compose(body: VideoBody, person: Signed, act: Acting, key: OnceKey = None) -> Started:
    """Cut the film, in one shape or several; the first of them is the main one."""
    start = partial(act.start_video, person, body.session_id, **body.choices())
    return act.once(person, key, ("compose-final-video", body.model_dump_json()), start)


@router.post("/api/sessions/{session_id}/cancel", status_code=202, responses=CHANGE)
def cancel(session_id: str, person: Signed, act: Acting) -> AdView:
    """Stop the ad's run; what is finished is kept."""
    return show_state(act.cancel(person, session_id))


@router.post("/api/sessions/{session_id}/duplicate", status_code=201, responses=CHANGE)
def duplicate(session_id: str, person: Signed, act: Acting) -> AdView:
    """A new ad with this one's choices, pictures and clips, at no cost."""
    return show_state(act.duplicate_ad(person, session_id))


@router.get("/api/sessions/{session_id}/costs", responses=LOOK)
def get_costs(session_id: str, person: Signed, act: Acting) -> CostSummary:
    """The ad's ledger; money as decimal strings."""
    return act.load_costs(person, session_id)


_DOWN: Responses = {503: {"model": Health, "content": problems(503)[503]["content"]}}


@router.get("/health", responses=_DOWN)
def health(response: Response) -> Health:
    """Whether the parts answer; 503 when the database is gone."""
    stack, waiting = running(), 0
    parts = {"status": "ok", "version": __version__}
    try:
        stack.database.check()
        with stack.database.begin() as db:
            parts["worker"] = "ok" if workers.live_workers(db) else "starting"
        parts["database"] = "ok"
    except AdgenError:
        parts |= {"status": "down", "database": "down", "worker": "unknown"}
        response.status_code = 503
    try:
        waiting = len(storage().waiting())
        storage().check()
        parts["storage"] = "ok"
    except AdgenError:
        parts |= {"status": "degraded", "storage": "down"}
    return Health(**parts, files_waiting=waiting)
