"""Sign-in with a company's own accounts (OpenID Connect), where it is set up.

Streamlit asks the company who it is; whoever that is gets a login of ours, by a link that works
once. What Streamlit remembers of it afterwards opens nothing: see docs/decisions/0012-company.md.
"""

from __future__ import annotations

import secrets
from typing import Any

import streamlit as st

from adgen.config import Settings, settings
from adgen.errors import AdgenError
from adgen.ui import state

_HERE = "http://localhost:{port}"


def streamlit_secrets() -> dict[str, Any] | None:
    """What Streamlit has to know, in place of its file of secrets; None when it is not set up."""
    try:
        config = settings()
    except AdgenError:
        # The start says which setting cannot be used.
        return None
    return {"auth": _auth(config)} if config.has_company else None


def _auth(config: Settings) -> dict[str, Any]:
    client_secret, cookie_secret = config.oidc_client_secret, config.cookie_secret
    return {
        "redirect_uri": f"{(config.public_url or _HERE).rstrip('/')}/oauth2callback",
        # A fresh one at every start would do for one process; several have to share it.
        "cookie_secret": cookie_secret.get_secret_value() if cookie_secret else secrets.token_hex(),
        "client_id": config.oidc_client_id,
        "client_secret": client_secret.get_secret_value() if client_secret else "",
        "server_metadata_url": config.oidc_metadata_url,
    }


def entrance() -> tuple[str, str]:
    """Where a person goes on whom the company just named, and what is to be said if not."""
    if not settings().has_company or not st.user.is_logged_in:
        return "", ""
    try:
        link = state.commands().admit(st.user.to_dict())
    except AdgenError as error:
        return "", error.user_message
    return f"/api/auth/link/{link}" if link else "", ""


def offer() -> None:
    """The button below the form."""
    if settings().has_company:
        with st.container(key="company", horizontal_alignment="center"):
            st.button("Sign in with your company", icon=":material/domain:", on_click=st.login)
