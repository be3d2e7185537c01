"""Name, call to action and music; then the film is cut."""

from functools import partial

import streamlit as st

from adgen.domain import TITLE_MAX, Aspect, AudioChoice, Genre, TextOverlay
from adgen.providers import catalogue
from adgen.ui import components, state, widgets, words

NONE, OWN = "none", "your file"

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "finish")
widgets.status(ad)

if not ad.ordered_clips:
    widgets.not_yet(
        ad,
        "Choose clips first",
        "Approve at least one clip; the film is made of them.",
        "Go to the clips",
        "clips",
    )
    st.stop()

board, side = st.columns([3, 2], gap="large")
with board:
    components.board(
        "clipboard",
        [widgets.tile_of(clip, str(number)) for number, clip in enumerate(ad.ordered_clips, 1)],
        layout="film",
        ratio=ad.aspect.value,
    )
    seconds = sum(float(clip.details["duration_seconds"]) for clip in ad.ordered_clips)
    length = 2 + seconds - 0.5 * (len(ad.ordered_clips) - 1)
    clips = "1 clip" if len(ad.ordered_clips) == 1 else f"{len(ad.ordered_clips)} clips"
    st.caption(f"{clips} with cards and crossfades: {length:.1f} s")
with side:
    name = st.text_input(
        "Name on the opening card",
        **state.field(
            ad, "product_name", ad.text_overlay.product_name or ad.product[:60].capitalize()
        ),
        max_chars=TITLE_MAX,
    )
    cta = st.text_input(
        "Call to action on the closing card",
        **state.field(ad, "cta", ad.text_overlay.cta or "Shop now"),
        max_chars=TITLE_MAX,
    )
    used = OWN if ad.audio.own_asset_id else ad.audio.genre or Genre.UPBEAT
    music = st.pills(
        "Music",
        [NONE, *Genre, OWN],
        **state.field(ad, "music", used if ad.audio.enabled else NONE),
        format_func=str.capitalize,
        required=True,
    )
    own_id = state.drafted(ad, "own_music", ad.audio.own_asset_id or "")
    if music == OWN:
        file = st.file_uploader(
            "Music file", type=["mp3", "wav", "m4a", "ogg", "flac"], key=f"own-{ad.id}"
        )
        if file is not None and state.remember(f"own-name-{ad.id}", "") != file.file_id:
            keep = partial(act.keep_own_music, person, ad.id, file.getvalue(), file.name)
            if state.did(keep):
                state.keep(f"own-name-{ad.id}", file.file_id)
                st.rerun()
        elif own_id:
            st.caption("Your music file is kept with this ad.")
    aspect = st.segmented_control(
        "Shape",
        [a.value for a in Aspect],
        **state.field(ad, "aspect", ad.aspect),
    )


def cut() -> object:
    """Start the film with what the page says."""
    overlay = TextOverlay(product_name=name, cta=cta)
    if music == OWN:
        audio = AudioChoice(genre=None, own_asset_id=own_id)
    elif music == NONE:
        audio = AudioChoice(enabled=False, genre=None)
    else:
        audio = AudioChoice(genre=Genre(music))
    return act.start_video(person, ad.id, overlay, audio, aspect=Aspect(aspect or ad.aspect))


price = catalogue.default_model("video", ad.provider).price
waiting = music == OWN and not own_id
if widgets.next_bar(
    "Choose a music file" if waiting else "",
    words.priced("Render the film", price),
    disabled=ad.working or waiting,
    quiet=widgets.retry_first(ad),
) and state.did(cut):
    state.go("final", ad.id)
