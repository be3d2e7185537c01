"""Reruns skip what comes out the same every time, and nobody can tell."""

from __future__ import annotations

import pytest
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from adgen.ui import quick

SECTIONS = (
    *("theme", "theme.light", "theme.dark"),
    *("theme.sidebar", "theme.light.sidebar", "theme.dark.sidebar"),
)


@pytest.mark.parametrize("section", SECTIONS)
def test_the_remembered_theme_is_streamlits_own(
    section: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = CustomThemeConfig()
    app_session._populate_theme_msg(own, section)
    monkeypatch.setattr(app_session, "_populate_theme_msg", app_session._populate_theme_msg)
    quick.remember_theme()
    for _ in range(2):
        again = CustomThemeConfig()
        app_session._populate_theme_msg(again, section)
        assert again == own
