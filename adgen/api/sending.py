"""How a stored file goes to a browser: as bytes from here, or by a link into the bucket."""

from __future__ import annotations

from fastapi.responses import FileResponse, RedirectResponse, Response

from adgen.providers.storage import storage

# A link is somebody's for a quarter of an hour, so nothing on the way may keep it.
_ONCE = {"Cache-Control": "private, no-store"}


def send_file(key: str, content_type: str, caching: str, name: str | None = None) -> Response:
    """The file, with Range, to whoever was found to be allowed; `name` has it saved under that.

    Raises NotFound, and Unavailable while it cannot be reached.
    """
    if link := storage().link(key, content_type, name):
        return RedirectResponse(link, 302, headers=_ONCE)
    return FileResponse(
        storage().path(key),
        media_type=content_type,
        filename=name,
        headers={"Cache-Control": caching},
    )
