"""The API's own page, for people to read and try it; nothing of it comes from elsewhere."""

from __future__ import annotations

import re

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

from adgen.api.guards import script_hash

router = APIRouter()


@router.get("/api/docs", include_in_schema=False)
def docs() -> HTMLResponse:
    """Every route with its fields, and a way to call it as whoever is signed in."""
    page = get_swagger_ui_html(
        openapi_url="/api/openapi.json",
        title="adgen API",
        swagger_js_url="/api/static/swagger-ui-bundle.js",
        swagger_css_url="/api/static/swagger-ui.css",
        swagger_favicon_url="/favicon.png",
    )
    [script] = re.findall(r"<script>(.*?)</script>", bytes(page.body).decode(), re.DOTALL)
    policy = (
        f"default-src 'none'; script-src 'self' {script_hash(script)}; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    page.headers["Content-Security-Policy"] = policy
    return page
