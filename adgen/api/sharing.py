"""Showing an ad to others: the replay, links to it, mood boards, and everything in one file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from adgen import boards, bundles, decks
from adgen.api.auth import Acting, Signed, person_of
from adgen.api.files import file_stem
from adgen.api.schema import CHANGE, LOOK, Body, Paged, answers, problems
from adgen.api.sending import send_file
from adgen.config import settings
from adgen.domain import AdState, ShareInfo
from adgen.errors import NotFound, NotSignedIn
from adgen.providers.storage import storage

router = APIRouter()

_PIECE = 2**18
_PRIVATE = {"Cache-Control": "private, no-store"}


_PAGE = {"description": "A page that says so", "content": {"text/html": {}}}


class ShareBody(Body):
    days: int = 7
    shows_cost: bool = False


class NewShare(ShareInfo):
    """A link just made; `path` is told this once only."""

    path: str


# ---- the replay


@router.get(
    "/api/sessions/{session_id}/present",
    responses=problems(422) | dict.fromkeys((401, 404), _PAGE),
    response_class=HTMLResponse,
)
def present(session_id: str, request: Request, act: Acting) -> HTMLResponse:
    """The replay of an ad, full screen."""
    try:
        person = person_of(request)
        ad = act.load_ad(person, session_id)
    except NotSignedIn as error:
        words, way_on = "Then present the ad again.", f"/final?ad={quote(session_id)}"
        return _notice(error.http_status, "Sign in first", words, way_on)
    except NotFound as error:
        words = "It may have been made by somebody else, or the address is incomplete."
        return _notice(error.http_status, "This ad is not here", words, "/")
    deck = decks.tell(ad, act.load_costs(person, session_id))
    door = decks.Door(files="/api/files/", back=f"/{_last_page(ad)}?ad={ad.id}")
    return HTMLResponse(decks.write(deck, door), headers=decks.headers(storage().origin))


@router.get("/api/sessions/{session_id}/deck.html", responses=LOOK, response_class=HTMLResponse)
def export_replay(session_id: str, person: Signed, act: Acting) -> StreamingResponse:
    """The replay as one file that opens anywhere, without this server."""
    ad = act.load_ad(person, session_id)
    deck = decks.tell(ad, act.load_costs(person, session_id))
    kept = {
        file_id: decks.Embedded(path=storage().path(key), content_type=asset.content_type)
        for file_id, (asset, key) in act.load_files(person, session_id, deck.file_ids).items()
    }
    # Named to be identical: packing base64 of films costs seconds and saves little.
    headers = {**_attached(ad, " replay.html"), "Content-Encoding": "identity"}
    return StreamingResponse(decks.embed(deck, kept), media_type="text/html", headers=headers)


def _last_page(ad: AdState) -> str:
    """Where the replay leads back to: the last step that has something to show."""
    if ad.final_video:
        return "final"
    if ad.clips:
        return "clips"
    return "images" if ad.images else "brief"


def _notice(status: int, title: str, words: str, way_on: str = "") -> HTMLResponse:
    link = ("Open adgen", way_on) if way_on else None
    return HTMLResponse(decks.notice(title, words, link), status, headers=decks.headers())


# ---- links


@router.get("/api/sessions/{session_id}/shares", responses=LOOK)
def list_shares(session_id: str, person: Signed, act: Acting, page: Paged) -> list[ShareInfo]:
    """The links to an ad that work."""
    return page.of(act.list_shares(person, session_id))


@router.post("/api/sessions/{session_id}/shares", status_code=201, responses=CHANGE)
def share(session_id: str, body: ShareBody, person: Signed, act: Acting) -> NewShare:
    """A link for whoever has it to look at the ad; its `path` is told only now."""
    made, token = act.share_ad(person, session_id, days=body.days, shows_cost=body.shows_cost)
    return NewShare(**made.model_dump(), path=f"/api/share/{token}")


@router.delete("/api/sessions/{session_id}/shares/{link_id}", status_code=204, responses=CHANGE)
def revoke(session_id: str, link_id: str, person: Signed, act: Acting) -> None:
    """The link is dead from now on."""
    act.revoke_share(person, session_id, link_id)


@router.get("/api/share/{token}", include_in_schema=False)
def open_share(token: str, act: Acting) -> HTMLResponse:
    """The replay for whoever has the link: without notes, and with costs only when it says so."""
    try:
        shared = act.open_share(token, counted=True)
    except NotFound as error:
        words = "It has ended, was withdrawn, or is incomplete. Ask whoever sent it for a new one."
        return _notice(error.http_status, "This link does not work any more", words)
    ad = act.load_ad(shared.reader, shared.session_id)
    costs = act.load_costs(shared.reader, ad.id) if shared.shows_cost else None
    deck = decks.tell(ad, costs, notes=False)
    door = decks.Door(files=f"/api/share/{quote(token, safe='')}/files/")
    return HTMLResponse(decks.write(deck, door), headers=decks.headers(storage().origin))


@router.get("/api/share/{token}/files/{asset_id}", include_in_schema=False)
def shared_file(token: str, asset_id: str, act: Acting) -> Response:
    """A file that the shared replay shows, with Range; no other file of the ad."""
    shared = act.open_share(token)
    ad = act.watch_ad(shared.reader, shared.session_id)
    if asset_id not in decks.tell(ad, None).file_ids:
        raise NotFound("That file does not exist.")
    asset, key = act.load_file(shared.reader, asset_id)
    return send_file(key, asset.content_type, _PRIVATE["Cache-Control"])


# ---- files to hand on


@router.get(
    "/api/sessions/{session_id}/board",
    responses=LOOK | answers(*boards.CONTENT_TYPES.values()),
    response_class=Response,
)
def mood_board(
    session_id: str,
    person: Signed,
    act: Acting,
    what: boards.What = "images",
    kind: Annotated[boards.Format, Query(alias="format")] = "png",
) -> Response:
    """The approved pictures, or stills of the approved clips, on one page."""
    ad = act.load_ad(person, session_id)
    ids = [asset.id for asset in boards.chosen(ad, what)]
    files = act.load_files(person, session_id, ids)
    kept = {file_id: storage().path(key) for file_id, (_, key) in files.items()}
    board = boards.make_board(ad, what, kind, kept, act.load_brand(person, ad).font)
    ending = f" {'pictures' if what == 'images' else 'clips'}.{kind}"
    return Response(board, media_type=boards.CONTENT_TYPES[kind], headers=_attached(ad, ending))


@router.get(
    "/api/sessions/{session_id}/files.zip",
    responses=LOOK | answers("application/zip"),
    response_class=StreamingResponse,
)
def download_all(session_id: str, person: Signed, act: Acting) -> StreamingResponse:
    """Films, approved clips and pictures, receipts and costs, in one ZIP."""
    ad, costs = act.load_ad(person, session_id), act.load_costs(person, session_id)
    files = act.load_files(person, session_id, bundles.wanted(ad))
    keys = {file_id: key for file_id, (_, key) in files.items()}
    settings().scratch.mkdir(parents=True, exist_ok=True)
    # It has no name, so that it is gone with its last reader, whatever happens.
    out = tempfile.TemporaryFile(dir=settings().scratch)  # noqa: SIM115 -- `_pieces` closes it
    try:
        bundles.write_bundle(out, ad, costs, keys, storage().path)
        size = out.tell()
    except BaseException:
        out.close()
        raise
    headers = {**_attached(ad, ".zip"), "Content-Length": str(size)}
    return StreamingResponse(_pieces(out), media_type="application/zip", headers=headers)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        file.seek(0)
        while piece := file.read(_PIECE):
            yield piece


def _attached(ad: AdState, ending: str) -> dict[str, str]:
    """Kept under the ad's name, by browsers that know other letters than ASCII too."""
    name = f"{file_stem(ad.title) or 'Ad'}{ending}"
    return {**_PRIVATE, "Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}"}
