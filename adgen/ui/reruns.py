"""Three things of Streamlit's reruns, done another way: docs/decisions/0010-reruns.md."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary, WeakValueDictionary

from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

# What is drawn may hang on more than it is told of: who is signed in, prices, the clock.
REDRAW_S = 5.0


class _Drawn(NamedTuple):
    at: float
    is_latest: Callable[[], bool]


_fill = app_session._populate_theme_msg
_ask = AppSession.request_rerun
_filled: dict[str, CustomThemeConfig] = {}
# Sessions that have drawn something, by their ids.
_begun: WeakValueDictionary[str, AppSession] = WeakValueDictionary()
# What stands on their pages, by the fragments that are repeated by themselves.
_drawn: WeakKeyDictionary[AppSession, dict[str, _Drawn]] = WeakKeyDictionary()


def prepare() -> None:
    """Put them in place, before the first page is asked for."""
    app_session._populate_theme_msg = _fill_once
    AppSession.request_rerun = _ask_if_needed  # type: ignore[method-assign]


@contextmanager
def until_news(is_latest: Callable[[], bool]) -> Iterator[None]:
    """What this fragment draws within is not drawn again by itself while it `is_latest`."""
    context, fragment_id = get_script_run_ctx(), ThreadState.get().fragment_id
    session = _begun.get(context.session_id) if context else None
    if session is None or fragment_id is None:
        yield
        return
    drawn = _drawn.setdefault(session, {})
    drawn.pop(fragment_id, None)
    at = time.monotonic()
    yield
    drawn[fragment_id] = _Drawn(at, is_latest)


def _fill_once(msg: CustomThemeConfig, section: str = "theme") -> None:
    """Read a section of the theme out of the settings once, not for every rerun."""
    if section not in _filled:
        made = CustomThemeConfig()
        _fill(made, section)
        _filled[section] = made
    # Merging nothing would still say that the section is there.
    if _filled[section].ByteSize():
        msg.MergeFrom(_filled[section])


def _ask_if_needed(self: AppSession, client_state: ClientState | None) -> None:
    """Draw the whole page first, and nothing that stands there already.

    A page that was open while the server was started anew asks for a part of it that this process
    never drew, and would wait for ever. A page that follows a run asks again and again, and needs
    no answer when there is nothing new.
    """
    if client_state and self.id not in _begun:
        _begun[self.id] = self
        client_state.fragment_id = ""
        client_state.is_auto_rerun = False
    elif client_state and client_state.is_auto_rerun and _stands(self, client_state.fragment_id):
        return
    _ask(self, client_state)


def _stands(session: AppSession, fragment_id: str) -> bool:
    drawn = _drawn.get(session, {}).get(fragment_id)
    return drawn is not None and time.monotonic() - drawn.at < REDRAW_S and drawn.is_latest()
