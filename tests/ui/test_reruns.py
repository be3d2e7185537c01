"""The theme is the one Streamlit would send. That open pages go on: tests/browser/test_kills.py."""

from __future__ import annotations

import pytest
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession

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
