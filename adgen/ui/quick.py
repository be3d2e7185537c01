"""What Streamlit works out anew for every rerun though it never changes, worked out once."""

from __future__ import annotations

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

_fill = app_session._populate_theme_msg
_filled: dict[str, CustomThemeConfig] = {}


def remember_theme() -> None:
    """Read the theme out of the settings once; a change of them counts from the next start."""
    app_session._populate_theme_msg = _fill_once


def _fill_once(message: CustomThemeConfig, section: str = "theme") -> None:
    if section not in _filled:
        made = CustomThemeConfig()
        _fill(made, section)
        _filled[section] = made
    # Merging nothing would still say that the section is there.
    if _filled[section].ByteSize():
        message.MergeFrom(_filled[section])
