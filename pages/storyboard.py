"""The mood board of approved pictures, how they should move, and a free look at it."""

from decimal import Decimal

import streamlit as st

from adgen.domain import PROMPT_MAX, AdState, Aspect, AssetInfo, JobKind
from adgen.providers.catalogue import load_model
from adgen.ui import components, state, widgets, words

# How long a clip is meant to last, where the model lets us choose.
USUAL_S = 3
BOARD, ANIMATIC = "Pictures", "Animatic"

person, ad = state.require_ad()
act = state.commands()
widgets.header(ad, "storyboard")

if len(ad.approved_images) < 2:
    widgets.follow(ad, widgets.status)
    widgets.not_yet(
        ad,
        "Choose pictures first",
        "Approve at least two pictures; the storyboard is made of them.",
        "Go to the pictures",
        "images",
    )
    st.stop()


def mood_board() -> None:
    """The pictures as they are."""
    components.board(
        "mood",
        [widgets.tile_of(i, i.details["view"]) for i in ad.approved_images],
        layout="board" if ad.aspect is Aspect.WIDE else "film",
        ratio=ad.aspect.value,
    )


def pictures_or(animatic: AssetInfo) -> None:
    """The pictures, or the animatic made of them; one that has just come is shown."""
    key, seen = f"look-{ad.id}", f"animatic-{ad.id}"
    if state.remember(seen, animatic.id) != animatic.id:
        state.keep(seen, animatic.id)
        state.keep(key, ANIMATIC)
    state.remember(key, BOARD)
    if (
        st.segmented_control(
            "Look at",
            [BOARD, ANIMATIC],
            key=key,
            required=True,
            label_visibility="collapsed",
        )
        == BOARD
    ):
        mood_board()
        return
    facts = animatic.details
    old = facts.get("image_ids") != list(ad.approved_image_ids) or facts.get("aspect") != ad.aspect
    components.player(
        animatic.url,
        f"Animatic of {ad.title}",
        ratio=facts.get("aspect", ad.aspect.value),
        around=356,
        note=f"{facts['duration_seconds']:.1f} s · A preview from still pictures, before any clip "
        "is paid for.",
    )
    if old:
        st.caption(
            ":material/update: It was made of other pictures than those approved now. "
            "Make it anew to see them."
        )


def going_on(now: AdState) -> None:
    """The animatic that is being made, or what stands in the way."""
    widgets.status(now, JobKind.ANIMATIC)


board, side = st.columns([3, 2], gap="large")
with board:
    if made := ad.previews.get("animatic"):
        pictures_or(made)
    else:
        state.remember(f"animatic-{ad.id}", "")
        mood_board()
    widgets.follow(ad, going_on)
with side:
    prompt = st.text_area(
        "How should it move?",
        **state.field(ad, "video_prompt", ad.video_prompt),
        height=120,
        max_chars=PROMPT_MAX,
        placeholder="Slow morning light, gentle push-in",
        help="One sentence for the whole film. Slow and calm words move less, fast ones more.",
    )
    model = widgets.model_choice(ad, "clip", ad.clip_model, "Model for the clips")
    for scene in ad.scenes:
        view = ad.image(scene.image_id)
        if view:
            st.caption(
                f"**{view.details['view'].capitalize()}** · {words.plain(scene.description)} · "
                f"{scene.duration_seconds:.1f} s"
            )


def offer_animatic() -> None:
    """The quiet way to see the film before it costs anything."""
    if st.button(
        words.priced("Animatic", Decimal(0)),
        key="animatic",
        icon=":material/play_circle:",
        disabled=ad.working,
        help="The pictures with camera moves, cards and music: how the film will feel, before "
        "any clip is paid for.",
    ) and state.did(lambda: act.start_animatic(person, ad.id)):
        st.rerun()


count = len(ad.approved_images)
price = act.estimate(JobKind.CLIPS, ad.provider, model, count)
lengths = load_model(model).durations
seconds = min(lengths, key=lambda offer: abs(offer - USUAL_S), default=USUAL_S)
if widgets.next_bar(
    f"About {seconds} seconds each",
    words.priced(f"Make {count} clips", price),
    disabled=ad.working,
    quiet=widgets.retry_first(ad),
    beside=offer_animatic,
) and state.did(lambda: act.start_clips(person, ad.id, prompt, model=model)):
    state.go("clips", ad.id)
