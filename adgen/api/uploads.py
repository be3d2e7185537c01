"""Files that people bring: product photos, their own music, the team's logo."""

from __future__ import annotations

from fastapi import APIRouter, UploadFile
from fastapi.responses import FileResponse

from adgen.api.auth import Acting, Signed
from adgen.api.schema import CHANGE, OWN, answers, problems
from adgen.api.views import AdView, Uploaded, show_state
from adgen.domain import Brand
from adgen.errors import NotFound
from adgen.providers.storage import storage

router = APIRouter()


@router.post("/api/sessions/{session_id}/photos", status_code=201, responses=CHANGE)
def add_photo(session_id: str, file: UploadFile, person: Signed, act: Acting) -> Uploaded:
    """A photo of the product, PNG, JPEG or WebP; the same one twice is one."""
    return Uploaded(asset_id=act.add_photo(person, session_id, *_read(file)))


@router.post("/api/sessions/{session_id}/photos/samples", responses=CHANGE)
def add_samples(session_id: str, person: Signed, act: Acting) -> AdView:
    """Put the sample product's photos into the brief."""
    act.add_sample_photos(person, session_id)
    return show_state(act.load_ad(person, session_id))


@router.delete("/api/sessions/{session_id}/photos/{asset_id}", status_code=204, responses=CHANGE)
def remove_photo(session_id: str, asset_id: str, person: Signed, act: Acting) -> None:
    """Take a photo out of the brief; pictures already made from it stay."""
    act.remove_photo(person, session_id, asset_id)


@router.post("/api/sessions/{session_id}/music", status_code=201, responses=CHANGE)
def add_music(session_id: str, file: UploadFile, person: Signed, act: Acting) -> Uploaded:
    """Your own music for the film: name it there as `audio.own_asset_id`."""
    return Uploaded(asset_id=act.keep_own_music(person, session_id, *_read(file)))


@router.delete("/api/sessions/{session_id}/music/{asset_id}", status_code=204, responses=CHANGE)
def remove_music(session_id: str, asset_id: str, person: Signed, act: Acting) -> None:
    """Take your own music out of the ad, unless its film has it."""
    act.remove_music(person, session_id, asset_id)


@router.post("/api/brand/logo", responses=OWN)
def change_logo(file: UploadFile, person: Signed, act: Acting) -> Brand:
    """The team's logo from now on, PNG, JPEG or WebP."""
    return act.save_brand(person, act.load_brand(person), _read(file))


@router.get(
    "/api/brand/logo",
    responses=problems(401, 404) | answers("image/png"),
    response_class=FileResponse,
)
def get_logo(person: Signed, act: Acting) -> FileResponse:
    """The team's logo as it is drawn."""
    key = act.load_brand(person).logo_key
    if not key:
        raise NotFound("The brand has no logo.")
    headers = {"Cache-Control": "private, no-cache"}
    return FileResponse(storage().path(key), media_type="image/png", headers=headers)


def _read(file: UploadFile) -> tuple[bytes, str]:
    return file.file.read(), file.filename or "file"
