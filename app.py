"""The launcher: one ASGI app with Streamlit, the API and the health check on one port.

Streamlit's script is adgen/ui/main.py and not this file: a script beside `pages/` would let deep
links pass the sign-in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from adgen import launch
from adgen.api.app import build_api
from adgen.api.guards import BodyLimit, OwnPagesOnly, SecurityHeaders, inline_scripts
from adgen.api.requests import Journal
from adgen.errors import AdgenError
from adgen.providers.storage import storage
from adgen.ui import company, reruns

ROOT = Path(__file__).resolve().parent
# Streamlit's one HTML file.
PAGE = Path(st.__file__).parent / "static" / "index.html"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def base_url() -> str:
    """Where a browser on this machine finds the app."""
    return f"http://localhost:{st.get_option('server.port')}"


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Everything up before the first request; everything we started down after the last."""
    try:
        await run_in_threadpool(launch.start_web, base_url(), st.get_option("server.address"))
    except AdgenError as error:
        sys.stderr.write(f"\nadgen: {error.user_message}\n")
        sys.stderr.flush()
        # Raising here would bury that line under the server's traceback.
        os._exit(1)
    try:
        yield
    finally:
        await run_in_threadpool(launch.stop_web)


reruns.prepare()
api = build_api()
app = st.App(
    ROOT / "adgen" / "ui" / "main.py",
    lifespan=lifespan,
    secrets=company.streamlit_secrets(),
    routes=[
        Route("/health", api),
        Route("/health/live", api),
        Route("/metrics", api),
        Route("/api/{path:path}", api, methods=METHODS),
        WebSocketRoute("/ws/{session_id}", api),
    ],
    middleware=[
        Middleware(Journal),
        Middleware(SecurityHeaders, scripts=inline_scripts(PAGE), files=storage().origin),
        Middleware(OwnPagesOnly),
        Middleware(BodyLimit),
    ],
)
