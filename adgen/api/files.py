"""The bytes: files of ads, the music library, and what the pages themselves are made of."""

from __future__ import annotations

from importlib.resources import files
from pathlib import PurePath

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from adgen import statics
from adgen.api.auth import Acting, Signed
from adgen.api.schema import LOOK, answers, problems
from adgen.api.sending import send_file
from adgen.errors import NotFound
from adgen.providers import music
from adgen.providers.photos import sample_photos
from adgen.providers.storage import storage

router = APIRouter()

_FOR_EVER = "private, max-age=31536000, immutable"
# What comes with a package, whose next version may have another file under the same name.
_FOR_A_DAY = "private, max-age=86400"
SENT = LOOK | {302: {"description": "Where it is, for the next minutes"}}
# What a file of an ad may be.
FILE_TYPES = (
    *("image/jpeg", "image/png", "video/mp4", "audio/mpeg", "audio/wav", "audio/ogg", "audio/flac"),
    *("audio/aac", "audio/mp4", "audio/webm", "application/octet-stream"),
)


@router.get(
    "/api/files/{asset_id}",
    responses=SENT | problems(410) | answers(*FILE_TYPES),
    response_class=Response,
)
def get_file(asset_id: str, person: Signed, act: Acting, download: str | None = None) -> Response:
    """The bytes of a file you may see, with Range; with a bucket, a link that is good for minutes.

    An asset never changes, so it caches.
    """
    asset, key = act.load_file(person, asset_id)
    name = None
    if download is not None:
        name = f"{file_stem(download) or asset.asset_type}{PurePath(key).suffix}"
    return send_file(key, asset.content_type, _FOR_EVER, name)


@router.get(
    "/api/files/{asset_id}/receipt",
    responses=LOOK | problems(410) | answers("application/json"),
    response_class=FileResponse,
)
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


@router.get(
    "/api/music/{track_id}", responses=LOOK | answers(music.TRACK_TYPE), response_class=FileResponse
)
def get_music(track_id: str, _: Signed) -> FileResponse:
    """A piece of the music library, with Range: to be heard before it is chosen."""
    track = music.load_track(track_id)
    return FileResponse(
        track.path, media_type=music.TRACK_TYPE, headers={"Cache-Control": _FOR_A_DAY}
    )


def file_stem(name: str) -> str:
    """A file name without its end, out of whatever a browser sent."""
    return "".join(c if c.isalnum() or c in " -_&" else "_" for c in name)[:80].strip(" -")


_FONTS = {"inter-latin.woff2", "inter-latin-ext.woff2"}
_READER = {"swagger-ui-bundle.js", "swagger-ui.css"}
_TYPES = {"js": "text/javascript", "css": "text/css"}


@router.get("/api/static/{name}", include_in_schema=False)
def get_static(name: str) -> Response:
    """Parts of the app's pages and the sample photos: public, no state."""
    lasting = "public, max-age=86400"
    samples = {f"sample-{n}.jpg": data for n, (_, data) in enumerate(sample_photos(), 1)}
    data: bytes | str
    if name in _FONTS:
        data, kind = (files("adgen.ui") / "fonts" / name).read_bytes(), "font/woff2"
    elif name in samples:
        data, kind = samples[name], "image/jpeg"
    elif name in _READER:
        data = (files("fastapi_swagger.resources") / name).read_bytes()
        kind = _TYPES[name.rpartition(".")[2]]
    elif name in statics.served():
        # Its name is made from what is in it.
        lasting = "public, max-age=31536000, immutable"
        data, kind = statics.served()[name], _TYPES[name.rpartition(".")[2]]
    else:
        raise NotFound("That file does not exist.")
    return Response(data, media_type=kind, headers={"Cache-Control": lasting})
