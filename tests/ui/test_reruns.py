"""The theme is the one Streamlit would send, and what stands is not drawn again.

In a browser: tests/browser/test_kills.py (open pages go on) and test_flow.py (news are drawn).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from adgen.ui import reruns

SECTIONS = (
    *("theme", "theme.light", "theme.dark"),
    *("theme.sidebar", "theme.light.sidebar", "theme.dark.sidebar"),
)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((app_session, "_populate_theme_msg"), (AppSession, "request_rerun")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    reruns.prepare()


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.usefixtures("prepared")
def test_the_remembered_theme_is_streamlits_own(section: str) -> None:
    own = CustomThemeConfig()
    reruns._fill(own, section)
    for _ in range(2):
        again = CustomThemeConfig()
        app_session._populate_theme_msg(again, section)
        assert again == own


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The fragments that Streamlit was asked to run; empty for the whole page."""
    found: list[str] = []

    def ask(_: AppSession, state: ClientState | None) -> None:
        found.append(state.fragment_id if state else "")

    monkeypatch.setattr(reruns, "_ask", ask)
    return found


class Tab(AppSession):
    """One that only has a name."""

    def __init__(self) -> None:
        self.id = "one tab"

    def __del__(self) -> None:
        """Nothing was begun that would have to end."""


@contextmanager
def within(session: AppSession, fragment_id: str) -> Iterator[None]:
    """As in a run of this fragment."""
    context = SimpleNamespace(session_id=session.id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reruns, "get_script_run_ctx", lambda: context)
        ThreadState.initialize(fragment_id=fragment_id)
        yield


def test_what_stands_is_not_drawn_again_unless_a_person_asks(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Tab()

    def poll(fragment_id: str, *, by_itself: bool = True) -> bool:
        before = len(asked)
        state = ClientState(fragment_id=fragment_id, is_auto_rerun=by_itself)
        reruns._ask_if_needed(session, state)
        return len(asked) > before

    assert poll("table")
    # The whole page first.
    assert asked == [""]
    assert poll("table")
    latest = True
    with within(session, "table"), reruns.until_news(lambda: latest):
        pass
    assert not poll("table")
    assert poll("another")
    assert poll("table", by_itself=False)
    latest = False
    assert poll("table")
    latest = True
    monkeypatch.setattr(reruns, "REDRAW_S", 0)
    assert poll("table")
    monkeypatch.setattr(reruns, "REDRAW_S", 60)
    assert not poll("table")
    # What broke off stands nowhere.
    with within(session, "table"), suppress(RuntimeError), reruns.until_news(lambda: latest):
        raise RuntimeError
    assert poll("table")
