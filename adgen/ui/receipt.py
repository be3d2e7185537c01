"""A film's receipt in a few plain lines."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from adgen.domain import AssetInfo, Transition
from adgen.errors import NotFound
from adgen.providers.catalogue import label_of
from adgen.providers.storage import storage
from adgen.ui.film import TRANSITIONS
from adgen.ui.words import plain


def lines(video: AssetInfo) -> list[str]:
    """What a film was made from, as markdown; nothing for one that has no receipt."""
    key = video.details.get("receipt")
    receipt = _read(key) if key else {}
    if not receipt:
        return []
    clips = receipt.get("clips", [])
    return [
        *(_clip(number, clip) for number, clip in enumerate(clips, 1)),
        f"**Music** · {_music(receipt.get('music', {}), receipt.get('audio', {}))}",
        f"**Cut** · {_cut(receipt)}",
    ]


@st.cache_data(max_entries=50, show_spinner=False)
def _read(key: str) -> dict[str, Any]:
    # A receipt never changes, and one that is gone is no reason to hide its film.
    try:
        receipt: dict[str, Any] = json.loads(storage().path(key).read_text("utf-8"))
    except NotFound:
        return {}
    return receipt


def _clip(number: int, clip: dict[str, Any]) -> str:
    facts = [_made(clip)]
    facts += [f"picture: {_made(picture)}" for picture in clip.get("from", [])]
    return f"**Clip {number}** · " + plain(" · ".join(facts))


def _made(what: dict[str, Any]) -> str:
    seed = f", seed {what['seed']}" if what.get("seed") else ""
    return f"{label_of(what.get('model', ''))}{seed}"


def _music(music: dict[str, Any], audio: dict[str, Any]) -> str:
    if not music.get("track"):
        return "none"
    if audio.get("own_asset_id"):
        return "your own file"
    genre = f"{audio['genre']}, " if audio.get("genre") else ""
    return plain(f"{genre}{music['track']} · {music.get('licence', '')}")


def _cut(receipt: dict[str, Any]) -> str:
    cut, versions = receipt.get("cut", {}), receipt.get("versions", {})
    name, _ = TRANSITIONS[Transition(cut.get("transition", Transition.FADE))]
    return plain(
        f"{name}, adgen {versions.get('adgen', '')}, "
        f"ffmpeg {receipt.get('ffmpeg', {}).get('version', '')}"
    )
