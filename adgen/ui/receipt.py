"""A film's receipt in a few plain lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from adgen.domain import AssetInfo, Comparison, Transition
from adgen.errors import NotFound
from adgen.providers.catalogue import label_of
from adgen.providers.storage import storage
from adgen.ui.film import TRANSITIONS
from adgen.ui.words import money, plain


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


def costs(steps: Sequence[Comparison]) -> None:
    """Estimate and actual side by side."""
    st.dataframe(
        [_compared(step) for step in [*steps, _together(steps)]],
        hide_index=True,
        height="content",
        width=640,
        key="compared",
        column_config={
            name: st.column_config.TextColumn(alignment="right")
            for name in ("Estimated", "Actual", "Difference")
        },
    )


def _together(steps: Sequence[Comparison]) -> Comparison:
    known = [step.estimated for step in steps if step.estimated is not None]
    return Comparison(
        step="Together",
        estimated=sum(known, Decimal(0)) if len(known) == len(steps) else None,
        actual=sum((step.actual for step in steps), Decimal(0)),
        unpriced=sum(step.unpriced for step in steps),
    )


def _compared(step: Comparison) -> dict[str, str]:
    apart = None if step.estimated is None or step.unpriced else step.actual - step.estimated
    unknown = f" and {step.unpriced} of unknown price" if step.unpriced else ""
    sign = "" if not apart else "+" if apart > 0 else "−"
    return {
        "Step": step.step,
        "Estimated": money(step.estimated),
        "Actual": money(step.actual) + unknown,
        "Difference": "" if apart is None else f"{sign}{money(abs(apart))}",
    }


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
