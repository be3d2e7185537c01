"""The routes of the design's table, each one a command."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import partial
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from pydantic import BaseModel, Field

from adgen import __version__
from adgen.api.auth import COOKIE, Acting, Signed, address_of, check_origin, give_cookie, token_of
from adgen.commands import Started
from adgen.domain import (
    AdFilter,
    AdSort,
    AdState,
    AdSummary,
    Aspect,
    AssetInfo,
    AudioChoice,
    CutChoices,
    Genre,
    Stage,
    TextOverlay,
)
from adgen.errors import AdgenError, NotFound
from adgen.launch import running
from adgen.providers import music
from adgen.providers.photos import sample_photos
from adgen.providers.storage import storage
from adgen.store import workers

router = APIRouter()

_FOR_EVER = "private, max-age=31536000, immutable"
# What comes with a package, whose next version may have another file under the same name.
_FOR_A_DAY = "private, max-age=86400"


# Sent again with the same key, a call that spends is answered as before and not done again.
OnceKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


class LoginBody(BaseModel):
    email: str = Field(max_length=320)
    password: str = Field(max_length=1000)


class ImagesBody(BaseModel):
    session_id: str
    product_prompt: str
    model: str | None = None
    aspect: Aspect | None = None


class ApprovedImagesBody(BaseModel):
    session_id: str
    approved_image_ids: list[str]


class ClipsBody(BaseModel):
    session_id: str
    video_prompt: str
    model: str | None = None


class ApprovedClipsBody(BaseModel):
    session_id: str
    approved_clip_ids: list[str]
    clip_order: list[str] | None = None


class AudioBody(BaseModel):
    enabled: bool = True
    genre: Genre | None = Genre.UPBEAT
    track: str | None = None
    own_asset_id: str | None = None


class VideoBody(BaseModel):
    session_id: str
    text_overlay: TextOverlay = TextOverlay()
    audio: AudioBody = AudioBody()
    aspect: Aspect | None = None
    shapes: list[Aspect] = Field(default_factory=list, max_length=len(Aspect))
    cut: CutChoices | None = None


@router.post("/api/auth/login")
def login(body: LoginBody, request: Request, response: Response, act: Acting) -> dict[str, Any]:
    """A token for scripts and a cookie for the browser."""
    check_origin(request)
    token, person = act.sign_in(body.email, body.password, address_of(request))
    give_cookie(response, token)
    return {"access_token": token, "token_type": "bearer", "user": person.model_dump()}


@router.post("/api/auth/logout", status_code=204)
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


@router.post("/api/sessions/create", status_code=201)
def create(person: Signed, act: Acting) -> dict[str, str]:
    """A new empty ad."""
    state = act.create_ad(person)
    return {"session_id": state.id, "stage": state.stage}


@router.get("/api/sessions")
def list_sessions(
    person: Signed,
    act: Acting,
    search: Annotated[str, Query(max_length=200)] = "",
    stage: Annotated[tuple[Stage, ...], Query()] = (),
    owner: Annotated[str, Query(alias="person", max_length=320)] = "",
    since: datetime | None = None,
    until: datetime | None = None,
    archived: bool = False,
    sort: AdSort = AdSort.NEWEST,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> list[AdSummary]:
    """Your ads, newest first; `person` is an e-mail address, `until` the first moment after."""
    wanted = AdFilter(
        search=search,
        stages=stage,
        owner=owner,
        since=since,
        until=until,
        archived=archived,
        sort=sort,
    )
    return act.list_ads(person, wanted, limit=limit, offset=offset)


@router.get("/api/sessions/{session_id}")
def get_session(session_id: str, person: Signed, act: Acting) -> dict[str, Any]:
    """The whole state of an ad."""
    return show_state(act.load_ad(person, session_id))


@router.post("/api/generate-images", status_code=202)
def generate_images(body: ImagesBody, person: Signed, act: Acting, key: OnceKey = None) -> Started:
    """Plan and make six pictures."""
    start = partial(
        act.start_images,
        person,
        body.session_id,
        body.product_prompt,
        model=body.model,
        aspect=body.aspect,
    )
    return act.once(person, key, ("generate-images", body.model_dump_json()), start)


@router.post("/api/save-approved-images")
def save_images(body: ApprovedImagesBody, person: Signed, act: Acting) -> dict[str, Any]:
    """Choose the pictures that become clips."""
    return show_state(act.approve_images(person, body.session_id, body.approved_image_ids))


@router.post("/api/generate-clips", status_code=202)
def generate_clips(body: ClipsBody, person: Signed, act: Acting, key: OnceKey = None) -> Started:
    """Plan the scenes and make the clips."""
    start = partial(act.start_clips, person, body.session_id, body.video_prompt, model=body.model)
    return act.once(person, key, ("generate-clips", body.model_dump_json()), start)


@router.post("/api/save-approved-clips")
def save_clips(body: ApprovedClipsBody, person: Signed, act: Acting) -> dict[str, Any]:
    """Choose the clips of the film and their order."""
    state = act.approve_clips(person, body.session_id, body.approved_clip_ids, body.clip_order)
    return show_state(state)


@router.post("/api/compose-final-video", status_code=202)
def compose(body: VideoBody, person: Signed, act: Acting, key: OnceKey = None) -> Started:
    """Cut the film, in one shape or several; the first of them is the main one."""
    audio = AudioChoice.model_validate(body.audio.model_dump())
    shapes = [*([body.aspect] if body.aspect else []), *body.shapes]
    start = partial(
        act.start_video,
        person,
        body.session_id,
        body.text_overlay,
        audio,
        shapes=shapes,
        cut=body.cut,
    )
    return act.once(person, key, ("compose-final-video", body.model_dump_json()), start)


@router.post("/api/sessions/{session_id}/cancel", status_code=202)
def cancel(session_id: str, person: Signed, act: Acting) -> dict[str, Any]:
    """Stop the ad's run; what is finished is kept."""
    return show_state(act.cancel(person, session_id))


@router.post("/api/sessions/{session_id}/duplicate", status_code=201)
def duplicate(session_id: str, person: Signed, act: Acting) -> dict[str, Any]:
    """A new ad with this one's choices, pictures and clips, at no cost."""
    return show_state(act.duplicate_ad(person, session_id))


@router.get("/api/sessions/{session_id}/costs")
def get_costs(session_id: str, person: Signed, act: Acting) -> dict[str, Any]:
    """The ad's ledger; money as decimal strings."""
    return act.load_costs(person, session_id).model_dump(mode="json")


@router.get("/api/files/{asset_id}")
def get_file(
    asset_id: str, person: Signed, act: Acting, download: str | None = None
) -> FileResponse:
    """The bytes of a file you may see, with Range. An asset never changes, so it caches."""
    asset, key = act.load_file(person, asset_id)
    name = None
    if download is not None:
        name = f"{file_stem(download) or asset.asset_type}{storage().path(key).suffix}"
    return FileResponse(
        storage().path(key),
        media_type=asset.content_type,
        filename=name,
        headers={"Cache-Control": _FOR_EVER},
    )


@router.get("/api/files/{asset_id}/receipt")
def get_receipt(
    asset_id: str, person: Signed, act: Acting, download: str | None = None
) -> FileResponse:
    """What a film was made from and how, as JSON. A film never changes, so it caches."""
    asset, _ = act.load_file(person, asset_id)
    if not (key := asset.details.get("receipt")):
        raise NotFound("That file has no receipt.")
    return FileResponse(
        storage().path(key),
        media_type="application/json",
        filename=f"{file_stem(download or '') or asset.asset_type} receipt.json",
        headers={"Cache-Control": _FOR_EVER},
    )


@router.get("/api/music/{track_id}")
def get_music(track_id: str, _: Signed) -> FileResponse:
    """A piece of the music library, with Range: to be heard before it is chosen."""
    track = music.load_track(track_id)
    return FileResponse(
        track.path, media_type=music.TRACK_TYPE, headers={"Cache-Control": _FOR_A_DAY}
    )


def file_stem(name: str) -> str:
    """A file name without its end, out of whatever a browser sent."""
    return "".join(c if c.isalnum() or c in " -_&" else "_" for c in name)[:80].strip()


_FONTS = {"inter-latin.woff2", "inter-latin-ext.woff2"}


@router.get("/api/static/{name}", include_in_schema=False)
def get_static(name: str) -> Response:
    """The app's own typeface and sample photos: public, no state."""
    samples = {f"sample-{n}.jpg": data for n, (_, data) in enumerate(sample_photos(), 1)}
    if name in _FONTS:
        data, kind = (files("adgen.ui") / "fonts" / name).read_bytes(), "font/woff2"
    elif name in samples:
        data, kind = samples[name], "image/jpeg"
    else:
        raise NotFound("That file does not exist.")
    return Response(data, media_type=kind, headers={"Cache-Control": "public, max-age=86400"})


@router.get("/health")
def health(response: Response) -> dict[str, str]:
    """Whether the parts answer; 503 when the database is gone."""
    stack, parts = running(), {"status": "ok", "version": __version__}
    try:
        stack.database.check()
        with stack.database.begin() as db:
            parts["worker"] = "ok" if workers.live_workers(db) else "starting"
        parts["database"] = "ok"
    except AdgenError:
        parts |= {"status": "down", "database": "down", "worker": "unknown"}
        response.status_code = 503
    try:
        storage().check()
        parts["storage"] = "ok"
    except AdgenError:
        parts |= {"status": "degraded", "storage": "down"}
    return parts


def show_state(state: AdState) -> dict[str, Any]:
    """An ad as JSON: the spec's columns, its assets, its job."""
    files = {"images", "clips", "photos", "final_video", "videos", "previews"}
    takes = {"image_takes", "clip_takes"}
    shown = state.model_dump(mode="json", exclude={"id", *files, *takes})
    return {
        "session_id": state.id,
        **shown,
        "images": [show_asset(asset) for asset in state.images],
        "clips": [show_asset(asset) for asset in state.clips],
        "photos": [show_asset(asset) for asset in state.photos],
        "takes": {
            "images": [show_asset(asset) for asset in state.image_takes],
            "clips": [show_asset(asset) for asset in state.clip_takes],
        },
        "final_video": show_asset(state.final_video) if state.final_video else None,
        "videos": [show_asset(asset) for asset in state.videos],
        "previews": {kind: show_asset(asset) for kind, asset in state.previews.items()},
    }


def show_asset(asset: AssetInfo) -> dict[str, Any]:
    """An asset as JSON; money as a decimal string."""
    return {
        "id": asset.id,
        "url": asset.url,
        "status": "stale" if asset.stale else "ready",
        "changes": list(asset.changes),
        "cost": str(Decimal(asset.cost)),
        "model_used": asset.model_used,
        "metadata": asset.details,
    }
