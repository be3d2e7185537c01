"""Name, call to action and music; then the film is cut."""

import streamlit as st

from adgen.domain import TITLE_MAX, Aspect, AudioChoice, Genre, TextOverlay
from adgen.providers import catalogue
from adgen.ui import components, state, widgets

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "finish")

if not ad.ordered_clips:
    st.subheader("Choose clips first")
    st.write("Approve at least one clip; the film is made of them.")
    if st.button("Go to the clips", type="primary"):
        state.go("clips", ad.id)
    st.stop()

board, words = st.columns([3, 2], gap="large")
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
with words:
    name = st.text_input(
        "Name on the opening card",
        value=ad.text_overlay.product_name or ad.product[:60].capitalize(),
        key=f"name-{ad.id}",
        max_chars=TITLE_MAX,
    )
    cta = st.text_input(
        "Call to action on the closing card",
        value=ad.text_overlay.cta or "Shop now",
        key=f"cta-{ad.id}",
        max_chars=TITLE_MAX,
    )
    choices = ["none", *Genre, "your file"]
    chosen = ad.audio.genre or Genre.UPBEAT
    music = st.pills(
        "Music",
        choices,
        default="none" if not ad.audio.enabled else chosen,
        key=f"music-{ad.id}",
        format_func=str.capitalize,
    )
    own = None
    if music == "your file":
        own = st.file_uploader(
            "Music file", type=["mp3", "wav", "m4a", "ogg", "flac"], key=f"own-{ad.id}"
        )
    aspect = st.segmented_control(
        "Shape", [a.value for a in Aspect], default=ad.aspect.value, key=f"shape-{ad.id}"
    )


def cut() -> object:
    """Start the film with what the page says."""
    overlay = TextOverlay(product_name=name, cta=cta)
    audio = AudioChoice(enabled=False, genre=None)
    if music in set(Genre):
        audio = AudioChoice(genre=Genre(music))
    elif own is not None:
        asset_id = act.add_music(person, ad.id, own.getvalue(), own.name)
        audio = AudioChoice(genre=None, own_asset_id=asset_id)
    return act.start_video(person, ad.id, overlay, audio, aspect=Aspect(aspect or ad.aspect))


price = catalogue.default_model("video", ad.provider).price
waiting = music == "your file" and own is None
if widgets.next_bar(
    "Choose a music file" if waiting else "",
    widgets.priced("Render the film", price),
    disabled=ad.working or waiting,
) and state.did(cut):
    state.go("final", ad.id)
