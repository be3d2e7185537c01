"""Two things that Streamlit does for every rerun, done better: docs/decisions/0010-reruns.md."""

from __future__ import annotations

from weakref import WeakSet

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession

_fill = app_session._populate_theme_msg
_ask = AppSession.request_rerun
_filled: dict[str, CustomThemeConfig] = {}
_begun: WeakSet[AppSession] = WeakSet()


def prepare() -> None:
    """Put both in place, before the first page is asked for."""
    app_session._populate_theme_msg = _fill_once
    AppSession.request_rerun = _draw_first  # type: ignore[method-assign]


def _fill_once(msg: CustomThemeConfig, section: str = "theme") -> None:
    """Read a section of the theme out of the settings once, not for every rerun."""
    if section not in _filled:
        made = CustomThemeConfig()
        _fill(made, section)
        _filled[section] = made
    # Merging nothing would still say that the section is there.
    if _filled[section].ByteSize():
        msg.MergeFrom(_filled[section])


def _draw_first(self: AppSession, client_state: ClientState | None) -> None:
    """Draw the whole page when a part of it is asked for that this process never drew.

    A page that was open while the server was started anew asks so, and would wait for ever.
    """
    if client_state and self not in _begun:
        _begun.add(self)
        client_state.fragment_id = ""
        client_state.is_auto_rerun = False
    _ask(self, client_state)
