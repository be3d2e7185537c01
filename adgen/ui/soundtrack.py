"""The music of a film: pieces of the library to hear and to choose from, or a person's own file."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from adgen.domain import AdState, AssetInfo, AudioChoice, Genre
from adgen.errors import NotFound
from adgen.providers import music
from adgen.ui import components, state

NONE, OWN = "none", "your file"


def form(ad: AdState) -> tuple[AudioChoice, float, str]:
    """What is heard, how loud (0..1), and what has to be chosen first."""
    choice = state.drafted(ad, "music", _used(ad.audio), _chosen)
    own, volume = _own_file(ad), ad.cut.music_volume
    field = state.field(ad, "music_volume", volume, state.number(0.0, 1.0))
    _library(ad, choice, own, state.remember(field["key"], volume))
    if choice == OWN:
        _upload(ad)
    if choice != NONE:
        volume = st.slider(
            "Volume of the music", 0.0, 1.0, step=0.05, format="percent", **field
        )  # fmt: skip
    missing = "Choose a music file" if choice == OWN and not own else ""
    return _audio(choice, own), round(volume, 2), missing


def _used(audio: AudioChoice) -> str:
    """What an ad has chosen, in the words of its draft: none, the own file, a piece, a genre."""
    if not audio.enabled:
        return NONE
    if audio.own_asset_id:
        return OWN
    track = music.find_track(audio.track or "")
    return track.id if track else str(audio.genre or Genre.UPBEAT)


def _chosen(draft: str) -> str:
    """A choice of music out of its draft."""
    if draft not in (NONE, OWN, *Genre) and not music.find_track(draft):
        raise ValueError(draft)
    return draft


def _audio(choice: str, own: AssetInfo | None) -> AudioChoice:
    if choice == NONE:
        return AudioChoice(enabled=False, genre=None)
    if choice == OWN:
        return AudioChoice(genre=None, own_asset_id=own.id if own else None)
    if track := music.find_track(choice):
        return AudioChoice(genre=track.genre, track=track.id)
    return AudioChoice(genre=Genre(choice))


def _own_file(ad: AdState) -> AssetInfo | None:
    """The music a person has put into the ad, if any."""
    own_id = state.drafted(ad, "own_music", ad.audio.own_asset_id or "")
    try:
        return state.commands().load_file(state.require_person(), own_id)[0] if own_id else None
    except NotFound:
        return None


def _library(ad: AdState, choice: str, own: AssetInfo | None, volume: float) -> None:
    """Every piece to listen to, and the one that is chosen; of a genre, the seed's pick is."""
    key = f"pieces-{ad.id}"

    def choose() -> None:
        state.save(ad.id, "music", str(state.component_value(key, "choice")["id"]))

    chosen = choice
    if choice in set(Genre):
        chosen = music.pick_track(Genre(choice), ad.consistency_seed or 0).id
    components.music(
        key,
        {
            "none": {"id": NONE, "title": "No music"},
            "groups": [
                {"label": genre.capitalize(), "tracks": [*map(_piece, music.tracks(genre))]}
                for genre in Genre
            ],
            "own": {"id": OWN, "title": "Your own file", **(_own_piece(own) if own else {})},
            "chosen": chosen,
            "volume": volume,
            "licence": f"Library: {music.LICENCE}",
            "seq": (state.component_value(key, "choice") or {"seq": 0})["seq"],
        },
        choose,
    )


def _piece(track: music.Track) -> dict[str, Any]:
    shown = track.model_dump(include={"id", "title", "kind", "seconds"})
    return {**shown, "url": f"/api/music/{track.id}"}


def _own_piece(own: AssetInfo) -> dict[str, Any]:
    said = own.details
    return {"kind": said.get("name", ""), "seconds": said["duration_seconds"], "url": own.url}


def _upload(ad: AdState) -> None:
    file = st.file_uploader(
        "Music file",
        type=["mp3", "wav", "m4a", "ogg", "flac"],
        key=f"own-{ad.id}",
        **state.barred(),
    )
    if file is not None and state.remember(f"own-name-{ad.id}", "") != file.file_id:
        keep = partial(
            state.commands().keep_own_music,
            state.require_person(),
            ad.id,
            file.getvalue(),
            file.name,
        )
        if state.did(keep):
            state.keep(f"own-name-{ad.id}", file.file_id)
            st.rerun()
